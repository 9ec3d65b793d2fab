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
	COMMAND_HISTORY, COMMAND_PRESET,
	COMMAND_HELP, COMMAND_VERSION
};

enum when { WHEN_AUTO, WHEN_ALWAYS, WHEN_NEVER };

/* Exit statuses of the contract. */
enum {
	STATUS_DONE = 0, STATUS_REVIEW = 1, STATUS_USAGE = 2,
	STATUS_STOPPED = 3, STATUS_STATE = 4, STATUS_BUSY = 75
};

struct options {
	enum command command;
	/* start */
	bool resume, dry_run, detach, fresh, no_wait, fail_fast;
	int jobs;			/* 0: not said */
	const char *only, *until;	/* NULL: not said */
	bool progress;			/* false: --progress none */
	/* all */
	const char *state_dir, *run;	/* NULL: not said */
	bool json, quiet, verbose;
	bool colour;			/* decided: flag, NO_COLOR, terminal */
	/* verbs */
	bool all, follow, only_stdout, only_stderr, drain, now, failed, go;
	int attempt;			/* 0: the last */
	const char *result;
	int64_t timeout_ms;		/* 0: none */
	/* what is no option */
	const char *ini;		/* the pipeline file; NULL: not said */
	char **given;			/* NAME=VALUE */
	size_t ngiven;
	char **step;			/* names, of steps or presets */
	size_t nsteps;
};

/* Parses; changes the working directory for -C. Does not return on a mistake.
 * Strings are argv's. */
void options_parse(struct options *o, int argc, char **argv);
void options_release(struct options *o);

void options_help(void);

#endif
