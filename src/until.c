/* SPDX-License-Identifier: ISC */
#include "until.h"

#include <string.h>

#include "fields.h"
#include "moment.h"
#include "scan.h"
#include "span.h"

/* Times in a text that cannot be meant; after so many it is prose. It bounds
 * the work: each may have a zone's file read. */
enum { PROSE = 16 };

/* The text up to its first NUL; empty where the clock is absurd (before 1970,
 * after 9998), so that nobody computes with that. */
static struct scan begin(const char *text, size_t len, int64_t now)
{
	const char *nul = len > 0 ? memchr(text, '\0', len) : NULL;
	struct scan s = { text, text };

	if (len > 0 && now >= 0 && now < 253370764800000ll)
		s.end = nul != NULL ? nul : text + len;
	return s;
}

/* ---- words that lead to a time */

enum {
	TIME = 1,		/* a time may follow */
	SPAN = 2,		/* a span may follow */
	SECONDS = 4,		/* a bare number of seconds may follow */
	AFTER = 8		/* any of them may, behind "after" */
};

/* "for": only of what is limited, not of everything that takes an hour. */
static bool limited(const struct scan *all, const char *at)
{
	static const char *const word[] = { "limited", "throttled", "blocked",
		"suspended" };
	struct scan s = { at, at };

	/* "rate-limited by YouTube for up to an hour" */
	for (int i = 0; i < 48 && s.at > all->at; i++) {
		s.at--;
		for (size_t k = 0; k < sizeof(word) / sizeof(word[0]); k++)
			if (scan_at(&s, word[k]))
				return true;
	}
	return false;
}

/* The words that begin it; 0: none. */
static int read_head(const struct scan *all, struct scan *s)
{
	static const struct { const char *words; int takes; } head[] = {
		{ "resets", TIME }, { "reset", TIME }, { "renews", TIME },
		{ "refreshes", TIME }, { "regain access", TIME },
		{ "restored", TIME },
		{ "retry", TIME | AFTER }, { "try again", TIME | AFTER },
		{ "come back", TIME }, { "available again", TIME },
		{ "available", TIME }, { "until", TIME }, { "wait", SPAN },
	};
	const char *from = s->at;

	for (size_t i = 0; i < sizeof(head) / sizeof(head[0]); i++)
		if (scan_words(s, head[i].words))
			return head[i].takes;
	return scan_words(s, "for") && limited(all, from) ? SPAN : 0;
}

/* The words between them and the time, which say what it will be. */
static int read_link(struct scan *s, int takes)
{
	static const struct { const char *words; int takes; } link[] = {
		{ "at least", 0 }, { "at", TIME }, { "on", TIME },
		{ "by", TIME }, { "from", TIME }, { "until", TIME },
		{ "in", SPAN }, { "within", SPAN }, { "for", SPAN },
		{ "up to", 0 }, { "less than", 0 }, { "about", 0 },
		{ "around", 0 }, { "approximately", 0 }, { "another", 0 },
		{ "time", 0 }, { "date", 0 }, { "is", 0 },
	};

	for (int n = 0; n < 4; n++) {
		size_t i = 0, count = sizeof(link) / sizeof(link[0]);

		scan_blanks(s);
		scan_any(s, " :=~@*`\"'(", 8);
		if (scan_words(s, "after")) {
			takes = (takes & AFTER) != 0 ? TIME | SPAN | SECONDS :
				TIME | SPAN;
			continue;
		}
		while (i < count && !scan_words(s, link[i].words))
			i++;
		if (i == count)
			break;
		if (link[i].takes != 0)
			takes = link[i].takes;
	}
	return takes;
}

/* Behind such words at *s: MOMENT_NONE also when none begin there. */
static enum moment_answer led_to(const struct scan *all, struct scan s,
	int64_t now, int64_t *at)
{
	int takes = read_head(all, &s);
	struct scan t;
	int64_t ms;

	if (takes == 0)
		return MOMENT_NONE;
	takes = read_link(&s, takes);
	t = s;
	if (((takes & SECONDS) != 0 && span_seconds(&t, &ms)) ||
	    ((takes & SPAN) != 0 && span_read(&s, &ms))) {
		*at = now + ms;
		return MOMENT_READ;
	}
	return (takes & TIME) != 0 ? moment_time(&s, now, at) : MOMENT_NONE;
}

static enum moment_answer after_words(const struct scan *all, int64_t now,
	int64_t *at)
{
	int prose = 0;

	for (const char *p = all->end; p > all->at && prose < PROSE;) {
		struct scan s = { --p, all->end };
		enum moment_answer answer;

		if (strchr("rtacuwf", *p | 0x20) == NULL ||
		    !scan_begins_word(all, p))
			continue;
		answer = led_to(all, s, now, at);
		if (answer == MOMENT_UNKNOWN ||
		    (answer == MOMENT_READ && moment_meant(*at, now)))
			return answer;
		if (answer == MOMENT_READ)
			prose++;
	}
	return MOMENT_NONE;
}

/* ---- bare epochs */

/* One of a log's lines begins with the time at which it was written, so what
 * stands behind a blank must lie ahead. */
static bool bare_epoch(const struct scan *all, int64_t now, int64_t *at)
{
	for (const char *p = all->end; p > all->at + 1;) {
		struct scan s = { --p, all->end };
		bool blank = strchr(" \t\r\n", p[-1]) != NULL;
		int64_t n;

		if (!scan_is_digit(*p) || (!blank && p[-1] != '|'))
			continue;
		if (scan_digits(&s, 10, 10, &n))
			n *= 1000;
		else if (!scan_digits(&s, 13, 13, &n))
			continue;
		if (scan_is_word(scan_next(&s)) || !moment_meant(n, now) ||
		    (blank && n <= now))
			continue;
		*at = n;
		return true;
	}
	return false;
}

static bool in_line(const struct scan *all, int64_t now, int64_t *at)
{
	int64_t found;

	if (fields_find(all, now, at))
		return true;
	switch (after_words(all, now, &found)) {
	case MOMENT_NONE:
		if (!bare_epoch(all, now, &found))
			return false;
		break;
	case MOMENT_UNKNOWN:
		return false;
	case MOMENT_READ:
		break;
	}
	*at = found;
	return true;
}

/* ---- the file of a step */

/* The whole text is a number of seconds, a span or a time. */
static bool is_time(struct scan s, int64_t now, int64_t *at)
{
	struct scan t = s;
	int64_t ms;

	if (span_seconds(&t, &ms) && t.at == t.end) {
		*at = now + ms;
		return true;
	}
	t = s;
	if (moment_time(&t, now, at) == MOMENT_READ && t.at == t.end)
		return true;
	if (scan_words(&s, "in"))
		scan_blanks(&s);
	if (!span_read(&s, &ms) || s.at < s.end)
		return false;
	*at = now + ms;
	return true;
}

static void trim(struct scan *s)
{
	while (s->at < s->end && strchr(" \t\r\n", *s->at) != NULL)
		s->at++;
	while (s->at < s->end && strchr(" \t\r\n", s->end[-1]) != NULL)
		s->end--;
}

/* ---- */

bool until_in_line(const char *text, size_t len, int64_t now, int64_t *at)
{
	struct scan all = begin(text, len, now);

	return in_line(&all, now, at);
}

bool until_in_headers(const char *text, size_t len, int64_t now, int64_t *at)
{
	struct scan all = begin(text, len, now);

	return fields_find(&all, now, at);
}

bool until_in_file(const char *text, size_t len, int64_t now, int64_t *at)
{
	struct scan all = begin(text, len, now);
	int64_t found;

	trim(&all);
	if (!is_time(all, now, &found))
		return in_line(&all, now, at);
	if (!moment_meant(found, now))
		return false;
	*at = found;
	return true;
}
