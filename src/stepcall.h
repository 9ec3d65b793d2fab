/* SPDX-License-Identifier: ISC */
/*
 * stepcall: one call of `durexec step`, as its command line says it: replayed,
 * or run and remembered. step.c reads the command line, replay.c gives back what
 * is remembered, steprun.c runs.
 */
#ifndef STEPCALL_H
#define STEPCALL_H

#include <stdbool.h>
#include <stdint.h>

#include "keyopts.h"
#include "pipeline.h"
#include "substep.h"

struct stepcall {
	const char *name;
	char **argv;		/* the command; NULL: none */
	char **made;		/* argv of -c, to be freed */
	bool spool, silent, any_args, test, mark;
	struct keyopts keys;
	struct pipeline *p;	/* of the keys; NULL: none were given */
	const struct stepconf *conf;	/* of p; or NULL */
	struct substep_scope scope;
	struct substep call;
};

/* The exit statuses are those of step_main(). */

/* Run it, or replay it; or mark it, or say whether it is marked. */
int step_call(struct stepcall *st);
/* Run it: fd is what substep_begin() returned. */
int step_run(struct stepcall *st, int fd);
/* Without options, when it has to be judged: st->conf of a step without keys. */
void step_defaults(struct stepcall *st);
/* The state cannot be read or kept. */
int step_failed(const struct stepcall *st, const struct why *why);

/* All of stdin: how much, and its hash; into fd, unless that is -1. -1 +
 * errno. */
int step_drain(int fd, int64_t *bytes, uint64_t *hash);
/* What a file of the call is called in its scope. */
enum { STEP_FILE = 64 };
void step_file(const struct stepcall *st, const char *kind,
	char name[STEP_FILE]);

#endif
