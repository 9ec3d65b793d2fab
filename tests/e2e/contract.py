# SPDX-License-Identifier: ISC
"""contract.py FILE [WHAT=VALUE ...]

FILE is a `status --json`: its fields and their types have to be those of the
contract, no more and no less. WHAT is a field of the run, or STEP.FIELD.
VALUE is compared as text ("null", "true"); "?" is any but null; A..B is a time
from A to B seconds from now; ~REGEX is found in it. Of a fan-out: STEP.items
("null": it is none) and STEP.items.done; of an item: STEP[ITEM].FIELD.
STEP[ITEM]=null: there is no such entry.
"""
import datetime
import json
import re
import sys

TIME = re.compile(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$')


def text(v):
    return isinstance(v, str)


def time(v):
    return v is None or (isinstance(v, str) and TIME.match(v) is not None)


def integer(v):
    return isinstance(v, int) and not isinstance(v, bool)


def number(v):
    return isinstance(v, (int, float)) and not isinstance(v, bool)


def boolean(v):
    return isinstance(v, bool)


def words(v):
    return isinstance(v, list) and all(isinstance(w, str) for w in v)


def maybe(kind):
    return lambda v: v is None or kind(v)


def one_of(*known):
    return lambda v: v in known


def path(v):
    return v is None or (isinstance(v, str) and v.startswith('/'))


RUN = {
    'pipeline': text, 'run': text,
    'state': one_of('running', 'stopped', 'done', 'needs_review', 'waiting'),
    'started': time, 'ended': time, 'done': integer, 'total': integer,
    'eta': lambda v: True, 'saved_seconds': number, 'cost': maybe(number),
    'next': words, 'steps': lambda v: isinstance(v, list),
}
STEP = {
    'step': text, 'item': maybe(text),
    'state': one_of('pending', 'running', 'done', 'waiting', 'needs_review',
                    'skipped'),
    'attempts': integer,
    'outcome': one_of(None, 'exit', 'signal', 'timeout', 'idle', 'flood',
                      'interrupted', 'not-started', 'lost'),
    'exit': maybe(integer), 'signal': maybe(integer), 'reason': maybe(text),
    'started': time, 'ended': time, 'seconds': maybe(number),
    'waiting_until': time, 'user_seconds': maybe(number),
    'system_seconds': maybe(number), 'max_rss_kb': maybe(integer),
    'pid': maybe(integer), 'stdout': path, 'stderr': path,
    'result': maybe(text), 'stale': boolean, 'adopted': boolean,
    'cost': maybe(number),
}
# Of a fan-out besides.
ITEMS = dict.fromkeys(('total', 'pending', 'running', 'waiting', 'done',
                       'needs_review', 'skipped'), integer)
# An item may hold any of the signs around it.
WORD = re.compile(r'([^=\[\]]+(?:\[.*?\](?:\.[a-z_]+)?)?)=(.*)', re.S)


def check(what, fields, kinds):
    wrong = []
    for name in sorted(set(kinds) - set(fields)):
        wrong.append(f'{what} lacks "{name}"')
    for name in sorted(set(fields) - set(kinds)):
        wrong.append(f'{what} has "{name}", which is not in the contract')
    for name, kind in kinds.items():
        if name in fields and not kind(fields[name]):
            wrong.append(f'{what}: "{name}" cannot be {fields[name]!r}')
    return wrong


def check_step(step):
    name = step.get('step')
    if step.get('item') is not None:
        return check(f'item {name}[{step["item"]}]', step, STEP)
    if 'items' not in step:
        return check(f'step {name}', step, STEP)
    items = step['items']
    if not isinstance(items, dict):
        return [f'step {name}: "items" cannot be {items!r}']
    wrong = check(f'step {name}', step, STEP | {'items': lambda v: True})
    wrong += check(f'the items of {name}', items, ITEMS)
    if not wrong and sum(items.values()) != 2 * items['total']:
        wrong.append(f'the items of {name} do not add up: {items}')
    return wrong


def check_run(status):
    """what is wrong with it, and its entries by name"""
    wrong = check('the run', status, RUN)
    entries = {}
    for step in status['steps']:
        wrong += check_step(step)
        name, item = step['step'], step['item']
        if item is not None:
            # of two, when what is no text in them is all that differs
            name = f'{name}[{item}]'
        elif name in entries:
            wrong.append(f'there are two entries of {name}')
        entries[name] = step
    return wrong, entries


def find(status, entries, what):
    """the value of a field, by its name"""
    if what in entries:
        return 'an entry'
    if what.endswith(']'):
        return None
    step, dot, field = what.rpartition('.')
    if field == 'items':
        return entries[step].get('items')
    if step.endswith('.items') and step not in entries:
        return entries[step[:-len('.items')]]['items'][field]
    return (entries[step] if dot else status)[field]


def shown(value):
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return ' '.join(value)
    return json.dumps(value)


def fits(have, want):
    span = re.match(r'(-?\d+)\.\.(-?\d+)$', want)
    if span and TIME.match(have):
        at = datetime.datetime.fromisoformat(have.replace('Z', '+00:00'))
        now = datetime.datetime.now(datetime.timezone.utc)
        return int(span[1]) <= (at - now).total_seconds() <= int(span[2])
    if want == '?':
        return have != 'null'
    if want.startswith('~'):
        return re.search(want[1:], have) is not None
    return have == want


def main():
    lines = open(sys.argv[1], encoding='utf-8').read().splitlines()
    status = json.loads(lines[-1])
    wrong, entries = check_run(status)
    for word in sys.argv[2:]:
        what, value = WORD.match(word).groups()
        have = shown(find(status, entries, what))
        if not fits(have, value):
            wrong.append(f'{what} is {have}, expected {value}')
    for line in wrong:
        print(line)
    return 1 if wrong else 0


if __name__ == '__main__':
    sys.exit(main())
