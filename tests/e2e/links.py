# SPDX-License-Identifier: ISC
"""links.py DUREXEC WHEN: links, FIFOs and directories at durexec's names.

The working directory has p.ini, a pipeline whose first step fails until there
is a file ok, and whose steps can fail each on its own. Of a whole run of it all
names below .durexec are taken. Then, for each name (or for all of a kind, where
one does not keep durexec from the next) and each thing that can stand there:

start     before a first start: what is outside of the run's directory
resume    before the rest of a run whose first step failed
calls     the same, what `durexec step` makes
look      of a run that has come to its end, but for a step that failed:
          status, logs, and a resume

durexec must neither follow it nor wait for it, and say how it ended; what the
links lead to is as it was. One line for each that is not so; "N planted".
"""
import os
import re
import shutil
import subprocess
import sys
import time

DUREXEC, WHEN = sys.argv[1:3]
KINDS = ('symlink', 'dirlink', 'hardlink', 'fifo', 'directory')
TEXT = b'what is outside\n'
# Nobody waits so long for something that is not there.
HANGS = 20
# What is there for a moment only: no listing shows it.
PASSING = ('.gitignore.new', 'p/latest.new', 'p/times.new', 'p/RUN/sock',
           'p/RUN/state.new', 'p/RUN/pipeline.ini.new', 'p/RUN/output/a.1',
           'p/RUN/output/a.1.known', 'p/RUN/output/a.1.wait',
           'p/RUN/keeper.2', 'p/RUN/dir/a', 'p/RUN/dir/gen/0/one')
# for people, or guesses
HANDY = ('.gitignore', '.gitignore.new', 'p/latest', 'p/latest.new', 'p/times',
         'p/times.new', 'p/RUN/hooks.log', 'p/RUN/pipeline.ini')
# The sub-steps that have ended had been begun, or may begin again.
SUBSTEP = re.compile(r'^(p/RUN/sub/.*/[0-9a-f]{16}\.\d+)$')
MARK = b'PLANTED=%d\0' % os.getpid()
os.environ['PLANTED'] = str(os.getpid())
wrong = []
count = 0


def durexec(*args):
    """exit status (None: it hangs) and what it said"""
    child = subprocess.Popen([DUREXEC, *args], stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                             start_new_session=True)
    try:
        said = child.communicate(timeout=HANGS)[0]
    except subprocess.TimeoutExpired:
        gone()
        return None, child.communicate()[0]
    gone()
    return child.returncode, said


def gone():
    """Keepers end by themselves, behind durexec; who hangs is ended."""
    until = time.monotonic() + HANGS
    while left := ours():
        if time.monotonic() > until:
            wrong.append(f'still there: {left}')
            for pid in left:
                os.kill(int(pid), 9)
        time.sleep(0.002)


def ours():
    left = []
    for pid in os.listdir('/proc'):
        try:
            if pid.isdigit() and int(pid) != os.getpid() and \
                    MARK in open(f'/proc/{pid}/environ', 'rb').read():
                left.append(pid)
        except (ProcessLookupError, PermissionError, FileNotFoundError):
            pass
    return left


def names():
    """all below .durexec, the run's own directory as RUN"""
    found = []
    for top, dirs, files in os.walk('.durexec'):
        for name in dirs + files:
            path = os.path.join(top, name)[len('.durexec/'):]
            # a keeper's own, of which each has another number
            if not name.startswith('spare.'):
                found.append(path.replace(RUN, 'RUN'))
    return found


def canaries():
    shutil.rmtree('outside', ignore_errors=True)
    os.makedirs('outside/dir')
    with open('outside/file', 'wb') as f:
        f.write(TEXT)
    os.utime('outside/file', ns=(10 ** 18, 10 ** 18))


def harmed():
    st = os.stat('outside/file')
    return open('outside/file', 'rb').read() != TEXT or st.st_mtime_ns != 10 ** 18 \
        or sorted(os.listdir('outside')) != ['dir', 'file'] \
        or os.listdir('outside/dir') != []


def plant(name, kind):
    """False: there is no place for it"""
    path = ('.durexec/' + name.replace('RUN', RUN)).rstrip('/')
    # not below one that was planted before
    up = os.path.dirname(path)
    while up:
        if os.path.lexists(up) and (os.path.islink(up) or
                                    not os.path.isdir(up)):
            return False
        up = os.path.dirname(up)
    if os.path.islink(path) or os.path.isfile(path):
        os.unlink(path)
    elif os.path.isdir(path):
        if kind == 'directory':
            return False
        shutil.rmtree(path)
    elif os.path.lexists(path):
        os.unlink(path)
    os.makedirs(os.path.dirname(path) or '.', mode=0o700, exist_ok=True)
    outside = os.path.abspath('outside')
    if kind == 'symlink':
        os.symlink(outside + '/file', path)
    elif kind == 'dirlink':
        os.symlink(outside + '/dir', path)
    elif kind == 'hardlink':
        os.link('outside/file', path)
    elif kind == 'fifo':
        os.mkfifo(path, 0o600)
    else:
        os.makedirs(path + '/full', mode=0o700)
    return True


def restore(base):
    if os.path.isdir('.durexec') and not os.path.islink('.durexec'):
        shutil.rmtree('.durexec')
    elif os.path.lexists('.durexec'):
        os.unlink('.durexec')
    if base is not None:
        shutil.copytree(base, '.durexec', symlinks=True)


def case(base, group, kind, commands):
    global count
    restore(base)
    canaries()
    if not any([plant(name, kind) for name in group]):
        return
    what = f'{kind} at {" ".join(group[:3])}'
    count += len(group)
    for command in commands:
        status, said = durexec(*command)
        if status is None:
            wrong.append(f'{what}: {command[0]} hangs: {said[-200:]!r}')
        elif status not in (0, 1, 4):
            wrong.append(f'{what}: {command[0]} ends with {status}: '
                         f'{said[-300:]!r}')
        if harmed():
            wrong.append(f'{what}: {command[0]} has followed it')
            canaries()


def grouped(every):
    """one by one what the run as a whole needs; else all of a kind at once"""
    groups = {}
    for name in every:
        last = os.path.basename(name)
        key = name
        if name in HANDY:
            key = 'what a run goes on without'
        elif os.path.isdir('ended/' + name.replace('RUN', RUN)):
            depth = name.count('/')
            key = f'directories, {depth} down' if depth > 2 else name
        elif WHEN == 'look' and last != 'state' and 'RUN/' in name:
            key = re.sub(r'[.\d]*$', '', name.split('/')[2])
        elif name.startswith('p/RUN/log/') and '.' in last:
            key = 'log' + last[last.rindex('.'):]
        elif name.startswith('p/RUN/sub/'):
            key = 'sub ' + re.sub('[0-9a-f]{16}|[0-9]', '', last)
        elif name.startswith('p/RUN/output/'):
            key = 'output ' + last.rpartition('.')[2]
        elif name.startswith(('p/RUN/log/gen', 'p/RUN/dir/gen')):
            key = 'places of items'
        elif name.startswith(('p/RUN/keeper.', 'p/RUN/dir/')) or \
                name.endswith('.new'):
            key = re.sub('[^/]*$', '', name) + ' others'
        groups.setdefault(key, []).append(name)
    return list(groups.values())


def main():
    global RUN
    run = ('--no-wait', 'p.ini')
    if os.path.exists('ok'):
        os.unlink('ok')
    durexec(*run)
    RUN = os.readlink('.durexec/p/latest')
    os.rename('.durexec', 'begun')
    shutil.copytree('begun', '.durexec', symlinks=True)
    open('ok', 'w').close()
    durexec('--resume', *run)
    every = names()
    os.rename('.durexec', 'ended')
    if WHEN == 'start':
        for name in ('', '.gitignore', '.gitignore.new', 'p', 'p/lock',
                     'p/latest', 'p/latest.new', 'p/times', 'p/times.new'):
            for kind in KINDS:
                if name != '' or kind not in ('dirlink', 'directory'):
                    case(None, [name], kind, [run])
    elif WHEN in ('resume', 'calls'):
        every += [n for n in PASSING if n not in every]
        every += [m[1] + kind for m in map(SUBSTEP.match, every) if m
                  for kind in ('.new', '.err', '.in', '.again', '.tries')
                  if m[1] + kind not in every]
        every = [n for n in every if n != 'p/RUN' and
                 ('RUN/sub' in n) == (WHEN == 'calls')]
        for group in grouped(every):
            for kind in KINDS:
                case('begun', group, kind, [('--resume', *run)])
    else:
        for group in grouped(n for n in every if n != 'p/RUN'):
            for kind in KINDS:
                case('ended', group, kind, [('status', '--json', 'p.ini'),
                     ('logs', 'p.ini'), ('--resume', *run)])
    print(*wrong, f'{count} planted', sep='\n')
    sys.exit(bool(wrong))


main()
