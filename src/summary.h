/* SPDX-License-Identifier: ISC */
/*
 * summary: where a run stands, worked out from its state for whoever shows it
 * (lines, status, JSON, the exit status).
 */
#ifndef SUMMARY_H
#define SUMMARY_H

#include <stdbool.h>
#include <stdint.h>

#include "pipeline.h"
#include "plan.h"
#include "rundir.h"
#include "state.h"

struct summary {
	bool live;
	const char *state;	/* running stopped done needs_review waiting */
	int total, done;	/* steps; of a fan-out whose list has any, its
				   items. DONE, SKIPPED and allowed failures
				   count as done */
	int review;		/* in review, allowed failures and approvals
				   not counted */
	int held;		/* of `review`: to be named (task.hold) */
	int approvals;		/* awaited */
	int allowed;		/* allowed failures */
	int running, waiting, pending, skipped;
	int64_t ended_at;	/* of a finished run; 0 */
	int64_t saved_ms;	/* of steps that earlier sessions did */
	int64_t cost, saved_cost;	/* millionths */
	int64_t until_at;	/* the earliest time waited for; 0 */
	int timed;		/* DONE by a command, which took */
	int64_t timed_ms;	/* so long, all together */
	int64_t running_since;	/* sum of the starts of `running` */
};

/* Add what stands of a step and its items; the sums and counts only. */
void summary_add(struct summary *sum, const struct plan *pl, int step);

/* live: a durexec runs it now. */
void summary_make(struct summary *sum, const struct plan *pl, bool live);

/* What durexec exits with at rest, as far as the steps decide it: 0 1 3 75.
 * no_wait: it was not to wait. */
int summary_status(const struct summary *sum, bool no_wait);

/* What a RUNNING step of a run without durexec really is. */
enum orphan { ORPHAN_LIVES, ORPHAN_ENDED, ORPHAN_GONE };
enum orphan summary_orphan(const struct rundir *d, const struct task *t,
	int *pid);

/* What a task said last: path (relative to the run directory) of the log of
 * the phase in which it failed, else stderr, else stdout; "" nothing. */
void summary_log(const struct rundir *d, const struct state *s,
	const struct task *t, struct buf *out);

/* Words of a command that goes on from here, a NUL behind each; *nwords 0:
 * there is nothing to type. ini: as the user would name the file. */
void summary_next(const struct summary *sum, const struct plan *pl,
	const char *ini, struct buf *out, int *nwords);

#endif
