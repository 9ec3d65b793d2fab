/* SPDX-License-Identifier: ISC */
#include "keys.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "guess.h"
#include "mem.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

const struct section_name keys_section[SECTION_COUNT] = {
	[SECTION_PIPELINE] = { "pipeline", false },
	[SECTION_PARAMS] = { "params", false },
	[SECTION_DEFAULTS] = { "defaults", false },
	[SECTION_STEP] = { "step", true },
	[SECTION_POOL] = { "pool", true },
	[SECTION_PRESET] = { "preset", true },
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
	{ "keep_logs", PIPELINE_KEEP_LOGS, false },
	{ "when_done", PIPELINE_WHEN_DONE, false },
	{ "max_age", PIPELINE_MAX_AGE, false },
	{ "budget", PIPELINE_BUDGET, false },
	{ "on_done", PIPELINE_ON_DONE, true },
	{ "on_review", PIPELINE_ON_REVIEW, true },
	{ "on_wait", PIPELINE_ON_WAIT, true },
	{ "on_exit", PIPELINE_ON_EXIT, true },
};

static const struct key step_keys[] = {
	{ "run", KEY_RUN, true },
	{ "needs", KEY_NEEDS, false },
	{ "if", KEY_IF, true },
	{ "foreach", KEY_FOREACH, false },
	{ "foreach_from", KEY_FOREACH_FROM, true },
	{ "parallel", KEY_PARALLEL, false },
	{ "always", KEY_ALWAYS, false },
	{ "allow_failure", KEY_ALLOW_FAILURE, false },
	{ "review", KEY_REVIEW, false },
	{ "retries", KEY_RETRIES, false },
	{ "retry_delay", KEY_RETRY_DELAY, false },
	{ "retry_factor", KEY_RETRY_FACTOR, false },
	{ "retry_max_delay", KEY_RETRY_MAX_DELAY, false },
	{ "retry_jitter", KEY_RETRY_JITTER, false },
	{ "retry_on", KEY_RETRY_ON, false },
	{ "retry_if", KEY_RETRY_IF, false },
	{ "give_up_on", KEY_GIVE_UP_ON, false },
	{ "give_up_if", KEY_GIVE_UP_IF, false },
	{ "wait_if", KEY_WAIT_IF, false },
	{ "wait_max", KEY_WAIT_MAX, false },
	{ "rerun", KEY_RERUN, false },
	{ "resume_run", KEY_RESUME_RUN, true },
	{ "timeout", KEY_TIMEOUT, false },
	{ "idle_timeout", KEY_IDLE_TIMEOUT, false },
	{ "stop_signal", KEY_STOP_SIGNAL, false },
	{ "stop_grace", KEY_STOP_GRACE, false },
	{ "ok_exit", KEY_OK_EXIT, false },
	{ "outputs", KEY_OUTPUTS, false },
	{ "outputs_fresh", KEY_OUTPUTS_FRESH, false },
	{ "verify.", KEY_VERIFY, true },
	{ "verify_timeout", KEY_VERIFY_TIMEOUT, false },
	{ "fail_if", KEY_FAIL_IF, false },
	{ "ok_if", KEY_OK_IF, false },
	{ "receipt", KEY_RECEIPT, false },
	{ "inputs", KEY_INPUTS, false },
	{ "stdin", KEY_STDIN, false },
	{ "stdout", KEY_STDOUT, false },
	{ "env.", KEY_ENV, false },
	{ "unset_env", KEY_UNSET_ENV, false },
	{ "env_file", KEY_ENV_FILE, false },
	{ "workdir", KEY_WORKDIR, false },
	{ "umask", KEY_UMASK, false },
	{ "nice", KEY_NICE, false },
	{ "secrets", KEY_SECRETS, false },
	{ "max_output", KEY_MAX_OUTPUT, false },
	{ "requires", KEY_REQUIRES, false },
	{ "check", KEY_CHECK, true },
	{ "pool", KEY_POOL, false },
	{ "preset", KEY_PRESET, false },
	{ "cost", KEY_COST, false },
	{ "cost_from", KEY_COST_FROM, false },
};

static const struct key pool_keys[] = {
	{ "slots", POOL_SLOTS, false },
	{ "min_interval", POOL_MIN_INTERVAL, false },
	{ "scope", POOL_SCOPE, false },
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
	{ "matrix", "foreach" }, { "items", "foreach" },
	{ "for_each", "foreach" }, { "loop", "foreach" },
	{ "with_items", "foreach" }, { "secret", "secrets" },
	{ "exit_codes", "ok_exit" },
	{ "continue_on_error", "allow_failure" },
	{ "continue-on-error", "allow_failure" },
	{ "ignore_errors", "allow_failure" }, { "stopsignal", "stop_signal" },
	{ "max_retries", "retries" }, { "attempts", "retries" },
	{ "retry_backoff", "retry_factor" }, { "backoff", "retry_factor" },
	{ "retry_wait", "retry_delay" }, { "restart", "retries" },
	{ "restartsec", "retry_delay" }, { "approval", "review" },
	{ "manual", "review" }, { "concurrency", "pool" },
	{ "resource_group", "pool" }, { "verify", "verify.NAME" },
	{ "on_failure", "on_review" }, { "on_error", "on_review" },
	{ "on_success", "on_done" }, { "size", "slots" },
	{ "count", "slots" }, { "interval", "min_interval" },
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
	case SECTION_PRESET:
		*n = COUNT(step_keys);
		return step_keys;
	case SECTION_POOL:
		*n = COUNT(pool_keys);
		return pool_keys;
	case SECTION_PARAMS:
	case SECTION_COUNT:
		break;
	}
	*n = 0;
	return NULL;
}

bool keys_not_in_preset(int id)
{
	return id == KEY_RUN || id == KEY_NEEDS || id == KEY_IF ||
		id == KEY_PRESET;
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

/* Where keys of the section stand, for a sentence. */
static const char *whose(enum section section)
{
	return section == SECTION_PIPELINE ? "[pipeline]" :
		section == SECTION_POOL ? "a [pool NAME]" : "a [step NAME]";
}

/* The other kinds of sections than that of a key nobody knows. */
static void others(enum section section, enum section other[2])
{
	static const enum section kinds[] = {
		SECTION_STEP, SECTION_PIPELINE, SECTION_POOL,
	};
	enum section own = section == SECTION_PIPELINE ||
		section == SECTION_POOL ? section : SECTION_STEP;
	int n = 0;

	for (size_t i = 0; i < COUNT(kinds); i++)
		if (kinds[i] != own)
			other[n++] = kinds[i];
}

char *keys_hint(enum section section, const char *name)
{
	enum section other[2];
	const char *meant;

	others(section, other);
	for (int i = 0; i < 2; i++)
		if (keys_find(other[i], name) != NULL)
			return mem_printf("it belongs into %s%s",
				whose(other[i]), other[i] == SECTION_STEP ?
				", or into [defaults] for all steps" : "");
	for (size_t i = 0; i < COUNT(aliases); i++) {
		if (strcasecmp(name, aliases[i].word) != 0)
			continue;
		meant = aliases[i].meant;
		for (int k = 0; k < 2; k++)
			if (keys_find(section, meant) == NULL &&
			    keys_find(other[k], meant) != NULL)
				return mem_printf("did you mean \"%s\"? It "
					"belongs into %s", meant,
					whose(other[k]));
		return mem_printf("did you mean \"%s\"?", meant);
	}
	meant = guess_key(section, name);
	if (meant != NULL)
		return mem_printf("did you mean \"%s\"?", meant);
	for (int i = 0; i < 2; i++) {
		meant = guess_key(other[i], name);
		if (meant != NULL)
			return mem_printf("did you mean \"%s\"? It belongs "
				"into %s", meant, whose(other[i]));
	}
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
			"are [pipeline], [params], [defaults], [pool NAME], "
			"[preset NAME] and [step NAME]",
			*first != '\0' ? first : "NAME");
	free(first);
	return hint;
}
