# SPDX-License-Identifier: ISC
#
# Sourced by check-claude.sh and observe.sh: the real `claude` command in a
# place where it can reach nothing but server.py: namespaces with no network but
# loopback and no processes but ours, an empty environment, a HOME and a TMPDIR
# of its own, a key that nobody ever issued.
#
# here   tests/claude        build  where npm puts the program
# work   a directory that goes away with the script
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # used, and set, by those who source this
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
build=${CLAUDE_BUILD:-$root/build/claude}
package=@anthropic-ai/claude-code

say_why_not() { # SENTENCE: it cannot be checked here
	echo "ok claude # SKIP $1"
	echo "0 passed, 0 failed, 1 skipped"
	exit 1
}

# The package, once; --ignore-scripts: nothing of it runs before we are alone.
install_claude() {
	mkdir -p "$build" || exit 2
	cmp -s "$here/package-lock.json" "$build/done" && return
	rm -f "$build/done"
	cp "$here/package.json" "$here/package-lock.json" "$build"
	if ! (cd "$build" && timeout 300 npm ci --ignore-scripts --no-audit \
		--no-fund) > "$build/npm.log" 2>&1; then
		cat "$build/npm.log" >&2
		say_why_not "npm cannot get $package"
	fi
	cp "$here/package-lock.json" "$build/done"
}

no_way_out() { # is there no route to anywhere?
	[ "$(awk 'NR > 1' /proc/net/route | wc -l)" = 0 ] &&
		[ -z "$(awk '$10 != "lo"' /proc/net/ipv6_route 2> /dev/null)" ]
}

# Runs the script again where there is no network, and no process but its own:
# what is killed there is ours, and nothing outlives it.
go_alone() { # SCRIPT [ARG...]
	local how=(unshare --net --pid --fork --mount-proc --kill-child)
	[ "$(id -u)" = 0 ] || how+=(--map-root-user)
	"${how[@]}" true 2> /dev/null ||
		say_why_not "no namespace may be made here (unshare)"
	exec "${how[@]}" bash "$@"
}

# --- the server ---------------------------------------------------------------

start_server() {
	ip link set lo up
	no_way_out || { echo "there is a way out of here" >&2; exit 2; }
	mkdir -p "$work/api" "$work/bin" "$work/home" "$work/tmp" "$work/dir"
	python3 "$here/server.py" "$work/api" > "$work/api/said" 2>&1 &
	server=$!
	local tries=100
	until [ -s "$work/api/port" ]; do
		tries=$((tries - 1))
		[ $tries -gt 0 ] || { cat "$work/api/said" >&2; exit 2; }
		sleep 0.1
	done
	port=$(cat "$work/api/port")
	local program
	for program in "$build/node_modules/$package"-*/claude; do
		run_alone 20 "$program" --version > "$work/version" 2>&1 &&
			ln -sf "$program" "$work/bin/claude"
	done
	version=$(sed -n 's/^\([0-9.]*\) .*/\1/p' "$work/version")
	[ -n "$version" ] || { cat "$work/version" >&2; exit 2; }
}

# env -i: what the program sees is said here, all of it
environment() {
	printf '%s\n' \
		HOME="$work/home" CLAUDE_CONFIG_DIR="$work/home/.claude" \
		TMPDIR="$work/tmp" PATH="$work/bin:/usr/bin:/bin" TZ=UTC \
		ANTHROPIC_BASE_URL="http://127.0.0.1:$port" \
		ANTHROPIC_API_KEY=sk-ant-test-made-up \
		CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC=1 DISABLE_TELEMETRY=1 \
		DISABLE_ERROR_REPORTING=1 DISABLE_AUTOUPDATER=1
}

# SECONDS [NAME=VALUE...] COMMAND...: in dir, without stdin, instead of the
# shell that calls it
exec_alone() {
	local seconds=$1 all
	shift
	mapfile -t all < <(environment)
	cd "$work/dir" && exec timeout -k 10 "$seconds" \
		env -i --default-signal "${all[@]}" "$@" < /dev/null
}

run_alone() { (exec_alone "$@"); }

# What the server answers from now on; its log begins anew.
plan() { # LINE...
	(
		flock 9
		printf '%s\n' "$@" > "$work/api/plan"
		: > "$work/api/log"
	) 9> "$work/api/lock"
}

requests() { # [ANSWER]: how many there were (that were answered so)
	python3 - "$work/api/log" "${1-}" <<-'EOF'
		import json, sys
		asked = [json.loads(line) for line in open(sys.argv[1])]
		print(sum(1 for r in asked
		          if (r.get("plan") or "").startswith(sys.argv[2])))
	EOF
}

heard() { # N FIELD: of the Nth request (-1: the last one); a list with " | "
	python3 - "$work/api/log" "$1" "$2" <<-'EOF'
		import json, sys
		asked = [json.loads(line) for line in open(sys.argv[1])]
		try:
		    said = asked[int(sys.argv[2])].get(sys.argv[3])
		except IndexError:
		    said = "no such request"
		print(" | ".join(said) if isinstance(said, list) else said)
	EOF
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

# The pids of processes that have our HOME.
ours() { # [NAME [WORDS]]: of this name, with WORDS in the command line
	python3 - "$work/home" "${1-}" "${2-}" <<-'EOF'
		import os, sys
		home, name, words = sys.argv[1:]
		for pid in filter(str.isdigit, os.listdir("/proc")):
		    try:
		        with open(f"/proc/{pid}/environ", "rb") as f:
		            if f"HOME={home}".encode() not in f.read().split(b"\0"):
		                continue
		        with open(f"/proc/{pid}/comm") as f:
		            if name not in ("", f.read().strip()):
		                continue
		        with open(f"/proc/{pid}/cmdline", "rb") as f:
		            said = f.read().replace(b"\0", b" ").decode()
		    except OSError:
		        continue
		    if said and words in said:
		        print(pid)
	EOF
}

kill_ours() { # SIGNAL [NAME [WORDS]]
	local pids
	mapfile -t pids < <(ours "${@:2}")
	[ ${#pids[@]} = 0 ] || kill -s "$1" "${pids[@]}" 2> /dev/null
}

new_uuid() { cat /proc/sys/kernel/random/uuid; }
