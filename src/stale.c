/* SPDX-License-Identifier: ISC */
#include "stale.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "pipeline.h"
#include "safe.h"
#include "state.h"
#include "table.h"

enum { UNKNOWN = 0, SAME, CHANGED };

void stale_init(struct stale *st, const struct plan *pl)
{
	memset(st, 0, sizeof(*st));
	st->pl = pl;
	st->step = -1;
}

void stale_release(struct stale *st)
{
	inputs_known_release(&st->known);
	free(st->verdict);
	free(st->now);
	memset(st, 0, sizeof(*st));
}

/* The state may have got more of them since. */
static void make_room(struct stale *st)
{
	size_t n = st->pl->s->ninputs;

	if (n <= st->n)
		return;
	st->verdict = mem_resize(st->verdict, n * sizeof(*st->verdict));
	st->now = mem_resize(st->now, n * sizeof(*st->now));
	memset(st->verdict + st->n, 0, (n - st->n) * sizeof(*st->verdict));
	memset(st->now + st->n, 0, (n - st->n) * sizeof(*st->now));
	st->n = n;
}

/* The file as it is now, with its hash. */
static int read_file(struct stale *st, const char *path, struct input *now,
	struct why *why)
{
	const struct state *s = st->pl->s;
	int latest = inputs_latest(&st->known, s, path);
	struct input *kept = &st->now[table_get(&st->known.first, path)];

	if (inputs_look(st->pl->p->dir, path, now, why) == -1)
		return -1;
	if (s->input[latest].size == now->size &&
	    s->input[latest].mtime == now->mtime) {
		/* another step has read it since */
		now->hash = s->input[latest].hash;
		return 0;
	}
	if (kept->path == NULL && inputs_read(st->pl->p->dir, path, kept,
	    why) == -1) {
		kept->path = NULL;
		return -1;
	}
	*now = *kept;
	return 0;
}

static int look(struct stale *st, int i)
{
	const char *base = st->pl->p->dir;
	const struct input *was = &st->pl->s->input[i];
	struct inputs in = { 0 };
	struct input now;
	int verdict = CHANGED;

	if (was->size == -1) {
		if (inputs_expand(base, was->path, &in, NULL) == 0 &&
		    in.v[in.n - 1].hash == was->hash)
			verdict = SAME;
		inputs_release(&in);
	} else if (inputs_look(base, was->path, &now, NULL) == 0 &&
	    now.size == was->size) {
		if (now.mtime == was->mtime || (read_file(st, was->path, &now,
		    NULL) == 0 && now.hash == was->hash))
			verdict = SAME;
	}
	return verdict;
}

static bool has_changed(struct stale *st, int i)
{
	if (st->verdict[i] == UNKNOWN)
		st->verdict[i] = (uint8_t)look(st, i);
	return st->verdict[i] == CHANGED;
}

/* What is said of the inputs of a task: the first of it, and how much more. */
struct telling {
	struct buf *out;
	int n;
};

static void tell(struct telling *te, const char *path, const char *what)
{
	if (te->n++ > 0)
		return;
	buf_str(te->out, "input ");
	safe_line(te->out, path, strlen(path));
	buf_str(te->out, what);
}

static void tell_file(struct stale *st, struct telling *te,
	const struct input *was)
{
	struct input now;
	struct why why;

	if (read_file(st, was->path, &now, &why) == 0) {
		tell(te, was->path, " changed");
		if (te->n == 1)
			buf_printf(te->out, " (was %08x, %" PRId64 " bytes; "
				"now %08x, %" PRId64 " bytes)",
				(unsigned)(was->hash >> 32), was->size,
				(unsigned)(now.hash >> 32), now.size);
	} else if (why.err == ENOENT) {
		tell(te, was->path, " is gone");
	} else if (te->n++ == 0) {
		buf_str(te->out, why.text);
	}
}

/* Files that a pattern or a directory stands for, and did not. */
static void tell_new(struct stale *st, struct telling *te,
	const struct input *was, const struct table *before)
{
	struct inputs in = { 0 };
	size_t i;

	if (inputs_expand(st->pl->p->dir, was->path, &in, NULL) == 0)
		for (i = 0; i < in.n; i++)
			if (in.v[i].size != -1 &&
			    table_get(before, in.v[i].path) == TABLE_NONE)
				tell(te, in.v[i].path, " is new");
	inputs_release(&in);
}

/* All that has changed, of a task that has these inputs. */
static void tell_all(struct stale *st, const char *inputs, struct buf *out)
{
	const struct input *input = st->pl->s->input;
	struct table before = { 0 };
	struct telling te = { out, 0 };
	const char *at = inputs;
	int i, last, set = -1;

	while (inputs_range(&at, &i, &last))
		for (; i <= last && (size_t)i < st->n; i++) {
			if (input[i].size == -1)
				continue;
			if (table_get(&before, input[i].path) == TABLE_NONE)
				table_put(&before, input[i].path, i);
			if (has_changed(st, i))
				tell_file(st, &te, &input[i]);
		}
	at = inputs;
	while (inputs_range(&at, &i, &last))
		for (; i <= last && (size_t)i < st->n; i++)
			if (input[i].size == -1 && has_changed(st, i)) {
				tell_new(st, &te, &input[i], &before);
				set = i;
			}
	/* a directory that had no file in it */
	if (te.n == 0 && set != -1)
		tell(&te, input[set].path, " is gone");
	if (te.n > 1)
		buf_printf(out, ", and %d more", te.n - 1);
	table_release(&before);
}

static bool inputs_changed(struct stale *st, const char *inputs)
{
	int i, last;

	make_room(st);
	while (inputs_range(&inputs, &i, &last))
		for (; i <= last && (size_t)i < st->n; i++)
			if (has_changed(st, i))
				return true;
	return false;
}

/* Have items joined the fan-out, which all of them are needed of, since? */
static bool joined(const struct plan *pl, int step, int fanout, int64_t since)
{
	const struct fan *fan = pl->stage[fanout].fanout != -1 &&
		!ties_tied(pl, step, fanout) ?
		state_fan(pl->s, plan_task(pl, fanout)) : NULL;

	return fan != NULL && fan->changed_at > since;
}

/* A fan-out that the step needs and that has got items since; -1 none. */
static int grown(const struct plan *pl, int step, int64_t since)
{
	const struct step *s = &pl->p->step[step];
	int i, other;

	for (i = 0; i < s->nneeds; i++)
		if (joined(pl, step, s->needs[i], since))
			return s->needs[i];
	for (i = 0; i < pl->nfanouts && s->needs_all; i++) {
		other = pl->fanout[i].step;
		if (other < step && plan_ordinary(pl, other) &&
		    joined(pl, step, other, since))
			return other;
	}
	return -1;
}

bool stale_gone(struct stale *st, int unit)
{
	const struct task *t = plan_unit(st->pl, unit);
	const char *at = t->inputs;
	struct input now;
	struct why why;
	int i, last;

	while (at != NULL && inputs_range(&at, &i, &last))
		for (; i <= last && (size_t)i < st->pl->s->ninputs; i++) {
			const struct input *was = &st->pl->s->input[i];

			if (was->size != -1 && inputs_look(st->pl->p->dir,
			    was->path, &now, &why) == -1 && why.err == ENOENT)
				return true;
		}
	return false;
}

bool stale_is(struct stale *st, int unit, struct buf *reason)
{
	const struct plan *pl = st->pl;
	const struct task *t = plan_unit(pl, unit);
	int step = plan_step(pl, unit), other;

	if (step == -1 || t->state != TASK_DONE)
		return false;
	/* what it ran before it became a list does not count any more */
	if (pl->stage[step].fanout != -1 && state_fan(pl->s, t) != NULL)
		return false;
	/* without a command that ran, it is a person's word, or a list */
	if (t->command == 0) {
		const struct fan *fan = state_fan(pl->s, t);

		if (fan == NULL || fan->n == 0 ||
		    pl->stage[step].fanout != -1)
			return false;
		if (reason != NULL)
			buf_str(reason, "it ran once for each item, and does "
				"so no more");
		return true;
	}
	if (st->step != step) {
		st->step = step;
		st->command = pipeline_command_hash(pl->p, step);
	}
	if (t->command != st->command) {
		if (reason != NULL)
			buf_str(reason, "its definition changed since");
		return true;
	}
	if (t->inputs != NULL && inputs_changed(st, t->inputs)) {
		if (reason != NULL)
			tell_all(st, t->inputs, reason);
		return true;
	}
	other = grown(pl, step, t->started_at);
	if (other != -1 && reason != NULL)
		buf_printf(reason, "%s has new items", pl->p->step[other].name);
	return other != -1;
}
