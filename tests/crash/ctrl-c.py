#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""ctrl-c.py [N]: Ctrl+C at a terminal, N times (100): it reaches each step
exactly once, as its stop_signal, and durexec dies by SIGINT.

Each time is a terminal of its own (a pty with its line discipline: the byte ^C
becomes a SIGINT for whoever is in the foreground). In it durexec runs two steps
side by side, each with a child in its group, which count what reaches them. In
every other terminal a shell waits for durexec in the same process group, as a
script does, and gets the SIGINT too. Ten terminals at a time.

$DUREXEC is the program. "N of N" is what was right, and the status 0 then.
"""
import os
import pty
import select
import shutil
import signal
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
DUREXEC = os.environ.get('DUREXEC') or os.path.join(HERE, '../../build/durexec')
DUREXEC = os.path.realpath(DUREXEC)
BIN = os.path.join(HERE, '../e2e/bin')
AT_ONCE = 10
PATIENCE = 60
# durexec repeats its order to the keepers each 0.2 s until the step is over:
# that must not become a second signal for the step.
LINGER = 0.45

PIPELINE = """\
[defaults]
needs =
stop_grace = 1h
[step a]
run = counts a.child & exec counts a
[step b]
stop_signal = INT
run = counts b.child & exec counts b
"""
EXPECTED = {'a': 'TERM', 'a.child': 'TERM', 'b': 'INT', 'b.child': 'INT'}


class Terminal:
    def __init__(self, place, below_shell):
        self.place, self.below_shell = place, below_shell
        self.shown, self.status = b'', None
        os.mkdir(place)
        with open(f'{place}/p.ini', 'w') as f:
            f.write(PIPELINE)
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            self.become()

    def become(self):
        os.chdir(self.place)
        for s in (signal.SIGINT, signal.SIGHUP, signal.SIGPIPE):
            signal.signal(s, signal.SIG_DFL)
        argv = [DUREXEC, '-j2', 'p.ini']
        if self.below_shell:
            # the shell dies by the SIGINT that its child has died by
            argv = ['bash', '-c', '"$@"; echo "status $?"', 'sh'] + argv
        env = {k: v for k, v in os.environ.items() if k.endswith('SAN_OPTIONS')}
        env.update(PATH=f'{BIN}:/usr/local/bin:/usr/bin:/bin', HOME=self.place,
                   TERM='dumb', LANG='C.UTF-8')
        os.execvpe(argv[0], argv, env)

    def lines(self, name):
        try:
            with open(f'{self.place}/{name}') as f:
                return f.read().splitlines()
        except FileNotFoundError:
            return []

    def all_have(self, n):
        return all(len(self.lines(name)) >= n for name in EXPECTED)

    def look(self):
        """What durexec says is read; is it over?"""
        while select.select([self.fd], [], [], 0)[0]:
            try:
                part = os.read(self.fd, 65536)
            except OSError:
                break
            if not part:
                break
            self.shown += part
        if self.status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid != 0:
                self.status = status
        return self.status is not None

    def press(self):
        os.write(self.fd, b'\x03')

    def enough(self):
        for name in EXPECTED:
            open(f'{self.place}/{name}.enough', 'w').close()

    def wrong(self):
        found = []
        for name, word in EXPECTED.items():
            got = [line.split()[0] for line in self.lines(name)]
            if got != ['ready', word]:
                found.append(f'{name} got {" ".join(got[1:]) or "nothing"}')
        if self.status is None or not os.WIFSIGNALED(self.status) or \
                os.WTERMSIG(self.status) != signal.SIGINT:
            found.append(f'wait status {self.status}, not SIGINT')
        return found

    def end(self):
        """Whatever is left of it: a failed test must not leave anything."""
        self.enough()
        os.close(self.fd)
        if self.status is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)


def until(terminals, so):
    """Until so(terminal) for all of them, or patience is over."""
    last = time.monotonic() + PATIENCE
    while time.monotonic() < last:
        ready = [(t.look(), so(t)) for t in terminals]
        if all(yes for _, yes in ready):
            return True
        time.sleep(0.01)
    return False


def together(base, first, n):
    terminals = [Terminal(f'{base}/{i}', i % 2 == 1)
                 for i in range(first, first + n)]
    good = 0
    try:
        until(terminals, lambda t: t.all_have(1) or t.status is not None)
        for t in terminals:
            t.press()
        until(terminals, lambda t: t.all_have(2) or t.status is not None)
        time.sleep(LINGER)
        for t in terminals:
            t.enough()
        until(terminals, lambda t: t.status is not None)
        for t in terminals:
            wrong = t.wrong()
            good += not wrong
            if wrong:
                print(f'terminal {t.place.rpartition("/")[2]}'
                      f'{", below a shell" if t.below_shell else ""}: '
                      f'{"; ".join(wrong)}\n{t.shown.decode(errors="replace")}',
                      file=sys.stderr)
    finally:
        for t in terminals:
            t.end()
    return good


def main():
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    base = tempfile.mkdtemp()
    good = 0
    try:
        for first in range(0, n, AT_ONCE):
            good += together(base, first, min(AT_ONCE, n - first))
    finally:
        shutil.rmtree(base, ignore_errors=True)
    print(f'{good} of {n}')
    print(f'{good} passed, {n - good} failed, 0 skipped')
    return 0 if good == n else 1


if __name__ == '__main__':
    sys.exit(main())
