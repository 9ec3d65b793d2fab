/* SPDX-License-Identifier: ISC */
#include "history.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "io.h"
#include "json.h"
#include "mem.h"
#include "start.h"

/* What the state has of the run's tasks. Not the list of a fan-out that has
 * items, unless it is in review, nor items that are no longer listed. */
static void count(const struct state *s, int *n)
{
	size_t i;

	memcpy(n, s->count, TASK_STATES * sizeof(*n));
	for (i = 0; i < s->ntasks && s->nfans > 0; i++) {
		const struct task *t = &s->task[i];
		const struct fan *fan = state_fan(s, t);

		if (fan != NULL ? fan->n > 0 &&
		    t->state != TASK_NEEDS_REVIEW :
		    t->fan != -1 && t->item == -1)
			n[t->state]--;
	}
}

/* One run, by what its own state says (not by the file as it is now). */
static void one(const struct state *s, const char *id, bool live, bool json,
	struct buf *out)
{
	int n[TASK_STATES], done;
	const char *state;
	char when[CLOCK_SPAN], span[CLOCK_SPAN] = "";

	count(s, n);
	done = n[TASK_DONE] + n[TASK_SKIPPED];
	state = live ? "running" : s->closed != NULL ? s->closed :
		n[TASK_NEEDS_REVIEW] > 0 ? "needs_review" : "stopped";
	if (json) {
		json_open(out, '{');
		json_key(out, "run");
		json_text(out, id);
		json_key(out, "state");
		json_text(out, state);
		json_key(out, "started");
		json_time(out, s->started_at);
		json_key(out, "ended");
		json_time(out, s->closed != NULL ? s->closed_at : 0);
		json_key(out, "done");
		json_number(out, done);
		json_key(out, "needs_review");
		json_number(out, n[TASK_NEEDS_REVIEW]);
		json_close(out, '}');
		return;
	}
	clock_local(s->started_at, when);
	if (s->closed != NULL)
		clock_span(s->closed_at - s->started_at, span);
	buf_printf(out, "%s  %-16s  %-12s %8s  %d done", id, when, state, span,
		done);
	if (n[TASK_NEEDS_REVIEW] > 0)
		buf_printf(out, ", %d in review", n[TASK_NEEDS_REVIEW]);
	if (s->closed != NULL && s->closed_reason != NULL)
		buf_printf(out, " (%s)", s->closed_reason);
	buf_char(out, '\n');
}

int history_show(const struct session *se, const struct options *o)
{
	struct home h = se->h;
	struct buf out = { 0 };
	int status = STATUS_DONE;
	char **runs;
	size_t n, i;

	runs = home_runs(&h, &n);
	if (o->json)
		json_open(&out, '[');
	for (i = 0; i < n; i++) {
		struct rundir d;
		struct state s;
		struct journal j;
		struct why why;

		/* the one that is open may be large */
		if (session_has_run(se) && strcmp(se->d.id, runs[i]) == 0) {
			one(&se->s, runs[i], i + 1 == n &&
				home_holder(&h) != 0, o->json, &out);
			continue;
		}
		state_init(&s);
		if (rundir_open(&d, &h, runs[i], &why) == 0 &&
		    journal_read(&j, d.fd, state_apply, &s, &why) == 0) {
			one(&s, runs[i], i + 1 == n && home_holder(&h) != 0,
				o->json, &out);
		} else {
			msg_error("%s: %s", runs[i], why.text);
			status = STATUS_STATE;
		}
		rundir_close(&d);
		state_release(&s);
	}
	if (o->json) {
		json_close(&out, ']');
		buf_char(&out, '\n');
	}
	if (out.len > 0)
		io_answer(out.data, out.len);
	buf_release(&out);
	home_runs_free(runs, n);
	/* what home_holder() opened in the copy */
	if (h.lock != se->h.lock)
		close(h.lock);
	return status;
}
