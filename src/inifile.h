/* SPDX-License-Identifier: ISC */
/*
 * inifile: the sections and keys of an INI file, values verbatim, through
 * libinih.
 *
 * A value is the rest of its line and every indented or blank line below it.
 * Blanks after the "=", the common indentation of the lines below, and blank
 * lines at the end go; a first line with nothing on it is no line of the
 * value. Nothing else is touched. A line with ";" or "#" in column 0 is a
 * comment, inside a value too. A byte order mark and CRLF are accepted.
 *
 * libinih alone cuts lines at 200 bytes, text at " ;" and names at 49 bytes,
 * and drops indentation and blank lines. So it is handed a file that has none
 * of these: line for line `key=@N` for a key whose value is block N, `[@N]`
 * for a section, and an empty line for each line that belongs to a value, to a
 * comment or to a mistake. It still finds the keys and counts the lines. This
 * works with every inih since r53, whatever it was built with.
 */
#ifndef INIFILE_H
#define INIFILE_H

#include <stddef.h>

#include "buf.h"

/* Longer names of steps, keys and parameters are refused. */
#define INIFILE_NAME 48

/*
 * Called in the order of lines. Everything handed over is the caller's only
 * until the function returns.
 */
struct inifile_handler {
	void *ctx;
	/* [text]: without the brackets and the blanks beside them */
	void (*section)(void *ctx, int line, const char *text, size_t len);
	/*
	 * key is one word of letters, digits, "_", "." and "-", at most
	 * INIFILE_NAME long; value is NUL-ended. -1 stops nothing, but
	 * inifile_parse() returns the line.
	 */
	int (*key)(void *ctx, int line, const char *key, const char *value,
		size_t len);
	/* A line that cannot be read; hint may be NULL. */
	void (*problem)(void *ctx, int line, const char *hint,
		const char *message);
};

/*
 * Returns 0, or the number of the first line whose key was refused by key(),
 * as libinih counted it. A line that went to problem() is left out, and what
 * is indented below it too.
 */
int inifile_parse(const char *text, size_t len,
	const struct inifile_handler *handler);

/*
 * text begins with the line of a key: how many lines below it the n-th line
 * (from 0) of its value stands. 0: in the line of the key.
 */
int inifile_value_line(const char *text, size_t len, int n);

#endif
