/* SPDX-License-Identifier: ISC */
/*
 * stepkeys: one key of a step, of [defaults] or of a preset -> its fields of
 * struct stepconf, in place of what a weaker section said. Where several of a
 * kind are put together (env.NAME, verify.NAME), and for `run`, `needs` and
 * `preset`, see conf.c and needs.c.
 */
#ifndef STEPKEYS_H
#define STEPKEYS_H

#include <stdbool.h>

#include "draft.h"
#include "matching.h"

struct stepkeys {
	struct draft *d;
	const char *key[KEY_COUNT];	/* names, for complaints */
	struct matching matching;
	/* For keys of another file than the pipeline's: the line to note for
	 * them, which is that of `preset`. */
	int preset_line;
	bool never, safe;	/* what the last `rerun` said */
};

void stepkeys_init(struct stepkeys *k, struct draft *d);
void stepkeys_release(struct stepkeys *k);

/* Only their names, for complaints. */
void stepkeys_names(const char *key[KEY_COUNT]);

void stepkeys_apply(struct stepkeys *k, struct stepconf *c,
	const struct setting *s);

/* The line to note for a value. */
int stepkeys_line(const struct stepkeys *k, const struct setting *s);

#endif
