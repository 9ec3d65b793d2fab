# SPDX-License-Identifier: ISC
# Fan-outs that are killed, stopped, edited, chosen from, asked again.
load helper

prepare() { ini='--all p.ini'; }

# Twenty items that leave a line each, in one write; every fifth holds.
twenty() {
	cat >p.ini <<'INI'
[step gen]
foreach_from = echo asked >>$T/asked; seq 20
run = echo "$ITEM" >>$T/ran; [ $((ITEM % 5)) != 0 ] || hold
[step val]
foreach = step:gen
run = echo "$ITEM" >>$T/val
[step all]
run = mark
INI
}

# Each of them has run once, and the list was asked for once.
once_each() {
	local f
	for f in ran val; do
		sort -n "$f" | diff -u <(seq 20) - || fail "not once each: $f"
	done
	is "$(xargs <asked)" asked
	is "$(grep -c all "$WITNESS")" 1
}

@test "kill -9 of durexec among twenty items: each runs once" {
	twenty
	start -j2 p.ini
	at gen
	at gen
	kill9 "$pid"
	# one ends while nobody watches, the other one goes on
	release
	start -j2 p.ini
	eventually 'one is adopted' grep -q 'gen\[.*adopted' out
	release
	at gen
	at gen
	kill9 "$pid"
	release
	release
	eventually 'both have ended' nobody_left
	go 0 -j2 p.ini
	once_each
	look gen.items.done=20 val.items.done=20 state=done
}

@test "kill -9 of durexec at any time: each runs once" {
	twenty
	sed -i 's/; \[ .*/; sleep 0.0$((ITEM % 4))/' p.ini
	for n in 1 6 11 16; do
		start -j3 p.ini
		eventually "$n have begun" eval '[ "$(wc -l <ran)" -ge $n ]'
		kill9 "$pid"
	done 2>/dev/null
	go 0 -j3 p.ini
	once_each
	look gen.items.done=20 val.items.done=20
}

@test "kill -9 of durexec and of its keepers: what is done is not run again" {
	twenty
	for _ in 1 2; do
		start -j2 p.ini
		at gen
		keeper_of "$step_pid" >keepers
		at gen
		keeper_of "$step_pid" >>keepers
		# shellcheck disable=SC2046
		kill -KILL "$pid" $(cat keepers)
		eventually 'durexec is gone' over "$pid"
	done
	is "$(sort -n ran | xargs)" '1 2 3 4 5 5 6 7 8 9 10 10'
	start -j2 p.ini
	for _ in 1 2; do at gen; at gen; release; release; done
	ends 0
	is "$(sort -n ran | uniq -c | awk '$1 == 3 { print $2 }' | xargs)" '5 10'
	is "$(sort -n ran | uniq -c | awk '$1 == 1' | wc -l)" 18
	is "$(xargs <asked)" asked
	look 'gen[5].attempts=3' 'gen[4].attempts=1' 'gen[15].attempts=1' \
		gen.items.done=20
}

@test "kill -9 of a keeper: its item runs again, the others go on" {
	twenty
	start -j2 p.ini
	at gen
	keeper=$(keeper_of "$step_pid")
	at gen
	kill9 "$keeper"
	at gen
	for _ in 1 2; do release; done
	at gen
	at gen
	release
	release
	ends 0
	is "$(wc -l <ran)" 21
	is "$(sort -n ran | uniq | wc -l)" 20
}

@test "Ctrl+C among items: they are stopped, and go on the next time" {
	twenty
	start -j2 p.ini
	at gen
	at gen
	kill -INT "$pid"
	ends 130
	eventually 'nobody is left' nobody_left
	look 'gen[5].state=pending' 'gen[10].outcome=interrupted' \
		gen.items.done=8 gen.items.pending=12 state=stopped
	start -j2 p.ini
	for _ in 1 2; do at gen; at gen; release; release; done
	ends 0
	is "$(sort -n ran | uniq -d | xargs)" '5 10'
	is "$(wc -l <ran)" 22
	is "$(sort -n val | uniq | wc -l)" 20
	look 'gen[5].attempts=2' state=done
}

# ---- what is chosen

three() {
	cat >p.ini <<'INI'
[step gen]
foreach = a b c
run = mark "$ITEM"; [ $ITEM != b ] || [ ! -e bad ]
[step val]
foreach = step:gen
run = mark "$ITEM"
[step all]
run = mark
INI
}

@test "--only: a fan-out, an item, some of them; the rest stays as it is" {
	three
	go 3 -j1 --only gen p.ini
	witnessed 'gen 1 a' 'gen 1 b' 'gen 1 c'
	go 3 -j1 --only 'val[b]' p.ini
	go 3 -j1 --only val/c p.ini
	is "$(tail -n 2 "$WITNESS" | xargs)" 'val 1 b val 1 c'
	look 'val[a].state=pending' val.items.done=2 all.state=pending
	go 2 --only 'val[x]' p.ini
	go 3 -j1 --only 'v*[*]' p.ini
	is "$(tail -n 1 "$WITNESS")" 'val 1 a'
	go 3 --only 'gen[b]' p.ini
	cat out err >said
	has said "rewind p.ini 'gen[b]'"
	go 0 --only all p.ini
	is "$(wc -l <"$WITNESS")" 7
}

@test "--only an item that failed: the others are not tried" {
	three
	sed -i 's/a b c/a c c2/; s/\$ITEM != b/${ITEM#c} = "$ITEM"/' p.ini
	touch bad
	go 1 -j1 p.ini
	look gen.items.needs_review=2 val.items.done=1
	rm bad
	: >"$WITNESS"
	(become -j1 --resume --only 'gen[c]' p.ini) </dev/null >out 2>err &&
		fail 'it says that all is done'
	witnessed 'gen 2 c'
	look 'gen[c].state=done' 'gen[c2].attempts=1' 'val[c].state=pending'
	go 0 -j1 --resume p.ini
	witnessed 'gen 2 c' 'val 1 c' 'gen 2 c2' 'val 1 c2' 'all 1'
}

@test "--until: all items, and what they need" {
	three
	printf '[step first]\nrun = mark\n' | cat - p.ini >q.ini
	mv q.ini p.ini
	go 3 -j1 --until gen p.ini
	witnessed 'first 1' 'gen 1 a' 'gen 1 b' 'gen 1 c'
	go 3 -j1 --until val p.ini
	is "$(tail -n 3 "$WITNESS" | xargs)" 'val 1 a val 1 b val 1 c'
	look all.state=pending val.items.done=3
	go 0 p.ini
}

# ---- the next run

@test "finished: nothing is asked and nothing runs; --fresh asks again" {
	cat >p.ini <<'INI'
[step gen]
foreach_from = mark; cat list
run = mark "$ITEM"
INI
	echo a >list
	go 0 p.ini
	witnessed 'gen 1' 'gen 1 a'
	echo b >>list
	go 0 p.ini
	has err 'finished' '--fresh'
	witnessed 'gen 1' 'gen 1 a'
	go 0 -j1 --fresh p.ini
	witnessed 'gen 1' 'gen 1 a' 'gen 1' 'gen 1 a' 'gen 1 b'
	look gen.items.total=2
	# the state of the first run is as it was
	is "$(grep -l 'total=1' .durexec/p/*/state | wc -l)" 1
}

@test "when_done = again: a new run has a list of its own" {
	printf '[pipeline]\nwhen_done = again\n[step gen]\nforeach = *.x\nrun = mark "$ITEM"\n' >p.ini
	touch a.x
	go 0 p.ini
	touch b.x
	go 0 -j1 p.ini
	witnessed 'gen 1 a.x' 'gen 1 a.x' 'gen 1 b.x'
	look gen.items.total=2
}

@test "--fresh is refused while an item still runs without its durexec" {
	twenty
	start -j1 p.ini
	at gen
	kill9 "$pid"
	go 2 --fresh p.ini || go 75 --fresh p.ini
	has err 'stop'
	go 0 stop p.ini
	start -j1 --fresh p.ini
	at gen
	kill -TERM "$pid"
	ends 143
	is "$(wc -l <asked)" 2
}

@test "always = done: clean-up of each item, when all others are done" {
	cat >p.ini <<'INI'
[step gen]
foreach = a b
run = mark "$ITEM"; [ $ITEM != b ] || [ -e ok ]
[step tidy]
foreach = step:gen
always = done
run = mark "$ITEM"
[step last]
always = done
run = mark
INI
	go 1 -j1 p.ini
	witnessed 'gen 1 a' 'gen 1 b'
	touch ok
	go 0 -j1 --resume p.ini
	witnessed_all 'gen 1 a' 'gen 1 b' 'gen 2 b' 'tidy 1 a' 'tidy 1 b' 'last 1'
	is "$(tail -n 1 "$WITNESS")" 'last 1'
	# closed before it is done
	rm ok
	go 1 -j1 --fresh p.ini
	: >"$WITNESS"
	go 1 -j1 --fresh p.ini
	witnessed 'tidy 1 a' 'tidy 1 b' 'last 1' 'gen 1 a' 'gen 1 b'
}

@test "always = done: clean-up that was stopped half-way is done by --fresh" {
	cat >p.ini <<'INI'
[step gen]
run = mark
[step tidy]
foreach = a b
always = done
run = mark "$ITEM"; [ $ITEM != a ] || [ -e ok ] || hold
INI
	start -j1 p.ini
	at tidy
	kill -INT "$pid"
	ends 130
	touch ok
	: >"$WITNESS"
	go 0 -j1 --fresh p.ini
	witnessed 'tidy 2 a' 'tidy 1 b' 'gen 1' 'tidy 1 a' 'tidy 1 b'
}

# ---- the file is edited between

@test "edit: other words, the items stay; it says how they are asked again" {
	three
	touch bad
	go 1 -j1 p.ini
	sed -i 's/a b c/a b c d/' p.ini
	rm bad
	go 0 -j1 --resume p.ini
	cat out err >said
	has said 'gen' '--rescan'
	look gen.items.total=3 val.items.total=3 'gen[b].attempts=2'
	is "$(grep -c ' d$' "$WITNESS")" 0
	# nothing to say when nothing changed
	sed -i 's/a b c d/a b c/' p.ini
	go 0 p.ini
	cat out err >said
	hasnt said '--rescan'
}

@test "edit: another command; what failed is tried again, what is done is not" {
	three
	touch bad
	go 1 -j1 p.ini
	go 1 -j1 p.ini
	is "$(grep -c 'gen' "$WITNESS")" 3
	sed -i 's/ || \[ ! -e bad \]/ || true/' p.ini
	go 0 -j1 p.ini
	look 'gen[a].attempts=1' 'gen[b].attempts=2' state=done
}

@test "edit: a step becomes a fan-out" {
	printf '[step gen]\nrun = mark; [ -e ok ]\n[step end]\nrun = mark\n' >p.ini
	go 1 p.ini
	sed -i 's/^run = mark; .*/foreach = a b\nrun = mark "$ITEM"/' p.ini
	go 0 -j1 p.ini
	witnessed 'gen 1' 'gen 1 a' 'gen 1 b' 'end 1'
	look gen.items.done=2 state=done
}

@test "edit: a step that is done becomes a fan-out: done it stays, until rewound" {
	printf '[step gen]\nrun = mark\n[step end]\nrun = mark; [ -e ok ]\n' >p.ini
	go 1 p.ini
	sed -i '2s/.*/foreach = a b\nrun = mark "$ITEM"/' p.ini
	touch ok
	go 0 --resume p.ini
	witnessed 'gen 1' 'end 1' 'end 2'
	go 0 rewind p.ini gen
	go 0 -j1 p.ini
	is "$(tail -n 3 "$WITNESS" | xargs)" 'gen 1 a gen 1 b end 1' ||
		is "$(tail -n 3 "$WITNESS" | xargs)" 'gen 1 a gen 1 b end 3'
	look gen.items.done=2
}

@test "edit: a fan-out becomes a step; with all items done it is done" {
	three
	touch bad
	go 1 -j1 p.ini
	cat >p.ini <<'INI'
[step gen]
run = mark whole
[step all]
run = mark
INI
	: >"$WITNESS"
	go 0 -j1 p.ini
	like "$WITNESS" '^gen [0-9]* whole$'
	is "$(wc -l <"$WITNESS")" 2
	look gen.state=done state=done
	three
	rm bad
	sed -i 's/^run = mark$/&; [ -e ok ]/' p.ini
	go 1 -j1 --fresh p.ini
	printf '[step gen]\nrun = mark whole\n[step all]\nrun = mark\n' >p.ini
	: >"$WITNESS"
	go 0 -j1 p.ini
	witnessed 'all 2'
}

@test "edit: an item that runs has left the file: its end is noted, nothing more" {
	cat >p.ini <<'INI'
[step gen]
foreach = a b
run = hold
[step end]
needs =
run = mark
INI
	start -j1 p.ini
	at gen
	kill9 "$pid"
	printf '[step end]\nneeds =\nrun = mark\n' >p.ini
	start p.ini
	eventually 'the other step is done' grep -q end "$WITNESS"
	release
	ends 0
	witnessed 'gen 1' 'end 1'
	eventually 'nobody is left' nobody_left
}

# ---- asked again

@test "--rescan: new items join, those that are gone are told and stay" {
	cat >p.ini <<'INI'
[step gen]
foreach_from = cat list
run = mark "$ITEM_INDEX $ITEM"; [ -e ok ] || [ $ITEM != c ]
[step val]
foreach = step:gen
run = mark "$ITEM_INDEX $ITEM"
[step all]
run = mark
INI
	printf 'a\nb\nc\n' >list
	go 1 -j1 p.ini
	printf 'x\nc\na\ny\n' >list
	touch ok
	: >"$WITNESS"
	go 0 -j1 --resume --rescan p.ini
	witnessed 'gen 2 3 c' 'val 1 3 c' 'gen 1 4 x' 'val 1 4 x' 'gen 1 5 y' \
		'val 1 5 y' 'all 1'
	cat out err >said
	like said 'gen.*(b|1 item)'
	look gen.items.total=5 gen.items.done=5 val.items.total=5 \
		'gen[a].attempts=1' 'gen[b].state=done' state=done
	# from now on they are known
	: >"$WITNESS"
	go 0 p.ini
	go 0 --rescan p.ini
	witnessed
	look gen.items.total=5
}

@test "--rescan: a finished run goes on with the new ones; what joined them stays done" {
	printf '[step gen]\nforeach = *.x\nrun = mark "$ITEM"\n[step val]\nforeach = *.x\nrun = mark "$ITEM"\n[step all]\nrun = mark\n' >p.ini
	touch a.x b.x
	go 0 -j1 p.ini
	touch c.x
	: >"$WITNESS"
	go 0 -j1 p.ini
	witnessed
	go 0 -j1 --rescan p.ini
	witnessed 'gen 1 c.x' 'val 1 c.x'
	look state=done gen.items.done=3 val.items.done=3 all.attempts=1
	is "$(ls -d .durexec/p/2* | wc -l)" 1
}

@test "--rescan: of a list that had no items" {
	cat >p.ini <<'INI'
[step gen]
foreach_from = cat list
run = mark "$ITEM"
[step val]
foreach = step:gen
run = mark "$ITEM"
[step all]
run = mark
INI
	: >list
	go 0 p.ini
	witnessed 'all 1'
	printf 'a\nb\n' >list
	go 0 -j1 --rescan p.ini
	witnessed 'all 1' 'gen 1 a' 'val 1 a' 'gen 1 b' 'val 1 b'
	look val.items.done=2 state=done
	: >list
	go 0 --rescan p.ini
	cat out err >said
	has said a b
	look gen.items.done=2
}

@test "--rescan: what a step printed, though its log is gone" {
	cat >p.ini <<'INI'
[pipeline]
keep_logs = failed
[step plan]
run = echo a; echo b; mark
[step gen]
foreach_from = step:plan
run = mark "$ITEM"
[step other]
foreach = *.x
run = mark "$ITEM"
INI
	touch 1.x
	go 0 -j1 p.ini
	touch 2.x
	: >"$WITNESS"
	go 0 --rescan p.ini
	witnessed 'other 1 2.x'
	cat out err >said
	hasnt said 'no longer listed'
	look gen.items.done=2 state=done
}

@test "--rescan: an edited list, and one that fails" {
	three
	go 0 -j1 p.ini
	sed -i 's/a b c/b c d/' p.ini
	: >"$WITNESS"
	go 0 -j1 --rescan p.ini
	witnessed 'gen 1 d' 'val 1 d'
	look gen.items.total=4
	sed -i 's/^foreach = b c d/foreach_from = echo e; [ -e ok ]/' p.ini
	go 1 -j1 --rescan p.ini
	witnessed 'gen 1 d' 'val 1 d'
	look gen.items.total=4 gen.items.done=4
	touch ok
	go 0 -j1 --rescan p.ini || go 0 -j1 --resume p.ini
	witnessed 'gen 1 d' 'val 1 d' 'gen 1 e' 'val 1 e'
}

@test "--rescan: killed while it asks, and after" {
	cat >p.ini <<'INI'
[step gen]
foreach_from = cat list; [ ! -e slow ] || hold
run = mark "$ITEM"; [ $ITEM != c ] || hold
INI
	echo a >list
	go 0 p.ini
	printf 'b\nc\n' >>list
	touch slow
	start -j1 --rescan p.ini
	at gen
	kill9 "$pid"
	start -j1 p.ini
	eventually 'adopted' grep -q adopted out
	release
	at gen
	kill9 "$pid"
	release
	go 0 -j1 p.ini
	is "$(grep -c '^gen 1 [abc]$' "$WITNESS")" 3
	look gen.items.done=3 state=done
}
