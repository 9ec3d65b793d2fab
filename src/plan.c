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

/* May it start, as far as its needs, its kind and the choice are concerned? */
static bool ready(const struct plan *pl, int step)
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

int plan_lane(const struct plan *pl, int step)
{
	/* what is left of an attempt needs no slot */
	return plan_task(pl, step)->ran ? 0 :
		pl->p->step[step].conf->pool + 1;
}

static void offer(struct plan *pl, int step)
{
	if (pl->queued[step] || !ready(pl, step))
		return;
	if (plan_task(pl, step)->state == TASK_WAITING && !pl->due[step])
		push(pl, &pl->later, step);
	else
		push(pl, &pl->lane[plan_lane(pl, step)].ready, step);
}

static void offer_always(struct plan *pl)
{
	int i;

	for (i = 0; i < pl->p->nsteps; i++)
		if (!ordinary(pl, i))
			offer(pl, i);
}

static void advance(struct plan *pl)
{
	while (pl->prefix < pl->p->nsteps &&
	    (!ordinary(pl, pl->prefix) || pl->counted[pl->prefix]))
		pl->prefix++;
	if (pl->prefix < pl->p->nsteps)
		offer(pl, pl->prefix);
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
static void rebuild_lanes(struct plan *pl)
{
	int i, slot;

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

void plan_rebuild(struct plan *pl)
{
	int n = pl->p->nsteps, i, k;

	rebuild_lanes(pl);
	pl->later.n = 0;
	pl->clock = 0;
	pl->left = pl->failures = pl->approvals = pl->prefix = 0;
	pl->at_rest = false;
	memset(pl->due, 0, (size_t)n * sizeof(*pl->due));
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
		offer(pl, i);
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
	pl->due = mem_alloc(n * sizeof(*pl->due));
	pl->slot = mem_alloc(n * sizeof(*pl->slot));
	pl->nlanes = p->npools + 1;
	pl->lane = mem_alloc((size_t)pl->nlanes * sizeof(*pl->lane));
	for (i = 0; i < p->npools; i++) {
		pl->lane[i + 1].pool = &p->pool[i];
		pl->lane[i + 1].used = mem_alloc((size_t)p->pool[i].nslots *
			sizeof(bool));
	}
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
	int i;

	free(pl->task);
	free(pl->missing);
	free(pl->first);
	free(pl->dependent);
	free(pl->counted);
	free(pl->chosen);
	free(pl->queued);
	free(pl->due);
	free(pl->slot);
	free(pl->later.v);
	for (i = 0; i < pl->nlanes; i++) {
		free(pl->lane[i].ready.v);
		free(pl->lane[i].used);
	}
	free(pl->lane);
	memset(pl, 0, sizeof(*pl));
}

/* What stands in a lane and may not start any more is not waited for. */
static void drop_unready(struct plan *pl)
{
	for (int i = 0; i <= pl->nlanes; i++) {
		struct heap *h = i < pl->nlanes ? &pl->lane[i].ready :
			&pl->later;
		size_t n = h->n, k;

		/* never past what was read already */
		for (k = h->n = 0; k < n; k++) {
			int step = h->v[k];

			pl->queued[step] = false;
			if (ready(pl, step))
				push(pl, h, step);
		}
	}
}

void plan_changed(struct plan *pl, int step)
{
	struct lane *l = &pl->lane[pl->p->step[step].conf->pool + 1];
	bool settled = plan_settled(pl, step);
	int i, slot = pl->slot[step] - 1;

	if (slot >= 0) {
		l->used[slot] = false;
		l->free++;
		pl->slot[step] = 0;
	}
	pl->due[step] = false;
	hold(l, plan_task(pl, step));
	/* A settled step is unsettled by a rewind only, and that rebuilds. */
	if (settled && !pl->counted[step]) {
		pl->counted[step] = true;
		if (ordinary(pl, step) && --pl->left == 0)
			offer_always(pl);
		for (i = pl->first[step]; i < pl->first[step + 1]; i++) {
			pl->missing[pl->dependent[i]]--;
			offer(pl, pl->dependent[i]);
		}
		if (pl->prefix == step)
			advance(pl);
	}
	if (in_review(pl, step)) {
		pl->failures++;
		if (!pl->failed_fast && failed_fast(pl)) {
			pl->failed_fast = true;
			drop_unready(pl);
		}
	}
	pl->approvals += awaits(pl, step);
	offer(pl, step);
}

/* No wait is longer than its step allows: what seems to be was noted before
 * the clock was set back. */
static bool too_late(const struct plan *pl, int step, int64_t now)
{
	const struct stepconf *c = pl->p->step[step].conf;
	const struct task *t = plan_task(pl, step);

	return t->until_at - now > (t->parked ? c->wait_max_ms :
		/* jitter is 100 % at most */
		2 * c->retry_max_delay_ms);
}

static void clock_went_back(struct plan *pl, int64_t now)
{
	size_t i, n = pl->later.n;

	for (i = 1; i < (size_t)pl->nlanes; i++)
		if (pl->lane[i].last_start_at > now)
			pl->lane[i].last_start_at = now;
	/* those that stay keep their order, so what is left is a heap once
	 * they are pushed again */
	pl->later.n = 0;
	for (i = 0; i < n; i++) {
		int step = pl->later.v[i];

		pl->due[step] = too_late(pl, step, now);
		pl->queued[step] = false;
		offer(pl, step);
	}
}

void plan_wake(struct plan *pl, int64_t now)
{
	int step;

	if (now < pl->clock || pl->clock == 0)
		clock_went_back(pl, now);
	pl->clock = now;

	while (pl->later.n > 0 && (!ready(pl, pl->later.v[0]) ||
	    plan_task(pl, pl->later.v[0])->until_at <= now)) {
		step = pop(pl, &pl->later);
		pl->due[step] = true;
		offer(pl, step);
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

		while (l->ready.n > 0 && !ready(pl, l->ready.v[0]))
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
	offer(pl, step);
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
	if (pl->later.n > 0 && ready(pl, pl->later.v[0])) {
		int64_t due = plan_task(pl, pl->later.v[0])->until_at;

		any = true;
		if (*at == 0 || due < *at)
			*at = due;
	}
	return any;
}

bool plan_ready(const struct plan *pl)
{
	int i;

	for (i = 0; i < pl->nlanes; i++)
		if (pl->lane[i].ready.n > 0)
			return true;
	return false;
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
