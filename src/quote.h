/* SPDX-License-Identifier: ISC */
/* quote: a word as a person can type it to a shell, safe for a terminal. */
#ifndef QUOTE_H
#define QUOTE_H

#include "buf.h"

/* Append the word, in single quotes when a POSIX shell would not take it as it
 * stands. */
void quote_word(struct buf *out, const char *word);

#endif
