/* SPDX-License-Identifier: ISC */
/*
 * mailbox: keeper.N in the run directory, what a keeper leaves. Only that
 * keeper writes it, and holds a flock on it as long as it lives. Records of
 * record.h, each with a CRC of its own (the record before is taken as 0):
 *
 *	keeper pid start boot              it lives; pid with its start time
 *	take   step attempt phase turn     before anything of a job is done
 *	pid    pid start                   the first process of the job
 *	end    outcome… user system rss out err [elsewhere] [note] [survivor]
 *
 * When a job is taken, all before it was heard by the supervisor: so the
 * keeper empties the file there once it has grown.
 */
#ifndef MAILBOX_H
#define MAILBOX_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "buf.h"
#include "job.h"
#include "record.h"

/* Room for all that a keeper writes before it empties the file. -1 + errno. */
int mailbox_reserve(int fd);

/* "keeper.N" */
enum { MAILBOX_NAME = 24 };
void mailbox_name(int number, char out[MAILBOX_NAME]);

/* The keeper's side. Nothing here allocates between mailbox_init() and
 * mailbox_release(), which leaves the descriptor open. */
struct mailbox {
	int fd;
	int64_t seq;
	int64_t length;
	struct buf line;
};

void mailbox_init(struct mailbox *m, int fd);
void mailbox_release(struct mailbox *m);
/* -1 + errno: not written. */
int mailbox_keeper(struct mailbox *m);
int mailbox_take(struct mailbox *m, const struct job *j);
int mailbox_pid(struct mailbox *m, pid_t pid);
int mailbox_end(struct mailbox *m, const struct report *r);

/* What a mailbox says of one start of one phase of one attempt. */
struct mail {
	bool held;		/* a keeper lives (asked before reading) */
	pid_t keeper;		/* 0: it has not said yet */
	int64_t keeper_start;
	char boot[40];
	bool taken;		/* this very phase was begun */
	pid_t pid;		/* its first process; 0 not known */
	int64_t pid_start;
	bool ended;		/* then: */
	struct report report;
};

/* Read it. 1; 0: there is no such mailbox (mail is zeroed); -1 + errno: nobody
 * can tell now, which is not the same. */
int mailbox_read(int dirfd, int number, const char *step, int attempt,
	const char *phase, int64_t turn, struct mail *mail);
/* Does a keeper hold mailbox `number`? 1, 0 (as well when there is none), or
 * -1 + errno. */
int mailbox_held(int dirfd, int number);

#endif
