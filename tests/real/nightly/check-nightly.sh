#!/bin/bash
# SPDX-License-Identifier: ISC
#
# check-nightly.sh DUREXEC [ROUNDS]   conf/nightly.sh, unharmed and harmed (TAP-like)
#
# Runs conf/nightly.sh under "durexec exec" with sqlite3, xz and curl, to Apache's
# WebDAV on loopback. At each point of it, and then ROUNDS times (200) at any
# moment, something is killed with -9: durexec alone, the script alone, the call of
# "durexec step" alone, or everything. Each time the same command has to bring the
# server to where an unharmed run brings it, and what was recorded as done must not
# have begun again. SEED=N: the ROUNDS from that one on. LANES=N: so many at a time.
# NIGHTLY_KEEP=1 keeps the directory of it.
set -u

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)

case ${1-} in
'' | -*) echo "usage: $0 DUREXEC [ROUNDS]" >&2; exit 2 ;;
esac
durexec=$(realpath "$1") && [ -x "$durexec" ] || exit 2
rounds=${2:-200}
seed=${SEED:-$RANDOM}
lanes=${LANES:-$(nproc)}
[ "$lanes" -le 4 ] || lanes=4

base=$(mktemp -d) || exit 2
chmod 711 "$base"
# shellcheck source=tests/real/saying.sh
. "$here/../saying.sh"
# shellcheck source=tests/real/dav.sh
. "$here/../dav.sh"
# shellcheck source=tests/real/nightly/place.sh
. "$here/place.sh"

finish() {
	echo "$passed passed, $failed failed, $skipped skipped"
	[ "$failed" = 0 ] && exit 0
	exit 1
}

started=()
# shellcheck disable=SC2317 # called by the trap
cleanup() {
	# what a lane has started ends with it
	[ ${#started[@]} = 0 ] || { kill "${started[@]}" && wait "${started[@]}"; } 2> /dev/null
	power_off "$base/"
	[ -z "$apache" ] || stop_server
	if [ -n "${NIGHTLY_KEEP-}" ]; then echo "# kept: $base"; else rm -rf "$base"; fi
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# a copy: another build meanwhile does not matter
cp "$durexec" "$base/durexec"
sqlite3 "$base/app.db" > /dev/null <<'SQL' || exit 2
pragma journal_mode = wal;
create table account (id integer primary key, name text, key blob);
with recursive n (i) as (select 1 union all select i + 1 from n where i < 1500)
insert into account select i, 'account ' || i, randomblob(40) from n;
create index by_name on account (name);
SQL

# --- unharmed -----------------------------------------------------------------

settle "$base/one"
# without comments, and without the words that were put in
plain() {
	sed -e '/^#/d' -e "s/durexec step \(--[a-z-]* [^ ]* \)*[a-z]* -- //" \
		-e "s/durexec step .* read -c '\"\$@\" \([^']*\)' \(.*\))$/\2 \1)/" "$1"
}
is "but for those words nightly.sh is before.sh" \
	"$(plain "$root/conf/nightly.sh")" "$(plain "$root/conf/nightly/before.sh")"
diff "$root/conf/nightly/before.sh" "$root/conf/nightly.sh" | grep -v '^[<>] #' | sed 's/^/# /'

fresh
run_here nightly/before.sh > "$work/out" 2>&1
is "before.sh ends well" $? 0
sed 's/^/# /' "$work/out"
look > /dev/null # there are no keys
new=$there/app-$stamp.db.xz
is "three are left, and what is none of them" "$(names_there)" "$names"
cp "$new" "$base/whole.xz"
whole_sum=$(xz -dc "$new" | sha256sum)
xz -dc "$new" > "$work/restored.db"
is "the backup can be restored" "$(sqlite3 "$work/restored.db" .dump | sha256sum)" \
	"$(sqlite3 "$base/app.db" .dump | sha256sum)"
whole_out=$(sed "s/$stamp/STAMP/" "$work/out")

fresh
go
is "nightly.sh under durexec exec: exit 0, and no word of durexec's" \
	"$status $(wc -c < "$work/err")" "0 0"
look
is "it says what before.sh says" "$(sed "s/$stamp/STAMP/" "$work/out")" "$whole_out"
is "the server has what before.sh has brought it" "$(differences)" ""
is "each step began once" "$(begun_else)" ""
is "requests: PUT MOVE GET DELETE" "$(for method in PUT MOVE GET DELETE; do
	until_true 5 came $method 1; answered $method; echo ${#answered[@]}; done | xargs)" "1 1 1 2"
ask_status
is "status has its nine steps" "$recorded" 9
run_here "$base/durexec" status --name nightly.sh | sed 's/^/# /'
first=$stamp
# shellcheck disable=SC2317 # called by until_true
another_second() { [ "$(date -u +%Y%m%dT%H%M%SZ)" != "$1" ]; }
until_true 5 another_second "$first"
: > "$work/witness"
go
look
is "once more: another backup, of its own name" \
	"$status ${begun[stamp]-0} $([ "$stamp" != "$first" ] && echo new)" "0 1 new"
fresh
go --cron
is "--cron says nothing" "$status $(cat "$work/out" "$work/err" | wc -c)" "0 0"

# --- two at once --------------------------------------------------------------

fresh
hold pack before
begin
until_true 20 held pack
run_here "$base/durexec" exec -- ./nightly.sh > "$work/second" 2>&1
is "a second one while it runs: 75, and it names the pid" \
	"$? $(grep -o "\<$pid\>" "$work/second" | head -n 1)" "75 $pid"
sed 's/^/# /' "$work/second"
run_here "$base/durexec" exec --cron -- ./nightly.sh > "$work/second" 2>&1
is "a second one of cron: 75, and no word" "$? $(wc -c < "$work/second")" "75 0"
release
ends
is "the first one is not disturbed" "$status $(differences)$(begun_else)" "0 "

# --- what fails ---------------------------------------------------------------

fresh
stop_server
begin
holds "the server is away: it waits" until_true 20 seen 'upload: exit 7; retry 1 of 5; waiting'
start_server
ends
is "and goes on when it is back" "$status $(differences)" "0 "
is "with the copy it had" "$(begun_else upload upload)" ""
show_told

fresh
hold 'read' before
begin
until_true 20 held 'read'
look
new=$there/app-$stamp.db.xz
head -c 20000 "$new" > "$work/half" && cat "$work/half" > "$new"
release
ends
answered DELETE
is "half of it has arrived: it fails, and no old backup is deleted" \
	"$status ${#answered[@]}" "1 0"
show_told
go
answered DELETE
is "again: it stays so" "$status ${#answered[@]} $(times upload)" "1 0 1"
: > "$work/witness"
go --fresh
is "--fresh: a new backup" "$status $(times upload) $(times dump)" "0 1 1"

fresh
hold check before
begin
until_true 20 held check
copy=$(echo "$work/copies"/app-*Z.db)
printf 'garbage' | dd of="$copy" bs=1 seek=9000 conv=notrunc status=none
release
ends
is "the copy is damaged: it fails, and nothing is sent" \
	"$status $(grep -vc '^PROPFIND' "$dav/access.log")" "1 0"
run_here "$base/durexec" rewind --name nightly.sh 'nightly.sh/dump' >> "$work/told" 2>&1
go
show_told
is "the dump is rewound: it is copied anew, under its old name" \
	"$status $(times dump) $(times stamp) $(differences | grep -v '^dump: key .*~2')" "0 2 1 "

fresh
mv "$base/app.db" "$base/app.gone"
go
is "there is no database: nothing is sent, nothing is deleted" \
	"$status $(grep -c 'there is no database' "$work/err") $(wc -l < "$dav/access.log")" "1 1 0"
mv "$base/app.gone" "$base/app.db"
go
is "it is there again" "$status $(differences)" "0 "

duration='' # the shortest of three, and in company it takes longer
for _ in 1 2 3; do
	fresh
	from=${EPOCHREALTIME/./}
	go
	took=$((${EPOCHREALTIME/./} - from))
	[ "${duration:-$took}" -lt "$took" ] || duration=$took
done
duration=$((duration * 5 / 4))
stop_server

# --- kill -9 at each point ----------------------------------------------------

at() { # WHO POINT SIDE: kills there, goes on, and says what is wrong then
	local who=$1 point=$2 side=$3 extra=() want sent moved
	fresh
	hold "$point" "$side"
	begin
	until_true 20 held "$point" || echo "it never came there"
	harm "$who" || echo "there is nobody to kill"
	if [ "$who" = durexec ]; then
		ends
		begin
		until_true 20 seen adopting || echo "not adopted"
		release
		ends
	else
		ends
		[ "$status" = 137 ] || echo "the first exec: $status"
		until_true 20 all_gone || echo "left running: ${ours[*]}"
		rm -f "$work/hold"
		go
		seen adopting && echo "adopted"
		extra=("$point")
	fi
	[ "$status" = 0 ] || echo "exit $status"
	seen 'continuing run' || echo "it does not say that it goes on"
	differences
	begun_else "${extra[@]}"
	# to be exact
	want=1
	[ "$who" = durexec ] || [ "$side ${point%%:*}" = 'after prune' ] || want=2
	[ "$point" = list ] || [ "$(times "$point")" = $want ] ||
		echo "$point: begun $(times "$point") times, and not $want"
	want=1
	[ "$who" = durexec ] || [ "$side $point" != 'after upload' ] || want=2
	answered PUT; sent=${#answered[@]}
	answered MOVE; moved=${#answered[@]}
	[ "$sent $moved" = "$want $want" ] || echo "$sent PUTs, $moved MOVEs, and not $want"
}
cases=()
for point in "${order[@]:0:7}" list "${order[@]:7}"; do
	cases+=("durexec $point before" "all $point before")
	for who in script step all; do
		[ "$who $point" = 'step list' ] || cases+=("$who $point after")
	done
done

# --- kill -9 at any moment ----------------------------------------------------

everybody=(durexec script step all)
declare -A hits=() victims=()
late=0 adoptions=0 finished=0 again=0 played=0
hit() { # WHO; twenty attempts to find a call of durexec step
	local tries=1
	[ "$1" != step ] || tries=20
	until harm "$1"; do
		tries=$((tries - 1))
		[ $tries -gt 0 ] && ! gone || return 1
		doze 0.01
	done
	look
	hits[$last]=$((${hits[$last]-0} + 1))
	victims[$1]=$((${victims[$1]-0} + 1))
}
strike() { # at some moment; whom it hit in $who, nobody when the run was over
	local wait=$(((RANDOM * 32768 + RANDOM) % duration))
	kills=$((kills - 1))
	who=${everybody[RANDOM % 4]}
	printf -v wait '%d.%06d' $((wait / 1000000)) $((wait % 1000000))
	doze "$wait"
	hit "$who" && return
	who=durexec # the other one is not there yet, or just now
	hit "$who" || who=''
}
round() { # NUMBER: kills once, in one of four rounds twice; says what is wrong then
	local kills=1 who='' extra=() i frozen=() failures=0 misses=0 heard=it
	RANDOM=$(((seed + $1) % 32768))
	[ $((RANDOM % 4)) != 0 ] || kills=2
	fresh
	begin
	strike
	# A machine that has less to do than before is quicker.
	while [ -z "$who" ] && [ $misses -lt 5 ]; do
		ends
		misses=$((misses + 1)) kills=$((kills + 1))
		late=$((late + 1)) duration=$((duration * 9 / 10))
		fresh
		begin
		strike
	done
	while ends; do
		! seen adopting || adoptions=$((adoptions + 1))
		[ "$status" != 0 ] || break
		[ -n "$who" ] || failures=$((failures + 1)) again=$((again + 1))
		[ $failures -lt 4 ] || { echo "exit $status, $failures times"; break; }
		if [ "$who" != durexec ]; then
			until_true 20 all_gone || echo "left running: ${ours[*]}"
			look
			extra+=("$last")
		fi
		ask_status
		# killed after its last record: to go on would be the next backup
		[ "$state" != 'done' ] || { finished=$((finished + 1)) heard=''; break; }
		# what is recorded as done by now (with durexec alone dead it goes on)
		look
		for ((i = 0; i < recorded; i++)); do frozen[i]=${begun[${order[i]}]-0}; done
		begin
		who=''
		[ $kills -le 0 ] || strike
	done
	differences | if [ "$heard" ]; then cat; else grep -v '^said'; fi
	begun_else "${extra[@]}"
	look
	for i in "${!frozen[@]}"; do
		[ "${begun[${order[i]}]-0}" = "${frozen[i]}" ] ||
			echo "${order[i]}: begun although it was recorded as done"
	done
}

# --- both, in some lanes ------------------------------------------------------

lane() { # NUMBER: every so many of them
	local i file
	settle "$base/lane$1"
	for ((i = $1; i < ${#cases[@]} + rounds; i += lanes)); do
		file=$base/result.$i
		if [ "$i" -lt ${#cases[@]} ]; then
			# shellcheck disable=SC2086 # three words
			at ${cases[i]} > "$file.part"
		else
			round $((i - ${#cases[@]})) > "$file.part"
			played=$((played + 1))
		fi
		[ ! -s "$file.part" ] || cp "$work/told" "$file.told"
		mv "$file.part" "$file"
	done
	declare -p hits victims late adoptions finished again played > "$base/lane$1.sums"
}
for ((i = 0; i < lanes; i++)); do
	(
		trap 'power_off "$work/home"; stop_server' EXIT
		lane "$i"
	) &
	started+=($!)
done
wait "${started[@]}"
started=()

result() { # NUMBER SENTENCE
	is "$2" "$(cat "$base/result.$1" 2>&1)" ""
	[ ! -e "$base/result.$1.told" ] || sed 's/^/# /' "$base/result.$1.told"
}
for i in "${!cases[@]}"; do
	read -r who point side <<< "${cases[i]}"
	result "$i" "kill -9 $who: $point, $side"
done

echo "# moments of the first $((duration / 1000)) ms; SEED=$seed"
bad=0
for ((i = 0; i < rounds; i++)); do
	file=$base/result.$((${#cases[@]} + i))
	[ -e "$file" ] && [ ! -s "$file" ] && continue
	bad=$((bad + 1))
	echo "# round $i (SEED=$((seed + i)) … 1):"
	cat "$file" "$file.told" 2>&1 | sed 's/^/#   /'
done
declare -A all_hits=() all_victims=()
number=0 all_late=0 all_adoptions=0 all_finished=0 all_again=0 all_played=0
for ((i = 0; i < lanes; i++)); do
	# shellcheck source=/dev/null
	. "$base/lane$i.sums"
	for point in "${!hits[@]}"; do
		all_hits[$point]=$((${all_hits[$point]-0} + hits[$point]))
		number=$((number + hits[$point]))
	done
	for who in "${!victims[@]}"; do
		all_victims[$who]=$((${all_victims[$who]-0} + victims[$who]))
	done
	all_late=$((all_late + late)) all_adoptions=$((all_adoptions + adoptions))
	all_finished=$((all_finished + finished)) all_again=$((all_again + again))
	all_played=$((all_played + played))
done
is "$rounds rounds with kill -9 at any moment: played, and ended otherwise than unharmed" \
	"$all_played $bad" "$rounds 0"
echo "# $number kills hit a run under way, $all_late came too late"
for who in "${everybody[@]}"; do
	printf '# %6d %s\n' "${all_victims[$who]-0}" "$who"
done
echo "# in or after:"
for point in none "${order[@]:0:7}" list "${order[@]:7}"; do
	printf '# %6d %s\n' "${all_hits[$point]-0}" "$point"
done
echo "# $all_adoptions adoptions, $all_finished kills after the last record," \
	"$all_again runs that failed and were started again"
[ "$rounds" -lt 20 ] || holds "most of them hit" test "$number" -ge $((rounds * 3 / 4))
[ "$rounds" -lt 100 ] || for who in "${everybody[@]}"; do
	holds "some hit $who" test "${all_victims[$who]-0}" -ge 10
done
finish
