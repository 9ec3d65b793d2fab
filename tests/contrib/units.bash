#!/bin/bash
# SPDX-License-Identifier: ISC
#
# units.bash DUREXEC UNITS: the units of contrib/systemd under a real systemd, as
# process 1 of namespaces made for it, and its user manager (TAP-like; root). It
# sees the machine's files, but has a /run, cgroups and units of its own; nothing
# of it is left.
#
# What is in single quotes here is for the shells of steps.
# shellcheck disable=SC2016
set -euo pipefail

cases=(runs timer killed stopped restarted review approval busy script
	script_killed boot late user)

skip_all() { # SENTENCE
	local name
	for name in "${cases[@]}"; do echo "ok units: $name # SKIP $1"; done
	echo "0 passed, 0 failed, ${#cases[@]} skipped"
	exit 0
}

# --- outside: namespaces, and systemd in them ---------------------------------

outside() { # DUREXEC UNITS
	[ "$(id -u)" = 0 ] || skip_all 'a systemd of its own takes root'
	local type name
	work=$(mktemp -d /tmp/durexec-units.XXXXXX)
	trap 'tidy; rm -rf "$work"' EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM
	mkdir -p "$work"/{bin,cgroup,srv,units/room.target.wants,user,home} \
		"$work"/log/{units,user}
	chmod 755 "$work"
	chmod 777 "$work/log/user"
	install -m 755 "$1" "$work/bin/durexec"
	install -m 755 "$0" "$work/bin/units.bash"
	cp "$2"/system/* "$work/units"
	cp "$2"/user/* "$work/user"
	# Not a whole system: what the units refer to, and nothing else.
	for name in room sysinit basic shutdown timers network-online \
		multi-user default; do
		for type in units user; do
			printf '[Unit]\nDefaultDependencies=no\n' \
				>"$work/$type/$name.target"
		done
	done
	# For all services here; a test is not to wait for a minute.
	for type in units user; do
		for name in durexec durexec-exec durexec-resume; do
			mkdir "$work/$type/$name@.service.d"
			cat >"$work/$type/$name@.service.d/test.conf" <<-END
				[Service]
				RestartSec=200ms
				Environment=PATH=$work/bin:/usr/bin:/bin
				StandardOutput=append:$work/log/$type/%p
				StandardError=append:$work/log/$type/%p
			END
		done
		mkdir "$work/$type/durexec@.timer.d"
		cat >"$work/$type/durexec@.timer.d/test.conf" <<-END
			[Timer]
			OnCalendar=
			OnCalendar=*-*-* *:*:*
			AccuracySec=1ms
			Persistent=false
		END
	done
	cat >"$work/units/cases.service" <<-END
		[Unit]
		DefaultDependencies=no
		[Service]
		Type=oneshot
		Environment=HOME=$work/home PATH=$work/bin:/usr/sbin:/usr/bin:/sbin:/bin
		ExecStart=/bin/bash $work/bin/units.bash --cases $work
		StandardOutput=append:$work/said
		StandardError=append:$work/said
		ExecStopPost=/bin/systemctl exit 0 --force
	END
	ln -s ../cases.service "$work/units/room.target.wants"
	cat >"$work/units/manager.service" <<-END
		[Unit]
		DefaultDependencies=no
		[Service]
		Type=notify
		User=65534
		Delegate=yes
		KillMode=mixed
		TimeoutStopSec=5s
		Environment=HOME=$work/srv/user XDG_RUNTIME_DIR=/run/user-manager
		Environment=SYSTEMD_UNIT_PATH=$work/user:/usr/lib/systemd/user DBUS_SESSION_BUS_ADDRESS=
		RuntimeDirectory=user-manager
		ExecStart=/lib/systemd/systemd --user --unit=room.target
		StandardOutput=append:$work/log/units/manager
		StandardError=append:$work/log/units/manager
	END
	timeout -k 5 120 unshare --mount --fork --kill-child \
		bash "$work/bin/units.bash" --join "$work" >"$work/log/room" 2>&1 ||
		:
	[ -e "$work/began" ] || {
		sed 's/^/# /' "$work/log/room" >&2
		skip_all 'no systemd can be started here'
	}
	cat "$work/said"
	grep -q ' passed, ' "$work/said" || {
		sed 's/^/# /' "$work/log/room"
		echo "0 passed, 1 failed, 0 skipped"
	}
}

# A cgroup of its own, which is the root of what systemd sees.
join() {
	mount -t cgroup2 cgroup2 "$work/cgroup"
	mkdir "$work/cgroup/${work##*/}"
	echo $$ >"$work/cgroup/${work##*/}/cgroup.procs"
	exec unshare --mount --pid --fork --mount-proc --kill-child --cgroup \
		--ipc --uts bash "$work/bin/units.bash" --boot "$work"
}

# What is left of the cgroup has no processes any more, or soon.
tidy() {
	unshare --mount bash "$work/bin/units.bash" --tidy "$work" || :
}
tidy_inside() {
	local group=$work/cgroup/${work##*/} tries=0
	mount -t cgroup2 cgroup2 "$work/cgroup"
	while [ -e "$group" ] && [ "$tries" -lt 50 ]; do
		find "$group" -depth -type d -exec rmdir {} + 2>/dev/null ||
			sleep 0.1
		tries=$((tries + 1))
	done
}

boot() {
	umount "$work/cgroup"
	mount -t tmpfs -o mode=755 tmpfs /run
	mount -t tmpfs -o mode=755 tmpfs /var/lib/systemd
	mount -t cgroup2 cgroup2 /sys/fs/cgroup
	mount -t tmpfs -o mode=700 tmpfs "$(getent passwd root | cut -d: -f6)"
	# not ours to write to
	mount --bind /etc /etc
	mount -o remount,bind,ro /etc
	mount -t tmpfs -o mode=755 tmpfs /etc/systemd
	mkdir /etc/systemd/system
	exec env -i container=durexec PATH=/usr/sbin:/usr/bin:/sbin:/bin \
		SYSTEMD_UNIT_PATH="$work/units" SYSTEMD_LOG_TARGET=console \
		/lib/systemd/systemd --system --unit=room.target --show-status=no
}

# --- inside: the cases --------------------------------------------------------

passed=0 failed=0 why=

bad() { why="$why; $*"; }

is() { # WHAT HAVE WANT
	[ "$2" = "$3" ] || bad "$1 is \"$2\", not \"$3\""
}

until_so() { # WHAT COMMAND...
	local what=$1 tries=0
	shift
	until "$@"; do
		tries=$((tries + 1))
		if [ "$tries" -ge 300 ]; then
			bad "never: $what"
			return 1
		fi
		sleep 0.1
	done
}

manage() {
	if [ -z "$manager" ]; then
		systemctl "$@"
	else
		setpriv --reuid=65534 --regid=65534 --clear-groups \
			systemctl --user "$@"
	fi
}
show() { manage show -P "$1" "$unit"; }
state_is() { [ "$(show ActiveState)" = "$1" ]; }
ended() { [[ $(show ActiveState) = @(inactive|failed) ]]; }
lines() { [ -e "$2" ] && [ "$(wc -l <"$2")" = "$1" ]; }
runs() { durexec history p.ini | wc -l; }
# a new durexec, and not only the shell that becomes it
another() { # PID
	local now
	now=$(show MainPID)
	[ "$now" != 0 ] && [ "$now" != "$1" ] &&
		[ "$(cat "/proc/$now/comm" 2>/dev/null)" = durexec ]
}
kill_durexec() { [ "$(cat "/proc/$pid/comm")" = durexec ] && kill -KILL "$pid"; }
adopted() { durexec status --json p.ini | grep -q '"adopted":true'; }
left() { # processes of the unit
	local group
	group=/sys/fs/cgroup$(show ControlGroup)
	[ "$group" = /sys/fs/cgroup ] || cat "$group/cgroup.procs"
}

# A directory whose name has to be escaped, with a pipeline: its first step goes
# on until there is a file "open".
pipeline() {
	cat >p.ini <<'END'
[step a]
stop_grace = 5s
run =
	trap 'echo stopped >>saw; [ ! -e reopen ] || touch open; exit 1' TERM
	echo "a $DUREXEC_RUN $$" >>saw
	until [ -e open ]; do sleep 0.05 || :; done
	echo "end a" >>saw
[step b]
run = echo "b $DUREXEC_RUN" >>saw
END
}

unit_of() { # TEMPLATE FILE
	systemd-escape --path --template="$1" "$PWD/$2"
}

case_runs() {
	pipeline
	touch open
	manage start "$unit"
	until_so 'the end' ended || return 0
	is Result "$(show Result)" success
	is runs "$(runs)" 1
	manage start "$unit"
	until_so 'the second end' ended || return 0
	is 'runs afterwards' "$(runs)" 2
	[ ! -s "$log" ] || bad "it said: $(cat "$log")"
}

case_timer() {
	pipeline
	touch open
	manage start "${unit%.service}.timer"
	until_so 'two runs' eval '[ "$(runs 2>/dev/null)" -ge 2 ]' || return 0
	manage stop "${unit%.service}.timer"
	until_so 'the end' ended || return 0
	is Result "$(show Result)" success
}

# durexec is killed: its step goes on, and is adopted by the next one, which
# begins no other run.
case_killed() {
	pipeline
	manage start "$unit"
	until_so 'step a' lines 1 saw || return 0
	local pid step
	pid=$(show MainPID)
	step=$(awk '{ print $3 }' saw)
	kill_durexec
	until_so 'another durexec' another "$pid" || return 0
	until_so 'adoption' adopted || return 0
	kill -0 "$step" || bad 'the step is gone'
	is NRestarts "$(show NRestarts)" 1
	touch open
	until_so 'the end' ended || return 0
	is Result "$(show Result)" success
	is runs "$(runs)" 1
	is 'what was seen' "$(cut -d' ' -f1 saw | tr '\n' ' ')" 'a end b '
	# the next start is one for cron again
	manage start "$unit"
	until_so 'the second end' ended || return 0
	is 'runs afterwards' "$(runs)" 2
}

# systemctl stop: the step gets its signal, and nothing is left.
case_stopped() {
	pipeline
	manage start "$unit"
	until_so 'step a' lines 1 saw || return 0
	manage stop "$unit"
	is ActiveState "$(show ActiveState)" inactive
	is 'what was seen' "$(sed -n 2p saw)" stopped
	is 'processes' "$(left)" ''
	[ ! -e "/run/durexec/${unit#*@}" ] || bad 'its marker is left'
	touch open
	manage start "$unit"
	until_so 'the end' ended || return 0
	# what was left, and then its own
	is runs "$(runs)" 2
}

# systemctl restart: stopped, and gone on with.
case_restarted() {
	pipeline
	manage start "$unit"
	until_so 'step a' lines 1 saw || return 0
	touch reopen
	manage restart "$unit"
	until_so 'the end' ended || return 0
	is Result "$(show Result)" success
	is runs "$(runs)" 1
}

case_review() {
	printf '[step a]\nrun = echo "it broke" >&2; exit 7\n' >p.ini
	manage start "$unit"
	until_so 'the end' ended || return 0
	is ActiveState "$(show ActiveState)" failed
	is ExecMainStatus "$(show ExecMainStatus)" 1
	is NRestarts "$(show NRestarts)" 0
	grep -q 'it broke' "$log" || bad 'its last words are not in the log'
}

case_approval() {
	printf '[step a]\nreview = yes\n' >p.ini
	manage start "$unit"
	until_so 'the end' ended || return 0
	is ActiveState "$(show ActiveState)" inactive
	grep -q 'to approve' "$log" || bad 'it does not say what it waits for'
}

# Another durexec is at work: tried again until it is not; then its own run.
case_busy() {
	pipeline
	durexec -q p.ini &
	local other=$!
	until_so 'step a' lines 1 saw || return 0
	manage start "$unit"
	until_so 'a restart' eval '[ "$(show NRestarts)" -ge 1 ]' || return 0
	touch open
	wait "$other"
	until_so 'the end' ended || return 0
	is Result "$(show Result)" success
	is runs "$(runs)" 2
}

script() {
	script=my-$name.sh
	cat >"$script" <<-'END'
		#!/bin/bash
		echo "begun $DUREXEC_RUN $$" >>saw
		echo "${HOME-none}" >home
		until [ -e open ]; do sleep 0.05 || :; done
		exit "$(cat open)"
	END
	chmod 755 "$script"
	sed -i "2i cd '$PWD'" "$script"
	unit=$(unit_of durexec-exec@.service "$script")
	log=$work/log/units/durexec-exec
}

# A script's own exit status, whatever it means to durexec.
case_script() {
	script
	echo 3 >open
	manage start "$unit"
	until_so 'the end' ended || return 0
	is ActiveState "$(show ActiveState)" failed
	is ExecMainStatus "$(show ExecMainStatus)" 3
	is NRestarts "$(show NRestarts)" 0
	[ -e ~root/".local/state/durexec/$script/exec.ini" ] ||
		bad 'its state is not in HOME'
	is HOME "$(cat home)" ~root
}

case_script_killed() {
	script
	manage start "$unit"
	until_so 'the script' lines 1 saw || return 0
	local pid
	pid=$(show MainPID)
	kill_durexec
	until_so 'another durexec' another "$pid" || return 0
	echo 0 >open
	until_so 'the end' ended || return 0
	is Result "$(show Result)" success
	is 'how often it ran' "$(wc -l <saw)" 1
}

# What a power cut has left goes on at boot; what is finished is left alone.
case_boot() {
	pipeline
	durexec -q p.ini &
	local pid=$!
	until_so 'step a' lines 1 saw || return 0
	# all of it, as a power cut
	kill -STOP "$pid"
	local step
	step=$(awk '{ print $3 }' saw)
	kill -KILL "$(ps -o ppid= -p "$step")" "$step" "$pid"
	wait "$pid" 2>/dev/null || :
	touch open
	unit=$(unit_of durexec-resume@.service p.ini)
	manage enable "$unit" >/dev/null 2>&1
	[ -L "/etc/systemd/system/multi-user.target.wants/$unit" ] ||
		bad 'it cannot be enabled'
	manage start "$unit"
	until_so 'the end' ended || return 0
	is Result "$(show Result)" success
	is runs "$(runs)" 1
	is 'starts of a' "$(grep -c '^a ' saw)" 2
	manage start "$unit"
	until_so 'the second end' ended || return 0
	is 'runs afterwards' "$(runs)" 1
}

# What systemd stops when durexec is gone, or does not wait for, goes on.
case_late() {
	pipeline
	mkdir "$work/units/$unit.d"
	printf '[Service]\nRestartSec=1h\nTimeoutStopSec=1s\n' \
		>"$work/units/$unit.d/late.conf"
	manage daemon-reload
	manage start "$unit"
	until_so 'step a' lines 1 saw || return 0
	local pid step
	pid=$(show MainPID)
	step=$(awk '{ print $3 }' saw)
	kill_durexec
	until_so 'waiting for a restart' state_is activating || return 0
	manage stop "$unit"
	is ActiveState "$(show ActiveState)" inactive
	kill -0 "$step" || bad 'the step is gone after a stop without durexec'
	durexec stop p.ini >/dev/null
	! kill -0 "$step" 2>/dev/null || bad 'durexec stop has not ended it'

	sed -i "s/trap '.*' TERM/trap : TERM/; s/= 5s/= 1h/" p.ini
	rm saw
	manage start "$unit"
	until_so 'step a, again' lines 1 saw || return 0
	step=$(awk '{ print $3 }' saw)
	manage stop "$unit" 2>/dev/null || :
	kill -0 "$step" || bad 'the step is gone after TimeoutStopSec'
	durexec stop --now p.ini >/dev/null
	! kill -0 "$step" 2>/dev/null || bad 'durexec stop --now has not ended it'
}

# The same units below a user's manager: killed, adopted; stopped.
case_user() {
	chown 65534 . ..
	pipeline
	systemctl start manager.service
	manager=yes
	if until_so 'the manager' managed; then
		in_manager
	fi
	manager=
	systemctl stop manager.service
}
managed() { manage list-units >/dev/null 2>&1; }
in_manager() {
	local pid
	manage start "$unit"
	until_so 'step a' lines 1 saw || return 0
	pid=$(show MainPID)
	kill_durexec
	until_so 'another durexec' another "$pid" || return 0
	manage stop "$unit"
	is ActiveState "$(show ActiveState)" inactive
	is 'what was seen' "$(sed -n 2p saw)" stopped
	is 'starts of a' "$(grep -c '^a ' saw)" 1
	is 'processes' "$(left)" ''
}

all_cases() {
	local name
	touch "$work/began"
	export XDG_RUNTIME_DIR=/run/user-manager
	for name in "${cases[@]}"; do
		why='' manager=''
		mkdir -p "$work/srv/$name/a b-c"
		cd "$work/srv/$name/a b-c"
		unit=$(unit_of durexec@.service p.ini)
		log=$work/log/units/durexec
		: >"$log"
		"case_$name" || bad "exit $?"
		if [ -z "$why" ]; then
			echo "ok units: $name"
			passed=$((passed + 1))
		else
			echo "not ok units: $name - ${why#; }"
			sed 's/^/# /' "$work"/log/*/* saw 2>/dev/null || :
			manage status "$unit" --no-pager 2>&1 |
				sed 's/^/# /' || :
			failed=$((failed + 1))
		fi
	done
	echo "$passed passed, $failed failed, 0 skipped"
}

case ${1-} in
--join) work=$2 && join ;;
--tidy) work=$2 && tidy_inside ;;
--boot) work=$2 && boot ;;
--cases) work=$2 && all_cases ;;
*) outside "$(realpath "$1")" "$(realpath "$2")" ;;
esac
