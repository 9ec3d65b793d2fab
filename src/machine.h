/* SPDX-License-Identifier: ISC */
/*
 * machine: pools with `scope = machine`, shared by all pipelines of this user
 * on this machine, without a daemon. A slot is a kernel lock (flock) on a file
 * of /var/tmp/durexec-UID; it is taken under one mutex and its descriptor
 * handed to the keeper that runs the attempt (watch_send), so that it is free
 * when the last of them is gone: an orphan keeps its slot, whatever dies.
 *
 * Files, for a pool NAME: "pool:NAME", the mutex, and "slot:NAME:SLOT", the
 * locks. Names of pools and slots hold no colon, so no two of them are called
 * the same. They are never unlinked by durexec. Pipelines that give a pool
 * different slots or intervals share what they have in common; each keeps to
 * its own interval.
 *
 * In the mutex's file, as text: "last MS", when the last attempt began, and
 * "until MS", until when a usage limit holds the pool; wall time, ms. The
 * first line of each name counts; what is not understood is 0.
 */
#ifndef MACHINE_H
#define MACHINE_H

#include <stdbool.h>
#include <stdint.h>

#include "msg.h"
#include "pipeline.h"

struct machine {
	int dirfd;		/* -1: not open yet */
};

/*
 * The directory, made (0700) and checked: our own, writable by nobody else, no
 * link. $DUREXEC_MACHINE_DIR names another one (absolute; what it stands in
 * exists). While it is open, systemd-tmpfiles leaves it alone. The functions
 * below open it where it is not open. -1 + why.
 */
int machine_open(struct machine *m, struct why *why);
void machine_close(struct machine *m);

enum machine_answer {
	MACHINE_TAKEN,		/* *fd (CLOEXEC) holds the slot *slot of
				   pool->slot */
	MACHINE_BUSY,		/* all slots are held: ask again later */
	MACHINE_WAIT,		/* not before *until (ms, wall): min_interval,
				   or a usage limit somebody met */
	MACHINE_ERROR		/* why */
};

/*
 * The first free slot of the pool, in their order. now: clock_wall(), asked
 * for right before the call. It may take a fifth of a second when somebody
 * holds the mutex (and is stopped): then BUSY. TAKEN with a sentence in why:
 * the slot is ours, but it could not be noted when (a full disk), so that
 * others may begin before min_interval is over; else why->text is "". why is
 * not NULL.
 */
enum machine_answer machine_take(struct machine *m, const struct pool *pool,
	int64_t now, int *slot, int *fd, int64_t *until, struct why *why);

/* A usage limit holds the pool until then (ms, wall); an earlier time than
 * what is noted changes nothing. until 0: a person says it is over. */
int machine_park(struct machine *m, const struct pool *pool, int64_t until,
	struct why *why);

#endif
