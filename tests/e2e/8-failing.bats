# SPDX-License-Identifier: ISC
# What an attempt that went wrong, or only seems to have gone well, means:
# judging, retries, gates, review.
load helper

# tell FILE N TEXT: TEXT, and N bytes of other lines before (N < 0: behind) it
tell() {
	local n=$2
	{
		[ "$n" -le 0 ] || yes 'nothing to see' | head -c "$n"
		printf '\n%s\n' "$3"
		[ "$n" -ge 0 ] || yes 'nothing to see' | head -c $((-n))
	} >"$1"
}

@test "in this order: receipt, give up, wait, retry" {
	cat >p.ini <<'INI'
[defaults]
needs =
retries = 3
retry_delay = 1h
retry_max_delay = 1h
wait_if = limit
retry_if = sorry
[step all]
give_up_if = not ever
receipt = sent as ([0-9]+)
run = echo "sent as 12; not ever; limit; sorry"; exit 1
[step gives-up]
give_up_if = not ever
run = echo "not ever; limit; sorry"; exit 1
[step waits]
run = echo "limit; sorry" >&2; exit 1
[step retries]
run = echo sorry; exit 1
[step none]
run = echo hello; exit 1
[step good]
give_up_if = not ever
run = echo "not ever; limit; sorry"
INI
	go 1 --no-wait p.ini
	look all.state=needs_review all.result=12 'all.reason=~exit 1.*receipt' \
		gives-up.state=needs_review gives-up.result=null \
		'gives-up.reason=exit 1; give_up_if "not ever" matched' \
		waits.state=waiting 'waits.reason=~^limit' waits.attempts=1 \
		waits.waiting_until=3000..4400 retries.state=waiting \
		'retries.reason=exit 1; retry 1 of 3' \
		none.state=needs_review 'none.reason=exit 1' good.state=done
	grep -q 'step=waits .* wait=limit' "$(run_dir)/state"
	grep -q 'step=retries .* wait=retry' "$(run_dir)/state"
}

@test "exit 0 that lies: fail_if, ok_if; success that does not look like it: ok_exit" {
	cat >p.ini <<'INI'
[defaults]
needs =
[step fail]
fail_if = ^Conversion failed
run = echo "Conversion failed!" >&2
[step fail-out]
fail_if =
    nothing like it
    moov (atom|box) not found
run = echo "[mov] moov atom not found"
[step ok]
ok_if = "is_error": *false
run = echo '{"is_error": true}'
[step okay]
ok_if = "is_error": *false
run = echo '{"is_error":false}'
[step three]
ok_exit = 3
fail_if = broken
run = echo whole; exit 3
[step three-broken]
ok_exit = 3
fail_if = broken
run = echo broken; exit 3
[step line]
fail_if = ^end$
run = printf 'the end\nend\nof it\n'
INI
	go 1 p.ini
	look fail.state=needs_review fail.exit=0 \
		'fail.reason=exit 0, but fail_if "^Conversion failed" matched' \
		'fail-out.reason=exit 0, but fail_if "moov (atom|box) not found" matched' \
		ok.state=needs_review ok.exit=0 \
		'ok.reason=exit 0, but ok_if ""is_error": *false" did not match' \
		okay.state=done three.state=done three-broken.exit=3 \
		three-broken.state=needs_review line.state=needs_review
	has out 'fail_if' 'Conversion failed!'
}

@test "not retried: what is not there, a full disk, give_up_on; a person sees why" {
	cat >p.ini <<'INI'
[defaults]
needs =
retries = 3
retry_delay = 10ms
[step absent]
run = no-such-program --x
[step shell]
run = mark; no-such-program; true
[step noexec]
run = ./data
[step full]
run = mark; echo "cp: error writing 'x': No space left on device" >&2; exit 1
[step real]
run = mark; echo x >/dev/full
[step listed]
give_up_on = 2 40-45
run = mark; exit 42
[step cwd]
workdir = nowhere
run = mark
[step wanted]
retry_on = 127
run = mark; exit 127
INI
	echo data >data
	go 1 -j1 p.ini
	witnessed 'shell 1' 'full 1' 'real 1' 'listed 1' 'wanted 1' 'wanted 2' \
		'wanted 3' 'wanted 4'
	look absent.exit=127 absent.attempts=1 shell.exit=127 noexec.exit=126 \
		noexec.attempts=1 'full.reason=exit 1; No space left on device' \
		'real.reason=~No space left on device' \
		'listed.reason=~^exit 42.*give_up_on' cwd.outcome=not-started \
		cwd.attempts=1 'wanted.reason=exit 127, after 3 retries'
}

@test "retry_on and retry_if say what is worth it; a crash and a time limit are" {
	cat >p.ini <<'INI'
[defaults]
needs =
retries = 1
retry_delay = 10ms
retry_on = 5, 7-9
[step five]
run = mark; exit 5
[step eight]
run = mark; exit 8
[step six]
run = mark; exit 6
[step said]
retry_if = try again
run = mark; echo "please try again"; exit 6
[step said-if]
retry_on =
retry_if = try again
run = mark; exit 6
[step crash]
run = mark; kill -SEGV $$
[step slow]
timeout = 100ms
run = mark; sleep 100
INI
	go 1 -j1 p.ini
	witnessed_all 'five 1' 'eight 1' 'six 1' 'said 1' 'said-if 1' \
		'crash 1' 'slow 1' 'five 2' 'eight 2' 'said 2' 'crash 2' 'slow 2'
	look six.attempts=1 'six.reason=exit 6' \
		'five.reason=exit 5, after 1 retry' crash.signal=11 \
		crash.attempts=2 slow.outcome=timeout slow.attempts=2
}

@test "retries: each delay grows up to the most, is in the state, and is waited" {
	cat >p.ini <<'INI'
[step a]
retries = 4
retry_delay = 100s
retry_factor = 3
retry_max_delay = 500s
retry_jitter = 0
run = mark; exit 3
[step quick]
needs =
retries = 3
retry_delay = 60ms
retry_jitter = 0
run = mark; [ $DUREXEC_ATTEMPT = 4 ]
[step b]
run = mark
INI
	go 0 --dry-run p.ini
	go 3 --only quick p.ini
	for delay in 100 300 500 500; do
		go 75 --no-wait p.ini
		look state=waiting a.state=waiting 'a.exit=3' b.state=pending \
			a.waiting_until=$((delay - 20))..$delay
		python "$E2E/state.py" due "$(run_dir)/state" 0
	done
	go 1 --no-wait p.ini
	look a.state=needs_review 'a.reason=exit 3, after 4 retries' \
		a.attempts=5 quick.state=done
	witnessed_all 'quick 1' 'quick 2' 'quick 3' 'quick 4' 'a 1' 'a 2' \
		'a 3' 'a 4' 'a 5'
	# moved with everything else: what was waited for is kept to all the same
	python "$E2E/state.py" waits "$(run_dir)/state" a >waited
	like waited '^100\.[0-9]+ 300\.[0-9]+ 500\.[0-9]+ 500\.[0-9]+$'
	python "$E2E/state.py" waits "$(run_dir)/state" quick >waited
	like waited '^0\.[0-9]+ 0\.[1-9][0-9]* 0\.[2-9][0-9]*$'
}

@test "retry_jitter: not all at the same time, and not far from it" {
	{
		printf '[defaults]\nneeds =\nretries = 1\nretry_delay = 1000s\n'
		printf 'retry_max_delay = 1h\nrun = false\n'
		printf '[step s%d]\n' {1..8}
	} >p.ini
	go 75 --no-wait p.ini
	look s{1..8}.waiting_until=890..1101
	is "$(grep -o ' until=[0-9]*' "$(run_dir)/state" | cut -c8-17 |
		sort -u | wc -l | sed 's/[2-8]/several/')" several
}

@test "patterns see the last 64 KiB, a receipt is sought in everything" {
	tell first -100000 'LOOK AT THIS 77'
	tell last 100000 'LOOK AT THIS 77'
	tell large -1000000 'LOOK AT THIS 77'
	{ head -c 300000 /dev/zero | tr '\0' x; echo 'LOOK AT THIS 78'; } >long
	cat >p.ini <<'INI'
[defaults]
needs =
retry_delay = 1m
[step fail-first]
fail_if = LOOK AT
run = cat first; head -c 1000 last >&2
[step fail-last]
fail_if = LOOK AT
run = cat last >&2
[step ok-first]
ok_if = LOOK AT
run = cat first
[step wait-first]
wait_if = LOOK AT
run = cat first; exit 1
[step wait-last]
wait_if = LOOK AT
run = cat last; exit 1
[step receipt]
receipt = LOOK AT THIS ([0-9]+)
run = cat large
[step receipt-err]
receipt = LOOK AT THIS ([0-9]+)
run = cat large >&2; exit 4
[step receipt-long]
receipt = LOOK AT THIS ([0-9]+)
run = cat long; echo
[step receipt-none]
receipt = LOOK AT THAT
retries = 1
run = cat large; exit 4
INI
	go 1 --no-wait p.ini
	look fail-first.state=done fail-last.state=needs_review \
		ok-first.state=needs_review wait-first.state=needs_review \
		wait-last.state=waiting receipt.state=done receipt.result=77 \
		receipt-err.state=needs_review receipt-err.result=77 \
		receipt-long.state=done receipt-long.result=78 \
		receipt-none.state=waiting receipt-none.result=null
}

@test "a chapter about rate limits that was written with exit 0 is done" {
	cat >p.ini <<'INI'
[step a]
wait_if = usage limit reached|rate.limit
retry_if = API Error
give_up_if = Credit balance
run = echo "Chapter 3. Usage limit reached, rate_limit_error, Retry-After: 30"
    echo "API Error: Credit balance is too low"; mark
INI
	go 0 p.ini
	witnessed 'a 1'
	look a.state=done
}

@test "outputs that are missing are a failure like another: retried, then review" {
	cat >p.ini <<'INI'
[step late]
outputs = late.txt
retries = 2
retry_delay = 10ms
run = mark; [ $DUREXEC_ATTEMPT -lt 3 ] || echo x >late.txt
[step never]
needs =
outputs = never.txt
retries = 1
retry_delay = 10ms
run = mark
[step refused]
needs =
outputs = never.txt
retries = 1
give_up_if = refused
run = mark; echo refused
INI
	go 1 -j1 p.ini
	look late.state=done late.attempts=3 never.state=needs_review \
		never.attempts=2 'never.reason=~never.txt.*after 1 retry' \
		refused.attempts=1 'refused.reason=~never.txt.*give_up_if'
	: >"$WITNESS"
	# what has been made meanwhile is looked at before the command is run
	echo x >never.txt
	go 0 --resume -j1 p.ini
	witnessed
}

@test "retries used up: review; --resume begins with fresh ones; plain start does not" {
	cat >p.ini <<'INI'
[step a]
retries = 2
retry_delay = 10ms
run = mark; [ -e ok ]
[step b]
run = mark
INI
	go 1 p.ini
	witnessed 'a 1' 'a 2' 'a 3'
	look a.state=needs_review 'a.reason=exit 1, after 2 retries'
	go 1 p.ini
	witnessed 'a 1' 'a 2' 'a 3'
	go 1 --resume p.ini
	witnessed 'a 1' 'a 2' 'a 3' 'a 4' 'a 5' 'a 6'
	touch ok
	go 0 --resume p.ini
	look a.attempts=7 a.reason=null state=done
}

@test "an attempt that was interrupted costs no retry" {
	cat >p.ini <<'INI'
[step a]
retries = 1
retry_delay = 10ms
run = hold
INI
	for _ in 1 2; do
		start p.ini
		at a
		kill -TERM "$pid"
		ends 143
	done
	start p.ini
	at a
	release 1
	at a
	release 1
	ends 1
	look a.attempts=4 'a.reason=exit 1, after 1 retry'
}

@test "resume_run follows an attempt that began; DUREXEC_SESSION, _KEY, _PREVIOUS" {
	cat >p.ini <<'INI'
[step a]
if = true
resume_run = echo "$DUREXEC_SESSION $DUREXEC_KEY" >>said
    echo "$DUREXEC_PREVIOUS" >>previous; cat "$DUREXEC_PREVIOUS_LOG" >>previous
    mark resumed; echo again >&2; [ -e ok ] || exit 6
run = echo "$DUREXEC_SESSION $DUREXEC_KEY" >>said
    echo "$DUREXEC_PREVIOUS,$DUREXEC_PREVIOUS_LOG" >>previous
    mark; echo oops >&2; hold
INI
	start p.ini
	at a
	release 7
	ends 1
	go 1 --resume p.ini
	touch ok
	go 0 --resume p.ini
	witnessed 'a 1' 'a 1' 'a 2 resumed' 'a 3 resumed'
	is "$(cat previous)" $',\nexit 7\noops\nexit 6\nagain'
	is "$(sort -u said | wc -l)" 1
	like said '^[0-9a-f-]{36} .*/a$'
	# a rewound step begins anew
	go 0 rewind p.ini a
	start p.ini
	at a
	release 0
	ends 0
	is "$(cut -d' ' -f1 said | sort -u | wc -l)" 2
	is "$(cut -d' ' -f2 said | sort -u | wc -l)" 2
	is "$(tail -n 1 "$WITNESS")" 'a 4'
}

@test "resume_run after kill -9 of everything, after a stop, after a retry; not after exit 127" {
	cat >p.ini <<'INI'
[step a]
retries = 1
retry_delay = 10ms
run = hold
resume_run = mark resumed; hold
[step b]
run = ./made
resume_run = mark never
INI
	start p.ini
	at a
	kill -KILL "$pid" "$(keeper_of "$step_pid")"
	eventually 'durexec is gone' over "$pid"
	start p.ini
	at a
	kill -TERM "$pid"
	ends 143
	start p.ini
	at a
	release 1
	at a
	release 0
	ends 1
	look b.exit=127
	printf '#!/bin/sh\nmark made\n' >made
	chmod +x made
	go 0 --resume p.ini
	grep resumed "$WITNESS" >resumed
	is "$(xargs <resumed)" 'a 2 resumed a 3 resumed a 4 resumed'
	is "$(tail -n 1 "$WITNESS")" 'b 2 made'
}
