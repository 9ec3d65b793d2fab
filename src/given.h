/* SPDX-License-Identifier: ISC */
/*
 * given: what holds for the whole pipeline: its parameters, with what the
 * command line gave them, and the keys of [pipeline].
 */
#ifndef GIVEN_H
#define GIVEN_H

#include <stddef.h>

#include "buf.h"
#include "draft.h"
#include "refs.h"

/* p->param and d->params_table; first of all. */
void given_params(struct draft *d, char *const *given, size_t ngiven);

/* The rest of p that stands in [pipeline]. */
void given_pipeline(struct draft *d);

/*
 * For a value that has to be read now: ${NAME} replaced and blanks trimmed,
 * in buf (which the caller releases). NULL when it complained.
 */
char *given_now(struct draft *d, const struct setting *s, const char *key,
	struct buf *buf);

/* "KEY = VALUE: what was expected" */
void given_bad(struct draft *d, const struct setting *s, const char *key,
	const char *value, char *hint, const char *expected);

/* A path or the like, as written but for blanks around it; NULL when there is
 * nothing, or when it complained that it goes on in the next line. */
const char *given_line(struct draft *d, const struct setting *s,
	const char *key);

/* Complains when Linux could not hand over so long a text. */
void given_size(struct draft *d, int line, const char *key, size_t len);

/* Complains when a variable of that name would hide one of an item's. */
void given_name(struct draft *d, int line, const char *name);

/* A script, verbatim; NULL when there is nothing but blanks. */
const char *given_script(struct draft *d, const struct setting *s,
	const char *key);

#endif
