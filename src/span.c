/* SPDX-License-Identifier: ISC */
#include "span.h"

#include <stddef.h>
#include <string.h>

static const struct { const char *name; int64_t ms; } unit[] = {
	{ "ms", 1 }, { "msec", 1 }, { "msecs", 1 }, { "millisecond", 1 },
	{ "milliseconds", 1 },
	{ "s", 1000 }, { "sec", 1000 }, { "secs", 1000 }, { "second", 1000 },
	{ "seconds", 1000 },
	{ "m", 60000 }, { "min", 60000 }, { "mins", 60000 },
	{ "minute", 60000 }, { "minutes", 60000 },
	{ "h", 3600000 }, { "hr", 3600000 }, { "hrs", 3600000 },
	{ "hour", 3600000 }, { "hours", 3600000 },
	{ "d", 86400000 }, { "day", 86400000 }, { "days", 86400000 },
	{ "w", 604800000 }, { "week", 604800000 }, { "weeks", 604800000 },
};

/* A number, times so many ms. Of its fraction six digits count; Go and
 * protobuf write nine, others may write more. */
static bool read_number(struct scan *s, int64_t each, int64_t *ms)
{
	struct scan t = *s;
	int64_t whole, part = 0, scale = 1;

	if (!scan_digits(&t, 1, 9, &whole))
		return false;
	*s = t;
	if (scan_char(&t, '.') && scan_is_digit(scan_next(&t))) {
		for (int n = 0; scan_is_digit(scan_next(&t)); n++, t.at++) {
			if (n == 18)
				return false;
			if (n < 6) {
				part = part * 10 + (*t.at - '0');
				scale *= 10;
			}
		}
		*s = t;
	}
	/* at most 10^9 weeks */
	*ms = whole * each + (part * each + scale - 1) / scale;
	return true;
}

/* "h" in "2h5m" too, "second(s)" too. */
static bool read_unit(struct scan *s, int64_t *ms)
{
	struct scan t = *s;
	char word[13];
	size_t n = 0;

	while (scan_is_letter(scan_next(&t)) && n < sizeof(word) - 1)
		word[n++] = *t.at++;
	word[n] = '\0';
	for (size_t i = 0; i < sizeof(unit) / sizeof(unit[0]); i++) {
		if (strlen(unit[i].name) != n || !scan_at(s, unit[i].name))
			continue;
		if (scan_is_word(scan_next(&t)) &&
		    !(n <= 2 && scan_is_digit(scan_next(&t))))
			return false;
		if (scan_at(&t, "(s)"))
			t.at += 3;
		*ms = unit[i].ms;
		*s = t;
		return true;
	}
	return false;
}

/* One number with its unit, which is smaller than `below`. */
static bool read_part(struct scan *s, int64_t below, int64_t *ms,
	int64_t *each)
{
	struct scan number = *s, t = *s;
	bool one = scan_words(&t, "an") || scan_words(&t, "a");

	if (!one && !read_number(&t, 1, ms))
		return false;
	scan_blanks(&t);
	if (!read_unit(&t, each) || *each >= below)
		return false;
	if (one)
		*ms = *each;
	else
		read_number(&number, *each, ms);
	*s = t;
	return true;
}

bool span_read(struct scan *s, int64_t *ms)
{
	int64_t sum, more, below;
	struct scan t = *s;

	if (!read_part(&t, INT64_MAX, &sum, &below))
		return false;
	for (;;) {
		*s = t;
		scan_blanks(&t);
		scan_char(&t, ',');
		scan_blanks(&t);
		if (scan_words(&t, "and"))
			scan_blanks(&t);
		if (!read_part(&t, below, &more, &below))
			break;
		sum += more;
	}
	*ms = sum;
	return true;
}

bool span_ends_number(const struct scan *s)
{
	struct scan t = *s;

	while (scan_next(&t) == ' ' && t.at - s->at < 8)
		t.at++;
	if (t.at == t.end)
		return true;
	if (*t.at == '.')
		return t.at + 1 == t.end || !scan_is_word(t.at[1]);
	return *t.at != '\0' && strchr("\r\n\t,;)]}\"'\\", *t.at) != NULL;
}

bool span_seconds(struct scan *s, int64_t *ms)
{
	struct scan t = *s;

	if (!read_number(&t, 1000, ms) || !span_ends_number(&t))
		return false;
	*s = t;
	return true;
}
