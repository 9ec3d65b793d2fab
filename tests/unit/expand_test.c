/* SPDX-License-Identifier: ISC */
#include "expand.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "mem.h"

static const char *lookup(void *ctx, const char *name, size_t len)
{
	int *asked = ctx;

	++*asked;
	if (len == 1 && *name == 'A')
		return "one";
	if (len == 5 && memcmp(name, "EMPTY", 5) == 0)
		return "";
	if (len == 6 && memcmp(name, "DOLLAR", 6) == 0)
		return "${A} $$ $A";
	return NULL;
}

static void good(const char *text, const char *expected)
{
	struct buf out = { 0 };
	struct why why;
	int asked = 0;

	buf_str(&out, ">");
	assert_int_equal(expand(text, lookup, &asked, &out, &why), 0);
	assert_string_equal(out.data + 1, expected);
	buf_release(&out);
}

static void bad(const char *text, const char *expected)
{
	struct buf out = { 0 };
	struct why why;
	int asked = 0;

	assert_int_equal(expand(text, lookup, &asked, &out, &why), -1);
	assert_string_equal(why.text, expected);
	assert_int_equal(why.err, 0);
	buf_release(&out);
}

static void plain(void **state)
{
	(void)state;
	good("", "");
	good("text", "text");
	good("$A $1 $$ $ {A} } $", "$A $1 $$ $ {A} } $");
	good("%s %n", "%s %n");
}

static void replaced(void **state)
{
	(void)state;
	good("${A}", "one");
	good("a${A}b${A}", "aoneb" "one");
	good("${EMPTY}", "");
	good("$${A}", "${A}");
	good("$${", "${");
	good("$$$${A}", "$$${A}");
	good("$x${A}", "$xone");
	/* what is put in is not read again */
	good("${DOLLAR}", "${A} $$ $A");
}

static void refused(void **state)
{
	(void)state;
	bad("${B}", "${B} is not defined");
	bad("x ${a} y", "${a} is not defined");
	bad("${A", "\"${A\" has no closing \"}\"");
	bad("${}", "\"${}\" is no variable: only ${NAME} is replaced, and "
		"$${ stands for ${");
	bad("${A:-x}", "\"${A:-x}\" is no variable: only ${NAME} is replaced, "
		"and $${ stands for ${");
	bad("${1}", "\"${1}\" is no variable: only ${NAME} is replaced, and "
		"$${ stands for ${");
	bad("${A B}", "\"${A B}\" is no variable: only ${NAME} is replaced, "
		"and $${ stands for ${");
	bad("${\n}", "\"${\n}\" is no variable: only ${NAME} is replaced, and "
		"$${ stands for ${");
}

static void very_long(void **state)
{
	char *name = mem_alloc(1000003);
	struct buf out = { 0 };
	struct why why;
	int asked = 0;

	(void)state;
	memset(name, 'x', 1000000);
	memcpy(name, "${", 2);
	assert_int_equal(expand(name, lookup, &asked, &out, &why), -1);
	assert_int_equal(asked, 0);
	assert_true(strlen(why.text) < 100);
	name[1000000] = '}';
	assert_int_equal(expand(name, lookup, &asked, &out, &why), -1);
	assert_int_equal(asked, 1);
	assert_true(strlen(why.text) < 100);
	buf_release(&out);
	free(name);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain),
		cmocka_unit_test(replaced),
		cmocka_unit_test(refused),
		cmocka_unit_test(very_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
