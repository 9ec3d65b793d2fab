#!/usr/bin/env zsh
# SPDX-License-Identifier: ISC
#
# complete.zsh DIRECTORY < LINES: what an interactive zsh, on a terminal of its
# own, offers at the end of each line, as "LINE -> WORD WORD ...". DIRECTORY has
# the completion function _durexec. The words are those that completion hands to
# the line editor (compadd).
zmodload zsh/zpty || exit 2
work=$(mktemp -d) || exit 2
trap 'rm -rf $work' EXIT
cat >$work/lines

cat >$work/setup <<'END_OF_SETUP'
PROMPT= RPROMPT=
fpath=($completion $fpath)
autoload -Uz compinit
compinit -u -D
zstyle ':completion:*' menu no
LISTMAX=10000

compadd() {
	local -a now
	# those that only ask have the answer put into an array
	if [[ "${@[1,(i)(-|--)]}" == *-(A|O|D)\ * ]]; then
		builtin compadd "$@"
		return
	fi
	builtin compadd -A now "$@"
	hits+=($now)
	builtin compadd "$@"
}

offer() {
	local line
	while IFS= read -r line; do
		BUFFER=$line CURSOR=$#line hits=()
		zle list-choices
		print -r -- "$line ->" $hits
	done <$work/lines >$work/said
	exit
}
zle -N offer
bindkey '^T' offer
typeset -ga hits
END_OF_SETUP

print -r -- "completion=${(q)1} work=${(q)work}; . ${(q)work}/setup" >$work/start
zpty shell "exec env TERM=dumb zsh -f -i"
zpty -w shell ". ${(q)work}/start"
zpty -w -n shell $'\x14'
# until it has ended
while zpty -r shell part; do said+=$part; done
[[ -e $work/said ]] || print -r -- "zsh said: $said" >&2
cat $work/said
