/* SPDX-License-Identifier: ISC */
/*
 * presets: where [preset NAME] sections come from. Strongest first: the
 * pipeline file, the user's $XDG_CONFIG_HOME/durexec/presets.ini (default
 * ~/.config/durexec/presets.ini), conf/presets.ini of the source tree, which
 * is inside the binary. A preset takes the place of a weaker one of its name
 * as a whole. The [pool NAME] sections beside them work in the same way.
 */
#ifndef PRESETS_H
#define PRESETS_H

#include <stddef.h>

#include "draft.h"

/* Add those of the other files to d->preset and d->pool, when the pipeline
 * file names one that it does not have itself. */
void presets_read(struct draft *d);

/* The preset of that name: its index in d->preset, or -1 when it complained
 * that there is none. */
int presets_find(struct draft *d, int line, const char *name);

/* Put the used presets and pools of other files below p->text. */
void presets_keep(struct draft *d);

/* conf/presets.ini as it was when this durexec was built. */
const char *presets_shipped(size_t *len);

/* The user's own file, which the caller frees; NULL when there is none. */
char *presets_user_file(void);

/* A [preset NAME] or [pool NAME] as it stands in a file. */
struct preset_text {
	bool pool;
	const char *name;
	int line;
	const char *text;	/* with the comment right above it */
	size_t len;
	const char *summary;	/* the first line of that comment, without
				   its "#"; "" when there is none */
	size_t summary_len;
};

/* Calls fn for each of them, in order; they are its own until it returns. What
 * cannot be read is passed over. */
typedef void presets_fn(void *ctx, const struct preset_text *preset);
void presets_scan(const char *text, size_t len, presets_fn *fn, void *ctx);

#endif
