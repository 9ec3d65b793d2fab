/* SPDX-License-Identifier: ISC */
/*
 * view: how the engine tells people what happens, without knowing how they
 * see it. A view is told after the transition is on disk.
 */
#ifndef VIEW_H
#define VIEW_H

#include <stdbool.h>
#include <stdint.h>

#include "pipeline.h"
#include "plan.h"
#include "rundir.h"
#include "state.h"

enum view_kind {
	VIEW_BEGIN,		/* the run is under way */
	VIEW_START,		/* step: its command was started */
	VIEW_ADOPT,		/* step: collected from an earlier durexec */
	VIEW_END,		/* step: DONE, SKIPPED, NEEDS_REVIEW, PENDING */
	VIEW_MESSAGE,		/* text */
	VIEW_WHERE,		/* USR1: print where we are */
	VIEW_REST		/* nothing runs any more; the last call */
};

struct view_event {
	enum view_kind kind;
	int task;		/* index into the state's; -1 none */
	int step;		/* its step; -1 none, or no longer in the file */
	/* The task as it was when it happened: it may have moved on. */
	enum task_state state;
	int attempt;
	struct outcome outcome;
	int64_t until_at;	/* of WAITING */
	char *text;		/* of VIEW_MESSAGE; of VIEW_END the reason; or
				   NULL */
	int64_t at;
};

/* What a view may read. */
struct view_run {
	const struct pipeline *p;
	const struct state *s;
	const struct plan *plan;
	const struct rundir *d;
};

struct view {
	void (*event)(struct view *v, const struct view_run *r,
		const struct view_event *e);
};

#endif
