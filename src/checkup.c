/* SPDX-License-Identifier: ISC */
#include "checkup.h"

#include <unistd.h>

#include "io.h"
#include "preflight.h"
#include "script.h"

/* Steps that --dry-run names one by one. */
enum { NAMED = 50 };

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

int checkup_dry_run(const struct session *se, const struct options *o)
{
	struct complaints c = { 0 };
	struct buf out = { 0 };
	size_t n;
	int i, shown = 0, left = 0;

	preflight(se->p, se->planned ? &se->plan : NULL, se->ini, true, &c);
	n = c.n;
	session_complain(&c, o->json);
	complaints_release(&c);
	if (o->json || o->quiet)
		return n > 0 ? STATUS_USAGE : STATUS_DONE;
	if (se->p->shell == NULL && !script_have_bash())
		buf_str(&out, "there is no bash: scripts run with /bin/sh -ec\n");
	for (i = 0; i < se->p->nsteps; i++) {
		bool settled = se->planned && plan_settled(&se->plan, i);

		left += !settled;
		if (settled || ++shown > NAMED)
			continue;
		buf_printf(&out, "would run %s\n", se->p->step[i].name);
	}
	if (left > NAMED)
		buf_printf(&out, "… and %d more\n", left - NAMED);
	buf_printf(&out, "%d of %d steps to run, %zu thing%s missing; "
		"nothing was run or written\n", left, se->p->nsteps, n,
		n == 1 ? "" : "s");
	(void)io_write(STDOUT_FILENO, out.data, out.len);
	buf_release(&out);
	return n > 0 ? STATUS_USAGE : STATUS_DONE;
}
