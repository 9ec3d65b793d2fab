/* SPDX-License-Identifier: ISC */
#include "wild.h"

#include "mem.h"
#include "scratch.h"

static void are_patterns(void **state)
{
	static const char *const yes[] = { "*", "a*", "?", "a/?/b", "[", "a[1]",
		"[]", "\\*" };
	static const char *const no[] = { "", "a", "a.txt", "]", "{a,b}", "~",
		"\\", "a b", "$x", "!" };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(yes) / sizeof(yes[0]); i++)
		assert_true(wild_is(yes[i]));
	for (i = 0; i < sizeof(no) / sizeof(no[0]); i++)
		assert_false(wild_is(no[i]));
}

struct found {
	struct buf names;
	int n, most;
};

static bool note(void *ctx, const char *path)
{
	struct found *f = ctx;

	buf_printf(&f->names, "[%s]", path);
	return ++f->n < f->most;
}

static void first_are(const char *dir, const char *pattern, int most,
	const char *expected)
{
	struct found f = { .most = most };
	bool any;

	buf_str(&f.names, "");
	any = wild_each(dir, pattern, note, &f);
	if (strcmp(f.names.data, expected) != 0)
		fail_msg("%s in %s: %s", pattern, dir, f.names.data);
	assert_int_equal(any, f.n > 0);
	buf_release(&f.names);
}

static void are(const char *dir, const char *pattern, const char *expected)
{
	first_are(dir, pattern, 1000, expected);
}

static void put(const struct scratch *s, const char *name)
{
	scratch_put(s, name, "x", 1);
}

static void matches(void **state)
{
	struct scratch s;

	(void)state;
	scratch_init(&s);
	put(&s, "b.txt");
	put(&s, "a.txt");
	put(&s, "B.txt");
	put(&s, "a b.txt");
	put(&s, ".dot.txt");
	put(&s, "\xff.bin");
	assert_int_equal(mkdirat(s.fd, "sub", 0700), 0);
	put(&s, "sub/c.txt");
	put(&s, "sub/.d.txt");
	assert_int_equal(mkdirat(s.fd, "empty", 0700), 0);
	assert_int_equal(symlinkat("nowhere", s.fd, "gone.txt"), 0);
	/* in byte order, as seen from the directory */
	are(s.path, "*.txt", "[B.txt][a b.txt][a.txt][b.txt][gone.txt]");
	are(s.path, "?.txt", "[B.txt][a.txt][b.txt]");
	are(s.path, "[a-b].txt", "[a.txt][b.txt]");
	are(s.path, "[!a]*.txt", "[B.txt][b.txt][gone.txt]");
	are(s.path, "*.bin", "[\xff.bin]");
	are(s.path, "*/*.txt", "[sub/c.txt]");
	are(s.path, "sub/*", "[sub/c.txt]");
	are(s.path, "./*b.txt", "[./a b.txt][./b.txt]");
	are(s.path, "*/", "[empty/][sub/]");
	are(s.path, "sub/../?.txt", "[sub/../B.txt][sub/../a.txt]"
		"[sub/../b.txt]");
	/* what is hidden has to be named */
	are(s.path, ".*.txt", "[.dot.txt]");
	are(s.path, "sub/.d*", "[sub/.d.txt]");
	/* a name; and one that is not there */
	are(s.path, "a.txt", "[a.txt]");
	are(s.path, "gone.txt", "[gone.txt]");
	are(s.path, "sub", "[sub]");
	are(s.path, "no.txt", "");
	are(s.path, "\\a.txt", "");
	are(s.path, "*.none", "");
	are(s.path, "empty/*", "");
	are(s.path, "none/*", "");
	are(s.path, "a.txt/*", "");
	/* only the first ones */
	first_are(s.path, "*.txt", 2, "[B.txt][a b.txt]");
	first_are(s.path, "*.txt", 1, "[B.txt]");
	scratch_release(&s);
}

static void absolute(void **state)
{
	char *pattern, *expected;
	struct scratch s;

	(void)state;
	scratch_init(&s);
	put(&s, "a.txt");
	put(&s, "b.txt");
	pattern = mem_printf("%s/*.txt", s.path);
	expected = mem_printf("[%s/a.txt][%s/b.txt]", s.path, s.path);
	are("/nowhere", pattern, expected);
	are(s.path, pattern, expected);
	free(pattern);
	free(expected);
	pattern = mem_printf("%s/b.txt", s.path);
	expected = mem_printf("[%s/b.txt]", s.path);
	are("/nowhere", pattern, expected);
	free(pattern);
	free(expected);
	are("/nowhere", "*", "");
	scratch_release(&s);
}

/* A file that is called what is a pattern. */
static void called_a_pattern(void **state)
{
	struct scratch s;

	(void)state;
	scratch_init(&s);
	put(&s, "a[1].txt");
	put(&s, "a1.txt");
	put(&s, "*");
	put(&s, "what?");
	put(&s, "[");
	put(&s, "back\\slash");
	are(s.path, "a[1].txt", "[a[1].txt]");
	are(s.path, "a[1-3].txt", "[a1.txt]");
	/* it does not hide the others */
	are(s.path, "*", "[*][[][a1.txt][a[1].txt][back\\slash][what?]");
	are(s.path, "wha*", "[what?]");
	are(s.path, "[", "[[]");
	are(s.path, "what?", "[what?]");
	are(s.path, "a[[]1].txt", "[a[1].txt]");
	are(s.path, "a\\[1\\]*", "[a[1].txt]");
	are(s.path, "back*", "[back\\slash]");
	assert_int_equal(unlinkat(s.fd, "a[1].txt", 0), 0);
	are(s.path, "a[1].txt", "[a1.txt]");
	scratch_release(&s);
}

/* What the directory is called is no pattern. */
static void strange_directories(void **state)
{
	static const char *const name[] = { "a[b]", "*", "?", "[", "]", "a\\b",
		"\\", "a\\*b", "{a,b}", "~", " ", "new\nline", "-rf", "\xff",
		"[!a]", "a\\[b" };
	struct scratch s;
	size_t i;

	(void)state;
	scratch_init(&s);
	/* what they would match, were they patterns */
	assert_int_equal(mkdirat(s.fd, "ab", 0700), 0);
	put(&s, "ab/wrong.txt");
	for (i = 0; i < sizeof(name) / sizeof(name[0]); i++) {
		char *dir = mem_printf("%s/%s", s.path, name[i]);
		char *file = mem_printf("%s/x.txt", name[i]);

		assert_int_equal(mkdirat(s.fd, name[i], 0700), 0);
		put(&s, file);
		are(dir, "*.txt", "[x.txt]");
		are(dir, "?.txt", "[x.txt]");
		are(dir, "*", "[x.txt]");
		are(dir, "x.txt", "[x.txt]");
		are(dir, "*.none", "");
		free(dir);
		free(file);
	}
	scratch_release(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(are_patterns),
		cmocka_unit_test(matches),
		cmocka_unit_test(absolute),
		cmocka_unit_test(called_a_pattern),
		cmocka_unit_test(strange_directories),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
