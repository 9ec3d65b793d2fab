/* SPDX-License-Identifier: ISC */
/*
 * secrets: the values of the variables that `secrets` of the steps name, given
 * to safe_secrets(). They come from durexec's own environment and from the
 * env_files, as steps get them; what cannot be read hides nothing.
 */
#ifndef SECRETS_H
#define SECRETS_H

#include "env.h"
#include "pipeline.h"

/* Those that can be known before anything runs. An env_file whose name depends
 * on an attempt (${ITEM}) is each file that may be meant. Names that have no
 * value here are added to unknown (NULL allowed), a blank between two. */
void secrets_read(const struct pipeline *p, struct buf *unknown);

/* Those of the step, as env_build() has just found them for an attempt of it:
 * its env_file may have changed, or be one of its own. */
void secrets_learn(const struct env *e, int step);

#endif
