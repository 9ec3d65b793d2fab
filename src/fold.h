/* SPDX-License-Identifier: ISC */
/* fold: what fold.c and fans.c share. Nobody else includes it. */
#ifndef FOLD_H
#define FOLD_H

#include "state.h"

/* -1 + why: the record has no valid field of that name. */
int fold_bad(const struct record *r, const char *what, struct why *why);
/* Of the arena; NULL stays NULL. */
const char *fold_keep(struct state *s, const char *text);
/* Each fills what of t the record has something about. -1 + why: it has no
 * valid value. */
int fold_take_outcome(const struct record *r, struct task *t,
	struct why *why);
int fold_take_left(struct state *s, const struct record *r, struct task *t,
	struct why *why);
/* waits: it goes to WAITING. */
int fold_take_wait(const struct record *r, struct task *t, bool waits,
	struct why *why);
void fold_fresh_tries(struct task *t);

/* A record of the type "items". */
int fold_items(struct state *s, const struct record *r, struct why *why);

#endif
