/* SPDX-License-Identifier: ISC */
/* history: the runs of a pipeline, oldest first. */
#ifndef HISTORY_H
#define HISTORY_H

#include "options.h"
#include "session.h"

/* Prints; returns the exit status. */
int history_show(const struct session *se, const struct options *o);

#endif
