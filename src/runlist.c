/* SPDX-License-Identifier: ISC */
/* What there is: runs, and names that have some. */
#include "rundir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mem.h"
#include "msg.h"

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The exit status of "the state cannot be read". */
enum { STATUS_STATE = 4 };

/* What cannot be looked at may be a run: it is not taken for none, which would
 * start everything anew. */
static _Noreturn void unreadable(const char *what)
{
	msg_die(STATUS_STATE, "cannot look for runs (%s): %s", what,
		strerror(errno));
}

static DIR *opened(int dirfd)
{
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd != -1 ? fdopendir(fd) : NULL;

	if (dir != NULL)
		return dir;
	unreadable("its directory");
}

/* Entries of a directory for which `want` says yes, sorted. */
static char **entries(int dirfd, bool (*want)(int dirfd, const char *name),
	size_t *n)
{
	char **list = NULL;
	size_t cap = 0;
	DIR *dir = opened(dirfd);
	struct dirent *e;

	*n = 0;
	for (;;) {
		errno = 0;
		e = readdir(dir);
		if (e == NULL)
			break;
		if (e->d_name[0] == '.' || !want(dirfd, e->d_name))
			continue;
		list = mem_grow(list, *n, &cap, sizeof(*list));
		list[(*n)++] = mem_dup(e->d_name);
	}
	if (errno != 0)
		unreadable("its directory");
	closedir(dir);
	if (list != NULL)
		qsort(list, *n, sizeof(*list), by_text);
	return list;
}

static bool is_dir(int dirfd, const char *name)
{
	struct stat st;

	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return S_ISDIR(st.st_mode);
	if (errno != ENOENT)
		unreadable(name);
	return false;
}

static bool is_run(int dirfd, const char *name)
{
	char path[300];
	struct stat st;

	/* "latest" points to one, and is none */
	if (!is_dir(dirfd, name))
		return false;
	/* Whatever it is: a run whose state cannot be read is refused, and
	 * not taken for none. */
	snprintf(path, sizeof(path), "%s/state", name);
	if (fstatat(dirfd, path, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return true;
	if (errno != ENOENT)
		unreadable(path);
	return false;
}

char **home_runs(const struct home *h, size_t *n)
{
	*n = 0;
	return h->fd != -1 ? entries(h->fd, is_run, n) : NULL;
}

void home_runs_free(char **runs, size_t n)
{
	while (n > 0)
		free(runs[--n]);
	free(runs);
}

char **rundir_names(const char *base, size_t *n)
{
	int fd = open(base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char **names;

	*n = 0;
	if (fd == -1 && errno != ENOENT)
		unreadable(base);
	if (fd == -1)
		return NULL;
	names = entries(fd, is_dir, n);
	close(fd);
	return names;
}
