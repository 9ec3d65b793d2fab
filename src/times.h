/* SPDX-License-Identifier: ISC */
/*
 * times: what the steps of earlier runs took: BASE/NAME/times, a line
 * "STEP COUNT TOTAL_MS" each. For guesses only: a file that cannot be read or
 * written is none.
 */
#ifndef TIMES_H
#define TIMES_H

#include <stdint.h>

#include "pipeline.h"
#include "plan.h"
#include "rundir.h"

/* Of one step: so many took so long, all together. */
struct times {
	int64_t n, ms;
};

/* Per step; n 0: nothing is known. Caller frees. */
struct times *times_read(const struct pipeline *p, const struct rundir *d);

/* As a run comes to rest, under its lock: what it knows better goes into the
 * file. */
void times_keep(const struct plan *pl, const struct rundir *d);

#endif
