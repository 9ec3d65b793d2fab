/* SPDX-License-Identifier: ISC */
/*
 * substep: what `durexec step` remembers, in files below the run directory that
 * the calling process writes and locks itself; the supervisor only reads them.
 *
 *	RUN/sub/TASK/              of a task's script: a scope. "~2" behind it
 *	                           after the task was rewound
 *	             calls.TURN    calls of one execution of the script
 *	             ID            record of a call that is remembered
 *	             ID.new        of one that runs: its process holds a flock(2);
 *	                           or that failed, or was killed
 *	             ID.out .err   what it wrote; absent when nothing
 *	             ID.in         its standard input (--stdin), while it runs
 *	             ID.tries      retries and waits for limits so far
 *	             ID.again      a byte for each time it was forgotten
 *	             ID.d/         the scope of calls below it
 *
 * ID is HASH.N: the hash of name and argv, 16 hex digits, and the how-many-th
 * such call of the script it is.
 *
 * A record is one line (record.h): TYPE is "substep", SEQ 1, TIME the end.
 * Fields: name check started exit out err, and input inhash (--stdin), merged
 * (one stream for both), silent (--no-output) and mark (--mark) when they are
 * so. check is a second hash of name and argv. A call is remembered if and only
 * if its record is there and valid: .out and .err are durable before it appears
 * by a rename, and its directory before and after.
 *
 * calls.TURN has an entry of 24 bytes for each number that was given out: HASH
 * (8), what it was called with besides (8), N (4), 1 when it was kept (4), in
 * the machine's own byte order. Who runs a call holds an open-file-description
 * lock on its entry: one that is neither kept nor locked belongs to a call that
 * failed or was killed, and is given out again to one that was called with the
 * same, so that a retry does not shift the numbers behind it. Any other has its
 * own: in a loop over directories one that fails does not, either. It means
 * nothing beyond that execution and is not synced.
 */
#ifndef SUBSTEP_H
#define SUBSTEP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "buf.h"
#include "mem.h"
#include "msg.h"

/* Longest name, in bytes: any but newline and NUL. */
enum { SUBSTEP_NAME = 255 };

struct substep_scope {
	char *path;
	int fd;			/* the directory */
	int calls;
};

/* steps: the value of $DUREXEC_STEPS, SCOPE/calls.TURN. Makes what is missing
 * of the scope, durably. -1 + why; release it anyway. */
int substep_open(struct substep_scope *sc, const char *steps,
	struct why *why);
/* Its calls.TURN: a part of substep_open(). */
int substep_open_calls(struct substep_scope *sc, const char *name,
	struct why *why);
void substep_close(struct substep_scope *sc);

struct substep {
	uint64_t hash, check;
	uint64_t with;		/* what it is called with besides */
	int number;		/* N */
	int64_t entry;		/* its place in calls; -1 none */
	char id[40];
};

/* argv NULL-ended; NULL: the name alone is its identity. mark: no call, but a
 * mark of that name. */
void substep_identify(struct substep *s, const char *name, char *const *argv,
	bool mark);
/* What tells a retry from another such call: the working directory (NULL: there
 * is none) and the environment, without what a shell changes by itself. */
void substep_with(struct substep *s, const char *dir,
	char *const *environment);
/* Its number: the lowest that is not taken. Held until substep_close(), or for
 * good by substep_keep(). */
int substep_claim(struct substep_scope *sc, struct substep *s,
	struct why *why);
/* Number 1, whoever else calls it so (--mark, --test). */
void substep_first(struct substep *s);
int substep_keep(struct substep_scope *sc, const struct substep *s,
	struct why *why);

struct substep_record {
	char *name;		/* release it with free() */
	uint64_t check;
	int exit;
	int64_t started_at, ended_at;
	int64_t out_bytes, err_bytes;
	int64_t in_bytes;	/* -1: it was not spooled */
	uint64_t in_hash;
	bool merged, silent, mark;
};

/* 1: it is remembered; 0: it is not; -1 + why: the record is damaged, or of
 * another call with the same hash. */
int substep_read(const struct substep_scope *sc, const struct substep *s,
	struct substep_record *r, struct why *why);

/*
 * Be the one that runs it: waits while another process does. Returns the
 * descriptor of ID.new, which the caller keeps open; -2: it has been remembered
 * meanwhile; -1 + why. name: for those who look. *killed: the last one to run
 * it was killed, and processes of it may be left.
 */
int substep_begin(const struct substep_scope *sc, const struct substep *s,
	const char *name, int64_t now, bool *killed, struct why *why);
/* It has ended, and is not remembered: nothing of it is left. */
void substep_failed(int fd, const char *name, int64_t now);
/* How often it was forgotten, by a person's word: it has another key then. */
int substep_generation(const struct substep_scope *sc,
	const struct substep *s);

/* Remember it: fd is substep_begin()'s; the files of its output are synced
 * here. Durable when it returns 0. -2 + why: the record is there, but may not
 * outlive a crash. */
int substep_commit(const struct substep_scope *sc, const struct substep *s,
	int fd, const struct substep_record *r, struct why *why);

struct substep_tries {
	int tries, parks;
	int64_t parked_at;
};

void substep_read_tries(const struct substep_scope *sc,
	const struct substep *s, struct substep_tries *t);
int substep_write_tries(const struct substep_scope *sc,
	const struct substep *s, const struct substep_tries *t,
	struct why *why);

void substep_forget_tries(const struct substep_scope *sc,
	const struct substep *s);

enum substep_state { SUBSTEP_DONE, SUBSTEP_RUNNING, SUBSTEP_BROKEN };

/* One that is shown. */
struct substep_shown {
	char *name;		/* those above it in front: "outer/inner" */
	enum substep_state state;	/* BROKEN: begun, not done, not
					   running */
	int64_t started_at, ended_at;	/* 0: not known */
};

struct substep_list {
	struct substep_shown *v;	/* by their time; the last `most` */
	size_t n, cap;
	size_t done, running, broken;	/* of all */
};

/* What a task's script has called: sub is "sub/TASK" below dirfd. Absent: none.
 * most: so many are read and shown, the latest. */
void substep_look(struct substep_list *l, int dirfd, const char *sub,
	size_t most);
void substep_list_release(struct substep_list *l);

/*
 * Forget those whose name, with those above them in front ("outer/inner"), is
 * `pattern` or matches it (glob(7); "*" matches a slash), all below them, and
 * what they stand below: that has to run again to call them. Durable when it
 * returns. *n: how many matched. only_count: nothing is changed. -1 + why.
 */
int substep_forget(int dirfd, const char *sub, const char *pattern,
	bool only_count, size_t *n, struct why *why);

#endif
