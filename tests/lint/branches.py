#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""branches.py BUILD_DIR: what gcov counted there.

For each file of src/ the lines executed and the branches taken at least once
(gcov's "Taken at least once", over all ways out of all conditions). The
modules of MUST have to have 95 % of their branches taken, or each that was
not must stand in branches.txt, with its reason; those that do not are printed.
The way out of an assertion that does not hold is no branch to be taken: lines
that begin with assert( are left out.
Last, "ok NAME" or "not ok NAME" for each of them.

branches.txt: a line "FILE.c: TEXT", TEXT being the whole source line without
the blanks around it, and below it, indented, why a branch of it is not taken.
"""
import glob
import json
import os
import subprocess
import sys

MUST = ("record", "journal", "state", "plan", "judge", "inifile")
ENOUGH = 95.0


def counted(build):
    """gcov's account of each source file, by its name."""
    found = {}
    for data in sorted(glob.glob(build + "/*.gcno")):
        said = subprocess.run(
            ["gcov", "--json-format", "--stdout", "-b", data],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
        for text in said.stdout.decode().splitlines():
            for file in json.loads(text)["files"]:
                name = file["file"]
                if os.path.dirname(name) == "src" and name.endswith(".c"):
                    found[os.path.basename(name)] = file["lines"]
    return found


def explanations(path):
    """{(file, text): reason}"""
    reasons, key = {}, None
    with open(path, encoding="utf-8") as file:
        for line in file:
            if line.startswith("#") or not line.strip():
                continue
            if line[0] in " \t":
                reasons[key] = (reasons[key] + " " + line.strip()).strip()
            else:
                name, text = line.rstrip("\n").split(": ", 1)
                key = name, text.strip()
                reasons[key] = ""
    return reasons


def percent(part, whole):
    return 100.0 * part / whole if whole else 100.0


def main():
    build = sys.argv[1]
    here = os.path.dirname(os.path.abspath(__file__))
    reasons = explanations(os.path.join(here, "branches.txt"))
    bad = {}
    total = [0, 0, 0, 0]
    found = counted(build)

    for name, text in reasons:
        with open("src/" + name, encoding="utf-8") as file:
            if text not in [line.strip() for line in file]:
                bad.setdefault(name[:-2], []).append(
                    "branches.txt: no such line any more: " + text)
        if not reasons[name, text]:
            bad.setdefault(name[:-2], []).append(
                "branches.txt: no reason: " + text)
    print("  %-18s %-20s %s" % ("", "lines executed", "branches taken"))
    for name, lines in sorted(found.items()):
        with open("src/" + name, encoding="utf-8") as file:
            source = [line.strip() for line in file]
        for line in lines:
            if source[line["line_number"] - 1].startswith("assert("):
                line["branches"] = []
        branches = [b for l in lines for b in l["branches"]]
        sums = (sum(l["count"] > 0 for l in lines), len(lines),
                sum(b["count"] > 0 for b in branches), len(branches))
        total = [a + b for a, b in zip(total, sums)]
        print("  %-18s %6.2f %% of %-6d  %6.2f %% of %d" % (
            name, percent(*sums[:2]), sums[1], percent(*sums[2:]), sums[3]))
        if name[:-2] not in MUST or percent(*sums[2:]) >= ENOUGH:
            continue
        for line in lines:
            text = source[line["line_number"] - 1]
            never = sum(b["count"] == 0 for b in line["branches"])
            if never and (name, text) not in reasons:
                bad.setdefault(name[:-2], []).append(
                    "src/%s:%d: %d of %d branches never taken: %s" % (
                        name, line["line_number"], never,
                        len(line["branches"]), text))
    print("  %-18s %6.2f %% of %-6d  %6.2f %% of %d" % (
        "all", percent(*total[:2]), total[1], percent(*total[2:]), total[3]))
    for name in MUST:
        if name + ".c" not in found:
            bad.setdefault(name, []).append("gcov knows nothing of it")
        for text in bad.get(name, []):
            print("  " + text)
    for name in MUST:
        print(("not ok " if name in bad else "ok ") + "branches of " + name)
    return 1 if bad else 0


sys.exit(main())
