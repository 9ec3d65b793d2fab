# SPDX-License-Identifier: ISC
# Presets: where they come from, and what is stronger than what.
load helper

@test "defaults are weaker than a preset, that is weaker than the step" {
	cat >p.ini <<'INI'
[defaults]
needs =
retries = 2
retry_delay = 10ms
env.WHO = defaults
env.ONE = defaults
ok_exit = 3
verify.gate = mark defaults
run = mark "$WHO $ONE $TWO"; exit 3
[preset tool]
retries = 1
env.WHO = preset
env.TWO = preset
verify.gate = mark preset
[preset other]
env.TWO = other
ok_exit =
[step plain]
[step uses]
preset = tool
[step own]
preset = tool
env.WHO = step
verify.gate =
verify.late = mark late
[step both]
preset = tool, other
retries = 0
INI
	go 1 -j1 p.ini
	witnessed 'plain 1 defaults defaults ' 'plain 1 defaults' \
		'uses 1 preset defaults preset' 'uses 1 preset' \
		'own 1 step defaults preset' 'own 1 late' \
		'both 1 preset defaults other'
	look own.state=done both.state=needs_review both.attempts=1
}

@test "patterns add up, and an empty one begins anew; receipt does not add up" {
	cat >p.ini <<'INI'
[defaults]
needs =
fail_if = from defaults
receipt = (number) 1
run = echo "$SAY"
[preset tool]
fail_if =
    from the preset
    another of the preset
receipt = (number) 2
[preset bare]
fail_if =
[step d]
preset = tool
env.SAY = from defaults
[step p]
preset = tool
env.SAY = another of the preset
[step s]
preset = tool
fail_if = from the step
env.SAY = from the step
[step sd]
preset = tool
fail_if = from the step
env.SAY = from defaults
[step none]
preset = tool
fail_if =
env.SAY = from defaults, from the preset
[step bare]
preset = bare
env.SAY = from defaults
[step r1]
preset = tool
env.SAY = number 1
[step r2]
preset = tool
env.SAY = number 2
INI
	go 1 p.ini
	look 'd.reason=~fail_if "from defaults"' p.state=needs_review \
		s.state=needs_review sd.state=needs_review none.state=done \
		bare.state=done r1.result=null r2.result=number
}

@test "a preset of the user's own file; the pipeline's is stronger, the shipped one weaker" {
	mkdir -p .config/durexec other/durexec
	cat >.config/durexec/presets.ini <<'INI'
[pool mine]
slots = one
[preset mine]
pool = mine
env.FROM = home
[preset curl]
env.FROM = home
INI
	cat >p.ini <<'INI'
[preset local]
env.FROM = file
[defaults]
run = mark "$FROM $DUREXEC_SLOT_mine"
[step a]
preset = mine
[step b]
preset = curl
[step c]
preset = local
INI
	go 0 p.ini
	witnessed 'a 1 home one' 'b 1 home ' 'c 1 file '
	printf '[preset mine]\nenv.FROM = file\n' >>p.ini
	sed 's/home/xdg/' .config/durexec/presets.ini >other/durexec/presets.ini
	: >"$WITNESS"
	EXTRA=("XDG_CONFIG_HOME=$T/other")
	go 0 --fresh p.ini
	witnessed 'a 1 file ' 'b 1 xdg ' 'c 1 file '
	# what a run used of them is kept with it
	has "$(run_dir)/pipeline.ini" 'env.FROM = xdg'
	hasnt "$(run_dir)/pipeline.ini" 'slots = one'
}

@test "mistakes in presets are said like others: file, line, what was meant" {
	mkdir -p .config/durexec
	printf '[preset tool]\nretrys = 2\nrun = mark\n[step x]\nrun = mark\n' \
		>.config/durexec/presets.ini
	cat >p.ini <<'INI'
[preset toool]
fail_if = (open
[step a]
preset = tool
run = mark
[step b]
preset = tol
run = mark
INI
	go 2 p.ini
	has err '.config/durexec/presets.ini:2: ' retries \
		'.config/durexec/presets.ini:3: ' \
		'.config/durexec/presets.ini:4: ' 'p.ini:2: ' 'p.ini:7: ' \
		'did you mean'
	witnessed
	[ ! -e .durexec ]
}

@test "durexec preset: what there is, and what it says" {
	go 0 preset
	for p in claude codex gemini whisper ffmpeg playwright youtube-upload \
		yt-dlp curl rclone; do
		like out "^$p +[^ ].*"
		(become preset $p) </dev/null >one 2>err2 || fail "$p: $(cat err2)"
		has one "[preset $p]"
		# it can be pasted as it is
		{ printf '[step a]\nrun = true\n'; cat one; } >q.ini
		(become --dry-run q.ini) </dev/null >out2 2>&1 || fail "$p: $(cat out2)"
	done
	go 2 preset clod
	has err clod
	mkdir -p .config/durexec
	printf '# what only I know\n[preset mine]\nretries = 3\n' >.config/durexec/presets.ini
	go 0 preset
	like out '^mine .*what only I know'
	go 0 preset mine
	has out 'retries = 3'
}
