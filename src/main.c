/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "catalogue.h"
#include "clean.h"
#include "exec.h"
#include "inputs.h"
#include "io.h"
#include "keeper.h"
#include "msg.h"
#include "options.h"
#include "settle.h"
#include "start.h"
#include "step.h"
#include "sweep.h"
#include "typed.h"
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
	const struct rlimit none = { 0, 0 };
	sigset_t one;

	fflush(stdout);
	/* PID 1 is not killed by its own signals */
	if (getpid() == 1)
		exit(128 + signo);
	/* QUIT leaves no image of us where the user works */
	setrlimit(RLIMIT_CORE, &none);
	sigaction(signo, &dfl, NULL);
	sigemptyset(&one);
	sigaddset(&one, signo);
	sigprocmask(SIG_UNBLOCK, &one, NULL);
	raise(signo);
	exit(128 + signo);
}

/* 128 + n: die by signal n; with STATUS_OWN it is a status like any other.
 * asked: the answer on stdout is all that it was called for. */
static int ended(int status, bool asked)
{
	int err;

	if (status > 128 && status < 128 + 65)
		die_by(status - 128);
	err = fflush(stdout) == EOF && errno != EPIPE ? errno :
		io_answer_lost();
	if (err != 0) {
		msg_error("cannot write to standard output: %s",
			strerror(err));
		if (asked && status == STATUS_DONE)
			status = STATUS_STATE;
	}
	return status & ~STATUS_OWN;
}

int main(int argc, char **argv)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN };
	struct options o;
	char *found = NULL;
	int status = 0;
	bool asked;
	sigset_t none;

	/* Before all else: argv[0] is the caller's to choose. */
	if (getuid() != geteuid() || getgid() != getegid())
		msg_die(STATUS_USAGE, "refusing to run setuid or setgid");
	/* Not commands of people: what durexec starts itself as. */
	if (argc == 2 && strcmp(argv[0], "durexec-keeper") == 0)
		return keeper_main();
	if (argc > 2 && strcmp(argv[0], "durexec-settle") == 0)
		return settle_main(argc - 2, argv + 2);
	if (argc > 2 && strcmp(argv[0], "durexec-inputs") == 0)
		return inputs_main(argc - 2, argv + 2);
	if (argc == 2 && strcmp(argv[0], "durexec-sweep") == 0)
		return sweep_main();
	fill_standard_fds();
	sigaction(SIGPIPE, &ignore, NULL);
	/* A parent that left TERM or INT blocked did not mean that we cannot
	 * be stopped: libev watches them, but does not unblock them. */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (argc > 1 && strcmp(argv[1], "step") == 0)
		return ended(step_main(argc - 1, argv + 1), false);
	/* for names of days; numbers and messages stay as they are */
	setlocale(LC_TIME, "");
	forget_outer_run();
	if (argc > 1 && strcmp(argv[1], "exec") == 0)
		exec_parse(&o, argc - 1, argv + 1);
	else
		options_parse(&o, argc, argv);
	/* what exec wrote has it inside */
	if (o.exec == NULL && o.name == NULL)
		typed_set_state_dir(o.state_dir);
	msg_set_quiet(o.quiet || o.json);
	if (o.cron)
		msg_set_silent();
	if (o.name != NULL) {
		found = exec_find(o.name, o.state_dir);
		o.ini = found;
	}
	if (o.name != NULL && found == NULL)
		status = STATUS_USAGE;
	else switch (o.command) {
	case COMMAND_HELP:
		/* exec has said its own */
		if (o.exec == NULL)
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
	case COMMAND_CLEAN:
		status = clean_main(&o);
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
	asked = o.command == COMMAND_STATUS || o.command == COMMAND_LOGS ||
		o.command == COMMAND_HISTORY || o.command == COMMAND_PRESET ||
		o.command == COMMAND_HELP || o.command == COMMAND_VERSION ||
		o.dry_run;
	exec_release(&o);
	options_release(&o);
	free(found);
	return ended(status, asked);
}
