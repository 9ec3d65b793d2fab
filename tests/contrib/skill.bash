#!/bin/bash
# SPDX-License-Identifier: ISC
#
# skill.bash SKILL.md: what the skill shows, done in the directory where this is
# started. A block of "ini" becomes the file that its first line names. A block of
# "sh" is run command by command, with bash; one is to exit with 0, or with N
# where "# exit N" stands behind it. TAP-like.
set -u
passed=0 failed=0

blocks() { # the skill in pieces: "ini NAME" or "sh", NUL, text, NUL
	awk '
		/^```/ && !on { on = 1; kind = substr($0, 4); text = ""; next }
		/^```$/ {
			on = 0
			if (kind == "ini") {
				name = text
				sub(/\n.*/, "", name)
				kind = kind " " substr(name, 3)
			}
			if (kind != "")
				printf "%s%c%s%c", kind, 0, text, 0
			next
		}
		on { text = text $0 "\n" }' "$1"
}

run() { # COMMAND
	local want=0 status=0
	[[ ! $1 =~ \ \ \#\ exit\ ([0-9]+)$'\n' ]] || want=${BASH_REMATCH[1]}
	bash -c "$1" >said 2>&1 </dev/null || status=$?
	if [ "$status" = "$want" ]; then
		echo "ok ${1%%$'\n'*}"
		passed=$((passed + 1))
	else
		echo "not ok ${1%%$'\n'*} - exit $status, not $want"
		sed 's/^/# /' said
		failed=$((failed + 1))
	fi
}

# A command is as many lines as bash needs for it to be whole.
commands() { # BLOCK
	local line command=
	while IFS= read -r line; do
		command+=$line$'\n'
		bash -n <<<"$command" 2>&1 | grep -q . || {
			run "$command"
			command=
		}
	done <<<"$1"
	[[ -z ${command//$'\n'/} ]] || run "$command"
}

while IFS= read -r -d '' kind && IFS= read -r -d '' text; do
	case $kind in
	ini\ *) printf '%s' "$text" >"${kind#ini }" ;;
	sh) commands "${text%$'\n'}" ;;
	*) echo "not ok a block of $kind" && failed=$((failed + 1)) ;;
	esac
done < <(blocks "$1")
echo "$passed passed, $failed failed, 0 skipped"
