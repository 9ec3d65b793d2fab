/* SPDX-License-Identifier: ISC */
#include "start.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "act.h"
#include "checkup.h"
#include "choice.h"
#include "clock.h"
#include "control.h"
#include "io.h"
#include "lines.h"
#include "mem.h"
#include "msg.h"
#include "opening.h"
#include "os.h"
#include "run.h"
#include "session.h"
#include "spawn.h"
#include "status.h"
#include "summary.h"
#include "which.h"

/* A run that is just ending gives the lock back within this. */
enum { LOCK_FOR_MS = 1000, LOCK_EVERY_MS = 20 };

/* Where -d reports to; -1: not detached. */
static int report_fd = -1;

static int busy(struct session *se, pid_t pid)
{
	char when[CLOCK_SPAN];
	struct why why;

	if (session_open_run(se, NULL, &why) == 0 && se->s.began_at != 0)
		clock_local(se->s.began_at, when);
	else
		snprintf(when, sizeof(when), "just now");
	msg_error("another durexec (pid %ld, since %s) runs this pipeline; "
		"durexec status %s shows it", (long)pid, when, se->ini);
	return STATUS_BUSY;
}

/* 0: the lock is ours; else the exit status. */
static int take_lock(struct session *se)
{
	struct timespec nap = { 0, LOCK_EVERY_MS * 1000000 };
	int64_t until = clock_mono() + LOCK_FOR_MS;
	struct why why;
	pid_t pid = 0;

	for (;;) {
		switch (home_lock(&se->h, &pid, &why)) {
		case 0:
			return 0;
		case -1:
			msg_error("%s", why.text);
			return STATUS_STATE;
		}
		if (clock_mono() >= until)
			return busy(se, pid);
		nanosleep(&nap, NULL);
	}
}

/* Steps that a former durexec's keepers still run: how many. */
static int count_orphans(const struct session *se)
{
	size_t i;
	int n = 0, pid;

	for (i = 0; i < se->s.ntasks; i++)
		n += se->s.task[i].state == TASK_RUNNING && summary_orphan(
			&se->d, &se->s.task[i], &pid) == ORPHAN_LIVES;
	return n;
}

static int refuse_mix(const struct session *se)
{
	/* one that has moved, with or without its file, is the same */
	if (se->s.path == NULL || strcmp(se->s.path, se->p->path) == 0 ||
	    access(se->s.path, F_OK) != 0)
		return 0;
	msg_error("%s: the runs in %s belong to %s; give one of them another "
		"[pipeline] name, or another --state-dir", se->ini,
		se->h.path, se->s.path);
	return STATUS_USAGE;
}

struct views {
	struct lines lines;
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
	events_init(&v->events, o->quiet, se->ini);
	if (o->json)
		v->list[n++] = &v->events.view;
	else
		v->list[n++] = &v->lines.view;
	v->list[n] = NULL;
}

static void under_way(void *ctx)
{
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	(void)ctx;
	if (report_fd == -1)
		return;
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

static int go(struct session *se, const struct options *o, bool closing)
{
	struct run_options options = { .jobs = o->jobs, .closing = closing,
		.resume = o->resume && !closing, .no_wait = o->no_wait || closing,
		.under_way = closing ? NULL : under_way };
	struct run_result result;
	struct views views;
	struct run_parts parts = { se->p, &se->s, &se->j, &se->d, &se->h,
		&se->plan, views.list };
	int status;

	make_views(&views, o, se);
	/* the run that is closed has been told of when it failed */
	if (closing)
		views.list[0] = NULL;
	run_go(&parts, &options, &result);
	status = exit_status(se, &result, o->no_wait);
	/* the run's close record is still to come: nobody may come between */
	if (closing) {
		control_answer(result.waiting, result.nwaiting, status);
		return result.state_lost ? STATUS_STATE : result.signo != 0 ?
			128 + result.signo : result.stopped ?
			STATUS_STOPPED : STATUS_DONE;
	}
	/* before those who wait hear of it, the lock is free */
	home_unlock(&se->h);
	control_answer(result.waiting, result.nwaiting, status);
	return status;
}

/* The unfinished run is over; a new one begins. 0, or the exit status. */
static int close_run(struct session *se, const struct options *o,
	const char *why_closed)
{
	struct record r = { 0 };
	struct why why;
	int i, orphans = count_orphans(se);
	bool cleanup = false;

	if (orphans > 0) {
		msg_error("%d step%s of the unfinished run %s still run%s; "
			"first: durexec stop %s", orphans,
			orphans == 1 ? "" : "s", se->d.id,
			orphans == 1 ? "s" : "", se->ini);
		return STATUS_USAGE;
	}
	if (session_open_write(se, &why) == -1) {
		msg_error("%s", why.text);
		return STATUS_STATE;
	}
	/* What ended while nobody watched is recorded, and what a killed
	 * keeper left is ended, before the run is closed. */
	if (se->s.count[TASK_RUNNING] > 0) {
		struct view *none[] = { NULL };
		struct run_parts parts = { se->p, &se->s, &se->j, &se->d,
			&se->h, &se->plan, none };
		struct run_options collect = { .jobs = 1, .collect = true };
		struct run_result result;

		run_go(&parts, &collect, &result);
		control_answer(result.waiting, result.nwaiting,
			STATUS_STOPPED);
		if (result.state_lost)
			return STATUS_STATE;
	}
	for (i = 0; i < se->p->nsteps; i++)
		cleanup |= se->p->step[i].conf->always != ALWAYS_NO &&
			plan_task(&se->plan, i)->state == TASK_PENDING;
	if (cleanup) {
		int status = go(se, o, true);

		if (status != STATUS_DONE)
			return status;
	}
	for (i = 0; i < se->p->nsteps && cleanup; i++)
		if (se->p->step[i].conf->always != ALWAYS_NO &&
		    (plan_task(&se->plan, i)->state == TASK_NEEDS_REVIEW ||
		    plan_task(&se->plan, i)->state == TASK_WAITING))
			msg_warn("clean-up step %s of run %s failed: %s",
				se->p->step[i].name, se->d.id,
				plan_task(&se->plan, i)->reason);
	if (se->s.closed == NULL) {
		record_start(&r, "close");
		record_set(&r, "state", "closed");
		record_set(&r, "reason", why_closed);
		state_write(&se->s, &se->j, &r);
	}
	if (journal_commit(&se->j, &why) == -1) {
		msg_error("%s", why.text);
		return STATUS_STATE;
	}
	msg_note("run %s is closed (%s); it stays in the history", se->d.id,
		why_closed);
	session_leave(se);
	return 0;
}

/* Prepare what is there to be gone on with. 0: go; else the exit status. */
static int prepare_old(struct session *se, const struct options *o)
{
	struct why why;
	struct buf ignored = { 0 };
	int changed = 0;

	opening_continuing(se);
	opening_removed(se);
	if (session_open_write(se, &why) == -1) {
		msg_error("%s", why.text);
		return STATUS_STATE;
	}
	session_keep_copy(se);
	if (o->resume) {
		struct act all = { .verb = ACT_RETRY, .by = "resume",
			.all_failed = true };

		if (act_on(&all, &se->plan, &se->j, &ignored, &changed,
		    &why) == -1)
			msg_error("%s", why.text);
		buf_release(&ignored);
		opening_held(se);
	} else {
		changed = act_edited(&se->plan, &se->j);
		if (changed > 0)
			msg_note("%d step%s in review changed in the file: "
				"tried again", changed,
				changed == 1 ? "" : "s");
	}
	return 0;
}

static bool is_over(const struct session *se)
{
	/* Closed by --fresh: over, whatever is left in it. Else a step that
	 * was added to the file makes it unfinished again. */
	return (se->s.closed != NULL && strcmp(se->s.closed, "closed") == 0) ||
		(plan_finished(&se->plan) &&
		se->s.count[TASK_RUNNING] == 0);
}

/* Everything between the lock and the engine. 0: go. */
static int settle_run(struct session *se, const struct options *o, bool *idle)
{
	bool over;
	int status;

	*idle = false;
	if (session_has_run(se)) {
		status = refuse_mix(se);
		if (status != 0)
			return status;
		session_plan(se);
		over = is_over(se);
		if (over && !o->fresh && se->p->when_done == WHEN_DONE_STOP &&
		    plan_finished(&se->plan)) {
			*idle = true;
			return opening_finished(se);
		}
		if (over) {
			session_leave(se);
		} else if (o->fresh) {
			status = close_run(se, o, "--fresh");
			if (status != 0)
				return status;
		} else if (se->p->max_age_ms != 0 && clock_wall() -
		    se->s.started_at > se->p->max_age_ms) {
			status = close_run(se, o, "older than max_age");
			if (status != 0)
				return status;
		}
	}
	if (session_has_run(se)) {
		status = checkup(se);
		return status != 0 ? status : prepare_old(se, o);
	}
	status = checkup(se);
	if (status == 0) {
		struct why why;

		if (session_create(se, &why) == -1) {
			msg_error("%s", why.text);
			return STATUS_STATE;
		}
		session_plan(se);
		msg_note("run %s of %s: %d step%s", se->d.id, se->p->name,
			se->p->nsteps, se->p->nsteps == 1 ? "" : "s");
	}
	return status;
}

static int with_session(struct session *se, const struct options *o)
{
	struct why why;
	char *base;
	int status = STATUS_USAGE;
	bool idle;

	if (o->ini == NULL) {
		if (!which_unfinished(se, o, &status))
			return status;
	} else if (!session_load(se, o->ini, o->given, o->ngiven,
	    o->json && o->dry_run)) {
		return STATUS_USAGE;
	}
	status = choice_check(se, o);
	if (status != 0)
		return status;
	base = rundir_base(se->p, o->state_dir);
	if (!which_parameters(se, o, base, &status))
		goto out;
	status = STATUS_STATE;
	if (session_open_home(se, base, !o->dry_run, &why) == -1 ||
	    (o->dry_run && session_open_run(se, NULL, &why) == -1)) {
		msg_error("%s", why.text);
		goto out;
	}
	if (o->dry_run) {
		if (session_has_run(se) && !o->fresh)
			session_plan(se);
		status = checkup_dry_run(se, o);
		goto out;
	}
	status = take_lock(se);
	if (status != 0)
		goto out;
	status = STATUS_STATE;
	if (session_open_run(se, NULL, &why) == -1) {
		msg_error("%s", why.text);
		goto out;
	}
	if (os_network_fs(se->h.fd) != NULL)
		msg_warn("%s is on a network file system (%s): locks between "
			"machines, and what survives a crash of the server, "
			"are not promised there", se->h.path,
			os_network_fs(se->h.fd));
	if (o->fail_fast)
		se->p->fail_fast = 1, se->p->fail_fast_percent = false;
	status = settle_run(se, o, &idle);
	if (status == 0 && !idle) {
		choice_make(se, o);
		status = go(se, o, false);
	} else if (idle && o->json) {
		struct status_options so = { .ini = se->ini };
		struct view_run v = session_view(se);
		struct buf out = { 0 };

		status_json(&v, &so, &out);
		buf_char(&out, '\n');
		(void)io_write(STDOUT_FILENO, out.data, out.len);
		buf_release(&out);
	}
out:
	free(base);
	return status;
}

int start_main(const struct options *o)
{
	struct session se;
	int status;

	session_init(&se);
	status = with_session(&se, o);
	session_release(&se);
	if (report_fd != -1) {
		/* it never got under way: the parent's exit status */
		unsigned char byte = (unsigned char)status;

		(void)io_write(report_fd, &byte, 1);
	}
	return status;
}

int start_detached(const struct options *o)
{
	unsigned char byte;
	ssize_t n;
	pid_t pid;
	int fd;

	pid = spawn_detach(&fd);
	if (pid == -1)
		msg_die(STATUS_STATE, "cannot go to the background");
	if (pid == 0) {
		report_fd = fd;
		return start_main(o);
	}
	n = io_read(fd, &byte, 1);
	close(fd);
	if (n != 1)
		msg_die(STATUS_STATE, "the durexec in the background is gone");
	if (byte != '+')
		return byte;
	msg_note("running in the background (pid %ld); durexec status shows "
		"it, durexec stop stops it", (long)pid);
	return STATUS_DONE;
}
