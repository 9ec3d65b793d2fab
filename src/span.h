/* SPDX-License-Identifier: ISC */
/*
 * span: a length of time, as people and servers write it, at the front of a
 * text. Lengths are ms, rounded up, and far from overflow when added to a
 * time of this millennium.
 */
#ifndef SPAN_H
#define SPAN_H

#include <stdbool.h>
#include <stdint.h>

#include "scan.h"

/*
 * "2 days 17 hours 14 minutes", "2h 5m", "1m26.4s", "20ms", "an hour",
 * "1.5 hours", "2 days, 3 hours and 5 minutes", "20.387 second(s)": units that
 * get smaller, from weeks to milliseconds. A bare number is none.
 */
bool span_read(struct scan *s, int64_t *ms);

/* A bare number of seconds, below 10^9, with or without a fraction; and
 * nothing behind it that it would count ("30 requests", "30.5.1"). */
bool span_seconds(struct scan *s, int64_t *ms);

/* Is a number over here: at the end, before a line's end or punctuation? */
bool span_ends_number(const struct scan *s);

#endif
