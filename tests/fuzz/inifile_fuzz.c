/* SPDX-License-Identifier: ISC */
/*
 * Any bytes as a pipeline file. Beyond not crashing:
 * - libinih counts lines as we do: the line it names for a refused key is the
 *   one the key was handed over with;
 * - a file cut at a line says what it said before, but for the value that the
 *   cut may have gone through;
 * - a comment put in between any two lines changes nothing;
 * - a value does not end with a blank line;
 * - what was read, written down again in its plainest form, is read as the
 *   same;
 * - the loader answers with a pipeline or with complaints, never with both or
 *   neither, sorted, and the same each time; every need of an accepted one
 *   leads to a step, and no step to itself; every pattern of it compiles;
 * - the text that a run keeps of it means the same as the file.
 */
#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "inifile.h"
#include "load.h"
#include "pattern.h"

struct told {
	struct buf text;	/* each event, with its line */
	struct buf plain;	/* the file in its plainest form */
	size_t last;		/* where the last event of text begins */
	int problems;
	int keys, refuse, refused_line;
	int line;
};

/* Complaints come between a key and what is above it, so only the others
 * have to be in order. */
static void on_section(void *ctx, int line, const char *text, size_t len)
{
	struct told *t = ctx;

	assert(line > t->line);
	t->line = line;
	assert(memchr(text, '\n', len) == NULL);
	t->last = t->text.len;
	buf_printf(&t->text, "[%d ", line);
	buf_add(&t->text, text, len);
	buf_char(&t->plain, '[');
	buf_add(&t->plain, text, len);
	buf_str(&t->plain, "]\n");
}

static int on_key(void *ctx, int line, const char *key, const char *value,
	size_t len)
{
	struct told *t = ctx;
	const char *at = value, *end = value + len, *newline;

	assert(line > t->line);
	t->line = line;
	assert(value[len] == '\0' && strlen(key) <= INIFILE_NAME);
	newline = memrchr(value, '\n', len);
	if (newline != NULL)
		assert(strspn(newline, "\n \t") < (size_t)(end - newline));
	t->last = t->text.len;
	buf_printf(&t->text, "%d %s=", line, key);
	buf_add(&t->text, value, len);
	/* CRLF, so that a carriage return of the value stays one; a blank
	 * line must not look like the end of the value */
	buf_printf(&t->plain, "%s =\r\n", key);
	while (at < end) {
		const char *stop;

		newline = memchr(at, '\n', (size_t)(end - at));
		stop = newline != NULL ? newline : end;
		buf_char(&t->plain, '\t');
		buf_add(&t->plain, at, (size_t)(stop - at));
		buf_str(&t->plain, "\r\n");
		at = newline != NULL ? newline + 1 : end;
	}
	t->keys++;
	if (t->keys != t->refuse)
		return 0;
	t->refused_line = line;
	return -1;
}

static void on_problem(void *ctx, int line, const char *hint,
	const char *message)
{
	struct told *t = ctx;

	assert(line >= 1 && *message != '\0' && strlen(message) < 256);
	assert(hint == NULL || *hint != '\0');
	t->problems++;
}

static int parse(struct told *t, const char *text, size_t len)
{
	struct inifile_handler handler = { t, on_section, on_key, on_problem };
	/* exactly as long, so that a sanitizer sees each byte too many */
	char *copy = malloc(len != 0 ? len : 1);
	int line;

	assert(copy != NULL);
	if (len > 0)
		memcpy(copy, text, len);
	line = inifile_parse(copy, len, &handler);
	free(copy);
	return line;
}

static void release(struct told *t)
{
	buf_release(&t->text);
	buf_release(&t->plain);
}

static void check_lines(const char *text, size_t len, int keys)
{
	/* the first, the last, and one in between */
	int tried[] = { 1, (keys + 1) / 2, keys };

	for (int i = 0; i < 3 && keys > 0; i++) {
		struct told t = { .refuse = tried[i] };
		int line = parse(&t, text, len);

		assert(line == t.refused_line && line > 0);
		release(&t);
	}
}

/* The beginning of a line that depends on the bytes, so that all are tried in
 * time. */
static size_t some_line(const char *text, size_t len)
{
	size_t at = len > 0 ? ((unsigned char)text[len - 1] * 257u +
		(unsigned char)text[0]) % (len + 1) : 0;

	while (at > 0 && text[at - 1] != '\n')
		at--;
	return at;
}

static void check_comment(const char *text, size_t len, size_t at,
	const struct told *all)
{
	struct buf b = { 0 };
	struct told t = { 0 };

	/* nothing goes in front of a byte order mark */
	if (at == 0)
		return;
	buf_add(&b, text, at);
	buf_str(&b, "# x = [y]\n");
	buf_add(&b, text + at, len - at);
	parse(&t, b.data, b.len);
	assert(t.problems == all->problems);
	assert(t.plain.len == all->plain.len);
	if (t.plain.len > 0)
		assert(memcmp(t.plain.data, all->plain.data,
			t.plain.len) == 0);
	release(&t);
	buf_release(&b);
}

static void check_prefix(const char *text, size_t cut, const struct told *all)
{
	struct told t = { 0 };

	parse(&t, text, cut);
	assert(t.last <= all->text.len);
	if (t.last > 0)
		assert(memcmp(t.text.data, all->text.data, t.last) == 0);
	release(&t);
}

/* What the events say without their lines: the plain form of it. */
static void check_plain(const struct told *all)
{
	struct told t = { 0 };

	/* "]" and mistakes have no plain form */
	parse(&t, all->plain.data, all->plain.len);
	if (t.problems == 0 && all->plain.len > 0) {
		assert(t.plain.len == all->plain.len);
		assert(memcmp(t.plain.data, all->plain.data,
			t.plain.len) == 0);
	}
	release(&t);
}

static void check_patterns(const struct patterns *p, int groups)
{
	for (int i = 0; i < p->n; i++) {
		assert(pattern_check(p->v[i], NULL) == 0);
		assert(pattern_groups(p->v[i]) >= groups);
	}
}

static void check_conf(const struct pipeline *p, const struct stepconf *c)
{
	assert(c->pool >= -1 && c->pool < p->npools);
	assert(c->retries >= 0 && c->retry_factor >= 1 && c->cost >= 0);
	assert(c->never || c->receipt.n == 0);
	check_patterns(&c->retry_if, 0);
	check_patterns(&c->give_up_if, 0);
	check_patterns(&c->wait_if, 0);
	check_patterns(&c->fail_if, 0);
	check_patterns(&c->ok_if, 0);
	check_patterns(&c->receipt, 0);
	check_patterns(&c->cost_from, 1);
	for (int i = 0; i < c->gates.n; i++)
		assert(c->gates.v[i].script != NULL);
}

static void check_pools(const struct pipeline *p)
{
	for (int i = 0; i < p->npools; i++) {
		assert(p->pool[i].nslots >= 1 && p->pool[i].nslots <= 1000);
		for (int k = 0; k < p->pool[i].nslots; k++)
			assert(p->pool[i].slot[k][0] != '\0');
	}
}

static void check_pipeline(const struct pipeline *p)
{
	check_pools(p);
	assert(p->nsteps > 0);
	for (int i = 0; i < p->nsteps; i++) {
		const struct step *s = &p->step[i];

		assert(pipeline_find(p, s->name) == i);
		assert(s->conf != NULL && s->line > 0);
		assert(s->run != NULL || s->conf->review);
		check_conf(p, s->conf);
		assert(!s->needs_all || s->nneeds == 0);
		for (int k = 0; k < s->nneeds; k++)
			assert(s->needs[k] >= 0 && s->needs[k] < p->nsteps &&
				s->needs[k] != i);
		pipeline_command_hash(p, i);
		pipeline_whole_hash(p, i);
	}
}

/* What a run keeps, presets of other files included. */
static void check_kept(const struct pipeline *p, char *const *given,
	size_t ngiven)
{
	struct complaints c = { 0 };
	struct pipeline *q = pipeline_load_text("f.ini", p->text, p->text_len,
		given, ngiven, &c);

	assert(q != NULL && q->nsteps == p->nsteps);
	assert(q->text_len == p->text_len);
	for (int i = 0; i < p->nsteps; i++)
		assert(pipeline_whole_hash(p, i) == pipeline_whole_hash(q, i));
	pipeline_free(q);
	complaints_release(&c);
}

static void check_load(const char *text, size_t len)
{
	char one[] = "a=1", two[] = "b";
	char *const given[] = { one, two };
	struct complaints c = { 0 }, again = { 0 };
	size_t ngiven = len > 0 && text[0] == '=' ? 2 : 0;
	struct pipeline *p = pipeline_load_text("f.ini", text, len, given,
		ngiven, &c);
	struct pipeline *q = pipeline_load_text("f.ini", text, len, given,
		ngiven, &again);

	assert((p == NULL) == (c.n > 0));
	assert((q == NULL) == (p == NULL) && c.n == again.n);
	for (size_t i = 0; i < c.n; i++) {
		assert(i == 0 || c.v[i - 1].line <= c.v[i].line ||
			strcmp(c.v[i - 1].file, c.v[i].file) != 0);
		assert(c.v[i].line == again.v[i].line);
		assert(strcmp(c.v[i].message, again.v[i].message) == 0);
	}
	if (p != NULL) {
		check_pipeline(p);
		check_kept(p, given, ngiven);
	}
	pipeline_free(p);
	pipeline_free(q);
	complaints_release(&c);
	complaints_release(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	struct told all = { 0 };
	size_t at = some_line(text, size);

	assert(parse(&all, text, size) == 0);
	check_lines(text, size, all.keys);
	check_prefix(text, at, &all);
	check_comment(text, size, at, &all);
	check_plain(&all);
	release(&all);
	check_load(text, size);
	return 0;
}
