/* SPDX-License-Identifier: ISC */
/* taken: what a record says of an attempt: how it ended, what it left, and
 * what it waits for. */
#include "fold.h"

#include <limits.h>
#include <string.h>

const char *fold_keep(struct state *s, const char *text)
{
	return text != NULL ? arena_dup(&s->arena, text) : NULL;
}

/* Fills the outcome and figures of t from r, when r has any. */
int fold_take_outcome(const struct record *r, struct task *t,
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
		return fold_bad(r, "outcome", why);
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
		return fold_bad(r, "figure", why);
	return 0;
}

/* What the command of an attempt left: proof, and its price. */
int fold_take_left(struct state *s, const struct record *r, struct task *t,
	struct why *why)
{
	const struct outcome *o = &t->outcome;
	int64_t cost;

	if (!record_get_number(r, "cost", 0, TASK_COST_MOST, 0, &cost))
		return fold_bad(r, "cost", why);
	/* nine thousand times the most: not refused, as a live run could not
	 * go on, but it stays there */
	t->cost += cost < INT64_MAX - t->cost ? cost : INT64_MAX - t->cost;
	s->cost += cost < INT64_MAX - s->cost ? cost : INT64_MAX - s->cost;
	if (record_get(r, "receipt") != NULL)
		t->receipt = true;
	if (record_get(r, "result") != NULL)
		t->result = fold_keep(s, record_get(r, "result"));
	/* errno with an exit: it could not be executed (126, 127). Without an
	 * outcome nothing was; t has that of an attempt before. */
	if (record_get(r, "outcome") != NULL && t->phase == PHASE_RUN &&
	    o->kind != OUTCOME_NONE &&
	    o->kind != OUTCOME_NOT_STARTED &&
	    (o->kind != OUTCOME_EXIT || o->err == 0))
		t->tried = true;
	return 0;
}

/* Waiting, and how often already. */
int fold_take_wait(const struct record *r, struct task *t, bool waits,
	struct why *why)
{
	const char *word = record_get(r, "wait");

	t->until_at = 0;
	t->parked = false;
	if (!waits)
		return 0;
	if (!record_get_number(r, "until", 0, INT64_MAX, 0, &t->until_at) ||
	    word == NULL)
		return fold_bad(r, "until", why);
	if (strcmp(word, "limit") == 0) {
		t->parked = true;
		if (t->parks++ == 0)
			t->parked_at = r->at;
		if (t->parks == 0)
			t->parks = UINT16_MAX;
		return 0;
	}
	/* what it called counts for itself */
	if (strcmp(word, "call") == 0)
		return 0;
	if (strcmp(word, "retry") != 0)
		return fold_bad(r, "wait", why);
	t->parks = 0;
	t->parked_at = 0;
	if (t->tries < UINT16_MAX)
		t->tries++;
	return 0;
}

void fold_fresh_tries(struct task *t)
{
	t->tries = t->parks = 0;
	t->parked_at = 0;
}
