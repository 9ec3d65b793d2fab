/* SPDX-License-Identifier: ISC */
/* quote: a word as a person can paste it into a shell, safe for a terminal. */
#ifndef QUOTE_H
#define QUOTE_H

#include "buf.h"

/* Append the word: in single quotes when a POSIX shell would not take it as it
 * stands, and as $'…' (bash, zsh, ksh, POSIX 2024) when something in it must
 * not reach a terminal. Without secrets (safe.h). */
void quote_word(struct buf *out, const char *word);
/* The same of what is not for showing: as it is. */
void quote_raw(struct buf *out, const char *word);

#endif
