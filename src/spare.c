/* SPDX-License-Identifier: ISC */
#include "spare.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

void spare_init(struct spare *s)
{
	snprintf(s->name, sizeof(s->name), "spare.%ld", (long)getpid());
	s->there = false;
}

void spare_release(struct spare *s, int dirfd)
{
	if (s->there)
		unlinkat(dirfd, s->name, AT_REMOVEDIR);
	s->there = false;
}

int spare_give(struct spare *s, int dirfd, const char *dir)
{
	if (s->there && renameat(dirfd, s->name, dirfd, dir) == 0) {
		s->there = false;
		return 0;
	}
	return mkdirat(dirfd, dir, 0700) == 0 || errno == EEXIST ?
		0 : -1;
}

static bool is_empty(int dirfd, const char *dir)
{
	/* "." and ".." come first or at least within the first of these */
	char entries[4096];
	int fd = openat(dirfd, dir, O_RDONLY | O_DIRECTORY |
		O_CLOEXEC | O_NOFOLLOW), n = 0;
	ssize_t len, at;

	if (fd == -1)
		return false;
	len = getdents64(fd, entries, sizeof(entries));
	close(fd);
	for (at = 0; at < len; n++)
		at += ((struct dirent64 *)(void *)(entries + at))->d_reclen;
	return len > 0 && n == 2;
}

void spare_take(struct spare *s, int dirfd, const char *dir)
{
	if (!is_empty(dirfd, dir))
		return;
	if (!s->there && renameat(dirfd, dir, dirfd,
	    s->name) == 0)
		s->there = true;
	else
		unlinkat(dirfd, dir, AT_REMOVEDIR);
}
