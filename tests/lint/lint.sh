#!/bin/sh
# SPDX-License-Identifier: ISC
# lint.sh [TOOL...]: what compilers and analyzers say about the sources, where
# nothing is run. Without TOOL all of them:
#   gcc, clang  all of src/ and of the C under tests/, warnings are errors
#   analyzer    gcc -fanalyzer over src/
#   tidy        clang-tidy over src/, with the profile in .clang-tidy
#   cppcheck    src/; cppcheck.txt beside this holds what it is wrong about
#   shell       shellcheck over the scripts of tests/ conf/ contrib/ and .ci/
# A check is one tool over one file. Printed is what was found; the last line
# is "N passed, N failed, N skipped". A tool that is missing is a failure.
set -u
here=$(cd "$(dirname "$0")" && pwd) || exit 2
cd "$here/../.." || exit 2

# The warnings of the Makefile; then what only one compiler knows, or only a
# reader minds.
own=$(sed -n '/^OWN_CFLAGS = /,/[^\\]$/p' Makefile | grep -o -- '-W[a-z-]*')
own="$own -Wvla -Wundef -Werror"
gcc_own="-Walloca -Wlogical-op -Wduplicated-cond -Wduplicated-branches \
	-Wjump-misses-init -Wold-style-definition -Wimplicit-fallthrough"
clang_own="-Wshorten-64-to-32 -Wunreachable-code -Wassign-enum \
	-Wimplicit-fallthrough -Wunused-but-set-variable"
# Not -Isrc: the tests' <spawn.h> is the system's.
define="-std=c11 -D_GNU_SOURCE -iquote src"
# The analyzer of clang looks at so many states of a function (225000 if not
# told): a third finds the same here, in a third of the time.
states="-Xclang -analyzer-config -Xclang max-nodes=75000"
# Scripts are looked at on their own (SC1091); functions that a trap or a table
# calls are not unreachable (SC2317), what another script sets is set (SC2154),
# or reads is read (SC2034); quotes keep a $ for somebody else (SC2016); no
# file of this tree has a name that * or ls would trip over (SC2010, SC2011,
# SC2012, SC2035).
shell_not=SC1091,SC2010,SC2011,SC2012,SC2016,SC2034,SC2035,SC2154,SC2317

# analyzer_not FILE: what gcc 12 gets wrong there.
analyzer_not() {
	case $1 in
	# an arena's blocks, which the arena's head reaches
	src/mem.c) echo -Wno-analyzer-malloc-leak ;;
	# reads of an initialized struct that a function's result replaced
	src/start.c) echo -Wno-analyzer-use-of-uninitialized-value ;;
	# a list of more than no names, which is no NULL
	src/rundir.c) echo -Wno-analyzer-null-argument ;;
	esac
}

# one TOOL FILE
one() {
	# shellcheck disable=SC2046,SC2086
	case $1 in
	gcc) gcc $define -DVERSION='"0"' $headers $own $gcc_own -O2 -c \
		-o /dev/null "$2" ;;
	clang) clang $define -DVERSION='"0"' $headers $own $clang_own -O1 -c \
		-o /dev/null "$2" ;;
	analyzer) gcc $define -DVERSION='"0"' $headers -Werror -fanalyzer \
		$(analyzer_not "$2") -O1 -c -o /dev/null "$2" ;;
	tidy) clang-tidy --quiet "$2" -- $define -DVERSION='"0"' $headers \
		$states ;;
	cppcheck) cppcheck -q --std=c11 --library=posix,gnu -D_GNU_SOURCE \
		-DVERSION='"0"' -Isrc --error-exitcode=1 --inline-suppr \
		--enable=warning,performance,portability,information \
		--suppress=missingIncludeSystem --template=gcc \
		--suppressions-list="$here/cppcheck.txt" "$2" ;;
	shell) shellcheck -x -e "$shell_not" -f gcc "$2" ;;
	esac
}

if [ "${1:-}" = --one ]; then
	# what was found goes where its failure is counted
	said=$LINT_WORK/$2.$(echo "$3" | tr / %)
	if one "$2" "$3" >"$said" 2>&1; then
		echo "$2" >>"$LINT_WORK/passed"
		rm "$said"
	fi
	exit 0
fi

files() {
	case $1 in
	gcc | clang) find src tests -name '*.c' | sort ;;
	analyzer) ls src/*.c ;;
	# the long ones first, or one is left to run alone at the end
	tidy) ls -S src/*.c ;;
	cppcheck) echo src ;;
	shell) find .ci tests conf contrib -type f ! -name '*.bats' -exec \
		grep -lE '^#! ?/(usr/bin/env |bin/)(ba|da)?sh' {} + |
		grep -v '\.md$' | sort ;;
	*) echo "lint.sh: no tool $1" >&2; exit 2 ;;
	esac
}

LINT_WORK=$(mktemp -d) || exit 2
export LINT_WORK
trap 'rm -rf "$LINT_WORK"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
headers=$(pkg-config --cflags inih cmocka fuse3 2>/dev/null)
export headers
began=$(date +%s)
passed=0 failed=0
: >"$LINT_WORK/passed"

[ $# != 0 ] || set -- tidy cppcheck analyzer gcc clang shell
for tool; do
	list=$(files "$tool") || exit 2
	for file in $list; do
		echo "$tool $file"
	done
done >"$LINT_WORK/list"
xargs -P "$(nproc)" -n 2 sh "$here/lint.sh" --one <"$LINT_WORK/list"

for tool; do
	all=$(grep -c "^$tool " "$LINT_WORK/list")
	good=$(grep -cx "$tool" "$LINT_WORK/passed")
	# one of which nothing was heard has failed as well
	bad=$((all - good))
	printf '  %-24s %s\n' "$tool" \
		"$good passed$([ "$bad" = 0 ] || echo ", $bad FAILED")"
	[ "$bad" = 0 ] || cat "$LINT_WORK/$tool".*
	passed=$((passed + good)) failed=$((failed + bad))
done
echo "  $(($(date +%s) - began)) s"
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
