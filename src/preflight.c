/* SPDX-License-Identifier: ISC */
#include "preflight.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "env.h"
#include "io.h"
#include "mem.h"
#include "prepare.h"
#include "safe.h"
#include "script.h"
#include "tail.h"
#include "values.h"
#include "watch.h"

struct preflight {
	const struct pipeline *p;
	const char *ini;
	bool thorough;
	struct complaints *complaints;
	struct env env;
	struct watch keeper;
	bool keeper_open;
	bool placed;		/* the step's working directory is known: it is
				   not one for each item, say */
	struct table asked;	/* checks already asked, by their message */
	struct arena names;
};

static const char *from_env(const struct preflight *f, const char *name)
{
	size_t len = strlen(name), i;

	for (i = 0; i < f->env.nset; i++)
		if (strncmp(f->env.set[i], name, len) == 0 &&
		    f->env.set[i][len] == '=')
			return f->env.set[i] + len + 1;
	return getenv(name);
}

static int line_of(const struct preflight *f, int step, enum step_key key)
{
	const struct step *st = &f->p->step[step];

	return st->conf->line[key] != 0 ? st->conf->line[key] : st->line;
}

/* "a/b" seen from the step's working directory. */
static char *path_from(const char *cwd, const char *path)
{
	return path[0] == '/' ? mem_dup(path) : mem_printf("%s/%s", cwd, path);
}

/* Does what a step declares to make have the base name, or a glob that may? */
static bool may_be(struct preflight *f, const char *output, const char *base)
{
	const char *text = env_expand(&f->env, output, NULL), *end;
	size_t n = strlen(base), len;

	if (text == NULL) {
		/* what cannot be known before may be anything */
		end = strrchr(output, '}');
		end = end != NULL ? end + 1 : output;
		len = strlen(end);
		return len <= n && strcmp(base + n - len, end) == 0;
	}
	return strstr(text, base) != NULL || strpbrk(text, "*?[") != NULL;
}

/* Will another step make the file or directory? By its declared outputs. */
static bool made_before(struct preflight *f, int step, const char *path)
{
	const char *base = strrchr(path, '/');
	int i, k;

	base = base != NULL ? base + 1 : path;
	for (i = 0; i < f->p->nsteps; i++) {
		const struct stepconf *c = f->p->step[i].conf;

		if (i == step)
			continue;
		if (c->stdout_to != NULL && may_be(f, c->stdout_to, base))
			return true;
		for (k = 0; k < c->outputs.n; k++)
			if (may_be(f, c->outputs.v[k], base))
				return true;
	}
	return false;
}

static void ask_free(struct preflight *f, int step, const char *cwd,
	const char *size)
{
	int line = line_of(f, step, KEY_REQUIRES);
	struct statvfs fs;
	struct why why;
	int64_t want;
	double have;

	if (values_size(size, &want, &why) == -1) {
		complaints_add(f->complaints, f->ini, line,
			"write it like free:20G", "step %s requires free:%s: "
			"%s", f->p->step[step].name, size, why.text);
		return;
	}
	if (statvfs(cwd, &fs) != 0 && statvfs(f->p->dir, &fs) != 0)
		return;
	have = (double)fs.f_bavail * (double)fs.f_frsize;
	if (have < (double)want)
		complaints_add(f->complaints, f->ini, line, NULL,
			"step %s requires %s of free space in %s, there are "
			"%.1fG", f->p->step[step].name, size, cwd,
			have / (1 << 30));
}

static void ask_required(struct preflight *f, int step, const char *cwd,
	const char *what)
{
	const char *name = f->p->step[step].name, *value;
	int line = line_of(f, step, KEY_REQUIRES);
	bool file = strncmp(what, "file:", 5) == 0;

	/* seen from where nobody can tell yet */
	if (!f->placed && (file ? what[5] != '/' : what[0] != '/' &&
	    strchr(what, '/') != NULL && strchr(what, ':') == NULL))
		return;
	if (file) {
		char *path = path_from(cwd, what + 5);

		if (access(path, R_OK) != 0 &&
		    !made_before(f, step, what + 5))
			complaints_add(f->complaints, f->ini, line, NULL,
				"step %s requires the file %s: %s", name,
				path, strerror(errno));
		free(path);
	} else if (strncmp(what, "env:", 4) == 0) {
		value = from_env(f, what + 4);
		if (value == NULL || *value == '\0') {
			char *hint = mem_printf("type: export %s=…", what + 4);

			complaints_add(f->complaints, f->ini, line, hint,
				"step %s requires the environment variable "
				"%s, which is not set", name, what + 4);
			free(hint);
		}
	} else if (strncmp(what, "free:", 5) == 0) {
		ask_free(f, step, cwd, what + 5);
	} else if (strchr(what, '/') != NULL) {
		char *path = path_from(cwd, what);

		if (access(path, X_OK) != 0)
			complaints_add(f->complaints, f->ini, line, NULL,
				"step %s requires the program %s: %s", name,
				path, strerror(errno));
		free(path);
	} else if (!script_find(what, from_env(f, "PATH"))) {
		complaints_add(f->complaints, f->ini, line, NULL,
			"step %s requires the program %s, which is not in "
			"PATH", name, what);
	}
}

/* Run the check; its output is kept in memory. */
static void ask_check(struct preflight *f, int step, const char *cwd)
{
	const char *name = f->p->step[step].name;
	int line = line_of(f, step, KEY_CHECK);
	struct buf message = { 0 }, said = { 0 }, how = { 0 };
	char path[64];
	struct report report;
	struct why why;
	int fd = memfd_create("check", MFD_CLOEXEC);
	uint64_t key;
	size_t i;
	char hex[20];

	snprintf(path, sizeof(path), "/proc/%ld/fd/%d", (long)getpid(), fd);
	if (fd == -1 || prepare_check(&f->env, step, path, &message,
	    &why) == -1) {
		complaints_add(f->complaints, f->ini, line, NULL,
			"step %s: check: %s", name, fd == -1 ?
			strerror(errno) : why.text);
		goto out;
	}
	/* The same check in the same environment is asked once. */
	key = table_hash(TABLE_HASH_START, f->p->step[step].conf->check,
		strlen(f->p->step[step].conf->check) + 1);
	key = table_hash(key, cwd, strlen(cwd) + 1);
	for (i = 0; i < f->env.nset; i++)
		key = table_hash(key, f->env.set[i],
			strlen(f->env.set[i]) + 1);
	snprintf(hex, sizeof(hex), "%016llx", (unsigned long long)key);
	if (table_get(&f->asked, hex) != TABLE_NONE)
		goto out;
	table_put(&f->asked, arena_dup(&f->names, hex), step);
	if (!f->keeper_open && watch_start(&f->keeper, -1, &why) == -1) {
		complaints_add(f->complaints, f->ini, line, NULL,
			"step %s: check: %s", name, why.text);
		goto out;
	}
	f->keeper_open = true;
	if (watch_send(&f->keeper, &message, -1) == -1 ||
	    watch_receive(&f->keeper, &report) != 1) {
		f->keeper_open = false;
		watch_close(&f->keeper);
		complaints_add(f->complaints, f->ini, line, NULL,
			"step %s: nobody saw how its check ended", name);
		goto out;
	}
	if (report.outcome.kind == OUTCOME_EXIT && report.outcome.exit == 0)
		goto out;
	outcome_text(&report.outcome, &how);
	tail_fd(&said, fd, 1, "");
	while (said.len > 0 && said.data[said.len - 1] == '\n')
		said.data[--said.len] = '\0';
	complaints_add(f->complaints, f->ini, line, NULL,
		"step %s: its check failed: %s%s%s", name, how.data,
		said.len > 0 ? ": " : "", said.len > 0 ? said.data : "");
out:
	if (fd != -1)
		close(fd);
	buf_release(&message);
	buf_release(&said);
	buf_release(&how);
}

/* The program of a command that needs no shell. */
static void ask_program(struct preflight *f, int step, const char *text,
	enum step_key key)
{
	const struct step *st = &f->p->step[step];
	struct script s;
	bool listed = false;
	int i;

	if (text == NULL || values_step(text) != NULL)
		return;
	script_init(&s, f->p, text, false);
	for (i = 0; s.direct && i < st->conf->requires.n; i++)
		listed |= strcmp(st->conf->requires.v[i], s.argv[0]) == 0;
	if (s.direct && !listed && strchr(s.argv[0], '/') == NULL &&
	    !script_find(s.argv[0], from_env(f, "PATH")))
		complaints_add(f->complaints, f->ini,
			line_of(f, step, key), NULL,
			"step %s runs %s, which is not in PATH",
			st->name, s.argv[0]);
	script_release(&s);
}

static void ask_thoroughly(struct preflight *f, int step, const char *cwd)
{
	const struct step *st = &f->p->step[step];
	const char *from = st->conf->stdin_from;
	struct why why;
	struct stat dir;
	char *path;

	if (f->placed && (stat(cwd, &dir) != 0 || !S_ISDIR(dir.st_mode)) &&
	    !made_before(f, step, cwd))
		complaints_add(f->complaints, f->ini,
			line_of(f, step, KEY_WORKDIR), NULL,
			"step %s: its workdir %s is not there (yet)",
			st->name, cwd);
	ask_program(f, step, st->run, KEY_RUN);
	ask_program(f, step, st->conf->foreach_from, KEY_FOREACH_FROM);
	if (from == NULL || strcmp(from, "null") == 0 ||
	    values_step(from) != NULL)
		return;
	from = env_expand(&f->env, from, &why);
	if (from == NULL || (from[0] != '/' && !f->placed))
		return;
	path = path_from(cwd, from);
	if (access(path, R_OK) != 0 && !made_before(f, step, from))
		complaints_add(f->complaints, f->ini,
			line_of(f, step, KEY_STDIN), NULL,
			"step %s: stdin = %s: %s", st->name, path,
			strerror(errno));
	free(path);
}

/* Can the value be told before there are items, and attempts? */
static bool is_known(struct preflight *f, const char *value)
{
	return value == NULL || env_expand(&f->env, value, NULL) != NULL;
}

static void ask_step(struct preflight *f, int step)
{
	const struct step *st = &f->p->step[step];
	const char *cwd;
	struct why why;
	int i;

	if (env_build(&f->env, step, -1, 0, &why) == -1) {
		/* an env_file that an earlier step writes */
		if (why.err != ENOENT || st->conf->env_file == NULL ||
		    !made_before(f, step, st->conf->env_file))
			complaints_add(f->complaints, f->ini,
				line_of(f, step, KEY_ENV_FILE), NULL,
				"step %s: %s", st->name, why.text);
		return;
	}
	cwd = env_workdir(&f->env, step, &why);
	if (cwd == NULL) {
		complaints_add(f->complaints, f->ini,
			line_of(f, step, KEY_WORKDIR), NULL, "step %s: %s",
			st->name, why.text);
		return;
	}
	f->placed = is_known(f, f->p->workdir) &&
		is_known(f, st->conf->workdir);
	for (i = 0; i < st->conf->requires.n; i++) {
		const char *what = env_expand(&f->env,
			st->conf->requires.v[i], &why);

		if (what != NULL)
			ask_required(f, step, cwd, what);
		else if (!f->env.left_out)
			complaints_add(f->complaints, f->ini,
				line_of(f, step, KEY_REQUIRES), NULL,
				"step %s: %s", st->name, why.text);
	}
	if (f->thorough)
		ask_thoroughly(f, step, cwd);
	if (st->conf->check != NULL)
		ask_check(f, step, env_workdir(&f->env, step, &why));
}

void preflight(const struct pipeline *p, const struct plan *plan,
	const char *ini, bool thorough, struct complaints *complaints)
{
	struct preflight f = { .p = p, .ini = ini, .thorough = thorough,
		.complaints = complaints };
	int i;

	env_init(&f.env, p, NULL, NULL);
	for (i = 0; i < p->nsteps; i++) {
		const struct stepconf *c = p->step[i].conf;

		if (plan != NULL && plan_settled(plan, i))
			continue;
		/* by the hundred thousand: only those with something to ask */
		if (thorough || c->check != NULL || c->requires.n > 0 ||
		    c->env_file != NULL || p->env_file != NULL)
			ask_step(&f, i);
	}
	if (f.keeper_open)
		watch_close(&f.keeper);
	env_release(&f.env);
	table_release(&f.asked);
	arena_release(&f.names);
	complaints_sort(complaints);
}
