/* SPDX-License-Identifier: ISC */
/*
 * failure: an attempt that has failed: give up, wait for a usage limit, retry,
 * or review, in this order; and whether exit 0 is to be believed. Part of
 * judging (judge.h), pure as that is.
 */
#ifndef FAILURE_H
#define FAILURE_H

#include <stdbool.h>
#include <stddef.h>

#include "verdict.h"

struct failure {
	const struct stepconf *conf;
	const struct task *t;
	const struct report *r;
	const struct evidence *e;
	const char *why;	/* how it failed: the reason begins with it */
	bool gave_exit;		/* the command's own exit status is not ok */
};

/* NEEDS_REVIEW, or WAITING. */
struct verdict failure_verdict(const struct failure *f);

/* Does exit 0 lie (fail_if, ok_if)? Then why, in `why`. exit_text: how it
 * ended. */
bool failure_lies(const struct stepconf *conf, const struct evidence *e,
	const char *exit_text, char *why, size_t size);

#endif
