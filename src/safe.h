/* SPDX-License-Identifier: ISC */
/*
 * safe: text from elsewhere (names, logs, file contents) made harmless for a
 * terminal and for the state file. Well-formed UTF-8 stays; C0 (but tab),
 * DEL, C1, bidirectional controls, line and paragraph separators and broken
 * UTF-8 become \xHH a byte. Newlines are the caller's business: safe_line
 * escapes them, too.
 *
 * Secrets (mask.h) are hidden here, before anything is escaped or cut: what
 * durexec shows goes through safe_line(), a `struct why` or a verdict through
 * safe_format().
 */
#ifndef SAFE_H
#define SAFE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "buf.h"
#include "mask.h"

/* Those of this process: none at first; secrets.h adds them. */
struct mask *safe_secrets(void);

/* Append text, one line's worth. */
void safe_line(struct buf *out, const char *text, size_t n);

/* Length of the well-formed, printable character at text (1..4), or 0 when
 * its first byte has to be escaped. */
size_t safe_char(const char *text, size_t n);

/* vsnprintf() without secrets. */
void safe_format(char *out, size_t size, const char *fmt, va_list ap)
	__attribute__((format(printf, 3, 0)));

#endif
