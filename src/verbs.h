/* SPDX-License-Identifier: ISC */
/* verbs: status, logs, stop, wait, retry, approve, skip, rewind, history; on a
 * live run and on one at rest. */
#ifndef VERBS_H
#define VERBS_H

#include "options.h"

/* Returns the exit status. */
int verbs_main(const struct options *o);

#endif
