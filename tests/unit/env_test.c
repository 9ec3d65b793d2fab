/* SPDX-License-Identifier: ISC */
#include "env.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "loading.h"
#include "scratch.h"

static void line(void *ctx, const char *name, const char *value)
{
	buf_printf(ctx, "%s=%s|", name, value);
}

static void lines(void **state)
{
	static const struct { const char *text, *seen, *said; } c[] = {
		{ "", "", NULL }, { "\n\n", "", NULL }, { "# a=b\n", "", NULL },
		{ "A=b", "A=b|", NULL }, { "A=b\nB=c\n", "A=b|B=c|", NULL },
		{ "A=\n", "A=|", NULL }, { "A= b \n", "A= b |", NULL },
		{ "  A=b\r\n\tB=c\r\n", "A=b|B=c|", NULL },
		{ "export A=b\n", "A=b|", NULL },
		{ "export  \t A=b\n", "A=b|", NULL },
		{ "\r\n\r", "", NULL }, { "A=\"\"\nB=''\n", "A=|B=|", NULL },
		{ "A=\"b c\"\nB='d'\nC=\"\nD='x\"\n",
			"A=b c|B=d|C=\"|D='x\"|", NULL },
		{ "A=b=c#d\n", "A=b=c#d|", NULL },
		{ "A=$(rm -rf /)`x`${Y}\n", "A=$(rm -rf /)`x`${Y}|", NULL },
		{ "A=1\nA=2\n", "A=1|A=2|", NULL },
		{ "A\n", "", "f:1: expected NAME=VALUE" },
		{ "A=1\n\nB C=1\n", "A=1|", "f:3: expected" },
		{ "=x\n", "", "f:1:" }, { "1A=x\n", "", "f:1:" },
		{ "A-B=x\n", "", "f:1:" }, { "A =x\n", "", "f:1:" },
		{ "\xc3\xa4=x\n", "", "f:1:" },
	};
	struct why why;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(c) / sizeof(c[0]); i++) {
		char *text = strdup(c[i].text);
		struct buf seen = { 0 };

		assert_non_null(text);
		buf_str(&seen, "");
		assert_int_equal(env_lines(text, "f", line, &seen, &why),
			c[i].said == NULL ? 0 : -1);
		assert_string_equal(seen.data, c[i].seen);
		if (c[i].said != NULL)
			assert_non_null(strstr(why.text, c[i].said));
		buf_release(&seen);
		free(text);
	}
}

static void variables(void **state)
{
	struct buf out = { 0 };

	(void)state;
	env_variable(&out, "make-video.2_b");
	assert_string_equal(out.data, "make_video_2_b");
	buf_release(&out);
}

static const char *value(const struct env *e, const char *name)
{
	size_t n = strlen(name), i;
	const char *found = NULL;

	for (i = 0; i < e->nset; i++)
		if (strncmp(e->set[i], name, n) == 0 && e->set[i][n] == '=') {
			/* distinct names */
			assert_null(found);
			found = e->set[i] + n + 1;
		}
	return found;
}

/* Each name is given in all places from its own on downwards. */
static void strength(void **state)
{
	static const char *const given[] = { "A=given", NULL };
	static const char of_step[] = "A=f\nB=f\nC=f\nD=stepfile\n"
		"DUREXEC_KEY=mine\n";
	static const char of_pipe[] = "A=f\nB=f\nC=f\nD=f\nE=pipefile\n";
	struct pipeline *p = loads_given(
		"[pipeline]\nenv_file = pipe.env\n"
		"env.A = pipe\nenv.B = pipe\nenv.C = pipe\n"
		"[params]\nF = default\nA = default\nB = default\n"
		"C = default\nD = default\nE = default\n"
		"[step s]\nrun = x\nenv_file = step.env\n"
		"env.A = step\nenv.B = step\nenv.G = ${F}-${D}-${H}\n"
		"env.I = ${B}${C}\n", given);
	struct scratch d;
	struct env e;
	struct why why;

	(void)state;
	scratch_init(&d);
	p->dir = d.path;
	scratch_put(&d, "step.env", of_step, sizeof(of_step) - 1);
	scratch_put(&d, "pipe.env", of_pipe, sizeof(of_pipe) - 1);
	setenv("H", "outside", 1);
	env_init(&e, p, NULL, NULL);
	if (env_build(&e, 0, -1, 0, &why) != 0)
		fail_msg("%s", why.text);
	assert_string_equal(value(&e, "A"), "given");
	assert_string_equal(value(&e, "B"), "step");
	assert_string_equal(value(&e, "C"), "pipe");
	assert_string_equal(value(&e, "D"), "stepfile");
	assert_string_equal(value(&e, "E"), "pipefile");
	assert_string_equal(value(&e, "F"), "default");
	assert_string_equal(value(&e, "G"), "default-stepfile-outside");
	/* what is stronger, of those that stand above it */
	assert_string_equal(value(&e, "I"), "steppipe");
	/* durexec's own names are not a file's to set */
	assert_null(value(&e, "DUREXEC_KEY"));
	/* what is inherited is not set */
	assert_null(value(&e, "H"));
	assert_string_equal(env_expand(&e, "<${A} ${H}>", &why),
		"<given outside>");
	assert_null(env_expand(&e, "${NOT_THERE_AT_ALL}", &why));
	assert_int_equal(unlinkat(d.fd, "pipe.env", 0), 0);
	assert_int_equal(env_build(&e, 0, -1, 0, &why), -1);
	assert_non_null(strstr(why.text, "pipe.env"));
	unsetenv("H");
	env_release(&e);
	pipeline_free(p);
	scratch_release(&d);
}

/* Files by their paths; how large they may be. */
static void files(void **state)
{
	enum { MOST = 1024 * 1024 };
	struct scratch d;
	char *text = malloc(MOST + 1), ini[200];
	struct pipeline *p;
	struct env e;
	struct why why;

	(void)state;
	assert_non_null(text);
	scratch_init(&d);
	snprintf(ini, sizeof(ini), "[step a]\nrun = x\nenv_file = %s/abs\n"
		"[step b]\nrun = x\nenv_file = ${WHERE}.env\n", d.path);
	setenv("WHERE", "here", 1);
	p = loads(ini);
	p->dir = d.path;
	env_init(&e, p, NULL, NULL);
	scratch_put(&d, "abs", "A=1\n", 4);
	scratch_put(&d, "here.env", "A=2\n", 4);
	assert_int_equal(env_build(&e, 0, -1, 0, &why), 0);
	assert_string_equal(value(&e, "A"), "1");
	assert_int_equal(env_build(&e, 1, -1, 0, &why), 0);
	assert_string_equal(value(&e, "A"), "2");
	scratch_put(&d, "abs", "", 0);
	assert_int_equal(env_build(&e, 0, -1, 0, &why), 0);
	assert_null(value(&e, "A"));
	memset(text, '#', MOST + 1);
	memcpy(text, "A=3\n", 4);
	scratch_put(&d, "abs", text, MOST);
	assert_int_equal(env_build(&e, 0, -1, 0, &why), 0);
	assert_string_equal(value(&e, "A"), "3");
	scratch_put(&d, "abs", text, MOST + 1);
	assert_int_equal(env_build(&e, 0, -1, 0, &why), -1);
	assert_non_null(strstr(why.text, "larger than 1 MiB"));
	unsetenv("WHERE");
	assert_int_equal(env_build(&e, 1, -1, 0, &why), -1);
	assert_non_null(strstr(why.text, "WHERE"));
	env_release(&e);
	pipeline_free(p);
	scratch_release(&d);
	free(text);
}

static void works_in(const char *pipeline, const char *step,
	const char *expected)
{
	struct buf ini = { 0 };
	struct pipeline *p;
	struct env e;
	struct why why;
	const char *dir;

	if (pipeline != NULL)
		buf_printf(&ini, "[pipeline]\nworkdir = %s\n", pipeline);
	buf_str(&ini, "[step a]\nrun = x\n");
	if (step != NULL)
		buf_printf(&ini, "workdir = %s\n", step);
	setenv("D", "dd", 1);
	p = loads(ini.data);
	p->dir = "/base";
	env_init(&e, p, NULL, NULL);
	assert_int_equal(env_build(&e, 0, -1, 0, &why), 0);
	dir = env_workdir(&e, 0, &why);
	assert_non_null(dir);
	assert_string_equal(dir, expected);
	if (step == NULL)
		assert_string_equal(env_workdir(&e, -1, &why), expected);
	/* gone since the file was read */
	unsetenv("D");
	if (strchr(ini.data, '$') != NULL)
		assert_null(env_workdir(&e, 0, &why));
	env_release(&e);
	pipeline_free(p);
	buf_release(&ini);
}

static void workdirs(void **state)
{
	(void)state;
	works_in(NULL, NULL, "/base");
	works_in("w", NULL, "/base/w");
	works_in("/w", NULL, "/w");
	works_in("${D}/w", NULL, "/base/dd/w");
	works_in(NULL, "v", "/base/v");
	works_in(NULL, "/v", "/v");
	works_in("w", "v", "/base/w/v");
	works_in("/w", "v", "/w/v");
	works_in("w", "/v", "/v");
	works_in("/w", "${D}", "/w/dd");
}

/* A chain of steps which all know of the nearest 64 above them; of others, if
 * they name them. */
static void far_above(void **state)
{
	enum { STEPS = 100 };
	struct buf ini = { 0 }, name = { 0 };
	struct rundir d = { .id = NULL, .path = NULL };
	char path[] = "/run/R";
	struct pipeline *p;
	struct plan plan;
	struct state s;
	struct env e;
	struct why why;

	(void)state;
	for (int i = 0; i < STEPS; i++)
		buf_printf(&ini, "[step s%d]\nrun = x\n", i);
	buf_str(&ini, "env.A = ${DUREXEC_OUT_s10}\n"
		"outputs = ${DUREXEC_s11_URL} x ${DUREXEC_OUT_s12}\n"
		"stdout = ${DUREXEC_OUT_s13}.copy\n"
		"workdir = ${DUREXEC_OUT_s14}\n"
		"[step last]\nneeds =\nrun = x\n");
	p = loads(ini.data);
	/* in its script, as shells write it */
	p->step[99].run = "cat $DUREXEC_OUT_s0 \"${DUREXEC_s2_a_b}\" "
		"$DUREXEC_OUT_s3x DUREXEC_ $DUREXEC_OUT_ $DUREXEC_OUT_s34 "
		"$DUREXEC_OUT_s35 $DUREXEC_OUT_s50 $DUREXEC_OUT_s99";
	d.path = path;
	state_init(&s);
	s.run = s.seed = "R";
	plan_init(&plan, p, &s);
	s.output = mem_grow(NULL, 0, &s.output_cap, sizeof(*s.output));
	s.output[s.noutputs++] = (struct task_output){ 11, "URL", "http://x",
		-1 };
	s.last_output[11] = 0;
	env_init(&e, p, &plan, &d);
	if (env_build(&e, 99, 99, 1, &why) != 0)
		fail_msg("%s", why.text);
	for (int i = 0; i < STEPS; i++) {
		bool near = i >= 35 && i < 99;
		bool named = i == 0 || i == 2 || i == 34 ||
			(i >= 10 && i <= 14);

		buf_reset(&name);
		buf_printf(&name, "DUREXEC_OUT_s%d", i);
		if ((value(&e, name.data) != NULL) != (near || named))
			fail_msg("%s", name.data);
	}
	assert_string_equal(value(&e, "A"), "/dev/null");
	assert_string_equal(value(&e, "DUREXEC_s11_URL"), "http://x");
	/* all that it has is near enough */
	assert_int_equal(env_build(&e, 64, 64, 1, &why), 0);
	assert_non_null(value(&e, "DUREXEC_OUT_s0"));
	assert_int_equal(env_build(&e, 65, 65, 1, &why), 0);
	assert_null(value(&e, "DUREXEC_OUT_s0"));
	assert_non_null(value(&e, "DUREXEC_OUT_s1"));
	env_release(&e);
	plan_release(&plan);
	s.run = s.seed = NULL;
	state_release(&s);
	pipeline_free(p);
	buf_release(&ini);
	buf_release(&name);
}

/* What a step gets to know of those it needs. */
static void needs(void **state)
{
	struct pipeline *p = loads("[step a-1]\nrun = x\n[step b]\nrun = x\n"
		"needs =\n[step c]\nrun = x\n[step d]\nrun = x\nneeds = b\n");
	struct state s;
	struct rundir d = { .id = NULL, .path = NULL };
	char path[] = "/run/R";
	struct plan plan;
	struct env e;
	struct why why;

	(void)state;
	d.path = path;
	state_init(&s);
	s.run = "R";
	s.seed = "seed";
	s.started_at = 1234567;
	plan_init(&plan, p, &s);
	s.task[0].state = s.task[1].state = TASK_DONE;
	s.task[0].attempts = 3;
	s.task[0].out_bytes = 1;
	s.task[0].result = "id 17";
	s.task[1].attempts = 1;
	s.output = mem_grow(NULL, 0, &s.output_cap, sizeof(*s.output));
	s.output[s.noutputs++] = (struct task_output){ 0, "URL", "http://x",
		-1 };
	s.last_output[0] = 0;
	env_init(&e, p, &plan, &d);
	assert_int_equal(env_build(&e, 2, 2, 7, &why), 0);
	assert_string_equal(value(&e, "DUREXEC_OUT_a_1"),
		"/run/R/log/a-1.3.out");
	/* it said nothing: there may be no file */
	assert_string_equal(value(&e, "DUREXEC_OUT_b"), "/dev/null");
	assert_string_equal(value(&e, "DUREXEC_a_1_URL"), "http://x");
	assert_null(value(&e, "DUREXEC_OUT_d"));
	assert_string_equal(value(&e, "DUREXEC_RUN"), "R");
	assert_string_equal(value(&e, "DUREXEC_STARTED"), "1234");
	assert_string_equal(value(&e, "DUREXEC_STEP"), "c");
	assert_string_equal(value(&e, "DUREXEC_ATTEMPT"), "7");
	assert_string_equal(value(&e, "DUREXEC_KEY"), "R/c");
	assert_int_equal(strlen(value(&e, "DUREXEC_SESSION")), 36);
	assert_string_equal(value(&e, "DUREXEC_DIR"), "/run/R/dir/c");
	assert_string_equal(value(&e, "DUREXEC_OUTPUT"),
		"/run/R/output/c.7");
	assert_string_equal(value(&e, "DUREXEC_WAIT"),
		"/run/R/output/c.7.wait");
	/* their receipts */
	assert_string_equal(value(&e, "DUREXEC_RESULT_a_1"), "id 17");
	assert_string_equal(value(&e, "DUREXEC_RESULT_b"), "");
	assert_null(value(&e, "DUREXEC_RESULT_c"));
	/* named needs: those, and no others */
	assert_int_equal(env_build(&e, 3, 3, 1, &why), 0);
	assert_null(value(&e, "DUREXEC_OUT_a_1"));
	assert_non_null(value(&e, "DUREXEC_OUT_b"));
	env_release(&e);
	plan_release(&plan);
	s.run = s.seed = NULL;
	state_release(&s);
	pipeline_free(p);
}

/* A run with the steps a and b, of which b has no needs. */
struct fixture {
	struct pipeline *p;
	struct state s;
	struct rundir d;
	struct plan plan;
	struct env e;
};

static struct fixture f;

static int setup(void **state)
{
	static char path[] = "/run/R";

	(void)state;
	memset(&f, 0, sizeof(f));
	f.p = loads("[pool one-gpu.x]\nslots = left right\n"
		"[step a]\nrun = x\npool = one-gpu.x\n"
		"env.CUDA_VISIBLE_DEVICES = ${DUREXEC_SLOT_one_gpu_x}\n"
		"[step b]\nrun = x\nneeds =\n");
	f.d.path = path;
	state_init(&f.s);
	f.s.run = "R";
	f.s.seed = "seed";
	plan_init(&f.plan, f.p, &f.s);
	env_init(&f.e, f.p, &f.plan, &f.d);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	env_release(&f.e);
	plan_release(&f.plan);
	f.s.run = f.s.seed = NULL;
	state_release(&f.s);
	pipeline_free(f.p);
	return 0;
}

static void slots(void **state)
{
	struct why why;

	(void)state;
	f.e.slot = "right";
	assert_int_equal(env_build(&f.e, 0, 0, 1, &why), 0);
	assert_string_equal(value(&f.e, "DUREXEC_SLOT_one_gpu_x"), "right");
	assert_string_equal(value(&f.e, "CUDA_VISIBLE_DEVICES"), "right");
	/* not for a step of no pool */
	assert_int_equal(env_build(&f.e, 1, 1, 1, &why), 0);
	assert_null(value(&f.e, "DUREXEC_SLOT_one_gpu_x"));
	/* without one (gates that are asked again) there is nothing to name */
	f.e.slot = NULL;
	assert_int_equal(env_build(&f.e, 0, 0, 1, &why), -1);
	assert_non_null(strstr(why.text, "DUREXEC_SLOT_one_gpu_x"));
}

static void previous_is(int attempt, const char *how, const char *log)
{
	struct why why;

	assert_int_equal(env_build(&f.e, 1, 1, attempt, &why), 0);
	assert_string_equal(value(&f.e, "DUREXEC_PREVIOUS"), how);
	assert_string_equal(value(&f.e, "DUREXEC_PREVIOUS_LOG"), log);
}

/* How the last attempt ended, and where it said why. */
static void previous(void **state)
{
	struct task *t = &f.s.task[1];

	(void)state;
	previous_is(1, "", "");
	/* begun, by its condition: it is not its own last attempt */
	t->attempts = 1;
	previous_is(1, "", "");
	t->outcome = outcome_of(OUTCOME_EXIT);
	t->outcome.exit = 3;
	previous_is(2, "exit 3", "");
	t->out_bytes = 1;
	previous_is(2, "exit 3", "/run/R/log/b.1.out");
	t->err_bytes = 1;
	/* a number may be left out */
	previous_is(4, "exit 3", "/run/R/log/b.1.err");
	t->before.outcome = t->outcome;
	t->before.attempt = 1;
	t->before.out = true;
	t->attempts = 4;
	t->outcome = outcome_of(OUTCOME_NONE);
	t->out_bytes = t->err_bytes = 0;
	previous_is(4, "exit 3", "/run/R/log/b.1.out");
	t->before.err = true;
	previous_is(4, "exit 3", "/run/R/log/b.1.err");
	/* at its gates it is still the one before */
	t->outcome = outcome_of(OUTCOME_EXIT);
	t->outcome.exit = 0;
	t->out_bytes = 9;
	previous_is(4, "exit 3", "/run/R/log/b.1.err");
	previous_is(5, "exit 0", "/run/R/log/b.4.out");
}

/* A gate sees what its own step said, DONE or not. */
static void own_output(void **state)
{
	struct task *t = &f.s.task[1];
	struct why why;

	(void)state;
	t->state = TASK_RUNNING;
	t->attempts = 2;
	t->out_bytes = 1;
	t->result = "id 3";
	assert_int_equal(env_build(&f.e, 1, 1, 2, &why), 0);
	assert_null(value(&f.e, "DUREXEC_OUT_b"));
	f.e.own_output = true;
	assert_int_equal(env_build(&f.e, 1, 1, 2, &why), 0);
	assert_string_equal(value(&f.e, "DUREXEC_OUT_b"),
		"/run/R/log/b.2.out");
	assert_string_equal(value(&f.e, "DUREXEC_RESULT_b"), "id 3");
	t->out_bytes = 0;
	t->result = NULL;
	assert_int_equal(env_build(&f.e, 1, 1, 2, &why), 0);
	assert_string_equal(value(&f.e, "DUREXEC_OUT_b"), "/dev/null");
	assert_string_equal(value(&f.e, "DUREXEC_RESULT_b"), "");
}

/* A run with fan-outs: v is tied to g, h is not, and j joins them. */
static const char fans_ini[] = "[step g]\nrun = x\nforeach = x\n"
	"workdir = w/${ITEM_DIR}\nenv.MINE = <${ITEM_BASE}>\n"
	"env.MORE = ${MINE}!\n"
	"[step v]\nrun = x\nforeach = step:g\n"
	"[step h]\nrun = x\nforeach = y\n"
	"[step j]\nrun = x\n"
	"[step t-2]\nrun = x\nforeach = step:g\nneeds = g v h\n";

static struct fans {
	struct scratch dir;
	struct pipeline *p;
	struct state s;
	struct rundir d;
	struct plan plan;
	struct env e;
} w;

static void apply(const char *type, const char *step, const char *key,
	const char *value, const char *total)
{
	struct record r = { 0 };
	struct why why;

	record_start(&r, type);
	record_set(&r, "step", step);
	record_set(&r, key, value);
	if (strcmp(type, "set") == 0)
		record_set(&r, "by", "test");
	if (total != NULL)
		record_set(&r, "total", total);
	if (state_apply(&w.s, &r, &why) != 0)
		fail_msg("%s", why.text);
}

/* Tasks move when their list becomes known. */
static struct task *task(const char *name)
{
	return &w.s.task[state_find(&w.s, name)];
}

static int setup_fans(void **state)
{
	(void)state;
	memset(&w, 0, sizeof(w));
	scratch_init(&w.dir);
	assert_int_equal(mkdirat(w.dir.fd, "output", 0700), 0);
	w.p = loads(fans_ini);
	w.p->dir = "/base";
	w.d.path = w.dir.path;
	w.d.fd = w.dir.fd;
	state_init(&w.s);
	w.s.run = w.s.seed = "R";
	plan_init(&w.plan, w.p, &w.s);
	env_init(&w.e, w.p, &w.plan, &w.d);
	return 0;
}

static int teardown_fans(void **state)
{
	(void)state;
	env_release(&w.e);
	plan_release(&w.plan);
	w.s.run = w.s.seed = NULL;
	state_release(&w.s);
	pipeline_free(w.p);
	scratch_release(&w.dir);
	return 0;
}

static void list(const char *step, const char *items, const char *total)
{
	apply("items", step, "list", items, total);
	apply("set", step, "state", "done", NULL);
	plan_rebuild(&w.plan);
}

static void build(const char *unit, int attempt)
{
	int i = state_find(&w.s, unit);
	struct why why;

	assert_true(i != -1);
	if (env_build(&w.e, plan_step(&w.plan, i), i, attempt, &why) != 0)
		fail_msg("%s: %s", unit, why.text);
}

/* The variable has the value; "RUN" in front is the run's directory. */
static void has(const char *name, const char *expected)
{
	const char *is = value(&w.e, name);
	char *full;

	if (expected == NULL) {
		if (is != NULL)
			fail_msg("%s=%s", name, is);
		return;
	}
	full = strncmp(expected, "RUN/", 4) == 0 ?
		mem_printf("%s%s", w.dir.path, expected + 3) :
		mem_dup(expected);
	if (is == NULL || strcmp(is, full) != 0)
		fail_msg("%s=%s, not %s", name, is, full);
	free(full);
}

/* The item and its parts, as basename and dirname see them. */
static void item_variables(void **state)
{
	static const struct {
		const char *item, *name, *base, *dir;
	} c[] = {
		{ "a", "a", "a", "." },
		{ "a.txt", "a.txt", "a", "." },
		{ "d/a.txt", "a.txt", "a", "d" },
		{ "/d/e/a.tar.gz", "a.tar.gz", "a.tar", "/d/e" },
		{ "/a.txt", "a.txt", "a", "/" },
		{ "./a.txt", "a.txt", "a", "." },
		{ "../../etc", "etc", "etc", "../.." },
		{ "d.e/a", "a", "a", "d.e" },
		{ ".bashrc", ".bashrc", ".bashrc", "." },
		{ "d/.bashrc", ".bashrc", ".bashrc", "d" },
		{ ".a.txt", ".a.txt", ".a", "." },
		{ "a.", "a.", "a", "." },
		{ "..", "..", "..", "." },
		{ "...", "...", "...", "." },
		{ "/", "/", "/", "/" },
		{ "//", "/", "/", "/" },
		{ "d/", "d", "d", "." },
		{ "e/d.x//", "d.x", "d", "e" },
		{ "e//d", "d", "d", "e" },
		{ "//d", "d", "d", "/" },
		{ " ", " ", " ", "." },
		{ "a b/c d.e f", "c d.e f", "c d", "a b" },
		{ "-rf", "-rf", "-rf", "." },
		{ "$(reboot)", "$(reboot)", "$(reboot)", "." },
		{ "x=y.z", "x=y.z", "x=y", "." },
		{ "\xff.\xfe", "\xff.\xfe", "\xff", "." },
		{ "a]b[", "a]b[", "a]b[", "." },
	};
	enum { N = sizeof(c) / sizeof(c[0]) };
	struct buf text = { 0 }, name = { 0 };
	char number[12];
	size_t i;

	(void)state;
	for (i = 0; i < N; i++)
		buf_printf(&text, "%s%s", i > 0 ? "\n" : "", c[i].item);
	snprintf(number, sizeof(number), "%d", N);
	list("g", text.data, number);
	for (i = 0; i < N; i++) {
		buf_reset(&name);
		buf_printf(&name, "g[%s]", c[i].item);
		build(name.data, 1);
		has("ITEM", c[i].item);
		has("DUREXEC_ITEM", c[i].item);
		has("ITEM_NAME", c[i].name);
		has("ITEM_BASE", c[i].base);
		has("ITEM_DIR", c[i].dir);
		snprintf(number, sizeof(number), "%zu", i + 1);
		has("ITEM_INDEX", number);
		has("DUREXEC_STEP", "g");
		buf_reset(&text);
		buf_printf(&text, "R/%s", name.data);
		has("DUREXEC_KEY", text.data);
		/* in values it is replaced, once */
		buf_reset(&text);
		buf_printf(&text, "<%s>", c[i].base);
		has("MINE", text.data);
	}
	buf_release(&text);
	buf_release(&name);
}

/* A step has no item, whatever an outer durexec says of its own. */
static void no_item(void **state)
{
	static const char *const names[] = { "ITEM", "ITEM_INDEX",
		"ITEM_NAME", "ITEM_BASE", "ITEM_DIR" };
	size_t i;

	(void)state;
	build("j", 1);
	has("DUREXEC_ITEM", "");
	has("DUREXEC_STEP", "j");
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		has(names[i], NULL);
	list("g", "a", "1");
	build("g", 1);
	has("DUREXEC_ITEM", "");
	has("DUREXEC_STEP", "g");
	has("DUREXEC_KEY", "R/g");
	has("DUREXEC_DIR", "RUN/dir/g/list");
	/* what needs one is left out, as long as there is none */
	has("MINE", NULL);
	has("MORE", NULL);
	build("g[a]", 1);
	has("MORE", "<a>!");
}

static void places_of_items(void **state)
{
	struct why why;
	const char *dir;

	(void)state;
	list("g", "../x y\nd/b", "2");
	build("g[../x y]", 3);
	has("DUREXEC_DIR", "RUN/dir/g/0/%2E.%2Fx%20y");
	has("DUREXEC_ATTEMPT", "3");
	assert_string_equal(value(&w.e, "DUREXEC_WAIT") +
		strlen(value(&w.e, "DUREXEC_OUTPUT")), ".wait");
	assert_string_equal(env_workdir(&w.e, 0, &why), "/base/w/..");
	build("g[d/b]", 1);
	has("DUREXEC_DIR", "RUN/dir/g/0/d%2Fb");
	dir = env_workdir(&w.e, 0, &why);
	assert_non_null(dir);
	assert_string_equal(dir, "/base/w/d");
	assert_string_equal(env_expand(&w.e, "${ITEM}:${ITEM_INDEX}", &why),
		"d/b:2");
}

static void says(const char *name, int attempts, int64_t bytes,
	const char *result)
{
	task(name)->attempts = attempts;
	task(name)->out_bytes = bytes;
	task(name)->result = result;
	apply("set", name, "state", "done", NULL);
}

static void outputs_of_items(void **state)
{
	(void)state;
	list("g", "a\nb\nc/d", "3");
	apply("items", "v", "of", "g", "3");
	apply("items", "t-2", "of", "g", "3");
	apply("set", "v", "state", "done", NULL);
	apply("set", "t-2", "state", "done", NULL);
	plan_rebuild(&w.plan);
	says("g[a]", 2, 5, "id 1");
	says("g[b]", 1, 0, NULL);
	task("g[c/d]")->out_bytes = 7;
	says("v[a]", 1, 3, NULL);
	w.s.output = mem_grow(NULL, 0, &w.s.output_cap, sizeof(*w.s.output));
	w.s.output[w.s.noutputs++] = (struct task_output){
		state_find(&w.s, "g[a]"), "URL", "http://a", -1 };
	w.s.last_output[state_find(&w.s, "g[a]")] = 0;
	/* tied: of the same item */
	build("v[a]", 1);
	has("DUREXEC_OUT_g", "RUN/log/g/0/a.2.out");
	has("DUREXEC_RESULT_g", "id 1");
	has("DUREXEC_g_URL", "http://a");
	has("DUREXEC_OUT_v", NULL);
	build("v[b]", 1);
	has("DUREXEC_OUT_g", "/dev/null");
	has("DUREXEC_RESULT_g", "");
	has("DUREXEC_g_URL", NULL);
	build("v[c/d]", 1);
	/* it is not done */
	has("DUREXEC_OUT_g", "/dev/null");
	build("t-2[a]", 1);
	has("DUREXEC_OUT_g", "RUN/log/g/0/a.2.out");
	has("DUREXEC_OUT_v", "RUN/log/v/0/a.1.out");
	/* its gates see its own */
	task("t-2[a]")->attempts = 4;
	task("t-2[a]")->out_bytes = 1;
	w.e.own_output = true;
	build("t-2[a]", 4);
	has("DUREXEC_OUT_t_2", "RUN/log/t-2/0/a.4.out");
	w.e.own_output = false;
}

static void file_is(const char *name, const char *expected)
{
	struct buf is = { 0 }, full = { 0 };
	const char *rest;

	scratch_get(&w.dir, name, &is);
	buf_str(&full, "");
	for (; *expected != '\0'; expected = *rest == '\n' ? rest + 1 : rest) {
		rest = expected + strcspn(expected, "\n");
		if (*expected != '/')
			buf_printf(&full, "%s/", w.dir.path);
		buf_printf(&full, "%.*s\n", (int)(rest - expected), expected);
	}
	assert_string_equal(is.data != NULL ? is.data : "", full.data);
	buf_release(&is);
	buf_release(&full);
}

/* Not tied: a file that lists the outputs of all items, in their order. */
static void outputs_of_all(void **state)
{
	(void)state;
	list("g", "a\nb\nc d", "3");
	list("h", "x", "1");
	says("g[a]", 2, 5, NULL);
	says("g[b]", 1, 0, NULL);
	says("g[c d]", 1, 9, NULL);
	says("h[x]", 1, 1, NULL);
	build("j", 1);
	has("DUREXEC_OUT_g", "RUN/output/g@.out");
	has("DUREXEC_OUT_h", "RUN/output/h@.out");
	has("DUREXEC_RESULT_g", "");
	file_is("output/g@.out", "log/g/0/a.2.out\n/dev/null\n"
		"log/g/0/c%20d.1.out");
	file_is("output/h@.out", "log/h/0/x.1.out");
	/* so for items that are not tied, and for a list */
	build("h[x]", 1);
	has("DUREXEC_OUT_g", "RUN/output/g@.out");
	build("h", 1);
	has("DUREXEC_OUT_g", "RUN/output/g@.out");
	/* v has no list yet */
	build("j", 1);
	has("DUREXEC_OUT_v", "/dev/null");
	/* it is written again when it would be another one, only */
	scratch_put(&w.dir, "output/g@.out", "/old\n", 5);
	build("j", 1);
	file_is("output/g@.out", "/old");
	apply("set", "g[b]", "state", "pending", NULL);
	says("g[b]", 3, 4, NULL);
	build("j", 1);
	file_is("output/g@.out", "log/g/0/a.2.out\nlog/g/0/b.3.out\n"
		"log/g/0/c%20d.1.out");
	/* another env, of another session, writes it once more */
	scratch_put(&w.dir, "output/g@.out", "/old\n", 5);
	env_release(&w.e);
	env_init(&w.e, w.p, &w.plan, &w.d);
	build("j", 1);
	file_is("output/g@.out", "log/g/0/a.2.out\nlog/g/0/b.3.out\n"
		"log/g/0/c%20d.1.out");
	/* none */
	list("v", "q", "1");
	apply("items", "v", "from", "0", "0");
	plan_rebuild(&w.plan);
	build("j", 1);
	has("DUREXEC_OUT_v", "RUN/output/v@.out");
	file_is("output/v@.out", "");
}

/* It cannot be written: the step cannot be started. */
static void outputs_unwritten(void **state)
{
	int i = pipeline_find(w.p, "j");
	struct why why;

	(void)state;
	list("g", "a", "1");
	assert_int_equal(unlinkat(w.dir.fd, "output", AT_REMOVEDIR), 0);
	assert_int_equal(env_build(&w.e, i, state_find(&w.s, "j"), 1, &why),
		-1);
	assert_non_null(strstr(why.text, "g@.out"));
	/* nor forgotten */
	assert_int_equal(env_build(&w.e, i, state_find(&w.s, "j"), 1, &why),
		-1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines),
		cmocka_unit_test(variables),
		cmocka_unit_test(strength),
		cmocka_unit_test(files),
		cmocka_unit_test(workdirs),
		cmocka_unit_test(far_above),
		cmocka_unit_test(needs),
		cmocka_unit_test_setup_teardown(slots, setup, teardown),
		cmocka_unit_test_setup_teardown(previous, setup, teardown),
		cmocka_unit_test_setup_teardown(own_output, setup, teardown),
		cmocka_unit_test_setup_teardown(item_variables, setup_fans,
			teardown_fans),
		cmocka_unit_test_setup_teardown(no_item, setup_fans,
			teardown_fans),
		cmocka_unit_test_setup_teardown(places_of_items, setup_fans,
			teardown_fans),
		cmocka_unit_test_setup_teardown(outputs_of_items, setup_fans,
			teardown_fans),
		cmocka_unit_test_setup_teardown(outputs_of_all, setup_fans,
			teardown_fans),
		cmocka_unit_test_setup_teardown(outputs_unwritten, setup_fans,
			teardown_fans),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
