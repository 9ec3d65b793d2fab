/* SPDX-License-Identifier: ISC */
#include "inputs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "digest.h"
#include "io.h"
#include "safe.h"
#include "wild.h"

enum {
	/* Read at a time: beyond this it gets no faster. */
	PART = 256 * 1024,
	/* A file that changes while it is read is read again so often. */
	READS_MOST = 3,
	/* File times come from the kernel's tick, which is up to 10 ms behind
	 * the clock (CONFIG_HZ=100); a file system that keeps no fractions has
	 * steps of up to 2 s (FAT). */
	TICK_MS = 20, COARSE_MS = 2000,
	/* So much of a name is said; the end of it tells more. */
	SAID = 400,
};

void inputs_release(struct inputs *in)
{
	free(in->v);
	arena_release(&in->arena);
	memset(in, 0, sizeof(*in));
}

/* "input PATH" and what is wrong with it. */
static int fault(struct why *why, int err, const char *path, const char *what)
{
	struct buf text = { 0 };
	size_t n = strlen(path), skip = n > SAID ? n - SAID : 0;

	if (skip > 0)
		buf_str(&text, "…");
	safe_line(&text, path + skip, n - skip);
	why_set(why, "input %s%s", text.data != NULL ? text.data : "", what);
	if (why != NULL)
		why->err = err;
	buf_release(&text);
	return -1;
}

static int system_fault(struct why *why, const char *path)
{
	int err = errno;
	char *what;

	if (err == ENOENT || err == ENOTDIR)
		return fault(why, ENOENT, path, " is missing");
	what = mem_printf(": %s", strerror(err));
	fault(why, err, path, what);
	free(what);
	return -1;
}

/* The path as it is known: what is below base, without base. */
static const char *known_as(const char *base, const char *path)
{
	size_t n = strlen(base);

	while (n > 0 && base[n - 1] == '/')
		n--;
	if (strncmp(path, base, n) != 0 || path[n] != '/')
		return path;
	path += n;
	path += strspn(path, "/");
	while (strncmp(path, "./", 2) == 0 && path[2] != '\0') {
		path += 2;
		path += strspn(path, "/");
	}
	return *path != '\0' ? path : ".";
}

static char *path_in(const char *dir, const char *path)
{
	return path[0] == '/' ? mem_dup(path) :
		mem_printf("%s/%s", dir, path);
}

void inputs_escape(struct buf *out, const char *text)
{
	for (; *text != '\0'; text++) {
		if (strchr("*?[\\", *text) != NULL)
			buf_char(out, '\\');
		buf_char(out, *text);
	}
}

static char *escaped(const char *text)
{
	struct buf out = { 0 };

	inputs_escape(&out, text);
	return buf_steal(&out);
}

/* The later one of its times, as the other can be set to anything. */
static int64_t time_of(const struct stat *st)
{
	int64_t m = (int64_t)st->st_mtim.tv_sec * 1000000000 +
		st->st_mtim.tv_nsec;
	int64_t c = (int64_t)st->st_ctim.tv_sec * 1000000000 +
		st->st_ctim.tv_nsec;

	return m > c ? m : c;
}

static struct input *add(struct inputs *in, const char *path)
{
	struct input *one;

	in->v = mem_grow(in->v, in->n, &in->cap, sizeof(*in->v));
	one = &in->v[in->n++];
	*one = (struct input){ .path = arena_dup(&in->arena, path),
		.size = -1 };
	return one;
}

/* The lines of the phase could not be told from one another. */
static bool newline(const char *path, struct why *why)
{
	if (strchr(path, '\n') == NULL)
		return false;
	fault(why, 0, path, ": a name with a newline in it cannot be kept");
	return true;
}

static int add_file(struct inputs *in, const char *base, const char *path,
	const struct stat *st, struct why *why)
{
	struct input *one;

	if (newline(path, why))
		return -1;
	one = add(in, known_as(base, path));
	one->size = st->st_size;
	one->mtime = time_of(st);
	return 0;
}

/* Names of the directory: files into in, directories to the others that are
 * to be gone through. */
static int scan(struct inputs *in, const char *base, const char *dir,
	struct buf *todo, struct why *why)
{
	const char *slash = dir[strlen(dir) - 1] == '/' ? "" : "/";
	DIR *d = opendir(dir);
	const struct dirent *entry;
	struct stat st;
	int ret = 0;

	if (d == NULL)
		return system_fault(why, known_as(base, dir));
	while (ret == 0 && (entry = readdir(d)) != NULL) {
		char *path;

		if (entry->d_name[0] == '.')
			continue;
		path = mem_printf("%s%s%s", dir, slash, entry->d_name);
		/* a link to a directory may lead in circles */
		if (lstat(path, &st) == 0 && S_ISDIR(st.st_mode))
			buf_add(todo, path, strlen(path) + 1);
		else if (stat(path, &st) == 0 && S_ISREG(st.st_mode))
			ret = add_file(in, base, path, &st, why);
		free(path);
	}
	closedir(d);
	return ret;
}

/* All regular files below. */
static int walk(struct inputs *in, const char *base, const char *dir,
	struct why *why)
{
	struct buf todo = { 0 };
	size_t at = 0;
	int ret = 0;

	buf_add(&todo, dir, strlen(dir) + 1);
	while (ret == 0 && at < todo.len) {
		/* its own: the list moves as it grows */
		char *next = mem_dup(todo.data + at);

		at += strlen(next) + 1;
		ret = scan(in, base, next, &todo, why);
		free(next);
	}
	buf_release(&todo);
	return ret;
}

static int by_path(const void *a, const void *b)
{
	const struct input *x = a, *y = b;
	int d = strcmp(x->path, y->path);

	return d != 0 ? d : (x->size > y->size) - (x->size < y->size);
}

/* Those from the from-th on: in order, each once. */
static void sort(struct inputs *in, size_t from)
{
	size_t i, n = from;

	if (in->n > from)
		qsort(in->v + from, in->n - from, sizeof(*in->v), by_path);
	for (i = from; i < in->n; i++)
		if (n == from || by_path(&in->v[n - 1], &in->v[i]) != 0)
			in->v[n++] = in->v[i];
	in->n = n;
}

/* Behind what it stands for, the pattern or directory itself. */
static int add_set(struct inputs *in, size_t from, const char *path,
	struct why *why)
{
	struct digest d;
	size_t i;

	if (newline(path, why))
		return -1;
	sort(in, from);
	digest_init(&d);
	for (i = from; i < in->n; i++)
		digest_add(&d, in->v[i].path, strlen(in->v[i].path) + 1);
	add(in, path)->hash = digest_value(&d);
	return 0;
}

/* What the path stands for that is really called so. */
static int add_named(struct inputs *in, const char *base, const char *path,
	struct why *why)
{
	const char *shown = known_as(base, path);
	size_t from = in->n;
	struct stat st;
	char *pattern;
	int ret;

	if (stat(path, &st) != 0)
		return system_fault(why, shown);
	if (S_ISREG(st.st_mode))
		return add_file(in, base, path, &st, why);
	if (!S_ISDIR(st.st_mode))
		return fault(why, 0, shown, " is no file and no directory");
	if (walk(in, base, path, why) == -1)
		return -1;
	/* it is looked for again as a pattern */
	pattern = wild_is(shown) ? escaped(shown) : mem_dup(shown);
	ret = add_set(in, from, pattern, why);
	free(pattern);
	return ret;
}

/* The matches of a pattern. */
struct hits {
	struct inputs *in;
	const char *base, *dir, *word;
	bool own;		/* its own text is none of them: what is called
				   so is meant by its name */
	bool named;		/* and is there */
	int ret;
	struct why *why;
};

static bool add_hit(void *ctx, const char *word)
{
	struct hits *h = ctx;
	char *path = path_in(h->dir, word);
	struct stat st;

	h->named = h->own && strcmp(word, h->word) == 0;
	if (h->named)
		h->ret = add_named(h->in, h->base, path, h->why);
	else if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		h->ret = walk(h->in, h->base, path, h->why);
	else if (stat(path, &st) == 0 && S_ISREG(st.st_mode))
		h->ret = add_file(h->in, h->base, path, &st, h->why);
	free(path);
	return h->ret == 0;
}

static int add_matching(struct inputs *in, const char *base, const char *dir,
	const char *word, struct why *why)
{
	struct hits h = { in, base, dir, word, fnmatch(word, word,
		FNM_PATHNAME | FNM_PERIOD) != 0 || !wild_is(word), false, 0,
		why };
	char *base_pattern = escaped(base), *dir_pattern = escaped(dir);
	char *pattern = path_in(dir_pattern, word);
	const char *shown = known_as(base_pattern, pattern);
	size_t from = in->n;

	(void)wild_each(dir, word, add_hit, &h);
	if (h.ret == 0 && in->n == from)
		h.ret = fault(why, ENOENT, shown, wild_is(word) ?
			": no file matches" : " is missing");
	else if (h.ret == 0 && !h.named)
		h.ret = add_set(in, from, shown, why);
	free(base_pattern);
	free(dir_pattern);
	free(pattern);
	return h.ret;
}

/* A word, which is known or looked for below dir. */
static int add_word(struct inputs *in, const char *base, const char *dir,
	const char *word, bool pattern, struct why *why)
{
	char *path;
	int ret;

	if (pattern)
		return add_matching(in, base, dir, word, why);
	path = path_in(dir, word);
	ret = add_named(in, base, path, why);
	free(path);
	return ret;
}

int inputs_expand(const char *base, const char *path, struct inputs *in,
	struct why *why)
{
	return add_matching(in, base, base, path, why);
}

int inputs_look(const char *base, const char *path, struct input *now,
	struct why *why)
{
	char *full = path_in(base, path);
	struct stat st;
	int ret = stat(full, &st);

	free(full);
	if (ret == -1)
		return system_fault(why, path);
	if (!S_ISREG(st.st_mode))
		return fault(why, ENOENT, path, " is no file any more");
	*now = (struct input){ .path = path, .size = st.st_size,
		.mtime = time_of(&st) };
	return 0;
}

/* So long that a change of the file which is still to come shows in its time,
 * too. */
static void wait_for_tick(const struct stat *st)
{
	int64_t step = time_of(st) % 1000000000 == 0 ? COARSE_MS : TICK_MS;
	int64_t left = time_of(st) / 1000000 + step - clock_wall();
	struct timespec nap = { left / 1000, left % 1000 * 1000000 };

	/* a time in the future says nothing */
	if (left > 0 && left <= step)
		nanosleep(&nap, NULL);
}

static int digest_file(int fd, uint64_t *hash)
{
	char *part = mem_alloc(PART);
	struct digest d;
	ssize_t r;

	digest_init(&d);
	while ((r = io_read(fd, part, PART)) > 0)
		digest_add(&d, part, (size_t)r);
	free(part);
	*hash = digest_value(&d);
	return r == 0 ? 0 : -1;
}

int inputs_read(const char *base, const char *path, struct input *now,
	struct why *why)
{
	char *full = path_in(base, path);
	/* NONBLOCK: it may be a FIFO by now */
	int fd = open(full, O_RDONLY | O_CLOEXEC | O_NONBLOCK), i, ret = -1;
	struct stat before, after;

	*now = (struct input){ .path = path };
	for (i = 0; i < READS_MOST && ret == -1; i++) {
		if (fd == -1 || fstat(fd, &before) == -1) {
			system_fault(why, path);
			goto out;
		}
		if (!S_ISREG(before.st_mode)) {
			fault(why, 0, path, " is no file");
			goto out;
		}
		wait_for_tick(&before);
		if (lseek(fd, 0, SEEK_SET) == -1 ||
		    digest_file(fd, &now->hash) == -1 ||
		    fstat(fd, &after) == -1) {
			system_fault(why, path);
			goto out;
		}
		now->size = after.st_size;
		now->mtime = time_of(&after);
		if (before.st_size == now->size &&
		    time_of(&before) == now->mtime)
			ret = 0;
	}
	if (ret == -1)
		fault(why, 0, path, " changes while it is read");
out:
	if (fd != -1)
		close(fd);
	free(full);
	return ret;
}

int inputs_status(const struct why *why)
{
	return why->err == 0 || why->err == ENOENT ? INPUTS_MISSING :
		INPUTS_FAILED;
}

int inputs_list(char *const *argv, bool say, struct inputs *in)
{
	const char *base = argv[0], *cwd = argv[1];
	int worst = INPUTS_READ, one;
	struct why why;

	for (argv += 2; *argv != NULL && (say || worst == INPUTS_READ); argv++) {
		if (add_word(in, base, cwd, *argv + 1, **argv == '*',
		    &why) == 0)
			continue;
		one = inputs_status(&why);
		worst = one > worst ? one : worst;
		if (say)
			fprintf(stderr, "%s\n", why.text);
	}
	sort(in, 0);
	return worst;
}
