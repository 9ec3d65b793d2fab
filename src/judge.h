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
 * What comes before the command (the list of a fan-out, inputs): it goes on, or
 * NEEDS_REVIEW.
 */
#ifndef JUDGE_H
#define JUDGE_H

#include <stdbool.h>

#include "verdict.h"

/* Does judging the end of this phase need the texts, and the receipt? */
bool judge_asks(const struct stepconf *conf, const struct task *task,
	const struct report *report);

struct verdict judge(const struct stepconf *conf, const struct task *task,
	const struct report *report, const struct evidence *evidence);

/* The same of a step that has left the file: what counts as success for it is
 * not known, so a person has to look. */
struct verdict judge_gone(const struct report *report);

/* What comes after a phase that has gone well (word: task_phase() of it).
 * *gate: of PHASE_VERIFY, index into conf->gates. False: nothing, the task is
 * DONE (or awaits approval). */
bool judge_after(const struct stepconf *conf, enum phase phase,
	const char *word, enum phase *next, int *gate);

/* Does an exit code count as success? */
bool judge_exit_ok(const struct stepconf *conf, int code);

#endif
