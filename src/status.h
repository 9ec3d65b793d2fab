/* SPDX-License-Identifier: ISC */
/*
 * status: a run as a table for people and as the JSON of the contract; and the
 * JSON events of a run under way.
 */
#ifndef STATUS_H
#define STATUS_H

#include <stdbool.h>

#include "buf.h"
#include "view.h"

struct status_options {
	bool live;		/* a durexec runs it */
	int pid;		/* of that durexec; 0 unknown */
	const char *ini;	/* the file as the user would name it */
};

/* One object, no newline. */
void status_json(const struct view_run *r, const struct status_options *o,
	struct buf *out);
/* Lines for people. */
void status_table(const struct view_run *r, const struct status_options *o,
	bool colour, struct buf *out);

/* The view of `durexec --json`: an object a line on stdout; quiet: only the
 * last one, which is status_json(). */
struct events {
	struct view view;
	bool quiet;
	const char *ini;
};

void events_init(struct events *e, bool quiet, const char *ini);

#endif
