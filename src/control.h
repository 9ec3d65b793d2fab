/* SPDX-License-Identifier: ISC */
/*
 * control: how verbs speak to a running durexec, over the Unix socket "sock"
 * in the run directory. A request is words, each NUL-ended, and an empty word;
 * the answer is one digit, the exit status of the verb, a newline, and text
 * for the person; then the connection is closed. `wait` is answered as the run
 * ends.
 *
 *	retry|approve|skip|rewind [--failed] [--result TEXT] STEP|STEP[ITEM]…
 *	stop | stop-drain | stop-now | wait
 */
#ifndef CONTROL_H
#define CONTROL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "act.h"
#include "buf.h"
#include "msg.h"

struct ev_loop;
struct control;

enum control_stop_mode { CONTROL_DRAIN, CONTROL_STOP, CONTROL_NOW };

/* What the engine does when it is told. */
struct control_calls {
	int (*act)(void *ctx, const struct act *a, struct buf *answer,
		struct why *why);
	void (*stop)(void *ctx, enum control_stop_mode mode);
	/* Make durable what was said. False: it is not on disk. */
	bool (*flush)(void *ctx);
};

/* Listen. NULL + why: verbs will not reach this run; no reason to stop it. */
struct control *control_start(struct ev_loop *loop,
	const struct control_calls *calls, void *ctx, int dirfd,
	struct why *why);
/* Stop listening; unlinks the socket. *waiting gets the descriptors of those
 * who wait (the caller answers, closes and frees). */
void control_stop(struct control *c, int **waiting, size_t *nwaiting);

/* Answer those who wait: "STATUS\n". */
void control_answer(int *waiting, size_t nwaiting, int status);

/*
 * The verb's side: say words to the durexec of the run directory. 0 with
 * *status and the answer; 1: nobody listens (any more); -1 + why.
 */
int control_say(int dirfd, char *const *words, int *status, struct buf *answer,
	struct why *why);
/* The same; 1 as well when there is no answer within so many ms (-1: for
 * ever). */
int control_say_within(int dirfd, char *const *words, int64_t ms, int *status,
	struct buf *answer, struct why *why);

#endif
