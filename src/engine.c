/* SPDX-License-Identifier: ISC */
#include "engine.h"

#include <stdlib.h>
#include <unistd.h>

#include "clock.h"
#include "mem.h"
#include "os.h"

void engine_tell(struct run *r, enum view_kind kind, int task, int step,
	const char *text)
{
	struct view_event e = { .kind = kind, .task = task, .step = step,
		.at = clock_wall(),
		.text = text != NULL ? mem_dup(text) : NULL };

	if (task >= 0) {
		e.state = (enum task_state)r->at.s->task[task].state;
		e.attempt = r->at.s->task[task].attempts;
		e.until_at = r->at.s->task[task].until_at;
		if (text == NULL && r->at.s->task[task].reason != NULL)
			e.text = mem_dup(r->at.s->task[task].reason);
		e.outcome = r->at.s->task[task].outcome;
	}
	r->event = mem_grow(r->event, r->nevents, &r->event_cap,
		sizeof(*r->event));
	r->event[r->nevents++] = e;
}

void engine_forget_events(struct run *r)
{
	while (r->nevents > 0)
		free(r->event[--r->nevents].text);
}

void engine_tell_views(struct run *r)
{
	const struct view_run run = { r->at.p, r->at.s, r->at.plan, r->at.d };
	struct view **v;
	size_t i;

	for (i = 0; i < r->nevents; i++)
		for (v = r->at.view; *v != NULL; v++)
			(*v)->event(*v, &run, &r->event[i]);
	engine_forget_events(r);
}

void engine_put(struct run *r, struct record *record)
{
	struct record begin = { 0 };

	if (!r->begun) {
		r->begun = true;
		record_start(&begin, "begin");
		record_set_number(&begin, "pid", getpid());
		record_set(&begin, "boot", os_boot_id());
		state_write(r->at.s, r->at.j, &begin);
	}
	state_write(r->at.s, r->at.j, record);
}

bool engine_stopping(const struct run *r)
{
	return r->stop == STOPPING_GRACE || r->stop == STOPPING_NOW;
}
