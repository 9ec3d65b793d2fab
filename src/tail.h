/* SPDX-License-Identifier: ISC */
/* tail: the last lines of a log, for people: made safe for a terminal. */
#ifndef TAIL_H
#define TAIL_H

#include <stdbool.h>

#include "buf.h"

/* Append the last `lines` lines of the file, each with `before` in front. At
 * most the last 64 KiB are looked at. False: there is nothing to show. */
bool tail_add(struct buf *out, int dirfd, const char *path, int lines,
	const char *before);

/* The same of an open file. */
bool tail_fd(struct buf *out, int fd, int lines, const char *before);

/* Append the last bytes of a regular file, with its secrets hidden, and else as
 * they are; nothing when it cannot be read. */
void tail_bytes(int fd, size_t bytes, struct buf *out);

#endif
