/* SPDX-License-Identifier: ISC */
#include "options.h"

#include <assert.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "guess.h"
#include "mem.h"
#include "msg.h"

enum { USAGE = 2, MOST_OPTIONS = 128 };

static const struct {
	const char *word;
	enum command command;
} verbs[] = {
	{ "status", COMMAND_STATUS }, { "logs", COMMAND_LOGS },
	{ "stop", COMMAND_STOP }, { "wait", COMMAND_WAIT },
	{ "retry", COMMAND_RETRY }, { "approve", COMMAND_APPROVE },
	{ "skip", COMMAND_SKIP }, { "rewind", COMMAND_REWIND },
	{ "history", COMMAND_HISTORY }, { "clean", COMMAND_CLEAN },
	{ "preset", COMMAND_PRESET }, { "help", COMMAND_HELP },
};

static const char *const later_verbs[] = {
	"graph", "report",
};

enum {
	OPT_RESUME = 256, OPT_FRESH, OPT_NO_WAIT, OPT_FAIL_FAST, OPT_ONLY,
	OPT_UNTIL, OPT_STATE_DIR, OPT_JSON, OPT_PROGRESS, OPT_COLOR, OPT_ALL,
	OPT_STDOUT, OPT_STDERR, OPT_DRAIN, OPT_NOW, OPT_FAILED, OPT_GO,
	OPT_ATTEMPT, OPT_RESULT, OPT_TIMEOUT, OPT_RUN, OPT_RESCAN,
	OPT_RERUN_STALE, OPT_KEEP, OPT_CRON, OPT_NAME, OPT_LATER, OPT_HINT
};

#define START (1u << COMMAND_START)
#define VERB(v) (1u << COMMAND_##v)
#define STEPS (VERB(RETRY) | VERB(APPROVE) | VERB(SKIP) | VERB(REWIND))
#define ANY (~0u)
/* Those that take names: of steps, or of presets. */
#define VERBS_WITH_STEPS (STEPS | VERB(LOGS) | VERB(PRESET) | START)

static const struct {
	struct option o;
	unsigned where;		/* commands it is for */
} table[] = {
	{ { "resume", no_argument, NULL, OPT_RESUME }, START },
	{ { "dry-run", no_argument, NULL, 'n' }, START | VERB(CLEAN) },
	{ { "detach", no_argument, NULL, 'd' }, START },
	{ { "fresh", no_argument, NULL, OPT_FRESH }, START },
	{ { "rescan", no_argument, NULL, OPT_RESCAN }, START },
	{ { "rerun-stale", no_argument, NULL, OPT_RERUN_STALE }, START },
	{ { "fail-fast", no_argument, NULL, OPT_FAIL_FAST }, START },
	{ { "jobs", required_argument, NULL, 'j' }, START },
	{ { "no-wait", no_argument, NULL, OPT_NO_WAIT }, START },
	{ { "only", required_argument, NULL, OPT_ONLY }, START },
	{ { "until", required_argument, NULL, OPT_UNTIL }, START },
	{ { "progress", required_argument, NULL, OPT_PROGRESS }, START },
	{ { "state-dir", required_argument, NULL, OPT_STATE_DIR }, ANY },
	{ { "run", required_argument, NULL, OPT_RUN },
		ANY & ~(START | VERB(PRESET) | VERB(CLEAN)) },
	{ { "json", no_argument, NULL, OPT_JSON },
		START | VERB(STATUS) | VERB(HISTORY) },
	{ { "quiet", no_argument, NULL, 'q' }, ANY },
	{ { "verbose", no_argument, NULL, 'v' }, ANY },
	{ { "color", required_argument, NULL, OPT_COLOR }, ANY },
	{ { "directory", required_argument, NULL, 'C' }, ANY },
	{ { "help", no_argument, NULL, 'h' }, ANY },
	{ { "version", no_argument, NULL, 'V' }, ANY },
	{ { "all", no_argument, NULL, OPT_ALL }, VERB(STATUS) },
	{ { "follow", no_argument, NULL, 'f' }, VERB(LOGS) },
	{ { "attempt", required_argument, NULL, OPT_ATTEMPT }, VERB(LOGS) },
	{ { "stdout", no_argument, NULL, OPT_STDOUT }, VERB(LOGS) },
	{ { "stderr", no_argument, NULL, OPT_STDERR }, VERB(LOGS) },
	{ { "drain", no_argument, NULL, OPT_DRAIN }, VERB(STOP) },
	{ { "now", no_argument, NULL, OPT_NOW }, VERB(STOP) },
	{ { "timeout", required_argument, NULL, OPT_TIMEOUT }, VERB(WAIT) },
	{ { "failed", no_argument, NULL, OPT_FAILED }, VERB(RETRY) },
	{ { "result", required_argument, NULL, OPT_RESULT }, VERB(APPROVE) },
	{ { "go", no_argument, NULL, OPT_GO }, STEPS },
	{ { "keep", required_argument, NULL, OPT_KEEP }, VERB(CLEAN) },
	{ { "cron", no_argument, NULL, OPT_CRON }, START },
	{ { "name", required_argument, NULL, OPT_NAME },
		ANY & ~(START | VERB(PRESET)) },
	/* of the contract, not there yet */
	{ { "watch", no_argument, NULL, OPT_LATER }, ANY },
	/* what people try */
	{ { "restart", no_argument, NULL, OPT_HINT }, ANY },
	{ { "continue", no_argument, NULL, OPT_HINT }, ANY },
};

enum { NOPTIONS = sizeof(table) / sizeof(table[0]) };

static noreturn void usage(const char *text)
{
	msg_die(USAGE, "%s; durexec --help lists what there is", text);
}

static int number(const char *option, const char *text, int least, int most)
{
	char *end;
	long n;

	errno = 0;
	n = strtol(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0' || n < least || n > most)
		msg_die(USAGE, "%s %s: expected a number from %d to %d",
			option, text, least, most);
	return (int)n;
}

static void hint_resume(void)
{
	msg_die(USAGE, "to go on: durexec PIPELINE.ini (tries nothing again "
		"that failed) or durexec --resume (tries it again); to start "
		"anew: durexec --fresh PIPELINE.ini");
}

/* What people try. */
static bool is_go_on(const char *arg)
{
	static const char *const words[] = { "-resume", "--resume",
		"--restart", "--continue" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(arg, words[i]) == 0)
			return true;
	return false;
}

noreturn void options_unknown(const char *arg, const struct option *list,
	size_t n)
{
	const char *names[MOST_OPTIONS], *near;
	char word[64];
	size_t i;

	if (is_go_on(arg))
		msg_die(USAGE, "there is no option %s here, the same command "
			"goes on by itself", arg);
	if (strncmp(arg, "--", 2) == 0) {
		snprintf(word, sizeof(word), "%.*s",
			(int)strcspn(arg + 2, "="), arg + 2);
		for (i = 0; i < n && i < MOST_OPTIONS; i++)
			names[i] = list[i].name;
		near = guess(word, names, i);
		if (near != NULL)
			msg_die(USAGE, "there is no option --%s; did you mean "
				"--%s?", word, near);
	}
	msg_die(USAGE, "there is no option %s; durexec --help lists them",
		arg);
}

void options_exact(char *const *argv, int at, const struct option *found,
	const char *value, const struct option *list, size_t n)
{
	size_t len = strcspn(argv[at], "=");

	if (strlen(found->name) + 2 != len)
		options_unknown(argv[at], list, n);
	if (value != NULL && argv[at][len] == '\0' && strcmp(value, "--") == 0)
		msg_die(USAGE, "%s needs a value before the --", argv[at]);
}

static bool has_option(int c, enum command command)
{
	size_t i;

	for (i = 0; i < NOPTIONS; i++)
		if (table[i].o.val == c)
			return table[i].where >> command & 1;
	return false;
}

static void set_colour(struct options *o, enum when when)
{
	const char *term = getenv("TERM");

	o->colour = when == WHEN_ALWAYS || (when == WHEN_AUTO &&
		isatty(STDOUT_FILENO) && getenv("NO_COLOR") == NULL &&
		(term == NULL || strcmp(term, "dumb") != 0));
}

static bool is_ini(const char *word)
{
	size_t n = strlen(word);

	return n > 4 && strcmp(word + n - 4, ".ini") == 0;
}

/* A verb, if the first word is one. */
static void take_command(struct options *o, char **word, int *n)
{
	size_t i;

	if (*n == 0)
		return;
	for (i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (strcmp(word[0], verbs[i].word) == 0) {
			o->command = verbs[i].command;
			memmove(word, word + 1, (size_t)*n * sizeof(*word));
			(*n)--;
			return;
		}
	if (strcmp(word[0], "exec") == 0 || strcmp(word[0], "step") == 0)
		msg_die(USAGE, "%s comes first, its options behind it: "
			"durexec %s [OPTIONS] ...", word[0], word[0]);
	for (i = 0; i < sizeof(later_verbs) / sizeof(later_verbs[0]); i++)
		if (strcmp(word[0], later_verbs[i]) == 0)
			msg_die(USAGE, "durexec %s is not supported yet",
				word[0]);
}

static void unknown_word(const char *word)
{
	const char *names[sizeof(verbs) / sizeof(verbs[0])], *near;
	size_t i, n = sizeof(verbs) / sizeof(verbs[0]);

	for (i = 0; i < n; i++)
		names[i] = verbs[i].word;
	near = guess(word, names, n);
	if (near != NULL && access(word, F_OK) != 0)
		msg_die(USAGE, "%s is no command and no file; did you mean "
			"durexec %s?", word, near);
}

static const char *word_of(enum command command)
{
	size_t i;

	for (i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (verbs[i].command == command)
			return verbs[i].word;
	return "durexec";
}

/* NAME=VALUE; not an item with a "=" in it. */
static bool is_given(const char *word)
{
	return word[strcspn(word, "=[/")] == '=';
}

static void take_words(struct options *o, char **word, int n)
{
	int i = 0;

	o->given = mem_alloc((size_t)(n + 1) * sizeof(*o->given));
	o->step = mem_alloc((size_t)(n + 1) * sizeof(*o->step));
	/* Starting, the first word is the file, whatever it is called; a verb
	 * takes step names, too. */
	if (n > 0 && (o->command == COMMAND_START ?
	    strchr(word[0], '=') == NULL || is_ini(word[0]) :
	    is_ini(word[0]))) {
		if (o->command == COMMAND_START)
			unknown_word(word[0]);
		o->ini = word[i++];
	}
	for (; i < n; i++) {
		if (*word[i] == '\0')
			usage("there is an empty word");
		/* durexec logs STEP FILE.ini means the same */
		if (o->ini == NULL && is_ini(word[i]))
			o->ini = word[i];
		else if (is_given(word[i]))
			o->given[o->ngiven++] = word[i];
		else
			o->step[o->nsteps++] = word[i];
	}
	if (o->command == COMMAND_START && o->nsteps > 0)
		msg_die(USAGE, "expected NAME=VALUE, not %s", o->step[0]);
	if (o->nsteps > 0 && !(VERBS_WITH_STEPS >> o->command & 1))
		msg_die(USAGE, "%s: %s takes no step names, it is about the "
			"whole run", o->step[0], word_of(o->command));
	if (o->ngiven > 0 && o->ini == NULL)
		msg_die(USAGE, "%s: NAME=VALUE belongs behind a pipeline "
			"file: durexec PIPELINE.ini %s", o->given[0],
			o->given[0]);
}

static void take_option(struct options *o, int c, const char *arg,
	const char *name, enum when *colour)
{
	switch (c) {
	case OPT_RESUME: o->resume = true; break;
	case 'n': o->dry_run = true; break;
	case 'd': o->detach = true; break;
	case OPT_FRESH: o->fresh = true; break;
	case OPT_RESCAN: o->rescan = true; break;
	case OPT_RERUN_STALE: o->rerun_stale = true; break;
	case OPT_KEEP: o->keep = number("--keep", arg, 0, INT_MAX); break;
	case OPT_NO_WAIT: o->no_wait = true; break;
	case OPT_CRON: o->cron = o->resume = true; break;
	case OPT_NAME: o->name = arg; break;
	case OPT_FAIL_FAST: o->fail_fast = true; break;
	case 'j': o->jobs = number("--jobs", arg, 1, 1024); break;
	case OPT_ONLY: o->only = arg; break;
	case OPT_UNTIL: o->until = arg; break;
	case OPT_STATE_DIR: o->state_dir = arg; break;
	case OPT_RUN: o->run = arg; break;
	case OPT_JSON: o->json = true; break;
	case 'q': o->quiet = true; break;
	case 'v': o->verbose = true; break;
	case OPT_ALL: o->all = true; break;
	case 'f': o->follow = true; break;
	case OPT_STDOUT: o->only_stdout = true; break;
	case OPT_STDERR: o->only_stderr = true; break;
	case OPT_DRAIN: o->drain = true; break;
	case OPT_NOW: o->now = true; break;
	case OPT_FAILED: o->failed = true; break;
	case OPT_GO: o->go = true; break;
	case OPT_RESULT: o->result = arg; break;
	case OPT_ATTEMPT:
		o->attempt = number("--attempt", arg, 1, 1 << 30);
		break;
	case OPT_TIMEOUT:
		if (!clock_parse_duration(arg, &o->timeout_ms) ||
		    o->timeout_ms == 0)
			msg_die(USAGE, "--timeout %s: expected a duration, "
				"such as 90s or 1h30m", arg);
		break;
	case OPT_PROGRESS:
		o->plain = strcmp(arg, "plain") == 0;
		if (strcmp(arg, "none") == 0)
			o->progress = false;
		else if (!o->plain && strcmp(arg, "auto") != 0 &&
		    strcmp(arg, "live") != 0)
			msg_die(USAGE, "--progress %s: expected auto, live, "
				"plain or none", arg);
		break;
	case OPT_COLOR:
		if (strcmp(arg, "always") == 0)
			*colour = WHEN_ALWAYS;
		else if (strcmp(arg, "never") == 0)
			*colour = WHEN_NEVER;
		else if (strcmp(arg, "auto") != 0)
			msg_die(USAGE, "--color %s: expected auto, always or "
				"never", arg);
		break;
	case 'C':
		if (chdir(arg) == -1)
			msg_die(USAGE, "-C %s: %s", arg, strerror(errno));
		break;
	case OPT_LATER:
		msg_die(USAGE, "--%s is not supported yet", name);
	case OPT_HINT:
		hint_resume();
	}
}

void options_parse(struct options *o, int argc, char **argv)
{
	struct option longs[NOPTIONS + 1] = { { 0 } };
	enum when colour = WHEN_AUTO;
	struct { int c, index; } seen[256];
	int c, n, nseen = 0, index;
	size_t i;

	memset(o, 0, sizeof(*o));
	o->progress = true;
	o->keep = -1;
	for (i = 0; i < NOPTIONS; i++)
		longs[i] = table[i].o;
	for (n = 1; n < argc; n++) {
		if (strcmp(argv[n], "--") == 0)
			break;
		/* getopt would read it as -r -e -s… */
		if (strcmp(argv[n], "-resume") == 0)
			hint_resume();
	}
	opterr = 0;
	for (;;) {
		int at = optind;

		index = -1;
		c = getopt_long(argc, argv, ":ndj:qvfC:hV", longs, &index);
		if (c == -1)
			break;
		if (c == '?')
			options_unknown(optopt != 0 && optopt < 256 ?
				(char[]){ '-', (char)optopt, '\0' } :
				argv[at < optind ? optind - 1 : at], longs,
				NOPTIONS);
		if (c == ':')
			msg_die(USAGE, "%s needs a value", argv[optind - 1]);
		if (c == 'h') {
			o->command = COMMAND_HELP;
			return;
		}
		if (c == 'V') {
			o->command = COMMAND_VERSION;
			return;
		}
		take_option(o, c, optarg, index >= 0 ? longs[index].name : "",
			&colour);
		if (nseen < (int)(sizeof(seen) / sizeof(seen[0]))) {
			seen[nseen].c = c;
			seen[nseen++].index = index;
		}
	}
	n = argc - optind;
	take_command(o, argv + optind, &n);
	for (c = 0; c < nseen; c++)
		if (!has_option(seen[c].c, o->command)) {
			size_t k;

			for (k = 0; k < NOPTIONS; k++)
				if (table[k].o.val == seen[c].c)
					break;
			assert(k < NOPTIONS);
			msg_die(USAGE, "--%s does not go with %s",
				table[k].o.name, o->command == COMMAND_START ?
				"starting a pipeline" : "this verb");
		}
	take_words(o, argv + optind, n);
	set_colour(o, colour);
	if (o->cron && o->ini == NULL)
		usage("--cron: expected a pipeline file: durexec --cron "
			"PIPELINE.ini");
	if (o->cron) {
		o->quiet = o->plain = true;
		o->colour = false;
	}
	if (o->command == COMMAND_START && o->ini == NULL && !o->resume)
		usage("expected a pipeline file: durexec PIPELINE.ini");
	if (o->fresh && (o->resume || o->rescan || o->rerun_stale))
		msg_die(USAGE, "--fresh starts anew and --%s is about the run "
			"that is there: one of them", o->resume ? "resume" :
			o->rescan ? "rescan" : "rerun-stale");
}

void options_release(struct options *o)
{
	free(o->given);
	free(o->step);
}
