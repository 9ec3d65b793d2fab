# SPDX-License-Identifier: ISC
# The security rules S1-S10, each by its number; a secret that is nowhere.
# Hostile names on every other way in, and links: x-hostile.bats, x-links.bats.
# (x-*: make check-long)
load helper
load hostile

# A directory that everybody can enter: those of the tests are closed.
open_place() {
	public=$(mktemp -d)
	chmod 711 "$public"
	install -m 755 "$DUREXEC" "$public/durexec"
}

# as USER ARG...: durexec ARG... as another user, in $public
as() {
	local uid=$1
	shift
	(cd "$public" && DUREXEC=$public/durexec T=$public EXE=/usr/bin/setpriv \
		become --reuid "$uid" --regid "$uid" --clear-groups \
		"$public/durexec" "$@") </dev/null >out 2>err
}

# the words of the environment of process $1, one a line
environment() { tr '\0' '\n' <"/proc/$1/environ"; }

@test "S1: a state directory that is another one's, or others can write to" {
	printf '[step a]\nrun = mark\n' >p.ini
	go 0 p.ini
	for d in .durexec .durexec/p "$(run_dir)"; do
		for mode in 720 702 777; do
			chmod $mode "$d"
			for what in --fresh status logs history; do
				go 4 $what p.ini
				like err 'others can write to the state directory .*chmod go-w'
			done
		done
		chmod 700 "$d"
		[ "$(id -u)" = 0 ] || continue
		chown "$stranger" "$d"
		for what in --fresh status logs history; do
			go 4 $what p.ini
			has err "belongs to user $stranger, not to you"
		done
		chown 0 "$d"
	done
	witnessed 'a 1'
	go 0 p.ini
	has err finished
}

@test "S1: root's, and a link that somebody else has made" {
	as_root
	open_place
	printf '[step a]\nrun = true\n' >"$public/p.ini"
	chmod 644 "$public/p.ini"
	install -d -o "$stranger" -m 700 "$public/theirs"
	mkdir -m 755 "$public/.durexec"
	rc=0; as "$stranger" p.ini || rc=$?
	is "$rc" 4
	has err 'belongs to user 0, not to you'
	rmdir "$public/.durexec"
	# it would lead to what is ours
	install -d -o "$stranger" -m 700 "$public/mine"
	ln -s mine "$public/.durexec"
	chown -h $((stranger + 1)) "$public/.durexec"
	for what in p.ini 'status p.ini'; do
		rc=0; as "$stranger" $what || rc=$?
		is "$rc" 4
		has err 'is a link of user'
	done
	is "$(ls -A "$public/mine")" ''
	# one's own may lie elsewhere
	chown -h "$stranger" "$public/.durexec"
	rc=0; as "$stranger" p.ini || rc=$?
	is "$rc" 0
	[ -d "$public/mine/p" ]
}

@test "S1: links at the places of stdout =, and at the machine's pools" {
	cat >p.ini <<'INI'
[pool gpu]
scope = machine
[step a]
stdout = placed
run = echo said
[step b]
pool = gpu
run = mark
INI
	ln -s outside/file placed
	ln -s outside/file placed.durexec-new
	ln -s outside machine
	EXTRA+=("DUREXEC_MACHINE_DIR=$T/machine")
	go 4 p.ini
	has err "cannot open $T/machine" 'nothing new is started'
	unharmed
	witnessed
	[ ! -L placed ]
	is "$(cat placed)" said
}

@test "S2: the pipeline file is a regular one; as root: root's, and only his" {
	mkfifo p1.ini
	mkdir p2.ini
	ln -s /dev/zero p3.ini
	ln -s p3.ini p4.ini
	mkdir secret
	for i in 1 2 3 4; do
		for how in '' --dry-run --resume; do
			# shellcheck disable=SC2086
			go 2 $how p$i.ini
			like err "^(durexec: )?p$i.ini: it is "
			is "$(grep -c . err)" 1
		done
	done
	# a link to a file is one
	printf '[step a]\nrun = mark\n' >real
	ln -s real p5.ini
	go 0 p5.ini
	witnessed 'a 1'
	[ "$(id -u)" = 0 ] || skip 'only root can test what holds for root'
	for mode in 620 602 666; do
		chmod $mode real
		go 2 --fresh p5.ini
		has err 'may write to it'
	done
	chmod 600 real
	chown "$stranger" real
	go 2 --fresh p5.ini
	has err "belongs to user $stranger"
	witnessed 'a 1'
}

@test "S3: no value of the environment in the state, the files, the arguments" {
	cat >p.ini <<'INI'
[step a]
env.OWN = 1-value-of-its-own
env_file = e
run = mark; hold
INI
	echo FILED=1-value-of-the-file >e
	EXTRA+=('GIVEN=1-value-of-the-caller')
	start p.ini
	at a
	environment "$step_pid" >seen
	has seen OWN=1-value-of-its-own FILED=1-value-of-the-file \
		GIVEN=1-value-of-the-caller
	for p in $(ours); do
		tr '\0' '\n' <"/proc/$p/cmdline"
	done >arguments
	hasnt arguments 1-value
	# what the user himself has written into the file stands in its copy
	sed -i '/^env.OWN/d' "$(run_dir)/pipeline.ini"
	if grep -r 1-value .durexec; then fail 'it is recorded'; fi
	release
	ends 0
	go 0 status --json p.ini
	hasnt out 1-value
	if grep -r 1-value .durexec; then fail 'it is recorded'; fi
}

@test "S4, and hostile items: 300 names are data, each byte of them" {
	python "$E2E/hostile.py" items >list
	n=$(wc -l <list)
	mkdir got
	cat >p.ini <<'INI'
[pipeline]
shell = /bin/sh -ec
[step gen]
foreach_from = cat list
env.COPY = ${ITEM}
verify.same = [ "$COPY" = "$ITEM" ]
run = printf '%s\n' "$ITEM" >"got/$ITEM_INDEX"; printf '%s\n' "$ITEM"
[step val]
foreach = step:gen
stdin = step:gen
if = [ "$DUREXEC_ITEM" = "$ITEM" ]
run = IFS= read -r l || :; [ "$l" = "$ITEM" ]
INI
	before=$(find . -path ./.durexec -prune -o -path ./got -prune -o -print | sort)
	go 0 p.ini
	python "$E2E/hostile.py" check out err "$(run_dir)/state" >&2
	find got -type f -printf '%f\n' | sort -n | sed 's|^|got/|' | xargs cat |
		od -An -v -tx1 >bytes
	od -An -v -tx1 list | cmp - bytes
	is "$(find . -path ./.durexec -prune -o -path ./got -prune -o -print |
		grep -v '^./bytes$' | sort)" "$before"
	is "$(find .durexec -name '*.1.out' | wc -l)" "$n"
	unharmed
	go 0 status --json --all p.ini
	python -c 'import json; json.load(open("out"))'
	look gen.items.done="$n" val.items.done="$n" state=done
}

@test "S5: on a terminal, all that steps are called and say is harmless" {
	python "$E2E/hostile.py" lines | tr -d '\n' >joined
	python "$E2E/hostile.py" lines >list
	cat >p.ini <<'INI'
[step say]
allow_failure = yes
run = cat list; cat joined list >&2; exit 1
[step gen]
foreach_from = tail -n 40 list
give_up_if = x
run = printf '%s\n' "$ITEM" >&2; exit 1
INI
	terminal() {
		rm -f rc
		(EXE=/usr/bin/script become -qec "'$DUREXEC' $*; echo \$? >rc" \
			/dev/null) </dev/null >shown 2>&1
		# what a terminal makes of a line's end
		sed -i 's/\r*$//' shown
		python "$E2E/hostile.py" check shown >&2 || fail "$*: not harmless"
		[ -s shown ] || fail "$* shows nothing"
	}
	for how in 'p.ini' '--progress live --resume p.ini' 'status --all p.ini' \
		'logs p.ini' 'logs --stderr p.ini say' 'history p.ini' \
		'--resume --color always p.ini'; do
		EXTRA+=(TERM=xterm)
		terminal "$how"
	done
	is "$(cat rc)" 1
	# no terminal: logs are as they were written, all else is not
	go 0 logs --stdout p.ini say
	cmp out list
	go 1 --resume p.ini
	python "$E2E/hostile.py" check out err >&2
	unharmed
}

@test "S6: there is no report yet, and so no HTML" {
	# When there is one: one function that escapes, data in text nodes only,
	# default-src 'none'; hostile.NAMES through it.
	printf '[step a]\nrun = true\n' >p.ini
	go 0 p.ini
	go 2 report p.ini
	has err 'not supported yet'
}

@test "S8: nothing that stands in a state file is executed" {
	cat >p.ini <<'INI'
[step a]
receipt = got (.*)
run = echo N=1 >"$DUREXEC_OUTPUT"; echo got it; mark
[step gen]
inputs = p.ini
foreach_from = echo one; echo two
run = mark "$ITEM"
[step b]
if = true
stdin = step:a
verify.it = true
run = [ -e ok ] && mark "$DUREXEC_a_N $DUREXEC_RESULT_a"
INI
	go 1 p.ini
	(EXE=/usr/bin/python3 become -B "$E2E/sealed.py" "$DUREXEC" p.ini \
		'$(reboot)' '; reboot #' "$T/trap/reboot") \
		</dev/null >out 2>err || fail 'a planted word was taken'
	like out '^[0-9]+ fields'
	# neither the copy of the pipeline
	printf '[step b]\nrun = reboot\n[step z]\nrun = reboot\n' \
		>"$(run_dir)/pipeline.ini"
	touch() { /usr/bin/touch "$@"; }
	touch ok
	go 0 --resume p.ini
	unharmed
}

@test "S9: scripts of every kind have 0, 1 and 2, and nothing else" {
	cat >trap/fds <<'SH'
#!/bin/sh
# the shell has its script open: what it was given is below 10
for i in 0 1 2 3 4 5 6 7 8 9 20 63 100 200; do
	[ ! -e "/proc/$PPID/fd/$i" ] || printf '%s ' "$i"
done >>"$T/fds"
echo "$1" >>"$T/fds"
SH
	chmod +x trap/fds
	cat >p.ini <<'INI'
[pipeline]
shell = /bin/sh -ec
on_done = fds hook; :
[step a]
check = fds check; :
if = fds if; :
verify.it = fds gate; :
run = fds run; :
[step gen]
foreach_from = fds list; echo one
run = fds item; durexec step x -- sh -c 'fds sub; :'
[step again]
retries = 1
retry_delay = 1ms
resume_run = fds resume; :
run = false
INI
	exec 5<p.ini 6>six 9>nine 20<p.ini 63<p.ini 100<p.ini 200<p.ini
	go 0 p.ini
	go 0 exec -- sh -c 'fds exec; :'
	exec 5<&- 6>&- 9>&- 20<&- 63<&- 100<&- 200<&-
	sort fds >seen
	printf '0 1 2 %s\n' check exec gate hook if item list resume run sub |
		diff -u - seen
}

@test "S10: it refuses to run setuid or setgid, whatever it is called by" {
	as_root
	open_place
	case ,$(findmnt -no OPTIONS -T "$public"), in
	*,nosuid,*) skip "$public is mounted nosuid" ;;
	esac
	printf '[step a]\nrun = true\n' >"$public/p.ini"
	echo theirs >"$public/from"
	chmod 755 "$public/p.ini" "$public/from"
	chmod 1777 "$public"
	for mode in 4755 2755 6755; do
		chmod $mode "$public/durexec"
		for what in p.ini status 'exec -- true' 'step x -- true' --version; do
			rc=0; as "$stranger" $what || rc=$?
			is "$rc" 2
			has err 'refusing to run setuid or setgid'
		done
		# as what durexec starts itself as: these would write as root
		for name in durexec-keeper durexec-settle durexec-inputs \
			durexec-sweep; do
			rc=0
			(cd "$public" && setpriv --reuid "$stranger" --regid \
				"$stranger" --clear-groups bash -c \
				'exec -a "$0" "$@"' $name ./durexec place from to) \
				</dev/null >out 2>err || rc=$?
			is "$rc" 2
			has err 'refusing to run setuid or setgid'
		done
	done
	[ ! -e "$public/.durexec" ]
	[ ! -e "$public/to" ]
}

# What of a secret is in the files, byte for byte or as it may be written.
secret_in() {
	grep -rlaF -e "$SECRET" -e "${SECRET:0:12}" -e "${SECRET:12}" -- "$@"
}

none_in() { if secret_in "$@"; then fail 'the secret is shown'; fi; }

@test "a secret from an env_file is in its step, and nowhere else" {
	SECRET=canary-6f1d.9a+b7_Z3x-kQ8
	mkdir logs
	echo "TOKEN=$SECRET" >token
	cat >p.ini <<'INI'
[pipeline]
on_wait = env >>hook.env
on_done = env >>hook.env; echo $DUREXEC_STEP
on_review = env >>hook.env
[step a]
secrets = TOKEN
env_file = token
receipt = key (.*)
check = env >check.env
if = env >if.env
verify.it = echo "gate $TOKEN"
run = echo "key $TOKEN"; echo "$TOKEN" >&2; echo K=$TOKEN >"$DUREXEC_OUTPUT"; hold
[step b]
needs = a
run = env >b.env; hold
[step c]
secrets = TOKEN
env_file = token
retries = 1
retry_delay = 1ms
run = durexec step say -- sh -c 'echo "sub $TOKEN"'; echo "$TOKEN"; echo "$TOKEN" >&2; exit 3
INI
	start --json p.ini
	at a
	look a.state=running
	environment "$step_pid" >seen
	has seen "TOKEN=$SECRET"
	keeper=$(keeper_of "$step_pid")
	for p in "$pid" "$keeper"; do
		environment "$p" >process
		tr '\0' '\n' <"/proc/$p/cmdline" >>process
		hasnt process "${SECRET:0:12}" "${SECRET:12}"
	done
	for p in $(ours); do
		tr '\0' '\n' <"/proc/$p/cmdline"
	done >arguments
	hasnt arguments "${SECRET:0:12}" "${SECRET:12}"
	release
	at b
	environment "$step_pid" >process
	hasnt process "${SECRET:0:12}" "${SECRET:12}"
	release
	ends 1
	cp out out.run
	cp err err.run
	go 1 --resume p.ini
	for what in status 'status --json --all' history logs 'logs -f' graph; do
		# shellcheck disable=SC2086
		(become ${what%% *} p.ini ${what#"${what%% *}"}) </dev/null \
			>"asked.${what// /}" 2>&1 || :
	done
	has asked.logs 'key ***' 'sub ***'
	go 3 rewind p.ini a --go --until b || :
	none_in out err out.run err.run asked.* hook.env b.env
	# in its own logs and those of its calls, and there only
	secret_in .durexec >files
	has files a.1.out c.1.err
	unlike files 'state|pipeline\.ini|keeper|hooks|times|/output/'
	grep -v '/log/[ac]\.[0-9]\.\(out\|err\|it\|if\)$' files | grep -v '/sub/c/' >others || :
	is "$(cat others)" ''
	# they are nobody else's to read
	is "$(find .durexec -type f ! -perm 600)$(find .durexec -type d ! -perm 700)" ''
}

@test "a secret across the borders of what is read of a log, at each offset" {
	SECRET=canary-6f1d.9a+b7_Z3x-kQ8
	n=${#SECRET}
	EXTRA+=("TOKEN=$SECRET")
	cat >p.ini <<'INI'
[params]
before = 0
after = 0
[step a]
secrets = TOKEN
run =
    pad() { [ "$1" = 0 ] || printf "%$1s" '' | tr ' ' .; }
    { pad $before; printf %s "$TOKEN"; pad $after; } >&2
    { pad $before; printf %s "$TOKEN"; pad $after; }
    exit 3
INI
	for border in 4096 65536; do
		for i in 0 1 2 7 12 $((n - 2)) $((n - 1)) "$n"; do
			# cut by the border as it is counted from the front
			set -- p.ini "before=$((border - i))"
			go 1 "$@"
			none_in out err
			go 0 logs "$@"
			none_in out err
			is "$(tr -d '.\n' <out)" 'a| ***a| ***'
		done
	done
	# from the end: the tail of a log begins inside of it
	for i in 0 1 2 7 12 $((n - 1)) "$n"; do
		go 1 p.ini "after=$((65536 - i))" before=0
		none_in out err
		for part in "${SECRET:0:6}" "${SECRET:$((n - 6))}"; do
			hasnt out "$part"
		done
	done
}
