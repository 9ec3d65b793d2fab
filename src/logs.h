/* SPDX-License-Identifier: ISC */
/*
 * logs: what steps said. To a terminal it is made safe; into a pipe or file
 * it is byte for byte, but for secrets. Of several, each line has its step in
 * front, which is always made safe.
 */
#ifndef LOGS_H
#define LOGS_H

#include "options.h"
#include "session.h"

/* Prints, with -f until the step (or the run) has ended. Exit status. */
int logs_show(struct session *se, const struct options *o);

#endif
