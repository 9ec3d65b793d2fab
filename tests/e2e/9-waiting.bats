# SPDX-License-Identifier: ISC
# Waiting for a time: backoff and usage limits. Nobody waits for hours here:
# either a time is looked at (--no-wait), or the times in the state file are
# moved, as if so much had passed (state.py due).
load helper

due() { python "$E2E/state.py" due "$(run_dir)/state" "$1"; }

# limit STEP TEXT [KEY=VALUE]: a step that says so, and fails
limit() {
	printf '[step %s]\nrun =\n    cat <<"E"\n    %s\n    E\n    exit 1\n%s\n' \
		"$1" "$2" "${3:-}"
}

# A step that meets a limit as long as there is a file of that name.
limited() {
	cat <<INI
[step $1]
wait_if = limit
run = mark; [ ! -e limit ] || { echo "limit, try again in 1h"; exit 1; }
INI
}

@test "a wait is an absolute time in the state: kill -9, come back, only the rest is waited" {
	cat >p.ini <<'INI'
[step a]
retries = 1
retry_delay = 1h
retry_max_delay = 1h
run = mark; [ -e ok ]
[step b]
run = mark
INI
	start p.ini
	eventually 'it waits' looks state=waiting a.state=waiting
	look a.waiting_until=3200..3961 a.exit=1 b.state=pending
	kill9 "$pid"
	look state=waiting a.waiting_until=3200..3961
	touch ok
	# most of it passes while there is no durexec; the rest is waited for
	due 0.7
	go 0 p.ini
	witnessed 'a 1' 'a 2' 'b 1'
	python "$E2E/state.py" waits "$(run_dir)/state" a >/dev/null
	look a.attempts=2 a.state=done
}

@test "a wait that is over when durexec comes back is over; the clock may be anywhere" {
	touch limit
	limited a >p.ini
	# as if a whole year had passed; wait_max is about what was waited
	go 75 --no-wait p.ini
	due -31536000
	go 75 --no-wait p.ini
	look a.attempts=2 a.waiting_until=3500..4000
	# as if the clock had been set back since: nobody waits for days
	due 86400
	rm limit
	go 0 p.ini
	witnessed 'a 1' 'a 2' 'a 3'
}

@test "exit 75 and DUREXEC_WAIT: a step says itself that it has to wait" {
	cat >p.ini <<'INI'
[defaults]
needs =
retry_jitter = 0
retry_delay = 50s
[step exit]
run = exit 75
[step seconds]
run = echo 7200 >$DUREXEC_WAIT; exit 1
[step fraction]
run = echo 90.5 >$DUREXEC_WAIT; exit 75
[step epoch]
run = echo $(($(date +%s) + 300)) >$DUREXEC_WAIT; exit 1
[step date]
run = date -u -d '+10 minutes' +%Y-%m-%dT%H:%M:%SZ >$DUREXEC_WAIT; exit 1
[step zone]
run = TZ=Asia/Seoul date -d '+20 minutes' +%Y-%m-%dT%H:%M:%S%:z >$DUREXEC_WAIT; false
[step span]
run = echo "in 2h 5m" >$DUREXEC_WAIT; exit 1
[step headers]
run = printf 'HTTP/2 429\r\nretry-after: 333\r\ncontent-length: 17\r\n' >$DUREXEC_WAIT; exit 22
[step http-date]
run = echo "Retry-After: $(date -u -d '+40 minutes' '+%a, %d %b %Y %H:%M:%S GMT')" >$DUREXEC_WAIT; exit 1
[step crash]
run = echo 60 >$DUREXEC_WAIT; kill -KILL $$
[step good]
run = echo 7200 >$DUREXEC_WAIT
[step ok]
ok_exit = 75
run = exit 75
INI
	go 75 --no-wait p.ini
	look exit.waiting_until=40..50 seconds.waiting_until=7150..7200 \
		fraction.waiting_until=60..91 epoch.waiting_until=270..300 \
		date.waiting_until=560..600 zone.waiting_until=1160..1200 \
		span.waiting_until=7450..7500 headers.waiting_until=300..333 \
		http-date.waiting_until=2360..2400 crash.waiting_until=30..60 \
		good.state=done ok.state=done good.waiting_until=null \
		exit.exit=75 headers.exit=22 exit.reason=~limit
	is "$(grep -c ' wait=limit' "$(run_dir)/state")" 10
}

@test "wait_if reads the time from the line that it matched in" {
	three=$(date -d "TZ=\"Asia/Seoul\" 15:00" +%s)
	now=$(date +%s)
	[ "$three" -gt "$now" ] || three=$((three + 86400))
	wait=$((three - now))
	{
		printf '[defaults]\nneeds =\nretry_jitter = 0\nretry_delay = 50s\n'
		printf 'wait_if = limit|429|quota\nwait_max = 8d\n'
		limit zone "You've hit your limit · resets 3pm (Asia/Seoul)"
		limit epoch "Claude AI usage limit reached|$((now + 500))"
		limit days 'usage limit. Try again in 2 days 17 hours 14 minutes.'
		limit seconds 'Rate limit reached. Please try again in 33.646s.'
		limit go 'over the limit; retry after 6m0s'
		limit utc "limit reached (daily; resets $(date -u -d '+1 hour' '+%F %H:%M') UTC)"
		limit rfc "limit until $(date -u -d '+1 hour' +%FT%TZ)"
		limit json '{"error":{"type":"429","retry_after": 77}}'
		limit none 'the quota is used up'
		limit elsewhere 'in 3h something ends
    limit, but not until when'
		limit past "limit, resets $(date -u -d '-2 days' '+%F %H:%M') UTC"
		limit other 'all is well, try again in 2h'
	} >p.ini
	go 1 --no-wait p.ini
	look zone.waiting_until=$((wait - 30))..$((wait + 61)) \
		epoch.waiting_until=460..500 days.waiting_until=234800..234840 \
		seconds.waiting_until=1..34 go.waiting_until=320..360 \
		utc.waiting_until=3500..3600 rfc.waiting_until=3560..3600 \
		json.waiting_until=40..77 none.waiting_until=20..50 \
		elsewhere.waiting_until=20..50 past.waiting_until=20..50 \
		other.state=needs_review 'other.reason=exit 1' \
		"zone.reason=~You've hit your limit"
}

@test "a header file in DUREXEC_DIR, of this attempt, and not of an earlier one" {
	cat >p.ini <<'INI'
[step a]
wait_if = returned error: 429
retry_delay = 50s
retry_jitter = 0
run = mark; echo "curl: (22) The requested URL returned error: 429" >&2
    [ -e "$DUREXEC_DIR/hdr" ] ||
    printf 'HTTP/1.1 429 Too Many\r\nRetry-After: 1234\r\n\r\n' >"$DUREXEC_DIR/hdr"
    exit 22
INI
	go 75 --no-wait p.ini
	look a.waiting_until=1190..1234
	due -5
	sed -i 's/hdr/other/' p.ini
	touch -d '-1 hour' "$(run_dir)/dir/a/hdr"
	touch "$(run_dir)/dir/a/other"
	go 75 --no-wait p.ini
	# nothing is named now: growing, from retry_delay
	look a.attempts=2 a.waiting_until=50..110
}

@test "no retry is charged for a limit; each may be followed by the other" {
	cat >p.ini <<'INI'
[step a]
wait_if = limit
retries = 1
retry_delay = 10ms
run = mark; case $DUREXEC_ATTEMPT in
    1) echo "limit, try again in 30ms"; exit 1 ;;
    2) echo sorry; exit 1 ;;
    3) echo 0.03 >$DUREXEC_WAIT; exit 75 ;;
    4) echo "that is all" >&2; exit 1 ;;
    esac
INI
	go 1 p.ini
	witnessed 'a '{1..4}
	look a.state=needs_review 'a.reason=exit 1, after 1 retry'
}

@test "a limit that is still there after the time it named: later and later, up to wait_max" {
	cat >p.ini <<'INI'
[step a]
wait_if = limit
retry_delay = 10m
retry_max_delay = 1h
retry_jitter = 0
wait_max = 3h
run = mark; echo "limit, retry after 60 seconds"; exit 1
INI
	go 75 --no-wait p.ini
	look a.waiting_until=30..60
	for minutes in 20 40 60; do
		due 0
		go 75 --no-wait p.ini
		look a.waiting_until=$((minutes * 60 - 30))..$((minutes * 60))
	done
	# 121 of 180 minutes are over: the next one is cut short
	due 0
	go 75 --no-wait p.ini
	look a.waiting_until=3450..3560
	due 0
	go 1 --no-wait p.ini
	look a.state=needs_review a.attempts=6 'a.reason=~wait_max' \
		'a.reason=~exit 1'
	# a person says go on: from the beginning
	go 75 --resume --no-wait p.ini
	look a.state=waiting a.waiting_until=30..60
}

@test "jitter: never before the time that was named" {
	{
		printf '[defaults]\nneeds =\nwait_if = limit\nretry_jitter = 20%%\n'
		for i in 1 2 3 4 5 6; do
			limit s$i 'limit, try again in 10 minutes'
		done
	} >p.ini
	go 75 --no-wait p.ini
	look s{1..6}.waiting_until=580..721
	python "$E2E/state.py" waits "$(run_dir)/state" s1 >waited
	like waited '^(6[0-9]|7[0-2])[0-9]\.[0-9]+$'
	[ "$(grep -o ' until=[0-9]*' "$(run_dir)/state" | sort -u | wc -l)" -gt 1 ]
}

@test "the whole pool is parked, other branches go on; when it is over, all of it" {
	{
		printf '[pool api]\nslots = 2\n[defaults]\nneeds =\n'
		limited a
		printf 'pool = api\n'
		limited b
		printf 'pool = api\n[step c]\npool = api\nrun = mark\n'
		printf '[step d]\nneeds = a\nrun = mark\n'
		printf '[step other]\nrun = hold\n[step more]\nneeds = other\nrun = mark\n'
	} >p.ini
	touch limit
	start p.ini
	at other
	eventually 'a is parked' looks a.state=waiting
	look state=running c.state=pending
	release
	eventually 'all else is done' looks more.state=done state=waiting
	grep -q c "$WITNESS" && fail 'c ran in a parked pool'
	kill9 "$pid"
	rm limit
	due 0.4
	go 0 p.ini
	look state=done c.attempts=1
	python "$E2E/state.py" waits "$(run_dir)/state" a
}

@test "--no-wait: exit 75, and it says when to come back; something in review is 1" {
	touch limit
	{
		limited a
		printf '[step b]\nneeds =\nrun = mark\n[step c]\nrun = mark\n'
	} >p.ini
	go 75 --no-wait -j1 p.ini
	when=$(date -d "@$(sed -n 's/.* until=\([0-9]*\)[0-9]\{3\}.*/\1/p' "$(run_dir)/state")" +%H:%M)
	like out "waiting: 1 of 3 done.*; come back (... )?$when"
	like out 'go on: durexec p.ini'
	look state=waiting b.state=done c.state=pending 'next=durexec p.ini'
	go 0 status p.ini
	like out "a +waiting .*until (... )?$when \(.*h .*limit, try again in 1h"
	go 75 --no-wait --json p.ini
	cp out status.json
	python "$E2E/contract.py" status.json state=waiting \
		a.waiting_until=3000..4000
	witnessed_all 'a 1' 'b 1'
	printf '[step d]\nneeds =\nrun = false\n' >>p.ini
	go 1 --no-wait p.ini
	look state=needs_review a.state=waiting
}

@test "--json says that it waits, and until when; so do the lines" {
	touch limit
	limited a >p.ini
	start --json p.ini
	eventually 'it says so' grep -q '"event":"wait"' out
	kill -INT "$pid"
	ends 130
	python - <<'PY'
import json
w = [json.loads(l) for l in open("out")]
w = [l for l in w if l.get("event") == "wait"]
assert len(w) == 1 and w[0]["step"] == "a" and w[0]["state"] == "waiting", w
assert w[0]["until"].endswith("Z") and "limit" in w[0]["reason"], w
PY
	due 0
	go 75 --no-wait p.ini
	like out 'a: limit, try again in 1h; waiting until|a: limit: limit, try again in 1h; waiting until'
}

@test "retry on a live run starts one that waits at once; in a parked pool as well" {
	{
		printf '[pool api]\nslots = 2\n'
		limited a
		limited b
		printf 'needs =\npool = api\n'
		limited c
		printf 'needs =\npool = api\n[step d]\nrun = mark\n'
	} >p.ini
	touch limit
	start p.ini
	eventually 'they wait' looks a.state=waiting b.state=waiting
	rm limit
	: >"$WITNESS"
	(become retry p.ini a) </dev/null >out2 2>&1 || fail "$(cat out2)"
	eventually 'a is done' looks a.state=done
	witnessed 'a 2'
	(become retry p.ini b) </dev/null >out2 2>&1 || fail "$(cat out2)"
	# the limit held the pool, c begun or not, and is over for all of it
	ends 0
	is "$(cut -d' ' -f1 "$WITNESS" | sort | xargs)" 'a b c d'
}

@test "retry and skip of one that waits, at rest" {
	touch limit
	{
		printf '[defaults]\nneeds =\n'
		limited a
		limited b
	} >p.ini
	go 75 --no-wait p.ini
	rm limit
	: >"$WITNESS"
	go 0 retry p.ini a
	look a.state=pending a.waiting_until=null
	go 0 skip p.ini b
	go 0 --no-wait p.ini
	witnessed 'a 2'
	look b.state=skipped state=done
}

@test "stop, drain and Ctrl+C while it waits: at rest at once, and it still waits" {
	touch limit
	limited a >p.ini
	for how in stop 'stop --drain' INT TERM; do
		start p.ini
		eventually 'it waits' looks state=waiting a.state=waiting
		case $how in
		stop*)
			# shellcheck disable=SC2086
			(become $how p.ini) </dev/null >out2 2>&1 ||
				fail "$(cat out2)"
			ends 3
			;;
		INT) kill -INT "$pid"; ends 130 ;;
		TERM) kill -TERM "$pid"; ends 143 ;;
		esac
		look state=waiting a.waiting_until=3400..4000
	done
	witnessed 'a 1'
	like out 'come back'
}

@test "stopped while another step runs: the one that waits is not started" {
	{
		limited a
		printf '[step b]\nneeds =\nrun = hold\n'
	} >p.ini
	touch limit
	start p.ini
	at b
	eventually 'a waits' looks a.state=waiting
	(become stop --drain p.ini) </dev/null >out2 2>&1 || fail "$(cat out2)"
	release
	ends 3
	look a.state=waiting b.state=done
}

@test "waiting costs no wake-ups" {
	touch limit
	limited a >p.ini
	start p.ini
	eventually 'it waits' looks state=waiting
	processes=("$pid" $(cat "/proc/$pid/task/$pid/children"))
	switches() {
		awk '/ctxt_switches/ { n += $2 } END { print n }' \
			"${processes[@]/%//status}"
	}
	processes=("${processes[@]/#//proc/}")
	quiet() {
		local before
		before=$(switches)
		sleep 1
		[ "$(switches)" = "$before" ]
	}
	eventually 'it sleeps' quiet
	kill -TERM "$pid"
	ends 143
}

@test "a second durexec while one waits: 75; wait waits for it, and has its end" {
	cat >p.ini <<'INI'
[step a]
run = mark; exit 75
retry_delay = 1h
retry_max_delay = 1h
INI
	start p.ini
	eventually 'it waits' looks state=waiting
	(become p.ini) </dev/null >out2 2>err2 && got=0 || got=$?
	is "$got" 75
	(become wait p.ini) </dev/null >wait.out 2>&1 &
	waiting=$!
	(become wait --timeout 100ms p.ini) </dev/null >out2 2>&1 && got=0 || got=$?
	is "$got" 3
	(become skip p.ini a) </dev/null >out2 2>&1
	ends 0
	wait $waiting && got=0 || got=$?
	is "$got" 0
	witnessed 'a 1'
}

@test "a step that waits and is changed in the file, or leaves it" {
	touch limit
	{
		limited a
		limited b
		printf 'needs =\n[step c]\nneeds =\nrun = mark\n'
	} >p.ini
	go 75 --no-wait p.ini
	printf '[step c]\nneeds =\nrun = mark\n[step d]\nrun = mark\n' >p.ini
	go 0 p.ini
	witnessed_all 'a 1' 'b 1' 'c 1' 'd 1'
	look state=done total=2
}

@test "a limit in a run that is closed holds nobody" {
	touch limit
	limited a >p.ini
	go 75 --no-wait p.ini
	rm limit
	go 0 --fresh p.ini
	witnessed 'a 1' 'a 1'
}
