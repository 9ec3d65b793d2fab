#!/bin/sh
# SPDX-License-Identifier: ISC
# layers.sh: compare the includes of src/ with layers.txt beside this file.
# Says what is wrong, a line each, and exits non-zero if anything is.
set -u
here=$(dirname "$0")
cd "${1:-$here/../src}" || exit 2
case $here in
/*) rules=$here/layers.txt ;;
*) rules=$OLDPWD/$here/layers.txt ;;
esac

# The rules, then every file without comments and the contents of strings,
# each line with its file's name and its number in front.
{
	sed 's/^/@rules:/' "$rules"
	awk '
	function emit(text) { print FILENAME ":" FNR ":" text }
	FNR == 1 { comment = 0 }
	/^[ \t]*#[ \t]*include/ && !comment { emit($0); next }
	{
		out = ""
		n = length($0)
		for (i = 1; i <= n; i++) {
			c = substr($0, i, 1)
			two = substr($0, i, 2)
			if (comment) {
				if (two == "*/") { comment = 0; i++ }
			} else if (quote != "") {
				if (c == "\\") i++
				else if (c == quote) { quote = ""; out = out c }
			} else if (two == "/*") {
				comment = 1; i++; out = out " "
			} else if (two == "//") {
				break
			} else {
				if (c == "\"" || c == "\047") quote = c
				out = out c
			}
		}
		quote = ""
		emit(out)
	}' *.c *.h
} | awk '
function wrong(text) { print "layers: " text; bad = 1 }

# ---- the rules
/^@rules:(#|[ \t]*$)/ { next }
/^@rules:layer / { layer = substr($0, 14); next }
/^@rules:only / {
	line = substr($0, 13)
	at = match(line, /: [a-z_ ]+$/)
	nonly++
	pattern[nonly] = substr(line, 1, at - 1)
	m = split(substr(line, at + 2), word, " ")
	for (i = 1; i <= m; i++)
		may[nonly, word[i]] = 1
	holders[nonly] = substr(line, at + 2)
	next
}
/^@rules:/ {
	line = substr($0, 8)
	at = index(line, ":")
	group = substr(line, 1, at - 1)
	m = split(group, word, "+")
	for (i = 1; i <= m; i++) {
		if (word[i] in module && module[word[i]] != group)
			wrong(word[i] " stands in layers.txt twice")
		module[word[i]] = group
		layers[word[i]] = layer
	}
	m = split(substr(line, at + 1), word, " ")
	for (i = 1; i <= m; i++) {
		if (!(word[i] in module) || module[word[i]] == group)
			wrong(group " may not be allowed " word[i] \
				", which does not stand above it")
		if ((group, word[i]) in allowed)
			wrong(group ": " word[i] " is allowed twice")
		allowed[group, word[i]] = 1
	}
	next
}

# ---- the code
{
	at = index($0, ":")
	file = substr($0, 1, at - 1)
	rest = substr($0, at + 1)
	at = index(rest, ":")
	line = substr(rest, 1, at - 1)
	text = substr(rest, at + 1)
	name = file
	sub(/\.[ch]$/, "", name)
	if (!(name in seen)) {
		seen[name] = 1
		if (!(name in module)) {
			wrong(file " does not stand in layers.txt")
			module[name] = name
		}
	}
}
text ~ /^[ \t]*#[ \t]*include[ \t]*"/ {
	other = text
	sub(/^[^"]*"/, "", other)
	sub(/\.h".*/, "", other)
	from = module[name]
	if (other == name || module[other] == from) {
		if (file ~ /\.c$/ && !(name in first))
			first[name] = other
		next
	}
	if (file ~ /\.c$/ && !(name in first))
		first[name] = other
	if (!((from, other) in allowed))
		wrong(file ":" line ": " name " (" layers[name] \
			") may not include " other " (" layers[other] ")")
	used[from, other] = 1
	next
}
{
	for (i = 1; i <= nonly; i++) {
		if (pattern[i] ~ /^include /)
			found = index(text, "#" pattern[i])
		else
			found = text ~ ("(^|[^A-Za-z0-9_.>])(" pattern[i] \
				")[ \t]*\\(")
		if (!found)
			continue
		held[i, name] = 1
		if (!((i, name) in may))
			wrong(file ":" line ": only " holders[i] \
				" may say this: " text)
	}
}

END {
	for (name in module)
		if (!(name in seen))
			wrong(name " stands in layers.txt and not in src/")
	for (key in allowed)
		if (!(key in used)) {
			split(key, word, SUBSEP)
			wrong(word[1] " does not include " word[2] \
				" (any more): take it out of layers.txt")
		}
	for (key in may)
		if (!(key in held)) {
			split(key, word, SUBSEP)
			wrong("only " pattern[word[1]] ": " word[2] \
				" does not say it (any more)")
		}
	exit bad
}'
