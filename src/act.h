/* SPDX-License-Identifier: ISC */
/*
 * act: what a person says about steps and their items, carried out on the
 * state: retry, approve, skip, rewind. The same code serves a live run (told
 * over its socket) and one at rest. Nothing is started here, and nothing is
 * durable before the caller commits the journal.
 *
 * The name of a fan-out alone: rewind takes all its items, the other verbs
 * those in review (retry, when there is none: those that wait), and its list
 * when that is in review. As long as its list is not known it is a step. A list
 * that is known is not asked for again. Of items found by a pattern, those are
 * taken that the verb can be said of.
 */
#ifndef ACT_H
#define ACT_H

#include "buf.h"
#include "journal.h"
#include "msg.h"
#include "plan.h"
#include "state.h"

enum act_verb { ACT_RETRY, ACT_APPROVE, ACT_SKIP, ACT_REWIND };

struct act {
	enum act_verb verb;
	const char *by;		/* "retry", "resume"…: for the record */
	char *const *name;	/* of steps and items: names.h */
	int n;
	bool all_failed;	/* retry --failed: no names */
	const char *result;	/* approve --result; NULL none */
	int dirfd;		/* of rewind: the run directory, where calls of
				   `durexec step` are remembered */
};

/* "retry" …; -1: not one of ours. */
int act_verb_of(const char *word);

/*
 * All of it or nothing: -1 + why when a name fits nothing, or something named
 * is in no state for the verb. Appends to `answer` a line for each thing done,
 * up to twenty. The plan is rebuilt. *changed counts the tasks.
 */
int act_on(const struct act *a, struct plan *pl, struct journal *j,
	struct buf *answer, int *changed, struct why *why);

/* Does --resume (retry --failed) try the task again? Not what awaits approval,
 * nor what has to be named (task.hold), but for its gates. */
bool act_resumes(const struct task *t);

/* Edited file: what is in review and whose definition is another one now goes
 * back to PENDING (what act_resumes(), and approvals of what has no receipt and
 * not rerun = never), and what lacked a budget which there is now. Returns how
 * many. */
int act_edited(struct plan *pl, struct journal *j);

#endif
