#!/bin/bash
# SPDX-License-Identifier: ISC
#
# run.sh DUREXEC: the shipped presets with the real programs (TAP-like).
# With ONLY="curl ffmpeg" only what these presets are about.
#
# ffmpeg, curl, rclone, yt-dlp and playwright against full disks, broken files
# and server.py, a web server on loopback that answers as the path says and
# counts what it was asked. What becomes of a step is asserted, why, and how
# often the server heard of it. Packages: ../packages. Installs nothing;
# playwright-core comes from npm into REAL_BUILD (build/real).
set -u

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
build=${REAL_BUILD:-$root/build/real}

case ${1-} in
'' | -*) echo "usage: $0 DUREXEC" >&2; exit 2 ;;
*/*) durexec=$(cd "$(dirname "$1")" && pwd)/$(basename "$1") ;;
*) durexec=$(command -v "$1") ;;
esac
[ -x "$durexec" ] || { echo "$0: no program: $1" >&2; exit 2; }

# shellcheck source=tests/real/saying.sh
. "$here/../saying.sh"

has() { # SENTENCE TEXT WORDS: they are somewhere in the text
	case $2 in *"$3"*) ok 0 "$1"; return ;; esac
	ok 1 "$1"
	printf '%s\n' "have: $2" "want: $3" | sed 's/^/# /'
}

finish() {
	echo "$passed passed, $failed failed, $skipped skipped"
	[ $failed -eq 0 ] && exit 0
	exit 1
}

wanted() { # PRESET: are its tests to be run, and is the program here?
	case " ${ONLY-$1} " in *" $1 "*) ;; *) return 1 ;; esac
	[ -z "${2-}" ] || command -v "$2" > /dev/null && return
	skip "$1" "missing: $2"
	return 1
}

# --- a place of its own ------------------------------------------------------

work=$(mktemp -d) || exit 2
server='' mounted=''
# shellcheck disable=SC2317 # called by the trap
cleanup() {
	local ini
	for ini in "$work"/*/it.ini; do
		[ -e "$ini" ] && "$durexec" stop --now "$ini" > /dev/null 2>&1
	done
	[ -z "$server" ] || { kill "$server" && wait "$server"; } 2> /dev/null
	[ -z "$mounted" ] || umount "$mounted"
	if [ -n "${REAL_KEEP-}" ]; then echo "# kept: $work"; else rm -rf "$work"; fi
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Neither this user's presets nor rclone's and yt-dlp's settings. (npm and
# playwright find their own under the real HOME.)
export XDG_CONFIG_HOME=$work/config RCLONE_CONFIG=$work/rclone.conf
unset DUREXEC_STATE_DIR BASH_ENV http_proxy https_proxy HTTP_PROXY HTTPS_PROXY
: > "$RCLONE_CONFIG"
export PYTHONDONTWRITEBYTECODE=1

mkdir -p "$work/files"
python3 "$here/server.py" "$work/files" "$work/port" "$work/asked" \
	> "$work/server" 2>&1 &
server=$!
tries=100
until [ -s "$work/port" ]; do
	tries=$((tries - 1))
	[ $tries -gt 0 ] || { sed 's/^/# /' "$work/server"; ok 1 "the server starts"; finish; }
	sleep 0.1
done
URL=http://127.0.0.1:$(cat "$work/port")
export URL

# A pipeline of one step "it"; standard input: the step's keys. In a directory
# of its own, which becomes the current one.
pipeline() { # NAME
	name=$1
	mkdir -p "$work/$name"
	cd "$work/$name" || exit 2
	{ echo "[step it]"; cat; } > it.ini
	: > "$work/asked"
}

go() { # [OPTION...]: its exit status in $status
	timeout 120 "$durexec" "$@" it.ini > said 2>&1 < /dev/null
	status=$?
}

field() { # FIELD [FIELD...]: of the step, in status --json
	"$durexec" status --json it.ini | python3 -c '
import json, sys
step = json.load(sys.stdin)["steps"][0]
print(*(step[name] for name in sys.argv[1:]))' "$@"
}

calls() { # METHOD [ANSWER]: how often the server was asked (and said so)
	awk -v m="$1" -v a="${2-}" '$1 == m && (a == "" || $3 == a)' \
		"$work/asked" | wc -l
}

ended() { # SENTENCE STATE ATTEMPTS [REASON]
	is "$1" "$(field state attempts)" "$2 $3"
	[ -z "${4-}" ] || has "$1: why" "$(field reason)" "$4"
}

# The step waits for a time that is FROM to TO seconds after its end.
waits() { # SENTENCE FROM TO
	local seconds
	seconds=$(field ended waiting_until | python3 -c '
import sys
from datetime import datetime
began, until = (datetime.fromisoformat(t.replace("Z", "+00:00"))
                for t in sys.stdin.read().split())
print((until - began).total_seconds())')
	ok "$(awk -v s="${seconds:-none}" -v a="$2" -v b="$3" 'BEGIN {
		print !(s != "none" && s >= a && s <= b) }')" "$1 ($seconds s)"
}

until_true() { # SECONDS COMMAND...: asks ten times a second
	local tries=$(($1 * 10))
	shift
	while ! "$@" > /dev/null 2>&1; do
		tries=$((tries - 1))
		[ $tries -gt 0 ] || return 1
		sleep 0.1
	done
}

# shellcheck disable=SC2317 # called by until_true
larger() { [ "$(stat -c %s "$1" 2> /dev/null || echo 0)" -gt "$2" ]; }

# --- material: a film of 20 s, and what is left of it when it breaks ----------

if command -v ffmpeg > /dev/null; then
	cd "$work/files" || exit 2
	ffmpeg -nostdin -v error -y -f lavfi -i testsrc2=size=640x360:rate=25 \
		-f lavfi -i sine=440 -t 20 -c:v libx264 -preset ultrafast -c:a aac \
		-movflags +faststart film.mp4
	ffmpeg -nostdin -v error -y -i film.mp4 -c copy film.mkv
	head -c $(($(stat -c %s film.mp4) / 2)) film.mp4 > half.mp4
	head -c $(($(stat -c %s film.mkv) / 2)) film.mkv > half.mkv
	for other in one two three four five; do cp film.mp4 $other.mp4; done
else
	head -c 1000000 /dev/urandom > "$work/files/film.mp4"
fi
printf '<html><body><h1>Not what you wanted</h1></body></html>\n' \
	> "$work/files/page.html"
cp "$work/files/page.html" "$work/files/backup.gz"
export FILES=$work/files

# A file system of 2 MB, where that may be made
small=$work/small
mkdir -p "$small"
if mount -t tmpfs -o size=2m durexec-test "$small" 2> /dev/null; then
	mounted=$small
else
	small=
fi
export small

# --- what is missing is said before the first step ------------------------------

# PATH with the shell and its tools alone
mkdir -p "$work/bin"
for program in bash sh cat ls grep env timeout python3; do
	ln -s "$(command -v $program)" "$work/bin/$program"
done
for pair in "claude:npm install -g @anthropic-ai/claude-code" \
	"codex:npm install -g @openai/codex" \
	"gemini:npm install -g @google/gemini-cli" \
	"whisper:pipx install openai-whisper" \
	"playwright:npm install playwright" \
	"youtube-upload:https://github.com/porjo/youtubeuploader" \
	"yt-dlp:pipx install yt-dlp" "ffmpeg:ffmpeg" "curl:curl" "rclone:rclone"; do
	preset=${pair%%:*}
	wanted "$preset" || continue
	pipeline "missing-$preset" <<-EOF
		preset = $preset
		run = touch ran
	EOF
	PATH=$work/bin HOME=$work NODE_PATH='' go
	is "$preset is not here: nothing is run" "$status $(ls ran 2> /dev/null)" "2 "
	has "$preset is not here: says what to do" "$(cat said)" "${pair#*:}"
done

# --- curl ---------------------------------------------------------------------

if wanted curl curl; then

pipeline curl-429 <<'EOF'
preset = curl
outputs = film.mp4
run = curl -fsS -D "$DUREXEC_DIR/headers" -o film.mp4 "$URL/429+3,200/film.mp4"
EOF
go --no-wait
is "curl, 429: every step waits" "$status" 75
is "curl, 429: it waits" "$(field state attempts)" "waiting 1"
waits "curl, 429: as long as Retry-After says" 3 3.5
has "curl, 429: says what said so" "$(field reason)" "returned error: 429"
go
is "curl, 429: then it goes on" "$status" 0
ended "curl, 429: done in the end" "done" 2
is "curl, 429: asked twice, not more" "$(calls GET)" 2
holds "curl, 429: the file is whole" cmp film.mp4 "$FILES/film.mp4"

pipeline curl-503 <<'EOF'
preset = curl
retry_delay = 100ms
outputs = film.mp4
run = curl -fsS -o film.mp4 "$URL/503,503,200/film.mp4"
EOF
go
is "curl, 503 twice, then 200: the run ends well" "$status" 0
ended "curl, 503 twice, then 200: done" "done" 3
is "curl, 503 twice, then 200: asked three times" "$(calls GET)" 3

pipeline curl-503-ever <<'EOF'
preset = curl
retries = 2
retry_delay = 100ms
run = curl -fsS -o x "$URL/503/film.mp4"
EOF
go
is "curl, 503 for ever: the run needs a person" "$status" 1
ended "curl, 503 for ever: in review" needs_review 3 "after 2 retries"
is "curl, 503 for ever: asked three times" "$(calls GET)" 3

pipeline curl-broken <<'EOF'
preset = curl
retry_delay = 100ms
outputs = film.mp4
run = curl -fsS -o film.mp4 "$URL/rst,early,short,200/film.mp4"
EOF
go
ended "curl, reset, reset, half a body, all of it: done" "done" 4
is "curl, reset, reset, half a body, all of it: four requests" "$(calls GET)" 4
holds "curl, reset, reset, half a body, all of it: the file is whole" \
	cmp film.mp4 "$FILES/film.mp4"

for code in 404 401 403; do
	pipeline curl-$code <<-EOF
		preset = curl
		run = curl -fsS -o x "\$URL/$code/film.mp4"
	EOF
	go
	is "curl, $code: the run needs a person" "$status" 1
	ended "curl, $code: in review at once" needs_review 1 "exit 22"
	is "curl, $code: asked once" "$(calls GET)" 1
done

pipeline curl-upload <<'EOF'
preset = curl
run = curl -fsS -T "$FILES/film.mp4" "$URL/200/up/curl.mp4"
EOF
go
ended "curl, an upload: done" "done" 1
go
is "curl, an upload: once more, it stays one" "$status $(calls PUT)" "0 1"
holds "curl, an upload: the server has it" cmp "$FILES/up/curl.mp4" "$FILES/film.mp4"

pipeline curl-upload-again <<'EOF'
preset = curl
retry_delay = 100ms
run = curl -fsS -T "$FILES/film.mp4" "$URL/503,200/up/again.mp4"
EOF
go
ended "curl, an upload that was turned away: done" "done" 2
is "curl, an upload that was turned away: one was taken" \
	"$(calls PUT 503) $(calls PUT 200)" "1 1"

pipeline curl-upload-never <<'EOF'
preset = curl
rerun = never
retries = 0
run = curl -fsS -T "$FILES/film.mp4" "$URL/early,200/up/never.mp4"
EOF
go
ended "curl, an upload with rerun = never, reset: in review" needs_review 1 "exit 5"
is "curl, an upload with rerun = never, reset: tried once" "$(calls PUT)" 1

pipeline curl-page <<'EOF'
preset = curl
outputs = backup.gz
run = curl -fsS -o backup.gz "$URL/200/backup.gz"
EOF
go
ended "curl, a page instead of an archive: found" needs_review 1 verify.whole

if [ -n "$mounted" ]; then
	pipeline curl-full <<-'EOF'
		preset = curl
		run = curl -fsS -o "$small/film.mp4" "$URL/200/film.mp4"
	EOF
	go
	ended "curl, a full disk: in review at once" needs_review 1 "exit 23"
	is "curl, a full disk: asked once" "$(calls GET)" 1
	rm -f "$small"/*
else
	skip "curl, a full disk" "a file system of 2 MB cannot be mounted here"
fi

fi

# --- rclone -------------------------------------------------------------------

if wanted rclone rclone; then

RC="rclone --retries 1 --low-level-retries 1"
DAV="--webdav-vendor other --webdav-url"
export RC DAV

pipeline rclone-429 <<'EOF'
preset = rclone
run = $RC copyto $DAV "$URL/429+9,200" "$FILES/film.mp4" :webdav:up/rclone429.mp4
EOF
go --no-wait
is "rclone, 429: every step waits" "$status" 75
ended "rclone, 429: it waits" waiting 1 "429 Too Many Requests"
# what the server said of the time rclone does not tell
waits "rclone, 429: for retry_delay, and a little" 30 33.5
is "rclone, 429: asked once" "$(calls PUT)" 1

pipeline rclone-503 <<'EOF'
preset = rclone
retry_delay = 100ms
run = $RC copyto $DAV "$URL/503,200" "$FILES/film.mp4" :webdav:up/rclone503.mp4
EOF
go
ended "rclone, 503, then 201: done" "done" 2
is "rclone, 503, then 201: one upload was taken" \
	"$(calls PUT 503) $(calls PUT 200)" "1 1"
holds "rclone, 503, then 201: the server has it" \
	cmp "$FILES/up/rclone503.mp4" "$FILES/film.mp4"

pipeline rclone-upload <<'EOF'
preset = rclone
run = rclone copyto $DAV "$URL/200" "$FILES/film.mp4" :webdav:up/rclone.mp4
EOF
go
ended "rclone, an upload: done" "done" 1
go
is "rclone, an upload: once more, it stays one" "$status $(calls PUT)" "0 1"

pipeline rclone-broken <<'EOF'
preset = rclone
retry_delay = 100ms
outputs = film.mp4
run = $RC copyto --http-url "$URL/rst,short,200" :http:film.mp4 film.mp4
EOF
go
ended "rclone, reset, half a body, all of it: done" "done" 3
is "rclone, reset, half a body, all of it: three requests" "$(calls GET)" 3
holds "rclone, reset, half a body, all of it: the file is whole" \
	cmp film.mp4 "$FILES/film.mp4"

pipeline rclone-404 <<'EOF'
preset = rclone
run = $RC copyto --http-url "$URL/404" :http:film.mp4 film.mp4
EOF
go
ended "rclone, 404: in review at once" needs_review 1 "exit 3"

pipeline rclone-401 <<'EOF'
preset = rclone
run = $RC copyto $DAV "$URL/401" "$FILES/film.mp4" :webdav:up/rclone401.mp4
EOF
go
ended "rclone, 401: in review at once" needs_review 1 "exit 1"
is "rclone, 401: asked once" "$(calls PUT)" 1

if [ -n "$mounted" ]; then
	pipeline rclone-full <<-'EOF'
		preset = rclone
		run = $RC copyto --http-url "$URL/200" :http:film.mp4 "$small/film.mp4"
	EOF
	go
	ended "rclone, a full disk: in review at once" needs_review 1 "exit 1"
	rm -f "$small"/*
fi

fi

# --- ffmpeg -------------------------------------------------------------------

if wanted ffmpeg ffmpeg; then

FF="ffmpeg -nostdin -hide_banner -nostats -y"
FILM="-f lavfi -i testsrc2=size=640x360:rate=25 -f lavfi -i sine=440"
X264="-c:v libx264 -preset ultrafast"
export FF FILM X264

# shellcheck disable=SC2317 # called by holds
playable() { # FILE: has it a length?
	awk -v s="$(ffprobe -v error -show_entries format=duration \
		-of csv=p=0 "$1" 2> /dev/null)" 'BEGIN { exit !(s + 0 > 0) }'
}

pipeline ffmpeg-ok <<'EOF'
preset = ffmpeg
outputs = film.mp4
run = $FF $FILM -t 3 $X264 -c:a aac film.tmp.mp4 && mv film.tmp.mp4 film.mp4
EOF
go
is "ffmpeg, a film: the run ends well" "$status" 0
ended "ffmpeg, a film: done" "done" 1
holds "ffmpeg, a film: plays" playable film.mp4

pipeline ffmpeg-short-ones <<'EOF'
preset = ffmpeg
outputs = tone.wav tone.mp3 blink.mp4 picture.png
run =
	$FF -f lavfi -i sine -t 0.3 tone.wav
	$FF -f lavfi -i sine -t 0.3 tone.mp3
	$FF -f lavfi -i testsrc2 -t 0.2 $X264 blink.mp4
	$FF -f lavfi -i testsrc2 -frames:v 1 picture.png
EOF
go
ended "ffmpeg, parts of a second and a picture: done" "done" 1

if [ -n "$mounted" ]; then
	for kind in mp4 mkv; do
		pipeline ffmpeg-full-$kind <<-EOF
			preset = ffmpeg
			outputs = \${small}/film.$kind
			run = \$FF \$FILM -t 60 \$X264 -crf 10 -c:a aac "\$small/film.$kind"
		EOF
		go
		is "ffmpeg, a full disk, $kind: the run needs a person" "$status" 1
		ended "ffmpeg, a full disk, $kind: in review at once" \
			needs_review 1 "No space left on device"
		rm -f "$small"/*
	done
else
	skip "ffmpeg, a full disk" "a file system of 2 MB cannot be mounted here"
fi

# Debian's 5.1 ends with 0 when only the end of the file did not fit
pipeline ffmpeg-full-at-the-end <<'EOF'
preset = ffmpeg
run = $FF $FILM -t 5 $X264 -f matroska /dev/full
EOF
go
ended "ffmpeg, a full disk at the end: in review" needs_review 1 "No space left on device"

for kind in mp4 mkv; do
	pipeline ffmpeg-half-$kind <<-EOF
		preset = ffmpeg
		outputs = film.mp4
		run = \$FF -i "\$FILES/half.$kind" -c:a aac film.mp4
	EOF
	go
	ended "ffmpeg, half a film ($kind), exit 0: found" needs_review 1 "exit 0, but fail_if"
	holds "ffmpeg, half a film ($kind): what it made does play" playable film.mp4
done

pipeline ffmpeg-no-end <<'EOF'
preset = ffmpeg
outputs = film.mkv
run = cp "$FILES/half.mkv" film.mkv
EOF
go
ended "ffmpeg, a film whose end is missing: found by the gate" needs_review 1 verify.playable

pipeline ffmpeg-nothing <<'EOF'
preset = ffmpeg
outputs = film.mp4
run = $FF -v error -ss 100 -i "$FILES/film.mp4" $X264 film.mp4
EOF
go
ended "ffmpeg, nothing in it, and nothing said: found by the gate" \
	needs_review 1 verify.playable

pipeline ffmpeg-missing <<'EOF'
preset = ffmpeg
run = $FF -i nothing.mp4 film.mp4
EOF
go
ended "ffmpeg, no such input: in review at once" needs_review 1 "exit 1"

pipeline ffmpeg-encoder <<'EOF'
preset = ffmpeg
run = $FF $FILM -t 1 -c:v libnosuch film.mp4
EOF
go
ended "ffmpeg, unknown encoder: in review at once" needs_review 1 "Unknown (encoder|decoder)"

pipeline ffmpeg-http <<'EOF'
preset = ffmpeg
retry_delay = 100ms
outputs = film.mp4
run = $FF -i "$URL/503,200/film.mp4" -c copy film.mp4
EOF
go
ended "ffmpeg, input that is there the second time: done" "done" 2
is "ffmpeg, input that is there the second time: turned away once" "$(calls GET 503)" 1

pipeline ffmpeg-http-short <<'EOF'
preset = ffmpeg
retries = 1
retry_delay = 100ms
outputs = film.mkv
run = $FF -i "$URL/short,short,short,short,short,short/film.mkv" -c copy film.mkv
EOF
go
ended "ffmpeg, input that always breaks off, exit 0: tried again, then in review" \
	needs_review 2 "exit 0, but fail_if"

# stopped in the middle: what it leaves plays, and is not the film
for how in stop INT; do
	pipeline ffmpeg-$how <<-'EOF'
		preset = ffmpeg
		outputs = film.mkv
		run = exec $FF -re $FILM -t 60 $X264 -flush_packets 1 film.mkv
	EOF
	# bash has its background jobs ignore SIGINT
	env --default-signal=INT "$durexec" it.ini > said 2>&1 < /dev/null &
	pid=$!
	until_true 20 larger film.mkv 100000
	if [ $how = stop ]; then
		"$durexec" stop it.ini > stopped 2>&1
	else
		kill -INT "$pid"
	fi
	wait "$pid"
	status=$?
	[ $how = stop ] && want=3 || want=130
	is "ffmpeg, stopped ($how): how durexec ends" "$status" "$want"
	is "ffmpeg, stopped ($how): not done" "$(field state outcome)" "pending interrupted"
	holds "ffmpeg, stopped ($how): what it left plays" playable film.mkv
done

fi

# --- yt-dlp -------------------------------------------------------------------

if wanted yt-dlp yt-dlp; then

YT="yt-dlp --no-config --no-cache-dir --retries 0"
export YT

pipeline yt-dlp-429 <<'EOF'
preset = yt-dlp
run = $YT -o film.mp4 "$URL/429+9/one.mp4"
EOF
go --no-wait
is "yt-dlp, 429: every step waits" "$status" 75
ended "yt-dlp, 429: it waits" waiting 1 "HTTP Error 429"
waits "yt-dlp, 429: for retry_delay, and a little" 300 331
is "yt-dlp, 429: asked once" "$(calls GET)" 1

pipeline yt-dlp-404 <<'EOF'
preset = yt-dlp
run = $YT -o film.mp4 "$URL/404/one.mp4"
EOF
go
ended "yt-dlp, 404: in review at once" needs_review 1 "exit 1"
is "yt-dlp, 404: asked once" "$(calls GET)" 1

# it asks for the page first, then for the film
pipeline yt-dlp-broken <<'EOF'
preset = yt-dlp
retry_delay = 100ms
outputs = film.mp4
run = $YT -o film.mp4 "$URL/200,rst,200/two.mp4"
EOF
go
ended "yt-dlp, reset in the film: done" "done" 2
has "yt-dlp, reset in the film: goes on with the part that was there" \
	"$("$durexec" logs it --stdout it.ini 2>&1)" "Resuming download at byte"
holds "yt-dlp, reset in the film: the film is whole" cmp film.mp4 "$FILES/two.mp4"

pipeline yt-dlp-page <<'EOF'
preset = yt-dlp
outputs = film.mp4
run = cp "$FILES/page.html" film.mp4
EOF
go
ended "yt-dlp, a page instead of a film: found by the gate" needs_review 1 verify.playable

pipeline yt-dlp-max <<'EOF'
preset = yt-dlp
outputs = film.mp4
run = $YT --max-downloads 1 -o film.mp4 "$URL/200/three.mp4"
EOF
go
ended "yt-dlp, --max-downloads (exit 101): done" "done" 1

fi

# --- playwright ---------------------------------------------------------------

if wanted playwright chromium; then

mkdir -p "$build"
cp "$here/../package.json" "$here/../package-lock.json" "$build"
if ! (cd "$build" && PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1 \
	npm ci --no-audit --no-fund) > "$work/npm.log" 2>&1; then
	sed 's/^/# /' "$work/npm.log"
	skip "playwright" "npm cannot get playwright-core"
	finish
fi
NODE_PATH=$build/node_modules SHOT=$here/shot.js
export NODE_PATH SHOT

pipeline playwright-ok <<'EOF'
preset = playwright
outputs = page.png
run = node "$SHOT" "$URL/200/page.html" page.png /usr/bin/chromium
EOF
go
is "playwright, a screenshot: the run ends well" "$status" 0
ended "playwright, a screenshot: done" "done" 1

pipeline playwright-no-browser <<'EOF'
preset = playwright
env.PLAYWRIGHT_BROWSERS_PATH = ./none
run = node "$SHOT" "$URL/200/page.html" page.png
EOF
go
is "playwright, no browser: the run needs a person" "$status" 1
ended "playwright, no browser: in review at once" needs_review 1 "xecutable doesn't exist"
is "playwright, no browser: the page was not asked for" "$(calls GET)" 0

pipeline playwright-reset <<'EOF'
preset = playwright
retry_delay = 100ms
outputs = page.png
run = node "$SHOT" "$URL/early,early,200/page.html" page.png /usr/bin/chromium
EOF
go
holds "playwright, a connection that is reset: done in the end" \
	test "$(field state)" = "done"
ok "$(awk -v n="$(field attempts)" 'BEGIN { print !(n >= 2 && n <= 3) }')" \
	"playwright, a connection that is reset: tried again"

pipeline playwright-half <<'EOF'
preset = playwright
outputs = page.png
run =
	node "$SHOT" "$URL/200/page.html" whole.png /usr/bin/chromium
	head -c 1000 whole.png > page.png
EOF
go
ended "playwright, half a picture: found by the gate" needs_review 1 verify.whole

fi

# --- presets whose programs cannot be had here: what their keys do --------------

if wanted whisper ffprobe; then

cues() { # SECONDS FILE: subtitles up to there
	python3 - "$1" > "$2" <<-'EOF'
		import sys
		for n in range(int(sys.argv[1]) // 2):
		    a, b = 2 * n, 2 * n + 2
		    print(f"{n + 1}\n00:00:{a:02},000 --> 00:00:{b:02},000\nword\n")
	EOF
}
cues 20 "$work/files/all.srt"
cues 2 "$work/files/two.srt"

for pair in all:done two:needs_review; do
	pipeline whisper-${pair%:*} <<-EOF
		preset = whisper
		check =
		outputs = lesson.srt
		run = cp "\$FILES/film.mp4" lesson.mp4; cp "\$FILES/${pair%:*}.srt" lesson.srt
	EOF
	go
	is "whisper, subtitles of 20 s, ${pair%:*}: what the gate says" \
		"$(field state)" "${pair#*:}"
done

pipeline whisper-none <<'EOF'
preset = whisper
check =
outputs = lesson.srt
run = echo > lesson.srt
EOF
go
ended "whisper, no subtitles: found by the gate" needs_review 1 verify.cues

fi

if wanted youtube-upload; then

pipeline youtube <<'EOF'
preset = youtube-upload
check =
run =
	echo x >> uploads
	echo 'Upload successful! Video ID: dQw4w9WgXcQ'
	echo 'error making YouTube API call: googleapi: Error 403: thumbnail, forbidden' >&2
	exit 1
EOF
go
ended "youtube-upload, a failure behind the upload: in review" \
	needs_review 1 "its receipt was seen (dQw4w9WgXcQ)"
go --resume
is "youtube-upload, a failure behind the upload: --resume does not repeat it" \
	"$(field state attempts) $(wc -l < uploads)" "needs_review 1 1"

fi

cd / || exit 2
finish
