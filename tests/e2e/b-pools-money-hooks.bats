# SPDX-License-Identifier: ISC
# Pools and their slots, money, hooks.
load helper

# Machine-wide pools are not those of whoever runs the tests.
prepare() { EXTRA=("DUREXEC_MACHINE_DIR=$T/machine"); }

# These hold now, in any order: at_all STEP...
at_all() {
	local name
	: >holding
	for _; do
		read -r -t "$PATIENCE" name step_pid <&7 || fail 'nobody holds'
		echo "$name" >>holding
		echo "$step_pid" >"pid.$name"
	done
	is "$(sort holding | xargs)" "$(printf '%s\n' "$@" | sort | xargs)"
}

@test "slots: never more at once; each has one of its own, and its name" {
	cat >p.ini <<'INI'
[pool gpu]
slots = 2
[pool gpu-names]
slots = left, right
[defaults]
needs =
run = hold
[step a]
pool = gpu
env.CARD = ${DUREXEC_SLOT_gpu}
run = echo "$DUREXEC_SLOT_gpu $CARD" >>cards; hold
[step b]
pool = gpu
run = echo "$DUREXEC_SLOT_gpu $DUREXEC_SLOT_gpu" >>cards; hold
[step c]
pool = gpu
run = echo "c $DUREXEC_SLOT_gpu" >>later; hold
[step n1]
pool = gpu-names
run = echo "$DUREXEC_SLOT_gpu_names" >>names; hold
[step n2]
pool = gpu-names
run = echo "$DUREXEC_SLOT_gpu_names" >>names; hold
[step n3]
pool = gpu-names
[step free]
run = [ -z "${DUREXEC_SLOT_gpu+x}" ] && mark
INI
	start -j8 p.ini
	at_all a b n1 n2
	nobody_holds
	eventually 'free is done' looks free.state=done
	look c.state=pending n3.state=pending
	is "$(sort cards | xargs)" '0 0 1 1'
	is "$(sort names | xargs)" 'left right'
	for _ in 1 2 3 4 5 6; do release; done
	ends 0
	like later '^c [01]$'
}

@test "the condition has the slot, too; a pool of one is the default" {
	cat >p.ini <<'INI'
[pool one]
[defaults]
needs =
pool = one
[step a]
if = [ "$DUREXEC_SLOT_one" = 0 ] && hold
run = mark "$DUREXEC_SLOT_one"
[step b]
run = mark
INI
	start -j4 p.ini
	at a
	nobody_holds
	look b.state=pending
	release 0
	ends 0
	witnessed 'a 1' 'a 1 0' 'b 1'
}

@test "adoption keeps the slot: nobody else gets it while its step runs" {
	cat >p.ini <<'INI'
[pool gpu]
slots = x y
[defaults]
needs =
pool = gpu
run = echo "$DUREXEC_STEP $DUREXEC_SLOT_gpu" >>slots; hold
[step a]
[step b]
[step c]
[step d]
INI
	start -j4 p.ini
	at_all a b
	kill9 "$pid"
	start -j4 p.ini
	eventually 'both are adopted' sh -c '[ $(grep -c adopted: out) = 2 ]'
	nobody_holds
	look c.state=pending d.state=pending
	kill9 "$pid"
	# one ends while nobody watches: its slot is free, the other one is not
	release
	eventually 'one is over' sh -c '[ ! -d /proc/$(cat pid.a) ] || [ ! -d /proc/$(cat pid.b) ]'
	[ -d "/proc/$(cat pid.a)" ] && ended=b || ended=a
	start -j4 p.ini
	at c
	nobody_holds
	release
	release
	at d
	release
	ends 0
	# c took the place of the one that had ended, not of the other
	is "$(sed -n 's/^c //p' slots)" "$(sed -n "s/^$ended //p" slots)"
	look a.attempts=1 b.attempts=1 c.attempts=1 d.attempts=1
}

@test "min_interval: between two starts, over a kill -9 as well" {
	cat >p.ini <<'INI'
[pool api]
slots = 4
min_interval = 400ms
[defaults]
needs =
[step a]
pool = api
run = date +%s%N >>times
[step b]
pool = api
run = date +%s%N >>times; mark
[step c]
pool = api
run = date +%s%N >>times
[step other]
run = hold
INI
	start -j8 p.ini
	at other
	eventually 'the first has begun' test -s times
	kill9 "$pid"
	start -j8 p.ini
	eventually 'all have begun' sh -c '[ $(wc -l <times) = 3 ]'
	release
	ends 0
	sed -n 's/^[0-9]* \([^ ]*\) start step=[abc] .*/\1/p' "$(run_dir)/state" |
		date -f - +%s%3N >starts
	is "$(wc -l <starts)" 3
	awk 'NR > 1 && $1 - last < 395 { exit 1 } { last = $1 }' starts ||
		fail "too close: $(xargs <starts)"
}

@test "min_interval and --no-wait: 75, like any wait for a time" {
	cat >p.ini <<'INI'
[pool api]
min_interval = 1h
[defaults]
pool = api
run = mark
[step a]
[step b]
INI
	go 75 --no-wait p.ini
	like out 'waiting: 1 of 2 done.*; come back ...'
	witnessed 'a 1'
	python "$E2E/state.py" check "$(run_dir)/state"
	look state=waiting b.state=pending
	sed -i 's/1h/1ms/' p.ini
	go 0 p.ini
	witnessed 'a 1' 'b 1'
}

@test "scope = machine: two pipelines share the slots; other pools are their own" {
	for p in p q; do
		cat >$p.ini <<INI
[pool gpu]
slots = 1
scope = machine
[step $p]
pool = gpu
run = echo "\$DUREXEC_SLOT_gpu" >>slots; hold
[step free-$p]
needs =
run = mark
INI
	done
	start -j4 p.ini
	one=$pid
	at p
	start -j4 q.ini
	two=$pid
	eventually 'what needs no slot is done' grep -q free-q "$WITNESS"
	nobody_holds
	ini=q.ini
	look q.state=pending state=running
	release
	ends 0 "$one"
	at q
	release
	ends 0 "$two"
	is "$(xargs <slots)" '0 0'
	is "$(stat -c %a machine)" 700
}

@test "scope = machine: an orphan keeps its slot, and so does what is adopted" {
	for p in p q; do
		printf '[pool gpu]\nscope = machine\n[step %s]\npool = gpu\nrun = hold\n' $p >$p.ini
	done
	start p.ini
	at p
	kill9 "$pid"
	start q.ini
	two=$pid
	eventually 'q has begun' grep -q . err
	nobody_holds
	start p.ini
	one=$pid
	eventually 'adopted' grep -q adopted out
	nobody_holds
	kill9 "$one"
	# it ends while its durexec is gone: that is enough
	release
	at q
	release
	ends 0 "$two"
	go 0 p.ini
	is "$(sort "$WITNESS" | xargs)" 'p 1 q 1'
}

@test "scope = machine: a limit that one met holds the other" {
	for p in p q; do
		cat >$p.ini <<INI
[pool api]
scope = machine
slots = 3
[step $p]
pool = api
wait_if = limit
run = mark; [ ! -e limit ] || { echo "limit, try again in 2h"; exit 1; }
INI
	done
	touch limit
	go 75 --no-wait p.ini
	go 75 --no-wait q.ini
	like out 'come back ...'
	witnessed 'p 1'
	start q.ini
	eventually 'it has begun' grep -q . err
	nobody_holds
	kill -TERM "$pid"
	ends 143
	witnessed 'p 1'
}

@test "scope = machine: a place that cannot be used is an error, and nothing runs" {
	printf '[pool gpu]\nscope = machine\n[step a]\npool = gpu\nrun = mark\n' >p.ini
	mkdir -m 777 machine
	chmod 777 machine
	go 4 p.ini
	has err machine gpu
	witnessed
	EXTRA=("DUREXEC_MACHINE_DIR=relative")
	go 4 p.ini
	witnessed
}

@test "cost: summed over attempts, shown by status and at the end" {
	cat >p.ini <<'INI'
[step flat]
cost = 0.25
retries = 2
retry_delay = 10ms
run = mark; [ $DUREXEC_ATTEMPT -ge 3 ]
[step said]
cost = 9
cost_from = "total_cost_usd": *([0-9.]+)
retries = 1
retry_delay = 10ms
run = echo '{"total_cost_usd": 0.1}'; echo "{\"total_cost_usd\": $DUREXEC_ATTEMPT.5}"
    [ $DUREXEC_ATTEMPT -ge 2 ]
[step unsaid]
cost = 1
cost_from = "total_cost_usd": *([0-9.]+)
run = true
[step free]
run = [ -e ok ]
INI
	go 1 p.ini
	look flat.cost=0.75 said.cost=4.0 unsaid.cost=1.0 free.cost=null cost=5.75
	like out '3 of 4 done.*\$5\.75'
	go 0 status p.ini
	like out 'flat +done.*\$0\.75'
	like out '3 of 4 done, \$5\.75'
	touch ok
	go 0 --resume p.ini
	like out '\$5\.75; going on saved .* and \$5\.75'
	look cost=5.75
	go 0 rewind p.ini flat said unsaid free
	go 0 p.ini
	# what was paid was paid
	look flat.cost=1.0 said.cost=7.5 unsaid.cost=2.0 cost=10.5
}

@test "cost of what a limit stopped: what it says, not what it would have cost" {
	cat >p.ini <<'INI'
[defaults]
needs =
wait_if = limit
retry_delay = 1m
[step flat]
cost = 3
run = echo limit; exit 1
[step said]
cost_from = cost ([0-9.]+)
run = echo "cost 0.4, then the limit"; exit 1
INI
	go 75 --no-wait p.ini
	look flat.cost=null said.cost=0.4
}

@test "budget: what costs is not started beyond it; raised, it goes on" {
	cat >p.ini <<'INI'
[pipeline]
budget = 2.50
[defaults]
cost = 1
run = mark
[step a]
[step b]
[step c]
[step free]
needs =
cost = 0
[step last]
INI
	go 1 -j1 p.ini
	witnessed 'a 1' 'b 1' 'free 1'
	look c.state=needs_review 'c.reason=~budget.*2\.50' c.attempts=0 cost=2.0
	has out budget
	go 1 p.ini
	go 1 --resume p.ini
	witnessed 'a 1' 'b 1' 'free 1'
	sed -i 's/2.50/$4/' p.ini
	go 0 p.ini
	witnessed 'a 1' 'b 1' 'free 1' 'c 1' 'last 1'
	look cost=4.0
}

@test "budget: retries cost as well; a gate costs nothing" {
	cat >p.ini <<'INI'
[pipeline]
budget = 2
[step a]
cost = 1
retries = 5
retry_delay = 10ms
run = mark; false
[step b]
needs =
cost_from = paid ([0-9.]+)
run = mark; echo "paid 0.5"
verify.g = mark gate; [ -e ok ]
INI
	go 1 --only b p.ini
	touch ok
	sed -i 's/budget = 2/budget = 0.5/' p.ini
	go 3 --resume --only b p.ini
	look b.state=done b.cost=0.5
	sed -i 's/budget = 0.5/budget = 2/' p.ini
	go 1 p.ini
	look a.state=needs_review a.attempts=1 a.reason=~budget
}

@test "hooks are told how it went, in the run's own place and environment" {
	mkdir sub
	cat >sub/p.ini <<'INI'
[pipeline]
env.KEY = value
on_done = env | sort >done.env; pwd -P >>done.env; echo "$V" >>done.env
on_review = env | sort >review.env
on_exit = echo "$DUREXEC_STATE $DUREXEC_STATUS" >>exit
[params]
V = default
[step a]
run = mark
cost = 1.5
[step b]
run = [ -e ok ]
[step ask]
review = yes
[step last]
run = true
INI
	ini='sub/p.ini V=x'
	go 1 sub/p.ini V=x
	has sub/review.env DUREXEC_EVENT=review DUREXEC_PIPELINE=p \
		"DUREXEC_FILE=$(readlink -f sub/p.ini)" \
		"DUREXEC_RUN=$(ls sub/.durexec/p@*/latest/.. | grep -E '^[0-9]{8}' | head -n 1)" \
		DUREXEC_STATE=needs_review DUREXEC_DONE=1 DUREXEC_TOTAL=4 \
		DUREXEC_COST=1.50 DUREXEC_REVIEW=b 'DUREXEC_REASON=exit 1' \
		KEY=value
	touch sub/ok
	go 3 --resume sub/p.ini V=x
	has sub/review.env DUREXEC_REVIEW=ask DUREXEC_REASON=approval
	[ ! -e sub/done.env ]
	go 0 approve --go sub/p.ini V=x ask
	has sub/done.env DUREXEC_EVENT=done DUREXEC_STATE=done DUREXEC_DONE=4
	is "$(tail -n 2 sub/done.env | xargs)" "$(readlink -f sub) x"
	is "$(xargs <sub/exit)" 'needs_review 1 needs_review 3 done 0'
	# verbs and what is finished tell nobody
	go 0 sub/p.ini V=x
	go 0 status sub/p.ini V=x
	is "$(wc -l <sub/exit)" 3
}

@test "on_wait is told once a limit is on disk; on_exit what Ctrl+C will give" {
	cat >p.ini <<'INI'
[pipeline]
on_wait = env | sort >wait.env; cp .durexec/p/latest/state seen; mark told
on_exit = echo "$DUREXEC_STATE $DUREXEC_STATUS" >exit
[step a]
wait_if = limit
run = echo "limit, try again in 1h"; exit 1
[step b]
needs =
retries = 1
retry_delay = 10ms
run = [ $DUREXEC_ATTEMPT = 2 ]
INI
	start p.ini
	eventually 'told' grep -q told "$WITNESS"
	eventually 'b is done' looks b.state=done
	kill -INT "$pid"
	ends 130
	has wait.env DUREXEC_EVENT=wait DUREXEC_STEP=a
	like wait.env '^DUREXEC_REASON=.*limit, try again in 1h'
	like wait.env '^DUREXEC_UNTIL=[0-9-]{10}T[0-9:.]{12}Z$'
	grep -q 'step=a .*wait=limit' seen
	is "$(cat exit)" 'waiting 130'
	# a backoff is no limit
	is "$(grep -c told "$WITNESS")" 1
}

@test "a hook that fails, says a lot or is not there changes nothing" {
	cat >p.ini <<'INI'
[pipeline]
on_done = echo "it went wrong" >&2; exit 9
on_exit = no-such-program
[step a]
run = mark
INI
	go 0 p.ini
	look state=done
	like err 'on_done: exit 9.*it went wrong'
	like err 'on_exit: exit 127'
	go 0 --dry-run p.ini
	# nothing of it in stdout, which is ours
	hasnt out 'it went wrong'
	printf '[pipeline]\non_review = exit 0\non_exit = kill -KILL $$\n[step a]\nrun = false\n' >q.ini
	go 1 q.ini
}

@test "a hook that hangs: Ctrl+C again ends it, and the status is the run's" {
	cat >p.ini <<'INI'
[pipeline]
on_exit = echo "hook $$" >$AT; trap "" TERM INT; while :; do sleep 0.05; done
[step a]
run = mark
INI
	start p.ini
	at hook
	again() { kill -INT "$pid"; sleep 0.1; over "$step_pid"; }
	kill -INT "$pid"
	eventually 'it is killed' again
	ends 130
	look state=done
	eventually 'nobody is left' nobody_left
}

@test "a hook may use durexec itself: what it approves goes on, and is told of again" {
	cat >p.ini <<INI
[pipeline]
on_review = mark review; $DUREXEC approve ask p.ini || mark refused
on_done = mark done
on_exit = mark "exit \$DUREXEC_STATUS"
[step ask]
review = yes
[step b]
run = mark
INI
	go 0 p.ini
	look state=done
	is "$(xargs <"$WITNESS")" 'review b 1 done exit 0'
}
