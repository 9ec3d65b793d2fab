/* SPDX-License-Identifier: ISC */
/* going: the engine at work on an opened run, with its views, and what the
 * exit status is. */
#ifndef GOING_H
#define GOING_H

#include "options.h"
#include "session.h"

/* -d: one byte to this descriptor once the run is under way ("+"), or by
 * going_never() with the exit status. */
void going_report_to(int fd);
void going_never(int status);

/* Returns the exit status, or 128 + n: die by signal n. closing: the run is
 * being closed, only its clean-up is left; it keeps its lock then. */
int going(struct session *se, const struct options *o, bool closing);

#endif
