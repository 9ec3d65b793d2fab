/* SPDX-License-Identifier: ISC */
#include "progress.h"

#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "fit.h"
#include "summary.h"
#include "walk.h"

enum { NAMED = 20, NAME_COLUMNS = 60 };

/* 31204: "31,204" */
static void add_number(struct buf *out, int n)
{
	char digits[16];
	int len = snprintf(digits, sizeof(digits), "%d", n), i;

	for (i = 0; i < len; i++) {
		if (i > 0 && (len - i) % 3 == 0)
			buf_char(out, ',');
		buf_char(out, digits[i]);
	}
}

static void add_some(struct buf *out, int n, const char *what)
{
	if (n == 0)
		return;
	buf_str(out, " · ");
	add_number(out, n);
	buf_str(out, what);
}

void progress_fanout(const struct view_run *r, int step,
	const struct outlook *o, struct buf *out)
{
	struct summary sum = { 0 };

	summary_add(&sum, r->plan, step);
	buf_printf(out, "%s: ", r->p->step[step].name);
	add_number(out, sum.done);
	buf_char(out, '/');
	add_number(out, sum.total);
	add_some(out, sum.review + sum.approvals, " review");
	add_some(out, sum.waiting, " waiting");
	add_some(out, sum.running, " running");
	if (o != NULL)
		outlook_text(o, o->end[step], " · ", out);
}

void progress_run(const struct view_run *r, const struct outlook *o,
	struct buf *out)
{
	struct walk w = { .pl = r->plan };
	struct summary sum;
	char span[CLOCK_SPAN];
	int unit, n = 0;

	summary_make(&sum, r->plan, true);
	buf_printf(out, "%d of %d done", sum.done, sum.total);
	if (sum.review > 0)
		buf_printf(out, ", %d in review", sum.review);
	if (sum.running > 0)
		buf_str(out, "; running:");
	while (n < sum.running && n < NAMED && (unit = walk_next(&w)) != -1) {
		const struct task *t = plan_unit(r->plan, unit);

		if (t->state != TASK_RUNNING)
			continue;
		n++;
		clock_span(o->at - t->started_at, span);
		buf_char(out, ' ');
		fit_text(out, t->name, strlen(t->name), NAME_COLUMNS);
		buf_printf(out, " (%s)", span);
	}
	if (sum.running > NAMED)
		buf_printf(out, " and %d more", sum.running - NAMED);
	if (sum.waiting > 0) {
		clock_local(sum.until_at, span);
		buf_printf(out, "; %d waiting, the first until %s",
			sum.waiting, span);
	}
	outlook_text(o, o->end[r->p->nsteps], "; ", out);
}
