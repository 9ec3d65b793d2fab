/* SPDX-License-Identifier: ISC */
#include "journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "io.h"
#include "mem.h"

#define NAME "state"

/* Reserved at a time: some hundred transitions between two fallocate calls. */
enum { CHUNK = 256 * 1024 };

/* A record is some hundred bytes; a result or a parameter may be long. A line
 * without an end is damage, not a reason to read it all into memory. */
enum { LONGEST_LINE = 1024 * 1024 };

void journal_add(struct journal *j, struct record *r)
{
	r->seq = ++j->seq;
	if (r->at == 0)
		r->at = clock_wall();
	r->first = j->npending == 0;
	record_format(r, j->crc, &j->pending);
	j->crc = r->crc;
	j->npending++;
}

int journal_reserve(struct journal *j, int64_t bytes, struct why *why)
{
	int64_t want = j->good + (int64_t)j->pending.len + bytes;

	if (want <= j->reserved)
		return 0;
	want = (want / CHUNK + 1) * CHUNK;
	while (fallocate(j->fd, FALLOC_FL_KEEP_SIZE, 0, want) != 0) {
		if (errno == EINTR)
			continue;
		if (errno == EOPNOTSUPP || errno == ENOSYS)
			break;
		return why_sys(why, "no room for the state file");
	}
	j->reserved = want;
	return 0;
}

int journal_create(struct journal *j, int dirfd, struct why *why)
{
	unlinkat(dirfd, NAME ".new", 0);
	j->fd = openat(dirfd, NAME ".new", O_WRONLY | O_CREAT | O_EXCL |
		O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (j->fd == -1)
		return why_sys(why, "cannot create the state file");
	if (journal_reserve(j, CHUNK, why) == -1)
		goto fail;
	if (journal_commit(j, why) == -1)
		goto fail;
	if (renameat(dirfd, NAME ".new", dirfd, NAME) == -1 ||
	    io_sync_dir(dirfd, ".") == -1) {
		why_sys(why, "cannot place the state file");
		goto fail;
	}
	return 0;
fail:
	unlinkat(dirfd, NAME ".new", 0);
	close(j->fd);
	j->fd = -1;
	return -1;
}

/* Lines of the file, a buffer's worth at a time. */
struct lines {
	int fd;
	struct buf buf;
	size_t pos;
	bool eof;
};

/* The next line without its newline; false at the end. *whole: it had one. */
static bool next_line(struct lines *l, char **line, size_t *n, bool *whole,
	int *err)
{
	enum { PART = 256 * 1024 };

	for (;;) {
		size_t have = l->buf.len - l->pos;
		/* nothing was read yet, there is no data */
		char *start = have != 0 ? l->buf.data + l->pos : l->buf.data;
		char *end = have != 0 ? memchr(start, '\n', have) : NULL;
		ssize_t r;

		if (end != NULL || (l->eof && have > 0) ||
		    have > LONGEST_LINE) {
			*line = start;
			*n = end != NULL ? (size_t)(end - start) : have;
			*whole = end != NULL;
			l->pos += *n + (end != NULL);
			return true;
		}
		if (l->eof)
			return false;
		if (l->pos > 0) {
			memmove(l->buf.data, start, have);
			l->buf.len = have;
			l->pos = 0;
		}
		buf_reserve(&l->buf, PART);
		r = io_read(l->fd, l->buf.data + l->buf.len, PART);
		if (r == -1) {
			*err = errno;
			return false;
		}
		l->buf.len += (size_t)r;
		l->eof = r < PART;
	}
}

/* A newline was lost: does another record stand behind the first one's CRC,
 * and begin a write? `gap` bytes are where the newline was. */
static bool hides_write(char *line, size_t n, size_t gap)
{
	struct record r;
	uint32_t claim;
	size_t i;

	for (i = 10; i + gap < n; i++)
		if ((line[i - 9] == '*' || line[i - 9] == '+') &&
		    line[i - 10] == ' ' && record_claims(line, i, &claim) &&
		    record_parse(line + i + gap, n - i - gap, claim, &r) &&
		    r.first)
			return true;
	return false;
}

/*
 * Behind an invalid line, which stands after one with the CRC `before`: does a
 * valid record begin a later write? The CRC of a line hangs on the one of the
 * line before it. That is what this one claims; or, where its digits were hit,
 * what they should be.
 */
static bool later_write(struct lines *l, char *line, size_t n, bool whole,
	uint32_t before)
{
	uint32_t made = record_crc(line, n, before), claim = made;
	struct record r;
	int err = 0;

	(void)record_claims(line, n, &claim);
	if (whole && (hides_write(line, n, 0) || hides_write(line, n, 1)))
		return true;
	while (next_line(l, &line, &n, &whole, &err)) {
		uint32_t own = made;

		(void)record_claims(line, n, &own);
		if (whole && (record_parse(line, n, claim, &r) ||
		    record_parse(line, n, made, &r)) && r.first)
			return true;
		claim = own;
	}
	return err != 0;
}

static int check_header(const struct record *r, struct why *why)
{
	int64_t format;

	if (strcmp(r->type, "durexec") != 0)
		return why_set(why, "the state file does not begin with a "
			"durexec record");
	if (!record_get_number(r, "format", 1, INT32_MAX, 0, &format) ||
	    format != JOURNAL_FORMAT)
		return why_set(why, "the state file has format %s, this "
			"durexec reads format %d",
			record_get(r, "format") != NULL ?
			record_get(r, "format") : "none", JOURNAL_FORMAT);
	return 0;
}

int journal_read(struct journal *j, int dirfd, journal_fn *fn, void *ctx,
	struct why *why)
{
	struct lines l = { .fd = -1 };
	struct record r;
	struct stat st;
	char *line;
	size_t n;
	bool whole;
	int ret = -1, err = 0;

	memset(j, 0, sizeof(*j));
	j->fd = -1;
	l.fd = openat(dirfd, NAME, O_RDONLY | O_CLOEXEC | O_NOFOLLOW |
		O_NONBLOCK);
	if (l.fd == -1)
		return why_sys(why, "cannot open the state file");
	if (fstat(l.fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		why_set(why, "the state file is not a regular file");
		goto out;
	}
	while (next_line(&l, &line, &n, &whole, &err)) {
		if (!whole || !record_parse(line, n, j->crc, &r) ||
		    r.seq != j->seq + 1) {
			if (later_write(&l, line, n, whole, j->crc) ||
			    j->seq == 0) {
				why_set(why, "the state file is damaged at "
					"line %lld (byte %lld): its checksum "
					"does not fit", (long long)j->seq + 1,
					(long long)j->good);
				goto out;
			}
			break;
		}
		if (j->seq == 0 && check_header(&r, why) == -1)
			goto out;
		if (fn(ctx, &r, why) == -1)
			goto out;
		/* only now: never past a record that was not understood */
		j->seq = r.seq;
		j->crc = r.crc;
		j->good += (int64_t)n + 1;
	}
	if (err != 0) {
		errno = err;
		why_sys(why, "cannot read the state file");
		goto out;
	}
	if (j->seq == 0) {
		why_set(why, "the state file is empty");
		goto out;
	}
	/* A writer may have appended since; then this is not its tail. */
	j->torn = l.eof && st.st_size > j->good ? st.st_size - j->good : 0;
	ret = 0;
out:
	buf_release(&l.buf);
	close(l.fd);
	return ret;
}

int journal_open_write(struct journal *j, int dirfd, struct why *why)
{
	struct stat st;

	j->fd = openat(dirfd, NAME, O_WRONLY | O_APPEND | O_CLOEXEC |
		O_NOFOLLOW);
	if (j->fd == -1)
		return why_sys(why, "cannot open the state file for writing");
	if (fstat(j->fd, &st) != 0)
		return why_sys(why, "cannot look at the state file");
	j->torn = st.st_size - j->good;
	if (j->torn > 0 &&
	    (ftruncate(j->fd, j->good) == -1 || io_sync(j->fd) == -1)) {
		why_sys(why, "cannot cut the torn end off the state file");
		close(j->fd);
		j->fd = -1;
		return -1;
	}
	return 0;
}

int journal_commit(struct journal *j, struct why *why)
{
	if (j->npending == 0)
		return 0;
	if (j->poisoned)
		return why_set(why, "the state file could not be written "
			"before");
	if (io_write(j->fd, j->pending.data, j->pending.len) == -1) {
		why_sys(why, "cannot write the state file");
		/* What reached the file must not count later. If this fails
		 * as well, the torn tail is cut by the next durexec. */
		if (ftruncate(j->fd, j->good) == 0)
			(void)io_sync(j->fd);
		goto poisoned;
	}
	if (io_sync(j->fd) == -1) {
		/* Never tried again: the kernel has dropped the pages and
		 * would report success (R7). */
		why_sys(why, "cannot make the state file durable");
		goto poisoned;
	}
	j->good += (int64_t)j->pending.len;
	buf_reset(&j->pending);
	j->npending = 0;
	return 0;
poisoned:
	j->poisoned = true;
	buf_reset(&j->pending);
	j->npending = 0;
	return -1;
}

void journal_close(struct journal *j)
{
	if (j->fd != -1)
		close(j->fd);
	buf_release(&j->pending);
	memset(j, 0, sizeof(*j));
	j->fd = -1;
}
