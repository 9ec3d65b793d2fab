/* SPDX-License-Identifier: ISC */
/*
 * inputs: the files that `inputs` of a step names, and what is in them. They
 * are read by a process of its own under the keeper ("durexec inputs …"), so
 * that gigabytes hold nobody up and can be stopped. What the state knows by
 * name, size and time is not read again: the engine asks inputs_ready() first,
 * and then the phase is not needed.
 *
 * A word is a path, or a pattern: a file that is really called so comes before
 * what glob(7) makes of it. What an item is called (${ITEM…}) is no pattern. A
 * directory stands for all regular files below it; names with a dot in front
 * are left out there, as patterns leave them out, and links to directories are
 * not followed.
 *
 * Files below the pipeline's directory are known by their path below it, so
 * that the whole may be moved; others by their absolute path. A pattern or a
 * directory is known as well: as a struct input of size -1 and time 0, whose
 * hash is that of the paths it stands for. So a file that joins shows.
 */
#ifndef INPUTS_H
#define INPUTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "env.h"
#include "mem.h"
#include "msg.h"
#include "state.h"
#include "table.h"

/* Zero-initialised is empty. */
struct inputs {
	struct input *v;
	size_t n, cap;
	struct arena arena;
};

void inputs_release(struct inputs *in);

/* Exit statuses of inputs_main(). */
enum { INPUTS_READ = 0, INPUTS_MISSING = 1, INPUTS_FAILED = 2 };
/* The one for what a function of this module failed with. */
int inputs_status(const struct why *why);

/*
 * "durexec inputs BASE CWD WORD…": argv from BASE on. BASE is the pipeline's
 * directory; a WORD has "=" in front, or "*" if it is a pattern. Exit status 0:
 * a line "SIZE MTIME HASH PATH" for each, on stdout. Of a file that stands in
 * such a line on stdin, with the same size and time, that is taken. 1: one is
 * missing, or is no file; 2: the system would not let us. Each is said on
 * stderr in a line of its own; the last one is the reason.
 */
int inputs_main(int argc, char **argv);

/* Those of the arguments (NULL-ended), added to in, in order, each once; files
 * are not read. Returns the exit status; say: with the lines on stderr, for all
 * of them. */
int inputs_list(char *const *argv, bool say, struct inputs *in);

/* A line of it, appended. */
void inputs_line(const struct input *in, struct buf *out);
/* What it printed, added to in. -1 + why: that is not what it prints. */
int inputs_parse(const char *text, size_t n, struct inputs *in,
	struct why *why);

/*
 * What the phase is executed as, NULL-ended, in e's arena: "durexec-inputs",
 * "inputs" and the arguments. e is built for the attempt (env_build); cwd is
 * env_workdir()'s. NULL + why: a ${NAME} is not defined.
 */
char **inputs_argv(struct env *e, int step, const char *cwd, struct why *why);

/* The argument of a word, of `outputs` as well: what an item is called is no
 * pattern. In e's arena. NULL + why. */
char *inputs_argument(struct env *e, const char *word, struct why *why);

/* The inputs of a state, by path: the latest of each. Zero-initialise; it keeps
 * up with the state by itself. Its strings are the state's. */
struct inputs_known {
	struct table first;		/* path -> the first input of it */
	int *latest;			/* by that: the last one */
	size_t n, cap;
};

void inputs_known_release(struct inputs_known *k);
/* Index into s->input of one that is the same in all; -1: it is to be
 * recorded. */
int inputs_find(struct inputs_known *k, const struct state *s,
	const struct input *in);
/* The last one of its path; -1 none. */
int inputs_latest(struct inputs_known *k, const struct state *s,
	const char *path);

/* Does the state know all that inputs_argv() stands for, as it is now? True:
 * text gets what the start record says in `inputs`. False: known (or NULL) gets
 * lines of those files that it does know. Files are looked at, and not read. */
bool inputs_ready(struct inputs_known *k, const struct state *s,
	char *const *argv, struct buf *text, struct buf *known);

/* Indices into s->input as task.inputs has them: "0-2,7". index is sorted. */
void inputs_text(int *index, size_t n, struct buf *out);
/* One range of them after another, first to last, while *at moves on. False:
 * that was all. */
bool inputs_range(const char **at, int *first, int *last);

/* Append what is no pattern, for glob(). */
void inputs_escape(struct buf *out, const char *text);

/* For stale.c; base is the pipeline's directory. -1 + why, with why->err. */
/* Size and time of the file now. */
int inputs_look(const char *base, const char *path, struct input *now,
	struct why *why);
/* And its hash, read. */
int inputs_read(const char *base, const char *path, struct input *now,
	struct why *why);
/* What a pattern or a directory (of size -1) stands for now, and behind that
 * itself: added to in. */
int inputs_expand(const char *base, const char *path, struct inputs *in,
	struct why *why);

#endif
