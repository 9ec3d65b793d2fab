/* SPDX-License-Identifier: ISC */
#include "prepare.h"

#include <glob.h>
#include <signal.h>
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

/* argv of "durexec settle", in e's arena: the look at the outputs, the
 * placing of stdout, or (without gates between them) both. */
static char **settle_argv(struct env *e, int step, enum phase phase,
	struct why *why)
{
	const struct stepconf *c = e->p->step[step].conf;
	const struct task *t = &e->s->task[e->task[step]];
	/* with gates, what is the placed stdout is looked at when it is */
	bool split = c->gates.n > 0, now;
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
	}
	if (*to != '\0' && t->out_bytes > 0)
		from = mem_printf("%s/log/%s.%d.out", e->d->path, t->name,
			t->attempts);
	snprintf(since, sizeof(since), "%lld", (long long)t->began_at);
	argv[n++] = (char *)"durexec-settle";
	argv[n++] = (char *)"settle";
	argv[n++] = arena_dup(&e->arena, since);
	argv[n++] = (char *)(c->outputs_fresh ? "1" : "0");
	argv[n++] = arena_dup(&e->arena, from != NULL ? from : "");
	argv[n++] = (char *)(split && phase == PHASE_SETTLE ? "" : to);
	free(from);
	for (i = 0; i < c->outputs.n; i++) {
		value = env_expand(e, c->outputs.v[i], why);
		if (value == NULL)
			return NULL;
		now = (strcmp(value, to) == 0) == (phase == PHASE_PLACE);
		if (!split || now)
			argv[n++] = (char *)value;
	}
	argv[n] = NULL;
	return argv;
}

/* Output that is kept in memory (of hooks and checks) ends them beyond this. */
enum { MEMORY_MOST = 4 * 1024 * 1024 };

/* More arguments than this are not handed to a gate: the names are in the
 * pipeline file. */
enum { ARGUMENTS_MOST = 10000 };

static void add_argument(struct env *e, char ***argv, size_t *n, size_t *cap,
	const char *text)
{
	char **old = *argv;

	if (*n + 2 > *cap) {
		*cap = *cap * 2 + 16;
		*argv = arena_alloc(&e->arena, *cap * sizeof(**argv));
		if (*n > 0)
			memcpy(*argv, old, *n * sizeof(**argv));
	}
	(*argv)[(*n)++] = arena_dup(&e->arena, text);
	(*argv)[*n] = NULL;
}

/* The pattern below a directory whose own name is none; caller frees. */
static char *pattern_below(const char *dir, const char *pattern)
{
	struct buf path = { 0 };

	for (; *dir != '\0'; dir++) {
		if (strchr("*?[\\", *dir) != NULL)
			buf_char(&path, '\\');
		buf_char(&path, *dir);
	}
	buf_printf(&path, "/%s", pattern);
	return buf_steal(&path);
}

/* A gate's script and, behind it, what is "$@" in it: the step's outputs, as
 * seen from its working directory. */
static char **gate_argv(struct env *e, int step, const struct script *script,
	const char *cwd, struct why *why)
{
	const struct stepconf *c = e->p->step[step].conf;
	char **argv = NULL;
	size_t n = 0, cap = 0, k, skip = strlen(cwd) + 1;
	glob_t hits;

	for (k = 0; script->argv[k] != NULL; k++)
		add_argument(e, &argv, &n, &cap, script->argv[k]);
	if (script->direct)
		return argv;
	add_argument(e, &argv, &n, &cap, "gate");
	for (int i = 0; i < c->outputs.n; i++) {
		const char *value = env_expand(e, c->outputs.v[i], why);
		char *path;

		if (value == NULL)
			return NULL;
		if (strpbrk(value, "*?[") == NULL) {
			add_argument(e, &argv, &n, &cap, value);
			continue;
		}
		path = value[0] == '/' ? mem_dup(value) :
			pattern_below(cwd, value);
		if (glob(path, 0, NULL, &hits) == 0) {
			for (k = 0; k < hits.gl_pathc && n < ARGUMENTS_MOST;
			    k++)
				add_argument(e, &argv, &n, &cap,
					hits.gl_pathv[k] +
					(value[0] == '/' ? 0 : skip));
			globfree(&hits);
		} else {
			/* a file may really be called "a[1].txt" */
			add_argument(e, &argv, &n, &cap, value);
		}
		free(path);
	}
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

const char *prepare_word(struct env *e, int step,
	const struct prepare_part *part)
{
	struct buf text = { 0 };
	const char *word;

	if (part->phase != PHASE_VERIFY)
		return phase_word(part->phase);
	buf_printf(&text, "%s%s", phase_word(PHASE_VERIFY),
		e->p->step[step].conf->gates.v[part->gate].name);
	word = arena_dup(&e->arena, text.data);
	buf_release(&text);
	return word;
}

/* The command; another one when an earlier attempt got under way. */
static const char *command_of(const struct env *e, int step)
{
	const struct step *st = &e->p->step[step];

	return st->conf->resume_run != NULL &&
		e->s->task[e->task[step]].tried ? st->conf->resume_run :
		st->run;
}

int prepare_phase(struct env *e, int step, int attempt,
	const struct prepare_part *part, struct buf *out, struct why *why)
{
	const struct step *st = &e->p->step[step];
	const struct stepconf *c = st->conf;
	struct script script = { 0 };
	struct names name = { 0 };
	struct job j;
	int ret = -1;

	e->slot = part->slot;
	e->own_output = part->phase == PHASE_VERIFY;
	if (env_build(e, step, attempt, why) == -1 ||
	    common(e, step, &j, why) == -1)
		goto out;
	j.attempt = attempt;
	j.turn = part->turn;
	j.phase = prepare_word(e, step, part);
	rundir_log(&name.out, st->name, attempt, part->phase == PHASE_RUN ?
		"out" : part->phase == PHASE_VERIFY ?
		c->gates.v[part->gate].name : phase_word(part->phase));
	j.out = name.out.data;
	switch (part->phase) {
	case PHASE_RUN:
		rundir_log(&name.err, st->name, attempt, "err");
		j.err = name.err.data;
		j.idle_ms = c->idle_timeout_ms;
		j.max_output = c->max_output;
		if (find_input(e, step, &j.in, why) == -1)
			goto out;
		script_init(&script, e->p, command_of(e, step),
			reads_file(e));
		j.argv = script.argv;
		break;
	case PHASE_IF:
		script_init(&script, e->p, c->condition, reads_file(e));
		j.argv = script.argv;
		break;
	case PHASE_VERIFY:
		script_init(&script, e->p, c->gates.v[part->gate].script,
			reads_file(e));
		j.timeout_ms = c->verify_timeout_ms;
		j.argv = gate_argv(e, step, &script, j.cwd, why);
		if (j.argv == NULL)
			goto out;
		break;
	case PHASE_SETTLE:
	case PHASE_PLACE:
		j.program = "/proc/self/exe";
		j.argv = settle_argv(e, step, part->phase, why);
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
	e->slot = NULL;
	e->own_output = false;
	script_release(&script);
	names_release(&name);
	return ret;
}

int prepare_hook(struct env *e, enum hook hook, char *const *facts,
	int64_t timeout_ms, const char *out_path, struct buf *out,
	struct why *why)
{
	struct script script = { 0 };
	struct job j = { .umask = -1, .stop_signal = SIGTERM,
		.grace_ms = 5000, .timeout_ms = timeout_ms,
		.max_output = MEMORY_MOST, .step = "hook",
		.phase = "hook", .out = out_path };
	int ret = -1;

	if (env_build_pipeline(e, facts, why) == -1)
		return -1;
	j.cwd = env_workdir(e, -1, why);
	if (j.cwd != NULL) {
		e->set = mem_grow(e->set, e->nset, &e->set_cap,
			sizeof(*e->set));
		e->set[e->nset] = NULL;
		j.set = (char **)e->set;
		script_init(&script, e->p, e->p->hook[hook], reads_file(e));
		j.argv = script.argv;
		job_encode(&j, out);
		ret = 0;
	}
	script_release(&script);
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
	j.phase = "check";
	j.max_output = MEMORY_MOST;
	j.out = out_path;
	script_init(&script, e->p, c->check, reads_file(e));
	j.argv = script.argv;
	job_encode(&j, out);
	ret = 0;
out:
	script_release(&script);
	return ret;
}
