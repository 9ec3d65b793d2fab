/* SPDX-License-Identifier: ISC */
/* overview: several pipelines that live in one place, a line each: how the
 * newest run of each stands, and when it ended last. */
#ifndef OVERVIEW_H
#define OVERVIEW_H

#include <stddef.h>

#include "options.h"
#include "session.h"

void overview_show(const struct candidate *c, size_t n,
	const struct options *o);

#endif
