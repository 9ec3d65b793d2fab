/* SPDX-License-Identifier: ISC */
/* scriptname: what a run of a command is called: after the script, also behind
 * an interpreter or a program that runs another one. */
#ifndef SCRIPTNAME_H
#define SCRIPTNAME_H

#include <stdbool.h>

/* argv has at least one word. Good for a pipeline, a step and a directory; the
 * caller frees it. */
char *scriptname(char *const *argv);
/* Is it good for all of these as it is? */
bool scriptname_is_good(const char *name);

#endif
