/* SPDX-License-Identifier: ISC */
#include "opening.h"

#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "mem.h"
#include "msg.h"
#include "options.h"
#include "quote.h"
#include "summary.h"

void opening_removed(const struct session *se)
{
	size_t i;

	for (i = 0; i < se->s.ntasks; i++)
		if (se->s.task[i].attempts > 0 &&
		    pipeline_find(se->p, se->s.task[i].name) < 0)
			msg_note("step %s is no longer in the file; its "
				"result stays in the state (%s)",
				se->s.task[i].name, state_word(
				(enum task_state)se->s.task[i].state));
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
		buf_printf(text, "%s%s", n == 1 ? before : ", ", t->name);
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
	struct buf run = { 0 };
	int i, n = 0;

	quote_word(&run, se->ini);
	for (i = 0; i < se->s.nparams; i++) {
		char *word = mem_printf("%s=%s", se->s.param[i].name,
			se->s.param[i].value);

		buf_char(&run, ' ');
		quote_word(&run, word);
		free(word);
	}

	for (i = 0; i < se->p->nsteps && n < NAMED; i++) {
		const struct task *t = plan_task(&se->plan, i);

		if (t->state != TASK_NEEDS_REVIEW || !t->hold)
			continue;
		n++;
		msg_note("step %s may have taken effect and is not tried "
			"again unasked: durexec approve %s %s, or retry "
			"%s %s", t->name, run.data, t->name, run.data,
			t->name);
	}
	buf_release(&run);
}

int opening_finished(const struct session *se)
{
	char when[CLOCK_SPAN];
	struct summary sum;

	summary_make(&sum, &se->plan, false);
	clock_local(se->s.closed_at != 0 ? se->s.closed_at :
		se->s.started_at, when);
	msg_note("finished %s, %d of %d done; run it again: durexec --fresh "
		"%s", when, sum.done, sum.total, se->ini);
	return STATUS_DONE;
}
