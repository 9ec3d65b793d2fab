/* SPDX-License-Identifier: ISC */
/*
 * eta: how long a run will still take, and each step of it: a guess from what
 * one of its kind takes. Pure.
 *
 * A step ends when its work, divided by as many as run at once, is done, from
 * the time on when all that it needs has ended. Steps that are tied follow each
 * other item by item. Nothing ends before all that is started earlier, divided
 * by the jobs, is done. Linear in steps and needs.
 */
#ifndef ETA_H
#define ETA_H

#include <stdint.h>

#include "pipeline.h"

/* What is left of a step. */
struct eta_work {
	int64_t left;		/* units not settled, those that run as well */
	int64_t running;
	int64_t spent_ms;	/* so long they run, all together */
	int64_t each_ms;	/* what one takes; -1: nobody knows */
	int64_t held_ms;	/* from now on none is started for so long */
};

/* end[i]: in how many ms the step is done, -1 when nobody knows; 0 when nothing
 * of it is left. end[nsteps]: the whole run. work: of each step. */
void eta_reckon(const struct pipeline *p, const struct eta_work *work,
	int jobs, int64_t *end);

#endif
