/* SPDX-License-Identifier: ISC */
#include "env.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "expand.h"
#include "io.h"

/* An env_file or $DUREXEC_OUTPUT beyond this is a mistake; the kernel takes
 * no larger environment. */
enum { FILE_MOST = 1024 * 1024 };

/* Without `needs` a step needs every step above it. A hundred thousand of them
 * do not fit an environment, so it gets the variables of the nearest ones, and
 * of those which its own text names. */
enum { NEAREST = 64 };

void env_init(struct env *e, const struct pipeline *p, const struct state *s,
	const struct rundir *d, const int *task)
{
	memset(e, 0, sizeof(*e));
	e->p = p;
	e->s = s;
	e->d = d;
	e->task = task;
}

void env_release(struct env *e)
{
	free(e->set);
	free(e->middle);
	free(e->weak);
	table_release(&e->variable);
	arena_release(&e->variable_names);
	arena_release(&e->arena);
	memset(e, 0, sizeof(*e));
}

void env_variable(struct buf *out, const char *name)
{
	for (; *name != '\0'; name++)
		buf_char(out, isalnum((unsigned char)*name) ? *name : '_');
}

static size_t name_length(const char *entry)
{
	return strcspn(entry, "=");
}

static const char *find_in(const char **list, size_t n, const char *name,
	size_t len)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (strncmp(list[i], name, len) == 0 && list[i][len] == '=')
			return list[i] + len + 1;
	return NULL;
}

/* Add unless a stronger one of the name is there. */
static void add(struct env *e, const char *entry)
{
	if (find_in(e->set, e->nset, entry, name_length(entry)) != NULL)
		return;
	e->set = mem_grow(e->set, e->nset, &e->set_cap, sizeof(*e->set));
	e->set[e->nset++] = entry;
}

static const char *pair(struct env *e, const char *name, const char *value)
{
	size_t n = strlen(name), v = strlen(value);
	char *entry = arena_alloc(&e->arena, n + v + 2);

	memcpy(entry, name, n);
	entry[n] = '=';
	memcpy(entry + n + 1, value, v + 1);
	return entry;
}

static void add_pair(struct env *e, const char *name, const char *value)
{
	add(e, pair(e, name, value));
}

/* For names that durexec makes itself, each once: no search. */
static void add_own(struct env *e, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
static void add_own(struct env *e, const char *fmt, ...)
{
	struct buf text = { 0 };
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(&text, fmt, ap);
	va_end(ap);
	e->set = mem_grow(e->set, e->nset, &e->set_cap, sizeof(*e->set));
	e->set[e->nset++] = arena_dup(&e->arena, text.data);
	buf_release(&text);
}

static const char *lookup(void *ctx, const char *name, size_t len)
{
	struct env *e = ctx;
	const char *value = find_in(e->set, e->nset, name, len);
	char *copy;

	if (value == NULL)
		value = find_in(e->middle, e->nmiddle, name, len);
	if (value == NULL)
		value = find_in(e->weak, e->nweak, name, len);
	if (value != NULL)
		return value;
	copy = mem_dupn(name, len);
	value = getenv(copy);
	free(copy);
	return value;
}

const char *env_expand(struct env *e, const char *value, struct why *why)
{
	struct buf out = { 0 };
	const char *text = NULL;

	if (strchr(value, '$') == NULL)
		return value;
	if (expand(value, lookup, e, &out, why) == 0)
		text = arena_dup(&e->arena, out.data != NULL ? out.data : "");
	buf_release(&out);
	return text;
}

static bool valid_name(const char *s, size_t n)
{
	size_t i;

	if (n == 0 || isdigit((unsigned char)s[0]))
		return false;
	for (i = 0; i < n; i++)
		if (!isalnum((unsigned char)s[i]) && s[i] != '_')
			return false;
	return true;
}

int env_lines(char *text, const char *shown, env_line_fn *fn, void *ctx,
	struct why *why)
{
	char *line, *rest = text, *eq;
	int number = 0;
	size_t n;

	while ((line = strsep(&rest, "\n")) != NULL) {
		number++;
		n = strlen(line);
		if (n > 0 && line[n - 1] == '\r')
			line[--n] = '\0';
		line += strspn(line, " \t");
		if (*line == '\0' || *line == '#')
			continue;
		if (strncmp(line, "export ", 7) == 0)
			line += 7 + strspn(line + 7, " \t");
		eq = strchr(line, '=');
		if (eq == NULL || !valid_name(line, (size_t)(eq - line)))
			return why_set(why, "%s:%d: expected NAME=VALUE",
				shown, number);
		*eq++ = '\0';
		n = strlen(eq);
		if (n >= 2 && (eq[0] == '"' || eq[0] == '\'') &&
		    eq[n - 1] == eq[0]) {
			eq[n - 1] = '\0';
			eq++;
		}
		fn(ctx, line, eq);
	}
	return 0;
}

static void add_middle(struct env *e, const char *name, const char *value)
{
	e->middle = mem_grow(e->middle, e->nmiddle, &e->middle_cap,
		sizeof(*e->middle));
	e->middle[e->nmiddle++] = pair(e, name, value);
}

static void add_weak(struct env *e, const char *name, const char *value)
{
	const char *entry = pair(e, name, value);

	if (find_in(e->weak, e->nweak, entry, name_length(entry)) != NULL)
		return;
	e->weak = mem_grow(e->weak, e->nweak, &e->weak_cap, sizeof(*e->weak));
	e->weak[e->nweak++] = entry;
}

static void from_file(void *ctx, const char *name, const char *value)
{
	/* durexec's own names are not the file's to set */
	if (strncmp(name, "DUREXEC_", 8) != 0)
		add_weak(ctx, name, value);
}

static int add_file(struct env *e, const char *file, struct why *why)
{
	struct buf text = { 0 };
	const char *name = env_expand(e, file, why);
	char *path;
	int fd, ret = -1;
	ssize_t n = -1;

	if (name == NULL)
		return -1;
	path = name[0] == '/' ? mem_dup(name) :
		mem_printf("%s/%s", e->p->dir, name);
	/* not io_slurp: a link is the user's own business here */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd != -1) {
		buf_reserve(&text, FILE_MOST + 1);
		n = io_read(fd, text.data, FILE_MOST + 1);
		close(fd);
	}
	if (n > FILE_MOST) {
		why_set(why, "env_file %s is larger than 1 MiB", path);
	} else if (n < 0) {
		why_sys(why, "cannot read env_file %s", path);
	} else {
		text.data[n] = '\0';
		ret = env_lines(text.data, path, from_file, e, why);
	}
	buf_release(&text);
	free(path);
	return ret;
}

static int add_envlist(struct env *e, const struct envlist *list,
	void (*put)(struct env *e, const char *name, const char *value),
	struct why *why)
{
	struct why inner;
	int i;

	for (i = 0; i < list->n; i++) {
		const char *value = env_expand(e, list->v[i].value, &inner);

		if (value == NULL)
			return why_set(why, "line %d: env.%s: %s",
				list->v[i].line, list->v[i].name, inner.text);
		put(e, list->v[i].name, value);
	}
	return 0;
}

/* What step `step` gets to know of step `need`. */
static void add_need(struct env *e, int need, int self)
{
	const struct task *t = &e->s->task[e->task[need]];
	struct buf name = { 0 };
	int o;

	env_variable(&name, t->name);
	if ((t->state == TASK_DONE || need == self) && t->out_bytes > 0)
		add_own(e, "DUREXEC_OUT_%s=%s/log/%s.%d.out", name.data,
			e->d->path, t->name, t->attempts);
	else
		add_own(e, "DUREXEC_OUT_%s=/dev/null", name.data);
	add_own(e, "DUREXEC_RESULT_%s=%s", name.data,
		t->result != NULL ? t->result : "");
	for (o = e->s->last_output[e->task[need]]; o != -1;
	    o = e->s->output[o].next) {
		struct buf full = { 0 };

		buf_printf(&full, "DUREXEC_%s_%s", name.data,
			e->s->output[o].name);
		add_pair(e, full.data, e->s->output[o].value);
		buf_release(&full);
	}
	buf_release(&name);
}

static void index_variables(struct env *e)
{
	struct buf name = { 0 };
	int i;

	if (e->variable.size != 0)
		return;
	for (i = 0; i < e->p->nsteps; i++) {
		buf_reset(&name);
		env_variable(&name, e->p->step[i].name);
		if (table_get(&e->variable, name.data) == TABLE_NONE)
			table_put(&e->variable, arena_dup(&e->variable_names,
				name.data), i);
	}
	buf_release(&name);
}

/* Steps above `below` whose variables the text names. */
static void add_named(struct env *e, const char *text, int below)
{
	const char *p = text;

	while (p != NULL && (p = strstr(p, "DUREXEC_")) != NULL) {
		size_t n;
		char *name;

		p += 8;
		if (strncmp(p, "OUT_", 4) == 0)
			p += 4;
		for (n = 0; isalnum((unsigned char)p[n]) || p[n] == '_'; n++)
			;
		index_variables(e);
		name = mem_dupn(p, n);
		/* STEP, or STEP_NAME for any split */
		while (n > 0) {
			int step = table_get(&e->variable, name);

			if (step != TABLE_NONE && step < below - NEAREST)
				add_need(e, step, -1);
			while (n > 0 && name[--n] != '_')
				;
			name[n] = '\0';
		}
		free(name);
	}
}

static void add_needs(struct env *e, int step)
{
	const struct step *st = &e->p->step[step];
	int i, low = step - NEAREST;

	for (i = 0; i < st->nneeds; i++)
		add_need(e, st->needs[i], -1);
	if (!st->needs_all)
		return;
	for (i = step - 1; i >= 0 && i >= low; i--)
		if (e->p->step[i].conf->always == ALWAYS_NO)
			add_need(e, i, -1);
	if (low > 0) {
		if (st->run != NULL)
			add_named(e, st->run, step);
		for (i = 0; i < st->conf->outputs.n; i++)
			add_named(e, st->conf->outputs.v[i], step);
		if (st->conf->stdout_to != NULL)
			add_named(e, st->conf->stdout_to, step);
		if (st->conf->workdir != NULL)
			add_named(e, st->conf->workdir, step);
		for (i = 0; i < st->conf->env.n; i++)
			add_named(e, st->conf->env.v[i].value, step);
	}
}

/* How the last attempt ended, and what it said; "" at the first. */
static void add_previous(struct env *e, const struct task *t, int attempt)
{
	struct buf how = { 0 }, log = { 0 };
	/* its condition has begun it already, or these are its gates */
	bool begun = attempt == t->attempts;
	const struct outcome *o = begun ? &t->before.outcome : &t->outcome;
	bool out = begun ? t->before.out : t->out_bytes > 0;
	bool err = begun ? t->before.err : t->err_bytes > 0;

	if (o->kind != OUTCOME_NONE)
		outcome_text(o, &how);
	if (out || err) {
		buf_printf(&log, "%s/", e->d->path);
		rundir_log(&log, t->name, begun ? t->before.attempt :
			t->attempts, err ? "err" : "out");
	}
	add_own(e, "DUREXEC_PREVIOUS=%s", how.len > 0 ? how.data : "");
	add_own(e, "DUREXEC_PREVIOUS_LOG=%s", log.len > 0 ? log.data : "");
	buf_release(&how);
	buf_release(&log);
}

static void add_durexec(struct env *e, int step, int attempt)
{
	const struct task *t = &e->s->task[e->task[step]];
	struct buf text = { 0 };

	add_own(e, "DUREXEC_RUN=%s", e->s->run);
	add_own(e, "DUREXEC_STARTED=%lld",
		(long long)e->s->started_at / 1000);
	add_own(e, "DUREXEC_STEP=%s", t->name);
	add_own(e, "DUREXEC_ATTEMPT=%d", attempt);
	state_key(e->s, t, &text);
	add_own(e, "DUREXEC_KEY=%s", text.data);
	buf_reset(&text);
	state_session(e->s, t, &text);
	add_own(e, "DUREXEC_SESSION=%s", text.data);
	buf_reset(&text);
	add_own(e, "DUREXEC_DIR=%s/dir/%s", e->d->path, t->name);
	add_own(e, "DUREXEC_OUTPUT=%s/output/%s.%d", e->d->path, t->name,
		attempt);
	add_own(e, "DUREXEC_WAIT=%s/output/%s.%d.wait", e->d->path, t->name,
		attempt);
	if (e->slot != NULL && e->p->step[step].conf->pool >= 0) {
		env_variable(&text,
			e->p->pool[e->p->step[step].conf->pool].name);
		add_own(e, "DUREXEC_SLOT_%s=%s", text.data, e->slot);
	}
	buf_release(&text);
	add_previous(e, t, attempt);
	if (e->own_output)
		add_need(e, step, step);
	add_needs(e, step);
}

/* c NULL: of the pipeline alone. What durexec sets stands in e->set. */
static int build(struct env *e, const struct stepconf *c, struct why *why)
{
	const struct pipeline *p = e->p;
	size_t i;
	int k;

	for (k = 0; k < p->nparams; k++)
		if (p->param[k].given)
			add_pair(e, p->param[k].name, p->param[k].value);
	/* Read before env.NAME, which may refer to what stands in them. */
	if (c != NULL && c->env_file != NULL &&
	    add_file(e, c->env_file, why) == -1)
		return -1;
	if (p->env_file != NULL && add_file(e, p->env_file, why) == -1)
		return -1;
	for (k = 0; k < p->nparams; k++)
		if (!p->param[k].given)
			add_weak(e, p->param[k].name, p->param[k].value);
	/* The step's env.NAME are stronger than the pipeline's, and may refer
	 * to them. */
	if (add_envlist(e, &p->env, add_middle, why) == -1 ||
	    (c != NULL && add_envlist(e, &c->env, add_pair, why) == -1))
		return -1;
	for (i = 0; i < e->nmiddle; i++)
		add(e, e->middle[i]);
	for (i = 0; i < e->nweak; i++)
		add(e, e->weak[i]);
	return 0;
}

static void begin(struct env *e)
{
	arena_release(&e->arena);
	e->nset = e->nmiddle = e->nweak = 0;
}

int env_build(struct env *e, int step, int attempt, struct why *why)
{
	begin(e);
	if (e->s != NULL && attempt > 0)
		add_durexec(e, step, attempt);
	return build(e, e->p->step[step].conf, why);
}

int env_build_pipeline(struct env *e, char *const *facts, struct why *why)
{
	begin(e);
	for (; *facts != NULL; facts++)
		add(e, arena_dup(&e->arena, *facts));
	return build(e, NULL, why);
}

const char *env_workdir(struct env *e, int step, struct why *why)
{
	const struct pipeline *p = e->p;
	const char *base = p->dir, *dir;
	char *path;

	if (p->workdir != NULL) {
		dir = env_expand(e, p->workdir, why);
		if (dir == NULL)
			return NULL;
		if (dir[0] == '/') {
			base = dir;
		} else {
			path = mem_printf("%s/%s", base, dir);
			base = arena_dup(&e->arena, path);
			free(path);
		}
	}
	if (step < 0 || p->step[step].conf->workdir == NULL)
		return base;
	dir = env_expand(e, p->step[step].conf->workdir, why);
	if (dir == NULL || dir[0] == '/')
		return dir;
	path = mem_printf("%s/%s", base, dir);
	dir = arena_dup(&e->arena, path);
	free(path);
	return dir;
}
