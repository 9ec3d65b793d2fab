# SPDX-License-Identifier: ISC
# What whoever is started is given: descriptors 0, 1 and 2, signals at their
# defaults, an empty mask, no terminal; whatever durexec itself was given.
load helper

# durexec with all that cron, nohup, Python and careless parents leave behind;
# with CLOSED, without 0, 1 and 2.
prepare() {
	cat >launch <<-'SH'
		#!/bin/bash
		for fd in {3..20}; do eval "exec $fd<>stray"; done
		[ -z "${CLOSED:-}" ] || exec <&- >&- 2>&-
		exec env --ignore-signal=PIPE --ignore-signal=HUP \
			--block-signal=TERM "$@"
	SH
	chmod +x launch
	LAUNCH=$T/launch
	case $BATS_TEST_DESCRIPTION in
	*exec*) EXTRA=("PATH=${DUREXEC%/*}:$E2E/bin:/usr/local/bin:/usr/bin:/bin") ;;
	esac
}

# given NAME...: `sees NAME` has found what it should (3 is ls's own)
given() {
	local name
	for name; do
		[ -s "seen.$name" ] || fail "nothing was seen by $name" || return
		is "$(sed -n 's/^fds //p' "seen.$name")" '0 1 2 3' &&
			is "$(grep '^Sig' "seen.$name")" "$(printf '%s\n' \
				'SigBlk:	0000000000000000' \
				'SigIgn:	0000000000000000')" &&
			like "seen.$name" '^ *[0-9]+ \?$' ||
			fail "$name was given: $(cat "seen.$name")" || return
	done
}

everything() {
	cat >p.ini <<-'INI'
		[pipeline]
		on_done = sees on_done
		on_exit = sees on_exit; true
		[defaults]
		needs =
		[step fds]
		run = ls -l /proc/self/fd
		[step signals]
		run = cat /proc/self/status
		[step direct]
		run = sees direct
		[step shell]
		run = :; sees shell; :
		[step input]
		needs = shell
		stdin = step:shell
		run = sees input
		[step around]
		check = sees check
		if = sees if
		run = sees run
		verify.one = sees gate
		verify.two = :; sees gate2
		[step fan]
		foreach_from = sees from >/dev/null; echo x
		run = sees item
		[step again]
		retries = 1
		retry_delay = 0s
		run = [ $DUREXEC_ATTEMPT = 2 ] && sees again
	INI
}

looks_right() {
	given direct shell input check if run gate gate2 from item again \
		on_done on_exit
	for name in direct shell check if run gate gate2 from item on_done; do
		has "seen.$name" /dev/null
	done
	# exec'd by the keeper itself, with nothing in between
	go 0 logs --stdout p.ini signals
	for set in SigBlk SigIgn SigCgt SigPnd ShdPnd; do
		like out "^$set:.0000000000000000\$"
	done
	go 0 logs --stdout p.ini fds
	# 3 is the directory that ls reads
	is "$(sed -n 's/.* \([0-9]*\) -> .*/\1/p' out | xargs)" '0 1 2 3'
	log=$(run_dir)/log
	has out '0 -> /dev/null' "1 -> $log/fds.1.out" "2 -> $log/fds.1.err" \
		'3 -> /proc/'
}

@test "steps, gates, conditions, lists, checks and hooks get 0, 1, 2, defaults, no mask" {
	everything
	go 0 -j3 p.ini
	looks_right
}

@test "the same from a parent that ignores, blocks and leaves descriptors open" {
	everything
	EXE=$LAUNCH go 0 ls /proc/self/fd
	for fd in {3..20}; do like out "^$fd\$"; done
	EXE=$LAUNCH go 0 grep -E '^Sig(Blk|Ign)' /proc/self/status
	like out '^SigBlk:.0000000000004000$'
	# GNU parallel, above this, ignores 32 and 33 as well
	like out '^SigIgn:.0000000[01][08]0001001$'
	EXE=$LAUNCH go 0 "$DUREXEC" -j3 p.ini
	looks_right
}

@test "the same without 0, 1 and 2, and in the background" {
	everything
	EXTRA=(CLOSED=yes)
	EXE=$LAUNCH go 0 "$DUREXEC" -j3 p.ini
	looks_right
	python "$E2E/state.py" check "$(run_dir)/state"
	rm seen.*
	EXE=$LAUNCH go 0 "$DUREXEC" -d --fresh p.ini
	go 0 wait p.ini
	eventually 'it is over' nobody_left
	looks_right
}

@test "by adoption nothing comes in: a durexec that goes on gives the same" {
	everything
	sed -i 's/^run = \[ \$DUREXEC_ATTEMPT = 2.*/run = hold/' p.ini
	EXE=$LAUNCH start "$DUREXEC" -j8 p.ini
	at again
	kill9 "$pid"
	rm -f seen.*
	EXE=$LAUNCH start "$DUREXEC" -j8 p.ini
	eventually 'it goes on' grep -q adopted out
	release 'sees again; exit 0'
	ends 0
	given again on_done on_exit
}

@test "exec, and what is called with durexec step in its script" {
	cat >s.sh <<-'SH'
		#!/bin/bash
		sees script
		durexec step one -- sees one
		durexec step two -c 'sees two; :'
		echo text | durexec step --stdin three -- sees three
		durexec step --no-output four -- sees four
		durexec step outer -- durexec step inner -- sees inner
	SH
	chmod +x s.sh
	EXE=$LAUNCH go 0 "$DUREXEC" exec -- ./s.sh
	given script one two three four inner
	rm seen.*
	EXTRA+=(CLOSED=yes)
	EXE=$LAUNCH go 0 "$DUREXEC" exec -- ./s.sh
	given script one two three four inner
	rm seen.*
	EXE=$LAUNCH go 0 "$DUREXEC" exec -- sees itself
	given itself
}

@test "TERM that was blocked stops durexec all the same; HUP that was ignored stays so" {
	printf '[step a]\nrun = counts told\n' >p.ini
	# the pid of the launcher is durexec's, as both only exec
	EXE=$LAUNCH start "$DUREXEC" p.ini
	eventually 'it runs' grep -qs ready told
	kill -HUP "$pid"
	like "/proc/$pid/status" '^SigIgn:.*1$'
	kill -TERM "$pid"
	eventually 'it is told' grep -q TERM told
	touch told.enough
	ends 143
	is "$(cut -d' ' -f1 told | xargs)" 'ready TERM'
	look a.outcome=interrupted
}
