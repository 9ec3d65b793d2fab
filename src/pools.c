/* SPDX-License-Identifier: ISC */
#include "pools.h"

#include <string.h>
#include <strings.h>

#include "given.h"
#include "inifile.h"
#include "mem.h"
#include "refs.h"
#include "values.h"

/* More are a typing error; there are at most 1024 attempts at a time. */
#define MOST_SLOTS 1000

/* The last of slots that are counted, "999", and a NUL. */
#define COUNTED 4

static void set_count(struct draft *d, struct pool *pool, int n)
{
	struct arena *a = &d->p->arena;
	char *text = arena_alloc(a, (size_t)n * COUNTED);

	pool->slot = arena_alloc(a, (size_t)n * sizeof(*pool->slot));
	pool->nslots = n;
	for (int i = 0; i < n; i++, text += COUNTED) {
		char digits[COUNTED];
		int k = COUNTED - 1, rest = i;

		digits[k] = '\0';
		do
			digits[--k] = (char)('0' + rest % 10);
		while ((rest /= 10) != 0);
		strcpy(text, digits + k);
		pool->slot[i] = text;
	}
}

static bool good_slot(struct draft *d, const struct setting *s,
	const char *name, struct table *seen)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz"
		"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";

	/* "-1" is a count gone wrong */
	if (*name == '\0' || *name == '-' || *name == '.' ||
	    name[strspn(name, letters)] != '\0' ||
	    strlen(name) > INIFILE_NAME) {
		given_bad(d, s, "slots", name, NULL, "expected a count from 1 "
			"to 1000, or names of letters, digits, \"_\", \".\" "
			"and \"-\"");
		return false;
	}
	if (table_get(seen, name) != TABLE_NONE) {
		given_bad(d, s, "slots", name, NULL, "each slot has a name of "
			"its own, and this one is there twice");
		return false;
	}
	table_put(seen, name, 0);
	return true;
}

static void read_slots(struct draft *d, const struct setting *s,
	struct pool *pool)
{
	struct strlist words = refs_words(d, s->line, "slots", s->value);
	struct table seen = { 0 };
	int n;

	if (words.n == 0 && s->value[strspn(s->value, " \t\r\n,")] != '\0')
		return;		/* refs_words() complained */
	if (words.n == 1 && words.v[0][strspn(words.v[0], "0123456789")] ==
	    '\0' && *words.v[0] != '\0') {
		if (values_int(words.v[0], 1, MOST_SLOTS, &n, NULL) == 0)
			set_count(d, pool, n);
		else
			given_bad(d, s, "slots", words.v[0], NULL,
				"expected a count from 1 to 1000");
		return;
	}
	if (words.n == 0 || words.n > MOST_SLOTS) {
		given_bad(d, s, "slots", words.n == 0 ? "" : words.v[0], NULL,
			"expected a count such as 2, or the names of at most "
			"1000 slots");
		return;
	}
	pool->slot = arena_alloc(&d->p->arena,
		(size_t)words.n * sizeof(*pool->slot));
	pool->nslots = 0;
	for (int i = 0; i < words.n; i++)
		if (good_slot(d, s, words.v[i], &seen))
			pool->slot[pool->nslots++] = arena_dup(&d->p->arena,
				words.v[i]);
	table_release(&seen);
}

static void read_scope(struct draft *d, const struct setting *s,
	struct pool *pool)
{
	struct buf buf = { 0 };
	const char *text = given_now(d, s, "scope", &buf);

	if (text != NULL && strcasecmp(text, "machine") == 0)
		pool->machine = true;
	else if (text != NULL && strcasecmp(text, "run") != 0)
		given_bad(d, s, "scope", text, NULL,
			"expected run or machine");
	buf_release(&buf);
}

static void read_interval(struct draft *d, const struct setting *s,
	struct pool *pool)
{
	struct buf buf = { 0 };
	struct why why;
	const char *text = given_now(d, s, "min_interval", &buf);

	if (text != NULL &&
	    values_duration(text, &pool->min_interval_ms, &why) == -1)
		given_bad(d, s, "min_interval", text, NULL, why.text);
	buf_release(&buf);
}

/* A slot that all pipelines share is a file POOL.SLOT beside POOL.pool, so no
 * two of them may come to the same name. */
static void check_machine(struct draft *d, const struct setting *slots,
	const struct pool *pool)
{
	if (!pool->machine || slots == NULL)
		return;
	for (int i = 0; i < pool->nslots; i++)
		if (strchr(pool->slot[i], '.') != NULL ||
		    strcmp(pool->slot[i], "pool") == 0)
			given_bad(d, slots, "slots", pool->slot[i], NULL,
				"with scope = machine no slot has a \".\" in "
				"its name or is called \"pool\"");
}

static void read_pool(struct draft *d, struct named *named)
{
	struct pipeline *p = d->p;
	struct pool *pool;
	const struct setting *slots = NULL;

	p->pool = mem_grow(p->pool, (size_t)p->npools, &d->pool_cap,
		sizeof(*p->pool));
	pool = &p->pool[p->npools];
	memset(pool, 0, sizeof(*pool));
	pool->name = named->name;
	pool->line = named->source->own ? named->line : 0;
	for (int i = 0; i < named->block.n; i++) {
		const struct setting *s = &d->setting[named->block.first + i];

		switch ((enum pool_key)s->id) {
		case POOL_SLOTS:
			read_slots(d, s, pool);
			slots = s;
			break;
		case POOL_MIN_INTERVAL:
			read_interval(d, s, pool);
			break;
		case POOL_SCOPE:
			read_scope(d, s, pool);
			break;
		case POOL_KEY_COUNT:
			break;
		}
	}
	if (pool->nslots == 0)
		set_count(d, pool, 1);
	check_machine(d, slots, pool);
	named->pool = p->npools++;
}

void pools_read(struct draft *d)
{
	for (int i = 0; i < d->pool.n; i++)
		if (d->pool.v[i].source->own)
			read_pool(d, &d->pool.v[i]);
}

static int unknown(struct draft *d, const struct setting *s, const char *name)
{
	const char *meant = draft_guess_named(d, &d->pool, name);

	draft_complain(d, s->line, meant != NULL ?
		mem_printf("did you mean \"%s\"?", meant) :
		mem_printf("write [pool %.48s], and below it slots = COUNT",
			name), "pool = %.48s: there is no such pool", name);
	return -1;
}

int pools_find(struct draft *d, const struct setting *s, const char *name)
{
	int at = table_get(&d->pool.names, name);
	struct source *source = d->source;
	const char *file = d->file;
	struct named *named;

	if (at == TABLE_NONE)
		return unknown(d, s, name);
	named = &d->pool.v[at];
	if (named->pool == -1) {
		draft_turn(d, named->source, named->source->file);
		read_pool(d, named);
		draft_turn(d, source, file);
	}
	return named->pool;
}
