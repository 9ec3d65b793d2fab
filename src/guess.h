/* SPDX-License-Identifier: ISC */
/* guess: "did you mean". Optimal string alignment distance (Damerau 1964,
 * restricted to adjacent transpositions). */
#ifndef GUESS_H
#define GUESS_H

#include <stddef.h>

/* The nearest of the n words, or NULL when none is near enough to be meant
 * (distance over a third of the word, at least 1). */
const char *guess(const char *word, const char *const *words, size_t n);

#endif
