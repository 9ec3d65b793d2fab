#!/bin/bash
# SPDX-License-Identifier: ISC
#
# check-real.sh DUREXEC     real pipelines, unharmed and harmed (TAP-like)
# check-real.sh --missing   the Debian packages that are not here yet
#
# Runs the demo in a directory of its own, unharmed and interrupted, and
# real.ini (playwright in chromium, rclone to Apache's WebDAV) while durexec is
# killed with -9 in each of its long steps. Installs no package; playwright-core
# comes from npm into REAL_BUILD (build/real here).
set -u

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
build=${REAL_BUILD:-$root/build/real}

# which program shows that a package is here
program_of() {
	case $1 in
	espeak-ng) echo espeak-ng ;;
	pocketsphinx) echo pocketsphinx_batch ;;
	pocketsphinx-en-us) echo /usr/share/pocketsphinx/model/en-us/en-us/mdef ;;
	fonts-dejavu-core) echo /usr/share/fonts/truetype/dejavu/DejaVuSans.ttf ;;
	apache2-bin) echo /usr/sbin/apache2 ;;
	nodejs) echo node ;;
	*) echo "$1" ;;
	esac
}

missing() { # FILE...: the packages named there that are not here
	local package program
	cat "$@" | while read -r package; do
		program=$(program_of "$package")
		[ -e "$program" ] || command -v "$program" > /dev/null ||
			echo "$package"
	done
}

case ${1-} in
--missing) missing "$root/conf/demo/packages" "$here/packages"; exit 0 ;;
'' | -*) echo "usage: $0 DUREXEC | --missing" >&2; exit 2 ;;
*/*) durexec=$(cd "$(dirname "$1")" && pwd)/$(basename "$1") ;;
*) durexec=$(command -v "$1") ;;
esac
[ -x "$durexec" ] || { echo "$0: no program: $1" >&2; exit 2; }

# shellcheck source=tests/real/saying.sh
. "$here/saying.sh"
# shellcheck source=tests/real/dav.sh
. "$here/dav.sh"

show() { sed 's/^/# /' "$1"; }

# --- a directory of its own, which goes away with us --------------------------

work=$(mktemp -d) || exit 2
chmod 711 "$work"
started=()
# shellcheck disable=SC2317 # called by the trap
cleanup() {
	local pid
	for pid in ${started[@]+"${started[@]}"}; do
		kill "$pid" 2> /dev/null && wait "$pid" 2> /dev/null
	done
	# what a killed durexec left running ends before its files go away
	"$durexec" stop --now "$work/tests/real/real.ini" > /dev/null 2>&1
	"$durexec" stop --now "$work/conf/demo.ini" > /dev/null 2>&1
	if [ -n "${REAL_KEEP-}" ]; then echo "# kept: $work"; else rm -rf "$work"; fi
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

mkdir -p "$work/tests" "$work/harmed"
cp -r "$root/conf" "$work/conf"
cp -r "$here" "$work/tests/real"
rm -rf "$work/conf/demo-out" "$work/conf/.durexec" "$work/tests/real/.durexec"
cp -r "$work/conf" "$work/harmed/conf"
export PYTHONDONTWRITEBYTECODE=1
unset UPLOAD_URL
TIMEFORMAT='# %R s'

# --- helpers ------------------------------------------------------------------

until_true() { # SECONDS COMMAND...: asks ten times a second
	local tries=$(($1 * 10))
	shift
	while ! "$@" > /dev/null 2>&1; do
		tries=$((tries - 1))
		[ $tries -gt 0 ] || return 1
		sleep 0.1
	done
}

descendant() { # PID NAME: the pid of a descendant whose program is NAME
	python3 - "$1" "$2" <<-'EOF'
		import os, sys
		parents, names = {}, {}
		for pid in filter(str.isdigit, os.listdir("/proc")):
		    try:
		        with open(f"/proc/{pid}/stat") as f:
		            name, rest = f.read().split("(", 1)[1].rsplit(")", 1)
		    except OSError:
		        continue
		    if rest.split()[0] not in "ZX":
		        names[pid], parents[pid] = name, rest.split()[1]
		found = []
		for pid, name in names.items():
		    up = pid
		    while up in parents and up != sys.argv[1]:
		        up = parents[up]
		    if up == sys.argv[1] and name == sys.argv[2][:15]:
		        found.append(int(pid))
		if not found:
		    sys.exit(1)
		print(min(found))
	EOF
}

field() { # INI STEP FIELD: out of status --json
	"$durexec" status --json "$1" | python3 -c '
import json, sys
for step in json.load(sys.stdin)["steps"]:
    if step["step"] == sys.argv[1]:
        print(json.dumps(step[sys.argv[2]]))' "$2" "$3"
}

video_facts() { # FILE: seconds, streams, chapters
	ffprobe -v error -of json -show_format -show_streams -show_chapters "$1" |
		python3 -c '
import json, sys
v = json.load(sys.stdin)
print("%.0f s," % float(v["format"]["duration"]),
      *sorted(s["codec_name"] for s in v["streams"] if s.get("codec_name") != "bin_data"),
      "/", *(c["tags"]["title"] for c in v["chapters"]), sep=" ")'
}

facts="41 s, aac h264 mov_text / How to survive a crash The problem The idea The proof"

survivor() { # PATH: does a step of a run that has to do with it still run?
	python3 - "$1" <<-'EOF'
		import os, sys
		found = False
		for pid in filter(str.isdigit, os.listdir("/proc")):
		    try:
		        with open(f"/proc/{pid}/environ", "rb") as f:
		            if b"DUREXEC_STEP=" not in (env := f.read()):
		                continue
		        if sys.argv[1].encode() in env:
		            with open(f"/proc/{pid}/cmdline", "rb") as f:
		                print(pid, f.read().replace(b"\0", b" ").decode())
		            found = True
		    except OSError:
		        continue
		sys.exit(not found)
	EOF
}

gone() { ! survivor "$1"; }

no_survivors() { # PATH
	until_true 5 gone "$1" || gone "$1"
}

# --- the demo, unharmed ---------------------------------------------------------

lacks=$(missing "$root/conf/demo/packages" | tr '\n' ' ')
if [ -n "$lacks" ]; then
	skip "the demo" "missing: $lacks"
	echo "$passed passed, $failed failed, $skipped skipped"
	exit 1
fi

demo=$work/conf/demo-out
time "$work/conf/demo/run.sh" "$durexec" > "$work/demo.log" 2>&1 < /dev/null
is "the demo ends well" $? 0
show "$work/demo.log"
is "its video plays: length, streams, chapters" "$(video_facts "$demo/lesson.mp4")" "$facts"
holds "its subtitles are numbered and in order" python3 - "$demo/lesson.srt" <<'EOF'
import re, sys
cues = open(sys.argv[1]).read().strip().split("\n\n")
last = ""
for number, cue in enumerate(cues, 1):
    n, times, *text = cue.split("\n")
    start, end = times.split(" --> ")
    assert int(n) == number and last <= start < end and text, cue
    last = end
assert len(cues) >= 10
EOF
for name in lesson.mp4 lesson.srt thumbnail.jpg metadata.json; do
	holds "the server has $name, byte for byte" cmp "$demo/server/$name" "$demo/$name"
done
before=$(stat -c '%n %z' "$demo"/*)
"$work/conf/demo/run.sh" "$durexec" > "$work/again.log" 2>&1 < /dev/null
is "once more: nothing to do is no failure" $? 0
is "once more: nothing is made again" "$(stat -c '%n %z' "$demo"/*)" "$before"
holds "once more: says that it is finished" grep -i finished "$work/again.log"
holds "nothing is left running" no_survivors "$work/conf"

# --- the demo, with Ctrl+C and a going on ----------------------------------------

harmed=$work/harmed/conf
ini=$harmed/demo.ini
(
	set -m # a process group of its own, and SIGINT as a terminal leaves it
	env --default-signal=INT "$harmed/demo/run.sh" "$durexec" > "$work/first.log" 2>&1 < /dev/null &
	echo $! > "$work/pid"
	wait $!
	echo $? > "$work/status"
) 2> /dev/null &
waiter=$!
until_true 5 test -s "$work/pid"
runner=$(cat "$work/pid")
until_true 60 descendant "$runner" pocketsphinx_batch
heard=$(descendant "$runner" pocketsphinx_batch)
kill -INT -- "-$runner"
wait "$waiter"
show "$work/first.log"
is "Ctrl+C while pocketsphinx runs: ends as by SIGINT" "$(cat "$work/status")" 130
holds "Ctrl+C: pocketsphinx was stopped" test ! -e "/proc/${heard:-none}"
holds "Ctrl+C: nothing is left running" no_survivors "$harmed"
"$harmed/demo/run.sh" "$durexec" > "$work/second.log" 2>&1 < /dev/null
is "the same command goes on and ends well" $? 0
show "$work/second.log"
is "after Ctrl+C: speech ran once" "$(field "$ini" speech attempts)" 1
is "after Ctrl+C: its video plays" "$(video_facts "$harmed/demo-out/lesson.mp4")" "$facts"
# alike FILE FILE: the same but for what pocketsphinx, on the same sound, does
# not always say alike: its confidence, and times by some hundredths of a
# second. Words and their order are the same; so is the number of lines.
alike() {
	case $1 in
	*.ctm) diff <(awk '{ print $5 }' "$1") <(awk '{ print $5 }' "$2") ;;
	*.srt) diff <(grep -v -e '-->' "$1") <(grep -v -e '-->' "$2") ;;
	*) cmp "$1" "$2" ;;
	esac
}

for name in words.ctm lesson.srt metadata.json; do
	holds "after Ctrl+C: $name as in the unharmed run" alike "$demo/$name" "$harmed/demo-out/$name"
done

# --- playwright, rclone, WebDAV; kill -9 in each long step -------------------------

finish() {
	echo "$passed passed, $failed failed, $skipped skipped"
	[ $failed -eq 0 ] && exit 0
	exit 1
}

lacks=$(missing "$here/packages" | tr '\n' ' ')
if [ -n "$lacks" ]; then
	skip "real.ini" "missing: $lacks"
	finish
fi

mkdir -p "$build"
cp "$here/package.json" "$here/package-lock.json" "$build"
if ! (cd "$build" && PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1 \
	npm ci --no-audit --no-fund) > "$work/npm.log" 2>&1; then
	show "$work/npm.log"
	skip "real.ini" "npm cannot get playwright-core"
	finish
fi

dav=$work/dav
mkdir -p "$dav/files/lesson" "$dav/run"
port=$(free_port)
dav_conf "$dav" "$port" '%r %>s %I'
/usr/sbin/apache2 -f "$dav/httpd.conf" -DFOREGROUND > "$dav/said" 2>&1 &
started+=($!)
if ! until_true 10 curl -fsS -X PROPFIND -H 'Depth: 0' "http://127.0.0.1:$port/"; then
	cat "$dav/said" "$dav/error.log" 2> /dev/null | sed 's/^/# /'
	ok 1 "the WebDAV server starts"
	finish
fi

export REAL=$work/tests/real
export WITNESS=$work/witness
export WEBDAV_URL=http://127.0.0.1:$port
export NODE_PATH=$build/node_modules
ini=$REAL/real.ini
out=$work/real-out
: > "$WITNESS"

holds "real.ini: --dry-run finds nothing missing" "$durexec" --dry-run "$ini"
holds "real.ini: --dry-run has run nothing" test ! -s "$WITNESS" -a ! -e "$out"

began() { awk -v s="$1" '$1 == s && $3 == "begin" { print $4 }' "$WITNESS" | tail -n 1; }

go() { # starts durexec (again) with the same command; its pid in $supervisor
	"$durexec" "$ini" > "$work/go.log" 2>&1 < /dev/null &
	supervisor=$!
}

is_adopted() { [ "$(field "$ini" "$1" adopted)" = true ]; }

in_step() { # STEP PROGRAM: waits until PROGRAM works in STEP; its pid in $tool
	local shell
	tool=
	until_true 120 grep -q "^$1 [0-9]* begin" "$WITNESS" || return 1
	shell=$(began "$1")
	until_true 20 descendant "$shell" "$2" || return 1
	tool=$(descendant "$shell" "$2")
}

go
for pair in listen:pocketsphinx_batch thumbnail:chromium video:ffmpeg upload:rclone; do
	step=${pair%:*} program=${pair#*:}
	in_step "$step" "$program"
	is "$step: $program is at work" $? 0
	kill -9 "$supervisor"
	wait "$supervisor" 2> /dev/null
	is "$step: durexec is killed" $? 137
	sleep 0.3
	# short-lived tools may have ended meanwhile, but then well
	if [ "$step" != thumbnail ]; then
		is "$step: $program goes on with its pid" \
			"$(descendant "$(began "$step")" "$program")" "$tool"
	fi
	go
	if [ "$step" != thumbnail ]; then
		until_true 5 grep -qi adopt "$work/go.log"
		holds "$step: says at once that it was adopted" \
			grep -i adopt <(head -n 3 "$work/go.log")
		until_true 5 is_adopted "$step"
		is "$step: status says that it was adopted" "$(field "$ini" "$step" adopted)" true
		is "$step: $program still has its pid" \
			"$(descendant "$(began "$step")" "$program")" "$tool"
	fi
done
wait "$supervisor"
is "real.ini: the last durexec ends well" $? 0
show "$work/go.log"

steps=(chapters listen model speech subtitles thumbnail upload video)
is "each step began exactly once" \
	"$(awk '$3 == "begin" { print $1, $2 }' "$WITNESS" | sort | tr '\n' ' ')" \
	"$(printf '%s 1 ' "${steps[@]}")"
is "each step ended exactly once" \
	"$(awk '$3 == "end" { print $1, $2 }' "$WITNESS" | sort | tr '\n' ' ')" \
	"$(printf '%s 1 ' "${steps[@]}")"
for step in "${steps[@]}"; do
	is "$step: DONE at its first attempt" \
		"$(field "$ini" "$step" state) $(field "$ini" "$step" attempts)" '"done" 1'
done
is "the server got the video once" \
	"$(grep -c '^PUT /lesson/lesson.mp4 HTTP/[0-9.]* 20[14]' "$dav/access.log")" 1
holds "the server has the video, byte for byte" cmp "$dav/files/lesson/lesson.mp4" "$out/lesson.mp4"
holds "the server has the thumbnail, byte for byte" cmp "$dav/files/lesson/thumbnail.png" "$out/thumbnail.png"
is "the video plays: length, streams, chapters" "$(video_facts "$out/lesson.mp4")" "$facts"
is "the thumbnail is a picture" "$(ffprobe -v error -show_entries \
	stream=codec_name,width,height -of csv=p=0 "$out/thumbnail.png")" "png,1280,720"
for name in words.ctm lesson.srt metadata.json; do
	holds "$name as in the unharmed demo" alike "$demo/$name" "$out/$name"
done
"$durexec" "$ini" > "$work/go.log" 2>&1 < /dev/null
is "once more: nothing to do is no failure" $? 0
is "once more: no step began" "$(grep -c begin "$WITNESS")" 8
holds "nothing is left running" no_survivors "$WITNESS"
finish
