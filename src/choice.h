/* SPDX-License-Identifier: ISC */
/* choice: --only and --until: the steps that this start may touch. */
#ifndef CHOICE_H
#define CHOICE_H

#include "options.h"
#include "session.h"

/* Are the names steps? Asked before anything is done. 0, or the exit status. */
int choice_check(const struct session *se, const struct options *o);
/* Tell the plan; says how a step that is done is run again. */
void choice_make(struct session *se, const struct options *o);

#endif
