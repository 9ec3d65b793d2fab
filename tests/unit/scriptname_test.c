/* SPDX-License-Identifier: ISC */
#include "scriptname.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "inifile.h"

enum { WORDS = 12 };

/* The name of a command line whose words have no blanks. */
static char *name_of(const char *line)
{
	char *copy = strdup(line), *argv[WORDS + 1], *at = copy, *name;
	int n = 0;

	while (n < WORDS && (argv[n] = strtok_r(at, " ", &at)) != NULL)
		n++;
	argv[n] = NULL;
	name = scriptname(argv);
	free(copy);
	return name;
}

static void named(void **state)
{
	static const struct { const char *line, *name; } c[] = {
		{ "a.sh", "a.sh" }, { "./a.sh x", "a.sh" },
		{ "/usr/local/bin/nightly.sh --all", "nightly.sh" },
		{ "make release", "make" }, { "ffmpeg -i a.mp4", "ffmpeg" },
		/* interpreters */
		{ "bash a.sh", "a.sh" }, { "bash -x a.sh", "a.sh" },
		{ "/bin/bash -x ./dir/a.sh -c", "a.sh" },
		{ "sh -eu a.sh", "a.sh" }, { "bash +x a.sh", "a.sh" },
		{ "bash -o pipefail a.sh", "a.sh" },
		{ "bash -eo pipefail a.sh b.sh", "a.sh" },
		{ "bash -O extglob -x a.sh", "a.sh" },
		{ "bash +o posix a.sh", "a.sh" },
		{ "bash --norc a.sh", "a.sh" }, { "bash -- a.sh", "a.sh" },
		{ "bash -x -- -a.sh", "_a.sh" }, { "dash a.sh", "a.sh" },
		{ "zsh -o extendedglob a.zsh", "a.zsh" },
		{ "python a.py", "a.py" }, { "python3 -u a.py", "a.py" },
		{ "python3 -W ignore -u a.py", "a.py" },
		{ "python3 -X dev a.py -m b", "a.py" },
		{ "perl -w a.pl", "a.pl" }, { "perl -I lib a.pl", "a.pl" },
		{ "ruby -w a.rb", "a.rb" }, { "node a.js", "a.js" },
		{ "node -r dotenv/config a.js", "a.js" },
		{ "node --max-old-space-size=99 a.js", "a.js" },
		{ "php -d memory_limit=1G a.php", "a.php" },
		{ "Rscript a.R", "a.R" },
		/* what they run has no name of its own */
		{ "bash", "bash" }, { "bash -x", "bash" },
		{ "bash -c ls", "bash" }, { "bash -ec ls x", "bash" },
		{ "/bin/sh -c ls", "sh" }, { "bash -xc ls", "bash" },
		{ "python3 -c pass a.py", "python3" },
		{ "perl -e 1 a.pl", "perl" }, { "perl -ne 1 a", "perl" },
		{ "perl -E 1", "perl" }, { "ruby -e 1 a.rb", "ruby" },
		{ "node -e 1 a.js", "node" }, { "node -p 1", "node" },
		{ "bash --", "bash" },
		/* modules */
		{ "python3 -m http.server 80", "http.server" },
		{ "python3 -um http.server", "http.server" },
		{ "python -u -m pip install x", "pip" },
		/* what runs another program */
		{ "env a", "a" }, { "env A=b python3 -u x.py", "x.py" },
		{ "env -i A=b C=d ./x", "x" }, { "env -u A ./x", "x" },
		{ "env -C dir ./x", "x" }, { "/usr/bin/env bash a.sh", "a.sh" },
		{ "env", "env" }, { "env A=b", "env" }, { "env -i", "env" },
		{ "nice ./b", "b" }, { "nice -n 5 ./b", "b" },
		{ "nice -n5 ./b", "b" }, { "nice -5 ./b", "b" },
		{ "nice --adjustment=5 ./b", "b" }, { "nice", "nice" },
		{ "ionice -c 2 -n 7 ./b", "b" }, { "ionice -c2 ./b", "b" },
		{ "ionice -p 1", "ionice" },
		{ "nohup ./b", "b" }, { "time -f %e ./b", "b" },
		{ "timeout 5 c", "c" }, { "timeout -k 5 10 c", "c" },
		{ "timeout -s KILL 5 c", "c" },
		{ "timeout --signal=KILL 5 c", "c" },
		{ "timeout 5 bash -x a.sh", "a.sh" },
		{ "timeout 5 bash -c ls", "bash" },
		{ "timeout 5", "timeout" }, { "timeout", "timeout" },
		{ "setsid -w ./b", "b" }, { "stdbuf -oL ./b", "b" },
		{ "stdbuf -o L -e 0 ./b", "b" },
		{ "sudo ./b", "b" }, { "sudo -u bob A=b ./b", "b" },
		{ "sudo -n env A=b nice -n 5 bash -e a.sh", "a.sh" },
		{ "flock /tmp/lock ./b", "b" },
		{ "flock -n -w 5 /tmp/lock ./b", "b" },
		{ "flock /tmp/lock -c ls", "flock" },
		{ "chronic ./b", "b" },
		/* a program that is only called so */
		{ "./bash2 -x a.sh", "bash2" }, { "mybash a.sh", "mybash" },
		{ "a.sh bash b.sh", "a.sh" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(c) / sizeof(c[0]); i++) {
		char *name = name_of(c[i].line);

		if (strcmp(name, c[i].name) != 0)
			fail_msg("%s: %s, not %s", c[i].line, name, c[i].name);
		assert_true(scriptname_is_good(name));
		free(name);
	}
}

/* Bytes that no name has; and what is told apart stays so. */
static void odd_words(void **state)
{
	static const struct { const char *word, *name; } c[] = {
		{ "a b.sh", "a_b.sh" }, { "x;y", "x_y" }, { "a\nb", "a_b" },
		{ "[x]", "_x_" }, { "a@b", "a_b" }, { "a\x7f\x01", "a__" },
		{ ".hidden", "_hidden" }, { "-x", "_x" }, { "..", "_." },
		{ ".", "_" }, { "/", "_" }, { "dir/.x", "_x" },
		{ "A-z_0.9", "A-z_0.9" }, { "a.", "a." }, { "_", "_" },
	};
	static const char *const foreign[] = { "\xd1\x84.sh", "\xd1\x85.sh",
		"\xff.sh", "\xfe.sh", "caf\xc3\xa9", "cafe\xcc\x81", "\xc3",
		"\xc3\xa4", "\xc3\xb6", "x\x80", "x\x81" };
	enum { N = sizeof(foreign) / sizeof(foreign[0]) };
	char *name[N], *argv[] = { NULL, NULL };
	size_t i, k;

	(void)state;
	for (i = 0; i < sizeof(c) / sizeof(c[0]); i++) {
		argv[0] = (char *)c[i].word;
		name[0] = scriptname(argv);
		assert_string_equal(name[0], c[i].name);
		assert_true(scriptname_is_good(name[0]));
		free(name[0]);
	}
	for (i = 0; i < N; i++) {
		argv[0] = (char *)foreign[i];
		name[i] = scriptname(argv);
		assert_true(scriptname_is_good(name[i]));
		/* always the same one */
		argv[0] = scriptname(argv);
		assert_string_equal(name[i], argv[0]);
		free(argv[0]);
		for (k = 0; k < i; k++)
			assert_string_not_equal(name[i], name[k]);
	}
	for (i = 0; i < N; i++)
		free(name[i]);
}

static void long_words(void **state)
{
	char word[300], other[300], *argv[] = { word, NULL };
	char *name, *second;
	size_t n;

	(void)state;
	for (n = 1; n < sizeof(word) - 1; n++) {
		memset(word, 'x', n);
		word[n] = '\0';
		name = scriptname(argv);
		assert_true(strlen(name) <= INIFILE_NAME);
		assert_true(scriptname_is_good(name));
		if (n <= INIFILE_NAME)
			assert_string_equal(name, word);
		else
			assert_int_equal(strlen(name), INIFILE_NAME);
		/* what differs at its end only is another one */
		memcpy(other, word, n + 1);
		word[n - 1] = 'y';
		second = scriptname(argv);
		assert_string_not_equal(name, second);
		assert_int_equal(scriptname_is_good(other),
			n <= INIFILE_NAME);
		free(name);
		free(second);
	}
}

static void good(void **state)
{
	static const char *const yes[] = { "a", "A1", "nightly.sh", "a-b_c.d",
		"_x", "0", "a..b", "x-" };
	static const char *const no[] = { "", ".", "..", ".a", "-a", "a/b",
		"a b", "a\n", "a@b", "\xc3\xa4", "a%b", "/", "a:b", "~", "*" };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(yes) / sizeof(yes[0]); i++)
		if (!scriptname_is_good(yes[i]))
			fail_msg("not good: %s", yes[i]);
	for (i = 0; i < sizeof(no) / sizeof(no[0]); i++)
		if (scriptname_is_good(no[i]))
			fail_msg("good: %s", no[i]);
}

/* Whatever is typed, the name is good for a directory. */
static void anything(void **state)
{
	static const char *const word[] = { "bash", "env", "nice", "timeout",
		"sudo", "flock", "python3", "-c", "-m", "-o", "-x", "-", "--",
		"+", "A=b", "5", "", "a.sh", "/", "./", "\xff", "-\xff", ".",
		"node", "-e", "--x", "php", "-d", "perl", "stdbuf" };
	enum { N = sizeof(word) / sizeof(word[0]) };
	unsigned seed = 3;
	char *argv[7];
	int round, n, i;

	(void)state;
	for (round = 0; round < 20000; round++) {
		char *name;

		n = 1 + round % 6;
		for (i = 0; i < n; i++) {
			seed = seed * 1103515245 + 12345;
			argv[i] = (char *)word[(seed >> 16) % N];
		}
		argv[n] = NULL;
		/* exec_parse() lets none through */
		if (*argv[0] == '\0')
			continue;
		name = scriptname(argv);
		if (*name != '\0' && !scriptname_is_good(name))
			fail_msg("not good: %s", name);
		free(name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(named), cmocka_unit_test(odd_words),
		cmocka_unit_test(long_words), cmocka_unit_test(good),
		cmocka_unit_test(anything),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
