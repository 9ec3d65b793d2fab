# SPDX-License-Identifier: ISC
"""subtitles.py WORDS.ctm OUT.srt: subtitles with the times of the words."""
import os
import sys
import textwrap

import words

WIDTH, LINES = 42, 2


def clock(seconds):
    ms = round(seconds * 1000)
    return "%02d:%02d:%02d,%03d" % (ms // 3600000, ms // 60000 % 60,
                                    ms // 1000 % 60, ms % 1000)


def cues(heard):
    """(start, end, text) of each subtitle: a sentence, or a part of one that
    fits into two lines, cut where somebody took a breath if possible."""
    for group in words.sentences(heard):
        text = words.sentence(group).split()
        while group:
            n = len(group)
            while n > 1 and len(textwrap.wrap(" ".join(text[:n]),
                                              WIDTH)) > LINES:
                n -= 1
            if n < len(group):
                commas = [i + 1 for i in range(n) if text[i].endswith(",")]
                n = commas[-1] if commas else n
            yield (group[0].start, group[n - 1].end,
                   "\n".join(textwrap.wrap(" ".join(text[:n]), WIDTH)))
            group, text = group[n:], text[n:]


def main(ctm, srt):
    shown = list(cues(words.read(ctm)))
    with open(srt + ".tmp", "w", encoding="utf-8") as out:
        for number, (start, end, text) in enumerate(shown, 1):
            # stays a moment longer than it is spoken, but never into the next
            end = min([end + 0.3] + [s for s, _, _ in shown[number:]][:1])
            out.write(f"{number}\n{clock(start)} --> {clock(end)}\n{text}\n\n")
    os.replace(srt + ".tmp", srt)
    print(f"{len(shown)} subtitles")


main(*sys.argv[1:])
