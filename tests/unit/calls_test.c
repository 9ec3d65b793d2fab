/* SPDX-License-Identifier: ISC */
/* Which call it is (substep.h): no two have one number, and none is left out
 * for long. */
#include "substep.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "calling.h"
#include "digest.h"
#include "table.h"

/* An entry of calls.TURN, as substep.h describes it. */
struct entry {
	uint64_t hash, with;
	uint32_t number, kept;
};

static struct scratch dir;
static struct why why;

/*
 * Before the next entry is locked: its owner writes that it is kept, and ends.
 * That moment is too short to be met otherwise.
 */
static bool kept_meanwhile;

int fcntl(int fd, int cmd, ...)
{
	struct entry e;
	struct flock *l;
	va_list ap;
	void *arg;

	va_start(ap, cmd);
	arg = va_arg(ap, void *);
	va_end(ap);
	l = arg;
	if (kept_meanwhile && cmd == F_OFD_SETLK && l->l_type == F_WRLCK &&
	    l->l_len == sizeof(e)) {
		kept_meanwhile = false;
		assert_int_equal(pread(fd, &e, sizeof(e), l->l_start),
			sizeof(e));
		e.kept = 1;
		assert_int_equal(pwrite(fd, &e, sizeof(e), l->l_start),
			sizeof(e));
	}
	return (int)syscall(SYS_fcntl, fd, cmd, arg);
}

static int setup(void **state)
{
	(void)state;
	scratch_init(&dir);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	scratch_release(&dir);
	return 0;
}

/* Each open scope is to the kernel what another process is: its locks are its
 * own. */
static int claims(struct substep_scope *sc, struct substep *s,
	const char *name)
{
	call_open(sc, &dir, CALL_SCOPE, 1);
	call_is(s, name, "x");
	if (substep_claim(sc, s, &why) == -1)
		fail_msg("%s", why.text);
	return s->number;
}

/* One that succeeds at once; its number. */
static int calls(const char *name)
{
	struct substep_scope sc;
	struct substep s;
	int n = claims(&sc, &s, name);

	assert_int_equal(substep_keep(&sc, &s, &why), 0);
	substep_close(&sc);
	return n;
}

static void fails(const char *name, int number)
{
	struct substep_scope sc;
	struct substep s;

	assert_int_equal(claims(&sc, &s, name), number);
	substep_close(&sc);
}

static void identity(void **state)
{
	static char *const one[] = { (char *)"b", NULL };
	static char *const two[] = { (char *)"b", (char *)"c", NULL };
	static char *const joined[] = { (char *)"bc", NULL };
	static char *const empty[] = { (char *)"", NULL };
	static char *const behind[] = { (char *)"b", (char *)"", NULL };
	static const struct { const char *name; char *const *argv; bool mark; }
	c[] = {
		{ "a", NULL, false }, { "a", one, false }, { "a", two, false },
		{ "a", joined, false }, { "a", empty, false },
		{ "a", behind, false }, { "ab", NULL, false },
		{ "ab", one, false }, { "b", NULL, false }, { "", one, false },
		{ "a", NULL, true }, { "b", NULL, true }, { "A", NULL, false },
		{ "a ", NULL, false }, { "\xff", NULL, false },
	};
	enum { N = sizeof(c) / sizeof(c[0]) };
	struct substep s[N], again;
	struct digest d;
	char id[40];
	int i, k;

	(void)state;
	for (i = 0; i < N; i++) {
		substep_identify(&s[i], c[i].name, c[i].argv, c[i].mark);
		assert_int_equal(s[i].entry, -1);
		substep_first(&s[i]);
		substep_identify(&again, c[i].name, c[i].argv, c[i].mark);
		substep_first(&again);
		assert_string_equal(s[i].id, again.id);
		assert_true(s[i].check == again.check);
		for (k = 0; k < i; k++) {
			assert_true(s[i].hash != s[k].hash);
			assert_true(s[i].check != s[k].check);
			assert_string_not_equal(s[i].id, s[k].id);
		}
	}
	/* what is on the disk of runs that are not over */
	digest_init(&d);
	digest_add(&d, "a\0b\0c", 6);
	snprintf(id, sizeof(id), "%016llx.1",
		(unsigned long long)digest_value(&d));
	assert_string_equal(s[2].id, id);
	assert_true(s[2].check == table_hash(TABLE_HASH_START, "a\0b\0c", 6));
}

/* Names and arguments by the ten thousand: no two IDs are one. */
static void no_collisions(void **state)
{
	enum { MANY = 20000 };
	struct table t = { 0 };
	struct arena a = { 0 };
	struct substep s;
	char name[32];
	int i;

	(void)state;
	for (i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "page %d", i / 2);
		call_is(&s, name, i % 2 == 0 ? NULL : "7");
		substep_first(&s);
		assert_int_equal(strlen(s.id), 18);
		assert_int_equal(table_get(&t, s.id), TABLE_NONE);
		table_put(&t, arena_dup(&a, s.id), i);
	}
	table_release(&t);
	arena_release(&a);
}

static void counted(void **state)
{
	char id[40];
	struct substep_scope sc;
	struct substep s;
	int i;

	(void)state;
	for (i = 1; i <= 12; i++) {
		assert_int_equal(calls("a"), i);
		assert_int_equal(calls("b"), i);
	}
	assert_int_equal(calls("c"), 1);
	assert_int_equal(claims(&sc, &s, "a"), 13);
	assert_int_equal(s.entry, 25);
	snprintf(id, sizeof(id), "%016llx.13", (unsigned long long)s.hash);
	assert_string_equal(s.id, id);
	substep_close(&sc);
	/* the next turn counts anew */
	call_open(&sc, &dir, CALL_SCOPE, 2);
	call_is(&s, "a", "x");
	assert_int_equal(substep_claim(&sc, &s, &why), 0);
	assert_int_equal(s.number, 1);
	assert_false(scratch_has(&dir, CALL_SCOPE "/calls.1"));
	assert_int_equal(substep_keep(&sc, &s, &why), 0);
	substep_close(&sc);
	/* only who begins a turn takes others away */
	scratch_put(&dir, CALL_SCOPE "/calls.9", "x", 1);
	call_open(&sc, &dir, CALL_SCOPE, 2);
	substep_close(&sc);
	assert_true(scratch_has(&dir, CALL_SCOPE "/calls.2"));
	assert_true(scratch_has(&dir, CALL_SCOPE "/calls.9"));
}

/* One that failed is called again, and is the same one. */
static void given_out_again(void **state)
{
	struct substep_scope one, two, three;
	struct substep s, t, u;

	(void)state;
	assert_int_equal(calls("a"), 1);
	fails("a", 2);
	fails("a", 2);
	fails("b", 1);
	assert_int_equal(calls("a"), 2);
	/* at the same time */
	assert_int_equal(claims(&one, &s, "a"), 3);
	assert_int_equal(claims(&two, &t, "a"), 4);
	assert_int_equal(claims(&three, &u, "a"), 5);
	assert_int_equal(substep_keep(&two, &t, &why), 0);
	substep_close(&two);
	/* the lowest that nobody has */
	substep_close(&one);
	assert_int_equal(claims(&one, &s, "a"), 3);
	assert_int_equal(claims(&two, &t, "a"), 6);
	substep_close(&three);
	fails("a", 5);
	substep_close(&one);
	fails("a", 3);
	assert_int_equal(calls("a"), 3);
	assert_int_equal(calls("a"), 5);
	substep_close(&two);
	assert_int_equal(calls("a"), 6);
	assert_int_equal(calls("a"), 7);
	assert_int_equal(calls("b"), 1);
}

/* It was read as one that nobody has, and is kept as it is looked at. */
static void kept_at_that_moment(void **state)
{
	struct substep_scope sc;
	struct substep s;

	(void)state;
	fails("a", 1);
	kept_meanwhile = true;
	assert_int_equal(claims(&sc, &s, "a"), 2);
	assert_false(kept_meanwhile);
	assert_int_equal(substep_keep(&sc, &s, &why), 0);
	substep_close(&sc);
	assert_int_equal(calls("a"), 3);
}

/* --mark and --any-args --test have no entry: there is nothing to keep. */
static void without_entry(void **state)
{
	struct substep_scope sc;
	struct substep s;
	struct stat st;

	(void)state;
	call_open(&sc, &dir, CALL_SCOPE, 1);
	call_is(&s, "a", NULL);
	substep_first(&s);
	assert_int_equal(s.number, 1);
	assert_int_equal(substep_keep(&sc, &s, &why), 0);
	assert_int_equal(fstat(sc.calls, &st), 0);
	assert_int_equal(st.st_size, 0);
	substep_close(&sc);
}

/* A process that is killed lets go of its number, and of it only. */
static void killed(void **state)
{
	int ready[2], status;
	char byte;
	pid_t pid;

	(void)state;
	assert_int_equal(calls("a"), 1);
	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		struct substep_scope sc, other;
		struct substep s, t;

		CHILD_CHECK(claims(&sc, &s, "a") == 2);
		CHILD_CHECK(claims(&other, &t, "a") == 3);
		CHILD_CHECK(substep_keep(&other, &t, &why) == 0);
		CHILD_CHECK(write(ready[1], "x", 1) == 1);
		for (;;)
			pause();
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	/* it still has it */
	fails("a", 4);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(calls("a"), 2);
	assert_int_equal(calls("a"), 4);
	close(ready[0]);
	close(ready[1]);
}

/* Many processes at once, some of which fail first: each number once. */
static void in_parallel(void **state)
{
	enum { PROCESSES = 12, EACH = 25 };
	struct entry e[PROCESSES * EACH + PROCESSES];
	int go[2], i, k, fd, n;
	pid_t pid[PROCESSES];
	char byte;

	(void)state;
	assert_int_equal(pipe(go), 0);
	for (i = 0; i < PROCESSES; i++) {
		pid[i] = fork();
		if (pid[i] != 0)
			continue;
		close(go[1]);
		CHILD_CHECK(read(go[0], &byte, 1) == 0);
		for (k = 0; k < EACH; k++) {
			struct substep_scope sc;
			struct substep s;
			char name[32];

			if ((i + k) % 5 == 0) {
				claims(&sc, &s, "a");
				substep_close(&sc);
			}
			claims(&sc, &s, "a");
			/* whoever has it alone can make this */
			snprintf(name, sizeof(name), "taken.%d", s.number);
			CHILD_CHECK(mkdirat(dir.fd, name, 0700) == 0);
			CHILD_CHECK(substep_keep(&sc, &s, &why) == 0);
			substep_close(&sc);
		}
		_exit(0);
	}
	close(go[0]);
	close(go[1]);
	for (i = 0; i < PROCESSES; i++)
		call_reap(pid[i]);
	/* as many numbers as calls were kept, but for those that were given
	 * out higher while a lower one was held by one that failed */
	fd = openat(dir.fd, CALL_SCOPE "/calls.1", O_RDONLY | O_CLOEXEC);
	n = (int)(io_read(fd, e, sizeof(e)) / (ssize_t)sizeof(e[0]));
	close(fd);
	assert_true(n >= PROCESSES * EACH);
	for (i = 0, k = 0; i < n; i++) {
		assert_int_equal(e[i].number, i + 1);
		k += e[i].kept == 1;
		assert_true(e[i].kept <= 1);
	}
	assert_int_equal(k, PROCESSES * EACH);
	/* those that are left over are the next ones */
	for (i = 0; i < n; i++)
		if (!e[i].kept)
			assert_int_equal(calls("a"), i + 1);
	assert_int_equal(calls("a"), n + 1);
}

/* Called with those besides; kept: it succeeds. Returns its number. */
static int called(const char *where, const char *variable, bool kept)
{
	const char *environment[] = { "A=1", variable, "B=2", NULL };
	struct substep_scope sc;
	struct substep s;

	call_open(&sc, &dir, CALL_SCOPE, 1);
	substep_identify(&s, "up", NULL, false);
	substep_with(&s, where, (char *const *)environment);
	assert_int_equal(substep_claim(&sc, &s, &why), 0);
	if (kept)
		assert_int_equal(substep_keep(&sc, &s, &why), 0);
	substep_close(&sc);
	return s.number;
}

/* What failed is given out again to a retry, and to nothing else. */
static void failed(void **state)
{
	(void)state;
	assert_int_equal(called("/a", "F=1", true), 1);
	assert_int_equal(called("/b", "F=1", false), 2);
	assert_int_equal(called("/c", "F=1", true), 3);
	assert_int_equal(called("/a", "F=1", false), 4);
	assert_int_equal(called(NULL, "F=1", false), 5);
	assert_int_equal(called("/c", "F=2", false), 6);
	/* tried again */
	assert_int_equal(called("/b", "F=1", false), 2);
	assert_int_equal(called("/a", "F=1", true), 4);
	assert_int_equal(called("/b", "F=1", true), 2);
	assert_int_equal(called(NULL, "F=1", true), 5);
	assert_int_equal(called("/b", "F=1", true), 7);
	/* of a shell's own */
	assert_int_equal(called("/d", "_=/bin/x", false), 8);
	assert_int_equal(called("/d", "OLDPWD=/b", false), 8);
	assert_int_equal(called("/d", "SHLVL=3", true), 8);
}

/* The variables are the same in another order; a name that begins alike is
 * another. */
static void environments(void **state)
{
	const char *one[] = { "A=1", "B=2", NULL };
	const char *two[] = { "B=2", "A=1", NULL };
	const char *three[] = { "A=1", "B=2", "PWDX=1", NULL };
	struct substep a, b, c;

	(void)state;
	substep_with(&a, "/", (char *const *)one);
	substep_with(&b, "/", (char *const *)two);
	substep_with(&c, "/", (char *const *)three);
	assert_true(a.with == b.with);
	assert_true(a.with != c.with);
}

/* A loop of many thousand, of two names; and one that stands behind them. */
static void many(void **state)
{
	enum { MANY = 60000 };
	struct entry *e = calloc(MANY, sizeof(*e));
	struct substep_scope sc;
	struct substep s, odd;
	int i;

	(void)state;
	call_open(&sc, &dir, CALL_SCOPE, 1);
	call_is(&s, "even", "x");
	call_is(&odd, "odd", "x");
	for (i = 0; i < MANY; i++)
		e[i] = (struct entry){ i % 2 == 0 ? s.hash : odd.hash,
			s.with, (uint32_t)i / 2 + 1, 1 };
	/* one of them failed */
	e[54321].kept = 0;
	scratch_put(&dir, CALL_SCOPE "/calls.1", e, MANY * sizeof(*e));
	substep_close(&sc);
	assert_int_equal(calls("even"), MANY / 2 + 1);
	assert_int_equal(calls("odd"), 54321 / 2 + 1);
	assert_int_equal(calls("odd"), MANY / 2 + 1);
	assert_int_equal(calls("third"), 1);
	assert_int_equal(calls("third"), 2);
	for (i = 2; i <= 300; i++)
		assert_int_equal(calls("even"), MANY / 2 + i);
	free(e);
}

/* One after another, as a script makes them: each is the next. */
static void thousands(void **state)
{
	struct substep_scope sc;
	int i;

	(void)state;
	call_open(&sc, &dir, CALL_SCOPE, 1);
	for (i = 1; i <= 4200; i++) {
		struct substep s;

		call_is(&s, i % 2 == 0 ? "a" : "b", "x");
		assert_int_equal(substep_claim(&sc, &s, &why), 0);
		assert_int_equal(s.number, (i + 1) / 2);
		assert_int_equal(s.entry, i - 1);
		assert_int_equal(substep_keep(&sc, &s, &why), 0);
	}
	substep_close(&sc);
}

/* A write that was torn: whatever is left of an entry is written over. */
static void torn(void **state)
{
	struct substep_scope sc;
	struct stat st;
	struct buf file = { 0 };
	size_t n;

	(void)state;
	for (n = 1; n < sizeof(struct entry); n++) {
		call_open(&sc, &dir, CALL_SCOPE, 1);
		substep_close(&sc);
		scratch_put(&dir, CALL_SCOPE "/calls.1", "", 0);
		assert_int_equal(calls("a"), 1);
		assert_int_equal(calls("a"), 2);
		scratch_get(&dir, CALL_SCOPE "/calls.1", &file);
		assert_int_equal(file.len, 2 * sizeof(struct entry));
		/* the second one as far as it came */
		scratch_put(&dir, CALL_SCOPE "/calls.1", file.data,
			sizeof(struct entry) + n);
		assert_int_equal(calls("a"), 2);
		assert_int_equal(calls("b"), 1);
		assert_int_equal(calls("a"), 3);
		assert_int_equal(fstatat(dir.fd, CALL_SCOPE "/calls.1", &st,
			0), 0);
		assert_int_equal(st.st_size, 4 * sizeof(struct entry));
	}
	buf_release(&file);
}

/* A disk that is full: it is said, nobody is locked out, and what was counted
 * is as it was. */
static void disk_is_full(void **state)
{
	struct substep_scope sc, other;
	struct substep s;
	pid_t pid;

	(void)state;
	assert_int_equal(calls("a"), 1);
	fails("b", 1);
	pid = fork();
	if (pid == 0) {
		struct rlimit l = { 2 * sizeof(struct entry),
			2 * sizeof(struct entry) };

		signal(SIGXFSZ, SIG_IGN);
		CHILD_CHECK(setrlimit(RLIMIT_FSIZE, &l) == 0);
		call_open(&sc, &dir, CALL_SCOPE, 1);
		call_is(&s, "a", "x");
		CHILD_CHECK(substep_claim(&sc, &s, &why) == -1);
		CHILD_CHECK(strstr(why.text, "cannot count") != NULL);
		/* others are not held up by it, and what is given out again
		 * needs no room */
		CHILD_CHECK(claims(&other, &s, "b") == 1);
		CHILD_CHECK(substep_keep(&other, &s, &why) == 0);
		_exit(0);
	}
	call_reap(pid);
	call_open(&sc, &dir, CALL_SCOPE, 1);
	call_is(&s, "a", "x");
	assert_int_equal(substep_claim(&sc, &s, &why), 0);
	assert_int_equal(s.number, 2);
	/* a descriptor that cannot be written to: it is not kept */
	close(sc.calls);
	sc.calls = openat(sc.fd, "calls.1", O_RDONLY | O_CLOEXEC);
	assert_int_equal(substep_keep(&sc, &s, &why), -1);
	assert_true(why.err != 0);
	assert_int_equal(substep_claim(&sc, &s, &why), -1);
	substep_close(&sc);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(identity), cmocka_unit_test(no_collisions),
		T(counted), T(given_out_again), T(failed),
		cmocka_unit_test(environments), T(kept_at_that_moment),
		T(without_entry), T(killed),
		T(in_parallel), T(many), T(thousands), T(torn),
		T(disk_is_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
