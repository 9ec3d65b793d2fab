/* SPDX-License-Identifier: ISC */
#include "scopes.h"

#include <stdlib.h>
#include <string.h>

#include "refs.h"
#include "stepkeys.h"

/* What is known of a variant: nothing yet; the same holds for all steps that
 * share it; it names a variable that only steps have which need a certain
 * one. */
enum { UNCHECKED, SAME, EACH };

/* Looking for what is not defined, in one conf after the other. */
struct checking {
	struct draft *d;
	const char *key[KEY_COUNT];
	struct table pipeline_env, step_env;
	struct refs_scope scope;
	const struct stepconf *conf;
	int preset_line;	/* of the step, or [defaults] */
	const char **secrets;	/* of the last conf that had any */
	bool steps;		/* a value names a variable of some step */
};

/*
 * A value in line `line`, as noted in the conf. One that a preset of another
 * file gave was noted with the line of a `preset`, and no two keys stand in
 * one line; but steps share such a conf, so it may be another step's `preset`.
 */
static void check_value(struct checking *k, int line, const char *key,
	const char *text)
{
	bool foreign = line == k->conf->line[KEY_PRESET];
	char *prefix = NULL;

	if (strstr(text, "${") == NULL)
		return;
	if (foreign) {
		prefix = mem_printf("%s, from a preset", key);
		line = k->preset_line;
	}
	if (refs_check(k->d, &k->scope, line, foreign ? prefix : key, text))
		k->steps = true;
	free(prefix);
}

static void check_text(struct checking *k, enum step_key id, const char *text)
{
	if (text != NULL)
		check_value(k, k->conf->line[id], k->key[id], text);
}

static void check_list(struct checking *k, enum step_key id,
	const struct strlist *list)
{
	for (int i = 0; i < list->n; i++)
		check_text(k, id, list->v[i]);
}

static int line_of(const struct envlist *env, const char *name)
{
	for (int i = 0; i < env->n; i++)
		if (strcmp(env->v[i].name, name) == 0)
			return env->v[i].line;
	return 0;
}

static void not_here(struct checking *k, int line, const char *prefix,
	const char *name)
{
	draft_complain(k->d, line, mem_printf("put it into an env_file, or "
		"into the environment"), "%s%s: \"%s\" is among the secrets, "
		"so its value cannot stand here", prefix, name, name);
}

/* A parameter's value is shown, and kept in the state; what its default takes
 * from a secret is no secret any more. */
static void check_params(struct checking *k, const char *name)
{
	struct draft *d = k->d;
	int own = table_get(&d->params_table, name);
	char *ref = mem_printf("${%s}", name);

	if (own != TABLE_NONE)
		not_here(k, d->p->param[own].line, "", name);
	for (int i = 0; i < d->params.n; i++) {
		const struct setting *s = &d->setting[d->params.first + i];

		if (i != own && strstr(s->value, ref) != NULL)
			draft_complain(d, s->line, mem_printf("steps find it "
				"as $%s", name), "%s: \"%s\" is among the "
				"secrets, and no parameter is one", s->name,
				name);
	}
	free(ref);
}

/* They come from the environment, or from an env_file. */
static void check_secrets(struct checking *k, const struct strlist *secrets)
{
	const struct envlist *env[] = { &k->d->p->env, &k->conf->env };

	for (int i = 0; i < secrets->n; i++) {
		const char *name = secrets->v[i];

		for (int e = 0; e < 2; e++)
			if (table_get(k->scope.env[e], name) != TABLE_NONE)
				not_here(k, line_of(env[e], name), "env.",
					name);
		if (secrets->v != k->secrets)
			check_params(k, name);
	}
	if (secrets->n > 0)
		k->secrets = secrets->v;
}

static void check_conf(struct checking *k, int step,
	const struct stepconf *c, const struct table *env)
{
	const struct draft *d = k->d;
	const struct setting *preset;

	preset = draft_find(d, &d->step[step], KEY_PRESET);
	if (preset == NULL)
		preset = draft_find(d, &d->defaults, KEY_PRESET);
	k->preset_line = preset != NULL ? preset->line : 0;
	k->conf = c;
	k->scope.step = step;
	k->scope.items = c->foreach.n == 0 && c->foreach_from == NULL ?
		REFS_NO_ITEMS : REFS_ITEMS_LATER;
	k->scope.env[1] = env;
	k->scope.env_file = c->env_file != NULL || d->p->env_file != NULL;
	check_list(k, KEY_REQUIRES, &c->requires);
	check_list(k, KEY_FOREACH, &c->foreach);
	if (k->scope.items != REFS_NO_ITEMS)
		k->scope.items = REFS_ITEMS;
	for (int i = 0; i < c->env.n; i++)
		check_value(k, c->env.v[i].line, c->env.v[i].name,
			c->env.v[i].value);
	check_list(k, KEY_OUTPUTS, &c->outputs);
	check_list(k, KEY_INPUTS, &c->inputs);
	check_list(k, KEY_UNSET_ENV, &c->unset_env);
	check_text(k, KEY_STDIN, c->stdin_from);
	check_text(k, KEY_STDOUT, c->stdout_to);
	check_text(k, KEY_ENV_FILE, c->env_file);
	check_text(k, KEY_WORKDIR, c->workdir);
	check_secrets(k, &c->secrets);
}

static void put_names(struct table *t, const struct envlist *env)
{
	for (int i = 0; i < env->n; i++)
		table_put(t, env->v[i].name, i);
}

static void check_own(struct checking *k, int step, const struct variant *v)
{
	const struct stepconf *c = k->d->p->step[step].conf;

	if (c->env.v == v->conf->env.v) {
		check_conf(k, step, c, &v->env);
		return;
	}
	put_names(&k->step_env, &c->env);
	check_conf(k, step, c, &k->step_env);
	table_release(&k->step_env);
}

static void check_shared(struct checking *k, int step, struct variant *v)
{
	if (v->refs == SAME)
		return;
	k->steps = false;
	check_conf(k, step, v->conf, &v->env);
	v->refs = k->steps ? EACH : SAME;
}

static void check_pipeline(struct checking *k)
{
	const struct pipeline *p = k->d->p;

	k->scope.step = -1;
	k->scope.env_file = p->env_file != NULL;
	for (int i = 0; i < p->env.n; i++)
		refs_check(k->d, &k->scope, p->env.v[i].line,
			p->env.v[i].name, p->env.v[i].value);
	if (p->workdir != NULL)
		refs_check(k->d, &k->scope, p->workdir_line, "workdir",
			p->workdir);
	if (p->env_file != NULL)
		refs_check(k->d, &k->scope, p->env_file_line, "env_file",
			p->env_file);
}

void scopes_check(struct draft *d)
{
	struct checking k = { .d = d };

	stepkeys_names(k.key);
	put_names(&k.pipeline_env, &d->p->env);
	k.scope.env[0] = &k.pipeline_env;
	check_pipeline(&k);
	for (int i = 0; i < d->p->nsteps; i++) {
		struct variant *v = &d->variant[d->variant_of[i]];

		if (d->p->step[i].conf != v->conf)
			check_own(&k, i, v);
		else
			check_shared(&k, i, v);
	}
	table_release(&k.pipeline_env);
}
