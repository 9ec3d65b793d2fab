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
		c->env.n, 0);
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
		"stdout = out.txt\n"
		"env.A = 1 ; 2 \n"
		"env.B =\n  x\n    y\n"
		"unset_env = LANG LC_ALL ${HOME}\n"
		"env_file = secret.env\n"
		"workdir = ${HOME}\n"
		"umask = 027\n"
		"nice = -5\n");
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
	assert_string_equal(c->stdout_to, "out.txt");
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

static void cleared(void **state)
{
	struct pipeline *p = loads("[step a]\nrun = x\nif =  \ncheck =\n"
		"requires =\nunset_env = ,\nstdin =\nenv_file =\nworkdir =\n"
		"ok_exit =\n[step b]\nrun = x\nstdin = null\nalways = no\n");

	(void)state;
	assert_null(p->step[0].conf->condition);
	assert_null(p->step[0].conf->stdin_from);
	assert_null(p->step[0].conf->workdir);
	assert_true(is_ok(p->step[0].conf, 0));
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
	static const char *const keys[] = { "run", "if", "check", "env.ABC" };
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
			"file\n", i == 3 ? "ABC" : keys[i]);
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
	};
	/* only the whole one does */
	static const char *const whole[] = {
		"if = c\n", "check = c\n", "always = done\n",
		"always = review\n", "allow_failure = yes\n", "requires = c\n",
		"timeout = 5\n", "idle_timeout = 5\n", "stop_signal = INT\n",
		"stop_grace = 5\n", "ok_exit = 5\n", "outputs = f\n",
		"outputs = f g\n", "outputs_fresh = no\n", "stdout = f\n",
		"umask = 0\n", "nice = 1\n", "needs =\n", "needs = a\n",
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
		cmocka_unit_test(cleared),
		cmocka_unit_test(replaced_now),
		cmocka_unit_test(bad_values),
		cmocka_unit_test(missing_run),
		cmocka_unit_test(script_size),
		cmocka_unit_test(fingerprints),
		cmocka_unit_test(fingerprints_move),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
