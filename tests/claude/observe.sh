#!/bin/bash
# SPDX-License-Identifier: ISC
#
# observe.sh [--slow] > observed.txt: what the real `claude` command does when
# its API answers this or that. --slow: also what takes minutes (how often it
# asks again by itself, how long it hears nothing).
#
# A case is a block of lines; what begins with "out " and "err " is the text of
# stdout and stderr, byte for byte, but that the script's temporary directory
# is called WORK and its port PORT. (Without --slow: four minutes; with it:
# half an hour.)
# shellcheck disable=SC2034,SC2119
set -u

# shellcheck source=tests/claude/claude.sh
. "$(dirname "$0")/claude.sh"
[ "${1-}" = --alone ] || install_claude
[ "${1-}" = --alone ] || go_alone "$0" --alone "$@"
shift

work=$(mktemp -d) || exit 2
server=
# shellcheck disable=SC2317 # called by the trap
cleanup() {
	kill_ours KILL
	[ -z "$server" ] || kill "$server" 2> /dev/null
	rm -rf "$work"
}
trap cleanup EXIT
start_server

limit=60
once=CLAUDE_CODE_MAX_RETRIES=1
unknown=00000000-0000-4000-8000-000000000000
nowhere=ANTHROPIC_BASE_URL=http://127.0.0.1:9
subscriber="ANTHROPIC_API_KEY= CLAUDE_CODE_OAUTH_TOKEN=sk-ant-oat01-test-made-up"

show() { # CASE FLAGS ENVIRONMENT STATUS SECONDS
	local out
	printf '\ncase %s\nversion %s\nflags %s\nenv %s\n' \
		"$1" "$version" "$2" "$3"
	printf 'exit %s\nseconds %s\nrequests %s\n' "$4" "$5" "$(requests)"
	for out in out err; do
		sed -e "s|$work|WORK|g" -e "s|127.0.0.1:$port|127.0.0.1:PORT|g" \
			-e "s/^/$out /" "$work/$out"
		# a last line without its newline would run into ours
		[ ! -s "$work/$out" ] ||
			[ "$(tail -c 1 "$work/$out" | wc -l)" = 1 ] || echo
	done
}

# CASE "ENVIRONMENT" "FLAGS" ANSWER...: what is quoted are words
see() {
	local name=$1 given=$2 flags=$3 began
	shift 3
	plan "$@"
	began=$EPOCHREALTIME
	# shellcheck disable=SC2086
	run_alone "$limit" $given claude $flags \
		> "$work/out" 2> "$work/err"
	show "$name" "$flags" "$given" $? \
		"$(awk "BEGIN { printf \"%.1f\", $EPOCHREALTIME - $began }")"
	# shellcheck disable=SC2001
	printf '%s\n' "$@" | sed 's/^/answer /'
}

# CASE SIGNAL "FLAGS" ANSWER...: the signal comes 2 s after the first request
signalled() {
	local name=$1 signal=$2 flags=$3 waiter began status
	shift 3
	plan "$@"
	# shellcheck disable=SC2086
	(exec_alone 60 claude $flags > "$work/out" 2> "$work/err") &
	waiter=$!
	until_true 10 requested
	sleep 2
	began=$EPOCHREALTIME
	kill_ours "$signal" claude "$flags"
	wait "$waiter" 2> /dev/null
	status=$?
	show "$name" "$flags" "" $status \
		"$(awk "BEGIN { printf \"%.1f\", $EPOCHREALTIME - $began }")"
	printf 'signal %s\n' "$signal"
	printf '%s\n' "$@" | sed 's/^/answer /'
}
requested() { [ "$(requests)" != 0 ]; }

echo "# Written by observe.sh on $(date -u +%F): the npm package $package"
echo "# $version. WORK stands for its temporary directory, PORT for its port."
echo "# An answer is a line of server.py's plan; the last one is repeated."
echo "# SECONDS of a signal: from the signal to the end."

text="-p hello"
json="-p hello --output-format json"
stream="-p hello --output-format stream-json --verbose"
soon=$(($(date +%s) + 7200))
unified="anthropic-ratelimit-unified-status=rejected"
unified="$unified anthropic-ratelimit-unified-reset=$soon"
rate="This request would exceed your account's rate limit. Please try again later."
balance="Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing to upgrade or purchase credits."

for form in text json; do
	f=${!form}
	see "$form 200" "$once" "$f" "200 Hello there."
	see "$form 200, a chapter about limits" "$once" "$f" \
		"200 Chapter 3. You've hit your limit · resets 3pm (Asia/Seoul). API Error: 500, said the machine; rate limit, 429, overloaded."
	see "$form 200, empty" "$once" "$f" "200 "
	see "$form 401" "$once" "$f" "401 invalid x-api-key"
	see "$form 403" "$once" "$f" "403 Request not allowed"
	see "$form 404" "$once" "$f" "404 model: claude-opus-5-5"
	see "$form 413" "$once" "$f" "413 Request exceeds the maximum size"
	see "$form 400" "$once" "$f" "400 messages.0: wrong"
	see "$form 400, credit balance" "$once" "$f" "400 $balance"
	see "$form 400, prompt too long" "$once" "$f" \
		"400 prompt is too long: 250000 tokens > 200000 maximum"
	see "$form 429" "$once" "$f" "429 $rate"
	see "$form 429, retry-after 3, then 200" "$once" "$f" \
		"429 retry-after=3 $rate" "200 Hello there."
	see "$form 429, retry-after 3" "$once" "$f" "429 retry-after=3 $rate"
	see "$form 429, retry-after 7200" "$once" "$f" \
		"429 retry-after=7200 $rate"
	see "$form 429, x-should-retry false" "$once" "$f" \
		"429 x-should-retry=false $rate"
	see "$form 429, message names a time" "$once" "$f" \
		"429 x-should-retry=false You've hit your limit · resets 3pm (Asia/Seoul)"
	for claim in five_hour seven_day seven_day_opus; do
		see "$form 429, subscription, $claim" "$once $subscriber" "$f" \
			"429 $unified anthropic-ratelimit-unified-representative-claim=$claim retry-after=7200 $rate"
	done
	see "$form 429, subscription, no time" "$once $subscriber" "$f" \
		"429 x-should-retry=false $rate"
	see "$form 401, subscription" "$once $subscriber" "$f" \
		"401 OAuth token has expired. Please obtain a new token or refresh your existing token."
	see "$form 529" "$once" "$f" "529 Overloaded"
	see "$form 529, as often as it asks by itself" "" "$f" "529 Overloaded"
	see "$form 500" "$once" "$f" "500 Internal server error"
	see "$form 503" "$once" "$f" "503 Service unavailable"
	see "$form 504" "$once" "$f" "504 Timeout"
	see "$form refused" "$once $nowhere" "$f" "200 Nobody hears this."
	see "$form name not known" \
		"$once ANTHROPIC_BASE_URL=http://api.invalid" "$f" "200 Nobody."
	see "$form reset" "$once" "$f" "reset"
	see "$form reset in the middle" "$once" "$f" "cut one two three four"
	see "$form reset in the middle, then 200" "$once" "$f" \
		"cut one two three four" "200 Hello there."
	see "$form no answer" "$once API_TIMEOUT_MS=4000" "$f" "silent"
	see "$form refusal" "$once" "$f" "refusal I will not."
	see "$form max_tokens" "$once" "$f" "max_tokens I was going to"
	see "$form no key" "$once ANTHROPIC_API_KEY=" "$f" "200 Nobody."
	see "$form turns" "$once" "$f --allowedTools Bash --max-turns 1" \
		"tool echo hi" "200 Hello there."
	see "$form budget" "$once" "$f --allowedTools Bash --max-budget-usd 0.001" \
		"tool echo hi" "200 Hello there."
	see "$form tool denied" "$once" "$f" \
		"tool echo hi > x" "200 Hello there."
	see "$form resume, not known" "$once" "$f --resume $unknown" "200 Hello."
	id=$(new_uuid)
	see "$form session, first call 429" "$once" "$f --session-id $id" \
		"429 x-should-retry=false $rate"
	see "$form session, same id again" "$once" "$f --session-id $id" "200 A."
	see "$form session, resumed" "$once" "$f --resume $id" "200 Hello there."
	see "$form session, resumed again: the cost" "$once" \
		"$f --resume $id" "200 Hello there."
	see "$form session, both" "$once" "$f --resume $id --session-id $id" \
		"200 Hello there."
	for signal in INT TERM HUP KILL; do
		signalled "$form $signal, no answer yet" $signal \
			"$f --session-id $(new_uuid)" silent
		signalled "$form $signal, half an answer" $signal \
			"$f --session-id $(new_uuid)" "half one two three four"
	done
done
see "stream 200" "$once" "$stream" "200 Hello there."
see "stream 200, a tool failed" "$once" "$stream --allowedTools Bash" \
	"tool false" "200 Hello there."
see "stream 429" "$once" "$stream" "429 $rate"
see "stream 429, subscription" "$once $subscriber" "$stream" \
	"429 $unified anthropic-ratelimit-unified-representative-claim=five_hour retry-after=7200 $rate"
see "stream 529" "$once" "$stream" "529 Overloaded"
signalled "stream INT, no answer yet" INT \
	"$stream --session-id $(new_uuid)" silent
signalled "stream INT, in a tool" INT \
	"$stream --session-id $(new_uuid) --allowedTools Bash" \
	"tool tail -f /dev/null" "200 Hello there."
signalled "stream TERM, half an answer" TERM \
	"$stream --session-id $(new_uuid)" "half one two three four"
see "bad flag" "" "-p hello --no-such-flag" "200 Nobody."
see "no prompt" "" "-p" "200 Nobody."
see "auth status" "" "auth status" "200 Nobody."
see "auth status, no key" "ANTHROPIC_API_KEY=" "auth status" "200 Nobody."

[ "${1-}" = --slow ] || exit 0
# its own retries, as many as it likes
limit=700
see "slow 401" "" "$json" "401 invalid x-api-key"
see "slow 429" "" "$json" "429 $rate"
see "slow 429, retry-after 3" "" "$json" "429 retry-after=3 $rate"
see "slow 500" "" "$json" "500 Internal server error"
see "slow refused" "$nowhere" "$json" "200 Nobody."
see "slow stall" "$once" "$json" stall "200 Hello there."
see "slow half" "$once" "$json" "half one two three four" "200 Hello there."
