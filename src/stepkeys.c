/* SPDX-License-Identifier: ISC */
#include "stepkeys.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "given.h"
#include "guess.h"
#include "keys.h"
#include "pools.h"
#include "refs.h"
#include "values.h"

/* retry_max_delay = 0, which is no limit: no delay is as long as a year. */
#define NO_MAX_DELAY_MS (365LL * 24 * 3600 * 1000)

/* Whoever writes more does not count them. */
#define MOST_RETRIES 1000000
#define MOST_PARALLEL 1000000

void stepkeys_names(const char *key[KEY_COUNT])
{
	size_t n;
	const struct key *keys = keys_of(SECTION_STEP, &n);

	for (size_t i = 0; i < n; i++)
		key[keys[i].id] = keys[i].name;
}

void stepkeys_init(struct stepkeys *k, struct draft *d)
{
	memset(k, 0, sizeof(*k));
	k->d = d;
	stepkeys_names(k->key);
}

void stepkeys_release(struct stepkeys *k)
{
	matching_release(&k->matching);
}

int stepkeys_line(const struct stepkeys *k, const struct setting *s)
{
	return k->d->source->own ? s->line : k->preset_line;
}

static int read_always(const char *text, enum always *always, struct why *why)
{
	if (strcasecmp(text, "done") == 0)
		*always = ALWAYS_DONE;
	else if (strcasecmp(text, "review") == 0)
		*always = ALWAYS_REVIEW;
	else if (strcasecmp(text, "no") == 0)
		*always = ALWAYS_NO;
	else
		return why_set(why, "expected done, review or no");
	return 0;
}

static int read_rerun(struct stepkeys *k, const char *text, struct why *why)
{
	bool never = strcasecmp(text, "never") == 0;

	if (!never && strcasecmp(text, "safe") != 0)
		return why_set(why, "expected safe or never");
	k->never = never;
	k->safe = !never;
	return 0;
}

static char *signal_hint(const char *text)
{
	size_t n;
	const char *const *names = values_signal_names(&n);
	const char *meant;

	if (strncasecmp(text, "SIG", 3) == 0)
		text += 3;
	meant = guess(text, names, n);
	return meant != NULL ? mem_printf("did you mean %s?", meant) : NULL;
}

static int read_exits(const char *text, struct exits *exits, struct why *why)
{
	memset(exits, 0, sizeof(*exits));
	return values_exits(text, exits->bit, why);
}

static int read_max_delay(const char *text, int64_t *ms, struct why *why)
{
	if (values_duration(text, ms, why) == -1)
		return -1;
	if (*ms == 0)
		*ms = NO_MAX_DELAY_MS;
	return 0;
}

/* Numbers and choices are read while loading; `text` has no ${NAME} left. */
static int read_text(struct stepkeys *k, struct stepconf *c,
	const struct setting *s, const char *text, struct why *why)
{
	switch ((enum step_key)s->id) {
	case KEY_PARALLEL:
		return values_int(text, 0, MOST_PARALLEL, &c->parallel, why);
	case KEY_ALWAYS:
		return read_always(text, &c->always, why);
	case KEY_ALLOW_FAILURE:
		return values_bool(text, &c->allow_failure, why);
	case KEY_REVIEW:
		return values_bool(text, &c->review, why);
	case KEY_RETRIES:
		return values_int(text, 0, MOST_RETRIES, &c->retries, why);
	case KEY_RETRY_DELAY:
		return values_duration(text, &c->retry_delay_ms, why);
	case KEY_RETRY_FACTOR:
		return values_factor(text, &c->retry_factor, why);
	case KEY_RETRY_MAX_DELAY:
		return read_max_delay(text, &c->retry_max_delay_ms, why);
	case KEY_RETRY_JITTER:
		return values_percent(text, &c->retry_jitter, why);
	case KEY_RETRY_ON:
		c->retry_on_given = *text != '\0';
		return read_exits(text, &c->retry_on, why);
	case KEY_GIVE_UP_ON:
		return read_exits(text, &c->give_up_on, why);
	case KEY_WAIT_MAX:
		return values_duration(text, &c->wait_max_ms, why);
	case KEY_RERUN:
		return read_rerun(k, text, why);
	case KEY_TIMEOUT:
		return values_duration(text, &c->timeout_ms, why);
	case KEY_IDLE_TIMEOUT:
		return values_duration(text, &c->idle_timeout_ms, why);
	case KEY_STOP_SIGNAL:
		return values_signal(text, &c->stop_signal, why);
	case KEY_STOP_GRACE:
		return values_duration(text, &c->stop_grace_ms, why);
	case KEY_OK_EXIT:
		if (read_exits(text, &c->ok_exit, why) == -1)
			return -1;
		c->ok_exit.bit[0] |= 1;
		return 0;
	case KEY_OUTPUTS_FRESH:
		return values_bool(text, &c->outputs_fresh, why);
	case KEY_VERIFY_TIMEOUT:
		return values_duration(text, &c->verify_timeout_ms, why);
	case KEY_UMASK:
		return values_umask(text, &c->umask, why);
	case KEY_NICE:
		return values_int(text, -20, 19, &c->nice, why);
	case KEY_MAX_OUTPUT:
		return values_size(text, &c->max_output, why);
	case KEY_POOL:
		c->pool = *text != '\0' ? pools_find(k->d, s, text) : -1;
		return 0;
	case KEY_COST:
		c->cost = 0;
		return *text != '\0' ? values_money(text, &c->cost, why) : 0;
	case KEY_RUN: case KEY_NEEDS: case KEY_IF: case KEY_FOREACH:
	case KEY_FOREACH_FROM: case KEY_INPUTS: case KEY_SECRETS:
	case KEY_RETRY_IF:
	case KEY_GIVE_UP_IF: case KEY_WAIT_IF: case KEY_RESUME_RUN:
	case KEY_OUTPUTS: case KEY_VERIFY: case KEY_FAIL_IF: case KEY_OK_IF:
	case KEY_RECEIPT: case KEY_STDIN: case KEY_STDOUT: case KEY_ENV:
	case KEY_UNSET_ENV: case KEY_ENV_FILE: case KEY_WORKDIR:
	case KEY_REQUIRES: case KEY_CHECK: case KEY_PRESET:
	case KEY_COST_FROM: case KEY_COUNT:
		break;
	}
	return 0;
}

static void read_now(struct stepkeys *k, struct stepconf *c,
	const struct setting *s)
{
	struct buf buf = { 0 };
	struct why why;
	const char *key = k->key[s->id];
	const char *text = given_now(k->d, s, key, &buf);

	if (text != NULL && read_text(k, c, s, text, &why) == -1)
		given_bad(k->d, s, key, text, s->id == KEY_STOP_SIGNAL ?
			signal_hint(text) : NULL, why.text);
	buf_release(&buf);
}

/* A program, or one of the words before a ":". */
static void check_requirement(struct stepkeys *k, const struct setting *s,
	const char *word)
{
	static const char *const kinds[] = { "file", "env", "free" };
	static const char expected[] =
		"expected a program, file:PATH, env:NAME or free:SIZE";
	const char *colon = strchr(word, ':');
	const char *slash = strchr(word, '/');
	const char *what, *meant;
	char *kind;
	int64_t bytes;
	struct why why;

	if (colon == NULL || (slash != NULL && slash < colon) ||
	    strstr(word, "${") != NULL)
		return;
	kind = mem_dupn(word, (size_t)(colon - word));
	what = colon + 1;
	if (strcmp(kind, "file") == 0) {
		if (*what == '\0')
			given_bad(k->d, s, "requires", word, NULL, expected);
	} else if (strcmp(kind, "env") == 0) {
		if (!values_is_variable(what))
			given_bad(k->d, s, "requires", word, NULL,
				"expected the name of a variable after env:");
	} else if (strcmp(kind, "free") == 0) {
		if (values_size(what, &bytes, &why) == -1)
			given_bad(k->d, s, "requires", word, NULL, why.text);
	} else {
		meant = guess(kind, kinds, 3);
		given_bad(k->d, s, "requires", word, meant != NULL ?
			mem_printf("did you mean %s:%s?", meant, what) : NULL,
			expected);
	}
	free(kind);
}

static void read_list(struct stepkeys *k, struct stepconf *c,
	const struct setting *s)
{
	struct strlist list = values_list(&k->d->p->arena, s->value);

	if (s->id == KEY_OUTPUTS || s->id == KEY_INPUTS) {
		*(s->id == KEY_OUTPUTS ? &c->outputs : &c->inputs) = list;
		return;
	}
	if (s->id == KEY_REQUIRES)
		c->requires = list;
	else
		c->unset_env = list;
	for (int i = 0; i < list.n; i++) {
		if (s->id == KEY_REQUIRES)
			check_requirement(k, s, list.v[i]);
		else if (strstr(list.v[i], "${") == NULL &&
			 !values_is_variable(list.v[i]))
			given_bad(k->d, s, "unset_env", list.v[i], NULL,
				"expected names of variables");
	}
}

/* The words as they are written, or the one "step:NAME", whose NAME is known
 * by now. Of this and foreach_from the stronger section's counts. */
/* Nothing behind the key takes away what a weaker section said. Where there is
 * nothing of it, something was forgotten; the step would run with no item. */
static void check_clears(struct stepkeys *k, const struct stepconf *c,
	const struct setting *s)
{
	if (c->foreach.n == 0 && c->foreach_from == NULL)
		draft_complain(k->d, s->line, mem_printf(s->id == KEY_FOREACH ?
			"write \"foreach = WORD…\", or take the key out" :
			"write \"foreach_from = COMMAND\", or take the key "
			"out"), "%s has no value", k->key[s->id]);
}

static void read_foreach(struct stepkeys *k, struct stepconf *c,
	const struct setting *s)
{
	struct draft *d = k->d;
	struct strlist list = values_list(&d->p->arena, s->value);
	struct strlist known;

	for (int i = 0; i < list.n; i++) {
		if (values_step(list.v[i]) == NULL)
			continue;
		if (list.n > 1) {
			given_bad(d, s, "foreach", list.v[i], NULL,
				"step:NAME has to stand alone");
			continue;
		}
		known = refs_words(d, s->line, "foreach", list.v[i]);
		/* complained: no step is missed besides */
		list.v[i] = known.n == 0 ? values_step(list.v[i]) :
			arena_dup(&d->p->arena, known.v[0]);
	}
	if (list.n == 0)
		check_clears(k, c, s);
	c->foreach = list;
	if (list.n > 0)
		c->foreach_from = NULL;
}

static void read_foreach_from(struct stepkeys *k, struct stepconf *c,
	const struct setting *s)
{
	struct draft *d = k->d;
	const char *text = s->value + strspn(s->value, " \t\n");

	if (*text == '\0')
		check_clears(k, c, s);
	c->foreach_from = values_step(text) != NULL ?
		values_trim(arena_dup(&d->p->arena, text)) :
		given_script(d, s, "foreach_from");
	if (c->foreach_from != NULL)
		memset(&c->foreach, 0, sizeof(c->foreach));
}

/* Names of variables, known by now: none of them may have a value that stands
 * in the file. */
static void read_secrets(struct stepkeys *k, struct stepconf *c,
	const struct setting *s)
{
	struct draft *d = k->d;
	struct strlist words = refs_words(d, s->line, "secrets", s->value);
	struct strlist list = { NULL, 0 };

	if (words.n > 0)
		list.v = arena_alloc(&d->p->arena,
			(size_t)words.n * sizeof(*list.v));
	for (int i = 0; i < words.n; i++) {
		if (values_is_variable(words.v[i]))
			list.v[list.n++] = arena_dup(&d->p->arena, words.v[i]);
		else	/* it may be NAME=VALUE, so it is not quoted */
			draft_complain(d, s->line, NULL, "secrets: expected "
				"names of variables, and word %d is none",
				i + 1);
	}
	c->secrets = list;
}

/* Those that add up over the sections. */
static struct patterns *patterns_of(struct stepconf *c, int id)
{
	return id == KEY_RETRY_IF ? &c->retry_if :
		id == KEY_GIVE_UP_IF ? &c->give_up_if :
		id == KEY_WAIT_IF ? &c->wait_if :
		id == KEY_FAIL_IF ? &c->fail_if : &c->ok_if;
}

static void note_line(struct stepkeys *k, struct stepconf *c,
	const struct setting *s)
{
	int *line = &c->line[s->id];

	/* Of several env.NAME the first one tells where they are; `preset` is
	 * noted by conf.c. */
	if (s->id == KEY_PRESET || (*line != 0 &&
	    (s->id == KEY_ENV || s->id == KEY_VERIFY)))
		return;
	*line = stepkeys_line(k, s);
}

void stepkeys_apply(struct stepkeys *k, struct stepconf *c,
	const struct setting *s)
{
	struct draft *d = k->d;
	const char *key = k->key[s->id];

	note_line(k, c, s);
	switch ((enum step_key)s->id) {
	case KEY_RUN: case KEY_NEEDS: case KEY_ENV: case KEY_VERIFY:
	case KEY_PRESET: case KEY_COUNT:
		break;
	case KEY_IF:
		c->condition = given_script(d, s, key);
		break;
	case KEY_CHECK:
		c->check = given_script(d, s, key);
		break;
	case KEY_RESUME_RUN:
		c->resume_run = given_script(d, s, key);
		break;
	case KEY_STDIN:
		c->stdin_from = given_line(d, s, key);
		if (c->stdin_from != NULL && strcmp(c->stdin_from, "null") == 0)
			c->stdin_from = NULL;
		break;
	case KEY_STDOUT:
		c->stdout_to = given_line(d, s, key);
		break;
	case KEY_ENV_FILE:
		c->env_file = given_line(d, s, key);
		break;
	case KEY_WORKDIR:
		c->workdir = given_line(d, s, key);
		break;
	case KEY_FOREACH:
		read_foreach(k, c, s);
		break;
	case KEY_FOREACH_FROM:
		read_foreach_from(k, c, s);
		break;
	case KEY_SECRETS:
		read_secrets(k, c, s);
		break;
	case KEY_REQUIRES: case KEY_OUTPUTS: case KEY_INPUTS:
	case KEY_UNSET_ENV:
		read_list(k, c, s);
		break;
	case KEY_RETRY_IF: case KEY_GIVE_UP_IF: case KEY_WAIT_IF:
	case KEY_FAIL_IF: case KEY_OK_IF:
		matching_add(&k->matching, d, s, key, patterns_of(c, s->id));
		break;
	case KEY_RECEIPT:
		matching_set(&k->matching, d, s, key, 0, &c->receipt);
		break;
	case KEY_COST_FROM:
		matching_set(&k->matching, d, s, key, 1, &c->cost_from);
		break;
	case KEY_PARALLEL: case KEY_ALWAYS: case KEY_ALLOW_FAILURE:
	case KEY_REVIEW: case KEY_RETRIES: case KEY_RETRY_DELAY:
	case KEY_RETRY_FACTOR: case KEY_RETRY_MAX_DELAY:
	case KEY_RETRY_JITTER: case KEY_RETRY_ON: case KEY_GIVE_UP_ON:
	case KEY_WAIT_MAX: case KEY_RERUN: case KEY_TIMEOUT:
	case KEY_IDLE_TIMEOUT: case KEY_STOP_SIGNAL: case KEY_STOP_GRACE:
	case KEY_OK_EXIT: case KEY_OUTPUTS_FRESH: case KEY_VERIFY_TIMEOUT:
	case KEY_UMASK: case KEY_NICE: case KEY_MAX_OUTPUT: case KEY_POOL:
	case KEY_COST:
		read_now(k, c, s);
		break;
	}
}
