/* SPDX-License-Identifier: ISC */
/* checkup: what preflight found, told to the person; and --dry-run. */
#ifndef CHECKUP_H
#define CHECKUP_H

#include "options.h"
#include "session.h"

/* Before step one. 0, or the exit status; complaints are printed. */
int checkup(const struct session *se);
/* --dry-run: what is missing, and what would run. */
int checkup_dry_run(const struct session *se, const struct options *o);

#endif
