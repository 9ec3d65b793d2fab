/* SPDX-License-Identifier: ISC */
#include "safe.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <stdio.h>

/* A copy of exactly n bytes, so that a read beyond them is seen. */
static void line(const char *text, size_t n, struct buf *out)
{
	char *copy = malloc(n + (n == 0));

	assert_non_null(copy);
	memcpy(copy, text, n);
	buf_reset(out);
	buf_str(out, "");
	safe_line(out, copy, n);
	free(copy);
}

static void known(void **state)
{
	static const struct { const char *text, *safe; } c[] = {
		{ "", "" }, { "plain text", "plain text" },
		{ "tab\there", "tab\there" },
		{ "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80",
			"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80" },
		{ "\x1b[31mred", "\\x1b[31mred" },
		{ "\x1b]0;title\x07", "\\x1b]0;title\\x07" },
		{ "a\nb\r\n", "a\\x0ab\\x0d\\x0a" },
		{ "\x7f\x08", "\\x7f\\x08" },
		/* C1: CSI in one character, and as a bare byte */
		{ "\xc2\x9b" "31m", "\\xc2\\x9b31m" },
		{ "\x9b" "31m", "\\x9b31m" },
		{ "\xc2\xa0", "\xc2\xa0" },
		/* bidirectional controls, separators, the invisible one */
		{ "\xe2\x80\xae", "\\xe2\\x80\\xae" },
		{ "\xe2\x81\xa6", "\\xe2\\x81\\xa6" },
		{ "\xe2\x80\x8e", "\\xe2\\x80\\x8e" },
		{ "\xd8\x9c", "\\xd8\\x9c" },
		{ "\xe2\x80\xa8", "\\xe2\\x80\\xa8" },
		{ "\xef\xbb\xbf", "\\xef\\xbb\\xbf" },
		/* broken: overlong, surrogate, too high, cut off */
		{ "\xc0\xaf", "\\xc0\\xaf" }, { "\xc1\xbf", "\\xc1\\xbf" },
		{ "\xe0\x80\xaf", "\\xe0\\x80\\xaf" },
		{ "\xf0\x80\x80\xaf", "\\xf0\\x80\\x80\\xaf" },
		{ "\xed\xa0\x80", "\\xed\\xa0\\x80" },
		{ "\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80" },
		{ "\xf8\x88\x80\x80\x80", "\\xf8\\x88\\x80\\x80\\x80" },
		{ "\xff\xfe", "\\xff\\xfe" }, { "\xc3", "\\xc3" },
		{ "\xc3(", "\\xc3(" }, { "\xe2\x82", "\\xe2\\x82" },
		{ "\xf0\x9f\x98", "\\xf0\\x9f\\x98" },
		{ "\x80\xbf", "\\x80\\xbf" },
	};
	struct buf out = { 0 };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(c) / sizeof(c[0]); i++) {
		line(c[i].text, strlen(c[i].text), &out);
		assert_string_equal(out.data, c[i].safe);
	}
	line("a\0b", 3, &out);
	assert_string_equal(out.data, "a\\x00b");
	buf_release(&out);
}

static size_t encode(uint32_t c, char out[4])
{
	if (c < 0x80) {
		out[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (char)(0xc0 | c >> 6);
		out[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		out[0] = (char)(0xe0 | c >> 12);
		out[1] = (char)(0x80 | (c >> 6 & 0x3f));
		out[2] = (char)(0x80 | (c & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | c >> 18);
	out[1] = (char)(0x80 | (c >> 12 & 0x3f));
	out[2] = (char)(0x80 | (c >> 6 & 0x3f));
	out[3] = (char)(0x80 | (c & 0x3f));
	return 4;
}

/* Every code point: passed as it is, unless it is one of these. */
static void every_code_point(void **state)
{
	static const struct { uint32_t from, to; } bad[] = {
		{ 0, 8 }, { 10, 0x1f }, { 0x7f, 0x9f }, { 0x61c, 0x61c },
		{ 0x200e, 0x200f }, { 0x2028, 0x202e }, { 0x2066, 0x2069 },
		{ 0xd800, 0xdfff }, { 0xfeff, 0xfeff }, { 0x110000, 0x1fffff },
	};
	char text[4];
	uint32_t c;
	size_t i, n;

	(void)state;
	for (c = 0; c < 0x1fffff; c += c < 0x3000 ? 1 : 7) {
		bool harmful = false;

		for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
			harmful |= c >= bad[i].from && c <= bad[i].to;
		n = encode(c, text);
		if (safe_char(text, n) != (harmful ? 0 : n))
			fail_msg("U+%04X", c);
	}
	assert_int_equal(safe_char("x", 0), 0);
}

/* Whatever goes in: no control and no broken UTF-8 comes out, and twice is the
 * same as once. */
static void random_bytes(void **state)
{
	struct buf once = { 0 }, twice = { 0 };
	char text[64];
	uint32_t x = 7;
	size_t i, k, n;

	(void)state;
	for (i = 0; i < 20000; i++) {
		for (k = 0; k < sizeof(text); k++) {
			x = x * 1664525 + 1013904223;
			text[k] = (char)(x >> 24);
			if (x >> 22 & 1)
				text[k] |= (char)0xc0;
		}
		line(text, i % (sizeof(text) + 1), &once);
		for (k = 0; k < once.len; k += n) {
			n = safe_char(once.data + k, once.len - k);
			assert_true(n > 0);
		}
		line(once.data, once.len, &twice);
		assert_string_equal(once.data, twice.data);
	}
	buf_release(&once);
	buf_release(&twice);
}

static void format(char *out, size_t size, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static void format(char *out, size_t size, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	safe_format(out, size, fmt, ap);
	va_end(ap);
}

/* Before anything is escaped or cut. */
static void secrets(void **state)
{
	static const char *const secret[] = {
		"\x1b[1m\xff\xc3\xa4", "top\nsecret", "hunter2",
	};
	struct buf out = { 0 };
	char text[16];
	size_t i;

	(void)state;
	format(text, sizeof(text), "%s is %d", "hunter2", 7);
	assert_string_equal(text, "hunter2 is 7");
	for (i = 0; i < sizeof(secret) / sizeof(secret[0]); i++)
		mask_add(safe_secrets(), secret[i], strlen(secret[i]));
	line("a \x1b[1m\xff\xc3\xa4 b \x1b", 13, &out);
	assert_string_equal(out.data, "a *** b \\x1b");
	line("top\nsecret top\n", 15, &out);
	assert_string_equal(out.data, "*** top\\x0a");
	line("", 0, &out);
	assert_string_equal(out.data, "");
	format(text, sizeof(text), "%s is %d", "hunter2", 7);
	assert_string_equal(text, "*** is 7");
	format(text, sizeof(text), "too long: %s", "hunter2");
	assert_string_equal(text, "too long: ***");
	format(text, sizeof(text), "very much too long: %s", "hunter2");
	assert_string_equal(text, "very much too l");
	format(text, 4, "hunter2");
	assert_string_equal(text, "***");
	mask_release(safe_secrets());
	line("hunter2", 7, &out);
	assert_string_equal(out.data, "hunter2");
	buf_release(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known),
		cmocka_unit_test(every_code_point),
		cmocka_unit_test(random_bytes),
		cmocka_unit_test(secrets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
