/* SPDX-License-Identifier: ISC */
#include "spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <paths.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os.h"

/* Written by the vfork child, which shares our memory, read by us after it
 * has called exec or _exit. Volatile as an object: a compiler that sees stores
 * before _exit drops them otherwise. */
struct failure {
	int stage;
	int err;
};

/* As execvp(3), but with a PATH of our choice and without malloc. A script
 * without "#!" is given to /bin/sh, as the shells do. */
static void exec_program(const struct spawn *s, const char *program)
{
	enum { ARGS = 1024 };
	char *args[ARGS];
	int n;

	execve(program, s->argv, s->envp);
	if (errno != ENOEXEC)
		return;
	for (n = 0; s->argv[n] != NULL; n++)
		if (n + 2 >= ARGS) {
			errno = E2BIG;
			return;
		}
	args[0] = (char *)_PATH_BSHELL;
	args[1] = (char *)program;
	for (n = 1; s->argv[n] != NULL; n++)
		args[n + 1] = s->argv[n];
	args[n + 1] = NULL;
	execve(_PATH_BSHELL, args, s->envp);
}

static void exec_search(const struct spawn *s)
{
	const char *name = s->argv[0];
	const char *p = s->path != NULL ? s->path : _PATH_DEFPATH;
	size_t len = strlen(name);
	char full[PATH_MAX];
	int err = ENOENT;

	if (strchr(name, '/') != NULL) {
		exec_program(s, name);
		return;
	}
	while (len > 0) {
		size_t n = strcspn(p, ":");

		/* An empty entry is the working directory. */
		if (n + len + 2 <= sizeof(full)) {
			memcpy(full, p, n);
			if (n > 0)
				full[n++] = '/';
			memcpy(full + n, name, len + 1);
			exec_program(s, full);
			if (errno == EACCES)
				err = EACCES;
			else if (errno != ENOENT && errno != ENOTDIR)
				return;
		}
		p += strcspn(p, ":");
		if (*p == '\0')
			break;
		p++;
	}
	errno = err;
}

static void child(const struct spawn *s, pid_t parent,
	volatile struct failure *f)
{
	int moved[SPAWN_FDS_MAX], i;
	sigset_t none;

	f->stage = SPAWN_PARENT;
	if (s->session)
		setsid();
	if (s->die_with_us && !os_die_with_parent(parent)) {
		errno = ESRCH;
		goto fail;
	}
	f->stage = SPAWN_FDS;
	/* First above all targets, so that none is overwritten too early. */
	for (i = 0; i < s->nfds; i++) {
		moved[i] = fcntl(s->fd[i], F_DUPFD_CLOEXEC, SPAWN_FDS_MAX);
		if (moved[i] == -1)
			goto fail;
	}
	for (i = 0; i < s->nfds; i++)
		if (dup2(moved[i], i) == -1)
			goto fail;
	f->stage = SPAWN_CWD;
	if (s->cwd != NULL && chdir(s->cwd) == -1)
		goto fail;
	if (s->umask != -1)
		umask((mode_t)s->umask);
	f->stage = SPAWN_NICE;
	errno = 0;
	if (s->nice != 0 && nice(s->nice) == -1 && errno != 0)
		goto fail;
	f->stage = SPAWN_EXEC;
	/* cron, nohup and Python parents leave SIGPIPE or SIGHUP ignored */
	if (!s->defaults)
		os_default_signals();
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (s->program != NULL)
		exec_program(s, s->program);
	else
		exec_search(s);
fail:
	f->err = errno;
	_exit(127);
}

pid_t spawn(const struct spawn *s, enum spawn_stage *stage)
{
	volatile struct failure f = { .stage = SPAWN_FORK, .err = 0 };
	pid_t parent = getpid(), pid;
	sigset_t all, old;
	int err;

	/* A handler of ours must not run in the child, on our memory. */
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &old);
	pid = vfork();
	if (pid == 0)
		child(s, parent, &f);
	err = errno;
	sigprocmask(SIG_SETMASK, &old, NULL);
	if (pid != -1 && f.err == 0)
		return pid;
	if (pid != -1) {
		err = f.err;
		/* It has called _exit. Whoever else waits for children (libev
		 * in the supervisor) finds nothing then, and takes it well. */
		while (waitid(P_PID, (id_t)pid, NULL, WEXITED) == -1 &&
		    errno == EINTR)
			;
	}
	*stage = (enum spawn_stage)f.stage;
	errno = err;
	return -1;
}

/* By linear search, as a few entries are set over some dozen. */
static char **find_entry(char **envp, size_t n, const char *name, size_t len)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (strncmp(envp[i], name, len) == 0 && envp[i][len] == '=')
			return &envp[i];
	return NULL;
}

char **spawn_environment(char *const *base, char *const *unset,
	char *const *set, char **room, size_t nroom)
{
	size_t n = 0, inherited;
	char **at;

	for (; *base != NULL; base++) {
		if (n + 1 >= nroom)
			return NULL;
		room[n++] = *base;
	}
	for (; *unset != NULL; unset++) {
		at = find_entry(room, n, *unset, strlen(*unset));
		if (at != NULL)
			*at = room[--n];
	}
	inherited = n;
	for (; *set != NULL; set++) {
		/* only what is inherited has to be looked through */
		at = find_entry(room, inherited, *set, strcspn(*set, "="));
		if (at == NULL) {
			if (n + 1 >= nroom)
				return NULL;
			at = &room[n++];
		}
		*at = *set;
	}
	room[n] = NULL;
	return room;
}

pid_t spawn_detach(int *fd)
{
	int end[2], null, err;
	pid_t pid;

	if (pipe2(end, O_CLOEXEC) == -1)
		return -1;
	pid = fork();
	if (pid != 0) {
		err = errno;
		close(end[1]);
		if (pid == -1)
			close(end[0]);
		*fd = end[0];
		errno = err;
		return pid;
	}
	close(end[0]);
	*fd = end[1];
	setsid();
	null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (null != -1) {
		dup2(null, STDIN_FILENO);
		if (null != STDIN_FILENO)
			close(null);
	}
	return 0;
}
