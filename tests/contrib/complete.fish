#!/usr/bin/env fish
# SPDX-License-Identifier: ISC
#
# complete.fish COMPLETION < LINES: what fish offers at the end of each line, as
# "LINE -> WORD WORD ...".
source $argv[1]; or exit 2
while read -l line
    set -l words (complete -C "$line" | string replace -r '\t.*' '')
    echo "$line -> $words"
end
