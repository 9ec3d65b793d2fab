/* SPDX-License-Identifier: ISC */
#include "reopen.h"

#include "msg.h"
#include "rerun.h"

/* --rescan: the lists of items are asked for again. Returns how many. */
static int ask_lists_again(struct session *se)
{
	int i, n = 0;

	for (i = 0; i < se->p->nsteps; i++) {
		const struct task *t = plan_task(&se->plan, i);
		struct record r = { 0 };

		if (se->p->step[i].root != i || (t->state != TASK_DONE &&
		    t->state != TASK_NEEDS_REVIEW))
			continue;
		record_start(&r, "set");
		record_set(&r, "step", t->name);
		record_set(&r, "state", state_word(TASK_PENDING));
		record_set(&r, "by", "rescan");
		state_write(&se->s, &se->j, &r);
		n++;
	}
	if (n > 0)
		plan_rebuild(&se->plan);
	return n;
}

int reopen(struct session *se, const struct options *o)
{
	struct why why;
	int status;

	if (o->rerun_stale) {
		status = rerun(se, true);
		if (status != STATUS_DONE)
			return status;
	}
	if (!o->rescan)
		return STATUS_DONE;
	if (se->j.fd == -1 && session_open_write(se, &why) == -1) {
		msg_error("%s", why.text);
		return STATUS_STATE;
	}
	if (ask_lists_again(se) == 0)
		msg_note("there is no list of items to ask for again");
	return STATUS_DONE;
}
