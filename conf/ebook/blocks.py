# SPDX-License-Identifier: ISC
"""blocks.py DIRECTORY: the code of a chapter, as files in this directory.

pandoc.json      the chapter, as pandoc -t json has read it: is there before
title.txt        its headings of level 1, a line each
01.py, 02.sh …   its blocks of python and bash, in their order
02.expected      what block 02 prints, as it says in a block of "output"
"""
import json
import pathlib
import sys

SUFFIX = {"python": "py", "bash": "sh"}


def find(node, kinds):
    """what there is of these kinds, in lists and quotations as well"""
    if isinstance(node, dict):
        if node["t"] in kinds:
            yield node["t"], node.get("c")
        else:
            yield from find(node.get("c"), kinds)
    elif isinstance(node, list):
        for each in node:
            yield from find(each, kinds)


def text(inlines):
    return "".join(c if kind == "Str" else c[1] if kind == "Code" else " "
                   for kind, c in find(inlines, ("Str", "Code", "Space",
                                                 "SoftBreak")))


directory = pathlib.Path(sys.argv[1])
chapter = json.loads((directory / "pandoc.json").read_text())
titles, n, block = "", 0, None
for kind, content in find(chapter["blocks"], ("Header", "CodeBlock")):
    if kind == "Header":
        if content[0] == 1:
            titles += text(content[2]) + "\n"
        continue
    (_, classes, _), code = content
    name = classes[0] if classes else ""
    if name in SUFFIX:
        n += 1
        block = directory / f"{n:02}.{SUFFIX[name]}"
        block.write_text(code + "\n")
    elif name == "output":
        if block is None:
            sys.exit(f"this follows no block of code:\n{code}")
        block.with_suffix(".expected").write_text(code + "\n")
        block = None
(directory / "title.txt").write_text(titles)
