/* SPDX-License-Identifier: ISC */
/*
 * prepare: a step and what of it is to be executed -> the message for a
 * keeper.
 */
#ifndef PREPARE_H
#define PREPARE_H

#include "buf.h"
#include "env.h"
#include "msg.h"

/*
 * Append the message for `phase` of attempt `attempt` of the step to out. e is
 * built anew. -1 + why: the step cannot be started (its env_file, a reference,
 * a directory): out is as it was.
 */
int prepare_phase(struct env *e, int step, int attempt, enum phase phase,
	struct buf *out, struct why *why);

/* The step's `check`, as a message whose output goes to the file `out_path`
 * (absolute). */
int prepare_check(struct env *e, int step, const char *out_path,
	struct buf *out, struct why *why);

#endif
