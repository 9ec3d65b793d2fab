/* SPDX-License-Identifier: ISC */
/*
 * tree: the processes of one attempt, from the first to the last of its
 * descendants: time limits, stop, grace, kill, pause, reap. For a keeper (or
 * `durexec step`), which is their subreaper; it has no other children.
 *
 * Calling sequence: fill the settings, tree_begin(), then in turn tree_look(),
 * sleep for as long as it says or until a signal, tree_obey() each signal,
 * until tree_reap() says that nobody is left. Allocates nothing.
 */
#ifndef TREE_H
#define TREE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "os.h"
#include "outcome.h"

enum tree_stopping { STOP_NO, STOP_GRACE, STOP_KILL };

struct tree {
	/* settings */
	int64_t timeout_ms, idle_ms, grace_ms;	/* 0: none */
	int64_t max_output;	/* bytes; 0: no limit */
	int stop_signal;
	bool shared;		/* its process group is also that of others,
				   who are left alone: processes are signalled
				   one by one */
	struct os_pids strangers; /* children of ours that were there before:
				   they are not of it, and are left alone */
	int out, err;		/* what it writes to, for idle_ms and
				   max_output; may be the same */
	/* what came of it */
	pid_t pid;		/* the first process */
	bool ended;		/* it has */
	bool anchored;		/* it is not reaped: the group's number is
				   surely ours */
	int status;		/* of wait4(), once not anchored */
	struct rusage usage;
	enum outcome_kind cause; /* NONE, or what ended it: INTERRUPTED,
				   TIMEOUT, IDLE, FLOOD */
	pid_t survivor;		/* one that KILL was last sent to */
	/* its own */
	enum tree_stopping stopping;
	bool told_rest;		/* those outside the group have been signalled */
	bool paused;
	int64_t paused_mono;
	int64_t timeout_mono, idle_mono, grace_mono;	/* 0: none */
	int64_t kill_mono, give_up_mono;	/* the KILL rounds */
	int64_t seen_bytes, looked_mono;	/* for idle_ms */
	/* for max_output: the next look, 0 none; the time between two; what
	 * was written at the last one, and when it was stopped */
	int64_t flood_mono, flood_every_ms;
	int64_t flood_bytes, stopped_bytes;
};

void tree_begin(struct tree *t, pid_t pid);

/* What the clocks ask for. Returns ms until the next look, -1: none is needed;
 * TREE_GIVE_UP: somebody cannot be killed. */
#define TREE_GIVE_UP (-2)
int64_t tree_look(struct tree *t);

/* TERM stop, QUIT kill now, TSTP pause, CONT go on; others are ignored. */
void tree_obey(struct tree *t, int signo);

/* The whole group was told to stop by somebody else, who will also see that it
 * does in time: as tree_obey(TERM), but nobody in the group is signalled, and
 * grace has no end. */
void tree_was_told(struct tree *t);
/* All was stopped for so long: no limit counts that. */
void tree_was_paused(struct tree *t, int64_t ms);
/* It waits for whoever reads it: it is not idle. */
void tree_waits(struct tree *t);
/* A signal that is no order goes to the first process. */
void tree_pass(const struct tree *t, int signo);
/* Look at who has ended. True: nobody of the attempt is left. */
bool tree_reap(struct tree *t);

#endif
