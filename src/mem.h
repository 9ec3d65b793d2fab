/* SPDX-License-Identifier: ISC */
/*
 * mem: allocation that cannot fail. Out of memory ends the process with exit
 * status 4 at once: keepers go on and their mailboxes keep what they saw, so
 * nothing is lost by it.
 */
#ifndef MEM_H
#define MEM_H

#include <stddef.h>

void *mem_alloc(size_t size);			/* zeroed */
void *mem_resize(void *p, size_t size);		/* not zeroed */
char *mem_dup(const char *s);
char *mem_dupn(const char *s, size_t n);	/* adds the NUL */
char *mem_printf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* What a call gave that allocates by itself (realpath, fdopendir): p; the
 * process ends when it is NULL for want of memory (errno). So nothing counts as
 * not there that could not be looked for. */
void *mem_of(void *p);
/* Such a call says that there is none: the process ends. */
_Noreturn void mem_none(void);

/*
 * Make room for one more in an array that grows by doubling; *cap counts
 * elements. Returns the array, moved or not.
 */
void *mem_grow(void *array, size_t used, size_t *cap, size_t element);

/*
 * An arena: many small strings that live and die together, without malloc's
 * 16 bytes each. Zero-initialised is empty.
 */
struct arena {
	struct arena_block *head;
};

void *arena_alloc(struct arena *a, size_t size);	/* 8-aligned, zeroed */
char *arena_dup(struct arena *a, const char *s);
char *arena_dupn(struct arena *a, const char *s, size_t n);
void arena_release(struct arena *a);

#endif
