# SPDX-License-Identifier: ISC
"""A file system of its own on a loop device, to be shut down and mounted anew."""
import ctypes
import os
import shutil
import subprocess
import time
import uuid

from scene import Missing

# the smallest that mkfs takes, in MiB
SIZE = {'ext4': 32, 'xfs': 300, 'btrfs': 128}
MAKE = {'ext4': ['mkfs.ext4', '-q', '-F'], 'xfs': ['mkfs.xfs', '-q', '-f'],
        'btrfs': ['mkfs.btrfs', '-q', '-f']}
CLONE_NEWNS = 0x20000


class Mount:
    def __init__(self, kind, base):
        self.kind, self.image, self.at = kind, f'{base}.img', f'{base}.d'
        if os.geteuid() != 0:
            raise Missing('needs root')
        for program in MAKE[kind][0], 'mount':
            if shutil.which(program, path=path()) is None:
                raise Missing(f'{program} is not there')
        with open(self.image, 'wb') as f:
            f.truncate(SIZE[kind] << 20)
        os.makedirs(self.at)
        self.command(*MAKE[kind], self.image)
        self.mount()

    @staticmethod
    def command(*argv):
        done = subprocess.run(argv, capture_output=True, text=True,
                              env={**os.environ, 'PATH': path()})
        if done.returncode != 0:
            raise Missing(f'{" ".join(argv)}: {done.stderr.strip()}')

    def mount(self):
        self.command('mount', '-t', self.kind, '-o', 'loop', self.image,
                     self.at)

    def sync(self):
        self.command('sync', '-f', self.at)

    def again(self):
        # what was killed a moment ago may still be on its way out
        for _ in range(100):
            try:
                self.command('umount', self.at)
                break
            except Missing:
                time.sleep(0.02)
        else:
            raise OSError(f'{self.at} stays mounted')
        self.mount()

    def close(self):
        subprocess.run(['umount', '-l', self.at], capture_output=True,
                       env={**os.environ, 'PATH': path()})


def private():
    """The calling thread, and what it starts, see mounts of their own from now
    on: what one worker unmounts is mounted nowhere else."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNS) == -1:
        raise Missing(f'unshare: {os.strerror(ctypes.get_errno())}')
    Mount.command('mount', '--make-rprivate', '/')


class Boot:
    """the boot id that this thread's programs see"""

    def __init__(self, where):
        self.file = f'{where}/boot_id'
        self.another()
        Mount.command('mount', '--bind', self.file,
                      '/proc/sys/kernel/random/boot_id')

    def another(self):
        with open(self.file, 'w') as f:
            f.write(f'{uuid.uuid4()}\n')


def path():
    return os.environ.get('PATH', '') + ':/usr/sbin:/sbin'
