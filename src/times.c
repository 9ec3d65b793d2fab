/* SPDX-License-Identifier: ISC */
#include "times.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "io.h"
#include "mem.h"
#include "summary.h"

/* A file of more steps than this is kept no times of: it would cost more to
 * write them than they tell. So the file is a megabyte at most. */
enum { STEPS_MOST = 10000, SIZE_MOST = 1 << 20 };

#define FILE_NAME "../times"
#define NEW_NAME "../times.new"

static void take_line(struct times *times, const struct pipeline *p,
	char *line)
{
	char *count = strchr(line, ' '), *ms;
	struct times one;
	int step;

	if (count == NULL)
		return;
	*count++ = '\0';
	one.n = strtoll(count, &ms, 10);
	one.ms = strtoll(ms, NULL, 10);
	step = pipeline_find(p, line);
	/* a thousand years is no time that a step took */
	if (step >= 0 && one.n > 0 && one.n < INT32_MAX && one.ms >= 0 &&
	    one.ms < (int64_t)1000 * 366 * 86400 * 1000)
		times[step] = one;
}

struct times *times_read(const struct pipeline *p, const struct rundir *d)
{
	struct times *times = mem_alloc(((size_t)p->nsteps + 1) *
		sizeof(*times));
	struct buf text = { 0 };
	char *line, *rest;

	if (p->nsteps <= STEPS_MOST &&
	    io_slurp(d->fd, FILE_NAME, SIZE_MOST, &text, NULL) == 0 &&
	    text.len > 0) {
		rest = text.data;
		while ((line = strsep(&rest, "\n")) != NULL)
			take_line(times, p, line);
	}
	buf_release(&text);
	return times;
}

/* Whole or not at all, but for a power cut; and that costs a guess. */
static void replace(const struct rundir *d, const struct buf *text)
{
	int fd = io_open(d->fd, NEW_NAME, O_WRONLY | O_CREAT | O_EXCL);
	bool written;

	if (fd == -1)
		return;
	written = io_write(fd, text->data, text->len) == 0;
	close(fd);
	if (!written || renameat(d->fd, NEW_NAME, d->fd, FILE_NAME) == -1)
		(void)unlinkat(d->fd, NEW_NAME, 0);
}

void times_keep(const struct plan *pl, const struct rundir *d)
{
	struct times *times;
	struct buf text = { 0 };
	bool news = false;
	int i;

	if (pl->p->nsteps > STEPS_MOST)
		return;
	times = times_read(pl->p, d);
	for (i = 0; i < pl->p->nsteps; i++) {
		struct summary sum = { 0 };

		summary_add(&sum, pl, i);
		/* a few of them tell less than all of an earlier run */
		if (sum.timed > 0 && (plan_settled(pl, i) ||
		    sum.timed > times[i].n) && (times[i].n != sum.timed ||
		    times[i].ms != sum.timed_ms)) {
			times[i].n = sum.timed;
			times[i].ms = sum.timed_ms;
			news = true;
		}
		if (times[i].n > 0)
			buf_printf(&text, "%s %lld %lld\n",
				pl->p->step[i].name, (long long)times[i].n,
				(long long)times[i].ms);
	}
	if (news)
		replace(d, &text);
	buf_release(&text);
	free(times);
}
