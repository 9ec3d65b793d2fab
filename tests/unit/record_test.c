/* SPDX-License-Identifier: ISC */
#include "record.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sealing.h"

/* 2026-11-20T18:47:22.123Z */
#define AT 1795200442123ll
#define WHEN "2026-11-20T18:47:22.123Z"

/* Parse a copy of exactly n bytes, so that a sanitizer sees each step beyond
 * them; *copy holds what r points into. */
static bool parse(const char *line, size_t n, uint32_t before,
	struct record *r, char **copy)
{
	*copy = malloc(n + (n == 0));
	assert_non_null(*copy);
	memcpy(*copy, line, n);
	return record_parse(*copy, n, before, r);
}

static bool parses(const char *line, size_t n, uint32_t before)
{
	struct record r;
	char *copy;
	bool ok = parse(line, n, before, &r, &copy);

	free(copy);
	return ok;
}

/* One value through a line and back. */
static void round_trip(const char *value, uint32_t before, bool first)
{
	struct record w = { 0 }, r;
	struct buf out = { 0 };
	char *copy;
	size_t i;

	record_start(&w, "output");
	w.seq = 77;
	w.at = AT;
	w.first = first;
	record_set(&w, "step", "a");
	record_set(&w, "value", value);
	record_set(&w, "name", "last");
	record_format(&w, before, &out);
	assert_int_equal(out.data[out.len - 1], '\n');
	for (i = 0; i + 1 < out.len; i++) {
		unsigned char c = (unsigned char)out.data[i];

		assert_true(c >= 0x20 && c != 0x7f);
	}
	assert_int_equal(sealing_of(before, out.data, out.len - 9), w.crc);
	assert_true(parse(out.data, out.len - 1, before, &r, &copy));
	assert_int_equal(r.crc, w.crc);
	assert_int_equal(r.seq, 77);
	assert_int_equal(r.at, AT);
	assert_int_equal(r.first, first);
	assert_string_equal(r.type, "output");
	assert_int_equal(r.nfields, 3);
	assert_string_equal(record_get(&r, "step"), "a");
	assert_string_equal(record_get(&r, "value"), value);
	assert_string_equal(record_get(&r, "name"), "last");
	assert_null(record_get(&r, "nam"));
	free(copy);
	buf_release(&out);
}

static void fixed_line(void **state)
{
	struct record r = { 0 };
	struct buf out = { 0 }, same = { 0 };

	(void)state;
	/* RFC 3720, appendix B.4, and the check value of every catalogue */
	assert_int_equal(sealing_crc(0, "123456789", 9), 0xe3069283u);
	record_start(&r, "end");
	r.seq = 3;
	r.at = AT;
	r.first = true;
	record_set(&r, "step", "a b");
	record_set_number(&r, "exit", 3);
	record_set_hex(&r, "whole", 0xabc);
	record_format(&r, 0x01020304, &out);
	seal(&same, 0x01020304, "3 " WHEN
		" end step=a%20b exit=3 whole=0000000000000abc");
	assert_string_equal(out.data, same.data);
	buf_release(&out);
	buf_release(&same);
}

static void hostile_values(void **state)
{
	static const char *const value[] = {
		"", " ", "%", "%%", "%41", "%0A", "\n", "a\nb\n", "\r\n",
		"\t", "\x1b[31m", "=", "a=b", "* 00000000", " *deadbeef",
		"\xc3\xa4\xc3\xb6", "\xf0\x9f\x98\x80", "\xe2\x80\xae",
		"\xff\xfe", "\xc3", "\xc3(", "\xed\xa0\x80", "\xc0\xaf",
		"\xf4\x90\x80\x80", "\xe2\x80", "\x7f", "\xc2\x85",
		"x\n1 2026-11-20T18:47:22.123Z end step=b *00000000\n",
	};
	char text[3] = { 0 };
	size_t i;
	int a, b;

	(void)state;
	for (i = 0; i < sizeof(value) / sizeof(value[0]); i++) {
		round_trip(value[i], 0, true);
		round_trip(value[i], 0xffffffff, false);
	}
	for (a = 1; a < 256; a++)
		for (b = 0; b < 256; b += a % 8 == 0 ? 1 : 37) {
			text[0] = (char)a;
			text[1] = (char)b;
			round_trip(text, (uint32_t)(a * 256 + b), true);
		}
}

static void long_values(void **state)
{
	char text[4097];
	uint32_t x = 1;
	size_t n, i;

	(void)state;
	for (n = 0; n <= 4096; n = n < 64 ? n + 1 : n * 2) {
		for (i = 0; i < n; i++) {
			x = x * 1664525 + 1013904223;
			text[i] = (char)(x >> 24);
			if (text[i] == '\0')
				text[i] = '\n';
		}
		text[n] = '\0';
		round_trip(text, x, true);
	}
}

static void a_line(struct buf *out, uint32_t before)
{
	struct record r = { 0 };

	record_start(&r, "end");
	r.seq = 12;
	r.at = AT;
	r.first = true;
	record_set(&r, "step", "two words\n%");
	record_set(&r, "state", "needs_review");
	record_set_number(&r, "exit", 255);
	record_format(&r, before, out);
	out->len--;
}

static void truncated(void **state)
{
	struct buf line = { 0 };
	size_t n;

	(void)state;
	a_line(&line, 42);
	assert_true(parses(line.data, line.len, 42));
	for (n = 0; n < line.len; n++)
		assert_false(parses(line.data, n, 42));
	/* nor with anything behind it */
	buf_char(&line, ' ');
	assert_false(parses(line.data, line.len, 42));
	buf_release(&line);
}

static void every_bit(void **state)
{
	struct buf line = { 0 };
	size_t i;
	int bit;

	(void)state;
	a_line(&line, 42);
	for (i = 0; i < line.len; i++)
		for (bit = 0; bit < 8; bit++) {
			line.data[i] ^= (char)(1 << bit);
			assert_false(parses(line.data, line.len, 42));
			line.data[i] ^= (char)(1 << bit);
		}
	for (bit = 0; bit < 32; bit++)
		assert_false(parses(line.data, line.len,
			42 ^ (uint32_t)1 << bit));
	/* two neighbours changed places; a byte doubled; a byte lost */
	for (i = 0; i + 1 < line.len; i++) {
		char *copy = malloc(line.len + 1), c = line.data[i];

		assert_non_null(copy);
		memcpy(copy, line.data, line.len);
		copy[i] = copy[i + 1];
		copy[i + 1] = c;
		assert_int_equal(parses(copy, line.len, 42), copy[i] == c);
		memcpy(copy + i, line.data + i + 1, line.len - i - 1);
		assert_false(parses(copy, line.len - 1, 42));
		copy[i] = c;
		memcpy(copy + i + 1, line.data + i, line.len - i);
		assert_false(parses(copy, line.len + 1, 42));
		free(copy);
	}
	assert_true(parses(line.data, line.len, 42));
	buf_release(&line);
}

/* Lines with a checksum that fits, and nothing else to say for them. */
static void well_sealed_nonsense(void **state)
{
	static const char *const bad[] = {
		"", " ", "1", "1 " WHEN, "1 " WHEN " ", "x " WHEN " end",
		"0 " WHEN " end", "-1 " WHEN " end", "+1 " WHEN " end",
		"1x " WHEN " end", " 1 " WHEN " end",
		"9223372036854775808 " WHEN " end",
		"99999999999999999999999 " WHEN " end",
		"1 2026-11-20T18:47:22Z end", "1 2026-13-20T18:47:22.123Z end",
		"1 2026-11-20 18:47:22.123Z end", "1 x end",
		"1  " WHEN " end", "1 " WHEN "  end",
		"1 " WHEN " end  a=b", "1 " WHEN " end a",
		"1 " WHEN " end a=b c", "1 " WHEN " end a=%",
		"1 " WHEN " end a=%4", "1 " WHEN " end a=%4g",
		"1 " WHEN " end a=%00", "1 " WHEN " end a=%%41",
	};
	struct buf line = { 0 };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		buf_reset(&line);
		seal(&line, 7, bad[i]);
		if (parses(line.data, line.len - 1, 7))
			fail_msg("accepted: %s", line.data);
	}
	buf_reset(&line);
	seal_bytes(&line, 7, "1 " WHEN " end a=\0b", 35, '*');
	assert_false(parses(line.data, line.len - 1, 7));
	buf_reset(&line);
	seal_bytes(&line, 7, "1 " WHEN " end", 30, '-');
	assert_false(parses(line.data, line.len - 1, 7));
	/* and the same way a good one */
	buf_reset(&line);
	seal_bytes(&line, 7, "1 " WHEN " end", 30, '+');
	assert_true(parses(line.data, line.len - 1, 7));
	buf_release(&line);
}

static void number_of_fields(void **state)
{
	struct buf text = { 0 }, line = { 0 };
	int n;

	(void)state;
	buf_str(&text, "1 " WHEN " end");
	for (n = 1; n <= RECORD_FIELDS + 1; n++) {
		buf_printf(&text, " k=%d", n);
		buf_reset(&line);
		seal(&line, 0, text.data);
		assert_int_equal(parses(line.data, line.len - 1, 0),
			n <= RECORD_FIELDS);
	}
	buf_release(&text);
	buf_release(&line);
}

static void numbers(void **state)
{
	static const struct {
		const char *text;
		int64_t least, most;
		bool ok;
		int64_t value;
	} c[] = {
		{ "0", 0, 0, true, 0 },
		{ "7", 0, 10, true, 7 },
		{ "10", 0, 10, true, 10 },
		{ "11", 0, 10, false, 0 },
		{ "-1", 0, 10, false, 0 },
		{ "-5", -5, 5, true, -5 },
		{ "-6", -5, 5, false, 0 },
		{ "007", 0, 10, true, 7 },
		{ "9223372036854775807", 0, INT64_MAX, true, INT64_MAX },
		{ "9223372036854775808", 0, INT64_MAX, false, 0 },
		{ "18446744073709551616", 0, INT64_MAX, false, 0 },
		{ "18446744073709551621", 0, INT64_MAX, false, 0 },
		{ "-9223372036854775807", INT64_MIN, 0, true, -INT64_MAX },
		{ "-9223372036854775809", INT64_MIN, 0, false, 0 },
		{ "", 0, 10, false, 0 },
		{ "-", -10, 10, false, 0 },
		{ "--1", -10, 10, false, 0 },
		{ "+1", 0, 10, false, 0 },
		{ " 1", 0, 10, false, 0 },
		{ "1 ", 0, 10, false, 0 },
		{ "0x1", 0, 10, false, 0 },
		{ "1e1", 0, 10, false, 0 },
		{ "1.0", 0, 10, false, 0 },
		{ "x", 0, 10, false, 0 },
	};
	struct record r = { 0 };
	int64_t n;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(c) / sizeof(c[0]); i++) {
		record_start(&r, "end");
		record_set(&r, "n", c[i].text);
		if (record_get_number(&r, "n", c[i].least, c[i].most, 1,
		    &n) != c[i].ok)
			fail_msg("number %s", c[i].text);
		assert_int_equal(n, c[i].ok ? c[i].value : 1);
	}
	/* absent: whatever the bounds */
	assert_true(record_get_number(&r, "m", 5, 6, -1, &n));
	assert_int_equal(n, -1);
	record_start(&r, "end");
	record_set_number(&r, "n", -INT64_MAX);
	assert_string_equal(record_get(&r, "n"), "-9223372036854775807");
}

static void hex(void **state)
{
	static const char *const bad[] = {
		"", "g", "0x1", "-1", " 1", "1 ", "00000000000000001",
	};
	struct record r = { 0 };
	uint64_t n;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		record_start(&r, "end");
		record_set(&r, "n", bad[i]);
		assert_false(record_get_hex(&r, "n", &n));
	}
	record_start(&r, "end");
	record_set_hex(&r, "n", UINT64_MAX);
	assert_true(record_get_hex(&r, "n", &n));
	assert_true(n == UINT64_MAX);
	assert_true(record_get_hex(&r, "absent", &n));
	assert_true(n == 0);
}

static void first_of_a_key_counts(void **state)
{
	struct record r = { 0 };

	(void)state;
	record_start(&r, "end");
	record_set(&r, "a", "1");
	record_set(&r, "a", "2");
	assert_string_equal(record_get(&r, "a"), "1");
}

static void claims(void **state)
{
	uint32_t crc;

	(void)state;
	assert_true(record_claims("x *0123abcd", 11, &crc));
	assert_int_equal(crc, 0x0123abcd);
	assert_true(record_claims(" +ffffffff", 10, &crc));
	assert_int_equal(crc, 0xffffffffu);
	assert_false(record_claims("x *0123ABCD", 11, &crc));
	assert_false(record_claims("x *0123abcg", 11, &crc));
	assert_false(record_claims("0123abc", 7, &crc));
	assert_false(record_claims("", 0, &crc));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fixed_line),
		cmocka_unit_test(hostile_values),
		cmocka_unit_test(long_values),
		cmocka_unit_test(truncated),
		cmocka_unit_test(every_bit),
		cmocka_unit_test(well_sealed_nonsense),
		cmocka_unit_test(number_of_fields),
		cmocka_unit_test(numbers),
		cmocka_unit_test(hex),
		cmocka_unit_test(first_of_a_key_counts),
		cmocka_unit_test(claims),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
