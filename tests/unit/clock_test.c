/* SPDX-License-Identifier: ISC */
#include "clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <time.h>

#define S 1000ll
#define M (60 * S)
#define H (60 * M)
#define D (24 * H)

static void durations(void **state)
{
	static const struct { const char *text; int64_t ms; } good[] = {
		{ "0", 0 }, { "0s", 0 }, { "90", 90 * S }, { "90s", 90 * S },
		{ "250ms", 250 }, { "1m", M }, { "5m", 5 * M },
		{ "1h30m", 90 * M }, { "1h30m15s", 90 * M + 15 * S },
		{ "2d", 2 * D }, { "1d1h1m1s1ms", D + H + M + S + 1 },
		{ "1s500ms", 1500 }, { "1m1ms", M + 1 }, { "1h1s", H + S },
		{ "007", 7 * S }, { "90m", 90 * M }, { "3660d", 3660 * D },
		{ "316224000", 3660 * D }, { "0d", 0 },
		{ "316224000000ms", 3660 * D },
	};
	static const char *const bad[] = {
		"", " ", "s", "ms", "-1", "+1", "-1s", "1x", "1 s", " 1s",
		"1s ", "1.5s", "1e3", "0x10", "1h30", "30m1h", "1h1h", "1s1m",
		"1ms1s", "1sm", "1mss", "1M", "1S", "1H", "1D", "1w", "1y",
		"1min", "1sec", "h1", "1h 30m", "1h30m15", "1,5s",
		"3660d1ms", "3661d", "316224001", "99999999999999999999",
		"9223372036854775808", "18446744073709551617", "1m1m",
		"1d24h1d", "\xc2\xb5s", "1\n",
	};
	int64_t ms;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		ms = -1;
		if (!clock_parse_duration(good[i].text, &ms) ||
		    ms != good[i].ms)
			fail_msg("%s: %lld", good[i].text, (long long)ms);
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (clock_parse_duration(bad[i], &ms))
			fail_msg("accepted: \"%s\" as %lld", bad[i],
				(long long)ms);
}

static void times(void **state)
{
	static const struct { int64_t at; const char *text; } c[] = {
		{ 0, "1970-01-01T00:00:00.000Z" },
		{ 1, "1970-01-01T00:00:00.001Z" },
		{ -1, "1969-12-31T23:59:59.999Z" },
		{ 951782399999ll, "2000-02-28T23:59:59.999Z" },
		{ 951782400000ll, "2000-02-29T00:00:00.000Z" },
		{ 1795200442123ll, "2026-11-20T18:47:22.123Z" },
		{ 2147483648000ll, "2038-01-19T03:14:08.000Z" },
		{ 4107542400000ll, "2100-03-01T00:00:00.000Z" },
		{ -62135596800000ll, "0001-01-01T00:00:00.000Z" },
		{ 253402300799999ll, "9999-12-31T23:59:59.999Z" },
	};
	char text[CLOCK_RFC3339];
	int64_t at;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(c) / sizeof(c[0]); i++) {
		clock_format(c[i].at, text);
		assert_string_equal(text, c[i].text);
		assert_true(clock_parse(text, strlen(text), &at));
		assert_true(at == c[i].at);
	}
	/* beyond: still four digits */
	clock_format(INT64_MAX, text);
	assert_string_equal(text, "9999-12-31T23:59:59.999Z");
	clock_format(INT64_MIN, text);
	assert_string_equal(text, "0001-01-01T00:00:00.000Z");
}

/* The same days as the C library's, over some centuries. */
static void calendar(void **state)
{
	char text[CLOCK_RFC3339], expected[40];
	int64_t day, at;

	(void)state;
	for (day = -150000; day < 400000; day += 13) {
		time_t t = (time_t)(day * 86400 + day * day % 86400);
		struct tm tm;

		assert_non_null(gmtime_r(&t, &tm));
		assert_true(strftime(expected, sizeof(expected),
			"%Y-%m-%dT%H:%M:%S.007Z", &tm) > 0);
		clock_format((int64_t)t * 1000 + 7, text);
		assert_string_equal(text, expected);
		assert_true(clock_parse(text, strlen(text), &at));
		assert_true(at == (int64_t)t * 1000 + 7);
	}
}

static void bad_times(void **state)
{
	static const char good[] = "2026-11-20T18:47:22.123Z";
	static const char *const bad[] = {
		"", "2026-11-20T18:47:22Z", "2026-11-20T18:47:22.123",
		"2026-11-20T18:47:22.123ZZ", "2026-11-20 18:47:22.123Z",
		"2026-11-20t18:47:22.123Z", "2026-11-20T18:47:22.123z",
		"2026-11-20T18:47:22.123+", "2026-00-20T18:47:22.123Z",
		"2026-13-20T18:47:22.123Z", "2026-11-00T18:47:22.123Z",
		"2026-11-32T18:47:22.123Z", "2026-11-20T24:47:22.123Z",
		"2026-11-20T18:60:22.123Z", "2026-11-20T18:47:60.123Z",
		"2026-11-20T18:47:22,123Z", "-026-11-20T18:47:22.123Z",
		"2026-1 -20T18:47:22.123Z", "2026-11-20T+8:47:22.123Z",
		"2026/11/20T18:47:22.123Z",
	};
	char text[CLOCK_RFC3339];
	int64_t at;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (clock_parse(bad[i], strlen(bad[i]), &at))
			fail_msg("accepted: %s", bad[i]);
	for (i = 0; i < sizeof(good) - 1; i++) {
		memcpy(text, good, sizeof(good));
		text[i] = 'x';
		assert_false(clock_parse(text, sizeof(good) - 1, &at));
		/* nothing is read beyond the length */
		assert_false(clock_parse(good, i, &at));
	}
}

static void spans(void **state)
{
	static const struct { int64_t ms; const char *text; } c[] = {
		{ 0, "0.0s" }, { 99, "0.0s" }, { 100, "0.1s" },
		{ 400, "0.4s" }, { 9999, "9.9s" }, { 10 * S, "10s" },
		{ 59 * S + 999, "59s" }, { M, "1m 00s" },
		{ 3 * M + 5 * S, "3m 05s" }, { H - 1, "59m 59s" },
		{ H, "1h 00m" }, { H + 2 * M, "1h 02m" }, { D - 1, "23h 59m" },
		{ D, "1d 0h" }, { 2 * D + 21 * H, "2d 21h" },
		{ -1, "0.0s" }, { -5 * D, "0.0s" },
	};
	char text[CLOCK_SPAN];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(c) / sizeof(c[0]); i++) {
		clock_span(c[i].ms, text);
		assert_string_equal(text, c[i].text);
	}
	clock_span(INT64_MAX, text);
	assert_true(strlen(text) < CLOCK_SPAN);
}

static void local_times(void **state)
{
	char text[CLOCK_SPAN];
	int64_t now = clock_wall();

	(void)state;
	setenv("TZ", "UTC", 1);
	tzset();
	clock_stamp(1795200442123ll, text);
	assert_string_equal(text, "18:47:22");
	clock_local(1795200442123ll - 1000 * D, text);
	assert_string_equal(text, "2024-02-24 18:47");
	clock_local(now, text);
	assert_int_equal(strlen(text), 5);
	clock_local(now - 3 * D, text);
	assert_int_equal(strlen(text), 9);
	clock_local(now + 30 * D, text);
	assert_int_equal(strlen(text), 16);
	clock_local(INT64_MAX, text);
	assert_true(strlen(text) < CLOCK_SPAN);
}

static void clocks(void **state)
{
	int64_t mono = clock_mono();

	(void)state;
	assert_true(clock_mono() >= mono);
	assert_true(llabs((long long)(clock_wall() -
		(int64_t)time(NULL) * 1000)) < 10 * S);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(durations),
		cmocka_unit_test(times),
		cmocka_unit_test(calendar),
		cmocka_unit_test(bad_times),
		cmocka_unit_test(spans),
		cmocka_unit_test(local_times),
		cmocka_unit_test(clocks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
