/* SPDX-License-Identifier: ISC */
/*
 * status: a run as a table for people (rows.c), as the JSON of the contract
 * (status.c), and as JSON events while it runs (events.c). A fan-out is one
 * row, or entry, and one for each item that runs, waits or is in review. All
 * of it is linear in tasks.
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
	bool all;		/* every item */
	bool stream;		/* what is long goes to stdout as it grows: `out`
				   holds what is still to be written */
	int jobs;		/* that run at once; 0: as it seems */
};

/* One object, no newline. */
void status_json(const struct view_run *r, const struct status_options *o,
	struct buf *out);
/* Lines for people, as wide as the terminal at stdout, or 80 columns, as far
 * as items are concerned. */
void status_table(const struct view_run *r, const struct status_options *o,
	bool colour, struct buf *out);

/* Write what there is of `out` when it is long. */
void status_flush(const struct status_options *o, struct buf *out);

/* The view of `durexec --json`: an object a line on stdout, the last one
 * status_json(). */
struct events {
	struct view view;
	bool quiet;		/* only the last one */
	const char *ini;
	int *open;		/* per fan-out of the plan: items that have not
				   been told of as settled; NULL at first */
};

void events_init(struct events *e, bool quiet, const char *ini);
void events_release(struct events *e);

#endif
