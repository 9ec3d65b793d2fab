/* SPDX-License-Identifier: ISC */
/*
 * planned: a pipeline, a state of it that no file keeps, and the plan of both,
 * for the tests of what people ask of them.
 */
#ifndef PLANNED_H
#define PLANNED_H

#include "loading.h"
#include "plan.h"
#include "state.h"

static struct pipeline *p;
static struct state s;
static struct plan pl;
static struct journal j;

/* p, s and pl, of the pipeline of that text; no step has run. */
static inline void planned(const char *text)
{
	struct record r = { 0 };

	p = loads(text);
	state_init(&s);
	memset(&j, 0, sizeof(j));
	j.fd = -1;
	record_start(&r, "durexec");
	record_set(&r, "run", "R");
	record_set(&r, "name", "p");
	record_set(&r, "path", "/p");
	record_set(&r, "seed", "x");
	state_write(&s, &j, &r);
	plan_init(&pl, p, &s);
}

static inline void planned_release(void)
{
	plan_release(&pl);
	state_release(&s);
	pipeline_free(p);
	p = NULL;
	journal_close(&j);
}

/* The fan-out has these items, one a line, and all of them are done. */
static inline void planned_items(const char *step, const char *list)
{
	struct record r = { 0 };
	int n = *list != '\0';

	for (const char *at = list; (at = strchr(at, '\n')) != NULL; at++)
		n++;
	record_start(&r, "items");
	record_set(&r, "step", step);
	if (*list != '\0')
		record_set(&r, "list", list);
	record_set_number(&r, "total", n);
	state_write(&s, &j, &r);
	record_start(&r, "set");
	record_set(&r, "step", step);
	record_set(&r, "state", "done");
	record_set(&r, "by", "test");
	state_write(&s, &j, &r);
	plan_rebuild(&pl);
}

#endif
