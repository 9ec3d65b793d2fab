/* SPDX-License-Identifier: ISC */
/* What is accepted is what the shells make of it: they are asked. */
#include "words.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "quote.h"
#include "scratch.h"
#include "script.h"

static unsigned seed;

static unsigned below(unsigned n)
{
	seed = seed * 1103515245 + 12345;
	return (seed >> 16) % n;
}

static void joined(char *const *argv, struct buf *out)
{
	buf_reset(out);
	buf_str(out, "");
	for (; *argv != NULL; argv++)
		buf_printf(out, "%s%s", out->len > 0 ? "|" : "", *argv);
}

static void accepted(void **state)
{
	static const struct {
		const char *text, *words;
		size_t longest;
	} c[] = {
		{ "x", "x", 1 }, { "ls -l\ta ", "ls|-l|a", 2 },
		{ " \t ls", "ls", 2 },
		{ "'ls'", "ls", 2 }, { "l's'", "ls", 2 }, { "''ls''", "ls", 2 },
		{ "ls ''", "ls|", 2 }, { "ls '' a ''", "ls||a|", 2 },
		{ "ls 'a b'c'd'", "ls|a bcd", 5 },
		{ "ls 'a\nb'", "ls|a\nb", 3 },
		{ "ls 'it'\\''s'", "ls|it's", 4 },
		{ "ls \\'", "ls|'", 2 }, { "ls a\\'b", "ls|a'b", 3 },
		{ "ls '$HOME`id`\"*?[a]~#&|;<>(){}!\\'",
			"ls|$HOME`id`\"*?[a]~#&|;<>(){}!\\", 28 },
		{ "ls $''", "ls|", 2 }, { "ls $'a'", "ls|a", 2 },
		{ "ls a$'b'c'd'", "ls|abcd", 4 },
		{ "ls $'\\'\\\\'", "ls|'\\", 2 },
		{ "ls $'\\101\\012\\377'", "ls|A\n\xff", 3 },
		{ "ls $'\\1012'", "ls|A2", 2 },
		{ "ls $'a\nb \"$c'", "ls|a\nb \"$c", 7 },
		{ "ls '\xc3\xa4' $'\xc3\xa4'", "ls|\xc3\xa4|\xc3\xa4", 2 },
		/* only as they stand are they the shell's */
		{ "ls cd if A=b %1", "ls|cd|if|A=b|%1", 3 },
		{ "./cd", "./cd", 4 }, { "/bin/echo a", "/bin/echo|a", 9 },
		{ "'a b'", "a b", 3 }, { "'!'", "!", 1 }, { "'#'", "#", 1 },
		{ "'{' a", "{|a", 1 }, { "$'\\041'", "!", 1 },
		{ "-- a", "--|a", 2 },
	};
	struct buf out = { 0 };
	size_t i, longest;
	char **argv;

	(void)state;
	for (i = 0; i < sizeof(c) / sizeof(c[0]); i++) {
		longest = 99;
		argv = words_split(c[i].text, &longest);
		if (argv == NULL)
			fail_msg("refused: %s", c[i].text);
		joined(argv, &out);
		assert_string_equal(out.data, c[i].words);
		assert_int_equal(longest, c[i].longest);
		free(argv);
		argv = words_split(c[i].text, NULL);
		assert_non_null(argv);
		free(argv);
	}
	buf_release(&out);
}

static void refused(void **state)
{
	static const char *const text[] = {
		"", " ", "\t", "\n", "ls\n", "\nls", "ls\nls", "ls\r",
		"''", "$''", "'' a", "''''",
		"ls $HOME", "ls ${HOME}", "ls $(id)", "ls `id`", "ls $", "$a",
		"ls \"a\"", "ls $\"a\"", "ls a\\ b", "ls \\a", "ls \\", "\\ls",
		"ls \\\\", "ls \\\n", "ls 'a", "ls a'", "ls 'a'\\", "ls $'a",
		"ls $'a\\'", "ls $'", "ls '",
		"ls $'\\n'", "ls $'\\x41'", "ls $'\\u00e4'", "ls $'\\cA'",
		"ls $'\\0'", "ls $'\\1'", "ls $'\\12'", "ls $'\\128'",
		"ls $'\\400'", "ls $'\\777'", "ls $'\\000'", "ls $'\\\"'",
		"ls $'a\\\nb'", "ls $'\\01'", "ls $'\\18'",
		"ls *", "ls a?", "ls [a]", "ls {a,b}", "ls ~", "ls ~/a",
		"ls a=~", "ls a:~/b",
		"ls ^a", "ls !a", "! ls", "ls #", "# ls", "ls a#b",
		"ls;", "ls ; ls", "ls & ls", "ls &", "ls|ls", "ls && ls",
		"ls >a", "ls 2>a", "ls <a", "ls <<a", "ls <<<a", "(ls)",
		"{ ls", "ls }", "ls()", "ls ( )", "ls ]",
		"A=b", "A=b ls", "A= ls", "A+=b ls", "'A'=b ls", "a'='b ls",
		"=ls", "=", "%1", "%", "'%'1", "$'\\0451'",
		"ls\v", "ls\f", "ls a\x01", "ls a\x7f", "ls \xc3\xa4",
		"\xc3\xa4", "ls\xc2\xa0-l", "ls\xe2\x80\xa8ls",
	};
	size_t i, longest;
	char **argv;

	(void)state;
	for (i = 0; i < sizeof(text) / sizeof(text[0]); i++) {
		argv = words_split(text[i], &longest);
		if (argv != NULL)
			fail_msg("accepted: %s", text[i]);
	}
}

/* Builtins and reserved words, by the shells' own word, in any dress. */
static void no_word_of_the_shell(void **state)
{
	static const char *const ask[] = {
		"bash -c 'compgen -b; compgen -k' 2>/dev/null",
		/* XCU 2.4 and 2.14, and what dash has besides */
		"printf '%s\\n' '!' '{' '}' case do done elif else esac fi for "
		"if in then until while break : continue . eval exec exit "
		"export readonly return set shift times trap unset alias bg "
		"cd command echo false fc fg getopts hash jobs kill local "
		"printf pwd read test '[' true type ulimit umask unalias wait",
	};
	char line[128], text[200];
	int asked = 0;
	FILE *said;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(ask) / sizeof(ask[0]); i++) {
		said = popen(ask[i], "r");
		assert_non_null(said);
		while (fgets(line, sizeof(line), said) != NULL) {
			line[strcspn(line, "\n")] = '\0';
			asked++;
			if (words_split(line, NULL) != NULL)
				fail_msg("accepted: %s", line);
			/* they mean nothing when quoted */
			if (strchr("!{}]", *line) != NULL)
				continue;
			snprintf(text, sizeof(text), "\t'%s' a", line);
			assert_null(words_split(text, NULL));
			snprintf(text, sizeof(text), "''$'\\%03o'%s%s",
				(unsigned char)*line, line[1] == '[' ? "\\'" :
				"", line[1] == '[' ? "" : line + 1);
			if (line[1] != '[' && words_split(text, NULL) != NULL)
				fail_msg("accepted: %s", text);
		}
		assert_int_equal(pclose(said), 0);
	}
	assert_true(asked > 60);
}

/* A text that may be good, out of pieces; dollars: with $'…' as well. */
static void make(struct buf *text, bool dollars)
{
	static const char *const piece[] = {
		"a", "ls", "b-c", "_.x", "0", "/", "x=y", "%", "@,+:", "--",
		" ", "  ", "\t", " ", "'", "'", "''", "\\'", "' '", "'\"'",
		"'$HOME'", "'a\nb'", "'*'", "'\\'", "'#'", "';'", "'`'",
		"$'", "\\101", "\\'", "\\\\", "\\377", "\\033", "'", "$''",
		"$'\\''", "$'\\\\n'", "$'\\0101'", "$'\\1777'", "$'\"'",
		/* not good, mostly */
		"$", "\"", "\\", "*", "?", "~", "#", ";", "&", "|", "<", ">",
		"(", ")", "{", "}", "[", "]", "!", "^", "`", "\n", "\r",
		"\x01", "\x7f", "\x81", "\xc3\xa4", "\xff", "if", "A=", "\\x41",
		"\\000", "\\08",
	};
	enum { ALL = sizeof(piece) / sizeof(piece[0]), GOOD = 40 };
	unsigned n = 1 + below(8), i;

	buf_reset(text);
	buf_str(text, "");
	for (i = 0; i < n; i++) {
		const char *p = piece[below(below(25) == 0 ? ALL : GOOD)];

		if (!dollars && strchr(p, '$') != NULL && *p != '\'')
			continue;
		buf_str(text, p);
	}
}

struct asking {
	struct scratch dir;
	struct buf script, words, texts;
	int n;
};

/* text is a text that was accepted as argv. */
static void add(struct asking *a, const char *text, char *const *argv)
{
	a->n++;
	buf_printf(&a->texts, "%d:%s", a->n, text);
	buf_char(&a->texts, '\0');
	for (; *argv != NULL; argv++)
		buf_add(&a->words, *argv, strlen(*argv) + 1);
	buf_printf(&a->words, "END %d", a->n);
	buf_char(&a->words, '\0');
}

/* Run the script; what it says must be the words that were expected. */
static void ask(struct asking *a, const char *shell)
{
	struct buf back = { 0 };
	char *run = NULL;
	size_t i, end = 0;
	int n = 0;

	scratch_put(&a->dir, "script", a->script.data, a->script.len);
	buf_printf(&back, "cd %s && LC_ALL=C %s ./script >back 2>err "
		"</dev/null", a->dir.path, shell);
	run = buf_steal(&back);
	assert_int_equal(system(run), 0);
	free(run);
	scratch_get(&a->dir, "back", &back);
	for (i = 0; i < back.len && i < a->words.len &&
	     back.data[i] == a->words.data[i]; i++)
		if (back.data[i] == '\0') {
			n += strncmp(back.data + end, "END ", 4) == 0;
			end = i + 1;
		}
	if (i < back.len || i < a->words.len) {
		const char *text = a->texts.data;

		while (n-- > 0)
			text += strlen(text) + 1;
		fail_msg("%s takes it otherwise: <%s>", shell, text);
	}
	scratch_get(&a->dir, "err", &back);
	assert_string_equal(back.data, "");
	buf_release(&back);
}

static void asking_release(struct asking *a)
{
	buf_release(&a->script);
	buf_release(&a->words);
	buf_release(&a->texts);
	scratch_release(&a->dir);
}

/* As words behind a command. */
static void as_arguments(const char *shell, bool dollars)
{
	struct asking a = { 0 };
	struct buf text = { 0 };
	unsigned i, refusals = 0;
	char **argv;

	seed = dollars ? 1 : 2;
	scratch_init(&a.dir);
	for (i = 0; i < 6000; i++) {
		make(&text, dollars);
		argv = words_split(text.data, NULL);
		if (argv == NULL) {
			refusals++;
			continue;
		}
		add(&a, text.data, argv);
		buf_printf(&a.script, "printf '%%s\\0' %s\n"
			"printf '%%s\\0' 'END %d'\n", text.data, a.n);
		free(argv);
	}
	assert_true(a.n > 2000);
	assert_true(refusals > 500);
	ask(&a, shell);
	buf_release(&text);
	asking_release(&a);
}

static void arguments_in_bash(void **state)
{
	(void)state;
	as_arguments("bash", true);
}

/* without $'…', which not every one knows */
static void arguments_in_sh(void **state)
{
	(void)state;
	as_arguments(script_find("dash", NULL) ? "dash" : "sh", false);
}

/* As the command that it is: bash tells of one that it does not find. */
static void as_a_command(void **state)
{
	static const char *const first[] = {
		"", "", "", "ls", "'a b'", "l's'", "if", "e'cho'", "$'\\143d'",
		"A=b", "%1", "-x", "'!'", "'{'", "'#'", "\\'", "function",
		"coproc", "time", "'('", "a=", "a+=1", "'[['",
	};
	enum { FIRST = sizeof(first) / sizeof(first[0]) };
	struct asking a = { 0 };
	struct buf text = { 0 }, more = { 0 };
	char **argv;

	(void)state;
	seed = 3;
	scratch_init(&a.dir);
	/* nothing of this machine is there to be found */
	buf_str(&a.script, "PATH=/nonexistent\n"
		"command_not_found_handle() { printf '%s\\0' \"$@\"; }\n");
	while (a.n < 200) {
		unsigned k = below(FIRST);

		make(&more, true);
		buf_reset(&text);
		buf_str(&text, first[k]);
		if (*first[k] != '\0' && below(4) > 0)
			buf_char(&text, ' ');
		buf_str(&text, more.data);
		argv = words_split(text.data, NULL);
		/* what has a slash is not looked up */
		if (argv != NULL && strchr(argv[0], '/') == NULL) {
			add(&a, text.data, argv);
			buf_printf(&a.script, "%s\nprintf '%%s\\0' 'END %d'\n",
				text.data, a.n);
		}
		free(argv);
	}
	ask(&a, "bash");
	buf_release(&text);
	buf_release(&more);
	asking_release(&a);
}

/* What quote.h writes is read as it was. */
static void quoted(void **state)
{
	struct buf text = { 0 };
	int round;

	(void)state;
	seed = 4;
	for (round = 0; round < 2000; round++) {
		char word[6][32];
		unsigned n = 1 + below(6), i, k, len;
		size_t longest, most = 0;
		bool plain = true;
		char **argv;

		buf_reset(&text);
		for (i = 0; i < n; i++) {
			len = below(sizeof(word[0]));
			for (k = 0; k < len; k++)
				word[i][k] = (char)(round % 2 == 0 ? 1 +
					below(255) : ' ' + below(95));
			word[i][len] = '\0';
			if (len > most)
				most = len;
			for (k = below(3) + (i > 0); k > 0; k--)
				buf_char(&text, " \t"[below(2)]);
			k = (unsigned)text.len;
			quote_word(&text, word[i]);
			/* letters that are none of ASCII, and not quoted */
			if (text.data[k] != '\'' && text.data[k] != '$')
				for (; k < text.len; k++)
					plain &= (signed char)text.data[k] > 0;
		}
		argv = words_split(text.data, &longest);
		if (argv == NULL) {
			if (plain && word[0][0] != '\0' && word[0][0] != '%' &&
			    strchr(word[0], '=') == NULL &&
			    strcmp(word[0], ":") != 0 &&
			    strcmp(word[0], ".") != 0 &&
			    strcmp(word[0], "[") != 0)
				fail_msg("refused: %s", text.data);
			continue;
		}
		assert_true(plain);
		for (i = 0; i < n; i++)
			assert_string_equal(argv[i], word[i]);
		assert_null(argv[n]);
		assert_int_equal(longest, most);
		free(argv);
	}
	buf_release(&text);
}

/* All bytes, each in a word of its own. */
static void every_byte(void **state)
{
	struct buf text = { 0 };
	char word[3] = "?", **argv;
	size_t longest;
	int c;

	(void)state;
	buf_str(&text, "x");
	for (c = 1; c < 256; c++) {
		word[0] = (char)c;
		buf_char(&text, ' ');
		quote_word(&text, word);
	}
	argv = words_split(text.data, &longest);
	assert_non_null(argv);
	for (c = 1; c < 256; c++) {
		assert_int_equal((unsigned char)argv[c][0], c);
		assert_int_equal(argv[c][1], '\0');
	}
	assert_null(argv[256]);
	assert_int_equal(longest, 1);
	free(argv);
	buf_release(&text);
}

/* The most words, and the most bytes, that a text of its length can have. */
static void sizes(void **state)
{
	struct buf text = { 0 };
	size_t n, i, longest;
	char **argv;

	(void)state;
	for (n = 1; n < 60000; n = n < 20 ? n + 1 : n * 3) {
		buf_reset(&text);
		for (i = 0; i < n; i++)
			buf_char(&text, i % 2 == 0 ? 'x' : ' ');
		argv = words_split(text.data, &longest);
		assert_non_null(argv);
		for (i = 0; argv[i] != NULL; i++)
			assert_string_equal(argv[i], "x");
		assert_int_equal(i, (n + 1) / 2);
		assert_int_equal(longest, 1);
		free(argv);
		buf_reset(&text);
		for (i = 0; i < n; i++)
			buf_char(&text, 'x');
		argv = words_split(text.data, &longest);
		assert_non_null(argv);
		assert_int_equal(strlen(argv[0]), n);
		assert_null(argv[1]);
		assert_int_equal(longest, n);
		free(argv);
	}
	buf_release(&text);
}

/* A good text that is cut anywhere is never taken for more than stands there,
 * nor read over its end. */
static void cut_anywhere(void **state)
{
	static const char whole[] =
		"ls 'a b'\\''c' $'d\\'\\\\\\101 e' f=g ''x$'\\377' --h";
	struct asking a = { 0 };
	size_t n;

	(void)state;
	scratch_init(&a.dir);
	for (n = 0; n < sizeof(whole); n++) {
		/* in memory of its own: a sanitizer sees the end */
		char *text = strndup(whole, n), **argv;

		argv = words_split(text, NULL);
		if (argv != NULL) {
			add(&a, text, argv);
			buf_printf(&a.script, "printf '%%s\\0' %s\n"
				"printf '%%s\\0' 'END %d'\n", text, a.n);
		}
		free(argv);
		free(text);
	}
	assert_true(a.n > 10 && a.n < 40);
	ask(&a, "bash");
	asking_release(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accepted),
		cmocka_unit_test(refused),
		cmocka_unit_test(no_word_of_the_shell),
		cmocka_unit_test(arguments_in_bash),
		cmocka_unit_test(arguments_in_sh),
		cmocka_unit_test(as_a_command),
		cmocka_unit_test(quoted),
		cmocka_unit_test(every_byte),
		cmocka_unit_test(sizes),
		cmocka_unit_test(cut_anywhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
