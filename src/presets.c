/* SPDX-License-Identifier: ISC */
#include "presets.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "buf.h"
#include "inifile.h"
#include "mem.h"
#include "source.h"

/* The assembler puts the file in; the Makefile has it built from the top of
 * the source tree, and again when the file changes. */
__asm__(
	".pushsection .rodata\n"
	".globl presets_text\n"
	".globl presets_text_end\n"
	"presets_text:\n"
	".incbin \"conf/presets.ini\"\n"
	"presets_text_end:\n"
	".byte 0\n"
	".popsection\n");

extern const char presets_text[], presets_text_end[];

const char *presets_shipped(size_t *len)
{
	*len = (size_t)(presets_text_end - presets_text);
	return presets_text;
}

char *presets_user_file(void)
{
	/* A relative one is to be ignored, says the XDG specification. */
	const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
	char *path;
	struct stat st;

	if (config != NULL && *config == '/')
		path = mem_printf("%s/durexec/presets.ini", config);
	else if (home != NULL && *home == '/')
		path = mem_printf("%s/.config/durexec/presets.ini", home);
	else
		return NULL;
	/* What else is wrong with it, reading it will say. */
	if (stat(path, &st) == -1 && (errno == ENOENT || errno == ENOTDIR)) {
		free(path);
		return NULL;
	}
	return path;
}

/* Is a word of the value none of the names? */
static bool names_other(const struct namedlist *list, const char *value)
{
	static const char separators[] = " \t\r\n,";
	char name[INIFILE_NAME + 1];

	for (value += strspn(value, separators); *value != '\0';
	     value += strspn(value, separators)) {
		size_t n = strcspn(value, separators);

		if (n > INIFILE_NAME)
			return true;
		memcpy(name, value, n);
		name[n] = '\0';
		if (table_get(&list->names, name) == TABLE_NONE)
			return true;
		value += n;
	}
	return false;
}

static bool block_wants(const struct draft *d, const struct block *block)
{
	for (int i = block->first; i < block->first + block->n; i++) {
		const struct setting *s = &d->setting[i];

		if ((s->id == KEY_PRESET && names_other(&d->preset,
		    s->value)) || (s->id == KEY_POOL && names_other(&d->pool,
		    s->value)))
			return true;
	}
	return false;
}

/* Does the pipeline file name what it does not have itself? */
static bool is_wanted(const struct draft *d)
{
	if (block_wants(d, &d->defaults))
		return true;
	for (int i = 0; i < d->p->nsteps; i++)
		if (block_wants(d, &d->step[i]))
			return true;
	for (int i = 0; i < d->preset.n; i++)
		if (block_wants(d, &d->preset.v[i].block))
			return true;
	return false;
}

void presets_read(struct draft *d)
{
	struct source *user, *shipped;
	char *path;

	if (!is_wanted(d))
		return;
	path = presets_user_file();
	if (path != NULL) {
		user = arena_alloc(&d->arena, sizeof(*user));
		user->file = arena_dup(&d->arena, path);
		user->text = source_read(path, "presets", &d->arena,
			&user->len, d->complaints);
		if (user->text != NULL)
			draft_read_presets(d, user);
		free(path);
	}
	shipped = arena_alloc(&d->arena, sizeof(*shipped));
	shipped->file = "presets of durexec";
	shipped->shipped = true;
	shipped->text = presets_shipped(&shipped->len);
	draft_read_presets(d, shipped);
}

int presets_find(struct draft *d, int line, const char *name)
{
	int at = table_get(&d->preset.names, name);
	const char *meant;

	if (at != TABLE_NONE)
		return at;
	meant = draft_guess_named(d, &d->preset, name);
	draft_complain(d, line, meant != NULL ?
		mem_printf("did you mean \"%s\"?", meant) :
		mem_printf("durexec preset lists those there are"),
		"preset = %.48s: there is no such preset", name);
	return -1;
}

/* The sections of a file: where they are, and how they are called. */
struct sections {
	struct section_at {
		int line;
		char *name;	/* "preset NAME" */
	} *v;
	size_t n, cap;
};

static void on_section(void *ctx, int line, const char *text, size_t len)
{
	struct sections *s = ctx;

	s->v = mem_grow(s->v, s->n, &s->cap, sizeof(*s->v));
	s->v[s->n].line = line;
	s->v[s->n++].name = mem_dupn(text, len);
}

static int on_key(void *ctx, int line, const char *key, const char *value,
	size_t len)
{
	(void)ctx;
	(void)line;
	(void)key;
	(void)value;
	(void)len;
	return 0;
}

static void on_problem(void *ctx, int line, const char *hint,
	const char *message)
{
	(void)ctx;
	(void)line;
	(void)hint;
	(void)message;
}

struct line_at {
	const char *text;
	size_t len;
};

/* The lines of a text, without their ends, and one more that is empty; the
 * caller frees. */
static struct line_at *split(const char *text, size_t len, size_t *n)
{
	struct line_at *line = NULL;
	const char *at = text, *end = text + len;
	size_t cap = 0;

	*n = 0;
	while (at < end) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));

		line = mem_grow(line, *n, &cap, sizeof(*line));
		line[*n].text = at;
		line[(*n)++].len = (size_t)((newline != NULL ? newline : end) -
			at);
		at = newline != NULL ? newline + 1 : end;
	}
	line = mem_grow(line, *n, &cap, sizeof(*line));
	line[*n].text = end;
	line[*n].len = 0;
	return line;
}

static bool is_comment(const struct line_at *l)
{
	return l->len > 0 && (l->text[0] == '#' || l->text[0] == ';');
}

static bool is_blank(const struct line_at *l)
{
	for (size_t i = 0; i < l->len; i++)
		if (strchr(" \t\r", l->text[i]) == NULL)
			return false;
	return true;
}

/* The comment right above a line begins here; the line itself when there is
 * none. */
static size_t comment_above(const struct line_at *line, size_t at)
{
	while (at > 0 && is_comment(&line[at - 1]))
		at--;
	return at;
}

static void summarise(struct preset_text *p, const struct line_at *l)
{
	p->summary = l->text;
	p->summary_len = l->len;
	while (p->summary_len > 0 && strchr("#; \t", *p->summary) != NULL) {
		p->summary++;
		p->summary_len--;
	}
	if (p->summary_len > 0 && p->summary[p->summary_len - 1] == '\r')
		p->summary_len--;
}

void presets_scan(const char *text, size_t len, presets_fn *fn, void *ctx)
{
	struct sections s = { 0 };
	struct inifile_handler handler = { &s, on_section, on_key,
		on_problem };
	size_t nlines;
	struct line_at *line = split(text, len, &nlines);

	inifile_parse(text, len, &handler);
	for (size_t i = 0; i < s.n; i++) {
		struct preset_text p = { .line = s.v[i].line };
		size_t at = (size_t)p.line - 1;
		size_t from = comment_above(line, at);
		size_t to = i + 1 < s.n ? comment_above(line,
			(size_t)s.v[i + 1].line - 1) : nlines;
		size_t word = strcspn(s.v[i].name, " \t");

		p.name = s.v[i].name + word;
		p.name += strspn(p.name, " \t");
		p.pool = word == 4 && memcmp(s.v[i].name, "pool", 4) == 0;
		if (*p.name == '\0' || !(p.pool || (word == 6 &&
		    memcmp(s.v[i].name, "preset", 6) == 0)))
			continue;
		while (to > at + 1 && is_blank(&line[to - 1]))
			to--;
		p.text = line[from].text;
		p.len = (size_t)(line[to - 1].text + line[to - 1].len -
			p.text);
		p.summary = "";
		if (from < at)
			summarise(&p, &line[from]);
		fn(ctx, &p);
	}
	for (size_t i = 0; i < s.n; i++)
		free(s.v[i].name);
	free(s.v);
	free(line);
}

struct keeping {
	struct draft *d;
	const struct source *source;
	struct buf *out;
};

static void keep(void *ctx, const struct preset_text *t)
{
	struct keeping *k = ctx;
	struct namedlist *list = t->pool ? &k->d->pool : &k->d->preset;
	int at = table_get(&list->names, t->name);
	const struct named *named;

	if (at == TABLE_NONE)
		return;
	named = &list->v[at];
	if (named->source != k->source || named->line != t->line ||
	    !(t->pool ? named->pool != -1 : named->used))
		return;
	buf_char(k->out, '\n');
	buf_add(k->out, t->text, t->len);
	buf_char(k->out, '\n');
}

static void keep_of(struct draft *d, const struct source *source,
	const struct source **done, struct buf *out)
{
	struct keeping k = { d, source, out };

	if (source->own || source == done[0] || source == done[1])
		return;
	done[done[0] != NULL] = source;
	presets_scan(source->text, source->len, keep, &k);
}

void presets_keep(struct draft *d)
{
	struct pipeline *p = d->p;
	const struct source *done[2] = { NULL, NULL };
	struct buf out = { 0 };

	for (int i = 0; i < d->preset.n; i++)
		if (d->preset.v[i].used)
			keep_of(d, d->preset.v[i].source, done, &out);
	for (int i = 0; i < d->pool.n; i++)
		if (d->pool.v[i].pool != -1)
			keep_of(d, d->pool.v[i].source, done, &out);
	if (out.len > 0) {
		char *text = arena_alloc(&p->arena, p->text_len + out.len + 2);

		memcpy(text, p->text, p->text_len);
		/* the last line may have no end */
		text[p->text_len] = '\n';
		memcpy(text + p->text_len + 1, out.data, out.len);
		p->text = text;
		p->text_len += (uint32_t)out.len + 1;
	}
	buf_release(&out);
}
