/* SPDX-License-Identifier: ISC */
/* fold: state_apply(), one record into the state. */
#include "fold.h"

#include <limits.h>
#include <string.h>

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

/* The state of a word; -1: it is none. */
static int state_of(const char *word)
{
	int i;

	for (i = 0; i < TASK_STATES; i++)
		if (word != NULL && strcmp(state_word((enum task_state)i),
		    word) == 0)
			return i;
	return -1;
}

/* The phase of a word ("verify.NAME", too); -1: it is none. */
static int phase_of(const char *word)
{
	size_t n = strlen(phase_word(PHASE_VERIFY));
	int i;

	if (word == NULL)
		return PHASE_RUN;
	if (strncmp(word, phase_word(PHASE_VERIFY), n) == 0)
		return word[n] != '\0' ? PHASE_VERIFY : -1;
	for (i = 0; i < PHASES; i++)
		if (strcmp(phase_word((enum phase)i), word) == 0)
			return i;
	return -1;
}

static int move(struct state *s, struct task *t, enum task_state to,
	struct why *why)
{
	if (!(legal[t->state] & TO(to)))
		return why_set(why, "step %s cannot go from %s to %s", t->name,
			state_word((enum task_state)t->state), state_word(to));
	s->count[t->state]--;
	s->count[to]++;
	t->state = (uint8_t)to;
	if (t->fan != -1)
		s->fan[t->fan].moves++;
	/* Whatever moves opens a closed run again (rewind, retry). */
	s->closed = NULL;
	return 0;
}

int fold_bad(const struct record *r, const char *what, struct why *why)
{
	return why_set(why, "record %lld (%s) of the state file has no valid "
		"%s", (long long)r->seq, r->type, what);
}

/* One of a few words that come again and again: kept once. */
static const char *keep_word(struct state *s, const char *word)
{
	const char *kept;

	if (word == NULL)
		return NULL;
	kept = table_name(&s->words, word);
	if (kept == NULL) {
		kept = arena_dup(&s->arena, word);
		table_put(&s->words, kept, (int)s->words.used);
	}
	return kept;
}

static struct task *task_of(struct state *s, const struct record *r,
	struct why *why)
{
	const char *name = record_get(r, "step");
	int i;

	if (name == NULL || *name == '\0') {
		fold_bad(r, "step", why);
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
	s->run = fold_keep(s, record_get(r, "run"));
	s->name = fold_keep(s, record_get(r, "name"));
	s->path = fold_keep(s, record_get(r, "path"));
	s->seed = fold_keep(s, record_get(r, "seed"));
	s->started_at = r->at;
	if (s->run == NULL || s->name == NULL || s->path == NULL ||
	    s->seed == NULL)
		return fold_bad(r, "run, name, path and seed", why);
	return 0;
}

static int apply_param(struct state *s, const struct record *r,
	struct why *why)
{
	const char *name = record_get(r, "name");
	const char *value = record_get(r, "value");

	if (name == NULL || value == NULL)
		return fold_bad(r, "name and value", why);
	s->param = mem_resize(s->param,
		(size_t)(s->nparams + 1) * sizeof(*s->param));
	s->param[s->nparams].name = fold_keep(s, name);
	s->param[s->nparams].value = fold_keep(s, value);
	s->nparams++;
	return 0;
}

/* What is left of an attempt whose command has succeeded. */
static bool after_command(int phase)
{
	return phase == PHASE_SETTLE || phase == PHASE_VERIFY ||
		phase == PHASE_PLACE;
}

static int apply_start(struct state *s, const struct record *r,
	struct why *why)
{
	struct task *t = task_of(s, r, why);
	const char *word = record_get(r, "phase");
	int phase = phase_of(word);
	int64_t attempt, keeper;
	bool again;

	if (t == NULL)
		return -1;
	if (phase < 0)
		return fold_bad(r, "phase", why);
	/* far from overflow: cut records are added to it */
	if (!record_get_number(r, "attempt", 1, INT_MAX / 2, 0, &attempt) ||
	    attempt < 1 || attempt < t->attempts)
		return fold_bad(r, "attempt", why);
	if (!record_get_number(r, "keeper", 0, INT16_MAX, -1, &keeper))
		return fold_bad(r, "keeper", why);
	again = attempt == t->attempts;
	/* a number is used twice for what is left of its attempt only, and
	 * what is left belongs to the last one */
	if (again ? t->state != TASK_RUNNING && !after_command(phase) :
	    after_command(phase))
		return fold_bad(r, "attempt", why);
	if (move(s, t, TASK_RUNNING, why) == -1)
		return -1;
	t->phase = (uint8_t)phase;
	t->keeper = (int16_t)keeper;
	t->session = s->sessions;
	t->turn = ++s->turns;
	/* wait_max counts what was waited, not the time that durexec was
	 * away after that */
	if (t->parked && r->at > t->until_at)
		t->parked_at += r->at - t->until_at;
	t->adopted = t->hold = t->approval = t->parked = false;
	t->until_at = 0;
	t->gate = phase == PHASE_VERIFY ? keep_word(s, word) : NULL;
	if (after_command(phase)) {
		/* asked once more after a power cut, outputs that were synced
		 * before the gates began are as safe as they were */
		t->settled |= phase != PHASE_SETTLE;
		return 0;
	}
	t->slot = keep_word(s, record_get(r, "slot"));
	if (phase == PHASE_RUN)
		t->inputs = fold_keep(s, record_get(r, "inputs"));
	/* the command after its condition keeps the attempt's start */
	if (!again || t->started_at == 0)
		t->started_at = r->at;
	if (t->began_at == 0)
		t->began_at = r->at;
	if (!again && t->outcome.kind != OUTCOME_NONE) {
		t->before.outcome = t->outcome;
		t->before.attempt = t->attempts;
		t->before.out = t->out_bytes > 0;
		t->before.err = t->err_bytes > 0;
	}
	if (!again) {
		t->attempts = (int)attempt;
		t->cuts = s->cuts;
	}
	t->ended_at = 0;
	t->ran = t->settled = false;
	t->outcome = outcome_of(OUTCOME_NONE);
	t->user_ms = t->system_ms = t->rss_kb = 0;
	t->out_bytes = t->err_bytes = 0;
	t->reason = NULL;
	if (!record_get_hex(r, "command", &t->command))
		return fold_bad(r, "command", why);
	return 0;
}

/* A gate's outcome is not its step's: of that, this much is said. */
static bool was_lost(const struct record *r)
{
	const char *word = record_get(r, "outcome");

	return record_get(r, "lost") != NULL || (word != NULL &&
		outcome_kind_of(word) == OUTCOME_LOST);
}

static int apply_end(struct state *s, const struct record *r, struct why *why)
{
	struct task *t = task_of(s, r, why);
	int to = state_of(record_get(r, "state"));

	if (t == NULL)
		return -1;
	if (to < 0 || to == TASK_RUNNING)
		return fold_bad(r, "state", why);
	if (t->state != TASK_RUNNING && t->state != TASK_PENDING &&
	    t->state != TASK_WAITING)
		return why_set(why, "record %lld ends step %s, which is %s",
			(long long)r->seq, t->name,
			state_word((enum task_state)t->state));
	if (fold_take_outcome(r, t, why) == -1 ||
	    move(s, t, (enum task_state)to, why) == -1 ||
	    fold_take_left(s, r, t, why) == -1 ||
	    fold_take_wait(r, t, to == TASK_WAITING, why) == -1)
		return -1;
	t->hold = record_get(r, "hold") != NULL;
	t->approval = record_get(r, "approval") != NULL;
	t->slot = NULL;
	if (!record_get_hex(r, "whole", &t->whole))
		return fold_bad(r, "whole", why);
	if (!t->ran || t->ended_at == 0)
		t->ended_at = r->at;
	t->keeper = -1;
	if (!was_lost(r) || t->session != s->sessions)
		t->losses = 0;
	else if (t->losses < UINT8_MAX)
		t->losses++;
	t->session = s->sessions;
	t->reason = fold_keep(s, record_get(r, "reason"));
	if (record_get(r, "elsewhere") != NULL) {
		if (t->interrupts < UINT8_MAX)
			t->interrupts++;
	} else if (to != TASK_PENDING) {
		t->interrupts = 0;
	}
	if (to == TASK_DONE || to == TASK_SKIPPED) {
		fold_fresh_tries(t);
		t->ran = t->asked = false;
	}
	/* now the command has to run; or nothing of it is left to be asked */
	if (record_get(r, "rerun") != NULL || t->approval)
		t->ran = t->asked = false;
	return 0;
}

static int apply_ran(struct state *s, const struct record *r, struct why *why)
{
	struct task *t = task_of(s, r, why);

	if (t == NULL)
		return -1;
	if (t->state != TASK_RUNNING)
		return fold_bad(r, "running step", why);
	if (fold_take_outcome(r, t, why) == -1 ||
	    fold_take_left(s, r, t, why) == -1)
		return -1;
	t->ran = true;
	t->ended_at = r->at;
	return 0;
}

static int apply_set(struct state *s, const struct record *r, struct why *why)
{
	struct task *t = task_of(s, r, why);
	int to = state_of(record_get(r, "state"));
	const char *by = record_get(r, "by");

	if (t == NULL)
		return -1;
	if (to < 0 || to == TASK_RUNNING || by == NULL)
		return fold_bad(r, "state and by", why);
	if (t->state == TASK_RUNNING)
		return why_set(why, "record %lld sets step %s, which runs",
			(long long)r->seq, t->name);
	if (move(s, t, (enum task_state)to, why) == -1)
		return -1;
	t->until_at = 0;
	t->interrupts = t->losses = 0;
	t->hold = t->approval = t->parked = false;
	fold_fresh_tries(t);
	t->reason = fold_keep(s, record_get(r, "reason"));
	if (record_get(r, "result") != NULL)
		t->result = fold_keep(s, record_get(r, "result"));
	t->session = s->sessions;
	if (to == TASK_PENDING) {
		t->asked = t->ran;
		if (!t->ran)
			t->began_at = 0;
		if (record_get(r, "fresh") != NULL) {
			t->ran = t->asked = false;
			t->tried = t->receipt = false;
			t->began_at = 0;
			t->command = 0;
			t->inputs = NULL;
			t->result = NULL;
			s->last_output[t - s->task] = -1;
			if (t->generation < UINT16_MAX)
				t->generation++;
		}
	} else {
		t->ran = t->asked = false;
	}
	if (to == TASK_DONE && t->ended_at == 0)
		t->ended_at = r->at;
	return 0;
}

static int apply_input(struct state *s, const struct record *r,
	struct why *why)
{
	struct input in = { .path = fold_keep(s, record_get(r, "path")) };

	if (in.path == NULL ||
	    !record_get_number(r, "size", -1, INT64_MAX, -1, &in.size) ||
	    !record_get_number(r, "mtime", INT64_MIN, INT64_MAX, 0,
	    &in.mtime) || !record_get_hex(r, "hash", &in.hash))
		return fold_bad(r, "path, size, mtime and hash", why);
	s->input = mem_grow(s->input, s->ninputs, &s->input_cap,
		sizeof(*s->input));
	s->input[s->ninputs++] = in;
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
		return fold_bad(r, "name and value", why);
	last = &s->last_output[t - s->task];
	s->output = mem_grow(s->output, s->noutputs, &s->output_cap,
		sizeof(*s->output));
	s->output[s->noutputs] = (struct task_output){
		.task = (int)(t - s->task),
		.name = fold_keep(s, name),
		.value = fold_keep(s, value),
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
		return fold_bad(r, "running step", why);
	t->adopted = true;
	return 0;
}

static int apply_begin(struct state *s, const struct record *r,
	struct why *why)
{
	const char *boot = record_get(r, "boot");

	if (boot == NULL)
		return fold_bad(r, "boot", why);
	s->sessions++;
	if (s->boot == NULL || strcmp(s->boot, boot) != 0) {
		s->boot = fold_keep(s, boot);
		s->boot_session = s->sessions;
	}
	s->began_at = r->at;
	return 0;
}

static int apply_close(struct state *s, const struct record *r,
	struct why *why)
{
	s->closed = fold_keep(s, record_get(r, "state"));
	if (s->closed == NULL)
		return fold_bad(r, "state", why);
	s->closed_reason = fold_keep(s, record_get(r, "reason"));
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
	if (strcmp(type, "items") == 0)
		return fold_items(s, r, why);
	if (strcmp(type, "input") == 0)
		return apply_input(s, r, why);
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

