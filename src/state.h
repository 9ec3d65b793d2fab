/* SPDX-License-Identifier: ISC */
/*
 * state: what the records of a run add up to. state_apply() folds one record;
 * a live run uses the same fold for the records it writes (state_write), so
 * that what is in memory is what a replay would give.
 *
 * A task is a step, or an item of a fan-out: "STEP[ITEM]". A fan-out has a task
 * of its own besides, "STEP", which is DONE when the list of items is known.
 *
 * Records (fields in [] may be absent):
 *   durexec format run name path seed version     first; begins the run
 *   param   name value                            as given on the command line
 *   begin   pid boot                              a durexec takes the run over
 *   cut     bytes                                 a torn tail was cut off
 *   items   step [from] [list] [of] [source] [total]
 *                                                 list: items of a fan-out, a
 *                                                 newline between two, behind
 *                                                 the first `from` ones; of:
 *                                                 they are those of another
 *                                                 one, in its order. They count
 *                                                 from the record with `total`
 *                                                 on: so many there are now
 *   input   path size mtime hash                  a file as it was read; its
 *                                                 number is how many there were
 *                                                 before
 *   start   step attempt keeper [phase] [command] [slot] [inputs]
 *                                                 before a phase is executed;
 *                                                 inputs: "0,3,4"
 *   adopt   step                                  this durexec collects what
 *                                                 another one started
 *   ran     step outcome… [left]                  the command succeeded; what
 *                                                 is left are its gates
 *   output  step name value                       a line of $DUREXEC_OUTPUT
 *   end     step state [outcome…] [left] [elsewhere] [lost] [wait until]
 *           [rerun] [hold] [approval] [reason] [whole]
 *   set     step state by [reason] [result] [fresh]   a person's word
 *   close   state [reason]                        the run is over
 * left: [receipt] [result] [cost]
 * outcome…: outcome [exit] [signal] [errno] [oom] user system rss out err
 *           of the command or its condition; a gate that was stopped from
 *           elsewhere, or lost, says only that
 */
#ifndef STATE_H
#define STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "journal.h"
#include "mem.h"
#include "outcome.h"
#include "table.h"

enum task_state {
	TASK_PENDING = 0,
	TASK_RUNNING,
	TASK_WAITING,
	TASK_DONE,
	TASK_NEEDS_REVIEW,
	TASK_SKIPPED,
	TASK_STATES
};

/* What of an attempt a keeper executes. */
enum phase {
	PHASE_RUN = 0,		/* the command */
	PHASE_IF,		/* the condition before it */
	PHASE_SETTLE,		/* outputs looked after; without gates, stdout
				   is placed, too */
	PHASE_VERIFY,		/* a gate: task.gate says which */
	PHASE_PLACE,		/* stdout placed, after the gates */
	PHASE_LIST,		/* of a fan-out: the command whose lines are
				   its items */
	PHASE_INPUTS,		/* `inputs` read, before the command */
	PHASES
};

struct task {
	const char *name;		/* "STEP" or "STEP[ITEM]" */
	int fan;			/* of an item, and of a fan-out's own
					   task: index into state.fan; else
					   -1 */
	int item;			/* its place among the items, from 0;
					   -1: none, or no longer listed */
	int place;			/* so many items of its fan-out were
					   listed before it, ever: its files are
					   called after that */
	uint8_t state;			/* enum task_state */
	uint8_t phase;			/* enum phase, while RUNNING */
	bool ran;			/* the command's success is on disk */
	bool settled;			/* so are its outputs: what comes after
					   them has begun */
	bool asked;			/* a failed gate is to be asked once
					   more before the command runs again */
	bool adopted;			/* its end was collected by another
					   durexec than started it */
	bool tried;			/* the command was begun since it was
					   first PENDING, or rewound */
	bool receipt;			/* proof that it took effect was seen */
	bool hold;			/* NEEDS_REVIEW: only what names it
					   starts it again */
	bool approval;			/* NEEDS_REVIEW: nothing is wrong, a
					   person has to approve */
	bool parked;			/* WAITING for a usage limit */
	uint16_t tries;			/* retries used up */
	uint16_t parks;			/* waits for a limit, in a row */
	uint8_t interrupts;		/* INT, TERM, HUP from elsewhere, in a
					   row */
	uint8_t losses;			/* LOST in a row within one session */
	uint16_t generation;		/* rewound so often */
	int16_t keeper;			/* mailbox number, while RUNNING */
	int session;			/* begin records seen at its start or end */
	int attempts;			/* number of the last attempt */
	int cuts;			/* cut records before that one */
	struct outcome outcome;		/* of the last attempt */
	struct {			/* of the one before, once that has
					   begun; attempt 0: none */
		struct outcome outcome;
		int attempt;
		bool out, err;		/* it said something */
	} before;
	int64_t began_at;		/* of the first attempt since PENDING */
	int64_t started_at, ended_at;	/* of the last attempt; 0: not */
	int64_t until_at;		/* WAITING until */
	int64_t parked_at;		/* the first of those waits began */
	int64_t turn;			/* number of its last start record */
	int64_t cost;			/* of all attempts, in millionths */
	int64_t user_ms, system_ms, rss_kb;
	int64_t out_bytes, err_bytes;
	uint64_t command;		/* fingerprint at its start */
	uint64_t whole;			/* of the definition at its failure */
	const char *inputs;		/* "0,3,4": state.input, as its command
					   read them; or NULL */
	const char *slot;		/* of its pool, while RUNNING; or NULL */
	const char *gate;		/* "verify.NAME", of PHASE_VERIFY */
	const char *reason;		/* of NEEDS_REVIEW, SKIPPED; or NULL */
	const char *result;		/* or NULL */
};

/* The highest price of an attempt, in millionths (a thousand million): what
 * says more is no price. */
#define TASK_COST_MOST ((int64_t)1000 * 1000 * 1000 * 1000 * 1000)

/* A fan-out whose items are known. */
struct fan {
	const char *step;
	int head;			/* its own task */
	int *task;			/* of its items, in order */
	int n;				/* so many count */
	size_t listed, cap;
	int places;			/* given out: tasks that were ever listed */
	uint64_t source;		/* what they were asked of (hash) */
	int64_t changed_at;		/* items joined last */
	int64_t moves;			/* of its items from state to state, and
					   of them among it */
};

/* A file that belongs to the fingerprint of steps, as it was once read. */
struct input {
	const char *path;
	int64_t size, mtime;		/* bytes, -1: a pattern or directory;
					   ns since the epoch, the later one
					   of mtime and ctime */
	uint64_t hash;			/* of its content */
};

struct task_output {
	int task;
	const char *name, *value;
	int next;			/* older one of the same task, or -1 */
};

struct state {
	const char *run, *name, *path, *seed;
	int64_t started_at;
	struct { const char *name, *value; } *param;
	int nparams;
	struct task *task;
	size_t ntasks, task_cap;
	int *index;			/* open addressing over their names */
	size_t index_size;
	struct table words;		/* of slots and gates: each kept once */
	struct fan *fan;
	size_t nfans, fan_cap;
	struct input *input;
	size_t ninputs, input_cap;
	struct task_output *output;
	size_t noutputs, output_cap;
	int *last_output;		/* per task, or -1; grows with tasks */
	size_t last_cap;
	int64_t turns;			/* start records */
	int sessions;			/* begin records */
	const char *boot;		/* of the last begin */
	int boot_session;		/* the first of that boot */
	int64_t began_at;		/* of the last begin; 0 none */
	int cuts;			/* cut records: torn tails that were */
	int64_t cost;			/* of all tasks, in millionths */
	const char *closed;		/* state of the close record; NULL: the
					   run is open */
	const char *closed_reason;
	int64_t closed_at;
	int count[TASK_STATES];
	struct arena arena;
};

void state_init(struct state *s);
void state_release(struct state *s);

/* A journal_fn with ctx = struct state. Refuses unknown types, fields out of
 * bounds and illegal transitions. */
int state_apply(void *ctx, const struct record *r, struct why *why);

/* Task of a step; it is made (PENDING) when it is new. */
int state_task(struct state *s, const char *name);
/* Its index, or -1. */
int state_find(const struct state *s, const char *name);
/* The fan-out of a step's own task; NULL: its items are not known. */
struct fan *state_fan(const struct state *s, const struct task *t);

/* Step that a task belongs to, by name. */
const char *task_step(const struct state *s, const struct task *t);
/* Append its item; nothing for a step. */
void task_item(const struct state *s, const struct task *t, struct buf *out);

/* The number the next attempt of the task gets. */
int state_next_attempt(const struct state *s, const struct task *t);

/* Add r to the journal's batch and fold it. A refusal is a bug. What was said
 * (reason, result, an output's value) is recorded without secrets (safe.h). */
void state_write(struct state *s, struct journal *j, struct record *r);

const char *state_word(enum task_state state);	/* "needs_review" */
const char *phase_word(enum phase phase);	/* "run" "if" "settle" … */
/* The task's phase as it stands on disk: phase_word(), "verify.NAME". */
const char *task_phase(const struct task *t);
/* What its output is called in log/STEP.ATTEMPT.KIND: "out" of the command. */
const char *task_log_kind(const struct task *t);
/* Names below the run directory, appended: of a log, of $DUREXEC_DIR, of
 * $DUREXEC_OUTPUT. See rundir.h. */
void task_log(const struct state *s, const struct task *t, int attempt,
	const char *kind, struct buf *out);
void task_dir(const struct state *s, const struct task *t, struct buf *out);
/* Of what its script has called by `durexec step`: substep.h. */
void task_sub(const struct state *s, const struct task *t, struct buf *out);
void task_output_file(const struct state *s, const struct task *t,
	int attempt, struct buf *out);

/* The outcome fields of a record. */
void outcome_record(struct record *r, const struct outcome *o);

/*
 * Stable over attempts: the idempotency key "RUN/STEP" ("~2" behind it after a
 * rewind), and a version-8 UUID (RFC 9562) made of the run's seed and the key:
 * it is on disk with the seed, before anything is executed.
 */
void state_key(const struct state *s, const struct task *t, struct buf *out);
void state_session(const struct state *s, const struct task *t,
	struct buf *out);

#endif
