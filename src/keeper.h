/* SPDX-License-Identifier: ISC */
/*
 * keeper: the small process that runs attempts, one after another, and lives
 * on when the supervisor is gone: then it finishes what it has, makes its
 * record durable, and ends.
 *
 * It is given three descriptors and nothing else: its socket to the
 * supervisor, its mailbox (already locked, see watch.h) and the run directory.
 * It takes orders as signals: TERM stop (stop_signal once, after stop_grace
 * KILL to the whole tree), QUIT kill now, TSTP and CONT stop and continue the
 * tree with its time limits.
 */
#ifndef KEEPER_H
#define KEEPER_H

enum { KEEPER_SOCKET = 3, KEEPER_MAILBOX = 4, KEEPER_RUNDIR = 5 };

/* Runs until the socket is closed; returns the exit status. */
int keeper_main(void);

#endif
