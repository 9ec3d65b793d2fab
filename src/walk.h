/* SPDX-License-Identifier: ISC */
/* walk: the units of a plan in the order of the file: each step, a fan-out's
 * items behind it. */
#ifndef WALK_H
#define WALK_H

#include "plan.h"

/* Zero-initialise all but pl. */
struct walk {
	const struct plan *pl;
	int next;		/* step */
	const int *items;
	int n, i;
};

/* The next unit; -1: that was the last. */
int walk_next(struct walk *w);

#endif
