/* SPDX-License-Identifier: ISC */
#include "act.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "clock.h"
#include "planned.h"

/* a, b and c are a chain; d stands alone; z is clean-up. */
static const char ini[] =
	"[step a]\nrun = x\n[step b]\nrun = x\n[step c]\nrun = x\n"
	"[step d]\nrun = x\nneeds =\n[step z]\nrun = x\nalways = done\n";

/* In the year 2100. */
#define LATER "4102444800000"

static int setup(void **state)
{
	(void)state;
	planned(ini);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	planned_release();
	return 0;
}

/* The step has run, and ended so; fields: more of its end record, as
 * "key=value key=value", NULL none. */
static void ran(const char *step, enum task_state state, const char *fields)
{
	struct record r = { 0 };
	struct task *t = &s.task[state_find(&s, step)];
	char *copy = strdup(fields != NULL ? fields : ""), *rest = copy, *w;

	assert_non_null(copy);
	record_start(&r, "start");
	record_set(&r, "step", step);
	record_set_number(&r, "attempt", state_next_attempt(&s, t));
	state_write(&s, &j, &r);
	if (state != TASK_RUNNING) {
		record_start(&r, "end");
		record_set(&r, "step", step);
		record_set(&r, "state", state_word(state));
		record_set(&r, "outcome", "exit");
		record_set_number(&r, "exit", state != TASK_DONE);
		record_set_hex(&r, "whole", pipeline_whole_hash(p,
			plan_step(&pl, state_find(&s, step))));
		while ((w = strsep(&rest, " ")) != NULL) {
			char *value = strchr(w, '=');

			if (value == NULL)
				continue;
			*value++ = '\0';
			record_set(&r, w, value);
		}
		state_write(&s, &j, &r);
	}
	free(copy);
	plan_rebuild(&pl);
}

static void run(const char *step, enum task_state state)
{
	ran(step, state, state != TASK_WAITING ? NULL :
		"wait=retry until=" LATER);
}

/* Its command succeeded, and then a gate failed. */
static void gate_failed(const char *step, const char *fields)
{
	struct task *t = &s.task[state_find(&s, step)];
	struct record r = { 0 };

	ran(step, TASK_RUNNING, NULL);
	record_start(&r, "ran");
	record_set(&r, "step", step);
	record_set(&r, "outcome", "exit");
	record_set_number(&r, "exit", 0);
	if (fields != NULL && strstr(fields, "receipt") != NULL)
		record_set_number(&r, "receipt", 1);
	state_write(&s, &j, &r);
	record_start(&r, "start");
	record_set(&r, "step", step);
	record_set_number(&r, "attempt", t->attempts);
	record_set(&r, "phase", "verify.g");
	state_write(&s, &j, &r);
	record_start(&r, "end");
	record_set(&r, "step", step);
	record_set(&r, "state", "needs_review");
	record_set_hex(&r, "whole",
		pipeline_whole_hash(p, pipeline_find(p, step)));
	if (fields != NULL && strstr(fields, "hold") != NULL)
		record_set_number(&r, "hold", 1);
	state_write(&s, &j, &r);
	plan_rebuild(&pl);
}

static int next(void)
{
	int64_t now = clock_wall();
	int slot;

	plan_wake(&pl, now);
	return plan_next(&pl, now, &slot);
}

/* Without the file that is to be typed, which depends on where we are. */
static void without_file(char *text)
{
	size_t n = strlen(p->path) + 1;
	char *at;

	while (text != NULL && (at = strstr(text, p->path)) != NULL)
		memmove(at, at + n, strlen(at + n) + 1);
}

/* Carry out; the states of the steps as letters afterwards (v: review). No
 * names: retry --failed. answer: NULL, or what has to be in it. */
static int acts(enum act_verb verb, const char *names, const char *states,
	const char *said, struct why *why)
{
	static const char letter[] = "prwdvs";
	char *copy = strdup(names), *rest = copy, *name[8], *w, is[16] = "";
	struct act a = { .verb = verb, .by = "test", .name = name };
	struct buf answer = { 0 };
	int64_t seq = j.seq;
	int changed = -1, ret, i;

	assert_non_null(copy);
	while ((w = strtok_r(rest, " ", &rest)) != NULL)
		name[a.n++] = w;
	a.all_failed = a.n == 0;
	ret = act_on(&a, &pl, &j, &answer, &changed, why);
	without_file(answer.data);
	if (ret == -1)
		without_file(why->text);
	for (i = 0; i < p->nsteps; i++)
		is[i] = letter[plan_task(&pl, i)->state];
	if (strcmp(is, states) != 0)
		fail_msg("%s: %s, expected %s", names, is, states);
	/* a record a change; refused is refused as a whole */
	assert_int_equal(j.seq - seq, ret == 0 ? changed : 0);
	if (ret == 0 && changed == 0 && said == NULL)
		assert_true(answer.len == 0);
	if (said != NULL && strstr(answer.data, said) == NULL)
		fail_msg("%s: %s", names, answer.data);
	buf_release(&answer);
	free(copy);
	return ret;
}

static void ok(enum act_verb verb, const char *names, const char *states)
{
	struct why why;

	if (acts(verb, names, states, NULL, &why) != 0)
		fail_msg("%s: %s", names, why.text);
}

static void answers(enum act_verb verb, const char *names, const char *states,
	const char *said)
{
	struct why why;

	if (acts(verb, names, states, said, &why) != 0)
		fail_msg("%s: %s", names, why.text);
}

static void refused(enum act_verb verb, const char *names,
	const char *states, const char *said)
{
	struct why why;

	assert_int_equal(acts(verb, names, states, NULL, &why), -1);
	if (strstr(why.text, said) == NULL)
		fail_msg("%s: %s", names, why.text);
}

static void verbs(void **state)
{
	(void)state;
	assert_int_equal(act_verb_of("retry"), ACT_RETRY);
	assert_int_equal(act_verb_of("approve"), ACT_APPROVE);
	assert_int_equal(act_verb_of("skip"), ACT_SKIP);
	assert_int_equal(act_verb_of("rewind"), ACT_REWIND);
	assert_int_equal(act_verb_of("stop"), -1);
	assert_int_equal(act_verb_of(""), -1);
}

static void retry(void **state)
{
	(void)state;
	refused(ACT_RETRY, "a", "ppppp", "step a is pending, there is");
	run("a", TASK_NEEDS_REVIEW);
	assert_int_equal(next(), 3);
	ok(ACT_RETRY, "a", "ppppp");
	assert_int_equal(next(), 0);
	run("a", TASK_DONE);
	refused(ACT_RETRY, "a", "dpppp", "durexec rewind a");
	run("b", TASK_WAITING);
	ok(ACT_RETRY, "b", "dpppp");
	run("b", TASK_RUNNING);
	refused(ACT_RETRY, "b", "drppp", "step b is running");
}

static void retry_all_failed(void **state)
{
	(void)state;
	ok(ACT_RETRY, "", "ppppp");
	run("a", TASK_NEEDS_REVIEW);
	run("d", TASK_NEEDS_REVIEW);
	ok(ACT_RETRY, "", "ppppp");
	/* what waits is not in review */
	run("a", TASK_WAITING);
	run("d", TASK_DONE);
	ok(ACT_RETRY, "", "wppdp");
}

/* What "try again what failed" may not touch. */
static void resumes(void **state)
{
	(void)state;
	run("a", TASK_NEEDS_REVIEW);
	assert_true(act_resumes(plan_task(&pl, 0)));
	ran("b", TASK_NEEDS_REVIEW, "hold=1");
	assert_false(act_resumes(plan_task(&pl, 1)));
	ran("c", TASK_NEEDS_REVIEW, "approval=1");
	assert_false(act_resumes(plan_task(&pl, 2)));
	/* a gate is only asked again */
	gate_failed("d", "receipt hold");
	assert_true(act_resumes(plan_task(&pl, 3)));
	assert_false(act_resumes(plan_task(&pl, 4)));
	ok(ACT_RETRY, "", "pvvpp");
	assert_true(plan_task(&pl, 3)->ran);
	assert_false(plan_task(&pl, 0)->ran);
	/* it is started at its gate, with no further attempt */
	assert_int_equal(plan_task(&pl, 3)->attempts, 1);
	/* by name, all of them */
	run("d", TASK_NEEDS_REVIEW);
	ok(ACT_RETRY, "[bcd]", "ppppp");
	assert_false(plan_task(&pl, 1)->hold || plan_task(&pl, 2)->approval);
	run("a", TASK_WAITING);
	assert_false(act_resumes(plan_task(&pl, 0)));
	run("d", TASK_DONE);
	assert_false(act_resumes(plan_task(&pl, 3)));
}

/* A limit that is over for one is over for all whom it parked. */
static void retry_a_pool(void **state)
{
	(void)teardown(state);
	planned("[pool p]\nslots = 4\n[pool q]\n[defaults]\nneeds =\n"
		"[step a]\nrun = x\npool = p\n[step b]\nrun = x\npool = p\n"
		"[step c]\nrun = x\npool = q\n[step d]\nrun = x\n"
		"[step e]\nrun = x\npool = p\n[step f]\nrun = x\n"
		"[step g]\nrun = x\npool = p\n");
	ran("a", TASK_WAITING, "wait=limit until=" LATER);
	ran("b", TASK_WAITING, "wait=limit until=" LATER);
	ran("c", TASK_WAITING, "wait=limit until=" LATER);
	ran("d", TASK_WAITING, "wait=limit until=" LATER);
	ran("e", TASK_WAITING, "wait=retry until=" LATER);
	ran("f", TASK_WAITING, "wait=limit until=" LATER);
	ok(ACT_RETRY, "d", "wwwpwwp");
	assert_int_equal(next(), 3);
	ok(ACT_RETRY, "a", "ppwpwwp");
	assert_int_equal(next(), 0);
	ran("a", TASK_WAITING, "wait=limit until=" LATER);
	ran("b", TASK_WAITING, "wait=limit until=" LATER);
	ok(ACT_RETRY, "b", "ppwpwwp");
	assert_int_equal(next(), 0);
	/* one that waits for its own retry says nothing of the limit */
	ran("a", TASK_WAITING, "wait=limit until=" LATER);
	ok(ACT_RETRY, "e", "wpwppwp");
	/* nor does skipping */
	ok(ACT_SKIP, "a", "spwppwp");
	/* what was done for the limit is said of each */
	ran("b", TASK_WAITING, "wait=limit until=" LATER);
	ran("e", TASK_WAITING, "wait=limit until=" LATER);
	answers(ACT_RETRY, "e", "spwppwp",
		"b is tried again\ne is tried again\n");
}

static void approve(void **state)
{
	(void)state;
	refused(ACT_APPROVE, "a", "ppppp", "not in review");
	run("a", TASK_NEEDS_REVIEW);
	ok(ACT_APPROVE, "a", "dpppp");
	assert_string_equal(s.task[0].reason, "approved");
	assert_int_equal(next(), 1);
	refused(ACT_APPROVE, "a", "dpppp", "not in review");
}

static void skipping(void **state)
{
	(void)state;
	ok(ACT_SKIP, "a", "spppp");
	assert_int_equal(next(), 1);
	refused(ACT_SKIP, "a", "spppp", "cannot be skipped");
	run("b", TASK_RUNNING);
	refused(ACT_SKIP, "b", "srppp", "running");
	run("d", TASK_NEEDS_REVIEW);
	ok(ACT_SKIP, "d", "srpsp");
	assert_string_equal(s.task[3].reason, "skipped by hand");
}

static void rewind_(void **state)
{
	(void)state;
	/* nothing has run: nothing changes */
	ok(ACT_REWIND, "a", "ppppp");
	run("a", TASK_DONE);
	run("b", TASK_DONE);
	run("d", TASK_DONE);
	ok(ACT_REWIND, "b", "dppdp");
	assert_int_equal(s.task[1].generation, 1);
	assert_int_equal(s.task[0].generation, 0);
	assert_int_equal(s.task[2].generation, 0);
	run("b", TASK_DONE);
	run("c", TASK_DONE);
	run("z", TASK_DONE);
	/* all that depend on it, clean-up as well */
	ok(ACT_REWIND, "a", "pppdp");
	assert_int_equal(next(), 0);
	run("a", TASK_DONE);
	run("b", TASK_RUNNING);
	refused(ACT_REWIND, "a", "drpdp", "first: durexec stop");
	/* what is dragged along, however it is pending: begun, or never */
	run("b", TASK_PENDING);
	assert_int_equal(s.task[1].generation, 2);
	ok(ACT_SKIP, "c", "dpsdp");
	ok(ACT_REWIND, "a", "pppdp");
	assert_int_equal(s.task[1].generation, 3);
	assert_int_equal(s.task[2].state, TASK_PENDING);
	run("a", TASK_DONE);
	run("b", TASK_RUNNING);
	ok(ACT_REWIND, "d", "drppp");
}

/* What took effect outside is not done again, unless it is named. */
static void rewind_effects(void **state)
{
	(void)teardown(state);
	planned("[step a]\nrun = x\n[step b]\nrun = x\nrerun = never\n"
		"[step c]\nrun = x\nreceipt = sent\n"
		"[step d]\nrun = x\nreview = yes\n"
		"[step e]\nrun = x\n[step f]\nrun = x\nrerun = never\n"
		"review = yes\n");
	run("a", TASK_DONE);
	run("b", TASK_DONE);
	ran("c", TASK_DONE, "receipt=1 result=17");
	ran("d", TASK_NEEDS_REVIEW, "approval=1");
	answers(ACT_REWIND, "a", "pddppp", "b stays done (rerun = never); to "
		"run it again: durexec rewind b\nc stays done (its receipt "
		"was seen); to run it again: durexec rewind c\na is pending "
		"again\nd is pending again\n");
	assert_int_equal(plan_task(&pl, 0)->generation, 1);
	assert_int_equal(plan_task(&pl, 2)->generation, 0);
	assert_string_equal(plan_task(&pl, 2)->result, "17");
	/* with it its receipt is forgotten, but it is a `never` step */
	ok(ACT_REWIND, "c", "pdpppp");
	assert_null(plan_task(&pl, 2)->result);
	run("a", TASK_DONE);
	run("c", TASK_DONE);
	answers(ACT_REWIND, "b", "dpdppp", "c stays done (rerun = never)");
	ok(ACT_REWIND, "c", "dppppp");
	/* named by a pattern is named */
	run("b", TASK_DONE);
	ran("c", TASK_DONE, "receipt=1");
	ok(ACT_REWIND, "[abc]", "pppppp");
	/* in review with nobody knowing how far it came; awaiting approval */
	run("a", TASK_DONE);
	ran("b", TASK_NEEDS_REVIEW, "hold=1");
	run("e", TASK_NEEDS_REVIEW);
	ran("f", TASK_NEEDS_REVIEW, "approval=1");
	answers(ACT_REWIND, "a", "pvpppv", "b stays in review (rerun = never);"
		" to run it again: durexec rewind b\nf stays in review (rerun "
		"= never); to run it again: durexec rewind f\n");
	/* and only that stands in the way: it said itself that it failed */
	run("a", TASK_DONE);
	ok(ACT_REWIND, "b", "dppppv");
	run("b", TASK_NEEDS_REVIEW);
	ok(ACT_REWIND, "a", "pppppv");
	ok(ACT_REWIND, "f", "pppppp");
}

/* All of it or nothing. */
static void whole_or_nothing(void **state)
{
	(void)state;
	run("a", TASK_NEEDS_REVIEW);
	run("d", TASK_DONE);
	refused(ACT_RETRY, "a d", "vppdp", "step d is done");
	refused(ACT_RETRY, "a nothing", "vppdp", "there is no step nothing");
	refused(ACT_SKIP, "a b c d", "vppdp", "step d is done");
	refused(ACT_SKIP, "*", "vppdp", "step d is done");
	ok(ACT_SKIP, "[abc]", "sssdp");
	refused(ACT_SKIP, "q*", "sssdp", "there is no step q*");
	refused(ACT_SKIP, "dd", "sssdp", "there is no step dd");
	/* named twice is once */
	run("z", TASK_NEEDS_REVIEW);
	ok(ACT_APPROVE, "z z z*", "sssdd");
}

static void results(void **state)
{
	char name[] = "a", *names[] = { name };
	struct act a = { .verb = ACT_APPROVE, .by = "approve", .name = names,
		.n = 1, .result = "https://x/1" };
	struct buf answer = { 0 };
	struct why why;
	int changed;

	(void)state;
	run("a", TASK_NEEDS_REVIEW);
	assert_int_equal(act_on(&a, &pl, &j, &answer, &changed, &why), 0);
	assert_string_equal(answer.data, "a counts as done\n");
	assert_string_equal(s.task[0].result, "https://x/1");
	buf_release(&answer);
}

/* The definition of a step in review was edited: it may be tried again. */
static void edited(void **state)
{
	struct pipeline *other = loads("[step a]\nrun = y\n"
		"[step b]\nrun = x\n[step d]\nrun = x\nneeds =\n");
	struct plan now;

	(void)state;
	run("a", TASK_NEEDS_REVIEW);
	run("d", TASK_NEEDS_REVIEW);
	assert_int_equal(act_edited(&pl, &j), 0);
	plan_init(&now, other, &s);
	assert_int_equal(act_edited(&now, &j), 1);
	assert_int_equal(s.task[0].state, TASK_PENDING);
	assert_int_equal(s.task[3].state, TASK_NEEDS_REVIEW);
	assert_int_equal(act_edited(&now, &j), 0);
	/* nobody noted what it was */
	s.task[3].whole = 0;
	assert_int_equal(act_edited(&now, &j), 0);
	s.task[3].whole = 1;
	assert_int_equal(act_edited(&now, &j), 1);
	plan_release(&now);
	pipeline_free(other);
}

/* Every step is another one now, and in review, each in its way. */
static void edited_and_held(void **state)
{
	static const char before[] =
		"[defaults]\nneeds =\nrun = x\n"
		"[step held]\n[step gate]\nverify.g = x\n[step approval]\n"
		"[step sent]\nreceipt = x\n[step never]\nrerun = never\n"
		"[step failed]\n[step done]\n[step waits]\n[step skipped]\n"
		"[step same]\nrun = z\n";
	static const char after[] =
		"[defaults]\nneeds =\nrun = y\n"
		"[step held]\n[step gate]\nverify.g = x\n[step approval]\n"
		"[step sent]\nreceipt = x\n[step never]\nrerun = never\n"
		"[step failed]\n[step done]\n[step waits]\n[step skipped]\n"
		"[step same]\nrun = z\nverify.g = y\n";
	static const char is[] = "vppvvpdwsv", letter[] = "prwdvs";
	struct pipeline *other = loads(after);
	struct plan now;

	(void)teardown(state);
	planned(before);
	ran("held", TASK_NEEDS_REVIEW, "hold=1");
	gate_failed("gate", "receipt hold");
	ran("approval", TASK_NEEDS_REVIEW, "approval=1");
	ran("sent", TASK_NEEDS_REVIEW, "approval=1 receipt=1");
	ran("never", TASK_NEEDS_REVIEW, "approval=1");
	run("failed", TASK_NEEDS_REVIEW);
	/* the same command, the same result: only its gates are others */
	ran("same", TASK_NEEDS_REVIEW, "approval=1");
	s.task[state_find(&s, "same")].command = pipeline_command_hash(p,
		pipeline_find(p, "same"));
	run("done", TASK_DONE);
	run("waits", TASK_WAITING);
	ok(ACT_SKIP, "skipped", "vvvvvvdwsv");
	assert_int_equal(act_edited(&pl, &j), 0);
	plan_init(&now, other, &s);
	assert_int_equal(act_edited(&now, &j), 3);
	for (int i = 0; is[i] != '\0'; i++)
		if (letter[plan_task(&now, i)->state] != is[i])
			fail_msg("%s: %c", other->step[i].name,
				letter[plan_task(&now, i)->state]);
	/* its gates, not its command: that has succeeded */
	assert_true(plan_task(&now, 1)->ran);
	plan_release(&now);
	pipeline_free(other);
}

/* There was no money; now there may be. */
static void budget(void **state)
{
	static const struct {
		const char *budget, *cost;
		int back;
	} c[] = {
		/* 0.50 is spent */
		{ "0.5", "cost = 0.25\n", 0 }, { "0.7", "cost = 0.25\n", 0 },
		{ "0.75", "cost = 0.25\n", 1 }, { "9", "cost = 0.25\n", 1 },
		{ "0.4", "cost = 0.25\n", 0 }, { "0", "cost = 0.25\n", 0 },
		{ "0.5", "cost = 0\n", 1 }, { "0", "cost = 0\n", 1 },
		{ "0.5", "cost_from = (x)\n", 0 },
		{ "0.51", "cost_from = (x)\n", 1 },
		/* none; and none is needed */
		{ "", "cost = 0.25\n", 1 }, { "0.5", "", 1 },
	};

	for (size_t i = 0; i < sizeof(c) / sizeof(c[0]); i++) {
		char text[200];
		struct record r = { 0 };

		snprintf(text, sizeof(text), "[pipeline]\n%s%s\n"
			"[defaults]\nneeds =\nrun = x\n[step a]\n%s"
			"[step b]\n%s[step c]\n", c[i].budget[0] != '\0' ?
			"budget = " : "", c[i].budget, c[i].cost, c[i].cost);
		(void)teardown(state);
		planned(text);
		ran("c", TASK_DONE, "cost=500000");
		record_start(&r, "end");
		record_set(&r, "step", "a");
		record_set(&r, "state", "needs_review");
		record_set(&r, "reason", "budget: 0.50 of 0.50 is spent");
		record_set_hex(&r, "whole", pipeline_whole_hash(p, 0));
		state_write(&s, &j, &r);
		/* another reason */
		ran("b", TASK_NEEDS_REVIEW, "reason=budget");
		plan_rebuild(&pl);
		if (act_edited(&pl, &j) != c[i].back)
			fail_msg("%s | %s", c[i].budget, c[i].cost);
		assert_int_equal(s.task[0].state, c[i].back != 0 ?
			TASK_PENDING : TASK_NEEDS_REVIEW);
		assert_int_equal(s.task[1].state, TASK_NEEDS_REVIEW);
		if (c[i].back != 0)
			assert_int_equal(next(), 0);
	}
}

/* Of many, the first ones are named. */
static void many(void **state)
{
	char name[] = "*", *names[] = { name };
	struct act a = { .verb = ACT_SKIP, .by = "skip", .name = names,
		.n = 1 };
	struct buf text = { 0 }, answer = { 0 };
	struct why why;
	int changed, lines = 0;

	(void)teardown(state);
	for (int i = 0; i < 50; i++)
		buf_printf(&text, "[step s%d]\nrun = x\n", i);
	planned(text.data);
	assert_int_equal(act_on(&a, &pl, &j, &answer, &changed, &why), 0);
	assert_int_equal(changed, 50);
	for (size_t i = 0; i < answer.len; i++)
		lines += answer.data[i] == '\n';
	assert_int_equal(lines, 21);
	assert_non_null(strstr(answer.data,
		"s19 is skipped\n… and 30 more\n"));
	buf_release(&text);
	buf_release(&answer);
}

/* generate has items of its own, validate the same ones; book needs all. */
static const char fan[] =
	"[step list]\nrun = x\n"
	"[step generate]\nrun = x\nforeach_from = x\n"
	"[step validate]\nrun = x\nforeach = step:generate\n"
	"[step book]\nrun = x\n";

static void known(const char *step, const char *list)
{
	char *lines = strdup(list), *at = lines;
	struct record r = { 0 };
	int n = 1;

	assert_non_null(lines);
	for (; (at = strchr(at, ' ')) != NULL; n++)
		*at++ = '\n';
	record_start(&r, "items");
	record_set(&r, "step", step);
	record_set(&r, "list", lines);
	record_set_number(&r, "total", n);
	state_write(&s, &j, &r);
	free(lines);
	ran(step, TASK_DONE, NULL);
}

static void rescan_failed(const char *step)
{
	struct record r = { 0 };

	record_start(&r, "set");
	record_set(&r, "step", step);
	record_set(&r, "state", "pending");
	record_set(&r, "by", "rescan");
	state_write(&s, &j, &r);
	ran(step, TASK_NEEDS_REVIEW, NULL);
}

static void begin_fan(void **state)
{
	(void)teardown(state);
	planned(fan);
	ran("list", TASK_DONE, NULL);
	known("generate", "a b c");
	known("validate", "a b c");
}

/* Carry out; the states afterwards of list, generate[a], [b], [c], validate[a],
 * [b], [c], book. said: has to be in the answer, or in why it is refused. */
static void items_do(enum act_verb verb, const char *names,
	const char *states, const char *said)
{
	static const char *const task[] = { "list", "generate[a]",
		"generate[b]", "generate[c]", "validate[a]", "validate[b]",
		"validate[c]", "book" };
	static const char letter[] = "prwdvs";
	struct why why;
	char *copy = strdup(names), *rest = copy, *name[8], *w, is[16] = "";
	struct act a = { .verb = verb, .by = "test", .name = name };
	int own[2] = { plan_task(&pl, 1)->state, plan_task(&pl, 2)->state };
	struct buf answer = { 0 };
	int changed;

	assert_non_null(copy);
	while ((w = strtok_r(rest, " ", &rest)) != NULL)
		name[a.n++] = w;
	a.all_failed = a.n == 0;
	buf_str(&answer, "");
	if (act_on(&a, &pl, &j, &answer, &changed, &why) == -1)
		buf_str(&answer, why.text);
	without_file(answer.data);
	for (size_t i = 0; i < sizeof(task) / sizeof(task[0]); i++)
		is[i] = letter[s.task[state_find(&s, task[i])].state];
	if (strcmp(is, states) != 0)
		fail_msg("%s: %s, expected %s (%s)", names, is, states,
			answer.data);
	if (said != NULL && strstr(answer.data, said) == NULL)
		fail_msg("%s: %s", names, answer.data);
	/* the lists are not asked for again */
	assert_int_equal(plan_task(&pl, 1)->state, own[0]);
	assert_int_equal(plan_task(&pl, 2)->state, own[1]);
	buf_release(&answer);
	free(copy);
}

static void of_items(void **state)
{
	begin_fan(state);
	ran("generate[a]", TASK_DONE, NULL);
	ran("generate[b]", TASK_NEEDS_REVIEW, NULL);
	ran("generate[c]", TASK_NEEDS_REVIEW, NULL);
	ran("validate[a]", TASK_DONE, NULL);
	items_do(ACT_RETRY, "generate[a]", "ddvvdppp", "item generate[a] is "
		"done; to run it again, and what needs it: durexec rewind "
		"'generate[a]'");
	items_do(ACT_RETRY, "validate[b]", "ddvvdppp", "is pending, there is");
	items_do(ACT_RETRY, "generate/b", "ddpvdppp",
		"generate[b] is tried again\n");
	/* the step: what of it is in review */
	items_do(ACT_RETRY, "generate", "ddppdppp",
		"generate[c] is tried again\n");
	items_do(ACT_RETRY, "generate", "ddppdppp",
		"step generate has no item in review");
	ran("generate[b]", TASK_NEEDS_REVIEW, NULL);
	ran("generate[c]", TASK_NEEDS_REVIEW, NULL);
	items_do(ACT_APPROVE, "generate", "dddddppp",
		"generate[b] counts as done\ngenerate[c] counts");
	items_do(ACT_SKIP, "validate", "dddddppp", "has no item in review; "
		"others are named like skip 'validate[*]'");
	/* of those that a pattern finds, those that can be */
	items_do(ACT_SKIP, "validate[*]", "dddddssp",
		"validate[b] is skipped\nvalidate[c] is skipped\n");
	items_do(ACT_SKIP, "validate[?]", "dddddssp",
		"item validate[a] is done, it cannot be skipped");
	items_do(ACT_RETRY, "", "dddddssp", NULL);
	/* by the hundred, --failed */
	ran("book", TASK_NEEDS_REVIEW, NULL);
	items_do(ACT_RETRY, "", "dddddssp", "book is tried again");
}

/* An item, and what hangs on it. */
static void rewind_items(void **state)
{
	static const char *const task[] = { "generate[a]", "generate[b]",
		"generate[c]", "validate[a]", "validate[b]", "validate[c]",
		"book" };

	begin_fan(state);
	for (size_t i = 0; i < sizeof(task) / sizeof(task[0]); i++)
		ran(task[i], TASK_DONE, NULL);
	items_do(ACT_REWIND, "generate[b]", "ddpddpdp",
		"generate[b] is pending again\nvalidate[b] is pending "
		"again\nbook is pending again\n");
	assert_int_equal(s.task[state_find(&s, "generate[b]")].generation, 1);
	assert_int_equal(s.task[state_find(&s, "generate[a]")].generation, 0);
	ran("generate[b]", TASK_DONE, NULL);
	ran("validate[b]", TASK_DONE, NULL);
	ran("book", TASK_DONE, NULL);
	items_do(ACT_REWIND, "validate[[ac]]", "ddddpdpp", NULL);
	ran("validate[a]", TASK_DONE, NULL);
	ran("validate[c]", TASK_RUNNING, NULL);
	items_do(ACT_REWIND, "generate/c", "ddddddrp",
		"item validate[c] is running; first: durexec stop");
	items_do(ACT_REWIND, "generate/a", "dpddpdrp", NULL);
	ran("validate[c]", TASK_PENDING, NULL);
	/* the step: all of it; the lists stay */
	items_do(ACT_REWIND, "generate", "dppppppp", NULL);
	items_do(ACT_REWIND, "list", "pppppppp", "list is pending again\n");
}

/* Tied items that may have taken effect stay. */
static void rewind_effects_of_items(void **state)
{
	(void)teardown(state);
	planned("[step list]\nrun = x\n"
		"[step generate]\nrun = x\nforeach = x\n"
		"[step validate]\nrun = x\nforeach = step:generate\n"
		"rerun = never\n[step book]\nrun = x\n");
	ran("list", TASK_DONE, NULL);
	known("generate", "a b c");
	known("validate", "a b c");
	ran("generate[a]", TASK_DONE, NULL);
	ran("validate[a]", TASK_DONE, NULL);
	items_do(ACT_REWIND, "generate", "dpppdppp", "validate[a] stays done "
		"(rerun = never); to run it again: durexec rewind "
		"'validate[a]'\ngenerate[a] is pending again\n");
	items_do(ACT_REWIND, "validate", "dppppppp", NULL);
}

/* A fan-out whose list is not there yet, and one whose list failed. */
static void lists(void **state)
{
	(void)teardown(state);
	planned(fan);
	refused(ACT_RETRY, "generate", "pppp", "step generate is pending");
	refused(ACT_RETRY, "generate[a]", "pppp",
		"the items of generate are not known yet");
	ran("list", TASK_DONE, NULL);
	ran("generate", TASK_NEEDS_REVIEW, NULL);
	ok(ACT_RETRY, "generate", "dppp");
	ran("generate", TASK_NEEDS_REVIEW, NULL);
	ok(ACT_RETRY, "", "dppp");
	ok(ACT_SKIP, "generate", "dspp");
	ok(ACT_REWIND, "generate", "dppp");
	/* once it is known, and was asked for again in vain */
	known("generate", "a b");
	rescan_failed("generate");
	ok(ACT_RETRY, "generate", "dppp");
	ran("generate", TASK_NEEDS_REVIEW, NULL);
	ok(ACT_REWIND, "generate", "dppp");
}

/* A limit without a pool holds all items of the step. */
static void retry_parked_items(void **state)
{
	begin_fan(state);
	ran("generate[a]", TASK_WAITING, "wait=limit until=" LATER);
	ran("generate[b]", TASK_WAITING, "wait=limit until=" LATER);
	ran("generate[c]", TASK_WAITING, "wait=retry until=" LATER);
	ran("validate[a]", TASK_WAITING, "wait=limit until=" LATER);
	items_do(ACT_RETRY, "generate[b]", "dppwwppp",
		"generate[a] is tried again\ngenerate[b] is tried again\n");
	assert_int_equal(plan_step(&pl, next()), 1);
	/* nothing is in review: those that wait */
	items_do(ACT_RETRY, "generate", "dpppwppp", NULL);
	items_do(ACT_RETRY, "*", "dpppwppp", "has no item in review");
	items_do(ACT_RETRY, "validate[*]", "dppppppp", NULL);
}

/* Items of an edited step, all of them; and its list. */
static void edited_items(void **state)
{
	struct pipeline *other;
	struct plan now;

	begin_fan(state);
	ran("generate[a]", TASK_NEEDS_REVIEW, NULL);
	ran("generate[b]", TASK_NEEDS_REVIEW, "hold=1");
	ran("generate[c]", TASK_NEEDS_REVIEW, NULL);
	rescan_failed("validate");
	assert_int_equal(act_edited(&pl, &j), 0);
	other = loads("[step list]\nrun = x\n"
		"[step generate]\nrun = y\nforeach_from = x\n"
		"[step validate]\nrun = y\nforeach = step:generate\n"
		"[step book]\nrun = x\n");
	plan_init(&now, other, &s);
	assert_int_equal(act_edited(&now, &j), 3);
	plan_release(&now);
	pipeline_free(other);
	plan_rebuild(&pl);
	items_do(ACT_RETRY, "", "dpvppppp", NULL);
}

/* Forty thousand at once, and named one by one. */
static void very_many(void **state)
{
	enum { N = 40000 };
	struct buf list = { 0 }, answer = { 0 };
	struct act a = { .verb = ACT_RETRY, .by = "retry",
		.all_failed = true };
	char **name = calloc(N, sizeof(*name));
	int64_t seq;
	int changed;
	struct why why;

	assert_non_null(name);
	(void)teardown(state);
	planned(fan);
	ran("list", TASK_DONE, NULL);
	for (int i = 0; i < N; i++)
		buf_printf(&list, "%s%d", i > 0 ? " " : "", i);
	known("generate", list.data);
	for (int i = 0; i < N; i++) {
		struct record r = { 0 };

		buf_reset(&list);
		buf_printf(&list, "generate[%d]", i);
		name[i] = strdup(list.data);
		assert_non_null(name[i]);
		record_start(&r, "end");
		record_set(&r, "step", name[i]);
		record_set(&r, "state", "needs_review");
		state_write(&s, &j, &r);
	}
	plan_rebuild(&pl);
	seq = j.seq;
	assert_int_equal(act_on(&a, &pl, &j, &answer, &changed, &why), 0);
	assert_int_equal(changed, N);
	assert_int_equal(j.seq - seq, N);
	assert_non_null(strstr(answer.data, "… and 39980 more\n"));
	buf_reset(&answer);
	a = (struct act){ .verb = ACT_SKIP, .by = "skip", .name = name,
		.n = N };
	assert_int_equal(act_on(&a, &pl, &j, &answer, &changed, &why), 0);
	assert_int_equal(changed, N);
	buf_reset(&answer);
	a.verb = ACT_REWIND;
	assert_int_equal(act_on(&a, &pl, &j, &answer, &changed, &why), 0);
	assert_int_equal(changed, N);
	/* validate takes its items over, and then */
	assert_int_equal(plan_step(&pl, next()), 2);
	assert_int_equal(next(), state_find(&s, name[0]));
	for (int i = 0; i < N; i++)
		free(name[i]);
	free(name);
	buf_release(&list);
	buf_release(&answer);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(verbs), T(retry), T(retry_all_failed), T(resumes),
		T(retry_a_pool), T(approve), T(skipping), T(rewind_),
		T(rewind_effects), T(whole_or_nothing), T(results), T(edited),
		T(edited_and_held), T(budget), T(many), T(of_items),
		T(rewind_items), T(rewind_effects_of_items), T(lists),
		T(retry_parked_items), T(edited_items), T(very_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
