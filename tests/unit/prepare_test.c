/* SPDX-License-Identifier: ISC */
#include "prepare.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "job.h"
#include "loading.h"
#include "mem.h"
#include "scratch.h"
#include "script.h"

enum { ROOM = 30000 };

/* A run of the steps of a file whose directory is a scratch directory. */
static struct scratch dir;
static struct pipeline *p;
static struct state s;
static struct rundir d;
static struct env e;
static struct plan plan;
static struct buf message;
static struct job job;
static char *room[ROOM];

static int setup(void **state)
{
	static char path[] = "/run/R";

	(void)state;
	/* what is in here may be inherited by a test of tests */
	unsetenv("BASH_ENV");
	scratch_init(&dir);
	d.path = path;
	return 0;
}

static void forget(void)
{
	if (p == NULL)
		return;
	env_release(&e);
	plan_release(&plan);
	s.run = s.seed = NULL;
	state_release(&s);
	pipeline_free(p);
	p = NULL;
}

static int teardown(void **state)
{
	(void)state;
	forget();
	buf_release(&message);
	scratch_release(&dir);
	return 0;
}

static void begin(const char *ini)
{
	forget();
	p = loads(ini);
	p->dir = dir.path;
	state_init(&s);
	s.run = "R";
	s.seed = "seed";
	plan_init(&plan, p, &s);
	env_init(&e, p, &plan, &d);
}

static struct task *task_of(int step)
{
	return plan_task(&plan, step);
}

static void decode(void)
{
	uint32_t len;

	assert_true(message.len > sizeof(len));
	memcpy(&len, message.data, sizeof(len));
	assert_int_equal(len, message.len - sizeof(len));
	assert_true(job_decode(message.data + sizeof(len), len, &job, room,
		ROOM));
}

static void prepares_unit(int unit, enum phase phase, int gate,
	const char *slot)
{
	struct prepare_part part = { .phase = phase, .gate = gate,
		.slot = slot, .turn = 77 };
	struct why why;

	buf_reset(&message);
	if (prepare_phase(&e, plan_step(&plan, unit), unit, 2, &part,
	    &message, &why) != 0)
		fail_msg("%s", why.text);
	/* what was asked for once is not there the next time */
	assert_null(e.slot);
	assert_false(e.own_output);
	decode();
	assert_string_equal(job.step, s.task[unit].name);
	assert_int_equal(job.attempt, 2);
	assert_int_equal(job.turn, 77);
}

static void prepares(int step, enum phase phase, int gate, const char *slot)
{
	prepares_unit(plan.stage[step].task, phase, gate, slot);
}

static void words_are(const char *expected)
{
	struct buf is = { 0 };

	buf_str(&is, "");
	for (char **w = job.argv; *w != NULL; w++)
		buf_printf(&is, "%s%s", w == job.argv ? "" : "|", *w);
	assert_string_equal(is.data, expected);
	buf_release(&is);
}

static const char *variable(const char *name)
{
	size_t n = strlen(name);

	for (char **w = job.set; *w != NULL; w++)
		if (strncmp(*w, name, n) == 0 && (*w)[n] == '=')
			return *w + n + 1;
	return NULL;
}

/* Each part has its limits, its log, and its word. */
static void parts(void **state)
{
	(void)state;
	begin("[pool gpu]\nslots = 2\n[step a]\nrun = prog run\nif = prog if\n"
		"pool = gpu\ntimeout = 1h\nidle_timeout = 1m\n"
		"verify.size = prog size\nverify.x = prog x | y\n"
		"verify_timeout = 30s\nmax_output = 1M\nstop_grace = 3s\n"
		"stop_signal = INT\numask = 027\nnice = 5\nunset_env = A B\n"
		"outputs = o\nstdout = placed\n");
	prepares(0, PHASE_IF, 0, "1");
	words_are("prog|if");
	assert_string_equal(job.phase, "if");
	assert_string_equal(job.out, "log/a.2.if");
	assert_null(job.err);
	assert_int_equal(job.timeout_ms, 3600000);
	assert_int_equal(job.idle_ms + job.max_output, 0);
	prepares(0, PHASE_RUN, 0, "1");
	words_are("prog|run");
	assert_string_equal(job.phase, "run");
	assert_string_equal(job.out, "log/a.2.out");
	assert_string_equal(job.err, "log/a.2.err");
	assert_string_equal(job.dir, "dir/a");
	assert_string_equal(job.cwd, dir.path);
	assert_int_equal(job.timeout_ms, 3600000);
	assert_int_equal(job.idle_ms, 60000);
	assert_int_equal(job.max_output, 1024 * 1024);
	assert_int_equal(job.grace_ms, 3000);
	assert_int_equal(job.stop_signal, SIGINT);
	assert_int_equal(job.umask, 027);
	assert_int_equal(job.nice, 5);
	assert_string_equal(job.unset[0], "A");
	assert_string_equal(job.unset[1], "B");
	assert_null(job.unset[2]);
	assert_null(job.program);
	assert_string_equal(variable("DUREXEC_SLOT_gpu"), "1");
	assert_string_equal(variable("DUREXEC_WAIT"),
		"/run/R/output/a.2.wait");
	assert_null(variable("DUREXEC_OUT_a"));
	task_of(0)->attempts = 2;
	task_of(0)->out_bytes = 3;
	task_of(0)->began_at = 77;
	prepares(0, PHASE_VERIFY, 0, NULL);
	words_are("prog|size");
	assert_string_equal(job.phase, "verify.size");
	assert_string_equal(job.out, "log/a.2.size");
	assert_null(job.err);
	assert_int_equal(job.timeout_ms, 30000);
	assert_int_equal(job.idle_ms + job.max_output, 0);
	assert_int_equal(job.stop_signal, SIGINT);
	assert_string_equal(job.dir, "dir/a");
	assert_null(variable("DUREXEC_SLOT_gpu"));
	/* it is asked about its own step */
	assert_string_equal(variable("DUREXEC_OUT_a"), "/run/R/log/a.2.out");
	prepares(0, PHASE_VERIFY, 1, "0");
	assert_string_equal(job.phase, "verify.x");
	assert_string_equal(job.out, "log/a.2.x");
	assert_string_equal(variable("DUREXEC_SLOT_gpu"), "0");
	prepares(0, PHASE_SETTLE, 0, NULL);
	words_are("durexec-settle|settle|77|1|/run/R/log/a.2.out||o");
	assert_string_equal(job.program, "/proc/self/exe");
	assert_string_equal(job.phase, "settle");
	assert_string_equal(job.out, "log/a.2.settle");
	prepares(0, PHASE_PLACE, 0, NULL);
	words_are("durexec-settle|settle|77|1|/run/R/log/a.2.out|placed");
	assert_string_equal(job.phase, "place");
	assert_string_equal(job.out, "log/a.2.place");
}

/* The look at the outputs and the placing of stdout are one where no gate
 * comes between them. */
static void settles(void **state)
{
	(void)state;
	begin("[step a]\nrun = x\noutputs = o ${DUREXEC_STEP}.txt\n"
		"outputs_fresh = no\n[step b]\nrun = x\nstdout = s\n"
		"[step c]\nrun = x\nstdout = s\noutputs = s o\nverify.g = x\n"
		"[step d]\nrun = x\nstdout = s\noutputs = s o\n");
	for (int i = 0; i < 4; i++)
		task_of(i)->attempts = 2;
	prepares(0, PHASE_SETTLE, 0, NULL);
	words_are("durexec-settle|settle|0|0|||o|a.txt");
	/* nothing was said: an empty file is placed */
	prepares(1, PHASE_SETTLE, 0, NULL);
	words_are("durexec-settle|settle|0|1||s");
	task_of(1)->out_bytes = 1;
	prepares(1, PHASE_SETTLE, 0, NULL);
	words_are("durexec-settle|settle|0|1|/run/R/log/b.2.out|s");
	/* what is placed after the gates cannot be there before */
	prepares(2, PHASE_SETTLE, 0, NULL);
	words_are("durexec-settle|settle|0|1|||o");
	prepares(2, PHASE_PLACE, 0, NULL);
	words_are("durexec-settle|settle|0|1||s|s");
	prepares(3, PHASE_SETTLE, 0, NULL);
	words_are("durexec-settle|settle|0|1||s|s|o");
}

#define SHELL "bash|-eo|pipefail|-c|"

/* What is "$@" in a gate: its step's outputs. */
static void gate_arguments(void **state)
{
	static const char *const file[] = { "sub/b 2.txt", "sub/a.txt",
		"sub/c.dat", "-x", "lit[1].txt", "w[1]/in.txt", "w1/in.txt",
		"odd*/q?.txt", "oddly/q1.txt", "odd*/q1.txt" };
	char ini[500];

	(void)state;
	if (!script_have_bash())
		skip();
	assert_int_equal(mkdirat(dir.fd, "sub", 0700), 0);
	assert_int_equal(mkdirat(dir.fd, "w[1]", 0700), 0);
	assert_int_equal(mkdirat(dir.fd, "w1", 0700), 0);
	assert_int_equal(mkdirat(dir.fd, "odd*", 0700), 0);
	assert_int_equal(mkdirat(dir.fd, "oddly", 0700), 0);
	for (size_t i = 0; i < sizeof(file) / sizeof(file[0]); i++)
		scratch_put(&dir, file[i], "x", 1);
#define STEP "[step a]\nrun = x\nverify.g = test -s \"$1\"\noutputs = "
	begin("[step a]\nrun = x\nverify.g = test -s \"$1\"\n");
	prepares(0, PHASE_VERIFY, 0, NULL);
	words_are(SHELL "test -s \"$1\"|gate");
	/* as written, in the order of the file */
	begin(STEP "z a ${DUREXEC_ATTEMPT}.txt /etc/none ./b\n");
	prepares(0, PHASE_VERIFY, 0, NULL);
	words_are(SHELL "test -s \"$1\"|gate|z|a|2.txt|/etc/none|./b");
	/* patterns for what they find, as seen from where the gate runs */
	begin(STEP "*/*.txt none sub/c*\n");
	prepares(0, PHASE_VERIFY, 0, NULL);
	words_are(SHELL "test -s \"$1\"|gate|odd*/q1.txt|odd*/q?.txt|"
		"oddly/q1.txt|sub/a.txt|sub/b 2.txt|w1/in.txt|w[1]/in.txt|"
		"none|sub/c.dat");
	/* one that finds nothing is a name, perhaps */
	begin(STEP "no*.txt lit[1].txt\n");
	prepares(0, PHASE_VERIFY, 0, NULL);
	words_are(SHELL "test -s \"$1\"|gate|no*.txt|lit[1].txt");
	/* absolute ones stay so */
	snprintf(ini, sizeof(ini), STEP "%s/sub/*.txt\n", dir.path);
	begin(ini);
	prepares(0, PHASE_VERIFY, 0, NULL);
	snprintf(ini, sizeof(ini), SHELL "test -s \"$1\"|gate|%s/sub/a.txt|"
		"%s/sub/b 2.txt", dir.path, dir.path);
	words_are(ini);
	/* the working directory is no pattern, whatever it is called */
	begin(STEP "*.txt\nworkdir = w[1]\n");
	prepares(0, PHASE_VERIFY, 0, NULL);
	words_are(SHELL "test -s \"$1\"|gate|in.txt");
	begin(STEP "q*\nworkdir = odd*\n");
	prepares(0, PHASE_VERIFY, 0, NULL);
	words_are(SHELL "test -s \"$1\"|gate|q1.txt|q?.txt");
	begin(STEP "*.txt\nworkdir = sub/../sub/\n");
	prepares(0, PHASE_VERIFY, 0, NULL);
	words_are(SHELL "test -s \"$1\"|gate|a.txt|b 2.txt");
	/* as many as the file names */
	begin(STEP "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20\n");
	prepares(0, PHASE_VERIFY, 0, NULL);
	words_are(SHELL "test -s \"$1\"|gate|1|2|3|4|5|6|7|8|9|10|11|12|13|14|"
		"15|16|17|18|19|20");
	/* the command itself has none, nor has a gate without a shell */
	prepares(0, PHASE_RUN, 0, NULL);
	words_are("x");
	begin("[step a]\nrun = x\nverify.g = prog\noutputs = a\n");
	prepares(0, PHASE_VERIFY, 0, NULL);
	words_are("prog");
}

/* So many files that no command line takes them all. */
static void many_arguments(void **state)
{
	char name[32];
	int n = 0, last = 0;

	(void)state;
	for (int i = 0; i < 10100; i++) {
		snprintf(name, sizeof(name), "f%05d.txt", i);
		scratch_put(&dir, name, "", 0);
	}
	begin("[step a]\nrun = x\nverify.g = test $#\noutputs = *.txt\n");
	prepares(0, PHASE_VERIFY, 0, NULL);
	while (job.argv[n] != NULL)
		n++;
	assert_int_equal(n, 10000);
	assert_int_equal(sscanf(job.argv[n - 1], "f%d.txt", &last), 1);
	assert_true(last > 9980 && last < 10000);
}

/* After an attempt that got under way, another command may follow. */
static void resume_run(void **state)
{
	(void)state;
	begin("[step a]\nrun = prog new\nresume_run = prog on\n"
		"[step b]\nrun = prog new\n");
	prepares(0, PHASE_RUN, 0, NULL);
	words_are("prog|new");
	task_of(0)->tried = task_of(1)->tried = true;
	prepares(0, PHASE_RUN, 0, NULL);
	words_are("prog|on");
	prepares(1, PHASE_RUN, 0, NULL);
	words_are("prog|new");
}

/* Where bash reads a file first, that may define any name. */
static void bash_env(void **state)
{
	(void)state;
	if (!script_have_bash())
		skip();
	begin("[step a]\nrun = prog x\nif = prog y\nverify.g = prog z\n"
		"check = prog c\nenv.BASH_ENV = /x\n"
		"[step b]\nrun = prog x\nenv.BASH_ENVY = /x\n");
	prepares(0, PHASE_RUN, 0, NULL);
	words_are(SHELL "prog x");
	prepares(0, PHASE_IF, 0, NULL);
	words_are(SHELL "prog y");
	prepares(0, PHASE_VERIFY, 0, NULL);
	words_are(SHELL "prog z|gate");
	prepares(1, PHASE_RUN, 0, NULL);
	words_are("prog|x");
}

static void input(void **state)
{
	(void)state;
	begin("[step a]\nrun = x\nstdin = null\n"
		"[step b]\nrun = x\nstdin = in/${DUREXEC_STEP}\n"
		"[step c]\nrun = x\nstdin = step:a\nverify.g = x\n");
	prepares(0, PHASE_RUN, 0, NULL);
	assert_null(job.in);
	prepares(1, PHASE_RUN, 0, NULL);
	assert_string_equal(job.in, "in/b");
	/* a step that said nothing: /dev/null */
	prepares(2, PHASE_RUN, 0, NULL);
	assert_null(job.in);
	task_of(0)->attempts = 4;
	task_of(0)->out_bytes = 1;
	prepares(2, PHASE_RUN, 0, NULL);
	assert_string_equal(job.in, "/run/R/log/a.4.out");
	/* gates read nothing */
	prepares(2, PHASE_VERIFY, 0, NULL);
	assert_null(job.in);
}

/* A step that cannot be started: nothing is sent, and it is said why. */
static void refused(void **state)
{
	static const struct { const char *keys, *said; } c[] = {
		{ "env_file = none.env\n", "none.env" },
		{ "env_file = ${GOES_AWAY}\n", "GOES_AWAY" },
		{ "env_file = bad.env\n", "bad.env:2: expected NAME=VALUE" },
		{ "env.A = ${GOES_AWAY}\n", "GOES_AWAY" },
		{ "outputs = ${GOES_AWAY}\n", "GOES_AWAY" },
		{ "outputs = b ${GOES_AWAY}*\n", "GOES_AWAY" },
		{ "workdir = ${GOES_AWAY}\n", "GOES_AWAY" },
	};
	struct prepare_part gate = { .phase = PHASE_VERIFY, .slot = "0" };
	char ini[300];
	struct why why;

	(void)state;
	scratch_put(&dir, "bad.env", "A=1\nB\n", 6);
	for (size_t i = 0; i < sizeof(c) / sizeof(c[0]); i++) {
		snprintf(ini, sizeof(ini), "[step a]\nrun = x\n"
			"verify.g = test $1\n%s", c[i].keys);
		/* there when the file was read */
		setenv("GOES_AWAY", "x", 1);
		begin(ini);
		unsetenv("GOES_AWAY");
		buf_reset(&message);
		buf_str(&message, "before");
		assert_int_equal(prepare_phase(&e, 0, 0, 1, &gate,
			&message, &why), -1);
		assert_string_equal(message.data, "before");
		if (strstr(why.text, c[i].said) == NULL)
			fail_msg("%s", why.text);
		assert_null(e.slot);
		assert_false(e.own_output);
	}
}

/* So for the look at the outputs. */
static void refused_to_settle(void **state)
{
	static const char *const keys[] = { "outputs = a ${GOES_AWAY}\n",
		"stdout = ${GOES_AWAY}\n" };
	struct prepare_part part = { .phase = PHASE_SETTLE };
	char ini[200];
	struct why why;

	(void)state;
	for (int i = 0; i < 2; i++) {
		snprintf(ini, sizeof(ini), "[step a]\nrun = x\n%s", keys[i]);
		setenv("GOES_AWAY", "x", 1);
		begin(ini);
		unsetenv("GOES_AWAY");
		buf_reset(&message);
		assert_int_equal(prepare_phase(&e, 0, 0, 1, &part,
			&message, &why), -1);
		assert_int_equal(message.len, 0);
		assert_non_null(strstr(why.text, "GOES_AWAY"));
	}
	setenv("GOES_AWAY", "x", 1);
	begin("[step a]\nrun = x\nstdin = ${GOES_AWAY}\n");
	unsetenv("GOES_AWAY");
	part.phase = PHASE_RUN;
	assert_int_equal(prepare_phase(&e, 0, 0, 1, &part, &message, &why),
		-1);
	assert_int_equal(message.len, 0);
}

static void hooks_and_checks(void **state)
{
	char fact[] = "DUREXEC_STATE=done", more[] = "A=fact";
	char *facts[] = { fact, more, NULL };
	struct why why;

	(void)state;
	begin("[pipeline]\non_done = prog done\nworkdir = w\nenv.A = pipe\n"
		"[step a]\nrun = x\ncheck = prog check\nworkdir = v\n"
		"timeout = 5s\n");
	/* nothing of a step that was prepared before */
	prepares(0, PHASE_RUN, 0, NULL);
	buf_reset(&message);
	assert_int_equal(prepare_hook(&e, HOOK_DONE, facts, 9000, "/x/hook",
		&message, &why), 0);
	decode();
	words_are("prog|done");
	assert_string_equal(variable("DUREXEC_STATE"), "done");
	/* the strongest */
	assert_string_equal(variable("A"), "fact");
	assert_null(variable("DUREXEC_STEP"));
	assert_string_equal(job.phase, "hook");
	assert_string_equal(job.out, "/x/hook");
	assert_null(job.err);
	assert_null(job.dir);
	assert_int_equal(job.timeout_ms, 9000);
	/* it stays in memory: not for ever */
	assert_true(job.max_output > 0);
	assert_string_equal(job.cwd + strlen(dir.path), "/w");
	buf_reset(&message);
	assert_int_equal(prepare_check(&e, 0, "/x/check", &message, &why), 0);
	decode();
	words_are("prog|check");
	assert_string_equal(job.phase, "check");
	assert_string_equal(job.out, "/x/check");
	assert_true(job.max_output > 0);
	assert_string_equal(job.cwd + strlen(dir.path), "/w/v");
	assert_null(variable("DUREXEC_STEP"));
	setenv("GOES_AWAY", "x", 1);
	begin("[pipeline]\non_done = prog done\nenv.A = ${GOES_AWAY}\n"
		"[step a]\nrun = x\ncheck = prog check\n");
	unsetenv("GOES_AWAY");
	buf_reset(&message);
	assert_int_equal(prepare_hook(&e, HOOK_DONE, facts, 9000, "/x/hook",
		&message, &why), -1);
	assert_int_equal(prepare_check(&e, 0, "/x/check", &message, &why),
		-1);
	assert_int_equal(message.len, 0);
}

/* Of two fan-outs over the same items. */
static void with_items(const char *ini, const char *list, int n)
{
	static const char *const step[] = { "g", "v" };
	struct why why;

	begin(ini);
	for (int i = 0; i < 2; i++) {
		struct record r = { 0 };

		record_start(&r, "items");
		record_set(&r, "step", step[i]);
		record_set(&r, i == 0 ? "list" : "of", i == 0 ? list : "g");
		record_set_number(&r, "total", n);
		if (state_apply(&s, &r, &why) != 0)
			fail_msg("%s", why.text);
	}
	plan_rebuild(&plan);
}

static int unit_of(const char *name)
{
	int unit = state_find(&s, name);

	assert_true(unit != -1);
	return unit;
}

static void items(void **state)
{
	int g, v;

	(void)state;
	with_items("[step g]\nrun = prog run\nforeach_from = prog list\n"
		"if = prog if\nverify.x = prog x\nworkdir = ${ITEM}\n"
		"timeout = 1h\nmax_output = 1M\nidle_timeout = 1m\n"
		"[step v]\nrun = prog ${ITEM}\nforeach = step:g\n"
		"stdin = step:g\nstdout = out/${ITEM}\n", "a\n../b c\n$(x)",
		3);
	g = unit_of("g[../b c]");
	v = unit_of("v[../b c]");
	prepares_unit(g, PHASE_RUN, 0, NULL);
	words_are("prog|run");
	assert_string_equal(job.out, "log/g/0/%2E.%2Fb%20c.2.out");
	assert_string_equal(job.err, "log/g/0/%2E.%2Fb%20c.2.err");
	assert_string_equal(job.dir, "dir/g/0/%2E.%2Fb%20c");
	assert_string_equal(job.cwd + strlen(dir.path), "/../b c");
	assert_string_equal(variable("ITEM"), "../b c");
	assert_string_equal(variable("DUREXEC_STEP"), "g");
	prepares_unit(g, PHASE_IF, 0, NULL);
	assert_string_equal(job.out, "log/g/0/%2E.%2Fb%20c.2.if");
	prepares_unit(g, PHASE_VERIFY, 0, NULL);
	assert_string_equal(job.out, "log/g/0/%2E.%2Fb%20c.2.x");
	/* it reads what its own item said */
	prepares_unit(v, PHASE_RUN, 0, NULL);
	assert_null(job.in);
	s.task[g].attempts = 3;
	s.task[g].out_bytes = 1;
	s.task[unit_of("g[a]")].attempts = 9;
	s.task[unit_of("g[a]")].out_bytes = 1;
	prepares_unit(v, PHASE_RUN, 0, NULL);
	assert_string_equal(job.in, "/run/R/log/g/0/%2E.%2Fb%20c.3.out");
	prepares_unit(unit_of("v[a]"), PHASE_RUN, 0, NULL);
	assert_string_equal(job.in, "/run/R/log/g/0/a.9.out");
	prepares_unit(unit_of("v[$(x)]"), PHASE_RUN, 0, NULL);
	assert_null(job.in);
	/* in a script, nothing is replaced */
	if (script_have_bash())
		words_are("bash|-eo|pipefail|-c|prog ${ITEM}");
	/* its output is placed by its name */
	s.task[v].attempts = 2;
	s.task[v].out_bytes = 1;
	prepares_unit(v, PHASE_SETTLE, 0, NULL);
	words_are("durexec-settle|settle|0|1|"
		"/run/R/log/v/0/%2E.%2Fb%20c.2.out|out/../b c");
	assert_string_equal(job.out, "log/v/0/%2E.%2Fb%20c.2.settle");
}

/* The command whose lines are the items. */
static void lists(void **state)
{
	(void)state;
	with_items("[step g]\nrun = prog run\nforeach_from = prog list\n"
		"workdir = w\nenv.A = ${ITEM}\nenv.B = b\ntimeout = 1h\n"
		"idle_timeout = 1m\nmax_output = 1M\n[step v]\nrun = x\n"
		"foreach = step:g\n", "a", 1);
	prepares(0, PHASE_LIST, 0, NULL);
	words_are("prog|list");
	assert_string_equal(job.step, "g");
	assert_string_equal(job.phase, "list");
	assert_string_equal(job.out, "log/g.2.list");
	assert_string_equal(job.err, "log/g.2.err");
	assert_string_equal(job.dir, "dir/g/list");
	assert_string_equal(job.cwd + strlen(dir.path), "/w");
	assert_int_equal(job.timeout_ms, 3600000);
	/* these are of what an item says */
	assert_int_equal(job.idle_ms, 0);
	assert_true(job.max_output != 1024 * 1024);
	assert_null(variable("ITEM"));
	assert_null(variable("A"));
	assert_string_equal(variable("B"), "b");
}

/* What an item is called is no pattern. */
static void items_are_no_patterns(void **state)
{
	static const char *const file[] = { "out-a", "out-b", "out-*", "a.1",
		"a.2", "*.3", "?.5", "out-[ab]1" };

	(void)state;
	if (!script_have_bash())
		skip();
	for (size_t i = 0; i < sizeof(file) / sizeof(file[0]); i++)
		scratch_put(&dir, file[i], "x", 1);
	with_items("[step g]\nrun = x\nforeach = w\nverify.g = test $1\n"
		"outputs = out-${ITEM} ${ITEM_BASE}.?\n"
		"[step v]\nrun = x\nforeach = step:g\nverify.g = test $1\n"
		"outputs = out-${ITEM}*\n", "*\n?\na\n[ab]", 4);
	prepares_unit(unit_of("g[*]"), PHASE_VERIFY, 0, NULL);
	words_are(SHELL "test $1|gate|out-*|*.3");
	prepares_unit(unit_of("g[?]"), PHASE_VERIFY, 0, NULL);
	words_are(SHELL "test $1|gate|out-?|?.5");
	prepares_unit(unit_of("g[a]"), PHASE_VERIFY, 0, NULL);
	words_are(SHELL "test $1|gate|out-a|a.1|a.2");
	prepares_unit(unit_of("v[*]"), PHASE_VERIFY, 0, NULL);
	words_are(SHELL "test $1|gate|out-*");
	prepares_unit(unit_of("v[[ab]]"), PHASE_VERIFY, 0, NULL);
	words_are(SHELL "test $1|gate|out-[ab]1");
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(parts), T(settles), T(gate_arguments), T(many_arguments),
		T(resume_run), T(bash_env), T(input), T(refused),
		T(refused_to_settle), T(hooks_and_checks), T(items),
		T(lists), T(items_are_no_patterns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
