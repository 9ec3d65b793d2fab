/* SPDX-License-Identifier: ISC */
/*
 * refs: is everything defined that a value refers to as ${NAME}? And the few
 * values that have to be known while loading (numbers, durations, names) with
 * it replaced.
 */
#ifndef REFS_H
#define REFS_H

#include <stdbool.h>

#include "buf.h"
#include "draft.h"
#include "msg.h"
#include "table.h"

/* Is ITEM, with those that begin with it, defined? */
enum refs_items {
	REFS_NO_ITEMS,		/* it is no fan-out */
	REFS_ITEMS,
	REFS_ITEMS_LATER,	/* it is, but this is read before there are
				   items */
};

/* Where a value stands: what is defined there besides the parameters, the
 * environment and what durexec sets. */
struct refs_scope {
	const struct table *env[2];	/* names of env.NAME; NULL none */
	enum refs_items items;
	int step;		/* it may read what the steps it needs left;
				   -1: all steps do */
	bool env_file;		/* there is one: any name may come from it */
};

/*
 * Complain about each ${NAME} in text that is not defined in the scope.
 * prefix: the key, for the complaint. True when the answer may be another one
 * for another step.
 */
bool refs_check(struct draft *d, const struct refs_scope *scope, int line,
	const char *prefix, const char *text);

/*
 * Append text to out with parameters and the environment put in. -1 when it
 * complained. upto: only the parameters before this one are known (their
 * defaults may refer to the ones above); p->nparams otherwise.
 */
int refs_expand(struct draft *d, int line, const char *prefix,
	const char *text, int upto, struct buf *out);

/* The same for a regular expression: what is put in stands for itself, so
 * what means something in an expression is escaped. */
int refs_expand_regex(struct draft *d, int line, const char *prefix,
	const char *text, struct buf *out);

/* Is it ITEM, ITEM_NAME …? */
bool refs_is_item(const char *name);

/* The name of a step, or of a pool, as it stands in those of variables: what
 * is no letter or digit becomes "_". The draft's. */
char *refs_variable(struct draft *d, const char *name);

/* The words of a list, each with ${NAME} replaced, so that a value with a
 * blank in it stays one; what could not be is left out. The draft's. */
struct strlist refs_words(struct draft *d, int line, const char *prefix,
	const char *text);

#endif
