/* SPDX-License-Identifier: ISC */
#include "relay.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "io.h"
#include "mem.h"
#include "os.h"

enum {
	STREAMS = 2,
	READ = 256 * 1024,
	/* poll(2) says that a pipe takes so much without blocking. */
	PIECE = 4096,
	/* A command whose reader is gone ends by SIGPIPE as it writes; one that
	 * writes nothing is stopped after this. */
	VANISHED_MS = 1000,
	/* Between two tries to fork. */
	AGAIN_MS = 1000,
};

struct stream {
	int from;		/* our end of the command's pipe; -1 */
	int to;			/* 1 or 2 */
	bool regular;		/* `to` is a file: it never blocks */
	int file;		/* -1: not made yet */
	char *data;		/* READ bytes: have of them, done passed on */
	size_t have, done;
};

struct relaying {
	struct relay *r;
	struct stream s[STREAMS];
	int nstreams;
	int sigfd;
	int64_t slept_mono;	/* when we last fell asleep */
	pid_t leader;		/* the script's first process */
	pid_t keeper;		/* who signals our whole group; 0 unknown */
	int64_t vanished_mono;	/* 0: not */
};

static bool is_regular(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

static int make_file(const struct relay *r, int i)
{
	return io_open(r->dirfd, r->file[i], O_WRONLY | O_CREAT | O_EXCL |
		O_APPEND);
}

static void keep(struct relaying *g, int i, const char *data, size_t n)
{
	struct relay *r = g->r;
	struct stream *s = &g->s[i];

	if (r->err != 0)
		return;
	if (s->file == -1)
		s->file = make_file(r, i);
	if (s->file == -1 || io_write(s->file, data, n) == -1)
		r->err = errno;
	r->bytes[i] += (int64_t)n;
}

static void stop_reading(struct stream *s)
{
	if (s->from != -1)
		close(s->from);
	s->from = -1;
	s->have = s->done = 0;
}

/* As if it had written into our stdout itself: SIGPIPE with its next write. */
static void vanished(struct relaying *g, struct stream *s)
{
	stop_reading(s);
	g->r->vanished = true;
	if (g->vanished_mono == 0)
		g->vanished_mono = clock_mono() + VANISHED_MS;
}

static bool takes_more(const struct stream *s)
{
	struct pollfd p = { .fd = s->to, .events = POLLOUT };

	return s->regular || poll(&p, 1, 0) == 1;
}

/* Pass on what there is, as far as its reader takes it. */
static void pass(struct relaying *g, struct stream *s)
{
	size_t n;
	ssize_t w;

	while (s->done < s->have && takes_more(s)) {
		n = s->have - s->done;
		if (n > PIECE && !s->regular)
			n = PIECE;
		w = write(s->to, s->data + s->done, n);
		if (w == -1 && errno == EINTR)
			continue;
		/* somebody has made it so that it does not block */
		if (w == -1 && errno == EAGAIN)
			return;
		if (w == -1) {
			if (errno != EPIPE)
				g->r->unpassed = errno;
			vanished(g, s);
			return;
		}
		s->done += (size_t)w;
	}
	if (s->done == s->have)
		s->done = s->have = 0;
}

/* More of it. False: there is none now. */
static bool take(struct relaying *g, int i)
{
	struct stream *s = &g->s[i];
	ssize_t n;

	if (s->from == -1 || s->have > 0)
		return false;
	n = read(s->from, s->data, READ);
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return false;
	/* not its end: what it said is not known */
	if (n == -1 && g->r->err == 0)
		g->r->err = errno;
	if (n <= 0) {
		stop_reading(s);
		return false;
	}
	s->have = (size_t)n;
	keep(g, i, s->data, s->have);
	pass(g, s);
	return true;
}

/* The keeper, or a relay that we run below: who tells all of the group. */
static bool tells_all(const struct relaying *g, pid_t pid)
{
	return pid != 0 && (pid == g->keeper || pid == g->r->above);
}

static void obey(struct relaying *g)
{
	struct signalfd_siginfo info;

	while (read(g->sigfd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		int signo = (int)info.ssi_signo;
		bool order = signo == SIGTERM || signo == SIGINT ||
			signo == SIGHUP || signo == SIGQUIT;

		if (signo == SIGCHLD)
			continue;
		/* all of us were stopped meanwhile (Ctrl+Z) */
		if (signo == SIGCONT) {
			tree_was_paused(&g->r->tree, clock_mono() -
				g->slept_mono);
			g->slept_mono = clock_mono();
			continue;
		}
		if (tells_all(g, (pid_t)info.ssi_pid)) {
			g->r->signo = signo;
			if (g->r->tree.pid != 0)
				tree_was_told(&g->r->tree);
		} else if (order) {
			g->r->signo = signo;
			if (g->r->tree.pid != 0)
				tree_obey(&g->r->tree, signo == SIGQUIT ?
					SIGQUIT : SIGTERM);
		} else {
			tree_pass(&g->r->tree, signo);
		}
	}
}

/* Sleep until something happens. A stream is polled for what it waits for: its
 * pipe, or its reader; and the reader for being gone. */
static void await(struct relaying *g, int64_t ms)
{
	struct pollfd p[1 + 2 * STREAMS];
	nfds_t n = 0;
	int64_t now, left;
	int i;

	p[n++] = (struct pollfd){ .fd = g->sigfd, .events = POLLIN };
	for (i = 0; i < g->nstreams; i++) {
		const struct stream *s = &g->s[i];
		bool full = s->have > 0;

		p[n++] = (struct pollfd){ .fd = full ? -1 : s->from,
			.events = POLLIN };
		p[n++] = (struct pollfd){ .fd = s->from != -1 &&
			!s->regular ? s->to : -1,
			.events = full ? POLLOUT : 0 };
	}
	if (g->vanished_mono > 0) {
		now = clock_mono();
		left = g->vanished_mono > now ? g->vanished_mono - now : 0;
		if (ms < 0 || left < ms)
			ms = left;
	}
	g->slept_mono = clock_mono();
	/* an hour at the most: it fits an int */
	if (poll(p, n, (int)(ms > 3600000 ? 3600000 : ms)) <= 0)
		return;
	for (i = 0; i < g->nstreams; i++)
		/* HUP: a socket that is closed, a terminal that is gone */
		if (p[2 + 2 * i].revents & (POLLERR | POLLHUP | POLLNVAL))
			vanished(g, &g->s[i]);
}

static void attend(struct relaying *g)
{
	struct tree *t = &g->r->tree;
	int64_t ms;
	int i;

	do {
		/* once the script itself is gone, its keeper tells those who
		 * have left the group */
		if (g->r->signo != 0 && !t->told_rest && !os_runs(g->leader))
			t->told_rest = true;
		ms = tree_look(t);
		if (ms == TREE_GIVE_UP) {
			g->r->left = true;
			return;
		}
		await(g, ms);
		for (i = 0; i < g->nstreams; i++) {
			pass(g, &g->s[i]);
			(void)take(g, i);
			if (g->s[i].have > 0)
				tree_waits(t);
		}
		if (g->vanished_mono > 0 && clock_mono() >= g->vanished_mono) {
			g->vanished_mono = -1;
			tree_obey(t, SIGTERM);
		}
		obey(g);
	} while (!tree_reap(t));
	/* nobody writes any more: what is left in the pipes */
	for (i = 0; i < g->nstreams; i++)
		do {
			/* stopped, it is not remembered: its reader gets what it
			 * takes, and is not waited for */
			while (g->s[i].have > 0 && g->r->signo == 0) {
				await(g, -1);
				pass(g, &g->s[i]);
				obey(g);
			}
		} while (take(g, i));
}

static int open_stream(struct relaying *g, int i, int *theirs)
{
	struct relay *r = g->r;
	struct stream *s = &g->s[i];
	int end[2];

	if (pipe2(end, O_CLOEXEC) == -1)
		return -1;
	s->from = end[0];
	*theirs = end[1];
	fcntl(s->from, F_SETFL, O_NONBLOCK);
	s->data = mem_alloc(READ);
	s->to = i == 0 ? STDOUT_FILENO : STDERR_FILENO;
	s->regular = is_regular(s->to);
	g->nstreams = i + 1;
	/* limits that look at what was written need the file from the start */
	if (r->tree.idle_ms != 0 || r->tree.max_output != 0) {
		s->file = make_file(r, i);
		if (s->file == -1)
			return -1;
	}
	return 0;
}

/* All that may be meant for the command: its stop signal may be any. */
static void watch_signals(struct relaying *g)
{
	static const int not[] = { SIGTSTP, SIGTTIN, SIGTTOU,
		SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGSYS, SIGTRAP,
		SIGWINCH, SIGPIPE, SIGURG,
		/* of our own limits and timers */
		SIGXFSZ, SIGXCPU, SIGALRM, SIGVTALRM, SIGPROF };
	struct sigaction ignore = { .sa_handler = SIG_IGN };
	sigset_t mask;
	size_t i;

	/* a file of ours that may not grow is an error of write(2) */
	sigaction(SIGXFSZ, &ignore, NULL);

	sigfillset(&mask);
	for (i = 0; i < sizeof(not) / sizeof(not[0]); i++)
		sigdelset(&mask, not[i]);
	sigprocmask(SIG_BLOCK, &mask, NULL);
	g->sigfd = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
	g->leader = getsid(0);
	g->keeper = g->leader > 0 ? os_parent(g->leader) : 0;
}

int relay_run(struct relay *r, enum spawn_stage *stage)
{
	struct relaying g = { .r = r, .sigfd = -1,
		.s = { { .from = -1, .file = -1 }, { .from = -1, .file = -1 } } };
	struct spawn s = { .argv = r->argv, .envp = r->envp, .path = r->path,
		.umask = -1, .die_with_us = true, .nfds = 3 };
	int theirs[STREAMS] = { -1, -1 }, i, err, ret = -1;
	pid_t pid = -1;

	*stage = SPAWN_FDS;
	watch_signals(&g);
	s.fd[0] = r->in;
	s.fd[1] = STDOUT_FILENO;
	s.fd[2] = STDERR_FILENO;
	for (i = 0; i < STREAMS && !r->silent && r->file[i] != NULL; i++) {
		if (open_stream(&g, i, &theirs[i]) == -1)
			goto out;
		s.fd[1 + i] = theirs[i];
	}
	if (g.nstreams == 1)
		s.fd[2] = theirs[0];
	if (os_become_subreaper() == -1 || g.sigfd == -1)
		goto out;
	r->tree.shared = true;
	/* bash gives us the processes of >(...) as children */
	os_children(&r->tree.strangers);
	r->tree.out = g.s[0].file;
	r->tree.err = g.nstreams == 2 ? g.s[1].file : g.s[0].file;
	for (;;) {
		pid = spawn(&s, stage);
		if (pid != -1)
			break;
		/* the machine's failure: better times, or an order to stop */
		if (errno != EAGAIN && errno != ENOMEM)
			goto out;
		await(&g, AGAIN_MS);
		obey(&g);
		if (r->signo != 0) {
			errno = EINTR;
			goto out;
		}
	}
	for (i = 0; i < STREAMS; i++)
		if (theirs[i] != -1)
			close(theirs[i]);
	theirs[0] = theirs[1] = -1;
	tree_begin(&r->tree, pid);
	attend(&g);
	ret = 0;
out:
	err = errno;
	for (i = 0; i < STREAMS; i++) {
		if (theirs[i] != -1)
			close(theirs[i]);
		stop_reading(&g.s[i]);
		if (g.s[i].file != -1)
			close(g.s[i].file);
		free(g.s[i].data);
	}
	if (g.sigfd != -1)
		close(g.sigfd);
	free(r->tree.strangers.v);
	r->tree.strangers = (struct os_pids){ 0 };
	errno = err;
	return ret;
}
