/* SPDX-License-Identifier: ISC */
/* recover: what the state calls RUNNING when a durexec begins. Every answer is
 * recorded like any other end, so that a second recovery finds nothing to do. */
#include "engine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "act.h"
#include "judge.h"
#include "mem.h"
#include "os.h"

/* What was found of one task. */
struct found {
	int task;
	enum adoption how;
	bool reboot;		/* the machine went down meanwhile */
	struct watch w;
	struct mail mail;
	int err;		/* of ADOPT_UNKNOWN */
	struct slot *slot;
};

/* The command has succeeded, and nobody has synced its outputs yet: what the
 * mailbox says may have reached the disk when they did not. */
static bool outlives_its_outputs(const struct run *r, const struct found *f)
{
	const struct task *t = &r->at.s->task[f->task];
	const struct stepconf *conf = attempt_conf(r,
		plan_step(r->at.plan, f->task));
	const struct outcome *o = &f->mail.report.outcome;

	return f->how == ADOPT_ENDED && f->reboot && t->phase == PHASE_RUN &&
		conf->outputs.n > 0 && o->kind == OUTCOME_EXIT &&
		judge_exit_ok(conf, o->exit);
}

static bool is_of_this_boot(const struct state *s, const struct task *t)
{
	return s->boot != NULL && t->session >= s->boot_session &&
		strcmp(s->boot, os_boot_id()) == 0;
}

static void look(struct run *r, struct found *f)
{
	struct state *s = r->at.s;
	struct task *t = &s->task[f->task];
	bool same_boot = is_of_this_boot(s, t);

	f->how = watch_adopt(&f->w, r->at.d->fd, t->keeper, t->name,
		t->attempts, task_phase(t), t->turn, same_boot, &f->mail);
	f->err = errno;
	f->reboot = !same_boot;
	f->mail.report.reboot = f->reboot;
	if (outlives_its_outputs(r, f))
		f->how = ADOPT_LOST;
}

/* --resume: also of what was in review without anybody knowing it yet. */
static void try_again(struct run *r, const struct task *t)
{
	struct record record = { 0 };

	record_start(&record, "set");
	record_set(&record, "step", t->name);
	record_set(&record, "state", state_word(TASK_PENDING));
	record_set(&record, "by", "resume");
	engine_put(r, &record);
	plan_rebuild(r->at.plan);
}

/* Its mailbox is not given to a keeper that is started for another one. */
static void occupy(struct run *r, struct found *f)
{
	const struct task *t = &r->at.s->task[f->task];

	f->slot = slot_find(r);
	slot_occupy(f->slot, f->task, plan_step(r->at.plan, f->task),
		t->attempts);
	f->slot->w.number = t->keeper;
}

static void settle(struct run *r, const struct found *f)
{
	struct task *t = &r->at.s->task[f->task];
	struct slot *slot = f->slot;
	struct record record = { 0 };

	if (f->how == ADOPT_ENDED || f->how == ADOPT_LIVES) {
		record_start(&record, "adopt");
		record_set(&record, "step", t->name);
		engine_put(r, &record);
		engine_tell(r, VIEW_ADOPT, f->task, slot->step, NULL);
		pass_adopted(r);
	}
	switch (f->how) {
	case ADOPT_ENDED:
		attempt_ended(slot, &f->mail.report);
		/* items that have joined may have moved the tasks */
		t = &r->at.s->task[f->task];
		if (r->options.resume && act_resumes(t) &&
		    plan_chosen(r->at.plan, f->task))
			try_again(r, t);
		break;
	case ADOPT_LIVES:
		slot_watch_adopted(slot, &f->w);
		break;
	case ADOPT_NEVER:
		attempt_never_began(slot);
		break;
	case ADOPT_LOST:
		slot_lost(slot, f->reboot);
		break;
	case ADOPT_UNKNOWN:
		break;		/* recover() has seen to it */
	}
}

/* Stopped before its outputs were synced, and then the machine went down: an
 * attempt that is lost, whatever of them is there. */
static void lose_outputs(struct run *r)
{
	const struct state *s = r->at.s;
	int i;

	for (i = 0; (size_t)i < s->ntasks; i++) {
		const struct task *t = &s->task[i];
		int step;

		if (t->state != TASK_PENDING || !t->ran || t->settled ||
		    is_of_this_boot(s, t))
			continue;
		step = plan_step(r->at.plan, i);
		if (step != -1 && attempt_conf(r, step)->outputs.n > 0) {
			struct slot *slot = slot_find(r);

			slot_occupy(slot, i, step, t->attempts);
			slot_lost(slot, true);
		}
	}
}

void recover(struct run *r)
{
	const struct state *s = r->at.s;
	size_t n = 0, i, running = (size_t)s->count[TASK_RUNNING];
	struct found *found = mem_alloc((running + 1) * sizeof(*found));

	/* All mailboxes are read, and taken, before anything is done: a keeper
	 * that is started for one task may take over the mailbox of another,
	 * whose own keeper has ended meanwhile. */
	for (i = 0; i < s->ntasks && n < running; i++)
		if (s->task[i].state == TASK_RUNNING) {
			found[n].task = (int)i;
			look(r, &found[n++]);
		}
	/* One that cannot be asked about, and nothing is done to any. */
	for (i = 0; i < n && !r->over; i++)
		if (found[i].how == ADOPT_UNKNOWN) {
			errno = found[i].err;
			msg_error("cannot find out whether step %s still runs "
				"(keeper.%d: %s); nothing was started",
				s->task[found[i].task].name,
				s->task[found[i].task].keeper,
				strerror(errno));
			r->result->state_lost = true;
			r->over = true;
		}
	for (i = 0; i < n && !r->over; i++)
		occupy(r, &found[i]);
	for (i = 0; i < n; i++) {
		if (r->over)
			watch_close(&found[i].w);
		else
			settle(r, &found[i]);
	}
	free(found);
	if (!r->over)
		lose_outputs(r);
}
