/* SPDX-License-Identifier: ISC */
/* Who waits for whom, and what cannot be. */
#include "needs.h"

#include <time.h>

#include "loading.h"
#include "mem.h"

static void expect_needs(const struct pipeline *p, const char *step,
	const char *expected)
{
	const struct step *s = &p->step[pipeline_find(p, step)];
	struct buf b = { 0 };

	buf_str(&b, s->needs_all ? "all" : "");
	for (int i = 0; i < s->nneeds; i++)
		buf_printf(&b, "%s%s", i > 0 ? " " : "",
			p->step[s->needs[i]].name);
	assert_string_equal(b.data, expected);
	buf_release(&b);
}

static void lists(void **state)
{
	struct pipeline *p = loads_given("[params]\nw = a\n"
		"[step a]\nrun = x\n"
		"[step b]\nrun = x\nneeds =\n"
		"[step c]\nrun = x\nneeds = b, a b\n    a\n"
		"[step d]\nrun = x\nneeds = ${w} e\n"
		"[step e]\nrun = x\nneeds = c\n",
		(char *const[]){ "w=b", NULL });

	(void)state;
	expect_needs(p, "a", "all");
	expect_needs(p, "b", "");
	expect_needs(p, "c", "b a");
	expect_needs(p, "d", "b e");	/* below is fine */
	expect_needs(p, "e", "c");
	pipeline_free(p);
}

static void of_defaults(void **state)
{
	struct pipeline *p = loads("[step a]\nrun = x\n[defaults]\nneeds =\n"
		"run = x\n[step b]\n[step c]\nneeds = a\n");

	(void)state;
	expect_needs(p, "a", "");
	expect_needs(p, "b", "");
	expect_needs(p, "c", "a");
	pipeline_free(p);

	/* what all wait for waits for nothing itself */
	p = loads("[defaults]\nneeds = s1 s2\nrun = x\n[step a]\n[step s1]\n"
		"[step s2]\nneeds = s1\n[step b]\n[step c]\nneeds = a\n");
	expect_needs(p, "a", "s1 s2");
	expect_needs(p, "s1", "");
	expect_needs(p, "s2", "s1");
	expect_needs(p, "b", "s1 s2");
	expect_needs(p, "c", "a");
	assert_ptr_equal(p->step[0].needs, p->step[3].needs);
	pipeline_free(p);
}

static void unknown(void **state)
{
	(void)state;
	complains("[step fetch]\nrun = x\n[step b]\nrun = x\n"
		"needs = fecth zzz b ${X} fetch\n",
		"5: \"b\" needs \"fecth\", and there is no such step | did "
		"you mean \"fetch\"?\n"
		"5: \"b\" needs \"zzz\", and there is no such step\n"
		"5: \"b\" needs itself | take it out of its own needs\n"
		"5: needs: ${X} is not defined | declare it in [params], or "
		"set it in the environment\n");
	complains("[defaults]\nneeds = stepup\n[step setup]\nrun = x\n"
		"[step b]\nrun = x\n",
		"2: \"[defaults]\" needs \"stepup\", and there is no such "
		"step | did you mean \"setup\"?\n");
}

static void cycles(void **state)
{
	(void)state;
	complains("[step a]\nrun = x\nneeds = c\n[step b]\nrun = x\n"
		"needs = a\n[step c]\nrun = x\nneeds = b\n[step d]\nrun = x\n",
		"3: these steps wait for each other: a -> c -> b -> a | take "
		"one of these needs out\n");
	/* through "every step above" */
	complains("[step a]\nrun = x\nneeds = d\n[step b]\nrun = x\n"
		"[step c]\nrun = x\n[step d]\nrun = x\n",
		"3: these steps wait for each other: a -> d -> a | \"d\" has "
		"no needs, so it waits for every step above it; say what it "
		"needs, or nothing: \"needs =\"\n");
	complains("[step a]\nrun = x\nneeds =\n[step b]\nrun = x\nneeds = d\n"
		"[step c]\nrun = x\n[step d]\nrun = x\nneeds = c\n",
		"6: these steps wait for each other: b -> d -> c -> b | \"c\" "
		"has no needs, so it waits for every step above it; say what "
		"it needs, or nothing: \"needs =\"\n");
	/* two that have nothing to do with each other: two complaints */
	complains("[defaults]\nrun = x\n[step a]\nneeds = b\n[step b]\n"
		"needs = a\n[step c]\nneeds = d\n[step d]\nneeds = c\n",
		"4: these steps wait for each other: a -> b -> a | take one "
		"of these needs out\n"
		"8: these steps wait for each other: c -> d -> c | take one "
		"of these needs out\n");
	/* through the list of [defaults] */
	complains("[defaults]\nrun = x\nneeds = s\n[step a]\n[step s]\n"
		"needs = a\n",
		"3: these steps wait for each other: a -> s -> a | take one "
		"of these needs out\n");
}

static void no_cycles(void **state)
{
	(void)state;
	/* a diamond, and much that points down */
	pipeline_free(loads("[defaults]\nrun = x\n[step z]\nneeds = b c\n"
		"[step b]\nneeds = a\n[step c]\nneeds = a\n[step a]\n"
		"needs =\n[step last]\n"));
	/* an always step needs all above, and nobody needs it */
	pipeline_free(loads("[defaults]\nrun = x\n[step clean]\nalways = done\n"
		"[step a]\nneeds = b\n[step b]\nneeds =\n"));
}

/* An independent look for cycles, on all graphs of four steps with at most
 * two needs each, where needs may be absent: each cyclic one is refused. */
static bool reaches(const int needs[4][2], int from, int to, int depth)
{
	if (depth > 4)
		return false;
	for (int i = 0; i < 4; i++) {
		bool edge = needs[from][0] == -2 ? i < from :
			needs[from][0] == i || needs[from][1] == i;

		if (edge && (i == to || reaches(needs, i, to, depth + 1)))
			return true;
	}
	return false;
}

static void all_small_graphs(void **state)
{
	int cyclic = 0, fine = 0;

	(void)state;
	/* per step: -2 every step above; else two of -1 (none), 0..3 */
	for (int code = 0; code < 14 * 14 * 14 * 14; code++) {
		static const int choice[14][2] = {
			{ -2, -1 }, { -1, -1 }, { 0, -1 }, { 1, -1 },
			{ 2, -1 }, { 3, -1 }, { 0, 1 }, { 0, 2 }, { 0, 3 },
			{ 1, 2 }, { 1, 3 }, { 2, 3 }, { 1, 0 }, { 3, 0 },
		};
		int needs[4][2];
		struct buf text = { 0 };
		struct complaints c = { 0 };
		struct pipeline *p;
		bool self = false, cycle = false, told = false;

		for (int i = 0, rest = code; i < 4; i++, rest /= 14) {
			needs[i][0] = choice[rest % 14][0];
			needs[i][1] = choice[rest % 14][1];
			self = self || needs[i][0] == i || needs[i][1] == i;
			buf_printf(&text, "[step s%d]\nrun = x\n", i);
			if (needs[i][0] == -2)
				continue;
			buf_str(&text, "needs =");
			for (int k = 0; k < 2; k++)
				if (needs[i][k] >= 0)
					buf_printf(&text, " s%d", needs[i][k]);
			buf_char(&text, '\n');
		}
		/* the others are covered by `unknown` */
		if (self) {
			buf_release(&text);
			continue;
		}
		for (int i = 0; i < 4; i++)
			cycle = cycle || reaches(needs, i, i, 0);
		p = pipeline_load_text("x.ini", text.data, text.len, NULL, 0,
			&c);
		for (size_t i = 0; i < c.n; i++)
			told = told || strstr(c.v[i].message,
				"wait for each other") != NULL;
		assert_int_equal(told, cycle);
		assert_int_equal(p == NULL, cycle);
		cyclic += cycle;
		fine += !cycle;
		complaints_release(&c);
		pipeline_free(p);
		buf_release(&text);
	}
	assert_true(cyclic > 1000 && fine > 1000);
}

static void always(void **state)
{
	(void)state;
	complains("[defaults]\nrun = x\n[step a]\n[step clean]\nalways = done\n"
		"[step b]\nneeds = clean a\n[step c]\nneeds = clean\n"
		"always = review\n",
		"7: \"b\" needs \"clean\", which has always = done and so "
		"runs only after all ordinary steps | take \"clean\" out of "
		"these needs, or take its always away\n");
	complains("[defaults]\nrun = x\nneeds = clean\n[step a]\n"
		"[step clean]\nalways = review\n",
		"3: \"[defaults]\" needs \"clean\", which has always = review "
		"and so runs only after all ordinary steps | take \"clean\" "
		"out of these needs, or take its always away\n");
}

static void standard_input(void **state)
{
	struct pipeline *p = loads("[defaults]\nrun = x\n[step a]\n"
		"[step b]\nstdin = step:a\n[step c]\nneeds = a b\n"
		"stdin = step:a\n");

	(void)state;
	assert_string_equal(p->step[1].conf->stdin_from, "step:a");
	pipeline_free(p);
	pipeline_free(loads("[defaults]\nrun = x\nneeds = a\n[step a]\n"
		"[step b]\nstdin = step:a\n"));
	complains("[defaults]\nrun = x\n[step a]\nstdin = step:b\n[step b]\n"
		"needs =\nstdin = step:a\n[step c]\nstdin = step:bb\n"
		"[step d]\nstdin = step:d\n[step e]\nstdin = step:\n"
		"[step f]\nalways = done\n[step g]\nstdin = step:f\n",
		"4: \"a\" reads what \"b\" wrote, but does not wait for it | "
		"put [step b] above it\n"
		"7: \"b\" reads what \"a\" wrote, but does not wait for it | "
		"add \"a\" to its needs\n"
		"9: stdin = step:bb: there is no such step | did you mean "
		"\"b\"?\n"
		"11: \"d\" reads what \"d\" wrote, but does not wait for it | "
		"put [step d] above it\n"
		"13: stdin = step:: there is no such step\n"
		"17: \"g\" reads what \"f\" wrote, but does not wait for it | "
		"put [step f] above it\n");
}

/*
 * 100,000 steps in each shape that would be quadratic if something were done
 * for each pair. A quadratic one takes minutes; the limit is for sanitizers
 * on a slow machine.
 */
static void many(const char *head, const char *step, size_t complaints)
{
	enum { STEPS = 100000 };
	struct buf text = { 0 };
	struct complaints c = { 0 };
	struct pipeline *p;
	struct timespec from, to;

	buf_str(&text, head);
	for (int i = 0; i < STEPS; i++) {
		buf_printf(&text, "[step s%d]\n", i);
		/* %1$d: this one, %2$d: the one above, %3$d: the next */
		buf_printf(&text, step, i, i > 0 ? i - 1 : 0,
			(i + 1) % STEPS);
	}
	clock_gettime(CLOCK_MONOTONIC, &from);
	p = pipeline_load_text("x.ini", text.data, text.len, NULL, 0, &c);
	clock_gettime(CLOCK_MONOTONIC, &to);
	assert_true(to.tv_sec - from.tv_sec < 10);
	assert_int_equal(c.n, complaints);
	assert_int_equal(p == NULL, complaints > 0);
	complaints_release(&c);
	pipeline_free(p);
	buf_release(&text);
}

static void many_steps(void **state)
{
	struct buf head = { 0 };

	(void)state;
	many("[step first]\nrun = x\n", "run = x%1$d%2$d%3$d\n", 0);
	many("[defaults]\nneeds =\n", "run = x%1$d%2$d%3$d\n", 0);
	many("[step s]\nrun = x\n", "run = x%1$d%2$d%3$d\nneeds = s\n", 0);
	/* one cycle through all of them */
	many("", "run = x%1$d%2$d\nneeds = s%3$d\n", 1);
	/* mistakes everywhere, all near the name of a step */
	many("", "run = x%1$d%2$d%3$d\nneeds = t%1$d\n", 100000);
	many("", "run = x%1$d%2$d%3$d\nrunn = x\nrun = y\n", 200000);
	many("", "run = x%1$d%2$d%3$d\nstdout = ${DUREXEC_OUT_t%1$d} "
		"${X%1$d}\n", 200000);
	/* a long list for all, cleared of itself, read from by all */
	buf_str(&head, "[defaults]\nstdin = step:s0\nneeds =");
	for (int i = 0; i < 50000; i++)
		buf_printf(&head, " s%d", i);
	buf_str(&head, "\n");
	many(head.data, "run = x%1$d%2$d%3$d\n", 50000);
	buf_release(&head);
	/* variables of a step by the thousand */
	buf_str(&head, "[step env]\nrun = x\n");
	for (int i = 0; i < 100000; i++)
		buf_printf(&head, "env.A%d = ${A%d}\n", i, i);
	many(head.data, "run = x%1$d%2$d%3$d\n", 0);
	buf_release(&head);
}

static int setup(void **state)
{
	(void)state;
	return clearenv();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists),
		cmocka_unit_test(of_defaults),
		cmocka_unit_test(unknown),
		cmocka_unit_test(cycles),
		cmocka_unit_test(no_cycles),
		cmocka_unit_test(all_small_graphs),
		cmocka_unit_test(always),
		cmocka_unit_test(standard_input),
		cmocka_unit_test(many_steps),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
