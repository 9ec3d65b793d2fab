# SPDX-License-Identifier: ISC
# `inputs`: what is in them belongs to what was done, and it shows when it is
# another content. Nothing runs again for it unasked.
load helper

# How often inputs were read by the run.
reads() { grep -c ' phase=inputs ' "$(run_dir)/state" || true; }

three() {
	cat >p.ini <<'INI'
[step a]
inputs = notes.txt
run = mark; cat notes.txt
[step b]
needs =
run = mark
[step c]
needs = a
run = mark
INI
	echo one >notes.txt
	go 0 p.ini
	witnessed_all 'a 1' 'b 1' 'c 1'
}

@test "inputs: another time is nothing, another content is STALE, with old and new" {
	three
	look a.stale=false b.stale=false c.stale=false
	touch -d '+5 sec' notes.txt
	look a.stale=false
	go 0 p.ini
	is "$(reads)" 1
	echo two >notes.txt
	look state=done a.state=done a.stale=true b.stale=false c.stale=false
	go 0 status p.ini
	like out 'a .*STALE.*input notes.txt changed \(was [0-9a-f]{8}, 4 bytes; now [0-9a-f]{8}, 4 bytes\)'
	echo longer >notes.txt
	go 0 status p.ini
	like out 'STALE.*, 4 bytes; now [0-9a-f]{8}, 7 bytes\)'
	rm notes.txt
	go 0 status p.ini
	like out 'STALE.*input notes.txt is gone'
	# as it was
	echo one >notes.txt
	look a.stale=false
	witnessed_all 'a 1' 'b 1' 'c 1'
}

@test "stale: plain durexec and --resume run nothing again, in a finished and an unfinished run" {
	three
	echo two >notes.txt
	tree .durexec >before
	go 0 p.ini
	has err finished
	go 0 --resume p.ini
	tree .durexec >after
	diff before after
	cat >>p.ini <<'INI'
[step d]
needs =
run = mark; [ -e good ]
INI
	go 1 p.ini
	look state=needs_review a.stale=true
	go 1 --resume p.ini
	touch good
	go 0 --resume p.ini
	look state=done a.stale=true d.state=done
	witnessed_all 'a 1' 'b 1' 'c 1' 'd 1' 'd 2' 'd 3'
}

@test "--rerun-stale: it and what needs it, of a finished run; it says which, and why" {
	three
	go 0 --rerun-stale p.ini
	has err 'nothing is stale' finished
	echo two >notes.txt
	: >"$WITNESS"
	go 0 --dry-run --rerun-stale p.ini
	has err 'a is stale: input notes.txt changed (was '
	has out 'would run a' 'would run c'
	hasnt out 'would run b'
	look a.state=done a.stale=true
	witnessed
	go 0 --rerun-stale p.ini
	like err 'a is stale: input notes.txt changed \(was [0-9a-f]{8}, 4 bytes; now [0-9a-f]{8}, 4 bytes\)'
	has err 'a is pending again' 'c is pending again'
	hasnt err 'b is'
	witnessed 'a 2' 'c 2'
	look state=done a.stale=false a.attempts=2 b.attempts=1 c.attempts=2
	python "$E2E/state.py" check "$(run_dir)/state"
	# a run of its own is not begun by it
	is "$(find .durexec/p -name state | wc -l)" 1
	go 2 --rerun-stale --fresh p.ini
}

@test "--rerun-stale: an unfinished run, an edited command; what failed stays failed" {
	cat >p.ini <<'INI'
[step a]
run = mark
[step b]
inputs = f
run = mark
[step bad]
needs =
run = mark; exit 1
INI
	echo f >f
	go 1 p.ini
	sed -i '0,/run = mark/s//run = mark; :/' p.ini
	: >"$WITNESS"
	go 1 --rerun-stale p.ini
	has err 'a is stale: its definition changed since' 'b is pending again'
	hasnt err 'b is stale' 'bad is'
	witnessed 'a 2' 'b 2'
	look bad.state=needs_review bad.attempts=1 a.stale=false
	# together with --resume
	echo g >f
	: >"$WITNESS"
	go 1 --rerun-stale --resume p.ini
	witnessed_all 'b 3' 'bad 2'
}

@test "--rerun-stale: a receipt and rerun = never stay done, and are named" {
	cat >p.ini <<'INI'
[step make]
inputs = f
run = mark; cat f
[step send]
inputs = f
receipt = ^sent
run = mark; echo sent
[step once]
rerun = never
needs =
inputs = f
run = mark
[step after]
needs = once
run = mark
INI
	echo one >f
	go 0 p.ini
	look make.stale=false
	echo two >f
	: >"$WITNESS"
	go 0 --rerun-stale p.ini
	has err 'send is stale (input f changed' 'its receipt was seen' \
		'p.ini send' 'once is stale (' 'rerun = never' \
		'make is stale: input f changed'
	# what needs only that stays, too
	witnessed 'make 2'
	look state=done make.stale=false send.stale=true once.stale=true \
		after.attempts=1
	go 0 rewind --go p.ini send
	look send.stale=false send.attempts=2 once.stale=true
}

@test "inputs: an edit while the step runs makes it stale; one before does not" {
	cat >p.ini <<'INI'
[step a]
inputs = f
run = hold; mark
INI
	echo one >f
	start p.ini
	at a
	echo two >f
	release
	ends 0
	look a.state=done a.stale=true
	start --rerun-stale p.ini
	at a
	release
	ends 0
	look a.state=done a.stale=false a.attempts=2
}

@test "inputs: missing ones are named, and the step needs review" {
	cat >p.ini <<'INI'
[step a]
inputs = there gone.txt *.none
run = mark
[step b]
needs =
inputs = dir/*.c
run = mark
INI
	echo >there
	mkdir dir
	go 1 p.ini
	witnessed
	look a.state=needs_review 'a.reason=~input .*(gone.txt is missing|\*.none: no file matches)' \
		b.state=needs_review 'b.reason=~input .*dir/\*.c: no file matches'
	has out 'gone.txt is missing' '*.none: no file matches'
	touch gone.txt x.none dir/1.c
	go 0 --resume p.ini
	witnessed_all 'a 2' 'b 2'
	look a.state=done b.state=done a.stale=false b.stale=false
}

@test "inputs: patterns and directories: a file that joins or goes is seen" {
	mkdir -p src/deep other
	echo 1 >src/1.c
	echo 2 >src/deep/2.c
	echo 3 >other/3.h
	cat >p.ini <<'INI'
[step tree]
inputs = src
run = mark
[step globbed]
needs =
inputs = *.h
workdir = other
run = mark
INI
	go 0 p.ini
	look tree.stale=false globbed.stale=false
	touch src/.swap other/x.c
	look tree.stale=false globbed.stale=false
	echo 4 >src/deep/4.c
	echo 5 >other/5.h
	go 0 status p.ini
	has out 'input src/deep/4.c is new' 'input other/5.h is new'
	rm src/deep/4.c other/5.h
	look tree.stale=false globbed.stale=false
	rm other/3.h
	mv src/1.c src/2.c
	go 0 status p.ini
	has out 'input src/1.c is gone, and 1 more' 'input other/3.h is gone'
	# the whole may be moved
	mv src/2.c src/1.c
	echo 3 >other/3.h
	mkdir elsewhere
	mv p.ini src other .durexec elsewhere
	ini=elsewhere/p.ini
	look tree.stale=false globbed.stale=false
}

@test "inputs: a shared file is read once, however many need it" {
	head -c 200M /dev/zero >model
	cat >p.ini <<'INI'
[step a]
foreach = 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20
inputs = model
run = mark
[step b]
inputs = model
run = mark
INI
	go 0 -j1 p.ini
	is "$(wc -l <"$WITNESS")" 21
	is "$(reads)" 1
	is "$(grep -c ' input path=model ' "$(run_dir)/state")" 1
	is "$(grep -c ' command=.* inputs=0 ' "$(run_dir)/state")" 21
	go 0 status p.ini
	hasnt out STALE
	rm model
}

@test "inputs: each item has its own; --rerun-stale runs the one that changed" {
	mkdir in
	for i in 1 2 3 4; do echo "$i" >"in/$i.txt"; done
	cat >p.ini <<'INI'
[step gen]
foreach = in/*.txt
inputs = ${ITEM}
run = echo "gen $ITEM" >>"$WITNESS"
[step check]
foreach = in/*.txt
needs = gen
run = echo "check $ITEM" >>"$WITNESS"
[step all]
needs = check
run = mark
INI
	go 0 p.ini
	: >"$WITNESS"
	echo changed >in/3.txt
	go 0 --dry-run --rerun-stale p.ini
	has err 'gen[in/3.txt] is stale: input in/3.txt changed'
	hasnt err 'in/2.txt' 'check[' 'all is'
	witnessed
	go 0 --rerun-stale p.ini
	has err 'gen[in/3.txt] is stale: input in/3.txt changed'
	witnessed 'gen in/3.txt' 'check in/3.txt' 'all 2'
	go 0 --rerun-stale p.ini
	has err 'nothing is stale'
}

@test "inputs: hostile names are read, shown safely, and are no patterns" {
	mkdir in
	local name
	for name in '$(reboot)' '-rf' "it's \"q\"" '*' 'a[1]' 'a1' '%41 x' \
		$'esc\e[31m' $'\xff\xfe' 'back\slash' ' lead'; do
		printf %s "$name" >"in/$name"
	done
	cat >p.ini <<'INI'
[step every]
inputs = in
run = mark
[step each]
needs =
foreach_from = printf '%s\n' in/*
inputs = ${ITEM}
run = [ -f "$ITEM" ]; mark
INI
	go 0 p.ini
	look every.state=done every.stale=false
	is "$(grep -c '^each' "$WITNESS")" 11
	printf changed >$'in/esc\e[31m'
	printf changed >'in/*'
	go 0 --dry-run --rerun-stale p.ini
	hasnt err $'\e' 'each[in/a1]' 'each[in/a[1]]'
	like err 'every is stale: input in/\* changed.*, and 1 more$'
	has err \
		'each[in/*] is stale: input in/* changed' \
		'each[in/esc\x1b[31m] is stale: input in/esc\x1b[31m changed'
	: >"$WITNESS"
	go 0 --rerun-stale p.ini
	witnessed_all 'every 2' 'each 2' 'each 2'
	python "$E2E/state.py" check "$(run_dir)/state"
}

@test "inputs: stopped and killed while they are read, the step goes on after" {
	cat >p.ini <<'INI'
[step a]
inputs = big
rerun = never
run = mark
INI
	# nothing but a hole: it takes minutes to read
	truncate -s 400G big
	start p.ini
	eventually 'it is read' grep -q ' phase=inputs ' .durexec/p/latest/state
	go 0 stop p.ini
	ends 3
	eventually 'nobody is left' nobody_left
	witnessed
	look a.state=pending
	start p.ini
	eventually 'it is read' looks a.state=running
	is "$(reads)" 2
	kill -KILL "$pid"
	eventually 'it is gone' over "$pid"
	# its keeper goes on reading
	go 0 stop p.ini
	eventually 'nobody is left' nobody_left
	echo small >big
	go 0 p.ini
	is "$(wc -l <"$WITNESS")" 1
	look a.state=done a.stale=false
}

@test "--rerun-stale leaves alone what cannot run again: its input is gone" {
	mkdir in
	echo one >in/a
	echo two >in/b
	cat >p.ini <<'INI'
[step each]
foreach = in/*
inputs = ${ITEM}
run = mark "$ITEM"
[step all]
run = mark
INI
	go 0 p.ini
	rm in/a
	echo three >in/b
	: >"$WITNESS"
	go 0 --rescan p.ini
	has out 'in/a'
	go 0 --rerun-stale p.ini
	has err 'each[in/a] is stale: input in/a is gone; without it'
	witnessed 'each 2 in/b' 'all 2'
	look state=done 'each.items.done=2'
}

@test "a step that became a fan-out: what it ran before is not what is stale" {
	printf '[step g]\nrun = mark "$ITEM"\n' >p.ini
	go 0 p.ini
	printf '[step g]\nforeach = a b\nrun = mark "$ITEM"\n' >p.ini
	go 0 --rescan p.ini
	: >"$WITNESS"
	for _ in 1 2; do
		go 0 --rerun-stale p.ini
		has err 'nothing is stale'
	done
	witnessed
	# and back, and forth
	printf '[step g]\nrun = mark "$ITEM"\n' >p.ini
	go 0 --rerun-stale p.ini
	printf '[step g]\nforeach = a b\nrun = mark "$ITEM"\n' >p.ini
	go 0 p.ini
	: >"$WITNESS"
	go 0 --rerun-stale p.ini
	witnessed
}

@test "an input that changed and was given its old time again is STALE" {
	echo one >in
	printf '[step a]\ninputs = in\nrun = mark\n' >p.ini
	go 0 p.ini
	touch -r in old
	echo two >in
	touch -r old in
	look a.stale=true
	go 0 --rerun-stale p.ini
	is "$(wc -l <"$WITNESS")" 2
	look a.stale=false
}

@test "what --rerun-stale leaves alone is not offered to it" {
	printf '[step a]\nrerun = never\nrun = mark\n' >p.ini
	go 0 p.ini
	printf '[step a]\nrerun = never\nrun = mark twice\n' >p.ini
	go 0 --rerun-stale p.ini
	has err 'stays done'
	hasnt err 'run it again: durexec --rerun-stale'
}
