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

/* a: approval, h: to be named, g: to be named, but for its gates. */
static void put_unit(int unit, char is)
{
	static const char letter[] = "prwdvsahg";
	struct task *t = plan_unit(&pl, unit);
	int n = (int)(strchr(letter, is) - letter);

	t->state = (uint8_t)(n < TASK_STATES ? n : TASK_NEEDS_REVIEW);
	t->approval = is == 'a';
	t->hold = is == 'h' || is == 'g';
	t->ran = is == 'g';
}

/* Put the steps' own tasks into these states, a letter each. */
static void put(const char *letters, bool live)
{
	int i;

	for (i = 0; letters[i] != '\0'; i++)
		put_unit(pl.stage[i].task, letters[i]);
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

/* Put the own task and the items of a fan-out of three into states. */
static void put_items(int step, char own, const char *letters)
{
	struct record r = { 0 };
	struct why why;
	const int *items;
	int n, i;

	record_start(&r, "items");
	record_set(&r, "step", p->step[step].name);
	record_set(&r, "list", "x\ny\nz z");
	record_set(&r, "source", "1");
	record_set_number(&r, "total", 3);
	assert_int_equal(state_apply(&s, &r, &why), 0);
	plan_rebuild(&pl);
	items = plan_items(&pl, step, &n);
	assert_int_equal(n, 3);
	put_unit(pl.stage[step].task, own);
	for (i = 0; i < n; i++)
		put_unit(items[i], letters[i]);
	plan_rebuild(&pl);
	summary_make(&sum, &pl, false);
}

static void fanouts(void **state)
{
	const int *items;
	int n;

	(void)state;
	begin("[step a]\nrun = x\n[step f]\nforeach_from = ls\nrun = x\n"
		"[step z]\nrun = x\n");
	/* a list that is not known counts as one */
	put("dpp", false);
	assert_int_equal(sum.total, 3);
	assert_int_equal(sum.done, 1);
	assert_int_equal(sum.pending, 2);
	put("drp", false);
	assert_int_equal(sum.running, 1);
	put("dvp", false);
	assert_int_equal(sum.review, 1);
	put_items(1, 'd', "drp");
	assert_int_equal(sum.total, 5);
	assert_int_equal(sum.done, 2);
	assert_int_equal(sum.running, 1);
	assert_int_equal(sum.pending, 2);
	assert_string_equal(sum.state, "stopped");
	memset(&sum, 0, sizeof(sum));
	summary_add(&sum, &pl, 1);
	assert_int_equal(sum.total, 3);
	assert_int_equal(sum.done, 1);
	summary_add(&sum, &pl, 2);
	assert_int_equal(sum.total, 4);
	assert_int_equal(sum.done, 1);
	put("dvp", false);
	/* it was asked again, in vain: that is in nobody's way but not well */
	assert_int_equal(sum.total, 5);
	assert_int_equal(sum.review, 1);
	assert_string_equal(sum.state, "needs_review");
	put("dpp", false);
	items = plan_items(&pl, 1, &n);
	put_unit(items[1], 's');
	put_unit(items[2], 'd');
	put("ddd", false);
	assert_string_equal(sum.state, "done");
	assert_int_equal(sum.done, 5);
	assert_int_equal(sum.skipped, 1);
	/* the times of items; not of their list, nor of a person's word */
	put_unit(pl.stage[1].task, 'd');
	s.sessions = 2;
	s.task[pl.stage[1].task].started_at = 1000;
	s.task[pl.stage[1].task].ended_at = 1500;
	s.task[items[0]].started_at = 1000;
	s.task[items[0]].ended_at = 1070;
	summary_make(&sum, &pl, false);
	assert_int_equal(sum.timed, 1);
	assert_int_equal(sum.timed_ms, 70);
	assert_int_equal(sum.saved_ms, 570);
	end();
	begin("[step f]\nforeach_from = true\nrun = x\n");
	put("d", false);
	/* no items: it counts as one, and is done */
	assert_int_equal(sum.total, 1);
	assert_int_equal(sum.done, 1);
	assert_string_equal(sum.state, "done");
	end();
}

static void logs(void **state)
{
	struct rundir d = { .fd = -1 };
	struct buf out = { 0 };
	struct scratch dir;
	struct task *t;
	const int *items;
	int n;

	(void)state;
	begin("[step a]\nrun = x\n[step f]\nforeach_from = ls\nrun = x\n");
	t = plan_task(&pl, 0);
	t->attempts = 2;
	scratch_init(&dir);
	d.fd = dir.fd;
	assert_int_equal(mkdirat(dir.fd, "log", 0700), 0);
	scratch_put(&dir, "log/a.1.err", "old", 3);
	summary_log(&d, &s, t, &out);
	assert_string_equal(out.data, "");
	scratch_put(&dir, "log/a.2.err", "", 0);
	scratch_put(&dir, "log/a.2.out", "x", 1);
	summary_log(&d, &s, t, &out);
	assert_string_equal(out.data, "log/a.2.out");
	scratch_put(&dir, "log/a.2.err", "x", 1);
	summary_log(&d, &s, t, &out);
	assert_string_equal(out.data, "log/a.2.err");
	t->phase = PHASE_SETTLE;
	/* it said nothing: the command's, then */
	summary_log(&d, &s, t, &out);
	assert_string_equal(out.data, "log/a.2.err");
	scratch_put(&dir, "log/a.2.settle", "x", 1);
	summary_log(&d, &s, t, &out);
	assert_string_equal(out.data, "log/a.2.settle");
	t->phase = PHASE_VERIFY;
	t->gate = "verify.size";
	scratch_put(&dir, "log/a.2.size", "x", 1);
	summary_log(&d, &s, t, &out);
	assert_string_equal(out.data, "log/a.2.size");
	/* what was found out is not what was said */
	t->phase = PHASE_INPUTS;
	scratch_put(&dir, "log/a.2.inputs", "x", 1);
	summary_log(&d, &s, t, &out);
	assert_string_equal(out.data, "log/a.2.err");
	/* a list: what it said, else what it listed */
	t = plan_task(&pl, 1);
	t->attempts = 1;
	t->phase = PHASE_LIST;
	scratch_put(&dir, "log/f.1.list", "x", 1);
	summary_log(&d, &s, t, &out);
	assert_string_equal(out.data, "log/f.1.list");
	scratch_put(&dir, "log/f.1.err", "x", 1);
	summary_log(&d, &s, t, &out);
	assert_string_equal(out.data, "log/f.1.err");
	/* of an item */
	put_items(1, 'd', "dvd");
	items = plan_items(&pl, 1, &n);
	t = plan_unit(&pl, items[1]);
	t->attempts = 1;
	assert_int_equal(mkdirat(dir.fd, "log/f", 0700), 0);
	assert_int_equal(mkdirat(dir.fd, "log/f/0", 0700), 0);
	scratch_put(&dir, "log/f/0/y.1.err", "x", 1);
	summary_log(&d, &s, t, &out);
	assert_string_equal(out.data, "log/f/0/y.1.err");
	buf_release(&out);
	scratch_release(&dir);
	end();
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
	/* an item by its name */
	begin("[step f]\nforeach_from = ls\nrun = x\n[step z]\nrun = x\n");
	put_items(0, 'd', "ddh");
	next_is("durexec|logs|x.ini|f[z z]|");
	put_items(0, 'd', "aad");
	next_is("durexec|approve|x.ini|f[x]|");
	put_items(0, 'd', "dvh");
	next_is("durexec|--resume|x.ini|");
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(states),
		cmocka_unit_test(counts),
		cmocka_unit_test(pools),
		cmocka_unit_test(saved_and_until),
		cmocka_unit_test(fanouts),
		cmocka_unit_test(logs),
		cmocka_unit_test(orphans),
		cmocka_unit_test(next),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
