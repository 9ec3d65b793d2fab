/* SPDX-License-Identifier: ISC */
/*
 * self: preloaded into what runs under valgrind, which lacks two things.
 *
 * A program that executes /proc/self/exe gets valgrind, and not itself; and
 * argv[0], by which durexec knows that it is a keeper, becomes the path of the
 * program. So the path is the one valgrind gives for that link, and the name
 * goes through the environment (SELF_NAME) and is put back before main().
 *
 * valgrind 3.19 does not know pidfd_open(2) and pidfd_send_signal(2): pidfd.py
 * outside of it makes those calls, at the socket that SELF_PIDFD names.
 */
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

enum { VARIABLES = 1000 };

__attribute__((constructor)) static void rename_self(int argc, char **argv)
{
	char *name = getenv("SELF_NAME"), exe[PATH_MAX] = "";

	/* not valgrind's own launcher, which comes in between */
	if (readlink("/proc/self/exe", exe, sizeof(exe) - 1) == -1 ||
	    strlen(exe) < 8 || strcmp(exe + strlen(exe) - 8, "/durexec") != 0)
		return;
	if (argc > 0 && name != NULL)
		argv[0] = strdup(name);
	unsetenv("SELF_NAME");
}

/* In a child of vfork(): on its stack, and nothing allocated. */
int execve(const char *path, char *const argv[], char *const envp[])
{
	int (*next)(const char *, char *const[], char *const[]);
	char exe[PATH_MAX], name[64], *env[VARIABLES + 2];
	int n = 0;

	*(void **)&next = dlsym(RTLD_NEXT, "execve");
	if (strcmp(path, "/proc/self/exe") == 0) {
		ssize_t len = readlink(path, exe, sizeof(exe) - 1);

		if (len == -1)
			return -1;
		exe[len] = '\0';
		for (; envp[n] != NULL && n < VARIABLES; n++)
			env[n] = envp[n];
		snprintf(name, sizeof(name), "SELF_NAME=%s", argv[0]);
		env[n++] = name;
		env[n] = NULL;
		path = exe;
		envp = env;
	}
	return next(path, argv, envp);
}

/* words: the call and its numbers. fd: goes along, -1 none. A descriptor, 0,
 * or -1 + errno. */
static int ask(const char *words, int fd)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} aux = { .room = { 0 } };
	int answer = -EIO, sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC,
		0);
	struct iovec io = { (void *)words, strlen(words) };
	struct msghdr m = { .msg_iov = &io, .msg_iovlen = 1 };
	const char *path = getenv("SELF_PIDFD");
	struct cmsghdr *c;

	snprintf(to.sun_path, sizeof(to.sun_path), "%s",
		path != NULL ? path : "");
	if (sock == -1 ||
	    connect(sock, (struct sockaddr *)&to, sizeof(to)) == -1)
		goto out;
	if (fd != -1) {
		m.msg_control = aux.room;
		m.msg_controllen = sizeof(aux.room);
		c = CMSG_FIRSTHDR(&m);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	}
	if (sendmsg(sock, &m, MSG_NOSIGNAL) == -1)
		goto out;
	io = (struct iovec){ &answer, sizeof(answer) };
	m.msg_control = aux.room;
	m.msg_controllen = sizeof(aux.room);
	if (recvmsg(sock, &m, MSG_CMSG_CLOEXEC) != sizeof(answer))
		answer = -EIO;
	c = CMSG_FIRSTHDR(&m);
	if (answer == 0 && c != NULL)
		memcpy(&answer, CMSG_DATA(c), sizeof(answer));
out:
	if (sock != -1)
		close(sock);
	if (answer < 0) {
		errno = -answer;
		return -1;
	}
	return answer;
}

long syscall(long number, ...)
{
	long (*next)(long, ...), a[6];
	char words[64];
	va_list ap;

	va_start(ap, number);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(ap, long);
	va_end(ap);
	if (number == SYS_pidfd_open) {
		snprintf(words, sizeof(words), "open %d", (int)a[0]);
		return ask(words, -1);
	}
	if (number == SYS_pidfd_send_signal) {
		snprintf(words, sizeof(words), "signal %d", (int)a[1]);
		return ask(words, (int)a[0]);
	}
	*(void **)&next = dlsym(RTLD_NEXT, "syscall");
	return next(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
