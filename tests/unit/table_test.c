/* SPDX-License-Identifier: ISC */
#include "table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void empty(void **state)
{
	struct table t = { 0 };

	(void)state;
	assert_int_equal(table_get(&t, "a"), TABLE_NONE);
	assert_int_equal(table_get(&t, ""), TABLE_NONE);
	assert_null(table_name(&t, "a"));
	table_release(&t);
	table_release(&t);
}

static void a_few(void **state)
{
	static const char a[] = "a", none[] = "", odd[] = "\xff]\n";
	struct table t = { 0 };
	char copy[] = "a";

	(void)state;
	table_put(&t, a, 7);
	table_put(&t, none, 0);
	table_put(&t, odd, 2147483647);
	assert_int_equal(t.used, 3);
	assert_int_equal(table_get(&t, copy), 7);
	assert_int_equal(table_get(&t, ""), 0);
	assert_int_equal(table_get(&t, "\xff]\n"), 2147483647);
	assert_int_equal(table_get(&t, "A"), TABLE_NONE);
	assert_int_equal(table_get(&t, "a "), TABLE_NONE);
	/* the names stay the caller's */
	assert_ptr_equal(table_name(&t, copy), a);
	assert_ptr_equal(table_name(&t, ""), none);
	assert_null(table_name(&t, "b"));
	table_release(&t);
	assert_int_equal(table_get(&t, "a"), TABLE_NONE);
	assert_int_equal(t.used, 0);
	table_put(&t, a, 8);
	assert_int_equal(table_get(&t, "a"), 8);
	table_release(&t);
}

static void many(void **state)
{
	enum { MANY = 50000, EACH = 8 };
	char *names = malloc(MANY * EACH);
	struct table t = { 0 };
	int i;

	(void)state;
	assert_non_null(names);
	for (i = 0; i < MANY; i++) {
		char *name = names + i * EACH;

		snprintf(name, EACH, "n%d", i);
		assert_int_equal(table_get(&t, name), TABLE_NONE);
		table_put(&t, name, i);
		/* half of it is free, so that a search ends */
		assert_true(t.used * 2 <= t.size);
	}
	assert_int_equal(t.used, MANY);
	for (i = 0; i < MANY; i++) {
		assert_int_equal(table_get(&t, names + i * EACH), i);
		assert_ptr_equal(table_name(&t, names + i * EACH),
			names + i * EACH);
	}
	assert_int_equal(table_get(&t, "n50000"), TABLE_NONE);
	table_release(&t);
	free(names);
}

/* FNV-1a as its authors publish it; in pieces as well. */
static void hashes(void **state)
{
	uint64_t h = table_hash(TABLE_HASH_START, "foo", 3);

	(void)state;
	assert_true(table_hash(TABLE_HASH_START, "", 0) ==
		0xcbf29ce484222325ull);
	assert_true(table_hash(TABLE_HASH_START, "a", 1) ==
		0xaf63dc4c8601ec8cull);
	assert_true(table_hash(TABLE_HASH_START, "foobar", 6) ==
		0x85944171f73967e8ull);
	assert_true(table_hash(h, "bar", 3) == 0x85944171f73967e8ull);
	assert_true(table_hash(TABLE_HASH_START, "\0", 1) !=
		table_hash(TABLE_HASH_START, "", 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty),
		cmocka_unit_test(a_few),
		cmocka_unit_test(many),
		cmocka_unit_test(hashes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
