/* SPDX-License-Identifier: ISC */
#include "failures.h"

#include <stdlib.h>
#include <string.h>

#include "fit.h"
#include "mem.h"
#include "safe.h"
#include "summary.h"
#include "tail.h"
#include "typed.h"
#include "walk.h"

enum {
	LAST_LINES = 20,
	/* Of a group, when there are more than DETAILED. */
	FEWER_LINES = 5,
	EXAMPLES = 3,
	/* Up to so many, each is shown by itself. */
	DETAILED = 3,
	GROUPS = 8,
	NAME_COLUMNS = 100,
	/* An item as short as this may stand in any reason. */
	SHORT = 3
};

struct failed {
	int unit;
	const char *reason;	/* what they are grouped by */
};

struct group {
	struct failed *first;
	int n;
};

struct list {
	struct failed *v;
	size_t n, cap;
	struct arena arena;
};

static void add_name(struct buf *out, const struct task *t)
{
	fit_text(out, t->name, strlen(t->name), NAME_COLUMNS);
}

static void safe(struct buf *out, const char *text)
{
	safe_line(out, text, strlen(text));
}

static void add_log(const struct view_run *r, const struct task *t, int lines,
	struct buf *out)
{
	struct buf log = { 0 };

	summary_log(r->d, r->s, t, &log);
	if (log.len > 0) {
		tail_add(out, r->d->fd, log.data, lines, "  | ");
		buf_str(out, "  log: ");
		safe(out, r->d->path);
		buf_char(out, '/');
		safe(out, log.data);
		buf_char(out, '\n');
	} else {
		buf_str(out, "  (it said nothing)\n");
	}
	buf_release(&log);
}

/*
 * Items fail for the same reason, though it names files that are called after
 * them: where its base name, or that without its extension, stands in the
 * reason, "ITEM" takes its place.
 */
static const char *reason_of(const struct view_run *r, const struct task *t,
	struct arena *arena)
{
	const char *reason = t->reason != NULL ? t->reason : "?", *found;
	struct buf item = { 0 }, out = { 0 };
	char *base, *dot;
	size_t n;

	task_item(r->s, t, &item);
	if (item.len == 0)
		return reason;
	base = strrchr(item.data, '/');
	base = base != NULL ? base + 1 : item.data;
	dot = strrchr(base, '.');
	if (dot != NULL && dot > base)
		*dot = '\0';
	n = strlen(base);
	while (n >= SHORT && (found = strstr(reason, base)) != NULL) {
		buf_add(&out, reason, (size_t)(found - reason));
		buf_str(&out, "ITEM");
		reason = found + n;
	}
	if (out.len > 0) {
		buf_str(&out, reason);
		reason = arena_dup(arena, out.data);
	}
	buf_release(&out);
	buf_release(&item);
	return reason;
}

/* What is in review and blocks, in the order of the file. */
static void collect(const struct view_run *r, struct list *list)
{
	struct walk w = { .pl = r->plan };
	int unit;

	while ((unit = walk_next(&w)) != -1) {
		const struct task *t = plan_unit(r->plan, unit);

		if (t->state != TASK_NEEDS_REVIEW || t->approval ||
		    plan_unit_settled(r->plan, unit))
			continue;
		list->v = mem_grow(list->v, list->n, &list->cap,
			sizeof(*list->v));
		list->v[list->n].unit = unit;
		list->v[list->n++].reason = reason_of(r, t, &list->arena);
	}
}

static void detail(const struct view_run *r, const char *ini, int unit,
	struct buf *out)
{
	const struct task *t = plan_unit(r->plan, unit);

	buf_char(out, '\n');
	add_name(out, t);
	buf_str(out, " needs review: ");
	safe(out, t->reason != NULL ? t->reason : "?");
	buf_char(out, '\n');
	add_log(r, t, LAST_LINES, out);
	if (!t->hold)
		return;
	buf_str(out, "  it is not tried again unasked; when it took effect: "
		"durexec approve ");
	typed_run(r->p, ini, t->name, out);
	buf_str(out, "\n  when it did not: durexec retry ");
	typed_run(r->p, ini, t->name, out);
	buf_char(out, '\n');
}

static int by_reason(const void *a, const void *b)
{
	const struct failed *x = a, *y = b;
	int c = strcmp(x->reason, y->reason);

	/* equal ones stay as they are: tasks are numbered in that order, but
	 * for items that joined later */
	return c != 0 ? c : x->unit - y->unit;
}

static int by_size(const void *a, const void *b)
{
	const struct group *x = a, *y = b;

	return x->n != y->n ? y->n - x->n : x->first->unit - y->first->unit;
}

static bool is_item(const struct view_run *r, const struct failed *f)
{
	return r->plan->unit[f->unit].item != -1;
}

static void show_group(const struct view_run *r, const struct group *g,
	int lines, struct buf *out)
{
	int i, items = 0;

	for (i = 0; i < g->n; i++)
		items += is_item(r, &g->first[i]);
	buf_printf(out, "\n%d %s%s: ", g->n, items == 0 ? "step" :
		items == g->n ? "item" : "steps and item",
		g->n == 1 ? "" : "s");
	safe(out, g->first->reason);
	buf_char(out, '\n');
	for (i = 0; i < g->n && i < EXAMPLES; i++) {
		buf_str(out, "  ");
		add_name(out, plan_unit(r->plan, g->first[i].unit));
		buf_char(out, '\n');
	}
	if (g->n > EXAMPLES)
		buf_printf(out, "  … and %d more\n", g->n - EXAMPLES);
	add_log(r, plan_unit(r->plan, g->first->unit), lines, out);
}

static void show_groups(const struct view_run *r, struct list *list,
	struct buf *out)
{
	struct group *group = NULL;
	size_t n = 0, cap = 0, i;
	int others = 0;

	qsort(list->v, list->n, sizeof(*list->v), by_reason);
	for (i = 0; i < list->n; i++) {
		if (i == 0 || strcmp(list->v[i].reason,
		    list->v[i - 1].reason) != 0) {
			group = mem_grow(group, n, &cap, sizeof(*group));
			group[n++] = (struct group){ &list->v[i], 0 };
		}
		group[n - 1].n++;
	}
	if (group == NULL)
		return;
	qsort(group, n, sizeof(*group), by_size);
	for (i = 0; i < n; i++)
		if (i < GROUPS)
			show_group(r, &group[i], n > DETAILED ? FEWER_LINES :
				LAST_LINES, out);
		else
			others += group[i].n;
	if (others > 0)
		buf_printf(out, "\n… and %d more, for %zu other reason%s\n",
			others, n - GROUPS, n - GROUPS == 1 ? "" : "s");
	free(group);
}

void failures_show(const struct view_run *r, const char *ini,
	struct buf *out)
{
	struct list list = { 0 };
	size_t i;

	collect(r, &list);
	if (list.n > DETAILED)
		show_groups(r, &list, out);
	for (i = 0; i < list.n && list.n <= DETAILED; i++)
		detail(r, ini, list.v[i].unit, out);
	arena_release(&list.arena);
	free(list.v);
}
