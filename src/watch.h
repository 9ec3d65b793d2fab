/* SPDX-License-Identifier: ISC */
/*
 * watch: the supervisor's side of keepers: start one, give it a job, hear how
 * it ended, adopt what an earlier supervisor's keepers do, signal them. No
 * event loop here: the engine watches `sock` and `pidfd`.
 */
#ifndef WATCH_H
#define WATCH_H

#include <stdbool.h>
#include <sys/types.h>

#include "job.h"
#include "mailbox.h"
#include "msg.h"

struct watch {
	int number;		/* of its mailbox */
	pid_t pid;
	int pidfd;		/* -1: none */
	int sock;		/* -1: an adopted keeper, or a dead one */
};

/*
 * A keeper with the mailbox `keeper.NUMBER` (w->number) in the run directory
 * `dirfd`. The mailbox is locked before the keeper exists and handed to it
 * locked: there is no moment without a holder. dirfd -1: a keeper without a
 * run directory, whose mailbox is in memory, and which dies with us (for
 * checks before step one). 1: somebody holds that mailbox; -1 + why (err
 * ENOSPC: no room for its mailbox): none was started.
 */
int watch_start(struct watch *w, int dirfd, struct why *why);

/*
 * A message of job_encode(). fd: a descriptor that the keeper holds open until
 * the job is over (the slot of a pool, machine.h), -1 none; the caller keeps
 * its own. The keeper has closed its copy before watch_receive() returns the
 * report: what the caller then closes is the last one. -1: the keeper is gone.
 */
int watch_send(struct watch *w, const struct buf *message, int fd);
/* Waits for the report. 1: there it is; 0: the keeper is gone. */
int watch_receive(struct watch *w, struct report *report);

/* TERM, QUIT, TSTP, CONT: keeper.h */
void watch_signal(const struct watch *w, int signo);
/* Closes what is open. An own keeper ends when its job has. */
void watch_close(struct watch *w);

enum adoption {
	ADOPT_ENDED,		/* mail->report says how */
	ADOPT_LIVES,		/* w->pidfd becomes readable at its end */
	ADOPT_NEVER,		/* the keeper was gone before it began */
	ADOPT_LOST,		/* nobody knows; processes may be left */
	ADOPT_UNKNOWN		/* it cannot be found out now (errno): nothing
				   may be done about it */
};

/*
 * What became of an attempt that a durexec before us started. same_boot: the
 * machine has been up since. Fills mail, and w when it lives.
 */
enum adoption watch_adopt(struct watch *w, int dirfd, int number,
	const char *step, int attempt, const char *phase, int64_t turn,
	bool same_boot,
	struct mail *mail);

/*
 * End what is left of an attempt whose keeper was killed: processes that hold
 * its log files for writing or carry its mark in the environment. Returns when
 * none is left. -1 + why: *left cannot be killed; nothing may be started
 * beside it.
 */
int watch_sweep(int dirfd, const char *const *logs, int nlogs,
	const char *mark, pid_t *left, struct why *why);

#endif
