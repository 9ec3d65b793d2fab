/* SPDX-License-Identifier: ISC */
#include "evidence.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "io.h"
#include "mem.h"
#include "safe.h"
#include "tail.h"

enum {
	/* Of a file in $DUREXEC_DIR: headers are small; and so many of them. */
	HEADERS_MOST = 64 * 1024, FILES_MOST = 16, ENTRIES_MOST = 1000,
	/* $DUREXEC_WAIT */
	WAIT_MOST = 64 * 1024,
	/* A log is searched for a receipt in pieces of this; what may be the
	 * first half of a match is kept, up to so much. */
	PIECE = 256 * 1024, OVERLAP = 8 * 1024,
	RESULT_MOST = 1024,
	TICK_MS = 10,
};

/* Whose traces are looked for. */
struct subject {
	const struct rundir *d;
	const struct state *s;
	const struct task *t;
};

void evidence_wait_name(struct buf *out, const struct state *s,
	const struct task *t)
{
	task_output_file(s, t, t->attempts, out);
	buf_str(out, ".wait");
}

static int open_log(const struct subject *of, const char *kind)
{
	const struct rundir *d = of->d;
	struct buf name = { 0 };
	int fd;

	task_log(of->s, of->t, of->t->attempts, kind, &name);
	fd = openat(d->fd, name.data, O_RDONLY | O_CLOEXEC | O_NOFOLLOW |
		O_NONBLOCK);
	buf_release(&name);
	return fd;
}

/* Lines that end in CR LF end in LF: returns how long the text is now. */
static size_t plain_lines(char *text, size_t n)
{
	size_t from, to = 0;

	for (from = 0; from < n; from++)
		if (text[from] != '\r' || from + 1 == n ||
		    text[from + 1] != '\n')
			text[to++] = text[from];
	return to;
}

void evidence_end(int fd, size_t most, struct buf *out)
{
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size == 0)
		return;
	if ((uint64_t)st.st_size > most)
		(void)lseek(fd, st.st_size - (off_t)most, SEEK_SET);
	buf_reserve(out, most + 1);
	n = io_read(fd, out->data, most);
	out->len = n > 0 ? plain_lines(out->data, (size_t)n) : 0;
	out->data[out->len] = '\0';
}

static void read_tail(const struct subject *of, const char *kind,
	struct buf *out)
{
	int fd = open_log(of, kind);

	if (fd == -1)
		return;
	evidence_end(fd, JUDGE_TAIL, out);
	close(fd);
}

/* middle: the text begins in the middle of a line; its first byte only shows
 * that. goes_on: its last line does, behind len. */
static bool find_receipt(struct proof *p, const struct stepconf *conf,
	const char *text, size_t len, bool middle, bool goes_on)
{
	struct pattern_hit hit;
	size_t n;

	for (int i = 0; i < conf->receipt.n; i++) {
		if (!pattern_find_from(p->e.cache, conf->receipt.v[i], text,
		    len, middle, &hit))
			continue;
		/* perhaps half of it: it is seen again with what follows */
		if (goes_on && (size_t)hit.end == len &&
		    (size_t)hit.start + OVERLAP > len)
			continue;
		p->e.receipt = true;
		if (hit.group_start < 0)
			return true;
		n = (size_t)(hit.group_end - hit.group_start);
		buf_reset(&p->result);
		buf_str(&p->result, "");
		/* a group that is half of a secret is hidden, too */
		mask_part(safe_secrets(), text, len, (size_t)hit.group_start,
			(size_t)hit.group_start + (n < RESULT_MOST ? n :
			RESULT_MOST), &p->result);
		/* a NUL in it would end it: so be it */
		p->e.result = p->result.data;
		return true;
	}
	return false;
}

/* In all of a log, as long as it is now: somebody may go on writing. Complete
 * lines are looked at when they are; a line that does not end is looked at in
 * pieces that overlap. */
static void search_log(struct proof *p, const struct subject *of,
	const struct stepconf *conf, const char *kind)
{
	int fd = open_log(of, kind);
	char *piece, *end;
	size_t have = 0, seen, look, keep, want;
	bool middle = false;	/* the piece begins in the middle of a line */
	struct stat st;
	int64_t left;
	ssize_t n;

	if (fd == -1)
		return;
	left = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) ? st.st_size : 0;
	/* with a NUL at its end: the sanitizers' regexec() looks for one */
	piece = mem_alloc(PIECE + 1);
	do {
		want = PIECE - have;
		if ((int64_t)want > left)
			want = (size_t)left;
		n = io_read(fd, piece + have, want);
		if (n > 0) {
			/* perhaps the first half of a line's end */
			seen = have - (have > 0 && piece[have - 1] == '\r');
			have = seen + plain_lines(piece + seen, have - seen +
				(size_t)n);
			left -= n;
		}
		end = n > 0 ? memrchr(piece, '\n', have) : NULL;
		look = end != NULL ? (size_t)(end - piece) + 1 : have;
		if (find_receipt(p, conf, piece, look, middle,
		    end == NULL && n > 0))
			break;
		keep = have - look;
		if (end != NULL) {
			middle = false;
		} else if (have > OVERLAP) {
			keep = OVERLAP;
			middle = true;
		} else {
			keep = have;
		}
		memmove(piece, piece + have - keep, keep);
		have = keep;
	} while (n > 0);
	free(piece);
	close(fd);
}

/* Written since the attempt began? File times come from the kernel's tick,
 * which is up to 10 ms behind the clock. */
static bool is_of(const struct task *t, const struct stat *st)
{
	return (int64_t)st->st_mtim.tv_sec * 1000 +
		st->st_mtim.tv_nsec / 1000000 + TICK_MS >= t->started_at;
}

/* Files that this attempt left in $DUREXEC_DIR: curl -D and the like. */
static void read_headers(struct proof *p, const struct subject *of)
{
	struct buf name = { 0 }, text = { 0 };
	int dirfd, fd, files = 0, entries = 0;
	struct dirent *entry;
	struct stat st;
	DIR *dir;

	task_dir(of->s, of->t, &name);
	dirfd = openat(of->d->fd, name.data, O_RDONLY | O_DIRECTORY | O_CLOEXEC |
		O_NOFOLLOW);
	buf_release(&name);
	dir = dirfd != -1 ? mem_of(fdopendir(dirfd)) : NULL;
	if (dir == NULL) {
		if (dirfd != -1)
			close(dirfd);
		return;
	}
	while ((entry = readdir(dir)) != NULL && files < FILES_MOST &&
	    entries++ < ENTRIES_MOST) {
		if (entry->d_name[0] == '.')
			continue;
		fd = openat(dirfd, entry->d_name, O_RDONLY | O_CLOEXEC |
			O_NOFOLLOW | O_NONBLOCK);
		if (fd == -1)
			continue;
		if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
		    st.st_size <= HEADERS_MOST && is_of(of->t, &st)) {
			buf_reset(&text);
			evidence_end(fd, HEADERS_MOST, &text);
			if (text.len > 0) {
				buf_add(&p->headers, text.data, text.len);
				buf_char(&p->headers, '\n');
				files++;
			}
		}
		close(fd);
	}
	closedir(dir);
	buf_release(&text);
}

static double random_unit(void)
{
	uint32_t n = 0;

	/* without any: no jitter, which is no harm */
	if (getrandom(&n, sizeof(n), GRND_NONBLOCK) != (ssize_t)sizeof(n))
		return 0.5;
	return n / 4294967296.0;
}

static void read_wait(struct proof *p, const struct subject *of)
{
	struct buf name = { 0 };
	int fd;

	evidence_wait_name(&name, of->s, of->t);
	fd = openat(of->d->fd, name.data, O_RDONLY | O_CLOEXEC | O_NOFOLLOW |
		O_NONBLOCK);
	if (fd != -1) {
		evidence_end(fd, WAIT_MOST, &p->wait);
		close(fd);
	}
	buf_release(&name);
}

/* The last line that the look at the outputs said. */
static void read_missing(struct proof *p, const struct subject *of)
{
	struct buf name = { 0 };

	task_log(of->s, of->t, of->t->attempts, of->t->phase == PHASE_INPUTS ?
		"err" : task_log_kind(of->t), &name);
	if (tail_add(&p->missing, of->d->fd, name.data, 1, "") &&
	    p->missing.len > 0)
		p->missing.data[p->missing.len - 1] = '\0';
	buf_release(&name);
}

void evidence_read(struct proof *p, const struct rundir *d,
	const struct state *s, const struct stepconf *conf, const struct task *t,
	const struct report *report, struct pattern_cache *cache)
{
	const struct subject of = { d, s, t };
	struct buf *all[] = { &p->out, &p->err, &p->wait, &p->headers,
		&p->result, &p->missing };

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		buf_reset(all[i]);
	memset(&p->e, 0, sizeof(p->e));
	p->e.cache = cache;
	/* "in an hour" was said when it ended, not when we came to look */
	p->e.now = clock_wall();
	if (report->ended_at > 0 && report->ended_at < p->e.now)
		p->e.now = report->ended_at;
	if (!judge_asks(conf, t, report))
		return;
	p->e.random = random_unit();
	read_tail(&of, "out", &p->out);
	read_tail(&of, "err", &p->err);
	read_wait(p, &of);
	read_headers(p, &of);
	if (conf->receipt.n > 0 && t->phase == PHASE_RUN) {
		search_log(p, &of, conf, "out");
		if (!p->e.receipt)
			search_log(p, &of, conf, "err");
	}
	if (t->phase == PHASE_SETTLE || t->phase == PHASE_PLACE ||
	    t->phase == PHASE_INPUTS)
		read_missing(p, &of);
	p->e.out = p->out.data;
	p->e.out_len = p->out.len;
	p->e.err = p->err.data;
	p->e.err_len = p->err.len;
	p->e.wait = p->wait.len > 0 ? p->wait.data : NULL;
	p->e.wait_len = p->wait.len;
	p->e.headers = p->headers.len > 0 ? p->headers.data : NULL;
	p->e.headers_len = p->headers.len;
	p->e.missing = p->missing.len > 0 ? p->missing.data : NULL;
}

void evidence_release(struct proof *p)
{
	buf_release(&p->out);
	buf_release(&p->err);
	buf_release(&p->wait);
	buf_release(&p->headers);
	buf_release(&p->result);
	buf_release(&p->missing);
}
