/* SPDX-License-Identifier: ISC */
#include "moment.h"

#include <stddef.h>
#include <string.h>

#include "zone.h"

/* A time just gone is still the one that is meant: the message may name the
 * minute in which it was written. Seconds. */
enum { GONE = 60 };

/* The longest limit of anybody is a week; a day more for zones and clocks. */
static const int64_t far = 8 * 86400000ll;

bool moment_meant(int64_t at, int64_t now)
{
	return at >= now - GONE * 1000 && at <= now + far;
}

struct when {
	int year, month, day;	/* 0: not said */
	int weekday;		/* 0 Sunday; -1: not said */
	int ahead;		/* 1 tomorrow, 0 today; -1: not said */
	int hour;		/* -1: not said */
	int minute, second, ms;
	bool zoned;
	struct zone zone;
};

/* ---- days */

/* One of the names, or its beginning of three letters or more, which may end
 * with a full stop. */
static bool read_name(struct scan *s, const char *const *name, int count,
	int *which)
{
	struct scan t = *s;
	size_t n = 0;

	while (scan_is_letter(scan_next(&t)) && n < 12) {
		t.at++;
		n++;
	}
	if (n < 3 || scan_is_word(scan_next(&t)))
		return false;
	for (int i = 0; i < count; i++) {
		struct scan whole = { name[i], name[i] + strlen(name[i]) };
		char word[12];

		if (n > strlen(name[i]) || n >= sizeof(word))
			continue;
		memcpy(word, s->at, n);
		word[n] = '\0';
		if (!scan_at(&whole, word))
			continue;
		scan_char(&t, '.');
		*which = i;
		*s = t;
		return true;
	}
	return false;
}

static bool read_weekday(struct scan *s, int *weekday)
{
	static const char *const name[] = { "sunday", "monday", "tuesday",
		"wednesday", "thursday", "friday", "saturday" };

	return read_name(s, name, 7, weekday);
}

static bool read_month(struct scan *s, int *month)
{
	static const char *const name[] = { "january", "february", "march",
		"april", "may", "june", "july", "august", "september",
		"october", "november", "december" };

	if (!read_name(s, name, 12, month))
		return false;
	++*month;
	return true;
}

/* "5", "5th"; not the hour of "5:30" and "5pm". */
static bool read_day(struct scan *s, int *day)
{
	static const char *const suffix[] = { "st", "nd", "rd", "th" };
	struct scan t = *s;
	int64_t n;

	if (!scan_digits(&t, 1, 2, &n) || n < 1 || n > 31)
		return false;
	for (int i = 0; i < 4; i++)
		if (scan_words(&t, suffix[i]))
			break;
	if (scan_is_word(scan_next(&t)) || scan_next(&t) == ':')
		return false;
	*day = (int)n;
	*s = t;
	return true;
}

static bool read_year(struct scan *s, int *year)
{
	struct scan t = *s;
	int64_t n;

	if (!scan_digits(&t, 4, 4, &n) || n < 1970 ||
	    scan_is_word(scan_next(&t)) || scan_next(&t) == ':')
		return false;
	*year = (int)n;
	*s = t;
	return true;
}

/* 2026-08-09, with the T before a time. */
static bool read_iso(struct scan *s, struct when *w)
{
	struct scan t = *s, u;
	int64_t y, m, d;
	char dash;

	if (!scan_digits(&t, 4, 4, &y) || y < 1970)
		return false;
	dash = scan_next(&t);
	if ((dash != '-' && dash != '/') || !scan_char(&t, dash) ||
	    !scan_digits(&t, 2, 2, &m) || m < 1 || m > 12 ||
	    !scan_char(&t, dash) || !scan_digits(&t, 2, 2, &d) ||
	    d < 1 || d > 31)
		return false;
	u = t;
	if ((scan_char(&u, 'T') || scan_char(&u, 't')) &&
	    scan_is_digit(scan_next(&u)))
		t = u;
	else if (scan_is_word(scan_next(&t)))
		return false;
	w->year = (int)y;
	w->month = (int)m;
	w->day = (int)d;
	*s = t;
	return true;
}

/* One of the ways to say a day that has not been said yet. */
static bool read_date(struct scan *s, struct when *w)
{
	struct scan t = *s;
	int month, day;

	if (w->month != 0)
		return w->year == 0 && read_year(s, &w->year);
	if (w->ahead < 0 && scan_words(s, "tomorrow")) {
		w->ahead = 1;
		return true;
	}
	if (w->ahead < 0 && (scan_words(s, "today") ||
	    scan_words(s, "tonight"))) {
		w->ahead = 0;
		return true;
	}
	if (w->weekday < 0 && read_weekday(s, &w->weekday))
		return true;
	if (read_iso(s, w))
		return true;
	if (read_month(&t, &month)) {
		if (!scan_blanks(&t) || !read_day(&t, &day))
			return false;
	} else {
		if (!read_day(&t, &day))
			return false;
		if (!scan_char(&t, '-'))
			scan_blanks(&t);
		if (!read_month(&t, &month))
			return false;
		scan_char(&t, '-');
	}
	w->month = month;
	w->day = day;
	*s = t;
	return true;
}

/* ---- times of day */

/* "pm", "p.m." */
static bool read_half(struct scan *s, bool *afternoon)
{
	struct scan t = *s;

	*afternoon = scan_at(&t, "p");
	if (!*afternoon && !scan_at(&t, "a"))
		return false;
	t.at++;
	scan_char(&t, '.');
	if (!scan_words(&t, "m"))
		return false;
	scan_char(&t, '.');
	*s = t;
	return true;
}

/* Of seconds: three digits count, the others may stand there. */
static int read_fraction(struct scan *s)
{
	struct scan t = *s;
	int ms = 0, n = 0;

	if (!scan_char(&t, '.') || !scan_is_digit(scan_next(&t)))
		return 0;
	for (; n < 18 && scan_is_digit(scan_next(&t)); n++, t.at++)
		if (n < 3)
			ms = ms * 10 + (*t.at - '0');
	for (; n < 3; n++)
		ms *= 10;
	*s = t;
	return ms;
}

static bool read_clock(struct scan *s, struct when *w)
{
	struct scan t = *s, u;
	int64_t h, m = 0, sec = 0;
	bool colon = false, afternoon;
	int ms = 0;

	if (scan_words(s, "midnight")) {
		w->hour = 0;
		return true;
	}
	if (scan_words(s, "noon")) {
		w->hour = 12;
		return true;
	}
	if (!scan_digits(&t, 1, 2, &h))
		return false;
	if (scan_char(&t, ':')) {
		if (!scan_digits(&t, 2, 2, &m) || m > 59)
			return false;
		colon = true;
		if (scan_char(&t, ':')) {
			if (!scan_digits(&t, 2, 2, &sec) || sec > 60)
				return false;
			ms = read_fraction(&t);
		}
	}
	u = t;
	scan_blanks(&u);
	if (read_half(&u, &afternoon)) {
		if (h > 12)
			return false;
		h = h % 12 + (afternoon ? 12 : 0);
		t = u;
	} else if (!colon || h > 23 || scan_next(&t) == ':' ||
	    (scan_is_word(scan_next(&t)) && !scan_at(&t, "Z") &&
	    !scan_at(&t, "UTC") && !scan_at(&t, "GMT"))) {
		return false;
	}
	w->hour = (int)h;
	w->minute = (int)m;
	w->second = (int)sec;
	w->ms = ms;
	*s = t;
	return true;
}

/* ---- which moment it is */

static bool exists(int year, int month, int day)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31,
		30, 31 };
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return day <= days[month - 1] + (month == 2 && leap);
}

/* The date so many days (years, if `step` says so) after today there: could
 * it be the one that is meant? */
static bool suits(const struct when *w, const struct tm *today, int step,
	struct tm *tm)
{
	time_t noon;

	*tm = (struct tm){ .tm_year = today->tm_year, .tm_mon = today->tm_mon,
		.tm_mday = today->tm_mday };
	if (w->month != 0) {
		int year = w->year != 0 ? w->year : today->tm_year + 1900 +
			step;

		tm->tm_year = year - 1900;
		tm->tm_mon = w->month - 1;
		tm->tm_mday = w->day;
		if (!exists(year, w->month, w->day))
			return false;
	} else {
		tm->tm_mday += w->ahead >= 0 ? w->ahead : step;
		tm->tm_hour = 12;
		noon = timegm(tm);
		if (gmtime_r(&noon, tm) == NULL ||
		    (w->weekday >= 0 && w->ahead < 0 &&
		    tm->tm_wday != w->weekday))
			return false;
	}
	tm->tm_hour = w->hour;
	tm->tm_min = w->minute;
	tm->tm_sec = w->second;
	return true;
}

/* The first one that is not over, of yesterday (last year) and after. */
static enum moment_answer find(const struct when *w, int64_t now, int64_t *at)
{
	bool single = w->year != 0 || (w->month == 0 && w->ahead >= 0);
	int from = single ? 0 : -1, to = single ? 0 : 8;
	enum moment_answer answer = MOMENT_UNKNOWN;
	int64_t second = (now - GONE * 1000 + 999) / 1000;
	struct tm today, tm;
	struct zone_stay stay;

	if (!zone_enter(&w->zone, &stay))
		return MOMENT_UNKNOWN;
	if (!zone_shows(&w->zone, now / 1000, &today))
		to = from - 1;
	for (int step = from; step <= to; step++) {
		if (!suits(w, &today, step, &tm) ||
		    !zone_when(&w->zone, &tm, second, at))
			continue;
		*at = *at * 1000 + w->ms;
		if (*at >= now - GONE * 1000 || single) {
			answer = MOMENT_READ;
			break;
		}
	}
	zone_leave(&stay);
	return answer;
}

static bool read_epoch(struct scan *s, int64_t *at)
{
	struct scan t = *s;
	int64_t n;
	bool seconds = scan_digits(&t, 10, 10, &n);

	if (!seconds && !scan_digits(&t, 13, 13, &n))
		return false;
	*at = seconds ? n * 1000 + read_fraction(&t) : n;
	if (scan_is_word(scan_next(&t)))
		return false;
	*s = t;
	return true;
}

/* What may stand between two parts. */
static void skip_joint(struct scan *s)
{
	scan_blanks(s);
	scan_char(s, ',');
	scan_blanks(s);
	if (scan_char(s, '@') || scan_words(s, "at") || scan_words(s, "on"))
		scan_blanks(s);
}

enum moment_answer moment_time(struct scan *s, int64_t now, int64_t *at)
{
	struct when w = { .weekday = -1, .ahead = -1, .hour = -1 };
	struct scan t = *s;
	enum moment_answer answer;
	enum zone_answer zoned;

	if (read_epoch(s, at))
		return MOMENT_READ;
	for (int parts = 0;; parts++) {
		struct scan u = t;

		if (parts > 0)
			skip_joint(&u);
		if (read_date(&u, &w) || (w.hour < 0 && read_clock(&u, &w))) {
			t = u;
			continue;
		}
		if (w.zoned || (w.hour < 0 && w.month == 0))
			break;
		zoned = zone_read(&t, w.month != 0, now / 1000, &w.zone);
		if (zoned == ZONE_UNKNOWN)
			return MOMENT_UNKNOWN;
		if (zoned == ZONE_NONE)
			break;
		w.zoned = true;
	}
	if (w.hour < 0) {
		if (w.month == 0 && w.ahead != 1)
			return MOMENT_NONE;
		w.hour = 0;
	}
	answer = find(&w, now, at);
	if (answer == MOMENT_READ)
		*s = t;
	return answer;
}
