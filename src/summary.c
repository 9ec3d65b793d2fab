/* SPDX-License-Identifier: ISC */
#include "summary.h"

#include <string.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "clock.h"
#include "mailbox.h"
#include "typed.h"
#include "walk.h"

static void count(struct summary *sum, const struct plan *pl, int unit)
{
	const struct task *t = plan_unit(pl, unit);
	/* the list of a fan-out that has items is work, but none of them */
	bool counts = plan_counts(pl, unit);

	sum->total += counts;
	switch ((enum task_state)t->state) {
	case TASK_PENDING:
		sum->pending += counts;
		break;
	case TASK_RUNNING:
		sum->running++;
		sum->running_since += t->started_at;
		break;
	case TASK_WAITING:
		sum->waiting++;
		if (sum->until_at == 0 || t->until_at < sum->until_at)
			sum->until_at = t->until_at;
		break;
	case TASK_DONE:
		sum->done += counts;
		/* without a start it is a person's word */
		if (t->started_at == 0)
			break;
		if (counts && t->ended_at >= t->started_at) {
			sum->timed++;
			sum->timed_ms += t->ended_at - t->started_at;
		}
		if (t->session < pl->s->sessions) {
			sum->saved_ms += t->ended_at - t->started_at;
			sum->saved_cost += t->cost;
		}
		break;
	case TASK_NEEDS_REVIEW:
		if (t->approval) {
			sum->approvals++;
		} else if (plan_unit_settled(pl, unit)) {
			sum->allowed++;
			sum->done += counts;
		} else {
			sum->review++;
			sum->held += t->hold && !t->ran;
		}
		break;
	case TASK_SKIPPED:
		sum->skipped += counts;
		sum->done += counts;
		break;
	case TASK_STATES:
		break;
	}
}

void summary_add(struct summary *sum, const struct plan *pl, int step)
{
	const int *items;
	int n, i;

	items = plan_items(pl, step, &n);
	count(sum, pl, pl->stage[step].task);
	for (i = 0; i < n; i++)
		count(sum, pl, items[i]);
}

void summary_make(struct summary *sum, const struct plan *pl, bool live)
{
	int64_t at;
	int i;

	memset(sum, 0, sizeof(*sum));
	sum->live = live;
	sum->cost = pl->s->cost;
	for (i = 0; i < pl->p->nsteps; i++)
		summary_add(sum, pl, i);
	if (pl->s->closed != NULL)
		sum->ended_at = pl->s->closed_at;
	if (live)
		sum->state = sum->running == 0 && sum->waiting > 0 ?
			"waiting" : "running";
	else if (plan_finished(pl))
		sum->state = "done";
	else if (sum->review + sum->approvals > 0)
		sum->state = "needs_review";
	else if (sum->running > 0 || plan_startable(pl))
		sum->state = "stopped";
	else if (sum->waiting > 0)
		sum->state = "waiting";
	/* min_interval, or a limit that others met: no step says so itself */
	else if (plan_waits(pl, clock_wall(), &at)) {
		sum->state = "waiting";
		sum->until_at = at;
	} else {
		sum->state = "stopped";
	}
}

int summary_status(const struct summary *sum, bool no_wait)
{
	if (sum->review > 0)
		return 1;
	if (strcmp(sum->state, "done") == 0)
		return 0;
	return no_wait && strcmp(sum->state, "waiting") == 0 ? 75 : 3;
}

enum orphan summary_orphan(const struct rundir *d, const struct task *t,
	int *pid)
{
	struct mail mail;

	/* who cannot be asked is taken to live: nothing is done to him */
	if (mailbox_read(d->fd, t->keeper, t->name, t->attempts,
	    task_phase(t), t->turn,
	    &mail) == -1) {
		*pid = 0;
		return ORPHAN_LIVES;
	}
	*pid = (int)mail.pid;
	if (mail.ended)
		return ORPHAN_ENDED;
	return mail.held ? ORPHAN_LIVES : ORPHAN_GONE;
}

static bool is_there(const struct rundir *d, const char *path)
{
	struct stat st;

	return fstatat(d->fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		st.st_size > 0;
}

void summary_log(const struct rundir *d, const struct state *s,
	const struct task *t, struct buf *out)
{
	const char *kinds[] = { task_log_kind(t), "err", "out" };
	size_t i;

	/* these wrote what they found out, which says nothing of a failure */
	if (t->phase == PHASE_RUN || t->phase == PHASE_LIST ||
	    t->phase == PHASE_INPUTS)
		kinds[0] = "err";
	if (t->phase == PHASE_LIST)
		kinds[2] = task_log_kind(t);
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		buf_reset(out);
		task_log(s, t, t->attempts, kinds[i], out);
		if (is_there(d, out->data))
			return;
	}
	buf_reset(out);
	buf_str(out, "");
}

static void word(struct buf *out, int *n, const char *text)
{
	buf_add(out, text, strlen(text) + 1);
	(*n)++;
}

/* The first one that awaits approval, or that has to be named. */
static const char *first(const struct plan *pl, bool approval)
{
	struct walk w = { .pl = pl };
	int unit;

	while ((unit = walk_next(&w)) != -1) {
		const struct task *t = plan_unit(pl, unit);

		if (t->state == TASK_NEEDS_REVIEW && t->approval == approval &&
		    (approval || (t->hold && !plan_unit_settled(pl, unit))))
			return t->name;
	}
	return "";
}

void summary_next(const struct summary *sum, const struct plan *pl,
	const char *ini, struct buf *out, int *n)
{
	const char *verb = NULL;
	int i;

	*n = 0;
	if (sum->live)
		return;
	word(out, n, "durexec");
	if (strcmp(sum->state, "done") == 0)
		word(out, n, "--fresh");
	else if (sum->review > sum->held)
		word(out, n, "--resume");
	else if (sum->held > 0)
		/* whether it took effect is to be found out first */
		verb = "logs";
	else if (sum->approvals > 0 && sum->waiting == 0)
		verb = "approve";
	if (verb != NULL)
		word(out, n, verb);
	if (typed_state_dir() != NULL) {
		word(out, n, "--state-dir");
		word(out, n, typed_state_dir());
	}
	word(out, n, ini);
	for (i = 0; i < pl->p->nparams; i++)
		if (pl->p->param[i].given) {
			buf_printf(out, "%s=%s", pl->p->param[i].name,
				pl->p->param[i].value);
			buf_char(out, '\0');
			(*n)++;
		}
	if (verb != NULL)
		word(out, n, first(pl, sum->held == 0));
}
