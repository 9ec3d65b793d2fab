/* SPDX-License-Identifier: ISC */
#include "catalogue.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "complaints.h"
#include "guess.h"
#include "io.h"
#include "mem.h"
#include "msg.h"
#include "presets.h"
#include "safe.h"
#include "source.h"
#include "table.h"

struct entry {
	const char *name;
	const char *from;
	struct preset_text preset;
};

struct catalogue {
	struct entry *v;
	size_t n, cap;
	struct table names;
	struct arena arena;
	const char *from;	/* the file that is being read */
};

static void add(void *ctx, const struct preset_text *preset)
{
	struct catalogue *c = ctx;
	struct entry *e;

	/* What was read before is stronger. */
	if (preset->pool || table_get(&c->names, preset->name) != TABLE_NONE)
		return;
	c->v = mem_grow(c->v, c->n, &c->cap, sizeof(*c->v));
	e = &c->v[c->n];
	e->name = arena_dup(&c->arena, preset->name);
	e->from = c->from;
	e->preset = *preset;
	table_put(&c->names, e->name, (int)c->n++);
}

/* -1: said why. */
static int read_file(struct catalogue *c, const char *path, const char *what)
{
	struct complaints said = { 0 };
	struct buf line = { 0 };
	size_t len;
	const char *text = source_read(path, what, &c->arena, &len, &said);

	for (size_t i = 0; i < said.n; i++) {
		buf_reset(&line);
		buf_printf(&line, "%s: %s", said.v[i].file, said.v[i].message);
		if (said.v[i].hint != NULL)
			buf_printf(&line, " (%s)", said.v[i].hint);
		msg_error("%s", line.data);
	}
	complaints_release(&said);
	buf_release(&line);
	if (text == NULL)
		return -1;
	c->from = arena_dup(&c->arena, path);
	presets_scan(text, len, add, c);
	return 0;
}

static int read_all(struct catalogue *c, const char *ini)
{
	char *user;
	const char *text;
	size_t len;

	if (ini != NULL && read_file(c, ini, "the pipeline") == -1)
		return -1;
	user = presets_user_file();
	if (user != NULL && read_file(c, user, "presets") == -1) {
		free(user);
		return -1;
	}
	free(user);
	c->from = "durexec";
	text = presets_shipped(&len);
	presets_scan(text, len, add, c);
	return 0;
}

static int by_name(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static void list(struct catalogue *c, struct buf *out)
{
	int width = 0;

	/* an empty array has no address */
	if (c->n > 0)
		qsort(c->v, c->n, sizeof(*c->v), by_name);
	for (size_t i = 0; i < c->n; i++)
		if ((int)strlen(c->v[i].name) > width)
			width = (int)strlen(c->v[i].name);
	for (size_t i = 0; i < c->n; i++) {
		const struct entry *e = &c->v[i];

		buf_printf(out, "%-*s  ", width, e->name);
		safe_line(out, e->preset.summary, e->preset.summary_len);
		buf_str(out, e->preset.summary_len > 0 ? " (" : "(");
		safe_line(out, e->from, strlen(e->from));
		buf_str(out, ")\n");
	}
}

static int unknown(const struct catalogue *c, const char *name)
{
	const char **names = mem_alloc(c->n * sizeof(*names));
	const char *meant;

	for (size_t i = 0; i < c->n; i++)
		names[i] = c->v[i].name;
	meant = guess(name, names, c->n);
	if (meant != NULL)
		msg_error("there is no preset %s; did you mean %s?", name,
			meant);
	else
		msg_error("there is no preset %s; durexec preset lists them",
			name);
	free(names);
	return STATUS_USAGE;
}

static int show(const struct catalogue *c, const struct options *o,
	struct buf *out)
{
	for (size_t i = 0; i < o->nsteps; i++) {
		int at = table_get(&c->names, o->step[i]);

		if (at == TABLE_NONE)
			return unknown(c, o->step[i]);
		if (i > 0)
			buf_char(out, '\n');
		buf_add(out, c->v[at].preset.text, c->v[at].preset.len);
		buf_char(out, '\n');
	}
	return STATUS_DONE;
}

int catalogue_main(const struct options *o)
{
	struct catalogue c = { 0 };
	struct buf out = { 0 };
	int status = STATUS_USAGE;

	if (read_all(&c, o->ini) == -1)
		goto out;
	status = STATUS_DONE;
	if (o->nsteps > 0)
		status = show(&c, o, &out);
	else
		list(&c, &out);
	if (status == STATUS_DONE && out.len > 0)
		io_answer(out.data, out.len);
out:
	buf_release(&out);
	table_release(&c.names);
	arena_release(&c.arena);
	free(c.v);
	return status;
}
