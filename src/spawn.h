/* SPDX-License-Identifier: ISC */
/*
 * spawn: the only fork and exec. vfork, because a step costs its exec and
 * little else; everything the child needs is prepared before it.
 */
#ifndef SPAWN_H
#define SPAWN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum spawn_stage {
	SPAWN_FORK, SPAWN_PARENT, SPAWN_FDS, SPAWN_CWD, SPAWN_NICE, SPAWN_EXEC
};

enum { SPAWN_FDS_MAX = 6 };

struct spawn {
	char *const *argv;
	char *const *envp;
	const char *program;	/* path; NULL: argv[0] is looked up in path */
	const char *path;	/* the PATH list for that; NULL: the system's */
	const char *cwd;	/* NULL: inherited */
	int fd[SPAWN_FDS_MAX];	/* become 0, 1, 2, … in the child */
	int nfds;
	int umask;		/* -1: inherited */
	int nice;		/* 0: inherited */
	bool session;		/* setsid */
	bool die_with_us;	/* KILL when this process dies */
	bool defaults;		/* our dispositions are all default already */
};

/*
 * Start it with an empty signal mask and default dispositions. Returns the
 * pid, which the caller waits for; or -1 with *stage and errno, then no
 * process is left. The program has begun when it returns.
 */
pid_t spawn(const struct spawn *s, enum spawn_stage *stage);

/*
 * The entries of base, less the names of unset, with the entries NAME=VALUE of
 * set (each name once), which are stronger; all lists end with NULL. They are
 * put into room (nroom pointers), and nothing is copied or allocated. NULL:
 * more than there is room for.
 */
char **spawn_environment(char *const *base, char *const *unset,
	char *const *set, char **room, size_t nroom);

/*
 * -d: go on in a child with a session of its own and stdin on /dev/null. Only
 * while there is one thread and no child. Returns 0 in the child with *fd to
 * report through; the child's pid in the parent with *fd to read that report
 * (EOF: the child is gone); -1 + errno.
 */
pid_t spawn_detach(int *fd);

#endif
