# SPDX-License-Identifier: ISC
"""substeps.py FILE [WHAT=VALUE ...]

As contract.py, and besides for what the sub-steps of steps are:
STEP.subs=NAME STATE|NAME STATE...   the list, in its order ("": none)
STEP.subs.total=N (done, running)
"""
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..'))
import contract  # noqa: E402

SUBSTEPS = dict.fromkeys(('total', 'done', 'running'), contract.integer)
SUBSTEPS['list'] = lambda v: isinstance(v, list)
SUBSTEP = {
    'name': contract.text,
    # pending: begun, and neither done nor running
    'state': contract.one_of('running', 'done', 'pending'),
    'started': contract.time, 'ended': contract.time,
    'seconds': contract.maybe(contract.number),
}
LISTED = 20


def check_substeps(name, subs):
    wrong = contract.check(f'substeps of {name}', subs, SUBSTEPS)
    if wrong:
        return wrong
    for sub in subs['list']:
        wrong += contract.check(f'{name}/{sub.get("name")}', sub, SUBSTEP)
        if sub.get('state') == 'done' and sub.get('ended') is None:
            wrong.append(f'{name}/{sub["name"]} is done and never ended')
    if len(subs['list']) != min(subs['total'], LISTED):
        wrong.append(f'{name}: {len(subs["list"])} of {subs["total"]} listed')
    if subs['done'] + subs['running'] > subs['total']:
        wrong.append(f'{name}: they do not add up: {subs}')
    return wrong


def main():
    lines = open(sys.argv[1], encoding='utf-8').read().splitlines()
    status = json.loads(lines[-1])
    wrong, known = [], {}
    for step in status['steps']:
        name = step['step']
        if step['item'] is not None:
            name = f'{name}[{step["item"]}]'
        if 'substeps' in step:
            known[name] = step.pop('substeps')
            wrong += check_substeps(name, known[name])
    more, entries = contract.check_run(status)
    wrong += more
    for word in sys.argv[2:]:
        what, _, value = word.partition('=')
        step, dot, field = what.partition('.subs')
        if dot:
            none = {'total': 0, 'done': 0, 'running': 0, 'list': []}
            subs = known.get(step, none)
            have = '|'.join(f'{s["name"]} {s["state"]}' for s in subs['list'])
            if field:
                have = str(subs[field[1:]])
        else:
            what, value = contract.WORD.match(word).groups()
            have = contract.shown(contract.find(status, entries, what))
        if not (have == value if dot else contract.fits(have, value)):
            wrong.append(f'{what} is {have}, expected {value}')
    print('\n'.join(wrong))
    return 1 if wrong else 0


if __name__ == '__main__':
    sys.exit(main())
