# SPDX-License-Identifier: ISC
"""chapters.py WORDS.ctm SOUND.wav OUTDIR

Finds the chapters where somebody says "chapter two" and then a title, and
writes what the next steps need: metadata.json, chapters.ffmeta (for ffmpeg),
slides.txt (which slide for how long) and, for each slide, slide-N.head,
.title and .part.
"""
import collections
import json
import os
import sys
import wave

import words


def write(path, text):
    with open(path + ".tmp", "w", encoding="utf-8") as out:
        out.write(text)
    os.replace(path + ".tmp", path)


def find(heard):
    """[(start, title)]: the title of all of it at 0, then the chapters."""
    groups = list(words.sentences(heard))
    found = [(0.0, words.sentence(groups[0])[:-1])]
    for group, after in zip(groups, groups[1:]):
        if words.is_chapter(group):
            found.append((group[0].start, words.sentence(after)[:-1]))
    if len(found) == 1:
        sys.exit("no chapter was announced in what was heard")
    return found


def keywords(heard):
    count = collections.Counter(w.text for w in heard if len(w.text) > 3)
    for common in ("chapter", "when", "that", "with", "this", "such", "each",
                   *words.NUMBERS):
        del count[common]
    return [word for word, _ in count.most_common(6)]


def ffmeta(title, chapters):
    lines = [";FFMETADATA1", "title=" + title]
    for chapter in chapters:
        lines += ["[CHAPTER]", "TIMEBASE=1/1000",
                  f"START={round(chapter['start'] * 1000)}",
                  f"END={round(chapter['end'] * 1000)}",
                  "title=" + chapter["title"]]
    return "\n".join(lines) + "\n"


def main(ctm, sound, out):
    heard = words.read(ctm)
    with wave.open(sound) as file:
        seconds = file.getnframes() / file.getframerate()
    found = find(heard)
    ends = [start for start, _ in found[1:]] + [seconds]
    chapters = [{"title": title, "start": round(start, 2), "end": round(end, 2)}
                for (start, title), end in zip(found, ends)]
    title = chapters[0]["title"]

    concat = "ffconcat version 1.0\n"
    for n, chapter in enumerate(chapters):
        head = f"Chapter {n} of {len(chapters) - 1}" if n else "A short lesson"
        slide = os.path.join(out, f"slide-{n}")
        write(slide + ".head", head)
        write(slide + ".title", chapter["title"])
        write(slide + ".part", f"{(n + 1) / len(chapters):.3f}")
        concat += f"file slide-{n}.png\n"
        concat += f"duration {chapter['end'] - chapter['start']:.2f}\n"
    # ffmpeg takes the last picture's time only if the picture follows again
    concat += f"file slide-{len(chapters) - 1}.png\n"
    write(os.path.join(out, "slides.txt"), concat)
    write(os.path.join(out, "chapters.ffmeta"), ffmeta(title, chapters))
    write(os.path.join(out, "metadata.json"), json.dumps({
        "title": title,
        "description": " ".join(
            words.sentence(group)
            for group in list(words.sentences(heard))[1:]),
        "keywords": keywords(heard),
        "seconds": round(seconds, 2),
        "chapters": chapters,
    }, indent=2) + "\n")
    for chapter in chapters[1:]:
        print(f"{chapter['start']:6.2f} s  {chapter['title']}")


main(*sys.argv[1:])
