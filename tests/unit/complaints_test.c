/* SPDX-License-Identifier: ISC */
#include "complaints.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "buf.h"

static void expect(struct complaints *c, const char *expected)
{
	struct buf said = { 0 };

	complaints_sort(c);
	buf_str(&said, "");
	for (size_t i = 0; i < c->n; i++)
		buf_printf(&said, "%s:%d %s%s%s\n", c->v[i].file, c->v[i].line,
			c->v[i].message, c->v[i].hint != NULL ? " | " : "",
			c->v[i].hint != NULL ? c->v[i].hint : "");
	assert_string_equal(said.data, expected);
	buf_release(&said);
	complaints_release(c);
	assert_int_equal(c->n, 0);
}

static void by_line(void **state)
{
	struct complaints c = { 0 };

	(void)state;
	expect(&c, "");
	complaints_add(&c, "f", 3, NULL, "c");
	expect(&c, "f:3 c\n");
	complaints_add(&c, "f", 3, NULL, "c");
	complaints_add(&c, "f", 1, "hint", "a %d", 7);
	complaints_add(&c, "f", 3, NULL, "b");
	complaints_add(&c, "f", 0, NULL, "whole");
	expect(&c, "f:0 whole\nf:1 a 7 | hint\nf:3 c\nf:3 b\n");
}

static void by_file(void **state)
{
	struct complaints c = { 0 };

	(void)state;
	complaints_add(&c, "z.ini", 9, NULL, "a");
	complaints_add(&c, "a.ini", 2, NULL, "b");
	complaints_add(&c, "z.ini", 1, NULL, "c");
	complaints_add(&c, "m.ini", 2, NULL, "d");
	complaints_add(&c, "a.ini", 1, NULL, "e");
	complaints_add(&c, "z.ini", 2, NULL, "b");
	expect(&c, "z.ini:1 c\nz.ini:2 b\nz.ini:9 a\na.ini:1 e\na.ini:2 b\n"
		"m.ini:2 d\n");
}

/* A value that is read for several steps is one mistake. */
static void repeated(void **state)
{
	struct complaints c = { 0 };

	(void)state;
	for (int i = 0; i < 3; i++) {
		complaints_add(&c, "f", 2, NULL, "a");
		complaints_add(&c, "f", 2, NULL, "b");
		complaints_add(&c, "g", 2, NULL, "a");
		complaints_add(&c, "f", 3, NULL, "a");
	}
	expect(&c, "f:2 a\nf:2 b\nf:3 a\ng:2 a\n");
}

static void long_ones(void **state)
{
	struct complaints c = { 0 };
	char text[1000];

	(void)state;
	for (size_t i = 0; i < sizeof(text) - 1; i++)
		text[i] = 'x';
	text[sizeof(text) - 1] = '\0';
	complaints_add(&c, "f", 1, NULL, "%s", text);
	assert_string_equal(c.v[0].message, text);
	complaints_release(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(by_line),
		cmocka_unit_test(by_file),
		cmocka_unit_test(repeated),
		cmocka_unit_test(long_ones),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
