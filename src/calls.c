/* SPDX-License-Identifier: ISC */
/* calls: which call of the script it is, and that no two are the same. */
#include "substep.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "digest.h"
#include "io.h"
#include "table.h"

/* Entries that are read at once. */
enum { ENTRIES = 4096 };

/* Locked while entries are looked at; behind any entry. */
#define MUTEX ((off_t)1 << 40)

struct entry {
	uint64_t hash, with;
	uint32_t number;
	uint32_t kept;
};

static void set_id(struct substep *s)
{
	snprintf(s->id, sizeof(s->id), "%016llx.%d",
		(unsigned long long)s->hash, s->number);
}

void substep_identify(struct substep *s, const char *name, char *const *argv,
	bool mark)
{
	struct digest d;
	uint64_t check = TABLE_HASH_START;

	memset(s, 0, sizeof(*s));
	s->entry = -1;
	digest_init(&d);
	/* no name has a newline */
	if (mark) {
		digest_add(&d, "\n", 1);
		check = table_hash(check, "\n", 1);
	}
	digest_add(&d, name, strlen(name) + 1);
	check = table_hash(check, name, strlen(name) + 1);
	/* that there is an argv is part of it, too */
	for (; argv != NULL && *argv != NULL; argv++) {
		digest_add(&d, *argv, strlen(*argv) + 1);
		check = table_hash(check, *argv, strlen(*argv) + 1);
	}
	s->hash = digest_value(&d);
	s->check = check;
}

/* "_=…" of a shell, how deep it is, where it was and is, how wide. */
static bool is_shells(const char *variable)
{
	static const char *const names[] = { "_=", "SHLVL=", "PWD=",
		"OLDPWD=", "LINES=", "COLUMNS=" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strncmp(variable, names[i], strlen(names[i])) == 0)
			return true;
	return false;
}

void substep_with(struct substep *s, const char *dir,
	char *const *environment)
{
	struct digest d;

	digest_init(&d);
	if (dir != NULL)
		digest_add(&d, dir, strlen(dir));
	s->with = digest_value(&d);
	/* in whatever order they are */
	for (; *environment != NULL; environment++) {
		if (is_shells(*environment))
			continue;
		digest_init(&d);
		digest_add(&d, *environment, strlen(*environment));
		s->with += digest_value(&d);
	}
}

void substep_first(struct substep *s)
{
	s->number = 1;
	set_id(s);
}

static int lock_range(int fd, int how, short type, off_t at, off_t n)
{
	struct flock l = { .l_type = type, .l_whence = SEEK_SET,
		.l_start = at, .l_len = n };
	int ret;

	do {
		ret = fcntl(fd, how, &l);
	} while (ret == -1 && errno == EINTR);
	return ret;
}

/* Of earlier executions: nobody counts in them any more. */
static void drop_old_calls(int dirfd, const char *current)
{
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd != -1 ? mem_of(fdopendir(fd)) : NULL;
	struct dirent *e;

	while (dir != NULL && (e = readdir(dir)) != NULL)
		if (strncmp(e->d_name, "calls.", 6) == 0 &&
		    strcmp(e->d_name, current) != 0)
			unlinkat(dirfd, e->d_name, 0);
	if (dir != NULL)
		closedir(dir);
	else if (fd != -1)
		close(fd);
}

int substep_open_calls(struct substep_scope *sc, const char *name,
	struct why *why)
{
	struct stat st;

	sc->calls = io_open(sc->fd, name, O_RDWR | O_CREAT);
	if (sc->calls == -1)
		return why_sys(why, "cannot create %s/%s", sc->path, name);
	if (fstat(sc->calls, &st) == 0 && st.st_size == 0)
		drop_old_calls(sc->fd, name);
	return 0;
}

/* Is the entry nobody's? Then its lock is ours. -1: an error. A lock goes after
 * `kept` is written: so it is read again under the lock. */
static int take_entry(struct substep_scope *sc, int64_t at)
{
	off_t place = (off_t)(at * (int64_t)sizeof(struct entry));
	struct entry e;

	if (lock_range(sc->calls, F_OFD_SETLK, F_WRLCK, place,
	    sizeof(e)) == -1)
		return errno == EAGAIN || errno == EACCES ? 0 : -1;
	if (pread(sc->calls, &e, sizeof(e), place) != (ssize_t)sizeof(e))
		return -1;
	if (!e.kept)
		return 1;
	return lock_range(sc->calls, F_OFD_SETLK, F_UNLCK, place,
		sizeof(e)) == -1 ? -1 : 0;
}

/* -1: an error; 1: one was found that is free, and is ours; 0: all of the hash
 * are taken, *taken of them. *n: entries there are. */
static int find_free(struct substep_scope *sc, struct substep *s, int *taken,
	int64_t *n)
{
	struct entry *e = mem_alloc(ENTRIES * sizeof(*e));
	int64_t at = 0;
	ssize_t got;
	int i, ret = 0;

	*taken = 0;
	while (ret == 0 && (got = pread(sc->calls, e, ENTRIES * sizeof(*e),
	    (off_t)(at * (int64_t)sizeof(*e)))) > 0) {
		int count = (int)((size_t)got / sizeof(*e));

		for (i = 0; i < count && ret == 0; i++) {
			if (e[i].hash != s->hash)
				continue;
			++*taken;
			if (e[i].kept || e[i].with != s->with)
				continue;
			ret = take_entry(sc, at + i);
			if (ret == 1) {
				s->entry = at + i;
				s->number = (int)e[i].number;
			}
		}
		if (count == 0)
			break;
		at += count;
	}
	*n = at;
	free(e);
	return ret;
}

int substep_claim(struct substep_scope *sc, struct substep *s,
	struct why *why)
{
	struct entry e = { .hash = s->hash, .with = s->with };
	int64_t n = 0;
	int taken, found;

	if (lock_range(sc->calls, F_OFD_SETLKW, F_WRLCK, MUTEX, 1) == -1)
		return why_sys(why, "cannot lock the calls in %s", sc->path);
	found = find_free(sc, s, &taken, &n);
	if (found == 0) {
		s->entry = n;
		s->number = taken + 1;
		e.number = (uint32_t)s->number;
		if (pwrite(sc->calls, &e, sizeof(e), (off_t)(n *
		    (int64_t)sizeof(e))) != (ssize_t)sizeof(e) ||
		    take_entry(sc, n) != 1)
			found = -1;
	}
	if (found == -1)
		why_sys(why, "cannot count the call in %s", sc->path);
	(void)lock_range(sc->calls, F_OFD_SETLK, F_UNLCK, MUTEX, 1);
	set_id(s);
	return found == -1 ? -1 : 0;
}

int substep_keep(struct substep_scope *sc, const struct substep *s,
	struct why *why)
{
	struct entry e = { s->hash, s->with, (uint32_t)s->number, 1 };

	if (s->entry == -1 || pwrite(sc->calls, &e, sizeof(e),
	    (off_t)(s->entry * (int64_t)sizeof(e))) == (ssize_t)sizeof(e))
		return 0;
	return why_sys(why, "cannot count the call in %s", sc->path);
}
