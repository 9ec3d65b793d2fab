/* SPDX-License-Identifier: ISC */
/*
 * Any bytes as words (a NUL between two) and as a command. Beyond not
 * crashing:
 * - a word that is quoted, for a person or not, is the same when the command is
 *   split again; what is for a person is safe for a terminal;
 * - a shell and words_split() agree on what is quoted: outside of quotes there
 *   is nothing that a shell would take for more than itself;
 * - a command that needs no shell says, quoted word by word, the same;
 * - a blank more between two words, or around them, changes nothing.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "quote.h"
#include "safe.h"
#include "words.h"

enum { WORDS = 64 };

/* What a POSIX shell with $'…' makes of a word: a second reading of the
 * standard (XCU 2.2). False: it would do more than take it as it stands. */
static bool shell_word(const char *p, struct buf *out)
{
	while (*p != '\0') {
		if (*p == '\'') {
			for (p++; *p != '\''; p++) {
				assert(*p != '\0');
				buf_char(out, *p);
			}
			p++;
		} else if (p[0] == '$' && p[1] == '\'') {
			for (p += 2; *p != '\''; p++) {
				assert(*p != '\0');
				if (*p != '\\') {
					buf_char(out, *p);
				} else if (strchr("'\\", p[1]) != NULL) {
					buf_char(out, *++p);
				} else {
					char digits[4] = { p[1], p[2], p[3] };

					assert(strspn(digits, "01234567") == 3);
					buf_char(out, (char)strtol(digits,
						NULL, 8));
					p += 3;
				}
			}
			p++;
		} else if (*p == '\\') {
			assert(p[1] != '\0' && p[1] != '\n');
			buf_char(out, p[1]);
			p += 2;
		} else if (strchr(" \t\n|&;<>()$`\"*?[]#~{}!^", *p) != NULL ||
		    (unsigned char)*p < 0x20) {
			return false;
		} else {
			buf_char(out, *p++);
		}
	}
	return true;
}

static void check_terminal(const struct buf *b)
{
	for (size_t i = 0, len; i < b->len; i += len) {
		len = safe_char(b->data + i, b->len - i);
		assert(len != 0 && b->data[i] != '\t');
	}
}

/* Quoted, split, the same. */
static void check_quoting(char *const *word, int n)
{
	struct buf command = { 0 }, one = { 0 };
	size_t longest, most = strlen("program");
	char **argv;

	buf_str(&command, "program");
	for (int i = 0; i < n; i++) {
		struct buf shown = { 0 };
		size_t start, len = strlen(word[i]);

		buf_char(&command, ' ');
		start = command.len;
		quote_raw(&command, word[i]);
		quote_word(&shown, word[i]);
		assert(strcmp(shown.data, command.data + start) == 0);
		check_terminal(&shown);
		buf_reset(&one);
		buf_str(&one, "");
		assert(shell_word(shown.data, &one));
		assert(one.len == len && memcmp(one.data, word[i], len) == 0);
		if (len > most)
			most = len;
		buf_release(&shown);
	}
	argv = words_split(command.data, &longest);
	/* what is not ASCII stands unquoted, and goes to a shell */
	if (argv != NULL) {
		assert(longest == most);
		for (int i = 0; i < n; i++)
			assert(strcmp(argv[i + 1], word[i]) == 0);
		assert(argv[n + 1] == NULL);
	} else {
		bool plain = true;

		for (size_t i = 0; i < command.len; i++)
			if ((unsigned char)command.data[i] >= 0x80)
				plain = false;
		assert(!plain);
	}
	free(argv);
	buf_release(&command);
	buf_release(&one);
}

static void check_split(const char *text)
{
	struct buf b = { 0 }, shell = { 0 };
	char **argv = words_split(text, NULL), **again;
	int n = 0;

	if (argv == NULL)
		return;
	assert(argv[0] != NULL && argv[0][0] != '\0');
	buf_str(&b, " \t");
	for (; argv[n] != NULL; n++) {
		quote_raw(&b, argv[n]);
		buf_str(&b, " \t ");
	}
	again = words_split(b.data, NULL);
	if (again != NULL)
		for (int i = 0; i <= n; i++)
			assert(argv[i] == NULL ? again[i] == NULL :
				strcmp(argv[i], again[i]) == 0);
	free(again);
	/* and with blanks around */
	buf_reset(&b);
	buf_printf(&b, "\t %s \t", text);
	again = words_split(b.data, NULL);
	assert(again != NULL);
	for (int i = 0; i <= n; i++)
		assert(argv[i] == NULL ? again[i] == NULL :
			strcmp(argv[i], again[i]) == 0);
	free(again);
	/* a shell finds the same first word */
	buf_reset(&b);
	text += strspn(text, " \t");
	for (bool in = false; *text != '\0' &&
	    (in || (*text != ' ' && *text != '\t')); text++) {
		if (*text == '\\' && !in) {
			buf_char(&b, *text++);
		} else if (*text == '$' && text[1] == '\'' && !in) {
			const char *p = text + 2;

			while (*p != '\'')
				p += *p == '\\' ? 2 : 1;
			buf_add(&b, text, (size_t)(p - text));
			text = p;
		} else if (*text == '\'') {
			in = !in;
		}
		buf_char(&b, *text);
	}
	assert(shell_word(b.data, &shell));
	assert(strcmp(shell.data, argv[0]) == 0);
	buf_release(&shell);
	buf_release(&b);
	free(argv);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1), *word[WORDS];
	int n = 0;

	assert(text != NULL);
	if (size > 0)
		memcpy(text, data, size);
	text[size] = '\0';
	for (size_t at = 0; at <= size && n < WORDS; at += strlen(word[n++]) + 1)
		word[n] = text + at;
	check_quoting(word, n);
	for (int i = 0; i < n; i++)
		check_split(word[i]);
	free(text);
	return 0;
}
