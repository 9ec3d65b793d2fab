/* SPDX-License-Identifier: ISC */
#include "stepcall.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "digest.h"
#include "io.h"
#include "mem.h"
#include "msg.h"
#include "options.h"

int step_failed(const struct stepcall *st, const struct why *why)
{
	msg_error("step %s: %s", st->name, why->text);
	return STATUS_STATE;
}

/* All of stdin: how much, and its hash; into fd, unless that is -1. */
int step_drain(int fd, int64_t *bytes, uint64_t *hash)
{
	char *piece = mem_alloc(256 * 1024);
	struct digest d;
	ssize_t n;
	int ret = 0;

	digest_init(&d);
	*bytes = 0;
	while ((n = read(STDIN_FILENO, piece, 256 * 1024)) != 0) {
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			break;
		digest_add(&d, piece, (size_t)n);
		*bytes += n;
		if (fd != -1 && io_write(fd, piece, (size_t)n) == -1) {
			ret = -1;
			break;
		}
	}
	*hash = digest_value(&d);
	free(piece);
	return n == -1 ? -1 : ret;
}

void step_file(const struct stepcall *st, const char *kind, char name[STEP_FILE])
{
	snprintf(name, 64, "%s.%s", st->call.id, kind);
}
