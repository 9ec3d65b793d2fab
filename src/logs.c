/* SPDX-License-Identifier: ISC */
#include "logs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "io.h"
#include "mem.h"
#include "safe.h"
#include "start.h"
#include "summary.h"

/* How often -f looks: a person watches, nothing waits for it. */
enum { LOOK_EVERY_MS = 200 };

/* One log file that is being shown. */
struct source {
	char *path;		/* relative to the run directory */
	char *prefix;		/* NULL: none */
	int fd;			/* -1: not there yet */
	struct buf line;	/* an unfinished line, when lines are kept
				   whole (prefixed, or made safe) */
};

struct sources {
	struct source *v;
	size_t n, cap;
};

static void add_source(struct sources *all, const char *step, int attempt,
	const char *kind, bool prefixed)
{
	struct buf path = { 0 };
	struct source *s;

	rundir_log(&path, step, attempt, kind);
	all->v = mem_grow(all->v, all->n, &all->cap, sizeof(*all->v));
	s = &all->v[all->n++];
	memset(s, 0, sizeof(*s));
	s->path = buf_steal(&path);
	s->prefix = prefixed ? mem_printf("%s| ", step) : NULL;
	s->fd = -1;
}

static int put_line(struct source *s, bool safe)
{
	struct buf out = { 0 };
	int ret;

	if (s->prefix != NULL)
		buf_str(&out, s->prefix);
	if (safe)
		safe_line(&out, s->line.data, s->line.len);
	else
		buf_add(&out, s->line.data, s->line.len);
	buf_char(&out, '\n');
	ret = io_write(STDOUT_FILENO, out.data, out.len);
	buf_release(&out);
	buf_reset(&s->line);
	return ret;
}

/* Show what is new. 1: something was; 0: nothing; -1: nobody reads us. */
static int show(struct source *s, int dirfd, bool safe)
{
	char part[65536], *p, *nl;
	bool any = false;
	ssize_t n;

	if (s->fd == -1)
		s->fd = openat(dirfd, s->path, O_RDONLY | O_CLOEXEC |
			O_NOFOLLOW);
	while (s->fd != -1 && (n = read(s->fd, part, sizeof(part))) > 0) {
		any = true;
		if (!safe && s->prefix == NULL) {
			if (io_write(STDOUT_FILENO, part, (size_t)n) == -1)
				return -1;
			continue;
		}
		for (p = part; p < part + n; p = nl + 1) {
			nl = memchr(p, '\n', (size_t)(part + n - p));
			if (nl == NULL) {
				buf_add(&s->line, p, (size_t)(part + n - p));
				break;
			}
			buf_add(&s->line, p, (size_t)(nl - p));
			if (put_line(s, safe) == -1)
				return -1;
		}
	}
	return any;
}

/* The logs of a step's attempt; kinds that are not there show nothing. */
static void add_step(struct sources *all, const struct options *o,
	const struct task *t, bool prefixed)
{
	int attempt = o->attempt > 0 ? o->attempt : t->attempts;

	if (attempt == 0)
		return;
	if (!o->only_stderr)
		add_source(all, t->name, attempt, "out", prefixed);
	if (!o->only_stdout)
		add_source(all, t->name, attempt, "err", prefixed);
	if (!o->only_stdout && !o->only_stderr) {
		add_source(all, t->name, attempt, "if", prefixed);
		add_source(all, t->name, attempt, "settle", prefixed);
	}
}

static void free_sources(struct sources *all)
{
	while (all->n > 0) {
		struct source *s = &all->v[--all->n];

		if (s->fd != -1)
			close(s->fd);
		free(s->path);
		free(s->prefix);
		buf_release(&s->line);
	}
	free(all->v);
	all->v = NULL;
	all->cap = 0;
}

/* Is there more to come for -f? Steps named: while one of them runs. */
static bool goes_on(struct session *se, const struct options *o)
{
	struct state s;
	struct journal j;
	bool more = home_holder(&se->h) != 0 && o->nsteps == 0;
	size_t i;
	int k, pid;

	state_init(&s);
	if (!more && journal_read(&j, se->d.fd, state_apply, &s, NULL) == 0)
		for (i = 0; i < o->nsteps && !more; i++) {
			k = state_find(&s, o->step[i]);
			more = k >= 0 && s.task[k].state == TASK_RUNNING &&
				summary_orphan(&se->d, &s.task[k], &pid) !=
				ORPHAN_GONE;
		}
	state_release(&s);
	return more;
}

/* Attempts that began since: for -f without a step. */
static void look_for_new(struct session *se, const struct options *o,
	struct sources *all)
{
	struct state s;
	struct journal j;
	size_t i, k;

	state_init(&s);
	if (journal_read(&j, se->d.fd, state_apply, &s, NULL) == 0)
		for (i = 0; i < s.ntasks; i++) {
			struct buf path = { 0 };

			if (s.task[i].attempts == 0)
				continue;
			rundir_log(&path, s.task[i].name, s.task[i].attempts,
				o->only_stderr ? "err" : "out");
			for (k = 0; k < all->n; k++)
				if (strcmp(all->v[k].path, path.data) == 0)
					break;
			if (k == all->n)
				add_step(all, o, &s.task[i], true);
			buf_release(&path);
		}
	state_release(&s);
}

int logs_show(struct session *se, const struct options *o)
{
	struct timespec nap = { 0, LOOK_EVERY_MS * 1000000 };
	bool safe = isatty(STDOUT_FILENO), any = false, last;
	struct sources all = { 0 };
	int status = STATUS_DONE, k, got;
	struct why why;
	size_t i;

	for (i = 0; i < o->nsteps; i++) {
		k = state_find(&se->s, o->step[i]);
		if (k < 0 || (pipeline_find(se->p, o->step[i]) < 0 &&
		    se->s.task[k].attempts == 0)) {
			(void)pipeline_no_such_step(se->p, o->step[i], &why);
			msg_error("%s", why.text);
			status = STATUS_USAGE;
			goto out;
		}
		add_step(&all, o, &se->s.task[k], o->nsteps > 1);
	}
	for (i = 0; i < se->s.ntasks && o->nsteps == 0; i++)
		add_step(&all, o, &se->s.task[i], true);
	for (;;) {
		/* asked before reading: what comes later is not missed */
		last = !o->follow || !goes_on(se, o);
		if (o->follow && o->nsteps == 0)
			look_for_new(se, o, &all);
		for (i = 0; i < all.n; i++) {
			got = show(&all.v[i], se->d.fd, safe);
			if (got == -1)
				goto out;
			any |= got == 1;
		}
		if (last)
			break;
		nanosleep(&nap, NULL);
	}
	for (i = 0; i < all.n; i++)
		if (all.v[i].line.len > 0)
			(void)put_line(&all.v[i], safe);
	if (!any && !o->quiet)
		msg_note("nothing was written");
out:
	free_sources(&all);
	return status;
}
