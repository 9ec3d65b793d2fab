/* SPDX-License-Identifier: ISC */
#include "script.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mem.h"
#include "words.h"

static bool is_function(const char *name)
{
	char *variable = mem_printf("BASH_FUNC_%s%%%%", name);
	bool is = getenv(variable) != NULL;

	free(variable);
	return is;
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

/* The blank-separated words of text, and `last` behind them. One allocation:
 * the pointers, then the strings. */
static char **words(const char *text, const char *last)
{
	size_t n = strlen(text), most = n / 2 + 3, i = 0;
	size_t tail = strlen(last) + 1;
	char **argv = mem_alloc(most * sizeof(*argv) + n + 1 + tail);
	char *copy = (char *)(argv + most), *p = copy, *word;

	memcpy(copy, text, n + 1);
	while ((word = strtok_r(p, " \t", &p)) != NULL)
		argv[i++] = word;
	memcpy(copy + n + 1, last, tail);
	argv[i++] = copy + n + 1;
	argv[i] = NULL;
	return argv;
}

void script_init(struct script *s, const struct pipeline *p, const char *text,
	bool shell)
{
	/* Not with a file that bash would read first, and may define anything;
	 * nor a function of that name that was exported to it. */
	s->argv = !shell && p->shell == NULL && getenv("BASH_ENV") == NULL ?
		words_split(text, NULL) : NULL;
	if (s->argv != NULL && is_function(s->argv[0]))
		script_release(s);
	s->direct = s->argv != NULL;
	if (s->direct)
		return;
	if (p->shell != NULL)
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
