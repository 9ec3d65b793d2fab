/* SPDX-License-Identifier: ISC */
/* many: for tests that what is done for each step stays linear: a pipeline of
 * very many steps is loaded, and its CPU time compared with a plain one's. */
#ifndef MANY_H
#define MANY_H

#include <time.h>

#include "loading.h"

enum { STEPS = 100000 };

static inline double many_cpu(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Loads head and n times step, in which %1$d is the step's number, %2$d that
 * of the one above and %3$d that of the next: of the last that is `end`, a step
 * of its own, or the first (NULL). Returns CPU seconds. */
static inline double many_of(int n, const char *head, const char *step,
	const char *end, size_t complaints)
{
	struct buf text = { 0 };
	struct complaints c = { 0 };
	struct pipeline *p;
	double from;

	buf_str(&text, head);
	for (int i = 0; i < n; i++) {
		buf_printf(&text, "[step s%d]\n", i);
		buf_printf(&text, step, i, i > 0 ? i - 1 : 0,
			end != NULL ? i + 1 : (i + 1) % n);
	}
	if (end != NULL)
		buf_printf(&text, "[step s%d]\n%s", n, end);
	from = many_cpu();
	p = pipeline_load_text("x.ini", text.data, text.len, NULL, 0, &c);
	from = many_cpu() - from;
	assert_int_equal(c.n, complaints);
	assert_int_equal(p == NULL, complaints > 0);
	complaints_release(&c);
	pipeline_free(p);
	buf_release(&text);
	return from;
}

#endif
