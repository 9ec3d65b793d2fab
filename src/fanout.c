/* SPDX-License-Identifier: ISC */
/* fanout: how the items of a fan-out become known, and what joins or leaves
 * them. */
#include "engine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "io.h"
#include "items.h"
#include "mem.h"
#include "safe.h"

enum {
	/* Of items in one record: short enough for less and grep. */
	RECORD_MOST = 2000,
	/* Names in a message. */
	NAMED = 5,
};

/* What the items are asked of: when it changes, --rescan is worth while. */
static uint64_t source_of(const struct pipeline *p, int step)
{
	const struct stepconf *c = p->step[step].conf;
	uint64_t h = TABLE_HASH_START;
	int i;

	if (c->foreach_from != NULL)
		h = table_hash(h, c->foreach_from, strlen(c->foreach_from));
	for (i = 0; i < c->foreach.n; i++)
		h = table_hash(h, c->foreach.v[i],
			strlen(c->foreach.v[i]) + 1);
	return h;
}

static int item_task(const struct run *r, int step, const char *item,
	struct buf *name)
{
	buf_reset(name);
	buf_printf(name, "%s[%s]", r->at.p->step[step].name, item);
	return state_find(r->at.s, name->data);
}

/* Is it one of the first n items of its fan-out? */
static bool is_listed(const struct run *r, int task, int n)
{
	return task != -1 && r->at.s->task[task].item != -1 &&
		r->at.s->task[task].item < n;
}

/* What is known, and no longer listed. */
static void tell_vanished(struct run *r, int step, const struct items *items)
{
	struct table listed = { 0 };
	struct buf text = { 0 }, item = { 0 };
	int n, i, gone = 0;
	const int *known = plan_items(r->at.plan, step, &n);
	size_t k;

	if (n == 0)
		return;
	for (k = 0; k < items->n; k++)
		table_put(&listed, items->v[k], (int)k);
	for (i = 0; i < n; i++) {
		buf_reset(&item);
		task_item(r->at.s, &r->at.s->task[known[i]], &item);
		if (table_get(&listed, item.data) != TABLE_NONE)
			continue;
		if (++gone <= NAMED)
			buf_printf(&text, "%s%s", gone > 1 ? ", " : "",
				item.data);
	}
	if (gone > NAMED)
		buf_printf(&text, " and %d more", gone - NAMED);
	if (gone > 0) {
		char *line = mem_printf("%s: %d item%s no longer listed, and "
			"stay%s as %s: %s", r->at.p->step[step].name, gone,
			gone == 1 ? " is" : "s are", gone == 1 ? "s" : "",
			gone == 1 ? "it is" : "they are", text.data);

		engine_tell(r, VIEW_MESSAGE, -1, -1, line);
		free(line);
	}
	table_release(&listed);
	buf_release(&text);
	buf_release(&item);
}

static void put_items(struct run *r, int step, int from, const struct buf *list,
	int total)
{
	struct record record = { 0 };

	record_start(&record, "items");
	record_set(&record, "step", r->at.p->step[step].name);
	if (from >= 0)
		record_set_number(&record, "from", from);
	if (list->len > 0)
		record_set(&record, "list", list->data);
	if (total >= 0) {
		record_set_hex(&record, "source", source_of(r->at.p, step));
		record_set_number(&record, "total", total);
	}
	engine_put(r, &record);
}

/* All items that are not known yet. Returns how many there were before. */
static int put_new(struct run *r, int step, const struct items *items)
{
	struct buf list = { 0 }, name = { 0 };
	int n, from, total;
	size_t i;

	(void)plan_items(r->at.plan, step, &n);
	from = total = n;
	for (i = 0; i < items->n; i++) {
		if (is_listed(r, item_task(r, step, items->v[i], &name), n))
			continue;
		total++;
		if (list.len > 0)
			buf_char(&list, '\n');
		buf_str(&list, items->v[i]);
		if (list.len < RECORD_MOST)
			continue;
		put_items(r, step, from, &list, -1);
		from = -1;
		buf_reset(&list);
	}
	put_items(r, step, from, &list, total);
	buf_release(&list);
	buf_release(&name);
	return n;
}

/* The items of a fan-out are those of its root. */
static void follow(struct run *r, int step)
{
	const char *root = r->at.p->step[r->at.p->step[step].root].name;
	struct record record = { 0 };
	int n;

	(void)plan_items(r->at.plan, r->at.p->step[step].root, &n);
	record_start(&record, "items");
	record_set(&record, "step", r->at.p->step[step].name);
	/* one that was skipped before it was listed has no items */
	if (state_fan(r->at.s, plan_task(r->at.plan,
	    r->at.p->step[step].root)) != NULL)
		record_set(&record, "of", root);
	else
		record_set_number(&record, "from", 0);
	record_set_hex(&record, "source", source_of(r->at.p, step));
	record_set_number(&record, "total", n);
	engine_put(r, &record);
}

/* The step has the items of another one: it has them as they are now. */
static bool realign_step(struct run *r, int step)
{
	if (plan_task(r->at.plan, step)->state != TASK_DONE ||
	    !plan_misaligned(r->at.plan, step))
		return false;
	follow(r, step);
	return true;
}

/* All that have the items of this one. */
static bool realign(struct run *r, int step)
{
	const struct fanout *root =
		&r->at.plan->fanout[r->at.plan->stage[step].fanout];
	bool any = false;
	int i;

	for (i = 0; i < root->nmembers; i++)
		any |= realign_step(r, root->member[i]);
	return any;
}

/* An item stands in the state, in names of files, on the screen: no place for
 * a secret. */
static int find_secret(const struct items *items, struct why *why)
{
	struct mask *secrets = safe_secrets();
	struct buf text = { 0 };
	int ret = 0;
	size_t i;

	for (i = 0; i < items->n && ret == 0 && !mask_empty(secrets); i++) {
		buf_reset(&text);
		buf_str(&text, items->v[i]);
		mask_text(secrets, &text);
		if (strcmp(text.data, items->v[i]) != 0)
			ret = why_set(why, "item number %zu has a secret in "
				"it (a value of a variable in `secrets`)",
				i + 1);
	}
	buf_release(&text);
	return ret;
}

/* The list is there: it is recorded, and the fan-out's own task ends. */
static void listed(struct run *r, int task, const struct items *items)
{
	int step = plan_step(r->at.plan, task), before, n;
	char *text;

	tell_vanished(r, step, items);
	before = put_new(r, step, items);
	(void)plan_items(r->at.plan, step, &n);
	attempt_end_plainly(r, task, TASK_DONE, NULL, NULL, false);
	if (before > 0) {
		text = mem_printf("%s: %d new item%s",
			r->at.p->step[step].name, n - before,
			n - before == 1 ? "" : "s");
		engine_tell(r, VIEW_MESSAGE, -1, -1, text);
		free(text);
	}
	if (realign(r, step) || before > 0)
		plan_rebuild(r->at.plan);
}

static void refuse(struct run *r, int task, const char *key,
	const struct why *why)
{
	char *reason = mem_printf("%s: %s", key, why->text);

	attempt_end_plainly(r, task, TASK_NEEDS_REVIEW, NULL, reason, false);
	free(reason);
}

/* The lines that another step wrote to stdout. 1: its log is gone (keep_logs),
 * and the items are known: they are those. */
static int items_of_step(struct run *r, int step, const char *name,
	struct items *items, struct why *why)
{
	const struct task *t = plan_task(r->at.plan,
		pipeline_find(r->at.p, name));
	struct buf path = { 0 }, text = { 0 };
	int ret = 0, n;

	if (t->out_bytes > 0) {
		task_log(r->at.s, t, t->attempts, "out", &path);
		ret = io_slurp(r->at.d->fd, path.data, ITEMS_MOST, &text, why);
	}
	if (ret == 0)
		ret = items_lines(items, &text, why);
	else if (why->err == ENOENT && plan_items(r->at.plan, step, &n) != NULL)
		ret = 1;
	buf_release(&path);
	buf_release(&text);
	return ret;
}

static int items_of_words(struct run *r, int task, struct items *items,
	struct why *why)
{
	int step = plan_step(r->at.plan, task), i;
	const struct strlist *words = &r->at.p->step[step].conf->foreach;
	struct env *e = &r->env;
	const char *cwd;
	char **word;

	if (env_build(e, step, task, state_next_attempt(r->at.s,
	    &r->at.s->task[task]), why) == -1)
		return -1;
	cwd = env_workdir(e, step, why);
	if (cwd == NULL)
		return -1;
	word = arena_alloc(&e->arena, ((size_t)words->n + 1) * sizeof(*word));
	for (i = 0; i < words->n; i++) {
		word[i] = (char *)env_expand(e, words->v[i], why);
		if (word[i] == NULL)
			return e->left_out ? why_set(why, "%s: not known "
				"when items are listed", words->v[i]) : -1;
	}
	return items_words(items, word, (size_t)words->n, cwd, why);
}

bool fanout_list(struct run *r, int task)
{
	int step = plan_step(r->at.plan, task), got;
	const struct stepconf *c = r->at.p->step[step].conf;
	const char *from = c->foreach_from;
	struct items items = { 0 };
	struct why why;

	if (r->at.p->step[step].root != step) {
		follow(r, step);
		attempt_end_plainly(r, task, TASK_DONE, NULL, NULL, false);
		return true;
	}
	if (from != NULL && strncmp(from, "step:", 5) != 0)
		return false;
	got = from != NULL ? items_of_step(r, step, from + 5, &items, &why) :
		items_of_words(r, task, &items, &why);
	if (got == 0)
		got = find_secret(&items, &why);
	if (got == 0)
		listed(r, task, &items);
	else if (got == 1)
		attempt_end_plainly(r, task, TASK_DONE, NULL, NULL, false);
	else
		refuse(r, task, from != NULL ? "foreach_from" : "foreach",
			&why);
	items_release(&items);
	return true;
}

void fanout_listed(struct slot *slot)
{
	struct run *r = slot->r;
	const struct task *t = &r->at.s->task[slot->task];
	struct buf path = { 0 }, text = { 0 };
	struct items items = { 0 };
	int task = slot->task;
	struct why why = { 0 };

	task_log(r->at.s, t, t->attempts, phase_word(PHASE_LIST), &path);
	slot_free(slot);
	/* without a file it printed nothing */
	if ((io_slurp(r->at.d->fd, path.data, ITEMS_MOST, &text, &why) == 0 ||
	    why.err == ENOENT) && items_lines(&items, &text, &why) == 0 &&
	    find_secret(&items, &why) == 0)
		listed(r, task, &items);
	else
		refuse(r, task, "foreach_from", &why);
	buf_release(&path);
	buf_release(&text);
	items_release(&items);
}

/* A fan-out that has become a plain step: what its items did is not what the
 * step does now, unless all of them are done. */
static bool unfan(struct run *r, int step)
{
	const struct task *t = plan_task(r->at.plan, step);
	struct record forget = { 0 }, again = { 0 };

	if (!ties_stray(r->at.plan, step))
		return false;
	record_start(&forget, "items");
	record_set(&forget, "step", t->name);
	record_set_number(&forget, "from", 0);
	record_set_number(&forget, "total", 0);
	engine_put(r, &forget);
	record_start(&again, "set");
	record_set(&again, "step", t->name);
	record_set(&again, "state", state_word(TASK_PENDING));
	record_set(&again, "by", "edit");
	engine_put(r, &again);
	return true;
}

/* People think that an edited list is read. */
static void tell_changed(struct run *r, int step)
{
	const struct fan *fan = state_fan(r->at.s,
		plan_task(r->at.plan, step));
	char *text;

	if (fan == NULL || fan->source == 0 ||
	    r->at.p->step[step].root != step ||
	    fan->source == source_of(r->at.p, step))
		return;
	text = mem_printf("%s: its list has changed in the file; the items "
		"stay as they were first listed (--rescan asks again)",
		r->at.p->step[step].name);
	engine_tell(r, VIEW_MESSAGE, -1, -1, text);
	free(text);
}

void fanout_align(struct run *r)
{
	bool any = false;
	int i;

	for (i = 0; i < r->at.p->nsteps; i++) {
		if (r->at.p->step[i].root != -1)
			any |= realign_step(r, i);
		any |= unfan(r, i);
		if (r->at.p->step[i].root == i &&
		    plan_task(r->at.plan, i)->state == TASK_DONE)
			tell_changed(r, i);
	}
	if (any)
		plan_rebuild(r->at.plan);
}
