/* SPDX-License-Identifier: ISC */
/*
 * load: INI file -> struct pipeline, with every complaint of the file at once.
 */
#ifndef LOAD_H
#define LOAD_H

#include <stddef.h>

#include "complaints.h"
#include "pipeline.h"

/*
 * Load path with the NAME=VALUE pairs of the command line (given, ngiven
 * strings). Returns NULL with at least one complaint when anything is wrong;
 * otherwise a pipeline that the caller frees with pipeline_free(). Complaints
 * are sorted. Runs nothing and looks at nothing but the file, the environment
 * (undefined ${X}) and, when it uses presets, the user's own ones.
 *
 * p->text is the file as it is and, below it, those presets and pools of other
 * files that it uses: a run's copy of it means the same when they are changed
 * or gone.
 *
 * Only a regular file is read; for root only one that belongs to root and
 * that nobody else can write.
 */
struct pipeline *pipeline_load(const char *path, char *const *given,
	size_t ngiven, struct complaints *complaints);

/* The same from bytes: used for the run's own copy of the file (path then
 * still names the original, for messages and directories), and by tests. */
struct pipeline *pipeline_load_text(const char *path, const char *text,
	size_t len, char *const *given, size_t ngiven,
	struct complaints *complaints);

#endif
