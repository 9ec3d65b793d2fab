# SPDX-License-Identifier: ISC
# shellcheck shell=bash disable=SC2034,SC2154 # names of the one that reads it
# place.sh: a place where nightly.sh runs against a server of its own, is looked at
# and killed; read by check-nightly.sh. Several of them can be at work at a time.
# What is asked often is asked without a process: they are what costs time here.

# --- the place ------------------------------------------------------------------

work='' apache=''
settle() { # DIRECTORY
	local tool day
	work=$1
	mkdir -p "$work/bin" "$work/home" "$work/tmp" "$work/conf/nightly" "$work/was"
	cp "$root/conf/nightly.sh" "$work/conf"
	cp "$root/conf/nightly/before.sh" "$work/conf/nightly"
	for tool in curl date sha256sum sqlite3 xz; do
		install -m 755 "$here/shim.sh" "$work/bin/$tool"
	done
	mkfifo "$work/gate" "$work/nap"
	exec {nap}<> "$work/nap"
	# old backups that are there, and what is none of app.db
	was=$work/was
	for day in 2 3 4 5; do
		echo "backup $day" > "$was/app-2026010${day}T020000Z.db.xz"
	done
	echo of another one > "$was/my-app-20250101T020000Z.db.xz"
	echo of another one > "$was/app-old-20250101T020000Z.db.xz"
	echo by hand > "$was/app-20250101.db.xz"
	echo notes > "$was/notes.txt"
	echo half of one that was given up > "$was/app.part"
	server_conf
	start_server
}

doze() { read -r -t "$1" -u "$nap" _ || :; } # SECONDS
until_true() { # SECONDS COMMAND...: asks fifty times a second
	local tries=$(($1 * 50))
	shift
	while ! "$@" > /dev/null 2>&1; do
		tries=$((tries - 1))
		[ $tries -gt 0 ] || return 1
		doze 0.02
	done
}
file_has() { # FILE TEXT
	local text
	IFS= read -r -d '' text < "$1"
	[[ $text = *"$2"* ]]
}

# --- the server -----------------------------------------------------------------

server_conf() {
	dav=$work/dav
	mkdir -p "$dav/files/backup" "$dav/run"
	port=$(free_port)
	url=http://127.0.0.1:$port/backup
	there=$dav/files/backup
	dav_conf "$dav" "$port" '%m %>s %U' "$was"
}
server_answers() { curl -fsS -X PROPFIND -H 'Depth: 0' "$url/"; }
start_server() {
	/usr/sbin/apache2 -f "$dav/httpd.conf" -DFOREGROUND > "$dav/said" 2>&1 &
	apache=$!
	until_true 10 server_answers && return
	sed 's/^/# /' "$dav/said" "$dav/error.log"
	echo "the WebDAV server does not start" >&2
	exit 2
}
stop_server() {
	{ kill "$apache" && wait "$apache"; } 2> /dev/null
	apache=''
}
answered() { # METHOD: the paths of such requests that did well, in ${answered[@]}
	local method code path
	answered=()
	while read -r method code path; do
		[[ $method = "$1" && $code = 2* ]] && answered+=("$path")
	done < "$dav/access.log"
}
came() { # METHOD N: so many of them, at least?
	answered "$1"
	[ ${#answered[@]} -ge "$2" ]
}

# --- durexec --------------------------------------------------------------------

fresh() { # everything as before the first run
	rm -rf "${work:?}/home" "$work/copies" "$work/hold" "${there:?}"/*
	cp -p "$was"/* "$there"
	mkdir "$work/home"
	: > "$work/witness"
	: > "$dav/access.log"
	: > "$work/told"
}

# COMMAND...: there, with nothing of our environment. durexec is not in PATH. xz is
# to be quick, it is not what is looked at.
exec_here() {
	cd "$work/conf" && exec env -i --default-signal PATH="$work/bin:$PATH" \
		HOME="$work/home" TMPDIR="$work/tmp" LANG=C.UTF-8 TZ=UTC XZ_OPT=-0 \
		DB="$base/app.db" URL="$url" KEEP=3 WORK="$work/copies" \
		"$@" < /dev/null
}
run_here() { (exec_here "$@"); }

begin() { # [OPTION...]: durexec exec, beside us; its pid in $pid
	echo "\$ durexec exec $* -- ./nightly.sh" >> "$work/told"
	exec_here "$base/durexec" exec "$@" -- ./nightly.sh > "$work/out" 2> "$work/err" &
	pid=$!
}
ends() { # until it does; its exit status in $status
	until_true 60 gone || power_off "$work/home"
	wait "$pid" 2> /dev/null
	status=$?
	{ cat "$work/err" "$work/out"; echo "(exit $status)"; } >> "$work/told"
} # and is true
go() { # [OPTION...]: to its end
	begin "$@"
	ends
}
gone() { # is it, or is it a zombie?
	local line
	{ read -r line < "/proc/$pid/stat"; } 2> /dev/null || return 0
	[[ ${line##*) } = Z* ]]
}
seen() { file_has "$work/err" "$1"; }
show_told() { sed 's/^/# /' "$work/told"; }

# What status says: of the run in $state, and how many of its steps are recorded
# as done in $recorded.
ask_status() {
	local json steps
	json=$(run_here "$base/durexec" status --json --name nightly.sh 2>&1)
	steps=${json#*'"list":['} recorded=0
	[ "$steps" != "$json" ] || steps=''
	while [[ $steps = *'"state":"done"'* ]]; do
		steps=${steps#*'"state":"done"'}
		recorded=$((recorded + 1))
	done
	json=${json%%'"steps":'*}
	state=none
	[[ ! $json =~ '"state":"'([a-z_]*)'"' ]] || state=${BASH_REMATCH[1]}
}

# --- the witness ----------------------------------------------------------------

order=(stamp dump check 'sum' pack upload 'read' prune:app-2026010{2,3}T020000Z.db.xz)
declare -A begun=()
# What the witness has: how often each point began in ${begun[...]}, the last one
# in $last, their one stamp in $stamp. It says what is wrong with them: another
# stamp, two keys of one call, one key of two calls.
look() {
	local what point pid key arguments
	local -A key_of=() point_of=()
	declare -gA begun=()
	last=none stamp=''
	while read -r what point pid key arguments; do
		[ "$what" = begin ] || continue
		last=$point
		begun[$point]=$((${begun[$point]-0} + 1))
		[ "$point" != list ] || continue
		[ "${key_of[$point]=$key} ${point_of[$key]=$point}" = "$key $point" ] ||
			echo "$point: key $key, and ${key_of[$point]}; of ${point_of[$key]} too"
		[[ $point != stamp && $point != prune:* &&
			$arguments =~ -([0-9]{8}T[0-9]{6}Z)\.db ]] || continue
		[ "${stamp:=${BASH_REMATCH[1]}}" = "${BASH_REMATCH[1]}" ] ||
			echo "$point: ${BASH_REMATCH[1]}, and not $stamp"
	done < "$work/witness"
}
times() { # POINT: how often did it begin?
	look > /dev/null
	echo "${begun[$1]-0}"
}
held() { # POINT
	file_has "$work/witness" "held $1 "
}
hold() { # POINT before|after
	echo "$1 $2" > "$work/hold"
}
release() {
	rm -f "$work/hold"
	# a FIFO: this is when it is read
	timeout 10 bash -c "echo > '$work/gate'"
}

# --- kill -9 --------------------------------------------------------------------

# The processes of the run, whoever their parent is now, have the HOME of it.
ours=()
find_ours() { # BEGINNING-OF-A-HOME
	local file
	ours=()
	while read -r file; do
		file=${file#/proc/}
		ours+=("${file%/environ}")
	done < <(grep -lFzs "HOME=$1" /proc/[0-9]*/environ)
}
power_off() { # BEGINNING-OF-A-HOME: all of them, so that none sees another one go
	local before=-1
	find_ours "$1"
	while [ "${#ours[@]}" != "$before" ]; do
		before=${#ours[@]}
		[ "$before" = 0 ] || kill -STOP "${ours[@]}" 2> /dev/null
		find_ours "$1"
	done
	[ "$before" = 0 ] || kill -KILL "${ours[@]}" 2> /dev/null
	return 0
}
all_gone() {
	find_ours "$work/home"
	[ ${#ours[@]} = 0 ]
}

is_a() { # PID NAME
	local name=''
	{ read -r name < "/proc/$1/comm"; } 2> /dev/null
	[ "$name" = "$2" ]
}
children() { # PID: in ${children[@]}
	children=()
	{ read -ra children < "/proc/$1/task/$1/children"; } 2> /dev/null
}
# The keeper is a child of the durexec that started it. One that was adopted has
# to be looked for.
find_keeper() {
	local one
	children "$pid"
	[ ${#children[@]} -gt 0 ] || { find_ours "$work/home"; children=("${ours[@]}"); }
	for one in "${children[@]}"; do
		! is_a "$one" durexec-keeper || { keeper=$one; return 0; }
	done
	return 1
}
find_script() {
	find_keeper || return 1
	children "$keeper"
	script=${children[0]-}
	[ "$script" ]
}
find_step() { # a call of "durexec step", of the script or in its loop
	local one
	find_script || return 1
	children "$script"
	for one in "${children[@]}"; do
		! is_a "$one" durexec || { step=$one; return 0; }
	done
	for one in "${children[@]}"; do
		children "$one"
		[ ${#children[@]} = 0 ] || ! is_a "${children[0]}" durexec ||
			{ step=${children[0]}; return 0; }
	done
	return 1
}
# WHO: durexec, script, step, all. Fails when there is nobody of that name.
harm() {
	# bash says that durexec was killed, unless it is waited for at once
	case $1 in
	durexec) ! gone && kill -KILL "$pid" && { wait "$pid" || :; } ;;
	all) ! all_gone && power_off "$work/home" && { wait "$pid" || :; } ;;
	script) find_script && kill -KILL "$script" ;;
	step) find_step && kill -KILL "$step" ;;
	esac 2> /dev/null || return 1
	echo "(kill -9: $1)" >> "$work/told"
}

# --- what must come out ---------------------------------------------------------

# FILE: the database in it, without three counters of changes in its header: a
# copy that was killed at its end is made once more, over the first one.
database_in() {
	local at
	xz -dc "$1" > "$work/unpacked" || return
	for at in 24 40 92; do
		dd if=/dev/zero of="$work/unpacked" bs=1 seek=$at count=4 conv=notrunc status=none
	done
	sha256sum < "$work/unpacked"
}
names_there() { # with STAMP for the new one
	local names
	names=$(cd "$there" && echo * .[!.]*) # a .* that is none stays as it is
	echo "${names//${stamp:-none}/STAMP}"
}
names="app-20250101.db.xz app-20260104T020000Z.db.xz app-20260105T020000Z.db.xz\
 app-STAMP.db.xz app-old-20250101T020000Z.db.xz my-app-20250101T020000Z.db.xz notes.txt .[!.]*"
contents() { # DIRECTORY: of what is older and stays
	(cd "$1" && grep -H . app-2025*.xz app-2026010[45]*.xz app-old-* my-app-* notes.txt 2>&1)
}
differences() { # to the unharmed run; nothing is good
	local sum deleted pruned
	look
	new=$there/app-$stamp.db.xz
	[ "$(names_there)" = "$names" ] || echo "there: $(names_there)"
	[ "$(contents "$there")" = "$(contents "$was")" ] || echo "others: $(contents "$there")"
	if [ "${begun[dump]-0}" = 1 ]; then
		cmp "$new" "$base/whole.xz" 2>&1
		sum=$whole_sum
	else
		[ "$(database_in "$new")" = "$(database_in "$base/whole.xz")" ] ||
			echo "another database"
		sum=$(xz -dc "$new" | sha256sum)
	fi
	[ "$(< "$work/out")" = "$url/${new##*/}, sha256 ${sum%% *}" ] ||
		echo "said: $(< "$work/out")"
	[ "$(echo "$work/copies"/*)" = "$work/copies/*" ] || echo "left: $(echo "$work/copies"/*)"
	ask_status
	[ "$state" = 'done' ] || echo "the run is $state"
	until_true 5 came DELETE 2 # it is logged when it is answered
	deleted=("${answered[@]##*/}") pruned=("${order[@]:7}")
	[ "${deleted[*]}" = "${pruned[*]#prune:}" ] || echo "deleted: ${deleted[*]}"
}
# POINT...: those may have begun so much oftener, all others once
begun_else() {
	local point name
	look
	for point in "${order[@]}"; do
		[ "${begun[$point]-0}" -gt 0 ] || echo "$point: never begun"
	done
	for name; do begun[$name]=$((${begun[$name]-0} - 1)); done
	for point in "${order[@]}"; do
		[ "${begun[$point]-0}" -le 1 ] || echo "$point: begun $((begun[$point] - 1)) times too often"
	done
}
