/* SPDX-License-Identifier: ISC */
/*
 * session: a pipeline with the run that a command is about, opened: file,
 * directory, state, plan. Used by starting and by verbs alike.
 */
#ifndef SESSION_H
#define SESSION_H

#include <stdbool.h>

#include "complaints.h"
#include "journal.h"
#include "pipeline.h"
#include "plan.h"
#include "rundir.h"
#include "state.h"
#include "view.h"

struct session {
	struct pipeline *p;
	char *ini;		/* the file as the user would name it */
	struct home h;
	struct rundir d;	/* d.fd -1: there is no run */
	struct state s;
	struct journal j;
	struct plan plan;
	bool planned;
};

void session_init(struct session *se);
void session_release(struct session *se);

/* A run that could be meant. */
struct candidate {
	char *name;		/* NAME below base */
	char *id;		/* its newest run */
	char *path;		/* of the pipeline file */
	char **given;		/* NAME=VALUE */
	size_t ngiven;
	bool finished;
	int64_t started_at;
	/* how it stands, by its state alone */
	const char *state;	/* running waiting stopped needs_review done
				   closed */
	int review;
	int64_t ended_at;	/* of it, or of what ended in it last; 0: none */
};

/* The newest run of each NAME below base, as far as it can be read; `stem`:
 * only that NAME and NAME@…; NULL: all. *broken counts those that
 * cannot be read; it is said why. */
struct candidate *session_candidates(const char *base, const char *stem,
	size_t *n, size_t *broken);
void session_candidates_free(struct candidate *c, size_t n);

/* Load the file with its parameters. False: complaints are printed (json: as
 * JSON on stdout). */
bool session_load(struct session *se, const char *ini, char *const *given,
	size_t ngiven, bool json);
/* As session_load(), but a file that is gone or broken now is replaced by the
 * copy in the run directory (for looking and stopping). */
bool session_load_or_copy(struct session *se, const struct candidate *c,
	const char *base);

/* Open the home of se->p below base; create: with what is missing. */
int session_open_home(struct session *se, const char *base, bool create,
	struct why *why);
/* When there is one: its newest run (or the run `id`): directory and state,
 * read only. -1 + why: it is there and cannot be read. */
int session_open_run(struct session *se, const char *id, struct why *why);
/* A new run in the home: directory, copy of the file, state; older ones than
 * keep_runs are removed. Under the lock. */
int session_create(struct session *se, struct why *why);
/* After session_open_run(), under the lock: open the state for writing; what a
 * crash tore off its end is cut, and that is recorded. */
int session_open_write(struct session *se, struct why *why);
/* Record that the run is over, when every step is settled. */
void session_close_finished(struct session *se);
/* Forget the run that was read, to begin a new one. */
void session_leave(struct session *se);
/* pipeline.ini is the file as this durexec read it. */
void session_keep_copy(const struct session *se);
/* Build the plan, once pipeline and state are there. */
void session_plan(struct session *se);
bool session_has_run(const struct session *se);
struct view_run session_view(const struct session *se);

/* Complaints on stderr, or as JSON on stdout. */
void session_complain(const struct complaints *c, bool json);

#endif
