/* SPDX-License-Identifier: ISC */
#include "secrets.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "loading.h"
#include "safe.h"
#include "scratch.h"
#include "verdict.h"

static struct scratch dir;

/* What becomes of the text. */
static void becomes(const char *text, const char *expected)
{
	struct buf b = { 0 };

	buf_str(&b, text);
	mask_text(safe_secrets(), &b);
	assert_string_equal(b.data, expected);
	buf_release(&b);
}

/* A pipeline whose text has the scratch directory for each "@". */
static struct pipeline *of(const char *text)
{
	struct buf b = { 0 };
	struct pipeline *p;

	for (; *text != '\0'; text++)
		if (*text == '@')
			buf_str(&b, dir.path);
		else
			buf_char(&b, *text);
	p = loads(b.data);
	buf_release(&b);
	return p;
}

static void put(const char *name, const char *text)
{
	scratch_put(&dir, name, text, strlen(text));
}

static int before(void **state)
{
	(void)state;
	scratch_init(&dir);
	assert_int_equal(setenv("KEY", "from-environment", 1), 0);
	assert_int_equal(setenv("OTHER", "no-secret", 1), 0);
	assert_int_equal(setenv("WHICH", "own", 1), 0);
	assert_int_equal(unsetenv("PASS"), 0);
	return 0;
}

static int after(void **state)
{
	(void)state;
	mask_release(safe_secrets());
	scratch_release(&dir);
	return 0;
}

static void environment(void **state)
{
	struct pipeline *p = of("[defaults]\nrun = x\n[step a]\n[step b]\n"
		"secrets = KEY, PASS\n[step c]\nsecrets = NONE\n");
	struct buf unknown = { 0 };

	(void)state;
	secrets_read(p, &unknown);
	assert_string_equal(unknown.data, "PASS NONE");
	buf_release(&unknown);
	becomes("from-environment no-secret", "*** no-secret");
	pipeline_free(p);
}

static void nothing_to_hide(void **state)
{
	struct pipeline *p = of("[step a]\nrun = x\nenv_file = @/none\n");

	(void)state;
	secrets_read(p, NULL);
	assert_true(mask_empty(safe_secrets()));
	pipeline_free(p);
}

/* Of the pipeline, of steps; quoted; one that is not there and one that is no
 * such file are no harm to the others; of items. */
static void env_files(void **state)
{
	struct buf unknown = { 0 };
	struct pipeline *p;

	(void)state;
	put("all", "KEY=of-the-pipeline\nOTHER=plain-one\n");
	put("own", "export KEY='of the step'\nPASS=\"pass word\"\n");
	put("bad", "KEY=of-the-bad\nnonsense\n");
	put("item1.env", "KEY=of-item-1\n");
	put("item2.env", "KEY=of-item-2\nPASS=\n");
	put("[1].env", "KEY=of-a-bracket\n");
	p = of("[pipeline]\nenv_file = @/all\n[params]\nby = em\n"
		"[defaults]\nrun = x\n"
		"[step a]\nsecrets = KEY PASS\n"
		"[step b]\nenv_file = @/none\nsecrets = KEY\n"
		"[step c]\nenv_file = @/bad\n"
		"[step d]\nforeach = 1 2\nenv_file = @/it${by}${ITEM}.env\n"
		"[step e]\nneeds = d\nforeach = step:d\n"
		"env_file = @/${WHICH}\nenv.X = ${ITEM}\n"
		"[step f]\nenv_file = @/[1].env\n");
	secrets_read(p, &unknown);
	assert_int_equal(unknown.len, 0);
	becomes("of-the-pipeline, of the step, of-the-bad, plain-one, "
		"pass word, from-environment, of-item-1, of-item-2, "
		"of-a-bracket, of-item-3",
		"***, ***, ***, plain-one, ***, ***, ***, ***, ***, "
		"of-item-3");
	pipeline_free(p);
}

/* As an attempt finds them, when they have changed since. */
static void changed(void **state)
{
	struct pipeline *p = of("[defaults]\nrun = x\nenv_file = @/later\n"
		"[step a]\nsecrets = KEY\n[step b]\n");
	struct env e;

	(void)state;
	secrets_read(p, NULL);
	put("later", "KEY=refreshed\nOTHER=x\n");
	becomes("refreshed from-environment", "refreshed ***");
	env_init(&e, p, NULL, NULL);
	assert_int_equal(env_build(&e, 1, -1, 0, NULL), 0);
	secrets_learn(&e, 1);
	becomes("refreshed", "refreshed");
	assert_int_equal(env_build(&e, 0, -1, 0, NULL), 0);
	secrets_learn(&e, 0);
	becomes("refreshed from-environment x", "*** *** x");
	env_release(&e);
	pipeline_free(p);
}

/* Sentences are hidden in before they are cut. */
static void sentences(void **state)
{
	struct verdict v = verdict_of(TASK_NEEDS_REVIEW);
	struct why why;
	char dots[300];

	(void)state;
	mask_add(safe_secrets(), "0123456789", 10);
	memset(dots, '.', sizeof(dots) - 1);
	dots[250] = '\0';
	verdict_say(&v, "%s%s", dots, "0123456789");
	assert_int_equal(strlen(v.reason), 253);
	assert_string_equal(v.reason + 249, ".***");
	(void)why_set(&why, "%s%s%s%s%s0123456789", dots, dots, dots, dots,
		dots + 232);
	assert_int_equal(strlen(why.text), 1021);
	assert_string_equal(why.text + 1017, ".***");
	errno = ENOENT;
	assert_int_equal(why_sys(&why, "0123456789"), -1);
	assert_int_equal(why.err, ENOENT);
	assert_string_equal(why.text, "***: No such file or directory");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(nothing_to_hide, before, after),
		cmocka_unit_test_setup_teardown(environment, before, after),
		cmocka_unit_test_setup_teardown(env_files, before, after),
		cmocka_unit_test_setup_teardown(changed, before, after),
		cmocka_unit_test_setup_teardown(sentences, before, after),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
