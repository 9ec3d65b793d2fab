/* SPDX-License-Identifier: ISC */
/*
 * script: the text of a command -> argv. Under the default shell a command
 * without shell syntax is executed directly, as GNU make does: a shell costs
 * more than the rest of a step.
 */
#ifndef SCRIPT_H
#define SCRIPT_H

#include <stdbool.h>

#include "buf.h"
#include "pipeline.h"

struct script {
	char **argv;		/* in one allocation of script_release() */
	bool direct;		/* argv[0] is looked up in the step's PATH */
};

/* Never fails. shell: not directly, whatever it is (BASH_ENV is set for the
 * step, say). */
void script_init(struct script *s, const struct pipeline *p, const char *text,
	bool shell);
void script_release(struct script *s);

/* The default shell is bash, or sh where PATH has no bash. */
bool script_have_bash(void);

/* Find a program in a PATH list (NULL: the environment's). */
bool script_find(const char *program, const char *path);

#endif
