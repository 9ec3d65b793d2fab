/* SPDX-License-Identifier: ISC */
/*
 * plan: what may start next. Pure: it reads the pipeline and the state, and
 * knows nothing of processes. All of it is linear in steps and needs, and a
 * transition costs what depends on it.
 *
 * Steps that may start stand in lanes: one for each pool, and one for those
 * without. A lane hands out steps while it has a free slot and nothing holds
 * it back (a usage limit, min_interval). Steps that wait for a time stand in a
 * heap of their own until plan_wake() finds them due.
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

/* A binary heap of step numbers, the least on top. */
struct heap {
	int *v;
	size_t n, cap;
};

struct lane {
	const struct pool *pool;	/* NULL: the one without */
	struct heap ready;	/* steps that may be ready, lowest first */
	bool *used;		/* per slot: an attempt of this run has it */
	int free;		/* slots not used */
	int64_t parked_until;	/* a usage limit; 0 none */
	int64_t last_start_at;	/* of the pool's last attempt; 0 none */
	int64_t held_until;	/* the engine was told so (machine.h); 0 */
	bool told;		/* people know that it holds steps back */
	bool full;		/* as the engine was told: other pipelines have
				   its slots */
};

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
	struct lane *lane;	/* 0: no pool; 1 + index of the pool */
	int nlanes;
	struct heap later;	/* WAITING steps, the earliest on top */
	int16_t *slot;		/* per step: 1 + the slot it has; 0 none */
	int64_t clock;		/* of the last plan_wake() */
	bool *due;		/* WAITING, and its time has come */
	int left;		/* ordinary steps not settled */
	int failures;		/* steps in review; allowed ones and awaited
				   approvals not counted */
	int approvals;		/* awaited */
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

/* Steps whose time has come may start. now: ms, wall, here and below. */
void plan_wake(struct plan *pl, int64_t now);
/*
 * The next step to start, lowest first, or -1. It is taken off its lane: it is
 * started (plan_started), or given back (plan_give_back, plan_changed). *slot:
 * a free one of its pool, -1 when it needs none.
 */
int plan_next(struct plan *pl, int64_t now, int *slot);
void plan_give_back(struct plan *pl, int step);
/* It has the slot (-1 none) until plan_changed(). */
void plan_started(struct plan *pl, int step, int slot, int64_t now);
/* Is there a step that waits for a time, or for a slot that others have? None
 * of them may start before *at (0: it cannot be known). */
bool plan_waits(const struct plan *pl, int64_t now, int64_t *at);
/* Is there a step that neither a time nor a slot holds back? */
bool plan_startable(const struct plan *pl);
/* The lane of a step as it would start now: index into pl->lane. */
int plan_lane(const struct plan *pl, int step);

/* Does a step stand in a lane? */
bool plan_ready(const struct plan *pl);
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

/* Between plan.c and lanes.c. */
/* May it start, as far as its needs, its kind and the choice are concerned? */
bool plan_may_start(const struct plan *pl, int step);
void lanes_init(struct plan *pl);
void lanes_release(struct plan *pl);
void lanes_rebuild(struct plan *pl);
/* Put it where it belongs, if it may start. */
void lanes_offer(struct plan *pl, int step);
/* What stands in a lane and may not start any more is not waited for. */
void lanes_drop_unready(struct plan *pl);
/* It has moved: its slot is free, its limit holds others back. */
void lanes_changed(struct plan *pl, int step);

#endif
