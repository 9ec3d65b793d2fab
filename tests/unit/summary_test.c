/* SPDX-License-Identifier: ISC */
#include "summary.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <sys/file.h>

#include "clock.h"
#include "loading.h"
#include "mailbox.h"
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

/* Put the steps into these states, a letter each; a: approval, h: to be
 * named, g: to be named, but for its gates. */
static void put(const char *letters, bool live)
{
	static const char letter[] = "prwdvsahg";
	int i;

	for (i = 0; letters[i] != '\0'; i++) {
		struct task *t = plan_task(&pl, i);
		int n = (int)(strchr(letter, letters[i]) - letter);

		t->state = (uint8_t)(n < TASK_STATES ? n : TASK_NEEDS_REVIEW);
		t->approval = letters[i] == 'a';
		t->hold = letters[i] == 'h' || letters[i] == 'g';
		t->ran = letters[i] == 'g';
	}
	plan_rebuild(&pl);
	summary_make(&sum, &pl, live);
}

static void states(void **state)
{
	static const struct {
		const char *steps, *live, *rest;
		int status, no_wait;
	} c[] = {
		{ "pppp", "running", "stopped", 3, 3 },
		{ "dppp", "running", "stopped", 3, 3 },
		{ "drpp", "running", "stopped", 3, 3 },
		{ "dddd", "running", "done", 0, 0 },
		{ "ddsd", "running", "done", 0, 0 },
		{ "ddvd", "running", "needs_review", 1, 1 },
		{ "dvpp", "running", "needs_review", 1, 1 },
		{ "dhpp", "running", "needs_review", 1, 1 },
		{ "dgpp", "running", "needs_review", 1, 1 },
		{ "dwpp", "waiting", "waiting", 3, 75 },
		{ "dwrp", "running", "stopped", 3, 3 },
		{ "dwwp", "waiting", "waiting", 3, 75 },
		/* a failure beside what waits */
		{ "vwpp", "waiting", "needs_review", 1, 1 },
		{ "vwrp", "running", "needs_review", 1, 1 },
		/* an approval is no failure */
		{ "dapp", "running", "needs_review", 3, 3 },
		{ "avpp", "running", "needs_review", 1, 1 },
		{ "awpp", "waiting", "needs_review", 3, 3 },
		{ "arpp", "running", "needs_review", 3, 3 },
		/* d may fail, but somebody has to approve of it */
		{ "dddv", "running", "done", 0, 0 },
		{ "dddh", "running", "done", 0, 0 },
		{ "ddda", "running", "needs_review", 3, 3 },
		{ "dddw", "waiting", "waiting", 3, 75 },
	};
	size_t i;

	(void)state;
	begin("[step a]\nrun = x\n[step b]\nrun = x\n[step c]\nrun = x\n"
		"[step d]\nrun = x\nallow_failure = yes\n");
	for (i = 0; i < sizeof(c) / sizeof(c[0]); i++) {
		put(c[i].steps, false);
		if (strcmp(sum.state, c[i].rest) != 0)
			fail_msg("%s: %s", c[i].steps, sum.state);
		if (summary_status(&sum, false) != c[i].status ||
		    summary_status(&sum, true) != c[i].no_wait)
			fail_msg("%s: %d, %d", c[i].steps,
				summary_status(&sum, false),
				summary_status(&sum, true));
		put(c[i].steps, true);
		assert_true(sum.live);
		if (strcmp(sum.state, c[i].live) != 0)
			fail_msg("%s, live: %s", c[i].steps, sum.state);
	}
	end();
}

static void counts(void **state)
{
	(void)state;
	begin("[step a]\nrun = x\n[step b]\nrun = x\n[step c]\nrun = x\n"
		"[step d]\nrun = x\nallow_failure = yes\n");
	put("dsvv", false);
	assert_int_equal(sum.total, 4);
	assert_int_equal(sum.done, 3);
	assert_int_equal(sum.review, 1);
	assert_int_equal(sum.held, 0);
	assert_int_equal(sum.allowed, 1);
	assert_int_equal(sum.skipped, 1);
	put("prwd", false);
	assert_int_equal(sum.pending, 1);
	assert_int_equal(sum.running, 1);
	assert_int_equal(sum.waiting, 1);
	assert_int_equal(sum.done, 1);
	put("ahgh", false);
	assert_int_equal(sum.approvals, 1);
	assert_int_equal(sum.review, 2);
	/* what needs but its gates asked again needs not be named */
	assert_int_equal(sum.held, 1);
	assert_int_equal(sum.allowed, 1);
	assert_int_equal(sum.done, 1);
	put("ddda", false);
	assert_int_equal(sum.approvals, 1);
	assert_int_equal(sum.allowed, 0);
	assert_int_equal(sum.done, 3);
	assert_int_equal(sum.ended_at, 0);
	s.closed = "done";
	s.closed_at = 77;
	put("dddd", false);
	assert_int_equal(sum.ended_at, 77);
	s.closed = NULL;
	end();
}

/* No step says that it waits, but its pool lets nobody start. */
static void pools(void **state)
{
	int64_t now = clock_wall();

	(void)state;
	begin("[pool p]\nslots = 2\nmin_interval = 1h\n[defaults]\nneeds =\n"
		"run = x\n[step a]\npool = p\n[step b]\npool = p\n[step c]\n");
	s.task[0].started_at = now - 1000;
	put("dpd", false);
	assert_string_equal(sum.state, "waiting");
	assert_int_equal(sum.until_at, now - 1000 + 3600 * 1000);
	assert_int_equal(summary_status(&sum, true), 75);
	assert_int_equal(summary_status(&sum, false), 3);
	s.task[0].started_at = now - 3601 * 1000;
	put("dpd", false);
	assert_string_equal(sum.state, "stopped");
	s.task[0].started_at = now - 1000;
	put("ppd", false);
	assert_string_equal(sum.state, "waiting");
	/* something runs: who started it is gone */
	put("rpd", false);
	assert_string_equal(sum.state, "stopped");
	put("vpd", false);
	assert_string_equal(sum.state, "needs_review");
	/* something could start at once: then it was stopped */
	put("dpp", false);
	assert_string_equal(sum.state, "stopped");
	put("wpd", false);
	assert_string_equal(sum.state, "waiting");
	put("wpp", false);
	assert_string_equal(sum.state, "stopped");
	assert_int_equal(summary_status(&sum, true), 3);
	put("dpd", false);
	/* others have the slots: nobody knows until when */
	s.task[0].started_at = 0;
	put("dpd", false);
	assert_string_equal(sum.state, "stopped");
	pl.lane[1].full = true;
	summary_make(&sum, &pl, false);
	assert_string_equal(sum.state, "waiting");
	assert_int_equal(sum.until_at, 0);
	end();
	/* a limit holds the pool, and a step that waits for its retry does
	 * not */
	begin("[pool p]\nslots = 2\n[defaults]\nneeds =\nrun = x\n"
		"[step a]\npool = p\n[step b]\npool = p\n");
	put("wp", false);
	assert_string_equal(sum.state, "stopped");
	s.task[0].parked = true;
	s.task[0].until_at = now + 1000;
	put("wp", false);
	assert_string_equal(sum.state, "waiting");
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
	s.task[0].cost = 5;
	s.task[1].cost = 7;
	s.task[2].cost = 11;
	s.task[2].session = 1;
	s.task[2].started_at = 1000;
	s.cost = 23;
	put("ddv", false);
	/* what is in review is not saved */
	assert_int_equal(sum.saved_ms, 60000);
	assert_int_equal(sum.saved_cost, 5);
	assert_int_equal(sum.cost, 23);
	/* approved without an attempt: no time was saved */
	s.task[0].started_at = 0;
	put("ddp", false);
	assert_int_equal(sum.saved_ms, 0);
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
	/* it said nothing: the command's, then */
	summary_log(&d, &t, &out);
	assert_string_equal(out.data, "log/a.2.err");
	scratch_put(&dir, "log/a.2.settle", "x", 1);
	summary_log(&d, &t, &out);
	assert_string_equal(out.data, "log/a.2.settle");
	t.phase = PHASE_VERIFY;
	t.gate = "verify.size";
	scratch_put(&dir, "log/a.2.size", "x", 1);
	summary_log(&d, &t, &out);
	assert_string_equal(out.data, "log/a.2.size");
	buf_release(&out);
	scratch_release(&dir);
}

/* What a RUNNING step of a run without durexec really is. */
static void orphans(void **state)
{
	struct task t = { .name = "a", .attempts = 2, .keeper = 3, .turn = 9,
		.state = TASK_RUNNING };
	struct job job = { .step = "a", .phase = "run", .attempt = 2,
		.turn = 9 };
	struct report end = { .outcome = outcome_of(OUTCOME_EXIT) };
	struct rundir d = { .fd = -1 };
	struct mailbox box;
	struct scratch dir;
	int pid = -1, fd;

	(void)state;
	scratch_init(&dir);
	d.fd = dir.fd;
	/* no mailbox: its keeper never came that far */
	assert_int_equal(summary_orphan(&d, &t, &pid), ORPHAN_GONE);
	assert_int_equal(pid, 0);
	fd = openat(dir.fd, "keeper.3", O_RDWR | O_CREAT | O_APPEND |
		O_CLOEXEC, 0600);
	assert_true(fd != -1);
	mailbox_init(&box, fd);
	assert_int_equal(mailbox_keeper(&box), 0);
	assert_int_equal(mailbox_take(&box, &job), 0);
	assert_int_equal(mailbox_pid(&box, getpid()), 0);
	assert_int_equal(summary_orphan(&d, &t, &pid), ORPHAN_GONE);
	assert_int_equal(pid, getpid());
	assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
	assert_int_equal(summary_orphan(&d, &t, &pid), ORPHAN_LIVES);
	assert_int_equal(pid, getpid());
	end.outcome.exit = 0;
	assert_int_equal(mailbox_end(&box, &end), 0);
	assert_int_equal(summary_orphan(&d, &t, &pid), ORPHAN_ENDED);
	close(fd);
	mailbox_release(&box);
	/* nobody can tell: it is taken to live */
	assert_int_equal(unlinkat(dir.fd, "keeper.3", 0), 0);
	assert_int_equal(mkdirat(dir.fd, "keeper.3", 0700), 0);
	pid = -1;
	assert_int_equal(summary_orphan(&d, &t, &pid), ORPHAN_LIVES);
	assert_int_equal(pid, 0);
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
	put("dw", false);
	next_is("durexec|x.ini|V=a b|");
	put("dv", false);
	next_is("durexec|--resume|x.ini|V=a b|");
	put("dg", false);
	next_is("durexec|--resume|x.ini|V=a b|");
	/* first, what --resume does itself */
	put("hv", false);
	next_is("durexec|--resume|x.ini|V=a b|");
	put("av", false);
	next_is("durexec|--resume|x.ini|V=a b|");
	/* then, whether it took effect; then, approvals */
	put("dh", false);
	next_is("durexec|logs|x.ini|V=a b|b|");
	put("ah", false);
	next_is("durexec|logs|x.ini|V=a b|b|");
	put("hh", false);
	next_is("durexec|logs|x.ini|V=a b|a|");
	put("da", false);
	next_is("durexec|approve|x.ini|V=a b|b|");
	put("aa", false);
	next_is("durexec|approve|x.ini|V=a b|a|");
	put("wa", false);
	next_is("durexec|x.ini|V=a b|");
	put("dd", false);
	next_is("durexec|--fresh|x.ini|V=a b|");
	end();
	/* what may fail is nobody's to look at first */
	begin("[step a]\nrun = x\nallow_failure = yes\n[step b]\nrun = x\n");
	put("hh", false);
	next_is("durexec|logs|x.ini|b|");
	put("hd", false);
	next_is("durexec|--fresh|x.ini|");
	put("ap", false);
	next_is("durexec|approve|x.ini|a|");
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(states),
		cmocka_unit_test(counts),
		cmocka_unit_test(pools),
		cmocka_unit_test(saved_and_until),
		cmocka_unit_test(stale),
		cmocka_unit_test(logs),
		cmocka_unit_test(orphans),
		cmocka_unit_test(next),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
