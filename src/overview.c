/* SPDX-License-Identifier: ISC */
#include "overview.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "io.h"
#include "json.h"
#include "mem.h"
#include "quote.h"
#include "safe.h"

/* The last one that ended stands below. */
static int by_end(const void *a, const void *b)
{
	const struct candidate *const *x = a, *const *y = b;
	int64_t left = (*x)->ended_at, right = (*y)->ended_at;

	return left != right ? (left < right ? -1 : 1) :
		strcmp((*x)->name, (*y)->name);
}

static void one_json(const struct candidate *c, struct buf *out)
{
	size_t i;

	json_open(out, '{');
	json_key(out, "pipeline");
	json_text(out, c->name);
	json_key(out, "file");
	json_said(out, c->path);
	json_key(out, "parameters");
	json_open(out, '[');
	for (i = 0; i < c->ngiven; i++)
		json_said(out, c->given[i]);
	json_close(out, ']');
	json_key(out, "run");
	json_text(out, c->id);
	json_key(out, "state");
	json_text(out, c->state);
	json_key(out, "started");
	json_time(out, c->started_at);
	json_key(out, "ended");
	json_time(out, c->ended_at);
	json_key(out, "needs_review");
	json_number(out, c->review);
	json_close(out, '}');
}

static void one_line(const struct candidate *c, size_t width,
	struct buf *out)
{
	char when[CLOCK_SPAN];
	size_t i, n = out->len;

	safe_line(out, c->name, strlen(c->name));
	n = out->len - n;
	buf_printf(out, "%*s", n < width ? (int)(width - n) : 0, "");
	buf_printf(out, "  %-12s", strcmp(c->state, "needs_review") == 0 ?
		"needs review" : c->state);
	if (c->ended_at != 0) {
		clock_local(c->ended_at, when);
		buf_printf(out, "  last ended %s", when);
	} else {
		clock_local(c->started_at, when);
		buf_printf(out, "  started %s", when);
	}
	if (c->review > 0)
		buf_printf(out, ", %d in review", c->review);
	buf_str(out, "  ");
	quote_word(out, c->path);
	for (i = 0; i < c->ngiven; i++) {
		buf_char(out, ' ');
		quote_word(out, c->given[i]);
	}
	buf_char(out, '\n');
}

void overview_show(const struct candidate *c, size_t n,
	const struct options *o)
{
	const struct candidate **order = mem_alloc((n + 1) * sizeof(*order));
	struct buf out = { 0 };
	size_t i, width = 0;

	for (i = 0; i < n; i++) {
		order[i] = &c[i];
		if (strlen(c[i].name) > width)
			width = strlen(c[i].name);
	}
	qsort(order, n, sizeof(*order), by_end);
	if (o->json)
		json_open(&out, '[');
	for (i = 0; i < n; i++) {
		if (o->json)
			one_json(order[i], &out);
		else
			one_line(order[i], width, &out);
	}
	if (o->json) {
		json_close(&out, ']');
		buf_char(&out, '\n');
	}
	io_answer(out.data, out.len);
	buf_release(&out);
	free(order);
}
