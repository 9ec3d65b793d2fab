# SPDX-License-Identifier: ISC
"""A person at a terminal: person.py SHELL... <<SCRIPT

Each line of the script is one of
    type TEXT     and Enter
    key C         Ctrl+C, and so on
    see REGEX     wait until what was printed since matches
    do COMMAND    run it outside of the terminal until it succeeds
    hangup        close the terminal (the last line)
What the terminal showed goes to stdout.
"""
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time

PATIENCE = 30


def main():
    script = [line for line in sys.stdin.read().splitlines() if line.strip()]
    pid, fd = pty.fork()
    if pid == 0:
        for s in (signal.SIGINT, signal.SIGHUP, signal.SIGPIPE):
            signal.signal(s, signal.SIG_DFL)
        os.execvp(sys.argv[1], sys.argv[1:])
    shown, mark = b'', 0
    ok = True

    def pump(seconds):
        nonlocal shown
        if not select.select([fd], [], [], seconds)[0]:
            return True
        try:
            part = os.read(fd, 65536)
        except OSError:
            return False
        shown += part
        return part != b''

    for line in script:
        verb, _, rest = line.partition(' ')
        until = time.monotonic() + PATIENCE
        if verb == 'type':
            os.write(fd, rest.encode() + b'\n')
        elif verb == 'key':
            os.write(fd, bytes([ord(rest) & 0x1f]))
        elif verb == 'see':
            while True:
                found = re.search(rest.encode(), shown[mark:], re.S)
                if found:
                    mark += found.end()
                    break
                if time.monotonic() > until or not pump(0.2):
                    print(f'never seen: {rest}', file=sys.stderr)
                    ok = False
                    break
        elif verb == 'do':
            while subprocess.run(rest, shell=True).returncode != 0:
                if time.monotonic() > until:
                    print(f'never so: {rest}', file=sys.stderr)
                    ok = False
                    break
                pump(0.02)
        elif verb == 'hangup':
            break
        if not ok:
            break
    os.close(fd)
    sys.stdout.buffer.write(shown)
    # A shell ends with its terminal; nobody waits for one that does not.
    until = time.monotonic() + PATIENCE
    while os.waitpid(pid, os.WNOHANG) == (0, 0):
        if time.monotonic() > until:
            os.kill(pid, signal.SIGKILL)
        time.sleep(0.01)
    return 0 if ok else 1


if __name__ == '__main__':
    sys.exit(main())
