# SPDX-License-Identifier: ISC
# shellcheck shell=sh disable=SC2154
# The end of a check, for sh: what $passed, $failed and $skipped have counted.
# Where CI is "true" a skip is a failure.

closing() {
	if [ "${CI:-}" = true ] && [ "$skipped" != 0 ]; then
		echo "$skipped skipped: in CI that is a failure"
		failed=$((failed + skipped))
		skipped=0
	fi
	echo "$passed passed, $failed failed, $skipped skipped"
	[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
}
