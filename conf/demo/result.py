# SPDX-License-Identifier: ISC
"""result.py OUTDIR: says what was made, and how to look at it."""
import json
import os
import shlex
import sys


def read(*path):
    with open(os.path.join(*path), encoding="utf-8") as file:
        return file.read()


def main(out):
    made = json.loads(read(out, "metadata.json"))
    print(f"\"{made['title']}\", {made['seconds']:.0f} seconds; "
          + read(out, "word-errors.txt").strip())
    for chapter in made["chapters"]:
        start = int(chapter["start"])
        print(f"  {start // 60}:{start % 60:02d}  {chapter['title']}")
    print()
    for name, what in (("lesson.mp4", "the video, with subtitles and chapters"),
                       ("lesson.srt", "the subtitles"),
                       ("thumbnail.jpg", "the thumbnail"),
                       ("metadata.json", "title, description, chapters")):
        size = os.path.getsize(os.path.join(out, name))
        print(f"  {name:14} {size / 1024:5.0f} KiB  {what}")
    print("\nuploaded, and the same when read back:")
    print("".join("  " + line
                  for line in read(out, "uploaded.txt").splitlines(True)))
    print("look at it:")
    video = shlex.quote(os.path.join(os.path.abspath(out), "lesson.mp4"))
    print(f"  ffplay {video}        (or mpv, vlc, a browser)")


main(*sys.argv[1:])
