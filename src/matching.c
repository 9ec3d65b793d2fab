/* SPDX-License-Identifier: ISC */
#include "matching.h"

#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "pattern.h"
#include "refs.h"

/* Each failed attempt is searched for all of them. */
#define MOST 200

/* How much of a wrong expression a complaint quotes. */
#define QUOTED 60

struct reading {
	struct matching *m;
	struct draft *d;
	const struct setting *s;
	const char *key;
	int groups;
	struct buf text;	/* of one expression */
	int n;
	const char *found[MOST + 1];
};

static void bad(struct reading *r, int n, char *hint, const char *regex,
	const char *what)
{
	size_t len = strlen(regex);
	bool cut = len > QUOTED;

	draft_complain(r->d, draft_value_line(r->d, r->s->line, n), hint,
		"%s: \"%.*s%s\" %s", r->key, cut ? QUOTED : (int)len, regex,
		cut ? "..." : "", what);
}

/*
 * What means a class of bytes, or one byte, elsewhere, is the letter itself
 * to regcomp(3), or what the system likes: silently, so it is a mistake.
 * Returns the letter, or 0.
 */
static char foreign_escape(const char *regex)
{
	for (const char *c = regex; *c != '\0'; c++) {
		if (*c == '[') {
			/* a "]" that stands first is one of the bytes */
			c += c[1] == '^' ? 2 : 1;
			if (*c == ']')
				c++;
			while (*c != '\0' && *c != ']')
				c++;
			if (*c == '\0')
				return 0;
		} else if (*c == '\\' && c[1] != '\0') {
			c++;
			if (strchr("dDnrtfvxupPAzZQE", *c) != NULL)
				return *c;
		}
	}
	return 0;
}

static char *hint_for(const char *regex)
{
	return strstr(regex, "(?") != NULL ? mem_printf("POSIX extended "
		"regular expressions have no \"(?\"") : NULL;
}

/* False: complained. */
static bool check(struct reading *r, int n, const char *regex)
{
	struct matching *m = r->m;
	struct why why;
	char escape;
	char *what;

	if (table_get(&m->good, regex) == TABLE_NONE) {
		escape = foreign_escape(regex);
		if (escape != 0) {
			what = mem_printf("has \"\\%c\", which POSIX extended "
				"regular expressions do not know", escape);
			bad(r, n, escape == 'd' ? mem_printf("write [0-9]") :
				escape == 't' ? mem_printf("write [[:blank:]]"
				) : NULL, regex, what);
			free(what);
			return false;
		}
		if (pattern_check(regex, &why) == -1) {
			what = mem_printf("is no regular expression: %s",
				why.text);
			bad(r, n, hint_for(regex), regex, what);
			free(what);
			return false;
		}
		table_put(&m->good, regex, 0);
	}
	if (r->groups == 0 || pattern_groups(regex) >= r->groups)
		return true;
	bad(r, n, mem_printf("put (...) around the part that is the amount"),
		regex, "has no group");
	return false;
}

/* The n-th line of the value, blanks taken off. */
static void read_line(struct reading *r, int n, char *line)
{
	struct draft *d = r->d;
	const char *regex;

	if (strstr(line, "${") == NULL) {
		regex = line;
	} else {
		buf_reset(&r->text);
		buf_str(&r->text, "");
		if (refs_expand_regex(d, draft_value_line(d, r->s->line, n),
		    r->key, line, &r->text) == -1)
			return;
		if (r->text.len == 0) {
			bad(r, n, NULL, line, "is nothing once its ${NAME} "
				"are replaced, and that matches everything");
			return;
		}
		regex = r->text.data;
	}
	if (r->n == MOST) {
		bad(r, n, mem_printf("join some of them with \"|\""), regex,
			"is one too many: there may be at most 200");
		r->n++;
	} else if (r->n < MOST) {
		regex = arena_dup(&d->p->arena, regex);
		if (check(r, n, regex))
			r->found[r->n++] = regex;
	}
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static void read_lines(struct reading *r)
{
	const char *at = r->s->value;
	struct buf line = { 0 };

	for (int n = 0; at != NULL; n++) {
		const char *newline = strchr(at, '\n');
		size_t len = newline != NULL ? (size_t)(newline - at) :
			strlen(at);

		while (len > 0 && is_blank(at[len - 1]))
			len--;
		while (len > 0 && is_blank(*at)) {
			at++;
			len--;
		}
		if (len > 0) {
			buf_reset(&line);
			buf_add(&line, at, len);
			read_line(r, n, line.data);
		}
		at = newline != NULL ? newline + 1 : NULL;
	}
	buf_release(&line);
	buf_release(&r->text);
	if (r->n > MOST)
		r->n = MOST;
}

static void keep(struct reading *r, struct patterns *patterns)
{
	patterns->n = r->n;
	patterns->v = NULL;
	patterns->hash = 0;
	if (r->n == 0)
		return;
	patterns->hash = TABLE_HASH_START;
	/* with the NUL, so that "ab" "c" is not "a" "bc" */
	for (int i = 0; i < r->n; i++)
		patterns->hash = table_hash(patterns->hash, r->found[i],
			strlen(r->found[i]) + 1);
	patterns->v = arena_alloc(&r->d->p->arena,
		(size_t)r->n * sizeof(*patterns->v));
	memcpy(patterns->v, r->found, (size_t)r->n * sizeof(*patterns->v));
}

void matching_add(struct matching *m, struct draft *d,
	const struct setting *s, const char *key, struct patterns *patterns)
{
	struct reading r = { .m = m, .d = d, .s = s, .key = key };

	if (s->value[strspn(s->value, " \t\r\n")] == '\0') {
		keep(&r, patterns);
		return;
	}
	for (; r.n < patterns->n; r.n++)
		r.found[r.n] = patterns->v[r.n];
	read_lines(&r);
	keep(&r, patterns);
}

void matching_set(struct matching *m, struct draft *d,
	const struct setting *s, const char *key, int groups,
	struct patterns *patterns)
{
	struct reading r = { .m = m, .d = d, .s = s, .key = key,
		.groups = groups };

	read_lines(&r);
	keep(&r, patterns);
}

void matching_release(struct matching *m)
{
	table_release(&m->good);
}
