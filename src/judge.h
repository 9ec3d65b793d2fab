/* SPDX-License-Identifier: ISC */
/*
 * judge: how a phase ended -> what becomes of the task. Pure. An unknown or
 * unclear end is never a success.
 */
#ifndef JUDGE_H
#define JUDGE_H

#include <stdbool.h>

#include "job.h"
#include "pipeline.h"
#include "state.h"

enum verdict_next {
	NEXT_END,		/* the task goes to `state` */
	NEXT_RUN,		/* the condition holds: now the command */
	NEXT_SETTLE		/* the command succeeded: now outputs, stdout */
};

struct verdict {
	enum verdict_next next;
	enum task_state state;
	bool rerun;		/* PENDING, and the command has to run again
				   although it succeeded once */
	char reason[256];	/* "" none */
};

struct verdict judge(const struct stepconf *conf, const struct task *task,
	const struct report *report);

/* Does an exit code count as success? */
bool judge_exit_ok(const struct stepconf *conf, int code);

#endif
