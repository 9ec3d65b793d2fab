/* SPDX-License-Identifier: ISC */
#include "opening.h"

#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "fit.h"
#include "mem.h"
#include "msg.h"
#include "options.h"
#include "rerun.h"
#include "stale.h"
#include "summary.h"
#include "typed.h"
#include "walk.h"

/* What is shown of a task's name within a sentence. */
enum { NAME_COLUMNS = 60 };

void opening_removed(const struct session *se)
{
	const struct state *s = &se->s;
	/* items of each fan-out that has left */
	int *items = mem_alloc((s->nfans + 1) * sizeof(*items));
	size_t i;

	for (i = 0; i < s->ntasks; i++) {
		const struct task *t = &s->task[i];

		if (t->attempts == 0 ||
		    pipeline_find(se->p, task_step(s, t)) >= 0)
			continue;
		if (t->fan != -1)
			items[t->fan] += t != &s->task[s->fan[t->fan].head];
		else
			msg_note("step %s is no longer in the file; its "
				"result stays in the state (%s)", t->name,
				state_word((enum task_state)t->state));
	}
	for (i = 0; i < s->nfans; i++)
		if (items[i] > 0)
			msg_note("step %s is no longer in the file; the "
				"results of its items stay in the state (%d)",
				s->fan[i].step, items[i]);
	free(items);
}

/* "; adopting video, upload (goes on)" */
static void add_found(const struct session *se, enum orphan which,
	const char *before, const char *after, struct buf *text)
{
	/* Of many, the first ones are named. */
	enum { NAMED = 5 };
	size_t i;
	int n = 0, pid;

	for (i = 0; i < se->s.ntasks && se->s.count[TASK_RUNNING] > 0; i++) {
		const struct task *t = &se->s.task[i];

		if (t->state != TASK_RUNNING ||
		    summary_orphan(&se->d, t, &pid) != which || ++n > NAMED)
			continue;
		buf_str(text, n == 1 ? before : ", ");
		fit_text(text, t->name, strlen(t->name), NAME_COLUMNS);
	}
	if (n > NAMED)
		buf_printf(text, " and %d more", n - NAMED);
	if (n > 0)
		buf_str(text, after);
}

void opening_continuing(const struct session *se)
{
	struct summary sum;
	struct buf text = { 0 };
	char when[CLOCK_SPAN];

	summary_make(&sum, &se->plan, false);
	buf_printf(&text, "continuing run %s: %d of %d done", se->d.id,
		sum.done, sum.total);
	if (sum.review > 0)
		buf_printf(&text, ", %d in review", sum.review);
	if (sum.approvals > 0)
		buf_printf(&text, ", %d to approve", sum.approvals);
	if (sum.waiting > 0) {
		clock_local(sum.until_at, when);
		buf_printf(&text, ", %d waiting (until %s)", sum.waiting,
			when);
	}
	add_found(se, ORPHAN_LIVES, "; adopting ", " (goes on)", &text);
	add_found(se, ORPHAN_ENDED, "; adopting ", " (has ended)", &text);
	add_found(se, ORPHAN_GONE, "; interrupted: ", "", &text);
	msg_note("%s", text.data);
	buf_release(&text);
}

/* What --resume leaves alone, and why. */
void opening_held(const struct session *se)
{
	enum { NAMED = 5 };
	struct walk w = { .pl = &se->plan };
	struct buf typed = { 0 }, name = { 0 };
	int unit, n = 0;

	while (n < NAMED && (unit = walk_next(&w)) != -1) {
		const struct task *t = plan_unit(&se->plan, unit);

		if (t->state != TASK_NEEDS_REVIEW || !t->hold)
			continue;
		n++;
		buf_reset(&typed);
		buf_reset(&name);
		typed_run(se->p, se->ini, t->name, &typed);
		fit_text(&name, t->name, strlen(t->name), NAME_COLUMNS);
		msg_note("step %s may have taken effect and is not tried "
			"again unasked: durexec approve %s, or retry %s",
			name.data, typed.data, typed.data);
	}
	buf_release(&typed);
	buf_release(&name);
}

/* Done, no longer what the file and its inputs would give, and what
 * --rerun-stale would run again. */
static int count_stale(const struct plan *pl)
{
	struct stale stale;
	int n = 0;

	stale_init(&stale, pl);
	for (int i = 0; i < (int)pl->nunits; i++)
		n += plan_counts(pl, i) && stale_is(&stale, i, NULL) &&
			!rerun_leaves(pl, i) && !stale_gone(&stale, i);
	stale_release(&stale);
	return n;
}

int opening_finished(const struct session *se)
{
	char when[CLOCK_SPAN];
	struct buf typed = { 0 };
	struct summary sum;
	int stale;

	typed_run(se->p, se->ini, NULL, &typed);
	summary_make(&sum, &se->plan, false);
	clock_local(se->s.closed_at != 0 ? se->s.closed_at :
		se->s.started_at, when);
	msg_note("finished %s, %d of %d done; run it again: durexec --fresh "
		"%s", when, sum.done, sum.total, typed.data);
	stale = count_stale(&se->plan);
	if (stale > 0)
		msg_note("%d of them %s STALE (durexec status says why); run "
			"%s again: durexec --rerun-stale %s", stale,
			stale == 1 ? "is" : "are", stale == 1 ? "it" : "these",
			typed.data);
	buf_release(&typed);
	return STATUS_DONE;
}
