#!/bin/bash
# SPDX-License-Identifier: ISC
#
# check-cron.sh DUREXEC: --cron under Debian's cron and its mail (TAP-like); as
# root; about four minutes, because a line of a crontab runs once a minute.
#
# Each case is a line or two in the crontab of a user made for this, with a
# directory of its own; all of them run at the same time. What a case needs
# from outside (a kill, an open gate) it gets while cron works; what must be so
# in the end is looked at when cron has stopped and all mail has arrived.
#
# Where namespaces may be made, all this happens in a room of its own: /etc,
# /usr, /var and /run there are copies in memory, its processes end with it, and
# the packages, the user, the crontab and the mail never reach this machine.
# Elsewhere (in a container without rights, or with CRON_ROOM=no) packages are
# installed where nothing does their work yet, a cron that runs is used, and the
# user, its crontab and its mail are removed at the end.
#
# What is in single quotes here is for the shells of steps.
# shellcheck disable=SC2016
set -euo pipefail

user=durexec-cron
cases=(quiet mended overlap old killed lost readonly script adopted limit
	several mistake reboot)

# --- where it runs ------------------------------------------------------------

skip_all() { # SENTENCE
	local name
	for name in "${cases[@]}"; do echo "ok $name # SKIP $1"; done
	echo "0 passed, 0 failed, ${#cases[@]} skipped"
	counted=yes
	exit 0
}

outside() { # DUREXEC
	[ -x "${1-}" ] || { echo "usage: $0 DUREXEC" >&2; exit 2; }
	[ "$(id -u)" = 0 ] || skip_all 'cron, and a user for it, take root'
	# The user has to reach it.
	work=$(mktemp -d /tmp/durexec-cron.XXXXXX)
	inside=
	trap leave EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM
	chmod 755 "$work"
	mkdir "$work/bin" "$work/cases" "$work/mail"
	install -m 755 "$1" "$work/bin/durexec"
	local here status=0
	here=$(dirname "$(realpath "$0")")
	install -m 644 "$here/mails.awk" "$here/packages" \
		"$here/../packages.sh" "$work"
	local how=(unshare --mount --pid --fork --mount-proc --kill-child)
	if [ "${CRON_ROOM-}" != no ] && "${how[@]}" true 2>/dev/null; then
		go KILL "${how[@]}" bash "$0" --inside room "$work" || status=$?
	fi
	[ -e "$work/ready" ] || {
		status=0
		go TERM bash "$0" --inside bare "$work" || status=$?
	}
	exit "$status"
}

go() { # SIGNAL COMMAND...: SIGNAL ends it, when we are told to end
	local status=0
	ending=$1
	shift
	"$@" </dev/null &
	inside=$!
	wait "$inside" || status=$?
	inside=
	return "$status"
}

# shellcheck disable=SC2317 # called by the trap
leave() {
	if [ -n "$inside" ]; then
		kill "-$ending" "$inside" 2>/dev/null || :
		{ wait "$inside" || :; } 2>/dev/null
	fi
	rm -rf "$work"
}

# Copies in memory of what packages, useradd, cron and mail write to.
make_room() {
	local at=$work/layers dir f
	mkdir -p "$at"
	mount -t tmpfs tmpfs "$at" || return
	mkdir "$at/net"
	for f in resolv.conf hosts; do	# may be mounts, or links into /run
		cp -L "/etc/$f" "$at/net" || :
	done
	for dir in bin etc lib lib64 sbin usr var; do
		if [ ! -d "/$dir" ] || [ -L "/$dir" ]; then continue; fi
		mkdir -p "$at/$dir/upper" "$at/$dir/work"
		mount -t overlay -o "lowerdir=/$dir,upperdir=$at/$dir/upper,workdir=$at/$dir/work" \
			overlay "/$dir" || return
	done
	mount -t tmpfs -o mode=755 tmpfs /run || return
	mkdir /run/lock
	for f in "$at"/net/*; do
		rm -f "/etc/${f##*/}"
		cp "$f" /etc
	done
	# No package starts a daemon; no crontab is here but ours.
	printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
	chmod 755 /usr/sbin/policy-rc.d
	rm -rf "${spool:?}"/* /etc/cron.d/* /etc/crontab "$box"
}

# In the room, what they conflict with goes away; else somebody's own cron and
# mail stay.
install_packages() {
	local package missing=()
	while read -r package; do
		case $where.$package in
		bare.cron) ! command -v crontab >/dev/null || continue ;;
		bare.dma) [ ! -e /usr/sbin/sendmail ] || continue ;;
		esac
		missing+=("$package")
	done <"$work/packages"
	sh "$work/packages.sh" "${missing[@]}"
	# packages have crontabs, too
	[ "$where" = bare ] || rm -f /etc/cron.d/* /etc/crontab
}

remove_user() {
	crontab -u "$user" -r 2>/dev/null || :
	kill_ours
	userdel "$user" || :
	rm -f "$box"
}

# --- processes ----------------------------------------------------------------

# Those of the user: they are all ours.
ours() {
	{ ps -o pid=,stat= -u "$user" -U "$user" || :; } |
		awk '$2 !~ /^Z/ { print $1 }'
}

kill_ours() {
	local left
	for _ in {1..20}; do
		left=$(ours)
		[ -n "$left" ] || return 0
		# shellcheck disable=SC2086
		kill -KILL $left 2>/dev/null || :
	done
}

over() { # PID: gone, or a zombie
	local state
	state=$(ps -o stat= -p "$1") || return 0
	[ "${state:0:1}" = Z ]
}

parent() { ps -o ppid= -p "$1" | tr -d ' '; }

# The durexec that cron started.
durexec_of() { # ARGUMENTS
	local p
	for p in $(ours); do
		[ "$(tr '\0' ' ' <"/proc/$p/cmdline")" != "$bin $1 " ] ||
			echo "$p"
	done 2>/dev/null
}

found() { # ARGUMENTS: its pid is $pid
	pid=$(durexec_of "$1")
	[ -n "$pid" ]
}

keeper_of() { # PID of a step
	local p=$1
	until [ "$p" = 1 ] || [ "$(cat "/proc/$p/comm")" = durexec-keeper ]; do
		p=$(parent "$p")
	done
	[ "$p" != 1 ] && echo "$p"
}

cron_running() {
	local p
	p=$(cat /run/crond.pid 2>/dev/null) || return
	[ "$(cat "/proc/$p/comm" 2>/dev/null)" = cron ] || return
	cron=$p
}

# --- waiting ------------------------------------------------------------------

# until_so WHAT COMMAND...: until COMMAND succeeds; never: the case has failed,
# and nothing more is done for it
until_so() {
	local what=$1 limit=$((SECONDS + 240))
	shift
	until "$@"; do
		if [ "$SECONDS" -ge "$limit" ]; then
			echo "never: $what" | tee "$work/never.$name" >&2
			exit 1
		fi
		sleep 1
	done
}

# The calls of a case, as its crontab line writes them: "start", "end STATUS".
calls() { cat "$home/calls.${1:-$name}" 2>/dev/null || :; }
called() { # N LINE [CALLS]
	[ "$(calls "${3-}" | grep -cx -e "$2")" -ge "$1" ]
}
lines() { # N FILE
	[ -e "$2" ] && [ "$(wc -l <"$2")" -ge "$1" ]
}

# --- mail ---------------------------------------------------------------------

# How many have WORD in their subject, which is a line of the crontab; they are
# in $work/mail/NAME.N then.
mails() { # NAME WORD
	[ -e "$box" ] || { echo 0; return; }
	rm -f "$work/mail/$1".*
	LC_ALL=C awk -v word="$2" -v out="$work/mail/$1" \
		-f "$work/mails.awk" "$box"
}

# Something that comes after all that was sent before.
send() { # WORD
	printf 'To: %s\nSubject: %s\n\n%s\n' "$user" "$1" "$1" |
		/usr/sbin/sendmail -i "$user"
}

arrived() { [ "$(mails word "$1")" != 0 ]; } # WORD

# --- the cases, and what happens to them while cron works ---------------------

# A line of the crontab: COMMAND, with its calls in a file.
each_minute() { # CALLS COMMAND
	local f=$home/calls.$1
	echo "* * * * * echo start >>$f; $2; echo \"end \$?\" >>$f" >>"$work/tab"
}

# FILE <TEXT, in the directory of the case
pipeline() { cat >"$dir/$1"; }

make_quiet() {
	pipeline p.ini <<-'INI'
		[step look]
		run =
		  env >environment
		  command -v durexec >where
		  durexec step call -- sh -c 'echo "call $DUREXEC_RUN" >>saw; echo out; echo err >&2'
		[step after]
		run = echo after "$DUREXEC_RUN" >>saw; echo out; echo err >&2
	INI
	each_minute quiet "$bin --cron $dir/p.ini"
}
drive_quiet() { until_so 'three calls' called 3 'end .*'; }

make_mended() {
	pipeline p.ini <<-'INI'
		[step fetch]
		run = echo fetch >>saw; echo of no interest
		[step upload]
		run =
		  echo upload >>saw
		  [ -e mended ] || {
		    touch mended
		    echo upload began
		    for i in {1..30}; do echo "file $i of 30 is there"; done >&2
		    echo 'disk quota exceeded: größer als 5 %' >&2
		    printf '\033[1;31mremote end says no\033[0m\r\n' >&2
		    exit 7
		  }
		[step after]
		run = echo after >>saw
	INI
	each_minute mended "$bin --cron $dir/p.ini"
}
drive_mended() { until_so 'three calls' called 3 'end .*'; }

slow='[step slow]
run = echo "slow $DUREXEC_RUN" >>saw; until [ -e open ]; do sleep 0.5; done
[step after]
run = echo "after $DUREXEC_RUN" >>saw'

make_overlap() {
	pipeline p.ini <<<"$slow"
	each_minute overlap "$bin --cron $dir/p.ini"
}
drive_overlap() {
	until_so 'a second start while the first one works' called 1 'end 75'
	touch "$dir/open"
	until_so 'another run after it' called 2 'end 0'
}

make_old() {
	pipeline p.ini <<<$'[pipeline]\nmax_age = 1s\n'"$slow"
	each_minute old "$bin --cron $dir/p.ini"
}
drive_old() {
	local pid
	until_so 'the first one works' lines 1 "$dir/saw"
	until_so 'it is a process' found "--cron $dir/p.ini"
	echo "$pid" >"$work/pid.old"
	drive_overlap
}

make_killed() {
	pipeline p.ini <<<"$slow"
	echo "* * * * * $bin --cron $dir/p.ini" >>"$work/tab"
}
drive_killed() {
	kill_and_adopt "--cron $dir/p.ini" "$dir/.durexec/p"
	until_so "today's run after it" lines 4 "$dir/saw"
}

kill_and_adopt() { # ARGUMENTS RUNS: of durexec; the directory of its runs
	local pid job
	until_so 'the first one works' lines 1 "$dir/saw"
	until_so 'it is a process' found "$1"
	job=$pid
	until [ "$(parent "$job")" = "$cron" ]; do job=$(parent "$job"); done
	kill -KILL "$pid"
	until_so 'cron waits for nobody who goes on' over "$job"
	until_so 'the next one adopts it' grep -q ' adopt step=' "$2/latest/state"
	touch "$dir/open"
}

make_lost() {
	pipeline p.ini <<-'INI'
		[step before]
		run = echo "before $DUREXEC_RUN" >>saw
		[step slow]
		run =
		  exec 9>lock
		  flock -n 9 || echo two at once >>saw
		  echo "slow $DUREXEC_ATTEMPT $DUREXEC_RUN" >>saw
		  echo $$ >pid
		  until [ -e open ]; do sleep 0.5; done
		[step after]
		run = echo "after $DUREXEC_RUN" >>saw
	INI
	echo "* * * * * $bin --cron $dir/p.ini" >>"$work/tab"
}
drive_lost() {
	local pid
	until_so 'the first one works' lines 1 "$dir/pid"
	until_so 'it is a process' found "--cron $dir/p.ini"
	kill -KILL "$pid" "$(keeper_of "$(cat "$dir/pid")")"
	until_so 'the next one goes on' lines 3 "$dir/saw"
	touch "$dir/open"
	until_so "today's run after it" lines 7 "$dir/saw"
}

make_readonly() {
	pipeline p.ini <<-'INI'
		[step one]
		run = echo "one $DUREXEC_RUN" >>~/readonly; ! touch here 2>/dev/null
		[step two]
		run = echo "two $DUREXEC_RUN" >>~/readonly; touch "$DUREXEC_DIR/here"
	INI
	each_minute readonly "$bin --cron --state-dir $home/state $dir/p.ini"
}
drive_readonly() { until_so 'two calls' called 2 'end .*'; }

make_script() {
	cat >"$dir/nightly.sh" <<-'END'
		#!/bin/bash
		set -e
		cd "$(dirname "$0")"
		echo the night begins
		text=$(durexec step one -- sh -c 'echo one >>saw; echo text of one')
		durexec step two -- sh -c 'echo two >>saw; [ -e mended ] || {
			touch mended; echo "the archive is away" >&2; exit 5; }'
		echo "$text" >>result
	END
	chmod 755 "$dir/nightly.sh"
	each_minute script "$bin exec --cron -- $dir/nightly.sh"
}
drive_script() { until_so 'three calls' called 3 'end .*'; }

make_adopted() {
	cat >"$dir/long.sh" <<-'END'
		#!/bin/bash
		cd "$(dirname "$0")"
		durexec step one -- sh -c 'echo "one $DUREXEC_RUN" >>saw; echo out'
		until [ -e open ]; do sleep 0.5; done
		durexec step two -- sh -c 'echo "two $DUREXEC_RUN" >>saw; echo out'
	END
	chmod 755 "$dir/long.sh"
	echo "* * * * * $bin exec --cron -- $dir/long.sh" >>"$work/tab"
}
drive_adopted() {
	kill_and_adopt "exec --cron -- $dir/long.sh" \
		"$home/.local/state/durexec/long.sh"
	until_so "today's run after it" lines 4 "$dir/saw"
}

make_limit() {
	pipeline p.ini <<-'INI'
		[step ask]
		run =
		  echo "ask $DUREXEC_RUN" >>saw
		  [ -e known ] || { touch known; echo 5 >"$DUREXEC_WAIT"; echo later; exit 1; }
	INI
	each_minute limit "$bin --cron --no-wait $dir/p.ini"
}
drive_limit() { until_so 'a call after the limit' called 1 'end 0'; }

make_several() {
	pipeline good.ini <<<$'[step a]\nrun = echo all is well'
	pipeline bad.ini <<<$'[step a]\nrun = echo no such tape >&2; exit 5'
	pipeline busy.ini <<<"$slow"
	local f
	for f in good bad busy; do each_minute $f "$bin --cron $dir/$f.ini"; done
	# not in the second in which the others have begun
	echo "* * * * * cd $dir && sleep 15; $bin status" >>"$work/tab"
}
reported() {
	local last n
	n=$(mails now "cd $dir && ")
	last=$work/mail/now.$n
	[ "$n" != 0 ] && grep -q '^good  *done .*[0-9]:[0-9]' "$last" &&
		grep -q '^bad  *needs review .*[0-9]:[0-9]' "$last" &&
		grep -q '^busy  *running' "$last" && cp "$last" "$work/report"
}
drive_several() {
	until_so 'a status of all three' reported
	touch "$dir/open"
	until_so 'the end of what was busy' called 1 'end 0' busy
}

make_mistake() {
	pipeline p.ini <<<$'[step a]\nrum = true'
	each_minute mistake "$bin --cron $dir/p.ini"
}
drive_mistake() { until_so 'a call' called 1 'end .*'; }

make_reboot() {
	pipeline p.ini <<<$'[step a]\nrun = echo "a $DUREXEC_RUN" >>saw; echo out'
	echo "@reboot $bin --cron $dir/p.ini" >>"$work/tab"
}
drive_reboot() {
	[ -n "$reboot" ] || return 0
	until_so 'a run at the start' lines 1 "$dir/saw"
}

# --- what must be so in the end -----------------------------------------------

bad() { why="$why; $*"; }

is() { # WHAT HAVE WANT
	[ "$2" = "$3" ] || bad "$1: \"$2\", not \"$3\""
}

has() { # FILE TEXT...
	local f=$1 t
	shift
	for t; do grep -qF -e "$t" "$f" || bad "${f##*/} lacks \"$t\""; done
}

hasnt() {
	local f=$1 t
	shift
	for t; do
		! grep -qF -e "$t" "$f" || bad "${f##*/} has \"$t\""
	done
}

# COUNT [WORD]: so many mails of this case, none with a control character
mailed() {
	local n f
	n=$(mails "$name" "${2:-$dir/}")
	is mails "$n" "$1"
	for f in "$work/mail/$name".*; do
		[ -e "$f" ] || continue
		! LC_ALL=C grep -q $'[\e\r\a\b]' "$f" || bad "${f##*/} has escapes"
	done
}

# STATUS...: how its first calls ended; all others ended with the last STATUS,
# and all have ended
ended() {
	local have want=$* last=${!#} n
	have=$(calls | sed -n 's/^end //p' | xargs)
	n=$(calls | grep -cx start) || :
	while [ "$(wc -w <<<"$want")" -lt "$n" ]; do want+=" $last"; done
	is ended "$have" "$want"
}

# What the witness saw first.
saw() { # LINE...
	is saw "$(head -n $# "$dir/saw" | xargs -d '\n' printf '%s, ')" \
		"$(printf '%s, ' "$@")"
}

# FILE N STEP...: nothing was done twice in a run; N runs at least, each with
# all STEPs
once_each() {
	local f=$1 n=$2 step runs
	shift 2
	is "done twice" "$(sort "$f" | uniq -d)" ''
	runs=$(sed 's/.* //' "$f" | sort -u | wc -l)
	[ "$runs" -ge "$n" ] || bad "$runs runs"
	for step; do
		is "runs of $step" "$(grep -c "^$step " "$f")" "$runs"
	done
}

as_user() {
	runuser -u "$user" -- env -i HOME="$home" LOGNAME="$user" SHELL=/bin/sh \
		PATH=/usr/bin:/bin sh -c 'cd && exec "$@"' sh "$@"
}

# N [ARG...]: `durexec history` has so many runs, all done
history_of() {
	local n=$1
	shift
	as_user "$bin" history "$@" >"$work/history" || bad 'history fails'
	is 'runs in history' "$(wc -l <"$work/history")" "$n"
	is 'of which are done' "$(grep -c ' done  ' "$work/history")" "$n"
}

check_quiet() {
	ended 0
	mailed 0
	once_each "$dir/saw" 3 call after
	history_of "$(calls | grep -cx start)" "$dir/p.ini"
	is durexec "$(cat "$dir/where")" "$bin"
	has "$dir/environment" SHELL=/bin/sh "HOME=$home" "LOGNAME=$user" \
		"PATH=/usr/bin:/bin:$work/bin"
	hasnt "$dir/environment" TERM=
}

check_mended() {
	ended 1 0
	mailed 1
	saw fetch upload upload after fetch upload after fetch upload after
	local m=$work/mail/$name.1
	has "$m" 'upload needs review: exit 7' '| file 30 of 30 is there' \
		'| disk quota exceeded: größer als 5 %' 'remote end says no' log:
	hasnt "$m" 'of no interest' 'file 1 of' fetch
	history_of "$(calls | grep -cx start)" "$dir/p.ini"
}

check_overlap() {
	is 'first end' "$(calls | grep -m 1 end)" 'end 75'
	is 'other ends' "$(calls | grep end | grep -vxE 'end (0|75)')" ''
	mailed 0
	once_each "$dir/saw" 2 slow after
}

check_old() {
	local n pid f
	n=$(calls | grep -cx 'end 75') || :
	is 'first end' "$(calls | grep -m 1 end)" 'end 75'
	is 'other ends' "$(calls | grep end | grep -vxE 'end (0|75)')" ''
	mailed "$n"
	pid=$(cat "$work/pid.old")
	for f in "$work/mail/$name".*; do
		is "lines of ${f##*/}" "$(grep -c . "$f")" 1
		grep -q "\b$pid\b" "$f" || bad "${f##*/} does not name $pid"
	done
	once_each "$dir/saw" 2 slow after
}

# "Killed", says the shell of cron, and nothing else is said.
mailed_killed() {
	local n
	n=$(mails "$name" "$dir/")
	[ "$n" = 0 ] || is 'mail' "$(cat "$work/mail/$name".*)" Killed
}

check_killed() {
	mailed_killed
	once_each "$dir/saw" 2 slow after
}

check_lost() {
	mailed_killed
	hasnt "$dir/saw" two
	local run
	run=$(sed -n '1s/.* //p' "$dir/saw")
	saw "before $run" "slow 1 $run" "slow 2 $run" "after $run"
	once_each "$dir/saw" 2 before after
}

check_readonly() {
	ended 0
	mailed 0
	once_each "$home/readonly" 2 one two
	is files "$(ls -A "$dir")" p.ini
	history_of "$(calls | grep -cx start)" --state-dir "$home/state" "$dir/p.ini"
}

check_script() {
	ended 5 0
	mailed 1
	has "$work/mail/$name.1" 'the night begins' 'the archive is away' \
		'nightly.sh: exit 5'
	hasnt "$work/mail/$name.1" 'text of one'
	saw one two two one two one two
	is results "$(sort -u "$dir/result")" 'text of one'
	is 'how many' "$(wc -l <"$dir/result")" "$(calls | grep -cx start)"
	history_of "$(calls | grep -cx start)" --name nightly.sh
}

check_adopted() {
	mailed_killed
	once_each "$dir/saw" 2 one two
	history_of "$(sed 's/.* //' "$dir/saw" | sort -u | wc -l)" --name long.sh
}

check_limit() {
	ended 75 0
	mailed 0
	local run
	run=$(sed -n '1s/.* //p' "$dir/saw")
	saw "ask $run" "ask $run"
	is 'runs but that' "$(grep -cv "$run" "$dir/saw")" \
		"$(calls | grep -cx 'end 0')"
}

check_several() {
	mailed 0 /good.ini
	mailed 0 /busy.ini
	is 'other ends of busy' \
		"$(calls busy | grep end | grep -vxE 'end (0|75)')" ''
	is 'ends of bad' "$(calls bad | grep end | sort -u)" 'end 1'
	mailed "$(calls bad | grep -cx start)" /bad.ini
	has "$work/mail/$name.1" 'no such tape' 'exit 5'
	is 'lines of its status' "$(wc -l <"$work/report")" 3
	hasnt "$work/report" $'\e'
}

check_mistake() {
	ended 2
	mailed "$(calls | grep -cx start)"
	has "$work/mail/$name.1" "p.ini:2: " '"rum"'
}

check_reboot() {
	mailed 0
	once_each "$dir/saw" 1 a
	is runs "$(wc -l <"$dir/saw")" 1
}

# --- all of it ----------------------------------------------------------------

# What is ours goes away; in the room, with the room. Without an end there was
# no success.
# shellcheck disable=SC2317 # called by the trap
take_back() {
	set +e
	[ -n "$counted" ] || echo "0 passed, ${#cases[@]} failed, 0 skipped"
	[ "$where" = bare ] || return 0
	# shellcheck disable=SC2086
	[ -z "$daemon$driving" ] || kill $daemon $driving 2>/dev/null
	! id "$user" >/dev/null 2>&1 || remove_user
	[ -z "$daemon" ] || rm -f /run/crond.pid
	[ -z "$reboot" ] || rm -f /run/crond.reboot
}

start_cron() {
	! cron_running || return 0
	[ "$where" = room ] ||
		[ -z "$(find "$spool" -type f ! -name "$user")" ] ||
		skip_all 'no cron runs here, and there are crontabs that it would run'
	[ -e /run/crond.reboot ] || reboot=yes
	env -i --default-signal PATH=/usr/sbin:/usr/bin:/sbin:/bin cron -f &
	daemon=$! name=cron
	until_so 'cron runs' cron_running
}

at_rest() { # no job, nobody whom one has left, no mail on its way
	[ -z "$(ours)$(ps -o stat= --ppid "$cron" | awk '!/^Z/')" ]
}

[ "${1-}" = --inside ] || outside "$@"
where=$2 work=$3
bin=$work/bin/durexec home=$work/home box=/var/mail/$user
spool=/var/spool/cron/crontabs
counted='' cron='' daemon='' driving='' reboot='' name=''
if [ "$where" = room ]; then
	make_room 2>"$work/why" || exit 1
	: >"$work/ready"
fi
trap take_back EXIT
trap 'exit 143' TERM INT
install_packages
! id "$user" >/dev/null 2>&1 || remove_user
useradd --system --create-home --home-dir "$home" --shell /bin/sh "$user"

name=mail
send first
until_so "mail reaches $box" arrived first

for name in "${cases[@]}"; do
	dir=$work/cases/$name
	mkdir "$dir"
	"make_$name"
	chown -R "$user:" "$dir"
	[ "$name" != readonly ] || { chown -R root: "$dir"; chmod 555 "$dir"; }
done
crontab -u "$user" - <"$work/tab"
start_cron

# At the same time, each with words of its own.
pids=()
for name in "${cases[@]}"; do
	dir=$work/cases/$name
	"drive_$name" &
	pids+=($!)
	driving+=" $!"
done
for i in "${!cases[@]}"; do
	wait "${pids[i]}" || [ -e "$work/never.${cases[i]}" ] ||
		echo 'a command failed while cron worked' >"$work/never.${cases[i]}"
done
driving=

crontab -u "$user" -r
# those that a case which failed has left waiting
for name in overlap old killed lost adopted several; do
	touch "$work/cases/$name/open"
done
name=end
until_so 'all is at rest' at_rest
send last
until_so 'the last mail is there' arrived last

set +e
passed=0 failed=0 skipped=0
for name in "${cases[@]}"; do
	dir=$work/cases/$name why=
	if [ "$name.$reboot" = reboot. ]; then
		skipped=$((skipped + 1))
		echo "ok $name # SKIP cron ran already"
		continue
	fi
	[ ! -e "$work/never.$name" ] || bad "$(cat "$work/never.$name")"
	"check_$name" 2>"$work/errors"
	[ ! -s "$work/errors" ] || bad "$(head -n 3 "$work/errors")"
	if [ -z "$why" ]; then
		passed=$((passed + 1))
		echo "ok $name"
	else
		failed=$((failed + 1))
		echo "not ok $name - ${why#; }"
		for f in "$home/calls.$name" "$dir/saw" "$work/mail/$name".*; do
			[ ! -e "$f" ] || sed "s/^/# ${f##*/}: /" "$f"
		done | head -n 40
	fi
done
counted=yes
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
