/* SPDX-License-Identifier: ISC */
/*
 * draft: a pipeline file half read: its sections and keys are known ones,
 * none is there twice, and the steps have names; what the values mean is read
 * afterwards (pools, conf, needs), when [defaults] and all steps are known.
 * The same with files that hold presets only (presets.h).
 */
#ifndef DRAFT_H
#define DRAFT_H

#include <stdbool.h>
#include <stddef.h>

#include "complaints.h"
#include "keys.h"
#include "pipeline.h"

/* How many comparisons of two letters all "did you mean" of a file may take
 * together: a fifth of a second. */
#define DRAFT_GUESSES 5e7

/* A file that is read: the pipeline's own, or one of presets. */
struct source {
	const char *file;	/* as the user named it, for complaints */
	const char *text;
	size_t len;
	bool own;		/* the pipeline file itself */
	bool shipped;		/* the presets inside durexec: no file */
	int line;		/* the line that begins at `at`; 0: none is
				   known, for draft_value_line() */
	size_t at;
};

struct setting {
	const char *name;	/* of env.NAME, verify.NAME, of a parameter;
				   else NULL */
	const char *value;
	int line;
	int id;			/* enum step_key, pipeline_key or pool_key; 0
				   in [params] */
};

/* The settings of one section: [first, first + n) of draft->setting. */
struct block {
	int first, n;
	bool broken;		/* lines in it could not be read, or are not
				   supported yet: what seems to be missing may
				   stand in them */
};

/* [pool NAME] or [preset NAME] */
struct named {
	const char *name;
	struct source *source;
	struct block block;
	int line;
	int pool;		/* of a pool: its index in p->pool, -1 as long
				   as it is not there */
	bool used;		/* of a preset: by a step, or by [defaults] */
};

struct namedlist {
	struct named *v;
	int n;
	size_t cap;
	struct table names;	/* name -> index: of several of a name the one
				   that was read first: the strongest */
};

/*
 * The keys of a list of presets on top of [defaults]: what steps begin with.
 * Steps that say nothing more share its conf.
 */
struct variant {
	const char *presets;	/* their names, a blank between two */
	const struct stepconf *conf;
	struct table env;	/* name -> index in conf->env */
	bool never;		/* rerun = never, whatever the receipt says */
	int refs;		/* for scopes.c */
};

struct draft {
	struct pipeline *p;	/* steps: name, line */
	const char *file;	/* what complaints cite: that of `source`, or
				   the preset inside durexec */
	struct source *source;	/* whose text or values are being read */
	struct source own;	/* the pipeline file */
	struct complaints *complaints;
	struct arena arena;	/* of the values; freed with the draft */

	struct setting *setting;
	size_t nsettings, setting_cap;
	struct block pipeline, params, defaults;
	struct block *step;	/* beside p->step */
	struct namedlist pool, preset;
	size_t pool_cap;	/* of p->pool */

	struct table params_table;	/* name -> index in p->param, as soon
					   as given_params() is done */
	/* From conf_steps(). */
	struct variant *variant;
	int nvariants;
	size_t variant_cap;
	int *variant_of;	/* per step: what it begins with */

	/* From needs_resolve(): the list of [defaults], which steps share. */
	const int *common;
	int ncommon;
	bool *in_common;	/* per step */
	int *mark;		/* per step: 1 + the step that needs it, of
				   those asked about */
	int marked;		/* that step */

	/* For refs.c, filled when first needed: the names of our environment,
	 * and step names as they stand in DUREXEC_OUT_<step>. */
	struct strlist environment;
	struct table variables;
	bool *ambiguous;	/* per step: another one's looks the same */
	double guesses;		/* what guessing has cost so far */
};

/* Reads p->text. Zero-initialised but for p, complaints and own.file. */
void draft_read(struct draft *d);
/* The [preset NAME] and [pool NAME] of another file. It has to outlive d. */
void draft_read_presets(struct draft *d, struct source *source);
void draft_release(struct draft *d);

/* From now on values of this source are read, and complaints are about it;
 * file: as they cite it. */
void draft_turn(struct draft *d, struct source *source, const char *file);

/* The line of d->source in which the n-th line (from 0) of the value stands
 * whose key is in `line`. */
int draft_value_line(struct draft *d, int line, int n);

/* hint: NULL for none, else freed here. */
void draft_complain(struct draft *d, int line, char *hint,
	const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/*
 * Like guess(). NULL too when guessing has cost enough already: with 100,000
 * steps and as many mistakes it would take minutes, and nobody reads so many
 * hints.
 */
const char *draft_guess(struct draft *d, const char *word,
	const char *const *words, size_t n);
/* The same among the names of all steps, or of all pools or presets. */
const char *draft_guess_named(struct draft *d, const struct namedlist *list,
	const char *word);
const char *draft_guess_step(struct draft *d, const char *word);
/* "did you mean" of it, for draft_complain(); or NULL. */
char *draft_meant_step(struct draft *d, const char *word);

/* The setting of that id in the block, or NULL. */
const struct setting *draft_find(const struct draft *d,
	const struct block *block, int id);

/* Of `foreach = step:NAME`: NAME; else NULL. */
const char *draft_items_of(const struct stepconf *c);

/* When needs.h is done: does the step wait for the other one? As it says
 * itself, not by a third one's needs. Asking about one step after the other is
 * cheap. */
bool draft_needs(struct draft *d, int step, int other);

#endif
