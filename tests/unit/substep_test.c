/* SPDX-License-Identifier: ISC */
#include "substep.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "calling.h"
#include "record.h"
#include "sealing.h"

#define WHEN "2026-11-20T18:47:22.123Z"

static struct scratch dir;
static struct substep_scope sc;
static struct why why;

/*
 * What reaches the disk, in its order, as letters: d a file's data, D a
 * directory, r a rename. Of these the one number `fails` fails. The kernel does
 * the rest.
 */
static char order[64];
static size_t norder;
static int fails = -1;

static bool goes_on(char what)
{
	bool on = (int)norder != fails;

	if (norder < sizeof(order) - 1)
		order[norder++] = what;
	order[norder] = '\0';
	if (!on)
		errno = EIO;
	return on;
}

int fdatasync(int fd)
{
	return goes_on('d') ? (int)syscall(SYS_fdatasync, fd) : -1;
}

int fsync(int fd)
{
	return goes_on('D') ? (int)syscall(SYS_fsync, fd) : -1;
}

int renameat(int from, const char *old, int to, const char *new)
{
	return goes_on('r') ? (int)syscall(SYS_renameat2, from, old, to, new,
		0) : -1;
}

static void watch(int failing)
{
	norder = 0;
	order[0] = '\0';
	fails = failing;
}

static int setup(void **state)
{
	(void)state;
	scratch_init(&dir);
	call_open(&sc, &dir, CALL_SCOPE, 1);
	watch(-1);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	watch(-1);
	substep_close(&sc);
	scratch_release(&dir);
	return 0;
}

/* Remember it as the record says; 0, -1, -2. */
static int commits(const struct substep *s, const struct substep_record *r)
{
	bool killed;
	int fd = substep_begin(&sc, s, r->name, r->started_at, &killed, &why);
	int ret;

	assert_true(fd >= 0);
	ret = substep_commit(&sc, s, fd, r, &why);
	close(fd);
	return ret;
}

static void same_record(const struct substep_record *a,
	const struct substep_record *b)
{
	assert_string_equal(a->name, b->name);
	assert_int_equal(a->exit, b->exit);
	assert_int_equal(a->started_at, b->started_at);
	assert_int_equal(a->ended_at, b->ended_at);
	assert_int_equal(a->out_bytes, b->out_bytes);
	assert_int_equal(a->err_bytes, b->err_bytes);
	assert_int_equal(a->in_bytes, b->in_bytes);
	if (a->in_bytes != -1)
		assert_true(a->in_hash == b->in_hash);
	assert_int_equal(a->merged, b->merged);
	assert_int_equal(a->silent, b->silent);
	assert_int_equal(a->mark, b->mark);
}

static void reads_back(const struct substep *s,
	const struct substep_record *expected)
{
	struct substep_record r;

	if (substep_read(&sc, s, &r, &why) != 1)
		fail_msg("%s", why.text);
	same_record(&r, expected);
	assert_true(r.check == s->check);
	free(r.name);
}

static void written_and_read(void **state)
{
	static const struct substep_record c[] = {
		{ .name = (char *)"page 7", .started_at = 1, .ended_at = 2,
			.in_bytes = -1 },
		{ .name = (char *)"out", .out_bytes = 3, .in_bytes = -1,
			.ended_at = 1795200000123 },
		{ .name = (char *)"both", .out_bytes = 5, .err_bytes = 70000,
			.exit = 24, .in_bytes = -1,
			.started_at = 1795200000123,
			.ended_at = 1795200000124 },
		{ .name = (char *)"in", .in_bytes = 0, .in_hash = 0 },
		{ .name = (char *)"in", .in_bytes = INT64_MAX,
			.in_hash = UINT64_MAX, .exit = 255 },
		{ .name = (char *)"merged", .merged = true, .out_bytes = 1,
			.in_bytes = -1 },
		{ .name = (char *)"silent", .silent = true, .in_bytes = 12,
			.in_hash = 0x0123456789abcdef },
		{ .name = (char *)"mark", .mark = true, .in_bytes = -1 },
		{ .name = (char *)"all", .merged = true, .silent = true,
			.mark = true, .exit = 1, .in_bytes = -1 },
	};
	char *bytes = calloc(1, 70000);
	struct stat st;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(c) / sizeof(c[0]); i++) {
		struct substep_record r;
		struct substep s;

		call_is(&s, c[i].name, "x");
		assert_int_equal(substep_claim(&sc, &s, &why), 0);
		assert_int_equal(substep_read(&sc, &s, &r, &why), 0);
		call_write(&sc, &s, ".out", bytes, (size_t)c[i].out_bytes);
		call_write(&sc, &s, ".err", bytes, (size_t)c[i].err_bytes);
		assert_int_equal(commits(&s, &c[i]), 0);
		reads_back(&s, &c[i]);
		assert_false(call_has(&sc, &s, ".new"));
		assert_int_equal(fstatat(sc.fd, s.id, &st, 0), 0);
		assert_int_equal(st.st_mode, S_IFREG | 0600);
		assert_int_equal(substep_keep(&sc, &s, &why), 0);
		/* a second time it is not written */
		assert_int_equal(substep_begin(&sc, &s, "other", 5,
			&(bool){ false }, &why), -2);
		assert_false(call_has(&sc, &s, ".new"));
		reads_back(&s, &c[i]);
	}
	assert_int_equal(fstat(sc.fd, &st), 0);
	assert_int_equal(st.st_mode, S_IFDIR | 0700);
	free(bytes);
}

/* Any bytes but newline and NUL, as long as they may be. */
static void any_name(void **state)
{
	char name[SUBSTEP_NAME + 1];
	int c, i;

	(void)state;
	for (c = 1; c < 256; c++) {
		struct substep_record r = { .name = name, .in_bytes =
			INT64_MAX, .in_hash = UINT64_MAX, .exit = 255,
			.started_at = INT64_MAX, .ended_at = 4102444800000,
			.merged = true, .silent = true, .mark = true };
		struct substep s;

		if (c == '\n')
			continue;
		memset(name, c, SUBSTEP_NAME);
		name[SUBSTEP_NAME] = '\0';
		call_is(&s, name, NULL);
		substep_first(&s);
		assert_int_equal(commits(&s, &r), 0);
		reads_back(&s, &r);
	}
	for (i = 0, c = 1; c < 256; c++)
		if (c != '\n')
			name[i++] = (char)c;
	name[i] = '\0';
	call_done(&sc, name);
	assert_true(call_remembered(&sc, name));
	name[i - 1] = 'x';
	assert_false(call_remembered(&sc, name));
}

/* One that is remembered, and its file. */
static void remembered(struct substep *s, struct substep_record *r,
	struct buf *file)
{
	*r = (struct substep_record){ .name = (char *)"page 7", .exit = 3,
		.started_at = 1795200000123, .ended_at = 1795200000124,
		.out_bytes = 3, .err_bytes = 2, .in_bytes = 9, .in_hash = 77 };
	call_is(s, r->name, "x");
	assert_int_equal(substep_claim(&sc, s, &why), 0);
	call_write(&sc, s, ".out", "abc", 3);
	call_write(&sc, s, ".err", "de", 2);
	assert_int_equal(commits(s, r), 0);
	assert_int_equal(io_slurp(sc.fd, s->id, 4096, file, NULL), 0);
}

static void is_damaged(const struct substep *s, const char *how, size_t at)
{
	struct substep_record r;
	int ret;

	ret = substep_read(&sc, s, &r, &why);
	if (ret != -1)
		fail_msg("%s at %zu: read as %d", how, at, ret);
	assert_null(r.name);
	assert_non_null(strstr(why.text, s->id));
	assert_non_null(strstr(why.text, sc.path));
}

static void every_bit(void **state)
{
	struct substep_record r;
	struct buf file = { 0 };
	struct substep s;
	size_t i;
	int bit;

	(void)state;
	remembered(&s, &r, &file);
	for (i = 0; i < file.len; i++)
		for (bit = 0; bit < 8; bit++) {
			file.data[i] ^= (char)(1 << bit);
			call_write(&sc, &s, "", file.data, file.len);
			file.data[i] ^= (char)(1 << bit);
			is_damaged(&s, "a bit", i);
		}
	call_write(&sc, &s, "", file.data, file.len);
	reads_back(&s, &r);
	buf_release(&file);
}

/* Cut, or with something behind it, or with a byte too many or too few. */
static void other_lengths(void **state)
{
	struct substep_record r;
	struct buf file = { 0 }, other = { 0 };
	struct substep s;
	size_t i;

	(void)state;
	remembered(&s, &r, &file);
	for (i = 0; i < file.len; i++) {
		call_write(&sc, &s, "", file.data, i);
		is_damaged(&s, "cut", i);
		buf_reset(&other);
		buf_add(&other, file.data, i);
		buf_add(&other, file.data + i + 1, file.len - i - 1);
		call_write(&sc, &s, "", other.data, other.len);
		is_damaged(&s, "a byte less", i);
		buf_reset(&other);
		buf_add(&other, file.data, i);
		buf_char(&other, i % 2 == 0 ? file.data[i] : '0');
		buf_add(&other, file.data + i, file.len - i);
		call_write(&sc, &s, "", other.data, other.len);
		is_damaged(&s, "a byte more", i);
	}
	for (i = 1; i < 10000; i *= 3) {
		buf_reset(&other);
		buf_add(&other, file.data, file.len);
		while (other.len < file.len + i)
			buf_char(&other, i % 2 == 0 ? '\0' : '\n');
		call_write(&sc, &s, "", other.data, other.len);
		is_damaged(&s, "something behind it", i);
	}
	/* twice the same */
	buf_reset(&other);
	buf_add(&other, file.data, file.len);
	buf_add(&other, file.data, file.len);
	call_write(&sc, &s, "", other.data, other.len);
	is_damaged(&s, "twice", 0);
	/* what a power cut leaves of a file */
	memset(other.data, 0, other.len);
	call_write(&sc, &s, "", other.data, file.len);
	is_damaged(&s, "zeros", 0);
	buf_release(&file);
	buf_release(&other);
}

/* Well-sealed, and not a record of a call. */
static void never_invents(void **state)
{
	static const char *const bad[] = {
		"1 " WHEN " substep",
		"1 " WHEN " substep name=a exit=0",
		"1 " WHEN " substep check=1 exit=0",
		"1 " WHEN " substep name=a check=1",
		"1 " WHEN " substep name=a check=1 exit=",
		"1 " WHEN " substep name=a check=1 exit=-1",
		"1 " WHEN " substep name=a check=1 exit=256",
		"1 " WHEN " substep name=a check=1 exit=x",
		"1 " WHEN " substep name=a check=x exit=0",
		"1 " WHEN " substep name=a check=1 exit=0 out=-1",
		"1 " WHEN " substep name=a check=1 exit=0 err=-1",
		"1 " WHEN " substep name=a check=1 exit=0 out=1x",
		"1 " WHEN " substep name=a check=1 exit=0 out=9999999999999999"
			"999",
		"1 " WHEN " substep name=a check=1 exit=0 input=3 inhash=x",
		"1 " WHEN " substep name=a check=1 exit=0 merged=2",
		"1 " WHEN " substep name=a check=1 exit=0 silent=yes",
		"1 " WHEN " substep name=a check=1 exit=0 mark=-1",
		"1 " WHEN " substep name=a check=1 exit=0 started=-5",
		"2 " WHEN " substep name=a check=1 exit=0",
		"0 " WHEN " substep name=a check=1 exit=0",
		"1 " WHEN " running name=a check=1 exit=0",
		"1 " WHEN " failed name=a check=1 exit=0",
		"1 " WHEN " substeps name=a check=1 exit=0",
		"1 yesterday substep name=a check=1 exit=0",
	};
	struct substep_record r;
	struct buf line = { 0 };
	struct substep s;
	size_t i;

	(void)state;
	call_is(&s, "a", NULL);
	substep_first(&s);
	s.check = 1;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		buf_reset(&line);
		seal(&line, 0, bad[i]);
		call_write(&sc, &s, "", line.data, line.len);
		is_damaged(&s, bad[i], i);
	}
	/* and one that is */
	buf_reset(&line);
	seal(&line, 0, "1 " WHEN " substep name=a check=1 exit=0");
	call_write(&sc, &s, "", line.data, line.len);
	assert_int_equal(substep_read(&sc, &s, &r, &why), 1);
	assert_string_equal(r.name, "a");
	assert_int_equal(r.in_bytes, -1);
	free(r.name);
	buf_release(&line);
}

/* Two calls with one hash: the second hash tells them apart. */
static void another_call(void **state)
{
	struct substep_record r;
	struct buf file = { 0 };
	struct substep s;
	int bit;

	(void)state;
	remembered(&s, &r, &file);
	for (bit = 0; bit < 64; bit++) {
		struct substep other = s;
		struct substep_record is;

		other.check ^= (uint64_t)1 << bit;
		assert_int_equal(substep_read(&sc, &other, &is, &why), -1);
		assert_null(is.name);
		assert_non_null(strstr(why.text, "another call"));
	}
	assert_int_equal(substep_read(&sc, &s, &r, NULL), 1);
	free(r.name);
	/* the names of files are all that has to agree */
	s.number = 2;
	snprintf(s.id, sizeof(s.id), "%016llx.2", (unsigned long long)s.hash);
	assert_int_equal(substep_read(&sc, &s, &r, &why), 0);
	buf_release(&file);
}

/* What it wrote has to be there, all of it and no more. */
static void output_as_it_was(void **state)
{
	static const struct { int64_t out, err; const char *file[2]; } c[] = {
		{ 3, 0, { NULL, NULL } }, { 3, 0, { "ab", NULL } },
		{ 3, 0, { "abcd", NULL } }, { 3, 0, { "", NULL } },
		{ 0, 1, { NULL, NULL } }, { 0, 1, { "a", "" } },
		{ 3, 2, { "abc", "a" } }, { 3, 2, { NULL, "ab" } },
		{ 3, 2, { "ab", "abc" } },
	};
	struct substep_record r;
	struct substep s;
	size_t i;

	(void)state;
	call_is(&s, "a", NULL);
	substep_first(&s);
	for (i = 0; i < sizeof(c) / sizeof(c[0]); i++) {
		struct substep_record mine = { .name = (char *)"a",
			.out_bytes = c[i].out, .err_bytes = c[i].err,
			.in_bytes = -1 };
		static const char *const kind[] = { ".out", ".err" };
		int k;

		for (k = 0; k < 2; k++) {
			char name[64];

			snprintf(name, sizeof(name), "%s%s", s.id, kind[k]);
			unlinkat(sc.fd, name, 0);
			if (c[i].file[k] != NULL)
				call_write(&sc, &s, kind[k], c[i].file[k],
					strlen(c[i].file[k]));
		}
		assert_int_equal(commits(&s, &mine), -1);
		assert_non_null(strstr(why.text, s.id));
		assert_int_equal(substep_read(&sc, &s, &r, &why), 0);
		assert_true(call_has(&sc, &s, ".new"));
	}
	/* of what has written nothing there is no file */
	call_write(&sc, &s, ".out", "abc", 3);
	call_write(&sc, &s, ".err", "de", 2);
	assert_int_equal(commits(&s, &(struct substep_record){
		.name = (char *)"a", .out_bytes = 3, .err_bytes = 2,
		.in_bytes = -1 }), 0);
}

/* First what it wrote, then the record, and the directory, as it has the names
 * of what it wrote; then the record's name, and the directory again. What fails
 * before that name leaves nothing remembered. */
static void durable(void **state)
{
	struct substep_record r = { .name = (char *)"a", .out_bytes = 1,
		.err_bytes = 1, .in_bytes = -1 }, is;
	struct substep s;
	bool killed;
	int fd, i;

	(void)state;
	for (i = 0; i < 6; i++) {
		call_is(&s, "a", NULL);
		substep_first(&s);
		call_write(&sc, &s, ".out", "x", 1);
		call_write(&sc, &s, ".err", "y", 1);
		fd = substep_begin(&sc, &s, "a", 1, &killed, &why);
		assert_true(fd >= 0);
		watch(i);
		/* the last one has its record, which may be lost again */
		assert_int_equal(substep_commit(&sc, &s, fd, &r, &why),
			i == 5 ? -2 : -1);
		close(fd);
		assert_int_equal(norder, i + 1);
		assert_int_equal(strncmp(order, "dddDrD", (size_t)i + 1), 0);
		assert_non_null(strstr(why.text, strerror(EIO)));
		watch(-1);
		assert_int_equal(substep_read(&sc, &s, &is, &why), i == 5);
	}
	same_record(&is, &r);
	free(is.name);
	/* without output */
	call_is(&s, "b", NULL);
	substep_first(&s);
	fd = substep_begin(&sc, &s, "b", 1, &killed, &why);
	r.name = (char *)"b";
	r.out_bytes = r.err_bytes = 0;
	watch(-1);
	assert_int_equal(substep_commit(&sc, &s, fd, &r, &why), 0);
	close(fd);
	assert_string_equal(order, "drD");
}

/* In a child: no file grows beyond so many bytes. */
static void limit_files(rlim_t bytes)
{
	struct rlimit l = { bytes, bytes };

	signal(SIGXFSZ, SIG_IGN);
	CHILD_CHECK(setrlimit(RLIMIT_FSIZE, &l) == 0);
}

/* A disk that is full: it is said, and nothing is remembered. */
static void disk_is_full(void **state)
{
	struct substep_tries t = { 1, 2, 3 };
	struct substep_record r;
	struct substep s, other;
	bool killed;
	pid_t pid;
	int fd;

	(void)state;
	call_is(&s, "a", NULL);
	substep_first(&s);
	fd = substep_begin(&sc, &s, "a", 1, &killed, &why);
	assert_true(fd >= 0);
	call_is(&other, "b", NULL);
	substep_first(&other);
	assert_int_equal(substep_write_tries(&sc, &s, &t, &why), 0);
	pid = fork();
	if (pid == 0) {
		struct substep_record mine = { .name = (char *)"a",
			.in_bytes = -1 };

		limit_files(70);
		/* the note fits, the record does not */
		CHILD_CHECK(substep_commit(&sc, &s, fd, &mine, &why) == -1);
		CHILD_CHECK(strstr(why.text, "cannot write") != NULL);
		limit_files(10);
		CHILD_CHECK(substep_begin(&sc, &other, "b", 1, &killed,
			&why) == -1);
		CHILD_CHECK(strstr(why.text, "cannot write") != NULL);
		t.tries = 5;
		CHILD_CHECK(substep_write_tries(&sc, &s, &t, &why) == -1);
		_exit(0);
	}
	call_reap(pid);
	assert_int_equal(substep_read(&sc, &s, &r, &why), 0);
	assert_int_equal(substep_read(&sc, &other, &r, &why), 0);
	close(fd);
	/* and once there is room, all goes on */
	call_remember(&sc, &s, "a", "");
	call_remember(&sc, &other, "b", "");
	assert_true(call_remembered(&sc, "a") && call_remembered(&sc, "b"));
}

/* What two processes tell each other. */
struct shared {
	volatile int began;	/* the first one holds it */
	volatile int ended;	/* it is about to let go */
	volatile int holders, most, commits, gone;
};

static struct shared *shared(void)
{
	struct shared *s = mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	assert_true(s != MAP_FAILED);
	return s;
}

/* Somebody waits for a flock(2) of that file, as /proc/locks has it. Where that
 * cannot be seen, a while later. */
static void until_waited_for(const struct substep *s)
{
	char name[64], line[256], inode[32];
	struct stat st;
	int i;

	snprintf(name, sizeof(name), "%s.new", s->id);
	CHILD_CHECK(fstatat(sc.fd, name, &st, 0) == 0);
	snprintf(inode, sizeof(inode), ":%llu ", (unsigned long long)st.st_ino);
	for (i = 0; i < 300; i++) {
		FILE *f = fopen("/proc/locks", "re");
		bool waits = false;

		while (f != NULL && fgets(line, sizeof(line), f) != NULL)
			waits |= strstr(line, "-> FLOCK") != NULL &&
				strstr(line, inode) != NULL;
		if (f != NULL)
			fclose(f);
		if (waits)
			return;
		call_nap();
	}
}

enum end { COMMIT, FAIL, LEAVE, KILL };

/* The first one of two: how it ends. */
static pid_t first_one(struct shared *g, const struct substep *s, enum end end)
{
	struct substep_record r = { .name = (char *)"a", .in_bytes = -1,
		.exit = 7 };
	bool killed;
	pid_t pid = fork();
	int fd;

	if (pid != 0)
		return pid;
	fd = substep_begin(&sc, s, "a", 1, &killed, &why);
	CHILD_CHECK(fd >= 0 && !killed);
	g->began = 1;
	until_waited_for(s);
	g->ended = 1;
	switch (end) {
	case COMMIT:
		CHILD_CHECK(substep_commit(&sc, s, fd, &r, &why) == 0);
		break;
	case FAIL:
		substep_failed(fd, "a", 2);
		break;
	case LEAVE:
		break;
	case KILL:
		kill(getpid(), SIGKILL);
	}
	close(fd);
	_exit(0);
}

/* The second one waits until the first ends, however that is. */
static void one_at_a_time(void **state)
{
	enum end end;

	(void)state;
	for (end = COMMIT; end <= KILL; end++) {
		struct shared *g = shared();
		struct substep_record r;
		struct substep s;
		bool killed;
		int fd, status;
		pid_t pid;

		call_is(&s, "a", (const char *[]){ "commit", "fail", "leave",
			"kill" }[end]);
		substep_first(&s);
		pid = first_one(g, &s, end);
		while (!g->began)
			call_nap();
		fd = substep_begin(&sc, &s, "second", 3, &killed, &why);
		assert_int_equal(g->ended, 1);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(status, end == KILL ? SIGKILL : 0);
		if (end == COMMIT) {
			assert_int_equal(fd, -2);
			assert_false(call_has(&sc, &s, ".new"));
			assert_int_equal(substep_read(&sc, &s, &r, &why), 1);
			assert_int_equal(r.exit, 7);
			free(r.name);
		} else {
			assert_true(fd >= 0);
			assert_int_equal(killed, end != FAIL);
			assert_int_equal(substep_read(&sc, &s, &r, &why), 0);
			/* killed is said of the last one only */
			substep_failed(fd, "second", 4);
			close(fd);
			fd = substep_begin(&sc, &s, "third", 5, &killed, &why);
			assert_true(fd >= 0);
			assert_false(killed);
			close(fd);
			/* the third one has not said that it ended */
			fd = substep_begin(&sc, &s, "fourth", 6, &killed,
				&why);
			assert_true(killed);
			close(fd);
		}
		munmap(g, sizeof(*g));
	}
}

/* It was forgotten while the second one waited: what that holds then is what
 * others see. */
static void taken_away(void **state)
{
	struct shared *g = shared();
	struct substep s;
	struct stat here, there;
	bool killed;
	char name[64];
	pid_t pid;
	int fd;

	(void)state;
	call_is(&s, "a", NULL);
	substep_first(&s);
	snprintf(name, sizeof(name), "%s.new", s.id);
	pid = fork();
	if (pid == 0) {
		fd = substep_begin(&sc, &s, "a", 1, &killed, &why);
		CHILD_CHECK(fd >= 0);
		g->began = 1;
		until_waited_for(&s);
		CHILD_CHECK(unlinkat(sc.fd, name, 0) == 0);
		_exit(0);
	}
	while (!g->began)
		call_nap();
	fd = substep_begin(&sc, &s, "a", 1, &killed, &why);
	assert_true(fd >= 0);
	call_reap(pid);
	assert_int_equal(fstat(fd, &here), 0);
	assert_int_equal(fstatat(sc.fd, name, &there, 0), 0);
	assert_int_equal(here.st_ino, there.st_ino);
	close(fd);
	munmap(g, sizeof(*g));
}

/* Many at once, of which some fail: never two, and one that is remembered. */
static void many_at_once(void **state)
{
	enum { MANY = 24 };
	struct shared *g = shared();
	struct substep s;
	pid_t pid[MANY];
	int i;

	(void)state;
	call_is(&s, "a", NULL);
	substep_first(&s);
	for (i = 0; i < MANY; i++) {
		struct substep_record r = { .name = (char *)"a",
			.in_bytes = -1, .exit = i };
		bool killed;
		int fd, now;

		pid[i] = fork();
		if (pid[i] != 0)
			continue;
		fd = substep_begin(&sc, &s, "a", 1, &killed, &why);
		if (fd == -2) {
			__sync_fetch_and_add(&g->gone, 1);
			_exit(0);
		}
		CHILD_CHECK(fd >= 0);
		now = __sync_add_and_fetch(&g->holders, 1);
		if (now > g->most)
			g->most = now;
		sched_yield();
		__sync_fetch_and_sub(&g->holders, 1);
		/* every third one fails */
		if (i % 3 == 0) {
			substep_failed(fd, "a", 1);
			_exit(0);
		}
		__sync_fetch_and_add(&g->commits, 1);
		CHILD_CHECK(substep_commit(&sc, &s, fd, &r, &why) == 0);
		_exit(0);
	}
	for (i = 0; i < MANY; i++)
		call_reap(pid[i]);
	assert_int_equal(g->most, 1);
	assert_int_equal(g->commits, 1);
	assert_true(g->gone >= MANY - 1 - MANY / 3);
	assert_true(call_has(&sc, &s, ""));
	assert_false(call_has(&sc, &s, ".new"));
	munmap(g, sizeof(*g));
}

static void tries(void **state)
{
	struct substep_tries t = { INT_MAX, 7, 1795200000123 }, is;
	struct buf file = { 0 };
	struct substep s;
	char name[64];
	size_t i;
	int bit;

	(void)state;
	call_is(&s, "a", NULL);
	substep_first(&s);
	memset(&is, 1, sizeof(is));
	substep_read_tries(&sc, &s, &is);
	assert_int_equal(is.tries + is.parks, 0);
	assert_int_equal(is.parked_at, 0);
	assert_int_equal(substep_write_tries(&sc, &s, &t, &why), 0);
	substep_read_tries(&sc, &s, &is);
	assert_int_equal(is.tries, t.tries);
	assert_int_equal(is.parks, t.parks);
	assert_int_equal(is.parked_at, t.parked_at);
	/* damaged: they begin anew */
	snprintf(name, sizeof(name), "%s.tries", s.id);
	assert_int_equal(io_slurp(sc.fd, name, 4096, &file, NULL), 0);
	for (i = 0; i + 1 < file.len; i++)
		for (bit = 0; bit < 8; bit++) {
			file.data[i] ^= (char)(1 << bit);
			call_write(&sc, &s, ".tries", file.data, file.len);
			file.data[i] ^= (char)(1 << bit);
			substep_read_tries(&sc, &s, &is);
			assert_int_equal(is.tries, 0);
			assert_int_equal(is.parks, 0);
		}
	/* whole, but impossible */
	t.parked_at = -1;
	assert_int_equal(substep_write_tries(&sc, &s, &t, &why), 0);
	substep_read_tries(&sc, &s, &is);
	assert_int_equal(is.tries + is.parks, 0);
	assert_int_equal(is.parked_at, 0);
	substep_forget_tries(&sc, &s);
	assert_false(call_has(&sc, &s, ".tries"));
	substep_forget_tries(&sc, &s);
	/* a success forgets them, too */
	assert_int_equal(substep_write_tries(&sc, &s, &t, &why), 0);
	call_remember(&sc, &s, "a", "");
	substep_read_tries(&sc, &s, &is);
	assert_int_equal(is.tries, 0);
	assert_false(call_has(&sc, &s, ".tries"));
	buf_release(&file);
}

static void opening(void **state)
{
	static const char *const bad[] = { "", "x", "calls.1", "sub/calls.1",
		"/", "/calls", "/tmp/call.1", "/tmp/calls", "/tmp/calls.1/x",
		"/calls.1" };
	char steps[PATH_MAX + 200];
	struct substep_scope other;
	struct stat st;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		why.text[0] = '\0';
		if (substep_open(&other, bad[i], &why) != -1)
			fail_msg("opened: %s", bad[i]);
		assert_true(why.text[0] != '\0');
		substep_close(&other);
	}
	/* all that is missing is made, for its owner only */
	snprintf(steps, sizeof(steps), "%s/a/b/c/calls.x.1", dir.path);
	assert_int_equal(substep_open(&other, steps, &why), 0);
	assert_string_equal(other.path + strlen(dir.path), "/a/b/c");
	assert_int_equal(fstatat(dir.fd, "a/b", &st, 0), 0);
	assert_int_equal(st.st_mode, S_IFDIR | 0700);
	assert_int_equal(fstatat(dir.fd, "a/b/c/calls.x.1", &st, 0), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0600);
	substep_close(&other);
	substep_close(&other);
	assert_int_equal(other.fd, -1);
	/* each new directory durably */
	snprintf(steps, sizeof(steps), "%s/d/e/calls.1", dir.path);
	watch(-1);
	assert_int_equal(substep_open(&other, steps, &why), 0);
	substep_close(&other);
	assert_string_equal(order, "DD");
	watch(0);
	snprintf(steps, sizeof(steps), "%s/f/calls.1", dir.path);
	assert_int_equal(substep_open(&other, steps, &why), -1);
	substep_close(&other);
	watch(-1);
	/* something else stands there */
	scratch_put(&dir, "file", "x", 1);
	snprintf(steps, sizeof(steps), "%s/file/calls.1", dir.path);
	assert_int_equal(substep_open(&other, steps, &why), -1);
	substep_close(&other);
	memset(steps, 'x', sizeof(steps));
	steps[0] = '/';
	strcpy(steps + sizeof(steps) - 10, "/calls.1");
	assert_int_equal(substep_open(&other, steps, &why), -1);
	substep_close(&other);
}

/* A file and a directory outside; what stands there stays as it is. */
static void outside_is_untouched(void)
{
	struct buf is = { 0 };

	scratch_get(&dir, "outside/file", &is);
	assert_string_equal(is.data, "secret");
	assert_false(scratch_has(&dir, "outside/none"));
	assert_int_equal(unlinkat(dir.fd, "outside/file", 0), 0);
	assert_int_equal(unlinkat(dir.fd, "outside", AT_REMOVEDIR), 0);
	buf_release(&is);
	assert_int_equal(mkdirat(dir.fd, "outside", 0700), 0);
	scratch_put(&dir, "outside/file", "secret", 6);
}

/* Links at every name of a scope: nobody goes where they lead. */
static void planted_links(void **state)
{
	static const char *const kinds[] = { "", ".new", ".out", ".err",
		".tries", ".tries.new", ".again" };
	static const char *const targets[] = { "file", "none", "." };
	struct substep_tries t = { 1, 1, 1 };
	struct substep_record r, mine = { .name = (char *)"a",
		.out_bytes = 6, .err_bytes = 6, .in_bytes = -1 };
	struct substep_scope other;
	struct substep_list l;
	char target[128], name[64], steps[128];
	size_t i, k, n;
	struct substep s;
	bool killed;
	int fd;

	(void)state;
	assert_int_equal(mkdirat(dir.fd, "outside", 0700), 0);
	scratch_put(&dir, "outside/file", "secret", 6);
	call_is(&s, "a", NULL);
	substep_first(&s);
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		for (k = 0; k < sizeof(targets) / sizeof(targets[0]); k++) {
			snprintf(target, sizeof(target), "%s/outside/%s",
				dir.path, targets[k]);
			snprintf(name, sizeof(name), "%s%s", s.id, kinds[i]);
			assert_int_equal(symlinkat(target, sc.fd, name), 0);
			if (i == 0)
				assert_int_equal(substep_read(&sc, &s, &r,
					&why), -1);
			else
				assert_int_equal(substep_read(&sc, &s, &r,
					&why), 0);
			substep_read_tries(&sc, &s, &t);
			assert_int_equal(t.tries, 0);
			substep_look(&l, dir.fd, CALL_SCOPE, 20);
			substep_list_release(&l);
			(void)substep_generation(&sc, &s);
			fd = substep_begin(&sc, &s, "a", 1, &killed, &why);
			/* a record: it is believed to be done; a link to
			 * begin with: nobody begins */
			if (i < 2)
				assert_int_equal(fd, i == 0 ? -2 : -1);
			else
				assert_true(fd >= 0);
			if (fd >= 0) {
				substep_failed(fd, "a", 2);
				if (i == 2)
					call_write(&sc, &s, ".err", "123456",
						6);
				if (i == 3)
					call_write(&sc, &s, ".out", "123456",
						6);
				if (i == 2 || i == 3)
					assert_int_equal(substep_commit(&sc,
						&s, fd, &mine, &why), -1);
				close(fd);
			}
			if (i != 4)
				assert_int_equal(substep_write_tries(&sc, &s,
					&t, &why), 0);
			substep_forget_tries(&sc, &s);
			assert_int_equal(substep_forget(dir.fd, CALL_SCOPE,
				"*", false, &n, &why), 0);
			outside_is_untouched();
			unlinkat(sc.fd, name, 0);
			for (n = 0; n < sizeof(kinds) / sizeof(kinds[0]);
			     n++) {
				snprintf(name, sizeof(name), "%s%s", s.id,
					kinds[n]);
				unlinkat(sc.fd, name, 0);
			}
		}
	/* the calls */
	for (k = 0; k < 2; k++) {
		snprintf(target, sizeof(target), "%s/outside/%s", dir.path,
			targets[k]);
		assert_int_equal(symlinkat(target, sc.fd, "calls.2"), 0);
		snprintf(steps, sizeof(steps), "%s/calls.2", sc.path);
		assert_int_equal(substep_open(&other, steps, &why), -1);
		substep_close(&other);
		outside_is_untouched();
		/* of an earlier turn: it goes, not what it leads to */
		snprintf(steps, sizeof(steps), "%s/calls.%zu", sc.path, 3 + k);
		assert_int_equal(substep_open(&other, steps, &why), 0);
		substep_close(&other);
		outside_is_untouched();
		assert_int_equal(faccessat(sc.fd, "calls.2", F_OK,
			AT_SYMLINK_NOFOLLOW), -1);
	}
}

/* Links in place of scopes. */
static void planted_scopes(void **state)
{
	char target[128], name[64], steps[300];
	struct substep_scope other, out;
	struct substep_list l;
	struct substep s, inner;
	size_t n;

	(void)state;
	/* outside is a scope itself, with a call that is remembered */
	snprintf(steps, sizeof(steps), "%s/outside/calls.1", dir.path);
	assert_int_equal(substep_open(&out, steps, &why), 0);
	call_is(&inner, "inner", NULL);
	substep_first(&inner);
	call_remember(&out, &inner, "inner", "x");
	/* of a call that is remembered, its scope is a link */
	call_is(&s, "outer", NULL);
	substep_first(&s);
	call_remember(&sc, &s, "outer", "");
	snprintf(target, sizeof(target), "%s/outside", dir.path);
	snprintf(name, sizeof(name), "%s.d", s.id);
	assert_int_equal(symlinkat(target, sc.fd, name), 0);
	snprintf(steps, sizeof(steps), "%s/%s/calls.1", sc.path, name);
	assert_int_equal(substep_open(&other, steps, &why), -1);
	substep_close(&other);
	substep_look(&l, dir.fd, CALL_SCOPE, 20);
	assert_int_equal(l.n, 1);
	assert_int_equal(l.done, 1);
	substep_list_release(&l);
	assert_int_equal(substep_forget(dir.fd, CALL_SCOPE, "outer/inner",
		false, &n, &why), 0);
	assert_int_equal(n, 0);
	assert_int_equal(substep_forget(dir.fd, CALL_SCOPE, "*", false, &n,
		&why), 0);
	assert_int_equal(n, 1);
	assert_true(call_has(&out, &inner, ""));
	assert_true(call_has(&out, &inner, ".out"));
	assert_false(call_has(&out, &inner, ".again"));
	assert_true(scratch_has(&dir, "outside/calls.1"));
	/* the scope of the task is a link */
	assert_int_equal(symlinkat(target, dir.fd, "sub/linked"), 0);
	snprintf(steps, sizeof(steps), "%s/sub/linked/calls.2", dir.path);
	assert_int_equal(substep_open(&other, steps, &why), -1);
	substep_close(&other);
	substep_look(&l, dir.fd, "sub/linked", 20);
	assert_int_equal(l.n, 0);
	substep_list_release(&l);
	assert_int_equal(substep_forget(dir.fd, "sub/linked", "*", false, &n,
		&why), 0);
	assert_int_equal(n, 0);
	assert_true(call_has(&out, &inner, ""));
	assert_false(scratch_has(&dir, "outside/calls.2"));
	substep_close(&out);
}

/* Whatever a kill leaves of the note, it is not taken for a good end: what the
 * one before it left may still run. */
static void torn_notes(void **state)
{
	struct buf note = { 0 };
	struct substep s;
	char name[64];
	bool killed;
	size_t i;
	int fd;

	(void)state;
	call_is(&s, "a", NULL);
	substep_first(&s);
	snprintf(name, sizeof(name), "%s.new", s.id);
	/* of one that has just been made there is none */
	fd = substep_begin(&sc, &s, "a", 1, &killed, &why);
	assert_false(killed);
	close(fd);
	/* a short one in place of a long one, and the other way round */
	for (i = 0; i < 2; i++) {
		size_t n;

		fd = substep_begin(&sc, &s, i == 0 ? "a" : "a longer name", 1,
			&killed, &why);
		assert_true(killed);
		buf_reset(&note);
		assert_int_equal(io_slurp(sc.fd, name, 4096, &note, NULL), 0);
		close(fd);
		for (n = 1; n < note.len; n++) {
			call_write(&sc, &s, ".new", note.data, n);
			fd = substep_begin(&sc, &s, "a", 1, &killed, &why);
			assert_true(fd >= 0 && killed);
			close(fd);
		}
	}
	fd = substep_begin(&sc, &s, "a", 1, &killed, &why);
	substep_failed(fd, "a", 2);
	close(fd);
	fd = substep_begin(&sc, &s, "a", 1, &killed, &why);
	assert_false(killed);
	close(fd);
	buf_release(&note);
}

/* Other things than files. */
static void planted_others(void **state)
{
	struct substep_record r;
	struct substep s;
	char name[64];
	bool killed;

	(void)state;
	call_is(&s, "a", NULL);
	substep_first(&s);
	assert_int_equal(mkdirat(sc.fd, s.id, 0700), 0);
	assert_int_equal(substep_read(&sc, &s, &r, &why), -1);
	assert_int_equal(unlinkat(sc.fd, s.id, AT_REMOVEDIR), 0);
	assert_int_equal(mkfifoat(sc.fd, s.id, 0600), 0);
	assert_int_equal(substep_read(&sc, &s, &r, &why), -1);
	assert_int_equal(unlinkat(sc.fd, s.id, 0), 0);
	snprintf(name, sizeof(name), "%s.new", s.id);
	assert_int_equal(mkdirat(sc.fd, name, 0700), 0);
	assert_int_equal(substep_begin(&sc, &s, "a", 1, &killed, &why), -1);
	assert_int_equal(unlinkat(sc.fd, name, AT_REMOVEDIR), 0);
	assert_int_equal(mkfifoat(sc.fd, name, 0600), 0);
	assert_int_equal(substep_begin(&sc, &s, "a", 1, &killed, &why), -1);
	assert_int_equal(unlinkat(sc.fd, name, 0), 0);
	/* what is not understood is in nobody's way */
	call_write(&sc, &s, ".new", "something\n", 10);
	call_remember(&sc, &s, "a", "");
	assert_true(call_remembered(&sc, "a"));
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(written_and_read), T(any_name), T(every_bit),
		T(other_lengths), T(never_invents), T(another_call),
		T(output_as_it_was), T(durable), T(disk_is_full),
		T(one_at_a_time), T(taken_away), T(many_at_once), T(tries),
		T(opening), T(torn_notes),
		T(planted_links), T(planted_scopes), T(planted_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
