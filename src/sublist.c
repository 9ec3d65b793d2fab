/* SPDX-License-Identifier: ISC */
/* sublist: what stands in a scope and those below it, for people who look at it
 * or want it forgotten. */
#include "substep.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io.h"
#include "record.h"

enum {
	RECORD_MOST = 4096,
	/* Steps inside steps inside steps: more is a script that calls
	 * itself. */
	DEPTH_MOST = 50,
};

enum kind { RECORD, BEGUN, SCOPE, OTHER };

/* What a file in a scope is; *n: length of its ID. */
static enum kind kind_of(const char *file, size_t *n)
{
	size_t i = 0;

	*n = 0;
	while (i < 16 && isxdigit((unsigned char)file[i]))
		i++;
	if (i < 16 || file[i] != '.' || !isdigit((unsigned char)file[i + 1]))
		return OTHER;
	for (i++; isdigit((unsigned char)file[i]); i++)
		;
	*n = i;
	return file[i] == '\0' ? RECORD : strcmp(file + i, ".new") == 0 ?
		BEGUN : strcmp(file + i, ".d") == 0 ? SCOPE : OTHER;
}

static DIR *open_scope(int dirfd, const char *path)
{
	int fd = openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC |
		O_NOFOLLOW);
	DIR *dir = fd != -1 ? mem_of(fdopendir(fd)) : NULL;

	if (dir == NULL && fd != -1)
		close(fd);
	return dir;
}

/* The name and time in a record, or in what says that one runs; NULL: none. */
static char *read_name(int dirfd, const char *path, int64_t *started,
	int64_t *ended)
{
	struct buf text = { 0 };
	struct record r;
	char *name = NULL;

	*started = *ended = 0;
	if (io_slurp(dirfd, path, RECORD_MOST, &text, NULL) == 0 &&
	    text.len > 0 && record_parse(text.data, text.len - 1, 0, &r) &&
	    record_get(&r, "name") != NULL) {
		name = mem_dup(record_get(&r, "name"));
		if (strcmp(r.type, "substep") == 0) {
			*ended = r.at;
			(void)record_get_number(&r, "started", 0, INT64_MAX, 0,
				started);
		} else {
			*started = r.at;
		}
	}
	buf_release(&text);
	return name;
}

/* Of an ID, whether it is done or only begun. */
static char *name_of(int dirfd, const char *id, size_t n)
{
	char *path = mem_printf("%.*s", (int)n, id), *name;
	int64_t started, ended;

	name = read_name(dirfd, path, &started, &ended);
	if (name == NULL) {
		free(path);
		path = mem_printf("%.*s.new", (int)n, id);
		name = read_name(dirfd, path, &started, &ended);
	}
	free(path);
	return name;
}

/* Only begun: what is done besides is done. */
static bool is_begun(int at, enum kind kind, const char *file, size_t n)
{
	char id[64];

	snprintf(id, sizeof(id), "%.*s", (int)n, file);
	return kind == BEGUN && faccessat(at, id, F_OK,
		AT_SYMLINK_NOFOLLOW) != 0;
}

static bool is_held(int dirfd, const char *file)
{
	int fd = io_open(dirfd, file, O_RDONLY);
	bool held = fd != -1 && flock(fd, LOCK_SH | LOCK_NB) == -1;

	if (fd != -1)
		close(fd);
	return held;
}

/* What is found before it is known what will be shown. */
struct candidate {
	char *path;		/* below the outermost scope */
	int64_t changed_ns;
	enum substep_state state;
};

struct search {
	struct candidate *v;
	size_t n, cap;
	struct substep_list *l;
};

static void search(struct search *se, int at, const char *path,
	const char *prefix, int depth)
{
	DIR *dir = open_scope(at, path);
	struct dirent *e;
	struct stat st;
	size_t n;

	while (dir != NULL && (e = readdir(dir)) != NULL) {
		enum kind kind = kind_of(e->d_name, &n);
		struct candidate *c;
		char *below;

		if (kind == SCOPE && depth < DEPTH_MOST) {
			below = mem_printf("%s%s/", prefix, e->d_name);
			search(se, dirfd(dir), e->d_name, below, depth + 1);
			free(below);
		}
		if ((kind != RECORD && !is_begun(dirfd(dir), kind, e->d_name,
		    n)) || fstatat(dirfd(dir),
		    e->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0)
			continue;
		se->v = mem_grow(se->v, se->n, &se->cap, sizeof(*se->v));
		c = &se->v[se->n++];
		c->path = mem_printf("%s%s", prefix, e->d_name);
		c->changed_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 +
			st.st_mtim.tv_nsec;
		c->state = kind == RECORD ? SUBSTEP_DONE : is_held(dirfd(dir),
			e->d_name) ? SUBSTEP_RUNNING : SUBSTEP_BROKEN;
		se->l->done += c->state == SUBSTEP_DONE;
		se->l->running += c->state == SUBSTEP_RUNNING;
		se->l->broken += c->state == SUBSTEP_BROKEN;
	}
	if (dir != NULL)
		closedir(dir);
}

static int by_time(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;

	return x->changed_ns < y->changed_ns ? -1 :
		x->changed_ns > y->changed_ns;
}

static const char *base_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

/* "outer/inner" of "ID.d/ID". */
static char *whole_name(int fd, const char *path, char *own)
{
	struct buf name = { 0 };
	const char *p = path, *slash;

	while ((slash = strchr(p, '/')) != NULL) {
		/* without ".d" */
		char *above = name_of(fd, path, (size_t)(slash - path) - 2);

		buf_printf(&name, "%s/", above != NULL ? above : "?");
		free(above);
		p = slash + 1;
	}
	buf_str(&name, own);
	return buf_steal(&name);
}

void substep_look(struct substep_list *l, int dirfd, const char *sub,
	size_t most)
{
	struct search se = { .l = l };
	struct substep_shown *s;
	char *own;
	size_t i;
	int fd;

	memset(l, 0, sizeof(*l));
	fd = openat(dirfd, sub, O_RDONLY | O_DIRECTORY | O_CLOEXEC |
		O_NOFOLLOW);
	if (fd == -1)
		return;
	search(&se, fd, ".", "", 0);
	if (se.n > 0)
		qsort(se.v, se.n, sizeof(*se.v), by_time);
	for (i = se.n > most ? se.n - most : 0; i < se.n; i++) {
		int64_t started, ended;

		own = read_name(fd, se.v[i].path, &started, &ended);
		/* damaged: it can be named by this */
		if (own == NULL) {
			own = mem_dup(base_of(se.v[i].path));
			se.v[i].state = SUBSTEP_BROKEN;
		}
		l->v = mem_grow(l->v, l->n, &l->cap, sizeof(*l->v));
		s = &l->v[l->n++];
		s->name = whole_name(fd, se.v[i].path, own);
		s->state = se.v[i].state;
		s->started_at = started;
		s->ended_at = ended;
		free(own);
	}
	for (i = 0; i < se.n; i++)
		free(se.v[i].path);
	free(se.v);
	close(fd);
}

void substep_list_release(struct substep_list *l)
{
	while (l->n > 0)
		free(l->v[--l->n].name);
	free(l->v);
	memset(l, 0, sizeof(*l));
}

static void remove_tree(int at, const char *name, int depth)
{
	DIR *dir = open_scope(at, name);
	struct dirent *e;

	while (dir != NULL && (e = readdir(dir)) != NULL) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		if (unlinkat(dirfd(dir), e->d_name, 0) == -1 &&
		    depth < DEPTH_MOST)
			remove_tree(dirfd(dir), e->d_name, depth + 1);
	}
	if (dir != NULL)
		closedir(dir);
	unlinkat(at, name, AT_REMOVEDIR);
}

struct forget {
	const char *pattern;
	bool exact;		/* it is a name, not a pattern */
	bool only_count;
	size_t n;
	struct why *why;
};

/* Meant itself, it gets another key. */
static void count_rewind(int dirfd, const char *id)
{
	char name[64];
	int fd;

	snprintf(name, sizeof(name), "%s.again", id);
	fd = io_open(dirfd, name, O_WRONLY | O_CREAT | O_APPEND);
	if (fd == -1)
		return;
	if (io_write(fd, "x", 1) == 0)
		(void)io_sync(fd);
	close(fd);
}

/* Of one that only has to run again: what is below it can still be named. */
static void keep_name(int dirfd, const char *id)
{
	char *name = name_of(dirfd, id, strlen(id)), new[64];
	int fd;

	snprintf(new, sizeof(new), "%s.new", id);
	fd = io_open(dirfd, new, O_RDWR | O_CREAT);
	if (fd != -1 && name != NULL)
		substep_failed(fd, name, 0);
	if (fd != -1)
		close(fd);
	free(name);
}

/* The record first: without it nothing is remembered. meant: it, and so all
 * below it; else only what it wrote. */
static int drop(struct forget *f, int dirfd, const char *id, bool meant)
{
	static const char *const kinds[] = { ".out", ".err", ".in", ".tries",
		".new" };
	char name[64];
	size_t i;

	if (f->only_count)
		return 0;
	if (meant)
		count_rewind(dirfd, id);
	else
		keep_name(dirfd, id);
	if (unlinkat(dirfd, id, 0) == -1 && errno != ENOENT)
		return why_sys(f->why, "cannot remove the record %s", id);
	if (io_sync_all(dirfd) == -1)
		return why_sys(f->why, "cannot sync the directory of %s", id);
	/* ".new" is the last */
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]) - !meant; i++) {
		snprintf(name, sizeof(name), "%s%s", id, kinds[i]);
		unlinkat(dirfd, name, 0);
	}
	snprintf(name, sizeof(name), "%s.d", id);
	if (meant)
		remove_tree(dirfd, name, 0);
	return 0;
}

static int forget_in(struct forget *f, int at, const char *path,
	const char *prefix, int depth);

/* One of a scope, whole being its name. *hit: it, or one below, was meant. */
static int forget_one(struct forget *f, int dirfd, const char *id,
	const char *whole, int depth, bool *hit)
{
	size_t before = f->n;
	char below[64], *prefix;
	int ret = 0;

	*hit = f->exact ? strcmp(whole, f->pattern) == 0 :
		fnmatch(f->pattern, whole, 0) == 0;
	if (*hit) {
		f->n++;
		return drop(f, dirfd, id, true);
	}
	if (depth < DEPTH_MOST) {
		snprintf(below, sizeof(below), "%s.d", id);
		prefix = mem_printf("%s/", whole);
		ret = forget_in(f, dirfd, below, prefix, depth + 1);
		free(prefix);
	}
	/* it has to run again, to call what was forgotten */
	*hit = f->n > before;
	return ret == 0 && *hit ? drop(f, dirfd, id, false) : ret;
}

static int forget_in(struct forget *f, int at, const char *path,
	const char *prefix, int depth)
{
	DIR *dir = open_scope(at, path);
	char **id = NULL;
	struct dirent *e;
	size_t n, nids = 0, cap = 0, i;
	int ret = 0;

	/* read whole before anything in it is changed */
	while (dir != NULL && (e = readdir(dir)) != NULL) {
		enum kind kind = kind_of(e->d_name, &n);

		if (kind != RECORD && !is_begun(dirfd(dir), kind, e->d_name,
		    n))
			continue;
		id = mem_grow(id, nids, &cap, sizeof(*id));
		id[nids++] = mem_dupn(e->d_name, n);
	}
	for (i = 0; i < nids; i++) {
		char *own = name_of(dirfd(dir), id[i], strlen(id[i]));
		char *whole = mem_printf("%s%s", prefix, own != NULL ? own :
			id[i]);
		bool hit;

		if (ret == 0)
			ret = forget_one(f, dirfd(dir), id[i], whole, depth,
				&hit);
		free(whole);
		free(own);
		free(id[i]);
	}
	free(id);
	if (dir != NULL)
		closedir(dir);
	return ret;
}

int substep_forget(int dirfd, const char *sub, const char *pattern,
	bool only_count, size_t *n, struct why *why)
{
	struct forget f = { pattern, true, true, 0, why };
	int ret = forget_in(&f, dirfd, sub, "", 0);

	/* what is a name as it stands is meant by it */
	f.exact = f.n > 0;
	if (ret == 0 && (!f.exact || !only_count)) {
		f.n = 0;
		f.only_count = only_count;
		ret = forget_in(&f, dirfd, sub, "", 0);
	}
	*n = f.n;
	return ret;
}
