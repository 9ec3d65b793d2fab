#!/bin/bash
# SPDX-License-Identifier: ISC
#
# run.sh DUREXEC: conf/video.ini as it stands, from a recording to an upload,
# with a rate limit, an overload, kill -9 and a power cut on the way. It has to
# finish, and what costs something has to be done once. (TAP-like)
#
# Real: durexec; the `claude` command from npm, which speaks to a stand-in for
# its API on loopback (tests/claude/server.py); playwright from npm with Debian's
# chromium; ffmpeg with libass; jq; the recording, spoken by espeak-ng.
# Not real, as it cannot be had offline: `whisper` is a small program that takes
# whisper's options and hears with pocketsphinx what is said; `youtubeuploader`
# is one that takes that one's options and uploads by HTTP to a server that
# counts. What Claude answers is said below.
#
# All of it has a network namespace with nothing but loopback. The machine that
# the power is cut of is a PID namespace with a boot id of its own: kill -9 of
# its first process ends all others at the same moment, durexec, keepers and
# steps. The servers are outside of it, as they are in life. A power cut also
# loses what is not on disk yet; that is tests/crash's affair.
# shellcheck disable=SC2317 # functions are called by until_true and holds
set -u

video=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/claude/claude.sh
. "$video/../../claude/claude.sh"
built=${VIDEO_BUILD:-$root/build/video}

install_playwright() { # --ignore-scripts: it downloads no browser
	mkdir -p "$built" || exit 2
	cmp -s "$video/package-lock.json" "$built/done" && return
	rm -f "$built/done"
	cp "$video/package.json" "$video/package-lock.json" "$built"
	if ! (cd "$built" && timeout 300 npm ci --ignore-scripts --no-audit \
		--no-fund) > "$built/npm.log" 2>&1; then
		cat "$built/npm.log" >&2
		say_why_not "npm cannot get playwright"
	fi
	cp "$video/package-lock.json" "$built/done"
}

if [ "${1-}" != --alone ]; then
	[ $# = 1 ] || { echo "usage: $0 DUREXEC" >&2; exit 2; }
	durexec=$(realpath "$1") && [ -x "$durexec" ] || exit 2
	install_claude
	install_playwright
	go_alone "$video/run.sh" --alone "$durexec"
fi
durexec=$2

# --- saying how it went -------------------------------------------------------

passed=0 failed=0

ok() { # STATUS SENTENCE
	if [ "$1" = 0 ]; then
		passed=$((passed + 1))
		echo "ok $((passed + failed)) - $2"
	else
		failed=$((failed + 1))
		echo "not ok $((passed + failed)) - $2"
	fi
}

is() { # SENTENCE HAVE WANT
	[ "$2" = "$3" ]
	ok $? "$1"
	[ "$2" = "$3" ] || printf '# have: %s\n# want: %s\n' "$2" "$3"
}

holds() { # SENTENCE COMMAND...
	local sentence=$1 status
	shift
	"$@" > "$work/why" 2>&1
	status=$?
	ok $status "$sentence"
	[ $status = 0 ] || tail -n 20 "$work/why" | sed 's/^/# /'
}

finish() {
	echo "$passed passed, $failed failed, 0 skipped"
	[ $failed = 0 ] && exit 0
	exit 1
}

reach() { # SENTENCE SECONDS COMMAND...: without it nothing below has a sense
	local sentence=$1 status
	shift
	until_true "$@"
	status=$?
	ok $status "$sentence"
	[ $status = 0 ] && return
	cat "$work/said" "$work/go.log" | sed 's/^/# /'
	finish
}

# --- a directory of its own, which goes away with us --------------------------

work=$(mktemp -d) || exit 2
init='' server='' uploads=''
cleanup() {
	[ -z "$init" ] || kill -9 "$init" 2> /dev/null
	[ -z "$server" ] || kill "$server" 2> /dev/null
	[ -z "$uploads" ] || kill "$uploads" 2> /dev/null
	wait 2> /dev/null
	if [ -n "${REAL_KEEP-}" ]; then echo "# kept: $work"; else rm -rf "$work"; fi
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# --- the machine --------------------------------------------------------------

child() { cat "/proc/$1/task/$1/children" 2> /dev/null; }

boot() {
	new_uuid > "$work/boot_id"
	rm -f "$work/up"
	# shellcheck disable=SC2016 # for the other shell
	unshare --pid --mount --fork --kill-child --mount-proc bash -c '
		mount --bind "$1/boot_id" /proc/sys/kernel/random/boot_id &&
			: > "$1/up" && { sleep infinity & wait; }' init "$work" \
		2> "$work/boot.err" &
	power=$!
	if ! until_true 10 test -e "$work/up"; then
		cat "$work/boot.err" >&2
		say_why_not "no PID namespace may be made here"
	fi
	init=$(child "$power")
	init=${init// /}
}

power_cut() {
	kill -9 "$init"
	wait "$power" "$waiter" 2> /dev/null
	init=''
}

# As claude.sh says, but for somebody who is logged in with a subscription: then
# limits name their time. No token of this kind was ever issued.
environment_here() {
	environment
	printf '%s\n' ANTHROPIC_API_KEY= \
		CLAUDE_CODE_OAUTH_TOKEN=sk-ant-oat01-test-made-up \
		PLAYWRIGHT_BROWSERS_PATH="$work/browsers" \
		NPM_CONFIG_UPDATE_NOTIFIER=false LANG=C.UTF-8 \
		WITNESS="$work/witness" DUREXEC_MACHINE_DIR="$work/machine"
}

# COMMAND...: on the machine, beside the recordings, with nothing of our
# environment; instead of the shell that calls it
exec_machine() {
	exec nsenter -t "$init" -p -m -- env -i --default-signal -C "$lessons" \
		"${all[@]}" "$@" < /dev/null
}

machine() { (exec_machine "$@"); }

# --- durexec on it ------------------------------------------------------------

named=() # video.ini and its parameters

go() { # the command that starts and goes on; its pid in $supervisor
	local tries=100
	echo "\$ durexec ${named[*]}" >> "$work/said"
	exec_machine "$durexec" "${named[@]}" > "$work/go.log" 2>&1 &
	waiter=$!
	supervisor=
	while [ -z "$supervisor" ] && [ -d "/proc/$waiter" ]; do
		sleep 0.05
		tries=$((tries - 1))
		[ $tries -gt 0 ] || { echo "durexec does not start" >&2; exit 2; }
		supervisor=$(child "$waiter")
		supervisor=${supervisor// /}
		# until then it is env, which becomes durexec
		[ "/proc/${supervisor:-none}/exe" -ef "$durexec" ] || supervisor=
	done
	until_true 30 grep -q '^durexec: \(run\|continuing\|finished\)' "$work/go.log"
}

note() { # what it said, for those who read this
	cat "$work/go.log" >> "$work/said"
}

kill_durexec() {
	kill -9 "$supervisor"
	wait "$waiter" 2> /dev/null
	note
	echo "(kill -9 $supervisor)" >> "$work/said"
}

ends() { # SECONDS: until durexec ends; its exit status in $status
	if ! until_true "$1" test ! -d "/proc/$waiter"; then
		note
		kill_durexec
		status=never
		return
	fi
	wait "$waiter"
	status=$?
	note
	echo "(exit $status)" >> "$work/said"
}

tell() { # VERB [ARG...]: durexec VERB video.ini ... ARG...
	local verb=$1
	shift
	machine "$durexec" "$verb" "${named[@]}" "$@"
}

field() { # STEP FIELD...: out of status --json; STEP . is the run
	tell status --json | python3 -c '
import json, sys
run = json.load(sys.stdin)
here = run if sys.argv[1] == "." else next(
    s for s in run["steps"] if s["step"] == sys.argv[1])
print(*(here[name] for name in sys.argv[2:]))' "$@"
}

# at_work NAME: does a program of that name run? Linux keeps 15 bytes of it.
at_work() { [ -n "$(ours "${1:0:15}")" ]; }
nobody_left() { [ -z "$(ours)" ]; }
seen() { grep -q -e "$1" "$work/go.log"; }
uploaded() { grep -c "^$1" "$work/uploads/log"; }
arrived() { [ "$(uploaded 'received videos')" = "$1" ]; }
grown() { [ "$(stat -c %s "$1")" -gt "$2" ]; }

# --- what is there before it starts -------------------------------------------

start_server
mkdir -p "$work/uploads"
python3 -B "$video/upload_server.py" "$work/uploads" > "$work/uploads.said" 2>&1 &
uploads=$!
until_true 10 test -s "$work/uploads/port" || { cat "$work/uploads.said"; exit 2; }
: > "$work/uploads/log"
: > "$work/witness"
: > "$work/said"

# Beside the recordings, as its first lines say: video.ini, video/, playwright
# from npm, what the uploader wants. The parameters: the recording, and where
# our whisper has its model.
lessons=$work/lessons
mkdir "$lessons" "$work/model"
cp -r "$root/conf/video.ini" "$root/conf/video" "$lessons"
ln -s "$built/node_modules" "$lessons/node_modules"
ln -s "$video/whisper" "$video/youtubeuploader" "$work/bin"
printf '{"installed": {"upload_uri": "http://127.0.0.1:%s"}}\n' \
	"$(cat "$work/uploads/port")" > "$lessons/client_secrets.json"
echo '{"access_token": "made-up"}' > "$lessons/request.token"
named=(video.ini video=12.mp4 "model=$work/model")
out=$lessons/12.mp4.work
mapfile -t all < <(environment_here)

demo=$root/conf/demo
espeak-ng -v en-us+f2 -s 145 -f "$demo/lesson.txt" -w "$work/spoken.wav" &&
	ffmpeg -nostdin -v error -f lavfi -i testsrc2=s=1280x720:r=25 \
		-i "$work/spoken.wav" -shortest -c:v libx264 -preset ultrafast \
		-pix_fmt yuv420p -c:a aac "$lessons/12.mp4" &&
	python3 -B "$demo/language_model.py" "$demo/lesson.txt" \
		/usr/share/pocketsphinx/model/en-us/cmudict-en-us.dict \
		"$work/model" > /dev/null || exit 2

boot
first_boot=$(machine cat /proc/sys/kernel/random/boot_id)

# Playwright looks for its own chromium; it gets Debian's where it looks.
browser=$(machine npx --no playwright screenshot about:blank "$work/tmp/x.png" 2>&1 |
	sed -n "s/.*Executable doesn't exist at //p" | head -n 1)
mkdir -p "$(dirname "${browser:-$work/none}")"
ln -sf "$(command -v chromium)" "${browser:-$work/none}"

machine "$durexec" --dry-run "${named[@]}" > "$work/dry" 2>&1
is "--dry-run finds nothing missing" "$(tail -n 1 "$work/dry")" \
	"10 of 10 steps to run, 0 things missing; nothing was run or written"
[ $failed = 0 ] || sed 's/^/# /' "$work/dry"
is "and has run nothing" "$(ls "$lessons"; cat "$work/witness")" \
	"$(printf '%s\n' 12.mp4 client_secrets.json node_modules request.token video video.ini)"

# --- kill -9 while whisper hears ----------------------------------------------

go
reach "whisper is at work" 60 at_work pocketsphinx_batch
kill_durexec
holds "kill -9 of durexec: whisper goes on" at_work pocketsphinx_batch

# What the API says from here on. The limit ends at a full minute, as that is
# how claude tells it; later than a wait that knows of no time would last (a
# minute, says the preset), whisper's end included.
reset=$((($(date +%s) + 100) / 60 * 60 + 60))
limit="anthropic-ratelimit-unified-status=rejected"
limit="$limit anthropic-ratelimit-unified-reset=$reset"
limit="$limit anthropic-ratelimit-unified-representative-claim=five_hour"
limit="$limit This request would exceed your account's rate limit. Please try again later."
title="How to Survive a Crash"
corrected="How to survive a crash: a lesson."
metadata='{"title": "'$title'", "subtitle": "Slow steps and a notebook", "description": "A long job is a chain of slow steps.\n\nWrite down each of them; then nothing is done twice.", "tags": ["durability", "pipelines"], "chapters": [{"start": 0, "title": "The problem"}, {"start": 15.84, "title": "The idea"}, {"start": 29.38, "title": "The proof"}]}'
plan "429 $limit" "200 {\"1\": \"$corrected\"}" \
	"529 x-should-retry=false Overloaded" "200 $metadata" \
	"500 nobody should ask so often"

go
holds "the same command adopts it" seen 'adopting transcribe'

# --- a rate limit, an overload ------------------------------------------------

reach "Claude's limit is met" 90 seen 'correct: limit: .*waiting until'
is "the run waits" "$(field . state)" waiting
# retry_jitter: a tenth of the wait, that not everybody comes back at once
# shellcheck disable=SC2046
holds "for the time that was named, and at most a tenth longer" python3 -c '
import datetime, sys
asked, until = (datetime.datetime.fromisoformat(t.replace("Z", "+00:00")).timestamp()
                for t in sys.argv[2:])
reset = int(sys.argv[1])
assert reset <= until <= reset + 0.1 * (reset - asked) + 0.01, sys.argv
' "$reset" $(field correct ended waiting_until)
reach "the API is overloaded" 300 seen 'metadata: exit 1; retry 1 of'

# --- the power goes while ffmpeg encodes --------------------------------------

reach "ffmpeg encodes the video" 180 grown "$out/final.tmp.mp4" 1000000
power_cut
note
echo "(the power is cut)" >> "$work/said"
holds "nothing of it is left" until_true 5 nobody_left
is "the last record is no end of the run" "$(grep -c ' close ' \
	"$lessons"/.durexec/*/latest/state)" 0
boot
holds "another boot" test "$(machine cat /proc/sys/kernel/random/boot_id)" != "$first_boot"

# --- kill -9 while the uploader waits for the answer --------------------------

: > "$work/uploads/hold"
go
holds "the same command says what was interrupted" seen 'interrupted: .*final'
reach "all bytes of the video have arrived" 400 arrived 1
kill_durexec
go
holds "the same command adopts the upload" seen 'adopting upload (goes on)'
rm "$work/uploads/hold"
ends 60
is "it is finished" "$status" 0
sed 's/^/# /' "$work/said"

# --- what came of it ----------------------------------------------------------

is "all steps are done" "$(field . state 'done' total)" "done 10 10"
is "whisper was begun once and came to its end" \
	"$(cut -d' ' -f1,3 "$work/witness" | tr '\n' ' ')" "whisper begin whisper end "
python3 - "$work/api/log" "$reset" > "$work/asked" <<'EOF'
import json, sys
calls, reset = {"correct": [], "metadata": [], "other": []}, int(sys.argv[2])
for line in open(sys.argv[1]):
    call = json.loads(line)
    text = " ".join(call.get("texts") or [])
    calls["correct" if "Find misheard words" in text else
          "metadata" if "Answer with one JSON object alone, no code fence, "
          "in the language" in " ".join(text.split()) else "other"].append(call)
for step, asked in calls.items():
    print(step, *(c.get("plan", c["path"]).split()[0] for c in asked))
print("after the limit", calls["correct"][-1]["time"] >= reset)
print("one session", len({c["session"] for c in calls["metadata"]}))
print("subtitles sent", " ".join(calls["metadata"][-1]["texts"]).count("Chapter two."))
EOF
is "the API: one call was refused, one met the overload, one of each was paid for" \
	"$(head -n 3 "$work/asked" | tr '\n' ',')" \
	"correct 429 200,metadata 529 200,other,"
is "it was not asked again before the limit was over; the session went on" \
	"$(tail -n 3 "$work/asked" | tr '\n' ',')" \
	"after the limit True,one session 1,subtitles sent 1,"
is "the uploads: one video, one thumbnail, one file of captions" \
	"$(cut -d' ' -f1,2 "$work/uploads/log" | sort | uniq -c | awk '{ printf "%s %s %s,", $1, $2, $3 }')" \
	"1 begin captions,1 begin thumbnails,1 begin videos,1 end captions,1 end thumbnails,1 end videos,1 received captions,1 received thumbnails,1 received videos,"
is "attempts: two where it was refused or the power went" \
	"$(for step in audio transcribe correct subtitles metadata chapters final upload result; do
		field $step attempts
	done | tr '\n' ' ')" "1 1 2 1 2 1 2 1 1 "
is "the money is what claude said" "$(field . cost)" "$(jq -s \
	'map(.total_cost_usd) | add' "$out/correct.json" "$out/metadata.claude.json")"
holds "the state file is whole" python3 "$root/tests/e2e/state.py" check \
	"$lessons"/.durexec/*/latest/state
is "two boots are in it" "$(grep -o ' boot=[^ ]*' "$lessons"/.durexec/*/latest/state |
	sort -u | wc -l)" 2

is "the video: length, streams, chapters" "$(ffprobe -v error -of json \
	-show_format -show_streams -show_chapters "$out/final.mp4" | python3 -c '
import json, sys
v = json.load(sys.stdin)
print("%.0f s," % float(v["format"]["duration"]), v["format"]["tags"]["title"] + ",",
      *sorted(s["codec_name"] for s in v["streams"] if s.get("codec_name") != "bin_data"),
      "/", *(c["tags"]["title"] for c in v["chapters"]))')" \
	"41 s, $title, aac h264 mov_text / The problem The idea The proof"
is "it plays from its first frame to its last" "$(ffmpeg -nostdin -v error \
	-i "$out/final.mp4" -map 0:v -map 0:a -f null - 2>&1)" ""
ffmpeg -nostdin -v error -y -i "$out/final.mp4" -map 0:s:0 "$work/track.srt"
holds "its subtitles are those that were corrected" diff -BZ "$work/track.srt" "$out/subtitles.srt"
holds "the correction is in them" grep -qxF "$corrected" "$work/track.srt"
holds "and what was heard" grep -q 'nothing finished is done twice' "$work/track.srt"
is "and all of what was heard but the correction" \
	"$(diff "$out/heard/audio.srt" "$out/subtitles.srt" | grep -c '^[<>] .')" 2
is "the thumbnail is a picture" "$(ffprobe -v error -show_entries \
	stream=codec_name,width,height -of csv=p=0 "$out/thumbnail.png")" png,1280,720
holds "with something on it" test "$(stat -c %s "$out/thumbnail.png")" -gt 50000
for pair in final.mp4: thumbnail.png:.thumbnails subtitles.srt:.captions; do
	holds "the server has ${pair%:*}, byte for byte" cmp \
		"$out/${pair%:*}" "$work/uploads/made-up-001${pair#*:}"
done
is "the result" "$(cat "$out/result.txt")" "https://youtu.be/made-up-001 $title"

before=$(wc -l "$work/api/log" "$work/uploads/log" "$work/witness")
go
ends 30
is "once more: it says that it is finished" "$status $(grep -c ': finished ' "$work/go.log")" "0 1"
is "once more: nobody was asked for anything" \
	"$(wc -l "$work/api/log" "$work/uploads/log" "$work/witness")" "$before"

# --- the power goes in the middle of the upload -------------------------------

: > "$work/said"
tell rewind upload > /dev/null
: > "$work/uploads/hold"
go
reach "a person names it: it is uploaded a second time" 60 arrived 2
power_cut
note
echo "(the power is cut)" >> "$work/said"
rm "$work/uploads/hold"
boot
go
ends 60
is "nobody knows whether it arrived: review" \
	"$status $(field upload state outcome)" "1 needs_review lost"
echo "\$ durexec --resume ${named[*]}" >> "$work/said"
machine "$durexec" --resume "${named[@]}" > "$work/go.log" 2>&1
is "--resume does not upload it again" "$? $(uploaded 'begin videos')" "1 2"
note
tell approve upload --result made-up-002 > /dev/null
go
ends 60
is "a person has looked and approves: finished" "$status $(cat "$out/result.txt")" \
	"0 https://youtu.be/made-up-002 $title"
is "no third upload, and no call of Claude" \
	"$(uploaded 'begin videos') $(wc -l < "$work/api/log")" "2 4"
sed 's/^/# /' "$work/said"
finish
