#!/bin/bash
# SPDX-License-Identifier: ISC
#
# bench.sh DUREXEC BUILD_DIR
#
# What durexec costs, beside other tools, as Markdown on stdout. Every number
# printed was measured by this very run; progress goes to stderr.
#
#   cost    /bin/true many times, independent and as a chain, in interleaved
#           rounds with the bare loop (floor.c), make, ninja, GNU parallel
#           and xargs: the median microseconds a step, and the ratio to the
#           bare loop
#   start   the start of an unfinished run of which all steps but the last are
#           done (by fill.c), up to the end of that step, beside make's no-op
#   wait    memory with 100 steps, and wake-ups while one of them sleeps
#   scale   fan-outs of up to a million items: see scale.sh
#   calls   durexec step in a script: see calls.sh
#   size    the stripped binary
#
# Environment:
#   BENCH_PARTS   which of these ("cost start wait scale calls size")
#   BENCH_ROUNDS  rounds of each measurement (5)
#   BENCH_STEPS   steps of a run in `cost` (2000)
#   BENCH_START   numbers of done steps in `start` ("10000 100000")
#   BENCH_WATCH   seconds that `wait` watches (5)
#   BENCH_SCALE   full, or small: `scale` with a hundredth of the items
#   BENCH_DIR     where to work (BUILD_DIR/bench); the state files are there,
#                 so it has to be on a real disk
#   BENCH_STRICT  1: exit status 1 when a target is missed
#
# A target that is missed is said but is no error: disks differ. A tool that
# fails, or that did not run every step, is one.

set -uo pipefail
export LC_ALL=C
unset DUREXEC_STATE_DIR MAKEFLAGS MAKELEVEL MFLAGS NINJA_STATUS PARALLEL

here=$(cd "$(dirname "$0")" && pwd)
parts=${BENCH_PARTS:-cost start wait scale calls size}
rounds=${BENCH_ROUNDS:-5}
steps=${BENCH_STEPS:-2000}
starts=${BENCH_START:-10000 100000}
watch=${BENCH_WATCH:-5}

# The targets.
max_ratio=2.0
max_start_s=0.5
max_start_mb=60
max_size_kb=400
max_rss_mb=6
max_wakeups=0

missed=0
supervisor=
work=

die() {
	echo "bench: $*" >&2
	exit 1
}

note() {
	echo "bench: $*" >&2
}

cleanup() {
	[ -z "$supervisor" ] || kill -TERM "$supervisor" 2>/dev/null
	[ -z "$work" ] || rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

enter() {
	mkdir -p "$1" || die "cannot make $1"
	cd "$1" || die "cannot work in $1"
}

calc() {
	awk "BEGIN { printf \"$1\", ${2//$'\n'/} }"
}

# verdict SENTENCE VALUE LIMIT UNIT
verdict() {
	if awk "BEGIN { exit !($2 <= $3) }"; then
		echo "- $1: $2$4, target ≤ $3$4: **reached**"
	else
		echo "- $1: $2$4, target ≤ $3$4: **missed**"
		missed=1
	fi
}

has() {
	case $1 in
	parallel) [[ $(parallel --version 2>/dev/null) == GNU* ]] ;;
	*) type -P "$1" >/dev/null ;;
	esac
}

# One number a line.
median() {
	sort -n "$1" | awk '{ v[NR] = $1 } END {
		print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2
	}'
}

largest() {
	sort -n "$1" | tail -n 1
}

range() {
	sort -n "$1" | awk 'NR == 1 { lo = $1 } { hi = $1 }
		END { printf "%.0f–%.0f", lo, hi }'
}

# spread FILE: in per cent, how much more the worst took than the best.
spread() {
	sort -n "$1" | awk 'NR == 1 { lo = $1 } { hi = $1 }
		END { printf "%.0f", 100 * (hi / lo - 1) }'
}

# timed STATUS COMMAND...: sets wall_us, cpu_us and rss_kb; the command has to
# end with STATUS. Dirty pages are written first: nobody pays for the files of
# another.
timed() {
	local expected=$1 got user_us system_us

	shift
	sync
	"$work/cost" "$@" 3>"$work/report" >"$work/log" 2>&1 </dev/null
	got=$?
	if [ "$got" -ne "$expected" ]; then
		tail -n 20 "$work/log" >&2
		die "exit status $got instead of $expected: $*"
	fi
	read -r wall_us rss_kb user_us system_us <"$work/report"
	cpu_us=$((user_us + system_us))
}

# done_is NUMBER [OPTIONS] FILE: durexec's own account of the run.
done_is() {
	local n=$1

	shift
	"$durexec" status --json "$@" >"$work/status" 2>"$work/log"
	grep -Eq "\"done\": *${n}[,}]" "$work/status" || {
		head -c 400 "$work/status" >&2
		cat "$work/log" >&2
		die "durexec did not do $n steps: status --json $*"
	}
}

# pipeline NUMBER [INDEPENDENT]: a pipeline file of so many steps.
pipeline() {
	[ -z "${2-}" ] || printf '[defaults]\nneeds =\n\n'
	awk -v n="$1" 'BEGIN {
		for (i = 1; i <= n; i++)
			printf "[step s%d]\nrun = /bin/true\n\n", i
	}'
}

# --- cost -------------------------------------------------------------------

write_peers() {
	pipeline "$steps" independent >independent.ini
	pipeline "$steps" >chain.ini

	awk -v n="$steps" 'BEGIN {
		printf "TARGETS ="
		for (i = 1; i <= n; i++)
			printf " t%d", i
		printf "\nall: $(TARGETS)\n.PHONY: all $(TARGETS)\n"
		for (i = 1; i <= n; i++)
			printf "t%d:\n\t@/bin/true\n", i
	}' >independent.mk
	awk -v n="$steps" 'BEGIN {
		printf "all: t%d\n.PHONY: all\nt0:\n", n
		for (i = 1; i <= n; i++)
			printf ".PHONY: t%d\nt%d: t%d\n\t@/bin/true\n", i,
			    i, i - 1
	}' >chain.mk

	awk -v n="$steps" 'BEGIN {
		print "rule r\n  command = /bin/true"
		for (i = 1; i <= n; i++)
			printf "build t%d: r\n", i
	}' >independent.ninja
	awk -v n="$steps" 'BEGIN {
		print "rule r\n  command = /bin/true\nbuild t1: r"
		for (i = 2; i <= n; i++)
			printf "build t%d: r t%d\n", i, i - 1
	}' >chain.ninja

	awk -v n="$steps" 'BEGIN {
		for (i = 1; i <= n; i++)
			print "/bin/true"
	}' >commands
}

# one SHAPE TOOL ROUND: sets us_a_step, or fails when there is no such thing.
# Nothing is removed between rounds: see disk.c for what that would cost, and
# only durexec creates files.
one() {
	local shape=$1 tool=$2 round=$3 jobs=2 file

	wall_us=
	case $tool in
	floor)
		[ "$shape" = independent ] || jobs=1
		sync
		us_a_step=$("$work/floor" "$steps" "$jobs" /bin/true) ||
			die "floor failed"
		return 0
		;;
	make)
		timed 0 make -s -j2 -f "$shape.mk"
		;;
	ninja)
		rm -f .ninja_log .ninja_deps
		timed 0 ninja -j2 -f "$shape.ninja"
		file=.ninja_log
		[ "$(grep -c '^[0-9]' $file)" -eq "$steps" ] ||
			die "ninja did not run $steps steps"
		;;
	parallel)
		[ "$shape" = independent ] || jobs=1
		rm -f joblog
		timed 0 parallel -j"$jobs" --joblog joblog -a commands
		[ "$(wc -l <joblog)" -eq $((steps + 1)) ] ||
			die "GNU parallel did not run $steps steps"
		;;
	xargs)
		[ "$shape" = independent ] || return 1
		timed 0 xargs -a commands -P2 -n1 /bin/true
		;;
	durexec)
		timed 0 "$durexec" -j2 --state-dir "state.$round" "$shape.ini"
		done_is "$steps" --state-dir "state.$round" "$shape.ini"
		;;
	esac
	us_a_step=$(calc %.1f "$wall_us / $steps")
}

label() {
	case $1 in
	floor) echo "posix_spawn + wait in a C loop (the floor)" ;;
	make) echo "$(make --version | head -n 1) (no record)" ;;
	ninja) echo "ninja $(ninja --version) (log, no fsync; by /bin/sh)" ;;
	parallel) parallel --version | sed -n '1s/$/ --joblog/p' ;;
	xargs) echo "xargs -P2 (no record)" ;;
	durexec) echo "**durexec** (each step on disk, fdatasync)" ;;
	esac
}

part_cost() {
	local tools=(floor durexec) tool shape round i us ratio line
	local verdicts=''

	for tool in make ninja parallel xargs; do
		if has "$tool"; then
			tools+=("$tool")
		else
			note "$tool is not installed: left out"
		fi
	done
	enter "$work/cost.d"
	write_peers
	export PARALLEL_HOME=$work/parallel
	mkdir -p "$PARALLEL_HOME"

	for ((round = 1; round <= rounds; round++)); do
		note "cost: round $round of $rounds"
		for shape in independent chain; do
			# Each round begins with another tool.
			for ((i = 0; i < ${#tools[@]}; i++)); do
				tool=${tools[(i + round) % ${#tools[@]}]}
				one $shape "$tool" "$round" || continue
				echo "$us_a_step" \
					>>"$work/samples/$shape.$tool"
			done
		done
	done

	echo "## Cost of a step"
	echo
	echo "$steps × \`/bin/true\`, microseconds a step, median of" \
	    "$rounds interleaved rounds (lowest–highest); the ratio to the" \
	    "floor is the median of the ratios within each round."
	echo
	echo "| | independent, 2 at a time | ratio | chain | ratio |"
	echo "| --- | ---: | ---: | ---: | ---: |"
	for tool in floor make ninja parallel xargs durexec; do
		[ -e "$work/samples/independent.$tool" ] || continue
		line="| $(label "$tool")"
		for shape in independent chain; do
			if ! [ -e "$work/samples/$shape.$tool" ]; then
				line+=" | | "
				continue
			fi
			us=$(median "$work/samples/$shape.$tool")
			# A load from elsewhere lasts longer than a round.
			paste "$work/samples/$shape.$tool" \
			    "$work/samples/$shape.floor" |
				awk '{ print $1 / $2 }' >"$work/ratios"
			ratio=$(calc %.2f "$(median "$work/ratios")")
			line+=" | $(calc %.0f "$us")"
			line+=" ($(range "$work/samples/$shape.$tool"))"
			line+=" | $ratio"
			[ "$tool" != durexec ] || verdicts+=$(
				verdict "durexec, $shape, to the floor" \
				    "$ratio" "$max_ratio" ×
			)$'\n'
		done
		echo "$line |"
	done
	echo
	echo "The floor itself varied by" \
	    "$(spread "$work/samples/independent.floor") % and" \
	    "$(spread "$work/samples/chain.floor") %: on a quiet machine" \
	    "by less than 20."
	echo
	printf '%s' "$verdicts"
	[[ $verdicts != *missed* ]] || missed=1
	echo
	cd "$work" || exit 1
}

# --- start ------------------------------------------------------------------

part_start() {
	local n i dir rows='' verdicts='' small_n='' small_us us rss
	local factor
	local make_us make_rss noop program growth

	program=$(type -P test)
	for n in $starts; do
		dir=$work/start.$n
		enter "$dir"
		mkdir files || die "cannot work in $dir"
		{
			pipeline "$n"
			printf '[step last]\nrun = %s -e flag\n' "$program"
		} >start.ini
		awk -v n="$n" 'BEGIN {
			printf "TARGETS ="
			for (i = 1; i <= n; i++)
				printf " files/%d", i
			printf "\nall: $(TARGETS)\n"
			for (i = 1; i <= n; i++)
				printf "files/%d:\n\ttouch $@\n", i
		}' >noop.mk
		seq -f 'files/%.0f' "$n" | xargs touch

		note "start: filling in $n steps first"
		# that one is not ready: nothing is run
		timed 3 "$durexec" --only last start.ini
		"$fill" .durexec/start/latest 1 >/dev/null || die "fill failed"
		done_is "$n" start.ini

		# The last step fails again each time, but the last.
		for ((i = 1; i <= rounds; i++)); do
			if [ "$i" -lt "$rounds" ]; then
				timed 1 "$durexec" --resume -j2 start.ini
			else
				: >flag
				timed 0 "$durexec" --resume -j2 start.ini
			fi
			echo "$wall_us" >>"$work/samples/start.$n"
			echo "$rss_kb" >>"$work/samples/start.$n.rss"

			timed 0 make -j2 -f noop.mk
			noop=$(<"$work/log")
			[[ $noop == *"Nothing to be done"* ]] ||
				die "make did something: $noop"
			echo "$wall_us" >>"$work/samples/noop.$n"
			echo "$rss_kb" >>"$work/samples/noop.$n.rss"
		done
		done_is $((n + 1)) start.ini

		us=$(median "$work/samples/start.$n")
		rss=$(largest "$work/samples/start.$n.rss")
		make_us=$(median "$work/samples/noop.$n")
		make_rss=$(largest "$work/samples/noop.$n.rss")
		rows+="| $n of $((n + 1)) | $(calc %.3f "$us / 1e6")"
		rows+=" | $(calc %.1f "$rss / 1024")"
		rows+=" | $(calc %.3f "$make_us / 1e6")"
		rows+=" | $(calc %.1f "$make_rss / 1024") |"$'\n'
		if [ -z "$small_n" ]; then
			small_n=$n
			small_us=$us
		fi
		cd "$work" || exit 1
	done

	verdicts+=$(verdict "start with $n steps done, last step ended" \
	    "$(calc %.3f "$us / 1e6")" "$max_start_s" " s")$'\n'
	verdicts+=$(verdict "memory at that start" \
	    "$(calc %.1f "$rss / 1024")" "$max_start_mb" " MB")$'\n'
	if [ "$n" -ne "$small_n" ]; then
		# Quadratic work would multiply by the square of that. A
		# half is left for caches that no longer hold everything.
		factor=$(calc %.1f "1.5 * $n / $small_n")
		growth=$(calc %.1f "$us / $small_us")
		verdicts+=$(verdict \
		    "linear: $((n / small_n))× the steps take" \
		    "$growth" "$factor" "× the time")$'\n'
	fi

	echo "## Start of an unfinished run"
	echo
	echo "Seconds from the start of \`durexec --resume\` until the one" \
	    "step left has run and durexec has ended, and the largest" \
	    "resident set; make finds that nothing is to be done for as" \
	    "many files. Median of $rounds starts; the memory is the" \
	    "largest of them."
	echo
	echo "| done | start, s | MB | make, s | MB |"
	echo "| --- | ---: | ---: | ---: | ---: |"
	printf '%s\n%s' "$rows" "$verdicts"
	[[ $verdicts != *missed* ]] || missed=1
	echo
}

# --- wait -------------------------------------------------------------------

# switches PID: how often it has been on a CPU, all its threads together.
switches() {
	cat "/proc/$1"/task/*/status |
		awk '/ctxt_switches:/ { n += $2 } END { print n + 0 }'
}

proc_kb() {
	awk -v key="$2:" '$1 == key { print $2 }' "/proc/$1/status"
}

part_wait() {
	local dir=$work/wait children keepers=() before=() pid i n rss hwm peak
	local name woken

	enter "$dir"
	mkfifo up || die "mkfifo failed"
	{
		pipeline 99
		printf '[step sleep]\nrun = echo up >up; exec sleep 600\n'
	} >wait.ini

	note "wait: watching for $watch seconds"
	# A session of its own has no terminal that could be painted.
	setsid "$durexec" wait.ini </dev/null >log 2>&1 &
	supervisor=$!
	# Open for both, so that a run that dies early does not hang us.
	exec 4<>up
	read -r -t 60 -u 4 || { tail -n 20 log >&2; die "no step slept"; }
	exec 4<&-
	name=$(<"/proc/$supervisor/comm")
	[[ $name == durexec* ]] || die "$supervisor is $name, not durexec"
	read -ra children < <(cat "/proc/$supervisor"/task/*/children)
	for pid in "${children[@]}"; do
		name=$(<"/proc/$pid/comm")
		[[ $name != durexec-keeper* ]] || keepers+=("$pid")
	done
	[ ${#keepers[@]} -gt 0 ] || die "no durexec-keeper below durexec"

	sleep 1		# what follows the start of a step is over by then
	for pid in "$supervisor" "${keepers[@]}"; do
		before+=("$(switches "$pid")")
	done
	sleep "$watch"

	echo "## Waiting"
	echo
	echo "100 steps, 99 done, one sleeping, no terminal; watched for" \
	    "$watch seconds."
	echo
	echo "| | wake-ups | VmRSS, MB | VmHWM, MB |"
	echo "| --- | ---: | ---: | ---: |"
	i=0
	n=0
	for pid in "$supervisor" "${keepers[@]}"; do
		woken=$(($(switches "$pid") - before[i]))
		n=$((n + woken))
		rss=$(calc %.1f "$(proc_kb "$pid" VmRSS) / 1024")
		hwm=$(calc %.1f "$(proc_kb "$pid" VmHWM) / 1024")
		if [ "$i" -eq 0 ]; then
			echo "| supervisor | $woken | $rss | $hwm |"
			peak=$hwm
		else
			echo "| keeper | $woken | $rss | $hwm |"
		fi
		i=$((i + 1))
	done
	echo
	verdict "wake-ups of both in $watch seconds" "$n" "$max_wakeups" ""
	verdict "supervisor with 100 steps, peak" "$peak" \
	    "$max_rss_mb" " MB"
	echo

	"$durexec" stop --now wait.ini >>log 2>&1 || kill -TERM "$supervisor"
	wait "$supervisor"
	supervisor=
	cd "$work" || exit 1
}

# --- size -------------------------------------------------------------------

part_size() {
	local bytes

	has strip || { note "strip is not installed: left out"; return; }
	strip -o "$work/stripped" "$durexec" || die "strip failed"
	bytes=$(stat -c %s "$work/stripped")
	echo "## Size"
	echo
	verdict "stripped binary" "$(calc %.0f "$bytes / 1000")" \
	    "$max_size_kb" " kB"
	echo
}

. "$here/scale.sh"
. "$here/calls.sh"

# --- main -------------------------------------------------------------------

[ $# -eq 2 ] || { sed -n '4,4s/^# /usage: /p' "$0" >&2; exit 2; }
[ -x "$1" ] || die "$1 is not there: run make"
durexec=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
fill=$(dirname "$durexec")/fill
[ -x "$fill" ] || die "$fill is not there: run make bench"
enter "${BENCH_DIR:-$2/bench}"
work=$(mktemp -d "$PWD/run.XXXXXX") || die "cannot work in $PWD"
mkdir "$work/samples" || die "cannot work in $work"

fstype=$(findmnt -n -o FSTYPE -T "$work" 2>/dev/null ||
	stat -f -c %T "$work")
case $fstype in
tmpfs | ramfs)
	die "$work is on $fstype, where fdatasync costs nothing:" \
	    "set BENCH_DIR to a directory on a disk"
	;;
esac

for tool in floor cost disk; do
	"${CC:-cc}" -std=gnu11 -O2 -Wall -Wextra -o "$work/$tool" \
	    "$here/$tool.c" || die "cannot compile $tool.c"
done

echo "# $("$durexec" --version | head -n 1)"
echo
echo "$(nproc) CPUs, Linux $(uname -r), $fstype; load before:" \
    "$(cut -d ' ' -f 1 /proc/loadavg)."
disk_us=$("$work/disk" 500 "$work/disk.d") || die "disk failed"
echo "Appending a record with fdatasync: ${disk_us% *} µs; creating an empty" \
    "file: ${disk_us#* } µs."
echo

for part in $parts; do
	case $part in
	cost | start | wait | scale | calls | size) "part_$part" ;;
	*) die "no such part: $part" ;;
	esac
done

[ "$missed" -eq 0 ] || [ "${BENCH_STRICT:-0}" != 1 ] || exit 1
