/* SPDX-License-Identifier: ISC */
#include "script.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mem.h"

/* Builtins and reserved words of bash 5.2 and dash; what has a twin in /bin
 * is not quite the same there (echo, printf, test, kill, pwd, true…). */
static const char *const shell_words[] = {
	".", ":", "alias", "bg", "bind", "break", "builtin", "caller", "case",
	"cd", "command", "compgen", "complete", "compopt", "continue",
	"coproc", "declare", "dirs", "disown", "do", "done", "echo", "elif",
	"else", "enable", "esac", "eval", "exec", "exit", "export", "false",
	"fc", "fg", "fi", "for", "function", "getopts", "hash", "help",
	"history", "if", "in", "jobs", "kill", "let", "local", "logout",
	"mapfile", "popd", "printf", "pushd", "pwd", "read", "readarray",
	"readonly", "return", "select", "set", "shift", "shopt", "source",
	"suspend", "test", "then", "time", "times", "trap", "true", "type",
	"typeset", "ulimit", "umask", "unalias", "unset", "until", "wait",
	"while",
};

static bool is_function(const char *name, size_t len)
{
	char *variable = mem_printf("BASH_FUNC_%.*s%%%%", (int)len, name);
	bool is = getenv(variable) != NULL;

	free(variable);
	return is;
}

static bool plain(const char *text)
{
	static const char ok[] = "abcdefghijklmnopqrstuvwxyz"
		"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:,+@%= \t";
	const char *first = text + strspn(text, " \t");
	size_t len = strcspn(first, " \t"), i;

	/* A=b is an assignment, %1 a job */
	if (text[strspn(text, ok)] != '\0' || len == 0 ||
	    *first == '%' || memchr(first, '=', len) != NULL)
		return false;
	for (i = 0; i < sizeof(shell_words) / sizeof(shell_words[0]); i++)
		if (strlen(shell_words[i]) == len &&
		    memcmp(shell_words[i], first, len) == 0)
			return false;
	/* A file that bash would read first, and may define anything; and a
	 * function of that name that was exported to it. */
	return getenv("BASH_ENV") == NULL && !is_function(first, len);
}

bool script_find(const char *program, const char *path)
{
	const char *p = path != NULL ? path : getenv("PATH");
	struct stat st;
	bool found = false;

	if (strchr(program, '/') != NULL)
		return access(program, X_OK) == 0;
	if (p == NULL)
		p = "/bin:/usr/bin";
	while (!found) {
		size_t n = strcspn(p, ":");
		char *full = mem_printf("%.*s/%s", n != 0 ? (int)n : 1,
			n != 0 ? p : ".", program);

		found = access(full, X_OK) == 0 && stat(full, &st) == 0 &&
			S_ISREG(st.st_mode);
		free(full);
		if (p[n] == '\0')
			break;
		p += n + 1;
	}
	return found;
}

bool script_have_bash(void)
{
	static int have = -1;

	if (have == -1)
		have = script_find("bash", NULL);
	return have;
}

/* The blank-separated words of text, and `last` (NULL: none) behind them. One
 * allocation: the pointers, then the strings. */
static char **words(const char *text, const char *last)
{
	size_t n = strlen(text), most = n / 2 + 3, i = 0;
	size_t tail = last != NULL ? strlen(last) + 1 : 0;
	char **argv = mem_alloc(most * sizeof(*argv) + n + 1 + tail);
	char *copy = (char *)(argv + most), *p = copy, *word;

	memcpy(copy, text, n + 1);
	while ((word = strtok_r(p, " \t", &p)) != NULL)
		argv[i++] = word;
	if (last != NULL) {
		memcpy(copy + n + 1, last, tail);
		argv[i++] = copy + n + 1;
	}
	argv[i] = NULL;
	return argv;
}

void script_init(struct script *s, const struct pipeline *p, const char *text,
	bool shell)
{
	s->direct = !shell && p->shell == NULL && plain(text);
	if (s->direct)
		s->argv = words(text, NULL);
	else if (p->shell != NULL)
		s->argv = words(p->shell, text);
	else if (script_have_bash())
		s->argv = words("bash -eo pipefail -c", text);
	else
		s->argv = words("/bin/sh -ec", text);
}

void script_release(struct script *s)
{
	free(s->argv);
	s->argv = NULL;
}
