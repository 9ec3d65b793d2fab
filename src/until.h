/* SPDX-License-Identifier: ISC */
/*
 * until: the time that a usage limit's message names. Pure but for time zones
 * (the system's zone files). Times are ms since the epoch.
 *
 * What is understood, in any case of letters (moment.h has the forms in full):
 *   epoch seconds or milliseconds (1766502000, 1766502000000)
 *   RFC 3339 and its relatives (2026-08-09T00:00:00Z, 2026-08-09 00:00 UTC)
 *   [Mon] H[:MM]am|pm, "3pm", "12:50am", "15:30", with or without (Zone/Name),
 *     UTC, "Pacific Time"; none: local time; always the next such time
 *   Oct 12, 4am; Jul 5th, 2026 8:19 PM; tomorrow at 3pm; midnight
 *   in 2 days 17 hours 14 minutes; 2h 5m; 3.646s; 6m0s; 12ms; 65 seconds
 *   HTTP dates (Sun, 06 Nov 1994 08:49:37 GMT), what date(1) prints
 *
 * A text ends at its first NUL. Texts of any length and with any bytes will
 * do; the time taken is linear in their length.
 *
 * False: no time is named, or none that can be meant (before now, less a
 * minute; more than 8 days away), or the one that is has a zone that is not
 * known here or a day that does not exist: then nobody guesses.
 * *at may be up to a minute before now, and is now for "Retry-After: 0".
 */
#ifndef UNTIL_H
#define UNTIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The time named in a piece of text that is known to speak of a limit (the
 * line in which `wait_if` matched), by the first of these that names one:
 * - what until_in_headers() finds;
 * - words that lead to it: "resets", "reset at", "try again at", "try again
 *   in", "retry after", "wait", "until", "available at" and the like, and
 *   "limited for (up to)". The last such place counts, as the newest line of
 *   several is the last; those whose time cannot be meant are passed over;
 * - a bare epoch of 10 or 13 digits behind "|", or one in the future behind a
 *   blank. The last one counts.
 */
bool until_in_line(const char *text, size_t len, int64_t now, int64_t *at);

/*
 * The time in text of any kind, where only an unmistakable form counts: the
 * names of HTTP headers, of JSON and other keys made like them ("retry_after":
 * 30, "resetsAt": 1766502000, retryDelay:12s), in this order:
 * - Retry-After (-Ms, -Seconds), retryDelay, quotaResetDelay;
 * - resetsAt, reset_at, resets_in_seconds, reset_after_seconds, resetTime,
 *   quotaResetTimeStamp;
 * - Anthropic-Ratelimit-Unified-Reset;
 * - X-Ratelimit-Reset, Anthropic-Ratelimit-Tokens-Reset and their relatives:
 *   the latest of those whose remaining count is 0, else of all.
 * A number below 10^9 counts seconds from now, others are epochs. When a name
 * stands there several times, the last one counts.
 */
bool until_in_headers(const char *text, size_t len, int64_t now, int64_t *at);

/*
 * What a step wrote into $DUREXEC_WAIT: the whole text is a number of seconds
 * (below 10^9), an epoch, a date, a time of day or a span as above; else it
 * is looked through as by until_in_line().
 */
bool until_in_file(const char *text, size_t len, int64_t now, int64_t *at);

#endif
