/* SPDX-License-Identifier: ISC */
/* lanes: which of the steps that may start does: pools, times waited for. */
#include "plan.h"

#include <stdlib.h>
#include <string.h>

#include "mem.h"

/* Which of two steps comes first: by number, or by the time waited for. */
static bool before(const struct plan *pl, const struct heap *h, int a, int b)
{
	int64_t x, y;

	if (h != &pl->later)
		return a < b;
	x = plan_task(pl, a)->until_at;
	y = plan_task(pl, b)->until_at;
	return x < y || (x == y && a < b);
}

static void push(struct plan *pl, struct heap *h, int step)
{
	size_t i, up;

	h->v = mem_grow(h->v, h->n, &h->cap, sizeof(*h->v));
	for (i = h->n++; i > 0 && before(pl, h, step,
	    h->v[up = (i - 1) / 2]); i = up)
		h->v[i] = h->v[up];
	h->v[i] = step;
	pl->queued[step] = true;
}

static int pop(struct plan *pl, struct heap *h)
{
	int top = h->v[0], last = h->v[--h->n];
	size_t i = 0, down;

	for (; (down = 2 * i + 1) < h->n; i = down) {
		if (down + 1 < h->n && before(pl, h, h->v[down + 1],
		    h->v[down]))
			down++;
		if (!before(pl, h, h->v[down], last))
			break;
		h->v[i] = h->v[down];
	}
	h->v[i] = last;
	pl->queued[top] = false;
	return top;
}

int plan_lane(const struct plan *pl, int step)
{
	/* what is left of an attempt needs no slot */
	return plan_task(pl, step)->ran ? 0 :
		pl->p->step[step].conf->pool + 1;
}

void lanes_offer(struct plan *pl, int step)
{
	if (pl->queued[step] || !plan_may_start(pl, step))
		return;
	if (plan_task(pl, step)->state == TASK_WAITING && !pl->due[step])
		push(pl, &pl->later, step);
	else
		push(pl, &pl->lane[plan_lane(pl, step)].ready, step);
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

static void hold(struct lane *l, const struct task *t)
{
	if (t->state == TASK_WAITING && t->parked &&
	    t->until_at > l->parked_until)
		l->parked_until = t->until_at;
}

/* What the lanes owe to attempts that run, and to limits that were met. */
void lanes_rebuild(struct plan *pl)
{
	int i, slot;

	pl->later.n = 0;
	pl->clock = 0;
	memset(pl->due, 0, (size_t)pl->p->nsteps * sizeof(*pl->due));
	for (i = 0; i < pl->nlanes; i++) {
		struct lane *l = &pl->lane[i];

		l->ready.n = 0;
		l->parked_until = l->last_start_at = 0;
		l->free = l->pool != NULL ? l->pool->nslots : 0;
		if (l->pool != NULL)
			memset(l->used, 0, (size_t)l->pool->nslots);
	}
	for (i = 0; i < pl->p->nsteps && pl->nlanes > 1; i++) {
		struct lane *l = &pl->lane[pl->p->step[i].conf->pool + 1];
		const struct task *t = plan_task(pl, i);

		if (l->pool == NULL)
			continue;
		hold(l, t);
		if (t->started_at > l->last_start_at)
			l->last_start_at = t->started_at;
		slot = t->state == TASK_RUNNING ? slot_of(l, t->slot) : -1;
		pl->slot[i] = 0;
		if (slot >= 0 && !l->used[slot]) {
			l->used[slot] = true;
			l->free--;
			pl->slot[i] = slot + 1;
		}
	}
}

void lanes_init(struct plan *pl)
{
	const struct pipeline *p = pl->p;
	size_t n = (size_t)p->nsteps + 1;
	int i;

	pl->due = mem_alloc(n * sizeof(*pl->due));
	pl->slot = mem_alloc(n * sizeof(*pl->slot));
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

	free(pl->due);
	free(pl->slot);
	free(pl->later.v);
	for (i = 0; i < pl->nlanes; i++) {
		free(pl->lane[i].ready.v);
		free(pl->lane[i].used);
	}
	free(pl->lane);
}

void lanes_drop_unready(struct plan *pl)
{
	for (int i = 0; i <= pl->nlanes; i++) {
		struct heap *h = i < pl->nlanes ? &pl->lane[i].ready :
			&pl->later;
		size_t n = h->n, k;

		/* never past what was read already */
		for (k = h->n = 0; k < n; k++) {
			int step = h->v[k];

			pl->queued[step] = false;
			if (plan_may_start(pl, step))
				push(pl, h, step);
		}
	}
}

void lanes_changed(struct plan *pl, int step)
{
	struct lane *l = &pl->lane[pl->p->step[step].conf->pool + 1];
	int slot = pl->slot[step] - 1;

	if (slot >= 0) {
		l->used[slot] = false;
		l->free++;
		pl->slot[step] = 0;
	}
	pl->due[step] = false;
	hold(l, plan_task(pl, step));
}

/* A small step of the clock changes little, and happens often. */
enum { CLOCK_STEP_MS = 60 * 1000 };

/* Was the wait noted at a time that is still to come? Then the clock was set
 * back since, and its end says nothing. */
static bool too_late(const struct plan *pl, int step, int64_t now)
{
	return plan_task(pl, step)->ended_at > now + CLOCK_STEP_MS;
}

static void clock_went_back(struct plan *pl, int64_t now)
{
	size_t i, n = pl->later.n;
	int step;

	for (i = 1; i < (size_t)pl->nlanes; i++) {
		struct lane *l = &pl->lane[i];

		if (l->last_start_at > now)
			l->last_start_at = now;
		l->parked_until = 0;
		/* who said so is asked again */
		if (pl->clock != 0)
			l->held_until = 0;
	}
	/* a limit that is no longer waited for holds nobody else */
	for (step = 0; step < pl->p->nsteps && pl->nlanes > 1; step++)
		if (!pl->due[step] && !too_late(pl, step, now))
			hold(&pl->lane[pl->p->step[step].conf->pool + 1],
				plan_task(pl, step));
	/* those that stay keep their order, so what is left is a heap once
	 * they are pushed again */
	pl->later.n = 0;
	for (i = 0; i < n; i++) {
		step = pl->later.v[i];
		pl->due[step] = too_late(pl, step, now);
		pl->queued[step] = false;
		lanes_offer(pl, step);
	}
}

void plan_wake(struct plan *pl, int64_t now)
{
	int step;

	if (now < pl->clock || pl->clock == 0)
		clock_went_back(pl, now);
	pl->clock = now;

	while (pl->later.n > 0 && (!plan_may_start(pl, pl->later.v[0]) ||
	    plan_task(pl, pl->later.v[0])->until_at <= now)) {
		step = pop(pl, &pl->later);
		pl->due[step] = true;
		lanes_offer(pl, step);
	}
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

/* The lane whose lowest step may start now, and is the lowest of all. */
static struct lane *next_lane(struct plan *pl, int64_t now)
{
	struct lane *best = NULL;
	int i;

	for (i = 0; i < pl->nlanes; i++) {
		struct lane *l = &pl->lane[i];

		while (l->ready.n > 0 && !plan_may_start(pl, l->ready.v[0]))
			(void)pop(pl, &l->ready);
		if (l->ready.n == 0 || (l->pool != NULL && (l->free == 0 ||
		    l->full || lane_opens(l, now) != 0)))
			continue;
		if (best == NULL || l->ready.v[0] < best->ready.v[0])
			best = l;
	}
	return best;
}

int plan_next(struct plan *pl, int64_t now, int *slot)
{
	struct lane *l = next_lane(pl, now);

	*slot = -1;
	if (l == NULL)
		return -1;
	while (l->pool != NULL && l->used[++*slot])
		;
	return pop(pl, &l->ready);
}

void plan_give_back(struct plan *pl, int step)
{
	lanes_offer(pl, step);
}

void plan_started(struct plan *pl, int step, int slot, int64_t now)
{
	struct lane *l = &pl->lane[pl->p->step[step].conf->pool + 1];

	if (l->pool == NULL || slot < 0)
		return;
	l->last_start_at = now;
	l->used[slot] = true;
	l->free--;
	pl->slot[step] = slot + 1;
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
		int64_t due = plan_task(pl, pl->later.v[0])->until_at;

		any = true;
		if (*at == 0 || due < *at)
			*at = due;
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
