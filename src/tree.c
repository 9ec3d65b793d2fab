/* SPDX-License-Identifier: ISC */
#include "tree.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "io.h"
#include "os.h"

enum {
	/* How long KILL is repeated, after nobody new was found, before
	 * survivors are named. */
	KILL_FOR_MS = 5000,
	/* However many new ones come. */
	KILL_MOST_MS = 60000,
	/* Between two rounds of KILL: orphans move up to us in between. */
	KILL_EVERY_MS = 20,
	/* How long it may take until nobody runs any more who forks. */
	FREEZE_FOR_MS = 1000,
	/* Between two looks at how much was written: at first and close to
	 * the limit, and when there is no hurry. */
	FLOOD_SOON_MS = 10, FLOOD_EVERY_MS = 250,
	/* What a stopped process may write at the least before it is killed,
	 * however small its limit: last words. */
	LAST_WORDS = 1024 * 1024,
};

/* A signal for the whole tree: the group at once while its number is surely
 * ours, and, as asked, what has left it. */
static int signal_tree(struct tree *t, int signo, bool all, pid_t *last)
{
	bool group = t->anchored && !t->shared;
	int n = 0;

	if (group && kill(-t->pid, signo) == 0)
		n = 1;
	if (all || !group)
		n += os_signal_descendants(signo, group ? t->pid : 0,
			&t->strangers, last);
	return n;
}

/* All of it stops. Who forks faster than it is found in /proc would never be
 * found whole else. True: somebody was found who had not been sent it. */
static bool freeze(const struct tree *t)
{
	int64_t until = clock_mono() + FREEZE_FOR_MS;
	bool group = t->anchored && !t->shared, any = false;

	if (group)
		kill(-t->pid, SIGSTOP);
	while (os_stop_descendants(group ? t->pid : 0, &t->strangers) > 0 &&
	    clock_mono() < until)
		any = true;
	return any;
}

static void begin_kill(struct tree *t)
{
	if (t->stopping == STOP_KILL)
		return;
	t->stopping = STOP_KILL;
	t->kill_mono = clock_mono();
	t->give_up_mono = t->kill_mono + KILL_FOR_MS;
}

/* Bytes written so far; *ago_ms: when the last of them, by the wall clock. */
static int64_t written(const struct tree *t, int64_t *ago_ms)
{
	const int fd[] = { t->out, t->err };
	const size_t n = t->out != t->err ? 2 : 1;
	int64_t bytes = 0, last = 0, at;
	struct stat st;
	size_t i;

	for (i = 0; i < n; i++) {
		if (fstat(fd[i], &st) != 0)
			continue;
		bytes += st.st_size;
		at = (int64_t)st.st_mtim.tv_sec * 1000 +
			st.st_mtim.tv_nsec / 1000000;
		if (at > last)
			last = at;
	}
	*ago_ms = clock_wall() - last;
	return bytes;
}

/* False: it is under way already. */
static bool note_stop(struct tree *t, enum outcome_kind cause)
{
	int64_t ago;

	if (t->cause == OUTCOME_NONE && !t->ended)
		t->cause = cause;
	if (t->stopping != STOP_NO)
		return false;
	t->stopping = STOP_GRACE;
	t->grace_mono = clock_mono() + t->grace_ms;
	if (t->max_output != 0)
		t->stopped_bytes = written(t, &ago);
	return true;
}

static void begin_stop(struct tree *t, enum outcome_kind cause)
{
	if (!note_stop(t, cause))
		return;
	/* Once: ffmpeg, told twice, leaves a file without its index. Whoever
	 * has left the group is told when the first process is gone. */
	signal_tree(t, t->stop_signal, t->ended, NULL);
	signal_tree(t, SIGCONT, t->ended, NULL);
	t->told_rest = t->ended || t->shared;
}

void tree_was_told(struct tree *t)
{
	if (note_stop(t, OUTCOME_INTERRUPTED))
		t->grace_mono = 0;
}

void tree_pass(const struct tree *t, int signo)
{
	if (t->anchored && !t->ended)
		kill(t->pid, signo);
}

/* The first process has ended after a stop: now those who left its group. */
static void tell_rest(struct tree *t)
{
	t->told_rest = true;
	os_signal_descendants(t->stop_signal, t->shared ? getpgrp() :
		t->anchored ? t->pid : 0, &t->strangers, NULL);
}

static void pause_tree(struct tree *t)
{
	if (t->paused)
		return;
	t->paused = true;
	t->paused_mono = clock_mono();
	(void)freeze(t);
}

void tree_was_paused(struct tree *t, int64_t ms)
{
	if (t->timeout_mono != 0)
		t->timeout_mono += ms;
	if (t->idle_mono != 0)
		t->idle_mono += ms;
	if (t->grace_mono != 0)
		t->grace_mono += ms;
}

void tree_waits(struct tree *t)
{
	if (t->idle_mono != 0)
		t->idle_mono = clock_mono() + t->idle_ms;
}

static void continue_tree(struct tree *t)
{
	if (!t->paused)
		return;
	t->paused = false;
	tree_was_paused(t, clock_mono() - t->paused_mono);
	signal_tree(t, SIGCONT, true, NULL);
}

static bool is_stranger(const struct tree *t, pid_t pid)
{
	size_t i;

	for (i = 0; i < t->strangers.n; i++)
		if (t->strangers.v[i] == pid)
			return true;
	return false;
}

/* Has it ended? Nothing is waited for. */
static int ask(pid_t pid, int what, siginfo_t *info)
{
	int ret;

	info->si_pid = 0;
	do {
		ret = waitid(P_PID, (id_t)pid, info, what | WNOHANG);
	} while (ret == -1 && errno == EINTR);
	return ret;
}

/* Children of ours besides the first process, by the kernel's list. Their
 * zombies are reaped on the way. */
static bool others_left(struct tree *t)
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
		if (pid == t->pid || is_stranger(t, pid))
			continue;
		if (ask(pid, WEXITED, &info) == 0 && info.si_pid == 0)
			left = true;
	}
}

bool tree_reap(struct tree *t)
{
	siginfo_t info;
	size_t i;
	int status;
	pid_t pid;

	if (!t->ended && ask(t->pid, WEXITED | WNOWAIT, &info) == 0 &&
	    info.si_pid == t->pid)
		t->ended = true;
	if (!t->ended) {
		/* orphans of the tree that ended before it */
		(void)others_left(t);
		return false;
	}
	/* The first process stays a zombie until the others are gone: so its
	 * number, which names the group, cannot become somebody else's. */
	if (others_left(t))
		return false;
	if (t->anchored) {
		while (wait4(t->pid, &t->status, 0, &t->usage) == -1 &&
		    errno == EINTR)
			;
		t->anchored = false;
	}
	/* Who became ours meanwhile; or all, where /proc has no list. */
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		for (i = 0; i < t->strangers.n; i++)
			if (t->strangers.v[i] == pid)
				t->strangers.v[i] = 0;
	return pid == -1 || (t->strangers.n > 0 && !others_left(t));
}

/* Nothing written for idle_ms? Time asleep does not count: what the wall
 * clock says is believed no further than to the last look. */
static void check_idle(struct tree *t, int64_t now)
{
	int64_t ago, bytes = written(t, &ago), awake = now - t->looked_mono;

	if (bytes == t->seen_bytes) {
		begin_stop(t, OUTCOME_IDLE);
		return;
	}
	if (ago < 0)
		ago = 0;
	if (ago > awake)
		ago = awake;
	t->seen_bytes = bytes;
	t->looked_mono = now;
	t->idle_mono = now + t->idle_ms - ago;
}

/* Written more than max_output? Then it is stopped like any other; but who
 * writes as much again instead of stopping is not given all of its grace, as
 * the disk is what is to be saved. */
static void check_flood(struct tree *t, int64_t now)
{
	int64_t ago, bytes = written(t, &ago), left = t->max_output - bytes;
	int64_t grown = bytes - t->flood_bytes;

	if (t->stopping == STOP_NO && left < 0) {
		begin_stop(t, OUTCOME_FLOOD);
	} else if (t->stopping == STOP_GRACE) {
		left = t->max_output > LAST_WORDS ? t->max_output : LAST_WORDS;
		left -= bytes - t->stopped_bytes;
		if (left < 0)
			begin_kill(t);
	}
	/* Seldom enough not to be felt, unless as much as since the last look
	 * will soon be too much: `yes` writes gigabytes a second. */
	t->flood_every_ms *= 2;
	if (t->flood_every_ms > FLOOD_EVERY_MS)
		t->flood_every_ms = FLOOD_EVERY_MS;
	if (grown > left / 2)
		t->flood_every_ms = FLOOD_SOON_MS;
	t->flood_bytes = bytes;
	t->flood_mono = now + t->flood_every_ms;
}

static int64_t earlier(int64_t a, int64_t b)
{
	return a == 0 || (b != 0 && b < a) ? b : a;
}

/* What the clocks ask for. Returns ms until the next look, -1 none. */
static int64_t check_limits(struct tree *t)
{
	int64_t now = clock_mono(), next = 0;

	if (t->paused)
		return -1;
	if (t->stopping == STOP_NO && !t->ended) {
		if (t->timeout_mono != 0 && now >= t->timeout_mono)
			begin_stop(t, OUTCOME_TIMEOUT);
		else if (t->idle_mono != 0 && now >= t->idle_mono)
			check_idle(t, now);
	}
	if (t->flood_mono != 0 && now >= t->flood_mono)
		check_flood(t, now);
	if (t->stopping == STOP_GRACE && t->grace_mono != 0 &&
	    now >= t->grace_mono)
		begin_kill(t);
	switch (t->stopping) {
	case STOP_NO:
		if (!t->ended)
			next = earlier(earlier(t->timeout_mono, t->idle_mono),
				t->flood_mono);
		break;
	case STOP_GRACE:
		next = earlier(t->grace_mono, t->flood_mono);
		break;
	case STOP_KILL:
		return KILL_EVERY_MS;
	}
	if (next == 0)
		return -1;
	return next > now ? next - now : 0;
}

void tree_obey(struct tree *t, int signo)
{
	switch (signo) {
	case SIGTERM:
		continue_tree(t);
		begin_stop(t, OUTCOME_INTERRUPTED);
		break;
	case SIGQUIT:
		continue_tree(t);
		if (t->cause == OUTCOME_NONE && !t->ended)
			t->cause = OUTCOME_INTERRUPTED;
		begin_kill(t);
		break;
	case SIGTSTP:
		pause_tree(t);
		break;
	case SIGCONT:
		continue_tree(t);
		break;
	}
}

void tree_begin(struct tree *t, pid_t pid)
{
	int64_t now = clock_mono();

	t->pid = pid;
	t->anchored = true;
	t->timeout_mono = t->timeout_ms != 0 ? now + t->timeout_ms : 0;
	t->idle_mono = t->idle_ms != 0 ? now + t->idle_ms : 0;
	t->flood_every_ms = FLOOD_SOON_MS;
	t->flood_mono = t->max_output != 0 ? now + FLOOD_SOON_MS : 0;
	t->looked_mono = now;
}

int64_t tree_look(struct tree *t)
{
	int64_t next;

	/* A step is over when its first process is: what it left behind is
	 * stopped like a step. */
	if (t->ended && t->stopping == STOP_NO)
		begin_stop(t, OUTCOME_NONE);
	if (t->ended && t->stopping == STOP_GRACE && !t->told_rest)
		tell_rest(t);
	next = check_limits(t);
	if (t->stopping == STOP_KILL) {
		/* among thousands who fork we would get no time to do so */
		os_hurry(true);
		if (freeze(t))
			t->give_up_mono = clock_mono() + KILL_FOR_MS;
		/* a daemon of somebody else's may have new children for ever */
		if (t->give_up_mono > t->kill_mono + KILL_MOST_MS)
			t->give_up_mono = t->kill_mono + KILL_MOST_MS;
		signal_tree(t, SIGKILL, true, &t->survivor);
		os_hurry(false);
		if (clock_mono() >= t->give_up_mono)
			return TREE_GIVE_UP;
	}
	return next;
}
