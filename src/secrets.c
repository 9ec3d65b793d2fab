/* SPDX-License-Identifier: ISC */
#include "secrets.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "expand.h"
#include "io.h"
#include "mem.h"
#include "safe.h"
#include "table.h"
#include "wild.h"

/* More of an env_file is not read (env.c refuses it). */
enum { FILE_MOST = 1024 * 1024 };

/* The names of all steps. */
struct names {
	const struct pipeline *p;
	struct name {
		const char *name;
		bool known;	/* a value of it was found */
	} *v;
	size_t n, cap;
	struct table table;
};

static void learn(const char *value)
{
	mask_add(safe_secrets(), value, strlen(value));
}

static void add_names(struct names *names, const struct strlist *list)
{
	for (int i = 0; i < list->n; i++) {
		if (table_get(&names->table, list->v[i]) != TABLE_NONE)
			continue;
		table_put(&names->table, list->v[i], (int)names->n);
		names->v = mem_grow(names->v, names->n, &names->cap,
			sizeof(*names->v));
		names->v[names->n++] = (struct name){ list->v[i], false };
	}
}

static void from_line(void *ctx, const char *name, const char *value)
{
	struct names *names = ctx;
	int i = table_get(&names->table, name);

	if (i == TABLE_NONE)
		return;
	names->v[i].known = true;
	learn(value);
}

static bool read_file(void *ctx, const char *path)
{
	const struct names *names = ctx;
	char *full = path[0] == '/' ? mem_dup(path) :
		mem_printf("%s/%s", names->p->dir, path);
	int fd = open(full, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct buf text = { 0 };
	ssize_t n = 0;

	if (fd != -1) {
		buf_reserve(&text, FILE_MOST);
		n = io_read(fd, text.data, FILE_MOST);
		close(fd);
	}
	if (n > 0) {
		text.data[n] = '\0';
		(void)env_lines(text.data, path, from_line, ctx, NULL);
	}
	buf_release(&text);
	free(full);
	return true;
}

/* What is known only when an attempt begins (the item, the step) may be
 * anything. */
static const char *lookup(void *ctx, const char *name, size_t len)
{
	const struct pipeline *p = ((const struct names *)ctx)->p;
	const char *value;
	char *copy;

	for (int i = 0; i < p->nparams; i++)
		if (strncmp(p->param[i].name, name, len) == 0 &&
		    p->param[i].name[len] == '\0')
			return p->param[i].value;
	copy = mem_dupn(name, len);
	value = getenv(copy);
	free(copy);
	return value != NULL ? value : "*";
}

static void read_files(struct names *names, const char *env_file)
{
	struct buf path = { 0 };

	if (expand(env_file, lookup, names, &path, NULL) == 0)
		(void)wild_each(names->p->dir, path.data, read_file, names);
	buf_release(&path);
}

void secrets_read(const struct pipeline *p, struct buf *unknown)
{
	struct names names = { .p = p };
	struct table files = { 0 };
	const char *value;
	int i;

	for (i = 0; i < p->nsteps; i++)
		/* by the hundred thousand, steps share theirs */
		if (i == 0 || p->step[i].conf != p->step[i - 1].conf)
			add_names(&names, &p->step[i].conf->secrets);
	if (names.n == 0)
		return;
	for (size_t k = 0; k < names.n; k++) {
		value = getenv(names.v[k].name);
		names.v[k].known = value != NULL;
		if (value != NULL)
			learn(value);
	}
	if (p->env_file != NULL)
		read_files(&names, p->env_file);
	for (i = 0; i < p->nsteps; i++) {
		const char *file = p->step[i].conf->env_file;

		if (file == NULL || table_get(&files, file) != TABLE_NONE)
			continue;
		table_put(&files, file, i);
		read_files(&names, file);
	}
	for (size_t k = 0; k < names.n && unknown != NULL; k++)
		if (!names.v[k].known)
			buf_printf(unknown, "%s%s", unknown->len > 0 ? " " :
				"", names.v[k].name);
	table_release(&files);
	table_release(&names.table);
	free(names.v);
}

void secrets_learn(const struct env *e, int step)
{
	const struct strlist *list = &e->p->step[step].conf->secrets;

	for (int i = 0; i < list->n; i++) {
		size_t len = strlen(list->v[i]);

		for (size_t k = 0; k < e->nset; k++)
			if (strncmp(e->set[k], list->v[i], len) == 0 &&
			    e->set[k][len] == '=')
				learn(e->set[k] + len + 1);
	}
}
