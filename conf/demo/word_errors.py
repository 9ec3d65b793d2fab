# SPDX-License-Identifier: ISC
"""word_errors.py TEXT WORDS.ctm LIMIT

How much was misheard: the word error rate (wrong, missing and invented words
for each hundred spoken). More than LIMIT is a failure.
"""
import re
import sys

import words


def distance(spoken, heard):
    row = list(range(len(heard) + 1))
    for i, said in enumerate(spoken, 1):
        above, row = row, [i]
        for j, word in enumerate(heard, 1):
            row.append(min(above[j] + 1, row[j - 1] + 1,
                           above[j - 1] + (said != word)))
    return row[-1]


def main(text, ctm, limit):
    with open(text, encoding="utf-8") as file:
        spoken = re.findall(r"[a-z']+", file.read().lower())
    wrong = distance(spoken, [word.text for word in words.read(ctm)])
    rate = 100 * wrong / len(spoken)
    print(f"word error rate {rate:.1f} % ({wrong} of {len(spoken)} words)")
    if rate > float(limit):
        sys.exit(f"more than {limit} %: these subtitles help nobody")


main(*sys.argv[1:])
