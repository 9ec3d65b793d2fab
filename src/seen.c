/* SPDX-License-Identifier: ISC */
/* seen: the inputs that a state has seen, and those of a step. */
#include "inputs.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Not what "$${" stands for. */
static const char *next_item(const char *word, const char *from)
{
	const char *at = strstr(from, "${ITEM");

	while (at != NULL && at > word && at[-1] == '$')
		at = strstr(at + 1, "${ITEM");
	return at;
}

char *inputs_argument(struct env *e, const char *word, struct why *why)
{
	struct buf path = { 0 }, pattern = { 0 };
	const char *at = word, *item, *end, *value;
	bool is_pattern = false;
	char *arg = NULL;

	buf_char(&path, '=');
	buf_char(&pattern, '*');
	while (*at != '\0') {
		item = next_item(word, at);
		end = item == NULL ? at + strlen(at) : item;
		if (item == at)
			end = at + strcspn(at, "}") + (strchr(at, '}') != NULL);
		value = env_expand(e, arena_dupn(&e->arena, at,
			(size_t)(end - at)), why);
		if (value == NULL)
			goto out;
		buf_str(&path, value);
		if (item == at) {
			inputs_escape(&pattern, value);
		} else {
			buf_str(&pattern, value);
			is_pattern |= strpbrk(value, "*?[") != NULL;
		}
		at = end;
	}
	arg = arena_dup(&e->arena, is_pattern ? pattern.data : path.data);
out:
	buf_release(&path);
	buf_release(&pattern);
	return arg;
}

char **inputs_argv(struct env *e, int step, const char *cwd, struct why *why)
{
	const struct strlist *words = &e->p->step[step].conf->inputs;
	char **argv = arena_alloc(&e->arena, ((size_t)words->n + 5) *
		sizeof(*argv));
	int i;

	argv[0] = (char *)"durexec-inputs";
	argv[1] = (char *)"inputs";
	argv[2] = (char *)e->p->dir;
	argv[3] = (char *)cwd;
	for (i = 0; i < words->n; i++) {
		argv[i + 4] = inputs_argument(e, words->v[i], why);
		if (argv[i + 4] == NULL)
			return NULL;
	}
	return argv;
}

int inputs_parse(const char *text, size_t n, struct inputs *in,
	struct why *why)
{
	char *copy = mem_dupn(text, n), *rest = copy, *line, *end;
	struct input one;
	int ret = 0;

	while (ret == 0 && (line = strsep(&rest, "\n")) != NULL &&
	    (*line != '\0' || rest != NULL)) {
		one.size = strtoll(line, &end, 10);
		one.mtime = strtoll(end, &end, 10);
		if (*end == ' ')
			end++;
		one.hash = strtoull(end, &line, 16);
		if (line != end + 16 || *line != ' ' || line[1] == '\0' ||
		    one.size < -1) {
			ret = why_set(why, "what was read of the inputs "
				"cannot be understood");
			break;
		}
		one.path = arena_dup(&in->arena, line + 1);
		in->v = mem_grow(in->v, in->n, &in->cap, sizeof(*in->v));
		in->v[in->n++] = one;
	}
	free(copy);
	return ret;
}

void inputs_known_release(struct inputs_known *k)
{
	table_release(&k->first);
	free(k->latest);
	memset(k, 0, sizeof(*k));
}

int inputs_latest(struct inputs_known *k, const struct state *s,
	const char *path)
{
	int first;

	for (; k->n < s->ninputs; k->n++) {
		k->latest = mem_grow(k->latest, k->n, &k->cap,
			sizeof(*k->latest));
		first = table_get(&k->first, s->input[k->n].path);
		if (first == TABLE_NONE) {
			first = (int)k->n;
			table_put(&k->first, s->input[k->n].path, first);
		}
		k->latest[first] = (int)k->n;
	}
	first = table_get(&k->first, path);
	return first != TABLE_NONE ? k->latest[first] : -1;
}

int inputs_find(struct inputs_known *k, const struct state *s,
	const struct input *in)
{
	int i = inputs_latest(k, s, in->path);
	const struct input *last = i != -1 ? &s->input[i] : NULL;

	return last != NULL && last->size == in->size &&
		last->mtime == in->mtime && last->hash == in->hash ? i : -1;
}

void inputs_line(const struct input *in, struct buf *out)
{
	buf_printf(out, "%" PRId64 " %" PRId64 " %016" PRIx64 " %s\n",
		in->size, in->mtime, in->hash, in->path);
}

bool inputs_ready(struct inputs_known *k, const struct state *s,
	char *const *argv, struct buf *text, struct buf *known)
{
	struct inputs in = { 0 };
	bool ready = inputs_list(argv + 2, false, &in) == 0;
	int *index = mem_alloc((in.n + 1) * sizeof(*index));
	size_t i;

	for (i = 0; i < in.n; i++) {
		int latest = inputs_latest(k, s, in.v[i].path);

		/* what is in a file is taken from the one known */
		if (latest != -1 && in.v[i].size != -1)
			in.v[i].hash = s->input[latest].hash;
		index[i] = inputs_find(k, s, &in.v[i]);
		ready &= index[i] != -1;
	}
	if (ready)
		inputs_text(index, in.n, text);
	for (i = 0; i < in.n && !ready && known != NULL; i++)
		if (index[i] != -1 && in.v[i].size != -1)
			inputs_line(&in.v[i], known);
	free(index);
	inputs_release(&in);
	return ready;
}

static int by_number(const void *a, const void *b)
{
	int x = *(const int *)a, y = *(const int *)b;

	return (x > y) - (x < y);
}

void inputs_text(int *index, size_t n, struct buf *out)
{
	size_t i, k;

	if (n > 0)
		qsort(index, n, sizeof(*index), by_number);
	for (i = 0; i < n; i = k) {
		for (k = i + 1; k < n && index[k] <= index[k - 1] + 1; k++)
			;
		buf_printf(out, i > 0 ? ",%d" : "%d", index[i]);
		if (index[k - 1] > index[i])
			buf_printf(out, "-%d", index[k - 1]);
	}
}

bool inputs_range(const char **at, int *first, int *last)
{
	char *end;

	*first = (int)strtol(*at, &end, 10);
	if (end == *at)
		return false;
	*last = *first;
	if (*end == '-')
		*last = (int)strtol(end + 1, &end, 10);
	*at = *end == ',' ? end + 1 : end;
	return *first >= 0;
}
