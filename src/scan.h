/* SPDX-License-Identifier: ISC */
/*
 * scan: reading a text from its front, byte by byte, in any case of (ASCII)
 * letters and whatever the locale. What reads something moves `at` past it
 * and says true; else it stays where it was. Each looks at a bounded number of
 * bytes, so that trying at every place of a text is linear.
 */
#ifndef SCAN_H
#define SCAN_H

#include <stdbool.h>
#include <stdint.h>

struct scan {
	const char *at, *end;
};

/* The byte that is next; NUL at the end. */
char scan_next(const struct scan *s);

bool scan_is_letter(char c);
bool scan_is_digit(char c);
/* A letter, a digit or "_": what would make a word longer. */
bool scan_is_word(char c);

bool scan_char(struct scan *s, char c);

/* Does this one stand there, in any case? Nothing moves. */
bool scan_at(const struct scan *s, const char *text);

/* Blanks, newlines and no-break spaces, also as JSON writes them (\n,
 * \u202f); at most 64 of them. */
bool scan_blanks(struct scan *s);

/* "try again": these words, whole ones, with blanks where a blank is. */
bool scan_words(struct scan *s, const char *words);

/* Does a word begin at `at`, a place of `all`? Not behind "-"; behind \n in a
 * JSON string it does. */
bool scan_begins_word(const struct scan *all, const char *at);

/* Past at most so many of these bytes. */
void scan_any(struct scan *s, const char *chars, int most);

/* A run of digits, all of it, of at least min and at most max (18) of them. */
bool scan_digits(struct scan *s, int min, int max, int64_t *n);

#endif
