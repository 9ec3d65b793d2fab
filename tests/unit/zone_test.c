/* SPDX-License-Identifier: ISC */
#include "zone.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "scratch.h"

#define YEAR_2026 1767225600ll

static void names(void **state)
{
	static const char *const good[] = { "Asia/Seoul", "UTC", "Etc/GMT+5",
		"America/Argentina/Buenos_Aires", "EST5EDT",
		"America/Port-au-Prince" };
	static const char *const bad[] = { "", "/", ".", "..", "Asia",
		"Asia/", "/Asia/Seoul", "Asia//Seoul", "Asia/../Asia/Seoul",
		"./Asia/Seoul", "Asia/Seoul/", "Asia/Seoul ", " Asia/Seoul",
		"Asia/Atlantis", "Seoul", "asia/seoul", "zone.tab",
		"leapseconds", "tzdata.zi", "CET-1CEST", "<A>0", "Asia/S*",
		"+3", ("A23456789012345678901234567890123456789012345678901234"
		"567890123456789") };
	struct zone zone;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		if (!zone_find(good[i], strlen(good[i]), &zone))
			fail_msg("not found: %s", good[i]);
		assert_string_equal(zone.name, good[i]);
		assert_false(zone.fixed);
	}
	strcpy(zone.name, "as it was");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (zone_find(bad[i], strlen(bad[i]), &zone))
			fail_msg("found: %s", bad[i]);
	assert_string_equal(zone.name, "as it was");
	assert_false(zone_find("Asia\0Seoul", 10, &zone));
	/* nothing is read beyond the length */
	assert_true(zone_find("Asia/Seoulx", 10, &zone));
}

/* The directory that TZDIR names, and what in it is no zone file. */
static void directory(void **state)
{
	struct zone_stay stay;
	struct zone zone;
	struct scratch s;
	struct tm tm;

	(void)state;
	scratch_init(&s);
	assert_int_equal(mkfifoat(s.fd, "Fifo", 0600), 0);
	assert_int_equal(symlinkat("/dev/null", s.fd, "Empty"), 0);
	assert_int_equal(symlinkat("/etc/passwd", s.fd, "Text"), 0);
	assert_int_equal(symlinkat("/usr/share/zoneinfo/Asia/Seoul", s.fd,
		"Mine"), 0);
	assert_int_equal(setenv("TZDIR", s.path, 1), 0);
	assert_false(zone_find("Fifo", 4, &zone));
	assert_false(zone_find("Empty", 5, &zone));
	assert_false(zone_find("Text", 4, &zone));
	assert_false(zone_find("Asia/Seoul", 10, &zone));
	assert_true(zone_find("Mine", 4, &zone));
	assert_true(zone_enter(&zone, &stay));
	assert_true(zone_shows(&zone, YEAR_2026, &tm));
	assert_int_equal(tm.tm_hour, 9);
	zone_leave(&stay);
	unsetenv("TZDIR");
	scratch_release(&s);
}

static bool equal(const struct tm *a, const struct tm *b)
{
	return a->tm_year == b->tm_year && a->tm_mon == b->tm_mon &&
		a->tm_mday == b->tm_mday && a->tm_hour == b->tm_hour &&
		a->tm_min == b->tm_min && a->tm_sec == b->tm_sec;
}

/*
 * Each quarter of an hour of two years in zones of all kinds, asked for by
 * what clocks show then: the answer shows the same, and is that time or, as
 * clocks are put back, the other one that shows it.
 */
static void there_and_back(void **state)
{
	static const struct { const char *name; int twice; } zone_of[] = {
		{ "America/Los_Angeles", 8 }, { "Europe/Berlin", 8 },
		{ "Australia/Lord_Howe", 4 }, { "Asia/Kolkata", 0 },
		{ "Pacific/Kiritimati", 0 }, { "Pacific/Chatham", 8 },
		{ "Africa/Casablanca", 8 }, { "America/St_Johns", 8 },
		{ "Antarctica/Troll", 16 }, { "UTC", 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(zone_of) / sizeof(zone_of[0]); i++) {
		const char *name = zone_of[i].name;
		struct zone_stay stay;
		struct zone zone;
		int twice = 0;

		assert_true(zone_find(name, strlen(name), &zone));
		assert_true(zone_enter(&zone, &stay));
		for (int64_t t = YEAR_2026; t < YEAR_2026 + 730 * 86400ll;
		    t += 900) {
			struct tm tm, back;
			int64_t first, last, next;

			assert_true(zone_shows(&zone, t, &tm));
			assert_true(zone_when(&zone, &tm, INT64_MIN, &first));
			assert_true(zone_when(&zone, &tm, t, &next));
			assert_true(zone_when(&zone, &tm, INT64_MAX, &last));
			assert_true(first <= t && t <= last);
			assert_true(next == t);
			assert_true(zone_shows(&zone, first, &back));
			assert_true(equal(&tm, &back));
			assert_true(zone_shows(&zone, last, &back));
			assert_true(equal(&tm, &back));
			twice += first == t && last != t;
		}
		zone_leave(&stay);
		if (twice != zone_of[i].twice)
			fail_msg("%s: %d quarters come twice", name, twice);
	}
}

/* The hour that is left out, and that the answer does not depend on what was
 * asked before. */
static void left_out(void **state)
{
	const struct tm half_past_two = { .tm_year = 126, .tm_mon = 2,
		.tm_mday = 8, .tm_hour = 2, .tm_min = 30 };
	const struct tm summer = { .tm_year = 126, .tm_mon = 6, .tm_mday = 1 };
	const struct tm winter = { .tm_year = 126, .tm_mon = 0, .tm_mday = 1 };
	struct zone_stay stay;
	struct zone zone;
	int64_t at;

	(void)state;
	assert_true(zone_find("America/Los_Angeles", 19, &zone));
	assert_true(zone_enter(&zone, &stay));
	for (int i = 0; i < 4; i++) {
		assert_true(zone_when(&zone, i % 2 == 0 ? &summer : &winter,
			0, &at));
		assert_true(zone_when(&zone, &half_past_two, i < 2 ? 0 :
			INT64_MAX, &at));
		assert_true(at == 1772965800);	/* 10:30 UTC */
	}
	zone_leave(&stay);
}

/* What is read behind a time; how much of it is read. */
static void readings(void **state)
{
	static const struct {
		const char *text;
		enum zone_answer answer;
		size_t read;
		const char *name;
		int offset;
	} c[] = {
		{ "Z", ZONE_READ, 1, "", 0 },
		{ "z.", ZONE_READ, 1, "", 0 },
		{ " Z", ZONE_NONE, 0, "", 0 },
		{ " UTC", ZONE_READ, 4, "", 0 },
		{ " UTC+2 x", ZONE_READ, 6, "", 7200 },
		{ " utc-03:30", ZONE_READ, 10, "", -12600 },
		{ " UTC+99", ZONE_READ, 4, "", 0 },
		{ " UTCx", ZONE_NONE, 0, "", 0 },
		{ " (GMT+0530)", ZONE_READ, 11, "", 19800 },
		{ " +05:30", ZONE_READ, 7, "", 19800 },
		{ "-0800 (PST)", ZONE_READ, 5, "", -28800 },
		{ " +5", ZONE_NONE, 0, "", 0 },
		{ "+15:00", ZONE_NONE, 0, "", 0 },
		{ "+02:60", ZONE_NONE, 0, "", 0 },
		{ " PDT now", ZONE_READ, 4, "America/Los_Angeles", 0 },
		{ " pdt", ZONE_NONE, 0, "", 0 },
		{ " (pdt)", ZONE_READ, 6, "America/Los_Angeles", 0 },
		{ " OR", ZONE_NONE, 0, "", 0 },
		{ " ABCDEF", ZONE_NONE, 0, "", 0 },
		{ " ABC", ZONE_UNKNOWN, 0, "", 0 },
		{ " (ABC)", ZONE_UNKNOWN, 0, "", 0 },
		{ " Asia/Seoul.", ZONE_READ, 11, "Asia/Seoul", 0 },
		{ " Asia/Atlantis", ZONE_UNKNOWN, 0, "", 0 },
		{ " and/or", ZONE_NONE, 0, "", 0 },
		{ " (Pacific/Auckland)", ZONE_READ, 19, "Pacific/Auckland",
			0 },
		{ " Pacific Time (PT)", ZONE_READ, 13, "America/Los_Angeles",
			0 },
		{ " pacific daylight time", ZONE_READ, 22,
			"America/Los_Angeles", 0 },
		{ " Eastern.", ZONE_READ, 8, "America/New_York", 0 },
		{ " Eastern Europe", ZONE_UNKNOWN, 0, "", 0 },
		{ " (Asia/Seoul", ZONE_UNKNOWN, 0, "", 0 },
		{ " (in 5 min)", ZONE_NONE, 0, "", 0 },
		{ " (5 min)", ZONE_NONE, 0, "", 0 },
		{ "", ZONE_NONE, 0, "", 0 },
		{ " \xc2\xb7 /upgrade", ZONE_NONE, 0, "", 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(c) / sizeof(c[0]); i++) {
		struct scan s = { c[i].text, c[i].text + strlen(c[i].text) };
		struct zone zone = { 0 };
		enum zone_answer answer = zone_read(&s, true, YEAR_2026,
			&zone);

		if (answer != c[i].answer ||
		    (size_t)(s.at - c[i].text) != c[i].read)
			fail_msg("\"%s\": %d, %ld bytes", c[i].text, answer,
				(long)(s.at - c[i].text));
		if (answer != ZONE_READ)
			continue;
		assert_string_equal(zone.name, c[i].name);
		assert_int_equal(zone.offset, c[i].offset);
		assert_int_equal(zone.fixed, c[i].name[0] == '\0');
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names),
		cmocka_unit_test(directory),
		cmocka_unit_test(there_and_back),
		cmocka_unit_test(left_out),
		cmocka_unit_test(readings),
	};

	unsetenv("TZDIR");
	setenv("TZ", "UTC", 1);
	tzset();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
