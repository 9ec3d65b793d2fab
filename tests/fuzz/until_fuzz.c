/* SPDX-License-Identifier: ISC */
/*
 * Any bytes as what a step said of a limit. The first two choose the clock and
 * the local time. Beyond not crashing:
 * - a time is at most a minute ago and at most eight days away, and there is
 *   none where the answer is false;
 * - the same question has the same answer, also with others in between;
 * - what stands behind a NUL changes nothing;
 * - what a field names counts in a line as well;
 * - blanks around a file change nothing;
 * - a line above the text does not change what the text's words lead to; it
 *   counts where they lead to nothing;
 * - TZ and local time are as they were.
 */
#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "until.h"

typedef bool until_fn(const char *, size_t, int64_t, int64_t *);

/* Some clocks: a Friday; both sides of the changes in Los Angeles and Berlin;
 * the turn of a year; a leap day; the end of 32 bits; the epoch itself. */
static const int64_t clocks[] = {
	1795176000, 1772960400, 1772964060, 1793520000, 1793523661,
	1774742400, 1792890000, 1798761599, 1835395200, 2147483000, 0,
	1766491200,
};
static const char *const zones[] = {
	NULL, "", "UTC", "America/Los_Angeles", "Europe/Berlin",
	":Australia/Lord_Howe", "XXX-3:30", "Nowhere/Such", "Asia/Kolkata",
};
#define CLOCKS (sizeof(clocks) / sizeof(clocks[0]))
#define ZONES (sizeof(zones) / sizeof(zones[0]))

enum { UNSET = -12345 };

/* INT64_MIN: none. In a block exactly as long, so that a sanitizer sees each
 * byte too many. */
static int64_t ask(until_fn *fn, const char *a, size_t alen, const char *b,
	size_t blen, int64_t now)
{
	size_t len = alen + blen;
	char *copy = malloc(len > 0 ? len : 1);
	int64_t at = UNSET;
	bool found;

	assert(copy != NULL);
	if (alen > 0)
		memcpy(copy, a, alen);
	if (blen > 0)
		memcpy(copy + alen, b, blen);
	found = fn(copy, len, now, &at);
	free(copy);
	if (!found) {
		assert(at == UNSET);
		return INT64_MIN;
	}
	assert(at >= now - 60000 && at <= now + 8 * 86400000ll);
	return at;
}

static void check_nul(until_fn *fn, const char *text, size_t len, int64_t now,
	int64_t at)
{
	static const char behind[] = "\0 resets in 7s\nretry-after: 8\n9";
	const char *nul = len > 0 ? memchr(text, '\0', len) : NULL;

	assert(ask(fn, text, len, behind, sizeof(behind) - 1, now) == at);
	if (nul != NULL)
		assert(ask(fn, text, (size_t)(nul - text), NULL, 0, now) == at);
}

static void check_zone(const char *tz, const struct tm *before)
{
	const char *now = getenv("TZ");
	time_t t = (time_t)clocks[0];
	struct tm tm;

	assert(tz == NULL ? now == NULL :
		now != NULL && strcmp(now, tz) == 0);
	assert(localtime_r(&t, &tm) != NULL);
	assert(tm.tm_hour == before->tm_hour && tm.tm_min == before->tm_min &&
		tm.tm_gmtoff == before->tm_gmtoff);
}

static void check(const char *tz, int64_t now, const char *text, size_t len)
{
	static const char other[] = "resets Mar 8, 2:30am (America/New_York)";
	static const char above[] = "resets in 3s.\n";
	until_fn *fn[] = { until_in_headers, until_in_line, until_in_file };
	time_t t = (time_t)clocks[0];
	struct tm local;
	int64_t at[3];
	bool has_nul = len > 0 && memchr(text, '\0', len) != NULL;

	assert(localtime_r(&t, &local) != NULL);
	for (int i = 0; i < 3; i++) {
		at[i] = ask(fn[i], text, len, NULL, 0, now);
		check_zone(tz, &local);
		ask(fn[1], other, sizeof(other) - 1, NULL, 0, now);
		assert(ask(fn[i], text, len, NULL, 0, now) == at[i]);
		check_nul(fn[i], text, len, now, at[i]);
	}
	if (at[0] != INT64_MIN)
		assert(at[1] == at[0]);
	assert(ask(fn[2], " \r\n\t", 4, text, len, now) == at[2]);
	if (!has_nul)
		assert(ask(fn[2], text, len, "\n \t\r", 4, now) == at[2]);
	if (at[0] == INT64_MIN) {
		int64_t below = ask(fn[1], above, sizeof(above) - 1, text,
			len, now);

		assert(below == at[1] || below == now + 3000);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *tz;
	int64_t now;

	if (size < 2)
		return 0;
	tz = zones[data[0] % ZONES];
	now = clocks[data[1] % CLOCKS] * 1000 + data[1] / CLOCKS * 40;
	if (tz != NULL)
		assert(setenv("TZ", tz, 1) == 0);
	else
		unsetenv("TZ");
	tzset();
	check(tz, now, (const char *)data + 2, size - 2);
	return 0;
}
