/* SPDX-License-Identifier: ISC */
#include "shown.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mailbox.h"
#include "mem.h"
#include "summary.h"

void showing_init(struct showing *sh, const struct view_run *r, bool live)
{
	memset(sh, 0, sizeof(*sh));
	sh->r = r;
	sh->live = live;
	sh->blocked = mem_alloc(r->plan->nunits + 1);
	plan_blocked(r->plan, sh->blocked);
	stale_init(&sh->stale, r->plan);
	sh->subs = faccessat(r->d->fd, "sub", F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

void showing_release(struct showing *sh)
{
	free(sh->blocked);
	stale_release(&sh->stale);
	buf_release(&sh->item);
	buf_release(&sh->why);
}

/* It is RUNNING, but is it? */
static enum task_state put_right(const struct showing *sh,
	const struct task *t, int step, const char **reason, int *pid)
{
	const struct view_run *r = sh->r;
	struct mail mail;

	if (sh->live) {
		mailbox_read(r->d->fd, t->keeper, t->name, t->attempts,
			task_phase(t), t->turn, &mail);
		*pid = (int)mail.pid;
		return TASK_RUNNING;
	}
	switch (summary_orphan(r->d, t, pid)) {
	case ORPHAN_LIVES:
		*reason = "goes on without durexec; the next one adopts it";
		return TASK_RUNNING;
	case ORPHAN_ENDED:
		*reason = "ended while durexec was gone; the next one "
			"collects how";
		break;
	case ORPHAN_GONE:
		*reason = r->p->step[step].conf->never &&
			t->phase == PHASE_RUN ? "lost, and rerun = never: the "
			"next durexec asks what became of it" :
			"interrupted; the next durexec starts it again";
		break;
	}
	*pid = 0;
	return TASK_PENDING;
}

void shown_make(struct showing *sh, int unit, struct shown *s)
{
	const struct task *t = plan_unit(sh->r->plan, unit);

	memset(s, 0, sizeof(*s));
	s->t = t;
	s->state = (enum task_state)t->state;
	s->reason = t->reason;
	s->blocked = sh->blocked[unit];
	buf_reset(&sh->item);
	buf_reset(&sh->why);
	task_item(sh->r->s, t, &sh->item);
	if (sh->item.len > 0)
		s->item = sh->item.data;
	if (stale_is(&sh->stale, unit, &sh->why))
		s->why_stale = sh->why.data;
	if (t->state == TASK_RUNNING)
		s->state = put_right(sh, t, plan_step(sh->r->plan, unit),
			&s->reason, &s->pid);
}

bool shown_calls(const struct showing *sh, const struct task *t, size_t most,
	struct substep_list *l)
{
	struct buf sub = { 0 };

	memset(l, 0, sizeof(*l));
	if (!sh->subs)
		return false;
	task_sub(sh->r->s, t, &sub);
	substep_look(l, sh->r->d->fd, sub.data, most);
	buf_release(&sub);
	return l->done + l->running + l->broken > 0;
}

static enum task_state state_of_all(const struct view_run *r, int step,
	const struct shown_items *items)
{
	if (items->n[TASK_RUNNING] > 0)
		return TASK_RUNNING;
	if (plan_settled(r->plan, step))
		return TASK_DONE;
	if (items->n[TASK_NEEDS_REVIEW] > 0)
		return TASK_NEEDS_REVIEW;
	return items->n[TASK_WAITING] > 0 ? TASK_WAITING : TASK_PENDING;
}

bool shown_items(struct showing *sh, int step, struct shown_items *items)
{
	const struct plan *pl = sh->r->plan;
	const int *unit = plan_items(pl, step, &items->total);
	int i;

	memset(items->n, 0, sizeof(items->n));
	items->settled = items->allowed = items->blocked = items->stale = 0;
	items->first_stale = -1;
	items->cost = plan_task(pl, step)->cost;
	for (i = 0; i < items->total; i++) {
		const struct task *t = plan_unit(pl, unit[i]);
		enum task_state state = (enum task_state)t->state;
		const char *reason;
		int pid;

		if (state == TASK_RUNNING)
			state = put_right(sh, t, step, &reason, &pid);
		items->n[state]++;
		items->settled += plan_unit_settled(pl, unit[i]);
		items->allowed += state == TASK_NEEDS_REVIEW &&
			plan_unit_settled(pl, unit[i]);
		items->blocked += sh->blocked[unit[i]];
		items->cost += t->cost;
		if (state == TASK_DONE && stale_is(&sh->stale, unit[i],
		    NULL) && items->stale++ == 0)
			items->first_stale = unit[i];
	}
	items->state = state_of_all(sh->r, step, items);
	return unit != NULL;
}

bool shown_matters(const struct task *t)
{
	return t->state == TASK_RUNNING || t->state == TASK_WAITING ||
		t->state == TASK_NEEDS_REVIEW;
}
