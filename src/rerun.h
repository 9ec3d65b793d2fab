/* SPDX-License-Identifier: ISC */
/* rerun: --rerun-stale, a rewind of all that is stale. */
#ifndef RERUN_H
#define RERUN_H

#include <stdbool.h>

#include "buf.h"
#include "journal.h"
#include "msg.h"
#include "plan.h"
#include "session.h"

/* It took effect outside: it stays done unless a person names it. */
bool rerun_leaves(const struct plan *pl, int unit);

/*
 * Set what is stale back to PENDING, with all that needs it, as rewind does;
 * what took effect outside (a receipt, rerun = never) stays, and what needs
 * only that. Appends to `stale` a line for each that is stale, with the reason,
 * and to `answer` one for each that is set back, as far as they are not too
 * many. The plan is rebuilt. Nothing is durable before the caller commits the
 * journal. *changed counts the steps and items that are set back. -1 + why:
 * something of it runs, and nothing was changed.
 */
int rerun_stale(struct plan *pl, struct journal *j, struct buf *stale,
	struct buf *answer, int *changed, struct why *why);

/*
 * The same for the run of a session that has its plan, finished or not, and
 * said on stderr; a run that was closed by --fresh is left alone. write: under
 * the lock, the state is opened for it, and it is durable on return; else
 * nothing is kept, and only what is stale is said. 0, or the exit status.
 */
int rerun(struct session *se, bool write);

#endif
