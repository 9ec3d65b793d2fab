/* SPDX-License-Identifier: ISC */
/*
 * matching: the values that are regular expressions: retry_if, give_up_if,
 * wait_if, fail_if, ok_if, receipt, cost_from. Each line with something on it
 * is one expression, without the blanks around it; each is compiled here once,
 * so that judging an attempt never meets a bad one.
 */
#ifndef MATCHING_H
#define MATCHING_H

#include "draft.h"
#include "table.h"

/* Zero-initialised. */
struct matching {
	struct table good;	/* expressions known to compile */
};

/* Put the value's expressions behind those that are there; an empty value
 * takes all of them away. */
void matching_add(struct matching *m, struct draft *d,
	const struct setting *s, const char *key, struct patterns *patterns);

/* The value's expressions instead of those that are there. groups: how many
 * (...) each has to have at least. */
void matching_set(struct matching *m, struct draft *d,
	const struct setting *s, const char *key, int groups,
	struct patterns *patterns);

void matching_release(struct matching *m);

#endif
