#!/bin/bash
# SPDX-License-Identifier: ISC
#
# run.sh DUREXEC [OPTION ...]: runs demo.ini with somewhere to upload to.
#
# A small HTTP server on loopback lives as long as durexec does; with
# UPLOAD_URL set, the upload goes there instead. Interrupted or killed, the
# same command goes on. The exit status is durexec's.
set -u

[ $# -ge 1 ] || { echo "usage: $0 DUREXEC [OPTION ...]" >&2; exit 2; }
durexec=$1
shift
case $durexec in
*/*) ;;
*) durexec=$(command -v "$durexec") || { echo "no such program" >&2; exit 2; } ;;
esac
conf=$(dirname "$(dirname "$0")")
ini=$conf/demo.ini
out=$conf/demo-out
export PYTHONDONTWRITEBYTECODE=1

missing=
for program in curl espeak-ng ffmpeg pocketsphinx_batch python3; do
	command -v "$program" > /dev/null || missing="$missing $program"
done
if [ -n "$missing" ]; then
	echo "the demo needs$missing; on Debian:"
	echo "  apt-get install $(tr '\n' ' ' < "$conf/demo/packages")"
	exit 2
fi >&2

server=
if [ -z "${UPLOAD_URL-}" ]; then
	url_file=$(mktemp) || exit 2
	: > "$url_file"
	python3 "$conf/demo/put_server.py" "$out/server" "$url_file" &
	server=$!
	for _ in {1..100}; do
		[ -s "$url_file" ] && break
		kill -0 "$server" 2> /dev/null || break
		sleep 0.1
	done
	UPLOAD_URL=$(cat "$url_file")
	rm -f "$url_file"
	[ -n "$UPLOAD_URL" ] || { echo "the upload server does not start" >&2; exit 2; }
fi
export UPLOAD_URL

# Ctrl+C reaches durexec by itself (same terminal); a kill of this script is
# passed on. Either way it is durexec that decides, and we wait for it.
again=no
trap 'again=yes' INT QUIT HUP
trap 'again=yes; kill -TERM "$child" 2> /dev/null' TERM
(trap - INT QUIT HUP TERM; exec "$durexec" "$@" "$ini") <&0 &
child=$!
status=0
while :; do
	again=no
	wait "$child" 2> /dev/null # bash would say "Killed" and quote itself
	status=$?
	[ "$again" = yes ] || break
done
if [ -n "$server" ]; then
	kill "$server" 2> /dev/null
	wait "$server" 2> /dev/null
fi

case $status in
0)
	case " $* " in
	*" -n "* | *" --dry-run "* | *" -d "* | *" --detach "*) exit 0 ;;
	esac
	if [ -s "$out/result.txt" ]; then
		echo
		cat "$out/result.txt"
		echo "what each step said:  $durexec logs STEP $ini"
		echo "all of it once more:  $0 $durexec --fresh"
	fi
	;;
1)
	echo "with the demo's upload server: $0 $durexec --resume" >&2
	;;
130 | 143)
	# die as durexec did, so that make and the shell know
	[ "$status" = 130 ] && signal=INT || signal=TERM
	trap - "$signal"
	kill -"$signal" $$
	;;
137)
	echo "durexec was killed. What it was running goes on; so does the rest" >&2
	echo "when you type the same command again." >&2
	;;
esac
exit "$status"
