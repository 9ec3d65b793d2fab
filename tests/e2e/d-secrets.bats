# SPDX-License-Identifier: ISC
# Values that `secrets` names are in nothing that durexec shows or records.
load helper

# Quotes, a backslash, not ASCII, blanks: what JSON, the state file and the
# terminal each write in another way.
SECRET='Kq7"Zt\ä w%Xj-9fHv+Rb2'
prepare() { EXTRA=("TOKEN=$SECRET"); }

# What of a secret (default: $SECRET) stands in the files, however it is
# written there: not even half of it may.
hides() {
	SECRET=${secret:-$SECRET} python - "$@" <<'PY' >&2 || fail "a secret is shown"
import json, os, re, sys, urllib.parse
secret = os.environb[b'SECRET']
half = len(secret) // 2
parts = [secret[:half], secret[half:]]
found = False
def escaped(data):
    return re.sub(rb'\\x([0-9a-f]{2})', lambda m: bytes([int(m[1], 16)]), data)
def strings(value):
    if isinstance(value, str):
        yield value.encode()
    elif isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for v in value:
            yield from strings(v)
for name in sys.argv[1:]:
    data = open(name, 'rb').read()
    forms = [data, urllib.parse.unquote_to_bytes(data), escaped(data)]
    for line in data.splitlines():
        try:
            forms += strings(json.loads(line))
        except ValueError:
            pass
    for part in parts:
        if any(part in form for form in forms):
            print(f'{name} has {part!r}')
            found = True
sys.exit(found)
PY
}

# All that can be asked of the run, and what is on disk of it; of each of the
# secrets after the step's name ($SECRET).
hides_all() {
	local n=0 asked one
	cp "$(run_dir)/state" state.copy
	for asked in 'status' 'status --json' 'logs' 'history' "logs $1"; do
		n=$((n + 1))
		# shellcheck disable=SC2086
		(become ${asked%% *} p.ini ${asked#"${asked%% *}"}) \
			</dev/null >asked.$n 2>&1 || fail "$asked: $(cat asked.$n)"
	done
	mv asked.5 log
	shift
	for one in "${@:-${secret:-$SECRET}}"; do
		secret=$one hides out err state.copy asked.[1-4] log
	done
}

@test "a command that prints it, and fails" {
	cat >p.ini <<'INI'
[step a]
secrets = TOKEN
run =
    echo "out: <$TOKEN> $TOKEN$TOKEN"
    echo "err: <$TOKEN>" >&2
    exit 3
INI
	go 1 p.ini
	has out 'err: <***>'
	hides_all a
	has log 'out: <***> ***' 'err: <***>'
	# it did print it
	has "$(run_dir)/log/a.1.err" "err: <$SECRET>"
	go 1 --resume --json p.ini
	hides out err
	go 0 approve p.ini a --result "as $SECRET said"
	look 'a.result=as *** said'
	hides_all a
	(become --dry-run p.ini) </dev/null >out 2>err
	hides out err
}

@test "without \`secrets\` nothing is masked" {
	printf '[step a]\nrun = echo "$TOKEN" >&2; exit 3\n' >p.ini
	go 1 p.ini
	has out "$SECRET"
}

@test "results, outputs and reasons are recorded without it" {
	cat >p.ini <<'INI'
[defaults]
secrets = TOKEN
[step whole]
receipt = key: (.*) done
run = echo "key: $TOKEN done"
[step part]
receipt = key: .....(......)
run = echo "key: $TOKEN done"
[step output]
run = printf 'A=<%s>\nB=plain\n' "$TOKEN" >"$DUREXEC_OUTPUT"
[step limit]
allow_failure = yes
wait_if = limit
wait_max = 1ms
retry_delay = 1ms
run = printf '%099d limit: %s%0200d\n' 0 "$TOKEN" 0; exit 1
[step seen]
run = echo "$DUREXEC_output_A $DUREXEC_output_B $DUREXEC_RESULT_whole" >seen
INI
	go 0 p.ini
	like err 'output.*DUREXEC_OUTPUT.*A'
	unlike err 'DUREXEC_OUTPUT.*B'
	look 'whole.result=***' 'part.result=***'
	is "$(cat seen)" '<***> plain ***'
	hides_all output
}

@test "a reason that quotes half of a line quotes no half of it" {
	secret=$(printf 'Q%.0s' {1..30})$(printf 'R%.0s' {1..30})
	EXTRA=("TOKEN=$secret")
	cat >p.ini <<'INI'
[step a]
secrets = TOKEN
wait_if = limit
retry_delay = 1h
retry_max_delay = 1h
run = printf '%050d limit %062d%s%0200d\n' 0 0 "$TOKEN" 0; exit 1
[step b]
needs =
secrets = TOKEN
wait_if = limit
retry_delay = 1h
retry_max_delay = 1h
run = printf '%050d%s limit %0200d\n' 0 "$TOKEN" 0; exit 1
INI
	start p.ini
	eventually 'both wait' looks a.state=waiting b.state=waiting
	look 'a.reason=~^limit: .*\*\*\*$' 'b.reason=~^limit: \*\*\* limit'
	kill -TERM $pid
	ends 143
	hides_all b
}

@test "what was recorded before somebody called it a secret is shown without it" {
	cat >p.ini <<'INI'
[step a]
receipt = key: (.*) done
run = echo "key: $TOKEN done"; exit 3
INI
	go 1 p.ini
	has out "$SECRET"
	look "a.result=$SECRET"
	sed -i 's/^run/secrets = TOKEN\n&/' p.ini
	go 0 status p.ini
	has out '***'
	hides out
	go 0 status --json p.ini
	hides out
	go 1 p.ini
	hides out err
}

@test "env_file: of the step, of the pipeline, one that a step writes" {
	mkdir sub
	printf 'PASS="of the pipeline"\nOTHER=visible\n' >all.env
	printf "export PASS='of the step'\n" >sub/own.env
	cat >p.ini <<'INI'
[pipeline]
env_file = all.env
[defaults]
secrets = PASS
[step a]
run = echo "a $PASS $OTHER" >&2; exit 1
allow_failure = yes
[step b]
env_file = ${WHERE}/own.env
run = echo "b $PASS $OTHER" >&2; exit 1
allow_failure = yes
[step c]
run = echo PASS=of-this-run >c.env
outputs = c.env
[step d]
needs = c
env_file = c.env
run = echo "d $PASS" >&2; exit 1
INI
	EXTRA=("WHERE=$T/sub")
	go 1 p.ini
	has out 'd ***'
	hasnt err 'of-this-run'
	hasnt out 'of-this-run'
	go 0 logs p.ini
	has out 'a *** visible' 'b *** visible' 'd ***'
}

@test "env_file: one for each item; a later durexec shows what was said again" {
	mkdir env
	echo KEY=first-one-1 >env/one.env
	echo KEY=second-two-2 >env/two.env
	cat >p.ini <<'INI'
[params]
dir = env
[step a]
foreach = one two
secrets = KEY
env_file = ${dir}/${ITEM}.env
run = echo "$ITEM says $KEY" >&2; echo "K=$KEY" >"$DUREXEC_OUTPUT"; exit 1
INI
	EXTRA=()
	for _ in 1 2; do
		go 1 p.ini dir=env
		has out 'one says ***' 'two says ***'
		for secret in first-one-1 second-two-2; do hides out err; done
	done
	go 0 logs p.ini dir=env
	has out 'one says ***' 'two says ***'
	for secret in first-one-1 second-two-2; do hides out err; done
}

@test "logs -f: written in two halves, and in many" {
	cat >p.ini <<'INI'
[step a]
secrets = TOKEN
run =
    half=$((${#TOKEN} / 2))
    printf 'begin %s' "${TOKEN:0:half}"
    hold
    printf '%s end\n' "${TOKEN:half}"
    hold
    for ((i = 0; i < ${#TOKEN}; i++)); do printf %s "${TOKEN:i:1}"; sleep 0.01; done
    printf '\nas it began: %s' "${TOKEN:0:half}"
INI
	start p.ini
	at a
	(become logs -f p.ini a) </dev/null >follow 2>&1 &
	follower=$!
	(become logs -f p.ini) </dev/null >follow.all 2>&1 &
	follower2=$!
	eventually 'the begin' grep -q begin follow
	hides follow
	is "$(cat follow)" 'begin '
	release
	at a
	eventually 'the end' grep -q end follow
	release
	ends 0
	eventually 'they end' over $follower
	eventually 'they end' over $follower2
	half=$((${#SECRET} / 2))
	is "$(cat follow)" "begin *** end
***
as it began: ${SECRET:0:half}"
	has follow.all 'a| begin *** end' 'a| ***'
	secret=$SECRET$SECRET hides follow.all
}

@test "logs: it stands across the pieces in which a log is read" {
	secret=$(head -c 70000 /dev/urandom | base64 -w0 | head -c 90000)
	EXTRA=("LONG=$secret" "TOKEN=$SECRET")
	cat >p.ini <<'INI'
[step a]
secrets = TOKEN, LONG
run =
    for n in 65535 65500 131050; do
        head -c $n /dev/zero | tr '\0' .
        printf '<%s>\n<%s>\n' "$TOKEN" "$LONG"
    done
INI
	go 0 p.ini
	go 0 logs p.ini a
	hides out
	(secret=; hides out)
	is "$(tr -d . <out)" '<***>
<***>
<***>
<***>
<***>
<***>'
	is "$(stat -c %s out)" $((65535 + 65500 + 131050 + 36))
	go 0 logs p.ini
	hides out
}

@test "logs: a value that is not known any more is not hidden, which is said" {
	cat >p.ini <<'INI'
[step a]
secrets = TOKEN, NONE
run = echo "<$TOKEN>"
INI
	go 0 p.ini
	EXTRA=("NONE=x")
	go 0 logs p.ini
	like err 'secrets without a value here.*TOKEN'
	has out "<$SECRET>"
	EXTRA=("TOKEN=$SECRET" "NONE=x")
	go 0 logs p.ini
	is "$(cat err)" ''
}

@test "a key of many lines: whole, and line by line" {
	key=$'-----BEGIN KEY-----\nMIIEpAIBAAKCAQEA\nxyz\n0987654321abcdef\n-----END KEY-----'
	EXTRA=("KEY=$key")
	cat >p.ini <<'INI'
[step a]
secrets = KEY
run =
    echo "$KEY"
    echo "$KEY" | sed 's/^/> /' >&2
    exit 1
INI
	go 1 p.ini
	hides_all a -----BEGIN MIIEpAIBAAKC 0987654321abcdef -----END
	is "$(head -1 log)" '***'
	has log '> ***' '> xyz'
}

@test "a check and hooks that say it; paths made of it" {
	cat >p.ini <<'INI'
[pipeline]
on_review = echo "$DUREXEC_REASON / $TOKEN"; echo "failing with $TOKEN" >&2; exit 9
[step a]
secrets = TOKEN
workdir = /nowhere/${TOKEN}
run = mark
INI
	go 1 p.ini
	has out '/nowhere/***'
	has err 'failing with ***'
	has "$(run_dir)/hooks.log" '/ ***' 'failing with ***'
	hides_all a
	cp "$(run_dir)/hooks.log" .
	hides hooks.log
	cat >p.ini <<'INI'
[step a]
secrets = TOKEN
check = echo "cannot log in with $TOKEN"; exit 1
requires = file:/nowhere/${TOKEN}
run = mark
INI
	for how in p.ini '--dry-run p.ini' '--dry-run --json p.ini'; do
		# shellcheck disable=SC2086
		go 2 $how
		hides out err
		cat out err >said
		has said 'log in with ***' '/nowhere/***'
	done
	witnessed
}
