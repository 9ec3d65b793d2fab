/* SPDX-License-Identifier: ISC */
#include "status.h"

#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "io.h"
#include "json.h"
#include "mailbox.h"
#include "mem.h"
#include "safe.h"
#include "summary.h"

/* A step as it is shown: what the state says, put right where the state
 * cannot know (its durexec was killed). */
struct shown {
	const struct task *t;
	int step;
	const char *state;
	const char *reason;
	int pid;		/* 0: not running */
	bool stale, blocked;
};

static void show(const struct view_run *r, int step, const bool *blocked,
	bool live, struct shown *s)
{
	const struct task *t = plan_task(r->plan, step);
	struct mail mail;

	s->t = t;
	s->step = step;
	s->state = state_word((enum task_state)t->state);
	s->reason = t->reason;
	s->pid = 0;
	s->stale = summary_stale(r->plan, step);
	s->blocked = blocked[step];
	if (t->state != TASK_RUNNING)
		return;
	if (live) {
		mailbox_read(r->d->fd, t->keeper, t->name, t->attempts,
			task_phase(t), t->turn, &mail);
		s->pid = (int)mail.pid;
		return;
	}
	switch (summary_orphan(r->d, t, &s->pid)) {
	case ORPHAN_LIVES:
		s->reason = "goes on without durexec; the next one adopts it";
		break;
	case ORPHAN_ENDED:
		s->state = "pending";
		s->pid = 0;
		s->reason = "ended while durexec was gone; the next one "
			"collects how";
		break;
	case ORPHAN_GONE:
		s->state = "pending";
		s->pid = 0;
		s->reason = r->p->step[step].conf->never &&
			t->phase == PHASE_RUN ? "lost, and rerun = never: the "
			"next durexec asks what became of it" :
			"interrupted; the next durexec starts it again";
		break;
	}
}

static void text_or_null(struct buf *out, const char *key, const char *text)
{
	json_key(out, key);
	json_text(out, text);
}

static void number_or_null(struct buf *out, const char *key, int64_t n,
	bool there)
{
	json_key(out, key);
	if (there)
		json_number(out, n);
	else
		json_text(out, NULL);
}

static void seconds_or_null(struct buf *out, const char *key, int64_t ms,
	bool there)
{
	json_key(out, key);
	if (there)
		json_seconds(out, ms);
	else
		json_text(out, NULL);
}

/* Null when nothing was paid. */
static void money_or_null(struct buf *out, const char *key, int64_t cost)
{
	json_key(out, key);
	if (cost > 0)
		json_money(out, cost);
	else
		json_text(out, NULL);
}

static void time_of(struct buf *out, const char *key, int64_t at)
{
	json_key(out, key);
	json_time(out, at);
}

/* Absolute path of the attempt's log; null when nothing was written. bytes:
 * what the state says; while it runs, the file tells. */
static void log_path(struct buf *out, const char *key,
	const struct view_run *r, const struct task *t, const char *kind,
	int64_t bytes)
{
	struct buf path = { 0 }, name = { 0 };
	struct stat st;

	if (bytes > 0 || t->state == TASK_RUNNING)
		rundir_log(&name, t->name, t->attempts, kind);
	if (bytes > 0 || (name.len > 0 && fstatat(r->d->fd, name.data, &st,
	    AT_SYMLINK_NOFOLLOW) == 0 && st.st_size > 0))
		buf_printf(&path, "%s/%s", r->d->path, name.data);
	buf_release(&name);
	text_or_null(out, key, path.data);
	buf_release(&path);
}

static void step_json(const struct view_run *r, const struct shown *s,
	struct buf *out)
{
	const struct task *t = s->t;
	bool begun = t->started_at != 0, ended = t->ended_at != 0;
	bool running = t->state == TASK_RUNNING;
	bool known = t->outcome.kind != OUTCOME_NONE;

	json_open(out, '{');
	text_or_null(out, "step", t->name);
	text_or_null(out, "item", NULL);
	text_or_null(out, "state", s->state);
	json_key(out, "attempts");
	json_number(out, t->attempts);
	text_or_null(out, "outcome", known ?
		outcome_word(t->outcome.kind) : NULL);
	number_or_null(out, "exit", t->outcome.exit, t->outcome.exit >= 0);
	number_or_null(out, "signal", t->outcome.signo,
		t->outcome.signo != 0);
	text_or_null(out, "reason", s->reason);
	time_of(out, "started", t->started_at);
	time_of(out, "ended", running ? 0 : t->ended_at);
	seconds_or_null(out, "seconds", (running ? clock_wall() :
		t->ended_at) - t->started_at, begun && (ended || running));
	time_of(out, "waiting_until", t->state == TASK_WAITING ?
		t->until_at : 0);
	seconds_or_null(out, "user_seconds", t->user_ms, known);
	seconds_or_null(out, "system_seconds", t->system_ms, known);
	number_or_null(out, "max_rss_kb", t->rss_kb, known);
	number_or_null(out, "pid", s->pid, s->pid != 0);
	log_path(out, "stdout", r, t, "out", t->out_bytes);
	log_path(out, "stderr", r, t, "err", t->err_bytes);
	text_or_null(out, "result", t->result);
	json_key(out, "stale");
	json_bool(out, s->stale);
	json_key(out, "adopted");
	json_bool(out, t->adopted);
	money_or_null(out, "cost", t->cost);
	json_close(out, '}');
}

static bool *blocked_steps(const struct view_run *r)
{
	bool *blocked = mem_alloc((size_t)r->p->nsteps + 1);

	plan_blocked(r->plan, blocked);
	return blocked;
}

void status_json(const struct view_run *r, const struct status_options *o,
	struct buf *out)
{
	bool *blocked = blocked_steps(r);
	struct buf words = { 0 };
	struct summary sum;
	struct shown s;
	const char *w;
	int i, n;

	summary_make(&sum, r->plan, o->live);
	json_open(out, '{');
	text_or_null(out, "pipeline", r->p->name);
	text_or_null(out, "run", r->s->run);
	text_or_null(out, "state", sum.state);
	time_of(out, "started", r->s->started_at);
	time_of(out, "ended", sum.ended_at);
	json_key(out, "done");
	json_number(out, sum.done);
	json_key(out, "total");
	json_number(out, sum.total);
	text_or_null(out, "eta", NULL);
	json_key(out, "saved_seconds");
	json_seconds(out, sum.saved_ms);
	money_or_null(out, "cost", sum.cost);
	json_key(out, "next");
	json_open(out, '[');
	summary_next(&sum, r->plan, o->ini, &words, &n);
	for (i = 0, w = words.data; i < n; i++, w += strlen(w) + 1)
		json_text(out, w);
	buf_release(&words);
	json_close(out, ']');
	json_key(out, "steps");
	json_open(out, '[');
	for (i = 0; i < r->p->nsteps; i++) {
		show(r, i, blocked, o->live, &s);
		step_json(r, &s, out);
	}
	json_close(out, ']');
	json_close(out, '}');
	free(blocked);
}

static const char *colour_of(const char *state)
{
	if (strcmp(state, "done") == 0)
		return "\033[32m";
	if (strcmp(state, "needs_review") == 0)
		return "\033[31m";
	if (strcmp(state, "running") == 0)
		return "\033[36m";
	return "\033[2m";
}

static void step_row(const struct view_run *r, const struct shown *s,
	int width, bool colour, struct buf *out)
{
	const struct task *t = s->t;
	const char *state = s->blocked ? "blocked" :
		t->approval ? "approval" :
		strcmp(s->state, "needs_review") == 0 ? "needs review" :
		s->state;
	char span[CLOCK_SPAN] = "";

	(void)r;
	if (t->started_at != 0 && (t->ended_at != 0 || s->pid != 0))
		clock_span((t->ended_at != 0 ? t->ended_at : clock_wall()) -
			t->started_at, span);
	/* a name is ASCII: what printf counts is what is seen */
	buf_printf(out, "  %-*s  %s%-12s%s %8s", width, t->name,
		colour ? colour_of(s->state) : "", state,
		colour ? "\033[0m" : "", span);
	if (t->attempts > 1)
		buf_printf(out, "  attempt %d", t->attempts);
	if (s->pid != 0)
		buf_printf(out, "  pid %d", s->pid);
	if (t->adopted)
		buf_str(out, "  adopted");
	if (s->stale)
		buf_printf(out, "  STALE: its definition changed since "
			"(durexec rewind %s runs it again)", t->name);
	if (t->state == TASK_WAITING) {
		char when[CLOCK_SPAN], left[CLOCK_SPAN];
		int64_t now = clock_wall();

		clock_local(t->until_at, when);
		clock_span(t->until_at > now ? t->until_at - now : 0, left);
		buf_printf(out, "  until %s (%s)", when, left);
	}
	if (t->cost > 0)
		buf_printf(out, "  $%.2f", (double)t->cost / 1e6);
	if (s->reason != NULL) {
		buf_str(out, "  ");
		safe_line(out, s->reason, strlen(s->reason));
	}
	if (t->result != NULL) {
		buf_str(out, "  result ");
		safe_line(out, t->result, strlen(t->result));
	}
	/* no blanks at the end of a line */
	while (out->len > 0 && out->data[out->len - 1] == ' ')
		out->len--;
	buf_char(out, '\n');
}

void status_table(const struct view_run *r, const struct status_options *o,
	bool colour, struct buf *out)
{
	bool *blocked = blocked_steps(r);
	struct summary sum;
	struct shown s;
	char when[CLOCK_SPAN];
	int i, width = 4;

	summary_make(&sum, r->plan, o->live);
	clock_local(r->s->started_at, when);
	safe_line(out, r->s->name, strlen(r->s->name));
	buf_printf(out, "  run %s, started %s: ", r->s->run, when);
	if (o->live && o->pid != 0)
		buf_printf(out, "%s (pid %d)", sum.state, o->pid);
	else
		buf_str(out, strcmp(sum.state, "needs_review") == 0 ?
			"needs review" : sum.state);
	buf_printf(out, ", %d of %d done", sum.done, sum.total);
	if (sum.ended_at != 0) {
		clock_local(sum.ended_at, when);
		buf_printf(out, ", ended %s", when);
	}
	if (sum.cost > 0)
		buf_printf(out, ", $%.2f", (double)sum.cost / 1e6);
	buf_char(out, '\n');
	for (i = 0; i < r->p->nsteps; i++)
		if ((int)strlen(r->p->step[i].name) > width)
			width = (int)strlen(r->p->step[i].name);
	for (i = 0; i < r->p->nsteps; i++) {
		show(r, i, blocked, o->live, &s);
		step_row(r, &s, width, colour, out);
	}
	free(blocked);
}

static void event_json(const struct view_run *r, const struct view_event *e,
	const char *kind, struct buf *out)
{
	const struct task *t = e->step >= 0 ?
		plan_task(r->plan, e->step) : NULL;

	json_open(out, '{');
	time_of(out, "time", e->at);
	text_or_null(out, "event", kind);
	if (e->kind == VIEW_BEGIN) {
		text_or_null(out, "pipeline", r->p->name);
		text_or_null(out, "run", r->s->run);
		text_or_null(out, "state", "running");
	}
	if (t != NULL) {
		text_or_null(out, "step", t->name);
		text_or_null(out, "item", NULL);
		text_or_null(out, "state", state_word(e->state));
		json_key(out, "attempt");
		json_number(out, e->attempt);
		if (e->kind == VIEW_END) {
			text_or_null(out, "outcome", e->outcome.kind !=
				OUTCOME_NONE ? outcome_word(e->outcome.kind) :
				NULL);
			number_or_null(out, "exit", e->outcome.exit,
				e->outcome.exit >= 0);
			number_or_null(out, "signal", e->outcome.signo,
				e->outcome.signo != 0);
			text_or_null(out, "reason", e->text);
			if (e->state == TASK_WAITING)
				time_of(out, "until", e->until_at);
		}
	}
	if (e->kind == VIEW_MESSAGE)
		text_or_null(out, "text", e->text);
	json_close(out, '}');
	buf_char(out, '\n');
}

static void on_event(struct view *v, const struct view_run *r,
	const struct view_event *e)
{
	struct events *ev = (struct events *)((char *)v -
		offsetof(struct events, view));
	struct status_options o = { .ini = ev->ini };
	struct buf out = { 0 };

	switch (e->kind) {
	case VIEW_BEGIN:
		event_json(r, e, "run", &out);
		break;
	case VIEW_START:
		event_json(r, e, "step", &out);
		break;
	case VIEW_END:
		event_json(r, e, e->state == TASK_WAITING ? "wait" : "step",
			&out);
		break;
	case VIEW_ADOPT:
		event_json(r, e, "adopt", &out);
		break;
	case VIEW_MESSAGE:
		event_json(r, e, "message", &out);
		break;
	case VIEW_WHERE:
		break;
	case VIEW_REST:
		status_json(r, &o, &out);
		buf_char(&out, '\n');
		break;
	}
	if (!ev->quiet || e->kind == VIEW_REST)
		(void)io_write(STDOUT_FILENO, out.data != NULL ? out.data : "",
			out.len);
	buf_release(&out);
}

void events_init(struct events *e, bool quiet, const char *ini)
{
	memset(e, 0, sizeof(*e));
	e->view.event = on_event;
	e->quiet = quiet;
	e->ini = ini;
}
