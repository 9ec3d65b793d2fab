/* SPDX-License-Identifier: ISC */
/*
 * calling: for the tests of substep.h: a scope in a scratch directory, and
 * calls in it that are remembered, run, or have failed.
 */
#ifndef CALLING_H
#define CALLING_H

#include <errno.h>
#include <sys/wait.h>
#include <time.h>

#include "scratch.h"
#include "substep.h"

#define CALL_SCOPE "sub/task"

/* Exit statuses of a child's checks: cmocka's own work in the parent only. */
#define CHILD_CHECK(what) do { \
	if (!(what)) { \
		fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #what); \
		_exit(1); \
	} \
} while (0)

static inline void call_nap(void)
{
	struct timespec t = { 0, 1000000 };

	nanosleep(&t, NULL);
}

/* The child's status: it has to exit with 0. */
static inline void call_reap(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* The scope `path` of the directory, as the calls of one turn see it. */
static inline void call_open(struct substep_scope *sc,
	const struct scratch *dir, const char *path, int turn)
{
	char steps[1024];
	struct why why;

	snprintf(steps, sizeof(steps), "%s/%s/calls.%d", dir->path, path,
		turn);
	if (substep_open(sc, steps, &why) == -1)
		fail_msg("%s", why.text);
}

/* Which call it is; with one word, or by its name alone (NULL). */
static inline void call_is(struct substep *s, const char *name,
	const char *word)
{
	char *argv[] = { (char *)word, NULL };

	substep_identify(s, name, word != NULL ? argv : NULL, false);
}

static inline void call_write(const struct substep_scope *sc,
	const struct substep *s, const char *kind, const void *data, size_t n)
{
	char name[64];
	int fd;

	snprintf(name, sizeof(name), "%s%s", s->id, kind);
	fd = openat(sc->fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
		0600);
	assert_true(fd != -1);
	assert_int_equal(io_write(fd, data, n), 0);
	close(fd);
}

static inline bool call_has(const struct substep_scope *sc,
	const struct substep *s, const char *kind)
{
	struct stat st;
	char name[64];

	snprintf(name, sizeof(name), "%s%s", s->id, kind);
	return fstatat(sc->fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

/* Run it to a good end: it wrote `out`. */
static inline void call_remember(struct substep_scope *sc, struct substep *s,
	const char *name, const char *out)
{
	struct substep_record r = { .name = (char *)name, .started_at = 1000,
		.ended_at = 2000, .in_bytes = -1,
		.out_bytes = (int64_t)strlen(out) };
	struct why why;
	bool killed;
	int fd;

	fd = substep_begin(sc, s, name, 1000, &killed, &why);
	if (fd < 0)
		fail_msg("%s", why.text);
	if (*out != '\0')
		call_write(sc, s, ".out", out, strlen(out));
	if (substep_commit(sc, s, fd, &r, &why) != 0)
		fail_msg("%s", why.text);
	close(fd);
}

/* A call of that name, the first of it, is remembered. */
static inline void call_done(struct substep_scope *sc, const char *name)
{
	struct substep s;

	call_is(&s, name, NULL);
	substep_first(&s);
	call_remember(sc, &s, name, "");
}

static inline bool call_remembered(struct substep_scope *sc, const char *name)
{
	struct substep_record r;
	struct substep s;
	int ret;

	call_is(&s, name, NULL);
	substep_first(&s);
	ret = substep_read(sc, &s, &r, NULL);
	assert_true(ret != -1);
	free(r.name);
	return ret == 1;
}

/* The scope of what the call runs: "sub/task/ID.d" */
static inline void call_below(char path[512], const char *above,
	const struct substep *s)
{
	char copy[512];

	snprintf(copy, sizeof(copy), "%s", above);
	snprintf(path, 512, "%.460s/%s.d", copy, s->id);
}

#endif
