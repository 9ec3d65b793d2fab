/* SPDX-License-Identifier: ISC */
/* Who waits for whom, and what cannot be. */
#include "needs.h"

#include "many.h"

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
		(const char *const[]){ "w=b", NULL });

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
		"5: needs: ${X} is not defined | declare it in [params], or "
		"set it in the environment\n"
		"5: \"b\" needs \"fecth\", and there is no such step | did "
		"you mean \"fetch\"?\n"
		"5: \"b\" needs \"zzz\", and there is no such step\n"
		"5: \"b\" needs itself | take it out of its own needs\n");
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
	/* two that share a step: one */
	complains("[defaults]\nrun = x\n[step t]\nneeds = a\n[step a]\n"
		"needs = b c\n[step b]\nneeds = a\n[step c]\nneeds = t\n",
		"6: these steps wait for each other: a -> b -> a | take one "
		"of these needs out\n");
	/* of a long one the middle is left out */
	complains("[defaults]\nrun = x\n[step a]\nneeds = b\n[step b]\n"
		"needs = c\n[step c]\nneeds = d\n[step d]\nneeds = e\n"
		"[step e]\nneeds = f\n[step f]\nneeds = g\n[step g]\n"
		"needs = h\n[step h]\nneeds = i\n[step i]\nneeds = j\n"
		"[step j]\nneeds = k\n[step k]\nneeds = l\n[step l]\n"
		"needs = a\n",
		"4: these steps wait for each other: a -> b -> c -> d -> e -> "
		"(2 more) -> h -> i -> j -> k -> l -> a | take one of these "
		"needs out\n");
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
	pipeline_free(loads("[defaults]\nrun = x\n[step clean]\nalways = done\n"
		"needs = b\n[step b]\n"));
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
		"\"f\" has always = done and so runs only after all ordinary "
		"steps\n");
}

static double many(int n, const char *head, const char *step,
	size_t complaints)
{
	return many_of(n, head, step, NULL, complaints);
}

static const char *numbered(struct buf *b, const char *first,
	const char *each, int from, int to)
{
	buf_reset(b);
	buf_str(b, first);
	for (int i = from; i < to; i++)
		buf_printf(b, each, i);
	buf_char(b, '\n');
	return b->data;
}

/*
 * Every shape that is quadratic when something is done for each pair of
 * steps, names or mistakes. It then takes hundreds of times as long as the
 * plain file; those that are linear take up to eight times.
 */
static void many_steps(void **state)
{
	double most = 20 * many(STEPS, "", "run = x%1$d%2$d%3$d\n", 0);

	(void)state;
	assert_true(many(STEPS, "[defaults]\nneeds =\n",
		"run = x%1$d%2$d%3$d\n", 0) < most);
	assert_true(many(STEPS, "[step s]\nrun = x\n",
		"run = x%1$d%2$d%3$d\nneeds = s\n", 0) < most);
	/* one cycle through all of them */
	assert_true(many(STEPS, "", "run = x%1$d%2$d\nneeds = s%3$d\n",
		1) < most);
	/* mistakes everywhere, all near the name of a step */
	assert_true(many(STEPS, "", "run = x%1$d%2$d%3$d\nneeds = t%1$d\n",
		STEPS) < most);
	assert_true(many(STEPS, "", "run = x%1$d%2$d%3$d\nrunn = x\n"
		"run = y\n", 2 * STEPS) < most);
	assert_true(many(STEPS, "", "run = x%1$d%2$d%3$d\nstdout = "
		"${DUREXEC_OUT_t%1$d} ${X%1$d}\n", 2 * STEPS) < most);
}

static void long_lists(void **state)
{
	double most = 20 * many(STEPS, "", "run = x%1$d%2$d%3$d\n", 0);
	struct buf head = { 0 };
	char *more;

	(void)state;
	numbered(&head, "[params]\n", "param%d = x\n", 0, STEPS / 5);
	assert_true(many(STEPS, head.data,
		"run = x%2$d%3$d\nstdout = ${prm%1$d}\n", STEPS) < most);
	/* a list for all, read from by all of them */
	numbered(&head, "[defaults]\nstdin = step:s0\nneeds =", " s%d", 0,
		STEPS);
	assert_true(many(2 * STEPS, head.data, "run = x%1$d%2$d%3$d\n",
		STEPS) < most);
	/* the same below those that have it */
	numbered(&head, "[defaults]\nneeds =", " s%d", STEPS, 2 * STEPS);
	assert_true(many(2 * STEPS, head.data, "run = x%1$d%2$d%3$d\n",
		0) < most);
	/* one that reads from each of the many it needs */
	numbered(&head, "[step z]\nrun = x\nneeds =", " s%d", 0, STEPS);
	buf_str(&head, "outputs =");
	more = buf_steal(&head);
	numbered(&head, more, " ${DUREXEC_OUT_s%d}", 0, STEPS);
	free(more);
	assert_true(many(STEPS, head.data, "run = x%1$d%2$d%3$d\nneeds =\n",
		0) < most);
	/* a step's variables */
	numbered(&head, "[step env]\nrun = x\n", "env.A%1$d = ${A%1$d}\n", 0,
		STEPS);
	assert_true(many(STEPS, head.data, "run = x%1$d%2$d%3$d\n",
		0) < most);
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
		cmocka_unit_test(long_lists),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
