/* SPDX-License-Identifier: ISC */
#include "status.h"

#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "io.h"
#include "json.h"
#include "member.h"
#include "outlook.h"
#include "shown.h"
#include "summary.h"

/* Written as it grows: every item of a million is half a gigabyte. */
enum { FLUSH_AT = 1 << 20 };

/* Calls of a script that are shown without --all: the last ones. */
enum { CALLS_MOST = 20 };

/* Absolute path of the attempt's log; null when nothing was written. bytes:
 * what the state says; while it runs, the file tells. */
static void log_path(struct buf *out, const char *key,
	const struct view_run *r, const struct task *t, const char *kind,
	int64_t bytes)
{
	struct buf path = { 0 }, name = { 0 };
	struct stat st;

	if (bytes > 0 || t->state == TASK_RUNNING)
		task_log(r->s, t, t->attempts, kind, &name);
	if (bytes > 0 || (name.len > 0 && fstatat(r->d->fd, name.data, &st,
	    AT_SYMLINK_NOFOLLOW) == 0 && st.st_size > 0))
		buf_printf(&path, "%s/%s", r->d->path, name.data);
	buf_release(&name);
	member_text(out, key, path.data);
	buf_release(&path);
}

/* What is known of a task's attempts. */
static void attempts_json(const struct view_run *r, const struct shown *s,
	struct buf *out)
{
	const struct task *t = s->t;
	bool begun = t->started_at != 0, ended = t->ended_at != 0;
	bool running = t->state == TASK_RUNNING;
	bool known = t->outcome.kind != OUTCOME_NONE;

	json_key(out, "attempts");
	json_number(out, t->attempts);
	member_text(out, "outcome", known ?
		outcome_word(t->outcome.kind) : NULL);
	member_number(out, "exit", t->outcome.exit, t->outcome.exit >= 0);
	member_number(out, "signal", t->outcome.signo,
		t->outcome.signo != 0);
	member_said(out, "reason", s->reason);
	member_time(out, "started", t->started_at);
	member_time(out, "ended", running ? 0 : t->ended_at);
	member_seconds(out, "seconds", (running ? clock_wall() :
		t->ended_at) - t->started_at, begun && (ended || running));
	member_time(out, "waiting_until", t->state == TASK_WAITING ?
		t->until_at : 0);
	member_seconds(out, "user_seconds", t->user_ms, known);
	member_seconds(out, "system_seconds", t->system_ms, known);
	member_number(out, "max_rss_kb", t->rss_kb, known);
	member_number(out, "pid", s->pid, s->pid != 0);
	log_path(out, "stdout", r, t, "out", t->out_bytes);
	log_path(out, "stderr", r, t, "err", t->err_bytes);
	member_said(out, "result", t->result);
}

/* What its script has called by `durexec step`; nothing when it has not. */
static void calls_json(const struct showing *sh, const struct task *t,
	bool all, struct buf *out)
{
	static const char *const word[] = { [SUBSTEP_DONE] = "done",
		[SUBSTEP_RUNNING] = "running", [SUBSTEP_BROKEN] = "pending" };
	struct substep_list l;
	size_t i;

	if (!shown_calls(sh, t, all ? SIZE_MAX : CALLS_MOST, &l))
		return;
	json_key(out, "substeps");
	json_open(out, '{');
	json_key(out, "total");
	json_number(out, (int64_t)(l.done + l.running + l.broken));
	json_key(out, "done");
	json_number(out, (int64_t)l.done);
	json_key(out, "running");
	json_number(out, (int64_t)l.running);
	json_key(out, "list");
	json_open(out, '[');
	for (i = 0; i < l.n; i++) {
		const struct substep_shown *s = &l.v[i];

		json_open(out, '{');
		member_said(out, "name", s->name);
		member_text(out, "state", word[s->state]);
		member_time(out, "started", s->started_at);
		member_time(out, "ended", s->ended_at);
		member_seconds(out, "seconds", (s->ended_at != 0 ?
			s->ended_at : clock_wall()) - s->started_at,
			s->state != SUBSTEP_BROKEN);
		json_close(out, '}');
	}
	json_close(out, ']');
	json_close(out, '}');
	substep_list_release(&l);
}

/* items: of a fan-out; NULL: of what is none, and of an item. */
static void entry_json(const struct showing *sh, const struct shown *s,
	const struct shown_items *items, bool all, struct buf *out)
{
	const struct view_run *r = sh->r;
	int i;

	json_open(out, '{');
	member_text(out, "step", task_step(r->s, s->t));
	member_said(out, "item", s->item);
	member_text(out, "state", state_word(s->state));
	attempts_json(r, s, out);
	json_key(out, "stale");
	json_bool(out, s->why_stale != NULL ||
		(items != NULL && items->stale > 0));
	json_key(out, "adopted");
	json_bool(out, s->t->adopted);
	member_money(out, "cost", items != NULL ? items->cost : s->t->cost);
	if (items == NULL)
		calls_json(sh, s->t, all, out);
	if (items != NULL) {
		json_key(out, "items");
		json_open(out, '{');
		json_key(out, "total");
		json_number(out, items->total);
		for (i = 0; i < TASK_STATES; i++) {
			json_key(out, state_word((enum task_state)i));
			json_number(out, items->n[i]);
		}
		json_close(out, '}');
	}
	json_close(out, '}');
}

void status_flush(const struct status_options *o, struct buf *out)
{
	/* json.h sets commas by what it finds at the end */
	if (!o->stream || out->len < FLUSH_AT)
		return;
	io_answer(out->data, out->len - 1);
	out->data[0] = out->data[out->len - 1];
	out->len = 1;
}

static void step_json(struct showing *sh, int step,
	const struct status_options *o, struct buf *out)
{
	const struct view_run *r = sh->r;
	struct task whole = { .outcome = outcome_of(OUTCOME_NONE) };
	struct shown_items items;
	struct shown s;
	const int *unit;
	bool known;
	int n, i;

	shown_make(sh, r->plan->stage[step].task, &s);
	if (r->plan->stage[step].fanout == -1) {
		entry_json(sh, &s, NULL, o->all, out);
		return;
	}
	known = shown_items(sh, step, &items);
	if (known) {
		/* its own attempts only asked for the list */
		whole.name = s.t->name;
		whole.fan = -1;
		s.t = &whole;
		s.state = items.state;
	}
	entry_json(sh, &s, &items, o->all, out);
	unit = plan_items(r->plan, step, &n);
	for (i = 0; i < n; i++) {
		if (!o->all && !shown_matters(plan_unit(r->plan, unit[i])))
			continue;
		shown_make(sh, unit[i], &s);
		entry_json(sh, &s, NULL, o->all, out);
		status_flush(o, out);
	}
}

static void next_json(const struct view_run *r, const struct summary *sum,
	const char *ini, struct buf *out)
{
	struct buf words = { 0 };
	const char *w;
	int i, n;

	json_key(out, "next");
	json_open(out, '[');
	summary_next(sum, r->plan, ini, &words, &n);
	for (i = 0, w = words.data; i < n; i++, w += strlen(w) + 1)
		json_said(out, w);
	buf_release(&words);
	json_close(out, ']');
}

void status_json(const struct view_run *r, const struct status_options *o,
	struct buf *out)
{
	struct outlook outlook = { 0 };
	struct showing sh;
	struct summary sum;
	int i;

	summary_make(&sum, r->plan, o->live);
	if (o->live)
		outlook_make(&outlook, r->plan, r->d, o->jobs);
	json_open(out, '{');
	member_text(out, "pipeline", r->p->name);
	member_text(out, "run", r->s->run);
	member_text(out, "state", sum.state);
	member_time(out, "started", r->s->started_at);
	member_time(out, "ended", sum.ended_at);
	json_key(out, "done");
	json_number(out, sum.done);
	json_key(out, "total");
	json_number(out, sum.total);
	member_time(out, "eta", o->live ? outlook_end(&outlook, r->plan) : 0);
	json_key(out, "saved_seconds");
	json_seconds(out, sum.saved_ms);
	member_money(out, "cost", sum.cost);
	next_json(r, &sum, o->ini, out);
	json_key(out, "steps");
	json_open(out, '[');
	showing_init(&sh, r, o->live);
	for (i = 0; i < r->p->nsteps; i++) {
		step_json(&sh, i, o, out);
		status_flush(o, out);
	}
	showing_release(&sh);
	outlook_release(&outlook);
	json_close(out, ']');
	json_close(out, '}');
}
