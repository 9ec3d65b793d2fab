/* SPDX-License-Identifier: ISC */
/* ties: fan-outs of the plan, and what is tied item by item. */
#include "plan.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"

void ties_init(struct plan *pl)
{
	const struct pipeline *p = pl->p;
	struct fanout *f, *root;
	int i, n = 0;

	for (i = 0; i < p->nsteps; i++) {
		pl->stage[i].fanout = -1;
		n += p->step[i].root != -1;
	}
	pl->fanout = mem_alloc((size_t)(n + 1) * sizeof(*pl->fanout));
	for (i = 0; i < p->nsteps; i++)
		if (p->step[i].root != -1) {
			pl->stage[i].fanout = pl->nfanouts;
			pl->fanout[pl->nfanouts++].step = i;
		}
	for (i = 0; i < pl->nfanouts; i++) {
		f = &pl->fanout[i];
		f->root = pl->stage[p->step[f->step].root].fanout;
		f->place = pl->fanout[f->root].nmembers++;
	}
	for (i = 0; i < pl->nfanouts; i++) {
		f = &pl->fanout[i];
		root = &pl->fanout[f->root];
		if (root->member == NULL)
			root->member = mem_alloc((size_t)root->nmembers *
				sizeof(*root->member));
		root->member[f->place] = f->step;
	}
}

void ties_release(struct plan *pl)
{
	int i;

	for (i = 0; i < pl->nfanouts; i++) {
		free(pl->fanout[i].member);
		free(pl->fanout[i].passed);
		free(pl->fanout[i].backlog.v);
	}
	free(pl->fanout);
}

static const struct fanout *fanout_of(const struct plan *pl, int step)
{
	int f = pl->stage[step].fanout;

	return f != -1 ? &pl->fanout[f] : NULL;
}

bool ties_tied(const struct plan *pl, int a, int b)
{
	const struct fanout *x = fanout_of(pl, a), *y = fanout_of(pl, b);

	return x != NULL && y != NULL && x->root == y->root;
}

const int *plan_items(const struct plan *pl, int step, int *n)
{
	const struct fan *fan = pl->stage[step].fanout != -1 ?
		state_fan(pl->s, plan_task(pl, step)) : NULL;

	*n = fan != NULL ? fan->n : 0;
	return fan != NULL ? fan->task : NULL;
}

int plan_needed(const struct plan *pl, int unit, int other, bool *tied)
{
	const struct unit *u = &pl->unit[unit];
	const int *items;
	int n;

	*tied = false;
	if (u->item != -1 && ties_tied(pl, u->step, other)) {
		items = plan_items(pl, other, &n);
		if (u->item < n) {
			*tied = true;
			return items[u->item];
		}
	}
	return pl->stage[other].task;
}

bool plan_misaligned(const struct plan *pl, int step)
{
	const struct fanout *f = fanout_of(pl, step);
	const int *own, *of;
	size_t skip, of_skip;
	int n, of_n, i, root;

	if (f == NULL || &pl->fanout[f->root] == f)
		return false;
	root = pl->fanout[f->root].step;
	of = plan_items(pl, root, &of_n);
	own = plan_items(pl, step, &n);
	if (of == NULL && !plan_unit_settled(pl, pl->stage[root].task))
		return false;
	if (n != of_n)
		return true;
	skip = strlen(pl->p->step[step].name);
	of_skip = strlen(pl->p->step[root].name);
	assert(n == 0 || (of != NULL && own != NULL));
	for (i = 0; i < n; i++)
		if (strcmp(plan_unit(pl, own[i])->name + skip,
		    plan_unit(pl, of[i])->name + of_skip) != 0)
			return true;
	return false;
}

bool ties_stray(const struct plan *pl, int step)
{
	const struct task *t = plan_task(pl, step);
	const struct fan *fan = state_fan(pl->s, t);
	int i;

	/* a command of its own ran: that is what is DONE */
	if (fan == NULL || pl->stage[step].fanout != -1 ||
	    t->state != TASK_DONE || t->command != 0)
		return false;
	for (i = 0; i < fan->n; i++)
		if (plan_unit(pl, fan->task[i])->state != TASK_DONE &&
		    plan_unit(pl, fan->task[i])->state != TASK_SKIPPED)
			return true;
	return false;
}

/* Of the members of a root, the first ones whose item is settled. */
static int passed(const struct plan *pl, const struct fanout *root, int item,
	int from)
{
	const int *items;
	int i, n;

	for (i = from; i < root->nmembers; i++) {
		if (!plan_ordinary(pl, root->member[i]))
			continue;
		items = plan_items(pl, root->member[i], &n);
		if (item >= n || !pl->unit[items[item]].counted)
			break;
	}
	return i;
}

void ties_count(struct plan *pl, struct fanout *root)
{
	int n, i;

	(void)plan_items(pl, root->step, &n);
	root->npassed = n = root->nmembers < 2 ? 0 : n;
	if (n == 0)
		return;
	root->passed = mem_resize(root->passed, (size_t)n *
		sizeof(*root->passed));
	for (i = 0; i < n; i++)
		root->passed[i] = passed(pl, root, i, 0);
}

bool ties_above_settled(const struct plan *pl, int unit)
{
	const struct unit *u = &pl->unit[unit];
	const struct fanout *f = fanout_of(pl, u->step), *root;

	if (f == NULL || u->item == -1)
		return true;
	root = &pl->fanout[f->root];
	return root->nmembers < 2 || (u->item < root->npassed &&
		root->passed[u->item] >= f->place);
}

void ties_settled(struct plan *pl, int unit)
{
	const struct unit *u = &pl->unit[unit];
	int step = u->step, item = u->item, n, i;
	const struct fanout *f = fanout_of(pl, step);
	struct fanout *root;
	const int *items;

	assert(f != NULL);
	root = &pl->fanout[f->root];
	if (root->nmembers < 2)
		return;
	for (i = pl->first[step]; i < pl->first[step + 1]; i++) {
		int other = pl->dependent[i];

		items = ties_tied(pl, step, other) ?
			plan_items(pl, other, &n) : NULL;
		if (items == NULL || item >= n)
			continue;
		pl->unit[items[item]].missing--;
		lanes_offer(pl, items[item]);
	}
	if (item >= root->npassed || root->passed[item] > f->place)
		return;
	root->passed[item] = passed(pl, root, item, root->passed[item]);
	if (root->passed[item] < root->nmembers) {
		items = plan_items(pl, root->member[root->passed[item]], &n);
		if (item < n)
			lanes_offer(pl, items[item]);
	}
}

int ties_missing(const struct plan *pl, int unit)
{
	const struct unit *u = &pl->unit[unit];
	const struct step *st = &pl->p->step[u->step];
	int i, missing = 0, need;
	bool tied;

	for (i = 0; i < st->nneeds && u->item != -1; i++) {
		if (!ties_tied(pl, u->step, st->needs[i]))
			continue;
		need = plan_needed(pl, unit, st->needs[i], &tied);
		missing += !tied || !pl->unit[need].counted;
	}
	return missing;
}
