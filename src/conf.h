/* SPDX-License-Identifier: ISC */
/*
 * conf: how steps run: [defaults] and the keys of each [step NAME] become
 * struct stepconf. Steps that say nothing but `run` and `needs` share the one
 * of [defaults].
 */
#ifndef CONF_H
#define CONF_H

#include "draft.h"

/*
 * After given.h's two: run and conf of every step, and complaints about their
 * values and about steps without `run`.
 */
void conf_steps(struct draft *d);

/* After needs.h: complaints about ${NAME} that is not defined, in all values
 * that are put in later, [pipeline]'s too. */
void conf_check_refs(struct draft *d);

#endif
