/* SPDX-License-Identifier: ISC */
#include "tail.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "safe.h"
#include "scratch.h"

static void tails(void **state)
{
	static const struct {
		const char *text;
		int lines;
		const char *tail;	/* NULL: nothing to show */
	} c[] = {
		{ "", 3, NULL }, { "\n", 3, NULL },
		{ "a", 3, "> a\n" }, { "a\n", 3, "> a\n" },
		{ "a\nb\nc\nd\n", 3, "> b\n> c\n> d\n" },
		{ "a\nb\nc\nd", 3, "> b\n> c\n> d\n" },
		{ "a\nb\nc\nd", 1, "> d\n" },
		{ "a\n\nc\n", 2, "> \n> c\n" },
		{ "a\n\n", 2, "> a\n> \n" },
		{ "10%\r50%\r100%", 3, "> 100%\n" },
		{ "10%\r50%\r100%\ndone\n", 3, "> 100%\n> done\n" },
		{ "\x1b[31mred\x1b[0m\n", 3, "> \\x1b[31mred\\x1b[0m\n" },
		{ "\xff\xc3\xa4\n", 3, "> \\xff\xc3\xa4\n" },
	};
	struct buf out = { 0 };
	struct scratch d;
	size_t i;

	(void)state;
	scratch_init(&d);
	for (i = 0; i < sizeof(c) / sizeof(c[0]); i++) {
		scratch_put(&d, "log", c[i].text, strlen(c[i].text));
		buf_reset(&out);
		buf_str(&out, "");
		assert_int_equal(tail_add(&out, d.fd, "log", c[i].lines,
			"> "), c[i].tail != NULL);
		assert_string_equal(out.data, c[i].tail != NULL ?
			c[i].tail : "");
	}
	buf_release(&out);
	scratch_release(&d);
}

/* CRLF and a carriage return at the end: the text, not an empty line. */
static void carriage_returns(void **state)
{
	static const char *const text[] = { "x\r\n", "x\r", "a\rx\r\n" };
	struct buf out = { 0 };
	struct scratch d;
	size_t i;

	(void)state;
	scratch_init(&d);
	for (i = 0; i < sizeof(text) / sizeof(text[0]); i++) {
		scratch_put(&d, "log", text[i], strlen(text[i]));
		buf_reset(&out);
		assert_true(tail_add(&out, d.fd, "log", 5, ""));
		assert_int_equal(out.data[0], 'x');
		assert_null(strpbrk(out.data, "\r\\"));
	}
	buf_release(&out);
	scratch_release(&d);
}

static void large_files(void **state)
{
	struct buf text = { 0 }, out = { 0 };
	struct scratch d;
	int i;

	(void)state;
	scratch_init(&d);
	for (i = 0; i < 100000; i++)
		buf_printf(&text, "line %d\n", i);
	scratch_put(&d, "log", text.data, text.len);
	assert_true(tail_add(&out, d.fd, "log", 2, "| "));
	assert_string_equal(out.data, "| line 99998\n| line 99999\n");
	/* one line without an end: cut, with a megabyte of it unread */
	buf_reset(&text);
	while (text.len < 1 << 20)
		buf_str(&text, "0123456789");
	scratch_put(&d, "log", text.data, text.len);
	buf_reset(&out);
	assert_true(tail_add(&out, d.fd, "log", 20, ""));
	assert_true(out.len < 1000);
	/* zeros, as after a power cut */
	memset(text.data, 0, text.len);
	scratch_put(&d, "log", text.data, text.len);
	buf_reset(&out);
	assert_true(tail_add(&out, d.fd, "log", 20, ""));
	assert_true(out.len < 4000);
	buf_release(&text);
	buf_release(&out);
	scratch_release(&d);
}

static void not_a_log(void **state)
{
	struct buf out = { 0 };
	struct scratch d;

	(void)state;
	scratch_init(&d);
	scratch_put(&d, "real", "secret\n", 7);
	assert_int_equal(symlinkat("real", d.fd, "link"), 0);
	assert_int_equal(mkdirat(d.fd, "dir", 0700), 0);
	assert_false(tail_add(&out, d.fd, "none", 3, ""));
	assert_false(tail_add(&out, d.fd, "link", 3, ""));
	assert_false(tail_add(&out, d.fd, "dir", 3, ""));
	assert_int_equal(out.len, 0);
	scratch_release(&d);
}

/* Where it is cut off, in front or behind, and over lines. */
static void secrets(void **state)
{
	static const char secret[] = "first line of it\nsecond line of it";
	size_t n = strlen(secret), at;
	struct buf text = { 0 }, out = { 0 };
	struct scratch d;

	(void)state;
	scratch_init(&d);
	mask_add(safe_secrets(), "hunter2", 7);
	mask_add(safe_secrets(), secret, n);
	buf_printf(&text, "a hunter2\n%s\nsecond line of it!\n", secret);
	scratch_put(&d, "log", text.data, text.len);
	assert_true(tail_add(&out, d.fd, "log", 3, "> "));
	assert_string_equal(out.data, "> a ***\n> ***\n> ***!\n");
	/* every place at the begin of the 64 KiB that are looked at */
	for (at = 1; at <= 7; at++) {
		buf_reset(&text);
		buf_str(&text, "hunter2");
		while (text.len < 64 * 1024 + at)
			buf_char(&text, '.');
		scratch_put(&d, "log", text.data, text.len);
		buf_reset(&out);
		assert_true(tail_add(&out, d.fd, "log", 1, ""));
		out.data[6] = '\0';
		assert_string_equal(out.data, at < 7 ? "***..." : "......");
	}
	/* at the end of what is shown of a long line */
	buf_reset(&text);
	while (text.len < 495)
		buf_char(&text, '.');
	buf_printf(&text, "hunter2%0500d", 1);
	scratch_put(&d, "log", text.data, text.len);
	buf_reset(&out);
	assert_true(tail_add(&out, d.fd, "log", 1, ""));
	assert_string_equal(out.data + 494, ".***00\n");
	mask_release(safe_secrets());
	buf_release(&text);
	buf_release(&out);
	scratch_release(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tails),
		cmocka_unit_test(carriage_returns),
		cmocka_unit_test(large_files),
		cmocka_unit_test(not_a_log),
		cmocka_unit_test(secrets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
