/* SPDX-License-Identifier: ISC */
/* reopen: --rescan and --rerun-stale: what is done is set going again. */
#ifndef REOPEN_H
#define REOPEN_H

#include "options.h"
#include "session.h"

/* In a run that is planned, under its lock; says what it does. The state is
 * opened for writing. 0, or the exit status. */
int reopen(struct session *se, const struct options *o);

#endif
