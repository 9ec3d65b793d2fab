/* SPDX-License-Identifier: ISC */
/* buf: a byte buffer that grows. Zero-initialised is empty; always NUL-ended
 * once something was added. */
#ifndef BUF_H
#define BUF_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

struct buf {
	char *data;
	size_t len, cap;
};

void buf_add(struct buf *b, const void *data, size_t n);
void buf_str(struct buf *b, const char *s);
void buf_char(struct buf *b, char c);
void buf_printf(struct buf *b, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void buf_vprintf(struct buf *b, const char *fmt, va_list ap)
	__attribute__((format(printf, 2, 0)));
void buf_reserve(struct buf *b, size_t n);	/* room for n more */
void buf_reset(struct buf *b);			/* empty, memory kept */
void buf_release(struct buf *b);
char *buf_steal(struct buf *b);	/* the caller frees; b is empty; never NULL */

#endif
