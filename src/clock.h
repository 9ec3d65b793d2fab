/* SPDX-License-Identifier: ISC */
/*
 * clock: the two clocks, and times as text. Wall times are milliseconds since
 * the epoch (names end in _at); mono times are milliseconds awake, for limits
 * (CLOCK_MONOTONIC does not count suspended time; names end in _mono).
 */
#ifndef CLOCK_H
#define CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

int64_t clock_wall(void);
int64_t clock_mono(void);

/* "90", "90s", "250ms", "1h30m", "2d" -> ms. False: not a duration, or over
 * 10 years. "0" is 0. */
bool clock_parse_duration(const char *text, int64_t *ms);

/* 2026-11-20T18:47:22.123Z; out holds CLOCK_RFC3339 bytes */
#define CLOCK_RFC3339 25
void clock_format(int64_t at, char out[CLOCK_RFC3339]);
/* The exact form above only; false if it is not. n is the length of text. */
bool clock_parse(const char *text, size_t n, int64_t *at);

/* For people: "0.4s" "12s" "3m 05s" "1h 02m" "2d 21h"; out >= 32 bytes. */
#define CLOCK_SPAN 32
void clock_span(int64_t ms, char out[CLOCK_SPAN]);
/* Local time: "14:02" today, "Sun 14:00" within a week, else "2026-11-20
 * 14:02". */
void clock_local(int64_t at, char out[CLOCK_SPAN]);
/* Local "14:02:07", the stamp before a progress line. */
void clock_stamp(int64_t at, char out[CLOCK_SPAN]);

#endif
