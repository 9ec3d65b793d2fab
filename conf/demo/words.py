# SPDX-License-Identifier: ISC
"""What pocketsphinx heard, for the other scripts of the demo."""

# A pause as long as this ends a sentence; a shorter one is a comma.
SENTENCE_PAUSE = 0.33
PHRASE_PAUSE = 0.20

NUMBERS = "one two three four five six seven eight nine ten".split()


class Word:
    def __init__(self, text, start, end):
        self.text, self.start, self.end = text, start, end


def read(path):
    """The words of a CTM file: 'file channel start duration word score'."""
    words = []
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            _, _, start, duration, text = line.split()[:5]
            # "the(2)" is the second pronunciation of "the"
            words.append(Word(text.split("(")[0], float(start),
                              float(start) + float(duration)))
    if not words:
        raise SystemExit(f"{path}: nothing was heard")
    return words


def split(words, pause):
    """The words in groups, apart where somebody took a breath."""
    groups = [[words[0]]]
    for before, word in zip(words, words[1:]):
        if word.start - before.end >= pause:
            groups.append([])
        groups[-1].append(word)
    return groups


def is_chapter(words):
    """Does somebody announce a chapter? ("chapter two")"""
    said = [word.text for word in words]
    return len(said) == 2 and said[0] == "chapter" and said[1] in NUMBERS


def sentences(words):
    """The words in sentences; "chapter two" is one, breath or not."""
    for group in split(words, SENTENCE_PAUSE):
        if len(group) > 2 and is_chapter(group[:2]):
            yield group[:2]
            group = group[2:]
        yield group


def sentence(words):
    """A readable sentence: a capital, commas at short pauses, a full stop."""
    phrases = [" ".join(w.text for w in group)
               for group in split(words, PHRASE_PAUSE)]
    text = ", ".join(phrases)
    return text[:1].upper() + text[1:] + "."
