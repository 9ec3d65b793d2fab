/* SPDX-License-Identifier: ISC */
/* lanes: which of the units that may start does: pools, so many items of a step
 * at a time. */
#include "plan.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"

static const struct stepconf *conf_of(const struct plan *pl, int unit)
{
	return pl->p->step[pl->unit[unit].step].conf;
}

/* The own task of a fan-out. */
static bool is_list(const struct plan *pl, int unit)
{
	return pl->unit[unit].item == -1 &&
		pl->stage[pl->unit[unit].step].fanout != -1;
}

int plan_lane(const struct plan *pl, int unit)
{
	/* what is left of an attempt needs no slot, nor does a list */
	if (plan_unit(pl, unit)->ran || is_list(pl, unit))
		return 0;
	return conf_of(pl, unit)->pool + 1;
}

/* The fan-out of an item; NULL: it is none. */
static struct fanout *fanout_of(struct plan *pl, int unit)
{
	return pl->unit[unit].item != -1 ?
		&pl->fanout[pl->stage[pl->unit[unit].step].fanout] : NULL;
}

/* A limit that another item without a pool met; 0 none. */
static int64_t parked_until(struct plan *pl, int unit)
{
	struct fanout *f = fanout_of(pl, unit);

	return f != NULL && !plan_unit(pl, unit)->ran ? f->parked_until : 0;
}

/* The fan-out of an item that has `parallel`, or NULL. */
static struct fanout *limited(struct plan *pl, int unit)
{
	return conf_of(pl, unit)->parallel > 0 ? fanout_of(pl, unit) : NULL;
}

static int parallel_of(const struct plan *pl, const struct fanout *f)
{
	return pl->p->step[f->step].conf->parallel;
}

/* It does not run any more; false: it did not. */
static bool release(struct plan *pl, int unit)
{
	struct fanout *f = limited(pl, unit);

	if (!pl->unit[unit].admitted)
		return false;
	assert(f != NULL);
	pl->unit[unit].admitted = false;
	f->admitted--;
	return true;
}

/* It stands in no lane any more. */
static void step_out(struct plan *pl, int unit)
{
	struct fanout *f = limited(pl, unit);

	if (!pl->unit[unit].stands)
		return;
	assert(f != NULL);
	if (--f->standing == 0)
		f->last = -1;
	pl->unit[unit].stands = false;
}

/* As many run as may. */
static bool is_full(struct plan *pl, int unit)
{
	const struct fanout *f = limited(pl, unit);

	return f != NULL && !plan_unit(pl, unit)->ran &&
		f->admitted >= parallel_of(pl, f);
}

/* Is there something that it waits for, or can it not start at all? */
static bool put_off(struct plan *pl, int unit)
{
	const struct task *t = plan_unit(pl, unit);
	int64_t parked = parked_until(pl, unit);

	if (!plan_may_start(pl, unit))
		return true;
	if (t->state == TASK_WAITING && !pl->unit[unit].due)
		heap_push(pl, &pl->later, unit, t->until_at);
	else if (parked > pl->clock)
		heap_push(pl, &pl->later, unit, parked);
	else
		return false;
	return true;
}

/* Put it into its lane. */
static void stand(struct plan *pl, int unit)
{
	struct fanout *f = limited(pl, unit);
	struct unit *u = &pl->unit[unit];

	if (f != NULL) {
		u->stands = true;
		f->standing++;
		if (u->item > f->last)
			f->last = u->item;
	}
	heap_push(pl, &pl->lane[plan_lane(pl, unit)].ready, unit, 0);
}

void lanes_offer(struct plan *pl, int unit)
{
	struct fanout *f;

	if (pl->unit[unit].queued || put_off(pl, unit))
		return;
	f = limited(pl, unit);
	/* behind as many as may run; what is left of an attempt is let
	 * through, as it needs no slot, either */
	if (f != NULL && f->admitted + f->standing >= parallel_of(pl, f) &&
	    pl->unit[unit].item > f->last && !plan_unit(pl, unit)->ran)
		heap_push(pl, &f->backlog, unit, 0);
	else
		stand(pl, unit);
}

/* One less runs. So of those that are ready, as many as may run now stand in
 * the lanes, or wait for the end of a limit: the first ones. */
static void feed(struct plan *pl, struct fanout *f)
{
	int unit;

	while (f != NULL && f->backlog.n > 0) {
		unit = heap_pop(pl, &f->backlog);
		if (!put_off(pl, unit))
			stand(pl, unit);
		if (pl->unit[unit].queued)
			break;
	}
}

static int slot_of(const struct lane *l, const char *name)
{
	int i;

	for (i = 0; l->pool != NULL && name != NULL && i < l->pool->nslots;
	    i++)
		if (strcmp(l->pool->slot[i], name) == 0)
			return i;
	return -1;
}

void lanes_hold(struct plan *pl, int unit)
{
	const struct task *t = plan_unit(pl, unit);
	struct lane *l = &pl->lane[conf_of(pl, unit)->pool + 1];
	struct fanout *f = fanout_of(pl, unit);

	if (t->state != TASK_WAITING || !t->parked)
		return;
	if (l->pool != NULL && t->until_at > l->parked_until)
		l->parked_until = t->until_at;
	if (l->pool == NULL && f != NULL && t->until_at > f->parked_until)
		f->parked_until = t->until_at;
}

/* What the lanes owe to an attempt that runs, or ran last. */
static void owe(struct plan *pl, int unit)
{
	struct lane *l = &pl->lane[conf_of(pl, unit)->pool + 1];
	const struct task *t = plan_unit(pl, unit);
	struct fanout *f = limited(pl, unit);
	int slot;

	lanes_hold(pl, unit);
	pl->unit[unit].slot = 0;
	if (f != NULL && t->state == TASK_RUNNING) {
		pl->unit[unit].admitted = true;
		f->admitted++;
	}
	if (l->pool == NULL || is_list(pl, unit))
		return;
	if (t->started_at > l->last_start_at)
		l->last_start_at = t->started_at;
	slot = t->state == TASK_RUNNING ? slot_of(l, t->slot) : -1;
	if (slot >= 0 && !l->used[slot]) {
		l->used[slot] = true;
		l->free--;
		pl->unit[unit].slot = (int16_t)(slot + 1);
	}
}

void lanes_rebuild(struct plan *pl)
{
	size_t k;
	int i;

	pl->later.n = 0;
	pl->clock = 0;
	for (i = 0; i < pl->nlanes; i++) {
		struct lane *l = &pl->lane[i];

		l->ready.n = 0;
		l->parked_until = l->last_start_at = 0;
		l->free = l->pool != NULL ? l->pool->nslots : 0;
		if (l->pool != NULL)
			memset(l->used, 0, (size_t)l->pool->nslots);
	}
	for (i = 0; i < pl->nfanouts; i++) {
		pl->fanout[i].backlog.n = 0;
		pl->fanout[i].admitted = pl->fanout[i].standing = 0;
		pl->fanout[i].last = -1;
		pl->fanout[i].parked_until = 0;
	}
	for (k = 0; k < pl->nunits; k++)
		if (pl->unit[k].step != -1)
			owe(pl, (int)k);
}

void lanes_init(struct plan *pl)
{
	const struct pipeline *p = pl->p;
	int i;

	pl->nlanes = p->npools + 1;
	pl->lane = mem_alloc((size_t)pl->nlanes * sizeof(*pl->lane));
	for (i = 0; i < p->npools; i++) {
		pl->lane[i + 1].pool = &p->pool[i];
		pl->lane[i + 1].used = mem_alloc((size_t)p->pool[i].nslots *
			sizeof(bool));
	}
}

void lanes_release(struct plan *pl)
{
	int i;

	free(pl->later.v);
	free(pl->later.at);
	for (i = 0; i < pl->nlanes; i++) {
		free(pl->lane[i].ready.v);
		free(pl->lane[i].used);
	}
	free(pl->lane);
}

/* Take out of the heap what may not start any more. */
static void drop_unready(struct plan *pl, struct heap *h)
{
	size_t n = h->n, k;

	/* never past what was read already */
	for (k = h->n = 0; k < n; k++) {
		int unit = h->v[k];
		int64_t at = heap_time(h, k);

		pl->unit[unit].queued = false;
		if (plan_may_start(pl, unit))
			heap_push(pl, h, unit, at);
	}
}

void lanes_drop_unready(struct plan *pl)
{
	int i;

	for (i = 0; i < pl->nlanes; i++)
		drop_unready(pl, &pl->lane[i].ready);
	for (i = 0; i < pl->nfanouts; i++)
		drop_unready(pl, &pl->fanout[i].backlog);
	drop_unready(pl, &pl->later);
}

void lanes_changed(struct plan *pl, int unit)
{
	struct lane *l = &pl->lane[conf_of(pl, unit)->pool + 1];
	int slot = pl->unit[unit].slot - 1;

	if (slot >= 0) {
		l->used[slot] = false;
		l->free++;
		pl->unit[unit].slot = 0;
	}
	pl->unit[unit].due = false;
	lanes_hold(pl, unit);
	if (release(pl, unit))
		feed(pl, limited(pl, unit));
}

/* When a lane with a free slot lets the next one go; 0: now. */
static int64_t lane_opens(const struct lane *l, int64_t now)
{
	int64_t at = 0, next;

	if (l->pool == NULL)
		return 0;
	at = l->parked_until > l->held_until ? l->parked_until :
		l->held_until;
	if (l->last_start_at != 0 && l->pool->min_interval_ms > 0) {
		next = l->last_start_at + l->pool->min_interval_ms;
		if (next > at)
			at = next;
	}
	return at > now ? at : 0;
}

/* What stands first and may not start, or not yet, goes. */
static void clear_top(struct plan *pl, struct lane *l, int64_t now)
{
	int64_t until;
	int unit;

	while (l->ready.n > 0) {
		unit = l->ready.v[0];
		until = parked_until(pl, unit);
		if (plan_may_start(pl, unit) && until <= now &&
		    !is_full(pl, unit))
			return;
		(void)heap_pop(pl, &l->ready);
		step_out(pl, unit);
		if (plan_may_start(pl, unit) && until > now)
			heap_push(pl, &pl->later, unit, until);
		else if (plan_may_start(pl, unit))
			heap_push(pl, &limited(pl, unit)->backlog, unit, 0);
	}
}

/* The lane whose first unit may start now, and is the first of all. */
static struct lane *next_lane(struct plan *pl, int64_t now)
{
	struct lane *best = NULL;
	int i;

	for (i = 0; i < pl->nlanes; i++) {
		struct lane *l = &pl->lane[i];

		clear_top(pl, l, now);
		if (l->ready.n == 0 || (l->pool != NULL && (l->free == 0 ||
		    l->full || lane_opens(l, now) != 0)))
			continue;
		if (best == NULL || plan_before(pl, l->ready.v[0],
		    best->ready.v[0]))
			best = l;
	}
	return best;
}

int plan_next(struct plan *pl, int64_t now, int *slot)
{
	struct lane *l = next_lane(pl, now);
	struct fanout *f;
	int unit;

	*slot = -1;
	if (l == NULL)
		return -1;
	while (l->pool != NULL && l->used[++*slot])
		;
	unit = heap_pop(pl, &l->ready);
	step_out(pl, unit);
	f = limited(pl, unit);
	if (f != NULL) {
		pl->unit[unit].admitted = true;
		f->admitted++;
	}
	return unit;
}

void plan_give_back(struct plan *pl, int unit)
{
	bool ran = release(pl, unit);

	lanes_offer(pl, unit);
	if (ran)
		feed(pl, limited(pl, unit));
}

void plan_started(struct plan *pl, int unit, int slot, int64_t now)
{
	struct lane *l = &pl->lane[conf_of(pl, unit)->pool + 1];

	if (l->pool == NULL || slot < 0)
		return;
	l->last_start_at = now;
	l->used[slot] = true;
	l->free--;
	pl->unit[unit].slot = (int16_t)(slot + 1);
}

bool plan_waits(const struct plan *pl, int64_t now, int64_t *at)
{
	bool any = false;
	int i;

	*at = 0;
	for (i = 0; i < pl->nlanes; i++) {
		const struct lane *l = &pl->lane[i];
		int64_t opens;

		if (l->pool == NULL || l->ready.n == 0 || l->free == 0)
			continue;
		opens = lane_opens(l, now);
		/* one that is full looks again soon: the engine's affair */
		any |= l->full || opens != 0;
		if (!l->full && opens != 0 && (*at == 0 || opens < *at))
			*at = opens;
	}
	/* none of them is waited for when none may start */
	if (pl->later.n > 0 && plan_may_start(pl, pl->later.v[0])) {
		any = true;
		if (*at == 0 || pl->later.at[0] < *at)
			*at = pl->later.at[0];
	}
	return any;
}

bool plan_startable(const struct plan *pl)
{
	int i;

	for (i = 0; i < pl->nlanes; i++) {
		const struct lane *l = &pl->lane[i];

		/* the clock is not asked: it goes on meanwhile */
		if (l->ready.n > 0 && (l->pool == NULL || (l->free > 0 &&
		    !l->full && l->parked_until == 0 && l->held_until == 0 &&
		    l->pool->min_interval_ms == 0)))
			return true;
	}
	return false;
}

bool plan_ready(const struct plan *pl)
{
	int i;

	for (i = 0; i < pl->nlanes; i++)
		if (pl->lane[i].ready.n > 0)
			return true;
	return false;
}
