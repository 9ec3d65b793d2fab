/* SPDX-License-Identifier: ISC */
/*
 * run: the event loop that ties plan, keepers, journal and views. It is given
 * an open run under its lock and returns when nothing of it runs any more.
 *
 * All callbacks only note what happened; once a turn of the loop, before it
 * sleeps, flush() starts what may start, commits the journal with one sync,
 * and only then sends jobs to keepers and tells the views.
 */
#ifndef RUN_H
#define RUN_H

#include <stdbool.h>
#include <sys/types.h>

#include "act.h"
#include "journal.h"
#include "machine.h"
#include "pipeline.h"
#include "plan.h"
#include "rundir.h"
#include "state.h"
#include "view.h"

struct run_options {
	int jobs;		/* 0: pipeline's, else the CPUs */
	bool resume;		/* what had failed while nobody watched is
				   tried again */
	bool closing;		/* the run is being closed: clean-up only */
	bool no_wait;		/* when all that is left waits for a time: end */
	bool collect;		/* stop what an earlier durexec left running, take
				   in how it ended, start nothing */
	bool now;		/* with collect: kill */
	bool pass;		/* what the first step writes goes to our
				   stdout and stderr as well */
	/* Called once when the run is under way (-d); NULL: nobody asks. */
	void (*under_way)(void *ctx);
	void *under_way_ctx;
};

struct run_result {
	int signo;		/* INT or TERM that stopped us; 0 none */
	bool stopped;		/* by request */
	bool state_lost;	/* the state could not be written */
	int unpassed;		/* errno: output could not be passed on; 0 */
	bool timed_out;		/* the pipeline's timeout */
	int *waiting;		/* for control_answer() */
	size_t nwaiting;
};

/* What the engine works on; all of it stays the caller's. */
struct run_parts {
	const struct pipeline *p;
	struct state *s;
	struct journal *j;
	struct rundir *d;
	struct home *h;
	struct plan *plan;
	struct view **view;	/* NULL-ended */
};

/* Around a verb; after ACT_RETRY: a person says that a limit is over; so it is in the
 * machine-wide pools that a step waited for before and none does after.
 * run_parked() is freed by run_unpark(), which warns when it cannot be
 * noted. */
int64_t *run_parked(const struct plan *pl);
void run_unpark(struct plan *pl, struct machine *m, enum act_verb verb,
	int64_t *parked);

void run_go(const struct run_parts *parts, const struct run_options *options,
	struct run_result *result);

#endif
