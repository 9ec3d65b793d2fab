# SPDX-License-Identifier: ISC
"""The state file from outside, by its description in src/record.h.

state.py check FILE    every line has its number and its checksum
state.py reboot FILE   as if the machine had been started anew since: another
                       boot in every `begin`, with right checksums
state.py due FILE S    as if so much time had passed that what is waited for
                       comes in S seconds: every time in it is moved
state.py waits FILE STEP
                       how many seconds after each of its attempts the next one
                       was to begin; none may have begun earlier
"""
import datetime
import re
import sys
import time

UNTIL = re.compile(rb' until=(\d+)')

TABLE = []
for i in range(256):
    for _ in range(8):
        i = i >> 1 ^ 0x82f63b78 if i & 1 else i >> 1
    TABLE.append(i)


def crc32c(data):
    crc = 0xffffffff
    for byte in data:
        crc = crc >> 8 ^ TABLE[(crc ^ byte) & 0xff]
    return crc ^ 0xffffffff


def seal(before, body):
    return crc32c(before.to_bytes(4, 'little') + body)


def instant(text):
    """ms since the epoch, of RFC 3339"""
    at = datetime.datetime.fromisoformat(text.decode().replace('Z', '+00:00'))
    return round(at.timestamp() * 1000)


def rfc3339(ms):
    at = datetime.datetime.fromtimestamp(ms // 1000, datetime.timezone.utc)
    return f'{at:%Y-%m-%dT%H:%M:%S}.{ms % 1000:03}Z'.encode()


def moved(body, ms):
    words = body.split(b' ')
    words[1] = rfc3339(instant(words[1]) + ms)
    return UNTIL.sub(lambda m: b' until=%d' % (int(m[1]) + ms),
                     b' '.join(words))


def by_how_much(lines, seconds):
    """what makes the latest time waited for come in so many seconds"""
    until = [int(m[1]) for m in map(UNTIL.search, lines) if m]
    if not until:
        sys.exit('nothing is waited for')
    return round(time.time() * 1000 + seconds * 1000) - max(until)


def waits(lines, step):
    until, shown = 0, []
    for line in lines:
        words = line.split(b' ')
        if b'step=' + step.encode() not in words:
            continue
        found = UNTIL.search(line)
        if words[2] == b'start' and instant(words[1]) < until:
            sys.exit(f'begun {until - instant(words[1])} ms too early')
        if words[2] in (b'start', b'set'):
            until = 0
        elif found:
            until = int(found[1])
            shown.append(f'{(until - instant(words[1])) / 1000:.2f}')
    print(*shown)


def main():
    verb, path = sys.argv[1:3]
    with open(path, 'rb') as f:
        lines = f.read().split(b'\n')
    if lines.pop() != b'':
        sys.exit(f'{path} does not end in a newline')
    before, after, out = 0, 0, []
    ms = by_how_much(lines, float(sys.argv[3])) if verb == 'due' else 0
    for n, line in enumerate(lines, 1):
        body, crc = line[:-8], int(line[-8:], 16)
        words = body.split(b' ')
        if int(words[0]) != n:
            sys.exit(f'{path}:{n}: its number is {words[0]}')
        if seal(before, body) != crc:
            sys.exit(f'{path}:{n}: wrong checksum')
        before = crc
        if verb == 'due':
            body = moved(body, ms)
        elif words[2] == b'begin':
            body = b' '.join(b'boot=00000000-0000-4000-8000-000000000000'
                             if w.startswith(b'boot=') else w for w in words)
        after = seal(after, body)
        out.append(body + b'%08x\n' % after)
    if verb == 'waits':
        waits(lines, sys.argv[3])
    if verb in ('reboot', 'due'):
        with open(path, 'wb') as f:
            f.writelines(out)


if __name__ == '__main__':
    main()
