# SPDX-License-Identifier: ISC
"""The state file from outside, by its description in src/record.h.

state.py check FILE    every line has its number and its checksum
state.py reboot FILE   as if the machine had been started anew since: another
                       boot in every `begin`, with right checksums
"""
import sys

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


def main():
    verb, path = sys.argv[1:3]
    with open(path, 'rb') as f:
        lines = f.read().split(b'\n')
    if lines.pop() != b'':
        sys.exit(f'{path} does not end in a newline')
    before, after, out = 0, 0, []
    for n, line in enumerate(lines, 1):
        body, crc = line[:-8], int(line[-8:], 16)
        words = body.split(b' ')
        if int(words[0]) != n:
            sys.exit(f'{path}:{n}: its number is {words[0]}')
        if seal(before, body) != crc:
            sys.exit(f'{path}:{n}: wrong checksum')
        before = crc
        if words[2] == b'begin':
            body = b' '.join(b'boot=00000000-0000-4000-8000-000000000000'
                             if w.startswith(b'boot=') else w for w in words)
        after = seal(after, body)
        out.append(body + b'%08x\n' % after)
    if verb == 'reboot':
        with open(path, 'wb') as f:
            f.writelines(out)


if __name__ == '__main__':
    main()
