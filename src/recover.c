/* SPDX-License-Identifier: ISC */
/* recover: what the state calls RUNNING when a durexec begins. Every answer is
 * recorded like any other end, so that a second recovery finds nothing to do. */
#include "engine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "act.h"
#include "mem.h"
#include "os.h"

/* What was found of one task. */
struct found {
	int task;
	enum adoption how;
	struct watch w;
	struct mail mail;
	int err;		/* of ADOPT_UNKNOWN */
};

static void look(struct run *r, struct found *f)
{
	struct state *s = r->at.s;
	struct task *t = &s->task[f->task];
	bool same_boot = s->boot != NULL && t->session >= s->boot_session &&
		strcmp(s->boot, os_boot_id()) == 0;

	f->how = watch_adopt(&f->w, r->at.d->fd, t->keeper, t->name,
		t->attempts, task_phase(t), t->turn, same_boot, &f->mail);
	f->err = errno;
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

static void settle(struct run *r, const struct found *f)
{
	struct task *t = &r->at.s->task[f->task];
	struct slot *slot = slot_find(r);
	struct record record = { 0 };

	slot_occupy(slot, f->task, pipeline_find(r->at.p, t->name),
		t->attempts);
	slot->w.number = t->keeper;
	if (f->how == ADOPT_ENDED || f->how == ADOPT_LIVES) {
		record_start(&record, "adopt");
		record_set(&record, "step", t->name);
		engine_put(r, &record);
		engine_tell(r, VIEW_ADOPT, f->task, slot->step, NULL);
	}
	switch (f->how) {
	case ADOPT_ENDED:
		attempt_ended(slot, &f->mail.report);
		if (r->options.resume && act_resumes(t))
			try_again(r, t);
		break;
	case ADOPT_LIVES:
		slot_watch_adopted(slot, &f->w);
		break;
	case ADOPT_NEVER:
		attempt_never_began(slot);
		break;
	case ADOPT_LOST:
		slot_lost(slot);
		break;
	case ADOPT_UNKNOWN:
		break;		/* recover() has seen to it */
	}
}

void recover(struct run *r)
{
	const struct state *s = r->at.s;
	size_t n = 0, i, running = (size_t)s->count[TASK_RUNNING];
	struct found *found = mem_alloc((running + 1) * sizeof(*found));

	/* All mailboxes are read before anything is done: a keeper that is
	 * started for one task may take over the mailbox of another. */
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
	for (i = 0; i < n; i++) {
		if (r->over)
			watch_close(&found[i].w);
		else
			settle(r, &found[i]);
	}
	free(found);
}
