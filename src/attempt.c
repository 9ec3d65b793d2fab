/* SPDX-License-Identifier: ISC */
/* attempt: steps on keepers: start, next phase, end. */
#include "engine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "judge.h"
#include "mem.h"
#include "prepare.h"

enum {
	/* So many steps that cannot start now are gone past at a time. */
	PUT_OFF_MOST = 100,
};

/* Of a step that has left the file. */
static const struct stepconf gone_conf = { .ok_exit = { { 1 } }, .umask = -1,
	.pool = -1 };

const struct stepconf *attempt_conf(const struct run *r, int step)
{
	return step >= 0 ? r->at.p->step[step].conf : &gone_conf;
}

/* What conditions and lists print is not the step's stdout. */
static void put_figures(struct record *record, const struct report *report,
	bool command)
{
	outcome_record(record, &report->outcome);
	record_set_number(record, "user", report->user_ms);
	record_set_number(record, "system", report->system_ms);
	record_set_number(record, "rss", report->rss_kb);
	record_set_number(record, "out", command ? report->out_bytes : 0);
	record_set_number(record, "err", report->err_bytes);
}

void attempt_end_plainly(struct run *r, int task, enum task_state state,
	const struct outcome *outcome, const char *reason, bool approval)
{
	int step = plan_step(r->at.plan, task);
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
	plan_changed(r->at.plan, task);
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

/* It cannot be started: it is ended, and the slot free. */
static void not_started(struct slot *slot, const struct why *why)
{
	struct outcome o = outcome_of(OUTCOME_NOT_STARTED);
	char *reason = mem_printf("not started: %s", why->text);

	o.err = why->err;
	slot_free(slot);
	attempt_end_plainly(slot->r, slot->task, TASK_NEEDS_REVIEW, &o,
		reason, false);
	free(reason);
}

/* Put the phase on disk and its message in the slot. The slot has a keeper
 * and is busy; if the step cannot be started it is ended and the slot free. */
static void start_phase(struct slot *slot, enum phase phase, int gate)
{
	struct run *r = slot->r;
	struct task *t = &r->at.s->task[slot->task];
	struct prepare_part part = { phase, gate, slot_name(slot),
		r->at.s->turns + 1, slot->known.len > 0 ? slot->known.data :
		NULL };
	struct record record = { 0 };
	struct why why;
	int failed;

	buf_reset(&slot->message);
	/* The start is in the plan's hands before it is prepared: outputs of
	 * the condition's attempt do not exist yet. */
	failed = gather_places(r, t, &why);
	if (failed == 0)
		failed = prepare_phase(&r->env, slot->step, slot->task,
			slot->attempt, &part, &slot->message, &why);
	if (failed == 0 && slot->message.len > JOB_MOST) {
		buf_reset(&slot->message);
		errno = E2BIG;
		failed = why_sys(&why, "script and environment");
	}
	if (failed == -1) {
		not_started(slot, &why);
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
	if (phase == PHASE_RUN && slot->inputs.len > 0)
		record_set(&record, "inputs", slot->inputs.data);
	if (part.slot != NULL)
		record_set(&record, "slot", part.slot);
	engine_put(r, &record);
	if (attempt_conf(r, slot->step)->always == ALWAYS_REVIEW)
		r->moved = false;
	if (phase == PHASE_RUN)
		engine_tell(r, VIEW_START, slot->task, slot->step, NULL);
}

/* The command of an attempt; before it, what it depends on is read. */
static void start_command(struct slot *slot)
{
	enum phase phase = PHASE_RUN;
	struct why why;

	buf_reset(&slot->inputs);
	buf_reset(&slot->known);
	if (attempt_conf(slot->r, slot->step)->inputs.n > 0)
		switch (gather_inputs(slot, &why)) {
		case -1:
			not_started(slot, &why);
			return;
		case 0:
			phase = PHASE_INPUTS;
		}
	start_phase(slot, phase, 0);
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

	if (pool >= 0 && r->at.p->pool[pool].machine &&
	    machine_park(&r->machine, &r->at.p->pool[pool], v->until_at,
	    &why) == -1)
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
	/* A power cut may leave `ran` without the start of what follows: what
	 * that says of the command stays. */
	bool command = t->phase == PHASE_RUN && !t->ran;
	int task = slot->task, step = slot->step;
	char *gone;

	if (command && (v->state == TASK_DONE || v->approval))
		gather_outputs(r, t);
	record.at = report->ended_at;
	record_start(&record, "end");
	record_set(&record, "step", t->name);
	record_set(&record, "state", state_word(v->state));
	/* The outcome of a step is its command's: a gate's is its reason. */
	if ((command || t->phase == PHASE_IF || t->phase == PHASE_LIST) &&
	    v->state != TASK_SKIPPED)
		put_figures(&record, report, command);
	if (command)
		put_left(&record, v, &r->proof.e);
	if (report->elsewhere)
		record_set_number(&record, "elsewhere", 1);
	if (v->wait != WAIT_NO) {
		record_set(&record, "wait", v->wait == WAIT_LIMIT ? "limit" :
			v->wait == WAIT_CALL ? "call" : "retry");
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
	gather_drop_wait(r, t);
	engine_put(r, &record);
	if (attempt_conf(r, step)->always == ALWAYS_NO)
		r->moved = true;
	slot_free(slot);
	if (v->wait == WAIT_LIMIT) {
		park_pool(r, step, v);
		hooks_call(r, HOOK_WAIT, task, 0);
	}
	engine_tell(r, VIEW_END, task, step, NULL);
	if (step >= 0) {
		plan_changed(r->at.plan, task);
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

	gather_outputs(r, t);
	record.at = report->ended_at;
	record_start(&record, "ran");
	record_set(&record, "step", t->name);
	put_figures(&record, report, true);
	put_left(&record, v, &r->proof.e);
	gather_drop_wait(r, t);
	engine_put(r, &record);
}

/* Between two phases: on to the command, when the slot is still there. */
static void go_on(struct slot *slot, struct verdict *v)
{
	struct run *r = slot->r;
	const struct stepconf *conf = attempt_conf(r, slot->step);
	struct task *t = &r->at.s->task[slot->task];
	enum phase next = PHASE_RUN;
	struct why why;
	int gate = 0;

	if (v->next == NEXT_AFTER)
		(void)judge_after(conf, (enum phase)t->phase, task_phase(t),
			&next, &gate);
	/* Adopted, its condition had a slot of a machine-wide pool, which went
	 * with its keeper: the command queues for one. */
	if ((v->next == NEXT_RUN && conf->pool >= 0 &&
	    r->at.p->pool[conf->pool].machine && slot->pool_fd == -1) ||
	    engine_stopping(r) || slot->step == -1 ||
	    (v->next != NEXT_AFTER && r->stop != STOPPING_NO) ||
	    !slot_open(slot))
		/* Stopped between two phases: it goes on here next time. */
		attempt_never_began(slot);
	else if (v->next == NEXT_AFTER)
		start_phase(slot, next, gate);
	else if (t->phase != PHASE_INPUTS)
		start_command(slot);
	else if (gather_inputs_read(slot, &why) == 0)
		start_phase(slot, PHASE_RUN, 0);
	else
		not_started(slot, &why);
}

void attempt_ended(struct slot *slot, const struct report *report)
{
	struct run *r = slot->r;
	struct task *t = &r->at.s->task[slot->task];
	const struct stepconf *conf;
	struct verdict v;

	/* adopted, it may be no longer listed */
	slot->step = plan_step(r->at.plan, slot->task);
	conf = attempt_conf(r, slot->step);
	evidence_read(&r->proof, r->at.d, r->at.s, conf, t, report,
		&r->patterns);
	v = slot->step >= 0 ? judge(conf, t, report, &r->proof.e) :
		judge_gone(report);
	if (v.next == NEXT_END) {
		end_task(slot, &v, report);
		return;
	}
	if (v.next == NEXT_LISTED) {
		/* adopted, it may have become a plain step */
		if (r->at.p->step[slot->step].root == -1)
			attempt_never_began(slot);
		else
			fanout_listed(slot);
		return;
	}
	if (v.next == NEXT_RUN && slot->step >= 0 &&
	    r->at.p->step[slot->step].run == NULL) {
		/* the condition of a mere approval */
		slot_free(slot);
		attempt_end_plainly(r, slot->task, TASK_NEEDS_REVIEW, NULL,
			"approval", true);
		return;
	}
	if (v.next == NEXT_AFTER && t->phase == PHASE_RUN)
		put_ran(slot, &v, report);
	go_on(slot, &v);
}

void attempt_never_began(struct slot *slot)
{
	slot_free(slot);
	attempt_end_plainly(slot->r, slot->task, TASK_PENDING, NULL, NULL,
		false);
}

/* On a keeper; its first phase. False: it cannot start now. */
static bool start_on_keeper(struct run *r, int unit, enum phase phase,
	int pool_slot)
{
	struct plan *pl = r->at.plan;
	struct task *t = plan_unit(pl, unit);
	int step = plan_step(pl, unit), gate = 0, fd = -1;
	const struct stepconf *conf = attempt_conf(r, step);
	struct slot *slot = slot_find(r);
	struct why why;

	if (means_reserve(r, t, &why) == -1) {
		msg_error("%s: nothing new is started", why.text);
		r->full = r->result->state_lost = true;
		return false;
	}
	if (!slot_open(slot))
		return false;
	if (pool_slot >= 0 && !means_take_slot(r, unit, &pool_slot, &fd))
		return false;
	slot_occupy(slot, unit, step, t->ran ? t->attempts :
		state_next_attempt(r->at.s, t));
	slot->pool_slot = pool_slot;
	slot->pool_fd = fd;
	plan_started(pl, unit, pool_slot, clock_wall());
	if (t->ran && !judge_after(conf, PHASE_RUN, phase_word(PHASE_RUN),
	    &phase, &gate)) {
		/* what was asked of it has left the file */
		slot_free(slot);
		attempt_end_plainly(r, unit, conf->review ? TASK_NEEDS_REVIEW :
			TASK_DONE, NULL, conf->review ? "approval" : NULL,
			conf->review);
		return true;
	}
	if (phase == PHASE_RUN)
		start_command(slot);
	else
		start_phase(slot, phase, gate);
	return true;
}

static bool start_unit(struct run *r, int unit, int pool_slot)
{
	struct plan *pl = r->at.plan;
	struct task *t = plan_unit(pl, unit);
	int step = plan_step(pl, unit);
	enum phase phase = attempt_conf(r, step)->condition != NULL &&
		t->state != TASK_WAITING ? PHASE_IF : PHASE_RUN;
	bool later;

	if (pl->unit[unit].item == -1 && r->at.p->step[step].root != -1)
		return fanout_list(r, unit) || start_on_keeper(r, unit,
			PHASE_LIST, -1);
	if (means_too_dear(r, unit, &later))
		return !later;
	if (r->at.p->step[step].run == NULL && phase == PHASE_RUN) {
		attempt_end_plainly(r, unit, TASK_NEEDS_REVIEW, NULL,
			"approval", true);
		return true;
	}
	return start_on_keeper(r, unit, phase, pool_slot);
}

void attempt_dispatch(struct run *r)
{
	struct plan *pl = r->at.plan;
	int64_t now = clock_wall();
	int unit, slot;

	plan_wake(pl, now);
	r->nput_off = 0;
	/* it has come to rest, and is not to wait for anything more */
	if (r->options.no_wait && r->told_rest)
		return;
	while (r->stop == STOPPING_NO && !r->full &&
	    r->busy < r->jobs && !ev_is_active(&r->again)) {
		unit = plan_next(pl, now, &slot);
		if (unit == -1)
			break;
		if (start_unit(r, unit, slot))
			continue;
		r->put_off = mem_grow(r->put_off, r->nput_off,
			&r->put_off_cap, sizeof(*r->put_off));
		r->put_off[r->nput_off++] = unit;
		if (r->nput_off == PUT_OFF_MOST)
			break;
	}
	/* Others were asked meanwhile: what a lane or the budget does not let
	 * start holds up nobody else. */
	while (r->nput_off > 0)
		plan_give_back(pl, r->put_off[--r->nput_off]);
}
