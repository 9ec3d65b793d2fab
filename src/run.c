/* SPDX-License-Identifier: ISC */
#include "run.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "control.h"
#include "engine.h"
#include "mem.h"
#include "os.h"

/* Far away: see start_watchers(). */
#define FAR_S 1e9
/* Between two orders to stop. */
#define INSIST_S 0.2

void engine_tell(struct run *r, enum view_kind kind, int task, int step,
	const char *text)
{
	struct view_event e = { .kind = kind, .step = step,
		.at = clock_wall(),
		.text = text != NULL ? mem_dup(text) : NULL };

	if (task >= 0) {
		e.state = (enum task_state)r->at.s->task[task].state;
		e.attempt = r->at.s->task[task].attempts;
		e.outcome = r->at.s->task[task].outcome;
	}
	r->event = mem_grow(r->event, r->nevents, &r->event_cap,
		sizeof(*r->event));
	r->event[r->nevents++] = e;
}

static void forget_events(struct run *r)
{
	while (r->nevents > 0)
		free(r->event[--r->nevents].text);
}

static void tell_views(struct run *r)
{
	const struct view_run run = { r->at.p, r->at.s, r->at.plan, r->at.d };
	struct view **v;
	size_t i;

	for (i = 0; i < r->nevents; i++)
		for (v = r->at.view; *v != NULL; v++)
			(*v)->event(*v, &run, &r->event[i]);
	forget_events(r);
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

static void send_messages(struct run *r)
{
	size_t i;

	for (i = 0; i < r->nslots; i++) {
		struct slot *slot = r->slot[i];

		if (slot->message.len == 0)
			continue;
		/* A keeper that is gone shows as end of its socket. */
		(void)watch_send(&slot->w, &slot->message);
		buf_reset(&slot->message);
	}
}

static void clear_rubbish(struct run *r)
{
	while (r->nrubbish > 0) {
		unlinkat(r->at.d->fd, r->rubbish[--r->nrubbish], 0);
		free(r->rubbish[r->nrubbish]);
	}
}

static void over(struct run *r)
{
	r->over = true;
	ev_break(r->loop, EVBREAK_ALL);
}

static bool flush(struct run *r)
{
	struct why why;

	attempt_dispatch(r);
	if (journal_commit(r->at.j, &why) == -1) {
		msg_error("%s", why.text);
		if (r->busy > 0)
			msg_error("%d running step%s go%s on, and the next "
				"durexec collects how %s ended", r->busy,
				r->busy == 1 ? "" : "s",
				r->busy == 1 ? "es" : "",
				r->busy == 1 ? "it" : "they");
		r->result->state_lost = true;
		over(r);
		return false;
	}
	send_messages(r);
	tell_views(r);
	clear_rubbish(r);
	return true;
}

/* The clean-up for a run in review ran when it came to rest; the run went on,
 * and comes to rest again. */
static void again_at_rest(struct run *r)
{
	struct plan *pl = r->at.plan;
	struct record record;
	bool any = false;
	int i;

	r->moved = false;
	for (i = 0; i < r->at.p->nsteps; i++) {
		struct task *t = plan_task(pl, i);

		if (r->at.p->step[i].conf->always != ALWAYS_REVIEW ||
		    t->state != TASK_DONE)
			continue;
		memset(&record, 0, sizeof(record));
		record_start(&record, "set");
		record_set(&record, "step", t->name);
		record_set(&record, "state", state_word(TASK_PENDING));
		record_set(&record, "by", "always");
		engine_put(r, &record);
		any = true;
	}
	if (any)
		plan_rebuild(pl);
}


/* Nothing runs and nothing may start. */
static void rest(struct run *r)
{
	struct record record = { 0 };
	struct plan *pl = r->at.plan;

	if (ev_is_active(&r->again))
		return;
	if (r->stop == STOPPING_NO && !r->full && r->moved &&
	    (pl->failures > 0 || pl->left == 0))
		again_at_rest(r);
	if (r->stop == STOPPING_NO && !r->full && ((!pl->at_rest &&
	    pl->failures > 0 && plan_rest(pl)) || pl->nheap > 0)) {
		(void)flush(r);
		if (r->busy > 0)
			return;
	}
	if (plan_finished(pl) && r->at.s->closed == NULL) {
		record_start(&record, "close");
		record_set(&record, "state", "done");
		engine_put(r, &record);
		if (!flush(r))
			return;
	}
	over(r);
}

static void before_sleep(struct ev_loop *loop, ev_prepare *w, int revents)
{
	struct run *r = w->data;

	(void)loop;
	(void)revents;
	if (r->over || !flush(r))
		return;
	if (!r->told_under_way) {
		r->told_under_way = true;
		if (r->options.under_way != NULL)
			r->options.under_way(r->options.under_way_ctx);
	}
	if (r->busy == 0)
		rest(r);
}

static void signal_keepers(struct run *r, int signo)
{
	size_t i;

	for (i = 0; i < r->nslots; i++)
		if (r->slot[i]->open && r->slot[i]->busy)
			watch_signal(&r->slot[i]->w, signo);
}

static void insist(struct run *r)
{
	switch (r->stop) {
	case STOPPING_NO:
	case STOPPING_DRAIN:
		break;
	case STOPPING_GRACE:
		signal_keepers(r, SIGTERM);
		break;
	case STOPPING_NOW:
		signal_keepers(r, SIGQUIT);
		break;
	}
}

static void on_insist(struct ev_loop *loop, ev_timer *w, int revents)
{
	(void)loop;
	(void)revents;
	insist(w->data);
}

static void stop(struct run *r, enum stop_mode mode)
{
	if (mode <= r->stop)
		return;
	r->stop = mode;
	r->result->stopped = true;
	insist(r);
	/* A keeper that is just taking its job drops what came before it, so
	 * the order is given until the step has ended; the step itself is
	 * signalled once (tree.h). */
	if (engine_stopping(r) && !ev_is_active(&r->insist))
		ev_timer_start(r->loop, &r->insist);
}

static int told_act(void *ctx, const struct act *a, struct buf *answer,
	struct why *why)
{
	struct run *r = ctx;
	char *text, *line, *rest;
	int changed;

	if (act_on(a, r->at.plan, r->at.j, answer, &changed, why) == -1)
		return -1;
	text = rest = mem_dup(answer->data != NULL ? answer->data : "");
	while ((line = strsep(&rest, "\n")) != NULL)
		if (*line != '\0')
			engine_tell(r, VIEW_MESSAGE, -1, -1, line);
	free(text);
	return 0;
}

static void told_stop(void *ctx, enum control_stop_mode mode)
{
	static const enum stop_mode as[] = {
		[CONTROL_DRAIN] = STOPPING_DRAIN,
		[CONTROL_STOP] = STOPPING_GRACE,
		[CONTROL_NOW] = STOPPING_NOW,
	};

	stop(ctx, as[mode]);
}

static bool told_flush(void *ctx)
{
	return flush(ctx);
}

static const struct control_calls control_calls = {
	told_act, told_stop, told_flush,
};

/* "stopping subtitles (19m in); …" */
static void say_stopping(struct run *r)
{
	struct buf text = { 0 };
	char span[CLOCK_SPAN];
	size_t i, n = 0;

	for (i = 0; i < r->nslots; i++) {
		const struct slot *slot = r->slot[i];
		const struct task *t = &r->at.s->task[slot->task];

		if (!slot->busy || ++n > 3)
			continue;
		clock_span(clock_wall() - t->started_at, span);
		buf_printf(&text, "%s%s (%s in)", n > 1 ? ", " : "", t->name,
			span);
	}
	if (n > 3)
		buf_printf(&text, " and %zu more", n - 3);
	if (n > 0)
		msg_note("stopping %s; to let it finish instead: durexec stop "
			"--drain; again to kill", text.data);
	buf_release(&text);
}

static void on_stop_signal(struct run *r, int signo)
{
	if (r->stop == STOPPING_NOW)
		return;
	r->result->signo = signo;
	if (engine_stopping(r)) {
		msg_note("killing");
		stop(r, STOPPING_NOW);
		return;
	}
	say_stopping(r);
	stop(r, STOPPING_GRACE);
}

/* The terminal is gone; the run is not. */
static void on_hangup(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), fd;

	for (fd = 0; fd <= 2 && null != -1; fd++)
		if (isatty(fd) || errno == EIO)
			dup2(null, fd);
	if (null > 2)
		close(null);
}

/* Ctrl+Z: first the trees, then ourselves, by the default action, so that the
 * shell sees it; it comes back here with fg. */
static void on_terminal_stop(struct run *r)
{
	struct sigaction dfl = { .sa_handler = SIG_DFL }, old;
	sigset_t tstp;

	signal_keepers(r, SIGTSTP);
	sigemptyset(&tstp);
	sigaddset(&tstp, SIGTSTP);
	sigaction(SIGTSTP, &dfl, &old);
	raise(SIGTSTP);
	sigprocmask(SIG_UNBLOCK, &tstp, NULL);
	sigaction(SIGTSTP, &old, NULL);
	signal_keepers(r, SIGCONT);
	ev_now_update(r->loop);
}

static void on_signal(struct ev_loop *loop, ev_signal *w, int revents)
{
	struct run *r = w->data;

	(void)loop;
	(void)revents;
	switch (w->signum) {
	case SIGINT:
	case SIGTERM:
		on_stop_signal(r, w->signum);
		break;
	case SIGHUP:
		on_hangup();
		break;
	case SIGUSR1:
		engine_tell(r, VIEW_WHERE, -1, -1, NULL);
		break;
	case SIGTSTP:
		on_terminal_stop(r);
		break;
	}
}

static void on_again(struct ev_loop *loop, ev_timer *w, int revents)
{
	/* the prepare watcher does the rest */
	(void)revents;
	ev_timer_stop(loop, w);
}

static void on_limit(struct ev_loop *loop, ev_timer *w, int revents)
{
	struct run *r = w->data;

	(void)loop;
	(void)revents;
	msg_error("the pipeline's timeout is over");
	r->result->timed_out = true;
	stop(r, STOPPING_GRACE);
}

static void on_far(struct ev_loop *loop, ev_periodic *w, int revents)
{
	(void)loop;
	(void)w;
	(void)revents;
}

static void start_watchers(struct run *r)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGUSR1,
		SIGTSTP };
	struct sigaction old;
	size_t i;

	for (i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		/* nohup: what was ignored at the start stays so */
		if (signals[i] != SIGTERM && signals[i] != SIGUSR1 &&
		    sigaction(signals[i], NULL, &old) == 0 &&
		    old.sa_handler == SIG_IGN)
			continue;
		ev_signal_init(&r->sig[i], on_signal, signals[i]);
		r->sig[i].data = r;
		ev_signal_start(r->loop, &r->sig[i]);
	}
	ev_prepare_init(&r->prepare, before_sleep);
	r->prepare.data = r;
	ev_prepare_start(r->loop, &r->prepare);
	ev_timer_init(&r->again, on_again, 0., 0.);
	ev_timer_init(&r->limit, on_limit, 0., 0.);
	ev_timer_init(&r->insist, on_insist, INSIST_S, INSIST_S);
	r->insist.data = r;
	r->limit.data = r;
	if (r->at.p->timeout_ms > 0) {
		ev_timer_set(&r->limit, (double)r->at.p->timeout_ms / 1000,
			0.);
		ev_timer_start(r->loop, &r->limit);
	}
	/* With a periodic watcher libev notices clock jumps by a timerfd, and
	 * then sleeps for days instead of waking up once a minute. */
	ev_periodic_init(&r->far, on_far, ev_time() + FAR_S, 0., NULL);
	ev_periodic_start(r->loop, &r->far);
}

static void stop_watchers(struct run *r)
{
	size_t i;

	for (i = 0; i < sizeof(r->sig) / sizeof(r->sig[0]); i++)
		if (ev_is_active(&r->sig[i]))
			ev_signal_stop(r->loop, &r->sig[i]);
	ev_prepare_stop(r->loop, &r->prepare);
	ev_timer_stop(r->loop, &r->again);
	ev_timer_stop(r->loop, &r->limit);
	ev_timer_stop(r->loop, &r->insist);
	ev_periodic_stop(r->loop, &r->far);
}

void run_go(const struct run_parts *parts, const struct run_options *options,
	struct run_result *result)
{
	struct run r = { .at = *parts, .options = *options,
		.result = result };
	struct why why;
	size_t i;

	memset(result, 0, sizeof(*result));
	r.loop = ev_default_loop(EVFLAG_NOENV);
	if (r.loop == NULL)
		msg_die(4, "cannot start the event loop");
	r.jobs = options->jobs > 0 ? options->jobs : parts->p->jobs > 0 ?
		parts->p->jobs : os_cpus();
	r.at.plan->closing = options->closing;
	if (options->closing)
		plan_rebuild(r.at.plan);
	env_init(&r.env, parts->p, parts->s, parts->d, parts->plan->task);
	start_watchers(&r);
	recover(&r);
	if (options->collect)
		stop(&r, options->now ? STOPPING_NOW : STOPPING_GRACE);
	engine_tell(&r, VIEW_BEGIN, -1, -1, NULL);
	r.control = control_start(r.loop, &control_calls, &r, parts->d->fd,
		&why);
	if (r.control == NULL)
		msg_warn("%s: verbs will not reach this run", why.text);
	if (!r.over)
		ev_run(r.loop, 0);
	engine_tell(&r, VIEW_REST, -1, -1, NULL);
	if (!result->state_lost || r.at.j->npending == 0)
		tell_views(&r);
	for (i = 0; i < r.nslots; i++) {
		attempt_close(r.slot[i]);
		buf_release(&r.slot[i]->message);
		free(r.slot[i]);
	}
	stop_watchers(&r);
	if (r.control != NULL)
		control_stop(r.control, &result->waiting, &result->nwaiting);
	forget_events(&r);
	ev_loop_destroy(r.loop);
	env_release(&r.env);
	free(r.slot);
	free(r.event);
	free(r.rubbish);
}
