/* SPDX-License-Identifier: ISC */
/*
 * moment: a point in time, as people and servers write it, at the front of a
 * text. Times are ms since the epoch.
 */
#ifndef MOMENT_H
#define MOMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "scan.h"

enum moment_answer {
	MOMENT_NONE,		/* what stands there is no time */
	MOMENT_READ,
	MOMENT_UNKNOWN		/* it is one that nobody can tell: its zone is
				   not known, its day does not exist */
};

/*
 * An epoch (10 digits of seconds, 13 of ms), or days and a time of day in
 * most orders, either of which may be missing:
 *   days   2026-08-09, Oct 12, 12 October 2026, Jul 5th, 2026, Mon, today,
 *          tomorrow
 *   time   3pm, 12:50 a.m., 15:30, 15:30:00.123, noon, midnight
 *   zone   Z, +02:00, UTC, GMT-3, PDT, Pacific Time, America/New_York; in
 *          parentheses or not; none: local time
 * What does not say which day or year it is, is the next such time (or one
 * less than a minute ago). A date alone is its beginning, a weekday alone is
 * no time. A time that does say it may be long past or far away.
 */
enum moment_answer moment_time(struct scan *s, int64_t now, int64_t *at);

/* Can it be what a message of now means: at most a minute ago and at most 8
 * days ahead? */
bool moment_meant(int64_t at, int64_t now);

#endif
