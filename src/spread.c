/* SPDX-License-Identifier: ISC */
/* spread: who hangs on whom, transitively; and what a person chose. */
#include "plan.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"

struct spread {
	const struct plan *pl;
	bool *mark;		/* per unit */
	bool *whole;		/* per step: all of it is marked */
	int *todo;		/* units that are marked, and not yet seen to */
	size_t n, cap;
	int lowest;		/* all that need every step above, from this
				   one on, are marked */
	int *next;		/* per step: the next one that needs every step
				   above */
	int *next_tied;		/* per fan-out: the next of those that is tied
				   to it; nsteps: none */
	int *swept;		/* per fan-out, of roots: from this step on it
				   was looked for those that are not tied */
};

static void push(struct spread *sp, int unit)
{
	if (sp->mark[unit])
		return;
	sp->mark[unit] = true;
	sp->todo = mem_grow(sp->todo, sp->n, &sp->cap, sizeof(*sp->todo));
	sp->todo[sp->n++] = unit;
}

static void push_step(struct spread *sp, int step)
{
	const int *items;
	int n, i;

	if (sp->whole[step])
		return;
	sp->whole[step] = true;
	push(sp, sp->pl->stage[step].task);
	items = plan_items(sp->pl, step, &n);
	for (i = 0; i < n; i++)
		push(sp, items[i]);
}

static bool needs_above(const struct plan *pl, int step)
{
	return pl->p->step[step].needs_all && plan_ordinary(pl, step);
}

/* The same item of a step that is tied to the unit's; all of it where the item
 * is not known there. */
static void push_same(struct spread *sp, int unit, int step)
{
	bool tied;
	int other = plan_needed(sp->pl, unit, step, &tied);

	if (tied)
		push(sp, other);
	else
		push_step(sp, step);
}

/* Everything below that needs every step above. */
static void sweep(struct spread *sp, int step)
{
	int i, until = sp->lowest;

	if (step + 1 >= until)
		return;
	sp->lowest = step + 1;
	for (i = step + 1; i < until; i++)
		if (needs_above(sp->pl, i))
			push_step(sp, i);
}

/* The same from one item: steps that are tied to it hang on this item. Only the
 * first one of each kind: the others hang on that as well. */
static void sweep_tied(struct spread *sp, int unit, const struct fanout *f)
{
	const struct plan *pl = sp->pl;
	int i = sp->next_tied[f - pl->fanout], until = sp->swept[f->root];

	if (i < pl->p->nsteps)
		push_same(sp, unit, i);
	if (f->step >= until)
		return;
	sp->swept[f->root] = f->step;
	for (i = sp->next[f->step]; i < until; i = sp->next[i])
		if (!ties_tied(pl, f->step, i)) {
			push_step(sp, i);
			break;
		}
}

static void spread_unit(struct spread *sp, int unit)
{
	const struct plan *pl = sp->pl;
	const struct unit *u = &pl->unit[unit];
	const struct fanout *f = pl->stage[u->step].fanout != -1 ?
		&pl->fanout[pl->stage[u->step].fanout] : NULL;
	int i, other;

	if (u->item == -1)
		push_step(sp, u->step);
	for (i = pl->first[u->step]; i < pl->first[u->step + 1]; i++) {
		other = pl->dependent[i];
		if (u->item != -1 && ties_tied(pl, u->step, other))
			push_same(sp, unit, other);
		else
			push_step(sp, other);
	}
	if (!plan_ordinary(pl, u->step))
		return;
	/* an item is always of a fan-out */
	assert(u->item == -1 || f != NULL);
	if (u->item != -1 && pl->fanout[f->root].nmembers > 1)
		sweep_tied(sp, unit, f);
	else
		sweep(sp, u->step);
}

static void spread_init(struct spread *sp)
{
	const struct plan *pl = sp->pl;
	int n = pl->p->nsteps, i, next = n;
	size_t fans = (size_t)pl->nfanouts + 1;

	sp->lowest = n;
	sp->whole = mem_alloc((size_t)n + 1);
	sp->next = mem_alloc(((size_t)n + 1) * sizeof(*sp->next));
	sp->next_tied = mem_alloc(fans * sizeof(*sp->next_tied));
	sp->swept = mem_alloc(fans * sizeof(*sp->swept));
	for (i = n - 1; i >= 0; i--) {
		sp->next[i] = next;
		if (needs_above(pl, i))
			next = i;
	}
	for (i = 0; i < pl->nfanouts; i++)
		sp->swept[i] = n;
	/* meanwhile `swept` is the last one seen */
	for (i = pl->nfanouts - 1; i >= 0; i--) {
		const struct fanout *f = &pl->fanout[i];

		sp->next_tied[i] = sp->swept[f->root];
		if (needs_above(pl, f->step))
			sp->swept[f->root] = f->step;
	}
	for (i = 0; i < pl->nfanouts; i++)
		sp->swept[i] = n;
}

/* Spread mark[] to everything that needs a marked unit. */
static void spread(const struct plan *pl, bool *mark)
{
	struct spread sp = { .pl = pl, .mark = mark };
	bool any = false;
	size_t i;
	int step;

	spread_init(&sp);
	for (i = 0; i < pl->nunits; i++)
		if (mark[i] && pl->unit[i].step != -1) {
			mark[i] = false;
			push(&sp, (int)i);
			any |= plan_ordinary(pl, pl->unit[i].step);
		}
	while (sp.n > 0)
		spread_unit(&sp, sp.todo[--sp.n]);
	/* clean-up comes after everything */
	for (step = 0; step < pl->p->nsteps && any; step++)
		if (!plan_ordinary(pl, step) && pl->p->step[step].needs_all)
			push_step(&sp, step);
	while (sp.n > 0)
		spread_unit(&sp, sp.todo[--sp.n]);
	free(sp.whole);
	free(sp.next);
	free(sp.next_tied);
	free(sp.swept);
	free(sp.todo);
}

void plan_blocked(const struct plan *pl, bool *blocked)
{
	size_t i;

	for (i = 0; i < pl->nunits; i++)
		blocked[i] = pl->unit[i].step != -1 &&
			plan_unit(pl, (int)i)->state == TASK_NEEDS_REVIEW &&
			!plan_unit_settled(pl, (int)i);
	spread(pl, blocked);
	for (i = 0; i < pl->nunits; i++)
		blocked[i] = blocked[i] && plan_unit(pl, (int)i)->state ==
			TASK_PENDING && plan_ordinary(pl, pl->unit[i].step);
}

void plan_below(const struct plan *pl, int unit, bool *mark)
{
	mark[unit] = true;
	spread(pl, mark);
}

void plan_choose(struct plan *pl, int unit)
{
	const struct unit *u = &pl->unit[unit];

	assert(u->step != -1);
	pl->choosing = true;
	if (u->item == -1)
		pl->stage[u->step].chosen = true;
	else
		pl->unit[unit].chosen = true;
}

void plan_want(struct plan *pl, int step, const char *name)
{
	int root = pl->p->step[step].root, unit = state_find(pl->s, name);

	pl->choosing = true;
	/* the list, and none of its items */
	pl->unit[pl->stage[root].task].chosen = true;
	/* it may have been listed once */
	if (unit != -1)
		pl->unit[unit].chosen = true;
	if (table_get(&pl->wanted, name) == TABLE_NONE)
		table_put(&pl->wanted, arena_dup(&pl->wanted_names, name),
			step);
}

void plan_choose_until(struct plan *pl, int step)
{
	size_t size = (size_t)pl->p->nsteps + 1;
	int *todo = mem_alloc(size * sizeof(*todo));
	bool *seen = mem_alloc(size);	/* others may be chosen already */
	int n = 0, i, low = 0;

	pl->choosing = true;
	todo[n++] = step;
	seen[step] = true;
	while (n > 0) {
		const struct step *st = &pl->p->step[todo[--n]];
		int at = (int)(st - pl->p->step);

		/* all above, each of them once: `low` is done already */
		for (i = low; st->needs_all && i < at; i++)
			if (plan_ordinary(pl, i) && !seen[i])
				seen[todo[n++] = i] = true;
		if (st->needs_all && at > low)
			low = at;
		for (i = 0; i < st->nneeds; i++)
			if (!seen[st->needs[i]])
				seen[todo[n++] = st->needs[i]] = true;
	}
	for (i = 0; i < pl->p->nsteps; i++)
		pl->stage[i].chosen |= seen[i];
	free(todo);
	free(seen);
}
