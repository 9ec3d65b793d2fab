/* SPDX-License-Identifier: ISC */
/*
 * items: what a fan-out runs over, from words or from lines. An item is any
 * bytes but NUL and newline, at most ITEMS_LONGEST of them.
 */
#ifndef ITEMS_H
#define ITEMS_H

#include <stddef.h>

#include "buf.h"
#include "msg.h"

/* What a path may have (PATH_MAX): names of variables and records are sized
 * for it. */
enum { ITEMS_LONGEST = 4096 };
/* Of a list, bytes: a million paths are some tens of megabytes, and it is read
 * whole. */
enum { ITEMS_MOST = 256 * 1024 * 1024 };

/* Zero-initialised is empty. */
struct items {
	char **v;
	size_t n, cap;
	struct buf text;	/* their bytes */
};

/* The lines of text (which is taken over); empty ones are left out. -1 + why:
 * one cannot be an item, or is there twice. */
int items_lines(struct items *items, struct buf *text, struct why *why);

/* The words, and what they match as patterns in dir; one that matches nothing
 * is left out. -1 + why as above. */
int items_words(struct items *items, char *const *word, size_t n,
	const char *dir, struct why *why);

void items_release(struct items *items);

#endif
