/* SPDX-License-Identifier: ISC */
/*
 * lines: progress as plain lines on stdout, one a transition; colour when
 * asked for. The same text with and without a terminal. Ends with what a
 * person has to know: the failures, what they said, and what to type.
 */
#ifndef LINES_H
#define LINES_H

#include <stdbool.h>

#include "view.h"

struct lines {
	struct view view;	/* first: given to the engine as &l->view */
	bool quiet;		/* -q: failures only */
	bool verbose;		/* -v: also attempts, logs, figures */
	bool colour;
	const char *ini;	/* the file as the user named it */
	int64_t began_at;
};

void lines_init(struct lines *l, const char *ini);

/* The failures of a run, as the end of a run shows them: each with how it
 * ended, the last 20 lines of what it said, its log and what to type. Many:
 * grouped by reason, three examples each. */
void lines_failures(const struct lines *l, const struct view_run *r,
	struct buf *out);

#endif
