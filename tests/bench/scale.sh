# SPDX-License-Identifier: ISC
#
# The part `scale` of bench.sh, which reads this file: fan-outs of up to a
# million items. What durexec does with a state of that size (load, resume with
# one item left, status, memory), two tied fan-outs with as many tasks, real
# commands beside the floor, and the logs of items.

case ${BENCH_SCALE:-full} in
small) scale_sizes='1000 10000' scale_few=500 scale_many=5000 scale_tail=500 ;;
full)
	scale_sizes='1000 10000 100000 1000000'
	scale_few=2000 scale_many=100000 scale_tail=5000
	;;
*) die "BENCH_SCALE is small or full" ;;
esac

# A command that is no shell's builtin, and fails until it is told not to.
scale_test=$(type -P test)

# The targets.
max_task_bytes=300
max_scale_s=5
max_scale_mb=500
max_growth=1.5		# of linear: caches do not hold everything any more
max_drift=1.1		# a ratio at another size, as far as noise goes

# The first item of the last fan-out fails until there is a file `flag`, and
# nothing else is started then.
fan_ini() {
	printf '[pipeline]\nfail_fast = 1\n\n[step big]\n'
	printf 'foreach_from = seq 1 %d\nrun = %s -e flag\n' "$1" "$scale_test"
}

# Tied: item by item.
tied_ini() {
	printf '[pipeline]\nfail_fast = 1\n\n[step make]\n'
	printf 'foreach_from = seq 1 %d\nrun = /bin/true\n' "$1"
	printf '\n[step check]\nforeach = step:make\nrun = %s -e flag\n' \
	    "$scale_test"
}

# cell: what `timed` saw last, in seconds.
cell() {
	calc '%.3f (%.3f)' "$wall_us / 1e6, $cpu_us / 1e6"
}

# sample NAME: it is one of the samples called so.
sample() {
	echo "$wall_us" >>"$work/samples/$1"
	echo "$cpu_us" >>"$work/samples/$1.cpu"
	echo "$rss_kb" >>"$work/samples/$1.rss"
}

# sampled NAME: their median.
sampled() {
	calc '%.3f (%.3f)' "$(median "$work/samples/$1") / 1e6,
	    $(median "$work/samples/$1.cpu") / 1e6"
}

# filled FILE NUMBER LEAVE: a run of that file of which the first item has
# failed, LEAVE were not begun, and all others of NUMBER are done.
filled() {
	local n=$2 leave=$3 name=${1%.ini} count

	rm -f flag
	timed 1 "$durexec" -q -j1 --fresh "$1"
	sample "$1.list"
	count=$("$fill" ".durexec/$name/latest" "$leave") || die "fill failed"
	done_is $((n - 1 - leave)) "$1"
	note "scale: $1: filled in $count of $n"
}

# measure FILE ROUNDS: of a run of which one item is left.
measure() {
	local i

	for ((i = 1; i <= $2; i++)); do
		timed 0 "$durexec" --dry-run "$1"
		sample "$1.load"
		timed 0 "$durexec" status "$1"
		sample "$1.status"
		timed 0 "$durexec" status --json "$1"
		sample "$1.json"
		[ "$(wc -c <"$work/log")" -lt 5000 ] ||
			die "status --json of $1 is long"
		timed 1 "$durexec" --resume -q -j2 "$1"
		sample "$1.resume"
	done
	: >flag
	timed 0 "$durexec" --resume -q -j2 "$1"
	sample "$1.resume"
}

# task_bytes FILE TASKS TEXT: memory of a task beyond its item's own TEXT.
task_bytes() {
	calc %.0f "($(largest "$work/samples/$1.resume.rss") - $tiny_kb) *
	    1024 / $2 - $3"
}

# text_of NUMBER: bytes of an item, on average.
text_of() {
	seq 1 "$1" | wc -lc | awk '{ printf "%.2f", $2 / $1 - 1 }'
}

# row FILE TASKS TEXT
row() {
	printf '| %s | %s | %s | %s | %s | %.1f | %s |\n' "$2" \
	    "$(sampled "$1.list")" "$(sampled "$1.load")" \
	    "$(sampled "$1.resume")" \
	    "$(sampled "$1.status") | $(sampled "$1.json")" \
	    "$(calc %.1f "$(largest "$work/samples/$1.resume.rss") / 1024")" \
	    "$(task_bytes "$1" "$2" "$3")"
}

# grown WHAT NAME SMALL LARGE: CPU time, as that is not what others take away.
grown() {
	local by

	by=$(calc %.1f "$(median "$work/samples/big$4.ini.$2.cpu") /
	    $(median "$work/samples/big$3.ini.$2.cpu")")
	verdict "linear: $(($4 / $3))× the tasks, $1" "$by" \
	    "$(calc %.1f "$max_growth * $4 / $3")" "× the CPU time"
}

part_sizes() {
	local n half half_n before='' last=''

	# What there is without tasks.
	fan_ini 1 >tiny.ini
	timed 1 "$durexec" -q -j1 tiny.ini
	timed 1 "$durexec" --resume -q tiny.ini
	tiny_kb=$rss_kb

	for n in $scale_sizes; do
		fan_ini "$n" >"big$n.ini"
		filled "big$n.ini" "$n" 0
		measure "big$n.ini" 2
		before=$last
		last=$n
	done
	half=$((last / 2))
	half_n=$((half * 2))
	tied_ini "$half" >tied.ini
	filled tied.ini "$half_n" 0
	measure tied.ini 2

	echo "| tasks | listing them | load (\`--dry-run\`) | resume, one left |" \
	    "status | status --json | MB | bytes a task |"
	echo "| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
	for n in $scale_sizes; do
		row "big$n.ini" "$n" "$(text_of "$n")"
	done
	echo
	echo "Two tied fan-outs of $half items each:"
	echo
	echo "| tasks | listing them | load | resume, one left |" \
	    "status | status --json | MB | bytes a task |"
	echo "| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
	row tied.ini "$half_n" "$(text_of "$half")"
	echo
	verdict "memory of a task, of $last" \
	    "$(task_bytes "big$last.ini" "$last" "$(text_of "$last")")" \
	    $max_task_bytes " bytes"
	verdict "memory of a task, tied" \
	    "$(task_bytes tied.ini "$half_n" "$(text_of "$half")")" \
	    $max_task_bytes " bytes"
	verdict "resume with $last tasks" "$(calc %.2f \
	    "$(median "$work/samples/big$last.ini.resume") / 1e6")" \
	    $max_scale_s " s"
	verdict "memory of that" "$(calc %.0f \
	    "$(largest "$work/samples/big$last.ini.resume.rss") / 1024")" \
	    $max_scale_mb " MB"
	verdict "resume with $half_n tied tasks" "$(calc %.2f \
	    "$(median "$work/samples/tied.ini.resume") / 1e6")" \
	    $max_scale_s " s"
	grown load load "$before" "$last"
	grown resume resume "$before" "$last"
	grown status status "$before" "$last"
	grown "status --json" json "$before" "$last"
	echo
}

# floor_half NUMBER COMMAND...: a half of what the floor is asked for, so that
# it stands on both sides of durexec, as loads from elsewhere come and go.
floor_half() {
	local n=$1

	shift
	sync
	"$work/floor" $((n / 2)) 2 "$@" >>floors || die "floor failed"
}

# beside NAME NUMBER OFF COMMAND...: what `timed` saw last, less OFF, of so many
# commands, with the floor on both sides of it: a line of samples.
beside() {
	floor_half "$2" "${@:4}"
	awk -v n="$2" -v us="$wall_us" -v off="$3" -v cpu="$cpu_us" '
		{ sum += $1 }
		END {
			us = (us - off) / n
			print us, sum / NR, us * NR / sum, cpu / n
		}' floors >>"$work/samples/$1"
}

# column FILE NUMBER: its median.
column() {
	awk -v n="$2" '{ print $n }' "$work/samples/$1" >"$work/column"
	median "$work/column"
}

true_ini() {
	printf '[step big]\nforeach_from = seq 1 %d\nrun = /bin/true\n' "$1"
}

# run_fan NUMBER ROUND
run_fan() {
	: >floors
	floor_half "$1" /bin/true
	timed 0 "$durexec" -q -j2 --state-dir "state.$2" "true$1.ini"
	done_is "$1" --state-dir "state.$2" "true$1.ini"
	beside "true$1" "$1" 0 /bin/true
}

# The last items of the largest fan-out.
run_tail() {
	local file=big$1.ini off

	off=$(median "$work/samples/$file.resume")
	filled "$file" "$1" "$scale_tail"
	: >flag
	: >floors
	floor_half "$scale_tail" "$scale_test" -e flag
	timed 0 "$durexec" -q --resume -j2 "$file"
	done_is "$1" "$file"
	cpu_us=$(calc %.0f "$cpu_us -
	    $(median "$work/samples/$file.resume.cpu")")
	beside "tail$1" "$scale_tail" "$off" "$scale_test" -e flag
}

# rate_row LABEL NAME
rate_row() {
	printf '| %s | %.0f | %.0f | %.0f | %.0f | %.2f |\n' "$1" \
	    "$(calc %.3f "1e6 / $(column "$2" 1)")" "$(column "$2" 1)" \
	    "$(column "$2" 4)" "$(column "$2" 2)" "$(column "$2" 3)"
}

part_rate() {
	local n i few sizes last=${scale_sizes##* }

	sizes=$(printf '%s\n' $scale_sizes $scale_few $scale_many | sort -nu)
	for n in $sizes; do
		[ "$n" -le "$scale_many" ] || continue
		true_ini "$n" >"true$n.ini"
		note "scale: running $n commands"
		for ((i = 1; i <= (n > 5000 ? 1 : rounds); i++)); do
			run_fan "$n" "$i"
		done
	done
	note "scale: running the last $scale_tail of $last commands"
	run_tail "$last"

	echo "Real commands, 2 at a time, with the floor measured before and" \
	    "after; the median of $rounds, of more than 5000 one:"
	echo
	echo "| items | steps a second | µs a step | CPU, µs | floor, µs |" \
	    "ratio |"
	echo "| ---: | ---: | ---: | ---: | ---: | ---: |"
	for n in $sizes; do
		[ "$n" -gt "$scale_many" ] || rate_row "$n" "true$n"
	done
	rate_row "the last $scale_tail of $last" "tail$last"
	echo
	few=$(column "true$scale_few" 3)
	for n in "true$scale_many" "tail$last"; do
		verdict "ratio to the floor, ${n#????} items beside $scale_few" \
		    "$(calc %.2f "$(column "$n" 3) / $few")" $max_drift ×
	done
	echo
}

# Logs: what is written has a file, what is not has none.
part_logs() {
	local n=$scale_many dir us silent files most

	printf '[step big]\nforeach_from = seq 1 %d\nrun = /bin/echo done\n' \
	    "$n" >lines.ini
	note "scale: running $n commands that write a line"
	timed 0 "$durexec" -q -j2 lines.ini
	done_is "$n" lines.ini
	us=$(calc %.0f "$wall_us / $n")
	silent=$(column "true$n" 1)
	files=$(find .durexec/lines/latest/log/big -type f | wc -l)
	most=$(find .durexec/lines/latest/log/big -type f -printf '%h\n' |
		uniq -c | sort -n | awk 'END { print $1 }')
	[ "$files" -eq "$n" ] || die "$files logs of $n items"
	echo "| $n items | µs a step | log files | most in a directory |"
	echo "| --- | ---: | ---: | ---: |"
	echo "| silent | $(calc %.0f "$silent") |" \
	    "$(find state.1/true"$n"/latest/log/big -type f | wc -l) | |"
	echo "| a line each | $us | $files | $most |"
	echo
}

part_scale() {
	enter "$work/scale"
	echo "## Scale"
	echo
	echo "Fan-outs. Seconds of wall time (of CPU time, without keepers and" \
	    "commands); a median. States of so many tasks are filled in by" \
	    "fill.c, through durexec's own journal."
	echo
	part_sizes
	part_rate
	part_logs
	cd "$work" || exit 1
}
