/* SPDX-License-Identifier: ISC */
/* slots: keepers, and who has which: open, watch, adopt, close. */
#include "engine.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "mem.h"

/* After a refusal of the machine (no memory for a keeper). */
#define AGAIN_S 1.0
/* After a keeper that died before it took its job. */
#define SOON_S 0.2
#define LATE_S 60.

void slot_free(struct slot *slot)
{
	struct run *r = slot->r;

	assert(slot->busy);
	slot->busy = false;
	r->busy--;
	if (slot->pool_fd != -1)
		close(slot->pool_fd);
	slot->pool_fd = slot->pool_slot = -1;
	if (slot->adopted) {
		ev_io_stop(r->loop, &slot->io);
		watch_close(&slot->w);
		slot->open = slot->adopted = false;
	}
}

void slot_close(struct slot *slot)
{
	if (!slot->open)
		return;
	ev_io_stop(slot->r->loop, &slot->io);
	watch_close(&slot->w);
	slot->open = slot->adopted = false;
}

static void keeper_ready(struct ev_loop *loop, ev_io *w, int revents);

/* A running task's mailbox is not given to another one: not even when its
 * keeper is dead already, and we do not know it yet. */
static bool in_use(const struct run *r, const struct slot *self)
{
	size_t i;

	for (i = 0; i < r->nslots; i++)
		if (r->slot[i] != self && (r->slot[i]->busy ||
		    r->slot[i]->open) &&
		    r->slot[i]->w.number == self->w.number)
			return true;
	return false;
}

/* A live keeper of our own in the slot. False: the machine refuses. */
bool slot_open(struct slot *slot)
{
	struct run *r = slot->r;
	struct why why;
	int started;

	if (slot->open && !slot->adopted)
		return true;
	slot_close(slot);
	slot->w.number = -1;
	do {
		slot->w.number++;
		started = in_use(r, slot) ? 1 :
			watch_start(&slot->w, r->at.d->fd, &why);
	} while (started == 1);
	if (started == -1 && why.err != EAGAIN && why.err != ENOMEM &&
	    why.err != EMFILE && why.err != ENFILE) {
		if (!r->full)
			msg_error("%s: nothing new is started", why.text);
		r->full = r->result->state_lost = true;
		return false;
	}
	if (started == -1) {
		/* once, not every second */
		if (!r->told_again)
			msg_warn("%s; trying again", why.text);
		r->told_again = true;
		if (!ev_is_active(&r->again)) {
			ev_timer_set(&r->again, AGAIN_S, 0.);
			ev_timer_start(r->loop, &r->again);
		}
		return false;
	}
	ev_io_init(&slot->io, keeper_ready, slot->w.sock, EV_READ);
	slot->io.data = slot;
	ev_io_start(r->loop, &slot->io);
	slot->open = true;
	return true;
}

void slot_occupy(struct slot *slot, int task, int step, int attempt)
{
	slot->busy = true;
	slot->r->busy++;
	slot->task = task;
	slot->step = step;
	slot->attempt = attempt;
}

void slot_watch_adopted(struct slot *slot, const struct watch *w)
{
	slot->w = *w;
	slot->adopted = slot->open = true;
	ev_io_init(&slot->io, keeper_ready, w->pidfd, EV_READ);
	slot->io.data = slot;
	ev_io_start(slot->r->loop, &slot->io);
}

void slot_lost(struct slot *slot, bool reboot)
{
	struct run *r = slot->r;
	const struct task *t = &r->at.s->task[slot->task];
	struct report lost = { .outcome = outcome_of(OUTCOME_LOST),
		.reboot = reboot };
	struct buf mark = { 0 }, out = { 0 }, err = { 0 };
	pid_t left = 0;
	const char *logs[2];
	struct why why;

	buf_str(&mark, "DUREXEC_KEY=");
	state_key(r->at.s, t, &mark);
	task_log(r->at.s, t, slot->attempt, task_log_kind(t), &out);
	task_log(r->at.s, t, slot->attempt, "err", &err);
	logs[0] = out.data;
	logs[1] = err.data;
	if (watch_sweep(r->at.d->fd, logs, 2, mark.data, &left, &why) == -1) {
		msg_error("step %s: %s", t->name, why.text);
		/* nor is a second one started beside what cannot be seen */
		lost.survivor = left != 0 ? left : -1;
	}
	buf_release(&mark);
	buf_release(&out);
	buf_release(&err);
	lost.ended_at = clock_wall();
	attempt_ended(slot, &lost);
}

/* Something is wrong with keepers here: not at once again, and each time
 * later, until one has worked. */
static void pause_keepers(struct run *r)
{
	if (ev_is_active(&r->again))
		return;
	r->pause_s = r->pause_s * 2. > SOON_S ? r->pause_s * 2. : SOON_S;
	if (r->pause_s > LATE_S)
		r->pause_s = LATE_S;
	if (r->pause_s > SOON_S && !r->told_again) {
		msg_warn("keepers end before they begin; trying again");
		r->told_again = true;
	}
	ev_timer_set(&r->again, r->pause_s, 0.);
	ev_timer_start(r->loop, &r->again);
}

/* The keeper of a busy slot is gone: what did it leave? */
static void keeper_gone(struct slot *slot)
{
	struct run *r = slot->r;
	struct task *t = &r->at.s->task[slot->task];
	struct watch w;
	struct mail mail;

	slot_close(slot);
	if (!slot->busy)
		return;
	switch (watch_adopt(&w, r->at.d->fd, slot->w.number, t->name,
	    slot->attempt, task_phase(t), t->turn, true, &mail)) {
	case ADOPT_ENDED:
		attempt_ended(slot, &mail.report);
		return;
	case ADOPT_NEVER:
		pause_keepers(r);
		attempt_never_began(slot);
		return;
	case ADOPT_UNKNOWN:
		/* Without its end nothing can be said or done about it; what
		 * its mailbox says is for the next durexec. */
		msg_error("step %s: what its keeper left cannot be read: %s",
			t->name, strerror(errno));
		r->full = r->result->state_lost = true;
		slot_free(slot);
		return;
	case ADOPT_LIVES:
		/* the socket broke, the keeper did not: wait for it */
		slot_watch_adopted(slot, &w);
		return;
	case ADOPT_LOST:
		slot_lost(slot, false);
		return;
	}
}

static void keeper_ready(struct ev_loop *loop, ev_io *io, int revents)
{
	struct slot *slot = io->data;
	struct report report;

	(void)loop;
	(void)revents;
	if (slot->adopted || watch_receive(&slot->w, &report) != 1) {
		keeper_gone(slot);
	} else if (slot->busy) {
		slot->r->pause_s = 0.;
		attempt_ended(slot, &report);
	}
}

struct slot *slot_find(struct run *r)
{
	struct slot *slot = NULL;
	size_t i;

	for (i = 0; i < r->nslots && slot == NULL; i++)
		if (!r->slot[i]->busy)
			slot = r->slot[i];
	if (slot == NULL) {
		slot = mem_alloc(sizeof(*slot));
		slot->r = r;
		slot->w.sock = slot->w.pidfd = -1;
		slot->pool_fd = slot->pool_slot = -1;
		r->slot = mem_grow(r->slot, r->nslots, &r->slot_cap,
			sizeof(*r->slot));
		r->slot[r->nslots++] = slot;
	}
	return slot;
}

