/* SPDX-License-Identifier: ISC */
#include "settle.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "io.h"
#include "mem.h"
#include "msg.h"

enum { SETTLED = 0, MISSING = 1, FAILED = 2 };

/* File times come from the kernel's tick, which is up to 10 ms behind the
 * clock (CONFIG_HZ=100). */
enum { TICK_MS = 10, DAY_MS = 86400000 };

static int sync_above(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *dir = slash == NULL ? mem_dup(".") :
		mem_dupn(path, slash == path ? 1 : (size_t)(slash - path));
	int ret = io_sync_dir(AT_FDCWD, dir);

	free(dir);
	return ret;
}

static int check_file(const char *path, int64_t since, bool fresh)
{
	struct stat st;
	int64_t changed;
	char when[CLOCK_SPAN], began[CLOCK_SPAN];
	int fd;

	if (stat(path, &st) != 0) {
		fprintf(stderr, "output %s: %s\n", path, strerror(errno));
		return MISSING;
	}
	if (S_ISREG(st.st_mode) && st.st_size == 0) {
		fprintf(stderr, "output %s is empty\n", path);
		return MISSING;
	}
	changed = (int64_t)st.st_ctim.tv_sec * 1000 +
		st.st_ctim.tv_nsec / 1000000;
	if (fresh && changed + TICK_MS < since) {
		/* to the second, where the time of day is enough */
		if (since - changed < DAY_MS / 2) {
			clock_stamp(changed, when);
			clock_stamp(since, began);
		} else {
			clock_local(changed, when);
			clock_local(since, began);
		}
		fprintf(stderr, "output %s is from %s, before the step began "
			"(%s); outputs_fresh = no if that is right\n", path,
			when, began);
		return MISSING;
	}
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd == -1 || io_sync_all(fd) == -1 || sync_above(path) == -1) {
		/* What cannot be synced (a pipe, a device) is not at risk. */
		if (fd == -1 || errno != EINVAL) {
			fprintf(stderr, "output %s: cannot make it durable: "
				"%s\n", path, strerror(errno));
			if (fd != -1)
				close(fd);
			return FAILED;
		}
	}
	close(fd);
	return SETTLED;
}

static int check_pattern(const char *pattern, int64_t since, bool fresh)
{
	glob_t found;
	int worst = SETTLED, one;
	size_t i;

	if (strpbrk(pattern, "*?[") == NULL)
		return check_file(pattern, since, fresh);
	switch (glob(pattern, 0, NULL, &found)) {
	case 0:
		break;
	case GLOB_NOMATCH:
		/* a file may really be called "a[1].txt" */
		if (access(pattern, F_OK) == 0)
			return check_file(pattern, since, fresh);
		fprintf(stderr, "output %s: no such file\n", pattern);
		return MISSING;
	default:
		fprintf(stderr, "output %s: cannot be looked for\n", pattern);
		return FAILED;
	}
	for (i = 0; i < found.gl_pathc; i++) {
		one = check_file(found.gl_pathv[i], since, fresh);
		if (one > worst)
			worst = one;
	}
	globfree(&found);
	return worst;
}

/* A copy of from at to, atomically. */
static int place(const char *from, const char *to)
{
	char *tmp = mem_printf("%s.durexec-new", to);
	int in = -1, out = -1, ret = FAILED;

	in = open(*from != '\0' ? from : "/dev/null", O_RDONLY | O_CLOEXEC);
	if (in != -1) {
		unlink(tmp);
		out = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC |
			O_NOFOLLOW, 0666);
	}
	if (in == -1 || out == -1 || io_copy(in, out) == -1 ||
	    io_sync(out) == -1 || rename(tmp, to) == -1 ||
	    sync_above(to) == -1) {
		fprintf(stderr, "stdout = %s: %s\n", to, strerror(errno));
		if (out != -1)
			unlink(tmp);
	} else {
		ret = SETTLED;
	}
	if (in != -1)
		close(in);
	if (out != -1)
		close(out);
	free(tmp);
	return ret;
}

int settle_main(int argc, char **argv)
{
	sigset_t all, before;
	int64_t since;
	int i, one, worst = SETTLED;

	if (argc < 4)
		return FAILED;
	/* Who stops now may switch off next: what the command made is on disk
	 * before that. */
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &before);
	since = strtoll(argv[0], NULL, 10);
	for (i = 4; i < argc; i++) {
		/* what is to be placed below cannot be there yet */
		if (strcmp(argv[i], argv[3]) == 0)
			continue;
		one = check_pattern(argv[i], since, argv[1][0] == '1');
		if (one > worst)
			worst = one;
	}
	sigprocmask(SIG_SETMASK, &before, NULL);
	if (worst == SETTLED && argv[3][0] != '\0')
		worst = place(argv[2], argv[3]);
	for (i = 4; i < argc && worst == SETTLED; i++)
		if (strcmp(argv[i], argv[3]) == 0)
			worst = check_pattern(argv[i], since, false);
	return worst;
}
