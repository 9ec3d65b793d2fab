# SPDX-License-Identifier: ISC
# What x-security.bats and x-hostile.bats share: traps for whatever a name could
# run, and the look at what became of them.

# Programs that a name could run are first in PATH, and leave a mark.
prepare() {
	mkdir trap outside
	local name
	for name in reboot id touch x X; do
		printf '#!/bin/sh\necho "$0 $*" >>%s/ran\n' "$T" >"trap/$name"
		chmod +x "trap/$name"
	done
	ln -s "$DUREXEC" trap/durexec
	ln -s /usr/bin/env trap/env
	echo untouched >outside/file
	EXTRA=("PATH=$T/trap:$E2E/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"
		"DUREXEC_BIN=$DUREXEC")
	stranger=$((60000 + $$ % 5000))
	public=
}

restore() { [ -z "$public" ] || rm -rf "$public"; }

# Nothing has run but what the pipeline says, nothing was written outside.
unharmed() {
	[ ! -e ran ] || fail "somebody ran: $(cat ran)"
	is "$(cat outside/file) $(ls outside)" 'untouched file'
}
