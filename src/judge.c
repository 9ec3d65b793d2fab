/* SPDX-License-Identifier: ISC */
#include "judge.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "until.h"

enum {
	/* Losses in a row, under one durexec, before the last one is looked
	 * at by a person. */
	LOSSES_MOST = 3,
	/* What a step says by itself: "not now" (EX_TEMPFAIL, sysexits.h). */
	EXIT_NOT_NOW = 75,
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
};

/* What full disks say (strerror(ENOSPC) of the C library, in all programs that
 * do not translate it). */
static const char no_space[] = "No space left on device";

bool judge_exit_ok(const struct stepconf *conf, int code)
{
	return code >= 0 && code <= 255 &&
		(conf->ok_exit.bit[code / 8] >> code % 8 & 1);
}

static bool listed(const struct exits *e, int code)
{
	return code >= 0 && code <= 255 && (e->bit[code / 8] >> code % 8 & 1);
}

static bool exited_well(const struct stepconf *conf, const struct report *r)
{
	return r->outcome.kind == OUTCOME_EXIT && r->survivor == 0 &&
		judge_exit_ok(conf, r->outcome.exit);
}

/* A condition, a gate, settling: 0 and nothing else. */
static bool passed(const struct report *r)
{
	return r->outcome.kind == OUTCOME_EXIT && r->outcome.exit == 0 &&
		r->survivor == 0;
}

bool judge_asks(const struct stepconf *conf, const struct task *t,
	const struct report *r)
{
	if (t->phase == PHASE_SETTLE || t->phase == PHASE_PLACE)
		return r->outcome.kind == OUTCOME_EXIT && r->outcome.exit != 0;
	if (t->phase != PHASE_RUN)
		return false;
	return !exited_well(conf, r) || conf->fail_if.n > 0 ||
		conf->ok_if.n > 0 || conf->receipt.n > 0 ||
		conf->cost_from.n > 0;
}

static void say(struct verdict *v, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
static void say(struct verdict *v, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(v->reason, sizeof(v->reason), fmt, ap);
	va_end(ap);
}

/* "exit 3 (…); process 7 could not be killed" */
static void how(struct buf *text, const struct report *r)
{
	/* the note says it better than errno alone */
	if (r->outcome.kind == OUTCOME_NOT_STARTED && r->note[0] != '\0') {
		buf_printf(text, "not started: %s", r->note);
	} else {
		outcome_text(&r->outcome, text);
		if (r->outcome.kind == OUTCOME_EXIT && r->note[0] != '\0')
			buf_printf(text, " (%s)", r->note);
	}
	if (r->survivor != 0)
		buf_printf(text, "; process %d could not be killed",
			r->survivor);
}

static struct verdict ends(enum task_state state)
{
	struct verdict v = { .next = NEXT_END, .state = state };

	return v;
}

static struct verdict goes_on(enum verdict_next next)
{
	struct verdict v = { .next = next, .state = TASK_DONE };

	return v;
}

static struct verdict review(const char *before, const struct report *r,
	const char *behind)
{
	struct verdict v = ends(TASK_NEEDS_REVIEW);
	struct buf text = { 0 };

	how(&text, r);
	say(&v, "%s%s%s", before, text.data, behind);
	buf_release(&text);
	return v;
}

/* The first pattern of the list that is found in one of the two texts. NULL:
 * none. */
static const char *found(const struct patterns *list,
	const struct evidence *e)
{
	struct pattern_hit hit;

	for (int i = 0; i < list->n; i++)
		if ((e->err != NULL && pattern_find(e->cache, list->v[i],
		    e->err, e->err_len, &hit)) || (e->out != NULL &&
		    pattern_find(e->cache, list->v[i], e->out, e->out_len,
		    &hit)))
			return list->v[i];
	return NULL;
}

/* The last line in which the pattern is found: what was said before it, the
 * program may have got over. */
static bool last_line(const char *pattern, const struct evidence *e,
	const char *text, size_t n, const char **line, size_t *len)
{
	struct pattern_hit hit;
	const char *end;
	bool any = false;

	for (size_t from = 0; text != NULL && from <= n && pattern_find_from(
	    e->cache, pattern, text, n, from, &hit); from = (size_t)(end -
	    text) + 1) {
		end = memchr(text + hit.end, '\n', n - (size_t)hit.end);
		if (end == NULL)
			end = text + n;
		*line = text + hit.start;
		while (*line > text && (*line)[-1] != '\n')
			(*line)--;
		*len = (size_t)(end - *line);
		any = true;
	}
	return any;
}

static bool says_no_space(const struct evidence *e)
{
	return (e->err != NULL && memmem(e->err, e->err_len, no_space,
			sizeof(no_space) - 1) != NULL) ||
		(e->out != NULL && memmem(e->out, e->out_len, no_space,
			sizeof(no_space) - 1) != NULL);
}

/* The money of this attempt: what it said last, else the flat price. */
static int64_t cost_of(const struct stepconf *conf, const struct evidence *e)
{
	const char *text[2] = { e->out, e->err };
	size_t n[2] = { e->out_len, e->err_len };
	struct pattern_hit hit;
	double money = -1;
	char number[32];

	for (int i = 0; i < conf->cost_from.n; i++)
		for (int k = 0; k < 2; k++) {
			size_t from = 0, len;

			while (text[k] != NULL && from < n[k] &&
			    pattern_find_from(e->cache, conf->cost_from.v[i],
			    text[k], n[k], from, &hit)) {
				len = (size_t)(hit.group_end -
					hit.group_start);
				if (hit.group_start >= 0 &&
				    len < sizeof(number)) {
					memcpy(number, text[k] +
						hit.group_start, len);
					number[len] = '\0';
					money = strtod(number, NULL);
				}
				/* one that is empty is not found again */
				from = (size_t)hit.end + (hit.end ==
					hit.start);
			}
		}
	/* a pattern that found something else: a time, an id */
	if (money >= 0 && money <= (double)TASK_COST_MOST / 1e6)
		return (int64_t)(money * 1e6 + 0.5);
	return conf->cost;
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

/* Failed, as `why` says: give up, wait, retry, or review. */
struct failure {
	const struct stepconf *conf;
	const struct task *t;
	const struct report *r;
	const struct evidence *e;
	const char *why;
	bool gave_exit;		/* the command's own exit status is not ok */
};

static bool gives_up(const struct failure *f, struct verdict *v)
{
	const struct outcome *o = &f->r->outcome;
	int code = o->kind == OUTCOME_EXIT ? o->exit :
		o->kind == OUTCOME_SIGNAL ? 128 + o->signo : -1;
	const char *pattern;

	if (f->gave_exit && listed(&f->conf->give_up_on, code)) {
		say(v, "%s; give_up_on lists it", f->why);
		return true;
	}
	pattern = found(&f->conf->give_up_if, f->e);
	if (pattern != NULL) {
		say(v, "%s; give_up_if \"%.*s\" matched", f->why, QUOTED,
			pattern);
		return true;
	}
	if (o->err == ENOSPC || says_no_space(f->e)) {
		say(v, "%s; %s", f->why, no_space);
		return true;
	}
	if (f->gave_exit && o->kind == OUTCOME_EXIT &&
	    (o->exit == EXIT_NOT_EXECUTABLE || o->exit == EXIT_NOT_FOUND) &&
	    !(f->conf->retry_on_given && listed(&f->conf->retry_on, code))) {
		say(v, "%s", f->why);
		return true;
	}
	/* Nothing of what is in the way there goes by itself: a directory, an
	 * input, a script too long. */
	if (o->kind == OUTCOME_NOT_STARTED) {
		say(v, "%s", f->why);
		return true;
	}
	return false;
}

/* Is a usage limit met, and what time does it name? 0: none. */
static bool limited(const struct failure *f, int64_t *named,
	const char **line, size_t *len)
{
	const struct evidence *e = f->e;
	bool met = f->gave_exit && f->r->outcome.kind == OUTCOME_EXIT &&
		f->r->outcome.exit == EXIT_NOT_NOW;

	*named = 0;
	*line = NULL;
	*len = 0;
	if (e->wait != NULL && until_in_file(e->wait, e->wait_len, e->now,
	    named))
		return true;
	for (int i = 0; i < f->conf->wait_if.n && *line == NULL; i++)
		met = last_line(f->conf->wait_if.v[i], e, e->err, e->err_len,
			line, len) || last_line(f->conf->wait_if.v[i], e,
			e->out, e->out_len, line, len) || met;
	if (!met)
		return false;
	if (*line != NULL && until_in_line(*line, *len, e->now, named))
		return true;
	if ((e->headers != NULL && until_in_headers(e->headers,
	    e->headers_len, e->now, named)) ||
	    (e->err != NULL && until_in_headers(e->err, e->err_len, e->now,
	    named)) || (e->out != NULL && until_in_headers(e->out,
	    e->out_len, e->now, named)))
		return true;
	*named = 0;
	return true;
}

static struct verdict parks(const struct failure *f, int64_t named,
	const char *line, size_t len)
{
	struct verdict v = ends(TASK_WAITING);
	int64_t now = f->e->now, until = named, spread, last;
	int64_t since = f->t->parked_at != 0 ? f->t->parked_at : now;
	char span[CLOCK_SPAN];

	if (since > now)
		since = now;
	last = since + f->conf->wait_max_ms;
	if (last <= now) {
		clock_span(f->conf->wait_max_ms, span);
		v = ends(TASK_NEEDS_REVIEW);
		say(&v, "%s; the limit is still there after wait_max (%s)",
			f->why, span);
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
	if (line != NULL)
		say(&v, "limit: %.*s", len > QUOTED ? QUOTED : (int)len, line);
	else
		say(&v, "limit: %s", f->why);
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
	    listed(&f->conf->retry_on, o->exit))
		return true;
	return found(&f->conf->retry_if, f->e) != NULL;
}

static struct verdict failed(const struct failure *f)
{
	struct verdict v = ends(TASK_NEEDS_REVIEW);
	const char *line;
	size_t len;
	int64_t named, ms;

	/* Killed or crashed in the middle: nobody knows what it has done. */
	v.hold = f->conf->never && f->gave_exit &&
		f->r->outcome.kind != OUTCOME_EXIT &&
		f->r->outcome.kind != OUTCOME_NOT_STARTED;
	/* Nothing is started beside what could not be killed. */
	if (f->r->survivor != 0) {
		say(&v, "%s", f->why);
		return v;
	}
	if (gives_up(f, &v))
		return v;
	if (v.hold) {
		say(&v, "%s, and rerun = never", f->why);
		return v;
	}
	if (limited(f, &named, &line, &len))
		return parks(f, named, line, len);
	if (may_retry(f)) {
		ms = backoff(f->conf, f->t->tries);
		ms += (int64_t)((double)ms * f->conf->retry_jitter / 100 *
			(2 * f->e->random - 1));
		v = ends(TASK_WAITING);
		v.wait = WAIT_RETRY;
		v.until_at = f->e->now + ms;
		v.rerun = true;
		say(&v, "%s; retry %d of %d", f->why, f->t->tries + 1,
			f->conf->retries);
		return v;
	}
	if (f->t->tries > 0)
		say(&v, "%s, after %d retr%s", f->why, f->t->tries,
			f->t->tries == 1 ? "y" : "ies");
	else
		say(&v, "%s", f->why);
	return v;
}

static struct verdict judge_if(const struct report *r)
{
	struct verdict v = ends(TASK_SKIPPED);

	if (passed(r))
		return goes_on(NEXT_RUN);
	if (r->outcome.kind == OUTCOME_EXIT && r->outcome.exit == 1 &&
	    r->survivor == 0) {
		say(&v, "condition");
		return v;
	}
	/* a typo in a condition must not skip the upload */
	return review("condition: ", r, "");
}

/* Does exit 0 lie? Then what the failure is. */
static bool lies(const struct stepconf *conf, const struct evidence *e,
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

static struct verdict with_receipt(const struct report *r,
	const char *result)
{
	char behind[160];
	struct verdict v;

	snprintf(behind, sizeof(behind), "; but its receipt was seen%s%.80s%s: "
		"it is not run again", result != NULL ? " (" : "",
		result != NULL ? result : "", result != NULL ? ")" : "");
	v = review("", r, behind);
	v.hold = true;
	return v;
}

static bool was_stopped(const struct report *r)
{
	return r->outcome.kind == OUTCOME_INTERRUPTED ||
		r->outcome.kind == OUTCOME_LOST;
}

/* Not ended by itself: the command is to be started again, or not. */
static struct verdict stopped(const struct stepconf *conf,
	const struct task *t, const struct report *r)
{
	struct verdict v;

	if (conf->never && t->phase == PHASE_RUN) {
		v = review("", r, ", and rerun = never: nobody knows how far "
			"it came");
		v.hold = true;
		return v;
	}
	/* No second one beside what could not be killed; and from elsewhere
	 * it is forgiven once. */
	if (r->survivor != 0 || (r->elsewhere && t->interrupts > 0))
		return review("", r, "");
	/* A power cut is no fault of the step; that its keeper dies time
	 * after time under one durexec may be. */
	if (r->outcome.kind == OUTCOME_LOST && t->losses + 1 >= LOSSES_MOST)
		return review("", r, "");
	return ends(TASK_PENDING);
}

static struct verdict judge_run(const struct stepconf *conf,
	const struct task *t, const struct report *r, const struct evidence *e)
{
	struct failure f = { conf, t, r, e, NULL, true };
	/* an earlier attempt's counts for ever: only a rewind forgets it */
	bool receipt = e->receipt || t->receipt;
	struct buf text = { 0 };
	struct verdict v;
	char why[sizeof(v.reason)];

	how(&text, r);
	snprintf(why, sizeof(why), "%s", text.data);
	if (receipt && !exited_well(conf, r)) {
		v = with_receipt(r, e->receipt ? e->result : t->result);
	} else if (was_stopped(r)) {
		v = stopped(conf, t, r);
	} else if (!exited_well(conf, r)) {
		f.why = why;
		v = failed(&f);
	} else if (lies(conf, e, text.data, why, sizeof(why))) {
		f.why = why;
		f.gave_exit = false;
		v = receipt ? review("", r, "") : failed(&f);
		if (receipt) {
			say(&v, "%s", why);
			v.hold = true;
		}
	} else {
		v = goes_on(NEXT_AFTER);
	}
	buf_release(&text);
	/* A request that was turned away is not paid for. */
	if (conf->costs && v.wait != WAIT_LIMIT &&
	    r->outcome.kind != OUTCOME_NOT_STARTED &&
	    (r->outcome.kind != OUTCOME_EXIT || r->outcome.err == 0))
		v.cost = cost_of(conf, e);
	return v;
}

/* A gate, or the look at the outputs, has failed. */
static struct verdict gate_failed(const struct stepconf *conf,
	const struct task *t, const struct report *r, const char *name,
	const char *said)
{
	struct verdict v = review(name, r, "");

	if (said != NULL)
		say(&v, "%s", said);
	if (t->receipt) {
		v.hold = true;
	} else if (t->asked && !conf->never && r->survivor == 0) {
		/* Asked once more at a person's word, and it still fails: now
		 * the command. */
		v.state = TASK_PENDING;
		v.rerun = true;
	}
	return v;
}

static struct verdict judge_settle(const struct stepconf *conf,
	const struct task *t, const struct report *r, const struct evidence *e)
{
	struct failure f = { conf, t, r, e, e->missing != NULL ? e->missing :
		"outputs: exit 1", false };
	struct verdict v;

	if (passed(r))
		return goes_on(NEXT_AFTER);
	/* settle.h: 1 is "an output is missing", said in its log */
	if (r->outcome.kind != OUTCOME_EXIT || r->outcome.exit != 1 ||
	    t->asked || t->receipt)
		return gate_failed(conf, t, r, "outputs: ", e->missing);
	v = failed(&f);
	if (v.wait == WAIT_LIMIT)
		v.rerun = true;
	return v;
}

static struct verdict judge_gate(const struct stepconf *conf,
	const struct task *t, const struct report *r, const struct evidence *e)
{
	char name[80];

	if (passed(r))
		return goes_on(NEXT_AFTER);
	snprintf(name, sizeof(name), "%s: ", t->phase == PHASE_PLACE ?
		"placing stdout" : task_phase(t));
	return gate_failed(conf, t, r, name, e->missing);
}

struct verdict judge(const struct stepconf *conf, const struct task *t,
	const struct report *r, const struct evidence *e)
{
	struct verdict v = ends(TASK_NEEDS_REVIEW);
	enum phase next;
	int gate;

	if (t->phase != PHASE_RUN && was_stopped(r))
		return stopped(conf, t, r);
	switch ((enum phase)t->phase) {
	case PHASE_IF:
		return judge_if(r);
	case PHASE_RUN:
		v = judge_run(conf, t, r, e);
		break;
	case PHASE_SETTLE:
		v = judge_settle(conf, t, r, e);
		break;
	case PHASE_VERIFY:
	case PHASE_PLACE:
		v = judge_gate(conf, t, r, e);
		break;
	case PHASES:
		return v;
	}
	if (v.next == NEXT_AFTER && !judge_after(conf,
	    (enum phase)t->phase, task_phase(t), &next, &gate)) {
		v.next = NEXT_END;
		v.state = TASK_DONE;
		if (conf->review) {
			v.state = TASK_NEEDS_REVIEW;
			v.approval = true;
			say(&v, "approval");
		}
	}
	return v;
}

bool judge_after(const struct stepconf *conf, enum phase phase,
	const char *word, enum phase *next, int *gate)
{
	*gate = 0;
	switch (phase) {
	case PHASE_IF:
		*next = PHASE_RUN;
		return true;
	case PHASE_RUN:
		/* without gates, outputs and stdout are one process */
		if (conf->outputs.n > 0 ||
		    (conf->stdout_to != NULL && conf->gates.n == 0)) {
			*next = PHASE_SETTLE;
			return true;
		}
		break;
	case PHASE_SETTLE:
		if (conf->gates.n == 0)
			return false;
		break;
	case PHASE_VERIFY:
		/* one that has left the file: from the first again */
		for (int i = 0; i < conf->gates.n; i++)
			if (strcmp(conf->gates.v[i].name,
			    word + strlen(phase_word(PHASE_VERIFY))) == 0)
				*gate = i + 1;
		break;
	case PHASE_PLACE:
	case PHASES:
		return false;
	}
	if (*gate < conf->gates.n) {
		*next = PHASE_VERIFY;
		return true;
	}
	*next = PHASE_PLACE;
	return conf->stdout_to != NULL;
}
