# SPDX-License-Identifier: ISC
# What a person has to look at: gates, what may have taken effect, approvals.
load helper

# The keeper and durexec are killed, and with them the step.
kill_all() {
	kill -KILL "$pid" "$(keeper_of "$step_pid")"
	eventually 'durexec is gone' over "$pid"
	eventually 'nobody is left' nobody_left
}

@test "gates: in order, after success only, with the outputs; each has its log" {
	cat >p.ini <<'INI'
[step a]
outputs = x-*.txt, last.txt
run = mark; echo said; for f in x-1.txt x-2.txt last.txt; do echo $f >$f; done
verify.files = mark "files $*"; cat "$@"
verify.said = mark "said $(cat "$DUREXEC_OUT_a")"; echo fine; echo really >&2
[step b]
retries = 1
retry_delay = 10ms
run = mark; exit 1
verify.never = mark never
INI
	go 1 p.ini
	witnessed 'a 1' 'a 1 files x-1.txt x-2.txt last.txt' 'a 1 said said' \
		'b 1' 'b 2'
	look a.state=done a.exit=0 a.attempts=1
	is "$(cat "$(run_dir)/log/a.1.files")" $'x-1.txt\nx-2.txt\nlast.txt'
	is "$(cat "$(run_dir)/log/a.1.said")" $'fine\nreally'
}

@test "a gate that fails: review, named; --resume asks it first, and then the command" {
	cat >p.ini <<'INI'
[step a]
retries = 3
retry_delay = 10ms
run = mark; echo out of a; echo err of a >&2
verify.one = mark one
verify.two = mark two; echo why it is not good; [ -e good ] || exit 9
verify.three = mark three
[step b]
run = mark
INI
	go 1 p.ini
	witnessed 'a 1' 'a 1 one' 'a 1 two'
	look a.state=needs_review 'a.reason=~verify.two.*exit 9' a.exit=0 \
		b.state=pending 'next=durexec --resume p.ini'
	has out 'why it is not good' 'log/a.1.two'
	hasnt out 'err of a'
	go 1 p.ini
	witnessed 'a 1' 'a 1 one' 'a 1 two'
	# it is still no good: now the command, and all gates
	: >"$WITNESS"
	go 1 --resume p.ini
	is "$(tail -n 3 "$WITNESS" | xargs -d, | xargs)" 'a 2 a 2 one a 2 two'
	is "$(grep -c '^a 1 two$' "$WITNESS")" 1
	is "$(grep -c '^a 1$' "$WITNESS" || true)" 0
	# somebody mends it by hand
	touch good
	: >"$WITNESS"
	go 0 --resume p.ini
	is "$(grep -cE '^a [0-9]$' "$WITNESS" || true)" 0
	is "$(tail -n 3 "$WITNESS" | xargs)" 'a 2 two a 2 three b 1'
	look a.state=done a.attempts=2 state=done
}

@test "retry NAME asks the gate first as well; verify_timeout is named" {
	cat >p.ini <<'INI'
[step a]
timeout = 1h
run = mark
verify_timeout = 150ms
verify.slow = mark slow; [ -e ok ] || sleep 1000
INI
	go 1 p.ini
	look 'a.reason=~verify.slow.*time' a.outcome=exit a.exit=0
	touch ok
	go 0 retry p.ini a
	go 0 p.ini
	witnessed 'a 1' 'a 1 slow' 'a 1 slow'
}

@test "a gate that was interrupted is asked again, the command is not run again" {
	cat >p.ini <<'INI'
[step a]
run = mark command
verify.one = mark one
verify.two = hold
[step b]
run = mark
INI
	# kill -9 of everything; of durexec alone; Ctrl+C; a reboot
	start p.ini
	at a
	kill_all
	start p.ini
	at a
	kill9 "$pid"
	release 0
	eventually 'nobody is left' nobody_left
	go 0 p.ini
	is "$(grep -c command "$WITNESS")" 1
	is "$(grep -c '^a 1$' "$WITNESS")" 2
	: >"$WITNESS"
	start --fresh p.ini
	at a
	kill -INT "$pid"
	ends 130
	look a.state=pending a.attempts=1
	start p.ini
	at a
	kill_all
	python "$E2E/state.py" reboot "$(run_dir)/state"
	start p.ini
	at a
	release 1
	ends 1
	look a.state=needs_review 'a.reason=~verify.two'
	start --resume p.ini
	at a
	release 0
	ends 0
	is "$(grep -c command "$WITNESS")" 1
	is "$(tail -n 1 "$WITNESS")" 'b 1'
}

@test "stdout = PATH appears after the gates" {
	cat >p.ini <<'INI'
[step a]
stdout = a.txt
run = echo text
verify.there = [ ! -e a.txt ] && grep -q text "$DUREXEC_OUT_a" && [ -e ok ]
INI
	go 1 p.ini
	[ ! -e a.txt ]
	touch ok
	go 0 --resume p.ini
	is "$(cat a.txt)" text
}

@test "rerun = never: interrupted, and only its name starts it again" {
	cat >p.ini <<'INI'
[step a]
rerun = never
run = hold
[step b]
needs =
run = mark; [ -e ok ]
[step c]
run = mark
INI
	start -j1 p.ini
	at a
	kill_all
	go 1 -j1 p.ini
	look a.state=needs_review 'a.reason=~rerun = never' a.outcome=lost \
		a.attempts=1 b.state=needs_review
	touch ok
	go 1 --resume p.ini
	look a.state=needs_review b.state=done c.state=pending
	has err 'durexec approve p.ini a'
	has out 'durexec approve p.ini a' 'durexec retry p.ini a'
	go 1 retry --failed --go p.ini
	witnessed 'a 1' 'b 1' 'b 2'
	go 0 retry p.ini a
	start p.ini
	at a
	# stopped by us is unknown as well
	kill -INT "$pid"
	ends 130
	look a.state=needs_review a.outcome=interrupted a.attempts=2
	go 1 p.ini
	go 0 approve p.ini a
	go 0 p.ini
	witnessed 'a 1' 'b 1' 'b 2' 'a 2' 'c 1'
}

@test "rerun = never: adopted it ends as it ends; not begun it begins; exit 1 may be retried" {
	cat >p.ini <<'INI'
[defaults]
rerun = never
retries = 1
retry_delay = 10ms
[step a]
if = hold
run = hold
[step b]
run = mark; [ $DUREXEC_ATTEMPT = 2 ]
INI
	start p.ini
	at a
	# the condition is no part of what may have taken effect
	kill_all
	start p.ini
	at a
	release 0
	at a
	kill9 "$pid"
	start p.ini
	eventually 'adopted' grep -q adopted out
	release 0
	ends 0
	is "$(tail -n 2 "$WITNESS" | xargs)" 'b 1 b 2'
}

@test "receipt: its group is the result, for status and for the steps that need it" {
	cat >p.ini <<'INI'
[step up-load]
receipt = ^video id: ([A-Za-z0-9_-]+)$
run = echo "video id: dQw4w9WgXcQ"; echo "thanks"
[step plain]
needs =
receipt = thanks
run = echo thanks
[step tell]
needs = up-load plain
env.ID = ${DUREXEC_RESULT_up_load}
run = echo "$DUREXEC_RESULT_up_load,$ID,${DUREXEC_RESULT_plain-unset}"
[step none]
receipt = never said
run = true
INI
	go 0 p.ini
	look up-load.result=dQw4w9WgXcQ plain.result=null none.state=done
	go 0 logs --stdout p.ini tell
	is "$(cat out)" 'dQw4w9WgXcQ,dQw4w9WgXcQ,'
	go 0 status p.ini
	like out 'up-load +done .*dQw4w9WgXcQ'
}

@test "receipt and a failure: review, never again by --resume; by its name it is" {
	cat >p.ini <<'INI'
[defaults]
needs =
retries = 3
retry_delay = 10ms
receipt = sent ([0-9]+)
[step fails]
run = mark; echo "sent 1"; exit 1
[step lies]
fail_if = not really
run = mark; echo "sent 2, not really"
[step times-out]
timeout = 200ms
run = mark; echo "sent 3"; sleep 1000
[step lacks]
outputs = not-there.txt
run = mark; echo "sent 4"
[step gate]
run = mark; echo "sent 5"
verify.g = mark gate; [ -e ok ]
[step before]
run = mark; [ $DUREXEC_ATTEMPT = 2 ] && echo sent 6
INI
	go 1 -j1 p.ini
	for s in fails:1 lies:2 times-out:3 lacks:4 gate:5; do
		look "${s%:*}.state=needs_review" "${s%:*}.result=${s#*:}" \
			"${s%:*}.attempts=1"
	done
	look 'fails.reason=~exit 1.*receipt' gate.reason=~verify.g \
		lacks.reason=~not-there.txt before.state=done before.attempts=2
	sort "$WITNESS" >once
	go 1 --resume -j1 p.ini
	go 1 p.ini
	# gates may be asked, no command is run
	grep -v gate once >commands
	grep -v gate "$WITNESS" | sort | diff commands -
	touch ok
	echo x >not-there.txt
	go 1 --resume -j1 p.ini
	look gate.state=done gate.result=5 lacks.state=done \
		fails.state=needs_review
	grep -v gate "$WITNESS" | sort | diff commands -
	go 0 approve p.ini lies
	look lies.result=2
	go 1 retry --go p.ini fails
	is "$(tail -n 1 "$WITNESS")" 'fails 2'
	look fails.attempts=2 fails.state=needs_review
}

@test "receipt and an interruption: review; without it rerun is never all the same" {
	cat >p.ini <<'INI'
[step a]
receipt = sent ([0-9]+)
run = echo "sent 42"; hold
[step b]
receipt = sent ([0-9]+)
run = hold
INI
	start p.ini
	at a
	eventually 'it said so' grep -q sent .durexec/p/latest/log/a.1.out
	kill_all
	go 1 p.ini
	look a.state=needs_review a.outcome=lost a.result=42 \
		a.reason=~receipt
	go 1 --resume p.ini
	witnessed 'a 1'
	go 0 approve p.ini a
	look a.state=done a.result=42
	start p.ini
	at b
	kill -TERM "$pid"
	ends 143
	look b.state=needs_review b.result=null 'b.reason=~rerun = never'
	go 1 --resume p.ini
	witnessed 'a 1' 'b 1'
	go 0 approve --result 'by hand' p.ini b
	look b.state=done 'b.result=by hand' state=done
}

@test "a receipt, and the step is stopped: exit 0 then is not DONE" {
	cat >p.ini <<'INI'
[step a]
receipt = sent
run = trap 'exit 0' TERM; echo sent; echo "a $$" >$AT; while :; do sleep 0.05; done
INI
	start p.ini
	at a
	kill -TERM "$pid"
	ends 143
	look a.state=needs_review a.outcome=interrupted 'a.reason=~receipt'
}

@test "rewind leaves done what took effect, unless it is named, and lists it" {
	cat >p.ini <<'INI'
[defaults]
run = mark; echo "sent $DUREXEC_ATTEMPT"
[step a]
[step sent]
receipt = sent ([0-9]+)
[step never]
rerun = never
[step c]
INI
	go 0 p.ini
	: >"$WITNESS"
	go 0 rewind p.ini a
	like out '^sent .*durexec rewind .*/p.ini sent$'
	like out '^never .*durexec rewind .*/p.ini never$'
	look a.state=pending sent.state=done sent.result=1 never.state=done \
		c.state=pending
	go 0 p.ini
	witnessed 'a 2' 'c 2'
	go 0 rewind p.ini sent
	look sent.state=pending sent.result=null a.state=done
	go 0 p.ini
	is "$(sed -n 3p "$WITNESS")" 'sent 2'
	look sent.result=2
}

@test "review = yes: after success it waits for approve; exit 3, reason approval" {
	cat >p.ini <<'INI'
[step draft]
review = yes
run = mark; echo "text=short" >$DUREXEC_OUTPUT; echo draft
verify.g = mark gate
[step publish]
run = mark "$DUREXEC_draft_text $(cat "$DUREXEC_OUT_draft") $DUREXEC_RESULT_draft"
INI
	go 3 p.ini
	look state=needs_review draft.state=needs_review draft.reason=approval \
		draft.exit=0 publish.state=pending \
		'next=durexec approve p.ini draft'
	has out 'durexec approve p.ini draft'
	for how in p.ini '--resume p.ini' 'retry --failed --go p.ini'; do
		# shellcheck disable=SC2086
		go 3 $how
	done
	witnessed 'draft 1' 'draft 1 gate'
	go 0 status p.ini
	like out 'draft +approval'
	go 0 approve p.ini draft --result 'looks good'
	look draft.state=done publish.state=pending
	go 0 p.ini
	witnessed 'draft 1' 'draft 1 gate' 'publish 1 short draft looks good'
}

@test "review = yes alone, with a condition, skipped, failed, on a live run" {
	cat >p.ini <<'INI'
[step other]
run = hold
[step ask]
needs =
review = yes
[step skip-me]
needs =
review = yes
[step no]
needs =
if = false
review = yes
[step fails]
needs =
review = yes
run = mark; [ -e ok ]
[step last]
run = mark
INI
	start -j4 p.ini
	at other
	eventually 'all are known' looks ask.reason=approval \
		skip-me.reason=approval no.state=skipped \
		fails.state=needs_review
	look ask.attempts=0 'fails.reason=exit 1'
	for v in 'approve p.ini ask' 'skip p.ini skip-me'; do
		# shellcheck disable=SC2086
		(become $v) </dev/null >out2 2>&1 || fail "$(cat out2)"
	done
	release 0
	# one failed, none is to be approved
	ends 1
	look ask.state=done skip-me.state=skipped
	touch ok
	go 3 --resume p.ini
	look fails.reason=approval last.state=pending
	go 0 approve --go p.ini fails
	look state=done done=6
	witnessed_all 'other 1' 'fails 1' 'fails 2' 'last 1'
	is "$(tail -n 1 "$WITNESS")" 'last 1'
}

@test "an approval and something in review: exit 1; the approval survives an edit elsewhere" {
	printf '[defaults]\nneeds =\n[step a]\nreview = yes\nrun = mark\n[step b]\nrun = mark; false\n' >p.ini
	go 1 -j1 p.ini
	look a.reason=approval 'b.reason=exit 1'
	sed -i 's/false/true/' p.ini
	go 3 p.ini
	witnessed 'a 1' 'b 1' 'b 2'
	# its own definition is another one now: it runs again
	sed -i 's/review = yes/review = yes\nenv.X = y/' p.ini
	go 3 p.ini
	witnessed 'a 1' 'b 1' 'b 2' 'a 2'
}
