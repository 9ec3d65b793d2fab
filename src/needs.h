/* SPDX-License-Identifier: ISC */
/* needs: which step waits for which. */
#ifndef NEEDS_H
#define NEEDS_H

#include "draft.h"

/*
 * After conf.h: needs of every step, and complaints about what they name, and
 * about cycles. A step whose own needs, or those of [defaults], leave out whose
 * items it has (`foreach = step:NAME`) needs that one too. Linear in steps and
 * names.
 */
void needs_resolve(struct draft *d);

#endif
