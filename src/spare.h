/* SPDX-License-Identifier: ISC */
/*
 * spare: $DUREXEC_DIR. Few steps put anything into theirs, and making and
 * removing a directory costs more than anything else a keeper does: so it
 * keeps an empty one and renames it from step to step (rename(2) replaces an
 * empty directory and refuses a full one, which is an earlier attempt's and
 * stays). Allocates nothing.
 */
#ifndef SPARE_H
#define SPARE_H

#include <stdbool.h>

struct spare {
	char name[32];	/* in the run directory, while it is nobody's */
	bool there;
};

void spare_init(struct spare *s);
/* dir, relative to dirfd, is there on return. -1 + errno. */
int spare_give(struct spare *s, int dirfd, const char *dir);
/* The step is over: an empty dir is kept as the spare one, or removed. */
void spare_take(struct spare *s, int dirfd, const char *dir);
void spare_release(struct spare *s, int dirfd);

#endif
