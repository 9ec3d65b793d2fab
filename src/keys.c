/* SPDX-License-Identifier: ISC */
#include "keys.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "guess.h"
#include "mem.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

const struct section_name keys_section[SECTION_COUNT] = {
	[SECTION_PIPELINE] = { "pipeline", false, true },
	[SECTION_PARAMS] = { "params", false, true },
	[SECTION_DEFAULTS] = { "defaults", false, true },
	[SECTION_STEP] = { "step", true, true },
	[SECTION_POOL] = { "pool", true, false },
	[SECTION_PRESET] = { "preset", true, false },
};

static const struct key pipeline_keys[] = {
	{ "name", PIPELINE_NAME, false },
	{ "description", PIPELINE_DESCRIPTION, false },
	{ "jobs", PIPELINE_JOBS, false },
	{ "shell", PIPELINE_SHELL, false },
	{ "workdir", PIPELINE_WORKDIR, false },
	{ "state_dir", PIPELINE_STATE_DIR, false },
	{ "timeout", PIPELINE_TIMEOUT, false },
	{ "env_file", PIPELINE_ENV_FILE, false },
	{ "env.", PIPELINE_ENV, false },
	{ "fail_fast", PIPELINE_FAIL_FAST, false },
	{ "keep_runs", PIPELINE_KEEP_RUNS, false },
	{ "keep_logs", KEY_UNSUPPORTED, false },
	{ "when_done", PIPELINE_WHEN_DONE, false },
	{ "max_age", PIPELINE_MAX_AGE, false },
	{ "budget", KEY_UNSUPPORTED, false },
	{ "on_done", KEY_UNSUPPORTED, true },
	{ "on_review", KEY_UNSUPPORTED, true },
	{ "on_wait", KEY_UNSUPPORTED, true },
	{ "on_exit", KEY_UNSUPPORTED, true },
};

static const struct key step_keys[] = {
	{ "run", KEY_RUN, true },
	{ "needs", KEY_NEEDS, false },
	{ "if", KEY_IF, true },
	{ "foreach", KEY_UNSUPPORTED, false },
	{ "foreach_from", KEY_UNSUPPORTED, true },
	{ "parallel", KEY_UNSUPPORTED, false },
	{ "always", KEY_ALWAYS, false },
	{ "allow_failure", KEY_ALLOW_FAILURE, false },
	{ "review", KEY_UNSUPPORTED, false },
	{ "retries", KEY_UNSUPPORTED, false },
	{ "retry_delay", KEY_UNSUPPORTED, false },
	{ "retry_factor", KEY_UNSUPPORTED, false },
	{ "retry_max_delay", KEY_UNSUPPORTED, false },
	{ "retry_jitter", KEY_UNSUPPORTED, false },
	{ "retry_on", KEY_UNSUPPORTED, false },
	{ "retry_if", KEY_UNSUPPORTED, false },
	{ "give_up_on", KEY_UNSUPPORTED, false },
	{ "give_up_if", KEY_UNSUPPORTED, false },
	{ "wait_if", KEY_UNSUPPORTED, false },
	{ "wait_max", KEY_UNSUPPORTED, false },
	{ "rerun", KEY_UNSUPPORTED, false },
	{ "resume_run", KEY_UNSUPPORTED, true },
	{ "timeout", KEY_TIMEOUT, false },
	{ "idle_timeout", KEY_IDLE_TIMEOUT, false },
	{ "stop_signal", KEY_STOP_SIGNAL, false },
	{ "stop_grace", KEY_STOP_GRACE, false },
	{ "ok_exit", KEY_OK_EXIT, false },
	{ "outputs", KEY_OUTPUTS, false },
	{ "outputs_fresh", KEY_OUTPUTS_FRESH, false },
	{ "verify.", KEY_UNSUPPORTED, true },
	{ "verify_timeout", KEY_UNSUPPORTED, false },
	{ "fail_if", KEY_UNSUPPORTED, false },
	{ "ok_if", KEY_UNSUPPORTED, false },
	{ "receipt", KEY_UNSUPPORTED, false },
	{ "inputs", KEY_UNSUPPORTED, false },
	{ "stdin", KEY_STDIN, false },
	{ "stdout", KEY_STDOUT, false },
	{ "env.", KEY_ENV, false },
	{ "unset_env", KEY_UNSET_ENV, false },
	{ "env_file", KEY_ENV_FILE, false },
	{ "workdir", KEY_WORKDIR, false },
	{ "umask", KEY_UMASK, false },
	{ "nice", KEY_NICE, false },
	{ "secrets", KEY_UNSUPPORTED, false },
	{ "max_output", KEY_UNSUPPORTED, false },
	{ "requires", KEY_REQUIRES, false },
	{ "check", KEY_CHECK, true },
	{ "pool", KEY_UNSUPPORTED, false },
	{ "preset", KEY_UNSUPPORTED, false },
	{ "cost", KEY_UNSUPPORTED, false },
	{ "cost_from", KEY_UNSUPPORTED, false },
};

/* What the same thing is called elsewhere (GitHub Actions, GitLab, systemd,
 * supervisord, Ansible, Airflow), or is called by people in a hurry. */
static const struct alias {
	const char *word, *meant;
} aliases[] = {
	{ "command", "run" }, { "cmd", "run" }, { "script", "run" },
	{ "exec", "run" }, { "shell_command", "run" },
	{ "depends", "needs" }, { "depends_on", "needs" },
	{ "dependencies", "needs" }, { "after", "needs" },
	{ "when", "if" }, { "condition", "if" }, { "unless", "if" },
	{ "cwd", "workdir" }, { "dir", "workdir" }, { "directory", "workdir" },
	{ "chdir", "workdir" }, { "working_directory", "workdir" },
	{ "working-directory", "workdir" },
	{ "env", "env.NAME" }, { "environment", "env.NAME" },
	{ "environment_file", "env_file" },
	{ "retry", "retries" }, { "output", "outputs" }, { "input", "inputs" },
	{ "matrix", "foreach" }, { "exit_codes", "ok_exit" },
	{ "continue_on_error", "allow_failure" },
	{ "continue-on-error", "allow_failure" },
	{ "ignore_errors", "allow_failure" }, { "stopsignal", "stop_signal" },
	{ "parallelism", "jobs" }, { "max_parallel", "jobs" },
	{ "desc", "description" }, { "title", "description" },
};

const struct key *keys_of(enum section section, size_t *n)
{
	switch (section) {
	case SECTION_PIPELINE:
		*n = COUNT(pipeline_keys);
		return pipeline_keys;
	case SECTION_STEP:
	case SECTION_DEFAULTS:
		*n = COUNT(step_keys);
		return step_keys;
	case SECTION_PARAMS:
	case SECTION_POOL:
	case SECTION_PRESET:
	case SECTION_COUNT:
		break;
	}
	*n = 0;
	return NULL;
}

const struct key *keys_find(enum section section, const char *name)
{
	size_t n;
	const struct key *key = keys_of(section, &n);

	for (size_t i = 0; i < n; i++) {
		size_t len;

		/* Asked once a line, so mostly answered by one byte. */
		if (key[i].name[0] != name[0])
			continue;
		len = strlen(key[i].name);
		if (key[i].name[len - 1] == '.' ?
		    strncmp(key[i].name, name, len) == 0 :
		    strcmp(key[i].name, name) == 0)
			return &key[i];
	}
	return NULL;
}

/* "env." as people know it */
static const char *shown(const struct key *key)
{
	return strcmp(key->name, "env.") == 0 ? "env.NAME" :
		strcmp(key->name, "verify.") == 0 ? "verify.NAME" : key->name;
}

static const char *guess_key(enum section section, const char *name)
{
	const char *words[COUNT(step_keys)];
	size_t n;
	const struct key *key = keys_of(section, &n);

	for (size_t i = 0; i < n; i++)
		words[i] = shown(&key[i]);
	return guess(name, words, n);
}

char *keys_hint(enum section section, const char *name)
{
	bool step = section != SECTION_PIPELINE;
	enum section other = step ? SECTION_PIPELINE : SECTION_STEP;
	const char *meant;

	if (keys_find(other, name) != NULL)
		return mem_printf(step ? "it belongs into [pipeline]" :
			"it belongs into a [step NAME], or into [defaults] "
			"for all steps");
	for (size_t i = 0; i < COUNT(aliases); i++) {
		meant = aliases[i].meant;
		if (strcasecmp(name, aliases[i].word) != 0)
			continue;
		if (keys_find(section, meant) == NULL)
			return mem_printf("did you mean \"%s\"? It belongs "
				"into %s", meant, step ? "[pipeline]" :
				"a [step NAME]");
		return mem_printf("did you mean \"%s\"?", meant);
	}
	meant = guess_key(section, name);
	if (meant != NULL)
		return mem_printf("did you mean \"%s\"?", meant);
	meant = guess_key(other, name);
	if (meant != NULL)
		return mem_printf("did you mean \"%s\"? It belongs into %s",
			meant, step ? "[pipeline]" : "a [step NAME]");
	return NULL;
}

char *keys_section_hint(const char *text)
{
	const char *words[SECTION_COUNT];
	size_t len = strcspn(text, " \t"), rest;
	const char *name = text + len + strspn(text + len, " \t");
	char *first = mem_dupn(text, len);
	const char *meant;
	char *hint = NULL;

	for (int i = 0; i < SECTION_COUNT; i++)
		words[i] = keys_section[i].name;
	meant = guess(first, words, SECTION_COUNT);
	/* [job x], [task x] and the like */
	if (meant == NULL && *name != '\0')
		meant = "step";
	rest = strlen(name);
	for (int i = 0; meant != NULL && i < SECTION_COUNT; i++) {
		if (strcmp(keys_section[i].name, meant) != 0)
			continue;
		if (!keys_section[i].named)
			hint = mem_printf("did you mean [%s]?", meant);
		else
			hint = mem_printf("did you mean [%s %.48s]?", meant,
				rest > 0 ? name : "NAME");
	}
	if (meant == NULL)
		hint = mem_printf("did you mean [step %.48s]? The sections "
			"are [pipeline], [params], [defaults] and [step NAME]",
			*first != '\0' ? first : "NAME");
	free(first);
	return hint;
}
