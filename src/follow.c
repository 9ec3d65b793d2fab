/* SPDX-License-Identifier: ISC */
#include "follow.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { PIECE = 64 * 1024 };

void follow_open(struct follow *f, const struct journal *j, int dirfd)
{
	memset(f, 0, sizeof(*f));
	f->fd = openat(dirfd, "state", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	f->at = j->good;
	f->seq = j->seq;
	f->crc = j->crc;
}

/* The whole lines of the text. What is no valid record is not looked at again
 * before more stands behind it: it is being written, or will be cut off. */
static int take_lines(struct follow *f, journal_fn *fn, void *ctx,
	bool *valid, struct why *why)
{
	char *line = f->text.data, *end = line + f->text.len, *nl;
	struct record r;

	*valid = true;
	while ((nl = memchr(line, '\n', (size_t)(end - line))) != NULL) {
		*valid = record_parse(line, (size_t)(nl - line), f->crc, &r) &&
			r.seq == f->seq + 1;
		if (!*valid)
			break;
		if (fn(ctx, &r, why) == -1)
			return -1;
		f->crc = r.crc;
		f->seq = r.seq;
		f->at += nl + 1 - line;
		line = nl + 1;
	}
	return 0;
}

int follow_more(struct follow *f, journal_fn *fn, void *ctx, struct why *why)
{
	size_t want = PIECE;
	int64_t before;
	bool valid = true;
	ssize_t n;

	while (f->fd != -1 && valid) {
		before = f->at;
		buf_reset(&f->text);
		buf_reserve(&f->text, want);
		n = pread(f->fd, f->text.data, want, f->at);
		if (n <= 0)
			break;
		f->text.len = (size_t)n;
		if (take_lines(f, fn, ctx, &valid, why) == -1)
			return -1;
		/* the rest of a line that is longer than this */
		if (f->at == before && (size_t)n < want)
			break;
		if (f->at == before)
			want *= 2;
	}
	return 0;
}

void follow_close(struct follow *f)
{
	if (f->fd != -1)
		close(f->fd);
	buf_release(&f->text);
}
