/* SPDX-License-Identifier: ISC */
#include "table.h"

#include <stdlib.h>
#include <string.h>

#include "mem.h"

struct table_slot {
	const char *name;	/* NULL: free */
	int index;
};

uint64_t table_hash(uint64_t h, const void *data, size_t n)
{
	const unsigned char *s = data;
	size_t i;

	for (i = 0; i < n; i++)
		h = (h ^ s[i]) * 0x100000001b3ull;
	return h;
}

static struct table_slot *find(struct table_slot *slot, size_t size,
	const char *name)
{
	size_t i = table_hash(TABLE_HASH_START, name, strlen(name)) &
		(size - 1);

	while (slot[i].name != NULL && strcmp(slot[i].name, name) != 0)
		i = (i + 1) & (size - 1);
	return &slot[i];
}

int table_get(const struct table *t, const char *name)
{
	struct table_slot *s;

	if (t->size == 0)
		return TABLE_NONE;
	s = find(t->slot, t->size, name);
	return s->name != NULL ? s->index : TABLE_NONE;
}

const char *table_name(const struct table *t, const char *name)
{
	return t->size != 0 ? find(t->slot, t->size, name)->name : NULL;
}

void table_put(struct table *t, const char *name, int index)
{
	struct table_slot *s;

	if ((t->used + 1) * 2 > t->size) {
		size_t size = t->size != 0 ? t->size * 2 : 16, i;
		struct table_slot *grown = mem_alloc(size * sizeof(*grown));

		for (i = 0; i < t->size; i++)
			if (t->slot[i].name != NULL)
				*find(grown, size, t->slot[i].name) =
					t->slot[i];
		free(t->slot);
		t->slot = grown;
		t->size = size;
	}
	s = find(t->slot, t->size, name);
	s->name = name;
	s->index = index;
	t->used++;
}

void table_release(struct table *t)
{
	free(t->slot);
	t->slot = NULL;
	t->size = t->used = 0;
}
