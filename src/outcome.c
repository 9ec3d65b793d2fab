/* SPDX-License-Identifier: ISC */
#include "outcome.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

static const char *const word[OUTCOME_KINDS] = {
	[OUTCOME_NONE] = "none",
	[OUTCOME_EXIT] = "exit",
	[OUTCOME_SIGNAL] = "signal",
	[OUTCOME_TIMEOUT] = "timeout",
	[OUTCOME_IDLE] = "idle",
	[OUTCOME_FLOOD] = "flood",
	[OUTCOME_INTERRUPTED] = "interrupted",
	[OUTCOME_NOT_STARTED] = "not-started",
	[OUTCOME_LOST] = "lost",
};

struct outcome outcome_of(enum outcome_kind kind)
{
	struct outcome o = { .kind = kind, .exit = -1 };

	return o;
}

struct outcome outcome_from_wait(int status)
{
	struct outcome o = outcome_of(OUTCOME_EXIT);

	if (WIFEXITED(status)) {
		o.exit = WEXITSTATUS(status);
	} else {
		o.kind = OUTCOME_SIGNAL;
		o.signo = WTERMSIG(status);
	}
	return o;
}

const char *outcome_word(enum outcome_kind kind)
{
	return word[kind];
}

enum outcome_kind outcome_kind_of(const char *text)
{
	int i;

	for (i = 0; i < OUTCOME_KINDS; i++)
		if (strcmp(text, word[i]) == 0)
			return (enum outcome_kind)i;
	return OUTCOME_KINDS;
}

const char *outcome_signal_name(int signo)
{
	static char number[16];
	const char *name = sigabbrev_np(signo);

	if (name != NULL)
		return name;
	snprintf(number, sizeof(number), "%d", signo);
	return number;
}

static void how(const struct outcome *o, struct buf *out)
{
	if (o->signo != 0)
		buf_printf(out, "signal %d (%s)", o->signo,
			outcome_signal_name(o->signo));
	else if (o->exit >= 0)
		buf_printf(out, "exit %d", o->exit);
	else
		buf_str(out, "status unknown");
}

void outcome_text(const struct outcome *o, struct buf *out)
{
	const char *what = NULL;

	switch (o->kind) {
	case OUTCOME_NONE:
		buf_str(out, "not ended");
		return;
	case OUTCOME_EXIT:
		how(o, out);
		return;
	case OUTCOME_SIGNAL:
		buf_str(out, "killed by ");
		how(o, out);
		if (o->oom)
			buf_str(out, ", probably out of memory");
		return;
	case OUTCOME_NOT_STARTED:
		buf_str(out, "not started");
		if (o->err != 0)
			buf_printf(out, ": %s", strerror(o->err));
		return;
	case OUTCOME_LOST:
		buf_str(out, "lost: nobody saw how it ended");
		return;
	case OUTCOME_TIMEOUT:
		what = "time limit";
		break;
	case OUTCOME_IDLE:
		what = "no output for too long";
		break;
	case OUTCOME_FLOOD:
		what = "too much output";
		break;
	case OUTCOME_INTERRUPTED:
		what = "interrupted";
		break;
	case OUTCOME_KINDS:
		return;
	}
	buf_str(out, what);
	if (o->exit >= 0 || o->signo != 0) {
		buf_str(out, " (");
		how(o, out);
		buf_char(out, ')');
	}
}
