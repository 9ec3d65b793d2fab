/* SPDX-License-Identifier: ISC */
/*
 * bomb: forks without end, and obeys no signal. It is bounded, so that a test
 * that fails does not take the machine with it: at most LIVE (APART) more
 * processes than there were, FORKS in all, and SECONDS.
 *
 *	bomb grow	each process forks for as long as it lives
 *	bomb run	each forks once and is gone: none stays long under one pid
 *	… apart		and each has a session of its own
 *
 * FILE ("bomb.expired") appears when it ends by itself.
 */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define FILE_NAME "bomb.expired"

/* Those in one group die by one kill(2); the others have to be found faster
 * than they fork, so there are more of them. */
enum { LIVE = 400, APART = 1500, FORKS = 200000, SECONDS = 25,
	RUNNERS = 8 };

static atomic_long *forks;
static time_t ends;
static long most;

static time_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec;
}

/* Processes and threads of the machine: the 4th field, after the slash. */
static long living(void)
{
	char text[128] = "", *p;
	int fd = open("/proc/loadavg", O_RDONLY);

	if (fd == -1 || read(fd, text, sizeof(text) - 1) <= 0)
		_exit(1);
	close(fd);
	p = strchr(text, '/');
	return p != NULL ? strtol(p + 1, NULL, 10) : 0;
}

static void expire_if_due(void)
{
	if (atomic_load(forks) < FORKS && now() < ends)
		return;
	close(open(FILE_NAME, O_WRONLY | O_CREAT, 0600));
	_exit(1);
}

static void go(bool stays, bool apart)
{
	for (;;) {
		pid_t pid = -1;

		expire_if_due();
		if (living() < most) {
			atomic_fetch_add(forks, 1);
			pid = fork();
		}
		if (pid == -1) {
			sched_yield();
		} else if (pid == 0) {
			if (apart)
				setsid();
		} else if (!stays) {
			_exit(0);
		}
	}
}

int main(int argc, char **argv)
{
	bool stays = argc > 1 && strcmp(argv[1], "grow") == 0;
	bool apart = argc > 2 && strcmp(argv[2], "apart") == 0;
	int i;

	if (argc < 2)
		return 2;
	for (i = 1; i < NSIG; i++)
		signal(i, i == SIGCHLD ? SIG_DFL : SIG_IGN);
	forks = mmap(NULL, sizeof(*forks), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (forks == MAP_FAILED)
		return 2;
	ends = now() + SECONDS;
	most = living() + (apart ? APART : LIVE);
	for (i = 1; i < RUNNERS; i++)
		if (fork() == 0)
			go(stays, apart);
	if (!stays)
		/* the step's first process stays, the others run */
		for (;;) {
			expire_if_due();
			usleep(10000);
		}
	go(stays, apart);
}
