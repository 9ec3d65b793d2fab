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
	h = add_text(h, KEY_RESUME_RUN, c->resume_run);
	hash.command = h;

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
