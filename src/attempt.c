/* SPDX-License-Identifier: ISC */
/* attempt: steps on keepers: start, next phase, end. */
#include "engine.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "io.h"
#include "judge.h"
#include "mem.h"
#include "prepare.h"

enum {
	/* Room that the ends of all running steps, and what a person says
	 * meanwhile, surely fit in. */
	RESERVE_EACH = 8 * 1024, RESERVE_MORE = 32 * 1024,
	/* $DUREXEC_OUTPUT beyond this is not read. */
	OUTPUT_MOST = 256 * 1024,
	/* A value of it beyond this fits into no environment. */
	VALUE_MOST = 100 * 1024,
	/* A shorter wait for a pool is not worth a line. */
	TELL_MS = 5000,
	/* So many steps that cannot start now are gone past at a time. */
	PUT_OFF_MOST = 100,
};

/* How often slots that other pipelines have are asked for. */
#define POLL_S 0.5

/* Of a step that has left the file. */
static const struct stepconf gone_conf = { .ok_exit = { { 1 } }, .umask = -1,
	.pool = -1 };

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

/* End the task without an attempt's report. */
static void end_plainly(struct run *r, int task, int step,
	enum task_state state, const struct outcome *outcome,
	const char *reason, bool approval)
{
	struct record record = { 0 };

	record_start(&record, "end");
	record_set(&record, "step", r->at.s->task[task].name);
	record_set(&record, "state", state_word(state));
	if (outcome != NULL)
		outcome_record(&record, outcome);
	if (reason != NULL)
		record_set(&record, "reason", reason);
	if (approval)
		record_set_number(&record, "approval", 1);
	if (step >= 0 && state == TASK_NEEDS_REVIEW)
		record_set_hex(&record, "whole",
			pipeline_whole_hash(r->at.p, step));
	engine_put(r, &record);
	engine_tell(r, VIEW_END, task, step, NULL);
	if (step >= 0)
		plan_changed(r->at.plan, step);
}

/* Name of the pool's slot that the attempt has, or NULL. */
static const char *slot_name(const struct slot *slot)
{
	const struct pipeline *p = slot->r->at.p;
	int pool = slot->step >= 0 ? p->step[slot->step].conf->pool : -1;

	return pool >= 0 && slot->pool_slot >= 0 ?
		p->pool[pool].slot[slot->pool_slot] :
		slot->r->at.s->task[slot->task].slot;
}

/* Put the phase on disk and its message in the slot. The slot has a keeper
 * and is busy; if the step cannot be started it is ended and the slot free. */
static void start_phase(struct slot *slot, enum phase phase, int gate)
{
	struct run *r = slot->r;
	struct task *t = &r->at.s->task[slot->task];
	struct prepare_part part = { phase, gate, slot_name(slot),
		r->at.s->turns + 1 };
	struct record record = { 0 };
	struct why why;
	int failed;

	buf_reset(&slot->message);
	/* The start is in the plan's hands before it is prepared: outputs of
	 * the condition's attempt do not exist yet. */
	failed = prepare_phase(&r->env, slot->step, slot->attempt, &part,
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
		slot_free(slot);
		end_plainly(r, slot->task, slot->step, TASK_NEEDS_REVIEW, &o,
			reason, false);
		free(reason);
		return;
	}
	record_start(&record, "start");
	record_set(&record, "step", t->name);
	record_set_number(&record, "attempt", slot->attempt);
	record_set_number(&record, "keeper", slot->w.number);
	if (phase != PHASE_RUN)
		record_set(&record, "phase", prepare_word(&r->env, slot->step,
			&part));
	if (phase == PHASE_RUN)
		record_set_hex(&record, "command",
			pipeline_command_hash(r->at.p, slot->step));
	if (part.slot != NULL)
		record_set(&record, "slot", part.slot);
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

	if (strlen(value) > VALUE_MOST) {
		msg_warn("step %s: $DUREXEC_OUTPUT: %s is longer than 100 KiB, "
			"and is ignored", o->step, name);
		return;
	}
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

static void drop_wait(struct run *r, const struct task *t)
{
	struct buf name = { 0 };

	if (r->proof.e.wait == NULL)
		return;
	evidence_wait_name(&name, t->name, t->attempts);
	r->rubbish = mem_grow(r->rubbish, r->nrubbish, &r->rubbish_cap,
		sizeof(*r->rubbish));
	r->rubbish[r->nrubbish++] = buf_steal(&name);
}

/* Proof and price, of the command's end. */
static void put_left(struct record *record, const struct verdict *v,
	const struct evidence *e)
{
	if (e->receipt)
		record_set_number(record, "receipt", 1);
	if (e->receipt && e->result != NULL)
		record_set(record, "result", e->result);
	if (v->cost > 0)
		record_set_number(record, "cost", v->cost);
}

/* A usage limit holds the pool, in other pipelines as well. */
static void park_pool(struct run *r, int step, const struct verdict *v)
{
	int pool = step >= 0 ? r->at.p->step[step].conf->pool : -1;
	struct why why;

	if (pool >= 0 && r->at.p->pool[pool].machine && machine_park(&r->machine,
	    &r->at.p->pool[pool], v->until_at, &why) == -1)
		msg_warn("pool %s: %s; other pipelines do not know of its "
			"limit", r->at.p->pool[pool].name, why.text);
}

/* The end of a task as judged. */
static void end_task(struct slot *slot, const struct verdict *v,
	const struct report *report)
{
	struct run *r = slot->r;
	struct task *t = &r->at.s->task[slot->task];
	struct record record = { 0 };
	bool command = t->phase == PHASE_RUN;
	int task = slot->task, step = slot->step;
	char *gone;

	if (command && (v->state == TASK_DONE || v->approval))
		take_outputs(r, t);
	record.at = report->ended_at;
	record_start(&record, "end");
	record_set(&record, "step", t->name);
	record_set(&record, "state", state_word(v->state));
	/* The outcome of a step is its command's: a gate's is its reason. */
	if ((command || t->phase == PHASE_IF) && v->state != TASK_SKIPPED)
		put_figures(&record, report);
	if (command)
		put_left(&record, v, &r->proof.e);
	if (report->elsewhere)
		record_set_number(&record, "elsewhere", 1);
	if (v->wait != WAIT_NO) {
		record_set(&record, "wait", v->wait == WAIT_LIMIT ? "limit" :
			"retry");
		record_set_number(&record, "until", v->until_at);
	}
	if (v->rerun)
		record_set_number(&record, "rerun", 1);
	if (v->hold)
		record_set_number(&record, "hold", 1);
	if (v->approval)
		record_set_number(&record, "approval", 1);
	if (v->reason[0] != '\0')
		record_set(&record, "reason", v->reason);
	if (step >= 0 && v->state == TASK_NEEDS_REVIEW)
		record_set_hex(&record, "whole",
			pipeline_whole_hash(r->at.p, step));
	drop_wait(r, t);
	engine_put(r, &record);
	if (conf_of(r, step)->always == ALWAYS_NO)
		r->moved = true;
	slot_free(slot);
	if (v->wait == WAIT_LIMIT) {
		park_pool(r, step, v);
		hooks_call(r, HOOK_WAIT, task, 0);
	}
	engine_tell(r, VIEW_END, task, step, NULL);
	if (step >= 0) {
		plan_changed(r->at.plan, step);
		return;
	}
	gone = mem_printf("%s: %s", r->at.s->task[task].name, v->reason);
	engine_tell(r, VIEW_MESSAGE, -1, -1, gone);
	free(gone);
}

/* The command succeeded, and its gates are still to come. */
static void put_ran(struct slot *slot, const struct verdict *v,
	const struct report *report)
{
	struct run *r = slot->r;
	struct task *t = &r->at.s->task[slot->task];
	struct record record = { 0 };

	take_outputs(r, t);
	record.at = report->ended_at;
	record_start(&record, "ran");
	record_set(&record, "step", t->name);
	put_figures(&record, report);
	put_left(&record, v, &r->proof.e);
	drop_wait(r, t);
	engine_put(r, &record);
}

void attempt_ended(struct slot *slot, const struct report *report)
{
	struct run *r = slot->r;
	struct task *t = &r->at.s->task[slot->task];
	const struct stepconf *conf = conf_of(r, slot->step);
	enum phase next = PHASE_RUN;
	struct verdict v;
	int gate = 0;

	evidence_read(&r->proof, r->at.d, conf, t, report, &r->patterns);
	v = slot->step >= 0 ? judge(conf, t, report, &r->proof.e) :
		judge_gone(report);
	if (v.next == NEXT_END) {
		end_task(slot, &v, report);
		return;
	}
	if (v.next == NEXT_RUN && slot->step >= 0 &&
	    r->at.p->step[slot->step].run == NULL) {
		/* the condition of a mere approval */
		slot_free(slot);
		end_plainly(r, slot->task, slot->step, TASK_NEEDS_REVIEW,
			NULL, "approval", true);
		return;
	}
	if (v.next == NEXT_AFTER) {
		if (t->phase == PHASE_RUN)
			put_ran(slot, &v, report);
		(void)judge_after(conf, (enum phase)t->phase, task_phase(t),
			&next, &gate);
	}
	/* Adopted, its condition had a slot of a machine-wide pool, which went
	 * with its keeper: the command queues for one. */
	if (v.next == NEXT_RUN && conf->pool >= 0 &&
	    r->at.p->pool[conf->pool].machine && slot->pool_fd == -1)
		attempt_never_began(slot);
	else if (!engine_stopping(r) && slot->step >= 0 &&
	    (v.next == NEXT_AFTER || r->stop == STOPPING_NO) &&
	    slot_open(slot))
		start_phase(slot, next, gate);
	else
		/* Stopped between two phases: it goes on here next time. */
		attempt_never_began(slot);
}

void attempt_never_began(struct slot *slot)
{
	slot_free(slot);
	end_plainly(slot->r, slot->task, slot->step, TASK_PENDING, NULL, NULL,
		false);
}

/* Is there no money for it? A step that costs nothing needs none. later: it
 * depends on what those that run will have cost; else it is ended. */
static bool too_dear(struct run *r, int step, bool *later)
{
	const struct stepconf *conf = conf_of(r, step);
	int64_t budget = r->at.p->budget, spent = r->at.s->cost, promised = 0;
	char *reason;
	size_t i;

	*later = false;
	if (budget < 0 || !conf->costs || plan_task(r->at.plan, step)->ran)
		return false;
	/* what runs will cost at least its price */
	for (i = 0; i < r->nslots; i++)
		if (r->slot[i]->busy && r->at.s->task[r->slot[i]->task].phase
		    <= PHASE_IF)
			promised += conf_of(r, r->slot[i]->step)->cost;
	if (spent < budget && spent + conf->cost <= budget) {
		*later = spent + promised + conf->cost > budget;
		return *later;
	}
	reason = mem_printf("budget: %.2f of %.2f is spent%s",
		(double)spent / 1e6, (double)budget / 1e6, spent < budget ?
		", and this costs more than what is left" : "");
	end_plainly(r, r->at.plan->task[step], step, TASK_NEEDS_REVIEW, NULL,
		reason, false);
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
static bool take_shared(struct run *r, int step, int *slot, int *fd)
{
	struct lane *lane = &r->at.plan->lane[plan_lane(r->at.plan, step)];
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

static bool start_step(struct run *r, int step, int pool_slot)
{
	struct plan *pl = r->at.plan;
	struct task *t = plan_task(pl, step);
	const struct stepconf *conf = conf_of(r, step);
	struct slot *slot;
	enum phase phase = conf->condition != NULL &&
		t->state != TASK_WAITING ? PHASE_IF : PHASE_RUN;
	int gate = 0, fd = -1;
	bool later;
	struct why why;

	if (too_dear(r, step, &later))
		return !later;
	if (r->at.p->step[step].run == NULL && phase == PHASE_RUN) {
		end_plainly(r, pl->task[step], step, TASK_NEEDS_REVIEW, NULL,
			"approval", true);
		return true;
	}
	slot = slot_find(r);
	/* Space for its end before its start (R9). */
	if (journal_reserve(r->at.j, RESERVE_MORE +
	    (int64_t)RESERVE_EACH * (r->busy + 1), &why) == -1) {
		msg_error("%s: nothing new is started", why.text);
		r->full = r->result->state_lost = true;
		return false;
	}
	if (!slot_open(slot))
		return false;
	if (pool_slot >= 0 && !take_shared(r, step, &pool_slot, &fd))
		return false;
	slot_occupy(slot, pl->task[step], step, t->ran ? t->attempts :
		state_next_attempt(r->at.s, t));
	slot->pool_slot = pool_slot;
	slot->pool_fd = fd;
	plan_started(pl, step, pool_slot, clock_wall());
	if (t->ran && !judge_after(conf, PHASE_RUN, phase_word(PHASE_RUN),
	    &phase, &gate)) {
		/* what was asked of it has left the file */
		slot_free(slot);
		end_plainly(r, pl->task[step], step, conf->review ?
			TASK_NEEDS_REVIEW : TASK_DONE, NULL,
			conf->review ? "approval" : NULL, conf->review);
		return true;
	}
	start_phase(slot, phase, gate);
	return true;
}

void attempt_dispatch(struct run *r)
{
	struct plan *pl = r->at.plan;
	int64_t now = clock_wall();
	int step, slot;

	plan_wake(pl, now);
	r->nput_off = 0;
	/* it has come to rest, and is not to wait for anything more */
	if (r->options.no_wait && r->told_rest)
		return;
	while (r->stop == STOPPING_NO && !r->full &&
	    r->busy < r->jobs && !ev_is_active(&r->again)) {
		step = plan_next(pl, now, &slot);
		if (step == -1)
			break;
		if (start_step(r, step, slot))
			continue;
		r->put_off = mem_grow(r->put_off, r->nput_off,
			&r->put_off_cap, sizeof(*r->put_off));
		r->put_off[r->nput_off++] = step;
		if (r->nput_off == PUT_OFF_MOST)
			break;
	}
	/* Others were asked meanwhile: what a lane or the budget does not let
	 * start holds up nobody else. */
	while (r->nput_off > 0)
		plan_give_back(pl, r->put_off[--r->nput_off]);
}
