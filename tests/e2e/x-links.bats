# SPDX-License-Identifier: ISC
# Links, FIFOs and directories at every name of a run's directory.
# (x-*: make check-long)
load helper

prepare() {
	EXTRA=("PATH=$E2E/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"
		"DUREXEC_BIN=$DUREXEC")
}

planted() {
	cat >p.ini <<'INI'
[pipeline]
shell = /bin/sh -ec
jobs = 3
on_review = echo a hook
[defaults]
allow_failure = yes
[step first]
allow_failure = no
run = [ -e ok ]
[step a]
if = echo cond; true
inputs = in
outputs = made
stdout = placed
verify.look = echo looked
run =
    echo x >made
    # what the step itself would follow is no matter of durexec's
    [ -e "$DUREXEC_OUTPUT" ] || [ -L "$DUREXEC_OUTPUT" ] || echo N=1 >"$DUREXEC_OUTPUT"
    echo out
    echo err >&2
[step gen]
needs = first
foreach_from = echo one; echo two
run = echo "$ITEM"; echo e >&2
[step s]
needs = first
run =
    durexec step x -- echo hello || :
    echo in | durexec step --stdin y -- cat || :
    durexec step n -- sh -c 'durexec step inner -- echo i' || :
    durexec step --retries 1 fails -- sh -c 'echo bad; exit 3' || :
[step last]
allow_failure = no
run = echo out; echo err >&2; false
INI
	echo in >in
	# no more than what makes the names
	case $1 in
	start) sed -i '/^.step gen/,$d' p.ini ;;
	resume) sed -i '/^.step s]/,/|| :$/d' p.ini ;;
	calls) sed -i '/^.step a]/,/^.step s]/{/^.step s]/!d}' p.ini ;;
	esac
	(EXE=/usr/bin/python3 become -B "$E2E/links.py" "$DUREXEC" "$1") \
		</dev/null >out 2>err || fail 'it was followed, or waited for'
	like out '^[0-9]+ planted'
}

@test "links, FIFOs, directories at every name: before the start" { planted start; }
@test "links, FIFOs, directories at every name: before the rest of a run" { planted resume; }
@test "links, FIFOs, directories at every name: of what step remembers" { planted calls; }
@test "links, FIFOs, directories at every name: of a run that is over" { planted look; }
