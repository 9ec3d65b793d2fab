/* SPDX-License-Identifier: ISC */
/* What has been called, and having it forgotten (substep.h). */
#include "substep.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "calling.h"

static struct scratch dir;
static struct substep_scope sc;
static struct why why;

static int setup(void **state)
{
	(void)state;
	scratch_init(&dir);
	call_open(&sc, &dir, CALL_SCOPE, 1);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	substep_close(&sc);
	scratch_release(&dir);
	return 0;
}

/* The scope of what `name` in the scope sc runs. */
static void inside(struct substep_scope *below, struct substep_scope *above,
	const char *name)
{
	const char *relative = above->path + strlen(dir.path) + 1;
	char path[512];
	struct substep s;

	call_is(&s, name, NULL);
	substep_first(&s);
	call_below(path, relative, &s);
	call_open(below, &dir, path, 1);
}

/* Begun and not done; the caller closes it. */
static int begun(struct substep_scope *at, const char *name, int64_t now)
{
	struct substep s;
	bool killed;
	int fd;

	call_is(&s, name, NULL);
	substep_first(&s);
	fd = substep_begin(at, &s, name, now, &killed, &why);
	assert_true(fd >= 0);
	return fd;
}

/* The time of its file; the later ones are shown last. */
static void at_time(struct substep_scope *at, const char *name,
	const char *kind, int64_t ns)
{
	struct timespec t[2] = { { 0, UTIME_OMIT }, { 0, 0 } };
	char file[64];
	struct substep s;

	call_is(&s, name, NULL);
	substep_first(&s);
	snprintf(file, sizeof(file), "%s%s", s.id, kind);
	t[1].tv_sec = ns / 1000000000;
	t[1].tv_nsec = ns % 1000000000;
	assert_int_equal(utimensat(at->fd, file, t, AT_SYMLINK_NOFOLLOW), 0);
}

/* "done:name running:name …", and the counts. */
static void shows(size_t most, const char *expected)
{
	static const char *const state[] = { "done", "running", "broken" };
	struct substep_list l;
	struct buf is = { 0 };
	size_t i;

	substep_look(&l, dir.fd, CALL_SCOPE, most);
	buf_printf(&is, "%zu %zu %zu", l.done, l.running, l.broken);
	for (i = 0; i < l.n; i++)
		buf_printf(&is, " %s:%s", state[l.v[i].state], l.v[i].name);
	assert_string_equal(is.data, expected);
	buf_release(&is);
	substep_list_release(&l);
	assert_int_equal(l.n, 0);
	assert_null(l.v);
}

static void nothing(void **state)
{
	struct substep_list l;
	size_t n = 9;

	(void)state;
	shows(20, "0 0 0");
	substep_look(&l, dir.fd, "sub/none", 20);
	assert_int_equal(l.n + l.done + l.running + l.broken, 0);
	substep_list_release(&l);
	assert_int_equal(substep_forget(dir.fd, "sub/none", "*", false, &n,
		&why), 0);
	assert_int_equal(n, 0);
	assert_int_equal(substep_forget(dir.fd, CALL_SCOPE, "*", false, &n,
		&why), 0);
	assert_int_equal(n, 0);
	/* what is no call's */
	scratch_put(&dir, CALL_SCOPE "/notes", "x", 1);
	scratch_put(&dir, CALL_SCOPE "/0123456789abcdef", "x", 1);
	scratch_put(&dir, CALL_SCOPE "/0123456789abcdef.", "x", 1);
	scratch_put(&dir, CALL_SCOPE "/0123456789abcdef.x", "x", 1);
	scratch_put(&dir, CALL_SCOPE "/0123456789abcdef.1x", "x", 1);
	scratch_put(&dir, CALL_SCOPE "/0123456789abcdef.1.out", "x", 1);
	scratch_put(&dir, CALL_SCOPE "/0123456789abcdef.1.new.new", "x", 1);
	scratch_put(&dir, CALL_SCOPE "/0123456789abcdeg.1", "x", 1);
	scratch_put(&dir, CALL_SCOPE "/123456789abcdef.1", "x", 1);
	scratch_put(&dir, CALL_SCOPE "/0123456789abcdef0.1", "x", 1);
	shows(20, "0 0 0");
	assert_int_equal(substep_forget(dir.fd, CALL_SCOPE, "*", false, &n,
		&why), 0);
	assert_int_equal(n, 0);
	assert_true(scratch_has(&dir, CALL_SCOPE "/notes"));
}

static void looked_at(void **state)
{
	struct substep_list l;
	struct substep s;
	int held, failed;

	(void)state;
	call_done(&sc, "one");
	call_done(&sc, "two \xff%");
	held = begun(&sc, "three", 1795200000123);
	failed = begun(&sc, "four", 5);
	substep_failed(failed, "four", 1795200000456);
	close(failed);
	at_time(&sc, "one", "", 4000000001);
	at_time(&sc, "two \xff%", "", 4000000000);
	at_time(&sc, "three", ".new", 5000000000);
	at_time(&sc, "four", ".new", 3999999999);
	shows(20, "2 1 1 broken:four done:two \xff% done:one running:three");
	shows(4, "2 1 1 broken:four done:two \xff% done:one running:three");
	/* the latest */
	shows(3, "2 1 1 done:two \xff% done:one running:three");
	shows(1, "2 1 1 running:three");
	shows(0, "2 1 1");
	substep_look(&l, dir.fd, CALL_SCOPE, 20);
	assert_int_equal(l.v[0].started_at, 1795200000456);
	assert_int_equal(l.v[0].ended_at, 0);
	assert_int_equal(l.v[2].started_at, 1000);
	assert_int_equal(l.v[2].ended_at, 2000);
	assert_int_equal(l.v[3].started_at, 1795200000123);
	assert_int_equal(l.v[3].ended_at, 0);
	substep_list_release(&l);
	/* looking at it is not holding it */
	close(held);
	shows(1, "2 0 2 broken:three");
	/* damaged: by its file's name */
	call_is(&s, "one", NULL);
	substep_first(&s);
	call_write(&sc, &s, "", "damaged\n", 8);
	at_time(&sc, "one", "", 6000000000);
	substep_look(&l, dir.fd, CALL_SCOPE, 1);
	assert_string_equal(l.v[0].name, s.id);
	assert_int_equal(l.v[0].state, SUBSTEP_BROKEN);
	assert_int_equal(l.v[0].started_at, 0);
	substep_list_release(&l);
}

/* Once, whether it is there already. */
static void done_once(struct substep_scope *at, const char *name)
{
	if (!call_remembered(at, name))
		call_done(at, name);
}

/* outer (its inner ones one, two), other (one, which has one below it). */
static void nest(void)
{
	struct substep_scope below, deep;

	inside(&below, &sc, "outer");
	done_once(&below, "one");
	done_once(&below, "two");
	substep_close(&below);
	done_once(&sc, "outer");
	inside(&below, &sc, "other");
	inside(&deep, &below, "one");
	done_once(&deep, "one");
	substep_close(&deep);
	done_once(&below, "one");
	substep_close(&below);
	done_once(&sc, "other");
	done_once(&sc, "alone");
}

static bool has(const char *path)
{
	struct substep_scope at = sc, below;
	char word[64];
	bool found;
	size_t n;

	while (path[n = strcspn(path, "/")] != '\0') {
		memcpy(word, path, n);
		word[n] = '\0';
		inside(&below, &at, word);
		if (at.fd != sc.fd)
			substep_close(&at);
		at = below;
		path += n + 1;
	}
	found = call_remembered(&at, path);
	if (at.fd != sc.fd)
		substep_close(&at);
	return found;
}

/* "outer outer/one …" of those of nest() that are left. */
static void left(const char *expected)
{
	static const char *const all[] = { "outer", "outer/one", "outer/two",
		"other", "other/one", "other/one/one", "alone" };
	struct buf is = { 0 };
	size_t i;

	buf_str(&is, "");
	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (has(all[i]))
			buf_printf(&is, "%s%s", is.len > 0 ? " " : "", all[i]);
	assert_string_equal(is.data, expected);
	buf_release(&is);
}

#define ALL "outer outer/one outer/two other other/one other/one/one alone"

/* First only counted: that changes nothing. */
static void forgets(const char *pattern, size_t many)
{
	size_t n = 99, i;

	for (i = 0; i < 2; i++) {
		assert_int_equal(substep_forget(dir.fd, CALL_SCOPE, pattern,
			i == 0, &n, &why), 0);
		if (n != many)
			fail_msg("%s: %zu", pattern, n);
	}
}

static int generation(const char *name)
{
	struct substep s;

	call_is(&s, name, NULL);
	substep_first(&s);
	return substep_generation(&sc, &s);
}

static void counted_only(void **state)
{
	size_t n;

	(void)state;
	nest();
	left(ALL);
	assert_int_equal(substep_forget(dir.fd, CALL_SCOPE, "*", true, &n,
		&why), 0);
	assert_int_equal(n, 3);
	assert_int_equal(substep_forget(dir.fd, CALL_SCOPE, "*/one", true, &n,
		&why), 0);
	assert_int_equal(n, 2);
	left(ALL);
	assert_int_equal(generation("outer"), 0);
}

static void nested_names(void **state)
{
	struct substep_list l;
	size_t i, found = 0;

	(void)state;
	nest();
	substep_look(&l, dir.fd, CALL_SCOPE, 20);
	assert_int_equal(l.done, 7);
	assert_int_equal(l.n, 7);
	for (i = 0; i < l.n; i++)
		found += strcmp(l.v[i].name, "outer/two") == 0 ||
			strcmp(l.v[i].name, "other/one/one") == 0 ||
			strcmp(l.v[i].name, "alone") == 0;
	assert_int_equal(found, 3);
	substep_list_release(&l);
}

/* It, and all below it; what it stands below has to run again, and no other. */
static void forgotten(void **state)
{
	(void)state;
	nest();
	forgets("none", 0);
	forgets("one", 0);
	forgets("outer/", 0);
	forgets("/alone", 0);
	left(ALL);
	forgets("outer/one", 1);
	left("outer/two other other/one other/one/one alone");
	/* its ancestors keep their keys, it gets another one */
	assert_int_equal(generation("outer"), 0);
	forgets("alone", 1);
	assert_int_equal(generation("alone"), 1);
	left("outer/two other other/one other/one/one");
	forgets("other", 1);
	left("outer/two");
	assert_int_equal(generation("other"), 1);
	/* and once more: it is not there now */
	forgets("other", 0);
	assert_int_equal(generation("other"), 1);
	call_done(&sc, "other");
	forgets("other", 1);
	assert_int_equal(generation("other"), 2);
	/* what is not done itself, but has something below it, is looked
	 * into while it is known at all */
	close(begun(&sc, "outer", 1));
	forgets("outer/two", 1);
	left("");
}

static void deep_one(void **state)
{
	(void)state;
	nest();
	forgets("other/one/one", 1);
	left("outer outer/one outer/two alone");
	assert_int_equal(generation("other"), 0);
}

static void by_pattern(void **state)
{
	(void)state;
	nest();
	/* a slash is matched as well: of outer all, and it itself */
	forgets("o*", 2);
	left("alone");
	assert_int_equal(generation("outer"), 1);
	assert_int_equal(generation("other"), 1);
	assert_int_equal(generation("alone"), 0);
}

static void by_pattern_below(void **state)
{
	(void)state;
	nest();
	/* not outer, though it ends so as well */
	forgets("*wo", 1);
	left("outer/one other other/one other/one/one alone");
	nest();
	forgets("*/t[a-z]o", 1);
	left("outer/one other other/one other/one/one alone");
	forgets("?lone", 1);
	left("outer/one other other/one other/one/one");
	/* outer has to run again, and what it had called is still known */
	forgets("*/one", 2);
	left("");
}

/* Two below one, each by itself: what stands above them is still known. */
static void one_after_another(void **state)
{
	(void)state;
	nest();
	forgets("outer/one", 1);
	forgets("outer/two", 1);
	forgets("other/one/one", 1);
	left("alone");
	assert_int_equal(generation("outer"), 0);
	/* nothing of them runs, or was killed */
	shows(0, "1 0 3");
	forgets("outer", 1);
	assert_int_equal(generation("outer"), 1);
	nest();
	left(ALL);
	shows(0, "7 0 0");
}

/* Done, and begun by one that was killed before it saw that: done. */
static void done_and_begun(void **state)
{
	struct substep s;

	(void)state;
	call_done(&sc, "a");
	call_is(&s, "a", NULL);
	substep_first(&s);
	call_write(&sc, &s, ".new", "", 0);
	shows(20, "1 0 0 done:a");
	forgets("a", 1);
	assert_false(call_has(&sc, &s, "") || call_has(&sc, &s, ".new"));
}

/* What is a name as it stands is meant by it, whatever it would match. */
static void names_first(void **state)
{
	static const char *const name[] = { "page [1]", "page 1", "page *",
		"page 2", "\\*", "*", "a/b", "?" };
	size_t i, k;

	(void)state;
	for (i = 0; i < sizeof(name) / sizeof(name[0]); i++) {
		for (k = 0; k < sizeof(name) / sizeof(name[0]); k++)
			if (!call_remembered(&sc, name[k]))
				call_done(&sc, name[k]);
		forgets(name[i], 1);
		for (k = 0; k < sizeof(name) / sizeof(name[0]); k++)
			assert_int_equal(call_remembered(&sc, name[k]),
				k != i);
	}
	/* of which there is none of that name */
	call_done(&sc, "?");
	forgets("page [12]", 2);
	assert_false(call_remembered(&sc, "page 1"));
	assert_true(call_remembered(&sc, "page *"));
	forgets("page \\*", 1);
	assert_false(call_remembered(&sc, "page *"));
	assert_true(call_remembered(&sc, "page [1]"));
}

/* The same name, by several calls: all of them. */
static void several_calls(void **state)
{
	struct substep s[3];
	size_t i, n;

	(void)state;
	for (i = 0; i < 3; i++) {
		call_is(&s[i], "page", i < 2 ? "x" : "y");
		assert_int_equal(substep_claim(&sc, &s[i], &why), 0);
		call_remember(&sc, &s[i], "page", "abc");
		assert_int_equal(substep_keep(&sc, &s[i], &why), 0);
	}
	assert_int_equal(s[1].number, 2);
	forgets("page", 3);
	for (i = 0; i < 3; i++) {
		assert_false(call_has(&sc, &s[i], ""));
		assert_false(call_has(&sc, &s[i], ".out"));
		assert_int_equal(substep_generation(&sc, &s[i]), 1);
	}
	/* nothing is left of them but that */
	assert_int_equal(substep_forget(dir.fd, CALL_SCOPE, "*", true, &n,
		&why), 0);
	assert_int_equal(n, 0);
	shows(20, "0 0 0");
}

/* All that one wrote goes with it, also of one that failed or is damaged. */
static void whole(void **state)
{
	static const char *const kind[] = { ".out", ".err", ".in", ".tries" };
	struct substep_tries t = { 1, 1, 1 };
	struct substep_scope below;
	struct substep s;
	size_t i;
	int fd, round;

	(void)state;
	call_is(&s, "a", NULL);
	substep_first(&s);
	for (round = 0; round < 3; round++) {
		inside(&below, &sc, "a");
		call_done(&below, "one");
		substep_close(&below);
		for (i = 0; i < sizeof(kind) / sizeof(kind[0]); i++)
			call_write(&sc, &s, kind[i], "x", 1);
		if (round == 0)
			call_done(&sc, "a");
		else if (round == 1) {
			fd = begun(&sc, "a", 1);
			substep_failed(fd, "a", 2);
			close(fd);
		} else {
			call_write(&sc, &s, "", "damaged\n", 8);
		}
		assert_int_equal(substep_write_tries(&sc, &s, &t, &why), 0);
		forgets(round < 2 ? "a" : s.id, 1);
		for (i = 0; i < sizeof(kind) / sizeof(kind[0]); i++)
			assert_false(call_has(&sc, &s, kind[i]));
		assert_false(call_has(&sc, &s, ""));
		assert_false(call_has(&sc, &s, ".new"));
		assert_false(call_has(&sc, &s, ".d"));
		assert_int_equal(substep_generation(&sc, &s), round + 1);
	}
}

/* What stands above one that is forgotten loses what it wrote, and keeps what
 * it has called. */
static void above(void **state)
{
	struct substep_scope below;
	struct substep s, t;

	(void)state;
	call_is(&s, "outer", NULL);
	substep_first(&s);
	inside(&below, &sc, "outer");
	call_is(&t, "two", NULL);
	substep_first(&t);
	call_done(&below, "one");
	call_remember(&below, &t, "two", "abc");
	call_remember(&sc, &s, "outer", "def");
	forgets("outer/one", 1);
	assert_false(call_has(&sc, &s, ""));
	assert_false(call_has(&sc, &s, ".out"));
	assert_true(call_has(&sc, &s, ".d"));
	assert_true(call_has(&below, &t, ""));
	assert_true(call_has(&below, &t, ".out"));
	assert_int_equal(substep_generation(&below, &t), 0);
	call_is(&t, "one", NULL);
	substep_first(&t);
	assert_int_equal(substep_generation(&below, &t), 1);
	substep_close(&below);
}

static void many(void **state)
{
	enum { MANY = 100 };
	struct substep_list l;
	char name[32];
	size_t n;
	int i;

	(void)state;
	for (i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "page %d", i);
		call_done(&sc, name);
	}
	substep_look(&l, dir.fd, CALL_SCOPE, 20);
	assert_int_equal(l.done, MANY);
	assert_int_equal(l.n, 20);
	substep_list_release(&l);
	assert_int_equal(substep_forget(dir.fd, CALL_SCOPE, "page *7", true,
		&n, &why), 0);
	assert_int_equal(n, MANY / 10);
	forgets("page 17", 1);
	forgets("page *7", MANY / 10 - 1);
	assert_false(call_remembered(&sc, "page 97"));
	assert_true(call_remembered(&sc, "page 98"));
	forgets("*", MANY - MANY / 10);
	shows(20, "0 0 0");
}

/* A scope in a scope in a scope … */
static void many_deep(void **state)
{
	enum { DEEP = 40 };
	struct substep_scope at[DEEP];
	struct buf name = { 0 };
	size_t n;
	int i;

	(void)state;
	at[0] = sc;
	for (i = 1; i < DEEP; i++) {
		const char *up = at[i - 1].path + strlen(dir.path) + 1;
		char path[2048];
		struct substep s;

		call_is(&s, "a", NULL);
		substep_first(&s);
		snprintf(path, sizeof(path), "%s/%s/%s.d/calls.1", dir.path,
			up, s.id);
		assert_int_equal(substep_open(&at[i], path, &why), 0);
	}
	for (i = DEEP - 1; i >= 0; i--)
		call_done(&at[i], "a");
	shows(0, "40 0 0");
	for (i = 0; i < DEEP; i++)
		buf_str(&name, i == 0 ? "a" : "/a");
	assert_int_equal(substep_forget(dir.fd, CALL_SCOPE, name.data, false,
		&n, &why), 0);
	assert_int_equal(n, 1);
	for (i = 0; i < DEEP; i++)
		assert_false(call_remembered(&at[i], "a"));
	for (i = DEEP - 1; i >= 0; i--)
		call_done(&at[i], "a");
	forgets("a", 1);
	shows(0, "0 0 0");
	for (i = 1; i < DEEP; i++)
		substep_close(&at[i]);
	buf_release(&name);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(nothing), T(looked_at), T(nested_names), T(counted_only),
		T(forgotten), T(deep_one), T(by_pattern), T(by_pattern_below),
		T(one_after_another), T(done_and_begun),
		T(names_first), T(several_calls), T(whole), T(above), T(many),
		T(many_deep),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
