# SPDX-License-Identifier: ISC
# Running: order, parallel, how steps are started, judged, limited and cleaned
# up, and what they see.
load helper

# One step "a" with the given lines.
one() { printf '%s\n' '[step a]' "$@" >p.ini; }

@test "the default shell ends a step at the first command that fails, in a pipe too" {
	printf '%s\n' '[step a]' 'run =' '    mark' '    false' '    mark never' \
		'[step b]' 'needs =' 'run = false | cat; mark never' \
		'[step c]' 'needs =' 'run = [ -n "$BASH_VERSION" ] && mark' >p.ini
	go 1 -j1 p.ini
	witnessed 'a 1' 'c 1'
	look a.outcome=exit a.exit=1 b.exit=1 c.exit=0
}

@test "a shell of one's own" {
	printf '%s\n' '[pipeline]' 'shell = python3 -c' '[step a]' \
		'run = import os; print("python", os.environ["DUREXEC_STEP"])' >p.ini
	go 0 p.ini
	go 0 logs --stdout p.ini a
	is "$(cat out)" 'python a'
}

@test "a simple command is executed directly: its parent is the keeper" {
	one 'run = hold'
	start p.ini
	at a
	is "$(cat "/proc/$(parent "$step_pid")/comm")" durexec-keeper
	look a.state=running a.pid="$step_pid" a.attempts=1
	release
	ends 0
}

@test "127, 126: a command that is not there, one that cannot be executed" {
	printf '%s\n' '[step direct]' 'run = no-such-program --x' \
		'[step shell]' 'needs =' 'run = no-such-program; true' \
		'[step noexec]' 'needs =' 'run = ./data' \
		'[step dir]' 'needs =' 'run = ./d' >p.ini
	echo data >data
	mkdir d
	go 1 p.ini
	look direct.outcome=exit direct.exit=127 shell.exit=127 \
		noexec.outcome=exit noexec.exit=126 dir.exit=126
	go 0 logs p.ini direct
	has out no-such-program 'not found'
	look 'direct.reason=?'
	has status.json 'No such file or directory' 'Permission denied'
}

@test "not-started says why: working directory, stdin, env_file" {
	printf '%s\n' '[step cwd]' 'workdir = nowhere' 'run = mark' \
		'[step in]' 'needs =' 'stdin = missing.txt' 'run = mark' >p.ini
	go 1 p.ini
	witnessed
	look cwd.outcome=not-started cwd.exit=null cwd.state=needs_review \
		in.outcome=not-started in.attempts=1
	like status.json '"reason":"[^"]*nowhere[^"]*No such file'
	like status.json '"reason":"[^"]*missing.txt[^"]*No such file'
}

@test "steps in order: each waits for all above" {
	printf '[step %s]\nrun = mark\n' c a b >p.ini
	go 0 -j8 p.ini
	witnessed 'c 1' 'a 1' 'b 1'
}

@test "needs: parallel up to jobs, a join, a step that waits only for its own" {
	cat >p.ini <<'INI'
[pipeline]
jobs = 2
[step a]
run = hold
[step b]
needs =
run = hold
[step c]
needs =
run = hold
[step b2]
needs = b
run = mark
[step join]
run = mark
INI
	start p.ini
	# two at a time, the first ones of the file
	read -r -t 20 one _ <&7
	read -r -t 20 two _ <&7
	is "$(printf '%s\n' "$one" "$two" | sort | xargs)" 'a b'
	nobody_holds
	look a.state=running b.state=running c.state=pending
	release
	at c
	release
	release
	ends 0
	witnessed_all 'a 1' 'b 1' 'c 1' 'b2 1' 'join 1'
	is "$(tail -n 1 "$WITNESS")" 'join 1'
}

@test "-j is stronger than jobs; -j 1 runs one at a time" {
	printf '[pipeline]\njobs = 4\n' >p.ini
	printf '[step %s]\nneeds =\nrun = hold\n' a b c >>p.ini
	start -j 1 p.ini
	for s in a b c; do
		at $s
		nobody_holds
		release
	done
	ends 0
}

@test "what is left behind is stopped: background job, setsid, double fork" {
	cat >p.ini <<'INI'
[defaults]
stop_grace = 1s
[step job]
run = sleep 1000 & echo $! >$T/job; mark
[step setsid]
run = setsid sh -c 'echo $$ >$T/setsid; exec sleep 1000' >/dev/null 2>&1 </dev/null &
    until [ -s $T/setsid ]; do sleep 0.01; done; mark
[step double]
run = (setsid sh -c '(echo $BASHPID; exec python3 -c "import os,time; open(os.environ[\"T\"]+\"/double\",\"w\").write(str(os.getpid())); time.sleep(1000)") &') &
    until [ -s $T/double ]; do sleep 0.01; done; mark
[step stubborn]
run = setsid sh -c 'trap "" TERM; echo $$ >$T/stubborn; while :; do sleep 1; done' &
    until [ -s $T/stubborn ]; do sleep 0.01; done; mark
INI
	go 0 p.ini
	for f in job setsid double stubborn; do
		[ ! -d "/proc/$(cat $f)" ] || fail "$f is left"
	done
	witnessed 'job 1' 'setsid 1' 'double 1' 'stubborn 1'
}

@test "timeout: stop_signal once, then the grace, then KILL to the whole tree" {
	one 'timeout = 300ms' 'stop_signal = INT' 'stop_grace = 300ms' \
		'run = trap "mark int" INT; trap "mark term" TERM; setsid sleep 1000 & echo $! >$T/child; while :; do sleep 0.05 || :; done'
	go 1 p.ini
	witnessed 'a 1 int'
	look a.outcome=timeout a.signal=9 a.exit=null 'a.reason=?'
	[ ! -d "/proc/$(cat child)" ]
	has out 'time limit'
}

@test "a step that obeys its stop signal keeps its exit status; exit 0 is a timeout too" {
	one 'timeout = 200ms' 'stop_signal = USR1' \
		'run = trap "exit 0" USR1; while :; do sleep 0.05; done'
	go 1 p.ini
	look a.outcome=timeout a.exit=0 a.state=needs_review
}

@test "idle_timeout: silence, not slowness" {
	printf '%s\n' '[step talks]' 'idle_timeout = 1s' \
		'run = for i in {1..10}; do echo $i; sleep 0.15; done' \
		'[step errs]' 'needs =' 'idle_timeout = 1s' \
		'run = for i in {1..10}; do echo $i >&2; sleep 0.15; done' \
		'[step silent]' 'needs =' 'idle_timeout = 1s' \
		'run = echo begin; sleep 1000' >p.ini
	go 1 -j3 p.ini
	look talks.state=done errs.state=done silent.outcome=idle
}

@test "the pipeline's timeout stops the run" {
	printf '[pipeline]\ntimeout = 300ms\n[step a]\nrun = mark; sleep 1000\n[step b]\nrun = mark\n' >p.ini
	go 3 p.ini
	witnessed 'a 1'
	look state=stopped a.outcome=interrupted
}

@test "ok_exit; exit codes and signals as they were" {
	printf '%s\n' '[step ok]' 'ok_exit = 3, 24' 'run = exit 24' \
		'[step zero]' 'needs =' 'ok_exit = 3' 'run = exit 0' \
		'[step no]' 'needs =' 'ok_exit = 3' 'run = exit 4' \
		'[step segv]' 'needs =' 'run = kill -SEGV $$' \
		'[step kill]' 'needs =' 'run = kill -KILL $$' >p.ini
	go 1 p.ini
	look ok.state=done ok.exit=24 zero.state=done no.state=needs_review \
		no.exit=4 segv.outcome=signal segv.signal=11 segv.exit=null \
		kill.signal=9 kill.state=needs_review
}

@test "TERM from elsewhere is an interruption, once: it runs again, then review" {
	one 'run = mark; kill -TERM $$; sleep 10'
	go 1 p.ini
	witnessed 'a 1' 'a 2'
	look a.outcome=interrupted a.attempts=2 a.state=needs_review
}

@test "outputs: missing, empty, stale, fresh, globs, outputs_fresh = no" {
	echo old >stale.txt
	echo old >kept.txt
	cat >p.ini <<'INI'
[defaults]
needs =
[step missing]
outputs = nowhere.txt
run = true
[step empty]
outputs = empty.txt
run = : >empty.txt
[step stale]
outputs = stale.txt
run = true
[step kept]
outputs = kept.txt
outputs_fresh = no
run = true
[step fresh]
outputs = fresh.txt fresh-*.x
run = for f in fresh.txt fresh-1.x fresh-2.x; do echo x >$f; done
[step noglob]
outputs = none-*.x
run = true
[step directory]
workdir = sub
outputs = here.txt
run = echo x >here.txt
INI
	mkdir sub
	go 1 p.ini
	look missing.state=needs_review empty.state=needs_review \
		stale.state=needs_review kept.state=done fresh.state=done \
		noglob.state=needs_review directory.state=done missing.exit=0
	for f in 'missing nowhere.txt' 'empty empty.txt' 'stale stale.txt' \
		'noglob none-*.x'; do
		go 0 logs p.ini "${f%% *}"
		has out "${f#* }"
	done
	# the command had succeeded: asked again first, and not run again
	echo x >nowhere.txt
	go 1 --resume p.ini
	look missing.state=done missing.attempts=1
}

@test "stdin: nothing, a path, another step's stdout" {
	echo from file >in.txt
	cat >p.ini <<'INI'
[step null]
run = cat; echo null
[step path]
stdin = in.txt
run = cat
[step say]
run = echo from say
[step piped]
stdin = step:say
run = cat; echo "$DUREXEC_OUT_say" >path
INI
	go 0 p.ini
	for s in 'null null' 'path from file' 'piped from say'; do
		go 0 logs --stdout p.ini "${s%% *}"
		is "$(cat out)" "${s#* }"
	done
	is "$(cat "$(cat path)")" 'from say'
}

@test "stdin = step:X of a step that said nothing is empty" {
	printf '[step quiet]\nrun = true\n[step a]\nstdin = step:quiet\nrun = wc -c; [ -e "$DUREXEC_OUT_quiet" ] || [ ! -e "$DUREXEC_OUT_quiet" ]\n' >p.ini
	go 0 p.ini
	go 0 logs --stdout p.ini a
	is "$(cat out)" 0
}

@test "stdout = PATH appears whole, when the step is done" {
	mkdir sub
	cat >p.ini <<'INI'
[step good]
stdout = sub/good.txt
run = echo part one; hold; echo part two
[step bad]
stdout = sub/bad.txt
run = echo part; false
INI
	echo before >sub/bad.txt
	start p.ini
	at good
	eventually 'its output' grep -q 'part one' .durexec/p/latest/log/good.1.out
	[ ! -e sub/good.txt ]
	release
	ends 1
	is "$(cat sub/good.txt)" $'part one\npart two'
	is "$(cat sub/bad.txt)" before
	is "$(ls sub | xargs)" 'bad.txt good.txt'
	go 0 logs --stdout p.ini good
	is "$(cat out)" $'part one\npart two'
}

@test "env, env_file, unset_env, umask, nice, workdir: each in its place and strength" {
	mkdir sub
	cat >env.txt <<'ENV'
# a comment
FROM_FILE=file
BOTH=file
export QUOTED="two words"
P=file
ENV
	cat >p.ini <<'INI'
[pipeline]
env.ALL = all
env.BOTH = pipeline
[params]
P = default
[step a]
env_file = env.txt
env.OWN = ${ALL}/own
env.BOTH = step
unset_env = GONE
umask = 027
nice = 7
workdir = sub
run = echo "$FROM_FILE,$BOTH,$QUOTED,$ALL,$OWN,${GONE-unset},$P"; umask; nice; pwd -P >pwd.txt
INI
	EXTRA=(GONE=here)
	go 0 p.ini
	go 0 logs --stdout p.ini a
	is "$(cat out)" $'file,step,two words,all,all/own,unset,file\n0027\n7'
	is "$(cat sub/pwd.txt)" "$(cd sub && pwd -P)"
	is "$(stat -c %a sub/pwd.txt)" 640
	go 0 p.ini P=given
	go 0 logs --stdout p.ini a P=given
	has out ',unset,given'
}

@test "DUREXEC_OUTPUT reaches the steps that need it, and no others" {
	cat >p.ini <<'INI'
[step make-it]
run = echo "title=a b = c" >>$DUREXEC_OUTPUT; echo N=1 >>$DUREXEC_OUTPUT; echo N=2 >>$DUREXEC_OUTPUT
[step use]
run = echo "$DUREXEC_make_it_title,$DUREXEC_make_it_N,$V"; [ -f "$DUREXEC_OUT_make_it" ] || echo none
env.V = ${DUREXEC_make_it_title}
[step other]
needs =
run = echo "${DUREXEC_make_it_title-unset}"
INI
	go 0 -j1 p.ini
	go 0 logs --stdout p.ini use
	is "$(head -n 1 out)" 'a b = c,2,a b = c'
	go 0 logs --stdout p.ini other
	is "$(cat out)" unset
}

@test "DUREXEC_OUTPUT of a failed attempt does not count; broken lines are said" {
	cat >p.ini <<'INI'
[step a]
run = echo "try=$DUREXEC_ATTEMPT" >>$DUREXEC_OUTPUT; [ -e ok ]
[step b]
run = echo "${DUREXEC_a_try}"
INI
	go 1 p.ini
	touch ok
	go 0 --resume p.ini
	go 0 logs --stdout p.ini b
	is "$(cat out)" 2
}

@test "what a step is told about itself, stable over attempts" {
	cat >p.ini <<'INI'
[step a.b]
run = printf '%s\n' "$DUREXEC_RUN" "$DUREXEC_STEP" "$DUREXEC_KEY" "$DUREXEC_SESSION" "$DUREXEC_DIR" "$DUREXEC_STARTED" >>said
    [ "$DUREXEC_ATTEMPT" = 1 ] || cat "$DUREXEC_DIR/kept" >>tries
    echo kept >"$DUREXEC_DIR/kept"
    [ "$DUREXEC_ATTEMPT" = 2 ]
INI
	before=$(date +%s)
	go 1 p.ini
	go 0 --resume p.ini
	is "$(sed -n 1,6p said)" "$(sed -n 7,12p said)"
	run=$(sed -n 1p said)
	is "$run" "$(basename "$(run_dir)")"
	is "$(sed -n 2p said)" a.b
	is "$(sed -n 3p said)" "$run/a.b"
	like said '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$'
	started=$(sed -n 6p said)
	[ "${started%.*}" -ge "$before" ] && [ "${started%.*}" -le "$(date +%s)" ]
	is "$(cat tries)" kept
}

@test "an attempt is told how the one before it ended, and where it said so" {
	cat >p.ini <<'INI'
[step a]
run = echo "$DUREXEC_ATTEMPT ${DUREXEC_PREVIOUS-}" >>tries; echo oops >&2
    [ "$DUREXEC_ATTEMPT" = 1 ] && exit 7; cat "$DUREXEC_PREVIOUS_LOG" >>tries
INI
	go 1 p.ini
	go 0 --resume p.ini
	is "$(cat tries)" $'1 \n2 exit 7\noops'
}

@test "if: exit 0 runs, 1 skips and what needs it runs on, anything else is review" {
	cat >p.ini <<'INI'
[step yes]
if = mark asked; true
run = mark
[step no]
if = false
run = mark
[step after]
needs = no
run = mark
INI
	go 0 p.ini
	witnessed 'yes 1 asked' 'yes 1' 'after 1'
	look yes.state=done no.state=skipped after.state=done state=done done=3
	printf '[step typo]\nif = no-such-test -e x\nrun = mark\n[step after]\nrun = mark\n' >q.ini
	: >"$WITNESS"
	go 1 q.ini
	witnessed
	ini=q.ini
	look typo.state=needs_review after.state=pending
	has out typo 127
}

@test "always = done: clean-up at the end and when a run is closed, not when stopped" {
	cat >p.ini <<'INI'
[step work]
run = hold
[step clean]
always = done
run = mark
[step more]
run = mark
INI
	start p.ini
	at work
	kill -TERM $pid
	ends 143
	witnessed 'work 1'
	start p.ini
	at work
	release 1
	ends 1
	witnessed 'work 1' 'work 2'
	start --fresh p.ini
	at work
	witnessed 'work 1' 'work 2' 'clean 1' 'work 1'
	release 0
	ends 0
	witnessed 'work 1' 'work 2' 'clean 1' 'work 1' 'more 1' 'clean 1'
}

@test "always = review: each time the run comes to rest with something in review" {
	cat >p.ini <<'INI'
[step a]
run = mark; [ -e ok ]
[step tell]
always = review
run = mark
[step b]
run = mark
INI
	go 1 p.ini
	witnessed 'a 1' 'tell 1'
	go 1 --resume p.ini
	witnessed 'a 1' 'tell 1' 'a 2' 'tell 2'
	touch ok
	go 0 --resume p.ini
	is "$(sed -n '5,6p' "$WITNESS" | xargs)" 'a 3 b 1'
	look state=done a.state=done b.state=done
}

@test "allow_failure blocks nobody and the run is done" {
	printf '%s\n' '[step a]' 'allow_failure = yes' 'run = false' \
		'[step b]' 'run = mark' >p.ini
	go 0 p.ini
	witnessed 'b 1'
	look state=done a.exit=1
}

@test "a failure lets independent steps go on; fail_fast starts nothing new" {
	{
		echo '[defaults]'
		echo 'needs ='
		printf '[step %s]\nrun = mark; exit 1\n' a b
		printf '[step %s]\nrun = mark\n' c d e
	} >p.ini
	go 1 -j1 p.ini
	is "$(wc -l <"$WITNESS")" 5
	: >"$WITNESS"
	{ printf '[pipeline]\nfail_fast = 2\n'; cat p.ini; } >two.ini
	go 1 -j1 two.ini
	witnessed 'a 1' 'b 1'
	: >"$WITNESS"
	go 1 -j1 --fail-fast --fresh p.ini
	witnessed 'a 1'
	# those that run are let finish
	printf '[defaults]\nneeds =\n[step a]\nrun = hold\n[step b]\nrun = hold\n[step c]\nrun = mark\n' >f.ini
	: >"$WITNESS"
	start -j2 --fail-fast f.ini
	read -r -t 20 _ <&7
	read -r -t 20 _ <&7
	release 1
	eventually 'one in review' sh -c 'grep -q "needs review" out'
	release 0
	ends 1
	is "$(sort "$WITNESS" | xargs)" 'a 1 b 1'
}

@test "steps have fds 0, 1, 2, default dispositions and an empty mask, whatever durexec got" {
	cat >p.ini <<'INI'
[step shell]
run = ls /proc/self/fd | wc -l; grep -E '^Sig(Blk|Ign)' /proc/self/status
[step direct]
run = sees
[step stdin]
stdin = step:shell
run = sees
INI
	mkdir b
	cat >b/sees <<'PY'
#!/usr/bin/python3 -IS
import os
print(sorted(int(f) for f in os.listdir("/proc/self/fd"))[:-1])
for line in open("/proc/self/status"):
    if line.startswith(("SigBlk", "SigIgn")):
        print(line, end="")
print(os.getsid(0) == os.getpid())
PY
	chmod +x b/sees
	cat >launch.py <<'PY'
import os, signal, sys
for s in (signal.SIGPIPE, signal.SIGHUP, signal.SIGUSR2, signal.SIGCHLD):
    signal.signal(s, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGCHLD})
for fd in (9, 20):
    os.dup2(1, fd, inheritable=True)
os.execv(sys.argv[1], sys.argv[1:])
PY
	EXTRA=("PATH=$T/b:$E2E/bin:/usr/local/bin:/usr/bin:/bin")
	EXE=/usr/bin/python3 go 0 launch.py "$DUREXEC" p.ini
	none=0000000000000000
	go 0 logs --stdout p.ini shell
	is "$(cat out)" "$(printf '%s\n' 4 "SigBlk:	$none" "SigIgn:	$none")"
	for s in direct stdin; do
		go 0 logs --stdout p.ini $s
		# Python itself ignores PIPE and XFSZ
		like out '^\[0, 1, 2\]'
		has out "SigBlk:	$none" 'SigIgn:	0000000001001000' True
	done
}

@test "stdout and stderr are files of their own, whole and in order" {
	one 'run = for i in 1 2 3; do echo out $i; echo err $i >&2; done; printf end'
	go 0 p.ini
	go 0 logs --stdout p.ini a
	is "$(cat out)" $'out 1\nout 2\nout 3\nend'
	go 0 logs --stderr p.ini a
	is "$(cat out)" $'err 1\nerr 2\nerr 3'
	look 'a.stdout=?' 'a.stderr=?'
	d=$(run_dir)
	is "$(stat -c %a .durexec .durexec/p "$d" "$d/log" | sort -u)" 700
	is "$(stat -c %a "$d/state" "$d"/log/* | sort -u)" 600
	is "$(cat .durexec/.gitignore)" '*'
	cmp "$d/pipeline.ini" p.ini
}

@test "1,000 steps in a chain, 300 independent ones" {
	for ((i = 0; i < 1000; i++)); do
		printf '[step s%d]\nrun = /bin/true\n' $i
	done >chain.ini
	{ printf '[defaults]\nneeds =\n'; head -n 600 chain.ini; } >wide.ini
	go 0 -q chain.ini
	go 0 -q -j4 wide.ini
	ini=chain.ini
	look state=done done=1000
	ini=wide.ini
	look state=done done=300
}
