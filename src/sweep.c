/* SPDX-License-Identifier: ISC */
#include "sweep.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "io.h"
#include "mailbox.h"
#include "mem.h"
#include "os.h"
#include "spawn.h"

extern char **environ;

#define HIDDEN ".gone."

enum {
	/* Removed while a person waits: some milliseconds. */
	FEW = 1000,
	/* Directories inside each other, each with a descriptor while it is
	 * emptied. What lies deeper is moved up first. */
	DEEPEST = 40,
	/* A start makes its run within this. */
	YOUNG_MS = 60 * 60 * 1000,
	/* Of a state file; its last record is shorter by far. */
	TAIL = 16 * 1024,
};

/* 20261121T140200.123-a1b2c3: nothing else in a home is removed. */
static bool is_id(const char *name)
{
	static const char like[] = "00000000T000000.000-";
	size_t i;

	for (i = 0; like[i] != '\0'; i++)
		if (like[i] == '0' ? !isdigit((unsigned char)name[i]) :
		    name[i] != like[i])
			return false;
	return true;
}

static int open_dir(int dirfd, const char *name)
{
	return openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC |
		O_NOFOLLOW);
}

/* The next entry that is not the directory itself; NULL: no more. */
static const char *next_entry(DIR *dir)
{
	struct dirent *e;

	do
		e = readdir(dir);
	while (e != NULL && (strcmp(e->d_name, ".") == 0 ||
	    strcmp(e->d_name, "..") == 0));
	return e != NULL ? e->d_name : NULL;
}

/* fd is taken over. */
static DIR *read_dir(int fd)
{
	DIR *dir = fd != -1 ? mem_of(fdopendir(fd)) : NULL;

	if (dir == NULL && fd != -1)
		close(fd);
	return dir;
}

bool sweep_is_over(const struct home *h, const char *id)
{
	char *path = mem_printf("%s/state", id), text[TAIL + 1], type[16] = "";
	int fd = io_open(h->fd, path, O_RDONLY);
	char *line;
	off_t end = fd != -1 ? lseek(fd, 0, SEEK_END) : -1;
	ssize_t n = 0;

	free(path);
	if (end > 0)
		n = pread(fd, text, TAIL, end > TAIL ? end - TAIL : 0);
	if (fd != -1)
		close(fd);
	if (n <= 0 || text[n - 1] != '\n')
		return false;
	text[n - 1] = '\0';
	line = strrchr(text, '\n');
	return sscanf(line != NULL ? line + 1 : text, "%*s %*s %15s",
		type) == 1 && strcmp(type, "close") == 0;
}

char **sweep_list(const struct home *h, bool newest_too, size_t keep,
	size_t *n)
{
	size_t all, i, left = 0;
	char **runs = home_runs(h, &all);

	*n = 0;
	keep += !newest_too;
	for (i = 0; i < all; i++)
		if (is_id(runs[i]))
			runs[left++] = runs[i];
		else
			free(runs[i]);
	for (i = 0; i < left; i++)
		if (i + keep < left)
			runs[(*n)++] = runs[i];
		else
			free(runs[i]);
	return runs;
}

/* Does one of its keepers live? */
static bool is_busy(int runfd)
{
	DIR *dir = read_dir(open_dir(runfd, "."));
	const char *name;
	/* what cannot be read may be */
	bool busy = dir == NULL;
	int number;

	while (dir != NULL && !busy && (name = next_entry(dir)) != NULL)
		busy = sscanf(name, "keeper.%d", &number) == 1 &&
			mailbox_held(runfd, number) != 0;
	if (dir != NULL)
		closedir(dir);
	return busy;
}

int sweep_hide(const struct home *h, const char *id, struct why *why)
{
	int fd = open_dir(h->fd, id), ret = -1;
	char *name = mem_printf(HIDDEN "%s", id);

	if (fd == -1)
		why_sys(why, "run %s", id);
	else if (is_busy(fd))
		why_set(why, "run %s: a step of it still runs", id);
	else if (renameat(h->fd, id, h->fd, name) == -1)
		why_sys(why, "cannot rename run %s", id);
	else
		ret = 0;
	if (fd != -1)
		close(fd);
	free(name);
	return ret;
}

static bool is_empty(int dirfd, const char *name)
{
	DIR *dir = read_dir(open_dir(dirfd, name));
	bool empty = dir == NULL || next_entry(dir) == NULL;

	if (dir != NULL)
		closedir(dir);
	return empty;
}

/* A run has a state file before anything of it is begun. */
static bool is_unfinished(const struct home *h, const char *id)
{
	int fd = open_dir(h->fd, id);
	struct stat st;
	bool is = false;

	if (fd != -1) {
		is = fstat(fd, &st) == 0 && clock_wall() - YOUNG_MS >
			(int64_t)st.st_mtime * 1000 &&
			fstatat(fd, "state", &st, AT_SYMLINK_NOFOLLOW) == -1 &&
			errno == ENOENT && is_empty(fd, "log") &&
			is_empty(fd, "dir") && !is_busy(fd);
		close(fd);
	}
	return is;
}

void sweep_hide_unfinished(const struct home *h)
{
	size_t n, i;
	char **name = rundir_names(h->path, &n);

	for (i = 0; i < n; i++)
		if (is_id(name[i]) && is_unfinished(h, name[i]))
			(void)sweep_hide(h, name[i], NULL);
	home_runs_free(name, n);
}

struct sweep {
	dev_t dev;
	int top;		/* the directory that is emptied */
	bool counts;		/* nothing is removed */
	bool moved;		/* something up to the top */
	bool left;		/* something could not be removed */
	long most;		/* entries that may still be looked at */
	int number;		/* for new names at the top */
	int64_t bytes;
};

static void move_up(struct sweep *sw, int fd, const char *name)
{
	char up[32];
	int ret;

	do {
		snprintf(up, sizeof(up), HIDDEN "%d", sw->number++);
		ret = renameat(fd, name, sw->top, up);
	} while (ret == -1 && (errno == ENOTEMPTY || errno == EEXIST));
	sw->moved |= ret == 0;
	sw->left |= ret == -1;
}

static bool gone(int fd, const char *name, int flags)
{
	if (unlinkat(fd, name, flags) == 0 || errno == ENOENT)
		return true;
	/* a tree that its step made read only */
	return errno == EACCES && fchmod(fd, 0700) == 0 &&
		unlinkat(fd, name, flags) == 0;
}

/* fd is taken over. */
static void empty(struct sweep *sw, int fd, int depth)
{
	DIR *dir = read_dir(fd);
	const char *name;
	struct stat st;

	sw->left |= dir == NULL;
	while (dir != NULL && (name = next_entry(dir)) != NULL) {
		if (sw->most-- <= 0) {
			sw->left = true;
			break;
		}
		if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) == -1)
			continue;
		if (!S_ISDIR(st.st_mode)) {
			/* what has another name besides is not gone */
			if (S_ISREG(st.st_mode) && st.st_nlink == 1)
				sw->bytes += st.st_size;
			if (!sw->counts && !gone(fd, name, 0))
				sw->left = true;
			continue;
		}
		if (st.st_dev != sw->dev) {
			sw->left = true;
			continue;
		}
		if (depth == DEEPEST) {
			if (!sw->counts)
				move_up(sw, fd, name);
			continue;
		}
		empty(sw, open_dir(fd, name), depth + 1);
		if (!sw->counts && !gone(fd, name, AT_REMOVEDIR))
			sw->left = true;
	}
	if (dir != NULL)
		closedir(dir);
}

static void sweep_one(struct sweep *sw, const struct home *h,
	const char *name)
{
	struct stat st;

	sw->top = open_dir(h->fd, name);
	if (sw->top == -1 || fstat(sw->top, &st) == -1 ||
	    fstatat(h->fd, ".", &st, 0) == -1) {
		sw->left |= errno != ENOENT;
	} else {
		sw->dev = st.st_dev;
		do {
			sw->moved = false;
			empty(sw, open_dir(sw->top, "."), 0);
		} while (sw->moved && sw->most > 0);
		if (!sw->counts && !gone(h->fd, name, AT_REMOVEDIR))
			sw->left = true;
	}
	if (sw->top != -1)
		close(sw->top);
}

int64_t sweep_bytes(const struct home *h, const char *id)
{
	struct sweep sw = { .counts = true, .most = LONG_MAX };

	sweep_one(&sw, h, id);
	return sw.bytes;
}

bool sweep_hidden(const struct home *h, long most, int64_t *bytes)
{
	struct sweep sw = { .most = most };
	DIR *dir = read_dir(open_dir(h->fd, "."));
	const char *name;

	while (dir != NULL && (name = next_entry(dir)) != NULL)
		if (strncmp(name, HIDDEN, strlen(HIDDEN)) == 0 &&
		    is_id(name + strlen(HIDDEN)))
			sweep_one(&sw, h, name);
	if (dir != NULL)
		closedir(dir);
	*bytes += sw.bytes;
	return !sw.left;
}

void sweep_later(const struct home *h)
{
	static char *argv[] = { (char *)"durexec-sweep", (char *)"sweep",
		NULL };
	struct spawn s = { .argv = argv, .envp = environ, .umask = -1,
		.program = "/proc/self/exe", .session = true, .nice = 19 };
	enum spawn_stage stage;
	int64_t bytes = 0;
	int null;

	if (sweep_hidden(h, FEW, &bytes))
		return;
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	s.fd[0] = h->fd;
	s.fd[1] = s.fd[2] = null;
	s.nfds = 3;
	/* What cannot be done now is done by the next start. */
	if (null != -1) {
		(void)spawn(&s, &stage);
		close(null);
	}
}

int sweep_main(void)
{
	struct home h = { .fd = STDIN_FILENO };
	int64_t bytes = 0;

	os_close_from(STDERR_FILENO + 1);
	return sweep_hidden(&h, LONG_MAX, &bytes) ? 0 : 1;
}
