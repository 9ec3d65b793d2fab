/* SPDX-License-Identifier: ISC */
/* What the keys of steps and [defaults] become, and the fingerprints. */
#include "conf.h"

#include <signal.h>

#include "loading.h"
#include "mem.h"

static bool is_ok(const struct stepconf *c, int code)
{
	return ((c->ok_exit.bit[code / 8] >> (code % 8)) & 1) != 0;
}

static int count(const struct exits *e)
{
	int n = 0;

	for (int i = 0; i < 256; i++)
		n += (e->bit[i / 8] >> (i % 8)) & 1;
	return n;
}

static void nothing_said(void **state)
{
	struct pipeline *p = loads("[step a]\nrun = x\n[step b]\nrun = y\n"
		"needs =\n");
	const struct stepconf *c = p->step[0].conf;

	(void)state;
	assert_ptr_equal(p->step[1].conf, c);	/* one for all of them */
	assert_null(c->condition);
	assert_null(c->check);
	assert_int_equal(c->requires.n + c->outputs.n + c->unset_env.n +
		c->env.n + c->foreach.n + c->inputs.n + c->secrets.n, 0);
	assert_null(c->foreach_from);
	assert_int_equal(p->step[0].root, -1);
	assert_int_equal(p->keep_logs, KEEP_LOGS_ALL);
	assert_null(c->stdin_from);
	assert_null(c->stdout_to);
	assert_null(c->env_file);
	assert_null(c->workdir);
	assert_int_equal(c->timeout_ms, 0);
	assert_int_equal(c->idle_timeout_ms, 0);
	assert_int_equal(c->stop_grace_ms, 10000);
	assert_int_equal(c->stop_signal, SIGTERM);
	assert_int_equal(c->umask, -1);
	assert_int_equal(c->nice, 0);
	assert_int_equal(c->always, ALWAYS_NO);
	assert_false(c->allow_failure);
	assert_true(c->outputs_fresh);
	assert_true(is_ok(c, 0));
	for (int i = 1; i < 256; i++)
		assert_false(is_ok(c, i));
	assert_false(c->review || c->never || c->retry_on_given || c->costs);
	assert_int_equal(count(&c->retry_on) + count(&c->give_up_on), 0);
	assert_int_equal(c->retries, 0);
	assert_int_equal(c->retry_delay_ms, 1000);
	assert_true(c->retry_factor == 2);
	assert_int_equal(c->retry_max_delay_ms, 300000);
	assert_int_equal(c->retry_jitter, 10);
	assert_int_equal(c->wait_max_ms, 3 * 86400 * 1000);
	assert_int_equal(c->verify_timeout_ms, 600000);
	assert_int_equal(c->max_output, 0);
	assert_int_equal(c->retry_if.n + c->give_up_if.n + c->wait_if.n +
		c->fail_if.n + c->ok_if.n + c->receipt.n + c->cost_from.n, 0);
	assert_int_equal(c->cost, 0);
	assert_int_equal(c->gates.n, 0);
	assert_null(c->resume_run);
	assert_int_equal(c->pool, -1);
	assert_int_equal(c->parallel, 0);
	for (int i = 0; i < KEY_COUNT; i++)
		assert_int_equal(c->line[i], 0);
	pipeline_free(p);
}

static void every_key(void **state)
{
	struct pipeline *p = loads(
		"[step a]\n"
		"run = echo ${UNDEFINED} ; # [x]\n"
		"needs =\n"
		"if = test -e ${NOTHING}\n"
		"always = review\n"
		"allow_failure = yes\n"
		"requires = ffmpeg, file:/etc/x env:HOME\n"
		"    free:2G /opt/a:b/c file:${HOME}/x ${HOME}:y\n"
		"check = ping ${HOST}\n"
		"timeout = 1h30m\n"
		"idle_timeout = 250ms\n"
		"stop_signal = INT\n"
		"stop_grace = 3\n"
		"ok_exit = 3 10-12\n"
		"outputs =\n    a b\n    ${HOME}/*.mp4\n"
		"outputs_fresh = no\n"
		"stdin =  in put.txt \n"
		"stdout = ${ITEM}.txt\n"
		"env.A = 1 ; 2 \n"
		"env.B =\n  x\n    y\n"
		"unset_env = LANG LC_ALL ${HOME}\n"
		"env_file = secret.env\n"
		"workdir = ${HOME}\n"
		"umask = 027\n"
		"nice = -5\n"
		"parallel = 3\n"
		"review = yes\n"
		"retries = 4\n"
		"retry_delay = 90\n"
		"retry_factor = 1.5\n"
		"retry_max_delay = 15m\n"
		"retry_jitter = 25%\n"
		"retry_on = 1 10-12\n"
		"retry_if =\n  one\n\n  t.o{2} # [x] ; \n"
		"give_up_on = 2\n"
		"give_up_if = never$\n"
		"wait_if = limit\n"
		"wait_max = 2d\n"
		"rerun = never\n"
		"resume_run = go on ${X}\n"
		"verify.first = test -s ${X}\n"
		"verify.second = x\n"
		"verify_timeout = 5s\n"
		"fail_if = Traceback\n"
		"ok_if = done\n"
		"receipt = id ([0-9]+)\n"
		"max_output = 10M\n"
		"pool = gpu\n"
		"preset = p\n"
		"cost = $0.25\n"
		"cost_from = cost=([0-9.]+)\n"
		"foreach =\n"
		"foreach_from = ls ${X}\n"
		"inputs = b, ${ITEM}\n    *.txt\n"
		"secrets = KEY TOKEN${ONE}\n"
		"[pool other]\n[pool gpu]\n[preset p]\nforeach = w\n");
	const struct step *s = &p->step[0];
	const struct stepconf *c = s->conf;

	(void)state;
	assert_string_equal(s->run, "echo ${UNDEFINED} ; # [x]");
	assert_false(s->needs_all);
	assert_int_equal(s->nneeds, 0);
	assert_string_equal(c->condition, "test -e ${NOTHING}");
	assert_int_equal(c->always, ALWAYS_REVIEW);
	assert_true(c->allow_failure);
	assert_int_equal(c->requires.n, 7);
	assert_string_equal(c->requires.v[0], "ffmpeg");
	assert_string_equal(c->requires.v[3], "free:2G");
	assert_string_equal(c->check, "ping ${HOST}");
	assert_int_equal(c->timeout_ms, 5400000);
	assert_int_equal(c->idle_timeout_ms, 250);
	assert_int_equal(c->stop_signal, SIGINT);
	assert_int_equal(c->stop_grace_ms, 3000);
	assert_true(is_ok(c, 0) && is_ok(c, 3) && is_ok(c, 12));
	assert_false(is_ok(c, 1) || is_ok(c, 13));
	assert_int_equal(c->outputs.n, 3);
	assert_string_equal(c->outputs.v[2], "${HOME}/*.mp4");
	assert_false(c->outputs_fresh);
	assert_string_equal(c->stdin_from, "in put.txt");
	assert_string_equal(c->stdout_to, "${ITEM}.txt");
	assert_int_equal(c->env.n, 2);
	assert_string_equal(c->env.v[0].name, "A");
	assert_string_equal(c->env.v[0].value, "1 ; 2 ");
	assert_int_equal(c->env.v[0].line, 21);
	assert_string_equal(c->env.v[1].value, "x\n  y");
	assert_int_equal(c->env.v[1].line, 22);
	assert_int_equal(c->unset_env.n, 3);
	assert_string_equal(c->env_file, "secret.env");
	assert_string_equal(c->workdir, "${HOME}");
	assert_int_equal(c->umask, 027);
	assert_int_equal(c->nice, -5);
	assert_int_equal(c->line[KEY_RUN], 2);
	assert_int_equal(c->line[KEY_NEEDS], 3);
	assert_int_equal(c->line[KEY_REQUIRES], 7);
	assert_int_equal(c->line[KEY_CHECK], 9);
	assert_int_equal(c->line[KEY_ENV], 21);
	assert_int_equal(c->line[KEY_NICE], 29);
	assert_int_equal(c->parallel, 3);
	assert_true(c->review);
	assert_int_equal(c->retries, 4);
	assert_int_equal(c->retry_delay_ms, 90000);
	assert_true(c->retry_factor == 1.5);
	assert_int_equal(c->retry_max_delay_ms, 900000);
	assert_int_equal(c->retry_jitter, 25);
	assert_true(c->retry_on_given);
	assert_int_equal(count(&c->retry_on), 4);
	assert_int_equal(c->retry_if.n, 2);
	assert_string_equal(c->retry_if.v[0], "one");
	assert_string_equal(c->retry_if.v[1], "t.o{2} # [x] ;");
	assert_int_equal(count(&c->give_up_on), 1);
	assert_string_equal(c->give_up_if.v[0], "never$");
	assert_string_equal(c->wait_if.v[0], "limit");
	assert_int_equal(c->wait_max_ms, 2 * 86400 * 1000);
	assert_true(c->never);
	assert_string_equal(c->resume_run, "go on ${X}");
	assert_int_equal(c->gates.n, 2);
	assert_string_equal(c->gates.v[0].name, "first");
	assert_string_equal(c->gates.v[0].script, "test -s ${X}");
	assert_int_equal(c->gates.v[0].line, 48);
	assert_string_equal(c->gates.v[1].name, "second");
	assert_int_equal(c->verify_timeout_ms, 5000);
	assert_string_equal(c->fail_if.v[0], "Traceback");
	assert_string_equal(c->ok_if.v[0], "done");
	assert_string_equal(c->receipt.v[0], "id ([0-9]+)");
	assert_int_equal(c->max_output, 10 * 1024 * 1024);
	assert_int_equal(c->pool, 1);
	assert_string_equal(p->pool[c->pool].name, "gpu");
	assert_int_equal(c->cost, 250000);
	assert_true(c->costs);
	assert_string_equal(c->cost_from.v[0], "cost=([0-9.]+)");
	assert_int_equal(c->line[KEY_VERIFY], 48);
	assert_int_equal(c->foreach.n, 0);
	assert_string_equal(c->foreach_from, "ls ${X}");
	assert_int_equal(c->inputs.n, 3);
	assert_string_equal(c->inputs.v[1], "${ITEM}");
	assert_string_equal(c->inputs.v[2], "*.txt");
	assert_int_equal(c->secrets.n, 2);
	assert_string_equal(c->secrets.v[0], "KEY");
	assert_string_equal(c->secrets.v[1], "TOKEN1");
	assert_int_equal(s->root, 0);
	for (int i = 0; i < KEY_COUNT; i++)
		assert_true(c->line[i] > 0);
	pipeline_free(p);
}

static void defaults(void **state)
{
	/* they hold for steps above as well as below */
	struct pipeline *p = loads(
		"[step a]\n"
		"run = x\n"
		"[defaults]\n"
		"run = common\n"
		"timeout = 5m\n"
		"ok_exit = 33\n"
		"outputs = o1\n"
		"check = c\n"
		"stdout = s\n"
		"allow_failure = yes\n"
		"env.A = 1\n"
		"env.B = 2\n"
		"[step b]\n"
		"timeout = 0\n"
		"ok_exit = 4\n"
		"outputs =\n"
		"check =\n"
		"stdout =\n"
		"allow_failure = no\n"
		"env.C = 3\n"
		"env.A = own\n"
		"[step c]\n");
	const struct stepconf *a = p->step[0].conf, *b = p->step[1].conf;

	(void)state;
	assert_string_equal(p->step[0].run, "x");
	assert_string_equal(p->step[1].run, "common");
	assert_string_equal(p->step[2].run, "common");
	assert_ptr_equal(p->step[2].conf, a);
	assert_int_equal(a->timeout_ms, 300000);
	assert_int_equal(a->line[KEY_TIMEOUT], 5);
	assert_true(is_ok(a, 33));
	assert_int_equal(a->outputs.n, 1);
	assert_string_equal(a->check, "c");
	assert_true(a->allow_failure);
	assert_int_equal(a->env.n, 2);
	assert_int_equal(b->timeout_ms, 0);
	assert_int_equal(b->line[KEY_TIMEOUT], 14);
	assert_true(is_ok(b, 4) && !is_ok(b, 33) && is_ok(b, 0));
	assert_int_equal(b->outputs.n, 0);
	assert_null(b->check);
	assert_null(b->stdout_to);
	assert_false(b->allow_failure);
	assert_int_equal(b->env.n, 3);
	assert_string_equal(b->env.v[0].name, "A");
	assert_string_equal(b->env.v[0].value, "own");
	assert_int_equal(b->env.v[0].line, 21);
	assert_string_equal(b->env.v[1].value, "2");
	assert_int_equal(b->env.v[1].line, 12);
	assert_string_equal(b->env.v[2].name, "C");
	/* the step's own keys are nobody else's */
	assert_string_equal(a->env.v[0].value, "1");
	pipeline_free(p);
}

/* It takes away what a weaker section said, and there has to be something. */
static void no_items(void **state)
{
	struct pipeline *p = loads("[defaults]\nforeach = a\n[step a]\n"
		"run = x\nforeach =\n[step b]\nrun = x\n");

	(void)state;
	assert_int_equal(p->step[0].root, -1);
	assert_int_equal(p->step[1].root, 1);
	pipeline_free(p);
	complains("[step a]\nrun = x\nforeach =\n[step b]\nrun = x\n"
		"foreach_from =\n", "3: foreach has no value | write "
		"\"foreach = WORD…\", or take the key out\n"
		"6: foreach_from has no value | write \"foreach_from = "
		"COMMAND\", or take the key out\n");
}

static void cleared(void **state)
{
	struct pipeline *p = loads("[step a]\nrun = x\nif =  \ncheck =\n"
		"requires =\nunset_env = ,\nstdin =\nenv_file =\nworkdir =\n"
		"ok_exit =\nretry_on =\ngive_up_on =\nresume_run = \n"
		"verify.a =\nretry_if =\nfail_if =\n\nreceipt =\n"
		"cost =\ncost_from =\npool =\npreset = ,\n"
		"inputs =\nsecrets =\n"
		"[step b]\nrun = x\nstdin = null\nalways = no\n");

	(void)state;
	assert_null(p->step[0].conf->condition);
	assert_null(p->step[0].conf->stdin_from);
	assert_null(p->step[0].conf->workdir);
	assert_true(is_ok(p->step[0].conf, 0));
	assert_false(p->step[0].conf->retry_on_given);
	assert_null(p->step[0].conf->resume_run);
	assert_int_equal(p->step[0].conf->gates.n, 0);
	assert_int_equal(p->step[0].conf->retry_if.n, 0);
	assert_int_equal(p->step[0].conf->receipt.n, 0);
	assert_false(p->step[0].conf->never || p->step[0].conf->costs);
	assert_int_equal(p->step[0].conf->pool, -1);
	assert_int_equal(p->step[0].conf->foreach.n, 0);
	assert_null(p->step[0].conf->foreach_from);
	assert_int_equal(p->step[0].conf->inputs.n, 0);
	assert_int_equal(p->step[0].conf->secrets.n, 0);
	assert_int_equal(p->step[0].root, -1);
	assert_null(p->step[1].conf->stdin_from);
	assert_int_equal(p->step[1].conf->always, ALWAYS_NO);
	pipeline_free(p);
}

static void replaced_now(void **state)
{
	struct pipeline *p = loads_given("[params]\nlimit = 5m\nsure = no\n"
		"[step a]\nrun = x\ntimeout = ${limit}\nnice = 1${ONE}\n"
		"allow_failure = ${sure}\n",
		(const char *const[]){ "sure=yes", NULL });

	(void)state;
	assert_int_equal(p->step[0].conf->timeout_ms, 300000);
	assert_int_equal(p->step[0].conf->nice, 11);
	assert_true(p->step[0].conf->allow_failure);
	pipeline_free(p);
	complains_given("[params]\nlimit = 5m\n[step a]\nrun = x\n"
		"timeout = ${limit}\nnice = ${DUREXEC_ATTEMPT}\n"
		"umask = ${NOPE}\n", (const char *const[]){ "limit=long", NULL },
		"5: timeout = long: expected a duration such as 90s, 250ms, "
		"1h30m or 2d\n"
		"6: nice: ${DUREXEC_ATTEMPT} is known to steps only, and this "
		"is read before the first one starts\n"
		"7: umask: ${NOPE} is not defined | declare it in [params], or "
		"set it in the environment\n");
}

static void bad_values(void **state)
{
	(void)state;
	complains("[step a]\nrun = x\nalways = yes\nallow_failure = maybe\n"
		"timeout = 5 m\nidle_timeout = x\nstop_signal = SIGTREM\n"
		"stop_grace = -1\nok_exit = 300\noutputs_fresh = 2\n"
		"umask = 8\nnice = 20\nunset_env = A-B\n"
		"requires = fiel:/x env:1 free:lots http://x file: :x\n"
		"stdout = a\n  b\n",
		"3: always = yes: expected done, review or no\n"
		"4: allow_failure = maybe: expected yes or no\n"
		"5: timeout = 5 m: expected a duration such as 90s, 250ms, "
		"1h30m or 2d\n"
		"6: idle_timeout = x: expected a duration such as 90s, 250ms, "
		"1h30m or 2d\n"
		"7: stop_signal = SIGTREM: expected a signal that can end a "
		"process: TERM, INT, HUP, QUIT, KILL, USR1 or USR2 | did you "
		"mean TERM?\n"
		"8: stop_grace = -1: expected a duration such as 90s, 250ms, "
		"1h30m or 2d\n"
		"9: ok_exit = 300: expected exit codes from 0 to 255, such as "
		"\"3 10-12\"\n"
		"10: outputs_fresh = 2: expected yes or no\n"
		"11: umask = 8: expected an octal mask such as 022\n"
		"12: nice = 20: expected a whole number from -20 to 19\n"
		"13: unset_env = A-B: expected names of variables\n"
		"14: requires = fiel:/x: expected a program, file:PATH, "
		"env:NAME or free:SIZE | did you mean file:/x?\n"
		"14: requires = env:1: expected the name of a variable after "
		"env:\n"
		"14: requires = free:lots: expected a size such as 500K, 10M "
		"or 2G\n"
		"14: requires = http://x: expected a program, file:PATH, "
		"env:NAME or free:SIZE\n"
		"14: requires = file:: expected a program, file:PATH, "
		"env:NAME or free:SIZE\n"
		"14: requires = :x: expected a program, file:PATH, env:NAME "
		"or free:SIZE\n"
		"15: stdout = a...: it goes on in the next line, but one was "
		"expected | begin the line below it in column 0 if it is a "
		"key\n");
}

static void bad_policies(void **state)
{
	(void)state;
	complains("[step a]\nrun = x\nparallel = -1\nreview = maybe\n"
		"retries = many\nretry_delay = soon\nretry_factor = 0.5\n"
		"retry_max_delay = x\nretry_jitter = 200%\nretry_on = a\n"
		"give_up_on = 256\nwait_max = x\nrerun = sometimes\n"
		"verify_timeout = x\nmax_output = lots\ncost = cheap\n"
		"retry_if = (\nrerun = never\n",
		"3: parallel = -1: expected a whole number from 0 to 1000000\n"
		"4: review = maybe: expected yes or no\n"
		"5: retries = many: expected a whole number from 0 to "
		"1000000\n"
		"6: retry_delay = soon: expected a duration such as 90s, "
		"250ms, 1h30m or 2d\n"
		"7: retry_factor = 0.5: expected a number from 1 to 100, such "
		"as 1.5\n"
		"8: retry_max_delay = x: expected a duration such as 90s, "
		"250ms, 1h30m or 2d\n"
		"9: retry_jitter = 200%: expected a share from 0% to 100%\n"
		"10: retry_on = a: expected exit codes from 0 to 255, such as "
		"\"3 10-12\"\n"
		"11: give_up_on = 256: expected exit codes from 0 to 255, such "
		"as \"3 10-12\"\n"
		"12: wait_max = x: expected a duration such as 90s, 250ms, "
		"1h30m or 2d\n"
		"13: rerun = sometimes: expected safe or never\n"
		"14: verify_timeout = x: expected a duration such as 90s, "
		"250ms, 1h30m or 2d\n"
		"15: max_output = lots: expected a size such as 500K, 10M or "
		"2G\n"
		"16: cost = cheap: expected an amount such as 0.30 or $12, "
		"with at most six digits behind the point\n"
		"17: retry_if: \"(\" is no regular expression: Unmatched ( or "
		"\\(\n"
		"18: \"rerun\" is there twice in this section | the first one "
		"is in line 13; take one of them out\n");
	complains("[step a]\nrun = x\nretries =\nrerun =\n",
		"3: retries is empty: expected a whole number from 0 to "
		"1000000\n"
		"4: rerun is empty: expected safe or never\n");
}

/* 0 is no limit, but not "no time at all". */
static void no_limits(void **state)
{
	struct pipeline *p = loads("[step a]\nrun = x\nretry_max_delay = 0\n"
		"retry_delay = 0\nverify_timeout = 0\nwait_max = 0\n"
		"retry_factor = 1\nretry_jitter = 0\nmax_output = 0\n");
	const struct stepconf *c = p->step[0].conf;

	(void)state;
	assert_true(c->retry_max_delay_ms >= 86400LL * 1000 * 365);
	assert_int_equal(c->retry_delay_ms, 0);
	assert_int_equal(c->verify_timeout_ms, 0);
	assert_int_equal(c->wait_max_ms, 0);
	assert_int_equal(c->max_output, 0);
	pipeline_free(p);
}

static void receipts(void **state)
{
	static const char clash[] = ": rerun = safe does not go with a "
		"receipt: that one says that something cannot be done twice | "
		"take it out, or the receipt\n";
	struct pipeline *p = loads(
		"[defaults]\nrun = x\nrerun = safe\n"
		"[step a]\n"
		"[step b]\nreceipt = id\n"
		"[step c]\nrerun = never\n"
		"[step d]\nrerun = never\nreceipt = id\n");
	char *expected;

	(void)state;
	assert_false(p->step[0].conf->never);
	/* a receipt is stronger than what was said for all steps */
	assert_true(p->step[1].conf->never);
	assert_true(p->step[2].conf->never);
	assert_true(p->step[3].conf->never);
	pipeline_free(p);
	/* what goes with the receipt goes with it again */
	p = loads("[defaults]\nrun = x\nreceipt = id\n[step a]\n"
		"[step b]\nreceipt =\n[step c]\nreceipt =\nrerun = never\n"
		"[step d]\nreceipt =\nrerun = safe\n");
	assert_true(p->step[0].conf->never);
	assert_false(p->step[1].conf->never);
	assert_true(p->step[2].conf->never);
	assert_false(p->step[3].conf->never);
	pipeline_free(p);
	expected = mem_printf("4%s", clash);
	complains("[step a]\nrun = x\nreceipt = id\nrerun = safe\n", expected);
	complains("[defaults]\nreceipt = id\n[step a]\nrerun = safe\n"
		"run = x\n", expected);
	free(expected);
}

static void expect_gates(const struct stepconf *c, const char *expected)
{
	struct buf said = { 0 };

	buf_str(&said, "");
	for (int i = 0; i < c->gates.n; i++)
		buf_printf(&said, "%s=%s@%d ", c->gates.v[i].name,
			c->gates.v[i].script, c->gates.v[i].line);
	assert_string_equal(said.data, expected);
	buf_release(&said);
}

static void gates(void **state)
{
	struct pipeline *p = loads(
		"[defaults]\nrun = x\nverify.a = 1\nverify.b = 2\n"
		"[step s]\n"
		"[step t]\nverify.c = 3\nverify.a = own\n"
		"[step u]\nverify.a =\nverify.z =\n"
		"[step v]\nverify.b =\nverify.a =\n");

	(void)state;
	expect_gates(p->step[0].conf, "a=1@3 b=2@4 ");
	expect_gates(p->step[1].conf, "a=own@8 b=2@4 c=3@7 ");
	expect_gates(p->step[2].conf, "b=2@4 ");
	expect_gates(p->step[3].conf, "");
	pipeline_free(p);
	complains("[step a]\nrun = x\nverify.out = 1\nverify.place = 1\n"
		"verify.a.b = 1\nverify. = 1\nverify.q = 1\nverify.q = 2\n"
		"verify = 1\n",
		"3: no gate can be called \"out\": that is the name of "
		"another log | verify.out_ok\n"
		"4: no gate can be called \"place\": that is the name of "
		"another log | verify.place_ok\n"
		"5: \"a.b\" is no name for a gate: it may have letters, "
		"digits, \"_\" and \"-\"\n"
		"6: \"\" is no name for a gate: it may have letters, digits, "
		"\"_\" and \"-\"\n"
		"8: \"verify.q\" is there twice in this section | the first "
		"one is in line 7; take one of them out\n"
		"9: \"verify\" is no key of [step NAME] | did you mean "
		"\"verify.NAME\"?\n");
}

/* Only an approval: there may be nothing to run. */
static void approvals(void **state)
{
	struct pipeline *p = loads("[step a]\nreview = yes\n"
		"[step b]\nreview = yes\nrun =\n"
		"[step c]\nreview = yes\nrun = x\n"
		"[step d]\nrun = y\n");

	(void)state;
	assert_null(p->step[0].run);
	assert_null(p->step[1].run);
	assert_string_equal(p->step[2].run, "x");
	assert_true(p->step[2].conf->review);
	pipeline_free(p);
	p = loads("[defaults]\nreview = yes\n[step a]\n");
	assert_null(p->step[0].run);
	pipeline_free(p);
	complains("[defaults]\nreview = yes\n[step a]\nreview = no\n",
		"3: step \"a\" has no run | write \"run = COMMAND\" below "
		"it\n");
}

static void costs(void **state)
{
	struct pipeline *p = loads("[defaults]\nrun = x\ncost = 0.5\n"
		"[step a]\n[step b]\ncost =\n[step c]\ncost = 0\n"
		"[step d]\ncost =\ncost_from = \\$([0-9.]+)\n");

	(void)state;
	assert_int_equal(p->step[0].conf->cost, 500000);
	assert_true(p->step[0].conf->costs);
	assert_false(p->step[1].conf->costs);
	assert_false(p->step[2].conf->costs);
	assert_true(p->step[3].conf->costs);
	assert_int_equal(p->step[3].conf->cost, 0);
	pipeline_free(p);
}

static void missing_run(void **state)
{
	(void)state;
	complains("[step a]\n[step b]\nrun =\n\n[step c]\nrun = x\n[step d]\n"
		"timeout = 5\n",
		"1: step \"a\" has no run | write \"run = COMMAND\" below it\n"
		"2: step \"b\" has no run | write \"run = COMMAND\" below it\n"
		"7: step \"d\" has no run | write \"run = COMMAND\" below "
		"it\n");
	pipeline_free(loads("[step a]\n[defaults]\nrun = x\n"));
	/* its own empty one is no script either */
	complains("[step a]\nrun =\n[defaults]\nrun = x\n",
		"1: step \"a\" has no run | write \"run = COMMAND\" below "
		"it\n");
}

/* execve() takes 131,071 bytes and their NUL. */
static void script_size(void **state)
{
	static const char *const keys[] = {
		"run", "if", "check", "env.ABC", "resume_run", "verify.ABC",
		"foreach_from",
	};
	char *script = mem_alloc(131073);

	(void)state;
	memset(script, 'x', 131072);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		size_t name = i == 3 ? 4 : 0;	/* "ABC=" counts, too */
		char *text, *expected;

		script[131071 - name] = '\0';
		text = mem_printf("[step a]\nrun = x\n[step b]\n%s = %s\n%s",
			keys[i], script, i > 0 ? "run = x\n" : "");
		pipeline_free(loads(text));
		free(text);
		script[131071 - name] = 'x';
		script[131072 - name] = '\0';
		text = mem_printf("[step a]\nrun = x\n[step b]\n%s = %s\n%s",
			keys[i], script, i > 0 ? "run = x\n" : "");
		expected = mem_printf("4: %s is 131072 bytes long, and Linux "
			"hands over at most 131071 (128 KiB) | put it into a "
			"file\n", i == 3 || i == 5 ? "ABC" : keys[i]);
		complains(text, expected);
		free(text);
		free(expected);
		script[131072 - name] = 'x';
	}
	free(script);
}

/* The two fingerprints of step b of a file made of a head and its keys. */
static struct confhash hashes(const char *head, const char *keys)
{
	char *text = mem_printf("%s[step a]\nrun = y\n[step b]\n%s", head,
		keys);
	struct pipeline *p = loads(text);
	struct confhash h = {
		.command = pipeline_command_hash(p, 1),
		.whole = pipeline_whole_hash(p, 1),
	};

	pipeline_free(p);
	free(text);
	return h;
}

static void fingerprints(void **state)
{
	/* both change */
	static const char *const command[][2] = {
		{ "", "run = z\n" },
		{ "", "run = x\nenv.A = 1\n" },
		{ "", "run = x\nenv.A = 2\n" },
		{ "", "run = x\nenv.A =\n" },
		{ "", "run = x\nenv.B = 1\n" },
		{ "", "run = x\nenv.A = 1\nenv.B = 1\n" },
		{ "", "run = x\nunset_env = A\n" },
		{ "", "run = x\nunset_env = A B\n" },
		{ "", "run = x\nenv_file = f\n" },
		{ "", "run = x\nstdin = f\n" },
		{ "", "run = x\nstdin = step:a\n" },
		{ "", "run = x\nworkdir = f\n" },
		{ "[pipeline]\nshell = sh -c\n", "run = x\n" },
		{ "[pipeline]\nenv.Z = 1\n", "run = x\n" },
		{ "[pipeline]\nenv_file = g\n", "run = x\n" },
		{ "[defaults]\nenv.C = 1\n", "run = x\n" },
		{ "", "run = x\nresume_run = x\n" },
		{ "", "run = x\nresume_run = y\n" },
		{ "[pipeline]\nworkdir = f\n", "run = x\n" },
		{ "", "run = x\nforeach = a\n" },
		{ "", "run = x\ninputs = a\n" },
		{ "", "run = x\ninputs = a b\n" },
	};
	/* only the whole one does */
	static const char *const whole[] = {
		"if = c\n", "check = c\n", "always = done\n",
		"always = review\n", "allow_failure = yes\n", "requires = c\n",
		"timeout = 5\n", "idle_timeout = 5\n", "stop_signal = INT\n",
		"stop_grace = 5\n", "ok_exit = 5\n", "outputs = f\n",
		"outputs = f g\n", "outputs_fresh = no\n", "stdout = f\n",
		"umask = 0\n", "nice = 1\n", "needs =\n", "needs = a\n",
		"parallel = 1\n", "parallel = 2\n", "review = yes\n",
		"retries = 1\n", "retry_delay = 2\n", "retry_factor = 1\n",
		"retry_factor = 1.5\n", "retry_max_delay = 1\n",
		"retry_jitter = 0\n", "retry_on = 1\n", "retry_on = 2\n",
		"retry_on = ,\n", "give_up_on = 1\n", "retry_if = a\n",
		"retry_if = b\n", "retry_if =\n  a\n  b\n",
		"give_up_if = a\n", "wait_if = a\n", "fail_if = a\n",
		"ok_if = a\n", "receipt = a\n", "cost_from = (a)\n",
		"wait_max = 1\n", "rerun = never\n", "verify.a = x\n",
		"verify.a = y\n", "verify.b = x\n",
		"verify.a = x\nverify.b = x\n",
		"verify.b = x\nverify.a = x\n", "verify_timeout = 1\n",
		"max_output = 1\n", "pool = p\n[pool p]\n",
		"pool = q\n[pool q]\n", "cost = 1\n", "secrets = A\n",
		"secrets = A B\n",
	};
	enum { COMMANDS = sizeof(command) / sizeof(command[0]) };
	enum { WHOLES = sizeof(whole) / sizeof(whole[0]) };
	struct confhash h[1 + COMMANDS + WHOLES];

	(void)state;
	h[0] = hashes("", "run = x\n");
	for (size_t i = 0; i < COMMANDS; i++)
		h[1 + i] = hashes(command[i][0], command[i][1]);
	for (size_t i = 0; i < WHOLES; i++) {
		char *keys = mem_printf("run = x\n%s", whole[i]);

		h[1 + COMMANDS + i] = hashes("", keys);
		assert_true(h[1 + COMMANDS + i].command == h[0].command);
		free(keys);
	}
	for (size_t i = 0; i < 1 + COMMANDS + WHOLES; i++) {
		for (size_t k = 0; k < i; k++) {
			assert_true(h[i].whole != h[k].whole);
			if (i <= COMMANDS)
				assert_true(h[i].command != h[k].command);
		}
	}
}

/* A step put in above changes no fingerprint but for the numbers. */
static void fingerprints_move(void **state)
{
	struct pipeline *p = loads("[step a]\nrun = x\n[step b]\nrun = y\n"
		"needs = a\numask = 0\n");
	struct pipeline *q = loads("# moved\n[pipeline]\njobs = 3\n"
		"[step new]\nrun = n\n[step a]\nrun = x\n[step b]\n"
		"umask = 000\nneeds =\n  a\n\nrun =\n\ty\n");

	(void)state;
	assert_true(pipeline_whole_hash(p, 1) == pipeline_whole_hash(q, 2));
	assert_true(pipeline_command_hash(p, 1) ==
		pipeline_command_hash(q, 2));
	pipeline_free(p);
	pipeline_free(q);
}

static int setup(void **state)
{
	(void)state;
	clearenv();
	setenv("HOME", "/home/me", 1);
	setenv("ONE", "1", 1);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_said),
		cmocka_unit_test(every_key),
		cmocka_unit_test(defaults),
		cmocka_unit_test(no_items),
		cmocka_unit_test(cleared),
		cmocka_unit_test(replaced_now),
		cmocka_unit_test(bad_values),
		cmocka_unit_test(bad_policies),
		cmocka_unit_test(no_limits),
		cmocka_unit_test(receipts),
		cmocka_unit_test(gates),
		cmocka_unit_test(approvals),
		cmocka_unit_test(costs),
		cmocka_unit_test(missing_run),
		cmocka_unit_test(script_size),
		cmocka_unit_test(fingerprints),
		cmocka_unit_test(fingerprints_move),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
