/* SPDX-License-Identifier: ISC */
#include "pipeline.h"

#include <stdlib.h>
#include <string.h>

#include "guess.h"

int pipeline_find(const struct pipeline *p, const char *name)
{
	return table_get(&p->names, name);
}

/*
 * Each field goes in with its key's number before it and its length, so that
 * no two definitions give the same bytes. NULL and "" are different things.
 */
static uint64_t add_number(uint64_t h, int key, int64_t n)
{
	unsigned char bytes[9];

	bytes[0] = (unsigned char)key;
	for (int i = 0; i < 8; i++)
		bytes[i + 1] = (unsigned char)((uint64_t)n >> (8 * i));
	return table_hash(h, bytes, sizeof(bytes));
}

static uint64_t add_text(uint64_t h, int key, const char *text)
{
	size_t n;

	if (text == NULL)
		return add_number(h, key, -1);
	n = strlen(text);
	return table_hash(add_number(h, key, (int64_t)n), text, n);
}

static uint64_t add_list(uint64_t h, int key, const struct strlist *list)
{
	h = add_number(h, key, list->n);
	for (int i = 0; i < list->n; i++)
		h = add_text(h, key, list->v[i]);
	return h;
}

static uint64_t add_env(uint64_t h, const struct envlist *env)
{
	h = add_number(h, KEY_ENV, env->n);
	for (int i = 0; i < env->n; i++) {
		h = add_text(h, KEY_ENV, env->v[i].name);
		h = add_text(h, KEY_ENV, env->v[i].value);
	}
	return h;
}

struct confhash pipeline_conf_hash(const struct pipeline *p,
	const struct stepconf *c)
{
	struct confhash hash;
	uint64_t h = TABLE_HASH_START;

	h = add_text(h, KEY_COUNT, p->shell);
	h = add_env(h, &p->env);
	h = add_env(h, &c->env);
	h = add_list(h, KEY_UNSET_ENV, &c->unset_env);
	h = add_text(h, KEY_ENV_FILE, p->env_file);
	h = add_text(h, KEY_ENV_FILE, c->env_file);
	h = add_text(h, KEY_STDIN, c->stdin_from);
	h = add_text(h, KEY_WORKDIR,
		c->workdir != NULL ? c->workdir : p->workdir);
	hash.command = h;

	h = add_text(h, KEY_IF, c->condition);
	h = add_number(h, KEY_ALWAYS, c->always);
	h = add_number(h, KEY_ALLOW_FAILURE, c->allow_failure);
	h = add_list(h, KEY_REQUIRES, &c->requires);
	h = add_text(h, KEY_CHECK, c->check);
	h = add_number(h, KEY_TIMEOUT, c->timeout_ms);
	h = add_number(h, KEY_IDLE_TIMEOUT, c->idle_timeout_ms);
	h = add_number(h, KEY_STOP_SIGNAL, c->stop_signal);
	h = add_number(h, KEY_STOP_GRACE, c->stop_grace_ms);
	h = table_hash(add_number(h, KEY_OK_EXIT, sizeof(c->ok_exit)),
		c->ok_exit, sizeof(c->ok_exit));
	h = add_list(h, KEY_OUTPUTS, &c->outputs);
	h = add_number(h, KEY_OUTPUTS_FRESH, c->outputs_fresh);
	h = add_text(h, KEY_STDOUT, c->stdout_to);
	h = add_number(h, KEY_UMASK, c->umask);
	h = add_number(h, KEY_NICE, c->nice);
	hash.whole = h;
	return hash;
}

uint64_t pipeline_command_hash(const struct pipeline *p, int step)
{
	const struct step *s = &p->step[step];

	return add_text(s->conf->hash.command, KEY_RUN, s->run);
}

uint64_t pipeline_whole_hash(const struct pipeline *p, int step)
{
	const struct step *s = &p->step[step];
	uint64_t h = add_text(s->conf->hash.whole, KEY_RUN, s->run);

	/* By name: their numbers change when a step is put in above. */
	h = add_number(h, KEY_NEEDS, s->needs_all ? -1 : s->nneeds);
	for (int i = 0; i < s->nneeds; i++)
		h = add_text(h, KEY_NEEDS, p->step[s->needs[i]].name);
	return h;
}

void pipeline_free(struct pipeline *p)
{
	if (p == NULL)
		return;
	free(p->param);
	free(p->step);
	table_release(&p->names);
	arena_release(&p->arena);
	free(p);
}

int pipeline_no_such_step(const struct pipeline *p, const char *name,
	struct why *why)
{
	const char **names = mem_alloc((size_t)(p->nsteps + 1) *
		sizeof(*names));
	const char *near;
	int i;

	for (i = 0; i < p->nsteps; i++)
		names[i] = p->step[i].name;
	near = guess(name, names, (size_t)p->nsteps);
	if (near != NULL)
		why_set(why, "there is no step %s; did you mean %s?", name,
			near);
	else
		why_set(why, "there is no step %s; durexec status lists them",
			name);
	free(names);
	return -1;
}
