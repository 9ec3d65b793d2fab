#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""blocks.py DUREXEC [OPTIONS]: what a disk may hold after its power went.

The pipeline of scene.py runs on a file system whose disk is tests/crash/
blocklog.c: every write, flush, line of a step and word on the screen stands in
one log, in the order in which it happened. A crash image is a place in that
log: what was flushed before it is there, of the later writes any subset, in
part torn. It is mounted and durexec goes on: what the world had been promised
up to that place must not run again (Scene.recover).

Modelled: a disk with a write-back cache that keeps sectors of 512 bytes whole
and nothing else; a superblock is kept whole too, as no file system here could
be mounted else. A write that reached the disk before a flush did is durable
with it. Half of the logs are of a recovery: the power goes once more.

  --images N     in all (1000)             --fs ext4,xfs,btrfs
  --seed S       for what is random (1)    --keep DIR  what was violated
"""
import argparse
import bisect
import ctypes
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
from disklog import (DATA, LIBC, LONG, SCREEN, SECTOR, SEEN, Log, copy,
                     put)
from mounts import Missing
from scene import Violation

SHOWN = 3
PER_LOG = 25                    # images of one log
# how it is mounted, one after the other
OPTIONS = {
    'ext4': ['defaults', 'data=writeback', 'data=journal', 'nodelalloc'],
    'xfs': ['defaults', 'wsync'],
    'btrfs': ['defaults', 'notreelog', 'flushoncommit'],
}
# first sectors of what every mount begins with
SUPER = {'ext4': (0,), 'xfs': (0,), 'btrfs': (128, 131072)}
# A file system may refuse to mount one with torn writes (XFS does not replay
# its log into a block whose first sector is new); the same moment without them
# it has to mount, but for such a share: that is its own matter.
ALLOWED = {'ext4': 0, 'xfs': 0, 'btrfs': 0.1}
BTRFS_FORGET = 0x50009405
WRITE_BACK = 2                  # SYNC_FILE_RANGE_WRITE


def command(*argv, why=Missing):
    done = subprocess.run(argv, capture_output=True, text=True,
                          stdin=subprocess.DEVNULL,
                          env={**os.environ, 'PATH': mounts.path()})
    if done.returncode != 0:
        raise why(f'{" ".join(argv)}: {done.stderr.strip()}')
    return done.stdout.strip()


def patiently(body, seconds=20):
    """body() until it is true"""
    until = time.monotonic() + seconds
    while not body():
        if time.monotonic() > until:
            raise Violation(f'{body.__name__}: not after {seconds} s')
        time.sleep(0.002)


class Crash:
    """a moment: a disk, and what the world had seen then"""

    def __init__(self, image, seen=b'', said=b''):
        self.image, self.seen, self.said = image, seen, said


class Bench:
    """one file system, recorded and mounted again and again"""

    def __init__(self, kind, options, tools, base):
        self.kind, self.o, self.base = kind, options, base
        self.rng = random.Random(f'{options.seed}.{kind}')
        self.tools, self.fuse, self.at = tools, f'{base}/f', f'{base}/d'
        self.witness = f'{base}/w'
        self.images = self.bad = self.refused = self.torn = self.logs = 0
        self.entries = self.flushes = 0
        self.boot = mounts.Boot(base)
        self.scene = scene.Scene(options.durexec, tools, f'{self.at}/p',
                                 self.witness)
        for d in self.fuse, self.at, self.witness:
            os.makedirs(d, exist_ok=True)
        if shutil.which(mounts.MAKE[kind][0], path=mounts.path()) is None:
            raise Missing(f'{mounts.MAKE[kind][0]} is not there')

    # --- the disk

    def mount(self, how, device):
        """None, or why not"""
        while True:
            try:
                command('mount', '-t', self.kind, '-o', how, device, self.at)
                return None
            except Missing as e:
                # somebody else was faster with that loop device
                if 'loop device' not in str(e):
                    return str(e)
                time.sleep(0.01)

    def umount(self):
        def unmounted():
            try:
                command('umount', self.at)
                return True
            except Missing as e:
                if 'busy' not in str(e):
                    raise
                return False
        patiently(unmounted)
        if self.kind == 'btrfs':
            # it remembers the youngest of the images, and takes no older one
            with open('/dev/btrfs-control', 'rb') as f:
                LIBC.ioctl(f.fileno(), ctypes.c_ulong(BTRFS_FORGET),
                           bytes(4096))

    def fresh(self):
        image = f'{self.base}/fresh.img'
        with open(image, 'wb') as f:
            f.truncate(mounts.SIZE[self.kind] << 20)
        command(*mounts.MAKE[self.kind], image)
        return Crash(image)

    def stage(self, crash):
        """the world as it was at that moment"""
        shutil.rmtree(self.witness)
        os.mkdir(self.witness)
        for name, text in ('seen', crash.seen), ('said', crash.said):
            with open(f'{self.witness}/{name}', 'wb') as f:
                f.write(text)
        self.boot.another()
        self.scene.log = []

    # --- a log

    def record(self, crash, how):
        """run it from that moment on -> Log"""
        live, path = f'{self.base}/live.img', f'{self.base}/log'
        copy(crash.image, live)
        self.stage(crash)
        with open(f'{self.base}/blocklog', 'wb') as said:
            server = subprocess.Popen(
                [f'{self.tools}/blocklog', live, path, self.fuse],
                stdin=subprocess.DEVNULL, stdout=said, stderr=said)

        def serves():
            if server.poll() is not None:
                with open(f'{self.base}/blocklog') as f:
                    raise Missing(f'FUSE: {f.read().strip()}')
            return os.path.exists(f'{self.fuse}/disk')
        try:
            patiently(serves)
            loop = command('losetup', '-f', '--show', f'{self.fuse}/disk')
            try:
                self.check_flush(loop, path)
                wrong = self.mount(how, loop)
            finally:
                # once it is mounted: as soon as it is not any more
                command('losetup', '-d', loop)
            if wrong is not None:
                raise Missing(wrong)
            self.recorded_run(crash.seen == b'')
            self.umount()
        finally:
            subprocess.run(['umount', '-l', self.fuse], capture_output=True)
            try:
                server.wait(20)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()
        self.logs += 1
        log = Log(path)
        self.entries += len(log.entries)
        self.flushes += len(log.flushes)
        return log

    @staticmethod
    def check_flush(loop, path):
        """a flush of the device is an entry, or all of this is worth nothing"""
        before = len(Log(path).flushes)
        fd = os.open(loop, os.O_RDWR)
        os.fsync(fd)
        os.close(fd)
        if len(Log(path).flushes) == before:
            raise Violation(f'a flush of {loop} does not arrive')

    def recorded_run(self, first):
        s = self.scene
        if first:
            s.reset()
            command('sync', '-f', s.dir)
        for name in 'seen', 'said':
            if os.path.exists(f'{self.witness}/{name}'):
                os.unlink(f'{self.witness}/{name}')
            os.symlink(f'{self.fuse}/{name}', f'{self.witness}/{name}')
        if first:
            with open(f'{self.fuse}/mark', 'wb', buffering=0) as f:
                f.write(b'start\n')
        stirrer = Stirrer(s.dir, self.rng.random()) \
            if self.rng.random() < 0.5 else None
        try:
            for args in (), ('--resume',):
                with open(f'{self.fuse}/said', 'wb', buffering=0) as said:
                    code = subprocess.run(
                        s.command(*args), cwd=s.dir, stdout=said, stderr=said,
                        stdin=subprocess.DEVNULL, timeout=60,
                        env=scene.environment(self.witness)).returncode
                if code != 1 or first:
                    break
        finally:
            if stirrer is not None:
                stirrer.stop()
        if code not in ((0,) if first else (0, 1)):
            raise Violation(f'the recorded run ended with {code}')

    # --- the images of it

    def choose(self, entries):
        """-> what of these reached the disk: (entry, sectors or None)"""
        rng, there = self.rng, []
        likely = rng.choice((0, 0, 0.1, 0.5, 0.5, 0.9, 1))
        torn = rng.choice((0, 0.1, 0.5))
        for e in entries:
            if rng.random() >= likely:
                continue
            keep = None
            if e[0] == DATA and rng.random() < torn:
                keep = self.tear(e[1] // SECTOR, len(e[2]) // SECTOR)
            there.append((e, keep))
        return there

    def image(self, durable, there):
        image = f'{self.base}/crash.img'
        copy(durable, image)
        fd = os.open(image, os.O_WRONLY)
        for e, keep in there:
            put(fd, e, keep)
        os.close(fd)
        return image

    def tear(self, first, n):
        """which of these sectors are there? A beginning, or any"""
        rng = self.rng
        whole = rng.random() < 0.5
        if rng.random() < 0.5:
            keep = range(first, first + rng.randint(0, n))
        else:
            keep = {first + i for i in range(n) if rng.random() < 0.5}

        def there(sector):
            if any(s <= sector < s + 8 for s in SUPER[self.kind]):
                return whole
            return sector in keep
        return there

    def judge_all(self, begun, log, how, n):
        """n images of that log -> one of the moments, for a log of its own"""
        durable = f'{self.base}/durable.img'
        copy(begun.image, durable)
        fd, done, chosen = os.open(durable, os.O_WRONLY), 0, None
        places = sorted(log.places(self.rng, n))
        again = self.rng.choice(places)
        for place in places:
            i = bisect.bisect_left(log.flushes, place)
            last = log.flushes[i - 1] + 1 if i > 0 else 0
            for e in log.entries[done:last]:
                put(fd, e)
            done = max(done, last)
            there = self.choose(log.entries[last:place])
            torn, mounted = any(keep for _, keep in there), False
            while not mounted:
                crash = Crash(self.image(durable, there),
                              begun.seen + log.heard(place, SEEN),
                              begun.said + log.heard(place, SCREEN))
                if place == again:
                    copy(crash.image, f'{self.base}/chosen.img')
                mounted = self.judge(crash, how, f'place {place} of '
                                     f'{len(log.entries)} ({how})', torn)
                if not torn:
                    break
                there, torn = [(e, None) for e, _ in there], False
            if place == again and mounted:
                chosen = Crash(f'{self.base}/chosen.img', crash.seen,
                               crash.said)
        os.close(fd)
        return chosen

    def judge(self, crash, how, what, torn):
        """-> could it be mounted?"""
        if self.o.keep:
            copy(crash.image, f'{self.base}/kept.img')
        self.stage(crash)
        wrong = self.mount(f'loop,{how}', crash.image)
        if wrong is not None:
            if torn:
                self.torn += 1
            else:
                self.refused += 1
            if self.refused + self.torn <= SHOWN:
                said = subprocess.run('dmesg | tail -n 12', shell=True,
                                      capture_output=True, text=True).stdout
                print(f'refused: {self.kind}, {what}, '
                      f'{"" if torn else "not "}torn: {wrong}\n{said}',
                      flush=True)
            return False
        try:
            self.check_copies()
            self.scene.recover(power_cut=True)
        except Violation as e:
            wrong = str(e)
        except (OSError, ValueError, KeyError,
                subprocess.SubprocessError) as e:
            wrong = f'{type(e).__name__}: {e}'
        finally:
            self.umount()
        self.images += 1
        if wrong is not None:
            self.violation(crash, f'{self.kind}, {what}: {wrong}')
        return True

    def check_copies(self):
        """who has a state file has a whole copy of the pipeline"""
        with open(f'{self.scene.dir}/p.ini') as f:
            text = f.read()
        for run in self.scene.runs():
            with open(f'{run}/pipeline.ini') as f:
                if f.read() != text:
                    raise Violation(f'{run}/pipeline.ini is not whole')

    def violation(self, crash, text):
        self.bad += 1
        if self.bad <= SHOWN:
            print(f'VIOLATION {text}')
            print('    ' + ''.join(self.scene.log)[-3000:]
                  .replace('\n', '\n    '), flush=True)
        if self.o.keep:
            to = f'{self.o.keep}/{self.kind}.{self.bad}'
            copy(f'{self.base}/kept.img', f'{to}.img')
            for name, said in ('seen', crash.seen), ('said', crash.said):
                with open(f'{to}.{name}', 'wb') as f:
                    f.write(said)

    def run(self, images):
        began, turn, begun, how = time.monotonic(), 0, None, ''
        ways = OPTIONS[self.kind]
        # what is refused is made up for, up to a point
        while self.images < images and self.refused <= images:
            n = min(PER_LOG, images - self.images)
            if turn % 2 == 0:
                how, begun = ways[turn // 2 % len(ways)], self.fresh()
            if begun is not None:
                log = self.record(begun, how)
                begun = self.judge_all(begun, log, how, n)
            turn += 1
        print(f'blocks: {self.kind}: {self.images} images, {self.bad} '
              f'violations, {self.refused} refused (torn: {self.torn}); '
              f'{self.logs} logs of {self.entries} entries, '
              f'{self.flushes} flushes; '
              f'{time.monotonic() - began:.1f} s', flush=True)


class Stirrer:
    """Write-back at odd moments: what was written reaches the disk before it
    was synced, in no order, without a flush."""

    def __init__(self, top, seed):
        self.top, self.rng = top, random.Random(seed)
        self.end = threading.Event()
        self.thread = threading.Thread(target=self.work)
        self.thread.start()

    def work(self):
        while not self.end.wait(self.rng.uniform(0, 0.01)):
            with open(f'{self.top}/../noise', 'ab') as f:
                f.write(self.rng.randbytes(self.rng.randrange(5000)))
            for where, _, names in os.walk(f'{self.top}/.durexec'):
                for name in names:
                    try:
                        fd = os.open(f'{where}/{name}', os.O_RDONLY |
                                     os.O_NONBLOCK)
                    except OSError:
                        continue
                    LIBC.sync_file_range(fd, LONG(0), LONG(0), WRITE_BACK)
                    os.close(fd)

    def stop(self):
        self.end.set()
        self.thread.join()


def build(to):
    """the tools, and the server that logs"""
    scene.build(to, ['witness'])
    flags = command('pkg-config', '--cflags', '--libs', 'fuse3').split()
    command('cc', '-std=c11', '-D_GNU_SOURCE', '-O2', '-Wall', '-Wextra',
            '-o', f'{to}/blocklog', f'{scene.HERE}/blocklog.c', *flags)


def check(kinds, options):
    """-> images, those that are not all right, those that could not be"""
    share = {k: options.images // len(kinds) +
             (i < options.images % len(kinds)) for i, k in enumerate(kinds)}
    done = bad = skipped = 0
    base = tempfile.mkdtemp(prefix='blocks.')
    mounted = []
    try:
        try:
            if os.geteuid() != 0:
                raise Missing('needs root')
            # gone with this process, whatever happens to it
            mounts.private()
            command('mount', '-t', 'tmpfs', '-o', 'mode=700', 'blocks', base)
            mounted.append(base)
            os.mkdir(f'{base}/t')
            build(f'{base}/t')
        except (Missing, OSError) as e:
            print(f'skipped: blocks: {e}')
            return 0, 0, options.images
        for kind in kinds:
            bench = None
            try:
                at = f'{base}/{kind}'
                os.mkdir(at)
                mounted += [f'{at}/f', f'{at}/d']
                bench = Bench(kind, options, f'{base}/t', at)
                bench.run(share[kind])
            except Missing as e:
                print(f'skipped: {kind}: {e}', flush=True)
                skipped += share[kind] - (bench.images if bench else 0)
            except Violation as e:
                print(f'FAILED: {kind}: {e}', flush=True)
                bad += 1
            finally:
                if bench is not None:
                    done += bench.images - bench.bad
                    bad += bench.bad
            if bench is not None and bench.images and \
                    bench.refused > ALLOWED[kind] * bench.images:
                print(f'FAILED: {kind} refused {bench.refused} images')
                bad += 1
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        for at in reversed(mounted):
            subprocess.run(['umount', '-l', at], capture_output=True)
        shutil.rmtree(base, ignore_errors=True)
    return done, bad, skipped


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('durexec')
    parser.add_argument('--images', type=int, default=1000)
    parser.add_argument('--fs', default='ext4,xfs,btrfs')
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--keep')
    options = parser.parse_args()
    kinds = options.fs.split(',')
    if set(kinds) - set(OPTIONS) or options.images < 1 or \
            not os.access(options.durexec, os.X_OK):
        parser.error('no such file system, program or number')
    if options.keep:
        os.makedirs(options.keep, exist_ok=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    done, bad, skipped = check(kinds, options)
    print(f'{done} passed, {bad} failed, {skipped} skipped')
    return 1 if bad else 0


if __name__ == '__main__':
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
