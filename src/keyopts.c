/* SPDX-License-Identifier: ISC */
#include "keyopts.h"

#include <stdlib.h>
#include <string.h>

#include "keys.h"
#include "mem.h"
#include "table.h"
#include "values.h"

struct keyopts_value {
	int id;				/* enum step_key */
	char *key;			/* as it stands in a file */
	struct buf value;
};

void keyopts_init(struct keyopts *k)
{
	memset(k, 0, sizeof(*k));
}

void keyopts_release(struct keyopts *k)
{
	size_t i;

	for (i = 0; i < k->n; i++) {
		free(k->v[i].key);
		buf_release(&k->v[i].value);
	}
	for (i = 0; i < KEY_COUNT; i++)
		free(k->name[i]);
	free(k->v);
	keyopts_init(k);
}

/* "retry_delay" -> "retry-delay", "env." -> "env" */
static char *option_of(const char *key)
{
	char *name = mem_dup(key), *c;

	for (c = name; *c != '\0'; c++)
		if (*c == '_')
			*c = '-';
	if (c > name && c[-1] == '.')
		c[-1] = '\0';
	return name;
}

size_t keyopts_options(struct keyopts *k, bool (*wanted)(enum step_key key),
	struct option *list, size_t n)
{
	size_t i, nkeys;
	const struct key *key = keys_of(SECTION_STEP, &nkeys);

	for (i = 0; i < nkeys; i++) {
		if (!wanted((enum step_key)key[i].id))
			continue;
		if (k->name[key[i].id] == NULL)
			k->name[key[i].id] = option_of(key[i].name);
		list[n++] = (struct option){ k->name[key[i].id],
			required_argument, NULL, KEYOPTS_FIRST + key[i].id };
	}
	return n;
}

static const char *key_of(int id)
{
	size_t i, nkeys;
	const struct key *key = keys_of(SECTION_STEP, &nkeys);

	for (i = 0; i < nkeys && key[i].id != id; i++)
		;
	return key[i].name;
}

/* Those that add up: a line for each time. */
static bool adds_up(int id)
{
	switch ((enum step_key)id) {
	case KEY_RETRY_IF:
	case KEY_GIVE_UP_IF:
	case KEY_WAIT_IF:
	case KEY_FAIL_IF:
	case KEY_OK_IF:
	case KEY_OUTPUTS:
	case KEY_REQUIRES:
	case KEY_PRESET:
	case KEY_SECRETS:
	case KEY_UNSET_ENV:
		return true;
	default:
		return false;
	}
}

static struct keyopts_value *find(struct keyopts *k, const char *key)
{
	size_t i;

	for (i = 0; i < k->n; i++)
		if (strcmp(k->v[i].key, key) == 0)
			return &k->v[i];
	return NULL;
}

int keyopts_take(struct keyopts *k, int val, const char *arg,
	struct why *why)
{
	int id = val - KEYOPTS_FIRST, gates = 0;
	const char *eq = strchr(arg, '=');
	struct keyopts_value *v;
	char *key, *name;
	size_t i;

	if (id == KEY_ENV) {
		name = mem_dupn(arg, eq != NULL ? (size_t)(eq - arg) : 0);
		if (eq == NULL || !values_is_variable(name)) {
			free(name);
			return why_set(why, "--env %s: expected NAME=VALUE",
				arg);
		}
		if (setenv(name, eq + 1, 1) == -1)
			mem_none();
		k->env = table_hash(k->env != 0 ? k->env : TABLE_HASH_START,
			arg, strlen(arg) + 1);
		free(name);
		return 0;
	} else if (id == KEY_VERIFY) {
		for (i = 0; i < k->n; i++)
			gates += k->v[i].id == KEY_VERIFY;
		key = mem_printf("verify.exec-%d", gates + 1);
	} else {
		key = mem_dup(key_of(id));
	}
	v = find(k, key);
	if (v != NULL && !adds_up(id)) {
		free(key);
		return why_set(why, "--%s is given twice", k->name[id]);
	}
	if (v == NULL) {
		k->v = mem_grow(k->v, k->n, &k->cap, sizeof(*k->v));
		v = &k->v[k->n++];
		*v = (struct keyopts_value){ .id = id, .key = key };
	} else {
		free(key);
		buf_char(&v->value, '\n');
	}
	buf_str(&v->value, arg);
	return 0;
}

void keyopts_line(struct buf *out, const char *key, const char *value)
{
	const char *end;

	buf_printf(out, "%s =", key);
	if (strchr(value, '\n') == NULL) {
		buf_printf(out, " %s\n", value);
		return;
	}
	buf_char(out, '\n');
	do {
		end = value + strcspn(value, "\n");
		buf_char(out, '\t');
		buf_add(out, value, (size_t)(end - value));
		buf_char(out, '\n');
		value = end + 1;
	} while (*end != '\0');
}

void keyopts_literal(struct buf *out, const char *key, const char *value)
{
	struct buf text = { 0 };

	for (; *value != '\0'; value++) {
		if (value[0] == '$' && value[1] == '{')
			buf_char(&text, '$');
		buf_char(&text, *value);
	}
	keyopts_line(out, key, text.data != NULL ? text.data : "");
	buf_release(&text);
}

void keyopts_write(const struct keyopts *k, struct buf *out)
{
	size_t i;

	for (i = 0; i < k->n; i++)
		keyopts_line(out, k->v[i].key, k->v[i].value.data);
}
