/* SPDX-License-Identifier: ISC */
/* trim: keep_logs = failed: logs of what is done, once a run is finished. */
#ifndef TRIM_H
#define TRIM_H

#include "plan.h"
#include "rundir.h"

/*
 * When the run is closed as done, and the pipeline says keep_logs = failed:
 * remove the logs of what is DONE or SKIPPED, of all its attempts. What failed
 * and was allowed to keeps its logs. So does, as far as it is its last stdout,
 * what another step reads by `stdin`, `foreach_from` or a DUREXEC_OUT_STEP in
 * the file: after a rewind it is read again. Best effort.
 */
void trim_logs(const struct plan *pl, const struct rundir *d);

#endif
