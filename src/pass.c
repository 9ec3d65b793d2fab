/* SPDX-License-Identifier: ISC */
/* pass: what the one step of `durexec exec` writes goes on to our own stdout
 * and stderr while it runs. Its logs are files that a keeper has opened, so the
 * step never waits for whoever reads us, and does not notice when we are gone;
 * inotify(7) says when there is more. Secrets are hidden on the way. */
#include "engine.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "io.h"
#include "mem.h"
#include "safe.h"

enum {
	STREAMS = 2,
	/* poll(2) says that a pipe takes so much without blocking. */
	PIECE = 4096,
	READ = 256 * 1024,
};

/* Where inotify is not to be had. */
#define LOOK_EVERY_S 0.2

struct stream {
	int to;
	bool deaf;		/* its reader has gone away */
	int64_t read;		/* bytes of this attempt's log */
	struct mask_stream mask;
	struct buf ready;	/* to be passed on, from `passed` on */
	size_t passed;
	ev_io full;		/* waits for its reader */
};

struct pass {
	struct run *r;
	int inotify;
	ev_io more;
	ev_timer look;
	int attempt;		/* that is passed on */
	bool all;		/* all of it has been */
	struct stream stream[STREAMS];
	char *data;		/* READ bytes */
};

static const struct task *task_of(const struct run *r)
{
	return plan_task(r->at.plan, 0);
}

static bool runs(const struct task *t)
{
	return t->state == TASK_RUNNING && t->phase == PHASE_RUN;
}

static bool takes_more(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };

	return poll(&p, 1, 0) > 0;
}

/* What is ready. False: its reader does not take it now. */
static bool pass_ready(struct pass *p, struct stream *s)
{
	ssize_t k;

	while (s->passed < s->ready.len && !s->deaf) {
		if (!takes_more(s->to)) {
			ev_io_start(p->r->loop, &s->full);
			return false;
		}
		k = (ssize_t)(s->ready.len - s->passed);
		k = write(s->to, s->ready.data + s->passed,
			k > PIECE ? PIECE : (size_t)k);
		if (k == -1 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (k == -1) {
			s->deaf = true;
			if (errno != EPIPE)
				p->r->result->unpassed = errno;
			return true;
		}
		s->passed += (size_t)k;
	}
	return true;
}

/* More of the log becomes ready. False: there is no more. */
static bool read_more(struct pass *p, struct stream *s, int fd, bool ended)
{
	ssize_t n;

	buf_reset(&s->ready);
	s->passed = 0;
	buf_reserve(&s->ready, READ);
	if (mask_empty(safe_secrets())) {
		n = pread(fd, s->ready.data, READ, (off_t)s->read);
		s->ready.len = n > 0 ? (size_t)n : 0;
	} else {
		s->mask.m = safe_secrets();
		n = pread(fd, p->data, READ, (off_t)s->read);
		if (n > 0)
			mask_feed(&s->mask, p->data, (size_t)n, &s->ready);
		else if (n == 0 && ended)
			mask_flush(&s->mask, &s->ready);
	}
	if (n == -1)
		p->r->result->unpassed = errno;
	s->read += n > 0 ? n : 0;
	return n > 0;
}

static bool pass_stream(struct pass *p, int i, bool ended)
{
	static const char *const kind[STREAMS] = { "out", "err" };
	struct stream *s = &p->stream[i];
	struct buf name = { 0 };
	bool ok = true, more = true;
	int fd;

	if (s->deaf)
		return true;
	/* By its name each time: an empty log is used for the next attempt. */
	task_log(p->r->at.s, task_of(p->r), p->attempt, kind[i], &name);
	fd = io_open(p->r->at.d->fd, name.data, O_RDONLY);
	buf_release(&name);
	if (fd == -1)
		return true;
	while ((ok = pass_ready(p, s)) && more && !s->deaf)
		more = read_more(p, s, fd, ended);
	close(fd);
	return ok;
}

static void begin_stream(struct stream *s)
{
	mask_stop(&s->mask);
	memset(&s->mask, 0, sizeof(s->mask));
	buf_reset(&s->ready);
	s->read = 0;
	s->passed = 0;
}

/* False: a reader is waited for. */
static bool pass_on(struct pass *p)
{
	const struct task *t = task_of(p->r);
	bool ended, ok;
	int i;

	for (;;) {
		ended = p->attempt < t->attempts || !runs(t);
		ok = true;
		for (i = 0; i < STREAMS && !p->all; i++)
			ok &= pass_stream(p, i, ended);
		if (!ok || !ended)
			return ok;
		p->all = true;
		if (p->attempt >= t->attempts)
			return true;
		p->attempt++;
		p->all = false;
		for (i = 0; i < STREAMS; i++)
			begin_stream(&p->stream[i]);
	}
}

bool pass_more(struct run *r)
{
	return r->pass == NULL || pass_on(r->pass);
}

/* The prepare watcher does the rest (run.c). */
static void on_more(struct ev_loop *loop, ev_io *w, int revents)
{
	char events[4096];

	(void)loop;
	(void)revents;
	while (read(w->fd, events, sizeof(events)) > 0)
		;
}

static void on_room(struct ev_loop *loop, ev_io *w, int revents)
{
	(void)revents;
	ev_io_stop(loop, w);
}

static void on_look(struct ev_loop *loop, ev_timer *w, int revents)
{
	(void)loop;
	(void)w;
	(void)revents;
}

static int watch_logs(const struct run *r)
{
	int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	char *path = mem_printf("/proc/self/fd/%d", r->at.d->log_fd);

	if (fd != -1 && inotify_add_watch(fd, path, IN_MODIFY | IN_CREATE |
	    IN_MOVED_TO) == -1) {
		close(fd);
		fd = -1;
	}
	free(path);
	return fd;
}

void pass_start(struct run *r)
{
	static const int fds[STREAMS] = { STDOUT_FILENO, STDERR_FILENO };
	const struct task *t = task_of(r);
	struct pass *p;
	int i;

	if (!r->options.pass)
		return;
	p = r->pass = mem_alloc(sizeof(*p));
	p->r = r;
	p->data = mem_alloc(READ);
	p->attempt = t->attempts;
	/* what has gates left, from its beginning */
	p->all = !t->ran;
	for (i = 0; i < STREAMS; i++) {
		p->stream[i].to = fds[i];
		ev_io_init(&p->stream[i].full, on_room, fds[i], EV_WRITE);
	}
	p->inotify = watch_logs(r);
	ev_io_init(&p->more, on_more, p->inotify, EV_READ);
	ev_timer_init(&p->look, on_look, LOOK_EVERY_S, LOOK_EVERY_S);
	if (p->inotify != -1)
		ev_io_start(r->loop, &p->more);
	else
		ev_timer_start(r->loop, &p->look);
}

void pass_adopted(struct run *r)
{
	if (r->pass != NULL)
		r->pass->all = false;
}

void pass_stop(struct run *r)
{
	struct pass *p = r->pass;
	int i;

	if (p == NULL)
		return;
	/* stopped by request: who reads it must not take it for all of it */
	if (!pass_on(p) && r->result->unpassed == 0)
		r->result->unpassed = ECANCELED;
	for (i = 0; i < STREAMS; i++) {
		ev_io_stop(r->loop, &p->stream[i].full);
		begin_stream(&p->stream[i]);
		buf_release(&p->stream[i].ready);
	}
	ev_io_stop(r->loop, &p->more);
	ev_timer_stop(r->loop, &p->look);
	if (p->inotify != -1)
		close(p->inotify);
	free(p->data);
	free(p);
	r->pass = NULL;
}
