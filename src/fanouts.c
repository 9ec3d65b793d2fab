/* SPDX-License-Identifier: ISC */
#include "fanouts.h"

#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "refs.h"
#include "values.h"

/* How much of a wrong word a complaint quotes. */
#define QUOTED 60

/*
 * Steps have the same items when one says `foreach = step:NAME` of the other,
 * or when they have the same words in `foreach` and one needs the other. So
 * each fan-out follows at most one step that it needs, and as needs have no
 * cycles the last one that is followed has a list of its own: the root.
 */
struct fanouts {
	struct draft *d;
	int *follows;		/* per step: whose items it has, possibly its
				   own; -1: no fan-out */
	int *words;		/* per step: number of its words in `foreach`,
				   or of those of the step whose items it has;
				   -1: none */
	struct table known;	/* words -> their number */
	struct arena arena;	/* of their text */
	int *first;		/* per number: the first ordinary step that has
				   these words; -1: none so far */
	int *common;		/* the same, of those that [defaults] needs */
	int n;
};

static bool is_fanout(const struct stepconf *c)
{
	return c->foreach.n > 0 || c->foreach_from != NULL;
}

static void check_twice(struct draft *d, const struct stepconf *c)
{
	struct table seen = { 0 };

	for (int k = 0; k < c->foreach.n; k++) {
		const char *word = c->foreach.v[k];

		if (strpbrk(word, "$*?[") != NULL)
			continue;
		if (table_get(&seen, word) == TABLE_NONE)
			table_put(&seen, word, k);
		else
			draft_complain(d, c->line[KEY_FOREACH], NULL,
				"foreach: \"%.*s\" is there twice", QUOTED,
				word);
	}
	table_release(&seen);
}

/* All items would write the same file. */
static void check_stdout(struct draft *d, int i)
{
	const struct stepconf *c = d->p->step[i].conf;

	if (c->stdout_to != NULL && strstr(c->stdout_to, "${") == NULL)
		draft_complain(d, c->line[KEY_STDOUT], mem_printf("put "
			"${ITEM_BASE} or the like into it"), "stdout = %.*s: "
			"each item of \"%s\" would replace the file of the "
			"one before", QUOTED, c->stdout_to,
			d->p->step[i].name);
}

/* log/STEP holds the logs of its items, log/OTHER.1.out is one of another's. */
static void check_logs(struct draft *d, int i)
{
	const char *name = d->p->step[i].name;
	const char *kind = strrchr(name, '.'), *number = kind;
	char *other;

	if (kind == NULL || kind == name)
		return;
	while (number > name && number[-1] >= '0' && number[-1] <= '9')
		number--;
	if (number == kind || number - 1 <= name || number[-1] != '.')
		return;
	other = mem_dupn(name, (size_t)(number - 1 - name));
	if (table_get(&d->p->names, other) != TABLE_NONE)
		draft_complain(d, d->p->step[i].line, NULL, "the logs of the "
			"items of \"%s\" would be where a log of \"%s\" is; "
			"give it another name", name, other);
	free(other);
}

static char *how_to_need(const struct step *step, const struct step *other)
{
	enum always always = other->conf->always;

	if (always != ALWAYS_NO && step->conf->always == ALWAYS_NO)
		return mem_printf("\"%s\" has always = %s and so runs only "
			"after all ordinary steps", other->name,
			always == ALWAYS_DONE ? "done" : "review");
	if (step->needs_all && other >= step)
		return mem_printf("put [step %s] above it", other->name);
	return mem_printf("add \"%s\" to its needs", other->name);
}

/* The step that "KEY = step:NAME" names, when the step waits for it; -1:
 * complained. */
static int find_needed(struct draft *d, int i, enum step_key id,
	const char *key, const char *name)
{
	const struct step *step = &d->p->step[i];
	int line = step->conf->line[id];
	int other = table_get(&d->p->names, name);

	if (other == TABLE_NONE) {
		draft_complain(d, line, draft_meant_step(d, name),
			"%s = step:%.*s: there is no such step", key, QUOTED,
			name);
		return -1;
	}
	if (draft_needs(d, i, other))
		return other;
	draft_complain(d, line, how_to_need(step, &d->p->step[other]),
		id == KEY_FOREACH ? "\"%s\" has the items of \"%s\", but "
		"does not wait for it" : "\"%s\" reads what \"%s\" wrote, "
		"but does not wait for it", step->name, name);
	return -1;
}

/* Of `foreach = step:NAME`; when that cannot be, it is as if the items were
 * its own, so that nothing more is said about them. */
static int follow_named(struct draft *d, int i, const char *name)
{
	const struct stepconf *c = d->p->step[i].conf;
	int line = c->line[KEY_FOREACH];
	int other = table_get(&d->p->names, name);

	if (other == i) {
		draft_complain(d, line, NULL, "foreach = step:%s: \"%s\" "
			"cannot have its items of itself", name, name);
		return i;
	}
	if (other != TABLE_NONE && !is_fanout(d->p->step[other].conf)) {
		draft_complain(d, line, mem_printf("for the lines of what it "
			"writes: foreach_from = step:%s", name),
			"foreach = step:%s: \"%s\" has no items, it has "
			"neither foreach nor foreach_from", name, name);
		return i;
	}
	other = find_needed(d, i, KEY_FOREACH, "foreach", name);
	return other != -1 ? other : i;
}

static void follow_names(struct fanouts *f)
{
	struct draft *d = f->d;

	for (int i = 0; i < d->p->nsteps; i++) {
		const struct stepconf *c = d->p->step[i].conf;
		const char *name = draft_items_of(c);

		f->follows[i] = !is_fanout(c) ? -1 :
			name != NULL ? follow_named(d, i, name) : i;
	}
}

/* Where the way from a fan-out ends. It is made shorter as it is walked, so
 * that all walks together are linear, or nearly so; and so that a circle, which
 * has been complained about, shrinks until it ends somewhere. */
static int end_of(int *follows, int i)
{
	while (follows[i] != i) {
		follows[i] = follows[follows[i]];
		i = follows[i];
	}
	return i;
}

/* The number of these words: no word has a blank in it. */
static int number_words(struct fanouts *f, const struct strlist *list)
{
	struct buf text = { 0 };
	int number;

	for (int i = 0; i < list->n; i++)
		buf_printf(&text, "%s ", list->v[i]);
	number = table_get(&f->known, text.data);
	if (number == TABLE_NONE) {
		number = f->n++;
		table_put(&f->known, arena_dup(&f->arena, text.data), number);
	}
	buf_release(&text);
	return number;
}

static void number_all(struct fanouts *f)
{
	struct pipeline *p = f->d->p;
	const char **last = NULL;
	int number = -1;

	for (int i = 0; i < p->nsteps; i++) {
		const struct strlist *list = &p->step[i].conf->foreach;

		f->words[i] = -1;
		if (f->follows[i] != i || list->n == 0)
			continue;
		/* Those of [defaults] are shared by many. */
		if (list->v != last)
			number = number_words(f, list);
		last = list->v;
		f->words[i] = number;
	}
	for (int i = 0; i < p->nsteps; i++)
		if (f->follows[i] != -1 && f->follows[i] != i)
			f->words[i] = f->words[end_of(f->follows, i)];
}

/* Of a list: the first step with these words, in the order of the file. */
static int first_of(const struct fanouts *f, const struct step *s, int words)
{
	int first = -1;

	for (int i = 0; i < s->nneeds; i++)
		if (f->words[s->needs[i]] == words &&
		    (first == -1 || s->needs[i] < first))
			first = s->needs[i];
	return first;
}

static void read_common(struct fanouts *f)
{
	struct draft *d = f->d;

	for (int i = 0; i < d->ncommon; i++) {
		int step = d->common[i], words = f->words[step];

		if (words != -1 && (f->common[words] == -1 ||
		    step < f->common[words]))
			f->common[words] = step;
	}
}

static void follow_words(struct fanouts *f)
{
	struct draft *d = f->d;
	size_t size = (size_t)f->n * sizeof(*f->first);

	f->first = mem_alloc(size);
	f->common = mem_alloc(size);
	memset(f->first, -1, size);
	memset(f->common, -1, size);
	read_common(f);
	for (int i = 0; i < d->p->nsteps; i++) {
		const struct step *s = &d->p->step[i];
		int words = f->words[i], same;

		if (words == -1)
			continue;
		same = s->needs_all ? f->first[words] :
			s->nneeds > 0 && s->needs == d->common ?
			f->common[words] : first_of(f, s, words);
		if (f->first[words] == -1 && s->conf->always == ALWAYS_NO)
			f->first[words] = i;
		if (f->follows[i] == i && same != -1)
			f->follows[i] = same;
	}
}

static void resolve_roots(struct fanouts *f)
{
	struct pipeline *p = f->d->p;

	follow_names(f);
	number_all(f);
	follow_words(f);
	for (int i = 0; i < p->nsteps; i++)
		p->step[i].root = f->follows[i] == -1 ? -1 :
			end_of(f->follows, i);
}

/* What an item writes is its own: only the same item of another step can read
 * it. */
static void check_reading(struct draft *d, int i, enum step_key id,
	const char *key, const char *value)
{
	const struct step *step = d->p->step;
	const char *name = value != NULL ? values_step(value) : NULL;
	int from;

	if (name == NULL)
		return;
	from = find_needed(d, i, id, key, name);
	if (from == -1 || step[from].root == -1 ||
	    (id == KEY_STDIN && step[from].root == step[i].root))
		return;
	draft_complain(d, step[i].conf->line[id], id == KEY_STDIN ?
		mem_printf("\"$DUREXEC_OUT_%s\" lists one file a line: xargs "
			"-d '\\n' cat <\"$DUREXEC_OUT_%s\"; or, item by item: "
			"foreach = step:%s", refs_variable(d, name),
			refs_variable(d, name), name) :
		mem_printf("for the same items: foreach = step:%s", name),
		"%s = step:%s: \"%s\" is a fan-out, and each of its items "
		"writes an output of its own", key, name, name);
}

void fanouts_resolve(struct draft *d)
{
	struct fanouts f = { .d = d };
	size_t n = (size_t)d->p->nsteps;

	f.follows = mem_alloc(n * sizeof(*f.follows));
	f.words = mem_alloc(n * sizeof(*f.words));
	resolve_roots(&f);
	free(f.follows);
	free(f.words);
	free(f.first);
	free(f.common);
	table_release(&f.known);
	arena_release(&f.arena);
	const char **last = NULL;

	for (int i = 0; i < d->p->nsteps; i++) {
		const struct stepconf *c = d->p->step[i].conf;

		check_reading(d, i, KEY_FOREACH_FROM, "foreach_from",
			c->foreach_from);
		check_reading(d, i, KEY_STDIN, "stdin", c->stdin_from);
		if (is_fanout(c)) {
			check_stdout(d, i);
			check_logs(d, i);
		}
		/* steps share the words of [defaults] */
		if (c->foreach.n > 1 && c->foreach.v != last) {
			last = c->foreach.v;
			check_twice(d, c);
		}
	}
}
