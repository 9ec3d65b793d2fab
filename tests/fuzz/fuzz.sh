#!/bin/sh
# SPDX-License-Identifier: ISC
# fuzz.sh [-r RUNS] [SECONDS] [TARGET...]: each libFuzzer target, two at a time.
# Most of its seconds it runs without sanitizers, as that is many times as
# fast; then, for a quarter, what was found that way and more of it under ASan
# and UBSan. With -r it makes so many runs instead, a hundredth of them under
# sanitizers. Corpora go on growing in build/fuzz/NAME.corpus; they begin with
# what a real run leaves (seeds.ini), conf/*.ini and tests/corpus. What NAME.dict
# holds is tried more often. A target that finds something has failed, and is
# shown with what reproduces it. The last line counts targets.
set -eu
cd "$(dirname "$0")/../.."
out=build/fuzz
sanitize='-fsanitize=address,undefined -fno-sanitize-recover=undefined'
compile="clang -std=c11 -D_GNU_SOURCE -g -O2 -Isrc"
# Blocks of a quarter MiB come and go with each input: they are kept. (A
# sanitizer has an allocator of its own.)
export MALLOC_MMAP_THRESHOLD_=100000000 MALLOC_TRIM_THRESHOLD_=1000000000
export ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}quarantine_size_mb=16"

# build_objects KIND FLAGS: the library, once for all targets; what has changed,
# or all of it when a header has.
build_objects() {
	kind=$1
	shift
	mkdir -p "$out/$kind"
	# shellcheck disable=SC2125 # it is a list where it is used
	changed=src/*.c
	if [ -e "$out/$kind/all" ] && [ -z "$(find src/*.h conf/presets.ini \
		-newer "$out/$kind/all" | head -n 1)" ]; then
		changed=$(find src/*.c -newer "$out/$kind/all")
	fi
	touch "$out/$kind/begun"
	# shellcheck disable=SC2086
	[ -z "$changed" ] || ls $changed | KIND="$out/$kind" COMPILE="$compile $*" xargs -r -P 2 \
		-I{} sh -c '$COMPILE -fsanitize=fuzzer-no-link -c -o \
			"$KIND/$(basename {} .c).o" {}'
	mv "$out/$kind/begun" "$out/$kind/all"
}

# build_target KIND NAME FLAGS
build_target() {
	kind=$1 name=$2
	shift 2
	# shellcheck disable=SC2046
	$compile "$@" -Itests/fuzz -fsanitize=fuzzer -o "$out/$kind/$name" \
		"tests/fuzz/$name.c" \
		$(ls "$out/$kind"/*.o | grep -v '/main\.o$') -linih -lev
}

# longest NAME: bytes of an input; the time that one takes grows with them.
longest() {
	case $1 in
	inifile_fuzz) echo 4096 ;;
	journal_fuzz) echo 8192 ;;
	sealed_fuzz) echo 3072 ;;
	until_fuzz) echo 512 ;;
	mailbox_fuzz) echo 2048 ;;
	*) echo 1024 ;;
	esac
}

# bare FILE: records without what is around their TYPE and fields.
bare() {
	sed -E 's/^[0-9]+ [^ ]+ //; s/([*+])[0-9a-f]{8}$/\1/; s/ \*$//' "$1"
}

# The seeds of all targets, from a run of seeds.ini.
make_seeds() {
	work=$(mktemp -d)
	cp tests/fuzz/seeds.ini "$work"
	seeds=$PWD/$out/seeds
	rm -rf "$seeds"
	for name in inifile until journal sealed mailbox substep words safe; do
		mkdir -p "$seeds/$name"
	done
	cp conf/*.ini tests/fuzz/seeds.ini "$seeds/inifile"
	for file in tests/corpus/*.txt; do
		grep -i 'reset\|retry\|again' "$file" | split -l 1 \
			--filter='{ printf 00; cat; } >$FILE' - \
			"$seeds/until/$(basename "$file" .txt)." || :
	done
	ln -s "$PWD/$out/fast/durexec" "$work/durexec"
	(cd "$work" && PATH=$work:$PATH && export PATH &&
		timeout 60 durexec -q --no-wait seeds.ini >seeds.log 2>&1) || :
	run=$work/.durexec/seeds/latest
	if ! grep -q ' step=calls ' "$run/state"; then
		cat "$work/seeds.log"
		echo "fuzz: seeds.ini left no state to begin with"
		return 1
	fi
	cp "$run/state" "$seeds/journal/whole"
	for n in 2 5 12 20; do
		head -n "$n" "$run/state" >"$seeds/journal/$n"
	done
	bare "$run/state" | tail -n +2 >"$seeds/sealed/whole"
	split -l 6 "$seeds/sealed/whole" "$seeds/sealed/part."
	printf 'begin boot=%%00\n^begin boot=a\n!x' >"$seeds/sealed/wrong"
	for file in "$run"/keeper.*; do
		(printf '!' && head -n 12 "$file") \
			>"$seeds/mailbox/${file##*/}.raw"
		bare "$file" | head -n 12 >"$seeds/mailbox/${file##*/}"
	done
	printf 'w\001a\003runx' >"$seeds/mailbox/written"
	find "$run/sub" -type f -name '*.[0-9]*' ! -name '*.out' \
		! -name '*.err' ! -name 'calls.*' | while read -r file; do
		(printf '!' && cat "$file") >"$seeds/substep/${file##*/}.raw"
		bare "$file" | sed 's/check=[0-9a-f]*/check=42/' | tr -d '\n' \
			>"$seeds/substep/${file##*/}"
	done
	printf 'tries tries=1 parks=2 parked=3' >"$seeds/substep/tries"
	printf 'tries parked=-1' >"$seeds/substep/negative"
	printf 'wname\000argument\000another' >"$seeds/substep/written"
	printf "a b\000'c' \\\\' d\000\$'e\\\\033f'\000g" >"$seeds/words/some"
	printf '\002\006secret\004cret a secretcret of secret' \
		>"$seeds/safe/some"
	rm -rf "$work"
}

# run_one KIND NAME LIMIT LOG
run_one() {
	dict=tests/fuzz/${2%_fuzz}.dict
	[ -e "$dict" ] || dict=
	"$out/$1/$2" "$3" -print_final_stats=1 -timeout=20 \
		-rss_limit_mb=1024 -malloc_limit_mb=512 -reload=0 \
		-max_len="$(longest "$2")" ${dict:+-dict="$dict"} \
		-artifact_prefix="$out/$2.$1." "$out/$2.corpus" \
		"$out/seeds/${2%_fuzz}" >"$4" 2>&1
}

# number LOG: executions
number() {
	sed -n 's/^stat::number_of_executed_units: *//p' "$1" | tail -n 1
}

# fuzz_one NAME: its line, and NAME.result: "passed|failed EXECUTIONS".
fuzz_one() {
	name=$1
	mkdir -p "$out/$name.corpus" "$out/seeds/${name%_fuzz}"
	total=0 bad=
	for kind in fast asan; do
		log=$out/$name.$kind.log
		if [ -n "$RUNS" ] && [ "$kind" = fast ]; then
			limit=-runs=$RUNS
		elif [ -n "$RUNS" ]; then
			limit=-runs=$((RUNS / 100 + 1))
		elif [ "$kind" = fast ]; then
			limit=-max_total_time=$((SECONDS_EACH - SECONDS_EACH / 4))
		else
			limit=-max_total_time=$((SECONDS_EACH / 4 + 1))
		fi
		run_one "$kind" "$name" "$limit" "$log" || bad=$kind
		n=$(number "$log")
		total=$((total + ${n:-0}))
		[ -z "$bad" ] || break
	done
	inputs=$(find "$out/$name.corpus" -type f | wc -l)
	if [ -z "$bad" ]; then
		printf '  %-14s %11d executions, %5d inputs kept\n' \
			"$name" "$total" "$inputs"
		echo "passed $total" >"$out/$name.result"
		return
	fi
	printf '  %-14s %11d executions, FAILED:\n' "$name" "$total"
	grep -av '^INFO\|^#[0-9]*	\|^stat::\|Uses: ' "$log" | tail -n 40
	file=$(sed -n 's/.*Test unit written to //p' "$log" | tail -n 1)
	echo "  to see it again: $out/$bad/$name ${file:-}"
	echo "failed $total" >"$out/$name.result"
}

if [ "${1:-}" = --one ]; then
	fuzz_one "$2"
	exit
fi
RUNS=
if [ "${1:-}" = -r ]; then
	RUNS=$2
	shift 2
	SECONDS_EACH=0
else
	SECONDS_EACH=${1:-60}
	[ $# = 0 ] || shift
fi
export RUNS SECONDS_EACH
if [ $# = 0 ]; then
	for source in tests/fuzz/*_fuzz.c; do
		set -- "$@" "$(basename "$source" .c)"
	done
fi
if ! command -v clang >/dev/null; then
	echo "fuzz: there is no clang"
	echo "0 passed, 0 failed, $# skipped"
	exit
fi
build_objects fast
# shellcheck disable=SC2086
build_objects asan $sanitize
clang -fsanitize=fuzzer-no-link -o "$out/fast/durexec" "$out"/fast/*.o -linih -lev
for name; do
	build_target fast "$name"
	# shellcheck disable=SC2086
	build_target asan "$name" $sanitize
	rm -f "$out/$name.result"
done
make_seeds
printf '%s\n' "$@" | xargs -P 2 -I{} sh "$0" --one {}
passed=0 failed=0 total=0
for name; do
	word=failed n=0
	[ ! -e "$out/$name.result" ] || read -r word n <"$out/$name.result"
	[ "$word" = passed ] && passed=$((passed + 1)) || failed=$((failed + 1))
	total=$((total + n))
done
echo "fuzz: $total executions"
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" = 0 ]
