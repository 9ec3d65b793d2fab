/* SPDX-License-Identifier: ISC */
/* source: a file of the user's that says what is to be executed, whole. */
#ifndef SOURCE_H
#define SOURCE_H

#include <stddef.h>

#include "complaints.h"
#include "mem.h"

/* No such file is larger than that. */
#define SOURCE_MOST (256 * 1024 * 1024)

/*
 * Its text, NUL-ended, in the arena. NULL with complaints when it cannot be
 * read. Only a regular file is; for root only one that belongs to root and
 * that nobody else can write. what: what it holds, for complaints.
 */
char *source_read(const char *path, const char *what, struct arena *arena,
	size_t *len, struct complaints *complaints);

#endif
