/* SPDX-License-Identifier: ISC */
/* What a person types for calls of `durexec step`. */
#include "forget.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "calling.h"
#include "planned.h"

static const char ini[] =
	"[step backup.sh]\nrun = x\n"
	"[step page]\nrun = x\nforeach = x\n"
	"[step pack]\nrun = x\nforeach = step:page\n"
	"[step a1]\nrun = x\n[step a2]\nrun = x\n[step none]\nrun = x\n";

static struct scratch dir;
/* The scope of the task of that name. */
static void scope_of(struct substep_scope *sc, const char *task)
{
	struct buf sub = { 0 };

	task_sub(&s, &s.task[state_find(&s, task)], &sub);
	call_open(sc, &dir, sub.data, 1);
	buf_release(&sub);
}

static void calls(const char *task, const char *name)
{
	struct substep_scope sc;

	scope_of(&sc, task);
	call_done(&sc, name);
	substep_close(&sc);
}

static bool has(const char *task, const char *name)
{
	struct substep_scope sc;
	bool is;

	scope_of(&sc, task);
	is = call_remembered(&sc, name);
	substep_close(&sc);
	return is;
}

static int setup(void **state)
{
	(void)state;
	scratch_init(&dir);
	planned(ini);
	planned_items("page", "a\nb/c\n[x]");
	planned_items("pack", "a\nb/c\n[x]");
	calls("backup.sh", "dump");
	calls("backup.sh", "upload 1");
	calls("backup.sh", "upload 2");
	calls("backup.sh", "a/b");
	calls("a1", "dump");
	calls("a2", "dump");
	calls("page[a]", "get");
	calls("page[b/c]", "get");
	calls("page[[x]]", "get");
	calls("pack[a]", "zip");
	calls("pack[a]", "get");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	planned_release();
	scratch_release(&dir);
	return 0;
}

/* What the word means: "TASK:PATTERN*FOUND …"; or what was said. */
static void means(const char *word, const char *expected)
{
	struct forget f = { 0 };
	struct buf is = { 0 };
	struct why why;
	size_t i;

	buf_str(&is, "");
	strcpy(why.text, "as it was");
	if (forget_find(&f, &pl, dir.fd, word, &why))
		for (i = 0; i < f.n; i++) {
			buf_printf(&is, "%s%s:%s*%zu", i > 0 ? " " : "",
				plan_unit(&pl, f.v[i].unit)->name,
				f.v[i].pattern, f.v[i].found);
			assert_string_equal(f.v[i].word, word);
		}
	else
		buf_str(&is, why.text);
	assert_int_equal(f.n == 0, is.len == strlen(why.text) &&
		strcmp(is.data, why.text) == 0);
	if (strcmp(is.data, expected) != 0)
		fail_msg("%s: \"%s\", expected \"%s\"", word, is.data,
			expected);
	forget_release(&f);
	assert_int_equal(f.n, 0);
	buf_release(&is);
}

static void words(void **state)
{
#define NOT " (durexec status shows what it has)"
	static const struct { const char *word, *means; } c[] = {
		{ "backup.sh/dump", "backup.sh:dump*1" },
		{ "backup.sh/upload 2", "backup.sh:upload 2*1" },
		{ "backup.sh/upload*", "backup.sh:upload**2" },
		{ "backup.sh/*", "backup.sh:**4" },
		/* a slash is any byte of a name */
		{ "backup.sh/a/b", "backup.sh:a/b*1" },
		{ "backup.sh/a*", "backup.sh:a**1" },
		/* of several steps */
		{ "a?/dump", "a1:dump*1 a2:dump*1" },
		{ "*/dump", "backup.sh:dump*1 a1:dump*1 a2:dump*1" },
		{ "a[12]/d*", "a1:d**1 a2:d**1" },
		/* of items, as both are typed */
		{ "page[a]/get", "page[a]:get*1" },
		{ "page/a/get", "page[a]:get*1" },
		{ "page[b/c]/get", "page[b/c]:get*1" },
		{ "page/b/c/get", "page[b/c]:get*1" },
		{ "page[[x]]/get", "page[[x]]:get*1" },
		{ "page/[x]/get", "page[[x]]:get*1" },
		{ "page[*]/get", "page[a]:get*1 page[b/c]:get*1 "
			"page[[x]]:get*1" },
		{ "pack[a]/*", "pack[a]:**2" },
		{ "pack/*/zip", "pack[a]:zip*1" },
		/* only where there is one */
		{ "p*[a]/zip", "pack[a]:zip*1" },
		{ "*/zip", "* has called no step zip" NOT },
		/* none */
		{ "backup.sh/nothing", "backup.sh has called no step nothing"
			NOT },
		{ "none/x", "none has called no step x" NOT },
		{ "backup.sh/", "backup.sh has called no step " NOT },
		{ "backup.sh", "as it was" }, { "nosuch/dump", "as it was" },
		{ "", "as it was" }, { "/", "as it was" },
		{ "/dump", "as it was" },
		{ "page[q]/get", "as it was" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(c) / sizeof(c[0]); i++)
		means(c[i].word, c[i].means);
}

/* Read in two ways: the first one that is there counts, and only that. */
static void two_readings(void **state)
{
	(void)state;
	means("page/a/get", "page[a]:get*1");
	calls("page", "a/get");
	means("page/a/get", "page:a/get*1");
	means("page[a]/get", "page[a]:get*1");
}

static void done(void **state)
{
	struct forget f = { 0 };
	struct buf answer = { 0 };
	struct why why;

	(void)state;
	assert_true(forget_find(&f, &pl, dir.fd, "backup.sh/upload*", &why));
	assert_true(forget_find(&f, &pl, dir.fd, "a1/dump", &why));
	assert_true(forget_find(&f, &pl, dir.fd, "page[b/c]/get", &why));
	assert_int_equal(f.n, 3);
	/* only found so far */
	assert_true(has("backup.sh", "upload 1") && has("a1", "dump"));
	assert_int_equal(forget_all(&f, &pl, dir.fd, &answer, &why), 0);
	assert_string_equal(answer.data, "backup.sh/upload*: 2 are forgotten\n"
		"a1/dump is forgotten\npage[b/c]/get is forgotten\n");
	assert_false(has("backup.sh", "upload 1") ||
		has("backup.sh", "upload 2") || has("a1", "dump") ||
		has("page[b/c]", "get"));
	assert_true(has("backup.sh", "dump") && has("backup.sh", "a/b") &&
		has("a2", "dump") && has("page[a]", "get") &&
		has("page[[x]]", "get"));
	forget_release(&f);
	buf_release(&answer);
}

/* A rewound step has a scope of its own: what it had called is not there. */
static void rewound(void **state)
{
	struct record r = { 0 };

	(void)state;
	means("a1/dump", "a1:dump*1");
	record_start(&r, "set");
	record_set(&r, "step", "a1");
	record_set(&r, "state", "pending");
	record_set(&r, "by", "test");
	record_set_number(&r, "fresh", 1);
	state_write(&s, &j, &r);
	assert_int_equal(s.task[state_find(&s, "a1")].generation, 1);
	means("a1/dump", "a1 has called no step dump" NOT);
	calls("a1", "dump");
	means("a1/dump", "a1:dump*1");
}

/* What was typed is made safe for a terminal. */
static void harmless(void **state)
{
	struct forget f = { 0 };
	struct buf answer = { 0 };
	struct why why;

	(void)state;
	calls("none", "\x1b[0m\xff");
	assert_true(forget_find(&f, &pl, dir.fd, "none/\x1b[0m\xff", &why));
	assert_int_equal(forget_all(&f, &pl, dir.fd, &answer, &why), 0);
	assert_null(strchr(answer.data, '\x1b'));
	assert_null(strchr(answer.data, '\xff'));
	assert_non_null(strstr(answer.data, " is forgotten\n"));
	assert_false(has("none", "\x1b[0m\xff"));
	forget_release(&f);
	buf_release(&answer);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(words), T(two_readings), T(done), T(rewound), T(harmless),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
