/* SPDX-License-Identifier: ISC */
#include "outlook.h"

#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "eta.h"
#include "mem.h"
#include "os.h"
#include "summary.h"

/* The list of a fan-out is not known: as many as an earlier run had, or as the
 * one that it shares them with has. */
static int64_t expected(const struct plan *pl, const struct times *before,
	int step)
{
	int n;

	(void)plan_items(pl, pl->p->step[step].root, &n);
	return n > 0 ? n : before->n;
}

/* It could start but for a usage limit: until when; 0 no limit. */
static int64_t parked_until(const struct plan *pl, int step)
{
	int fan = pl->stage[step].fanout;
	int64_t at = pl->lane[pl->p->step[step].conf->pool + 1].parked_until;

	return fan != -1 && pl->fanout[fan].parked_until > at ?
		pl->fanout[fan].parked_until : at;
}

static void look(const struct plan *pl, int step, const struct times *before,
	const bool *blocked, int64_t now, struct eta_work *w)
{
	const struct task *own = plan_task(pl, step);
	struct summary sum = { 0 };
	int64_t until;
	int n;

	summary_add(&sum, pl, step);
	/* What is in review waits for a person, not for time. */
	w->left = sum.pending + sum.running + sum.waiting;
	w->running = sum.running;
	w->spent_ms = sum.running * now - sum.running_since;
	if (w->spent_ms < 0)
		w->spent_ms = 0;
	/* at least a little, so that it is told from what is done */
	w->each_ms = sum.timed > 0 ? 1 + sum.timed_ms / sum.timed :
		before->n > 0 ? 1 + before->ms / before->n : -1;
	(void)plan_items(pl, step, &n);
	if (n == 0 && w->left > 0 && pl->stage[step].fanout != -1) {
		w->left = expected(pl, before, step);
		w->running = w->spent_ms = 0;
		if (w->left == 0)
			w->left = 1, w->each_ms = -1;
	}
	/* its own task has to be asked, with items or without */
	if (blocked != NULL && blocked[pl->stage[step].task] &&
	    own->state == TASK_PENDING)
		w->left = w->running;
	until = parked_until(pl, step);
	if (sum.waiting > 0 && sum.pending + sum.running == 0 &&
	    sum.until_at > until)
		until = sum.until_at;
	w->held_ms = until > now ? until - now : 0;
}

/* Items that cannot go on are no work. */
static void take_off_blocked(const struct plan *pl, const bool *blocked,
	struct eta_work *work)
{
	size_t i;

	for (i = 0; i < pl->nunits; i++)
		if (blocked[i] && pl->unit[i].item != -1 &&
		    work[pl->unit[i].step].left > 0)
			work[pl->unit[i].step].left--;
}

/* Who runs it was perhaps told another number. When more could start, and does
 * not, that is how many run. */
static int jobs_of(const struct plan *pl)
{
	int running = pl->s->count[TASK_RUNNING];

	if (running > 0 && plan_startable(pl))
		return running;
	return pl->p->jobs > 0 ? pl->p->jobs : os_cpus();
}

void outlook_make(struct outlook *o, const struct plan *pl,
	const struct rundir *d, int jobs)
{
	size_t n = (size_t)pl->p->nsteps + 1;
	struct eta_work *work = mem_alloc(n * sizeof(*work));
	bool *blocked = NULL;
	int i;

	o->at = clock_wall();
	if (o->times == NULL) {
		o->times = times_read(pl->p, d);
		o->end = mem_alloc(n * sizeof(*o->end));
	}
	if (pl->s->count[TASK_NEEDS_REVIEW] > 0) {
		blocked = mem_alloc(pl->nunits + 1);
		plan_blocked(pl, blocked);
	}
	for (i = 0; i < pl->p->nsteps; i++)
		look(pl, i, &o->times[i], blocked, o->at, &work[i]);
	if (blocked != NULL)
		take_off_blocked(pl, blocked, work);
	eta_reckon(pl->p, work, jobs > 0 ? jobs : jobs_of(pl), o->end);
	free(blocked);
	free(work);
}

void outlook_release(struct outlook *o)
{
	free(o->times);
	free(o->end);
	memset(o, 0, sizeof(*o));
}

int64_t outlook_end(const struct outlook *o, const struct plan *pl)
{
	int64_t end = o->end[pl->p->nsteps];

	return end > 0 ? o->at + end : 0;
}

void outlook_text(const struct outlook *o, int64_t end, const char *before,
	struct buf *out)
{
	char span[CLOCK_SPAN], when[CLOCK_SPAN];

	if (end <= 0)
		return;
	clock_span(end, span);
	clock_local(o->at + end, when);
	buf_printf(out, "%sabout %s (%s)", before, span, when);
}
