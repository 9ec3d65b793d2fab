/* SPDX-License-Identifier: ISC */
#include "rerun.h"

#include <stdlib.h>
#include <string.h>

#include "act.h"
#include "mem.h"
#include "options.h"
#include "stale.h"
#include "typed.h"

/* Of many, the first ones are named. */
enum { NAMED = 20 };

bool rerun_leaves(const struct plan *pl, int unit)
{
	return plan_unit(pl, unit)->receipt ||
		pl->p->step[plan_step(pl, unit)].conf->never;
}

static void tell(struct buf *out, const struct plan *pl, int unit,
	const char *reason, bool gone)
{
	const struct task *t = plan_unit(pl, unit);
	struct buf typed = { 0 };

	typed_run(pl->p, pl->p->path, t->name, &typed);
	if (rerun_leaves(pl, unit))
		buf_printf(out, "%s is stale (%s) and stays done (%s); to "
			"run it again: durexec rewind %s\n", t->name, reason,
			t->receipt ? "its receipt was seen" : "rerun = never",
			typed.data);
	else
		buf_printf(out, "%s is stale: %s%s\n", t->name, reason,
			gone ? "; without it, it cannot run again, and stays "
			"done" : "");
	buf_release(&typed);
}

int rerun_stale(struct plan *pl, struct journal *j, struct buf *stale,
	struct buf *answer, int *changed, struct why *why)
{
	struct act act = { .verb = ACT_REWIND, .by = "rerun-stale" };
	char **name = NULL;
	size_t cap = 0;
	struct buf reason = { 0 };
	struct stale st;
	int i, n = 0, ret = 0;

	*changed = 0;
	stale_init(&st, pl);
	for (i = 0; i < (int)pl->nunits; i++) {
		buf_reset(&reason);
		if (!stale_is(&st, i, n < NAMED ? &reason : NULL))
			continue;
		if (n++ < NAMED)
			tell(stale, pl, i, reason.data, stale_gone(&st, i));
		if (rerun_leaves(pl, i) || stale_gone(&st, i))
			continue;
		name = mem_grow(name, (size_t)act.n, &cap, sizeof(*name));
		name[act.n++] = (char *)plan_unit(pl, i)->name;
	}
	if (n > NAMED)
		buf_printf(stale, "… and %d more are stale\n", n - NAMED);
	act.name = name;
	if (act.n > 0)
		ret = act_on(&act, pl, j, answer, changed, why);
	buf_release(&reason);
	stale_release(&st);
	free(name);
	return ret;
}

static void say(struct buf *lines)
{
	char *rest = lines->data, *line;

	while (rest != NULL && (line = strsep(&rest, "\n")) != NULL)
		if (*line != '\0')
			msg_note("%s", line);
}

int rerun(struct session *se, bool write)
{
	struct buf stale = { 0 }, answer = { 0 };
	struct why why;
	int changed, status = STATUS_DONE;

	if (se->s.closed != NULL && strcmp(se->s.closed, "closed") == 0)
		return status;
	if (write && session_open_write(se, &why) == -1) {
		msg_error("%s", why.text);
		return STATUS_STATE;
	}
	if (rerun_stale(&se->plan, &se->j, &stale, &answer, &changed,
	    &why) == -1) {
		msg_error("%s", why.text);
		status = STATUS_USAGE;
	} else if (write && journal_commit(&se->j, &why) == -1) {
		msg_error("%s", why.text);
		status = STATUS_STATE;
	} else {
		if (stale.len == 0)
			msg_note("nothing is stale");
		say(&stale);
		if (write)
			say(&answer);
	}
	buf_release(&stale);
	buf_release(&answer);
	return status;
}
