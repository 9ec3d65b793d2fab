/* SPDX-License-Identifier: ISC */
/*
 * options: the command line. What it does not know, or does not support yet,
 * ends in one sentence and exit status 2.
 */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdnoreturn.h>

enum command {
	COMMAND_START,		/* PIPELINE.ini, --resume, --dry-run */
	COMMAND_STATUS, COMMAND_LOGS, COMMAND_STOP, COMMAND_WAIT,
	COMMAND_RETRY, COMMAND_APPROVE, COMMAND_SKIP, COMMAND_REWIND,
	COMMAND_HISTORY, COMMAND_CLEAN, COMMAND_PRESET,
	COMMAND_HELP, COMMAND_VERSION
};

enum when { WHEN_AUTO, WHEN_ALWAYS, WHEN_NEVER };

/* Exit statuses of the contract. */
enum {
	STATUS_DONE = 0, STATUS_REVIEW = 1, STATUS_USAGE = 2,
	STATUS_STOPPED = 3, STATUS_STATE = 4, STATUS_BUSY = 75,
	/* or'ed to the status of a command, which is returned as it is: 130 of
	 * ours would mean to die by signal 2 */
	STATUS_OWN = 0x100
};

struct exec_line;
struct option;

struct options {
	enum command command;
	/* start; dry_run of clean, too */
	bool resume, dry_run, detach, fresh, no_wait, fail_fast;
	bool rescan, rerun_stale;
	bool cron;			/* silent unless something fails */
	int jobs;			/* 0: not said */
	const char *only, *until;	/* NULL: not said */
	bool progress;			/* false: --progress none */
	bool plain;			/* nothing is painted over */
	struct exec_line *exec;		/* of `durexec exec`, else NULL (exec.h) */
	/* all */
	const char *state_dir, *run;	/* NULL: not said */
	const char *name;		/* verbs: of an exec run; NULL: not said */
	bool json, quiet, verbose;
	bool colour;			/* decided: flag, NO_COLOR, terminal */
	/* verbs */
	bool all, follow, only_stdout, only_stderr, drain, now, failed, go;
	int attempt;			/* 0: the last */
	int keep;			/* runs, of clean; -1: not said */
	const char *result;
	int64_t timeout_ms;		/* 0: none */
	/* what is no option */
	const char *ini;		/* the pipeline file; NULL: not said */
	char **given;			/* NAME=VALUE */
	size_t ngiven;
	char **step;			/* names, of steps, items, presets */
	size_t nsteps;
};

/* Parses; changes the working directory for -C. Does not return on a mistake.
 * Strings are argv's. */
void options_parse(struct options *o, int argc, char **argv);
void options_release(struct options *o);

void options_help(void);

/* getopt_long() does not know `arg`; n options in list. Does not return. */
noreturn void options_unknown(const char *arg, const struct option *list,
	size_t n);
/* getopt_long() has found `found` at argv[at], with that value: does not return
 * when it was abbreviated (--resume is not --resume-run), or when the value is
 * the "--" that ends the options. */
void options_exact(char *const *argv, int at, const struct option *found,
	const char *value, const struct option *list, size_t n);

#endif
