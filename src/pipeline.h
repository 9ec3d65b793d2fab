/* SPDX-License-Identifier: ISC */
/*
 * pipeline: what the user asked for, after loading. It is never changed once
 * pipeline_load() (load.h) has returned it. Strings belong to the pipeline's
 * arena; values are as written (before ${NAME} is replaced) unless it says
 * otherwise. 100,000 steps must fit in a few tens of megabytes, so what most
 * steps share stands in `struct stepconf` and steps without keys of their own
 * share the one of their presets, or of [defaults].
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
	KEY_RUN, KEY_NEEDS, KEY_IF, KEY_FOREACH, KEY_FOREACH_FROM,
	KEY_PARALLEL, KEY_ALWAYS,
	KEY_ALLOW_FAILURE, KEY_REVIEW, KEY_RETRIES, KEY_RETRY_DELAY,
	KEY_RETRY_FACTOR, KEY_RETRY_MAX_DELAY, KEY_RETRY_JITTER, KEY_RETRY_ON,
	KEY_RETRY_IF, KEY_GIVE_UP_ON, KEY_GIVE_UP_IF, KEY_WAIT_IF,
	KEY_WAIT_MAX, KEY_RERUN, KEY_RESUME_RUN, KEY_TIMEOUT,
	KEY_IDLE_TIMEOUT, KEY_STOP_SIGNAL, KEY_STOP_GRACE, KEY_OK_EXIT,
	KEY_OUTPUTS, KEY_OUTPUTS_FRESH, KEY_VERIFY, KEY_VERIFY_TIMEOUT,
	KEY_FAIL_IF, KEY_OK_IF, KEY_RECEIPT, KEY_INPUTS, KEY_STDIN, KEY_STDOUT,
	KEY_ENV, KEY_UNSET_ENV, KEY_ENV_FILE, KEY_WORKDIR, KEY_UMASK, KEY_NICE,
	KEY_SECRETS, KEY_MAX_OUTPUT, KEY_REQUIRES, KEY_CHECK, KEY_POOL, KEY_PRESET,
	KEY_COST, KEY_COST_FROM,
	KEY_COUNT
};

/* Keys of [pool NAME]. */
enum pool_key { POOL_SLOTS, POOL_MIN_INTERVAL, POOL_SCOPE, POOL_KEY_COUNT };

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

/* verify.NAME: a command that is asked after success. */
struct gate {
	const char *name;
	const char *script;
	int line;
};

struct gatelist {
	struct gate *v;
	int n;
};

/* Which exit codes: a bit for each of 0..255. */
struct exits {
	uint8_t bit[32];
};

/* POSIX extended regular expressions, any of which may match; each compiles
 * (pattern.h). A value has one a line; those of [defaults], presets and step
 * add up. */
struct patterns {
	const char **v;
	int n;
	uint64_t hash;		/* of them all: many steps share them, and
				   each has a fingerprint */
};

struct stepconf {
	const char *condition;		/* if; NULL none */
	/* Fan-out: at most one of these two is given. */
	struct strlist foreach;		/* words and globs as written, or the
					   one word "step:NAME"; n 0: none */
	const char *foreach_from;	/* script whose lines are the items, or
					   "step:NAME": lines of its stdout;
					   NULL none */
	const char *check;		/* NULL none */
	struct strlist requires;
	struct strlist outputs;
	struct strlist inputs;		/* as written: paths, globs */
	struct strlist secrets;		/* names of variables */
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
	bool review;			/* wait for a person after success */
	bool never;			/* rerun = never; always with receipt */
	bool outputs_fresh;		/* default true */
	bool retry_on_given;
	struct exits ok_exit;		/* bit 0 is set */
	struct exits retry_on, give_up_on;
	int retries;			/* default 0 */
	int retry_jitter;		/* percent, default 10 */
	double retry_factor;		/* default 2 */
	int64_t retry_delay_ms;		/* default 1 s */
	int64_t retry_max_delay_ms;	/* default 5 min */
	int64_t wait_max_ms;		/* all waits in a row together; default
					   3 days */
	int64_t verify_timeout_ms;	/* of each gate; default 10 min */
	int64_t max_output;		/* bytes; 0 none */
	struct patterns retry_if, give_up_if, wait_if, fail_if, ok_if;
	struct patterns receipt;	/* these two do not add up */
	struct patterns cost_from;
	int64_t cost;			/* money of an attempt, in millionths */
	bool costs;			/* `cost` or `cost_from` is given */
	struct gatelist gates;		/* verify.NAME, in order */
	const char *resume_run;		/* NULL none */
	int pool;			/* index into pipeline.pool, -1 none */
	int parallel;			/* items at a time; 0 no limit */
	int line[KEY_COUNT];		/* where each key was given, in the
					   step, a preset of the file, or
					   [defaults]; of a preset elsewhere the
					   line of `preset`; 0: not, or `run`
					   and `needs` of a step that shares
					   its conf with others */
	struct confhash {
		uint64_t command, whole;
	} hash;				/* this conf's part of them, below */
};

struct step {
	const char *name;
	const char *run;		/* NULL: only an approval (review) */
	const int *needs;		/* indices into pipeline.step */
	int nneeds;
	bool needs_all;			/* no `needs` key: every step above that
					   is not an `always` step */
	int line;			/* of its [step NAME] */
	int root;			/* -1: no fan-out. Its own index: it has
					   a list of items of its own. Else the
					   step (whose root is itself) that it
					   shares the items of: item by item, it
					   is tied to all steps of that root
					   which it needs */
	const struct stepconf *conf;
};

struct param {
	const char *name;
	const char *value;		/* given (verbatim), else the default
					   with ${NAME} replaced */
	bool given;
	int line;			/* 0: not declared in [params] */
};

/* [pool NAME] */
struct pool {
	const char *name;
	const char **slot;		/* their names: "0", "1"… of a count */
	int nslots;			/* at least 1 (the default) */
	int64_t min_interval_ms;	/* between two starts; 0 none */
	bool machine;			/* scope = machine */
	int line;			/* 0: it is in a file of presets */
};

/* Commands that are told how the run goes: on_done … */
enum hook { HOOK_DONE, HOOK_REVIEW, HOOK_WAIT, HOOK_EXIT, HOOKS };

enum when_done { WHEN_DONE_STOP, WHEN_DONE_AGAIN };

enum keep_logs { KEEP_LOGS_ALL, KEEP_LOGS_FAILED };

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
	enum keep_logs keep_logs;	/* failed: those of what is DONE are
					   removed as it is finished */
	int64_t budget;			/* millionths; -1 none */
	const char *hook[HOOKS];	/* scripts; NULL none */
	int env_file_line, workdir_line, shell_line; /* 0: not given */

	struct param *param;
	int nparams;
	struct pool *pool;
	int npools;
	struct step *step;
	int nsteps;
	struct table names;		/* step name -> index */
	const char *text;		/* the whole file, verbatim, and what
					   it uses of other files (load.h) */
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
 * (run, shell, env keys, unset_env, env_file name, stdin, workdir, the words of
 * `inputs`, whether it has items, and the value of each parameter that one of these names): a DONE
 * step whose fingerprint changed is STALE. whole: every key of the step; a step in
 * NEEDS_REVIEW whose definition changed may be tried again.
 */
uint64_t pipeline_command_hash(const struct pipeline *p, int step);
uint64_t pipeline_whole_hash(const struct pipeline *p, int step);

/* For loading: what a conf adds to both, whichever step uses it. */
struct confhash pipeline_conf_hash(const struct pipeline *p,
	const struct stepconf *conf);

void pipeline_free(struct pipeline *p);		/* NULL allowed */

#endif
