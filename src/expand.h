/* SPDX-License-Identifier: ISC */
/*
 * expand: ${NAME} in values (never in scripts). "$$" and "$NAME" stay as they
 * are; "$${" is a literal "${". A "${" without "}" or with a bad name is an
 * error.
 */
#ifndef EXPAND_H
#define EXPAND_H

#include "buf.h"
#include "msg.h"

/* The value of name (len bytes), or NULL when it is not defined. */
typedef const char *expand_lookup(void *ctx, const char *name, size_t len);

/* Appends the expanded text to out. -1 + why names the undefined or broken
 * reference. */
int expand(const char *text, expand_lookup *lookup, void *ctx,
	struct buf *out, struct why *why);

#endif
