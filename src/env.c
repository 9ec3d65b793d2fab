/* SPDX-License-Identifier: ISC */
#include "env.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "expand.h"
#include "io.h"
#include "known.h"
#include "script.h"

/* An env_file or $DUREXEC_OUTPUT beyond this is a mistake; the kernel takes
 * no larger environment. */
enum { FILE_MOST = 1024 * 1024 };

void env_init(struct env *e, const struct pipeline *p,
	const struct plan *plan, const struct rundir *d)
{
	memset(e, 0, sizeof(*e));
	e->p = p;
	e->plan = plan;
	e->s = plan != NULL ? plan->s : NULL;
	e->d = d;
}

void env_release(struct env *e)
{
	free(e->set);
	free(e->middle);
	free(e->weak);
	free(e->without);
	free(e->listed);
	free(e->path);
	free(e->path_with_us);
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

void known_pair(struct env *e, const char *name, const char *value)
{
	add(e, pair(e, name, value));
}

/* For names that durexec makes itself, each once: no search. */
void known_own(struct env *e, const char *fmt, ...)
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

/* Not the user's to set. */
static bool is_own(const char *name)
{
	return strncmp(name, "DUREXEC_", 8) == 0;
}

static const char *lookup(void *ctx, const char *name, size_t len)
{
	struct env *e = ctx;
	const char *value;
	char *copy;

	e->left_out = e->fans && known_is_item(name, len);
	if (e->left_out)
		return NULL;
	value = find_in(e->set, e->nset, name, len);
	if (value == NULL)
		value = find_in(e->middle, e->nmiddle, name, len);
	if (value == NULL)
		value = find_in(e->weak, e->nweak, name, len);
	if (value != NULL)
		return value;
	copy = mem_dupn(name, len);
	value = getenv(copy);
	free(copy);
	e->left_out = find_in(e->without, e->nwithout, name, len) != NULL ||
		(value == NULL && e->early && is_own(name));
	return e->left_out ? NULL : value;
}

const char *env_expand(struct env *e, const char *value, struct why *why)
{
	struct buf out = { 0 };
	const char *text = NULL;

	if (strchr(value, '$') == NULL)
		return value;
	e->left_out = false;
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
	if (!is_own(name))
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
		return e->left_out ? 0 : -1;
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

static void add_without(struct env *e, const char *name)
{
	e->without = mem_grow(e->without, e->nwithout, &e->without_cap,
		sizeof(*e->without));
	e->without[e->nwithout++] = pair(e, name, "");
}

static int add_envlist(struct env *e, const struct envlist *list,
	void (*put)(struct env *e, const char *name, const char *value),
	struct why *why)
{
	struct why inner;
	int i;

	for (i = 0; i < list->n; i++) {
		const char *value = env_expand(e, list->v[i].value, &inner);

		if (value == NULL && !e->left_out)
			return why_set(why, "line %d: env.%s: %s",
				list->v[i].line, list->v[i].name, inner.text);
		if (value == NULL)
			add_without(e, list->v[i].name);
		else
			put(e, list->v[i].name, value);
	}
	return 0;
}

/* c NULL: of the pipeline alone. What durexec sets stands in e->set. */
static int build(struct env *e, const struct stepconf *c, struct why *why)
{
	const struct pipeline *p = e->p;
	size_t i;
	int k;

	for (k = 0; k < p->nparams; k++)
		if (p->param[k].given)
			known_pair(e, p->param[k].name, p->param[k].value);
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
	    (c != NULL && add_envlist(e, &c->env, known_pair, why) == -1))
		return -1;
	for (i = 0; i < e->nmiddle; i++)
		add(e, e->middle[i]);
	for (i = 0; i < e->nweak; i++)
		add(e, e->weak[i]);
	return 0;
}

/* Scripts call `durexec step`: where PATH has no durexec (cron's has not), the
 * directory of this one is added at its end. */
static void find_us(struct env *e)
{
	const char *path = find_in(e->set, e->nset, "PATH", 4);
	char exe[PATH_MAX], *slash;
	ssize_t n;

	if (path == NULL)
		path = getenv("PATH");
	if (path == NULL)
		return;
	if (e->path == NULL || strcmp(path, e->path) != 0) {
		free(e->path);
		free(e->path_with_us);
		e->path = mem_dup(path);
		e->path_with_us = NULL;
		n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
		exe[n > 0 ? n : 0] = '\0';
		slash = strrchr(exe, '/');
		if (slash != NULL && strcmp(slash, "/durexec") == 0 &&
		    !script_find("durexec", path))
			e->path_with_us = mem_printf("PATH=%s:%.*s", path,
				(int)(slash - exe), exe);
	}
	if (e->path_with_us == NULL)
		return;
	for (size_t i = 0; i < e->nset; i++)
		if (strncmp(e->set[i], "PATH=", 5) == 0) {
			e->set[i] = e->path_with_us;
			return;
		}
	add(e, e->path_with_us);
}

static void begin(struct env *e, bool early, bool fans)
{
	arena_release(&e->arena);
	e->nset = e->nmiddle = e->nweak = e->nwithout = 0;
	e->early = early;
	e->fans = fans;
}

int env_build(struct env *e, int step, int unit, int attempt,
	struct why *why)
{
	bool early = attempt == 0 || (e->p->step[step].root != -1 &&
		e->plan->unit[unit].item == -1);

	begin(e, early, early && e->p->step[step].root != -1);
	if (e->s != NULL && attempt > 0 && known(e, step, unit, attempt,
	    why) == -1)
		return -1;
	if (build(e, e->p->step[step].conf, why) == -1)
		return -1;
	if (e->s != NULL && attempt > 0)
		find_us(e);
	return 0;
}

int env_build_pipeline(struct env *e, char *const *facts, struct why *why)
{
	begin(e, true, false);
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
			return e->left_out ? base : NULL;
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
	if (dir == NULL && e->left_out)
		return base;
	if (dir == NULL || dir[0] == '/')
		return dir;
	path = mem_printf("%s/%s", base, dir);
	dir = arena_dup(&e->arena, path);
	free(path);
	return dir;
}
