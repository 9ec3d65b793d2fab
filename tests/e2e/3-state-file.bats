# SPDX-License-Identifier: ISC
# The state file: checksums, one writer, torn tails, damage, a full disk.
load helper

# A run of three steps that stands before the last one.
stopped_run() {
	printf '[step %s]\nrun = mark\n' a b >p.ini
	printf '[step c]\nrun = mark; [ -e ok ]\n' >>p.ini
	go 1 p.ini
	state=$(run_dir)/state
	touch ok
}

restore() { if mountpoint -q "$T/small" 2>/dev/null; then umount -l "$T/small"; fi; }

@test "one record a line, numbered, with a checksum that follows from the line before" {
	stopped_run
	python "$E2E/state.py" check "$state"
	like "$state" '^1 20[0-9-]{8}T[0-9:.]{12}Z durexec format=1 .* \*[0-9a-f]{8}$'
	is "$(LC_ALL=C grep -c '[^ -~]' "$state" || true)" 0
	# a start is there for each end, and before it
	is "$(awk '$3 == "start" || $3 == "end" { print $3, $4 }' "$state" | xargs)" \
		'start step=a end step=a start step=b end step=b start step=c end step=c'
}

@test "values cannot break a line: newlines, blanks, escapes, long ones" {
	printf '[params]\nv = x\n[step a]\nrun = printf "%%s" "$v" | od -An -c | tr -d "\\n "; false\n' >p.ini
	go 1 p.ini $'v=a\nb\ec\xff 100% \u202e'
	python "$E2E/state.py" check .durexec/p@*/latest/state
	is "$(wc -l <"$(echo .durexec/p@*/latest/state)")" "$(grep -c . .durexec/p@*/latest/state)"
	cp out first
	go 1 --resume
	is "$(grep '^  |' out)" "$(grep '^  |' first)"
}

@test "a torn tail is cut, loudly, before anything else; what was done stays done" {
	stopped_run
	cp "$state" whole
	size=$(stat -c %s whole)
	last=$(tail -n 1 whole | wc -c)
	: >"$WITNESS"
	for cut in 1 $((last / 2)) $((last - 1)); do
		head -c $((size - cut)) whole >"$state"
		# reading repairs nothing
		go 0 status p.ini
		go 0 --dry-run p.ini
		is "$(stat -c %s "$state")" $((size - cut))
	done
	# how c ended is in its keeper's mailbox as well: nothing is lost
	go 1 p.ini
	like err 'last [0-9]+ byte'
	witnessed
	look a.attempts=1 b.attempts=1 c.attempts=1 c.exit=1
	has "$state" ' cut '
	go 0 --resume p.ini
	hasnt err 'byte'
	like "$WITNESS" '^c [0-9]+$'
	is "$(wc -l <"$WITNESS")" 1
	python "$E2E/state.py" check "$state"
	look state=done
}

@test "a torn tail with the mailbox gone: that attempt is lost, its number is not used again" {
	stopped_run
	head -c -1 "$state" >cut
	cat cut >"$state"
	rm "$(run_dir)"/keeper.*
	: >"$WITNESS"
	go 0 p.ini
	[ "$(wc -l <"$WITNESS")" = 1 ]
	unlike "$WITNESS" '^c 1$'
	like "$WITNESS" '^c [0-9]+$'
}

@test "rubbish behind the last record is a torn tail too" {
	stopped_run
	: >"$WITNESS"
	printf '99 2026-01-01T00:00:00.000Z end step=c state=do' >>"$state"
	go 0 --resume p.ini
	like err 'last 47 bytes'
	like "$WITNESS" '^c [0-9]+$'
	is "$(wc -l <"$WITNESS")" 1
	python "$E2E/state.py" check "$state"
}

@test "damage in the middle: refused with its line, exit 4, nothing changed" {
	stopped_run
	: >"$WITNESS"
	cp "$state" whole
	for damage in '3s/mark=.*//;3s/step=a/step=b/' '4d' '2s/^./9/' '5s/\*/+/;5s/....$/0000/'; do
		sed "$damage" whole >"$state"
		cp "$state" damaged
		tree .durexec >../tree.before
		for args in p.ini '--resume p.ini' '--resume' '--fresh p.ini' \
			'retry p.ini c' 'status p.ini'; do
			# shellcheck disable=SC2086
			(become $args) </dev/null >out 2>err && got=0 || got=$?
			[ "$got" = 4 ] || fail "$args ($damage): exit $got"
			cmp "$state" damaged
		done
		tree .durexec >../tree.after
		diff ../tree.before ../tree.after
	done
	go 4 p.ini
	like err 'line [0-9]+'
	has err "$state"
	witnessed
}

@test "an empty state file, or one of another format, is refused" {
	stopped_run
	: >"$WITNESS"
	cp "$state" whole
	: >"$state"
	go 4 p.ini
	is "$(stat -c %s "$state")" 0
	sed '1s/format=1/format=9/' whole >"$state"
	go 4 p.ini
	witnessed
}

@test "a run of which nothing is on disk yet does not exist" {
	stopped_run
	d=.durexec/p/99990101T000000.000-abcdef
	mkdir -m 700 "$d" "$d/log"
	: >"$d/state.tmp"
	: >"$WITNESS"
	go 0 --resume p.ini
	witnessed 'c 2'
}

@test "status, --dry-run, logs, history write nothing, not even into a torn state" {
	stopped_run
	echo -n torn >>"$state"
	tree .durexec >../tree.before
	go 0 status p.ini
	go 0 status --json p.ini
	go 0 logs p.ini
	go 0 history p.ini
	go 0 --dry-run p.ini
	tree .durexec >../tree.after
	diff ../tree.before ../tree.after
}

@test "a state directory that others can write to is refused" {
	as_root
	stopped_run
	: >"$WITNESS"
	chmod 777 .durexec/p
	go 4 p.ini
	chmod 700 .durexec/p
	chown 12345 .durexec/p
	go 4 p.ini
	witnessed
}

@test "a full disk: what ran is known, exit 4, and a later start goes on" {
	as_root
	mkdir small
	mount -t tmpfs -o size=8m,mode=700 none small || skip 'no mount'
	printf '[pipeline]\nstate_dir = small\n[step a]\nrun = hold\n' >p.ini
	# more than what is reserved ahead can hold
	long=$(printf 'n%.0s' {1..44})
	for ((i = 0; i < 1500; i++)); do
		printf '[step %s%d]\nif = /bin/true\nrun = mark\n' "$long" $i
	done >>p.ini
	start -q p.ini
	at a
	dd if=/dev/zero of=small/fill bs=4k 2>/dev/null || :
	release
	ends 4
	has err 'No space left'
	n=$(wc -l <"$WITNESS")
	[ "$n" -ge 1 ] && [ "$n" -lt 1501 ]
	# it is known how each of them ended, even now
	go 0 status --json p.ini
	cp out full.json
	rm small/fill
	go 0 -q p.ini
	is "$(wc -l <"$WITNESS")" 1501
	is "$(sort "$WITNESS" | uniq -d)" ''
	look state=done a.attempts=1
	python "$E2E/state.py" check small/p/latest/state
}

@test "a disk that is full from the start: exit 4 and nothing runs" {
	as_root
	mkdir small
	mount -t tmpfs -o size=8m,mode=700 none small || skip 'no mount'
	dd if=/dev/zero of=small/fill bs=4k 2>/dev/null || :
	printf '[pipeline]\nstate_dir = small\n[step a]\nrun = mark\n' >p.ini
	go 4 p.ini
	witnessed
	rm small/fill
	go 0 p.ini
	witnessed 'a 1'
}

@test "a directory that cannot be written to: exit 4" {
	mkdir d
	printf '[step a]\nrun = mark\n' >d/p.ini
	: >d/.durexec
	go 4 d/p.ini
	like err .durexec
	witnessed
}

@test "state, keepers and lock are held by nobody when the run is over" {
	stopped_run
	eventually 'nobody is left' nobody_left
	go 0 --resume p.ini
	eventually 'nobody is left' nobody_left
	# neither does a keeper of a killed durexec hold the lock
	printf '[step a]\nrun = hold\n' >q.ini
	start q.ini
	at a
	kill9 $pid
	go 0 status q.ini
	hasnt out 'running (pid'
	release
}
