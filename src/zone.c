/* SPDX-License-Identifier: ISC */
#include "zone.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mem.h"
#include "scan.h"

/* Names as people and programs write them, and the zone they mean by it:
 * "3pm EST" in July is what New York's clocks show. Missing are those that
 * mean two things: CST (Chicago, Shanghai), IST (India, Ireland, Israel), BST
 * (Britain, Bangladesh). */
static const struct { const char *name, *zone; } known[] = {
	{ "PT", "America/Los_Angeles" }, { "PST", "America/Los_Angeles" },
	{ "PDT", "America/Los_Angeles" }, { "MT", "America/Denver" },
	{ "MST", "America/Denver" }, { "MDT", "America/Denver" },
	{ "CT", "America/Chicago" }, { "CDT", "America/Chicago" },
	{ "ET", "America/New_York" }, { "EST", "America/New_York" },
	{ "EDT", "America/New_York" }, { "CET", "Europe/Berlin" },
	{ "CEST", "Europe/Berlin" }, { "EET", "Europe/Athens" },
	{ "EEST", "Europe/Athens" }, { "WET", "Europe/Lisbon" },
	{ "WEST", "Europe/Lisbon" }, { "JST", "Asia/Tokyo" },
	{ "KST", "Asia/Seoul" }, { "AEST", "Australia/Sydney" },
	{ "AEDT", "Australia/Sydney" }, { "NZST", "Pacific/Auckland" },
	{ "NZDT", "Pacific/Auckland" },
};

/* The file's path, in a buffer of PATH_MAX. The C library would look for it
 * in the same places; a path leaves it no choice. */
static bool path_of(const char *name, char *path)
{
	const char *dir = getenv("TZDIR");
	int n;

	if (dir == NULL || *dir == '\0')
		dir = "/usr/share/zoneinfo";
	n = snprintf(path, PATH_MAX, ":%s/%s", dir, name);
	return *dir == '/' && n > 0 && n < PATH_MAX;
}

/* No dots, so no way out of the directory; nothing hidden either. */
static bool well_formed(const char *name, size_t len)
{
	if (len == 0 || len >= ZONE_NAME || !scan_is_letter(name[0]))
		return false;
	for (size_t i = 0; i < len; i++) {
		if (name[i] == '/' && (i + 1 == len || name[i + 1] == '/'))
			return false;
		if (!scan_is_word(name[i]) && strchr("/+-", name[i]) == NULL)
			return false;
	}
	return true;
}

bool zone_find(const char *name, size_t len, struct zone *zone)
{
	char path[PATH_MAX], magic[4];
	struct zone found = { 0 };
	ssize_t n;
	int fd;

	if (memchr(name, '\0', len) != NULL || !well_formed(name, len))
		return false;
	memcpy(found.name, name, len);
	if (!path_of(found.name, path))
		return false;
	fd = open(path + 1, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return false;
	n = read(fd, magic, sizeof(magic));
	close(fd);
	if (n != sizeof(magic) || memcmp(magic, "TZif", sizeof(magic)) != 0)
		return false;
	*zone = found;
	return true;
}

static bool same(const char *name, size_t len, const char *other)
{
	struct scan s = { name, name + len };

	return strlen(other) == len && scan_at(&s, other);
}

/* Is our own time called so, now or in the half of the year that begins? */
static bool is_local(const char *name, size_t len, int64_t at)
{
	static const struct zone local = { 0 };
	struct tm tm;

	for (int i = 0; i < 2; i++, at += 182 * 86400)
		if (zone_shows(&local, at, &tm) && tm.tm_zone != NULL &&
		    same(name, len, tm.tm_zone))
			return true;
	return false;
}

static enum zone_answer by_name(const char *name, size_t len,
	struct zone *zone)
{
	return zone_find(name, len, zone) ? ZONE_READ : ZONE_UNKNOWN;
}

/* "PDT", "ET" */
static enum zone_answer by_short_name(const char *name, size_t len, int64_t at,
	struct zone *zone)
{
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (same(name, len, known[i].name))
			return by_name(known[i].zone, strlen(known[i].zone),
				zone);
	if (!is_local(name, len, at))
		return ZONE_UNKNOWN;
	*zone = (struct zone){ 0 };
	return ZONE_READ;
}

/* "+02:00", "-0700", "-3" (with less than two digits only if that is said to
 * be all right) */
static bool read_offset(struct scan *s, int digits, int *seconds)
{
	struct scan t = *s;
	int64_t h, m = 0;
	bool west = scan_char(&t, '-');

	if (!west && !scan_char(&t, '+'))
		return false;
	if (scan_digits(&t, 4, 4, &m)) {
		h = m / 100;
		m %= 100;
	} else if (!scan_digits(&t, digits, 2, &h) || (scan_char(&t, ':') &&
	    !scan_digits(&t, 2, 2, &m))) {
		return false;
	}
	if (h > 14 || m > 59 || scan_is_word(scan_next(&t)))
		return false;
	*seconds = (int)(h * 3600 + m * 60) * (west ? -1 : 1);
	*s = t;
	return true;
}

static enum zone_answer fixed(struct scan *s, const struct scan *t,
	int seconds, struct zone *zone)
{
	*zone = (struct zone){ .fixed = true, .offset = seconds };
	*s = *t;
	return ZONE_READ;
}

/* What is said in words: "UTC", "GMT-3", "Pacific Standard Time", "local
 * time" */
static enum zone_answer read_words(struct scan *s, struct zone *zone)
{
	static const struct { const char *name, *zone; } part[] = {
		{ "pacific", "America/Los_Angeles" },
		{ "mountain", "America/Denver" },
		{ "central", "America/Chicago" },
		{ "eastern", "America/New_York" },
	};
	struct scan t = *s;
	int seconds = 0;

	if (scan_at(&t, "UTC") || scan_at(&t, "GMT")) {
		t.at += 3;
		if (!read_offset(&t, 1, &seconds) &&
		    scan_is_word(scan_next(&t)))
			return ZONE_NONE;
		return fixed(s, &t, seconds, zone);
	}
	if (scan_words(&t, "your local time") || scan_words(&t, "your time") ||
	    scan_words(&t, "local time") || scan_words(&t, "local")) {
		*zone = (struct zone){ 0 };
		*s = t;
		return ZONE_READ;
	}
	for (size_t i = 0; i < sizeof(part) / sizeof(part[0]); i++) {
		t = *s;
		/* "Pacific/Auckland" is the name of a file */
		if (!scan_words(&t, part[i].name) || scan_next(&t) == '/')
			continue;
		*s = t;
		scan_blanks(&t);
		if (scan_words(&t, "standard") || scan_words(&t, "daylight"))
			scan_blanks(&t);
		if (scan_words(&t, "time"))
			*s = t;
		else if (scan_is_letter(scan_next(&t)))
			return ZONE_UNKNOWN;	/* "Central European" */
		return by_name(part[i].zone, strlen(part[i].zone), zone);
	}
	return ZONE_NONE;
}

/* As far as what may stand in a zone's name goes. */
static size_t token(const struct scan *s, bool *capitals, bool *slash)
{
	size_t n = 0;

	*capitals = true;
	*slash = false;
	for (; s->at + n < s->end && n < ZONE_NAME; n++) {
		char c = s->at[n];

		if (!scan_is_word(c) && (c == '\0' ||
		    strchr("/+-", c) == NULL))
			break;
		*slash = *slash || c == '/';
		*capitals = *capitals && c >= 'A' && c <= 'Z';
	}
	return n;
}

/* "Asia/Seoul)": anything in parentheses behind a time is taken for a zone,
 * but for "(in 2 hours)" and what does not begin with a letter. */
static enum zone_answer read_closed(struct scan *s, int64_t at,
	struct zone *zone)
{
	struct scan t = *s;
	enum zone_answer answer;
	bool capitals, slash;
	size_t n;

	if (!scan_is_letter(scan_next(&t)) || scan_words(&t, "in"))
		return ZONE_NONE;
	answer = read_words(&t, zone);
	if (answer == ZONE_NONE) {
		n = token(&t, &capitals, &slash);
		answer = by_short_name(t.at, n, at, zone);
		if (answer == ZONE_UNKNOWN)
			answer = by_name(t.at, n, zone);
		t.at += n;
	}
	if (answer != ZONE_READ || !scan_char(&t, ')'))
		return ZONE_UNKNOWN;
	*s = t;
	return ZONE_READ;
}

static enum zone_answer read_open(struct scan *s, int64_t at,
	struct zone *zone)
{
	enum zone_answer answer = read_words(s, zone);
	bool capitals, slash;
	size_t n;

	if (answer != ZONE_NONE || !scan_is_letter(scan_next(s)))
		return answer;
	n = token(s, &capitals, &slash);
	if (slash && *s->at >= 'A' && *s->at <= 'Z')
		answer = by_name(s->at, n, zone);
	else if (capitals && n >= 2 && n <= 5)
		answer = by_short_name(s->at, n, at, zone);
	/* "3PM OR" is no zone, "3PM XYZ" may be one */
	if (answer == ZONE_UNKNOWN && n == 2)
		return ZONE_NONE;
	if (answer == ZONE_READ)
		s->at += n;
	return answer;
}

enum zone_answer zone_read(struct scan *s, bool dated, int64_t at,
	struct zone *zone)
{
	struct scan t = *s;
	enum zone_answer answer;
	int seconds;

	if (scan_words(&t, "z"))
		return fixed(s, &t, 0, zone);
	scan_blanks(&t);
	if (dated && read_offset(&t, 2, &seconds))
		return fixed(s, &t, seconds, zone);
	if (scan_char(&t, '('))
		answer = read_closed(&t, at, zone);
	else
		answer = read_open(&t, at, zone);
	if (answer == ZONE_READ)
		*s = t;
	return answer;
}

bool zone_enter(const struct zone *zone, struct zone_stay *stay)
{
	char path[PATH_MAX];
	const char *tz = getenv("TZ");

	*stay = (struct zone_stay){ 0 };
	if (zone->name[0] == '\0')
		return true;
	if (!path_of(zone->name, path))
		return false;
	stay->tz = tz != NULL ? mem_dup(tz) : NULL;
	if (setenv("TZ", path, 1) != 0) {
		free(stay->tz);
		return false;
	}
	stay->away = true;
	tzset();
	return true;
}

void zone_leave(struct zone_stay *stay)
{
	if (!stay->away)
		return;
	if (stay->tz == NULL)
		unsetenv("TZ");
	/* No memory for it: better unset, so local, than elsewhere. */
	else if (setenv("TZ", stay->tz, 1) != 0)
		unsetenv("TZ");
	tzset();
	free(stay->tz);
	*stay = (struct zone_stay){ 0 };
}

bool zone_shows(const struct zone *zone, int64_t at, struct tm *tm)
{
	time_t t = (time_t)(zone->fixed ? at + zone->offset : at);

	return (zone->fixed ? gmtime_r(&t, tm) : localtime_r(&t, tm)) != NULL;
}

/* Seconds that clocks there are ahead of Greenwich. */
static bool ahead(int64_t at, int64_t *seconds)
{
	time_t t = (time_t)at;
	struct tm tm;

	if (localtime_r(&t, &tm) == NULL)
		return false;
	*seconds = tm.tm_gmtoff;
	return true;
}

/*
 * Not mktime(): where the clocks are put back, what it answers with tm_isdst
 * -1 depends on what it was asked before, and in the hour that is left out it
 * may be an hour more or less.
 */
bool zone_when(const struct zone *zone, const struct tm *tm, int64_t from,
	int64_t *at)
{
	struct tm copy = *tm;
	int64_t utc = timegm(&copy), before, after, at_before, at_after;
	bool old, new;

	if (zone->fixed) {
		*at = utc - zone->offset;
		return true;
	}
	/* No zone is more than 26 hours off or changes twice in that time. */
	if (!ahead(utc - 26 * 3600, &before) || !ahead(utc + 26 * 3600, &after))
		return false;
	if (!ahead(utc - before, &at_before) || !ahead(utc - after, &at_after))
		return false;
	old = at_before == before;
	new = at_after == after;
	/* both: before is more than after, so the old time comes first */
	if (new && (!old || utc - before < from))
		*at = utc - after;
	else
		*at = utc - before;
	return true;
}
