/* SPDX-License-Identifier: ISC */
#include "rundir.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "io.h"
#include "mem.h"

static char *absolute(const char *path, const char *dir)
{
	char *all = path[0] == '/' ? mem_dup(path) :
		mem_printf("%s/%s", dir, path);
	size_t n = strlen(all);

	/* a slash at its end would follow a link before it is looked at */
	while (n > 1 && all[n - 1] == '/')
		all[--n] = '\0';
	return all;
}

char *rundir_base(const struct pipeline *p, const char *option)
{
	const char *env = getenv("DUREXEC_STATE_DIR");
	char *cwd, *base;

	if (option == NULL && p != NULL && p->state_dir != NULL)
		return absolute(p->state_dir, p->dir);
	if (option == NULL && env != NULL && *env != '\0')
		option = env;
	if (option == NULL && p != NULL)
		return mem_printf("%s/.durexec", p->dir);
	cwd = getcwd(NULL, 0);
	base = absolute(option != NULL ? option : ".durexec",
		cwd != NULL ? cwd : ".");
	free(cwd);
	return base;
}

char *rundir_state_home(void)
{
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
	const struct passwd *user;

	/* a relative one is to be ignored, says the specification */
	if (state != NULL && state[0] == '/')
		return mem_printf("%s/durexec", state);
	if (home == NULL || home[0] != '/') {
		user = getpwuid(getuid());
		home = user != NULL ? user->pw_dir : NULL;
	}
	return home != NULL && home[0] == '/' ?
		mem_printf("%s/.local/state/durexec", home) : NULL;
}

static int by_name(const void *a, const void *b)
{
	const struct param *const *x = a, *const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

static void add_safe(struct buf *out, const char *s, const char *plain)
{
	for (; *s != '\0'; s++) {
		if (isalnum((unsigned char)*s) || strchr(plain, *s) != NULL)
			buf_char(out, *s);
		else
			buf_printf(out, "%%%02X", (unsigned char)*s);
	}
}

/* A directory entry takes 255 bytes, and people look at it: what was added to
 * out behind `start`, cut if need be, with what tells it from others. */
enum { LONGEST = 120 };

static void cut_long(struct buf *out, size_t start, uint64_t id)
{
	out->len = start + LONGEST - strlen("~0123456789abcdef");
	buf_printf(out, "~%016llx", (unsigned long long)id);
}

char *rundir_name(const struct pipeline *p)
{
	const struct param **given = mem_alloc(
		(size_t)(p->nparams + 1) * sizeof(*given));
	struct buf out = { 0 };
	size_t n = 0, i;

	for (i = 0; i < (size_t)p->nparams; i++)
		if (p->param[i].given)
			given[n++] = &p->param[i];
	qsort(given, n, sizeof(*given), by_name);
	/* Of a file called "...ini" the name is ".."; and what begins with a
	 * dot is hidden. */
	if (p->name[0] == '.')
		buf_str(&out, "%2E");
	add_safe(&out, p->name + (p->name[0] == '.'), "._-+");
	for (i = 0; i < n; i++) {
		buf_char(&out, i == 0 ? '@' : ',');
		add_safe(&out, given[i]->name, "._-+");
		buf_char(&out, '=');
		add_safe(&out, given[i]->value, "._-+");
	}
	free(given);
	if (out.len > LONGEST)
		cut_long(&out, 0, table_hash(TABLE_HASH_START, out.data,
			out.len));
	return buf_steal(&out);
}

/* A link that somebody else has made leads to where he wants us. */
static int check_link(const char *path, struct why *why)
{
	struct stat st;

	if (lstat(path, &st) != 0 || !S_ISLNK(st.st_mode) ||
	    st.st_uid == geteuid() || st.st_uid == 0)
		return 0;
	errno = EPERM;
	return why_set(why, "the state directory %s is a link of user %ld's; "
		"name one of your own with --state-dir", path, (long)st.st_uid);
}

/* A directory of ours that nobody else writes to. */
static int open_ours(int dirfd, const char *name, const char *shown,
	struct why *why)
{
	struct stat st;
	int fd;

	if (dirfd == AT_FDCWD && check_link(name, why) == -1)
		return -1;
	fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC |
		(dirfd == AT_FDCWD ? 0 : O_NOFOLLOW));
	if (fd == -1)
		return why_sys(why, "cannot open the directory %s", shown);
	if (fstat(fd, &st) != 0) {
		why_sys(why, "cannot look at %s", shown);
	} else if (st.st_uid != geteuid()) {
		errno = EPERM;
		why_set(why, "the state directory %s belongs to user %ld, not "
			"to you (user %ld); name one of your own with "
			"--state-dir", shown, (long)st.st_uid, (long)geteuid());
	} else if (st.st_mode & (S_IWGRP | S_IWOTH)) {
		why_set(why, "others can write to the state directory %s; "
			"type: chmod go-w %s", shown, shown);
	} else {
		return fd;
	}
	close(fd);
	return -1;
}

/* mkdir -p, each new level synced into the one above. */
static int make_path(const char *path, struct why *why)
{
	char *copy = mem_dup(path), *slash = copy;
	int ret = 0;

	while (ret == 0 && slash != NULL) {
		slash = strchr(slash + 1, '/');
		if (slash != NULL)
			*slash = '\0';
		if (mkdir(copy, 0700) == 0) {
			char *up = mem_printf("%s/..", copy);

			if (io_sync_dir(AT_FDCWD, up) == -1)
				ret = why_sys(why, "cannot sync %s", up);
			free(up);
		} else if (errno != EEXIST) {
			ret = errno == ENOSPC || errno == EDQUOT ?
				why_sys(why, "cannot create the directory %s",
				copy) :
				why_sys(why, "cannot create the directory %s "
				"(--state-dir DIR names another place)", copy);
		}
		if (slash != NULL)
			*slash = '/';
	}
	free(copy);
	return ret;
}

static int make_dir(int dirfd, const char *name, const char *shown,
	struct why *why)
{
	if (mkdirat(dirfd, name, 0700) == -1) {
		if (errno == EEXIST)
			return 0;
		return why_sys(why, "cannot create the directory %s", shown);
	}
	if (io_sync_all(dirfd) == -1)
		return why_sys(why, "cannot sync the directory above %s",
			shown);
	return 0;
}

static int make_base(const char *base, struct why *why)
{
	const char *last = strrchr(base, '/');
	struct stat st;
	int fd;

	if (make_path(base, why) == -1)
		return -1;
	fd = open_ours(AT_FDCWD, base, base, why);
	if (fd == -1)
		return -1;
	/* Best effort: of two that start at once, one loses the race for it. */
	if (last != NULL && strcmp(last, "/.durexec") == 0 &&
	    fstatat(fd, ".gitignore", &st, AT_SYMLINK_NOFOLLOW) != 0)
		(void)io_replace(fd, ".gitignore", "*\n", 2, NULL);
	return fd;
}

int home_open(struct home *h, const char *base, const char *name, bool create,
	struct why *why)
{
	int base_fd;

	memset(h, 0, sizeof(*h));
	h->fd = h->lock = -1;
	h->base = mem_dup(base);
	h->name = mem_dup(name);
	h->path = mem_printf("%s/%s", base, name);
	if (create)
		base_fd = make_base(base, why);
	else if (access(base, F_OK) != 0)
		return errno == ENOENT || errno == ENOTDIR ? 0 :
			why_sys(why, "cannot look at %s", base);
	else
		base_fd = open_ours(AT_FDCWD, base, base, why);
	if (base_fd == -1)
		return -1;
	if (create && make_dir(base_fd, name, h->path, why) == -1) {
		close(base_fd);
		return -1;
	}
	if (create || faccessat(base_fd, name, F_OK, 0) == 0)
		h->fd = open_ours(base_fd, name, h->path, why);
	else
		h->fd = -2;
	close(base_fd);
	if (h->fd == -1)
		return -1;
	if (h->fd == -2)
		h->fd = -1;
	return 0;
}

void home_close(struct home *h)
{
	if (h->lock != -1)
		close(h->lock);
	if (h->fd != -1)
		close(h->fd);
	free(h->base);
	free(h->name);
	free(h->path);
	memset(h, 0, sizeof(*h));
	h->fd = h->lock = -1;
}

static int open_lock(struct home *h)
{
	if (h->lock == -1 && h->fd != -1)
		h->lock = openat(h->fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC |
			O_NOFOLLOW, 0600);
	return h->lock;
}

static struct flock whole_file(void)
{
	struct flock fl = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	return fl;
}

int home_lock(struct home *h, pid_t *holder, struct why *why)
{
	struct flock fl;

	if (open_lock(h) == -1)
		return why_sys(why, "cannot open %s/lock", h->path);
	for (;;) {
		fl = whole_file();
		if (fcntl(h->lock, F_SETLK, &fl) == 0) {
			h->locked = true;
			return 0;
		}
		if (errno != EACCES && errno != EAGAIN)
			return why_sys(why, "cannot lock %s/lock", h->path);
		fl = whole_file();
		if (fcntl(h->lock, F_GETLK, &fl) == 0 &&
		    fl.l_type == F_UNLCK)
			continue;	/* just released */
		*holder = fl.l_pid;
		return 1;
	}
}

void home_unlock(struct home *h)
{
	struct flock fl = whole_file();

	fl.l_type = F_UNLCK;
	if (h->locked)
		fcntl(h->lock, F_SETLK, &fl);
	h->locked = false;
}

pid_t home_holder(struct home *h)
{
	struct flock fl = whole_file();

	/* Read access is enough to ask, and creates nothing. */
	if (h->lock == -1 && h->fd != -1)
		h->lock = openat(h->fd, "lock", O_RDWR | O_CLOEXEC |
			O_NOFOLLOW);
	if (h->lock == -1 || fcntl(h->lock, F_GETLK, &fl) != 0 ||
	    fl.l_type == F_UNLCK)
		return 0;
	return fl.l_pid;
}

/* What is below them is opened by its path: none of them may be a link. */
static int check_places(const struct rundir *d, struct why *why)
{
	static const char *const place[] = { "log", "dir", "output", "sub" };
	struct stat st;
	size_t i;

	for (i = 0; i < sizeof(place) / sizeof(place[0]); i++) {
		if (fstatat(d->fd, place[i], &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    !S_ISDIR(st.st_mode))
			return why_set(why, "%s/%s is no directory", d->path,
				place[i]);
	}
	return 0;
}

static int open_run(struct rundir *d, const struct home *h, struct why *why)
{
	d->path = mem_printf("%s/%s", h->path, d->id);
	d->log_fd = -1;
	d->fd = open_ours(h->fd, d->id, d->path, why);
	if (d->fd == -1)
		return -1;
	d->log_fd = openat(d->fd, "log", O_RDONLY | O_DIRECTORY | O_CLOEXEC |
		O_NOFOLLOW);
	if (d->log_fd == -1)
		return why_sys(why, "cannot open %s/log", d->path);
	return check_places(d, why);
}

int rundir_create(struct rundir *d, const struct home *h, struct why *why)
{
	static const char *const sub[] = { "log", "dir", "output" };
	int64_t now = clock_wall();
	time_t t = (time_t)(now / 1000);
	unsigned char random[3];
	char when[32];
	struct tm tm;
	int made = -1;
	size_t i;

	memset(d, 0, sizeof(*d));
	d->fd = d->log_fd = -1;
	/* Sorted by name is sorted by time; the rest keeps two machines on
	 * one disk, and two pipelines of one second, apart. */
	gmtime_r(&t, &tm);
	strftime(when, sizeof(when), "%Y%m%dT%H%M%S", &tm);
	while (made == -1) {
		if (getrandom(random, sizeof(random), 0) !=
		    (ssize_t)sizeof(random))
			return why_sys(why, "no random bytes");
		free(d->id);
		d->id = mem_printf("%s.%03d-%02x%02x%02x", when,
			(int)(now % 1000), random[0], random[1], random[2]);
		made = mkdirat(h->fd, d->id, 0700);
		if (made == -1 && errno != EEXIST)
			return why_sys(why, "cannot create %s/%s", h->path,
				d->id);
	}
	for (i = 0; i < sizeof(sub) / sizeof(sub[0]); i++) {
		char *path = mem_printf("%s/%s", d->id, sub[i]);

		made = mkdirat(h->fd, path, 0700);
		if (made == -1)
			why_sys(why, "cannot create %s/%s", h->path, path);
		free(path);
		if (made == -1)
			return -1;
	}
	if (open_run(d, h, why) == -1)
		return -1;
	if (io_sync_all(d->fd) == -1 || io_sync_all(h->fd) == -1)
		return why_sys(why, "cannot sync %s", d->path);
	return 0;
}

int rundir_open(struct rundir *d, const struct home *h, const char *id,
	struct why *why)
{
	memset(d, 0, sizeof(*d));
	d->fd = d->log_fd = -1;
	d->id = mem_dup(id);
	return open_run(d, h, why);
}

void rundir_close(struct rundir *d)
{
	if (d->fd != -1)
		close(d->fd);
	if (d->log_fd != -1)
		close(d->log_fd);
	free(d->id);
	free(d->path);
	memset(d, 0, sizeof(*d));
	d->fd = d->log_fd = -1;
}

void rundir_latest(const struct home *h, const char *id)
{
	unlinkat(h->fd, "latest.new", 0);
	if (symlinkat(id, h->fd, "latest.new") == 0)
		(void)renameat(h->fd, "latest.new", h->fd, "latest");
}

void rundir_task(struct buf *out, const char *step, const char *item,
	int place)
{
	size_t start;

	buf_str(out, step);
	if (item == NULL)
		return;
	buf_printf(out, "/%d/", place / RUNDIR_SHARD);
	start = out->len;
	if (item[0] == '.')
		buf_str(out, "%2E");
	add_safe(out, item + (item[0] == '.'), "._+=,@-");
	/* no hash: it is for somebody else to say what items are called */
	if (out->len - start > LONGEST)
		cut_long(out, start, (uint64_t)place);
}
