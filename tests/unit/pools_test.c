/* SPDX-License-Identifier: ISC */
/* [pool NAME], and the steps that use them. */
#include "pools.h"

#include "loading.h"
#include "mem.h"

static void expect_slots(const struct pool *pool, const char *expected)
{
	struct buf said = { 0 };

	buf_str(&said, "");
	for (int i = 0; i < pool->nslots; i++)
		buf_printf(&said, "%s ", pool->slot[i]);
	assert_string_equal(said.data, expected);
	buf_release(&said);
}

static void every_key(void **state)
{
	struct pipeline *p = loads_given("[params]\nn = 1\n"
		"[pool one]\n"
		"[pool three]\nslots = 3\nmin_interval = 250ms\n"
		"[pool named]\nslots = 0 1\nscope = machine\n"
		"[pool other]\nslots =\n  gpu-1.x, b_2\n  7\nscope = run\n"
		"[pool given]\nslots = ${n}\n"
		"[pool single]\nslots = gpu${n}\n"
		"[step a]\nrun = x\npool = named\n"
		"[step b]\nrun = x\npool = gi${ENDING}\n"
		"[step c]\nrun = x\n",
		(const char *const[]){ "n=4", NULL });

	(void)state;
	assert_int_equal(p->npools, 6);
	assert_string_equal(p->pool[0].name, "one");
	assert_int_equal(p->pool[0].line, 3);
	assert_int_equal(p->pool[0].min_interval_ms, 0);
	assert_false(p->pool[0].machine);
	expect_slots(&p->pool[0], "0 ");
	expect_slots(&p->pool[1], "0 1 2 ");
	assert_int_equal(p->pool[1].min_interval_ms, 250);
	expect_slots(&p->pool[2], "0 1 ");
	assert_true(p->pool[2].machine);
	expect_slots(&p->pool[3], "gpu-1.x b_2 7 ");
	assert_false(p->pool[3].machine);
	expect_slots(&p->pool[4], "0 1 2 3 ");
	expect_slots(&p->pool[5], "gpu4 ");
	assert_int_equal(p->step[0].conf->pool, 2);
	assert_int_equal(p->step[1].conf->pool, 4);
	assert_int_equal(p->step[2].conf->pool, -1);
	pipeline_free(p);
}

static void of_defaults(void **state)
{
	struct pipeline *p = loads("[defaults]\nrun = x\npool = net\n"
		"[step a]\n[step b]\npool =\n[step c]\npool = gpu\n"
		"[pool gpu]\n[pool net]\nslots = 1000\n");

	(void)state;
	assert_int_equal(p->step[0].conf->pool, 1);
	assert_int_equal(p->step[1].conf->pool, -1);
	assert_int_equal(p->step[2].conf->pool, 0);
	assert_int_equal(p->pool[1].nslots, 1000);
	assert_string_equal(p->pool[1].slot[9], "9");
	assert_string_equal(p->pool[1].slot[10], "10");
	assert_string_equal(p->pool[1].slot[999], "999");
	pipeline_free(p);
}

static void bad_values(void **state)
{
	(void)state;
	complains("[pool a]\nslots = 0\nmin_interval = x\nscope = world\n"
		"[pool b]\nslots = 1001\n"
		"[pool c]\nslots =\nscope =\n"
		"[pool d]\nslots = a b/c a\n"
		"[pool e]\nslots = 99999999999999999999\n"
		"[pool f]\nslots = -1\nslot = 1\n"
		"[pool g]\nslots = ${X}\n"
		"[pool a]\n[pool x y]\n[pool]\n"
		"[step s]\nrun = x\npool = b\n",
		"2: slots = 0: expected a count from 1 to 1000\n"
		"3: min_interval = x: expected a duration such as 90s, 250ms, "
		"1h30m or 2d\n"
		"4: scope = world: expected run or machine\n"
		"6: slots = 1001: expected a count from 1 to 1000\n"
		"8: slots is empty: expected a count such as 2, or the names "
		"of at most 1000 slots\n"
		"9: scope is empty: expected run or machine\n"
		"11: slots = b/c: expected a count from 1 to 1000, or names "
		"of letters, digits, \"_\", \".\" and \"-\"\n"
		"11: slots = a: each slot has a name of its own, and this one "
		"is there twice\n"
		"13: slots = 99999999999999999999: expected a count from 1 to "
		"1000\n"
		"15: slots = -1: expected a count from 1 to 1000, or names "
		"of letters, digits, \"_\", \".\" and \"-\"\n"
		"16: \"slot\" is no key of [pool NAME] | did you mean "
		"\"slots\"?\n"
		"18: slots: ${X} is not defined | declare it in [params], or "
		"set it in the environment\n"
		"19: there are two pools \"a\" | the first one is in line 1; "
		"give this one another name\n"
		"20: \"x y\" is no name for a pool: it may have letters, "
		"digits, \"_\", \".\" and \"-\" | [pool x_y]\n"
		"21: this pool has no name | [pool NAME]\n");
}

/* What all pipelines share lies in one directory, as POOL.SLOT. */
static void machine_names(void **state)
{
	(void)state;
	complains("[pool a]\nscope = machine\nslots = x.y pool ok\n"
		"[pool b]\nslots = x.y pool\n[step s]\nrun = x\n",
		"3: slots = x.y: with scope = machine no slot has a \".\" in "
		"its name or is called \"pool\"\n"
		"3: slots = pool: with scope = machine no slot has a \".\" in "
		"its name or is called \"pool\"\n");
}

static void unknown(void **state)
{
	(void)state;
	complains("[pool graphics]\n[step a]\nrun = x\npool = grafics\n"
		"[step b]\nrun = x\npool = no_such_pool_anywhere\n",
		"4: pool = grafics: there is no such pool | did you mean "
		"\"graphics\"?\n"
		"7: pool = no_such_pool_anywhere: there is no such pool | "
		"write [pool no_such_pool_anywhere], and below it slots = "
		"COUNT\n");
}

static void too_many_names(void **state)
{
	struct buf text = { 0 };

	(void)state;
	buf_str(&text, "[pool a]\nslots =");
	for (int i = 0; i < 1000; i++)
		buf_printf(&text, " s%d", i);
	buf_str(&text, "\n[step s]\nrun = x\n");
	pipeline_free(loads(text.data));
	buf_reset(&text);
	buf_str(&text, "[pool a]\nslots =");
	for (int i = 0; i < 1001; i++)
		buf_printf(&text, " s%d", i);
	buf_str(&text, "\n[step s]\nrun = x\n");
	complains(text.data, "2: slots = s0: expected a count such as 2, or "
		"the names of at most 1000 slots\n");
	buf_release(&text);
}

static int setup(void **state)
{
	(void)state;
	clearenv();
	setenv("ENDING", "ven", 1);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_key),
		cmocka_unit_test(of_defaults),
		cmocka_unit_test(bad_values),
		cmocka_unit_test(machine_names),
		cmocka_unit_test(unknown),
		cmocka_unit_test(too_many_names),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
