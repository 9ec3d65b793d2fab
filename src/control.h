/* SPDX-License-Identifier: ISC */
/*
 * control: how verbs speak to a running durexec, over the Unix socket "sock"
 * in the run directory. A request is words, each NUL-ended, and an empty word;
 * the answer is one digit, the exit status of the verb, a newline, and text
 * for the person; then the connection is closed. `wait` is answered as the run
 * ends.
 *
 *	retry|approve|skip|rewind [--failed] [--result TEXT] STEP…
 *	stop | stop-drain | stop-now | wait
 */
#ifndef CONTROL_H
#define CONTROL_H

#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "msg.h"

struct run;
struct ev_loop;
struct control;

/* Listen. -1 + why: verbs will not reach this run; no reason to stop it. */
struct control *control_start(struct ev_loop *loop, struct run *r, int dirfd,
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
