/* SPDX-License-Identifier: ISC */
#include "clock.h"

#include <stdio.h>
#include <time.h>

static int64_t now(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int64_t clock_wall(void)
{
	return now(CLOCK_REALTIME);
}

int64_t clock_mono(void)
{
	return now(CLOCK_MONOTONIC);
}

bool clock_parse_duration(const char *text, int64_t *ms)
{
	static const struct { const char *name; int64_t ms; } unit[] = {
		{ "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { "h", 3600000 },
		{ "d", 86400000 },
	};
	/* More is a typing error, and keeps the sums far from overflow. */
	const int64_t most = 3660ll * 86400000;
	int64_t sum = 0, last = INT64_MAX;
	const char *s = text;

	if (*s == '\0')
		return false;
	while (*s != '\0') {
		int64_t n = 0, each = 1000;
		size_t i, found = sizeof(unit) / sizeof(unit[0]);

		if (*s < '0' || *s > '9')
			return false;
		for (; *s >= '0' && *s <= '9'; s++) {
			n = n * 10 + (*s - '0');
			if (n > most)
				return false;
		}
		if (*s == '\0' && last == INT64_MAX) {
			each = 1000;	/* a bare number: seconds */
		} else {
			for (i = 0; i < sizeof(unit) / sizeof(unit[0]); i++) {
				size_t len = unit[i].name[1] != '\0' ? 2 : 1;

				if (s[0] == unit[i].name[0] && (len == 1 ?
				    s[1] != 's' || s[0] != 'm' :
				    s[1] == unit[i].name[1])) {
					found = i;
					s += len;
					break;
				}
			}
			if (found == sizeof(unit) / sizeof(unit[0]))
				return false;
			each = unit[found].ms;
			/* 1h30m, never 30m1h or 1h1h */
			if (each >= last)
				return false;
		}
		last = each;
		if (n > most / each)
			return false;
		sum += n * each;
	}
	if (sum > most)
		return false;
	*ms = sum;
	return true;
}

/* Days since 1970-01-01 of a Gregorian date, and back: Howard Hinnant,
 * "chrono-Compatible Low-Level Date Algorithms". */
static int64_t days_from_civil(int64_t y, unsigned m, unsigned d)
{
	int64_t era;
	unsigned yoe, doy, doe;

	y -= m <= 2;
	era = (y >= 0 ? y : y - 399) / 400;
	yoe = (unsigned)(y - era * 400);
	doy = (153 * (m > 2 ? m - 3 : m + 9) + 2) / 5 + d - 1;
	doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
	return era * 146097 + (int64_t)doe - 719468;
}

static void civil_from_days(int64_t z, int *y, int *m, int *d)
{
	int64_t era;
	unsigned doe, yoe, doy, mp;

	z += 719468;
	era = (z >= 0 ? z : z - 146096) / 146097;
	doe = (unsigned)(z - era * 146097);
	yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	mp = (5 * doy + 2) / 153;
	*d = (int)(doy - (153 * mp + 2) / 5 + 1);
	*m = (int)(mp < 10 ? mp + 3 : mp - 9);
	*y = (int)((int64_t)yoe + era * 400 + (*m <= 2));
}

/* Two formats a record, a million records: no printf here. */
static char *digits(char *out, int value, int width)
{
	int i;

	for (i = width - 1; i >= 0; i--) {
		out[i] = (char)('0' + value % 10);
		value /= 10;
	}
	return out + width;
}

void clock_format(int64_t at, char out[CLOCK_RFC3339])
{
	int64_t day, ms;
	int y, mo, d;
	char *p = out;

	/* Four-digit years, whatever the clock was set to. */
	if (at < -62135596800000ll)
		at = -62135596800000ll;
	if (at > 253402300799999ll)
		at = 253402300799999ll;
	day = at / 86400000;
	ms = at % 86400000;
	if (ms < 0) {
		ms += 86400000;
		day--;
	}
	civil_from_days(day, &y, &mo, &d);
	p = digits(p, y, 4);
	*p++ = '-';
	p = digits(p, mo, 2);
	*p++ = '-';
	p = digits(p, d, 2);
	*p++ = 'T';
	p = digits(p, (int)(ms / 3600000), 2);
	*p++ = ':';
	p = digits(p, (int)(ms / 60000 % 60), 2);
	*p++ = ':';
	p = digits(p, (int)(ms / 1000 % 60), 2);
	*p++ = '.';
	p = digits(p, (int)(ms % 1000), 3);
	*p++ = 'Z';
	*p = '\0';
}

static bool number(const char *s, int width, int *value)
{
	int i;

	*value = 0;
	for (i = 0; i < width; i++) {
		if (s[i] < '0' || s[i] > '9')
			return false;
		*value = *value * 10 + (s[i] - '0');
	}
	return true;
}

bool clock_parse(const char *s, size_t n, int64_t *at)
{
	int y, mo, d, h, mi, sec, ms;

	if (n != CLOCK_RFC3339 - 1 || s[4] != '-' || s[7] != '-' ||
	    s[10] != 'T' || s[13] != ':' || s[16] != ':' || s[19] != '.' ||
	    s[23] != 'Z')
		return false;
	if (!number(s, 4, &y) || !number(s + 5, 2, &mo) ||
	    !number(s + 8, 2, &d) || !number(s + 11, 2, &h) ||
	    !number(s + 14, 2, &mi) || !number(s + 17, 2, &sec) ||
	    !number(s + 20, 3, &ms))
		return false;
	if (mo < 1 || mo > 12 || d < 1 || d > 31 || h > 23 || mi > 59 ||
	    sec > 59)
		return false;
	*at = days_from_civil(y, (unsigned)mo, (unsigned)d) * 86400000 +
		h * 3600000ll + mi * 60000ll + sec * 1000ll + ms;
	return true;
}

void clock_span(int64_t ms, char out[CLOCK_SPAN])
{
	long long s = ms / 1000;

	if (ms < 0)
		ms = s = 0;
	if (ms < 10000)
		snprintf(out, CLOCK_SPAN, "%lld.%llds", s,
			(long long)(ms % 1000 / 100));
	else if (s < 60)
		snprintf(out, CLOCK_SPAN, "%llds", s);
	else if (s < 3600)
		snprintf(out, CLOCK_SPAN, "%lldm %02llds", s / 60, s % 60);
	else if (s < 86400)
		snprintf(out, CLOCK_SPAN, "%lldh %02lldm", s / 3600,
			s / 60 % 60);
	else
		snprintf(out, CLOCK_SPAN, "%lldd %lldh", s / 86400,
			s / 3600 % 24);
}

static void local(int64_t at, const char *fmt, char out[CLOCK_SPAN])
{
	time_t t = (time_t)(at / 1000);
	struct tm tm;

	if (localtime_r(&t, &tm) == NULL ||
	    strftime(out, CLOCK_SPAN, fmt, &tm) == 0)
		snprintf(out, CLOCK_SPAN, "?");
}

void clock_local(int64_t at, char out[CLOCK_SPAN])
{
	char today[CLOCK_SPAN], then[CLOCK_SPAN];
	int64_t wall = clock_wall(), away = at > wall ? at - wall : wall - at;
	int i;

	local(wall, "%F", today);
	local(at, "%F", then);
	for (i = 0; today[i] == then[i] && today[i] != '\0'; i++)
		;
	if (today[i] == then[i])
		local(at, "%H:%M", out);
	else if (away < 6 * 86400000ll)
		local(at, "%a %H:%M", out);
	else
		local(at, "%F %H:%M", out);
}

void clock_stamp(int64_t at, char out[CLOCK_SPAN])
{
	local(at, "%H:%M:%S", out);
}
