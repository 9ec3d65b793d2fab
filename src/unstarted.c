/* SPDX-License-Identifier: ISC */
#include "unstarted.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "io.h"
#include "safe.h"

void unstarted(struct report *r, const char *what, const char *name)
{
	r->outcome = outcome_of(OUTCOME_NOT_STARTED);
	r->outcome.err = errno;
	snprintf(r->note, sizeof(r->note), "%s %.100s: %s", what, name,
		strerror(errno));
}

/* As the shell would have said it. */
static void say(int fd, const char *name, int error)
{
	enum { LONGEST = 400 };
	size_t size = strlen(name), i, len, n = 0;
	char shown[LONGEST + 1], line[LONGEST + 100];
	int length;

	/* Its words, but ours to say: not what it does to a terminal. */
	for (i = 0; i < size && n + 4 <= LONGEST; i += len != 0 ? len : 1) {
		len = safe_char(name + i, size - i);
		if (len != 0) {
			memcpy(shown + n, name + i, len);
			n += len;
		} else {
			n += (size_t)snprintf(shown + n, LONGEST + 1 - n,
				"\\x%02x", (unsigned char)name[i]);
		}
	}
	shown[n] = '\0';
	length = snprintf(line, sizeof(line), "durexec: %s: %s\n", shown,
		error == ENOENT ? "command not found" : strerror(error));
	(void)io_write(fd, line, (size_t)length);
}

void unstarted_spawn(struct report *r, const struct job *j,
	enum spawn_stage stage, int err)
{
	const char *name = j->program != NULL ? j->program : j->argv[0];
	int error = errno;

	switch (stage) {
	case SPAWN_EXEC:
		say(err, name, error);
		r->outcome = outcome_of(OUTCOME_EXIT);
		r->outcome.exit = error == ENOENT || error == ENOTDIR ? 127 :
			126;
		r->outcome.err = error;
		snprintf(r->note, sizeof(r->note), "%.100s: %s", name,
			strerror(error));
		return;
	case SPAWN_CWD:
		unstarted(r, "cannot enter the directory", j->cwd);
		return;
	case SPAWN_NICE:
		unstarted(r, "cannot set", "nice");
		return;
	case SPAWN_FORK:
	case SPAWN_PARENT:
	case SPAWN_FDS:
		unstarted(r, "cannot start", name);
		return;
	}
}
