#!/bin/sh
# SPDX-License-Identifier: ISC
#
# shim.sh, by the name of a program: notes in the file "witness" of its place
# that this program begins ("begin"), and that the real one is run now ("go"),
# each with the point of nightly.sh, its pid, $DUREXEC_KEY and the arguments.
#
# The file "hold" names a point, and "before" or "after": there it notes "held",
# and waits until somebody writes a line into the FIFO "gate", or kills it.
here=${0%/*}
place=${here%/*}
tool=${0##*/}
PATH=${PATH#"$here":}
last=
for last; do :; done

case "$tool $*" in
'date '*) point=stamp ;;
'sqlite3 '*.backup*) point=dump ;;
'sqlite3 '*integrity_check*) point=check ;;
'sha256sum '?*) point='sum' ;;
'xz -k'*) point=pack ;;
'curl '*' MOVE '*) point=upload ;;
'curl '*' PROPFIND '*) point='list' ;;
'curl '*' DELETE '*) point=prune:${last##*/} ;;
'curl --version' | 'sha256sum ' | 'xz -dc') exec "$tool" "$@" ;;
'curl '*) point='read' ;;
*) point=other ;;
esac

note() { # WHAT ARG...
	what=$1
	shift
	printf '%s\n' "$what $point $$ ${DUREXEC_KEY-none} $*" >> "$place/witness"
}

hold() { # SIDE: is this where to wait?
	hold=
	[ ! -e "$place/hold" ] || read -r hold < "$place/hold"
	[ "$hold" = "$point $1" ]
}

gate() {
	note held
	read -r _ < "$place/gate"
}

note begin "$@"
if hold before; then gate; fi
note go
if hold after; then
	"$tool" "$@"
	status=$?
	gate
	exit $status
fi
exec "$tool" "$@"
