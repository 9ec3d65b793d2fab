# SPDX-License-Identifier: ISC
"""look.py VIDEO METADATA.json: is the video what it should be?"""
import json
import subprocess
import sys


def main(video, metadata):
    with open(metadata, encoding="utf-8") as file:
        want = json.load(file)
    have = json.loads(subprocess.run(
        ["ffprobe", "-v", "error", "-of", "json", "-show_format",
         "-show_streams", "-show_chapters", video],
        check=True, stdout=subprocess.PIPE).stdout)

    wrong = []
    kinds = sorted(s["codec_name"] for s in have["streams"]
                   if s.get("codec_name") != "bin_data")
    if kinds != ["aac", "h264", "mov_text"]:
        wrong.append(f"streams are {kinds}")
    seconds = float(have["format"]["duration"])
    if abs(seconds - want["seconds"]) > 0.5:
        wrong.append(f"{seconds} s long, the speech {want['seconds']} s")
    titles = [c["tags"]["title"] for c in have["chapters"]]
    if titles != [c["title"] for c in want["chapters"]]:
        wrong.append(f"chapters are {titles}")
    if wrong:
        sys.exit(f"{video}: " + "; ".join(wrong))
    print(f"{seconds:.1f} s, {len(titles)} chapters, {' '.join(kinds)}")


main(*sys.argv[1:])
