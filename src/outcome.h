/* SPDX-License-Identifier: ISC */
/*
 * outcome: how an attempt ended. The only reader of wait words; a status that
 * nobody saw is LOST and never a number.
 */
#ifndef OUTCOME_H
#define OUTCOME_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"

/* These words reach the disk and the JSON: see outcome_word(). */
enum outcome_kind {
	OUTCOME_NONE = 0,	/* not ended */
	OUTCOME_EXIT,		/* it exited by itself */
	OUTCOME_SIGNAL,		/* a signal that was not ours ended it */
	OUTCOME_TIMEOUT,	/* `timeout` was over; exit, signal: how it
				   then ended */
	OUTCOME_IDLE,		/* `idle_timeout` was over */
	OUTCOME_FLOOD,		/* more than max_output */
	OUTCOME_INTERRUPTED,	/* we stopped it; or INT, TERM, HUP from
				   elsewhere */
	OUTCOME_NOT_STARTED,	/* err, stage: what was in the way */
	OUTCOME_LOST,		/* nobody knows */
	OUTCOME_KINDS
};

struct outcome {
	/* small: there are two of them for each of a million items */
	enum outcome_kind kind : 8;
	bool oom;		/* KILL that was not ours, while the kernel
				   killed for lack of memory */
	int16_t exit;		/* -1: it did not exit */
	int16_t signo;		/* 0: no signal ended it */
	int16_t err;		/* errno, of NOT_STARTED */
};

/* An outcome with nothing known but its kind. */
struct outcome outcome_of(enum outcome_kind kind);
/* What waitpid() said: EXIT or SIGNAL. */
struct outcome outcome_from_wait(int status);

/* "exit", "signal", "timeout", …; "none" */
const char *outcome_word(enum outcome_kind kind);
/* The kind of a word; OUTCOME_KINDS when it is none. */
enum outcome_kind outcome_kind_of(const char *word);

/* For people: "exit 3", "killed by signal 9 (KILL), probably out of memory",
 * "time limit (exit 143)", … */
void outcome_text(const struct outcome *o, struct buf *out);

/* "TERM" of 15; "RTMIN+1"…: "34" for what has no name. Static buffer. */
const char *outcome_signal_name(int signo);

#endif
