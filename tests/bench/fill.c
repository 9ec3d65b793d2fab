/* SPDX-License-Identifier: ISC */

/*
 * fill RUN_DIR [LEAVE]
 *
 * Gives every step and item of a run that was never started the two records
 * which an attempt of a silent command leaves: its start, and its end as DONE;
 * but for the last LEAVE (0) of them. The run has to be at rest, and the items
 * of its fan-outs known.
 *
 * It is linked with the objects that ship: what it writes goes through the same
 * journal and the same fold as what durexec writes, and a later durexec cannot
 * tell the difference. A million real commands would take a quarter of an hour.
 *
 * Prints how many were filled in.
 */

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "complaints.h"
#include "journal.h"
#include "load.h"
#include "pipeline.h"
#include "plan.h"
#include "state.h"

/* Tasks made durable at once; real ones come by ones and twos. */
enum { BATCH = 1000 };

struct run {
	struct pipeline *p;
	struct state s;
	struct journal j;
	struct plan plan;
	long left;		/* to be filled in */
	long done;
};

static void
write_start(struct run *r, const struct task *t, uint64_t command)
{
	struct record record = { 0 };

	record_start(&record, "start");
	record_set(&record, "step", t->name);
	record_set_number(&record, "attempt", state_next_attempt(&r->s, t));
	record_set_number(&record, "keeper", 0);
	record_set_hex(&record, "command", command);
	state_write(&r->s, &r->j, &record);
}

static void
write_end(struct run *r, const struct task *t)
{
	struct outcome outcome = outcome_of(OUTCOME_EXIT);
	struct record record = { 0 };

	outcome.exit = 0;
	record_start(&record, "end");
	record_set(&record, "step", t->name);
	record_set(&record, "state", state_word(TASK_DONE));
	outcome_record(&record, &outcome);
	/* what /bin/true takes */
	record_set_number(&record, "user", 1);
	record_set_number(&record, "system", 1);
	record_set_number(&record, "rss", 3104);
	record_set_number(&record, "out", 0);
	record_set_number(&record, "err", 0);
	state_write(&r->s, &r->j, &record);
}

static bool
is_new(const struct run *r, int unit)
{
	const struct task *t = &r->s.task[unit];

	return t->state == TASK_PENDING && t->attempts == 0;
}

static int
fill_unit(struct run *r, int unit, uint64_t command, struct why *why)
{
	if (r->left <= 0 || !is_new(r, unit))
		return 0;
	write_start(r, &r->s.task[unit], command);
	write_end(r, &r->s.task[unit]);
	r->left--;
	return ++r->done % BATCH == 0 ? journal_commit(&r->j, why) : 0;
}

static int
fill(struct run *r, long leave, struct why *why)
{
	int step, i, n;
	const int *items;

	for (i = 0; (size_t)i < r->plan.nunits; i++)
		r->left += plan_counts(&r->plan, i) && is_new(r, i);
	r->left -= leave;
	for (step = 0; step < r->p->nsteps; step++) {
		uint64_t command = pipeline_command_hash(r->p, step);

		items = plan_items(&r->plan, step, &n);
		if (r->p->step[step].root == -1 &&
		    fill_unit(r, r->plan.stage[step].task, command, why) == -1)
			return -1;
		for (i = 0; i < n; i++)
			if (fill_unit(r, items[i], command, why) == -1)
				return -1;
	}
	return journal_commit(&r->j, why);
}

static int
load(struct run *r, const char *path, struct why *why)
{
	struct complaints c = { 0 };
	int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (dir == -1)
		return why_sys(why, "cannot open it");
	if (journal_read(&r->j, dir, state_apply, &r->s, why) == -1 ||
	    journal_open_write(&r->j, dir, why) == -1)
		return -1;
	r->p = pipeline_load(r->s.path, NULL, 0, &c);
	if (r->p == NULL)
		return why_set(why, "%s cannot be read", r->s.path);
	plan_init(&r->plan, r->p, &r->s);
	return 0;
}

int
main(int argc, char **argv)
{
	struct run r = { .j = { .fd = -1 } };
	struct why why;

	if (argc < 2 || argc > 3) {
		fprintf(stderr, "usage: fill RUN_DIR [LEAVE]\n");
		return 2;
	}
	state_init(&r.s);
	if (load(&r, argv[1], &why) == -1 ||
	    fill(&r, argc > 2 ? atol(argv[2]) : 0, &why) == -1) {
		fprintf(stderr, "fill: %s: %s\n", argv[1], why.text);
		return 1;
	}
	printf("%ld\n", r.done);
	return 0;
}
