# SPDX-License-Identifier: ISC
# shellcheck shell=bash
# shellcheck disable=SC2154
#
# calls.sh, a part of bench.sh: `durexec step` in a script. Two scripts take
# turns on the same machine: one calls /bin/true many times, the other has
# `durexec step` in front of each call, first remembered and then replayed; and
# one call writes 2 GB.

calls=${BENCH_CALLS:-500}
big=${BENCH_BIG:-2000000000}

# The targets: what replaying a call costs more than running /bin/true, and
# what a call of 2 GB may hold in memory.
max_replay_ms=3
max_call_mb=8

# in_run NAME STATUS SCRIPT: as a run of its own name.
in_run() {
	timed "$2" env "PATH=$(dirname "$durexec"):$PATH" "$durexec" exec \
	    --state-dir "$work/state" --name "$1" -- bash "$3"
}

part_calls() {
	local i round bare replay first_us

	note "calls: $calls of them, and one of $big bytes"
	{
		echo "t0=\${EPOCHREALTIME/./}"
		for ((i = 0; i < calls; i++)); do
			echo "/bin/true p$i"
		done
		echo "echo \$((\${EPOCHREALTIME/./} - t0)) >$work/took"
		echo "exit 9"
	} >"$work/bare.sh"
	sed "s|^/bin/true|durexec step |; s|^\(durexec step  p[0-9]*\)\$|\1 -- /bin/true|" \
	    "$work/bare.sh" >"$work/calls.sh"
	: >"$work/samples/bare"
	: >"$work/samples/replay"
	in_run calls 9 "$work/calls.sh"
	first_us=$(cat "$work/took")
	for ((round = 1; round <= rounds; round++)); do
		in_run bare 9 "$work/bare.sh"
		cat "$work/took" >>"$work/samples/bare"
		in_run calls 9 "$work/calls.sh"
		cat "$work/took" >>"$work/samples/replay"
	done
	[ "$(find "$work/state/calls" -name '*.1' | wc -l)" -eq "$calls" ] ||
		die "not every call is remembered"
	bare=$(calc %.2f "$(median "$work/samples/bare") / $calls / 1000")
	replay=$(calc %.2f "$(median "$work/samples/replay") / $calls / 1000")

	cat >"$work/big.sh" <<-END
		durexec step big -- head -c $big /dev/zero >/dev/null &
		while [ -d /proc/\$! ]; do
			grep VmHWM /proc/\$!/status 2>/dev/null
			sleep 0.05
		done | sort -k 2n | tail -n 1 | tr -dc 0-9 >$work/took
		exit 9
	END
	in_run big 9 "$work/big.sh"
	[ "$(find "$work/state/big" -name '*.1.out' -size "${big}c" |
		wc -l)" -eq 1 ] || die "the large output is not there"
	echo "## Calls of a script (durexec step)"
	echo
	echo "$calls calls, milliseconds each, median of $rounds rounds:" \
	    "/bin/true alone $bare;" \
	    "with durexec step: replayed $replay," \
	    "the first time $(calc %.2f "$first_us / $calls / 1000")."
	echo
	verdict "replaying a call, beside running /bin/true" \
	    "$(calc %.2f "$replay - $bare")" "$max_replay_ms" " ms"
	verdict "memory of a call that writes $((big / 1000000)) MB" \
	    "$(calc %.1f "$(cat "$work/took") / 1000")" "$max_call_mb" " MB"
	echo
}
