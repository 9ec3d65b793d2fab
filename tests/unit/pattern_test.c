/* SPDX-License-Identifier: ISC */
#include "pattern.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static struct pattern_cache cache;

static int release(void **state)
{
	(void)state;
	pattern_cache_release(&cache);
	assert_null(cache.first);
	assert_int_equal(cache.n, 0);
	return 0;
}

/* A text with its length, which may hold NUL. */
#define T(text) text, sizeof(text) - 1

static const struct {
	const char *regex, *text;
	size_t len, from;
	long start, end;		/* -1: no match */
	long group_start, group_end;	/* -1: no group, or it is not in it */
} rows[] = {
	{ "b", T("abc"), 0, 1, 2, -1, -1 },
	{ "x", T("abc"), 0, -1, 0, 0, 0 },
	{ "", T("abc"), 0, 0, 0, -1, -1 },
	{ "a", T(""), 0, -1, 0, 0, 0 },
	{ "^$", T(""), 0, 0, 0, -1, -1 },
	/* leftmost, then longest */
	{ "b+|abb", T("xabbb"), 0, 1, 4, -1, -1 },
	{ "a|ab|abc", T("xabcd"), 0, 1, 4, -1, -1 },
	/* extended, and with a case */
	{ "(a|b){2}c?", T("xbac"), 0, 1, 4, 2, 3 },
	{ "A", T("a"), 0, -1, 0, 0, 0 },
	{ "\\(a\\)", T("x(a)"), 0, 1, 4, -1, -1 },
	{ "[[:digit:]]+", T("ab123c"), 0, 2, 5, -1, -1 },
	/* lines: "." and [^x] stop at their ends, ^ and $ are every line's */
	{ "a.*", T("ab\nac"), 0, 0, 2, -1, -1 },
	{ "a[^x]*", T("ab\nac"), 0, 0, 2, -1, -1 },
	{ "a.b", T("a\nb"), 0, -1, 0, 0, 0 },
	{ "^b$", T("a\nb\nc"), 0, 2, 3, -1, -1 },
	{ "^c", T("a\nb\nc"), 0, 4, 5, -1, -1 },
	{ "a$", T("a\nb"), 0, 0, 1, -1, -1 },
	{ "^b", T("ab"), 0, -1, 0, 0, 0 },
	{ "a$", T("ab"), 0, -1, 0, 0, 0 },
	{ "a$", T("a\r\n"), 0, -1, 0, 0, 0 },
	{ "a[[:space:]]b", T("a\nb"), 0, 0, 3, -1, -1 },
	/* NUL is a byte like others */
	{ "b", T("a\0b"), 0, 2, 3, -1, -1 },
	{ "a[^c]b", T("a\0b"), 0, 0, 3, -1, -1 },
	/* but "." does not stand for it (regcomp(3) of glibc) */
	{ "a.b", T("a\0b"), 0, -1, 0, 0, 0 },
	{ "^b", T("a\0b"), 0, -1, 0, 0, 0 },
	{ "^b", T("a\0\nb\0"), 0, 3, 4, -1, -1 },
	{ "a$", T("a\0"), 0, -1, 0, 0, 0 },
	{ "([^x]+)$", T("x\0\0y"), 0, 1, 4, 1, 4 },
	{ "a", T("\0\0\0\0a"), 0, 4, 5, -1, -1 },
	/* what stands behind len is not looked at */
	{ "b", "abc", 1, 0, -1, 0, 0, 0 },
	{ "a$", "abc", 1, 0, 0, 1, -1, -1 },
	{ ".*", "abc", 2, 0, 0, 2, -1, -1 },
	/* group 1, and no other */
	{ "id=([0-9]+)", T("x id=42;"), 0, 2, 7, 5, 7 },
	{ "(x)?y", T("ay"), 0, 1, 2, -1, -1 },
	{ "(x)|(y)", T("y"), 0, 0, 1, -1, -1 },
	{ "a(b*)c", T("ac"), 0, 0, 2, 1, 1 },
	{ "((a)b)c", T("abc"), 0, 0, 3, 0, 2 },
	{ "(a)(b)(c)", T("abc"), 0, 0, 3, 0, 1 },
	{ "(a|b)+", T("abab"), 0, 0, 4, 3, 4 },
	/* UTF-8 in the C locale is bytes */
	{ "You.{1,3}ve", T("You\xe2\x80\x99ve"), 0, 0, 8, -1, -1 },
	{ "You.{1,3}ve", T("You've"), 0, 0, 6, -1, -1 },
	{ "\xc3\xa4", T("x\xc3\xa4"), 0, 1, 3, -1, -1 },
	{ "a.b", T("a\xff" "b"), 0, 0, 3, -1, -1 },
	/* from: whether a line begins there is seen, nothing else */
	{ "a", T("aba"), 1, 2, 3, -1, -1 },
	{ "ab", T("abxab"), 1, 3, 5, -1, -1 },
	{ "^b", T("ab\nb"), 1, 3, 4, -1, -1 },
	{ "^b", T("ab"), 1, -1, 0, 0, 0 },
	{ "^b", T("a\nb"), 2, 2, 3, -1, -1 },
	{ "([a-z])$", T("ab\ncd"), 2, 4, 5, 4, 5 },
	{ "b", T("ab"), 2, -1, 0, 0, 0 },
	{ "$", T("ab"), 2, 2, 2, -1, -1 },
	{ "c", T("a\0bc"), 2, 3, 4, -1, -1 },
};

static void finds(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct pattern_hit hit = { -7, -7, -7, -7 };
		bool found = pattern_find_from(&cache, rows[i].regex,
			rows[i].text, rows[i].len, rows[i].from, &hit);

		if (found != (rows[i].start != -1))
			fail_msg("row %zu: %s: %s", i, rows[i].regex,
				found ? "found" : "not found");
		if (found && (hit.start != rows[i].start ||
		    hit.end != rows[i].end ||
		    hit.group_start != rows[i].group_start ||
		    (hit.group_start != -1 &&
		    hit.group_end != rows[i].group_end)))
			fail_msg("row %zu: %s: [%ld, %ld), group [%ld, %ld)",
				i, rows[i].regex, hit.start, hit.end,
				hit.group_start, hit.group_end);
		if (rows[i].from == 0) {
			struct pattern_hit again;

			assert_int_equal(pattern_seen(&cache, rows[i].regex,
				rows[i].text, rows[i].len), found);
			assert_int_equal(pattern_find(&cache, rows[i].regex,
				rows[i].text, rows[i].len, &again), found);
			if (found)
				assert_memory_equal(&hit, &again, sizeof(hit));
		}
	}
	assert_false(pattern_find(&cache, "a", NULL, 0,
		&(struct pattern_hit){ 0 }));
	assert_false(pattern_seen(&cache, "a", NULL, 0));
	assert_true(pattern_seen(&cache, "^$", NULL, 0));
}

/* More than are kept, in turns: each is found what it is, and the ones that
 * are used stay. */
static void many(void **state)
{
	enum { KEPT = 64 };
	struct pattern_hit hit;
	char regex[32], text[32];
	int i, round;

	(void)state;
	for (round = 0; round < 5; round++)
		for (i = 0; i < 3 * KEPT; i++) {
			int k = round % 2 == 0 ? i : 3 * KEPT - i;

			snprintf(regex, sizeof(regex), "x(%d)y", k);
			snprintf(text, sizeof(text), "ax%dyb", k);
			assert_true(pattern_find(&cache, regex, text,
				strlen(text), &hit));
			assert_int_equal(hit.start, 1);
			assert_int_equal(hit.group_end, strlen(text) - 2);
			snprintf(text, sizeof(text), "ax%dyb", k + 1);
			assert_false(pattern_find(&cache, regex, text,
				strlen(text), &hit));
			/* the one that is used all the time */
			assert_true(pattern_find(&cache, "b", text,
				strlen(text), &hit));
			assert_true(cache.n <= KEPT);
		}
	assert_int_equal(cache.n, KEPT);
	/* compiled once, it is not compiled again: its clock goes on alone */
	for (i = 0; i < 100; i++)
		assert_true(pattern_find(&cache, "b", "b", 1, &hit));
	assert_int_equal(cache.n, KEPT);
}

static void checks(void **state)
{
	static const char *const bad[] = { "(", "a)b(", "[a", "a{2", "a{2,1}",
		"[[:nothing:]]", "a\\", "[z-a]", "(a", "a{," };
	static const char *const good[] = { "", "a", "a|b", "(a)", "a{2,3}",
		"[]x]", "[^]x]", "a{,3}", "[[:alpha:]_-]+", "\\(", "[(]",
		"^[^A-Za-z0-9]*(a|b [0-9]{10}|You.{1,3}ve hit)$",
		"([[.-.]]|[[=a=]])" };
	struct pattern_hit hit;
	struct why why;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		if (pattern_check(good[i], &why) != 0)
			fail_msg("%s: %s", good[i], why.text);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		memset(&why, 0, sizeof(why));
		if (pattern_check(bad[i], &why) != -1)
			fail_msg("accepted: %s", bad[i]);
		assert_true(why.text[0] != '\0');
		/* and matches nothing, not even itself */
		assert_false(pattern_find(&cache, bad[i], bad[i],
			strlen(bad[i]), &hit));
		assert_false(pattern_find(&cache, bad[i], "", 0, &hit));
		assert_false(pattern_seen(&cache, bad[i], bad[i],
			strlen(bad[i])));
	}
}

static void too_large(const char *regex, const char *said)
{
	struct timespec a, b;
	struct why why;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a);
	memset(&why, 0, sizeof(why));
	assert_int_equal(pattern_check(regex, &why), -1);
	if (strstr(why.text, said) == NULL)
		fail_msg("%.40s: %s", regex, why.text);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b);
	/* refused before it is compiled, which would take minutes */
	assert_true(b.tv_sec - a.tv_sec < 5);
}

/* What would take all memory or stack there is. */
static void large(void **state)
{
	char text[70000];
	struct why why;
	int i;

	(void)state;
	too_large("(((a{99}){99}){99})", "written out");
	too_large("((((((((a+)+)+)+)+)+)+)+){9999}", "written out");
	too_large("a{3001}", "written out");
	too_large("(a|b){1,32767}", "written out");
	too_large("[[:alpha:]]{99999}", "written out");
	too_large("((a{50}){50}b){2}", "written out");
	memset(text, 'a', sizeof(text));
	text[4097] = '\0';
	too_large(text, "4097 bytes");
	memset(text, '(', 60);
	memset(text + 60, ')', 60);
	text[120] = '\0';
	too_large(text, "in each other");
	/* what people write passes */
	assert_int_equal(pattern_check("((a{9}){9}b){9}", &why), 0);
	assert_int_equal(pattern_check("a{1000}", &why), 0);
	memset(text, '(', 50);
	text[50] = 'x';
	memset(text + 51, ')', 50);
	text[101] = '\0';
	assert_int_equal(pattern_check(text, &why), 0);
	/* 50 in each other, twice beside each other */
	memcpy(text + 101, text, 101);
	text[202] = '\0';
	assert_int_equal(pattern_check(text, &why), 0);
	for (i = 0; i < 200; i++)
		memcpy(text + i * 4, "abc|", 4);
	text[799] = '\0';
	assert_int_equal(pattern_check(text, &why), 0);
	/* no parentheses: those of brackets and behind a backslash */
	for (i = 0; i < 200; i++)
		memcpy(text + i * 5, i % 2 == 0 ? "[(]{2" : "\\(\\(x", 5);
	for (i = 0; i < 200; i += 2)
		text[i * 5 + 3] = 'x';
	text[1000] = '\0';
	assert_int_equal(pattern_check(text, &why), 0);
}

/* To the character, with repetitions written out: a pair of parentheses counts
 * one more than what is in it, and {n} is n and one more. */
static void largest(void **state)
{
	static const struct { const char *fits, *does_not; } c[] = {
		{ "a{1199}", "a{1200}" }, { "[ab]{1199}", "[ab]{1200}" },
		{ "[]a]{1199}", "[]a]{1200}" },
		{ "[^]a]{1199}", "[^]a]{1200}" },
		{ "[^]]{1199}", "[^]]{1200}" }, { "[(]{1199}", "[(]{1200}" },
		{ "[{2}]{1199}", "[{2}]{1200}" },
		{ "[[:alpha:]]{1199}", "[[:alpha:]]{1200}" },
		{ "[[:alpha:](a]{1199}", "[[:alpha:](a]{1200}" },
		{ "[[.-.]]{1199}", "[[.-.]]{1200}" },
		{ "[[=a=]x]{1199}", "[[=a=]x]{1200}" },
		{ "[a[]{1199}", "[a[]{1200}" }, { "[[(]{1199}", "[[(]{1200}" },
		{ "[[.].][:digit:]]{1199}", "[[.].][:digit:]]{1200}" },
		{ "\\({1199}", "\\({1200}" }, { ".{1199}", ".{1200}" },
		{ "a{599}b{599}", "a{599}b{599}c" },
		{ "a{599}b{599}", "ca{599}b{599}" },
		{ "(a){599}", "(a){600}" }, { "(a{10}){99}", "(a{10}){100}" },
		{ "((a{9}){9}b){9}", "((a{9}){9}b){10}" },
		{ "(ab|c){239}", "(ab|c){240}" }, { "a{1,1200}", "a{1,1201}" },
		{ "a{0,1200}", "a{0,1201}" }, { "a{1199,}", "a{1200,}" },
		{ "a{598}+bb", "a{598}+bbb" }, { "(a+){399}", "(a+){400}" },
		{ "a*{1199}", "a*{1200}" }, { "a?{1199}", "a?{1200}" },
		{ "a{2}{399}", "a{2}{400}" },
	};
	struct why why;
	char text[4098];

	(void)state;
	for (size_t i = 0; i < sizeof(c) / sizeof(c[0]); i++) {
		if (pattern_check(c[i].fits, &why) != 0)
			fail_msg("%s: %s", c[i].fits, why.text);
		if (pattern_check(c[i].does_not, &why) != -1 ||
		    strstr(why.text, "written out") == NULL)
			fail_msg("%s", c[i].does_not);
	}
	/* of any length up to 4096 bytes */
	memset(text, 'a', sizeof(text));
	text[0] = '[';
	text[4095] = ']';
	text[4096] = '\0';
	assert_int_equal(pattern_check(text, &why), 0);
	text[4095] = 'a';
	text[4096] = ']';
	text[4097] = '\0';
	assert_int_equal(pattern_check(text, &why), -1);
	assert_non_null(strstr(why.text, "4097 bytes"));
}

static void groups(void **state)
{
	(void)state;
	assert_int_equal(pattern_groups("a"), 0);
	assert_int_equal(pattern_groups("(a)"), 1);
	assert_int_equal(pattern_groups("(a(b))|(c)"), 3);
	assert_int_equal(pattern_groups("\\(a\\)[(]"), 0);
	assert_int_equal(pattern_groups("("), 0);
}

/* All hits of 64 KiB, one after another, as the judge looks for prices. */
static void one_after_another(void **state)
{
	enum { LEN = 64 * 1024 };
	/* a sanitizer's regexec() looks for a NUL */
	char *text = calloc(LEN + 1, 1);
	struct pattern_hit hit;
	size_t from = 0;
	int n = 0;

	(void)state;
	assert_non_null(text);
	memset(text, '7', LEN);
	while (from < LEN && pattern_find_from(&cache, "([0-9])", text, LEN,
	    from, &hit)) {
		assert_int_equal(hit.start, from);
		from = (size_t)hit.end;
		n++;
	}
	assert_int_equal(n, LEN);
	free(text);
}

int main(void)
{
#define R(f) cmocka_unit_test_teardown(f, release)
	const struct CMUnitTest tests[] = {
		R(finds), R(many), R(checks), R(large), R(largest), R(groups),
		R(one_after_another),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
