# SPDX-License-Identifier: ISC
# What an item gets to know, and what one leaves for another; items that are
# called like anything.
load helper

prepare() { ini='--all p.ini'; }

@test "ITEM and its parts" {
	cat >p.ini <<'INI'
[step gen]
foreach_from = cat list
run = mark "$ITEM_INDEX|$ITEM|$ITEM_NAME|$ITEM_BASE|$ITEM_DIR"; [ "$ITEM" = "$DUREXEC_ITEM" ]
INI
	cat >list <<'LIST'
plain
in/the dir/a.tar.gz
/abs/.hidden
../up.x
dir/
a//b.c
/
..
.bash.rc
x.
LIST
	go 0 -j1 p.ini
	sed 's/^gen 1 //' "$WITNESS" >got
	diff -u - got <<'END'
1|plain|plain|plain|.
2|in/the dir/a.tar.gz|a.tar.gz|a.tar|in/the dir
3|/abs/.hidden|.hidden|.hidden|/abs
4|../up.x|up.x|up|..
5|dir/|dir|dir|.
6|a//b.c|b.c|b|a
7|/|/|/|/
8|..|..|..|.
9|.bash.rc|.bash.rc|.bash|.
10|x.|x.|x|.
END
}

@test "only items have them: no step, no list, no check" {
	cat >p.ini <<'INI'
[step first]
run = ! env | grep ITEM | grep -v '^DUREXEC_ITEM=$' && mark
[step gen]
foreach_from =
    ! env | grep ITEM | grep -v '^DUREXEC_ITEM=$' >&2 && mark list
    echo a
check = ! env | grep ITEM && echo asked >>$T/check
run = mark "$(env | grep -c '^ITEM')$DUREXEC_ITEM"
[step last]
run = ! env | grep ITEM | grep -v '^DUREXEC_ITEM=$' && mark
INI
	go 0 p.ini
	witnessed 'first 1' 'gen 1 list' 'gen 1 5a' 'last 1'
	is "$(cat check)" asked
}

@test "\${ITEM} and the like, in the values of its step" {
	mkdir a b
	echo in-a >a/in
	echo in-b >b/in
	echo 'X=of a' >a.env
	echo 'X=of b' >b.env
	cat >p.ini <<'INI'
[step gen]
foreach = a b
workdir = ${ITEM}
env_file = ${ITEM}.env
env.Y = <${ITEM_INDEX}:${X}>
stdin = ${ITEM_DIR}/in
stdout = ${ITEM_BASE}.out
outputs = ${ITEM_NAME}.made ${ITEM_BASE}.out
run = echo "$X $Y $(cat)"; echo x >$ITEM.made
INI
	go 0 --dry-run p.ini
	go 0 p.ini
	is "$(cat a/a.out b/b.out)" $'of a <1:of a> in-a\nof b <2:of b> in-b'
	look gen.items.done=2
	# of one of them it is not there
	rm b.env
	go 1 --fresh p.ini
	look 'gen[a].state=done' 'gen[b].state=needs_review' \
		'gen[b].outcome=not-started' 'gen[b].reason=~b\.env'
}

@test "what only attempts know is left out before: lists, checks, --dry-run" {
	cat >p.ini <<'INI'
[pool gpu]
slots = left
[defaults]
pool = gpu
check = env >check.env
env.CARD = ${DUREXEC_SLOT_gpu}
env.BOTH = ${CARD}-${DUREXEC_KEY}
[step gen]
foreach_from = echo "${CARD-none} ${WHO-none}" >>list; echo a
env.WHO = ${ITEM}
run = mark "$CARD $WHO ${BOTH%%-*}"
[step val]
foreach = *.x
requires = sh
env.WHO = ${ITEM_NAME}
run = mark "$CARD $WHO"
INI
	touch b.x
	# not what an item of another durexec is called
	EXTRA=(ITEM=outer)
	go 0 --dry-run p.ini
	[ -s check.env ] && hasnt check.env CARD= WHO= BOTH=
	go 0 p.ini
	witnessed 'gen 1 left a left' 'val 1 left b.x'
	is "$(cat list)" 'none none'
}

@test "DUREXEC_DIR, DUREXEC_KEY, DUREXEC_SESSION: an item's own, over attempts" {
	cat >p.ini <<'INI'
[step gen]
foreach = a A 'a
retries = 1
retry_delay = 1ms
run =
    echo "$ITEM_INDEX $DUREXEC_KEY $DUREXEC_SESSION" >>$T/ids
    echo "$ITEM_INDEX $DUREXEC_ATTEMPT" >>"$DUREXEC_DIR/seen"
    echo "$DUREXEC_DIR" >>$T/dirs
    [ $DUREXEC_ATTEMPT != 1 ]
[step val]
foreach = step:gen
run = echo "$ITEM_INDEX $DUREXEC_KEY $DUREXEC_SESSION" >>$T/ids
INI
	go 0 p.ini
	# two attempts of three items, one of three more: six ids
	is "$(wc -l <ids)" 9
	is "$(sort -u ids | wc -l)" 6
	is "$(cut -d' ' -f2 ids | sort -u | wc -l)" 6
	is "$(cut -d' ' -f3 ids | sort -u | wc -l)" 6
	is "$(cut -d' ' -f2 ids | grep -c "/gen\[a\]$")" 2
	is "$(sort -u dirs | wc -l)" 3
	while read -r dir; do
		is "$(stat -c %a "$dir")" 700
		is "$(wc -l <"$dir/seen")" 2
		is "$(cut -d' ' -f1 "$dir/seen" | uniq | wc -l)" 1
		[[ $dir == "$(run_dir)"/dir/gen/* ]]
	done <dirs
	# a rewind begins a new life, of that item only
	go 0 rewind p.ini 'gen[A]'
	go 0 p.ini
	is "$(tail -n +10 ids | grep -c '^2 ')" 2
	is "$(tail -n +10 ids | cut -d' ' -f3 | grep -cFf - <(head -n 9 ids))" 0
}

@test "DUREXEC_OUT of what is tied: the same item's; else a file of all paths" {
	cat >p.ini <<'INI'
[step gen-1]
foreach = a 'b c d
run = case $ITEM in c) ;; *) echo "by $ITEM" ;; esac
[step val]
foreach = step:gen-1
run = cat "$DUREXEC_OUT_gen_1"; echo "seen"
[step all]
run =
    wc -l <"$DUREXEC_OUT_gen_1"
    xargs -d '\n' cat <"$DUREXEC_OUT_gen_1"
    xargs -d '\n' cat <"$DUREXEC_OUT_val"
stdout = all.txt
[step other]
foreach = a x
run = xargs -d '\n' cat <"$DUREXEC_OUT_val" | grep -c by
stdout = ${ITEM}.txt
[step path]
env.LIST = ${DUREXEC_OUT_gen_1}
run = [ "$LIST" = "$DUREXEC_OUT_gen_1" ] && [ "${LIST#/}" != "$LIST" ] && mark
INI
	go 0 p.ini
	diff -u - all.txt <<'END'
4
by a
by 'b
by d
by a
seen
by 'b
seen
seen
by d
seen
END
	is "$(cat a.txt x.txt | xargs)" '3 3'
	witnessed 'path 1'
}

@test "the list of outputs is the one of now: after a retry, a rewind, a rescan" {
	cat >p.ini <<'INI'
[step gen]
foreach_from = cat list
run = echo "$ITEM $(cat word)"; [ -e ok ] || [ $ITEM != b ]
[step all]
run = xargs -d '\n' cat <"$DUREXEC_OUT_gen"
stdout = all.txt
[step last]
needs =
run = [ ! -e live ] || hold
INI
	printf 'a\nb\n' >list
	echo one >word
	go 1 p.ini
	touch ok
	echo two >word
	go 0 --resume p.ini
	is "$(xargs <all.txt)" 'a one b two'
	echo three >word
	go 0 rewind p.ini 'gen[a]'
	go 0 p.ini
	is "$(xargs <all.txt)" 'a three b two'
	echo c >>list
	go 0 --rescan p.ini
	go 0 rewind p.ini all
	go 0 p.ini
	is "$(xargs <all.txt)" 'a three b two c three'
	# while durexec runs, too
	touch live
	go 0 rewind p.ini last
	start p.ini
	at last
	for word in four five; do
		echo $word >word
		(become rewind p.ini 'gen[b]') </dev/null >said 2>&1 || fail "$(cat said)"
		eventually "it is $word" eval \
			'[ "$(xargs <all.txt)" = "a three b $word c three" ]'
	done
	release
	ends 0
}

@test "stdin = step:NAME: of the same item; of another list it is refused" {
	cat >p.ini <<'INI'
[step gen]
foreach = a b
run = [ $ITEM = b ] || { seq 3; echo "$ITEM"; }
[step val]
foreach = step:gen
stdin = step:gen
run = mark "$(wc -l) of $ITEM"
INI
	go 0 -j1 p.ini
	witnessed 'val 1 4 of a' 'val 1 0 of b'
	sed -i 's/^foreach = step:gen/foreach = x/' p.ini
	go 2 --fresh p.ini
	like err '^p\.ini:6: .*stdin = step:gen'
	sed -i '/^foreach = x/d' p.ini
	go 2 --fresh p.ini
	like err '^p\.ini:5: .*stdin = step:gen'
}

@test "DUREXEC_OUTPUT of an item reaches the same item; and its receipt" {
	cat >p.ini <<'INI'
[step gen]
foreach = a b
receipt = id ([0-9]+)
run = echo "id $ITEM_INDEX"; echo "COLOUR=red $ITEM" >>"$DUREXEC_OUTPUT"
[step val]
foreach = step:gen
env.FROM = ${DUREXEC_gen_COLOUR}
run = mark "$DUREXEC_gen_COLOUR, $FROM, $DUREXEC_RESULT_gen"
[step all]
run = mark "${DUREXEC_gen_COLOUR-none}"
INI
	go 0 -j1 p.ini
	witnessed 'val 1 red a, red a, 1' 'val 1 red b, red b, 2' 'all 1 none'
}

@test "what an item is called is no pattern, in inputs and outputs" {
	cat >p.ini <<'INI'
[step gen]
foreach_from = printf '%s\n' '[1] x' '*' 'a?'
inputs = ${ITEM}.in
outputs = ${ITEM}.out
run = [ ! -e "not $ITEM" ] || exit 0; cp -- "$ITEM.in" "$ITEM.out"; mark "$ITEM"
INI
	for i in '[1] x' '*' 'a?' 1x ab; do echo "$i" >"$i.in"; done
	go 0 -j1 p.ini
	witnessed 'gen 1 [1] x' 'gen 1 *' 'gen 1 a?'
	# another one's file is not it
	rm -- *.out
	touch 'not *'
	echo x >y.out
	go 1 -j1 --fresh p.ini
	look 'gen[*].state=needs_review' 'gen[a?].state=done'
}

# ---- items that are called like anything

# A line each; all that a shell, a path, a terminal, a pattern, a format, the
# state file or durexec's own notation could take for something else.
hostile() {
	cat <<'LIST'
a b
  lead
trail  
it's
"dq"
$(touch X)
`touch X`
$HOME
${ITEM}
$${ITEM}
; touch X
&& touch X
| touch X #
> X
!touch
-rf
--
-n
--help
../../../../etc/passwd
..
.
/
/etc/passwd
a/../../b
./a
a/
*
?
[a-z]*
{a,b}
~
~root
\
back\slash
\x41
%
%s%n%n
%2F
%00
#x
;x
=
a=b
[
]
gen[a]
val[a b]
x].state=done
step:gen
null
,
a,b
a
A
aB
Ab
a%20b
Ünïcödé
ｗｉｄｅ
🙂
e.1.out
state
LIST
	printf '\t\ntab\there\n\r\ncr\r\n'
	printf '\e[31mred\e[0m\n\e]0;title\a\n\a\n\x7f\n\xc2\x9b31m\n'
	printf 'x\xe2\x80\xaegnp.exe\n\xe2\x80\xa8line\n\xef\xbb\xbfbom\n'
	printf '\xff\xfe\ncaf\xe9\n\xc3\xa9\n\xe9\ne\xcc\x81\n\xed\xa0\x80\n\xf5\x80\x80\x80\n\x01\x02\x1f\n'
	head -c 4096 /dev/zero | tr '\0' x
	echo
	head -c 4095 /dev/zero | tr '\0' x
	echo y
	head -c 4096 /dev/zero | tr '\0' /
	echo
	head -c 4096 /dev/zero | tr '\0' '\377'
	echo
	yes '../' | tr -d '\n' | head -c 4096
	echo
	head -c 4096 /dev/zero | sed 's/\x0/$(touch X)/g' | head -c 4096
	echo
}

# No byte of these files does anything in a terminal, and each is text.
harmless() {
	python - "$@" <<'PY' >&2 || fail 'not fit for a terminal'
import sys, unicodedata
bad = False
for name in sys.argv[1:]:
    for n, line in enumerate(open(name, 'rb').read().split(b'\n'), 1):
        try:
            text = line.decode()
        except UnicodeDecodeError as e:
            text, bad = '', True
            print(f'{name}:{n}: {e}')
        odd = [c for c in text if c != '\t' and
               (unicodedata.category(c) in ('Cc', 'Zl', 'Zp', 'Cs') or
                unicodedata.bidirectional(c) in
                ('RLO', 'LRO', 'RLE', 'LRE', 'PDF', 'RLI', 'LRI', 'FSI', 'PDI'))]
        if odd:
            bad = True
            print(f'{name}:{n}: {odd[:5]} in {text[:100]!r}')
sys.exit(bad)
PY
}

@test "hostile items: each is data, in each way that a step can use it" {
	hostile >list
	cat >p.ini <<'INI'
[pipeline]
shell = /bin/sh -ec
[step gen]
foreach_from = cat list
env.COPY = ${ITEM}
run =
    printf '%s\n' "$ITEM" >>$T/seen/run
    [ "$COPY" = "$ITEM" ] && [ "$DUREXEC_ITEM" = "$ITEM" ]
    printf '%s\n' "$ITEM" >"$DUREXEC_DIR/name"
    printf '%s\n' "$ITEM"
    printf 'NAME="%s"\n' "$ITEM" >"$DUREXEC_OUTPUT"
[step val]
foreach = step:gen
stdin = step:gen
if = printf '%s\n' "$ITEM" >>$T/seen/if
verify.it = printf '%s\n' "$ITEM" >>$T/seen/gate
run =
    cat >>$T/seen/stdin
    cat "$DUREXEC_OUT_gen" >>$T/seen/out
    printf '%s\n' "$DUREXEC_gen_NAME" >>$T/seen/output
[step all]
run = xargs -d '\n' cat <"$DUREXEC_OUT_gen" >$T/seen/all
INI
	mkdir seen
	n=$(wc -l <list)
	before=$(find . \( -name .durexec -o -name seen \) -prune -o -print | sort)
	go 0 -j1 p.ini
	for f in run if gate stdin out output all; do
		cmp list "seen/$f" || fail "$f did not see what is in the list"
	done
	# nothing was made, here or anywhere else, but what the steps made
	is "$(find . \( -name .durexec -o -name seen \) -prune -o -print | sort)" "$before"
	is "$(find seen | wc -l)" 8
	# each has files of its own, inside of the run
	is "$(find "$(run_dir)/log/gen" -name '*.1.out' | wc -l)" "$n"
	find "$(run_dir)/dir/gen" -name name -exec cat {} + | sort | cmp - <(sort list)
	is "$(find "$(run_dir)" ! -user "$(id -un)" | wc -l)" 0
	is "$(LC_ALL=C find .durexec | LC_ALL=C grep -vc '^[A-Za-z0-9._+=,@%~/-]*$')" 0
	python "$E2E/state.py" check "$(run_dir)/state"
	# and all of it is read again
	look gen.items.total="$n" gen.items.done="$n" val.items.done="$n" state=done
	go 0 p.ini
	has err finished
}

@test "hostile items are shown safely, everywhere" {
	hostile >list
	cat >p.ini <<'INI'
[step gen]
foreach_from = cat list
run = echo said; [ -e ok ]
[step val]
foreach = step:gen
run = true
INI
	n=$(wc -l <list)
	go 1 -j1 p.ini
	harmless out err "$(run_dir)/state"
	# without a terminal and for one
	for what in status 'status --all' 'status --all --color always' logs history; do
		# shellcheck disable=SC2086
		go 0 $what p.ini
		# durexec's own colours are the only escapes
		sed 's/\x1b\[[0-9;]*m//g' out >shown
		harmless shown err
	done
	go 0 status --json --all p.ini
	harmless out
	python - out list <<'PY' >&2 || fail 'its items are not those of the list'
import json, re, sys
plain = lambda s: re.sub('\ufffd+', '\ufffd', s)
items = [plain(s['item']) for s in json.load(open(sys.argv[1]))['steps']
         if s['step'] == 'gen' and s['item'] is not None]
want = [plain(line.decode(errors='replace'))
        for line in open(sys.argv[2], 'rb').read().split(b'\n')[:-1]]
for have, line in zip(items, want):
    if have != line:
        print(f'{have!r}, expected {line!r}')
sys.exit(items != want)
PY
	touch ok
	go 0 -j1 --resume --json p.ini
	harmless out err
	python -c 'import json,sys; [json.loads(l) for l in open("out")]' ||
		fail 'not an object a line'
	look gen.items.done="$n" state=done
}

@test "hostile items: the commands that durexec prints can be typed" {
	printf '%s\n' '$(touch X)' "it's \"q\" \\ !x *" $'\e[31m\xff\tx' >list
	cat >p.ini <<'INI'
[step gen]
foreach_from = cat list
rerun = never
run = [ -e ok ] || { kill -9 $PPID; sleep 1000; }; printf '%s\n' "$ITEM" >>$T/got
INI
	mkdir bin
	ln -s "$DUREXEC" bin/durexec
	go 1 -j1 p.ini
	sed -n 's/.*did not: \(durexec retry .*\)/\1/p' out >typed
	is "$(wc -l <typed)" 3
	touch ok
	EXTRA=("PATH=$T/bin:/usr/bin:/bin")
	(EXE=/bin/bash become -e typed) </dev/null >out 2>err ||
		fail 'it cannot be typed'
	[ ! -e X ]
	go 0 -j1 p.ini
	cmp got list
	look gen.items.done=3
}

@test "items that differ only in case, or only in what is escaped" {
	printf '%s\n' a A 'a b' 'a%20b' 'a/b' 'a%2Fb' 'a%2fb' .a %2Ea 'a~' a~ab >list
	head -c 200 /dev/zero | tr '\0' z | tee -a list >long
	printf '1\n%s2\n' "$(cat long)" >>list
	printf 'a~\n' >>list
	sed -i '/^a~$/d' list
	cat >p.ini <<'INI'
[step gen]
foreach_from = cat list
run = echo "$ITEM"; echo x >"$DUREXEC_DIR/x"
[step val]
foreach = step:gen
run = [ "$(cat "$DUREXEC_OUT_gen")" = "$ITEM" ]
INI
	n=$(wc -l <list)
	go 0 -j2 p.ini
	look val.items.done="$n"
	is "$(find "$(run_dir)/log/gen" -name '*.out' | wc -l)" "$n"
	is "$(find "$(run_dir)/dir/gen" -name x | wc -l)" "$n"
}

@test "more items than a directory takes: a thousand and one" {
	cat >p.ini <<'INI'
[step gen]
foreach_from = seq 1002
run = true
[step all]
run = wc -l <"$DUREXEC_OUT_gen"
stdout = n
INI
	sed -i 's/^run = true/run = [ $((ITEM % 500)) != 1 ] || echo $ITEM/' p.ini
	go 0 -j4 p.ini
	is "$(cat n)" 1002
	is "$(find "$(run_dir)/log/gen" -name '*.out' -size +0 | wc -l)" 3
	is "$(find "$(run_dir)/log/gen" -mindepth 1 -maxdepth 1 | wc -l)" 2
	go 0 logs p.ini 'gen[1001]'
	has out 1001
}

@test "a file that is called * hides no other one" {
	mkdir in
	touch 'in/*' in/a in/b 'in/c[1]'
	cat >p.ini <<'INI'
[step all]
foreach = in/*
run = mark "$ITEM"
[step one]
foreach = in/c[1]
run = mark "$ITEM"
INI
	go 0 p.ini
	witnessed_all 'all 1 in/*' 'all 1 in/a' 'all 1 in/b' \
		'all 1 in/c[1]' 'one 1 in/c[1]'
}
