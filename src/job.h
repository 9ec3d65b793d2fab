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

#include "buf.h"
#include "outcome.h"

/* More than the kernel takes as arguments and environment (a quarter of the
 * default stack limit is 2 MiB). */
enum { JOB_MOST = 4 * 1024 * 1024 };

struct job {
	int32_t attempt, phase;	/* enum phase */
	int32_t umask;		/* -1: inherited */
	int32_t nice;
	int32_t stop_signal;
	int64_t timeout_ms, idle_ms, grace_ms;	/* 0: none */
	const char *step;
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

/* How a phase ended. */
struct report {
	struct outcome outcome;
	int32_t elsewhere;	/* INTERRUPTED by a signal that was not ours */
	int64_t ended_at;
	int64_t user_ms, system_ms, rss_kb;
	int64_t out_bytes, err_bytes;
	int32_t survivor;	/* pid that could not be killed; 0 none */
	char note[160];		/* what was in the way; "" nothing */
};

#endif
