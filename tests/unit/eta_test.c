/* SPDX-License-Identifier: ISC */
#include "eta.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "loading.h"

enum { MOST = 8 };

#define RUN "run = x\n"
#define FREE "needs =\nrun = x\n"
/* a chain of two */
#define CHAIN "[step a]\n" RUN "[step b]\n" RUN
/* two beside each other, and what joins them */
#define JOIN "[step a]\n" FREE "[step b]\n" FREE "[step c]\n" RUN
/* tied item by item, and what joins them */
#define TIED "[step a]\nforeach = 1 2\n" RUN \
	"[step b]\nforeach = step:a\n" RUN "[step c]\n" RUN

/* One that is not held up, and has not begun. */
#define LEFT(n, each) { (n), 0, 0, (each), 0 }
#define DONE { 0, 0, 0, -1, 0 }
#define UNKNOWN(n) { (n), 0, 0, -1, 0 }

static const struct {
	const char *what, *ini;
	int jobs;
	struct eta_work work[MOST];
	int64_t end[MOST];	/* of each step, and the whole run */
} cases[] = {
	{ "nothing is left", CHAIN, 1, { DONE, DONE }, { 0, 0, 0 } },
	{ "a chain is a sum, however many jobs", CHAIN, 9,
		{ LEFT(1, 10), LEFT(1, 5) }, { 10, 15, 15 } },
	{ "what is done takes no time", CHAIN, 1,
		{ DONE, LEFT(1, 5) }, { 0, 5, 5 } },
	{ "what runs has run for a while", CHAIN, 1,
		{ { 1, 1, 4, 10, 0 }, LEFT(1, 5) }, { 6, 11, 11 } },
	{ "and longer than it ought to", CHAIN, 1,
		{ { 1, 1, 40, 10, 0 }, LEFT(1, 5) }, { 1, 6, 6 } },
	{ "one is unknown", CHAIN, 1,
		{ LEFT(1, 10), UNKNOWN(1) }, { 10, -1, -1 } },
	{ "and so is what needs it", CHAIN, 1,
		{ UNKNOWN(1), LEFT(1, 5) }, { -1, -1, -1 } },
	{ "an unknown one that is done does not matter", CHAIN, 1,
		{ DONE, UNKNOWN(0) }, { 0, 0, 0 } },
	{ "two beside each other", JOIN, 2,
		{ LEFT(1, 10), LEFT(1, 30), LEFT(1, 1) },
		{ 10, 30, 31, 31 } },
	{ "but one job", JOIN, 1,
		{ LEFT(1, 10), LEFT(1, 30), LEFT(1, 1) },
		{ 10, 40, 41, 41 } },
	{ "unknown beside known", JOIN, 2,
		{ LEFT(1, 10), UNKNOWN(1), LEFT(1, 1) },
		{ 10, -1, -1, -1 } },
	{ "items share the jobs", "[step a]\nforeach = 1 2\n" RUN, 4,
		{ LEFT(100, 10) }, { 250, 250 } },
	{ "never faster than one of them",
		"[step a]\nforeach = 1 2\n" RUN, 4,
		{ LEFT(2, 10) }, { 10, 10 } },
	{ "the last ones run", "[step a]\nforeach = 1 2\n" RUN, 4,
		{ { 2, 2, 12, 10, 0 } }, { 4, 4 } },
	{ "at most `parallel` of them",
		"[step a]\nforeach = 1 2\nparallel = 2\n" RUN, 4,
		{ LEFT(100, 10) }, { 500, 500 } },
	{ "at most the slots of the pool", "[pool p]\nslots = x y z\n"
		"[step a]\nforeach = 1 2\npool = p\n" RUN, 9,
		{ LEFT(90, 10) }, { 300, 300 } },
	{ "two share a pool", "[pool p]\n[defaults]\npool = p\n" JOIN, 9,
		{ LEFT(1, 10), LEFT(1, 30), DONE }, { 10, 30, 0, 40 } },
	{ "nothing starts before a limit is over", CHAIN, 1,
		{ { 1, 0, 0, 10, 1000 }, LEFT(1, 5) },
		{ 1010, 1015, 1015 } },
	{ "tied: one item behind the other", TIED, 9,
		/* what is started first does not end first */
		{ LEFT(90, 10), LEFT(90, 20), LEFT(1, 1) },
		{ 300, 300, 301, 301 } },
	{ "tied: jobs to spare", TIED, 90,
		{ LEFT(10, 10), LEFT(10, 20), LEFT(1, 1) },
		{ 10, 30, 31, 31 } },
	{ "tied: the second takes one at a time",
		"[step a]\nforeach = 1 2\n" RUN "[step b]\n"
		"foreach = step:a\nparallel = 1\n" RUN, 90,
		{ LEFT(10, 10), LEFT(10, 20) }, { 10, 210, 210 } },
	{ "tied: the first takes one at a time",
		"[step a]\nforeach = 1 2\nparallel = 1\n" RUN "[step b]\n"
		"foreach = step:a\n" RUN, 90,
		{ LEFT(10, 10), LEFT(10, 20) }, { 100, 120, 120 } },
	{ "tied: one after the other with one job", TIED, 1,
		{ LEFT(10, 10), LEFT(10, 20), LEFT(1, 1) },
		{ 300, 300, 301, 301 } },
	{ "tied: the first is done", TIED, 2,
		{ DONE, LEFT(10, 20), LEFT(1, 1) },
		{ 0, 100, 101, 101 } },
	{ "tied to what nobody knows", TIED, 2,
		{ UNKNOWN(10), LEFT(10, 20), LEFT(1, 1) },
		{ -1, -1, -1, -1 } },
	{ "tied, and behind what is not", "[step z]\n" RUN TIED, 2,
		{ LEFT(1, 1000), LEFT(4, 10), LEFT(4, 10), DONE },
		{ 1000, 1020, 1030, 0, 1030 } },
	{ "needs by name, of one further down",
		"[step a]\nneeds = b\n" RUN "[step b]\nneeds = c\n" RUN
		"[step c]\n" FREE, 9,
		{ LEFT(1, 1), LEFT(1, 2), LEFT(1, 4) }, { 7, 6, 4, 7 } },
	{ "clean-up comes last, wherever it stands",
		"[step a]\nalways = done\n" RUN "[step b]\n" RUN
		"[step c]\n" RUN, 9,
		{ LEFT(1, 1), LEFT(1, 2), LEFT(1, 4) }, { 7, 2, 6, 7 } },
	{ "numbers that are too large", CHAIN, 1,
		{ LEFT(INT32_MAX, (int64_t)1 << 50), LEFT(1, 1) },
		{ -1, -1, -1 } },
};

static void tables(void **state)
{
	size_t i;
	int k;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct pipeline *p = loads(cases[i].ini);
		int64_t end[MOST];

		eta_reckon(p, cases[i].work, cases[i].jobs, end);
		for (k = 0; k <= p->nsteps; k++)
			if (end[k] != cases[i].end[k])
				fail_msg("%s: %d is %lld, expected %lld",
					cases[i].what, k, (long long)end[k],
					(long long)cases[i].end[k]);
		pipeline_free(p);
	}
}

/* Chains of needs by name, the last of which stands first: no recursion, and
 * linear. */
static void long_chain(void **state)
{
	enum { N = 100000 };
	struct eta_work *work = calloc(N + 1, sizeof(*work));
	int64_t *end = calloc(N + 1, sizeof(*end));
	struct buf ini = { 0 };
	struct pipeline *p;
	int i;

	(void)state;
	for (i = 0; i < N; i++) {
		buf_printf(&ini, "[step s%d]\nrun = x\nneeds =", i);
		if (i + 1 < N)
			buf_printf(&ini, " s%d", i + 1);
		buf_char(&ini, '\n');
		work[i] = (struct eta_work)LEFT(1, 3);
	}
	p = loads(ini.data);
	eta_reckon(p, work, 8, end);
	assert_int_equal(end[N - 1], 3);
	assert_int_equal(end[0], 3 * (int64_t)N);
	assert_int_equal(end[N], 3 * (int64_t)N);
	pipeline_free(p);
	buf_release(&ini);
	free(work);
	free(end);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tables),
		cmocka_unit_test(long_chain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
