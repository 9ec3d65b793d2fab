/* SPDX-License-Identifier: ISC */
#include "draft.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "guess.h"
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
	struct table names;	/* of env.NAME and parameters in it: lines */
	size_t cap, step_cap, block_cap;
	int pipeline, params, defaults;	/* their lines */
};

_Static_assert((int)KEY_COUNT >= (int)PIPELINE_COUNT, "first[] holds both");

void draft_complain(struct draft *d, int line, char *hint,
	const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	complaints_addv(d->complaints, d->file, line, hint, fmt, ap);
	va_end(ap);
	free(hint);
}

const char *draft_guess_step(struct draft *d, const char *word)
{
	struct pipeline *p = d->p;
	const char **names;
	const char *meant;
	double len = (double)strlen(word);

	d->guesses += (double)p->nsteps * (len * len + 1);
	if (d->guesses > DRAFT_GUESSES || p->nsteps == 0)
		return NULL;
	names = mem_alloc((size_t)p->nsteps * sizeof(*names));
	for (int i = 0; i < p->nsteps; i++)
		names[i] = p->step[i].name;
	meant = guess(word, names, (size_t)p->nsteps);
	free(names);
	return meant;
}

const struct setting *draft_find(const struct draft *d,
	const struct block *block, int id)
{
	for (int i = block->first; i < block->first + block->n; i++)
		if (d->setting[i].id == id)
			return &d->setting[i];
	return NULL;
}

bool draft_needs(struct draft *d, int step, int other)
{
	const struct step *s = &d->p->step[step];

	if (s->needs_all)
		return other < step &&
			d->p->step[other].conf->always == ALWAYS_NO;
	/* A long list that steps share is not read again for each of them. */
	if (s->nneeds > 0 && s->needs == d->common)
		return d->in_common[other];
	if (d->marked != step) {
		for (int i = 0; i < s->nneeds; i++)
			d->mark[s->needs[i]] = step + 1;
		d->marked = step;
	}
	return d->mark[other] == step + 1;
}

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

static bool good_step_name(struct reading *r, int line, const char *name)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz"
		"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
	size_t len = strlen(name);
	char *better;

	if (len > INIFILE_NAME) {
		draft_complain(r->d, line, NULL, "the name \"%.40s...\" is %zu "
			"bytes long, at most %d are allowed", name, len,
			INIFILE_NAME);
		return false;
	}
	if (name[strspn(name, letters)] == '\0')
		return true;
	/* [step "a"] is what git would have */
	if ((*name == '"' || *name == '\'') && len > 2 &&
	    name[len - 1] == *name)
		better = mem_printf("[step %.*s]", (int)len - 2, name + 1);
	else
		better = mem_printf("[step %s]", name);
	for (char *c = better + strlen("[step "); c[1] != '\0'; c++)
		if (strchr(letters, *c) == NULL)
			*c = '_';
	draft_complain(r->d, line, better, "\"%s\" is no name for a step: it "
		"may have letters, digits, \"_\", \".\" and \"-\"", name);
	return false;
}

static void begin_step(struct reading *r, int line, const char *name)
{
	struct draft *d = r->d;
	struct pipeline *p = d->p;
	int known = table_get(&p->names, name);
	struct step *step;

	if (!good_step_name(r, line, name)) {
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
		draft_complain(d, line, mem_printf("the first one is in line "
			"%d; give this one another name",
			p->step[known].line),
			"there are two steps \"%s\"", name);
	else
		table_put(&p->names, step->name, p->nsteps);
	p->nsteps++;
}

static void begin_known(struct reading *r, int line, const char *name)
{
	struct draft *d = r->d;
	const char *word = keys_section[r->section].name;

	if (!keys_section[r->section].named && *name != '\0')
		draft_complain(d, line, mem_printf("[%s]", word),
			"[%s] has no name", word);
	if (keys_section[r->section].named && *name == '\0') {
		draft_complain(d, line, mem_printf("[%s NAME]", word),
			"this %s has no name", word);
		r->nosteps = true;
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
	case SECTION_PRESET:
		draft_complain(d, line, mem_printf("take the section out; "
			"a later version will know it"),
			"[%s NAME] is not supported yet", word);
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
	table_release(&r->names);

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

	d->setting = mem_grow(d->setting, d->nsettings, &r->cap,
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

/* A parameter, or what stands behind "env.". */
static void add_variable(struct reading *r, int line, int id,
	const char *key, const char *name, const char *value, size_t len)
{
	struct draft *d = r->d;
	int before;

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
	before = table_get(&r->names, name);
	if (before != TABLE_NONE) {
		repeated(r, line, before, key);
		return;
	}
	name = arena_dup(&d->p->arena, name);
	table_put(&r->names, name, line);
	add(r, line, id, name, value, len);
}

static void unknown_key(struct reading *r, int line, const char *key)
{
	char *hint = keys_hint(r->section, key);
	const char *word = keys_section[r->section].name;

	if (hint == NULL && r->block->n > 0)
		hint = mem_printf("if it belongs to the value above, begin "
			"the line with a blank");
	draft_complain(r->d, line, hint, "\"%s\" is no key of [%s%s]", key,
		word, r->section == SECTION_STEP ? " NAME" : "");
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
	if (known->id == KEY_UNSUPPORTED) {
		draft_complain(d, line, mem_printf("take it out; a later "
			"version will know it"),
			"\"%s\" is not supported yet", key);
		r->block->broken = true;
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

void draft_read(struct draft *d)
{
	struct reading r = { .d = d, .section = SECTION_COUNT };
	struct inifile_handler handler = { &r, on_section, on_key,
		on_problem };

	inifile_parse(d->p->text, d->p->text_len, &handler);
	table_release(&r.names);
	if (d->p->nsteps == 0 && !r.nosteps && !r.keyless)
		draft_complain(d, 0, mem_printf("write [step NAME], and below "
			"it run = COMMAND"), "there is no step in it");
}

void draft_release(struct draft *d)
{
	arena_release(&d->arena);
	free(d->setting);
	free(d->step);
	free(d->in_common);
	free(d->mark);
	free(d->ambiguous);
	table_release(&d->params_table);
	table_release(&d->variables);
}
