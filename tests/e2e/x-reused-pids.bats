# SPDX-License-Identifier: ISC
# A pid that was reused is never signalled. In a namespace of pids of its own
# the next pid can be chosen (ns_last_pid): whoever durexec's files name is
# killed, and somebody innocent gets exactly that pid, in a group and a session
# of that number. Then everything is done that could signal it.
load helper

# On what all of these tests stand: the pid can be chosen, and that is tried.
prepare() {
	as_root
	unshare --fork --pid --mount-proc true 2>/dev/null || skip 'no namespaces'
	unshare --fork --pid --mount-proc bash -c '
		echo 4000 >/proc/sys/kernel/ns_last_pid && sleep 0 &&
		echo 4000 >/proc/sys/kernel/ns_last_pid || exit
		sleep 0 &
		[ $! = 4001 ]' 2>/dev/null || skip 'no ns_last_pid'
	cat >world <<-'SH'
		# What the cases share; this is process 1 of its namespace.
		set -u
		give_up() { echo "line ${BASH_LINENO[*]}: $*" >&2; exit 1; }
		until_so() {
			local n=0
			until eval "$1"; do
				[ $((n += 1)) -lt 1500 ] || give_up "never: $1"
				sleep 0.02
			done
		}
		# of NAME record: the pid that the mailbox has
		mailbox() { sed -n "s/.* $1 pid=\([0-9]*\).*/\1/p" .durexec/p/latest/keeper.0; }
		begin() {
			"$D" "$@" p.ini >begin.out 2>&1 &
			supervisor=$!
			until_so '[ -s begun ]'
			until_so '[ -n "$(mailbox pid)" ]'
			keeper=$(mailbox keeper) step=$(mailbox pid)
			[ "$(sed -n 's/.* begin pid=\([0-9]*\).*/\1/p' .durexec/p/latest/state)" = \
				$supervisor ] || give_up 'not the pid that the state names'
		}
		gone() {
			local p
			kill -KILL "$@" 2>/dev/null
			for p; do until_so "[ ! -d /proc/$p ]"; done
		}
		# innocent PID: somebody has it, alone in a session of that number
		innocent() {
			local n=0
			rm -f innocent.$1
			while :; do
				echo $(($1 - 1)) >/proc/sys/kernel/ns_last_pid
				setsid counts $T/innocent.$1 </dev/null >/dev/null 2>&1 &
				[ $! != $1 ] || break
				kill -KILL $!
				[ $((n += 1)) -lt 50 ] || give_up "pid $1 cannot be had"
			done
			until_so "[ -s innocent.$1 ]"
			[ "$(cat innocent.$1)" = "ready $1" ] || give_up "it is not $1"
		}
		# expect STATUS VERB...
		expect() {
			local want=$1 got=0
			shift
			"$D" "$@" p.ini >verb.out 2>&1 || got=$?
			[ $got = $want ] || give_up "$*: exit $got: $(cat verb.out)"
		}
		unharmed() {
			for p; do
				grep -q '^State:.[SR]' /proc/$p/status || give_up "$p was hit: $(grep State /proc/$p/status)"
				[ "$(cat innocent.$p)" = "ready $p" ] || give_up "$p was hit: $(cat innocent.$p)"
			done
		}
	SH
	# exec: the number of a group is free when its last member is gone
	cat >p.ini <<-'INI'
		[step a]
		run =
		    mark
		    if [ ! -e $T/begun ]; then echo begun >$T/begun; exec sleep 1000; fi
	INI
}

# in_world: the case (stdin) in such a namespace
in_world() {
	{ cat world; cat; } >case.sh
	EXTRA=("D=$DUREXEC")
	EXE=/usr/bin/timeout go 0 -k 1 "${PATIENCE:-30}" \
		unshare --fork --pid --mount-proc --kill-child bash case.sh
}

@test "the step's pid: lost with its keeper, given to somebody else" {
	in_world <<-'SH'
		begin
		gone $supervisor $keeper $step
		innocent $step
		expect 0 status
		unharmed $step
		expect 0 --resume
		unharmed $step
		expect 0 stop --now
		unharmed $step
	SH
	witnessed 'a 1' 'a 2'
	look state=done a.attempts=2
}

@test "the keeper's pid: it held the mailbox, who has its pid does not" {
	in_world <<-'SH'
		begin
		gone $supervisor $keeper $step
		innocent $keeper
		expect 0 status
		expect 0 stop
		unharmed $keeper
		expect 0 --resume
		unharmed $keeper
	SH
	witnessed 'a 1' 'a 2'
	look state=done a.attempts=2
}

@test "the supervisor's pid: stop ends the step that went on, not who has the pid" {
	in_world <<-'SH'
		begin
		gone $supervisor
		innocent $supervisor
		expect 0 status
		expect 0 status --json
		expect 3 wait --timeout 100ms
		[ -d /proc/$step ] || give_up 'the step is gone'
		expect 0 stop
		until_so "[ ! -d /proc/$step ]"
		unharmed $supervisor
		expect 0 --resume
		unharmed $supervisor
	SH
	witnessed 'a 1' 'a 2'
	look state=done a.attempts=2
}

@test "the supervisor's pid, with another durexec at work: that one is stopped" {
	in_world <<-'SH'
		begin
		gone $supervisor
		innocent $supervisor
		"$D" p.ini >again.out 2>&1 &
		again=$!
		until_so 'grep -q adopted again.out'
		expect 75 --no-wait
		grep -q "pid $again" verb.out || give_up "another holder: $(cat verb.out)"
		expect 0 stop
		wait $again
		[ $? = 3 ] || give_up 'it was not stopped'
		unharmed $supervisor
		expect 0 --resume
		unharmed $supervisor
	SH
	witnessed 'a 1' 'a 2'
}

@test "all three at once, then stop --now, --fresh and clean" {
	in_world <<-'SH'
		begin
		gone $supervisor $keeper $step
		innocent $supervisor
		innocent $keeper
		innocent $step
		expect 0 status
		expect 0 stop --now
		unharmed $supervisor $keeper $step
		expect 0 --fresh
		unharmed $supervisor $keeper $step
		expect 0 status --all
		expect 0 clean
		unharmed $supervisor $keeper $step
	SH
}

@test "what a killed keeper has left is ended, who has the step's pid is not" {
	cat >p.ini <<-'INI'
		[step a]
		run =
		    mark
		    if [ $DUREXEC_ATTEMPT = 1 ]; then
		        setsid sleep 1000 & echo $! >$T/left
		        echo begun >$T/begun; exec sleep 1000
		    fi
	INI
	in_world <<-'SH'
		begin
		gone $supervisor $keeper $step
		left=$(cat left)
		[ -d /proc/$left ] || give_up 'nothing is left'
		innocent $step
		innocent $keeper
		expect 0 --resume
		[ ! -d /proc/$left ] || give_up "what was left lives"
		unharmed $step $keeper
	SH
	witnessed 'a 1' 'a 2'
}

@test "what is left, too, is known by what it carries: its pid is somebody else's" {
	sed -i 's/exec sleep/setsid sleep 1000 \& echo $! >$T\/left; exec sleep/' p.ini
	in_world <<-'SH'
		begin
		until_so '[ -s left ]'
		left=$(cat left)
		gone $supervisor $keeper $step $left
		innocent $left
		innocent $step
		expect 0 --resume
		unharmed $left $step
	SH
	witnessed 'a 1' 'a 2'
}

@test "durexec step: the pids of a killed call and of its command" {
	cat >s.sh <<-'SH'
		#!/bin/bash
		"$D" step one -- sh -c 'echo $PPID $$ >$T/call; [ -e $T/ok ] || exec sleep 1000'
		mark
	SH
	chmod +x s.sh
	cat >p.ini <<-'INI'
		[step a]
		run = ./s.sh
	INI
	in_world <<-'SH'
		"$D" p.ini >begin.out 2>&1 &
		supervisor=$!
		until_so '[ -s call ]'
		read -r relay command <call
		keeper=$(mailbox keeper) step=$(mailbox pid)
		gone $supervisor $keeper $step $relay $command
		innocent $relay
		innocent $command
		innocent $step
		touch ok
		expect 0 --resume
		unharmed $relay $command $step
	SH
	witnessed 'a 2'
}
