/* SPDX-License-Identifier: ISC */
#include "summary.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "loading.h"
#include "scratch.h"

static struct pipeline *p;
static struct state s;
static struct plan pl;
static struct summary sum;

static void begin(const char *ini)
{
	p = loads(ini);
	state_init(&s);
	plan_init(&pl, p, &s);
}

static void end(void)
{
	plan_release(&pl);
	state_release(&s);
	pipeline_free(p);
}

/* Put the steps into these states, a letter each. */
static void put(const char *letters, bool live)
{
	static const char letter[] = "prwdvs";
	int i;

	for (i = 0; letters[i] != '\0'; i++)
		plan_task(&pl, i)->state =
			(uint8_t)(strchr(letter, letters[i]) - letter);
	plan_rebuild(&pl);
	summary_make(&sum, &pl, live);
}

static void states(void **state)
{
	static const struct {
		const char *steps, *live, *rest;
	} c[] = {
		{ "pppp", "running", "stopped" },
		{ "dppp", "running", "stopped" },
		{ "drpp", "running", "stopped" },
		{ "dddd", "running", "done" },
		{ "ddsd", "running", "done" },
		{ "ddvd", "running", "needs_review" },
		{ "dvpp", "running", "needs_review" },
		{ "dwpp", "running", "waiting" },
		{ "dwrp", "running", "stopped" },
		/* d may fail */
		{ "dddv", "running", "done" },
	};
	size_t i;

	(void)state;
	begin("[step a]\nrun = x\n[step b]\nrun = x\n[step c]\nrun = x\n"
		"[step d]\nrun = x\nallow_failure = yes\n");
	for (i = 0; i < sizeof(c) / sizeof(c[0]); i++) {
		put(c[i].steps, false);
		if (strcmp(sum.state, c[i].rest) != 0)
			fail_msg("%s: %s", c[i].steps, sum.state);
		put(c[i].steps, true);
		assert_string_equal(sum.state, c[i].live);
	}
	put("dsvv", false);
	assert_int_equal(sum.total, 4);
	assert_int_equal(sum.done, 3);
	assert_int_equal(sum.review, 1);
	assert_int_equal(sum.allowed, 1);
	assert_int_equal(sum.skipped, 1);
	put("prwd", false);
	assert_int_equal(sum.pending, 1);
	assert_int_equal(sum.running, 1);
	assert_int_equal(sum.waiting, 1);
	end();
}

static void saved_and_until(void **state)
{
	(void)state;
	begin("[step a]\nrun = x\n[step b]\nrun = x\n[step c]\nrun = x\n");
	s.sessions = 2;
	pl.s->task[0].session = 1;
	pl.s->task[0].started_at = 1000;
	pl.s->task[0].ended_at = 61000;
	pl.s->task[1].session = 2;
	pl.s->task[1].started_at = 1000;
	pl.s->task[1].ended_at = 9000;
	put("ddp", false);
	/* of earlier sessions only */
	assert_int_equal(sum.saved_ms, 60000);
	pl.s->task[1].until_at = 700;
	pl.s->task[2].until_at = 500;
	put("dww", false);
	assert_int_equal(sum.until_at, 500);
	end();
}

static void stale(void **state)
{
	(void)state;
	begin("[step a]\nrun = x\n[step b]\nrun = x\n");
	put("dp", false);
	/* approved or skipped: nothing is known of a definition */
	assert_int_equal(sum.stale, 0);
	s.task[0].command = pipeline_command_hash(p, 0);
	put("dp", false);
	assert_int_equal(sum.stale, 0);
	s.task[0].command ^= 1;
	put("dp", false);
	assert_int_equal(sum.stale, 1);
	assert_true(summary_stale(&pl, 0));
	put("vp", false);
	assert_int_equal(sum.stale, 0);
	end();
}

static void logs(void **state)
{
	struct task t = { .name = "a", .attempts = 2, .phase = PHASE_RUN };
	struct rundir d = { .fd = -1 };
	struct buf out = { 0 };
	struct scratch dir;

	(void)state;
	scratch_init(&dir);
	d.fd = dir.fd;
	assert_int_equal(mkdirat(dir.fd, "log", 0700), 0);
	scratch_put(&dir, "log/a.1.err", "old", 3);
	summary_log(&d, &t, &out);
	assert_string_equal(out.data, "");
	scratch_put(&dir, "log/a.2.err", "", 0);
	scratch_put(&dir, "log/a.2.out", "x", 1);
	summary_log(&d, &t, &out);
	assert_string_equal(out.data, "log/a.2.out");
	scratch_put(&dir, "log/a.2.err", "x", 1);
	summary_log(&d, &t, &out);
	assert_string_equal(out.data, "log/a.2.err");
	t.phase = PHASE_SETTLE;
	scratch_put(&dir, "log/a.2.settle", "x", 1);
	summary_log(&d, &t, &out);
	assert_string_equal(out.data, "log/a.2.settle");
	buf_release(&out);
	scratch_release(&dir);
}

/* The words to type, "|" behind each. */
static void next_is(const char *expected)
{
	struct buf out = { 0 };
	int n = -1, i;

	summary_next(&sum, &pl, "x.ini", &out, &n);
	for (i = 0; i < (int)out.len; i++)
		if (out.data[i] == '\0') {
			out.data[i] = '|';
			n--;
		}
	assert_int_equal(n, 0);
	assert_string_equal(out.len > 0 ? out.data : "", expected);
	buf_release(&out);
}

static void next(void **state)
{
	static const char *const given[] = { "V=a b", NULL };

	(void)state;
	p = loads_given("[params]\nV = 1\nW = 2\n[step a]\nrun = x\n"
		"[step b]\nrun = x\n", given);
	state_init(&s);
	plan_init(&pl, p, &s);
	put("dp", true);
	next_is("");
	put("dp", false);
	next_is("durexec|x.ini|V=a b|");
	put("dv", false);
	next_is("durexec|--resume|x.ini|V=a b|");
	put("dd", false);
	next_is("durexec|--fresh|x.ini|V=a b|");
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(states),
		cmocka_unit_test(saved_and_until),
		cmocka_unit_test(stale),
		cmocka_unit_test(logs),
		cmocka_unit_test(next),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
