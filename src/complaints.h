/* SPDX-License-Identifier: ISC */
/*
 * complaints: what is wrong with a pipeline file, collected so that a person
 * sees all of it at once.
 */
#ifndef COMPLAINTS_H
#define COMPLAINTS_H

#include <stdarg.h>
#include <stddef.h>

struct complaint {
	char *file;	/* as the user named it */
	int line;	/* 0: the file as a whole */
	char *message;	/* one sentence, no full stop */
	char *hint;	/* what to type instead; NULL none */
};

/* Zero-initialised is empty. */
struct complaints {
	struct complaint *v;
	size_t n, cap;
};

/* file and hint (NULL: none) are copied. */
void complaints_add(struct complaints *c, const char *file, int line,
	const char *hint, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));
void complaints_addv(struct complaints *c, const char *file, int line,
	const char *hint, const char *fmt, va_list ap)
	__attribute__((format(printf, 5, 0)));
/*
 * By line, in the order they were added within one line; files in the order in
 * which they were first complained about. A complaint that repeats another one
 * word for word goes: a value of [defaults] is read once for each step, but it
 * is one mistake.
 */
void complaints_sort(struct complaints *c);
void complaints_release(struct complaints *c);

#endif
