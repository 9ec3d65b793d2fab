/* SPDX-License-Identifier: ISC */
#include "mailbox.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "os.h"
#include "scratch.h"
#include "sealing.h"
#include "state.h"

#define WHEN "2026-11-20T18:47:22.123Z"
#define NAME "keeper.3"

static struct scratch dir;
static struct mailbox box;
/* In place of libc's: what it fails with next, so many times. */
static int flock_err, flock_fails;

int flock(int fd, int how)
{
	if (flock_fails > 0) {
		flock_fails--;
		errno = flock_err;
		return -1;
	}
	return (int)syscall(SYS_flock, fd, how);
}

static int setup(void **state)
{
	int fd;

	(void)state;
	scratch_init(&dir);
	fd = openat(dir.fd, NAME, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC,
		0600);
	assert_true(fd != -1);
	mailbox_init(&box, fd);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	close(box.fd);
	mailbox_release(&box);
	scratch_release(&dir);
	return 0;
}

static struct mail reads(const char *step, int attempt, const char *phase)
{
	struct mail mail;

	assert_true(mailbox_read(dir.fd, 3, step, attempt, phase, 0, &mail));
	return mail;
}

static struct report example(void)
{
	struct report r = {
		.outcome = outcome_of(OUTCOME_EXIT), .user_ms = 1,
		.system_ms = 2, .rss_kb = 3, .out_bytes = 4, .err_bytes = 5,
		.note = "in the way:\n\xff%",
	};

	r.outcome.exit = 7;
	return r;
}

static void whole_life(void **state)
{
	struct report r = example();
	struct mail m;

	(void)state;
	m = reads("a", 1, "run");
	assert_int_equal(m.keeper, 0);
	assert_false(m.taken || m.ended || m.held);
	assert_int_equal(mailbox_keeper(&box), 0);
	m = reads("a", 1, "run");
	assert_int_equal(m.keeper, getpid());
	assert_int_equal(m.keeper_start, os_start_time(getpid()));
	assert_string_equal(m.boot, os_boot_id());
	assert_false(m.taken);
	assert_int_equal(mailbox_take(&box, &(struct job){ .step = "a",
		.attempt = 1, .phase = "if" }), 0);
	m = reads("a", 1, "if");
	assert_true(m.taken);
	assert_false(m.ended);
	assert_int_equal(m.pid, 0);
	/* of this very phase of this very attempt only */
	assert_false(reads("a", 1, "run").taken);
	assert_false(reads("a", 2, "if").taken);
	assert_false(reads("b", 1, "if").taken);
	assert_int_equal(mailbox_pid(&box, getpid()), 0);
	m = reads("a", 1, "if");
	assert_int_equal(m.pid, getpid());
	assert_int_equal(m.pid_start, os_start_time(getpid()));
	assert_int_equal(reads("a", 1, "run").pid, 0);
	assert_int_equal(mailbox_end(&box, &r), 0);
	m = reads("a", 1, "if");
	assert_true(m.taken && m.ended);
	assert_int_equal(m.report.outcome.kind, OUTCOME_EXIT);
	assert_int_equal(m.report.outcome.exit, 7);
	assert_int_equal(m.report.user_ms, 1);
	assert_int_equal(m.report.system_ms, 2);
	assert_int_equal(m.report.rss_kb, 3);
	assert_int_equal(m.report.out_bytes, 4);
	assert_int_equal(m.report.err_bytes, 5);
	assert_string_equal(m.report.note, r.note);
	assert_true(m.report.ended_at > 0);
	assert_false(reads("a", 1, "run").ended);
	/* the next job is another one, this one's end stays */
	assert_int_equal(mailbox_take(&box, &(struct job){ .step = "b",
		.attempt = 1, .phase = "run" }), 0);
	assert_false(reads("b", 1, "run").ended);
	assert_true(reads("a", 1, "if").ended);
	/* taken again: the old end is not its end */
	assert_int_equal(mailbox_take(&box, &(struct job){ .step = "a",
		.attempt = 1, .phase = "if" }), 0);
	m = reads("a", 1, "if");
	assert_true(m.taken);
	assert_false(m.ended);
	assert_int_equal(m.pid, 0);
}

static void every_outcome(void **state)
{
	int kind;

	(void)state;
	for (kind = OUTCOME_EXIT; kind < OUTCOME_KINDS; kind++) {
		struct report r = { .outcome =
			outcome_of((enum outcome_kind)kind) };
		struct mail m;

		r.outcome.signo = kind % 2 * 9;
		r.outcome.err = kind;
		r.outcome.oom = kind % 2;
		r.elsewhere = kind % 3 == 0;
		r.survivor = kind * 1000;
		assert_int_equal(mailbox_take(&box, &(struct job){
			.step = "a", .attempt = kind, .phase = "run" }), 0);
		assert_int_equal(mailbox_end(&box, &r), 0);
		m = reads("a", kind, "run");
		assert_true(m.ended);
		assert_int_equal(m.report.outcome.kind, kind);
		assert_int_equal(m.report.outcome.exit, -1);
		assert_int_equal(m.report.outcome.signo, r.outcome.signo);
		assert_int_equal(m.report.outcome.err, kind);
		assert_int_equal(m.report.outcome.oom, r.outcome.oom);
		assert_int_equal(m.report.elsewhere, r.elsewhere);
		assert_int_equal(m.report.survivor, r.survivor);
		assert_string_equal(m.report.note, "");
	}
}

/* Truncated at every byte: ended only when the whole record is there. */
static void truncated(void **state)
{
	struct report r = example();
	struct buf file = { 0 };
	size_t n, take = 0;

	(void)state;
	mailbox_keeper(&box);
	mailbox_take(&box, &(struct job){ .step = "a", .attempt = 1,
		.phase = "run" });
	take = (size_t)box.length;
	mailbox_pid(&box, getpid());
	mailbox_end(&box, &r);
	scratch_get(&dir, NAME, &file);
	for (n = 0; n <= file.len; n++) {
		struct mail m;

		scratch_put(&dir, NAME, file.data, n);
		m = reads("a", 1, "run");
		assert_int_equal(m.taken, n >= take);
		assert_int_equal(m.ended, n == file.len);
	}
	buf_release(&file);
}

/* Every bit: a status is never another one than what was written. */
static void every_bit(void **state)
{
	struct report r = example();
	struct buf file = { 0 };
	size_t i;
	int bit;

	(void)state;
	mailbox_keeper(&box);
	mailbox_take(&box, &(struct job){ .step = "a", .attempt = 1,
		.phase = "run" });
	mailbox_end(&box, &r);
	scratch_get(&dir, NAME, &file);
	for (i = 0; i < file.len; i++)
		for (bit = 0; bit < 8; bit++) {
			struct mail m;

			file.data[i] ^= (char)(1 << bit);
			scratch_put(&dir, NAME, file.data, file.len);
			file.data[i] ^= (char)(1 << bit);
			m = reads("a", 1, "run");
			if (m.ended)
				assert_int_equal(m.report.outcome.exit, 7);
			assert_true(m.ended <= m.taken);
		}
	buf_release(&file);
}

/* Well-sealed records that say nothing understandable: not ended. */
static void never_invents_a_status(void **state)
{
	static const char *const bad[] = {
		"end", "end outcome=", "end outcome=well",
		"end outcome=exit exit=x", "end outcome=exit exit=256",
		"end outcome=exit exit=-1", "end outcome=exit exit=512",
		"end outcome=exit exit=", "end outcome=signal signal=x",
		"end outcome=signal signal=128000", "end outcome=none",
		"end outcome=exit exit=0 survivor=x",
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct buf file = { 0 }, text = { 0 };
		struct mail m;

		seal(&file, 0, "1 " WHEN " take step=a attempt=1 phase=run");
		buf_printf(&text, "2 " WHEN " %s", bad[i]);
		seal(&file, 0, text.data);
		scratch_put(&dir, NAME, file.data, file.len);
		m = reads("a", 1, "run");
		assert_true(m.taken);
		if (m.ended)
			fail_msg("%s: ended with %d", bad[i],
				m.report.outcome.exit);
		buf_release(&file);
		buf_release(&text);
	}
}

/* A take that cannot be read does not make the end behind it somebody
 * else's. */
static void end_of_another(void **state)
{
	static const char take[] = "take step=b";
	struct report r = example();
	struct buf file = { 0 };

	(void)state;
	mailbox_keeper(&box);
	assert_int_equal(mailbox_take(&box, &(struct job){ .step = "a",
		.attempt = 1, .phase = "run" }), 0);
	assert_int_equal(mailbox_end(&box, &r), 0);
	assert_int_equal(mailbox_take(&box, &(struct job){ .step = "b",
		.attempt = 1, .phase = "run" }), 0);
	r.outcome.exit = 0;
	assert_int_equal(mailbox_end(&box, &r), 0);
	assert_int_equal(reads("a", 1, "run").report.outcome.exit, 7);
	assert_int_equal(reads("b", 1, "run").report.outcome.exit, 0);
	scratch_get(&dir, NAME, &file);
	*(char *)memmem(file.data, file.len, take, sizeof(take) - 1) = 'x';
	scratch_put(&dir, NAME, file.data, file.len);
	assert_false(reads("b", 1, "run").taken);
	assert_int_equal(reads("a", 1, "run").report.outcome.exit, 7);
	/* nor when its own is lost */
	*(char *)memmem(file.data, file.len, "exit=7", 6) = 'x';
	scratch_put(&dir, NAME, file.data, file.len);
	assert_true(reads("a", 1, "run").taken);
	assert_false(reads("a", 1, "run").ended);
	buf_release(&file);
}

/* A power cut leaves zeros in place of what was written: what the next keeper
 * writes behind them is read. */
static void behind_zeros(void **state)
{
	static const char zeros[100];
	struct report r = example();
	struct mail m;

	(void)state;
	assert_int_equal(mailbox_keeper(&box), 0);
	assert_int_equal(write(box.fd, zeros, sizeof(zeros)), sizeof(zeros));
	/* watch.c ends such a line */
	assert_int_equal(write(box.fd, "\n", 1), 1);
	assert_int_equal(mailbox_keeper(&box), 0);
	assert_int_equal(mailbox_take(&box, &(struct job){ .step = "a",
		.attempt = 1, .phase = "run" }), 0);
	m = reads("a", 1, "run");
	assert_true(m.taken);
	assert_int_equal(m.keeper, getpid());
	assert_int_equal(mailbox_end(&box, &r), 0);
	assert_true(reads("a", 1, "run").ended);
}

static void emptied_when_grown(void **state)
{
	struct report r = example();
	struct stat st;
	int i;

	(void)state;
	mailbox_keeper(&box);
	for (i = 1; i < 5000; i++) {
		assert_int_equal(mailbox_take(&box, &(struct job){
			.step = "a", .attempt = i, .phase = "run" }), 0);
		assert_int_equal(mailbox_end(&box, &r), 0);
	}
	assert_int_equal(fstat(box.fd, &st), 0);
	assert_int_equal(st.st_size, box.length);
	assert_true(st.st_size < 300 * 1024);
	assert_true(reads("a", 4999, "run").ended);
	assert_int_equal(reads("a", 4999, "run").keeper, getpid());
	assert_false(reads("a", 1, "run").taken);
}

static void held(void **state)
{
	struct mail m;
	int fd;

	(void)state;
	assert_false(mailbox_held(dir.fd, 3));
	assert_int_equal(flock(box.fd, LOCK_EX), 0);
	assert_true(mailbox_held(dir.fd, 3));
	assert_true(reads("a", 1, "run").held);
	assert_int_equal(flock(box.fd, LOCK_UN), 0);
	/* somebody else who asks is no keeper */
	fd = openat(dir.fd, NAME, O_RDONLY | O_CLOEXEC);
	assert_int_equal(flock(fd, LOCK_SH), 0);
	assert_false(mailbox_held(dir.fd, 3));
	close(fd);
	assert_false(mailbox_held(dir.fd, 4));
	assert_false(mailbox_read(dir.fd, 4, "a", 1, "run", 0, &m));
	assert_false(m.held || m.taken || m.ended);
	/* a link is not a mailbox, and whether somebody lives there is not
	 * known: that is not the same as nobody */
	assert_int_equal(symlinkat(NAME, dir.fd, "keeper.4"), 0);
	assert_int_equal(mailbox_held(dir.fd, 4), -1);
	assert_int_equal(mailbox_read(dir.fd, 4, "a", 1, "run", 0, &m), -1);
}

/* A disk that is full: no half record stays. */
static void write_fails(void **state)
{
	struct report r = example();
	struct stat st;
	int fd = box.fd;

	(void)state;
	mailbox_keeper(&box);
	box.fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
	assert_int_equal(mailbox_end(&box, &r), -1);
	close(box.fd);
	box.fd = fd;
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_size, box.length);
	assert_int_equal(mailbox_take(&box, &(struct job){ .step = "a",
		.attempt = 1, .phase = "run" }), 0);
	assert_int_equal(mailbox_end(&box, &r), 0);
	assert_true(reads("a", 1, "run").ended);
}

/* The longest item, of bytes that each take three: the keeper allocates nothing
 * for it. */
static void longest_item(void **state)
{
	enum { STEP = 48, ITEM = 4096 };
	size_t room = box.line.cap;
	const char *data = box.line.data;
	char name[STEP + ITEM + 3];
	struct report r = example();
	struct mail m;

	(void)state;
	memset(name, 's', STEP);
	name[STEP] = '[';
	memset(name + STEP + 1, 0xff, ITEM);
	strcpy(name + STEP + 1 + ITEM, "]");
	memset(r.note, 0xff, sizeof(r.note) - 1);
	r.note[sizeof(r.note) - 1] = '\0';
	for (int i = 1; i <= 20; i++) {
		assert_int_equal(mailbox_take(&box, &(struct job){
			.step = name, .attempt = i, .phase = "run" }), 0);
		assert_int_equal(mailbox_end(&box, &r), 0);
		assert_int_equal(box.line.cap, room);
		assert_ptr_equal(box.line.data, data);
		m = reads(name, i, "run");
		assert_true(m.taken && m.ended);
		assert_string_equal(m.report.note, r.note);
		/* one that differs in its last byte is another one */
		name[STEP + ITEM] = 'x';
		assert_false(reads(name, i, "run").taken);
		name[STEP + ITEM] = (char)0xff;
	}
}

/* A keeper that cannot be asked for is neither dead nor alive. */
static void cannot_be_asked(void **state)
{
	struct mail mail;

	(void)state;
	flock_err = ENOLCK;
	flock_fails = 2;
	errno = 0;
	assert_int_equal(mailbox_held(dir.fd, 3), -1);
	assert_int_equal(errno, ENOLCK);
	assert_int_equal(mailbox_read(dir.fd, 3, "s", 1, "run", 0, &mail), -1);
	flock_err = EINTR;
	flock_fails = 1;
	assert_int_equal(mailbox_held(dir.fd, 3), 0);
	assert_int_equal(flock_fails, 0);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(whole_life), T(every_outcome), T(truncated), T(every_bit),
		T(never_invents_a_status), T(end_of_another),
		T(behind_zeros), T(emptied_when_grown), T(held),
		T(cannot_be_asked),
		T(write_fails), T(longest_item),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
