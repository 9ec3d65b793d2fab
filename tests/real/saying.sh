# SPDX-License-Identifier: ISC
# shellcheck shell=bash
# saying.sh: how it went, TAP-like; read by the scripts of this directory. $work
# is theirs.

passed=0 failed=0 skipped=0

ok() { # STATUS SENTENCE
	if [ "$1" -eq 0 ]; then
		passed=$((passed + 1))
		echo "ok $((passed + failed + skipped)) - $2"
	else
		failed=$((failed + 1))
		echo "not ok $((passed + failed + skipped)) - $2"
	fi
}

is() { # SENTENCE HAVE WANT
	if [ "$2" = "$3" ]; then ok 0 "$1"; else
		ok 1 "$1"
		printf '%s\n' "have: $2" "want: $3" | sed 's/^/# /'
	fi
}

holds() { # SENTENCE COMMAND...
	local sentence=$1
	shift
	if "$@" > "$work/said" 2>&1; then ok 0 "$sentence"; else
		ok 1 "$sentence"
		tail -n 20 "$work/said" | sed 's/^/# /'
	fi
}

skip() { # SENTENCE WHY
	skipped=$((skipped + 1))
	echo "ok $((passed + failed + skipped)) - $1 # SKIP $2"
}
