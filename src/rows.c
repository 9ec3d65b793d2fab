/* SPDX-License-Identifier: ISC */
/* rows: status as a table for people. */
#include "status.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "fit.h"
#include "mem.h"
#include "outlook.h"
#include "safe.h"
#include "shown.h"
#include "summary.h"
#include "typed.h"

enum {
	/* Items of a fan-out that have a row without --all. */
	ROWS_MOST = 20,
	/* The first column: as wide as steps' names and items need it, but
	 * for these at most half of the line. */
	LEAST = 4,
	WIDTH = 80
};

struct rows {
	struct showing sh;
	const struct status_options *o;
	bool colour;
	size_t width;		/* of the first column */
	size_t item_most;	/* columns of an item */
	struct buf *out;
};

static const char *colour_of(enum task_state state)
{
	switch (state) {
	case TASK_DONE:
		return "\033[32m";
	case TASK_NEEDS_REVIEW:
		return "\033[31m";
	case TASK_RUNNING:
		return "\033[36m";
	case TASK_PENDING:
	case TASK_WAITING:
	case TASK_SKIPPED:
	case TASK_STATES:
		break;
	}
	return "\033[2m";
}

/* The first column: a step at its left, an item a little further in. */
static void add_name(const struct rows *rs, const struct shown *s)
{
	size_t n = 2, width = rs->width + 4;

	buf_str(rs->out, "  ");
	if (s->item != NULL) {
		buf_str(rs->out, "  ");
		n += 2 + fit_text(rs->out, s->item, strlen(s->item),
			rs->item_most);
	} else {
		buf_str(rs->out, s->t->name);
		n += strlen(s->t->name);
	}
	buf_printf(rs->out, "%*s", n < width ? (int)(width - n) : 2, "");
}

static void add_state(const struct rows *rs, enum task_state state,
	const char *word, int width)
{
	buf_printf(rs->out, "%s%-*s%s", rs->colour ? colour_of(state) : "",
		width, word, rs->colour ? "\033[0m" : "");
}

static void add_said(const struct rows *rs, const char *before,
	const char *text)
{
	if (text == NULL)
		return;
	buf_str(rs->out, before);
	safe_line(rs->out, text, strlen(text));
}

/* n: so many are; of several the first says why. */
static void add_stale(const struct rows *rs, const char *why,
	const char *verb, const char *name, int n)
{
	buf_str(rs->out, "  STALE");
	if (n > 1)
		buf_printf(rs->out, " (%d)", n);
	buf_printf(rs->out, ": %s (durexec %s ", why, verb);
	typed_run(rs->sh.r->p, rs->o->ini, name, rs->out);
	buf_printf(rs->out, " runs %s again)", n > 1 ? "them" : "it");
}

static void add_cost(const struct rows *rs, int64_t cost)
{
	if (cost > 0)
		buf_printf(rs->out, "  $%.2f", (double)cost / 1e6);
}

static void end_row(const struct rows *rs)
{
	struct buf *out = rs->out;

	/* no blanks at the end of a line */
	while (out->len > 0 && out->data[out->len - 1] == ' ')
		out->len--;
	buf_char(out, '\n');
	status_flush(rs->o, out);
}

/* What its script has called, the last of it. */
static void add_calls(const struct rows *rs, const struct task *t)
{
	static const char *const word[] = { [SUBSTEP_DONE] = "done",
		[SUBSTEP_RUNNING] = "running", [SUBSTEP_BROKEN] = "not done" };
	struct substep_list l;
	/* below its step, or below its item */
	int indent = t->fan != -1 && state_fan(rs->sh.r->s, t) == NULL ? 6 : 4;
	size_t i, all, n, width = rs->width + 4;

	if (!shown_calls(&rs->sh, t, rs->o->all ? SIZE_MAX : ROWS_MOST, &l))
		return;
	all = l.done + l.running + l.broken;
	for (i = 0; i < l.n; i++) {
		n = strlen(l.v[i].name) + (size_t)indent + 2;
		if (n > width && n <= rs->item_most + 6)
			width = n;
	}
	if (all > l.n) {
		buf_printf(rs->out, "%*s… %zu more before them", indent, "",
			all - l.n);
		end_row(rs);
	}
	for (i = 0; i < l.n; i++) {
		const struct substep_shown *s = &l.v[i];
		char span[CLOCK_SPAN] = "";

		buf_printf(rs->out, "%*s", indent, "");
		n = (size_t)indent + fit_text(rs->out, s->name, strlen(s->name),
			rs->item_most);
		buf_printf(rs->out, "%*s", n < width ? (int)(width - n) : 2,
			"");
		add_state(rs, s->state == SUBSTEP_DONE ? TASK_DONE :
			s->state == SUBSTEP_RUNNING ? TASK_RUNNING :
			TASK_PENDING, word[s->state], 12);
		if (s->started_at != 0 && s->state != SUBSTEP_BROKEN)
			clock_span((s->ended_at != 0 ? s->ended_at :
				clock_wall()) - s->started_at, span);
		buf_printf(rs->out, " %8s", span);
		end_row(rs);
	}
	substep_list_release(&l);
}

static void add_task(const struct rows *rs, const struct shown *s)
{
	const struct task *t = s->t;
	char span[CLOCK_SPAN] = "";

	add_name(rs, s);
	add_state(rs, s->state, s->blocked ? "blocked" : t->approval ?
		"approval" : s->state == TASK_NEEDS_REVIEW ? "needs review" :
		state_word(s->state), 12);
	if (t->started_at != 0 && (t->ended_at != 0 || s->pid != 0))
		clock_span((t->ended_at != 0 ? t->ended_at : clock_wall()) -
			t->started_at, span);
	buf_printf(rs->out, " %8s", span);
	if (t->attempts > 1)
		buf_printf(rs->out, "  attempt %d", t->attempts);
	if (s->pid != 0)
		buf_printf(rs->out, "  pid %d", s->pid);
	if (t->adopted)
		buf_str(rs->out, "  adopted");
	if (s->why_stale != NULL)
		add_stale(rs, s->why_stale, "rewind", t->name, 1);
	if (t->state == TASK_WAITING) {
		char when[CLOCK_SPAN], left[CLOCK_SPAN];
		int64_t now = clock_wall();

		clock_local(t->until_at, when);
		clock_span(t->until_at > now ? t->until_at - now : 0, left);
		buf_printf(rs->out, "  until %s (%s)", when, left);
	}
	add_cost(rs, t->cost);
	add_said(rs, "  ", s->reason);
	add_said(rs, "  result ", t->result);
	end_row(rs);
	add_calls(rs, t);
}

static void add_count(const struct rows *rs, int n, const char *word)
{
	if (n > 0)
		buf_printf(rs->out, ", %d %s", n, word);
}

/* The whole of a fan-out. own: its own task. */
static void add_fanout(struct rows *rs, const struct shown *own,
	const struct shown_items *items)
{
	char done[48];

	add_name(rs, own);
	snprintf(done, sizeof(done), "%d/%d done", items->settled,
		items->total);
	add_state(rs, items->state, done, 0);
	add_count(rs, items->n[TASK_RUNNING], "running");
	add_count(rs, items->n[TASK_WAITING], "waiting");
	add_count(rs, items->n[TASK_NEEDS_REVIEW] - items->allowed, "review");
	add_count(rs, items->allowed, "failed, which is allowed");
	add_count(rs, items->n[TASK_SKIPPED], "skipped");
	add_count(rs, items->blocked, "blocked");
	if (own->t->state != TASK_DONE)
		buf_printf(rs->out, "; its list: %s", own->state ==
			TASK_NEEDS_REVIEW ? "needs review" :
			state_word(own->state));
	add_cost(rs, items->cost);
	add_said(rs, "  ", own->reason);
	if (items->stale > 0) {
		struct shown s;

		shown_make(&rs->sh, items->first_stale, &s);
		if (items->stale == 1)
			add_stale(rs, s.why_stale, "rewind", s.t->name, 1);
		else if (items->stale == items->total)
			add_stale(rs, s.why_stale, "rewind", own->t->name,
				items->stale);
		else
			add_stale(rs, s.why_stale, "--rerun-stale", NULL,
				items->stale);
	}
	end_row(rs);
}

/* Rows of the items that matter: first what runs or waits, as this is little
 * beside all that may be in review. */
static void add_items(struct rows *rs, int step)
{
	static const char *const words[TASK_STATES] = {
		[TASK_RUNNING] = "running", [TASK_WAITING] = "waiting",
		[TASK_NEEDS_REVIEW] = "in review" };
	const struct plan *pl = rs->sh.r->plan;
	int more[TASK_STATES] = { 0 }, n, i, pass, shown = 0, named = 0;
	const int *unit = plan_items(pl, step, &n);
	struct shown s;

	for (pass = 0; pass < (rs->o->all ? 1 : 2); pass++)
		for (i = 0; i < n; i++) {
			const struct task *t = plan_unit(pl, unit[i]);

			if (!rs->o->all && (!shown_matters(t) ||
			    (t->state == TASK_NEEDS_REVIEW) != (pass == 1)))
				continue;
			if (!rs->o->all && shown++ >= ROWS_MOST) {
				more[t->state]++;
				continue;
			}
			shown_make(&rs->sh, unit[i], &s);
			add_task(rs, &s);
		}
	if (shown <= ROWS_MOST)
		return;
	buf_str(rs->out, "    … and ");
	for (i = 0; i < TASK_STATES; i++)
		if (more[i] > 0)
			buf_printf(rs->out, "%s%d more %s", named++ > 0 ?
				", " : "", more[i], words[i]);
	end_row(rs);
}

/* The first column fits the steps, and items that are not too long. */
static void measure(struct rows *rs)
{
	const struct view_run *r = rs->sh.r;
	size_t columns = fit_terminal(), n;
	struct buf item = { 0 }, text = { 0 };
	const int *unit;
	int i, k, items;

	rs->item_most = (columns > 0 ? columns : WIDTH) / 2;
	rs->width = LEAST;
	for (i = 0; i < r->p->nsteps; i++) {
		n = strlen(r->p->step[i].name);
		if (n > rs->width)
			rs->width = n;
		unit = plan_items(r->plan, i, &items);
		for (k = 0; k < items && rs->width < rs->item_most + 2; k++) {
			const struct task *t = plan_unit(r->plan, unit[k]);

			if (!rs->o->all && !shown_matters(t))
				continue;
			buf_reset(&item);
			buf_reset(&text);
			task_item(r->s, t, &item);
			n = fit_text(&text, item.data, item.len,
				rs->item_most) + 2;
			if (n > rs->width)
				rs->width = n;
		}
	}
	buf_release(&item);
	buf_release(&text);
}

static void add_head(const struct rows *rs)
{
	const struct view_run *r = rs->sh.r;
	const struct status_options *o = rs->o;
	struct buf *out = rs->out;
	struct outlook outlook = { 0 };
	struct summary sum;
	char when[CLOCK_SPAN];

	summary_make(&sum, r->plan, o->live);
	clock_local(r->s->started_at, when);
	safe_line(out, r->s->name, strlen(r->s->name));
	buf_printf(out, "  run %s, started %s: ", r->s->run, when);
	if (o->live && o->pid != 0)
		buf_printf(out, "%s (pid %d)", sum.state, o->pid);
	else
		buf_str(out, strcmp(sum.state, "needs_review") == 0 ?
			"needs review" : sum.state);
	buf_printf(out, ", %d of %d done", sum.done, sum.total);
	if (sum.ended_at != 0) {
		clock_local(sum.ended_at, when);
		buf_printf(out, ", ended %s", when);
	}
	if (o->live) {
		outlook_make(&outlook, r->plan, r->d, o->jobs);
		outlook_text(&outlook, outlook.end[r->p->nsteps], ", ", out);
		outlook_release(&outlook);
	}
	if (sum.cost > 0)
		buf_printf(out, ", $%.2f", (double)sum.cost / 1e6);
	buf_char(out, '\n');
}

void status_table(const struct view_run *r, const struct status_options *o,
	bool colour, struct buf *out)
{
	struct rows rs = { .o = o, .colour = colour, .out = out };
	struct shown_items items;
	struct shown s;
	int i;

	showing_init(&rs.sh, r, o->live);
	add_head(&rs);
	measure(&rs);
	for (i = 0; i < r->p->nsteps; i++) {
		shown_make(&rs.sh, r->plan->stage[i].task, &s);
		if (r->plan->stage[i].fanout != -1 &&
		    shown_items(&rs.sh, i, &items) && items.total > 0) {
			add_fanout(&rs, &s, &items);
			add_items(&rs, i);
		} else {
			add_task(&rs, &s);
		}
	}
	showing_release(&rs.sh);
}
