/* SPDX-License-Identifier: ISC */
#include "logs.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "follow.h"
#include "io.h"
#include "mem.h"
#include "names.h"
#include "safe.h"
#include "secrets.h"
#include "start.h"
#include "summary.h"

/* How often -f looks: a person watches, nothing waits for it. */
enum { LOOK_EVERY_MS = 200 };

/* One log file that is being shown. */
struct source {
	char *path;		/* relative to the run directory */
	int fd;			/* -1: not there yet */
	struct mask_stream mask;
	struct buf line;	/* an unfinished line, when lines are kept
				   whole (prefixed, or made safe) */
};

/* What is shown of an attempt. */
struct shown {
	int task, attempt;
	bool ended;		/* nothing comes any more */
	char *prefix;		/* NULL: none */
	struct source *v;
	size_t n, cap;
};

struct logs {
	struct session *se;
	const struct options *o;
	bool safe;		/* for a terminal */
	bool prefixed;
	bool *named;		/* per task, as far as they were known; of a
				   fan-out's own task: all its items */
	size_t nnamed;
	struct shown **live;	/* those that run: -f looks at them only */
	size_t nlive, live_cap;
	struct buf piece;
	bool any;		/* something was there */
	bool deaf;		/* nobody reads us */
	size_t removed;		/* logs that were there once */
};

static void write_out(struct logs *l, const char *data, size_t n)
{
	if (!l->deaf && io_answer(data, n) == -1)
		l->deaf = true;
}

static void put_line(struct logs *l, const struct shown *sh, struct source *s)
{
	struct buf out = { 0 };

	if (sh->prefix != NULL)
		buf_str(&out, sh->prefix);
	if (l->safe)
		safe_line(&out, s->line.data, s->line.len);
	else
		buf_add(&out, s->line.data, s->line.len);
	buf_char(&out, '\n');
	write_out(l, out.data, out.len);
	buf_release(&out);
	buf_reset(&s->line);
}

/* What of l->piece is to be seen, secrets hidden. */
static void put_piece(struct logs *l, const struct shown *sh,
	struct source *s)
{
	char *p = l->piece.data, *end = p + l->piece.len, *nl;

	if (!l->safe && sh->prefix == NULL) {
		write_out(l, p, l->piece.len);
		p = end;
	}
	for (; p < end; p = nl + 1) {
		nl = memchr(p, '\n', (size_t)(end - p));
		buf_add(&s->line, p, (size_t)((nl != NULL ? nl : end) - p));
		if (nl == NULL)
			break;
		put_line(l, sh, s);
	}
	buf_reset(&l->piece);
}

/* What is new of it; last: and no more comes. */
static void show_source(struct logs *l, const struct shown *sh,
	struct source *s, bool last)
{
	char part[65536];
	ssize_t n;

	if (s->fd == -1)
		s->fd = io_open(l->se->d.fd, s->path, O_RDONLY);
	while (s->fd != -1 && !l->deaf &&
	    (n = read(s->fd, part, sizeof(part))) > 0) {
		l->any = true;
		mask_feed(&s->mask, part, (size_t)n, &l->piece);
		put_piece(l, sh, s);
	}
	if (!last)
		return;
	mask_flush(&s->mask, &l->piece);
	if (l->piece.len > 0)
		put_piece(l, sh, s);
	if (s->line.len > 0)
		put_line(l, sh, s);
}

static void show(struct logs *l, struct shown *sh, bool last)
{
	size_t i;

	for (i = 0; i < sh->n; i++)
		show_source(l, sh, &sh->v[i], last);
}

static void shown_free(struct shown *sh)
{
	while (sh->n > 0) {
		struct source *s = &sh->v[--sh->n];

		if (s->fd != -1)
			close(s->fd);
		free(s->path);
		mask_stop(&s->mask);
		buf_release(&s->line);
	}
	free(sh->v);
	free(sh->prefix);
	free(sh);
}

static void add_source(struct logs *l, struct shown *sh, const char *kind)
{
	const struct state *st = &l->se->s;
	struct buf path = { 0 };

	task_log(st, &st->task[sh->task], sh->attempt, kind, &path);
	sh->v = mem_grow(sh->v, sh->n, &sh->cap, sizeof(*sh->v));
	sh->v[sh->n++] = (struct source){ .path = buf_steal(&path), .fd = -1,
		.mask = { .m = safe_secrets() } };
}

/* The logs of an attempt; kinds that are not there show nothing. */
static struct shown *shown_new(struct logs *l, int task, int attempt)
{
	const struct state *st = &l->se->s;
	const struct task *t = &st->task[task];
	struct shown *sh = mem_alloc(sizeof(*sh));
	struct buf prefix = { 0 };
	/* what the state knows needs no look */
	bool known = t->state == TASK_DONE && attempt == t->attempts;

	sh->task = task;
	sh->attempt = attempt;
	if (l->prefixed) {
		safe_line(&prefix, t->name, strlen(t->name));
		buf_str(&prefix, "| ");
		sh->prefix = buf_steal(&prefix);
	}
	if (!l->o->only_stderr && (!known || t->out_bytes > 0))
		add_source(l, sh, "out");
	/* of a list that is known, the items are what it said */
	if (!l->o->only_stderr && t->state != TASK_DONE)
		add_source(l, sh, "list");
	if (!l->o->only_stdout && (!known || t->err_bytes > 0))
		add_source(l, sh, "err");
	if (!l->o->only_stdout && !l->o->only_stderr) {
		add_source(l, sh, "if");
		add_source(l, sh, "settle");
	}
	return sh;
}

/* An attempt that begins, or goes on while it is shown. */
static void watch(struct logs *l, int task, int attempt)
{
	size_t i;

	for (i = 0; i < l->nlive; i++)
		if (l->live[i]->task == task) {
			if (l->live[i]->attempt == attempt)
				return;
			l->live[i]->ended = true;
		}
	l->live = mem_grow(l->live, l->nlive, &l->live_cap, sizeof(*l->live));
	l->live[l->nlive++] = shown_new(l, task, attempt);
}

static void show_live(struct logs *l, bool last)
{
	size_t i, left = 0;

	for (i = 0; i < l->nlive; i++) {
		bool ended = last || l->live[i]->ended;

		show(l, l->live[i], ended);
		if (ended)
			shown_free(l->live[i]);
		else
			l->live[left++] = l->live[i];
	}
	l->nlive = left;
}

/* What there is of a task now. */
static void show_task(struct logs *l, int task)
{
	const struct task *t = &l->se->s.task[task];
	int attempt = l->o->attempt > 0 ? l->o->attempt : t->attempts;
	bool before = l->any;
	struct shown *sh;

	if (attempt == 0)
		return;
	if (l->o->follow && t->state == TASK_RUNNING &&
	    attempt == t->attempts) {
		watch(l, task, attempt);
		return;
	}
	l->any = false;
	sh = shown_new(l, task, attempt);
	show(l, sh, true);
	shown_free(sh);
	l->removed += !l->any && attempt == t->attempts &&
		l->se->p->keep_logs == KEEP_LOGS_FAILED &&
		l->se->s.closed != NULL && !l->o->only_stdout &&
		!l->o->only_stderr && t->state == TASK_DONE && t->out_bytes + t->err_bytes > 0;
	l->any |= before;
}

/* All of a fan-out of which the task is an item. */
static bool is_of_whole(const struct logs *l, int task)
{
	const struct state *st = &l->se->s;
	int fan = st->task[task].fan;

	return fan != -1 && (size_t)st->fan[fan].head < l->nnamed &&
		l->named[st->fan[fan].head];
}

static bool is_wanted(const struct logs *l, int task)
{
	return l->o->nsteps == 0 || is_of_whole(l, task) ||
		((size_t)task < l->nnamed && l->named[task]);
}

/* A record that came while we follow. */
static int on_record(void *ctx, const struct record *r, struct why *why)
{
	struct logs *l = ctx;
	const char *name = record_get(r, "step");
	bool start = strcmp(r->type, "start") == 0;
	const struct task *t;
	size_t i;
	int task;

	if (state_apply(&l->se->s, r, why) == -1)
		return -1;
	task = name != NULL ? state_find(&l->se->s, name) : -1;
	if (task == -1 || !is_wanted(l, task))
		return 0;
	t = &l->se->s.task[task];
	/* what follows the command says little, and is shown with it */
	if (start && t->phase != PHASE_SETTLE && t->phase != PHASE_VERIFY &&
	    t->phase != PHASE_PLACE && (l->o->attempt == 0 ||
	    l->o->attempt == t->attempts))
		watch(l, task, t->attempts);
	for (i = 0; i < l->nlive && t->state != TASK_RUNNING; i++)
		if (l->live[i]->task == task)
			l->live[i]->ended = true;
	return 0;
}

/* Is there more to come for -f? Steps named: while one of them runs; or of a
 * fan-out an item is still to. */
static bool goes_on(struct logs *l)
{
	struct session *se = l->se;
	bool held = home_holder(&se->h) != 0 && se->s.closed == NULL;
	int i, pid;

	if (l->o->nsteps == 0)
		return held;
	for (i = 0; i < (int)se->s.ntasks; i++) {
		const struct task *t = &se->s.task[i];

		if (!is_wanted(l, i))
			continue;
		if (t->state == TASK_RUNNING && (held || summary_orphan(&se->d,
		    t, &pid) != ORPHAN_GONE))
			return true;
		if (held && is_of_whole(l, i) && (t->state == TASK_PENDING ||
		    t->state == TASK_WAITING))
			return true;
	}
	return false;
}

static void follow(struct logs *l)
{
	struct timespec nap = { 0, LOOK_EVERY_MS * 1000000 };
	struct follow f;
	struct why why;
	bool last = false;

	follow_open(&f, &l->se->j, l->se->d.fd);
	while (!last && !l->deaf) {
		/* asked before reading: what comes later is not missed */
		last = !goes_on(l);
		last |= follow_more(&f, on_record, l, &why) == -1;
		show_live(l, last);
		if (!last)
			nanosleep(&nap, NULL);
	}
	follow_close(&f);
}

/* Of a step or item that is no longer in the file, the logs are still there. */
static bool find_former(const struct state *s, const char *name,
	struct names *found)
{
	int task = state_find(s, name);

	if (task == -1 || (s->task[task].attempts == 0 &&
	    state_fan(s, &s->task[task]) == NULL))
		return false;
	found->unit = mem_grow(found->unit, 0, &found->cap,
		sizeof(*found->unit));
	found->unit[0] = task;
	found->n = 1;
	return true;
}

static void show_once(struct logs *l, int task)
{
	if (!l->named[task])
		show_task(l, task);
	l->named[task] = true;
}

/* What a name means, and for a fan-out all its items. */
static void show_named(struct logs *l, const struct names *found)
{
	const struct state *s = &l->se->s;
	const struct fan *fan;
	size_t i;
	int k;

	for (i = 0; i < found->n && !l->deaf; i++) {
		fan = state_fan(s, &s->task[found->unit[i]]);
		show_once(l, found->unit[i]);
		for (k = 0; fan != NULL && k < fan->n && !l->deaf; k++)
			show_once(l, fan->task[k]);
	}
}

/* Are all names known, and is more than one log meant? 0, or the exit
 * status. */
static int find_all(struct logs *l, struct names *found)
{
	const struct session *se = l->se;
	const struct options *o = l->o;
	struct why why;
	size_t i;

	l->prefixed = o->nsteps != 1;
	for (i = 0; i < o->nsteps; i++) {
		int head;

		if (names_find(&se->plan, o->step[i], &found[i], &why) == -1 &&
		    !find_former(&se->s, o->step[i], &found[i])) {
			msg_error("%s", why.text);
			return STATUS_USAGE;
		}
		head = found[i].unit[0];
		l->prefixed |= found[i].n > 1 || state_fan(&se->s,
			&se->s.task[head]) != NULL || (plan_step(&se->plan,
			head) != -1 && se->plan.unit[head].item == -1 &&
			se->p->step[plan_step(&se->plan, head)].root != -1);
	}
	return 0;
}

/* What is not known here is not hidden. */
static void warn_of_secrets(const struct pipeline *p)
{
	struct buf unknown = { 0 };

	secrets_read(p, &unknown);
	if (unknown.len > 0)
		msg_warn("secrets without a value here are shown where they "
			"stand in a log: %s", unknown.data);
	buf_release(&unknown);
}

static void say_nothing(const struct logs *l)
{
	if (l->removed > 0)
		msg_note("the logs of %zu that %s done were removed as the run "
			"was finished (keep_logs = failed)", l->removed,
			l->removed == 1 ? "is" : "are");
	else if (!l->any)
		msg_note("nothing was written");
}

int logs_show(struct session *se, const struct options *o)
{
	struct logs l = { .se = se, .o = o, .safe = isatty(STDOUT_FILENO) };
	struct names *found = mem_alloc((o->nsteps + 1) * sizeof(*found));
	size_t i;
	int status;

	l.nnamed = se->s.ntasks;
	l.named = mem_alloc(l.nnamed + 1);
	status = find_all(&l, found);
	if (status == 0)
		warn_of_secrets(se->p);
	for (i = 0; i < o->nsteps && status == 0; i++)
		show_named(&l, &found[i]);
	for (i = 0; i < se->s.ntasks && o->nsteps == 0; i++)
		show_once(&l, (int)i);
	if (o->follow && status == 0)
		follow(&l);
	show_live(&l, true);
	if (status == 0 && !l.deaf && !o->quiet)
		say_nothing(&l);
	for (i = 0; i < o->nsteps; i++)
		names_release(&found[i]);
	free(found);
	free(l.named);
	free(l.live);
	buf_release(&l.piece);
	return status;
}
