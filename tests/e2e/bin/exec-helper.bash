# SPDX-License-Identifier: ISC
# What the tests of exec, step and --cron share besides helper.bash.
#
# Witnesses here are `saw WORD...` and `stay NAME`, which holds as `hold` does;
# neither depends on what durexec says of itself. Most tests have a script
# s.sh, run by `durexec exec -- ./s.sh`, whose state is below $base. A script
# whose last command is `[ -e ok ]` fails until the test says so, and is then
# run again by `goes_on`.

# A `durexec` in the PATH of a script is the one under test.
prepare() {
	base=$T/.local/state/durexec
	ini='--name s.sh'
	EXTRA=("PATH=${DUREXEC%/*}:$E2E/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin")
	if declare -F prepare_more >/dev/null; then prepare_more; fi
}

# script FILE <<END: an executable script of bash
script() {
	local text
	IFS= read -r -d '' text || :
	printf '#!/bin/bash\n%s' "$text" >"$1"
	chmod +x "$1"
}

# begins [STATUS]: the first call, which fails
begins() { go "${1:-1}" exec -- ./s.sh; }

goes_on() {
	touch ok
	go 0 exec -- ./s.sh
	has err 'continuing run'
}

# launch ARG...: durexec ARG..., in the background, under a shell that says
# nothing; its output is where the caller has put it, its pid is $pid
launch() {
	(become "$@") </dev/null 3>&- 5>&- 6>&- &
	pid=$!
}

# The latest run of NAME; all of them.
last() { readlink -f "$base/${1:-s.sh}/latest"; }
runs() {
	local all
	all=("$base/${1:-s.sh}"/2*/)
	is "${#all[@]}" "$2"
}

# look, with sub-steps (see bin/substeps.py)
look() {
	# shellcheck disable=SC2086
	(become status --json $ini) </dev/null >status.json 2>status.err ||
		fail 'durexec status --json failed'
	python -S "$E2E/bin/substeps.py" status.json "$@" >&2 ||
		fail 'it is not so'
}

# Power off: all of it at once.
power_cut() {
	local left
	while left=$(ours) && [ -n "$left" ]; do
		# shellcheck disable=SC2086
		kill -KILL $left 2>/dev/null || :
	done
}

# Neither out nor err has a byte.
silent() { [ ! -s out ] && [ ! -s err ] || fail 'it says something'; }

# No ESC and the like is in it.
plain() {
	is "$(LC_ALL=C grep -c $'[\e\r\a]' "$1" || true)" 0
}
