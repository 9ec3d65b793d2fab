# SPDX-License-Identifier: ISC
"""What blocklog.c wrote, and disks made from it: files with holes."""
import ctypes
import errno
import os
import struct

SECTOR = 512
ENTRY = struct.Struct('=IIQ')
DATA, ZERO, FLUSH, SAID = b'WZFS'
SEEN, SCREEN, MARK = range(3)   # the streams of blocklog
PUNCH = 3                       # FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE
LIBC = ctypes.CDLL(None, use_errno=True)
LONG = ctypes.c_int64


def copy(source, to):
    """of a file with holes"""
    with open(source, 'rb') as a, open(to, 'wb') as b:
        size, end = os.fstat(a.fileno()).st_size, 0
        b.truncate(size)
        while True:
            try:
                at = os.lseek(a.fileno(), end, os.SEEK_DATA)
            except OSError as e:
                if e.errno == errno.ENXIO:
                    return
                raise
            end = os.lseek(a.fileno(), at, os.SEEK_HOLE)
            while at < end:
                data = os.pread(a.fileno(), min(end - at, 1 << 20), at)
                if data.strip(b'\0'):
                    os.pwrite(b.fileno(), data, at)
                at += len(data)


def put(fd, entry, keep=None):
    """an entry on the disk; keep: is this sector of it there?"""
    kind, at, data = entry
    if kind == ZERO:
        LIBC.fallocate(fd, PUNCH, LONG(at), LONG(data))
    elif kind == DATA and keep is None:
        os.pwrite(fd, data, at)
    elif kind == DATA:
        for i in range(0, len(data), SECTOR):
            if keep((at + i) // SECTOR):
                os.pwrite(fd, data[i:i + SECTOR], at + i)


class Log:
    """entries: (kind, offset or stream, data or length)"""

    def __init__(self, path):
        self.entries, self.flushes, self.start = [], [], 0
        with open(path, 'rb') as f:
            data = f.read()
        at = 0
        while at < len(data):
            kind, length, offset = ENTRY.unpack_from(data, at)
            at += ENTRY.size
            if kind in (DATA, SAID):
                body = data[at:at + length]
                at += length
            else:
                body = length
            if kind == FLUSH:
                self.flushes.append(len(self.entries))
            if kind == SAID and offset == MARK and body == b'start\n':
                self.start = len(self.entries)
            self.entries.append((kind, offset, body))

    def places(self, rng, n):
        """n of them in order: just before and behind a flush, and anywhere"""
        late = [f for f in self.flushes if f > self.start]
        for _ in range(n):
            how = rng.randrange(4)
            if how < 2 or not late:
                yield rng.randint(self.start, len(self.entries))
            else:
                yield rng.choice(late) + how - 2

    def heard(self, place, stream):
        return b''.join(e[2] for e in self.entries[:place]
                        if e[0] == SAID and e[1] == stream)
