/* SPDX-License-Identifier: ISC */
#include "substep.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io.h"
#include "record.h"

enum {
	/* A record: a name of 255 bytes, each as %XX, and some numbers. */
	RECORD_MOST = 4096,
};

/* Below the run directory, so all above it is there. */
static int make_dirs(char *path, struct why *why)
{
	char *slash = strrchr(path, '/');
	int ret;

	if (mkdir(path, 0700) == 0) {
		if (slash == NULL)
			return 0;
		*slash = '\0';
		ret = io_sync_dir(AT_FDCWD, path);
		*slash = '/';
		return ret == 0 ? 0 : why_sys(why, "cannot sync the directory "
			"above %s", path);
	}
	if (errno == EEXIST)
		return 0;
	if (errno != ENOENT || slash == NULL || slash == path)
		return why_sys(why, "cannot create the directory %s", path);
	*slash = '\0';
	ret = make_dirs(path, why);
	*slash = '/';
	return ret == 0 ? make_dirs(path, why) : -1;
}

int substep_open(struct substep_scope *sc, const char *steps,
	struct why *why)
{
	const char *slash = strrchr(steps, '/');

	sc->path = NULL;
	sc->fd = sc->calls = -1;
	if (steps[0] != '/' || strncmp(slash, "/calls.", 7) != 0)
		return why_set(why, "DUREXEC_STEPS is not what durexec sets: "
			"%s", steps);
	sc->path = mem_dupn(steps, (size_t)(slash - steps));
	if (make_dirs(sc->path, why) == -1)
		return -1;
	sc->fd = open(sc->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC |
		O_NOFOLLOW);
	if (sc->fd == -1)
		return why_sys(why, "cannot open the directory %s", sc->path);
	return substep_open_calls(sc, slash + 1, why);
}

void substep_close(struct substep_scope *sc)
{
	if (sc->calls != -1)
		close(sc->calls);
	if (sc->fd != -1)
		close(sc->fd);
	free(sc->path);
	sc->path = NULL;
	sc->fd = sc->calls = -1;
}

static bool parse(char *line, size_t n, struct record *r,
	struct substep_record *s)
{
	int64_t exit, merged, silent, mark;
	const char *name;

	if (!record_parse(line, n, 0, r) || r->seq != 1 ||
	    strcmp(r->type, "substep") != 0)
		return false;
	name = record_get(r, "name");
	if (name == NULL || !record_get_hex(r, "check", &s->check) ||
	    !record_get_number(r, "exit", 0, 255, -1, &exit) || exit < 0 ||
	    !record_get_number(r, "started", 0, INT64_MAX, 0,
		&s->started_at) ||
	    !record_get_number(r, "out", 0, INT64_MAX, 0, &s->out_bytes) ||
	    !record_get_number(r, "err", 0, INT64_MAX, 0, &s->err_bytes) ||
	    !record_get_number(r, "input", 0, INT64_MAX, -1, &s->in_bytes) ||
	    (s->in_bytes != -1 && !record_get_hex(r, "inhash",
		&s->in_hash)) ||
	    !record_get_number(r, "merged", 0, 1, 0, &merged) ||
	    !record_get_number(r, "silent", 0, 1, 0, &silent) ||
	    !record_get_number(r, "mark", 0, 1, 0, &mark))
		return false;
	s->exit = (int)exit;
	s->merged = merged == 1;
	s->silent = silent == 1;
	s->mark = mark == 1;
	s->ended_at = r->at;
	s->name = mem_dup(name);
	return true;
}

/* By its file's name. 1, 0, -1 as substep_read(). */
static int read_record(int dirfd, const char *id, struct substep_record *r,
	struct why *why)
{
	struct buf text = { 0 };
	struct record record;
	struct why inner;
	int ret = -1;

	memset(r, 0, sizeof(*r));
	if (io_slurp(dirfd, id, RECORD_MOST, &text, &inner) == -1) {
		ret = inner.err == ENOENT ? 0 : why_set(why, "%s", inner.text);
	} else if (text.len == 0 || text.data[text.len - 1] != '\n' ||
	    !parse(text.data, text.len - 1, &record, r)) {
		why_set(why, "the record %s is damaged; durexec rewind "
			"'STEP/%s' forgets it", id, id);
	} else {
		ret = 1;
	}
	buf_release(&text);
	return ret;
}

int substep_read(const struct substep_scope *sc, const struct substep *s,
	struct substep_record *r, struct why *why)
{
	int ret = read_record(sc->fd, s->id, r, why);

	if (ret == 1 && r->check != s->check) {
		free(r->name);
		r->name = NULL;
		return why_set(why, "the record %s/%s is of another call",
			sc->path, s->id);
	}
	if (ret == -1 && why != NULL) {
		struct why inner = *why;

		why_set(why, "%s (in %s)", inner.text, sc->path);
	}
	return ret;
}

static void file_name(char name[64], const char *id, const char *kind)
{
	snprintf(name, 64, "%s.%s", id, kind);
}

static void put_line(struct record *r, struct buf *out)
{
	r->seq = 1;
	r->first = true;
	record_format(r, 0, out);
}

/* Who looks wants to know since when, and what. */
static int note(int fd, const char *type, const char *name, int64_t now)
{
	struct record r = { 0 };
	struct buf line = { 0 };
	int ret;

	r.at = now;
	record_start(&r, type);
	record_set(&r, "name", name);
	put_line(&r, &line);
	/* in this order it is never without one */
	ret = lseek(fd, 0, SEEK_SET) == 0 && io_write(fd, line.data,
		line.len) == 0 ? ftruncate(fd, (off_t)line.len) : -1;
	buf_release(&line);
	return ret;
}

void substep_failed(int fd, const char *name, int64_t now)
{
	(void)note(fd, "failed", name, now);
}

/* Does it say that it runs? Nobody holds it. */
static bool was_killed(int fd)
{
	char text[RECORD_MOST];
	struct record r;
	ssize_t n = pread(fd, text, sizeof(text), 0);

	/* cut off while it was written: perhaps */
	return n > 0 && (text[n - 1] != '\n' || !record_parse(text,
		(size_t)n - 1, 0, &r) || strcmp(r.type, "failed") != 0);
}

/* Is the file of fd the one at name? 1, 0, or -1: it cannot be told. */
static int is_at(int dirfd, const char *name, int fd)
{
	struct stat here, there;

	if (fstat(fd, &here) == -1)
		return -1;
	if (fstatat(dirfd, name, &there, AT_SYMLINK_NOFOLLOW) == -1)
		return errno == ENOENT ? 0 : -1;
	return here.st_ino == there.st_ino;
}

int substep_begin(const struct substep_scope *sc, const struct substep *s,
	const char *name, int64_t now, bool *killed, struct why *why)
{
	char new[64];
	int fd, ret;

	file_name(new, s->id, "new");
	for (;;) {
		fd = io_open(sc->fd, new, O_RDWR | O_CREAT);
		if (fd == -1)
			return why_sys(why, "cannot create %s/%s", sc->path,
				new);
		do {
			ret = flock(fd, LOCK_EX);
		} while (ret == -1 && errno == EINTR);
		if (ret == -1) {
			why_sys(why, "cannot lock %s/%s", sc->path, new);
			close(fd);
			return -1;
		}
		/* who had it may have renamed it */
		ret = faccessat(sc->fd, s->id, F_OK, AT_SYMLINK_NOFOLLOW);
		if (ret == -1 && errno != ENOENT) {
			why_sys(why, "cannot see %s/%s", sc->path, s->id);
			close(fd);
			return -1;
		}
		if (ret == 0) {
			if (is_at(sc->fd, new, fd) == 1)
				unlinkat(sc->fd, new, 0);
			close(fd);
			return -2;
		}
		ret = is_at(sc->fd, new, fd);
		if (ret == 1)
			break;
		if (ret == -1)
			why_sys(why, "cannot see %s/%s", sc->path, new);
		close(fd);
		if (ret == -1)
			return -1;
	}
	*killed = was_killed(fd);
	if (note(fd, "running", name, now) == -1) {
		why_sys(why, "cannot write %s/%s", sc->path, new);
		close(fd);
		return -1;
	}
	return fd;
}

int substep_generation(const struct substep_scope *sc,
	const struct substep *s)
{
	struct stat st;
	char name[64];

	file_name(name, s->id, "again");
	return fstatat(sc->fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 ?
		(int)st.st_size : 0;
}

static int sync_output(const struct substep_scope *sc,
	const struct substep *s, const char *kind, int64_t bytes,
	struct why *why)
{
	char name[64];
	struct stat st;
	int fd, ret = 0;

	if (bytes == 0)
		return 0;
	file_name(name, s->id, kind);
	fd = io_open(sc->fd, name, O_RDONLY);
	if (fd == -1)
		return why_sys(why, "cannot open %s/%s", sc->path, name);
	if (fstat(fd, &st) == 0 && st.st_size != bytes)
		ret = why_set(why, "%s/%s has %lld bytes, not %lld", sc->path,
			name, (long long)st.st_size, (long long)bytes);
	else if (io_sync(fd) == -1)
		ret = why_sys(why, "cannot sync %s/%s", sc->path, name);
	close(fd);
	return ret;
}

void substep_forget_tries(const struct substep_scope *sc,
	const struct substep *s)
{
	char name[64];

	file_name(name, s->id, "tries");
	unlinkat(sc->fd, name, 0);
}

int substep_commit(const struct substep_scope *sc, const struct substep *s,
	int fd, const struct substep_record *r, struct why *why)
{
	struct record record = { 0 };
	struct buf line = { 0 };
	char new[64];
	int ret = -1;

	if (sync_output(sc, s, "out", r->out_bytes, why) == -1 ||
	    sync_output(sc, s, "err", r->err_bytes, why) == -1)
		return -1;
	record.at = r->ended_at;
	record_start(&record, "substep");
	record_set(&record, "name", r->name);
	record_set_hex(&record, "check", s->check);
	record_set_number(&record, "started", r->started_at);
	record_set_number(&record, "exit", r->exit);
	record_set_number(&record, "out", r->out_bytes);
	record_set_number(&record, "err", r->err_bytes);
	if (r->in_bytes >= 0) {
		record_set_number(&record, "input", r->in_bytes);
		record_set_hex(&record, "inhash", r->in_hash);
	}
	if (r->merged)
		record_set_number(&record, "merged", 1);
	if (r->silent)
		record_set_number(&record, "silent", 1);
	if (r->mark)
		record_set_number(&record, "mark", 1);
	put_line(&record, &line);
	file_name(new, s->id, "new");
	if (ftruncate(fd, 0) == -1 || lseek(fd, 0, SEEK_SET) == -1 ||
	    io_write(fd, line.data, line.len) == -1)
		why_sys(why, "cannot write %s/%s", sc->path, new);
	else if (io_sync(fd) == -1)
		why_sys(why, "cannot sync %s/%s", sc->path, new);
	/* what it wrote has a name as soon as the record has */
	else if (r->out_bytes + r->err_bytes > 0 && io_sync_all(sc->fd) == -1)
		why_sys(why, "cannot sync the directory %s", sc->path);
	else if (renameat(sc->fd, new, sc->fd, s->id) == -1)
		why_sys(why, "cannot rename %s/%s", sc->path, new);
	else if (io_sync_all(sc->fd) == -1)
		ret = -2, why_sys(why, "cannot sync the directory %s",
			sc->path);
	else
		ret = 0;
	buf_release(&line);
	substep_forget_tries(sc, s);
	return ret;
}

void substep_read_tries(const struct substep_scope *sc,
	const struct substep *s, struct substep_tries *t)
{
	struct buf text = { 0 };
	struct record r;
	int64_t tries, parks;
	char name[64];

	memset(t, 0, sizeof(*t));
	file_name(name, s->id, "tries");
	if (io_slurp(sc->fd, name, RECORD_MOST, &text, NULL) == 0 &&
	    text.len > 0 && record_parse(text.data, text.len - 1, 0, &r) &&
	    record_get_number(&r, "tries", 0, INT_MAX, 0, &tries) &&
	    record_get_number(&r, "parks", 0, INT_MAX, 0, &parks) &&
	    record_get_number(&r, "parked", 0, INT64_MAX, 0, &t->parked_at)) {
		t->tries = (int)tries;
		t->parks = (int)parks;
	}
	buf_release(&text);
}

int substep_write_tries(const struct substep_scope *sc,
	const struct substep *s, const struct substep_tries *t,
	struct why *why)
{
	struct record r = { 0 };
	struct buf line = { 0 };
	char name[64];
	int ret;

	record_start(&r, "tries");
	record_set_number(&r, "tries", t->tries);
	record_set_number(&r, "parks", t->parks);
	record_set_number(&r, "parked", t->parked_at);
	put_line(&r, &line);
	file_name(name, s->id, "tries");
	ret = io_replace(sc->fd, name, line.data, line.len, why);
	buf_release(&line);
	return ret;
}
