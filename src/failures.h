/* SPDX-License-Identifier: ISC */
/* failures: what is in review, for the end of a run: each with how it ended,
 * the last 20 lines of what it said, its log and what to type. Many: grouped by
 * reason, the largest groups first, with three examples each. */
#ifndef FAILURES_H
#define FAILURES_H

#include "buf.h"
#include "view.h"

/* ini: the file as the user would name it. */
void failures_show(const struct view_run *r, const char *ini,
	struct buf *out);

#endif
