/* SPDX-License-Identifier: ISC */
/*
 * plan: what may start next. Pure: it reads the pipeline and the state, and
 * knows nothing of processes. All of it is linear in tasks and needs, and a
 * transition costs what depends on it.
 *
 * A unit is a task of the state that belongs to the file: a step, or a fan-out
 * (its own task, which gets the list of items), or an item. Units have the
 * numbers of their tasks.
 *
 * Units that may start stand in lanes: one for each pool, and one for those
 * without. A lane hands out units while it has a free slot and nothing holds
 * it back (a usage limit, min_interval). Units that wait for a time stand in a
 * heap of their own until plan_wake() finds them due.
 *
 * A unit is settled when what needs it may go on: DONE, SKIPPED, or in review
 * with allow_failure. A step is when it is, and all its items are. "Every step
 * above" is never spelled out: such a step is ready when it is the first that
 * is not settled. Fan-outs with the same items (step.root) are tied: what one
 * needs of another it needs of the same item. "Every step above" of an item
 * then means: of the tied ones, this item.
 *
 * Units are started in the order of the file, but tied fan-outs item by item:
 * all that can be done for the first item comes before the second one.
 */
#ifndef PLAN_H
#define PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "pipeline.h"
#include "state.h"

/* A binary heap of units, the first one on top. */
struct heap {
	int *v;
	int64_t *at;		/* the time that each waits for; NULL: they are
				   ordered as they are started */
	size_t n, cap, at_cap;
};

struct lane {
	const struct pool *pool;	/* NULL: the one without */
	struct heap ready;	/* units that may be ready */
	bool *used;		/* per slot: an attempt of this run has it */
	int free;		/* slots not used */
	int64_t parked_until;	/* a usage limit; 0 none */
	int64_t last_start_at;	/* of the pool's last attempt; 0 none */
	int64_t held_until;	/* the engine was told so (machine.h); 0 */
	bool told;		/* people know that it holds steps back */
	bool full;		/* as the engine was told: other pipelines have
				   its slots */
};

struct unit {
	int step;		/* -1: not, or no longer, in the file */
	int item;		/* place among the items; -1 none */
	int missing;		/* of what it needs item by item */
	int16_t slot;		/* 1 + the slot it has; 0 none */
	bool counted : 1;	/* settled, as the plan has seen it */
	bool chosen : 1;	/* --only, --until */
	bool queued : 1;	/* in a heap */
	bool stands : 1;	/* it counts in fanout.standing */
	bool admitted : 1;	/* and in fanout.admitted */
	bool due : 1;		/* WAITING, and its time has come */
};

/* What there is of a step. */
struct stage {
	int task;		/* its own */
	int missing;		/* unsettled steps that `needs` names, but for
				   the tied ones */
	int fanout;		/* index into plan.fanout; -1 none */
	bool counted;		/* settled, as the plan has seen it */
	bool chosen;		/* --only, --until: all of it */
	bool stray;		/* DONE as the fan-out that it was once, and
				   not all of its items were */
};

struct fanout {
	int step;
	int root;		/* index into plan.fanout: whose items it has;
				   possibly its own */
	int place;		/* among the members of the root */
	int *member;		/* of a root: steps tied together, in the order
				   of the file, itself included */
	int nmembers;
	int *passed;		/* of a root with more members, per item: so
				   many of them, from the first on, are
				   settled */
	int npassed;
	int known;		/* items that the plan knows */
	int open;		/* unsettled ones */
	int admitted;		/* of a step with `parallel`: items that run */
	int standing;		/* and that stand in a lane */
	int last;		/* the furthest item that was put there */
	struct heap backlog;	/* ready, and behind as many as may run */
	int64_t parked_until;	/* a usage limit, of one without a pool */
};

struct plan {
	const struct pipeline *p;
	struct state *s;
	struct stage *stage;	/* per step */
	struct unit *unit;	/* per task of the state */
	size_t nunits, unit_cap;
	struct fanout *fanout;
	int nfanouts;
	int *first, *dependent;	/* who names step i: dependent[first[i]…] */
	bool choosing;		/* only what is chosen starts */
	struct table wanted;	/* names of items that are chosen as soon as
				   they are known */
	struct arena wanted_names;
	int prefix;		/* ordinary steps before it are settled */
	int reach;		/* from there on: so are those before this one,
				   or they are tied to it */
	struct lane *lane;	/* 0: no pool; 1 + index of the pool */
	int nlanes;
	struct heap later;	/* waiting for a time, the earliest on top */
	int64_t clock;		/* of the last plan_wake() */
	int left;		/* ordinary steps not settled */
	int total;		/* units, where a fan-out whose items are known
				   counts by these */
	int failures;		/* units in review; allowed ones and awaited
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
/* After anything but plan_changed's cases (a rewind, a new choice, items that
 * joined a fan-out). */
void plan_rebuild(struct plan *pl);

/* A unit has moved (ended, or was set back to PENDING by its end). A fan-out's
 * own task: its items have been made known to the state before. */
void plan_changed(struct plan *pl, int unit);

/* Units whose time has come may start. now: ms, wall, here and below. */
void plan_wake(struct plan *pl, int64_t now);
/*
 * The next unit to start, or -1. It is taken off its lane: it is started
 * (plan_started), or given back (plan_give_back, plan_changed). *slot: a free
 * one of its pool, -1 when it needs none.
 */
int plan_next(struct plan *pl, int64_t now, int *slot);
void plan_give_back(struct plan *pl, int unit);
/* It has the slot (-1 none) until plan_changed(). */
void plan_started(struct plan *pl, int unit, int slot, int64_t now);
/* Is there a unit that waits for a time, or for a slot that others have? None
 * of them may start before *at (0: it cannot be known). */
bool plan_waits(const struct plan *pl, int64_t now, int64_t *at);
/* Is there a unit that neither a time nor a slot holds back? */
bool plan_startable(const struct plan *pl);
/* The lane of a unit as it would start now: index into pl->lane. */
int plan_lane(const struct plan *pl, int unit);

/* Does a unit stand in a lane? */
bool plan_ready(const struct plan *pl);
/* Nothing runs and nothing can start, but something is in review: now steps
 * with `always = review` may. False: there is none. */
bool plan_rest(struct plan *pl);
/* Every step is settled, clean-up as well. */
bool plan_finished(const struct plan *pl);

/* --only and --until: only what is chosen starts, from the next plan_rebuild()
 * on. The own task of a fan-out: all its items, present and to come. until: with
 * all that it needs, transitively. */
void plan_choose(struct plan *pl, int unit);
void plan_choose_until(struct plan *pl, int step);
/* An item, STEP[ITEM], of a fan-out whose items are not known. */
void plan_want(struct plan *pl, int step, const char *name);
/* It is in the file, and nothing else was chosen. */
bool plan_chosen(const struct plan *pl, int unit);

/* The task of the state with that index; a step's own task. */
struct task *plan_unit(const struct plan *pl, int unit);
struct task *plan_task(const struct plan *pl, int step);
/* The step of a task, or -1. */
int plan_step(const struct plan *pl, int unit);
/* The items of a fan-out: their units, *n of them; NULL: there are none, or they
 * are not known. */
const int *plan_items(const struct plan *pl, int step, int *n);
/* The unit of step `other` that an item, or else the step, `unit` needs: the
 * same item when they are tied; else the other step's own task. *tied says. */
int plan_needed(const struct plan *pl, int unit, int other, bool *tied);
/* Does the unit belong to people's counts? Not the own task of a fan-out whose
 * items are known (and are some). */
bool plan_counts(const struct plan *pl, int unit);
bool plan_settled(const struct plan *pl, int step);	/* with its items */
bool plan_unit_settled(const struct plan *pl, int unit);
/* blocked[unit]: pending, and something it needs is in review. */
void plan_blocked(const struct plan *pl, bool *blocked);
/* Units that need `unit`, directly or not, and itself: mark[]. The own task of
 * a fan-out stands for all its items. */
void plan_below(const struct plan *pl, int unit, bool *mark);
/* A tied fan-out whose items are not those of its root (yet, or any more). */
bool plan_misaligned(const struct plan *pl, int step);

/* Between plan.c, heap.c, lanes.c, wake.c, ties.c and spread.c. */
/* May it start, as far as its needs, its kind and the choice are concerned? */
bool plan_may_start(const struct plan *pl, int unit);
/* Does unit a start before unit b? */
bool plan_before(const struct plan *pl, int a, int b);
bool plan_ordinary(const struct plan *pl, int step);
/* at: only of the heap `later`. */
void heap_push(struct plan *pl, struct heap *h, int unit, int64_t at);
int heap_pop(struct plan *pl, struct heap *h);
int64_t heap_time(const struct heap *h, size_t i);
void lanes_init(struct plan *pl);
void lanes_release(struct plan *pl);
void lanes_rebuild(struct plan *pl);
/* Put it where it belongs, if it may start. */
void lanes_offer(struct plan *pl, int unit);
/* A limit that it has met holds others back. */
void lanes_hold(struct plan *pl, int unit);
/* What stands in a lane and may not start any more is not waited for. */
void lanes_drop_unready(struct plan *pl);
/* It has moved: its slot is free, its limit holds others back. */
void lanes_changed(struct plan *pl, int unit);
/* Fan-outs of the file, and who is tied to whom. */
void ties_init(struct plan *pl);
void ties_release(struct plan *pl);
bool ties_tied(const struct plan *pl, int a, int b);	/* two steps */
/* Of a root: how far its items are (fanout.passed). */
void ties_count(struct plan *pl, struct fanout *root);
/* Of the steps above, those that are tied to the unit are done for its item. */
bool ties_above_settled(const struct plan *pl, int unit);
/* An item is settled: what is tied to it is offered. */
void ties_settled(struct plan *pl, int unit);
/* stage.stray, looked up anew. */
bool ties_stray(const struct plan *pl, int step);
/* Of what it needs item by item, how many are not settled. */
int ties_missing(const struct plan *pl, int unit);

#endif
