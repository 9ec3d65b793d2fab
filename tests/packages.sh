#!/bin/sh
# SPDX-License-Identifier: ISC
# packages.sh PACKAGE...: install the Debian packages that are missing, with
# sudo only if not root. Elsewhere than on Debian it says what is needed.
set -u
command -v dpkg-query >/dev/null 2>&1 || exit 0

missing=
for package; do
	# gcc and make may be somebody's own
	case $package in
	gcc) command -v "${CC:-cc}" >/dev/null 2>&1 && continue ;;
	# nodejs from elsewhere brings its npm and conflicts with Debian's
	nodejs) command -v node >/dev/null 2>&1 && continue ;;
	make | pkg-config | bats | curl | clang | npm)
		command -v "$package" >/dev/null 2>&1 && continue ;;
	esac
	dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null |
		grep -qx installed || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

sudo=
if [ "$(id -u)" != 0 ]; then
	sudo=sudo
	command -v sudo >/dev/null 2>&1 || {
		echo "install these first, as root: apt-get install$missing" >&2
		exit 1
	}
fi
echo "  APT$missing"
run() {
	# shellcheck disable=SC2086
	$sudo env DEBIAN_FRONTEND=noninteractive apt-get -q -y "$@" \
		>"$log" 2>&1
}
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# shellcheck disable=SC2086
run install --no-install-recommends $missing ||
	{ run update && run install --no-install-recommends $missing; } || {
	cat "$log" >&2
	echo "could not install:$missing" >&2
	exit 1
}
