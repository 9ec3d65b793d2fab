/* SPDX-License-Identifier: ISC */
/*
 * names: what a person types for steps and their items -> units of the plan.
 *
 *	STEP                   a step; of a fan-out its own task, which stands
 *	                       for all of the step
 *	STEP[ITEM], STEP/ITEM  an item: any bytes, brackets and slashes, too
 *
 * Both parts may be patterns (glob(7); "*" and "?" match a slash as well). What
 * is a name as it stands is meant by it, whatever it would match.
 */
#ifndef NAMES_H
#define NAMES_H

#include <stdbool.h>
#include <stddef.h>

#include "msg.h"
#include "plan.h"

/* Zero-initialised is empty. */
struct names {
	int *unit;
	size_t n, cap;
	int unlisted;		/* with -1: the word may be an item of this
				   step, whose items are not known; else -1 */
	bool loose;		/* items found by a pattern: what cannot be done
				   to some of them is done to the others */
};

/* The units that the word means, in place of what was found before. At least
 * one, or -1 + why: there is none, and what was probably meant. */
int names_find(const struct plan *pl, const char *word, struct names *found,
	struct why *why);
void names_release(struct names *found);

#endif
