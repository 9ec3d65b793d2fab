/* SPDX-License-Identifier: ISC */
#include "evidence.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "clock.h"
#include "loading.h"
#include "scratch.h"

/* As in evidence.c. */
enum { TAIL = 64 * 1024, PIECE = 256 * 1024, OVERLAP = 8 * 1024 };

static struct scratch dir;
static struct rundir d;
static struct pattern_cache cache;
static struct proof proof;
static struct pipeline *p;
static struct state s;
static struct task *task;
static struct report report;

/* A run directory with a task `a`, whose third attempt has exited with 1. */
static int setup(void **state)
{
	(void)state;
	/* what blocks is a failure */
	alarm(50);
	scratch_init(&dir);
	d.path = dir.path;
	d.fd = dir.fd;
	assert_int_equal(mkdirat(dir.fd, "log", 0700), 0);
	assert_int_equal(mkdirat(dir.fd, "dir", 0700), 0);
	assert_int_equal(mkdirat(dir.fd, "dir/a", 0700), 0);
	assert_int_equal(mkdirat(dir.fd, "output", 0700), 0);
	state_init(&s);
	(void)state_task(&s, "a");
	task = &s.task[0];
	task->state = TASK_RUNNING;
	task->attempts = 3;
	task->started_at = clock_wall();
	memset(&report, 0, sizeof(report));
	report.outcome = outcome_of(OUTCOME_EXIT);
	report.outcome.exit = 1;
	p = loads("[step a]\nrun = x\nreceipt = ^sent ([0-9]*)\n");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	pipeline_free(p);
	p = NULL;
	evidence_release(&proof);
	memset(&proof, 0, sizeof(proof));
	pattern_cache_release(&cache);
	state_release(&s);
	scratch_release(&dir);
	return 0;
}

static const struct evidence *look(void)
{
	evidence_read(&proof, &d, &s, p->step[0].conf, task, &report,
		&cache);
	return &proof.e;
}

static void keys(const char *text)
{
	char ini[400];

	pipeline_free(p);
	snprintf(ini, sizeof(ini), "[step a]\nrun = x\n%s\n", text);
	p = loads(ini);
}

static void put(const char *name, const char *text)
{
	scratch_put(&dir, name, text, strlen(text));
}

static void tails(void **state)
{
	static const size_t size[] = { 0, 1, 100, TAIL - 1, TAIL, TAIL + 1,
		2 * TAIL, 300000 };
	int64_t before = clock_wall();
	char *text = malloc(300000);
	const struct evidence *e;

	(void)state;
	assert_non_null(text);
	for (size_t i = 0; i < 300000; i++)
		text[i] = (char)(i * 31 % 251);
	for (size_t i = 0; i < sizeof(size) / sizeof(size[0]); i++) {
		size_t n = size[i] < TAIL ? size[i] : TAIL;

		scratch_put(&dir, "log/a.3.out", text, size[i]);
		scratch_put(&dir, "log/a.3.err", text + 1,
			size[i] > 0 ? size[i] - 1 : 0);
		e = look();
		assert_int_equal(e->out_len, n);
		if (n > 0)
			assert_memory_equal(e->out, text + size[i] - n, n);
		n = size[i] == 0 ? 0 : size[i] - 1 < TAIL ? size[i] - 1 :
			TAIL;
		assert_int_equal(e->err_len, n);
		if (n > 0)
			assert_memory_equal(e->err, text + size[i] - n, n);
		assert_true(e->now >= before && e->now <= clock_wall());
		assert_true(e->random >= 0 && e->random < 1);
		assert_ptr_equal(e->cache, &cache);
	}
	free(text);
}

/* Lines that end in CR LF end in LF for patterns; a CR elsewhere stays. */
static void cr_lf(void **state)
{
	static const struct { const char *text, *is; } c[] = {
		{ "a\r\nb\r\n", "a\nb\n" }, { "a\rb\r\r\nc", "a\rb\r\nc" },
		{ "\r\n", "\n" }, { "\r", "\r" }, { "a\r", "a\r" },
		{ "\n\r", "\n\r" }, { "\r\n\r\n", "\n\n" },
	};
	const struct evidence *e;
	char *text = malloc(TAIL);

	(void)state;
	assert_non_null(text);
	for (size_t i = 0; i < sizeof(c) / sizeof(c[0]); i++) {
		put("log/a.3.out", c[i].text);
		put("log/a.3.err", c[i].text);
		put("dir/a/hdr", c[i].text);
		e = look();
		assert_int_equal(e->out_len, strlen(c[i].is));
		assert_memory_equal(e->out, c[i].is, e->out_len);
		assert_int_equal(e->err_len, strlen(c[i].is));
		assert_memory_equal(e->err, c[i].is, e->err_len);
		assert_memory_equal(e->headers, c[i].is, strlen(c[i].is));
	}
	/* the last 64 KiB as they are on disk */
	for (size_t i = 0; i < TAIL; i++)
		text[i] = "\r\n"[i % 2];
	scratch_put(&dir, "log/a.3.out", text, TAIL);
	e = look();
	assert_int_equal(e->out_len, TAIL / 2);
	assert_int_equal(strspn(e->out, "\n"), TAIL / 2);
	free(text);
}

/* What is not there was not written, and what one attempt wrote is not the
 * next one's. */
static void nothing(void **state)
{
	const struct evidence *e = look();

	(void)state;
	assert_int_equal(e->out_len + e->err_len + e->wait_len +
		e->headers_len, 0);
	assert_false(e->receipt);
	assert_true(e->result == NULL && e->wait == NULL &&
		e->headers == NULL && e->missing == NULL);
	put("log/a.2.out", "sent 2\n");
	put("output/a.2.wait", "60");
	put("log/a.3.out", "x\n");
	put("log/a.3.err", "sent 3\n");
	e = look();
	assert_true(e->receipt);
	assert_string_equal(e->result, "3");
	assert_int_equal(e->out_len, 2);
	assert_null(e->wait);
	/* buffers are used again, what was in them is not */
	put("output/a.3.wait", "60");
	put("dir/a/h", "Retry-After: 9\n");
	e = look();
	assert_true(e->wait != NULL && e->headers != NULL);
	task->attempts = 4;
	task->started_at += 3600 * 1000;
	e = look();
	assert_int_equal(e->out_len + e->err_len + e->wait_len +
		e->headers_len, 0);
	assert_false(e->receipt);
	assert_true(e->result == NULL && e->wait == NULL &&
		e->headers == NULL);
}

/* "In an hour" was said when it ended, not when somebody came to look. */
static void time_of_the_end(void **state)
{
	int64_t before = clock_wall();
	const struct evidence *e;

	(void)state;
	e = look();
	assert_true(e->now >= before && e->now <= clock_wall());
	report.ended_at = before - 3600 * 1000;
	assert_int_equal(look()->now, before - 3600 * 1000);
	/* also where nothing is asked */
	report.outcome.exit = 0;
	keys("");
	assert_int_equal(look()->now, before - 3600 * 1000);
	/* a clock that was set back since */
	report.ended_at = before + 3600 * 1000;
	e = look();
	assert_true(e->now >= before && e->now <= clock_wall());
}

/* For jitter: not the same time after time. */
static void chance(void **state)
{
	double first = look()->random;
	int others = 0;

	(void)state;
	for (int i = 0; i < 50; i++) {
		double r = look()->random;

		assert_true(r >= 0 && r < 1);
		others += r != first;
	}
	assert_true(others > 40);
}

/* Only what judging asks for is read. */
static void not_asked(void **state)
{
	const struct evidence *e;

	(void)state;
	put("log/a.3.out", "sent 1\n");
	put("log/a.3.size", "said\n");
	put("output/a.3.wait", "60");
	report.outcome.exit = 0;
	assert_true(look()->receipt);
	keys("wait_if = x");
	e = look();
	assert_false(e->receipt);
	assert_int_equal(e->out_len, 0);
	assert_null(e->wait);
	assert_true(e->now > 0);
	report.outcome.exit = 1;
	assert_int_equal(look()->out_len, 7);
	/* a gate has no patterns */
	task->phase = PHASE_VERIFY;
	task->gate = "verify.size";
	e = look();
	assert_int_equal(e->out_len, 0);
	assert_null(e->missing);
}

/* The look at the outputs asks for the command's logs, and for what it said
 * itself; not for its receipt again. */
static void missing(void **state)
{
	const struct evidence *e;

	(void)state;
	put("log/a.3.out", "sent 1\n");
	put("log/a.3.settle", "output a.txt is empty\noutput b\x1b[1m: no\n");
	put("log/a.3.place", "no room\n");
	task->phase = PHASE_SETTLE;
	e = look();
	assert_non_null(e->missing);
	assert_non_null(strstr(e->missing, "output b"));
	/* without what a terminal may not see, and without its newline */
	assert_null(strchr(e->missing, '\x1b'));
	assert_null(strchr(e->missing, '\n'));
	assert_int_equal(e->out_len, 7);
	assert_false(e->receipt);
	task->phase = PHASE_PLACE;
	assert_string_equal(look()->missing, "no room");
	put("log/a.3.place", "");
	assert_null(look()->missing);
	report.outcome.exit = 0;
	put("log/a.3.place", "fine\n");
	assert_null(look()->missing);
}

/* A log of n bytes of `fill`, with the word at `at`. */
static void log_with(size_t n, char fill, size_t at, const char *word)
{
	char *text = malloc(n);
	size_t len = strlen(word);

	assert_non_null(text);
	memset(text, fill, n);
	assert_true(at + len <= n);
	memcpy(text + at, word, len);
	scratch_put(&dir, "log/a.3.out", text, n);
	free(text);
}

static void found(const char *result, size_t at)
{
	const struct evidence *e = look();

	if (!e->receipt)
		fail_msg("not found at %zu", at);
	if (strcmp(e->result, result) != 0)
		fail_msg("at %zu: %s", at, e->result);
}

/* Where a piece of the log ends, and where the next one begins. */
static const size_t border[] = { PIECE - OVERLAP, PIECE,
	2 * PIECE - 2 * OVERLAP, 2 * PIECE - OVERLAP, 2 * PIECE };

static void receipt_across_a_border(void **state)
{
	size_t size = 2 * PIECE + 1000;

	(void)state;
	for (size_t b = 0; b < sizeof(border) / sizeof(border[0]); b++)
		for (size_t at = border[b] - 24; at < border[b] + 4; at++) {
			/* a line of its own, among empty ones */
			keys("receipt = ^sent ([0-9]*)$");
			log_with(size, '\n', at, "sent 1234567");
			found("1234567", at);
			log_with(size, '\n', at, "sent 1234567\r\nx");
			found("1234567", at);
			/* one behind a line that fills most of a piece */
			log_with(size, 'x', at, "\nsent 1234567\n");
			found("1234567", at);
			/* in the middle of a line that does not end */
			keys("receipt = sent ([0-9]*)");
			log_with(size, 'x', at, "sent 1234567");
			found("1234567", at);
			keys("receipt = sent ([0-9]*)x");
			found("1234567", at);
			/* which no ^ stands before, nor $ behind */
			keys("receipt = ^sent ([0-9]*)");
			assert_false(look()->receipt);
			keys("receipt = sent ([0-9]*)$");
			assert_false(look()->receipt);
			keys("receipt = ^(x)");
			found("x", 0);
			keys("receipt = (x)$");
			found("x", 0);
		}
}

/* Wherever it stands; the lines are of many lengths. */
static void receipt_anywhere(void **state)
{
	static const size_t at[] = { 0, 1, 4000, TAIL, TAIL + 1, 200000,
		PIECE - OVERLAP, PIECE + OVERLAP, 700000, 999980 };
	char *text = malloc(1000000);
	uint32_t x = 1;

	(void)state;
	assert_non_null(text);
	for (size_t k = 0; k < 2; k++)
	for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		memset(text, 'y', 1000000);
		for (size_t n = 0; n < 1000000; n += x >> 24) {
			text[n] = '\n';
			x = x * 1664525 + 1013904223;
		}
		/* bytes of all kinds before it */
		for (size_t n = 0; k == 1 && n + 300 < at[i]; n += 3)
			text[n] = (char)(n * 7);
		memcpy(text + at[i], at[i] == 0 ? "sent 77\n" : "\nsent 77\n",
			at[i] == 0 ? 8 : 9);
		scratch_put(&dir, "log/a.3.out", text, 1000000);
		found("77", at[i]);
	}
	free(text);
}

static void receipts(void **state)
{
	const struct evidence *e;
	char text[5000];
	int more;

	(void)state;
	/* the first one of stdout, before stderr */
	put("log/a.3.err", "sent 9\n");
	put("log/a.3.out", "sent 1\nsent 2\n");
	found("1", 0);
	put("log/a.3.out", "not sent 1\n");
	found("9", 0);
	/* the first one, however far from the others */
	log_with(PIECE + 5000, '\n', 0, "sent 3\nsent 4\n");
	put("log/a.3.err", "sent 9\n");
	found("3", 0);
	log_with(PIECE + 5000, '\n', PIECE + 1000, "sent 4\nsent 5\n");
	found("4", 0);
	log_with(2 * PIECE, '\n', 0, "sent 3");
	more = openat(dir.fd, "log/a.3.out", O_WRONLY | O_APPEND | O_CLOEXEC);
	assert_true(more != -1);
	assert_int_equal(write(more, "sent 7\n", 7), 7);
	close(more);
	found("3", 0);
	keys("receipt =\n  sent\n  ^sent (7)\n");
	e = look();
	assert_true(e->receipt);
	assert_null(e->result);
	keys("receipt = ^sent ([0-9]*)");
	/* at the very end, without a newline */
	put("log/a.3.out", "sent 5");
	found("5", 0);
	/* an empty group is a result, no group is none */
	put("log/a.3.out", "sent x");
	found("", 0);
	keys("receipt = sent");
	e = look();
	assert_true(e->receipt);
	assert_null(e->result);
	keys("receipt = (no)?sent");
	e = look();
	assert_true(e->receipt);
	assert_null(e->result);
	/* several patterns: the first that is found */
	put("log/a.3.out", "sent x\n");
	keys("receipt =\n  ^(none)\n  ^sent (x)\n  ^(s)ent\n");
	found("x", 0);
	/* NUL is a byte like others, but ends a result */
	scratch_put(&dir, "log/a.3.out", "\0\0\nsent a\0b\n", 12);
	keys("receipt = ^sent ([^x]*)$");
	found("a", 0);
	/* a long one is cut */
	memset(text, 'r', sizeof(text));
	memcpy(text, "sent ", 5);
	scratch_put(&dir, "log/a.3.out", text, sizeof(text));
	keys("receipt = ^sent (.*)$");
	e = look();
	assert_true(e->receipt);
	assert_int_equal(strlen(e->result), 1024);
	assert_int_equal(strspn(e->result, "r"), 1024);
	/* not in the last 64 KiB only, but a pattern of another kind is */
	keys("receipt = ^sent ([0-9])\nwait_if = ^limit");
	log_with(200000, '\n', 0, "sent 1\nlimit");
	e = look();
	assert_true(e->receipt);
	assert_int_equal(e->out_len, TAIL);
	assert_null(memmem(e->out, e->out_len, "limit", 5));
}

/* What stands where a log ought to be is not waited for, nor followed. */
static void odd_logs(void **state)
{
	const struct evidence *e;
	int fd;

	(void)state;
	put("secret", "sent 1\n");
	assert_int_equal(symlinkat("../secret", dir.fd, "log/a.3.out"), 0);
	assert_int_equal(mkfifoat(dir.fd, "log/a.3.err", 0600), 0);
	e = look();
	assert_int_equal(e->out_len + e->err_len, 0);
	assert_false(e->receipt);
	/* with somebody who writes into it, even */
	fd = openat(dir.fd, "log/a.3.err", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	assert_true(fd != -1);
	assert_int_equal(write(fd, "sent 1\n", 7), 7);
	e = look();
	assert_int_equal(e->err_len, 0);
	assert_false(e->receipt);
	close(fd);
	assert_int_equal(unlinkat(dir.fd, "log/a.3.err", 0), 0);
	assert_int_equal(mkdirat(dir.fd, "log/a.3.err", 0700), 0);
	assert_int_equal(look()->err_len, 0);
}

static void wait_file(void **state)
{
	static const char name[] = "output/a.3.wait";
	struct buf shown = { 0 };
	const struct evidence *e;
	char *text = malloc(TAIL + 2);
	int fd;

	(void)state;
	evidence_wait_name(&shown, &s, task);
	assert_string_equal(shown.data, name);
	buf_release(&shown);
	put(name, "90\n");
	e = look();
	assert_int_equal(e->wait_len, 3);
	assert_memory_equal(e->wait, "90\n", 3);
	put(name, "5");
	assert_int_equal(look()->wait_len, 1);
	assert_non_null(look()->wait);
	/* created, and nothing written */
	put(name, "");
	assert_null(look()->wait);
	assert_int_equal(unlinkat(dir.fd, name, 0), 0);
	put("other", "90\n");
	assert_int_equal(symlinkat("../other", dir.fd, name), 0);
	assert_null(look()->wait);
	assert_int_equal(unlinkat(dir.fd, name, 0), 0);
	assert_int_equal(mkfifoat(dir.fd, name, 0600), 0);
	assert_null(look()->wait);
	fd = openat(dir.fd, name, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	assert_true(fd != -1);
	assert_int_equal(write(fd, "90\n", 3), 3);
	assert_null(look()->wait);
	close(fd);
	assert_int_equal(unlinkat(dir.fd, name, 0), 0);
	assert_int_equal(mkdirat(dir.fd, name, 0700), 0);
	assert_null(look()->wait);
	assert_int_equal(unlinkat(dir.fd, name, AT_REMOVEDIR), 0);
	/* so much of it, and no more */
	assert_non_null(text);
	memset(text, '1', TAIL + 2);
	scratch_put(&dir, name, text, TAIL + 2);
	assert_int_equal(look()->wait_len, TAIL);
	free(text);
}

static void is_headers(const char *text)
{
	const struct evidence *e = look();

	if (text == NULL) {
		assert_null(e->headers);
		assert_int_equal(e->headers_len, 0);
		return;
	}
	assert_int_equal(e->headers_len, strlen(text));
	assert_memory_equal(e->headers, text, e->headers_len);
}

/* The file was last changed so long after the attempt began. */
static void changed(const char *name, int64_t ms)
{
	int64_t at = task->started_at + ms;
	struct timespec t[2] = { { .tv_nsec = UTIME_OMIT },
		{ at / 1000, at % 1000 * 1000000 } };

	assert_int_equal(utimensat(dir.fd, name, t, 0), 0);
}

static void headers(void **state)
{
	char *text = malloc(TAIL + 1);

	(void)state;
	is_headers(NULL);
	put("dir/a/hdr", "HTTP/2 429\r\nRetry-After: 30\r\n\r\n");
	is_headers("HTTP/2 429\nRetry-After: 30\n\n\n");
	put("dir/a/hdr", "");
	is_headers(NULL);
	/* of this attempt, and of none before it */
	put("dir/a/hdr", "x");
	changed("dir/a/hdr", 0);
	is_headers("x\n");
	changed("dir/a/hdr", 5000);
	is_headers("x\n");
	/* as far behind as a file's time may be */
	changed("dir/a/hdr", -10);
	is_headers("x\n");
	changed("dir/a/hdr", -11);
	is_headers(NULL);
	changed("dir/a/hdr", -3600 * 1000);
	is_headers(NULL);
	/* hidden ones are the program's own affair */
	put("dir/a/.hdr", "hidden");
	is_headers(NULL);
	assert_non_null(text);
	memset(text, 'h', TAIL + 1);
	scratch_put(&dir, "dir/a/big", text, TAIL);
	assert_int_equal(look()->headers_len, TAIL + 1);
	scratch_put(&dir, "dir/a/big", text, TAIL + 1);
	is_headers(NULL);
	free(text);
	/* another step's */
	assert_int_equal(mkdirat(dir.fd, "dir/b", 0700), 0);
	put("dir/b/hdr", "b");
	is_headers(NULL);
}

/* What is no file is neither followed nor waited for. */
static void odd_headers(void **state)
{
	int fd;

	(void)state;
	put("other", "Retry-After: 3\n");
	assert_int_equal(mkdirat(dir.fd, "elsewhere", 0700), 0);
	put("elsewhere/hdr", "Retry-After: 3\n");
	assert_int_equal(symlinkat("../../other", dir.fd, "dir/a/link"), 0);
	assert_int_equal(symlinkat("none", dir.fd, "dir/a/dangling"), 0);
	assert_int_equal(symlinkat("../../elsewhere", dir.fd, "dir/a/d"), 0);
	assert_int_equal(mkdirat(dir.fd, "dir/a/sub", 0700), 0);
	put("dir/a/sub/hdr", "Retry-After: 3\n");
	assert_int_equal(mkfifoat(dir.fd, "dir/a/fifo", 0600), 0);
	is_headers(NULL);
	fd = openat(dir.fd, "dir/a/fifo", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	assert_true(fd != -1);
	assert_int_equal(write(fd, "Retry-After: 3\n", 15), 15);
	is_headers(NULL);
	put("dir/a/hdr", "x");
	is_headers("x\n");
	close(fd);
	/* the directory itself is a link, or no directory, or not there */
	assert_int_equal(renameat(dir.fd, "dir/a", dir.fd, "dir/z"), 0);
	is_headers(NULL);
	assert_int_equal(symlinkat("../elsewhere", dir.fd, "dir/a"), 0);
	is_headers(NULL);
	assert_int_equal(unlinkat(dir.fd, "dir/a", 0), 0);
	put("dir/a", "Retry-After: 3\n");
	is_headers(NULL);
}

/* Of many files some are read, and not for ever. */
static void many_headers(void **state)
{
	char name[64];

	(void)state;
	for (int i = 0; i < 40; i++) {
		snprintf(name, sizeof(name), "dir/a/h%d", i);
		put(name, "x");
	}
	assert_int_equal(look()->headers_len, 2 * 16);
	/* empty ones do not count, but they are looked at */
	for (int i = 0; i < 40; i++) {
		snprintf(name, sizeof(name), "dir/a/h%d", i);
		put(name, i == 20 ? "y" : "");
	}
	is_headers("y\n");
	for (int i = 0; i < 1500; i++) {
		snprintf(name, sizeof(name), "dir/a/e%d", i);
		put(name, "");
	}
	(void)look();
}

/* An item leaves its traces in places of its own. */
static void items(void **state)
{
	struct record r = { 0 };
	struct buf name = { 0 };
	const struct evidence *e;
	struct why why;

	(void)state;
	keys("receipt = ^sent ([0-9]*)\nfail_if = x\n");
	record_start(&r, "items");
	record_set(&r, "step", "a");
	record_set(&r, "list", "../b\nc d");
	record_set_number(&r, "total", 2);
	assert_int_equal(state_apply(&s, &r, &why), 0);
	assert_int_equal(mkdirat(dir.fd, "log/a", 0700), 0);
	assert_int_equal(mkdirat(dir.fd, "log/a/0", 0700), 0);
	assert_int_equal(mkdirat(dir.fd, "dir/a/0", 0700), 0);
	assert_int_equal(mkdirat(dir.fd, "dir/a/0/c%20d", 0700), 0);
	put("log/a/0/%2E.%2Fb.3.out", "sent 1\n");
	put("log/a/0/c%20d.3.out", "sent 2\n");
	put("log/a/0/c%20d.3.err", "said\n");
	put("log/a.3.out", "sent 3\n");
	put("dir/a/0/c%20d/hdr", "Retry-After: 9\n");
	put("dir/a/0/other", "Retry-After: 8\n");
	put("dir/a/other", "Retry-After: 7\n");
	task = &s.task[state_find(&s, "a[c d]")];
	task->state = TASK_RUNNING;
	task->attempts = 3;
	task->started_at = clock_wall();
	evidence_wait_name(&name, &s, task);
	put(name.data, "11\n");
	put("output/a.3.wait", "12\n");
	e = look();
	assert_true(e->receipt);
	assert_string_equal(e->result, "2");
	assert_int_equal(e->err_len, 5);
	assert_int_equal(e->wait_len, 3);
	assert_memory_equal(e->wait, "11\n", 3);
	is_headers("Retry-After: 9\n\n");
	/* the other one has said this much only */
	task = &s.task[state_find(&s, "a[../b]")];
	task->state = TASK_RUNNING;
	task->attempts = 3;
	task->started_at = clock_wall();
	e = look();
	assert_string_equal(e->result, "1");
	assert_int_equal(e->err_len, 0);
	assert_null(e->wait);
	is_headers(NULL);
	buf_release(&name);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(tails), T(cr_lf), T(nothing), T(time_of_the_end), T(chance),
		T(not_asked), T(missing),
		T(receipt_across_a_border), T(receipt_anywhere), T(receipts),
		T(odd_logs), T(wait_file), T(headers), T(odd_headers),
		T(many_headers), T(items),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
