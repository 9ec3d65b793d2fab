/* SPDX-License-Identifier: ISC */

/*
 * cost COMMAND [ARG ...]
 *
 * Runs COMMAND and writes one line to descriptor 3: wall time in
 * microseconds, the largest resident set in kB (of COMMAND or of a descendant
 * that was waited for, whichever was larger), user and system time in
 * microseconds (of all of them together). Exits as COMMAND did, 128+n for
 * signal n.
 */

#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#define REPORT_FD 3

extern char **environ;

static long long
now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (long long)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static long long
tv_us(struct timeval tv)
{
	return (long long)tv.tv_sec * 1000000 + tv.tv_usec;
}

int
main(int argc, char **argv)
{
	struct rusage usage;
	long long began, took;
	int status, err;
	pid_t pid;

	if (argc < 2) {
		fprintf(stderr, "usage: cost COMMAND [ARG ...] 3>REPORT\n");
		return 2;
	}
	/* The command must not inherit where the report goes. */
	if (fcntl(REPORT_FD, F_SETFD, FD_CLOEXEC) == -1) {
		perror("cost: descriptor 3");
		return 2;
	}

	began = now_us();
	err = posix_spawnp(&pid, argv[1], NULL, NULL, argv + 1, environ);
	if (err != 0) {
		fprintf(stderr, "cost: %s: %s\n", argv[1], strerror(err));
		return 127;
	}
	while (wait4(pid, &status, 0, &usage) == -1) {
		if (errno != EINTR) {
			perror("cost: wait4");
			return 2;
		}
	}
	took = now_us() - began;

	dprintf(REPORT_FD, "%lld %ld %lld %lld\n", took, usage.ru_maxrss,
	    tv_us(usage.ru_utime), tv_us(usage.ru_stime));
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) :
	    WEXITSTATUS(status);
}
