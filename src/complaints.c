/* SPDX-License-Identifier: ISC */
#include "complaints.h"

#include <stdarg.h>
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

/* By line; qsort is not stable, so the order of adding decides the rest. */
struct place {
	int line;
	size_t index;
};

static int by_place(const void *a, const void *b)
{
	const struct place *x = a, *y = b;

	if (x->line != y->line)
		return x->line < y->line ? -1 : 1;
	return x->index < y->index ? -1 : x->index > y->index;
}

void complaints_sort(struct complaints *c)
{
	struct place *order;
	struct complaint *sorted;
	size_t n = 0;

	if (c->n < 2)
		return;
	order = mem_alloc(c->n * sizeof(*order));
	sorted = mem_alloc(c->n * sizeof(*sorted));
	for (size_t i = 0; i < c->n; i++) {
		order[i].line = c->v[i].line;
		order[i].index = i;
	}
	qsort(order, c->n, sizeof(*order), by_place);
	for (size_t i = 0; i < c->n; i++) {
		struct complaint *this = &c->v[order[i].index];

		if (n > 0 && sorted[n - 1].line == this->line &&
		    strcmp(sorted[n - 1].message, this->message) == 0 &&
		    strcmp(sorted[n - 1].file, this->file) == 0)
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
