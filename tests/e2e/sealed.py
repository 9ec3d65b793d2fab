# SPDX-License-Identifier: ISC
"""sealed.py DUREXEC FILE.ini WORD...: each value of each record of the run's
state file, one after another, is replaced by each WORD; with right checksums.
durexec must take it as data or refuse it: it ends with 0 to 4, in time, and no
other step's mark is in the witness file than the pipeline has. "N fields".
"""
import os
import shutil
import subprocess
import sys

import state

DUREXEC, INI = sys.argv[1:3]
NAME = os.path.splitext(INI)[0]
STATE = f'.durexec/{NAME}/latest/state'
STEPS = (b'a', b'gen', b'b')


def quoted(word):
    return b''.join(b'%c' % c if chr(c).isalnum() or c in b'/()$;#._-'
                    else b'%%%02X' % c for c in word.encode())


def seal(bodies):
    crc, out = 0, []
    for body in bodies:
        crc = state.seal(crc, body)
        out.append(body + b'%08x\n' % crc)
    return b''.join(out)


def fields(bodies):
    for n, body in enumerate(bodies):
        words = body.split(b' ')
        for i, word in enumerate(words[3:-1], 3):
            name, eq, _ = word.partition(b'=')
            if eq:
                yield n, i, words, name


def main():
    data = open(STATE, 'rb').read()
    bodies = [line[:-8] for line in data.split(b'\n')[:-1]]
    if seal(bodies) != data:
        sys.exit('this is not how it is sealed')
    shutil.copytree('.durexec', 'whole', symlinks=True)
    wrong, count = [], 0
    for n, i, words, name in fields(bodies):
        word = sys.argv[3 + count % len(sys.argv[3:])]
        count += 1
        changed = list(words)
        changed[i] = name + b'=' + quoted(word)
        with open(STATE, 'wb') as f:
            f.write(seal(bodies[:n] + [b' '.join(changed)] + bodies[n + 1:]))
        for command in (['status', '--json', INI], ['--resume', INI]):
            try:
                done = subprocess.run([DUREXEC, *command], timeout=20,
                                      stdin=subprocess.DEVNULL,
                                      capture_output=True)
                if done.returncode not in (0, 1, 2, 3, 4):
                    wrong.append(f'{changed[2:]}: {command[0]} ends with '
                                 f'{done.returncode} {done.stderr[-200:]}')
            except subprocess.TimeoutExpired:
                wrong.append(f'{changed[2:]}: {command[0]} hangs')
        if os.path.exists('ran'):
            wrong.append(f'{changed[2:]}: {open("ran").read()}')
            os.unlink('ran')
        while os.path.exists('.durexec'):
            # the keepers of the last one put away what is theirs
            shutil.rmtree('.durexec', ignore_errors=True)
        shutil.copytree('whole', '.durexec', symlinks=True)
    for line in open(os.environ['WITNESS'], 'rb'):
        if line.split(b' ')[0].rstrip() not in STEPS:
            wrong.append(f'what is {line}?')
    print(*wrong, f'{count} fields', sep='\n')
    sys.exit(bool(wrong))


main()
