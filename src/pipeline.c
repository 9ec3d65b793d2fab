/* SPDX-License-Identifier: ISC */
#include "pipeline.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "guess.h"

int pipeline_find(const struct pipeline *p, const char *name)
{
	return table_get(&p->names, name);
}

/* The key of what is none. */
enum { PIPELINE_SHELL_TEXT = KEY_COUNT, PARAM_VALUE };

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

static bool in_name(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		(c >= '0' && c <= '9') || c == '_';
}

static const struct param *find_param(const struct pipeline *p,
	const char *name, size_t n)
{
	for (int i = 0; i < p->nparams; i++)
		if (p->param[i].name[0] == name[0] &&
		    strncmp(p->param[i].name, name, n) == 0 &&
		    p->param[i].name[n] == '\0')
			return &p->param[i];
	return NULL;
}

/*
 * The values of the parameters that a text names, as $NAME or ${NAME...}: the
 * shell's forms, of which values know one. What it names otherwise comes from
 * the environment, or is made by durexec, and does not count.
 */
static uint64_t add_params(uint64_t h, const struct pipeline *p,
	const char *text)
{
	const struct param *param;

	if (p->nparams == 0 || text == NULL)
		return h;
	while ((text = strchr(text, '$')) != NULL) {
		size_t n = 0;

		text++;
		if (*text == '{') {
			text++;
			/* its length, what it names */
			if (*text == '#' || *text == '!')
				text++;
		}
		while (in_name(text[n]))
			n++;
		param = n > 0 ? find_param(p, text, n) : NULL;
		if (param != NULL)
			h = add_text(h, PARAM_VALUE, param->value);
		text += n;
	}
	return h;
}

static uint64_t add_list_params(uint64_t h, const struct pipeline *p,
	const struct strlist *list)
{
	for (int i = 0; i < list->n; i++)
		h = add_params(h, p, list->v[i]);
	return h;
}

static uint64_t add_env_params(uint64_t h, const struct pipeline *p,
	const struct envlist *env)
{
	for (int i = 0; i < env->n; i++)
		h = add_params(h, p, env->v[i].value);
	return h;
}

static uint64_t add_patterns(uint64_t h, int key, const struct patterns *p)
{
	return add_number(add_number(h, key, p->n), key, (int64_t)p->hash);
}

static uint64_t add_exits(uint64_t h, int key, const struct exits *e)
{
	h = add_number(h, key, sizeof(e->bit));
	return table_hash(h, e->bit, sizeof(e->bit));
}

static uint64_t add_gates(uint64_t h, const struct gatelist *gates)
{
	h = add_number(h, KEY_VERIFY, gates->n);
	for (int i = 0; i < gates->n; i++) {
		h = add_text(h, KEY_VERIFY, gates->v[i].name);
		h = add_text(h, KEY_VERIFY, gates->v[i].script);
	}
	return h;
}

/* When an attempt is tried again, waited for, and given up. */
static uint64_t add_failure(uint64_t h, const struct stepconf *c)
{
	h = add_number(h, KEY_RETRIES, c->retries);
	h = add_number(h, KEY_RETRY_DELAY, c->retry_delay_ms);
	/* as it was written: millionths */
	h = add_number(h, KEY_RETRY_FACTOR, (int64_t)(c->retry_factor * 1e6 +
		0.5));
	h = add_number(h, KEY_RETRY_MAX_DELAY, c->retry_max_delay_ms);
	h = add_number(h, KEY_RETRY_JITTER, c->retry_jitter);
	h = add_number(h, KEY_RETRY_ON, c->retry_on_given);
	h = add_exits(h, KEY_RETRY_ON, &c->retry_on);
	h = add_patterns(h, KEY_RETRY_IF, &c->retry_if);
	h = add_exits(h, KEY_GIVE_UP_ON, &c->give_up_on);
	h = add_patterns(h, KEY_GIVE_UP_IF, &c->give_up_if);
	h = add_patterns(h, KEY_WAIT_IF, &c->wait_if);
	h = add_number(h, KEY_WAIT_MAX, c->wait_max_ms);
	h = add_number(h, KEY_RERUN, c->never);
	h = add_patterns(h, KEY_FAIL_IF, &c->fail_if);
	h = add_patterns(h, KEY_OK_IF, &c->ok_if);
	return add_patterns(h, KEY_RECEIPT, &c->receipt);
}

static uint64_t add_conf_params(uint64_t h, const struct pipeline *p,
	const struct stepconf *c)
{
	if (p->nparams == 0)
		return h;
	h = add_env_params(h, p, &p->env);
	h = add_env_params(h, p, &c->env);
	h = add_list_params(h, p, &c->unset_env);
	h = add_params(h, p, p->env_file);
	h = add_params(h, p, c->env_file);
	h = add_params(h, p, c->stdin_from);
	h = add_params(h, p, p->workdir);
	h = add_params(h, p, c->workdir);
	h = add_params(h, p, c->resume_run);
	return add_list_params(h, p, &c->inputs);
}

struct confhash pipeline_conf_hash(const struct pipeline *p,
	const struct stepconf *c)
{
	struct confhash hash;
	uint64_t h = TABLE_HASH_START;

	h = add_text(h, PIPELINE_SHELL_TEXT, p->shell);
	h = add_env(h, &p->env);
	h = add_env(h, &c->env);
	h = add_list(h, KEY_UNSET_ENV, &c->unset_env);
	h = add_text(h, KEY_ENV_FILE, p->env_file);
	h = add_text(h, KEY_ENV_FILE, c->env_file);
	h = add_text(h, KEY_STDIN, c->stdin_from);
	h = add_text(h, KEY_WORKDIR, p->workdir);
	h = add_text(h, KEY_WORKDIR, c->workdir);
	h = add_text(h, KEY_RESUME_RUN, c->resume_run);
	/* what the items are is asked once, and does not make them stale */
	h = add_number(h, KEY_FOREACH, c->foreach.n > 0 ||
		c->foreach_from != NULL);
	h = add_list(h, KEY_INPUTS, &c->inputs);
	hash.command = add_conf_params(h, p, c);
	h = hash.command;

	h = add_list(h, KEY_FOREACH, &c->foreach);
	h = add_text(h, KEY_FOREACH_FROM, c->foreach_from);
	h = add_text(h, KEY_IF, c->condition);
	h = add_number(h, KEY_PARALLEL, c->parallel);
	h = add_number(h, KEY_ALWAYS, c->always);
	h = add_number(h, KEY_ALLOW_FAILURE, c->allow_failure);
	h = add_number(h, KEY_REVIEW, c->review);
	h = add_failure(h, c);
	h = add_list(h, KEY_REQUIRES, &c->requires);
	h = add_text(h, KEY_CHECK, c->check);
	h = add_number(h, KEY_TIMEOUT, c->timeout_ms);
	h = add_number(h, KEY_IDLE_TIMEOUT, c->idle_timeout_ms);
	h = add_number(h, KEY_STOP_SIGNAL, c->stop_signal);
	h = add_number(h, KEY_STOP_GRACE, c->stop_grace_ms);
	h = add_exits(h, KEY_OK_EXIT, &c->ok_exit);
	h = add_list(h, KEY_OUTPUTS, &c->outputs);
	h = add_number(h, KEY_OUTPUTS_FRESH, c->outputs_fresh);
	h = add_gates(h, &c->gates);
	h = add_number(h, KEY_VERIFY_TIMEOUT, c->verify_timeout_ms);
	h = add_text(h, KEY_STDOUT, c->stdout_to);
	h = add_number(h, KEY_UMASK, c->umask);
	h = add_number(h, KEY_NICE, c->nice);
	h = add_list(h, KEY_SECRETS, &c->secrets);
	h = add_number(h, KEY_MAX_OUTPUT, c->max_output);
	h = add_text(h, KEY_POOL, c->pool >= 0 && c->pool < p->npools ?
		p->pool[c->pool].name : NULL);
	h = add_number(h, KEY_COST, c->cost);
	h = add_patterns(h, KEY_COST_FROM, &c->cost_from);
	hash.whole = h;
	return hash;
}

uint64_t pipeline_command_hash(const struct pipeline *p, int step)
{
	const struct step *s = &p->step[step];

	return add_params(add_text(s->conf->hash.command, KEY_RUN, s->run), p,
		s->run);
}

uint64_t pipeline_whole_hash(const struct pipeline *p, int step)
{
	const struct step *s = &p->step[step];
	uint64_t h = add_text(s->conf->hash.whole, KEY_RUN, s->run);

	h = add_params(h, p, s->run);
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
	free(p->pool);
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
