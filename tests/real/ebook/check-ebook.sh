#!/bin/bash
# SPDX-License-Identifier: ISC
#
# check-ebook.sh DUREXEC: conf/ebook.ini as it stands, from ten lines to an EPUB,
# with kills, limits, and chapters whose code is wrong on the way. (TAP-like)
#
# Real: durexec, curl, jq, pandoc, the code that runs, epubcheck. Not real, as it
# cannot be had offline: the model. model.py speaks its API on loopback, misbehaves
# as it is told, and counts what it was asked. Packages: ./packages; installs
# nothing. EBOOK_KEEP=1 keeps the directory it works in.
# shellcheck disable=SC2317 # functions are called by until_true and holds
set -u

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)

case ${1-} in
'' | -*) echo "usage: $0 DUREXEC" >&2; exit 2 ;;
esac
durexec=$(realpath "$1") && [ -x "$durexec" ] || exit 2

# shellcheck source=tests/real/saying.sh
. "$here/../saying.sh"

finish() {
	echo "$passed passed, $failed failed, $skipped skipped"
	[ "$failed" = 0 ] && exit 0
	exit 1
}

# --- a place of its own -------------------------------------------------------

work=$(mktemp -d) || exit 2
server='' api=''
cleanup() {
	local ini
	for ini in "$work"/*/ebook.ini; do
		[ -e "$ini" ] && run_here "${ini%/*}" "$durexec" stop --now \
			ebook.ini "api=$api" > /dev/null 2>&1
	done
	[ -z "$server" ] || { kill "$server" && wait "$server"; } 2> /dev/null
	if [ -n "${EBOOK_KEEP-}" ]; then echo "# kept: $work"; else rm -rf "$work"; fi
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

mkdir -p "$work/api" "$work/home" "$work/tmp" "$work/bin"
# The command of Debian's package is a .jar, which a kernel without binfmt_misc
# does not start.
jar=/usr/share/java/epubcheck.jar
if [ -e "$jar" ]; then
	printf '%s\n' '#!/bin/sh' "exec java -jar $jar \"\$@\"" > "$work/bin/epubcheck"
	chmod +x "$work/bin/epubcheck"
fi
key=$(sed -n 's/^KEY = "\(.*\)"$/\1/p' "$here/model.py")

# DIRECTORY COMMAND...: there, with nothing of our environment
exec_here() {
	cd "$1" && exec env -i --default-signal PATH="$work/bin:$PATH" \
		HOME="$work/home" TMPDIR="$work/tmp" LANG=C.UTF-8 TZ=UTC \
		PYTHONDONTWRITEBYTECODE=1 DUREXEC_MACHINE_DIR="$work/machine" \
		${key:+ANTHROPIC_API_KEY="$key"} "${@:2}" < /dev/null
}
run_here() { (exec_here "$@"); }

until_true() { # SECONDS COMMAND...: asks ten times a second
	local tries=$(($1 * 10))
	shift
	while ! "$@" > /dev/null 2>&1; do
		tries=$((tries - 1))
		[ $tries -gt 0 ] || return 1
		sleep 0.1
	done
}

python3 -B "$here/model.py" "$work/api" > "$work/model.said" 2>&1 &
server=$!
until_true 10 test -s "$work/api/port" ||
	{ cat "$work/model.said" >&2; exit 2; }
api=http://127.0.0.1:$(cat "$work/api/port")

# --- the model ----------------------------------------------------------------

plan() { # LINE...: what becomes of requests from now on; counts anew
	printf '%s\n' "$@" > "$work/api/plan"
	: > "$work/api/log"
}
hold() { # CHAPTER...: those are not answered
	printf '%s\n' "$@" > "$work/api/hold.new"
	mv "$work/api/hold.new" "$work/api/hold"
}
asked() { # CHAPTER...: how often has it arrived?
	local chapter
	for chapter; do grep -c "^begin $chapter$" "$work/api/log"; done | xargs
}
answers() { # CHAPTER: what was answered, in order
	sed -n "s/^end $1 //p" "$work/api/log" | xargs
}
arrived() { # CHAPTER N
	[ "$(asked "$1")" = "$2" ]
}
all=(ch01 ch02 ch03 ch04 ch05 ch06 ch07 ch08 ch09 ch10)
once='1 1 1 1 1 1 1 1 1 1'

# --- durexec ------------------------------------------------------------------

place() { # NAME: a copy of the pipeline, as its first lines say
	at=$work/$1
	mkdir "$at"
	cp -r "$root/conf/ebook.ini" "$root/conf/ebook" "$at"
	: > "$work/told"
}
go() { # [OPTION...]: to its end; its exit status in $status
	echo "\$ durexec $* ebook.ini" >> "$work/told"
	run_here "$at" timeout 300 "$durexec" "$@" ebook.ini "api=$api" \
		> "$work/go.log" 2>&1
	status=$?
	{ cat "$work/go.log"; echo "(exit $status)"; } >> "$work/told"
}
go_on() { # the same, beside us; its pid in $pid
	echo "\$ durexec ebook.ini" >> "$work/told"
	exec_here "$at" "$durexec" ebook.ini "api=$api" > "$work/go.log" 2>&1 &
	pid=$!
}
ends() { # until it does; its exit status in $status
	until_true 120 test ! -d "/proc/$pid" || kill -9 "$pid"
	wait "$pid" 2> /dev/null
	status=$?
	{ cat "$work/go.log"; echo "(exit $status)"; } >> "$work/told"
}
kill_durexec() {
	kill -9 "$pid" 2> /dev/null
	wait "$pid" 2> /dev/null
	{ cat "$work/go.log"; echo "(kill -9)"; } >> "$work/told"
}
tell() { # VERB [ARG...]
	run_here "$at" "$durexec" "$1" ebook.ini "api=$api" "${@:2}"
}
field() { # TASK FIELD...: out of status --json; "." is the run
	tell status --json --all | python3 -c '
import json, re, sys
run = json.load(sys.stdin)
step, item = re.fullmatch(r"([^[]*)(?:\[(.*)\])?", sys.argv[1]).groups()
here = run if step == "." else next(
    s for s in run["steps"] if (s["step"], s.get("item")) == (step, item))
print(*(here[name] for name in sys.argv[2:]))' "$@"
}
shows() { # LINE: does status say so?
	tell status | tr -s ' ' | grep -q -e "$1"
}
seen() { grep -q -e "$1" "$work/go.log"; }
state() { echo "$at"/.durexec/*/latest/state; }
epub() { # PROGRAM [ARG...]: the book, looked at with it
	run_here "$at" "$@" book/book.epub
}
titles() { cut -d' ' -f2- "$at/ebook/chapters.txt"; }
contents() { epub python3 ebook/epub.py; }
show_told() { sed 's/^/# /' "$work/told"; }
nowhere() { # TEXT: in no file of this place, and in nothing that was printed
	! grep -rqF -e "$1" "$at" "$work/told" "$work/tmp"
}
on_no_command_line() { # TEXT
	# nor on the one of the grep that looks for it
	! cat /proc/[0-9]*/cmdline 2> /dev/null | tr '\0' '\n' |
		grep -qF -f <(printf '%s\n' "$1")
}
curls() { # how many of ours are at work?
	[ "$(cat /proc/[0-9]*/cmdline 2> /dev/null | tr '\0' '\n' |
		grep -cxF "$api/v1/messages")" = "$1" ]
}
# TASK TASK: was the first one done before the second was?
before() {
	local first second
	first=$(grep -nF " end step=$1 state=done " "$(state)" | cut -d: -f1)
	second=$(grep -nF " end step=$2 state=done " "$(state)" | cut -d: -f1)
	[ -n "$first" ] && [ -n "$second" ] && [ "$first" -lt "$second" ]
}

# --- a run that nothing happens to --------------------------------------------

place whole
plan
key='' run_here "$at" "$durexec" --dry-run ebook.ini "api=$api" > "$work/dry" 2>&1
is "without a key: nothing is run" "$? $(asked "${all[@]}")" "2 0 0 0 0 0 0 0 0 0 0"
holds "and it says so" grep -q ANTHROPIC_API_KEY "$work/dry"
run_here "$at" "$durexec" --dry-run ebook.ini "api=$api" > "$work/dry" 2>&1
is "--dry-run: nothing is missing, nothing is asked" "$? $(asked "${all[@]}")" \
	"0 0 0 0 0 0 0 0 0 0 0"
hold ch08 ch09 ch10
go_on
holds "seven chapters are there, three are written" until_true 60 \
	shows 'generate 7/10 done, 3 running'
holds "those seven are checked meanwhile" until_true 30 shows 'syntax 7/10 done'
holds "and tried out" until_true 30 shows 'execution 7/10 done'
tell status | sed 's/^/# /'
holds "three requests are under way" until_true 10 curls 3
holds "the key is on no command line" on_no_command_line "$key"
hold
ends
is "it is finished" "$status $(field . state 'done' total)" "0 done 31 31"
is "each chapter was asked for once" "$(asked "${all[@]}")" "$once"
holds "chapter 1 was tried out before chapter 10 was there" \
	before 'execution[ch01]' 'generate[ch10]'
holds "the book came last" before 'execution[ch10]' assemble
is "it cost what the answers say" "$(field . cost)" 0.07
holds "epubcheck finds nothing" epub epubcheck
holds "and has been asked by its gate" grep -q 'No errors or warnings detected' \
	"${at}"/.durexec/*/latest/log/assemble.1.epubcheck
is "ten chapters, in their order" "$(contents)" "$(titles)"
is "title, language, author" "$(unzip -p "$at/book/book.epub" EPUB/content.opf |
	sed -n 's/.*<dc:\(title\|creator\|language\)[^>]*>\([^<]*\)<.*/\2/p' | xargs)" \
	"Small Steps en durexec"
holds "and a title page" unzip -p "$at/book/book.epub" EPUB/text/title_page.xhtml
holds "the key is in no file, and nothing printed it" nowhere "$key"
holds "the state file is whole" python3 "$root/tests/e2e/state.py" check "$(state)"
go
is "once more: it says that it is finished, and asks nobody" \
	"$status $(grep -c '^durexec: finished ' "$work/go.log") $(asked "${all[@]}")" \
	"0 1 $once"
show_told

# epub.py is all there is where epubcheck is not: what does it find?
python3 - "$at/book/book.epub" "$work/damaged" <<'PYTHON'
import os, sys, zipfile
book, out = sys.argv[1:]
os.mkdir(out)
old = zipfile.ZipFile(book)
NAV, OPF, PAGE = "EPUB/nav.xhtml", "EPUB/content.opf", "EPUB/text/ch003.xhtml"


def write(name, change=lambda name, data: data, order=lambda names: names,
          stored=("mimetype",)):
    with zipfile.ZipFile(f"{out}/{name}", "w") as new:
        for entry in order(old.namelist()):
            data = change(entry, old.read(entry))
            if data is not None:
                new.writestr(entry, data, zipfile.ZIP_STORED
                             if entry in stored else zipfile.ZIP_DEFLATED)


def replace(file, a, b):
    def change(name, data):
        assert name != file or a in data, (file, a)
        return data.replace(a, b) if name == file else data
    return change


write("nothing.epub")
write("mimetype-last.epub", order=lambda names: names[1:] + names[:1])
write("mimetype-packed.epub", stored=())
write("chapter-missing.epub",
      lambda name, data: None if name == PAGE else data)
write("chapter-broken.epub", replace(PAGE, b"</body>", b""))
write("spine.epub", replace(OPF, b'<itemref idref="ch003', b'<itemref idref="ch033'))
write("link.epub", replace(NAV, b"ch003.xhtml#", b"ch003.xhtml#no-"))
write("no-contents.epub", replace(NAV, b'epub:type="toc"', b'epub:type="lot"'))
with open(book, "rb") as whole, open(f"{out}/half.epub", "wb") as half:
    half.write(whole.read(20000))
PYTHON
for book in "$work"/damaged/*.epub; do
	name=$(basename "$book" .epub)
	run_here "$at" python3 ebook/epub.py "$book" > "$work/epub.said" 2>&1
	ours=$?
	run_here "$at" epubcheck "$book" > /dev/null 2>&1
	is "epub.py and epubcheck agree: $name" "$ours $?" \
		"$([ "$name" = nothing ] && echo 0 0 || echo 1 1)"
	grep -q Traceback "$work/epub.said" && sed 's/^/# /' "$work/epub.said"
done

# --- kill -9, twice -----------------------------------------------------------

place killed
plan
hold ch03 ch04
go_on
until_true 60 arrived ch04 1
kill_durexec
holds "kill -9 of durexec: the requests go on" until_true 10 curls 2
hold ch03 ch04 ch09
go_on
for chapter in ch03 ch04; do
	holds "the same command adopts $chapter" until_true 30 seen "generate.$chapter.: adopted"
done
hold ch09
until_true 60 arrived ch09 1
kill_durexec
hold
go_on
ends
is "killed twice: it is finished" "$status $(field . state)" "0 done"
is "and each chapter was asked for once" "$(asked "${all[@]}")" "$once"
is "its book is that of the other run" "$(contents)" "$(titles)"
holds "epubcheck finds nothing in it" epub epubcheck
show_told

# --- everything is killed, as when the power goes -----------------------------

place lost
plan
hold ch05
go_on
holds "nine are there, one is written" until_true 60 \
	shows 'generate 9/10 done, 1 running'
read -ra keepers < "/proc/$pid/task/$pid/children"
kill -9 "$pid" "${keepers[@]}"
kill_durexec
hold
go
is "durexec and its keepers are killed: it goes on to the end" \
	"$status $(field . state)" "0 done"
is "what was there was not asked for again, what was under way was" \
	"$(asked "${all[@]}")" "1 1 1 1 2 1 1 1 1 1"
is "ten chapters, in their order" "$(contents)" "$(titles)"
show_told

# --- what an API does, and what a model does ----------------------------------

place spoilt
plan 'ch01 429' 'ch02 529' 'ch03 cut' 'ch04 short' \
	'ch05 html' 'ch07 syntax' 'ch09 wrong'
go
show_told
is "three chapters are wrong: the run needs a person" \
	"$status $(field . state)" "1 needs_review"
is "429: asked again" "$(answers ch01)" "429 sent"
is "529: asked again" "$(answers ch02)" "529 sent"
is "half of the JSON: asked again" "$(answers ch03)" "cut sent"
is "half of the bytes: asked again" "$(answers ch04)" "short sent"
holds "the 429 was no retry, but a wait" seen 'generate\[ch01\]: limit: .*waiting until'
for line in 'ch05 syntax verify.markdown' 'ch07 syntax verify.python' \
	'ch09 execution verify.output'; do
	read -r chapter step gate <<< "$line"
	is "$chapter: $step needs a review" "$(field "${step}[$chapter]" state)" needs_review
	holds "$chapter: it says which gate" seen "$gate"
	is "$chapter: it was paid for once" "$(asked "$chapter")" 1
done
holds "what the gates said is shown: the HTML" seen 'HTML in the text: <file>'
holds "the line of Python" seen 'def broken'
holds "the output that should not be there" seen '^.*+not as it says'
holds "status: all are written" shows 'generate 10/10 done'
holds "eight are sound so far" shows 'syntax 8/10 done, 2 review'
holds "one of them prints something else" shows 'execution 7/10 done, 1 review'
tell status | sed 's/^/# /'

: > "$work/told"
go
is "the same command again changes nothing, and asks nobody" \
	"$status $(asked ch05 ch07 ch09)" "1 1 1 1"
tell rewind 'generate[ch07]' >> "$work/told" 2>&1
go
is "ch07 is written anew, and now sound" \
	"$status $(answers ch07) $(field 'execution[ch07]' state)" "1 syntax sent done"
sed -i '/The <file> is here/d' "$at/book/ch05.md"
sed -i "/not as it says/d" "$at/book/ch09.md"
tell rewind 'syntax[ch05]' 'syntax[ch09]' >> "$work/told" 2>&1
go
is "the other two are corrected by hand: finished" "$status $(field . state)" "0 done"
is "nobody was asked for that" "$(asked ch05 ch07 ch09)" "1 2 1"
is "ten chapters, in their order" "$(contents)" "$(titles)"
holds "epubcheck finds nothing" epub epubcheck
show_told

# --- what goes by itself, and what does not -----------------------------------

place refused
plan
right=$key
key=sk-ant-of-somebody-else
go
is "a wrong key: review, and not ten times" "$status $([ \
	"$(grep -c refused "$work/api/log")" -le 7 ] && echo few)" "1 few"
holds "it says what the API said" seen 'invalid x-api-key'
holds "but not the key" nowhere "$key"
show_told
key=$right
plan 'ch02 limit' 'ch03 long'
go --resume
is "the right key, --resume; but a month's limit, and a chapter too long" \
	"$status $(field . state) $(answers ch02) $(answers ch03)" "1 needs_review limit long"
holds "neither is asked for again" test "$(asked ch02 ch03)" = "1 1"
is "what it was: the limit" "$(field 'generate[ch02]' state)" needs_review
holds "and the end that is none" seen 'it ends with max_tokens'
go --resume
is "later they are there" "$status $(answers ch02) $(answers ch03)" \
	"0 limit sent long sent"
holds "epubcheck finds nothing" epub epubcheck
show_told

# --- the list grows, the prompt changes ---------------------------------------

place grown
plan
sed -i '$d' "$at/ebook/chapters.txt"
go
is "nine chapters" "$status $(contents | wc -l)" "0 9"
echo "ch10 One Job, Written Down" >> "$at/ebook/chapters.txt"
go
is "the list is recorded: the finished run stays as it is" \
	"$status $(asked "${all[@]}")" "0 1 1 1 1 1 1 1 1 1 0"
go --rescan
is "--rescan: the tenth joins" "$status $(asked "${all[@]}")" "0 $once"
holds "and the book is shown as stale" shows 'assemble done.*STALE: .*book/ch10.md'
go --rerun-stale
is "--rerun-stale: it is in the book, and nobody was asked" \
	"$status $(asked "${all[@]}") $(contents)" "0 $once $(titles)"
echo "Be brief." >> "$at/ebook/prompt.txt"
holds "another prompt: the chapters are shown as stale" \
	shows 'generate 10/10 done.*STALE.*: .*ebook/prompt.txt'
tell status | sed 's/^/# /'
go
is "and are not asked for again" "$status $(asked "${all[@]}")" "0 $once"
show_told
finish
