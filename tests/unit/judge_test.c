/* SPDX-License-Identifier: ISC */
#include "judge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "loading.h"

/* 2026-01-01T12:00:00Z */
#define NOW 1767268800000
#define SECOND ((int64_t)1000)
#define HOUR (3600 * SECOND)

/*
 * A case: the step's keys; the task so far, and how the phase ended, in words
 * (see task_of() and report_of()); what it left; and the verdict, as
 * verdict_text() writes it.
 */
struct row {
	const char *keys, *task, *end, *is;
	const char *note;
	const char *out, *err, *wait, *headers, *missing;
	const char *receipt;	/* NULL: not seen; "": seen, without group 1 */
	double random;		/* 0: one half, which is no jitter for
				   retries */
};

#define NEVER "rerun = never\n"
#define RETRIES "retries = 2\n"
#define LIMIT "wait_if = limit\n"
#define GATES "verify.size = x\nverify.sound = x\n"
#define DIGITS "1234567890123456789012345678901234567890"
/* ten times e with an acute */
#define E10 "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3" \
	"\xa9\xc3\xa9\xc3\xa9"
#define RECEIPT "receipt = ^sent ([0-9]+)\n"

static const struct row rows[] = {
	/* how it exited */
	{ "", "", "exit 0", .is = "done" },
	{ "", "", "exit 1", .is = "needs_review: exit 1" },
	{ "", "", "exit 255", .is = "needs_review: exit 255" },
	{ "", "", "exit", .is = "needs_review: status unknown" },
	{ "ok_exit = 3\n", "", "exit 3", .is = "done" },
	{ "ok_exit = 3\n", "", "exit 0", .is = "done" },
	{ "ok_exit = 3\n", "", "exit 4", .is = "needs_review: exit 4" },
	{ "", "", "exit 127", .is = "needs_review: exit 127 (no such program)",
		.note = "no such program" },
	{ "", "", "exit 0 survivor=44", .is = "needs_review: exit 0; process "
		"44 could not be killed" },
	{ "", "", "signal 9", .is = "needs_review: killed by signal 9 (KILL)" },
	{ "", "", "signal 9 oom", .is = "needs_review: killed by signal 9 "
		"(KILL), probably out of memory" },
	{ "", "", "timeout exit 0", .is = "needs_review: time limit (exit 0)" },
	{ "", "", "timeout signal 15", .is = "needs_review: time limit (signal "
		"15 (TERM))" },
	{ "", "", "idle signal 9", .is = "needs_review: no output for too long "
		"(signal 9 (KILL))" },
	{ "", "", "flood exit 0", .is = "needs_review: too much output (exit "
		"0)" },
	{ "", "", "not-started errno=2", .is = "needs_review: not started: No "
		"such file or directory" },
	{ "", "", "not-started errno=2", .is = "needs_review: not started: "
		"cannot enter /x", .note = "cannot enter /x" },
	{ "", "", "none", .is = "needs_review: not ended" },
	{ "outputs = a\n", "", "exit 0", .is = "after settle" },
	{ "stdout = a\n", "", "exit 0", .is = "after settle" },
	{ "stdout = a\n" GATES, "", "exit 0", .is = "after verify.size" },
	{ "stdout = a\noutputs = b\n" GATES, "", "exit 0", .is =
		"after settle" },
	{ "outputs = a\n", "", "exit 1", .is = "needs_review: exit 1" },
	{ "review = yes\n", "", "exit 0", .is = "needs_review approval: "
		"approval" },
	{ "review = yes\n", "", "exit 1", .is = "needs_review: exit 1" },
	{ "review = yes\n" GATES, "", "exit 0", .is = "after verify.size" },

	/* stopped: never DONE, whatever it exits with */
	{ "", "", "interrupted exit 0", .is = "pending" },
	{ "", "", "interrupted exit 1", .is = "pending" },
	{ "", "", "interrupted signal 15", .is = "pending" },
	{ "", "tries=7", "interrupted exit 0", .is = "pending" },
	{ "give_up_if = gone\nwait_if = gone\nretries = 1\n", "",
		"interrupted exit 1", .is = "pending", .err = "gone\n" },
	{ "", "interrupts=1", "interrupted exit 0", .is = "pending" },
	{ "", "", "interrupted signal 15 elsewhere", .is = "pending" },
	{ "", "interrupts=1", "interrupted signal 15 elsewhere",
		.is = "needs_review: interrupted (signal 15 (TERM))" },
	{ "", "", "interrupted signal 15 survivor=44", .is = "needs_review: "
		"interrupted (signal 15 (TERM)); process 44 could not be "
		"killed" },
	{ "", "", "lost", .is = "pending" },
	{ "", "losses=1", "lost", .is = "pending" },
	{ "", "losses=2", "lost", .is = "needs_review: lost: nobody saw how it "
		"ended" },
	{ "", "losses=2", "interrupted signal 15", .is = "pending" },
	{ "", "", "lost survivor=44", .is = "needs_review: lost: nobody saw "
		"how it ended; process 44 could not be killed" },

	/* rerun = never: at most once */
	{ NEVER, "", "exit 0", .is = "done" },
	{ NEVER, "", "interrupted exit 0", .is = "needs_review hold: "
		"interrupted (exit 0), and rerun = never: nobody knows how far "
		"it came" },
	{ NEVER, "", "lost", .is = "needs_review hold: lost: nobody saw how it "
		"ended, and rerun = never: nobody knows how far it came" },
	{ NEVER, "", "lost survivor=44", .is = "needs_review hold: lost: "
		"nobody saw how it ended; process 44 could not be killed, and "
		"rerun = never: nobody knows how far it came" },
	{ NEVER RETRIES, "", "timeout signal 15", .is = "needs_review hold: "
		"time limit (signal 15 (TERM)), and rerun = never" },
	{ NEVER RETRIES, "", "signal 11", .is = "needs_review hold: killed by "
		"signal 11 (SEGV), and rerun = never" },
	{ NEVER RETRIES, "", "flood exit 0", .is = "needs_review hold: too "
		"much output (exit 0), and rerun = never" },
	{ NEVER LIMIT, "", "timeout signal 15", .is = "needs_review hold: time "
		"limit (signal 15 (TERM)), and rerun = never",
		.err = "limit\n" },
	{ NEVER "give_up_if = gone\n", "", "idle signal 15", .is =
		"needs_review hold: no output for too long (signal 15 (TERM)); "
		"give_up_if \"gone\" matched", .out = "gone" },
	{ NEVER, "", "timeout signal 9 survivor=44", .is = "needs_review hold: "
		"time limit (signal 9 (KILL)); process 44 could not be "
		"killed" },
	/* it said itself that it failed: that is known */
	{ NEVER, "", "exit 1", .is = "needs_review: exit 1" },
	{ NEVER RETRIES, "", "exit 1", .is = "waiting retry +1000 rerun: exit "
		"1; retry 1 of 2" },
	{ NEVER LIMIT, "", "exit 1", .is = "waiting limit +1000: limit: limit",
		.err = "limit\n" },
	{ NEVER RETRIES, "", "not-started errno=2", .is = "needs_review: not "
		"started: No such file or directory" },

	/* a receipt: DONE or review, and nothing else */
	{ RECEIPT, "", "exit 0", .is = "done", .receipt = "17" },
	{ RECEIPT GATES, "", "exit 0", .is = "after verify.size", .receipt =
		"17" },
	{ RECEIPT RETRIES, "", "exit 1", .is = "needs_review hold: exit 1; but "
		"its receipt was seen (17): it is not run again", .receipt =
		"17" },
	{ RECEIPT RETRIES, "", "exit 1", .is = "needs_review hold: exit 1; but "
		"its receipt was seen: it is not run again", .receipt = "" },
	{ RECEIPT, "", "interrupted exit 0", .is = "needs_review hold: "
		"interrupted (exit 0); but its receipt was seen: it is not run "
		"again", .receipt = "" },
	{ RECEIPT, "", "lost", .is = "needs_review hold: lost: nobody saw how "
		"it ended; but its receipt was seen: it is not run again",
		.receipt = "" },
	{ RECEIPT RETRIES, "", "timeout signal 15", .is = "needs_review hold: "
		"time limit (signal 15 (TERM)); but its receipt was seen: it "
		"is not run again", .receipt = "" },
	{ RECEIPT LIMIT, "", "exit 75", .is = "needs_review hold: exit 75; but "
		"its receipt was seen: it is not run again", .receipt = "", .err
		= "limit" },
	{ RECEIPT RETRIES "fail_if = warning\n", "", "exit 0", .is =
		"needs_review hold: exit 0, but fail_if \"warning\" matched",
		.receipt = "1", .out = "sent 1\nwarning\n" },
	{ RECEIPT RETRIES, "", "exit 0 survivor=44", .is = "needs_review hold: "
		"exit 0; process 44 could not be killed; but its receipt was "
		"seen (5): it is not run again", .receipt = "5" },
	/* that of an attempt before counts as well */
	{ RECEIPT RETRIES, "receipt", "exit 1", .is = "needs_review hold: exit "
		"1; but its receipt was seen (earlier): it is not run again" },
	{ RECEIPT LIMIT, "receipt", "exit 1", .is = "needs_review hold: exit "
		"1; but its receipt was seen (earlier): it is not run again",
		.err = "limit" },
	{ RECEIPT RETRIES "ok_if = fine\n", "receipt", "exit 0", .is =
		"needs_review hold: exit 0, but ok_if \"fine\" did not match" },
	{ RECEIPT, "receipt", "exit 0", .is = "done" },
	/* without one the step is a `never` step that said that it failed */
	{ RECEIPT RETRIES, "", "exit 1", .is = "waiting retry +1000 rerun: "
		"exit 1; retry 1 of 2" },
	{ RECEIPT, "", "lost", .is = "needs_review hold: lost: nobody saw how "
		"it ended, and rerun = never: nobody knows how far it came" },

	/* give up */
	{ RETRIES "give_up_on = 3 4\n", "", "exit 4", .is = "needs_review: "
		"exit 4; give_up_on lists it" },
	{ RETRIES "give_up_on = 3 4\n", "", "exit 5", .is = "waiting retry "
		"+1000 rerun: exit 5; retry 1 of 2" },
	{ RETRIES "give_up_on = 255\n", "", "exit 255", .is = "needs_review: "
		"exit 255; give_up_on lists it" },
	{ RETRIES "give_up_on = 137\n", "", "signal 9", .is = "needs_review: "
		"killed by signal 9 (KILL); give_up_on lists it" },
	{ RETRIES "give_up_on = 3\nretry_on = 3\n", "", "exit 3",
		.is = "needs_review: exit 3; give_up_on lists it" },
	{ RETRIES "give_up_if = bad key\n", "", "exit 1", .is = "needs_review: "
		"exit 1; give_up_if \"bad key\" matched", .out =
		"x\nbad key\n" },
	{ RETRIES "give_up_if = bad key\n  no credit\n", "", "exit 1",
		.is = "needs_review: exit 1; give_up_if \"no credit\" matched",
		.err = "no credit" },
	{ RETRIES LIMIT "give_up_if = limit of the month\n", "", "exit 1",
		.is = "needs_review: exit 1; give_up_if \"limit of the month\" "
		"matched", .err = "the limit of the month is met" },
	{ RETRIES, "", "exit 127", .is = "needs_review: exit 127" },
	{ RETRIES, "", "exit 126", .is = "needs_review: exit 126" },
	{ RETRIES "retry_on = 126-127\n", "", "exit 127", .is = "waiting retry "
		"+1000 rerun: exit 127; retry 1 of 2" },
	{ RETRIES "retry_on = 127\n", "", "exit 126", .is =
		"needs_review: exit 126" },
	{ RETRIES "retry_on = 127\nretry_if = x\n", "", "exit 126", .is =
		"needs_review: exit 126", .err = "x" },
	{ RETRIES, "", "exit 1", .is = "needs_review: exit 1; No space left on "
		"device", .err = "write: No space left on device\n" },
	{ RETRIES "retry_on = 1\n", "", "exit 1", .is = "needs_review: exit 1; "
		"No space left on device", .out = "No space left on device" },
	{ RETRIES, "", "exit 0", .is = "done", .out =
		"No space left on device" },
	{ RETRIES, "", "not-started errno=28", .is = "needs_review: not "
		"started: No space left on device; No space left on device" },
	{ RETRIES, "", "not-started errno=13", .is = "needs_review: not "
		"started: Permission denied" },

	/* a limit that names its time */
	{ LIMIT, "", "exit 1", .is = "waiting limit +10800000: limit: limit "
		"met, resets 3pm (UTC)", .err =
		"limit met, resets 3pm (UTC)\n" },
	{ LIMIT, "", "exit 1", .is = "waiting limit +7500000: limit: limit: "
		"try again in 2h 5m", .out = "a\nlimit: try again in 2h 5m\n"
		"b\n" },
	{ LIMIT, "", "exit 1", .is = "waiting limit +60000: limit: "
		"limit|1767268860", .out = "limit|1767268860" },
	{ LIMIT, "", "signal 15", .is = "waiting limit +60000: limit: limit, "
		"retry after 60", .err = "limit, retry after 60\n" },
	{ LIMIT RETRIES, "tries=2", "exit 1", .is = "waiting limit +60000: "
		"limit: limit, retry after 60", .err =
		"limit, retry after 60" },
	/* in what the server said, when the line has none */
	{ LIMIT, "", "exit 1", .is = "waiting limit +30000: limit: the limit",
		.err = "the limit\n", .headers = "HTTP/2 429\r\nRetry-After: "
		"30\r\n" },
	{ LIMIT, "", "exit 1", .is = "waiting limit +40000: limit: the limit",
		.err = "< retry-after: 40\nthe limit\n" },
	{ LIMIT, "", "exit 1", .is = "waiting limit +50000: limit: the limit",
		.err = "the limit\n", .out = "{\"retry_after\": 50}" },
	/* said by the step itself */
	{ "", "", "exit 75", .is = "waiting limit +1000: limit: exit 75" },
	{ "", "", "exit 75", .is = "waiting limit +30000: limit: exit 75",
		.headers = "Retry-After: 30\n" },
	{ "", "", "exit 75", .is = "waiting limit +90000: limit: exit 75",
		.wait = "90\n" },
	{ "", "", "exit 1", .is = "waiting limit +90000: limit: exit 1",
		.wait = "90" },
	{ "", "", "signal 9", .is = "waiting limit +3600000: limit: killed by "
		"signal 9 (KILL)", .wait = "2026-01-01T13:00:00Z" },
	{ LIMIT, "", "exit 1", .is = "waiting limit +90000: limit: exit 1",
		.wait = "1767268890", .err = "limit, retry after 5\n" },
	{ "", "", "exit 0", .is = "done", .wait = "90\n" },
	/* what cannot be read says "not now" all the same */
	{ "", "", "exit 1", .is = "waiting limit +1000: limit: exit 1",
		.wait = "soon\n" },
	{ "", "", "exit 1", .is = "waiting limit +30000: limit: exit 1",
		.wait = "try again in 30 s" },
	{ "ok_exit = 75\n", "", "exit 75", .is = "done" },
	/* the last word counts: the program got over what it said before */
	{ LIMIT, "", "exit 1", .is = "waiting limit +7200000: limit: limit, "
		"try again in 2h", .err = "limit, try again in 5s\nlimit, try "
		"again in 2h\nbye\n" },
	{ LIMIT, "", "exit 1", .is = "waiting limit +1000: limit: the limit",
		.err = "limit, try again in 5s\nthe limit" },
	/* patterns in their order, stderr before stdout */
	{ "wait_if = aaa\n  bbb\n", "", "exit 1", .is = "waiting limit +60000: "
		"limit: aaa, retry after 60", .err = "bbb, retry after 90",
		.out = "aaa, retry after 60" },
	{ LIMIT, "", "exit 1", .is = "waiting limit +60000: limit: limit, "
		"retry after 60", .err = "limit, retry after 60", .out =
		"limit, retry after 90" },
	/* none named: later and later */
	{ LIMIT, "parks=1 parked=-1", "exit 1", .is = "waiting limit +2000: "
		"limit: limit", .err = "limit" },
	{ LIMIT, "parks=5 parked=-100", "exit 1", .is = "waiting limit +32000: "
		"limit: limit", .err = "limit" },
	{ LIMIT, "parks=60 parked=-100", "exit 1", .is = "waiting limit "
		"+300000: limit: limit", .err = "limit" },
	{ LIMIT "retry_delay = 1m\nretry_factor = 1.5\n", "parks=2 parked=-9",
		"exit 1", .is = "waiting limit +135000: limit: limit",
		.err = "limit" },
	{ LIMIT "retry_delay = 0\n", "parks=9 parked=-9", "exit 1",
		.is = "waiting limit +1000: limit: limit", .err = "limit" },
	/* however soon it is, it is believed once */
	{ LIMIT, "", "exit 1", .is = "waiting limit +500: limit: limit, try "
		"again in 500ms", .err = "limit, try again in 500ms" },
	{ LIMIT, "parks=1 parked=-1", "exit 1", .is = "waiting limit +2000: "
		"limit: limit, try again in 500ms", .err =
		"limit, try again in 500ms" },
	/* what was named was too early */
	{ LIMIT, "parks=5 parked=-100", "exit 1", .is = "waiting limit +32000: "
		"limit: limit, retry after 1", .err = "limit, retry after 1" },
	{ LIMIT, "parks=5 parked=-100", "exit 1", .is = "waiting limit +60000: "
		"limit: limit, retry after 60",
		.err = "limit, retry after 60" },
	{ LIMIT, "", "exit 1", .is = "waiting limit +1000: limit: limit, retry "
		"after 0", .err = "limit, retry after 0" },
	/* all waits in a row together */
	{ LIMIT "wait_max = 1h\n", "", "exit 1", .is = "waiting limit "
		"+3600000: limit: limit, resets 3pm (UTC)", .err =
		"limit, resets 3pm (UTC)" },
	{ LIMIT "wait_max = 1h\n", "parks=1 parked=-3500", "exit 1",
		.is = "waiting limit +100000: limit: limit, retry after 200",
		.err = "limit, retry after 200" },
	{ LIMIT "wait_max = 1h\n", "parks=1 parked=-3600", "exit 1",
		.is = "needs_review: exit 1; the limit is still there after "
		"wait_max (1h 00m)", .err = "limit, retry after 200" },
	{ LIMIT "wait_max = 1h\n", "parks=1 parked=-9999", "exit 1",
		.is = "needs_review: exit 1; the limit is still there after "
		"wait_max (1h 00m)", .err = "limit" },
	{ LIMIT "wait_max = 1h\n" RETRIES, "parks=1 parked=-9999", "exit 1",
		.is = "needs_review: exit 1; the limit is still there after "
		"wait_max (1h 00m)", .err = "limit" },
	/* the clock was set back meanwhile */
	{ LIMIT "wait_max = 1h\n", "parks=1 parked=9999", "exit 1",
		.is = "waiting limit +3600000: limit: limit, retry after 99999",
		.err = "limit, retry after 99999" },
	/* of a long line, the place that matched is in the reason */
	{ LIMIT, "", "exit 1", .is = "waiting limit +1000: limit: "
		"23456789012345678901234567890 limit.", .err = DIGITS DIGITS
		DIGITS " limit.\nbye\n" },
	{ LIMIT, "", "exit 1", .is = "waiting limit +60000: limit: a limit, "
		"retry after 60; " DIGITS "12345678901234567890123456789012345",
		.err = "a limit, retry after 60; " DIGITS DIGITS DIGITS "\n" },
	{ LIMIT, "", "exit 1", .is = "waiting limit +1000: limit: limit "
		DIGITS DIGITS "12345678901234", .err = "limit " DIGITS DIGITS
		DIGITS },
	/* of several lines, what is in the first of them */
	{ "wait_if = rate[[:space:]]*limit\n", "", "exit 1", .is = "waiting "
		"limit +60000: limit: rate\n limit, retry after 60\nbye\n",
		.out = "x\nrate\n limit, retry after 60\nbye\n" },
	{ "wait_if = a$[[:space:]]^b\n", "", "exit 1", .is = "waiting limit "
		"+1000: limit: a\nb", .err = "xa\nb" },

	/* retries */
	{ "", "", "exit 1", .is = "needs_review: exit 1" },
	{ "retries = 1\n", "", "exit 1", .is = "waiting retry +1000 rerun: "
		"exit 1; retry 1 of 1" },
	{ "retries = 1\n", "tries=1", "exit 1", .is = "needs_review: exit 1, "
		"after 1 retry" },
	{ RETRIES, "tries=1", "exit 1", .is = "waiting retry +2000 rerun: exit "
		"1; retry 2 of 2" },
	{ RETRIES, "tries=2", "exit 1", .is = "needs_review: exit 1, after 2 "
		"retries" },
	{ RETRIES, "tries=9", "signal 9", .is = "needs_review: killed by "
		"signal 9 (KILL), after 9 retries" },
	{ "retries = 20\n", "tries=5", "exit 1", .is = "waiting retry +32000 "
		"rerun: exit 1; retry 6 of 20" },
	{ "retries = 20\n", "tries=19", "exit 1", .is = "waiting retry +300000 "
		"rerun: exit 1; retry 20 of 20" },
	{ "retries = 9\nretry_delay = 10s\nretry_factor = 1.5\n", "tries=2",
		"exit 1", .is = "waiting retry +22500 rerun: exit 1; retry 3 "
		"of 9" },
	{ "retries = 9\nretry_delay = 10s\nretry_factor = 1\n", "tries=8",
		"exit 1", .is = "waiting retry +10000 rerun: exit 1; retry 9 "
		"of 9" },
	{ "retries = 9\nretry_delay = 1m\nretry_max_delay = 90s\n", "tries=3",
		"exit 1", .is = "waiting retry +90000 rerun: exit 1; retry 4 "
		"of 9" },
	{ "retries = 9\nretry_delay = 0\n", "tries=3", "exit 1",
		.is = "waiting retry +0 rerun: exit 1; retry 4 of 9" },
	/* jitter goes both ways, a limit's only behind */
	{ "retries = 1\nretry_jitter = 10\nretry_delay = 10s\n", "", "exit 1",
		.is = "waiting retry +9000 rerun: exit 1; retry 1 of 1",
		.random = -1 },
	{ "retries = 1\nretry_jitter = 10\nretry_delay = 10s\n", "", "exit 1",
		.is = "waiting retry +10000 rerun: exit 1; retry 1 of 1" },
	{ "retries = 1\nretry_jitter = 10\nretry_delay = 10s\n", "", "exit 1",
		.is = "waiting retry +10998 rerun: exit 1; retry 1 of 1",
		.random = .999 },
	{ "retries = 1\nretry_jitter = 100\nretry_delay = 10s\n", "", "exit 1",
		.is = "waiting retry +0 rerun: exit 1; retry 1 of 1",
		.random = -1 },
	{ LIMIT "retry_jitter = 10\n", "", "exit 1", .is = "waiting limit "
		"+100000: limit: limit, retry after 100", .random = -1, .err =
		"limit, retry after 100" },
	{ LIMIT "retry_jitter = 10\n", "", "exit 1", .is = "waiting limit "
		"+109990: limit: limit, retry after 100", .random = .999, .err =
		"limit, retry after 100" },
	/* three minutes at most */
	{ LIMIT "retry_jitter = 10\n", "", "exit 1", .is = "waiting limit "
		"+10890000: limit: limit, resets 3pm (UTC)", .err =
		"limit, resets 3pm (UTC)" },
	{ LIMIT "retry_jitter = 10\nwait_max = 1h\n", "", "exit 1",
		.is = "waiting limit +3600000: limit: limit, resets 3pm (UTC)",
		.err = "limit, resets 3pm (UTC)" },
	/* what is worth a retry */
	{ RETRIES "retry_on = 7 28\n", "", "exit 28", .is = "waiting retry "
		"+1000 rerun: exit 28; retry 1 of 2" },
	{ RETRIES "retry_on = 7 28\n", "", "exit 22", .is =
		"needs_review: exit 22" },
	{ RETRIES "retry_on = 7 28\n", "tries=1", "exit 22", .is =
		"needs_review: exit 22, after 1 retry" },
	{ RETRIES "retry_if = 50[0-9]\n", "", "exit 22", .is = "waiting retry "
		"+1000 rerun: exit 22; retry 1 of 2", .err = "error: 503" },
	{ RETRIES "retry_if = 50[0-9]\n", "", "exit 22", .is =
		"needs_review: exit 22", .err = "error: 404" },
	{ RETRIES "retry_if = 50[0-9]\nretry_on = 7\n", "", "exit 22",
		.is = "waiting retry +1000 rerun: exit 22; retry 1 of 2",
		.err = "error: 503" },
	{ RETRIES "retry_on = 7\n", "", "signal 11", .is = "waiting retry "
		"+1000 rerun: killed by signal 11 (SEGV); retry 1 of 2" },
	{ RETRIES "retry_on = 7\n", "", "timeout signal 15", .is = "waiting "
		"retry +1000 rerun: time limit (signal 15 (TERM)); retry 1 of "
		"2" },
	{ RETRIES "retry_if = 503\n", "", "idle signal 15", .is = "waiting "
		"retry +1000 rerun: no output for too long (signal 15 (TERM)); "
		"retry 1 of 2" },
	{ RETRIES "retry_on = 7\n", "", "flood exit 0", .is = "waiting retry "
		"+1000 rerun: too much output (exit 0); retry 1 of 2" },
	{ RETRIES, "", "exit 1 survivor=44", .is = "needs_review: exit 1; "
		"process 44 could not be killed" },
	{ LIMIT, "", "exit 1 survivor=44", .is = "needs_review: exit 1; "
		"process 44 could not be killed", .err = "limit" },

	/* exit 0 lies */
	{ "fail_if = ^Skipping\n", "", "exit 0", .is = "needs_review: exit 0, "
		"but fail_if \"^Skipping\" matched", .out = "x\nSkipping b\n" },
	{ "fail_if = ^Skipping\n", "", "exit 0", .is = "done",
		.out = "not Skipping\n" },
	{ "fail_if = a\n  b\n", "", "exit 0", .is = "needs_review: exit 0, but "
		"fail_if \"b\" matched", .err = "b" },
	{ "ok_exit = 3\nfail_if = bad\n", "", "exit 3", .is = "needs_review: "
		"exit 3, but fail_if \"bad\" matched", .err = "bad" },
	{ "fail_if = bad\n" RETRIES, "", "exit 0", .is = "waiting retry +1000 "
		"rerun: exit 0, but fail_if \"bad\" matched; retry 1 of 2",
		.err = "bad" },
	{ "fail_if = bad\n" RETRIES, "tries=2", "exit 0", .is = "needs_review: "
		"exit 0, but fail_if \"bad\" matched, after 2 retries", .err =
		"bad" },
	{ "ok_if = \"ok\": *true\n", "", "exit 0", .is = "done",
		.out = "{\"ok\":  true}" },
	{ "ok_if = \"ok\": *true\n", "", "exit 0", .is = "needs_review: exit "
		"0, but ok_if \"\"ok\": *true\" did not match", .out =
		"{\"ok\": false}" },
	{ "ok_if = a\n  b\n", "", "exit 0", .is = "done", .err = "b" },
	{ "ok_if = x\nok_exit = 3\n", "", "exit 3", .is = "needs_review: exit "
		"3, but ok_if \"x\" did not match" },
	{ "ok_if = x\n" RETRIES "retry_if = again\n", "", "exit 0",
		.is = "needs_review: exit 0, but ok_if \"x\" did not match" },
	{ "ok_if = x\n" RETRIES "retry_if = again\n", "", "exit 0", .is =
		"waiting retry +1000 rerun: exit 0, but ok_if \"x\" did not "
		"match; retry 1 of 2", .out = "again" },
	{ "fail_if = bad\ngive_up_if = worse\n" RETRIES, "", "exit 0", .is =
		"needs_review: exit 0, but fail_if \"bad\" matched; give_up_if "
		"\"worse\" matched", .out = "bad, worse" },
	{ "fail_if = bad\n" LIMIT, "", "exit 0", .is = "waiting limit +60000: "
		"limit: bad limit, retry after 60", .out =
		"bad limit, retry after 60" },
	{ "fail_if = bad\n", "", "exit 0", .is = "waiting limit +60000: limit: "
		"exit 0, but fail_if \"bad\" matched", .out = "bad", .wait =
		"60" },
	/* give_up_on and exit 75 are about an exit that is not ok */
	{ "fail_if = bad\ngive_up_on = 3\nok_exit = 3\n" RETRIES, "", "exit 3",
		.is = "waiting retry +1000 rerun: exit 3, but fail_if \"bad\" "
		"matched; retry 1 of 2", .out = "bad" },
	{ "fail_if = bad\nok_exit = 75\n", "", "exit 75", .is = "needs_review: "
		"exit 75, but fail_if \"bad\" matched", .out = "bad" },
	/* what was written about limits is not a limit */
	{ "wait_if = [Ll]imit\ngive_up_if = Invalid API key\n"
		"retry_if = overloaded\n" RETRIES, "", "exit 0", .is = "done",
		.out = "# Chapter 7: Rate limits\nUsage limit reached, resets "
		"3pm. Invalid API key. The server is overloaded.\nRetry-After: "
		"3600\nNo space left on device\n" },

	/* outputs */
	{ "outputs = a\n", "settle", "exit 0", .is = "done" },
	{ "outputs = a\nreview = yes\n", "settle", "exit 0", .is =
		"needs_review approval: approval" },
	{ "outputs = a\n" GATES, "settle", "exit 0", .is =
		"after verify.size" },
	{ "outputs = a\nverify.size = x\n", "settle", "exit 0", .is =
		"after verify.size" },
	{ "outputs = a\nstdout = b\n", "settle", "exit 0", .is = "done" },
	{ "stdout = b\nreview = yes\n", "settle", "exit 0", .is =
		"needs_review approval: approval" },
	{ "outputs = a\n", "settle", "exit 1", .is = "needs_review: output a "
		"is empty", .missing = "output a is empty" },
	{ "outputs = a\n", "settle", "exit 1", .is =
		"needs_review: outputs: exit 1" },
	{ "outputs = a\n" RETRIES, "settle", "exit 1", .is = "waiting retry "
		"+1000 rerun: output a is empty; retry 1 of 2", .missing =
		"output a is empty" },
	{ "outputs = a\n" RETRIES, "settle tries=2", "exit 1", .is =
		"needs_review: output a is empty, after 2 retries", .missing =
		"output a is empty" },
	{ "outputs = a\ngive_up_if = gone\n" RETRIES, "settle", "exit 1",
		.is = "needs_review: no a; give_up_if \"gone\" matched",
		.missing = "no a", .err = "gone" },
	{ "outputs = a\n" LIMIT, "settle", "exit 1", .is = "waiting limit "
		"+60000 rerun: limit: limit, retry after 60", .missing = "no a",
		.err = "limit, retry after 60" },
	{ "outputs = a\nretry_on = 7\n" RETRIES, "settle", "exit 1",
		.is = "needs_review: no a", .missing = "no a" },
	/* its exit status is not the command's */
	{ "outputs = a\nretry_on = 1\n" RETRIES, "settle", "exit 1",
		.is = "needs_review: no a", .missing = "no a" },
	{ "outputs = a\ngive_up_on = 1\n" RETRIES, "settle", "exit 1",
		.is = "waiting retry +1000 rerun: no a; retry 1 of 2",
		.missing = "no a" },
	{ "outputs = a\n" RETRIES, "settle", "exit 2", .is = "needs_review: "
		"cannot make it durable", .missing = "cannot make it durable" },
	{ "outputs = a\n" RETRIES, "settle", "signal 9", .is = "needs_review: "
		"outputs: killed by signal 9 (KILL)" },
	{ "outputs = a\n", "settle", "exit 0 survivor=4", .is = "needs_review: "
		"outputs: exit 0; process 4 could not be killed" },
	{ "outputs = a\n" RETRIES, "settle receipt", "exit 1", .is =
		"needs_review hold: no a", .missing = "no a" },
	{ "outputs = a\n", "settle", "interrupted exit 0", .is = "pending" },
	{ "outputs = a\n" NEVER, "settle", "lost", .is = "pending" },
	{ "outputs = a\n", "settle losses=2", "lost", .is = "needs_review: "
		"lost: nobody saw how it ended" },
	/* a power cut may have taken what nobody had synced */
	{ "outputs = a\n", "", "lost reboot", .is = "pending rerun" },
	{ "outputs = a\n", "settle", "lost reboot", .is = "pending rerun: the "
		"machine went down before its outputs were safe" },
	{ "outputs = a\n" NEVER, "settle", "lost reboot", .is = "needs_review "
		"rerun hold: lost: nobody saw how it ended, and rerun = never: "
		"nobody knows how far it came" },
	{ "outputs = a\n", "settle receipt", "lost reboot", .is =
		"needs_review hold: lost: nobody saw how it ended; but its "
		"receipt was seen (earlier): it is not run again" },
	{ "outputs = a\n" GATES, "gate=size", "lost reboot", .is = "pending" },
	/* once its gates have begun somebody has, however often it is cut */
	{ "outputs = a\n" GATES, "settle settled", "lost reboot", .is =
		"pending" },
	{ "stdout = a\n", "settle", "lost reboot", .is = "pending" },
	{ GATES, "gate=size", "lost reboot", .is = "pending" },
	{ "", "", "lost reboot", .is = "pending" },
	/* asked once more at a person's word: then the command */
	{ "outputs = a\n", "settle asked", "exit 0", .is = "done" },
	{ "outputs = a\n", "settle asked", "exit 1", .is =
		"pending rerun: no a", .missing = "no a" },
	{ "outputs = a\n" RETRIES, "settle asked", "exit 1", .is =
		"pending rerun: no a", .missing = "no a" },
	/* who could not look says nothing about it */
	{ "outputs = a\n", "settle asked", "signal 9", .is = "needs_review: "
		"outputs: killed by signal 9 (KILL)" },
	{ "outputs = a\n", "settle asked", "exit 2", .is = "needs_review: "
		"cannot be read", .missing = "cannot be read" },
	{ "outputs = a\n" NEVER, "settle asked", "exit 1", .is =
		"needs_review: no a", .missing = "no a" },
	{ "outputs = a\n", "settle asked receipt", "exit 1", .is =
		"needs_review hold: no a", .missing = "no a" },
	{ "outputs = a\n", "settle asked", "exit 1 survivor=4",
		.is = "needs_review: no a", .missing = "no a" },

	/* gates */
	{ GATES, "gate=size", "exit 0", .is = "after verify.sound" },
	{ GATES, "gate=sound", "exit 0", .is = "done" },
	{ GATES "stdout = a\n", "gate=sound", "exit 0", .is = "after place" },
	{ GATES "review = yes\n", "gate=sound", "exit 0", .is = "needs_review "
		"approval: approval" },
	{ GATES, "gate=size", "exit 1", .is = "needs_review: verify.size: exit "
		"1" },
	{ GATES RETRIES LIMIT, "gate=size", "exit 75", .is = "needs_review: "
		"verify.size: exit 75", .err = "limit" },
	{ GATES "ok_exit = 3\n", "gate=size", "exit 3", .is = "needs_review: "
		"verify.size: exit 3" },
	{ GATES, "gate=sound", "timeout signal 15", .is = "needs_review: "
		"verify.sound: time limit (signal 15 (TERM))" },
	{ GATES, "gate=size", "exit 127", .is = "needs_review: verify.size: "
		"exit 127 (no such program)", .note = "no such program" },
	{ GATES, "gate=size", "not-started errno=2", .is = "needs_review: "
		"verify.size: not started: No such file or directory" },
	{ GATES, "gate=sound", "exit 0 survivor=4", .is = "needs_review: "
		"verify.sound: exit 0; process 4 could not be killed" },
	{ GATES, "gate=size asked", "exit 0", .is = "after verify.sound" },
	{ GATES, "gate=size asked", "exit 1", .is = "pending rerun: "
		"verify.size: exit 1" },
	{ GATES, "gate=size asked", "exit 127", .is = "needs_review: "
		"verify.size: exit 127" },
	{ GATES, "gate=size asked", "exit 126", .is = "needs_review: "
		"verify.size: exit 126" },
	{ GATES, "gate=size asked", "timeout signal 15", .is = "needs_review: "
		"verify.size: time limit (signal 15 (TERM))" },
	{ GATES, "gate=size asked", "not-started errno=2", .is =
		"needs_review: verify.size: not started: No such file or "
		"directory" },
	{ GATES, "gate=size asked", "exit 1 survivor=4", .is = "needs_review: "
		"verify.size: exit 1; process 4 could not be killed" },
	{ GATES NEVER, "gate=size asked", "exit 1", .is = "needs_review: "
		"verify.size: exit 1" },
	{ GATES, "gate=size receipt", "exit 1", .is = "needs_review hold: "
		"verify.size: exit 1" },
	{ GATES, "gate=size asked receipt", "exit 1", .is = "needs_review "
		"hold: verify.size: exit 1" },
	{ GATES, "gate=sound receipt", "exit 0", .is = "done" },
	{ GATES, "gate=size", "interrupted exit 0", .is = "pending" },
	{ GATES NEVER, "gate=size", "interrupted exit 1", .is = "pending" },
	{ GATES, "gate=size receipt", "lost", .is = "pending" },
	{ GATES, "gate=size interrupts=1", "interrupted signal 15 elsewhere",
		.is = "needs_review: interrupted (signal 15 (TERM))" },
	/* one that has left the file: from the first again */
	{ GATES, "gate=gone", "exit 0", .is = "after verify.size" },
	{ "stdout = a\n", "gate=gone", "exit 0", .is = "after place" },
	{ "", "gate=gone", "exit 0", .is = "done" },

	/* stdout placed */
	{ GATES "stdout = a\n", "place", "exit 0", .is = "done" },
	{ GATES "stdout = a\nreview = yes\n", "place", "exit 0",
		.is = "needs_review approval: approval" },
	{ GATES "stdout = a\n" RETRIES, "place", "exit 2", .is =
		"needs_review: cannot write a", .missing = "cannot write a" },
	{ GATES "stdout = a\n", "place", "exit 2", .is = "needs_review: "
		"placing stdout: exit 2" },
	{ GATES "stdout = a\n", "place", "signal 9", .is = "needs_review: "
		"placing stdout: killed by signal 9 (KILL)" },
	{ GATES "stdout = a\n", "place asked", "exit 2", .is = "needs_review: "
		"placing stdout: exit 2" },
	{ GATES "stdout = a\n", "place asked", "exit 1", .is = "needs_review: "
		"placing stdout: exit 1" },
	{ GATES "stdout = a\n", "place receipt", "exit 2", .is = "needs_review "
		"hold: placing stdout: exit 2" },
	{ GATES "stdout = a\n", "place", "interrupted exit 0", .is =
		"pending" },

	/* the condition */
	{ "if = x\n", "if", "exit 0", .is = "run" },
	{ "if = x\noutputs = a\nreview = yes\n", "if", "exit 0", .is = "run" },
	{ "if = x\n", "if", "exit 1", .is = "skipped: condition" },
	{ "if = x\n" RETRIES, "if", "exit 2", .is = "needs_review: condition: "
		"exit 2" },
	{ "if = x\nok_exit = 3\n", "if", "exit 3", .is = "needs_review: "
		"condition: exit 3" },
	{ "if = x\n" LIMIT, "if", "exit 75", .is = "needs_review: condition: "
		"exit 75", .err = "limit" },
	{ "if = x\n", "if", "signal 11", .is = "needs_review: condition: "
		"killed by signal 11 (SEGV)" },
	{ "if = x\n", "if", "timeout exit 1", .is = "needs_review: condition: "
		"time limit (exit 1)" },
	{ "if = x\n", "if", "exit 1 survivor=4", .is = "needs_review: "
		"condition: exit 1; process 4 could not be killed" },
	{ "if = x\n", "if", "exit 0 survivor=4", .is = "needs_review: "
		"condition: exit 0; process 4 could not be killed" },
	{ "if = x\n", "if", "interrupted exit 1", .is = "pending" },
	{ "if = x\n" NEVER, "if", "lost", .is = "pending" },

	/* what it cost */
	{ "cost = 0.25\n", "", "exit 0", .is = "done cost=250000" },
	{ "cost = 0.25\n", "", "exit 1", .is = "needs_review cost=250000: exit "
		"1" },
	{ "cost = 0.25\n", "", "interrupted exit 0", .is =
		"pending cost=250000" },
	{ "cost = 0.25\n", "", "lost", .is = "pending cost=250000" },
	{ "cost = 0.25\n" RETRIES, "", "exit 1", .is = "waiting retry +1000 "
		"rerun cost=250000: exit 1; retry 1 of 2" },
	{ "cost = 0.25\noutputs = a\n", "", "exit 0", .is = "after settle "
		"cost=250000" },
	/* not what was turned away, nor what was never begun */
	{ "cost = 0.25\n" LIMIT, "", "exit 1", .is = "waiting limit +1000: "
		"limit: limit", .err = "limit" },
	{ "cost = 0.25\n", "", "not-started errno=2", .is = "needs_review: not "
		"started: No such file or directory" },
	{ "cost = 0.25\n", "", "exit 127 errno=2", .is =
		"needs_review: exit 127" },
	{ "cost = 0.25\n", "", "exit 127", .is = "needs_review cost=250000: "
		"exit 127" },
	/* once an attempt: not for its gates */
	{ "cost = 0.25\n" GATES, "gate=sound", "exit 0", .is = "done" },
	{ "cost = 0.25\noutputs = a\n", "settle", "exit 1", .is =
		"needs_review: no a", .missing = "no a" },
	{ "cost_from = \"usd\": *([0-9.]+)\n", "", "exit 0",
		.is = "done cost=1500000", .out = "{\"usd\": 1.5}" },
	{ "cost_from = \"usd\": *([0-9.]+)\ncost = 9\n", "", "exit 0",
		.is = "done cost=30000", .err = "\"usd\": .03" },
	{ "cost_from = \"usd\": *([0-9.]+)\ncost = 9\n", "", "exit 0",
		.is = "done cost=9000000", .out = "nothing" },
	{ "cost_from = \"usd\": *([0-9.]+)\n", "", "exit 0", .is = "done",
		.out = "nothing" },
	{ "cost_from = usd ([0-9.]+)\ncost = 9\n", "", "exit 0", .is = "done",
		.out = "usd 0" },
	/* the last one, whichever line it stands in */
	{ "cost_from = usd ([0-9.]+)\n", "", "exit 0", .is =
		"done cost=3000000", .out = "usd 1\nusd 2 usd 3\n" },
	{ "cost_from = usd ([0-9.]+)\n", "", "exit 0", .is =
		"done cost=2000000", .out = "usd 1", .err = "usd 2" },
	{ "cost_from = ^([0-9])\n", "", "exit 0", .is = "done cost=4000000",
		.out = "123\n456\n" },
	{ "cost_from = ([0-9]*)\n", "", "exit 0", .is = "done cost=12000000",
		.out = "a12" },
	{ "cost_from = usd (-?[0-9a-z.]+)\n", "", "exit 0", .is = "done",
		.out = "usd -5" },
	{ "cost_from = usd (-?[0-9a-z.]+)\ncost = 1\n", "", "exit 0",
		.is = "done cost=1000000", .out = "usd nan" },
	{ "cost_from = usd (-?[0-9a-z.]+)\ncost = 1\n", "", "exit 0",
		.is = "done cost=1000000", .out = "usd inf" },
	{ "cost_from = ([0-9]+) usd\n", "", "exit 0", .is = "done "
		"cost=7000000", .out = "7 usd" },
	/* as many digits as any price has */
	{ "cost_from = usd ([0-9.]+)\n", "", "exit 0", .is = "done "
		"cost=7000000", .out = "usd 0000000000000000000000000000007" },
	{ "cost_from = usd ([0-9.]+)\n", "", "exit 0", .is = "done",
		.out = "usd 00000000000000000000000000000007" },
	/* nor is what only begins like one */
	{ "cost_from = usd ([0-9a-z.]+)\ncost = 1\n", "", "exit 0",
		.is = "done cost=1000000", .out = "usd 5k" },
	{ "cost_from = usd ([0-9a-z.,]+)\n", "", "exit 0",
		.is = "done cost=2000000", .out = "usd 2\nusd 1,5\n" },
	/* a time is no price */
	{ "cost_from = usd ([0-9.]+)\ncost = 1\n", "", "exit 0",
		.is = "done cost=1000000", .out = "usd 1767268800" },
	{ "cost_from = usd ([0-9.]+)\n", "", "exit 0",
		.is = "done cost=1000000000000000", .out = "usd 1000000000" },
	{ "cost_from = usd ([0-9.]+)\n", "", "exit 1", .is = "needs_review "
		"cost=2000000: exit 1", .out = "usd 2" },
	{ "cost_from = usd ([0-9.]+)\n" RECEIPT, "", "lost", .is =
		"needs_review hold cost=2000000: lost: nobody saw how it "
		"ended; but its receipt was seen: it is not run again", .out =
		"usd 2", .receipt = "" },
};

static struct pattern_cache cache;

static int number(const char *word)
{
	const char *eq = strchr(word, '=');

	assert_non_null(eq);
	return atoi(eq + 1);
}

static bool begins(const char *word, const char *with)
{
	return strncmp(word, with, strlen(with)) == 0;
}

/*
 * if settle place gate=NAME (else the command), asked, settled, receipt;
 * tries=N
 * parks=N losses=N interrupts=N; parked=SECONDS from now
 */
static void task_of(const char *text, struct task *t, struct buf *gate)
{
	char *copy = strdup(text), *rest = copy, *w;

	assert_non_null(copy);
	memset(t, 0, sizeof(*t));
	t->name = "a";
	t->state = TASK_RUNNING;
	t->outcome = outcome_of(OUTCOME_NONE);
	while ((w = strtok_r(rest, " ", &rest)) != NULL) {
		if (strcmp(w, "if") == 0) {
			t->phase = PHASE_IF;
		} else if (strcmp(w, "settle") == 0) {
			t->phase = PHASE_SETTLE;
		} else if (strcmp(w, "place") == 0) {
			t->phase = PHASE_PLACE;
		} else if (begins(w, "gate=")) {
			t->phase = PHASE_VERIFY;
			buf_printf(gate, "verify.%s", w + 5);
			t->gate = gate->data;
		} else if (strcmp(w, "asked") == 0) {
			t->asked = true;
		} else if (strcmp(w, "settled") == 0) {
			t->settled = true;
		} else if (strcmp(w, "receipt") == 0) {
			t->receipt = true;
			t->result = "earlier";
		} else if (begins(w, "tries=")) {
			t->tries = (uint16_t)number(w);
		} else if (begins(w, "parks=")) {
			t->parks = (uint16_t)number(w);
		} else if (begins(w, "losses=")) {
			t->losses = (uint8_t)number(w);
		} else if (begins(w, "interrupts=")) {
			t->interrupts = (uint8_t)number(w);
		} else if (begins(w, "parked=")) {
			t->parked_at = NOW + number(w) * SECOND;
		} else {
			fail_msg("task: %s", w);
		}
	}
	t->ran = t->phase != PHASE_RUN && t->phase != PHASE_IF;
	free(copy);
}

/* A word of outcome_word(); then "exit N" or "signal N", errno=N oom,
 * elsewhere, reboot, survivor=PID */
static void report_of(const char *text, const char *note, struct report *r)
{
	char *copy = strdup(text), *rest = copy, *w;
	char *last = NULL;

	assert_non_null(copy);
	memset(r, 0, sizeof(*r));
	r->outcome = outcome_of(OUTCOME_NONE);
	while ((w = strtok_r(rest, " ", &rest)) != NULL) {
		if (outcome_kind_of(w) != OUTCOME_KINDS) {
			if (last == NULL)
				r->outcome.kind = outcome_kind_of(w);
			last = w;
		} else if (begins(w, "errno=")) {
			r->outcome.err = number(w);
		} else if (begins(w, "survivor=")) {
			r->survivor = number(w);
		} else if (strcmp(w, "oom") == 0) {
			r->outcome.oom = true;
		} else if (strcmp(w, "elsewhere") == 0) {
			r->elsewhere = true;
		} else if (strcmp(w, "reboot") == 0) {
			r->reboot = true;
		} else if (last != NULL && strcmp(last, "exit") == 0) {
			r->outcome.exit = atoi(w);
		} else if (last != NULL && strcmp(last, "signal") == 0) {
			r->outcome.signo = atoi(w);
		} else {
			fail_msg("end: %s", w);
		}
	}
	if (note != NULL)
		snprintf(r->note, sizeof(r->note), "%s", note);
	r->ended_at = NOW;
	free(copy);
}

static void evidence_of(const struct row *row, struct evidence *e)
{
	memset(e, 0, sizeof(*e));
	e->now = NOW;
	e->random = row->random == 0 ? .5 : row->random < 0 ? 0 : row->random;
	e->cache = &cache;
	e->out = row->out;
	e->out_len = row->out != NULL ? strlen(row->out) : 0;
	e->err = row->err;
	e->err_len = row->err != NULL ? strlen(row->err) : 0;
	e->wait = row->wait;
	e->wait_len = row->wait != NULL ? strlen(row->wait) : 0;
	e->headers = row->headers;
	e->headers_len = row->headers != NULL ? strlen(row->headers) : 0;
	e->missing = row->missing;
	e->receipt = row->receipt != NULL;
	if (row->receipt != NULL && row->receipt[0] != '\0')
		e->result = row->receipt;
}

static void verdict_text(const struct stepconf *conf, const struct task *t,
	const struct verdict *v, struct buf *out)
{
	enum phase next;
	int gate;

	switch (v->next) {
	case NEXT_RUN:
		buf_str(out, "run");
		break;
	case NEXT_AFTER:
		assert_true(judge_after(conf, (enum phase)t->phase,
			task_phase(t), &next, &gate));
		buf_printf(out, "after %s%s", phase_word(next),
			next == PHASE_VERIFY ? conf->gates.v[gate].name : "");
		break;
	case NEXT_LISTED:
		buf_str(out, "listed");
		break;
	case NEXT_END:
		buf_str(out, state_word(v->state));
		break;
	}
	if (v->wait != WAIT_NO)
		buf_printf(out, " %s +%lld", v->wait == WAIT_LIMIT ? "limit" :
			"retry", (long long)(v->until_at - NOW));
	if (v->rerun)
		buf_str(out, " rerun");
	if (v->hold)
		buf_str(out, " hold");
	if (v->approval)
		buf_str(out, " approval");
	if (v->cost != 0)
		buf_printf(out, " cost=%lld", (long long)v->cost);
	if (v->reason[0] != '\0')
		buf_printf(out, ": %s", v->reason);
}

static struct pipeline *step_with(const char *keys)
{
	struct buf ini = { 0 };
	struct pipeline *p;

	buf_printf(&ini, "[defaults]\nretry_jitter = 0\n"
		"[step a]\nrun = x\n%s", keys);
	p = loads(ini.data);
	buf_release(&ini);
	return p;
}

static void verdicts(void **state)
{
	int failures = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct pipeline *p = step_with(rows[i].keys);
		const struct stepconf *conf = p->step[0].conf;
		struct buf gate = { 0 }, text = { 0 };
		struct evidence e;
		struct verdict v;
		struct report r;
		struct task t;

		task_of(rows[i].task, &t, &gate);
		report_of(rows[i].end, rows[i].note, &r);
		evidence_of(&rows[i], &e);
		/* what is not asked for is not read */
		if (!judge_asks(conf, &t, &r)) {
			struct row none = { .random = rows[i].random };

			evidence_of(&none, &e);
		}
		v = judge(conf, &t, &r, &e);
		verdict_text(conf, &t, &v, &text);
		if (strcmp(text.data, rows[i].is) != 0) {
			print_error("row %zu: %s| %s | %s:\n  %s, expected\n"
				"  %s\n", i, rows[i].keys, rows[i].task,
				rows[i].end, text.data, rows[i].is);
			failures++;
		}
		buf_release(&gate);
		buf_release(&text);
		pipeline_free(p);
	}
	assert_int_equal(failures, 0);
}

/* What all verdicts have in common, whatever comes together. */
static void check(const struct stepconf *conf, const struct task *t,
	const struct report *r, const struct evidence *e)
{
	struct verdict v = judge(conf, t, r, e);
	bool is_exit = r->outcome.kind == OUTCOME_EXIT;
	bool stopped = r->outcome.kind == OUTCOME_INTERRUPTED ||
		r->outcome.kind == OUTCOME_LOST;
	bool well = is_exit && r->survivor == 0 && (t->phase == PHASE_RUN ?
		judge_exit_ok(conf, r->outcome.exit) : r->outcome.exit == 0);
	enum phase next;
	int gate;

	/* success is an exit with an allowed code, and nothing left behind */
	if (v.next != NEXT_END || v.state == TASK_DONE || v.approval)
		assert_true(well);
	if (v.state == TASK_SKIPPED)
		assert_true(t->phase == PHASE_IF && is_exit &&
			r->outcome.exit == 1 && r->survivor == 0);
	if (v.next == NEXT_AFTER || (v.next == NEXT_END &&
	    (v.state == TASK_DONE || v.approval)))
		assert_int_equal(judge_after(conf, (enum phase)t->phase,
			task_phase(t), &next, &gate), v.next == NEXT_AFTER);
	if (v.next != NEXT_END)
		return;
	assert_true(v.state != TASK_RUNNING);
	if (v.state == TASK_DONE)
		assert_false(conf->review);
	assert_int_equal(v.state == TASK_WAITING, v.wait != WAIT_NO);
	if (v.wait == WAIT_RETRY) {
		assert_true(v.until_at >= e->now && v.until_at <= e->now +
			conf->retry_max_delay_ms * 11 / 10);
		assert_true(t->tries < conf->retries && v.rerun);
	}
	if (v.wait == WAIT_LIMIT) {
		assert_true(v.until_at > e->now);
		assert_true(v.until_at <= e->now + conf->wait_max_ms);
	}
	if (v.state == TASK_PENDING)
		assert_true(stopped || (t->asked && v.rerun && !conf->never &&
			is_exit && (t->phase == PHASE_SETTLE ||
			t->phase == PHASE_VERIFY)));
	if (v.state == TASK_NEEDS_REVIEW)
		assert_true(v.reason[0] != '\0');
	else
		assert_false(v.hold || v.approval);
	/* nothing is started beside what could not be killed */
	if (r->survivor != 0)
		assert_int_equal(v.state, TASK_NEEDS_REVIEW);
	/* after a receipt, nothing but a person's word starts it again */
	if (t->receipt || e->receipt)
		assert_false(v.rerun || v.state == TASK_WAITING ||
			(v.state == TASK_PENDING && t->phase == PHASE_RUN));
	if ((t->receipt || (e->receipt && t->phase == PHASE_RUN)) &&
	    v.state == TASK_NEEDS_REVIEW && !v.approval && !stopped &&
	    t->phase != PHASE_IF && t->phase != PHASE_LIST &&
	    t->phase != PHASE_INPUTS)
		assert_true(v.hold);
	/* and never is never, when it is not known how far the command came */
	if (conf->never && t->phase == PHASE_RUN && !is_exit &&
	    r->outcome.kind != OUTCOME_NOT_STARTED)
		assert_true(v.state == TASK_NEEDS_REVIEW && v.hold);
	assert_true(v.cost >= 0 && v.cost <= TASK_COST_MOST);
	if (v.cost != 0)
		assert_true(t->phase == PHASE_RUN);
	/* what was turned away is paid for only if it says so itself */
	if (v.cost != 0 && v.wait == WAIT_LIMIT)
		assert_int_equal(v.cost, verdict_cost(conf, e));
}

/* All ends of all phases, in all circumstances. */
static void never_a_lie(void **state)
{
	static const char *const keys[] = {
		"", "ok_exit = 3 75\nreview = yes\n", NEVER RETRIES LIMIT,
		RETRIES LIMIT "outputs = a\nstdout = b\n" GATES,
		RECEIPT RETRIES GATES "cost_from = ([0-9]+)\ncost = 1\n",
		"fail_if = limit\nretries = 1000\n" LIMIT "wait_max = 5s\n"
			"retry_jitter = 10\n",
		"if = x\nok_if = sent\nretries = 3\nretry_on = 126-127\n",
		NEVER "stdout = a\n" GATES LIMIT "give_up_on = 1\n",
		("outputs = a\nretries = 65535\nretry_delay = 1h\n"
			"retry_max_delay = 2h\n"),
	};
	static const int exits[] = { -1, 0, 1, 3, 75, 126, 127, 255 };
	static const char *const texts[] = { "", "sent 5\nlimit\n",
		"limit, try again in 2h", "limit: No space left on device" };
	static const struct { uint16_t tries, parks; int64_t parked_at; }
		so_far[] = {
		{ 0, 0, 0 }, { 2, 3, NOW - 1 }, { 65535, 65535, 1 },
		{ 1, 1, NOW + HOUR },
	};
	static const double random[] = { 0, .5, .999999 };
	int64_t n = 0;

	(void)state;
	for (size_t k = 0; k < sizeof(keys) / sizeof(keys[0]); k++) {
		struct pipeline *p = step_with(keys[k]);
		struct evidence e = { .now = NOW, .cache = &cache };
		struct task t = { .name = "a", .state = TASK_RUNNING };

		for (int kind = 0; kind < OUTCOME_KINDS; kind++)
		for (int phase = 0; phase < PHASES; phase++)
		for (int bits = 0; bits < 256; bits++)
		for (size_t x = 0; x < sizeof(exits) / sizeof(int); x++) {
			struct report r = {
				.outcome = outcome_of((enum outcome_kind)kind),
			};

			t.phase = (uint8_t)phase;
			t.gate = phase == PHASE_VERIFY ? bits & 8 ?
				"verify.sound" : "verify.size" : NULL;
			t.asked = bits & 1;
			t.receipt = bits & 2;
			t.tries = so_far[bits >> 2 & 3].tries;
			t.parks = so_far[bits >> 2 & 3].parks;
			t.parked_at = so_far[bits >> 2 & 3].parked_at;
			t.losses = t.interrupts = (uint8_t)(bits & 3);
			r.outcome.exit = exits[x];
			r.outcome.signo = exits[x] == -1 ? 15 : 0;
			r.survivor = bits & 16 ? 44 : 0;
			r.elsewhere = bits & 4 ? 1 : 0;
			e.receipt = phase == PHASE_RUN && (bits & 32) != 0;
			e.err = texts[bits >> 6];
			e.err_len = strlen(e.err);
			e.out = texts[bits & 3];
			e.out_len = strlen(e.out);
			e.wait = bits & 8 && bits & 64 ? "99999" : NULL;
			e.wait_len = 5;
			e.random = random[bits % 3];
			check(p->step[0].conf, &t, &r, &e);
			n++;
		}
		pipeline_free(p);
	}
	assert_true(n > 500000);
}

static void exit_codes(void **state)
{
	struct stepconf conf;
	int i;

	(void)state;
	memset(&conf, 0, sizeof(conf));
	for (i = -300; i < 600; i++)
		assert_false(judge_exit_ok(&conf, i));
	for (i = 0; i < 256; i++) {
		int k;

		memset(&conf, 0, sizeof(conf));
		conf.ok_exit.bit[i / 8] = (uint8_t)(1 << i % 8);
		for (k = -1; k <= 256; k++)
			assert_int_equal(judge_exit_ok(&conf, k), k == i);
	}
}

/* A reason that does not fit is cut, not written beyond its end. */
static void long_reasons(void **state)
{
	struct stepconf conf = { .ok_exit = { { 1 } } };
	struct task task = { .name = "a" };
	struct report r = { .outcome = outcome_of(OUTCOME_NOT_STARTED) };
	struct evidence e = { .now = NOW, .cache = &cache };
	char result[5000];
	struct verdict v;

	(void)state;
	memset(r.note, 'x', sizeof(r.note) - 1);
	r.survivor = 2147483647;
	v = judge(&conf, &task, &r, &e);
	assert_true(strlen(v.reason) < sizeof(v.reason));
	assert_non_null(strstr(v.reason, "2147483647"));
	memset(result, 'y', sizeof(result) - 1);
	result[sizeof(result) - 1] = '\0';
	e.receipt = true;
	e.result = result;
	v = judge(&conf, &task, &r, &e);
	assert_true(strlen(v.reason) < sizeof(v.reason));
	assert_true(v.hold);
}

/* The command comes after its condition, whatever else the step has. */
static void after_the_condition(void **state)
{
	struct pipeline *p = step_with("if = x\noutputs = a\n" GATES);
	enum phase next = PHASES;
	int gate = -1;

	(void)state;
	assert_true(judge_after(p->step[0].conf, PHASE_IF, "if", &next,
		&gate));
	assert_int_equal(next, PHASE_RUN);
	assert_false(judge_after(p->step[0].conf, PHASE_PLACE, "place", &next,
		&gate));
	pipeline_free(p);
}

/* Of a step that has left the file nobody knows what success is. */
static void gone(void **state)
{
	static const struct { const char *end, *is; } c[] = {
		{ "exit 0", "exit 0; the step was not in the file when it "
			"ended" },
		{ "exit 3 survivor=4", "exit 3; process 4 could not be killed;"
			" the step was not in the file when it ended" },
		{ "interrupted exit 0", "interrupted (exit 0); the step was "
			"not in the file when it ended" },
		{ "lost", "lost: nobody saw how it ended; the step was not in "
			"the file when it ended" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(c) / sizeof(c[0]); i++) {
		struct report r;
		struct verdict v;

		report_of(c[i].end, NULL, &r);
		v = judge_gone(&r);
		assert_int_equal(v.next, NEXT_END);
		assert_int_equal(v.state, TASK_NEEDS_REVIEW);
		assert_true(v.hold && !v.approval && !v.rerun);
		assert_int_equal(v.cost, 0);
		assert_string_equal(v.reason, c[i].is);
	}
}

/* Wherever it stands in a long line, the time is found and the place shown. */
static void long_line(void **state)
{
	enum { LEN = 10000 };
	static const char limit[] = " limit, retry after 60;";
	struct pipeline *p = step_with(LIMIT);
	struct task t = { .name = "a", .state = TASK_RUNNING };
	struct report r = { .outcome = outcome_of(OUTCOME_EXIT) };
	char *text = calloc(LEN + 1, 1);

	(void)state;
	assert_non_null(text);
	r.outcome.exit = 1;
	for (size_t at = 0; at + sizeof(limit) < LEN; at += 61) {
		struct evidence e = { .now = NOW, .cache = &cache,
			.out = text, .out_len = LEN, .random = .5 };
		struct verdict v;

		memset(text, 'x', LEN);
		memcpy(text, "\n\n", 2);
		memcpy(text + LEN - 2, "\nx", 2);
		memcpy(text + at, limit, sizeof(limit) - 1);
		v = judge(p->step[0].conf, &t, &r, &e);
		assert_int_equal(v.until_at, NOW + 60000);
		if (strstr(v.reason, limit) == NULL)
			fail_msg("%zu: %s", at, v.reason);
		assert_true(strlen(v.reason) <= sizeof("limit: ") - 1 + 100);
	}
	free(text);
	pipeline_free(p);
}

/* What is shown of a line begins and ends with whole characters. */
static void characters(void **state)
{
	static const struct { const char *before, *each, *behind, *is; } c[] = {
		/* 100 bytes, of which the last one is half a character */
		{ "limit: ", "\xc3\xa9", "", "limit: limit: "
			E10 E10 E10 E10 "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9"
			"\xc3\xa9\xc3\xa9" },
		{ "limit ", "\xc3\xa9", "", "limit: limit " E10 E10 E10 E10
			"\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9"
			"\xc3\xa9" },
		/* 30 bytes before it, which begin within one */
		{ "", "\xe2\x82\xac", "x limit", "limit: \xe2\x82\xac"
			"\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac"
			"\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac"
			"x limit" },
		/* no characters at all */
		{ "", "\x80", "limit", "limit: limit" },
		{ "", "\x80", "a limit", "limit: a limit" },
	};
	struct pipeline *p = step_with("wait_if =\n  limit\n  from.*to\n");
	struct task t = { .name = "a", .state = TASK_RUNNING };
	struct report r = { .outcome = outcome_of(OUTCOME_EXIT) };
	struct evidence e = { .now = NOW, .cache = &cache, .random = .5 };
	struct buf text = { 0 };
	struct verdict v;

	(void)state;
	r.outcome.exit = 1;
	for (size_t i = 0; i < sizeof(c) / sizeof(c[0]); i++) {
		buf_reset(&text);
		buf_str(&text, c[i].before);
		for (int k = 0; k < 200; k++)
			buf_str(&text, c[i].each);
		buf_str(&text, c[i].behind);
		e.out = text.data;
		e.out_len = text.len;
		v = judge(p->step[0].conf, &t, &r, &e);
		assert_string_equal(v.reason, c[i].is);
	}
	/* nor where it is cut, and what matched is too long to be shown */
	buf_reset(&text);
	for (int k = 0; k < 12000; k++)
		buf_str(&text, k == 200 ? "from" : k == 11800 ? "to" : "\x80");
	e.out = text.data;
	e.out_len = text.len;
	v = judge(p->step[0].conf, &t, &r, &e);
	assert_int_equal(v.wait, WAIT_LIMIT);
	assert_int_equal(strspn(v.reason + 7, "\x80"), 97);
	assert_int_equal(strlen(v.reason), 7 + 97);
	buf_release(&text);
	pipeline_free(p);
}

/* What looks for a limit, at texts that make it slow, if anything does. */
static void hostile(void **state)
{
	enum { LEN = 64 * 1024 };
	static const char *const unit[] = { "limit\n", "limit ", "\n", "a",
		"limit, try again in 5s\n", "resets ", "{\"limit\": 1, ",
		"retry after 1767268860 limit|1767268860\n", "(", "" };
	struct pipeline *p = step_with("wait_if =\n  ^.*limit.*x$\n"
		"  ^[^A-Za-z0-9]*(a|a limit)\n  limit\n  (a|b)*c\n"
		"give_up_if =\n  (n|o)*p\n  (limit ){2}x\nretries = 1\n"
		"retry_if = limit[[:space:]]*y\ncost_from = ([0-9]+)\n");
	struct task t = { .name = "a", .state = TASK_RUNNING };
	struct report r = { .outcome = outcome_of(OUTCOME_EXIT) };
	/* a sanitizer's regexec() looks for a NUL */
	char *text = calloc(LEN + 1, 1);
	struct timespec from, to;

	(void)state;
	assert_non_null(text);
	r.outcome.exit = 1;
	for (size_t i = 0; i < sizeof(unit) / sizeof(unit[0]); i++) {
		struct evidence e = { .now = NOW, .cache = &cache,
			.out = text, .err = text, .headers = text,
			.out_len = LEN, .err_len = LEN, .headers_len = LEN };
		size_t n = strlen(unit[i]) + (unit[i][0] == '\0');

		for (size_t k = 0; k < LEN; k++)
			text[k] = unit[i][k % n];
		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
		check(p->step[0].conf, &t, &r, &e);
		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
		/* milliseconds */
		if (to.tv_sec - from.tv_sec > 3)
			fail_msg("\"%s\": %ld s", unit[i],
				(long)(to.tv_sec - from.tv_sec));
	}
	free(text);
	pipeline_free(p);
}

/* Which ends make somebody read the logs. */
static void asks(void **state)
{
	static const struct {
		const char *keys, *task, *end;
		bool asks;
	} c[] = {
		{ "", "", "exit 0", false }, { "", "", "exit 1", true },
		{ "", "", "lost", true }, { "", "", "exit 0 survivor=1", true },
		{ "ok_exit = 1\n", "", "exit 1", false },
		{ "ok_if = x\n", "", "exit 0", true },
		{ "fail_if = x\n", "", "exit 0", true },
		{ "receipt = x\n", "", "exit 0", true },
		{ "cost_from = (x)\n", "", "exit 0", true },
		{ "cost = 3\n", "", "exit 0", false },
		{ "wait_if = x\nretry_if = x\ngive_up_if = x\n", "", "exit 0",
			false },
		{ "fail_if = x\n", "if", "exit 2", false },
		{ "fail_if = x\n" GATES, "gate=size", "exit 1", false },
		{ "outputs = a\n", "settle", "exit 0", false },
		{ "outputs = a\n", "settle", "exit 1", true },
		{ "outputs = a\n", "settle", "signal 9", false },
		{ "stdout = a\n", "place", "exit 2", true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(c) / sizeof(c[0]); i++) {
		struct pipeline *p = step_with(c[i].keys);
		struct buf gate = { 0 };
		struct report r;
		struct task t;

		task_of(c[i].task, &t, &gate);
		report_of(c[i].end, NULL, &r);
		if (judge_asks(p->step[0].conf, &t, &r) != c[i].asks)
			fail_msg("%s| %s | %s", c[i].keys, c[i].task,
				c[i].end);
		buf_release(&gate);
		pipeline_free(p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(verdicts),
		cmocka_unit_test(never_a_lie),
		cmocka_unit_test(exit_codes),
		cmocka_unit_test(long_reasons),
		cmocka_unit_test(after_the_condition),
		cmocka_unit_test(gone),
		cmocka_unit_test(long_line),
		cmocka_unit_test(characters),
		cmocka_unit_test(hostile),
		cmocka_unit_test(asks),
	};
	int failed;

	/* "resets 3pm" without a zone */
	setenv("TZ", "UTC", 1);
	tzset();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	pattern_cache_release(&cache);
	return failed;
}
