/* SPDX-License-Identifier: ISC */
/* attempt: steps on keepers: start, next phase, end. */
#include "engine.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "io.h"
#include "judge.h"
#include "mem.h"
#include "prepare.h"
#include "tail.h"

enum {
	/* Room that the ends of all running steps, and what a person says
	 * meanwhile, surely fit in. */
	RESERVE_EACH = 8 * 1024, RESERVE_MORE = 32 * 1024,
	/* $DUREXEC_OUTPUT beyond this is not read. */
	OUTPUT_MOST = 256 * 1024,
};

/* After a refusal of the machine (no memory for a keeper). */
#define AGAIN_S 1.0
/* After a keeper that died before it took its job. */
#define SOON_S 0.2

/* A step that has left the file is judged by its exit status alone. */
static const struct stepconf gone_conf = { .ok_exit = { 1 }, .umask = -1 };

static const struct stepconf *conf_of(const struct run *r, int step)
{
	return step >= 0 ? r->at.p->step[step].conf : &gone_conf;
}

static void put_figures(struct record *record, const struct report *report)
{
	outcome_record(record, &report->outcome);
	record_set_number(record, "user", report->user_ms);
	record_set_number(record, "system", report->system_ms);
	record_set_number(record, "rss", report->rss_kb);
	record_set_number(record, "out", report->out_bytes);
	record_set_number(record, "err", report->err_bytes);
}

static void free_slot(struct slot *slot)
{
	struct run *r = slot->r;

	assert(slot->busy);
	slot->busy = false;
	r->busy--;
	if (slot->adopted) {
		ev_io_stop(r->loop, &slot->io);
		watch_close(&slot->w);
		slot->open = slot->adopted = false;
	}
}

void attempt_close(struct slot *slot)
{
	if (!slot->open)
		return;
	ev_io_stop(slot->r->loop, &slot->io);
	watch_close(&slot->w);
	slot->open = slot->adopted = false;
}

/* End the task without an attempt's report. */
static void end_plainly(struct run *r, int task, int step,
	enum task_state state, const struct outcome *outcome,
	const char *reason)
{
	struct record record = { 0 };

	record_start(&record, "end");
	record_set(&record, "step", r->at.s->task[task].name);
	record_set(&record, "state", state_word(state));
	if (outcome != NULL)
		outcome_record(&record, outcome);
	if (reason != NULL)
		record_set(&record, "reason", reason);
	if (step >= 0 && state == TASK_NEEDS_REVIEW)
		record_set_hex(&record, "whole",
			pipeline_whole_hash(r->at.p, step));
	engine_put(r, &record);
	engine_tell(r, VIEW_END, task, step, NULL);
	if (step >= 0)
		plan_changed(r->at.plan, step);
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
static bool open_keeper(struct slot *slot)
{
	struct run *r = slot->r;
	struct why why;
	int started;

	if (slot->open && !slot->adopted)
		return true;
	attempt_close(slot);
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
		ev_timer_set(&r->again, AGAIN_S, 0.);
		ev_timer_start(r->loop, &r->again);
		return false;
	}
	ev_io_init(&slot->io, keeper_ready, slot->w.sock, EV_READ);
	slot->io.data = slot;
	ev_io_start(r->loop, &slot->io);
	slot->open = true;
	return true;
}

/* Put the phase on disk and its message in the slot. The slot has a keeper
 * and is busy; if the step cannot be started it is ended and the slot free. */
static void start_phase(struct slot *slot, enum phase phase)
{
	struct run *r = slot->r;
	struct task *t = &r->at.s->task[slot->task];
	struct record record = { 0 };
	struct why why;
	int failed;

	buf_reset(&slot->message);
	/* The start is in the plan's hands before it is prepared: outputs of
	 * the condition's attempt do not exist yet. */
	failed = prepare_phase(&r->env, slot->step, slot->attempt, phase,
		&slot->message, &why);
	if (failed == 0 && slot->message.len > JOB_MOST) {
		buf_reset(&slot->message);
		errno = E2BIG;
		failed = why_sys(&why, "script and environment");
	}
	if (failed == -1) {
		struct outcome o = outcome_of(OUTCOME_NOT_STARTED);
		char *reason = mem_printf("not started: %s", why.text);

		o.err = why.err;
		free_slot(slot);
		end_plainly(r, slot->task, slot->step, TASK_NEEDS_REVIEW, &o,
			reason);
		free(reason);
		return;
	}
	record_start(&record, "start");
	record_set(&record, "step", t->name);
	record_set_number(&record, "attempt", slot->attempt);
	record_set_number(&record, "keeper", slot->w.number);
	if (phase != PHASE_RUN)
		record_set(&record, "phase", phase_word(phase));
	if (phase == PHASE_RUN)
		record_set_hex(&record, "command",
			pipeline_command_hash(r->at.p, slot->step));
	engine_put(r, &record);
	if (conf_of(r, slot->step)->always == ALWAYS_REVIEW)
		r->moved = false;
	if (phase == PHASE_RUN)
		engine_tell(r, VIEW_START, slot->task, slot->step, NULL);
}

/* What the step wrote into $DUREXEC_OUTPUT. */
struct outputs {
	struct run *r;
	const char *step;
};

static void put_output(void *ctx, const char *name, const char *value)
{
	struct outputs *o = ctx;
	struct record record = { 0 };

	record_start(&record, "output");
	record_set(&record, "step", o->step);
	record_set(&record, "name", name);
	record_set(&record, "value", value);
	engine_put(o->r, &record);
}

static void take_outputs(struct run *r, const struct task *t)
{
	struct outputs o = { r, t->name };
	struct buf text = { 0 };
	char *path = mem_printf("output/%s.%d", t->name, t->attempts);
	struct why why = { 0 };

	if (io_slurp(r->at.d->fd, path, OUTPUT_MOST, &text, &why) == 0) {
		if (text.len > 0 && env_lines(text.data, "$DUREXEC_OUTPUT",
		    put_output, &o, &why) == -1)
			msg_warn("step %s: %s; the rest of it is ignored",
				t->name, why.text);
		r->rubbish = mem_grow(r->rubbish, r->nrubbish,
			&r->rubbish_cap, sizeof(*r->rubbish));
		r->rubbish[r->nrubbish++] = path;
		path = NULL;
	} else if (why.err != ENOENT) {
		msg_warn("step %s: %s", t->name, why.text);
	}
	free(path);
	buf_release(&text);
}

/* What settle said is the reason, rather than its exit status. */
static void take_reason(struct run *r, const struct task *t, struct verdict *v)
{
	struct buf path = { 0 }, said = { 0 };

	rundir_log(&path, t->name, t->attempts, phase_word(PHASE_SETTLE));
	if (tail_add(&said, r->at.d->fd, path.data, 1, ""))
		snprintf(v->reason, sizeof(v->reason), "%.*s",
			(int)strcspn(said.data, "\n"), said.data);
	buf_release(&path);
	buf_release(&said);
}

/* The end of a task as judged. */
static void end_task(struct slot *slot, struct verdict *v,
	const struct report *report)
{
	struct run *r = slot->r;
	struct task *t = &r->at.s->task[slot->task];
	struct record record = { 0 };
	bool settled = t->phase == PHASE_SETTLE;
	bool run_done = v->state == TASK_DONE && t->phase == PHASE_RUN;

	if (run_done)
		take_outputs(r, t);
	if (settled && v->state == TASK_NEEDS_REVIEW)
		take_reason(r, t, v);
	record.at = report->ended_at;
	record_start(&record, "end");
	record_set(&record, "step", t->name);
	record_set(&record, "state", state_word(v->state));
	/* The outcome of a step is its command's: a gate's is its reason. */
	if (!settled && v->state != TASK_SKIPPED)
		put_figures(&record, report);
	if (report->elsewhere)
		record_set_number(&record, "elsewhere", 1);
	if (v->rerun)
		record_set_number(&record, "rerun", 1);
	if (v->reason[0] != '\0')
		record_set(&record, "reason", v->reason);
	if (slot->step >= 0 && v->state == TASK_NEEDS_REVIEW)
		record_set_hex(&record, "whole",
			pipeline_whole_hash(r->at.p, slot->step));
	engine_put(r, &record);
	if (conf_of(r, slot->step)->always == ALWAYS_NO)
		r->moved = true;
	free_slot(slot);
	engine_tell(r, VIEW_END, slot->task, slot->step, NULL);
	if (slot->step >= 0)
		plan_changed(r->at.plan, slot->step);
}

void attempt_ended(struct slot *slot, const struct report *report)
{
	struct run *r = slot->r;
	struct task *t = &r->at.s->task[slot->task];
	struct verdict v = judge(conf_of(r, slot->step), t, report);
	struct record record = { 0 };

	if (v.next == NEXT_SETTLE) {
		take_outputs(r, t);
		record.at = report->ended_at;
		record_start(&record, "ran");
		record_set(&record, "step", t->name);
		put_figures(&record, report);
		engine_put(r, &record);
	}
	if (v.next != NEXT_END && !engine_stopping(r) && slot->step >= 0 &&
	    (v.next == NEXT_SETTLE || r->stop == STOPPING_NO) &&
	    open_keeper(slot)) {
		start_phase(slot, v.next == NEXT_RUN ? PHASE_RUN :
			PHASE_SETTLE);
		return;
	}
	if (v.next != NEXT_END) {
		/* Stopped between two phases: it goes on here next time. */
		attempt_never_began(slot);
		return;
	}
	end_task(slot, &v, report);
}

void attempt_occupy(struct slot *slot, int task, int step, int attempt)
{
	slot->busy = true;
	slot->r->busy++;
	slot->task = task;
	slot->step = step;
	slot->attempt = attempt;
}

void attempt_watch_adopted(struct slot *slot, const struct watch *w)
{
	slot->w = *w;
	slot->adopted = slot->open = true;
	ev_io_init(&slot->io, keeper_ready, w->pidfd, EV_READ);
	slot->io.data = slot;
	ev_io_start(slot->r->loop, &slot->io);
}

void attempt_never_began(struct slot *slot)
{
	free_slot(slot);
	end_plainly(slot->r, slot->task, slot->step, TASK_PENDING, NULL, NULL);
}

void attempt_lost(struct slot *slot)
{
	struct run *r = slot->r;
	const struct task *t = &r->at.s->task[slot->task];
	struct report lost = { .outcome = outcome_of(OUTCOME_LOST) };
	struct buf mark = { 0 }, out = { 0 }, err = { 0 };
	pid_t left = 0;
	const char *logs[2];
	struct why why;

	buf_str(&mark, "DUREXEC_KEY=");
	state_key(r->at.s, t, &mark);
	rundir_log(&out, t->name, slot->attempt, t->phase == PHASE_RUN ?
		"out" : phase_word((enum phase)t->phase));
	rundir_log(&err, t->name, slot->attempt, "err");
	logs[0] = out.data;
	logs[1] = err.data;
	if (watch_sweep(r->at.d->fd, logs, 2, mark.data, &left, &why) == -1) {
		msg_error("step %s: %s", t->name, why.text);
		lost.survivor = left;
	}
	buf_release(&mark);
	buf_release(&out);
	buf_release(&err);
	lost.ended_at = clock_wall();
	attempt_ended(slot, &lost);
}

/* The keeper of a busy slot is gone: what did it leave? */
static void keeper_gone(struct slot *slot)
{
	struct run *r = slot->r;
	struct task *t = &r->at.s->task[slot->task];
	struct watch w;
	struct mail mail;

	attempt_close(slot);
	if (!slot->busy)
		return;
	switch (watch_adopt(&w, r->at.d->fd, slot->w.number, t->name,
	    slot->attempt, t->phase, true, &mail)) {
	case ADOPT_ENDED:
		attempt_ended(slot, &mail.report);
		return;
	case ADOPT_NEVER:
		/* Something is wrong with keepers here: not at once again. */
		ev_timer_set(&r->again, SOON_S, 0.);
		ev_timer_start(r->loop, &r->again);
		attempt_never_began(slot);
		return;
	case ADOPT_UNKNOWN:
		/* Without its end nothing can be said or done about it; what
		 * its mailbox says is for the next durexec. */
		msg_error("step %s: what its keeper left cannot be read: %s",
			t->name, strerror(errno));
		r->full = r->result->state_lost = true;
		free_slot(slot);
		return;
	case ADOPT_LIVES:
		/* the socket broke, the keeper did not: wait for it */
		attempt_watch_adopted(slot, &w);
		return;
	case ADOPT_LOST:
		attempt_lost(slot);
		return;
	}
}

static void keeper_ready(struct ev_loop *loop, ev_io *io, int revents)
{
	struct slot *slot = io->data;
	struct report report;

	(void)loop;
	(void)revents;
	if (slot->adopted || watch_receive(&slot->w, &report) != 1)
		keeper_gone(slot);
	else if (slot->busy)
		attempt_ended(slot, &report);
}

struct slot *attempt_slot(struct run *r)
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
		r->slot = mem_grow(r->slot, r->nslots, &r->slot_cap,
			sizeof(*r->slot));
		r->slot[r->nslots++] = slot;
	}
	return slot;
}

/* Start what may start. */
void attempt_dispatch(struct run *r)
{
	struct plan *pl = r->at.plan;
	struct why why;
	int step;

	while (r->stop == STOPPING_NO && !r->full &&
	    r->busy < r->jobs && !ev_is_active(&r->again)) {
		struct slot *slot;
		struct task *t;

		step = plan_next(pl);
		if (step == -1)
			return;
		slot = attempt_slot(r);
		/* Space for its end before its start (R9). */
		if (journal_reserve(r->at.j, RESERVE_MORE +
		    (int64_t)RESERVE_EACH * (r->busy + 1), &why) == -1) {
			msg_error("%s: nothing new is started", why.text);
			r->full = r->result->state_lost = true;
			plan_changed(pl, step);
			return;
		}
		if (!open_keeper(slot)) {
			plan_changed(pl, step);
			return;
		}
		t = plan_task(pl, step);
		attempt_occupy(slot, pl->task[step], step, t->ran ?
			t->attempts : state_next_attempt(r->at.s, t));
		start_phase(slot, t->ran ? PHASE_SETTLE :
			conf_of(r, step)->condition != NULL ? PHASE_IF :
			PHASE_RUN);
	}
}

