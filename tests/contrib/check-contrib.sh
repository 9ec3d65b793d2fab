#!/bin/bash
# SPDX-License-Identifier: ISC
#
# check-contrib.sh DUREXEC: what is in contrib, with the programs it is for:
# systemd, cron, logrotate, bash, zsh, fish, vim, VS Code's engine for syntax
# (TAP-like). ONLY="fish vim" runs only these parts. Under a minute, when the
# packages are there; npm's come into CONTRIB_BUILD (build/contrib here).
#
# What is in single quotes here is for other shells.
# shellcheck disable=SC2016
set -Eeuo pipefail
export LC_ALL=C

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
contrib=$root/contrib
build=${CONTRIB_BUILD:-$root/build/contrib}
[ -x "${1-}" ] || { echo "usage: $0 DUREXEC" >&2; exit 2; }
durexec=$(realpath "$1")

# shellcheck disable=SC2317 # called by the trap
leave() {
	[ -z "${units-}" ] || { kill "$units" && wait "$units"; } || :
	rm -rf "$work"
	[ -n "${closed-}" ] ||
		echo "$passed passed, $((failed + 1)) failed, $skipped skipped"
}
passed=0 failed=0 skipped=0
work=$(mktemp -d)
exec 9>&1
trap 'echo "not ok it ends in line $LINENO: exit $? of $BASH_COMMAND" >&9' ERR
trap leave EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
mkdir "$work"/{bin,home,tmp}
# Nothing of this user's has a say, and nothing is left behind.
ln -s "$durexec" "$work/bin/durexec"
export HOME=$work/home TMPDIR=$work/tmp PATH=$work/bin:$PATH
unset DUREXEC_STATE_DIR DUREXEC_STEPS XDG_STATE_HOME XDG_CONFIG_HOME BASH_ENV \
	ENV ZDOTDIR XDG_DATA_HOME XDG_CACHE_HOME VIMINIT

# --- saying how it went -------------------------------------------------------

ok() { passed=$((passed + 1)); echo "ok $1"; }
not_ok() { # NAME FILE-OR-SENTENCE
	failed=$((failed + 1))
	if [ -f "$2" ]; then
		echo "not ok $1"
		head -n 30 "$2" | sed 's/^/# /'
	else
		echo "not ok $1 - $2"
	fi
}
skip() { skipped=$((skipped + 1)); echo "ok $1 # SKIP $2"; }

# NAME COMMAND...: it succeeds
holds() {
	local name=$1
	shift
	if "$@" >"$work/said" 2>&1; then ok "$name"; else
		echo "(exit $?) $*" >>"$work/said"
		not_ok "$name" "$work/said"
	fi
}

# NAME WANT HAVE: two files are the same
same() {
	if diff -u "$2" "$3" >"$work/diff"; then ok "$1"; else
		not_ok "$1" "$work/diff"
	fi
}

# NAME FILE: there is nothing in it
empty() {
	if [ -s "$2" ]; then not_ok "$1" "$2"; else ok "$1"; fi
}

# Another one's lines "ok ..." and "not ok ...", counted here. Its last line is
# "N passed, N failed, N skipped".
counted() { # NAME COMMAND...
	local name=$1
	shift
	"$@" >"$work/counted" 2>&1 || :
	local p f s
	read -r p f s < <(tail -n 1 "$work/counted" | tr -cd '0-9 \n') || :
	sed '$d' "$work/counted"
	if [ -z "${s-}" ]; then
		tail -n 1 "$work/counted"
		not_ok "$name" "it came to no end"
		return
	fi
	passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
}

# --- the keys and options there are -------------------------------------------

# "SECTION KEY KIND" of src/keys.c, with NAME for the end of "env." and the like;
# KIND is script, pattern or value.
all_keys() {
	awk '
		/_keys\[\] = \{/ { section = $5; sub(/_keys.*/, "", section) }
		/^\};/ { section = "" }
		section && /^\t\{ "/ {
			split($0, q, "\"")
			key = q[2]
			kind = /true \}/ ? "script" : \
				key ~ /_if$|^receipt$|^cost_from$/ ? "pattern" : "value"
			if (key ~ /\.$/)
				key = key "NAME"
			print section, key, kind
		}' "$root/src/keys.c"
}

commands() {
	sed -n '/} verbs\[\] =/,/};/p' "$root/src/options.c" |
		grep -o '{ "[a-z]*"' | sed 's/.*"\(.*\)"/\1/'
	printf 'exec\nstep\n'
}

# --- systemd ------------------------------------------------------------------

part_systemd() {
	local kind unit
	mkdir "$work/run"
	for kind in system user; do
		for unit in "$contrib/systemd/$kind"/*; do
			# by an instance of its own, as it is used
			rm -rf "$work/units"
			mkdir "$work/units"
			cp "$contrib/systemd/$kind"/* "$work/units"
			XDG_RUNTIME_DIR=$work/run \
				SYSTEMD_UNIT_PATH=$work/units:/lib/systemd/$kind \
				systemd-analyze "--$kind" verify --man=no \
				"${unit##*/}" >"$work/verified" 2>&1 ||
				echo "exit $?" >>"$work/verified"
			empty "systemd-analyze verify, $kind: ${unit##*/}" \
				"$work/verified"
		done
	done
}

# It waits more than it works: beside the other parts.
part_units() {
	bash "$here/units.bash" "$durexec" "$contrib/systemd" \
		>"$work/units.said" 2>&1 &
	units=$!
}
units=
units_end() {
	[ -n "$units" ] || return 0
	wait "$units" || :
	units=
	counted 'the units under systemd' cat "$work/units.said"
}

# --- cron, logrotate ----------------------------------------------------------

# A crontab's lines: "@reboot" or five fields in their ranges, a command whose "%"
# are escaped; NAME=VALUE; comments.
crontab_mistakes() { # FILE
	awk '
		function field(text, low, high,  part, n, i, range, step) {
			n = split(text, part, ",")
			for (i = 1; i <= n; i++) {
				if (split(part[i], step, "/") > 2 ||
				    part[i] ~ /\// && step[2] !~ /^[1-9][0-9]*$/)
					return 0
				if (step[1] == "*")
					continue
				if (step[1] !~ /^[0-9]+(-[0-9]+)?$/)
					return 0
				if (split(step[1], range, "-") == 1)
					range[2] = range[1]
				if (range[1] < low || range[2] > high ||
				    range[1] > range[2])
					return 0
			}
			return n > 0
		}
		function bad(why) { print FILENAME ":" FNR ": " why }
		/^[ \t]*(#|$)/ || /^[A-Za-z_]+=/ { next }
		/^@/ {
			if ($1 !~ /^@(reboot|yearly|monthly|weekly|daily|hourly)$/ ||
			    NF < 2)
				bad("not a time: " $1)
			next
		}
		{
			if (NF < 6)
				bad("no command")
			else if (!field($1, 0, 59) || !field($2, 0, 23) ||
			    !field($3, 1, 31) || !field($4, 1, 12) ||
			    !field($5, 0, 7))
				bad("not a time: " $1 " " $2 " " $3 " " $4 " " $5)
			line = $0
			gsub(/\\%/, "", line)
			if (line ~ /%/)
				bad("a % ends the command")
		}' "$1"
}

part_cron() {
	local line command path first n=0 status dir=$work/cron
	local -x HOME=$work/cron/home
	crontab_mistakes "$contrib/cron/crontab" >"$work/mistakes"
	empty 'crontab: times and commands' "$work/mistakes"
	printf '60 2 * * * true\n1 2 * * * date +%%d\n@never true\n1 2 * *\n' \
		>"$work/wrong"
	holds 'crontab: mistakes are found' \
		test "$(crontab_mistakes "$work/wrong" | wc -l)" = 4
	holds 'crontab: cron takes it (crontab -n)' \
		crontab -n "$contrib/cron/crontab"

	# Each command, as cron runs it, on files of ours.
	mkdir -p "$dir"/{home,srv/lesson,log,local/bin}
	for line in lesson weekly monthly; do
		printf '[params]\nmonth = none\n[step a]\nrun = echo "%s $month" >>"%s"\n' \
			"$line" "$dir/saw" >"$dir/srv/lesson/$line.ini"
	done
	printf '#!/bin/sh\necho nightly >>"%s"\necho out\n' "$dir/saw" \
		>"$dir/local/bin/nightly.sh"
	chmod +x "$dir/local/bin/nightly.sh"
	path=$(sed -n 's/^PATH=//p' "$contrib/cron/crontab")
	grep -E '^(@|[0-9])' "$contrib/cron/crontab" >"$work/lines"
	while read -r line; do
		command=$(sed -E 's/^(@[a-z]+|([^ ]+ +){5}) *//; s/\\%/%/g' \
			<<<"$line")
		command=${command//\/srv\//$dir/srv/}
		command=${command//\/usr\/local\/bin\//$dir/local/bin/}
		command=${command//\/var\/log\/durexec\//$dir/log/}
		status=0
		env -i HOME="$HOME" LOGNAME=me SHELL=/bin/sh \
			PATH="$work/bin:$path" /bin/sh -c "$command" \
			>"$work/mail" 2>&1 </dev/null || status=$?
		n=$((n + 1))
		[ "$status" = 0 ] || echo "exit $status" >>"$work/mail"
		empty "crontab, silently: ${line##*  }" "$work/mail"
	done <"$work/lines"
	# the line for @reboot has found a run that is done
	printf '%s\n' 'lesson none' nightly 'weekly none' \
		"monthly $(date +%Y-%m)" >"$work/want"
	same "crontab: the $n lines have run" "$work/want" "$dir/saw"

	# The same line while the first one is at work.
	printf '[step a]\nrun = touch begun; until [ -e go ]; do sleep 0.05; done\n' \
		>"$dir/srv/lesson/lesson.ini"
	durexec --cron "$dir/srv/lesson/lesson.ini" &
	first=$!
	until [ -e "$dir/srv/lesson/begun" ]; do sleep 0.05; done
	status=0
	durexec --cron "$dir/srv/lesson/lesson.ini" >"$work/mail" 2>&1 ||
		status=$?
	[ "$status" = 75 ] || echo "exit $status" >>"$work/mail"
	touch "$dir/srv/lesson/go"
	wait "$first"
	empty 'crontab: while a start is at work, the next one is silent: 75' \
		"$work/mail"
}

part_logrotate() {
	local dir=$work/rotate rotate
	rotate=$(command -v logrotate || echo /usr/sbin/logrotate)
	mkdir -p "$dir/log"
	chmod 755 "$dir" "$dir/log"
	sed "s|/var/log/durexec|$dir/log|" "$contrib/logrotate/durexec" \
		>"$dir/conf"
	chmod 644 "$dir/conf"
	echo one >"$dir/log/weekly.log"
	: >"$dir/log/empty.log"
	"$rotate" --state "$dir/state" --debug "$dir/conf" 2>&1 |
		grep error >"$work/have" || :
	empty 'logrotate: takes it' "$work/have"
	holds 'logrotate: rotates' "$rotate" --state "$dir/state" --force \
		"$dir/conf"
	echo two >"$dir/log/weekly.log"
	holds 'logrotate: and again' "$rotate" --state "$dir/state" --force \
		"$dir/conf"
	(cd "$dir/log" && printf '%s\n' *) >"$work/have"
	printf '%s\n' empty.log weekly.log.1 weekly.log.2.gz >"$work/want"
	# made anew by who writes next
	sed -i '/^weekly.log$/d' "$work/have"
	same 'logrotate: the older one is compressed, the empty one stays' \
		"$work/want" "$work/have"
}

# --- completion ---------------------------------------------------------------

# What complete.txt speaks of; made once.
rooms() {
	local command
	[ ! -e "$work/room" ] || return 0
	mkdir -p "$work/room"/{sub,two}
	(
		cd "$work/room"
		printf '%s\n' '; [step no]' '[pipeline]' 'keep_runs = 3' '[params]' \
			'video = a.mp4' 'lang = en' '[step encode]' 'run =' \
			'	echo "[step inside]"' '	x = 1' '' '[step index]' \
			'run = true' '[ step  up-load ]' 'run = touch started' \
			>talks.ini
		printf '[params]\nvideo = 1\n[step inner]\nrun = true\n' >sub/other.ini
		printf '[step old]\nrun = true\n' >two/old.ini
		printf '[step new]\nrun = true\n' >two/new.ini
		printf '#!/bin/sh\n' >"$work/home/night.sh"
		touch notes.txt
		chmod +x "$work/home/night.sh"
		cp "$work/home/night.sh" "$work/bin/durexec-test-command"
		durexec -q sub/other.ini
		durexec -q two/old.ini
		durexec -q two/new.ini
		durexec exec -- "$work/home/night.sh"
	)
	all_files >"$work/before"
	# the lines: those of complete.txt, then for options, then for runs
	grep -v '^#' "$here/complete.txt" >"$work/given"
	sed -e 's/|\( =>\)/\1/' -e 's/ =>\( \|$\)/ ->\1/' "$work/given" |
		normal >"$work/table"
	{
		sed -e 's/ *=>.*//' -e 's/|$//' "$work/given"
		for command in talks.ini $(commands | grep -vx help); do
			printf 'durexec %s --\ndurexec %s -\n' "$command" "$command"
		done
		echo 'durexec -C two status new.ini --run '
	} >"$work/lines"
	mkdir "$work/empty"
	(cd "$work/empty" && python3 "$here/options.py" "$durexec" "$root/src") |
		sort >"$work/options"
}

# But for what a keeper that is about to end removes.
all_files() {
	find "$work/room" "$HOME/.local/state/durexec" ! -name 'spare.*' | sort
}

# Lines "LINE -> WORD ..." as complete.txt has them.
normal() {
	awk '{
		at = index($0, " -> ")
		line = at ? substr($0, 1, at - 1) : substr($0, 1, length - 3)
		if (line ~ / $/)
			line = line "|"
		n = at ? split(substr($0, at + 4), word, " ") : 0
		printf "%s =>", line
		for (i = 1; i <= n; i++) {
			if (word[i] ~ /^--[a-z-]+$/) {
				print "\n" word[i]
				continue
			}
			sub(/[=\/]$/, "", word[i])
			sub(/.*[=,]/, "", word[i])
			print "\n" word[i]
		}
		print "\n\001"
	}' | awk '
		/ =>$/ { line = $0; next }
		$0 == "\001" {
			out = line
			for (i = 1; i <= n; i++)
				out = out " " word[i]
			print out
			n = 0
			split("", seen)
			next
		}
		$0 != "" && !($0 in seen) {
			seen[$0]
			for (i = n++; i > 0 && word[i] > $0; i--)
				word[i + 1] = word[i]
			word[i + 1] = $0
		}'
}

# SHELL COMMAND...: the command reads lines and prints what is offered.
completes() {
	local shell=$1 line want command
	shift
	rooms
	# one that asks something has failed
	(cd "$work/room" && timeout -k 1 100 "$@" <"$work/lines") \
		>"$work/offered" 2>"$work/err" || :
	empty "$shell: says nothing besides" "$work/err"

	# complete.txt
	head -n "$(wc -l <"$work/table")" "$work/offered" | normal >"$work/have"
	exec 3<"$work/have"
	while IFS= read -r want; do
		IFS= read -r line <&3 || line='(nothing)'
		if [ "$line" = "$want" ]; then
			ok "$shell: $want"
		else
			not_ok "$shell: $want" "it is $line"
		fi
	done <"$work/table"
	exec 3<&-

	# The options of each command are those that the program takes.
	sed 's/^durexec talks\.ini/durexec start/' "$work/offered" | awk '
		/^durexec [a-z]* --? ->/ {
			for (i = 5; i <= NF; i++) {
				sub(/=$/, "", $i)
				if ($i ~ /^-./ && $i != "--")
					print $2, $i
			}
		}' | sort -u >"$work/options.offered"
	for command in start $(commands | grep -vx help); do
		grep "^$command " "$work/options" >"$work/want" || :
		grep "^$command " "$work/options.offered" >"$work/have" || :
		same "$shell: options of $command" "$work/want" "$work/have"
	done

	tail -n 1 "$work/offered" >"$work/have"
	echo "durexec -C two status new.ini --run  -> $(basename \
		"$(readlink "$work/room/two/.durexec/new/latest")")" >"$work/want"
	same "$shell: runs" "$work/want" "$work/have"

	all_files >"$work/after"
	same "$shell: nothing was started or written" "$work/before" "$work/after"
}

part_bash() {
	holds 'bash: shellcheck' shellcheck "$contrib/completion/durexec.bash"
	completes bash bash --norc --noprofile "$here/complete.bash" \
		"$contrib/completion/durexec.bash"
	# with the package bash-completion, which completes commands itself
	printf 'durexec exec --timeout 3 -- cat n\ndurexec step a -- chmod --ref\n' \
		>"$work/lines2"
	printf '%s -> %s\n' 'durexec exec --timeout 3 -- cat n' notes.txt \
		'durexec step a -- chmod --ref' --reference= >"$work/want"
	(cd "$work/room" && bash --norc --noprofile "$here/complete.bash" \
		"$contrib/completion/durexec.bash" \
		/usr/share/bash-completion/bash_completion <"$work/lines2" 2>/dev/null) \
		>"$work/have"
	same 'bash: commands behind exec and step, by bash-completion' \
		"$work/want" "$work/have"
	counted 'TAB in bash' python3 "$here/tab.py" "$contrib/completion/durexec.bash" \
		"$work/room"
}

part_zsh() {
	completes zsh zsh -f "$here/complete.zsh" "$contrib/completion"
}

part_fish() {
	holds 'fish: fish_indent' fish_indent --check \
		"$contrib/completion/durexec.fish"
	completes fish fish --no-config "$here/complete.fish" \
		"$contrib/completion/durexec.fish"
}

# --- syntax -------------------------------------------------------------------

# What each line of a pipeline file is, by its own rules: "LINE KIND". Keys have
# the kind of src/keys.c.
lines_are() { # FILE
	all_keys >"$work/keys"
	awk '
		NR == FNR {
			sub(/NAME$/, "", $2)
			kind[$1 " " $2] = $3
			next
		}
		function key_kind(section, key) {
			if (section == "params")
				return "value"
			if (section != "pipeline" && section != "pool")
				section = "step"
			sub(/\..*/, ".", key)
			return (section " " key) in kind ? kind[section " " key] : "unknown"
		}
		/^[;#]/ { print FNR, "comment"; next }
		/^\[/ {
			section = $1
			gsub(/[][]/, "", section)
			print FNR, "section"
			now = ""
			next
		}
		/^[ \t]*$/ { next }
		/^[^ \t]/ {
			key = $0
			sub(/[ \t]*=.*/, "", key)
			now = key_kind(section, key)
			print FNR, "key-" now
			next
		}
		{ print FNR, "in-" now }' "$work/keys" "$1"
}

# The same, of what vim or VS Code says of the first character of each line.
taken_for() { # FILE: of lines "FILE LINE COLUMN GROUP ..."
	awk -v file="$1" '
		$1 != file || $2 !~ /^[0-9]+$/ || $2 == last { next }
		{
			last = $2
			text = $0
			sub(/^[^ ]* [0-9]+ [0-9]+ ?/, "", text)
			kind = "?" text
			if (text ~ /durexecComment$|comment\.line\.[a-z-]+\.durexec$|^source\.ini comment\./)
				kind = "comment"
			else if (text ~ /durexecSection$|punctuation\.definition\.section/)
				kind = "section"
			else if (text ~ /durexecUnknown|invalid\.illegal/)
				kind = "key-unknown"
			else if (text ~ /durexec[A-Za-z]*ScriptKey$|keyword\.control\.durexec$/)
				kind = "key-script"
			else if (text ~ /durexec[A-Za-z]*PatternKey$/)
				kind = "key-pattern"
			else if (text ~ /durexec[A-Za-z]*Key$|durexecParam$/)
				kind = "key-value"
			else if (text ~ /variable\.other\.key\.durexec$/)
				kind = "key-value"
			else if (text ~ /durexecScript|meta\.embedded\.block\.shellscript/)
				kind = "in-script"
			else if (text ~ /durexecPattern|string\.regexp/)
				kind = "in-pattern"
			else if (text ~ /durexecValue|meta\.section\.durexec/)
				kind = "in-value"
			print $2, kind
		}'
}

# A file that has in every section every key there is, and every other word of the
# syntax files.
every_key() {
	local section title
	for section in pipeline pool defaults step preset; do
		case $section in
		pool | step | preset) title="$section x" ;;
		*) title=$section ;;
		esac
		echo "[$title]"
		{
			all_keys | cut -d' ' -f2
			grep -ohE '[a-z][a-z_]+' "$contrib/vim/syntax/durexec.vim" \
				"$contrib/vscode/syntaxes/durexec.tmLanguage.json"
			printf '%s\n' rum needs_ no.NAME Run
		} | sort -u | sed 's/$/ = 1/'
	done
	printf '[params]\nanything = 1\n[other]\nrun = 1\n'
}

# KIND of every line of it: what a preset may not have, and what is no key, is a
# mistake.
every_key_is() { # FILE
	lines_are "$1" | paste -d' ' - "$1" | awk '
		/ \[/ { section = $3 }
		{
			if (section == "[preset" &&
			    $3 ~ /^(run|needs|if|preset)$/ || section == "[other]")
				$2 = "key-unknown"
			print $1, $2
		}'
}

# NAME FILTER COMMAND...: the command says of the files what their characters are
# taken for; FILTER is for what it cannot tell apart.
highlights() {
	local name=$1 filter=$2 file word have vim code
	shift 2
	"$@" "$root"/conf/*.ini "$here/syntax.ini" "$work/every.ini" \
		>"$work/said.$name" 2>"$work/err" || echo "exit $?" >>"$work/err"
	empty "$name: says nothing besides" "$work/err"
	for file in "$root"/conf/*.ini; do
		lines_are "$file" | sed "$filter" >"$work/want"
		taken_for "$file" <"$work/said.$name" >"$work/have"
		same "$name: every line of ${file#"$root/"}" "$work/want" "$work/have"
	done
	every_key_is "$work/every.ini" | sed "$filter" >"$work/want"
	taken_for "$work/every.ini" <"$work/said.$name" >"$work/have"
	same "$name: the keys of src/keys.c, and no others" \
		"$work/want" "$work/have"

	# What words are taken for: syntax.txt.
	words_are "$work/said.$name" >"$work/words"
	while IFS=$'\t' read -r word vim code have; do
		[ "$name" = vim ] || vim=$code
		if [[ $have =~ $vim ]]; then
			ok "$name: $word is $vim"
		else
			not_ok "$name: $word is $vim" "it is $have"
		fi
	done <"$work/words"
	holds "$name: all words of syntax.txt were looked at" \
		test "$(wc -l <"$work/words")" = "$(grep -vc '^#' "$here/syntax.txt")"
}

# The rows of syntax.txt: WORD, both expressions, and what the first letter of WORD
# in the first line with TEXT is.
words_are() { # SAID
	awk -F '\t' -v ini="$here/syntax.ini" '
		FILENAME == ini { line[FNR] = $0; lines = FNR; next }
		FILENAME != ARGV[3] {
			if (split($0, part, " ") > 3 && part[1] == ini) {
				at = part[2] " " part[3]
				sub(/^[^ ]* [0-9]+ [0-9]+ /, "")
				said[at] = $0
			}
			next
		}
		/^#/ { next }
		{
			for (i = 1; i <= lines && !index(line[i], $1); i++)
				;
			at = i " " index(line[i], $2)
			printf "%s\t%s\t%s\t%s\n", $2, $3, $4, said[at]
		}' "$here/syntax.ini" "$1" "$here/syntax.txt"
}

part_vim() {
	every_key >"$work/every.ini"
	holds 'src/keys.c is read' test "$(all_keys | grep -c .)" -ge 70
	highlights vim '' vim_says
	printf '[Unit]\nDescription = x\n' >"$work/other.ini"
	(vim_says "$work/other.ini" "$here/syntax.ini" | grep -E 'filetype|comment') \
		>"$work/have"
	printf '%s\n' "$work/other.ini filetype dosini" \
		"$here/syntax.ini filetype durexec" \
		"$here/syntax.ini commentstring ;%s" >"$work/want"
	same 'vim: which files it is for' "$work/want" "$work/have"

	# :make
	printf '[step a]\nrun = true\nrum = true\n' >"$work/bad.ini"
	(cd "$work" && CONTRIB=$contrib timeout 20 vim -es -u NONE -i NONE \
		-c 'set nocompatible' \
		-c 'let &runtimepath = $CONTRIB . "/vim," . $VIMRUNTIME' \
		-c 'filetype plugin on' -c 'edit bad.ini' -c 'silent make!' \
		-c 'call writefile(map(getqflist(), {_, e -> e.lnum . e.text}), "qf")' \
		-c 'quitall!' </dev/null >/dev/null 2>&1) || :
	holds 'vim: the mistakes of :make' \
		grep -q '^3.*"rum" is no key' "$work/qf"
}

vim_says() { # FILE...
	FILES=$(printf '%s\n' "$@") CONTRIB=$contrib SAID=$work/vim.said \
		timeout 60 vim -es -u NONE -i NONE -S "$here/syntax.vim" \
		</dev/null >"$work/vim.err" 2>&1 || { cat "$work/vim.err"; return 1; }
	cat "$work/vim.said"
}

modules() {
	mkdir -p "$build"
	cmp -s "$here/package-lock.json" "$build/done" && return
	rm -f "$build/done"
	cp "$here/package.json" "$here/package-lock.json" "$build"
	(cd "$build" && timeout 300 npm ci --ignore-scripts --no-audit \
		--no-fund) >"$build/npm.log" 2>&1 || {
		sed 's/^/# /' "$build/npm.log"
		return 1
	}
	cp "$here/package-lock.json" "$build/done"
}

part_vscode() {
	local scope file
	holds 'vscode: what package.json names is there' node -e '
		const fs = require("fs"), path = require("path"), dir = process.argv[1];
		const json = (file) => JSON.parse(fs.readFileSync(path.join(dir, file),
			"utf8").replace(/^\/\/.*$/gm, ""));
		const all = json("package.json");
		for (const grammar of all.contributes.grammars)
			if (json(grammar.path).scopeName !== grammar.scopeName)
				throw new Error(grammar.path);
		for (const language of all.contributes.languages)
			if (json(language.configuration).comments.lineComment !== ";")
				throw new Error(language.configuration);
		for (const file of fs.readdirSync(dir))
			if (file !== "package.json" && !all.files.includes(file))
				throw new Error(file + " is not packed");
		' "$contrib/vscode"
	modules || { skip vscode 'npm cannot get vscode-textmate'; return; }
	every_key >"$work/every.ini"
	# patterns are keys like others
	for scope in source.durexec source.ini; do
		# what no section is around is not durexec's in a file of any kind
		[ "$scope" = source.durexec ] || {
			sed -i '/^\[other\]/,$d' "$work/every.ini"
		}
		highlights "$scope" 's/key-pattern/key-value/' node "$here/tokens.js" \
			"$contrib/vscode" "$build/node_modules" "$scope"
	done
	# VS Code's own files look as before
	file=$work/other.ini
	printf '; c\n[Unit]\nrun = "x"\n[pools]\n# d\n' >"$file"
	node "$here/tokens.js" "$contrib/vscode" "$build/node_modules" source.ini \
		"$file" | grep durexec >"$work/have" || :
	empty 'source.ini: other files are left alone' "$work/have"
}

# --- the skill ----------------------------------------------------------------

part_skill() {
	local skill=$contrib/skill/durexec/SKILL.md
	holds 'skill: its front matter' python3 - "$skill" <<'PYTHON'
import re, sys, yaml
text = open(sys.argv[1], encoding="utf-8").read()
front = yaml.safe_load(re.match(r"---\n(.*?)\n---\n", text, re.S).group(1))
assert set(front) <= {"name", "description", "license", "allowed-tools"}, front
assert front["name"] == sys.argv[1].split("/")[-2], front["name"]
assert re.fullmatch(r"[a-z0-9-]{1,64}", front["name"])
assert 100 < len(front["description"]) <= 1024, len(front["description"])
assert "<" not in front["description"]
assert len(text.splitlines()) < 500
PYTHON
	mkdir "$work/skill"
	counted skill env -C "$work/skill" bash "$here/skill.bash" "$skill"
	# What stands in the text: verbs, options and keys that exist.
	commands | sed 's/^/durexec /' >"$work/known"
	grep -o '`durexec [a-z]*' "$skill" | tr -d '`' | sort -u |
		grep -vxF -f "$work/known" | grep -vx 'durexec \(texts\)\?' \
		>"$work/have" || :
	empty 'skill: its verbs exist' "$work/have"
	all_keys | awk '{ print $2 }' | sort -u >"$work/known"
	grep -o '`[a-z_]*\(\.NAME\)\? = ' "$skill" | tr -d '` =' | sort -u |
		grep -vxF -f "$work/known" >"$work/have" || :
	empty 'skill: its keys exist' "$work/have"
}

# --- README.md ----------------------------------------------------------------

# The commands of README.md that copy: into a place of ours, as they stand there.
part_readme() {
	local line dir=$work/root
	mkdir -p "$dir"/etc/{systemd/system,logrotate.d} "$dir/var/log" "$dir/usr/local"
	awk '/^```sh$/ { on = 1; next } /^```/ { on = 0 }
		on && /^(cp|mkdir) /' "$contrib/README.md" >"$work/copies"
	holds 'README.md: there are commands to copy' \
		test "$(wc -l <"$work/copies")" -ge 10
	while IFS= read -r line; do
		holds "README.md: $line" bash -ec "cd '$root'
			${line// \// $dir/}"
	done <"$work/copies"
	(cd "$contrib" && find . -type f ! -name README.md ! -name crontab \
		! -path './vscode/*' | sed 's|.*/||' |
		sed 's|^durexec.bash$|durexec|' | sort) >"$work/want"
	# once for each user, and once for all
	find "$dir" "$HOME" \( -path '*/systemd/system/*' -o -path \
		'*/.config/systemd/*' -o -path '*/logrotate.d/*' -o -path \
		"$HOME/*/completions/*" -o -path "$HOME/*/site-functions/*" -o \
		-path '*/.vim/*' -o -path '*/.claude/*' \) -type f |
		sed 's|.*/||' | sort >"$work/have"
	same 'README.md: with them, all files come where they belong' \
		"$work/want" "$work/have"

	# bash finds its completion there by itself
	cat >"$work/load" <<-'END'
		. /usr/share/bash-completion/bash_completion
		_completion_loader durexec || :
		complete -p durexec
	END
	holds 'README.md: bash loads it from there' \
		bash --norc --noprofile "$work/load"
	holds 'README.md: fish loads it from there' fish -c \
		'test (complete -C "durexec sta" | string split \t)[1] = status'
	rm -rf "$dir"
}

part_style() {
	local file
	find "$contrib" "$here" -type f ! -path '*/node_modules/*' \
		! -name packages ! -name package.json ! -name package-lock.json \
		-exec grep -L 'SPDX-License-Identifier: ISC' {} + >"$work/have" || :
	empty 'every file has its licence' "$work/have"
	holds 'shellcheck' shellcheck -x "$here"/*.sh "$here"/*.bash
	holds 'python compiles' python3 -c 'import ast, sys
for file in sys.argv[1:]: ast.parse(open(file).read())' "$here"/*.py
}

parts=(units style systemd cron logrotate bash zsh fish vim vscode skill readme)
for part in ${ONLY:-"${parts[@]}"}; do
	"part_$part"
done
units_end
trap - ERR
closed=yes
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
