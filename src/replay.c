/* SPDX-License-Identifier: ISC */
/* replay: what is remembered of a call is given back. */
#include "stepcall.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "io.h"
#include "mem.h"
#include "msg.h"
#include "options.h"
#include "os.h"

/* As the shell says it of one that SIGPIPE ended. */
enum { STATUS_NO_READER = 128 + 13 };

/* As long as a keeper repeats KILL. */
enum { SWEEP_FOR_MS = 5000, SWEEP_EVERY_MS = 20 };

/* An output as it was recorded; -1: it is not there; -2: there was none. */
static int open_output(const struct stepcall *st, const char *kind,
	int64_t bytes)
{
	struct stat s;
	char name[STEP_FILE];
	int fd;

	if (bytes == 0)
		return -2;
	step_file(st, kind, name);
	fd = io_open(st->scope.fd, name, O_RDONLY);
	if (fd != -1 && (fstat(fd, &s) != 0 || s.st_size != bytes)) {
		close(fd);
		fd = -1;
	}
	return fd;
}

static int not_the_input(const struct stepcall *st,
	const struct substep_record *r, int64_t bytes)
{
	msg_error("step %s: its standard input is not what it was when it was "
		"done (%lld bytes then, %lld now); to run it again: durexec "
		"rewind 'STEP/%s'", st->name, (long long)r->in_bytes,
		(long long)bytes, st->name);
	return STATUS_USAGE;
}

/* All `bytes` of it, also to a reader that somebody has made so that it does
 * not block. -1 + errno. */
static int give(int from, int to, int64_t bytes)
{
	enum { PIECE = 256 * 1024 };
	struct pollfd p = { .fd = to, .events = POLLOUT };
	char *piece = mem_alloc(PIECE);
	off_t at = 0;
	ssize_t n, w = 0;

	while (w != -1 && at < bytes) {
		n = pread(from, piece, PIECE, at);
		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0) {
			errno = EIO;
			w = -1;
			break;
		}
		w = write(to, piece, (size_t)n);
		if (w == -1 && errno == EAGAIN)
			(void)poll(&p, 1, -1);
		if (w == -1 && (errno == EAGAIN || errno == EINTR))
			w = 0;
		at += w > 0 ? w : 0;
	}
	free(piece);
	return w == -1 ? -1 : 0;
}

static int replay(struct stepcall *st, const struct substep_record *r)
{
	int out, err, status = STATUS_OWN | r->exit;
	int64_t bytes;
	uint64_t hash;
	struct why why;

	if (st->spool && (step_drain(-1, &bytes, &hash) == -1 ||
	    (r->in_bytes != -1 && (bytes != r->in_bytes ||
	    hash != r->in_hash))))
		return not_the_input(st, r, bytes);
	out = open_output(st, "out", r->out_bytes);
	err = open_output(st, "err", r->err_bytes);
	if (out == -1 || err == -1) {
		why_set(&why, "what it wrote is no longer there as it was "
			"recorded (%s/%s.%s); to run it again: durexec "
			"rewind 'STEP/%s'", st->scope.path, st->call.id,
			out == -1 ? "out" : "err", st->name);
		status = step_failed(st, &why);
	} else if (substep_keep(&st->scope, &st->call, &why) == -1) {
		status = step_failed(st, &why);
	} else if ((out >= 0 && give(out, STDOUT_FILENO, r->out_bytes) == -1) ||
	    (err >= 0 && give(err, STDERR_FILENO, r->err_bytes) == -1)) {
		/* its reader does not want it any more */
		status = STATUS_OWN | STATUS_NO_READER;
		if (errno != EPIPE) {
			msg_error("step %s: cannot pass on what it wrote: %s",
				st->name, strerror(errno));
			status = STATUS_OWN | STATUS_REVIEW;
		}
	}
	if (out >= 0)
		close(out);
	if (err >= 0)
		close(err);
	return status;
}

/* 1: it is remembered, *status is what to exit with; 0: it is not. */
static int remembered(struct stepcall *st, int *status)
{
	struct substep_record r;
	struct why why;

	switch (substep_read(&st->scope, &st->call, &r, &why)) {
	case 0:
		return 0;
	case -1:
		*status = step_failed(st, &why);
		return 1;
	}
	*status = replay(st, &r);
	free(r.name);
	return 1;
}

/* What a killed one has left, and what it had called itself: two never run at
 * once. */
static int end_leftovers(const struct stepcall *st, struct why *why)
{
	struct timespec nap = { 0, SWEEP_EVERY_MS * 1000000 };
	int64_t until = clock_mono() + SWEEP_FOR_MS;
	char *mark = mem_printf("DUREXEC_STEPS=%s/%s.d/", st->scope.path,
		st->call.id);
	pid_t left = 0;
	int ret = 0;

	while (os_kill_marked(mark, NULL, 0, 0, &left) != 0 && ret == 0) {
		if (clock_mono() > until && left == 0)
			ret = why_sys(why, "cannot look for what its last "
				"execution left");
		else if (clock_mono() > until)
			ret = why_set(why, "process %ld of its last execution "
				"cannot be killed", (long)left);
		nanosleep(&nap, NULL);
	}
	free(mark);
	return ret;
}

static int call(struct stepcall *st)
{
	struct why why;
	bool killed = false;
	int fd, status;

	for (;;) {
		if (remembered(st, &status))
			return status;
		fd = substep_begin(&st->scope, &st->call, st->name,
			clock_wall(), &killed, &why);
		if (fd == -1)
			return step_failed(st, &why);
		if (fd != -2)
			break;
	}
	status = killed && end_leftovers(st, &why) == -1 ?
		step_failed(st, &why) : step_run(st, fd);
	close(fd);
	return status;
}

static int mark(struct stepcall *st)
{
	struct substep_record r = { .name = (char *)st->name, .in_bytes = -1,
		.mark = true, .started_at = clock_wall() };
	struct why why;
	bool killed;
	int fd, ret;

	r.ended_at = r.started_at;
	fd = substep_begin(&st->scope, &st->call, st->name, r.started_at,
		&killed, &why);
	if (fd == -2)
		return STATUS_DONE;
	ret = fd != -1 ? substep_commit(&st->scope, &st->call, fd, &r, &why) :
		-1;
	if (fd != -1)
		close(fd);
	return ret == 0 ? STATUS_DONE : step_failed(st, &why);
}

/* By a mark, or by a call that has its name alone. */
static int is_marked(struct stepcall *st)
{
	struct substep_record r;
	struct why why;
	int found = substep_read(&st->scope, &st->call, &r, &why);

	if (found == 0) {
		substep_identify(&st->call, st->name, NULL, false);
		substep_first(&st->call);
		found = substep_read(&st->scope, &st->call, &r, &why);
	}
	if (found == -1)
		return step_failed(st, &why);
	if (found == 0)
		return STATUS_OWN | 1;
	free(r.name);
	return STATUS_DONE;
}

int step_call(struct stepcall *st)
{
	if (st->test)
		return is_marked(st);
	return st->mark ? mark(st) : call(st);
}
