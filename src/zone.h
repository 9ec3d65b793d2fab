/* SPDX-License-Identifier: ISC */
/*
 * zone: what clocks show elsewhere. Another zone is asked about by setting TZ
 * and putting it back, so this is not for several threads: between
 * zone_enter() and zone_leave() every local time is that zone's.
 *
 * The C library takes a zone it does not know for UTC without a word;
 * zone_find() therefore looks for the zone's file itself.
 */
#ifndef ZONE_H
#define ZONE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "scan.h"

/* The longest name of today has 32 bytes; what is longer is none. */
enum { ZONE_NAME = 64 };

struct zone {
	char name[ZONE_NAME];	/* below the directory of zone files; "": local
				   time, or fixed */
	bool fixed;
	int offset;		/* of a fixed one: seconds east of Greenwich */
};

/* "Asia/Seoul": false unless there is a zone file ($TZDIR, else
 * /usr/share/zoneinfo) of that name, written just so. */
bool zone_find(const char *name, size_t len, struct zone *zone);

enum zone_answer {
	ZONE_NONE,		/* what stands there is no zone */
	ZONE_READ,
	ZONE_UNKNOWN		/* it looks like one: none that is known, or
				   several */
};

/*
 * The zone behind a time: "Z", " UTC", " GMT-3", " PDT", " Pacific Time",
 * " America/New_York", " local time", or one of these in parentheses; behind
 * a date (dated) also "+02:00", " -0700". What a zone is called for short is
 * looked up in a list, then compared with what local time is called at that
 * time (seconds) and half a year later.
 */
enum zone_answer zone_read(struct scan *s, bool dated, int64_t at,
	struct zone *zone);

struct zone_stay {
	char *tz;		/* as it was; NULL: unset */
	bool away;
};

bool zone_enter(const struct zone *zone, struct zone_stay *stay);
void zone_leave(struct zone_stay *stay);

/* Only between these two. Seconds since the epoch. */
bool zone_shows(const struct zone *zone, int64_t at, struct tm *tm);

/*
 * When clocks there show this (the date and time of tm, all of it valid).
 * Twice, as they are put back: the first time that is not before `from`, else
 * the last one. Never, as they are put forward: what the old time makes it.
 */
bool zone_when(const struct zone *zone, const struct tm *tm, int64_t from,
	int64_t *at);

#endif
