/* SPDX-License-Identifier: ISC */
#include "fate.h"

#include <string.h>

#include "clock.h"

static bool is_over(const struct session *se)
{
	/* Closed by --fresh: over, whatever is left in it. Else a step that
	 * was added to the file makes it unfinished again. */
	return (se->s.closed != NULL && strcmp(se->s.closed, "closed") == 0) ||
		(plan_finished(&se->plan) &&
		se->s.count[TASK_RUNNING] == 0);
}

bool fate_too_old(const struct session *se)
{
	return se->p->max_age_ms != 0 && clock_wall() - se->s.started_at >
		se->p->max_age_ms;
}

struct fate fate_of(const struct session *se, const struct options *o)
{
	struct fate f = { .over = is_over(se) };

	f.finished = f.over && plan_finished(&se->plan);
	f.again = (o->rescan || o->rerun_stale) && (!f.over || f.finished) &&
		(se->s.closed == NULL || strcmp(se->s.closed, "closed") != 0);
	f.over = f.over && !f.again;
	f.idle = f.over && f.finished && !o->fresh &&
		se->p->when_done == WHEN_DONE_STOP;
	if (!f.over && o->fresh)
		f.close = "--fresh";
	else if (!f.over && !f.finished && fate_too_old(se))
		f.close = "older than max_age";
	return f;
}
