/* SPDX-License-Identifier: ISC */
#include "judge.h"

#include <stdio.h>
#include <string.h>

#include "failure.h"

/* Losses in a row, under one durexec, before the last one is looked at by a
 * person. */
enum { LOSSES_MOST = 3 };

bool judge_exit_ok(const struct stepconf *conf, int code)
{
	return verdict_listed(&conf->ok_exit, code);
}

static bool exited_well(const struct stepconf *conf, const struct report *r)
{
	return r->outcome.kind == OUTCOME_EXIT && r->survivor == 0 &&
		judge_exit_ok(conf, r->outcome.exit);
}

/* A condition, a gate, settling: 0 and nothing else. */
static bool passed(const struct report *r)
{
	return r->outcome.kind == OUTCOME_EXIT && r->outcome.exit == 0 &&
		r->survivor == 0;
}

bool judge_asks(const struct stepconf *conf, const struct task *t,
	const struct report *r)
{
	if (t->phase == PHASE_SETTLE || t->phase == PHASE_PLACE ||
	    t->phase == PHASE_INPUTS)
		return r->outcome.kind == OUTCOME_EXIT && r->outcome.exit != 0;
	if (t->phase != PHASE_RUN)
		return false;
	return !exited_well(conf, r) || conf->fail_if.n > 0 ||
		conf->ok_if.n > 0 || conf->receipt.n > 0 ||
		conf->cost_from.n > 0;
}

/* "exit 3 (…); process 7 could not be killed" */
static void how(struct buf *text, const struct report *r)
{
	/* the note says it better than errno alone */
	if (r->outcome.kind == OUTCOME_NOT_STARTED && r->note[0] != '\0') {
		buf_printf(text, "not started: %s", r->note);
	} else {
		outcome_text(&r->outcome, text);
		if (r->outcome.kind == OUTCOME_EXIT && r->note[0] != '\0')
			buf_printf(text, " (%s)", r->note);
	}
	if (r->survivor > 0)
		buf_printf(text, "; process %d could not be killed",
			r->survivor);
	else if (r->survivor < 0)
		buf_str(text, "; what it left could not be looked for");
}

static struct verdict goes_on(enum verdict_next next)
{
	struct verdict v = { .next = next, .state = TASK_DONE };

	return v;
}

static struct verdict review(const char *before, const struct report *r,
	const char *behind)
{
	struct verdict v = verdict_of(TASK_NEEDS_REVIEW);
	struct buf text = { 0 };

	how(&text, r);
	verdict_say(&v, "%s%s%s", before, text.data, behind);
	buf_release(&text);
	return v;
}

static struct verdict judge_if(const struct report *r)
{
	struct verdict v = verdict_of(TASK_SKIPPED);

	if (passed(r))
		return goes_on(NEXT_RUN);
	if (r->outcome.kind == OUTCOME_EXIT && r->outcome.exit == 1 &&
	    r->survivor == 0) {
		verdict_say(&v, "condition");
		return v;
	}
	/* a typo in a condition must not skip the upload */
	return review("condition: ", r, "");
}

static struct verdict with_receipt(const struct report *r,
	const char *result)
{
	char behind[160];
	struct verdict v;

	snprintf(behind, sizeof(behind), "; but its receipt was seen%s%.80s%s: "
		"it is not run again", result != NULL ? " (" : "",
		result != NULL ? result : "", result != NULL ? ")" : "");
	v = review("", r, behind);
	v.hold = true;
	return v;
}

static bool was_stopped(const struct report *r)
{
	return r->outcome.kind == OUTCOME_INTERRUPTED ||
		r->outcome.kind == OUTCOME_LOST;
}

/* The machine went down before the outputs were durable: whether they are
 * there or not, they may not be what the command wrote. */
static bool outputs_lost(const struct stepconf *conf, const struct task *t,
	const struct report *r)
{
	return r->reboot && conf->outputs.n > 0 && !t->settled &&
		(t->phase == PHASE_SETTLE || t->phase == PHASE_RUN);
}

/* Not ended by itself: the command is to be started again, or not. */
static struct verdict stopped(const struct stepconf *conf,
	const struct task *t, const struct report *r)
{
	bool again = outputs_lost(conf, t, r);
	struct verdict v;

	if (again && t->receipt)
		return with_receipt(r, t->result);
	if (conf->never && (t->phase == PHASE_RUN || again)) {
		v = review("", r, ", and rerun = never: nobody knows how far "
			"it came");
		v.hold = true;
		v.rerun = again;
		return v;
	}
	/* No second one beside what could not be killed; and from elsewhere
	 * it is forgiven once. */
	if (r->survivor != 0 || (r->elsewhere && t->interrupts > 0))
		return review("", r, "");
	/* A power cut is no fault of the step; that its keeper dies time
	 * after time under one durexec may be. */
	if (r->outcome.kind == OUTCOME_LOST && t->losses + 1 >= LOSSES_MOST)
		return review("", r, "");
	v = verdict_of(TASK_PENDING);
	v.rerun = again;
	if (again && t->ran)
		verdict_say(&v, "the machine went down before its outputs "
			"were safe");
	return v;
}

static struct verdict judge_run(const struct stepconf *conf,
	const struct task *t, const struct report *r, const struct evidence *e)
{
	struct failure f = { conf, t, r, e, NULL, true };
	/* an earlier attempt's counts for ever: only a rewind forgets it */
	bool receipt = e->receipt || t->receipt;
	struct buf text = { 0 };
	struct verdict v;
	char why[sizeof(v.reason)];

	how(&text, r);
	snprintf(why, sizeof(why), "%s", text.data);
	if (receipt && !exited_well(conf, r)) {
		v = with_receipt(r, e->receipt ? e->result : t->result);
	} else if (was_stopped(r)) {
		v = stopped(conf, t, r);
	} else if (!exited_well(conf, r)) {
		f.why = why;
		v = failure_verdict(&f);
	} else if (failure_lies(conf, e, text.data, why, sizeof(why))) {
		f.why = why;
		f.gave_exit = false;
		v = receipt ? review("", r, "") : failure_verdict(&f);
		if (receipt) {
			verdict_say(&v, "%s", why);
			v.hold = true;
		}
	} else {
		v = goes_on(NEXT_AFTER);
	}
	buf_release(&text);
	if (!conf->costs || r->outcome.kind == OUTCOME_NOT_STARTED ||
	    (r->outcome.kind == OUTCOME_EXIT && r->outcome.err != 0))
		return v;
	v.cost = verdict_cost(conf, e);
	/* A request that was turned away is not paid for, unless it says so
	 * itself. */
	if (v.cost < 0)
		v.cost = v.wait == WAIT_LIMIT ? 0 : conf->cost;
	return v;
}

/* Has it looked, and found the result wanting? One that could not look, or
 * that only places the result, says nothing about it. */
static bool says_no(const struct task *t, const struct report *r)
{
	return r->outcome.kind == OUTCOME_EXIT && r->survivor == 0 &&
		((t->phase == PHASE_SETTLE && r->outcome.exit == 1) ||
		(t->phase == PHASE_VERIFY && r->outcome.exit != 126 &&
		r->outcome.exit != 127));
}

/* A gate, or the look at the outputs, has failed. */
static struct verdict gate_failed(const struct stepconf *conf,
	const struct task *t, const struct report *r, const char *name,
	const char *said)
{
	struct verdict v = review(name, r, "");

	if (said != NULL)
		verdict_say(&v, "%s", said);
	if (t->receipt) {
		v.hold = true;
	} else if (t->asked && !conf->never && says_no(t, r)) {
		/* Asked once more at a person's word, and it still fails: now
		 * the command. */
		v.state = TASK_PENDING;
		v.rerun = true;
	}
	return v;
}

static struct verdict judge_settle(const struct stepconf *conf,
	const struct task *t, const struct report *r, const struct evidence *e)
{
	struct failure f = { conf, t, r, e, e->missing != NULL ? e->missing :
		"outputs: exit 1", false };
	struct verdict v;

	if (passed(r))
		return goes_on(NEXT_AFTER);
	/* settle.h: 1 is "an output is missing", said in its log */
	if (r->outcome.kind != OUTCOME_EXIT || r->outcome.exit != 1 ||
	    t->asked || t->receipt)
		return gate_failed(conf, t, r, "outputs: ", e->missing);
	v = failure_verdict(&f);
	if (v.wait == WAIT_LIMIT)
		v.rerun = true;
	return v;
}

static struct verdict judge_gate(const struct stepconf *conf,
	const struct task *t, const struct report *r, const struct evidence *e)
{
	char name[80];

	if (passed(r))
		return goes_on(NEXT_AFTER);
	snprintf(name, sizeof(name), "%s: ", t->phase == PHASE_PLACE ?
		"placing stdout" : task_phase(t));
	return gate_failed(conf, t, r, name, e->missing);
}

/* What comes before the command of an attempt: the list of a fan-out's items,
 * the files that it depends on. */
static struct verdict judge_before(const struct report *r, const char *key,
	enum verdict_next next, const char *said)
{
	struct verdict v;

	if (passed(r))
		return goes_on(next);
	v = review(key, r, "");
	if (said != NULL && r->outcome.kind == OUTCOME_EXIT)
		verdict_say(&v, "%s", said);
	return v;
}

struct verdict judge(const struct stepconf *conf, const struct task *t,
	const struct report *r, const struct evidence *e)
{
	struct verdict v = verdict_of(TASK_NEEDS_REVIEW);
	enum phase next;
	int gate;

	if (t->phase != PHASE_RUN && was_stopped(r))
		return stopped(conf, t, r);
	switch ((enum phase)t->phase) {
	case PHASE_IF:
		return judge_if(r);
	case PHASE_RUN:
		v = judge_run(conf, t, r, e);
		break;
	case PHASE_SETTLE:
		v = judge_settle(conf, t, r, e);
		break;
	case PHASE_VERIFY:
	case PHASE_PLACE:
		v = judge_gate(conf, t, r, e);
		break;
	case PHASE_LIST:
		return judge_before(r, "foreach_from: ", NEXT_LISTED, NULL);
	case PHASE_INPUTS:
		return judge_before(r, "inputs: ", NEXT_RUN, e->missing);
	case PHASES:
		return v;
	}
	if (v.next == NEXT_AFTER && !judge_after(conf,
	    (enum phase)t->phase, task_phase(t), &next, &gate)) {
		v.next = NEXT_END;
		v.state = TASK_DONE;
		if (conf->review) {
			v.state = TASK_NEEDS_REVIEW;
			v.approval = true;
			verdict_say(&v, "approval");
		}
	}
	return v;
}

struct verdict judge_gone(const struct report *r)
{
	struct verdict v = review("", r, "; the step was not in the file when "
		"it ended");

	v.hold = true;
	return v;
}

bool judge_after(const struct stepconf *conf, enum phase phase,
	const char *word, enum phase *next, int *gate)
{
	*gate = 0;
	switch (phase) {
	case PHASE_IF:
		*next = PHASE_RUN;
		return true;
	case PHASE_RUN:
		/* without gates, outputs and stdout are one process */
		if (conf->outputs.n > 0 ||
		    (conf->stdout_to != NULL && conf->gates.n == 0)) {
			*next = PHASE_SETTLE;
			return true;
		}
		break;
	case PHASE_SETTLE:
		if (conf->gates.n == 0)
			return false;
		break;
	case PHASE_VERIFY:
		/* one that has left the file: from the first again */
		for (int i = 0; i < conf->gates.n; i++)
			if (strcmp(conf->gates.v[i].name,
			    word + strlen(phase_word(PHASE_VERIFY))) == 0)
				*gate = i + 1;
		break;
	case PHASE_PLACE:
	case PHASE_LIST:
	case PHASE_INPUTS:
	case PHASES:
		return false;
	}
	if (*gate < conf->gates.n) {
		*next = PHASE_VERIFY;
		return true;
	}
	*next = PHASE_PLACE;
	return conf->stdout_to != NULL;
}
