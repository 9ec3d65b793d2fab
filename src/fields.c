/* SPDX-License-Identifier: ISC */
#include "fields.h"

#include <stddef.h>
#include <string.h>

#include "moment.h"
#include "span.h"

enum { NAME = 64, FAMILIES = 16 };

enum rank { RANK_RETRY, RANK_RESETS, RANK_UNIFIED, RANKS };

/* Limits of one kind, of which a server counts several (requests, tokens). */
struct family {
	char name[NAME];		/* without "reset" and "remaining" */
	struct scan reset;		/* its value; at NULL: none */
	bool in_ms, none_left;
};

struct headers {
	struct scan value[RANKS];	/* of the last such name; NULL: none */
	bool in_ms[RANKS];
	struct family family[FAMILIES];
	int nfamilies;
};

/* "Retry-After", "retry_after" and "retryAfter" are retryafter. Goes on to
 * the end of the name; false: too long to be one of ours. */
static bool read_name(struct scan *s, char name[NAME])
{
	size_t n = 0;
	bool fits = true;

	for (; s->at < s->end; s->at++) {
		char c = *s->at;

		if (c == '-' || c == '_')
			continue;
		if (!scan_is_word(c))
			break;
		fits = fits && n + 1 < NAME;
		if (fits)
			name[n++] = c >= 'A' && c <= 'Z' ?
				(char)(c - 'A' + 'a') : c;
	}
	name[n] = '\0';
	return fits;
}

/* To the value: `: 30`, `": "30"`, `\": \"30s\"`, `=30`, ` { seconds: 30`. */
static bool read_to_value(struct scan *s)
{
	struct scan t = *s;

	scan_any(&t, "\\\"'`", 8);
	scan_blanks(&t);
	if (scan_char(&t, '{')) {
		scan_blanks(&t);
		if (!scan_words(&t, "seconds"))
			return false;
	}
	if (!scan_char(&t, ':') && !scan_char(&t, '='))
		return false;
	scan_char(&t, '>');
	scan_blanks(&t);
	scan_any(&t, "\\\"'`[", 8);
	/* a digit, or the weekday of an HTTP date; not null, not prose */
	if (!scan_is_digit(scan_next(&t)) &&
	    !(t.end - t.at > 3 && t.at[3] == ','))
		return false;
	*s = t;
	return true;
}

static bool ends_with(const char *name, const char *end)
{
	size_t n = strlen(name), m = strlen(end);

	return n >= m && strcmp(name + n - m, end) == 0;
}

static bool ranked(const char *name, enum rank *rank)
{
	static const struct { const char *name; enum rank rank; } known[] = {
		{ "retryafter", RANK_RETRY }, { "retryafterms", RANK_RETRY },
		{ "retryafterseconds", RANK_RETRY },
		{ "retryaftersecs", RANK_RETRY },
		{ "retrydelay", RANK_RETRY },
		{ "quotaresetdelay", RANK_RETRY },
		{ "resetsat", RANK_RESETS }, { "resetat", RANK_RESETS },
		{ "resetsinseconds", RANK_RESETS },
		{ "resetinseconds", RANK_RESETS },
		{ "resetafterseconds", RANK_RESETS },
		{ "resettime", RANK_RESETS },
		{ "quotaresettimestamp", RANK_RESETS },
		{ "anthropicratelimitunifiedreset", RANK_UNIFIED },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(name, known[i].name) == 0) {
			*rank = known[i].rank;
			return true;
		}
	return false;
}

/* The family of a name that has this word ("reset") behind "ratelimit". */
static struct family *family(struct headers *h, const char *name,
	const char *word)
{
	const char *at = strstr(name, "ratelimit");
	char rest[NAME];
	struct family *f;

	at = at != NULL ? strstr(at, word) : NULL;
	/* Claude's limits by window (5h, 7d) say nothing of which is met. */
	if (at == NULL || strstr(name, "ratelimitunified") != NULL)
		return NULL;
	memcpy(rest, name, (size_t)(at - name));
	strcpy(rest + (at - name), at + strlen(word));
	for (int i = 0; i < h->nfamilies; i++)
		if (strcmp(h->family[i].name, rest) == 0)
			return &h->family[i];
	if (h->nfamilies == FAMILIES)
		return NULL;
	f = &h->family[h->nfamilies++];
	*f = (struct family){ .reset = { NULL, NULL } };
	strcpy(f->name, rest);
	return f;
}

static void note(struct headers *h, const char *name, struct scan value)
{
	bool in_ms = ends_with(name, "resetms") || ends_with(name, "afterms");
	struct family *f;
	enum rank rank;
	int64_t n;

	if (ranked(name, &rank)) {
		h->value[rank] = value;
		h->in_ms[rank] = in_ms;
	} else if ((f = family(h, name, "reset")) != NULL) {
		f->reset = value;
		f->in_ms = in_ms;
	} else if ((f = family(h, name, "remaining")) != NULL) {
		f->none_left = scan_digits(&value, 1, 9, &n) && n == 0 &&
			span_ends_number(&value);
	}
}

static bool value_time(struct scan s, bool in_ms, int64_t now, int64_t *at)
{
	struct scan t = s;
	int64_t ms;

	if (s.at == NULL)
		return false;
	if (span_seconds(&t, &ms))
		*at = now + (in_ms ? (ms + 999) / 1000 : ms);
	else if (span_read(&s, &ms))
		*at = now + ms;
	else if (moment_time(&s, now, at) != MOMENT_READ)
		return false;
	return moment_meant(*at, now);
}

static bool latest(const struct headers *h, bool none_left, int64_t now,
	int64_t *at)
{
	bool found = false;
	int64_t each;

	for (int i = 0; i < h->nfamilies; i++) {
		const struct family *f = &h->family[i];

		if ((none_left && !f->none_left) ||
		    !value_time(f->reset, f->in_ms, now, &each))
			continue;
		if (!found || each > *at)
			*at = each;
		found = true;
	}
	return found;
}

bool fields_find(const struct scan *all, int64_t now, int64_t *at)
{
	struct scan s = *all;
	struct headers h = { .nfamilies = 0 };
	char name[NAME];
	int64_t found;

	while (s.at < s.end) {
		if (!scan_begins_word(all, s.at)) {
			s.at++;
			continue;
		}
		/* values begin behind names, and may hold names in turn */
		if (read_name(&s, name) && strstr(name, "re") != NULL) {
			struct scan value = s;

			if (read_to_value(&value))
				note(&h, name, value);
		}
	}
	for (int rank = 0; rank < RANKS; rank++)
		if (value_time(h.value[rank], h.in_ms[rank], now, &found)) {
			*at = found;
			return true;
		}
	if (!latest(&h, true, now, &found) && !latest(&h, false, now, &found))
		return false;
	*at = found;
	return true;
}
