/* SPDX-License-Identifier: ISC */
/*
 * scopes: is everything defined that values refer to as ${NAME} and that is
 * put in when a step starts? And does nothing stand in the file that is to be
 * secret?
 */
#ifndef SCOPES_H
#define SCOPES_H

#include "draft.h"

/* After needs.h: complaints about ${NAME} that is not defined, in all values
 * that are put in later, [pipeline]'s too; and about `secrets` whose value is
 * given by env.NAME or a parameter. */
void scopes_check(struct draft *d);

#endif
