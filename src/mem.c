/* SPDX-License-Identifier: ISC */
#include "mem.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The exit status of "the state cannot be kept". */
enum { STATUS_STATE = 4 };

void mem_none(void)
{
	static const char text[] = "durexec: out of memory; steps that run go "
		"on, and the next durexec finds them\n";

	/* no more memory is asked for on the way out */
	(void)!write(STDERR_FILENO, text, sizeof(text) - 1);
	_exit(STATUS_STATE);
}

static void *check(void *p)
{
	if (p == NULL)
		mem_none();
	return p;
}

void *mem_of(void *p)
{
	return p != NULL || errno != ENOMEM ? p : check(NULL);
}

void *mem_alloc(size_t size)
{
	return check(calloc(1, size != 0 ? size : 1));
}

void *mem_resize(void *p, size_t size)
{
	return check(realloc(p, size != 0 ? size : 1));
}

char *mem_dupn(const char *s, size_t n)
{
	char *copy = mem_alloc(n + 1);

	memcpy(copy, s, n);
	return copy;
}

char *mem_dup(const char *s)
{
	return mem_dupn(s, strlen(s));
}

char *mem_printf(const char *fmt, ...)
{
	va_list ap;
	char *text;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	return check(n == -1 ? NULL : text);
}

void *mem_grow(void *array, size_t used, size_t *cap, size_t element)
{
	if (used < *cap)
		return array;
	*cap = *cap != 0 ? *cap * 2 : 8;
	return mem_resize(array, *cap * element);
}

/* 64 KiB: large against the strings in it, small against a process. */
enum { BLOCK = 64 * 1024 };

struct arena_block {
	struct arena_block *next;
	size_t used, size;
	/* 8-aligned as the header is a multiple of 8 */
	char data[];
};

void *arena_alloc(struct arena *a, size_t size)
{
	struct arena_block *b = a->head;
	size_t need = (size + 7) & ~(size_t)7;
	void *p;

	/* Packed strings leave odd offsets behind. */
	if (b != NULL)
		b->used = (b->used + 7) & ~(size_t)7;
	if (b == NULL || b->used > b->size || b->size - b->used < need) {
		size_t room = need > BLOCK / 4 ? need : BLOCK;

		b = mem_alloc(sizeof(*b) + room);
		b->size = room;
		/* A big one of its own must not hide the open block. */
		if (room != BLOCK && a->head != NULL) {
			b->next = a->head->next;
			a->head->next = b;
		} else {
			b->next = a->head;
			a->head = b;
		}
	}
	p = b->data + b->used;
	b->used += need;
	return p;
}

char *arena_dupn(struct arena *a, const char *s, size_t n)
{
	char *copy;
	struct arena_block *b = a->head;

	/* Strings need no alignment: pack them. */
	if (b != NULL && b->used <= b->size &&
	    b->size - b->used >= n + 1) {
		copy = b->data + b->used;
		b->used += n + 1;
	} else {
		copy = arena_alloc(a, n + 1);
	}
	memcpy(copy, s, n);
	copy[n] = '\0';
	return copy;
}

char *arena_dup(struct arena *a, const char *s)
{
	return arena_dupn(a, s, strlen(s));
}

void arena_release(struct arena *a)
{
	struct arena_block *b, *next;

	for (b = a->head; b != NULL; b = next) {
		next = b->next;
		free(b);
	}
	a->head = NULL;
}
