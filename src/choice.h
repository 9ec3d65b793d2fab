/* SPDX-License-Identifier: ISC */
/* choice: --only and --until: the steps and items that this start may touch. */
#ifndef CHOICE_H
#define CHOICE_H

#include "options.h"
#include "session.h"

/* Are the names steps, or items? Asked before anything is changed. anew: of a
 * run that is still to be made. 0, or the exit status. */
int choice_check(const struct session *se, const struct options *o,
	bool anew);
/* Tell the plan; says how what is done is run again. */
void choice_make(struct session *se, const struct options *o);

/* When the run is at rest: items that were chosen before their list was known,
 * and are not in it, are named. */
void choice_missed(const struct session *se, const struct options *o);

#endif
