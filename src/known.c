/* SPDX-License-Identifier: ISC */
/* known: what an attempt gets to know of its run and of what it needs. */
#include "known.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "io.h"

/* Without `needs` a step needs every step above it. A hundred thousand of them
 * do not fit an environment, so it gets the variables of the nearest ones, and
 * of those which its own text names. */
enum { NEAREST = 64 };

/* Where the output of the task stands. */
static void add_output(const struct env *e, const struct task *t, bool own,
	struct buf *out)
{
	if ((t->state == TASK_DONE || own) && t->out_bytes > 0) {
		buf_printf(out, "%s/", e->d->path);
		task_log(e->s, t, t->attempts, "out", out);
	} else {
		buf_str(out, "/dev/null");
	}
}

/* A file that lists the outputs of all items, a line each. It is written when
 * one of them has moved since: a hundred thousand that need a hundred thousand
 * others find it there. */
static int list_outputs(struct env *e, int need, const int *items, int n,
	struct buf *path, struct why *why)
{
	const struct fan *fan = state_fan(e->s, plan_task(e->plan, need));
	int64_t moves = fan != NULL ? fan->moves : 0;
	struct buf text = { 0 };
	size_t skip = strlen(e->d->path) + 1;
	int i, ret;

	buf_printf(path, "%s/output/%s@.out", e->d->path,
		e->p->step[need].name);
	if (e->listed == NULL)
		e->listed = mem_alloc((size_t)e->p->nsteps *
			sizeof(*e->listed));
	if (e->listed[need] == moves + 1)
		return 0;
	for (i = 0; i < n; i++) {
		add_output(e, plan_unit(e->plan, items[i]), false, &text);
		buf_char(&text, '\n');
	}
	ret = io_replace(e->d->fd, path->data + skip,
		text.len > 0 ? text.data : "", text.len, why);
	buf_release(&text);
	if (ret == 0)
		e->listed[need] = moves + 1;
	return ret;
}

/* What the unit gets to know of step `need`. */
static int add_need(struct env *e, int unit, int need, struct why *why)
{
	const struct task *t;
	struct buf name = { 0 }, path = { 0 };
	int o, other, n = 0, ret = 0;
	const int *items = NULL;
	bool tied;

	other = plan_step(e->plan, unit) == need ? unit :
		plan_needed(e->plan, unit, need, &tied);
	t = plan_unit(e->plan, other);
	if (other != unit && e->plan->unit[other].item == -1)
		items = plan_items(e->plan, need, &n);
	env_variable(&name, e->p->step[need].name);
	if (items != NULL)
		ret = list_outputs(e, need, items, n, &path, why);
	else
		add_output(e, t, other == unit, &path);
	known_own(e, "DUREXEC_OUT_%s=%s", name.data, path.data);
	known_own(e, "DUREXEC_RESULT_%s=%s", name.data,
		t->result != NULL ? t->result : "");
	for (o = e->s->last_output[other]; o != -1;
	    o = e->s->output[o].next) {
		struct buf full = { 0 };

		buf_printf(&full, "DUREXEC_%s_%s", name.data,
			e->s->output[o].name);
		known_pair(e, full.data, e->s->output[o].value);
		buf_release(&full);
	}
	buf_release(&name);
	buf_release(&path);
	return ret;
}

static void index_variables(struct env *e)
{
	struct buf name = { 0 };
	int i;

	if (e->variable.size != 0)
		return;
	for (i = 0; i < e->p->nsteps; i++) {
		buf_reset(&name);
		env_variable(&name, e->p->step[i].name);
		if (table_get(&e->variable, name.data) == TABLE_NONE)
			table_put(&e->variable, arena_dup(&e->variable_names,
				name.data), i);
	}
	buf_release(&name);
}

/* Steps above `below` whose variables the text names. */
static int add_named(struct env *e, int unit, const char *text, int below,
	struct why *why)
{
	const char *p = text;
	int ret = 0;

	while (ret == 0 && p != NULL && (p = strstr(p, "DUREXEC_")) != NULL) {
		size_t n;
		char *name;

		p += 8;
		if (strncmp(p, "OUT_", 4) == 0)
			p += 4;
		for (n = 0; isalnum((unsigned char)p[n]) || p[n] == '_'; n++)
			;
		index_variables(e);
		name = mem_dupn(p, n);
		/* STEP, or STEP_NAME for any split */
		while (n > 0 && ret == 0) {
			int step = table_get(&e->variable, name);

			if (step != TABLE_NONE && step < below - NEAREST)
				ret = add_need(e, unit, step, why);
			while (n > 0 && name[--n] != '_')
				;
			name[n] = '\0';
		}
		free(name);
	}
	return ret;
}

/* Of steps further above, what its own text names. */
static int add_far(struct env *e, int unit, int step, struct why *why)
{
	const struct step *st = &e->p->step[step];
	const struct stepconf *c = st->conf;
	const char *const text[] = { st->run, c->foreach_from, c->stdout_to,
		c->workdir };
	size_t k;
	int i;

	for (k = 0; k < sizeof(text) / sizeof(text[0]); k++)
		if (text[k] != NULL && add_named(e, unit, text[k], step,
		    why) == -1)
			return -1;
	for (i = 0; i < c->outputs.n; i++)
		if (add_named(e, unit, c->outputs.v[i], step, why) == -1)
			return -1;
	for (i = 0; i < c->env.n; i++)
		if (add_named(e, unit, c->env.v[i].value, step, why) == -1)
			return -1;
	return 0;
}

static int add_needs(struct env *e, int step, int unit, struct why *why)
{
	const struct step *st = &e->p->step[step];
	int i, low = step - NEAREST;

	for (i = 0; i < st->nneeds; i++)
		if (add_need(e, unit, st->needs[i], why) == -1)
			return -1;
	if (!st->needs_all)
		return 0;
	for (i = step - 1; i >= 0 && i >= low; i--)
		if (plan_ordinary(e->plan, i) &&
		    add_need(e, unit, i, why) == -1)
			return -1;
	return low > 0 ? add_far(e, unit, step, why) : 0;
}

/* How the last attempt ended, and what it said; "" at the first. */
static void add_previous(struct env *e, const struct task *t, int attempt)
{
	struct buf how = { 0 }, log = { 0 };
	/* its condition has begun it already, or these are its gates */
	bool begun = attempt == t->attempts;
	const struct outcome *o = begun ? &t->before.outcome : &t->outcome;
	bool out = begun ? t->before.out : t->out_bytes > 0;
	bool err = begun ? t->before.err : t->err_bytes > 0;

	if (o->kind != OUTCOME_NONE)
		outcome_text(o, &how);
	if (out || err) {
		buf_printf(&log, "%s/", e->d->path);
		task_log(e->s, t, begun ? t->before.attempt : t->attempts,
			err ? "err" : "out", &log);
	}
	known_own(e, "DUREXEC_PREVIOUS=%s", how.len > 0 ? how.data : "");
	known_own(e, "DUREXEC_PREVIOUS_LOG=%s", log.len > 0 ? log.data : "");
	buf_release(&how);
	buf_release(&log);
}

bool known_is_item(const char *name, size_t len)
{
	static const char *const names[] = { "ITEM", "ITEM_INDEX",
		"ITEM_NAME", "ITEM_BASE", "ITEM_DIR", "DUREXEC_ITEM" };
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strlen(names[i]) == len &&
		    strncmp(names[i], name, len) == 0)
			return true;
	return false;
}

/* The item, and its parts as basename(1) and dirname(1) see them. A step's
 * DUREXEC_ITEM is empty: what an outer durexec says of its own item is not true
 * of it. */
static void add_item(struct env *e, const struct task *t)
{
	struct buf item = { 0 };
	int end, name, base, dir;
	const char *text;

	task_item(e->s, t, &item);
	known_own(e, "DUREXEC_ITEM=%s", item.len > 0 ? item.data : "");
	if (item.len == 0)
		return;
	text = item.data;
	for (end = (int)item.len; end > 1 && text[end - 1] == '/'; end--)
		;
	for (name = end - 1; name > 0 && text[name - 1] != '/'; name--)
		;
	for (dir = name; dir > 1 && text[dir - 1] == '/'; dir--)
		;
	/* a dot in front begins no extension */
	for (base = end; base > name && text[base - 1] != '.'; base--)
		;
	if (base - 1 <= name + (int)strspn(text + name, "."))
		base = end + 1;
	known_own(e, "ITEM=%s", text);
	known_own(e, "ITEM_INDEX=%d", t->item + 1);
	known_own(e, "ITEM_NAME=%.*s", end - name, text + name);
	known_own(e, "ITEM_BASE=%.*s", base - 1 - name, text + name);
	known_own(e, "ITEM_DIR=%.*s", dir > 0 ? dir : 1,
		dir > 0 || *text == '/' ? text : ".");
	buf_release(&item);
}

int known(struct env *e, int step, int unit, int attempt, struct why *why)
{
	const struct task *t = plan_unit(e->plan, unit);
	const struct stepconf *c = e->p->step[step].conf;
	struct buf text = { 0 };

	known_own(e, "DUREXEC_RUN=%s", e->s->run);
	known_own(e, "DUREXEC_STARTED=%lld",
		(long long)e->s->started_at / 1000);
	known_own(e, "DUREXEC_STEP=%s", e->p->step[step].name);
	known_own(e, "DUREXEC_ATTEMPT=%d", attempt);
	state_key(e->s, t, &text);
	known_own(e, "DUREXEC_KEY=%s", text.data);
	buf_reset(&text);
	state_session(e->s, t, &text);
	known_own(e, "DUREXEC_SESSION=%s", text.data);
	buf_reset(&text);
	task_dir(e->s, t, &text);
	known_own(e, "DUREXEC_DIR=%s/%s", e->d->path, text.data);
	buf_reset(&text);
	task_output_file(e->s, t, attempt, &text);
	known_own(e, "DUREXEC_OUTPUT=%s/%s", e->d->path, text.data);
	known_own(e, "DUREXEC_WAIT=%s/%s.wait", e->d->path, text.data);
	/* each execution counts its calls anew; its start record is the next */
	if (e->calls) {
		buf_reset(&text);
		task_sub(e->s, t, &text);
		known_own(e, "DUREXEC_STEPS=%s/%s/calls.%lld", e->d->path,
			text.data, (long long)e->s->turns + 1);
	} else {
		known_own(e, "DUREXEC_STEPS=");
	}
	if (c->secrets.n > 0) {
		buf_reset(&text);
		for (int i = 0; i < c->secrets.n; i++)
			buf_printf(&text, "%s%s", i > 0 ? " " : "",
				c->secrets.v[i]);
		known_own(e, "DUREXEC_SECRETS=%s", text.data);
	}
	if (e->slot != NULL && c->pool >= 0) {
		buf_reset(&text);
		env_variable(&text, e->p->pool[c->pool].name);
		known_own(e, "DUREXEC_SLOT_%s=%s", text.data, e->slot);
	}
	buf_release(&text);
	add_item(e, t);
	add_previous(e, t, attempt);
	if (e->own_output && add_need(e, unit, step, why) == -1)
		return -1;
	return add_needs(e, step, unit, why);
}
