/* SPDX-License-Identifier: ISC */
/*
 * forget: what a person types for calls of `durexec step`: STEP/SUBSTEP, or
 * STEP[ITEM]/SUBSTEP, with patterns as in names.h. They are forgotten, and only
 * they: the step runs again, and what else it calls is replayed.
 */
#ifndef FORGET_H
#define FORGET_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"
#include "msg.h"
#include "plan.h"

/* Zero-initialised is empty. */
struct forget {
	struct {
		int unit;
		char *pattern;	/* of substep_forget() */
		char *word;	/* as it was typed */
		size_t found;
	} *v;
	size_t n, cap;
};

/* Add what the word means; dirfd: the run directory. False: it means none; why
 * says so when it begins with a step, else it is as it was. */
bool forget_find(struct forget *f, const struct plan *pl, int dirfd,
	const char *word, struct why *why);
/* Do it, durably; appends a line each to answer. -1 + why. */
int forget_all(const struct forget *f, const struct plan *pl, int dirfd,
	struct buf *answer, struct why *why);
void forget_release(struct forget *f);

#endif
