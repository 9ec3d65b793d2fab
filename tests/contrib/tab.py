#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""tab.py COMPLETION DIRECTORY: TAB in an interactive bash, on a terminal of its own,
in the directory that complete.txt speaks of. What bash makes of the line is what
counts (TAP-like)."""
import os
import pty
import select
import sys

CASES = [
    # what is typed, and the line it becomes; "." shows blanks at its end
    ("durexec sta\t", "durexec status ."),
    ("durexec tal\t", "durexec talks.ini ."),
    ("durexec -C su\t", "durexec -C sub/."),
    ("durexec --color=al\t", "durexec --color=always ."),
    ("durexec talks.ini --un\t", "durexec talks.ini --until ."),
    ("durexec talks.ini --only=encode,in\t",
     "durexec talks.ini --only=encode,index ."),
    ("durexec talks.ini vi\t", "durexec talks.ini video=."),
    ("durexec talks.ini video=no\t", "durexec talks.ini video=notes.txt ."),
    ("durexec retry talks.ini 'en\t", "durexec retry talks.ini 'encode' ."),
    ("durexec exec --preset=ffm\t", "durexec exec --preset=ffmpeg ."),
    ("durexec exec --env A=1 -- cat no\t",
     "durexec exec --env A=1 -- cat notes.txt ."),
    ("durexec step a -- durexec-te\t",
     "durexec step a -- durexec-test-command ."),
]

# The key behind TAB hands the line over: it is what READLINE_LINE holds.
SETUP = r"""
PS1=
. "$COMPLETION"
handed() { printf '<%s.>\n' "${READLINE_LINE}"; READLINE_LINE=; }
bind -x '"\C-t": handed' 2>/dev/null
bind 'set bell-style none'
bind 'set enable-bracketed-paste off'
stty -echo
echo ready
"""


def main():
    completion, directory = (os.path.abspath(a) for a in sys.argv[1:3])
    pid, fd = pty.fork()
    if pid == 0:
        os.chdir(directory)
        os.environ.update(COMPLETION=completion, TERM="dumb", HISTFILE="")
        os.execvp("bash", ["bash", "--norc", "--noprofile", "-i"])
    said = b""

    def until(mark):
        nonlocal said
        while mark not in said:
            if not select.select([fd], [], [], 20)[0]:
                raise TimeoutError(f"{mark!r} never came; {said!r}")
            said += os.read(fd, 65536)
        at = said.index(mark) + len(mark)
        found, said = said[:at], said[at:]
        return found

    passed = failed = 0
    os.write(fd, SETUP.encode())
    until(b"\nready")
    for typed, want in CASES:
        os.write(fd, typed.encode() + b"\x14")
        found = until(b".>").decode()
        have = found[found.rindex("<") + 1:-1]
        if have == want:
            passed += 1
            print(f"ok bash, TAB: {want}")
        else:
            failed += 1
            print(f"not ok bash, TAB: {want} - it is {have!r}")
    os.write(fd, b"exit\n")
    os.waitpid(pid, 0)
    print(f"{passed} passed, {failed} failed, 0 skipped")


main()
