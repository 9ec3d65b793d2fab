# SPDX-License-Identifier: ISC
# What a person sees of fan-outs: lines, status, when it will be done, and the
# commands to type.
load helper

# A hundred items; those that end in 7 fail, and the last one holds.
hundred() {
	cat >p.ini <<'INI'
[step g]
foreach_from = seq 100
run =
    case $ITEM in
    *7) echo "no room for $ITEM" >&2; exit 3 ;;
    100) hold ;;
    *) ;;
    esac
INI
}

@test "few items: each has its lines, as steps have" {
	printf '[step g]\nforeach = x y\nrun = true\n[step h]\nforeach_from = true\nrun = true\n' >p.ini
	go 0 p.ini
	like out '^[0-9:]{8} g: 2 items$'
	is "$(grep -cE '^[0-9:]{8} g\[[xy]\]: started$' out)" 2
	is "$(grep -cE '^[0-9:]{8} g\[[xy]\]: done \(' out)" 2
	like out '^[0-9:]{8} h: no items \('
	has out 'finished, 3 of 3 done'
	has err '2 steps'
}

@test "many items: failures and how far it is, in the end what is in review" {
	hundred
	start -j2 p.ini
	at g
	eventually 'all others' looks g.items.done=89 g.items.needs_review=10
	kill -USR1 "$pid"
	eventually 'it says where it is' grep -q 'g: 89/100' out
	like out '^[0-9:]{8} 89 of 100 done, 10 in review; running: g\[100\] \(.*\); about [0-9.a-z ]+ \([0-9:]{5}\)$'
	like out '^[0-9:]{8} g: 89/100 · 10 review · 1 running · about [0-9.a-z ]+ \([0-9:]{5}\)$'
	look state=running total=100 done=89 'eta=-1..10' 'g[100].state=running' \
		'g[7].state=needs_review' 'g[8]=null'
	go 0 status p.ini
	like out '^  g +89/100 done, 1 running, 10 review$'
	# the one that runs comes first
	like out '^    100 +running +[0-9.]+s  pid [0-9]+$'
	is "$(sed -n 3p out | awk '{ print $1 }')" 100
	is "$(wc -l <out)" 13
	release
	ends 1
}

@test "many items: what is said of them, line by line" {
	hundred
	sed -i 's/hold ;;/;;/' p.ini
	go 1 -j1 p.ini
	unlike out ': (started|done)'
	is "$(grep -cE '^[0-9:]{8} g\[[0-9]+7\]: needs review: exit 3' out)" 9
	like out '^[0-9:]{8} g: 90/100 · 10 review$'
	has out '10 items: exit 3' '  g[7]' '  g[17]' '  g[27]' '… and 7 more' \
		'| no room for 7' 'log/g/0/7.1.err' 'needs review: 90 of 100 done, 10 in review'
	hasnt out '  g[37]'
	is "$(tail -n 1 out)" 'try again: durexec --resume p.ini'
	# the same without all that
	go 1 -q --resume p.ini
	hasnt out '90/100'
	is "$(grep -c 'g.*needs review: exit 3' out)" 10
	# and with all of it
	go 1 -v --fresh p.ini
	is "$(grep -cE 'g\[[0-9]+\]: (done|started)' out)" 190
}

@test "many failures: the first ones have lines, and status has rows" {
	printf '[step g]\nforeach_from = seq 143\nrun = [ "$ITEM" -gt 123 ]\n' >p.ini
	go 1 p.ini
	is "$(grep -c ': needs review: exit 1' out)" 20
	is "$(grep -c 'only counted' out)" 1
	has out '123 items: exit 1' '… and 120 more'
	go 0 status p.ini
	is "$(grep -cE '^    [0-9]+ +needs review' out)" 20
	like out '^  g +20/143 done, 123 review$'
	is "$(tail -n 1 out)" '    … and 103 more in review'
	go 0 status --all p.ini
	is "$(wc -l <out)" 145
	look 'g.items.total=143' 'g[1].exit=1' 'g[143]=null'
	is "$(grep -o '"item":"' status.json | wc -l)" 123
	ini='--all p.ini'
	look 'g[143].state=done'
	is "$(grep -o '"item":"' status.json | wc -l)" 143
}

@test "reasons that name the items' files are one reason" {
	cat >p.ini <<'INI'
[step g]
foreach = ch01.txt ch02.txt ch03.txt ch04.txt ch05.txt
outputs = ${ITEM_BASE}.html
run = [ "$ITEM" != ch05.txt ]
INI
	go 1 -q p.ini
	has out '4 items: ' 'ITEM.html' '1 item: exit 1' '  g[ch01.txt]'
}

@test "every ten seconds a line, though nobody asks; no wake-ups in between" {
	cat >p.ini <<'INI'
[step g]
foreach_from = seq 60
run = [ $ITEM -lt 59 ] || hold
INI
	start -j1 p.ini
	at g
	has out 'g: 60 items'
	switches() { awk '/ctxt_switches/ { n += $2 } END { print n }' "/proc/$pid/status"; }
	sleep 0.5
	before=$(switches)
	sleep 10
	is "$(switches)" "$before"
	hasnt out '/60'
	release
	at g
	like out '^[0-9:]{8} g: 59/60 · 1 running · about|^[0-9:]{8} g: 59/60'
	release
	ends 0
	like out '^[0-9:]{8} g: 60/60$'
}

@test "when it will be done: from the items, else from earlier runs, else null" {
	cat >p.ini <<'INI'
[step g]
foreach_from = seq 3
run = sleep 0.2; [ "$ITEM" != 3 ] || [ -e again ] || hold
[step h]
run = [ ! -e again ] || hold
INI
	start -j1 p.ini
	at g
	# of h nothing is known
	look eta=null
	go 0 status
	unlike out about
	release
	ends 0
	# sorted by steps of the file: so many took so long
	like .durexec/p/times '^g 3 [0-9]+$'
	like .durexec/p/times '^h 1 [0-9]+$'
	touch again
	start --fresh -j1 p.ini
	at h
	look 'eta=-1..5' h.state=running
	go 0 status
	like out 'running.*3 of 4 done, about [0-9.]+s'
	release
	ends 0
	look state=done eta=null
	# no matter what stands in there
	printf 'g 1\n\0\377\nh x y' >.durexec/p/times
	rm again
	start --fresh -j1 p.ini
	at g
	look eta=null
	release
	ends 0
	like .durexec/p/times '^g 3 [0-9]+$'
}

@test "on a terminal the line is painted over, and not wider than it" {
	hundred
	EXTRA=(TERM=xterm)
	(EXE=/usr/bin/script become -qec "stty cols 20; '$DUREXEC' -j2 p.ini" \
		/dev/null) </dev/null >shown 2>&1 7>&- 8>&- &
	pid=$!
	at g
	go 0 status
	release
	wait "$pid" || :
	# whatever is between two returns
	tr '\r' '\n' <shown >lines
	LC_ALL=C.UTF-8 grep -aoP '^\e\[K\Kg: .*' lines >painted
	[ -s painted ]
	[ "$(LC_ALL=C.UTF-8 wc -L <painted)" -lt 20 ]
	# dumb, plain, or no terminal: never
	sed -i 's/hold ;;/;;/' p.ini
	for how in auto plain none; do
		EXTRA=(TERM=xterm)
		[ "$how" != auto ] || EXTRA=(TERM=dumb)
		(EXE=/usr/bin/script become -qec \
			"'$DUREXEC' --fresh --progress $how p.ini" \
			/dev/null) </dev/null >shown 2>&1 || :
		is "$(LC_ALL=C grep -ac $'\e\\[K' shown || true)" 0
		grep -q 'needs review: 90 of 100 done' shown
	done
	EXTRA=(TERM=xterm)
	go 1 --fresh --progress live p.ini
	is "$(LC_ALL=C grep -c $'[\e\r]' out || true)" 0
}

# Items of all kinds of bytes, one a line.
hostile() {
	printf '%s\n' '$(touch harm)' '-rf' '../../etc/passwd' "it's \"so\"" \
		'a  b' '`touch harm`' '*' 'a[b]c' 'x=y' '!!' 'caf\xc3\xa9' '#' '\'
	printf 'caf\303\251\n\377\376 bad\nred \033[31m\001\nbidi \342\200\256\n'
	printf '%04000d\n' 0 | tr 0 z
}

@test "items of any bytes are shown safely, and are JSON" {
	hostile >list
	printf '[step g]\nforeach_from = cat list\nrun = false\n' >p.ini
	go 1 p.ini
	cat out err >all
	go 0 status p.ini
	cat out >>all
	go 0 status --all p.ini
	cat out >>all
	is "$(LC_ALL=C grep -c $'[\e\001\377\r]' all || true)" 0
	hasnt all $'\342\200\256'
	# a row stays a row
	[ "$(LC_ALL=C.UTF-8 wc -L <out)" -lt 100 ]
	like out '^    z+…z+ +needs review'
	look g.items.total="$(wc -l <list)"
	# what is no UTF-8 becomes U+FFFD
	python - <<-'PY'
	import json
	status = json.load(open('status.json', encoding='utf-8'))
	items = [s['item'] for s in status['steps'] if s['item'] is not None]
	want = open('list', 'rb').read().decode('utf-8', 'replace').split('\n')[:-1]
	assert items == want, (items, want)
	PY
	go 1 --json --resume p.ini
	python - <<-'PY'
	import json
	want = open('list', 'rb').read().decode('utf-8', 'replace').split('\n')[:-1]
	ended = []
	for line in open('out', encoding='utf-8'):
	    event = json.loads(line)
	    if event.get('event') == 'step' and event['state'] == 'needs_review':
	        assert event['step'] == 'g', event
	        ended.append(event['item'])
	assert sorted(ended) == sorted(want), ended
	PY
	[ ! -e harm ]
}

@test "commands to type work as they are printed, whatever an item is called" {
	hostile >list
	printf '[step g]\nforeach_from = cat list\nrun = true\nreview = yes\n' >p.ini
	go 3 -q p.ini
	local total n=0
	total=$(wc -l <list)
	while [ "$n" -lt "$total" ]; do
		sed -n 's/^approve: durexec //p' out >commands
		[ -s commands ]
		[ "$(wc -l <commands)" -le 3 ]
		while read -r -u 4 command; do
			printf '%s\n' "'$DUREXEC' $command" >typed
			(EXE=/usr/bin/env become bash typed) </dev/null >said 2>&1 ||
				fail "it was said to type: $command"
			n=$((n + 1))
		done 4<commands
		[ "$n" = "$total" ] || go 3 -q p.ini
	done
	go 0 p.ini
	look state=done g.items.done="$total"
	[ ! -e harm ]
	# and so in status and in what is to be looked at first
	printf '[step g]\nforeach = "it\x27s\x1b"\nreceipt = sent\nrun = echo sent; exit 1\n' >q.ini
	go 1 q.ini
	sed -n 's/^look: durexec //p' out >commands
	printf '%s\n' "'$DUREXEC' $(cat commands)" >typed
	(EXE=/usr/bin/env become bash typed) </dev/null >said 2>&1
	has said sent
}

@test "--dry-run: what each fan-out runs over, and what is left of it" {
	cat >p.ini <<'INI'
[step g]
foreach = ch01 ch02 ch03
run = [ "$ITEM" != ch02 ]
[step globs]
needs =
foreach = raw/*.wav x
run = true
[step lines]
needs =
foreach_from = seq 5
run = true
[step tied]
foreach = step:g
run = true
[step plain]
run = true
INI
	go 0 --dry-run p.ini
	has out 'would run g (3 items: ch01 ch02 ch03)' \
		'would run globs (items from: raw/*.wav x)' \
		'would run lines (items from: seq 5)' \
		'would run tied (items from: step:g)' '5 of 5 steps and items to run'
	grep -qx 'would run plain' out
	go 1 p.ini
	go 0 --dry-run p.ini
	has out 'would run g (1 of 3 items)' 'would run tied (1 of 3 items)' \
		'3 of 13 steps and items to run'
	hasnt out globs lines
}

@test "going on says how many items there are, and of what left the file" {
	printf '[step g]\nforeach = a b c\nrun = [ "$ITEM" != b ] || [ -e ok ]\n[step z]\nrun = true\n' >p.ini
	go 1 p.ini
	touch ok
	go 0 --resume p.ini
	has err '2 of 4 done, 1 in review'
	printf '[step z]\nrun = true\n[step new]\nrun = true\n' >p.ini
	go 0 p.ini
	has err '1 of 2 done' 'step g is no longer in the file; the results of its items stay in the state (3)'
	is "$(grep -c 'no longer' err)" 1
	go 0 history
	like out ' done +[0-9.a-z]+ +5 done$'
}

@test "a killed durexec: what its fan-out does is said as it is" {
	printf '[step g]\nforeach = a b c\nrun = hold\n' >p.ini
	start -j2 p.ini
	at g
	at g
	kill9 "$pid"
	go 0 status p.ini
	like out '^  g +0/3 done, 2 running$'
	is "$(grep -c 'goes on without durexec' out)" 2
	release
	eventually 'one has ended' sh -c "'$DUREXEC' status p.ini | grep -q 'g  *0/3 done, 1 running'"
	look g.items.running=1 g.items.pending=2
	has status.json 'ended while durexec was gone'
	start p.ini
	eventually 'adopted' grep -q 'adopting g\[[ab]\] (goes on)' err
	like err 'adopting g\[[ab]\] \(has ended\)'
	release
	release
	ends 0
}
