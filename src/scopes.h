/* SPDX-License-Identifier: ISC */
/*
 * scopes: is everything defined that values refer to as ${NAME} and that is
 * put in when a step starts?
 */
#ifndef SCOPES_H
#define SCOPES_H

#include "draft.h"

/* After needs.h: complaints about ${NAME} that is not defined, in all values
 * that are put in later, [pipeline]'s too. */
void scopes_check(struct draft *d);

#endif
