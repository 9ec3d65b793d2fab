/* SPDX-License-Identifier: ISC */
/* hooks: on_done, on_review, on_wait, on_exit: commands that are told how the
 * run goes. They run one after another on a keeper of their own, which has no
 * part in the run's directory and dies with us; how they end changes nothing. */
#include "engine.h"

#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "io.h"
#include "mem.h"
#include "prepare.h"
#include "safe.h"
#include "summary.h"
#include "tail.h"

enum {
	/* A hook sends a message or makes a sound: then it is over. */
	TIMEOUT_MS = 60 * 1000,
	/* Of its output, in hooks.log. */
	LOG_MOST = 64 * 1024,
	/* Limits that are met while the hook for the first one still runs. */
	WAITING_MOST = 32,
	/* Names of steps in review, in DUREXEC_REVIEW. */
	NAMES_MOST = 4096,
};

struct call {
	enum hook hook;
	char **facts;		/* NAME=VALUE, NULL-ended */
	size_t nfacts;
};

struct hooks {
	struct watch keeper;
	bool open, busy, killed, told;
	ev_io io;
	int log;		/* memfd of the one that runs */
	struct call call[WAITING_MOST + HOOKS];
	int ncalls;		/* call[0] runs, when busy */
};

static const char *const words[HOOKS] = {
	[HOOK_DONE] = "done", [HOOK_REVIEW] = "review",
	[HOOK_WAIT] = "wait", [HOOK_EXIT] = "exit",
};

void hooks_init(struct run *r)
{
	r->hooks = mem_alloc(sizeof(*r->hooks));
	r->hooks->log = -1;
}

static void close_keeper(struct run *r)
{
	struct hooks *h = r->hooks;

	if (h->open) {
		ev_io_stop(r->loop, &h->io);
		watch_close(&h->keeper);
	}
	h->open = false;
}

static void drop_first(struct hooks *h)
{
	struct call *c = &h->call[0];

	while (c->nfacts > 0)
		free(c->facts[--c->nfacts]);
	free(c->facts);
	h->ncalls--;
	memmove(h->call, h->call + 1, (size_t)h->ncalls * sizeof(*h->call));
}

void hooks_release(struct run *r)
{
	struct hooks *h = r->hooks;

	close_keeper(r);
	while (h->ncalls > 0)
		drop_first(h);
	if (h->log != -1)
		close(h->log);
	free(h);
	r->hooks = NULL;
}

/* What it said goes to hooks.log, below a line that names it. */
static void keep_log(struct run *r)
{
	struct hooks *h = r->hooks;
	/* with what comes after it: a secret that is half in it is hidden */
	size_t most = LOG_MOST + safe_secrets()->longest, len;
	struct buf text = { 0 }, said = { 0 };
	char when[CLOCK_SPAN];
	ssize_t n;
	int fd;

	if (lseek(h->log, 0, SEEK_END) <= 0)
		return;
	buf_reserve(&said, most);
	n = pread(h->log, said.data, most, 0);
	len = n > 0 ? (size_t)n : 0;
	clock_local(clock_wall(), when);
	buf_printf(&text, "on_%s %s\n", words[h->call[0].hook], when);
	mask_part(safe_secrets(), said.data, len, 0, len < LOG_MOST ? len :
		LOG_MOST, &text);
	buf_release(&said);
	if (text.data[text.len - 1] != '\n')
		buf_char(&text, '\n');
	fd = io_open(r->at.d->fd, "hooks.log", O_WRONLY | O_APPEND | O_CREAT);
	if (fd != -1) {
		(void)io_write(fd, text.data, text.len);
		close(fd);
	}
	buf_release(&text);
}

static void over(struct run *r, const struct report *report)
{
	struct hooks *h = r->hooks;
	struct buf how = { 0 }, said = { 0 };

	if (report->outcome.kind != OUTCOME_EXIT || report->outcome.exit != 0) {
		outcome_text(&report->outcome, &how);
		tail_fd(&said, h->log, 1, ": ");
		if (said.len > 0)
			said.data[said.len - 1] = '\0';
		msg_warn("on_%s: %s%s", words[h->call[0].hook], how.data,
			said.len > 0 ? said.data : "");
		buf_release(&how);
		buf_release(&said);
	}
	keep_log(r);
	close(h->log);
	h->log = -1;
	h->busy = false;
	drop_first(h);
}

static void hook_ready(struct ev_loop *loop, ev_io *io, int revents)
{
	struct run *r = io->data;
	struct report report = { .outcome = outcome_of(OUTCOME_LOST) };

	(void)loop;
	(void)revents;
	if (watch_receive(&r->hooks->keeper, &report) != 1)
		close_keeper(r);
	if (r->hooks->busy)
		over(r, &report);
	hooks_begin(r);
}

static int begin(struct run *r, struct why *why)
{
	struct hooks *h = r->hooks;
	struct buf message = { 0 };
	char path[64];
	int ret = -1;

	h->log = memfd_create("hook", MFD_CLOEXEC);
	if (h->log == -1)
		return why_sys(why, "memory");
	snprintf(path, sizeof(path), "/proc/%ld/fd/%d", (long)getpid(),
		h->log);
	if (prepare_hook(&r->env, h->call[0].hook, h->call[0].facts,
	    TIMEOUT_MS, path, &message, why) == -1)
		goto out;
	if (!h->open) {
		if (watch_start(&h->keeper, -1, why) == -1)
			goto out;
		ev_io_init(&h->io, hook_ready, h->keeper.sock, EV_READ);
		h->io.data = r;
		ev_io_start(r->loop, &h->io);
		h->open = true;
	}
	if (watch_send(&h->keeper, &message, -1) == -1) {
		close_keeper(r);
		(void)why_sys(why, "its keeper is gone");
		goto out;
	}
	h->busy = true;
	ret = 0;
out:
	buf_release(&message);
	return ret;
}

void hooks_begin(struct run *r)
{
	struct hooks *h = r->hooks;
	struct why why;

	while (!h->busy && h->ncalls > 0) {
		if (!h->killed && begin(r, &why) == 0)
			return;
		if (!h->killed)
			msg_warn("on_%s: %s", words[h->call[0].hook],
				why.text);
		if (h->log != -1)
			close(h->log);
		h->log = -1;
		drop_first(h);
	}
}

static void fact(struct call *c, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
static void fact(struct call *c, const char *fmt, ...)
{
	struct buf text = { 0 };
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(&text, fmt, ap);
	va_end(ap);
	c->facts = mem_resize(c->facts,
		(c->nfacts + 2) * sizeof(*c->facts));
	c->facts[c->nfacts++] = buf_steal(&text);
	c->facts[c->nfacts] = NULL;
}

/* Which steps are in review, and why the first of them is. */
static void add_review(struct run *r, struct call *c)
{
	struct buf names = { 0 };
	const char *reason = "";

	for (size_t i = 0; i < r->at.plan->nunits &&
	    names.len < NAMES_MOST; i++) {
		const struct task *t = plan_unit(r->at.plan, (int)i);

		if (t->state != TASK_NEEDS_REVIEW ||
		    plan_step(r->at.plan, (int)i) == -1 ||
		    plan_unit_settled(r->at.plan, (int)i))
			continue;
		if (names.len == 0 && t->reason != NULL)
			reason = t->reason;
		buf_printf(&names, "%s%s", names.len > 0 ? " " : "", t->name);
	}
	fact(c, "DUREXEC_REVIEW=%s", names.len > 0 ? names.data : "");
	if (c->hook != HOOK_WAIT)
		fact(c, "DUREXEC_REASON=%s", reason);
	buf_release(&names);
}

void hooks_call(struct run *r, enum hook hook, int task, int status)
{
	struct hooks *h = r->hooks;
	struct summary sum;
	struct call *c;

	if (r->at.p->hook[hook] == NULL || h->killed || r->options.closing ||
	    r->options.collect)
		return;
	/* the others are called once each */
	if (h->ncalls >= (hook == HOOK_WAIT ? WAITING_MOST :
	    WAITING_MOST + HOOKS)) {
		if (!h->told)
			msg_warn("on_%s: %d calls wait already; it is not "
				"called for each", words[hook], h->ncalls);
		h->told = true;
		return;
	}
	c = &h->call[h->ncalls++];
	memset(c, 0, sizeof(*c));
	c->hook = hook;
	summary_make(&sum, r->at.plan, hook == HOOK_WAIT);
	fact(c, "DUREXEC_EVENT=%s", words[hook]);
	fact(c, "DUREXEC_PIPELINE=%s", r->at.p->name);
	fact(c, "DUREXEC_FILE=%s", r->at.p->path);
	fact(c, "DUREXEC_RUN=%s", r->at.s->run);
	fact(c, "DUREXEC_STATE=%s", sum.state);
	fact(c, "DUREXEC_DONE=%d", sum.done);
	fact(c, "DUREXEC_TOTAL=%d", sum.total);
	fact(c, "DUREXEC_COST=%.2f", (double)r->at.s->cost / 1e6);
	add_review(r, c);
	if (hook == HOOK_EXIT)
		fact(c, "DUREXEC_STATUS=%d", status);
	if (task >= 0) {
		const struct task *t = &r->at.s->task[task];

		char until[CLOCK_RFC3339];

		clock_format(t->until_at, until);
		fact(c, "DUREXEC_STEP=%s", t->name);
		fact(c, "DUREXEC_REASON=%s", t->reason != NULL ?
			t->reason : "");
		fact(c, "DUREXEC_UNTIL=%s", until);
	}
}

bool hooks_busy(const struct run *r)
{
	return r->hooks->busy;
}

void hooks_kill(struct run *r)
{
	r->hooks->killed = true;
	if (r->hooks->busy)
		watch_signal(&r->hooks->keeper, SIGQUIT);
}
