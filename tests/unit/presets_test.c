/* SPDX-License-Identifier: ISC */
/* [preset NAME]: where they come from and which of several is meant. Run at
 * the top of the source tree. */
#include "presets.h"

#include <stdio.h>

#include "loading.h"
#include "mem.h"
#include "scratch.h"

static struct scratch scratch;

/* The user's own file. */
static void put_user(const char *text)
{
	scratch_put(&scratch, "durexec/presets.ini", text, strlen(text));
}

static void remove_user(void)
{
	unlinkat(scratch.fd, "durexec/presets.ini", 0);
}

/* Like complains(), with the name of the file in front; SCRATCH stands for
 * its directory. */
static void complains_of(const char *text, const char *expected)
{
	struct complaints c = { 0 };
	struct pipeline *p = pipeline_load_text("dir/x.ini", text,
		strlen(text), NULL, 0, &c);
	struct buf said = { 0 };
	size_t n = strlen(scratch.path);

	buf_str(&said, "");
	for (size_t i = 0; i < c.n; i++) {
		bool ours = strncmp(c.v[i].file, scratch.path, n) == 0;

		buf_printf(&said, "%s%s:%d: %s", ours ? "SCRATCH" : "",
			c.v[i].file + (ours ? n : 0), c.v[i].line,
			c.v[i].message);
		if (c.v[i].hint != NULL)
			buf_printf(&said, " | %s", c.v[i].hint);
		buf_char(&said, '\n');
	}
	assert_string_equal(said.data, expected);
	assert_int_equal(p == NULL, c.n > 0);
	buf_release(&said);
	complaints_release(&c);
	pipeline_free(p);
}

static void expect(const struct patterns *p, const char *expected)
{
	struct buf said = { 0 };

	buf_str(&said, "");
	for (int i = 0; i < p->n; i++)
		buf_printf(&said, "<%s>", p->v[i]);
	assert_string_equal(said.data, expected);
	buf_release(&said);
}

/* [defaults] < presets, the later the stronger < step; patterns add up. */
static void strength(void **state)
{
	struct pipeline *p = loads(
		"[defaults]\nrun = x\nretries = 1\nfail_if = d\nenv.A = d\n"
		"env.B = d\nverify.v = d\ntimeout = 1\n"
		"[preset p]\nretries = 2\nfail_if = p\nenv.A = p\nenv.C = p\n"
		"verify.w = p\nverify.v = p\nnice = 1\n"
		"[preset q]\nretries = 3\nfail_if = q\nenv.C = q\n"
		"[preset clears]\nfail_if =\n"
		"[step none]\n"
		"[step p]\npreset = p\n"
		"[step pq]\npreset = p q\n"
		"[step qp]\npreset = q, p\n"
		"[step own]\npreset =\n  p\n  q\nretries = 4\nfail_if = s\n"
		"env.A = s\n"
		"[step clears]\npreset = p clears\nfail_if = s\n");
	const struct stepconf *c;

	(void)state;
	c = p->step[0].conf;
	assert_int_equal(c->retries, 1);
	expect(&c->fail_if, "<d>");
	assert_int_equal(c->env.n, 2);
	assert_int_equal(c->nice, 0);
	c = p->step[1].conf;
	assert_int_equal(c->retries, 2);
	assert_int_equal(c->timeout_ms, 1000);
	assert_int_equal(c->line[KEY_RETRIES], 10);
	assert_int_equal(c->line[KEY_TIMEOUT], 8);
	expect(&c->fail_if, "<d><p>");
	assert_int_equal(c->env.n, 3);
	assert_string_equal(c->env.v[0].value, "p");
	assert_string_equal(c->env.v[1].value, "d");
	assert_string_equal(c->env.v[2].name, "C");
	assert_int_equal(c->gates.n, 2);
	assert_string_equal(c->gates.v[0].name, "v");
	assert_string_equal(c->gates.v[0].script, "p");
	assert_string_equal(c->gates.v[1].name, "w");
	assert_int_equal(c->nice, 1);
	c = p->step[2].conf;
	assert_int_equal(c->retries, 3);
	expect(&c->fail_if, "<d><p><q>");
	assert_string_equal(c->env.v[2].value, "q");
	c = p->step[3].conf;
	assert_int_equal(c->retries, 2);
	expect(&c->fail_if, "<d><q><p>");
	assert_string_equal(c->env.v[0].value, "p");
	c = p->step[4].conf;
	assert_int_equal(c->retries, 4);
	expect(&c->fail_if, "<d><p><q><s>");
	assert_string_equal(c->env.v[0].value, "s");
	assert_string_equal(c->env.v[2].value, "q");
	expect(&p->step[5].conf->fail_if, "<s>");
	pipeline_free(p);
}

static void of_defaults(void **state)
{
	struct pipeline *p = loads(
		"[defaults]\nrun = x\npreset = p\nretries = 1\nnice = 1\n"
		"[preset p]\nretries = 2\n[preset q]\ntimeout = 5\n"
		"[step a]\n[step b]\nretries = 3\n[step c]\npreset = q\n"
		"[step d]\npreset =\n[step e]\npreset = p\nnice = 2\n");

	(void)state;
	/* the preset is stronger than what stands beside it */
	assert_int_equal(p->step[0].conf->retries, 2);
	assert_int_equal(p->step[0].conf->nice, 1);
	assert_int_equal(p->step[1].conf->retries, 3);
	/* the step's takes its place */
	assert_int_equal(p->step[2].conf->retries, 1);
	assert_int_equal(p->step[2].conf->timeout_ms, 5000);
	assert_int_equal(p->step[3].conf->retries, 1);
	assert_int_equal(p->step[4].conf->retries, 2);
	assert_int_equal(p->step[4].conf->nice, 2);
	pipeline_free(p);
}

/* Steps that say the same in `preset` and nothing else share one. */
static void shared(void **state)
{
	struct pipeline *p = loads("[params]\nwhich = p\n"
		"[defaults]\nrun = x\npreset = p\n"
		"[preset p]\n[preset q]\n"
		"[step a]\n[step b]\npreset = p\n[step c]\npreset = ${which}\n"
		"[step d]\npreset = p,q\n[step e]\npreset =\n  p\n  q\n"
		"[step f]\npreset =\n[step g]\npreset = ,\nneeds =\n");

	(void)state;
	for (int i = 1; i <= 2; i++)
		assert_ptr_equal(p->step[i].conf, p->step[0].conf);
	assert_ptr_equal(p->step[3].conf, p->step[4].conf);
	assert_ptr_not_equal(p->step[3].conf, p->step[0].conf);
	assert_ptr_equal(p->step[5].conf, p->step[6].conf);
	assert_ptr_not_equal(p->step[5].conf, p->step[0].conf);
	pipeline_free(p);
}

/* A hundred thousand steps of one preset are as cheap as without. */
static void many(void **state)
{
	struct buf text = { 0 };
	struct pipeline *p;

	(void)state;
	buf_str(&text, "[preset p]\nretry_if = a\nenv.A = ${HOME}\n");
	for (int i = 0; i < 100000; i++)
		buf_printf(&text, "[step s%d]\nrun = x\npreset = p\n", i);
	p = loads(text.data);
	assert_int_equal(p->nsteps, 100000);
	for (int i = 1; i < p->nsteps; i++)
		assert_ptr_equal(p->step[i].conf, p->step[0].conf);
	pipeline_free(p);
	buf_release(&text);
}

static void unknown(void **state)
{
	(void)state;
	complains_of("[preset mine]\n[step a]\nrun = x\npreset = mien\n"
		"[step b]\nrun = x\npreset = no_such_preset_anywhere ${nope}\n"
		"[step c]\nrun = x\npreset = ffmepg\n",
		"dir/x.ini:4: preset = mien: there is no such preset | did "
		"you mean \"mine\"?\n"
		"dir/x.ini:7: preset: ${nope} is not defined | declare it in "
		"[params], or set it in the environment\n"
		"dir/x.ini:7: preset = no_such_preset_anywhere: there is no "
		"such preset | durexec preset lists those there are\n"
		"dir/x.ini:10: preset = ffmepg: there is no such preset | did "
		"you mean \"ffmpeg\"?\n");
}

/* What a step shares is complained about where that step says it. */
static void undefined(void **state)
{
	static const char text[] = "[preset own]\nstdout = ${A}\n"
		"[step a]\nrun = x\n[step b]\nrun = x\nneeds =\npreset = p\n"
		"[step c]\nrun = x\nneeds = a\npreset = p\n"
		"[step d]\nrun = x\nneeds =\nenv.E = ${NOPE}\npreset = p\n"
		"[step e]\nrun = x\npreset = own\n";

	(void)state;
	put_user("[preset p]\nstdout = ${DUREXEC_OUT_a}\n");
	complains_of(text,
		"dir/x.ini:2: stdout: ${A} is not defined | declare it in "
		"[params], or set it in the environment\n"
		"dir/x.ini:8: stdout, from a preset: ${DUREXEC_OUT_a} belongs "
		"to a step that this one does not need | add \"a\" to the "
		"needs of \"b\"\n"
		"dir/x.ini:16: E: ${NOPE} is not defined | declare it in "
		"[params], or set it in the environment\n"
		"dir/x.ini:17: stdout, from a preset: ${DUREXEC_OUT_a} belongs "
		"to a step that this one does not need | add \"a\" to the "
		"needs of \"d\"\n");
	remove_user();
}

/* The pipeline's own < the user's < the shipped ones, each as a whole. */
static void of_the_user(void **state)
{
	static const char text[] = "[preset b]\nretries = 1\n"
		"[step s]\nrun = x\npreset = a\n"
		"[step t]\nrun = x\npreset = b\n"
		"[step u]\nrun = x\npreset = curl\npool = p";
	static const char kept[] = "\n\n# of mine\n# more\n[preset a]\n"
		"retries = 2\npool = p\nstdout = ${DUREXEC_SLOT_p}\n"
		"\n[preset curl]\nretries = 99\n\n[pool p]\nslots = 7\n";
	struct pipeline *p, *copy;

	(void)state;
	put_user("# of mine\n# more\n[preset a]\nretries = 2\npool = p\n"
		"stdout = ${DUREXEC_SLOT_p}\n\n"
		"[preset b]\nnice = 2\n"
		"[preset curl]\nretries = 99\n"
		"[preset unused]\nnice = 3\n"
		"[pool p]\nslots = 7\n[pool q]\nslots = 8\n");
	p = loads(text);
	assert_int_equal(p->step[0].conf->retries, 2);
	assert_int_equal(p->step[1].conf->retries, 1);
	assert_int_equal(p->step[1].conf->nice, 0);
	assert_int_equal(p->step[2].conf->retries, 99);
	assert_int_equal(p->step[2].conf->retry_if.n, 0);
	/* noted in the pipeline file: where the preset is asked for */
	assert_int_equal(p->step[0].conf->line[KEY_RETRIES], 5);
	assert_int_equal(p->npools, 1);
	assert_string_equal(p->pool[0].name, "p");
	assert_int_equal(p->pool[0].nslots, 7);
	assert_int_equal(p->pool[0].line, 0);

	/* The text that a run keeps holds what is used of other files. */
	assert_int_equal(p->text_len, sizeof(text) - 1 + sizeof(kept) - 1);
	assert_memory_equal(p->text, text, sizeof(text) - 1);
	assert_string_equal(p->text + sizeof(text) - 1, kept);
	remove_user();
	copy = loads(p->text);
	for (int i = 0; i < 3; i++)
		assert_true(pipeline_whole_hash(p, i) ==
			pipeline_whole_hash(copy, i));
	assert_int_equal(copy->pool[0].nslots, 7);
	assert_int_equal(copy->text_len, p->text_len);
	pipeline_free(copy);
	pipeline_free(p);
}

/* A pool of the pipeline file takes the place of one beside a preset. */
static void own_pool(void **state)
{
	struct pipeline *p;

	(void)state;
	put_user("[preset a]\npool = p\n[pool p]\nslots = 7\n");
	p = loads("[step s]\nrun = x\npreset = a\n[pool p]\nslots = 2\n");
	assert_int_equal(p->npools, 1);
	assert_int_equal(p->pool[0].nslots, 2);
	assert_int_equal(p->step[0].conf->pool, 0);
	pipeline_free(p);
	remove_user();
}

static void mistakes_elsewhere(void **state)
{
	(void)state;
	put_user("retries = 1\n[preset a]\nretries = x\nfail_if =\n\n  ok\n"
		"  bad(\nstdout = ${UNKNOWN}\nfrun = x\nrun = x\n"
		"[step s]\nrun = x\n[defaults]\nnice = 1\n"
		"[preset a]\n[pool p]\nslots = 0\n"
		"[preset unused]\nretries = x\n");
	complains_of("[step s]\nrun = x\npreset = a\npool = p\n[step t]\n"
		"run = x\ntimeout = x\npreset = a\nretries = 2\n",
		"SCRATCH/durexec/presets.ini:1: \"retries\" stands above the "
		"first section | put [pipeline] or [step NAME] above it\n"
		"SCRATCH/durexec/presets.ini:3: retries = x: expected a whole "
		"number from 0 to 1000000\n"
		"SCRATCH/durexec/presets.ini:7: fail_if: \"bad(\" is no "
		"regular expression: Unmatched ( or \\(\n"
		"SCRATCH/durexec/presets.ini:9: \"frun\" is no key of [preset "
		"NAME] | did you mean \"run\"?\n"
		"SCRATCH/durexec/presets.ini:10: \"run\" cannot stand in a "
		"preset | put it into the steps that use the preset\n"
		"SCRATCH/durexec/presets.ini:11: [step NAME] does not belong "
		"into a file of presets | take it out\n"
		"SCRATCH/durexec/presets.ini:13: [defaults] does not belong "
		"into a file of presets | take it out\n"
		"SCRATCH/durexec/presets.ini:15: there are two presets \"a\" | "
		"the first one is in line 2; give this one another name\n"
		"SCRATCH/durexec/presets.ini:17: slots = 0: expected a count "
		"from 1 to 1000\n"
		"dir/x.ini:3: stdout, from a preset: ${UNKNOWN} is not defined "
		"| declare it in [params], or set it in the environment\n"
		"dir/x.ini:7: timeout = x: expected a duration such as 90s, "
		"250ms, 1h30m or 2d\n"
		"dir/x.ini:8: stdout, from a preset: ${UNKNOWN} is not defined "
		"| declare it in [params], or set it in the environment\n");
	/* who uses none of them does not have it read */
	pipeline_free(loads("[step s]\nrun = x\n"));
	pipeline_free(loads("[preset own]\n[step s]\nrun = x\npreset = own\n"));
	remove_user();
	assert_int_equal(mkdirat(scratch.fd, "durexec/presets.ini", 0700), 0);
	complains_of("[step s]\nrun = x\npreset = curl\n",
		"SCRATCH/durexec/presets.ini:0: it is a directory | name a "
		"file that holds presets\n");
	unlinkat(scratch.fd, "durexec/presets.ini", AT_REMOVEDIR);
}

static void receipts(void **state)
{
	(void)state;
	complains("[preset p]\nreceipt = id\n[step s]\nrun = x\npreset = p\n"
		"rerun = safe\n",
		"6: rerun = safe does not go with a receipt: that one says "
		"that something cannot be done twice | take it out, or the "
		"receipt\n");
	pipeline_free(loads("[preset p]\nrerun = safe\n[step s]\nrun = x\n"
		"preset = p\nreceipt = id\n"));
}

/* Where $XDG_CONFIG_HOME and $HOME lead. */
static void user_file(void **state)
{
	char *path, *home = mem_printf("%s/home", scratch.path), *expected;

	(void)state;
	unsetenv("HOME");
	assert_null(presets_user_file());
	put_user("");
	path = presets_user_file();
	expected = mem_printf("%s/durexec/presets.ini", scratch.path);
	assert_string_equal(path, expected);
	free(path);
	free(expected);
	remove_user();
	setenv("HOME", home, 1);
	setenv("XDG_CONFIG_HOME", "relative", 1);
	assert_null(presets_user_file());
	mkdirat(scratch.fd, "home", 0700);
	mkdirat(scratch.fd, "home/.config", 0700);
	mkdirat(scratch.fd, "home/.config/durexec", 0700);
	scratch_put(&scratch, "home/.config/durexec/presets.ini", "", 0);
	path = presets_user_file();
	expected = mem_printf("%s/.config/durexec/presets.ini", home);
	assert_string_equal(path, expected);
	free(path);
	free(expected);
	unsetenv("XDG_CONFIG_HOME");
	path = presets_user_file();
	assert_non_null(path);
	free(path);
	unsetenv("HOME");
	assert_null(presets_user_file());
	setenv("XDG_CONFIG_HOME", scratch.path, 1);
	free(home);
}

static void on_preset(void *ctx, const struct preset_text *p)
{
	buf_printf(ctx, "%s %s@%d <%.*s> {%.*s}\n",
		p->pool ? "pool" : "preset", p->name, p->line,
		(int)p->summary_len, p->summary, (int)p->len, p->text);
}

static void scanning(void **state)
{
	static const char text[] = "# head\n\n"
		"#  one line \r\n; another\r\n[preset a]\r\nrun =\n"
		"\t[preset no]\n\n# inside\n\tx\n\n# for b\n"
		"[preset b]\n[step c]\n\n# not right above\n\n[preset\n"
		"[pool d]\n=\nslots = 2 \n\n\n";
	struct buf said = { 0 };

	(void)state;
	presets_scan(text, sizeof(text) - 1, on_preset, &said);
	assert_string_equal(said.data,
		"preset a@5 <one line > {#  one line \r\n; another\r\n"
		"[preset a]\r\nrun =\n\t[preset no]\n\n# inside\n\tx}\n"
		"preset b@13 <for b> {# for b\n[preset b]}\n"
		"pool d@19 <> {[pool d]\n=\nslots = 2 }\n");
	buf_reset(&said);
	presets_scan("", 0, on_preset, &said);
	assert_int_equal(said.len, 0);
	buf_release(&said);
}

static void on_shipped(void *ctx, const struct preset_text *t)
{
	char *text;
	struct pipeline *p;
	int *n = ctx;

	if (t->pool)
		return;
	++*n;
	/* durexec preset shows it in one line */
	assert_in_range(t->summary_len, 1, 80);
	text = mem_printf("[step a]\nrun = x\npreset = %s\n", t->name);
	p = loads(text);
	/* what may be gone on with only the author of the step knows */
	assert_null(p->step[0].conf->resume_run);
	assert_int_equal(p->step[0].conf->line[KEY_PRESET], 3);
	pipeline_free(p);
	free(text);
	/* and it can be pasted */
	text = mem_printf("[step a]\nrun = x\npreset = %s\n%.*s\n", t->name,
		(int)t->len, t->text);
	pipeline_free(loads(text));
	free(text);
}

static void shipped(void **state)
{
	size_t len;
	const char *text = presets_shipped(&len);
	int dir = open("conf", O_RDONLY | O_DIRECTORY | O_CLOEXEC), n = 0;
	struct buf file = { 0 };

	(void)state;
	assert_int_equal(io_slurp(dir, "presets.ini", 1u << 20, &file, NULL),
		0);
	close(dir);
	assert_int_equal(file.len, len);
	assert_memory_equal(file.data, text, len);
	assert_int_equal(text[len], '\0');
	buf_release(&file);
	presets_scan(text, len, on_shipped, &n);
	assert_true(n >= 8);
}

static int setup(void **state)
{
	(void)state;
	clearenv();
	setenv("HOME", "/home/me", 1);
	scratch_init(&scratch);
	mkdirat(scratch.fd, "durexec", 0700);
	setenv("XDG_CONFIG_HOME", scratch.path, 1);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	scratch_release(&scratch);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(strength),
		cmocka_unit_test(of_defaults),
		cmocka_unit_test(shared),
		cmocka_unit_test(many),
		cmocka_unit_test(unknown),
		cmocka_unit_test(undefined),
		cmocka_unit_test(of_the_user),
		cmocka_unit_test(own_pool),
		cmocka_unit_test(mistakes_elsewhere),
		cmocka_unit_test(receipts),
		cmocka_unit_test(scanning),
		cmocka_unit_test(shipped),
		cmocka_unit_test(user_file),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
