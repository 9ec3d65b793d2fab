#!/bin/bash
# SPDX-License-Identifier: ISC
# valgrind.sh BUILD_DIR: the unit tests, and a whole pipeline with its keepers,
# a resume, status, logs, exec and step, under valgrind. A failure is: an error
# of memcheck's, memory lost, a descriptor that is open when supervisor, keeper
# or test ends and was not inherited, or another exit status than expected.
# Steps themselves are not looked at. valgrind.txt holds the unit tests left
# out; self.c says what has to be preloaded, and why. The last line is
# "N passed, N failed, N skipped". With ONLY=WORD what has it in its name.
set -u
here=$(cd "$(dirname "$0")" && pwd) || exit 2
build=$(cd "$1" && pwd) || exit 2
only=${ONLY:-}
passed=0 failed=0
SECONDS=0
unset BASH_ENV ENV DUREXEC_STATE_DIR

# What can still be reached at the end is no loss. No suppressions: what libev
# and libinih do counts.
# shellcheck disable=SC2054
options=(-q --track-fds=yes --leak-check=full --error-exitcode=97
	--errors-for-leak-kinds=definite,indirect,possible
	--show-leak-kinds=definite,indirect,possible)

if [ "${2:-}" = --unit ]; then
	# A test's own children that are forked end in ways of their own: only
	# the log of this process counts.
	echo $$ >"$T/$3.pid"
	exec timeout --foreground -k 5 "${PATIENCE:-300}" bash -c '
		echo $$ >"$T/$0.pid"
		exec valgrind "$@"' "$3" \
		"${options[@]}" --log-file="$T/log/$3.%p" "$build/unit/$3" \
		>"$T/$3.out" 2>&1
fi

T=$(mktemp -d) || exit 2
export T
mkdir "$T/log" "$T/run"
server=
finish() {
	[ -z "$server" ] || { exec 9>&-; wait "$server"; }
	rm -rf "$T"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# said FILE...: what valgrind has found, without what it says of itself, and
# without descriptors that came from a parent.
said() {
	cat "$@" 2>/dev/null | awk '
		function flush_it() {
			if (held != "" && held !~ /inherited from parent/)
				printf "%s", held
			held = ""
		}
		/^--[0-9]+-- (WARNING: unhandled amd64-linux syscall|You may|Read the|Nevertheless|it at)/ { next }
		/FILE DESCRIPTORS/ { flush_it(); next }
		/^==[0-9]+== *$/ { flush_it(); next }
		/== Open / { flush_it() }
		{ held = held $0 "\n" }
		END { flush_it() }'
}

# verdict NAME STATUS EXPECTED OUTPUT LOG...
verdict() {
	local found
	found=$(said "${@:5}")
	if [ "$2" = "$3" ] && [ -z "$found" ]; then
		passed=$((passed + 1))
		return
	fi
	failed=$((failed + 1))
	echo "$1 FAILED: exit status $2, expected $3"
	[ "$2" = "$3" ] || tail -n 40 "$4"
	echo "$found"
}

# ---- the unit tests
list=()
for test in "$here"/../unit/*_test.c; do
	name=$(basename "$test" .c)
	[[ $name == *"$only"* ]] || continue
	if grep -q "^$name: " "$here/valgrind.txt"; then
		echo "  left out: $(grep "^$name: " "$here/valgrind.txt")"
		continue
	fi
	list+=("$name")
done
for name in "${list[@]}"; do
	echo "$name"
done | xargs -r -P "$(nproc)" -I{} sh -c \
	'bash "$1" "$2" --unit {}; echo $? >"$T/{}.status"' \
	sh "$here/valgrind.sh" "$build"
for name in "${list[@]}"; do
	verdict "$name" "$(cat "$T/$name.status")" 0 "$T/$name.out" \
		"$T/log/$name.$(cat "$T/$name.pid")"
done
echo "  unit tests: $passed passed, $failed failed, $SECONDS s"

# ---- a run
[[ run == *"$only"* ]] || {
	echo "$passed passed, $failed failed, 0 skipped"
	exit $((failed != 0))
}
cd "$T/run" || exit 2
cp "$build/durexec" durexec
gcc -std=c11 -D_GNU_SOURCE -Wall -Wextra -shared -fPIC -o self.so \
	"$here/self.c" -ldl || exit 2
mkfifo life
python3 "$here/pidfd.py" "$T/pidfd" <life &
server=$!
exec 9>life
for _ in {1..600}; do
	[ ! -S "$T/pidfd" ] || break
	sleep 0.05
done

# run NAME EXPECTED ARG...: durexec ARG..., and whatever of durexec it starts,
# but none of the programs in /bin.
run() {
	mkdir -p "$T/log/$1"
	SELF_PIDFD=$T/pidfd LD_PRELOAD=$PWD/self.so XDG_STATE_HOME=$T/home \
		timeout -k 5 120 valgrind "${options[@]}" --trace-children=yes \
		'--trace-children-skip=/bin/*,/usr/bin/*' \
		--log-file="$T/log/$1/%p" ./durexec "${@:3}" \
		>"$T/$1.out" 2>&1 </dev/null
	verdict "$1" $? "$2" "$T/$1.out" "$T/log/$1"/*
}

cat >p.ini <<'INI'
[pipeline]
jobs = 3
[params]
who = world
[pool one]
slots = 1
[step plain]
run = echo "hello $who"
[step fails]
run = [ -e go ]
retries = 1
retry_delay = 50ms
[step many]
needs = plain
foreach = a b c
run = echo $ITEM | tee $ITEM.out
outputs = ${ITEM}.out
verify.full = test -s $ITEM.out
pool = one
[step pattern]
needs = many
run = echo "sent 42"; printf 'X=1\n' >"$DUREXEC_OUTPUT"
receipt = ^sent ([0-9]+)
inputs = p.ini
[step slow]
needs = plain
run = sleep 60
timeout = 200ms
allow_failure = yes
stop_grace = 1s
INI
run dry-run 0 --dry-run p.ini
run run 1 p.ini
run status 0 status p.ini
run status-json 0 status --json --all p.ini
run logs 0 logs p.ini
touch go
run resume 0 --resume p.ini
run finished 0 p.ini
run rewind 0 rewind plain p.ini
run again 0 --json p.ini
run history 0 history p.ini
run preset 0 preset
printf '[step a]\nrunn = x\n' >bad.ini
run complaints 2 bad.ini
run exec 3 exec -- sh -c 'exit 3'
cat >script.sh <<'SH'
"$HERE" step one -- echo 1
"$HERE" step two -- sh -c 'exit 5' || [ $? = 5 ]
"$HERE" step one -- echo 1
SH
HERE=$PWD/durexec run exec-steps 0 exec -- sh script.sh
echo "  $SECONDS s"
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
