/* SPDX-License-Identifier: ISC */
/*
 * keys: every section and key that a pipeline file may have, whether this
 * version acts on it, and what was probably meant by a word that is none.
 */
#ifndef KEYS_H
#define KEYS_H

#include <stdbool.h>
#include <stddef.h>

#include "pipeline.h"

enum section {
	SECTION_PIPELINE, SECTION_PARAMS, SECTION_DEFAULTS, SECTION_STEP,
	SECTION_POOL, SECTION_PRESET,
	SECTION_COUNT
};

/* Keys of [pipeline] this version acts on. Steps have enum step_key, pools
 * enum pool_key. */
enum pipeline_key {
	PIPELINE_NAME, PIPELINE_DESCRIPTION, PIPELINE_JOBS, PIPELINE_SHELL,
	PIPELINE_WORKDIR, PIPELINE_STATE_DIR, PIPELINE_TIMEOUT,
	PIPELINE_ENV_FILE, PIPELINE_ENV, PIPELINE_FAIL_FAST,
	PIPELINE_KEEP_RUNS, PIPELINE_KEEP_LOGS, PIPELINE_WHEN_DONE,
	PIPELINE_MAX_AGE, PIPELINE_BUDGET, PIPELINE_ON_DONE,
	PIPELINE_ON_REVIEW, PIPELINE_ON_WAIT, PIPELINE_ON_EXIT,
	PIPELINE_COUNT
};

struct section_name {
	const char *name;
	bool named;		/* [name NAME] */
};

struct key {
	const char *name;	/* "env." stands for env.NAME */
	int id;			/* enum step_key, pipeline_key or pool_key */
	bool script;		/* its ${NAME} are the shell's */
};

extern const struct section_name keys_section[SECTION_COUNT];

/* The keys of [pipeline], of [pool NAME], or of [step NAME], [defaults] and
 * [preset NAME], in the order of the man page. [params] has none here. */
const struct key *keys_of(enum section section, size_t *n);

/* What of them a preset may not say: what is done, and when, is the step's
 * own business. */
bool keys_not_in_preset(int id);

/* The key of that name, or NULL. For env.NAME and the like it is the entry
 * that ends in a dot. */
const struct key *keys_find(enum section section, const char *name);

/*
 * What to type instead of an unknown key or section: a sentence the caller
 * frees, or NULL.
 */
char *keys_hint(enum section section, const char *name);
char *keys_section_hint(const char *text);

#endif
