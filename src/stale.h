/* SPDX-License-Identifier: ISC */
/*
 * stale: is something that is DONE no longer what the file and its inputs would
 * give? Nothing follows from it by itself: it is shown, and a person says
 * rewind or --rerun-stale. What needs something stale is not stale itself.
 *
 * Files are looked at (stat) once each, and read only when their time is
 * another one and their size is not. Ask anew with another struct stale when
 * they may have changed.
 */
#ifndef STALE_H
#define STALE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "inputs.h"
#include "plan.h"

struct stale {
	const struct plan *pl;
	struct inputs_known known;
	uint8_t *verdict;		/* of each input of the state */
	struct input *now;		/* files that were read, by the first
					   input of the path; path NULL: not */
	size_t n;			/* of both */
	int step;			/* of the last unit, and */
	uint64_t command;		/* what it would execute; step -1 none:
					   items come one after another */
};

/* The plan stays the caller's; nothing is looked at yet. */
void stale_init(struct stale *st, const struct plan *pl);
void stale_release(struct stale *st);

/* Is the unit DONE, and stale? reason (or NULL): why is appended, "input a.txt
 * changed (was 5e02ab11, 120 bytes; now 0c9d4417, 133 bytes)". */
bool stale_is(struct stale *st, int unit, struct buf *reason);
/* A file that it read is gone: it cannot run again as it was. */
bool stale_gone(struct stale *st, int unit);

#endif
