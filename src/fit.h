/* SPDX-License-Identifier: ISC */
/* fit: a text of any bytes in so many columns of a terminal. */
#ifndef FIT_H
#define FIT_H

#include <stddef.h>

#include "buf.h"

/* Append it as safe_line() does; what is longer has "…" in its middle. Returns
 * the columns it takes. */
size_t fit_text(struct buf *out, const char *text, size_t n, size_t columns);

/* Columns of the terminal at stdout; 0: it is none. */
size_t fit_terminal(void);

#endif
