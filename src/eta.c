/* SPDX-License-Identifier: ISC */
#include "eta.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"

/* Later than all that can be reckoned: nobody knows when. Ten thousand years:
 * sums of a few of these are no overflow. */
#define UNKNOWN ((int64_t)10000 * 366 * 86400 * 1000)

struct span {
	int64_t begin;
	int64_t alone;		/* it ends then, if nothing else took jobs */
	int64_t end;
};

/* The latest end among steps, and the latest among those that are not tied to
 * that one. */
struct latest {
	int64_t end, other_end;
	int root;
};

struct reckoning {
	const struct pipeline *p;
	const struct eta_work *work;
	int jobs;
	struct span *at;	/* begin -1: not reckoned yet */
	struct span *tied;	/* by root: of the ordinary steps above */
	int64_t *before;	/* all that is started before a step is done,
				   divided by the jobs */
	struct latest above;
	int *todo;
};

static int64_t least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static void raise_to(int64_t *at, int64_t least_at)
{
	if (least_at > UNKNOWN)
		least_at = UNKNOWN;
	if (*at < least_at)
		*at = least_at;
}

static int64_t product(int64_t n, int64_t ms)
{
	return ms <= 0 ? 0 : n > UNKNOWN / ms ? UNKNOWN : n * ms;
}

/* What is left of a step, one after another. What runs longer than it ought to
 * is taken to need another tenth. */
static int64_t work_of(const struct eta_work *w)
{
	int64_t begun = product(w->running, w->each_ms);

	return product(w->left, w->each_ms) -
		least(w->spent_ms, begun * 9 / 10);
}

static int64_t length(const struct reckoning *re, int step)
{
	const struct eta_work *w = &re->work[step];
	const struct stepconf *conf = re->p->step[step].conf;
	int64_t width = re->jobs, ms;

	if (w->left == 0)
		return 0;
	if (w->each_ms < 0)
		return UNKNOWN;
	if (conf->pool != -1)
		width = least(width, re->p->pool[conf->pool].nslots);
	if (conf->parallel > 0)
		width = least(width, conf->parallel);
	ms = work_of(w) / width;
	/* the last one takes as long as any */
	raise_to(&ms, w->left > w->running ? w->each_ms :
		work_of(w) / w->running);
	return ms;
}

/* The last ordinary step above that it waits for as a whole. */
static int64_t above_end(const struct reckoning *re, int root)
{
	return root != -1 && re->above.root == root ? re->above.other_end :
		re->above.end;
}

static bool is_tied(const struct pipeline *p, int a, int b)
{
	return p->step[a].root != -1 && p->step[a].root == p->step[b].root;
}

static int64_t one_of(const struct reckoning *re, int step)
{
	const struct eta_work *w = &re->work[step];

	return w->left == 0 ? 0 : w->each_ms < 0 ? UNKNOWN : w->each_ms;
}

/* The last item of the step comes behind that of a tied one, which ends then;
 * 0: nothing of that is left. */
static int64_t behind(const struct reckoning *re, int64_t end, int step)
{
	return end > 0 ? end + one_of(re, step) : 0;
}

/* All that it needs by name is reckoned. */
static void reckon(struct reckoning *re, int step)
{
	const struct step *st = &re->p->step[step];
	struct span *at = &re->at[step];
	int64_t begin = re->work[step].held_ms, end = 0;
	int i;

	for (i = 0; i < st->nneeds; i++) {
		int need = st->needs[i];

		if (is_tied(re->p, step, need)) {
			raise_to(&begin, re->at[need].begin +
				one_of(re, need));
			raise_to(&end, behind(re, re->at[need].alone, step));
		} else {
			raise_to(&begin, re->at[need].end);
		}
	}
	if (st->needs_all) {
		raise_to(&begin, above_end(re, st->root));
		if (st->root != -1) {
			raise_to(&begin, re->tied[st->root].begin);
			raise_to(&end, behind(re, re->tied[st->root].alone,
				step));
		}
	}
	raise_to(&end, begin + length(re, step));
	memset(at, 0, sizeof(*at));
	if (re->work[step].left == 0)
		return;
	at->begin = begin;
	at->alone = at->end = end;
	raise_to(&at->end, re->before[step]);
}

/* It, after what it needs by name: that may stand below it in the file. */
static void reckon_all_of(struct reckoning *re, int step)
{
	int n = 0, i;

	re->todo[n++] = step;
	while (n > 0) {
		const struct step *st = &re->p->step[re->todo[n - 1]];

		for (i = 0; i < st->nneeds &&
		    re->at[st->needs[i]].begin != -1; i++)
			;
		if (i < st->nneeds)
			re->todo[n++] = st->needs[i];
		else
			reckon(re, re->todo[--n]);
	}
}

/* From here on it is one of the steps above. */
static void pass(struct reckoning *re, int step)
{
	const struct span *at = &re->at[step];
	int root = re->p->step[step].root;
	struct latest *l = &re->above;

	if (root != -1) {
		raise_to(&re->tied[root].begin, at->begin + one_of(re, step));
		raise_to(&re->tied[root].alone, at->alone);
	}
	if (root != -1 && root == l->root) {
		raise_to(&l->end, at->end);
	} else if (at->end > l->end) {
		l->other_end = l->end;
		l->end = at->end;
		l->root = root;
	} else {
		raise_to(&l->other_end, at->end);
	}
}

static bool needs_below(const struct step *st, int step)
{
	int i;

	for (i = 0; i < st->nneeds; i++)
		if (st->needs[i] > step)
			return true;
	return false;
}

/* Steps are started in the order of the file, as far as it is that of needs;
 * tied ones item by item. */
static void sum_up(struct reckoning *re)
{
	const struct pipeline *p = re->p;
	int *last = mem_alloc(((size_t)p->nsteps + 1) * sizeof(*last)), i;
	int64_t sum = 0;

	for (i = 0; i < p->nsteps; i++) {
		if (!needs_below(&p->step[i], i))
			raise_to(&sum, sum + work_of(&re->work[i]));
		re->before[i] = sum / re->jobs;
		if (p->step[i].root != -1)
			last[p->step[i].root] = i;
	}
	for (i = 0; i < p->nsteps; i++)
		if (p->step[i].root != -1)
			re->before[i] = re->before[last[p->step[i].root]];
	free(last);
}

/* All of it, by all jobs; and what goes through each pool, by its slots. */
static int64_t least_of_all(const struct reckoning *re)
{
	const struct pipeline *p = re->p;
	int64_t *pool = mem_alloc(((size_t)p->npools + 1) * sizeof(*pool));
	int64_t sum = 0, least_ms = 0;
	int i;

	for (i = 0; i < p->nsteps; i++) {
		int in = p->step[i].conf->pool;

		raise_to(&sum, sum + work_of(&re->work[i]));
		if (in == -1)
			continue;
		raise_to(&pool[in], pool[in] + work_of(&re->work[i]));
		raise_to(&least_ms, pool[in] / p->pool[in].nslots);
	}
	raise_to(&least_ms, sum / re->jobs);
	free(pool);
	return least_ms;
}

void eta_reckon(const struct pipeline *p, const struct eta_work *work,
	int jobs, int64_t *end)
{
	size_t n = (size_t)p->nsteps + 1;
	struct reckoning re = { .p = p, .work = work, .jobs = jobs,
		.at = mem_alloc(n * sizeof(*re.at)),
		.tied = mem_alloc(n * sizeof(*re.tied)),
		.before = mem_alloc(n * sizeof(*re.before)),
		.todo = mem_alloc(n * sizeof(*re.todo)),
		.above = { .root = -1 } };
	int i;

	sum_up(&re);
	for (i = 0; i < p->nsteps; i++)
		re.at[i].begin = -1;
	for (i = 0; i < p->nsteps; i++) {
		if (p->step[i].conf->always != ALWAYS_NO)
			continue;
		if (re.at[i].begin == -1)
			reckon_all_of(&re, i);
		pass(&re, i);
	}
	/* clean-up comes after all of these */
	for (i = 0; i < p->nsteps; i++)
		if (p->step[i].conf->always != ALWAYS_NO &&
		    re.at[i].begin == -1) {
			reckon_all_of(&re, i);
			if (re.work[i].left > 0)
				raise_to(&re.at[i].end, re.above.end +
					length(&re, i));
		}
	end[p->nsteps] = least_of_all(&re);
	for (i = 0; i < p->nsteps; i++) {
		end[i] = re.at[i].end;
		raise_to(&end[p->nsteps], end[i]);
	}
	for (i = 0; i <= p->nsteps; i++)
		if (end[i] >= UNKNOWN)
			end[i] = -1;
	free(re.at);
	free(re.tied);
	free(re.before);
	free(re.todo);
}
