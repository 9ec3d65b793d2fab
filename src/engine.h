/* SPDX-License-Identifier: ISC */
/*
 * engine: what run.c (the loop), attempt.c (steps on keepers) and recover.c
 * (what an earlier durexec left) share. Nobody else includes it.
 */
#ifndef ENGINE_H
#define ENGINE_H

#include <ev.h>

#include "env.h"
#include "evidence.h"
#include "inputs.h"
#include "machine.h"
#include "run.h"
#include "watch.h"

enum stop_mode {
	STOPPING_NO,
	STOPPING_DRAIN,		/* finish what runs, start nothing new */
	STOPPING_GRACE,		/* each step got its stop signal */
	STOPPING_NOW		/* killed */
};

/* One keeper, and what it does. */
struct slot {
	struct run *r;
	struct watch w;
	ev_io io;
	bool open;		/* w has a keeper that we know to live */
	bool adopted;
	bool busy;
	int task, step;		/* step -1: no longer in the file */
	int attempt;
	int pool_slot;		/* index into its pool's slots; -1 none */
	int pool_fd;		/* the lock of a machine-wide one; -1 none */
	struct buf message;	/* to be sent once the journal is committed */
	struct buf inputs;	/* what its command reads: task.inputs */
	struct buf known;	/* path: of that, what was read before */
};

struct run {
	struct run_parts at;
	struct run_options options;
	struct run_result *result;
	struct ev_loop *loop;
	struct env env;
	struct proof proof;
	struct pattern_cache patterns;
	struct machine machine;	/* opened when first needed */
	struct inputs_known inputs;
	int *placed;		/* per fan-out of the state: the last shard
				   whose directories were made, + 1; 0 none */
	size_t nplaced;
	struct hooks *hooks;
	struct pass *pass;	/* NULL: nothing is passed on */
	struct control *control;
	struct slot **slot;
	size_t nslots, slot_cap;
	int jobs, busy;
	bool begun;		/* our begin record is written */
	bool told_under_way;
	bool told_rest, told_exit;	/* to the hooks */
	double alarm;		/* what `far` is set to; 0 far away */
	bool moved;		/* an ordinary step has ended since the last
				   clean-up for a run in review */
	bool told_again;	/* that a keeper could not be started */
	double pause_s;		/* after the last that died before it began */
	bool full;		/* no room to start anything new */
	bool over;
	enum stop_mode stop;
	struct view_event *event;	/* not told before the commit */
	size_t nevents, event_cap;
	int *put_off;		/* steps, while dispatching */
	size_t nput_off, put_off_cap;
	char **rubbish;		/* files to unlink after the commit */
	size_t nrubbish, rubbish_cap;
	ev_prepare prepare;
	ev_signal sig[6];
	ev_timer again, limit, insist;
	ev_timer poll;		/* while other pipelines have the slots */
	ev_periodic far;
};


/* engine.c */
/* All records go through here: the first of a session is its begin. */
void engine_put(struct run *r, struct record *record);
/* Told to the views after the commit. */
void engine_tell(struct run *r, enum view_kind kind, int task, int step,
	const char *text);
/* The commit is there: they hear of it all. */
void engine_tell_views(struct run *r);
/* They never hear of what is left. */
void engine_forget_events(struct run *r);
bool engine_stopping(const struct run *r);

/* signals.c */
void signals_start(struct run *r);
void signals_stop(struct run *r);
/* Never back to a milder mode. */
void engine_stop(struct run *r, enum stop_mode mode);

/* slots.c: keepers, and who has which. */
/* A free slot, not busy. */
struct slot *slot_find(struct run *r);
/* A live keeper of our own in it. False: the machine refuses. */
bool slot_open(struct slot *slot);
/* Take it for a task; give it back. */
void slot_occupy(struct slot *slot, int task, int step, int attempt);
void slot_free(struct slot *slot);
void slot_close(struct slot *slot);
/* Watch what was adopted in it. */
void slot_watch_adopted(struct slot *slot, const struct watch *w);
/* The keeper is gone and nobody knows: ends what is left of it, then as a lost
 * attempt. reboot: the machine went down. */
void slot_lost(struct slot *slot, bool reboot);

/* means.c */
/* Is there no money for it? A step that costs nothing needs none. later: it
 * depends on what those that run will have cost; else it is ended. */
bool means_too_dear(struct run *r, int unit, bool *later);
/* A machine-wide slot for the step. False: none now; the plan knows when to ask
 * again. */
bool means_take_slot(struct run *r, int unit, int *slot, int *fd);
/* Space for the end of the task, beside all that run (R9). -1 + why. */
int means_reserve(struct run *r, const struct task *t, struct why *why);

/* attempt.c */
/* The step's; of one that has left the file (-1) what every step has. */
const struct stepconf *attempt_conf(const struct run *r, int step);
/* Start what may start; records and messages only, flushed by run.c. */
void attempt_dispatch(struct run *r);
/* End the task without an attempt's report. */
void attempt_end_plainly(struct run *r, int task, enum task_state state,
	const struct outcome *outcome, const char *reason, bool approval);
/* A phase has ended (the slot is busy). */
void attempt_ended(struct slot *slot, const struct report *report);
/* The keeper was gone before it began with the slot's phase. */
void attempt_never_began(struct slot *slot);

/* gather.c: what attempts leave, and what they find. */
/* $DUREXEC_OUTPUT of the command that has ended: into the state. */
void gather_outputs(struct run *r, const struct task *t);
/* $DUREXEC_WAIT was read: it goes. */
void gather_drop_wait(struct run *r, const struct task *t);
/* Before the command of an attempt: may it start, as far as its inputs are
 * concerned? slot->inputs is what its start record says. 0: they have to be
 * read first (PHASE_INPUTS); -1 + why. */
int gather_inputs(struct slot *slot, struct why *why);
/* The directories that an item's files are in are there. -1 + why. */
int gather_places(struct run *r, const struct task *t, struct why *why);
/* PHASE_INPUTS has gone well. -1 + why. */
int gather_inputs_read(struct slot *slot, struct why *why);

/* fanout.c: lists of items. */
/* The own task of a fan-out whose items need no process to be known: they are,
 * or it is ended in review. False: it has to be listed (PHASE_LIST). */
bool fanout_list(struct run *r, int task);
/* PHASE_LIST has gone well: ends the task. */
void fanout_listed(struct slot *slot);
/* At the beginning: what the file says now of items that are known. */
void fanout_align(struct run *r);

/* hooks.c: on_done and its like, one after another, beside the run. */
void hooks_init(struct run *r);
void hooks_release(struct run *r);
/* To be called; hooks_begin() does, once what it tells is on disk. task: of
 * HOOK_WAIT, the one that waits; else -1. status: durexec's exit status to be,
 * of HOOK_EXIT. */
void hooks_call(struct run *r, enum hook hook, int task, int status);
void hooks_begin(struct run *r);
/* One is running, or is to. */
bool hooks_busy(const struct run *r);
/* Ctrl+C again: they are killed, none is begun. */
void hooks_kill(struct run *r);

/* pass.c: the first step's output to ours, as run_options.pass says. */
void pass_start(struct run *r);
/* False: its reader is waited for. */
bool pass_more(struct run *r);
/* It goes on from an earlier durexec: all that it has written, too. */
void pass_adopted(struct run *r);
void pass_stop(struct run *r);

/* recover.c */
void recover(struct run *r);

#endif
