#!/bin/sh
# SPDX-License-Identifier: ISC
# coverage.sh: what of src/ the tests of every day execute. Builds FLAVOUR=cov
# from nothing, runs the unit and end-to-end tests, prints for each file the
# lines executed and the branches taken at least once, and fails where
# branches.py says so. With ONLY= as in check.sh. The last line is
# "N passed, N failed, N skipped": the tests', and a check for each module that
# has to have its branches taken.
set -u
here=$(cd "$(dirname "$0")" && pwd) || exit 2
cd "$here/../.." || exit 2
make=${MAKE:-make}
out=build/cov

rm -rf "$out"
mkdir -p "$out" || exit 2
log=$(mktemp) || exit 2
trap 'rm -f "$log"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# What Makefile's own flags.cov are, and the object that saves counts.
gcc -std=c11 -Wall -Wextra -c -o "$out/dump.obj" tests/lint/dump.c || exit 1
units=$(cd tests/unit && ls ./*_test.c | sed 's,^\./\(.*\)\.c$,'"$out"'/unit/\1,')
# shellcheck disable=SC2086
"$make" --no-print-directory -s -j "$(nproc)" FLAVOUR=cov CC=gcc CFLAGS=-g \
	LDFLAGS="$out/dump.obj -Wl,--wrap=raise" "$out/durexec" $units || exit 1

sh tests/check.sh "$out" >"$log" 2>&1 </dev/null
status=$?
sed '$d' "$log"
closing=$(tail -n 1 "$log")
passed=0 failed=0 skipped=0
case $closing in
*passed*failed*skipped*)
	# shellcheck disable=SC2046
	set -- $(echo "$closing" | tr -cd '0-9 ')
	passed=$1 failed=$2 skipped=$3 ;;
*) echo "$closing" ;;
esac
[ "$status" = 0 ] || [ "$failed" != 0 ] || failed=1

python3 tests/lint/branches.py "$out" >"$log"
status=$?
grep -v '^\(not \)\{0,1\}ok ' "$log"
passed=$((passed + $(grep -c '^ok ' "$log")))
failed=$((failed + $(grep -c '^not ok ' "$log")))
grep '^not ok ' "$log"
[ "$status" = 0 ] || [ "$failed" != 0 ] || failed=1
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
