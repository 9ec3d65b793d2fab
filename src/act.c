/* SPDX-License-Identifier: ISC */
#include "act.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "forget.h"
#include "mem.h"
#include "names.h"
#include "quote.h"
#include "typed.h"
#include "safe.h"
#include "walk.h"

/* Of many, the first ones are named. */
enum { NAMED = 20 };

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

/* Its items, when they are known and some; NULL: the unit is what it is. */
static const int *items_of(const struct plan *pl, int unit, int *n)
{
	const int *items = pl->unit[unit].item == -1 ?
		plan_items(pl, plan_step(pl, unit), n) : NULL;

	return items != NULL && *n > 0 ? items : NULL;
}

/* May the verb be said of a task in this state? */
static int allowed(const struct act *a, const struct plan *pl,
	const struct task *t, struct why *why)
{
	const char *state = state_word((enum task_state)t->state), *kind;
	struct buf typed = { 0 };

	switch (a->verb) {
	case ACT_RETRY:
		if (t->state == TASK_NEEDS_REVIEW || t->state == TASK_WAITING)
			return 0;
		break;
	case ACT_APPROVE:
		if (t->state == TASK_NEEDS_REVIEW)
			return 0;
		break;
	case ACT_SKIP:
		if (t->state == TASK_NEEDS_REVIEW ||
		    t->state == TASK_WAITING || t->state == TASK_PENDING)
			return 0;
		break;
	case ACT_REWIND:
		if (t->state != TASK_RUNNING)
			return 0;
		break;
	}
	/* no step is called so */
	kind = strchr(t->name, '[') != NULL ? "item" : "step";
	typed_run(pl->p, pl->p->path, t->name, &typed);
	switch (a->verb) {
	case ACT_RETRY:
		if (t->state == TASK_DONE || t->state == TASK_SKIPPED)
			why_set(why, "%s %s is %s; to run it again, and what "
				"needs it: durexec rewind %s", kind, t->name,
				state, typed.data);
		else
			why_set(why, "%s %s is %s, there is nothing to retry",
				kind, t->name, state);
		break;
	case ACT_APPROVE:
		why_set(why, "%s %s is %s, not in review", kind, t->name,
			state);
		break;
	case ACT_SKIP:
		why_set(why, "%s %s is %s, it cannot be skipped", kind,
			t->name, state);
		break;
	case ACT_REWIND:
		why_set(why, "%s %s is running; first: durexec stop", kind,
			t->name);
		break;
	}
	buf_release(&typed);
	return -1;
}

/* Those of a fan-out that are in the state, with its own task. */
static int choose_state(const struct plan *pl, int head, const int *items,
	int n, enum task_state state, bool *chosen)
{
	int i, found = 0;

	for (i = -1; i < n; i++) {
		int unit = i == -1 ? head : items[i];

		if (plan_unit(pl, unit)->state != state)
			continue;
		chosen[unit] = true;
		found++;
	}
	return found;
}

/* A fan-out whose items are known, named as a whole. */
static int choose_fanout(const struct act *a, const struct plan *pl, int head,
	const int *items, int n, bool *chosen, struct why *why)
{
	const char *name = plan_unit(pl, head)->name;
	int i;

	if (a->verb == ACT_REWIND) {
		for (i = 0; i < n; i++)
			chosen[items[i]] = true;
		if (plan_unit(pl, head)->state == TASK_NEEDS_REVIEW)
			chosen[head] = true;
		return 0;
	}
	if (choose_state(pl, head, items, n, TASK_NEEDS_REVIEW, chosen) > 0 ||
	    (a->verb == ACT_RETRY && choose_state(pl, head, items, n,
	    TASK_WAITING, chosen) > 0))
		return 0;
	return why_set(why, "step %s has no item in review; others are named "
		"like %s '%s[*]'", name, verbs[a->verb], name);
}

/* What one name means. */
static int choose_named(const struct act *a, const struct plan *pl,
	const struct names *found, bool *chosen, struct why *why)
{
	bool loose = found->loose && a->verb != ACT_REWIND;
	size_t k, refused = 0;
	const int *items;
	int n;

	for (k = 0; k < found->n; k++) {
		int unit = found->unit[k];

		items = items_of(pl, unit, &n);
		if (items != NULL && choose_fanout(a, pl, unit, items, n,
		    chosen, why) == -1)
			return -1;
		if (items != NULL)
			continue;
		if (loose && allowed(a, pl, plan_unit(pl, unit),
		    refused == 0 ? why : NULL) == -1)
			refused++;
		else
			chosen[unit] = true;
	}
	return refused > 0 && refused == found->n ? -1 : 0;
}

/* chosen[unit] for all that the names mean; calls of `durexec step` go to f. */
static int choose(const struct act *a, const struct plan *pl, bool *chosen,
	struct forget *f, struct why *why)
{
	struct names found = { 0 };
	size_t k;
	int i, ret = 0;

	for (k = 0; k < pl->nunits && a->all_failed; k++)
		chosen[k] = plan_chosen(pl, (int)k) &&
			act_resumes(plan_unit(pl, (int)k));
	for (i = 0; i < a->n && ret == 0; i++) {
		ret = names_find(pl, a->name[i], &found, why);
		if (ret == 0)
			ret = choose_named(a, pl, &found, chosen, why);
		else if (a->verb == ACT_REWIND && forget_find(f, pl, a->dirfd,
		    a->name[i], why))
			ret = 0;
	}
	names_release(&found);
	return ret;
}

/* fresh: of a rewind: what it remembers is forgotten, too. */
static void set_task(const struct act *a, struct plan *pl, int unit,
	bool fresh, struct journal *j)
{
	struct record r = { 0 };
	enum task_state to = TASK_PENDING;

	if (a->verb == ACT_APPROVE)
		to = TASK_DONE;
	else if (a->verb == ACT_SKIP)
		to = TASK_SKIPPED;
	record_start(&r, "set");
	record_set(&r, "step", plan_unit(pl, unit)->name);
	record_set(&r, "state", state_word(to));
	record_set(&r, "by", a->by);
	if (a->verb == ACT_SKIP)
		record_set(&r, "reason", "skipped by hand");
	if (a->verb == ACT_APPROVE)
		record_set(&r, "reason", "approved");
	if (a->result != NULL)
		record_set(&r, "result", a->result);
	if (fresh)
		record_set(&r, "fresh", "1");
	state_write(pl->s, j, &r);
}

static bool untouched(const struct task *t)
{
	return t->state == TASK_PENDING && t->attempts == 0;
}

/* Did it take effect outside, or may it have, so that it is not done again
 * unless it is named? */
static bool took_effect(const struct plan *pl, int unit)
{
	const struct task *t = plan_unit(pl, unit);
	const struct step *st = &pl->p->step[plan_step(pl, unit)];

	if (t->state == TASK_NEEDS_REVIEW && !t->approval)
		return t->hold;
	/* a list is only asked for */
	if (st->root != -1 && pl->unit[unit].item == -1)
		return false;
	return (t->state == TASK_DONE || t->state == TASK_NEEDS_REVIEW) &&
		(t->receipt || st->conf->never);
}

/* Is there money for a step that lacked it? (attempt.c asks likewise.) */
static bool affordable(const struct plan *pl, int step)
{
	const struct stepconf *c = pl->p->step[step].conf;
	int64_t budget = pl->p->budget, spent = pl->s->cost;

	return budget < 0 || !c->costs || (spent < budget &&
		spent + c->cost <= budget);
}

/* What a usage limit that it met holds back: a pool, or all items of its step;
 * -1: itself. */
static int held_with(const struct plan *pl, int unit)
{
	int step = plan_step(pl, unit), pool;

	if (step == -1 || !plan_unit(pl, unit)->parked)
		return -1;
	pool = pl->p->step[step].conf->pool;
	return pool >= 0 ? pool : pl->unit[unit].item != -1 ?
		pl->p->npools + step : -1;
}

/* Who says that a limit is over for one of those it parked says so for all of
 * them. */
static void choose_parked(const struct plan *pl, bool *chosen)
{
	bool *over = mem_alloc((size_t)(pl->p->npools + pl->p->nsteps) + 1);
	size_t i;
	int held;

	for (i = 0; i < pl->nunits; i++) {
		held = chosen[i] ? held_with(pl, (int)i) : -1;
		if (held != -1)
			over[held] = true;
	}
	for (i = 0; i < pl->nunits; i++) {
		held = held_with(pl, (int)i);
		if (held != -1 && over[held])
			chosen[i] = true;
	}
	free(over);
}

static void add_name(struct buf *answer, const struct task *t)
{
	safe_line(answer, t->name, strlen(t->name));
}

static void add_more(struct buf *answer, int n, const char *what)
{
	if (n > NAMED)
		buf_printf(answer, "… and %d more%s\n", n - NAMED, what);
}

/* What hangs on the units that a rewind names goes with them, but for what took
 * effect, and what is to be done anyway. */
static void choose_below(const struct plan *pl, bool *chosen,
	struct buf *answer)
{
	bool *below = mem_alloc(pl->nunits + 1);
	struct walk w = { .pl = pl };
	int i, n = (int)pl->nunits, first = 0, stay = 0, unused;

	memcpy(below, chosen, pl->nunits);
	while (first < n && !chosen[first])
		first++;
	if (first < n)
		plan_below(pl, first, below);
	while ((i = walk_next(&w)) != -1) {
		const struct task *t = plan_unit(pl, i);

		if (!below[i])
			continue;
		/* what was listed once stays listed */
		if (!chosen[i] && items_of(pl, i, &unused) != NULL)
			continue;
		if (!chosen[i] && took_effect(pl, i)) {
			if (++stay > NAMED)
				continue;
			add_name(answer, t);
			buf_printf(answer, " stays %s (%s); to run it again: "
				"durexec rewind ", t->state == TASK_DONE ?
				"done" : "in review", t->receipt ?
				"its receipt was seen" : "rerun = never");
			typed_run(pl->p, pl->p->path, t->name, answer);
			buf_char(answer, '\n');
			continue;
		}
		chosen[i] = !untouched(t);
	}
	add_more(answer, stay, " stay as they are");
	free(below);
}

static bool has_forgotten(const struct forget *f, int unit)
{
	size_t k;

	for (k = 0; k < f->n; k++)
		if (f->v[k].unit == unit)
			return true;
	return false;
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
	bool *chosen = mem_alloc(pl->nunits + 1);
	bool *named = mem_alloc(pl->nunits + 1);
	struct walk w = { .pl = pl };
	struct forget f = { 0 };
	int i, n = (int)pl->nunits, ret = -1;
	size_t k;

	*changed = 0;
	if (choose(a, pl, chosen, &f, why) == -1)
		goto out;
	memcpy(named, chosen, pl->nunits);
	for (k = 0; k < f.n; k++)
		chosen[f.v[k].unit] = true;
	if (a->verb == ACT_RETRY)
		choose_parked(pl, chosen);
	if (a->verb == ACT_REWIND)
		choose_below(pl, chosen, answer);
	for (i = 0; i < n; i++)
		if (chosen[i] && allowed(a, pl, plan_unit(pl, i), why) == -1)
			goto out;
	if (forget_all(&f, pl, a->dirfd, answer, why) == -1)
		goto out;
	/* whose calls were forgotten keeps the others */
	for (k = 0; k < f.n; k++)
		chosen[f.v[k].unit] = named[f.v[k].unit] || plan_unit(pl,
			f.v[k].unit)->state != TASK_PENDING;
	while ((i = walk_next(&w)) != -1) {
		if (!chosen[i])
			continue;
		set_task(a, pl, i, a->verb == ACT_REWIND && (named[i] ||
			!has_forgotten(&f, i)), j);
		if (++*changed > NAMED)
			continue;
		add_name(answer, plan_unit(pl, i));
		buf_printf(answer, " %s\n", done[a->verb]);
	}
	add_more(answer, *changed, "");
	if (*changed > 0)
		plan_rebuild(pl);
	ret = 0;
out:
	forget_release(&f);
	free(named);
	free(chosen);
	return ret;
}

/* May what is in review be tried again, as its definition is another one, or
 * there is money now? whole, command: of the step as it is now. */
static bool is_edited(const struct plan *pl, int unit, uint64_t whole,
	uint64_t command)
{
	const struct task *t = plan_unit(pl, unit);

	if ((t->hold && !t->ran) || (t->approval && took_effect(pl, unit)))
		return false;
	/* done but for a person's word: only another command counts */
	if (t->approval && t->command == command)
		return false;
	return (t->whole != 0 && t->whole != whole) || (t->reason != NULL &&
		strncmp(t->reason, "budget: ", 8) == 0 &&
		affordable(pl, plan_step(pl, unit)));
}

int act_edited(struct plan *pl, struct journal *j)
{
	struct act a = { .verb = ACT_RETRY, .by = "edit" };
	uint64_t whole = 0, command = 0;
	int i, n = 0, step, last = -1;

	for (i = 0; i < (int)pl->nunits; i++) {
		step = plan_step(pl, i);
		if (plan_unit(pl, i)->state != TASK_NEEDS_REVIEW ||
		    !plan_chosen(pl, i))
			continue;
		/* items stand one after another */
		if (step != last) {
			whole = pipeline_whole_hash(pl->p, step);
			command = pipeline_command_hash(pl->p, step);
		}
		last = step;
		if (is_edited(pl, i, whole, command)) {
			set_task(&a, pl, i, false, j);
			n++;
		}
	}
	if (n > 0)
		plan_rebuild(pl);
	return n;
}
