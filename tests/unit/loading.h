/* SPDX-License-Identifier: ISC */
/*
 * loading: for the tests of what load.h does: a pipeline from a string, and
 * its complaints as text, a line each: "LINE: message | hint".
 */
#ifndef LOADING_H
#define LOADING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "buf.h"
#include "load.h"

#define NO_ARGUMENTS ((const char *const[]){ NULL })

static inline struct pipeline *loading(const char *text, size_t len,
	const char *const *given, struct buf *said)
{
	struct complaints c = { 0 };
	struct pipeline *p;
	size_t n = 0;

	while (given[n] != NULL)
		n++;
	p = pipeline_load_text("dir/x.ini", text, len, (char *const *)given, n,
		&c);
	buf_str(said, "");
	for (size_t i = 0; i < c.n; i++) {
		assert_string_equal(c.v[i].file, "dir/x.ini");
		buf_printf(said, "%d: %s", c.v[i].line, c.v[i].message);
		if (c.v[i].hint != NULL)
			buf_printf(said, " | %s", c.v[i].hint);
		buf_char(said, '\n');
	}
	assert_int_equal(p == NULL, c.n > 0);
	complaints_release(&c);
	return p;
}

static inline void complains_given(const char *text,
	const char *const *given,
	const char *expected)
{
	struct buf said = { 0 };
	struct pipeline *p = loading(text, strlen(text), given, &said);

	assert_string_equal(said.data, expected);
	pipeline_free(p);
	buf_release(&said);
}

static inline void complains(const char *text, const char *expected)
{
	complains_given(text, NO_ARGUMENTS, expected);
}

static inline struct pipeline *loads_given(const char *text,
	const char *const *given)
{
	struct buf said = { 0 };
	struct pipeline *p = loading(text, strlen(text), given, &said);

	assert_string_equal(said.data, "");
	buf_release(&said);
	return p;
}

static inline struct pipeline *loads(const char *text)
{
	return loads_given(text, NO_ARGUMENTS);
}

#endif
