/* SPDX-License-Identifier: ISC */
#include "act.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "loading.h"

/* a, b and c are a chain; d stands alone; z is clean-up. */
static const char ini[] =
	"[step a]\nrun = x\n[step b]\nrun = x\n[step c]\nrun = x\n"
	"[step d]\nrun = x\nneeds =\n[step z]\nrun = x\nalways = done\n";

static struct pipeline *p;
static struct state s;
static struct plan pl;
static struct journal j;

static int setup(void **state)
{
	struct record r = { 0 };

	(void)state;
	p = loads(ini);
	state_init(&s);
	memset(&j, 0, sizeof(j));
	j.fd = -1;
	record_start(&r, "durexec");
	record_set(&r, "run", "R");
	record_set(&r, "name", "p");
	record_set(&r, "path", "/p");
	record_set(&r, "seed", "x");
	state_write(&s, &j, &r);
	plan_init(&pl, p, &s);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	plan_release(&pl);
	state_release(&s);
	pipeline_free(p);
	journal_close(&j);
	return 0;
}

static void run(const char *step, enum task_state state)
{
	struct record r = { 0 };
	struct task *t = &s.task[state_find(&s, step)];

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
		record_set_hex(&r, "whole",
			pipeline_whole_hash(p, pipeline_find(p, step)));
		state_write(&s, &j, &r);
	}
	plan_rebuild(&pl);
}

/* Carry out; the states of a b c d z as letters afterwards (v: review). */
static int acts(enum act_verb verb, const char *names, const char *states,
	struct why *why)
{
	static const char letter[] = "prwdvs";
	char *copy = strdup(names), *rest = copy, *name[8], *w, is[8] = "";
	struct act a = { .verb = verb, .by = "test", .name = name };
	struct buf answer = { 0 };
	int64_t seq = j.seq;
	int changed = -1, ret, i;

	assert_non_null(copy);
	while ((w = strtok_r(rest, " ", &rest)) != NULL)
		name[a.n++] = w;
	a.all_failed = a.n == 0;
	ret = act_on(&a, &pl, &j, &answer, &changed, why);
	for (i = 0; i < 5; i++)
		is[i] = letter[plan_task(&pl, i)->state];
	if (strcmp(is, states) != 0)
		fail_msg("%s: %s, expected %s", names, is, states);
	/* a record a change; refused is refused as a whole */
	assert_int_equal(j.seq - seq, ret == 0 ? changed : 0);
	if (ret == 0 && changed == 0)
		assert_true(answer.len == 0);
	buf_release(&answer);
	free(copy);
	return ret;
}

static void ok(enum act_verb verb, const char *names, const char *states)
{
	struct why why;

	if (acts(verb, names, states, &why) != 0)
		fail_msg("%s: %s", names, why.text);
}

static void refused(enum act_verb verb, const char *names,
	const char *states, const char *said)
{
	struct why why;

	assert_int_equal(acts(verb, names, states, &why), -1);
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
	assert_int_equal(plan_next(&pl), 3);
	ok(ACT_RETRY, "a", "ppppp");
	assert_int_equal(plan_next(&pl), 0);
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
}

static void approve(void **state)
{
	(void)state;
	refused(ACT_APPROVE, "a", "ppppp", "not in review");
	run("a", TASK_NEEDS_REVIEW);
	ok(ACT_APPROVE, "a", "dpppp");
	assert_string_equal(s.task[0].reason, "approved");
	assert_int_equal(plan_next(&pl), 1);
	refused(ACT_APPROVE, "a", "dpppp", "not in review");
}

static void skipping(void **state)
{
	(void)state;
	ok(ACT_SKIP, "a", "spppp");
	assert_int_equal(plan_next(&pl), 1);
	refused(ACT_SKIP, "a", "spppp", "cannot be skipped");
	run("b", TASK_RUNNING);
	refused(ACT_SKIP, "b", "srppp", "running");
	run("d", TASK_NEEDS_REVIEW);
	ok(ACT_SKIP, "d", "srpsp");
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
	assert_int_equal(plan_next(&pl), 0);
	run("a", TASK_DONE);
	run("b", TASK_RUNNING);
	refused(ACT_REWIND, "a", "drpdp", "first: durexec stop");
	ok(ACT_REWIND, "d", "drppp");
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
	plan_release(&now);
	pipeline_free(other);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(verbs), T(retry), T(retry_all_failed), T(approve),
		T(skipping), T(rewind_), T(whole_or_nothing), T(results), T(edited),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
