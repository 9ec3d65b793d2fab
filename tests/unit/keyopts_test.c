/* SPDX-License-Identifier: ISC */
/* Keys as options mean what they mean in a file: that is read back. */
#include "keyopts.h"

#include <signal.h>
#include <stdio.h>

#include "keys.h"
#include "loading.h"

static struct keyopts k;
static struct why why;

static int setup(void **state)
{
	(void)state;
	keyopts_init(&k);
	memset(&why, 0, sizeof(why));
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	keyopts_release(&k);
	return 0;
}

static bool all(enum step_key key)
{
	(void)key;
	return true;
}

static bool none(enum step_key key)
{
	(void)key;
	return false;
}

static bool limits(enum step_key key)
{
	return key == KEY_TIMEOUT || key == KEY_IDLE_TIMEOUT;
}

/* What takes long options by their names; NULL: there is none. */
static const struct option *named(const struct option *list, const char *name)
{
	for (; list->name != NULL; list++)
		if (strcmp(list->name, name) == 0)
			return list;
	return NULL;
}

static void every_key(void **state)
{
	struct option list[KEY_COUNT + 2] = { { "own", no_argument, NULL,
		'o' } };
	bool seen[KEY_COUNT] = { false };
	const struct key *keys;
	size_t n, i, nkeys;

	(void)state;
	keys = keys_of(SECTION_STEP, &nkeys);
	assert_int_equal(nkeys, KEY_COUNT);
	n = keyopts_options(&k, all, list, 1);
	assert_int_equal(n, 1 + nkeys);
	assert_string_equal(list[0].name, "own");
	assert_null(list[n].name);
	for (i = 1; i < n; i++) {
		int id = list[i].val - KEYOPTS_FIRST;
		char *name = strdup(list[i].name), *c;

		assert_true(id >= 0 && id < KEY_COUNT);
		assert_false(seen[id]);
		seen[id] = true;
		assert_int_equal(list[i].has_arg, required_argument);
		assert_null(list[i].flag);
		assert_null(strchr(name, '_'));
		assert_ptr_equal(named(list, name), &list[i]);
		/* and it is that key's */
		for (c = name; *c != '\0'; c++)
			if (*c == '-')
				*c = '_';
		assert_int_equal(strncmp(keys[i - 1].name, name,
			strlen(name)), 0);
		assert_int_equal(keys[i - 1].id, id);
		assert_string_equal(keys[i - 1].name + strlen(name),
			id == KEY_ENV || id == KEY_VERIFY ? "." : "");
		free(name);
	}
	assert_non_null(named(list, "retry-max-delay"));
	assert_non_null(named(list, "env"));
	assert_non_null(named(list, "verify"));
	assert_non_null(named(list, "verify-timeout"));
}

static void wanted_keys(void **state)
{
	struct option list[KEY_COUNT + 1] = { { 0 } };

	(void)state;
	assert_int_equal(keyopts_options(&k, none, list, 0), 0);
	assert_null(list[0].name);
	assert_int_equal(keyopts_options(&k, limits, list, 0), 2);
	assert_string_equal(list[0].name, "timeout");
	assert_string_equal(list[1].name, "idle-timeout");
	assert_null(list[2].name);
	/* once more: nothing is left behind */
	assert_int_equal(keyopts_options(&k, all, list, 0), KEY_COUNT);
}

static int take(int id, const char *arg)
{
	return keyopts_take(&k, KEYOPTS_FIRST + id, arg, &why);
}

static void takes(int id, const char *arg)
{
	if (take(id, arg) != 0)
		fail_msg("refused: %s: %s", arg, why.text);
}

/* What was taken, as the step x of a pipeline. */
static struct pipeline *read_back(void)
{
	struct buf text = { 0 };
	struct pipeline *p;

	buf_str(&text, "[pool p]\nslots = 2\n[step y]\nrun = :\n[step x]\n");
	keyopts_write(&k, &text);
	if (strstr(text.data, "\nrun = echo") == NULL)
		buf_str(&text, "run = :\n");
	p = loads(text.data);
	buf_release(&text);
	return p;
}

static bool list_is(const struct strlist *l, const char *words)
{
	struct buf b = { 0 };
	bool is;
	int i;

	buf_str(&b, "");
	for (i = 0; i < l->n; i++)
		buf_printf(&b, "%s%s", i > 0 ? "|" : "", l->v[i]);
	is = strcmp(b.data, words) == 0;
	buf_release(&b);
	return is;
}

static bool patterns_are(const struct patterns *l, const char *words)
{
	return list_is(&(struct strlist){ l->v, l->n }, words);
}

static bool only_exits(const struct exits *e, const char *codes)
{
	struct buf b = { 0 };
	bool is;
	int i;

	buf_str(&b, "");
	for (i = 0; i < 256; i++)
		if (e->bit[i / 8] & 1 << i % 8)
			buf_printf(&b, "%s%d", b.len > 0 ? " " : "", i);
	is = strcmp(b.data, codes) == 0;
	buf_release(&b);
	return is;
}

static bool same(const char *a, const char *b)
{
	return a != NULL && strcmp(a, b) == 0;
}

/* A value for each key, and what it says. */
static const char *sample(int id)
{
	switch ((enum step_key)id) {
	case KEY_RUN: return "echo \"a  b\" ; true";
	case KEY_NEEDS: return "y";
	case KEY_IF: return "[ -e a ]";
	case KEY_FOREACH: return "a b*";
	case KEY_FOREACH_FROM: return "ls | head";
	case KEY_PARALLEL: return "3";
	case KEY_ALWAYS: return "review";
	case KEY_ALLOW_FAILURE: return "yes";
	case KEY_REVIEW: return "yes";
	case KEY_RETRIES: return "7";
	case KEY_RETRY_DELAY: return "1500ms";
	case KEY_RETRY_FACTOR: return "1.5";
	case KEY_RETRY_MAX_DELAY: return "2m";
	case KEY_RETRY_JITTER: return "25%";
	case KEY_RETRY_ON: return "3 5-7";
	case KEY_RETRY_IF: return "50[0-9] error";
	case KEY_GIVE_UP_ON: return "255";
	case KEY_GIVE_UP_IF: return "no such";
	case KEY_WAIT_IF: return "^rate limit; try later";
	case KEY_WAIT_MAX: return "4h";
	case KEY_RERUN: return "never";
	case KEY_RESUME_RUN: return "go on --from \"$X\"";
	case KEY_TIMEOUT: return "1h30m";
	case KEY_IDLE_TIMEOUT: return "90";
	case KEY_STOP_SIGNAL: return "USR1";
	case KEY_STOP_GRACE: return "33s";
	case KEY_OK_EXIT: return "24";
	case KEY_OUTPUTS: return "a.txt *.b";
	case KEY_OUTPUTS_FRESH: return "no";
	case KEY_VERIFY: return "test -s a # not a comment; nor this";
	case KEY_VERIFY_TIMEOUT: return "9s";
	case KEY_FAIL_IF: return "[Ee]rror = x";
	case KEY_OK_IF: return "done\\.$";
	case KEY_RECEIPT: return "^id=";
	case KEY_INPUTS: return "src/*.c";
	case KEY_STDIN: return "in file.txt";
	case KEY_STDOUT: return "out;file";
	case KEY_ENV: return "KEYOPTS_TEST=a = b";
	case KEY_UNSET_ENV: return "A B";
	case KEY_ENV_FILE: return ".env";
	case KEY_WORKDIR: return "sub dir";
	case KEY_UMASK: return "027";
	case KEY_NICE: return "-5";
	case KEY_SECRETS: return "TOKEN KEY";
	case KEY_MAX_OUTPUT: return "5M";
	case KEY_REQUIRES: return "sh file:/etc/passwd free:1G";
	case KEY_CHECK: return "command -v sh";
	case KEY_POOL: return "p";
	case KEY_PRESET: return "curl";
	case KEY_COST: return "0.25";
	case KEY_COST_FROM: return "cost: ([0-9.]+)";
	case KEY_COUNT: break;
	}
	return NULL;
}

static bool has(const struct pipeline *p, int id)
{
	const struct step *s = &p->step[pipeline_find(p, "x")];
	const struct stepconf *c = s->conf;

	switch ((enum step_key)id) {
	case KEY_RUN: return same(s->run, sample(id));
	case KEY_NEEDS: return s->nneeds == 1 && !s->needs_all &&
		s->needs[0] == pipeline_find(p, "y");
	case KEY_IF: return same(c->condition, sample(id));
	case KEY_FOREACH: return list_is(&c->foreach, "a|b*");
	case KEY_FOREACH_FROM: return same(c->foreach_from, sample(id));
	case KEY_PARALLEL: return c->parallel == 3;
	case KEY_ALWAYS: return c->always == ALWAYS_REVIEW;
	case KEY_ALLOW_FAILURE: return c->allow_failure;
	case KEY_REVIEW: return c->review;
	case KEY_RETRIES: return c->retries == 7;
	case KEY_RETRY_DELAY: return c->retry_delay_ms == 1500;
	case KEY_RETRY_FACTOR: return c->retry_factor > 1.4999 &&
		c->retry_factor < 1.5001;
	case KEY_RETRY_MAX_DELAY: return c->retry_max_delay_ms == 120000;
	case KEY_RETRY_JITTER: return c->retry_jitter == 25;
	case KEY_RETRY_ON: return c->retry_on_given &&
		only_exits(&c->retry_on, "3 5 6 7");
	case KEY_RETRY_IF: return patterns_are(&c->retry_if, sample(id));
	case KEY_GIVE_UP_ON: return only_exits(&c->give_up_on, "255");
	case KEY_GIVE_UP_IF: return patterns_are(&c->give_up_if, sample(id));
	case KEY_WAIT_IF: return patterns_are(&c->wait_if, sample(id));
	case KEY_WAIT_MAX: return c->wait_max_ms == 4 * 3600000;
	case KEY_RERUN: return c->never;
	case KEY_RESUME_RUN: return same(c->resume_run, sample(id));
	case KEY_TIMEOUT: return c->timeout_ms == 5400000;
	case KEY_IDLE_TIMEOUT: return c->idle_timeout_ms == 90000;
	case KEY_STOP_SIGNAL: return c->stop_signal == SIGUSR1;
	case KEY_STOP_GRACE: return c->stop_grace_ms == 33000;
	case KEY_OK_EXIT: return only_exits(&c->ok_exit, "0 24");
	case KEY_OUTPUTS: return list_is(&c->outputs, "a.txt|*.b");
	case KEY_OUTPUTS_FRESH: return !c->outputs_fresh;
	case KEY_VERIFY: return c->gates.n == 1 &&
		same(c->gates.v[0].name, "exec-1") &&
		same(c->gates.v[0].script, sample(id));
	case KEY_VERIFY_TIMEOUT: return c->verify_timeout_ms == 9000;
	case KEY_FAIL_IF: return patterns_are(&c->fail_if, sample(id));
	case KEY_OK_IF: return patterns_are(&c->ok_if, sample(id));
	case KEY_RECEIPT: return patterns_are(&c->receipt, sample(id));
	case KEY_INPUTS: return list_is(&c->inputs, sample(id));
	case KEY_STDIN: return same(c->stdin_from, sample(id));
	case KEY_STDOUT: return same(c->stdout_to, sample(id));
	case KEY_ENV: return same(getenv("KEYOPTS_TEST"), "a = b") &&
		c->env.n == 0;
	case KEY_UNSET_ENV: return list_is(&c->unset_env, "A|B");
	case KEY_ENV_FILE: return same(c->env_file, sample(id));
	case KEY_WORKDIR: return same(c->workdir, sample(id));
	case KEY_UMASK: return c->umask == 027;
	case KEY_NICE: return c->nice == -5;
	case KEY_SECRETS: return list_is(&c->secrets, "TOKEN|KEY");
	case KEY_MAX_OUTPUT: return c->max_output == 5 * 1024 * 1024;
	case KEY_REQUIRES: return list_is(&c->requires,
		"sh|file:/etc/passwd|free:1G");
	case KEY_CHECK: return same(c->check, sample(id));
	case KEY_POOL: return c->pool >= 0 &&
		same(p->pool[c->pool].name, "p");
	/* it says what goes by itself with curl */
	case KEY_PRESET: return c->line[KEY_PRESET] > 0 &&
		c->retry_if.n + c->wait_if.n + c->retries > 0;
	case KEY_COST: return c->costs && c->cost == 250000;
	case KEY_COST_FROM: return patterns_are(&c->cost_from, sample(id));
	case KEY_COUNT: break;
	}
	return false;
}

/* Each one alone: it says what it is to say, and is not there otherwise. */
static void round_trip(void **state)
{
	struct pipeline *p;
	size_t n, i;
	const struct key *keys = keys_of(SECTION_STEP, &n);

	(void)state;
	unsetenv("KEYOPTS_TEST");
	for (i = 0; i < n; i++) {
		int id = keys[i].id;

		if (sample(id) == NULL)
			fail_msg("%s: not tested", keys[i].name);
		keyopts_release(&k);
		p = read_back();
		if (has(p, id))
			fail_msg("%s: there without its option", keys[i].name);
		pipeline_free(p);
		takes(id, sample(id));
		p = read_back();
		if (!has(p, id))
			fail_msg("%s: not as it was said", keys[i].name);
		pipeline_free(p);
	}
	unsetenv("KEYOPTS_TEST");
}

static bool last_is(const struct patterns *l, const char *pattern)
{
	return l->n > 0 && strcmp(l->v[l->n - 1], pattern) == 0;
}

/* All that go with each other, as a command line says them. */
static void command_line(void **state)
{
	static const int not[] = { KEY_RUN, KEY_FOREACH, KEY_FOREACH_FROM,
		KEY_REVIEW, KEY_ENV, KEY_COST, KEY_ALWAYS, KEY_NEEDS,
		KEY_RESUME_RUN, KEY_PARALLEL, KEY_STDOUT };
	struct option list[KEY_COUNT + 1] = { { 0 } };
	char *argv[2 * KEY_COUNT + 2] = { (char *)"x" }, word[KEY_COUNT][80];
	int argc = 1, c, ids[KEY_COUNT];
	const struct stepconf *conf;
	struct pipeline *p;
	size_t n, i, j, count = 0;
	bool skip;

	(void)state;
	n = keyopts_options(&k, all, list, 0);
	for (i = 0; i < n; i++) {
		int id = list[i].val - KEYOPTS_FIRST;

		for (skip = false, j = 0; j < sizeof(not) / sizeof(*not); j++)
			skip |= not[j] == id;
		if (skip)
			continue;
		/* both ways that getopt_long(3) knows */
		if (count % 2 == 0) {
			snprintf(word[count], 80, "--%s=%s", list[i].name,
				sample(id));
		} else {
			snprintf(word[count], 80, "--%s", list[i].name);
			argv[argc++] = word[count];
		}
		argv[argc++] = count % 2 == 0 ? word[count] :
			(char *)sample(id);
		ids[count++] = id;
	}
	assert_true(count > 35);
	optind = 0;
	opterr = 0;
	while ((c = getopt_long(argc, argv, "+:", list, NULL)) != -1) {
		assert_true(c >= KEYOPTS_FIRST);
		takes(c - KEYOPTS_FIRST, optarg);
	}
	assert_int_equal(optind, argc);
	p = read_back();
	conf = p->step[pipeline_find(p, "x")].conf;
	for (i = 0; i < count; i++)
		/* those of the preset stand before them */
		if (ids[i] == KEY_RETRY_IF)
			assert_true(last_is(&conf->retry_if, sample(ids[i])));
		else if (ids[i] == KEY_GIVE_UP_IF)
			assert_true(last_is(&conf->give_up_if, sample(ids[i])));
		else if (ids[i] == KEY_WAIT_IF)
			assert_true(last_is(&conf->wait_if, sample(ids[i])));
		else if (ids[i] == KEY_VERIFY)
			assert_string_equal(conf->gates.v[conf->gates.n -
				1].script, sample(ids[i]));
		else if (!has(p, ids[i]))
			fail_msg("%s: not as it was said", keys_of(SECTION_STEP,
				&n)[ids[i]].name);
	pipeline_free(p);
}

static void added_up(void **state)
{
	static const int id[] = { KEY_RETRY_IF, KEY_GIVE_UP_IF, KEY_WAIT_IF,
		KEY_FAIL_IF, KEY_OK_IF, KEY_OUTPUTS, KEY_REQUIRES,
		KEY_SECRETS, KEY_UNSET_ENV };
	const struct stepconf *c;
	struct pipeline *p;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(id) / sizeof(id[0]); i++) {
		takes(id[i], "A_1");
		takes(id[i], "B_2");
	}
	for (i = 0; i < sizeof(id) / sizeof(id[0]); i++)
		takes(id[i], "C_3");
	takes(KEY_PRESET, "curl");
	takes(KEY_PRESET, "rclone");
	/* one for each gate, in their order */
	for (i = 0; i < 12; i++)
		takes(KEY_VERIFY, i % 2 == 0 ? "true" : "a\nb");
	p = read_back();
	c = p->step[pipeline_find(p, "x")].conf;
	assert_true(patterns_are(&c->fail_if, "A_1|B_2|C_3"));
	assert_true(patterns_are(&c->ok_if, "A_1|B_2|C_3"));
	assert_true(list_is(&c->outputs, "A_1|B_2|C_3"));
	assert_true(list_is(&c->requires, "A_1|B_2|C_3"));
	assert_true(list_is(&c->secrets, "A_1|B_2|C_3"));
	assert_true(list_is(&c->unset_env, "A_1|B_2|C_3"));
	/* behind those of the presets */
	assert_true(c->retry_if.n > 3 && c->wait_if.n >= 3);
	assert_string_equal(c->retry_if.v[c->retry_if.n - 3], "A_1");
	assert_string_equal(c->retry_if.v[c->retry_if.n - 1], "C_3");
	assert_string_equal(c->wait_if.v[c->wait_if.n - 2], "B_2");
	assert_string_equal(c->give_up_if.v[c->give_up_if.n - 1], "C_3");
	assert_true(c->gates.n >= 12);
	for (i = 0; i < 12; i++) {
		const struct gate *gate = &c->gates.v[c->gates.n - 12 + (int)i];
		char name[24];

		snprintf(name, sizeof(name), "exec-%zu", i + 1);
		assert_string_equal(gate->name, name);
		assert_string_equal(gate->script, i % 2 == 0 ? "true" : "a\nb");
	}
	pipeline_free(p);
}

/* The rest says one thing: a second one would be forgotten silently. */
static void given_twice(void **state)
{
	struct option list[KEY_COUNT + 1] = { { 0 } };
	char expected[64];
	size_t n, i, refusals = 0;

	(void)state;
	n = keyopts_options(&k, all, list, 0);
	for (i = 0; i < n; i++) {
		int id = list[i].val - KEYOPTS_FIRST;

		takes(id, sample(id));
		why.text[0] = '\0';
		if (take(id, sample(id)) == 0)
			continue;
		snprintf(expected, sizeof(expected), "--%s is given twice",
			list[i].name);
		assert_string_equal(why.text, expected);
		refusals++;
	}
	/* all but those that add up, verify and env */
	assert_int_equal(refusals, KEY_COUNT - 12);
	unsetenv("KEYOPTS_TEST");
}

/* What a shell hands over as one word stays that. */
static void several_lines(void **state)
{
	static const char *const script[] = {
		"a\nb", "if x\nthen\n\ty\n\n\tz\nfi", "a\n\n\nb", "a\n#b\n;c",
		"# a\nb", "; a\nb", "[step z]\nrun = y", "a\n[b]\nc = d",
		"cat <<E\n  x\n\ty\nE", "a\n  \n b", "x = y\n = z",
		"python3 - <<'E'\nif a:\n    b\nE", "a \nb\t\nc",
		"\xc3\xa4\n\xff\xfe\x01", "${A}\n$${B}\n$$C", "a\\\nb",
	};
	struct pipeline *p;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(script) / sizeof(script[0]); i++) {
		keyopts_release(&k);
		takes(KEY_VERIFY, script[i]);
		takes(KEY_CHECK, script[i]);
		takes(KEY_TIMEOUT, "5s");
		p = read_back();
		assert_int_equal(p->nsteps, 2);
		assert_string_equal(p->step[1].conf->gates.v[0].script,
			script[i]);
		assert_string_equal(p->step[1].conf->check, script[i]);
		assert_int_equal(p->step[1].conf->timeout_ms, 5000);
		pipeline_free(p);
	}
	/* blanks and lines at its ends mean nothing to a shell */
	keyopts_release(&k);
	takes(KEY_VERIFY, "\n\na\n\n");
	takes(KEY_CHECK, "  a  \n");
	p = read_back();
	assert_string_equal(p->step[1].conf->gates.v[0].script +
		strspn(p->step[1].conf->gates.v[0].script, "\n"), "a");
	assert_int_equal(strncmp(p->step[1].conf->check +
		strspn(p->step[1].conf->check, " "), "a", 1), 0);
	pipeline_free(p);
}

/* Random lines below a key are that key's: no other key, section or comment
 * ever comes out of a value. */
static void any_script(void **state)
{
	static const char *const piece[] = { "\n", "\n", "#", ";", "[", "]",
		"=", " ", "\t", "a", "retries = 5", "[step z]", "\\", "\"", "'",
		":", "${", "}", "$", "\xc3\xa4" };
	struct buf value = { 0 };
	unsigned seed = 7;
	struct pipeline *p;
	int round, n;

	(void)state;
	for (round = 0; round < 1500; round++) {
		buf_reset(&value);
		/* its first and last lines have no blank at an end */
		buf_char(&value, 'b');
		for (n = 0; n < 8; n++) {
			seed = seed * 1103515245 + 12345;
			buf_str(&value, piece[(seed >> 16) % 20]);
		}
		buf_char(&value, 'e');
		keyopts_release(&k);
		takes(KEY_CHECK, value.data);
		takes(KEY_STDIN, "after");
		p = read_back();
		assert_int_equal(p->nsteps, 2);
		assert_int_equal(p->step[1].conf->retries, 0);
		assert_string_equal(p->step[1].conf->stdin_from, "after");
		assert_string_equal(p->step[1].conf->check, value.data);
		pipeline_free(p);
	}
	buf_release(&value);
}

/* "${" in a literal is no reference, whatever stands around it. */
static void literals(void **state)
{
	static const char piece[] = "$$${}{Aab /.~#;='\"\\";
	struct buf value = { 0 }, text = { 0 };
	unsigned seed = 9;
	struct pipeline *p;
	int round, n;

	(void)state;
	setenv("A", "not this", 1);
	for (round = 0; round < 1500; round++) {
		buf_reset(&value);
		buf_reset(&text);
		buf_char(&value, '/');
		for (n = 0; n < 10; n++) {
			seed = seed * 1103515245 + 12345;
			buf_char(&value, piece[(seed >> 16) %
				(sizeof(piece) - 1)]);
		}
		buf_char(&value, '.');
		buf_str(&text, "[pipeline]\n");
		keyopts_literal(&text, "state_dir", value.data);
		keyopts_literal(&text, "description", value.data);
		buf_str(&text, "[step x]\nrun = :\n");
		p = loads(text.data);
		/* a path has one "/" where there were two, perhaps */
		assert_string_equal(p->description, value.data);
		assert_string_equal(p->state_dir, value.data);
		pipeline_free(p);
	}
	unsetenv("A");
	buf_reset(&text);
	keyopts_literal(&text, "x", "");
	keyopts_line(&text, "y", "");
	keyopts_line(&text, "z", "a b");
	keyopts_line(&text, "w", "a\nb\n");
	keyopts_literal(&text, "l", "${a\nb$${");
	assert_string_equal(text.data, "x = \ny = \nz = a b\nw =\n\ta\n\tb\n"
		"\t\nl =\n\t$${a\n\tb$$${\n");
	buf_release(&value);
	buf_release(&text);
}

/* A value on the command line is our environment's, as it is. */
static void environment(void **state)
{
	static const char *const bad[] = { "", "A", "=b", "1A=b", "A-B=c",
		" A=b", "A =b", "\xc3\xa4=b", "A.B=c" };
	uint64_t one, two;
	struct buf text = { 0 };
	size_t i;

	(void)state;
	unsetenv("KEYOPTS_TEST");
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char expected[64];

		assert_int_equal(take(KEY_ENV, bad[i]), -1);
		snprintf(expected, sizeof(expected), "--env %s: expected "
			"NAME=VALUE", bad[i]);
		assert_string_equal(why.text, expected);
	}
	assert_int_equal(k.env, 0);
	takes(KEY_ENV, "KEYOPTS_TEST= a ${HOME} $X\nb=\xff ");
	assert_string_equal(getenv("KEYOPTS_TEST"),
		" a ${HOME} $X\nb=\xff ");
	one = k.env;
	assert_int_not_equal(one, 0);
	takes(KEY_ENV, "KEYOPTS_TEST=");
	assert_string_equal(getenv("KEYOPTS_TEST"), "");
	two = k.env;
	assert_int_not_equal(one, two);
	/* they stand in no file */
	keyopts_write(&k, &text);
	assert_int_equal(text.len, 0);
	/* the hash tells what was said, and in parts */
	keyopts_release(&k);
	takes(KEY_ENV, "KEYOPTS_TEST= a ${HOME} $X\nb=\xff ");
	assert_int_equal(k.env, one);
	takes(KEY_ENV, "KEYOPTS_TEST=");
	assert_int_equal(k.env, two);
	keyopts_release(&k);
	takes(KEY_ENV, "KEYOPTS_TEST=a");
	takes(KEY_ENV, "B=c");
	one = k.env;
	keyopts_release(&k);
	takes(KEY_ENV, "KEYOPTS_TEST=aB=c");
	assert_int_not_equal(k.env, one);
	unsetenv("KEYOPTS_TEST");
	unsetenv("B");
	buf_release(&text);
}

/* What a file would refuse is refused. */
static void bad_values(void **state)
{
	static const struct { int id; const char *value, *said; } c[] = {
		{ KEY_RETRIES, "many", "3: retries = many: expected a whole "
			"number\n" },
		{ KEY_TIMEOUT, "", "3: timeout is empty: " },
		{ KEY_FAIL_IF, "(", "3: fail_if: " },
		{ KEY_STOP_SIGNAL, "TREM", "3: stop_signal = TREM: " },
		{ KEY_STDIN, "a\nb", "3: stdin = a...: it goes on in the next "
			"line" },
		{ KEY_OK_EXIT, "256", "3: ok_exit = 256: " },
		{ KEY_PRESET, "nosuch", "3: " },
		{ KEY_REQUIRES, "free:much", "3: requires = free:much: " },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(c) / sizeof(c[0]); i++) {
		struct buf text = { 0 }, said = { 0 };

		keyopts_release(&k);
		takes(c[i].id, c[i].value);
		buf_str(&text, "[step x]\nrun = :\n");
		keyopts_write(&k, &text);
		assert_null(loading(text.data, text.len, NO_ARGUMENTS, &said));
		if (strncmp(said.data, c[i].said, strlen(c[i].said) - 1) != 0)
			fail_msg("%s", said.data);
		buf_release(&text);
		buf_release(&said);
	}
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(every_key), T(wanted_keys), T(round_trip), T(command_line),
		T(added_up), T(given_twice), T(several_lines), T(any_script),
		T(literals), T(environment), T(bad_values),
	};

	/* no presets of whoever runs this */
	setenv("XDG_CONFIG_HOME", "/nonexistent", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
