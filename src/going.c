/* SPDX-License-Identifier: ISC */
#include "going.h"

#include <fcntl.h>
#include <unistd.h>

#include "brief.h"
#include "control.h"
#include "exec.h"
#include "io.h"
#include "lines.h"
#include "run.h"
#include "status.h"
#include "summary.h"
#include "times.h"
#include "trim.h"

/* -1: not detached, or it has reported. */
static int report_fd = -1;

void going_report_to(int fd)
{
	report_fd = fd;
}

void going_never(int status)
{
	unsigned char byte = (unsigned char)status;

	if (report_fd != -1)
		(void)io_write(report_fd, &byte, 1);
}

struct views {
	struct lines lines;
	struct brief brief;
	struct events events;
	struct view *list[3];
};

static void make_views(struct views *v, const struct options *o,
	const struct session *se)
{
	int n = 0;

	lines_init(&v->lines, se->ini);
	v->lines.quiet = o->quiet || !o->progress;
	v->lines.verbose = o->verbose;
	v->lines.colour = o->colour;
	v->lines.live = !o->plain;
	v->lines.only_rest = o->cron;
	v->lines.jobs = o->jobs;
	events_init(&v->events, o->quiet, se->ini);
	brief_init(&v->brief, se->ini, o->cron);
	if (o->exec != NULL)
		v->list[n++] = &v->brief.view;
	else if (o->json)
		v->list[n++] = &v->events.view;
	else
		v->list[n++] = &v->lines.view;
	v->list[n] = NULL;
}

static void under_way(void *ctx)
{
	int null;

	(void)ctx;
	if (report_fd == -1)
		return;
	null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	(void)io_write(report_fd, "+", 1);
	close(report_fd);
	report_fd = -1;
	if (null != -1) {
		dup2(null, STDOUT_FILENO);
		dup2(null, STDERR_FILENO);
		close(null);
	}
}

static int exit_status(const struct session *se, const struct run_result *r,
	bool no_wait)
{
	struct summary sum;

	summary_make(&sum, &se->plan, false);
	if (r->state_lost)
		return STATUS_STATE;
	if (r->signo != 0)
		return 128 + r->signo;
	return summary_status(&sum, no_wait && !r->stopped);
}

int going(struct session *se, const struct options *o, bool closing)
{
	struct run_options options = { .jobs = o->jobs, .closing = closing,
		.resume = o->resume && !closing, .no_wait = o->no_wait || closing,
		.pass = o->exec != NULL && !o->cron && report_fd == -1,
		.under_way = closing ? NULL : under_way };
	struct run_result result;
	struct views views;
	struct run_parts parts = { se->p, &se->s, &se->j, &se->d, &se->h,
		&se->plan, views.list };
	int status, own = 0;

	make_views(&views, o, se);
	/* the run that is closed has been told of when it failed */
	if (closing)
		views.list[0] = NULL;
	run_go(&parts, &options, &result);
	lines_release(&views.lines);
	events_release(&views.events);
	status = exit_status(se, &result, o->no_wait);
	if (o->exec != NULL && !closing)
		own = exec_status(se, &result, status);
	/* the run's close record is still to come: nobody may come between */
	if (closing) {
		control_answer(result.waiting, result.nwaiting, status);
		return result.state_lost ? STATUS_STATE : result.signo != 0 ?
			128 + result.signo : result.stopped ?
			STATUS_STOPPED : STATUS_DONE;
	}
	if (!result.state_lost) {
		times_keep(&se->plan, &se->d);
		trim_logs(&se->plan, &se->d);
	}
	/* before those who wait hear of it, the lock is free */
	home_unlock(&se->h);
	control_answer(result.waiting, result.nwaiting, status);
	return o->exec != NULL ? own : status;
}
