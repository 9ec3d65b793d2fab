/* SPDX-License-Identifier: ISC */
/*
 * start: `durexec FILE`, `--resume`, `--fresh`, `--dry-run`: which run is
 * meant, is everything there, then the engine; and what the exit status is.
 */
#ifndef START_H
#define START_H

#include "options.h"

/*
 * Returns the exit status; or 128 + n: die by signal n, the state is safe.
 */
int start_main(const struct options *o);

/* -d: the same in the background; returns once the run is under way. */
int start_detached(const struct options *o);

#endif
