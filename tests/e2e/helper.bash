# SPDX-License-Identifier: ISC
# What the end-to-end tests share.
#
# Each test has a directory of its own ($T, its working directory) and an
# environment of its own. Steps and tests meet at two FIFOs: a step that runs
# `hold` leaves a mark in the witness file, says "STEP PID" at $AT, and goes on
# when the test says `release`. Nothing depends on how long something takes;
# what can only be looked for is looked for until it is there (`eventually`).
#
#	go STATUS ARG...      durexec ARG..., which must exit with STATUS;
#	                      what it said is in the files out and err
#	start ARG...          the same in the background: its pid is $pid
#	ends STATUS           it must end with STATUS
#	at STEP               wait until STEP holds; its pid is $step_pid
#	release [STATUS|CMD]  let one that holds go on
#	witnessed LINE...     that, and nothing else, has run

bats_require_minimum_version 1.5.0
E2E=$BATS_TEST_DIRNAME
DUREXEC=${DUREXEC:-$E2E/../../build/durexec}
DUREXEC=$(readlink -f "$DUREXEC")
# A test that hangs is ended, and fails.
export BATS_TEST_TIMEOUT=${BATS_TEST_TIMEOUT:-90}
# How long something that must happen may take on a machine at its limits.
PATIENCE=${PATIENCE:-30}

setup() {
	T=$BATS_TEST_TMPDIR/t
	mkdir "$T"
	cd "$T" || return
	WITNESS=$T/witness AT=$T/at GATE=$T/gate
	mkfifo "$AT" "$GATE"
	: >"$WITNESS"
	: >out
	: >err
	# Both ends are held open here: nobody waits in open().
	exec 7<>"$AT" 8<>"$GATE"
	pid='' step_pid=''
	if declare -F prepare >/dev/null; then prepare; fi
}

# Everything that a test started has its directory in the environment.
ours() {
	grep -lzsxF "WITNESS=$WITNESS" /proc/[0-9]*/environ |
		sed 's|/proc/||; s|/environ||'
}

nobody_left() { [ -z "$(ours)" ]; }

teardown() {
	local left
	exec 7>&- 8>&-
	for _ in 1 2 3; do
		left=$(ours)
		[ -n "$left" ] || break
		# shellcheck disable=SC2086
		kill -KILL $left 2>/dev/null || :
	done
	if declare -F restore >/dev/null; then restore; fi
}

fail() {
	{
		echo "$*"
		for f in out err witness; do
			[ ! -s "$f" ] || { echo "--- $f"; head -c 2000 "$f"; }
		done
	} >&2
	return 1
}

# The environment of a run: nothing of the one of the tests, but the paths.
clean=(env -i --default-signal "PATH=$E2E/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"
	LANG=C.UTF-8 TERM=dumb)
# Where a sanitizer says what it found (check.sh).
for name in ASAN_OPTIONS UBSAN_OPTIONS LSAN_OPTIONS; do
	[ -z "${!name:-}" ] || clean+=("$name=${!name}")
done

# Become durexec (or, with EXE, another program) with nothing but 0, 1 and 2.
become() {
	exec 3>&- 4>&- 7>&- 8>&-
	exec "${clean[@]}" "HOME=$T" "WITNESS=$WITNESS" "AT=$AT" "GATE=$GATE" \
		"T=$T" "${EXTRA[@]}" "${EXE:-$DUREXEC}" "$@"
}
EXTRA=()

go() {
	local want=$1 got=0
	shift
	(become "$@") </dev/null >out 2>err || got=$?
	[ "$got" = "$want" ] || fail "durexec $*: exit $got, expected $want"
}

# The shell that waits for it says "Killed" to nobody.
start() {
	rm -f pid.now
	{
		local got=0 inner
		(become "$@") </dev/null >out 2>err &
		inner=$!
		echo $inner >pid.new
		mv pid.new pid.now
		wait $inner || got=$?
		echo $got >"rc.$inner"
	} 2>/dev/null 3>&- 4>&- 7>&- 8>&- &
	eventually 'it has started' test -s pid.now
	pid=$(cat pid.now)
}

# ends STATUS [PID]
ends() {
	local got
	eventually "$pid ends" test -s "rc.${2:-$pid}"
	got=$(cat "rc.${2:-$pid}")
	[ "$got" = "$1" ] || fail "it ended with $got, expected $1"
}

# Gone, or a zombie that nobody has waited for yet.
over() {
	local state
	[ -d "/proc/$1" ] || return 0
	state=$(sed 's/.*) //' "/proc/$1/stat" 2>/dev/null) || return 0
	[ "${state:0:1}" = Z ]
}

# eventually WHAT COMMAND...: until COMMAND succeeds
eventually() {
	local what=$1 until=$((SECONDS + PATIENCE))
	shift
	until "$@"; do
		[ "$SECONDS" -lt "$until" ] || fail "never: $what" || return 1
		sleep 0.02
	done
}

at() {
	local name=
	read -r -t "$PATIENCE" name step_pid <&7 || fail "nobody holds, not $1"
	[ "$name" = "$1" ] || fail "$name holds, expected $1"
}

release() { echo "${1:-0}" >&8; }

# Nobody has said anything at $AT.
nobody_holds() {
	local name
	if read -r -t 0.05 name <&7; then fail "$name holds"; fi
}

kill9() {
	kill -KILL "$1" 2>/dev/null || over "$1" # by itself, just now
	eventually "$1 is gone" over "$1"
}

# The keeper that PID descends from.
keeper_of() {
	local p=$1
	until [ "$p" = 1 ] || [ "$(cat "/proc/$p/comm")" = durexec-keeper ]; do
		p=$(parent "$p")
	done
	[ "$p" != 1 ] && echo "$p"
}

parent() { sed -n 's/^PPid:\t//p' "/proc/$1/status"; }

witnessed() {
	printf '%s\n' "$@" >expected
	[ "$#" -gt 0 ] || : >expected
	diff -u expected "$WITNESS" || fail "the witness saw something else"
}

# The same in any order.
witnessed_all() {
	sort "$WITNESS" >sorted
	printf '%s\n' "$@" | sort >expected
	diff -u expected sorted || fail "the witness saw something else"
}

is() { [ "$1" = "$2" ] || fail "is \"$1\", expected \"$2\""; }

# has FILE TEXT...: each TEXT stands in it; hasnt: none does
has() {
	local f=$1 t
	shift
	for t; do
		grep -qF -e "$t" "$f" || fail "$f lacks: $t" || return 1
	done
}

hasnt() {
	local f=$1 t
	shift
	for t; do
		if grep -qF -e "$t" "$f"; then
			fail "$f has: $t"
			return 1
		fi
	done
}

like() { grep -qE -e "$2" "$1" || fail "$1 is not like: $2"; }
unlike() { if grep -qE -e "$2" "$1"; then fail "$1 is like: $2"; fi; }

# Debian's: what stands first on a PATH may be a script that looks for it
python() { /usr/bin/python3 -B "$@"; }

# look STEP.KEY=VALUE ...: of `status --json`; KEY=VALUE is of the run
# (FILE and its parameters: what is in $ini)
ini=p.ini
look() {
	(become status --json $ini) </dev/null >status.json 2>status.err ||
		fail "durexec status --json failed"
	python "$E2E/contract.py" status.json "$@" >&2 ||
		fail "it is not so"
}

looks() { look "$@" 2>/dev/null >&2; }

run_dir() { readlink -f .durexec/"${1:-p}"/latest; }

# Everything below a directory, with contents, owners and times of change.
tree() {
	find "${1:-.}" ! -name out ! -name err \
		-printf '%p %y %m %s %T@ %l\n' | sort
}

as_root() { [ "$(id -u)" = 0 ] || skip "only root can do that"; }
