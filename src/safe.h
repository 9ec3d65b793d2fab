/* SPDX-License-Identifier: ISC */
/*
 * safe: text from elsewhere (names, logs, file contents) made harmless for a
 * terminal and for the state file. Well-formed UTF-8 stays; C0 (but tab),
 * DEL, C1, bidirectional controls, line and paragraph separators and broken
 * UTF-8 become \xHH a byte. Newlines are the caller's business: safe_line
 * escapes them, too.
 */
#ifndef SAFE_H
#define SAFE_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"

/* Append text, one line's worth. */
void safe_line(struct buf *out, const char *text, size_t n);

/* Length of the well-formed, printable character at text (1..4), or 0 when
 * its first byte has to be escaped. */
size_t safe_char(const char *text, size_t n);

#endif
