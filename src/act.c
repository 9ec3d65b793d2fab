/* SPDX-License-Identifier: ISC */
#include "act.h"

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"

static const char *const verbs[] = {
	[ACT_RETRY] = "retry",
	[ACT_APPROVE] = "approve",
	[ACT_SKIP] = "skip",
	[ACT_REWIND] = "rewind",
};

int act_verb_of(const char *word)
{
	int i;

	for (i = 0; i < (int)(sizeof(verbs) / sizeof(verbs[0])); i++)
		if (strcmp(word, verbs[i]) == 0)
			return i;
	return -1;
}

bool act_resumes(const struct task *t)
{
	return t->state == TASK_NEEDS_REVIEW && !t->approval &&
		(!t->hold || t->ran);
}

/* chosen[step] for all that the names mean. */
static int choose(const struct act *a, const struct plan *pl, bool *chosen,
	struct why *why)
{
	const struct pipeline *p = pl->p;
	int i, k;

	for (k = 0; k < p->nsteps && a->all_failed; k++)
		chosen[k] = act_resumes(plan_task(pl, k));
	for (i = 0; i < a->n; i++) {
		bool found = false;

		k = pipeline_find(p, a->name[i]);
		if (k >= 0) {
			chosen[k] = true;
			continue;
		}
		if (strpbrk(a->name[i], "*?[") == NULL)
			return pipeline_no_such_step(p, a->name[i], why);
		for (k = 0; k < p->nsteps; k++)
			if (fnmatch(a->name[i], p->step[k].name, 0) == 0)
				found = chosen[k] = true;
		if (!found)
			return pipeline_no_such_step(p, a->name[i], why);
	}
	return 0;
}

/* May the verb be said of a task in this state? */
static int allowed(const struct act *a, const struct task *t, struct why *why)
{
	const char *state = state_word((enum task_state)t->state);

	switch (a->verb) {
	case ACT_RETRY:
		if (t->state == TASK_NEEDS_REVIEW || t->state == TASK_WAITING)
			return 0;
		if (t->state == TASK_DONE || t->state == TASK_SKIPPED)
			return why_set(why, "step %s is %s; to run it again, "
				"and what needs it: durexec rewind %s",
				t->name, state, t->name);
		return why_set(why, "step %s is %s, there is nothing to retry",
			t->name, state);
	case ACT_APPROVE:
		if (t->state == TASK_NEEDS_REVIEW)
			return 0;
		return why_set(why, "step %s is %s, not in review", t->name,
			state);
	case ACT_SKIP:
		if (t->state == TASK_NEEDS_REVIEW ||
		    t->state == TASK_WAITING || t->state == TASK_PENDING)
			return 0;
		return why_set(why, "step %s is %s, it cannot be skipped",
			t->name, state);
	case ACT_REWIND:
		if (t->state != TASK_RUNNING)
			return 0;
		return why_set(why, "step %s is running; first: durexec stop",
			t->name);
	}
	return 0;
}

static void set_task(const struct act *a, struct plan *pl, int step,
	struct journal *j)
{
	struct task *t = plan_task(pl, step);
	struct record r = { 0 };
	enum task_state to = TASK_PENDING;

	if (a->verb == ACT_APPROVE)
		to = TASK_DONE;
	else if (a->verb == ACT_SKIP)
		to = TASK_SKIPPED;
	record_start(&r, "set");
	record_set(&r, "step", t->name);
	record_set(&r, "state", state_word(to));
	record_set(&r, "by", a->by);
	if (a->verb == ACT_SKIP)
		record_set(&r, "reason", "skipped by hand");
	if (a->verb == ACT_APPROVE)
		record_set(&r, "reason", "approved");
	if (a->result != NULL)
		record_set(&r, "result", a->result);
	if (a->verb == ACT_REWIND)
		record_set(&r, "fresh", "1");
	state_write(pl->s, j, &r);
}

static bool untouched(const struct task *t)
{
	return t->state == TASK_PENDING && t->attempts == 0;
}

/* Did the step take effect outside, or may it have, so that it is not done
 * again unless it is named? */
static bool took_effect(const struct plan *pl, int step)
{
	const struct task *t = plan_task(pl, step);

	if (t->state == TASK_NEEDS_REVIEW && !t->approval)
		return t->hold;
	return (t->state == TASK_DONE || t->state == TASK_NEEDS_REVIEW) &&
		(t->receipt || pl->p->step[step].conf->never);
}

/* Is there money for a step that lacked it? (attempt.c asks likewise.) */
static bool affordable(const struct plan *pl, int step)
{
	const struct stepconf *c = pl->p->step[step].conf;
	int64_t budget = pl->p->budget, spent = pl->s->cost;

	return budget < 0 || !c->costs || (spent < budget &&
		spent + c->cost <= budget);
}

/* A usage limit holds a whole pool: who says that it is over for one of those
 * it parked says so for all of them. */
static void choose_parked(const struct plan *pl, bool *chosen)
{
	const struct pipeline *p = pl->p;
	bool *over = mem_alloc((size_t)p->npools + 1);
	int i;

	for (i = 0; i < p->nsteps; i++)
		if (chosen[i] && plan_task(pl, i)->parked &&
		    p->step[i].conf->pool >= 0)
			over[p->step[i].conf->pool] = true;
	for (i = 0; i < p->nsteps; i++)
		if (plan_task(pl, i)->parked && p->step[i].conf->pool >= 0 &&
		    over[p->step[i].conf->pool])
			chosen[i] = true;
	free(over);
}

int act_on(const struct act *a, struct plan *pl, struct journal *j,
	struct buf *answer, int *changed, struct why *why)
{
	static const char *const done[] = {
		[ACT_RETRY] = "is tried again",
		[ACT_APPROVE] = "counts as done",
		[ACT_SKIP] = "is skipped",
		[ACT_REWIND] = "is pending again",
	};
	/* Of many, the first ones are named. */
	enum { NAMED = 20 };
	int n = pl->p->nsteps, i, ret = -1;
	bool *chosen = mem_alloc((size_t)n + 1);
	bool *named = mem_alloc((size_t)n + 1);

	*changed = 0;
	if (choose(a, pl, chosen, why) == -1)
		goto out;
	memcpy(named, chosen, (size_t)n);
	if (a->verb == ACT_RETRY)
		choose_parked(pl, chosen);
	if (a->verb == ACT_REWIND) {
		bool *below = mem_alloc((size_t)n + 1);

		for (i = 0; i < n; i++)
			if (chosen[i] && !below[i])
				plan_below(pl, i, below);
		memcpy(chosen, below, (size_t)n);
		free(below);
	}
	for (i = 0; i < n && a->verb == ACT_REWIND; i++) {
		const struct task *t = plan_task(pl, i);

		if (!chosen[i] || named[i] || !took_effect(pl, i))
			continue;
		chosen[i] = false;
		buf_printf(answer, "%s stays %s (%s); to run it again: "
			"durexec rewind %s\n", t->name,
			t->state == TASK_DONE ? "done" : "in review",
			t->receipt ? "its receipt was seen" :
			"rerun = never", t->name);
	}
	for (i = 0; i < n; i++) {
		/* what a rewind drags along and has never run stays as is */
		if (chosen[i] && a->verb == ACT_REWIND &&
		    untouched(plan_task(pl, i)))
			chosen[i] = false;
		if (chosen[i] && allowed(a, plan_task(pl, i), why) == -1)
			goto out;
	}
	for (i = 0; i < n; i++) {
		if (!chosen[i])
			continue;
		set_task(a, pl, i, j);
		if (++*changed <= NAMED)
			buf_printf(answer, "%s %s\n", pl->p->step[i].name,
				done[a->verb]);
	}
	if (*changed > NAMED)
		buf_printf(answer, "… and %d more\n", *changed - NAMED);
	plan_rebuild(pl);
	ret = 0;
out:
	free(chosen);
	free(named);
	return ret;
}

int act_edited(struct plan *pl, struct journal *j)
{
	struct act a = { .verb = ACT_RETRY, .by = "edit" };
	int i, n = 0;

	for (i = 0; i < pl->p->nsteps; i++) {
		struct task *t = plan_task(pl, i);

		if (t->state != TASK_NEEDS_REVIEW || (t->hold && !t->ran) ||
		    (t->approval && took_effect(pl, i)))
			continue;
		/* done but for a person's word: only another command counts */
		if (t->approval && t->command ==
		    pipeline_command_hash(pl->p, i))
			continue;
		if ((t->whole != 0 &&
		    t->whole != pipeline_whole_hash(pl->p, i)) ||
		    (t->reason != NULL && strncmp(t->reason, "budget: ",
		    8) == 0 && affordable(pl, i))) {
			set_task(&a, pl, i, j);
			n++;
		}
	}
	if (n > 0)
		plan_rebuild(pl);
	return n;
}
