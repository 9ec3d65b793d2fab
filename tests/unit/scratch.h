/* SPDX-License-Identifier: ISC */
/*
 * scratch: a directory for a test, in memory where the system has some, and
 * whole files in it.
 */
#ifndef SCRATCH_H
#define SCRATCH_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "buf.h"
#include "io.h"

struct scratch {
	char path[64];
	int fd;
};

static inline void scratch_init(struct scratch *s)
{
	snprintf(s->path, sizeof(s->path), "%s/durexec-test.XXXXXX",
		access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	assert_non_null(mkdtemp(s->path));
	s->fd = open(s->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(s->fd != -1);
}

static inline int scratch_one(const char *path, const struct stat *st,
	int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static inline void scratch_release(struct scratch *s)
{
	close(s->fd);
	assert_int_equal(nftw(s->path, scratch_one, 16,
		FTW_DEPTH | FTW_PHYS), 0);
}

/* The file as a whole; what was there is gone. */
static inline void scratch_put(const struct scratch *s, const char *name,
	const void *data, size_t n)
{
	int fd = openat(s->fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
		0600);

	assert_true(fd != -1);
	assert_int_equal(io_write(fd, data, n), 0);
	close(fd);
}

static inline void scratch_get(const struct scratch *s, const char *name,
	struct buf *out)
{
	buf_reset(out);
	assert_int_equal(io_slurp(s->fd, name, 64u << 20, out, NULL), 0);
}

static inline bool scratch_has(const struct scratch *s, const char *name)
{
	struct stat st;

	return fstatat(s->fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

#endif
