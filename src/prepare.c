/* SPDX-License-Identifier: ISC */
#include "prepare.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "inputs.h"
#include "items.h"
#include "job.h"
#include "mem.h"
#include "script.h"
#include "secrets.h"
#include "wild.h"

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

/* What is prepared. */
struct part {
	int step, unit, attempt;
};

static const struct task *task_of(const struct env *e, const struct part *p)
{
	return plan_unit(e->plan, p->unit);
}

static int find_input(struct env *e, const struct part *p, const char **in,
	struct why *why)
{
	const char *from = e->p->step[p->step].conf->stdin_from;
	struct buf path = { 0 };
	const struct task *t;
	bool tied;
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
	t = plan_unit(e->plan, plan_needed(e->plan, p->unit, need, &tied));
	if (t->out_bytes == 0)
		return 0;
	buf_printf(&path, "%s/", e->d->path);
	task_log(e->s, t, t->attempts, "out", &path);
	*in = arena_dup(&e->arena, path.data);
	buf_release(&path);
	return 0;
}

/* One of the outputs, as settle takes it. */
static const char *output_of(struct env *e, const char *word, struct why *why)
{
	const char *arg = inputs_argument(e, word, why);
	struct buf text = { 0 };

	if (arg == NULL || arg[0] == '*' || !wild_is(arg + 1))
		return arg != NULL ? arg + 1 : NULL;
	inputs_escape(&text, arg + 1);
	arg = arena_dup(&e->arena, text.data);
	buf_release(&text);
	return arg;
}

/* argv of "durexec settle", in e's arena: the look at the outputs, the
 * placing of stdout, or (without gates between them) both. */
static char **settle_argv(struct env *e, const struct part *p,
	enum phase phase, struct why *why)
{
	const struct stepconf *c = e->p->step[p->step].conf;
	const struct task *t = task_of(e, p);
	struct buf log = { 0 };
	/* with gates, what is the placed stdout is looked at when it is */
	bool split = c->gates.n > 0, placed;
	size_t n = 0;
	char **argv = arena_alloc(&e->arena,
		((size_t)c->outputs.n + 7) * sizeof(*argv));
	char since[32];
	const char *to = "", *value;
	int i;

	if (c->stdout_to != NULL) {
		to = env_expand(e, c->stdout_to, why);
		if (to == NULL)
			return NULL;
	}
	buf_str(&log, "");
	if (*to != '\0' && t->out_bytes > 0) {
		buf_printf(&log, "%s/", e->d->path);
		task_log(e->s, t, t->attempts, "out", &log);
	}
	snprintf(since, sizeof(since), "%lld", (long long)t->began_at);
	argv[n++] = (char *)"durexec-settle";
	argv[n++] = (char *)"settle";
	argv[n++] = arena_dup(&e->arena, since);
	argv[n++] = (char *)(c->outputs_fresh ? "1" : "0");
	argv[n++] = arena_dup(&e->arena, log.data);
	argv[n++] = (char *)(split && phase == PHASE_SETTLE ? "" : to);
	buf_release(&log);
	for (i = 0; i < c->outputs.n; i++) {
		value = env_expand(e, c->outputs.v[i], why);
		if (value == NULL)
			return NULL;
		placed = strcmp(value, to) == 0;
		if (!placed)
			value = output_of(e, c->outputs.v[i], why);
		if (value != NULL && (!split || placed ==
		    (phase == PHASE_PLACE)))
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

struct arguments {
	struct env *e;
	char **v;
	size_t n, cap;
};

static bool add_argument(void *ctx, const char *text)
{
	struct arguments *a = ctx;
	char **old = a->v;

	if (a->n == ARGUMENTS_MOST)
		return false;
	if (a->n + 2 > a->cap) {
		a->cap = a->cap * 2 + 16;
		a->v = arena_alloc(&a->e->arena, a->cap * sizeof(*a->v));
		if (a->n > 0)
			memcpy(a->v, old, a->n * sizeof(*a->v));
	}
	a->v[a->n++] = arena_dup(&a->e->arena, text);
	a->v[a->n] = NULL;
	return true;
}

/* A gate's script and, behind it, what is "$@" in it: the step's outputs, as
 * seen from its working directory. */
static char **gate_argv(struct env *e, int step, const struct script *script,
	const char *cwd, struct why *why)
{
	const struct stepconf *c = e->p->step[step].conf;
	struct arguments a = { .e = e };
	size_t k;

	for (k = 0; script->argv[k] != NULL; k++)
		(void)add_argument(&a, script->argv[k]);
	if (script->direct)
		return a.v;
	(void)add_argument(&a, "gate");
	for (int i = 0; i < c->outputs.n; i++) {
		const char *word = inputs_argument(e, c->outputs.v[i], why);

		if (word == NULL)
			return NULL;
		if (word[0] == '*' && wild_each(cwd, word + 1, add_argument,
		    &a))
			continue;
		/* what is not there is named all the same, as it is written */
		word = env_expand(e, c->outputs.v[i], why);
		if (word == NULL)
			return NULL;
		(void)add_argument(&a, word);
	}
	return a.v;
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
static const char *command_of(const struct env *e, const struct part *p)
{
	const struct step *st = &e->p->step[p->step];

	return st->conf->resume_run != NULL && task_of(e, p)->tried ?
		st->conf->resume_run : st->run;
}

static const char *log_kind(const struct env *e, int step,
	const struct prepare_part *part)
{
	if (part->phase == PHASE_VERIFY)
		return e->p->step[step].conf->gates.v[part->gate].name;
	return part->phase == PHASE_RUN ? "out" : phase_word(part->phase);
}

/* A shell's or a program's argv for the phase. */
static int fill_argv(struct env *e, const struct part *p,
	const struct prepare_part *part, struct script *script, struct job *j,
	struct why *why)
{
	const struct stepconf *c = e->p->step[p->step].conf;
	bool shell = reads_file(e);

	switch (part->phase) {
	case PHASE_RUN:
		j->idle_ms = c->idle_timeout_ms;
		j->max_output = c->max_output;
		if (find_input(e, p, &j->in, why) == -1)
			return -1;
		script_init(script, e->p, command_of(e, p), shell);
		j->argv = script->argv;
		break;
	case PHASE_IF:
		script_init(script, e->p, c->condition, shell);
		j->argv = script->argv;
		break;
	case PHASE_LIST:
		/* `yes` does not fill the disk; `max_output` is an item's */
		j->max_output = ITEMS_MOST;
		script_init(script, e->p, c->foreach_from, shell);
		j->argv = script->argv;
		break;
	case PHASE_VERIFY:
		script_init(script, e->p, c->gates.v[part->gate].script,
			shell);
		j->timeout_ms = c->verify_timeout_ms;
		j->argv = gate_argv(e, p->step, script, j->cwd, why);
		break;
	case PHASE_SETTLE:
	case PHASE_PLACE:
		j->program = "/proc/self/exe";
		j->argv = settle_argv(e, p, part->phase, why);
		break;
	case PHASE_INPUTS:
		j->program = "/proc/self/exe";
		j->in = part->known;
		j->argv = inputs_argv(e, p->step, j->cwd, why);
		break;
	case PHASES:
		break;
	}
	return j->argv != NULL ? 0 : -1;
}

int prepare_phase(struct env *e, int step, int unit, int attempt,
	const struct prepare_part *part, struct buf *out, struct why *why)
{
	const struct part p = { step, unit, attempt };
	const struct task *t = task_of(e, &p);
	struct script script = { 0 };
	struct names name = { 0 };
	struct job j;
	int ret = -1;

	e->slot = part->slot;
	e->own_output = part->phase == PHASE_VERIFY;
	/* a gate is asked anew of each attempt, a condition too */
	e->calls = part->phase == PHASE_RUN;
	if (env_build(e, step, unit, attempt, why) == -1)
		goto out;
	secrets_learn(e, step);
	if (common(e, step, &j, why) == -1)
		goto out;
	j.step = t->name;
	j.attempt = attempt;
	j.turn = part->turn;
	j.phase = prepare_word(e, step, part);
	task_log(e->s, t, attempt, log_kind(e, step, part), &name.out);
	j.out = name.out.data;
	/* what a phase says about itself stands apart from what it is for */
	if (part->phase == PHASE_RUN || part->phase == PHASE_LIST ||
	    part->phase == PHASE_INPUTS) {
		task_log(e->s, t, attempt, "err", &name.err);
		j.err = name.err.data;
	}
	if (fill_argv(e, &p, part, &script, &j, why) == -1)
		goto out;
	task_dir(e->s, t, &name.dir);
	j.dir = name.dir.data;
	job_encode(&j, out);
	ret = 0;
out:
	e->slot = NULL;
	e->own_output = false;
	e->calls = false;
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

	if (env_build(e, step, -1, 0, why) == -1 ||
	    common(e, step, &j, why) == -1)
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
