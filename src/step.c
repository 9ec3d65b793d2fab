/* SPDX-License-Identifier: ISC */
#include "step.h"

#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io.h"
#include "load.h"
#include "mem.h"
#include "msg.h"
#include "options.h"
#include "safe.h"
#include "script.h"
#include "stepcall.h"
#include "verdict.h"

enum { OPT_STDIN = 256, OPT_NO_OUTPUT, OPT_ANY_ARGS, OPT_TEST, OPT_MARK };

static const struct option own[] = {
	{ "stdin", no_argument, NULL, OPT_STDIN },
	{ "no-output", no_argument, NULL, OPT_NO_OUTPUT },
	{ "any-args", no_argument, NULL, OPT_ANY_ARGS },
	{ "test", no_argument, NULL, OPT_TEST },
	{ "mark", no_argument, NULL, OPT_MARK },
	{ "command", required_argument, NULL, 'c' },
	{ "help", no_argument, NULL, 'h' },
};

enum { OWN = sizeof(own) / sizeof(own[0]) };

/* What can be done to a call from inside a script: limits, and what a failure
 * means. Proof is the script's own business, or a step of a pipeline. */
static bool wanted(enum step_key key)
{
	switch (key) {
	case KEY_OK_EXIT:
	case KEY_TIMEOUT:
	case KEY_IDLE_TIMEOUT:
	case KEY_STOP_SIGNAL:
	case KEY_STOP_GRACE:
	case KEY_MAX_OUTPUT:
	case KEY_RETRIES:
	case KEY_RETRY_DELAY:
	case KEY_RETRY_FACTOR:
	case KEY_RETRY_MAX_DELAY:
	case KEY_RETRY_JITTER:
	case KEY_RETRY_ON:
	case KEY_RETRY_IF:
	case KEY_GIVE_UP_ON:
	case KEY_GIVE_UP_IF:
	case KEY_WAIT_IF:
	case KEY_WAIT_MAX:
	case KEY_FAIL_IF:
	case KEY_OK_IF:
	case KEY_PRESET:
	case KEY_ENV:
	case KEY_UNSET_ENV:
		return true;
	default:
		return false;
	}
}

static void help(void)
{
	printf(
"durexec step [OPTIONS] NAME -- COMMAND [ARG ...]\n"
"durexec step [OPTIONS] NAME -c 'SCRIPT' [ARG ...]\n"
"durexec step --test NAME | --mark NAME\n"
"\n"
"In a script that runs as a step (durexec exec -- SCRIPT): runs COMMAND and\n"
"remembers what it wrote and its exit status. When the script runs again, both\n"
"are replayed, and COMMAND is not run. Only success is remembered.\n"
"\n"
"  --ok-exit CODES   what is success besides 0\n"
"  --no-output       what it writes is not recorded\n"
"  --stdin           its standard input is compared when it is replayed\n"
"  --any-args        NAME alone says which call it is, not its arguments too\n"
"  --test, --mark    was NAME marked? mark it: around code that is no command\n"
"  --timeout T, --retries N, --wait-if RE, --preset NAME, ... as in a pipeline\n"
"                    file; a wait ends the call with 75, so that the script\n"
"                    ends, and goes on here when it is over\n");
}

static void bad_name(const char *name)
{
	size_t n = strlen(name);

	if (n == 0 || n > SUBSTEP_NAME || strchr(name, '\n') != NULL)
		msg_die(STATUS_USAGE, "step: expected a name of 1 to %d bytes "
			"without a newline", SUBSTEP_NAME);
}

/* -c SCRIPT [ARG ...]: under the default shell; $0 is the step's name. */
static void take_script(struct stepcall *st, const char *script, char **args,
	int n)
{
	static const char *const bash[] = { "bash", "-eo", "pipefail", "-c" };
	static const char *const sh[] = { "/bin/sh", "-ec" };
	bool have = script_have_bash();
	const char *const *shell = have ? bash : sh;
	size_t i, k = 0, words = have ? 4 : 2;

	st->made = mem_alloc((words + (size_t)n + 3) * sizeof(*st->made));
	for (i = 0; i < words; i++)
		st->made[k++] = (char *)shell[i];
	st->made[k++] = (char *)script;
	st->made[k++] = (char *)st->name;
	for (i = 0; i < (size_t)n; i++)
		st->made[k++] = args[i];
	st->argv = st->made;
}

static void take(struct stepcall *st, int c, const char *arg)
{
	struct why why;

	switch (c) {
	case OPT_STDIN: st->spool = true; break;
	case OPT_NO_OUTPUT: st->silent = true; break;
	case OPT_ANY_ARGS: st->any_args = true; break;
	case OPT_TEST: st->test = true; break;
	case OPT_MARK: st->mark = true; break;
	default:
		if (keyopts_take(&st->keys, c, arg, &why) == -1)
			msg_die(STATUS_USAGE, "step: %s", why.text);
	}
}

/* False: help was asked for. */
static bool parse(struct stepcall *st, int argc, char **argv)
{
	struct option longs[OWN + KEY_COUNT + 1] = { { 0 } };
	const char *script = NULL;
	bool dashes = false;
	size_t n = 0;
	int c, at, index;

	for (; n < OWN; n++)
		longs[n] = own[n];
	n = keyopts_options(&st->keys, wanted, longs, n);
	opterr = 0;
	optind = 1;
	/* options, NAME, options, and -- or -c SCRIPT */
	while (script == NULL) {
		at = optind;
		index = -1;
		c = getopt_long(argc, argv, "+:c:h", longs, &index);
		if (c == -1) {
			dashes = optind > 1 && strcmp(argv[optind - 1],
				"--") == 0;
			if (optind == argc || st->name != NULL || dashes)
				break;
			st->name = argv[optind++];
			/* getopt takes what follows as words, else */
			if (optind < argc && strcmp(argv[optind], "--") == 0) {
				optind++;
				dashes = true;
				break;
			}
			continue;
		}
		if (c == '?')
			options_unknown(argv[at], longs, n);
		if (c == ':')
			msg_die(STATUS_USAGE, "%s needs a value", argv[at]);
		if (index >= 0)
			options_exact(argv, at, &longs[index], optarg, longs,
				n);
		if (c == 'h')
			return false;
		if (c == 'c')
			script = optarg;
		else
			take(st, c, optarg);
	}
	if (st->name == NULL)
		msg_die(STATUS_USAGE, "expected a name: durexec step NAME -- "
			"COMMAND [ARG ...]");
	bad_name(st->name);
	if (st->test || st->mark) {
		if (optind < argc || script != NULL || st->test == st->mark)
			msg_die(STATUS_USAGE, "expected durexec step --test "
				"NAME, or durexec step --mark NAME");
		return true;
	}
	if (script != NULL)
		take_script(st, script, argv + optind, argc - optind);
	else if (optind < argc && dashes)
		st->argv = argv + optind;
	else
		msg_die(STATUS_USAGE, "step %s: expected a command: durexec "
			"step %s -- COMMAND [ARG ...]", st->name, st->name);
	return true;
}

/* The keys, as a pipeline file would have them. */
static void load_keys(struct stepcall *st)
{
	struct complaints c = { 0 };
	struct buf text = { 0 };
	const struct stepconf *conf;
	size_t i;

	buf_str(&text, "[step x]\nrun = :\n");
	keyopts_write(&st->keys, &text);
	st->p = pipeline_load_text("step", text.data, text.len, NULL, 0, &c);
	for (i = 0; i < c.n; i++)
		msg_error("step %s: %s%s%s", st->name, c.v[i].message,
			c.v[i].hint != NULL ? "; " : "",
			c.v[i].hint != NULL ? c.v[i].hint : "");
	if (st->p == NULL)
		msg_die(STATUS_USAGE, "step %s: nothing was run", st->name);
	st->conf = conf = st->p->step[0].conf;
	if (st->silent && (conf->idle_timeout_ms != 0 ||
	    conf->max_output != 0 || conf->fail_if.n + conf->ok_if.n +
	    conf->wait_if.n + conf->retry_if.n + conf->give_up_if.n > 0))
		msg_die(STATUS_USAGE, "step %s: with --no-output nothing of "
			"what it writes can be looked at: no patterns, no "
			"--idle-timeout and no --max-output", st->name);
	complaints_release(&c);
	buf_release(&text);
}

void step_defaults(struct stepcall *st)
{
	load_keys(st);
}

/* What durexec says here hides what the step hides: their names are given to
 * its script, and the values are where they ever are. */
static void hide_secrets(void)
{
	const char *names = getenv("DUREXEC_SECRETS"), *value;
	char *copy = mem_dup(names != NULL ? names : ""), *rest = copy, *name;

	while ((name = strsep(&rest, " ")) != NULL) {
		value = *name != '\0' ? getenv(name) : NULL;
		if (value != NULL)
			mask_add(safe_secrets(), value, strlen(value));
	}
	free(copy);
}

/* An earlier call asked to wait, and the script has gone on: it does without. */
static void take_back_wait(void)
{
	const char *file = getenv("DUREXEC_WAIT");
	const size_t tag = sizeof(VERDICT_CALL) - 1;
	char text[sizeof(VERDICT_CALL)];
	int fd = file != NULL ? open(file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW |
		O_NONBLOCK) : -1;

	if (fd == -1)
		return;
	if (io_read(fd, text, tag) == (ssize_t)tag &&
	    memcmp(text, VERDICT_CALL, tag) == 0)
		unlink(file);
	close(fd);
}

static int claim(struct stepcall *st, struct why *why)
{
	char *dir = mem_of(getcwd(NULL, 0));

	substep_with(&st->call, dir, environ);
	free(dir);
	return substep_claim(&st->scope, &st->call, why);
}

static int in_scope(struct stepcall *st, const char *steps)
{
	struct why why;

	take_back_wait();
	if (substep_open(&st->scope, steps, &why) == -1)
		return step_failed(st, &why);
	substep_identify(&st->call, st->name, st->any_args ? NULL : st->argv,
		st->test || st->mark);
	if (st->test || st->mark)
		substep_first(&st->call);
	else if (claim(st, &why) == -1)
		return step_failed(st, &why);
	return step_call(st);
}

int step_main(int argc, char **argv)
{
	struct stepcall st = { .scope = { .fd = -1, .calls = -1 } };
	const char *steps = getenv("DUREXEC_STEPS");
	int status = STATUS_DONE;

	hide_secrets();
	keyopts_init(&st.keys);
	if (!parse(&st, argc, argv)) {
		help();
	} else if (steps != NULL && *steps == '\0') {
		msg_error("step %s: in conditions, gates and lists nothing is "
			"remembered; call the command itself there", st.name);
		status = STATUS_USAGE;
	} else if (steps == NULL) {
		msg_error("step %s: durexec step remembers what happens in a "
			"run, and there is none here; start the script in "
			"one: durexec exec -- SCRIPT", st.name);
		status = STATUS_USAGE;
	} else {
		if (st.keys.n > 0)
			load_keys(&st);
		status = in_scope(&st, steps);
	}
	substep_close(&st.scope);
	if (st.p != NULL)
		pipeline_free(st.p);
	keyopts_release(&st.keys);
	free(st.made);
	return status;
}
