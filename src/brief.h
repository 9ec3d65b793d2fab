/* SPDX-License-Identifier: ISC */
/*
 * brief: the view of `durexec exec`: stdout and stderr are the command's, so it
 * says on stderr only what is not as expected: that something is waited for, and
 * at the end how the command failed.
 */
#ifndef BRIEF_H
#define BRIEF_H

#include "view.h"

struct brief {
	struct view view;
	bool cron;		/* what it wrote is shown, once it has failed */
	bool interrupted;	/* the last attempt was: not yet said */
	const char *ini;	/* of its exec.ini */
};

void brief_init(struct brief *b, const char *ini, bool cron);

#endif
