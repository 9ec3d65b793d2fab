/* SPDX-License-Identifier: ISC */
/* signals: stopping, by a signal or by request, and the terminal. */
#include "engine.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "clock.h"

/* Between two orders to stop. */
#define INSIST_S 0.2

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

void engine_stop(struct run *r, enum stop_mode mode)
{
	if (mode <= r->stop)
		return;
	r->stop = mode;
	r->result->stopped = true;
	if (mode == STOPPING_NOW)
		hooks_kill(r);
	insist(r);
	/* A keeper that is just taking its job drops what came before it, so
	 * the order is given until the step has ended; the step itself is
	 * signalled once (tree.h). */
	if (engine_stopping(r) && !ev_is_active(&r->insist))
		ev_timer_start(r->loop, &r->insist);
}

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
	if (n == 0 && hooks_busy(r))
		msg_note("a hook still runs; again to kill it");
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
		engine_stop(r, STOPPING_NOW);
		return;
	}
	say_stopping(r);
	engine_stop(r, STOPPING_GRACE);
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

void signals_start(struct run *r)
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
	ev_timer_init(&r->insist, on_insist, INSIST_S, INSIST_S);
	r->insist.data = r;
}

void signals_stop(struct run *r)
{
	size_t i;

	for (i = 0; i < sizeof(r->sig) / sizeof(r->sig[0]); i++)
		if (ev_is_active(&r->sig[i]))
			ev_signal_stop(r->loop, &r->sig[i]);
	ev_timer_stop(r->loop, &r->insist);
}
