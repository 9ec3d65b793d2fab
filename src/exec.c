/* SPDX-License-Identifier: ISC */
#include "exec.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "inifile.h"
#include "io.h"
#include "keyopts.h"
#include "load.h"
#include "mem.h"
#include "msg.h"
#include "quote.h"
#include "scriptname.h"
#include "secrets.h"
#include "words.h"

/* A comment in it: a hash of what --env has set, ENV_DIGITS of them. The values
 * are kept nowhere. */
#define ENV_LINE "\n# --env "
enum { ENV_DIGITS = 16 };

enum {
	OPT_NAME = 256, OPT_MAX_AGE, OPT_FRESH, OPT_NO_WAIT, OPT_CRON,
	OPT_STATE_DIR,
	/* timeout(1) says so too. */
	STATUS_TIMEOUT = 124,
};

struct exec_line {
	char **argv;		/* the command */
	char *name;
	const char *max_age;
	const char *env_file;	/* NULL: not said */
	struct keyopts keys;
};

static const struct option own[] = {
	{ "name", required_argument, NULL, OPT_NAME },
	{ "max-age", required_argument, NULL, OPT_MAX_AGE },
	{ "fresh", no_argument, NULL, OPT_FRESH },
	{ "no-wait", no_argument, NULL, OPT_NO_WAIT },
	{ "cron", no_argument, NULL, OPT_CRON },
	{ "state-dir", required_argument, NULL, OPT_STATE_DIR },
	{ "detach", no_argument, NULL, 'd' },
	{ "dry-run", no_argument, NULL, 'n' },
	{ "quiet", no_argument, NULL, 'q' },
	{ "directory", required_argument, NULL, 'C' },
	{ "help", no_argument, NULL, 'h' },
};

enum { OWN = sizeof(own) / sizeof(own[0]) };

/* Keys that make sense for one command. */
static bool wanted(enum step_key key)
{
	switch (key) {
	case KEY_RUN:
	case KEY_NEEDS:
	case KEY_IF:
	case KEY_FOREACH:
	case KEY_FOREACH_FROM:
	case KEY_PARALLEL:
	case KEY_ALWAYS:
	case KEY_ALLOW_FAILURE:
	case KEY_REVIEW:
	case KEY_INPUTS:
	case KEY_POOL:
	case KEY_COUNT:
		return false;
	default:
		return true;
	}
}

static void check_name(const char *name)
{
	if (!scriptname_is_good(name))
		msg_die(STATUS_USAGE, "--name %s: expected at most %d "
			"letters, digits, \"_\", \".\" and \"-\", beginning "
			"with neither \".\" nor \"-\"", name, INIFILE_NAME);
}

static void take(struct options *o, int c, const char *arg)
{
	struct exec_line *x = o->exec;
	struct why why;

	switch (c) {
	case OPT_NAME:
		check_name(arg);
		free(x->name);
		x->name = mem_dup(arg);
		break;
	case OPT_MAX_AGE: x->max_age = arg; break;
	case OPT_FRESH: o->fresh = true; break;
	case OPT_NO_WAIT: o->no_wait = true; break;
	case OPT_CRON: o->cron = true; break;
	case OPT_STATE_DIR: o->state_dir = arg; break;
	case 'd': o->detach = true; break;
	case 'n': o->dry_run = true; break;
	case 'q': o->quiet = true; break;
	case 'C':
		if (chdir(arg) != 0)
			msg_die(STATUS_USAGE, "-C %s: %s", arg,
				strerror(errno));
		break;
	case KEYOPTS_FIRST + KEY_ENV_FILE: x->env_file = arg; break;
	default:
		if (keyopts_take(&x->keys, c, arg, &why) == -1)
			msg_die(STATUS_USAGE, "%s", why.text);
	}
}

static void exec_help(const struct keyopts *keys)
{
	int i, column = 0;

	printf(
"durexec exec [OPTIONS] -- COMMAND [ARG ...]\n"
"\n"
"Runs COMMAND as a run of one step: logged, locked, gone on with when the same\n"
"is typed again after a failure or a kill. Its output is passed on, and its exit\n"
"status is its own. After a success the same begins a new run.\n"
"\n"
"  --name NAME      what the run is called (the script's base name)\n"
"  --fresh          close the unfinished run and start a new one\n"
"  --max-age T      the same by itself, when it is older\n"
"  --cron           silent unless it fails; then with what it wrote\n"
"  --no-wait        do not stay for a time that is waited for: exit 75\n"
"  -d, -n, -q, -C DIR, --state-dir DIR   as for pipelines\n"
"\n"
"Keys of a step (man durexec.ini), each with a value:\n ");
	for (i = 0; i < KEY_COUNT; i++) {
		if (keys->name[i] == NULL)
			continue;
		if (column + (int)strlen(keys->name[i]) > 70) {
			printf("\n ");
			column = 0;
		}
		column += printf(" --%s", keys->name[i]);
	}
	printf("\n");
}

void exec_parse(struct options *o, int argc, char **argv)
{
	struct option longs[OWN + KEY_COUNT + 1] = { { 0 } };
	struct exec_line *x;
	size_t n = 0;
	int c, at = 1, index = -1;

	memset(o, 0, sizeof(*o));
	o->command = COMMAND_START;
	o->keep = -1;
	x = o->exec = mem_alloc(sizeof(*x));
	keyopts_init(&x->keys);
	for (; n < OWN; n++)
		longs[n] = own[n];
	n = keyopts_options(&x->keys, wanted, longs, n);
	opterr = 0;
	optind = 1;
	for (; (c = getopt_long(argc, argv, "+:dnqC:h", longs, &index)) != -1;
	    at = optind, index = -1) {
		if (c == '?')
			options_unknown(argv[at], longs, n);
		if (c == ':')
			msg_die(STATUS_USAGE, "%s needs a value", argv[at]);
		if (index >= 0)
			options_exact(argv, at, &longs[index], optarg, longs,
				n);
		if (c == 'h') {
			o->command = COMMAND_HELP;
			exec_help(&x->keys);
			return;
		}
		take(o, c, optarg);
	}
	if (optind == argc || *argv[optind] == '\0')
		msg_die(STATUS_USAGE, "expected a command: durexec exec "
			"[OPTIONS] -- COMMAND [ARG ...]");
	x->argv = argv + optind;
	if (x->name == NULL)
		x->name = scriptname(x->argv);
	/* exec is typed to go on, and to begin anew */
	o->resume = !o->fresh;
}

void exec_release(struct options *o)
{
	if (o->exec == NULL)
		return;
	keyopts_release(&o->exec->keys);
	free(o->exec->name);
	free(o->exec);
	o->exec = NULL;
}

static char *base_dir(const char *state_dir)
{
	const char *env = getenv("DUREXEC_STATE_DIR");

	if (state_dir != NULL || (env != NULL && *env != '\0'))
		return rundir_base(NULL, state_dir);
	return rundir_state_home();
}

/* quoted: the first word in any case. */
static void write_command(char *const *argv, bool quoted, struct buf *out)
{
	size_t at = out->len;

	quote_raw(out, argv[0]);
	if (quoted && out->data[at] != '\'' && out->data[at] != '$') {
		buf_reset(out);
		buf_printf(out, "'%s'", argv[0]);
	}
	for (argv++; *argv != NULL; argv++) {
		buf_char(out, ' ');
		quote_raw(out, *argv);
	}
}

static void write_ini(const struct exec_line *x, const char *base,
	struct buf *out)
{
	struct buf command = { 0 };
	char *cwd = getcwd(NULL, 0), **direct, *file;

	if (cwd == NULL)
		msg_die(STATUS_USAGE, "cannot tell the working directory: %s",
			strerror(errno));
	if (cwd[strcspn(cwd, "\n")] != '\0' || strchr(" \t", cwd[strlen(cwd) -
	    1]) != NULL)
		msg_die(STATUS_USAGE, "a directory whose name ends in a blank, "
			"or has a newline in it, cannot be written down; go to "
			"another one, and name it with --workdir");
	write_command(x->argv, false, &command);
	/* a shell would take its first word for one of its own */
	direct = words_split(command.data, NULL);
	if (direct == NULL) {
		buf_reset(&command);
		write_command(x->argv, true, &command);
	}
	free(direct);
	buf_str(out, "# durexec exec wrote this, and writes it again");
	if (x->keys.env != 0)
		buf_printf(out, ENV_LINE "%016llx",
			(unsigned long long)x->keys.env);
	buf_str(out, "\n[pipeline]\n");
	keyopts_line(out, "name", x->name);
	keyopts_literal(out, "state_dir", base);
	keyopts_literal(out, "workdir", cwd);
	if (x->max_age != NULL)
		keyopts_line(out, "max_age", x->max_age);
	buf_printf(out, "\n[step %s]\n", x->name);
	keyopts_line(out, "run", command.data);
	keyopts_write(&x->keys, out);
	/* not beside exec.ini */
	if (x->env_file != NULL) {
		file = *x->env_file == '/' ? mem_dup(x->env_file) :
			mem_printf("%s/%s", cwd, x->env_file);
		keyopts_literal(out, "env_file", file);
		free(file);
	}
	buf_release(&command);
	free(cwd);
}

/* A key that came from an option is complained about as that. */
static void complain(const struct complaints *c)
{
	size_t i;

	for (i = 0; i < c->n; i++)
		msg_error("exec: %s%s%s", c->v[i].message,
			c->v[i].hint != NULL ? "; " : "",
			c->v[i].hint != NULL ? c->v[i].hint : "");
}

int exec_load(struct session *se, const struct options *o, char **base)
{
	const struct exec_line *x = o->exec;
	struct complaints c = { 0 };
	struct buf text = { 0 };
	struct why why;
	int status = 0;

	*base = base_dir(o->state_dir);
	if (*base == NULL) {
		msg_error("there is no home directory to keep the run in; "
			"name one with --state-dir");
		return STATUS_USAGE;
	}
	se->ini = mem_printf("%s/%s/" EXEC_FILE, *base, x->name);
	write_ini(x, *base, &text);
	se->p = pipeline_load_text(se->ini, text.data, text.len, NULL, 0, &c);
	if (se->p == NULL) {
		complain(&c);
		status = STATUS_USAGE;
	} else if (home_open(&se->h, *base, x->name, !o->dry_run,
	    &why) == -1) {
		msg_error("%s", why.text);
		status = STATUS_STATE;
	} else {
		/* again: its path can be resolved now */
		pipeline_free(se->p);
		se->p = pipeline_load_text(se->ini, text.data, text.len, NULL,
			0, &c);
		secrets_read(se->p, NULL);
		se->p->when_done = WHEN_DONE_AGAIN;
	}
	complaints_release(&c);
	buf_release(&text);
	return status;
}

static bool equal(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* The line of our own in the file, with what --env has set. */
static bool same_env(const struct pipeline *was, const struct pipeline *p)
{
	const char *a = strstr(was->text, ENV_LINE), *b = strstr(p->text,
		ENV_LINE);

	if (a == NULL || b == NULL)
		return a == b;
	return strncmp(a, b, sizeof(ENV_LINE) - 1 + ENV_DIGITS) == 0;
}

/* What says what the work is. How often it is tried, and for how long, may be
 * another this time. */
static bool is_same(const struct pipeline *was, const struct pipeline *p)
{
	const struct stepconf *a, *b;

	if (was->nsteps != 1 || !equal(was->step[0].run, p->step[0].run))
		return false;
	a = was->step[0].conf;
	b = p->step[0].conf;
	/* --workdir counts instead of where it is typed */
	return equal(a->workdir, b->workdir) && (a->workdir != NULL ||
		equal(was->workdir, p->workdir)) &&
		equal(a->stdin_from, b->stdin_from) &&
		equal(a->stdout_to, b->stdout_to) &&
		equal(a->env_file, b->env_file) && same_env(was, p);
}

/* The command of the run that is there, loaded from its own copy; NULL: it
 * cannot be. */
static struct pipeline *former(const struct session *se)
{
	struct complaints c = { 0 };
	struct buf text = { 0 };
	struct pipeline *p = NULL;

	if (io_slurp(se->d.fd, "pipeline.ini", 64 * 1024 * 1024, &text,
	    NULL) == 0)
		p = pipeline_load_text(se->p->path, text.data, text.len, NULL,
			0, &c);
	complaints_release(&c);
	buf_release(&text);
	return p;
}

bool exec_is_same(const struct session *se, const struct options *o, bool say)
{
	struct pipeline *was;
	bool same;

	if (!session_has_run(se) || se->s.closed != NULL || o->fresh)
		return true;
	was = former(se);
	same = was != NULL && is_same(was, se->p);
	if (was == NULL && say)
		msg_error("which command the unfinished run %s of %s is cannot "
			"be told any more; to start this one instead: durexec "
			"exec --fresh ...; to have both: --name", se->d.id,
			o->exec->name);
	else if (!same && say)
		msg_error("the unfinished run %s of %s is another command, or "
			"in another place: %.200s (in %s); to start this one "
			"instead: durexec exec --fresh ...; to have both: "
			"--name", se->d.id, o->exec->name,
			was->step[0].run != NULL ? was->step[0].run : "?",
			was->step[0].conf->workdir != NULL ?
			was->step[0].conf->workdir : was->workdir);
	if (was != NULL)
		pipeline_free(was);
	return same;
}

int exec_keep(const struct session *se)
{
	struct buf old = { 0 };
	struct why why;
	int status = 0;

	if ((io_slurp(se->h.fd, EXEC_FILE, se->p->text_len, &old,
	    &why) == -1 || old.len != se->p->text_len ||
	    memcmp(old.data, se->p->text, old.len) != 0) &&
	    io_replace(se->h.fd, EXEC_FILE, se->p->text, se->p->text_len,
	    &why) == -1) {
		msg_error("%s", why.text);
		status = STATUS_STATE;
	}
	buf_release(&old);
	return status;
}

int exec_status(const struct session *se, const struct run_result *r,
	int otherwise)
{
	const struct task *t = plan_task(&se->plan, 0);
	const struct outcome *o = &t->outcome;

	if (r->state_lost || r->signo != 0 || (t->state != TASK_DONE &&
	    t->state != TASK_NEEDS_REVIEW))
		return otherwise;
	if (r->unpassed != 0)
		msg_error("cannot pass on what %s wrote: %s; it is in %s/log",
			t->name, strerror(r->unpassed), se->d.path);
	switch (o->kind) {
	case OUTCOME_EXIT:
		if (o->exit == 0 && r->unpassed != 0)
			break;
		return STATUS_OWN | (o->exit == 0 && t->state != TASK_DONE ?
			STATUS_REVIEW : o->exit);
	case OUTCOME_TIMEOUT:
	case OUTCOME_IDLE:
		return STATUS_OWN | STATUS_TIMEOUT;
	case OUTCOME_SIGNAL:
	case OUTCOME_INTERRUPTED:
		if (o->signo != 0)
			return STATUS_OWN | (128 + o->signo);
		break;
	case OUTCOME_NONE:
	case OUTCOME_FLOOD:
	case OUTCOME_NOT_STARTED:
	case OUTCOME_LOST:
	case OUTCOME_KINDS:
		break;
	}
	return STATUS_OWN | STATUS_REVIEW;
}

char *exec_find(const char *name, const char *state_dir)
{
	char *base = base_dir(state_dir), *path;

	path = base != NULL ? mem_printf("%s/%s/" EXEC_FILE, base, name) :
		NULL;
	if (path != NULL && access(path, F_OK) != 0) {
		msg_error("there is no run called %s in %s", name, base);
		free(path);
		path = NULL;
	}
	free(base);
	return path;
}
