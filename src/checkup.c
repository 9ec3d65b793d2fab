/* SPDX-License-Identifier: ISC */
#include "checkup.h"

#include <string.h>
#include <unistd.h>

#include "fit.h"
#include "io.h"
#include "preflight.h"
#include "script.h"
#include "summary.h"

enum {
	/* Steps that --dry-run names one by one. */
	NAMED = 50,
	/* What it shows of where their items come from. */
	COLUMNS = 60
};

int checkup(const struct session *se)
{
	struct complaints c = { 0 };
	int status = 0;

	preflight(se->p, se->planned ? &se->plan : NULL, se->ini, false, &c);
	if (c.n > 0) {
		session_complain(&c, false);
		status = STATUS_USAGE;
	}
	complaints_release(&c);
	return status;
}

/* Words that are the items as they stand: no patterns, nothing replaced. */
static bool is_literal(const struct strlist *words)
{
	int i;

	for (i = 0; i < words->n; i++)
		if (strpbrk(words->v[i], "*?[\\$") != NULL)
			return false;
	return strncmp(words->v[0], "step:", 5) != 0;
}

/* Of a fan-out: " (3 items: a b c)", " (items from: *.wav)", " (2 of 3
 * items)". */
static void add_items(const struct session *se, int step,
	const struct summary *sum, struct buf *out)
{
	const struct stepconf *conf = se->p->step[step].conf;
	struct buf from = { 0 };
	int i, n = 0;

	if (se->planned)
		(void)plan_items(&se->plan, step, &n);
	if (n > 0) {
		buf_printf(out, " (%d of %d items)", sum->total - sum->done,
			sum->total);
		return;
	}
	for (i = 0; i < conf->foreach.n; i++)
		buf_printf(&from, "%s%s", i > 0 ? " " : "",
			conf->foreach.v[i]);
	if (conf->foreach_from != NULL)
		buf_str(&from, conf->foreach_from);
	if (conf->foreach.n > 0 && is_literal(&conf->foreach))
		buf_printf(out, " (%d item%s: ", conf->foreach.n,
			conf->foreach.n == 1 ? "" : "s");
	else
		buf_str(out, " (items from: ");
	fit_text(out, from.data, from.len, COLUMNS);
	buf_char(out, ')');
	buf_release(&from);
}

int checkup_dry_run(const struct session *se, const struct options *o)
{
	struct complaints c = { 0 };
	struct buf out = { 0 };
	size_t n;
	int i, shown = 0, left = 0, total = 0;
	bool fanouts = false;

	preflight(se->p, se->planned ? &se->plan : NULL, se->ini, true, &c);
	n = c.n;
	session_complain(&c, o->json);
	complaints_release(&c);
	if (o->json || o->quiet)
		return n > 0 ? STATUS_USAGE : STATUS_DONE;
	if (se->p->shell == NULL && !script_have_bash())
		buf_str(&out, "there is no bash: scripts run with /bin/sh -ec\n");
	for (i = 0; i < se->p->nsteps; i++) {
		struct summary sum = { .total = 1 };

		if (se->planned) {
			sum.total = 0;
			summary_add(&sum, &se->plan, i);
		}
		total += sum.total;
		left += sum.total - sum.done;
		fanouts |= se->p->step[i].root != -1;
		if (sum.done == sum.total || ++shown > NAMED)
			continue;
		buf_printf(&out, "would run %s", se->p->step[i].name);
		if (se->p->step[i].root != -1)
			add_items(se, i, &sum, &out);
		buf_char(&out, '\n');
	}
	if (shown > NAMED)
		buf_printf(&out, "… and %d more\n", shown - NAMED);
	buf_printf(&out, "%d of %d steps%s to run, %zu thing%s missing; "
		"nothing was run or written\n", left, total, fanouts ?
		" and items" : "", n, n == 1 ? "" : "s");
	io_answer(out.data, out.len);
	buf_release(&out);
	return n > 0 ? STATUS_USAGE : STATUS_DONE;
}
