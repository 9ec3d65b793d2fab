#!/bin/sh
# SPDX-License-Identifier: ISC
# torture.sh BUILD_DIR [sample]: the harnesses of tests/README.md, one after
# another; what each found, and how long it took. With "sample" a part of the
# points, for every day. ONLY="kill alice" runs these alone. The last line is
# "N passed, N failed, N skipped"; where CI is "true" a skip is a failure.
set -u
here=$(cd "$(dirname "$0")" && pwd) || exit 2
build=$(cd "$1" && pwd) || exit 2
# shellcheck source=/dev/null
. "$here/../closing.sh"
sample=${2:-}
durexec=$build/durexec
passed=0 failed=0 skipped=0
log=$(mktemp) || exit 2
trap 'rm -f "$log"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# harness NAME COMMAND...: its closing line counts
harness() {
	name=$1
	shift
	case " ${ONLY:-$name} " in *" $name "*) ;; *) return 0 ;; esac
	began=$(date +%s)
	# the longest takes five minutes: one that hangs fails by its name
	timeout -k 10 1200 "$@" >"$log" 2>&1 </dev/null
	status=$?
	[ "$status" != 124 ] || echo "not over after 1200 s" >>"$log"
	line=$(grep -Ex '[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped' "$log" |
		tail -n 1)
	# shellcheck disable=SC2046
	set -- $(echo "${line:-0 passed, 1 failed, 0 skipped}" | tr -cd '0-9 ')
	[ "$status" = 0 ] || [ "$2" != 0 ] || set -- "$1" 1 "$3"
	passed=$((passed + $1)) failed=$((failed + $2))
	skipped=$((skipped + $3))
	printf '  %-10s %s passed, %s failed, %s skipped, %s s\n' "$name" \
		"$1" "$2" "$3" "$(($(date +%s) - began))"
	if [ "$2" != 0 ] || [ "$3" != 0 ]; then
		cat "$log"
	else
		grep -E '^(found|[a-z]+: )' "$log" | sed 's/^/    /'
	fi
}

sweep() {
	which=$1
	shift
	harness "$which" python3 "$here/sweep.py" "$which" "$durexec" "$@"
}

if [ "$sample" = sample ]; then
	sweep kill --points 50 --jobs 4
	sweep freeze --points 16 --jobs 4
	sweep calls --points 60 --jobs 4
	sweep power --points 6
	harness alice python3 "$here/alice.py" "$durexec" --states 60
	harness planted python3 "$here/planted.py" "$build"
else
	sweep kill --points "${KILL_POINTS:-2400}" --jobs 4
	sweep freeze --points "${FREEZE_POINTS:-600}" --jobs 6
	sweep calls --points "${CALL_POINTS:-2000}" --jobs 4
	sweep power --points "${POWER_POINTS:-550}" --jobs 3
	harness blocks python3 "$here/blocks.py" "$durexec" \
		--images "${BLOCK_IMAGES:-1050}"
	harness alice python3 "$here/alice.py" "$durexec" \
		--states "${ALICE_STATES:-6500}"
	harness alloc python3 "$here/alloc.py" "$durexec"
	sweep soak --points "${SOAK_KILLS:-50000}" --jobs 4
	harness fuzz sh "$here/../fuzz/fuzz.sh" "${FUZZ_SECONDS:-30}"
	harness ctrl-c env DUREXEC="$durexec" python3 "$here/ctrl-c.py" 100
	harness planted python3 "$here/planted.py" "$build"
fi

closing
