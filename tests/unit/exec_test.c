/* SPDX-License-Identifier: ISC */
#include "exec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

#include "load.h"
#include "mem.h"
#include "safe.h"
#include "scratch.h"
#include "script.h"

enum { WORDS = 40 };

static struct scratch dir;	/* place/ and state/ are in it */
static char state_dir[100];
static int back;		/* where we were */
static struct options o;
static struct session se;

static int setup(void **state)
{
	(void)state;
	scratch_init(&dir);
	assert_int_equal(mkdirat(dir.fd, "place", 0700), 0);
	assert_int_equal(mkdirat(dir.fd, "other", 0700), 0);
	snprintf(state_dir, sizeof(state_dir), "%s/state", dir.path);
	back = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(fchdir(dir.fd) | chdir("place"), 0);
	session_init(&se);
	memset(&o, 0, sizeof(o));
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	session_release(&se);
	exec_release(&o);
	assert_int_equal(fchdir(back), 0);
	close(back);
	scratch_release(&dir);
	return 0;
}

/* The command line; its words have to live on. */
static void parse(const char *const *words)
{
	static char *argv[WORDS + 2];
	int argc = 0;

	exec_release(&o);
	argv[argc++] = (char *)"exec";
	for (; *words != NULL; words++) {
		assert_true(argc <= WORDS);
		argv[argc++] = (char *)*words;
	}
	argv[argc] = NULL;
	exec_parse(&o, argc, argv);
	o.state_dir = o.state_dir != NULL ? o.state_dir : state_dir;
}

static int load(const char *const *words)
{
	char *base = NULL;
	int status;

	parse(words);
	session_release(&se);
	status = exec_load(&se, &o, &base);
	if (status == 0)
		assert_string_equal(base, o.state_dir);
	free(base);
	return status;
}

#define L(...) ((const char *const[]){ __VA_ARGS__, NULL })

/* Without what is said. */
static int quietly(int (*do_it)(const char *const *), const char *const *words,
	struct buf *said)
{
	int fd = openat(dir.fd, "said", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC,
		0600), old = dup(STDERR_FILENO), status;

	dup2(fd, STDERR_FILENO);
	status = do_it(words);
	dup2(old, STDERR_FILENO);
	close(old);
	close(fd);
	scratch_get(&dir, "said", said);
	return status;
}

static void written(void **state)
{
	char expected[600];

	(void)state;
	assert_int_equal(load(L("--", "./a.sh", "x y")), 0);
	snprintf(expected, sizeof(expected),
		"# durexec exec wrote this, and writes it again\n[pipeline]\n"
		"name = a.sh\nstate_dir = %s\nworkdir = %s/place\n\n"
		"[step a.sh]\nrun = ./a.sh 'x y'\n", state_dir, dir.path);
	assert_int_equal(se.p->text_len, strlen(expected));
	assert_memory_equal(se.p->text, expected, strlen(expected));
	snprintf(expected, sizeof(expected), "%s/a.sh/exec.ini", state_dir);
	assert_string_equal(se.ini, expected);
	assert_string_equal(se.p->path, expected);
	assert_string_equal(se.p->name, "a.sh");
	assert_int_equal(se.p->nsteps, 1);
	assert_string_equal(se.p->step[0].name, "a.sh");
	assert_int_equal(se.p->when_done, WHEN_DONE_AGAIN);
	assert_true(scratch_has(&dir, "state/a.sh"));
	/* not before it is known to go on */
	assert_false(scratch_has(&dir, "state/a.sh/exec.ini"));
	/* a look changes nothing */
	assert_int_equal(load(L("-n", "--", "./b.sh")), 0);
	assert_false(scratch_has(&dir, "state/b.sh"));
}

static void options(void **state)
{
	const struct stepconf *c;
	char expected[200];

	(void)state;
	assert_int_equal(load(L("--name", "n", "--max-age", "20h", "--retries",
		"3", "--retry-delay=5s", "--fail-if", "a b", "--fail-if", "c",
		"--verify", "x\ny", "--stdin", "in", "--env-file", ".env",
		"--no-wait", "--cron", "-q", "-d", "--ok-exit", "3", "cmd",
		"--retries", "9")), 0);
	assert_string_equal(se.p->name, "n");
	assert_int_equal(se.p->max_age_ms, 20 * 3600000);
	assert_string_equal(se.p->step[0].name, "n");
	/* options end with the command */
	assert_string_equal(se.p->step[0].run, "cmd --retries 9");
	c = se.p->step[0].conf;
	assert_int_equal(c->retries, 3);
	assert_int_equal(c->retry_delay_ms, 5000);
	assert_int_equal(c->fail_if.n, 2);
	assert_string_equal(c->fail_if.v[0], "a b");
	assert_int_equal(c->gates.n, 1);
	assert_string_equal(c->gates.v[0].script, "x\ny");
	assert_string_equal(c->stdin_from, "in");
	snprintf(expected, sizeof(expected), "%s/place/.env", dir.path);
	assert_string_equal(c->env_file, expected);
	assert_true(o.no_wait && o.cron && o.quiet && o.detach && o.resume);
	assert_false(o.fresh || o.dry_run || o.json);
	assert_int_equal(o.command, COMMAND_START);
	parse(L("--fresh", "--dry-run", "--", "cmd"));
	assert_true(o.fresh && o.dry_run);
	assert_false(o.resume || o.cron || o.no_wait || o.quiet || o.detach);
	assert_int_equal(load(L("-C", "../other", "--env-file", "/e", "cmd")),
		0);
	snprintf(expected, sizeof(expected), "%s/other", dir.path);
	assert_string_equal(se.p->workdir, expected);
	assert_string_equal(se.p->step[0].conf->env_file, "/e");
}

/* What is to be executed is what was typed, word by word. */
struct checking {
	struct buf script, words;
	int n;
};

static void is_kept(struct checking *ch, const char *const *argv)
{
	const char *words[WORDS] = { "--name", "r", "--" };
	struct script s;
	int i = 3;

	while (*argv != NULL)
		words[i++] = *argv++;
	words[i] = NULL;
	argv = words + 3;
	if (load(words) != 0)
		fail_msg("refused: %s", argv[0]);
	script_init(&s, se.p, se.p->step[0].run, false);
	if (s.direct) {
		for (i = 0; argv[i] != NULL; i++)
			assert_string_equal(s.argv[i], argv[i]);
		assert_null(s.argv[i]);
	} else {
		/* bash is asked below */
		ch->n++;
		buf_printf(&ch->script, "say %s\n", se.p->step[0].run);
		for (i = 0; argv[i] != NULL; i++)
			buf_add(&ch->words, argv[i], strlen(argv[i]) + 1);
		buf_add(&ch->words, "END", 4);
	}
	script_release(&s);
}

static void command_kept(void **state)
{
	static const char *const first[] = { "if", "time", "A=b", "%1", "[[",
		"!", "{", "caf\xc3\xa9", "it's", "a b", "-x", "echo", "cd",
		"~", "#", "a\nb", "*", "$HOME", "\xff", "\x01" };
	struct checking ch = { { 0 }, { 0 }, 0 };
	struct buf is = { 0 };
	unsigned seed = 11;
	char *run;
	size_t i;

	(void)state;
	buf_str(&ch.script, "say() { printf '%s\\0' \"$@\" END; }\n");
	for (i = 0; i < sizeof(first) / sizeof(first[0]); i++) {
		is_kept(&ch, L(first[i]));
		is_kept(&ch, L(first[i], "", "a=b", "${HOME} $(id)", "\\"));
	}
	for (i = 0; i < 300; i++) {
		char word[5][16];
		const char *argv[6] = { NULL };
		int n, k, len;

		for (n = 0; n < 1 + (int)i % 5; n++) {
			seed = seed * 1103515245 + 12345;
			len = (int)(seed >> 16) % 16;
			for (k = 0; k < len; k++) {
				seed = seed * 1103515245 + 12345;
				word[n][k] = (char)(i % 2 == 0 ? 1 +
					(seed >> 16) % 255 : ' ' +
					(seed >> 16) % 95);
			}
			word[n][k] = '\0';
			argv[n] = word[n];
		}
		if (*argv[0] != '\0')
			is_kept(&ch, argv);
	}
	assert_true(ch.n > 20);
	scratch_put(&dir, "script", ch.script.data, ch.script.len);
	run = mem_printf("LC_ALL=C bash %s/script >%s/said", dir.path,
		dir.path);
	assert_int_equal(system(run), 0);
	free(run);
	scratch_get(&dir, "said", &is);
	assert_int_equal(is.len, ch.words.len);
	assert_memory_equal(is.data, ch.words.data, is.len);
	buf_release(&is);
	buf_release(&ch.script);
	buf_release(&ch.words);
}

/* The first word as a program, also when it is one of the shell's. */
static void not_the_shells(void **state)
{
	static const char *const name[] = { "if", "time", "A=b", "[[", "!",
		"a b", "{", "function", "caf\xc3\xa9", "~", "coproc" };
	struct buf is = { 0 }, expected = { 0 }, script = { 0 };
	size_t i;
	char *run;

	(void)state;
	buf_str(&script, "PATH=/nonexistent\ncommand_not_found_handle() { "
		"printf '%s\\0' \"$@\"; }\n");
	for (i = 0; i < sizeof(name) / sizeof(name[0]); i++) {
		assert_int_equal(load(L("--name", "r", "--", name[i], "x")),
			0);
		buf_printf(&script, "%s\n", se.p->step[0].run);
		buf_add(&expected, name[i], strlen(name[i]) + 1);
		buf_add(&expected, "x", 2);
	}
	scratch_put(&dir, "script", script.data, script.len);
	run = mem_printf("LC_ALL=C bash %s/script >%s/said 2>&1", dir.path,
		dir.path);
	assert_int_equal(system(run), 0);
	free(run);
	scratch_get(&dir, "said", &is);
	assert_int_equal(is.len, expected.len);
	assert_memory_equal(is.data, expected.data, is.len);
	buf_release(&is);
	buf_release(&expected);
	buf_release(&script);
}

/* A secret that is known is hidden when it is shown, not when it is run. */
static void secrets_are_run(void **state)
{
	int i;

	(void)state;
	setenv("EXEC_TEST_TOKEN", "hunter2secret", 1);
	for (i = 0; i < 2; i++) {
		assert_int_equal(load(L("--secrets", "EXEC_TEST_TOKEN", "--",
			"./hunter2secret", "auth hunter2secret")), 0);
		assert_string_equal(se.p->step[0].run,
			"./hunter2secret 'auth hunter2secret'");
	}
	unsetenv("EXEC_TEST_TOKEN");
	mask_release(safe_secrets());
}

static int exits(const char *const *words)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		parse(words);
		_exit(100 + (load(words) & 63));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void mistakes(void **state)
{
	static const struct { const char *words[6], *said; int status; } c[] = {
		{ { NULL }, "expected a command", 2 },
		{ { "--", NULL }, "expected a command", 2 },
		{ { "--", "", NULL }, "expected a command", 2 },
		{ { "--nosuch", "--", "x", NULL }, "no option --nosuch", 2 },
		{ { "--retires", "3", "x", NULL }, "--retries", 2 },
		{ { "--run", "x", "--", "y", NULL }, "no option --run", 2 },
		{ { "--foreach", "x", "--", "y", NULL }, "no option --foreach",
			2 },
		{ { "--retries", NULL }, "--retries needs a value", 2 },
		{ { "--name", "a/b", "x", NULL }, "--name a/b: expected", 2 },
		{ { "--name", ".a", "x", NULL }, "--name .a: expected", 2 },
		{ { "--name", "", "x", NULL }, "--name : expected", 2 },
		{ { "--name", "a b", "x", NULL }, "--name a b: expected", 2 },
		{ { "--env", "A", "x", NULL }, "--env A: expected NAME=VALUE",
			2 },
		{ { "--timeout", "5s", "--timeout", "6s", "x" },
			"--timeout is given twice", 2 },
		{ { "-C", "nosuch", "x", NULL }, "-C nosuch: No such file", 2 },
		/* as a pipeline file says them; 100: exec_load() */
		{ { "--retries", "many", "x", NULL },
			"exec: retries = many: ", 102 },
		{ { "--fail-if", "(", "x", NULL }, "exec: fail_if: ", 102 },
		{ { "--preset", "nosuch", "x", NULL },
			"there is no such preset", 102 },
		{ { "--max-age", "old", "x", NULL }, "max_age", 102 },
		{ { "--state-dir", "/dev/null", "x", NULL }, "/dev/null", 104 },
	};
	struct buf said = { 0 };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(c) / sizeof(c[0]); i++) {
		const char *words[7] = { NULL };
		int status;

		memcpy(words, c[i].words, sizeof(c[i].words));
		status = quietly(exits, words, &said);
		if (status != c[i].status || strstr(said.data, c[i].said) ==
		    NULL)
			fail_msg("%s: %d, %s", c[i].said, status, said.data);
		/* a refused one leaves nothing behind */
		assert_false(scratch_has(&dir, "state/x"));
	}
	buf_release(&said);
}

/* Where it stands may be called anything that can be written down. */
static void odd_directories(void **state)
{
	static const char *const good[] = { "a b", "${HOME}", "$${X}", "a;b",
		"#a", "a = b", "[a]", " a", "a'b\"", "\\", "caf\xc3\xa9",
		"\xff\x01", "$", "a$$${", "~", "%" };
	static const char *const bad[] = { "a ", "a\t", "a\nb", "\n" };
	struct buf said = { 0 };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		char *text = mem_printf("/%s", good[i]);

		assert_int_equal(mkdir(good[i], 0700), 0);
		assert_int_equal(chdir(good[i]), 0);
		assert_int_equal(load(L("--", "x")), 0);
		/* as written: what it refers to is looked up later */
		assert_int_equal(se.p->nsteps, 1);
		assert_int_equal(se.p->step[0].conf->retries, 0);
		if (strstr(good[i], "${") == NULL)
			assert_string_equal(se.p->workdir +
				strlen(se.p->workdir) - strlen(text), text);
		else
			assert_non_null(strstr(se.p->workdir, "$${"));
		free(text);
		assert_int_equal(chdir(".."), 0);
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(mkdir(bad[i], 0700), 0);
		assert_int_equal(chdir(bad[i]), 0);
		assert_int_equal(quietly(exits, L("--", "x"), &said), 2);
		assert_non_null(strstr(said.data, "cannot be written down"));
		assert_int_equal(chdir(".."), 0);
	}
	buf_release(&said);
}

static int finds(const char *const *words)
{
	char *path = exec_find(words[0], NULL);

	free(path);
	return path != NULL;
}

static void bases(void **state)
{
	char *base = NULL, expected[200];
	struct buf said = { 0 };
	char *path;

	(void)state;
	snprintf(expected, sizeof(expected), "%s/xdg", dir.path);
	setenv("XDG_STATE_HOME", expected, 1);
	unsetenv("DUREXEC_STATE_DIR");
	parse(L("--", "x"));
	o.state_dir = NULL;
	assert_int_equal(exec_load(&se, &o, &base), 0);
	strcat(expected, "/durexec");
	assert_string_equal(base, expected);
	assert_true(scratch_has(&dir, "xdg/durexec/x"));
	free(base);
	/* the directory is there, a run is not */
	assert_int_equal(quietly(finds, L("x"), &said), 0);
	assert_non_null(strstr(said.data, "no run called x"));
	assert_int_equal(exec_keep(&se), 0);
	assert_int_equal(quietly(finds, L("x"), &said), 1);
	assert_string_equal(said.data, "");
	path = exec_find("x", NULL);
	strcat(expected, "/x/exec.ini");
	assert_string_equal(path, expected);
	free(path);
	session_release(&se);
	snprintf(expected, sizeof(expected), "%s/env", dir.path);
	setenv("DUREXEC_STATE_DIR", expected, 1);
	assert_int_equal(quietly(finds, L("x"), &said), 0);
	assert_int_equal(exec_load(&se, &o, &base), 0);
	assert_string_equal(base, expected);
	free(base);
	session_release(&se);
	/* the option is stronger; and a relative one is absolute */
	o.state_dir = "rel";
	assert_int_equal(exec_load(&se, &o, &base), 0);
	snprintf(expected, sizeof(expected), "%s/place/rel", dir.path);
	assert_string_equal(base, expected);
	assert_string_equal(se.p->state_dir, expected);
	free(base);
	unsetenv("DUREXEC_STATE_DIR");
	unsetenv("XDG_STATE_HOME");
	buf_release(&said);
}

static int64_t inode_of(const char *name)
{
	struct stat st;

	assert_int_equal(fstatat(dir.fd, name, &st, AT_SYMLINK_NOFOLLOW), 0);
	return (int64_t)st.st_ino;
}

/* The file is what was loaded, and a verb finds the same in it. */
static void kept_file(void **state)
{
	static const char name[] = "state/x/exec.ini";
	struct complaints c = { 0 };
	struct buf file = { 0 };
	struct pipeline *p;
	struct stat st;
	int64_t inode;

	(void)state;
	assert_int_equal(load(L("--verify", "a\n  b", "--retries", "2", "--",
		"x", "it's", "\xff")), 0);
	assert_int_equal(exec_keep(&se), 0);
	scratch_get(&dir, name, &file);
	assert_int_equal(file.len, se.p->text_len);
	assert_memory_equal(file.data, se.p->text, file.len);
	assert_int_equal(fstatat(dir.fd, name, &st, 0), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0600);
	p = pipeline_load(se.ini, NULL, 0, &c);
	assert_non_null(p);
	assert_string_equal(p->step[0].run, se.p->step[0].run);
	assert_true(pipeline_command_hash(p, 0) ==
		pipeline_command_hash(se.p, 0));
	assert_true(pipeline_whole_hash(p, 0) == pipeline_whole_hash(se.p, 0));
	pipeline_free(p);
	/* the same is not written again */
	inode = inode_of(name);
	assert_int_equal(exec_keep(&se), 0);
	assert_int_equal(inode_of(name), inode);
	/* another one is; a link is not followed */
	assert_int_equal(load(L("--", "x")), 0);
	assert_int_equal(exec_keep(&se), 0);
	scratch_get(&dir, name, &file);
	assert_int_equal(file.len, se.p->text_len);
	scratch_put(&dir, "outside", se.p->text, se.p->text_len);
	assert_int_equal(unlinkat(dir.fd, name, 0), 0);
	assert_int_equal(symlinkat("../../outside", dir.fd, name), 0);
	assert_int_equal(load(L("--", "x", "y")), 0);
	assert_int_equal(exec_keep(&se), 0);
	assert_int_equal(fstatat(dir.fd, name, &st, AT_SYMLINK_NOFOLLOW), 0);
	assert_true(S_ISREG(st.st_mode));
	scratch_get(&dir, "outside", &file);
	assert_null(strstr(file.data, "x y"));
	buf_release(&file);
	complaints_release(&c);
}

/* A run of it begins. */
static void begins(const char *const *words)
{
	struct timespec nap = { 0, 2000000 };
	struct why why;
	pid_t holder;

	/* runs are ordered by their milliseconds */
	nanosleep(&nap, NULL);
	assert_int_equal(load(words), 0);
	assert_int_equal(home_lock(&se.h, &holder, &why), 0);
	if (session_create(&se, &why) == -1)
		fail_msg("%s", why.text);
	session_release(&se);
}

/* The same is typed again, or something else: is it the same? */
static int goes_on(const char *const *words)
{
	struct why why;

	assert_int_equal(load(words), 0);
	assert_int_equal(session_open_run(&se, NULL, &why), 0);
	assert_true(session_has_run(&se));
	return exec_is_same(&se, &o, true);
}

static void same_command(void **state)
{
	static const struct {
		const char *was[8], *is[8];
		bool moved;	/* typed elsewhere */
		int same;
	} c[] = {
		{ { "x", "a", "b" }, { "x", "a", "b" }, false, 1 },
		{ { "x", "a", "b" }, { "--", "x", "a", "b" }, false, 1 },
		{ { "x", "a", "b" }, { "x", "a", "c" }, false, 0 },
		{ { "x", "a", "b" }, { "x", "a b" }, false, 0 },
		{ { "x" }, { "./x" }, false, 0 },
		{ { "x" }, { "x", "" }, false, 0 },
		{ { "x" }, { "x" }, true, 0 },
		{ { "--workdir", "/tmp", "x" }, { "--workdir", "/tmp", "x" },
			true, 1 },
		{ { "--workdir", "/tmp", "x" }, { "--workdir", "/", "x" },
			false, 0 },
		{ { "x" }, { "--workdir", "/tmp", "x" }, false, 0 },
		{ { "--stdin", "1.csv", "x" }, { "--stdin", "1.csv", "x" },
			false, 1 },
		{ { "--stdin", "1.csv", "x" }, { "--stdin", "2.csv", "x" },
			false, 0 },
		{ { "--stdin", "1.csv", "x" }, { "x" }, false, 0 },
		{ { "x" }, { "--stdout", "o", "x" }, false, 0 },
		{ { "--env-file", "e", "x" }, { "--env-file", "f", "x" },
			false, 0 },
		{ { "--env-file", "e", "x" }, { "--env-file", "e", "x" },
			false, 1 },
		{ { "--env", "EXEC_A=1", "x" }, { "--env", "EXEC_A=1", "x" },
			false, 1 },
		{ { "--env", "EXEC_A=1", "x" }, { "--env", "EXEC_A=2", "x" },
			false, 0 },
		{ { "--env", "EXEC_A=1", "x" }, { "x" }, false, 0 },
		{ { "x" }, { "--env", "EXEC_A=1", "x" }, false, 0 },
		{ { "--env", "EXEC_A=1", "--env", "EXEC_B=2", "x" },
			{ "--env", "EXEC_A=1", "x" }, false, 0 },
		/* how often, and for how long, is no other work */
		{ { "x" }, { "--retries", "5", "--timeout", "5s", "x" }, false,
			1 },
		{ { "--verify", "true", "x" }, { "x" }, false, 1 },
		{ { "--max-age", "1h", "x" }, { "--max-age", "2h", "x" },
			false, 1 },
		/* asked for */
		{ { "x" }, { "--fresh", "x", "y" }, false, 1 },
	};
	struct buf said = { 0 };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(c) / sizeof(c[0]); i++) {
		int same;

		begins(c[i].was);
		assert_int_equal(chdir(c[i].moved ? "../other" : "."), 0);
		same = quietly(goes_on, c[i].is, &said);
		if (same != c[i].same)
			fail_msg("%zu: %d, %s", i, same, said.data);
		if (same) {
			assert_string_equal(said.data, "");
		} else {
			assert_non_null(strstr(said.data, "--fresh"));
			assert_non_null(strstr(said.data, "--name"));
		}
		assert_int_equal(chdir("../place"), 0);
		unsetenv("EXEC_A");
		unsetenv("EXEC_B");
	}
	buf_release(&said);
}

/* Which it was cannot be told: it is not taken for the same. */
static void former_is_lost(void **state)
{
	struct buf said = { 0 };
	struct why why;
	char *path;

	(void)state;
	begins(L("x"));
	assert_int_equal(load(L("x")), 0);
	assert_int_equal(session_open_run(&se, NULL, &why), 0);
	path = mem_printf("%s/pipeline.ini", se.d.path);
	assert_int_equal(quietly(goes_on, L("x"), &said), 1);
	assert_int_equal(truncate(path, 20), 0);
	assert_int_equal(quietly(goes_on, L("x"), &said), 0);
	assert_non_null(strstr(said.data, "--fresh"));
	assert_int_equal(unlink(path), 0);
	assert_int_equal(quietly(goes_on, L("x"), &said), 0);
	assert_non_null(strstr(said.data, "cannot be told"));
	free(path);
	buf_release(&said);
}

static void statuses(void **state)
{
	enum { OTHERWISE = 77 };
	static const struct {
		enum task_state state;
		enum outcome_kind kind;
		int exit, signo, status;
	} c[] = {
		{ TASK_DONE, OUTCOME_EXIT, 0, 0, 0 },
		{ TASK_DONE, OUTCOME_EXIT, 24, 0, 24 },
		{ TASK_NEEDS_REVIEW, OUTCOME_EXIT, 1, 0, 1 },
		{ TASK_NEEDS_REVIEW, OUTCOME_EXIT, 75, 0, 75 },
		{ TASK_NEEDS_REVIEW, OUTCOME_EXIT, 130, 0, 130 },
		{ TASK_NEEDS_REVIEW, OUTCOME_EXIT, 255, 0, 255 },
		/* its exit 0 was not believed */
		{ TASK_NEEDS_REVIEW, OUTCOME_EXIT, 0, 0, 1 },
		{ TASK_NEEDS_REVIEW, OUTCOME_SIGNAL, -1, SIGKILL, 137 },
		{ TASK_NEEDS_REVIEW, OUTCOME_SIGNAL, -1, SIGSEGV, 139 },
		{ TASK_NEEDS_REVIEW, OUTCOME_INTERRUPTED, -1, SIGTERM, 143 },
		{ TASK_NEEDS_REVIEW, OUTCOME_INTERRUPTED, 3, 0, 1 },
		{ TASK_NEEDS_REVIEW, OUTCOME_TIMEOUT, -1, SIGTERM, 124 },
		{ TASK_NEEDS_REVIEW, OUTCOME_TIMEOUT, 0, 0, 124 },
		{ TASK_NEEDS_REVIEW, OUTCOME_IDLE, -1, SIGKILL, 124 },
		{ TASK_NEEDS_REVIEW, OUTCOME_FLOOD, -1, SIGTERM, 1 },
		{ TASK_NEEDS_REVIEW, OUTCOME_LOST, -1, 0, 1 },
		{ TASK_NEEDS_REVIEW, OUTCOME_NONE, -1, 0, 1 },
		/* it is not over */
		{ TASK_PENDING, OUTCOME_NONE, -1, 0, OTHERWISE },
		{ TASK_RUNNING, OUTCOME_EXIT, 0, 0, OTHERWISE },
		{ TASK_WAITING, OUTCOME_EXIT, 1, 0, OTHERWISE },
		{ TASK_SKIPPED, OUTCOME_EXIT, 0, 0, OTHERWISE },
	};
	struct buf said = { 0 };
	struct why why;
	size_t i;

	(void)state;
	begins(L("x"));
	assert_int_equal(load(L("x")), 0);
	assert_int_equal(session_open_run(&se, NULL, &why), 0);
	session_plan(&se);
	for (i = 0; i < sizeof(c) / sizeof(c[0]); i++) {
		struct run_result r = { 0 };
		struct task *t = plan_task(&se.plan, 0);
		int status;

		t->state = c[i].state;
		t->outcome = outcome_of(c[i].kind);
		t->outcome.exit = (int16_t)c[i].exit;
		t->outcome.signo = (int16_t)c[i].signo;
		status = exec_status(&se, &r, OTHERWISE);
		if (c[i].status == OTHERWISE)
			assert_int_equal(status, OTHERWISE);
		else
			/* its own: 130 is not to die by signal 2 */
			assert_int_equal(status, STATUS_OWN | c[i].status);
		/* what durexec itself has to say is stronger */
		r.state_lost = true;
		assert_int_equal(exec_status(&se, &r, 4), 4);
		r.state_lost = false;
		r.signo = SIGTERM;
		assert_int_equal(exec_status(&se, &r, 143), 143);
	}
	buf_release(&said);
}

/* A success whose output did not arrive is none. */
static int unpassed(const char *const *words)
{
	struct run_result r = { .unpassed = ENOSPC };

	(void)words;
	return exec_status(&se, &r, 77);
}

static void output_not_passed(void **state)
{
	struct buf said = { 0 };
	struct task *t;
	struct why why;

	(void)state;
	begins(L("x"));
	assert_int_equal(load(L("x")), 0);
	assert_int_equal(session_open_run(&se, NULL, &why), 0);
	session_plan(&se);
	t = plan_task(&se.plan, 0);
	t->state = TASK_DONE;
	t->outcome = outcome_of(OUTCOME_EXIT);
	t->outcome.exit = 0;
	assert_int_equal(quietly(unpassed, NULL, &said), STATUS_OWN | 1);
	assert_non_null(strstr(said.data, strerror(ENOSPC)));
	assert_non_null(strstr(said.data, se.d.path));
	t->state = TASK_NEEDS_REVIEW;
	t->outcome.exit = 9;
	assert_int_equal(quietly(unpassed, NULL, &said), STATUS_OWN | 9);
	buf_release(&said);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(written), T(options), T(command_kept), T(not_the_shells),
		T(secrets_are_run), T(mistakes), T(odd_directories), T(bases),
		T(kept_file), T(same_command), T(former_is_lost), T(statuses),
		T(output_not_passed),
	};

	unsetenv("DUREXEC_STATE_DIR");
	unsetenv("BASH_ENV");
	setenv("XDG_CONFIG_HOME", "/nonexistent", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
