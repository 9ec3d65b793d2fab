/* SPDX-License-Identifier: ISC */
/* wake: what time brings to the lanes: waits that are over, and a clock that was
 * set back. */
#include "plan.h"

/* A small step of the clock changes little, and happens often. */
enum { CLOCK_STEP_MS = 60 * 1000 };

/* Was the wait noted at a time that is still to come? Then the clock was set
 * back since, and its end says nothing. */
static bool too_late(const struct plan *pl, int unit, int64_t now)
{
	const struct task *t = plan_unit(pl, unit);

	return t->state == TASK_WAITING && t->ended_at > now + CLOCK_STEP_MS;
}

static void clock_went_back(struct plan *pl, int64_t now)
{
	size_t i, k, n = pl->later.n;
	int unit;

	for (i = 1; i < (size_t)pl->nlanes; i++) {
		struct lane *l = &pl->lane[i];

		if (l->last_start_at > now)
			l->last_start_at = now;
		l->parked_until = 0;
		/* who said so is asked again */
		if (pl->clock != 0)
			l->held_until = 0;
	}
	for (i = 0; i < (size_t)pl->nfanouts; i++)
		pl->fanout[i].parked_until = 0;
	pl->clock = now;
	/* a limit that is no longer waited for holds nobody else */
	for (k = 0; k < pl->nunits; k++)
		if (pl->unit[k].step != -1 && !pl->unit[k].due &&
		    !too_late(pl, (int)k, now))
			lanes_hold(pl, (int)k);
	/* none is pushed further up than where it stood */
	pl->later.n = 0;
	for (i = 0; i < n; i++) {
		unit = pl->later.v[i];
		pl->unit[unit].due |= too_late(pl, unit, now);
		pl->unit[unit].queued = false;
		lanes_offer(pl, unit);
	}
}

void plan_wake(struct plan *pl, int64_t now)
{
	int unit;

	if (now < pl->clock || pl->clock == 0)
		clock_went_back(pl, now);
	pl->clock = now;
	while (pl->later.n > 0 && (!plan_may_start(pl, pl->later.v[0]) ||
	    pl->later.at[0] <= now)) {
		unit = heap_pop(pl, &pl->later);
		pl->unit[unit].due |= plan_unit(pl, unit)->until_at <= now;
		lanes_offer(pl, unit);
	}
}
