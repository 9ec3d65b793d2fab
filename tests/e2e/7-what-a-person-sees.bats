# SPDX-License-Identifier: ISC
# What a person sees: lines, failures, hostile output; and odd places to run in.
load helper

@test "plain lines, one per transition, without ESC, when there is no terminal" {
	printf '[step a]\nrun = true\n[step b]\nif = false\nrun = true\n[step c]\nrun = echo why >&2; exit 3\n[step d]\nrun = true\n' >p.ini
	EXTRA=(TERM=xterm-256color)
	go 1 p.ini
	is "$(grep -cE '^[0-9:]{8} a: started$' out)" 1
	is "$(grep -cE '^[0-9:]{8} a: done \(' out)" 1
	is "$(grep -cE '^[0-9:]{8} b: skipped' out)" 1
	is "$(grep -cE '^[0-9:]{8} c: needs review: exit 3' out)" 1
	is "$(grep -cE '^[0-9:]{8} d:' out)" 0
	go 1 --resume p.ini
	is "$(grep -cE '^[0-9:]{8} c: started, attempt 2$' out)" 1
	go 0 status
	go 0 skip p.ini c
	go 0 history
	cat out err >>all
	is "$(LC_ALL=C grep -c $'[\e\r]' all || true)" 0
}

@test "after a failure, last: step, how it ended, 20 lines of stderr, the log, the command" {
	cat >p.ini <<'INI'
[step a]
run = for i in {1..50}; do echo "out $i"; echo "err $i." >&2; done; exit 9
INI
	go 1 p.ini
	has out 'a needs review: exit 9' 'err 31.' 'err 50.' 'durexec --resume p.ini'
	hasnt out 'err 30.' 'out 50'
	log=$(sed -n 's/^ *log: //p' out)
	is "$(wc -l <"$log")" 50
	# in this order, at the end
	is "$(grep -nE 'a needs review: exit 9$|err 50\.|log: |durexec --resume' out |
		cut -d: -f1 | sort -n | tail -n 4 | wc -l)" 4
	is "$(tail -n 1 out)" 'try again: durexec --resume p.ini'
	# what it types works
	printf '[step a]\nrun = echo only out; exit 1\n' >q.ini
	go 1 q.ini
	has out 'only out'
	printf '[step a]\nrun = exit 1\n' >r.ini
	go 1 r.ini
	has out 'exit 1' 'said nothing'
}

@test "the command to type is quoted where a shell needs it" {
	printf '[params]\nv = x\n[step a]\nrun = mark; [ -e ok ]\n' >'my file.ini'
	go 1 'my file.ini' "v=it's \$HOME"
	sed -n 's/^try again: durexec //p' out >args
	touch ok
	(EXE=/bin/sh become -c "'$DUREXEC' $(cat args)") </dev/null >out 2>err ||
		fail "$(cat args) does not work"
	witnessed 'a 1' 'a 2'
}

@test "many failures: grouped by reason, with examples" {
	{
		echo '[defaults]'
		echo 'needs ='
		for i in {1..12}; do printf '[step x%d]\nrun = exit 3\n' "$i"; done
		for i in {1..5}; do printf '[step y%d]\nrun = exit 4\n' "$i"; done
	} >p.ini
	go 1 -q p.ini
	has out '12 steps: exit 3' '5 steps: exit 4' 'and 9 more' '17 in review'
	[ "$(grep -c . out)" -le 50 ] || fail 'too long'
}

@test "hostile output is made safe in the failure report, and raw in logs" {
	cat >p.ini <<'INI'
[step a]
run = printf 'red \033[31m title \033]0;owned\007 bidi \342\200\256evil c1 \302\233 bad \377\376 back\010 tab\there\nprogress 1%%\rprogress 100%%\n' >&2; exit 1
INI
	go 1 p.ini
	is "$(LC_ALL=C grep -c $'[\e\a\r\b]' out || true)" 0
	is "$(LC_ALL=C grep -cP '\xe2\x80\xae|\xc2\x9b|\xff' out || true)" 0
	python -c 'open("out", encoding="utf-8").read()'
	has out 'red ' 'evil' 'tab'
	go 0 logs --stderr p.ini a
	is "$(LC_ALL=C grep -c $'\e\\[31m' out)" 1
	# but not on a terminal
	(EXE=/usr/bin/script become -qec "'$DUREXEC' logs p.ini a" /dev/null) \
		</dev/null >shown 2>&1
	is "$(LC_ALL=C grep -c $'\e' shown || true)" 0
	like shown 'red '
}

@test "hostile names in files are made safe in complaints" {
	printf '[step a]\nr\033[31mun = x\n[step \033]0;x\007]\nrun = true\n' >p.ini
	go 2 p.ini
	is "$(LC_ALL=C grep -c $'[\e\a]' err || true)" 0
	go 2 $'no\e[31msuch.ini'
	is "$(LC_ALL=C grep -c $'\e' err || true)" 0
	go 2 $'--no\e[31msuch'
	is "$(LC_ALL=C grep -c $'\e' err || true)" 0
}

@test "a hostile reason and result are made safe in status" {
	printf '[step a]\nrun = false\n' >p.ini
	go 1 p.ini
	go 0 approve p.ini a --result $'x\e[31m\ny'
	go 0 status p.ini
	is "$(LC_ALL=C grep -c $'\e' out || true)" 0
	go 0 status --json p.ini
	is "$(python -c 'import json; print(ascii(json.load(open("out"))["steps"][0]["result"]))')" "'x\\x1b[31m\\ny'"
}

@test "colour: on a terminal, not with NO_COLOR or --color never; always with always" {
	printf '[step a]\nrun = true\n' >p.ini
	EXTRA=(TERM=xterm)
	terminal() {
		(EXE=/usr/bin/script become -qec "'$DUREXEC' --fresh $*" /dev/null) \
			</dev/null >shown 2>&1
		LC_ALL=C grep -c $'\e\\[3' shown || true
	}
	[ "$(terminal p.ini)" -gt 0 ]
	is "$(terminal --color never p.ini)" 0
	EXTRA+=(NO_COLOR=1)
	is "$(terminal p.ini)" 0
	EXTRA=()
	go 0 --color always --fresh p.ini
	LC_ALL=C grep -q $'\e\\[' out
	go 2 --color sometimes p.ini
}

@test "the first line of going on: which run, how many are done, what is adopted" {
	printf '[step a]\nrun = mark\n[step b]\nrun = hold\n' >p.ini
	start p.ini
	at b
	kill9 "$pid"
	start p.ini
	eventually 'adopted' grep -q adopted out
	head -n 1 err >first
	has first "$(basename "$(run_dir)")" '1 of 2 done' b
	release
	ends 0
}

@test "a failing exec says why in the report: the program's name and the errno" {
	printf '[step a]\nrun = no-such-program\n' >p.ini
	go 1 p.ini
	has out no-such-program
	like out 'exit 127.*No such file'
}

@test "it works with closed stdin, stdout and stderr" {
	printf '[step a]\nrun = ls -l /proc/self/fd >$T/fds; mark\n[step b]\nrun = cat; mark\n' >p.ini
	(become p.ini) <&- >&- 2>&-
	witnessed 'a 1' 'b 1'
	is "$(grep -c -- '->' fds)" 4
	python "$E2E/state.py" check "$(run_dir)/state"
	(become status p.ini) </dev/null >&- 2>&- || true
	(become --fresh p.ini) <&- >out 2>err
	look state=done
	# nothing of ours stands in a file that took number 0, 1 or 2
	hasnt "$(run_dir)/state" 'done ('
	(become nothing.ini) <&- >&- 2>&- && got=0 || got=$?
	is $got 2
}

@test "durexec | head -1: a reader that goes away does not stop the run" {
	for i in {1..20}; do printf '[step s%d]\nrun = mark\n' "$i"; done >p.ini
	(become p.ini) </dev/null 2>err | head -n 1 >first
	eventually 'it is over' nobody_left
	look state=done done=20
	(become status p.ini) </dev/null 2>err | head -n 1 >first
	[ -s first ]
}

@test "durexec | cat ends with the run, whatever a step left behind" {
	printf '[step a]\nrun = hold\n' >p.ini
	(become p.ini | cat >piped; echo over >>piped) </dev/null 2>err 3>&- &
	at a
	durexec=$(parent "$(keeper_of "$step_pid")")
	kill9 "$durexec"
	# the keeper and the step live, and do not hold the pipe
	eventually 'cat is over' grep -q '^over$' piped
	release
	eventually 'nobody is left' nobody_left
}

@test "a full or broken stdout is no reason to stop" {
	printf '[step a]\nrun = mark\n[step b]\nrun = mark\n' >p.ini
	(become p.ini) </dev/null >/dev/full 2>err
	witnessed 'a 1' 'b 1'
	look state=done
}

@test "it works without HOME, PATH or any environment" {
	printf '[step a]\nrun = echo x; mark\n' >p.ini
	{ echo '[pipeline]'; echo "env.PATH = $E2E/bin:/usr/bin:/bin"; cat p.ini; } >q.ini
	(become_bare() { exec env -i "WITNESS=$WITNESS" "$DUREXEC" "$@" 3>&- 7>&- 8>&-; }
	become_bare q.ini) </dev/null >out 2>err
	witnessed 'a 1'
}

@test "no bash: /bin/sh -ec, and --dry-run says so" {
	mkdir b
	for p in sh cat mark; do ln -s "$(PATH=$E2E/bin:$PATH command -v $p)" b/$p; done
	printf '[step a]\nrun = [ -z "$BASH_VERSION" ]; false; mark never\n[step b]\nneeds =\nrun = [ -z "$BASH_VERSION" ] && mark\n' >p.ini
	EXTRA=("PATH=$T/b")
	go 0 --dry-run p.ini
	cat out err >both
	has both '/bin/sh'
	go 1 -j1 p.ini
	witnessed 'b 1'
}

@test "a deleted, then recreated working directory; a file given through a link" {
	mkdir d l
	printf '[step a]\nrun = pwd -P >>$T/where; mark\n' >d/p.ini
	ln -s ../d/p.ini l/p.ini
	go 0 l/p.ini
	witnessed 'a 1'
	[ -d l/.durexec/p ]
	(
		mkdir gone
		cd gone
		rmdir ../gone
		become "$T/d/p.ini"
	) </dev/null >out 2>err
	witnessed 'a 1' 'a 1'
	is "$(tail -n 1 where)" "$(cd d && pwd -P)"
}

@test "a step that says a lot, fast: all of it is logged, durexec stays small" {
	printf '[step a]\nrun = head -c 50000000 /dev/zero | tr "\\0" x; echo; echo done\n[step b]\nrun = tail -n 1; hold\nstdin = step:a\n' >p.ini
	start p.ini
	at b
	is "$(stat -c %s "$(run_dir)/log/a.1.out")" 50000006
	rss=$(sed -n 's/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$pid/status")
	[ "$rss" -lt 20000 ] || fail "$rss kB"
	release
	ends 0
}

@test "waiting for a long step costs no wake-ups" {
	printf '[step a]\nrun = hold\n' >p.ini
	start p.ini
	at a
	keeper=$(keeper_of "$step_pid")
	switches() {
		awk '/ctxt_switches/ { n += $2 } END { print n }' \
			"/proc/$pid/status" "/proc/$keeper/status"
	}
	quiet() {
		local before
		before=$(switches)
		sleep 1
		[ "$(switches)" = "$before" ]
	}
	eventually 'it sleeps' quiet
	release
	ends 0
}
