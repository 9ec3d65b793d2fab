/* SPDX-License-Identifier: ISC */
/* needs: which step waits for which. */
#ifndef NEEDS_H
#define NEEDS_H

#include "draft.h"

/*
 * After conf.h: needs of every step, and complaints about what they name,
 * about cycles, and about `stdin = step:NAME`. Linear in steps and names.
 */
void needs_resolve(struct draft *d);

#endif
