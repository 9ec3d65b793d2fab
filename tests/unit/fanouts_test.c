/* SPDX-License-Identifier: ISC */
/* Whose items a step has, and which step may read what of which. */
#include "fanouts.h"

#include "many.h"

/* The root of each step, by name: "a a - c". */
static void roots(const char *text, const char *expected)
{
	struct pipeline *p = loads(text);
	struct buf b = { 0 };

	for (int i = 0; i < p->nsteps; i++)
		buf_printf(&b, "%s%s", i > 0 ? " " : "", p->step[i].root == -1 ?
			"-" : p->step[p->step[i].root].name);
	assert_string_equal(b.data, expected);
	buf_release(&b);
	pipeline_free(p);
}

static void needs(const char *text, const char *step, const char *expected)
{
	struct pipeline *p = loads(text);
	const struct step *s = &p->step[pipeline_find(p, step)];
	struct buf b = { 0 };

	buf_str(&b, s->needs_all ? "all" : "");
	for (int i = 0; i < s->nneeds; i++)
		buf_printf(&b, "%s%s", i > 0 ? " " : "",
			p->step[s->needs[i]].name);
	assert_string_equal(b.data, expected);
	buf_release(&b);
	pipeline_free(p);
}

#define RUN "[defaults]\nrun = x\n"

static void lists(void **state)
{
	struct pipeline *p = loads("[params]\ns = gen\n"
		RUN "[step gen]\nforeach =\n  a, ${HOME}/*.txt\n  b\n"
		"[step named]\nforeach = step:${s}\n"
		"[step from]\nforeach_from =\n  ls |\n    sort ${X}\n"
		"[step out]\nforeach_from =  step:plain \nneeds = plain\n"
		"[step plain]\nneeds =\n");

	(void)state;
	assert_int_equal(p->step[0].conf->foreach.n, 3);
	assert_string_equal(p->step[0].conf->foreach.v[0], "a");
	assert_string_equal(p->step[0].conf->foreach.v[1], "${HOME}/*.txt");
	assert_string_equal(p->step[0].conf->foreach.v[2], "b");
	assert_null(p->step[0].conf->foreach_from);
	assert_int_equal(p->step[1].conf->foreach.n, 1);
	assert_string_equal(p->step[1].conf->foreach.v[0], "step:gen");
	assert_string_equal(p->step[2].conf->foreach_from,
		"ls |\n  sort ${X}");
	assert_int_equal(p->step[2].conf->foreach.n, 0);
	assert_string_equal(p->step[3].conf->foreach_from, "step:plain");
	assert_int_equal(p->step[4].root, -1);
	pipeline_free(p);
}

/* Of the two keys the one of the stronger section counts. */
static void strength(void **state)
{
	struct pipeline *p = loads("[defaults]\nrun = x\nneeds =\nforeach = a\n"
		"[preset from]\nforeach_from = ls\n[preset words]\n"
		"foreach = w\n"
		"[step a]\n[step b]\nforeach_from = ls\n"
		"[step c]\nforeach =\n[step d]\nforeach_from =\n"
		"[step e]\npreset = from\n[step f]\npreset = from words\n"
		"[step g]\npreset = from\nforeach = own\n"
		"[step h]\npreset = from\nforeach_from =\n"
		"[step i]\nforeach =\nforeach_from = ls\n"
		"[step j]\nforeach = own\nforeach_from =\n"
		"[step k]\npreset = from\nforeach =\n");
	static const char *const expected[] = {
		"a", "<ls", "", "a", "<ls", "w", "own", "", "<ls", "own",
		"<ls",
	};

	(void)state;
	for (int i = 0; i < 11; i++) {
		const struct stepconf *c = p->step[i].conf;
		const char *want = expected[i];

		assert_int_equal(c->foreach.n, *want != '\0' && *want != '<');
		if (c->foreach.n > 0)
			assert_string_equal(c->foreach.v[0], want);
		assert_int_equal(c->foreach_from != NULL, *want == '<');
		assert_int_equal(p->step[i].root, *want == '\0' ? -1 : i);
	}
	pipeline_free(p);
	complains(RUN "[step a]\nforeach = a\nforeach_from = ls\n"
		"[step b]\nforeach_from = ls\nforeach = ${HOME} b\n",
		"5: foreach in line 4 says already what the items are | take "
		"one of them out\n"
		"7: foreach in line 8 says already what the items are | take "
		"one of them out\n");
	complains("[defaults]\nrun = x\nforeach_from = ls\nforeach = a\n"
		"[step a]\n[step b]\n",
		"3: foreach in line 4 says already what the items are | take "
		"one of them out\n");
	complains(RUN "[step a]\nforeach = step:b c ${HOME}\n",
		"4: foreach = step:b: step:NAME has to stand alone\n");
}

static void same_words(void **state)
{
	(void)state;
	roots(RUN "[step a]\n", "-");
	roots(RUN "[step a]\nforeach = x\n", "a");
	/* every step above */
	roots(RUN "[step a]\nforeach = x *.y\n[step b]\nforeach = x,  *.y\n"
		"[step c]\nforeach = *.y x\n[step d]\nforeach =\n  x\n  *.y\n"
		"[step e]\n", "a a c a -");
	/* the words as they are written: not what ${} makes of them */
	roots("[params]\nw = x\n" RUN "[step a]\nforeach = x\n"
		"[step b]\nforeach = ${w}\n[step c]\nforeach = ${w}\n",
		"a b b");
	/* one word is not two */
	roots(RUN "[step a]\nforeach = ab\n[step b]\nforeach = a b\n", "a b");
	/* named */
	roots(RUN "[step a]\nforeach = x\n[step b]\nforeach = x\nneeds =\n"
		"[step c]\nforeach = x\nneeds = b\n"
		"[step d]\nforeach = x\nneeds = b a\n"
		"[step e]\nforeach = x\nneeds = c\n"
		"[step f]\nforeach = x\n", "a b b a b a");
	/* below */
	roots(RUN "[step a]\nforeach = x\nneeds = c\n[step b]\nforeach = x\n"
		"needs = a\n[step c]\nforeach = x\nneeds =\n", "c c c");
	/* a need of a need is not enough, unless it is one by the other */
	roots(RUN "[step a]\nforeach = x\n[step b]\n[step c]\nforeach = x\n"
		"needs = b\n", "a - c");
	/* of [defaults] */
	roots("[defaults]\nrun = x\nneeds = s t\nforeach = x\n[step a]\n"
		"[step s]\nneeds =\n[step b]\nforeach = y\n[step t]\n"
		"needs = s\n[step c]\nforeach = y\n", "s s b s c");
	roots("[defaults]\nrun = x\nneeds = t s\nforeach = x\n[step s]\n"
		"[step t]\n[step c]\n", "s t s");
	roots("[defaults]\nrun = x\nforeach = x\n[step a]\n[step b]\n"
		"umask = 0\n[step c]\nforeach =\n[step d]\n", "a a - a");
	/* lines of a command are asked for each time */
	roots(RUN "[step a]\nforeach_from = ls\n[step b]\nforeach_from = ls\n",
		"a b");
}

static void always(void **state)
{
	(void)state;
	/* after ordinary ones it has their items, but never the other way */
	roots(RUN "[step first]\nalways = done\nforeach = x\n"
		"[step a]\nforeach = x\n[step clean]\nforeach = x\n"
		"always = done\n[step b]\nforeach = x\n"
		"[step more]\nneeds = first clean\nforeach = x\n"
		"always = review\n[step named]\nforeach = step:a\n"
		"always = done\n", "first a a a first a");
	complains(RUN "[step a]\nforeach = x\nalways = done\n"
		"[step b]\nforeach = step:a\n[step c]\nforeach = step:a\n"
		"needs =\n",
		"7: \"b\" has the items of \"a\", but does not wait for it | "
		"\"a\" has always = done and so runs only after all ordinary "
		"steps\n"
		"9: \"c\" has the items of \"a\", but does not wait for it | "
		"\"a\" has always = done and so runs only after all ordinary "
		"steps\n");
	complains(RUN "[step a]\nforeach = x\nalways = done\n"
		"[step b]\nforeach = step:a\nalways = done\n",
		"7: \"b\" has the items of \"a\", but does not wait for it | "
		"add \"a\" to its needs\n");
}

static void named(void **state)
{
	(void)state;
	roots(RUN "[step a]\nforeach_from = ls\n[step b]\nforeach = step:a\n"
		"[step c]\nforeach = step:b\nneeds = b\n[step d]\n"
		"needs =\nforeach = step:c\n", "a a a a");
	roots(RUN "[step d]\nneeds =\nforeach = step:c\n"
		"[step c]\nforeach = step:b\nneeds =\n"
		"[step b]\nneeds =\nforeach = w\n", "b b b");
	/* its words are those of the named one */
	roots(RUN "[step a]\nforeach = w\n[step b]\nforeach = step:a\n"
		"[step c]\nneeds = b\nforeach = w\n", "a a a");
	roots(RUN "[step a]\nforeach = w\n[step b]\nforeach = w\n"
		"[step c]\nneeds =\nforeach = step:b\n", "a a a");
	/* and it is the named one's, whatever else has the words */
	roots(RUN "[step a]\nforeach = w\n[step b]\nforeach = w\nneeds =\n"
		"[step c]\nforeach = step:b\n", "a b b");
	/* needs are made of it where they leave it out */
	needs(RUN "[step a]\nforeach = w\n[step b]\nforeach = step:a\n", "b",
		"all");
	needs(RUN "[step a]\nforeach = w\n[step b]\nneeds =\n"
		"foreach = step:a\n", "b", "a");
	needs(RUN "[step a]\nforeach = w\n[step z]\n[step b]\nneeds = z\n"
		"foreach = step:a\n", "b", "z a");
	needs(RUN "[step a]\nforeach = w\n[step z]\n[step b]\nneeds = a z\n"
		"foreach = step:a\n", "b", "a z");
	needs("[defaults]\nrun = x\nneeds = z\n[step a]\nforeach = w\n"
		"[step z]\n[step b]\nforeach = step:a\n", "b", "z a");
	needs("[defaults]\nrun = x\nneeds = z\n[step a]\nforeach = w\n"
		"needs =\n[step z]\nforeach = step:a\n[step b]\n", "z", "a");
	needs("[defaults]\nrun = x\nneeds = z\nforeach = step:a\n[step a]\n"
		"foreach = w\n[step z]\nforeach =\n[step b]\n[step c]\n"
		"foreach = step:b\n[step d]\n", "c", "z b");
	needs("[defaults]\nrun = x\nneeds = z\nforeach = step:a\n[step a]\n"
		"foreach = w\n[step z]\nforeach =\n[step b]\n[step c]\n"
		"foreach = step:b\n[step d]\n", "d", "z a");
	needs("[defaults]\nrun = x\nneeds = z\nforeach = step:a\n[step a]\n"
		"foreach = w\n[step z]\nforeach =\n[step b]\n[step c]\n"
		"foreach =\n", "c", "z");
	needs("[defaults]\nrun = x\nneeds = a\n[step a]\nforeach = w\n"
		"[step b]\nforeach = step:a\n", "b", "a");
	/* two of the list */
	needs("[defaults]\nrun = x\nneeds = y z\n[step y]\nforeach = w\n"
		"[step z]\nforeach = step:y\n[step b]\n", "z", "y");
	/* one of the list, then one that has it */
	needs("[defaults]\nrun = x\nneeds = y z\n[step a]\nforeach = w\n"
		"needs =\n[step z]\nforeach = step:a\n[step y]\n[step b]\n"
		"foreach = step:a\n", "b", "y z a");
}

/* A long list is not copied for each of the steps that have one more. */
static void shared_needs(void **state)
{
	struct pipeline *p = loads("[defaults]\nrun = x\nneeds = z\n"
		"foreach = step:a\n[step a]\nforeach = w\n"
		"[step z]\nforeach =\n[step b]\n[step c]\numask = 0\n");

	(void)state;
	assert_int_equal(p->step[2].nneeds, 2);
	assert_ptr_equal(p->step[2].needs, p->step[3].needs);
	pipeline_free(p);
}

static void named_wrongly(void **state)
{
	(void)state;
	complains(RUN "[step gen]\nforeach = w\n[step plain]\n"
		"[step a]\nforeach = step:gne\n"
		"[step b]\nforeach = step:\n"
		"[step c]\nforeach = step:c\n"
		"[step d]\nforeach = step:plain\n"
		"[step e]\nforeach = step:f\n"
		"[step f]\nforeach = step:gen\n"
		"[step g]\nforeach = step:${X}\n",
		"7: foreach = step:gne: there is no such step | did you mean "
		"\"gen\"?\n"
		"9: foreach = step:: there is no such step\n"
		"11: foreach = step:c: \"c\" cannot have its items of "
		"itself\n"
		"13: foreach = step:plain: \"plain\" has no items, it has "
		"neither foreach nor foreach_from | for the lines of what it "
		"writes: foreach_from = step:plain\n"
		"15: \"e\" has the items of \"f\", but does not wait for it | "
		"put [step f] above it\n"
		"19: foreach: ${X} is not defined | declare it in [params], "
		"or set it in the environment\n");
	complains(RUN "[step a]\nneeds = b\nforeach = step:a\n"
		"[step b]\nneeds =\n",
		"5: foreach = step:a: \"a\" cannot have its items of "
		"itself\n");
	/* of each other */
	complains(RUN "[step a]\nneeds =\nforeach = step:b\n"
		"[step b]\nneeds =\nforeach = step:a\n",
		"4: these steps wait for each other: a -> b -> a | take one "
		"of these needs out\n");
	complains("[defaults]\nrun = x\nneeds =\n"
		"[step a]\nforeach = step:b\n[step b]\nforeach = step:c\n"
		"[step c]\nforeach = step:d\n[step d]\nforeach = step:b\n",
		"3: these steps wait for each other: b -> c -> d -> b | take "
		"one of these needs out\n");
	complains(RUN "[step a]\nforeach = step:c\n"
		"[step b]\nforeach = step:a\n[step c]\nforeach = step:b\n",
		"4: \"a\" has the items of \"c\", but does not wait for it | "
		"put [step c] above it\n");
	complains(RUN "[step a]\nforeach = step:b\nneeds =\n"
		"[step b]\nforeach = w\n",
		"5: these steps wait for each other: a -> b -> a | \"b\" has "
		"no needs, so it waits for every step above it; say what it "
		"needs, or nothing: \"needs =\"\n");
	/* of all: also of itself */
	complains("[defaults]\nrun = x\nforeach = step:gen\n[step gen]\n"
		"[step a]\n",
		"3: foreach = step:gen: \"gen\" cannot have its items of "
		"itself\n");
}

#define OWN "is a fan-out, and each of its items writes an output of its " \
	"own | "

static void reading(void **state)
{
	(void)state;
	/* the same item of a tied one */
	pipeline_free(loads(RUN "[step gen-1]\nforeach = w\n"
		"[step a]\nforeach = step:gen-1\nstdin = step:gen-1\n"
		"[step b]\nforeach = w\nstdin = step:a\n"
		"[step plain]\n[step c]\nforeach = w\nstdin = step:plain\n"
		"[step d]\nforeach_from = step:plain\n"));
	complains(RUN "[step gen-1]\nforeach = w\n"
		"[step a]\nstdin = step:gen-1\n"
		"[step b]\nforeach = v\nstdin = step:gen-1\n"
		"[step c]\nforeach_from = step:gen-1\n"
		"[step d]\nforeach = w\nneeds =\nstdin = step:gen-1\n"
		"[step e]\nforeach_from = step:gne-1\n"
		"[step f]\nforeach_from = step:z\n[step z]\n"
		"[step g]\nneeds = f\nforeach_from = step:z\n",
		"6: stdin = step:gen-1: \"gen-1\" " OWN
		"\"$DUREXEC_OUT_gen_1\" lists one file a line: xargs -d '\\n' "
		"cat <\"$DUREXEC_OUT_gen_1\"; or, item by item: foreach = "
		"step:gen-1\n"
		"9: stdin = step:gen-1: \"gen-1\" " OWN
		"\"$DUREXEC_OUT_gen_1\" lists one file a line: xargs -d '\\n' "
		"cat <\"$DUREXEC_OUT_gen_1\"; or, item by item: foreach = "
		"step:gen-1\n"
		"11: foreach_from = step:gen-1: \"gen-1\" " OWN
		"for the same items: foreach = step:gen-1\n"
		"15: \"d\" reads what \"gen-1\" wrote, but does not wait for "
		"it | add \"gen-1\" to its needs\n"
		"17: foreach_from = step:gne-1: there is no such step | did "
		"you mean \"gen-1\"?\n"
		"19: \"f\" reads what \"z\" wrote, but does not wait for it | "
		"put [step z] above it\n"
		"23: \"g\" reads what \"z\" wrote, but does not wait for it | "
		"add \"z\" to its needs\n");
	/* a command is one even where it begins so */
	complains(RUN "[step a]\n[step b]\nforeach_from = step:a | sort\n",
		"5: foreach_from = step:a | sort: there is no such "
		"step\n");
}

/*
 * The definition once more, read backwards and slowly: for all graphs of four
 * steps with two kinds of words, each of which needs any of those above it, or
 * all of them without saying so.
 */
static int slow_root(int i, const int needs[4], const int words[4])
{
	for (int k = 0; k < i; k++)
		if (words[i] > 0 && words[k] == words[i] &&
		    (needs[i] >> k & 1) != 0)
			return slow_root(k, needs, words);
	return words[i] > 0 ? i : -1;
}

static void all_small_graphs(void **state)
{
	int tied = 0, own = 0;

	(void)state;
	/* per step: what it needs of those above, one more for "all" */
	for (int code = 0; code < 2 * 3 * 5 * 9 * 81; code++) {
		static const int choices[] = { 2, 3, 5, 9 };
		int set[4], said[4], words[4], rest = code;
		struct buf text = { 0 };
		struct pipeline *p;

		for (int i = 0; i < 4; i++) {
			said[i] = rest % choices[i];
			rest /= choices[i];
			words[i] = rest % 3;
			rest /= 3;
			set[i] = said[i] == choices[i] - 1 ? (1 << i) - 1 :
				said[i];
			buf_printf(&text, "[step s%d]\nrun = x\n", i);
			if (words[i] > 0)
				buf_printf(&text, "foreach = w%d\n", words[i]);
			if (said[i] == choices[i] - 1)
				continue;
			buf_str(&text, "needs =");
			for (int k = 0; k < i; k++)
				if ((set[i] >> k & 1) != 0)
					buf_printf(&text, " s%d", k);
			buf_char(&text, '\n');
		}
		p = loads(text.data);
		for (int i = 0; i < 4; i++) {
			int root = slow_root(i, set, words);

			if (p->step[i].root != root)
				fail_msg("s%d has %d, not %d:\n%s", i,
					p->step[i].root, root, text.data);
			tied += root != -1 && root != i;
			own += root == i;
		}
		pipeline_free(p);
		buf_release(&text);
	}
	assert_true(tied > 10000 && own > 10000);
}

static double many(int n, const char *head, const char *step,
	size_t complaints)
{
	return many_of(n, head, step, "run = x\nneeds =\nforeach = end\n",
		complaints);
}

/* What would be quadratic takes hundreds of times as long as a plain file. */
static void many_fanouts(void **state)
{
	double most = 20 * many(STEPS, "", "run = x%1$d%2$d%3$d\n", 0);
	struct buf head = { 0 };

	(void)state;
	assert_true(many(STEPS, "[defaults]\nforeach = a b *.txt\n",
		"run = x%1$d%2$d%3$d\n", 0) < most);
	assert_true(many(STEPS, "[defaults]\nforeach = a b *.txt\n",
		"run = x%1$d%2$d%3$d\numask = 0\n", 0) < most);
	assert_true(many(STEPS, "",
		"run = x%1$d%2$d%3$d\nforeach = a%1$d b\n", 0) < most);
	/* one after the other, to the last */
	assert_true(many(STEPS, "[defaults]\nforeach = end\n",
		"run = x%1$d%2$d\nneeds = s%3$d\n", 0) < most);
	assert_true(many(STEPS, "", "run = x%1$d%2$d\nneeds =\n"
		"foreach = step:s%3$d\n", 0) < most);
	/* one for all, needed by itself, or beside a list */
	assert_true(many(STEPS, "[defaults]\nforeach = step:gen\n[step gen]\n"
		"run = x\nforeach = a\n", "run = x%1$d%2$d%3$d\n", 0) < most);
	buf_str(&head, "[defaults]\nforeach = step:gen\nneeds =");
	for (int i = 0; i < 1000; i++)
		buf_printf(&head, " t%d", i);
	buf_str(&head, "\n[step gen]\nrun = x\nforeach = a\nneeds =\n");
	for (int i = 0; i < 1000; i++)
		buf_printf(&head, "[step t%d]\nrun = x\nforeach =\n", i);
	assert_true(many(STEPS, head.data, "run = x%1$d%2$d%3$d\n", 0) < most);
	/* many words, with a conf for each step */
	buf_reset(&head);
	buf_str(&head, "[defaults]\nforeach =");
	for (int i = 0; i < 2000; i++)
		buf_printf(&head, " %d", i);
	buf_char(&head, '\n');
	assert_true(many(STEPS / 10, head.data,
		"run = x%1$d%2$d%3$d\numask = 0\n", 0) < most);
	/* mistakes everywhere */
	assert_true(many(STEPS, "", "run = x%1$d%2$d\nforeach = step:s%3$d\n",
		STEPS) < most);
	assert_true(many(STEPS, "", "run = x%1$d%2$d%3$d\n"
		"foreach = step:t%1$d\n", STEPS) < most);
	buf_release(&head);
}

static int setup(void **state)
{
	(void)state;
	clearenv();
	return setenv("HOME", "/home/me", 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists),
		cmocka_unit_test(strength),
		cmocka_unit_test(same_words),
		cmocka_unit_test(always),
		cmocka_unit_test(named),
		cmocka_unit_test(shared_needs),
		cmocka_unit_test(named_wrongly),
		cmocka_unit_test(reading),
		cmocka_unit_test(all_small_graphs),
		cmocka_unit_test(many_fanouts),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
