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
