/* SPDX-License-Identifier: ISC */
#include "judge.h"

#include <stdio.h>
#include <string.h>

/* Losses in a row, under one durexec, before the last one is looked at by a
 * person. */
enum { LOSSES_MOST = 3 };

bool judge_exit_ok(const struct stepconf *conf, int code)
{
	return code >= 0 && code <= 255 &&
		(conf->ok_exit[code / 8] >> code % 8 & 1);
}

static void reason(struct verdict *v, const char *before,
	const struct report *r)
{
	struct buf text = { 0 };

	outcome_text(&r->outcome, &text);
	/* the note says it better than errno alone */
	if (r->outcome.kind == OUTCOME_NOT_STARTED && r->note[0] != '\0') {
		buf_reset(&text);
		buf_printf(&text, "not started: %s", r->note);
	} else if (r->outcome.kind == OUTCOME_EXIT && r->note[0] != '\0') {
		buf_printf(&text, " (%s)", r->note);
	}
	if (r->survivor != 0)
		buf_printf(&text, "; process %d could not be killed",
			r->survivor);
	snprintf(v->reason, sizeof(v->reason), "%s%s", before, text.data);
	buf_release(&text);
}

static struct verdict ends(enum task_state state)
{
	struct verdict v = { .next = NEXT_END, .state = state };

	return v;
}

static struct verdict review(const char *before, const struct report *r)
{
	struct verdict v = ends(TASK_NEEDS_REVIEW);

	reason(&v, before, r);
	return v;
}

static struct verdict judge_if(const struct report *r)
{
	struct verdict v = ends(TASK_SKIPPED);

	if (r->outcome.kind == OUTCOME_EXIT && r->outcome.exit == 0) {
		v.next = NEXT_RUN;
		return v;
	}
	if (r->outcome.kind == OUTCOME_EXIT && r->outcome.exit == 1) {
		snprintf(v.reason, sizeof(v.reason), "condition");
		return v;
	}
	/* a typo in a condition must not skip the upload */
	return review("condition: ", r);
}

static struct verdict judge_run(const struct stepconf *conf,
	const struct report *r)
{
	struct verdict v = ends(TASK_DONE);

	if (r->outcome.kind != OUTCOME_EXIT ||
	    !judge_exit_ok(conf, r->outcome.exit) || r->survivor != 0)
		return review("", r);
	if (conf->outputs.n > 0 || conf->stdout_to != NULL)
		v.next = NEXT_SETTLE;
	return v;
}

static struct verdict judge_settle(const struct task *t,
	const struct report *r)
{
	struct verdict v = ends(TASK_DONE);

	if (r->outcome.kind == OUTCOME_EXIT && r->outcome.exit == 0)
		return v;
	/* Asked once more at a person's word, and still not there. */
	if (t->asked) {
		v.state = TASK_PENDING;
		v.rerun = true;
		return v;
	}
	/* settle.h: 1 is "an output is missing", said in its log */
	if (r->outcome.kind == OUTCOME_EXIT && r->outcome.exit == 1)
		return review("outputs: ", r);
	return review("placing outputs: ", r);
}

struct verdict judge(const struct stepconf *conf, const struct task *t,
	const struct report *r)
{
	switch (r->outcome.kind) {
	case OUTCOME_INTERRUPTED:
	case OUTCOME_LOST:
		/* No second one beside what could not be killed; and from
		 * elsewhere it is forgiven once. */
		if (r->survivor != 0 || (r->elsewhere && t->interrupts > 0))
			return review("", r);
		/* A power cut is no fault of the step; that its keeper dies
		 * time after time under one durexec may be. */
		if (r->outcome.kind == OUTCOME_LOST &&
		    t->losses + 1 >= LOSSES_MOST)
			return review("", r);
		return ends(TASK_PENDING);
	case OUTCOME_NONE:
	case OUTCOME_EXIT:
	case OUTCOME_SIGNAL:
	case OUTCOME_TIMEOUT:
	case OUTCOME_IDLE:
	case OUTCOME_FLOOD:
	case OUTCOME_NOT_STARTED:
	case OUTCOME_KINDS:
		break;
	}
	switch ((enum phase)t->phase) {
	case PHASE_IF:
		return judge_if(r);
	case PHASE_RUN:
		return judge_run(conf, r);
	case PHASE_SETTLE:
		return judge_settle(t, r);
	case PHASES:
		break;
	}
	return review("", r);
}
