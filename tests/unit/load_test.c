/* SPDX-License-Identifier: ISC */
/* What a whole file becomes, and what is wrong with sections, keys,
 * parameters and the file itself. */
#include "load.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "loading.h"
#include "mem.h"

/* A given param or a default; NULL when there is none of that name. */
static const char *param(const struct pipeline *p, const char *name)
{
	for (int i = 0; i < p->nparams; i++)
		if (strcmp(p->param[i].name, name) == 0)
			return p->param[i].value;
	return NULL;
}

#define STEP "[step a]\nrun = true\n"

static void smallest(void **state)
{
	struct pipeline *p = loads("[step hello]\nrun = echo hello\n");

	(void)state;
	assert_int_equal(p->nsteps, 1);
	assert_string_equal(p->step[0].name, "hello");
	assert_string_equal(p->step[0].run, "echo hello");
	assert_int_equal(p->step[0].line, 1);
	assert_true(p->step[0].needs_all);
	assert_int_equal(p->step[0].nneeds, 0);
	assert_int_equal(pipeline_find(p, "hello"), 0);
	assert_int_equal(pipeline_find(p, "hell"), -1);
	assert_string_equal(p->name, "x");
	assert_null(p->description);
	assert_null(p->shell);
	assert_null(p->workdir);
	assert_null(p->state_dir);
	assert_null(p->env_file);
	assert_int_equal(p->jobs, 0);
	assert_int_equal(p->timeout_ms, 0);
	assert_int_equal(p->max_age_ms, 0);
	assert_int_equal(p->keep_runs, 20);
	assert_int_equal(p->keep_logs, KEEP_LOGS_ALL);
	assert_int_equal(p->fail_fast, 0);
	assert_int_equal(p->when_done, WHEN_DONE_STOP);
	assert_int_equal(p->nparams, 0);
	assert_int_equal(p->budget, -1);
	assert_int_equal(p->npools, 0);
	for (int i = 0; i < HOOKS; i++)
		assert_null(p->hook[i]);
	pipeline_free(p);
	pipeline_free(NULL);
}

static void pipeline_section(void **state)
{
	static const char text[] =
		"[pipeline]\n"
		"name = my video\n"
		"description =\n  Two\n  lines\n"
		"jobs = 4 \n"
		"shell = ${HOME}/python3 -c\n"
		"workdir = ${HOME}/w \n"
		"state_dir = ${HOME}/s\n"
		"timeout = 2h\n"
		"env_file = .env\n"
		"env.A = 1\n"
		"env.B = ${A} ; # [x] \n"
		"fail_fast = 10%\n"
		"keep_runs = 3\n"
		"keep_logs = failed\n"
		"when_done = again\n"
		"max_age = 2d\n"
		"budget = $2.50\n"
		"on_done = echo ${done} $X\n"
		"on_review =\n  a\n\n   b\n"
		"on_wait =  \n"
		"on_exit = mail\n"
		STEP;
	struct pipeline *p = loads(text);

	(void)state;
	assert_string_equal(p->name, "my video");
	assert_string_equal(p->description, "Two\nlines");
	assert_int_equal(p->jobs, 4);
	assert_string_equal(p->shell, "/home/me/python3 -c");
	assert_int_equal(p->shell_line, 7);
	assert_string_equal(p->workdir, "${HOME}/w");
	assert_int_equal(p->workdir_line, 8);
	assert_string_equal(p->state_dir, "/home/me/s");
	assert_int_equal(p->timeout_ms, 7200000);
	assert_string_equal(p->env_file, ".env");
	assert_int_equal(p->env_file_line, 11);
	assert_int_equal(p->env.n, 2);
	assert_string_equal(p->env.v[0].name, "A");
	assert_string_equal(p->env.v[0].value, "1");
	assert_int_equal(p->env.v[0].line, 12);
	assert_string_equal(p->env.v[1].name, "B");
	assert_string_equal(p->env.v[1].value, "${A} ; # [x] ");
	assert_int_equal(p->fail_fast, 10);
	assert_true(p->fail_fast_percent);
	assert_int_equal(p->keep_runs, 3);
	assert_int_equal(p->keep_logs, KEEP_LOGS_FAILED);
	assert_int_equal(p->when_done, WHEN_DONE_AGAIN);
	assert_int_equal(p->max_age_ms, 172800000);
	assert_int_equal(p->budget, 2500000);
	assert_string_equal(p->hook[HOOK_DONE], "echo ${done} $X");
	assert_string_equal(p->hook[HOOK_REVIEW], "a\n\n b");
	assert_null(p->hook[HOOK_WAIT]);
	assert_string_equal(p->hook[HOOK_EXIT], "mail");
	assert_int_equal(p->text_len, sizeof(text) - 1);
	assert_memory_equal(p->text, text, sizeof(text));
	pipeline_free(p);
}

static void pipeline_values(void **state)
{
	(void)state;
	complains("[pipeline]\njobs = 0\ntimeout = soon\nfail_fast = many\n"
		"keep_runs = 0\nwhen_done = stop\nmax_age =\nname = .x\n"
		"workdir = a\n  b\n" STEP,
		"2: jobs = 0: expected a whole number from 1 to 1024\n"
		"3: timeout = soon: expected a duration such as 90s, 250ms, "
		"1h30m or 2d\n"
		"4: fail_fast = many: expected no, yes, a count such as 3, or "
		"a share such as 10%\n"
		"5: keep_runs = 0: expected a whole number, at least 1\n"
		"6: when_done = stop: expected \"leave\" or \"again\"\n"
		"7: max_age is empty: expected a duration such as 90s, 250ms, "
		"1h30m or 2d\n"
		"8: name = .x: expected a name of at most 48 bytes without "
		"\"/\" and \"@\", beginning with neither \".\" nor \"-\"\n"
		"9: workdir = a...: it goes on in the next line, but one was "
		"expected | begin the line below it in column 0 if it is a "
		"key\n");
	complains("[pipeline]\nkeep_logs = none\n" STEP,
		"2: keep_logs = none: expected \"all\" or \"failed\"\n");
	pipeline_free(loads("[pipeline]\nkeep_logs = all\n" STEP));
	complains("[pipeline]\nname = a@b\n" STEP, "2: name = a@b: expected "
		"a name of at most 48 bytes without \"/\" and \"@\", "
		"beginning with neither \".\" nor \"-\"\n");
	complains("[pipeline]\njobs = 1025\n" STEP,
		"2: jobs = 1025: expected a whole number from 1 to 1024\n");
	complains("[pipeline]\nbudget = much\n" STEP,
		"2: budget = much: expected an amount such as 0.30 or $12, "
		"with at most six digits behind the point\n");
	pipeline_free(loads("[pipeline]\njobs = 1024\nwhen_done = leave\n"
		"fail_fast = yes\nworkdir =\nenv_file =\n" STEP));
}

/* Linux takes 131,071 bytes in a variable, its name and "=" included. */
static void too_long(void **state)
{
	char *value = mem_alloc(131073), *text;

	(void)state;
	memset(value, 'x', 131071 - 2);
	text = mem_printf("[pipeline]\nenv.A = %s\n[params]\nb = %s\n" STEP,
		value, value);
	pipeline_free(loads(text));
	free(text);
	value[131071 - 2] = 'x';
	text = mem_printf("[pipeline]\nenv.A = %s\n[params]\nb = %s\n"
		"c = ${b}\nd =\n" STEP, value, value);
	memcpy(value, "d=", 2);
	value[131070] = value[131071] = 'x';
	complains_given(text, (const char *const[]){ value, NULL },
		"0: d is 131072 bytes long, and Linux hands over at most "
		"131071 (128 KiB) | put it into a file\n"
		"2: A is 131072 bytes long, and Linux hands over at most "
		"131071 (128 KiB) | put it into a file\n"
		"4: b is 131072 bytes long, and Linux hands over at most "
		"131071 (128 KiB) | put it into a file\n"
		"5: c is 131072 bytes long, and Linux hands over at most "
		"131071 (128 KiB) | put it into a file\n");
	free(text);
	memset(value, 'x', 131072);
	text = mem_printf("[pipeline]\non_review = %s\n" STEP, value);
	complains(text, "2: on_review is 131072 bytes long, and Linux hands "
		"over at most 131071 (128 KiB) | put it into a file\n");
	free(text);
	free(value);
}

static void parameters(void **state)
{
	struct pipeline *p = loads_given("[params]\nvideo = lesson.mp4\n"
		"out = ${video}.d\nlang =\nPATH = ${PATH}:/x\ndollar = $${X}\n"
		STEP, (const char *const[]){ "lang=a=b ${Z}\n", NULL });

	(void)state;
	assert_int_equal(p->nparams, 5);
	assert_string_equal(p->param[0].name, "video");
	assert_string_equal(param(p, "video"), "lesson.mp4");
	assert_false(p->param[0].given);
	assert_int_equal(p->param[0].line, 2);
	assert_string_equal(param(p, "out"), "lesson.mp4.d");
	/* what is given is taken as it is */
	assert_string_equal(param(p, "lang"), "a=b ${Z}\n");
	assert_true(p->param[2].given);
	assert_string_equal(param(p, "PATH"), "/bin:/x");
	assert_string_equal(param(p, "dollar"), "${X}");
	assert_null(param(p, "none"));
	pipeline_free(p);

	/* a default sees what was given for the ones above and below */
	p = loads_given("[params]\na = ${b}1\nb = x\n" STEP,
		(const char *const[]){ "b=y", NULL });
	assert_string_equal(param(p, "a"), "y1");
	pipeline_free(p);
}

static void wrong_parameters(void **state)
{
	(void)state;
	complains_given("[params]\nvideo = x\nlang = en\n" STEP,
		(const char *const[]){ "vidoe=1", "zzz=1", "more", "=x", "a b=1",
			"lang=1", "lang=2", NULL },
		"0: [params] declares no \"vidoe\" | did you mean video=...?\n"
		"0: [params] declares no \"zzz\" | it declares video, lang\n"
		"0: \"more\" has no \"=\" | parameters are given as "
		"NAME=VALUE\n"
		"0: \"=x\" is no NAME=VALUE: a name has letters, digits and "
		"\"_\"\n"
		"0: \"a b=1\" is no NAME=VALUE: a name has letters, digits and "
		"\"_\"\n"
		"0: \"lang\" is given twice\n");
	complains_given(STEP, (const char *const[]){ "a=1", NULL },
		"0: [params] declares no \"a\" | this file takes none: it has "
		"no [params]\n");
	complains("[params]\nDUREXEC_X = 1\na-b = 2\n1a = 3\na = 4\na = 5\n"
		"b = ${c}\nc = 1\nd = ${nope}\nvideo = ${vidoe}\n" STEP,
		"2: the names DUREXEC_... are durexec's own: \"DUREXEC_X\" | "
		"give it another name\n"
		"3: \"a-b\" is no name of a variable: it may have letters, "
		"digits and \"_\", and begins with no digit\n"
		"4: \"1a\" is no name of a variable: it may have letters, "
		"digits and \"_\", and begins with no digit\n"
		"6: \"a\" is there twice in this section | the first one is "
		"in line 5; take one of them out\n"
		"7: b: ${c} is declared further down | move \"c\" above it\n"
		"9: d: ${nope} is not defined | declare it in [params], or "
		"set it in the environment\n"
		/* not "did you mean ${video}?" */
		"10: video: ${vidoe} is not defined | declare it in [params], "
		"or set it in the environment\n");
}

static void sections(void **state)
{
	(void)state;
	complains("", "0: there is no step in it | write [step NAME], and "
		"below it run = COMMAND\n");
	complains("[pipeline]\nname = x\n", "0: there is no step in it | "
		"write [step NAME], and below it run = COMMAND\n");
	complains("[steps a]\nrun = x\n", "1: [steps a] is no section of a "
		"pipeline file | did you mean [step a]?\n");
	complains("[default]\nx = y\n[build]\nrun = x\n[job b]\n[]\n",
		"1: [default] is no section of a pipeline file | did you mean "
		"[defaults]?\n"
		"3: [build] is no section of a pipeline file | did you mean "
		"[step build]? The sections are [pipeline], [params], "
		"[defaults], [pool NAME], [preset NAME] and [step NAME]\n"
		"5: [job b] is no section of a pipeline file | did you mean "
		"[step b]?\n"
		"6: [] is no section of a pipeline file | did you mean [step "
		"NAME]? The sections are [pipeline], [params], [defaults], "
		"[pool NAME], [preset NAME] and [step NAME]\n");
	complains("[step]\nrun = x\n", "1: this step has no name | [step "
		"NAME]\n");
	complains("[pipeline x]\nname = a\n" STEP, "1: [pipeline] has no name "
		"| [pipeline]\n");
	complains("run = a\nneeds = b\n" STEP, "1: \"run\" stands above the "
		"first section | put [pipeline] or [step NAME] above it\n");
	complains(STEP "[params]\na = 1\n[params]\nb = 2\n[step a]\nrun = x\n",
		"5: [params] is there twice | put its keys below the first "
		"one, in line 3\n"
		"7: there are two steps \"a\" | the first one is in line 1; "
		"give this one another name\n");
	complains("[pool gpu]\nslots = 2\nx = y\n[preset p]\nrun = x\n"
		"needs =\nif = x\npreset = p\nretries = x\nforeach = b step:c\n"
		"[preset p]\n[preset]\n[pool a b]\n" STEP,
		"3: \"x\" is no key of [pool NAME] | if it belongs to the "
		"value above, begin the line with a blank\n"
		"5: \"run\" cannot stand in a preset | put it into the steps "
		"that use the preset\n"
		"6: \"needs\" cannot stand in a preset | put it into the "
		"steps that use the preset\n"
		"7: \"if\" cannot stand in a preset | put it into the steps "
		"that use the preset\n"
		"8: \"preset\" cannot stand in a preset | put it into the "
		"steps that use the preset\n"
		"9: retries = x: expected a whole number from 0 to 1000000\n"
		"10: foreach = step:c: step:NAME has to stand alone\n"
		"11: there are two presets \"p\" | the first one is in line "
		"4; give this one another name\n"
		"12: this preset has no name | [preset NAME]\n"
		"13: \"a b\" is no name for a pool: it may have letters, "
		"digits, \"_\", \".\" and \"-\" | [pool a_b]\n");
}

static void step_names(void **state)
{
	struct pipeline *p = loads("[step aZ_9.-x]\nrun = x\n"
		"[step n23456789012345678901234567890123456789012345678]\n"
		"run = x\n");

	(void)state;
	assert_string_equal(p->step[0].name, "aZ_9.-x");
	pipeline_free(p);
	complains("[step n234567890123456789012345678901234567890123456789]\n"
		"run = x\n" STEP,
		"1: the name \"n234567890123456789012345678901234567890...\" "
		"is 49 bytes long, at most 48 are allowed\n");
	complains("[step a b]\nrun = x\n[step \"c\"]\nrun = x\n[step d/e]\n"
		"[step \xc3\xa4]\n",
		"1: \"a b\" is no name for a step: it may have letters, "
		"digits, \"_\", \".\" and \"-\" | [step a_b]\n"
		"3: \"\"c\"\" is no name for a step: it may have letters, "
		"digits, \"_\", \".\" and \"-\" | [step c]\n"
		"5: \"d/e\" is no name for a step: it may have letters, "
		"digits, \"_\", \".\" and \"-\" | [step d_e]\n"
		"6: \"\xc3\xa4\" is no name for a step: it may have letters, "
		"digits, \"_\", \".\" and \"-\" | [step __]\n");
}

static void unknown_keys(void **state)
{
	(void)state;
	complains("[step a]\nruns = x\n", "2: \"runs\" is no key of [step "
		"NAME] | did you mean \"run\"?\n");
	complains(STEP "tiemout = 5\nxyzzy = 1\njobs = 2\ndepends_on = b\n"
		"env = x\njbs = 3\nrun = again\n",
		"3: \"tiemout\" is no key of [step NAME] | did you mean "
		"\"timeout\"?\n"
		"4: \"xyzzy\" is no key of [step NAME] | if it belongs to the "
		"value above, begin the line with a blank\n"
		"5: \"jobs\" is no key of [step NAME] | it belongs into "
		"[pipeline]\n"
		"6: \"depends_on\" is no key of [step NAME] | did you mean "
		"\"needs\"?\n"
		"7: \"env\" is no key of [step NAME] | did you mean "
		"\"env.NAME\"?\n"
		"8: \"jbs\" is no key of [step NAME] | did you mean \"jobs\"? "
		"It belongs into [pipeline]\n"
		"9: \"run\" is there twice in this section | the first one is "
		"in line 2; take one of them out\n");
	complains("[pipeline]\nneeds = x\nnmae = y\ncommand = z\n" STEP,
		"2: \"needs\" is no key of [pipeline] | it belongs into a "
		"[step NAME], or into [defaults] for all steps\n"
		"3: \"nmae\" is no key of [pipeline] | did you mean \"name\"?"
		"\n"
		"4: \"command\" is no key of [pipeline] | did you mean "
		"\"run\"? It belongs into a [step NAME]\n");
	complains("[defaults]\nrunn = x\n" STEP "env.A-B = 1\nenv. = 2\n"
		"env.C = 3\nenv.C = 4\nenv.DUREXEC_KEY = 5\n",
		"2: \"runn\" is no key of [defaults] | did you mean \"run\"?\n"
		"5: \"A-B\" is no name of a variable: it may have letters, "
		"digits and \"_\", and begins with no digit\n"
		"6: \"\" is no name of a variable: it may have letters, "
		"digits and \"_\", and begins with no digit\n"
		"8: \"env.C\" is there twice in this section | the first one "
		"is in line 7; take one of them out\n"
		"9: the names DUREXEC_... are durexec's own: \"DUREXEC_KEY\" | "
		"give it another name\n");
}

static void all_at_once(void **state)
{
	(void)state;
	/* by line, though they are found in several passes */
	complains("[step b]\nrun = x\nneeds = zz\numask = 9\n"
		"[pipeline]\njobs = x\necho hi\n"
		"[step a]\nneeds = a\ntimout = 3\nstdout = ${nope}\n",
		"3: \"b\" needs \"zz\", and there is no such step\n"
		"4: umask = 9: expected an octal mask such as 022\n"
		"6: jobs = x: expected a whole number from 1 to 1024\n"
		"7: \"echo hi\" is neither \"NAME = VALUE\" nor a section nor "
		"a comment | if it belongs to the value of \"jobs\" above, "
		"begin the line with a blank\n"
		"9: \"a\" needs itself | take it out of its own needs\n"
		"10: \"timout\" is no key of [step NAME] | did you mean "
		"\"timeout\"?\n"
		"11: stdout: ${nope} is not defined | declare it in [params], "
		"or set it in the environment\n");
	/* what could not be read is not missed as well */
	complains("[step a]\n  run = x\n", "2: this line is indented, and "
		"there is no value above that it could belong to | begin keys "
		"and sections in column 0\n");
}

static void paths(void **state)
{
	char dir[] = "/tmp/durexec-load-XXXXXX", *cwd = getcwd(NULL, 0);
	struct complaints c = { 0 };
	struct pipeline *p;
	char *real;

	(void)state;
	assert_non_null(mkdtemp(dir));
	real = realpath(dir, NULL);
	assert_int_equal(chdir(dir), 0);
	assert_int_equal(mkdir("sub", 0755), 0);
	p = pipeline_load_text("sub/../a.b.ini", STEP, strlen(STEP),
		NULL, 0, &c);
	assert_string_equal(p->dir, real);
	assert_string_equal(p->name, "a.b");
	assert_int_equal(strncmp(p->path, real, strlen(real)), 0);
	assert_string_equal(p->path + strlen(real), "/a.b.ini");
	pipeline_free(p);
	/* a directory that is gone */
	p = pipeline_load_text("gone/noext", STEP, strlen(STEP), NULL, 0, &c);
	assert_string_equal(p->path + strlen(real), "/gone/noext");
	assert_string_equal(p->name, "noext");
	pipeline_free(p);
	p = pipeline_load_text("/x.ini", STEP, strlen(STEP), NULL, 0, &c);
	assert_string_equal(p->path, "/x.ini");
	assert_string_equal(p->dir, "/");
	pipeline_free(p);
	assert_int_equal(c.n, 0);
	assert_int_equal(rmdir("sub"), 0);
	assert_int_equal(chdir(cwd), 0);
	assert_int_equal(rmdir(dir), 0);
	free(real);
	free(cwd);
}

/* The one complaint about the file as a whole, NULL when it was loaded. */
static char *opening(const char *path)
{
	struct complaints c = { 0 };
	struct pipeline *p = pipeline_load(path, NULL, 0, &c);
	char *message = NULL;

	if (p == NULL) {
		assert_int_equal(c.n, 1);
		assert_int_equal(c.v[0].line, 0);
		message = mem_printf("%s | %s", c.v[0].message,
			c.v[0].hint != NULL ? c.v[0].hint : "");
	}
	pipeline_free(p);
	complaints_release(&c);
	return message;
}

static void opens(const char *path, const char *expected)
{
	char *message = opening(path);

	if (expected == NULL)
		assert_null(message);
	else
		assert_string_equal(message, expected);
	free(message);
}

static void files(void **state)
{
	char dir[] = "/tmp/durexec-load-XXXXXX", *cwd = getcwd(NULL, 0);
	FILE *f;

	(void)state;
	assert_non_null(mkdtemp(dir));
	assert_int_equal(chdir(dir), 0);
	f = fopen("a.ini", "w");
	fputs(STEP, f);
	fclose(f);
	assert_int_equal(chmod("a.ini", 0644), 0);
	opens("a.ini", NULL);
	assert_int_equal(symlink("a.ini", "link.ini"), 0);
	opens("link.ini", NULL);
	opens("a", "cannot open it: No such file or directory | did you mean "
		"a.ini?");
	opens("none.ini", "cannot open it: No such file or directory | ");
	opens(".", "it is a directory | name a file that holds the pipeline");
	assert_int_equal(mkfifo("fifo", 0600), 0);
	opens("fifo", "it is a pipe, and a pipeline has to be read again when "
		"it is continued | name a file that holds the pipeline");
	opens("/dev/null", "it is no regular file | name a file that holds "
		"the pipeline");
	assert_non_null(freopen("a.ini", "r", stdin));
	opens("/dev/stdin", "a pipeline has to be read again when it is "
		"continued, and what is kept stands beside it | name the file "
		"itself");
	if (geteuid() == 0) {
		assert_int_equal(chmod("a.ini", 0664), 0);
		opens("a.ini", "others than root may write to it (mode 0664), "
			"so they could have root run anything | chmod go-w "
			"'a.ini'");
		assert_int_equal(chmod("a.ini", 0602), 0);
		opens("a.ini", "others than root may write to it (mode 0602), "
			"so they could have root run anything | chmod go-w "
			"'a.ini'");
		assert_int_equal(chmod("a.ini", 0644), 0);
		assert_int_equal(chown("a.ini", 12345, 0), 0);
		opens("a.ini", "it belongs to user 12345, who could have root "
			"run anything by it | chown root 'a.ini'");
	}
	unlink("a.ini");
	unlink("link.ini");
	unlink("fifo");
	assert_int_equal(chdir(cwd), 0);
	assert_int_equal(rmdir(dir), 0);
	free(cwd);
}

static int setup(void **state)
{
	(void)state;
	clearenv();
	setenv("HOME", "/home/me", 1);
	setenv("PATH", "/bin", 1);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(smallest),
		cmocka_unit_test(pipeline_section),
		cmocka_unit_test(pipeline_values),
		cmocka_unit_test(too_long),
		cmocka_unit_test(parameters),
		cmocka_unit_test(wrong_parameters),
		cmocka_unit_test(sections),
		cmocka_unit_test(step_names),
		cmocka_unit_test(unknown_keys),
		cmocka_unit_test(all_at_once),
		cmocka_unit_test(paths),
		cmocka_unit_test(files),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
