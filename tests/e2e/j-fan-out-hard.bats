# SPDX-License-Identifier: ISC
# Fan-outs at their edges: lists that are adopted, edited away, endless.
load helper

prepare() { ini='--all p.ini'; }

@test "--resume: a list that ended while nobody watched, with many items" {
	cat >p.ini <<'INI'
[pipeline]
fail_fast = 1
[step gen]
foreach_from = hold; seq 3000
run = mark "$ITEM"; false
INI
	start -j1 p.ini
	at gen
	kill9 "$pid"
	release
	eventually 'the list is there' nobody_left
	go 1 --resume -j1 p.ini
	witnessed 'gen 1' 'gen 1 1'
	look gen.items.total=3000 gen.items.needs_review=1
}

@test "edit: a list that is being asked for, and is none any more" {
	printf '[step gen]\nforeach_from = hold\nrun = mark item\n' >p.ini
	start p.ini
	at gen
	kill9 "$pid"
	printf '[step gen]\nrun = mark whole\n' >p.ini
	start p.ini
	eventually 'adopted' grep -q adopted out
	release
	ends 0
	# no items is no success of a command that never ran
	is "$(grep -c 'whole' "$WITNESS")" 1
	look gen.state=done state=done
}

@test "edit: an item that runs is no longer among those of its new root" {
	cat >p.ini <<'INI'
[step a]
foreach = x y
run = mark "$ITEM"
[step b]
foreach = x z
run = mark "$ITEM"
[step val]
foreach = step:a
stdout = ${ITEM}.out
run = mark "$ITEM"; echo "$ITEM"; [ $ITEM != y ] || hold
INI
	start -j4 p.ini
	at val
	kill9 "$pid"
	sed -i 's/step:a/step:b/' p.ini
	start -j4 p.ini
	eventually 'the new one is done' test -e z.out
	release
	ends 0
	is "$(sort "$WITNESS" | grep '^val' | xargs)" \
		'val 1 val 1 x val 1 y val 1 z'
	eventually 'nobody is left' nobody_left
	[ ! -e y.out ]
	look val.items.total=2 val.items.done=2 state=done
	cat out err >said
	has said 'val[y]' 'not in the file'
}

@test "a list without end is ended, and is no list" {
	printf '[step gen]\nforeach_from = yes a line\nrun = mark\n' >p.ini
	go 1 p.ini
	witnessed
	look gen.state=needs_review
	cat out err >said
	has said 'foreach_from' 'too much output'
}

@test "a list whose processes stay behind: they are ended, the list counts" {
	printf '[step gen]\nforeach_from = sleep 1000 & echo a; echo b\nrun = mark "$ITEM"\n' >p.ini
	go 0 -j1 p.ini
	eventually 'nobody is left' nobody_left
	witnessed 'gen 1 a' 'gen 1 b'
}

@test "foreach: what only an attempt knows is refused with a reason" {
	printf '[pool gpu]\n[step gen]\npool = gpu\nforeach = ${DUREXEC_SLOT_gpu}\nrun = mark\n' >p.ini
	go 1 p.ini
	witnessed
	cat out err >said
	has said 'DUREXEC_SLOT_gpu' 'not known'
}

@test "outputs of a fan-out: listed once, not for each item that needs them" {
	cat >p.ini <<'INI'
[step gen]
foreach = a b c
run = echo "$ITEM"
[step use]
foreach = 1 2 3 4
run = ls -i "$DUREXEC_OUT_gen" >>inodes; xargs cat <"$DUREXEC_OUT_gen" >$ITEM.txt
INI
	go 0 -j1 p.ini
	is "$(xargs <4.txt)" 'a b c'
	is "$(sort -u inodes | wc -l)" 1
	# one that has joined is in it
	sed -i 's/a b c/a b c d/; s/1 2 3 4/1 2 3 4 5/' p.ini
	go 0 -j1 --rescan p.ini
	is "$(xargs <5.txt)" 'a b c d'
}

@test "kill -9 at any time: no mailbox is given away, each item runs once" {
	cat >p.ini <<'INI'
[step gen]
foreach_from = seq 24
stdout = ${ITEM}.txt
verify.x = sleep 0.05
run = sleep 0.0$((ITEM % 3)); echo "$ITEM" >>$T/ran
INI
	for n in 2 6 10 14 18; do
		start -j4 p.ini
		eventually "$n have run" eval '[ "$(wc -l <ran)" -ge $n ]'
		kill9 "$pid"
	done 2>/dev/null
	go 0 -j4 p.ini
	sort -n ran | diff -u <(seq 24) - || fail 'not once each'
}

@test "kill -9: what adopted items write into \$DUREXEC_OUTPUT reaches the next step" {
	cat >p.ini <<'INI'
[step before]
run = true
[step gen]
foreach = x y
run = hold "$ITEM"; echo "WHO=$ITEM" >"$DUREXEC_OUTPUT"
[step use]
foreach = step:gen
run = mark "$ITEM-$DUREXEC_gen_WHO"
[step after]
run = true
INI
	start -j2 p.ini
	at gen
	kill9 "$pid"
	start -j2 p.ini
	eventually 'adopted' grep -q adopted out
	release
	release
	ends 0
	witnessed_all "gen 1" "gen 1" "use 1 x-x" "use 1 y-y"
}
