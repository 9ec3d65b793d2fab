/* SPDX-License-Identifier: ISC */
#include "failure.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "safe.h"
#include "until.h"

enum {
	/* The shell's: cannot be executed, is not there. */
	EXIT_NOT_EXECUTABLE = 126, EXIT_NOT_FOUND = 127,
	/* A named time is met this much later at most: many who were told
	 * the same time do not come all at once. */
	SPREAD_MOST_MS = 3 * 60 * 1000,
	/* A limit without a time is not asked after more often than this,
	 * whatever retry_delay says: nothing would count it. */
	PARK_LEAST_MS = 1000,
	/* Of what a program said, in a reason. */
	QUOTED = 100,
	/* And what stands before the place that matched. */
	BEFORE = 30,
	/* A long line is looked through in pieces of this. */
	LOOK = 4096,
};

/* What full disks say (strerror(ENOSPC) of the C library, in all programs that
 * do not translate it). */
static const char no_space[] = "No space left on device";

/* A usage limit as it was met. */
struct limit {
	int64_t named;		/* the time; 0 none */
	const char *line;	/* that speaks of it; NULL none */
	size_t len;
	const char *said;	/* what of it is shown */
};

/* The first pattern of the list that is found in one of the two texts. NULL:
 * none. */
static const char *found(const struct patterns *list,
	const struct evidence *e)
{
	for (int i = 0; i < list->n; i++)
		if ((e->err != NULL && pattern_seen(e->cache, list->v[i],
		    e->err, e->err_len)) || (e->out != NULL &&
		    pattern_seen(e->cache, list->v[i], e->out, e->out_len)))
			return list->v[i];
	return NULL;
}

/* A byte of UTF-8 that begins no character. */
static bool in_character(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80;
}

/* The last line in which the pattern is found: what was said before it, the
 * program may have got over. */
static bool last_line(const char *pattern, const struct evidence *e,
	const char *text, size_t n, struct limit *limit)
{
	const char *start, *end = text + n;
	struct pattern_hit hit;
	size_t len, at;

	if (text == NULL || !pattern_seen(e->cache, pattern, text, n))
		return false;
	for (;; end = start - 1) {
		start = memrchr(text, '\n', (size_t)(end - text));
		start = start != NULL ? start + 1 : text;
		if (pattern_seen(e->cache, pattern, start,
		    (size_t)(end - start)))
			break;
		/* it stands in several lines ([[:space:]] is a newline, too):
		 * from the first of them on */
		if (start == text) {
			if (pattern_find(e->cache, pattern, text, n, &hit))
				start += hit.start;
			end = text + n;
			break;
		}
	}
	len = (size_t)(end - start);
	limit->line = limit->said = start;
	limit->len = len;
	/* of a long one (JSON), the place is shown */
	for (at = 0; len > QUOTED && at < len; at += LOOK / 2)
		if (pattern_find(e->cache, pattern, start + at,
		    len - at < LOOK ? len - at : LOOK, &hit)) {
			at += (size_t)hit.start;
			/* a long match says all itself */
			if (hit.end - hit.start < BEFORE)
				at = at > BEFORE ? at - BEFORE : 0;
			limit->said = start + at;
			while (limit->said < end && in_character(
			    *limit->said))
				limit->said++;
			break;
		}
	return true;
}

static bool says_no_space(const struct evidence *e)
{
	return (e->err != NULL && memmem(e->err, e->err_len, no_space,
			sizeof(no_space) - 1) != NULL) ||
		(e->out != NULL && memmem(e->out, e->out_len, no_space,
			sizeof(no_space) - 1) != NULL);
}

/* retry_delay, growing with what was tried already, without jitter. */
static int64_t backoff(const struct stepconf *conf, int tried)
{
	double ms = (double)conf->retry_delay_ms;

	while (tried-- > 0 && ms < (double)conf->retry_max_delay_ms)
		ms *= conf->retry_factor;
	if (ms > (double)conf->retry_max_delay_ms)
		ms = (double)conf->retry_max_delay_ms;
	return (int64_t)ms;
}

static bool gives_up(const struct failure *f, struct verdict *v)
{
	const struct outcome *o = &f->r->outcome;
	int code = o->kind == OUTCOME_EXIT ? o->exit :
		o->kind == OUTCOME_SIGNAL ? 128 + o->signo : -1;
	const char *pattern;

	if (f->gave_exit && verdict_listed(&f->conf->give_up_on, code)) {
		verdict_say(v, "%s; give_up_on lists it", f->why);
		return true;
	}
	pattern = found(&f->conf->give_up_if, f->e);
	if (pattern != NULL) {
		verdict_say(v, "%s; give_up_if \"%.*s\" matched", f->why,
			QUOTED, pattern);
		return true;
	}
	if (o->err == ENOSPC || says_no_space(f->e)) {
		verdict_say(v, "%s; %s", f->why, no_space);
		return true;
	}
	if (f->gave_exit && o->kind == OUTCOME_EXIT &&
	    (o->exit == EXIT_NOT_EXECUTABLE || o->exit == EXIT_NOT_FOUND) &&
	    !(f->conf->retry_on_given && verdict_listed(&f->conf->retry_on, code))) {
		verdict_say(v, "%s", f->why);
		return true;
	}
	/* Nothing of what is in the way there goes by itself: a directory, an
	 * input, a script too long. */
	if (o->kind == OUTCOME_NOT_STARTED) {
		verdict_say(v, "%s", f->why);
		return true;
	}
	return false;
}

/* Has a call of `durexec step` ended the script, to wait? */
static bool called(const struct failure *f, struct verdict *v)
{
	const struct evidence *e = f->e;
	const size_t tag = sizeof(VERDICT_CALL) - 1;
	long long until;
	char kind[8];
	int n = 0;

	if (e->wait == NULL || strncmp(e->wait, VERDICT_CALL, tag) != 0 ||
	    !f->gave_exit || f->r->outcome.kind != OUTCOME_EXIT ||
	    sscanf(e->wait + tag, "%7[a-z] %lld %n", kind, &until, &n) < 2 ||
	    until <= 0 || n == 0)
		return false;
	*v = verdict_of(TASK_WAITING);
	/* it has counted its own retries and waits */
	v->wait = strcmp(kind, "limit") == 0 ? WAIT_LIMIT : WAIT_CALL;
	v->until_at = until;
	verdict_say(v, "%.*s", (int)strcspn(e->wait + tag + n, "\n"),
		e->wait + tag + n);
	if (v->reason[0] == '\0')
		verdict_say(v, "%s", f->why);
	return true;
}

/* Is a usage limit met, and what time does it name? */
static bool limited(const struct failure *f, struct limit *l)
{
	const struct evidence *e = f->e;
	bool met = f->gave_exit && f->r->outcome.kind == OUTCOME_EXIT &&
		f->r->outcome.exit == EXIT_NOT_NOW;

	memset(l, 0, sizeof(*l));
	if (e->wait != NULL && strncmp(e->wait, VERDICT_CALL,
	    sizeof(VERDICT_CALL) - 1) != 0) {
		/* it says so itself; when, is another question */
		if (!until_in_file(e->wait, e->wait_len, e->now, &l->named))
			l->named = 0;
		return true;
	}
	for (int i = 0; i < f->conf->wait_if.n && l->line == NULL; i++)
		met = last_line(f->conf->wait_if.v[i], e, e->err, e->err_len,
			l) || last_line(f->conf->wait_if.v[i], e,
			e->out, e->out_len, l) || met;
	if (!met)
		return false;
	if (l->line != NULL && until_in_line(l->line, l->len, e->now,
	    &l->named))
		return true;
	if ((e->headers != NULL && until_in_headers(e->headers,
	    e->headers_len, e->now, &l->named)) ||
	    (e->err != NULL && until_in_headers(e->err, e->err_len, e->now,
	    &l->named)) || (e->out != NULL && until_in_headers(e->out,
	    e->out_len, e->now, &l->named)))
		return true;
	l->named = 0;
	return true;
}

static struct verdict parks(const struct failure *f, const struct limit *l)
{
	struct verdict v = verdict_of(TASK_WAITING);
	int64_t now = f->e->now, until = l->named, spread, last;
	int64_t since = f->t->parked_at != 0 ? f->t->parked_at : now;
	size_t left, at = l->line != NULL ? (size_t)(l->said - l->line) : 0;
	struct buf said = { 0 };
	char span[CLOCK_SPAN];

	if (since > now)
		since = now;
	last = since + f->conf->wait_max_ms;
	if (last <= now) {
		clock_span(f->conf->wait_max_ms, span);
		v = verdict_of(TASK_NEEDS_REVIEW);
		verdict_say(&v, "%s; the limit is still there after wait_max "
			"(%s)", f->why, span);
		return v;
	}
	/* None named, or the limit is still there after the time that was:
	 * later and later. */
	if (until <= now || f->t->parks > 0) {
		int64_t grown = backoff(f->conf, f->t->parks);

		if (grown < PARK_LEAST_MS)
			grown = PARK_LEAST_MS;
		if (now + grown > until)
			until = now + grown;
	}
	spread = (until - now) * f->conf->retry_jitter / 100;
	if (spread > SPREAD_MOST_MS)
		spread = SPREAD_MOST_MS;
	until += (int64_t)((double)spread * f->e->random);
	v.wait = WAIT_LIMIT;
	v.until_at = until < last ? until : last;
	left = l->len - at;
	if (left > QUOTED) {
		left = QUOTED;
		/* no character has more than three such bytes */
		for (int i = 0; i < 3 && in_character(l->said[left]); i++)
			left--;
	}
	/* cut to this, it may show half a secret: so it is hidden before */
	mask_part(safe_secrets(), l->line, l->len, at, at + left, &said);
	verdict_say(&v, "limit: %s", left > 0 ? said.data : f->why);
	buf_release(&said);
	return v;
}

static bool may_retry(const struct failure *f)
{
	const struct outcome *o = &f->r->outcome;

	if (f->t->tries >= f->conf->retries)
		return false;
	/* Lists of what is worth it: of exits; a time limit or a crash is. */
	if ((!f->conf->retry_on_given && f->conf->retry_if.n == 0) ||
	    (f->gave_exit && o->kind != OUTCOME_EXIT))
		return true;
	if (f->gave_exit && f->conf->retry_on_given &&
	    verdict_listed(&f->conf->retry_on, o->exit))
		return true;
	return found(&f->conf->retry_if, f->e) != NULL;
}

struct verdict failure_verdict(const struct failure *f)
{
	struct verdict v = verdict_of(TASK_NEEDS_REVIEW);
	struct limit limit;
	int64_t ms;

	/* Killed or crashed in the middle: nobody knows what it has done. */
	v.hold = f->conf->never && f->gave_exit &&
		f->r->outcome.kind != OUTCOME_EXIT &&
		f->r->outcome.kind != OUTCOME_NOT_STARTED;
	/* Nothing is started beside what could not be killed. */
	if (f->r->survivor != 0) {
		verdict_say(&v, "%s", f->why);
		return v;
	}
	if (gives_up(f, &v))
		return v;
	if (v.hold) {
		verdict_say(&v, "%s, and rerun = never", f->why);
		return v;
	}
	if (called(f, &v))
		return v;
	if (limited(f, &limit))
		return parks(f, &limit);
	if (may_retry(f)) {
		ms = backoff(f->conf, f->t->tries);
		ms += (int64_t)((double)ms * f->conf->retry_jitter / 100 *
			(2 * f->e->random - 1));
		v = verdict_of(TASK_WAITING);
		v.wait = WAIT_RETRY;
		v.until_at = f->e->now + ms;
		v.rerun = true;
		verdict_say(&v, "%s; retry %d of %d", f->why, f->t->tries + 1,
			f->conf->retries);
		return v;
	}
	if (f->t->tries > 0)
		verdict_say(&v, "%s, after %d retr%s", f->why, f->t->tries,
			f->t->tries == 1 ? "y" : "ies");
	else
		verdict_say(&v, "%s", f->why);
	return v;
}

/* Does exit 0 lie? Then what the failure is. */
bool failure_lies(const struct stepconf *conf, const struct evidence *e,
	const char *exit_text, char *why, size_t size)
{
	const char *pattern;

	pattern = found(&conf->fail_if, e);
	if (pattern != NULL) {
		snprintf(why, size, "%s, but fail_if \"%.*s\" matched",
			exit_text, QUOTED, pattern);
		return true;
	}
	if (conf->ok_if.n > 0 && found(&conf->ok_if, e) == NULL) {
		snprintf(why, size, "%s, but ok_if \"%.*s\" did not match",
			exit_text, QUOTED, conf->ok_if.v[0]);
		return true;
	}
	return false;
}
