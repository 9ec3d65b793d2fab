/* SPDX-License-Identifier: ISC */
/* events: the view of `durexec --json`. */
#include "status.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io.h"
#include "json.h"
#include "mem.h"
#include "member.h"

static void event_json(const struct view_run *r, const struct view_event *e,
	const char *kind, struct buf *out)
{
	const struct task *t = e->task >= 0 ? &r->s->task[e->task] : NULL;
	struct buf item = { 0 };

	json_open(out, '{');
	member_time(out, "time", e->at);
	member_text(out, "event", kind);
	if (e->kind == VIEW_BEGIN) {
		member_text(out, "pipeline", r->p->name);
		member_text(out, "run", r->s->run);
		member_text(out, "state", "running");
	}
	if (t != NULL) {
		task_item(r->s, t, &item);
		member_text(out, "step", task_step(r->s, t));
		member_said(out, "item", item.data);
		buf_release(&item);
		member_text(out, "state", state_word(e->state));
		json_key(out, "attempt");
		json_number(out, e->attempt);
		if (e->kind == VIEW_END) {
			member_text(out, "outcome", e->outcome.kind !=
				OUTCOME_NONE ? outcome_word(e->outcome.kind) :
				NULL);
			member_number(out, "exit", e->outcome.exit,
				e->outcome.exit >= 0);
			member_number(out, "signal", e->outcome.signo,
				e->outcome.signo != 0);
			member_said(out, "reason", e->text);
			if (e->state == TASK_WAITING)
				member_time(out, "until", e->until_at);
		}
	}
	if (e->kind == VIEW_MESSAGE)
		member_said(out, "text", e->text);
	json_close(out, '}');
	buf_char(out, '\n');
}

static bool is_list(const struct view_run *r, const struct view_event *e)
{
	return e->step != -1 && e->state == TASK_DONE &&
		e->task == r->plan->stage[e->step].task &&
		r->plan->stage[e->step].fanout != -1;
}

static void list_json(const struct view_run *r, const struct view_event *e,
	struct buf *out)
{
	struct view_event said = *e;
	int n;

	(void)plan_items(r->plan, e->step, &n);
	said.kind = VIEW_MESSAGE;
	said.task = -1;
	said.text = mem_printf("%s: %d item%s", r->p->step[e->step].name, n,
		n == 1 ? "" : "s");
	event_json(r, &said, "message", out);
	free(said.text);
}

/* How many items of each fan-out are still to be told of. */
static void count_open(struct events *ev, const struct view_run *r)
{
	int i;

	ev->open = mem_resize(ev->open, ((size_t)r->plan->nfanouts + 1) *
		sizeof(*ev->open));
	for (i = 0; i < r->plan->nfanouts; i++)
		ev->open[i] = r->plan->fanout[i].open;
}

static int open_items(const struct view_run *r, int step)
{
	return r->plan->fanout[r->plan->stage[step].fanout].open;
}

/* Behind its last item the fan-out itself. Of items that end together all have
 * moved before the first is told of. */
static void whole_json(struct events *ev, const struct view_run *r,
	const struct view_event *e, struct buf *out)
{
	struct view_event whole = { .kind = VIEW_START, .step = e->step,
		.state = TASK_DONE, .at = e->at };

	if (ev->open == NULL || e->step == -1 ||
	    r->plan->unit[e->task].item == -1 ||
	    !plan_unit_settled(r->plan, e->task) || --ev->open[r->plan->stage[e->step].fanout] > 0 ||
	    !plan_settled(r->plan, e->step))
		return;
	whole.task = r->plan->stage[e->step].task;
	event_json(r, &whole, "step", out);
}

void events_release(struct events *e)
{
	free(e->open);
	e->open = NULL;
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
		count_open(ev, r);
		event_json(r, e, "run", &out);
		break;
	case VIEW_START:
		event_json(r, e, "step", &out);
		break;
	case VIEW_END:
		/* the list of a fan-out: none of its items has run */
		if (is_list(r, e)) {
			list_json(r, e, &out);
			if (ev->open != NULL)
				ev->open[r->plan->stage[e->step].fanout] =
					open_items(r, e->step);
			break;
		}
		event_json(r, e, e->state == TASK_WAITING ? "wait" : "step",
			&out);
		whole_json(ev, r, e, &out);
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
		io_answer(out.data != NULL ? out.data : "",
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
