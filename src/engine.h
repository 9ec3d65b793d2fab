/* SPDX-License-Identifier: ISC */
/*
 * engine: what run.c (the loop), attempt.c (steps on keepers) and recover.c
 * (what an earlier durexec left) share. Nobody else includes it.
 */
#ifndef ENGINE_H
#define ENGINE_H

#include <ev.h>

#include "env.h"
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
	struct buf message;	/* to be sent once the journal is committed */
};

struct run {
	struct run_parts at;
	struct run_options options;
	struct run_result *result;
	struct ev_loop *loop;
	struct env env;
	struct control *control;
	struct slot **slot;
	size_t nslots, slot_cap;
	int jobs, busy;
	bool begun;		/* our begin record is written */
	bool told_under_way;
	bool moved;		/* an ordinary step has ended since the last
				   clean-up for a run in review */
	bool told_again;	/* that a keeper could not be started */
	bool full;		/* no room to start anything new */
	bool over;
	enum stop_mode stop;
	struct view_event *event;	/* not told before the commit */
	size_t nevents, event_cap;
	char **rubbish;		/* files to unlink after the commit */
	size_t nrubbish, rubbish_cap;
	ev_prepare prepare;
	ev_signal sig[6];
	ev_timer again, limit, insist;
	ev_periodic far;
};


/* run.c */
/* All records go through here: the first of a session is its begin. */
void engine_put(struct run *r, struct record *record);
/* Told to the views after the commit. */
void engine_tell(struct run *r, enum view_kind kind, int task, int step,
	const char *text);
bool engine_stopping(const struct run *r);

/* attempt.c */
/* Start what may start; records and messages only, flushed by run.c. */
void attempt_dispatch(struct run *r);
/* A free slot, not busy. */
struct slot *attempt_slot(struct run *r);
/* Take the slot for a task; and watch what was adopted in it. */
void attempt_occupy(struct slot *slot, int task, int step, int attempt);
void attempt_watch_adopted(struct slot *slot, const struct watch *w);
/* A phase has ended (the slot is busy). */
void attempt_ended(struct slot *slot, const struct report *report);
/* The keeper was gone before it began with the slot's phase. */
void attempt_never_began(struct slot *slot);
/* The keeper is gone and nobody knows: ends what is left of it, then as a lost
 * attempt. */
void attempt_lost(struct slot *slot);
void attempt_close(struct slot *slot);

/* recover.c */
void recover(struct run *r);

#endif
