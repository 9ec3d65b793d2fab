/* SPDX-License-Identifier: ISC */
#include "guess.h"

#include <string.h>

/* Names are at most 48 bytes; what is longer was never meant as one. */
#define LONGEST 64

static int lower(char c)
{
	unsigned char u = (unsigned char)c;

	return u >= 'A' && u <= 'Z' ? u - 'A' + 'a' : u;
}

static int min(int a, int b)
{
	return a < b ? a : b;
}

/*
 * Three rows of the usual matrix are enough: a transposition looks two rows
 * back. Gives up, returning limit + 1, as soon as a row holds nothing within
 * the limit. Capital and small letters count as equal: "Timeout" is a slip.
 */
static int distance(const char *a, int na, const char *b, int nb, int limit)
{
	int rows[3][LONGEST + 1];
	int *before = rows[0], *last = rows[1], *row = rows[2];

	for (int j = 0; j <= nb; j++)
		last[j] = j;
	for (int i = 1; i <= na; i++) {
		int best = row[0] = i;
		int *spare;

		for (int j = 1; j <= nb; j++) {
			int x = lower(a[i - 1]), y = lower(b[j - 1]);
			int d = last[j - 1] + (x != y);

			d = min(d, min(last[j], row[j - 1]) + 1);
			if (i > 1 && j > 1 && x != y &&
			    x == lower(b[j - 2]) && y == lower(a[i - 2]))
				d = min(d, before[j - 2] + 1);
			row[j] = d;
			best = min(best, d);
		}
		if (best > limit)
			return limit + 1;
		spare = before;
		before = last;
		last = row;
		row = spare;
	}
	return last[nb];
}

const char *guess(const char *word, const char *const *words, size_t n)
{
	size_t len = strlen(word);
	const char *best = NULL;
	int limit;

	if (len == 0 || len > LONGEST)
		return NULL;
	limit = len < 6 ? 1 : (int)(len / 3);
	for (size_t i = 0; i < n; i++) {
		size_t have = strlen(words[i]);
		size_t apart = have > len ? have - len : len - have;
		int d;

		if (have > LONGEST || apart > (size_t)limit)
			continue;
		d = distance(word, (int)len, words[i], (int)have, limit);
		/* Nothing in common is no resemblance: "a" is not "b". */
		if (d > limit || (size_t)d >= (have > len ? have : len))
			continue;
		best = words[i];
		if (d == 0)
			break;
		limit = d - 1;	/* of equals the first one wins */
	}
	return best;
}
