#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""alloc.py DUREXEC [OPTIONS]: no memory, at allocation after allocation.

The pipeline of scene.py is run with the N-th allocation failing (alloc.c), for
N = 1, 2, 3 … until none fails any more, in each role: the supervisor, a keeper,
a call of `durexec step`, what settles a step, a durexec that goes on with what a
killed one left; once, and from there on. Then durexec goes on until it is
through, and once more. scene.py says what must hold;
besides: nothing ends by a signal, exit 0 means done, "out of memory" is 4.

  --every K    each K-th only; default: of the allocations that come from the
               same place the first and the last (the stack tells)
  --jobs N     at the same time (2)     --role ROLE   only this one
  --only TEXT  those whose description has it     --first  no more after one
  --show N     their output, for the first N (2)  --keep DIR  what was violated
  --from F     leave out the first part (0 to 1) of the points
  --points N   about so many of them, evenly over all
"""
import argparse
import os
import signal
import struct
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import scene
from scene import Violation
from sweep import Sweep

ROLES = ['supervisor', 'keeper', 'call', 'settle', 'resume']
SIZE = 8 * (2 + (1 << 16))
CONTRACT = {0, 1, 3, 4, 75}


def build(tools):
    subprocess.run(['cc', '-std=c11', '-D_GNU_SOURCE', '-O1', '-Wall',
                    '-Wextra', '-shared', '-fPIC', '-o', f'{tools}/alloc.so',
                    f'{scene.HERE}/alloc.c'], check=True)


def survivors(s):
    """pids of what came from the scene"""
    return [int(line.split()[0]) for line in s.alive().splitlines()]


def break_off(s, begun, keepers):
    """durexec is killed once so many commands have begun; its keepers, too,
    or not"""
    process = subprocess.Popen(s.command(), cwd=s.dir,
                               env=scene.environment(s.witness),
                               stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
    until = time.monotonic() + 20
    while process.poll() is None and s.count('begin').total() < begun:
        if time.monotonic() > until:
            raise Violation('it hangs, and nothing had been done to it')
        time.sleep(0.001)
    process.kill()
    process.wait()
    for line in s.alive().splitlines() if keepers else []:
        if 'durexec-keeper' in line:
            try:
                os.kill(int(line.split()[0]), signal.SIGKILL)
            except ProcessLookupError:
                pass


def starve(s, role, n, then, timeout=20):
    """Run it. -> (status as Popen has it, allocations, how many failed,
    where they were)"""
    shared = f'{s.witness}/alloc'
    with open(shared, 'wb') as f:
        f.truncate(SIZE)
    env = scene.environment(s.witness)
    env.update(LD_PRELOAD=f'{s.tools}/alloc.so', ALLOC_FILE=shared,
               ALLOC_AT=str(n), ALLOC_THEN=then,
               ALLOC_ROLE='supervisor' if role == 'resume' else role)
    with open(f'{s.witness}/said', 'wb') as said:
        process = subprocess.Popen(s.command(), cwd=s.dir, env=env,
                                   stdout=said, stderr=said,
                                   stdin=subprocess.DEVNULL)
        try:
            process.wait(timeout)
        except subprocess.TimeoutExpired:
            # a keeper that cannot be had is asked for again, for ever
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(timeout)
            except subprocess.TimeoutExpired:
                s.log.append(s.alive())
                process.kill()
                process.wait()
                raise Violation('it hangs') from None
    with open(shared, 'rb') as f:
        count, failed = struct.unpack('<2Q', f.read(16))
        where = struct.unpack(f'<{min(count, 1 << 16)}Q',
                              f.read(8 * min(count, 1 << 16)))
    with open(f'{s.witness}/said', errors='replace') as f:
        text = f.read()
    s.log.append(f'$ {role} {n} {then}: {failed} of {count} failed -> '
                 f'{process.returncode}\n{text}')
    return process.returncode, text, failed, where


def points(s, o):
    """(role, N, then)"""
    found = []
    for role in [o.role] if o.role else ROLES:
        s.reset()
        if role == 'resume':
            break_off(s, 5, True)
        code, _, _, where = starve(s, role, 0, '')
        if code != 0 and role != 'resume' or not where:
            raise Violation(f'the unharmed run ended with {code}, '
                            f'{len(where)} allocations of the {role}')
        if o.every:
            # not every run makes as many
            chosen = range(1, len(where) + o.every, o.every)
        else:
            first, last = {}, {}
            for n, place in enumerate(where, 1):
                first.setdefault(place, n)
                last[place] = n
            chosen = sorted(set(first.values()) | set(last.values()))
        print(f'  {role}: {len(where)} allocations, {len(set(where))} '
              f'places, {len(chosen)} points, once and on', flush=True)
        found += [(role, n, then) for n in chosen for then in ('once', 'on')]
    return found


def harm(s, point):
    role, n, then = point
    s.reset()
    if role == 'resume':
        break_off(s, 2 + n % 10, n % 3 != 0)
    code, text, failed, _ = starve(s, role, n, then)
    for word in 'AddressSanitizer', 'runtime error', 'Assertion', 'bug: ':
        if word in text:
            raise Violation(f'it said {word}')
    if code < 0 and code != -signal.SIGTERM:
        raise Violation(f'durexec was ended by signal {-code}')
    if failed and code >= 0 and code not in CONTRACT:
        raise Violation(f'exit {code}')
    if not failed and code != 0 and role != 'resume':
        raise Violation(f'nothing failed, and it ended with {code}')
    if role == 'supervisor' and 'out of memory;' in text and code != 4:
        raise Violation(f'out of memory, and exit {code}')
    if code == 0:
        ended = s.count('end')
        for name in scene.UNHARMED:
            if ended[name] == 0:
                raise Violation(f'exit 0, and {name} never ended')
    # every second one: what survives has the time to come to its end
    until = time.monotonic() + 20
    while n % 2 == 0 and survivors(s):
        if time.monotonic() > until:
            s.log.append(s.alive())
            raise Violation('processes are left behind')
        time.sleep(0.01)
    s.recover(gentle=role == 'supervisor')


def options():
    p = argparse.ArgumentParser(description=__doc__,
                                formatter_class=argparse.
                                RawDescriptionHelpFormatter)
    p.add_argument('durexec')
    p.add_argument('--every', type=int, default=0)
    p.add_argument('--points', type=int, default=0)
    p.add_argument('--jobs', type=int, default=2)
    p.add_argument('--role', choices=ROLES)
    p.add_argument('--show', type=int, default=2)
    p.add_argument('--only', default='')
    p.add_argument('--from', type=float, default=0, dest='begin')
    p.add_argument('--first', action='store_true')
    p.add_argument('--keep', default='')
    return p.parse_args()


def main():
    o = options()
    began = time.monotonic()
    base = '/dev/shm' if os.access('/dev/shm', os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix='durexec-alloc-',
                                     dir=base) as where:
        tools = f'{where}/tools'
        os.makedirs(tools)
        scene.build(tools, ['witness'])
        build(tools)
        scenes = [scene.Scene(o.durexec, tools, f'{where}/{i}/t',
                              f'{where}/{i}/w') for i in range(o.jobs)]
        sweep = Sweep(o, scenes)
        try:
            sweep.run(points(scenes[0], o), harm)
        except Violation as e:
            print(f'alloc: {e}\n' + ''.join(scenes[0].log)[-3000:])
            print('0 passed, 1 failed, 0 skipped')
            return 1
    print(f'alloc: {sweep.done} points, {sweep.bad} violations')
    print(f'  {round(time.monotonic() - began)} s')
    print(f'{sweep.done - sweep.bad} passed, {sweep.bad} failed, 0 skipped')
    return 1 if sweep.bad or not sweep.done else 0


if __name__ == '__main__':
    sys.exit(main())
