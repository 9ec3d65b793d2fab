#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""planted.py [--all] BUILD_DIR [NAME ...]: do the harnesses see?

Each bug of the table is put into a copy of src/, one at a time, and the harness
that is named with it has to find a violation at the points given. A bug whose
place is no longer found in src/, or that nobody finds, is a failure. The same
harnesses find nothing in what ships: `make check` and `make torture` run them.
With --all not only the first of these points is looked for: how sure is it?
"""
import concurrent.futures
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
SKIPPED = 'skipped\n'
# Kills race with what they harm: a harness that finds nothing is asked again.
TRIES = 5
TOP = os.path.dirname(os.path.dirname(HERE))

# name: (what is wrong, file, what stands there, what stands there then,
#        harness and its options)
BUGS = {
    # first: that it hangs is known after 20 s
    'interrupted-wait': (
        'an end is missed when waitid is interrupted',
        'tree.c', '} while (ret == -1 && errno == EINTR);',
        '} while (false);',
        "sweep calls --only \"'keeper', 'waitid'\""),
    'state-unsynced': (
        'the state file is not synced before what follows from it',
        'journal.c', 'if (io_sync(j->fd) == -1) {', 'if (false) {',
        'sweep power --fs ext4 --from 0.5 --points 12'),
    'started-before-recorded': (
        'a step is started before its record is on disk',
        'run.c', '\tattempt_dispatch(r);\n\tif (journal_commit',
        '\tattempt_dispatch(r);\n\tsend_messages(r);\n\tif (journal_commit',
        'sweep kill --call supervisor:write --victim supervisor --rounds 3'),
    'told-before-recorded': (
        '"done" is on the screen before it is on disk',
        'run.c', '\tattempt_dispatch(r);\n\tif (journal_commit',
        '\tattempt_dispatch(r);\n\tengine_tell_views(r);\n\tif (journal_commit',
        'sweep power --fs ext4 --call supervisor:write --from 0.3'),
    'sync-tried-again': (
        'a failed sync is tried again, and then believed',
        'io.c', 'return fdatasync(fd);',
        'return fdatasync(fd) == 0 ? 0 : fdatasync(fd);',
        "sweep calls --only 'fdatasync'"),
    'half-written': (
        'a write that took a part is taken for all of it',
        'io.c', '\t\tp += w;\n\t\tn -= (size_t)w;\n',
        '\t\tp += w;\n\t\tn = 0;\n',
        "sweep calls --only \"'short'\" --from 0.5"),
    'size-unknown-is-empty': (
        'a log whose size cannot be asked for counts as empty',
        'spare.c', 'bool empty = fstat(fd, &st) == 0 && st.st_size == 0;',
        'bool empty = fstat(fd, &st) != 0 || st.st_size == 0;',
        "sweep calls --only \"'keeper', 'newfstatat'\""),
    'unread-is-its-end': (
        'what a call says counts as over when it cannot be read',
        'relay.c', '\tif (n == -1 && g->r->err == 0)\n', '\tif (false)\n',
        "sweep calls --only \"'call', 'read'\""),
    'keeper-unlocked': (
        'a keeper does not hold its mailbox: who adopts takes it for dead',
        'watch.c',
        'i < TRIES && flock(fd, LOCK_EX | LOCK_NB) != 0', 'false',
        'sweep kill --call keeper:write --victim supervisor --rounds 3'),
    'run-unlocked': (
        'two durexecs may work at one run',
        'rundir.c', 'if (fcntl(h->lock, F_SETLK, &fl) == 0) {',
        'if (true) {',
        'sweep freeze --call keeper:wait4 --victim keepers --rounds 2'),
    'lost-is-done': (
        'an end that nobody knows counts as exit 0',
        'slots.c', '.outcome = outcome_of(OUTCOME_LOST)',
        '.outcome = outcome_from_wait(0)',
        'sweep kill --call keeper:write --victim all'),
    'never-runs-again': (
        'rerun = never is forgotten after a crash',
        'judge.c', 'if (conf->never && (t->phase == PHASE_RUN || again)) {',
        'if (false && (t->phase == PHASE_RUN || again)) {',
        'sweep kill --call keeper:write --victim all --rounds 3'),
    'outputs-unsynced': (
        'a step is done before its outputs are on disk',
        'settle.c',
        'if (fd == -1 || io_sync_all(fd) == -1 || sync_above(path) == -1) {',
        'if (fd == -1) {',
        'sweep power --fs ext4 --from 0.5 --points 12'),
    'logs-unsynced': (
        'a step is done before its stdout is on disk',
        'keeper.c', 'written = io_sync(a->out) == 0;', 'written = true;',
        'sweep power --fs ext4 --from 0.5 --points 12'),
    'placed-unsynced': (
        'what is placed is renamed before it is on disk',
        'settle.c', 'io_sync(out) == -1 || rename', 'rename',
        'sweep power --fs ext4 --from 0.6 --points 12'),
    'call-unsynced': (
        'a call of a script is remembered before what it said is on disk',
        'substep.c', 'else if (io_sync(fd) == -1)\n\t\tret =',
        'else if (false)\n\t\tret =',
        'sweep power --fs ext4 --call call:openat --from 0.5 --points 12'),
    'torn-tail-stays': (
        'a torn end of the state file is appended to',
        'journal.c', '\tif (j->torn > 0 &&\n', '\tif (false &&\n',
        'alice --states 30'),
    'run-not-in-its-directory': (
        'the directory of a new run is not synced in the one above',
        'rundir.c',
        'if (io_sync_all(d->fd) == -1 || io_sync_all(h->fd) == -1)',
        'if (io_sync_all(d->fd) == -1)',
        'alice --states 120'),
    'call-renamed-unsynced': (
        'the record of a call is renamed before it is on disk',
        'substep.c', "\telse if (io_sync(fd) == -1)\n"
        '\t\twhy_sys(why, "cannot sync %s/%s", sc->path, new);\n', '',
        'alice --states 120'),
    'items-not-in-their-directory': (
        'the directory of a fan-out is not synced in the one above',
        'gather.c', 'if (io_sync_dir(fd, top) == -1)', 'if (fd == -1)',
        'alice --states 60'),
}


def copy(build, to):
    """src with its objects, so that only what is changed is compiled"""
    shutil.copytree(f'{TOP}/src', f'{to}/src')
    shutil.copytree(f'{TOP}/conf', f'{to}/conf')
    os.makedirs(f'{to}/tests')
    for name in 'packages.sh', 'layers.txt':
        shutil.copy2(f'{TOP}/tests/{name}', f'{to}/tests')
    shutil.copy2(f'{TOP}/Makefile', to)
    os.makedirs(f'{to}/build/unit')
    for name in os.listdir(build):
        if name == 'flags' or name.endswith(('.o', '.d')):
            shutil.copy2(f'{build}/{name}', f'{to}/build')


def plant(build, tools, where, name, every):
    """-> what is wrong, or None when it was found; SKIPPED..."""
    _, file, old, new, command = BUGS[name]
    to = f'{where}/{name}'
    copy(build, to)
    with open(f'{to}/src/{file}') as f:
        text = f.read()
    if text.count(old) != 1:
        return f'its place is {text.count(old)} times in src/{file}'
    with open(f'{to}/src/{file}', 'w') as f:
        f.write(text.replace(old, new))
    made = subprocess.run(['make', '-s', '-C', to, 'build/durexec',
                           'FLAVOUR='], capture_output=True, text=True,
                          env={**os.environ, 'MAKEFLAGS': ''})
    if made.returncode != 0:
        return f'it does not build:\n{made.stdout}{made.stderr}'
    script, _, options = command.partition(' ')
    if script == 'sweep':
        which, _, options = options.partition(' ')
        script, options = f'sweep.py {which}', f'{options} --tools {tools}'
    else:
        script += '.py'
    said = ''
    for turn in range(1 if every else TRIES):
        harness = subprocess.run(
            f'exec python3 {HERE}/{script} {to}/build/durexec {options} '
            f'--jobs 1 --seed {turn + 1} {"" if every else "--first"}',
            shell=True, capture_output=True, text=True)
        said += harness.stdout + harness.stderr
        if harness.returncode == 1 and \
                re.search(r' [1-9]\d* violations', harness.stdout):
            break
        if 'skipped: ' in harness.stdout.lower():
            return SKIPPED + said
    else:
        return f'{command}: not found:\n{said}'
    shutil.rmtree(to, ignore_errors=True)
    if every:
        print(f'{name}: {re.search("^.* violations", said, re.M)[0]}',
              flush=True)
    return None


def main():
    every = sys.argv[1] == '--all'
    words = sys.argv[2 if every else 1:]
    build, names = os.path.abspath(words[0]), words[1:] or list(BUGS)
    began, bad, skipped = time.monotonic(), 0, 0
    with tempfile.TemporaryDirectory(prefix='durexec-planted-') as where:
        tools = f'{where}/tools'
        os.makedirs(tools)
        sys.path.insert(0, HERE)
        import scene
        try:
            scene.build(tools)
        except scene.Missing as e:
            print(f'skipped: planted: {e}')
            print(f'0 passed, 0 failed, {len(names)} skipped')
            return 0
        with concurrent.futures.ThreadPoolExecutor(3) as pool:
            found = pool.map(lambda name: (name, plant(build, tools, where,
                                                       name, every)), names)
            for name, wrong in found:
                harness = BUGS[name][4].partition(' --')[0]
                what = 'found'
                if wrong is not None and wrong.startswith(SKIPPED):
                    skipped, what = skipped + 1, 'not asked'
                elif wrong is not None:
                    bad, what = bad + 1, 'NOT FOUND'
                print(f'{what}: {name}: {BUGS[name][0]} ({harness})',
                      flush=True)
                if wrong is not None:
                    print(wrong)
    print(f'  {round(time.monotonic() - began)} s')
    print(f'{len(names) - bad - skipped} passed, {bad} failed, '
          f'{skipped} skipped')
    return 1 if bad else 0


if __name__ == '__main__':
    sys.exit(main())
