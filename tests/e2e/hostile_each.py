# SPDX-License-Identifier: ISC
"""hostile_each.py WHERE: each of the names of hostile.py in one place of the
command line or of a pipeline file. What durexec says must be harmless in a
terminal, its status the expected one, what the step has seen the same bytes,
and nothing may appear but what belongs there. The working directory is the
test's. "N tried", and a line for each thing that is wrong.
"""
import json
import os
import shutil
import subprocess
import sys

import hostile

DUREXEC = os.environ['DUREXEC_BIN']
wrong = []
count = 0
# in a directory entry
FILES = [n for n in hostile.NAMES if b'/' not in n and n not in (b'', b'.', b'..')
         and len(n) <= 200]


def durexec(name, want, *args, **more):
    global count
    count += 1
    try:
        done = subprocess.run([DUREXEC, *args], stdin=subprocess.DEVNULL,
                              capture_output=True, timeout=20, **more)
    except subprocess.TimeoutExpired:
        complain(name, 'hangs')
        return None
    if done.returncode not in want:
        complain(name, f'ends with {done.returncode}, not {want}: '
                 f'{done.stderr[-300:]}')
    return done


def said(name, *texts):
    for text in texts:
        if harm := hostile.harm(text):
            complain(name, f'not harmless: {harm}')


def complain(name, what):
    wrong.append(f'{name[:60]!r}: {what}')


def write(path, text):
    with open(path, 'wb') as f:
        f.write(text)


def same(name, path):
    try:
        with open(path, 'rb') as f:
            have = f.read()
        os.unlink(path)
    except FileNotFoundError:
        have = None
    if have != name:
        complain(name, f'the step saw {have and have[:80]!r}')


def listing(top='.'):
    """all there is but durexec's own"""
    found = []
    for at, dirs, files in os.walk(os.fsencode(top)):
        if b'.durexec' in dirs:
            dirs.remove(b'.durexec')
        found += [os.path.join(at, f) for f in dirs + files]
    return sorted(found)


def steps():
    legal = b'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-'
    for name in hostile.NAMES:
        write('p.ini', b'[step ' + name + b']\nrun = true\n')
        done = durexec(name, (0, 2), '--dry-run', 'p.ini')
        if done is None:
            continue
        said(name, done.stdout, done.stderr)
        # blanks around it are not of the name
        bare = name.strip(b' \t\r')
        good = 0 < len(bare) <= 48 and all(c in legal for c in bare)
        if done.returncode == 0 and not good:
            complain(name, 'is taken for a name')
        if done.returncode == 2 and (not done.stderr.startswith(b'p.ini:') or
                                     len(done.stderr) > 2000):
            complain(name, f'is refused like this: {done.stderr[:300]}')
        if done.returncode == 2 and name in hostile.LINES and \
                done.stderr.count(b'\n') > 2:
            complain(name, f'more than a sentence: {done.stderr[:300]}')


def files():
    os.mkdir('d')
    for i, name in enumerate(FILES[::3]):
        # verbs know a pipeline file by its ending
        path = os.path.join(b'd', name) + (b'.ini' if i % 4 else b'')
        write(path, b'[step a]\nrun = echo said >&2; exit 3\n')
        # some with a = are parameters
        done = durexec(name, (1, 2) if b'=' in name else (1,), path)
        if done is None or done.returncode != 1:
            os.unlink(path)
            continue
        shown = durexec(name, (0,) if path.endswith(b'.ini') else (0, 2),
                        'status', '--json', path)
        if shown is None:
            continue
        said(name, done.stdout, done.stderr, shown.stdout)
        if shown.returncode == 0:
            json.loads(shown.stdout)
        runs = os.listdir(b'd/.durexec')
        if len([r for r in runs if r != b'.gitignore']) != 1:
            complain(name, f'its runs are {runs}')
        if any(c not in b'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ'
               b'0123456789_.-+%~@' for run in runs for c in run):
            complain(name, f'a directory is called {runs}')
        while os.path.exists('d/.durexec'):
            # the keepers of the last one put away what is theirs
            shutil.rmtree('d/.durexec', ignore_errors=True)
        os.unlink(path)
    if listing('d'):
        complain(b'', f'something is left: {listing("d")}')


def paths():
    names = [n for n in FILES if b'\n' not in n]
    os.mkdir('places')
    os.chdir('places')
    for d in ('in', 'out', 'std', 'wd'):
        os.mkdir(d)
    for name in names:
        write(os.path.join(b'in', name), b'in')
        os.mkdir(os.path.join(b'wd', name))
    write('list', b''.join(n + b'\n' for n in names))
    write('p.ini', b'''[pipeline]
shell = /bin/sh -ec
[step gen]
foreach_from = cat list
inputs = in/${ITEM}
outputs = out/${ITEM}
stdout = std/${ITEM}
run = printf %s "$ITEM" >"out/$ITEM"; printf %s "$ITEM"
[step there]
foreach = step:gen
workdir = wd/${ITEM}
stdin = ../../in/${ITEM}
run = pwd >here; read -r x || :; [ "$x" = in ]
''')
    done = durexec(b'', (0,), 'p.ini')
    said(b'', done.stdout, done.stderr)
    for name in names:
        same(name, os.path.join(b'out', name))
        same(name, os.path.join(b'std', name))
        at = os.fsencode(os.getcwd()) + b'/wd/' + name
        same(at + b'\n', at + b'/here')
    if left := listing('out') + listing('std'):
        complain(b'', f'something is left: {left[:5]}')


def parameters():
    write('p.ini', b'[params]\nv = none\n[step a]\n'
          b'run = printf %s "$v" >seen; echo said\n')
    before = listing()
    names = hostile.NAMES[::3]
    for name in names:
        done = durexec(name, (0,), '-q', 'p.ini', b'v=' + name)
        if done is None or done.returncode != 0:
            continue
        same(name, 'seen')
        said(name, done.stdout, done.stderr)
    shown = durexec(b'', (0, 2), 'status', 'p.ini')
    said(b'', shown.stdout, shown.stderr)
    runs = [r for r in os.listdir(b'.durexec') if r != b'.gitignore']
    if len(runs) != len(names):
        complain(b'', f'{len(runs)} runs of {len(names)}')
    for run in runs:
        if not run.startswith(b'p@v=') or len(run) > 255 or any(
                not chr(c).isalnum() and c not in b'._-+%~@=,' for c in run):
            complain(run, 'is what a directory is called')
    if listing() != before:
        complain(b'', f'appeared: {set(listing()) ^ set(before)}')


def exec_():
    os.mkdir('state')
    write('show', b'#!/bin/sh\nprintf "%s\\0" "$@"\n')
    os.chmod('show', 0o700)
    before = listing()
    whole = hostile.NAMES
    done = durexec(b'', (0,), 'exec', '--state-dir', 'state', '--', './show',
                   *whole)
    if done.stdout != b''.join(n + b'\0' for n in whole):
        complain(b'', 'all at once: other words')
    said(b'', done.stderr)
    for name in hostile.NAMES[::5]:
        done = durexec(name, (0,), 'exec', '--state-dir', 'state', '--',
                       './show', name)
        if done and done.stdout != name + b'\0':
            complain(name, f'the command saw {done.stdout[:80]}')
        # as what is run: there is no such program, or not here
        if name.strip(b'/.') and b'reboot' not in name and name != b'id' and \
                name not in (b'done', b'true'):
            done = durexec(name, (1, 2, 126, 127), 'exec', '--fresh',
                           '--state-dir', 'state', '--name', 'x', '--', name)
            said(name, done.stdout, done.stderr)
    if [f for f in listing() if not f.startswith(b'./state/')] != before:
        complain(b'', 'something appeared')


def substeps():
    names = [n for n in hostile.NAMES if n and n != b'--help'][::2]
    write('names', b'\0'.join(names))
    write('script.py', b'''
import subprocess
for name in open('names', 'rb').read().split(b'\\0'):
    for how in [b'fine'], [name]:
        done = subprocess.run(['durexec', 'step', name, '--', 'printf', '%s',
                               *how], capture_output=True)
        with open('log', 'ab') as f:
            f.write(b'%d %s %s\\0' % (done.returncode, done.stdout, done.stderr))
''')
    write('p.ini', b'[step s]\nrun = python3 script.py\n')
    before = listing()
    durexec(b'', (0,), 'p.ini')
    answers = open('log', 'rb').read().split(b'\0')
    # a word may hold what separates the answers' parts, but no NUL
    for i, name in enumerate(names):
        for want, answer in zip((b'fine', name), answers[2 * i:2 * i + 2]):
            if answer.startswith(b'0 '):
                if answer != b'0 ' + want + b' ':
                    complain(name, f'the command saw {answer[:90]}')
            elif answer.startswith(b'2 '):
                said(name, answer)
            else:
                complain(name, f'it ended with {answer[:200]}')
    shown = durexec(b'', (0,), 'status', '--json', 'p.ini')
    said(b'', shown.stdout)
    json.loads(shown.stdout)
    shown = durexec(b'', (0,), 'status', '--all', 'p.ini')
    said(b'', shown.stdout)
    os.unlink('log')
    if listing() != before:
        complain(b'', 'something appeared')


def words():
    write('p.ini', b'[step a]\nforeach = one two\nrun = false\n')
    durexec(b'', (1,), 'p.ini')
    before = listing()
    for name in [n for n in hostile.NAMES if n.strip(b'*?.-/\\')][::4]:
        # an absolute path would be a place of its own
        for args in (['retry', 'p.ini', b'a[' + name + b']'],
                     ['logs', 'p.ini', name], ['status', 'p.ini', name + b'=x'],
                     ['p.ini', b'x' + name + b'=1']):
            done = durexec(name, (0, 1, 2), *args)
            if done:
                said(name, done.stdout, done.stderr)
        done = durexec(name, (2,), b'--x' + name)
        said(name, done.stdout, done.stderr)
    for name in hostile.NAMES[::9]:
        done = durexec(name, (0,), 'approve', 'p.ini', 'a[one]', '--result',
                       name)
        shown = durexec(name, (0,), 'status', '--json', 'p.ini')
        durexec(name, (1,), '--fresh', 'p.ini')
        if done and shown:
            said(name, done.stdout, done.stderr, shown.stdout)
            json.loads(shown.stdout)
    if listing() != before:
        complain(b'', f'appeared: {set(listing()) ^ set(before)}')


{'steps': steps, 'files': files, 'paths': paths, 'parameters': parameters,
 'exec': exec_, 'substeps': substeps, 'words': words}[sys.argv[1]]()
print(*wrong[:30], f'{len(wrong)} wrong' if wrong else f'{count} tried',
      sep='\n')
sys.exit(bool(wrong))
