/* SPDX-License-Identifier: ISC */
/*
 * sweep: runs that are not kept any longer. A run first gets a hidden name
 * (".gone.RUN"), at once, and counts as none from then on; its files go after
 * that, in the background when they are many, and by the next sweep when that
 * is killed. No link is followed, and nothing outside of the home, or on
 * another file system, is touched.
 */
#ifndef SWEEP_H
#define SWEEP_H

#include <stdbool.h>
#include <stdint.h>

#include "msg.h"
#include "rundir.h"

/* Is the last thing that the run's state says that it is over? */
bool sweep_is_over(const struct home *h, const char *id);

/*
 * Ids of the finished runs that are older than the newest `keep` of them,
 * oldest first. All but the newest run are over, as a new one begins only then;
 * newest_too: so is that. home_runs_free() frees them.
 */
char **sweep_list(const struct home *h, bool newest_too, size_t keep,
	size_t *n);

/* Hide the run. -1 + why: a keeper of it lives, or it cannot be renamed. */
int sweep_hide(const struct home *h, const char *id, struct why *why);
/* Hide what never became a run, as its durexec was killed while it made it. A
 * young one may be in the making: unless the home's lock is held. */
void sweep_hide_unfinished(const struct home *h);

/* Bytes in the files of a run. */
int64_t sweep_bytes(const struct home *h, const char *id);

/* Remove what is hidden, as far as it has no more than `most` files and
 * directories. The bytes that were in them are added. True: nothing is left. */
bool sweep_hidden(const struct home *h, long most, int64_t *bytes);
/* The same, now for a few files, and for more in a process of low priority that
 * is not waited for. */
void sweep_later(const struct home *h);
/* That process: "durexec-sweep" with the home as its stdin. */
int sweep_main(void);

#endif
