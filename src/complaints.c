/* SPDX-License-Identifier: ISC */
#include "complaints.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"

void complaints_addv(struct complaints *c, const char *file, int line,
	const char *hint, const char *fmt, va_list ap)
{
	struct complaint *new;
	va_list again;
	char small[256];
	int n;

	c->v = mem_grow(c->v, c->n, &c->cap, sizeof(*c->v));
	new = &c->v[c->n++];
	new->file = mem_dup(file);
	new->line = line;
	new->hint = hint != NULL ? mem_dup(hint) : NULL;

	va_copy(again, ap);
	n = vsnprintf(small, sizeof(small), fmt, ap);
	if ((size_t)n < sizeof(small)) {
		new->message = mem_dup(small);
	} else {
		new->message = mem_alloc((size_t)n + 1);
		vsnprintf(new->message, (size_t)n + 1, fmt, again);
	}
	va_end(again);
}

void complaints_add(struct complaints *c, const char *file, int line,
	const char *hint, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	complaints_addv(c, file, line, hint, fmt, ap);
	va_end(ap);
}

static void complaint_release(struct complaint *c)
{
	free(c->file);
	free(c->message);
	free(c->hint);
}

/* By file and line; qsort is not stable, so the order of adding decides the
 * rest. */
struct place {
	int file;
	int line;
	size_t index;
};

static int by_place(const void *a, const void *b)
{
	const struct place *x = a, *y = b;

	if (x->file != y->file)
		return x->file < y->file ? -1 : 1;
	if (x->line != y->line)
		return x->line < y->line ? -1 : 1;
	return x->index < y->index ? -1 : x->index > y->index;
}

/* Files in the order in which complaints about them came first. There are
 * few: the pipeline's, and those of presets. */
static struct place *places(const struct complaints *c)
{
	struct place *place = mem_alloc(c->n * sizeof(*place));
	const char **file = mem_alloc(c->n * sizeof(*file));
	int files = 0, at = 0;

	for (size_t i = 0; i < c->n; i++) {
		if (files == 0 || strcmp(file[at], c->v[i].file) != 0) {
			for (at = 0; at < files; at++)
				if (strcmp(file[at], c->v[i].file) == 0)
					break;
			if (at == files)
				file[files++] = c->v[i].file;
		}
		place[i].file = at;
		place[i].line = c->v[i].line;
		place[i].index = i;
	}
	free(file);
	return place;
}

/* How many of the complaints about a line are looked at for one that says the
 * same: more than anybody has about one line, and a bound. */
#define SAME_LINE 32

static bool is_repeated(const struct complaint *v, size_t n,
	const struct complaint *this)
{
	for (size_t i = n; i > 0 && n - i < SAME_LINE; i--) {
		const struct complaint *other = &v[i - 1];

		if (other->line != this->line ||
		    strcmp(other->file, this->file) != 0)
			return false;
		if (strcmp(other->message, this->message) == 0)
			return true;
	}
	return false;
}

void complaints_sort(struct complaints *c)
{
	struct place *order;
	struct complaint *sorted;
	size_t n = 0;

	if (c->n < 2)
		return;
	order = places(c);
	sorted = mem_alloc(c->n * sizeof(*sorted));
	qsort(order, c->n, sizeof(*order), by_place);
	for (size_t i = 0; i < c->n; i++) {
		struct complaint *this = &c->v[order[i].index];

		if (is_repeated(sorted, n, this))
			complaint_release(this);
		else
			sorted[n++] = *this;
	}
	free(order);
	free(c->v);
	c->v = sorted;
	c->cap = c->n;
	c->n = n;
}

void complaints_release(struct complaints *c)
{
	for (size_t i = 0; i < c->n; i++)
		complaint_release(&c->v[i]);
	free(c->v);
	memset(c, 0, sizeof(*c));
}
