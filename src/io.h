/* SPDX-License-Identifier: ISC */
/*
 * io: whole reads and writes, and the only place that syncs. Every function
 * loops over EINTR and short transfers.
 */
#ifndef IO_H
#define IO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "buf.h"
#include "msg.h"

/* All n bytes or -1 with errno; what was written before an error stays. */
int io_write(int fd, const void *data, size_t n);
/* To stdout, for whoever asked. A failure is remembered, too. */
int io_answer(const void *data, size_t n);
/* errno of the first answer that was lost; 0: none was. A reader that has seen
 * enough (EPIPE) is no failure. */
int io_answer_lost(void);
/* n bytes, or fewer at the end of the file: the count, or -1 with errno. */
ssize_t io_read(int fd, void *data, size_t n);

/*
 * Open a file of the run directory, whatever stands at its name: no link is
 * followed, nobody waits for the other end of a FIFO, and it is a regular file
 * (else ENXIO). One that is opened for writing has no other name elsewhere
 * (EMLINK): a hard link would have us write to what is not the run's. O_CREAT
 * makes it 0600; with O_EXCL it is a new one, and what had its name is gone.
 * O_CLOEXEC always. The descriptor, or -1 + errno.
 */
int io_open(int dirfd, const char *path, int flags);

/* Append the whole file to out. ENOENT is errno of the -1; more than max
 * bytes is EFBIG. Follows no link. */
int io_slurp(int dirfd, const char *path, size_t max, struct buf *out,
	struct why *why);

/* Data (and size) durable. A failed sync is never tried again: the caller
 * stops trusting the file. */
int io_sync(int fd);
/* A directory's entries, or a file with all its metadata. */
int io_sync_all(int fd);
/* Open the directory, sync it, close it. */
int io_sync_dir(int dirfd, const char *path);

/* A file that appears whole or not at all: NAME.new, sync, rename, sync of
 * the directory. Mode 0600. */
int io_replace(int dirfd, const char *name, const void *data, size_t n,
	struct why *why);

/* Copy all that is left of from to to, in the kernel where it can. */
int io_copy(int from, int to);

#endif
