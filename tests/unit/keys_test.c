/* SPDX-License-Identifier: ISC */
/* The table of keys, and conf/example.ini, which explains them. Run at the
 * top of the source tree. */
#include "keys.h"

#include <stdio.h>

#include "loading.h"
#include "mem.h"

static void found(void **state)
{
	(void)state;
	assert_int_equal(keys_find(SECTION_STEP, "run")->id, KEY_RUN);
	assert_int_equal(keys_find(SECTION_DEFAULTS, "nice")->id, KEY_NICE);
	assert_int_equal(keys_find(SECTION_PIPELINE, "jobs")->id,
		PIPELINE_JOBS);
	assert_string_equal(keys_find(SECTION_STEP, "env.X")->name, "env.");
	assert_string_equal(keys_find(SECTION_STEP, "env.")->name, "env.");
	assert_int_equal(keys_find(SECTION_STEP, "env_file")->id,
		KEY_ENV_FILE);
	assert_int_equal(keys_find(SECTION_STEP, "verify.x")->id, KEY_VERIFY);
	assert_int_equal(keys_find(SECTION_STEP, "verify_timeout")->id,
		KEY_VERIFY_TIMEOUT);
	assert_int_equal(keys_find(SECTION_PRESET, "retry_if")->id,
		KEY_RETRY_IF);
	assert_int_equal(keys_find(SECTION_PIPELINE, "on_exit")->id,
		PIPELINE_ON_EXIT);
	assert_int_equal(keys_find(SECTION_POOL, "scope")->id, POOL_SCOPE);
	assert_int_equal(keys_find(SECTION_STEP, "foreach")->id, KEY_FOREACH);
	assert_int_equal(keys_find(SECTION_PRESET, "foreach_from")->id,
		KEY_FOREACH_FROM);
	assert_int_equal(keys_find(SECTION_DEFAULTS, "secrets")->id,
		KEY_SECRETS);
	assert_int_equal(keys_find(SECTION_PIPELINE, "keep_logs")->id,
		PIPELINE_KEEP_LOGS);
	assert_null(keys_find(SECTION_STEP, "env"));
	assert_null(keys_find(SECTION_STEP, ""));
	assert_null(keys_find(SECTION_STEP, "runs"));
	assert_null(keys_find(SECTION_STEP, "ru"));
	assert_null(keys_find(SECTION_STEP, "jobs"));
	assert_null(keys_find(SECTION_PIPELINE, "run"));
	assert_null(keys_find(SECTION_PARAMS, "run"));
	assert_null(keys_find(SECTION_STEP, "slots"));
	assert_null(keys_find(SECTION_POOL, "run"));
}

/* Each enumerator has its key, and no key comes twice. */
static void complete(void **state)
{
	const enum section sections[] = {
		SECTION_PIPELINE, SECTION_STEP, SECTION_POOL,
	};
	const int counts[] = { PIPELINE_COUNT, KEY_COUNT, POOL_KEY_COUNT };

	(void)state;
	for (int s = 0; s < 3; s++) {
		size_t n;
		const struct key *key = keys_of(sections[s], &n);
		int seen[KEY_COUNT] = { 0 };

		for (size_t i = 0; i < n; i++) {
			assert_ptr_equal(keys_find(sections[s], key[i].name),
				&key[i]);
			seen[key[i].id]++;
		}
		for (int i = 0; i < counts[s]; i++)
			assert_int_equal(seen[i], 1);
	}
}

/* None is refused, or called a typing error. */
static void all_known(void **state)
{
	const enum section sections[] = {
		SECTION_PIPELINE, SECTION_STEP, SECTION_POOL,
	};
	size_t n;

	(void)state;
	for (int s = 0; s < 3; s++) {
		const struct key *key = keys_of(sections[s], &n);

		for (size_t i = 0; i < n; i++)
			assert_true(key[i].id >= 0);
	}
}

static void said_hint(enum section section, const char *name,
	const char *expected)
{
	char *hint = keys_hint(section, name);

	assert_string_equal(hint != NULL ? hint : "(none)", expected);
	free(hint);
}

static void hints(void **state)
{
	(void)state;
	said_hint(SECTION_STEP, "retires", "did you mean \"retries\"?");
	said_hint(SECTION_PRESET, "verfy.x", "(none)");
	said_hint(SECTION_STEP, "slots", "it belongs into a [pool NAME]");
	said_hint(SECTION_POOL, "retries", "it belongs into a [step NAME], or "
		"into [defaults] for all steps");
	said_hint(SECTION_PIPELINE, "scope", "it belongs into a [pool NAME]");
	said_hint(SECTION_POOL, "jobs", "it belongs into [pipeline]");
	said_hint(SECTION_POOL, "slot", "did you mean \"slots\"?");
	said_hint(SECTION_POOL, "count", "did you mean \"slots\"?");
	said_hint(SECTION_STEP, "min_intervall", "did you mean "
		"\"min_interval\"? It belongs into a [pool NAME]");
	said_hint(SECTION_STEP, "approval", "did you mean \"review\"?");
	said_hint(SECTION_PIPELINE, "on_failure",
		"did you mean \"on_review\"?");
	said_hint(SECTION_STEP, "matrix", "did you mean \"foreach\"?");
	said_hint(SECTION_STEP, "for_each", "did you mean \"foreach\"?");
	said_hint(SECTION_STEP, "secret", "did you mean \"secrets\"?");
	said_hint(SECTION_STEP, "keep_logs", "it belongs into [pipeline]");
	said_hint(SECTION_PIPELINE, "inputs", "it belongs into a [step NAME], "
		"or into [defaults] for all steps");
	said_hint(SECTION_STEP, "on_failure", "did you mean \"on_review\"? "
		"It belongs into [pipeline]");
}

/* What the other way round would be text put into shell code. */
static void scripts(void **state)
{
	static const char *const expected[] = {
		"run", "if", "check", "resume_run", "foreach_from", "verify.",
	};
	size_t n, found_scripts = 0;
	const struct key *key = keys_of(SECTION_STEP, &n);

	(void)state;
	for (size_t i = 0; i < n; i++)
		found_scripts += key[i].script;
	assert_int_equal(found_scripts, 6);
	for (int i = 0; i < 6; i++)
		assert_true(keys_find(SECTION_STEP, expected[i])->script);
	key = keys_of(SECTION_PIPELINE, &n);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(key[i].script,
			strncmp(key[i].name, "on_", 3) == 0);
}

static char *slurp(const char *path)
{
	struct buf b = { 0 };
	char chunk[4096];
	size_t n;
	FILE *f = fopen(path, "r");

	if (f == NULL)
		fail_msg("cannot open %s: run this at the top of the tree",
			path);
	while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0)
		buf_add(&b, chunk, n);
	fclose(f);
	return buf_steal(&b);
}

/* "\nKEY" or "\n#KEY" with "=" behind it, or a word and "=" for env.NAME */
static bool is_shown(const char *text, const char *key)
{
	size_t n = strlen(key);

	for (const char *at = text; (at = strchr(at, '\n')) != NULL;) {
		at++;
		if (*at == '#')
			at++;
		if (strncmp(at, key, n) != 0)
			continue;
		if (key[n - 1] == '.' || strspn(at + n, " ") ==
		    strcspn(at + n, "="))
			return true;
	}
	return false;
}

static void example(void **state)
{
	char *text = slurp("conf/example.ini");
	const char *rest = strstr(text, "\n[params]\n");
	char *head = mem_dupn(text, (size_t)(rest - text));
	struct pipeline *p;
	size_t n;
	const struct key *key;

	(void)state;
	setenv("HOME", "/home/me", 1);
	setenv("PATH", "/bin", 1);
	p = loads(text);
	assert_true(p->nsteps > 5);
	key = keys_of(SECTION_PIPELINE, &n);
	for (size_t i = 0; i < n; i++)
		if (!is_shown(head, key[i].name))
			fail_msg("[pipeline] %s in conf/example.ini",
				key[i].name);
	key = keys_of(SECTION_STEP, &n);
	for (size_t i = 0; i < n; i++)
		if (!is_shown(rest, key[i].name))
			fail_msg("[step] %s in conf/example.ini", key[i].name);
	key = keys_of(SECTION_POOL, &n);
	for (size_t i = 0; i < n; i++)
		if (!is_shown(rest, key[i].name))
			fail_msg("[pool] %s in conf/example.ini", key[i].name);
	pipeline_free(p);
	free(head);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(found),
		cmocka_unit_test(complete),
		cmocka_unit_test(all_known),
		cmocka_unit_test(hints),
		cmocka_unit_test(scripts),
		cmocka_unit_test(example),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
