/* SPDX-License-Identifier: ISC */
#include "pattern.h"

#include <assert.h>
#include <errno.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>

/* Compiled, a pattern takes some ten to a hundred kilobytes. */
enum { KEPT = 64 };

#define FLAGS (REG_EXTENDED | REG_NEWLINE)

/* Without memory it is not known whether it compiles, or matches: that is not
 * the same as no. */
static int compiled(regex_t *re, const char *regex, int flags)
{
	int err = regcomp(re, regex, flags);

	if (err == REG_ESPACE)
		mem_none();
	return err;
}

static bool found(const regex_t *re, const char *text, size_t n,
	regmatch_t *at)
{
	int err;

	/* glibc's calls it no match */
	errno = 0;
	err = regexec(re, text != NULL ? text : "", n, at, REG_STARTEND);
	if (err == REG_ESPACE || (err != 0 && errno == ENOMEM))
		mem_none();
	return err == 0;
}

struct pattern_compiled {
	struct pattern_compiled *next;
	char *text;
	regex_t re;
	regex_t plain;		/* without positions: an automaton will do */
	bool good, plain_good;
	int64_t used;
};

/*
 * regcomp() of glibc recurses into parentheses and along what may be skipped,
 * copies what {n} and + repeat (so (((a{99}){99}){99}) is a million nodes),
 * and needs memory by the square of the whole. These limits keep it below
 * some megabytes and milliseconds; expressions that people write are far
 * smaller.
 */
enum { LONGEST = 4096, DEEPEST = 50, LARGEST = 1200 };

/* The end of a [...] that begins at c; at the NUL when it has none. */
static const char *bracket_end(const char *c)
{
	c += c[1] == '^' ? 2 : 1;
	if (*c == ']')
		c++;
	for (; *c != '\0' && *c != ']'; c++)
		if (*c == '[' && (c[1] == ':' || c[1] == '.' || c[1] == '=')) {
			const char close[] = { c[1], ']', '\0' };
			const char *end = strstr(c + 2, close);

			if (end != NULL)
				c = end + 1;
		}
	return c;
}

/* How many copies of what stands before it a repetition at c makes; *end: its
 * last byte. 1: it is none. */
static int copies(const char *c, const char **end)
{
	char *at;
	long n, most;

	*end = c;
	if (*c == '+')
		return 2;
	if (*c != '{')
		return 1;
	n = most = strtol(c + 1, &at, 10);
	if (*at == ',')
		most = strtol(at + 1, &at, 10);
	if (*at != '}')
		return 1;
	*end = at;
	n = most > n ? most : n + 1;
	return n > 1 && n <= LARGEST ? (int)n : n > LARGEST ? LARGEST + 1 : 1;
}

static int check_size(const char *regex, struct why *why)
{
	long outer[DEEPEST], here = 0, last = 0;
	const char *end;
	int depth = 0;

	if (strlen(regex) > LONGEST)
		return why_set(why, "it is %zu bytes long, at most %d are "
			"allowed; it can be split at \"|\" into lines",
			strlen(regex), LONGEST);
	for (const char *c = regex; *c != '\0'; c++) {
		int n = copies(c, &end);

		if (*c == '(') {
			if (depth == DEEPEST)
				return why_set(why, "it has more than %d "
					"parentheses in each other", DEEPEST);
			outer[depth++] = here;
			here = last = 0;
			continue;
		}
		if (n > 1) {
			here += last * (n - 1);
			last *= n;
			c = end;
		} else if (*c == ')' && depth > 0) {
			last = here + 1;
			here = outer[--depth] + last;
		} else if (*c != '*' && *c != '?') {
			if (*c == '[')
				c = bracket_end(c);
			else if (*c == '\\' && c[1] != '\0')
				c++;
			here += last = 1;
		}
		if (here > LARGEST)
			return why_set(why, "it stands for more than %d "
				"characters when its repetitions are written "
				"out", LARGEST);
		if (*c == '\0')
			break;
	}
	return 0;
}

int pattern_groups(const char *regex)
{
	regex_t re;
	int n;

	if (compiled(&re, regex, FLAGS) != 0)
		return 0;
	n = (int)re.re_nsub;
	regfree(&re);
	return n;
}

int pattern_check(const char *regex, struct why *why)
{
	char said[200];
	regex_t re;
	int err;

	if (check_size(regex, why) == -1)
		return -1;
	err = compiled(&re, regex, FLAGS | REG_NOSUB);
	if (err == 0) {
		regfree(&re);
		return 0;
	}
	regerror(err, &re, said, sizeof(said));
	return why_set(why, "%s", said);
}

static void drop(struct pattern_compiled *p)
{
	if (p->good)
		regfree(&p->re);
	if (p->plain_good)
		regfree(&p->plain);
	free(p->text);
	free(p);
}

static void drop_oldest(struct pattern_cache *c)
{
	struct pattern_compiled **at, **oldest = &c->first, *p;

	for (at = &c->first; *at != NULL; at = &(*at)->next)
		if ((*at)->used < (*oldest)->used)
			oldest = at;
	p = *oldest;
	assert(p != NULL);
	*oldest = p->next;
	drop(p);
	c->n--;
}

static struct pattern_compiled *get(struct pattern_cache *c,
	const char *regex)
{
	struct pattern_compiled *p;

	for (p = c->first; p != NULL; p = p->next)
		if (strcmp(p->text, regex) == 0)
			break;
	if (p == NULL) {
		if (c->n == KEPT)
			drop_oldest(c);
		p = mem_alloc(sizeof(*p));
		p->text = mem_dup(regex);
		p->good = compiled(&p->re, regex, FLAGS) == 0;
		p->plain_good = compiled(&p->plain, regex, FLAGS |
			REG_NOSUB) == 0;
		p->next = c->first;
		c->first = p;
		c->n++;
	}
	p->used = ++c->clock;
	return p;
}

bool pattern_seen(struct pattern_cache *c, const char *regex,
	const char *text, size_t len)
{
	struct pattern_compiled *p = get(c, regex);
	regmatch_t at = { .rm_so = 0, .rm_eo = (regoff_t)len };

	return p->plain_good && found(&p->plain, text, 1, &at);
}

bool pattern_find(struct pattern_cache *c, const char *regex,
	const char *text, size_t len, struct pattern_hit *hit)
{
	return pattern_find_from(c, regex, text, len, 0, hit);
}

bool pattern_find_from(struct pattern_cache *c, const char *regex,
	const char *text, size_t len, size_t from, struct pattern_hit *hit)
{
	struct pattern_compiled *p = get(c, regex);
	regmatch_t at[2];

	at[0].rm_so = (regoff_t)from;
	at[0].rm_eo = (regoff_t)len;
	/* REG_STARTEND: bounds instead of a NUL; glibc and the BSDs have it.
	 * Hits are counted from the start of the text all the same. */
	if (!p->good || !found(&p->re, text, 2, at))
		return false;
	hit->start = at[0].rm_so;
	hit->end = at[0].rm_eo;
	hit->group_start = p->re.re_nsub > 0 ? at[1].rm_so : -1;
	hit->group_end = p->re.re_nsub > 0 ? at[1].rm_eo : -1;
	return true;
}

void pattern_cache_release(struct pattern_cache *c)
{
	struct pattern_compiled *p;

	while ((p = c->first) != NULL) {
		c->first = p->next;
		drop(p);
	}
	memset(c, 0, sizeof(*c));
}
