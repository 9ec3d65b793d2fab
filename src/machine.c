/* SPDX-License-Identifier: ISC */
#include "machine.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "mem.h"

enum {
	/* The mutex is held for some microseconds. Who waits longer waits for
	 * somebody who is stopped, with all of its own run: so not for long
	 * where it can ask again, and longer where it cannot. */
	TAKE_MS = 200, PARK_MS = 2000,
	/* Files that vanish (a person's rm) while they are locked. */
	TRIES = 5,
	/* More than both lines. */
	NOTE_ROOM = 128,
};

/* The farthest that a limit's message is believed (until.h), and its spread;
 * a wait_max beyond that only limits a sum. */
/* A small step of the clock changes little, and happens often. */
#define CLOCK_STEP_MS (60 * 1000)
#define LONGEST_MS ((int64_t)9 * 24 * 3600 * 1000)

/* The last millisecond with a four-digit year. */
#define LATEST 253402300799999ll

struct note {
	int64_t last, until;
};

static void nap(long ms)
{
	struct timespec ts = { ms / 1000, ms % 1000 * 1000000 };

	nanosleep(&ts, NULL);
}

static char *place(void)
{
	const char *dir = getenv("DUREXEC_MACHINE_DIR");

	return dir != NULL && *dir != '\0' ? mem_dup(dir) :
		mem_printf("/var/tmp/durexec-%lu", (unsigned long)geteuid());
}

/* Others can write to /var/tmp: what stands there may be anybody's. */
static int check(int fd, const char *dir, struct why *why)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return why_sys(why, "cannot look at %s", dir);
	if (st.st_uid != geteuid())
		return why_set(why, "%s belongs to user %lu: set "
			"DUREXEC_MACHINE_DIR to a directory of your own", dir,
			(unsigned long)st.st_uid);
	if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
		return why_set(why, "others may write to %s: chmod 700 it",
			dir);
	return 0;
}

int machine_open(struct machine *m, struct why *why)
{
	char *dir = place();
	int fd = -1, ret = -1;

	if (m->dirfd != -1) {
		ret = 0;
		goto out;
	}
	if (*dir != '/') {
		why_set(why, "DUREXEC_MACHINE_DIR is not an absolute path: %s",
			dir);
		goto out;
	}
	if (mkdir(dir, 0700) == -1 && errno != EEXIST) {
		why_sys(why, "cannot create %s", dir);
		goto out;
	}
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd == -1) {
		why_sys(why, "cannot open %s", dir);
		goto out;
	}
	if (check(fd, dir, why) == -1)
		goto out;
	/* tmpfiles.d(5): a directory with a lock is not cleaned up */
	(void)flock(fd, LOCK_SH | LOCK_NB);
	m->dirfd = fd;
	fd = -1;
	ret = 0;
out:
	if (fd != -1)
		close(fd);
	free(dir);
	return ret;
}

void machine_close(struct machine *m)
{
	if (m->dirfd != -1)
		close(m->dirfd);
	m->dirfd = -1;
}

/* Open and lock it. -1 + errno; EWOULDBLOCK: somebody holds it. */
static int lock(const struct machine *m, const char *name)
{
	struct stat st;
	int fd, i, err;

	for (i = 0; i < TRIES; i++) {
		fd = openat(m->dirfd, name, O_RDWR | O_CREAT | O_NOFOLLOW |
			O_CLOEXEC | O_NONBLOCK, 0600);
		if (fd == -1)
			return -1;
		if (flock(fd, LOCK_EX | LOCK_NB) == -1) {
			err = errno;
			close(fd);
			errno = err;
			return -1;
		}
		/* A lock on what was unlinked meanwhile excludes nobody. */
		if (fstat(fd, &st) == 0 && st.st_nlink > 0)
			return fd;
		close(fd);
	}
	errno = EWOULDBLOCK;
	return -1;
}

/* The mutex of the pool. -1 + why; why->err EWOULDBLOCK: not within ms. */
static int lock_pool(struct machine *m, const struct pool *pool, int64_t ms,
	struct why *why)
{
	char *name = mem_printf("pool:%s", pool->name);
	int64_t end = clock_mono() + ms;
	bool again = true;
	int fd = -1;

	while (machine_open(m, why) == 0) {
		fd = lock(m, name);
		if (fd == -1 && errno == EWOULDBLOCK && clock_mono() < end) {
			nap(1);
			continue;
		}
		/* the directory was removed while we had it open */
		if (fd == -1 && errno == ENOENT && again) {
			machine_close(m);
			again = false;
			continue;
		}
		if (fd == -1)
			why_sys(why, "cannot lock %s", name);
		break;
	}
	free(name);
	return fd;
}

/* The same of one slot, without waiting. */
static int lock_slot(const struct machine *m, const struct pool *pool,
	int slot, struct why *why)
{
	char *name = mem_printf("slot:%s:%s", pool->name, pool->slot[slot]);
	int fd = lock(m, name);

	if (fd == -1)
		why_sys(why, "cannot lock %s", name);
	/* Young for those who clean up what is old. */
	if (fd != -1)
		(void)futimens(fd, NULL);
	free(name);
	return fd;
}

/* The number behind "NAME " at the start of a line; 0: there is none. */
static int64_t number(const char *text, const char *name)
{
	size_t len = strlen(name), n;
	int64_t value;

	for (; text != NULL; text = strchr(text, '\n')) {
		text += *text == '\n';
		if (strncmp(text, name, len) != 0 || text[len] != ' ')
			continue;
		text += len + 1;
		n = strspn(text, "0123456789");
		/* at most as many digits as LATEST has: no overflow */
		if (n == 0 || n > 15 || (text[n] != '\n' && text[n] != '\0'))
			return 0;
		value = strtoll(text, NULL, 10);
		return value <= LATEST ? value : 0;
	}
	return 0;
}

static struct note read_note(int fd)
{
	char text[NOTE_ROOM];
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);
	struct note note;

	text[n > 0 ? n : 0] = '\0';
	note.last = number(text, "last");
	note.until = number(text, "until");
	return note;
}

/* -1 + errno. Always as long as the one before: written in one piece over it,
 * it needs no room on a full disk, and no kill leaves half of one. */
static int write_note(int fd, const struct note *note)
{
	char text[NOTE_ROOM];
	int len = snprintf(text, sizeof(text), "last %015lld\nuntil %015lld\n",
		(long long)note->last, (long long)note->until);
	ssize_t n = pwrite(fd, text, (size_t)len, 0);

	if (n == len)
		return 0;
	if (n >= 0)
		errno = ENOSPC;
	return -1;
}

/* When the pool may be used again; 0: now. */
static int64_t earliest(const struct pool *pool, int mutex, struct note *note,
	int64_t now)
{
	int64_t at = 0;

	/* The clock was set back. From now on, then, and that has to be
	 * noted, or each who asks would be told to wait once more. */
	if (note->last > now) {
		/* a wait that was noted then says nothing either */
		if (note->last > now + CLOCK_STEP_MS)
			note->until = 0;
		note->last = now;
		if (write_note(mutex, note) == -1)
			note->last = 0;
	}
	if (pool->min_interval_ms > 0 && note->last > 0)
		at = note->last + pool->min_interval_ms;
	/* no limit is so far away: the clock was, or a hand */
	if (at < note->until && note->until <= now + LONGEST_MS)
		at = note->until;
	return at > now ? at : 0;
}

enum machine_answer machine_take(struct machine *m, const struct pool *pool,
	int64_t now, int *slot, int *fd, int64_t *until, struct why *why)
{
	enum machine_answer answer = MACHINE_BUSY;
	int64_t asked_mono = clock_mono();
	struct why one = { 0 };
	struct note note;
	int mutex, i;

	*slot = *fd = -1;
	*until = 0;
	memset(why, 0, sizeof(*why));
	mutex = lock_pool(m, pool, TAKE_MS, &one);
	if (mutex == -1) {
		if (one.err == EWOULDBLOCK)
			return MACHINE_BUSY;
		*why = one;
		return MACHINE_ERROR;
	}
	/* as late as those who had the mutex before us noted */
	now += clock_mono() - asked_mono;
	note = read_note(mutex);
	*until = earliest(pool, mutex, &note, now);
	if (*until != 0) {
		answer = MACHINE_WAIT;
		goto out;
	}
	for (i = 0; i < pool->nslots && *fd == -1; i++) {
		*fd = lock_slot(m, pool, i, &one);
		if (*fd != -1) {
			*slot = i;
		} else if (one.err != EWOULDBLOCK) {
			/* said when the others are busy */
			answer = MACHINE_ERROR;
			*why = one;
		}
	}
	if (*fd == -1)
		goto out;
	answer = MACHINE_TAKEN;
	memset(why, 0, sizeof(*why));
	note.last = now;
	if (write_note(mutex, &note) == -1 && pool->min_interval_ms > 0)
		why_sys(why, "its start cannot be noted, so that "
			"min_interval may not be kept");
out:
	close(mutex);
	return answer;
}

int machine_park(struct machine *m, const struct pool *pool, int64_t until,
	struct why *why)
{
	int mutex = lock_pool(m, pool, PARK_MS, why), ret = 0;
	struct note note;

	if (mutex == -1)
		return -1;
	note = read_note(mutex);
	if (until == 0 || until > note.until) {
		note.until = until < LATEST ? until : LATEST;
		ret = write_note(mutex, &note);
		if (ret == -1)
			why_sys(why, "its wait cannot be noted");
	}
	close(mutex);
	return ret;
}
