# SPDX-License-Identifier: ISC
# Fan-outs: where their items come from, who waits for whom, and that each item
# is a task of its own.
load helper

prepare() {
	ini='--all p.ini'
	cat >item <<'SH'
#!/bin/sh
# Hold as "STEP[ITEM]"; at a gate of its own, where the item has one.
DUREXEC_STEP="$DUREXEC_STEP[$ITEM]"
[ ! -p "$GATE.$ITEM" ] || GATE=$GATE.$ITEM
export DUREXEC_STEP GATE
exec hold
SH
	chmod +x item
}

# gates ITEM...: each has a gate of its own; pass ITEM [WORD] lets it go on
gates() { for i; do mkfifo "gate.$i"; done; }
pass() { timeout "$PATIENCE" sh -c 'echo "$1" >"$2"' - "${2:-0}" "gate.$1"; }

# These hold now, in any order.
at_all() {
	local name p
	: >holding
	for _; do
		read -r -t "$PATIENCE" name p <&7 || fail "holding: $(xargs <holding)"
		echo "$name" >>holding
		echo "$p" >"pid.$name"
	done
	is "$(sort holding | xargs)" "$(printf '%s\n' "$@" | sort | xargs)"
}

# A fan-out and what shows its items in their order.
listing() {
	{
		echo '[step gen]'
		cat
		echo 'run = mark "$ITEM_INDEX <$ITEM>"'
	} >p.ini
}

# The items of gen, as they ran one after another.
items_are() {
	local n=0 expected=()
	for i; do expected+=("gen 1 $((++n)) <$i>"); done
	go 0 -j1 p.ini
	witnessed "${expected[@]}"
	look gen.items.total=$# gen.items.done=$# state=done
}

# ---- where items come from

@test "foreach: words as they stand, globs in the order of bytes" {
	mkdir raw
	touch raw/b.wav raw/a.wav raw/B.wav raw/c.txt 'raw/d e.wav' raw/.x.wav
	listing <<<'foreach = intro.wav, raw/*.wav none/*.x  /last'
	items_are intro.wav raw/B.wav raw/a.wav raw/b.wav 'raw/d e.wav' /last
}

@test "foreach: in the step's workdir; a parameter with blanks is one word" {
	mkdir -p 'in the/sub'
	touch 'in the/sub/x.c' 'in the/sub/y.c' z.c
	listing <<'INI'
workdir = in the/sub
foreach = *.c ${WHO} ${T}
INI
	printf '[params]\nWHO = x\n' | cat - p.ini >q.ini
	mv q.ini p.ini
	EXTRA=("T=$T")
	go 0 -j1 p.ini 'WHO=Ann  Lee, Bo'
	witnessed 'gen 1 1 <x.c>' 'gen 1 2 <y.c>' 'gen 1 3 <Ann  Lee, Bo>' \
		"gen 1 4 <$T>"
}

@test "foreach: files that an earlier step makes; none when it makes none" {
	cat >p.ini <<'INI'
[step make]
run = mkdir d; touch d/1 d/2; mark
[step gen]
foreach = d/*
run = mark "$ITEM"
[step none]
foreach = e/* f?
run = mark
[step end]
run = mark
INI
	go 0 -j1 p.ini
	witnessed 'make 1' 'gen 1 d/1' 'gen 1 d/2' 'end 1'
	look none.state=done none.items.total=0 state=done
}

@test "foreach_from: the lines as they are; blank ones are none; no line end" {
	listing <<'INI'
foreach_from =
    printf ' a b\nc"$HOME'
    printf '\'
    printf '\n\n*\n# x\r\n[y]; false\nlast'
INI
	items_are ' a b' 'c"$HOME\' '*' $'# x\r' '[y]; false' last
	hasnt err 'gen' # nothing to warn about
}

@test "foreach_from: asked once its needs are done, once only" {
	cat >p.ini <<'INI'
[step make]
run = hold; echo a >list; echo b >>list
[step gen]
foreach_from = mark; cat list
run = [ "$ITEM" = a ] || [ -e ok ]
[step other]
needs =
foreach_from = mark; echo x
run = mark
INI
	start -j2 p.ini
	at make
	eventually 'other is done' looks other.items.done=1
	look gen.state=pending
	witnessed_all 'make 1' 'other 1' 'other 1'
	release
	ends 1
	look gen.items.total=2 gen.items.needs_review=1 'gen[b].exit=1'
	echo c >list
	touch ok
	go 0 --resume p.ini
	look gen.items.total=2 gen.items.done=2 'gen[a].attempts=1' \
		'gen[b].attempts=2'
	is "$(grep -c gen "$WITNESS")" 1
}

@test "foreach_from: that fails, prints an item twice, or a NUL: review, and asked again" {
	cat >p.ini <<'INI'
[defaults]
needs =
[step code]
foreach_from = echo a; echo no list >&2; [ -e ok ] || exit 3
run = mark "$ITEM"
[step twice]
foreach_from = printf 'x\ny y\nx\n' | head -n $(cat n)
run = mark "$ITEM"
[step nul]
foreach_from = printf 'x\0y\n' | tr -d "$(cat drop)"
run = mark "$ITEM"
[step long]
foreach_from = head -c $(cat n)000 /dev/zero | tr '\0' x
run = mark "${#ITEM}"
[step end]
needs = code
run = mark
INI
	echo 5 >n
	echo z >drop
	go 1 p.ini
	witnessed
	has out 'no list'
	look code.state=needs_review code.outcome=exit code.exit=3 \
		twice.state=needs_review 'twice.reason=~foreach_from: .*"x"' \
		nul.state=needs_review 'nul.reason=~NUL' end.state=pending \
		long.state=needs_review 'long.reason=~4096'
	go 1 p.ini
	witnessed
	touch ok
	echo 2 >n
	echo '\0' >drop
	go 0 --resume p.ini
	witnessed_all 'code 1 a' 'twice 1 x' 'twice 1 y y' 'nul 1 xy' 'long 1 2000' \
		'end 1'
}

@test "foreach_from: a hundred thousand lines; status stays small" {
	cat >p.ini <<'INI'
[step gen]
foreach_from = seq -f 'chapter %06.0f' 100000
run = [ "$ITEM_INDEX" = 1 ] || hold
[step val]
foreach = step:gen
run = mark "$ITEM"
INI
	ini=p.ini
	start -j1 p.ini
	at gen
	witnessed 'val 1 chapter 000001' 'gen 1'
	kill9 "$pid"
	look gen.items.total=100000 gen.items.done=1 gen.items.running=1 \
		val.items.total=100000 val.items.done=1 \
		'gen[chapter 000002].state=running' 'gen[chapter 000001]=null'
	[ "$(wc -c <status.json)" -lt 10000 ]
	go 0 stop p.ini
	look gen.items.pending=99999 gen.items.done=1
}

@test "foreach_from = step:NAME: the lines that it printed" {
	cat >p.ini <<'INI'
[step plan]
run = printf 'one\n\ntwo words\nthree'; echo no item >&2
[step quiet]
run = :
[step gen]
foreach_from = step:plan
run = mark "$ITEM_INDEX <$ITEM>"
[step none]
foreach_from = step:quiet
run = mark
[step end]
run = mark
INI
	go 0 -j1 p.ini
	witnessed 'gen 1 1 <one>' 'gen 1 2 <two words>' 'gen 1 3 <three>' 'end 1'
	look none.items.total=0 none.state=done
}

@test "foreach_from: killed while it lists: the list goes on, and is collected" {
	cat >p.ini <<'INI'
[step gen]
foreach_from = hold; echo a; echo b
run = mark "$ITEM"
INI
	start p.ini
	at gen
	first=$step_pid
	kill9 "$pid"
	start p.ini
	eventually 'adopted' grep -q adopted out
	[ -d "/proc/$first" ]
	look gen.state=running gen.adopted=true
	release
	ends 0
	witnessed_all 'gen 1' 'gen 1 a' 'gen 1 b'
	# and with its keeper: it is asked again
	start --fresh p.ini
	at gen
	kill -KILL "$pid" "$(keeper_of "$step_pid")"
	eventually 'durexec is gone' over "$pid"
	start p.ini
	at gen
	release
	ends 0
	look gen.items.done=2 state=done
	is "$(grep -c '^gen 2$' "$WITNESS")" 1
}

@test "foreach_from: its end is collected though nobody watched" {
	cat >p.ini <<'INI'
[step gen]
foreach_from = hold; echo a; echo b
run = mark "$ITEM"
INI
	start p.ini
	at gen
	kill9 "$pid"
	release
	eventually 'it has ended' nobody_left
	go 0 p.ini
	witnessed_all 'gen 1' 'gen 1 a' 'gen 1 b'
}

@test "foreach_from: Ctrl+C while it lists; half a list is none" {
	cat >p.ini <<'INI'
[step gen]
foreach_from = echo a; hold; echo b
run = mark "$ITEM"
INI
	start p.ini
	at gen
	kill -INT "$pid"
	ends 130
	eventually 'nobody is left' nobody_left
	look gen.state=pending gen.items.total=0 state=stopped
	start p.ini
	at gen
	release
	ends 0
	witnessed_all 'gen 1' 'gen 2' 'gen 1 a' 'gen 1 b'
}

@test "foreach_from: the step's time limit" {
	cat >p.ini <<'INI'
[step gen]
timeout = 300ms
foreach_from = echo a; mark; sleep 1000
run = mark "$ITEM"
INI
	go 1 p.ini
	look gen.state=needs_review gen.outcome=timeout gen.items.total=0
	witnessed 'gen 1'
	sed -i 's/; sleep 1000//' p.ini
	go 0 p.ini
	witnessed 'gen 1' 'gen 2' 'gen 1 a'
}

# ---- who waits for whom

@test "tied: chapter 3 is checked while chapter 7 is written" {
	cat >p.ini <<'INI'
[step gen]
foreach_from = seq 9
run = case $ITEM in 7) $T/item hold ;; *) mark "$ITEM" ;; esac
[step val]
foreach = step:gen
run = case $ITEM in 3) $T/item hold ;; *) mark "$ITEM" ;; esac
[step all]
run = mark
INI
	gates 3 7
	start -j2 p.ini
	at 'val[3]'
	at 'gen[7]'
	look 'val[3].state=running' 'gen[7].state=running' 'val[7].state=pending' \
		all.state=pending
	pass 3
	# the others do not wait for 7
	eventually 'all but 7' looks val.items.done=8
	is "$(grep -c 'val 1 7' "$WITNESS")" 0
	look gen.items.done=8 all.state=pending
	pass 7
	ends 0
	is "$(tail -n 2 "$WITNESS" | xargs)" 'val 1 7 all 1'
	look val.items.done=9
}

@test "tied: one at a time, all that can be done for the first item comes first" {
	cat >p.ini <<'INI'
[defaults]
run = mark "$ITEM"
[step a]
foreach = x y
[step b]
foreach = step:a
[step c]
foreach = x y
needs = b
INI
	go 0 -j1 p.ini
	witnessed 'a 1 x' 'b 1 x' 'c 1 x' 'a 1 y' 'b 1 y' 'c 1 y'
}

@test "tied: by the same foreach; but not when neither needs the other" {
	touch a.x b.x
	cat >p.ini <<'INI'
[step gen]
foreach = *.x
run = if [ "$ITEM" = a.x ]; then $T/item hold; fi; echo "by $ITEM"
[step val]
foreach = *.x
run = mark "$(cat "$DUREXEC_OUT_gen")"
[step alone]
needs =
foreach = *.x
run = [ -z "${DUREXEC_OUT_gen+x}" ]; mark "$ITEM"
INI
	start -j2 p.ini
	at 'gen[a.x]'
	eventually 'the rest is done' looks val.items.done=1 alone.items.done=2
	look 'val[a.x].state=pending' 'val[b.x].state=done'
	release :
	ends 0
	witnessed_all 'gen[a.x] 1' 'val 1 by b.x' 'alone 1 a.x' 'alone 1 b.x' \
		'val 1 by a.x'
}

@test "a step that is not tied waits for all items; so does another list" {
	cat >p.ini <<'INI'
[step gen]
foreach = a b
run = $T/item hold
[step join]
needs = gen
run = mark
[step other]
needs = gen
foreach = a b c
run = mark "$ITEM"
[step free]
needs =
run = mark
INI
	gates a b
	start -j4 p.ini
	at_all 'gen[a]' 'gen[b]'
	pass a
	eventually 'a is done' looks 'gen[a].state=done' free.state=done
	look join.state=pending other.state=pending other.items.total=0
	pass b
	ends 0
	witnessed_all 'gen[a] 1' 'gen[b] 1' 'free 1' 'join 1' 'other 1 a' \
		'other 1 b' 'other 1 c'
}

@test "needs that point downwards tie as well" {
	cat >p.ini <<'INI'
[step val]
needs = gen
foreach = step:gen
run = mark "$ITEM"
[step gen]
needs =
foreach = a b
run = [ $ITEM = b ] || mark "$ITEM"; [ $ITEM = a ] || $T/item hold
INI
	start -j2 p.ini
	at 'gen[b]'
	eventually 'val[a]' looks 'val[a].state=done' 'val[b].state=pending'
	release
	ends 0
	look val.items.done=2 gen.items.done=2
}

@test "an item that fails blocks what is tied to it, and the join" {
	cat >p.ini <<'INI'
[step gen]
foreach = a b c
run = mark "$ITEM"; [ $ITEM != b ] || [ -e ok ]
[step val]
foreach = step:gen
run = mark "$ITEM"
[step all]
run = mark
INI
	go 1 -j1 p.ini
	witnessed 'gen 1 a' 'val 1 a' 'gen 1 b' 'gen 1 c' 'val 1 c'
	look state=needs_review gen.items.needs_review=1 gen.items.done=2 \
		val.items.pending=1 'gen[b].exit=1' 'gen[b].reason=~exit 1' \
		'val[b].state=pending' all.state=pending
	go 1 p.ini
	is "$(wc -l <"$WITNESS")" 5
	touch ok
	go 0 --resume p.ini
	is "$(tail -n 3 "$WITNESS" | xargs)" 'gen 2 b val 1 b all 1'
	look state=done
}

@test "allow_failure: of items, it blocks nobody" {
	cat >p.ini <<'INI'
[step gen]
foreach = a b c
allow_failure = yes
run = mark "$ITEM"; [ $ITEM != b ]
[step val]
foreach = step:gen
run = mark "$ITEM"
[step all]
run = mark
INI
	go 0 -j1 p.ini
	witnessed 'gen 1 a' 'val 1 a' 'gen 1 b' 'val 1 b' 'gen 1 c' 'val 1 c' 'all 1'
	look gen.items.needs_review=1 gen.items.done=2 all.state=done
}

# ---- each item is a task

@test "an item: its own retries, time limit, condition" {
	cat >p.ini <<'INI'
[step gen]
foreach = a b skip slow
if = [ $ITEM != skip ]
retries = 2
retry_delay = 1ms
timeout = 400ms
run =
    mark "$ITEM${DUREXEC_PREVIOUS:+ after $DUREXEC_PREVIOUS}"
    [ $ITEM$DUREXEC_ATTEMPT != slow1 ] || sleep 1000
    [ $ITEM != b ] || exit $((3 - DUREXEC_ATTEMPT))
[step end]
run = mark
INI
	go 0 -j4 p.ini
	witnessed_all 'gen 1 a' 'gen 1 b' 'gen 2 b after exit 2' \
		'gen 3 b after exit 1' 'gen 1 slow' \
		"$(grep '^gen 2 slow after .*time' "$WITNESS")" 'end 1'
	look 'gen[a].attempts=1' 'gen[b].attempts=3' 'gen[skip].state=skipped' \
		'gen[slow].attempts=2' gen.items.skipped=1 gen.items.done=3
}

@test "review = yes: each item awaits a word; both ways to name it" {
	cat >p.ini <<'INI'
[step gen]
foreach = a b c d
review = yes
run = mark "$ITEM"
[step val]
foreach = step:gen
run = mark "$ITEM"
[step all]
run = mark
INI
	go 3 -j1 p.ini
	witnessed 'gen 1 a' 'gen 1 b' 'gen 1 c' 'gen 1 d'
	look 'gen[a].state=needs_review' 'gen[a].reason=approval' \
		gen.items.needs_review=4
	go 0 approve p.ini 'gen[b]' gen/d
	go 3 -j1 p.ini
	is "$(tail -n 2 "$WITNESS" | xargs)" 'val 1 b val 1 d'
	go 2 approve p.ini 'gen[x]'
	like err 'gen.*x'
	# the step alone: those of its items in review
	go 0 approve p.ini gen --result 'looked good'
	go 0 -j1 p.ini
	is "$(tail -n 3 "$WITNESS" | xargs)" 'val 1 a val 1 c all 1'
	look 'gen[c].result=looked good' 'gen[b].result=null' gen.items.done=4
	is "$(grep -c gen "$WITNESS")" 4
}

@test "receipt: an item that took effect is not tried again, others are" {
	cat >p.ini <<'INI'
[step send]
foreach = a b c
retries = 1
retry_delay = 1ms
receipt = sent as ([a-z0-9]+)
run =
    mark "$ITEM"
    [ $ITEM = c ] && [ $DUREXEC_ATTEMPT = 1 ] && exit 1
    echo "sent as id$ITEM"
    [ $ITEM != b ]
[step tell]
foreach = step:send
run = mark "$DUREXEC_RESULT_send"
INI
	go 1 -j1 p.ini
	witnessed_all 'send 1 a' 'send 1 b' 'send 1 c' 'send 2 c' 'tell 1 ida' \
		'tell 1 idc'
	look 'send[b].state=needs_review' 'send[b].result=idb' 'send[b].attempts=1' \
		'send[a].result=ida' 'send[c].attempts=2'
	go 1 -j1 --resume p.ini
	look 'send[b].attempts=1'
	go 0 approve p.ini 'send[b]'
	go 0 p.ini
	is "$(tail -n 1 "$WITNESS")" 'tell 1 idb'
}

@test "rerun = never: an item whose end nobody knows has to be named" {
	cat >p.ini <<'INI'
[step send]
foreach = a b c
rerun = never
run = $T/item hold
[step end]
run = mark
INI
	gates a b c
	start -j3 p.ini
	at_all 'send[a]' 'send[b]' 'send[c]'
	pass a
	eventually 'a is done' looks 'send[a].state=done'
	keeper=$(keeper_of "$(cat 'pid.send[b]')")
	kill -KILL "$pid" "$keeper"
	eventually 'durexec is gone' over "$pid"
	start -j3 p.ini
	eventually 'c is adopted' grep -q 'send\[c\].*adopted' out
	pass c
	ends 1
	look 'send[a].attempts=1' 'send[b].state=needs_review' \
		'send[b].outcome=lost' 'send[c].state=done' 'send[c].attempts=1'
	go 1 --resume p.ini
	look 'send[b].attempts=1'
	go 0 retry p.ini 'send[b]'
	start p.ini
	at 'send[b]'
	pass b
	ends 0
	look 'send[b].attempts=2' end.state=done
}

@test "outputs, stdout and gates of an item are its own" {
	cat >p.ini <<'INI'
[step gen]
foreach = in/a.md in/b.md in/c.md
stdout = o/${ITEM_BASE}.txt
outputs = o/${ITEM_BASE}.txt ${ITEM_BASE}.log
verify.same = grep -qx "$ITEM" "$DUREXEC_OUT_gen" && [ -s "$2" ] && mark "$ITEM $2"
run = echo $ITEM; [ $ITEM = in/b.md ] && [ ! -e ok ] || echo x >$ITEM_BASE.log
INI
	mkdir o
	go 1 -j1 p.ini
	witnessed 'gen 1 in/a.md a.log' 'gen 1 in/c.md c.log'
	is "$(cat o/a.txt o/c.txt | xargs)" 'in/a.md in/c.md'
	[ ! -e o/b.txt ]
	look 'gen[in/b.md].reason=~b\.log'
	touch ok
	go 0 --resume p.ini
	is "$(cat o/b.txt)" in/b.md
	is "$(tail -n 1 "$WITNESS")" 'gen 2 in/b.md b.log'
}

@test "a gate that refuses one item" {
	cat >p.ini <<'INI'
[step gen]
foreach = a b
verify.look = [ "$ITEM" = a ] || [ -e ok ] || { echo "not $ITEM"; exit 4; }
run = mark "$ITEM"
INI
	go 1 -j1 p.ini
	has out 'not b'
	look 'gen[a].state=done' 'gen[b].state=needs_review'
	touch ok
	go 0 --resume p.ini
	# asked again, and not run again
	witnessed 'gen 1 a' 'gen 1 b'
}

@test "parallel: so many items of the step, whatever -j says; others go on" {
	cat >p.ini <<'INI'
[step gen]
foreach = a b c d
parallel = 2
run = $T/item hold
[step free]
needs =
foreach = x y
run = mark "$ITEM"
INI
	gates a b c d
	start -j8 p.ini
	at_all 'gen[a]' 'gen[b]'
	eventually 'the other one is done' looks free.items.done=2
	nobody_holds
	look gen.items.running=2 gen.items.pending=2
	pass b
	at 'gen[c]'
	nobody_holds
	# over a kill -9 as well
	kill9 "$pid"
	start -j8 p.ini
	eventually 'both are adopted' eval '[ "$(grep -c adopted out)" = 2 ]'
	nobody_holds
	pass c
	at 'gen[d]'
	pass a
	pass d
	ends 0
	look gen.items.done=4
}

@test "a pool: its slots are those of items and steps together" {
	cat >p.ini <<'INI'
[pool gpu]
slots = left right
[defaults]
pool = gpu
needs =
[step gen]
foreach = a b c
env.CARD = ${DUREXEC_SLOT_gpu}
run = echo "$CARD $DUREXEC_SLOT_gpu" >>slots.$ITEM; $T/item hold
[step one]
run = echo "$DUREXEC_SLOT_gpu" >>slots.one; hold
INI
	gates a b c
	start -j8 p.ini
	at_all 'gen[a]' 'gen[b]'
	nobody_holds
	is "$(sort slots.a slots.b | xargs)" 'left left right right'
	kill9 "$pid"
	start -j8 p.ini
	eventually 'both are adopted' eval '[ "$(grep -c adopted out)" = 2 ]'
	nobody_holds
	pass a
	at 'gen[c]'
	pass b
	at one
	pass c
	release
	ends 0
	# each takes the place of the one that has ended
	is "$(cat slots.c)" "$(cat slots.a)"
	is "$(cat slots.one)" "$(cut -d' ' -f1 slots.b)"
}

@test "wait_if without a pool: all items of the step wait, others do not" {
	cat >p.ini <<'INI'
[step gen]
foreach = a b c
wait_if = limit
run = mark "$ITEM"; [ -e ok ] || { echo 'limit: retry-after: 3600' >&2; exit 1; }
[step other]
needs =
foreach = x y
run = mark "$ITEM"
INI
	go 75 -j1 --no-wait p.ini
	witnessed_all 'gen 1 a' 'other 1 x' 'other 1 y'
	look 'gen[a].state=waiting' 'gen[a].waiting_until=3500..4000' \
		'gen[b].state=pending' gen.items.waiting=1 state=waiting
	# so it is when it is asked the next time
	go 75 -j1 --no-wait p.ini
	is "$(wc -l <"$WITNESS")" 3
	python "$E2E/state.py" due "$(run_dir)/state" 0.1
	touch ok
	go 0 -j1 p.ini
	is "$(tail -n 3 "$WITNESS" | xargs)" 'gen 2 a gen 1 b gen 1 c'
}

@test "fail_fast: so many items, or so many of a hundred" {
	for limit in 2 10%; do
		cat >p.ini <<INI
[pipeline]
fail_fast = $limit
[step gen]
foreach_from = seq 20
run = mark "\$ITEM"; [ \$((ITEM % 3)) != 0 ]
INI
		: >"$WITNESS"
		go 1 -j1 --fresh p.ini
		witnessed 'gen 1 1' 'gen 1 2' 'gen 1 3' 'gen 1 4' 'gen 1 5' 'gen 1 6'
		look gen.items.needs_review=2 gen.items.pending=14
	done
}

@test "mistakes with items are told before anything runs" {
	cat >p.ini <<'INI'
[step a]
foreach = x y x
run = mark
[step b]
foreach =
run = mark
[step c]
foreach = p q
stdout = one.txt
run = echo
INI
	go 2 p.ini
	has err 'p.ini:2: foreach: "x" is there twice' \
		'p.ini:5: foreach has no value' \
		'p.ini:9: stdout = one.txt: each item of "c" would replace'
	witnessed
}

@test "a fan-out that was cut short and is a plain step now runs as one" {
	cat >p.ini <<'INI'
[step a]
foreach = x y
run = mark "$ITEM"; test "$ITEM" = x
INI
	go 1 p.ini
	printf '[step a]\nrun = mark plain\n' >p.ini
	: >"$WITNESS"
	go 0 p.ini
	witnessed 'a 1 plain'
	go 0 p.ini
	witnessed 'a 1 plain'
}

@test "a fan-out that was done and is a plain step now stays done, and is stale" {
	cat >p.ini <<'INI'
[step a]
foreach = x y
run = mark "$ITEM"
INI
	go 0 p.ini
	printf '[step a]\nrun = mark plain\n' >p.ini
	: >"$WITNESS"
	go 0 p.ini
	has err 'STALE'
	witnessed
	look a.state=done a.stale=true
	go 0 --rerun-stale p.ini
	witnessed 'a 1 plain'
	look a.state=done a.stale=false
}

@test "a secret is no item" {
	cat >p.ini <<'INI'
[step a]
secrets = TOKEN
env_file = keys
foreach_from = printf 'one\n%s\n' "x$TOKEN"
run = mark
INI
	echo TOKEN=hunter2-hunter2 >keys
	go 1 p.ini
	look a.state=needs_review 'a.reason=~item number 2 has a secret in it'
	run ! grep -q hunter2 .durexec/p/latest/state
	witnessed
}

@test "--json: the list is a message, and the fan-out is done behind its last item" {
	cat >p.ini <<'INI'
[step a]
foreach = x y
run = true
INI
	go 0 --json p.ini
	head -n -1 out | python3 -c '
import json, sys
seen = [json.loads(line) for line in sys.stdin]
whole = [i for i, e in enumerate(seen) if e.get("step") == "a"
         and e.get("item") is None and e.get("state") == "done"]
items = [i for i, e in enumerate(seen) if e.get("item") and e.get("state") == "done"]
lists = [e["text"] for e in seen if e["event"] == "message"]
assert len(whole) == 1 and len(items) == 2 and whole[0] > max(items), seen
assert "a: 2 items" in lists, lists
'
}

@test "fail_fast says what it has not started" {
	cat >p.ini <<'INI'
[pipeline]
fail_fast = 2
jobs = 1
[step a]
foreach = 1 2 3 4 5
run = mark "$ITEM"; exit 3
INI
	go 1 p.ini
	has out '2 in review, 3 not started (fail_fast)'
	witnessed 'a 1 1' 'a 1 2'
}

@test "long items: each has files of its own, whatever a hash says of them" {
	# these two have the same FNV-1a hash
	local p
	p=$(printf 'A%.0s' {1..130})
	printf '%s\n' "${p}dS-R19o.CBrBbEl221=yLT" "${p}dRW1SJg7YZvD=Lt,9SByLT" >l
	cat >p.ini <<'INI'
[step g]
foreach_from = cat l
run = touch "$DUREXEC_DIR/$ITEM_INDEX"; ls "$DUREXEC_DIR"
[step v]
foreach = step:g
stdin = step:g
run = mark "$ITEM_INDEX $(cat)"
INI
	go 0 -j1 p.ini
	witnessed 'v 1 1 1' 'v 1 2 2'
}

@test "status: what an item's script called stands below the item" {
	EXTRA+=("PATH=${DUREXEC%/*}:$PATH")
	cat >p.ini <<'INI'
[step g]
foreach = x y
run = durexec step s1 -- true; false
INI
	go 1 p.ini
	go 0 status p.ini
	is "$(grep -c '^      s1 ' out)" 2
	like out '^    x  '
}

@test "status: failures that are allowed, and what awaits approval, are told apart" {
	cat >p.ini <<'INI'
[step g]
allow_failure = yes
review = yes
foreach = a b c
run = [ "$ITEM" = a ]
INI
	go 3 p.ini
	go 0 status p.ini
	like out '^  g +2/3 done, 1 review, 2 failed, which is allowed$'
	go 0 approve p.ini 'g[a]'
	go 0 p.ini
	printf '[step x]\nrun = :\n' >q.ini
	go 0 q.ini
	# of several pipelines: what is done has nothing in review
	go 0 status
	like out '^p +done .*/p.ini$'
	hasnt out 'in review'
}
