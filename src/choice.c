/* SPDX-License-Identifier: ISC */
#include "choice.h"

#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "msg.h"

int choice_check(const struct session *se, const struct options *o)
{
	char *list = mem_dup(o->only != NULL ? o->only : ""), *rest = list;
	char *word;
	struct why why;
	int status = 0;

	while (status == 0 && (word = strsep(&rest, ", ")) != NULL)
		if (*word != '\0' && pipeline_find(se->p, word) < 0)
			status = pipeline_no_such_step(se->p, word, &why);
	if (status == 0 && o->until != NULL &&
	    pipeline_find(se->p, o->until) < 0)
		status = pipeline_no_such_step(se->p, o->until, &why);
	if (status != 0)
		msg_error("%s", why.text);
	free(list);
	return status == 0 ? 0 : STATUS_USAGE;
}

void choice_make(struct session *se, const struct options *o)
{
	char *list, *word, *rest;
	int *step = mem_alloc(((size_t)se->p->nsteps + 1) * sizeof(*step));
	int n = 0, k;

	list = rest = mem_dup(o->only != NULL ? o->only : "");
	while ((word = strsep(&rest, ", ")) != NULL && n < se->p->nsteps) {
		if (*word == '\0')
			continue;
		k = pipeline_find(se->p, word);
		if (plan_task(&se->plan, k)->state == TASK_DONE)
			msg_note("step %s is done; to run it again: durexec "
				"rewind %s %s", word, se->ini, word);
		step[n++] = k;
	}
	if (o->only != NULL)
		plan_choose_only(&se->plan, step, n);
	if (o->until != NULL)
		plan_choose_until(&se->plan, pipeline_find(se->p, o->until));
	free(list);
	free(step);
}
