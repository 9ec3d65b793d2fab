/* SPDX-License-Identifier: ISC */
/*
 * draft: a pipeline file half read: its sections and keys are known ones,
 * none is there twice, and the steps have names; what the values mean is read
 * afterwards (conf, needs), when [defaults] and all steps are known.
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

struct setting {
	const char *name;	/* of env.NAME, of a parameter; else NULL */
	const char *value;
	int line;
	int id;			/* enum step_key or enum pipeline_key; 0 in
				   [params] */
};

/* The settings of one section: [first, first + n) of draft->setting. */
struct block {
	int first, n;
	bool broken;		/* lines in it could not be read, or are not
				   supported yet: what seems to be missing may
				   stand in them */
};

struct draft {
	struct pipeline *p;	/* steps: name, line */
	const char *file;	/* as the user named it, for complaints */
	struct complaints *complaints;
	struct arena arena;	/* of the values; freed with the draft */

	struct setting *setting;
	size_t nsettings;
	struct block pipeline, params, defaults;
	struct block *step;	/* beside p->step */

	struct table params_table;	/* name -> index in p->param, as soon
					   as conf_params() is done */
	const struct stepconf *base;	/* of [defaults]; from conf_steps() */

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

/* Reads p->text. Zero-initialised but for p, file and complaints. */
void draft_read(struct draft *d);
void draft_release(struct draft *d);

/* hint: NULL for none, else freed here. */
void draft_complain(struct draft *d, int line, char *hint,
	const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/*
 * Like guess(), among the names of all steps. NULL too when guessing has cost
 * enough already: with 100,000 steps and as many mistakes it would take
 * minutes, and nobody reads so many hints.
 */
const char *draft_guess_step(struct draft *d, const char *word);

/* The setting of that id in the block, or NULL. */
const struct setting *draft_find(const struct draft *d,
	const struct block *block, int id);

/* When needs.h is done: does the step wait for the other one? As it says
 * itself, not by a third one's needs. Asking about one step after the other is
 * cheap. */
bool draft_needs(struct draft *d, int step, int other);

#endif
