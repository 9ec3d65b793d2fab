/* SPDX-License-Identifier: ISC */
/* known: what env.c and known.c share. Nobody else includes it. */
#ifndef KNOWN_H
#define KNOWN_H

#include "env.h"

/* Add what durexec itself tells an attempt, and what the steps it needs left
 * for it. -1 + why. */
int known(struct env *e, int step, int unit, int attempt, struct why *why);

/* Is it ITEM, ITEM_NAME …, which only items know? */
bool known_is_item(const char *name, size_t len);

/* For names that durexec makes itself, each once: no search. */
void known_own(struct env *e, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* Unless a stronger one of the name is there. */
void known_pair(struct env *e, const char *name, const char *value);

#endif
