/* SPDX-License-Identifier: ISC */
/*
 * table: name -> index, for step names by the hundred thousand. Open
 * addressing with linear probing, load under 1/2, FNV-1a (Fowler, Noll, Vo).
 * The names stay the caller's and must outlive the table.
 */
#ifndef TABLE_H
#define TABLE_H

#include <stddef.h>
#include <stdint.h>

struct table {
	struct table_slot *slot;
	size_t size, used;
};

#define TABLE_NONE (-1)

/* index of name, or TABLE_NONE */
int table_get(const struct table *t, const char *name);
/* The name that was put there, or NULL. */
const char *table_name(const struct table *t, const char *name);
/* name must not be in the table yet; index >= 0 */
void table_put(struct table *t, const char *name, int index);
void table_release(struct table *t);

/* FNV-1a, 64 bits; start with TABLE_HASH_START, chain by passing the last. */
#define TABLE_HASH_START 0xcbf29ce484222325ull
uint64_t table_hash(uint64_t h, const void *data, size_t n);

#endif
