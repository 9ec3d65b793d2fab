/* SPDX-License-Identifier: ISC */
#include "values.h"

#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void trim(void **state)
{
	char a[] = " \t x y \n", b[] = "", c[] = " \n\t", d[] = "x";

	(void)state;
	assert_string_equal(values_trim(a), "x y");
	assert_string_equal(values_trim(b), "");
	assert_string_equal(values_trim(c), "");
	assert_string_equal(values_trim(d), "x");
}

static void variables(void **state)
{
	(void)state;
	assert_true(values_is_variable("A"));
	assert_true(values_is_variable("_a1Z"));
	assert_false(values_is_variable(""));
	assert_false(values_is_variable("1a"));
	assert_false(values_is_variable("a-b"));
	assert_false(values_is_variable("a.b"));
	assert_false(values_is_variable("\xc3\xa4"));
}

static void booleans(void **state)
{
	static const char *const yes[] = { "yes", "Yes", "true", "on", "1" };
	static const char *const no[] = { "no", "NO", "false", "off", "0" };
	static const char *const bad[] = { "", "y", "2", "yes no", "01" };
	struct why why;
	bool b;

	(void)state;
	for (int i = 0; i < 5; i++) {
		b = false;
		assert_int_equal(values_bool(yes[i], &b, &why), 0);
		assert_true(b);
		assert_int_equal(values_bool(no[i], &b, &why), 0);
		assert_false(b);
		assert_int_equal(values_bool(bad[i], &b, &why), -1);
		assert_string_equal(why.text, "expected yes or no");
	}
}

static void numbers(void **state)
{
	static const char *const bad[] = {
		"", "-", "x", "1x", " 1", "+1", "0x1", "1.0", "1e3", "11",
		"-4", "99999999999999999999", "--1", "1 2",
	};
	struct why why;
	int n = 77;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(values_int(bad[i], -3, 10, &n, &why), -1);
		assert_int_equal(n, 77);
	}
	assert_string_equal(why.text, "expected a whole number from -3 to 10");
	assert_int_equal(values_int("10", -3, 10, &n, &why), 0);
	assert_int_equal(n, 10);
	assert_int_equal(values_int("-3", -3, 10, &n, &why), 0);
	assert_int_equal(n, -3);
	assert_int_equal(values_int("007", -3, 10, &n, &why), 0);
	assert_int_equal(n, 7);
	assert_int_equal(values_int("0", 1, INT_MAX, &n, &why), -1);
	assert_string_equal(why.text, "expected a whole number, at least 1");
}

static void durations(void **state)
{
	struct why why;
	int64_t ms;

	(void)state;
	assert_int_equal(values_duration("1h30m", &ms, &why), 0);
	assert_int_equal(ms, 5400000);
	assert_int_equal(values_duration("90", &ms, &why), 0);
	assert_int_equal(ms, 90000);
	assert_int_equal(values_duration("250ms", &ms, &why), 0);
	assert_int_equal(ms, 250);
	assert_int_equal(values_duration("0", &ms, &why), 0);
	assert_int_equal(ms, 0);
	assert_int_equal(values_duration("", &ms, &why), -1);
	assert_int_equal(values_duration("5 m", &ms, &why), -1);
	assert_int_equal(values_duration("-5", &ms, &why), -1);
	assert_int_equal(values_duration("5w", &ms, &why), -1);
	assert_non_null(strstr(why.text, "1h30m"));
}

static void sizes(void **state)
{
	static const struct {
		const char *text;
		int64_t bytes;
	} good[] = {
		{ "0", 0 }, { "512", 512 }, { "1K", 1024 }, { "10M", 10485760 },
		{ "2G", 2147483648 }, { "1T", 1099511627776 },
		{ "2g", 2147483648 },
		{ "1.5K", 1024 + 5 * 102 }, { "3B", 3 }, { "3KB", 3072 },
		{ "3KiB", 3072 }, { "999999999G", 999999999ll << 30 },
	};
	static const char *const bad[] = {
		"", "K", "-1", "1X", "1.5", "1.", "1.25G", "1 G", "1KK", "0x1",
		"999999999T", "9999999999", "1Ki B", ".5G",
	};
	struct why why;
	int64_t n;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		n = -1;
		assert_int_equal(values_size(good[i].text, &n, &why), 0);
		assert_int_equal(n, good[i].bytes);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(values_size(bad[i], &n, &why), -1);
}

static void umasks(void **state)
{
	static const char *const bad[] = { "", "8", "1777", "00022", "u=rwx" };
	struct why why;
	int n;

	(void)state;
	assert_int_equal(values_umask("022", &n, &why), 0);
	assert_int_equal(n, 022);
	assert_int_equal(values_umask("0777", &n, &why), 0);
	assert_int_equal(n, 0777);
	assert_int_equal(values_umask("0", &n, &why), 0);
	assert_int_equal(n, 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(values_umask(bad[i], &n, &why), -1);
}

static void signals(void **state)
{
	static const char *const bad[] = {
		"", "SIG", "TREM", "STOP", "CONT", "CHLD", "0", "19", "99",
		"TERM INT",
	};
	struct why why;
	size_t names;
	int n;

	(void)state;
	assert_int_equal(values_signal("TERM", &n, &why), 0);
	assert_int_equal(n, SIGTERM);
	assert_int_equal(values_signal("sigint", &n, &why), 0);
	assert_int_equal(n, SIGINT);
	assert_int_equal(values_signal("9", &n, &why), 0);
	assert_int_equal(n, SIGKILL);
	assert_int_equal(values_signal("WINCH", &n, &why), 0);
	assert_int_equal(n, SIGWINCH);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(values_signal(bad[i], &n, &why), -1);
	for (values_signal_names(&names); names > 0; names--)
		assert_int_equal(values_signal(
			values_signal_names(&(size_t){ 0 })[names - 1], &n,
			&why), 0);
}

static int codes(const uint8_t set[32])
{
	int n = 0;

	for (int i = 0; i < 256; i++)
		n += (set[i / 8] >> (i % 8)) & 1;
	return n;
}

static bool has(const uint8_t set[32], int code)
{
	return ((set[code / 8] >> (code % 8)) & 1) != 0;
}

static void exits(void **state)
{
	static const char *const bad[] = {
		"256", "-1", "3-", "-", "5-3", "x", "3;4", "1-2-3", "3 x",
		"0-256",
	};
	uint8_t set[32];
	struct why why;

	(void)state;
	memset(set, 0, sizeof(set));
	assert_int_equal(values_exits("3 10-12,255\n , 7", set, &why), 0);
	assert_int_equal(codes(set), 6);
	assert_true(has(set, 3) && has(set, 10) && has(set, 11) &&
		has(set, 12) && has(set, 255) && has(set, 7));
	assert_int_equal(values_exits("0-255", set, &why), 0);
	assert_int_equal(codes(set), 256);
	memset(set, 0, sizeof(set));
	assert_int_equal(values_exits("", set, &why), 0);
	assert_int_equal(codes(set), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(values_exits(bad[i], set, &why), -1);
}

static void fail_fast(void **state)
{
	static const struct {
		const char *text;
		int n;
		bool percent;
	} good[] = {
		{ "no", 0, false }, { "yes", 1, false }, { "0", 0, false },
		{ "1", 1, false }, { "12", 12, false }, { "10%", 10, true },
		{ "100%", 100, true }, { "off", 0, false },
	};
	static const char *const bad[] = {
		"", "0%", "101%", "-1", "5 %", "%", "some",
	};
	struct why why;
	bool percent;
	int n;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(values_fail_fast(good[i].text, &n, &percent,
			&why), 0);
		assert_int_equal(n, good[i].n);
		assert_int_equal(percent, good[i].percent);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(values_fail_fast(bad[i], &n, &percent, &why),
			-1);
}

static void lists(void **state)
{
	struct arena a = { 0 };
	struct strlist l = values_list(&a, " a,b\tc\n d ,, ${X Y} ");

	(void)state;
	assert_int_equal(l.n, 6);
	assert_string_equal(l.v[0], "a");
	assert_string_equal(l.v[1], "b");
	assert_string_equal(l.v[2], "c");
	assert_string_equal(l.v[3], "d");
	assert_string_equal(l.v[4], "${X");
	assert_string_equal(l.v[5], "Y}");
	assert_int_equal(values_list(&a, "").n, 0);
	assert_int_equal(values_list(&a, " ,\n").n, 0);
	l = values_list(&a, "one");
	assert_int_equal(l.n, 1);
	assert_string_equal(l.v[0], "one");
	arena_release(&a);
}

static void money(void **state)
{
	static const struct {
		const char *text;
		int64_t millionths;
	} good[] = {
		{ "0", 0 }, { "12", 12000000 }, { "$3", 3000000 },
		{ "0.30", 300000 }, { "0.000001", 1 }, { "$0.5", 500000 },
		{ "1.234567", 1234567 }, { "999999999", 999999999000000 },
	};
	static const char *const bad[] = {
		"", "$", "$$1", "-1", "+1", ".5", "1.", "1,5", "0.0000001",
		"1e3", "0x1", "inf", "nan", "1 ", "3 USD", "1.2.3",
		"1000000000", "99999999999999999999",
	};
	struct why why;
	int64_t n;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		n = -1;
		assert_int_equal(values_money(good[i].text, &n, &why), 0);
		assert_int_equal(n, good[i].millionths);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(values_money(bad[i], &n, &why), -1);
}

static void factors(void **state)
{
	static const char *const bad[] = {
		"", "0", "0.999999", "-2", "100.000001", "101", "2x", "1,5",
		"1e1", "inf", "nan", " 2", "2.",
	};
	struct why why;
	double f;

	(void)state;
	assert_int_equal(values_factor("2", &f, &why), 0);
	assert_true(f == 2);
	assert_int_equal(values_factor("1.5", &f, &why), 0);
	assert_true(f == 1.5);
	assert_int_equal(values_factor("1", &f, &why), 0);
	assert_true(f == 1);
	assert_int_equal(values_factor("100", &f, &why), 0);
	assert_true(f == 100);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(values_factor(bad[i], &f, &why), -1);
}

static void percents(void **state)
{
	static const char *const bad[] = {
		"", "%", "101", "101%", "-1", "10 %", "10%%", "1.5%",
	};
	struct why why;
	int n;

	(void)state;
	assert_int_equal(values_percent("10", &n, &why), 0);
	assert_int_equal(n, 10);
	assert_int_equal(values_percent("10%", &n, &why), 0);
	assert_int_equal(n, 10);
	assert_int_equal(values_percent("0", &n, &why), 0);
	assert_int_equal(n, 0);
	assert_int_equal(values_percent("100%", &n, &why), 0);
	assert_int_equal(n, 100);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(values_percent(bad[i], &n, &why), -1);
}

static void steps(void **state)
{
	(void)state;
	assert_string_equal(values_step("step:a"), "a");
	assert_string_equal(values_step("step:"), "");
	assert_string_equal(values_step("step:step:a"), "step:a");
	assert_null(values_step("step"));
	assert_null(values_step("steps:a"));
	assert_null(values_step(" step:a"));
	assert_null(values_step(""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(trim),
		cmocka_unit_test(variables),
		cmocka_unit_test(booleans),
		cmocka_unit_test(numbers),
		cmocka_unit_test(durations),
		cmocka_unit_test(sizes),
		cmocka_unit_test(money),
		cmocka_unit_test(factors),
		cmocka_unit_test(percents),
		cmocka_unit_test(umasks),
		cmocka_unit_test(signals),
		cmocka_unit_test(exits),
		cmocka_unit_test(fail_fast),
		cmocka_unit_test(lists),
		cmocka_unit_test(steps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
