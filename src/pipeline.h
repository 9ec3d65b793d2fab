/* SPDX-License-Identifier: ISC */
/*
 * pipeline: what the user asked for, after loading. It is never changed once
 * pipeline_load() (load.h) has returned it. Strings belong to the pipeline's
 * arena; values are as written (before ${NAME} is replaced) unless it says
 * otherwise. 100,000 steps must fit in a few tens of megabytes, so what most
 * steps share stands in `struct stepconf` and steps without keys of their own
 * share the one of [defaults].
 */
#ifndef PIPELINE_H
#define PIPELINE_H

#include <stdbool.h>
#include <stdint.h>

#include "mem.h"
#include "msg.h"
#include "table.h"

/* Step keys this version acts on. The order is that of the man page. */
enum step_key {
	KEY_RUN, KEY_NEEDS, KEY_IF, KEY_ALWAYS, KEY_ALLOW_FAILURE,
	KEY_REQUIRES, KEY_CHECK, KEY_TIMEOUT, KEY_IDLE_TIMEOUT,
	KEY_STOP_SIGNAL, KEY_STOP_GRACE, KEY_OK_EXIT, KEY_OUTPUTS,
	KEY_OUTPUTS_FRESH, KEY_STDIN, KEY_STDOUT, KEY_ENV, KEY_UNSET_ENV,
	KEY_ENV_FILE, KEY_WORKDIR, KEY_UMASK, KEY_NICE,
	KEY_COUNT
};

struct strlist {
	const char **v;
	int n;
};

struct envvar {
	const char *name;
	const char *value;
	int line;
};

struct envlist {
	struct envvar *v;
	int n;
};

enum always { ALWAYS_NO, ALWAYS_DONE, ALWAYS_REVIEW };

struct stepconf {
	const char *condition;		/* if; NULL none */
	const char *check;		/* NULL none */
	struct strlist requires;
	struct strlist outputs;
	struct strlist unset_env;
	struct envlist env;		/* env.NAME of [defaults] and step */
	const char *stdin_from;		/* NULL or "null": /dev/null */
	const char *stdout_to;		/* NULL none */
	const char *env_file;		/* NULL none */
	const char *workdir;		/* NULL: the pipeline's */
	int64_t timeout_ms;		/* 0 none */
	int64_t idle_timeout_ms;	/* 0 none */
	int64_t stop_grace_ms;		/* default 10 s */
	int stop_signal;		/* default SIGTERM */
	int umask;			/* -1: inherited */
	int nice;			/* 0: inherited */
	enum always always;
	bool allow_failure;
	bool outputs_fresh;		/* default true */
	uint8_t ok_exit[32];		/* a bit per exit code; bit 0 is set */
	int line[KEY_COUNT];		/* where each key was given, in the
					   step or [defaults]; 0: not, or
					   `run` and `needs` of a step that
					   shares the conf of [defaults] */
	struct confhash {
		uint64_t command, whole;
	} hash;				/* this conf's part of them, below */
};

struct step {
	const char *name;
	const char *run;
	const int *needs;		/* indices into pipeline.step */
	int nneeds;
	bool needs_all;			/* no `needs` key: every step above that
					   is not an `always` step */
	int line;			/* of its [step NAME] */
	const struct stepconf *conf;
};

struct param {
	const char *name;
	const char *value;		/* given (verbatim), else the default
					   with ${NAME} replaced */
	bool given;
	int line;			/* 0: not declared in [params] */
};

enum when_done { WHEN_DONE_STOP, WHEN_DONE_AGAIN };

struct pipeline {
	const char *path;		/* absolute, as opened */
	const char *dir;		/* absolute directory of path */
	/* These four have their ${NAME} replaced. */
	const char *name;		/* [pipeline] name, or base name */
	const char *description;	/* NULL none */
	const char *shell;		/* NULL: the default */
	const char *state_dir;		/* NULL: not said */
	/* These are as written, as steps may see other variables. */
	const char *workdir;		/* NULL: dir */
	const char *env_file;		/* NULL none */
	struct envlist env;		/* env.NAME of [pipeline] */
	int jobs;			/* 0: not said */
	int64_t timeout_ms;		/* of the whole run; 0 none */
	int64_t max_age_ms;		/* 0 none */
	int keep_runs;			/* default 20 */
	int fail_fast;			/* 0 no; N: after N failures */
	bool fail_fast_percent;		/* fail_fast is a percentage */
	enum when_done when_done;
	int env_file_line, workdir_line, shell_line; /* 0: not given */

	struct param *param;
	int nparams;
	struct step *step;
	int nsteps;
	struct table names;		/* step name -> index */
	const char *text;		/* the whole file, verbatim */
	uint32_t text_len;

	struct arena arena;
};

/* Index of the step, or -1. */
int pipeline_find(const struct pipeline *p, const char *name);

/* -1 + why: there is no such step; with what was probably meant. */
int pipeline_no_such_step(const struct pipeline *p, const char *name,
	struct why *why);

/*
 * Fingerprints, FNV-1a over canonical bytes. command: what the step executes
 * (run, shell, env keys, unset_env, env_file name, stdin, workdir): a DONE step
 * whose fingerprint changed is STALE. whole: every key of the step; a step in
 * NEEDS_REVIEW whose definition changed may be tried again.
 */
uint64_t pipeline_command_hash(const struct pipeline *p, int step);
uint64_t pipeline_whole_hash(const struct pipeline *p, int step);

/* For loading: what a conf adds to both, whichever step uses it. */
struct confhash pipeline_conf_hash(const struct pipeline *p,
	const struct stepconf *conf);

void pipeline_free(struct pipeline *p);		/* NULL allowed */

#endif
