#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""sweep.py HARNESS DUREXEC [OPTIONS]: harm a run at point after point.

  kill    SIGKILL to the supervisor, its keepers, step calls, all of them, or
          also to the steps, before each call with an effect
  freeze  the supervisor killed, what survives stands still while the next
          durexec starts, then goes on
  calls   a call fails (once, or from then on), or is given a part of its bytes
  power   the file system is shut down without its log flushed, all are killed,
          it is mounted again (ext4, XFS; needs root and loop devices)
  soak    kill -9 at random moments, over and over, no tracer

  --points N   about so many of them, evenly over all (default: all)
  --jobs N     at the same time (2)      --seed N    for what is random (1)
  --only TEXT  those whose description has it    --keep DIR  what was violated
  --show N     their output, for the first N (2)      --first  no more then
  --from F     leave out the first part (0 to 1) of the points
  --call ROLE:CALL, --victim "NAME ...", --fs ext4,xfs   only these
"""
import argparse
import itertools
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import mounts
import scene
from scene import Missing, Violation

# what each call may fail with on a real system
ERRORS = {
    'write': 'EIO ENOSPC EDQUOT EINTR EAGAIN', 'pwrite64': 'EIO ENOSPC',
    'copy_file_range': 'EIO ENOSPC', 'sendfile': 'EIO',
    'fsync': 'EIO ENOSPC EINTR', 'fdatasync': 'EIO ENOSPC EDQUOT',
    'rename': 'EIO ENOSPC EACCES', 'renameat': 'EIO ENOSPC EACCES EROFS',
    'linkat': 'EIO ENOSPC', 'symlinkat': 'EIO ENOSPC EACCES',
    'unlink': 'EIO EACCES', 'unlinkat': 'EIO EACCES EROFS',
    'mkdir': 'EIO ENOSPC EACCES EROFS EDQUOT',
    'mkdirat': 'EIO ENOSPC EACCES EDQUOT',
    'ftruncate': 'EIO EINTR', 'fallocate': 'ENOSPC EINTR EOPNOTSUPP EIO',
    'openat': 'EMFILE ENFILE EACCES EROFS ENOSPC EIO ENOMEM EINTR',
    'open': 'EMFILE EACCES',
    'fork': 'EAGAIN ENOMEM', 'vfork': 'EAGAIN ENOMEM',
    'clone': 'EAGAIN ENOMEM', 'clone3': 'EAGAIN ENOMEM',
    'execve': 'ENOMEM EAGAIN EIO', 'flock': 'EINTR ENOLCK',
    'fcntl': 'ENOLCK EINTR', 'socketpair': 'EMFILE ENFILE ENOMEM',
    'socket': 'EMFILE ENFILE ENOMEM', 'bind': 'EADDRINUSE ENOSPC EACCES',
    'listen': 'EADDRINUSE', 'accept4': 'EMFILE ENFILE EINTR',
    'sendmsg': 'EINTR EAGAIN ENOMEM ENOBUFS', 'sendto': 'EINTR ENOMEM',
    'recvmsg': 'EINTR ENOMEM', 'read': 'EINTR EIO', 'pread64': 'EIO EINTR',
    'getdents64': 'EIO ENOMEM', 'newfstatat': 'EIO ENOMEM EACCES',
    'fstat': 'EIO', 'epoll_create1': 'EMFILE ENFILE ENOMEM',
    'eventfd2': 'EMFILE ENFILE', 'timerfd_create': 'EMFILE ENOMEM',
    'inotify_init1': 'EMFILE', 'pidfd_open': 'EMFILE ENFILE',
    'memfd_create': 'EMFILE ENOMEM', 'pipe2': 'EMFILE ENFILE',
    'dup': 'EMFILE', 'setsid': 'EPERM', 'poll': 'EINTR ENOMEM',
    'ppoll': 'EINTR', 'wait4': 'EINTR', 'waitid': 'EINTR',
    'pidfd_send_signal': 'EPERM', 'kill': 'EPERM',
}
SHORT = ('write', 'read', 'pread64')


class Sweep:
    """points, done by several workers, each with a scene of its own"""

    def __init__(self, options, scenes):
        self.o, self.scenes = options, scenes
        for s in scenes:
            s.o = options
        self.lock = threading.Lock()
        self.done = self.bad = 0
        self.missing = []

    def points(self, points):
        points = [p for p in points if self.o.only in str(p)]
        points = points[int(len(points) * self.o.begin):]
        if self.o.points and self.o.points < len(points):
            step = len(points) / self.o.points
            points = [points[int(i * step)] for i in range(self.o.points)]
        return points

    def run(self, points, body):
        todo = iter(self.points(points))

        def worker(s):
            try:
                s.enter()
            except Missing as e:
                self.missing.append(str(e))
                return
            while True:
                with self.lock:
                    p = None if self.bad and self.o.first else \
                        next(todo, None)
                if p is None:
                    return
                try:
                    body(s, p)
                    wrong = None
                except Violation as e:
                    wrong = str(e)
                except (OSError, ValueError, KeyError,
                        subprocess.SubprocessError) as e:
                    wrong = f'{type(e).__name__}: {e}'
                with self.lock:
                    self.done += 1
                    if wrong is not None:
                        self.violation(s, p, wrong)

        workers = [threading.Thread(target=worker, args=(s,))
                   for s in self.scenes]
        for w in workers:
            w.start()
        for w in workers:
            w.join()

    def violation(self, s, p, wrong):
        self.bad += 1
        print(f'VIOLATION {p}: {wrong}', flush=True)
        if self.bad <= self.o.show:
            print('    ' + ''.join(s.log)[-3000:].replace('\n', '\n    '))
        if self.o.keep:
            shutil.copytree(s.dir, f'{self.o.keep}/{self.bad}', symlinks=True)


def count(s):
    """the calls of a run that nothing happens to"""
    s.reset()
    code, lines, process = s.inject('-v')
    s.settle(process)
    if code != 0:
        raise Violation(f'the unharmed run ended with {code}')
    return [tuple(p.split()[1:3]) for p in lines if p.startswith('point ')]


def killing(s, victims):
    """(call, number of it, victim); a call is ROLE:NAME, or any"""
    role, _, call = s.o.call.partition(':')
    n = [p for p in count(s) if p == (role, call)] if call else count(s)
    return [(s.o.call, i, v) for i in range(1, len(n) + 1)
            for v in (s.o.victim.split() or victims)]


def at(p):
    """options of inject"""
    role, _, call = p[0].partition(':')
    which = ['-r', role, '-s', call] if call else []
    return [*which, '-n', str(p[1]), '-a', f'kill {p[2]}']


def kill_points(s):
    return killing(s, ('self', 'supervisor', 'keepers', 'durexec', 'all'))


def kill(s, p):
    victim = p[2]
    s.reset()
    code, _, process = s.inject(*at(p), wait=False)
    if code not in (0, 1, 137):
        raise Violation(f'it ended with {code}')
    if code == 1 and victim in ('supervisor', 'all'):
        raise Violation('it was killed and ended with 1')
    s.recover(gentle=victim == 'supervisor')
    s.settle(process)


def freeze_points(s):
    return killing(s, ('supervisor', 'keepers', 'durexec'))


def freeze(s, p):
    victim = p[2]
    s.reset()
    code, lines, process = s.inject(
        *at(p), '-m', '250', '-x', f'exec {s.durexec} p.ini >frozen 2>&1')
    if code not in (0, 1, 137):
        raise Violation(f'it ended with {code}')
    ran = [int(line[4:]) for line in lines if line.startswith('ran ')]
    if ran and ran[0] not in (0, 1, 75):
        s.log.append(open(f'{s.dir}/frozen').read())
        raise Violation(f'the next one ended with {ran[0]}')
    s.recover(gentle=victim == 'supervisor')
    s.settle(process)


def call_points(s):
    points = []
    for when in 'first', 'then':
        for role, call, n in sorted(set(scene_calls(s, when))):
            for e in ERRORS.get(call, '').split():
                points.append((role, call, n, 'error', e, when))
                if n % 4 == 1 and e not in ('EINTR', 'EAGAIN'):
                    points.append((role, call, n, 'errors', e, when))
            if call in SHORT:
                points.append((role, call, n, 'short', '', when))
    return points


def begin(s, when):
    """first: a new run; then: one that goes on with what was killed when half
    of it was done"""
    s.reset()
    if when == 'then':
        _, _, process = s.inject('-r', 'supervisor', '-s', 'fdatasync', '-n',
                                 '12', '-a', 'kill all')
        s.settle(process)


def scene_calls(s, when):
    begin(s, when)
    _, lines, process = s.inject('-v', '-s', ','.join(ERRORS))
    s.settle(process)
    number = {}
    for line in lines:
        if line.startswith('point '):
            key = tuple(line.split()[1:3])
            number[key] = number.get(key, 0) + 1
            yield (*key, number[key])


def calls(s, p):
    import errno
    role, call, n, action, e, when = p
    begin(s, when)
    done, before, runs = s.recorded(), s.count('begin'), s.runs()
    nr = f' {getattr(errno, e)}' if e else ''
    code, lines, process = s.inject('-r', role, '-s', call, '-n', str(n),
                                    '-a', action + nr, stop_after=2 if
                                    action == 'errors' else None)
    s.settle(process)
    # what the machine does not give is tried again for ever
    stopped = action == 'errors' and code in (143, 137)
    linked = code == 127 and 'shared libraries' in s.log[-1]
    if code not in (0, 1, 2, 4) and not stopped and not linked:
        raise Violation(f'it ended with {code}')
    if code == 2 and s.count('begin') != before:
        raise Violation('exit 2, and something ran')
    # what could not be recorded is neither tried again nor passed over
    at = [line for line in lines if line.startswith('point ')][:1]
    if at and at[0].startswith('point supervisor') and \
            at[0].endswith('/state') and call in ('write', 'fdatasync') and \
            e not in ('', 'EINTR') and code != 4 and not stopped:
        raise Violation(f'the state could not be kept, and it ended with '
                        f'{code}')
    if code == 0 and not set(scene.STEPS) <= s.recorded():
        raise Violation('exit 0, and not everything is recorded')
    after = s.count('begin')
    again = [name for name in done if after[name] != before[name]]
    if again or runs and s.runs() != runs:
        raise Violation(f'another run, or what was finished: {again}')
    s.recover()


def power_points(s):
    return killing(s, ('all',))


def power(s, p):
    s.reset()
    s.fs.sync()
    code, _, process = s.inject(*at(p), '-d', s.dir)
    s.settle(process)
    if code not in (0, 137):
        raise Violation(f'it ended with {code}')
    s.fs.again()
    s.boot.another()
    if not os.path.exists(f'{s.dir}/p.ini'):
        raise Violation('the harness lost its own file')
    s.recover(power_cut=True)


def soak(s, p):
    """p: (number of the run, what is killed)"""
    n, victim = p
    rng = random.Random(f'{s.seed}.{n}')
    s.reset()
    kills = 0
    while kills < 40:
        with open(f'{s.witness}/said', 'ab') as said:
            process = subprocess.Popen(
                s.command(), cwd=s.dir, env=scene.environment(s.witness),
                stdin=subprocess.DEVNULL, stdout=said, stderr=said)
        time.sleep(rng.uniform(0, 0.014))
        pids = [process.pid]
        if victim != 'supervisor' and rng.random() < 0.5:
            pids = children(process.pid) + pids * (rng.random() < 0.7)
        if process.poll() is not None:
            break
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
                kills += 1
            except OSError:
                pass
        process.wait()
        if process.returncode == 0:
            break
    with s.lock:
        s.kills[0] += kills
    s.recover(gentle=victim == 'supervisor')


def children(pid):
    try:
        with open(f'/proc/{pid}/task/{pid}/children') as f:
            return [int(word) for word in f.read().split()]
    except OSError:
        return []


class Powered(scene.Scene):
    """on a file system of its own, in a worker's own mount namespace"""

    def __init__(self, o, tools, base, kind):
        super().__init__(o.durexec, tools, f'{base}.d/t', f'{base}.w')
        self.base, self.kind = base, kind

    def enter(self):
        mounts.private()
        self.fs = mounts.Mount(self.kind, self.base)
        os.makedirs(self.witness)
        self.boot = mounts.Boot(self.base + '.d/..')


def sweep_power(o, tools, where, plain):
    skipped = done = bad = 0
    plain.o = o
    points = power_points(plain) * o.rounds
    for kind in o.fs.split(','):
        sweep = Sweep(o, [Powered(o, tools, f'{where}/{kind}{i}', kind)
                          for i in range(o.jobs)])
        sweep.run(points, power)
        for why in sweep.missing[:1]:
            print(f'skipped: power: {kind}: {why}')
            skipped += 1
        print(f'power: {kind}: {sweep.done} points, {sweep.bad} violations')
        done, bad = done + sweep.done, bad + sweep.bad
    return done, bad, skipped


def sweep_soak(o, scenes):
    kills = [0]
    for s in scenes:
        s.kills, s.seed, s.lock = kills, o.seed, threading.Lock()
    sweep = Sweep(o, scenes)
    wanted, o.points = o.points or 50000, 0
    number = itertools.count()
    while kills[0] < wanted and sweep.bad < 20:
        sweep.run([(next(number), v) for _ in range(25)
                   for v in ('supervisor', 'any')], soak)
    print(f'soak: {kills[0]} kills in {sweep.done} runs, '
          f'{sweep.bad} violations')
    return sweep.done, sweep.bad, 0


def options():
    p = argparse.ArgumentParser(description=__doc__,
                                formatter_class=argparse.
                                RawDescriptionHelpFormatter)
    p.add_argument('harness', choices=['kill', 'freeze', 'calls', 'power',
                                       'soak'])
    p.add_argument('durexec')
    p.add_argument('--points', type=int, default=0)
    p.add_argument('--jobs', type=int, default=2)
    p.add_argument('--rounds', type=int, default=1)
    p.add_argument('--seed', type=int, default=1)
    p.add_argument('--show', type=int, default=2)
    p.add_argument('--only', default='')
    p.add_argument('--call', default='')
    p.add_argument('--victim', default='')
    p.add_argument('--fs', default='ext4,xfs')
    p.add_argument('--from', type=float, default=0, dest='begin')
    p.add_argument('--first', action='store_true')
    p.add_argument('--keep', default='')
    p.add_argument('--tools', default='')
    return p.parse_args()


def main():
    o = options()
    began = time.monotonic()
    # no disk under it: what is kept on it is not what is asked here
    base = '/dev/shm' if os.access('/dev/shm', os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix='durexec-sweep-',
                                     dir=base) as where:
        tools = o.tools or f'{where}/tools'
        os.makedirs(tools, exist_ok=True)
        try:
            scene.build(tools)
        except Missing as e:
            print(f'skipped: {o.harness}: {e}')
            print('0 passed, 0 failed, 1 skipped')
            return 0
        skipped = 0
        scenes = [scene.Scene(o.durexec, tools, f'{where}/{i}/t',
                              f'{where}/{i}/w') for i in range(o.jobs)]
        if o.harness == 'power':
            done, bad, skipped = sweep_power(o, tools, where, scenes[0])
        elif o.harness == 'soak':
            done, bad, skipped = sweep_soak(o, scenes)
        else:
            points, body = {'kill': (kill_points, kill),
                            'freeze': (freeze_points, freeze),
                            'calls': (call_points, calls)}[o.harness]
            sweep = Sweep(o, scenes)
            sweep.run(points(scenes[0]) * o.rounds, body)
            done, bad = sweep.done, sweep.bad
            print(f'{o.harness}: {done} points, {bad} violations')
    print(f'  {round(time.monotonic() - began)} s')
    print(f'{done - bad} passed, {bad} failed, {skipped} skipped')
    return 1 if bad or not done and not skipped else 0


if __name__ == '__main__':
    sys.exit(main())
