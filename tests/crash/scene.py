# SPDX-License-Identifier: ISC
"""A pipeline to be harmed, and the judge of what became of it.

Its steps are tests/crash/witness.c: what was really executed stands outside the
run. `Scene.recover()` goes on with durexec until the run is through, then once
more, and returns what was violated: no finished step lost or repeated, no second
copy at the same time, no success that could not be recorded, statuses as the
contract says, and a second resume changes nothing.
"""
import collections
import json
import os
import re
import shutil
import signal
import subprocess
import time

HERE = os.path.dirname(os.path.abspath(__file__))

PIPELINE = '''[pipeline]
name = p
jobs = 2

[step one]
run = {w} -t one

[step two]
needs = one
run = {w} -t two -o two.txt
outputs = two.txt
verify.there = {w} -n gate

[step fan]
needs = one
foreach = x y
run = {w} -t fan

[step flaky]
needs = two fan
retries = 5
retry_delay = 5ms
run = {w} -f 1

[step paid]
needs = two
run = {w} -t 'paid 77'
receipt = ^paid (.*)

[step placed]
needs = paid
stdout = placed.txt
run = {w} -t placed -w COLOUR=red

[step pub]
needs = placed
rerun = never
run = {w}

[step script]
needs = flaky
run =
    {d} step s1 -- {w} -n s1 -t sub
    {d} step s2 -- {w} -n s2

[step last]
run = {w}
'''
# how often each is executed when nothing happens
UNHARMED = {
    'one': 1, 'two': 1, 'fan[x]': 1, 'fan[y]': 1, 'flaky': 2, 'paid': 1,
    'placed': 1, 'pub': 1, 'script/s1': 1, 'script/s2': 1, 'last': 1,
    'two/gate': 1,
}
STEPS = ['one', 'two', 'fan[x]', 'fan[y]', 'flaky', 'paid', 'placed', 'pub',
         'script', 'last']
NEVER = {'paid', 'pub'}
SAID = {'one': 'one\n', 'two': 'two\n', 'fan[x]': 'fan\n', 'fan[y]': 'fan\n',
        'paid': 'paid 77\n', 'placed': 'placed\n', 'script': 'sub\n'}
# what a started one proves: these were recorded as done before
AFTER = {'two': ['one'], 'fan[x]': ['one'], 'fan[y]': ['one'],
         'flaky': ['two', 'fan[x]', 'fan[y]'], 'paid': ['two'],
         'placed': ['paid'], 'pub': ['placed'], 'script/s1': ['flaky'],
         'script/s2': ['flaky', 'script/s1'],
         'last': ['pub', 'script', 'script/s1', 'script/s2'],
         'two/gate': ['two']}
SCREEN = re.compile(r'^\d\d:\d\d:\d\d (\S+): done', re.M)
RECORD = re.compile(r'^\d+ \S+ (\S+) (.*?) ?[*+][0-9a-f]{8}$')


class Violation(Exception):
    pass


class Missing(Exception):
    """what cannot be done on this machine"""


def build(to, names=('witness', 'inject')):
    """made once. Missing: nothing can be traced here"""
    if 'inject' in names and os.uname().machine != 'x86_64':
        raise Missing('inject.c knows x86-64 only')
    for name in names:
        source, out = f'{HERE}/{name}.c', f'{to}/{name}'
        if not os.path.exists(out) or \
                os.path.getmtime(out) < os.path.getmtime(source):
            subprocess.run(['cc', '-std=c11', '-D_GNU_SOURCE', '-O2', '-Wall',
                            '-Wextra', '-o', f'{out}.{os.getpid()}', source],
                           check=True)
            os.rename(f'{out}.{os.getpid()}', out)
    if 'inject' not in names:
        return
    tried = subprocess.run([f'{to}/inject', '-e', '/bin/true', '-o',
                            '/dev/null', '--', 'true'], capture_output=True,
                           text=True)
    if tried.returncode != 0:
        raise Missing(tried.stderr.strip())


def environment(witness):
    env = {'PATH': os.environ['PATH'], 'HOME': witness, 'WITNESS': witness,
           'LC_ALL': 'C.UTF-8', 'DUREXEC_MACHINE_DIR': f'{witness}/machine'}
    for name in 'ASAN_OPTIONS', 'UBSAN_OPTIONS':
        if name in os.environ:
            env[name] = os.environ[name]
    return env


def records(run):
    """(type, {key: value}) of the valid beginning of a run's state file"""
    found = []
    try:
        with open(f'{run}/state', encoding='utf-8', errors='replace') as f:
            lines = f.read().split('\n')[:-1]
    except OSError:
        return found
    for line in lines:
        m = RECORD.match(line)
        if m is None:
            break
        fields = dict(w.partition('=')[::2] for w in m[2].split(' ') if w)
        found.append((m[1], fields))
    return found


class Scene:
    def __init__(self, durexec, tools, where, witness=None):
        self.durexec, self.tools = os.path.abspath(durexec), tools
        self.dir = where
        self.witness = witness or f'{where}/w'
        self.log = []

    def enter(self):
        """called once, by the thread that works with it"""

    def reset(self):
        for d in (self.dir, self.witness):
            # a keeper outlives its durexec by an instant, and tidies up
            while os.path.isdir(d) and os.listdir(d):
                for name in os.listdir(d):
                    path = f'{d}/{name}'
                    if os.path.isdir(path) and not os.path.islink(path):
                        shutil.rmtree(path, ignore_errors=True)
                    else:
                        os.unlink(path)
            os.makedirs(d, exist_ok=True)
        with open(f'{self.dir}/p.ini', 'w') as f:
            f.write(PIPELINE.format(w=f'{self.tools}/witness',
                                    d=self.durexec))
        self.log = []

    # --- running

    def command(self, *args):
        return [self.durexec, *args, 'p.ini']

    def run(self, *args, timeout=20):
        """exit status as a shell has it"""
        done = subprocess.run(self.command(*args), cwd=self.dir,
                              env=environment(self.witness),
                              stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              timeout=timeout)
        code = done.returncode
        code = 128 - code if code < 0 else code
        self.log.append(f'$ durexec {" ".join(args)} p.ini -> {code}\n' +
                        done.stdout.decode(errors='replace'))
        return code

    def inject(self, *options, timeout=20, wait=True, stop_after=None):
        """run it harmed. -> (exit status, lines of inject, the process).
        Without wait it is back as soon as durexec ended; survivors go on.
        stop_after: it may go on trying for ever, and is sent TERM then, and
        once more 2 s later."""
        report = f'{self.witness}/inject'
        if os.path.exists(report):
            os.unlink(report)
        said = open(f'{self.witness}/said', 'wb')
        process = subprocess.Popen(
            [f'{self.tools}/inject', '-e', self.durexec, '-o', report,
             *options, '--', *self.command()],
            cwd=self.dir, env=environment(self.witness), stdout=said,
            stderr=said, stdin=subprocess.DEVNULL)
        said.close()
        until = time.monotonic() + timeout
        stop = time.monotonic() + (stop_after or timeout)
        while True:
            try:
                lines = open(report).read().splitlines()
            except OSError:
                lines = []
            code = [int(s[5:]) for s in lines if s.startswith('exit ')]
            if process.poll() is not None or (code and not wait):
                break
            if time.monotonic() > until:
                self.log.append(f'inject: {lines[-3:]}\n{self.alive()}\n' +
                                open(f'{self.witness}/said',
                                     errors='replace').read())
                process.kill()
                process.wait()
                raise Violation('it hangs: ' + ' '.join(options))
            if time.monotonic() > stop:
                stop += 2
                for line in lines:
                    if line.startswith('pid '):
                        os.kill(int(line[4:]), signal.SIGTERM)
            time.sleep(0.002)
        lines = open(report).read().splitlines()
        code = [int(s[5:]) for s in lines if s.startswith('exit ')]
        self.log.append(f'$ inject {" ".join(options)} -> {code}\n' +
                        '\n'.join(s for s in lines[-6:]) + '\n' +
                        open(f'{self.witness}/said', errors='replace').read())
        return (code[0] if code else None), lines, process

    def settle(self, process, timeout=20):
        """the survivors of a harmed run are gone"""
        try:
            process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.log.append(self.alive())
            process.kill()
            process.wait()
            raise Violation('processes are left behind') from None

    # --- looking

    def alive(self):
        """the processes that came from this scene, for whoever has to find
        out what they wait for"""
        found = []
        for pid in filter(str.isdigit, os.listdir('/proc')):
            try:
                with open(f'/proc/{pid}/environ', 'rb') as f:
                    if f'WITNESS={self.witness}\0'.encode() not in f.read():
                        continue
                words = [open(f'/proc/{pid}/{name}').read().strip() for name in
                         ('cmdline', 'wchan', 'syscall')]
                with open(f'/proc/{pid}/stat') as f:
                    state = f.read().rpartition(')')[2].split()[:2]
            except OSError:
                continue
            found.append(f'{pid} {" ".join(state)} {words[1]} {words[2]} '
                         f'{words[0]!r}')
        return '\n'.join(found)

    def runs(self):
        base = f'{self.dir}/.durexec/p'
        try:
            return sorted(f'{base}/{name}' for name in os.listdir(base)
                          if os.path.exists(f'{base}/{name}/state')
                          and not os.path.islink(f'{base}/{name}'))
        except OSError:
            return []

    def recorded(self, power_cut=False):
        """names that are on disk as finished. What has run and was to be
        settled counts unless a power cut may have taken what it made."""
        done = set()
        for run in self.runs()[-1:]:
            for kind, f in records(run):
                if kind == 'end' and f.get('state') == 'done' or \
                        kind == 'ran' and f.get('exit') == '0' and \
                        not power_cut:
                    done.add(f['step'])
            done |= self.subs(run)
        return done

    @staticmethod
    def subs(run):
        done = set()
        for top, _, names in os.walk(f'{run}/sub'):
            for name in names:
                if re.fullmatch(r'[0-9a-f]+\.\d+', name):
                    text = open(f'{top}/{name}', errors='replace').read()
                    m = re.search(r' name=(\S+)', text)
                    if m:
                        done.add(f'script/{m[1]}')
        return done

    def seen(self):
        """(what, name, attempt, pid) in order"""
        try:
            with open(f'{self.witness}/seen') as f:
                return [line.split() for line in f]
        except OSError:
            return []

    def count(self, what):
        return collections.Counter(s[1] for s in self.seen() if s[0] == what)

    def promised(self):
        """finished by what durexec had said, or by what had begun"""
        try:
            with open(f'{self.witness}/said', errors='replace') as f:
                done = set(SCREEN.findall(f.read()))
        except OSError:
            done = set()
        todo = [s[1] for s in self.seen() if s[0] == 'begin']
        while todo:
            for name in AFTER.get(todo.pop(), []):
                if name not in done:
                    done.add(name)
                    todo.append(name)
        return done

    # --- judging

    def recover(self, gentle=False, power_cut=False):
        """Go on until it is through. gentle: nothing but the supervisor was
        harmed, so that each step must be executed as often as ever."""
        done = self.recorded(power_cut) | self.promised()
        before = self.count('begin')
        status = self.go_on()
        after = self.count('begin')
        ends = self.count('end')
        wrong = []
        for name in done:
            if after[name] != before[name]:
                wrong.append(f'{name} was finished and ran again')
        for name in UNHARMED:
            if ends[name] == 0 and name not in self.approved:
                wrong.append(f'{name} counts as done and never ended')
        for name in NEVER:
            if after[name] > 1:
                wrong.append(f'{name} (rerun = never) ran {after[name]} times')
        for name in self.count('overlap'):
            wrong.append(f'two of {name} at the same time')
        if gentle:
            for name, n in UNHARMED.items():
                # one that was recorded and not begun has had its number
                if after[name] != n and name not in self.approved and \
                        (name, after[name]) != ('flaky', 1):
                    wrong.append(f'{name} began {after[name]} times, not {n}')
            if any(before[name] for name in self.approved):
                wrong.append(f'unknown although it was left in peace: '
                             f'{self.approved}')
        wrong += self.contents(status)
        wrong += self.again()
        if wrong:
            raise Violation('; '.join(wrong))

    def go_on(self):
        self.approved = set()
        code = None
        for turn in range(12):
            code = self.run(*(['--resume'] if turn % 2 and self.runs()
                              else []))
            if code == 0:
                break
            if code == 75:
                time.sleep(0.05)
                continue
            if code != 1:
                raise Violation(f'going on ended with {code}')
            if turn % 2 == 0:
                continue
            for step in self.status()['steps']:
                if step['state'] != 'needs_review':
                    continue
                name = step['step']
                if name not in NEVER:
                    raise Violation(f'{name} needs review after --resume: '
                                    f'{step["reason"]}')
                if self.run_verb('approve', name) != 0:
                    raise Violation(f'approve {name} failed')
                self.approved.add(name)
        if code != 0:
            raise Violation(f'not through after 12 starts: {code}')
        return self.status('--all')

    def run_verb(self, verb, *words):
        done = subprocess.run([self.durexec, verb, 'p.ini', *words],
                              cwd=self.dir, env=environment(self.witness),
                              stdin=subprocess.DEVNULL, capture_output=True,
                              timeout=20)
        self.log.append(f'$ durexec {verb} -> {done.returncode}\n' +
                        done.stdout.decode(errors='replace') +
                        done.stderr.decode(errors='replace'))
        return done.returncode

    def status(self, *options):
        done = subprocess.run([self.durexec, 'status', '--json', *options,
                               'p.ini'], cwd=self.dir,
                              env=environment(self.witness),
                              stdin=subprocess.DEVNULL, capture_output=True,
                              timeout=20)
        if done.returncode != 0:
            raise Violation(f'status ended with {done.returncode}: '
                            f'{done.stderr.decode(errors="replace")}')
        return json.loads(done.stdout)

    def contents(self, status):
        """all is done, and what it left is there"""
        wrong = []
        states = {}
        for s in status['steps']:
            name = s['step'] + (f'[{s["item"]}]' if s['item'] else '')
            states[name] = s
        if status['state'] != 'done':
            wrong.append(f'exit 0, but the run is {status["state"]}')
        for name in STEPS:
            s = states.get(name)
            if s is None or s['state'] != 'done':
                wrong.append(f'{name} is {s and s["state"]}')
            elif name in SAID and name not in self.approved and \
                    (s['stdout'] is None or
                     SAID[name] not in open(s['stdout']).read()):
                wrong.append(f'{name}: its stdout is lost')
        for name, text in ('two.txt', 'two\n'), ('placed.txt', 'placed\n'):
            try:
                found = open(f'{self.dir}/{name}').read()
            except OSError as e:
                found = str(e)
            if found != text:
                wrong.append(f'{name}: {found!r}')
        return wrong

    def again(self):
        """recovery is idempotent"""
        run = self.runs()[-1]
        with open(f'{run}/state', 'rb') as f:
            state = f.read()
        seen = self.seen()
        code = self.run('--resume')
        with open(f'{run}/state', 'rb') as f:
            now = f.read()
        wrong = []
        if code != 0:
            wrong.append(f'a second --resume ended with {code}')
        if now != state:
            wrong.append('a second --resume changed the state')
        if self.seen() != seen or self.runs()[-1] != run:
            wrong.append('a second --resume ran something')
        return wrong
