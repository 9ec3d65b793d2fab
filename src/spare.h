/* SPDX-License-Identifier: ISC */
/*
 * spare: an empty directory and two empty files that a keeper keeps and
 * renames from step to step. Few steps put anything into $DUREXEC_DIR, and
 * many write nothing to stdout or stderr; but making and removing these costs
 * more than all else a keeper does (on ext4 without a journal a search for an
 * inode that was not freed lately: 80 microseconds each on a busy disk).
 * Allocates nothing.
 */
#ifndef SPARE_H
#define SPARE_H

#include <stdbool.h>

enum { SPARE_OUT, SPARE_ERR, SPARE_FILES };

struct spare {
	int dirfd;			/* of the run directory */
	char dir[32], file[SPARE_FILES][32];	/* names while nobody's */
	bool have_dir, have_file[SPARE_FILES];
};

void spare_init(struct spare *s, int dirfd);
void spare_release(struct spare *s);

/* The directory `dir` is there on return. -1 + errno. */
int spare_give_dir(struct spare *s, const char *dir);
/* The step is over: an empty dir is kept as the spare one, or removed. */
void spare_take_dir(struct spare *s, const char *dir);

/*
 * An empty file of that name (absolute: an existing one is opened), open for
 * appending and locked by flock: whoever inherits the descriptor carries the
 * lock. -1 + errno.
 */
int spare_give_file(struct spare *s, int which, const char *name);
/* The step is over and nobody has the file open but us, by fd, which is
 * closed: an empty one is kept, or removed. */
void spare_take_file(struct spare *s, int which, const char *name, int fd);

#endif
