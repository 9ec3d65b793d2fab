/* SPDX-License-Identifier: ISC */
#include "lines.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "io.h"
#include "mem.h"
#include "quote.h"
#include "safe.h"
#include "summary.h"
#include "tail.h"

enum { LAST_LINES = 20, EXAMPLES = 3, DETAILED = 3 };

#define RED "\033[31m"
#define GREEN "\033[32m"
#define YELLOW "\033[33m"
#define DIM "\033[2m"
#define PLAIN "\033[0m"

static void put(const struct buf *out)
{
	/* A reader that has gone away does not stop the run. */
	if (out->len > 0)
		(void)io_write(STDOUT_FILENO, out->data, out->len);
}

static void safe(struct buf *out, const char *text)
{
	safe_line(out, text, strlen(text));
}

static void line(const struct lines *l, int64_t at, const char *name,
	const char *colour, const char *text)
{
	struct buf out = { 0 };
	char stamp[CLOCK_SPAN];

	clock_stamp(at, stamp);
	buf_printf(&out, "%s%s%s ", l->colour ? DIM : "", stamp,
		l->colour ? PLAIN : "");
	if (name != NULL) {
		safe(&out, name);
		buf_str(&out, ": ");
	}
	if (l->colour && colour != NULL)
		buf_str(&out, colour);
	safe(&out, text);
	if (l->colour && colour != NULL)
		buf_str(&out, PLAIN);
	buf_char(&out, '\n');
	put(&out);
	buf_release(&out);
}

/* The parameters that name the run. */
static void add_given(const struct view_run *r, struct buf *out)
{
	for (int i = 0; i < r->p->nparams; i++) {
		struct buf word = { 0 };

		if (!r->p->param[i].given)
			continue;
		buf_printf(&word, "%s=%s", r->p->param[i].name,
			r->p->param[i].value);
		buf_char(out, ' ');
		quote_word(out, word.data);
		buf_release(&word);
	}
}

/* A step, with the file and the parameters that name its run: what a verb is
 * given. */
static void add_step(const struct lines *l, const struct view_run *r,
	const char *step, struct buf *out)
{
	quote_word(out, l->ini);
	add_given(r, out);
	buf_printf(out, " %s", step);
}

static void step_end(const struct lines *l, const struct view_run *r,
	const struct view_event *e)
{
	const struct task *t = plan_task(r->plan, e->step);
	const char *colour = NULL;
	struct buf text = { 0 };
	char span[CLOCK_SPAN], when[CLOCK_SPAN];

	/* one without a command, or without the money for it: no time */
	clock_span(t->started_at != 0 ? t->ended_at - t->started_at : 0,
		span);
	switch (e->state) {
	case TASK_DONE:
		if (l->quiet)
			return;
		buf_printf(&text, "done (%s)", span);
		if (l->verbose)
			buf_printf(&text, " user %.2fs, system %.2fs, %lld MB",
				(double)t->user_ms / 1000,
				(double)t->system_ms / 1000,
				(long long)t->rss_kb / 1024);
		colour = GREEN;
		break;
	case TASK_SKIPPED:
		if (l->quiet)
			return;
		buf_printf(&text, "skipped (%s)",
			e->text != NULL ? e->text : "condition");
		break;
	case TASK_NEEDS_REVIEW:
		if (e->text != NULL && strcmp(e->text, "approval") == 0) {
			buf_str(&text, "awaits approval: durexec approve ");
			add_step(l, r, t->name, &text);
			colour = YELLOW;
			break;
		}
		buf_printf(&text, "%s: %s (%s)",
			plan_settled(r->plan, e->step) ?
			"failed, which is allowed" : "needs review",
			e->text != NULL ? e->text : "?", span);
		colour = plan_settled(r->plan, e->step) ? YELLOW : RED;
		break;
	case TASK_PENDING:
		if (l->quiet)
			return;
		if (e->outcome.kind == OUTCOME_NONE) {
			buf_str(&text, "not begun");
		} else {
			/* a gate that failed, when it was asked again */
			if (e->text != NULL)
				buf_str(&text, e->text);
			else
				outcome_text(&e->outcome, &text);
			buf_str(&text, t->ran ? "; its gates are asked again" :
				"; it will run again");
		}
		colour = YELLOW;
		break;
	case TASK_WAITING:
		clock_local(e->until_at, when);
		clock_span(e->until_at > e->at ? e->until_at - e->at : 0,
			span);
		buf_printf(&text, "%s; waiting until %s (%s)",
			e->text != NULL ? e->text : "?", when, span);
		colour = YELLOW;
		break;
	case TASK_RUNNING:
	case TASK_STATES:
		break;
	}
	line(l, e->at, t->name, colour, text.data != NULL ? text.data : "");
	buf_release(&text);
}

/* What a log path looks like from here. */
static void add_log(const struct view_run *r, const struct task *t,
	struct buf *out)
{
	struct buf log = { 0 };

	summary_log(r->d, t, &log);
	if (log.len > 0) {
		tail_add(out, r->d->fd, log.data, LAST_LINES, "  | ");
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

/* Steps in review that block, in file order. */
static int *failed_steps(const struct view_run *r, int *n)
{
	int *list = mem_alloc(((size_t)r->p->nsteps + 1) * sizeof(*list)), i;

	*n = 0;
	for (i = 0; i < r->p->nsteps; i++)
		if (plan_task(r->plan, i)->state == TASK_NEEDS_REVIEW &&
		    !plan_task(r->plan, i)->approval &&
		    !plan_settled(r->plan, i))
			list[(*n)++] = i;
	return list;
}

static void detail(const struct lines *l, const struct view_run *r, int step,
	struct buf *out)
{
	const struct task *t = plan_task(r->plan, step);

	buf_char(out, '\n');
	safe(out, t->name);
	buf_str(out, " needs review: ");
	safe(out, t->reason != NULL ? t->reason : "?");
	buf_char(out, '\n');
	add_log(r, t, out);
	if (!t->hold)
		return;
	buf_str(out, "  it is not tried again unasked; when it took effect: "
		"durexec approve ");
	add_step(l, r, t->name, out);
	buf_str(out, "\n  when it did not: durexec retry ");
	add_step(l, r, t->name, out);
	buf_char(out, '\n');
}

static const struct view_run *sorting;

static int by_reason(const void *a, const void *b)
{
	const struct task *x = plan_task(sorting->plan, *(const int *)a);
	const struct task *y = plan_task(sorting->plan, *(const int *)b);
	int c = strcmp(x->reason != NULL ? x->reason : "",
		y->reason != NULL ? y->reason : "");

	return c != 0 ? c : *(const int *)a - *(const int *)b;
}

static void grouped(const struct view_run *r, int *list, int n,
	struct buf *out)
{
	int i, k, m;

	sorting = r;
	qsort(list, (size_t)n, sizeof(*list), by_reason);
	for (i = 0; i < n; i = k) {
		const struct task *first = plan_task(r->plan, list[i]);
		const char *reason = first->reason != NULL ?
			first->reason : "";

		for (k = i + 1; k < n; k++) {
			const char *other =
				plan_task(r->plan, list[k])->reason;

			if (strcmp(reason, other != NULL ? other : "") != 0)
				break;
		}
		buf_printf(out, "\n%d step%s: ", k - i, k - i == 1 ? "" : "s");
		safe(out, reason);
		buf_char(out, '\n');
		for (m = i; m < k && m < i + EXAMPLES; m++) {
			buf_str(out, "  ");
			safe(out, plan_task(r->plan, list[m])->name);
			buf_char(out, '\n');
		}
		if (k - i > EXAMPLES)
			buf_printf(out, "  … and %d more\n",
				k - i - EXAMPLES);
		add_log(r, first, out);
	}
}

void lines_failures(const struct lines *l, const struct view_run *r,
	struct buf *out)
{
	int n, i, *list = failed_steps(r, &n);

	if (n > DETAILED)
		grouped(r, list, n, out);
	for (i = 0; i < n && n <= DETAILED; i++)
		detail(l, r, list[i], out);
	free(list);
}

static void add_next(const struct lines *l, const struct view_run *r,
	const struct summary *sum, struct buf *out)
{
	struct buf words = { 0 };
	int n, i;
	const char *w;

	summary_next(sum, r->plan, l->ini, &words, &n);
	for (i = 0, w = words.data; i < n; i++, w += strlen(w) + 1) {
		buf_str(out, i > 0 ? " " : "");
		quote_word(out, w);
	}
	buf_release(&words);
}

/* What a person has to say, before anything goes on. */
static void add_approvals(const struct lines *l, const struct view_run *r,
	const struct summary *sum, struct buf *out)
{
	int i, n = 0;

	for (i = 0; i < r->p->nsteps && sum->approvals > n; i++) {
		if (!plan_task(r->plan, i)->approval ||
		    plan_task(r->plan, i)->state != TASK_NEEDS_REVIEW)
			continue;
		if (++n > EXAMPLES)
			break;
		buf_str(out, "approve: durexec approve ");
		add_step(l, r, r->p->step[i].name, out);
		buf_char(out, '\n');
	}
}

static void at_rest(const struct lines *l, const struct view_run *r)
{
	struct buf out = { 0 };
	struct summary sum;
	char span[CLOCK_SPAN], saved[CLOCK_SPAN];

	summary_make(&sum, r->plan, false);
	lines_failures(l, r, &out);
	if (out.len > 0)
		buf_char(&out, '\n');
	if (l->quiet && sum.review + sum.approvals == 0)
		goto done;
	clock_span(clock_wall() - l->began_at, span);
	if (strcmp(sum.state, "done") == 0)
		buf_printf(&out, "finished, %d of %d done", sum.done,
			sum.total);
	else
		buf_printf(&out, "%s: %d of %d done", sum.review > 0 ?
			"needs review" : sum.approvals > 0 ?
			"approval pending" : sum.state, sum.done, sum.total);
	if (sum.skipped > 0)
		buf_printf(&out, ", %d of them skipped", sum.skipped);
	if (sum.allowed > 0)
		buf_printf(&out, ", %d allowed failure%s", sum.allowed,
			sum.allowed == 1 ? "" : "s");
	if (sum.review > 0)
		buf_printf(&out, ", %d in review", sum.review);
	if (sum.approvals > 0)
		buf_printf(&out, ", %d to approve", sum.approvals);
	if (sum.waiting > 0 && strcmp(sum.state, "waiting") != 0) {
		clock_local(sum.until_at, saved);
		buf_printf(&out, ", %d waiting (until %s)", sum.waiting,
			saved);
	}
	buf_printf(&out, ", %s", span);
	if (sum.cost > 0)
		buf_printf(&out, ", $%.2f", (double)sum.cost / 1e6);
	if (sum.saved_ms >= 1000 || sum.saved_cost > 0) {
		clock_span(sum.saved_ms, saved);
		buf_printf(&out, "; going on saved %s", saved);
		if (sum.saved_cost > 0)
			buf_printf(&out, " and $%.2f",
				(double)sum.saved_cost / 1e6);
	}
	/* when other pipelines have the slots nobody knows the time */
	if (strcmp(sum.state, "waiting") == 0 && sum.until_at != 0) {
		clock_local(sum.until_at, saved);
		buf_printf(&out, "; come back %s", saved);
	}
	buf_char(&out, '\n');
	if (strcmp(sum.state, "done") != 0) {
		add_approvals(l, r, &sum, &out);
		buf_str(&out, sum.review > sum.held ? "try again: " :
			sum.held > 0 ? "look: " : "go on: ");
		add_next(l, r, &sum, &out);
		buf_char(&out, '\n');
	}
done:
	put(&out);
	buf_release(&out);
}

static void where(const struct lines *l, const struct view_run *r)
{
	struct buf out = { 0 };
	struct summary sum;
	char span[CLOCK_SPAN];
	int i;

	summary_make(&sum, r->plan, true);
	buf_printf(&out, "%d of %d done", sum.done, sum.total);
	if (sum.review > 0)
		buf_printf(&out, ", %d in review", sum.review);
	if (sum.running > 0)
		buf_str(&out, "; running:");
	for (i = 0; i < r->p->nsteps && sum.running > 0; i++) {
		const struct task *t = plan_task(r->plan, i);

		if (t->state != TASK_RUNNING)
			continue;
		clock_span(clock_wall() - t->started_at, span);
		buf_printf(&out, " %s (%s)", t->name, span);
	}
	if (sum.waiting > 0) {
		clock_local(sum.until_at, span);
		buf_printf(&out, "; %d waiting, the first until %s",
			sum.waiting, span);
	}
	line(l, clock_wall(), NULL, NULL, out.data);
	buf_release(&out);
}

static void on_event(struct view *v, const struct view_run *r,
	const struct view_event *e)
{
	/* container of the first member would do; said without a cast */
	struct lines *l = (struct lines *)((char *)v -
		offsetof(struct lines, view));
	struct buf text = { 0 };

	switch (e->kind) {
	case VIEW_BEGIN:
		break;
	case VIEW_START:
		if (l->quiet)
			break;
		if (e->attempt > 1)
			buf_printf(&text, "started, attempt %d", e->attempt);
		else
			buf_str(&text, "started");
		line(l, e->at, plan_task(r->plan, e->step)->name, NULL,
			text.data);
		break;
	case VIEW_ADOPT:
		if (!l->quiet && e->step >= 0)
			line(l, e->at, plan_task(r->plan, e->step)->name,
				YELLOW, "adopted: it went on while durexec "
				"was gone");
		break;
	case VIEW_END:
		if (e->step >= 0)
			step_end(l, r, e);
		break;
	case VIEW_MESSAGE:
		line(l, e->at, NULL, NULL, e->text);
		break;
	case VIEW_WHERE:
		where(l, r);
		break;
	case VIEW_REST:
		at_rest(l, r);
		break;
	}
	buf_release(&text);
}

void lines_init(struct lines *l, const char *ini)
{
	memset(l, 0, sizeof(*l));
	l->view.event = on_event;
	l->ini = ini;
	l->began_at = clock_wall();
}
