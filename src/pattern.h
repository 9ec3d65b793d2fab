/* SPDX-License-Identifier: ISC */
/*
 * pattern: POSIX extended regular expressions (regcomp(3) with REG_EXTENDED
 * and REG_NEWLINE: "." and [^x] stop at the end of a line, ^ and $ stand for
 * every line's) over bytes that may hold NUL. What was compiled is kept, as
 * many steps share a few patterns.
 */
#ifndef PATTERN_H
#define PATTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mem.h"
#include "msg.h"

/* Compiled ones, the least recently used thrown away. Zero-initialised. */
struct pattern_cache {
	struct pattern_compiled *first;
	int n;
	int64_t clock;
};

/* Bytes [start, end) of the text; start -1: that group did not match. */
struct pattern_hit {
	long start, end;		/* the whole match */
	long group_start, group_end;	/* its group 1 */
};

/* -1 + why: it does not compile (what regerror(3) says), or is so large that
 * compiling it may take all memory or stack there is. */
int pattern_check(const char *regex, struct why *why);

/* How many (...) it has; one that passed pattern_check(). */
int pattern_groups(const char *regex);

/* Is it there? With some patterns, to say where takes far longer. */
bool pattern_seen(struct pattern_cache *c, const char *regex,
	const char *text, size_t len);

/* The leftmost match. A pattern that does not compile matches nothing. */
bool pattern_find(struct pattern_cache *c, const char *regex,
	const char *text, size_t len, struct pattern_hit *hit);
/* The same from byte `from` on: what stands before it is only looked at for
 * whether a line begins there. */
bool pattern_find_from(struct pattern_cache *c, const char *regex,
	const char *text, size_t len, size_t from, struct pattern_hit *hit);

void pattern_cache_release(struct pattern_cache *c);

#endif
