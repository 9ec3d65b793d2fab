/* SPDX-License-Identifier: ISC */
/* which: the run that a command line means. */
#ifndef WHICH_H
#define WHICH_H

#include <stdbool.h>

#include "options.h"
#include "session.h"

/* --resume without a file: the one unfinished run. True: se is loaded; else
 * *status, and it is said why. */
bool which_unfinished(struct session *se, const struct options *o,
	int *status);

/* A bare FILE (loaded): when the one unfinished run of it has parameters, that
 * is meant; when there are several, the person has to say. True: go on. */
bool which_parameters(struct session *se, const struct options *o,
	const char *base, int *status);

/* Instead of an exit status: several were meant, and are shown (status). */
enum { WHICH_SHOWN = -1 };

/* Without a file: the only pipeline below .durexec here, or the only one with
 * an unfinished run, is loaded; when there is none here, of those that exec
 * keeps (rundir_state_home). 0 with where its runs are (BASE and NAME of
 * rundir.h, the caller frees both); else the exit status. */
int which_only(struct session *se, const struct options *o, char **base,
	char **name);

/* The run a verb is about, opened for reading and planned. 0, or the exit
 * status, or WHICH_SHOWN. */
int which_run(struct session *se, const struct options *o);

#endif
