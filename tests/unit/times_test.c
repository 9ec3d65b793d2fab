/* SPDX-License-Identifier: ISC */
#include "times.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "loading.h"
#include "scratch.h"

#define THREE "[step a]\nrun = x\n[step b]\nrun = x\n[step c]\nrun = x\n"

static struct pipeline *p;
static struct state s;
static struct plan pl;
static struct scratch dir;
static struct rundir d;

static void begin(const char *ini)
{
	p = loads(ini);
	state_init(&s);
	plan_init(&pl, p, &s);
	scratch_init(&dir);
	assert_int_equal(mkdirat(dir.fd, "run", 0700), 0);
	d.fd = openat(dir.fd, "run", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(d.fd != -1);
}

static void end(void)
{
	close(d.fd);
	scratch_release(&dir);
	plan_release(&pl);
	state_release(&s);
	pipeline_free(p);
}

static void took(int step, int64_t ms)
{
	struct task *t = plan_task(&pl, step);

	t->state = TASK_DONE;
	t->started_at = 5000;
	t->ended_at = 5000 + ms;
	plan_rebuild(&pl);
}

static void has(const char *expected)
{
	struct buf text = { 0 };

	scratch_get(&dir, "times", &text);
	assert_string_equal(text.data, expected);
	buf_release(&text);
}

static void is(int step, int64_t n, int64_t ms)
{
	struct times *times = times_read(p, &d);

	assert_int_equal(times[step].n, n);
	assert_int_equal(times[step].ms, ms);
	free(times);
}

static void kept(void **state)
{
	struct stat before, after;

	(void)state;
	begin(THREE);
	is(0, 0, 0);
	/* nothing was done: no file */
	times_keep(&pl, &d);
	assert_false(scratch_has(&dir, "times"));
	took(0, 70);
	times_keep(&pl, &d);
	has("a 1 70\n");
	assert_int_equal(fstatat(dir.fd, "times", &before, 0), 0);
	assert_int_equal(before.st_mode & 0777, 0600);
	is(0, 1, 70);
	is(1, 0, 0);
	/* nothing new: the file stays */
	times_keep(&pl, &d);
	assert_int_equal(fstatat(dir.fd, "times", &after, 0), 0);
	assert_int_equal(before.st_ino, after.st_ino);
	/* what this run does not know is kept */
	took(0, 0);
	plan_task(&pl, 0)->state = TASK_PENDING;
	took(2, 9);
	times_keep(&pl, &d);
	has("a 1 70\nc 1 9\n");
	assert_false(scratch_has(&dir, "times.new"));
	end();
}

/* Fewer items than an earlier run had tell less, until they are all. */
static void items(void **state)
{
	struct record r = { 0 };
	struct why why;
	const int *unit;
	int n;

	(void)state;
	begin("[step f]\nforeach_from = ls\nrun = x\n");
	record_start(&r, "items");
	record_set(&r, "step", "f");
	record_set(&r, "list", "x\ny\nz");
	record_set_number(&r, "total", 3);
	assert_int_equal(state_apply(&s, &r, &why), 0);
	plan_task(&pl, 0)->state = TASK_DONE;
	plan_rebuild(&pl);
	unit = plan_items(&pl, 0, &n);
	assert_int_equal(n, 3);
	scratch_put(&dir, "times", "f 2 500\n", 8);
	for (n = 0; n < 3; n++) {
		struct task *t = plan_unit(&pl, unit[n]);

		t->state = TASK_DONE;
		t->started_at = 1;
		t->ended_at = 11;
		plan_rebuild(&pl);
		if (n == 1) {
			times_keep(&pl, &d);
			has("f 2 500\n");
		}
	}
	times_keep(&pl, &d);
	has("f 3 30\n");
	scratch_put(&dir, "times", "f 9 500\n", 8);
	times_keep(&pl, &d);
	has("f 3 30\n");
	end();
}

static void broken(void **state)
{
	static const char text[] = "\n \na\nb 0 5\nb 1\nc x y\nzz 1 5\n"
		"a -1 5\nb 1 -5\nb 99999999999 5\nc 2 99999999999999999\n"
		"a 7 70";

	(void)state;
	begin(THREE);
	scratch_put(&dir, "times", text, sizeof(text) - 1);
	is(0, 7, 70);
	/* "1" without a time took none */
	is(1, 1, 0);
	is(2, 0, 0);
	assert_int_equal(unlinkat(dir.fd, "times", 0), 0);
	assert_int_equal(mkdirat(dir.fd, "times", 0700), 0);
	is(0, 0, 0);
	took(0, 70);
	times_keep(&pl, &d);
	assert_false(scratch_has(&dir, "times.new"));
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kept),
		cmocka_unit_test(items),
		cmocka_unit_test(broken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
