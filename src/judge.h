/* SPDX-License-Identifier: ISC */
/*
 * judge: how a phase ended -> what becomes of the task. Pure. An unknown or
 * unclear end is never a success.
 *
 * In this order (the first that holds decides):
 *   receipt seen      DONE if it was not stopped, its exit is ok and its
 *                     gates pass; else NEEDS_REVIEW, to be named
 *   interrupted, lost PENDING; rerun = never: NEEDS_REVIEW, to be named
 *   failed (exit not ok, fail_if, no ok_if, outputs missing)
 *       give_up_on, give_up_if, 126, 127, "No space left on device":
 *                     NEEDS_REVIEW
 *       wait_if, exit 75, $DUREXEC_WAIT: WAITING, no retry charged
 *       retries left (and retry_on, retry_if allow it): WAITING
 *       else          NEEDS_REVIEW
 *   gates, approval, DONE
 */
#ifndef JUDGE_H
#define JUDGE_H

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
	const char *missing;		/* of SETTLE, PLACE: what it said last;
					   NULL nothing */
	int64_t now;			/* ms, wall */
	double random;			/* [0, 1): for jitter */
	struct pattern_cache *cache;
};

enum { JUDGE_TAIL = 64 * 1024 };

/* Why a task waits. */
enum wait_kind { WAIT_NO, WAIT_RETRY, WAIT_LIMIT };

enum verdict_next {
	NEXT_END,		/* the task goes to `state` */
	NEXT_RUN,		/* the condition holds: now the command */
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

/* Does judging the end of this phase need the texts, and the receipt? */
bool judge_asks(const struct stepconf *conf, const struct task *task,
	const struct report *report);

struct verdict judge(const struct stepconf *conf, const struct task *task,
	const struct report *report, const struct evidence *evidence);

/* What comes after a phase that has gone well (word: task_phase() of it).
 * *gate: of PHASE_VERIFY, index into conf->gates. False: nothing, the task is
 * DONE (or awaits approval). */
bool judge_after(const struct stepconf *conf, enum phase phase,
	const char *word, enum phase *next, int *gate);

/* Does an exit code count as success? */
bool judge_exit_ok(const struct stepconf *conf, int code);

#endif
