/* SPDX-License-Identifier: ISC */
/*
 * blocklog: what a disk was told, in the order in which it was told.
 *
 * blocklog IMAGE LOG MOUNTPOINT
 *
 * A file system of one directory. `disk` is IMAGE, made to lie under a loop
 * device; the other names are streams for what the world outside of that disk
 * sees: whatever is written there is appended. One thread serves all of them,
 * so that LOG has one order, and a request is answered only when it is in LOG:
 * who saw an answer comes behind it.
 *
 * LOG is a sequence of struct entry, each followed by `length` bytes of data
 * for DATA and SAID. Nothing is cached on the way (direct_io): a write of the
 * loop device is an entry, and its flush, which is an fsync, is one too. close
 * is not a flush.
 *
 * It ends with the mount, or with the process that started it.
 */
#define FUSE_USE_VERSION 31
#include <errno.h>
#include <fcntl.h>
#include <fuse.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

enum kind {
	DATA = 'W',		/* bytes of the disk */
	ZERO = 'Z',		/* these read as zeros from now on */
	FLUSH = 'F',		/* all before it is durable */
	SAID = 'S',		/* bytes of stream number `offset` */
};

struct entry {
	uint32_t kind;
	uint32_t length;
	uint64_t offset;
};

static const char *const streams[] = { "seen", "said", "mark" };
enum { STREAMS = sizeof(streams) / sizeof(streams[0]), DISK = STREAMS };

static int image, out;
static off_t size, said[STREAMS];

static int number_of(const char *path)
{
	if (strcmp(path, "/disk") == 0)
		return DISK;
	for (int i = 0; i < STREAMS; i++)
		if (strcmp(path + 1, streams[i]) == 0)
			return i;
	return -1;
}

static void put(const void *data, size_t n)
{
	const char *p = data;

	while (n > 0) {
		ssize_t w = write(out, p, n);

		if (w == -1 && errno == EINTR)
			continue;
		if (w == -1) {
			/* half a log proves nothing */
			perror("blocklog: log");
			exit(1);
		}
		p += w;
		n -= (size_t)w;
	}
}

static void add(enum kind kind, uint64_t offset, const void *data,
	size_t length)
{
	struct entry e = { kind, (uint32_t)length, offset };

	put(&e, sizeof(e));
	if (data != NULL)
		put(data, length);
}

static int fs_getattr(const char *path, struct stat *st,
	struct fuse_file_info *fi)
{
	int n = number_of(path);

	(void)fi;
	memset(st, 0, sizeof(*st));
	st->st_nlink = 1;
	if (strcmp(path, "/") == 0) {
		st->st_mode = S_IFDIR | 0755;
		return 0;
	}
	if (n == -1)
		return -ENOENT;
	st->st_mode = S_IFREG | 0644;
	st->st_size = n == DISK ? size : said[n];
	st->st_blocks = st->st_size / 512;
	return 0;
}

static int fs_open(const char *path, struct fuse_file_info *fi)
{
	int n = number_of(path);

	if (n == -1)
		return -ENOENT;
	fi->fh = (uint64_t)n;
	fi->direct_io = 1;
	return 0;
}

/* The streams are there from the start; O_TRUNC leaves them as they are. */
static int fs_truncate(const char *path, off_t length,
	struct fuse_file_info *fi)
{
	(void)length;
	(void)fi;
	return number_of(path) == DISK ? -EPERM : 0;
}

static int fs_read(const char *path, char *to, size_t n, off_t at,
	struct fuse_file_info *fi)
{
	ssize_t r;

	(void)path;
	if (fi->fh != DISK)
		return -EACCES;
	r = pread(image, to, n, at);
	return r == -1 ? -errno : (int)r;
}

static int fs_write(const char *path, const char *data, size_t n, off_t at,
	struct fuse_file_info *fi)
{
	ssize_t w;

	(void)path;
	if (fi->fh != DISK) {
		add(SAID, fi->fh, data, n);
		said[fi->fh] += (off_t)n;
		return (int)n;
	}
	if (at < 0 || at + (off_t)n > size)
		return -ENOSPC;
	w = pwrite(image, data, n, at);
	if (w == -1)
		return -errno;
	add(DATA, (uint64_t)at, data, (size_t)w);
	return (int)w;
}

static int fs_fsync(const char *path, int datasync, struct fuse_file_info *fi)
{
	(void)path;
	(void)datasync;
	if (fi->fh == DISK)
		add(FLUSH, 0, NULL, 0);
	return 0;
}

/* Discard and "write zeroes" of the loop device: it reads as zeros then. */
static int fs_fallocate(const char *path, int mode, off_t at, off_t n,
	struct fuse_file_info *fi)
{
	(void)path;
	if (fi->fh != DISK || at < 0 || n <= 0 || at + n > size ||
	    (mode & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE)) == 0)
		return -EOPNOTSUPP;
	if (fallocate(image, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, at,
	    n) == -1)
		return -errno;
	/* length has 32 bits */
	for (off_t part; n > 0; at += part, n -= part) {
		part = n < 1 << 30 ? n : 1 << 30;
		add(ZERO, (uint64_t)at, NULL, (size_t)part);
	}
	return 0;
}

static const struct fuse_operations operations = {
	.getattr = fs_getattr,
	.open = fs_open,
	.truncate = fs_truncate,
	.read = fs_read,
	.write = fs_write,
	.fsync = fs_fsync,
	.fallocate = fs_fallocate,
};

int main(int argc, char **argv)
{
	char name[] = "blocklog", one[] = "-s", stay[] = "-f";
	struct stat st;

	if (argc != 4) {
		fputs("blocklog IMAGE LOG MOUNTPOINT\n", stderr);
		return 2;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	image = open(argv[1], O_RDWR | O_CLOEXEC);
	if (image == -1 || fstat(image, &st) == -1) {
		perror(argv[1]);
		return 1;
	}
	size = st.st_size;
	out = open(argv[2], O_WRONLY | O_CREAT | O_TRUNC | O_APPEND |
		O_CLOEXEC, 0600);
	if (out == -1) {
		perror(argv[2]);
		return 1;
	}
	return fuse_main(5, ((char *[]){ name, one, stay, argv[3],
		(char []){ "-oattr_timeout=0" }, NULL }), &operations, NULL);
}
