/* SPDX-License-Identifier: ISC */
#include "scriptname.h"

#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "inifile.h"
#include "mem.h"
#include "table.h"

/*
 * Programs that run another one: the options of theirs that take a word, those
 * behind which no script follows, and how many words come before the program.
 */
static const struct {
	const char *name, *with_word, *no_script;
	int words;
	bool assignments;
} wrappers[] = {
	{ "sh", "oO", "c", 0, false }, { "bash", "oO", "c", 0, false },
	{ "dash", "oO", "c", 0, false }, { "zsh", "o", "c", 0, false },
	{ "ksh", "oO", "c", 0, false }, { "fish", "Cdfo", "c", 0, false },
	{ "python", "WX", "c", 0, false },
	{ "python3", "WX", "c", 0, false },
	{ "perl", "I", "eE", 0, false }, { "ruby", "IrEKCF", "e", 0, false },
	{ "node", "r", "ep", 0, false }, { "Rscript", "", "e", 0, false },
	{ "php", "dcz", "rBRE", 0, false }, { "lua", "l", "e", 0, false },
	{ "env", "uCS", "", 0, true }, { "nice", "n", "", 0, false },
	{ "ionice", "cn", "pPu", 0, false }, { "nohup", "", "", 0, false },
	{ "time", "fo", "", 0, false }, { "timeout", "ks", "", 1, false },
	{ "setsid", "", "", 0, false }, { "stdbuf", "ioe", "", 0, false },
	{ "sudo", "ugCDRTpr", "", 0, true },
	{ "flock", "wE", "c", 1, false }, { "chronic", "", "", 0, false },
};

static const char *base_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL && slash[1] != '\0' ? slash + 1 : path;
}

/* The word behind the options of the wrapper `at`, or NULL. */
static char *const *behind(char *const *at, size_t w)
{
	int words = wrappers[w].words;

	for (at++; *at != NULL; at++) {
		const char *a = *at;

		if (strcmp(a, "--") == 0)
			return at[1] != NULL ? at + 1 : NULL;
		if ((*a == '-' || *a == '+') && a[1] != '\0') {
			char last = a[strlen(a) - 1];

			/* long options hold their word, mostly */
			if (a[1] == '-')
				continue;
			if (strpbrk(a + 1, wrappers[w].no_script) != NULL)
				return NULL;
			/* python -m MODULE: that is what it runs */
			if (last == 'm' && at[1] != NULL)
				return at + 1;
			if (strchr(wrappers[w].with_word, last) != NULL &&
			    at[1] != NULL)
				at++;
			continue;
		}
		if (wrappers[w].assignments && strchr(a, '=') != NULL)
			continue;
		if (words-- > 0)
			continue;
		return at;
	}
	return NULL;
}

/* The word of argv that says what is run. */
static const char *script_word(char *const *argv)
{
	char *const *at = argv, *const *next;
	size_t w;

	for (;;) {
		const char *base = base_of(*at);

		for (w = 0; w < sizeof(wrappers) / sizeof(wrappers[0]); w++)
			if (strcmp(base, wrappers[w].name) == 0)
				break;
		next = w < sizeof(wrappers) / sizeof(wrappers[0]) ?
			behind(at, w) : NULL;
		if (next == NULL)
			return *at;
		at = next;
	}
}

/* What a step, a pipeline and a directory may be called. Letters that are none
 * of ASCII, and what is too long, leave a hash, so that no two become one. */
static char *name_of(const char *word)
{
	enum { HASH = 9 };
	size_t n = strlen(word), most = INIFILE_NAME;
	uint64_t hash = table_hash(TABLE_HASH_START, word, n);
	bool hashed = n > INIFILE_NAME;
	char *name, *whole, *c;

	for (c = (char *)word; *c != '\0'; c++)
		hashed |= !isascii((unsigned char)*c);
	if (hashed)
		most -= HASH;
	name = mem_dupn(word, n < most ? n : most);
	for (c = name; *c != '\0'; c++)
		if (!isascii((unsigned char)*c) || (!isalnum(
		    (unsigned char)*c) && strchr("_.-", *c) == NULL))
			*c = '_';
	if (*name == '.' || *name == '-')
		*name = '_';
	if (!hashed)
		return name;
	whole = mem_printf("%s-%08x", name, (unsigned)hash);
	free(name);
	return whole;
}

char *scriptname(char *const *argv)
{
	return name_of(base_of(script_word(argv)));
}

bool scriptname_is_good(const char *name)
{
	char *good = name_of(name);
	bool same = *name != '\0' && strcmp(good, name) == 0;

	free(good);
	return same;
}
