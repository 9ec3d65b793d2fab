#!/bin/bash
# SPDX-License-Identifier: ISC
#
# check-claude.sh DUREXEC: `preset = claude` around the real `claude` command
# (TAP-like). It talks to server.py on loopback, and can talk to nobody else:
# see claude.sh. Under five minutes.
#
# A case is a pipeline, a plan of answers, a start of durexec, and what must be
# so afterwards: what the server was asked, what durexec says of each step.
# What is in single quotes here is for the steps' shells.
# shellcheck disable=SC2016,SC2119
set -u

# shellcheck source=tests/claude/claude.sh
. "$(dirname "$0")/claude.sh"
if [ "${1-}" != --alone ]; then
	[ -x "${1-}" ] || { echo "usage: $0 DUREXEC" >&2; exit 2; }
	install_claude
	go_alone "$0" --alone "$(realpath "$1")"
fi
durexec=$2

work=$(mktemp -d) || exit 2
server=
# shellcheck disable=SC2317 # called by the trap
cleanup() {
	kill_ours KILL
	[ -z "$server" ] || kill "$server" 2> /dev/null
	if [ -n "${CLAUDE_KEEP-}" ]; then echo "# kept: $work"; else
		rm -rf "$work"
	fi
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
start_server
cd "$work/dir" || exit 2

# --- saying how it went -------------------------------------------------------

passed=0 failed=0 skipped=0 name='' why=''

begin() { # NAME: the case that follows; the one before is over
	over
	name=$1 why=''
}

over() {
	[ -n "$name" ] || return
	if [ -z "$why" ]; then
		passed=$((passed + 1))
		echo "ok $name"
	else
		failed=$((failed + 1))
		echo "not ok $name - ${why#; }"
		sed 's/^/# /' "$work/said" 2> /dev/null | head -n 40
	fi
	kill_ours KILL
	name=''
}

bad() { why="$why; $*"; }

is() { # WHAT HAVE WANT: a pattern of case
	# shellcheck disable=SC2254
	case $2 in
	$3) ;;
	*) bad "$1 is $2, not $3" ;;
	esac
}

# --- durexec and what it says -------------------------------------------------

quick=CLAUDE_CODE_MAX_RETRIES=0	# else the client tries for minutes by itself
more=()				# environment of a case

# NAME < TEXT: NAME.ini, of which there is no run yet
pipeline() {
	rm -rf "$work/dir/.durexec"
	cat > "$1.ini"
	: > "$work/said"
}

# One step "ask" with the preset and two quick retries.
ask() { # COMMAND [KEY...]
	local command=$1
	shift
	{
		printf '[step ask]\npreset = claude\nretry_delay = 1s\n'
		case $* in
		*"retries ="*) ;;
		*) echo "retries = 2" ;;
		esac
		printf '%s\n' "run = $command" "$@"
	} | pipeline ask
	ini=ask.ini more=()
}

durexec() { # ARG...
	run_alone "${limit:-100}" "$quick" ${more[@]+"${more[@]}"} "$durexec" "$@"
}

go() { # STATUS [OPTION...]: runs the pipeline, which must end with STATUS
	local want=$1
	shift
	durexec "$@" "$ini" >> "$work/said" 2>&1
	is "exit status" $? "$want"
}

start() { # in the background
	(exec_alone 100 "$quick" ${more[@]+"${more[@]}"} "$durexec" "$ini") \
		>> "$work/said" 2>&1 &
	waiter=$!
}

ends() { # STATUS
	{ wait "$waiter"; } 2> /dev/null
	is "exit status" $? "$1"
}

supervisor() { # pid of the durexec that was started
	pgrep -P "$waiter" -f "^$durexec $ini"
}

# What status --json says of STEP, or with "" of the run.
step() { # STEP FIELD=WANT...: WANT is a pattern as of case
	why=$why$(durexec status --json "$ini" 2>> "$work/said" | python3 -c '
import fnmatch, json, sys
run = json.loads(sys.stdin.read() or "{\"steps\": []}")
found = [run] if not sys.argv[1] else [
    step for step in run["steps"] if step["step"] == sys.argv[1]] or [{}]
for pair in sys.argv[2:]:
    name, want = pair.split("=", 1)
    value = found[0].get(name)
    have = "null" if value is None else str(value)
    if not fnmatch.fnmatchcase(have, want):
        print(f"; {sys.argv[1]} {name} is {have}, not {want}", end="")' \
		"$@")
}

field() { # STEP FIELD
	durexec status --json "$ini" 2> /dev/null | python3 -c '
import json, sys
for step in json.loads(sys.stdin.read() or "{\"steps\": []}")["steps"]:
    if step["step"] == sys.argv[1]:
        print(step.get(sys.argv[2]))' "$1" "$2"
}

asked() { # N [ANSWER]: the server was, so often (and answered so)
	is "requests${2:+ answered $2}" "$(requests "${2-}")" "$1"
}

requested() { [ "$(requests)" -ge "${1:-1}" ]; }
# has claude saved the session that it asked with first?
saved() {
	compgen -G "$work/home/.claude/projects/*/$(heard 0 session).jsonl"
}
nobody_left() { [ -z "$(ours)" ]; }
all_gone() { # but for a keeper that is about to end
	until_true 5 nobody_left || bad "left: $(ours | tr '\n' ' ')"
}
runs() { [ -n "$(ours "$@")" ]; }

answer() { # STEP: what it said, as far as claude's result goes
	python3 - "$(field "$1" stdout)" <<-'EOF'
		import json, sys
		for line in open(sys.argv[1]):
		    if line.startswith("{"):
		        line = json.loads(line).get("result", "")
		    print(line.strip())
	EOF
}

until_at() { # STEP EPOCH: it waits until then, three minutes more at most
	local at
	at=$(date -d "$(field "$1" waiting_until)" +%s 2> /dev/null)
	# a message names minutes
	if [ "${at:-0}" -lt $(($2 - 60)) ] || [ "$at" -gt $(($2 + 181)) ]; then
		bad "waits until ${at:-never}, not $2"
	fi
}

text='claude -p "the first prompt"'
json="$text --output-format json"
stream="$text --output-format stream-json --verbose"
with='--session-id "$DUREXEC_SESSION"'
rate="This request would exceed your account's rate limit."
chapter="Chapter 3. You've hit your limit · resets 3pm (Asia/Seoul), said the machine. API Error: 500. Credit balance is too low. Rate limit, 429, overloaded."

# Goes on with the session, if it was saved before the end, else begins it.
resume_run='resume_run =
	ls "${CLAUDE_CONFIG_DIR:-$HOME/.claude}"/projects/*/"$DUREXEC_SESSION".jsonl >/dev/null 2>&1 &&
		exec claude -p "continue" --resume "$DUREXEC_SESSION" --output-format json
	exec claude -p "the first prompt" --session-id "$DUREXEC_SESSION" --output-format json'

echo "# claude $version, $("$durexec" --version)"

# --- answers ------------------------------------------------------------------

for form in text json stream; do
	begin "$form: an answer"
	ask "${!form}"
	plan "200 Hello there."
	go 0
	step ask state=done attempts=1 exit=0
	asked 1
	is "the answer" "$(answer ask)" "*Hello there."
	case $form in
	text) step ask "cost=null" ;;
	*) step ask cost=0.006; step '' cost=0.006 ;;
	esac

	begin "$form: a chapter about limits is an answer"
	ask "${!form}"
	plan "200 $chapter"
	go 0
	step ask state=done attempts=1
	asked 1
done

begin "stream: a tool that failed does not fail the answer"
ask "$stream --allowedTools Bash"
plan "tool false" "200 Hello there."
go 0
step ask state=done attempts=1 cost=0.012
asked 2

begin "no key: nothing is started"
ask "$json"
more=(ANTHROPIC_API_KEY=)
plan "200 Nobody hears this."
go 2
go 2 --dry-run
asked 0

# --- what nobody can wait for: a person looks ---------------------------------

permanent() { # FORMATS NAME REQUESTS ANSWER [FLAGS]
	local form
	for form in $1; do
		begin "$form: $2: review, and not again"
		ask "${!form} ${5-}"
		plan "$4"
		go 1
		step ask state=needs_review attempts=1 exit=1 waiting_until=null
		asked "$3"
	done
}
permanent "text json stream" "401" 1 "401 invalid x-api-key"
permanent "text json" "403" 1 "403 Request not allowed"
permanent "text json" "413" 1 "413 Request exceeds the maximum size"
permanent "text json stream" "credit balance too low" 1 \
	"400 Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing to upgrade or purchase credits."
permanent "text json" "prompt too long" 1 \
	"400 prompt is too long: 250000 tokens > 200000 maximum"
permanent "text json" "no more turns" 1 "tool echo hi" \
	"--allowedTools Bash --max-turns 1"
# it asks once more, and says that what was said was withheld
permanent "text json stream" "refusal" 2 "refusal I will not."

# --- what goes by itself: again -----------------------------------------------

passing() { # FORMATS NAME ANSWER...
	local form forms=$1 what=$2
	shift 2
	for form in $forms; do
		begin "$form: $what: again, and done"
		ask "${!form}"
		plan "$@" "200 Hello there."
		go 0
		step ask state=done attempts=2 exit=0
		asked 1 200
	done
}
passing "text json stream" "529" "529 Overloaded"
passing "text json" "500" "500 Internal server error"
passing "text json stream" "reset" reset
# it asks once more then, not for a stream
passing "text json" "reset in the middle" "cut one two three four" \
	"cut one two three four"

begin "json: 500 for ever: all retries, then review"
ask "$json"
plan "500 Internal server error"
go 1
step ask state=needs_review attempts=3 exit=1
asked 3

begin "json: connection refused: again, then review"
ask "$json"
more=(ANTHROPIC_BASE_URL=http://127.0.0.1:9)
plan "200 Nobody hears this."
go 1
step ask state=needs_review attempts=3 exit=1
asked 0

begin "json: no such host: again, then review"
ask "$json"
more=(ANTHROPIC_BASE_URL=http://api.invalid)
go 1
step ask state=needs_review attempts=3 exit=1

# --- limits: wait, and nothing is charged -------------------------------------

begin "json: 429, retry-after 3: the client waits by itself"
ask "$json"
more=(CLAUDE_CODE_MAX_RETRIES=1)
plan "429 retry-after=3 $rate" "200 Hello there."
go 0
step ask state=done attempts=1
asked 2

# a second without a time to wait for, as often as it takes: no retry is used
for form in text json stream; do
	begin "$form: 429 without a time: waits, charges no retry"
	ask "${!form}" "retry_max_delay = 1s"
	plan "429 $rate" "429 x-should-retry=false $rate" \
		"429 retry-after=7200 $rate" "200 Hello there."
	go 0
	step ask state=done attempts=4
	asked 4
done

seoul=$(python3 -c '
import datetime, zoneinfo
now = datetime.datetime.now(zoneinfo.ZoneInfo("Asia/Seoul"))
at = now.replace(hour=15, minute=0, second=0, microsecond=0)
if at <= now:
    at += datetime.timedelta(days=1)
print(int(at.timestamp()))')
reset=$(($(date +%s) + 7200))
claim=anthropic-ratelimit-unified-representative-claim
unified="anthropic-ratelimit-unified-status=rejected anthropic-ratelimit-unified-reset=$reset"
for form in text json stream; do
	begin "$form: a limit whose message names a time: waits until then"
	ask "${!form}"
	plan "429 x-should-retry=false You've hit your limit · resets 3pm (Asia/Seoul)"
	go 75 --no-wait
	step ask state=waiting attempts=1 exit=1
	step '' state=waiting
	until_at ask "$seoul"
	asked 1

	# the limits differ in their words
	for each in five_hour seven_day seven_day_opus; do
		[ $form = text ] || [ $each = five_hour ] || continue
		begin "$form: a subscription's limit ($each): waits until then"
		ask "${!form}"
		more=(ANTHROPIC_API_KEY=
			CLAUDE_CODE_OAUTH_TOKEN=sk-ant-oat01-test-made-up)
		plan "429 $unified $claim=$each retry-after=7200 $rate"
		go 75 --no-wait
		step ask state=waiting attempts=1 exit=1
		until_at ask "$reset"
		asked 1
	done
done

begin "a limit, then the same session: the server hears the first prompt again"
ask "$json $with" "$resume_run"
plan "429 x-should-retry=false You've hit your limit · resets 3pm (Asia/Seoul)" \
	"200 Hello there."
go 75 --no-wait
session=$(heard 0 session)
durexec retry ask "$ini" >> "$work/said" 2>&1
go 0
step ask state=done attempts=2
asked 2
is "the session" "$(heard 1 session)" "$session"
is "what it was asked" "$(heard 1 texts)" 'the first prompt*continue'

# --- it hangs, it is stopped, it is killed ------------------------------------

for each in "timeout stall" "timeout half one two" "idle silent"; do
	kind=${each%% *}
	begin "json: ${each#* }: $kind, and nothing is left"
	key=timeout
	[ "$kind" = timeout ] || key=idle_timeout
	ask "$json" "$key = 8s" "retries = 0"
	plan "${each#* }"
	go 1
	step ask state=needs_review attempts=1 "outcome=$kind"
	asked 1
	all_gone
done

begin "json: timeout while a tool runs: its own session is ended too"
ask "$json --allowedTools Bash" "timeout = 8s" "retries = 0"
plan "tool tail -f /dev/null" "200 That was not to be asked."
start
until_true 10 runs tail || bad "the tool never ran"
ends 1
step ask state=needs_review outcome=timeout
asked 1
all_gone

begin "json: stall, timeout, and again"
ask "$json $with" "timeout = 8s" "$resume_run"
plan stall "200 Hello there."
go 0
step ask state=done attempts=2
asked 1 200
is "what it was asked" "$(heard -1 texts)" 'the first prompt*continue'

# Claude ends with 0 then. If it has seen nothing of the answer yet, it says
# nothing at all, but for stream-json: a step must say that it wants something.
for form in text json stream; do
	for each in silent "half one two three four"; do
		begin "$form: a SIGINT from elsewhere (${each%% *}): not done"
		case $form in
		text | json) wants="ok_if = ." ;;
		*) wants= ;;
		esac
		ask "${!form}" "retries = 0" "$wants"
		plan "$each"
		start
		until_true 10 requested || bad "never asked"
		sleep 1
		kill_ours INT claude
		ends 1
		step ask state=needs_review attempts=1 exit=0
		asked 1
	done
done

begin "durexec stop, and again: the session goes on"
ask "$json $with" "$resume_run"
plan silent "200 Hello there."
start
until_true 10 saved || bad "no session saved"
durexec stop "$ini" >> "$work/said" 2>&1
is "stop's exit status" $? 0
ends 3
all_gone
step ask state=pending outcome=interrupted
go 0
step ask state=done attempts=2
asked 1 200
asked 2
is "the session" "$(heard 1 session)" "$(heard 0 session)"
is "what it was asked" "$(heard 1 texts)" 'the first prompt*continue'
is "the answer" "$(answer ask)" "Hello there."

for signal in INT TERM; do
	begin "SIG$signal to durexec, and again: the session goes on"
	ask "$json $with" "$resume_run"
	plan "half one two three" "200 Hello there."
	start
	until_true 10 saved || bad "no session saved"
	kill -$signal "$(supervisor)"
	ends $((128 + $(kill -l $signal)))
	all_gone
	go 0
	step ask state=done attempts=2
	asked 2
	is "what it was asked" "$(heard 1 texts)" 'the first prompt*continue'
done

begin "claude is killed (-9): again, and the session goes on"
ask "$json $with" "$resume_run"
plan silent "200 Hello there."
start
until_true 10 saved || bad "no session saved"
kill_ours KILL claude
ends 0
step ask state=done attempts=2
asked 2
is "what it was asked" "$(heard 1 texts)" 'the first prompt*continue'

# It saves the session a moment after its first request.
killed_early() {
	local tries=1000 pid
	until pid=$(pgrep -n -f '^claude -p'); do
		tries=$((tries - 1))
		[ $tries -gt 0 ] || return
	done
	kill -9 "$pid"
	! compgen -G "$work/home/.claude/projects/*/*" > /dev/null ||
		bad "it was saved already"
}

begin "claude is killed before it saved its session: it begins anew"
rm -rf "$work/home/.claude/projects"
ask "$json $with" "$resume_run"
plan "200 after=1 Hello there."
start
killed_early
ends 0
step ask state=done attempts=2
is "what it was asked" "$(heard -1 texts)" 'the first prompt'

begin "the same, where resume_run knows but --resume: review, it says why"
rm -rf "$work/home/.claude/projects"
ask "$json $with" \
	'resume_run = claude -p continue --resume "$DUREXEC_SESSION"'
plan "200 after=1 Hello there."
start
killed_early
ends 1
step ask state=needs_review attempts=2 'reason=*No conversation found*'

begin "durexec is killed (-9): claude goes on, is adopted, asked once"
ask "$json $with" "$resume_run"
plan "200 after=4 Hello there."
start
until_true 10 requested || bad "never asked"
kill -9 "$(supervisor)"
ends 137
runs claude || bad "claude is gone"
go 0
step ask state=done attempts=1 adopted=True cost=0.006
asked 1

begin "all is killed (-9), as the power does: the session goes on"
ask "$json $with" "$resume_run"
plan silent "200 Hello there."
start
until_true 10 saved || bad "no session saved"
kill_ours KILL
{ wait "$waiter"; } 2> /dev/null
all_gone
go 0
step ask state=done attempts=2
asked 2
is "what it was asked" "$(heard 1 texts)" 'the first prompt*continue'

# --- a chain ------------------------------------------------------------------

begin "a chain of three, a limit in the middle: each answer is paid for once"
calls='resume_run = claude -p "continue" --output-format json --resume "$DUREXEC_SESSION"
preset = claude
retry_delay = 1s
run = claude --output-format json --session-id "$DUREXEC_SESSION" -p'
pipeline chain << EOF
[step outline]
$calls "an outline"
[step chapter]
$calls "a chapter: \$(cat "\$DUREXEC_OUT_outline")"
[step summary]
$calls "a summary: \$(cat "\$DUREXEC_OUT_chapter")"
EOF
ini=chain.ini more=()
plan "200 One, two." "429 retry-after=7200 $rate" "429 retry-after=7200 $rate" \
	"200 $chapter" "200 In short."
go 0
step outline state=done attempts=1 cost=0.006
step chapter state=done attempts=3 cost=0.006
step summary state=done attempts=1 cost=0.006
step '' state=done done=3 cost=0.018
asked 5
asked 3 200
is "the chapter's last question" "$(heard 3 texts)" \
	'a chapter: *One, two.*continue'
is "the summary's question" "$(heard 4 texts)" 'a summary: *Chapter 3.*'
go 0
asked 5

# What the client does by itself: minutes of it, before durexec hears anything.
if [ -n "${CLAUDE_SLOW-}" ]; then
	begin "slow: 500 for ever: the client asks eleven times"
	ask "$json" "retries = 0"
	more=(CLAUDE_CODE_MAX_RETRIES=10)
	plan "500 Internal server error"
	limit=300 go 1
	step ask state=needs_review attempts=1
	asked 11
fi

over
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
