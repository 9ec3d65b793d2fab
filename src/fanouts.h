/* SPDX-License-Identifier: ISC */
/* fanouts: whose items a step has, and which step reads what of which. */
#ifndef FANOUTS_H
#define FANOUTS_H

#include "draft.h"

/*
 * After needs.h: root of every step, and complaints about what `foreach`,
 * `foreach_from` and `stdin` say with step:NAME. Linear in steps and names.
 */
void fanouts_resolve(struct draft *d);

#endif
