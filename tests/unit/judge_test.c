/* SPDX-License-Identifier: ISC */
#include "judge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>

enum with { PLAIN, OUTPUTS, STDOUT, OK3, ASKED, TWICE };

/* How a phase ended: exit code, or -signal when it is negative. */
struct end {
	enum outcome_kind kind;
	int code;
	bool elsewhere;
	int survivor;
	const char *note;
};

static const struct {
	enum phase phase;
	enum with with;
	struct end end;
	enum verdict_next next;
	enum task_state state;	/* with NEXT_END */
	bool rerun;
	const char *reason;
} table[] = {
#define EXIT(n) { OUTCOME_EXIT, n, false, 0, NULL }
#define KILLED(n) { OUTCOME_SIGNAL, -(n), false, 0, NULL }
#define DONE NEXT_END, TASK_DONE, false, ""
#define REVIEW(why) NEXT_END, TASK_NEEDS_REVIEW, false, why
#define AGAIN NEXT_END, TASK_PENDING, false, ""
	/* the command */
	{ PHASE_RUN, PLAIN, EXIT(0), DONE },
	{ PHASE_RUN, OUTPUTS, EXIT(0), NEXT_SETTLE, 0, false, "" },
	{ PHASE_RUN, STDOUT, EXIT(0), NEXT_SETTLE, 0, false, "" },
	{ PHASE_RUN, PLAIN, EXIT(1), REVIEW("exit 1") },
	{ PHASE_RUN, OUTPUTS, EXIT(1), REVIEW("exit 1") },
	{ PHASE_RUN, PLAIN, EXIT(3), REVIEW("exit 3") },
	{ PHASE_RUN, OK3, EXIT(3), DONE },
	{ PHASE_RUN, OK3, EXIT(0), DONE },
	{ PHASE_RUN, OK3, EXIT(4), REVIEW("exit 4") },
	{ PHASE_RUN, PLAIN, EXIT(255), REVIEW("exit 255") },
	{ PHASE_RUN, PLAIN, EXIT(-1), REVIEW("status unknown") },
	{ PHASE_RUN, PLAIN, { OUTCOME_EXIT, 127, false, 0, "no such program" },
		REVIEW("exit 127 (no such program)") },
	{ PHASE_RUN, PLAIN, { OUTCOME_EXIT, 0, false, 44, NULL },
		REVIEW("exit 0; process 44 could not be killed") },
	{ PHASE_RUN, PLAIN, KILLED(9), REVIEW("killed by signal 9 (KILL)") },
	{ PHASE_RUN, PLAIN, KILLED(15), REVIEW("killed by signal 15 (TERM)") },
	{ PHASE_RUN, PLAIN, { OUTCOME_TIMEOUT, 0, false, 0, NULL },
		REVIEW("time limit (exit 0)") },
	{ PHASE_RUN, PLAIN, { OUTCOME_TIMEOUT, -15, false, 0, NULL },
		REVIEW("time limit (signal 15 (TERM))") },
	{ PHASE_RUN, PLAIN, { OUTCOME_IDLE, -9, false, 0, NULL },
		REVIEW("no output for too long (signal 9 (KILL))") },
	{ PHASE_RUN, PLAIN, { OUTCOME_FLOOD, 0, false, 0, NULL },
		REVIEW("too much output (exit 0)") },
	{ PHASE_RUN, PLAIN, { OUTCOME_NOT_STARTED, -1, false, 0, NULL },
		REVIEW("not started: No such file or directory") },
	{ PHASE_RUN, PLAIN, { OUTCOME_NOT_STARTED, -1, false, 0,
		"cannot enter /x" }, REVIEW("not started: cannot enter /x") },
	{ PHASE_RUN, PLAIN, { OUTCOME_NONE, 0, false, 0, NULL },
		REVIEW("not ended") },
	/* stopped: never DONE, whatever it exits with */
	{ PHASE_RUN, PLAIN, { OUTCOME_INTERRUPTED, 0, false, 0, NULL },
		AGAIN },
	{ PHASE_RUN, PLAIN, { OUTCOME_INTERRUPTED, 1, false, 0, NULL },
		AGAIN },
	{ PHASE_RUN, TWICE, { OUTCOME_INTERRUPTED, 0, false, 0, NULL },
		AGAIN },
	{ PHASE_RUN, PLAIN, { OUTCOME_INTERRUPTED, -15, true, 0, NULL },
		AGAIN },
	{ PHASE_RUN, TWICE, { OUTCOME_INTERRUPTED, -15, true, 0, NULL },
		REVIEW("interrupted (signal 15 (TERM))") },
	/* what could not be killed still runs: no second one beside it */
	{ PHASE_RUN, PLAIN, { OUTCOME_INTERRUPTED, -15, false, 44, NULL },
		REVIEW("interrupted (signal 15 (TERM)); process 44 could not "
		"be killed") },
	{ PHASE_RUN, PLAIN, { OUTCOME_LOST, -1, false, 0, NULL }, AGAIN },
	{ PHASE_RUN, PLAIN, { OUTCOME_LOST, -1, false, 44, NULL },
		REVIEW("lost: nobody saw how it ended; process 44 could not "
		"be killed") },
	/* the condition */
	{ PHASE_IF, PLAIN, EXIT(0), NEXT_RUN, 0, false, "" },
	{ PHASE_IF, OUTPUTS, EXIT(0), NEXT_RUN, 0, false, "" },
	{ PHASE_IF, PLAIN, EXIT(1), NEXT_END, TASK_SKIPPED, false,
		"condition" },
	{ PHASE_IF, PLAIN, EXIT(2), REVIEW("condition: exit 2") },
	{ PHASE_IF, OK3, EXIT(3), REVIEW("condition: exit 3") },
	{ PHASE_IF, PLAIN, EXIT(127), REVIEW("condition: exit 127") },
	{ PHASE_IF, PLAIN, KILLED(11),
		REVIEW("condition: killed by signal 11 (SEGV)") },
	{ PHASE_IF, PLAIN, { OUTCOME_TIMEOUT, 1, false, 0, NULL },
		REVIEW("condition: time limit (exit 1)") },
	{ PHASE_IF, PLAIN, { OUTCOME_INTERRUPTED, 1, false, 0, NULL }, AGAIN },
	{ PHASE_IF, PLAIN, { OUTCOME_LOST, -1, false, 0, NULL }, AGAIN },
	/* outputs and stdout */
	{ PHASE_SETTLE, OUTPUTS, EXIT(0), DONE },
	{ PHASE_SETTLE, OUTPUTS, EXIT(1), REVIEW("outputs: exit 1") },
	{ PHASE_SETTLE, OUTPUTS, EXIT(2),
		REVIEW("placing outputs: exit 2") },
	{ PHASE_SETTLE, OK3, EXIT(3), REVIEW("placing outputs: exit 3") },
	{ PHASE_SETTLE, OUTPUTS, KILLED(9),
		REVIEW("placing outputs: killed by signal 9 (KILL)") },
	{ PHASE_SETTLE, ASKED, EXIT(0), DONE },
	{ PHASE_SETTLE, ASKED, EXIT(1), NEXT_END, TASK_PENDING, true, "" },
	{ PHASE_SETTLE, ASKED, KILLED(9), NEXT_END, TASK_PENDING, true, "" },
	{ PHASE_SETTLE, OUTPUTS, { OUTCOME_INTERRUPTED, 0, false, 0, NULL },
		AGAIN },
	{ PHASE_SETTLE, OUTPUTS, { OUTCOME_LOST, -1, false, 0, NULL }, AGAIN },
};

static void verdicts(void **state)
{
	static const char *const output[] = { "a.txt" };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct stepconf conf = { .ok_exit = { { 1 } } };
		struct task task = { .name = "a", .state = TASK_RUNNING,
			.phase = (uint8_t)table[i].phase };
		struct report r = { .outcome = outcome_of(table[i].end.kind) };
		struct verdict v;

		switch (table[i].with) {
		case PLAIN:
			break;
		case OUTPUTS:
			conf.outputs.v = (const char **)(uintptr_t)output;
			conf.outputs.n = 1;
			break;
		case STDOUT:
			conf.stdout_to = "out.txt";
			break;
		case OK3:
			conf.ok_exit.bit[0] |= 8;
			break;
		case ASKED:
			task.asked = task.ran = true;
			break;
		case TWICE:
			task.interrupts = 1;
			break;
		}
		if (table[i].end.code >= 0)
			r.outcome.exit = table[i].end.code;
		else if (table[i].end.code < -1)
			r.outcome.signo = -table[i].end.code;
		if (table[i].end.kind == OUTCOME_NOT_STARTED)
			r.outcome.err = ENOENT;
		r.elsewhere = table[i].end.elsewhere;
		r.survivor = table[i].end.survivor;
		if (table[i].end.note != NULL)
			snprintf(r.note, sizeof(r.note), "%s",
				table[i].end.note);
		v = judge(&conf, &task, &r);
		if (v.next != table[i].next || (v.next == NEXT_END &&
		    v.state != table[i].state) || v.rerun != table[i].rerun ||
		    strcmp(v.reason, table[i].reason) != 0)
			fail_msg("row %zu: %d %s rerun %d: \"%s\"", i, v.next,
				state_word(v.state), v.rerun, v.reason);
	}
}

/* Nothing that is not an exit with an allowed code is ever a success. */
static void never_a_success(void **state)
{
	struct stepconf conf;
	struct task task = { .name = "a", .state = TASK_RUNNING };
	int kind, code, phase;

	(void)state;
	memset(&conf, 0, sizeof(conf));
	memset(conf.ok_exit, 0xff, sizeof(conf.ok_exit));
	for (kind = 0; kind <= OUTCOME_KINDS; kind++)
		for (phase = 0; phase <= PHASES; phase++)
			for (code = -1; code < 256; code++) {
				struct report r = { .outcome =
					outcome_of((enum outcome_kind)kind) };
				struct verdict v;

				task.phase = (uint8_t)phase;
				r.outcome.exit = code;
				v = judge(&conf, &task, &r);
				if (kind == OUTCOME_EXIT && code >= 0 &&
				    phase != PHASES)
					continue;
				assert_int_equal(v.next, NEXT_END);
				assert_true(v.state == TASK_NEEDS_REVIEW ||
					v.state == TASK_PENDING);
			}
}

static void exit_codes(void **state)
{
	struct stepconf conf;
	int i;

	(void)state;
	memset(&conf, 0, sizeof(conf));
	for (i = -300; i < 600; i++)
		assert_false(judge_exit_ok(&conf, i));
	for (i = 0; i < 256; i++) {
		int k;

		memset(&conf, 0, sizeof(conf));
		conf.ok_exit[i / 8] = (uint8_t)(1 << i % 8);
		for (k = -1; k <= 256; k++)
			assert_int_equal(judge_exit_ok(&conf, k), k == i);
	}
}

/* A reason that does not fit is cut, not written beyond its end. */
static void long_note(void **state)
{
	struct stepconf conf = { .ok_exit = { { 1 } } };
	struct task task = { .name = "a" };
	struct report r = { .outcome = outcome_of(OUTCOME_NOT_STARTED) };
	struct verdict v;

	(void)state;
	memset(r.note, 'x', sizeof(r.note) - 1);
	r.survivor = 2147483647;
	v = judge(&conf, &task, &r);
	assert_true(strlen(v.reason) < sizeof(v.reason));
	assert_non_null(strstr(v.reason, "2147483647"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(verdicts),
		cmocka_unit_test(never_a_success),
		cmocka_unit_test(exit_codes),
		cmocka_unit_test(long_note),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
