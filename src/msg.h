/* SPDX-License-Identifier: ISC */
/*
 * msg: talking to the person at stderr, and `struct why`, the sentence that
 * travels up with a failure.
 *
 * A function that can fail takes `struct why *why` last and returns
 * why_set(why, "...") or why_sys(why, "cannot open %s", path): both are -1.
 * The sentence starts in lower case, has no full stop, and names the object.
 */
#ifndef MSG_H
#define MSG_H

#include <stdbool.h>
#include <stdnoreturn.h>

struct why {
	int err;	/* errno of a system failure, else 0 */
	char text[1024]; /* one sentence; longer ones are cut */
};

/* Fill why (NULL allowed); always -1, so that it can be returned. */
int why_set(struct why *why, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* The same with ": strerror(errno)" behind; keeps errno in why->err. */
int why_sys(struct why *why, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * One line on stderr, "durexec: " in front, made safe for terminals. A stderr
 * that is gone (EPIPE, EIO after a hang-up) is no error.
 */
void msg_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void msg_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void msg_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* A line of a list below a message: nothing in front but what it says. */
void msg_list(const char *text);

/* Quiet: msg_note says nothing from now on (-q). */
void msg_set_quiet(bool quiet);
/* Silent: nor does msg_warn (--cron). */
void msg_set_silent(void);
/* A line is painted on the terminal, without an end: the next message clears it
 * first. */
void msg_set_painted(bool on);

/* msg_error, then exit. Only while starting: never while steps run. */
noreturn void msg_die(int status, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif
