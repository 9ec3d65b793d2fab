/* SPDX-License-Identifier: ISC */
/*
 * lines: progress as plain lines on stdout, one a transition; colour when
 * asked for. The same text with and without a terminal. Ends with what a
 * person has to know: the failures, what they said, and what to type.
 *
 * Of a fan-out of many items only failures and waits have lines of their own,
 * the first ones; of the others a line says now and then how far it is, or one
 * that is painted over at the bottom of a terminal.
 */
#ifndef LINES_H
#define LINES_H

#include <stdbool.h>

#include "outlook.h"
#include "view.h"

struct lines {
	struct view view;	/* first: given to the engine as &l->view */
	bool quiet;		/* -q: failures only */
	bool only_rest;		/* --cron: only what is wrong at the end */
	bool verbose;		/* -v: also figures, and every item */
	bool colour;
	bool live;		/* paint, when stdout is a terminal that can */
	int jobs;		/* that run at once; 0: as it seems */
	const char *ini;	/* the file as the user named it */
	int64_t began_at;
	struct outlook outlook;
	struct lines_fan {
		int64_t told_mono;	/* how far it is; 0 not begun */
		int said;		/* lines of its items */
		bool moved;		/* since it was told */
	} *fan;			/* per fan-out of the plan */
	int64_t rest_until_mono;	/* nothing is painted before */
	bool painted;
};

void lines_init(struct lines *l, const char *ini);
/* After the run. */
void lines_release(struct lines *l);

#endif
