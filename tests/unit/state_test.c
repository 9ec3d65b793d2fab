/* SPDX-License-Identifier: ISC */
#include "state.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "scratch.h"

/* A record from "type key=value key=value"; "_" in a value is a blank. */
static char *record_of(struct record *r, const char *text)
{
	char *copy = strdup(text), *rest = copy, *w, *p;

	assert_non_null(copy);
	w = strsep(&rest, " ");
	record_start(r, w);
	r->seq = 1;
	while ((w = strsep(&rest, " ")) != NULL) {
		p = strchr(w, '=');
		assert_non_null(p);
		*p++ = '\0';
		record_set(r, w, p);
		for (; *p != '\0'; p++)
			if (*p == '_')
				*p = ' ';
	}
	/* "needs_review" is a word */
	for (int i = 0; i < r->nfields; i++)
		if (strcmp(r->field[i].value, "needs review") == 0)
			r->field[i].value = "needs_review";
	return copy;
}

static int64_t now = 1000;

static int says(struct state *s, const char *text, struct why *why)
{
	struct record r = { 0 };
	char *copy = record_of(&r, text);
	int ret;

	r.at = now += 1000;
	memset(why, 0, sizeof(*why));
	ret = state_apply(s, &r, why);
	/* nothing may point into the record */
	memset(copy, 'X', strlen(copy));
	free(copy);
	return ret;
}

static void ok(struct state *s, const char *text)
{
	struct why why;

	if (says(s, text, &why) != 0)
		fail_msg("%s: %s", text, why.text);
}

static void refused(struct state *s, const char *text, const char *said)
{
	struct why why;

	if (says(s, text, &why) == 0)
		fail_msg("accepted: %s", text);
	if (strstr(why.text, said) == NULL)
		fail_msg("%s: %s", text, why.text);
}

static void open_run(struct state *s)
{
	state_init(s);
	ok(s, "durexec format=1 run=R name=p path=/p.ini seed=abc");
	ok(s, "begin pid=1 boot=b1");
}

/* Bring a new step `a` into the state. */
static struct task *put(struct state *s, enum task_state state)
{
	open_run(s);
	(void)state_task(s, "a");
	switch (state) {
	case TASK_PENDING:
		break;
	case TASK_RUNNING:
		ok(s, "start step=a attempt=1 keeper=0");
		break;
	case TASK_WAITING:
		ok(s, "start step=a attempt=1 keeper=0");
		ok(s, "end step=a state=waiting outcome=exit exit=75 "
			"wait=limit until=9");
		break;
	case TASK_DONE:
		ok(s, "start step=a attempt=1 keeper=0");
		ok(s, "end step=a state=done outcome=exit exit=0");
		break;
	case TASK_NEEDS_REVIEW:
		ok(s, "start step=a attempt=1 keeper=0");
		ok(s, "end step=a state=needs_review outcome=exit exit=1");
		break;
	case TASK_SKIPPED:
		ok(s, "set step=a state=skipped by=skip");
		break;
	case TASK_STATES:
		break;
	}
	assert_int_equal(s->task[0].state, state);
	return &s->task[0];
}

/* One letter per state it leads to: Pending Running Waiting Done revieW(V)
 * Skipped; "." refused. In the order of enum task_state. */
static void transitions(void **unused)
{
	static const char letter[] = "PRWDVS";
	static const struct {
		const char *record, *to;
	} event[] = {
		/*                                             PRWDVS */
		{ "start step=a attempt=2 keeper=1",          "RRR..." },
		{ "start step=a attempt=1 keeper=1",          "RR...." },
		{ "start step=a attempt=1 phase=if",          "RR...." },
		{ "start step=a attempt=1 phase=settle",      ".RR..." },
		{ "start step=a attempt=1 phase=verify.x",    ".RR..." },
		{ "start step=a attempt=1 phase=place",       ".RR..." },
		{ "start step=a attempt=2 phase=place",       "......" },
		{ "end step=a state=pending outcome=lost",    "PPP..." },
		{ "end step=a state=running outcome=lost",    "......" },
		{ "end step=a state=waiting wait=limit until=5", ".W...." },
		{ "end step=a state=waiting wait=retry until=5", ".W...." },
		{ "end step=a state=done outcome=exit exit=0", "DDD..." },
		{ "end step=a state=needs_review reason=x",   "VVV..." },
		{ "end step=a state=needs_review approval=1", "VVV..." },
		{ "end step=a state=skipped reason=c",        "SSS..." },
		{ "set step=a state=pending by=retry",        "P.PPPP" },
		{ "set step=a state=running by=retry",        "......" },
		{ "set step=a state=waiting by=retry",        "......" },
		{ "set step=a state=done by=approve",         "D.D.D." },
		{ "set step=a state=needs_review by=x",       "V.V..." },
		{ "set step=a state=skipped by=skip",         "S.S.S." },
		{ "ran step=a outcome=exit exit=0",           ".R...." },
		{ "adopt step=a",                             ".R...." },
		{ "output step=a name=N value=v",             "PRWDVS" },
		{ "cut bytes=3",                              "PRWDVS" },
		{ "begin pid=3 boot=b2",                      "PRWDVS" },
		{ "close state=done",                         "PRWDVS" },
	};
	int from, i, total;
	size_t e;

	(void)unused;
	for (e = 0; e < sizeof(event) / sizeof(event[0]); e++)
		for (from = 0; from < TASK_STATES; from++) {
			struct state s;
			struct task *t = put(&s, (enum task_state)from);
			char to = event[e].to[from];
			struct why why;
			int ret = says(&s, event[e].record, &why);

			if (ret != (to == '.' ? -1 : 0))
				fail_msg("%s from %s: %s", event[e].record,
					state_word((enum task_state)from),
					ret == 0 ? "accepted" : why.text);
			if (to == '.')
				assert_int_equal(t->state, from);
			else
				assert_int_equal(letter[t->state], to);
			for (total = i = 0; i < TASK_STATES; i++)
				total += s.count[i];
			assert_int_equal(total, 1);
			assert_int_equal(s.count[t->state], 1);
			state_release(&s);
		}
}

static void bad_records(void **unused)
{
	static const char *const bad[] = {
		"start attempt=2", "start step= attempt=2", "start step=a",
		"start step=a attempt=0", "start step=a attempt=-1",
		"start step=a attempt=x", "start step=a attempt=2147483648",
		"start step=a attempt=2147483647",
		"start step=a attempt=0 phase=settle",
		"start step=a attempt=2 phase=walk",
		"start step=a attempt=2 phase=",
		"start step=a attempt=1 phase=verify",
		"start step=a attempt=1 phase=verify.",
		"start step=a attempt=1 phase=places",
		"start step=a attempt=2 phase=settle",
		"start step=a attempt=2 phase=verify.x",
		"start step=a attempt=2 keeper=-1",
		"start step=a attempt=2 keeper=32768",
		"start step=a attempt=2 keeper=x",
		"start step=a attempt=2 command=xyz",
		"start step=a attempt=2 command=11112222333344445",
		"end state=done", "end step=a", "end step=a state=",
		"end step=a state=gone", "end step=a state=Done",
		"end step=a state=done outcome=well",
		"end step=a state=done outcome=",
		"end step=a state=done outcome=exit exit=256",
		"end step=a state=done outcome=exit exit=-1",
		"end step=a state=done outcome=exit exit=0x0",
		"end step=a state=done outcome=exit exit=",
		"end step=a state=done outcome=signal signal=129",
		"end step=a state=done outcome=signal signal=-9",
		"end step=a state=done outcome=not-started errno=4097",
		"end step=a state=done outcome=exit exit=0 oom=2",
		"end step=a state=done outcome=exit exit=0 user=-1",
		"end step=a state=done outcome=exit exit=0 system=x",
		"end step=a state=done outcome=exit exit=0 rss=1e3",
		"end step=a state=done outcome=exit exit=0 out=-5",
		"end step=a state=done outcome=exit exit=0 "
			"err=99999999999999999999",
		"end step=a state=waiting", "end step=a state=waiting until=9",
		"end step=a state=waiting wait=retry until=-1",
		"end step=a state=waiting wait=limit until=soon",
		"end step=a state=waiting wait=limit "
			"until=9223372036854775808",
		"end step=a state=waiting wait=long until=9",
		"end step=a state=waiting wait= until=9",
		"end step=a state=done cost=-1",
		"end step=a state=done cost=0.5",
		"end step=a state=done cost=1000000000000001",
		"ran step=a outcome=exit exit=0 cost=x",
		"end step=a state=done whole=g",
		"ran outcome=exit exit=0", "ran step=a outcome=what",
		"set state=done by=x", "set step=b state=done",
		"set step=b by=x", "set step=b state=up by=x",
		"output name=A value=b", "output step=a value=b",
		"output step=a name=A", "adopt", "adopt step=b",
		"begin pid=1", "close", "param name=a", "param value=a",
	};
	struct state s;
	size_t i;

	(void)unused;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		(void)put(&s, TASK_RUNNING);
		refused(&s, bad[i], "record 1");
		state_release(&s);
	}
	(void)put(&s, TASK_RUNNING);
	refused(&s, "durexec run=R name=p path=/p seed=x", "begins the run");
	refused(&s, "teleport step=a", "teleport, which this durexec does not "
		"know");
	refused(&s, "END step=a", "END, which");
	state_release(&s);
	state_init(&s);
	refused(&s, "durexec run=R name=p path=/p", "run, name, path and");
	state_release(&s);
	state_init(&s);
	refused(&s, "durexec name=p path=/p seed=x", "run, name, path and");
	state_release(&s);
}

static void an_attempt(void **unused)
{
	struct state s;
	struct task *t;

	(void)unused;
	t = put(&s, TASK_PENDING);
	assert_int_equal(state_next_attempt(&s, t), 1);
	ok(&s, "start step=a attempt=1 keeper=3 phase=if command=00ff");
	assert_int_equal(t->phase, PHASE_IF);
	assert_int_equal(t->keeper, 3);
	assert_int_equal(t->session, 1);
	assert_int_equal(t->started_at, now);
	assert_int_equal(t->began_at, now);
	assert_true(t->command == 0xff);
	ok(&s, "start step=a attempt=1 keeper=3 command=01ff");
	assert_int_equal(t->phase, PHASE_RUN);
	/* the command keeps the start of its condition */
	assert_int_equal(t->started_at, now - 1000);
	ok(&s, "ran step=a outcome=exit exit=3 user=5 system=6 rss=7 out=8 "
		"err=9");
	assert_true(t->ran);
	assert_int_equal(t->ended_at, now);
	assert_int_equal(t->outcome.exit, 3);
	assert_int_equal(t->user_ms, 5);
	assert_int_equal(t->system_ms, 6);
	assert_int_equal(t->rss_kb, 7);
	assert_int_equal(t->out_bytes, 8);
	assert_int_equal(t->err_bytes, 9);
	ok(&s, "start step=a attempt=1 keeper=2 phase=settle");
	assert_int_equal(t->phase, PHASE_SETTLE);
	assert_int_equal(t->keeper, 2);
	/* and so do its figures */
	assert_int_equal(t->outcome.exit, 3);
	assert_int_equal(t->ended_at, now - 1000);
	ok(&s, "end step=a state=needs_review reason=outputs:_gone whole=beef");
	assert_int_equal(t->ended_at, now - 2000);
	assert_int_equal(t->keeper, -1);
	assert_string_equal(t->reason, "outputs: gone");
	assert_true(t->whole == 0xbeef);
	assert_true(t->ran);
	/* a person's word: its gate is asked again, the command is not run */
	ok(&s, "set step=a state=pending by=resume");
	assert_true(t->ran && t->asked);
	ok(&s, "start step=a attempt=1 keeper=0 phase=settle");
	assert_int_equal(t->attempts, 1);
	ok(&s, "end step=a state=pending rerun=1");
	assert_false(t->ran || t->asked);
	assert_int_equal(state_next_attempt(&s, t), 2);
	refused(&s, "start step=a attempt=1 keeper=0", "attempt");
	ok(&s, "start step=a attempt=2 keeper=0");
	assert_int_equal(t->outcome.kind, OUTCOME_NONE);
	assert_int_equal(t->out_bytes, 0);
	assert_int_equal(t->ended_at, 0);
	assert_null(t->reason);
	ok(&s, "end step=a state=done outcome=exit exit=0");
	assert_false(t->ran);
	refused(&s, "start step=a attempt=1 keeper=0 phase=settle", "attempt");
	state_release(&s);
}

/* All of an outcome, as it is written and read again; what is not said is not
 * left over from an attempt before. */
static void outcomes(void **unused)
{
	static const struct outcome example[] = {
		{ .kind = OUTCOME_EXIT, .exit = 0 },
		{ .kind = OUTCOME_EXIT, .exit = 255 },
		{ .kind = OUTCOME_EXIT, .exit = 127, .err = 2 },
		{ .kind = OUTCOME_SIGNAL, .exit = -1, .signo = 9,
			.oom = true },
		{ .kind = OUTCOME_SIGNAL, .exit = -1, .signo = 1 },
		{ .kind = OUTCOME_TIMEOUT, .exit = 1 },
		{ .kind = OUTCOME_IDLE, .exit = -1, .signo = 128 },
		{ .kind = OUTCOME_NOT_STARTED, .exit = -1, .err = 4096 },
		{ .kind = OUTCOME_NOT_STARTED, .exit = -1, .err = 1 },
		{ .kind = OUTCOME_LOST, .exit = -1 },
	};
	struct state s;
	struct task *t = put(&s, TASK_PENDING);
	struct why why;
	char text[60];

	(void)unused;
	assert_int_equal(t->outcome.kind, OUTCOME_NONE);
	assert_int_equal(t->outcome.exit, -1);
	for (size_t i = 0; i < sizeof(example) / sizeof(example[0]); i++) {
		struct record r = { 0 };

		snprintf(text, sizeof(text), "start step=a attempt=%zu "
			"phase=run", i + 1);
		ok(&s, text);
		assert_int_equal(t->outcome.kind, OUTCOME_NONE);
		assert_int_equal(t->outcome.exit, -1);
		assert_true(t->user_ms == 0 && t->system_ms == 0 &&
			t->rss_kb == 0 && t->out_bytes == 0 &&
			t->err_bytes == 0);
		record_start(&r, "end");
		r.seq = 1;
		r.at = now += 1000;
		record_set(&r, "step", "a");
		record_set(&r, "state", "pending");
		outcome_record(&r, &example[i]);
		if (i % 2 == 0)
			record_set_number(&r, "user", 1);
		if (i % 2 == 0)
			record_set_number(&r, "system", 2);
		if (i % 2 == 0)
			record_set_number(&r, "rss", 3);
		if (i % 3 == 0)
			record_set_number(&r, "out", 4);
		if (i % 3 == 0)
			record_set_number(&r, "err", 0);
		assert_int_equal(state_apply(&s, &r, &why), 0);
		assert_int_equal(t->outcome.kind, example[i].kind);
		assert_int_equal(t->outcome.exit, example[i].exit);
		assert_int_equal(t->outcome.signo, example[i].signo);
		assert_int_equal(t->outcome.err, example[i].err);
		assert_int_equal(t->outcome.oom, example[i].oom);
		assert_int_equal(t->user_ms, i % 2 == 0 ? 1 : 0);
		assert_int_equal(t->system_ms, i % 2 == 0 ? 2 : 0);
		assert_int_equal(t->rss_kb, i % 2 == 0 ? 3 : 0);
		assert_int_equal(t->out_bytes, i % 3 == 0 ? 4 : 0);
		assert_int_equal(t->err_bytes, 0);
		assert_int_equal(t->ended_at, now);
	}
	state_release(&s);
}

/* Which times stand where. */
static void times(void **unused)
{
	struct state s;
	struct task *t;
	int64_t first;

	(void)unused;
	t = put(&s, TASK_RUNNING);
	assert_int_equal(s.started_at, now - 2000);
	assert_int_equal(s.began_at, now - 1000);
	first = now;
	assert_int_equal(t->began_at, first);
	ok(&s, "end step=a state=waiting wait=retry until=9 outcome=exit "
		"exit=1");
	/* the budget, say: it ended now */
	ok(&s, "end step=a state=needs_review reason=budget");
	assert_int_equal(t->ended_at, now);
	t->state = TASK_WAITING;
	s.count[TASK_WAITING]++;
	s.count[TASK_NEEDS_REVIEW]--;
	ok(&s, "start step=a attempt=2 keeper=0");
	/* what it leaves may be as old as the first attempt */
	assert_int_equal(t->began_at, first);
	assert_int_equal(t->started_at, now);
	assert_int_equal(t->ended_at, 0);
	ok(&s, "end step=a state=pending outcome=interrupted signal=15");
	assert_int_equal(t->ended_at, now);
	ok(&s, "start step=a attempt=3 keeper=0");
	assert_int_equal(t->began_at, first);
	ok(&s, "end step=a state=needs_review outcome=exit exit=1");
	/* a person says: anew */
	ok(&s, "set step=a state=pending by=retry");
	assert_int_equal(t->began_at, 0);
	ok(&s, "start step=a attempt=4 keeper=0");
	first = now;
	assert_int_equal(t->began_at, first);
	ok(&s, "ran step=a outcome=exit exit=0");
	ok(&s, "start step=a attempt=4 keeper=0 phase=verify.x");
	ok(&s, "end step=a state=needs_review");
	/* its gates look at what the command left */
	ok(&s, "set step=a state=pending by=resume");
	assert_int_equal(t->began_at, first);
	assert_int_equal(t->ended_at, now - 3000);
	ok(&s, "begin pid=7 boot=b1");
	assert_int_equal(s.began_at, now);
	/* from its start again, and not from its gates */
	ok(&s, "set step=a state=pending by=rewind fresh=1");
	assert_int_equal(t->session, 2);
	assert_int_equal(t->began_at, 0);
	assert_false(t->ran || t->asked);
	refused(&s, "start step=a attempt=4 keeper=0", "attempt");
	ok(&s, "start step=a attempt=5 keeper=0");
	assert_false(t->ran);
	assert_int_equal(t->began_at, now);
	ok(&s, "ran step=a outcome=exit exit=0");
	ok(&s, "start step=a attempt=5 keeper=0 phase=verify.x");
	ok(&s, "end step=a state=needs_review reason=gone");
	ok(&s, "set step=a state=done by=approve");
	/* counts as done since the command ended, and nothing is left of it */
	assert_int_equal(t->ended_at, now - 3000);
	assert_false(t->ran || t->asked);
	assert_null(t->reason);
	ok(&s, "close state=done");
	assert_int_equal(s.closed_at, now);
	/* done without ever having run */
	ok(&s, "end step=b state=needs_review approval=1");
	t = &s.task[1];
	t->ended_at = 0;
	ok(&s, "set step=b state=done by=approve");
	assert_int_equal(t->ended_at, now);
	ok(&s, "set step=c state=skipped by=skip");
	assert_int_equal(s.task[2].ended_at, 0);
	state_release(&s);
}

/* Each start has a number of its own, which the keeper is told (job.h). */
static void turns(void **unused)
{
	struct state s;
	struct task *t = put(&s, TASK_RUNNING);

	(void)unused;
	assert_int_equal(t->turn, 1);
	ok(&s, "start step=b attempt=1 keeper=1");
	t = &s.task[0];
	assert_int_equal(s.task[1].turn, 2);
	assert_int_equal(t->turn, 1);
	ok(&s, "ran step=a outcome=exit exit=0");
	ok(&s, "start step=a attempt=1 keeper=1 phase=verify.x");
	assert_int_equal(t->turn, 3);
	ok(&s, "end step=a state=pending");
	assert_int_equal(t->turn, 3);
	ok(&s, "start step=a attempt=1 keeper=1 phase=verify.x");
	assert_int_equal(t->turn, 4);
	assert_int_equal(s.turns, 4);
	state_release(&s);
}

static void params(void **unused)
{
	struct state s;

	(void)unused;
	open_run(&s);
	ok(&s, "param name=A value=1");
	ok(&s, "param name=B value=");
	assert_int_equal(s.nparams, 2);
	assert_string_equal(s.param[0].name, "A");
	assert_string_equal(s.param[0].value, "1");
	assert_string_equal(s.param[1].name, "B");
	assert_string_equal(s.param[1].value, "");
	state_release(&s);
}

/* A torn tail was cut: no number it may have used is given out again, and
 * what is known of each step stays known. */
static void cut(void **unused)
{
	struct state s;
	struct task *t;
	int b;

	(void)unused;
	(void)put(&s, TASK_DONE);
	b = state_task(&s, "b");
	t = &s.task[0];
	ok(&s, "cut bytes=20");
	/* its logs are called after this number */
	assert_int_equal(t->attempts, 1);
	assert_int_equal(state_next_attempt(&s, t), 3);
	assert_int_equal(s.task[b].attempts, 0);
	assert_int_equal(state_next_attempt(&s, &s.task[b]), 2);
	ok(&s, "cut bytes=3");
	b = state_task(&s, "c");
	assert_int_equal(state_next_attempt(&s, &s.task[b]), 3);
	t = &s.task[0];
	assert_int_equal(state_next_attempt(&s, t), 4);
	ok(&s, "set step=a state=pending by=rewind fresh=1");
	ok(&s, "start step=a attempt=4 keeper=0");
	assert_int_equal(state_next_attempt(&s, t), 5);
	/* running meanwhile: adopted under its own number, and the one that
	 * the lost tail may have begun is left out */
	ok(&s, "cut bytes=1");
	assert_int_equal(t->attempts, 4);
	ok(&s, "ran step=a outcome=exit exit=0");
	ok(&s, "start step=a attempt=4 keeper=0 phase=settle");
	ok(&s, "end step=a state=pending outcome=lost rerun=1");
	assert_int_equal(state_next_attempt(&s, t), 6);
	ok(&s, "start step=a attempt=6 keeper=0");
	assert_int_equal(state_next_attempt(&s, t), 7);
	state_release(&s);
}

/* Waits: what they count, and what ends the counting. */
static void waits(void **unused)
{
	struct state s;
	struct task *t = put(&s, TASK_RUNNING);
	int64_t first;

	(void)unused;
	ok(&s, "end step=a state=waiting outcome=exit exit=1 wait=retry "
		"until=77000 rerun=1 reason=again");
	assert_int_equal(t->until_at, 77000);
	assert_int_equal(t->tries, 1);
	assert_int_equal(t->parks, 0);
	assert_false(t->parked);
	assert_string_equal(t->reason, "again");
	ok(&s, "start step=a attempt=2 keeper=0");
	assert_int_equal(t->until_at, 0);
	assert_int_equal(t->tries, 1);
	assert_null(t->reason);
	/* a limit is no try */
	ok(&s, "end step=a state=waiting outcome=exit exit=1 wait=limit "
		"until=9000000");
	assert_true(t->parked);
	assert_int_equal(t->parks, 1);
	assert_int_equal(t->tries, 1);
	assert_int_equal(t->parked_at, now);
	first = now;
	/* earlier than it was to: a person's word without a record, say */
	ok(&s, "start step=a attempt=3 keeper=0");
	assert_false(t->parked);
	assert_int_equal(t->parked_at, first);
	ok(&s, "end step=a state=waiting outcome=exit exit=1 wait=limit "
		"until=1");
	assert_int_equal(t->parks, 2);
	assert_int_equal(t->parked_at, first);
	/* as much as it was late is not counted: durexec was away */
	ok(&s, "start step=a attempt=4 keeper=0");
	assert_int_equal(t->parked_at, first + now - 1);
	/* an interruption is neither */
	ok(&s, "end step=a state=pending outcome=interrupted signal=15");
	assert_int_equal(t->parks, 2);
	assert_int_equal(t->tries, 1);
	ok(&s, "start step=a attempt=5 keeper=0");
	/* another failure: the limit is over */
	ok(&s, "end step=a state=waiting outcome=exit exit=1 wait=retry "
		"until=9");
	assert_int_equal(t->tries, 2);
	assert_int_equal(t->parks, 0);
	assert_int_equal(t->parked_at, 0);
	ok(&s, "start step=a attempt=6 keeper=0");
	ok(&s, "end step=a state=waiting wait=limit until=9");
	assert_int_equal(t->parks, 1);
	assert_int_equal(t->parked_at, now);
	ok(&s, "end step=a state=pending");
	assert_true(t->until_at == 0 && !t->parked);
	ok(&s, "start step=a attempt=7 keeper=0");
	/* review keeps what was tried, a person's word begins anew */
	ok(&s, "end step=a state=needs_review outcome=exit exit=1");
	assert_int_equal(t->tries, 2);
	ok(&s, "set step=a state=pending by=retry");
	assert_true(t->tries == 0 && t->parks == 0 && t->parked_at == 0);
	ok(&s, "start step=a attempt=8 keeper=0");
	ok(&s, "end step=a state=waiting wait=retry until=9");
	ok(&s, "set step=a state=pending by=retry");
	assert_true(t->tries == 0 && t->until_at == 0);
	ok(&s, "start step=a attempt=9 keeper=0");
	ok(&s, "end step=a state=waiting wait=limit until=9");
	ok(&s, "start step=a attempt=10 keeper=0");
	ok(&s, "end step=a state=done outcome=exit exit=0");
	assert_true(t->tries == 0 && t->parks == 0 && t->parked_at == 0);
	state_release(&s);
	/* counted as far as there is room, and never back to none */
	t = put(&s, TASK_RUNNING);
	t->tries = UINT16_MAX;
	ok(&s, "end step=a state=waiting wait=retry until=9");
	assert_int_equal(t->tries, UINT16_MAX);
	ok(&s, "start step=a attempt=2 keeper=0");
	t->parks = UINT16_MAX;
	t->parked_at = 5;
	ok(&s, "end step=a state=waiting wait=limit until=9");
	assert_int_equal(t->parks, UINT16_MAX);
	assert_int_equal(t->parked_at, 5);
	state_release(&s);
}

static void holds(void **unused)
{
	struct state s;
	struct task *t = put(&s, TASK_RUNNING);

	(void)unused;
	ok(&s, "end step=a state=needs_review outcome=lost hold=1");
	assert_true(t->hold && !t->approval && !t->asked);
	ok(&s, "set step=a state=pending by=retry");
	assert_false(t->hold);
	ok(&s, "start step=a attempt=2 keeper=0");
	ok(&s, "ran step=a outcome=exit exit=0");
	ok(&s, "start step=a attempt=2 keeper=0 phase=verify.x");
	ok(&s, "end step=a state=needs_review hold=1");
	/* only its gates may be asked again */
	assert_true(t->hold && t->ran);
	ok(&s, "set step=a state=pending by=resume");
	assert_true(!t->hold && t->ran && t->asked);
	ok(&s, "start step=a attempt=2 keeper=0 phase=verify.x");
	/* an approval: nothing is left to be asked */
	ok(&s, "end step=a state=needs_review approval=1 reason=approval");
	assert_true(t->approval && !t->hold && !t->ran && !t->asked);
	assert_string_equal(t->reason, "approval");
	ok(&s, "set step=a state=done by=approve reason=approved result=yes");
	assert_true(!t->approval);
	assert_string_equal(t->result, "yes");
	assert_string_equal(t->reason, "approved");
	ok(&s, "set step=a state=pending by=rewind fresh=1");
	assert_null(t->result);
	/* without an attempt: the condition of a mere approval */
	ok(&s, "end step=a state=needs_review approval=1");
	assert_true(t->approval);
	state_release(&s);
}

static void receipts(void **unused)
{
	struct state s;
	struct task *t = put(&s, TASK_RUNNING);

	(void)unused;
	assert_false(t->receipt);
	ok(&s, "ran step=a outcome=exit exit=0 receipt=1 result=a_b");
	assert_true(t->receipt);
	assert_string_equal(t->result, "a b");
	ok(&s, "start step=a attempt=1 keeper=0 phase=verify.x");
	ok(&s, "end step=a state=needs_review");
	assert_true(t->receipt);
	/* it stays: over gates, and over attempts that a person starts */
	ok(&s, "set step=a state=pending by=retry");
	ok(&s, "start step=a attempt=1 keeper=0 phase=verify.x");
	ok(&s, "end step=a state=pending rerun=1");
	ok(&s, "start step=a attempt=2 keeper=0");
	assert_true(t->receipt);
	assert_string_equal(t->result, "a b");
	/* the later one's is the result */
	ok(&s, "end step=a state=needs_review outcome=exit exit=1 receipt=1 "
		"result=c");
	assert_string_equal(t->result, "c");
	/* one without a group takes nothing away */
	ok(&s, "set step=a state=pending by=retry");
	ok(&s, "start step=a attempt=3 keeper=0");
	ok(&s, "end step=a state=done outcome=exit exit=0 receipt=1");
	assert_string_equal(t->result, "c");
	ok(&s, "set step=a state=pending by=rewind fresh=1");
	assert_false(t->receipt);
	assert_null(t->result);
	state_release(&s);
}

/* Did its command get under way? Then the next attempt may go on from there
 * (resume_run). */
static void tried(void **unused)
{
	static const struct { const char *record; bool tried; } c[] = {
		{ "outcome=exit exit=0", true },
		{ "outcome=exit exit=1", true },
		{ "outcome=signal signal=9", true }, { "outcome=lost", true },
		{ "outcome=interrupted", true }, { "outcome=timeout", true },
		{ "outcome=not-started errno=2", false },
		{ "outcome=exit exit=127 errno=2", false },
		{ "outcome=exit exit=126 errno=13", false },
		{ "reason=x", false }, { "outcome=none", false },
	};
	char text[120];
	struct state s;

	(void)unused;
	for (size_t i = 0; i < sizeof(c) / sizeof(c[0]); i++) {
		struct task *t = put(&s, TASK_RUNNING);

		snprintf(text, sizeof(text), "end step=a state=needs_review "
			"%s", c[i].record);
		ok(&s, text);
		if (t->tried != c[i].tried)
			fail_msg("%s", text);
		ok(&s, "set step=a state=pending by=retry");
		assert_int_equal(t->tried, c[i].tried);
		ok(&s, "set step=a state=pending by=rewind fresh=1");
		assert_false(t->tried);
		/* a condition is not the command */
		ok(&s, "start step=a attempt=2 keeper=0 phase=if");
		snprintf(text, sizeof(text), "end step=a state=pending %s",
			c[i].record);
		ok(&s, text);
		assert_false(t->tried);
		state_release(&s);
	}
}

static void costs(void **unused)
{
	struct state s;
	struct task *t = put(&s, TASK_RUNNING);
	char text[60];
	int i;

	(void)unused;
	ok(&s, "ran step=a outcome=exit exit=0 cost=5");
	ok(&s, "end step=a state=done");
	assert_int_equal(t->cost, 5);
	assert_int_equal(s.cost, 5);
	ok(&s, "start step=b attempt=1 keeper=0");
	ok(&s, "end step=b state=waiting wait=retry until=9 outcome=exit "
		"exit=1 cost=1000000000000000");
	t = &s.task[0];
	assert_int_equal(s.task[1].cost, TASK_COST_MOST);
	assert_int_equal(s.cost, TASK_COST_MOST + 5);
	/* what was spent stays spent */
	ok(&s, "set step=a state=pending by=rewind fresh=1");
	assert_int_equal(t->cost, 5);
	ok(&s, "start step=a attempt=2 keeper=0");
	ok(&s, "end step=a state=done outcome=exit exit=0 cost=2");
	assert_int_equal(t->cost, 7);
	assert_int_equal(s.cost, TASK_COST_MOST + 7);
	/* so much that the sum has no room: it stays there */
	for (i = 0; i < 10000; i++) {
		ok(&s, "set step=a state=pending by=rewind fresh=1");
		snprintf(text, sizeof(text), "start step=a attempt=%d", 3 + i);
		ok(&s, text);
		ok(&s, "end step=a state=done outcome=exit exit=0 "
			"cost=1000000000000000");
	}
	assert_true(t->cost == INT64_MAX);
	assert_true(s.cost == INT64_MAX);
	state_release(&s);
}

static void slots_and_gates(void **unused)
{
	struct state s;
	struct task *t = put(&s, TASK_PENDING);

	(void)unused;
	ok(&s, "start step=a attempt=1 keeper=0 phase=if slot=left_hand");
	assert_string_equal(t->slot, "left hand");
	assert_string_equal(task_phase(t), "if");
	assert_string_equal(task_log_kind(t), "if");
	ok(&s, "start step=a attempt=1 keeper=0 slot=left_hand");
	assert_string_equal(task_phase(t), "run");
	assert_string_equal(task_log_kind(t), "out");
	ok(&s, "ran step=a outcome=exit exit=0");
	/* gates belong to the attempt: it keeps its slot */
	ok(&s, "start step=a attempt=1 keeper=0 phase=verify.size");
	assert_string_equal(t->slot, "left hand");
	assert_int_equal(t->phase, PHASE_VERIFY);
	assert_string_equal(t->gate, "verify.size");
	assert_string_equal(task_phase(t), "verify.size");
	assert_string_equal(task_log_kind(t), "size");
	ok(&s, "start step=a attempt=1 keeper=0 phase=verify.out");
	assert_string_equal(task_phase(t), "verify.out");
	ok(&s, "start step=a attempt=1 keeper=0 phase=place");
	assert_int_equal(t->phase, PHASE_PLACE);
	assert_string_equal(task_phase(t), "place");
	assert_string_equal(task_log_kind(t), "place");
	assert_null(t->gate);
	ok(&s, "end step=a state=pending");
	assert_null(t->slot);
	/* what is left needs none */
	ok(&s, "start step=a attempt=1 keeper=0 phase=settle");
	assert_null(t->slot);
	assert_string_equal(task_phase(t), "settle");
	ok(&s, "end step=a state=done");
	state_release(&s);
}

static void before_is(const struct task *t, int attempt, int exit, bool out,
	bool err)
{
	assert_int_equal(t->before.attempt, attempt);
	if (attempt != 0) {
		assert_int_equal(t->before.outcome.kind, OUTCOME_EXIT);
		assert_int_equal(t->before.outcome.exit, exit);
	}
	assert_int_equal(t->before.out, out);
	assert_int_equal(t->before.err, err);
}

/* How the attempt before the present one ended, and where it said so. */
static void before(void **unused)
{
	struct state s;
	struct task *t = put(&s, TASK_PENDING);

	(void)unused;
	ok(&s, "start step=a attempt=1 keeper=0 phase=if");
	before_is(t, 0, 0, false, false);
	ok(&s, "start step=a attempt=1 keeper=0");
	before_is(t, 0, 0, false, false);
	ok(&s, "end step=a state=waiting wait=retry until=9 outcome=exit "
		"exit=4 out=1");
	before_is(t, 0, 0, false, false);
	/* its condition has begun it already */
	ok(&s, "start step=a attempt=2 keeper=0 phase=if");
	before_is(t, 1, 4, true, false);
	ok(&s, "start step=a attempt=2 keeper=0");
	before_is(t, 1, 4, true, false);
	ok(&s, "ran step=a outcome=exit exit=0 err=3");
	ok(&s, "start step=a attempt=2 keeper=0 phase=verify.x");
	before_is(t, 1, 4, true, false);
	ok(&s, "end step=a state=pending rerun=1");
	ok(&s, "cut bytes=1");
	ok(&s, "start step=a attempt=4 keeper=0");
	before_is(t, 2, 0, false, true);
	/* one of which nothing is known says nothing of the one before it */
	ok(&s, "end step=a state=pending");
	ok(&s, "start step=a attempt=5 keeper=0");
	before_is(t, 2, 0, false, true);
	state_release(&s);
}

/* In a row, and under one durexec: a power cut is nobody's fault. */
static void losses(void **unused)
{
	struct state s;
	struct task *t = put(&s, TASK_RUNNING);

	(void)unused;
	ok(&s, "end step=a state=pending outcome=lost");
	assert_int_equal(t->losses, 1);
	ok(&s, "start step=a attempt=2 keeper=0");
	ok(&s, "end step=a state=pending outcome=lost");
	assert_int_equal(t->losses, 2);
	/* another durexec finds it lost */
	ok(&s, "start step=a attempt=3 keeper=0");
	ok(&s, "begin pid=2 boot=b2");
	ok(&s, "end step=a state=pending outcome=lost");
	assert_int_equal(t->losses, 0);
	ok(&s, "start step=a attempt=4 keeper=0");
	ok(&s, "end step=a state=pending outcome=lost");
	ok(&s, "start step=a attempt=5 keeper=0");
	ok(&s, "ran step=a outcome=exit exit=0");
	ok(&s, "start step=a attempt=5 keeper=0 phase=verify.x");
	/* a gate that is lost is a loss, but the command's end is known */
	ok(&s, "end step=a state=pending lost=1");
	assert_int_equal(t->losses, 2);
	assert_int_equal(t->outcome.kind, OUTCOME_EXIT);
	ok(&s, "start step=a attempt=5 keeper=0 phase=verify.x");
	ok(&s, "end step=a state=needs_review");
	assert_int_equal(t->losses, 0);
	ok(&s, "set step=a state=pending by=retry");
	ok(&s, "start step=a attempt=5 keeper=0 phase=verify.x");
	t->losses = UINT8_MAX;
	ok(&s, "end step=a state=pending lost=1");
	assert_int_equal(t->losses, UINT8_MAX);
	ok(&s, "set step=a state=pending by=retry");
	assert_int_equal(t->losses, 0);
	state_release(&s);
}

static void interrupts(void **unused)
{
	struct state s;
	struct task *t = put(&s, TASK_RUNNING);

	(void)unused;
	ok(&s, "end step=a state=pending outcome=interrupted signal=15");
	assert_int_equal(t->interrupts, 0);
	ok(&s, "start step=a attempt=2 keeper=0");
	ok(&s, "end step=a state=pending outcome=interrupted elsewhere=1");
	assert_int_equal(t->interrupts, 1);
	ok(&s, "start step=a attempt=3 keeper=0");
	ok(&s, "end step=a state=pending outcome=lost");
	assert_int_equal(t->interrupts, 1);
	ok(&s, "start step=a attempt=4 keeper=0");
	ok(&s, "end step=a state=needs_review outcome=interrupted "
		"elsewhere=1");
	assert_int_equal(t->interrupts, 2);
	ok(&s, "set step=a state=pending by=retry");
	assert_int_equal(t->interrupts, 0);
	/* what ended in another way is no longer in a row with it */
	ok(&s, "start step=a attempt=5 keeper=0");
	ok(&s, "end step=a state=pending outcome=interrupted elsewhere=1");
	ok(&s, "start step=a attempt=6 keeper=0");
	ok(&s, "end step=a state=waiting wait=retry until=9 outcome=exit "
		"exit=1");
	assert_int_equal(t->interrupts, 0);
	/* of a gate it says only that */
	ok(&s, "start step=a attempt=7 keeper=0");
	ok(&s, "ran step=a outcome=exit exit=0");
	ok(&s, "start step=a attempt=7 keeper=0 phase=verify.x");
	ok(&s, "end step=a state=pending elsewhere=1");
	assert_int_equal(t->interrupts, 1);
	assert_int_equal(t->outcome.kind, OUTCOME_EXIT);
	assert_true(t->ran);
	t->interrupts = UINT8_MAX;
	ok(&s, "start step=a attempt=7 keeper=0 phase=verify.x");
	ok(&s, "end step=a state=pending elsewhere=1");
	assert_int_equal(t->interrupts, UINT8_MAX);
	state_release(&s);
}

static void sessions(void **unused)
{
	struct state s;

	(void)unused;
	(void)put(&s, TASK_RUNNING);
	assert_int_equal(s.sessions, 1);
	assert_int_equal(s.boot_session, 1);
	ok(&s, "begin pid=2 boot=b1");
	assert_int_equal(s.sessions, 2);
	assert_int_equal(s.boot_session, 1);
	ok(&s, "begin pid=2 boot=b2");
	assert_int_equal(s.boot_session, 3);
	assert_string_equal(s.boot, "b2");
	ok(&s, "adopt step=a");
	assert_true(s.task[0].adopted);
	assert_int_equal(s.task[0].session, 1);
	ok(&s, "end step=a state=done outcome=exit exit=0");
	assert_int_equal(s.task[0].session, 3);
	ok(&s, "close state=done reason=all_done");
	assert_string_equal(s.closed, "done");
	assert_string_equal(s.closed_reason, "all done");
	ok(&s, "set step=a state=pending by=rewind fresh=1");
	assert_null(s.closed);
	state_release(&s);
}

static void outputs(void **unused)
{
	struct state s;
	int o;

	(void)unused;
	(void)put(&s, TASK_RUNNING);
	ok(&s, "output step=a name=X value=1");
	ok(&s, "output step=b name=X value=2");
	ok(&s, "output step=a name=X value=3_4");
	o = s.last_output[0];
	assert_string_equal(s.output[o].value, "3 4");
	o = s.output[o].next;
	assert_string_equal(s.output[o].value, "1");
	assert_int_equal(s.output[o].next, -1);
	assert_int_equal(s.last_output[state_find(&s, "b")], 1);
	assert_int_equal(state_find(&s, "c"), -1);
	ok(&s, "end step=a state=done outcome=exit exit=0");
	/* a retry keeps them, a rewind does not */
	ok(&s, "set step=a state=pending by=rewind fresh=1");
	assert_int_equal(s.last_output[0], -1);
	state_release(&s);
}

static void key_is(const struct state *s, const struct task *t,
	const char *key, char session[64])
{
	struct buf out = { 0 };
	size_t i;

	state_key(s, t, &out);
	assert_string_equal(out.data, key);
	buf_reset(&out);
	state_session(s, t, &out);
	assert_int_equal(out.len, 36);
	for (i = 0; i < 36; i++)
		if (i == 8 || i == 13 || i == 18 || i == 23)
			assert_int_equal(out.data[i], '-');
		else
			assert_non_null(strchr("0123456789abcdef",
				out.data[i]));
	/* RFC 9562: version 8, variant 10 */
	assert_int_equal(out.data[14], '8');
	assert_non_null(strchr("89ab", out.data[19]));
	memcpy(session, out.data, 37);
	buf_release(&out);
}

static void keys(void **unused)
{
	char first[64], other[64];
	struct state s, twin;
	struct task *t = put(&s, TASK_PENDING);
	int i;

	(void)unused;
	key_is(&s, t, "R/a", first);
	ok(&s, "start step=a attempt=1 keeper=0");
	ok(&s, "end step=a state=needs_review outcome=exit exit=1");
	ok(&s, "set step=a state=pending by=retry");
	ok(&s, "cut bytes=1");
	ok(&s, "start step=a attempt=3 keeper=0");
	key_is(&s, t, "R/a", other);
	assert_string_equal(first, other);
	ok(&s, "end step=a state=done outcome=exit exit=0");
	ok(&s, "set step=a state=pending by=rewind fresh=1");
	key_is(&s, t, "R/a~2", other);
	assert_string_not_equal(first, other);
	/* attempt numbers go on: the old logs are kept */
	assert_int_equal(state_next_attempt(&s, t), 4);
	ok(&s, "set step=a state=pending by=rewind fresh=1");
	key_is(&s, t, "R/a~3", other);
	/* another step, another seed; in both halves */
	i = state_task(&s, "b");
	key_is(&s, &s.task[i], "R/b", other);
	assert_memory_not_equal(first, other, 13);
	assert_string_not_equal(first + 20, other + 20);
	state_init(&twin);
	ok(&twin, "durexec run=R name=p path=/p seed=abd");
	i = state_task(&twin, "a");
	key_is(&twin, &twin.task[i], "R/a", other);
	assert_memory_not_equal(first, other, 13);
	assert_string_not_equal(first + 20, other + 20);
	state_release(&twin);
	state_init(&twin);
	ok(&twin, "durexec run=R name=p path=/p seed=abc");
	i = state_task(&twin, "a");
	key_is(&twin, &twin.task[i], "R/a", other);
	assert_string_equal(first, other);
	state_release(&twin);
	state_release(&s);
}

/* A power cut comes while what is left is asked, then another. */
static void settled(void **unused)
{
	struct state s;
	struct task *t;

	(void)unused;
	t = put(&s, TASK_PENDING);
	ok(&s, "start step=a attempt=1 keeper=0");
	ok(&s, "ran step=a outcome=exit exit=0");
	ok(&s, "start step=a attempt=1 keeper=0 phase=settle");
	assert_true(t->ran && !t->settled);
	ok(&s, "start step=a attempt=1 keeper=0 phase=verify.x");
	assert_true(t->settled);
	ok(&s, "begin pid=2 boot=two");
	ok(&s, "end step=a state=pending outcome=lost");
	ok(&s, "start step=a attempt=1 keeper=0 phase=settle");
	assert_true(t->ran && t->settled);
	ok(&s, "end step=a state=pending rerun=1");
	/* this one's are other outputs */
	ok(&s, "start step=a attempt=2 keeper=0");
	assert_false(t->settled);
	ok(&s, "ran step=a outcome=exit exit=0");
	ok(&s, "start step=a attempt=2 keeper=0 phase=place");
	assert_true(t->settled);
	state_release(&s);
}

static void same_text(const char *a, const char *b)
{
	assert_int_equal(a == NULL, b == NULL);
	if (a != NULL)
		assert_string_equal(a, b);
}

static void same_outcome(const struct outcome *a, const struct outcome *b)
{
	assert_int_equal(a->kind, b->kind);
	assert_int_equal(a->exit, b->exit);
	assert_int_equal(a->signo, b->signo);
	assert_int_equal(a->err, b->err);
	assert_int_equal(a->oom, b->oom);
}

static void same_task(const struct task *a, const struct task *b)
{
	assert_string_equal(a->name, b->name);
	assert_int_equal(a->state, b->state);
	assert_int_equal(a->phase, b->phase);
	assert_int_equal(a->ran, b->ran);
	assert_int_equal(a->settled, b->settled);
	assert_int_equal(a->asked, b->asked);
	assert_int_equal(a->adopted, b->adopted);
	assert_int_equal(a->tried, b->tried);
	assert_int_equal(a->receipt, b->receipt);
	assert_int_equal(a->hold, b->hold);
	assert_int_equal(a->approval, b->approval);
	assert_int_equal(a->parked, b->parked);
	assert_int_equal(a->tries, b->tries);
	assert_int_equal(a->parks, b->parks);
	assert_int_equal(a->parked_at, b->parked_at);
	assert_int_equal(a->cost, b->cost);
	assert_int_equal(a->interrupts, b->interrupts);
	assert_int_equal(a->losses, b->losses);
	assert_int_equal(a->generation, b->generation);
	assert_int_equal(a->keeper, b->keeper);
	assert_int_equal(a->session, b->session);
	assert_int_equal(a->turn, b->turn);
	assert_int_equal(a->attempts, b->attempts);
	assert_int_equal(a->cuts, b->cuts);
	same_outcome(&a->outcome, &b->outcome);
	same_outcome(&a->before.outcome, &b->before.outcome);
	assert_int_equal(a->before.attempt, b->before.attempt);
	assert_int_equal(a->before.out, b->before.out);
	assert_int_equal(a->before.err, b->before.err);
	assert_int_equal(a->began_at, b->began_at);
	assert_int_equal(a->started_at, b->started_at);
	assert_int_equal(a->ended_at, b->ended_at);
	assert_int_equal(a->until_at, b->until_at);
	assert_int_equal(a->user_ms, b->user_ms);
	assert_int_equal(a->system_ms, b->system_ms);
	assert_int_equal(a->rss_kb, b->rss_kb);
	assert_int_equal(a->out_bytes, b->out_bytes);
	assert_int_equal(a->err_bytes, b->err_bytes);
	assert_true(a->command == b->command);
	assert_true(a->whole == b->whole);
	same_text(a->slot, b->slot);
	same_text(a->gate, b->gate);
	same_text(a->reason, b->reason);
	same_text(a->result, b->result);
}

static void same_state(const struct state *a, const struct state *b)
{
	size_t i;

	same_text(a->run, b->run);
	assert_int_equal(a->turns, b->turns);
	same_text(a->seed, b->seed);
	same_text(a->boot, b->boot);
	same_text(a->closed, b->closed);
	same_text(a->closed_reason, b->closed_reason);
	assert_int_equal(a->started_at, b->started_at);
	assert_int_equal(a->began_at, b->began_at);
	assert_int_equal(a->closed_at, b->closed_at);
	assert_int_equal(a->sessions, b->sessions);
	assert_int_equal(a->boot_session, b->boot_session);
	assert_int_equal(a->cuts, b->cuts);
	assert_int_equal(a->cost, b->cost);
	assert_memory_equal(a->count, b->count, sizeof(a->count));
	assert_int_equal(a->ntasks, b->ntasks);
	assert_int_equal(a->noutputs, b->noutputs);
	assert_int_equal(a->nparams, b->nparams);
	for (i = 0; i < a->ntasks; i++) {
		same_task(&a->task[i], &b->task[i]);
		assert_int_equal(a->last_output[i], b->last_output[i]);
	}
	for (i = 0; i < a->noutputs; i++) {
		assert_int_equal(a->output[i].task, b->output[i].task);
		assert_int_equal(a->output[i].next, b->output[i].next);
		same_text(a->output[i].name, b->output[i].name);
		same_text(a->output[i].value, b->output[i].value);
	}
	for (i = 0; i < (size_t)a->nparams; i++) {
		same_text(a->param[i].name, b->param[i].name);
		same_text(a->param[i].value, b->param[i].value);
	}
}

/* Sixteen steps, s0 to s15. */
static void walkers(struct state *s)
{
	char name[8];
	int i;

	state_init(s);
	for (i = 0; i < 16; i++) {
		snprintf(name, sizeof(name), "s%d", i);
		assert_int_equal(state_task(s, name), i);
	}
}

/* What no record may break. */
static void sane(const struct state *s)
{
	int count[TASK_STATES] = { 0 };
	int64_t cost = 0;
	size_t i;

	for (i = 0; i < s->ntasks; i++) {
		const struct task *t = &s->task[i];

		count[t->state]++;
		cost += t->cost;
		if (t->state != TASK_WAITING)
			assert_true(!t->parked && t->until_at == 0);
		if (t->state != TASK_NEEDS_REVIEW)
			assert_true(!t->hold && !t->approval);
		if (t->state != TASK_RUNNING)
			assert_true(t->slot == NULL && t->keeper == -1);
		if (t->state == TASK_DONE || t->state == TASK_SKIPPED)
			assert_true(t->tries == 0 && t->parks == 0 &&
				t->parked_at == 0 && !t->ran && !t->asked);
		assert_int_equal(t->parks == 0, t->parked_at == 0);
		if (t->parked)
			assert_true(t->parks > 0);
		if (t->asked)
			assert_true(t->ran);
		assert_true(t->attempts < state_next_attempt(s, t));
		assert_true(t->before.attempt <= t->attempts);
	}
	assert_memory_equal(count, s->count, sizeof(count));
	assert_true(cost == s->cost);
}

/*
 * A walk of some thousand random legal records through the journal: after each
 * write a replay of the file gives what is in memory.
 */
static void replay_equals_live(void **unused)
{
	static const char *const form[] = {
		"start step=%1$s attempt=%2$d keeper=2 command=%3$x",
		"start step=%1$s attempt=%2$d keeper=7 slot=gpu%2$d",
		"start step=%1$s attempt=%2$d keeper=1 phase=if command=%3$x",
		"start step=%1$s attempt=%2$d phase=settle command=%3$x",
		"start step=%1$s attempt=%2$d phase=verify.g%2$d",
		"start step=%1$s attempt=%2$d keeper=3 phase=place",
		"end step=%1$s state=done outcome=exit exit=%2$d user=4 out=9 "
			"cost=%3$u",
		"end step=%1$s state=needs_review outcome=exit exit=%2$d "
			"reason=exit_%2$d whole=%3$x",
		"end step=%1$s state=needs_review outcome=timeout signal=15 "
			"hold=1 receipt=1 result=r%2$d",
		"end step=%1$s state=needs_review approval=1 reason=approval",
		"end step=%1$s state=pending outcome=interrupted elsewhere=1",
		"end step=%1$s state=pending rerun=1",
		"end step=%1$s state=pending lost=1",
		"end step=%1$s state=pending outcome=lost cost=%2$d",
		"end step=%1$s state=waiting outcome=exit exit=75 wait=limit "
			"until=%2$d",
		"end step=%1$s state=waiting outcome=exit exit=1 err=%2$d "
			"wait=retry until=%3$u rerun=1 cost=7",
		"end step=%1$s state=skipped reason=condition",
		"ran step=%1$s outcome=signal signal=9 oom=1 rss=%2$d",
		"ran step=%1$s outcome=exit exit=0 out=5 receipt=1 "
			"result=%3$x cost=%2$d",
		"set step=%1$s state=pending by=retry",
		"set step=%1$s state=pending by=rewind fresh=1",
		"set step=%1$s state=done by=approve result=r_%2$d reason=x",
		"set step=%1$s state=skipped by=skip reason=\n%%\xff",
		"output step=%1$s name=N%2$d value=%3$x\n",
		"adopt step=%1$s", "cut bytes=%2$d", "begin pid=1 boot=b%2$d",
		"begin pid=2 boot=b", "begin pid=3 boot=b",
		"close state=done reason=%1$s", "param name=%1$s value=%2$d",
	};
	struct state live, again, probe;
	struct buf seen = { 0 };
	struct scratch dir;
	struct journal j, k;
	struct record r;
	struct why why;
	uint32_t x = 4711;
	char name[8], text[200], *copy;
	const char *named;
	int i, batch = 0, accepted = 0;

	(void)unused;
	scratch_init(&dir);
	walkers(&live);
	memset(&j, 0, sizeof(j));
	memset(&r, 0, sizeof(r));
	copy = record_of(&r, "durexec format=1 run=R name=p path=/p seed=abc");
	state_write(&live, &j, &r);
	free(copy);
	assert_int_equal(journal_create(&j, dir.fd, &why), 0);
	for (i = 0; i < 6000; i++) {
		struct task *t, *own;

		x = x * 1664525 + 1013904223;
		snprintf(name, sizeof(name), "s%u", x >> 28);
		t = &live.task[state_find(&live, name)];
		snprintf(text, sizeof(text), form[(x >> 8) %
			(sizeof(form) / sizeof(form[0]))], name,
			(x >> 16) % 3 == 0 ? state_next_attempt(&live, t) :
			t->attempts, x);
		/* Whether it is legal, a copy of the state says. */
		state_init(&probe);
		(void)state_task(&probe, t->name);
		own = &probe.task[0];
		named = own->name;
		*own = *t;
		own->name = named;
		probe.count[TASK_PENDING] = 0;
		probe.count[t->state] = 1;
		probe.cuts = live.cuts;
		memset(&r, 0, sizeof(r));
		copy = record_of(&r, text);
		r.at = now++;
		if (state_apply(&probe, &r, &why) == 0) {
			state_write(&live, &j, &r);
			sane(&live);
			accepted++;
			batch++;
		}
		free(copy);
		state_release(&probe);
		if (batch == 0 || x >> 30 != 0)
			continue;
		batch = 0;
		assert_int_equal(journal_commit(&j, &why), 0);
		if (x >> 24 & 7)
			continue;
		walkers(&again);
		if (journal_read(&k, dir.fd, state_apply, &again, &why) != 0)
			fail_msg("%s", why.text);
		assert_int_equal(k.seq, j.seq);
		assert_int_equal(k.crc, j.crc);
		same_state(&live, &again);
		state_release(&again);
	}
	assert_true(accepted > 1000);
	journal_close(&j);
	state_release(&live);
	buf_release(&seen);
	scratch_release(&dir);
}

/* A record about the items of a fan-out; NULL and -1: not in it. */
static int lists(struct state *s, const char *step, const char *list,
	int64_t from, const char *of, int64_t total, struct why *why)
{
	struct record r = { 0 };

	record_start(&r, "items");
	r.seq = 7;
	r.at = now += 1000;
	record_set(&r, "step", step);
	if (from != -1)
		record_set_number(&r, "from", from);
	if (list != NULL)
		record_set(&r, "list", list);
	if (of != NULL)
		record_set(&r, "of", of);
	if (total != -1)
		record_set_number(&r, "total", total);
	memset(why, 0, sizeof(*why));
	return state_apply(s, &r, why);
}

static void listed(struct state *s, const char *step, const char *list,
	int64_t from, const char *of, int64_t total)
{
	struct why why;

	if (lists(s, step, list, from, of, total, &why) == -1)
		fail_msg("%s", why.text);
}

static const struct fan *fan_of(const struct state *s, const char *step)
{
	int i = state_find(s, step);

	assert_true(i != -1);
	return state_fan(s, &s->task[i]);
}

/* The items that count, by name: "a b". */
static void items_are(const struct state *s, const char *step,
	const char *expected)
{
	const struct fan *f = fan_of(s, step);
	struct buf is = { 0 }, item = { 0 };
	int i;

	assert_non_null(f);
	assert_string_equal(f->step, step);
	assert_int_equal(f->head, state_find(s, step));
	buf_str(&is, "");
	for (i = 0; i < f->n; i++) {
		const struct task *t = &s->task[f->task[i]];

		assert_int_equal(t->item, i);
		assert_string_equal(task_step(s, t), step);
		assert_null(state_fan(s, t));
		buf_reset(&item);
		task_item(s, t, &item);
		buf_printf(&is, "%s%s", i > 0 ? " " : "", item.data);
		assert_int_equal(strlen(t->name),
			strlen(step) + item.len + 2);
	}
	assert_string_equal(is.data, expected);
	buf_release(&is);
	buf_release(&item);
}

static const struct task *task_at(const struct state *s, const char *name)
{
	int i = state_find(s, name);

	if (i == -1)
		fail_msg("no task %s", name);
	return &s->task[i];
}

static void items(void **unused)
{
	struct buf item = { 0 };
	const struct task *t;
	struct state s;

	(void)unused;
	open_run(&s);
	(void)state_task(&s, "a");
	assert_null(fan_of(&s, "a"));
	assert_string_equal(task_step(&s, &s.task[0]), "a");
	task_item(&s, &s.task[0], &item);
	assert_int_equal(item.len, 0);
	listed(&s, "g", "x\ny]\nz[1]", 0, NULL, 3);
	items_are(&s, "g", "x y] z[1]");
	assert_int_equal(fan_of(&s, "g")->changed_at, now);
	assert_int_equal(s.count[TASK_PENDING], 5);
	t = task_at(&s, "g[z[1]]");
	assert_int_equal(t->state, TASK_PENDING);
	assert_int_equal(t->place, 2);
	t = task_at(&s, "g");
	assert_int_equal(t->item, -1);
	task_item(&s, t, &item);
	assert_int_equal(item.len, 0);
	/* no record is needed to know that there are none */
	listed(&s, "none", NULL, 0, NULL, 0);
	items_are(&s, "none", "");
	assert_int_equal(fan_of(&s, "none")->changed_at, 0);
	ok(&s, "items step=h list=a total=1 source=12ab");
	assert_true(fan_of(&s, "h")->source == 0x12ab);
	items_are(&s, "h", "a");
	/* they are tasks like others */
	ok(&s, "start step=g[x] attempt=1 keeper=0");
	ok(&s, "end step=g[x] state=done outcome=exit exit=0");
	assert_int_equal(task_at(&s, "g[x]")->state, TASK_DONE);
	buf_release(&item);
	state_release(&s);
}

static void items_in_parts(void **unused)
{
	struct state s;
	int64_t at;

	(void)unused;
	open_run(&s);
	/* they count from the total on */
	listed(&s, "g", "a\nb", 0, NULL, -1);
	items_are(&s, "g", "");
	listed(&s, "g", "c", -1, NULL, -1);
	items_are(&s, "g", "");
	listed(&s, "g", NULL, -1, NULL, 3);
	items_are(&s, "g", "a b c");
	/* more of them join */
	at = fan_of(&s, "g")->changed_at;
	listed(&s, "g", "d", 3, NULL, -1);
	items_are(&s, "g", "a b c");
	assert_int_equal(fan_of(&s, "g")->changed_at, at);
	listed(&s, "g", "e", -1, NULL, 5);
	items_are(&s, "g", "a b c d e");
	at = fan_of(&s, "g")->changed_at;
	assert_int_equal(at, now);
	/* none does */
	listed(&s, "g", NULL, 5, NULL, 5);
	items_are(&s, "g", "a b c d e");
	assert_int_equal(fan_of(&s, "g")->changed_at, at);
	assert_int_equal(s.ntasks, 6);
	state_release(&s);
}

/* What follows was lost with the end of the file, and is done anew. */
static void items_torn(void **unused)
{
	struct state s;
	struct why why;

	(void)unused;
	open_run(&s);
	listed(&s, "g", "a\nb\nc", 0, NULL, -1);
	ok(&s, "cut bytes=9");
	listed(&s, "g", "c\nx\na", 0, NULL, 3);
	items_are(&s, "g", "c x a");
	assert_int_equal(task_at(&s, "g[b]")->item, -1);
	/* what is no longer listed is still its item */
	assert_string_equal(task_step(&s, task_at(&s, "g[b]")), "g");
	/* of more that join, some were known already */
	listed(&s, "g", "b\ny", 3, NULL, -1);
	if (lists(&s, "g", "z", 4, NULL, 5, &why) == 0)
		fail_msg("behind what does not count");
	ok(&s, "cut bytes=9");
	listed(&s, "g", "y", 3, NULL, -1);
	listed(&s, "g", "z", -1, NULL, 5);
	items_are(&s, "g", "c x a y z");
	assert_int_equal(task_at(&s, "g[b]")->item, -1);
	/* all of it is forgotten */
	listed(&s, "g", NULL, 0, NULL, 0);
	items_are(&s, "g", "");
	assert_int_equal(task_at(&s, "g[x]")->item, -1);
	listed(&s, "g", "x", 0, NULL, 1);
	items_are(&s, "g", "x");
	state_release(&s);
}

static void items_of_another(void **unused)
{
	struct state s;
	int place;

	(void)unused;
	open_run(&s);
	listed(&s, "g", "a\nb", 0, NULL, 2);
	listed(&s, "v", NULL, -1, "g", 2);
	items_are(&s, "v", "a b");
	assert_string_equal(task_at(&s, "v[b]")->name, "v[b]");
	place = task_at(&s, "v[b]")->place;
	ok(&s, "start step=v[b] attempt=1 keeper=0");
	ok(&s, "end step=v[b] state=done outcome=exit exit=0");
	/* in another order, with more, with fewer */
	listed(&s, "w", "c\nb\na", 0, NULL, 3);
	listed(&s, "v", NULL, -1, "w", 3);
	items_are(&s, "v", "c b a");
	assert_int_equal(task_at(&s, "v[b]")->state, TASK_DONE);
	assert_int_equal(task_at(&s, "v[b]")->place, place);
	listed(&s, "u", "b", 0, NULL, 1);
	listed(&s, "v", NULL, -1, "u", 1);
	items_are(&s, "v", "b");
	assert_int_equal(task_at(&s, "v[a]")->item, -1);
	listed(&s, "v", NULL, -1, "g", 2);
	items_are(&s, "v", "a b");
	/* of one without a list, or without a name */
	(void)state_task(&s, "plain");
	listed(&s, "v", NULL, -1, "plain", 0);
	items_are(&s, "v", "");
	listed(&s, "v", NULL, -1, "nobody", 0);
	items_are(&s, "v", "");
	assert_int_equal(state_find(&s, "nobody"), -1);
	state_release(&s);
}

static void items_refused(void **unused)
{
	static const struct {
		const char *step, *list;
		int64_t from;
		const char *of;
		int64_t total;
		const char *said;
	} bad[] = {
		{ "", "a", 0, NULL, 1, "valid step" },
		{ "g[a]", "a", 0, NULL, 1, "valid step" },
		{ "a]", "a", 0, NULL, 1, "valid step" },
		{ "g", "c", 3, NULL, 3, "valid from" },
		{ "g", "c", -2, NULL, 3, "valid from" },
		{ "g", "c", 2, NULL, 2, "valid total" },
		{ "g", "c", 2, NULL, 4, "valid total" },
		{ "g", "c", 2, NULL, -2, "valid total" },
		{ "g", NULL, 2, NULL, INT64_MAX, "valid total" },
		{ "g", "c\nc", 2, NULL, 4, "valid total" },
		{ "g", "a", 2, NULL, 3, "valid total" },
		{ "g", "", 2, NULL, 3, "valid list" },
		{ "g", "c\n", 2, NULL, 3, "valid list" },
		{ "g", "c\n\nd", 2, NULL, 4, "valid list" },
		{ "g", "\nc", 2, NULL, 3, "valid list" },
		{ "g", NULL, -1, "h", 1, "valid total" },
		{ "g", NULL, -1, "h", 3, "valid total" },
		{ "g", NULL, -1, "h", -1, "valid total" },
		{ "g", NULL, -1, "g", 2, "valid of" },
		{ "g", "a", -1, "h", 2, "valid of" },
		{ "g", NULL, 0, NULL, -1, "valid total" },
		{ "g", "c", 1, NULL, -1, "valid total" },
	};
	struct state s;
	struct why why;
	size_t i;

	(void)unused;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		open_run(&s);
		listed(&s, "g", "a\nb", 0, NULL, 2);
		listed(&s, "h", "x\ny", 0, NULL, 2);
		if (lists(&s, bad[i].step, bad[i].list, bad[i].from, bad[i].of,
		    bad[i].total, &why) == 0)
			fail_msg("number %zu is accepted", i);
		if (strstr(why.text, bad[i].said) == NULL)
			fail_msg("number %zu: %s", i, why.text);
		assert_non_null(strstr(why.text, "record 7 (items) of the "
			"state file has no "));
		state_release(&s);
	}
	open_run(&s);
	refused(&s, "items list=a total=1", "valid step");
	refused(&s, "items step=g list=a total=1 source=xyz",
		"valid source");
	refused(&s, "items step=g list=a from=x total=1", "valid from");
	refused(&s, "items step=g list=a total=one", "valid total");
	state_release(&s);
	/* in a list, one that is there twice is there once */
	open_run(&s);
	listed(&s, "g", "a\nb\na", 0, NULL, 2);
	items_are(&s, "g", "a b");
	state_release(&s);
}

/* What the fan-out of the walk has, kept by hand. */
struct walk {
	int v[64], n;		/* those that count */
	int more[64], nmore;	/* behind the first `from` of them */
	int from;
	int place[26];		/* -1: it was never listed */
	int places;
};

static bool walk_has(const struct walk *w, int item)
{
	int i;

	for (i = 0; i < w->from; i++)
		if (w->v[i] == item)
			return true;
	for (i = 0; i < w->nmore; i++)
		if (w->more[i] == item)
			return true;
	return false;
}

static void walk_list(struct walk *w, const int *item, int n, struct buf *list)
{
	int i;

	for (i = 0; i < n; i++) {
		buf_printf(list, "%s%c", i > 0 ? "\n" : "", 'a' + item[i]);
		if (walk_has(w, item[i]))
			continue;
		if (w->place[item[i]] == -1)
			w->place[item[i]] = w->places++;
		w->more[w->nmore++] = item[i];
	}
}

static void walk_counts(struct walk *w)
{
	int i;

	w->n = w->from;
	for (i = 0; i < w->nmore; i++)
		w->v[w->n++] = w->more[i];
	w->from = w->n;
	w->nmore = 0;
}

static void walk_is(const struct state *s, const char *step,
	const struct walk *w)
{
	struct buf text = { 0 };
	int i;

	buf_str(&text, "");
	for (i = 0; i < w->n; i++)
		buf_printf(&text, "%s%c", i > 0 ? " " : "", 'a' + w->v[i]);
	items_are(s, step, text.data);
	buf_release(&text);
	for (i = 0; i < 26; i++) {
		char name[] = "g[a]";
		int k;

		name[0] = step[0];
		name[2] = (char)('a' + i);
		k = state_find(s, name);
		assert_int_equal(k == -1, w->place[i] == -1);
		if (k == -1)
			continue;
		assert_int_equal(s->task[k].item != -1, walk_has(w, i));
		assert_int_equal(s->task[k].place, w->place[i]);
	}
}

/* Lists in parts, torn in between, and orders of another one, at random. */
static void items_at_random(void **unused)
{
	static const char *const name[] = { "g", "h" };
	uint32_t x = 1;
	int i, k;

	(void)unused;
	for (i = 0; i < 300; i++) {
		struct walk w[2] = { 0 };
		struct state s;

		memset(w[0].place, -1, sizeof(w[0].place));
		memset(w[1].place, -1, sizeof(w[1].place));
		open_run(&s);
		listed(&s, "g", NULL, 0, NULL, 0);
		listed(&s, "h", NULL, 0, NULL, 0);
		for (k = 0; k < 40; k++) {
			int which, item[4], n, m;
			struct buf list = { 0 };
			bool count;

			x = x * 1664525 + 1013904223;
			which = x >> 31;
			n = (int)(x >> 28 & 3);
			for (m = 0; m < n; m++)
				item[m] = (int)((x >> (5 * m)) % 26);
			count = (x >> 24 & 3) != 0;
			if ((x >> 20 & 7) == 0) {
				struct walk *to = &w[which];
				const struct walk *of = &w[1 - which];

				to->from = to->nmore = 0;
				for (m = 0; m < of->n; m++) {
					int one = of->v[m];

					if (to->place[one] == -1)
						to->place[one] = to->places++;
					to->more[to->nmore++] = one;
				}
				walk_counts(to);
				listed(&s, name[which], NULL, -1,
					name[1 - which], to->n);
			} else {
				if ((x >> 18 & 3) == 0) {
					w[which].from = w[which].n;
					w[which].nmore = 0;
				}
				walk_list(&w[which], item, n, &list);
				listed(&s, name[which], list.data,
					(x >> 18 & 3) == 0 ? w[which].n : -1,
					NULL, count ? w[which].from +
					w[which].nmore : -1);
				if (count)
					walk_counts(&w[which]);
			}
			buf_release(&list);
			walk_is(&s, "g", &w[0]);
			walk_is(&s, "h", &w[1]);
		}
		state_release(&s);
	}
}

/* The only item of the fan-out `g`. */
static const struct task *only_item(struct state *s, const char *item)
{
	open_run(s);
	listed(s, "g", item, 0, NULL, 1);
	return &s->task[fan_of(s, "g")->task[0]];
}

static void write_list(struct state *s, struct journal *j, const char *list,
	int total)
{
	struct record r = { 0 };

	record_start(&r, "items");
	record_set(&r, "step", "g");
	record_set(&r, "list", list);
	if (total != -1)
		record_set_number(&r, "total", total);
	state_write(s, j, &r);
}

/* On disk, any bytes; and wherever the file ends, all of them or none. */
static void items_on_disk(void **unused)
{
	static const char *const part[] = { "a b\n\xff%0A=]", "-rf\n*\t\x1b[2J",
		"z" };
	struct state live, again;
	struct buf file = { 0 };
	struct scratch dir;
	struct journal j = { 0 }, k;
	struct record r = { 0 };
	struct why why;
	size_t n, begun;
	int all = 0;
	char *copy;

	(void)unused;
	scratch_init(&dir);
	state_init(&live);
	copy = record_of(&r, "durexec format=1 run=R name=p path=/p seed=abc");
	state_write(&live, &j, &r);
	free(copy);
	assert_int_equal(journal_create(&j, dir.fd, &why), 0);
	scratch_get(&dir, "state", &file);
	begun = file.len;
	write_list(&live, &j, part[0], -1);
	write_list(&live, &j, part[1], -1);
	write_list(&live, &j, part[2], 5);
	assert_int_equal(journal_commit(&j, &why), 0);
	journal_close(&j);
	scratch_get(&dir, "state", &file);
	for (n = begun; n <= file.len; n++) {
		const struct fan *f;

		scratch_put(&dir, "state", file.data, n);
		state_init(&again);
		if (journal_read(&k, dir.fd, state_apply, &again, &why) != 0)
			fail_msg("%s", why.text);
		f = again.ntasks > 0 ? fan_of(&again, "g") : NULL;
		assert_true(f == NULL || f->n == 0 || f->n == 5);
		all += f != NULL && f->n == 5;
		if (n < file.len) {
			state_release(&again);
			continue;
		}
		assert_int_equal(f->n, 5);
		items_are(&again, "g", "a b \xff%0A=] -rf *\t\x1b[2J z");
		same_state(&live, &again);
		state_release(&again);
	}
	assert_int_equal(all, 1);
	state_release(&live);
	buf_release(&file);
	scratch_release(&dir);
}

enum name { NAME_LOG, NAME_DIR, NAME_OUTPUT, NAMES };

static void name_of(const struct state *s, const struct task *t,
	enum name which, struct buf *out)
{
	buf_reset(out);
	switch (which) {
	case NAME_LOG:
		task_log(s, t, 3, "err", out);
		break;
	case NAME_DIR:
		task_dir(s, t, out);
		break;
	case NAME_OUTPUT:
		task_output_file(s, t, 3, out);
		break;
	case NAMES:
		break;
	}
}

/* Below the directory, in places of its own, with names that a disk takes. */
static void well_placed(const char *path, const char *under)
{
	char *copy = strdup(path), *rest = copy, *one;
	size_t i;

	assert_non_null(copy);
	if (strncmp(path, under, strlen(under)) != 0)
		fail_msg("%s is not under %s", path, under);
	while ((one = strsep(&rest, "/")) != NULL) {
		assert_true(*one != '\0' && strlen(one) <= 255);
		/* not hidden, and not `..` */
		assert_true(*one != '.');
		for (i = 0; one[i] != '\0'; i++)
			assert_true(one[i] > ' ' && one[i] < 127);
	}
	free(copy);
}

static void file_names(void **unused)
{
	struct buf log = { 0 }, dir = { 0 }, file = { 0 };
	const struct task *t;
	struct state s;

	(void)unused;
	t = only_item(&s, "ch 07/a.txt");
	name_of(&s, t, NAME_LOG, &log);
	name_of(&s, t, NAME_DIR, &dir);
	assert_string_equal(log.data, "log/g/0/ch%2007%2Fa.txt.3.err");
	assert_string_equal(dir.data, "dir/g/0/ch%2007%2Fa.txt");
	name_of(&s, t, NAME_OUTPUT, &file);
	assert_string_equal(file.data, "output/g@0.3");
	/* of the fan-out itself */
	t = task_at(&s, "g");
	name_of(&s, t, NAME_LOG, &log);
	name_of(&s, t, NAME_DIR, &dir);
	name_of(&s, t, NAME_OUTPUT, &file);
	assert_string_equal(log.data, "log/g.3.err");
	assert_string_equal(dir.data, "dir/g/list");
	assert_string_equal(file.data, "output/g.3");
	/* of a step */
	(void)state_task(&s, "plain");
	t = task_at(&s, "plain");
	name_of(&s, t, NAME_LOG, &log);
	name_of(&s, t, NAME_DIR, &dir);
	name_of(&s, t, NAME_OUTPUT, &file);
	assert_string_equal(log.data, "log/plain.3.err");
	assert_string_equal(dir.data, "dir/plain");
	assert_string_equal(file.data, "output/plain.3");
	buf_release(&log);
	buf_release(&dir);
	buf_release(&file);
	state_release(&s);
}

/* In another session, tasks have other numbers: what the steps of the file were
 * called before anything was recorded is not on disk. */
static void same_names_again(void **unused)
{
	struct state live, again;
	struct buf was = { 0 }, is = { 0 };
	int i;

	(void)unused;
	open_run(&live);
	(void)state_task(&live, "a");
	(void)state_task(&live, "g");
	(void)state_task(&live, "v");
	open_run(&again);
	for (i = 0; i < 2; i++) {
		struct state *s = i == 0 ? &live : &again;

		listed(s, "g", "x\ny\nlost", 0, NULL, -1);
		listed(s, "g", "x\ny", 0, NULL, 2);
		listed(s, "v", NULL, -1, "g", 2);
		listed(s, "h", "z\ny", 0, NULL, 2);
		/* z is the first one now: x was */
		listed(s, "v", NULL, -1, "h", 2);
	}
	name_of(&live, task_at(&live, "v[z]"), NAME_OUTPUT, &was);
	name_of(&again, task_at(&again, "v[z]"), NAME_OUTPUT, &is);
	assert_string_equal(was.data, is.data);
	/* and nobody else's, listed or not */
	name_of(&live, task_at(&live, "v[x]"), NAME_OUTPUT, &is);
	assert_string_not_equal(was.data, is.data);
	name_of(&live, task_at(&live, "v[y]"), NAME_OUTPUT, &is);
	assert_string_not_equal(was.data, is.data);
	buf_release(&was);
	buf_release(&is);
	state_release(&live);
	state_release(&again);
}

/* A thousand items to a directory; an item keeps its place for ever. */
static void shards(void **unused)
{
	struct buf list = { 0 }, path = { 0 };
	struct state s;
	int i;

	(void)unused;
	for (i = 0; i < 2001; i++)
		buf_printf(&list, "%s%d", i > 0 ? "\n" : "", i);
	open_run(&s);
	listed(&s, "g", list.data, 0, NULL, 2001);
	name_of(&s, task_at(&s, "g[999]"), NAME_DIR, &path);
	assert_string_equal(path.data, "dir/g/0/999");
	name_of(&s, task_at(&s, "g[1000]"), NAME_DIR, &path);
	assert_string_equal(path.data, "dir/g/1/1000");
	name_of(&s, task_at(&s, "g[2000]"), NAME_DIR, &path);
	assert_string_equal(path.data, "dir/g/2/2000");
	listed(&s, "h", "2000\n0", 0, NULL, 2);
	listed(&s, "g", NULL, -1, "h", 2);
	assert_int_equal(task_at(&s, "g[2000]")->item, 0);
	name_of(&s, task_at(&s, "g[2000]"), NAME_DIR, &path);
	assert_string_equal(path.data, "dir/g/2/2000");
	/* and though it is listed no longer */
	assert_int_equal(task_at(&s, "g[1000]")->item, -1);
	name_of(&s, task_at(&s, "g[1000]"), NAME_LOG, &path);
	assert_string_equal(path.data, "log/g/1/1000.3.err");
	buf_release(&list);
	buf_release(&path);
	state_release(&s);
}

static void hostile_items(void **unused)
{
	static const char *const item[] = {
		".", "..", "../../etc", "/etc/passwd", "-rf", "-", "~", "~root",
		"a/b", "a%2Fb", "a%252Fb", "%", "%2E", "%2E.", " ", "\t", "\r",
		"$(reboot)", "`reboot`", "a;b", "a'b\"c", "\\", "*", "?",
		"[", "]", "[]", "][", "a]", "x[y]", "\x1b[2J", "\x7f",
		"\xff\xfe", "\xc3\xa4", "\xc3", "con", "a.1.out", "list", "0",
		"0/list", "A", "a", "a.", "a ", " a", "=", "@", ",", "+",
		"a@1", "a~0123456789abcdef", ".hidden", "%2Ehidden",
	};
	enum { N = sizeof(item) / sizeof(item[0]) };
	struct buf list = { 0 }, text = { 0 };
	char *seen[NAMES][N];
	struct state s;
	size_t i, k;
	int which;

	(void)unused;
	open_run(&s);
	for (i = 0; i < N; i++)
		buf_printf(&list, "%s%s", i > 0 ? "\n" : "", item[i]);
	listed(&s, "g", list.data, 0, NULL, N);
	for (i = 0; i < N; i++)
		for (which = 0; which < NAMES; which++) {
			static const char *const under[] = { "log/g/0/",
				"dir/g/0/", "output/g@" };
			const struct task *t =
				&s.task[fan_of(&s, "g")->task[i]];

			name_of(&s, t, (enum name)which, &text);
			well_placed(text.data, under[which]);
			seen[which][i] = strdup(text.data);
			for (k = 0; k < i; k++)
				assert_string_not_equal(seen[which][k],
					seen[which][i]);
			buf_reset(&text);
			task_item(&s, t, &text);
			assert_string_equal(text.data, item[i]);
		}
	for (i = 0; i < N; i++)
		for (which = 0; which < NAMES; which++)
			free(seen[which][i]);
	buf_release(&list);
	buf_release(&text);
	state_release(&s);
}

/* Two items of a fan-out have one name only when they are one. */
static void two_names(const char *a, const char *b)
{
	bool same = strcmp(a, b) == 0;
	struct buf list = { 0 }, x = { 0 }, y = { 0 };
	const struct task *t, *u;
	struct state s;

	buf_printf(&list, same ? "%s" : "%s\n%s", a, b);
	open_run(&s);
	listed(&s, "g", list.data, 0, NULL, same ? 1 : 2);
	t = &s.task[fan_of(&s, "g")->task[0]];
	u = &s.task[fan_of(&s, "g")->task[same ? 0 : 1]];
	name_of(&s, t, NAME_LOG, &x);
	name_of(&s, u, NAME_LOG, &y);
	well_placed(x.data, "log/g/0/");
	well_placed(y.data, "log/g/0/");
	if ((strcmp(x.data, y.data) == 0) != same)
		fail_msg("\"%s\" is called %s, \"%s\" %s", a, x.data, b,
			y.data);
	name_of(&s, t, NAME_DIR, &x);
	name_of(&s, u, NAME_DIR, &y);
	assert_int_equal(strcmp(x.data, y.data) == 0, same);
	buf_release(&list);
	buf_release(&x);
	buf_release(&y);
	state_release(&s);
}

static void long_items(void **unused)
{
	char a[4097], b[4097];
	struct buf path = { 0 };
	const struct task *t;
	struct state s;
	size_t n;

	(void)unused;
	/* they differ in their last byte only, wherever that is */
	for (n = 1; n <= 4096; n += n < 130 ? 1 : 661) {
		memset(a, 'x', n);
		a[n] = '\0';
		memcpy(b, a, n + 1);
		b[n - 1] = 'y';
		two_names(a, b);
		two_names(a, a);
		memset(a, 0xff, n);
		memcpy(b, a, n + 1);
		b[n - 1] = (char)0xfe;
		two_names(a, b);
		memset(a, '.', n);
		memcpy(b, a, n + 1);
		b[n - 1] = '/';
		two_names(a, b);
	}
	/* one is a piece of the other */
	memset(a, 'x', 120);
	a[120] = '\0';
	memset(b, 'x', 121);
	b[121] = '\0';
	two_names(a, b);
	/* one is called what the other one's files are */
	t = only_item(&s, b);
	name_of(&s, t, NAME_DIR, &path);
	two_names(b, path.data + strlen("dir/g/0/"));
	buf_release(&path);
	state_release(&s);
}

/* Bytes that mean something in names and in their encoding. */
static void names_at_random(void **unused)
{
	static const char alphabet[] = "../%2F5E~-=@ab\xff\x80 []";
	uint32_t x = 17;
	int i;

	(void)unused;
	for (i = 0; i < 20000; i++) {
		char text[2][160];
		int k, n, m;

		for (k = 0; k < 2; k++) {
			x = x * 1664525 + 1013904223;
			n = 1 + (int)((x >> 8) % (x >> 31 ? 150 : 4));
			for (m = 0; m < n; m++) {
				x = x * 1664525 + 1013904223;
				text[k][m] = alphabet[(x >> 16) %
					(sizeof(alphabet) - 1)];
			}
			text[k][n] = '\0';
		}
		/* often the same but for a byte */
		if (x >> 30 == 0) {
			memcpy(text[1], text[0], sizeof(text[0]));
			text[1][(x >> 4) % strlen(text[0])] ^= 1;
		}
		two_names(text[0], text[1]);
	}
}

static void inputs(void **unused)
{
	struct state s;
	struct task *t;

	(void)unused;
	t = put(&s, TASK_PENDING);
	ok(&s, "input path=/a_b size=5 mtime=-3 hash=ff00");
	ok(&s, "input path=x size=-1 hash=0");
	ok(&s, "input path=/a_b size=6 mtime=9223372036854775807 "
		"hash=ffffffffffffffff");
	assert_int_equal(s.ninputs, 3);
	assert_string_equal(s.input[0].path, "/a b");
	assert_int_equal(s.input[0].size, 5);
	assert_int_equal(s.input[0].mtime, -3);
	assert_true(s.input[0].hash == 0xff00);
	assert_string_equal(s.input[1].path, "x");
	assert_int_equal(s.input[1].size, -1);
	assert_int_equal(s.input[1].mtime, 0);
	assert_int_equal(s.input[2].size, 6);
	assert_true(s.input[2].mtime == INT64_MAX);
	assert_true(s.input[2].hash == UINT64_MAX);
	refused(&s, "input size=5 hash=0", "valid path, size");
	refused(&s, "input path=x size=-2 hash=0", "valid path, size");
	refused(&s, "input path=x size=x hash=0", "valid path, size");
	refused(&s, "input path=x size=1 mtime=x hash=0", "valid path");
	refused(&s, "input path=x size=1 hash=x", "hash");
	refused(&s, "input path=x size=1 hash=11112222333344445", "hash");
	assert_int_equal(s.ninputs, 3);
	/* which of them a command read: its own start says so */
	ok(&s, "start step=a attempt=1 phase=inputs inputs=9");
	assert_null(t->inputs);
	assert_int_equal(t->phase, PHASE_INPUTS);
	assert_string_equal(task_phase(t), "inputs");
	assert_string_equal(task_log_kind(t), "inputs");
	ok(&s, "start step=a attempt=1 inputs=0,2");
	assert_string_equal(t->inputs, "0,2");
	ok(&s, "ran step=a outcome=exit exit=0");
	ok(&s, "start step=a attempt=1 phase=verify.x");
	assert_string_equal(t->inputs, "0,2");
	ok(&s, "end step=a state=pending");
	ok(&s, "start step=a attempt=2 phase=if");
	ok(&s, "start step=a attempt=2");
	assert_null(t->inputs);
	state_release(&s);
}

static void list_phase(void **unused)
{
	struct state s;
	struct task *t = put(&s, TASK_PENDING);

	(void)unused;
	ok(&s, "start step=a attempt=1 phase=list keeper=4");
	assert_int_equal(t->phase, PHASE_LIST);
	assert_string_equal(task_phase(t), "list");
	assert_string_equal(task_log_kind(t), "list");
	refused(&s, "start step=a attempt=2 phase=lists", "valid phase");
	/* in between, its items are made known */
	listed(&s, "a", "x\ny", 0, NULL, 2);
	ok(&s, "end step=a state=done");
	items_are(&s, "a", "x y");
	assert_int_equal(task_at(&s, "a")->state, TASK_DONE);
	assert_int_equal(task_at(&s, "a")->attempts, 1);
	state_release(&s);
}

/* A million of them are kept in memory. */
static void small_tasks(void **unused)
{
	(void)unused;
	assert_true(sizeof(struct task) <= 232);
}

static void many_tasks(void **unused)
{
	enum { MANY = 100000 };
	struct state s;
	char name[16];
	int i;

	(void)unused;
	open_run(&s);
	for (i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "step%d", i);
		assert_int_equal(state_task(&s, name), i);
	}
	for (i = 0; i < MANY; i += 97) {
		snprintf(name, sizeof(name), "step%d", i);
		assert_int_equal(state_find(&s, name), i);
		assert_int_equal(state_task(&s, name), i);
		assert_string_equal(s.task[i].name, name);
	}
	assert_int_equal(s.count[TASK_PENDING], MANY);
	state_release(&s);
}

static void words(void **unused)
{
	static const char *const word[] = { "pending", "running", "waiting",
		"done", "needs_review", "skipped" };
	int i;

	(void)unused;
	/* these reach the disk: never change them */
	for (i = 0; i < TASK_STATES; i++)
		assert_string_equal(state_word((enum task_state)i), word[i]);
	assert_string_equal(phase_word(PHASE_RUN), "run");
	assert_string_equal(phase_word(PHASE_IF), "if");
	assert_string_equal(phase_word(PHASE_SETTLE), "settle");
	assert_string_equal(phase_word(PHASE_VERIFY), "verify.");
	assert_string_equal(phase_word(PHASE_PLACE), "place");
	assert_string_equal(phase_word(PHASE_LIST), "list");
	assert_string_equal(phase_word(PHASE_INPUTS), "inputs");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(transitions),
		cmocka_unit_test(bad_records),
		cmocka_unit_test(an_attempt),
		cmocka_unit_test(cut),
		cmocka_unit_test(outcomes),
		cmocka_unit_test(times),
		cmocka_unit_test(turns),
		cmocka_unit_test(params),
		cmocka_unit_test(waits),
		cmocka_unit_test(holds),
		cmocka_unit_test(receipts),
		cmocka_unit_test(tried),
		cmocka_unit_test(costs),
		cmocka_unit_test(slots_and_gates),
		cmocka_unit_test(before),
		cmocka_unit_test(settled),
		cmocka_unit_test(losses),
		cmocka_unit_test(interrupts),
		cmocka_unit_test(sessions),
		cmocka_unit_test(outputs),
		cmocka_unit_test(keys),
		cmocka_unit_test(replay_equals_live),
		cmocka_unit_test(items),
		cmocka_unit_test(items_in_parts),
		cmocka_unit_test(items_torn),
		cmocka_unit_test(items_of_another),
		cmocka_unit_test(items_refused),
		cmocka_unit_test(items_at_random),
		cmocka_unit_test(items_on_disk),
		cmocka_unit_test(file_names),
		cmocka_unit_test(same_names_again),
		cmocka_unit_test(shards),
		cmocka_unit_test(hostile_items),
		cmocka_unit_test(long_items),
		cmocka_unit_test(names_at_random),
		cmocka_unit_test(inputs),
		cmocka_unit_test(list_phase),
		cmocka_unit_test(small_tasks),
		cmocka_unit_test(many_tasks),
		cmocka_unit_test(words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
