# SPDX-License-Identifier: ISC
"""language_model.py TEXT DICTIONARY OUTDIR

A language model of the text's own words for pocketsphinx: OUTDIR/lesson.lm
(trigrams with Witten-Bell smoothing, in the ARPA format) and
OUTDIR/lesson.dict (their pronunciations, out of the large dictionary).
"""
import collections
import math
import os
import re
import sys


def write(path, lines):
    with open(path + ".tmp", "w", encoding="utf-8") as out:
        out.writelines(line + "\n" for line in lines)
    os.replace(path + ".tmp", path)


def pronunciations(words, dictionary):
    found, lines = set(), []
    with open(dictionary, encoding="utf-8") as entries:
        for entry in entries:
            word = entry.split(None, 1)[0].split("(")[0]
            if word in words:
                found.add(word)
                lines.append(entry.rstrip("\n"))
    if words - found:
        sys.exit("not in the dictionary: " + " ".join(sorted(words - found)))
    return lines


def arpa(sentences):
    counts = [None] + [collections.Counter() for _ in range(3)]
    for words in sentences:
        marked = ["<s>"] + words + ["</s>"]
        for n in (1, 2, 3):
            for i in range(len(marked) - n + 1):
                counts[n][tuple(marked[i:i + n])] += 1

    total = collections.Counter()               # how often a history occurs
    kinds = collections.Counter()               # how many words follow it
    for n in (1, 2, 3):
        for gram, count in counts[n].items():
            if gram != ("<s>",):
                total[gram[:-1]] += count
                kinds[gram[:-1]] += 1

    def probability(gram):
        if not gram:
            return 1 / kinds[()]
        shorter, history = probability(gram[1:]), gram[:-1]
        if not kinds[history]:
            return shorter
        return ((counts[len(gram)][gram] + kinds[history] * shorter)
                / (total[history] + kinds[history]))

    def backoff(gram):
        if not kinds[gram]:
            return 0.0
        return math.log10(kinds[gram] / (total[gram] + kinds[gram]))

    yield "\\data\\"
    for n in (1, 2, 3):
        yield f"ngram {n}={len(counts[n])}"
    for n in (1, 2, 3):
        yield f"\n\\{n}-grams:"
        for gram in sorted(counts[n]):
            # <s> is where a sentence begins: nobody ever says it
            log = -99 if gram == ("<s>",) else math.log10(probability(gram))
            tail = f"\t{backoff(gram):.4f}" if n < 3 else ""
            yield f"{log:.4f}\t{' '.join(gram)}{tail}"
    yield "\n\\end\\"


def main(text, dictionary, out):
    with open(text, encoding="utf-8") as file:
        sentences = [re.findall(r"[a-z']+", part.lower())
                     for part in re.split(r"[.!?]", file.read())]
    sentences = [words for words in sentences if words]
    whole = sum(sentences, [])
    if not whole:
        sys.exit(f"{text}: no words")
    write(os.path.join(out, "lesson.dict"),
          pronunciations(set(whole), dictionary))
    # the sentences, and all of it as one: it is read in one go
    write(os.path.join(out, "lesson.lm"), arpa([whole] + sentences))
    print(f"{len(whole)} words, {len(set(whole))} of them different")


main(*sys.argv[1:])
