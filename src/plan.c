/* SPDX-License-Identifier: ISC */
#include "plan.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"

bool plan_ordinary(const struct plan *pl, int step)
{
	return pl->p->step[step].conf->always == ALWAYS_NO;
}

struct task *plan_unit(const struct plan *pl, int unit)
{
	return &pl->s->task[unit];
}

struct task *plan_task(const struct plan *pl, int step)
{
	return &pl->s->task[pl->stage[step].task];
}

int plan_step(const struct plan *pl, int unit)
{
	return unit >= 0 && (size_t)unit < pl->nunits ? pl->unit[unit].step :
		-1;
}

static bool in_review(const struct plan *pl, int unit)
{
	const struct task *t = plan_unit(pl, unit);

	return t->state == TASK_NEEDS_REVIEW && !t->approval &&
		!pl->p->step[pl->unit[unit].step].conf->allow_failure;
}

static bool awaits(const struct plan *pl, int unit)
{
	const struct task *t = plan_unit(pl, unit);

	return t->state == TASK_NEEDS_REVIEW && t->approval;
}

bool plan_unit_settled(const struct plan *pl, int unit)
{
	const struct task *t = plan_unit(pl, unit);
	int step = pl->unit[unit].step;

	switch ((enum task_state)t->state) {
	case TASK_DONE:
		return step == -1 || pl->unit[unit].item != -1 ||
			!pl->stage[step].stray;
	case TASK_SKIPPED:
		return true;
	case TASK_NEEDS_REVIEW:
		return !t->approval && step != -1 &&
			pl->p->step[step].conf->allow_failure;
	case TASK_PENDING:
	case TASK_RUNNING:
	case TASK_WAITING:
	case TASK_STATES:
		break;
	}
	return false;
}

static struct fanout *fanout_of(const struct plan *pl, int step)
{
	int f = pl->stage[step].fanout;

	return f != -1 ? &pl->fanout[f] : NULL;
}

bool plan_settled(const struct plan *pl, int step)
{
	const struct fanout *f = fanout_of(pl, step);

	return plan_unit_settled(pl, pl->stage[step].task) &&
		(f == NULL || f->open == 0);
}

bool plan_counts(const struct plan *pl, int unit)
{
	int step = plan_step(pl, unit), n;

	if (step == -1 || pl->unit[unit].item != -1)
		return step != -1;
	(void)plan_items(pl, step, &n);
	return n == 0;
}

/* Too many failures to start anything new. */
static bool failed_fast(const struct plan *pl)
{
	int limit = pl->p->fail_fast;

	if (limit == 0)
		return false;
	if (pl->p->fail_fast_percent)
		return (int64_t)pl->failures * 100 >=
			(int64_t)limit * pl->total;
	return pl->failures >= limit;
}

/* What "every step above" means for it. */
static bool above_settled(const struct plan *pl, int unit)
{
	return pl->unit[unit].step < pl->reach &&
		ties_above_settled(pl, unit);
}

/* The own task of a fan-out that has the items of another one. */
static bool follows(const struct plan *pl, int unit)
{
	const struct fanout *f = fanout_of(pl, pl->unit[unit].step);

	return f != NULL && pl->unit[unit].item == -1 &&
		&pl->fanout[f->root] != f;
}

bool plan_chosen(const struct plan *pl, int unit)
{
	const struct unit *u = &pl->unit[unit];

	return u->step != -1 && (!pl->choosing || u->chosen ||
		pl->stage[u->step].chosen);
}

bool plan_may_start(const struct plan *pl, int unit)
{
	const struct unit *u = &pl->unit[unit];
	const struct task *t = plan_unit(pl, unit);
	const struct step *st;

	if (u->step == -1 || (t->state != TASK_PENDING &&
	    t->state != TASK_WAITING))
		return false;
	/* that its items are known is no work, whatever was chosen */
	if (follows(pl, unit))
		return plan_unit_settled(pl,
			pl->stage[pl->p->step[u->step].root].task);
	/* nor is it to look again whether there are more of them */
	if (!plan_chosen(pl, unit) && (u->item != -1 ||
	    pl->stage[u->step].fanout == -1 || state_fan(pl->s, t) == NULL))
		return false;
	st = &pl->p->step[u->step];
	if (pl->stage[u->step].missing > 0 || u->missing > 0)
		return false;
	switch (st->conf->always) {
	case ALWAYS_NO:
		return !pl->closing && !pl->failed_fast &&
			(!st->needs_all || above_settled(pl, unit));
	case ALWAYS_DONE:
		return pl->left == 0 || pl->closing;
	case ALWAYS_REVIEW:
		return pl->left == 0 || pl->closing || pl->at_rest;
	}
	return false;
}

/* All of a step that may start. */
static void offer_step(struct plan *pl, int step)
{
	const int *items;
	int n, i;

	lanes_offer(pl, pl->stage[step].task);
	items = plan_items(pl, step, &n);
	for (i = 0; i < n; i++)
		lanes_offer(pl, items[i]);
}

static void offer_always(struct plan *pl)
{
	int i;

	for (i = 0; i < pl->p->nsteps; i++)
		if (!plan_ordinary(pl, i))
			offer_step(pl, i);
}

static bool is_past(const struct plan *pl, int step)
{
	return !plan_ordinary(pl, step) || pl->stage[step].counted;
}

/* Those that need every step above, and may go on now. */
static void advance(struct plan *pl)
{
	int n = pl->p->nsteps, was = pl->prefix;

	while (pl->prefix < n && is_past(pl, pl->prefix))
		pl->prefix++;
	if (pl->prefix == n)
		return;
	/* What lay between is settled, or tied to the step that was the first
	 * one and to this one: it has not to be looked at again. */
	if (pl->reach <= pl->prefix)
		pl->reach = pl->prefix + 1;
	if (pl->prefix != was)
		offer_step(pl, pl->prefix);
	while (pl->reach < n && (is_past(pl, pl->reach) ||
	    ties_tied(pl, pl->prefix, pl->reach)))
		if (!pl->stage[pl->reach++].counted)
			offer_step(pl, pl->reach - 1);
}

static void add_units(struct plan *pl)
{
	int i;

	while (pl->nunits < pl->s->ntasks) {
		i = (int)pl->nunits;
		pl->unit = mem_grow(pl->unit, pl->nunits, &pl->unit_cap,
			sizeof(*pl->unit));
		pl->unit[pl->nunits++] = (struct unit){ .step = -1,
			.item = -1, .chosen = pl->wanted.used > 0 &&
			table_get(&pl->wanted, plan_unit(pl, i)->name) !=
			TABLE_NONE };
	}
}

/* A unit for each task, as the file has them now. */
static void map_units(struct plan *pl)
{
	size_t i;
	int step, k, n;
	const int *items;

	add_units(pl);
	for (i = 0; i < pl->nunits; i++) {
		pl->unit[i].step = pl->unit[i].item = -1;
		pl->unit[i].missing = 0;
		pl->unit[i].queued = pl->unit[i].stands = false;
		pl->unit[i].admitted = pl->unit[i].due = false;
	}
	for (step = 0; step < pl->p->nsteps; step++) {
		pl->unit[pl->stage[step].task].step = step;
		items = plan_items(pl, step, &n);
		for (k = 0; k < n; k++) {
			pl->unit[items[k]].step = step;
			pl->unit[items[k]].item = k;
		}
	}
}

static void count_unit(struct plan *pl, int unit)
{
	pl->unit[unit].counted = plan_unit_settled(pl, unit);
	pl->failures += in_review(pl, unit);
	pl->approvals += awaits(pl, unit);
}

static void count_step(struct plan *pl, int step)
{
	struct fanout *f = fanout_of(pl, step);
	const int *items;
	int n, i;

	pl->stage[step].stray = ties_stray(pl, step);
	count_unit(pl, pl->stage[step].task);
	items = plan_items(pl, step, &n);
	pl->total += n > 0 ? n : 1;
	if (f != NULL) {
		f->known = n;
		f->open = 0;
	}
	assert(f != NULL || n == 0);
	for (i = 0; i < n; i++) {
		count_unit(pl, items[i]);
		f->open += !pl->unit[items[i]].counted;
	}
	pl->stage[step].counted = plan_settled(pl, step);
	pl->left += plan_ordinary(pl, step) && !pl->stage[step].counted;
}

void plan_rebuild(struct plan *pl)
{
	int n = pl->p->nsteps, i, k, items_n;
	const int *items;

	map_units(pl);
	lanes_rebuild(pl);
	pl->left = pl->failures = pl->approvals = pl->total = 0;
	pl->prefix = pl->reach = 0;
	pl->at_rest = false;
	for (i = 0; i < n; i++)
		count_step(pl, i);
	for (i = 0; i < n; i++) {
		struct stage *stage = &pl->stage[i];
		const struct step *st = &pl->p->step[i];

		stage->missing = 0;
		for (k = 0; k < st->nneeds; k++)
			stage->missing += !pl->stage[st->needs[k]].counted &&
				!ties_tied(pl, i, st->needs[k]);
		items = plan_items(pl, i, &items_n);
		for (k = 0; k < items_n; k++)
			pl->unit[items[k]].missing = ties_missing(pl,
				items[k]);
	}
	for (i = 0; i < pl->nfanouts; i++)
		if (pl->fanout[i].root == i)
			ties_count(pl, &pl->fanout[i]);
	pl->failed_fast = failed_fast(pl);
	advance(pl);
	for (i = 0; i < n; i++)
		offer_step(pl, i);
}

void plan_init(struct plan *pl, const struct pipeline *p, struct state *s)
{
	size_t n = (size_t)p->nsteps + 1;
	int i, k, total = 0;

	memset(pl, 0, sizeof(*pl));
	pl->p = p;
	pl->s = s;
	pl->stage = mem_alloc(n * sizeof(*pl->stage));
	pl->first = mem_alloc((n + 1) * sizeof(*pl->first));
	lanes_init(pl);
	ties_init(pl);
	for (i = 0; i < p->nsteps; i++) {
		pl->stage[i].task = state_task(s, p->step[i].name);
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

			pl->dependent[pl->first[need] +
				pl->stage[need].missing++] = i;
		}
	plan_rebuild(pl);
}

void plan_release(struct plan *pl)
{
	lanes_release(pl);
	ties_release(pl);
	free(pl->stage);
	free(pl->unit);
	free(pl->first);
	free(pl->dependent);
	table_release(&pl->wanted);
	arena_release(&pl->wanted_names);
	memset(pl, 0, sizeof(*pl));
}

static void step_settled(struct plan *pl, int step)
{
	int i;

	pl->stage[step].counted = true;
	if (plan_ordinary(pl, step) && --pl->left == 0)
		offer_always(pl);
	for (i = pl->first[step]; i < pl->first[step + 1]; i++) {
		int other = pl->dependent[i];

		if (!ties_tied(pl, step, other) &&
		    --pl->stage[other].missing == 0)
			offer_step(pl, other);
	}
	if (step == pl->prefix || step == pl->reach)
		advance(pl);
}

/* The list of a fan-out has become known. False: there is more to it than that
 * new items join. */
static bool join(struct plan *pl, int step)
{
	struct fanout *f = fanout_of(pl, step);
	const int *items;
	int n, i, before;

	assert(f != NULL);
	before = f->known;
	add_units(pl);
	items = plan_items(pl, step, &n);
	for (i = 0; i < before; i++)
		if (i >= n || pl->unit[items[i]].step != step ||
		    pl->unit[items[i]].item != i)
			return false;
	for (i = before; i < n; i++) {
		pl->unit[items[i]] = (struct unit){ .step = step, .item = i,
			.chosen = pl->unit[items[i]].chosen };
		if (plan_unit(pl, items[i])->state != TASK_PENDING)
			return false;
		pl->unit[items[i]].missing = ties_missing(pl, items[i]);
	}
	if (n > before)
		pl->total += n - (before > 0 ? before : 1);
	f->known = n;
	f->open += n - before;
	/* of more units, they may be few */
	if (pl->failed_fast && !failed_fast(pl))
		return false;
	if (&pl->fanout[f->root] == f)
		ties_count(pl, f);
	for (i = before; i < n; i++)
		lanes_offer(pl, items[i]);
	/* those that have the same items can follow */
	for (i = 0; i < f->nmembers; i++)
		lanes_offer(pl, pl->stage[f->member[i]].task);
	return true;
}

void plan_changed(struct plan *pl, int unit)
{
	struct unit *u = &pl->unit[unit];
	int step = u->step;
	struct fanout *f;

	if (step == -1)
		return;
	f = fanout_of(pl, step);
	lanes_changed(pl, unit);
	if (f != NULL && u->item == -1) {
		int64_t clock = pl->clock;

		if (!join(pl, step)) {
			plan_rebuild(pl);
			if (clock != 0)
				plan_wake(pl, clock);
			return;
		}
		u = &pl->unit[unit];
	}
	/* What is settled is unsettled by a rewind only, and that rebuilds. */
	if (plan_unit_settled(pl, unit) && !u->counted) {
		u->counted = true;
		if (u->item != -1) {
			assert(f != NULL);
			f->open--;
			ties_settled(pl, unit);
		}
	}
	if (!pl->stage[step].counted && plan_settled(pl, step))
		step_settled(pl, step);
	if (in_review(pl, unit)) {
		pl->failures++;
		if (!pl->failed_fast && failed_fast(pl)) {
			pl->failed_fast = true;
			lanes_drop_unready(pl);
		}
	}
	pl->approvals += awaits(pl, unit);
	lanes_offer(pl, unit);
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
