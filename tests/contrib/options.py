#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""options.py DUREXEC SOURCES: the options of each command, as the program itself
takes them: "COMMAND OPTION", one a line; "start" is a pipeline file. It is called
with each option that the sources know, in an empty directory, where there is
nothing to start."""
import re
import subprocess
import sys

VALUES = {"--jobs": "1", "-j": "1", "--attempt": "1", "--keep": "1",
          "--timeout": "1s", "--progress": "auto", "--color": "auto",
          "-C": ".", "--directory": "."}
REFUSED = ("does not go with", "not supported yet", "to go on: ")


def source(name):
    with open(f"{sys.argv[2]}/{name}", encoding="utf-8") as file:
        return file.read()


def known(name):
    """Options that a source has: its table, and the letters for getopt."""
    text = source(name)
    long = re.findall(r'^\t\{ (?:\{ )?"([a-z-]+)", [a-z]+_argument', text, re.M)
    letters = re.search(r'getopt_long\(argc, argv, "\+?:([a-zA-Z:]+)"', text)
    return {f"--{name}" for name in long} | {
        f"-{letter}" for letter in letters[1].replace(":", "")}


def said(*words):
    return subprocess.run([sys.argv[1], *words], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          close_fds=False, check=False).stdout.decode()


def main():
    verbs = re.search(r"\} verbs\[\] = \{(.*?)\};", source("options.c"), re.S)[1]
    keys = re.search(r"step_keys\[\] = \{(.*?)\n\};", source("keys.c"), re.S)[1]
    keys = {"--" + key.rstrip(".").replace("_", "-")
            for key in re.findall(r'\{ "([a-z_.]+)"', keys)}
    for command in ["start", *re.findall(r'\{ "([a-z]+)"', verbs)]:
        for option in known("options.c"):
            words = [option, VALUES.get(option, "x")]
            words = (words + ["none.ini"] if command == "start"
                     else [command] + words)
            answer = said(*words)
            if not any(text in answer for text in REFUSED):
                print(command, option)
    for command in ["exec", "step"]:
        for option in known(command + ".c") | keys:
            # what takes a word takes this one, and then a command is missing
            answer = said(command, option, "--no-such")
            if f"there is no option {option};" not in answer:
                print(command, option)


main()
