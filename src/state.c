/* SPDX-License-Identifier: ISC */
#include "state.h"

#include <assert.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rundir.h"
#include "safe.h"

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
	[PHASE_LIST] = "list",
	[PHASE_INPUTS] = "inputs",
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
	while (s->nfans > 0)
		free(s->fan[--s->nfans].task);
	free(s->fan);
	free(s->param);
	free(s->task);
	free(s->output);
	free(s->last_output);
	free(s->input);
	free(s->index);
	table_release(&s->words);
	arena_release(&s->arena);
	memset(s, 0, sizeof(*s));
}

/*
 * Where the name stands in the index, or would stand. A table.h of a million
 * tasks would hold 32 bytes for each; this one holds 8 (it is at most half
 * full, of numbers that are 1 + the task's).
 */
static size_t place_of(const struct state *s, const char *name)
{
	size_t i = table_hash(TABLE_HASH_START, name, strlen(name));

	while (s->index[i &= s->index_size - 1] != 0 &&
	    strcmp(s->task[s->index[i] - 1].name, name) != 0)
		i++;
	return i;
}

static void grow_index(struct state *s)
{
	size_t i;

	free(s->index);
	s->index_size = s->index_size != 0 ? s->index_size * 2 : 64;
	s->index = mem_alloc(s->index_size * sizeof(*s->index));
	for (i = 0; i < s->ntasks; i++)
		s->index[place_of(s, s->task[i].name)] = (int)i + 1;
}

int state_find(const struct state *s, const char *name)
{
	return s->index_size != 0 ? s->index[place_of(s, name)] - 1 : -1;
}

int state_task(struct state *s, const char *name)
{
	struct task *t;
	size_t at;
	int i;

	/* before it is looked for: that is done once */
	if ((s->ntasks + 1) * 2 > s->index_size)
		grow_index(s);
	at = place_of(s, name);
	if (s->index[at] != 0)
		return s->index[at] - 1;
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
	t->fan = t->item = -1;
	s->index[at] = i + 1;
	s->count[TASK_PENDING]++;
	return i;
}

struct fan *state_fan(const struct state *s, const struct task *t)
{
	return t->fan != -1 && s->fan[t->fan].head == t - s->task ?
		&s->fan[t->fan] : NULL;
}

/* An item, though it may no longer be listed. */
static bool is_item(const struct state *s, const struct task *t)
{
	return t->fan != -1 && s->fan[t->fan].head != t - s->task;
}

const char *task_step(const struct state *s, const struct task *t)
{
	return t->fan != -1 ? s->fan[t->fan].step : t->name;
}

void task_item(const struct state *s, const struct task *t, struct buf *out)
{
	/* STEP[ITEM] */
	if (is_item(s, t)) {
		size_t skip = strlen(s->fan[t->fan].step) + 1;

		buf_add(out, t->name + skip, strlen(t->name) - skip - 1);
	}
}

/* STEP, or STEP/SHARD/ITEM; aside: of a fan-out's own task. */
static void add_files(const struct state *s, const struct task *t,
	const char *aside, struct buf *out)
{
	struct buf item = { 0 };

	if (is_item(s, t)) {
		task_item(s, t, &item);
		rundir_task(out, s->fan[t->fan].step, item.data, t->place);
		buf_release(&item);
	} else {
		rundir_task(out, t->name, NULL, 0);
		if (t->fan != -1)
			buf_str(out, aside);
	}
}

void task_log(const struct state *s, const struct task *t, int attempt,
	const char *kind, struct buf *out)
{
	buf_str(out, "log/");
	add_files(s, t, "", out);
	buf_printf(out, ".%d.%s", attempt, kind);
}

void task_dir(const struct state *s, const struct task *t, struct buf *out)
{
	buf_str(out, "dir/");
	/* not among the shards of its items */
	add_files(s, t, "/list", out);
}

void task_sub(const struct state *s, const struct task *t, struct buf *out)
{
	buf_str(out, "sub/");
	add_files(s, t, "/list", out);
	/* rewound, it remembers nothing; "~" is in the name of no step, and of
	 * no item with so few digits behind it */
	if (t->generation > 0)
		buf_printf(out, "~%d", t->generation + 1);
}

void task_output_file(const struct state *s, const struct task *t,
	int attempt, struct buf *out)
{
	/* these are few at a time: no shards; "@" is in no step's name. The
	 * place is the same in every session, as it comes from the records
	 * alone; the task's number is not. */
	if (is_item(s, t))
		buf_printf(out, "output/%s@%d.%d", s->fan[t->fan].step,
			t->place, attempt);
	else
		buf_printf(out, "output/%s.%d", t->name, attempt);
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

/* What a program or a person said. Names, items and parameters are not: what
 * they are called again has to be the same. */
static bool is_said(const struct record *r, const char *key)
{
	return strcmp(key, "reason") == 0 || strcmp(key, "result") == 0 ||
		(strcmp(r->type, "output") == 0 && strcmp(key, "value") == 0);
}

void state_write(struct state *s, struct journal *j, struct record *r)
{
	struct buf said[RECORD_FIELDS] = { 0 };
	struct why why;
	int i;

	for (i = 0; i < r->nfields && !mask_empty(safe_secrets()); i++)
		if (is_said(r, r->field[i].key)) {
			buf_str(&said[i], r->field[i].value);
			mask_text(safe_secrets(), &said[i]);
			r->field[i].value = said[i].data;
		}
	journal_add(j, r);
	if (state_apply(s, r, &why) == -1) {
		msg_error("bug: %s", why.text);
		abort();
	}
	for (i = 0; i < r->nfields; i++)
		buf_release(&said[i]);
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
