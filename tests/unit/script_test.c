/* SPDX-License-Identifier: ISC */
#include "script.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "scratch.h"

static const struct pipeline plain;

/* The words of argv, "|" between them. */
static void words(char *const *argv, struct buf *out)
{
	buf_reset(out);
	buf_str(out, "");
	for (; *argv != NULL; argv++)
		buf_printf(out, "%s%s", out->len > 0 ? "|" : "", *argv);
}

static bool direct(const char *text)
{
	struct script s;
	bool yes;

	script_init(&s, &plain, text, false);
	yes = s.direct;
	script_release(&s);
	return yes;
}

static void executed_directly(void **state)
{
	static const struct { const char *text, *words; } c[] = {
		{ "ls", "ls" }, { " ls  -l\ta ", "ls|-l|a" },
		{ "/bin/true", "/bin/true" }, { "./run.sh", "./run.sh" },
		{ "ffmpeg -i in.mp4 -vf scale=1280:720 out.mp4",
			"ffmpeg|-i|in.mp4|-vf|scale=1280:720|out.mp4" },
		{ "a b", "a|b" }, { "x", "x" }, { "a b c d", "a|b|c|d" },
		{ "date +%Y-%m-%d", "date|+%Y-%m-%d" },
		{ "g++ -c a.cc", "g++|-c|a.cc" },
		{ "user@host", "user@host" }, { "cp a,b c", "cp|a,b|c" },
		{ "echoes", "echoes" }, { "cdx", "cdx" }, { "if-up", "if-up" },
	};
	struct buf out = { 0 };
	struct script s;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(c) / sizeof(c[0]); i++) {
		script_init(&s, &plain, c[i].text, false);
		if (!s.direct)
			fail_msg("not directly: %s", c[i].text);
		words(s.argv, &out);
		assert_string_equal(out.data, c[i].words);
		script_release(&s);
	}
	buf_release(&out);
}

static void given_to_a_shell(void **state)
{
	static const char *const text[] = {
		"", " ", "\n", "ls\nls", "ls\n", "ls; ls", "ls & ls", "a|b",
		"a > b", "a < b", "echo 'a'", "ls \"a\"", "ls a\\ b",
		"ls *.c", "ls a?", "ls [ab]", "ls {a,b}", "ls ~", "ls ~/a",
		"ls $HOME", "ls ${HOME}", "ls `pwd`", "ls $(pwd)", "! true",
		"(ls)", "# nothing", "ls # a", "A=b ls", "A=b", "a=b=c d",
		"ls !$", "ls a^b", "ls \xc3\xa4", "ls a\rb", "ls\vb",
		"%1", "[ -f a ]", "[[ a ]]", ": > a",
	};
	struct script s;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(text) / sizeof(text[0]); i++) {
		script_init(&s, &plain, text[i], false);
		if (s.direct)
			fail_msg("directly: %s", text[i]);
		assert_string_equal(s.argv[0], script_have_bash() ? "bash" :
			"/bin/sh");
		/* the text as it is, as one word, the last */
		for (int k = 1; ; k++)
			if (s.argv[k + 1] == NULL) {
				assert_string_equal(s.argv[k], text[i]);
				assert_string_equal(s.argv[k - 1],
					script_have_bash() ? "-c" : "-ec");
				break;
			}
		script_release(&s);
	}
}

/* What the shells of this machine do themselves, by their own word. */
static void no_builtin_directly(void **state)
{
	static const char *const always[] = {
		"cd", "exit", "echo", "test", "true", "false", "printf",
		"export", "set", "unset", "read", "wait", "exec", "eval",
		"source", ".", ":", "if", "for", "while", "case", "time",
		"function", "select", "until", "trap", "umask", "ulimit",
		"kill", "type", "command", "shopt", "declare", "local", "let",
	};
	char line[128], command[160];
	FILE *said;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(always) / sizeof(always[0]); i++) {
		if (direct(always[i]))
			fail_msg("directly: %s", always[i]);
		snprintf(command, sizeof(command), " %s a", always[i]);
		assert_false(direct(command));
	}
	said = popen("bash -c 'compgen -b; compgen -k' 2>/dev/null", "r");
	assert_non_null(said);
	while (fgets(line, sizeof(line), said) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		if (direct(line))
			fail_msg("a builtin of bash, directly: %s", line);
	}
	pclose(said);
}

static void shell_of_the_file(void **state)
{
	struct pipeline p = plain;
	struct buf out = { 0 };
	struct script s;

	(void)state;
	p.shell = "python3  -u\t-c";
	script_init(&s, &p, "ls", false);
	assert_false(s.direct);
	words(s.argv, &out);
	assert_string_equal(out.data, "python3|-u|-c|ls");
	script_release(&s);
	script_init(&s, &p, "import os\n\tx  y\n", false);
	words(s.argv, &out);
	assert_string_equal(out.data, "python3|-u|-c|import os\n\tx  y\n");
	script_release(&s);
	p.shell = "x";
	script_init(&s, &p, "a", false);
	words(s.argv, &out);
	assert_string_equal(out.data, "x|a");
	script_release(&s);
	buf_release(&out);
}

static void bash_env(void **state)
{
	(void)state;
	setenv("BASH_FUNC_which%%", "() { echo here\n}", 1);
	assert_false(direct("which ls"));
	assert_true(direct("whic ls"));
	unsetenv("BASH_FUNC_which%%");
	assert_true(direct("which ls"));
	assert_true(direct("ls -l"));
	setenv("BASH_ENV", "/dev/null", 1);
	assert_false(direct("ls -l"));
	unsetenv("BASH_ENV");
	assert_true(direct("ls -l"));
}

/* One-letter words: the most words that a text of its length can have. */
static void many_words(void **state)
{
	char text[2001];
	struct script s;
	size_t n, i, count;

	(void)state;
	for (n = 1; n < sizeof(text); n = n < 20 ? n + 1 : n * 3) {
		for (i = 0; i < n; i++)
			text[i] = i % 2 == 0 ? 'x' : ' ';
		text[n] = '\0';
		script_init(&s, &plain, text, false);
		assert_true(s.direct);
		for (count = 0; s.argv[count] != NULL; count++)
			assert_string_equal(s.argv[count], "x");
		assert_int_equal(count, (n + 1) / 2);
		script_release(&s);
	}
}

static void finding(void **state)
{
	struct scratch d;
	char path[200], program[100];

	(void)state;
	scratch_init(&d);
	scratch_put(&d, "tool", "#!/bin/sh\n", 10);
	assert_int_equal(mkdirat(d.fd, "dir", 0700), 0);
	snprintf(path, sizeof(path), "/nonexistent:%s", d.path);
	assert_false(script_find("tool", path));
	assert_int_equal(fchmodat(d.fd, "tool", 0700, 0), 0);
	assert_true(script_find("tool", path));
	assert_false(script_find("tool", "/nonexistent"));
	assert_false(script_find("tool", ""));
	assert_false(script_find("dir", path));
	assert_false(script_find("", path));
	snprintf(path, sizeof(path), "%s:/nonexistent", d.path);
	assert_true(script_find("tool", path));
	snprintf(program, sizeof(program), "%s/tool", d.path);
	assert_true(script_find(program, ""));
	snprintf(program, sizeof(program), "%s/none", d.path);
	assert_false(script_find(program, path));
	assert_true(script_find("sh", NULL));
	scratch_release(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(executed_directly),
		cmocka_unit_test(given_to_a_shell),
		cmocka_unit_test(no_builtin_directly),
		cmocka_unit_test(shell_of_the_file),
		cmocka_unit_test(bash_env),
		cmocka_unit_test(many_words),
		cmocka_unit_test(finding),
	};

	unsetenv("BASH_ENV");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
