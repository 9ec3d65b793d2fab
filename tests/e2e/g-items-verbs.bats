# SPDX-License-Identifier: ISC
# Verbs and options, said of items; runs and logs that are removed.
load helper

prepare() { ini='--all p.ini'; }

# gen over a b c, of which c fails until there is a file ok; val is tied to it.
three() {
	cat >p.ini <<'INI'
[step gen]
foreach = a b c
run = mark "$ITEM"; echo "said $ITEM"; echo "err $ITEM" >&2; [ "$ITEM" != c ] || [ -e ok ]
[step val]
foreach = step:gen
run = mark "$ITEM"
[step book]
run = mark
INI
}

in_review() {
	three
	go 1 -j1 p.ini
	: >"$WITNESS"
}

# ---- retry, approve, skip, rewind

@test "an item is named by brackets or a slash; a step means its items in review" {
	in_review
	go 2 retry p.ini 'gen[a]'
	has err 'item gen[a] is done' "/p.ini 'gen[a]'"
	go 0 retry p.ini 'gen[c]'
	look 'gen[c].state=pending' 'gen[a].state=done'
	go 1 -j1 p.ini
	go 0 retry p.ini gen/c
	go 1 -j1 p.ini
	go 0 retry p.ini gen
	is "$(head -1 out)" 'gen[c] is tried again'
	go 2 retry p.ini gen
	has err 'no item in review'
	touch ok
	go 0 -j1 p.ini
	witnessed 'gen 2 c' 'gen 3 c' 'gen 4 c' 'val 1 c' 'book 1'
}

@test "patterns: of the item, of the step, of both; what can be done is done" {
	cat >p.ini <<'INI'
[defaults]
needs =
run = mark "$ITEM"; [ -e ok ]
[step gen]
foreach = ch01 ch02 x
[step get]
foreach = ch01 y
[step other]
INI
	go 1 -j1 p.ini
	go 0 approve p.ini 'gen[ch0*]'
	look 'gen[ch01].state=done' 'gen[ch02].state=done' 'gen[x].state=needs_review'
	go 0 retry p.ini 'g*/ch01'
	look 'gen[ch01].state=done' 'get[ch01].state=pending' 'get[y].state=needs_review'
	go 0 skip p.ini '*[[xy]]'
	look 'gen[x].state=skipped' 'get[y].state=skipped' other.state=needs_review
	go 2 approve p.ini 'gen[*]'
	has err 'item gen[ch01] is done, not in review'
	go 0 retry p.ini 'o*'
	touch ok
	go 0 p.ini
}

@test "what is called like a pattern is meant by it" {
	printf '%s\n' 'ch*' 'ch1' 'ch2' '[ab]' a >items
	cat >p.ini <<'INI'
[step gen]
foreach_from = cat items
run = mark "$ITEM"; false
INI
	go 1 -j1 p.ini
	go 0 approve p.ini 'gen[ch*]'
	look 'gen[ch*].state=done' 'gen[ch1].state=needs_review'
	go 0 approve p.ini 'gen[[ab]]'
	look 'gen[[ab]].state=done' 'gen[a].state=needs_review'
	go 0 approve p.ini 'gen[ch?]'
	look 'gen[ch1].state=done' 'gen[ch2].state=done'
}

@test "items of any bytes, in every verb" {
	printf '%s\n' 'a b' "it's" '"q"' '$(touch reboot)' '-rf' '../../etc' \
		'x[1]' ']' '[' 'p=q' 'x.ini' '*' '\' $'\xff\xfe' $'\e[31m' >items
	head -c 4000 /dev/zero | tr '\0' z >>items
	echo >>items
	cat >p.ini <<'INI'
[step gen]
foreach_from = cat items
run = echo "said $ITEM"; [ -e ok ]
INI
	go 1 p.ini
	while IFS= read -r item; do
		go 0 retry p.ini "gen[$item]"
		grep -qF 'is tried again' out
	done <items
	go 1 p.ini
	while IFS= read -r item; do
		go 0 logs p.ini "gen[$item]"
		is "$(cat out)" "said $item"
		go 0 approve p.ini "gen/$item"
	done <items
	go 0 p.ini
	while IFS= read -r item; do
		go 0 rewind p.ini "gen[$item]"
	done <items
	touch ok
	go 0 p.ini
	[ ! -e reboot ]
	# on a terminal, nothing but text
	go 0 rewind p.ini gen
	! grep -q $'\e' out
	! grep -q $'\xff' out
}

@test "names that are none: what was probably meant; lists that are not known yet" {
	in_review
	go 2 retry p.ini 'gne[c]'
	has err 'there is no step gne; did you mean gen?'
	go 2 retry p.ini 'gen[d]'
	has err 'step gen has no item d'
	go 2 retry p.ini 'gen/chapter'
	has err 'step gen has no item chapter'
	go 2 rewind p.ini 'gen[x*]'
	has err 'no item of gen is like x*'
	go 2 skip p.ini 'book[a]'
	has err 'it is no fan-out'
	go 2 logs p.ini 'gen[zz]'
	go 2 --only 'gen[zz]' p.ini
	printf '[step list]\nrun = false\n[step gen]\nforeach_from = step:list\nrun = mark\n' >q.ini
	go 1 q.ini
	go 2 retry q.ini 'gen[a]'
	has err 'the items of gen are not known yet'
	# it is looked for once they are
	printf '[step list]\nneeds =\nrun = printf "a\\nb\\n"\n[step gen]\nforeach_from = step:list\nrun = mark "$ITEM"\n' >q.ini
	go 3 --only 'list,gen[a],gen[z]' --fresh q.ini
	has err 'step gen has no item z'
	witnessed 'gen 1 a'
}

@test "rewind an item: it, the same one of what is tied to it, and what needs them all" {
	three
	touch ok
	go 0 -j1 p.ini
	: >"$WITNESS"
	go 0 rewind p.ini 'gen[b]'
	is "$(grep 'is pending' out | xargs)" \
		'gen[b] is pending again val[b] is pending again book is pending again'
	look 'gen[a].state=done' 'gen[b].state=pending' 'val[a].state=done' \
		'val[b].state=pending' book.state=pending state=stopped
	go 0 -j1 p.ini
	witnessed 'gen 2 b' 'val 2 b' 'book 2'
	go 0 logs --attempt 1 --stdout p.ini 'gen[b]'
	is "$(cat out)" 'said b'
	: >"$WITNESS"
	go 0 rewind --go p.ini val
	is "$(sort "$WITNESS" | xargs)" 'book 3 val 2 a val 2 c val 3 b'
}

@test "rewind: what a receipt or rerun = never holds stays, item by item" {
	cat >p.ini <<'INI'
[step gen]
foreach = a b
run = mark "$ITEM"
[step send]
foreach = step:gen
receipt = id=([a-z]+)
run = mark "$ITEM"; echo "id=$ITEM"
INI
	go 0 -j1 p.ini
	: >"$WITNESS"
	go 0 rewind p.ini gen
	has out 'send[a] stays done (its receipt was seen); to run it again: durexec rewind'
	go 0 -j1 p.ini
	witnessed 'gen 2 a' 'gen 2 b'
	go 0 rewind p.ini 'send[b]' --go
	witnessed 'gen 2 a' 'gen 2 b' 'send 2 b'
}

@test "skip a fan-out whose list is not known: all of it; one whose list failed" {
	cat >p.ini <<'INI'
[step list]
run = mark; false
[step gen]
foreach_from = step:list
run = mark "$ITEM"
[step val]
foreach = step:gen
run = mark "$ITEM"
[step book]
run = mark
INI
	go 1 p.ini
	go 0 skip p.ini gen
	is "$(head -1 out)" 'gen is skipped'
	go 0 approve p.ini list
	go 0 p.ini
	witnessed 'list 1' 'book 1'
	printf '[step gen]\nforeach_from = echo a; [ -e ok ]\nrun = mark "$ITEM"\n' >q.ini
	go 1 q.ini
	touch ok
	go 0 retry q.ini gen --go
	witnessed 'list 1' 'book 1' 'gen 1 a'
}

@test "--resume and retry --failed: every item that failed" {
	cat >p.ini <<'INI'
[step gen]
foreach_from = seq 300
run = [ -e ok ] || [ $((ITEM % 3)) != 0 ]
INI
	go 1 p.ini
	look gen.items.needs_review=100 gen.items.done=200
	go 0 retry --failed p.ini
	is "$(tail -2 out | head -1)" '… and 80 more'
	look gen.items.pending=100
	# one write, one sync
	is "$(tail -100 .durexec/p/latest/state | grep -c ' \*[0-9a-f]*$')" 1
	go 1 p.ini
	touch ok
	go 0 --resume p.ini
	look gen.items.done=300 state=done
}

@test "verbs on a live run: a failed item, a pending one, one that runs" {
	cat >p.ini <<'INI'
[step gen]
foreach = a b c d
run = [ "$ITEM" != b ] || exec hold; mark "$ITEM"; [ "$ITEM" != a ] || [ -e ok ]
INI
	start -j1 p.ini
	at gen
	(become rewind p.ini 'gen[b]') </dev/null >out2 2>err2 && fail 'exit 0'
	grep -q 'item gen\[b\] is running; first: durexec stop' err2
	(become skip p.ini gen/c) </dev/null >out2 2>&1 || fail "$(cat out2)"
	touch ok
	(become retry p.ini gen) </dev/null >out2 2>&1 || fail "$(cat out2)"
	is "$(cat out2)" 'gen[a] is tried again'
	release
	ends 0
	witnessed 'gen 1 a' 'gen 1' 'gen 2 a' 'gen 1 d'
	look 'gen[c].state=skipped'
}

@test "ten thousand names at once, live and at rest" {
	cat >p.ini <<'INI'
[step gen]
foreach_from = seq -f %06g 12000
run = [ "$ITEM" != 000001 ] || hold
[step end]
run = mark
INI
	seq -f 'gen[%06g]' 2 12000 >names
	start -j1 p.ini
	at gen
	(exec 3>&- 4>&- 7>&- 8>&-; xargs -s 1900000 -a names "${clean[@]}" \
		"HOME=$T" "$DUREXEC" skip p.ini) </dev/null >out2 2>&1 ||
		fail "$(head -c 1000 out2)"
	is "$(tail -1 out2)" '… and 11979 more'
	release
	ends 0
	look gen.items.skipped=11999 gen.items.done=1
	xargs -s 1900000 -a names "$DUREXEC" rewind p.ini >out2 2>&1 ||
		fail "$(head -c 1000 out2)"
	look gen.items.pending=11999 end.state=pending
	witnessed 'gen 1' 'end 1'
}

@test "a usage limit without a pool: who retries one item says it is over for all" {
	cat >p.ini <<'INI'
[step gen]
foreach = a b c
wait_if = limit
run = mark "$ITEM"; [ -e ok ] || { echo 'usage limit, resets in 2h' >&2; false; }
[step other]
needs =
run = mark
INI
	go 75 -j1 --no-wait p.ini
	witnessed 'gen 1 a' 'other 1'
	look 'gen[a].state=waiting' 'gen[b].state=pending'
	touch ok
	go 0 retry p.ini 'gen[a]'
	go 0 -j1 p.ini
	look gen.items.done=3
}

# ---- logs

@test "logs: of a fan-out with STEP[ITEM] in front, of an item alone" {
	in_review
	go 0 logs --stdout p.ini gen
	is "$(cat out)" $'gen[a]| said a\ngen[b]| said b\ngen[c]| said c'
	go 0 logs --stderr p.ini 'gen[b]'
	is "$(cat out)" 'err b'
	go 0 logs --stdout p.ini 'gen[[ac]]' val
	is "$(cat out)" $'gen[a]| said a\ngen[c]| said c'
	touch ok
	go 0 --resume p.ini
	go 0 logs --attempt 2 --stdout p.ini gen
	is "$(cat out)" 'gen[c]| said c'
	go 0 logs p.ini
	is "$(grep -c said out)" 3
	go 0 logs p.ini val
	has err 'nothing was written'
}

@test "logs -f of a fan-out: all that its items say, until the last has ended" {
	cat >p.ini <<'INI'
[step gen]
foreach = a b c
run = echo "first $ITEM"; hold; echo "last $ITEM"
[step end]
run = hold
INI
	start -j1 p.ini
	at gen
	(become logs -f p.ini gen) </dev/null >follow 2>&1 &
	follower=$!
	eventually 'a speaks' grep -q 'gen\[a\]| first a' follow
	is "$(cat follow)" 'gen[a]| first a'
	release
	at gen
	eventually 'b speaks' grep -q 'gen\[b\]| first b' follow
	release
	at gen
	release
	at end
	eventually 'it ends' over $follower
	wait $follower
	is "$(cat follow)" "$(for i in a b c; do echo "gen[$i]| first $i"; echo "gen[$i]| last $i"; done)"
	release
	ends 0
}

@test "logs -f: items that fail at once and are tried again, each attempt once" {
	cat >p.ini <<'INI'
[step gen]
foreach_from = seq 40
retries = 1
retry_delay = 1ms
run = echo "$ITEM.$DUREXEC_ATTEMPT"; [ "$DUREXEC_ATTEMPT" = 2 ]
[step end]
run = hold
INI
	printf '[step hold]\nrun = hold\n' | cat - p.ini >q.ini && mv q.ini p.ini
	start -j2 p.ini
	at hold
	(become logs -f p.ini) </dev/null >follow 2>&1 &
	follower=$!
	eventually 'it reads' sh -c "[ -e /proc/$follower/fd/3 ]"
	release
	at end
	release
	ends 0
	eventually 'it ends' over $follower
	is "$(grep -c '^gen\[[0-9]*\]| ' follow)" 80
	is "$(sort -u follow | grep -c '^gen\[')" 80
}

# ---- --only, --until

@test "--only items; a comma inside of brackets is the item's" {
	cat >p.ini <<'INI'
[step gen]
foreach_from = printf '%s\n' a 'b,c' 'd e' f
run = mark "$ITEM"; [ -e ok ]
INI
	go 1 -j1 p.ini
	: >"$WITNESS"
	touch ok
	go 0 retry --failed p.ini
	go 3 -j1 --only 'gen[b,c],gen[d e]' p.ini
	witnessed 'gen 2 b,c' 'gen 2 d e'
	(become -j1 --only 'gen[b,c]' p.ini) </dev/null >out 2>err && fail 'exit 0'
	has err "item gen[b,c] is done; to run it again: durexec rewind p.ini 'gen[b,c]'"
	go 3 -j1 --only 'gen[[a]]' p.ini
	go 0 -j1 --until gen p.ini
	witnessed 'gen 2 b,c' 'gen 2 d e' 'gen 2 a' 'gen 2 f'
	go 2 --until 'gen[a]' p.ini
	has err '--only takes items'
}

# ---- --rescan, --rerun-stale

@test "--rescan: new items join a finished run, and it is finished again" {
	cat >p.ini <<'INI'
[step gen]
foreach_from = cat items
run = mark "$ITEM"
[step val]
foreach = step:gen
run = mark "$ITEM"
INI
	printf '%s\n' a b >items
	go 0 -j1 p.ini
	run=$(run_dir)
	: >"$WITNESS"
	printf '%s\n' b c a >items
	go 0 p.ini
	witnessed
	go 0 -j1 --rescan p.ini
	witnessed 'gen 1 c' 'val 1 c'
	is "$(run_dir)" "$run"
	look gen.items.total=3 state=done
	has out '1 new item'
	go 0 --rescan p.ini
	has out '0 new items' 'finished'
	printf '%s\n' c >items
	go 0 --rescan p.ini
	has out '2 items are no longer listed' 'a, b'
	witnessed 'gen 1 c' 'val 1 c'
	look gen.items.total=3 gen.items.done=3
	go 2 --rescan --fresh p.ini
	grep -q 'set step=gen state=pending by=rescan' .durexec/p/latest/state
}

@test "--rescan: a list that fails then; a run without lists; one that is new" {
	printf '[step gen]\nforeach_from = cat items\nrun = mark "$ITEM"\n' >p.ini
	echo a >items
	go 0 --rescan p.ini
	rm items
	go 1 --rescan p.ini
	look state=needs_review 'gen[a].state=done'
	printf 'a\nb\n' >items
	go 0 --resume p.ini
	witnessed 'gen 1 a' 'gen 1 b'
	printf '[step a]\nrun = mark\n' >q.ini
	go 0 q.ini
	go 0 --rescan q.ini
	has err 'no list of items' 'finished'
	witnessed 'gen 1 a' 'gen 1 b' 'a 1'
}

@test "--rescan of an unfinished run: only those that join and those that were left" {
	three
	sed -i 's/^foreach = a b c$/foreach_from = cat items/' p.ini
	printf '%s\n' a b c >items
	go 1 -j1 p.ini
	: >"$WITNESS"
	printf '%s\n' a b c d >items
	go 1 -j1 --rescan p.ini
	witnessed 'gen 1 d' 'val 1 d'
	touch ok
	go 0 -j1 --resume --rescan p.ini
	witnessed 'gen 1 d' 'val 1 d' 'gen 2 c' 'val 1 c' 'book 1'
}

@test "--rerun-stale and --rescan together, in a finished run" {
	cat >p.ini <<'INI'
[step gen]
foreach_from = cat items
run = mark "$ITEM"
INI
	echo a >items
	go 0 p.ini
	echo b >>items
	sed -i 's/^run = /run = : ; /' p.ini
	go 0 -j1 --rescan --rerun-stale p.ini
	has err 'gen[a] is stale'
	is "$(sort "$WITNESS" | xargs)" 'gen 1 a gen 1 b gen 2 a'
	go 0 --rerun-stale p.ini
	has err 'nothing is stale' 'finished'
}

# ---- clean, keep_runs, keep_logs

runs() { find ".durexec/$1" -mindepth 2 -maxdepth 2 -name state | wc -l; }

@test "clean: removes finished runs but the newest; -n only says which" {
	printf '[step a]\nrun = echo hello\n' >p.ini
	for _ in 1 2 3 4 5; do go 0 --fresh p.ini; done
	go 0 clean p.ini
	has out '0 runs removed, 0 bytes'
	tree . >../tree.before
	go 0 clean -n --keep 2 p.ini
	tree . >../tree.after
	diff ../tree.before ../tree.after
	is "$(grep -c '^would remove p/' out)" 3
	like out '^3 runs to be removed, [1-9][0-9]* bytes$'
	cp out said
	go 0 clean --keep 2
	is "$(sed 's/^removed/would remove/; s/ runs removed/ runs to be removed/' out)" "$(cat said)"
	is "$(runs p)" 2
	go 0 history p.ini
	is "$(wc -l <out)" 2
	[ -e .durexec/p/latest/state ]
	go 0 -q clean --keep 0 p.ini
	is "$(cat out)" ''
	is "$(ls -A .durexec/p | grep -vx times)" lock
	go 0 p.ini
	go 2 clean --keep -1 p.ini
	go 2 clean --keep many p.ini
	go 2 clean p.ini a
	go 2 status --keep 1 p.ini
}

@test "clean: never the unfinished run, nor one that is under way" {
	printf '[step a]\nrun = mark; [ -e ok ]\n[step b]\nrun = hold\n' >p.ini
	go 1 p.ini
	go 0 clean --keep 0 p.ini
	is "$(runs p)" 1
	touch ok
	start --resume p.ini
	at b
	(become clean --keep 0 p.ini) </dev/null >out2 2>&1 || fail "$(cat out2)"
	is "$(runs p)" 1
	kill9 "$pid"
	(become clean --keep 0 p.ini) </dev/null >out2 2>&1 || fail "$(cat out2)"
	is "$(runs p)" 1
	release
	eventually 'nobody is left' nobody_left
	go 0 p.ini
	start --fresh p.ini
	at b
	# the one before is finished
	(become clean --keep 0 p.ini) </dev/null >out2 2>&1 || fail "$(cat out2)"
	grep -q '^1 run removed' out2
	is "$(runs p)" 1
	release
	ends 0
	# closed by --fresh counts as finished
	rm ok
	go 1 --fresh p.ini
	go 1 --fresh p.ini
	go 0 clean --keep 0 p.ini
	is "$(grep -c '^removed' out)" 2
	is "$(runs p)" 1
}

@test "clean: a file's runs with all parameters; without a file the only pipeline" {
	printf '[params]\nv = x\n[step a]\nrun = true\n' >p.ini
	for v in 1 2; do go 0 p.ini v=$v; go 0 --fresh p.ini v=$v; done
	go 0 clean --keep 1 p.ini v=1
	is "$(runs p@v=1) $(runs p@v=2)" '1 2'
	go 0 clean --keep 1 p.ini
	is "$(runs p@v=1) $(runs p@v=2)" '1 1'
	go 2 clean --keep 0
	has err 'p.ini v=1' 'p.ini v=2'
	mkdir empty
	go 2 -C empty clean
}

@test "clean: removes what a step left, deep, read only or linked, and nothing else" {
	mkdir precious
	echo x >precious/file
	cat >p.ini <<'INI'
[step a]
run =
	cd "$DUREXEC_DIR"
	ln -s "$T/precious" link
	ln -s "$T/precious/file" file
	ln "$T/precious/file" hard
	mkdir -p ro/x && touch ro/x/y && chmod 500 ro
	for i in $(seq 200); do mkdir d && cd d; done
INI
	go 0 p.ini
	mkdir .durexec/p/mine
	go 0 clean --keep 0 p.ini
	is "$(ls -A .durexec/p | grep -vx times | xargs)" 'lock mine'
	is "$(cat precious/file)" x
	unlike err .
}

@test "keep_runs: so many beside the new one; many files go in the background" {
	printf '[pipeline]\nkeep_runs = 1\nwhen_done = again\n[step a]\nrun = mark\n' >p.ini
	go 0 p.ini
	first=$(run_dir)
	mkdir -p "$first/dir/a/many"
	(cd "$first/dir/a/many" && seq 5000 | xargs touch)
	go 0 p.ini
	go 0 p.ini
	[ ! -e "$first" ]
	eventually 'all of it is gone' sh -c '! ls -A .durexec/p | grep -q gone'
	is "$(runs p)" 2
	eventually 'nobody is left' nobody_left
}

@test "what a killed start left is swept, when it is old" {
	printf '[pipeline]\nwhen_done = again\n[step a]\nrun = mark\n' >p.ini
	go 0 p.ini
	for id in 20200101T000000.000-aaaaaa 20200101T000000.000-bbbbbb \
		.gone.20200101T000000.000-cccccc; do
		mkdir -p .durexec/p/$id/{log,dir,output}
	done
	touch -d '2 hours ago' .durexec/p/20200101T000000.000-aaaaaa
	go 0 p.ini
	[ ! -e .durexec/p/20200101T000000.000-aaaaaa ]
	[ -d .durexec/p/20200101T000000.000-bbbbbb ]
	[ ! -e .durexec/p/.gone.20200101T000000.000-cccccc ]
	is "$(runs p)" 2
}

@test "keep_logs = failed: of a finished run, only those of what failed are left" {
	cat >p.ini <<'INI'
[pipeline]
keep_logs = failed
[step gen]
foreach = a b
retries = 1
retry_delay = 1ms
if = echo asked
verify.ok = echo fine
run = echo "said $ITEM"; echo err >&2; [ "$DUREXEC_ATTEMPT" = 2 ]
[step poor]
needs =
allow_failure = yes
run = echo poor; false
[step use]
stdin = step:first
needs = first gen
run = cat; [ -e ok ]
[step first]
needs =
run = echo first; echo err >&2
INI
	go 1 p.ini
	# not before it is finished
	go 0 logs p.ini 'gen[a]'
	has out 'said a'
	touch ok
	go 0 --resume p.ini
	is "$(cd .durexec/p/latest/log && find . -type f | sort | xargs)" \
		'./first.1.out ./poor.1.out ./poor.2.out'
	go 0 logs p.ini 'gen[a]'
	has err 'were removed' 'keep_logs = failed'
	go 0 logs p.ini poor
	is "$(cat out)" poor
	# what others read is there for a rewind
	go 0 rewind p.ini use --go
	look state=done use.attempts=3
}

@test "keep_logs = failed: a run that a verb finishes" {
	printf '[pipeline]\nkeep_logs = failed\n[step a]\nrun = echo x\n[step b]\nrun = echo y; false\n' >p.ini
	go 1 p.ini
	[ -e .durexec/p/latest/log/a.1.out ]
	go 0 approve p.ini b
	look state=done
	[ -z "$(find .durexec/p/latest/log/ -type f)" ]
}

# ---- --dry-run

@test "--dry-run: what only items know is not asked; the rest is" {
	cat >p.ini <<'INI'
[pool gpu]
slots = 0 1
[step gen]
foreach = a b
pool = gpu
env.OUT = ${ITEM_BASE}.txt
env.DEV = ${DUREXEC_SLOT_gpu}
requires = sh, file:no-such-file
workdir = w/${ITEM}
stdin = in/${ITEM}.txt
outputs = made/${ITEM}.txt
run = no-such-program
[step list]
foreach_from = no-such-lister --all
run = true
[step use]
requires = file:made/b.txt, file:made/b.pdf
run = true
INI
	go 2 --dry-run p.ini
	has err 'runs no-such-program' 'runs no-such-lister' 'made/b.pdf'
	hasnt err ITEM SLOT 'made/b.txt' 'in/' 'w/' no-such-file
	is "$(wc -l <err)" 3
	# and a real start is not stopped by them
	printf '[step gen]\nforeach = a b\nrequires = sh\ncheck = true\nenv.X = ${ITEM}\nrun = mark "$X"\n' >q.ini
	go 0 -j1 q.ini
	witnessed 'gen 1 a' 'gen 1 b'
}
