/* SPDX-License-Identifier: ISC */
#include "names.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "planned.h"

static const char ini[] =
	"[step prepare]\nrun = x\n"
	"[step generate]\nrun = x\nforeach = x\n"
	"[step validate]\nrun = x\nforeach = step:generate\n"
	"[step later]\nrun = x\nforeach_from = x\n"
	"[step a1]\nrun = x\n[step a2]\nrun = x\n";

static int setup(void **state)
{
	(void)state;
	planned(ini);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	planned_release();
	return 0;
}

/* What the word means: names of tasks, " " between them, "~" in front when they
 * were found loosely; or the sentence. */
static void means(const char *word, const char *expected)
{
	struct names found = { 0 };
	struct buf is = { 0 };
	struct why why;

	buf_str(&is, "");
	if (names_find(&pl, word, &found, &why) == 0) {
		if (found.loose)
			buf_char(&is, '~');
		for (size_t i = 0; i < found.n; i++)
			buf_printf(&is, "%s%s", i > 0 ? " " : "",
				plan_unit(&pl, found.unit[i])->name);
	} else {
		buf_str(&is, why.text);
	}
	if (strcmp(is.data, expected) != 0)
		fail_msg("%s: \"%s\", expected \"%s\"", word, is.data,
			expected);
	names_release(&found);
	buf_release(&is);
}

static void words(void **state)
{
#define STATUS "durexec status lists them"
	static const struct {
		const char *word, *means;
	} c[] = {
		{ "prepare", "prepare" }, { "generate", "generate" },
		{ "generate[ch07]", "generate[ch07]" },
		{ "generate/ch07", "generate[ch07]" },
		{ "validate/ch07", "validate[ch07]" },
		/* any bytes */
		{ "generate[a b]", "generate[a b]" },
		{ "generate[$(reboot)]", "generate[$(reboot)]" },
		{ "generate[../../etc]", "generate[../../etc]" },
		{ "generate/../../etc", "generate[../../etc]" },
		{ "generate[]]", "generate[]]" },
		{ "generate/]", "generate[]]" },
		{ "generate[x[1]]", "generate[x[1]]" },
		{ "generate/x[1]", "generate[x[1]]" },
		{ "generate[\xff]", "generate[\xff]" },
		{ "generate[-rf]", "generate[-rf]" },
		{ "generate/a/b]", "generate[a/b]]" },
		/* patterns, of the item */
		{ "generate[ch0*]", "~generate[ch07] generate[ch08]" },
		{ "generate/ch0?", "~generate[ch07] generate[ch08]" },
		{ "generate[ch[01][78]]", "~generate[ch07] generate[ch08]" },
		{ "generate[*etc]", "~generate[../../etc]" },
		{ "generate[x\\[*]", "~generate[x[1]]" },
		/* what is called so is meant, and no pattern */
		{ "generate[ch*]", "generate[ch*]" },
		{ "generate[[ab]]", "generate[[ab]]" },
		{ "generate/[ab]", "generate[[ab]]" },
		/* of the step */
		{ "gen*", "generate" }, { "*ate", "generate validate" },
		{ "a?", "a1 a2" }, { "a[12]", "a1 a2" },
		{ "[ap]*", "prepare a1 a2" }, { "[a]2", "a2" },
		{ "gen*/ch07", "~generate[ch07]" },
		{ "gen*[ch07]", "~generate[ch07]" },
		{ "*[ch07]", "~generate[ch07] validate[ch07]" },
		{ "gen[aeiou]rate[ch07]", "~generate[ch07]" },
		{ "[gv]*[ch0*]", "~generate[ch07] generate[ch08] "
			"validate[ch07]" },
		{ "*/ch08", "~generate[ch08]" },
		/* nothing */
		{ "prepar", "there is no step prepar; did you mean prepare?" },
		{ "", "there is no step ; " STATUS },
		{ "q*", "there is no step q*; " STATUS },
		{ "genrate[ch07]",
			"there is no step genrate; did you mean generate?" },
		{ "genrate/ch07",
			"there is no step genrate; did you mean generate?" },
		{ "prepare[x]", "step prepare has no items: it is no fan-out" },
		{ "prepare/x", "step prepare has no items: it is no fan-out" },
		{ "generate[ch70]", "step generate has no item ch70; did you "
			"mean generate[ch07]?" },
		{ "generate[chapter seven]",
			"step generate has no item chapter seven" },
		{ "generate[]", "step generate has no item " },
		{ "generate/", "step generate has no item " },
		{ "generate[ch9*]", "no item of generate is like ch9*" },
		{ "*[nothing]", "the items of later are not known yet" },
		{ "*ate[nothing]", "no item of *ate is like nothing" },
		{ "later[x]", "the items of later are not known yet" },
		{ "lat*/x*", "the items of later are not known yet" },
		{ "later", "later" },
		{ "[", "there is no step [; " STATUS },
		{ "]", "there is no step ]; " STATUS },
		{ "[]", "there is no step []; " STATUS },
		{ "/", "there is no step /; " STATUS },
		{ "[x]", "there is no step [x]; " STATUS },
		{ "/x", "there is no step /x; " STATUS },
	};

	(void)state;
	planned_items("generate", "ch07\nch08\na b\n$(reboot)\n../../etc\n]\nx[1]\n"
		"\xff\n-rf\na/b]\nch*\n[ab]");
	planned_items("validate", "ch07");
	for (size_t i = 0; i < sizeof(c) / sizeof(c[0]); i++)
		means(c[i].word, c[i].means);
}

/* A list that is known, and empty. */
static void none(void **state)
{
	(void)state;
	means("generate[x]", "the items of generate are not known yet");
	planned_items("generate", "");
	means("generate[x]", "step generate has no item x");
	means("generate[*]", "no item of generate is like *");
	means("generate", "generate");
}

/* What is no longer listed cannot be named. */
static void unlisted(void **state)
{
	struct record r = { 0 };

	(void)state;
	planned_items("generate", "a\nb");
	means("generate[b]", "generate[b]");
	record_start(&r, "items");
	record_set(&r, "step", "generate");
	record_set_number(&r, "from", 1);
	record_set_number(&r, "total", 1);
	state_write(&s, &j, &r);
	plan_rebuild(&pl);
	means("generate[a]", "generate[a]");
	means("generate[b]", "step generate has no item b");
	means("generate[*]", "~generate[a]");
}

/* Of very many, nobody looks for what was meant; and it is not slow. */
static void many(void **state)
{
	struct buf list = { 0 };
	struct names found = { 0 };
	struct why why;

	(void)state;
	for (int i = 0; i < 100000; i++)
		buf_printf(&list, "%sitem%06d", i > 0 ? "\n" : "", i);
	planned_items("generate", list.data);
	means("generate[item0999999]",
		"step generate has no item item0999999");
	means("generate/item012345", "generate[item012345]");
	assert_int_equal(names_find(&pl, "generate[item0123*]", &found, &why),
		0);
	assert_int_equal(found.n, 100);
	assert_int_equal(names_find(&pl, "generate[*]", &found, &why), 0);
	assert_int_equal(found.n, 100000);
	/* ten thousand by name */
	for (int i = 0; i < 100000; i += 10) {
		char word[40];

		snprintf(word, sizeof(word), "generate[item%06d]", i);
		assert_int_equal(names_find(&pl, word, &found, &why), 0);
		assert_int_equal(found.n, 1);
	}
	names_release(&found);
	buf_release(&list);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(words), T(none), T(unlisted), T(many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
