/* SPDX-License-Identifier: ISC */
#include "wild.h"

#include <fnmatch.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "buf.h"
#include "mem.h"

bool wild_is(const char *pattern)
{
	return strpbrk(pattern, "*?[") != NULL;
}

/* The pattern below a directory whose own name is none. */
static char *below(const char *dir, const char *pattern, bool quote)
{
	struct buf path = { 0 };

	if (pattern[0] != '/') {
		for (; *dir != '\0'; dir++) {
			if (quote && strchr("*?[\\", *dir) != NULL)
				buf_char(&path, '\\');
			buf_char(&path, *dir);
		}
		buf_char(&path, '/');
	}
	buf_str(&path, pattern);
	return buf_steal(&path);
}

bool wild_each(const char *dir, const char *pattern, wild_fn *fn, void *ctx)
{
	size_t skip = pattern[0] == '/' ? 0 : strlen(dir) + 1, i;
	char *path = below(dir, pattern, false);
	struct stat st;
	/* "*" matches a file that is really called so as well, and all others
	 * with it; "a[1].txt" does not match itself */
	bool literal = fnmatch(pattern, pattern,
		FNM_PATHNAME | FNM_PERIOD) != 0 || !wild_is(pattern);
	bool any = literal && lstat(path, &st) == 0;
	glob_t hits;
	int found;

	free(path);
	if (any) {
		(void)fn(ctx, pattern);
		return true;
	}
	path = below(dir, pattern, true);
	found = wild_is(pattern) ? glob(path, 0, NULL, &hits) : GLOB_NOMATCH;
	/* not the same as none */
	if (found == GLOB_NOSPACE)
		mem_none();
	if (found == 0) {
		any = hits.gl_pathc > 0;
		for (i = 0; i < hits.gl_pathc; i++)
			if (!fn(ctx, hits.gl_pathv[i] + skip))
				break;
		globfree(&hits);
	}
	free(path);
	return any;
}
