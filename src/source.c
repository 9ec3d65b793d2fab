/* SPDX-License-Identifier: ISC */
#include "source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io.h"

static const char *what_it_is(mode_t mode)
{
	return S_ISDIR(mode) ? "it is a directory" :
		S_ISFIFO(mode) ? "it is a pipe, and a pipeline has to be read "
			"again when it is continued" :
		"it is no regular file";
}

static void not_regular(const char *path, const char *what, mode_t mode,
	struct complaints *complaints)
{
	char *hint = mem_printf("name a file that holds %s", what);

	complaints_add(complaints, path, 0, hint, "%s", what_it_is(mode));
	free(hint);
}

/* Whoever can write the file can have commands run as the one who loads it,
 * and for root that is everything. */
static void check_owner(const char *path, const struct stat *st,
	struct complaints *complaints)
{
	char *hint;

	if (geteuid() != 0)
		return;
	if (st->st_uid != 0) {
		hint = mem_printf("chown root '%s'", path);
		complaints_add(complaints, path, 0, hint, "it belongs to user "
			"%ld, who could have root run anything by it",
			(long)st->st_uid);
		free(hint);
	}
	if ((st->st_mode & (S_IWGRP | S_IWOTH)) != 0) {
		hint = mem_printf("chmod go-w '%s'", path);
		complaints_add(complaints, path, 0, hint, "others than root "
			"may write to it (mode %04o), so they could have "
			"root run anything", (unsigned)(st->st_mode & 07777));
		free(hint);
	}
}

static void not_there(const char *path, struct complaints *complaints)
{
	int err = errno;
	char *longer = mem_printf("%s.ini", path);
	char *hint = NULL;

	if (err == ENOENT && access(longer, F_OK) == 0)
		hint = mem_printf("did you mean %s?", longer);
	complaints_add(complaints, path, 0, hint, "cannot open it: %s",
		strerror(err));
	free(longer);
	free(hint);
}

/* The descriptor, or -1 when there are new complaints. */
static int open_file(const char *path, const char *what, struct stat *st,
	struct complaints *complaints)
{
	size_t before = complaints->n;
	/* NONBLOCK: opening a FIFO would wait for a writer. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	if (fd == -1 || fstat(fd, st) == -1) {
		not_there(path, complaints);
		goto fail;
	}
	if (!S_ISREG(st->st_mode))
		not_regular(path, what, st->st_mode, complaints);
	else if (st->st_size > SOURCE_MOST)
		complaints_add(complaints, path, 0, NULL, "the file is larger "
			"than %d MiB", SOURCE_MOST / 1024 / 1024);
	else
		check_owner(path, st, complaints);
	if (complaints->n == before)
		return fd;
fail:
	if (fd != -1)
		close(fd);
	return -1;
}

char *source_read(const char *path, const char *what, struct arena *arena,
	size_t *len, struct complaints *complaints)
{
	struct stat st;
	char *text;
	ssize_t n;
	int fd = open_file(path, what, &st, complaints);

	if (fd == -1)
		return NULL;
	/* What is appended while we read is for the next time. */
	text = arena_alloc(arena, (size_t)st.st_size + 1);
	n = io_read(fd, text, (size_t)st.st_size);
	if (n == -1)
		complaints_add(complaints, path, 0, NULL, "cannot read it: %s",
			strerror(errno));
	close(fd);
	*len = n == -1 ? 0 : (size_t)n;
	return n == -1 ? NULL : text;
}
