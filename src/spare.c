/* SPDX-License-Identifier: ISC */
#include "spare.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io.h"

void spare_init(struct spare *s, int dirfd)
{
	static const char *const kind[SPARE_FILES] = { "out", "err" };
	int i;

	s->dirfd = dirfd;
	s->have_dir = false;
	snprintf(s->dir, sizeof(s->dir), "spare.%ld", (long)getpid());
	for (i = 0; i < SPARE_FILES; i++) {
		s->have_file[i] = false;
		snprintf(s->file[i], sizeof(s->file[i]), "spare.%ld.%s",
			(long)getpid(), kind[i]);
	}
}

void spare_release(struct spare *s)
{
	int i;

	if (s->have_dir)
		unlinkat(s->dirfd, s->dir, AT_REMOVEDIR);
	for (i = 0; i < SPARE_FILES; i++)
		if (s->have_file[i])
			unlinkat(s->dirfd, s->file[i], 0);
}

int spare_give_dir(struct spare *s, const char *dir)
{
	struct stat st;

	/* rename(2) replaces an empty directory and refuses a full one, which
	 * is an earlier attempt's and stays */
	if (s->have_dir &&
	    renameat(s->dirfd, s->dir, s->dirfd, dir) == 0) {
		s->have_dir = false;
		return 0;
	}
	if (mkdirat(s->dirfd, dir, 0700) == 0)
		return 0;
	if (errno != EEXIST ||
	    fstatat(s->dirfd, dir, &st, AT_SYMLINK_NOFOLLOW) == -1)
		return -1;
	errno = ENOTDIR;
	return S_ISDIR(st.st_mode) ? 0 : -1;
}

static bool is_empty(int dirfd, const char *dir)
{
	/* "." and ".." come first or at least within the first of these */
	char entries[4096];
	int fd = openat(dirfd, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC |
		O_NOFOLLOW), n = 0;
	ssize_t len, at;

	if (fd == -1)
		return false;
	len = getdents64(fd, entries, sizeof(entries));
	close(fd);
	for (at = 0; at < len; n++)
		at += ((struct dirent64 *)(void *)(entries + at))->d_reclen;
	return len > 0 && n == 2;
}

void spare_take_dir(struct spare *s, const char *dir)
{
	if (!is_empty(s->dirfd, dir))
		return;
	if (!s->have_dir &&
	    renameat(s->dirfd, dir, s->dirfd, s->dir) == 0)
		s->have_dir = true;
	else
		unlinkat(s->dirfd, dir, AT_REMOVEDIR);
}

static int open_locked(int dirfd, const char *name, int flags)
{
	/* APPEND: whoever in the tree truncates or seeks, nothing is
	 * overwritten. */
	int fd = name[0] == '/' ?
		openat(dirfd, name, O_WRONLY | O_APPEND | O_CLOEXEC | flags,
		0600) : io_open(dirfd, name, O_WRONLY | O_APPEND | flags);

	/* Held by somebody: he got the descriptor passed, and may write. */
	if (fd != -1 && flock(fd, LOCK_EX | LOCK_NB) != 0 &&
	    !(flags & O_CREAT)) {
		close(fd);
		return -1;
	}
	return fd;
}

int spare_give_file(struct spare *s, int which, const char *name)
{
	int fd;

	if (name[0] == '/')
		return open_locked(s->dirfd, name, O_CREAT);
	if (s->have_file[which]) {
		s->have_file[which] = false;
		if (renameat(s->dirfd, s->file[which], s->dirfd, name) == 0) {
			fd = open_locked(s->dirfd, name, 0);
			if (fd != -1)
				return fd;
		}
		unlinkat(s->dirfd, s->file[which], 0);
		unlinkat(s->dirfd, name, 0);
	}
	/* EXCL: a condition that is asked again, or what was put there. */
	return open_locked(s->dirfd, name, O_CREAT | O_EXCL);
}

void spare_take_file(struct spare *s, int which, const char *name, int fd)
{
	struct stat st;
	bool empty = fstat(fd, &st) == 0 && st.st_size == 0;

	close(fd);
	if (!empty || name[0] == '/')
		return;
	/* as we made it, and nobody else's by another name */
	if (!s->have_file[which] && st.st_nlink == 1 &&
	    st.st_mode == (S_IFREG | 0600) && st.st_uid == geteuid() &&
	    renameat(s->dirfd, name, s->dirfd, s->file[which]) == 0)
		s->have_file[which] = true;
	else
		unlinkat(s->dirfd, name, 0);
}
