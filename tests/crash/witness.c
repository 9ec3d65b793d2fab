/* SPDX-License-Identifier: ISC */
/*
 * witness: the command of a step that tells, outside the run, what was really
 * executed. It appends to $WITNESS/seen, a line each:
 *   begin NAME ATTEMPT PID, end NAME ATTEMPT PID, overlap NAME ATTEMPT PID
 * where NAME is STEP, STEP[ITEM] or, with -n, STEP/SUB. "overlap": another one
 * of that name was still there (it holds a lock for as long as it lives).
 *
 * witness [-n SUB] [-t TEXT] [-o FILE] [-f N] [-w NAME] [-s MS]
 *   -t TEXT on stdout   -o FILE is made   -f exit 7 in the first N attempts
 *   -w NAME=VALUE goes to $DUREXEC_OUTPUT   -s takes so long
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

static char name[4300];
static const char *attempt;
static int seen;

static const char *variable(const char *key)
{
	const char *value = getenv(key);

	return value != NULL ? value : "";
}

static void put(const char *path, int flags, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0644);

	if (fd == -1 || write(fd, text, strlen(text)) == -1 ||
	    write(fd, "\n", 1) == -1) {
		perror(path);
		exit(3);
	}
	close(fd);
}

static void say(const char *what)
{
	char line[4400];
	int n = snprintf(line, sizeof(line), "%s %s %s %d\n", what, name,
		attempt, (int)getpid());

	if (write(seen, line, (size_t)n) != n)
		exit(3);
}

static void lock(const char *dir)
{
	char path[4400];
	int fd;

	snprintf(path, sizeof(path), "%s/lock-%s", dir, name);
	for (char *p = path + strlen(dir) + 1; *p != '\0'; p++)
		if (*p == '/')
			*p = '_';
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	if (fd == -1)
		exit(3);
	if (flock(fd, LOCK_EX | LOCK_NB) == -1)
		say("overlap");
	/* never closed: held until the end */
}

int main(int argc, char **argv)
{
	const char *dir = getenv("WITNESS"), *item = variable("DUREXEC_ITEM");
	const char *sub = NULL, *text = NULL, *file = NULL, *out = NULL;
	int fails = 0, ms = 0, c;
	char path[4200];

	while ((c = getopt(argc, argv, "n:t:o:f:w:s:")) != -1)
		switch (c) {
		case 'n': sub = optarg; break;
		case 't': text = optarg; break;
		case 'o': file = optarg; break;
		case 'f': fails = atoi(optarg); break;
		case 'w': out = optarg; break;
		case 's': ms = atoi(optarg); break;
		default: return 3;
		}
	if (dir == NULL)
		return 3;
	attempt = variable("DUREXEC_ATTEMPT");
	snprintf(name, sizeof(name), "%s%s%s%s%s%s", variable("DUREXEC_STEP"),
		*item != '\0' ? "[" : "", item, *item != '\0' ? "]" : "",
		sub != NULL ? "/" : "", sub != NULL ? sub : "");
	snprintf(path, sizeof(path), "%s/seen", dir);
	seen = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	if (seen == -1)
		return 3;
	lock(dir);
	say("begin");
	if (text != NULL) {
		puts(text);
		fflush(stdout);
	}
	if (ms > 0)
		nanosleep(&(struct timespec){ ms / 1000, ms % 1000 * 1000000L },
			NULL);
	if (file != NULL)
		put(file, O_TRUNC, text != NULL ? text : "made");
	if (out != NULL)
		put(variable("DUREXEC_OUTPUT"), O_APPEND, out);
	say("end");
	return atoi(attempt) <= fails ? 7 : 0;
}
