/* SPDX-License-Identifier: ISC */
#include "conf.h"

#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "given.h"
#include "guess.h"
#include "keys.h"
#include "refs.h"
#include "values.h"

#define DEFAULT_STOP_GRACE_MS (10 * 1000)

struct building {
	struct draft *d;
	const char *key[KEY_COUNT];	/* names, for complaints */
	const char *run;		/* of [defaults] */
	const struct stepconf *base;	/* [defaults], NULL while it is made */
	struct table base_env;		/* names of its env.NAME */
};

static const char *script(struct building *b, const struct setting *s)
{
	given_size(b->d, s->line, b->key[s->id], strlen(s->value));
	return s->value[strspn(s->value, " \t\n")] != '\0' ? s->value : NULL;
}

static int read_always(const char *text, enum always *always, struct why *why)
{
	if (strcasecmp(text, "done") == 0)
		*always = ALWAYS_DONE;
	else if (strcasecmp(text, "review") == 0)
		*always = ALWAYS_REVIEW;
	else if (strcasecmp(text, "no") == 0)
		*always = ALWAYS_NO;
	else
		return why_set(why, "expected done, review or no");
	return 0;
}

static char *signal_hint(const char *text)
{
	size_t n;
	const char *const *names = values_signal_names(&n);
	const char *meant;

	if (strncasecmp(text, "SIG", 3) == 0)
		text += 3;
	meant = guess(text, names, n);
	return meant != NULL ? mem_printf("did you mean %s?", meant) : NULL;
}

/* Numbers and choices are read while loading; `text` has no ${NAME} left. */
static void read_now(struct building *b, struct stepconf *c,
	const struct setting *s)
{
	struct buf buf = { 0 };
	struct why why;
	char *text = given_now(b->d, s, b->key[s->id], &buf);
	char *hint = NULL;
	int bad = 0;

	if (text == NULL)
		goto out;
	switch ((enum step_key)s->id) {
	case KEY_ALWAYS:
		bad = read_always(text, &c->always, &why);
		break;
	case KEY_ALLOW_FAILURE:
		bad = values_bool(text, &c->allow_failure, &why);
		break;
	case KEY_OUTPUTS_FRESH:
		bad = values_bool(text, &c->outputs_fresh, &why);
		break;
	case KEY_TIMEOUT:
		bad = values_duration(text, &c->timeout_ms, &why);
		break;
	case KEY_IDLE_TIMEOUT:
		bad = values_duration(text, &c->idle_timeout_ms, &why);
		break;
	case KEY_STOP_GRACE:
		bad = values_duration(text, &c->stop_grace_ms, &why);
		break;
	case KEY_STOP_SIGNAL:
		bad = values_signal(text, &c->stop_signal, &why);
		hint = bad == -1 ? signal_hint(text) : NULL;
		break;
	case KEY_OK_EXIT:
		memset(c->ok_exit, 0, sizeof(c->ok_exit));
		c->ok_exit[0] = 1;
		bad = values_exits(text, c->ok_exit, &why);
		break;
	case KEY_UMASK:
		bad = values_umask(text, &c->umask, &why);
		break;
	case KEY_NICE:
		bad = values_int(text, -20, 19, &c->nice, &why);
		break;
	case KEY_RUN: case KEY_NEEDS: case KEY_IF: case KEY_REQUIRES:
	case KEY_CHECK: case KEY_OUTPUTS: case KEY_STDIN: case KEY_STDOUT:
	case KEY_ENV: case KEY_UNSET_ENV: case KEY_ENV_FILE: case KEY_WORKDIR:
	case KEY_COUNT:
		break;
	}
	if (bad == -1)
		given_bad(b->d, s, b->key[s->id], text, hint, why.text);
out:
	buf_release(&buf);
}

/* A program, or one of the words before a ":". */
static void check_requirement(struct building *b, const struct setting *s,
	const char *word)
{
	static const char *const kinds[] = { "file", "env", "free" };
	static const char expected[] =
		"expected a program, file:PATH, env:NAME or free:SIZE";
	const char *colon = strchr(word, ':');
	const char *slash = strchr(word, '/');
	const char *what, *meant;
	char *kind;
	int64_t bytes;
	struct why why;

	if (colon == NULL || (slash != NULL && slash < colon) ||
	    strstr(word, "${") != NULL)
		return;
	kind = mem_dupn(word, (size_t)(colon - word));
	what = colon + 1;
	if (strcmp(kind, "file") == 0) {
		if (*what == '\0')
			given_bad(b->d, s, "requires", word, NULL, expected);
	} else if (strcmp(kind, "env") == 0) {
		if (!values_is_variable(what))
			given_bad(b->d, s, "requires", word, NULL,
				"expected the name of a variable after env:");
	} else if (strcmp(kind, "free") == 0) {
		if (values_size(what, &bytes, &why) == -1)
			given_bad(b->d, s, "requires", word, NULL, why.text);
	} else {
		meant = guess(kind, kinds, 3);
		given_bad(b->d, s, "requires", word, meant != NULL ?
			mem_printf("did you mean %s:%s?", meant, what) : NULL,
			expected);
	}
	free(kind);
}

static void read_list(struct building *b, struct stepconf *c,
	const struct setting *s)
{
	struct strlist list = values_list(&b->d->p->arena, s->value);

	if (s->id == KEY_OUTPUTS) {
		c->outputs = list;
		return;
	}
	if (s->id == KEY_REQUIRES)
		c->requires = list;
	else
		c->unset_env = list;
	for (int i = 0; i < list.n; i++) {
		if (s->id == KEY_REQUIRES)
			check_requirement(b, s, list.v[i]);
		else if (strstr(list.v[i], "${") == NULL &&
			 !values_is_variable(list.v[i]))
			given_bad(b->d, s, "unset_env", list.v[i], NULL,
				"expected names of variables");
	}
}

static void apply(struct building *b, struct stepconf *c,
	const struct setting *s)
{
	const char *key = b->key[s->id];

	/* Of several env.NAME the first one tells where they are. */
	if (s->id != KEY_ENV || c->line[KEY_ENV] == 0)
		c->line[s->id] = s->line;
	switch ((enum step_key)s->id) {
	case KEY_RUN:		/* with the step's name, below */
	case KEY_NEEDS:		/* needs.c */
	case KEY_ENV:		/* merged in apply_env() */
		break;
	case KEY_IF:
		c->condition = script(b, s);
		break;
	case KEY_CHECK:
		c->check = script(b, s);
		break;
	case KEY_STDIN:
		c->stdin_from = given_line(b->d, s, key);
		if (c->stdin_from != NULL && strcmp(c->stdin_from, "null") == 0)
			c->stdin_from = NULL;
		break;
	case KEY_STDOUT:
		c->stdout_to = given_line(b->d, s, key);
		break;
	case KEY_ENV_FILE:
		c->env_file = given_line(b->d, s, key);
		break;
	case KEY_WORKDIR:
		c->workdir = given_line(b->d, s, key);
		break;
	case KEY_REQUIRES: case KEY_OUTPUTS: case KEY_UNSET_ENV:
		read_list(b, c, s);
		break;
	case KEY_ALWAYS: case KEY_ALLOW_FAILURE: case KEY_OUTPUTS_FRESH:
	case KEY_TIMEOUT: case KEY_IDLE_TIMEOUT: case KEY_STOP_GRACE:
	case KEY_STOP_SIGNAL: case KEY_OK_EXIT: case KEY_UMASK: case KEY_NICE:
		read_now(b, c, s);
		break;
	case KEY_COUNT:
		break;
	}
}

/* The env.NAME of [defaults], then the block's own; one that is in both
 * stands where it stood, with the block's value. */
static void apply_env(struct building *b, struct stepconf *c,
	const struct block *block)
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
		given_size(d, s->line, s->name, strlen(s->name) + 1 +
			strlen(s->value));
		at = table_get(&b->base_env, s->name);
		if (at == TABLE_NONE)
			at = new.n++;
		new.v[at].name = s->name;
		new.v[at].value = s->value;
		new.v[at].line = s->line;
	}
	c->env = new;
}

static struct stepconf *new_conf(struct building *b)
{
	return arena_alloc(&b->d->p->arena, sizeof(struct stepconf));
}

static void build_defaults(struct building *b)
{
	struct draft *d = b->d;
	struct stepconf *c = new_conf(b);
	const struct setting *run;

	c->stop_grace_ms = DEFAULT_STOP_GRACE_MS;
	c->stop_signal = SIGTERM;
	c->umask = -1;
	c->outputs_fresh = true;
	c->ok_exit[0] = 1;
	for (int i = 0; i < d->defaults.n; i++)
		apply(b, c, &d->setting[d->defaults.first + i]);
	apply_env(b, c, &d->defaults);
	for (int i = 0; i < c->env.n; i++)
		table_put(&b->base_env, c->env.v[i].name, i);
	run = draft_find(d, &d->defaults, KEY_RUN);
	if (run != NULL)
		b->run = script(b, run);
	c->hash = pipeline_conf_hash(d->p, c);
	b->base = c;
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

static void build_step(struct building *b, int i)
{
	struct draft *d = b->d;
	const struct block *block = &d->step[i];
	struct step *step = &d->p->step[i];
	struct stepconf *c = NULL;

	step->run = b->run;
	for (int k = 0; k < block->n; k++) {
		const struct setting *s = &d->setting[block->first + k];

		if (s->id == KEY_RUN)
			step->run = script(b, s);
		else if (s->id != KEY_NEEDS && c == NULL)
			c = new_conf(b);
	}
	if (step->run == NULL)
		missing_run(b, i);
	if (c == NULL) {
		step->conf = b->base;
		return;
	}
	*c = *b->base;
	for (int k = 0; k < block->n; k++)
		apply(b, c, &d->setting[block->first + k]);
	apply_env(b, c, block);
	c->hash = pipeline_conf_hash(d->p, c);
	step->conf = c;
}

static void name_keys(const char *key[KEY_COUNT])
{
	size_t n;
	const struct key *keys = keys_of(SECTION_STEP, &n);

	for (size_t i = 0; i < n; i++)
		if (keys[i].id != KEY_UNSUPPORTED)
			key[keys[i].id] = keys[i].name;
}

void conf_steps(struct draft *d)
{
	struct building b = { .d = d };

	name_keys(b.key);
	build_defaults(&b);
	for (int i = 0; i < d->p->nsteps; i++)
		build_step(&b, i);
	d->base = b.base;
	table_release(&b.base_env);
}

/* Looking for what is not defined, in one conf after the other. */
struct checking {
	struct draft *d;
	const char *key[KEY_COUNT];
	struct table pipeline_env, base_env, step_env;
	struct refs_scope scope;
	const struct stepconf *conf;
	bool steps;		/* a value names a variable of some step */
};

static void check_text(struct checking *k, enum step_key id, const char *text)
{
	if (text == NULL)
		return;
	if (refs_check(k->d, &k->scope, k->conf->line[id], k->key[id], text))
		k->steps = true;
}

static void check_list(struct checking *k, enum step_key id,
	const struct strlist *list)
{
	for (int i = 0; i < list->n; i++)
		check_text(k, id, list->v[i]);
}

static void check_env(struct checking *k, const struct envlist *env)
{
	for (int i = 0; i < env->n; i++)
		if (refs_check(k->d, &k->scope, env->v[i].line,
		    env->v[i].name, env->v[i].value))
			k->steps = true;
}

static void check_conf(struct checking *k, int step,
	const struct stepconf *c, const struct table *env)
{
	const struct pipeline *p = k->d->p;

	k->conf = c;
	k->scope.step = step;
	k->scope.env[1] = env;
	k->scope.env_file = c->env_file != NULL || p->env_file != NULL;
	check_env(k, &c->env);
	check_list(k, KEY_REQUIRES, &c->requires);
	check_list(k, KEY_OUTPUTS, &c->outputs);
	check_list(k, KEY_UNSET_ENV, &c->unset_env);
	check_text(k, KEY_STDIN, c->stdin_from);
	check_text(k, KEY_STDOUT, c->stdout_to);
	check_text(k, KEY_ENV_FILE, c->env_file);
	check_text(k, KEY_WORKDIR, c->workdir);
}

static void put_names(struct table *t, const struct envlist *env)
{
	for (int i = 0; i < env->n; i++)
		table_put(t, env->v[i].name, i);
}

static void check_own(struct checking *k, int step)
{
	const struct stepconf *c = k->d->p->step[step].conf;

	if (c->env.v == k->d->base->env.v) {
		check_conf(k, step, c, &k->base_env);
		return;
	}
	put_names(&k->step_env, &c->env);
	check_conf(k, step, c, &k->step_env);
	table_release(&k->step_env);
}

/*
 * Once for all steps that share the conf of [defaults], unless it names a
 * variable that only steps have which need a certain one.
 */
static void check_shared(struct checking *k)
{
	const struct pipeline *p = k->d->p;

	k->steps = false;
	for (int i = 0; i < p->nsteps; i++) {
		if (p->step[i].conf != k->d->base)
			continue;
		check_conf(k, i, p->step[i].conf, &k->base_env);
		if (!k->steps)
			break;
	}
}

static void check_pipeline(struct checking *k)
{
	const struct pipeline *p = k->d->p;

	k->scope.step = -1;
	k->scope.env_file = p->env_file != NULL;
	check_env(k, &p->env);
	if (p->workdir != NULL)
		refs_check(k->d, &k->scope, p->workdir_line, "workdir",
			p->workdir);
	if (p->env_file != NULL)
		refs_check(k->d, &k->scope, p->env_file_line, "env_file",
			p->env_file);
}

void conf_check_refs(struct draft *d)
{
	struct checking k = { .d = d };

	name_keys(k.key);
	put_names(&k.pipeline_env, &d->p->env);
	put_names(&k.base_env, &d->base->env);
	k.scope.env[0] = &k.pipeline_env;
	check_pipeline(&k);
	for (int i = 0; i < d->p->nsteps; i++)
		if (d->p->step[i].conf != d->base)
			check_own(&k, i);
	check_shared(&k);
	table_release(&k.pipeline_env);
	table_release(&k.base_env);
}
