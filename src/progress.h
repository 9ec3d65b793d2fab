/* SPDX-License-Identifier: ISC */
/* progress: how far a fan-out, and a run, is, in one line each. */
#ifndef PROGRESS_H
#define PROGRESS_H

#include "buf.h"
#include "outlook.h"
#include "view.h"

/* "generate: 31,204/40,000 · 12 review · 2 running · about 2d 21h (Sun 14:00)";
 * o NULL: not when. */
void progress_fanout(const struct view_run *r, int step,
	const struct outlook *o, struct buf *out);

/* "12 of 14 done; running: …", of a run under way. */
void progress_run(const struct view_run *r, const struct outlook *o,
	struct buf *out);

#endif
