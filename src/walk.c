/* SPDX-License-Identifier: ISC */
#include "walk.h"

int walk_next(struct walk *w)
{
	if (w->i < w->n)
		return w->items[w->i++];
	if (w->next == w->pl->p->nsteps)
		return -1;
	w->i = 0;
	w->items = plan_items(w->pl, w->next, &w->n);
	return w->pl->stage[w->next++].task;
}
