/* SPDX-License-Identifier: ISC */
#include "overview.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <time.h>

#include "safe.h"
#include "scratch.h"

/* A Monday, far from today: the whole date is shown. */
#define T0 1577836800000		/* 2020-01-01 00:00 UTC */

static char *given[] = { (char *)"who=it's me", (char *)"n=1", NULL };

static struct candidate all[] = {
	{ .name = (char *)"late", .id = (char *)"R1", .path =
		(char *)"/a/late.ini", .started_at = T0, .state = "done",
		.ended_at = T0 + 7200000, .finished = true },
	{ .name = (char *)"a-long-name", .id = (char *)"R2", .path =
		(char *)"/a b/x.ini", .started_at = T0 + 60000, .state =
		"running" },
	{ .name = (char *)"review", .id = (char *)"R3", .path =
		(char *)"/a/r.ini", .given = given, .ngiven = 2, .started_at =
		T0, .state = "needs_review", .review = 3, .ended_at =
		T0 + 3600000 },
	{ .name = (char *)"also", .id = (char *)"R4", .path =
		(char *)"/a/also.ini", .started_at = T0, .state = "waiting",
		.ended_at = T0 + 3600000 },
	{ .name = (char *)"x\x1b[0m", .id = (char *)"R5", .path =
		(char *)"/\xff\n", .started_at = T0, .state = "stopped",
		.ended_at = T0 + 1 },
};

enum { ALL = sizeof(all) / sizeof(all[0]) };

static void shown(size_t n, bool json, struct buf *out)
{
	struct options o = { .json = json };
	struct scratch dir;
	int fd, old = dup(STDOUT_FILENO);

	scratch_init(&dir);
	fd = openat(dir.fd, "out", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	fflush(stdout);
	dup2(fd, STDOUT_FILENO);
	overview_show(all, n, &o);
	dup2(old, STDOUT_FILENO);
	close(old);
	close(fd);
	scratch_get(&dir, "out", out);
	scratch_release(&dir);
}

/* The one that ended last stands last, next to where one types. */
static void lines(void **state)
{
	struct buf out = { 0 };

	(void)state;
	shown(ALL, false, &out);
	assert_string_equal(out.data,
		"a-long-name  running       started 2020-01-01 00:01  "
			"'/a b/x.ini'\n"
		"x\\x1b[0m     stopped       last ended 2020-01-01 00:00  "
			"$'/\\377\\012'\n"
		"also         waiting       last ended 2020-01-01 01:00  "
			"/a/also.ini\n"
		"review       needs review  last ended 2020-01-01 01:00, "
			"3 in review  /a/r.ini 'who=it'\\''s me' n=1\n"
		"late         done          last ended 2020-01-01 02:00  "
			"/a/late.ini\n");
	buf_release(&out);
}

static void one(void **state)
{
	struct buf out = { 0 };

	(void)state;
	shown(1, false, &out);
	assert_string_equal(out.data, "late  done          last ended "
		"2020-01-01 02:00  /a/late.ini\n");
	buf_release(&out);
}

static void as_json(void **state)
{
	struct buf out = { 0 };

	(void)state;
	shown(3, true, &out);
	assert_string_equal(out.data, "["
		"{\"pipeline\":\"a-long-name\",\"file\":\"/a b/x.ini\","
		"\"parameters\":[],\"run\":\"R2\",\"state\":\"running\","
		"\"started\":\"2020-01-01T00:01:00.000Z\",\"ended\":null,"
		"\"needs_review\":0},"
		"{\"pipeline\":\"review\",\"file\":\"/a/r.ini\","
		"\"parameters\":[\"who=it's me\",\"n=1\"],\"run\":\"R3\","
		"\"state\":\"needs_review\","
		"\"started\":\"2020-01-01T00:00:00.000Z\","
		"\"ended\":\"2020-01-01T01:00:00.000Z\",\"needs_review\":3},"
		"{\"pipeline\":\"late\",\"file\":\"/a/late.ini\","
		"\"parameters\":[],\"run\":\"R1\",\"state\":\"done\","
		"\"started\":\"2020-01-01T00:00:00.000Z\","
		"\"ended\":\"2020-01-01T02:00:00.000Z\",\"needs_review\":0}"
		"]\n");
	shown(0, true, &out);
	assert_string_equal(out.data, "[]\n");
	shown(0, false, &out);
	assert_string_equal(out.data, "");
	buf_release(&out);
}

/* A parameter may hold what nobody is to see. */
static void secrets(void **state)
{
	struct buf out = { 0 };
	int json;

	(void)state;
	mask_add(safe_secrets(), "it's me", 7);
	for (json = 0; json < 2; json++) {
		shown(ALL, json == 1, &out);
		assert_null(strstr(out.data, "s me"));
		assert_non_null(strstr(out.data, "who=***"));
	}
	mask_release(safe_secrets());
	buf_release(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines), cmocka_unit_test(one),
		cmocka_unit_test(as_json), cmocka_unit_test(secrets),
	};

	setenv("TZ", "UTC", 1);
	tzset();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
