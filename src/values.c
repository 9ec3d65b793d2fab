/* SPDX-License-Identifier: ISC */
#include "values.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "clock.h"

#define BLANKS " \t\r\n"
#define SEPARATORS BLANKS ","

/*
 * The signals whose default is to end a process, and WINCH, with which Apache
 * is asked to stop gracefully. STOP, CONT and the like would leave the step
 * where it is, so they are a mistake. The order of name[] is that of number[].
 */
static const char *const signal_name[] = {
	"TERM", "INT", "HUP", "QUIT", "KILL", "USR1", "USR2", "ABRT", "ALRM",
	"PIPE", "WINCH", "XCPU", "PWR",
};
static const int signal_number[] = {
	SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGKILL, SIGUSR1, SIGUSR2, SIGABRT,
	SIGALRM, SIGPIPE, SIGWINCH, SIGXCPU, SIGPWR,
};
#define SIGNALS (sizeof(signal_name) / sizeof(signal_name[0]))

_Static_assert(SIGNALS == sizeof(signal_number) / sizeof(signal_number[0]),
	"a number for each name");

char *values_trim(char *text)
{
	size_t n;

	text += strspn(text, BLANKS);
	n = strlen(text);
	while (n > 0 && strchr(BLANKS, text[n - 1]) != NULL)
		n--;
	text[n] = '\0';
	return text;
}

bool values_is_variable(const char *name)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz"
		"ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789";

	if (*name == '\0' || (*name >= '0' && *name <= '9'))
		return false;
	return name[strspn(name, letters)] == '\0';
}

/* Digits only: no sign, no blank, no "0x". At most nine of them, so that
 * nothing overflows. Returns what follows, NULL when there is no number. */
static const char *number(const char *text, int *out)
{
	size_t n = strspn(text, "0123456789");

	if (n == 0 || n > 9)
		return NULL;
	*out = (int)strtol(text, NULL, 10);
	return text + n;
}

int values_bool(const char *text, bool *out, struct why *why)
{
	static const char *const yes[] = { "yes", "true", "on", "1" };
	static const char *const no[] = { "no", "false", "off", "0" };

	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++) {
		if (strcasecmp(text, yes[i]) == 0) {
			*out = true;
			return 0;
		}
		if (strcasecmp(text, no[i]) == 0) {
			*out = false;
			return 0;
		}
	}
	return why_set(why, "expected yes or no");
}

int values_int(const char *text, int min, int max, int *out, struct why *why)
{
	bool minus = *text == '-';
	int n;
	const char *end = number(text + minus, &n);

	if (end != NULL && *end == '\0') {
		n = minus ? -n : n;
		if (n >= min && n <= max) {
			*out = n;
			return 0;
		}
	}
	if (max == INT_MAX)
		return why_set(why, "expected a whole number, at least %d",
			min);
	return why_set(why, "expected a whole number from %d to %d", min, max);
}

int values_duration(const char *text, int64_t *ms, struct why *why)
{
	if (clock_parse_duration(text, ms))
		return 0;
	return why_set(why,
		"expected a duration such as 90s, 250ms, 1h30m or 2d");
}

int values_size(const char *text, int64_t *bytes, struct why *why)
{
	static const char units[] = "KMGT";
	int64_t whole = 0, tenths = 0;
	int64_t unit = 1;
	const char *at = text, *u;
	int n, digits = 0;

	at = number(text, &n);
	if (at == NULL)
		goto bad;
	whole = n;
	if (*at == '.') {
		/* one digit is precise enough for a limit */
		if (at[1] < '0' || at[1] > '9')
			goto bad;
		tenths = at[1] - '0';
		for (at++; *at >= '0' && *at <= '9'; at++)
			digits++;
	}
	if (*at != '\0' && *at != 'B') {
		u = strchr(units, *at >= 'a' ? *at - 'a' + 'A' : *at);
		if (u == NULL)
			goto bad;
		for (long i = 0; i <= u - units; i++)
			unit *= 1024;
		at++;
		if (*at == 'i')
			at++;
	}
	if (*at == 'B')
		at++;
	if (*at != '\0' || digits > 1 || (digits == 1 && unit == 1))
		goto bad;
	/* 10^9 units of at most 2^40: below 2^70, so it has to be asked */
	if (whole >= INT64_MAX / unit)
		goto bad;
	*bytes = whole * unit + tenths * (unit / 10);
	return 0;
bad:
	return why_set(why, "expected a size such as 500K, 10M or 2G");
}

#define MILLION 1000000

/*
 * Digits, perhaps a point and digits behind it, in millionths. Not strtod():
 * that has a locale's idea of a point, and takes "inf" and "0x1p3". Returns
 * what follows, NULL when there is no such number.
 */
static const char *decimal(const char *text, int64_t *millionths)
{
	int64_t unit = MILLION;
	int whole;
	const char *at = number(text, &whole);

	if (at == NULL)
		return NULL;
	*millionths = (int64_t)whole * MILLION;
	if (*at != '.')
		return at;
	if (at[1] < '0' || at[1] > '9')
		return NULL;
	for (at++; *at >= '0' && *at <= '9'; at++) {
		unit /= 10;
		if (unit == 0)
			return NULL;
		*millionths += (*at - '0') * unit;
	}
	return at;
}

int values_money(const char *text, int64_t *millionths, struct why *why)
{
	const char *end = decimal(text + (*text == '$'), millionths);

	if (end != NULL && *end == '\0')
		return 0;
	return why_set(why, "expected an amount such as 0.30 or $12, with at "
		"most six digits behind the point");
}

int values_factor(const char *text, double *factor, struct why *why)
{
	int64_t n;
	const char *end = decimal(text, &n);

	if (end == NULL || *end != '\0' || n < MILLION ||
	    n > 100 * (int64_t)MILLION)
		return why_set(why, "expected a number from 1 to 100, such as "
			"1.5");
	*factor = (double)n / MILLION;
	return 0;
}

int values_percent(const char *text, int *percent, struct why *why)
{
	const char *end = number(text, percent);

	if (end != NULL && *end == '%')
		end++;
	if (end == NULL || *end != '\0' || *percent > 100)
		return why_set(why, "expected a share from 0%% to 100%%");
	return 0;
}

int values_umask(const char *text, int *mask, struct why *why)
{
	size_t n = strspn(text, "01234567");

	if (n == 0 || n > 4 || text[n] != '\0' || strtol(text, NULL, 8) > 0777)
		return why_set(why, "expected an octal mask such as 022");
	*mask = (int)strtol(text, NULL, 8);
	return 0;
}

int values_signal(const char *text, int *sig, struct why *why)
{
	const char *name = text;
	const char *end;
	int n;

	if (strncasecmp(name, "SIG", 3) == 0)
		name += 3;
	end = number(text, &n);
	for (size_t i = 0; i < SIGNALS; i++) {
		if (strcasecmp(name, signal_name[i]) == 0 ||
		    (end != NULL && *end == '\0' && n == signal_number[i])) {
			*sig = signal_number[i];
			return 0;
		}
	}
	return why_set(why, "expected a signal that can end a process: TERM, "
		"INT, HUP, QUIT, KILL, USR1 or USR2");
}

const char *const *values_signal_names(size_t *n)
{
	*n = SIGNALS;
	return signal_name;
}

int values_exits(const char *text, uint8_t set[32], struct why *why)
{
	const char *at = text + strspn(text, SEPARATORS);

	while (*at != '\0') {
		int from, to;

		at = number(at, &from);
		if (at == NULL)
			goto bad;
		to = from;
		if (*at == '-')
			at = number(at + 1, &to);
		if (at == NULL || from > to || to > 255)
			goto bad;
		for (int code = from; code <= to; code++)
			set[code / 8] |= (uint8_t)(1u << (code % 8));
		at += strspn(at, SEPARATORS);
	}
	return 0;
bad:
	return why_set(why, "expected exit codes from 0 to 255, such as "
		"\"3 10-12\"");
}

int values_fail_fast(const char *text, int *n, bool *percent, struct why *why)
{
	const char *end = number(text, n);
	bool on;

	*percent = false;
	if (end != NULL && *end == '\0')
		return 0;
	if (end != NULL && strcmp(end, "%") == 0 && *n >= 1 && *n <= 100) {
		*percent = true;
		return 0;
	}
	if (values_bool(text, &on, NULL) == 0) {
		*n = on ? 1 : 0;
		return 0;
	}
	return why_set(why, "expected no, yes, a count such as 3, or a share "
		"such as 10%%");
}

struct strlist values_list(struct arena *arena, const char *text)
{
	struct strlist list = { NULL, 0 };
	const char *at;
	int n = 0;

	for (at = text + strspn(text, SEPARATORS); *at != '\0';
	     at += strspn(at, SEPARATORS)) {
		at += strcspn(at, SEPARATORS);
		n++;
	}
	if (n == 0)
		return list;
	list.v = arena_alloc(arena, (size_t)n * sizeof(*list.v));
	for (at = text + strspn(text, SEPARATORS); *at != '\0';
	     at += strspn(at, SEPARATORS)) {
		size_t len = strcspn(at, SEPARATORS);

		list.v[list.n++] = arena_dupn(arena, at, len);
		at += len;
	}
	return list;
}

const char *values_step(const char *text)
{
	return strncmp(text, "step:", 5) == 0 ? text + 5 : NULL;
}
