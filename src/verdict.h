/* SPDX-License-Identifier: ISC */
/* verdict: what judging goes by, and what comes out of it. */
#ifndef VERDICT_H
#define VERDICT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "job.h"
#include "pattern.h"
#include "pipeline.h"
#include "state.h"

/* What an attempt left, as far as its step asks for it (judge_asks). */
struct evidence {
	/* The last JUDGE_TAIL bytes of each. */
	const char *out, *err;
	size_t out_len, err_len;
	bool receipt;			/* its pattern was found */
	const char *result;		/* its group 1; NULL: it has none */
	const char *wait;		/* $DUREXEC_WAIT; NULL: not written */
	size_t wait_len;
	const char *headers;		/* of files in $DUREXEC_DIR that the
					   attempt wrote; NULL none */
	size_t headers_len;
	const char *missing;		/* of SETTLE, PLACE, INPUTS: what it said last;
					   NULL nothing */
	int64_t now;			/* ms, wall */
	double random;			/* [0, 1): for jitter */
	struct pattern_cache *cache;
};

enum { JUDGE_TAIL = 64 * 1024 };

/* Why a task waits. */
enum wait_kind {
	WAIT_NO, WAIT_RETRY, WAIT_LIMIT,
	WAIT_CALL		/* for a retry of a call of `durexec step` */
};

/* What `durexec step` writes into $DUREXEC_WAIT: this, "retry" or "limit", the
 * time (ms since the epoch), and why. A script that goes on all the same takes
 * it back with its next call. */
#define VERDICT_CALL "durexec-step "

/* EX_TEMPFAIL of sysexits.h */
enum { EXIT_NOT_NOW = 75 };

enum verdict_next {
	NEXT_END,		/* the task goes to `state` */
	NEXT_RUN,		/* now the command */
	NEXT_LISTED,		/* the items of a fan-out are there */
	NEXT_AFTER		/* a part has succeeded: now what comes after
				   it (judge_after) */
};

struct verdict {
	enum verdict_next next;
	enum task_state state;
	enum wait_kind wait;	/* of WAITING */
	int64_t until_at;	/* of WAITING */
	bool rerun;		/* PENDING, and the command has to run again
				   although it succeeded once */
	bool hold;		/* NEEDS_REVIEW, and --resume does not touch
				   it: it has to be named */
	bool approval;		/* NEEDS_REVIEW, and nothing is wrong: a
				   person has to approve */
	int64_t cost;		/* of the attempt, in millionths */
	char reason[256];	/* "" none */
};

/* The task ends in that state; nothing else is said yet. */
struct verdict verdict_of(enum task_state state);
/* Its reason. */
void verdict_say(struct verdict *v, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* The money, in millionths, that the attempt said it has cost (cost_from; the
 * last time); -1: it did not say. */
int64_t verdict_cost(const struct stepconf *conf, const struct evidence *e);

/* Is the exit code one of those? */
bool verdict_listed(const struct exits *e, int code);

#endif
