/* SPDX-License-Identifier: ISC */
/* heap: which unit comes before which, and the first one of many. */
#include "plan.h"

#include "mem.h"

/* The first step of those that it is tied to. */
static int lead(const struct plan *pl, int step)
{
	int f = pl->stage[step].fanout;

	return f != -1 ? pl->fanout[pl->fanout[f].root].member[0] : step;
}

bool plan_before(const struct plan *pl, int a, int b)
{
	const struct unit *x = &pl->unit[a], *y = &pl->unit[b];
	int lead_x = lead(pl, x->step), lead_y = lead(pl, y->step);

	if (lead_x != lead_y)
		return lead_x < lead_y;
	return x->item != y->item ? x->item < y->item : x->step < y->step;
}

static bool before(const struct plan *pl, const struct heap *h, int a,
	int64_t a_at, size_t b)
{
	if (h->at != NULL && a_at != h->at[b])
		return a_at < h->at[b];
	return plan_before(pl, a, h->v[b]);
}

static void put(struct heap *h, size_t i, int unit, int64_t at)
{
	h->v[i] = unit;
	if (h->at != NULL)
		h->at[i] = at;
}

int64_t heap_time(const struct heap *h, size_t i)
{
	return h->at != NULL ? h->at[i] : 0;
}

void heap_push(struct plan *pl, struct heap *h, int unit, int64_t at)
{
	size_t i, up;

	h->v = mem_grow(h->v, h->n, &h->cap, sizeof(*h->v));
	if (h == &pl->later)
		h->at = mem_grow(h->at, h->n, &h->at_cap, sizeof(*h->at));
	for (i = h->n++; i > 0 && before(pl, h, unit, at,
	    up = (i - 1) / 2); i = up)
		put(h, i, h->v[up], heap_time(h, up));
	put(h, i, unit, at);
	pl->unit[unit].queued = true;
}

int heap_pop(struct plan *pl, struct heap *h)
{
	int top = h->v[0], last = h->v[--h->n];
	int64_t last_at = heap_time(h, h->n);
	size_t i = 0, down;

	for (; (down = 2 * i + 1) < h->n; i = down) {
		if (down + 1 < h->n && before(pl, h, h->v[down + 1],
		    heap_time(h, down + 1), down))
			down++;
		if (before(pl, h, last, last_at, down))
			break;
		put(h, i, h->v[down], heap_time(h, down));
	}
	put(h, i, last, last_at);
	pl->unit[top].queued = false;
	return top;
}
