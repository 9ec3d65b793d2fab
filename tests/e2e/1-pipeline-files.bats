# SPDX-License-Identifier: ISC
# Pipeline files: values verbatim, every mistake at once, parameters.
load helper

@test "a value is verbatim: semicolons, hashes, equals signs, brackets, quotes" {
	cat >p.ini <<'INI'
[step marks]
run = echo 'a ; b' '# no comment' "x = y" ; echo '[z]' "it's" \\ '"' '%s' '${NO}'
[step below]
run =
    cat <<'END'
    [step fake]
    key = value ; semicolon
    run: colon = equals
    END
INI
	go 0 p.ini
	go 0 logs --stdout p.ini marks
	is "$(cat out)" "$(printf '%s\n' 'a ; b # no comment x = y' \
		"[z] it's \\ \" %s \${NO}")"
	go 0 logs --stdout p.ini below
	is "$(cat out)" "$(printf '%s\n' '[step fake]' \
		'key = value ; semicolon' 'run: colon = equals')"
}

@test "common indentation goes, the rest stays: heredoc, blank lines, Python, tabs" {
	printf '%s\n' '[step python]' 'run = python3 - <<"END"' \
		'    import sys' '    for i in range(2):' '        if i:' \
		'            print("odd", i)' '' '        else:' \
		'            print("even", i)   # = ; [x]' '    END' \
		'[step tabs]' 'run =' \
		"	printf '%s\\n' 'a	b' '  two'" '' '' \
		"		printf '%s\\n' deep" '' '' '[step last]' 'run = true' >p.ini
	go 0 p.ini
	go 0 logs --stdout p.ini python
	is "$(cat out)" $'even 0\nodd 1'
	go 0 logs --stdout p.ini tabs
	is "$(cat out)" $'a\tb\n  two\ndeep'
}

@test "comments are lines with ; or # in column 0, inside a value too" {
	cat >p.ini <<'INI'
; first
# second
[step a]
# between
run = echo one
# inside, skipped
    echo two
; inside as well
    # of the shell
    echo three # too
INI
	go 0 p.ini
	go 0 logs --stdout p.ini a
	is "$(cat out)" $'one\ntwo\nthree'
}

@test "a script of 40 kB, a line of 40 kB, and CRLF with a byte order mark" {
	local line
	line=$(printf 'x%.0s' {1..40000})
	{
		echo '[step line]'
		echo "run = printf %s '$line' | wc -c"
		echo '[step lines]'
		echo 'run ='
		for ((i = 0; i < 1500; i++)); do
			echo "    n=\$((n + 1)) # line $i ; = ["
		done
		echo '    echo $n'
	} >p.ini
	go 0 p.ini
	go 0 logs --stdout p.ini line
	is "$(cat out)" 40000
	go 0 logs --stdout p.ini lines
	is "$(cat out)" 1500
	printf '\357\273\277[step a]\r\nrun = echo one\r\n    echo two\r\n' >crlf.ini
	go 0 crlf.ini
	go 0 logs --stdout crlf.ini a
	is "$(od -An -c out | tr -d ' \n')" 'one\ntwo\n'
}

@test "a script over 128 KiB is refused" {
	{
		echo '[step long]'
		echo 'run ='
		head -c 140000 /dev/zero | tr '\0' 'x' | fold -w 1000 |
			sed 's/^/    : /'
	} >p.ini
	go 2 p.ini
	like err '^p\.ini:[12]: .*128'
	[ ! -e .durexec ]
}

@test "all mistakes at once, as file:line: sentence, with a guess; nothing runs" {
	cat >p.ini <<'INI'
[pipelin]
name = x
[pipeline]
job = 2
[step one]
run = mark
rum = mark
timeout = soon
[step two]
needs = oen
run = mark
run = mark
[step one]
run = mark
[step three]
workdir = ${NOWHERE}
run = mark
[step bad name!]
run = mark
[step nothing]
nice = 99
INI
	go 2 p.ini
	witnessed
	[ ! -e .durexec ]
	has err 'p.ini:1:' 'did you mean [pipeline]?' \
		'p.ini:4:' 'did you mean "jobs"?' \
		'p.ini:7:' 'did you mean "run"?' \
		'p.ini:8:' 'p.ini:10:' 'did you mean "one"?' \
		'p.ini:12:' 'p.ini:13:' 'p.ini:16:' 'NOWHERE' 'p.ini:18:' \
		'p.ini:20:' 'p.ini:21:'
	unlike err '^[^p]'
	go 2 --dry-run p.ini
	has err 'p.ini:4:' 'p.ini:21:'
}

@test "mistakes as JSON: file, line, message, hint" {
	printf '[step a]\nrum = x\nrun = true\n' >p.ini
	go 2 --dry-run --json p.ini
	python - out <<'PY'
import json, sys
found = json.load(open(sys.argv[1]))
assert len(found) == 1, found
assert set(found[0]) == {"file", "line", "message", "hint"}, found
assert found[0]["file"] == "p.ini" and found[0]["line"] == 2
assert "run" in found[0]["hint"]
PY
	printf '[step a]\nrun = true\n' >p.ini
	go 0 --dry-run --json p.ini
	is "$(python -c 'import json; print(json.load(open("out")))')" '[]'
}

@test "a cycle names the steps that are in it" {
	cat >p.ini <<'INI'
[step a]
needs = c
run = mark
[step b]
needs = a
run = mark
[step c]
needs = b
run = mark
INI
	go 2 p.ini
	like err '^p\.ini:[0-9]+: '
	has err a b c
	witnessed
}

@test "a file without steps, a step without run, NUL bytes, names over 48 bytes" {
	echo '[pipeline]' >none.ini
	go 2 none.ini
	has err none.ini: step
	printf '[step a]\nneeds =\n' >norun.ini
	go 2 norun.ini
	like err '^norun\.ini:[12]: .*run'
	printf '[step a]\nrun = echo \0 x\n' >nul.ini
	go 2 nul.ini
	like err '^nul\.ini:2: .*NUL'
	printf '[step %s]\nrun = true\n' "$(printf 'n%.0s' {1..49})" >name.ini
	go 2 name.ini
	like err '^name\.ini:1: .*48'
	printf '[step %s]\nrun = true\n' "$(printf 'n%.0s' {1..48})" >name.ini
	go 0 name.ini
	go 2 missing.ini
	has err missing.ini 'No such file'
}

@test "a missing bracket and stray indentation are mistakes of their own" {
	printf '[step a\nrun = mark\n[step b] junk\nrun = mark\n' >p.ini
	go 2 p.ini
	has err p.ini:1: p.ini:3:
	printf '    run = mark\n[step a]\nrun = mark\n' >q.ini
	go 2 q.ini
	has err q.ini:1:
	witnessed
}

@test "no key of the contract is refused; what fan-outs cannot be is" {
	cat >p.ini <<'INI'
[pipeline]
keep_logs = failed
[step gen]
run = mark
foreach = a b
inputs = ${ITEM}
secrets = API_KEY
[step lines]
run = mark
foreach_from = step:one
needs = one
[step one]
needs =
run = mark
INI
	go 0 --dry-run p.ini
	[ ! -s err ] || fail "$(cat err)"
	cat >p.ini <<'INI'
[params]
ITEM_INDEX = 1
[pipeline]
keep_logs = none
[step gen]
run = mark
foreach = a ${ITEM_NAME}
[step both]
run = mark
foreach = a
foreach_from = ls
[step tied]
foreach = step:gne
run = mark
[step join]
run = mark
stdin = step:gen
stdout = ${ITEM}.out
secrets = API_KEY
env.API_KEY = hunter2
INI
	go 2 p.ini API_KEY=hunter2
	witnessed
	[ ! -e .durexec ]
	has err p.ini:2: 'p.ini:4: keep_logs = none' p.ini:7: p.ini:11: \
		p.ini:13: 'did you mean "gen"?' p.ini:17: xargs p.ini:18: \
		p.ini:20:
	unlike err hunter2
}

@test "a key that stands elsewhere, or is called otherwise elsewhere, is pointed out" {
	printf '[pipeline]\nneeds = a\n[step a]\njobs = 2\ncommand = true\ndepends_on = x\nenv = A=1\nrun = true\n' >p.ini
	go 2 p.ini
	like err '^p\.ini:2: .*step'
	like err '^p\.ini:4: .*\[pipeline\]'
	like err '^p\.ini:5: .*did you mean "run"'
	like err '^p\.ini:6: .*did you mean "needs"'
	like err '^p\.ini:7: .*env\.NAME'
}

@test "parameters: default, given, in the environment, and \${NAME} outside of scripts" {
	cat >p.ini <<'INI'
[params]
WHO = world
DIR = ${WHO}.d
[step greet]
run = echo "$GREETING and $WHO in $DIR and ${PWD##*/}"
env.GREETING = hello ${WHO}
workdir = ${DIR}
INI
	mkdir world.d 'moon;x.d'
	go 0 p.ini
	go 0 logs --stdout p.ini greet
	is "$(cat out)" 'hello world and world in world.d and world.d'
	go 0 p.ini 'WHO=moon;x'
	go 0 logs --stdout p.ini greet 'WHO=moon;x'
	is "$(cat out)" 'hello moon;x and moon;x in moon;x.d and moon;x.d'
}

@test "an undefined or unknown NAME=VALUE is refused with a guess" {
	printf '[params]\nvideo = x\n[step a]\nrun = mark\n' >p.ini
	go 2 p.ini vidoe=12
	has err 'did you mean' video
	go 2 p.ini colour=red
	has err colour
	go 2 p.ini word
	has err word
	witnessed
	[ ! -e .durexec ]
}

@test "values are data: a parameter cannot become shell code" {
	printf '[params]\nf = x\n[step a]\nrun = echo "$f"; mark\n' >p.ini
	go 0 p.ini 'f=$(mark pwned); mark pwned'
	go 0 logs --stdout p.ini a 'f=$(mark pwned); mark pwned'
	is "$(cat out)" '$(mark pwned); mark pwned'
	witnessed 'a 1'
}

@test "a file and its NAME=VALUEs name a run of their own, with its own lock" {
	printf '[params]\nvideo = x\n[step a]\nrun = hold\n' >p.ini
	start p.ini video=12.mp4
	first=$pid
	at a
	start p.ini video=13.mp4
	second=$pid
	at a
	is "$(find .durexec -mindepth 1 -maxdepth 1 -type d | wc -l)" 2
	release 0
	release 0
	ends 0 "$first"
	ends 0 "$second"
	ini='p.ini video=12.mp4'
	look state=done
	[ -d .durexec/p@video=12.mp4 ]
}

@test "a bare file with several unfinished runs lists them and exits 2" {
	printf '[params]\nvideo = x\n[step a]\nrun = mark; false\n' >p.ini
	go 1 p.ini video=12.mp4
	go 1 p.ini 'video=13 b.mp4'
	: >"$WITNESS"
	go 2 p.ini
	has err video=12.mp4 'video=13 b.mp4'
	go 2 --resume
	has err video=12.mp4 'video=13 b.mp4'
	witnessed
	# what is listed can be typed
	grep -o 'durexec --resume.*video=13.*' err | sed 's/   (.*//' >typed
	(EXE=/bin/sh become -c "durexec() { '$DUREXEC' \"\$@\"; }; $(cat typed)") \
		>out 2>&1 7>&- 8>&- && fail "it does not fail again"
	witnessed 'a 2'
}

@test "a bare file with one unfinished run goes on with that" {
	printf '[params]\nvideo = x\n[step a]\nrun = mark "$video"; [ -e ok ]\n' >p.ini
	go 1 p.ini video=12.mp4
	touch ok
	go 0 --resume p.ini
	witnessed 'a 1 12.mp4' 'a 2 12.mp4'
}

@test "lists: commas or blanks, split before \${} is replaced" {
	cat >p.ini <<'INI'
[params]
f = a b.txt
[step make]
run = echo x >"$f"; echo x >c.txt
outputs = ${f}, c.txt
[step x]
needs =
run = mark
[step y]
needs = make,x
run = mark
requires = sh, bash  file:p.ini
INI
	go 0 p.ini
	look state=done
	like "$WITNESS" '^y 1$'
}

@test "durations and other values are checked where they stand" {
	cat >p.ini <<'INI'
[pipeline]
jobs = 0
timeout = 1x
fail_fast = 200%
[step a]
run = true
stop_signal = TREM
ok_exit = 300
umask = 999
always = sometimes
allow_failure = maybe
idle_timeout = -1
stdin = step:b
[step b]
run = true
env_file =
INI
	go 2 p.ini
	for n in 2 3 4 7 8 9 10 11 12 13; do
		has err "p.ini:$n:"
	done
	has err TERM
	for v in 90 90s 250ms 1h30m 2d; do
		printf '[step a]\ntimeout = %s\nrun = true\n' $v >q.ini
		go 0 --dry-run q.ini
	done
}

@test "a pipeline file that others could write to is refused as root" {
	as_root
	printf '[step a]\nrun = mark\n' >p.ini
	chmod 666 p.ini
	go 2 p.ini
	has err p.ini
	witnessed
}

@test "names that would be in the way of files: . and .., and a fan-out's of logs" {
	printf '[step ..]\nrun = :\n[step .]\nrun = :\n[pool ..]\n' >p.ini
	go 2 p.ini
	has err 'p.ini:1: ".." is no name for a step' 'p.ini:3: "." is no name' \
		'p.ini:5: ".." is no name for a pool'
	printf '[step g]\nrun = :\n[step g.1.out]\nforeach = a\nrun = :\n' >p.ini
	go 2 p.ini
	has err 'p.ini:3: the logs of the items of "g.1.out" would be where a log of "g" is'
	# one that is no fan-out has its own, and so has one of nobody's
	printf '[step g]\nrun = :\n[step g.1.out]\nrun = :\n[step h.1.out]\nforeach = a\nrun = :\n' >p.ini
	go 0 p.ini
}
