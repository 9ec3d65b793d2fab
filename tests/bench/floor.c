/* SPDX-License-Identifier: ISC */

/*
 * floor N JOBS COMMAND [ARG ...]
 *
 * The least that running N commands, JOBS at a time, can cost: posix_spawn
 * and wait in a loop, with no record of anything. Prints the microseconds a
 * command took. The other tools are measured against it.
 */

#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

extern char **environ;

static double
now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

static long
count(const char *text)
{
	char *end;
	long n = strtol(text, &end, 10);

	return *text == '\0' || *end != '\0' ? -1 : n;
}

int
main(int argc, char **argv)
{
	long total, jobs, started = 0, running = 0;
	double began;

	if (argc < 4 || (total = count(argv[1])) < 1 ||
	    (jobs = count(argv[2])) < 1) {
		fprintf(stderr, "usage: floor N JOBS COMMAND [ARG ...]\n");
		return 2;
	}

	began = now_us();
	while (started < total || running > 0) {
		int status;

		if (started < total && running < jobs) {
			pid_t pid;
			int err = posix_spawn(&pid, argv[3], NULL, NULL,
			    argv + 3, environ);

			if (err != 0) {
				fprintf(stderr, "floor: %s: %s\n", argv[3],
				    strerror(err));
				return 1;
			}
			started++;
			running++;
			continue;
		}
		if (wait(&status) == -1) {
			if (errno == EINTR)
				continue;
			perror("floor: wait");
			return 1;
		}
		running--;
		if (status != 0) {
			fprintf(stderr, "floor: %s: wait status %#x\n",
			    argv[3], (unsigned int)status);
			return 1;
		}
	}
	printf("%.1f\n", (now_us() - began) / (double)total);
	return 0;
}
