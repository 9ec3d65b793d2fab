#!/bin/bash
# SPDX-License-Identifier: ISC
#
# complete.bash COMPLETION [BASH_COMPLETION] < LINES: what bash offers at the end of
# each line, as "LINE -> WORD WORD ...", by the function that COMPLETION has
# registered. The words are split as readline splits them; tab.py has the real one.
# (bash-completion is not made for "set -u".)
# shellcheck source=/dev/null
[ -z "${2-}" ] || . "$2"
# shellcheck source=/dev/null
. "$1"
function=$(complete -p durexec | sed -n 's/.*-F \([^ ]*\) .*/\1/p')

split() { # LINE: COMP_WORDS
	local rest=$1
	COMP_WORDS=()
	while [[ $rest =~ ^[[:blank:]]*([=:]+|(\\.|\'[^\']*\'|\"[^\"]*\"|[^[:blank:]=:\\\'\"])+|[\'\"].*) ]]
	do
		COMP_WORDS+=("${BASH_REMATCH[1]}")
		rest=${rest:${#BASH_REMATCH[0]}}
	done
	# behind a blank, or nothing, a new word begins
	[[ $1 == *[![:blank:]] ]] || COMP_WORDS+=('')
}

while IFS= read -r line; do
	split "$line"
	COMP_LINE=$line COMP_POINT=${#line} COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
	COMPREPLY=()
	"$function" durexec "${COMP_WORDS[COMP_CWORD]}" \
		"${COMP_WORDS[COMP_CWORD - 1]}"
	echo "$line -> ${COMPREPLY[*]}"
done
