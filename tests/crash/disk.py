# SPDX-License-Identifier: ISC
"""What a disk may look like after a power cut: from an strace of one run.

Disk.follow() reads the trace into operations on file contents and directory
entries below one directory, and says which of them a sync has made durable
when. Disk.tree() is what is found after a crash behind operation k, when of
those that were not durable yet some are there, some are not, and some are
there in part. The model is weaker than ext4: an entry is durable when its
directory was synced, and by nothing else; contents when the file was; all that
is not durable is independent of each other. A rename is atomic.
"""
import os
import re
import stat
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)) + '/../e2e')
from state import seal  # noqa: E402

CALLS = ('open openat creat write writev pwrite64 ftruncate truncate fallocate '
         'lseek copy_file_range sendfile rename renameat renameat2 link linkat '
         'symlink symlinkat unlink unlinkat mkdir mkdirat rmdir fsync '
         'fdatasync chdir').split()
OPTIONS = ['-f', '-y', '-xx', '-s', '1000000', '-e', 'signal=none',
           '-e', 'trace=' + ','.join(CALLS)]
LINE = re.compile(r'(\d+) +(.*)')
CALL = re.compile(r'(\w+)\((.*)\) += (-?\d+)(?:<(.*)>)?')
HEX = re.compile(r'(?:\\x[0-9a-f]{2})+')
FD = re.compile(r'(AT_FDCWD|-?\d+)(?:<(.*)>)?$')


def plain(text):
    return HEX.sub(lambda m: bytes.fromhex(m[0].replace('\\x', '')).decode(
        errors='surrogateescape'), text)


def string(arg):
    return b''.join(bytes.fromhex(s.replace('\\x', ''))
                    for s in re.findall(r'"([^"]*)"', arg))


def rewritten(data, pairs, chain):
    """Records with other words of the same length, and right checksums. chain:
    the checksum before them, as it was and as it is."""
    out = []
    for line in data.split(b'\n'):
        body, new = line[:-8], line
        if re.search(rb'[*+][0-9a-f]{8}$', line):
            crc = int(line[-8:], 16)
            for old, now in pairs:
                body = body.replace(old, now)
            if seal(chain[0], line[:-8]) == crc:
                chain[:] = [crc, seal(chain[1], body)]
                new = body + b'%08x' % chain[1]
            elif seal(0, line[:-8]) == crc:
                new = body + b'%08x' % seal(0, body)
        out.append(new)
    return b'\n'.join(out)


class Op:
    """kind: make (a file, directory or link gets an entry), drop, move; write,
    size; sync; seen, said: something that was visible outside"""

    def __init__(self, kind, who, **more):
        self.kind, self.who, self.durable = kind, who, None
        self.__dict__.update(more)

    def text(self):
        if self.kind == 'write':
            data = self.data[:90].decode(errors='replace').rstrip('\n')
            return (f'write {self.path} {self.at}+{len(self.data)} '
                    f'{data!r}')
        if self.kind == 'size':
            return f'truncate {self.path} to {self.size}'
        if self.kind == 'move':
            return f'rename {self.path} to {self.to}'
        if self.kind in ('seen', 'said'):
            return f'{self.kind} {self.data.decode(errors="replace").strip()}'
        return f'{dict(make="create", drop="remove").get(self.kind, self.kind)}'\
            f' {self.path}'


class Disk:
    def __init__(self, root, tree):
        """tree: path -> (mode, content, or target of a link), all durable"""
        self.root, self.ops = root, []
        self.mode, self.first, self.entries = {0: stat.S_IFDIR}, {0: b''}, {0: {}}
        for path in sorted(tree):
            above, _, name = path.rpartition('/')
            node = self.node(*tree[path])
            self.entries[self.find(above)][name] = node
        # as it was, and as it is at the end
        self.start = {d: dict(e) for d, e in self.entries.items()}
        self.now = {n: bytearray(c) for n, c in self.first.items()}
        self.linked = set()

    def node(self, mode, content=b''):
        n = len(self.mode)
        self.mode[n], self.first[n] = mode, content
        if stat.S_ISDIR(mode):
            self.entries[n] = {}
        return n

    def find(self, path):
        node = 0
        for name in path.split('/'):
            if name:
                node = self.entries.get(node, {}).get(name)
        return node

    # --- reading a trace

    def inside(self, path):
        path = os.path.normpath(path)
        if path == self.root:
            return ''
        return path[len(self.root) + 1:] if path.startswith(self.root + '/') \
            else None

    def follow(self, trace, outside):
        """outside: path -> kind of what is written there"""
        begun, self.offset, self.cwd, self.outside = {}, {}, {}, outside
        for line in trace:
            pid, text = LINE.match(line).groups()
            if text.endswith('<unfinished ...>'):
                text = text[:-len('<unfinished ...>')].rstrip()
                begun[pid] = (text, len(self.ops), self.target(text))
                continue
            if text.startswith('<... '):
                if pid not in begun:
                    continue
                head, since, node = begun.pop(pid)
                text = head + text.partition(' resumed>')[2]
            else:
                since, node = len(self.ops), self.target(text)
            m = CALL.match(text)
            if m and not m[3].startswith('-'):
                self.call(pid, m[1], m[2].split(', '), int(m[3]),
                          plain(m[4] or ''), since, node)

    def target(self, text):
        """the file that a call's first argument has open"""
        m = re.match(r'\w+\((\d+)<([^>]*)>', text)
        path = self.inside(plain(m[2])) if m else None
        return self.find(path) if path is not None else None

    def where(self, pid, args):
        """the path that (a directory and) a name mean; takes them off"""
        base = self.cwd.get(pid, self.root)
        arg = args.pop(0)
        if not arg.startswith('"'):
            m = FD.match(arg)
            base, arg = plain(m[2] or base), args.pop(0)
        return self.inside(os.path.join(base, os.fsdecode(string(arg))))

    def add(self, kind, pid, **more):
        self.ops.append(Op(kind, pid, **more))

    def split(self, path):
        above, _, name = path.rpartition('/')
        return self.find(above), name

    def make(self, pid, path, mode, content=b''):
        above, name = self.split(path)
        node = self.node(mode, content)
        self.now[node] = bytearray(content)
        self.entries[above][name] = node
        self.add('make', pid, path=path, dir=above, name=name, node=node)

    def resize(self, pid, path, node, size):
        now = self.now[node]
        if len(now) != size:
            now[:] = now[:size].ljust(size, b'\0')
            self.add('size', pid, path=path, node=node, size=size)

    def put(self, pid, path, node, at, data):
        now = self.now[node]
        at = len(now) if at is None else at
        if data:
            now[:] = now.ljust(at, b'\0')
            now[at:at + len(data)] = data
            self.add('write', pid, path=path, node=node, at=at, data=data)
        return at + len(data)

    def call(self, pid, name, args, result, shown, since, node):
        if name == 'chdir':
            self.cwd[pid] = os.path.join(self.cwd.get(pid, self.root),
                                         os.fsdecode(string(args[0])))
        elif name in ('open', 'openat', 'creat'):
            self.open(pid, args, result, shown)
        elif name in ('write', 'writev', 'pwrite64', 'ftruncate', 'fallocate',
                      'lseek', 'fsync', 'fdatasync'):
            self.on_file(pid, name, args, result, since, node)
        elif name in ('copy_file_range', 'sendfile'):
            self.copy(pid, name, args, result)
        elif name.startswith('mkdir'):
            path = self.where(pid, args)
            if path is not None:
                self.make(pid, path, stat.S_IFDIR | int(args[0], 8) & ~0o022)
        elif name.startswith('symlink'):
            target, path = string(args.pop(0)), self.where(pid, args)
            if path is not None:
                self.make(pid, path, stat.S_IFLNK | 0o777, target)
        elif name.startswith('unlink') or name == 'rmdir':
            path = self.where(pid, args)
            if path is not None:
                above, last = self.split(path)
                node = self.entries[above].pop(last, None)
                if node is not None:    # else a socket
                    self.add('drop', pid, path=path, dir=above, name=last,
                             node=node)
        elif name.startswith('rename'):
            old, new = self.where(pid, args), self.where(pid, args)
            if old is not None and new is not None:
                (a, old_name), (b, new_name) = self.split(old), self.split(new)
                node = self.entries[a].pop(old_name)
                self.entries[b][new_name] = node
                self.add('move', pid, path=old, to=new, dir=b, name=new_name,
                         node=node, old=(a, old_name))
        elif name.startswith('link'):
            old, new = self.where(pid, args), self.where(pid, args)
            if new is not None:
                above, last = self.split(new)
                node = self.entries[above][last] = self.find(old)
                self.linked.add(node)
                self.add('make', pid, path=new, dir=above, name=last,
                         node=node)
        else:
            raise ValueError(f'the model does not know {name}')

    def open(self, pid, args, result, shown):
        path = self.where(pid, args)
        flags = (args[0] if args else 'O_CREAT|O_TRUNC').split('|')
        self.offset[pid, result] = None if 'O_APPEND' in flags else 0
        if path is None:
            return
        node = self.find(path)
        if node is None and 'O_CREAT' in flags:
            self.make(pid, path, stat.S_IFREG | int(args[1], 8) & ~0o022)
        elif node is not None and 'O_TRUNC' in flags:
            self.resize(pid, path, node, 0)

    def on_file(self, pid, name, args, result, since, node):
        m = FD.match(args[0])
        fd, path = int(m[1]), plain(m[2] or '')
        if path in self.outside and name.startswith('write'):
            self.add(self.outside[path], pid, data=string(args[1])[:result])
        path = self.inside(path)
        if name == 'lseek':
            self.offset[pid, fd] = result
        if node is None:
            return
        if name in ('fsync', 'fdatasync'):
            for op in self.ops[:since]:
                if op.durable is None and (
                        op.kind in ('write', 'size') and op.node == node or
                        op.kind in ('make', 'drop', 'move') and op.dir == node):
                    op.durable = len(self.ops)
            self.add('sync', pid, path=path or '.', node=node)
        elif name == 'ftruncate':
            self.resize(pid, path, node, int(args[1]))
        elif name == 'fallocate':
            if 'KEEP_SIZE' not in args[1]:
                self.resize(pid, path, node, max(len(self.now[node]), int(
                    args[2]) + int(args[3])))
        elif name == 'pwrite64':
            self.put(pid, path, node, int(args[-1]),
                     string(args[1])[:result])
        elif name != 'lseek':
            at = self.offset.get((pid, fd))
            end = self.put(pid, path, node, at,
                           string(', '.join(args[1:]))[:result])
            if at is not None:
                self.offset[pid, fd] = end

    def copy(self, pid, name, args, result):
        """between files of ours, at the offsets of both"""
        a, b = (0, 2) if name == 'copy_file_range' else (1, 0)
        ends = []
        for arg in args[a], args[b]:
            m = FD.match(arg)
            path = self.inside(plain(m[2]))
            node = self.find(path) if path is not None else None
            if node is None:
                return
            ends.append((path, node, (pid, int(m[1]))))
        (_, source, key), (path, node, to) = ends
        at = self.offset.get(key) or 0
        data = bytes(self.now[source][at:at + result])
        self.offset[key] = at + result
        self.offset[to] = self.put(pid, path, node, self.offset.get(to), data)

    # --- after a crash

    def moved(self, pairs):
        """its contents as of another boot, or directory"""
        chains, first, data = {}, {}, {}
        for n, content in self.first.items():
            chains[n] = [0, 0]
            first[n] = rewritten(content, pairs, chains[n])
        for i, op in enumerate(self.ops):
            if op.kind == 'write':
                data[i] = rewritten(op.data, pairs, chains[op.node])
        return first, data

    def open_ops(self, k):
        """what is not durable behind operation k"""
        return [i for i, op in enumerate(self.ops[:k + 1])
                if op.kind in ('make', 'drop', 'move', 'write', 'size') and
                (op.durable is None or op.durable > k)]

    def tree(self, k, rest, some, contents=None):
        """path -> (mode, content). some: operation -> True, False, or how much
        of a write is there; rest: whether what is not named there is there."""
        first, data = contents or (self.first, {})
        entries = {d: dict(e) for d, e in self.start.items()}
        files = {}
        for i, op in enumerate(self.ops[:k + 1]):
            if op.durable is not None and op.durable <= k:
                there = True
            else:
                there = some.get(i, rest)
            if there is False or op.kind in ('sync', 'seen', 'said'):
                continue
            if op.kind in ('write', 'size'):
                if op.node not in files:
                    files[op.node] = bytearray(first[op.node])
                file = files[op.node]
                if op.kind == 'size':
                    file[:] = file[:op.size].ljust(op.size, b'\0')
                    continue
                part = data.get(i, op.data)
                if there is not True:
                    part = there(part)
                file[:] = file.ljust(op.at, b'\0')
                file[op.at:op.at + len(part)] = part
                continue
            if op.kind != 'make' and op.node not in self.linked:
                # wherever it still is, as an earlier rename is not there
                for names in entries.values():
                    for name in [s for s, n in names.items() if n == op.node]:
                        del names[name]
            elif op.kind == 'drop':
                entries[op.dir].pop(op.name, None)
            elif op.kind == 'move':
                entries[op.old[0]].pop(op.old[1], None)
            if op.kind != 'drop':
                entries.setdefault(op.dir, {})[op.name] = op.node
        found = {}
        todo = [('', 0)]
        while todo:
            above, d = todo.pop()
            for name, n in entries.get(d, {}).items():
                path = f'{above}{name}'
                found[path] = (self.mode[n], bytes(files.get(n, first[n])))
                if stat.S_ISDIR(self.mode[n]):
                    todo.append((f'{path}/', n))
        return found


def snapshot(root):
    found = {}
    for top, dirs, files in os.walk(root):
        for name in dirs + files:
            path = f'{top}/{name}'
            mode = os.lstat(path).st_mode
            if stat.S_ISLNK(mode):
                content = os.fsencode(os.readlink(path))
            elif stat.S_ISREG(mode):
                with open(path, 'rb') as f:
                    content = f.read()
            elif stat.S_ISDIR(mode):
                content = b''
            else:
                continue
            found[path[len(root) + 1:]] = (mode, content)
    return found


def materialise(root, tree):
    """root is empty"""
    for path in sorted(tree):
        mode, content = tree[path]
        to = f'{root}/{path}'
        if stat.S_ISDIR(mode):
            os.mkdir(to)
        elif stat.S_ISLNK(mode):
            os.symlink(content, to)
            continue
        else:
            with open(to, 'wb') as f:
                f.write(content)
        os.chmod(to, stat.S_IMODE(mode))
