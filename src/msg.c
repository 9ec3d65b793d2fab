/* SPDX-License-Identifier: ISC */
#include "msg.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "safe.h"

static bool quiet, painted;
static bool silent;

int why_set(struct why *why, const char *fmt, ...)
{
	va_list ap;

	if (why != NULL) {
		va_start(ap, fmt);
		safe_format(why->text, sizeof(why->text), fmt, ap);
		va_end(ap);
		why->err = 0;
	}
	return -1;
}

int why_sys(struct why *why, const char *fmt, ...)
{
	int err = errno;
	va_list ap;
	size_t len;

	if (why != NULL) {
		va_start(ap, fmt);
		safe_format(why->text, sizeof(why->text), fmt, ap);
		va_end(ap);
		len = strlen(why->text);
		snprintf(why->text + len, sizeof(why->text) - len, ": %s",
			strerror(err));
		why->err = err;
	}
	errno = err;
	return -1;
}

void msg_set_painted(bool on)
{
	painted = on;
}

void msg_set_quiet(bool on)
{
	quiet = on;
}

void msg_set_silent(void)
{
	silent = quiet = true;
}

/* Every line of a message that spans lines is made safe by itself. */
static void say(const char *level, const char *fmt, va_list ap)
	__attribute__((format(printf, 2, 0)));
static void say(const char *level, const char *fmt, va_list ap)
{
	struct buf out = { 0 };
	char *text, *line, *end;

	if (vasprintf(&text, fmt, ap) == -1)
		return;
	if (painted && isatty(STDERR_FILENO))
		buf_str(&out, "\r\033[K");
	painted = false;
	buf_printf(&out, "durexec: %s", level);
	for (line = text; (end = strchr(line, '\n')) != NULL; line = end + 1) {
		safe_line(&out, line, (size_t)(end - line));
		buf_char(&out, '\n');
	}
	safe_line(&out, line, strlen(line));
	buf_char(&out, '\n');
	/* Nowhere to say that stderr is gone. */
	(void)!write(STDERR_FILENO, out.data, out.len);
	buf_release(&out);
	free(text);
}

void msg_error(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say("", fmt, ap);
	va_end(ap);
}

void msg_warn(const char *fmt, ...)
{
	va_list ap;

	if (silent)
		return;
	va_start(ap, fmt);
	say("warning: ", fmt, ap);
	va_end(ap);
}

void msg_note(const char *fmt, ...)
{
	va_list ap;

	if (quiet)
		return;
	va_start(ap, fmt);
	say("", fmt, ap);
	va_end(ap);
}

void msg_list(const char *text)
{
	struct buf out = { 0 };

	safe_line(&out, text, strlen(text));
	buf_char(&out, '\n');
	(void)!write(STDERR_FILENO, out.data, out.len);
	buf_release(&out);
}

noreturn void msg_die(int status, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say("", fmt, ap);
	va_end(ap);
	exit(status);
}
