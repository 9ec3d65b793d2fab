#!/bin/sh
# SPDX-License-Identifier: ISC
# check.sh BUILD_DIR: all tests of every day. The programs under test are those
# of BUILD_DIR. Failures are printed in full; the last line is
# "N passed, N failed, N skipped". Where CI is "true" a skip is a failure.
# With ONLY="journal 2-" only what has one of these words in its file's name.
set -u
here=$(cd "$(dirname "$0")" && pwd) || exit 2
build=$(cd "$1" && pwd) || exit 2
# shellcheck source=/dev/null
. "$here/closing.sh"
only=${ONLY:-}
began=$(date +%s)
passed=0 failed=0 skipped=0

work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
trap 'kill $(jobs -p) 2>/dev/null; exit 130' INT
trap 'kill $(jobs -p) 2>/dev/null; exit 143' TERM

# What a sanitizer says in a process that has no terminal, or whose stderr is a
# step's log, must not be lost: it goes into files, and a file is a failure.
# (No strict_string_checks: it makes each strchr() read a large file's rest.)
options="log_path=$work/sanitizer:print_stacktrace=1:exitcode=99:log_exe_name=1"
export ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}$options:\
detect_stack_use_after_return=1:check_initialization_order=1:\
detect_leaks=1:handle_abort=1"
export UBSAN_OPTIONS="${UBSAN_OPTIONS:+$UBSAN_OPTIONS:}$options:halt_on_error=1"
export LSAN_OPTIONS="${LSAN_OPTIONS:+$LSAN_OPTIONS:}$options"
export DUREXEC="$build/durexec"
unset BASH_ENV ENV DUREXEC_STATE_DIR

wanted() {
	[ -z "$only" ] && return 0
	for word in $only; do
		case $1 in *"$word"*) return 0 ;; esac
	done
	return 1
}

# sanitizer_said NAME: what the programs of NAME left there. A process that is
# killed while it looks for leaks leaves an empty file, or that it could not see
# its own registers: that is no report.
sanitizer_said() {
	for file in "$work"/sanitizer.*; do
		[ -e "$file" ] || continue
		if ! grep -qv 'Unable to get registers from thread' "$file"; then
			rm -f "$file"
			continue
		fi
		echo "$1: a sanitizer said (${file##*/}):"
		cat "$file"
		rm -f "$file"
		failed=$((failed + 1))
	done
}

# report PASSED FAILED SKIPPED NAME
report() {
	passed=$((passed + $1))
	failed=$((failed + $2))
	skipped=$((skipped + $3))
	note=
	[ "$2" = 0 ] || note=", $2 FAILED"
	[ "$3" = 0 ] || note="$note, $3 skipped"
	printf '  %-24s %s\n' "$4" "$1 passed$note"
}

layers() {
	if sh "$here/layers.sh" >"$work/out" 2>&1; then
		report 1 0 0 layers
	else
		report 0 1 0 layers
		cat "$work/out"
	fi
}

# count PATTERN
count() {
	grep -c "$1" "$work/out"
}

# units NAME...: all of them run, two at a time
units() {
	# shellcheck disable=SC2016
	printf '%s\n' "$@" | BUILD=$build WORK=$work xargs -P 2 -I{} sh -c '
		timeout -k 5 60 "$BUILD/unit/{}" >"$WORK/{}.out" 2>&1
		echo $? >"$WORK/{}.status"'
	for name; do
		unit "$name"
	done
	sanitizer_said unit
}

unit() {
	name=$1
	mv "$work/$name.out" "$work/out"
	status=$(cat "$work/$name.status")
	ok=$(count '^\[       OK \]')
	bad=$(count '^\[  \(FAILED \|ERROR\)  *\] [a-z_0-9]*$')
	# once where it happens and once in the list at the end
	bad=$(((bad + 1) / 2))
	skip=$(count '^\[  SKIPPED \] [a-z_0-9]*$')
	skip=$(((skip + 1) / 2))
	# a crash is a failure although nobody counted it, as is an empty run
	if [ "$status" != 0 ] && [ "$bad" = 0 ] || [ $((ok + bad + skip)) = 0 ]
	then
		bad=$((bad + 1))
	fi
	report "$ok" "$bad" "$skip" "$name"
	if [ "$bad" != 0 ]; then
		[ "$status" != 124 ] || echo "$name: not over after 60 s"
		[ "$status" -lt 128 ] ||
			echo "$name: killed by signal $((status - 128))"
		grep -v '^\[\( RUN  \|       OK\)' "$work/out"
	elif [ "$skip" != 0 ]; then
		grep -v '^\[' "$work/out"
	fi
}

# again FILE...: those that failed, by their names.
again() {
	names=$(sed -n 's/^not ok [0-9]* //p' "$work/first" |
		sed 's/[][().^$*+?{}|\\]/\\&/g' | paste -s -d '|')
	BATS_TEST_TIMEOUT=${BATS_TEST_TIMEOUT:-60} \
		bats --tap --print-output-on-failure --filter "^($names)\$" "$@" \
		>"$work/again" 2>&1 </dev/null
	mended=$(grep -c '^ok [0-9]' "$work/again")
	[ "$mended" -gt 0 ] || return 0
	bad=$((bad - mended))
	ok=$((ok + mended))
	echo "  passed when run once more, alone:"
	sed -n 's/^ok [0-9]* /    /p' "$work/again"
	cp "$work/again" "$work/out"
}

# Test files in parallel where GNU parallel is; the tests of one file one after
# another, as they may share what setup_file made.
e2e() {
	[ $# -gt 0 ] || return 0
	if ! command -v bats >/dev/null 2>&1; then
		echo "bats is missing: nothing was tested end to end"
		report 0 1 0 e2e
		return
	fi
	# What a disk keeps is asked by the harnesses; here it would only be slow.
	free=$(df -Pk /dev/shm 2>/dev/null | awk 'NR == 2 { print $4 }')
	if [ "${free:-0}" -gt 2000000 ] && [ -w /dev/shm ]; then
		export TMPDIR=/dev/shm
	fi
	jobs=
	if parallel --version 2>/dev/null </dev/null | grep -q '^GNU'; then
		jobs="--jobs 5 --no-parallelize-within-files"
	fi
	# shellcheck disable=SC2086
	BATS_TEST_TIMEOUT=${BATS_TEST_TIMEOUT:-60} \
		bats --tap --print-output-on-failure $jobs "$@" \
		>"$work/out" 2>&1 </dev/null
	status=$?
	all=$(sed -n 's/^1\.\.\([0-9][0-9]*\)$/\1/p' "$work/out" | head -n 1)
	skip=$(count '^ok [0-9]* .*# skip')
	ok=$(($(count '^ok [0-9]') - skip))
	bad=$(count '^not ok [0-9]')
	# tests that were announced and never came to an end
	lost=$((${all:-0} - ok - bad - skip))
	[ "$lost" -le 0 ] || bad=$((bad + lost))
	if [ "$status" != 0 ] && [ "$bad" = 0 ]; then
		bad=1
	fi
	# Five files run at a time, on a machine that may be busy with more: what
	# has failed is run once more, alone, and that is said.
	if [ "$bad" != 0 ] && [ "$lost" -le 0 ]; then
		cp "$work/out" "$work/first"
		again "$@"
	fi
	report "$ok" "$bad" "$skip" e2e
	if [ "$bad" != 0 ]; then
		awk '/^ok / { show = 0; next }
			/^1\.\.[0-9]+$/ { next }
			/^not ok / || !/^#/ { show = 1 }
			show' "$work/out"
	fi
	[ "$skip" = 0 ] || grep '^ok [0-9]* .*# skip' "$work/out"
	sanitizer_said e2e
}

# A sample of the harnesses, and all planted bugs, beside the unit tests; not
# under sanitizers, whose own calls are points too.
crash() {
	[ -e "$work/torture" ] || return 0
	cp "$work/torture" "$work/out"
	# shellcheck disable=SC2046
	set -- $(tail -n 1 "$work/out" | tr -cd '0-9 ')
	report "${1:-0}" "${2:-1}" "${3:-0}" crash
	if [ "${2:-1}" != 0 ] || [ "${3:-0}" != 0 ]; then
		cat "$work/out"
	else
		grep -E '^  [a-z]' "$work/out" | sed 's/^/  /'
	fi
}

docs() {
	sh "$here/docs/keys.sh" >"$work/out" 2>&1
	report "$(($(count '^ok') - $(count '^ok .*# SKIP')))" \
		"$(count '^not ok')" "$(count '^ok .*# SKIP')" docs
	grep '^not ok' "$work/out"
}

wanted layers && layers
wanted docs && docs
set --
for source in "$here"/unit/*_test.c; do
	name=$(basename "$source" .c)
	! wanted "$name" || set -- "$@" "$name"
done
if wanted crash; then
	case $build in
	*/asan | */ubsan | */cov) ;;
	*) sh "$here/crash/torture.sh" "$build" sample >"$work/torture" 2>&1 & ;;
	esac
fi
[ $# = 0 ] || units "$@"
wait
wanted crash && crash
# the longest begin first; those that are for make check-long have to be named
set --
for file in "$here"/e2e/*.bats; do
	case ${file##*/}:$only in x-*:) continue ;; esac
	if [ -e "$file" ] && wanted "$(basename "$file")"; then
		set -- "$file" "$@"
	fi
done
e2e "$@"

echo "  $(($(date +%s) - began)) s"
closing
