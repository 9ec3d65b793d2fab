/* SPDX-License-Identifier: ISC */
/*
 * unstarted: why an attempt could not be started, for its report and for its
 * stderr. Allocates nothing; what went wrong is in errno.
 */
#ifndef UNSTARTED_H
#define UNSTARTED_H

#include "job.h"
#include "spawn.h"

/* NOT_STARTED, with a note such as "cannot create log/a.1.out: No space left on
 * device". */
void unstarted(struct report *r, const char *what, const char *name);
/* spawn() failed at that stage. What cannot be executed has ended as in a
 * shell: exit status 126 or 127, and a line in its stderr, which is err. */
void unstarted_spawn(struct report *r, const struct job *j,
	enum spawn_stage stage, int err);

#endif
