/* SPDX-License-Identifier: ISC */
#include "keeper.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "io.h"
#include "job.h"
#include "mailbox.h"
#include "os.h"
#include "spawn.h"

extern char **environ;

enum {
	/* Pointers for argv, set, unset and the merged environment. The kernel
	 * takes at most 2 MiB of strings, so no more than this many. */
	ROOM = 512 * 1024,
	/* How long KILL is repeated before survivors are named. */
	KILL_FOR_MS = 5000,
	/* Between two rounds of KILL: orphans move up to us in between. */
	KILL_EVERY_MS = 20,
	/* Between two tries of what the machine refused (fork, the mailbox). */
	AGAIN_MS = 1000,
};

enum stopping { STOP_NO, STOP_GRACE, STOP_KILL };

struct keeper {
	struct mailbox box;
	int sigfd;
	int null;
	bool orphan;		/* the supervisor is gone */
	int64_t oom_kills;	/* counter when this keeper began */
	char *data;		/* JOB_MOST bytes: the message at hand */
	char **room;		/* ROOM pointers */
	char spare[32];		/* an empty directory, for give_dir() */
	bool have_spare;
};

/* The attempt at hand. */
struct attempt {
	const struct job *job;
	int out, err;		/* err == out: one file for both */
	pid_t pid;		/* 0: not started */
	bool anchored;		/* pid is not reaped yet: its group is ours */
	bool ended;		/* the first process has */
	int status;
	enum stopping stopping;
	bool told_rest;		/* those outside the group have been signalled */
	enum outcome_kind cause;	/* NONE, INTERRUPTED, TIMEOUT, IDLE */
	bool paused;
	int64_t paused_mono;
	int64_t timeout_mono, idle_mono, grace_mono;	/* 0: none */
	int64_t give_up_mono;	/* end of the KILL rounds */
	int64_t seen_bytes;	/* for idle */
	struct rusage usage;
	struct report report;
};

static void note(struct attempt *a, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
static void note(struct attempt *a, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(a->report.note, sizeof(a->report.note), fmt, ap);
	va_end(ap);
}

/* NAME=VALUE entries, the last one of a name wins; by linear search, as a few
 * entries are set over an environment of some dozen. */
static char **find_entry(char **envp, size_t n, const char *name, size_t len)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (strncmp(envp[i], name, len) == 0 && envp[i][len] == '=')
			return &envp[i];
	return NULL;
}

/* environ, less job->unset, with job->set; into `room`. NULL: no room. */
static char **merge_environment(const struct job *job, char **room,
	size_t nroom)
{
	size_t n = 0, inherited, i;
	char **at;

	for (i = 0; environ[i] != NULL; i++) {
		if (n + 1 >= nroom)
			return NULL;
		room[n++] = environ[i];
	}
	for (i = 0; job->unset[i] != NULL; i++) {
		at = find_entry(room, n, job->unset[i],
			strlen(job->unset[i]));
		if (at != NULL)
			*at = room[--n];
	}
	inherited = n;
	for (i = 0; job->set[i] != NULL; i++) {
		/* those of `set` are distinct (env.h): only what is inherited
		 * has to be looked through */
		at = find_entry(room, inherited, job->set[i],
			strcspn(job->set[i], "="));
		if (at == NULL) {
			if (n + 1 >= nroom)
				return NULL;
			at = &room[n++];
		}
		*at = job->set[i];
	}
	room[n] = NULL;
	return room;
}

static int open_log(const char *name)
{
	/* APPEND: whoever in the tree truncates or seeks, nothing is
	 * overwritten. TRUNC: a condition that is asked again. */
	return openat(KEEPER_RUNDIR, name, O_WRONLY | O_CREAT | O_APPEND |
		O_TRUNC | O_CLOEXEC | (name[0] == '/' ? 0 : O_NOFOLLOW), 0600);
}

/*
 * $DUREXEC_DIR. Few steps put anything into theirs, and making and removing a
 * directory costs more than anything else here: an empty one is kept and
 * renamed from step to step (rename(2) replaces an empty directory and refuses
 * a full one, which is an earlier attempt's and stays).
 */
static int give_dir(struct keeper *k, const char *dir)
{
	if (k->have_spare && renameat(KEEPER_RUNDIR, k->spare, KEEPER_RUNDIR,
	    dir) == 0) {
		k->have_spare = false;
		return 0;
	}
	return mkdirat(KEEPER_RUNDIR, dir, 0700) == 0 || errno == EEXIST ?
		0 : -1;
}

static bool is_empty(const char *dir)
{
	/* "." and ".." come first or at least within the first of these */
	char entries[4096];
	int fd = openat(KEEPER_RUNDIR, dir, O_RDONLY | O_DIRECTORY |
		O_CLOEXEC | O_NOFOLLOW), n = 0;
	ssize_t len, at;

	if (fd == -1)
		return false;
	len = getdents64(fd, entries, sizeof(entries));
	close(fd);
	for (at = 0; at < len; n++)
		at += ((struct dirent64 *)(void *)(entries + at))->d_reclen;
	return len > 0 && n == 2;
}

static void take_dir(struct keeper *k, const char *dir)
{
	if (!is_empty(dir))
		return;
	if (!k->have_spare && renameat(KEEPER_RUNDIR, dir, KEEPER_RUNDIR,
	    k->spare) == 0)
		k->have_spare = true;
	else
		unlinkat(KEEPER_RUNDIR, dir, AT_REMOVEDIR);
}

static int64_t size_of(int fd)
{
	struct stat st;

	return fd != -1 && fstat(fd, &st) == 0 ? (int64_t)st.st_size : 0;
}

static int64_t bytes(const struct attempt *a)
{
	return size_of(a->out) + (a->err != a->out ? size_of(a->err) : 0);
}

static void not_started(struct attempt *a, const char *what, const char *name)
{
	a->report.outcome = outcome_of(OUTCOME_NOT_STARTED);
	a->report.outcome.err = errno;
	note(a, "%s %.100s: %s", what, name, strerror(errno));
}

/* Into the step's stderr, as the shell would have said it. */
static void say(struct attempt *a, const char *name, int err)
{
	char line[512];
	int n = snprintf(line, sizeof(line), "durexec: %.400s: %s\n", name,
		err == ENOENT ? "command not found" : strerror(err));

	(void)io_write(a->err, line, (size_t)n);
}

static int open_files(struct keeper *k, struct attempt *a)
{
	const struct job *j = a->job;

	a->out = open_log(j->out);
	if (a->out == -1) {
		not_started(a, "cannot create", j->out);
		return -1;
	}
	a->err = j->err != NULL ? open_log(j->err) : a->out;
	if (a->err == -1) {
		not_started(a, "cannot create", j->err);
		return -1;
	}
	/* Descendants carry these locks on their 1 and 2: they show that
	 * somebody of this attempt lives, even if we do not. */
	flock(a->out, LOCK_EX | LOCK_NB);
	flock(a->err, LOCK_EX | LOCK_NB);
	if (j->dir != NULL && give_dir(k, j->dir) == -1) {
		not_started(a, "cannot create", j->dir);
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
		not_started(a, dir == -1 ? "cannot enter" : "cannot open",
			dir == -1 ? j->cwd : j->in);
	if (dir != -1)
		close(dir);
	return fd;
}

static void failed_to_spawn(struct attempt *a, enum spawn_stage stage)
{
	const struct job *j = a->job;
	const char *name = j->program != NULL ? j->program : j->argv[0];
	int err = errno;

	switch (stage) {
	case SPAWN_EXEC:
		say(a, name, err);
		a->report.outcome = outcome_of(OUTCOME_EXIT);
		a->report.outcome.exit =
			err == ENOENT || err == ENOTDIR ? 127 : 126;
		a->report.outcome.err = err;
		note(a, "%.100s: %s", name, strerror(err));
		return;
	case SPAWN_CWD:
		not_started(a, "cannot enter the directory", j->cwd);
		return;
	case SPAWN_NICE:
		not_started(a, "cannot set", "nice");
		return;
	case SPAWN_FORK:
	case SPAWN_PARENT:
	case SPAWN_FDS:
		not_started(a, "cannot start", name);
		return;
	}
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
	int in, signo;

	in = open_input(k, a);
	if (in == -1)
		return -1;
	memset(&s, 0, sizeof(s));
	s.argv = j->argv;
	/* decoded lists stand at the front of the room */
	at = (char **)j->unset;
	while (*at != NULL)
		at++;
	s.envp = merge_environment(j, at + 1,
		(size_t)(k->room + ROOM - (at + 1)));
	if (s.envp == NULL) {
		errno = E2BIG;
		not_started(a, "environment of", j->step);
		return -1;
	}
	s.program = j->program;
	at = find_entry((char **)s.envp, SIZE_MAX, "PATH", 4);
	s.path = at != NULL ? *at + 5 : NULL;
	s.cwd = j->cwd;
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
		a->pid = spawn(&s, &stage);
		/* The machine's failure, not the step's: wait for better
		 * times, or for an order to stop. */
		if (a->pid != -1 || (errno != EAGAIN && errno != ENOMEM))
			break;
		wait_ms(k, AGAIN_MS);
		if (take_signal(k, &signo) &&
		    (signo == SIGTERM || signo == SIGQUIT)) {
			a->cause = OUTCOME_INTERRUPTED;
			break;
		}
	}
	if (in != k->null)
		close(in);
	if (a->pid == -1) {
		a->pid = 0;
		failed_to_spawn(a, stage);
		if (a->cause == OUTCOME_INTERRUPTED)
			a->report.outcome = outcome_of(OUTCOME_INTERRUPTED);
		return -1;
	}
	a->anchored = true;
	return 0;
}

/* A signal for the whole tree: the group at once while its number is surely
 * ours, and, as asked, what has left it. */
static int signal_tree(struct attempt *a, int signo, bool all, pid_t *last)
{
	int n = 0;

	if (a->anchored && kill(-a->pid, signo) == 0)
		n = 1;
	if (all || !a->anchored)
		n += os_signal_descendants(signo, a->anchored ? a->pid : 0,
			last);
	return n;
}

static void begin_kill(struct attempt *a)
{
	if (a->stopping == STOP_KILL)
		return;
	a->stopping = STOP_KILL;
	a->give_up_mono = clock_mono() + KILL_FOR_MS;
}

static void begin_stop(struct attempt *a, enum outcome_kind cause)
{
	const struct job *j = a->job;

	if (a->cause == OUTCOME_NONE && !a->ended)
		a->cause = cause;
	if (a->stopping != STOP_NO)
		return;
	a->stopping = STOP_GRACE;
	a->grace_mono = clock_mono() + j->grace_ms;
	/* Once: ffmpeg, told twice, leaves a file without its index. Whoever
	 * has left the group is told when the first process is gone. */
	signal_tree(a, j->stop_signal, a->ended, NULL);
	signal_tree(a, SIGCONT, a->ended, NULL);
	a->told_rest = a->ended;
}

/* The first process has ended after a stop: now those who left its group. */
static void tell_rest(struct attempt *a)
{
	a->told_rest = true;
	os_signal_descendants(a->job->stop_signal,
		a->anchored ? a->pid : 0, NULL);
}

static void pause_tree(struct attempt *a)
{
	if (a->paused)
		return;
	a->paused = true;
	a->paused_mono = clock_mono();
	signal_tree(a, SIGSTOP, true, NULL);
}

static void continue_tree(struct attempt *a)
{
	int64_t away;

	if (!a->paused)
		return;
	a->paused = false;
	away = clock_mono() - a->paused_mono;
	if (a->timeout_mono != 0)
		a->timeout_mono += away;
	if (a->idle_mono != 0)
		a->idle_mono += away;
	if (a->grace_mono != 0)
		a->grace_mono += away;
	signal_tree(a, SIGCONT, true, NULL);
}

/* Children of ours besides the first process, by the kernel's list. Their
 * zombies are reaped on the way. */
static bool others_left(struct attempt *a)
{
	siginfo_t info;
	char text[8192], *p, *end;
	bool left = false;
	ssize_t n;
	int fd;

	snprintf(text, sizeof(text), "/proc/self/task/%ld/children",
		(long)getpid());
	fd = open(text, O_RDONLY | O_CLOEXEC);
	if (fd == -1)
		return false;
	n = io_read(fd, text, sizeof(text) - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	for (p = text; ; p = end) {
		pid_t pid = (pid_t)strtol(p, &end, 10);

		if (end == p || pid <= 0)
			return left;
		if (pid == a->pid)
			continue;
		info.si_pid = 0;
		if (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG) == 0 &&
		    info.si_pid == 0)
			left = true;
	}
}

/* Look at who has ended. True: nobody of the attempt is left. */
static bool reap(struct attempt *a)
{
	siginfo_t info = { 0 };
	int status;
	pid_t pid;

	if (!a->ended && waitid(P_PID, (id_t)a->pid, &info,
	    WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == a->pid)
		a->ended = true;
	if (!a->ended) {
		/* orphans of the tree that ended before it */
		(void)others_left(a);
		return false;
	}
	/* The first process stays a zombie until the others are gone: so its
	 * number, which names the group, cannot become somebody else's. */
	if (others_left(a))
		return false;
	if (a->anchored) {
		while (wait4(a->pid, &a->status, 0, &a->usage) == -1 &&
		    errno == EINTR)
			;
		a->anchored = false;
	}
	/* Who became ours meanwhile; or all, where /proc has no list. */
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		;
	return pid == -1;
}

static int64_t earlier(int64_t a, int64_t b)
{
	return a == 0 || (b != 0 && b < a) ? b : a;
}

/* What the clocks ask for. Returns ms until the next look, -1 none. */
static int64_t check_limits(struct attempt *a)
{
	int64_t now = clock_mono(), next = 0, seen;

	if (a->paused)
		return -1;
	if (a->stopping == STOP_NO && !a->ended) {
		if (a->timeout_mono != 0 && now >= a->timeout_mono) {
			begin_stop(a, OUTCOME_TIMEOUT);
		} else if (a->idle_mono != 0 && now >= a->idle_mono) {
			seen = bytes(a);
			if (seen == a->seen_bytes)
				begin_stop(a, OUTCOME_IDLE);
			a->seen_bytes = seen;
			a->idle_mono = now + a->job->idle_ms;
		}
	}
	if (a->stopping == STOP_GRACE && now >= a->grace_mono)
		begin_kill(a);
	switch (a->stopping) {
	case STOP_NO:
		if (!a->ended)
			next = earlier(a->timeout_mono, a->idle_mono);
		break;
	case STOP_GRACE:
		next = a->grace_mono;
		break;
	case STOP_KILL:
		return KILL_EVERY_MS;
	}
	if (next == 0)
		return -1;
	return next > now ? next - now : 0;
}

static void obey(struct attempt *a, int signo)
{
	switch (signo) {
	case SIGTERM:
		continue_tree(a);
		begin_stop(a, OUTCOME_INTERRUPTED);
		break;
	case SIGQUIT:
		continue_tree(a);
		if (a->cause == OUTCOME_NONE && !a->ended)
			a->cause = OUTCOME_INTERRUPTED;
		begin_kill(a);
		break;
	case SIGTSTP:
		pause_tree(a);
		break;
	case SIGCONT:
		continue_tree(a);
		break;
	}
}

/* Until nobody of the attempt is left, or cannot be killed. */
static void attend(struct keeper *k, struct attempt *a)
{
	struct pollfd p[2] = {
		{ .fd = k->sigfd, .events = POLLIN },
		{ .fd = KEEPER_SOCKET, .events = 0 },
	};
	pid_t last = 0;
	int64_t ms;
	int signo;

	/* An end before the first look is a SIGCHLD that waits. */
	do {
		/* A step is over when its first process is: what it left
		 * behind is stopped like a step. */
		if (a->ended && a->stopping == STOP_NO)
			begin_stop(a, OUTCOME_NONE);
		if (a->ended && a->stopping == STOP_GRACE && !a->told_rest)
			tell_rest(a);
		ms = check_limits(a);
		if (a->stopping == STOP_KILL) {
			signal_tree(a, SIGKILL, true, &last);
			if (clock_mono() >= a->give_up_mono) {
				a->report.survivor = last;
				note(a, "process %ld cannot be killed",
					(long)last);
				return;
			}
		}
		/* sleeping for days is fine, in pieces that fit an int */
		if (ms > 3600000)
			ms = 3600000;
		poll(p, k->orphan ? 1 : 2, (int)ms);
		if (p[1].revents & (POLLHUP | POLLERR))
			k->orphan = true;
		while (take_signal(k, &signo))
			obey(a, signo);
	} while (!reap(a));
}

static bool from_elsewhere(int signo)
{
	return signo == SIGINT || signo == SIGTERM || signo == SIGHUP;
}

static void judge(struct keeper *k, struct attempt *a)
{
	struct outcome *o = &a->report.outcome;

	if (a->anchored || !a->ended) {
		/* unkillable: its end was not seen, and is not invented */
		*o = outcome_of(a->cause != OUTCOME_NONE ? a->cause :
			OUTCOME_LOST);
		return;
	}
	*o = outcome_from_wait(a->status);
	if (a->cause != OUTCOME_NONE) {
		o->kind = a->cause;
	} else if (o->kind == OUTCOME_SIGNAL && from_elsewhere(o->signo)) {
		o->kind = OUTCOME_INTERRUPTED;
		a->report.elsewhere = 1;
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

/* Sync what was written, drop what was not. */
static void close_files(struct keeper *k, struct attempt *a)
{
	const struct job *j = a->job;
	bool written = false;

	a->report.out_bytes = size_of(a->out);
	a->report.err_bytes = a->err != a->out ? size_of(a->err) : 0;
	if (a->report.out_bytes > 0)
		written = io_sync(a->out) == 0;
	else if (a->out != -1 && a->report.survivor == 0)
		unlinkat(KEEPER_RUNDIR, j->out, 0);
	if (a->report.err_bytes > 0)
		written |= io_sync(a->err) == 0;
	else if (a->err != a->out && a->err != -1 && a->report.survivor == 0)
		unlinkat(KEEPER_RUNDIR, j->err, 0);
	if (written)
		(void)io_sync_dir(KEEPER_RUNDIR, "log");
	if (a->err != -1 && a->err != a->out)
		close(a->err);
	if (a->out != -1)
		close(a->out);
	if (j->dir != NULL && a->report.survivor == 0)
		take_dir(k, j->dir);
}

static void run_job(struct keeper *k, const struct job *j)
{
	struct attempt a = { .job = j, .out = -1, .err = -1 };
	int64_t now;
	int signo;

	/* Orders for the attempt before: they came too late. */
	while (take_signal(k, &signo))
		;
	while (mailbox_take(&k->box, j) == -1)
		wait_ms(k, AGAIN_MS);
	if (open_files(k, &a) == 0 && start(k, &a) == 0) {
		(void)mailbox_pid(&k->box, a.pid);
		now = clock_mono();
		a.timeout_mono = j->timeout_ms != 0 ? now + j->timeout_ms : 0;
		a.idle_mono = j->idle_ms != 0 ? now + j->idle_ms : 0;
		attend(k, &a);
		judge(k, &a);
	}
	a.report.ended_at = clock_wall();
	a.report.user_ms = tv_ms(&a.usage.ru_utime);
	a.report.system_ms = tv_ms(&a.usage.ru_stime);
	a.report.rss_kb = a.usage.ru_maxrss;
	close_files(k, &a);
	/* The record first: the supervisor may die before it hears. Without
	 * room for it, it is kept in memory, told over the socket, and
	 * tried again for as long as nobody has heard. */
	while (mailbox_end(&k->box, &a.report) == -1) {
		if (!k->orphan && send(KEEPER_SOCKET, &a.report,
		    sizeof(a.report), MSG_NOSIGNAL) ==
		    (ssize_t)sizeof(a.report))
			return;
		k->orphan = true;
		wait_ms(k, AGAIN_MS);
		while (take_signal(k, &signo))
			;
	}
	if (!k->orphan && send(KEEPER_SOCKET, &a.report, sizeof(a.report),
	    MSG_NOSIGNAL) != (ssize_t)sizeof(a.report))
		k->orphan = true;
}

/* The next message. False: the supervisor is gone. */
static bool receive(struct keeper *k, struct job *j)
{
	struct pollfd p[2] = {
		{ .fd = KEEPER_SOCKET, .events = POLLIN },
		{ .fd = k->sigfd, .events = POLLIN },
	};
	uint32_t n;
	int signo;

	/* Idle: signals are for nobody, but must not stay. */
	for (;;) {
		if (poll(p, 2, -1) == -1)
			continue;
		if (p[1].revents != 0)
			while (take_signal(k, &signo))
				;
		if (p[0].revents != 0)
			break;
	}
	if (io_read(KEEPER_SOCKET, &n, sizeof(n)) != (ssize_t)sizeof(n) ||
	    n > JOB_MOST ||
	    io_read(KEEPER_SOCKET, k->data, n) != (ssize_t)n)
		return false;
	/* Both ends are one binary: a malformed message is a bug. */
	if (!job_decode(k->data, n, j, k->room, ROOM))
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
	struct sigaction dfl = { .sa_handler = SIG_DFL };
	struct keeper k = { .sigfd = -1 };
	sigset_t mask;
	struct job j;
	int signo, fd;

	os_close_from(KEEPER_RUNDIR + 1);
	for (fd = KEEPER_SOCKET; fd <= KEEPER_RUNDIR; fd++)
		fcntl(fd, F_SETFD, FD_CLOEXEC);
	os_set_name("durexec-keeper");
	for (signo = 1; signo < NSIG; signo++)
		sigaction(signo, &dfl, NULL);
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
	snprintf(k.spare, sizeof(k.spare), "spare.%ld", (long)getpid());
	if (k.sigfd == -1 || k.null == -1 || k.data == NULL ||
	    k.room == NULL || os_become_subreaper() == -1 ||
	    mailbox_keeper(&k.box) == -1)
		return 1;
	while (!k.orphan && receive(&k, &j))
		run_job(&k, &j);
	if (k.have_spare)
		unlinkat(KEEPER_RUNDIR, k.spare, AT_REMOVEDIR);
	/* What the supervisor may not have heard outlives a power cut. */
	(void)io_sync(KEEPER_MAILBOX);
	return 0;
}
