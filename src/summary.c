/* SPDX-License-Identifier: ISC */
#include "summary.h"

#include <string.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "clock.h"
#include "mailbox.h"

bool summary_stale(const struct plan *pl, int step)
{
	const struct task *t = plan_task(pl, step);

	return t->state == TASK_DONE && t->command != 0 &&
		t->command != pipeline_command_hash(pl->p, step);
}

static void count(struct summary *sum, const struct plan *pl, int step)
{
	const struct task *t = plan_task(pl, step);

	switch ((enum task_state)t->state) {
	case TASK_PENDING:
		sum->pending++;
		break;
	case TASK_RUNNING:
		sum->running++;
		break;
	case TASK_WAITING:
		sum->waiting++;
		if (sum->until_at == 0 || t->until_at < sum->until_at)
			sum->until_at = t->until_at;
		break;
	case TASK_DONE:
		sum->done++;
		if (t->session < pl->s->sessions && t->started_at != 0) {
			sum->saved_ms += t->ended_at - t->started_at;
			sum->saved_cost += t->cost;
		}
		sum->stale += summary_stale(pl, step);
		break;
	case TASK_NEEDS_REVIEW:
		if (t->approval) {
			sum->approvals++;
		} else if (plan_settled(pl, step)) {
			sum->allowed++;
			sum->done++;
		} else {
			sum->review++;
			sum->held += t->hold && !t->ran;
		}
		break;
	case TASK_SKIPPED:
		sum->skipped++;
		sum->done++;
		break;
	case TASK_STATES:
		break;
	}
}

void summary_make(struct summary *sum, const struct plan *pl, bool live)
{
	int64_t at;
	int i;

	memset(sum, 0, sizeof(*sum));
	sum->live = live;
	sum->total = pl->p->nsteps;
	sum->cost = pl->s->cost;
	for (i = 0; i < pl->p->nsteps; i++)
		count(sum, pl, i);
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

void summary_log(const struct rundir *d, const struct task *t,
	struct buf *out)
{
	const char *const kinds[] = { t->phase != PHASE_RUN ?
		task_log_kind(t) : "err", "err", "out" };
	size_t i;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		buf_reset(out);
		rundir_log(out, t->name, t->attempts, kinds[i]);
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

/* The first step that awaits approval, or that has to be named. */
static const char *first(const struct plan *pl, bool approval)
{
	int i;

	for (i = 0; i < pl->p->nsteps; i++) {
		const struct task *t = plan_task(pl, i);

		if (t->state == TASK_NEEDS_REVIEW && t->approval == approval &&
		    (approval || (t->hold && !plan_settled(pl, i))))
			break;
	}
	return i < pl->p->nsteps ? pl->p->step[i].name : "";
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
