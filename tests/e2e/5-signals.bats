# SPDX-License-Identifier: ISC
# Signals: INT, TERM, HUP, USR1, the terminal's keys, and stops from elsewhere.
load helper

# A step that counts what it is sent, and ends with 0 when it is told to.
cat_signals() {
	cat >p.ini <<'INI'
[step a]
run = mark
[step b]
run =
    for s in INT TERM HUP QUIT USR1; do trap "mark $s" $s; done
    echo "b $$" >$AT
    until [ -e $T/enough ]; do sleep 0.02 || :; done
[step c]
run = mark
INI
}

@test "TERM and INT: each step gets its stop signal once; durexec dies by the signal" {
	cat_signals
	for s in TERM:143 INT:130; do
		: >"$WITNESS"
		rm -f enough
		start p.ini
		at b
		kill -"${s%:*}" "$pid"
		eventually 'it is told' grep -q TERM "$WITNESS"
		like err 'stopping b \([^)]* in\); to let it finish instead: durexec stop --drain; again to kill'
		touch enough
		ends "${s#*:}"
		is "$(grep -c TERM "$WITNESS")" 1
		hasnt "$WITNESS" INT HUP 'c 1'
		# it ended with 0, after we had stopped it
		look state=stopped b.state=pending b.outcome=interrupted c.state=pending
	done
	start p.ini
	at b
	release
	ends 0
	look b.attempts=3 state=done
	has "$WITNESS" 'c 1'
}

@test "died by the signal, not exit 130: a parent sees it" {
	cat_signals
	cat >launch.py <<'PY'
import os, signal, subprocess, sys
p = subprocess.Popen(sys.argv[2:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
open(os.environ["AT"]).readline()
p.send_signal(int(sys.argv[1]))
print(p.wait())
PY
	exec 7>&-
	for s in 2 15; do
		rm -f enough
		: >"$WITNESS"
		(
			exec 3>&- 8>&-
			eventually 'it is told' grep -q TERM "$WITNESS"
			touch enough
		) &
		EXE=/usr/bin/python3 go 0 launch.py $s "$DUREXEC" p.ini
		is "$(cat out)" "-$s"
	done
}

@test "as PID 1 it exits with 128 + the signal" {
	as_root
	cat_signals
	unshare --fork --pid --mount-proc true 2>/dev/null || skip 'no namespaces'
	(EXE=/usr/bin/unshare become --fork --pid --mount-proc "$DUREXEC" p.ini) \
		</dev/null >out 2>err &
	outer=$!
	at b
	kill -TERM "$(pgrep -P $outer)"
	eventually 'it is told' grep -q TERM "$WITNESS"
	touch enough
	wait $outer && got=0 || got=$?
	is $got 143
	look b.state=pending
}

@test "a second one kills at once; the first keeps the grace" {
	cat_signals
	{ printf '[defaults]\nstop_grace = 1h\n'; cat p.ini; } >q.ini
	mv q.ini p.ini
	start p.ini
	at b
	kill -INT "$pid"
	eventually 'it is told' grep -q TERM "$WITNESS"
	kill -INT "$pid"
	ends 130
	over "$step_pid"
	look b.state=pending b.outcome=interrupted b.signal=9
	is "$(grep -c TERM "$WITNESS")" 1
}

@test "stop_grace, then KILL; stop_signal of one's own" {
	cat_signals
	{ printf '[defaults]\nstop_grace = 200ms\nstop_signal = QUIT\n'; cat p.ini; } >q.ini
	mv q.ini p.ini
	start p.ini
	at b
	kill -TERM "$pid"
	ends 143
	over "$step_pid"
	is "$(grep -c QUIT "$WITNESS")" 1
	hasnt "$WITNESS" TERM INT
	look b.signal=9 b.outcome=interrupted
}

@test "INT goes to each of several steps; what has ended is not lost" {
	printf '[defaults]\nneeds =\n[step a]\nrun = hold\n[step b]\nrun = hold\n[step c]\nrun = hold\n' >p.ini
	start -j3 p.ini
	for _ in 1 2 3; do read -r -t 20 _ <&7; done
	release 0
	eventually 'one is done' grep -q 'done (' out
	kill -INT "$pid"
	ends 130
	look done=1 state=stopped
	is "$(wc -l <"$WITNESS")" 3
	eventually 'nobody is left' nobody_left
}

@test "TERM while nothing has begun, or between steps, loses nothing" {
	for i in {1..30}; do printf '[step s%d]\nrun = mark\n' "$i"; done >p.ini
	for i in {1..8}; do
		start p.ini
		read -r -t "0.0$i" _ <&7 || :
		kill -TERM "$pid" 2>/dev/null || :
		eventually 'it ends' test -s "rc.$pid"
		like "rc.$pid" '^(0|143)$'
	done
	go 0 p.ini
	is "$(cut -d' ' -f1 "$WITNESS" | uniq | wc -l)" 30
	look state=done
}

@test "HUP: the run goes on" {
	cat_signals
	start p.ini
	at b
	kill -HUP "$pid"
	kill -USR1 "$pid"
	eventually 'it says where it is' grep -q '1 of 3 done' out err
	touch enough
	ends 0
	hasnt "$WITNESS" HUP TERM
	look state=done b.attempts=1
}

@test "HUP that is ignored at the start stays ignored: nohup" {
	cat_signals
	EXE=/usr/bin/nohup start "$DUREXEC" p.ini
	at b
	kill -HUP "$pid"
	touch enough
	ends 0
	has "$WITNESS" 'c 1'
}

@test "USR1 prints where we are" {
	cat_signals
	start p.ini
	at b
	kill -USR1 "$pid"
	eventually 'it says where it is' grep -qE '1 of 3 done.*running:? .*b' out err
	touch enough
	ends 0
	hasnt "$WITNESS" USR1
}

@test "-d returns once the run is under way; wait returns its exit status" {
	printf '[step a]\nrun = hold\n[step b]\nrun = mark; exit 5\n' >p.ini
	go 0 -d p.ini
	at a
	cat out err >both
	has both 'durexec s'
	look state=running a.state=running
	(become wait p.ini) </dev/null >wait.out 2>&1 &
	waiting=$!
	go 3 wait --timeout 200ms p.ini
	release
	wait $waiting && got=0 || got=$?
	is $got 1
	go 1 wait p.ini
}

@test "-d says at once what is wrong, with its exit status" {
	printf '[step a]\nrun = mark\nrum = x\n' >p.ini
	go 2 -d p.ini
	has err 'did you mean "run"'
	printf '[step a]\nrun = hold\n' >p.ini
	start p.ini
	at a
	(become -d p.ini) </dev/null >out2 2>err2 && got=0 || got=$?
	is $got 75
	grep -q "$pid" err2
	release
	ends 0
}

@test "-d outlives the terminal and its own session" {
	printf '[step a]\nrun = hold\n' >p.ini
	go 0 -d p.ini
	at a
	keeper=$(keeper_of "$step_pid")
	durexec=$(parent "$keeper")
	is "$(ps -o tty= -p "$durexec" | xargs)" '?'
	is "$(ps -o sid= -p "$durexec" | xargs)" "$durexec"
	is "$(readlink "/proc/$durexec/fd/1")" /dev/null
	kill -HUP "$durexec"
	release
	go 0 wait p.ini
	look state=done
}

@test "Ctrl+C at a terminal: one signal to the step, 130 to the shell" {
	cat_signals
	(EXE=python3 become -B "$E2E/person.py" bash --norc -i) >shown <<-END
		type PS1='READY> '; stty -echo
		see READY>
		type '$DUREXEC' p.ini
		do grep -q . '$T/begun'
		key C
		see stopping b
		do grep -q TERM '$WITNESS'
		do touch '$T/enough'
		see READY>
		type echo "status \$?"
		see status 130
	END
	is "$(grep -c TERM "$WITNESS")" 1
	hasnt "$WITNESS" INT
	look b.state=pending
}
prepare() {
	case $BATS_TEST_DESCRIPTION in
	*terminal:*) # nobody reads what the step says: a file tells
		rm at
		ln -s begun at
		: >begun ;;
	esac
}

@test "Ctrl+Z and fg at a terminal: the tree stops and goes on, limits pause" {
	cat >p.ini <<-'INI'
		[step b]
		timeout = 2s
		run = echo $$ >$AT; sh -c 'while [ ! -e $T/enough ]; do date +%s%N >>$T/beats; sleep 0.02; done'; mark
	INI
	cat >still <<-'END'
		# it makes no progress, and is stopped
		a=$(wc -l <beats); sleep 0.2; b=$(wc -l <beats)
		[ "$a" = "$b" ] && grep -q '^State:.T' /proc/$(cat begun)/status
	END
	(EXE=python3 become -B "$E2E/person.py" bash --norc -i) >shown <<-END
		type PS1='READY> '; stty -echo
		type '$DUREXEC' p.ini; echo "status \$?"
		do [ -s '$T/begun' ] && [ -s '$T/beats' ]
		key Z
		see Stopped
		do cd '$T' && sh ./still
		do sleep 2.2
		type fg; echo "end \$?"
		do a=\$(wc -l <'$T/beats'); sleep 0.1; b=\$(wc -l <'$T/beats'); [ "\$a" != "\$b" ]
		do touch '$T/enough'
		see end 0
	END
	witnessed 'b 1'
	look state=done
}

@test "the terminal: is closed, the run goes on without it" {
	cat_signals
	(EXE=python3 become -B "$E2E/person.py" bash --norc -i) >shown <<-END
		type PS1='READY> '; stty -echo
		type '$DUREXEC' p.ini
		do grep -q . '$T/begun'
		hangup
	END
	look state=running b.state=running
	hasnt "$WITNESS" HUP TERM
	touch enough
	eventually 'nobody is left' nobody_left
	look state=done b.attempts=1
}

@test "a step whose durexec is gone can be stopped, gently, and runs again" {
	cat_signals
	start p.ini
	at b
	kill9 "$pid"
	(become stop p.ini) </dev/null >out2 2>err2 3>&- &
	stopping=$!
	eventually 'it is told' grep -q TERM "$WITNESS"
	touch enough
	wait $stopping
	eventually 'nobody is left' nobody_left
	is "$(grep -c TERM "$WITNESS")" 1
	look state=stopped b.state=pending b.outcome=interrupted
	start p.ini
	at b
	ends 0
	look b.attempts=2 state=done
}

@test "stop --now kills a step whose durexec is gone" {
	cat_signals
	{ printf '[defaults]\nstop_grace = 1h\n'; cat p.ini; } >q.ini
	mv q.ini p.ini
	start p.ini
	at b
	kill9 "$pid"
	go 0 stop --now p.ini
	over "$step_pid"
	look b.state=pending b.signal=9
	hasnt "$WITNESS" TERM
}

@test "a stopped adopted step: told once, interrupted, state safe" {
	cat_signals
	start p.ini
	at b
	kill9 "$pid"
	start p.ini
	eventually 'adopted' grep -q adopted out
	kill -TERM "$pid"
	eventually 'it is told' grep -q TERM "$WITNESS"
	touch enough
	ends 143
	is "$(grep -c TERM "$WITNESS")" 1
	look b.state=pending b.outcome=interrupted
}

@test "durexec is killed while it stops a step: the stop stands" {
	cat_signals
	start p.ini
	at b
	kill -TERM "$pid"
	eventually 'it is told' grep -q TERM "$WITNESS"
	kill9 "$pid"
	touch enough
	eventually 'nobody is left' nobody_left
	start p.ini
	at b
	ends 0
	# exit 0 after our stop was no success
	look b.attempts=2 b.state=done
	is "$(grep -c TERM "$WITNESS")" 1
}

@test "a signal while steps are just being started reaches each of them" {
	{
		printf '[defaults]\nneeds =\n'
		for i in {1..30}; do printf '[step s%d]\nrun = sleep 1000\n' "$i"; done
	} >p.ini
	for _ in 1 2 3; do
		start --fresh -j30 p.ini
		eventually 'it has begun' grep -qs ' start ' .durexec/p/latest/state
		kill -INT "$pid"
		ends 130
		is "$(grep -c 'state=pending' .durexec/p/latest/state)" \
			"$(grep -c ' start ' .durexec/p/latest/state)"
	done
}
