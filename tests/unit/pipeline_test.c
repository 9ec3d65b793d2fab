/* SPDX-License-Identifier: ISC */
/* What fingerprints have of parameters. That each key has its part in them
 * stands in conf_test.c. */
#include "pipeline.h"

#include "loading.h"
#include "mem.h"

static struct confhash hashes(const char *text, const char *given)
{
	struct pipeline *p = loads_given(text,
		(const char *const[]){ given, NULL });
	int step = pipeline_find(p, "b");
	struct confhash h = {
		.command = pipeline_command_hash(p, step),
		.whole = pipeline_whole_hash(p, step),
	};

	pipeline_free(p);
	return h;
}

/* Do the parameter's values "1" and "2" give step b other fingerprints? Both
 * do, or none; given or by default is the same. */
static bool counts(const char *head, const char *keys)
{
	struct confhash h[4];
	bool other;

	for (int i = 0; i < 4; i++) {
		char *text = mem_printf("[params]\nother = o\nname = %d\n"
			"names = ${name}\n%s[step a]\nrun = x\nforeach = w\n"
			"[step b]\n%s", i == 1 ? 2 : 1, head, keys);

		h[i] = hashes(text, i == 0 ? NULL : i == 1 ? NULL :
			i == 2 ? "name=1" : "name=2");
		free(text);
	}
	assert_true(h[0].command == h[2].command);
	assert_true(h[1].command == h[3].command);
	assert_true(h[0].whole == h[2].whole);
	assert_true(h[1].whole == h[3].whole);
	other = h[0].command != h[1].command;
	assert_int_equal(other, h[0].whole != h[1].whole);
	return other;
}

static void named(void **state)
{
	static const char *const run[] = {
		"run = echo $name\n", "run = $name\n", "run = \"$name\"x\n",
		"run = ${name}\n", "run = x${name:-y}\n", "run = ${name%.*}\n",
		"run = ${#name}\n", "run = ${!name}\n", "run = $$name\n",
		"run = a\n  b $other $PATH ${HOME} $name-c\n",
		"run = x\nresume_run = go $name\n",
		"run = x\nenv.A = ${name}\n", ("run = x\nenv.A = 1\n"
			"env.B = x${name}y\n"),
		"run = x\nworkdir = ${name}\n", "run = x\nstdin = ${name}\n",
		"run = x\ninputs = a *.${name}\n",
		"run = x\nenv_file = ${name}\n",
		"run = x\nunset_env = A${name}\n",
		/* one that holds the other */
		"run = echo $names\n",
	};
	static const char *const head[] = {
		"[pipeline]\nworkdir = ${name}\n",
		"[pipeline]\nenv_file = ${name}\n",
		"[pipeline]\nenv.A = ${name}\n",
		"[pipeline]\nshell = sh ${name}\n",
		"[defaults]\nenv.A = ${name}\n",
		"[defaults]\ninputs = ${name}\n",
		"[preset p]\nresume_run = $name\n[defaults]\npreset = p\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(run) / sizeof(run[0]); i++)
		if (!counts("", run[i]))
			fail_msg("not by %s", run[i]);
	for (size_t i = 0; i < sizeof(head) / sizeof(head[0]); i++)
		if (!counts(head[i], "run = x\n"))
			fail_msg("not by %s", head[i]);
	assert_true(counts("[defaults]\nrun = $name\n", ""));
}

static void not_named(void **state)
{
	static const char *const run[] = {
		"run = x\n", "run = name\n", "run = echo $nam $names_ $Name\n",
		"run = ${nam}e\n", "run = $ name ${ name }\n",
		"run = echo $other ${other}\n", "run = $\n", "run = ${\n",
		/* these are no part of what is executed */
		"run = x\noutputs = ${name}\n", "run = x\nstdout = ${name}\n",
		"run = x\nif = $name\n", "run = x\nverify.a = $name\n",
		"run = x\nrequires = ${name}\n", "run = x\ncheck = $name\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(run) / sizeof(run[0]); i++)
		if (counts("", run[i]))
			fail_msg("by %s", run[i]);
	assert_false(counts("[pipeline]\nname = x${name}\n", "run = x\n"));
	assert_false(counts("[pipeline]\non_exit = $name\n", "run = x\n"));
}

/* Nothing of the environment, so nothing of a secret. */
static void environment(void **state)
{
	static const char text[] = "[params]\na = b\n"
		"[pipeline]\nenv.P = x${KEY}\n"
		"[step b]\nrun = echo $KEY ${KEY} $a\nforeach = ${KEY}\n"
		"env.K = ${KEY}\nsecrets = KEY\nstdin = ${KEY}\n"
		"workdir = ${KEY}\ninputs = ${KEY}\n";
	struct confhash one, two;

	(void)state;
	setenv("KEY", "hunter2", 1);
	one = hashes(text, NULL);
	setenv("KEY", "swordfish", 1);
	two = hashes(text, NULL);
	unsetenv("KEY");
	assert_true(one.command == two.command);
	assert_true(one.whole == two.whole);
}

static void no_such_step(void **state)
{
	struct pipeline *p = loads("[step fetch]\nrun = x\n");
	struct why why;

	(void)state;
	assert_int_equal(pipeline_find(p, "fetch"), 0);
	assert_int_equal(pipeline_find(p, "fecth"), -1);
	assert_int_equal(pipeline_no_such_step(p, "fecth", &why), -1);
	assert_string_equal(why.text, "there is no step fecth; did you mean "
		"fetch?");
	pipeline_free(p);
}

static int setup(void **state)
{
	(void)state;
	clearenv();
	setenv("PATH", "/bin", 1);
	return setenv("HOME", "/home/me", 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(named),
		cmocka_unit_test(not_named),
		cmocka_unit_test(environment),
		cmocka_unit_test(no_such_step),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
