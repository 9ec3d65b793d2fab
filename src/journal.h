/* SPDX-License-Identifier: ISC */
/*
 * journal: the state file as a sequence of records: create, replay, append.
 *
 * A record is valid if and only if it is a line of record.h that ends in a
 * newline, its CRC follows from the record before it, and its SEQ is one more.
 * The first record's type is "durexec" and its `format` is JOURNAL_FORMAT.
 *
 * Records are added to a pending batch; journal_commit() makes the batch
 * durable with one write and one fdatasync. Nothing may follow from a record
 * before it is committed.
 *
 * A write that was cut short by a crash leaves a torn tail: the first invalid
 * line and everything behind it, provided that no valid record behind it
 * begins a later write (mark "*"). It is cut off, loudly, before the next
 * append. A valid record of a later write behind an invalid line is damage:
 * refused with line and offset, never guessed around.
 *
 * Space is reserved ahead (fallocate, KEEP_SIZE), so that the end of a step
 * that was started can be recorded on a full disk.
 */
#ifndef JOURNAL_H
#define JOURNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"
#include "msg.h"
#include "record.h"

#define JOURNAL_FORMAT 1

struct journal {
	int fd;			/* -1: read only, or not open */
	int64_t good;		/* length of what is valid */
	int64_t reserved;	/* length that has its blocks */
	int64_t seq;		/* of the last record */
	uint32_t crc;		/* of the last record */
	int64_t torn;		/* bytes behind `good` when it was opened */
	bool poisoned;		/* a write or sync failed: no more appends */
	struct buf pending;
	int npending;
};

/* Called for each record while replaying; -1 + why refuses the file. */
typedef int journal_fn(void *ctx, const struct record *r, struct why *why);

/*
 * A new state file in the directory, from the pending records (added before;
 * zero-initialise j first). It appears whole, or not at all.
 */
int journal_create(struct journal *j, int dirfd, struct why *why);

/*
 * Replay the file. Nothing is written; `j->torn` says how much a writer would
 * have to cut. -1 + why: cannot be read, damaged, or refused by fn.
 */
int journal_read(struct journal *j, int dirfd, journal_fn *fn, void *ctx,
	struct why *why);
/* After journal_read(), under the run's lock: open for appending. The torn
 * tail is cut and the cut is durable on return. */
int journal_open_write(struct journal *j, int dirfd, struct why *why);

/* Add a record to the pending batch: seq, time (r->at, when it is 0: now),
 * mark and CRC are set here. */
void journal_add(struct journal *j, struct record *r);

/*
 * Make the batch durable. -1 + why: nothing of it counts; the file is cut back
 * to what was good and takes no more. why->err == ENOSPC: it was full.
 * An empty batch is a no-op.
 */
int journal_commit(struct journal *j, struct why *why);

/*
 * Room for `bytes` more behind the pending batch, so that later appends cannot
 * run out of space. -1 + why (ENOSPC, EDQUOT): there is none, and nothing was
 * changed. File systems that cannot reserve count as having room.
 */
int journal_reserve(struct journal *j, int64_t bytes, struct why *why);

void journal_close(struct journal *j);

#endif
