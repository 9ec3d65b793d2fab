/* SPDX-License-Identifier: ISC */
#include "prepare.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "job.h"
#include "mem.h"
#include "script.h"

/* Strings that must live until the message is made. */
struct names {
	struct buf out, err, dir;
};

static void names_release(struct names *n)
{
	buf_release(&n->out);
	buf_release(&n->err);
	buf_release(&n->dir);
}

/* The step's own BASH_ENV: bash reads that file first, and it may define
 * anything. (durexec's own environment: script.c.) */
static bool reads_file(const struct env *e)
{
	size_t i;

	for (i = 0; i < e->nset; i++)
		if (strncmp(e->set[i], "BASH_ENV=", 9) == 0)
			return true;
	return false;
}

static int find_input(struct env *e, int step, const char **in,
	struct why *why)
{
	const char *from = e->p->step[step].conf->stdin_from;
	const struct task *t;
	char *path;
	int need;

	*in = NULL;
	if (from == NULL || strcmp(from, "null") == 0)
		return 0;
	if (strncmp(from, "step:", 5) != 0) {
		*in = env_expand(e, from, why);
		return *in != NULL ? 0 : -1;
	}
	need = pipeline_find(e->p, from + 5);
	if (need < 0 || e->s == NULL)
		return 0;
	t = &e->s->task[e->task[need]];
	if (t->out_bytes == 0)
		return 0;
	path = mem_printf("%s/log/%s.%d.out", e->d->path, t->name,
		t->attempts);
	*in = arena_dup(&e->arena, path);
	free(path);
	return 0;
}

/* argv of "durexec settle", in e's arena. */
static char **settle_argv(struct env *e, int step, struct why *why)
{
	const struct stepconf *c = e->p->step[step].conf;
	const struct task *t = &e->s->task[e->task[step]];
	size_t n = 0;
	char **argv = arena_alloc(&e->arena,
		((size_t)c->outputs.n + 7) * sizeof(*argv));
	char since[32], *from = NULL;
	const char *to = "", *value;
	int i;

	if (c->stdout_to != NULL) {
		to = env_expand(e, c->stdout_to, why);
		if (to == NULL)
			return NULL;
		if (t->out_bytes > 0)
			from = mem_printf("%s/log/%s.%d.out", e->d->path,
				t->name, t->attempts);
	}
	snprintf(since, sizeof(since), "%lld", (long long)t->began_at);
	argv[n++] = (char *)"durexec-settle";
	argv[n++] = (char *)"settle";
	argv[n++] = arena_dup(&e->arena, since);
	argv[n++] = (char *)(c->outputs_fresh ? "1" : "0");
	argv[n++] = arena_dup(&e->arena, from != NULL ? from : "");
	argv[n++] = (char *)to;
	free(from);
	for (i = 0; i < c->outputs.n; i++) {
		value = env_expand(e, c->outputs.v[i], why);
		if (value == NULL)
			return NULL;
		argv[n++] = (char *)value;
	}
	argv[n] = NULL;
	return argv;
}

/* What all phases of a step have in common. */
static int common(struct env *e, int step, struct job *j, struct why *why)
{
	const struct stepconf *c = e->p->step[step].conf;

	memset(j, 0, sizeof(*j));
	j->step = e->p->step[step].name;
	j->umask = c->umask;
	j->nice = c->nice;
	j->stop_signal = c->stop_signal;
	j->grace_ms = c->stop_grace_ms;
	j->timeout_ms = c->timeout_ms;
	j->cwd = env_workdir(e, step, why);
	if (j->cwd == NULL)
		return -1;
	e->set = mem_grow(e->set, e->nset, &e->set_cap, sizeof(*e->set));
	e->set[e->nset] = NULL;
	j->set = (char **)e->set;
	j->unset = arena_alloc(&e->arena,
		((size_t)c->unset_env.n + 1) * sizeof(*j->unset));
	if (c->unset_env.n > 0)
		memcpy(j->unset, c->unset_env.v,
			(size_t)c->unset_env.n * sizeof(*j->unset));
	return 0;
}

int prepare_phase(struct env *e, int step, int attempt, enum phase phase,
	struct buf *out, struct why *why)
{
	const struct step *st = &e->p->step[step];
	struct script script = { 0 };
	struct names name = { 0 };
	struct job j;
	int ret = -1;

	if (env_build(e, step, attempt, why) == -1 ||
	    common(e, step, &j, why) == -1)
		goto out;
	j.attempt = attempt;
	j.phase = (int32_t)phase;
	rundir_log(&name.out, st->name, attempt,
		phase == PHASE_RUN ? "out" : phase_word(phase));
	j.out = name.out.data;
	switch (phase) {
	case PHASE_RUN:
		rundir_log(&name.err, st->name, attempt, "err");
		j.err = name.err.data;
		j.idle_ms = st->conf->idle_timeout_ms;
		if (find_input(e, step, &j.in, why) == -1)
			goto out;
		script_init(&script, e->p, st->run, reads_file(e));
		j.argv = script.argv;
		break;
	case PHASE_IF:
		script_init(&script, e->p, st->conf->condition,
			reads_file(e));
		j.argv = script.argv;
		break;
	case PHASE_SETTLE:
		j.program = "/proc/self/exe";
		j.argv = settle_argv(e, step, why);
		if (j.argv == NULL)
			goto out;
		break;
	case PHASES:
		break;
	}
	buf_printf(&name.dir, "dir/%s", st->name);
	j.dir = name.dir.data;
	job_encode(&j, out);
	ret = 0;
out:
	script_release(&script);
	names_release(&name);
	return ret;
}

int prepare_check(struct env *e, int step, const char *out_path,
	struct buf *out, struct why *why)
{
	const struct stepconf *c = e->p->step[step].conf;
	struct script script = { 0 };
	struct job j;
	int ret = -1;

	if (env_build(e, step, 0, why) == -1 || common(e, step, &j, why) == -1)
		goto out;
	j.out = out_path;
	script_init(&script, e->p, c->check, reads_file(e));
	j.argv = script.argv;
	job_encode(&j, out);
	ret = 0;
out:
	script_release(&script);
	return ret;
}
