/* SPDX-License-Identifier: ISC */
/*
 * job: one phase of an attempt, as the supervisor tells it to a keeper and as
 * the keeper reports back, over a stream socket between two processes of the
 * same binary. The mailbox (mailbox.h) is what stays when the socket is gone.
 */
#ifndef JOB_H
#define JOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "buf.h"
#include "outcome.h"

/* More than the kernel takes as arguments and environment (a quarter of the
 * default stack limit is 2 MiB). */
enum { JOB_MOST = 4 * 1024 * 1024 };

struct job {
	int32_t attempt;
	int64_t turn;		/* number of its start record: this very start,
				   not one before of the same phase */
	int32_t umask;		/* -1: inherited */
	int32_t nice;
	int32_t stop_signal;
	int64_t timeout_ms, idle_ms, grace_ms;	/* 0: none */
	int64_t max_output;	/* bytes of out and err together; 0: no limit */
	const char *step;
	const char *phase;	/* word of it: task_phase() in state.h */
	const char *program;	/* NULL: look argv[0] up in the step's PATH */
	const char *cwd;
	const char *in;		/* absolute, or relative to cwd */
	const char *out, *err;	/* relative to the run directory, or absolute;
				   err NULL: both into out */
	const char *dir;	/* $DUREXEC_DIR, relative; NULL none */
	char **argv;
	char **set;		/* NAME=VALUE, stronger than what is inherited */
	char **unset;		/* names */
};

/* Append the message: a length of 4 bytes and what follows. */
void job_encode(const struct job *j, struct buf *out);
/*
 * Decode a message without its length. Strings point into data; the arrays
 * come from `room` (nroom pointers). False: malformed, or room too small.
 */
bool job_decode(char *data, size_t n, struct job *j, char **room,
	size_t nroom);

/*
 * A message of job_encode() over a stream socket, and with it a descriptor
 * (SCM_RIGHTS) that the other side keeps open while it does the job; fd -1:
 * none. Our own copy stays open. -1 + errno: the other side is gone.
 */
int job_send(int sock, const struct buf *message, int fd);
/*
 * The next message, without its length, into data (JOB_MOST bytes); returns
 * how many there are, or -1: the other side is gone, or it is no message, or
 * the descriptor that came with it could not be taken. *fd is CLOEXEC, or -1.
 */
ssize_t job_receive(int sock, char *data, int *fd);

/* How a phase ended. */
struct report {
	struct outcome outcome;
	int32_t elsewhere;	/* INTERRUPTED by a signal that was not ours */
	int64_t ended_at;
	int64_t user_ms, system_ms, rss_kb;
	int64_t out_bytes, err_bytes;
	int32_t survivor;	/* pid that could not be killed; 0 none,
				   -1 nobody could look */
	int32_t reboot;		/* LOST, as the machine went down meanwhile */
	char note[160];		/* what was in the way; "" nothing */
};

#endif
