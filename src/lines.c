/* SPDX-License-Identifier: ISC */
#include "lines.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "failures.h"
#include "fit.h"
#include "io.h"
#include "mem.h"
#include "progress.h"
#include "quote.h"
#include "safe.h"
#include "summary.h"
#include "typed.h"
#include "walk.h"

enum {
	/* Of larger fan-outs not every item has its lines, */
	ALL_ITEMS = 50,
	/* but so many failures and waits have, */
	SAID_MOST = 20,
	/* and a line says how far it is each so often, */
	EVERY_MS = 10 * 1000,
	/* or on a terminal each so often. */
	PAINT_MS = 500,
	/* Of approvals that are awaited, so many commands. */
	EXAMPLES = 3,
	/* Of fan-outs, when somebody asks where we are. */
	FANOUTS_MOST = 20,
	NAME_COLUMNS = 100
};

#define RED "\033[31m"
#define GREEN "\033[32m"
#define YELLOW "\033[33m"
#define DIM "\033[2m"
#define PLAIN "\033[0m"
#define WIPE "\r\033[K"

static void put(struct lines *l, const struct buf *out)
{
	/* A reader that has gone away does not stop the run. */
	if (l->painted)
		(void)io_write(STDOUT_FILENO, WIPE, sizeof(WIPE) - 1);
	l->painted = false;
	msg_set_painted(false);
	if (out->len > 0)
		(void)io_write(STDOUT_FILENO, out->data, out->len);
}

static void add_stamp(const struct lines *l, int64_t at, struct buf *out)
{
	char stamp[CLOCK_SPAN];

	clock_stamp(at, stamp);
	buf_printf(out, "%s%s%s ", l->colour ? DIM : "", stamp,
		l->colour ? PLAIN : "");
}

static void line(struct lines *l, int64_t at, const struct task *t,
	const char *colour, const char *text)
{
	struct buf out = { 0 };

	add_stamp(l, at, &out);
	if (t != NULL) {
		fit_text(&out, t->name, strlen(t->name), NAME_COLUMNS);
		buf_str(&out, ": ");
	}
	if (l->colour && colour != NULL)
		buf_str(&out, colour);
	safe_line(&out, text, strlen(text));
	if (l->colour && colour != NULL)
		buf_str(&out, PLAIN);
	buf_char(&out, '\n');
	put(l, &out);
	buf_release(&out);
}

/* The fan-out of the event's step, when it has more items than are shown one
 * by one; NULL: it has not. */
static struct lines_fan *fan_of(const struct lines *l,
	const struct view_run *r, const struct view_event *e)
{
	int fan = e->step >= 0 ? r->plan->stage[e->step].fanout : -1;

	return fan != -1 && !l->verbose &&
		r->plan->fanout[fan].known > ALL_ITEMS ? &l->fan[fan] : NULL;
}

static bool is_list(const struct view_run *r, const struct view_event *e)
{
	return r->plan->stage[e->step].fanout != -1 &&
		r->plan->unit[e->task].item == -1;
}

static void look(struct lines *l, const struct view_run *r)
{
	outlook_make(&l->outlook, r->plan, r->d, l->jobs);
}

static void tell_far(struct lines *l, const struct view_run *r, int step,
	bool over)
{
	struct buf out = { 0 };

	if (!over)
		look(l, r);
	progress_fanout(r, step, over ? NULL : &l->outlook, &out);
	line(l, clock_wall(), NULL, NULL, out.data);
	buf_release(&out);
}

static void paint(struct lines *l, const struct view_run *r, int step)
{
	int64_t mono = clock_mono();
	size_t columns;
	struct buf text = { 0 }, out = { 0 };

	if (mono < l->rest_until_mono)
		return;
	columns = fit_terminal();
	if (columns < 2)
		return;
	look(l, r);
	progress_fanout(r, step, &l->outlook, &text);
	buf_str(&out, WIPE);
	fit_text(&out, text.data, text.len, columns - 1);
	(void)io_write(STDOUT_FILENO, out.data, out.len);
	l->painted = true;
	msg_set_painted(true);
	/* a million items take their time: a twentieth of ours at most */
	l->rest_until_mono = mono + PAINT_MS + 20 * (clock_mono() - mono);
	buf_release(&text);
	buf_release(&out);
}

/* Something of a fan-out with many items has moved. */
static void far(struct lines *l, const struct view_run *r,
	const struct view_event *e, struct lines_fan *f)
{
	int64_t mono = clock_mono();
	bool over = e->kind == VIEW_END &&
		r->plan->fanout[r->plan->stage[e->step].fanout].open == 0;

	if (l->quiet)
		return;
	/* the last ones of it may have ended together */
	if (over && !f->moved)
		return;
	f->moved = !over;
	if (f->told_mono == 0)
		f->told_mono = mono;
	if (!over && l->live) {
		paint(l, r, e->step);
	} else if (over || (e->kind == VIEW_END &&
	    mono - f->told_mono >= EVERY_MS)) {
		tell_far(l, r, e->step, over);
		f->told_mono = mono;
	}
}

/* A line of one of many items: is it worth saying? */
static bool worth_saying(struct lines *l, const struct view_run *r,
	const struct view_event *e, struct lines_fan *f)
{
	if (f == NULL || is_list(r, e))
		return true;
	if (e->kind == VIEW_START || e->state == TASK_DONE ||
	    e->state == TASK_SKIPPED || (l->quiet &&
	    e->state == TASK_PENDING))
		return false;
	if (f->said++ == SAID_MOST)
		line(l, e->at, plan_task(r->plan, e->step), NULL,
			"further failures and waits are only counted");
	return f->said <= SAID_MOST;
}

/* A fan-out's own task. */
static void add_items(const struct view_run *r, int step, struct buf *text)
{
	int n;

	(void)plan_items(r->plan, step, &n);
	if (n == 0)
		buf_str(text, "no items");
	else
		buf_printf(text, "%d item%s", n, n == 1 ? "" : "s");
}

static void step_end(struct lines *l, const struct view_run *r,
	const struct view_event *e)
{
	const struct task *t = &r->s->task[e->task];
	const char *colour = NULL;
	bool settled = plan_unit_settled(r->plan, e->task);
	struct buf text = { 0 };
	char span[CLOCK_SPAN], when[CLOCK_SPAN];

	/* one without a command, or without the money for it: no time */
	clock_span(t->started_at != 0 ? t->ended_at - t->started_at : 0,
		span);
	switch (e->state) {
	case TASK_DONE:
		if (l->quiet)
			return;
		if (is_list(r, e))
			add_items(r, e->step, &text);
		else
			buf_str(&text, "done");
		if (!is_list(r, e) || t->started_at != 0)
			buf_printf(&text, " (%s)", span);
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
			typed_run(r->p, l->ini, t->name, &text);
			colour = YELLOW;
			break;
		}
		buf_printf(&text, "%s: %s (%s)", settled ?
			"failed, which is allowed" : "needs review",
			e->text != NULL ? e->text : "?", span);
		colour = settled ? YELLOW : RED;
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
	line(l, e->at, t, colour, text.data != NULL ? text.data : "");
	buf_release(&text);
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
	struct walk w = { .pl = r->plan };
	int unit, n = 0;

	while (n < sum->approvals && (unit = walk_next(&w)) != -1) {
		const struct task *t = plan_unit(r->plan, unit);

		if (!t->approval || t->state != TASK_NEEDS_REVIEW)
			continue;
		if (++n > EXAMPLES) {
			buf_printf(out, "… and %d more\n",
				sum->approvals - EXAMPLES);
			break;
		}
		buf_str(out, "approve: durexec approve ");
		typed_run(r->p, l->ini, t->name, out);
		buf_char(out, '\n');
	}
}

static void at_rest(struct lines *l, const struct view_run *r)
{
	struct buf out = { 0 };
	struct summary sum;
	char span[CLOCK_SPAN], saved[CLOCK_SPAN];
	int i;

	for (i = 0; i < r->plan->nfanouts; i++)
		if (l->fan[i].moved && r->plan->fanout[i].open > 0)
			tell_far(l, r, r->plan->fanout[i].step, true);
	summary_make(&sum, r->plan, false);
	failures_show(r, l->ini, &out);
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
	if (r->plan->failed_fast && sum.pending > 0)
		buf_printf(&out, ", %d not started (fail_fast)", sum.pending);
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
	/* nothing stands above what --cron says */
	if (l->only_rest && out.len > 0 && out.data[0] == '\n')
		memmove(out.data, out.data + 1, out.len--);
	put(l, &out);
	buf_release(&out);
}

static void where(struct lines *l, const struct view_run *r)
{
	struct buf out = { 0 };
	int i, n = 0;

	look(l, r);
	progress_run(r, &l->outlook, &out);
	line(l, l->outlook.at, NULL, NULL, out.data);
	for (i = 0; i < r->plan->nfanouts && n < FANOUTS_MOST; i++) {
		const struct fanout *f = &r->plan->fanout[i];

		if (f->known == 0 || f->open == 0)
			continue;
		n++;
		buf_reset(&out);
		progress_fanout(r, f->step, &l->outlook, &out);
		line(l, l->outlook.at, NULL, NULL, out.data);
	}
	buf_release(&out);
}

static void begin(struct lines *l, const struct view_run *r)
{
	const char *term = getenv("TERM");

	l->fan = mem_alloc(((size_t)r->plan->nfanouts + 1) *
		sizeof(*l->fan));
	l->live = l->live && fit_terminal() > 0 && term != NULL &&
		strcmp(term, "dumb") != 0;
}

static void on_event(struct view *v, const struct view_run *r,
	const struct view_event *e)
{
	/* container of the first member would do; said without a cast */
	struct lines *l = (struct lines *)((char *)v -
		offsetof(struct lines, view));
	struct lines_fan *f;
	struct buf text = { 0 };

	if (l->fan == NULL)
		begin(l, r);
	if (l->only_rest && e->kind != VIEW_REST && e->kind != VIEW_WHERE)
		return;
	f = fan_of(l, r, e);
	switch (e->kind) {
	case VIEW_BEGIN:
		break;
	case VIEW_START:
		if (l->quiet || !worth_saying(l, r, e, f))
			break;
		if (e->attempt > 1)
			buf_printf(&text, "started, attempt %d", e->attempt);
		else
			buf_str(&text, "started");
		line(l, e->at, &r->s->task[e->task], NULL, text.data);
		break;
	case VIEW_ADOPT:
		if (!l->quiet && e->step >= 0 && worth_saying(l, r, e, f))
			line(l, e->at, &r->s->task[e->task], YELLOW,
				"adopted: it went on while durexec was gone");
		break;
	case VIEW_END:
		if (e->step >= 0 && worth_saying(l, r, e, f))
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
		lines_release(l);
		break;
	}
	if (f != NULL && !is_list(r, e))
		far(l, r, e, f);
	buf_release(&text);
}

void lines_init(struct lines *l, const char *ini)
{
	memset(l, 0, sizeof(*l));
	l->view.event = on_event;
	l->ini = ini;
	l->began_at = clock_wall();
}

void lines_release(struct lines *l)
{
	free(l->fan);
	l->fan = NULL;
	outlook_release(&l->outlook);
}
