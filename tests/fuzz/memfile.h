/* SPDX-License-Identifier: ISC */
/*
 * memfile: a directory of a few files in memory, in front of the C library's
 * calls, so that a target that replays files is not slowed down by the kernel.
 * MEM_DIR is its descriptor; every other descriptor goes to the kernel.
 */
#ifndef MEMFILE_H
#define MEMFILE_H

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "buf.h"

enum { MEM_DIR = 1 << 20, MEM_FILES = 4, MEM_OPEN = 8 };

static struct mem_file {
	char name[64];		/* "" none */
	struct buf data;
} mem_file[MEM_FILES];

static struct mem_open {
	struct mem_file *file;	/* NULL: of the directory */
	bool used;
	size_t pos;
	int flags;
} mem_open[MEM_OPEN];

static inline struct mem_file *mem_find(const char *name)
{
	for (int i = 0; i < MEM_FILES; i++)
		if (mem_file[i].name[0] != '\0' &&
		    strcmp(mem_file[i].name, name) == 0)
			return &mem_file[i];
	return NULL;
}

static inline struct mem_file *mem_make(const char *name)
{
	struct mem_file *f = mem_find(name);

	for (int i = 0; f == NULL; i++) {
		assert(i < MEM_FILES);
		if (mem_file[i].name[0] == '\0')
			f = &mem_file[i];
	}
	assert(strlen(name) < sizeof(f->name));
	strcpy(f->name, name);
	buf_reset(&f->data);
	return f;
}

/* The file as a whole. */
static inline void mem_put(const char *name, const void *data, size_t n)
{
	struct mem_file *f = mem_make(name);

	buf_reserve(&f->data, n + 1);
	if (n > 0)
		buf_add(&f->data, data, n);
}

/* Nothing is left, and nothing may be open. */
static inline void mem_clear(void)
{
	for (int i = 0; i < MEM_OPEN; i++)
		assert(!mem_open[i].used);
	for (int i = 0; i < MEM_FILES; i++)
		mem_file[i].name[0] = '\0';
}

static inline struct mem_open *mem_at(int fd)
{
	if (fd <= MEM_DIR || fd > MEM_DIR + MEM_OPEN)
		return NULL;
	assert(mem_open[fd - MEM_DIR - 1].used);
	return &mem_open[fd - MEM_DIR - 1];
}

int openat(int dirfd, const char *name, int flags, ...)
{
	struct mem_file *f;
	mode_t mode = 0;
	va_list ap;

	if (flags & O_CREAT) {
		va_start(ap, flags);
		mode = va_arg(ap, mode_t);
		va_end(ap);
	}
	if (dirfd != MEM_DIR)
		return (int)syscall(SYS_openat, dirfd, name, flags, mode);
	f = mem_find(name);
	if (flags & O_DIRECTORY) {
		f = NULL;
	} else if (f == NULL && !(flags & O_CREAT)) {
		errno = ENOENT;
		return -1;
	} else if (f != NULL && flags & O_CREAT && flags & O_EXCL) {
		errno = EEXIST;
		return -1;
	} else if (f == NULL) {
		f = mem_make(name);
	}
	for (int i = 0; i < MEM_OPEN; i++)
		if (!mem_open[i].used) {
			mem_open[i] = (struct mem_open){ f, true, 0, flags };
			return MEM_DIR + 1 + i;
		}
	abort();
}

int close(int fd)
{
	struct mem_open *o = mem_at(fd);

	if (o == NULL)
		return (int)syscall(SYS_close, fd);
	o->used = false;
	return 0;
}

ssize_t read(int fd, void *data, size_t n)
{
	struct mem_open *o = mem_at(fd);
	size_t left;

	if (o == NULL)
		return syscall(SYS_read, fd, data, n);
	left = o->pos < o->file->data.len ? o->file->data.len - o->pos : 0;
	if (n > left)
		n = left;
	if (n > 0)
		memcpy(data, o->file->data.data + o->pos, n);
	o->pos += n;
	return (ssize_t)n;
}

ssize_t pread(int fd, void *data, size_t n, off_t at)
{
	struct mem_open *o = mem_at(fd);
	size_t was;
	ssize_t r;

	if (o == NULL)
		return syscall(SYS_pread64, fd, data, n, at);
	was = o->pos;
	o->pos = (size_t)at;
	r = read(fd, data, n);
	o->pos = was;
	return r;
}

ssize_t write(int fd, const void *data, size_t n)
{
	struct mem_open *o = mem_at(fd);
	struct buf *b;

	if (o == NULL)
		return syscall(SYS_write, fd, data, n);
	assert((o->flags & O_ACCMODE) != O_RDONLY);
	b = &o->file->data;
	if (o->flags & O_APPEND)
		o->pos = b->len;
	assert(o->pos <= b->len);
	/* over what is there, and beyond it */
	if (o->pos + n > b->len) {
		buf_reserve(b, o->pos + n - b->len + 1);
		b->len = o->pos + n;
	}
	memcpy(b->data + o->pos, data, n);
	o->pos += n;
	return (ssize_t)n;
}

off_t lseek(int fd, off_t at, int whence)
{
	struct mem_open *o = mem_at(fd);

	if (o == NULL)
		return (off_t)syscall(SYS_lseek, fd, at, whence);
	assert(whence == SEEK_SET);
	o->pos = (size_t)at;
	return at;
}

int ftruncate(int fd, off_t length)
{
	struct mem_open *o = mem_at(fd);

	if (o == NULL)
		return (int)syscall(SYS_ftruncate, fd, length);
	/* durexec never makes a file longer so */
	assert(length >= 0 && (size_t)length <= o->file->data.len);
	o->file->data.len = (size_t)length;
	return 0;
}

int fstat(int fd, struct stat *st)
{
	struct mem_open *o = mem_at(fd);

	if (o == NULL)
		return fstatat(fd, "", st, AT_EMPTY_PATH);
	memset(st, 0, sizeof(*st));
	st->st_mode = S_IFREG | 0600;
	st->st_nlink = 1;
	st->st_size = (off_t)o->file->data.len;
	return 0;
}

int fallocate(int fd, int mode, off_t at, off_t n)
{
	return mem_at(fd) != NULL ? 0 :
		(int)syscall(SYS_fallocate, fd, mode, at, n);
}

int fdatasync(int fd)
{
	return mem_at(fd) != NULL ? 0 : (int)syscall(SYS_fdatasync, fd);
}

int fsync(int fd)
{
	return mem_at(fd) != NULL || fd == MEM_DIR ? 0 :
		(int)syscall(SYS_fsync, fd);
}

int fcntl(int fd, int command, ...)
{
	va_list ap;
	long arg;

	va_start(ap, command);
	arg = va_arg(ap, long);
	va_end(ap);
	return mem_at(fd) != NULL ? 0 :
		(int)syscall(SYS_fcntl, fd, command, arg);
}

int flock(int fd, int how)
{
	return mem_at(fd) != NULL ? 0 : (int)syscall(SYS_flock, fd, how);
}

int unlinkat(int dirfd, const char *name, int flags)
{
	struct mem_file *f;

	if (dirfd != MEM_DIR)
		return (int)syscall(SYS_unlinkat, dirfd, name, flags);
	f = mem_find(name);
	if (f == NULL) {
		errno = ENOENT;
		return -1;
	}
	f->name[0] = '\0';
	return 0;
}

int renameat(int from, const char *name, int to, const char *other)
{
	struct mem_file *f, *g;

	if (from != MEM_DIR)
		return (int)syscall(SYS_renameat2, from, name, to, other, 0);
	f = mem_find(name);
	g = mem_find(other);
	assert(f != NULL && to == MEM_DIR);
	if (g != NULL)
		g->name[0] = '\0';
	strcpy(f->name, other);
	return 0;
}

#endif
