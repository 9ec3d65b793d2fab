/* SPDX-License-Identifier: ISC */
#include "plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <stdio.h>
#include <time.h>

#include "loading.h"

#define S(name) "[step " name "]\nrun = x\n"
#define N(name, needs) S(name) "needs = " needs "\n"
#define ALWAYS(name, when) S(name) "always = " when "\n"
#define ALLOW "allow_failure = yes\n"

/*
 * A case is a pipeline and what happens to it, in words, separated by ";":
 *
 *	> a b		these may start now, in this order; they run from here
 *	a done		so ended a (done review skipped pending waiting)
 *	! a b		these are blocked
 *	rest b		nothing else can start: now this may (rest: nothing)
 *	finished yes	plan_finished()
 *	fast yes	pl.failed_fast
 *	below a = a b	plan_below()
 *	only a b, until a, rebuild, closing
 */
struct fact {
	const char *what, *ini, *story;
};

static const struct fact facts[] = {
	{ "a chain", S("a") S("b") S("c"),
		"> a; >; a done; > b; >; b done; finished no; > c; c done; >;"
		"finished yes" },
	{ "one step", S("a"), "> a; a skipped; >; finished yes" },
	{ "a diamond", S("a") N("b", "a") N("c", "a") N("d", "b c"),
		"> a; a done; > b c; c done; >; b done; > d; d done;"
		"finished yes" },
	{ "no needs at all", N("a", "") N("b", "") N("c", ""),
		"> a b c; b done; a done; c done; >; finished yes" },
	{ "lowest first", N("c", "") N("a", "") N("b", ""), "> c a b" },
	{ "a join without a word", N("a", "") N("b", "") S("c") S("d"),
		"> a b; b done; >; a done; > c; c done; > d" },
	{ "needs below itself", N("a", "b") N("b", ""),
		"> b; b done; > a; a done; finished yes" },
	{ "two chains", N("a", "") N("x", "") N("b", "a") N("y", "x"),
		"> a x; x done; > y; y done; >; a done; > b" },
	{ "a skipped step settles", S("a") S("b"),
		"> a; a skipped; > b; b done; finished yes" },
	{ "review blocks what needs it",
		S("a") N("b", "a") N("c", "b") N("d", ""),
		"> a d; a review; >; ! b c; d done; >; finished no; ! b c" },
	{ "review blocks a chain", S("a") S("b") S("c"),
		"> a; a review; >; ! b c; finished no" },
	{ "review in the middle", S("a") S("b") S("c"),
		"> a; a done; > b; b review; >; ! c" },
	{ "approved after review", S("a") S("b"),
		"> a; a review; a done; rebuild; > b; ! ; b done;"
		"finished yes" },
	{ "allowed to fail", S("a") ALLOW S("b"),
		"> a; a review; ! ; fast no; > b; b done; finished yes" },
	{ "allowed to fail, by name", S("a") ALLOW N("b", "a"),
		"> a; a review; > b" },
	{ "set back to pending", S("a") S("b"),
		"> a; a pending; > a; a done; > b" },
	{ "waits, then goes on", N("a", "") N("b", ""),
		"> a b; a waiting; >; a pending; > a" },
	{ "given back", N("a", "") N("b", ""), "> a b; a pending; > a" },

	{ "clean-up when all is done", S("a") ALWAYS("z", "done") S("b"),
		"> a; a done; > b; >; b done; finished no; > z; z done;"
		"finished yes" },
	{ "clean-up does not hold up a chain", ALWAYS("z", "done") S("a"),
		"> a; a done; > z; z done; finished yes" },
	{ "clean-up not after review", S("a") ALWAYS("z", "done"),
		"> a; a review; >; rest; ! ; finished no" },
	{ "clean-up after an allowed failure",
		S("a") ALLOW ALWAYS("z", "done"),
		"> a; a review; > z; z done; finished yes" },
	{ "clean-up at rest", S("a") S("b") ALWAYS("z", "review"),
		"> a; a review; >; rest z; z done; >; ! b; finished no" },
	{ "clean-up at rest, and done as well",
		S("a") ALWAYS("z", "review") ALWAYS("y", "done"),
		"> a; a done; > z y" },
	{ "clean-up in order", S("a") ALWAYS("y", "done")
		S("z") "always = done\nneeds = y\n",
		"> a; a done; > y; y done; > z; z done; finished yes" },
	{ "clean-up that fails", S("a") ALWAYS("z", "done"),
		"> a; a done; > z; z review; >; finished no" },
	{ "closing", S("a") S("b") ALWAYS("z", "done"),
		"> a; a done; closing; > z; >" },

	{ "only", S("a") S("b") S("c"), "only b; >" },
	{ "only the first", S("a") S("b") S("c"),
		"only a; > a; a done; >; finished no" },
	{ "only, needs done", S("a") N("b", "a") N("c", "a"),
		"> a; a done; only c; > c; c done; >; finished no" },
	{ "only two", N("a", "") N("b", "") N("c", ""), "only a c; > a c" },
	{ "until", S("a") S("b") S("c"),
		"until b; > a; a done; > b; b done; >; finished no" },
	{ "until, by needs", N("a", "") N("b", "") N("c", "a") N("d", "b"),
		"until c; > a; a done; > c; c done; >" },
	{ "until, through a chain", N("a", "") N("b", "") S("c") N("d", "c"),
		"until d; > a b; a done; b done; > c; c done; > d" },
	{ "until and clean-up", S("a") S("b") ALWAYS("z", "done"),
		"until a; > a; a done; >" },
	{ "until a clean-up", S("a") ALWAYS("z", "done"),
		"until z; > a; a done; > z" },

	{ "fail fast no", N("a", "") N("b", ""),
		"> a b; a review; b review; fast no" },
	{ "fail fast yes", "[pipeline]\nfail_fast = yes\n" N("a", "")
		N("b", ""), "> a b; fast no; a review; fast yes" },
	{ "fail fast 2", "[pipeline]\nfail_fast = 2\n" N("a", "") N("b", "")
		N("c", ""),
		"> a b c; a review; fast no; b done; fast no; c review;"
		"fast yes" },
	{ "fail fast 50%", "[pipeline]\nfail_fast = 50%\n" N("a", "")
		N("b", "") N("c", "") N("d", ""),
		"> a b c d; a review; fast no; b review; fast yes" },
	{ "fail fast 100%", "[pipeline]\nfail_fast = 100%\n" N("a", "")
		N("b", ""),
		"> a b; fast no; a review; fast no; b review; fast yes" },
	{ "fail fast, allowed", "[pipeline]\nfail_fast = 1\n" S("a") ALLOW
		S("b"), "> a; a review; fast no; > b" },
	{ "fail fast starts nothing", "[pipeline]\nfail_fast = yes\n"
		N("a", "") N("b", "") N("c", "a") ALWAYS("z", "review"),
		"> a b; b review; a done; >; rest z; z done; >; finished no" },
	{ "fail fast counts anew", "[pipeline]\nfail_fast = 2\n" N("a", "")
		N("b", ""),
		"> a b; a review; rebuild; fast no; a pending; rebuild; > a;"
		"a review; fast no; b review; fast yes; rebuild; fast yes" },

	{ "below in a chain", S("a") S("b") S("c"),
		"below a = a b c; below b = b c; below c = c" },
	{ "below by needs", N("a", "") N("b", "") N("c", "a") N("d", "c b"),
		"below a = a c d; below b = b d; below c = c d" },
	{ "below in a mixture", N("a", "") N("b", "") S("c") N("d", "a"),
		"below a = a c d; below b = b c; below d = d" },
	{ "below and clean-up", N("a", "") N("b", "") ALWAYS("z", "done"),
		"below a = a z; below z = z" },
	{ "below a need that stands below", N("a", "c") N("b", "") N("c", "")
		S("d"), "below c = a c d; below b = b d" },
	{ "below, two branches", S("a") N("b", "a") N("c", "a") N("d", "b")
		N("e", "c") N("f", "d e"), "below b = b d f; below a = "
		"a b c d e f" },
	{ "below a clean-up that another one needs", S("a")
		ALWAYS("y", "done") S("z") "always = done\nneeds = y\n",
		"below a = a y z; below y = y z" },
	{ "rewound", S("a") S("b") S("c"),
		"> a; a done; > b; b done; > c; c done; finished yes;"
		"b pending; c pending; rebuild; finished no; > b; b done;"
		"> c" },
	{ "rewound with clean-up", S("a") ALWAYS("z", "done"),
		"> a; a done; > z; z done; a pending; z pending; rebuild;"
		"> a; a done; > z" },
	{ "blocked through two", S("a") N("b", "a") N("c", "b") N("d", ""),
		"> a d; d done; a review; ! b c; b skipped; rebuild; > c" },
};

static struct plan pl;
static struct pipeline *p;
static struct state st;
static const char *saying;

static int step_of(const char *name)
{
	int i = pipeline_find(p, name);

	if (i < 0)
		fail_msg("%s: no step %s", saying, name);
	return i;
}

static void names_are(const bool *mark, char *rest)
{
	struct buf is = { 0 }, expected = { 0 };
	char *w;
	int i;

	buf_str(&is, "");
	buf_str(&expected, "");
	for (i = 0; i < p->nsteps; i++)
		if (mark[i])
			buf_printf(&is, " %s", p->step[i].name);
	while ((w = strtok_r(rest, " ", &rest)) != NULL)
		buf_printf(&expected, " %s", w);
	if (strcmp(is.data, expected.data) != 0)
		fail_msg("%s:%s, expected%s", saying, is.data, expected.data);
	buf_release(&is);
	buf_release(&expected);
}

static void starts(char *rest)
{
	char *w;
	int step;

	while ((w = strtok_r(rest, " ", &rest)) != NULL) {
		step = plan_next(&pl);
		if (step == -1 || strcmp(p->step[step].name, w) != 0)
			fail_msg("%s: %s starts", saying, step == -1 ?
				"nothing" : p->step[step].name);
		plan_task(&pl, step)->state = TASK_RUNNING;
		plan_changed(&pl, step);
	}
	step = plan_next(&pl);
	if (step != -1)
		fail_msg("%s: %s starts, too", saying, p->step[step].name);
}

static bool yes(const char *word)
{
	assert_true(strcmp(word, "yes") == 0 || strcmp(word, "no") == 0);
	return strcmp(word, "yes") == 0;
}

static void ends(int step, const char *how)
{
	static const struct { const char *word; enum task_state state; } h[] = {
		{ "done", TASK_DONE }, { "review", TASK_NEEDS_REVIEW },
		{ "skipped", TASK_SKIPPED }, { "pending", TASK_PENDING },
		{ "waiting", TASK_WAITING },
	};
	size_t i;

	for (i = 0; i < sizeof(h) / sizeof(h[0]); i++)
		if (strcmp(h[i].word, how) == 0) {
			plan_task(&pl, step)->state = h[i].state;
			plan_changed(&pl, step);
			return;
		}
	fail_msg("%s: %s", saying, how);
}

static void carry_out(char *word, char *rest)
{
	bool mark[16] = { false };
	int steps[16], n = 0;
	char *w;

	if (strcmp(word, ">") == 0) {
		starts(rest);
	} else if (strcmp(word, "!") == 0) {
		plan_blocked(&pl, mark);
		names_are(mark, rest);
	} else if (strcmp(word, "rest") == 0) {
		assert_int_equal(plan_rest(&pl), *rest != '\0');
		starts(rest);
	} else if (strcmp(word, "finished") == 0) {
		if (plan_finished(&pl) != yes(rest))
			fail_msg("%s: finished, not %s", saying, rest);
	} else if (strcmp(word, "fast") == 0) {
		if (pl.failed_fast != yes(rest))
			fail_msg("%s: fast, not %s", saying, rest);
	} else if (strcmp(word, "below") == 0) {
		plan_below(&pl, step_of(strsep(&rest, " ")), mark);
		assert_string_equal(strsep(&rest, " "), "=");
		names_are(mark, rest);
	} else if (strcmp(word, "only") == 0) {
		while ((w = strtok_r(rest, " ", &rest)) != NULL)
			steps[n++] = step_of(w);
		plan_choose_only(&pl, steps, n);
	} else if (strcmp(word, "until") == 0) {
		plan_choose_until(&pl, step_of(rest));
	} else if (strcmp(word, "rebuild") == 0) {
		plan_rebuild(&pl);
	} else if (strcmp(word, "closing") == 0) {
		pl.closing = true;
		plan_rebuild(&pl);
	} else {
		ends(step_of(word), rest);
	}
}

static void tell(const struct fact *f)
{
	char *story = strdup(f->story), *rest = story, *one;

	assert_non_null(story);
	saying = f->what;
	p = loads(f->ini);
	state_init(&st);
	plan_init(&pl, p, &st);
	while ((one = strsep(&rest, ";")) != NULL) {
		char *word;

		one += strspn(one, " ");
		word = strsep(&one, " ");
		if (*word != '\0')
			carry_out(word, one != NULL ? one : word +
				strlen(word));
	}
	plan_release(&pl);
	state_release(&st);
	pipeline_free(p);
	free(story);
}

static void stories(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(facts) / sizeof(facts[0]); i++)
		tell(&facts[i]);
}

/* The state has tasks that the file no longer has, in another order. */
static void edited_file(void **state)
{
	(void)state;
	saying = "edited";
	p = loads(S("a") S("b") S("c"));
	state_init(&st);
	(void)state_task(&st, "gone");
	(void)state_task(&st, "b");
	plan_init(&pl, p, &st);
	assert_int_equal(st.ntasks, 4);
	assert_int_equal(pl.task[1], 1);
	starts((char[]){ "a" });
	ends(0, "done");
	starts((char[]){ "b" });
	plan_release(&pl);
	state_release(&st);
	pipeline_free(p);
}

/* What may start, worked out anew from the definition. */
static bool may(int step)
{
	const struct step *s = &p->step[step];
	int i;

	if (plan_task(&pl, step)->state != TASK_PENDING)
		return false;
	for (i = 0; i < s->nneeds; i++)
		if (!plan_settled(&pl, s->needs[i]))
			return false;
	for (i = 0; s->needs_all && i < step; i++)
		if (!plan_settled(&pl, i))
			return false;
	return true;
}

/* Random graphs, random ends: what starts is what the definition says. */
static void random_graphs(void **state)
{
	static const char *const how[] = { "done", "done", "done", "skipped",
		"review", "pending" };
	uint32_t x = 99;
	int round, n, i, k;

	(void)state;
	saying = "random";
	for (round = 0; round < 300; round++) {
		struct buf ini = { 0 };
		bool running[12] = { false };
		int nrunning = 0, turns = 0;

		n = 2 + round % 11;
		for (i = 0; i < n; i++) {
			buf_printf(&ini, "[step s%d]\nrun = x\n", i);
			x = x * 1664525 + 1013904223;
			if (x >> 30 == 0)
				continue;
			buf_str(&ini, "needs =");
			for (k = 0; k < i; k++)
				if (x >> (k + 8) & 1)
					buf_printf(&ini, " s%d", k);
			buf_str(&ini, "\n");
		}
		p = loads(ini.data);
		state_init(&st);
		plan_init(&pl, p, &st);
		for (;;) {
			int step, last = -1;
			bool should[12];

			for (i = 0; i < n; i++)
				should[i] = may(i);
			while ((step = plan_next(&pl)) != -1) {
				assert_true(should[step]);
				assert_true(step > last);
				should[step] = false;
				last = step;
				plan_task(&pl, step)->state = TASK_RUNNING;
				running[step] = true;
				nrunning++;
			}
			for (i = 0; i < n; i++)
				assert_false(should[i]);
			if (nrunning == 0)
				break;
			x = x * 1664525 + 1013904223;
			for (i = (int)(x >> 16) % n; !running[i];
			    i = (i + 1) % n)
				;
			running[i] = false;
			nrunning--;
			ends(i, how[++turns > 60 ? 0 : (x >> 8) % 6]);
		}
		plan_release(&pl);
		state_release(&st);
		pipeline_free(p);
		buf_release(&ini);
	}
}

static double run_through(int n, bool chain)
{
	struct buf ini = { 0 };
	struct timespec a, b;
	int i, step, done = 0;

	buf_reserve(&ini, (size_t)n * 40);
	for (i = 0; i < n; i++)
		buf_printf(&ini, chain ? "[step s%d]\nrun = x\n" :
			"[step s%d]\nrun = x\nneeds =\n", i);
	p = loads(ini.data);
	state_init(&st);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a);
	plan_init(&pl, p, &st);
	while ((step = plan_next(&pl)) != -1) {
		assert_int_equal(step, done++);
		plan_task(&pl, step)->state = TASK_DONE;
		plan_changed(&pl, step);
	}
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b);
	assert_int_equal(done, n);
	assert_true(plan_finished(&pl));
	plan_release(&pl);
	state_release(&st);
	pipeline_free(p);
	buf_release(&ini);
	return (double)(b.tv_sec - a.tv_sec) +
		(double)(b.tv_nsec - a.tv_nsec) / 1e9;
}

/* A hundred thousand steps: milliseconds when it is linear; quadratic would be
 * minutes. The bound leaves room for a sanitizer on a slow machine. */
static void linear(void **state)
{
	(void)state;
	assert_true(run_through(100000, true) < 2.0);
	assert_true(run_through(100000, false) < 2.0);
}

static void linear_blocked(void **state)
{
	enum { MANY = 100000 };
	struct buf ini = { 0 };
	bool *mark = calloc(MANY, sizeof(*mark));
	struct timespec a, b;
	int i, n = 0;

	(void)state;
	assert_non_null(mark);
	for (i = 0; i < MANY; i++)
		buf_printf(&ini, "[step s%d]\nrun = x\n", i);
	p = loads(ini.data);
	state_init(&st);
	plan_init(&pl, p, &st);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a);
	plan_task(&pl, 0)->state = TASK_NEEDS_REVIEW;
	plan_blocked(&pl, mark);
	for (i = 0; i < MANY; i++)
		n += mark[i];
	assert_int_equal(n, MANY - 1);
	memset(mark, 0, MANY * sizeof(*mark));
	plan_below(&pl, MANY / 2, mark);
	for (n = i = 0; i < MANY; i++)
		n += mark[i];
	assert_int_equal(n, MANY / 2);
	plan_choose_until(&pl, MANY - 1);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b);
	assert_true(b.tv_sec - a.tv_sec < 3);
	plan_release(&pl);
	state_release(&st);
	pipeline_free(p);
	buf_release(&ini);
	free(mark);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stories),
		cmocka_unit_test(edited_file),
		cmocka_unit_test(random_graphs),
		cmocka_unit_test(linear),
		cmocka_unit_test(linear_blocked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
