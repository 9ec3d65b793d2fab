/* SPDX-License-Identifier: ISC */
#include "keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "io.h"
#include "job.h"
#include "mailbox.h"
#include "os.h"
#include "spare.h"
#include "spawn.h"
#include "tree.h"
#include "unstarted.h"

enum {
	/* Pointers for argv, set, unset and the merged environment. The kernel
	 * takes at most 2 MiB of strings, so no more than this many. */
	ROOM = 512 * 1024,
	/* Between two tries of what the machine refused (fork, the mailbox). */
	AGAIN_MS = 1000,
};

struct keeper {
	struct mailbox box;
	int sigfd;
	int null;
	int slot;		/* lock on a pool's slot, while the job at
				   hand is done; -1 none */
	bool orphan;		/* the supervisor is gone */
	int64_t oom_kills;	/* counter when this keeper began */
	char *data;		/* JOB_MOST bytes: the message at hand */
	char **room;		/* ROOM pointers */
	struct spare spare;
};

/* The attempt at hand. */
struct attempt {
	const struct job *job;
	int out, err;		/* err == out: one file for both */
	struct tree tree;
	struct report report;
};

/* lseek: what is written with O_APPEND minds no offset, and it cannot fail */
static int64_t size_of(int fd)
{
	off_t size = fd != -1 ? lseek(fd, 0, SEEK_END) : 0;

	return size > 0 ? (int64_t)size : 0;
}

static int open_files(struct keeper *k, struct attempt *a)
{
	const struct job *j = a->job;

	/* Descendants carry the locks of these on their 1 and 2: they show
	 * that somebody of this attempt lives, even if we do not. */
	a->out = spare_give_file(&k->spare, SPARE_OUT, j->out);
	if (a->out == -1) {
		unstarted(&a->report, "cannot create", j->out);
		return -1;
	}
	a->err = j->err != NULL ?
		spare_give_file(&k->spare, SPARE_ERR, j->err) : a->out;
	if (a->err == -1) {
		unstarted(&a->report, "cannot create", j->err);
		return -1;
	}
	if (j->dir != NULL && spare_give_dir(&k->spare, j->dir) == -1) {
		unstarted(&a->report, "cannot create", j->dir);
		return -1;
	}
	return 0;
}

static int open_input(struct keeper *k, struct attempt *a)
{
	const struct job *j = a->job;
	int dir, fd;

	if (j->in == NULL)
		return k->null;
	dir = open(j->cwd != NULL ? j->cwd : ".",
		O_PATH | O_DIRECTORY | O_CLOEXEC);
	fd = dir != -1 ? openat(dir, j->in, O_RDONLY | O_CLOEXEC) : -1;
	if (fd == -1)
		unstarted(&a->report, dir == -1 ? "cannot enter" : "cannot open",
			dir == -1 ? j->cwd : j->in);
	if (dir != -1)
		close(dir);
	return fd;
}

/* Signals since the last look. Returns false when there was none. */
static bool take_signal(struct keeper *k, int *signo)
{
	struct signalfd_siginfo info;

	if (read(k->sigfd, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return false;
	*signo = (int)info.ssi_signo;
	return true;
}

static void wait_ms(struct keeper *k, int64_t ms)
{
	struct pollfd p = { .fd = k->sigfd, .events = POLLIN };

	poll(&p, 1, (int)ms);
}

/* Start the first process. 0, or -1 with the report filled. */
static int start(struct keeper *k, struct attempt *a)
{
	const struct job *j = a->job;
	enum spawn_stage stage = SPAWN_FORK;
	struct spawn s;
	char **at;
	bool interrupted = false;
	int in, signo;
	pid_t pid;

	in = open_input(k, a);
	if (in == -1)
		return -1;
	memset(&s, 0, sizeof(s));
	s.argv = j->argv;
	/* decoded lists stand at the front of the room */
	at = (char **)j->unset;
	while (*at != NULL)
		at++;
	s.envp = spawn_environment(environ, j->unset, j->set, at + 1,
		(size_t)(k->room + ROOM - (at + 1)));
	if (s.envp == NULL) {
		errno = E2BIG;
		unstarted(&a->report, "environment of", j->step);
		return -1;
	}
	s.program = j->program;
	for (at = (char **)s.envp; *at != NULL; at++)
		if (strncmp(*at, "PATH=", 5) == 0)
			s.path = *at + 5;
	s.cwd = j->cwd;
	a->tree.timeout_ms = j->timeout_ms;
	a->tree.idle_ms = j->idle_ms;
	a->tree.grace_ms = j->grace_ms;
	a->tree.max_output = j->max_output;
	a->tree.stop_signal = j->stop_signal;
	a->tree.out = a->out;
	a->tree.err = a->err;
	s.fd[0] = in;
	s.fd[1] = a->out;
	s.fd[2] = a->err;
	s.nfds = 3;
	s.umask = j->umask;
	s.nice = j->nice;
	s.session = true;
	s.die_with_us = true;
	s.defaults = true;	/* keeper_main() has seen to it */
	for (;;) {
		pid = spawn(&s, &stage);
		/* The machine's failure, not the step's: wait for better
		 * times, or for an order to stop. */
		if (pid != -1 || (errno != EAGAIN && errno != ENOMEM))
			break;
		wait_ms(k, AGAIN_MS);
		if (take_signal(k, &signo) &&
		    (signo == SIGTERM || signo == SIGQUIT)) {
			interrupted = true;
			break;
		}
	}
	if (in != k->null)
		close(in);
	if (pid == -1) {
		unstarted_spawn(&a->report, j, stage, a->err);
		if (interrupted)
			a->report.outcome = outcome_of(OUTCOME_INTERRUPTED);
		return -1;
	}
	tree_begin(&a->tree, pid);
	return 0;
}

/* Until nobody of the attempt is left, or cannot be killed. */
static void attend(struct keeper *k, struct attempt *a)
{
	struct pollfd p[2] = {
		{ .fd = k->sigfd, .events = POLLIN },
		{ .fd = KEEPER_SOCKET, .events = 0 },
	};
	/* sleeping for days is fine, in pieces that fit an int */
	const int64_t longest = 3600000;
	int64_t ms;
	int signo;

	/* An end before the first look is a SIGCHLD that waits. */
	do {
		ms = tree_look(&a->tree);
		if (ms == TREE_GIVE_UP) {
			a->report.survivor = a->tree.survivor;
			snprintf(a->report.note, sizeof(a->report.note),
				"process %ld cannot be killed",
				(long)a->tree.survivor);
			return;
		}
		poll(p, k->orphan ? 1 : 2, (int)(ms > longest ? longest : ms));
		if (p[1].revents & (POLLHUP | POLLERR)) {
			k->orphan = true;
			/* nobody is left who could continue a paused tree */
			tree_obey(&a->tree, SIGCONT);
		}
		while (take_signal(k, &signo))
			tree_obey(&a->tree, signo);
	} while (!tree_reap(&a->tree));
}

static bool from_elsewhere(int signo)
{
	return signo == SIGINT || signo == SIGTERM || signo == SIGHUP;
}

static void measure(struct attempt *a)
{
	a->report.out_bytes = size_of(a->out);
	a->report.err_bytes = a->err != a->out ? size_of(a->err) : 0;
}

/* Also of what was faster than the next look: a limit does not depend on
 * chance. */
static bool too_much(struct attempt *a)
{
	measure(a);
	return a->job->max_output != 0 && a->report.out_bytes +
		a->report.err_bytes > a->job->max_output;
}

static void judge(struct keeper *k, struct attempt *a)
{
	const struct tree *t = &a->tree;
	struct outcome *o = &a->report.outcome;

	if (t->anchored || !t->ended) {
		/* unkillable: its end was not seen, and is not invented */
		*o = outcome_of(t->cause != OUTCOME_NONE ? t->cause :
			OUTCOME_LOST);
		return;
	}
	*o = outcome_from_wait(t->status);
	if (t->cause != OUTCOME_NONE) {
		o->kind = t->cause;
	} else if (o->kind == OUTCOME_SIGNAL && from_elsewhere(o->signo)) {
		o->kind = OUTCOME_INTERRUPTED;
		a->report.elsewhere = 1;
	} else if (o->kind == OUTCOME_EXIT && too_much(a)) {
		o->kind = OUTCOME_FLOOD;
	} else if (o->signo == SIGKILL) {
		int64_t kills = os_oom_kills();

		o->oom = kills > k->oom_kills;
		k->oom_kills = kills;
	}
}

static int64_t tv_ms(const struct timeval *tv)
{
	return (int64_t)tv->tv_sec * 1000 + tv->tv_usec / 1000;
}

/* The directory that a log is in. */
static void sync_above(const char *path)
{
	const char *slash = strrchr(path, '/');
	char dir[256];

	/* log/STEP/SHARD at the longest */
	snprintf(dir, sizeof(dir), "%.*s", (int)(slash - path), path);
	(void)io_sync_dir(KEEPER_RUNDIR, dir);
}

/* Sync what was written, drop what was not. */
static void close_files(struct keeper *k, struct attempt *a)
{
	const struct job *j = a->job;
	bool written = false;

	measure(a);
	if (a->report.out_bytes > 0)
		written = io_sync(a->out) == 0;
	if (a->report.err_bytes > 0)
		written |= io_sync(a->err) == 0;
	if (written && j->out[0] != '/')
		sync_above(j->out);
	/* Who cannot be killed may still write. */
	if (a->report.survivor != 0) {
		if (a->err != a->out)
			close(a->err);
		close(a->out);
		return;
	}
	if (a->err != a->out && a->err != -1)
		spare_take_file(&k->spare, SPARE_ERR, j->err, a->err);
	if (a->out != -1)
		spare_take_file(&k->spare, SPARE_OUT, j->out, a->out);
	if (j->dir != NULL)
		spare_take_dir(&k->spare, j->dir);
}

static void release_slot(struct keeper *k)
{
	if (k->slot != -1)
		close(k->slot);
	k->slot = -1;
}

/* Has the supervisor heard? */
static bool tell(struct keeper *k, const struct report *r)
{
	if (!k->orphan && send(KEEPER_SOCKET, r, sizeof(*r), MSG_NOSIGNAL) !=
	    (ssize_t)sizeof(*r))
		k->orphan = true;
	return !k->orphan;
}

static void run_job(struct keeper *k, const struct job *j)
{
	struct attempt a = { .job = j, .out = -1, .err = -1 };
	bool written, told;
	int signo;

	/* Orders for the attempt before: they came too late. */
	while (take_signal(k, &signo))
		;
	if (mailbox_take(&k->box, j) == -1)
		unstarted(&a.report, "cannot write", "the mailbox");
	else if (open_files(k, &a) == 0 && start(k, &a) == 0) {
		(void)mailbox_pid(&k->box, a.tree.pid);
		attend(k, &a);
		judge(k, &a);
	}
	a.report.ended_at = clock_wall();
	a.report.user_ms = tv_ms(&a.tree.usage.ru_utime);
	a.report.system_ms = tv_ms(&a.tree.usage.ru_stime);
	a.report.rss_kb = a.tree.usage.ru_maxrss;
	close_files(k, &a);
	/* The record first: the supervisor may die before it hears. */
	written = mailbox_end(&k->box, &a.report) == 0;
	/* And the slot: who hears of the end takes it for the next one. */
	release_slot(k);
	told = tell(k, &a.report);
	/* Without room for it, it is kept in memory and tried again for as
	 * long as nobody has heard. */
	while (!written && !told) {
		wait_ms(k, AGAIN_MS);
		while (take_signal(k, &signo))
			;
		written = mailbox_end(&k->box, &a.report) == 0;
	}
	/* Who could not be killed would be taken for the next attempt's: this
	 * keeper ends, and another one takes over. */
	if (a.report.survivor != 0)
		k->orphan = true;
}

/* The next message. False: the supervisor is gone, or nothing can be waited
 * for. */
static bool receive(struct keeper *k, struct job *j)
{
	struct pollfd p[2] = {
		{ .fd = KEEPER_SOCKET, .events = POLLIN },
		{ .fd = k->sigfd, .events = POLLIN },
	};
	ssize_t n;
	int signo;

	/* Idle: signals are for nobody, but must not stay. */
	for (;;) {
		if (poll(p, 2, -1) == -1) {
			if (errno == EINTR)
				continue;
			return false;
		}
		if (p[1].revents != 0)
			while (take_signal(k, &signo))
				;
		if (p[0].revents != 0)
			break;
	}
	n = job_receive(KEEPER_SOCKET, k->data, &k->slot);
	if (n == -1)
		return false;
	/* Both ends are one binary: a malformed message is a bug. */
	if (!job_decode(k->data, (size_t)n, j, k->room, ROOM) ||
	    j->step == NULL || j->out == NULL || j->phase == NULL)
		abort();
	return true;
}

static void *map(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return p != MAP_FAILED ? p : NULL;
}

int keeper_main(void)
{
	struct keeper k = { .sigfd = -1, .slot = -1 };
	sigset_t mask;
	struct job j;
	int fd;

	os_close_from(KEEPER_RUNDIR + 1);
	for (fd = KEEPER_SOCKET; fd <= KEEPER_RUNDIR; fd++)
		fcntl(fd, F_SETFD, FD_CLOEXEC);
	os_set_name("durexec-keeper");
	os_default_signals();
	/* All but the faults: nobody's Ctrl+C or hang-up reaches us. */
	sigfillset(&mask);
	sigprocmask(SIG_SETMASK, &mask, NULL);
	sigemptyset(&mask);
	sigaddset(&mask, SIGCHLD);
	sigaddset(&mask, SIGTERM);
	sigaddset(&mask, SIGQUIT);
	sigaddset(&mask, SIGTSTP);
	sigaddset(&mask, SIGCONT);
	k.sigfd = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
	k.null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	k.data = map(JOB_MOST);
	k.room = map(ROOM * sizeof(char *));
	mailbox_init(&k.box, KEEPER_MAILBOX);
	k.box.length = size_of(KEEPER_MAILBOX);
	k.oom_kills = os_oom_kills();
	spare_init(&k.spare, KEEPER_RUNDIR);
	if (k.sigfd == -1 || k.null == -1 || k.data == NULL ||
	    k.room == NULL || os_become_subreaper() == -1 ||
	    mailbox_keeper(&k.box) == -1)
		return 1;
	while (!k.orphan && receive(&k, &j))
		run_job(&k, &j);
	spare_release(&k.spare);
	/* What the supervisor may not have heard outlives a power cut. */
	(void)io_sync(KEEPER_MAILBOX);
	mailbox_release(&k.box);
	close(k.null);
	close(k.sigfd);
	return 0;
}
