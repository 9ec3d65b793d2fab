/* SPDX-License-Identifier: ISC */
#include "items.h"

#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "table.h"
#include "wild.h"

/* Of an item in a message. */
enum { SHOWN = 100 };

static int find_twice(const struct items *items, struct why *why)
{
	struct table seen = { 0 };
	int ret = 0;
	size_t i;

	for (i = 0; i < items->n && ret == 0; i++) {
		int first = table_get(&seen, items->v[i]);

		if (first == TABLE_NONE)
			table_put(&seen, items->v[i], (int)i);
		else
			ret = why_set(why, "item \"%.*s\" is there twice "
				"(number %d and number %zu)", SHOWN,
				items->v[i], first + 1, i + 1);
	}
	table_release(&seen);
	return ret;
}

static int add(struct items *items, char *item, struct why *why)
{
	if (strlen(item) > ITEMS_LONGEST)
		return why_set(why, "item number %zu, \"%.*s…\", is longer "
			"than %d bytes", items->n + 1, SHOWN, item,
			ITEMS_LONGEST);
	items->v = mem_grow(items->v, items->n, &items->cap,
		sizeof(*items->v));
	items->v[items->n++] = item;
	return 0;
}

int items_lines(struct items *items, struct buf *text, struct why *why)
{
	char *line, *rest;

	items->text = *text;
	memset(text, 0, sizeof(*text));
	if (items->text.len == 0)
		return 0;
	if (memchr(items->text.data, '\0', items->text.len) != NULL)
		return why_set(why, "there is a NUL byte among its lines, "
			"which no item can hold");
	rest = items->text.data;
	while ((line = strsep(&rest, "\n")) != NULL)
		if (*line != '\0' && add(items, line, why) == -1)
			return -1;
	return find_twice(items, why);
}

static bool keep(void *ctx, const char *path)
{
	struct items *items = ctx;

	buf_add(&items->text, path, strlen(path) + 1);
	items->n++;
	return true;
}

int items_words(struct items *items, char *const *word, size_t n,
	const char *dir, struct why *why)
{
	size_t i, count;
	char *at;

	for (i = 0; i < n; i++) {
		if (wild_is(word[i]))
			(void)wild_each(dir, word[i], keep, items);
		else if (*word[i] != '\0')
			(void)keep(items, word[i]);
	}
	/* now their bytes stay where they are */
	count = items->n;
	items->n = 0;
	for (at = items->text.data; count > 0; count--) {
		if (strchr(at, '\n') != NULL)
			return why_set(why, "a file name with a newline in it "
				"cannot be an item: \"%.*s\"", SHOWN, at);
		if (add(items, at, why) == -1)
			return -1;
		at += strlen(at) + 1;
	}
	return find_twice(items, why);
}

void items_release(struct items *items)
{
	free(items->v);
	buf_release(&items->text);
	memset(items, 0, sizeof(*items));
}
