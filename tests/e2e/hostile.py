# SPDX-License-Identifier: ISC
"""Names that a shell, a path, a terminal, a pattern, a format, an option, the
INI or the state file could take for something else: NAMES, bytes, 200 and more.

hostile.py lines        those of one line, one a line
hostile.py items        those that a list of items can have: none is blank
hostile.py all          all, each with a NUL behind it
hostile.py check FILE   no byte of it does anything in a terminal but what
                        durexec itself draws with
"""
import re
import sys
import unicodedata

# What they would run, were they run: programs of these names are first in
# PATH, and leave a mark.
COMMANDS = ('reboot', 'id', 'touch X')
WORDS = r'''
-rf
--
-
--help
--version
-n
-C/
--state-dir=/
--resume
-j9
--=
../../etc/passwd
../../../../../../../../etc/passwd
..
.
/
//
/etc/passwd
/dev/null
/proc/self/environ
a/../../b
./a
a/
a/b
/a
...
.hidden
..ini
~
~root
~/x
*
?
**
[a]
[a-z]*
[!a]
[]
]
[
{a,b}
{}
{1..9}
a*b
!
!!
!touch
^x^y
%
%s
%n
%s%n%n%n
%d %x %p
%1$s
%2F
%00
%%
%0a
\
\\
\n
\x41
\033[31m
back\slash
\$HOME
\"
\'
'
"
`
''
""
'"'"'
it's
"dq"
'$(reboot)'
"$(reboot)"
"; reboot; "
'; reboot; '
') || reboot #
$
$$
$0
$@
$*
$#
$?
$!
$1
$IFS
${IFS}
$HOME
${HOME}
$PATH
${HOME:-x}
${HOME
$DUREXEC_KEY
${DUREXEC_KEY}
${ITEM}
$ITEM
${ITEM_NAME}
${NOSUCH}
$${ITEM}
$(
$()
$((1+1))
$(<in)
<(id)
;
;;
&
&&
|
||
>
<
>>
<<EOF
>X
>|X
2>&1
&>X
#
#x
;x
a#b
a;b
=
==
a=b
=b
a=
A=$(id)
PATH=/tmp
LD_PRELOAD=x.so
,
a,b
:
a:b
a b
a  b
 lead
trail 
  both  
( reboot )
{ reboot; }
if reboot; then
done
null
nil
true
0
-1
1e9
99999999999999999999
NaN
{"a":1}
<b>x</b>
&amp;
'--
' OR 1=1
step
[step b]
run = reboot
gen[a]
gen/a
x].state=done
step:gen
state
state.new
keeper.0
lock
latest
pipeline.ini
log
sock
a.1.out
e.1.err
con
NUL
a.
a..
.a
a.ini
@
a@b=c
+
-+-
_
Ünïcödé
ｗｉｄｅ
日本語
🙂
👩‍👩‍👧‍👦
עברית
العربية
ﷺ
İstanbul
ı
'''
BYTES = [
    b'\t', b'\ttab', b'tab\there', b'a\t', b'\r', b'cr\r', b'a\rb', b'\x7f',
    b'\x01\x02\x1f', b'back\x08\x08', b'\x07bell', b'\x0b\x0c', b'\x0e\x0f',
    b'\x1b', b'\x1bc', b'\x1b[31mred\x1b[0m', b'\x1b[2J\x1b[H', b'\x1b[6n',
    b'\x1b]0;title\x07', b'\x1b]2;title\x1b\\', b'\x1b[?1049h', b'\x1b[8m',
    b'\x1b]8;;http://x.invalid/\x1b\\link\x1b]8;;\x1b\\',
    b'\x1b]52;c;cmVib290Cg==\x07', b'\x1bP$q"p\x1b\\', b'\x1b_x\x1b\\',
    b'\x1b^x\x1b\\', b'\x1bX', b'\x1b(0', b'\x1b#8', b'\x1b[',
    b'\xc2\x9b31m', b'\xc2\x9d0;t\xc2\x9c', b'\xc2\x90x', b'\xc2\x85',
    b'\x9b31m', b'\x9d0;title\x9c', b'\x90x\x9c', b'\xc2\xa0', b'\xc2\xad',
    'x\u202egnp.exe'.encode(), 'a\u202ab\u202bc\u202cd\u202de'.encode(),
    '\u2066a\u2067b\u2068c\u2069'.encode(), '\u200e\u200f\u061c'.encode(),
    '\u2028line'.encode(), '\u2029para'.encode(), '\ufeffbom'.encode(),
    'zero\u200bwidth'.encode(), '\u0301'.encode(), 'e\u0301'.encode(),
    '\u00e9'.encode(), b'\xff', b'\xff\xfe', b'caf\xe9', b'\xc3', b'\xe2\x80',
    b'\xed\xa0\x80', b'\xf5\x80\x80\x80', b'\xc0\x80', b'\xc0\xaf', b'\xfe',
    b'\xe0\x80\xaf', b'\xf0\x9f\x99', b'\x80', b'a\xffb', b'\xef\xbf\xbf',
]
LONG = [
    b'x' * 4096, b'x' * 4095 + b'y', b'/' * 4096, b'\xff' * 4096, b'../' * 1365,
    b'$(reboot)' * 455, b'%s%n' * 1024, b'"' * 4096, b"'" * 4095, b' ' * 9 +
    b'z' * 4000, b'\x1b[31m' * 800, '\u202e'.encode() * 1300, b'a' * 255,
    b'a' * 256, b'=' * 300, b'\\' * 4095,
]
# not among the lines
SEVERAL = [b'a\nb', b'\n', b'\nreboot\n', b'a\n[step b]\nrun = reboot',
           b'a\r\nb', b'x\n\n', b'; reboot\n', b'']

RUN = [form % command for command in COMMANDS for form in (
    '$(%s)', '`%s`', '; %s', '| %s', '&& %s', '& %s', '|| %s', "'; %s #",
    '"; %s #', '$(%s', '%s', '\\`%s\\`', '${x:-$(%s)}', '>(%s)')]
LINES = [line.encode() for line in WORDS.split('\n')[1:-1] + RUN] + BYTES + LONG
NAMES = LINES + SEVERAL
assert len(set(NAMES)) == len(NAMES) > 200

# colours, and what a painted line is wiped with
OWN = re.compile(r'\x1b\[[0-9;]*m|\r\x1b\[K|\r$')
BIDI = ('RLO', 'LRO', 'RLE', 'LRE', 'PDF', 'RLI', 'LRI', 'FSI', 'PDI')


def harm(data):
    """what of it could do something in a terminal; '': nothing"""
    try:
        text = data.decode()
    except UnicodeDecodeError as e:
        return str(e)
    for n, line in enumerate(text.split('\n'), 1):
        for c in OWN.sub('', line):
            if c != '\t' and (unicodedata.category(c) in ('Cc', 'Zl', 'Zp',
                              'Cs') or unicodedata.bidirectional(c) in BIDI or
                              c in '\u200e\u200f\u061c\ufeff'):
                return f'line {n}: {c!r} in {line[:100]!r}'
    return ''


def main():
    if sys.argv[1] == 'items':
        sys.stdout.buffer.write(b''.join(n + b'\n' for n in LINES
                                         if n.strip(b' \t\r\v\f')))
    elif sys.argv[1] == 'lines':
        sys.stdout.buffer.write(b''.join(n + b'\n' for n in LINES))
    elif sys.argv[1] == 'all':
        sys.stdout.buffer.write(b''.join(n + b'\0' for n in NAMES))
    else:
        bad = {name: harm(open(name, 'rb').read()) for name in sys.argv[2:]}
        print(*(f'{n}: {h}' for n, h in bad.items() if h), sep='\n')
        sys.exit(any(bad.values()))


if __name__ == '__main__':
    main()
