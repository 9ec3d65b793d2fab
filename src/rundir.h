/* SPDX-License-Identifier: ISC */
/*
 * rundir: every path below .durexec, and the lock.
 *
 *	BASE/.gitignore             "*" (when BASE is called .durexec)
 *	BASE/NAME/lock              held by the durexec that runs the pipeline
 *	BASE/NAME/latest            -> RUN, for people
 *	BASE/NAME/RUN/state         the state file
 *	BASE/NAME/RUN/pipeline.ini  the file as it was
 *	BASE/NAME/RUN/log/STEP.ATTEMPT.out .err .if .settle .list .inputs
 *	BASE/NAME/RUN/log/STEP/SHARD/ITEM.ATTEMPT.out …     of an item
 *	BASE/NAME/RUN/dir/STEP/     $DUREXEC_DIR
 *	BASE/NAME/RUN/dir/STEP/SHARD/ITEM/  of an item
 *	BASE/NAME/RUN/output/STEP.ATTEMPT   $DUREXEC_OUTPUT, until it is read
 *	BASE/NAME/RUN/sub/STEP/     what its script has called by `durexec step`
 *	BASE/NAME/RUN/keeper.N      mailboxes
 *	BASE/NAME/RUN/sock          where the running durexec listens
 *
 * Directories are 0700, files 0600; a directory that others can write to, or
 * that is somebody else's, is refused. Descriptors are opened once and all
 * else goes through openat.
 */
#ifndef RUNDIR_H
#define RUNDIR_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "buf.h"
#include "msg.h"
#include "pipeline.h"

/* BASE/NAME */
struct home {
	char *base;		/* absolute */
	char *name;
	char *path;		/* absolute: BASE/NAME */
	int fd;			/* -1: it does not exist */
	int lock;		/* -1: never opened. fcntl locks are lost when
				   any descriptor of the file is closed, so it
				   is opened once */
	bool locked;
};

/* BASE/NAME/RUN */
struct rundir {
	char *id;
	char *path;		/* absolute */
	int fd;
	int log_fd;
};

/*
 * Where runs of p live: option, else [pipeline] state_dir, else
 * $DUREXEC_STATE_DIR, else .durexec beside the file. Absolute; caller frees.
 */
char *rundir_base(const struct pipeline *p, const char *option);

/* Where runs without a pipeline file live: $XDG_STATE_HOME/durexec, else
 * ~/.local/state/durexec (XDG Base Directory Specification 0.8; HOME, else the
 * user database). Absolute; caller frees. NULL: there is no home. */
char *rundir_state_home(void);

/*
 * NAME, with the given parameters: "lesson@video=12.mp4". Bytes other than
 * letters, digits and "._-+" become %XX, as does a dot in front; what is longer
 * than 120 bytes is cut and ends in a hash of the whole. Caller frees.
 */
char *rundir_name(const struct pipeline *p);

/* Open BASE/NAME; create: with all that is missing. Without create a missing
 * one is no error: h->fd is -1. */
int home_open(struct home *h, const char *base, const char *name, bool create,
	struct why *why);
void home_close(struct home *h);

/* Take the lock. 1: somebody else has it, *holder is its pid. */
int home_lock(struct home *h, pid_t *holder, struct why *why);
void home_unlock(struct home *h);
/* Who holds the lock: pid, 0 nobody (or we ourselves). Takes nothing. */
pid_t home_holder(struct home *h);

/* Ids of all runs that have a state file, oldest first. Caller frees both. When
 * that cannot be told the process ends (4): a run is never taken for none. */
char **home_runs(const struct home *h, size_t *n);
void home_runs_free(char **runs, size_t n);
/* NAMEs below base, sorted; an absent base has none. */
char **rundir_names(const char *base, size_t *n);

/* A new run directory with its sub-directories, durable. */
int rundir_create(struct rundir *d, const struct home *h, struct why *why);
int rundir_open(struct rundir *d, const struct home *h, const char *id,
	struct why *why);
void rundir_close(struct rundir *d);
/* BASE/NAME/latest -> id. Best effort: it is for people. */
void rundir_latest(const struct home *h, const char *id);

/*
 * What the files of a task are called, appended: "STEP", or "STEP/SHARD/ITEM"
 * of an item. SHARD is its place among the items divided by a thousand. An
 * item is any bytes: letters, digits and "._+=,@-" stand for themselves, others
 * (and a dot in front) are %XX; what is longer than 120 bytes then is cut and
 * ends in "~" and its place, of 16 hexadecimal digits. item NULL: a step.
 */
/* A million files fit a directory, but few tools like it. */
enum { RUNDIR_SHARD = 1000 };
void rundir_task(struct buf *out, const char *step, const char *item,
	int place);

#endif
