/* SPDX-License-Identifier: ISC */
/* wild: the files that a pattern (glob(7)) matches, seen from a directory. */
#ifndef WILD_H
#define WILD_H

#include <stdbool.h>

typedef bool wild_fn(void *ctx, const char *path);

/* Has it any of the characters that mean something in a pattern? */
bool wild_is(const char *pattern);

/*
 * Calls fn for each match of the pattern, in byte order, with its name as seen
 * from dir (as it is when the pattern is absolute), until fn says false. A
 * pattern that does not match itself ("a[1].txt") and is the name of a file
 * matches that, and nothing else.
 * False: nothing matched.
 */
bool wild_each(const char *dir, const char *pattern, wild_fn *fn, void *ctx);

#endif
