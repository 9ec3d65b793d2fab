/* SPDX-License-Identifier: ISC */
#include "state.h"

#include <assert.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const state_words[TASK_STATES] = {
	[TASK_PENDING] = "pending",
	[TASK_RUNNING] = "running",
	[TASK_WAITING] = "waiting",
	[TASK_DONE] = "done",
	[TASK_NEEDS_REVIEW] = "needs_review",
	[TASK_SKIPPED] = "skipped",
};

/* a gate's name follows */
#define VERIFY "verify."

static const char *const phase_words[PHASES] = {
	[PHASE_RUN] = "run",
	[PHASE_IF] = "if",
	[PHASE_SETTLE] = "settle",
	[PHASE_VERIFY] = VERIFY,
	[PHASE_PLACE] = "place",
};

const char *state_word(enum task_state state)
{
	return state_words[state];
}

const char *phase_word(enum phase phase)
{
	return phase_words[phase];
}

const char *task_phase(const struct task *t)
{
	return t->phase == PHASE_VERIFY && t->gate != NULL ? t->gate :
		phase_words[t->phase];
}

const char *task_log_kind(const struct task *t)
{
	if (t->phase == PHASE_RUN)
		return "out";
	return task_phase(t) + (t->phase == PHASE_VERIFY ?
		strlen(VERIFY) : 0);
}

void state_init(struct state *s)
{
	memset(s, 0, sizeof(*s));
}

void state_release(struct state *s)
{
	free(s->param);
	free(s->task);
	free(s->output);
	free(s->last_output);
	table_release(&s->names);
	arena_release(&s->arena);
	memset(s, 0, sizeof(*s));
}

int state_find(const struct state *s, const char *name)
{
	return table_get(&s->names, name);
}

int state_task(struct state *s, const char *name)
{
	int i = table_get(&s->names, name);
	struct task *t;

	if (i != TABLE_NONE)
		return i;
	s->task = mem_grow(s->task, s->ntasks, &s->task_cap,
		sizeof(*s->task));
	s->last_output = mem_grow(s->last_output, s->ntasks, &s->last_cap,
		sizeof(*s->last_output));
	i = (int)s->ntasks++;
	s->last_output[i] = -1;
	t = &s->task[i];
	memset(t, 0, sizeof(*t));
	t->name = arena_dup(&s->arena, name);
	t->outcome = outcome_of(OUTCOME_NONE);
	t->keeper = -1;
	table_put(&s->names, t->name, i);
	s->count[TASK_PENDING]++;
	return i;
}

int state_next_attempt(const struct state *s, const struct task *t)
{
	/* What a lost tail said is unknown: for each, a number that it may
	 * have used is left out (R10). */
	return t->attempts + 1 + s->cuts - t->cuts;
}

void outcome_record(struct record *r, const struct outcome *o)
{
	record_set(r, "outcome", outcome_word(o->kind));
	if (o->exit >= 0)
		record_set_number(r, "exit", o->exit);
	if (o->signo != 0)
		record_set_number(r, "signal", o->signo);
	if (o->err != 0)
		record_set_number(r, "errno", o->err);
	if (o->oom)
		record_set_number(r, "oom", 1);
}

void state_write(struct state *s, struct journal *j, struct record *r)
{
	struct why why;

	journal_add(j, r);
	if (state_apply(s, r, &why) == -1) {
		msg_error("bug: %s", why.text);
		abort();
	}
}

void state_key(const struct state *s, const struct task *t, struct buf *out)
{
	buf_printf(out, "%s/%s", s->run, t->name);
	if (t->generation > 0)
		buf_printf(out, "~%d", t->generation + 1);
}

void state_session(const struct state *s, const struct task *t,
	struct buf *out)
{
	struct buf key = { 0 };
	uint64_t high, low;

	/* Two hashes with the secret seed in front and behind: unique for
	 * practice, unguessable is not asked of it. */
	state_key(s, t, &key);
	high = table_hash(TABLE_HASH_START, s->seed, strlen(s->seed));
	high = table_hash(high, key.data, key.len);
	low = table_hash(~TABLE_HASH_START, key.data, key.len);
	low = table_hash(low, s->seed, strlen(s->seed));
	buf_release(&key);
	buf_printf(out, "%08x-%04x-8%03x-%04x-%012llx",
		(unsigned)(high >> 32), (unsigned)(high >> 16 & 0xffff),
		(unsigned)(high & 0xfff),
		(unsigned)(0x8000 | (low >> 48 & 0x3fff)),
		(unsigned long long)(low & 0xffffffffffffull));
}
