# SPDX-License-Identifier: ISC
# shellcheck shell=bash
#
# Completion of durexec(1) for bash, 4.4 or newer. It starts nothing but "durexec
# preset": steps and parameters are read from the pipeline file on the line, or
# else from the copy of it that the latest run below .durexec keeps.

_durexec_commands='exec step status logs stop wait retry approve skip rewind
	history clean preset help'

# Options of a command, those that take a word with "=" behind them. "start" is a
# pipeline file.
_durexec_options() { # COMMAND
	local any='--state-dir= -q --quiet -v --verbose --color= -C= --directory=
		-h --help -V --version' of='--run= --name='
	local keys='--retries= --retry-delay= --retry-factor=
		--retry-max-delay= --retry-jitter= --retry-on= --retry-if=
		--give-up-on= --give-up-if= --wait-if= --wait-max= --timeout=
		--idle-timeout= --stop-signal= --stop-grace= --ok-exit=
		--fail-if= --ok-if= --env= --unset-env= --max-output= --preset='
	case $1 in
	start) echo "$any --resume -n --dry-run -d --detach --fresh --rescan
		--rerun-stale --fail-fast -j= --jobs= --no-wait --cron --only=
		--until= --progress= --json" ;;
	status) echo "$any $of --json --all" ;;
	logs) echo "$any $of -f --follow --attempt= --stdout --stderr" ;;
	stop) echo "$any $of --drain --now" ;;
	wait) echo "$any $of --timeout=" ;;
	retry) echo "$any $of --failed --go" ;;
	approve) echo "$any $of --result= --go" ;;
	skip | rewind) echo "$any $of --go" ;;
	history) echo "$any $of --json" ;;
	clean) echo "$any --name= --keep= -n --dry-run" ;;
	preset) echo "$any" ;;
	exec) echo "$keys --rerun= --resume-run= --outputs= --outputs-fresh=
		--verify= --verify-timeout= --receipt= --stdin= --stdout=
		--env-file= --workdir= --umask= --nice= --secrets= --requires=
		--check= --cost= --cost-from= --name= --max-age= --fresh
		--no-wait --cron --state-dir= -d --detach -n --dry-run -q
		--quiet -C= --directory= -h --help" ;;
	step) echo "$keys --stdin --no-output --any-args --test --mark -c=
		--command= -h --help" ;;
	esac
}

# --- what there is to offer; cur, file, name, state: of _durexec_list ---------

# The steps of a pipeline file.
_durexec_steps() { # FILE
	LC_ALL=C sed -n 's/^\[[[:blank:]]*step[[:blank:]]\{1,\}\([A-Za-z0-9_.-]*\)[[:blank:]]*\].*/\1/p' \
		-- "$1"
}

_durexec_params() { # FILE
	LC_ALL=C awk '/^\[/ { on = /^\[[ \t]*params[ \t]*\]/ }
		on && /^[A-Za-z_][A-Za-z0-9_]*[ \t]*=/ {
			sub(/[ \t]*=.*/, "="); print }' <"$1"
}

# Where "durexec exec" keeps its runs.
_durexec_home() {
	echo "${DUREXEC_STATE_DIR:-${XDG_STATE_HOME:-${HOME-}/.local/state}/durexec}"
}

# NAME/latest of the latest run below DIRECTORY.
_durexec_latest() { # DIRECTORY
	local run latest=
	for run in "$1"/*/latest; do
		[[ -e $run/pipeline.ini ]] || continue
		[[ -n $latest && ! $run/state -nt $latest/state ]] ||
			latest=$run
	done
	[[ -n $latest ]] && echo "$latest"
}

# The pipeline at hand.
_durexec_ini() {
	local run
	if [[ -n $file ]]; then
		echo "$file"
	elif [[ -n $name ]]; then
		echo "${state:-$(_durexec_home)}/$name/exec.ini"
	elif run=$(_durexec_latest "${state:-${DUREXEC_STATE_DIR:-.durexec}}" ||
		_durexec_latest "$(_durexec_home)"); then
		echo "$run/pipeline.ini"
	else
		false
	fi
}

_durexec_runs() {
	local ini dir run
	ini=$(_durexec_ini) || return
	case $ini in
	*/latest/pipeline.ini) dir=${ini%/latest/*} ;;
	*/exec.ini) dir=${ini%/*} ;;
	*)
		dir=.
		[[ $ini != */* ]] || dir=${ini%/*}
		ini=${ini##*/}
		dir=${state:-${DUREXEC_STATE_DIR:-$dir/.durexec}}/${ini%.ini}
		;;
	esac
	for run in "$dir"{,@*}/[0-9]*/state; do
		[[ ! -e $run ]] || { run=${run%/state} && echo "${run##*/}"; }
	done
}

# --- what fits ----------------------------------------------------------------

# Of the lines on stdin those that begin as it was typed. readline replaces what
# stands behind the last "=" only.
_durexec_fit() { # PREFIX
	local line
	while IFS= read -r line; do
		# echo would take -n as its own
		[[ $1$line != "$cur"* ]] || printf '%s\n' "${1:cut}$line"
	done
}

_durexec_path() { # COMPGEN-OPTION...
	compgen "$@" -- "${cur:cut}"
}

# A pipeline file, or a directory on the way to one.
_durexec_ini_path() {
	_durexec_path -f -X '!*.ini'
	_durexec_path -d
}

# The word of an option.
_durexec_value() { # COMMAND OPTION PREFIX
	local ini given run
	case $1$2 in
	*--state-dir | *--directory | *-C | *--workdir)
		echo files && _durexec_path -d && return ;;
	*--outputs | *--stdin | exec--stdout | *--env-file)
		echo files && _durexec_path -f && return ;;
	esac
	echo words
	case $1$2 in
	*--color) printf '%s\n' auto always never ;;
	*--progress) printf '%s\n' auto live plain none ;;
	*--rerun) printf '%s\n' safe never ;;
	*--outputs-fresh) printf '%s\n' yes no ;;
	*--stop-signal) printf '%s\n' TERM INT HUP QUIT KILL USR1 USR2 ;;
	*--preset) "$program" preset </dev/null | sed 's/ .*//' ;;
	exec--name) ;;
	*--name)
		for run in "${state:-$(_durexec_home)}"/*/exec.ini; do
			run=${run%/exec.ini}
			[[ $run == *'/*' ]] || echo "${run##*/}"
		done
		;;
	*--run) _durexec_runs ;;
	*--until) ini=$(_durexec_ini) && _durexec_steps "$ini" ;;
	*--only)
		given=${cur#"$3"}
		[[ $given == *,* ]] && given=${given%,*}, || given=
		ini=$(_durexec_ini) &&
			_durexec_steps "$ini" | sed "s/^/$given/"
		;;
	esac | _durexec_fit "$3"
}

_durexec_options_that_fit() { # COMMAND
	local option
	echo words
	for option in $(_durexec_options "$1"); do
		printf '%s\n' "${option%=}"
	done | _durexec_fit ''
}

# What is no option.
_durexec_word() { # COMMAND
	local ini
	case $1 in
	'')
		echo files
		# shellcheck disable=SC2086 # words
		printf '%s\n' $_durexec_commands | _durexec_fit ''
		_durexec_ini_path
		;;
	exec) echo command "$cword" ;;
	step)
		echo words
		[[ -z $word1 ]] || echo -- | _durexec_fit ''
		;;
	preset)
		echo words
		"$program" preset </dev/null | sed 's/ .*//' | _durexec_fit ''
		;;
	help) echo words ;;
	*)
		if [[ $cur == *=* ]]; then
			echo files && _durexec_path -f
		elif [[ $1 != start && -z $file ]]; then
			echo files && _durexec_ini_path
		else
			echo open
			[[ -z $file ]] || _durexec_params "$file" |
				_durexec_fit ''
		fi
		case $1 in
		logs | retry | approve | skip | rewind)
			ini=$(_durexec_ini) && _durexec_steps "$ini" |
				_durexec_fit '' ;;
		esac
		;;
	esac
}

# --- the line -----------------------------------------------------------------

# Prints how the words are to be taken (words, files, open: no blank behind those
# that end in "=", command N: what stands from word N on), and the words.
_durexec_list() { # PROGRAM WORD...: the words up to the cursor
	local program=$1 command='' file='' name='' state='' word1='' cut=0
	local cword=$(($# - 1)) i word options cur=${*: -1}
	set -- "${@:2}"

	# readline has taken the opening quote
	[[ $cur != [\'\"]* ]] || cur=${cur:1}
	if [[ $COMP_WORDBREAKS == *=* && $cur == *=* ]]; then
		word=${cur%=*}=
		cut=${#word}
	fi
	for ((i = 1; i < cword; i++)); do
		word=${!i}
		word=${word//[\\\'\"]/}
		case $word in
		--)
			case $command in
			exec | step) echo command $((i + 1)) && return ;;
			esac
			;;
		--name=*) name=${word#*=} ;;
		--state-dir=*) state=${word#*=} ;;
		--directory=*) cd -- "${word#*=}" || return ;;
		--*=*) ;;
		-?*)
			options=$(_durexec_options "${command:-start}")
			# before a verb its options may stand, too
			[[ -n $command ]] || options+=' --run= --name= --attempt=
				--timeout= --result= --keep='
			[[ " ${options//[[:space:]]/ } " == *" $word= "* ]] ||
				continue
			if ((++i == cword)); then
				_durexec_value "$command" "$word" ''
				return
			fi
			case $word in
			--name) name=${!i} ;;
			--state-dir) state=${!i} ;;
			-C | --directory) cd -- "${!i/#\~/$HOME}" || return ;;
			esac
			;;
		*)
			if [[ -z $command ]]; then
				command=start file=$word
				for options in $_durexec_commands; do
					[[ $word != "$options" ]] ||
						command=$word file=
				done
			elif [[ $command == exec ]]; then
				echo command "$i" && return
			elif [[ -z $file && $word == *.ini ]]; then
				file=$word
			elif [[ -z $word1 ]]; then
				word1=$word
			fi
			;;
		esac
	done
	case $cur in
	--*=*) _durexec_value "$command" "${cur%%=*}" "${cur%%=*}=" ;;
	-*) _durexec_options_that_fit "${command:-start}" ;;
	*) _durexec_word "$command" ;;
	esac
}

# The command behind "exec" or "step NAME --", as if it stood alone.
_durexec_command() { # INDEX-IN-COMP_WORDS
	if declare -F _comp_command_offset >/dev/null; then
		_comp_command_offset "$1"
	elif declare -F _command_offset >/dev/null; then
		_command_offset "$1"
	else
		local kind=-f
		((COMP_CWORD > $1)) || kind=-c
		compopt -o filenames 2>/dev/null
		mapfile -t COMPREPLY < <(
			compgen "$kind" -- "${COMP_WORDS[COMP_CWORD]}")
	fi
}

_durexec() {
	local IFS=$' \t\n' rest=${COMP_LINE:0:COMP_POINT}
	local words=() first=() said word i

	# A "=" or ":" makes words of its own in COMP_WORDS: put together again
	# what stands together. first: where each begins there.
	for ((i = 0; i <= COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		if ((i > 0)) && [[ -n $word && $rest != [[:blank:]]* ]]; then
			words[-1]+=$word
		else
			rest=${rest#"${rest%%[![:blank:]]*}"}
			((i < COMP_CWORD)) || word=$rest
			first[${#words[@]}]=$i
			words+=("$word")
		fi
		rest=${rest#"$word"}
	done

	mapfile -t said < <(_durexec_list "${words[@]}" 2>/dev/null)
	COMPREPLY=()
	case ${said-} in
	command*) _durexec_command "${first[${said#command }]}" && return ;;
	files) compopt -o filenames 2>/dev/null ;;
	open) [[ ${said[1]-} != *= ]] || compopt -o nospace 2>/dev/null ;;
	esac
	COMPREPLY=("${said[@]:1}")
}

complete -F _durexec durexec
