/* SPDX-License-Identifier: ISC */
#include "stale.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "loading.h"
#include "scratch.h"

static struct scratch dir;
static struct pipeline *p;
static struct state s;
static struct plan pl;
static struct inputs_known known;

static void put(const char *name, const char *text)
{
	scratch_put(&dir, name, text, strlen(text));
}

static void gone(const char *name)
{
	assert_int_equal(unlinkat(dir.fd, name, 0), 0);
}

/* Another time, and nothing else. */
static void touch(const char *name)
{
	struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, { 0 } };
	struct stat st;

	assert_int_equal(fstatat(dir.fd, name, &st, 0), 0);
	times[1] = st.st_mtim;
	times[1].tv_sec++;
	assert_int_equal(utimensat(dir.fd, name, times, 0), 0);
}

static void load(const char *ini)
{
	p = loads(ini);
	p->dir = dir.path;
}

/* The pipeline, in the scratch directory. */
static void begin(const char *ini)
{
	scratch_init(&dir);
	load(ini);
	state_init(&s);
	plan_init(&pl, p, &s);
}

static void edit(const char *ini)
{
	plan_release(&pl);
	pipeline_free(p);
	load(ini);
	plan_init(&pl, p, &s);
}

static void end(void)
{
	inputs_known_release(&known);
	plan_release(&pl);
	state_release(&s);
	pipeline_free(p);
	scratch_release(&dir);
}

static void apply(struct record *r)
{
	struct why why = { 0 };

	if (state_apply(&s, r, &why) == -1)
		fail_msg("%s", why.text);
}

static int task(const char *name)
{
	int i = state_find(&s, name);

	assert_true(i != -1);
	return i;
}

/* It has read these inputs, and is done. */
#define DONE(name, ...) \
	done(name, (const char *const[]){ "", dir.path, __VA_ARGS__, NULL })
static void done(const char *name, const char *const *argv)
{
	struct task *t = &s.task[task(name)];
	struct inputs in = { 0 };
	struct buf text = { 0 };
	struct why why = { 0 };
	int index[32];
	char *words[16];
	size_t i;

	for (i = 0; argv[i] != NULL; i++)
		words[i] = (char *)argv[i];
	words[i] = NULL;
	words[0] = dir.path;
	assert_int_equal(inputs_list(words, true, &in), 0);
	assert_true(in.n < 32);
	for (i = 0; i < in.n; i++) {
		struct record r = { 0 };
		const char *path = in.v[i].path;

		if (in.v[i].size != -1 && inputs_read(dir.path, path,
		    &in.v[i], &why) == -1)
			fail_msg("%s", why.text);
		index[i] = inputs_find(&known, &s, &in.v[i]);
		if (index[i] != -1)
			continue;
		index[i] = (int)s.ninputs;
		record_start(&r, "input");
		record_set(&r, "path", path);
		record_set_number(&r, "size", in.v[i].size);
		record_set_number(&r, "mtime", in.v[i].mtime);
		record_set_hex(&r, "hash", in.v[i].hash);
		apply(&r);
	}
	buf_str(&text, "");
	inputs_text(index, in.n, &text);
	t->inputs = arena_dup(&s.arena, text.data);
	t->state = TASK_DONE;
	t->command = pipeline_command_hash(p, plan_step(&pl, task(name)));
	t->started_at = 1000;
	buf_release(&text);
	inputs_release(&in);
	plan_rebuild(&pl);
}

/* What is said of it, with or without being asked for the reason first;
 * expected NULL: it is not stale. */
static void is(const char *name, const char *expected)
{
	struct stale st;
	struct buf reason = { 0 };
	int ask;

	for (ask = 0; ask < 2; ask++) {
		stale_init(&st, &pl);
		if (ask)
			assert_int_equal(stale_is(&st, task(name), NULL),
				expected != NULL);
		buf_reset(&reason);
		buf_str(&reason, "");
		assert_int_equal(stale_is(&st, task(name), &reason),
			expected != NULL);
		if (strcmp(reason.data, expected != NULL ? expected : "") != 0)
			fail_msg("%s: \"%s\", expected \"%s\"", name,
				reason.data, expected);
		stale_release(&st);
	}
	buf_release(&reason);
}

static char *hash_of(const char *name)
{
	struct input now;
	struct why why;

	assert_int_equal(inputs_read(dir.path, name, &now, &why), 0);
	return mem_printf("%08x", (unsigned)(now.hash >> 32));
}

#define PLAIN "[step a]\ninputs = f\nrun = one\n[step b]\nrun = two\n"

static void contents(void **state)
{
	char *was, *now, *text;

	(void)state;
	begin(PLAIN);
	put("f", "one");
	DONE("a", "=f");
	DONE("b", NULL);
	is("a", NULL);
	is("b", NULL);
	touch("f");
	is("a", NULL);
	/* the same size, and another content */
	was = hash_of("f");
	put("f", "two");
	now = hash_of("f");
	text = mem_printf("input f changed (was %s, 3 bytes; now %s, 3 bytes)",
		was, now);
	is("a", text);
	is("b", NULL);
	free(text);
	free(now);
	put("f", "longer");
	now = hash_of("f");
	text = mem_printf("input f changed (was %s, 3 bytes; now %s, 6 bytes)",
		was, now);
	is("a", text);
	free(text);
	/* as it was */
	put("f", "one");
	is("a", NULL);
	gone("f");
	is("a", "input f is gone");
	assert_int_equal(mkdirat(dir.fd, "f", 0700), 0);
	is("a", "input f is gone");
	assert_int_equal(unlinkat(dir.fd, "f", AT_REMOVEDIR), 0);
	put("f", "one");
	is("a", NULL);
	free(was);
	free(now);
	end();
}

/* What has changed in the meantime is looked at by a new struct stale only:
 * each file once. */
static void is_looked_at_once(void **state)
{
	struct stale st;

	(void)state;
	begin(PLAIN);
	put("f", "one");
	DONE("a", "=f");
	stale_init(&st, &pl);
	assert_false(stale_is(&st, task("a"), NULL));
	put("f", "two");
	assert_false(stale_is(&st, task("a"), NULL));
	/* but inputs may join */
	put("g", "new");
	DONE("b", "=g");
	put("g", "changed");
	assert_true(stale_is(&st, task("b"), NULL));
	assert_false(stale_is(&st, task("a"), NULL));
	stale_release(&st);
	stale_init(&st, &pl);
	assert_true(stale_is(&st, task("a"), NULL));
	stale_release(&st);
	end();
}

/* A file that was touched is not read for each that has it, nor at all when
 * somebody has read it since: there, a wrong hash is believed. */
static void is_read_once(void **state)
{
	struct stale st;
	struct input wrong;
	struct record r = { 0 };
	struct why why;

	(void)state;
	begin(PLAIN);
	put("f", "one");
	DONE("a", "=f");
	touch("f");
	DONE("b", "=f");
	touch("f");
	assert_int_equal(s.ninputs, 2);
	stale_init(&st, &pl);
	assert_false(stale_is(&st, task("a"), NULL));
	/* its content is remembered by its name, for the other record */
	put("f", "two");
	assert_false(stale_is(&st, task("b"), NULL));
	stale_release(&st);
	assert_int_equal(inputs_look(dir.path, "f", &wrong, &why), 0);
	record_start(&r, "input");
	record_set(&r, "path", "f");
	record_set_number(&r, "size", wrong.size);
	record_set_number(&r, "mtime", wrong.mtime);
	record_set_hex(&r, "hash", s.input[0].hash);
	apply(&r);
	is("a", NULL);
	is("b", NULL);
	end();
}

static void patterns(void **state)
{
	(void)state;
	begin("[step a]\ninputs = *.c\nrun = x\n[step b]\ninputs = src\n"
		"run = y\n[step c]\ninputs = empty\nrun = z\n");
	put("1.c", "1");
	put("2.c", "2");
	assert_int_equal(mkdirat(dir.fd, "src", 0700), 0);
	assert_int_equal(mkdirat(dir.fd, "src/deep", 0700), 0);
	assert_int_equal(mkdirat(dir.fd, "empty", 0700), 0);
	put("src/deep/x", "x");
	DONE("a", "**.c");
	DONE("b", "=src");
	DONE("c", "=empty");
	is("a", NULL);
	is("b", NULL);
	is("c", NULL);
	put("3.h", "3");
	put("src/.x.swp", "");
	is("a", NULL);
	is("b", NULL);
	put("3.c", "3");
	is("a", "input 3.c is new");
	put("4.c", "4");
	is("a", "input 3.c is new, and 1 more");
	gone("1.c");
	is("a", "input 1.c is gone, and 2 more");
	gone("3.c");
	gone("4.c");
	is("a", "input 1.c is gone");
	put("1.c", "1");
	is("a", NULL);
	put("src/deep/y", "y");
	is("b", "input src/deep/y is new");
	gone("src/deep/y");
	is("b", NULL);
	gone("src/deep/x");
	is("b", "input src/deep/x is gone");
	put("src/deep/x", "x");
	put("empty/e", "");
	is("c", "input empty/e is new");
	gone("empty/e");
	is("c", NULL);
	assert_int_equal(unlinkat(dir.fd, "empty", AT_REMOVEDIR), 0);
	is("c", "input empty is gone");
	/* a file of the pattern's own name comes first: it is the only one */
	put("*.c", "");
	is("a", "input *.c is new");
	end();
}

static void several(void **state)
{
	(void)state;
	begin("[step a]\ninputs = x y z\nrun = x\n");
	put("x", "1");
	put("y", "2");
	put("z", "3");
	DONE("a", "=x", "=y", "=z");
	gone("y");
	is("a", "input y is gone");
	gone("z");
	is("a", "input y is gone, and 1 more");
	gone("x");
	is("a", "input x is gone, and 2 more");
	end();
}

static void hostile_name(void **state)
{
	(void)state;
	begin("[step a]\ninputs = *\nrun = x\n");
	put("\033[31m $(x)\xff", "1");
	DONE("a", "**x*");
	is("a", NULL);
	gone("\033[31m $(x)\xff");
	is("a", "input \\x1b[31m $(x)\\xff is gone");
	/* directories that are called like patterns */
	assert_int_equal(mkdirat(dir.fd, "*", 0700), 0);
	assert_int_equal(mkdirat(dir.fd, "[y]", 0700), 0);
	assert_int_equal(mkdirat(dir.fd, "y", 0700), 0);
	put("*/f", "1");
	put("[y]/f", "1");
	put("y/f", "1");
	DONE("a", "=*", "=[y]");
	is("a", NULL);
	put("y/g", "1");
	is("a", NULL);
	put("[y]/g", "1");
	is("a", "input [y]/g is new");
	end();
}

static void definitions(void **state)
{
	struct task *t;

	(void)state;
	begin(PLAIN);
	put("f", "one");
	DONE("a", "=f");
	DONE("b", NULL);
	edit("[step a]\ninputs = f\nrun = one\n[step b]\nrun = TWO\n");
	is("a", NULL);
	is("b", "its definition changed since");
	put("f", "changed");
	edit("[step a]\ninputs = f\nrun = ONE\n[step b]\nrun = two\n");
	is("a", "its definition changed since");
	is("b", NULL);
	/* only what is done, and has run */
	t = &s.task[task("a")];
	t->state = TASK_PENDING;
	is("a", NULL);
	t->state = TASK_NEEDS_REVIEW;
	is("a", NULL);
	t->state = TASK_SKIPPED;
	is("a", NULL);
	t->state = TASK_DONE;
	t->command = 0;
	is("a", NULL);
	/* it is no longer in the file */
	t->command = 17;
	edit("[step b]\nrun = two\n");
	is("a", NULL);
	end();
}

/* The items of a fan-out, known at that time. */
static void items(const char *step, const char *list, int n, int64_t at)
{
	struct record r = { .at = at };

	record_start(&r, "items");
	record_set(&r, "step", step);
	record_set_number(&r, "from", 0);
	record_set(&r, "list", list);
	record_set_number(&r, "total", n);
	apply(&r);
	plan_rebuild(&pl);
}

static void fan_outs(void **state)
{
	(void)state;
	begin("[step above]\nrun = u\n"
		"[step gen]\nforeach = i j k\nrun = x\n"
		"[step check]\nforeach = i j k\nneeds = gen\nrun = y\n"
		"[step join]\nneeds = check\nrun = z\n"
		"[step all]\nrun = w\n"
		"[step apart]\nneeds =\nrun = v\n");
	items("gen", "i\nj", 2, 500);
	items("check", "i\nj", 2, 500);
	DONE("gen[i]", NULL);
	DONE("gen[j]", NULL);
	DONE("check[i]", NULL);
	DONE("check[j]", NULL);
	DONE("above", NULL);
	DONE("join", NULL);
	DONE("all", NULL);
	DONE("apart", NULL);
	is("gen[i]", NULL);
	is("check[j]", NULL);
	is("join", NULL);
	is("all", NULL);
	items("gen", "i\nj\nk", 3, 2000);
	is("gen[i]", NULL);
	/* item by item: nothing joined what it needs */
	is("check[j]", NULL);
	is("join", NULL);
	is("all", "gen has new items");
	is("above", NULL);
	is("apart", NULL);
	items("check", "i\nj\nk", 3, 2000);
	is("check[j]", NULL);
	is("join", "check has new items");
	/* the one that has not run is not stale */
	is("check[k]", NULL);
	end();
}

/* Items have one definition. */
static void items_of_a_step(void **state)
{
	(void)state;
	begin("[step gen]\nforeach = i j\ninputs = ${ITEM}\nrun = x\n"
		"[step other]\nneeds =\nrun = y\n");
	put("i", "1");
	put("j", "2");
	items("gen", "i\nj", 2, 500);
	DONE("gen[i]", "=i");
	DONE("gen[j]", "=j");
	gone("j");
	is("gen[i]", NULL);
	is("gen[j]", "input j is gone");
	edit("[step gen]\nforeach = i j\ninputs = ${ITEM}\nrun = X\n"
		"[step other]\nneeds =\nrun = y\n");
	is("gen[i]", "its definition changed since");
	is("gen[j]", "its definition changed since");
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(contents),
		cmocka_unit_test(is_looked_at_once),
		cmocka_unit_test(is_read_once),
		cmocka_unit_test(patterns),
		cmocka_unit_test(several),
		cmocka_unit_test(hostile_name),
		cmocka_unit_test(definitions),
		cmocka_unit_test(fan_outs),
		cmocka_unit_test(items_of_a_step),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
