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

struct prepare_part {
	enum phase phase;
	int gate;		/* of PHASE_VERIFY: index into conf->gates */
	const char *slot;	/* of its pool; NULL none */
	int64_t turn;		/* job.h */
	const char *known;	/* of PHASE_INPUTS: a file of lines, its
				   stdin; NULL none */
};

/*
 * Append the message for that part of attempt `attempt` of the unit (plan.h), of
 * that step, to out. e is built anew. -1 + why: the step cannot be started (its env_file, a
 * reference, a directory): out is as it was.
 */
int prepare_phase(struct env *e, int step, int unit, int attempt,
	const struct prepare_part *part, struct buf *out, struct why *why);

/* The word of the part, as the state and the keeper know it: phase_word(), or
 * "verify.NAME"; in e's arena. */
const char *prepare_word(struct env *e, int step,
	const struct prepare_part *part);

/* A hook of the pipeline, as a message. `facts`: NULL-ended NAME=VALUE; its
 * output goes to the file `out_path` (absolute). */
int prepare_hook(struct env *e, enum hook hook, char *const *facts,
	int64_t timeout_ms, const char *out_path, struct buf *out,
	struct why *why);

/* The step's `check`, as a message whose output goes to the file `out_path`
 * (absolute). */
int prepare_check(struct env *e, int step, const char *out_path,
	struct buf *out, struct why *why);

#endif
