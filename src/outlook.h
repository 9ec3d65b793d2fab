/* SPDX-License-Identifier: ISC */
/* outlook: when a run will be done, as far as the times of its steps and items,
 * or of earlier runs, tell (eta.h). */
#ifndef OUTLOOK_H
#define OUTLOOK_H

#include <stdint.h>

#include "buf.h"
#include "plan.h"
#include "rundir.h"
#include "times.h"

/* Zero-initialised it has not looked yet. */
struct outlook {
	struct times *times;	/* of earlier runs */
	int64_t *end;		/* as of eta_reckon(), from `at` on */
	int64_t at;
};

/* Look at the run as it is now. jobs: that run at once; 0: as it seems. Linear
 * in tasks and needs. */
void outlook_make(struct outlook *o, const struct plan *pl,
	const struct rundir *d, int jobs);
void outlook_release(struct outlook *o);

/* When the whole run will be done; 0: nobody knows. */
int64_t outlook_end(const struct outlook *o, const struct plan *pl);

/* "about 2d 21h (Sun 14:00)", appended; end: as in `end`. Nothing when nobody
 * knows. */
void outlook_text(const struct outlook *o, int64_t end, const char *before,
	struct buf *out);

#endif
