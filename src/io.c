/* SPDX-License-Identifier: ISC */
#include "io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mem.h"

int io_write(int fd, const void *data, size_t n)
{
	const char *p = data;
	ssize_t w;

	while (n > 0) {
		w = write(fd, p, n);
		if (w == -1) {
			if (errno == EINTR)
				continue;
			return -1;
		}
		p += w;
		n -= (size_t)w;
	}
	return 0;
}

static int lost;

int io_answer(const void *data, size_t n)
{
	int ret = io_write(STDOUT_FILENO, data, n);

	if (ret == -1 && lost == 0 && errno != EPIPE)
		lost = errno;
	return ret;
}

int io_answer_lost(void)
{
	return lost;
}

ssize_t io_read(int fd, void *data, size_t n)
{
	char *p = data;
	size_t have = 0;
	ssize_t r;

	while (have < n) {
		r = read(fd, p + have, n - have);
		if (r == -1) {
			if (errno == EINTR)
				continue;
			return -1;
		}
		if (r == 0)
			break;
		have += (size_t)r;
	}
	return (ssize_t)have;
}

/* errno stays. */
static int close_failed(int fd, int err)
{
	close(fd);
	errno = err;
	return -1;
}

int io_open(int dirfd, const char *path, int flags)
{
	/* Of several that make it anew at once each finds another's there. */
	enum { TRIES = 100 };
	struct stat st;
	int fd, i;

	flags |= O_CLOEXEC | O_NOFOLLOW | O_NOCTTY;
	for (i = 0; i < TRIES; i++) {
		fd = openat(dirfd, path, flags | O_NONBLOCK, 0600);
		if (fd != -1 || errno != EEXIST ||
		    (unlinkat(dirfd, path, 0) == -1 && errno != ENOENT))
			break;
	}
	if (fd == -1)
		return -1;
	if (fstat(fd, &st) == -1)
		return close_failed(fd, errno);
	if (!S_ISREG(st.st_mode))
		return close_failed(fd, ENXIO);
	if ((flags & O_ACCMODE) != O_RDONLY && st.st_nlink > 1)
		return close_failed(fd, EMLINK);
	/* Some give it to a step, who would see it. */
	if (fcntl(fd, F_SETFL, flags & (O_APPEND | O_ACCMODE)) == -1)
		return close_failed(fd, errno);
	return fd;
}

int io_slurp(int dirfd, const char *path, size_t max, struct buf *out,
	struct why *why)
{
	/* NONBLOCK: a FIFO of that name must not hold us up. */
	int fd = openat(dirfd, path,
		O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	size_t had = out->len;
	ssize_t r = -1;
	int err;

	if (fd == -1)
		return why_sys(why, "cannot open %s", path);
	for (;;) {
		buf_reserve(out, 65536);
		r = io_read(fd, out->data + out->len, 65536);
		if (r <= 0)
			break;
		out->len += (size_t)r;
		if (out->len - had > max) {
			errno = EFBIG;
			r = -1;
			break;
		}
	}
	err = errno;
	close(fd);
	errno = err;
	if (r == -1) {
		out->len = had;
		why_sys(why, "cannot read %s", path);
	}
	out->data[out->len] = '\0';
	return r == -1 ? -1 : 0;
}

int io_sync(int fd)
{
	return fdatasync(fd);
}

int io_sync_all(int fd)
{
	return fsync(fd);
}

int io_sync_dir(int dirfd, const char *path)
{
	int fd = openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r, err;

	if (fd == -1)
		return -1;
	r = fsync(fd);
	err = errno;
	close(fd);
	errno = err;
	return r;
}

int io_replace(int dirfd, const char *name, const void *data, size_t n,
	struct why *why)
{
	char *tmp = mem_printf("%s.new", name);
	int fd, ret = -1;

	/* What a killed predecessor left, or a planted link. */
	unlinkat(dirfd, tmp, 0);
	fd = openat(dirfd, tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC |
		O_NOFOLLOW, 0600);
	if (fd == -1) {
		why_sys(why, "cannot create %s", tmp);
		goto out;
	}
	if (io_write(fd, data, n) == -1 || io_sync(fd) == -1) {
		why_sys(why, "cannot write %s", tmp);
		goto out;
	}
	if (renameat(dirfd, tmp, dirfd, name) == -1 ||
	    io_sync_dir(dirfd, ".") == -1) {
		why_sys(why, "cannot place %s", name);
		goto out;
	}
	ret = 0;
out:
	if (fd != -1)
		close(fd);
	free(tmp);
	return ret;
}

int io_copy(int from, int to)
{
	/* 1 GiB a call: any size will do, the kernel loops. */
	const size_t most = 1u << 30;
	char part[65536];
	ssize_t r;

	do {
		r = copy_file_range(from, NULL, to, NULL, most, 0);
	} while (r > 0 || (r == -1 && errno == EINTR));
	if (r == 0)
		return 0;
	/* Across file systems, to O_APPEND (EBADF), or a kernel without it: by
	 * hand from here. */
	if (errno != EXDEV && errno != ENOSYS && errno != EINVAL &&
	    errno != EOPNOTSUPP && errno != EBADF)
		return -1;
	while ((r = io_read(from, part, sizeof(part))) > 0)
		if (io_write(to, part, (size_t)r) == -1)
			return -1;
	return r == -1 ? -1 : 0;
}
