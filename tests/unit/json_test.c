/* SPDX-License-Identifier: ISC */
#include "json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "safe.h"

static void objects(void **state)
{
	struct buf b = { 0 };

	(void)state;
	json_open(&b, '{');
	json_key(&b, "a");
	json_number(&b, -5);
	json_key(&b, "b");
	json_open(&b, '[');
	json_bool(&b, true);
	json_bool(&b, false);
	json_text(&b, NULL);
	json_text(&b, "x");
	json_open(&b, '[');
	json_close(&b, ']');
	json_open(&b, '{');
	json_close(&b, '}');
	json_close(&b, ']');
	json_key(&b, "c");
	json_open(&b, '{');
	json_key(&b, "d");
	json_text(&b, "");
	json_close(&b, '}');
	json_key(&b, "e");
	json_number(&b, INT64_MAX);
	json_close(&b, '}');
	assert_string_equal(b.data, "{\"a\":-5,\"b\":[true,false,null,\"x\","
		"[],{}],\"c\":{\"d\":\"\"},\"e\":9223372036854775807}");
	/* one object a line: no comma between them */
	buf_reset(&b);
	json_open(&b, '{');
	json_close(&b, '}');
	buf_char(&b, '\n');
	json_open(&b, '{');
	json_close(&b, '}');
	assert_string_equal(b.data, "{}\n{}");
	buf_release(&b);
}

/* Texts that end in what decides about a comma. */
static void commas(void **state)
{
	static const char *const tricky[] = { "[", "{", ":", ",", "\n", "" };
	struct buf b = { 0 };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(tricky) / sizeof(tricky[0]); i++) {
		buf_reset(&b);
		json_open(&b, '[');
		json_text(&b, tricky[i]);
		json_text(&b, "x");
		json_close(&b, ']');
		assert_non_null(strstr(b.data, "\",\"x\"]"));
	}
	buf_release(&b);
}

static void texts(void **state)
{
	static const struct { const char *text, *json; } c[] = {
		{ "a\"b\\c/", "\"a\\\"b\\\\c/\"" },
		{ "\n", "\"\\n\"" }, { "\t", "\"\\u0009\"" },
		{ "\r\x01\x1f\x7f", "\"\\u000d\\u0001\\u001f\\u007f\"" },
		{ "\xc3\xa4\xf0\x9f\x98\x80", "\"\xc3\xa4\xf0\x9f\x98\x80\"" },
		/* what a terminal must not see, nor who reads lines */
		{ "\xc2\x9b" "0m", "\"\\u009b0m\"" },
		{ "\xe2\x80\xae", "\"\\u202e\"" },
		{ "\xe2\x80\xa8x", "\"\\u2028x\"" },
		{ "\xef\xbb\xbf", "\"\\ufeff\"" },
#define BAD "\xef\xbf\xbd"
		{ "\xff", "\"" BAD "\"" }, { "a\xc3", "\"a" BAD "\"" },
		{ "\xc3(", "\"" BAD "(\"" }, { "\xc0\xaf", "\"" BAD BAD "\"" },
		{ "\xe0\x80\xaf", "\"" BAD BAD BAD "\"" },
		{ "\xed\xa0\x80", "\"" BAD BAD BAD "\"" },
		{ "\xf4\x90\x80\x80", "\"" BAD BAD BAD BAD "\"" },
		{ "\xf0\x9f\x98", "\"" BAD BAD BAD "\"" },
		{ "</script>", "\"</script>\"" },
	};
	struct buf b = { 0 };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(c) / sizeof(c[0]); i++) {
		buf_reset(&b);
		json_text(&b, c[i].text);
		assert_string_equal(b.data, c[i].json);
	}
	buf_reset(&b);
	json_open(&b, '{');
	json_key(&b, "a\"\n");
	json_bool(&b, true);
	json_close(&b, '}');
	assert_string_equal(b.data, "{\"a\\\"\\n\":true}");
	buf_release(&b);
}

static void times(void **state)
{
	static const struct { int64_t ms; const char *json; } c[] = {
		{ 0, "0.000" }, { 1, "0.001" }, { 999, "0.999" },
		{ 1000, "1.000" }, { 61005, "61.005" },
		/* the clock was set back */
		{ -1, "-0.001" }, { -500, "-0.500" }, { -1500, "-1.500" },
	};
	struct buf b = { 0 };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(c) / sizeof(c[0]); i++) {
		buf_reset(&b);
		json_seconds(&b, c[i].ms);
		assert_string_equal(b.data, c[i].json);
	}
	buf_reset(&b);
	json_open(&b, '[');
	json_time(&b, 0);
	json_time(&b, 1795200442123ll);
	json_close(&b, ']');
	assert_string_equal(b.data, "[null,\"2026-11-20T18:47:22.123Z\"]");
	buf_release(&b);
}

/* Looked for in what was said, not in what JSON makes of it. */
static void secrets(void **state)
{
	static const char secret[] = "a\"b\\c\n\xc3\xa4\xff";
	struct buf b = { 0 };

	(void)state;
	mask_add(safe_secrets(), secret, strlen(secret));
	mask_add(safe_secrets(), "\\\"", 2);
	json_open(&b, '[');
	json_said(&b, "x a\"b\\c\n\xc3\xa4\xff y");
	json_said(&b, secret);
	json_said(&b, "a\"b");
	json_said(&b, "");
	json_said(&b, NULL);
	json_close(&b, ']');
	assert_string_equal(b.data, "[\"x *** y\",\"***\",\"a\\\"b\",\"\","
		"null]");
	mask_release(safe_secrets());
	buf_release(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(objects),
		cmocka_unit_test(commas),
		cmocka_unit_test(texts),
		cmocka_unit_test(times),
		cmocka_unit_test(secrets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
