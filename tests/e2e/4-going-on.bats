# SPDX-License-Identifier: ISC
# Going on: after kill -9 of durexec, of a keeper, of both, after a reboot,
# after an edit. The witness file is outside of the run.
load helper

three() {
	printf '[step a]\nrun = mark\n[step b]\nrun = hold\n[step c]\nrun = mark\n' >p.ini
}

# A step that shows when a second copy of it runs beside the first: its child,
# in a session of its own, holds a lock for as long as it lives.
exclusive() {
	cat >p.ini <<'INI'
[defaults]
stop_grace = 1s
[step b]
run =
    exec 9>>$T/lock
    flock -n 9 || mark TWICE
    setsid sh -c 'trap "" TERM HUP; echo $$ >>$T/left; while :; do sleep 1; done' &
    until [ "$(wc -l <$T/left)" -ge $DUREXEC_ATTEMPT ]; do sleep 0.01; done
    hold
[step c]
run = mark
INI
	: >left
}

@test "kill -9 of durexec while a step runs: same pid goes on, is adopted, runs once" {
	three
	start p.ini
	at b
	first=$step_pid
	kill9 "$pid"
	over "$first" && fail 'the step died with durexec'
	go 0 status p.ini
	has out "$first"
	start p.ini
	eventually 'adopted' grep -q adopted out
	look b.state=running b.pid="$first" b.adopted=true b.attempts=1
	[ -d "/proc/$first" ]
	release
	ends 0
	witnessed 'a 1' 'b 1' 'c 1'
	look state=done b.adopted=true a.adopted=false b.exit=0
	like err "continuing run .*1 of 3 done"
	has err b
}

@test "adopted: a failure stays one, with its exit status" {
	three
	start p.ini
	at b
	kill9 "$pid"
	start p.ini
	eventually 'adopted' grep -q adopted out
	release 7
	ends 1
	look b.state=needs_review b.exit=7 b.outcome=exit b.adopted=true
	witnessed 'a 1' 'b 1'
}

@test "ended while nobody watched: the true status, success, failure, signal" {
	cat >p.ini <<'INI'
[defaults]
needs =
[step good]
run = hold
[step bad]
run = hold
[step dead]
run = hold
[step after]
needs = good
run = mark
INI
	start -j3 p.ini
	for _ in 1 2 3; do
		read -r -t 20 name p <&7
		echo "$p" >"pid.$name"
	done
	kill9 "$pid"
	# each reads its own word: they are told one after the other
	kill -SEGV "$(cat pid.dead)"
	eventually 'dead is over' over "$(cat pid.dead)"
	release 'if [ "$DUREXEC_STEP" = good ]; then exit 0; else exit 9; fi'
	release 'if [ "$DUREXEC_STEP" = good ]; then exit 0; else exit 9; fi'
	eventually 'all are over' sh -c '[ ! -d /proc/$(cat pid.good) ] && [ ! -d /proc/$(cat pid.bad) ]'
	go 1 p.ini
	look good.state=done bad.state=needs_review bad.exit=9 bad.attempts=1 \
		dead.outcome=signal dead.signal=11 after.state=done \
		good.adopted=true bad.adopted=true dead.adopted=true
	witnessed_all 'good 1' 'bad 1' 'dead 1' 'after 1'
}

@test "time limits hold while durexec is dead" {
	printf '[step a]\ntimeout = 700ms\nrun = mark; sleep 1000\n' >p.ini
	start p.ini
	eventually 'a runs' test -s "$WITNESS"
	kill9 "$pid"
	eventually 'keeper is gone' nobody_left
	go 1 p.ini
	look a.outcome=timeout a.attempts=1
	witnessed 'a 1'
}

@test "kill -9 of the keeper: never two copies, what it left is ended, then again" {
	exclusive
	start p.ini
	at b
	keeper=$(keeper_of "$step_pid")
	kill9 "$keeper"
	at b
	is "$(wc -l <left)" 2
	over "$(head -n 1 left)" || fail 'a leftover of the first attempt lives'
	release
	ends 0
	witnessed 'b 1' 'b 2' 'c 1'
	look b.attempts=2 state=done
}

@test "kill -9 of durexec and keeper: never two copies, what they left is ended" {
	exclusive
	start p.ini
	at b
	keeper=$(keeper_of "$step_pid")
	kill -KILL "$pid" "$keeper"
	eventually 'durexec is gone' over "$pid"
	start p.ini
	at b
	over "$(head -n 1 left)" || fail 'a leftover of the first attempt lives'
	release
	ends 0
	witnessed 'b 1' 'b 2' 'c 1'
}

@test "kill -9 of durexec, and of the keeper while the next one watches" {
	exclusive
	start p.ini
	at b
	keeper=$(keeper_of "$step_pid")
	kill9 "$pid"
	start p.ini
	eventually 'adopted' grep -q adopted out
	kill -KILL "$keeper"
	at b
	over "$(head -n 1 left)" || fail 'a leftover of the first attempt lives'
	release
	ends 0
	witnessed 'b 1' 'b 2' 'c 1'
}

@test "kill -9 of a keeper, and another one starts before that is noticed" {
	cat >p.ini <<'INI'
[step a]
run = hold
[step b]
needs =
run = mark; [ $DUREXEC_ATTEMPT = 2 ] || { echo "b $$" >$AT; exec sleep 1000; }
[step c]
needs = a
run = mark
[step d]
needs = a
run = mark
INI
	start -j3 p.ini
	for _ in 1 2; do
		read -r -t 20 name p <&7
		keeper_of "$p" >"keeper.$name"
	done
	kill -STOP "$pid"
	release
	eventually 'how a ended is known' grep -q ' end ' .durexec/p/latest/keeper.0
	kill9 "$(cat keeper.b)"
	kill -CONT "$pid"
	ends 0
	witnessed_all 'a 1' 'b 1' 'b 2' 'c 1' 'd 1'
}

@test "keepers that are killed as they are born: each step is done all the same" {
	{
		echo '[defaults]'
		echo 'needs ='
		for i in {1..8}; do printf '[step s%d]\nrun = mark\n' "$i"; done
	} >p.ini
	cat >hunt.py <<'PY'
import os, signal, subprocess, sys
# Kill the first few children of it as soon as they are there.
left, seen = int(sys.argv[1]), set()
p = subprocess.Popen(sys.argv[2:])
while left > 0 and p.poll() is None:
    for child in open(f"/proc/{p.pid}/task/{p.pid}/children").read().split():
        if child not in seen and left > 0:
            seen.add(child)
            left -= 1
            os.kill(int(child), signal.SIGKILL)
sys.exit(p.wait())
PY
	for i in {1..8}; do
		EXE=/usr/bin/python3 start hunt.py "$i" "$DUREXEC" --fresh -j6 p.ini
		ends 0
		look state=done
	done
	# One that was killed too late had begun its step, which is lost, and
	# runs once more: no other does.
	lost=$(cat .durexec/p/2*/state | grep -c 'outcome=lost' || :)
	is "$(cut -d' ' -f1 "$WITNESS" | sort | uniq -c |
		awk '$1 < 8 { print "too few of", $2 }')" ''
	n=$(wc -l <"$WITNESS")
	[ "$n" -le $((64 + lost)) ] || fail "$n starts, $lost were lost"
}

@test "killed again and again: one process, one attempt" {
	three
	start p.ini
	at b
	first=$step_pid
	for i in 1 2 3 4 5; do
		kill9 "$pid"
		start p.ini
		eventually "adopted" grep -q adopted out
	done
	look b.pid="$first" b.attempts=1
	release
	ends 0
	witnessed 'a 1' 'b 1' 'c 1'
}

@test "killed at any moment of a chain: each step exactly once, in order" {
	for i in {1..12}; do
		printf '[step s%d]\nrun = mark\n' "$i"
	done >p.ini
	for i in {1..15}; do
		start p.ini
		# not a time to hit anything: any moment will do
		read -r -t "0.0$((i % 10))" _ <&7 || :
		kill -KILL "$pid" 2>/dev/null || :
		eventually 'over' over "$pid"
	done
	go 0 p.ini
	# an attempt that was killed before it began counts, but did nothing
	is "$(cut -d' ' -f1 "$WITNESS" | xargs)" "$(printf 's%d\n' {1..12} | xargs)"
	python "$E2E/state.py" check "$(run_dir)/state"
	look state=done
}

@test "after a reboot what was running is interrupted and runs again, once" {
	three
	start p.ini
	at b
	kill -KILL "$pid" "$(parent "$step_pid")" "$step_pid"
	eventually 'durexec is gone' over "$pid"
	eventually 'all are gone' nobody_left
	python "$E2E/state.py" reboot "$(run_dir)/state"
	start p.ini
	at b
	look b.attempts=2
	release
	ends 0
	witnessed 'a 1' 'b 1' 'b 2' 'c 1'
	look state=done b.state=done
}

@test "after a reboot a pid of before is nobody's: it is not signalled" {
	three
	start p.ini
	at b
	first=$step_pid
	kill9 "$pid"
	release
	eventually 'all are gone' nobody_left
	python "$E2E/state.py" reboot "$(run_dir)/state"
	# the record of its end counts all the same
	go 0 p.ini
	witnessed 'a 1' 'b 1' 'c 1'
	look b.attempts=1
}

@test "a plain start goes on, and leaves a finished run alone" {
	printf '[step a]\nrun = mark\n[step b]\nrun = mark; [ -e ok ]\n' >p.ini
	go 1 p.ini
	go 1 p.ini
	witnessed 'a 1' 'b 1'
	touch ok
	go 0 --resume p.ini
	witnessed 'a 1' 'b 1' 'b 2'
	tree .durexec >../tree.before
	go 0 p.ini
	go 0 --resume p.ini
	go 0 --resume
	tree .durexec >../tree.after
	diff ../tree.before ../tree.after
	witnessed 'a 1' 'b 1' 'b 2'
	go 0 p.ini
	cat out err >both
	like both 'finished [0-9:]{5}, 2 of 2 done; run it again: durexec --fresh p.ini'
}

@test "--fresh closes the unfinished run and starts a new one; history has both" {
	printf '[step a]\nrun = mark\n[step b]\nrun = mark; false\n' >p.ini
	go 1 p.ini
	first=$(run_dir)
	go 1 --fresh p.ini
	[ "$(run_dir)" != "$first" ]
	witnessed 'a 1' 'b 1' 'a 1' 'b 1'
	go 0 history p.ini
	has out "$(basename "$first")" "$(basename "$(run_dir)")"
	is "$(wc -l <out)" 2
	go 0 history --json p.ini
	python -m json.tool <out >/dev/null
	[ -f "$first/state" ]
}

@test "--fresh is refused while a step of the run still runs, and names stop" {
	three
	start p.ini
	at b
	kill9 "$pid"
	(become --fresh p.ini) </dev/null >out 2>err && fail 'exit 0'
	has err 'durexec stop'
	go 0 stop p.ini
	eventually 'nobody is left' nobody_left
	start --fresh p.ini
	at b
	release
	ends 0
	witnessed 'a 1' 'b 1' 'a 1' 'b 1' 'c 1'
}

@test "when_done = again; keep_runs; max_age" {
	printf '[pipeline]\nwhen_done = again\nkeep_runs = 2\n[step a]\nrun = mark\n' >p.ini
	for _ in 1 2 3 4 5; do go 0 p.ini; done
	is "$(wc -l <"$WITNESS")" 5
	go 0 history p.ini
	[ "$(wc -l <out)" -le 3 ]
	printf '[pipeline]\nmax_age = 1ms\n[step a]\nrun = mark\n[step b]\nrun = false\n' >q.ini
	: >"$WITNESS"
	go 1 q.ini
	go 1 q.ini
	witnessed 'a 1' 'a 1'
	like err 'max_age'
}

@test "recovery is idempotent: a second one leaves the state byte for byte" {
	printf '[defaults]\nneeds =\n[step a]\nrun = hold\n[step b]\nrun = mark; false\n' >p.ini
	start -j1 p.ini
	at a
	kill9 "$pid"
	release 3
	eventually 'a is over' nobody_left
	go 1 p.ini
	look a.exit=3 b.state=needs_review
	state=$(run_dir)/state
	cp "$state" first
	go 1 p.ini
	cmp "$state" first
	: >"$WITNESS"
	printf '[defaults]\nneeds =\n[step a]\nrun = mark\n[step b]\nrun = mark\n' >p.ini
	go 0 --resume p.ini
	witnessed_all 'a 2' 'b 2'
	cp "$state" first
	go 0 --resume p.ini
	go 0 --resume
	cmp "$state" first
}

@test "--resume tries again what failed, and nothing else; without FILE the only one" {
	printf '[step a]\nrun = mark\n[step b]\nneeds = a\nrun = mark; [ -e ok ]\n[step c]\nneeds = a\nrun = mark; [ -e ok ]\n[step d]\nrun = mark\n' >p.ini
	go 1 -j1 p.ini
	touch ok
	: >"$WITNESS"
	go 0 --resume -j1
	witnessed 'b 2' 'c 2' 'd 1'
	go 0 --resume
	cat out err >both
	[ -s both ]
	witnessed 'b 2' 'c 2' 'd 1'
	# somewhere without any run
	mkdir empty
	go 0 -C empty --resume
	[ -s err ] || [ -s out ]
	[ -z "$(ls -A empty)" ]
}

@test "--resume without FILE and several unfinished: listed, exit 2" {
	printf '[step a]\nrun = mark; false\n' >p.ini
	cp p.ini q.ini
	go 1 p.ini
	go 1 q.ini
	: >"$WITNESS"
	go 2 --resume
	has err p.ini q.ini
	witnessed
}

@test "an edited file: new steps join, removed ones are reported, done ones stay, STALE" {
	printf '[step a]\nrun = mark\n[step gone]\nrun = mark\n[step b]\nrun = mark; false\n' >p.ini
	go 1 p.ini
	printf '[step new]\nrun = mark\n[step a]\nrun = mark\n    : changed\n[step b]\nrun = mark\n' >p.ini
	: >"$WITNESS"
	go 0 --resume p.ini
	witnessed_all 'new 1' 'b 2'
	cat out err >both
	like both 'gone'
	look state=done a.stale=true b.stale=false new.stale=false total=3
	go 0 status p.ini
	like out 'a .*STALE'
	like out 'durexec rewind'
	cmp "$(run_dir)/pipeline.ini" p.ini
}

@test "a step in review whose definition changed is tried again by a plain start" {
	printf '[step a]\nrun = mark; false\n' >p.ini
	go 1 p.ini
	go 1 p.ini
	witnessed 'a 1'
	printf '[step a]\n# another comment, and nothing else\nrun = mark; false\n' >p.ini
	go 1 p.ini
	witnessed 'a 1'
	printf '[step a]\nrun = mark; true\n' >p.ini
	go 0 p.ini
	witnessed 'a 1' 'a 2'
}

@test "a step that joins a finished run makes it go on" {
	printf '[step a]\nrun = mark\n' >p.ini
	go 0 p.ini
	printf '[step b]\nrun = mark\n' >>p.ini
	go 0 p.ini
	witnessed 'a 1' 'b 1'
	look state=done total=2
}

@test "a step that is removed while it still runs is collected, not forgotten" {
	three
	start p.ini
	at b
	kill9 "$pid"
	printf '[step a]\nrun = mark\n[step c]\nrun = mark\n' >p.ini
	start p.ini
	eventually 'b is known' grep -qE '\bb\b' out err
	release
	ends 0
	witnessed_all 'a 1' 'b 1' 'c 1'
	eventually 'nobody is left' nobody_left
}

@test "a mistake in the edited file: exit 2, nothing is touched, the step goes on" {
	three
	start p.ini
	at b
	kill9 "$pid"
	cp p.ini good.ini
	echo 'nonsense = 1' >>p.ini
	go 2 p.ini
	go 0 status
	cp good.ini p.ini
	start p.ini
	eventually 'adopted' grep -q adopted out
	release
	ends 0
	witnessed 'a 1' 'b 1' 'c 1'
}

@test "a second durexec on the same pipeline: exit 75, and says who runs it" {
	three
	start p.ini
	at b
	for args in p.ini '--resume'; do
		# shellcheck disable=SC2086
		(become $args) </dev/null >out2 2>err2 && got=0 || got=$?
		is "$got" 75
		grep -q "$pid" err2 || fail "the pid is not named: $(cat err2)"
	done
	release
	ends 0
	witnessed 'a 1' 'b 1' 'c 1'
}

@test "two durexecs at once: one runs it, the other one does not" {
	printf '[step a]\nrun = hold\n' >p.ini
	(become p.ini) </dev/null >out1 2>err1 &
	one=$!
	(become p.ini) </dev/null >out2 2>err2 &
	two=$!
	at a
	eventually 'one of them gives up' grep -q "another durexec" err1 err2 ||
		fail "$(cat err1 err2)"
	release
	wait $one && a=0 || a=$?
	wait $two && b=0 || b=$?
	is "$(printf '%s\n' $a $b | sort -n | xargs)" '0 75'
	witnessed 'a 1'
}

@test "several pipelines start at once where there was none before" {
	for p in a b c d; do printf '[step %s]\nrun = mark\n' $p >$p.ini; done
	for i in 1 2 3; do
		rm -rf .durexec
		for p in a b c d; do
			(become $p.ini) </dev/null >out.$p 2>err.$p &
			eval "pid_$p=$!"
		done
		for p in a b c d; do
			who=pid_$p
			wait ${!who} || fail "$(cat err.$p)"
		done
	done
	is "$(wc -l <"$WITNESS")" 12
}

@test "runs of two files of one name do not mix" {
	mkdir x y
	for d in x y; do
		printf '[pipeline]\nname = same\nstate_dir = %s/state\n[step a]\nrun = mark %s\n' "$T" $d >$d/p.ini
	done
	go 0 x/p.ini
	go 2 y/p.ini
	has err x/p.ini
	witnessed 'a 1 x'
}

@test "interrupted between a condition and its command, or before outputs are looked at" {
	cat >p.ini <<'INI'
[step a]
if = hold
run = mark run
[step b]
outputs = b.txt
run = echo x >b.txt; hold
INI
	start p.ini
	at a
	kill9 "$pid"
	start p.ini
	eventually 'begun' grep -q . out
	release 0
	at b
	kill9 "$pid"
	release 0
	eventually 'b is over' nobody_left
	go 0 p.ini
	is "$(grep -c '^a 1 run' "$WITNESS")" 1
	is "$(grep -c '^b 1' "$WITNESS")" 1
	look state=done b.attempts=1
}

@test "the pipeline's directory may move: nothing that is done runs again" {
	mkdir first
	printf '[step a]\nrun = mark\n[step b]\nrun = mark; [ -e ok ]\n' >first/p.ini
	go 1 first/p.ini
	touch first/ok
	go 0 -C first --resume
	witnessed 'a 1' 'b 1' 'b 2'
}

@test "a step that kills its keeper again and again goes to review" {
	printf '[step a]\nrun = mark; kill -9 $PPID; sleep 100\n' >p.ini
	go 1 p.ini
	look a.state=needs_review a.outcome=lost a.attempts=3
	witnessed 'a 1' 'a 2' 'a 3'
}

@test "a line that a crash tore in a mailbox costs no living step" {
	printf '[step a]\nrun = hold\n' >p.ini
	start p.ini
	at a
	kill -KILL "$pid" "$(keeper_of "$step_pid")"
	eventually 'durexec is gone' over "$pid"
	eventually 'nothing is left' nobody_left
	printf torn >>.durexec/p/latest/keeper.0
	start p.ini
	at a
	first=$step_pid
	kill9 "$pid"
	start p.ini
	eventually 'adopted' grep -q adopted out
	look a.state=running a.pid="$first"
	release
	ends 0
	witnessed 'a 1' 'a 2'
}

@test "adoption that cannot be asked about (no descriptors): exit 4, nothing touched" {
	{
		printf '[defaults]\nneeds =\n'
		for i in {1..12}; do printf '[step s%d]\nrun = mark; cat <gate\n' "$i"; done
	} >p.ini
	mkfifo gate2
	sed -i 's|<gate$|gate2|' p.ini
	start -j12 p.ini
	eventually 'all run' eval '[ "$(wc -l <"$WITNESS")" = 12 ]'
	kill9 "$pid"
	(ulimit -n 12 && go 4 p.ini)
	start -j12 p.ini
	eventually 'adopted' grep -q 's12: adopted' out
	: >gate2
	ends 0
	is "$(wc -l <"$WITNESS")" 12
}

@test "--fresh: clean-up of the run that is closed, and what a killed keeper left is ended first" {
	cat >p.ini <<'INI'
[step a]
run = hold
[step end]
always = done
run = mark
INI
	start p.ini
	at a
	kill -KILL "$pid" "$(keeper_of "$step_pid")"
	eventually 'durexec is gone' over "$pid"
	start --fresh p.ini
	at a
	release
	ends 0
	witnessed 'a 1' 'end 1' 'a 1' 'end 1'
	is "$(grep -c ' close state=closed ' .durexec/p/*/state | grep -c ':1$')" 1
}

@test "stop of a condition whose durexec is gone starts no step" {
	printf '[step a]\nif = hold\nrun = mark\n' >p.ini
	start p.ini
	at a
	kill9 "$pid"
	go 0 stop p.ini
	look a.state=pending
	witnessed 'a 1'
}

# A step that was stopped when its command had ended and before anybody had
# synced its outputs: the state ends so.
stopped_unsettled() {
	printf '[step a]\noutputs = made\nrun = mark; echo made >made\n%s\n' "$1" >p.ini
	go 0 p.ini
	python - "$E2E" "$(run_dir)/state" <<-'PY'
		import re, sys
		sys.path.insert(0, sys.argv[1])
		from state import seal
		lines = open(sys.argv[2], 'rb').read().split(b'\n')
		n = next(i for i, line in enumerate(lines) if b' ran step=a' in line)
		body = lines[n][:-8]
		number, time = body.split(b' ')[:2]
		body = b'%d %s end step=a state=pending *' % (int(number) + 1, time)
		crc = seal(int(lines[n][-8:], 16), body)
		with open(sys.argv[2], 'wb') as f:
		    f.write(b'\n'.join(lines[:n + 1]) + b'\n')
		    f.write(body + b'%08x\n' % crc)
	PY
}

@test "stopped before its outputs were synced, then a power cut: it runs again" {
	stopped_unsettled ''
	go 0 p.ini
	witnessed 'a 1'
	rm -r .durexec
	: >witness
	stopped_unsettled ''
	python "$E2E/state.py" reboot "$(run_dir)/state"
	go 0 p.ini
	has out 'before its outputs were safe'
	witnessed 'a 1' 'a 2'
	look state=done
	rm -r .durexec
	: >witness
	stopped_unsettled 'rerun = never'
	python "$E2E/state.py" reboot "$(run_dir)/state"
	go 1 p.ini
	witnessed 'a 1'
	look a.state=needs_review
}

@test "a power cut right behind the end of a command: what it said is placed all the same" {
	printf '[step a]\nstdout = placed\nrun = mark; echo hello\n' >p.ini
	go 0 p.ini
	sed -i '/ ran step=a/q' "$(run_dir)/state"
	rm placed "$(run_dir)"/keeper.*
	python "$E2E/state.py" reboot "$(run_dir)/state"
	go 0 p.ini
	is "$(cat placed)" hello
	witnessed 'a 1'
	look a.state=done a.outcome=exit a.exit=0
	go 0 logs --stdout p.ini a
	is "$(cat out)" hello
}
