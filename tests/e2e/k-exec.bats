# SPDX-License-Identifier: ISC
# `durexec exec`: one command, an existing script say, as a run of one step.
load helper
load bin/exec-helper

# ---- what it passes on

@test "exit status: the command's own, 128+n, 127, 126; a success says nothing else" {
	script s.sh <<<'exit "$1"'
	for n in 1 3 255; do go $n exec --name "n$n" -- ./s.sh $n; done
	go 0 exec --name n0 -- ./s.sh 0
	silent
	for s in KILL:137 SEGV:139 USR1:138; do
		script "${s%:*}.sh" <<<"kill -${s%:*} \$\$"
		go "${s#*:}" exec -- "./${s%:*}.sh"
	done
	go 127 exec -- ./nosuch
	has err nosuch
	go 127 exec -- no-such-program
	has err no-such-program
	: >plain
	chmod 644 plain
	go 126 exec -- ./plain
	has err plain
}

@test "stdout and stderr come while the command runs, each on its own" {
	script s.sh <<-'END'
		echo one
		echo two >&2
		stay s
		printf three
	END
	mkfifo o e
	exec 5<>o 6<>e
	launch exec -- ./s.sh >o 2>e
	at s
	IFS= read -r -t "$PATIENCE" line <&5
	is "$line" one
	IFS= read -r -t "$PATIENCE" line <&6
	is "$line" two
	release
	IFS= read -r -t "$PATIENCE" -n 5 line <&5
	is "$line" three
	wait "$pid"
	# and nothing else
	if IFS= read -r -t 0.05 -n 1 line <&5; then fail "more: $line"; fi
	if IFS= read -r -t 0.05 -n 1 line <&6; then fail "more: $line"; fi
	exec 5<&- 6<&-
}

@test "no byte is changed: NUL, ESC, CR, invalid UTF-8, no last newline, 5 MB" {
	head -c 5000000 /dev/urandom >data
	printf 'a\0b\r\n\033[31m\377\376 %%s ${HOME} \\n no newline' >data2
	script s.sh <<<'cat data; cat data2 >&2'
	go 0 exec -- ./s.sh
	cmp out data
	cmp err data2
	script t.sh <<<'cat data2; cat data >&2'
	(become exec -- ./t.sh) </dev/null 2>err | cat >out
	cmp out data2
	cmp err data
	# what failed, and what its script does after the failure
	script u.sh <<<'cat data2; exit 9'
	go 9 exec -- ./u.sh
	cmp out data2
}

@test "standard input is /dev/null, or a file; the directory and environment are the caller's" {
	script s.sh <<-'END'
		cat
		pwd
		echo "$FOO/$A/$B"
	END
	EXTRA+=(FOO=foo)
	echo nobody reads this | (become exec -- ./s.sh) >out 2>err
	is "$(xargs <out)" "$T foo//"
	echo from a file >'in put'
	mkdir sub
	cp s.sh sub
	go 0 exec --stdin 'in put' --env A=a --env 'B= b $HOME ${HOME}"' -- ./s.sh
	is "$(cat out)" "from a file
$T
foo/a/ b \$HOME \${HOME}\""
	go 0 exec -C sub --name c -- ./s.sh
	is "$(head -n 1 out)" "$T/sub"
	go 0 exec --workdir sub --name w -- ./s.sh
	is "$(head -n 1 out)" "$T/sub"
}

# ---- its arguments

# Run it directly and by exec: the same words, and after a failure once more.
same_words() {
	script words <<<'printf "%s\0" "$@" >got; [ -e ok ]'
	rm -f ok
	(EXE=./words become "$@") || :
	mv got want
	go 1 exec --fresh -- ./words "$@"
	cmp got want || fail 'other words'
	rm got
	touch ok
	go 0 exec -- ./words "$@"
	cmp got want || fail 'other words, the second time'
}

@test "words arrive as they are: blanks, quotes, newlines, \$(), globs, invalid UTF-8, empty" {
	touch glob1 glob2
	same_words 'a b' '' "it's" '"q"' '$(touch bad)' '`touch bad`' '${HOME}' \
		'$HOME' '$${HOME}' 'glob*' '?' '~' 'a;touch bad' '&' '|' '>bad' '#' \
		'# x' '; x' ' lead' 'trail ' $'\t' $'a\nb' $'\n' $'\n\n' $'end\n' \
		$'\n[step evil]\nrun = touch bad' $'x\nneeds = y' '\' '\\' "\\'" \
		$'\r' $'a\r\nb' $'\e[31m' $'\xff\xfe' $'\xef\xbb\xbf' 'ü日本' '' \
		-- --fresh -q --name=x A=b '!x' '{a,b}' '%s' '%41' ''
	[ ! -e bad ]
}

@test "words: a single empty one, none at all; 100,000 bytes in one" {
	same_words ''
	same_words
	same_words "$(printf 'x%.0s' {1..100000})"
}

@test "10,000 arguments" {
	mapfile -t many < <(seq -f "argument '%g' of 10000" 10000)
	script s.sh <<<'printf "%s\n" "$@"; [ -e ok ]'
	(become exec -- ./s.sh "${many[@]}") </dev/null >out 2>err && fail 'exit 0'
	printf '%s\n' "${many[@]}" | cmp - out
	touch ok
	(become exec -- ./s.sh "${many[@]}") </dev/null >out 2>err
	printf '%s\n' "${many[@]}" | cmp - out
	runs s.sh 1
}

# ---- what it is called, and where it is kept

# called NAME WORD...: exec -- WORD... makes a run of that name
called() {
	local want=$1
	shift
	rm -rf .local
	[ "$1" = --name ] || set -- -- "$@"
	go 0 exec "$@"
	is "$(ls "$base")" "$want"
}

@test "the run is called as the script is, behind interpreters too; --name" {
	script nightly.sh <<<'echo "$0 $*"'
	mkdir -p 'a dir'
	cp nightly.sh 'a dir/other.sh'
	echo 'print(1)' >n.py
	called nightly.sh ./nightly.sh
	called nightly.sh bash -x nightly.sh --all
	called nightly.sh env A=b nice -n 5 bash -e nightly.sh other.sh
	called n.py python3 -B n.py
	called other.sh 'a dir/other.sh'
	called other.sh bash "$T/a dir/other.sh" nightly.sh
	called ls /bin/ls nightly.sh
	called every_night --name every_night -- ./nightly.sh
	ini='--name every_night' look pipeline=every_night every_night.state=done
}

@test "a script of any name: the run's has letters, digits, _ . - and 48 bytes at most" {
	long=$(printf 'n%.0s' {1..60}).sh
	for n in 'my script.sh' 'ü.sh' "it's \$(x).sh" "$long" '.hidden'; do
		script "$n" <<<'stay "$DUREXEC_STEP"; exit 3'
		start exec -- "./$n"
		read -r -t "$PATIENCE" step step_pid <&7
		like <(echo "$step") '^[A-Za-z0-9_][A-Za-z0-9_.-]{0,47}$'
		release
		ends 3
		# and that is what verbs know it by
		go 0 retry --name "$step" "$step"
	done
	is "$(head -n 1 "$WITNESS")" my_script.sh
}

@test "state: below HOME, XDG_STATE_HOME, DUREXEC_STATE_DIR, --state-dir; the latter win" {
	go 0 exec -- true
	[ -e "$base/true/latest/state" ]
	[ -e "$base/true/exec.ini" ]
	is "$(find .local/state/durexec -perm /077 ! -type l)" ''
	EXTRA+=("XDG_STATE_HOME=$T/xdg")
	go 0 exec -- true
	[ -e xdg/durexec/true/latest/state ]
	EXTRA+=("DUREXEC_STATE_DIR=$T/env")
	go 0 exec -- true
	[ -e env/true/latest/state ]
	go 0 exec --state-dir opt -- true
	[ -e opt/true/latest/state ]
	go 0 status --name true --state-dir opt
	go 0 status opt/true/exec.ini
	# each has been used once
	for d in "$base" xdg/durexec env opt; do
		is "$(echo "$d"/true/2*/ | wc -w)" 1
	done
	[ ! -e .durexec ]
}

# ---- failing and going on

@test "called again after a failure it goes on; after a success a new run begins" {
	script s.sh <<<'saw s; echo out; echo err >&2; [ -e ok ] || exit 4'
	go 4 exec -- ./s.sh
	is "$(cat out)" out
	has err err
	hasnt err 'continuing run'
	go 4 exec -- ./s.sh
	has err "continuing run $(basename "$(last)")"
	is "$(cat out)" out
	goes_on
	is "$(cat out)" out
	runs s.sh 1
	look state=done s.sh.attempts=3 s.sh.exit=0 pipeline=s.sh
	go 0 exec -- ./s.sh
	is "$(cat out err)" $'out\nerr'
	runs s.sh 2
	witnessed s s s s
}

@test "retries: all that the attempts say, and the last one's status" {
	script s.sh <<-'END'
		saw "s $DUREXEC_ATTEMPT"
		echo "attempt $DUREXEC_ATTEMPT"
		[ -e "ok.$DUREXEC_ATTEMPT" ] || exit 7
	END
	touch ok.3
	go 0 exec --retries 3 --retry-delay 10ms -- ./s.sh
	is "$(cat out)" $'attempt 1\nattempt 2\nattempt 3'
	rm ok.3
	go 7 exec --retries 1 --retry-delay 10ms -- ./s.sh
	is "$(cat out)" $'attempt 1\nattempt 2'
	: >"$WITNESS"
	go 7 exec --name a --retries 5 --retry-delay 10ms --retry-on 8 -- ./s.sh
	go 7 exec --name b --retries 5 --retry-delay 10ms --retry-if nothing \
		--retry-if 'attempt [1]' -- ./s.sh
	go 7 exec --name c --retries 5 --retry-delay 10ms --give-up-if pt.1 -- ./s.sh
	witnessed 's 1' 's 1' 's 2' 's 1'
}

@test "time limits: 124, and nothing goes on in the dark" {
	script s.sh <<<'saw s; echo begun; sleep 1000'
	go 124 exec --timeout 300ms -- ./s.sh
	is "$(cat out)" begun
	eventually 'nobody is left' nobody_left
	look state=needs_review s.sh.outcome=timeout
	go 124 exec --name idle --idle-timeout 300ms -- ./s.sh
	eventually 'nobody is left' nobody_left
}

@test "--ok-exit, --fail-if, --ok-if, --outputs, --verify: whose word counts" {
	script s.sh <<<'saw s; echo "it says so"; exit "${1:-0}"'
	go 3 exec --ok-exit 3 -- ./s.sh 3
	look state=done s.sh.exit=3
	go 1 exec --name a --fail-if 'says (no|so)' -- ./s.sh
	has err 'fail_if'
	go 1 exec --name b --ok-if 'says yes' -- ./s.sh
	go 0 exec --name c --fail-if yes --ok-if so --ok-if no -- ./s.sh
	go 1 exec --name d --outputs 'made.txt' -- ./s.sh
	has err made.txt
	script m.sh <<<'echo x >made.txt; echo y >"two words.txt"'
	go 0 exec --outputs made.txt -- ./m.sh
	go 0 exec --name e --verify 'saw verified; grep -q "^x" made.txt' -- ./m.sh
	go 1 exec --name f --verify 'saw verified; grep -q z made.txt' -- ./m.sh
	witnessed s s s s s verified verified
	ini='--name a' look state=needs_review a.exit=0
}

@test "--stdout, --umask, --max-output, --requires, --check, --preset" {
	script s.sh <<<'saw s; umask; yes | head -c 100000'
	go 0 exec --stdout 'a file' --umask 027 -- ./s.sh
	cmp out 'a file'
	is "$(head -n 1 out)" 0027
	: >"$WITNESS"
	go 2 exec --name a --requires no-such-program -- ./s.sh
	has err no-such-program
	go 2 exec --name b --check false -- ./s.sh
	go 2 exec --name c --preset no-such-preset -- ./s.sh
	witnessed
	go 0 exec --name d --preset curl --check true --requires 'sh bash' -- ./s.sh
	script f.sh <<<'echo begun; while :; do echo; done'
	(become exec --max-output 100K -- ./f.sh) </dev/null >out 2>err && fail 'exit 0'
	eventually 'nobody is left' nobody_left
	ini='--name f.sh' look f.sh.outcome=flood
}

@test "--rerun never: when nobody knows how far it came, it is not run again unasked" {
	script s.sh <<<'stay s; echo end'
	start exec --rerun never -- ./s.sh
	at s
	power_cut
	(become exec --rerun never -- ./s.sh) </dev/null >out 2>err && fail 'exit 0'
	has err 'durexec retry' 'durexec approve'
	look state=needs_review s.sh.outcome=lost
	go 0 retry --name s.sh s.sh
	start exec --rerun never -- ./s.sh
	at s
	release
	ends 0
	witnessed s s
}

@test "a wait: --no-wait ends with 75; later it goes on" {
	script s.sh <<<'saw s; [ -e ok ] || { echo 3600 >"$DUREXEC_WAIT"; exit 1; }'
	go 75 exec --no-wait -- ./s.sh
	look state=waiting s.sh.waiting_until=3500..4000
	go 75 exec --no-wait -- ./s.sh
	witnessed s
	python "$E2E/state.py" due "$(last)/state" 0.2
	goes_on
	witnessed s s
	script w.sh <<<'saw w; echo "limit, try again in 2h"; exit 1'
	go 75 exec --no-wait --wait-if limit -- ./w.sh
	ini='--name w.sh' look w.sh.waiting_until=7100..8000
}

@test "--max-age: an older unfinished run is closed, and a new one begins" {
	script s.sh <<<'saw s; [ -e ok ]'
	go 1 exec -- ./s.sh
	touch ok
	go 0 exec --max-age 1ms -- ./s.sh
	has err max_age
	runs s.sh 2
}

# ---- kills

@test "kill -9 of durexec: adopted, the command runs once, its output is whole" {
	script s.sh <<<'echo before; echo e1 >&2; stay s; echo after; echo e2 >&2; exit 6'
	start exec -- ./s.sh
	at s
	eventually 'it is passed on' grep -q before out
	kill9 "$pid"
	start exec -- ./s.sh
	eventually 'it is adopted' grep -q 'continuing run' err
	eventually 'what was before is there' grep -q before out
	release
	ends 6
	is "$(cat out)" $'before\nafter'
	is "$(grep -c '^e[12]$' err)" 2
	witnessed s
	runs s.sh 1
}

@test "ended while nobody watched: the true status, the whole output, and not again" {
	script s.sh <<<'head -c 300000 data; stay s; tail -c +300001 data'
	head -c 1000000 /dev/urandom >data
	start exec -- ./s.sh
	at s
	kill9 "$pid"
	release
	eventually 'nobody is left' nobody_left
	goes_on
	cmp out data
	witnessed s
	look state=done s.sh.adopted=true
}

@test "kill -9 of durexec and its keeper: it runs again, alone" {
	script s.sh <<-'END'
		exec 9>>lock
		flock -n 9 || saw TWICE
		stay s
	END
	start exec -- ./s.sh
	at s
	kill -KILL "$pid" "$(keeper_of "$step_pid")"
	eventually 'durexec is gone' over "$pid"
	start exec -- ./s.sh
	at s
	release
	ends 0
	witnessed s s
	runs s.sh 1
}

@test "power off while it runs: it goes on, with the same run" {
	script s.sh <<<'stay s; echo end'
	for _ in 1 2; do
		start exec -- ./s.sh
		at s
		power_cut
	done
	python "$E2E/state.py" reboot "$(last)/state"
	start exec -- ./s.sh
	at s
	release
	ends 0
	has err 'continuing run'
	is "$(cat out)" end
	runs s.sh 1
	look s.sh.attempts=3 state=done
}

@test "another command under the name of an unfinished run: 2, and what to do" {
	script s.sh <<<'saw "s $1"; [ -e ok ]'
	go 1 exec -- ./s.sh one
	for other in two 'one ' ''; do
		go 2 exec -- ./s.sh "$other"
		has err --fresh --name
		is "$(cat out)" ''
	done
	go 2 exec -- ./s.sh
	go 2 exec -- ./s.sh one two
	go 2 exec -- bash ./s.sh one
	witnessed 's one'
	touch ok
	go 0 exec --fresh -- ./s.sh two
	witnessed 's one' 's two'
	runs s.sh 2
	# a finished one is nobody's
	go 0 exec -- ./s.sh three
	go 0 history --name s.sh
	is "$(wc -l <out)" 3
}

@test "--fresh while it still runs is refused, and names stop" {
	script s.sh <<<'stay s'
	start exec -- ./s.sh
	at s
	kill9 "$pid"
	(become exec --fresh -- ./s.sh) </dev/null >out 2>err && fail 'exit 0'
	has err 'durexec stop'
	go 0 stop --name s.sh
	eventually 'nobody is left' nobody_left
	start exec --fresh -- ./s.sh
	at s
	release
	ends 0
	runs s.sh 2
}

@test "two at once: 75, and the pid of the first" {
	script s.sh <<<'stay s'
	start exec -- ./s.sh
	at s
	(become exec -- ./s.sh) </dev/null >out2 2>err2 && got=0 || got=$?
	is "$got" 75
	grep -q "\b$pid\b" err2 || fail "$(cat err2)"
	is "$(cat out2)" ''
	# of another name
	go 0 exec -- true
	release
	ends 0
	witnessed s
}

@test "INT and TERM: told once, dies by the signal, goes on next time" {
	script s.sh <<-'END'
		trap 'saw told; exit 0' TERM
		trap 'saw INT' INT
		echo "s $$" >"$AT"
		until [ -e ok ]; do sleep 0.02; done
	END
	for s in INT:130 TERM:143; do
		: >"$WITNESS"
		start exec -- ./s.sh
		at s
		kill -"${s%:*}" "$pid"
		ends "${s#*:}"
		witnessed told
		like err 'stopping s.sh'
		look state=stopped s.sh.state=pending s.sh.outcome=interrupted
	done
	start exec -- ./s.sh
	at s
	has err 'continuing run'
	touch ok
	ends 0
	runs s.sh 1
}

@test "--stop-signal, --stop-grace" {
	script s.sh <<-'END'
		trap 'saw INT' INT
		trap 'saw TERM' TERM
		echo "s $$" >"$AT"
		while :; do sleep 0.02; done
	END
	start exec --stop-signal INT --stop-grace 200ms -- ./s.sh
	at s
	kill -TERM "$pid"
	ends 143
	witnessed INT
	look s.sh.state=pending s.sh.signal=9
}

@test "Ctrl+C at a terminal: the shell has its prompt, and the next call goes on" {
	script s.sh <<<'saw s; echo it works; [ -e ok ] || exec sleep 1000'
	(EXE=python3 become -B "$E2E/person.py" bash --norc -i) >shown <<-END
		type PS1='READY> '; stty -echo
		see READY>
		type '$DUREXEC' exec -- ./s.sh
		see it works
		key C
		see READY>
		type echo "status \$?"
		see status 130
		do touch '$T/ok'
		type '$DUREXEC' exec -- ./s.sh; echo "then \$?"
		see continuing run.*it works.*then 0
	END
	witnessed s s
}

@test "a terminal that is closed: the run goes on to its end" {
	script s.sh <<-'END'
		trap 'saw HUP' HUP
		saw s
		until [ -e ok ]; do sleep 0.02; done
		echo said to nobody
		saw end
	END
	(EXE=python3 become -B "$E2E/person.py" bash --norc -i) >shown <<-END
		type PS1='READY> '; stty -echo
		type '$DUREXEC' exec -- ./s.sh
		do grep -q s '$T/witness'
		hangup
	END
	touch ok
	eventually 'nobody is left' nobody_left
	witnessed s end
	look state=done
}

# ---- readers

@test "a reader that vanishes: the run goes on to its end" {
	script s.sh <<-'END'
		echo first
		stay s
		seq 100000
		seq 100000 >&2
		saw end
	END
	{ (become exec -- ./s.sh) </dev/null 2>err; echo $? >rc; } | head -n 1 >first &
	at s
	eventually 'head is gone' grep -q . first
	release
	wait $!
	eventually 'it ends' test -s rc
	is "$(cat rc)" 0
	witnessed s end
	is "$(cat first)" first
	seq 100000 | cmp - <(grep -v '^durexec: ' err)
	look state=done
}

@test "a reader that is slow costs nothing: not a byte, and not the command's time" {
	script s.sh <<<'cat data; saw written; exit 5'
	head -c 2000000 /dev/urandom >data
	mkfifo o
	exec 5<>o
	# opened for reading here, and read only when the command has ended
	launch exec -- ./s.sh >o 2>err
	eventually 'the command has written all' grep -q written "$WITNESS"
	head -c 2000000 <&5 | cmp - data
	wait "$pid" && got=0 || got=$?
	is "$got" 5
	exec 5<&-
}

@test "closed stdin, stdout, stderr: the command is run all the same; a full disk is said" {
	script s.sh <<<'echo hello; echo hello >&2; saw s'
	(become exec -- ./s.sh) <&- >&- 2>&-
	(become exec -- ./s.sh) </dev/null >/dev/full 2>err && fail 'exit 0'
	has err 'No space left' "$(last)/log"
	is "$(xargs <"$WITNESS")" 's s'
	look state=done
	script t.sh <<<'echo hello >&2; exit 7'
	(become exec -- ./t.sh) </dev/null 2>/dev/full && got=0 || got=$?
	is "$got" 7
}

# ---- words of its own

@test "-q: nothing but what the command says" {
	script s.sh <<<'echo out; echo err >&2; [ -e ok ] || exit 4'
	go 4 exec -q -- ./s.sh
	is "$(cat out)" out
	touch ok
	go 0 exec -q -- ./s.sh
	is "$(cat out err)" $'out\nerr'
}

@test "after a failure: what it was, on stderr only, and nothing twice" {
	script s.sh <<<'echo to stdout; echo why it failed >&2; exit 4'
	go 4 exec -- ./s.sh
	is "$(cat out)" 'to stdout'
	like err 'exit 4'
	is "$(grep -c 'why it failed' err)" 1
	hasnt err 'to stdout'
	has err 'the same command again'
	plain err
}

@test "-d returns at once; wait, logs and status of it by --name" {
	script s.sh <<<'echo hello; stay s; exit 6'
	go 0 exec -d -- ./s.sh
	at s
	look state=running
	go 3 wait --timeout 50ms --name s.sh
	release
	go 1 wait --name s.sh
	go 0 logs --name s.sh
	has out hello
	look state=needs_review s.sh.exit=6
}

# ---- verbs

@test "verbs know it by --name and by its exec.ini" {
	script s.sh <<<'echo "said $DUREXEC_ATTEMPT"; [ -e ok ] || exit 4'
	go 4 exec -- ./s.sh
	for which in '--name s.sh' "$base/s.sh/exec.ini"; do
		go 0 status $which
		has out s.sh 'needs review' 'exit 4'
		go 0 logs $which
		has out 'said 1'
		go 0 history $which
		is "$(wc -l <out)" 1
		go 1 wait $which
		go 0 clean -n $which
	done
	go 0 retry --name s.sh s.sh
	look s.sh.state=pending
	goes_on
	go 0 rewind "$base/s.sh/exec.ini" s.sh
	look state=stopped s.sh.state=pending
	goes_on
	is "$(cat out)" 'said 3'
	runs s.sh 1
	go 2 status --name nosuch
	has err nosuch
	go 0 exec -- ./s.sh
	go 0 clean --keep 0 --name s.sh
	(become history --name s.sh) </dev/null >out 2>err || :
	is "$(grep -c ' done' out || true)" 0
}

@test "the exec.ini is a pipeline file: it can be checked and run as one" {
	script s.sh <<<'saw "s $1 $PWD"; [ -e ok ]'
	go 1 exec --retries 1 --retry-delay 1ms -- ./s.sh $'a\n[b'
	(cd / && become --dry-run "$base/s.sh/exec.ini") </dev/null >out
	witnessed "s a
[b $T" "s a
[b $T"
	touch ok
	(cd / && become --resume "$base/s.sh/exec.ini") </dev/null >out
	is "$(grep -cxF "[b $T" "$WITNESS")" 3
	look state=done
}

@test "verbs without a file: what is in .durexec here, else what exec ran" {
	script s.sh <<<'echo of exec; exit 4'
	go 4 exec -- ./s.sh
	go 0 status
	has out s.sh
	go 0 logs
	has out 'of exec'
	mkdir d
	printf '[step only]\nrun = echo of the file\n' >d/p.ini
	go 0 d/p.ini
	(cd d && become status) </dev/null >out 2>err
	has out only
	hasnt out s.sh
	(cd d && become status --name s.sh) </dev/null >out 2>err
	has out s.sh
}

@test "stop: 3, from elsewhere; the next call goes on" {
	script s.sh <<<'stay s; exit 0'
	start exec -- ./s.sh
	at s
	(become stop --name s.sh) </dev/null >out2 2>&1 || fail "$(cat out2)"
	ends 3
	look state=stopped
	start exec -- ./s.sh
	at s
	has err 'continuing run'
	(become stop --drain --name s.sh) </dev/null >out2 2>&1 || fail "$(cat out2)"
	release
	ends 0
	witnessed s s
}

# ---- mistakes

@test "wrong options: 2, one sentence, nothing runs and nothing is written" {
	script s.sh <<<'saw s'
	wrong() {
		local word=$1
		shift
		go 2 exec "$@"
		mapfile -t said <err
		[[ ${#said[@]} = 1 && ${said[0]} =~ $word && ! -s out ]] ||
			fail "not one sentence with $word"
	}
	wrong command
	wrong command --
	wrong did.you.mean.*retries --retires 3 -- ./s.sh
	wrong retries.*many --retries many -- ./s.sh
	wrong timeout.*minutes --timeout '5 minutes' -- ./s.sh
	wrong ok.exit --ok-exit x -- ./s.sh
	wrong fail.if --fail-if '(' -- ./s.sh
	wrong stop.signal --stop-signal NONE -- ./s.sh
	wrong rerun --rerun sometimes -- ./s.sh
	wrong name --name '' -- ./s.sh
	wrong 'goes on by itself' --resume -- ./s.sh
	wrong 'goes on by itself' -resume -- ./s.sh
	wrong 'did.you.mean.*retries' --retrie 3 -- ./s.sh
	wrong resume-run.*value --resume-run -- ./s.sh
	wrong verify.*value --verify -- ./s.sh
	wrong env --env =x -- ./s.sh
	wrong env --env x -- ./s.sh
	wrong nowhere -C nowhere -- ./s.sh
	witnessed
	is "$(find . -path '*.local*' -type f)" ''
}

@test "an exec inside of an exec is a run of its own" {
	script s.sh <<<'echo outer; durexec exec --name inner -- ./t.sh; echo "then $?"; exit 8'
	script t.sh <<<'echo "inner $DUREXEC_STEP"; exit 3'
	go 8 exec -- ./s.sh
	is "$(cat out)" $'outer\ninner inner\nthen 3'
	ini='--name inner' look inner.exit=3
	look s.sh.exit=8
}

@test "another command of a name: --max-age makes room for it, a live one is said" {
	script s.sh <<<'saw "s $1"; [ "$1" != stay ] || stay s; exit "${2:-0}"'
	go 3 exec --name n -- ./s.sh one 3
	go 2 exec --name n -- ./s.sh two
	has err 'is another command' '--fresh'
	go 2 exec --name n --max-age 1h -- ./s.sh two
	go 0 exec --name n --max-age 1ms -- ./s.sh two
	runs n 2
	start exec --name n -- ./s.sh stay
	at s
	live=$pid
	(become exec --name n -- ./s.sh other) </dev/null >out2 2>err2 && got=0 ||
		got=$?
	is "$got" 75
	has err2 "(pid $live, since " 'runs another command of this name'
	hasnt err2 --fresh
	is "$(wc -l <err2)" 1
	release
	ends 0
	witnessed 's one' 's two' 's stay' s
}

@test "a signal from elsewhere: that it runs again is said" {
	script s.sh <<<'saw s; [ -e ok ] || { touch ok; kill -TERM $$; }'
	go 0 exec -- ./s.sh
	has err 's.sh: interrupted (signal 15 (TERM)); it runs again'
	witnessed s s
	# and that we were stopped is not that
	script t.sh <<<'stay t'
	start exec -- ./t.sh
	at t
	kill -TERM "$pid"
	ends 143
	hasnt err 'runs again'
}

@test "--secrets: hidden in what is passed on, wherever a piece of it ends" {
	EXTRA+=(TOKEN=hunter22222)
	script s.sh <<-'END'
		printf 'a %s b hun' "$TOKEN"
		# until that much has been passed on
		until grep -q ' b ' out; do sleep 0.01; done
		echo 'ter22222 c hunter2'
		echo "e $TOKEN" >&2
		printf hunter
		exit 3
	END
	go 3 exec --secrets TOKEN -- ./s.sh
	is "$(cat out)" $'a *** b *** c hunter2\nhunter'
	has err 'e ***'
	hasnt err hunter22222
	# what was said is what was said
	has "$(last)/log/s.sh.1.out" hunter22222
}

@test "--secrets: hidden in what durexec step says, and not in what it replays" {
	EXTRA+=(TOKEN=hunter22222)
	script s.sh <<-'END'
		durexec step f -- "nosuch-$TOKEN"
		durexec step w -- printenv TOKEN >seen
		exit 3
	END
	for _ in 1 2; do
		go 3 exec --secrets TOKEN -- ./s.sh
		has err 'nosuch-***: command not found'
		hasnt err hunter
		is "$(cat seen)" hunter22222
	done
	# it is not in the log either, as nobody else wrote it
	hasnt "$(last)/log/s.sh.2.err" hunter
}
