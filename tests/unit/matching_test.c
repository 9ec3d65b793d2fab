/* SPDX-License-Identifier: ISC */
/* Values that are regular expressions. */
#include "matching.h"

#include "loading.h"
#include "mem.h"

static void expect(const struct patterns *p, const char *expected)
{
	struct buf said = { 0 };

	buf_str(&said, "");
	for (int i = 0; i < p->n; i++)
		buf_printf(&said, "<%s>", p->v[i]);
	assert_string_equal(said.data, expected);
	buf_release(&said);
}

static void lines(void **state)
{
	struct pipeline *p = loads("[step a]\nrun = x\n"
		"fail_if =   a b | c  \n"
		"retry_if =\n  one\n\n \t two # three \n; no\n    four\n"
		"ok_if = \"x\": *[$]5$\n");
	const struct stepconf *c = p->step[0].conf;

	(void)state;
	expect(&c->fail_if, "<a b | c>");
	expect(&c->retry_if, "<one><two # three><four>");
	expect(&c->ok_if, "<\"x\": *[$]5$>");
	pipeline_free(p);
}

static void add_up(void **state)
{
	struct pipeline *p = loads("[defaults]\nrun = x\nfail_if = a\n"
		"receipt = r\n"
		"[step s]\n"
		"[step t]\nfail_if =\n  b\n  c\nreceipt = q\n"
		"[step u]\nfail_if =\n");

	(void)state;
	expect(&p->step[0].conf->fail_if, "<a>");
	expect(&p->step[1].conf->fail_if, "<a><b><c>");
	expect(&p->step[1].conf->receipt, "<q>");
	expect(&p->step[2].conf->fail_if, "");
	expect(&p->step[2].conf->receipt, "<r>");
	pipeline_free(p);
}

/* What is put in stands for itself. */
static void replaced(void **state)
{
	struct pipeline *p = loads_given("[params]\nfile = x\nnone =\n"
		"[step a]\nrun = x\nfail_if =\n  ^${file}$\n  ${ONE}${none}\n"
		"  cost \\$5$ [$][{]x[}]\n",
		(const char *const[]){ "file=a.b[c]^{d}(e|f)*+?$\\ g", NULL });

	(void)state;
	expect(&p->step[0].conf->fail_if,
		"<^a\\.b\\[c]\\^\\{d}\\(e\\|f\\)\\*\\+\\?\\$\\\\ g$><1>"
		"<cost \\$5$ [$][{]x[}]>");
	pipeline_free(p);
	complains_given("[params]\nempty = x\n[step a]\nrun = x\n"
		"fail_if =\n  ok\n  ${empty}\n  ${DUREXEC_STEP}\n  ${nope}\n"
		"  ${broken\n  ${OWN}\nenv.OWN = 1\n",
		(const char *const[]){ "empty=", NULL },
		"7: fail_if: \"${empty}\" is nothing once its ${NAME} are "
		"replaced, and that matches everything\n"
		"8: fail_if: ${DUREXEC_STEP} is known to steps only, and this "
		"is read before the first one starts\n"
		"9: fail_if: ${nope} is not defined | declare it in [params], "
		"or set it in the environment\n"
		"10: fail_if: \"${broken\" has no closing \"}\"\n"
		"11: fail_if: ${OWN} is not defined | declare it in [params], "
		"or set it in the environment\n");
}

static void bad(void **state)
{
	(void)state;
	complains("[step a]\nrun = x\nretry_if = ok\n\n# no\n  a(\n"
		"wait_if =\n\n; no\n  fine\n  b[\n\n  c{2,1}\n"
		"give_up_if = *x\n  \\d+ seconds\n  (?i)limit\n  [\\d] \\. \\w "
		"\\b\n  a\\tb\n"
		"ok_if = x\n  \\\\d\nreceipt = (\n",
		"6: retry_if: \"a(\" is no regular expression: Unmatched ( or "
		"\\(\n"
		"11: wait_if: \"b[\" is no regular expression: Invalid "
		"regular expression\n"
		"13: wait_if: \"c{2,1}\" is no regular expression: Invalid "
		"content of \\{\\}\n"
		"14: give_up_if: \"*x\" is no regular expression: Invalid "
		"preceding regular expression\n"
		"15: give_up_if: \"\\d+ seconds\" has \"\\d\", which POSIX "
		"extended regular expressions do not know | write [0-9]\n"
		"16: give_up_if: \"(?i)limit\" is no regular expression: "
		"Invalid preceding regular expression | POSIX extended "
		"regular expressions have no \"(?\"\n"
		"18: give_up_if: \"a\\tb\" has \"\\t\", which POSIX extended "
		"regular expressions do not know | write [[:blank:]]\n"
		"21: receipt: \"(\" is no regular expression: Unmatched ( or "
		"\\(\n");
}

static void groups(void **state)
{
	(void)state;
	pipeline_free(loads("[step a]\nrun = x\nreceipt = done\n"
		"cost_from =\n  cost ([0-9]+)\n  (a)(b)\n"));
	complains("[step a]\nrun = x\ncost_from =\n  cost ([0-9]+)\n"
		"  cost [(]x[)]\n  cost \\(x\\)\n",
		"5: cost_from: \"cost [(]x[)]\" has no group | put (...) "
		"around the part that is the amount\n"
		"6: cost_from: \"cost \\(x\\)\" has no group | put (...) "
		"around the part that is the amount\n");
}

static void one(const char *regex, const char *expected)
{
	char *text = mem_printf("[step a]\nrun = x\nfail_if = %s\n", regex);

	if (*expected == '\0') {
		pipeline_free(loads(text));
	} else {
		char *said = mem_printf("3: fail_if: \"%.60s%s\" is no regular "
			"expression: %s\n", regex,
			strlen(regex) > 60 ? "..." : "", expected);

		complains(text, said);
		free(said);
	}
	free(text);
}

static char *repeated(const char *word, int n)
{
	struct buf b = { 0 };

	for (int i = 0; i < n; i++)
		buf_str(&b, word);
	return buf_steal(&b);
}

/* What would take all memory or stack is refused before it is compiled. */
static void too_large(void **state)
{
	static const char large[] = "it stands for more than 1200 characters "
		"when its repetitions are written out";
	char *open = repeated("(", 51), *close = repeated(")", 51);
	char *plus = repeated("(", 30), *pluses = repeated("+)", 30);
	char *text;

	(void)state;
	one("((a{1,99}){1,99}){1,99}", large);
	one("((a{99}){99}){99}", large);
	one("(a{1,99})*{99}", large);
	one("[^]]{1201}", large);
	one("(abcd){301}", large);
	one("\\(a{1201}", large);
	one("[[:alpha:]]{1201}", large);
	one("x.{0,1000}y", "");
	one("[]{99}({99}[{99}]", "");
	one("a\\{99999\\}", "");
	one("[A-Za-z0-9_-]{11}", "");
	text = mem_printf("%sa%s", open, close);
	one(text, "it has more than 50 parentheses in each other");
	text[0] = text[strlen(text) - 1] = 'x';
	one(text, "");
	free(text);
	text = mem_printf("%sa%s", plus, pluses);
	one(text, large);
	free(text);
	text = repeated("a|", 2049);
	one(text, "it is 4098 bytes long, at most 4096 are allowed; it can be "
		"split at \"|\" into lines");
	free(text);
	free(open);
	free(close);
	free(plus);
	free(pluses);
}

static void too_many(void **state)
{
	struct buf text = { 0 };

	(void)state;
	buf_str(&text, "[defaults]\nfail_if = first\n[step a]\nrun = x\n"
		"fail_if =\n");
	for (int i = 0; i < 199; i++)
		buf_printf(&text, " p%d\n", i);
	pipeline_free(loads(text.data));
	buf_str(&text, " one\n more\n");
	complains(text.data, "205: fail_if: \"one\" is one too many: there may "
		"be at most 200 | join some of them with \"|\"\n");
	buf_release(&text);
}

static int setup(void **state)
{
	(void)state;
	clearenv();
	setenv("ONE", "1", 1);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines),
		cmocka_unit_test(add_up),
		cmocka_unit_test(replaced),
		cmocka_unit_test(bad),
		cmocka_unit_test(groups),
		cmocka_unit_test(too_large),
		cmocka_unit_test(too_many),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
