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
#include "exec.h"
#include "fate.h"
#include "going.h"
#include "io.h"
#include "mem.h"
#include "msg.h"
#include "opening.h"
#include "os.h"
#include "reopen.h"
#include "rerun.h"
#include "run.h"
#include "session.h"
#include "spawn.h"
#include "status.h"
#include "summary.h"
#include "typed.h"
#include "which.h"

/* A run that is just ending gives the lock back within this. */
enum { LOCK_FOR_MS = 1000, LOCK_EVERY_MS = 20 };

static int busy(struct session *se, const struct options *o, pid_t pid)
{
	char when[CLOCK_SPAN];
	struct buf typed = { 0 };
	struct why why;
	bool known = session_open_run(se, NULL, &why) == 0;
	bool other = known && o->exec != NULL && !exec_is_same(se, o, false);

	/* at night it is usual, until it takes too long; but another one of
	 * that name is said, whatever the hour */
	if (o->cron && !other && (!known || !fate_too_old(se)))
		return STATUS_BUSY;
	if (known && se->s.began_at != 0)
		clock_local(se->s.began_at, when);
	else
		snprintf(when, sizeof(when), "just now");
	typed_run(se->p, se->ini, NULL, &typed);
	msg_error("another durexec (pid %ld, since %s) runs %s; durexec status "
		"%s shows it%s", (long)pid, when, other ?
		"another command of this name" : "this pipeline", typed.data,
		other ? "; to have both: --name" : "");
	buf_release(&typed);
	return STATUS_BUSY;
}

/* 0: the lock is ours; else the exit status. */
static int take_lock(struct session *se, const struct options *o)
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
			return busy(se, o, pid);
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

static bool is_cleanup(const struct plan *pl, int unit)
{
	int step = plan_step(pl, unit);

	return step != -1 && pl->p->step[step].conf->always != ALWAYS_NO;
}

/* The unfinished run is over; a new one begins. 0, or the exit status. */
static int close_run(struct session *se, const struct options *o,
	const char *why_closed)
{
	struct record r = { 0 };
	struct why why;
	struct buf typed = { 0 };
	int i, orphans = count_orphans(se);
	bool cleanup = false;

	if (orphans > 0) {
		typed_run(se->p, se->ini, NULL, &typed);
		msg_error("%d step%s of the unfinished run %s still run%s; "
			"first: durexec stop %s", orphans,
			orphans == 1 ? "" : "s", se->d.id,
			orphans == 1 ? "s" : "", typed.data);
		buf_release(&typed);
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
	for (i = 0; i < (int)se->plan.nunits; i++)
		cleanup |= is_cleanup(&se->plan, i) &&
			plan_unit(&se->plan, i)->state == TASK_PENDING;
	if (cleanup) {
		int status = going(se, o, true);

		if (status != STATUS_DONE)
			return status;
	}
	for (i = 0; i < (int)se->plan.nunits && cleanup; i++) {
		const struct task *t = plan_unit(&se->plan, i);

		if (is_cleanup(&se->plan, i) &&
		    (t->state == TASK_NEEDS_REVIEW ||
		    t->state == TASK_WAITING))
			msg_warn("clean-up step %s of run %s failed: %s",
				t->name, se->d.id, t->reason);
	}
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
	if (se->j.fd == -1 && session_open_write(se, &why) == -1) {
		msg_error("%s", why.text);
		return STATUS_STATE;
	}
	session_keep_copy(se);
	/* before: what is not chosen stays as it is */
	choice_make(se, o);
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

static int begin_new(struct session *se, const struct options *o)
{
	struct why why;

	if (session_create(se, &why) == -1) {
		msg_error("%s", why.text);
		return STATUS_STATE;
	}
	session_plan(se);
	/* exec says nothing of its own while all goes well */
	if (o->exec == NULL)
		msg_note("run %s of %s: %d step%s", se->d.id, se->p->name,
			se->p->nsteps, se->p->nsteps == 1 ? "" : "s");
	choice_make(se, o);
	return 0;
}

/* Everything between the lock and the engine. 0: go. left: with a run that an
 * earlier start has left. */
static int settle_run(struct session *se, const struct options *o, bool *idle,
	bool *left)
{
	struct fate f = { .over = true };
	struct why why;
	int status;

	*idle = false;
	if (session_has_run(se)) {
		status = refuse_mix(se);
		if (status != 0)
			return status;
		session_plan(se);
		f = fate_of(se, o);
		/* nobody has to be asked while it still runs: it is adopted */
		if (f.close != NULL && !o->fresh && count_orphans(se) > 0)
			f.close = NULL;
	}
	status = choice_check(se, o, !f.idle && (f.over || f.close != NULL));
	if (status != 0)
		return status;
	if (f.idle) {
		*idle = true;
		choice_make(se, o);
		return opening_finished(se);
	}
	if (f.close != NULL)
		status = close_run(se, o, f.close);
	else if (f.over && session_has_run(se))
		session_leave(se);
	else if (f.again)
		status = reopen(se, o);
	if (status == 0 && f.again && f.finished &&
	    plan_finished(&se->plan)) {
		*idle = true;
		if (journal_commit(&se->j, &why) == -1) {
			msg_error("%s", why.text);
			return STATUS_STATE;
		}
		return opening_finished(se);
	}
	if (status == 0)
		status = checkup(se);
	if (status != 0)
		return status;
	*left = session_has_run(se);
	return *left ? prepare_old(se, o) : begin_new(se, o);
}

/* The pipeline, and where its runs are; the caller frees *base. 0, or the exit
 * status; *nothing: there is none to go on with. */
static int load(struct session *se, const struct options *o, char **base,
	bool *nothing)
{
	struct why why;
	int status = STATUS_USAGE;

	if (o->exec != NULL) {
		status = exec_load(se, o, base);
		if (status != 0)
			return status;
	} else {
		if (o->ini == NULL && !which_unfinished(se, o, &status)) {
			*nothing = true;
			return status;
		}
		if (o->ini != NULL && !session_load(se, o->ini, o->given,
		    o->ngiven, o->json && o->dry_run))
			return STATUS_USAGE;
		*base = rundir_base(se->p, o->state_dir);
		if (!which_parameters(se, o, *base, &status))
			return status;
		if (session_open_home(se, *base, !o->dry_run, &why) == -1) {
			msg_error("%s", why.text);
			return STATUS_STATE;
		}
	}
	if (o->cron)
		se->p->when_done = WHEN_DONE_AGAIN;
	if (o->fail_fast)
		se->p->fail_fast = 1, se->p->fail_fast_percent = false;
	return 0;
}

static int dry_run(struct session *se, const struct options *o)
{
	struct why why;
	int status;

	if (session_open_run(se, NULL, &why) == -1) {
		msg_error("%s", why.text);
		return STATUS_STATE;
	}
	if (session_has_run(se) && !o->fresh)
		session_plan(se);
	status = choice_check(se, o, !se->planned);
	if (status == 0 && o->rerun_stale && se->planned)
		status = rerun(se, false);
	return status == 0 ? checkup_dry_run(se, o) : status;
}

static void warn_of_network(const struct session *se)
{
	const char *fs = os_network_fs(se->h.fd);

	if (fs != NULL)
		msg_warn("%s is on a network file system (%s): locks between "
			"machines, and what survives a crash of the server, "
			"are not promised there", se->h.path, fs);
}

static void show_idle(const struct session *se)
{
	struct status_options so = { .ini = se->ini };
	struct view_run v = session_view(se);
	struct buf out = { 0 };

	status_json(&v, &so, &out);
	buf_char(&out, '\n');
	io_answer(out.data, out.len);
	buf_release(&out);
}

/* *left: a run that an earlier start had left has been completed. */
static int with_session(struct session *se, const struct options *o,
	bool *left)
{
	struct why why;
	char *base = NULL;
	bool idle, nothing = false;
	int status = load(se, o, &base, &nothing);

	free(base);
	if (status != 0 || nothing)
		return status;
	if (o->dry_run)
		return dry_run(se, o);
	status = take_lock(se, o);
	if (status != 0)
		return status;
	if (session_open_run(se, NULL, &why) == -1) {
		msg_error("%s", why.text);
		return STATUS_STATE;
	}
	warn_of_network(se);
	/* one that is too old makes room for any */
	if (o->exec != NULL && !(fate_too_old(se) && count_orphans(se) == 0) &&
	    !exec_is_same(se, o, true))
		return STATUS_USAGE;
	status = settle_run(se, o, &idle, left);
	if (status == 0 && o->exec != NULL)
		status = exec_keep(se);
	if (status == 0 && !idle) {
		status = going(se, o, false);
		choice_missed(se, o);
		*left &= plan_finished(&se->plan);
	} else if (status == 0 && o->json) {
		show_idle(se);
	}
	return status;
}

int start_main(const struct options *o)
{
	struct session se;
	bool left;
	int status;

	/* after what an earlier night has left, today's */
	do {
		left = false;
		session_init(&se);
		status = with_session(&se, o, &left);
		session_release(&se);
	} while (left && o->cron && (status == STATUS_DONE ||
	    (status & STATUS_OWN)));
	going_never(status);
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
		going_report_to(fd);
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
