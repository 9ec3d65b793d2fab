/* SPDX-License-Identifier: ISC */
#include "watch.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "io.h"
#include "keeper.h"
#include "mem.h"
#include "os.h"
#include "spawn.h"

extern char **environ;

static void nap(long ms)
{
	struct timespec ts = { ms / 1000, ms % 1000 * 1000000 };

	nanosleep(&ts, NULL);
}

/* Open and lock the mailbox, with room for what the keeper will write: a full
 * disk must not keep it from saying how a step ended. HELD: it is somebody's. */
enum { HELD = -2 };

static int open_mailbox(const struct watch *w, int dirfd, struct why *why)
{
	/* Who asks whether it is held (status) holds it for an instant. */
	enum { TRIES = 5 };
	char name[MAILBOX_NAME], last;
	struct stat st;
	int fd, i;

	mailbox_name(w->number, name);
	fd = io_open(dirfd, name, O_RDWR | O_CREAT | O_APPEND);
	/* what is no file of ours is as little for us as another keeper's */
	if (fd == -1 && (errno == ELOOP || errno == ENXIO || errno == EMLINK ||
	    errno == EISDIR))
		return HELD;
	if (fd == -1)
		return why_sys(why, "cannot create %s", name);
	for (i = 0; i < TRIES && flock(fd, LOCK_EX | LOCK_NB) != 0; i++) {
		if (errno != EWOULDBLOCK && errno != EINTR) {
			why_sys(why, "cannot lock %s", name);
			close(fd);
			return -1;
		}
		nap(1);
	}
	if (i == TRIES) {
		close(fd);
		return HELD;
	}
	/* A line that a crash tore must not swallow the keeper's first one. */
	if (fstat(fd, &st) == 0 && st.st_size > 0 &&
	    pread(fd, &last, 1, st.st_size - 1) == 1 && last != '\n' &&
	    io_write(fd, "\n", 1) == -1) {
		why_sys(why, "cannot write %s", name);
		close(fd);
		return -1;
	}
	if (mailbox_reserve(fd) == -1) {
		why_sys(why, "no room for %s", name);
		close(fd);
		return -1;
	}
	return fd;
}

int watch_start(struct watch *w, int dirfd, struct why *why)
{
	static char *argv[] = { (char *)"durexec-keeper", (char *)"keeper",
		NULL };
	struct spawn s = { .argv = argv, .envp = environ, .umask = -1,
		.program = "/proc/self/exe", .session = true,
		.die_with_us = dirfd == -1 };
	enum spawn_stage stage;
	int pair[2] = { -1, -1 }, box = -1, null = -1, ret = -1;

	w->pidfd = w->sock = -1;
	box = dirfd != -1 ? open_mailbox(w, dirfd, why) :
		memfd_create("mailbox", MFD_CLOEXEC);
	if (box == HELD)
		return 1;
	if (box == -1) {
		if (dirfd == -1)
			why_sys(why, "cannot create a mailbox in memory");
		return -1;
	}
	if (dirfd != -1 && io_sync_all(dirfd) == -1) {
		why_sys(why, "cannot sync the run directory");
		goto out;
	}
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == -1) {
		why_sys(why, "cannot create a socket pair");
		goto out;
	}
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	s.fd[0] = s.fd[1] = s.fd[2] = null;
	s.fd[KEEPER_SOCKET] = pair[1];
	s.fd[KEEPER_MAILBOX] = box;
	s.fd[KEEPER_RUNDIR] = dirfd != -1 ? dirfd : null;
	s.nfds = KEEPER_RUNDIR + 1;
	w->pid = spawn(&s, &stage);
	if (w->pid == -1) {
		why_sys(why, "cannot start a keeper (/proc/self/exe)");
		goto out;
	}
	w->pidfd = os_pidfd(w->pid);
	w->sock = pair[0];
	pair[0] = -1;
	ret = 0;
out:
	/* The mailbox lock lives on in the keeper alone. */
	if (box != -1)
		close(box);
	if (null != -1)
		close(null);
	if (pair[0] != -1)
		close(pair[0]);
	if (pair[1] != -1)
		close(pair[1]);
	return ret;
}

int watch_send(struct watch *w, const struct buf *message, int fd)
{
	if (job_send(w->sock, message, fd) == 0)
		return 0;
	/* For lack of memory, say: half a message is none, and a keeper that
	 * waits for the other half must end, or nobody ever hears of it. */
	shutdown(w->sock, SHUT_RDWR);
	return -1;
}

int watch_receive(struct watch *w, struct report *report)
{
	return io_read(w->sock, report, sizeof(*report)) ==
		(ssize_t)sizeof(*report);
}

void watch_signal(const struct watch *w, int signo)
{
	if (w->pidfd != -1)
		(void)os_pidfd_signal(w->pidfd, signo);
}

void watch_close(struct watch *w)
{
	if (w->sock != -1)
		close(w->sock);
	if (w->pidfd != -1)
		close(w->pidfd);
	w->sock = w->pidfd = -1;
}

enum adoption watch_adopt(struct watch *w, int dirfd, int number,
	const char *step, int attempt, const char *phase, int64_t turn,
	bool same_boot,
	struct mail *mail)
{
	/* A keeper that lives says so within milliseconds of its start. */
	enum { TRIES = 500 };
	int i;

	w->number = number;
	w->pid = 0;
	w->pidfd = w->sock = -1;
	for (i = 0; i < TRIES; i++) {
		switch (mailbox_read(dirfd, number, step, attempt, phase, turn,
		    mail)) {
		case -1:
			return ADOPT_UNKNOWN;
		case 0:
			return same_boot ? ADOPT_NEVER : ADOPT_LOST;
		}
		if (!mail->held)
			break;
		if (mail->keeper == 0 ||
		    strcmp(mail->boot, os_boot_id()) != 0) {
			nap(10);
			continue;
		}
		w->pidfd = os_pidfd(mail->keeper);
		if (w->pidfd == -1 && errno != ESRCH)
			return ADOPT_UNKNOWN;
		/* Still held: then the pid is the holder's. */
		if (w->pidfd != -1 && mailbox_held(dirfd, number) == 1) {
			w->pid = mail->keeper;
			return ADOPT_LIVES;
		}
		watch_close(w);
		nap(1);
	}
	/* Held by somebody who does not say who he is: not to be touched. */
	if (mail->held) {
		errno = EBUSY;
		return ADOPT_UNKNOWN;
	}
	if (mail->ended)
		return ADOPT_ENDED;
	/* After a power cut what the mailbox lacks may have been there. */
	return mail->taken || !same_boot ? ADOPT_LOST : ADOPT_NEVER;
}

int watch_sweep(int dirfd, const char *const *logs, int nlogs,
	const char *mark, pid_t *left, struct why *why)
{
	enum { FILES = 4, FOR_MS = 5000, EVERY_MS = 20 };
	int64_t until = clock_mono() + FOR_MS;
	struct os_file file[FILES];
	/* calls of `durexec step` have keys below the step's */
	char *below = mem_printf("%s/", mark);
	struct stat st;
	int n = 0, i, ret = 0;
	pid_t last = 0;

	for (i = 0; i < nlogs && n < FILES; i++) {
		if (fstatat(dirfd, logs[i], &st, AT_SYMLINK_NOFOLLOW) != 0)
			continue;
		file[n].dev = st.st_dev;
		file[n].ino = st.st_ino;
		n++;
	}
	for (;;) {
		int found = os_kill_marked(mark, file, n, 0, &last);
		int more = os_kill_marked(below, NULL, 0, 0, &last);

		if (found == 0 && more == 0)
			break;
		*left = last;
		if (clock_mono() > until && last == 0) {
			ret = why_sys(why, "cannot look for what a killed "
				"attempt left");
			break;
		}
		if (clock_mono() > until) {
			ret = why_set(why, "process %ld, left of a killed "
				"attempt, cannot be killed", (long)last);
			break;
		}
		nap(EVERY_MS);
	}
	free(below);
	return ret;
}
