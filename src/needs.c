/* SPDX-License-Identifier: ISC */
#include "needs.h"

#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "refs.h"

/* Of a longer cycle the middle is left out. */
#define SHOWN 10

/* How much of a wrong word a complaint quotes. */
#define QUOTED 60

struct resolving {
	struct draft *d;
	int *seen;		/* per step: 2 + the step whose list was the
				   last that named it; [defaults] is -1 */
	bool any;		/* `needs` stands in [defaults] */
	/* The list of [defaults] and one more, for steps that have the items of
	 * that one. */
	int *longer, more;
};

static bool is_always(const struct pipeline *p, int step)
{
	return p->step[step].conf->always != ALWAYS_NO;
}

/* Line to complain about when a step's needs are wrong. */
static int needs_line(const struct draft *d, int step)
{
	const struct setting *s = draft_find(d, &d->step[step], KEY_NEEDS);

	if (s == NULL)
		s = draft_find(d, &d->defaults, KEY_NEEDS);
	return s != NULL ? s->line : d->p->step[step].line;
}

/*
 * The steps that a list names. step: whose list it is, -1 for [defaults].
 * What cannot be is complained about and left out.
 */
static int *resolve(struct resolving *r, const struct setting *s, int step,
	int *n)
{
	struct draft *d = r->d;
	struct pipeline *p = d->p;
	struct strlist list = refs_words(d, s->line, "needs", s->value);
	const char *whose = step >= 0 ? p->step[step].name : "[defaults]";
	/* one more: need_source() */
	int *needs = arena_alloc(&p->arena,
		(size_t)(list.n + 1) * sizeof(*needs));

	*n = 0;
	for (int i = 0; i < list.n; i++) {
		const char *name = list.v[i];
		int k = table_get(&p->names, name);

		if (k == TABLE_NONE)
			draft_complain(d, s->line, draft_meant_step(d, name),
				"\"%s\" needs \"%.*s\", and there is no such "
				"step", whose, QUOTED, name);
		else if (k == step)
			draft_complain(d, s->line, mem_printf("take it out of "
				"its own needs"), "\"%s\" needs itself",
				whose);
		else if (r->seen[k] != step + 2)
			needs[(*n)++] = k;
		if (k != TABLE_NONE)
			r->seen[k] = step + 2;
	}
	return needs;
}

static void refuse_always(struct draft *d, int line, const char *whose,
	int needed)
{
	const struct step *s = &d->p->step[needed];

	draft_complain(d, line, mem_printf("take \"%s\" out of these needs, "
		"or take its always away", s->name),
		"\"%s\" needs \"%s\", which has always = %s and so runs only "
		"after all ordinary steps", whose, s->name,
		s->conf->always == ALWAYS_DONE ? "done" : "review");
}

/* Take the `always` steps out of an ordinary step's list. */
static void refuse_always_all(struct draft *d, int line, const char *whose,
	int *needs, int *n)
{
	int kept = 0;

	for (int i = 0; i < *n; i++) {
		if (is_always(d->p, needs[i]))
			refuse_always(d, line, whose, needs[i]);
		else
			needs[kept++] = needs[i];
	}
	*n = kept;
}

static void resolve_defaults(struct resolving *r)
{
	struct draft *d = r->d;
	const struct setting *s = draft_find(d, &d->defaults, KEY_NEEDS);
	int *needs;

	if (s == NULL)
		return;
	needs = resolve(r, s, -1, &d->ncommon);
	refuse_always_all(d, s->line, "[defaults]", needs, &d->ncommon);
	for (int i = 0; i < d->ncommon; i++)
		d->in_common[needs[i]] = true;
	r->any = true;
	d->common = needs;
}

/* Whose items a step has, or -1: what cannot be is told of by fanouts.c. */
static int source_of(const struct draft *d, int i)
{
	const char *name = draft_items_of(d->p->step[i].conf);
	int source = name != NULL ? table_get(&d->p->names, name) : -1;

	if (source == i || source == TABLE_NONE ||
	    (is_always(d->p, source) && !is_always(d->p, i)))
		return -1;
	return source;
}

/* The list of [defaults], which leaves out the step's source. */
static void need_more(struct resolving *r, struct step *step, int source)
{
	struct draft *d = r->d;
	int n = step->nneeds;
	bool shared = n > 0;

	step->nneeds++;
	if (shared && r->longer != NULL && r->more == source) {
		step->needs = r->longer;
		return;
	}
	r->longer = arena_alloc(&d->p->arena,
		(size_t)step->nneeds * sizeof(*r->longer));
	if (shared)
		memcpy(r->longer, d->common, (size_t)n * sizeof(*r->longer));
	r->longer[n] = source;
	r->more = source;
	step->needs = r->longer;
	if (!shared)
		r->longer = NULL;
}

static void resolve_step(struct resolving *r, int i)
{
	struct draft *d = r->d;
	struct step *step = &d->p->step[i];
	const struct setting *s = draft_find(d, &d->step[i], KEY_NEEDS);
	int source = source_of(d, i);
	int *needs;

	if (s == NULL && !r->any) {
		step->needs_all = true;
	} else if (s == NULL) {
		/* What all others wait for cannot wait for itself. */
		step->nneeds = d->in_common[i] ? 0 : d->ncommon;
		step->needs = step->nneeds > 0 ? d->common : NULL;
		if (source != -1 && (step->nneeds == 0 ||
		    !d->in_common[source]))
			need_more(r, step, source);
	} else {
		needs = resolve(r, s, i, &step->nneeds);
		if (!is_always(d->p, i))
			refuse_always_all(d, s->line, step->name, needs,
				&step->nneeds);
		if (source != -1 && r->seen[source] != i + 2)
			needs[step->nneeds++] = source;
		step->needs = needs;
	}
}

/* Does it have the list of [defaults]? It may be a long one, and is not read
 * again for each step. */
static bool is_shared(const struct draft *d, const struct step *s)
{
	return s->nneeds > 0 && s->needs == d->common;
}

/*
 * Cycles, by depth-first search without recursion. A step without a list
 * needs every ordinary step above it. So that this stays linear there is a
 * node n + i for "every ordinary step above i", which leads to n + i - 1 and
 * to step i - 1. In this order the search comes to the topmost step first,
 * and what it finds are short cycles. Node 2n is the list of [defaults].
 */
enum colour { NEW, OPEN, DONE, TOLD };

struct search {
	struct draft *d;
	struct pipeline *p;
	unsigned char *colour;	/* of 2n + 1 nodes */
	struct visit {
		int node, next;
	} *stack;
	int depth;
};

static int follow_prefix(const struct pipeline *p, struct visit *v)
{
	int above = v->node - p->nsteps - 1;

	if (v->next == 0) {
		v->next++;
		if (above > 0)
			return p->nsteps + above;
	}
	if (v->next == 1) {
		v->next++;
		if (!is_always(p, above))
			return above;
	}
	return -1;
}

/* The next node that a node leads to, or -1. */
static int follow(const struct search *s, struct visit *v)
{
	const struct draft *d = s->d;
	int n = s->p->nsteps;
	const struct step *step;

	if (v->node == 2 * n)
		return v->next < d->ncommon ? d->common[v->next++] : -1;
	if (v->node >= n)
		return follow_prefix(s->p, v);
	step = &s->p->step[v->node];
	if (step->needs_all)
		return v->node > 0 && v->next++ == 0 ? n + v->node : -1;
	if (is_shared(d, step))
		return v->next++ == 0 ? 2 * n : -1;
	return v->next < step->nneeds ? step->needs[v->next++] : -1;
}

/* stack[from .. depth) leads back to stack[from]. */
static void tell_cycle(struct search *s, int from)
{
	struct pipeline *p = s->p;
	struct buf text = { 0 };
	int steps = 0, at = 0, start = -1, all = -1;

	for (int i = from; i < s->depth; i++)
		steps += s->stack[i].node < p->nsteps;
	for (int i = from; i < s->depth; i++) {
		int node = s->stack[i].node;

		if (node >= p->nsteps)
			continue;
		if (start == -1)
			start = node;
		if (p->step[node].needs_all && all == -1)
			all = node;
		if (steps <= SHOWN || at < SHOWN / 2 || at >= steps - SHOWN / 2)
			buf_printf(&text, "%s -> ", p->step[node].name);
		else if (at == SHOWN / 2)
			buf_printf(&text, "(%d more) -> ", steps - SHOWN);
		at++;
	}
	draft_complain(s->d, needs_line(s->d, start), all == -1 ?
		mem_printf("take one of these needs out") :
		mem_printf("\"%s\" has no needs, so it waits for every step "
			"above it; say what it needs, or nothing: \"needs =\"",
			p->step[all].name),
		"these steps wait for each other: %s%s", text.data,
		p->step[start].name);
	buf_release(&text);
}

/*
 * One complaint for what hangs together: a node is told of once. Walking back
 * stops at the first one that was, so all walks together are linear.
 */
static void found_cycle(struct search *s, int node)
{
	int from = s->depth - 1;

	while (s->stack[from].node != node &&
	       s->colour[s->stack[from].node] != TOLD)
		from--;
	if (s->colour[s->stack[from].node] != TOLD)
		tell_cycle(s, from);
	for (int i = from; i < s->depth; i++)
		s->colour[s->stack[i].node] = TOLD;
}

static void search_from(struct search *s, int start)
{
	s->depth = 1;
	s->stack[0].node = start;
	s->stack[0].next = 0;
	s->colour[start] = OPEN;
	while (s->depth > 0) {
		struct visit *v = &s->stack[s->depth - 1];
		int node = follow(s, v);

		if (node == -1) {
			s->colour[v->node] = DONE;
			s->depth--;
		} else if (s->colour[node] == NEW) {
			s->colour[node] = OPEN;
			s->stack[s->depth].node = node;
			s->stack[s->depth].next = 0;
			s->depth++;
		} else if (s->colour[node] == OPEN) {
			found_cycle(s, node);
		}
	}
}

/* As in nearly all files; then there is no cycle. */
static bool all_point_up(const struct draft *d)
{
	const struct pipeline *p = d->p;
	int lowest = -1;

	for (int i = 0; i < d->ncommon; i++)
		if (d->common[i] > lowest)
			lowest = d->common[i];
	for (int i = 0; i < p->nsteps; i++) {
		const struct step *s = &p->step[i];

		if (is_shared(d, s)) {
			if (lowest > i)
				return false;
			continue;
		}
		for (int k = 0; k < s->nneeds; k++)
			if (s->needs[k] > i)
				return false;
	}
	return true;
}

static void check_cycles(struct draft *d)
{
	struct search s = { .d = d, .p = d->p };
	size_t nodes = 2 * (size_t)s.p->nsteps + 1;

	if (all_point_up(d))
		return;
	s.colour = mem_alloc(nodes);
	s.stack = mem_alloc(nodes * sizeof(*s.stack));
	for (int i = 0; i < s.p->nsteps; i++)
		if (s.colour[i] == NEW)
			search_from(&s, i);
	free(s.colour);
	free(s.stack);
}

void needs_resolve(struct draft *d)
{
	struct resolving r = { .d = d };
	size_t n = (size_t)d->p->nsteps;

	r.seen = mem_alloc(n * sizeof(*r.seen));
	d->in_common = mem_alloc(n * sizeof(*d->in_common));
	d->mark = mem_alloc(n * sizeof(*d->mark));
	d->marked = -1;
	resolve_defaults(&r);
	for (int i = 0; i < d->p->nsteps; i++)
		resolve_step(&r, i);
	free(r.seen);
	check_cycles(d);
}
