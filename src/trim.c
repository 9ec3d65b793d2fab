/* SPDX-License-Identifier: ISC */
#include "trim.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "env.h"
#include "mem.h"
#include "values.h"

struct trim {
	const struct plan *pl;
	const struct rundir *d;
	bool *read;		/* per step: another one reads its stdout */
	struct buf path;
};

static void mark_named(struct trim *tr, const char *value)
{
	const char *name = value != NULL ? values_step(value) : NULL;
	int step = name != NULL ? pipeline_find(tr->pl->p, name) : -1;

	if (step != -1)
		tr->read[step] = true;
}

/* Those whose DUREXEC_OUT_STEP stands anywhere in the file. */
static void mark_variables(struct trim *tr)
{
	static const char variable[] = "DUREXEC_OUT_";
	const struct pipeline *p = tr->pl->p;
	const char *at = p->text, *end = p->text + p->text_len;
	struct table names = { 0 };
	struct arena arena = { 0 };
	struct buf name = { 0 };
	size_t n;
	int i;

	for (i = 0; i < p->nsteps; i++) {
		buf_reset(&name);
		env_variable(&name, p->step[i].name);
		if (table_get(&names, name.data) == TABLE_NONE)
			table_put(&names, arena_dup(&arena, name.data), i);
	}
	while ((at = memmem(at, (size_t)(end - at), variable,
	    strlen(variable))) != NULL) {
		at += strlen(variable);
		for (n = 0; at + n < end && (isalnum((unsigned char)at[n]) ||
		    at[n] == '_'); n++)
			;
		buf_reset(&name);
		buf_add(&name, at, n);
		i = n > 0 ? table_get(&names, name.data) : TABLE_NONE;
		if (i != TABLE_NONE)
			tr->read[i] = true;
	}
	table_release(&names);
	arena_release(&arena);
	buf_release(&name);
}

static void drop(struct trim *tr, const struct task *t, int attempt,
	const char *kind)
{
	buf_reset(&tr->path);
	task_log(tr->pl->s, t, attempt, kind, &tr->path);
	(void)unlinkat(tr->d->fd, tr->path.data, 0);
}

/* c NULL: its step is no longer in the file. */
static void trim_attempt(struct trim *tr, const struct task *t, int attempt,
	const struct stepconf *c, bool keep_out)
{
	bool last = attempt == t->attempts;
	int i;

	/* a million of them: what the state knows is not tried */
	if (!keep_out && (!last || t->out_bytes > 0))
		drop(tr, t, attempt, "out");
	if (!last || t->err_bytes > 0 || c == NULL || c->inputs.n > 0)
		drop(tr, t, attempt, "err");
	if (state_fan(tr->pl->s, t) != NULL)
		drop(tr, t, attempt, "list");
	if (c == NULL || c->condition != NULL)
		drop(tr, t, attempt, "if");
	if (c == NULL || c->inputs.n > 0)
		drop(tr, t, attempt, "inputs");
	if (c == NULL || c->outputs.n > 0 || c->stdout_to != NULL) {
		drop(tr, t, attempt, "settle");
		drop(tr, t, attempt, "place");
	}
	for (i = 0; c != NULL && i < c->gates.n; i++)
		drop(tr, t, attempt, c->gates.v[i].name);
}

void trim_logs(const struct plan *pl, const struct rundir *d)
{
	const struct pipeline *p = pl->p;
	struct trim tr = { .pl = pl, .d = d };
	int i, k, step;

	if (p->keep_logs != KEEP_LOGS_FAILED || pl->s->closed == NULL ||
	    strcmp(pl->s->closed, "done") != 0)
		return;
	tr.read = mem_alloc((size_t)p->nsteps + 1);
	for (i = 0; i < p->nsteps; i++) {
		mark_named(&tr, p->step[i].conf->stdin_from);
		mark_named(&tr, p->step[i].conf->foreach_from);
	}
	mark_variables(&tr);
	for (i = 0; i < (int)pl->s->ntasks; i++) {
		const struct task *t = &pl->s->task[i];

		if (t->state != TASK_DONE && t->state != TASK_SKIPPED)
			continue;
		step = plan_step(pl, i);
		for (k = 1; k <= t->attempts; k++)
			trim_attempt(&tr, t, k, step != -1 ?
				p->step[step].conf : NULL, step != -1 &&
				tr.read[step] && k == t->attempts);
	}
	free(tr.read);
	buf_release(&tr.path);
}
