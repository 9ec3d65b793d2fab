/* SPDX-License-Identifier: ISC */
#include "forget.h"

#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "names.h"
#include "safe.h"
#include "substep.h"

static char *sub_of(const struct plan *pl, int unit)
{
	struct buf sub = { 0 };

	task_sub(pl->s, plan_unit(pl, unit), &sub);
	return buf_steal(&sub);
}

/* Of one step or item. */
static bool add(struct forget *f, const struct plan *pl, int dirfd, int unit,
	const char *pattern, const char *word)
{
	char *sub = sub_of(pl, unit);
	struct why why;
	size_t n = 0;

	(void)substep_forget(dirfd, sub, pattern, true, &n, &why);
	free(sub);
	if (n == 0)
		return false;
	f->v = mem_grow(f->v, f->n, &f->cap, sizeof(*f->v));
	f->v[f->n].unit = unit;
	f->v[f->n].pattern = mem_dup(pattern);
	f->v[f->n].word = mem_dup(word);
	f->v[f->n++].found = n;
	return true;
}

bool forget_find(struct forget *f, const struct plan *pl, int dirfd,
	const char *word, struct why *why)
{
	struct names found = { 0 };
	const char *slash = word;
	bool any = false;
	struct why inner;
	size_t i;

	/* both may have a slash in them: the first way to read it counts */
	while (!any && (slash = strchr(slash, '/')) != NULL) {
		char *task = mem_dupn(word, (size_t)(slash - word));

		slash++;
		if (names_find(pl, task, &found, &inner) == 0) {
			for (i = 0; i < found.n; i++)
				any |= add(f, pl, dirfd, found.unit[i], slash,
					word);
			if (!any && pl->p->step[plan_step(pl,
			    found.unit[0])].root == -1)
				why_set(why, "%s has called no step %s "
					"(durexec status shows what it has)",
					task, slash);
		}
		free(task);
	}
	names_release(&found);
	return any;
}

int forget_all(const struct forget *f, const struct plan *pl, int dirfd,
	struct buf *answer, struct why *why)
{
	size_t i, n;
	int ret = 0;

	for (i = 0; i < f->n && ret == 0; i++) {
		char *sub = sub_of(pl, f->v[i].unit);

		ret = substep_forget(dirfd, sub, f->v[i].pattern, false, &n,
			why);
		free(sub);
		if (ret == -1)
			break;
		safe_line(answer, f->v[i].word, strlen(f->v[i].word));
		if (n == 1)
			buf_str(answer, " is forgotten\n");
		else
			buf_printf(answer, ": %zu are forgotten\n", n);
	}
	return ret;
}

void forget_release(struct forget *f)
{
	while (f->n > 0) {
		f->n--;
		free(f->v[f->n].pattern);
		free(f->v[f->n].word);
	}
	free(f->v);
	memset(f, 0, sizeof(*f));
}
