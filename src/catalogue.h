/* SPDX-License-Identifier: ISC */
/* catalogue: durexec preset: which presets there are, and what they say. */
#ifndef CATALOGUE_H
#define CATALOGUE_H

#include "options.h"

/* Without names a line for each preset; else the sections themselves. Those
 * of o->ini, when given, are the strongest. Returns the exit status. */
int catalogue_main(const struct options *o);

#endif
