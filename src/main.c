/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "catalogue.h"
#include "keeper.h"
#include "msg.h"
#include "options.h"
#include "settle.h"
#include "start.h"
#include "verbs.h"

#ifndef VERSION
#define VERSION "0.1"
#endif

extern char **environ;

/* Started without 0, 1 or 2, whatever is opened next would be taken for
 * stdin, stdout or stderr. */
static void fill_standard_fds(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDWR);
	} while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd > STDERR_FILENO)
		close(fd);
}

/* A durexec inside a step of another one: what the outer one says of its step
 * is not true of ours. */
static void forget_outer_run(void)
{
	size_t i = 0;

	while (environ[i] != NULL) {
		char *eq = strchr(environ[i], '=');

		if (strncmp(environ[i], "DUREXEC_", 8) == 0 && eq != NULL &&
		    strncmp(environ[i], "DUREXEC_STATE_DIR=", 18) != 0 &&
		    strncmp(environ[i], "DUREXEC_MACHINE_DIR=", 20) != 0) {
			char name[256];
			size_t n = (size_t)(eq - environ[i]);

			if (n < sizeof(name)) {
				memcpy(name, environ[i], n);
				name[n] = '\0';
				unsetenv(name);
				continue;
			}
		}
		i++;
	}
}

static void die_by(int signo)
{
	struct sigaction dfl = { .sa_handler = SIG_DFL };
	sigset_t one;

	fflush(stdout);
	/* PID 1 is not killed by its own signals */
	if (getpid() == 1)
		exit(128 + signo);
	sigaction(signo, &dfl, NULL);
	sigemptyset(&one);
	sigaddset(&one, signo);
	sigprocmask(SIG_UNBLOCK, &one, NULL);
	raise(signo);
	exit(128 + signo);
}

int main(int argc, char **argv)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN };
	struct options o;
	int status = 0;

	/* Not commands of people: what durexec starts itself as. */
	if (argc == 2 && strcmp(argv[0], "durexec-keeper") == 0)
		return keeper_main();
	if (argc > 2 && strcmp(argv[0], "durexec-settle") == 0)
		return settle_main(argc - 2, argv + 2);
	fill_standard_fds();
	if (getuid() != geteuid() || getgid() != getegid())
		msg_die(STATUS_USAGE, "refusing to run setuid or setgid");
	sigaction(SIGPIPE, &ignore, NULL);
	/* for names of days; numbers and messages stay as they are */
	setlocale(LC_TIME, "");
	forget_outer_run();
	options_parse(&o, argc, argv);
	msg_set_quiet(o.quiet || o.json);
	switch (o.command) {
	case COMMAND_HELP:
		options_help();
		break;
	case COMMAND_VERSION:
		printf("durexec %s\n", VERSION);
		break;
	case COMMAND_START:
		status = o.detach ? start_detached(&o) : start_main(&o);
		break;
	case COMMAND_PRESET:
		status = catalogue_main(&o);
		break;
	case COMMAND_STATUS:
	case COMMAND_LOGS:
	case COMMAND_STOP:
	case COMMAND_WAIT:
	case COMMAND_RETRY:
	case COMMAND_APPROVE:
	case COMMAND_SKIP:
	case COMMAND_REWIND:
	case COMMAND_HISTORY:
		status = verbs_main(&o);
		break;
	}
	options_release(&o);
	if (status > 128 && status < 128 + 65)
		die_by(status - 128);
	fflush(stdout);
	return status;
}
