/* SPDX-License-Identifier: ISC */
#include "scan.h"

#include <stddef.h>
#include <string.h>

/* Enough for a line break and the indentation below it. */
enum { BLANKS = 64 };

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

char scan_next(const struct scan *s)
{
	return s->at < s->end ? *s->at : '\0';
}

bool scan_is_letter(char c)
{
	return lower(c) >= 'a' && lower(c) <= 'z';
}

bool scan_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

bool scan_is_word(char c)
{
	return scan_is_letter(c) || scan_is_digit(c) || c == '_';
}

bool scan_char(struct scan *s, char c)
{
	if (s->at == s->end || *s->at != c)
		return false;
	s->at++;
	return true;
}

bool scan_at(const struct scan *s, const char *text)
{
	const char *at = s->at;

	for (; *text != '\0'; text++, at++)
		if (at == s->end || lower(*at) != lower(*text))
			return false;
	return true;
}

bool scan_blanks(struct scan *s)
{
	/* U+00A0 and U+202F; the latter is what ICU puts before AM and PM */
	static const char *const blank[] = {
		" ", "\n", "\t", "\r", "\\n", "\\r", "\\t", "\xc2\xa0",
		"\xe2\x80\xaf", "\\u00a0", "\\u202f",
	};
	const char *from = s->at;

	for (int n = 0; n < BLANKS; n++) {
		size_t i = 0, count = sizeof(blank) / sizeof(blank[0]);

		while (i < count && !scan_at(s, blank[i]))
			i++;
		if (i == count)
			break;
		s->at += strlen(blank[i]);
	}
	return s->at > from;
}

bool scan_words(struct scan *s, const char *words)
{
	struct scan t = *s;

	for (; *words != '\0'; words++) {
		if (*words == ' ') {
			if (!scan_blanks(&t))
				return false;
		} else {
			if (t.at == t.end || lower(*t.at) != *words)
				return false;
			t.at++;
		}
	}
	if (scan_is_word(scan_next(&t)))
		return false;
	*s = t;
	return true;
}

bool scan_digits(struct scan *s, int min, int max, int64_t *n)
{
	struct scan t = *s;
	int64_t value = 0;
	int digits = 0;

	while (scan_is_digit(scan_next(&t))) {
		if (++digits > max)
			return false;
		value = value * 10 + (*t.at++ - '0');
	}
	if (digits < min)
		return false;
	*s = t;
	*n = value;
	return true;
}

/* The letter of \n, \r and \t in a JSON string. */
static bool is_escaped(const struct scan *all, const char *at)
{
	return at > all->at && at[-1] == '\\' &&
		(*at == 'n' || *at == 'r' || *at == 't');
}

bool scan_begins_word(const struct scan *all, const char *at)
{
	if (!scan_is_letter(*at) || is_escaped(all, at))
		return false;
	return at == all->at || (!scan_is_word(at[-1]) && at[-1] != '-') ||
		is_escaped(all, at - 1);
}

void scan_any(struct scan *s, const char *chars, int most)
{
	while (most-- > 0 && s->at < s->end && *s->at != '\0' &&
	    strchr(chars, *s->at) != NULL)
		s->at++;
}
