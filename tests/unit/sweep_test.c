/* SPDX-License-Identifier: ISC */
#include "sweep.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <limits.h>
#include <sys/file.h>
#include <time.h>

#include "scratch.h"

static struct scratch dir;
static struct home h;

static int setup(void **state)
{
	struct why why;
	char base[128];

	(void)state;
	scratch_init(&dir);
	snprintf(base, sizeof(base), "%s/.durexec", dir.path);
	assert_int_equal(home_open(&h, base, "p", true, &why), 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	home_close(&h);
	scratch_release(&dir);
	return 0;
}

/* Below the home. */
static void put(const char *id, const char *name, const char *text)
{
	char path[300];

	snprintf(path, sizeof(path), ".durexec/p/%s/%s", id, name);
	scratch_put(&dir, path, text, strlen(text));
}

/* A run with a state; returns its id, which the caller frees. */
static char *make_run(const char *state)
{
	struct rundir d;
	struct why why;
	char *id;

	assert_int_equal(rundir_create(&d, &h, &why), 0);
	id = strdup(d.id);
	assert_non_null(id);
	if (state != NULL)
		put(id, "state", state);
	rundir_close(&d);
	return id;
}

static bool there(const char *name)
{
	return faccessat(h.fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* Hide it, and see it go. */
static void remove_run(const char *id, int64_t expected)
{
	int64_t bytes = 0;
	struct why why;
	char hidden[80];

	assert_int_equal(sweep_bytes(&h, id), expected);
	assert_int_equal(sweep_hide(&h, id, &why), 0);
	assert_false(there(id));
	snprintf(hidden, sizeof(hidden), ".gone.%s", id);
	assert_true(there(hidden));
	assert_true(sweep_hidden(&h, LONG_MAX, &bytes));
	assert_false(there(hidden));
	assert_int_equal(bytes, expected);
}

static void removing(void **state)
{
	char *id = make_run("12345\n");

	(void)state;
	put(id, "log/a.1.out", "four");
	put(id, "dir/x", "");
	remove_run(id, 10);
	assert_int_equal(sweep_hide(&h, id, NULL), -1);
	free(id);
}

/* It follows no link out of the run. */
static void links(void **state)
{
	char *id = make_run("x");
	int64_t bytes = 0;
	int run;

	(void)state;
	scratch_put(&dir, "precious", "xxx", 3);
	assert_int_equal(mkdirat(dir.fd, "other", 0700), 0);
	scratch_put(&dir, "other/file", "x", 1);
	run = openat(h.fd, id, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(run != -1);
	assert_int_equal(symlinkat("../../../precious", run, "a"), 0);
	assert_int_equal(symlinkat("../../../other", run, "b"), 0);
	assert_int_equal(symlinkat("../../../../other", run, "dir/c"), 0);
	assert_int_equal(mkfifoat(run, "dir/fifo", 0600), 0);
	/* a file with another name stays, and is not counted */
	assert_int_equal(linkat(dir.fd, "precious", run, "dir/hard", 0), 0);
	close(run);
	remove_run(id, 1);
	assert_true(scratch_has(&dir, "precious"));
	assert_true(scratch_has(&dir, "other/file"));
	/* a link that is called like a run, hidden or not */
	assert_int_equal(symlinkat("../../other", h.fd, id), 0);
	assert_int_equal(sweep_hide(&h, id, NULL), -1);
	assert_int_equal(symlinkat("../../other", h.fd,
		".gone.20260101T000000.000-abcdef"), 0);
	assert_false(sweep_hidden(&h, LONG_MAX, &bytes));
	assert_int_equal(bytes, 0);
	assert_true(scratch_has(&dir, "other/file"));
	/* what is not called like one is nobody's */
	assert_int_equal(mkdirat(h.fd, ".gone.mine", 0700), 0);
	assert_int_equal(unlinkat(h.fd, ".gone.20260101T000000.000-abcdef",
		0), 0);
	assert_true(sweep_hidden(&h, LONG_MAX, &bytes));
	assert_true(there(".gone.mine"));
	free(id);
}

/* Deeper than there are descriptors, and read only. */
static void deep(void **state)
{
	enum { LEVELS = 3000 };
	char *id = make_run("x"), path[64];
	int fd, next;

	(void)state;
	snprintf(path, sizeof(path), "%s/dir", id);
	fd = openat(h.fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(fd != -1);
	for (int i = 0; i < LEVELS; i++) {
		assert_int_equal(mkdirat(fd, "d", 0700), 0);
		assert_int_equal(mkdirat(fd, "e", 0700), 0);
		next = openat(fd, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		assert_true(next != -1);
		close(fd);
		fd = next;
	}
	assert_int_equal(mkdirat(fd, "ro", 0700), 0);
	assert_int_equal(mkdirat(fd, "ro/x", 0700), 0);
	assert_int_equal(fchmodat(fd, "ro", 0500, 0), 0);
	close(fd);
	remove_run(id, 1);
	free(id);
}

/* So many at a time, until nothing is left. */
static void budget(void **state)
{
	char *id = make_run("x"), name[32];
	int64_t bytes = 0;
	int rounds = 0;

	(void)state;
	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "log/%d", i);
		put(id, name, "1234567890");
	}
	assert_int_equal(sweep_hide(&h, id, NULL), 0);
	while (!sweep_hidden(&h, 30, &bytes))
		assert_true(++rounds < 10);
	assert_true(rounds >= 3);
	assert_int_equal(bytes, 1001);
	free(id);
}

/* While a keeper lives, the run stays. */
static void in_use(void **state)
{
	char *id = make_run("x"), path[64];
	struct why why;
	int fd;

	(void)state;
	put(id, "keeper.0", "");
	snprintf(path, sizeof(path), "%s/keeper.0", id);
	fd = openat(h.fd, path, O_RDWR | O_CLOEXEC);
	assert_true(fd != -1);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	assert_int_equal(sweep_hide(&h, id, &why), -1);
	assert_non_null(strstr(why.text, "still runs"));
	assert_true(there(id));
	close(fd);
	remove_run(id, 1);
	free(id);
}

static void lists(void **state)
{
	struct timespec nap = { 0, 2 * 1000 * 1000 };
	char *id[6], **list;
	size_t n;

	(void)state;
	for (int i = 0; i < 6; i++) {
		id[i] = make_run("x");
		/* sorted by name is sorted by time, to the millisecond */
		nanosleep(&nap, NULL);
	}
	assert_int_equal(mkdirat(h.fd, "0000-mine", 0700), 0);
	put("0000-mine", "state", "x");
	for (size_t keep = 0; keep < 9; keep++)
		for (int too = 0; too < 2; too++) {
			size_t all = too ? 6 : 5;

			list = sweep_list(&h, too != 0, keep, &n);
			assert_int_equal(n, keep < all ? all - keep : 0);
			for (size_t i = 0; i < n; i++)
				assert_string_equal(list[i], id[i]);
			home_runs_free(list, n);
		}
	for (int i = 0; i < 6; i++)
		free(id[i]);
}

static void over(void **state)
{
	static const struct {
		const char *state;
		bool over;
	} c[] = {
		{ "1 T durexec a=b *0\n9 T close state=done *00000000\n",
			true },
		{ "1 T close state=done *00000000\n", true },
		{ "1 T close state=done *0\n2 T set step=a *00000000\n",
			false },
		{ "1 T close state=done *000000", false },
		{ "1 T closed state=done *00000000\n", false },
		{ "1 T set step=close *00000000\n", false },
		{ "", false }, { "\n", false }, { "close\n", false },
	};
	struct buf text = { 0 };
	char *id;

	(void)state;
	for (size_t i = 0; i < sizeof(c) / sizeof(c[0]); i++) {
		id = make_run(c[i].state);
		if (sweep_is_over(&h, id) != c[i].over)
			fail_msg("%s", c[i].state);
		free(id);
	}
	id = make_run(NULL);
	assert_false(sweep_is_over(&h, id));
	free(id);
	/* a long one */
	for (int i = 0; i < 10000; i++)
		buf_printf(&text, "%d T end step=a *00000000\n", i);
	buf_str(&text, "10000 T close state=done *00000000\n");
	id = make_run(text.data);
	assert_true(sweep_is_over(&h, id));
	free(id);
	buf_release(&text);
}

static void age(const char *id, int seconds)
{
	struct timespec t[2] = { { .tv_sec = time(NULL) - seconds } };

	t[1] = t[0];
	assert_int_equal(utimensat(h.fd, id, t, 0), 0);
}

/* What a killed start left. */
static void unfinished(void **state)
{
	static const char *const like[] = { "20200101T000000.000-abcdef",
		"20200101T000000.000-abcde0", "mine" };
	char *young = make_run(NULL), *old = make_run(NULL);
	char *run = make_run("x"), *used = make_run(NULL);

	(void)state;
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(mkdirat(h.fd, like[i], 0700), 0);
	put(used, "log/a.1.out", "x");
	put(like[1], "state", "x");
	age(old, 7200);
	age(run, 7200);
	age(used, 7200);
	age(young, 60);
	for (size_t i = 0; i < 3; i++)
		age(like[i], 7200);
	sweep_hide_unfinished(&h);
	assert_false(there(old));
	assert_false(there(like[0]));
	assert_true(there(young) && there(run) && there(used));
	assert_true(there(like[1]) && there(like[2]));
	free(young);
	free(old);
	free(run);
	free(used);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(removing), T(links), T(deep), T(budget), T(in_use), T(lists),
		T(over), T(unfinished),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
