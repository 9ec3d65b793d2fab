/* SPDX-License-Identifier: ISC */
/*
 * words: a command that says the same with and without a shell -> its argv.
 *
 * That is a simple command (POSIX.1-2017, XCU 2.9.1) of words that stand for
 * themselves: plain characters, '…', \' between quotes, and $'…' with the
 * escapes \' \\ and \NNN (as quote.h writes them). No expansion, redirection,
 * assignment, job, reserved word or builtin.
 */
#ifndef WORDS_H
#define WORDS_H

#include <stddef.h>

/* NULL-ended, in one allocation that the caller frees; NULL: it needs a
 * shell. *longest (may be NULL): bytes of the longest word; set with an argv
 * only. */
char **words_split(const char *text, size_t *longest);

#endif
