/* SPDX-License-Identifier: ISC */
#include "conf.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "given.h"
#include "keys.h"
#include "presets.h"
#include "refs.h"
#include "stepkeys.h"

#define DEFAULT_STOP_GRACE_MS (10 * 1000)
#define DEFAULT_RETRY_DELAY_MS 1000
#define DEFAULT_RETRY_FACTOR 2
#define DEFAULT_RETRY_MAX_DELAY_MS (5 * 60 * 1000)
#define DEFAULT_RETRY_JITTER 10
#define DEFAULT_WAIT_MAX_MS (3LL * 24 * 3600 * 1000)
#define DEFAULT_VERIFY_TIMEOUT_MS (10 * 60 * 1000)

struct building {
	struct draft *d;
	struct stepkeys keys;
	const char *run;		/* of [defaults] */
	struct table variants;		/* names of presets -> d->variant */
	int base;			/* that of the presets of [defaults] */
	struct buf list;		/* for variant_of() */
};

/*
 * The env.NAME of weaker sections, then the block's own; one that is in both
 * stands where it stood, with the block's value. names: where those of weaker
 * sections are; grow: add the block's own.
 */
static void apply_env(struct building *b, struct stepconf *c,
	const struct block *block, struct table *names, bool grow)
{
	struct draft *d = b->d;
	struct envlist old = c->env, new = { NULL, 0 };
	int own = 0;

	for (int i = block->first; i < block->first + block->n; i++)
		own += d->setting[i].id == KEY_ENV;
	if (own == 0)
		return;
	new.v = arena_alloc(&d->p->arena,
		(size_t)(old.n + own) * sizeof(*new.v));
	for (; new.n < old.n; new.n++)
		new.v[new.n] = old.v[new.n];
	for (int i = block->first; i < block->first + block->n; i++) {
		const struct setting *s = &d->setting[i];
		int at;

		if (s->id != KEY_ENV)
			continue;
		given_name(d, s->line, s->name);
		given_size(d, s->line, s->name, strlen(s->name) + 1 +
			strlen(s->value));
		at = table_get(names, s->name);
		if (at == TABLE_NONE) {
			at = new.n++;
			if (grow)
				table_put(names, s->name, at);
		}
		new.v[at].name = s->name;
		new.v[at].value = s->value;
		new.v[at].line = stepkeys_line(&b->keys, s);
	}
	c->env = new;
}

/* The same for verify.NAME; an empty script takes the gate away. */
static void apply_gates(struct building *b, struct stepconf *c,
	const struct block *block)
{
	struct draft *d = b->d;
	struct gatelist old = c->gates, new = { NULL, 0 };
	struct table names = { 0 };
	int own = 0, n = 0;

	for (int i = block->first; i < block->first + block->n; i++)
		own += d->setting[i].id == KEY_VERIFY;
	if (own == 0)
		return;
	new.v = arena_alloc(&d->p->arena,
		(size_t)(old.n + own) * sizeof(*new.v));
	for (; n < old.n; n++) {
		new.v[n] = old.v[n];
		table_put(&names, old.v[n].name, n);
	}
	for (int i = block->first; i < block->first + block->n; i++) {
		const struct setting *s = &d->setting[i];
		int at;

		if (s->id != KEY_VERIFY)
			continue;
		at = table_get(&names, s->name);
		if (at == TABLE_NONE)
			at = n++;
		new.v[at].name = s->name;
		new.v[at].script = given_script(d, s, s->name);
		new.v[at].line = stepkeys_line(&b->keys, s);
	}
	for (int i = 0; i < n; i++)
		if (new.v[i].script != NULL)
			new.v[new.n++] = new.v[i];
	table_release(&names);
	c->gates = new;
}

static bool is_blank(const struct setting *s)
{
	return s->value[strspn(s->value, " \t\n,")] == '\0';
}

static void check_items(struct draft *d, const struct block *block)
{
	const struct setting *foreach = draft_find(d, block, KEY_FOREACH);
	const struct setting *from = draft_find(d, block, KEY_FOREACH_FROM);

	if (foreach != NULL && from != NULL && !is_blank(foreach) &&
	    !is_blank(from))
		draft_complain(d, from->line, mem_printf("take one of them "
			"out"), "foreach in line %d says already what the "
			"items are", foreach->line);
}

/* What the keys of the block make of the conf. */
static void apply(struct building *b, struct stepconf *c,
	const struct block *block, struct table *env, bool grow)
{
	struct draft *d = b->d;
	const struct setting *rerun;

	b->keys.safe = false;
	for (int i = block->first; i < block->first + block->n; i++)
		stepkeys_apply(&b->keys, c, &d->setting[i]);
	check_items(d, block);
	apply_env(b, c, block, env, grow);
	apply_gates(b, c, block);
	if (c->receipt.n == 0 || !b->keys.safe)
		return;
	rerun = draft_find(d, block, KEY_RERUN);
	draft_complain(d, rerun->line, mem_printf("take it out, or the "
		"receipt"), "rerun = safe does not go with a receipt: that one "
		"says that something cannot be done twice");
}

static void finish(struct building *b, struct stepconf *c)
{
	c->never = b->keys.never || c->receipt.n > 0;
	c->costs = c->cost > 0 || c->cost_from.n > 0;
	c->hash = pipeline_conf_hash(b->d->p, c);
}

/* A new one, of no presets yet. */
static struct variant *new_variant(struct building *b)
{
	struct draft *d = b->d;
	struct variant *v;

	d->variant = mem_grow(d->variant, (size_t)d->nvariants,
		&d->variant_cap, sizeof(*d->variant));
	v = &d->variant[d->nvariants++];
	memset(v, 0, sizeof(*v));
	return v;
}

static void name_variant(struct building *b, struct variant *v,
	struct stepconf *c, const char *presets)
{
	finish(b, c);
	v->conf = c;
	v->never = b->keys.never;
	v->presets = presets;
	table_put(&b->variants, presets, (int)(v - b->d->variant));
}

static void build_defaults(struct building *b)
{
	struct draft *d = b->d;
	struct variant *v = new_variant(b);
	struct stepconf *c = arena_alloc(&d->p->arena, sizeof(*c));
	const struct setting *run;

	c->stop_grace_ms = DEFAULT_STOP_GRACE_MS;
	c->stop_signal = SIGTERM;
	c->umask = -1;
	c->outputs_fresh = true;
	c->ok_exit.bit[0] = 1;
	c->retry_jitter = DEFAULT_RETRY_JITTER;
	c->retry_factor = DEFAULT_RETRY_FACTOR;
	c->retry_delay_ms = DEFAULT_RETRY_DELAY_MS;
	c->retry_max_delay_ms = DEFAULT_RETRY_MAX_DELAY_MS;
	c->wait_max_ms = DEFAULT_WAIT_MAX_MS;
	c->verify_timeout_ms = DEFAULT_VERIFY_TIMEOUT_MS;
	c->pool = -1;
	apply(b, c, &d->defaults, &v->env, true);
	run = draft_find(d, &d->defaults, KEY_RUN);
	if (run != NULL)
		b->run = given_script(d, run, "run");
	name_variant(b, v, c, "");
}

static void apply_preset(struct building *b, struct stepconf *c,
	struct named *preset, struct variant *v)
{
	struct draft *d = b->d;
	const char *file = preset->source->file;

	if (preset->source->shipped) {
		struct buf name = { 0 };

		buf_printf(&name, "preset %s of durexec", preset->name);
		file = arena_dup(&d->arena, name.data);
		buf_release(&name);
	}
	preset->used = true;
	draft_turn(d, preset->source, file);
	apply(b, c, &preset->block, &v->env, true);
	draft_turn(d, &d->own, d->own.file);
}

static void copy_names(struct table *to, const struct envlist *env)
{
	for (int i = 0; i < env->n; i++)
		table_put(to, env->v[i].name, i);
}

/* What [defaults] and these presets make together. */
static int build_variant(struct building *b, const struct strlist *presets,
	int line)
{
	struct draft *d = b->d;
	struct variant *v = new_variant(b);
	struct stepconf *c = arena_alloc(&d->p->arena, sizeof(*c));

	*c = *d->variant[0].conf;
	copy_names(&v->env, &c->env);
	b->keys.never = d->variant[0].never;
	b->keys.preset_line = line;
	c->line[KEY_PRESET] = line;
	for (int i = 0; i < presets->n; i++) {
		int at = presets_find(d, line, presets->v[i]);

		if (at != -1)
			apply_preset(b, c, &d->preset.v[at], v);
	}
	name_variant(b, v, c, arena_dup(&d->arena, b->list.data));
	return d->nvariants - 1;
}

/* The variant of a `preset`; NULL: none is said. */
static int variant_of(struct building *b, const struct setting *s)
{
	struct draft *d = b->d;
	struct strlist presets;
	int at;

	if (s == NULL)
		return b->base;
	presets = refs_words(d, s->line, "preset", s->value);
	buf_reset(&b->list);
	buf_str(&b->list, "");
	for (int i = 0; i < presets.n; i++)
		buf_printf(&b->list, "%s%s", i > 0 ? " " : "", presets.v[i]);
	at = table_get(&b->variants, b->list.data);
	return at != TABLE_NONE ? at : build_variant(b, &presets, s->line);
}

static void missing_run(struct building *b, int i)
{
	const struct step *step = &b->d->p->step[i];

	/* It may stand in a line that could not be read. */
	if (!b->d->step[i].broken)
		draft_complain(b->d, step->line, mem_printf("write \"run = "
			"COMMAND\" below it"), "step \"%s\" has no run",
			step->name);
}

static bool is_own(const struct setting *s)
{
	return s->id != KEY_RUN && s->id != KEY_NEEDS && s->id != KEY_PRESET;
}

static void build_step(struct building *b, int i)
{
	struct draft *d = b->d;
	const struct block *block = &d->step[i];
	const struct setting *preset = NULL;
	struct step *step = &d->p->step[i];
	struct stepconf *c;
	struct variant *v;
	bool own = false;

	step->run = b->run;
	for (int k = 0; k < block->n; k++) {
		const struct setting *s = &d->setting[block->first + k];

		if (s->id == KEY_RUN)
			step->run = given_script(d, s, "run");
		else if (s->id == KEY_PRESET)
			preset = s;
		own = own || is_own(s);
	}
	d->variant_of[i] = variant_of(b, preset);
	v = &d->variant[d->variant_of[i]];
	step->conf = v->conf;
	if (own) {
		c = arena_alloc(&d->p->arena, sizeof(*c));
		*c = *v->conf;
		b->keys.never = v->never;
		apply(b, c, block, &v->env, false);
		finish(b, c);
		step->conf = c;
	}
	if (step->run == NULL && !step->conf->review)
		missing_run(b, i);
}

/* What no step uses is read all the same, for its mistakes. */
static void check_unused(struct building *b)
{
	struct draft *d = b->d;

	for (int i = 0; i < d->preset.n; i++) {
		struct named *preset = &d->preset.v[i];
		struct variant scratch = { 0 };
		struct stepconf c;

		if (preset->used || !preset->source->own)
			continue;
		c = *d->variant[0].conf;
		copy_names(&scratch.env, &c.env);
		apply_preset(b, &c, preset, &scratch);
		table_release(&scratch.env);
	}
}

void conf_steps(struct draft *d)
{
	struct building b = { .d = d };

	stepkeys_init(&b.keys, d);
	d->variant_of = mem_alloc((size_t)d->p->nsteps *
		sizeof(*d->variant_of));
	build_defaults(&b);
	b.base = variant_of(&b, draft_find(d, &d->defaults, KEY_PRESET));
	for (int i = 0; i < d->p->nsteps; i++)
		build_step(&b, i);
	check_unused(&b);
	table_release(&b.variants);
	buf_release(&b.list);
	stepkeys_release(&b.keys);
}
