/* SPDX-License-Identifier: ISC */
/* pools: [pool NAME] -> struct pool. */
#ifndef POOLS_H
#define POOLS_H

#include "draft.h"

/* All pools of the pipeline file. After presets_read() and given.h's two. */
void pools_read(struct draft *d);

/*
 * What `pool = NAME` means: its index in p->pool. A pool that is only in a
 * file of presets is put there when it is first asked for. -1 when it
 * complained that there is none.
 */
int pools_find(struct draft *d, const struct setting *s, const char *name);

#endif
