/* SPDX-License-Identifier: ISC */
/*
 * shown: tasks as people see them: what the state says, put right where it
 * cannot know (its durexec was killed), with what is derived from it. Used by
 * the table and by the JSON.
 */
#ifndef SHOWN_H
#define SHOWN_H

#include <stdbool.h>

#include "buf.h"
#include "stale.h"
#include "substep.h"
#include "view.h"

struct showing {
	const struct view_run *r;
	bool live;		/* a durexec runs it */
	bool *blocked;		/* per unit */
	struct stale stale;
	struct buf item, why;	/* of the task shown last */
	bool subs;		/* some script has called `durexec step` */
};

struct shown {
	const struct task *t;
	enum task_state state;
	const char *item;	/* any bytes; NULL: a step */
	const char *reason;
	const char *why_stale;	/* NULL: it is not; else why, safe */
	int pid;		/* 0: not running */
	bool blocked;
};

/* The items of a fan-out, counted. */
struct shown_items {
	int n[TASK_STATES], total;
	int settled;		/* what needs them may go on */
	int allowed;		/* of those in review: failed, which is
				   allowed */
	int blocked;
	int stale;		/* so many; and the first of them: */
	int first_stale;
	int64_t cost;
	enum task_state state;	/* of the whole */
};

void showing_init(struct showing *sh, const struct view_run *r, bool live);
void showing_release(struct showing *sh);

/* Valid until the next one. */
void shown_make(struct showing *sh, int unit, struct shown *s);
/* False: the step is no fan-out, or its items are not known; then nothing but
 * zeros. */
bool shown_items(struct showing *sh, int step, struct shown_items *items);
/* What its script has called by `durexec step`, the last `most`; release it.
 * False: nothing. */
bool shown_calls(const struct showing *sh, const struct task *t, size_t most,
	struct substep_list *l);
/* Is it shown without --all? */
bool shown_matters(const struct task *t);

#endif
