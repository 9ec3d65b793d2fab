/* SPDX-License-Identifier: ISC */
/* typed: what a person is told to type, quoted for a shell. */
#ifndef TYPED_H
#define TYPED_H

#include "buf.h"
#include "pipeline.h"

/* The --state-dir that durexec was given, said in all that follows; NULL: none.
 * It stays the caller's. */
void typed_set_state_dir(const char *dir);
const char *typed_state_dir(void);

/* Append the state directory, if one was given, and a blank. */
void typed_options(struct buf *out);

/* Append these options, the file and the NAME=VALUEs that name its run; and, unless NULL, the
 * name of a task behind them. ini: the file as the user would name it. */
void typed_run(const struct pipeline *p, const char *ini, const char *task,
	struct buf *out);

#endif
