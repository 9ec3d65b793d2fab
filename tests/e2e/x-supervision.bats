# SPDX-License-Identifier: ISC
# Supervision: terminals, stops that must leave nobody, what is given to those
# that are started. Pids that were reused: p-reused-pids.bats.
load helper

# Nothing but itself is wrong with a machine that has no compiler.
bomb() {
	command -v "${CC:-cc}" >/dev/null || skip 'no compiler'
	"${CC:-cc}" -O1 -o bomb "$E2E/../crash/bomb.c"
}

# In a terminal of its own, from a shell with job control.
person() { (EXE=python3 become -B "$E2E/person.py" bash --norc -i); }

# Keepers end a moment after their durexec; whoever else is there is left.
survivors() {
	local p
	for p in $(ours); do
		[ "$(cat "/proc/$p/comm" 2>/dev/null)" = durexec-keeper ] ||
			over "$p" || echo "$p"
	done
}

no_survivors() { [ -z "$(survivors)" ]; }

@test "Ctrl+C in 20 terminals reaches each step once, each time" {
	DUREXEC=$DUREXEC python "$E2E/../crash/ctrl-c.py" 20 >out 2>err ||
		fail "not each time: $(cat out)"
	has out '20 of 20'
}

# a: a tree with a branch in a session of its own; b: a quiet one with limits.
two_trees() {
	cat >beat <<-'SH'
		echo $$ >>$T/pids
		while [ ! -e $T/enough ]; do echo beat >>$T/beats.$1; sleep 0.02; done
	SH
	cat >p.ini <<-'INI'
		[defaults]
		needs =
		[step a]
		timeout = 3s
		run = sh beat child & setsid sh beat apart & sh beat first; wait; mark
		[step b]
		idle_timeout = 3s
		run = echo $$ >>$T/pids; until [ -e $T/enough ]; do sleep 0.02; done; mark
	INI
}

all_of_them() {
	eventually 'all have begun' eval '[ "$(wc -l <pids)" = 4 ]'
}

@test "Ctrl+Z and fg, twice: durexec and all trees stop and go on, limits pause" {
	two_trees
	cat >is_still <<-'SH'
		for p in $(cat pids) $(cat durexec); do
			grep -q '^State:.[Tt]' /proc/$p/status || exit 1
		done
		a=$(cat beats.* | wc -l); sleep 0.2; [ "$a" = "$(cat beats.* | wc -l)" ]
	SH
	cat >goes_on <<-'SH'
		for b in beats.*; do
			a=$(wc -l <$b); sleep 0.1; [ "$a" != "$(wc -l <$b)" ] || exit 1
		done
	SH
	person >shown <<-END
		type PS1='READY> '; stty -echo
		type '$DUREXEC' -j2 p.ini; echo "status \$?"
		do [ "\$(cat '$T/pids' | wc -l)" = 4 ]
		do pgrep -f '^$DUREXEC -j2 p.ini' >'$T/durexec'
		key Z
		see Stopped
		do cd '$T' && sh ./is_still
		do sleep 1.6
		type fg; echo "status \$?"
		do cd '$T' && sh ./goes_on
		key Z
		see Stopped
		do cd '$T' && sh ./is_still
		do sleep 1.6
		type fg; echo "status \$?"
		do cd '$T' && sh ./goes_on
		do touch '$T/enough'
		see status 0
	END
	witnessed_all 'a 1' 'b 1'
	look state=done a.attempts=1 b.attempts=1
}

@test "Ctrl+Z, then the terminal is closed: all of it goes on, and is recorded" {
	two_trees
	cat >>p.ini <<-'INI'
		[step c]
		needs = a b
		run = exit 7
	INI
	# The kernel sends HUP and CONT to a stopped group when the shell that
	# could have continued it is gone. (bash sends TERM as well: it stops.)
	cat >leave.py <<-'PY'
		import os, pty, signal, sys, time
		shell, fd = pty.fork()
		if shell == 0:
		    pid = os.fork()
		    if pid == 0:
		        os.setpgid(0, 0)
		        signal.signal(signal.SIGTTOU, signal.SIG_IGN)
		        os.tcsetpgrp(0, os.getpid())
		        signal.signal(signal.SIGTTOU, signal.SIG_DFL)
		        os.execv(sys.argv[1], sys.argv[1:])
		    os.waitpid(pid, os.WUNTRACED)
		    open('seen', 'w').write(open(f'/proc/{pid}/stat').read())
		    os._exit(0)
		while not os.path.exists('pids') or len(open('pids').readlines()) < 4:
		    time.sleep(0.01)
		os.write(fd, b'\x1a')
		os.waitpid(shell, 0)
		os.close(fd)
	PY
	EXE=/usr/bin/python3 go 0 leave.py "$DUREXEC" -j2 p.ini
	like seen ' \(durexec\) T '
	look state=running
	for b in beats.*; do
		n=$(wc -l <"$b")
		eventually "$b goes on" eval '[ "$(wc -l <"$b")" -gt "$n" ]'
	done
	touch enough
	eventually 'nobody is left' nobody_left
	look state=needs_review a.state=done b.state=done a.attempts=1 \
		c.state=needs_review c.exit=7
	witnessed_all 'a 1' 'b 1'
}

@test "the terminal of a live view is closed: the run goes on, each exit recorded" {
	cat >hang.py <<-'PY'
		import os, pty, sys, time
		pid, fd = pty.fork()
		if pid == 0:
		    os.execv(sys.argv[1], sys.argv[1:])
		open(os.environ["AT"]).readline()
		print(pid)
		os.close(fd)
		print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
	PY
	cat >p.ini <<-'INI'
		[step a]
		run = hold
		[step b]
		run = echo more; echo words >&2; mark
		[step c]
		run = mark; exit 7
	INI
	exec 7>&-
	(EXTRA=(TERM=xterm COLUMNS=80 LINES=24)
	EXE=/usr/bin/python3 become hang.py "$DUREXEC" --progress live p.ini) \
		>out 2>err </dev/null &
	outer=$!
	eventually 'it is closed' test -s "$WITNESS"
	# a reader of its own may still be needed: the step says where it is
	release
	wait $outer || fail 'hang.py failed'
	is "$(tail -n 1 out)" 1
	witnessed 'a 1' 'b 1' 'c 1'
	look state=needs_review a.state=done b.state=done c.exit=7
}

@test "steps that ignore TERM, daemonise, stop in their grace: nobody is left" {
	cat >p.ini <<-'INI'
		[defaults]
		needs =
		stop_grace = 500ms
		[step stubborn]
		run = trap '' TERM INT HUP; sh -c 'sleep 1000 & sleep 1000'; while :; do sleep 1; done
		[step daemon]
		run = exec python3 -c '
		    import os, signal, time
		    if os.fork() == 0:
		        os.setsid()
		        if os.fork() == 0:
		            signal.signal(signal.SIGTERM, signal.SIG_IGN)
		            for fd in range(3): os.close(fd)
		            os.chdir("/")
		            open(os.environ["T"] + "/daemon", "w").write(str(os.getpid()))
		            time.sleep(1000)
		        os._exit(0)
		    while not os.path.exists(os.environ["T"] + "/daemon"): time.sleep(0.01)'
	INI
	start -j2 p.ini
	eventually 'the daemon lives' test -s daemon
	# its step is over, and so is what it has left
	eventually 'it is done' looks daemon.state=done
	over "$(cat daemon)" || fail 'the daemon is left'
	kill -TERM "$pid"
	ends 143
	no_survivors || fail "left: $(survivors)"
	look stubborn.outcome=interrupted stubborn.signal=9 daemon.state=done
}

@test "a step that daemonises and obeys is told so, once" {
	cat >p.ini <<-'INI'
		[step a]
		stop_grace = 1h
		run = setsid sh -c 'counts $T/told & exit 0' >/dev/null 2>&1 & until [ -s $T/told ]; do sleep 0.01; done
	INI
	start p.ini
	eventually 'it is told' grep -q TERM told
	look a.state=running
	touch told.enough
	ends 0
	is "$(cut -d' ' -f1 told | xargs)" 'ready TERM'
}

bombs() {
	bomb
	for how in "$@"; do
		rm -f bomb.expired
		printf '[step a]\nstop_grace = 200ms\ntimeout = 300ms\nrun = %s\n' \
			"./bomb $how" >p.ini
		go 1 --fresh p.ini
		[ ! -e bomb.expired ] || fail "bomb $how ended by itself"
		no_survivors || fail "of bomb $how: $(survivors | wc -l) are left"
		look a.outcome=timeout a.signal=9
	done
}

@test "steps that fork without end, and obey nothing, are ended completely" {
	bombs grow run
}

@test "steps that fork without end, each child with a session of its own, are as well" {
	# one that has to catch them among themselves needs the right to hurry
	as_root
	bombs 'grow apart' 'run apart'
}

@test "one that forks without end and whose keeper was killed is ended as well" {
	bomb
	printf '[step a]\nrerun = never\nrun = ./bomb grow\n' >p.ini
	start p.ini
	eventually 'it has begun' eval '[ "$(pgrep -c -f "^./bomb grow")" -gt 20 ]'
	keeper=$(pgrep -P "$pid")
	kill -KILL "$pid" $keeper
	go 1 p.ini
	[ ! -e bomb.expired ] || fail 'the bomb ended by itself'
	no_survivors || fail "$(survivors | wc -l) are left"
	look a.state=needs_review a.outcome=lost
}

@test "a step that fills the disk fails; what runs beside it is known; room, and it goes on" {
	as_root
	mkdir small
	mount -t tmpfs -o size=8m,mode=700 none small || skip 'no mount'
	cat >p.ini <<-'INI'
		[defaults]
		needs =
		[step beside]
		run = hold
		[step full]
		run = [ -e $T/ok ] || yes; mark
		[step after]
		needs = beside full
		run = mark
	INI
	start -j2 --state-dir small p.ini
	at beside
	eventually 'the disk is full' eval '[ "$(df --output=avail small | tail -n 1)" -lt 64 ]'
	release
	eventually 'it ends' test -s "rc.$pid"
	# 1: a step failed; 4: the state could not be kept either
	like "rc.$pid" '^[14]$'
	python "$E2E/state.py" check small/p/latest/state
	ini='--state-dir small p.ini'
	look beside.attempts=1 full.attempts=1 after.state=pending
	hasnt "$WITNESS" full after
	mount -o remount,size=64m small
	touch ok
	go 0 --resume --state-dir small p.ini
	look state=done beside.attempts=1 full.attempts=2 full.state=done
	witnessed 'beside 1' 'full 2' 'after 1'
	python "$E2E/state.py" check small/p/latest/state
}

restore() { umount -q -l small 2>/dev/null || :; }

@test "max_output: one that writes without end, and obeys nothing, comes to an end" {
	cat >p.ini <<-'INI'
		[step a]
		max_output = 64K
		stop_grace = 1h
		run = trap '' TERM; while :; do yes | head -n 100000 || :; done
	INI
	go 1 p.ini
	look a.outcome=flood a.signal=9 a.attempts=1
	no_survivors || fail "left: $(survivors)"
	# some megabytes of last words are not a full disk
	[ "$(du -sm .durexec | cut -f1)" -lt 500 ]
}

@test "a step that reads the terminal gets nothing, and takes nothing of it" {
	cat >p.ini <<-'INI'
		[step a]
		run =
		    if read -r x; then echo "stdin $x"; else echo 'stdin ends'; fi
		    if (read -r x </dev/tty) 2>$T/why; then echo "tty $x"; else echo 'no tty'; fi
		    if (echo at the terminal >/dev/tty) 2>>$T/why; then echo 'tty!'; fi
		    (stty raw -echo </dev/tty) 2>>$T/why || echo 'no stty'
		    python3 -c 'import os; print("tty_nr", open("/proc/self/stat").read().rsplit(")")[-1].split()[4])'
		    echo ready >$AT
		    until [ -e $T/enough ]; do sleep 0.02; done
	INI
	rm at
	: >at
	person >shown <<-END
		type PS1='READY> '; stty -a >'$T/before'
		type '$DUREXEC' p.ini; read -r line; echo "line is <\$line>"; stty -a >'$T/after'; echo en'd'
		do grep -q ready '$T/at'
		type typed meanwhile
		do touch '$T/enough'
		see line is <typed meanwhile>
		see end
	END
	is "$(cat .durexec/p/latest/log/a.1.out)" "$(printf '%s\n' \
		'stdin ends' 'no tty' 'no stty' 'tty_nr 0')"
	has why 'No such device or address'
	hasnt shown 'at the terminal'
	cmp before after
	look state=done a.attempts=1
}

# Time from the signal to the end of durexec, in ms; $1: the grace.
eight_at_once() {
	local grace=$1 i began
	rm -f told.*
	{
		printf '[defaults]\nneeds =\nstop_grace = %sms\n' "$grace"
		for i in {1..8}; do
			printf '[step s%d]\nrun = counts $T/told.%d.a & setsid counts $T/told.%d.b & exec counts $T/told.%d.c\n' \
				"$i" "$i" "$i" "$i"
		done
	} >p.ini
	start --fresh -j8 p.ini
	eventually 'all 24 have begun' eval \
		'[ "$(cat told.* 2>/dev/null | grep -c ready)" = 24 ]'
	began=$(date +%s%N)
	kill -TERM "$pid"
	until over "$pid"; do sleep 0.01; done
	took=$((($(date +%s%N) - began) / 1000000))
	no_survivors || fail "survivors: $(survivors)"
	ends 143
	# no signal twice, whoever it was sent to
	for i in told.*; do
		is "$(grep -c TERM "$i" || :)" "$([ "${i#*.*.}" = b ] && echo 0 || echo 1)"
	done
}

@test "eight that ignore TERM, with children, stopped at once: nobody left, within the grace and half a second" {
	for _ in 1 2 3; do
		eight_at_once 1000
		[ "$took" -ge 1000 ] || fail "over after $took ms: no grace"
		[ "$took" -gt 1500 ] || return 0
		echo "it took $took ms" >&2
	done
	fail "never within 1.5 s"
}

@test "durexec stop, too, has all eight of them ended when it returns" {
	eight_at_once 300
	rm -f told.*
	start --fresh -j8 p.ini
	eventually 'all 24 have begun' eval \
		'[ "$(cat told.* 2>/dev/null | grep -c ready)" = 24 ]'
	go 0 stop --now p.ini
	no_survivors || fail "survivors: $(survivors)"
	ends 3
}
