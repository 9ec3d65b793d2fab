/* SPDX-License-Identifier: ISC */
#include "words.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"

/* Builtins and reserved words of bash 5.2 and dash; what has a twin in /bin
 * is not quite the same there (echo, printf, test, kill, pwd, true…). */
static const char *const shell_words[] = {
	".", ":", "[", "[[", "alias", "bg", "bind", "break", "builtin",
	"caller", "case", "cd", "command", "compgen", "complete", "compopt",
	"continue", "coproc", "declare", "dirs", "disown", "do", "done",
	"echo", "elif", "else", "enable", "esac", "eval", "exec", "exit",
	"export", "false", "fc", "fg", "fi", "for", "function", "getopts",
	"hash", "help", "history", "if", "in", "jobs", "kill", "let", "local",
	"logout", "mapfile", "popd", "printf", "pushd", "pwd", "read",
	"readarray", "readonly", "return", "select", "set", "shift", "shopt",
	"source", "suspend", "test", "then", "time", "times", "trap", "true",
	"type", "typeset", "ulimit", "umask", "unalias", "unset", "until",
	"wait", "while",
};

/* '…' from behind its first quote; the place behind its last one, or NULL. */
static const char *single(const char *p, char **to)
{
	while (*p != '\'') {
		if (*p == '\0')
			return NULL;
		*(*to)++ = *p++;
	}
	return p + 1;
}

static bool octal(const char *p)
{
	int i;

	for (i = 0; i < 3; i++)
		if (p[i] < '0' || p[i] > '7')
			return false;
	return p[0] <= '3';
}

/* $'…' likewise. */
static const char *escaped(const char *p, char **to)
{
	while (*p != '\'') {
		char c = *p++;

		if (c == '\0')
			return NULL;
		if (c == '\\' && octal(p)) {
			c = (char)((p[0] - '0') << 6 | (p[1] - '0') << 3 |
				(p[2] - '0'));
			/* it would end the word */
			if (c == '\0')
				return NULL;
			p += 3;
		} else if (c == '\\') {
			c = *p++;
			if (c != '\'' && c != '\\')
				return NULL;
		}
		*(*to)++ = c;
	}
	return p + 1;
}

/* One word, to its end. */
static const char *word(const char *p, char **to)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
		"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:,+@%=";
	size_t n;

	while (p != NULL && *p != '\0' && *p != ' ' && *p != '\t') {
		n = strspn(p, plain);
		if (n > 0) {
			memcpy(*to, p, n);
			*to += n;
			p += n;
		} else if (*p == '\'') {
			p = single(p + 1, to);
		} else if (p[0] == '\\' && p[1] == '\'') {
			*(*to)++ = '\'';
			p += 2;
		} else if (p[0] == '$' && p[1] == '\'') {
			p = escaped(p + 2, to);
		} else {
			p = NULL;
		}
	}
	if (p != NULL)
		*(*to)++ = '\0';
	return p;
}

/* A=b is an assignment, %1 a job. */
static bool is_program(const char *name)
{
	size_t i;

	if (*name == '\0' || *name == '%' || strchr(name, '=') != NULL)
		return false;
	for (i = 0; i < sizeof(shell_words) / sizeof(shell_words[0]); i++)
		if (strcmp(shell_words[i], name) == 0)
			return false;
	return true;
}

char **words_split(const char *text, size_t *longest)
{
	size_t n = strlen(text), most = n / 2 + 2, i = 0, len;
	/* the pointers, then the strings: no longer than the text */
	char **argv = mem_alloc(most * sizeof(*argv) + n + 1);
	char *to = (char *)(argv + most), *from;
	const char *p = text;

	if (longest != NULL)
		*longest = 0;
	while (*(p += strspn(p, " \t")) != '\0') {
		from = to;
		p = word(p, &to);
		if (p == NULL)
			goto shell;
		argv[i++] = from;
		len = strlen(from);
		if (longest != NULL && len > *longest)
			*longest = len;
	}
	if (i == 0 || !is_program(argv[0]))
		goto shell;
	argv[i] = NULL;
	return argv;
shell:
	free(argv);
	return NULL;
}
