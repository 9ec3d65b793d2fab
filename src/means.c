/* SPDX-License-Identifier: ISC */
/* means: what a start needs besides its turn: money, a slot that other
 * pipelines have a share in, room for its end in the state file. */
#include "engine.h"

#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "mem.h"

enum {
	/* Room that the ends of all running steps, and what a person says
	 * meanwhile, surely fit in. */
	RESERVE_EACH = 8 * 1024, RESERVE_MORE = 32 * 1024,
	/* An attempt with gates has so many records; in each its name may
	 * stand as %XX throughout. */
	RESERVE_NAMES = 8 * 3,
	/* A shorter wait for a pool is not worth a line. */
	TELL_MS = 5000,
};

/* How often slots that other pipelines have are asked for. */
#define POLL_S 0.5

/* Is there no money for it? A step that costs nothing needs none. later: it
 * depends on what those that run will have cost; else it is ended. */
bool means_too_dear(struct run *r, int unit, bool *later)
{
	const struct stepconf *conf = attempt_conf(r,
		plan_step(r->at.plan, unit));
	int64_t budget = r->at.p->budget, spent = r->at.s->cost, promised = 0;
	char *reason;
	size_t i;

	*later = false;
	if (budget < 0 || !conf->costs || plan_unit(r->at.plan, unit)->ran)
		return false;
	/* what runs will cost at least its price */
	for (i = 0; i < r->nslots; i++)
		if (r->slot[i]->busy &&
		    r->at.s->task[r->slot[i]->task].state == TASK_RUNNING &&
		    !r->at.s->task[r->slot[i]->task].ran)
			promised += attempt_conf(r, r->slot[i]->step)->cost;
	if (spent < budget && spent + conf->cost <= budget) {
		*later = spent + promised + conf->cost > budget;
		return *later;
	}
	reason = mem_printf("budget: %.2f of %.2f is spent%s",
		(double)spent / 1e6, (double)budget / 1e6, spent < budget ?
		", and this costs more than what is left" : "");
	attempt_end_plainly(r, unit, TASK_NEEDS_REVIEW, NULL, reason, false);
	free(reason);
	return true;
}

/* Once, until there is a slot again: what the step waits for. */
static void tell_lane(struct run *r, struct lane *lane, int64_t until)
{
	char when[CLOCK_SPAN], *text;
	int64_t now = clock_wall();

	if (lane->told || (until != 0 && until < now + TELL_MS))
		return;
	lane->told = true;
	clock_local(until, when);
	text = until != 0 ? mem_printf("pool %s: held until %s, as another "
		"pipeline met a limit", lane->pool->name, when) :
		mem_printf("pool %s: other pipelines have its slots; waiting "
		"for one", lane->pool->name);
	engine_tell(r, VIEW_MESSAGE, -1, -1, text);
	free(text);
}

/* A machine-wide slot for the step. False: none now; the plan knows when to
 * ask again. */
bool means_take_slot(struct run *r, int unit, int *slot, int *fd)
{
	struct lane *lane = &r->at.plan->lane[plan_lane(r->at.plan, unit)];
	int64_t until;
	struct why why;

	*fd = -1;
	if (lane->pool == NULL || !lane->pool->machine)
		return true;
	if (r->machine.dirfd == -1 && machine_open(&r->machine, &why) == -1) {
		msg_error("pool %s: %s: nothing new is started",
			lane->pool->name, why.text);
		r->full = r->result->state_lost = true;
		return false;
	}
	switch (machine_take(&r->machine, lane->pool, clock_wall(), slot, fd,
	    &until, &why)) {
	case MACHINE_TAKEN:
		/* what could not be noted, on a full disk */
		if (why.text[0] != '\0' && !r->told_again)
			msg_warn("pool %s: %s", lane->pool->name, why.text);
		r->told_again |= why.text[0] != '\0';
		lane->told = false;
		return true;
	case MACHINE_WAIT:
		lane->held_until = until;
		tell_lane(r, lane, until);
		return false;
	case MACHINE_BUSY:
		lane->full = true;
		tell_lane(r, lane, 0);
		break;
	case MACHINE_ERROR:
		if (!r->told_again)
			msg_warn("pool %s: %s; trying again", lane->pool->name,
				why.text);
		r->told_again = true;
		lane->full = true;
		break;
	}
	ev_timer_set(&r->poll, POLL_S, 0.);
	ev_timer_start(r->loop, &r->poll);
	return false;
}

/* Space for its end, and for those of all that run (R9). */
int means_reserve(struct run *r, const struct task *t, struct why *why)
{
	size_t name = strlen(t->name), i;
	int64_t bytes = RESERVE_MORE + (int64_t)RESERVE_EACH * (r->busy + 1);

	for (i = 0; i < r->nslots; i++)
		if (r->slot[i]->busy)
			name += strlen(r->at.s->task[r->slot[i]->task].name);
	return journal_reserve(r->at.j, bytes + (int64_t)name * RESERVE_NAMES,
		why);
}
