/* SPDX-License-Identifier: ISC */
#include "settle.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "clock.h"
#include "scratch.h"

static struct scratch dir;
static int home, quiet;

/* In the scratch directory, with stderr in the file "said". */
static int setup(void **state)
{
	int fd;

	(void)state;
	scratch_init(&dir);
	home = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(fchdir(dir.fd), 0);
	quiet = fcntl(2, F_DUPFD_CLOEXEC, 3);
	fd = open("said", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	assert_true(quiet != -1 && dup2(fd, 2) == 2);
	close(fd);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	assert_int_equal(dup2(quiet, 2), 2);
	close(quiet);
	assert_int_equal(fchdir(home), 0);
	close(home);
	scratch_release(&dir);
	return 0;
}

/* settle with its words; since 0: any time. */
#define SETTLE(...) settle((const char *const[]){ __VA_ARGS__, NULL })
static int settle(const char *const *word)
{
	char *argv[16];
	int n = 0, ret;

	for (; word[n] != NULL; n++)
		argv[n] = strdup(word[n]);
	argv[n] = NULL;
	ret = settle_main(n, argv);
	while (n > 0)
		free(argv[--n]);
	return ret;
}

static void said(const char *text)
{
	struct buf out = { 0 };

	scratch_get(&dir, "said", &out);
	if (strstr(out.data, text) == NULL)
		fail_msg("not said: %s; but: %s", text, out.data);
	buf_release(&out);
	assert_int_equal(truncate("said", 0), 0);
}

static void outputs(void **state)
{
	(void)state;
	scratch_put(&dir, "full", "x", 1);
	scratch_put(&dir, "empty", "", 0);
	scratch_put(&dir, "with space", "x", 1);
	assert_int_equal(SETTLE("0", "1", "", ""), 0);
	assert_int_equal(SETTLE("0", "1", "", "", "full"), 0);
	assert_int_equal(SETTLE("0", "1", "", "", "full", "with space"), 0);
	assert_int_equal(SETTLE("0", "1", "", "", "none"), 1);
	said("output none: No such file");
	assert_int_equal(SETTLE("0", "1", "", "", "full", "none"), 1);
	assert_int_equal(SETTLE("0", "1", "", "", "none", "full"), 1);
	assert_int_equal(SETTLE("0", "1", "", "", "empty"), 1);
	said("output empty is empty");
	/* a directory counts as it is */
	assert_int_equal(mkdir("d", 0700), 0);
	assert_int_equal(SETTLE("0", "1", "", "", "d"), 0);
	assert_int_equal(symlink("nowhere", "dangling"), 0);
	assert_int_equal(SETTLE("0", "1", "", "", "dangling"), 1);
	assert_int_equal(SETTLE("0", "1", ""), 2);
}

static void globs(void **state)
{
	(void)state;
	assert_int_equal(SETTLE("0", "1", "", "", "*.png"), 1);
	said("output *.png: no such file");
	scratch_put(&dir, "a.png", "x", 1);
	scratch_put(&dir, "b.png", "x", 1);
	assert_int_equal(SETTLE("0", "1", "", "", "*.png", "[ab].png"), 0);
	/* every match has to be well */
	scratch_put(&dir, "c.png", "", 0);
	assert_int_equal(SETTLE("0", "1", "", "", "*.png"), 1);
	said("c.png is empty");
	scratch_put(&dir, "b.png", "", 0);
	scratch_put(&dir, "c.png", "x", 1);
	assert_int_equal(SETTLE("0", "1", "", "", "*.png"), 1);
	said("b.png is empty");
	/* a file that is really called so */
	scratch_put(&dir, "x[1].txt", "x", 1);
	assert_int_equal(SETTLE("0", "1", "", "", "x[1].txt"), 0);
}

static void freshness(void **state)
{
	char now[32];

	(void)state;
	scratch_put(&dir, "old", "x", 1);
	snprintf(now, sizeof(now), "%lld", (long long)clock_wall() + 5000);
	assert_int_equal(SETTLE(now, "1", "", "", "old"), 1);
	said("before the step began");
	assert_int_equal(SETTLE(now, "0", "", "", "old"), 0);
	/* another day: not only the time of day */
	snprintf(now, sizeof(now), "%lld", (long long)clock_wall() +
		30 * 86400000ll);
	assert_int_equal(SETTLE(now, "1", "", "", "old"), 1);
	clock_local(clock_wall() + 30 * 86400000ll, now);
	said(now);
	/* made in the very tick in which the step began */
	snprintf(now, sizeof(now), "%lld", (long long)clock_wall());
	scratch_put(&dir, "new", "x", 1);
	assert_int_equal(SETTLE(now, "1", "", "", "new"), 0);
}

static void placing(void **state)
{
	struct buf out = { 0 };
	struct stat st;

	(void)state;
	scratch_put(&dir, "log", "what it said\n", 13);
	assert_int_equal(SETTLE("0", "1", "log", "to"), 0);
	scratch_get(&dir, "to", &out);
	assert_string_equal(out.data, "what it said\n");
	/* over what was there; a leftover of a killed one is no hindrance */
	scratch_put(&dir, "log", "more\n", 5);
	scratch_put(&dir, "to.durexec-new", "leftover", 8);
	assert_int_equal(SETTLE("0", "1", "log", "to"), 0);
	scratch_get(&dir, "to", &out);
	assert_string_equal(out.data, "more\n");
	assert_false(scratch_has(&dir, "to.durexec-new"));
	/* nothing was said */
	assert_int_equal(SETTLE("0", "1", "", "nothing"), 0);
	assert_int_equal(stat("nothing", &st), 0);
	assert_int_equal(st.st_size, 0);
	assert_int_equal(SETTLE("0", "1", "log", "none/to"), 2);
	said("stdout = none/to: No such file");
	assert_int_equal(SETTLE("0", "1", "none", "new"), 2);
	assert_false(scratch_has(&dir, "new"));
	/* onto a directory: refused, and nothing is left behind */
	assert_int_equal(mkdir("d", 0700), 0);
	assert_int_equal(SETTLE("0", "1", "log", "d"), 2);
	assert_false(scratch_has(&dir, "d.durexec-new"));
	buf_release(&out);
}

/* stdout is an output as well: looked at when it is in its place; and it is
 * not placed when another one is missing. */
static void placed_output(void **state)
{
	(void)state;
	scratch_put(&dir, "log", "x\n", 2);
	assert_int_equal(SETTLE("0", "1", "log", "to", "to"), 0);
	assert_int_equal(unlink("to"), 0);
	assert_int_equal(SETTLE("0", "1", "log", "to", "to", "none"), 1);
	assert_false(scratch_has(&dir, "to"));
	assert_int_equal(SETTLE("0", "1", "", "to", "to"), 1);
	said("output to is empty");
}

/* In two parts, with gates between them: the outputs, then the placing. */
static void two_parts(void **state)
{
	char soon[32];
	struct buf out = { 0 };

	(void)state;
	scratch_put(&dir, "log", "x\n", 2);
	scratch_put(&dir, "full", "x", 1);
	snprintf(soon, sizeof(soon), "%lld", (long long)clock_wall() + 60000);
	assert_int_equal(SETTLE("0", "1", "", "", "full"), 0);
	assert_false(scratch_has(&dir, "to"));
	/* no pattern: how old anything is does not matter any more */
	assert_int_equal(SETTLE(soon, "1", "log", "to"), 0);
	scratch_get(&dir, "to", &out);
	assert_string_equal(out.data, "x\n");
	/* what is to be placed may be an output as well */
	assert_int_equal(SETTLE(soon, "1", "log", "to", "to"), 0);
	assert_int_equal(SETTLE(soon, "1", "", "to"), 0);
	assert_int_equal(SETTLE(soon, "1", "", "to", "to"), 1);
	said("output to is empty");
	/* asked again: the same */
	assert_int_equal(SETTLE(soon, "1", "log", "to", "to"), 0);
	scratch_get(&dir, "to", &out);
	assert_string_equal(out.data, "x\n");
	/* a value that is empty is no file, and no reason to be content */
	assert_int_equal(SETTLE("0", "1", "", "", ""), 1);
	buf_release(&out);
}

/* The last line is the reason that people see. */
static void last_line(void **state)
{
	struct buf out = { 0 };

	(void)state;
	assert_int_equal(SETTLE("0", "1", "", "", "b", "a"), 1);
	scratch_get(&dir, "said", &out);
	assert_string_equal(out.data, "output b: No such file or directory\n"
		"output a: No such file or directory\n");
	buf_release(&out);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(outputs), T(globs), T(freshness), T(placing),
		T(placed_output), T(two_parts), T(last_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
