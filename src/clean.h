/* SPDX-License-Identifier: ISC */
/* clean: `durexec clean`: removes finished runs, but for the newest ones. */
#ifndef CLEAN_H
#define CLEAN_H

#include "options.h"

/* Of the pipeline file with its parameters; of a bare file those of each
 * NAME=VALUE that it ever ran with. Exit status. */
int clean_main(const struct options *o);

#endif
