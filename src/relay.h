/* SPDX-License-Identifier: ISC */
/*
 * relay: runs a command whose output goes on to our own stdout and stderr as it
 * comes, and into files as well. For `durexec step`: it lives in the process
 * group of the script that calls it, and ends with it.
 *
 * The calling process becomes a subreaper; children that it had before (bash's
 * >(...)) are none of its business. TERM, INT, HUP and QUIT stop the command (its
 * stop signal, grace, KILL), other signals are passed on to it; what the keeper
 * of the script, or a relay above, sent to all, the command has got already.
 */
#ifndef RELAY_H
#define RELAY_H

#include <stdbool.h>
#include <stdint.h>

#include "spawn.h"
#include "tree.h"

struct relay {
	/* settings */
	char *const *argv;
	char *const *envp;
	const char *path;	/* PATH list for argv[0] */
	int in;			/* its stdin */
	struct tree tree;	/* its limits; out and err are ours */
	int dirfd;		/* files in it take its output: */
	const char *file[2];	/* made with the first byte; NULL [1]: both
				   streams are one */
	pid_t above;		/* a relay that we run below; 0 none */
	bool silent;		/* no files: it has our stdout and stderr */
	/* what came of it */
	int64_t bytes[2];
	bool vanished;		/* nobody read its output any more */
	int unpassed;		/* errno: or it could not be passed on; 0 */
	bool left;		/* processes of it that cannot be killed */
	int signo;		/* of a signal that stopped us; 0 */
	int err;		/* errno: its output could not be read, or a
				   file not be written; 0 */
};

/* Returns when no process of the command is left. -1 + *stage and errno: it was
 * not started. */
int relay_run(struct relay *r, enum spawn_stage *stage);

#endif
