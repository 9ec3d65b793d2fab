/* SPDX-License-Identifier: ISC */
/*
 * env: what a step finds in its environment, and ${NAME} in its values.
 * Strongest first: what durexec itself sets (DUREXEC_…), parameters given on
 * the command line, env.NAME of the step (with [defaults]), env.NAME of
 * [pipeline], the step's env_file, the pipeline's, the defaults of [params],
 * the environment.
 */
#ifndef ENV_H
#define ENV_H

#include "buf.h"
#include "mem.h"
#include "msg.h"
#include "pipeline.h"
#include "plan.h"
#include "rundir.h"
#include "state.h"

struct env {
	const struct pipeline *p;
	/* NULL: no run yet (--dry-run). */
	const struct plan *plan;
	const struct state *s;
	const struct rundir *d;
	const char *slot;		/* of the step's pool; NULL none */
	bool calls;			/* its script may call `durexec step` */
	bool own_output;		/* the step sees its own stdout, too: its
					   gates do */
	/* Built for what is asked before there is an attempt of a command
	 * (checks, lists of items, hooks): what refers to a variable that only
	 * attempts have is left out. */
	bool early;
	bool fans;			/* early, of a fan-out: nor is there an
					   item */
	bool left_out;			/* the last env_expand() returned NULL
					   for that */
	const char **without;		/* env.NAME that were left out */
	size_t nwithout, without_cap;
	struct arena arena;		/* of what stands below; per step */
	const char **set;		/* NAME=VALUE, distinct names */
	size_t nset, set_cap;
	const char **middle;		/* env.NAME of [pipeline], while
					   building */
	size_t nmiddle, middle_cap;
	const char **weak;		/* env_file and defaults, while building */
	size_t nweak, weak_cap;
	/* "DUREXEC_OUT_a_b" -> step, for names in scripts; made when needed */
	struct table variable;
	struct arena variable_names;
	/* A PATH that was looked through for durexec; and what it has to be for
	 * scripts to find it, NULL: as it is. */
	char *path, *path_with_us;
	/* Per step, of fan-outs: 1 + fan.moves when the list of their outputs
	 * was written; made when needed. */
	int64_t *listed;
};

/* plan, d: NULL before a run. */
void env_init(struct env *e, const struct pipeline *p,
	const struct plan *plan, const struct rundir *d);
void env_release(struct env *e);

/* Build e->set for an attempt of the step, or of an item of it (unit: its
 * task). attempt 0: for a check before the run, unit is not looked at. -1 +
 * why: an env_file cannot be read, or ${X} is not defined. For a check, and for
 * the list of a fan-out, what refers to what only attempts or items know is
 * left out. */
int env_build(struct env *e, int step, int unit, int attempt,
	struct why *why);

/* The same of the pipeline alone, for its hooks. facts: NULL-ended NAME=VALUE,
 * the strongest. */
int env_build_pipeline(struct env *e, char *const *facts, struct why *why);

/* Expand a value with what env_build() made; into e's arena. NULL + why. */
const char *env_expand(struct env *e, const char *value, struct why *why);

/* The step's working directory (-1: the pipeline's), absolute; the pipeline's,
 * too, while that of the attempt cannot be known. NULL + why. */
const char *env_workdir(struct env *e, int step, struct why *why);

/* A step name as part of a variable: what is not a letter or digit is _. */
void env_variable(struct buf *out, const char *name);

/* NAME=VALUE lines, as a step writes into $DUREXEC_OUTPUT or an env_file
 * holds: blank lines and # comments skipped, "export " and a pair of quotes
 * around the value taken off. Calls fn for each; -1 + why names the bad line. */
typedef void env_line_fn(void *ctx, const char *name, const char *value);
int env_lines(char *text, const char *shown, env_line_fn *fn, void *ctx,
	struct why *why);

#endif
