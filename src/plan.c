/* SPDX-License-Identifier: ISC */
#include "plan.h"

#include <stdlib.h>
#include <string.h>

#include "mem.h"

static bool ordinary(const struct plan *pl, int step)
{
	return pl->p->step[step].conf->always == ALWAYS_NO;
}

struct task *plan_task(const struct plan *pl, int step)
{
	return &pl->s->task[pl->task[step]];
}

static bool in_review(const struct plan *pl, int step)
{
	const struct task *t = plan_task(pl, step);

	return t->state == TASK_NEEDS_REVIEW && !t->approval &&
		!pl->p->step[step].conf->allow_failure;
}

static bool awaits(const struct plan *pl, int step)
{
	const struct task *t = plan_task(pl, step);

	return t->state == TASK_NEEDS_REVIEW && t->approval;
}

bool plan_settled(const struct plan *pl, int step)
{
	const struct task *t = plan_task(pl, step);

	switch ((enum task_state)t->state) {
	case TASK_DONE:
	case TASK_SKIPPED:
		return true;
	case TASK_NEEDS_REVIEW:
		return pl->p->step[step].conf->allow_failure && !t->approval;
	case TASK_PENDING:
	case TASK_RUNNING:
	case TASK_WAITING:
	case TASK_STATES:
		break;
	}
	return false;
}

/* Too many failures to start anything new. */
static bool failed_fast(const struct plan *pl)
{
	int limit = pl->p->fail_fast;

	if (limit == 0)
		return false;
	if (pl->p->fail_fast_percent)
		return (int64_t)pl->failures * 100 >=
			(int64_t)limit * pl->p->nsteps;
	return pl->failures >= limit;
}

bool plan_may_start(const struct plan *pl, int step)
{
	const struct step *st = &pl->p->step[step];

	if ((plan_task(pl, step)->state != TASK_PENDING &&
	    plan_task(pl, step)->state != TASK_WAITING) ||
	    pl->missing[step] > 0 ||
	    (pl->chosen != NULL && !pl->chosen[step]))
		return false;
	switch (st->conf->always) {
	case ALWAYS_NO:
		return !pl->closing && !pl->failed_fast &&
			(!st->needs_all || pl->prefix == step);
	case ALWAYS_DONE:
		return pl->left == 0 || pl->closing;
	case ALWAYS_REVIEW:
		return pl->left == 0 || pl->closing || pl->at_rest;
	}
	return false;
}

static void offer_always(struct plan *pl)
{
	int i;

	for (i = 0; i < pl->p->nsteps; i++)
		if (!ordinary(pl, i))
			lanes_offer(pl, i);
}

static void advance(struct plan *pl)
{
	while (pl->prefix < pl->p->nsteps &&
	    (!ordinary(pl, pl->prefix) || pl->counted[pl->prefix]))
		pl->prefix++;
	if (pl->prefix < pl->p->nsteps)
		lanes_offer(pl, pl->prefix);
}

void plan_rebuild(struct plan *pl)
{
	int n = pl->p->nsteps, i, k;

	lanes_rebuild(pl);
	pl->left = pl->failures = pl->approvals = pl->prefix = 0;
	pl->at_rest = false;
	memset(pl->queued, 0, (size_t)n * sizeof(*pl->queued));
	for (i = 0; i < n; i++) {
		pl->counted[i] = plan_settled(pl, i);
		pl->left += ordinary(pl, i) && !pl->counted[i];
		pl->failures += in_review(pl, i);
		pl->approvals += awaits(pl, i);
	}
	for (i = 0; i < n; i++) {
		pl->missing[i] = 0;
		for (k = 0; k < pl->p->step[i].nneeds; k++)
			pl->missing[i] += !pl->counted[pl->p->step[i].needs[k]];
	}
	while (pl->prefix < n &&
	    (!ordinary(pl, pl->prefix) || pl->counted[pl->prefix]))
		pl->prefix++;
	pl->failed_fast = failed_fast(pl);
	for (i = 0; i < n; i++)
		lanes_offer(pl, i);
}

void plan_init(struct plan *pl, const struct pipeline *p, struct state *s)
{
	size_t n = (size_t)p->nsteps + 1;
	int i, k, total = 0;

	memset(pl, 0, sizeof(*pl));
	pl->p = p;
	pl->s = s;
	pl->task = mem_alloc(n * sizeof(*pl->task));
	pl->missing = mem_alloc(n * sizeof(*pl->missing));
	pl->first = mem_alloc((n + 1) * sizeof(*pl->first));
	pl->counted = mem_alloc(n * sizeof(*pl->counted));
	pl->queued = mem_alloc(n * sizeof(*pl->queued));
	lanes_init(pl);
	for (i = 0; i < p->nsteps; i++) {
		pl->task[i] = state_task(s, p->step[i].name);
		for (k = 0; k < p->step[i].nneeds; k++)
			pl->first[p->step[i].needs[k] + 1]++;
		total += p->step[i].nneeds;
	}
	pl->dependent = mem_alloc((size_t)(total + 1) *
		sizeof(*pl->dependent));
	for (i = 0; i < p->nsteps; i++)
		pl->first[i + 1] += pl->first[i];
	/* `missing` serves as the fill level here */
	for (i = 0; i < p->nsteps; i++)
		for (k = 0; k < p->step[i].nneeds; k++) {
			int need = p->step[i].needs[k];

			pl->dependent[pl->first[need] + pl->missing[need]++] =
				i;
		}
	plan_rebuild(pl);
}

void plan_release(struct plan *pl)
{
	free(pl->task);
	free(pl->missing);
	free(pl->first);
	free(pl->dependent);
	free(pl->counted);
	free(pl->chosen);
	free(pl->queued);
	lanes_release(pl);
	memset(pl, 0, sizeof(*pl));
}

void plan_changed(struct plan *pl, int step)
{
	bool settled = plan_settled(pl, step);
	int i;

	lanes_changed(pl, step);
	/* A settled step is unsettled by a rewind only, and that rebuilds. */
	if (settled && !pl->counted[step]) {
		pl->counted[step] = true;
		if (ordinary(pl, step) && --pl->left == 0)
			offer_always(pl);
		for (i = pl->first[step]; i < pl->first[step + 1]; i++) {
			pl->missing[pl->dependent[i]]--;
			lanes_offer(pl, pl->dependent[i]);
		}
		if (pl->prefix == step)
			advance(pl);
	}
	if (in_review(pl, step)) {
		pl->failures++;
		if (!pl->failed_fast && failed_fast(pl)) {
			pl->failed_fast = true;
			lanes_drop_unready(pl);
		}
	}
	pl->approvals += awaits(pl, step);
	lanes_offer(pl, step);
}

bool plan_rest(struct plan *pl)
{
	pl->at_rest = true;
	offer_always(pl);
	return plan_ready(pl);
}

bool plan_finished(const struct plan *pl)
{
	int i;

	if (pl->left > 0)
		return false;
	for (i = 0; i < pl->p->nsteps; i++)
		if (!plan_settled(pl, i))
			return false;
	return true;
}

void plan_choose_only(struct plan *pl, const int *steps, int n)
{
	int i;

	if (pl->chosen == NULL)
		pl->chosen = mem_alloc((size_t)pl->p->nsteps + 1);
	for (i = 0; i < n; i++)
		pl->chosen[steps[i]] = true;
	plan_rebuild(pl);
}

void plan_choose_until(struct plan *pl, int step)
{
	int *todo = mem_alloc((size_t)(pl->p->nsteps + 1) * sizeof(*todo));
	int n = 0, i, low = 0;

	if (pl->chosen == NULL)
		pl->chosen = mem_alloc((size_t)pl->p->nsteps + 1);
	todo[n++] = step;
	pl->chosen[step] = true;
	while (n > 0) {
		const struct step *st = &pl->p->step[todo[--n]];
		int at = (int)(st - pl->p->step);

		/* all above, each of them once: `low` is done already */
		for (i = low; st->needs_all && i < at; i++)
			if (ordinary(pl, i) && !pl->chosen[i]) {
				pl->chosen[i] = true;
				todo[n++] = i;
			}
		if (st->needs_all && at > low)
			low = at;
		for (i = 0; i < st->nneeds; i++)
			if (!pl->chosen[st->needs[i]]) {
				pl->chosen[st->needs[i]] = true;
				todo[n++] = st->needs[i];
			}
	}
	free(todo);
	plan_rebuild(pl);
}

/* Spread mark[] to everything that needs a marked step. */
static void spread(const struct plan *pl, bool *mark)
{
	int n = pl->p->nsteps, *todo, ntodo = 0, i, lowest = n, seen = n;

	todo = mem_alloc((size_t)(n + 1) * sizeof(*todo));
	for (i = 0; i < n; i++)
		if (mark[i])
			todo[ntodo++] = i;
	while (ntodo > 0) {
		int step = todo[--ntodo];

		if (ordinary(pl, step) && step < lowest)
			lowest = step;
		for (i = pl->first[step]; i < pl->first[step + 1]; i++)
			if (!mark[pl->dependent[i]]) {
				mark[pl->dependent[i]] = true;
				todo[ntodo++] = pl->dependent[i];
			}
		/* below the lowest marked one: whoever needs all above */
		for (i = lowest + 1; i < seen; i++)
			if (pl->p->step[i].needs_all && ordinary(pl, i) &&
			    !mark[i]) {
				mark[i] = true;
				todo[ntodo++] = i;
			}
		if (lowest + 1 < seen)
			seen = lowest + 1;
		/* clean-up comes after everything */
		for (i = 0; i < n && ntodo == 0 && lowest < n; i++)
			if (!ordinary(pl, i) && pl->p->step[i].needs_all &&
			    !mark[i]) {
				mark[i] = true;
				todo[ntodo++] = i;
			}
	}
	free(todo);
}

void plan_blocked(const struct plan *pl, bool *blocked)
{
	int i;

	for (i = 0; i < pl->p->nsteps; i++)
		blocked[i] = in_review(pl, i) || awaits(pl, i);
	spread(pl, blocked);
	for (i = 0; i < pl->p->nsteps; i++)
		blocked[i] &= plan_task(pl, i)->state == TASK_PENDING &&
			ordinary(pl, i);
}

void plan_below(const struct plan *pl, int step, bool *mark)
{
	mark[step] = true;
	spread(pl, mark);
}
