/* SPDX-License-Identifier: ISC */
#include "verbs.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "act.h"
#include "clock.h"
#include "control.h"
#include "exec.h"
#include "history.h"
#include "io.h"
#include "logs.h"
#include "mem.h"
#include "msg.h"
#include "run.h"
#include "session.h"
#include "start.h"
#include "status.h"
#include "summary.h"
#include "trim.h"
#include "typed.h"
#include "which.h"

/* A verb alternates between the socket and the lock for so long, so that a
 * run which starts or ends meanwhile is no error. */
enum { REACH_FOR_MS = 5000, REACH_EVERY_MS = 50 };

static void nap(int ms)
{
	struct timespec ts = { ms / 1000, (long)(ms % 1000) * 1000000 };

	nanosleep(&ts, NULL);
}

static void print(const struct buf *out)
{
	if (out->len > 0)
		io_answer(out->data, out->len);
}

static int show_status(struct session *se, const struct options *o)
{
	struct view_run v = session_view(se);
	struct buf out = { 0 };
	pid_t pid = home_holder(&se->h);
	struct status_options so = { .live = pid != 0, .pid = (int)pid,
		.ini = se->ini, .all = o->all, .stream = true };

	if (o->json) {
		status_json(&v, &so, &out);
		buf_char(&out, '\n');
	} else {
		status_table(&v, &so, o->colour, &out);
	}
	print(&out);
	buf_release(&out);
	return 0;
}

/* Read the run anew: the newest one, which may have begun meanwhile, unless
 * another was named. */
static int refresh(struct session *se, const struct options *o,
	struct why *why)
{
	int ret;

	if (se->planned)
		plan_release(&se->plan);
	se->planned = false;
	journal_close(&se->j);
	state_release(&se->s);
	rundir_close(&se->d);
	ret = session_open_run(se, o->run, why);
	if (ret == 0)
		session_plan(se);
	return ret;
}

static int status_at_rest(const struct session *se)
{
	struct summary sum;

	summary_make(&sum, &se->plan, false);
	if (sum.review > 0)
		return STATUS_REVIEW;
	return strcmp(sum.state, "done") == 0 ? STATUS_DONE : STATUS_STOPPED;
}

/* Until no durexec runs it: the run's exit status, or 3 when time is over. */
static int wait_for_end(struct session *se, const struct options *o,
	int64_t timeout_ms)
{
	static char *const words[] = { (char *)"wait", NULL };
	int64_t until = timeout_ms > 0 ? clock_mono() + timeout_ms : 0;
	struct buf answer = { 0 };
	struct why why;
	int status, said;

	while (home_holder(&se->h) != 0) {
		int64_t left = until != 0 ? until - clock_mono() : 0;

		if (until != 0 && left <= 0) {
			buf_release(&answer);
			return STATUS_STOPPED;
		}
		buf_reset(&answer);
		said = control_say_within(se->d.fd, words, until != 0 ?
			left : -1, &status, &answer, &why);
		if (said == 0) {
			buf_release(&answer);
			return status;
		}
		nap(REACH_EVERY_MS);
		if (refresh(se, o, &why) == -1)
			break;
	}
	buf_release(&answer);
	if (refresh(se, o, &why) == -1) {
		msg_error("%s", why.text);
		return STATUS_STATE;
	}
	return status_at_rest(se);
}

/* Stop what keepers still run although their durexec is gone; then put how
 * they ended into the state. */
static int stop_orphans(struct session *se, const struct options *o)
{
	struct run_options options = { .jobs = 1 };
	struct run_result result;
	struct view *none[] = { NULL };
	struct run_parts parts = { se->p, &se->s, &se->j, &se->d, &se->h,
		&se->plan, none };
	struct why why;
	pid_t holder;
	size_t i;
	int n = 0, pid;

	if (home_lock(&se->h, &holder, &why) != 0)
		return -1;
	if (refresh(se, o, &why) == -1 ||
	    session_open_write(se, &why) == -1) {
		msg_error("%s", why.text);
		return STATUS_STATE;
	}
	for (i = 0; i < se->s.ntasks; i++)
		n += se->s.task[i].state == TASK_RUNNING && summary_orphan(
			&se->d, &se->s.task[i], &pid) == ORPHAN_LIVES;
	if (se->s.count[TASK_RUNNING] > 0) {
		options.collect = true;
		options.now = o->now;
		run_go(&parts, &options, &result);
		control_answer(result.waiting, result.nwaiting,
			STATUS_STOPPED);
		if (result.state_lost) {
			home_unlock(&se->h);
			return STATUS_STATE;
		}
	}
	home_unlock(&se->h);
	if (n > 0)
		printf("stopped %d step%s that went on without durexec\n", n,
			n == 1 ? "" : "s");
	else
		printf("nothing is running\n");
	return 0;
}

static int stop(struct session *se, const struct options *o)
{
	char *const words[] = { (char *)(o->drain ? "stop-drain" : o->now ?
		"stop-now" : "stop"), NULL };
	int64_t until = clock_mono() + REACH_FOR_MS;
	struct buf answer = { 0 };
	struct why why = { 0 };
	int status = 0, said;

	if (o->drain && o->now) {
		msg_error("--drain lets running steps finish and --now kills "
			"them: one of them");
		return STATUS_USAGE;
	}
	for (;;) {
		said = control_say(se->d.fd, words, &status, &answer, &why);
		if (said == 0)
			break;
		if (home_holder(&se->h) == 0) {
			if (o->drain) {
				printf("no durexec runs it\n");
				return 0;
			}
			status = stop_orphans(se, o);
			if (status >= 0)
				return status;
		}
		if (clock_mono() > until) {
			msg_error("%s", said == -1 ? why.text : "the running "
				"durexec cannot be reached");
			return STATUS_STATE;
		}
		nap(REACH_EVERY_MS);
		if (refresh(se, o, &why) == -1) {
			msg_error("%s", why.text);
			return STATUS_STATE;
		}
	}
	buf_release(&answer);
	if (o->drain) {
		printf("running steps are left to finish, nothing new is "
			"started; durexec wait returns then\n");
		return 0;
	}
	/* stopped means stopped */
	(void)wait_for_end(se, o, 0);
	printf("stopped\n");
	return status;
}

/* An empty word would end the request; it says nothing anyway. */
static const char *result_of(const struct options *o)
{
	return o->result != NULL && *o->result != '\0' ? o->result : NULL;
}

/* The request as words for the socket. */
static char **act_words(const struct options *o, const char *verb)
{
	char **words = mem_alloc((o->nsteps + 5) * sizeof(*words));
	size_t n = 0, i;

	words[n++] = (char *)verb;
	if (o->failed)
		words[n++] = (char *)"--failed";
	if (result_of(o) != NULL) {
		words[n++] = (char *)"--result";
		words[n++] = (char *)result_of(o);
	}
	for (i = 0; i < o->nsteps; i++)
		words[n++] = o->step[i];
	return words;
}

/* What exec wrote goes on with exec: it knows --env, and its output. */
static void say_go_on(const struct session *se)
{
	const char *name = strrchr(se->ini, '/');
	struct buf typed = { 0 };

	typed_run(se->p, se->ini, NULL, &typed);
	if (name != NULL && strcmp(name, "/" EXEC_FILE) == 0)
		printf("go on: the same durexec exec again\n");
	else
		printf("go on: durexec %s\n", typed.data);
	buf_release(&typed);
}

/* Carry the request out on a run at rest. -1: it is not at rest. */
static int act_at_rest(struct session *se, const struct options *o,
	const struct act *a)
{
	struct machine machine = { .dirfd = -1 };
	struct act here = *a;
	int64_t *parked;
	struct buf answer = { 0 }, typed = { 0 };
	struct why why;
	pid_t holder;
	int changed = 0, status = STATUS_STATE, pid;
	size_t i;

	switch (home_lock(&se->h, &holder, &why)) {
	case 1:
		return -1;
	case -1:
		msg_error("%s", why.text);
		return STATUS_STATE;
	}
	if (refresh(se, o, &why) == -1)
		goto fail;
	for (i = 0; i < se->s.ntasks; i++) {
		const struct task *t = &se->s.task[i];

		if (t->state != TASK_RUNNING || summary_orphan(&se->d, t,
		    &pid) != ORPHAN_LIVES)
			continue;
		typed_run(se->p, se->ini, NULL, &typed);
		msg_error("step %s still runs although its durexec is gone; "
			"first: durexec stop %s, or go on: durexec %s",
			t->name, typed.data, typed.data);
		status = STATUS_USAGE;
		goto out;
	}
	if (se->s.closed != NULL && strcmp(se->s.closed, "closed") == 0) {
		msg_error("run %s is closed", se->d.id);
		status = STATUS_USAGE;
		goto out;
	}
	if (session_open_write(se, &why) == -1)
		goto fail;
	parked = run_parked(&se->plan);
	here.dirfd = se->d.fd;
	if (act_on(&here, &se->plan, &se->j, &answer, &changed, &why) == -1) {
		free(parked);
		msg_error("%s", why.text);
		status = STATUS_USAGE;
		goto out;
	}
	run_unpark(&se->plan, &machine, a->verb, parked);
	machine_close(&machine);
	session_close_finished(se);
	if (journal_commit(&se->j, &why) == -1)
		goto fail;
	trim_logs(&se->plan, &se->d);
	print(&answer);
	status = 0;
	if (changed > 0 && !o->go && se->s.closed == NULL)
		say_go_on(se);
	goto out;
fail:
	msg_error("%s", why.text);
out:
	buf_release(&typed);
	buf_release(&answer);
	home_unlock(&se->h);
	return status;
}

static int act(struct session *se, const struct options *o, const char *verb)
{
	struct act a = { .verb = (enum act_verb)act_verb_of(verb),
		.by = verb, .name = o->step, .n = (int)o->nsteps,
		.all_failed = o->failed, .result = result_of(o) };
	char **words;
	int64_t until = clock_mono() + REACH_FOR_MS;
	struct buf answer = { 0 };
	struct why why = { 0 };
	int status, said;

	if (o->nsteps == 0 && !o->failed) {
		msg_error("%s which step? durexec status lists them", verb);
		return STATUS_USAGE;
	}
	words = act_words(o, verb);
	for (;;) {
		buf_reset(&answer);
		said = control_say(se->d.fd, words, &status, &answer, &why);
		if (said == 0) {
			if (status == 0)
				print(&answer);
			else
				msg_error("%s", answer.data);
			break;
		}
		status = act_at_rest(se, o, &a);
		if (status >= 0)
			break;
		if (clock_mono() > until) {
			msg_error("%s", said == -1 ? why.text : "the running "
				"durexec cannot be reached");
			status = STATUS_STATE;
			break;
		}
		nap(REACH_EVERY_MS);
		if (refresh(se, o, &why) == -1) {
			msg_error("%s", why.text);
			status = STATUS_STATE;
			break;
		}
	}
	buf_release(&answer);
	free(words);
	return status;
}

/* --go: continue at once, as if it had been typed. */
static int go_on(const struct session *se, const struct options *o)
{
	struct options start = *o;
	char **given = mem_alloc(((size_t)se->p->nparams + 1) *
		sizeof(*given));
	size_t n = 0;
	int i, status;

	for (i = 0; i < se->p->nparams; i++)
		if (se->p->param[i].given)
			given[n++] = mem_printf("%s=%s", se->p->param[i].name,
				se->p->param[i].value);
	start.command = COMMAND_START;
	start.ini = se->p->path;
	start.given = given;
	start.ngiven = n;
	start.nsteps = 0;
	start.progress = true;
	status = start_main(&start);
	while (n > 0)
		free(given[--n]);
	free(given);
	return status;
}

int verbs_main(const struct options *o)
{
	struct session se;
	bool act_verb = false;
	int status;

	session_init(&se);
	status = which_run(&se, o);
	if (status == WHICH_SHOWN)
		status = STATUS_DONE;
	if (!se.planned)
		goto out;
	switch (o->command) {
	case COMMAND_STATUS:
		status = show_status(&se, o);
		break;
	case COMMAND_LOGS:
		status = logs_show(&se, o);
		break;
	case COMMAND_STOP:
		status = stop(&se, o);
		break;
	case COMMAND_WAIT:
		status = wait_for_end(&se, o, o->timeout_ms);
		break;
	case COMMAND_RETRY:
		status = act(&se, o, "retry");
		act_verb = true;
		break;
	case COMMAND_APPROVE:
		status = act(&se, o, "approve");
		act_verb = true;
		break;
	case COMMAND_SKIP:
		status = act(&se, o, "skip");
		act_verb = true;
		break;
	case COMMAND_REWIND:
		status = act(&se, o, "rewind");
		act_verb = true;
		break;
	case COMMAND_HISTORY:
		status = history_show(&se, o);
		break;
	case COMMAND_START:
	case COMMAND_CLEAN:
	case COMMAND_HELP:
	case COMMAND_PRESET:
	case COMMAND_VERSION:
		break;
	}
	if (act_verb && status == 0 && o->go && home_holder(&se.h) == 0) {
		fflush(stdout);
		home_close(&se.h);
		status = go_on(&se, o);
	}
out:
	session_release(&se);
	return status;
}
