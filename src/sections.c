/* SPDX-License-Identifier: ISC */
#include "draft.h"

#include <stdlib.h>
#include <string.h>

#include "inifile.h"
#include "values.h"

/* How much of a wrong word a complaint quotes. */
#define QUOTED 60

struct reading {
	struct draft *d;
	enum section section;
	struct block *block;	/* NULL: the keys below are left out */
	bool any;		/* a section was seen */
	bool keyless;		/* keys before it were complained about */
	bool nosteps;		/* a section that was to be a step may be
				   among those that were not understood */
	int first[KEY_COUNT + 1];	/* line of each key in this section */
	struct table names[2];	/* of env.NAME and parameters, and of
				   verify.NAME in it: lines */
	bool presets;		/* a file of presets: no other sections */
	size_t step_cap, block_cap;
	int pipeline, params, defaults;	/* their lines */
};

_Static_assert((int)KEY_COUNT >= (int)PIPELINE_COUNT &&
	(int)KEY_COUNT >= (int)POOL_KEY_COUNT, "first[] holds all of them");

static struct block new_block(const struct draft *d)
{
	struct block block = { (int)d->nsettings, 0, false };

	return block;
}

/* A section that may be there once only. */
static void begin_single(struct reading *r, struct block *block, int *at,
	int line)
{
	if (*at != 0) {
		draft_complain(r->d, line, mem_printf("put its keys below the "
			"first one, in line %d", *at),
			"[%s] is there twice", keys_section[r->section].name);
		return;
	}
	*at = line;
	*block = new_block(r->d);
	r->block = block;
}

#define DIGITS_AND_LETTERS "abcdefghijklmnopqrstuvwxyz" \
	"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

static bool good_name(struct reading *r, int line, const char *name)
{
	static const char letters[] = DIGITS_AND_LETTERS "_.-";
	const char *word = keys_section[r->section].name;
	size_t len = strlen(name);
	char *better;

	if (len > INIFILE_NAME) {
		draft_complain(r->d, line, NULL, "the name \"%.40s...\" is %zu "
			"bytes long, at most %d are allowed", name, len,
			INIFILE_NAME);
		return false;
	}
	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0) {
		draft_complain(r->d, line, NULL, "\"%s\" is no name for a %s: "
			"files are called by it", name, word);
		return false;
	}
	if (name[strspn(name, letters)] == '\0')
		return true;
	/* [step "a"] is what git would have */
	if ((*name == '"' || *name == '\'') && len > 2 &&
	    name[len - 1] == *name)
		better = mem_printf("[%s %.*s]", word, (int)len - 2, name + 1);
	else
		better = mem_printf("[%s %s]", word, name);
	for (char *c = better + strlen(word) + 2; c[1] != '\0'; c++)
		if (strchr(letters, *c) == NULL)
			*c = '_';
	draft_complain(r->d, line, better, "\"%s\" is no name for a %s: it "
		"may have letters, digits, \"_\", \".\" and \"-\"", name,
		word);
	return false;
}

static void said_twice(struct reading *r, int line, int before,
	const char *name)
{
	draft_complain(r->d, line, mem_printf("the first one is in line %d; "
		"give this one another name", before),
		"there are two %ss \"%s\"", keys_section[r->section].name,
		name);
}

static void begin_step(struct reading *r, int line, const char *name)
{
	struct draft *d = r->d;
	struct pipeline *p = d->p;
	int known = table_get(&p->names, name);
	struct step *step;

	if (!good_name(r, line, name)) {
		r->nosteps = true;
		return;
	}
	p->step = mem_grow(p->step, (size_t)p->nsteps, &r->step_cap,
		sizeof(*p->step));
	d->step = mem_grow(d->step, (size_t)p->nsteps, &r->block_cap,
		sizeof(*d->step));
	step = &p->step[p->nsteps];
	memset(step, 0, sizeof(*step));
	step->line = line;
	step->name = arena_dup(&p->arena, name);
	d->step[p->nsteps] = new_block(d);
	r->block = &d->step[p->nsteps];
	if (known != TABLE_NONE)
		said_twice(r, line, p->step[known].line, name);
	else
		table_put(&p->names, step->name, p->nsteps);
	p->nsteps++;
}

/* [pool NAME] or [preset NAME] */
static void begin_named(struct reading *r, struct namedlist *list, int line,
	const char *name)
{
	struct draft *d = r->d;
	int known = table_get(&list->names, name);
	struct named *new;

	if (!good_name(r, line, name))
		return;
	/* That of a stronger file is meant; this one is read all the same,
	 * so that its mistakes are found. */
	if (known != TABLE_NONE && list->v[known].source == d->source)
		said_twice(r, line, list->v[known].line, name);
	list->v = mem_grow(list->v, (size_t)list->n, &list->cap,
		sizeof(*list->v));
	new = &list->v[list->n];
	memset(new, 0, sizeof(*new));
	new->name = arena_dup(&d->p->arena, name);
	new->source = d->source;
	new->block = new_block(d);
	new->line = line;
	new->pool = -1;
	r->block = &new->block;
	if (known == TABLE_NONE)
		table_put(&list->names, new->name, list->n);
	list->n++;
}

static void begin_known(struct reading *r, int line, const char *name)
{
	struct draft *d = r->d;
	const char *word = keys_section[r->section].name;

	if (r->presets && r->section != SECTION_PRESET &&
	    r->section != SECTION_POOL) {
		draft_complain(d, line, mem_printf("take it out"),
			"[%s%s] does not belong into a file of presets", word,
			keys_section[r->section].named ? " NAME" : "");
		return;
	}
	if (!keys_section[r->section].named && *name != '\0')
		draft_complain(d, line, mem_printf("[%s]", word),
			"[%s] has no name", word);
	if (keys_section[r->section].named && *name == '\0') {
		draft_complain(d, line, mem_printf("[%s NAME]", word),
			"this %s has no name", word);
		r->nosteps = r->nosteps || r->section == SECTION_STEP;
		return;
	}
	switch (r->section) {
	case SECTION_PIPELINE:
		begin_single(r, &d->pipeline, &r->pipeline, line);
		return;
	case SECTION_PARAMS:
		begin_single(r, &d->params, &r->params, line);
		return;
	case SECTION_DEFAULTS:
		begin_single(r, &d->defaults, &r->defaults, line);
		return;
	case SECTION_STEP:
		begin_step(r, line, name);
		return;
	case SECTION_POOL:
		begin_named(r, &d->pool, line, name);
		return;
	case SECTION_PRESET:
		begin_named(r, &d->preset, line, name);
		return;
	case SECTION_COUNT:
		return;
	}
}

static void on_section(void *ctx, int line, const char *text, size_t len)
{
	struct reading *r = ctx;
	char *copy = mem_dupn(text, len);
	size_t word = strcspn(copy, " \t");
	int kind;

	r->any = true;
	r->block = NULL;
	memset(r->first, 0, sizeof(r->first));
	table_release(&r->names[0]);
	table_release(&r->names[1]);

	for (kind = 0; kind < SECTION_COUNT; kind++)
		if (strncmp(copy, keys_section[kind].name, word) == 0 &&
		    keys_section[kind].name[word] == '\0')
			break;
	r->section = (enum section)kind;
	if (word == 0 || r->section == SECTION_COUNT) {
		draft_complain(r->d, line, keys_section_hint(copy),
			"[%.*s] is no section of a pipeline file", QUOTED,
			copy);
		r->nosteps = true;
	} else {
		begin_known(r, line, copy + word +
			strspn(copy + word, " \t"));
	}
	free(copy);
}

static void on_problem(void *ctx, int line, const char *hint,
	const char *message)
{
	struct reading *r = ctx;

	if (r->block != NULL)
		r->block->broken = true;
	if (!r->any)
		r->nosteps = true;
	draft_complain(r->d, line, hint != NULL ? mem_dup(hint) : NULL, "%s",
		message);
}

static void repeated(struct reading *r, int line, int before, const char *key)
{
	draft_complain(r->d, line, mem_printf("the first one is in line %d; "
		"take one of them out", before),
		"\"%s\" is there twice in this section", key);
}

static void add(struct reading *r, int line, int id, const char *name,
	const char *value, size_t len)
{
	struct draft *d = r->d;
	struct setting *s;

	d->setting = mem_grow(d->setting, d->nsettings, &d->setting_cap,
		sizeof(*d->setting));
	s = &d->setting[d->nsettings++];
	s->id = id;
	s->line = line;
	s->name = name;
	/* The names in `needs` become numbers; other text is kept. */
	s->value = arena_dupn(id == KEY_NEEDS && r->section == SECTION_STEP ?
		&d->arena : &d->p->arena, value, len);
	r->block->n++;
}

/* One of several of a key, each with a name. */
static void add_named(struct reading *r, struct table *names, int line, int id,
	const char *key, const char *name, const char *value, size_t len)
{
	int before = table_get(names, name);

	if (before != TABLE_NONE) {
		repeated(r, line, before, key);
		return;
	}
	name = arena_dup(&r->d->p->arena, name);
	table_put(names, name, line);
	add(r, line, id, name, value, len);
}

/* A parameter, or what stands behind "env.". */
static void add_variable(struct reading *r, int line, int id,
	const char *key, const char *name, const char *value, size_t len)
{
	struct draft *d = r->d;

	if (!values_is_variable(name)) {
		draft_complain(d, line, NULL, "\"%s\" is no name of a "
			"variable: it may have letters, digits and \"_\", and "
			"begins with no digit", name);
		return;
	}
	if (strncmp(name, "DUREXEC_", 8) == 0) {
		draft_complain(d, line, mem_printf("give it another name"),
			"the names DUREXEC_... are durexec's own: \"%s\"",
			name);
		return;
	}
	add_named(r, &r->names[0], line, id, key, name, value, len);
}

/* verify.NAME: its output becomes log/STEP.ATTEMPT.NAME, so the name is none
 * of the others that stand there, and has no "." (steps may have). */
static void add_gate(struct reading *r, int line, const char *key,
	const char *name, const char *value, size_t len)
{
	static const char letters[] = DIGITS_AND_LETTERS "_-";
	static const char *const taken[] = {
		"out", "err", "if", "settle", "place", "list", "inputs",
	};
	struct draft *d = r->d;

	if (*name == '\0' || name[strspn(name, letters)] != '\0') {
		draft_complain(d, line, NULL, "\"%s\" is no name for a gate: "
			"it may have letters, digits, \"_\" and \"-\"",
			name);
		return;
	}
	for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++) {
		if (strcmp(name, taken[i]) != 0)
			continue;
		draft_complain(d, line, mem_printf("verify.%s_ok", name),
			"no gate can be called \"%s\": that is the name of "
			"another log", name);
		return;
	}
	add_named(r, &r->names[1], line, KEY_VERIFY, key, name, value, len);
}

static void unknown_key(struct reading *r, int line, const char *key)
{
	char *hint = keys_hint(r->section, key);
	const char *word = keys_section[r->section].name;

	if (hint == NULL && r->block->n > 0)
		hint = mem_printf("if it belongs to the value above, begin "
			"the line with a blank");
	draft_complain(r->d, line, hint, "\"%s\" is no key of [%s%s]", key,
		word, keys_section[r->section].named ? " NAME" : "");
	r->block->broken = true;
}

static int on_key(void *ctx, int line, const char *key, const char *value,
	size_t len)
{
	struct reading *r = ctx;
	struct draft *d = r->d;
	const struct key *known;

	if (!r->any && !r->keyless)
		draft_complain(d, line, mem_printf("put [pipeline] or "
			"[step NAME] above it"),
			"\"%s\" stands above the first section", key);
	r->keyless = r->keyless || !r->any;
	if (r->block == NULL)
		return 0;
	if (r->section == SECTION_PARAMS) {
		add_variable(r, line, 0, key, key, value, len);
		return 0;
	}
	known = keys_find(r->section, key);
	if (known == NULL) {
		unknown_key(r, line, key);
		return 0;
	}
	if (r->section == SECTION_PRESET && keys_not_in_preset(known->id)) {
		draft_complain(d, line, mem_printf("put it into the steps that "
			"use the preset"), "\"%s\" cannot stand in a preset",
			key);
		return 0;
	}
	if (strcmp(known->name, "verify.") == 0) {
		add_gate(r, line, key, key + strlen(known->name), value, len);
		return 0;
	}
	if (known->name[strlen(known->name) - 1] == '.') {
		add_variable(r, line, known->id, key,
			key + strlen(known->name), value, len);
		return 0;
	}
	if (r->first[known->id] != 0) {
		repeated(r, line, r->first[known->id], key);
		return 0;
	}
	r->first[known->id] = line;
	add(r, line, known->id, NULL, value, len);
	return 0;
}

static void read_source(struct reading *r, struct source *source)
{
	struct inifile_handler handler = { r, on_section, on_key,
		on_problem };

	draft_turn(r->d, source, source->file);
	inifile_parse(source->text, source->len, &handler);
	table_release(&r->names[0]);
	table_release(&r->names[1]);
}

void draft_read(struct draft *d)
{
	struct reading r = { .d = d, .section = SECTION_COUNT };

	d->own.text = d->p->text;
	d->own.len = d->p->text_len;
	d->own.own = true;
	read_source(&r, &d->own);
	if (d->p->nsteps == 0 && !r.nosteps && !r.keyless)
		draft_complain(d, 0, mem_printf("write [step NAME], and below "
			"it run = COMMAND"), "there is no step in it");
}

void draft_read_presets(struct draft *d, struct source *source)
{
	struct reading r = { .d = d, .section = SECTION_COUNT,
		.presets = true };

	read_source(&r, source);
	draft_turn(d, &d->own, d->own.file);
}
