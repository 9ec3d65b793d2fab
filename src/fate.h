/* SPDX-License-Identifier: ISC */
/* fate: what becomes of the run that is there when a pipeline is started. */
#ifndef FATE_H
#define FATE_H

#include <stdbool.h>

#include "options.h"
#include "session.h"

struct fate {
	bool over;		/* nothing of it is gone on with */
	bool again;		/* --rescan, --rerun-stale: gone on with all
				   the same, if only to find nothing new */
	bool finished;		/* over, as all of it is done */
	const char *close;	/* it is closed: why; NULL */
	bool idle;		/* nor does a new one begin */
};

/* Older than the pipeline's max_age? */
bool fate_too_old(const struct session *se);

/* Of a run that is planned, under its lock. */
struct fate fate_of(const struct session *se, const struct options *o);

#endif
