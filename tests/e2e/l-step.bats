# SPDX-License-Identifier: ISC
# `durexec step`: the steps of a script, each remembered. Kills and stops are
# in m-step-hard.bats.
load helper
load bin/exec-helper

# say NAME: what stands in NAME.out and NAME.err, and a mark
prepare_more() {
	script say <<-'END'
		saw "$1"
		[ ! -e "$1.out" ] || cat "$1.out"
		[ ! -e "$1.err" ] || cat "$1.err" >&2
	END
}

# ---- what is replayed

@test "replayed byte for byte: 5 MB, NUL, no last newline, nothing; each stream" {
	head -c 5000000 /dev/urandom >bin.out
	printf 'a\0b\r\n\033[31m\377 no newline' >tail.out
	printf 'on stderr\nalone' >err.err
	printf 'out' >both.out
	head -c 70000 /dev/urandom >both.err
	printf '\n\n\n' >lines.out
	script s.sh <<-'END'
		set -e
		n=$DUREXEC_ATTEMPT
		for x in bin tail err both lines none; do
			durexec step $x -- ./say $x >$x.out.$n 2>$x.err.$n
		done
		[ -e ok ]
	END
	begins
	goes_on
	witnessed bin tail err both lines none
	for x in bin tail err both lines none; do
		: >>$x.out
		: >>$x.err
		for n in 1 2; do
			cmp $x.out.$n $x.out
			cmp $x.err.$n $x.err
		done
	done
	look s.sh.subs.total=6 s.sh.subs.done=6
}

@test "replayed through exec, in its place between the script's own words" {
	script s.sh <<-'END'
		echo begin
		durexec step a -- echo a
		echo middle
		durexec step b -- echo b >&2
		echo end
		[ -e ok ]
	END
	begins
	is "$(cat out)" $'begin\na\nmiddle\nend'
	is "$(grep -cx b err)" 1
	goes_on
	is "$(cat out)" $'begin\na\nmiddle\nend'
	is "$(grep -cx b err)" 1
}

@test "the command's output comes while it runs, each stream on its own" {
	script s.sh <<<'durexec step x -- ./x'
	script x <<<'echo one; echo two >&2; stay x; printf three'
	start exec -- ./s.sh
	at x
	eventually 'it is passed on' grep -qx one out
	eventually 'it is passed on' grep -qx two err
	release
	ends 0
	is "$(cat out)" $'one\nthree'
	is "$(cat err)" two
}

@test "only success is remembered, with its status; --ok-exit" {
	script s.sh <<-'END'
		st() { durexec step "$@"; echo "$?"; }
		st fails -- sh -c 'saw fails; exit 5'
		st --ok-exit 3 three -- sh -c 'saw three; exit 3'
		st --ok-exit '3 7-9' eight -- sh -c 'saw eight; exit 8'
		st --ok-exit 3 four -- sh -c 'saw four; exit 4'
		st killed -- sh -c 'saw killed; kill -KILL $$'
		st absent -- ./no-such
		st plain -- ./plain
		st good -- saw good
		[ -e ok ]
	END
	: >plain
	for _ in 1 2; do
		(become exec -- ./s.sh) </dev/null >out 2>err || :
		is "$(xargs <out)" '5 3 8 4 137 127 126 0'
	done
	has err no-such plain
	witnessed fails three eight four killed good fails four killed
}

@test "text=\$(…), functions, loops, conditions, subshells, other scripts" {
	script s.sh <<-'END'
		set -euo pipefail
		text=$(durexec step text -- printf 'a\n b  \n\n')
		echo "[$text]"
		f() { local x; x=$(durexec step "f $1" -- ./say "f$1"); echo "f: $x"; }
		f 1
		(f 2; durexec step sub -- saw sub)
		for i in 1 2 3; do durexec step "loop $i" -- saw "loop $i"; done
		i=0
		while [ $i -lt 3 ]; do
			i=$((i + 1))
			durexec step tick -- ./count
		done
		if durexec step cond -- ./say no-such; then echo yes; fi
		if durexec step never -- false; then echo yes; else echo no; fi
		bash ./other.sh "a b"
		durexec step gen -- seq 2 | while read -r n; do
			durexec step "gen $n" -- saw "gen $n"
		done
		[ -e ok ]
	END
	script count <<<'echo x >>ticks; wc -l <ticks'
	echo 'durexec step "of $1" -- saw "of $1"' >other.sh
	echo one >f1.out
	echo two >f2.out
	begins
	cp out first
	has first $'[a\n b  ]' 'f: one' 'f: two' yes no
	is "$(grep -xE '[0-9]' first | xargs)" '1 2 3'
	cp witness witness.1
	goes_on
	cmp out first
	cmp witness witness.1
	is "$(wc -l <ticks)" 3
}

@test "set -e and pipefail see its status" {
	script s.sh <<<'set -e; durexec step x -- sh -c "exit 5"; saw after'
	go 5 exec -- ./s.sh
	script t.sh <<<'set -eo pipefail; durexec step x -- sh -c "exit 6" | cat; saw after'
	go 6 exec -- ./t.sh
	script u.sh <<<'set -e; x=$(durexec step x -- sh -c "exit 7"); saw after'
	go 7 exec -- ./u.sh
	witnessed
}

@test "& and wait: parallel calls never get each other's output" {
	script s.sh <<-'END'
		n=$DUREXEC_ATTEMPT
		# in another order the second time
		for i in $(if [ $n = 1 ]; then seq 8; else seq 8 -1 1; fi); do
			durexec step get -- ./get $i >get.$i.$n &
			# the same call, so many times: each has one of them
			durexec step new -- ./new >new.$i.$n &
		done
		wait
		[ -e ok ]
	END
	script get <<<'saw get; echo "this is $1"; echo "and $1"'
	script new <<<'saw new; echo "new $$"'
	begins
	goes_on
	is "$(sort "$WITNESS" | uniq -c | xargs)" '8 get 8 new'
	for i in {1..8}; do
		is "$(cat get.$i.1)" "this is $i
and $i"
		cmp get.$i.1 get.$i.2
	done
	is "$(cat new.*.1 | sort -u | wc -l)" 8
	diff <(cat new.*.1 | sort) <(cat new.*.2 | sort)
}

@test "2>&1: one stream, in its order; the same file twice, a pipe" {
	script mix <<-'END'
		saw mix
		for i in 1 2 3; do echo "o$i"; echo "e$i" >&2; done
	END
	script s.sh <<-'END'
		n=$DUREXEC_ATTEMPT
		durexec step a -- ./mix >a.$n 2>&1
		durexec step b -- ./mix 2>&1 | cat >b.$n
		x=$(durexec step c -- ./mix 2>&1)
		echo "$x" >c.$n
		# and when they are two, they are two
		durexec step d -- ./mix >d.$n 2>d.err.$n
		[ -e ok ]
	END
	begins
	goes_on
	for f in a b c; do
		for n in 1 2; do
			is "$(xargs <$f.$n)" 'o1 e1 o2 e2 o3 e3'
		done
	done
	for n in 1 2; do
		is "$(xargs <d.$n)" 'o1 o2 o3'
		is "$(xargs <d.err.$n)" 'e1 e2 e3'
	done
	witnessed mix mix mix mix
}

@test "a step that was recorded as one stream, or as two, is replayed in other company" {
	script mix <<<'saw mix; echo out; echo err >&2'
	script s.sh <<-'END'
		if [ $DUREXEC_ATTEMPT = 1 ]; then
			durexec step a -- ./mix >a.1 2>&1
			durexec step b -- ./mix >b.1 2>b.err.1
		else
			durexec step a -- ./mix >a.2 2>a.err.2
			durexec step b -- ./mix >b.2 2>&1
		fi
		[ -e ok ]
	END
	begins
	goes_on
	witnessed mix mix
	is "$(xargs <a.1)" 'out err'
	is "$(cat a.2 a.err.2 | sort | xargs)" 'err out'
	is "$(sort b.2 | xargs)" 'err out'
}

@test "| head -1: the command ends, and is not remembered" {
	script s.sh <<-'END'
		durexec step big -- ./big | head -n 1
		echo "${PIPESTATUS[0]}" >>status
		[ -e ok ]
	END
	script big <<<'saw big; yes'
	begins
	is "$(cat out)" y
	is "$(cat status | wc -l)" 1
	unlike status '^0$'
	goes_on
	is "$(cat out)" y
	witnessed big big
	eventually 'nobody is left' nobody_left
	look s.sh.subs.done=0
}

@test "a reader that vanishes on replay: it ends, and stays remembered" {
	script s.sh <<-'END'
		[ "$DUREXEC_ATTEMPT" != 1 ] || durexec step big -- ./big >big.1
		durexec step --any-args other -- saw other
		[ "$DUREXEC_ATTEMPT" != 2 ] || durexec step big -- ./big | head -n 1 >big.2
		[ "$DUREXEC_ATTEMPT" != 3 ] || durexec step big -- ./big >big.3
		[ -e ok ]
	END
	script big <<<'saw big; seq 200000'
	begins
	begins
	goes_on
	witnessed big other
	is "$(cat big.2)" 1
	cmp big.1 big.3
}

@test "output that cannot be written, for want of space: a failure, and said" {
	script s.sh <<-'END'
		durexec step a -- seq 10 >/dev/full
		echo "a $?" >>status
		durexec step b -- ./b 2>/dev/full
		echo "b $?" >>status
		if [ "$DUREXEC_ATTEMPT" = 1 ]; then
			durexec step c -- ./say c >/dev/null
		else
			durexec step c -- ./say c >/dev/full
		fi
		echo "c $?" >>status
		[ -e ok ]
	END
	echo text >c.out
	script b <<<'saw b; seq 10 >&2'
	begins
	unlike status '^[ab] 0'
	like status '^c 0'
	has err 'No space left'
	: >status
	: >"$WITNESS"
	begins
	unlike status ' 0'
	has err 'No space left'
	witnessed b
	look s.sh.subs.done=1
}

@test "closed stdin, stdout, stderr: nothing of it gets into the memory" {
	script s.sh <<-'END'
		n=$DUREXEC_ATTEMPT
		durexec step a -- cat <&-
		durexec step b -- ./say b >&-
		durexec step c -- ./say c 2>&-
		durexec step d -- ./say d <&- >&- 2>&-
		for x in a b c; do durexec step "$x" -- ./say "$x" >"$x.$n.out" 2>"$x.$n.err"; done
		[ -e ok ]
	END
	for x in b c d; do
		echo "$x out" >$x.out
		echo "$x err" >$x.err
	done
	begins
	goes_on
	is "$(sort "$WITNESS" | xargs)" 'a b b c c d'
	for n in 1 2; do
		is "$(cat b.$n.out b.$n.err c.$n.out c.$n.err | xargs)" \
			'b out b err c out c err'
	done
}

# ---- what is the same call

@test "other arguments, another name, the how-many-th call: other steps" {
	script s.sh <<-'END'
		arg=$(cat arg)
		durexec step get -- ./say "$arg"
		durexec step get -- ./say fixed
		durexec step got -- ./say fixed
		durexec step get -- ./say fixed
		durexec step get -- ./say fix ed
		durexec step get -- ./say 'fix ed'
		[ -e ok ]
	END
	echo one >arg
	begins
	witnessed one fixed fixed fixed fix 'fix ed'
	echo two >arg
	begins
	witnessed one fixed fixed fixed fix 'fix ed' two
	echo one >arg
	goes_on
	witnessed one fixed fixed fixed fix 'fix ed' two
}

@test "--any-args: its name and the how-many-th it is, whatever the arguments" {
	script s.sh <<-'END'
		for _ in 1 2; do
			durexec step --any-args day -- ./day "$RANDOM$RANDOM"
		done
		durexec step --any-args other -- ./day of other
		[ -e ok ]
	END
	script day <<<'saw day; echo "$*"'
	begins
	cp out first
	# calls of a name are counted all the same: a loop has all its turns
	is "$(sort -u first | wc -l)" 3
	goes_on
	cmp out first
	witnessed day day day
}

@test "a retry loop does not shift the numbering: a failed call does not count" {
	script s.sh <<-'END'
		until durexec step x -- ./flaky; do echo again; done
		durexec step x -- ./flaky
		[ -e ok ]
	END
	script flaky <<<'echo x >>tries; n=$(wc -l <tries); echo "try $n"; [ $n -ge 3 ]'
	begins
	is "$(xargs <out)" 'try 1 again try 2 again try 3 try 4'
	goes_on
	is "$(xargs <out)" 'try 3 try 4'
	is "$(wc -l <tries)" 4
}

@test "a loop that passes over one that fails: that one runs later, no other does" {
	mkdir a b c
	script work <<<'[ "$1" != b -o -e ok ] || exit 1; saw "$1"; echo "made $1"'
	local body
	for body in '(cd $f && durexec step x -- bash -c "cd ..; ./work $f")' \
		'(cd $f && durexec step x -- bash -c "w=\${PWD##*/}; cd ..; ./work \$w")' \
		'durexec step x -- ./work $f' \
		'f=$f durexec step x -c "./work \"\$f\""' \
		'(cd $f && until durexec step x -- bash -c "w=\${PWD##*/}; cd ..; ./work \$w"; do [ $((n += 1)) -lt 3 ] || exit 1; done)'
	do
		script s.sh <<-END
			n=0 bad=0
			for f in a b c; do $body || bad=1; done
			exit \$bad
		END
		: >witness
		rm -f ok
		begins
		is "$(cat out)" $'made a\nmade c'
		touch ok
		go 0 exec -- ./s.sh
		is "$(cat out)" $'made a\nmade b\nmade c'
		witnessed a c b
	done
}

@test "what has failed in the last run of the script does not count in the next" {
	script s.sh <<-'END'
		set -e
		durexec step x -- ./flaky
		durexec step x -- ./flaky
		durexec step x -- ./flaky
	END
	script flaky <<<'echo x >>tries; n=$(wc -l <tries); echo "try $n"; [ $n != 2 ] && [ $n != 4 ]'
	begins
	is "$(cat out)" $'try 1\ntry 2'
	begins
	is "$(cat out)" $'try 1\ntry 3\ntry 4'
	go 0 exec -- ./s.sh
	is "$(cat out)" $'try 1\ntry 3\ntry 5'
}

@test "an edited script: steps before, after and between go on as they are" {
	script s.sh <<-'END'
		durexec step a -- ./say a
		durexec step b -- ./say b
		[ -e ok ]
	END
	begins
	script s.sh <<-'END'
		durexec step new -- ./say new
		durexec step b -- ./say b
		durexec step a -- ./say a
		durexec step last -- ./say last
	END
	go 0 exec -- ./s.sh
	witnessed a b new last
}

# ---- inside of each other

@test "a step inside of a step: the same call below two of them is two" {
	script s.sh <<-'END'
		durexec step one -- ./inner
		durexec step two -- ./inner
		durexec step same -- saw same
		[ -e ok ]
	END
	script inner <<-'END'
		echo "begin $1"
		durexec step same -- saw same
		durexec step "in" -- echo in
	END
	begins
	cp out first
	is "$(grep -c '^in$' first)" 2
	witnessed same same same
	goes_on
	cmp out first
	witnessed same same same
}

@test "a step that fails and is called again replays those inside of it" {
	script s.sh <<<'set -e; durexec step outer -- ./inner; saw outer'
	script inner <<-'END'
		set -e
		durexec step a -- ./say a
		durexec step b -- ./say b
		[ -e ok ]
	END
	echo a >a.out
	begins
	begins
	goes_on
	is "$(cat out)" a
	witnessed a b outer
}

@test "a pipeline's steps and a fan-out's items: each has a memory of its own" {
	cat >p.ini <<'INI'
[step a]
run = durexec step get -- ./say get; durexec step a -- saw a; [ -e ok ]
[step b]
run = durexec step get -- ./say get
[step gen]
foreach = x y "z
run = durexec step get -- ./say get; saw ran; [ -e ok2 ]
INI
	go 1 p.ini
	touch ok
	go 1 --resume -j1 p.ini
	witnessed get a get get ran get ran get ran
	touch ok2
	go 0 --resume -j1 p.ini
	witnessed get a get get ran get ran get ran ran ran ran
	ini='--all p.ini'
	look state=done 'a.subs=get done|a done' 'b.subs=get done' \
		'gen[x].subs=get done' 'gen[y].subs=get done'
}

@test "without a durexec in its PATH a script finds the one that runs it" {
	mkdir path
	(
		PATH=$T/path:/usr/bin:/bin
		if command -v durexec >where; then fail "there is one: $(cat where)"; fi
	)
	EXTRA=("PATH=$T/path:$E2E/bin:/usr/bin:/bin")
	script s.sh <<<'echo "$PATH"; durexec step a -- durexec step b -- saw b; [ -e ok ]'
	begins
	# behind all others
	like out "^$T/path:$E2E/bin:/usr/bin:/bin:"
	goes_on
	witnessed b
	# and where there is one, nothing is changed
	ln -s "$DUREXEC" path/durexec
	go 0 exec -- ./s.sh
	is "$(head -n 1 out)" "$T/path:$E2E/bin:/usr/bin:/bin"
}

@test "outside of a run: 2, and how to begin one" {
	go 2 step a -- saw a
	has err 'durexec exec -- '
	go 2 step --test a
	go 2 step --mark a
	witnessed
	[ ! -e .local ]
}

@test "a new run remembers nothing of the old one" {
	script s.sh <<<'durexec step a -- ./say a; durexec step --test m || saw new; durexec step --mark m'
	go 0 exec -- ./s.sh
	go 0 exec -- ./s.sh
	witnessed a new a new
	runs s.sh 2
}

# ---- standard input

@test "standard input is the caller's, and is not touched on replay" {
	script s.sh <<-'END'
		exec <list
		read -r line
		echo "read $line"
		echo piped | durexec step pipe -- cat
		while read -r x; do durexec step "$x" -- saw "$x"; done
		durexec step eat -- cat <list
		{ durexec step eof -- cat; echo "left: $(cat)"; } <list >left.$DUREXEC_ATTEMPT
		[ -e ok ]
	END
	printf '%s\n' head 'a b' c d >list
	begins
	is "$(cat out)" $'read head\npiped\nhead\na b\nc\nd'
	is "$(cat left.1)" $'head\na b\nc\nd\nleft: '
	cp out first
	goes_on
	cmp out first
	is "$(cat left.2)" $'head\na b\nc\nd\nleft: head\na b\nc\nd'
	witnessed 'a b' c d
}

@test "--stdin: given to the command; on replay drained, and other input is refused" {
	script s.sh <<-'END'
		set -o pipefail
		{ cat data && saw fed; } | durexec step --stdin sum -- ./sum
		echo "$?"
		{ durexec step --stdin all -- wc -c; cat; } <data
		durexec step --stdin none -- wc -c </dev/null
		[ -e ok ]
	END
	script sum <<<'saw sum; md5sum'
	head -c 1000000 /dev/urandom >data
	begins
	is "$(sed -n 1p out)" "$(md5sum <data)"
	is "$(xargs <<<"$(sed 1d out)")" '0 1000000 0'
	cp out first
	begins
	cmp out first
	witnessed_all sum fed fed
	# one byte more, one less, another one
	for change in 'echo >>data' 'truncate -s 999999 data' \
		'printf x | dd of=data conv=notrunc status=none'; do
		cp data kept
		eval "$change"
		: >"$WITNESS"
		begins
		is "$(sed -n 1p out)" 2
		hasnt "$WITNESS" sum
		like err 'sum.*input'
		mv kept data
	done
	goes_on
	cmp out first
}

# ---- options

@test "-c: a script, by bash -eo pipefail, with arguments" {
	script s.sh <<-'END'
		durexec step args -c 'printf "<%s>" "$@"; echo "$BASH_VERSION" >bash' 'a  b' '' '$x'
		echo
		durexec step e -c 'echo before; false; echo after'
		echo "$?"
		durexec step p -c 'sh -c "exit 5" | cat'
		echo "$?"
		durexec step lines -c 'saw here
			x=$(cat <<"EOF"
		$HOME "quoted"
		EOF
			)
			echo "$x"'
		durexec step same -c 'saw 1'
		durexec step same -c 'saw 2'
		durexec step same -c 'saw 2' x
		[ -e ok ]
	END
	begins
	is "$(cat out)" $'<a  b><><$x>\nbefore\n1\n5\n$HOME "quoted"'
	[ -s bash ]
	cp out first
	goes_on
	cmp out first
	witnessed here 1 2 2
}

@test "--no-output: the command has the caller's own files; a replay prints nothing" {
	script s.sh <<-'END'
		n=$DUREXEC_ATTEMPT
		durexec step --no-output v -- ./where >v.$n 2>e.$n
		echo "$?" >>v.$n
		[ -e ok ]
	END
	script where <<<'saw v; readlink /proc/$$/fd/1 /proc/$$/fd/2; echo err >&2'
	begins
	is "$(cat v.1)" "$T/v.1
$T/e.1
0"
	is "$(cat e.1)" err
	goes_on
	is "$(cat v.2)" 0
	is "$(cat e.2)" ''
	witnessed v
}

@test "--mark and --test" {
	script s.sh <<-'END'
		t() { durexec step --test "$1"; echo "$1 $?"; }
		t m
		t 'odd /../ name'
		durexec step --mark m
		durexec step --mark 'odd /../ name'
		durexec step --mark m
		t m
		t n
		t 'odd /../ name'
		t any
		durexec step --any-args any -- false
		t any
		durexec step --any-args any -- true
		t any
		[ -e ok ]
	END
	begins
	is "$(xargs <out)" 'm 1 odd /../ name 1 m 0 n 1 odd /../ name 0 any 1 any 1 any 0'
	goes_on
	is "$(xargs <out)" 'm 0 odd /../ name 0 m 0 n 1 odd /../ name 0 any 0 any 0 any 0'
	look s.sh.state=done
}

@test "names: blanks, slashes, .., \$(), quotes, globs, UTF-8, 255 bytes; none is another's" {
	long=$(printf 'n%.0s' {1..254})
	names=('a b' 'a_b' 'a/b' 'a%20b' 'A B' 'a  b' ' a' 'a ' . .. ../../x /etc/x
		'$(reboot)' '`reboot`' "it's" '"' '*' '?' '[a]' '%s' '\' 'ü日本' '~' '#'
		'a=b' '|' '>x' '&' ';' "${long}a" "${long}b" $'\t' '{' lock state)
	printf '%s\0' "${names[@]}" >names
	script s.sh <<-'END'
		while IFS= read -r -d '' name <&3; do
			durexec step "$name" -- ./say "$name" && echo "$name"
		done 3<names
		[ -e ok ]
	END
	rm say
	script say <<<'printf "%s\0" "$1" >>said; printf "<%s>" "$1"'
	touch before after first
	(cd .. && find . -path ./t/.local -prune -o -print | sort) >before
	begins
	for n in "${names[@]}"; do printf '<%s>%s\n' "$n" "$n"; done | cmp - out
	cp out first
	goes_on
	cmp out first
	cmp said names
	# nothing has come into being outside of the state
	(cd .. && find . -path ./t/.local -prune -o -print | sort) >after
	is "$(diff before after | grep '^[<>]' | sort | xargs)" \
		'> ./t/ok > ./t/said'
	look s.sh.subs.total=${#names[@]} s.sh.subs.done=${#names[@]}
	go 0 status --name s.sh
	plain out
}

@test "names that are refused, and other mistakes: 2, and nothing runs" {
	script s.sh <<-'END'
		try() { "$@"; echo "$?" >>status; }
		try durexec step '' -- saw empty
		try durexec step $'a\nb' -- saw newline
		try durexec step "$(printf 'n%.0s' {1..5000})" -- saw long
		try durexec step
		try durexec step name
		try durexec step name --
		try durexec step name -c
		try durexec step name saw words
		try durexec step --nosuch name -- saw option
		try durexec step --timeout soon name -- saw timeout
		try durexec step --fail-if '(' name -- saw pattern
		try durexec step --mark ''
		try durexec step --mark a b
		try durexec step --test
	END
	go 0 exec -- ./s.sh
	witnessed
	is "$(uniq -c status | xargs)" '14 2'
}

@test "DUREXEC_KEY and DUREXEC_SESSION: each sub-step has its own, and keeps it" {
	script s.sh <<-'END'
		set +e
		k() { echo "$1 $DUREXEC_KEY $DUREXEC_SESSION" >>keys; }
		k script
		export -f k
		for i in 1 2; do durexec step a -c 'k a'; done
		durexec step a -c 'k A; durexec step a -c "k inner"'
		durexec step f -c 'k f; [ -e ok ]'
		durexec step f -c 'k f; [ -e ok ]'
		[ -e ok ]
	END
	begins
	is "$(cut -d' ' -f1 keys | xargs)" 'script a a A inner f f'
	# the second call of f is the first one again: that one has failed
	is "$(cut -d' ' -f2 keys | sort -u | wc -l)" 6
	is "$(cut -d' ' -f3 keys | sort -u | wc -l)" 6
	is "$(grep -cE ' [0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' keys)" 7
	cp keys first
	goes_on
	is "$(grep -c ^a keys)" 2
	is "$(sed -n 8,9p keys)" "$(sed -n '1p; 6p' keys)"
	# another run, other keys
	: >keys
	go 0 exec -- ./s.sh
	is "$(cat first keys | cut -d' ' -f2 | sort -u | wc -l)" 13
}

@test "--env, --fail-if, --ok-if, --max-output, --timeout, --idle-timeout" {
	script s.sh <<-'END'
		st() { durexec step "$@"; echo "$?" >>status; }
		st --env A=1 --env 'B= $x ' env -c 'echo "$A,$B,"'
		st --fail-if 'no|bad' fail -c 'saw fail; echo bad'
		st --ok-if 'good' ok -c 'saw ok; echo bad'
		st --ok-if 'good' ok2 -c 'saw ok2; echo good'
		st --timeout 200ms slow -c 'saw slow; echo begun; sleep 1000'
		st --idle-timeout 200ms idle -c 'saw idle; sleep 1000'
		st --max-output 10K flood -- yes "$(printf 'y%.0s' {1..2000})"
		[ -e ok ]
	END
	begins
	is "$(grep -v y out)" $'1, $x ,\nbad\nbad\ngood\nbegun'
	is "$(head -n 6 status | xargs)" '0 1 1 0 124 124'
	unlike <(sed -n 7p status) '^0$'
	: >"$WITNESS"
	goes_on
	witnessed fail ok slow idle
	eventually 'nobody is left' nobody_left
}

# ---- waiting

@test "wait_if: the script ends there, the run waits, and goes on there" {
	script s.sh <<-'END'
		set -e
		durexec step one -- ./say one
		durexec step --wait-if limit two -- ./two
		durexec step three -- ./say three
	END
	script two <<<'saw two; [ ! -e limit ] || { echo "limit, try again in 1h"; exit 1; }; echo fine'
	touch limit
	go 75 exec --no-wait -- ./s.sh
	is "$(cat out)" 'limit, try again in 1h'
	look state=waiting s.sh.state=waiting s.sh.waiting_until=3500..4000
	witnessed one two
	go 75 exec --no-wait -- ./s.sh
	witnessed one two
	rm limit
	python "$E2E/state.py" due "$(last)/state" 0.2
	go 0 exec -- ./s.sh
	is "$(cat out)" fine
	witnessed one two two three
	# and without a second call
	script two <<<'saw two; [ -e ok ] || { touch ok; echo "limit, try again in 0.1s"; exit 1; }'
	: >"$WITNESS"
	go 0 exec -- ./s.sh
	witnessed one two two three
	look state=done
}

@test "retries: the waits are the run's; then the status is the command's" {
	script s.sh <<-'END'
		set -e
		durexec step one -- ./say one
		durexec step --retries 1 --retry-delay 10ms two -- ./two
		durexec step three -- ./say three
	END
	script two <<<'saw two; echo x >>tries; [ $(wc -l <tries) = 4 ] || exit 9'
	begins 9
	witnessed one two two
	look state=needs_review s.sh.exit=9
	# a person's word: with all of them again
	: >"$WITNESS"
	go 0 exec -- ./s.sh
	witnessed two two three
	sed -i 's/--retries 1/& --retry-on 8/' s.sh
	: >"$WITNESS"
	begins 9
	witnessed one two
}

# ---- what a person sees, and says

@test "status: rows below their step, in order, and in --json" {
	script s.sh <<-'END'
		durexec step one -- true
		durexec step fails -- false
		durexec step 'two words' -- stay x
		exit 4
	END
	start exec -- ./s.sh
	at x
	look s.sh.subs.total=3 s.sh.subs.done=1 s.sh.subs.running=1 \
		's.sh.subs=one done|fails pending|two words running'
	go 0 status --name s.sh
	is "$(grep -nE '^ *(s.sh|one|fails|two words) ' out | cut -d: -f1 | xargs)" '1 2 3 4 5'
	like out ' +one +done'
	like out ' +two words +running'
	release
	ends 4
	look 's.sh.subs=one done|fails pending|two words done' s.sh.subs.running=0
}

@test "status: the last 20 of many, with counts; names are made safe" {
	script s.sh <<-'END'
		for i in $(seq 25); do durexec step "page $i" -- true; done
		durexec step $'esc \e[31m bidi \xe2\x80\xae bad \xff' -- true
		durexec step last -- stay x
	END
	start exec -- ./s.sh
	at x
	look s.sh.subs.total=27 s.sh.subs.done=26 s.sh.subs.running=1
	go 0 status --name s.sh
	plain out
	python -c 'open("out", encoding="utf-8").read()'
	is "$(grep -c '^ *page ' out)" 18
	hasnt out 'page 7 '
	has out 'page 8 ' 'page 25 ' 'last '
	like out '\b7 more'
	release
	ends 0
}

@test "the state of sub-steps is the owner's alone" {
	script s.sh <<<'umask 0; durexec step a -- seq 10; durexec step --stdin b -- cat <s.sh; durexec step --mark m'
	go 0 exec -- ./s.sh
	is "$(find "$base" -perm /077 ! -type l)" ''
}

@test "rewind STEP: all of it again; rewind STEP/SUB: that one alone" {
	script s.sh <<-'END'
		for i in 1 2 3 10; do durexec step "page $i" -- ./say "page $i"; done
		durexec step a/b -- ./say a/b
		[ -e ok ]
	END
	echo text >'page 2.out'
	begins
	go 0 rewind --name s.sh 's.sh/page 2'
	: >"$WITNESS"
	begins
	is "$(cat out)" text
	witnessed 'page 2'
	go 0 rewind --name s.sh s.sh/a/b 's.sh/page 1'
	: >"$WITNESS"
	begins
	witnessed 'page 1' a/b
	go 0 rewind --name s.sh 's.sh/page *'
	: >"$WITNESS"
	begins
	witnessed 'page 1' 'page 2' 'page 3' 'page 10'
	go 2 rewind --name s.sh 's.sh/page 4'
	has err 'page 4'
	go 2 rewind --name s.sh 'nosuch/page 1'
	: >"$WITNESS"
	begins
	witnessed
	go 0 rewind --name s.sh s.sh
	goes_on
	witnessed 'page 1' 'page 2' 'page 3' 'page 10' a/b
}

@test "rewind STEP/SUB of a finished run reopens it; the next call goes on in it" {
	script s.sh <<-'END'
		for i in 1 2 3; do durexec step "page $i" -- ./say "page $i"; done
		saw end
	END
	go 0 exec -- ./s.sh
	look state=done
	: >"$WITNESS"
	go 0 rewind --name s.sh 's.sh/page 2'
	look state=stopped s.sh.state=pending s.sh.subs.done=2
	go 0 exec -- ./s.sh
	has err 'continuing run'
	witnessed 'page 2' end
	runs s.sh 1
	look state=done s.sh.subs.done=3
	go 0 rewind --name s.sh --go 's.sh/page 3'
	witnessed 'page 2' end 'page 3' end
	look state=done
}

@test "rewind of a sub-step gives it a new key, and no other" {
	script s.sh <<-'END'
		for i in 1 2; do durexec step "k $i" -- ./k "$i"; done
		[ -e ok ]
	END
	script k <<<'echo "$1 $DUREXEC_KEY $DUREXEC_SESSION" >>keys'
	begins
	go 0 rewind --name s.sh 's.sh/k 2'
	goes_on
	is "$(cut -d' ' -f1 keys | xargs)" '1 2 2'
	is "$(cut -d' ' -f2 keys | sort -u | wc -l)" 3
	is "$(cut -d' ' -f3 keys | sort -u | wc -l)" 3
}

@test "rewind 'STEP/SUB' of a pipeline file and of an item" {
	cat >p.ini <<'INI'
[step a]
run = durexec step x -- saw a-x; durexec step y -- saw a-y
[step gen]
foreach = 1 2
run = durexec step x -- saw "gen-x $ITEM"; durexec step y -- saw "gen-y $ITEM"
INI
	go 0 -j1 p.ini
	: >"$WITNESS"
	ini='--all p.ini'
	go 0 rewind p.ini a/x
	go 0 -j1 p.ini
	is "$(grep -c . "$WITNESS")" "$(grep -c 'a-x\|gen-' "$WITNESS")"
	has "$WITNESS" a-x
	: >"$WITNESS"
	go 0 rewind p.ini 'gen[2]/x'
	look 'gen[2].state=pending' 'gen[1].state=done'
	go 0 -j1 p.ini
	witnessed 'gen-x 2'
	look state=done
}

@test "rewind: a name as it stands is meant by it, not what it matches; steps inside" {
	script s.sh <<-'END'
		for x in 'page [1]' 'page 1' 'page *'; do durexec step "$x" -- saw "$x"; done
		durexec step outer -- ./inner
		[ -e ok ]
	END
	script inner <<-'END'
		saw outer
		durexec step a -- saw a
		durexec step b -- saw b
	END
	begins
	for x in 'page [1]' 'page *'; do
		: >"$WITNESS"
		go 0 rewind --name s.sh "s.sh/$x"
		begins
		witnessed "$x"
	done
	# the outer one has to run to get there; what else is in it is replayed
	: >"$WITNESS"
	go 0 rewind --name s.sh s.sh/outer/b
	begins
	witnessed outer b
	: >"$WITNESS"
	go 0 rewind --name s.sh s.sh/outer
	goes_on
	witnessed outer a b
}

@test "rewind and others of a sub-step while it runs: refused, and nothing is touched" {
	script s.sh <<<'durexec step one -- ./say one; durexec step two -- stay two; durexec step one -- ./say again'
	start exec -- ./s.sh
	at two
	(become rewind --name s.sh s.sh/one) </dev/null >out2 2>err2 && got=0 || got=$?
	is "$got" 2
	has err2 'durexec stop'
	look s.sh.subs.done=1 s.sh.subs.running=1
	release
	ends 0
	witnessed one two again
}

@test "a damaged record is no success, and nothing runs on it; rewind mends it" {
	script s.sh <<<'durexec step one -- ./say one; echo "$?" >>status; [ -e ok ]'
	begins
	record=$(grep -rl 'substep name=one' "$(last)/sub")
	sed -i 's/exit=0/exit=1/' "$record"
	begins
	is "$(xargs <status)" '0 4'
	has err damaged
	witnessed one
	go 0 rewind --name s.sh s.sh
	goes_on
	witnessed one one
}

# ---- disks

@test "the disk is full for the record: 4, nothing is remembered, and it runs again" {
	as_root
	mkdir small
	mount -t tmpfs -o size=4m,mode=700 none small || skip 'no mount'
	script s.sh <<-'END'
		durexec step before -- ./say before
		[ -e ok ] || dd if=/dev/zero of=small/fill bs=4k 2>/dev/null
		durexec step x -- saw x
		echo "$?" >>status
		durexec step big -- ./big >big.txt
		echo "$?" >>status
		rm -f small/fill
		[ -e ok ]
	END
	script big <<<'saw big; seq 50000'
	(become exec --state-dir small -- ./s.sh) </dev/null >out 2>err && fail 'exit 0'
	is "$(xargs <status)" '4 4'
	touch ok
	: >"$WITNESS"
	go 0 exec --state-dir small -- ./s.sh
	is "$(xargs <status)" '4 4 0 0'
	witnessed x big
	seq 50000 | cmp - big.txt
}
restore() { if mountpoint -q "$T/small" 2>/dev/null; then umount -l "$T/small"; fi; }
