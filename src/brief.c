/* SPDX-License-Identifier: ISC */
#include "brief.h"

#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "clock.h"
#include "io.h"
#include "msg.h"
#include "outcome.h"
#include "safe.h"
#include "summary.h"
#include "tail.h"
#include "typed.h"

/* What cron's mail holds of an output, its end. */
enum { SHOWN_MOST = 1024 * 1024 };

/* The last attempt's, for a mail: a line at a time, made safe. */
static void show(const struct view_run *r, const struct task *t,
	const char *kind, int to)
{
	struct buf name = { 0 }, text = { 0 }, safe = { 0 };
	const char *line, *end, *over;
	int64_t size;
	int fd;

	task_log(r->s, t, t->attempts, kind, &name);
	fd = io_open(r->d->fd, name.data, O_RDONLY);
	size = fd != -1 ? (int64_t)lseek(fd, 0, SEEK_END) : 0;
	if (size > SHOWN_MOST)
		msg_error("the last MiB of %s/%s:", r->d->path, name.data);
	if (fd != -1) {
		tail_bytes(fd, SHOWN_MOST, &text);
		close(fd);
	}
	over = text.len > 0 ? text.data + text.len : text.data;
	for (line = text.data; line != over; line = end) {
		end = memchr(line, '\n', (size_t)(over - line));
		safe_line(&safe, line, (size_t)((end != NULL ? end : over) -
			line));
		if (end != NULL)
			buf_char(&safe, '\n');
		end = end != NULL ? end + 1 : over;
	}
	(void)io_write(to, safe.data, safe.len);
	buf_release(&name);
	buf_release(&text);
	buf_release(&safe);
}

static void failed(const struct brief *b, const struct view_run *r,
	const struct task *t)
{
	struct buf log = { 0 }, typed = { 0 };
	char span[CLOCK_SPAN];

	if (b->cron) {
		show(r, t, "out", STDOUT_FILENO);
		show(r, t, "err", STDERR_FILENO);
	}
	clock_span(t->started_at != 0 ? t->ended_at - t->started_at : 0, span);
	msg_error("%s: %s (%s)", t->name, t->reason != NULL ? t->reason : "?",
		span);
	summary_log(r->d, r->s, t, &log);
	if (log.len > 0)
		msg_error("its log: %s/%s", r->d->path, log.data);
	typed_run(r->p, b->ini, t->name, &typed);
	if (t->hold)
		msg_error("it is not tried again unasked; when it took effect: "
			"durexec approve %s; when it did not: durexec retry "
			"%s", typed.data, typed.data);
	else
		msg_error("to go on, the same command again");
	buf_release(&typed);
	buf_release(&log);
}

static void at_rest(const struct brief *b, const struct view_run *r)
{
	const struct task *t = plan_task(r->plan, 0);
	char when[CLOCK_SPAN];

	switch ((enum task_state)t->state) {
	case TASK_NEEDS_REVIEW:
		failed(b, r, t);
		break;
	case TASK_PENDING:
		if (t->attempts > 0)
			msg_note("%s: stopped; to go on, the same command "
				"again", t->name);
		break;
	case TASK_WAITING:
		clock_local(t->until_at, when);
		msg_note("%s waits until %s; to go on then, the same command "
			"again", t->name, when);
		break;
	case TASK_RUNNING:
	case TASK_DONE:
	case TASK_SKIPPED:
	case TASK_STATES:
		break;
	}
}

static void on_end(const struct view_event *e, const struct task *t)
{
	char when[CLOCK_SPAN], span[CLOCK_SPAN];

	if (e->state != TASK_WAITING)
		return;
	clock_local(e->until_at, when);
	clock_span(e->until_at > e->at ? e->until_at - e->at : 0, span);
	msg_note("%s: %s; waiting until %s (%s)", t->name,
		e->text != NULL ? e->text : "?", when, span);
}

/* That it had been interrupted is said once it is clear that nobody stopped us:
 * at_rest() says that. */
static void again(struct brief *b, const struct task *t)
{
	struct buf text = { 0 };

	if (!b->interrupted)
		return;
	b->interrupted = false;
	outcome_text(&t->before.outcome, &text);
	msg_note("%s: %s; it runs again", t->name, text.data);
	buf_release(&text);
}

static void on_event(struct view *v, const struct view_run *r,
	const struct view_event *e)
{
	struct brief *b = (struct brief *)((char *)v -
		offsetof(struct brief, view));
	const struct task *t = plan_task(r->plan, 0);
	char span[CLOCK_SPAN];

	switch (e->kind) {
	case VIEW_BEGIN:
	case VIEW_ADOPT:
		break;
	case VIEW_START:
		again(b, t);
		break;
	case VIEW_END:
		b->interrupted = e->state == TASK_PENDING &&
			e->outcome.kind != OUTCOME_NONE;
		on_end(e, t);
		break;
	case VIEW_MESSAGE:
		msg_note("%s", e->text);
		break;
	case VIEW_WHERE:
		clock_span(e->at - t->started_at, span);
		if (t->state == TASK_RUNNING)
			msg_note("%s runs, for %s now", t->name, span);
		break;
	case VIEW_REST:
		at_rest(b, r);
		break;
	}
}

void brief_init(struct brief *b, const char *ini, bool cron)
{
	memset(b, 0, sizeof(*b));
	b->view.event = on_event;
	b->ini = ini;
	b->cron = cron;
}
