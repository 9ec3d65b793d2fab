/* SPDX-License-Identifier: ISC */
/* needs: which step waits for which. */
#ifndef NEEDS_H
#define NEEDS_H

#include <stdbool.h>

#include "draft.h"

/*
 * After conf.h: needs of every step, and complaints about what they name,
 * about cycles, and about `stdin = step:NAME`. Linear in steps and names.
 */
void needs_resolve(struct draft *d);

/* Does the step wait for the other one? As it says itself, not by a third
 * one's needs. Asking about one step after the other is cheap. */
bool needs_has(struct draft *d, int step, int other);

#endif
