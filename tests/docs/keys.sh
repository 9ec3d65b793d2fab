#!/bin/sh
# SPDX-License-Identifier: ISC
#
# keys.sh: what the code knows and what is written about it are the same: keys
# (src/keys.c, src/durexec.ini.5, README.md, conf/example.ini), options and
# verbs (src/options.c, src/durexec.1, README.md). TAP on stdout; the exit
# status is 0 when every line is "ok".
# Backquotes here are Markdown's.
# shellcheck disable=SC2016
set -u
LC_ALL=C
export LC_ALL
cd "$(dirname "$0")/../.." || exit 2

tests=0
failed=0
tmp=$(mktemp -d) || exit 2
trap 'rm -rf "$tmp"' EXIT

# report NAME FILE: ok when FILE is empty; else its lines say what is wrong
report() {
	tests=$((tests + 1))
	if [ -s "$2" ]; then
		failed=$((failed + 1))
		echo "not ok $tests - $1"
		sed 's/^/# /' "$2"
	else
		echo "ok $tests - $1"
	fi
}

# missing NAME WANTED HAVE WHERE: each line of WANTED is one of HAVE
missing() {
	sort -u "$2" >"$tmp/wanted"
	sort -u "$3" >"$tmp/have"
	comm -23 "$tmp/wanted" "$tmp/have" | sed "s|\$|: $4|" >"$tmp/missing"
	report "$1" "$tmp/missing"
}

# between FROM TO FILE: the lines from one that begins with FROM up to, and
# without, the next one that begins with TO
between() {
	awk -v from="$1" -v to="$2" '
		!on && index($0, from) == 1 { on = 1; print; next }
		on && index($0, to) == 1 { exit }
		on' "$3"
}

# --- what the code has ---------------------------------------------------

# the tables of keys.c
for section in pipeline step pool; do
	between "static const struct key ${section}_keys[]" "};" src/keys.c |
		sed -n 's/^	{ "\([^"]*\)", .*/\1/p' >"$tmp/$section.keys"
done

# "NAME VALUE" of the options; a wrapped entry still has both in one line
sed -n 's/^	{ { "\([^"]*\)", [a-z_]*, NULL, \([^ ]*\) }.*/\1 \2/p' \
	src/options.c >"$tmp/options"
awk '$2 != "OPT_LATER" && $2 != "OPT_HINT" { print $1 }' "$tmp/options" \
	>"$tmp/options.now"
# those of exec and step have tables of their own
sed -n 's/^	{ "\([a-z-]*\)", [a-z]*_argument, NULL, .*/\1/p' \
	src/exec.c src/step.c | grep -vx command >"$tmp/options.calls"
cat "$tmp/options.calls" >>"$tmp/options.now"
awk '$2 == "OPT_LATER" { print $1 }' "$tmp/options" >"$tmp/options.later"
awk '$2 != "OPT_HINT" { print $1 }' "$tmp/options" >"$tmp/options.all"
# and they take keys of a step
cat "$tmp/options.calls" >>"$tmp/options.all"
sed 's/\.$//; s/_/-/g' "$tmp/step.keys" >>"$tmp/options.all"
sed -n "s/.* '\(.\)'\$/\1/p" "$tmp/options" >"$tmp/options.short"
sed -n "s/^	{ \"[a-z-]*\", [a-z]*_argument, NULL, '\(.\)' .*/\1/p" \
	src/exec.c src/step.c >>"$tmp/options.short"

between '} verbs[] =' '};' src/options.c |
	grep -o '{ "[a-z]*"' | sed 's/.*"\(.*\)"/\1/' >"$tmp/verbs"
between 'static const char *const later_verbs[]' '};' src/options.c |
	grep -o '"[a-z]*"' | tr -d '"' >"$tmp/verbs.later"

# A table that cannot be read would make everything below pass.
: >"$tmp/empty"
for list in pipeline.keys step.keys pool.keys options.now options.short \
	options.calls verbs
do
	[ -s "$tmp/$list" ] || echo "nothing found: $list" >>"$tmp/empty"
done
report "the tables in src/keys.c and src/options.c are found" "$tmp/empty"

# --- src/durexec.ini.5 ---------------------------------------------------

# items: keys that a part of the page describes; "env." for env.NAME
items() {
	sed -n -e 's/^\.It Ic \([a-z]*\)\.\\& Ns Ar NAME No =.*/\1./p' \
		-e 's/^\.It Ic \([a-z_]*\) No =.*/\1/p'
}
# words: all of them on .Ic lines, a list of names
words() {
	sed -n 's/^\.Ic //p' | tr -s ' ,;' '\n' | sed '/^$/d'
}

page=src/durexec.ini.5
between '.Ss [pipeline]' '.Ss [params]' $page | items >"$tmp/pipeline.page"
between '.Ss [step NAME]' '.Sh ' $page | items >"$tmp/step.page"
between '.Ss [pool NAME]' '.Ss ' $page | items >"$tmp/pool.page"

for section in pipeline step pool; do
	missing "every supported [$section] key is in durexec.ini.5" \
		"$tmp/$section.keys" "$tmp/$section.page" \
		"has no .It in durexec.ini.5"
	missing "durexec.ini.5 describes no [$section] key that is not there" \
		"$tmp/$section.page" "$tmp/$section.keys" \
		"described, but src/keys.c does not support it"
done

# --- README.md -----------------------------------------------------------

# The reference: rows "| `key` | ..." below its headings.
rows() {
	grep '^| `' | cut -d'|' -f2 | grep -o '`[^`]*`' | tr -d '`' |
		sed 's/\.NAME$/./'
}
between '### `[pipeline]`' '### ' README.md | rows >"$tmp/pipeline.readme"
between '### `[step NAME]`' '### ' README.md | rows >"$tmp/step.readme"
between '### `[pool NAME]`' '### ' README.md | rows >"$tmp/pool.readme"
for section in pipeline step pool; do
	missing "every supported [$section] key is in README.md" \
		"$tmp/$section.keys" "$tmp/$section.readme" \
		"has no row in README.md"
	missing "README.md has no row for a [$section] key that is not there" \
		"$tmp/$section.readme" "$tmp/$section.keys" \
		"in README.md, but src/keys.c does not support it"
done

# --- conf/example.ini ----------------------------------------------------

# "SECTION KEY" of each key, also of those that a "#" in column 0 switches off
awk '
	/^\[/ { section = $1; gsub(/[][]/, "", section) }
	/^#?[a-z_]+(\.[A-Za-z_0-9]+)?[ \t]*=/ {
		key = $0
		sub(/^#/, "", key)
		sub(/[ \t]*=.*/, "", key)
		if (section == "params")
			next
		sub(/^env\..*/, "env.", key)
		sub(/^verify\..*/, "verify.", key)
		if (section != "pipeline" && section != "pool")
			section = "step"
		print section, key
	}' conf/example.ini >"$tmp/example"
for section in pipeline step pool; do
	sed -n "s/^$section //p" "$tmp/example" >"$tmp/$section.example"
	missing "every supported [$section] key is in conf/example.ini" \
		"$tmp/$section.keys" "$tmp/$section.example" \
		"not in conf/example.ini"
	missing "conf/example.ini has no [$section] key that is not there" \
		"$tmp/$section.example" "$tmp/$section.keys" \
		"in conf/example.ini, but not supported"
done

# --- src/durexec.1 -------------------------------------------------------

page=src/durexec.1
# every option of a macro line: "Fl j , Fl -jobs Ar N", "Fl -drain | -now"
flags() {
	awk '/^\./ {
		flag = 0
		for (i = 1; i <= NF; i++) {
			word = $i
			sub(/^\./, "", word)
			if (word == "Fl")
				flag = 1
			else if (flag && word ~ /^-?[A-Za-z][a-z-]*$/ &&
			    word !~ /^(Ar|Cm|Ic|Oc|Op|Oo|Ns|No|Pc|Nm)$/)
				print word
			else if (word !~ /^[|,]$/)
				flag = 0
			else
				continue
		}
	}' "$@"
}
between '.Sh NAME' 'end of file' $page | awk '
	/^Known and refused with/ { later = 1 }
	/^\.Ss / { later = 0 }
	{ print > (later ? "'"$tmp/refused"'" : "'"$tmp/there"'") }'
flags "$tmp/there" | sed -n 's/^-//p' >"$tmp/page.long"
flags "$tmp/there" | grep '^.$' >"$tmp/page.short"
flags "$tmp/refused" | sed -n 's/^-//p' >"$tmp/page.later"

missing "every option is in durexec.1" \
	"$tmp/options.now" "$tmp/page.long" "not in durexec.1"
missing "every short option is in durexec.1" \
	"$tmp/options.short" "$tmp/page.short" "not in durexec.1"
missing "durexec.1 names no option that is not there" \
	"$tmp/page.long" "$tmp/options.now" "not in src/options.c"
missing "durexec.1 names no short option that is not there" \
	"$tmp/page.short" "$tmp/options.short" "not in src/options.c"
missing "durexec.1 names the options that are refused" \
	"$tmp/options.later" "$tmp/page.later" "missing as \"not supported yet\""
missing "durexec.1 calls no option refused that is not" \
	"$tmp/page.later" "$tmp/options.later" "src/options.c does not refuse it"

between '.Ss Verbs' '.Ss ' $page | sed -n 's/^\.It Ic \([a-z]*\).*/\1/p' \
	>"$tmp/page.verbs"
grep '^\.Ic ' "$tmp/refused" | words >"$tmp/page.verbs.later"
missing "every verb is in durexec.1" \
	"$tmp/verbs" "$tmp/page.verbs" "has no .It in durexec.1"
missing "durexec.1 describes no verb that is not there" \
	"$tmp/page.verbs" "$tmp/verbs" "not in src/options.c"
missing "durexec.1 names the verbs that are refused" \
	"$tmp/verbs.later" "$tmp/page.verbs.later" \
	"missing as \"not supported yet\""

missing "durexec.1 calls no verb refused that is not" \
	"$tmp/page.verbs.later" "$tmp/verbs.later" \
	"src/options.c does not refuse it"
between '## Commands' '## ' README.md | grep -o '^| `durexec [a-z][a-z]*' |
	sed 's/.* //' >"$tmp/readme.verbs"
# main.c knows these two itself, as they have command lines of their own
printf 'exec\nstep\n' >>"$tmp/verbs"
grep -vx help "$tmp/verbs" >"$tmp/verbs.readme"
missing "every verb is in README.md" \
	"$tmp/verbs.readme" "$tmp/readme.verbs" "has no row in README.md"
missing "README.md has no row for a verb that is not there" \
	"$tmp/readme.verbs" "$tmp/verbs" "not in src/options.c"

# What durexec.ini.5, README.md, conf and --help call an option of durexec.
{
	flags src/durexec.ini.5 | sed -n 's/^-//p'
	grep -h durexec README.md conf/*.ini |
		grep -o -e '[ `(]--[a-z][a-z-]*' | sed 's/^.--//'
	between 'void options_help' '}' src/options.c |
		grep -o -e '--[a-z][a-z-]*' | sed 's/^--//'
} >"$tmp/named"
missing "README.md, conf, durexec.ini.5 and --help name real options" \
	"$tmp/named" "$tmp/options.all" "not in src/options.c"

# --- mdoc ----------------------------------------------------------------

for page in src/durexec.1 src/durexec.ini.5; do
	if command -v mandoc >/dev/null 2>&1; then
		mandoc -Tlint -Wwarning $page >"$tmp/lint" 2>&1
		report "mandoc finds nothing wrong with $page" "$tmp/lint"
	else
		tests=$((tests + 1))
		echo "ok $tests - $page # SKIP there is no mandoc"
	fi
done

echo "1..$tests"
[ "$failed" = 0 ]
