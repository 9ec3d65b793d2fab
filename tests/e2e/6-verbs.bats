# SPDX-License-Identifier: ISC
# Verbs and options, on live runs and on runs at rest.
load helper

two_steps() { printf '[step a]\nrun = mark\n[step b]\nrun = hold\n[step c]\nrun = mark\n' >p.ini; }

# A run at rest with b in review.
in_review() {
	cat >p.ini <<'INI'
[step a]
run = mark
[step b]
run = mark; echo out of b; echo why b failed >&2; [ -e ok ]
[step c]
run = mark
INI
	go 1 p.ini
	: >"$WITNESS"
}

@test "status --json: exactly the fields of the contract, before, during and after" {
	two_steps
	go 2 status --json p.ini
	start p.ini
	at b
	look pipeline=p state=running done=1 total=3 ended=null started=? \
		a.state=done a.exit=0 a.outcome=exit a.pid=null a.started=? \
		a.ended=? a.seconds=? a.max_rss_kb=? a.stdout=null \
		b.state=running b.pid="$step_pid" b.ended=null b.exit=null \
		b.outcome=null b.attempts=1 b.seconds=? next= \
		c.state=pending c.attempts=0 c.started=null c.seconds=null
	release 4
	ends 1
	look state=needs_review b.state=needs_review b.exit=4 b.pid=null \
		b.reason=? done=1 'next=durexec --resume p.ini' \
		run="$(basename "$(run_dir)")"
	start --resume p.ini
	at b
	release
	ends 0
	look state=done done=3 ended=? b.attempts=2 b.state=done
}

@test "next can be typed, parameters and all; stdout and stderr are absolute paths" {
	printf '[params]\nv = x\n[step a]\nrun = echo "$v"; echo e >&2; mark; [ -e ok ]\n' >p.ini
	go 1 p.ini 'v=a b'
	go 0 status --json p.ini 'v=a b'
	cp out status.json
	touch ok
	python - "$DUREXEC" <<'PY' >typed
import json, subprocess, sys
s = json.load(open("status.json"))
print(open(s["steps"][0]["stdout"]).read(), open(s["steps"][0]["stderr"]).read(), sep="", end="")
assert s["next"] == ["durexec", "--resume", "p.ini", "v=a b"], s["next"]
PY
	is "$(cat typed)" $'a b\ne'
	go 0 --resume p.ini 'v=a b'
	witnessed 'a 1' 'a 2'
}

@test "status as a table: without a file the only pipeline here" {
	in_review
	go 0 status
	like out '^ *a +done'
	like out '^ *b +needs review.*exit 1'
	like out '^ *c +blocked'
	like out '1 of 3 done'
	go 0 status p.ini
	cp p.ini q.ini
	go 1 q.ini
	go 0 status
	like out '^p +needs review .*/p.ini$'
	like out '^q +needs review .*/q.ini$'
	mkdir empty
	go 2 -C empty status
	go 0 -C empty status "$T/p.ini"
	is "$(ls -A empty)" ''
}

@test "status --run ID shows an earlier run" {
	in_review
	first=$(basename "$(run_dir)")
	go 1 --fresh p.ini
	go 0 status --run "$first" p.ini
	has out "$first"
	go 0 status --json --run "$first" p.ini
	has out "\"run\":\"$first\""
	(become status --run nonsense p.ini) </dev/null >out 2>err && fail 'exit 0'
	has err nonsense
}

@test "logs: of a step, of an attempt, one stream, all with prefixes" {
	in_review
	go 1 --resume p.ini
	go 0 logs p.ini b
	has out 'out of b' 'why b failed'
	go 0 logs --stdout p.ini b
	is "$(cat out)" 'out of b'
	go 0 logs --stderr --attempt 1 p.ini b
	is "$(cat out)" 'why b failed'
	go 0 logs p.ini
	like out '^b.*out of b'
	go 2 logs p.ini bb
	has err bb
	go 0 logs b
	has out 'out of b'
}

@test "logs -f shows what comes, and ends with the step" {
	printf '[step a]\nrun = echo first; hold; echo last; mark end\n[step b]\nrun = hold\n' >p.ini
	start p.ini
	at a
	(become logs -f p.ini a) </dev/null >follow 2>&1 &
	follower=$!
	eventually 'first' grep -q first follow
	release
	at b
	eventually 'it ends' over $follower
	wait $follower
	is "$(cat follow)" $'first\nlast'
	release
	ends 0
}

@test "stop: gracefully; the run is at rest when it returns, exit 3 for the run" {
	two_steps
	start p.ini
	at b
	go_to=$pid
	(become stop p.ini) </dev/null >out2 2>&1 || fail "$(cat out2)"
	# at rest it was; its process may still be on its way out
	eventually "it is gone" over "$go_to"
	ends 3
	look state=stopped b.state=pending b.outcome=interrupted
	witnessed 'a 1' 'b 1'
	go 0 stop p.ini
	start p.ini
	at b
	release
	ends 0
}

@test "stop --drain: what runs is finished, nothing new starts, exit 3" {
	two_steps
	start p.ini
	at b
	(become stop --drain p.ini) </dev/null >out2 2>&1 || fail "$(cat out2)"
	release
	ends 3
	look b.state=done c.state=pending state=stopped
	witnessed 'a 1' 'b 1'
}

@test "stop --now kills" {
	printf '[step a]\nstop_grace = 1h\nrun = trap "mark TERM" TERM; echo "a $$" >$AT; while :; do sleep 0.05; done\n' >p.ini
	start p.ini
	at a
	(become stop --now p.ini) </dev/null >out2 2>&1 || fail "$(cat out2)"
	ends 3
	over "$step_pid"
	witnessed
	look a.state=pending
}

@test "stop after drain: changed one's mind" {
	two_steps
	start p.ini
	at b
	(become stop --drain p.ini) </dev/null >out2 2>&1
	(become stop p.ini) </dev/null >out2 2>&1
	ends 3
	look b.state=pending b.outcome=interrupted
}

@test "wait: the run's exit status; 3 on timeout; at rest at once" {
	two_steps
	start p.ini
	at b
	(become wait p.ini) </dev/null >wait.out 2>&1 &
	waiting=$!
	(become wait --timeout 100ms p.ini) </dev/null >out2 2>&1 && got=0 || got=$?
	is $got 3
	release 0
	ends 0
	wait $waiting && got=0 || got=$?
	is $got 0
	go 0 wait p.ini
	go 2 wait --timeout soon p.ini
}

@test "wait returns when durexec is killed" {
	two_steps
	start p.ini
	at b
	(become wait p.ini) </dev/null >wait.out 2>&1 &
	waiting=$!
	eventually 'it waits' sh -c "[ -d /proc/$waiting ]"
	kill9 "$pid"
	eventually 'it returns' over $waiting
	wait $waiting && got=0 || got=$?
	[ $got != 0 ]
	release
}

@test "retry at rest changes the state and starts nothing; the next start runs it" {
	in_review
	go 0 retry p.ini b
	witnessed
	look b.state=pending
	touch ok
	go 0 p.ini
	witnessed 'b 2' 'c 1'
}

@test "retry --failed, --go; what cannot be retried is said" {
	in_review
	go 2 retry p.ini a
	has err rewind
	go 2 retry p.ini bb
	has err 'did you mean b'
	go 2 retry p.ini
	touch ok
	go 0 retry --failed --go p.ini
	witnessed 'b 2' 'c 1'
	look state=done
}

@test "retry on a live run: it runs now" {
	printf '[defaults]\nneeds =\n[step a]\nrun = hold\n[step b]\nrun = mark; [ -e ok ]\n' >p.ini
	start -j2 p.ini
	at a
	eventually 'b failed' grep -q 'b: needs review' out
	touch ok
	(become retry p.ini b) </dev/null >out2 2>&1 || fail "$(cat out2)"
	eventually 'b is done' looks b.state=done
	release
	ends 0
	witnessed_all 'a 1' 'b 1' 'b 2'
}

@test "approve counts as DONE, with a result; skip lets go on" {
	in_review
	go 2 approve p.ini c
	go 0 approve p.ini b --result 'by hand: 42'
	look b.state=done 'b.result=by hand: 42'
	go 0 skip p.ini c
	look c.state=skipped
	go 0 p.ini
	look state=done done=3
	witnessed
}

@test "approve and skip on a live run" {
	printf '[step a]\nrun = mark; false\n[step b]\nneeds =\nrun = hold\n[step c]\nrun = mark\n[step d]\nneeds = b\nrun = mark\n' >p.ini
	start -j2 p.ini
	at b
	eventually 'a failed' grep -q 'a: needs review' out
	(become skip p.ini d) </dev/null >out2 2>&1 || fail "$(cat out2)"
	(become approve p.ini a) </dev/null >out2 2>&1 || fail "$(cat out2)"
	# it is on disk when the verb answers
	grep -q 'set step=a state=done' .durexec/p/latest/state
	release
	ends 0
	witnessed_all 'a 1' 'b 1' 'c 1'
	look a.state=done d.state=skipped state=done
}

@test "rewind: it and all that depend on it, with a new key; a finished run is reopened" {
	cat >p.ini <<'INI'
[defaults]
run = mark "$DUREXEC_KEY $DUREXEC_SESSION"
[step a]
[step b]
needs = a
[step other]
needs =
[step c]
needs = b
INI
	go 0 -j1 p.ini
	cp "$WITNESS" first
	: >"$WITNESS"
	go 0 rewind p.ini b
	look a.state=done b.state=pending c.state=pending other.state=done state=stopped
	witnessed
	go 0 -j1 p.ini
	is "$(cut -d' ' -f1,2 "$WITNESS" | xargs)" 'b 2 c 2'
	# other keys and sessions than before
	for n in 3 4; do
		if cut -d' ' -f$n first | grep -qxF -f <(cut -d' ' -f$n "$WITNESS"); then
			fail "field $n is as before"
		fi
	done
	go 0 logs --attempt 1 p.ini b
	go 2 rewind p.ini nothing
	go 0 rewind p.ini '[bc]' --go
	look state=done b.attempts=3 a.attempts=1
}

@test "rewind of a running step is refused; on a live run others can be" {
	two_steps
	start p.ini
	at b
	(become rewind p.ini b) </dev/null >out2 2>err2 && fail 'exit 0'
	grep -q 'durexec stop' err2
	release
	ends 0
	witnessed 'a 1' 'b 1' 'c 1'
}

@test "verbs are refused while a step of a killed durexec runs, and name stop" {
	two_steps
	start p.ini
	at b
	kill9 "$pid"
	for verb in retry approve skip rewind; do
		(become $verb p.ini b) </dev/null >out 2>err && fail "$verb: exit 0"
		has err 'durexec stop'
	done
	release
	eventually 'nobody is left' nobody_left
	go 0 p.ini
	witnessed 'a 1' 'b 1' 'c 1'
}

@test "verbs by a stale socket: a killed durexec is not taken for a live one" {
	two_steps
	start p.ini
	at b
	kill9 "$pid"
	release 1
	eventually 'nobody is left' nobody_left
	go 1 p.ini
	go 0 approve p.ini b
	look b.state=done
	go 0 p.ini
	witnessed 'a 1' 'b 1' 'c 1'
}

@test "history: earlier runs, how they ended" {
	in_review
	go 1 --fresh p.ini
	touch ok
	go 0 --resume p.ini
	go 0 history p.ini
	is "$(wc -l <out)" 2
	like out 'closed'
	like out 'done'
	go 0 history --json p.ini
	is "$(python -c 'import json; print(*[r["state"] for r in json.load(open("out"))])')" 'closed done'
}

@test "--dry-run: everything that is missing at once; it runs no step and writes nothing" {
	cat >p.ini <<'INI'
[step prog]
run = no-such-program --option
[step req]
requires = no-such-tool, file:no-such-file, env:NO_SUCH_VAR, free:900000T
run = mark
[step check]
check = echo "no key here" >&2; exit 3
run = mark
[step dir]
workdir = no-such-dir
run = mark
[step in]
stdin = no-such-input
run = mark
[step envf]
env_file = no-such-env
run = mark
[step fine]
requires = sh, file:p.ini, env:HOME, free:1
check = true
run = mark
INI
	tree . >../tree.before
	go 2 --dry-run p.ini
	tree . >../tree.after
	diff ../tree.before ../tree.after
	witnessed
	cat out err >both
	has both no-such-program no-such-tool no-such-file NO_SUCH_VAR 900000T \
		'no key here' no-such-dir no-such-input no-such-env
	hasnt both 'step fine: '
	go 2 -n --json p.ini
	python - <<'PY'
import json
found = json.load(open("out"))
assert len(found) >= 9, len(found)
assert all(set(f) == {"file", "line", "message", "hint"} for f in found)
assert all(isinstance(f["line"], int) for f in found)
PY
	# what is asked before step one stops a real start as well
	go 2 p.ini
	witnessed
	has err no-such-tool 'no key here'
	[ ! -e .durexec ] || [ -z "$(find .durexec -name state)" ]
}

@test "--dry-run of a sound file says what would run; a done step is not asked" {
	printf '[step a]\nrequires = file:in.txt\nrun = mark\n[step b]\nrun = mark; [ -e ok ]\n' >p.ini
	touch in.txt
	go 0 --dry-run p.ini
	like out 'a'
	[ ! -e .durexec ]
	go 1 p.ini
	rm in.txt
	touch ok
	tree . >../tree.before
	go 0 --dry-run p.ini
	tree . >../tree.after
	diff ../tree.before ../tree.after
	like out '\bb\b'
	go 0 --resume p.ini
	witnessed 'a 1' 'b 1' 'b 2'
}

@test "--dry-run accepts what an earlier step makes" {
	cat >p.ini <<'INI'
[step make]
outputs = made.txt
run = echo x >made.txt
[step use]
requires = file:made.txt
stdin = made.txt
run = cat
INI
	go 0 --dry-run p.ini
	go 0 p.ini
}

@test "--only and --until select; what is left is exit 3; a done one names rewind" {
	printf '[defaults]\nrun = mark\n[step a]\n[step b]\n[step c]\nneeds = a\n[step d]\n' >p.ini
	go 3 --until c p.ini
	witnessed 'a 1' 'c 1'
	look b.state=pending c.state=done state=stopped
	go 3 --only b p.ini
	witnessed 'a 1' 'c 1' 'b 1'
	(become --only a,d p.ini) </dev/null >out 2>&1 && got=0 || got=$?
	is $got 0
	has out 'durexec rewind' ' a'
	witnessed 'a 1' 'c 1' 'b 1' 'd 1'
	go 2 --only nothing --fresh p.ini
	go 2 --until nothing p.ini
	has err nothing
}

@test "--json: one object a line, the last is the status; -q --json: that alone" {
	printf '[step a]\nrun = true\n[step b]\nrun = false\n' >p.ini
	go 1 --json p.ini
	python - <<'PY'
import json, re
lines = [json.loads(l) for l in open("out")]
for l in lines[:-1]:
    assert l["event"] in ("run", "step", "wait", "adopt", "message"), l
    assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$", l["time"]), l
steps = [(l["step"], l["state"]) for l in lines if l.get("event") == "step"]
assert steps == [("a", "running"), ("a", "done"), ("b", "running"), ("b", "needs_review")], steps
PY
	cp out status.json
	python "$E2E/contract.py" status.json state=needs_review a.state=done b.exit=1
	go 1 -q --json p.ini
	is "$(wc -l <out)" 1
	python "$E2E/contract.py" out state=needs_review
	printf '[step a]\nrun = true\n' >q.ini
	go 0 -q --json q.ini
	go 0 -q --json q.ini
	python "$E2E/contract.py" out state=done
}

@test "--json says what is adopted, and what signals do" {
	two_steps
	start p.ini
	at b
	kill9 "$pid"
	start --json p.ini
	eventually 'adopted' grep -q '"event":"adopt".*"step":"b"' out
	release
	ends 0
	python "$E2E/contract.py" out state=done b.adopted=true
}

@test "-q: failures only; -v: more; --progress none" {
	printf '[step a]\nrun = echo hi\n' >good.ini
	printf '[step a]\nrun = echo hi\n[step b]\nrun = echo why >&2; false\n' >bad.ini
	go 0 -q good.ini
	is "$(cat out)" ''
	go 1 -q bad.ini
	has out 'b needs review: exit 1' why
	hasnt out 'a: done' started
	go 0 -v --fresh good.ini
	n=$(wc -c <out)
	go 0 --fresh good.ini
	[ "$n" -gt "$(wc -c <out)" ]
	go 0 --progress none --fresh good.ini
	is "$(cat out)" ''
	go 2 --progress sometimes good.ini
}

@test "where runs are kept: --state-dir, then state_dir, then DUREXEC_STATE_DIR, then beside the file" {
	mkdir d
	printf '[step a]\nrun = mark "${PWD##*/}"\n' >d/p.ini
	go 0 d/p.ini
	[ -d d/.durexec/p ]
	witnessed 'a 1 d'
	EXTRA=("DUREXEC_STATE_DIR=$T/env")
	go 0 d/p.ini
	[ -d env/p ]
	{ printf '[pipeline]\nstate_dir = key\n'; cat d/p.ini; } >d/q.ini
	go 0 d/q.ini
	[ -d d/key/q ]
	go 0 --state-dir opt d/q.ini
	[ -d opt/q ]
	go 0 status --state-dir opt d/q.ini
	go 0 status --state-dir opt
	go 0 -C d --state-dir ../rel p.ini
	[ -d rel/p ]
	is "$(wc -l <"$WITNESS")" 5
}

@test "-C goes there first; a file may be named from anywhere and is the same run" {
	mkdir d
	printf '[step a]\nrun = mark; [ -e ok ]\n' >d/p.ini
	go 1 d/p.ini
	go 1 -C d p.ini
	go 1 "$T/d/p.ini"
	go 1 d/../d/p.ini
	witnessed 'a 1'
	touch d/ok
	go 0 -C d --resume
	witnessed 'a 1' 'a 2'
	go 2 -C nowhere p.ini
}

@test "a pipeline in a directory that cannot be written to, with --state-dir" {
	mkdir -p ro
	printf '[step a]\nrun = mark\n' >ro/p.ini
	if [ "$(id -u)" = 0 ]; then
		chmod 755 "$T"
		mount --bind ro ro 2>/dev/null && mount -o remount,ro,bind ro || skip 'no mount'
	else
		chmod 555 ro
	fi
	go 4 ro/p.ini
	go 0 --state-dir "$T/state" ro/p.ini
	go 0 status --state-dir "$T/state" ro/p.ini
	witnessed 'a 1'
}
restore() { if mountpoint -q "$T/ro" 2>/dev/null; then umount -l "$T/ro"; fi; }

@test "verbs and options that have not landed say so, exit 2" {
	printf '[step a]\nrun = mark\n' >p.ini
	for args in graph report 'status --watch p.ini'; do
		# shellcheck disable=SC2086
		go 2 $args
		has err 'not supported yet'
	done
	witnessed
}

@test "a hint for what people try, and not a run" {
	printf '[step a]\nrun = mark\n' >p.ini
	for args in '-resume p.ini' '--restart p.ini' '--continue p.ini' \
		'p.ini -resume'; do
		# shellcheck disable=SC2086
		go 2 $args
		has err 'durexec --resume'
	done
	go 2 --resmue p.ini
	has err '--resume'
	go 2 statsu p.ini
	has err status
	go 2 -x p.ini
	has err -x
	go 2
	go 2 status --drain
	go 2 --fresh --resume p.ini
	go 2 -j 0 p.ini
	go 2 -j many p.ini
	witnessed
	[ ! -e .durexec ]
}

@test "--help and --version go to stdout, exit 0" {
	go 0 --help
	has out 'durexec [OPTIONS] PIPELINE.ini' --resume 'Exit status'
	[ "$(wc -L <out)" -le 80 ]
	go 0 -h
	go 0 --version
	like out '^durexec [0-9]'
	go 0 -V
}

@test "an answer that cannot be written is said, and is 4; a run's status stays" {
	printf '[step a]\nrun = echo hello\n' >p.ini
	run=0
	"$DUREXEC" p.ini >/dev/full 2>err || run=$?
	is "$run" 0
	for args in 'status p.ini' 'status --json p.ini' 'logs p.ini a' \
		'history p.ini' --help preset '--dry-run p.ini'; do
		run=0
		# shellcheck disable=SC2086
		"$DUREXEC" $args >/dev/full 2>err || run=$?
		is "$args: $run" "$args: 4"
		has err 'cannot write to standard output: No space left on device'
	done
	# who has seen enough is no failure
	for _ in {1..3000}; do echo line of the log; done >long
	printf '[step b]\nrun = cat long\n' >q.ini
	go 0 q.ini
	set -o pipefail
	"$DUREXEC" logs q.ini b 2>err | head -n 1 >first
	is "$(cat first)" 'line of the log'
	is "$(cat err)" ''
}

@test "several pipelines: clean and history do not choose one" {
	printf '[step a]\nrun = true\n' >p.ini
	printf '[step a]\nrun = false\n' >q.ini
	go 0 p.ini
	go 0 --fresh p.ini
	go 1 q.ini
	for verb in 'clean --keep 0' history; do
		# shellcheck disable=SC2086
		go 2 $verb
		has err 'several pipelines' p.ini q.ini
	done
	go 0 clean --keep 0 p.ini
	# what is about work to be done is about the unfinished one
	go 0 retry a
	has out 'go on: durexec'
}

@test "--state-dir is in each command that is to be typed" {
	printf '[step a]\nrun = [ -e ok ]\n[step b]\nreview = yes\n' >p.ini
	go 1 --state-dir 'st x' p.ini
	has out "durexec --resume --state-dir 'st x' p.ini"
	go 0 retry --state-dir 'st x' p.ini a
	has out "go on: durexec --state-dir 'st x' p.ini"
	(become status --state-dir 'st x' --json p.ini) </dev/null >s.json
	is "$(python -c 'import json; print(json.load(open("s.json"))["next"])')" \
		"['durexec', '--state-dir', 'st x', 'p.ini']"
	touch ok
	go 3 --state-dir 'st x' p.ini
	has out "durexec approve --state-dir 'st x' p.ini b"
	go 0 approve --state-dir 'st x' p.ini b
	go 0 --state-dir 'st x' p.ini
	has err "durexec --fresh --state-dir 'st x' p.ini"
	is "$(ls -d .durexec 2>/dev/null)" ''
}
