/* SPDX-License-Identifier: ISC */
#include "names.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "guess.h"
#include "mem.h"

/* Who has more items than this is not told what was probably meant. */
enum { GUESSED_MOST = 10000 };

/* One way to read a word: its first bytes are the step, or a pattern of it. */
struct reading {
	char *step, *item;
	bool step_is_pattern, item_is_pattern;
};

static bool is_pattern(const char *text)
{
	return strpbrk(text, "*?[\\") != NULL;
}

/* Where the step ends in "STEP[ITEM]" or "STEP/ITEM", at `from` or behind it;
 * NULL: no further way to read it. */
static const char *split(const char *word, const char *from)
{
	size_t n = strlen(word);

	/* no step has an empty name */
	from += from == word && n > 0;
	from += strcspn(from, n > 0 && word[n - 1] == ']' ? "[/" : "/");
	return *from != '\0' && n > 0 ? from : NULL;
}

static void read_at(struct reading *r, const char *word, const char *at)
{
	size_t n = strlen(at + 1);

	r->step = mem_dupn(word, (size_t)(at - word));
	r->item = mem_dupn(at + 1, *at == '[' ? n - 1 : n);
	r->step_is_pattern = is_pattern(r->step);
	r->item_is_pattern = is_pattern(r->item);
}

static void reading_release(struct reading *r)
{
	free(r->step);
	free(r->item);
}

static void add(struct names *found, int unit)
{
	found->unit = mem_grow(found->unit, found->n, &found->cap,
		sizeof(*found->unit));
	found->unit[found->n++] = unit;
}

/* The item of a step, by name; -1 none. */
static int find_item(const struct plan *pl, int step, const char *item,
	struct buf *name)
{
	int task;

	buf_reset(name);
	buf_printf(name, "%s[%s]", pl->p->step[step].name, item);
	task = state_find(pl->s, name->data);
	return task != -1 && plan_step(pl, task) == step ? task : -1;
}

/* Any way to read the word as the name of an item that is there. */
static bool find_exact(const struct plan *pl, const char *word,
	struct names *found)
{
	struct buf name = { 0 };
	const char *at;

	for (at = split(word, word); at != NULL && found->n == 0;
	    at = split(word, at + 1)) {
		struct reading r;
		int step, unit;

		read_at(&r, word, at);
		step = pipeline_find(pl->p, r.step);
		unit = step != -1 ? find_item(pl, step, r.item, &name) : -1;
		if (unit != -1)
			add(found, unit);
		reading_release(&r);
	}
	buf_release(&name);
	return found->n > 0;
}

static void match_items(const struct plan *pl, int step,
	const struct reading *r, struct names *found)
{
	struct buf text = { 0 };
	int n, i, unit;
	const int *items = plan_items(pl, step, &n);

	if (!r->item_is_pattern) {
		unit = find_item(pl, step, r->item, &text);
		if (unit != -1)
			add(found, unit);
		n = 0;
	}
	for (i = 0; i < n; i++) {
		buf_reset(&text);
		task_item(pl->s, plan_unit(pl, items[i]), &text);
		if (fnmatch(r->item, text.data, 0) == 0)
			add(found, items[i]);
	}
	buf_release(&text);
}

/* What is there instead of the item. */
static int no_such_item(const struct plan *pl, int step, const char *item,
	struct why *why)
{
	const char *name = pl->p->step[step].name, *near = NULL;
	struct buf text = { 0 };
	int n, i;
	const int *items = plan_items(pl, step, &n);

	if (n <= GUESSED_MOST) {
		const char **word = mem_alloc(((size_t)n + 1) * sizeof(*word));
		size_t *at = mem_alloc(((size_t)n + 1) * sizeof(*at));

		for (i = 0; i < n; i++) {
			at[i] = text.len;
			task_item(pl->s, plan_unit(pl, items[i]), &text);
			buf_char(&text, '\0');
		}
		for (i = 0; i < n; i++)
			word[i] = text.data + at[i];
		near = guess(item, word, (size_t)n);
		free(word);
		free(at);
	}
	if (near != NULL)
		why_set(why, "step %s has no item %s; did you mean %s[%s]?",
			name, item, name, near);
	else
		why_set(why, "step %s has no item %s", name, item);
	buf_release(&text);
	return -1;
}

/* The word read as a pattern in one way. 1: it means items; 0: it does not,
 * read so; -1 + why. */
static int match(const struct plan *pl, const struct reading *r,
	struct names *found, struct why *why)
{
	const struct pipeline *p = pl->p;
	int exact = r->step_is_pattern ? -1 : pipeline_find(p, r->step);
	int i = exact, end = exact + 1, n = 0, last = -1, unknown = -1;

	if (exact == -1)
		i = 0, end = r->step_is_pattern ? p->nsteps : 0;
	for (; i < end; i++) {
		if (p->step[i].root == -1 || (i != exact &&
		    fnmatch(r->step, p->step[i].name, 0) != 0))
			continue;
		n++;
		last = i;
		if (state_fan(pl->s, plan_task(pl, i)) == NULL)
			unknown = i;
		match_items(pl, i, r, found);
	}
	found->loose = r->step_is_pattern || r->item_is_pattern;
	if (n == 0 || found->n > 0)
		return n > 0;
	if (unknown != -1) {
		if (exact != -1 && !r->item_is_pattern)
			found->unlisted = exact;
		return why_set(why, "the items of %s are not known yet",
			p->step[unknown].name);
	}
	if (n > 1 || r->item_is_pattern)
		return why_set(why, "no item of %s is like %s", n == 1 ?
			p->step[last].name : r->step, r->item);
	return no_such_item(pl, last, r->item, why);
}

static int match_steps(const struct plan *pl, const char *word,
	struct names *found, struct why *why)
{
	const struct pipeline *p = pl->p;
	const char *at = split(word, word);
	struct reading r = { 0 };
	int i, step;

	for (i = 0; i < p->nsteps && is_pattern(word); i++)
		if (fnmatch(word, p->step[i].name, 0) == 0)
			add(found, pl->stage[i].task);
	if (found->n > 0)
		return 0;
	if (at != NULL)
		read_at(&r, word, at);
	step = at != NULL ? pipeline_find(p, r.step) : -1;
	if (step != -1)
		why_set(why, "step %s has no items: it is no fan-out", r.step);
	else
		(void)pipeline_no_such_step(p, at != NULL &&
			!r.step_is_pattern ? r.step : word, why);
	reading_release(&r);
	return -1;
}

int names_find(const struct plan *pl, const char *word, struct names *found,
	struct why *why)
{
	int step = pipeline_find(pl->p, word), ret = 0;
	const char *at;

	found->n = 0;
	found->loose = false;
	found->unlisted = -1;
	if (step != -1)
		add(found, pl->stage[step].task);
	if (step != -1 || find_exact(pl, word, found))
		return 0;
	for (at = split(word, word); at != NULL && ret == 0;
	    at = split(word, at + 1)) {
		struct reading r;

		read_at(&r, word, at);
		ret = match(pl, &r, found, why);
		reading_release(&r);
	}
	if (ret != 0)
		return ret == 1 ? 0 : -1;
	found->loose = false;
	return match_steps(pl, word, found, why);
}

void names_release(struct names *found)
{
	free(found->unit);
	memset(found, 0, sizeof(*found));
}
