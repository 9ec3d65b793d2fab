/* SPDX-License-Identifier: ISC */
/*
 * exec: `durexec exec [OPTIONS] -- COMMAND …`: one command as a run of one
 * step. It becomes an ordinary pipeline file, BASE/NAME/exec.ini, so that all
 * verbs work on it; BASE is rundir_state_home() unless it is said otherwise.
 */
#ifndef EXEC_H
#define EXEC_H

#include "options.h"
#include "run.h"
#include "session.h"

/* What it is called in BASE/NAME. */
#define EXEC_FILE "exec.ini"

/* What exec_parse() read. */
struct exec_line;

/* argv[0] is "exec". Does not return on a mistake. Strings are argv's. */
void exec_parse(struct options *o, int argc, char **argv);
void exec_release(struct options *o);

/*
 * Open the home and load the pipeline that the command line makes; *base is
 * where it is, the caller frees it. 0, or the exit status.
 */
int exec_load(struct session *se, const struct options *o, char **base);

/* The run (if any) is opened: is the unfinished one this command? say: when it
 * is not, what to type. */
bool exec_is_same(const struct session *se, const struct options *o, bool say);

/* Under the lock, when the run is about to go on: exec.ini is written. 0, or
 * the exit status. */
int exec_keep(const struct session *se);

/* The exit status: the command's own, as far as it ended. otherwise: what
 * durexec would exit with. */
int exec_status(const struct session *se, const struct run_result *r,
	int otherwise);

/* --name of a verb: the path of that run's exec.ini, which the caller frees;
 * NULL: there is none, and it was said. */
char *exec_find(const char *name, const char *state_dir);

#endif
