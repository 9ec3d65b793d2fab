/* SPDX-License-Identifier: ISC */
#include "until.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "clock.h"

/*
 * Where it says nothing else it is Friday, 2026-11-20, 12:00 UTC, and local
 * time is Berlin's: 13:00. Messages of the tools are as their users quoted
 * them (issues of claude-code, codex, gemini-cli, copilot-cli, mod_md,
 * python-genai, youtube-upload, yt-dlp; documentation of the APIs), with other
 * numbers where they would be too long ago.
 */
#define NOON "2026-11-20T12:00:00.000Z"
#define EPOCH_NOON "2025-12-23T12:00:00.000Z"	/* 3 h before 1766502000 */
#define BERLIN "Europe/Berlin"

/* What a sanitizer, or no optimisation, may cost. */
#if defined(__OPTIMIZE__) && !defined(__SANITIZE_ADDRESS__)
#define SLOWER 1
#else
#define SLOWER 20
#endif

typedef bool until_fn(const char *, size_t, int64_t, int64_t *);

struct row {
	const char *text;
	const char *at;		/* NULL: names none */
	const char *now;	/* NULL: NOON */
	const char *tz;		/* NULL: BERLIN */
};

static int64_t when(const char *text)
{
	int64_t at;

	assert_true(clock_parse(text, strlen(text), &at));
	return at;
}

static void go_to(const char *tz)
{
	if (tz != NULL)
		assert_int_equal(setenv("TZ", tz, 1), 0);
	else
		unsetenv("TZ");
	tzset();
}

/* In a block of its own, exactly as long, so that a sanitizer sees a byte read
 * too many. */
static bool ask(until_fn *fn, const char *text, size_t len, int64_t now,
	int64_t *at)
{
	char *copy = malloc(len > 0 ? len : 1);
	bool found;

	assert_non_null(copy);
	memcpy(copy, text, len);
	found = fn(copy, len, now, at);
	free(copy);
	return found;
}

static void check(until_fn *fn, const struct row *row, size_t n)
{
	int wrong = 0;

	for (size_t i = 0; i < n; i++) {
		const struct row *r = &row[i];
		int64_t at = -1;
		char got[CLOCK_RFC3339] = "none";

		go_to(r->tz != NULL ? r->tz : BERLIN);
		if (ask(fn, r->text, strlen(r->text),
		    when(r->now != NULL ? r->now : NOON), &at))
			clock_format(at, got);
		else
			assert_true(at == -1);
		if (strcmp(got, r->at != NULL ? r->at : "none") == 0)
			continue;
		print_error("%s\n\tat %s: %s instead of %s\n", r->text,
			r->now != NULL ? r->now : NOON, got,
			r->at != NULL ? r->at : "none");
		wrong++;
	}
	go_to(BERLIN);
	assert_int_equal(wrong, 0);
}
#define CHECK(fn, rows) check(fn, rows, sizeof(rows) / sizeof((rows)[0]))

static void claude(void **state)
{
	static const struct row row[] = {
		{ "Claude AI usage limit reached|1766502000",
			"2025-12-23T15:00:00.000Z", EPOCH_NOON, NULL },
		{ "Claude usage limit reached. Your limit will reset at 9am "
			"(America/Chicago).",
			"2026-11-20T15:00:00.000Z", NULL, NULL },
		{ "Claude usage limit reached. Your limit will reset at 1pm "
			"(Etc/GMT+5).",
			"2026-11-20T18:00:00.000Z", NULL, NULL },
		{ "Claude Max usage limit reached. Your limit will reset at "
			"12am.", "2026-11-20T23:00:00.000Z", NULL, NULL },
		{ "5-hour limit reached \xe2\x88\x99 resets 3pm "
			"(Europe/Stockholm)\n \xc2\xb7 /upgrade to Max for "
			"20x more", "2026-11-20T14:00:00.000Z", NULL, NULL },
		{ "You've hit your limit \xc2\xb7 resets 3pm (Asia/Seoul)",
			"2026-11-21T06:00:00.000Z", NULL, NULL },
		{ "You\xe2\x80\x99ve hit your session limit \xc2\xb7 resets "
			"12:50am (America/Los_Angeles)",
			"2026-11-21T08:50:00.000Z", NULL, NULL },
		{ "You've hit your session limit \xc2\xb7 resets 2:30pm "
			"(Pacific/Auckland)",
			"2026-11-21T01:30:00.000Z", NULL, NULL },
		{ "You've hit your limit \xc2\xb7 resets 7am (UTC)",
			"2026-11-21T07:00:00.000Z", NULL, NULL },
		{ "You've hit your weekly limit \xc2\xb7 resets Mon 12:00am",
			"2026-11-22T23:00:00.000Z", NULL, NULL },
		{ "Weekly limit reached \xe2\x88\x99 resets Nov 22 at 9:30am",
			"2026-11-22T08:30:00.000Z", NULL, NULL },
		{ "weekly limit reached, resets Nov 27, 4am",
			"2026-11-27T03:00:00.000Z", NULL, NULL },
		{ "Resets Nov 26, 10:59am (America/New_York)",
			"2026-11-26T15:59:00.000Z", NULL, NULL },
		{ "Resets Aug 17, 3pm (PDT)", "2026-08-17T22:00:00.000Z",
			"2026-08-12T08:00:00.000Z", NULL },
		{ "weekly limit reached, resets Oct 12, 4am", NULL, NULL,
			NULL },
		{ "Opus limit reached \xc2\xb7 resets 3:45pm",
			"2026-11-20T14:45:00.000Z", NULL, NULL },
		{ "spend limit reached (daily; resets 2026-08-09 00:00 UTC)",
			"2026-08-09T00:00:00.000Z",
			"2026-08-08T19:30:00.000Z", NULL },
		{ "You have reached your specified API usage limits. You will "
			"regain access on 2026-11-22 at 00:00 UTC.",
			"2026-11-22T00:00:00.000Z", NULL, NULL },
		{ "limit reached, resets tomorrow at 3pm",
			"2026-11-21T14:00:00.000Z", NULL, NULL },
		{ "5-hour limit: 100%, resets in 3h44m",
			"2026-11-20T15:44:00.000Z", NULL, NULL },
		/* in the JSON of --output-format json */
		{ "{\"type\":\"result\",\"subtype\":\"success\",\"is_error\""
			":true,\"num_turns\":1,\"result\":\"You've hit your "
			"limit \\u00b7 resets 3pm (Asia/Seoul)\",\"uuid\":"
			"\"0c1d5c5c-7a3d-4b8e-9d48-3a2f1766502a\"}",
			"2026-11-21T06:00:00.000Z", NULL, NULL },
		{ "{\"result\":\"5-hour limit reached\\nresets 3pm\\n\"}",
			"2026-11-20T14:00:00.000Z", NULL, NULL },
		{ "{\"type\":\"rate_limit_event\",\"rate_limit_info\":{"
			"\"status\":\"rejected\",\"resetsAt\":1766502000,"
			"\"utilization\":1}}",
			"2025-12-23T15:00:00.000Z", EPOCH_NOON, NULL },
		/* no clock */
		{ "You've hit your org's monthly usage limit", NULL, NULL,
			NULL },
		{ "Credit balance is too low", NULL, NULL, NULL },
		{ "API Error: Request rejected (429) \xc2\xb7 This request "
			"would exceed your account's rate limit. Please try "
			"again later.", NULL, NULL, NULL },
		{ "API Error: Repeated 529 Overloaded errors. ", NULL, NULL,
			NULL },
	};

	(void)state;
	CHECK(until_in_line, row);
}

static void other_tools(void **state)
{
	static const struct row row[] = {
		/* codex */
		{ "You've hit your usage limit. Upgrade to Pro or try again "
			"at 1:21 PM.", "2026-11-20T12:21:00.000Z", NULL, NULL },
		{ "try again at 1:21\xe2\x80\xafPM.",
			"2026-11-20T12:21:00.000Z", NULL, NULL },
		{ "\"try again at 1:21\\u202fPM.\"",
			"2026-11-20T12:21:00.000Z", NULL, NULL },
		{ "Upgrade to Plus to continue using Codex "
			"(https://chatgpt.com/explore/plus), or try again at "
			"Nov 25th, 2026 8:19 PM.",
			"2026-11-25T19:19:00.000Z", NULL, NULL },
		{ "or try again at Nov 25, 2026, 7:38 AM",
			"2026-11-25T06:38:00.000Z", NULL, NULL },
		{ "continue, or try again after November 26, 2026, 11:15.",
			"2026-11-26T10:15:00.000Z", NULL, NULL },
		{ "Your rate limit resets on Nov 23, 2026, 11:43 AM. To "
			"continue using Codex, upgrade to Plus today.",
			"2026-11-23T10:43:00.000Z", NULL, NULL },
		{ "try again at 10 de jul. de 2026, 11:52.", NULL, NULL,
			NULL },
		{ "try again at Jul 5th, 2026 8:19 PM.", NULL, NULL, NULL },
		{ "Upgrade to Pro (https://openai.com/chatgpt/pricing) or try "
			"again in 2 days 17 hours 14 minutes.",
			"2026-11-23T05:14:00.000Z", NULL, NULL },
		{ "or try again in 5 days 22 hours 11\nminutes.",
			"2026-11-26T10:11:00.000Z", NULL, NULL },
		{ "or wait for limits to reset (every 5h and every week.).",
			NULL, NULL, NULL },
		{ "{\"type\":\"usage_limit_reached\",\"plan_type\":\"plus\","
			"\"resets_at\":1766502000,\"eligible_promo\":null,"
			"\"resets_in_seconds\":10800},\"status_code\":429,",
			"2025-12-23T15:00:00.000Z", EPOCH_NOON, NULL },
		{ "Rate limit reached for gpt-4o in organization org-x on "
			"tokens per min (TPM): Limit 30000, Used 28512, "
			"Requested 3311. Please try again in 3.646s. Visit "
			"https://platform.openai.com/account/rate-limits",
			"2026-11-20T12:00:03.646Z", NULL, NULL },
		{ "Please try again in 20ms. Visit",
			"2026-11-20T12:00:00.020Z", NULL, NULL },
		{ "Please try again in 1m26.4s.",
			"2026-11-20T12:01:26.400Z", NULL, NULL },
		{ "Requested ~12903. Please try again in 50.597142857s. Visit",
			"2026-11-20T12:00:50.598Z", NULL, NULL },
		/* gemini */
		{ "You have exhausted your capacity on this model. Your quota "
			"will reset after 2h5m3s.",
			"2026-11-20T14:05:03.000Z", NULL, NULL },
		{ "Your quota will reset after 5s.. Retrying after 6173ms...",
			"2026-11-20T12:00:05.000Z", NULL, NULL },
		{ "Usage limit reached for gemini-3-flash-preview. Access "
			"resets at 10:57 PM GMT-3.",
			"2026-11-21T01:57:00.000Z", NULL, NULL },
		{ "You exceeded [...] Please retry in 58.934310785s.",
			"2026-11-20T12:00:58.935Z", NULL, NULL },
		{ "You exceeded [...] Please retry in **58.9s**.",
			"2026-11-20T12:00:58.900Z", NULL, NULL },
		{ "RetryInfo retryDelay:12s]]", "2026-11-20T12:00:12.000Z",
			NULL, NULL },
		/* copilot */
		{ "Please try again in 15 hours 23 minutes. Please review our "
			"Terms of Service", "2026-11-21T03:23:00.000Z", NULL,
			NULL },
		{ "Sorry, you've exceeded your 5 hour session limits. Please "
			"retry after 2733 seconds. (user_global_rate_limited)",
			"2026-11-20T12:45:33.000Z", NULL, NULL },
		{ "your request was rate-limited. Please wait 2 minutes before "
			"trying again.", "2026-11-20T12:02:00.000Z", NULL,
			NULL },
		{ "Please wait 587 hours 33 minutes before trying again.",
			NULL, NULL, NULL },
		/* YouTube, yt-dlp */
		{ "The quota will be reset at midnight Pacific Time (PT). You "
			"may monitor your quota usage",
			"2026-11-21T08:00:00.000Z", NULL, NULL },
		{ "The quota will be reset at midnight Pacific Time",
			"2026-07-02T07:00:00.000Z",
			"2026-07-01T12:00:00.000Z", NULL },
		{ "This content isn't available, try again later. The current "
			"session has been rate-limited by YouTube for up to "
			"an hour. It is recommended to use `-t sleep`",
			"2026-11-20T13:00:00.000Z", NULL, NULL },
		{ "it ran for up to an hour", NULL, NULL, NULL },
		/* others */
		{ "too many certificates already issued for \"x.com\". Retry "
			"after 2026-11-21T12:00:00Z: see https://",
			"2026-11-21T12:00:00.000Z", NULL, NULL },
		{ "retry after 2026-11-21 12:00:00 UTC: see",
			"2026-11-21T12:00:00.000Z", NULL, NULL },
		{ "Too Many Requests: retry after 35",
			"2026-11-20T12:00:35.000Z", NULL, NULL },
		{ "\"description\":\"Too Many Requests: retry after 35\"}",
			"2026-11-20T12:00:35.000Z", NULL, NULL },
		{ "Too many requests. Try again in about an hour.",
			"2026-11-20T13:00:00.000Z", NULL, NULL },
		{ "it can be retried, try again in 24 hours",
			"2026-11-21T12:00:00.000Z", NULL, NULL },
		{ "resets 2026-11-20 14:02", "2026-11-20T13:02:00.000Z", NULL,
			NULL },
		{ "curl: (22) The requested URL returned error: 429", NULL,
			NULL, NULL },
		{ "An error occurred (ThrottlingException) when calling the "
			"InvokeModel operation (reached max retries: 4): Too "
			"many requests, please wait before trying again.",
			NULL, NULL, NULL },
	};

	(void)state;
	CHECK(until_in_line, row);
}

/* Every form, behind "resets ". */
static void forms(void **state)
{
	static const struct row row[] = {
		{ "resets 1pm", "2026-11-20T12:00:00.000Z", NULL, NULL },
		{ "resets 12:58pm", "2026-11-21T11:58:00.000Z", NULL, NULL },
		{ "resets 12:59pm", "2026-11-20T11:59:00.000Z", NULL, NULL },
		{ "resets 12:59pm", "2026-11-21T11:59:00.000Z",
			"2026-11-20T12:00:00.001Z", NULL },
		{ "resets 3 PM", "2026-11-20T14:00:00.000Z", NULL, NULL },
		{ "resets 3 p.m.", "2026-11-20T14:00:00.000Z", NULL, NULL },
		{ "RESETS AT 3PM", "2026-11-20T14:00:00.000Z", NULL, NULL },
		{ "Resets: 3pm", "2026-11-20T14:00:00.000Z", NULL, NULL },
		{ "reset time: `15:00`", "2026-11-20T14:00:00.000Z", NULL,
			NULL },
		{ "resets **3pm**", "2026-11-20T14:00:00.000Z", NULL, NULL },
		{ "resets @ 15:00", "2026-11-20T14:00:00.000Z", NULL, NULL },
		{ "reset on Monday at 9am", "2026-11-23T08:00:00.000Z", NULL,
			NULL },
		{ "resets Fri 2pm", "2026-11-20T13:00:00.000Z", NULL, NULL },
		{ "resets Fri. 1:01pm", "2026-11-20T12:01:00.000Z", NULL,
			NULL },
		{ "resets Fri 12:30pm", "2026-11-27T11:30:00.000Z", NULL,
			NULL },
		{ "resets Thursday 3pm", "2026-11-26T14:00:00.000Z", NULL,
			NULL },
		{ "resets 3pm on Monday", "2026-11-23T14:00:00.000Z", NULL,
			NULL },
		{ "resets 3pm UTC tomorrow", "2026-11-21T15:00:00.000Z", NULL,
			NULL },
		{ "resets today at 3pm", "2026-11-20T14:00:00.000Z", NULL,
			NULL },
		{ "resets today at 11am", NULL, NULL, NULL },
		{ "resets tomorrow", "2026-11-20T23:00:00.000Z", NULL, NULL },
		{ "resets noon", "2026-11-21T11:00:00.000Z", NULL, NULL },
		{ "resets at midnight", "2026-11-20T23:00:00.000Z", NULL,
			NULL },
		{ "resets midnight UTC", "2026-11-21T00:00:00.000Z", NULL,
			NULL },
		{ "resets 00:00", "2026-11-20T23:00:00.000Z", NULL, NULL },
		{ "resets 15:30:10", "2026-11-20T14:30:10.000Z", NULL, NULL },
		{ "resets 15:30:10.250", "2026-11-20T14:30:10.250Z", NULL,
			NULL },
		{ "resets 15:30Z", "2026-11-20T15:30:00.000Z", NULL, NULL },
		{ "resets 15:30UTC", "2026-11-20T15:30:00.000Z", NULL, NULL },
		{ "resets 15:30 gmt", "2026-11-20T15:30:00.000Z", NULL,
			NULL },
		{ "resets 15:30 UTC+02:00", "2026-11-20T13:30:00.000Z", NULL,
			NULL },
		{ "resets 15:30 (GMT+5:30)", "2026-11-21T10:00:00.000Z", NULL,
			NULL },
		{ "resets 15:30 local time", "2026-11-20T14:30:00.000Z", NULL,
			NULL },
		{ "resets 15:30 (your local time)",
			"2026-11-20T14:30:00.000Z", NULL, NULL },
		{ "resets 15:30 (in 2h 30m)", "2026-11-20T14:30:00.000Z",
			NULL, NULL },
		{ "resets 3pm Eastern Time", "2026-11-20T20:00:00.000Z", NULL,
			NULL },
		{ "resets 3pm Pacific", "2026-11-20T23:00:00.000Z", NULL,
			NULL },
		{ "resets 3pm Pacific Standard Time.",
			"2026-11-20T23:00:00.000Z", NULL, NULL },
		{ "resets 3pm Mountain Time", "2026-11-20T22:00:00.000Z",
			NULL, NULL },
		{ "resets 3pm Central Time", "2026-11-20T21:00:00.000Z", NULL,
			NULL },
		{ "resets 3pm PST", "2026-11-20T23:00:00.000Z", NULL, NULL },
		{ "resets 3pm ET", "2026-11-20T20:00:00.000Z", NULL, NULL },
		{ "resets 3pm CT", "2026-11-20T21:00:00.000Z", NULL, NULL },
		{ "resets 3pm MT", "2026-11-20T22:00:00.000Z", NULL, NULL },
		{ "resets 3pm EST", "2026-07-01T19:00:00.000Z",
			"2026-07-01T12:00:00.000Z", NULL },
		{ "resets 3pm CET", "2026-11-20T14:00:00.000Z", NULL, "UTC" },
		{ "resets 3pm CEST", "2026-07-01T13:00:00.000Z",
			"2026-07-01T12:00:00.000Z", "UTC" },
		{ "resets 3pm America/New_York", "2026-11-20T20:00:00.000Z",
			NULL, NULL },
		{ "resets 3pm (Singapore)", "2026-11-21T07:00:00.000Z", NULL,
			NULL },
		{ "resets 3pm (America/Argentina/Buenos_Aires)",
			"2026-11-20T18:00:00.000Z", NULL, NULL },
		/* what local time is called is local time */
		{ "resets 3pm IST", "2026-11-21T09:30:00.000Z", NULL,
			"Asia/Kolkata" },
		{ "resets 3pm (CST)", "2026-11-21T07:00:00.000Z", NULL,
			"Asia/Shanghai" },
		{ "resets 3pm CST", "2026-11-20T21:00:00.000Z", NULL,
			"America/Chicago" },
		{ "resets 3pm BST", "2026-07-01T14:00:00.000Z",
			"2026-07-01T12:00:00.000Z", "Europe/London" },
		/* and nobody guesses otherwise */
		{ "resets 3pm IST", NULL, NULL, NULL },
		{ "resets 3pm CST", NULL, NULL, NULL },
		{ "resets 3pm (BST)", NULL, NULL, NULL },
		{ "resets 3pm XYZ", NULL, NULL, NULL },
		{ "resets 3pm Central European Time", NULL, NULL, NULL },
		{ "resets 3pm (Korea Standard Time)", NULL, NULL, NULL },
		{ "resets 3pm (Europe/Atlantis)", NULL, NULL, NULL },
		{ "resets 3pm (Europe/Berlin", NULL, NULL, NULL },
		{ "resets 3pm (europe/berlin)", NULL, NULL, NULL },
		{ "resets 3pm (../../etc/localtime)",
			"2026-11-20T14:00:00.000Z", NULL, NULL },
		{ "resets 3pm (Europe/../Europe/Berlin)", NULL, NULL, NULL },
		{ "resets 3pm (Europe//Berlin)", NULL, NULL, NULL },
		{ "resets 3pm (Europe/)", NULL, NULL, NULL },
		{ "resets 3pm (Europe)", NULL, NULL, NULL },
		{ "resets 3pm (leapseconds)", NULL, NULL, NULL },
		{ "resets 3pm (/etc/localtime)", "2026-11-20T14:00:00.000Z",
			NULL, NULL },
		/* dates */
		{ "resets 2026-11-21T08:00:00Z", "2026-11-21T08:00:00.000Z",
			NULL, NULL },
		{ "resets 2026-11-21t08:00:00.5z",
			"2026-11-21T08:00:00.500Z", NULL, NULL },
		{ "resets 2026-11-21T08:00:00.123456789+09:00",
			"2026-11-20T23:00:00.123Z", NULL, NULL },
		{ "resets 2026-11-21 08:00:00 -0500",
			"2026-11-21T13:00:00.000Z", NULL, NULL },
		{ "resets 2026-11-21 08:00 (America/New_York)",
			"2026-11-21T13:00:00.000Z", NULL, NULL },
		{ "resets 2026/11/21 08:00:00", "2026-11-21T07:00:00.000Z",
			NULL, NULL },
		{ "resets 2026-11-21", "2026-11-20T23:00:00.000Z", NULL,
			NULL },
		{ "resets 2026-11-21 UTC", "2026-11-21T00:00:00.000Z", NULL,
			NULL },
		{ "resets Nov 24", "2026-11-23T23:00:00.000Z", NULL, NULL },
		{ "resets 24 November at 4am", "2026-11-24T03:00:00.000Z",
			NULL, NULL },
		{ "resets 24-Nov-2026 04:00", "2026-11-24T03:00:00.000Z", NULL,
			NULL },
		{ "resets Sat, 21 Nov 2026 07:28:00 GMT",
			"2026-11-21T07:28:00.000Z", NULL, NULL },
		{ "resets Jan 2, 3am", "2027-01-02T02:00:00.000Z",
			"2026-12-30T12:00:00.000Z", NULL },
		{ "resets Dec 31, 11:59pm", "2026-12-31T22:59:00.000Z",
			"2026-12-31T22:59:30.000Z", NULL },
		{ "resets Dec 31, 11:59pm", "2026-12-31T22:59:00.000Z",
			"2026-12-31T23:00:00.000Z", NULL },
		{ "resets Dec 31, 11:59pm", NULL, "2026-12-31T23:00:01.000Z",
			NULL },
		{ "resets Feb 29, 3am", "2028-02-29T02:00:00.000Z",
			"2028-02-25T12:00:00.000Z", NULL },
		{ "resets Feb 29, 3am", NULL, "2027-02-25T12:00:00.000Z",
			NULL },
		{ "resets Feb 30, 3am", NULL, "2027-02-25T12:00:00.000Z",
			NULL },
		{ "resets 2026-11-31 03:00", NULL, NULL, NULL },
		{ "resets 2026-13-01 03:00", NULL, NULL, NULL },
		{ "resets 2026-11-21T24:00:00Z", "2026-11-20T23:00:00.000Z",
			NULL, NULL },
		/* epochs */
		{ "resets 1766502000", "2025-12-23T15:00:00.000Z",
			EPOCH_NOON, NULL },
		{ "resets at 1766502000.25.", "2025-12-23T15:00:00.250Z",
			EPOCH_NOON, NULL },
		{ "resets 1766502000123", "2025-12-23T15:00:00.123Z",
			EPOCH_NOON, NULL },
		{ "resets 17665020001", NULL, EPOCH_NOON, NULL },
		{ "resets 1766502000x", NULL, EPOCH_NOON, NULL },
		/* no times */
		{ "resets", NULL, NULL, NULL },
		{ "resets 3", NULL, NULL, NULL },
		{ "resets 13pm", NULL, NULL, NULL },
		{ "resets 3pmish", NULL, NULL, NULL },
		{ "resets 24:00", NULL, NULL, NULL },
		{ "resets 15:60", NULL, NULL, NULL },
		{ "resets 15:3", NULL, NULL, NULL },
		{ "resets 1:02:03:04", NULL, NULL, NULL },
		{ "resets 115:30", NULL, NULL, NULL },
		{ "resets Mon", NULL, NULL, NULL },
		{ "resets today", NULL, NULL, NULL },
		{ "resets every 5h", NULL, NULL, NULL },
		{ "resets 10/12 at 3pm", NULL, NULL, NULL },
		{ "resets 24 hours a day", NULL, NULL, NULL },
		{ "resets 24 a day", NULL, NULL, NULL },
		{ "resets Nov", NULL, NULL, NULL },
		{ "resets Nov 32", NULL, NULL, NULL },
		{ "resets Nov 3:30", NULL, NULL, NULL },
		{ "presets 3pm", NULL, NULL, NULL },
		{ "resets_3pm", NULL, NULL, NULL },
		{ "resetsat 3pm", NULL, NULL, NULL },
		{ "", NULL, NULL, NULL },
	};

	(void)state;
	CHECK(until_in_line, row);
}

static void spans(void **state)
{
	static const struct row row[] = {
		{ "resets in 90s", "2026-11-20T12:01:30.000Z", NULL, NULL },
		{ "resets in 1h30m", "2026-11-20T13:30:00.000Z", NULL, NULL },
		{ "resets in 2h 5m", "2026-11-20T14:05:00.000Z", NULL, NULL },
		{ "resets in 6m0s", "2026-11-20T12:06:00.000Z", NULL, NULL },
		{ "resets in 12ms", "2026-11-20T12:00:00.012Z", NULL, NULL },
		{ "resets in 0s", "2026-11-20T12:00:00.000Z", NULL, NULL },
		{ "resets in 1.5 hours", "2026-11-20T13:30:00.000Z", NULL,
			NULL },
		{ "resets in 2 days, 3 hours and 5 minutes",
			"2026-11-22T15:05:00.000Z", NULL, NULL },
		{ "resets in 1 week", "2026-11-27T12:00:00.000Z", NULL, NULL },
		{ "resets in 8 days", "2026-11-28T12:00:00.000Z", NULL, NULL },
		{ "resets in 8 days 1 ms", NULL, NULL, NULL },
		{ "resets in 5 secs", "2026-11-20T12:00:05.000Z", NULL, NULL },
		{ "resets in 20.387 second(s)", "2026-11-20T12:00:20.387Z",
			NULL, NULL },
		{ "try again in less than a minute",
			"2026-11-20T12:01:00.000Z", NULL, NULL },
		{ "try again within 5 min", "2026-11-20T12:05:00.000Z", NULL,
			NULL },
		{ "please wait at least 30 sec", "2026-11-20T12:00:30.000Z",
			NULL, NULL },
		{ "wait for another 2 minutes", "2026-11-20T12:02:00.000Z",
			NULL, NULL },
		{ "rate limited for 5 minutes", "2026-11-20T12:05:00.000Z",
			NULL, NULL },
		{ "available again in 3 hours", "2026-11-20T15:00:00.000Z",
			NULL, NULL },
		/* the units get smaller */
		{ "resets in 5m 2h", "2026-11-20T12:05:00.000Z", NULL, NULL },
		{ "resets in 5m 5m", "2026-11-20T12:05:00.000Z", NULL, NULL },
		/* none */
		{ "resets in 5", NULL, NULL, NULL },
		{ "resets in 5 months", NULL, NULL, NULL },
		{ "resets in 5mm", NULL, NULL, NULL },
		{ "resets in 5 attempts", NULL, NULL, NULL },
		{ "resets in -5s", NULL, NULL, NULL },
		{ "resets in a few minutes", NULL, NULL, NULL },
		{ "resets in 1.s", NULL, NULL, NULL },
		{ "resets in .5s", NULL, NULL, NULL },
		{ "retry after 3 attempts", NULL, NULL, NULL },
		{ "retry after 3.5.1", NULL, NULL, NULL },
		{ "retry in 35", NULL, NULL, NULL },
		{ "retry 35", NULL, NULL, NULL },
		{ "resets after 35", NULL, NULL, NULL },
		{ "it took 5 minutes, in 2 hours more of it", NULL, NULL,
			NULL },
		/* numbers without end */
		{ "resets in 1.0000000000000000001s", NULL, NULL, NULL },
		{ "resets in 999999999w", NULL, NULL, NULL },
		{ "resets in 999999999999999999999h", NULL, NULL, NULL },
		{ "resets in 9223372036854775807ms", NULL, NULL, NULL },
		{ "resets in 999999999w 999999999d 999999999h 999999999m "
			"999999999s 999999999ms", NULL, NULL, NULL },
		{ "retry after 9223372036854775807", NULL, NULL, NULL },
		{ "retry after 0.00000000000000000000000001", NULL, NULL,
			NULL },
	};

	(void)state;
	CHECK(until_in_line, row);
}

/* America/Los_Angeles in 2026: 8 March, 2:00 PST becomes 3:00 PDT; 1 November,
 * 2:00 PDT becomes 1:00 PST. */
static void clock_changes(void **state)
{
#define LA "America/Los_Angeles"
	static const struct row row[] = {
		/* from one time into the other */
		{ "resets 1:59am", "2026-03-08T09:59:00.000Z",
			"2026-03-08T06:00:00.000Z", LA },
		{ "resets 3am", "2026-03-08T10:00:00.000Z",
			"2026-03-08T06:00:00.000Z", LA },
		{ "resets 9am (America/Los_Angeles)",
			"2026-03-08T16:00:00.000Z",
			"2026-03-08T06:00:00.000Z", NULL },
		{ "resets 9am (America/Los_Angeles)",
			"2026-11-01T17:00:00.000Z",
			"2026-11-01T06:00:00.000Z", NULL },
		{ "resets Mon 12:00am", "2026-03-09T07:00:00.000Z",
			"2026-03-06T20:00:00.000Z", LA },
		{ "resets Mon 12:00am", "2026-11-02T08:00:00.000Z",
			"2026-10-30T20:00:00.000Z", LA },
		{ "quota will be reset at midnight Pacific Time",
			"2026-03-08T08:00:00.000Z",
			"2026-03-08T07:59:00.000Z", NULL },
		{ "quota will be reset at midnight Pacific Time",
			"2026-03-09T07:00:00.000Z",
			"2026-03-08T08:01:01.000Z", NULL },
		/* 2:30 that never is: 3:30 */
		{ "resets 2:30am", "2026-03-08T10:30:00.000Z",
			"2026-03-08T06:00:00.000Z", LA },
		{ "resets Mar 8, 2:30am (America/Los_Angeles)",
			"2026-03-08T10:30:00.000Z",
			"2026-03-08T06:00:00.000Z", NULL },
		/* 1:30 twice: the next one */
		{ "resets 1:30am", "2026-11-01T08:30:00.000Z",
			"2026-11-01T06:00:00.000Z", LA },
		{ "resets 1:30am", "2026-11-01T08:30:00.000Z",
			"2026-11-01T08:31:00.000Z", LA },
		{ "resets 1:30am", "2026-11-01T09:30:00.000Z",
			"2026-11-01T08:31:01.000Z", LA },
		{ "resets 1:30am (America/Los_Angeles)",
			"2026-11-01T09:30:00.000Z",
			"2026-11-01T09:00:00.000Z", NULL },
		{ "resets 1:30am", "2026-11-02T09:30:00.000Z",
			"2026-11-01T09:31:01.000Z", LA },
		{ "resets 2026-11-01 01:30", "2026-11-01T08:30:00.000Z",
			"2026-10-31T20:00:00.000Z", LA },
		{ "resets 2026-11-01 01:30", "2026-11-01T09:30:00.000Z",
			"2026-11-01T09:30:50.000Z", LA },
		/* half an hour only: Lord Howe, 4 October, 5 April */
		{ "resets 2:15am (Australia/Lord_Howe)",
			"2026-10-03T15:45:00.000Z",
			"2026-10-03T10:00:00.000Z", NULL },
		{ "resets 1:45am (Australia/Lord_Howe)",
			"2026-04-04T14:45:00.000Z",
			"2026-04-04T10:00:00.000Z", NULL },
		{ "resets 1:45am (Australia/Lord_Howe)",
			"2026-04-04T15:15:00.000Z",
			"2026-04-04T14:50:00.000Z", NULL },
		/* the other side of the date line */
		{ "resets 1am (Pacific/Kiritimati)",
			"2026-11-21T11:00:00.000Z", NULL, NULL },
		{ "resets Sat 1am (Pacific/Kiritimati)",
			"2026-11-27T11:00:00.000Z", NULL, NULL },
		{ "resets 1am (Etc/GMT+12)", "2026-11-20T13:00:00.000Z", NULL,
			NULL },
	};
#undef LA

	(void)state;
	CHECK(until_in_line, row);
}

/* More kinds of limits than anybody has: the first sixteen count. */
static void many_limits(void **state)
{
	char text[64 * 40] = "";
	int64_t now = when(NOON), at;
	size_t n = 0;

	(void)state;
	for (int i = 1; i <= 40; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n,
			"x-ratelimit-reset-%d: %ds\n", i, i);
	assert_true(ask(until_in_headers, text, n, now, &at));
	assert_true(at == now + 16000);
}

/* Several candidates in one text. */
static void which(void **state)
{
	static const struct row row[] = {
		/* the last place counts */
		{ "resets 2pm\nresets 3pm", "2026-11-20T14:00:00.000Z", NULL,
			NULL },
		{ "try again in 5s\ntry again in 7s\ntry again later",
			"2026-11-20T12:00:07.000Z", NULL, NULL },
		/* what cannot be meant is passed over */
		{ "resets 3pm. Your plan is valid until 2027-01-01.",
			"2026-11-20T14:00:00.000Z", NULL, NULL },
		{ "resets 3pm. Limited until Nov 1, 2026",
			"2026-11-20T14:00:00.000Z", NULL, NULL },
		/* what nobody can tell is not */
		{ "resets 3pm\nresets 5pm (Europe/Atlantis)", NULL, NULL,
			NULL },
		/* words come before bare epochs, fields before words */
		{ "1766505600 try again in 5s", "2025-12-23T12:00:05.000Z",
			EPOCH_NOON, NULL },
		{ "limit 1766505600: try again in 5s",
			"2025-12-23T12:00:05.000Z", EPOCH_NOON, NULL },
		{ "{'message': 'Please try again in 20ms', 'retry-after': '16'"
			"}", "2026-11-20T12:00:16.000Z", NULL, NULL },
		/* bare epochs */
		{ "limit reached 1766502000", "2025-12-23T15:00:00.000Z",
			EPOCH_NOON, NULL },
		{ "limit reached|1766502000123", "2025-12-23T15:00:00.123Z",
			EPOCH_NOON, NULL },
		{ "limit reached|1766491170", "2025-12-23T11:59:30.000Z",
			EPOCH_NOON, NULL },
		{ "limit reached|1766491139", NULL, EPOCH_NOON, NULL },
		{ "limit reached|1767182400", "2025-12-31T12:00:00.000Z",
			EPOCH_NOON, NULL },
		{ "limit reached|1767182401", NULL, EPOCH_NOON, NULL },
		{ "limit reached|1766502000|1766505600",
			"2025-12-23T16:00:00.000Z", EPOCH_NOON, NULL },
		/* when a line was written */
		{ "1766491200 rate limit reached", NULL, EPOCH_NOON, NULL },
		{ "log 1766491200 rate limit reached", NULL, EPOCH_NOON,
			NULL },
		{ "req_1766502000 failed", NULL, EPOCH_NOON, NULL },
		{ "x1766502000", NULL, EPOCH_NOON, NULL },
		{ " 17665020000", NULL, EPOCH_NOON, NULL },
		{ " 1766502000abc", NULL, EPOCH_NOON, NULL },
		{ "id=1766502000", NULL, EPOCH_NOON, NULL },
		/* prose */
		{ "The meeting at 3pm was about the rate limit of 5 requests "
			"in 2 hours; see 2026-11-21.", NULL, NULL, NULL },
		{ "I completed 12 of 15 steps in 3 minutes 20 seconds.", NULL,
			NULL, NULL },
		{ "Retrying in 3 seconds... (Attempt 1/3)", NULL, NULL,
			NULL },
	};

	(void)state;
	CHECK(until_in_line, row);
}

static void headers(void **state)
{
	static const struct row row[] = {
		{ "Retry-After: 30", "2026-11-20T12:00:30.000Z", NULL, NULL },
		{ "HTTP/2 429 \r\nretry-after: 30\r\ndate: x\r\n\r\n",
			"2026-11-20T12:00:30.000Z", NULL, NULL },
		{ "< retry-after: 30\r\n", "2026-11-20T12:00:30.000Z", NULL,
			NULL },
		{ "retry-after: 0\r\n", "2026-11-20T12:00:00.000Z", NULL,
			NULL },
		{ "retry-after: Sat, 21 Nov 2026 07:28:00 GMT\r\n",
			"2026-11-21T07:28:00.000Z", NULL, NULL },
		{ "retry-after: Wed, 21 Oct 2026 07:28:00 GMT", NULL, NULL,
			NULL },
		{ "retry-after-ms: 1500", "2026-11-20T12:00:01.500Z", NULL,
			NULL },
		{ "{\"retry_after\": 1.337, \"global\": false}",
			"2026-11-20T12:00:01.337Z", NULL, NULL },
		{ "RetryAfter(retry_after=30)", "2026-11-20T12:00:30.000Z",
			NULL, NULL },
		{ "'retry-after': '16'", "2026-11-20T12:00:16.000Z", NULL,
			NULL },
		{ "{\\\"retryDelay\\\": \\\"26s\\\"}",
			"2026-11-20T12:00:26.000Z", NULL, NULL },
		{ "\"retryDelay\": \"2.463586755s\"",
			"2026-11-20T12:00:02.464Z", NULL, NULL },
		{ "retry_delay {\n  seconds: 50\n}",
			"2026-11-20T12:00:50.000Z", NULL, NULL },
		{ "\"retryDelay\" => 26", "2026-11-20T12:00:26.000Z", NULL,
			NULL },
		{ "\\nretry-after: 30\\n", "2026-11-20T12:00:30.000Z", NULL,
			NULL },
		{ "\"quotaResetTimeStamp\": \"2026-11-20T13:18:19Z\"",
			"2026-11-20T13:18:19.000Z", NULL, NULL },
		{ "\"resetsAt\": 1766502000", "2025-12-23T15:00:00.000Z",
			EPOCH_NOON, NULL },
		{ "\"resetsAt\": 1766502000123}", "2025-12-23T15:00:00.123Z",
			EPOCH_NOON, NULL },
		{ "\"resets_in_seconds\":13872}", "2026-11-20T15:51:12.000Z",
			NULL, NULL },
		{ "\"reset_at\":\"2026-11-20T15:00:00+00:00\"",
			"2026-11-20T15:00:00.000Z", NULL, NULL },
		{ "x-ratelimit-reset: 1766502000", "2025-12-23T15:00:00.000Z",
			EPOCH_NOON, NULL },
		{ "x-rate-limit-reset: 1766502000",
			"2025-12-23T15:00:00.000Z", EPOCH_NOON, NULL },
		{ "X-RateLimit-Reset: 1766502000000\n",
			"2025-12-23T15:00:00.000Z", EPOCH_NOON, NULL },
		{ "ratelimit-reset: 30", "2026-11-20T12:00:30.000Z", NULL,
			NULL },
		{ "x-ratelimit-reset-requests: 6m0s",
			"2026-11-20T12:06:00.000Z", NULL, NULL },
		{ "x-ratelimit-reset-after: 1.5", "2026-11-20T12:00:01.500Z",
			NULL, NULL },
		{ "anthropic-ratelimit-requests-reset: 2026-11-20T22:00:00Z",
			"2026-11-20T22:00:00.000Z", NULL, NULL },
		{ "anthropic-ratelimit-unified-reset: 1766502000",
			"2025-12-23T15:00:00.000Z", EPOCH_NOON, NULL },
		/* the one that is used up, not the later one */
		{ "x-ratelimit-remaining-requests: 0\r\n"
			"x-ratelimit-remaining-tokens: 17997\r\n"
			"x-ratelimit-reset-requests: 7.66s\r\n"
			"x-ratelimit-reset-tokens: 2m59.56s\r\n",
			"2026-11-20T12:00:07.660Z", NULL, NULL },
		/* both are: the later one */
		{ "x-ratelimit-remaining-requests: 0\r\n"
			"x-ratelimit-remaining-tokens: 0\r\n"
			"x-ratelimit-reset-requests: 7.66s\r\n"
			"x-ratelimit-reset-tokens: 2m59.56s\r\n",
			"2026-11-20T12:02:59.560Z", NULL, NULL },
		/* none is: the later one */
		{ "x-ratelimit-reset-requests: 2m59.56s\r\n"
			"x-ratelimit-reset-tokens: 7.66s\r\n",
			"2026-11-20T12:02:59.560Z", NULL, NULL },
		{ "'anthropic-ratelimit-input-tokens-remaining': '0',\n"
			"'anthropic-ratelimit-input-tokens-reset': "
			"'2026-11-20T15:15:48Z',\n"
			"'anthropic-ratelimit-output-tokens-remaining': "
			"'80000',\n"
			"'anthropic-ratelimit-output-tokens-reset': "
			"'2026-11-20T16:00:00Z',\n",
			"2026-11-20T15:15:48.000Z", NULL, NULL },
		/* Retry-After is the server's own word */
		{ "retry-after: 16\n"
			"anthropic-ratelimit-tokens-reset: "
			"2026-11-20T15:14:45Z\n",
			"2026-11-20T12:00:16.000Z", NULL, NULL },
		{ "anthropic-ratelimit-unified-5h-reset: 1766502000\n"
			"anthropic-ratelimit-unified-7d-reset: 1767052800\n"
			"anthropic-ratelimit-unified-reset: 1766502000\n",
			"2025-12-23T15:00:00.000Z", EPOCH_NOON, NULL },
		{ "anthropic-ratelimit-unified-7d-reset: 1767052800\n", NULL,
			EPOCH_NOON, NULL },
		/* the last of a name: of curl's retries */
		{ "retry-after: 30\r\n\r\nretry-after: 20\r\n",
			"2026-11-20T12:00:20.000Z", NULL, NULL },
		/* one that cannot be meant leaves it to the others */
		{ "retry-after: 2000000\nx-ratelimit-reset: 30\n",
			"2026-11-20T12:00:30.000Z", NULL, NULL },
		/* nothing of the kind */
		{ "retry-after: 30 attempts", NULL, NULL, NULL },
		{ "retry-after: soon", NULL, NULL, NULL },
		{ "retry-after: -1", NULL, NULL, NULL },
		{ "retry-after 30", NULL, NULL, NULL },
		{ "--retry-after=30", NULL, NULL, NULL },
		{ "no-retry-after: 30", NULL, NULL, NULL },
		{ "\"resetsAt\": null, \"x\": 1766502000", NULL, EPOCH_NOON,
			NULL },
		{ "\"retry_delay_ms\": 30000", NULL, NULL, NULL },
		{ "x-ratelimit-limit-requests: 30", NULL, NULL, NULL },
		{ "x-ratelimit-remaining: 0", NULL, NULL, NULL },
		{ "resets 3pm", NULL, NULL, NULL },
		{ "try again in 3s", NULL, NULL, NULL },
		{ "limit|1766502000", NULL, EPOCH_NOON, NULL },
		{ "date: Sat, 21 Nov 2026 07:28:00 GMT", NULL, NULL, NULL },
		{ "retry-after: 99999999999999999999", NULL, NULL, NULL },
		{ "", NULL, NULL, NULL },
	};

	(void)state;
	CHECK(until_in_headers, row);
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++)
		if (row[i].at != NULL)
			check(until_in_line, &row[i], 1);
}

static void files(void **state)
{
	static const struct row row[] = {
		{ "90", "2026-11-20T12:01:30.000Z", NULL, NULL },
		{ "90\n", "2026-11-20T12:01:30.000Z", NULL, NULL },
		{ "\r\n\t 90 \r\n\n", "2026-11-20T12:01:30.000Z", NULL, NULL },
		{ "0\n", "2026-11-20T12:00:00.000Z", NULL, NULL },
		{ "1.5\n", "2026-11-20T12:00:01.500Z", NULL, NULL },
		{ "691200", "2026-11-28T12:00:00.000Z", NULL, NULL },
		{ "691201", NULL, NULL, NULL },
		{ "999999999", NULL, NULL, NULL },
		{ "1766502000\n", "2025-12-23T15:00:00.000Z", EPOCH_NOON,
			NULL },
		{ "1766502000.5\n", "2025-12-23T15:00:00.500Z", EPOCH_NOON,
			NULL },
		{ "1766502000000\n", "2025-12-23T15:00:00.000Z", EPOCH_NOON,
			NULL },
		{ "1h30m\n", "2026-11-20T13:30:00.000Z", NULL, NULL },
		{ "2 days\n", "2026-11-22T12:00:00.000Z", NULL, NULL },
		{ "in 2h 5m\n", "2026-11-20T14:05:00.000Z", NULL, NULL },
		{ "3pm (Asia/Seoul)", "2026-11-21T06:00:00.000Z", NULL, NULL },
		{ "midnight", "2026-11-20T23:00:00.000Z", NULL, NULL },
		{ "tomorrow 8am", "2026-11-21T07:00:00.000Z", NULL, NULL },
		/* date, with -u, in other languages' formats, -R, -I, --rfc */
		{ "Fri Nov 20 22:08:14 UTC 2026\n",
			"2026-11-20T22:08:14.000Z", NULL, NULL },
		{ "Fri Nov 20 10:08:14 PM UTC 2026\n",
			"2026-11-20T22:08:14.000Z", NULL, NULL },
		{ "Fri 20 Nov 22:08:14 CET 2026\n",
			"2026-11-20T21:08:14.000Z", NULL, NULL },
		{ "Fri Nov  6 22:08:14 2026\n", "2026-11-06T21:08:14.000Z",
			"2026-11-06T12:00:00.000Z", NULL },
		{ "Fri, 20 Nov 2026 22:08:14 +0100\n",
			"2026-11-20T21:08:14.000Z", NULL, NULL },
		{ "2026-11-20T22:08:14+01:00\n", "2026-11-20T21:08:14.000Z",
			NULL, NULL },
		{ "2026-11-20 22:08:14+01:00\n", "2026-11-20T21:08:14.000Z",
			NULL, NULL },
		{ "2026-11-20 22:08:14", "2026-11-20T21:08:14.000Z", NULL,
			NULL },
		{ "2026-11-20T12:00:00Z", "2026-11-20T12:00:00.000Z", NULL,
			NULL },
		{ "2026-11-20T11:58:59Z", NULL, NULL, NULL },
		/* looked through */
		{ "HTTP/1.1 429\r\nretry-after: 30\r\n\r\n",
			"2026-11-20T12:00:30.000Z", NULL, NULL },
		{ "You've hit your limit \xc2\xb7 resets 3pm (Asia/Seoul)\n",
			"2026-11-21T06:00:00.000Z", NULL, NULL },
		{ "90 minutes after the meeting: try again in 5s",
			"2026-11-20T12:00:05.000Z", NULL, NULL },
		/* nothing */
		{ "", NULL, NULL, NULL },
		{ "\n", NULL, NULL, NULL },
		{ "-5", NULL, NULL, NULL },
		{ "90 x", NULL, NULL, NULL },
		{ "30\n60\n", NULL, NULL, NULL },
		{ "soon", NULL, NULL, NULL },
		{ "3pm (Europe/Atlantis)", NULL, NULL, NULL },
		{ "2026-11-31 08:00", NULL, NULL, NULL },
		{ "99999999999999999999", NULL, NULL, NULL },
	};

	(void)state;
	CHECK(until_in_file, row);
}

/* A text ends at its first NUL; a length of 0 needs no text. */
static void bytes(void **state)
{
	static const char nul[] = "resets 3pm\0resets 4pm";
	static const char split[] = "resets 3\0pm";
	static const char seconds[] = "30\0" "0";
	int64_t now = when(NOON), at = -1;
	until_fn *fn[] = { until_in_line, until_in_headers, until_in_file };

	(void)state;
	assert_true(ask(until_in_line, nul, sizeof(nul) - 1, now, &at));
	assert_true(at == when("2026-11-20T14:00:00.000Z"));
	assert_false(ask(until_in_line, split, sizeof(split) - 1, now, &at));
	assert_true(ask(until_in_file, seconds, sizeof(seconds) - 1, now,
		&at));
	assert_true(at == now + 30000);
	for (int i = 0; i < 3; i++)
		assert_false(fn[i](NULL, 0, now, &at));
}

/* Texts that are cut anywhere, and clocks that are set to anything. */
static void cut_anywhere(void **state)
{
	static const char text[] = "x-ratelimit-remaining: 0 "
		"x-ratelimit-reset: 5s\r\nretry_delay { seconds: 12.5 } "
		"\"resetsAt\": 1766502000, \"reset_at\": \"Tue, 23 Dec 2025 "
		"16:00:00 GMT\", resets Tue, Dec 23rd, 2025 4:05:06.789 p.m. "
		"(America/Los_Angeles) and in 1 day, 2 hours and 3.5 minutes";
	static const int64_t clocks[] = { INT64_MIN, -1, 0, 1, 59999,
		253370764799999, 253370764800000, INT64_MAX };
	until_fn *fn[] = { until_in_line, until_in_headers, until_in_file };
	int64_t now = when(EPOCH_NOON), at;

	(void)state;
	for (size_t from = 0; from < sizeof(text); from++)
		for (size_t to = from; to < sizeof(text); to++)
			for (int i = 0; i < 3; i++)
				if (ask(fn[i], text + from, to - from, now,
				    &at))
					assert_in_range(at - now + 60000, 0,
						60000 + 8 * 86400000ll);
	for (size_t i = 0; i < sizeof(clocks) / sizeof(clocks[0]); i++) {
		bool absurd = i < 2 || i > 5;

		assert_int_equal(until_in_line("resets in 5s", 12, clocks[i],
			&at), !absurd);
		if (!absurd)
			assert_true(at == clocks[i] + 5000);
		assert_int_equal(until_in_line("resets 3pm", 10, clocks[i],
			&at), !absurd);
		if (!absurd)
			assert_in_range(at - clocks[i] + 60000, 0,
				60000 + 86400000ll);
	}
}

/* Local time is as it was, whatever TZ was. */
static void zone_is_kept(void **state)
{
	static const char *const tz[] = { NULL, "", BERLIN, ":Asia/Tokyo",
		"XXX-3:30", "Nowhere/Such" };
	static const char *const text[] = { "resets 3pm (Asia/Seoul)",
		"resets 3pm (Nowhere/Such)", "resets 3pm PDT", "resets 3pm",
		"resets Feb 30, 3pm (Asia/Seoul)" };
	int64_t now = when(NOON), at;
	time_t t = (time_t)(now / 1000);

	(void)state;
	for (size_t i = 0; i < sizeof(tz) / sizeof(tz[0]); i++) {
		struct tm before, after;

		go_to(tz[i]);
		localtime_r(&t, &before);
		for (size_t k = 0; k < sizeof(text) / sizeof(text[0]); k++) {
			until_in_line(text[k], strlen(text[k]), now, &at);
			localtime_r(&t, &after);
			assert_int_equal(after.tm_hour, before.tm_hour);
			assert_int_equal(after.tm_gmtoff, before.tm_gmtoff);
			if (tz[i] == NULL)
				assert_null(getenv("TZ"));
			else
				assert_string_equal(getenv("TZ"), tz[i]);
		}
	}
	go_to(BERLIN);
}

/* Without zone files a zone is unknown, not UTC. */
static void no_zone_files(void **state)
{
	static const struct row row[] = {
		{ "resets 3pm (Asia/Seoul)", NULL, NULL, "CET-1" },
		{ "resets 3pm PDT", NULL, NULL, "CET-1" },
		{ "reset at midnight Pacific Time", NULL, NULL, "CET-1" },
		{ "resets 3pm", "2026-11-20T14:00:00.000Z", NULL, "CET-1" },
		{ "resets 3pm UTC", "2026-11-20T15:00:00.000Z", NULL,
			"CET-1" },
		{ "resets 3pm (GMT-3)", "2026-11-20T18:00:00.000Z", NULL,
			"CET-1" },
	};

	(void)state;
	assert_int_equal(setenv("TZDIR", "/nowhere", 1), 0);
	CHECK(until_in_line, row);
	assert_int_equal(setenv("TZDIR", "relative", 1), 0);
	CHECK(until_in_line, row);
	unsetenv("TZDIR");
}

/* 64 KiB of what takes longest, in a time that nobody sees. */
static void hostile(void **state)
{
	enum { SIZE = 64 * 1024 };
	static const char *const unit[] = {
		"resets ", "resets", "reset at at at at ", "r ", " ", "\n",
		"resets\n\n\n\n\n\n\n\n", "resets in 1h ", "1", "1 ", "1.",
		"resets 3pm (A/", "resets 3pm (Asia/Seoul) ",
		"resets 2020-01-01 3pm (Asia/Seoul) ",
		"resets Jan 1, 3pm (Asia/Seoul) ",
		"resets Feb 30, 3pm (Asia/Seoul) ",
		"retry-after: 3pm (Asia/Seoul)\n", "retry-after: 99999999\n",
		"retry-after:", "\"retry-after\": \"", "retry-after-", "-_",
		"x-ratelimit-reset-a: 2020-01-01 3pm (Asia/Seoul)\n",
		"rate-limit-reset-remaining:0\n", "limited for ", "for ",
		"resets 1111111111111111111111111 ", "resets 1h1m1s1ms",
		"resets sunday monday tuesday ", "resets 1766502000 ",
		"|1766502000", " 1766502000", "(", "\"", "\\n", "\xc2\xa0",
		"resets 3pm Central ", "resets 3pm UTC+", "\xff",
		"reset:=~@*`", "try again in an hour, and ",
	};
	until_fn *fn[] = { until_in_line, until_in_headers, until_in_file };
	char *text = malloc(SIZE);
	int64_t now = when(NOON), at;

	(void)state;
	assert_non_null(text);
	for (size_t i = 0; i < sizeof(unit) / sizeof(unit[0]); i++) {
		size_t len = strlen(unit[i]);

		for (size_t k = 0; k < SIZE; k++)
			text[k] = unit[i][k % len];
		for (int f = 0; f < 3; f++) {
			int64_t best = INT64_MAX;

			/* the best of three: the machine may be busy */
			for (int n = 0; n < 3; n++) {
				struct timespec a, b;
				int64_t us;

				clock_gettime(CLOCK_THREAD_CPUTIME_ID, &a);
				fn[f](text, SIZE, now, &at);
				clock_gettime(CLOCK_THREAD_CPUTIME_ID, &b);
				us = (b.tv_sec - a.tv_sec) * 1000000 +
					(b.tv_nsec - a.tv_nsec) / 1000;
				best = us < best ? us : best;
			}
			if (getenv("UNTIL_TEST_TIMES") != NULL)
				print_message("%6lld us %d %s\n",
					(long long)best, f, unit[i]);
			/* Linear is a few ms; quadratic would be seconds. */
			if (best > 300000 * SLOWER)
				fail_msg("%s: %lld us", unit[i],
					(long long)best);
		}
	}
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(claude),
		cmocka_unit_test(other_tools),
		cmocka_unit_test(forms),
		cmocka_unit_test(spans),
		cmocka_unit_test(clock_changes),
		cmocka_unit_test(which),
		cmocka_unit_test(headers),
		cmocka_unit_test(many_limits),
		cmocka_unit_test(files),
		cmocka_unit_test(bytes),
		cmocka_unit_test(cut_anywhere),
		cmocka_unit_test(zone_is_kept),
		cmocka_unit_test(no_zone_files),
		cmocka_unit_test(hostile),
	};

	unsetenv("TZDIR");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
