# SPDX-License-Identifier: ISC
# `durexec step` when something ends it: the command, the step's own process,
# the script, durexec, all of it; before, while and after the command runs.
load helper
load bin/exec-helper

# alone NAME: hold as NAME; a second one beside the first says so
prepare_more() {
	script alone <<-'END'
		exec 8>>"lock.$1"
		flock -n 8 || saw "TWICE $1"
		exec stay "$1"
	END
	script say <<<'saw "$1"; echo "$1 says"'
}

# The command that holds is a child of the step's process.
step_process() {
	local p
	p=$(parent "$step_pid")
	grep -qz '^step$' "/proc/$p/cmdline" || fail "$p is no durexec step" || return
	echo "$p"
}

three() {
	script s.sh <<-'END'
		set -e
		durexec step one -- ./say one
		durexec step two -- ./alone two
		durexec step three -- ./say three
	END
}

@test "kill -9 of the command: 137, not remembered" {
	three
	start exec -- ./s.sh
	at two
	kill -KILL "$step_pid"
	ends 137
	start exec -- ./s.sh
	at two
	release
	ends 0
	is "$(cat out)" $'one says\nthree says'
	witnessed one two two three
}

@test "kill -9 of the step's process: the command ends with it; its script sees 137" {
	script s.sh <<-'END'
		durexec step one -- ./say one
		until durexec step two -- ./alone two; do saw "again $?"; done
		durexec step three -- ./say three
	END
	start exec -- ./s.sh
	for _ in 1 2 3; do
		at two
		kill -KILL "$(step_process)"
	done
	at two
	release
	ends 0
	witnessed one two 'again 137' two 'again 137' two 'again 137' two three
	look s.sh.subs.done=3 s.sh.attempts=1
}

@test "kill -9 of the step's process: its grandchildren are not beside the next one's" {
	script s.sh <<<'until durexec step x -- ./parent; do saw "again $?"; done'
	script parent <<<'./alone x; saw parent'
	start exec -- ./s.sh
	at x
	kill -KILL "$(parent "$(parent "$step_pid")")"
	at x
	release
	ends 0
	witnessed x 'again 137' x parent
}

@test "kill -9 of the script: what it ran is ended, and runs again, alone" {
	three
	for _ in 1 2; do
		start exec -- ./s.sh
		at two
		kill -KILL "$(parent "$(step_process)")"
		ends 137
		eventually 'nobody is left' nobody_left
	done
	start exec -- ./s.sh
	at two
	release
	ends 0
	witnessed one two two two three
}

@test "kill -9 of durexec: the script goes on, sub-steps too; the next one has its end" {
	three
	start exec -- ./s.sh
	at two
	kill9 "$pid"
	look s.sh.subs.done=1 s.sh.subs.running=1
	release
	eventually 'nobody is left' nobody_left
	witnessed one two three
	go 0 exec -- ./s.sh
	is "$(cat out)" $'one says\nthree says'
	witnessed one two three
	look state=done 's.sh.subs=one done|two done|three done'
}

@test "kill -9 of durexec and its keeper: the running one is ended, others replayed" {
	three
	start exec -- ./s.sh
	at two
	keeper=$(parent "$(parent "$(step_process)")")
	is "$(cat "/proc/$keeper/comm")" durexec-keeper
	kill -KILL "$pid" "$keeper"
	eventually 'durexec is gone' over "$pid"
	start exec -- ./s.sh
	at two
	release
	ends 0
	witnessed one two two three
}

@test "power off while one runs, between two, and after a reboot: what is done stays" {
	script s.sh <<-'END'
		set -e
		durexec step one -- ./say one
		durexec step two -- ./alone two
		stay between
		durexec step three -- ./alone three
	END
	start exec -- ./s.sh
	at two
	power_cut
	start exec -- ./s.sh
	at two
	release
	at between
	power_cut
	python "$E2E/state.py" reboot "$(last)/state"
	start exec -- ./s.sh
	at between
	release
	at three
	power_cut
	look s.sh.subs.running=0 s.sh.subs.done=2
	start exec -- ./s.sh
	at between
	release
	at three
	release
	ends 0
	is "$(cat out)" 'one says'
	witnessed one two two between between three between three
}

# A command that stops its parent, the step's process, and ends after that:
# how it ended is not recorded.
stopper() {
	script stopper <<-'END'
		saw x
		echo "output of x"
		[ ! -e stop ] || {
			kill -STOP $PPID
			until grep -q '^State:.T' /proc/$PPID/status; do sleep 0.01; done
			echo "x $PPID" >"$AT"
		}
	END
	script s.sh <<-'END'
		durexec step x -- ./stopper || saw "x $?"
		durexec step y -- ./say y
		[ -e ok ]
	END
	touch stop
}

@test "killed after the command's end and before the record: it runs again, whole" {
	stopper
	start exec -- ./s.sh
	at x
	sleeps() { [ "$(cat "/proc/$step_pid/task/$step_pid/children" | wc -w)" = 0 ] || over "$(cut -d' ' -f1 "/proc/$step_pid/task/$step_pid/children")"; }
	eventually 'the command has ended' sleeps
	kill -KILL "$step_pid"
	ends 1
	rm stop
	goes_on
	witnessed x 'x 137' y x
	is "$(cat out)" $'output of x\ny says'
}

@test "power off after the command's end and before the record: it runs again, whole" {
	stopper
	start exec -- ./s.sh
	at x
	power_cut
	rm stop
	goes_on
	witnessed x x y
	is "$(cat out)" $'output of x\ny says'
}

@test "a step's process that is stopped and goes on: nothing is lost" {
	stopper
	start exec -- ./s.sh
	at x
	kill -CONT "$step_pid"
	ends 1
	goes_on
	witnessed x y
	is "$(cat out)" $'output of x\ny says'
}

@test "killed before the command starts: nothing has run, and then it runs once" {
	script s.sh <<-'END'
		echo "s $$" >"$AT"
		{ cat data; stay feeds 3>&-; } | durexec step --stdin x -- ./sum
		echo "${PIPESTATUS[1]}" >>status
		[ -e ok ]
	END
	script sum <<<'saw sum; md5sum'
	head -c 100000 /dev/urandom >data
	start exec -- ./s.sh
	at s
	script_pid=$step_pid
	at feeds
	for p in $(cat "/proc/$script_pid/task/$script_pid/children"); do
		if grep -qz '^step$' "/proc/$p/cmdline"; then kill -KILL "$p"; fi
	done
	release
	ends 1
	touch ok
	start exec -- ./s.sh
	at s
	at feeds
	release
	ends 0
	witnessed feeds feeds sum
	is "$(cat out)" "$(md5sum <data)"
	is "$(xargs <status)" '137 0'
}

@test "killed at any moment, all at once: what has returned is not run again" {
	script s.sh <<-'END'
		set -e
		for i in $(seq 12); do
			durexec step "n $i" -- ./work "$i"
			saw "returned $i"
		done
		[ -e ok ]
	END
	script work <<<'saw "runs $1"; seq "$1" 5000'
	for i in {1..5}; do
		start exec -- ./s.sh
		# not a time to hit anything: any moment will do
		read -r -t "0.$((i * 7 % 4))$((i * 7 % 10))" _ <&7 || :
		power_cut
	done
	goes_on
	for i in {1..12}; do seq "$i" 5000; done >expected.out
	cmp out expected.out
	awk '
		$1 == "returned" { back[$2] = 1 }
		$1 == "runs" && back[$2] { print "ran again:", $2; bad = 1 }
		END { exit bad }' "$WITNESS" || fail 'a step ran after it had returned'
	runs s.sh 1
}

@test "killed at any moment, only the step's processes: each result is whole" {
	script s.sh <<-'END'
		echo "s $$" >"$AT"
		for i in {1..6}; do
			until durexec step "n $i" -- ./work "$i" >"got.$i"; do :; done
			saw "returned $i"
		done
		[ -e ok ] || exit 1
		for i in {1..6}; do durexec step "m $i" -- ./say m; done
	END
	script work <<-'END'
		saw "runs $1"
		seq "$1" 1000
		sleep 0.04
		seq 1000 3000
	END
	start exec -- ./s.sh
	at s
	kills=0
	while [ ! -s "rc.$pid" ]; do
		# not a time to hit anything: any moment will do
		read -r -t "0.0$((kills * 7 % 10))" _ <&7 || :
		[ $kills -lt 12 ] || continue
		for p in $(cat "/proc/$step_pid/task/$step_pid/children" 2>/dev/null); do
			kill -KILL "$p" 2>/dev/null || continue
			kills=$((kills + 1))
		done
	done
	ends 1
	[ $kills -gt 0 ]
	touch ok
	start exec -- ./s.sh
	at s
	ends 0
	for i in {1..6}; do (seq "$i" 1000; seq 1000 3000) | cmp - "got.$i"; done
	awk '$1 == "returned" { back[$2] = 1 }
		$1 == "runs" && back[$2] { print "ran again:", $2; bad = 1 }
		END { exit bad }' "$WITNESS"
	is "$(grep -c m "$WITNESS")" 6
}

# ---- stops

# A sub-step that is told to end, and ends with 0.
obedient() {
	script x <<-'END'
		trap 'saw told; exit 0' TERM
		trap 'saw INT; exit 0' INT
		saw x
		echo "x $$" >"$AT"
		until [ -e ok ]; do sleep 0.02; done
		echo done
	END
	script s.sh <<-'END'
		trap : TERM
		durexec step one -- ./say one
		durexec step x -- ./x
		saw "x $?"
	END
}

@test "stopped while it runs: told once, and not remembered, though it exits with 0" {
	obedient
	for how in INT stop; do
		: >"$WITNESS"
		start exec -- ./s.sh
		at x
		case $how in
		stop) (become stop --name s.sh) </dev/null >out2 2>&1 || fail "$(cat out2)" ;;
		*) kill -"$how" "$pid" ;;
		esac
		eventually 'it ends' test -s "rc.$pid"
		eventually 'nobody is left' nobody_left
		is "$(grep -c told "$WITNESS")" 1
		hasnt "$WITNESS" INT 'x 0'
		look state=stopped s.sh.subs.done=1 s.sh.subs.running=0
	done
	: >"$WITNESS"
	touch ok
	start exec -- ./s.sh
	at x
	ends 0
	witnessed x 'x 0'
	is "$(cat out)" $'one says\ndone'
}

@test "a time limit of the whole script: the sub-step that runs is not remembered" {
	obedient
	go 124 exec --timeout 700ms -- ./s.sh
	look s.sh.subs.done=1
	touch ok
	: >"$WITNESS"
	go 0 exec --timeout 700ms -- ./s.sh
	witnessed x 'x 0'
}

@test "durexec is killed while it stops the script: the stop stands" {
	script x <<-'END'
		trap 'saw told' TERM
		saw x
		echo "x $$" >"$AT"
		until [ -e enough ]; do sleep 0.02; done
	END
	script s.sh <<<'trap : TERM; durexec step x -- ./x; saw "x $?"'
	start exec -- ./s.sh
	at x
	kill -TERM "$pid"
	eventually 'it is told' grep -q told "$WITNESS"
	kill9 "$pid"
	touch enough
	eventually 'nobody is left' nobody_left
	look s.sh.subs.done=0
	start exec -- ./s.sh
	at x
	ends 0
	is "$(grep -c '^x$' "$WITNESS")" 2
}

@test "TERM to the step's process alone: it passes it on, and remembers nothing" {
	obedient
	start exec -- ./s.sh
	at x
	kill -TERM "$(step_process)"
	ends 0
	like "$WITNESS" '^x [1-9]'
	is "$(grep -c told "$WITNESS")" 1
	look s.sh.subs.done=1
	# a run that is over begins anew; in an unfinished one it runs again
	hasnt "$WITNESS" 'x 0'
}

@test "what a command leaves behind does not hold its step" {
	script s.sh <<-'END'
		x=$(durexec step x -- ./leaves)
		echo "$x"
		saw returned
		[ -e ok ]
	END
	script leaves <<<'saw x; echo said; sleep 1000 & echo $! >left'
	begins
	eventually 'nobody is left' nobody_left
	goes_on
	is "$(cat out)" said
	witnessed x returned returned
}

# ---- at once

@test "two of the same name and words at once, with kills: each result once" {
	script s.sh <<-'END'
		for i in 1 2 3 4; do
			until durexec step id -- ./id >"id.$i"; do :; done &
		done
		wait
		[ -e ok ]
	END
	script id <<<'echo "id $$"; exec stay id'
	start exec -- ./s.sh
	at id; at id; at id; at id
	kill -KILL "$(step_process)"
	at id
	release; release; release; release
	ends 1
	sort id.? >first
	is "$(uniq first | wc -l)" 4
	goes_on
	sort id.? | cmp - first
	is "$(wc -l <"$WITNESS")" 5
}

@test "many identical calls at once: each has a result of its own" {
	script s.sh <<-'END'
		for r in 1 2 3 4; do
			for i in {1..12}; do
				durexec step new -- sh -c 'echo $$-$PPID' >"new.$r.$i" &
			done
			wait
		done
		[ -e ok ]
	END
	go 1 exec -- ./s.sh
	cat new.* | sort >first
	is "$(uniq first | wc -l)" 48
	goes_on
	cat new.* | sort | cmp - first
}

@test "adopted, with sub-steps running side by side: all of their output" {
	script s.sh <<-'END'
		for i in 1 2 3; do durexec step "p $i" -- ./p "$i" & done
		wait
		durexec step last -- ./say last
	END
	script p <<<'echo "begin $1"; stay p; echo "end $1"'
	start exec -- ./s.sh
	at p; at p; at p
	kill9 "$pid"
	start exec -- ./s.sh
	eventually 'it is adopted' grep -q 'continuing run' err
	look s.sh.subs.running=3
	release; release; release
	ends 0
	is "$(sort out | xargs)" 'begin 1 begin 2 begin 3 end 1 end 2 end 3 last says'
	witnessed p p p last
}
