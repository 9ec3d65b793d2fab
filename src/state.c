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

static const char *const phase_words[PHASES] = {
	[PHASE_RUN] = "run",
	[PHASE_IF] = "if",
	[PHASE_SETTLE] = "settle",
};

#define TO(state) (1u << (state))

/* The table of legal transitions. RUNNING to RUNNING: its next phase. */
static const unsigned legal[TASK_STATES] = {
	/* PENDING to PENDING: an interrupted step that is rewound */
	[TASK_PENDING] = TO(TASK_PENDING) | TO(TASK_RUNNING) |
		TO(TASK_SKIPPED) | TO(TASK_DONE) | TO(TASK_NEEDS_REVIEW),
	[TASK_RUNNING] = TO(TASK_RUNNING) | TO(TASK_DONE) | TO(TASK_WAITING) |
		TO(TASK_NEEDS_REVIEW) | TO(TASK_PENDING) | TO(TASK_SKIPPED),
	[TASK_WAITING] = TO(TASK_RUNNING) | TO(TASK_PENDING) |
		TO(TASK_NEEDS_REVIEW) | TO(TASK_SKIPPED) | TO(TASK_DONE),
	[TASK_DONE] = TO(TASK_PENDING),
	[TASK_NEEDS_REVIEW] = TO(TASK_PENDING) | TO(TASK_DONE) |
		TO(TASK_SKIPPED),
	[TASK_SKIPPED] = TO(TASK_PENDING),
};

const char *state_word(enum task_state state)
{
	return state_words[state];
}

const char *phase_word(enum phase phase)
{
	return phase_words[phase];
}

static int word_index(const char *const *words, int n, const char *text)
{
	int i;

	for (i = 0; i < n; i++)
		if (text != NULL && strcmp(words[i], text) == 0)
			return i;
	return -1;
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

static int move(struct state *s, struct task *t, enum task_state to,
	struct why *why)
{
	if (!(legal[t->state] & TO(to)))
		return why_set(why, "step %s cannot go from %s to %s", t->name,
			state_words[t->state], state_words[to]);
	s->count[t->state]--;
	s->count[to]++;
	t->state = (uint8_t)to;
	/* Whatever moves opens a closed run again (rewind, retry). */
	s->closed = NULL;
	return 0;
}

static int bad(const struct record *r, const char *what, struct why *why)
{
	return why_set(why, "record %lld (%s) of the state file has no valid "
		"%s", (long long)r->seq, r->type, what);
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

/* Fills the outcome and figures of t from r, when r has any. */
static int take_outcome(const struct record *r, struct task *t,
	struct why *why)
{
	const char *word = record_get(r, "outcome");
	struct outcome o = outcome_of(OUTCOME_NONE);
	int64_t exit_code, signo, err, oom;

	if (word == NULL)
		return 0;
	o.kind = outcome_kind_of(word);
	if (o.kind == OUTCOME_KINDS ||
	    !record_get_number(r, "exit", 0, 255, -1, &exit_code) ||
	    !record_get_number(r, "signal", 0, 128, 0, &signo) ||
	    !record_get_number(r, "errno", 0, 4096, 0, &err) ||
	    !record_get_number(r, "oom", 0, 1, 0, &oom))
		return bad(r, "outcome", why);
	o.exit = (int)exit_code;
	o.signo = (int)signo;
	o.err = (int)err;
	o.oom = oom != 0;
	t->outcome = o;
	if (!record_get_number(r, "user", 0, INT64_MAX, 0, &t->user_ms) ||
	    !record_get_number(r, "system", 0, INT64_MAX, 0, &t->system_ms) ||
	    !record_get_number(r, "rss", 0, INT64_MAX, 0, &t->rss_kb) ||
	    !record_get_number(r, "out", 0, INT64_MAX, 0, &t->out_bytes) ||
	    !record_get_number(r, "err", 0, INT64_MAX, 0, &t->err_bytes))
		return bad(r, "figure", why);
	return 0;
}

static const char *keep(struct state *s, const char *text)
{
	return text != NULL ? arena_dup(&s->arena, text) : NULL;
}

static struct task *task_of(struct state *s, const struct record *r,
	struct why *why)
{
	const char *name = record_get(r, "step");
	int i;

	if (name == NULL || *name == '\0') {
		bad(r, "step", why);
		return NULL;
	}
	/* in two steps: a new task may move the array */
	i = state_task(s, name);
	return &s->task[i];
}

static int apply_durexec(struct state *s, const struct record *r,
	struct why *why)
{
	if (s->run != NULL)
		return why_set(why, "record %lld begins the run again",
			(long long)r->seq);
	s->run = keep(s, record_get(r, "run"));
	s->name = keep(s, record_get(r, "name"));
	s->path = keep(s, record_get(r, "path"));
	s->seed = keep(s, record_get(r, "seed"));
	s->started_at = r->at;
	if (s->run == NULL || s->name == NULL || s->path == NULL ||
	    s->seed == NULL)
		return bad(r, "run, name, path and seed", why);
	return 0;
}

static int apply_param(struct state *s, const struct record *r,
	struct why *why)
{
	const char *name = record_get(r, "name");
	const char *value = record_get(r, "value");

	if (name == NULL || value == NULL)
		return bad(r, "name and value", why);
	s->param = mem_resize(s->param,
		(size_t)(s->nparams + 1) * sizeof(*s->param));
	s->param[s->nparams].name = keep(s, name);
	s->param[s->nparams].value = keep(s, value);
	s->nparams++;
	return 0;
}

static int apply_start(struct state *s, const struct record *r,
	struct why *why)
{
	struct task *t = task_of(s, r, why);
	const char *word = record_get(r, "phase");
	int phase = word == NULL ? PHASE_RUN :
		word_index(phase_words, PHASES, word);
	int64_t attempt, keeper;
	bool again;

	if (t == NULL)
		return -1;
	if (phase < 0)
		return bad(r, "phase", why);
	/* far from overflow: cut records are added to it */
	if (!record_get_number(r, "attempt", 1, INT_MAX / 2, 0, &attempt) ||
	    attempt < 1 || attempt < t->attempts)
		return bad(r, "attempt", why);
	if (!record_get_number(r, "keeper", 0, INT16_MAX, -1, &keeper))
		return bad(r, "keeper", why);
	again = attempt == t->attempts;
	/* a number is used twice for what is left of its attempt only */
	if (again && t->state != TASK_RUNNING && phase != PHASE_SETTLE)
		return bad(r, "attempt", why);
	if (move(s, t, TASK_RUNNING, why) == -1)
		return -1;
	t->phase = (uint8_t)phase;
	t->keeper = (int16_t)keeper;
	t->session = s->sessions;
	t->adopted = false;
	if (phase == PHASE_SETTLE)
		return 0;
	/* the command after its condition keeps the attempt's start */
	if (!again || t->started_at == 0)
		t->started_at = r->at;
	if (t->began_at == 0)
		t->began_at = r->at;
	if (!again) {
		t->attempts = (int)attempt;
		t->cuts = s->cuts;
	}
	t->ended_at = 0;
	t->until_at = 0;
	t->ran = false;
	t->outcome = outcome_of(OUTCOME_NONE);
	t->user_ms = t->system_ms = t->rss_kb = 0;
	t->out_bytes = t->err_bytes = 0;
	t->reason = NULL;
	if (!record_get_hex(r, "command", &t->command))
		return bad(r, "command", why);
	return 0;
}

static int apply_end(struct state *s, const struct record *r, struct why *why)
{
	struct task *t = task_of(s, r, why);
	int to = word_index(state_words, TASK_STATES, record_get(r, "state"));

	if (t == NULL)
		return -1;
	if (to < 0 || to == TASK_RUNNING)
		return bad(r, "state", why);
	if (t->state != TASK_RUNNING && t->state != TASK_PENDING)
		return why_set(why, "record %lld ends step %s, which is %s",
			(long long)r->seq, t->name, state_words[t->state]);
	if (take_outcome(r, t, why) == -1 ||
	    move(s, t, (enum task_state)to, why) == -1)
		return -1;
	if (!record_get_number(r, "until", 0, INT64_MAX, 0, &t->until_at))
		return bad(r, "until", why);
	if (!record_get_hex(r, "whole", &t->whole))
		return bad(r, "whole", why);
	if (!t->ran || t->ended_at == 0)
		t->ended_at = r->at;
	t->keeper = -1;
	if (t->outcome.kind != OUTCOME_LOST || t->session != s->sessions)
		t->losses = 0;
	else if (t->losses < UINT8_MAX)
		t->losses++;
	t->session = s->sessions;
	t->reason = keep(s, record_get(r, "reason"));
	if (t->outcome.kind == OUTCOME_INTERRUPTED &&
	    record_get(r, "elsewhere") != NULL) {
		if (t->interrupts < UINT8_MAX)
			t->interrupts++;
	} else if (to != TASK_PENDING) {
		t->interrupts = 0;
	}
	if (to == TASK_DONE || to == TASK_SKIPPED)
		t->ran = false;
	/* asked again and failed again: now the command has to run */
	if (to == TASK_PENDING && record_get(r, "rerun") != NULL) {
		t->ran = false;
		t->asked = false;
	}
	return 0;
}

static int apply_ran(struct state *s, const struct record *r, struct why *why)
{
	struct task *t = task_of(s, r, why);

	if (t == NULL)
		return -1;
	if (t->state != TASK_RUNNING)
		return bad(r, "running step", why);
	if (take_outcome(r, t, why) == -1)
		return -1;
	t->ran = true;
	t->ended_at = r->at;
	return 0;
}

static int apply_set(struct state *s, const struct record *r, struct why *why)
{
	struct task *t = task_of(s, r, why);
	int to = word_index(state_words, TASK_STATES, record_get(r, "state"));
	const char *by = record_get(r, "by");

	if (t == NULL)
		return -1;
	if (to < 0 || to == TASK_RUNNING || by == NULL)
		return bad(r, "state and by", why);
	if (t->state == TASK_RUNNING)
		return why_set(why, "record %lld sets step %s, which runs",
			(long long)r->seq, t->name);
	if (move(s, t, (enum task_state)to, why) == -1)
		return -1;
	t->until_at = 0;
	t->interrupts = t->losses = 0;
	t->reason = keep(s, record_get(r, "reason"));
	if (record_get(r, "result") != NULL)
		t->result = keep(s, record_get(r, "result"));
	t->session = s->sessions;
	if (to == TASK_PENDING) {
		t->asked = t->ran;
		if (!t->ran)
			t->began_at = 0;
		if (record_get(r, "fresh") != NULL) {
			t->ran = t->asked = false;
			t->began_at = 0;
			t->result = NULL;
			s->last_output[t - s->task] = -1;
			if (t->generation < UINT16_MAX)
				t->generation++;
		}
	} else if (to == TASK_DONE) {
		t->ran = false;
		if (t->ended_at == 0)
			t->ended_at = r->at;
	}
	return 0;
}

static int apply_output(struct state *s, const struct record *r,
	struct why *why)
{
	struct task *t = task_of(s, r, why);
	const char *name = record_get(r, "name");
	const char *value = record_get(r, "value");
	int *last;

	if (t == NULL)
		return -1;
	if (name == NULL || value == NULL)
		return bad(r, "name and value", why);
	last = &s->last_output[t - s->task];
	s->output = mem_grow(s->output, s->noutputs, &s->output_cap,
		sizeof(*s->output));
	s->output[s->noutputs] = (struct task_output){
		.task = (int)(t - s->task),
		.name = keep(s, name),
		.value = keep(s, value),
		.next = *last,
	};
	*last = (int)s->noutputs++;
	return 0;
}

static int apply_adopt(struct state *s, const struct record *r,
	struct why *why)
{
	struct task *t = task_of(s, r, why);

	if (t == NULL)
		return -1;
	if (t->state != TASK_RUNNING)
		return bad(r, "running step", why);
	t->adopted = true;
	return 0;
}

static int apply_begin(struct state *s, const struct record *r,
	struct why *why)
{
	const char *boot = record_get(r, "boot");

	if (boot == NULL)
		return bad(r, "boot", why);
	s->sessions++;
	if (s->boot == NULL || strcmp(s->boot, boot) != 0) {
		s->boot = keep(s, boot);
		s->boot_session = s->sessions;
	}
	s->began_at = r->at;
	return 0;
}

static int apply_close(struct state *s, const struct record *r,
	struct why *why)
{
	s->closed = keep(s, record_get(r, "state"));
	if (s->closed == NULL)
		return bad(r, "state", why);
	s->closed_reason = keep(s, record_get(r, "reason"));
	s->closed_at = r->at;
	return 0;
}

int state_apply(void *ctx, const struct record *r, struct why *why)
{
	struct state *s = ctx;
	const char *type = r->type;

	if (strcmp(type, "start") == 0)
		return apply_start(s, r, why);
	if (strcmp(type, "end") == 0)
		return apply_end(s, r, why);
	if (strcmp(type, "ran") == 0)
		return apply_ran(s, r, why);
	if (strcmp(type, "set") == 0)
		return apply_set(s, r, why);
	if (strcmp(type, "output") == 0)
		return apply_output(s, r, why);
	if (strcmp(type, "adopt") == 0)
		return apply_adopt(s, r, why);
	if (strcmp(type, "begin") == 0)
		return apply_begin(s, r, why);
	if (strcmp(type, "cut") == 0) {
		s->cuts++;
		return 0;
	}
	if (strcmp(type, "param") == 0)
		return apply_param(s, r, why);
	if (strcmp(type, "close") == 0)
		return apply_close(s, r, why);
	if (strcmp(type, "durexec") == 0)
		return apply_durexec(s, r, why);
	return why_set(why, "record %lld of the state file has the type %s, "
		"which this durexec does not know: it was written by a newer "
		"one", (long long)r->seq, type);
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
