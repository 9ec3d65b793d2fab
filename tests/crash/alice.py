#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""alice.py DUREXEC [OPTIONS]: go on from what a disk may be after a power cut.

One run is traced (strace); disk.py tells from it which states a disk may be in
after a crash behind any of its operations, under a model weaker than ext4. Each
of them is put in place, with what the outside had seen by then, and scene.py
goes on from there, and judges. Runs that go on from such a state are traced,
too. The idea is that of ALICE (Pillai et al., OSDI 2014).

  --states N   so many distinct states (5000)
  --jobs N     at the same time (2)    --seed N  for what is random (1)
  --show N     what made it, for the first N violations (3)
  --first      no more then
  --dir DIR    work below it (default: /dev/shm, where there is one)
"""
import argparse
import collections
import contextlib
import ctypes
import hashlib
import multiprocessing
import os
import queue
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import disk
import scene
from scene import Violation

BOOT = '/proc/sys/kernel/random/boot_id'
# operations that have just happened: all that may be of them is looked at
FRESH = 6
# every so many-th recovery is killed itself
KILLED = 8

State = collections.namedtuple('State', 'round k rest some reboot')


class Part:
    """how much of a write is there"""

    def __init__(self, what, n, seed=0):
        self.what, self.n, self.seed = what, n, seed

    def __call__(self, data):
        if self.what == 'the beginning':
            return data[:self.n]
        if self.what == 'zeros':
            return bytes(len(data))
        if self.what == 'the end':
            return bytes(self.n) + data[self.n:]
        return random.Random(self.seed).randbytes(len(data))

    def text(self):
        return f'{self.what} ({self.n})' if self.n else self.what


class Round:
    """a traced run, and what may become of it"""

    def __init__(self, number, rng, root, tree, seen, said):
        self.number, self.rng = number, rng
        self.disk = disk.Disk(root, tree)
        self.seen, self.said = seen, said
        boot = open(BOOT, 'rb').read().strip()
        other = b'%08x' % number + boot[8:-4] + b'a11c'
        self.boots = [(boot, other)]

    def outside(self, k):
        """what was seen of it by then"""
        text = {'seen': self.seen, 'said': self.said}
        for op in self.disk.ops[:k + 1]:
            if op.kind in text:
                text[op.kind] += op.data
        return text

    def parts(self, op):
        n = len(op.data)
        if n < 2:
            return []
        return [Part('the beginning', self.rng.randrange(1, n)),
                Part('zeros', 0), Part('the end', self.rng.randrange(1, n)),
                Part('garbage', 0, self.rng.random())]

    def important(self):
        """crash by crash: nothing, all, and all that may be of the latest"""
        d = self.disk
        for k in range(len(d.ops)):
            yield State(self.number, k, False, {}, True)
            yield State(self.number, k, True, {}, True)
            yield State(self.number, k, True, {}, False)
            for i in d.open_ops(k)[-FRESH:]:
                yield from self.of(k, i, True)

    def of(self, k, i, partly):
        yield State(self.number, k, True, {i: False}, True)
        yield State(self.number, k, False, {i: True}, True)
        if partly and self.disk.ops[i].kind == 'write':
            for part in self.parts(self.disk.ops[i]):
                yield State(self.number, k, self.rng.random() < .5, {i: part},
                            True)

    def others(self):
        """without end, if there is any: one that is older, or any of them"""
        d, rng = self.disk, self.rng
        crashes = [k for k in range(len(d.ops)) if d.open_ops(k)]
        while crashes:
            k = rng.choice(crashes)
            ops = d.open_ops(k)
            if rng.random() < .3:
                yield from self.of(k, rng.choice(ops), False)
                continue
            p = rng.choice((.1, .5, .9))
            some = {i: rng.random() < p for i in ops}
            for i in ops:
                if d.ops[i].kind == 'write' and rng.random() < .1:
                    some[i] = rng.choice(self.parts(d.ops[i]) or [True])
            yield State(self.number, k, False, some, True)

    def key(self, state):
        h = hashlib.sha1(b'%d%d' % (state.reboot, self.number))
        for path, (mode, content) in sorted(self.tree(state).items()):
            h.update(b'%s\0%d\0%d\0' % (os.fsencode(path), mode, len(content)))
            h.update(content)
        return h.digest()

    def tree(self, state, contents=None):
        return self.disk.tree(state.k, state.rest, state.some, contents)

    def sample(self, keys, n):
        """n of them, evenly"""
        at, n = self.rng.random(), min(n, len(keys))
        return [keys[int((i + at) * len(keys) / n)] for i in range(n)]

    def states(self, n):
        """n distinct ones, or as many as there are. Of equal ones the last:
        most was promised by then."""
        found, bare, torn = {}, set(), set()
        for state in self.important():
            key = self.key(state)
            found[key] = state
            if not state.rest and not state.some:
                bare.add(key)
            elif any(isinstance(part, Part) and
                     self.disk.ops[i].path.endswith('/state')
                     for i, part in state.some.items()):
                torn.add(key)
        if len(found) > n:
            # a third has nothing but what is durable, a third a torn record:
            # they are few, and worth most
            kinds = ([k for k in found if k in bare],
                     [k for k in found if k in torn - bare],
                     [k for k in found if k not in torn | bare])
            some = []
            for i, kind in enumerate(kinds):
                some += self.sample(kind, (n - len(some)) // (3 - i))
            return [found[k] for k in some]
        for tries, state in enumerate(self.others()):
            if len(found) >= n or tries > 20 * n:
                break
            found.setdefault(self.key(state), state)
        return list(found.values())

    def describe(self, state):
        d, lines = self.disk, []
        ops = d.open_ops(state.k)
        there = {i: state.some.get(i, state.rest) for i in ops}
        missing = [i for i in ops if there[i] is False]
        lines.append(f'  the power went behind operation {state.k} of '
                     f'{len(d.ops)}; the last ones:')
        for op in d.ops[max(0, state.k - 3):state.k + 1]:
            lines.append(f'    [{op.who}] {op.text()}')
        lines.append(f'  of {len(ops)} that were not durable, '
                     f'{len(missing)} are not there' +
                     ('; the same boot' if not state.reboot else ''))
        for i in ops:
            if not isinstance(there[i], bool):
                lines.append(f'    only {there[i].text()} of: '
                             f'{d.ops[i].text()}')
        few = missing if 2 * len(missing) <= len(ops) else \
            [i for i in ops if there[i] is True]
        word = 'not there' if few is missing else 'there'
        for i in few[-12:]:
            lines.append(f'    {word}: {d.ops[i].text()}')
        if len(few) > 12:
            lines.append(f'    ({len(few) - 12} earlier ones are {word})')
        return '\n'.join(lines)


class Work:
    """the directories of one job; all jobs' names have the same length"""

    def __init__(self, o, base, number):
        self.base, self.number = base, number
        self.scene = scene.Scene(o.durexec, f'{base}/tools',
                                 f'{base}/d{number}', f'{base}/w{number}')

    def trace(self, made, options):
        """what happens when durexec goes on there; False: no strace here"""
        s = self.scene
        os.makedirs(s.witness, exist_ok=True)
        with open(f'{s.witness}/said', 'ab') as said:
            subprocess.run(['strace', *disk.OPTIONS, '-o', f'{self.base}/trace',
                            *s.command(*options)], cwd=s.dir,
                           env=scene.environment(s.witness), stdout=said,
                           stderr=said, stdin=subprocess.DEVNULL, timeout=60)
        with open(f'{self.base}/trace', encoding='ascii') as f:
            made.disk.follow(f, {f'{s.witness}/seen': 'seen',
                                 f'{s.witness}/said': 'said'})
        if not made.disk.ops:
            return False
        # the model is right about what really happened
        now, real = made.tree(State(0, len(made.disk.ops), True, {}, True)), \
            disk.snapshot(s.dir)
        if now != real:
            wrong = [p for p in sorted(now.keys() | real.keys())
                     if now.get(p) != real.get(p)]
            raise RuntimeError(f'the model is wrong about {wrong}')
        return True

    def place(self, tree, outside):
        s = self.scene
        self.reap_children()
        for d in s.dir, s.witness:
            # a keeper outlives its durexec by an instant, and tidies up
            while os.path.exists(d):
                shutil.rmtree(d, ignore_errors=True)
            os.makedirs(d)
        disk.materialise(s.dir, tree)
        for name, data in outside.items():
            with open(f'{s.witness}/{name}', 'wb') as f:
                f.write(data)
        s.log = []

    @staticmethod
    def reap_children():
        """of process 1"""
        try:
            while os.waitpid(-1, os.WNOHANG)[0] != 0:
                pass
        except ChildProcessError:
            pass

    def kill_one(self):
        """a durexec that goes on is killed as soon as something began"""
        s = self.scene
        before = len(s.seen())
        with open(f'{s.witness}/said', 'ab') as said:
            process = subprocess.Popen(
                s.command(), cwd=s.dir, env=scene.environment(s.witness),
                stdin=subprocess.DEVNULL, stdout=said, stderr=said)
        until = time.monotonic() + 20
        while process.poll() is None and len(s.seen()) == before:
            if time.monotonic() > until:
                process.kill()
                process.wait()
                raise Violation('it hangs')
            time.sleep(.001)
        process.kill()
        process.wait()

    def reap(self):
        """what a violation left running"""
        mark = f'WITNESS={self.scene.witness}'.encode()
        for pid in filter(str.isdigit, os.listdir('/proc')):
            try:
                with open(f'/proc/{pid}/environ', 'rb') as f:
                    if mark in f.read().split(b'\0'):
                        os.kill(int(pid), signal.SIGKILL)
            except OSError:
                pass

    def judge(self, made, state, contents, killed):
        """None, or what was violated"""
        self.place(made.tree(state, contents), made.outside(state.k))
        try:
            if killed:
                self.kill_one()
            # what goes on from a power cut is of another boot already
            self.scene.recover(power_cut=state.reboot or state.round > 0)
            return None
        except (Violation, subprocess.TimeoutExpired) as e:
            wrong = str(e)
        except Exception:       # what it left cannot even be read
            wrong = traceback.format_exc().splitlines()[-1]
        self.reap()
        if killed:
            wrong += ' (the first recovery was killed)'
        with open(f'{self.scene.witness}/said', errors='replace') as f:
            said = f.read().splitlines()[-12:] if killed else []
        return '\n'.join([wrong, *self.scene.log[:4], *said])


def alone():
    """In namespaces of our own where that is allowed: durexec looks for what a
    lost attempt left in all of /proc, which takes long where there is much.
    The caller goes on as process 1 there; what was started ends with it."""
    libc = ctypes.CDLL(None, use_errno=True)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    libc.prctl(1, signal.SIGKILL)       # PR_SET_PDEATHSIG
    if libc.unshare(0x20020000) == -1:      # CLONE_NEWPID | CLONE_NEWNS
        return
    pid = os.fork()
    if pid == 0:
        libc.prctl(1, signal.SIGKILL)
    else:
        signal.signal(signal.SIGTERM, lambda *_: os.kill(pid, signal.SIGKILL))
        os._exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) != 0)
    private = 1 << 18 | 1 << 14             # MS_PRIVATE | MS_REC
    if libc.mount(None, b'/', None, private, None) == -1 or \
            libc.mount(b'proc', b'/proc', b'proc', 0, None) == -1:
        raise OSError(ctypes.get_errno(), 'cannot mount /proc')


def worker(o, base, number, made, states, answers):
    alone()
    work = Work(o, base, number)
    here = (f'{base}/d0'.encode(), work.scene.dir.encode())
    contents = {True: made.disk.moved([*made.boots, here]),
                False: made.disk.moved([here])}
    for n, state in enumerate(states):
        killed = n % KILLED == KILLED - 1
        answers.put((state, work.judge(made, state, contents[state.reboot],
                                       killed)))
    answers.put(None)
    answers.close()
    answers.join_thread()
    os._exit(0)


def share(o, base, made, states):
    """-> (state, None or what was violated)"""
    answers = multiprocessing.Queue()
    jobs = [multiprocessing.Process(target=worker, args=(
        o, base, i, made, states[i::o.jobs], answers)) for i in range(o.jobs)]
    for job in jobs:
        job.start()
    left = o.jobs
    try:
        while left:
            try:
                answer = answers.get(timeout=1)
            except queue.Empty:
                if all(job.is_alive() or job.exitcode == 0 for job in jobs):
                    continue
                raise RuntimeError('a job has died') from None
            if answer is None:
                left -= 1
            else:
                yield answer
    finally:
        for job in jobs:
            if left:
                job.terminate()
            job.join()


def rounds(o, base):
    """runs that were traced, from the beginning and from what others left, and
    states of each, o.states in all"""
    rng = random.Random(o.seed)
    work = Work(o, base, 0)
    n = 1 + min(5, o.states // 200)
    made, left = None, o.states
    # one that has nothing to do makes few: then there are more of them
    for number in range(5 * n):
        if left <= 0:
            return
        tree, outside = None, {'seen': b'', 'said': b''}
        options = ['-j', str(rng.choice((1, 2, 3)))] if number else []
        # a new one each third time, else on from a state of the one before
        if number % 3 and made is not None:
            state = rng.choice(made.states(400))
            tree = made.tree(state, made.disk.moved(made.boots))
            outside = made.outside(state.k)
            options += ['--resume'] if rng.random() < .5 else []
        else:
            work.scene.reset()
            tree = disk.snapshot(work.scene.dir)
        work.place(tree, outside)
        made = Round(number, rng, work.scene.dir, tree, outside['seen'],
                     outside['said'])
        if not work.trace(made, options):
            return
        states = made.states(min(left, -(-o.states // n)))
        left -= len(states)
        yield made, states


def main():
    p = argparse.ArgumentParser(usage=__doc__)
    p.add_argument('durexec')
    p.add_argument('--states', type=int, default=5000)
    p.add_argument('--jobs', type=int, default=2)
    p.add_argument('--seed', type=int, default=1)
    p.add_argument('--show', type=int, default=3)
    p.add_argument('--first', action='store_true')
    p.add_argument('--dir')
    o = p.parse_args()
    if os.geteuid() != 0:
        # without namespaces two runs of one name would each end what the other
        # has started: what a lost attempt left is known by its key
        o.jobs = 1
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    if not shutil.which('strace'):
        print('alice: SKIPPED: there is no strace\n'
              '0 passed, 0 failed, 1 skipped')
        return 0
    where = o.dir or ('/dev/shm' if os.access('/dev/shm', os.W_OK | os.X_OK)
                      else None)
    base = os.path.realpath(tempfile.mkdtemp(prefix='alice.', dir=where))
    count = failed = operations = 0
    began = time.monotonic()
    try:
        os.mkdir(f'{base}/tools')
        scene.build(f'{base}/tools', ['witness'])
        for made, states in rounds(o, base):
            operations += len(made.disk.ops)
            with contextlib.closing(share(o, base, made,
                                          states)) as answers:
                for state, wrong in answers:
                    count += 1
                    if wrong is None:
                        continue
                    failed += 1
                    if failed <= o.show:
                        print(f'violation {failed}: {wrong.rstrip()}\n' +
                              made.describe(state), flush=True)
                    if o.first:
                        break
            if failed and o.first:
                break
    finally:
        shutil.rmtree(base, ignore_errors=True)
    if count == 0:
        print('alice: SKIPPED: nothing can be traced here (ptrace)\n'
              '0 passed, 0 failed, 1 skipped')
        return 0
    print(f'alice: {count} states of {operations} operations, {failed} '
          f'violations, {time.monotonic() - began:.0f} s')
    print(f'{count - failed} passed, {failed} failed, 0 skipped')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
