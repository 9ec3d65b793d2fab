/* SPDX-License-Identifier: ISC */
/* opening: what is said of a run that is there already, before it goes on. */
#ifndef OPENING_H
#define OPENING_H

#include "session.h"

/* Which steps have left the file. */
void opening_removed(const struct session *se);
/* How far it is, what is adopted, what was interrupted. */
void opening_continuing(const struct session *se);
/* What --resume leaves alone, and why. */
void opening_held(const struct session *se);
/* Nothing is left to do: returns the exit status. */
int opening_finished(const struct session *se);

#endif
