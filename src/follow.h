/* SPDX-License-Identifier: ISC */
/*
 * follow: what a running durexec appends to its state file, for those who read
 * along: only what is new is read.
 */
#ifndef FOLLOW_H
#define FOLLOW_H

#include "journal.h"

struct follow {
	int fd;			/* -1: there is no file */
	int64_t at;		/* what stands before it has been read */
	int64_t seq;
	uint32_t crc;		/* of the record before */
	struct buf text;
};

/* From where journal_read() came to an end. */
void follow_open(struct follow *f, const struct journal *j, int dirfd);
/* Calls fn for each record since. -1 + why: fn refused one. */
int follow_more(struct follow *f, journal_fn *fn, void *ctx, struct why *why);
void follow_close(struct follow *f);

#endif
