/* SPDX-License-Identifier: ISC */
/* fans: the items of fan-outs, as records make them known. */
#include "fold.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"

/* The fan-out of that name; it is made when it is new. */
static struct fan *fan_of(struct state *s, const char *step)
{
	int head = state_task(s, step);
	struct task *t = &s->task[head];
	struct fan *f = state_fan(s, t);

	if (f != NULL)
		return f;
	s->fan = mem_grow(s->fan, s->nfans, &s->fan_cap, sizeof(*s->fan));
	f = &s->fan[s->nfans];
	memset(f, 0, sizeof(*f));
	f->head = head;
	f->step = t->name;
	t->fan = (int)s->nfans++;
	return f;
}

/* The next item of the fan-out, of that name; NULL: it is listed already. */
static void list_item(struct state *s, struct fan *f, const char *item,
	struct buf *name)
{
	struct task *t;
	int i;

	buf_reset(name);
	buf_printf(name, "%s[%s]", f->step, item);
	i = state_task(s, name->data);
	t = &s->task[i];
	if (t->item != -1 && (size_t)t->item < f->listed &&
	    f->task[t->item] == i)
		return;
	if (t->fan == -1)
		t->place = f->places++;
	t->fan = (int)(f - s->fan);
	t->item = (int)f->listed;
	f->task = mem_grow(f->task, f->listed, &f->cap, sizeof(*f->task));
	f->task[f->listed++] = i;
}

/* Forget from the n-th on. */
static void unlist(struct state *s, struct fan *f, size_t n)
{
	while (f->listed > n)
		s->task[f->task[--f->listed]].item = -1;
}

/* The other one may have no list, and never get one: it was skipped, or
 * allowed to fail. */
static void list_those_of(struct state *s, struct fan *f, const char *other)
{
	int i = state_find(s, other), k;
	const struct fan *of = i != -1 ? state_fan(s, &s->task[i]) : NULL;
	struct buf item = { 0 }, name = { 0 };

	unlist(s, f, 0);
	for (k = 0; of != NULL && k < of->n; k++) {
		buf_reset(&item);
		task_item(s, &s->task[of->task[k]], &item);
		list_item(s, f, item.data, &name);
	}
	buf_release(&item);
	buf_release(&name);
}

/* False: one of them is empty. */
static bool list_these(struct state *s, struct fan *f, const char *list)
{
	char *text = mem_dup(list), *rest = text, *item;
	struct buf name = { 0 };

	while ((item = strsep(&rest, "\n")) != NULL && *item != '\0')
		list_item(s, f, item, &name);
	buf_release(&name);
	free(text);
	return item == NULL;
}

int fold_items(struct state *s, const struct record *r,
	struct why *why)
{
	const char *step = record_get(r, "step"), *of = record_get(r, "of");
	const char *list = record_get(r, "list");
	bool counts = record_get(r, "total") != NULL;
	struct fan *f;
	int64_t from, total;

	if (step == NULL || *step == '\0' || strpbrk(step, "[]") != NULL)
		return fold_bad(r, "step", why);
	if (of != NULL && (list != NULL || strcmp(of, step) == 0))
		return fold_bad(r, "of", why);
	f = fan_of(s, step);
	if (!record_get_number(r, "from", 0, f->n, f->listed, &from))
		return fold_bad(r, "from", why);
	/* what counts is changed by a record that says how many there are */
	if (!counts && (of != NULL || from < f->n))
		return fold_bad(r, "total", why);
	unlist(s, f, (size_t)from);
	if (list != NULL && !list_these(s, f, list))
		return fold_bad(r, "list", why);
	if (of != NULL)
		list_those_of(s, f, of);
	if (!counts)
		return 0;
	if (!record_get_number(r, "total", 0, INT_MAX, 0, &total) ||
	    (size_t)total != f->listed)
		return fold_bad(r, "total", why);
	if (f->listed > (size_t)f->n)
		f->changed_at = r->at;
	f->n = (int)f->listed;
	f->moves++;
	if (!record_get_hex(r, "source", &f->source))
		return fold_bad(r, "source", why);
	return 0;
}
