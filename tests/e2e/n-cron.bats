# SPDX-License-Identifier: ISC
# `--cron`, of pipeline files and of exec, in the environment that cron gives.
load helper
load bin/exec-helper

prepare_more() {
	EXTRA=("PATH=$E2E/bin:/usr/bin:/bin" SHELL=/bin/sh LOGNAME=nobody)
	clean=("${clean[@]/#TERM=*/TZ=UTC}")
	clean=("${clean[@]/#LANG=*/TZ=UTC}")
	ini=p.ini
}

# mail: what cron would send
mail() {
	cat out err >mail
	plain mail
}

dirs() { find "$1" -mindepth 1 -maxdepth 1 -type d -name '2*' | wc -l; }

@test "success says nothing, and each call is a run of its own" {
	printf '[step a]\nrun = mark; echo out; echo err >&2\n[step b]\nif = false\nrun = mark\n' >p.ini
	for n in 1 2 3; do
		go 0 --cron p.ini
		silent
		is "$(dirs .durexec/p)" $n
	done
	is "$(wc -l <"$WITNESS")" 3
	look state=done
}

@test "failure: the step and its last lines, without ESC; then it is tried again" {
	cat >p.ini <<'INI'
[step good]
run = mark; echo not of interest
[step bad]
run = mark; for i in {1..50}; do echo "line $i." >&2; done
	printf '\033[31mred\033[0m\r\n' >&2; [ -e ok ]
[step after]
run = mark
INI
	EXTRA+=(TERM=xterm-256color)
	go 1 --cron p.ini
	mail
	has mail 'bad needs review: exit 1' 'line 50.' red
	hasnt mail 'line 10.' 'not of interest' 'good'
	go 1 --cron p.ini
	mail
	has mail 'bad needs review: exit 1' 'line 50.'
	witnessed 'good 1' 'bad 1' 'bad 2'
	is "$(dirs .durexec/p)" 1
	# it is mended: the old run is completed, and today's follows
	: >"$WITNESS"
	touch ok
	go 0 --cron p.ini
	silent
	witnessed 'bad 3' 'after 1' 'good 1' 'bad 1' 'after 1'
	is "$(dirs .durexec/p)" 2
	go 0 history p.ini
	is "$(wc -l <out)" 2
	is "$(grep -c done out)" 2
	# and there is only one a day from then on
	: >"$WITNESS"
	go 0 --cron p.ini
	silent
	witnessed 'good 1' 'bad 1' 'after 1'
	is "$(dirs .durexec/p)" 3
}

@test "many failures are grouped" {
	{
		printf '[defaults]\nneeds =\n'
		for i in {1..12}; do printf '[step x%d]\nrun = echo why %d >&2; exit 3\n' $i $i; done
		printf '[step y]\nrun = exit 4\n'
	} >p.ini
	go 1 --cron p.ini
	mail
	has mail '12 steps: exit 3' '1 step: exit 4'
	[ "$(wc -l <mail)" -le 40 ]
}

@test "today's run fails after yesterday's is completed: that is said, 1" {
	printf '[step a]\nrun = mark; [ -e ok ] || exit 3; rm ok\n' >p.ini
	go 1 --cron p.ini
	touch ok
	go 1 --cron p.ini
	mail
	is "$(grep -c 'a needs review: exit 3' mail)" 1
	witnessed 'a 1' 'a 2' 'a 1'
	is "$(dirs .durexec/p)" 2
}

@test "what a start without --cron has left is gone on with, too" {
	printf '[step a]\nrun = mark\n[step b]\nrun = mark; [ -e ok ]\n' >p.ini
	go 1 p.ini
	touch ok
	go 0 --cron p.ini
	silent
	witnessed 'a 1' 'b 1' 'b 2' 'a 1' 'b 1'
	# a finished one is not one that was left
	go 0 --fresh p.ini
	: >"$WITNESS"
	go 0 --cron p.ini
	witnessed 'a 1' 'b 1'
}

@test "killed: the next one adopts, completes, and does today's" {
	printf '[step a]\nrun = stay a\n[step b]\nrun = saw b\n' >p.ini
	start --cron p.ini
	at a
	kill9 "$pid"
	start --cron p.ini
	eventually 'it is adopted' looks a.adopted=true
	release
	at a
	release
	ends 0
	silent
	witnessed a b a b
	is "$(dirs .durexec/p)" 2
}

@test "power off: the next one goes on, and does today's" {
	printf '[step a]\nrun = saw a\n[step b]\nrun = stay b\n' >p.ini
	start --cron p.ini
	at b
	power_cut
	start --cron p.ini
	at b
	release
	at b
	release
	ends 0
	silent
	witnessed a b b a b
}

@test "rerun = never: what may have taken effect is not tried again, and is said" {
	printf '[step a]\nrerun = never\nrun = stay a\n' >p.ini
	start --cron p.ini
	at a
	power_cut
	for _ in 1 2; do
		go 1 --cron p.ini
		mail
		has mail 'a needs review' 'durexec approve' 'durexec retry'
	done
	witnessed a
	go 0 retry p.ini a
	start --cron p.ini
	at a
	release
	at a
	release
	ends 0
	silent
}

@test "another durexec at work: 75, and nothing said; older than max_age: said" {
	printf '[step a]\nrun = stay a\n' >p.ini
	start --cron p.ini
	at a
	printf '[pipeline]\nmax_age = 1h\n[step a]\nrun = stay a\n' >p.ini
	(become --cron p.ini) </dev/null >out2 2>err2 && got=0 || got=$?
	is "$got" 75
	is "$(cat out2 err2)" ''
	printf '[pipeline]\nmax_age = 1ms\n[step a]\nrun = stay a\n' >p.ini
	(become --cron p.ini) </dev/null >out2 2>err2 && got=0 || got=$?
	is "$got" 75
	cat out2 err2 >said
	has said "$pid"
	like said p
	is "$(wc -l <said)" 1
	release
	ends 0
	witnessed a
}

@test "max_age: an older unfinished run is closed, and today's begins" {
	printf '[pipeline]\nmax_age = 1ms\n[step a]\nrun = mark\n[step b]\nrun = mark; [ -e ok ]\n' >p.ini
	go 1 --cron p.ini
	touch ok
	go 0 --cron p.ini
	witnessed 'a 1' 'b 1' 'a 1' 'b 1'
	is "$(dirs .durexec/p)" 2
}

@test "a mistake in the file, or something that is missing: said, 2" {
	printf '[step a]\nrum = true\n' >p.ini
	go 2 --cron p.ini
	has err p.ini:2
	printf '[step a]\nrequires = no-such-program\nrun = true\n' >p.ini
	go 2 --cron p.ini
	has err no-such-program
	go 2 --cron nosuch.ini
	has err nosuch.ini
}

@test "--cron stopped: dies by the signal; the next one goes on" {
	printf '[step a]\nrun = mark\n[step b]\nrun = stay b\n' >p.ini
	start --cron p.ini
	at b
	kill -TERM "$pid"
	ends 143
	start --cron p.ini
	at b
	release
	at b
	release
	ends 0
	is "$(cat "$WITNESS" | xargs)" 'a 1 b b a 1 b'
}

# ---- exec

@test "exec --cron: a success says nothing, whatever the command says" {
	script s.sh <<<'saw s; echo out; echo err >&2; head -c 300000 /dev/zero'
	go 0 exec --cron -- ./s.sh
	silent
	go 0 exec --cron -- ./s.sh
	silent
	runs s.sh 2
	witnessed s s
}

@test "exec --cron: a failure has its output, its last lines, and its status" {
	script s.sh <<<'saw "s $DUREXEC_ATTEMPT"; echo to stdout; echo why it failed >&2; [ -e ok ] || exit 4'
	go 4 exec --cron -- ./s.sh
	has out 'to stdout'
	mail
	has mail 'why it failed' s.sh 'exit 4'
	go 4 exec --cron -- ./s.sh
	mail
	has mail 'why it failed'
	runs s.sh 1
	touch ok
	go 0 exec --cron -- ./s.sh
	silent
	# yesterday's, and today's
	witnessed 's 1' 's 2' 's 3' 's 1'
	runs s.sh 2
	go 0 exec --cron -- ./s.sh
	runs s.sh 3
}

@test "exec --cron of a script with steps, in the environment of cron" {
	script s.sh <<-'END'
		set -e
		durexec step one -- saw one
		durexec step two -- sh -c 'saw two; echo "cannot do two" >&2; [ -e ok ]'
		durexec step three -- saw three
	END
	go 1 exec --cron -- ./s.sh
	mail
	has mail 'cannot do two'
	go 1 exec --cron -- ./s.sh
	touch ok
	go 0 exec --cron -- ./s.sh
	silent
	witnessed one two two two three one two three
	runs s.sh 2
}

@test "exec --cron while one is at work: 75 and silent, but for --max-age" {
	script s.sh <<<'stay s'
	start exec --cron -- ./s.sh
	at s
	# each of them waits a moment for it to end: side by side
	waiting=()
	for age in 0 1h 1ms; do
		(
			option=(--max-age "$age")
			[ "$age" != 0 ] || option=()
			(become exec --cron "${option[@]}" -- ./s.sh) \
				</dev/null >"out.$age" 2>"err.$age" && got=0 || got=$?
			echo "$got" >"rc.$age"
		) 3>&- &
		waiting+=($!)
	done
	wait "${waiting[@]}"
	is "$(cat rc.0 rc.1h rc.1ms | xargs)" '75 75 75'
	is "$(cat out.0 err.0 out.1h err.1h out.1ms)" ''
	grep -q "\b$pid\b" err.1ms || fail "$(cat err.1ms)"
	is "$(wc -l <err.1ms)" 1
	release
	ends 0
	silent
	witnessed s
}

@test "exec --cron: killed while it runs, adopted by the next, then today's" {
	script s.sh <<<'echo out; stay s; echo end'
	start exec --cron -- ./s.sh
	at s
	kill9 "$pid"
	start exec --cron -- ./s.sh
	ini='--name s.sh'
	eventually 'it is adopted' looks s.sh.adopted=true
	release
	at s
	release
	ends 0
	silent
	witnessed s s
	runs s.sh 2
}

# ---- several

@test "status where several pipelines live: each with its last end" {
	printf '[step a]\nrun = true\n' >good.ini
	printf '[step a]\nrun = exit 5\n' >bad.ini
	printf '[step a]\nrun = stay a\n' >busy.ini
	go 0 --cron good.ini
	go 1 --cron bad.ini
	start --cron busy.ini
	at a
	go 0 status
	is "$(grep -cE '^ *(good|bad|busy)\b' out)" 3
	like out 'good.*(done|finished).*[0-9]{2}:[0-9]{2}'
	like out 'bad.*needs review.*[0-9]{2}:[0-9]{2}'
	like out 'busy.*running'
	plain out
	release
	ends 0
	# of one of them, as always
	go 0 status bad.ini
	has out 'exit 5'
}

@test "status where exec ran several: each with its last end" {
	script one.sh <<<'exit 0'
	script two.sh <<<'exit 5'
	go 0 exec --cron -- ./one.sh
	go 5 exec --cron -- ./two.sh
	go 0 status
	like out 'one.sh.*done'
	like out 'two.sh.*needs review'
	go 0 status --name two.sh
	has out 'exit 5'
	hasnt out one.sh
}

@test "exec --cron: its output is made safe for a mail, secrets are hidden" {
	EXTRA+=(TOKEN=hunter22222)
	script s.sh <<<'printf "\033[31mred\033[0m %s\n\ttab\xff no end" "$TOKEN"; exit 4'
	go 4 exec --cron --secrets TOKEN -- ./s.sh
	is "$(cat out)" $'\\x1b[31mred\\x1b[0m ***\n\ttab\\xff no end'
}

@test "exec --cron: older than --max-age, and it still runs: adopted, not refused" {
	script s.sh <<<'stay s'
	start exec --cron -- ./s.sh
	at s
	kill9 "$pid"
	start exec --cron --max-age 1ms -- ./s.sh
	ini='--name s.sh'
	eventually 'it is adopted' looks s.sh.adopted=true
	release
	at s
	release
	ends 0
	silent
	runs s.sh 2
	witnessed s s
}

@test "exec --cron: a secret at the border of the last MiB is hidden whole" {
	EXTRA+=(TOKEN=hunter22222)
	# the border is behind "hunter"
	script s.sh <<<'echo first; printf %s "$TOKEN"; head -c 1048570 /dev/zero | tr "\0" x; echo; exit 4'
	go 4 exec --cron --secrets TOKEN -- ./s.sh
	has err 'the last MiB of'
	is "$(head -c 6 out)" '***xxx'
	hasnt out first
}
