/* SPDX-License-Identifier: ISC */
/*
 * plan: what may start next. Pure: it reads the pipeline and the state, and
 * knows nothing of processes. All of it is linear in steps and needs, and a
 * transition costs what depends on it.
 *
 * A step is settled when what needs it may go on: DONE, SKIPPED, or in review
 * with allow_failure. "Every step above" is never spelled out: such a step is
 * ready when it is the first that is not settled.
 */
#ifndef PLAN_H
#define PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "pipeline.h"
#include "state.h"

struct plan {
	const struct pipeline *p;
	struct state *s;
	int *task;		/* step -> task of the state */
	int *missing;		/* unsettled steps that `needs` names */
	int *first, *dependent;	/* who names step i: dependent[first[i]…] */
	bool *counted;		/* settled, as the plan has seen it */
	bool *chosen;		/* --only, --until; NULL: all */
	bool *queued;
	int prefix;		/* ordinary steps before it are settled */
	int *heap, nheap;	/* steps that may be ready, lowest first */
	int left;		/* ordinary steps not settled */
	int failures;		/* steps in review, allowed ones not counted */
	bool failed_fast;	/* only clean-up steps start: too many
				   failures (fail_fast) */
	bool closing;		/* only clean-up steps start */
	bool at_rest;		/* something is in review and nothing else can
				   start: `always = review` steps may */
};

/* Builds the plan; makes tasks in s for all steps of p. */
void plan_init(struct plan *pl, const struct pipeline *p, struct state *s);
void plan_release(struct plan *pl);
/* After anything but plan_changed's cases (a rewind, a new choice). */
void plan_rebuild(struct plan *pl);

/* A step has moved (ended, or was set back to PENDING by its end). */
void plan_changed(struct plan *pl, int step);

/* The next step to start, lowest first, or -1. It is taken off the queue: it
 * is started, or given back with plan_changed(). */
int plan_next(struct plan *pl);

/* Nothing runs and nothing can start, but something is in review: now steps
 * with `always = review` may. False: there is none. */
bool plan_rest(struct plan *pl);
/* Every step is settled, clean-up as well. */
bool plan_finished(const struct plan *pl);

/* --only a,b and --until c: c and all it needs, transitively. */
void plan_choose_only(struct plan *pl, const int *steps, int n);
void plan_choose_until(struct plan *pl, int step);

struct task *plan_task(const struct plan *pl, int step);
bool plan_settled(const struct plan *pl, int step);
/* blocked[step]: pending, and something it needs is in review. */
void plan_blocked(const struct plan *pl, bool *blocked);
/* Steps that need `step`, directly or not, and itself: mark[]. */
void plan_below(const struct plan *pl, int step, bool *mark);

#endif
