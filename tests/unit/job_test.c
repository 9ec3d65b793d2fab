/* SPDX-License-Identifier: ISC */
#include "job.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ROOM = 64 };

static struct job example(void)
{
	static char text[][20] = { "bash", "-c", "echo \"\xff\n\"", "",
		"A=b", "EMPTY=", "HOME" };
	static char *argv[] = { text[0], text[1], text[2], text[3], NULL };
	static char *set[] = { text[4], text[5], NULL };
	static char *unset[] = { text[6], NULL };
	struct job j = {
		.attempt = 3, .phase = "verify.x", .umask = -1, .nice = 5,
		.stop_signal = 15, .timeout_ms = 1, .idle_ms = INT64_MAX,
		.grace_ms = 10000, .max_output = 1ll << 40, .step = "a", .program = NULL, .cwd = "/",
		.in = "/dev/null", .out = "log/a.3.out", .err = NULL,
		.dir = "", .argv = argv, .set = set, .unset = unset,
	};

	return j;
}

/* Decode a copy of exactly n bytes. */
static bool decodes(const char *data, size_t n, struct job *j, char **room,
	size_t nroom, char **copy)
{
	*copy = malloc(n + (n == 0));
	assert_non_null(*copy);
	memcpy(*copy, data, n);
	return job_decode(*copy, n, j, room, nroom);
}

static void same_list(char *const *a, char *const *b)
{
	for (; a != NULL && *a != NULL; a++, b++)
		assert_string_equal(*a, *b);
	assert_null(*b);
}

static void same(const char *a, const char *b)
{
	assert_int_equal(a == NULL, b == NULL);
	if (a != NULL)
		assert_string_equal(a, b);
}

static void round_trip(void **state)
{
	struct job j = example(), k;
	struct buf out = { 0 };
	char *room[ROOM], *copy;
	uint32_t len;

	(void)state;
	buf_str(&out, "before");
	job_encode(&j, &out);
	memcpy(&len, out.data + 6, sizeof(len));
	assert_int_equal(len, out.len - 6 - sizeof(len));
	assert_true(decodes(out.data + 10, len, &k, room, ROOM, &copy));
	assert_int_equal(k.attempt, 3);
	assert_string_equal(k.phase, "verify.x");
	assert_int_equal(k.umask, -1);
	assert_int_equal(k.nice, 5);
	assert_int_equal(k.stop_signal, 15);
	assert_int_equal(k.timeout_ms, 1);
	assert_true(k.idle_ms == INT64_MAX);
	assert_int_equal(k.grace_ms, 10000);
	assert_true(k.max_output == 1ll << 40);
	same(j.step, k.step);
	same(j.program, k.program);
	same(j.cwd, k.cwd);
	same(j.in, k.in);
	same(j.out, k.out);
	same(j.err, k.err);
	same(j.dir, k.dir);
	same_list(j.argv, k.argv);
	same_list(j.set, k.set);
	same_list(j.unset, k.unset);
	free(copy);
	buf_release(&out);
}

static void no_lists(void **state)
{
	struct job j = example(), k;
	struct buf out = { 0 };
	char *room[ROOM], *copy;

	(void)state;
	j.set = j.unset = NULL;
	job_encode(&j, &out);
	assert_true(decodes(out.data + 4, out.len - 4, &k, room, ROOM,
		&copy));
	assert_null(k.set[0]);
	assert_null(k.unset[0]);
	free(copy);
	/* nothing to execute is no job */
	j.argv = NULL;
	buf_reset(&out);
	job_encode(&j, &out);
	assert_false(decodes(out.data + 4, out.len - 4, &k, room, ROOM,
		&copy));
	free(copy);
	buf_release(&out);
}

static void truncated_and_longer(void **state)
{
	struct job j = example(), k;
	struct buf out = { 0 };
	char *room[ROOM], *copy;
	size_t n;

	(void)state;
	job_encode(&j, &out);
	for (n = 0; n + 4 < out.len; n++) {
		assert_false(decodes(out.data + 4, n, &k, room, ROOM, &copy));
		free(copy);
	}
	buf_char(&out, '\0');
	assert_false(decodes(out.data + 4, out.len - 4, &k, room, ROOM,
		&copy));
	free(copy);
	buf_release(&out);
}

static void room_too_small(void **state)
{
	struct job j = example(), k;
	struct buf out = { 0 };
	char *room[ROOM], *copy;
	size_t n;

	(void)state;
	job_encode(&j, &out);
	/* 4 + 2 + 1 strings and three ends */
	for (n = 0; n < ROOM; n++) {
		assert_int_equal(decodes(out.data + 4, out.len - 4, &k, room,
			n, &copy), n >= 10);
		free(copy);
	}
	buf_release(&out);
}

/* Whatever arrives: never beyond the message, and strings end within it. */
static void flipped(void **state)
{
	struct job j = example(), k;
	struct buf out = { 0 };
	char *room[ROOM], *copy;
	size_t i;
	int bit, n;

	(void)state;
	job_encode(&j, &out);
	for (i = 4; i < out.len; i++)
		for (bit = 0; bit < 8; bit++) {
			out.data[i] ^= (char)(1 << bit);
			if (decodes(out.data + 4, out.len - 4, &k, room, ROOM,
			    &copy)) {
				assert_non_null(k.argv[0]);
				for (n = 0; k.argv[n] != NULL; n++)
					assert_true(strlen(k.argv[n]) <
						out.len);
			}
			free(copy);
			out.data[i] ^= (char)(1 << bit);
		}
	buf_release(&out);
}

/* ---- between two processes */

/* Both ends; [1] is the keeper's. */
static int pair[2];
static char *data;

static int connect_both(void **state)
{
	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
		pair), 0);
	data = malloc(JOB_MOST);
	assert_non_null(data);
	return 0;
}

static int disconnect(void **state)
{
	(void)state;
	if (pair[0] != -1)
		close(pair[0]);
	close(pair[1]);
	free(data);
	return 0;
}

/* Are two descriptors of one open file? */
static bool same_file(int a, int b)
{
	return syscall(SYS_kcmp, getpid(), getpid(), 0 /* KCMP_FILE */, a,
		b) == 0;
}

static void with_descriptor(void **state)
{
	struct job j = example(), k;
	struct buf out = { 0 };
	char *room[ROOM];
	int fd = open("/dev/null", O_RDONLY), got = 0, i;
	ssize_t n;

	(void)state;
	job_encode(&j, &out);
	/* with one, without, with one: each has its own */
	assert_int_equal(job_send(pair[0], &out, fd), 0);
	assert_int_equal(job_send(pair[0], &out, -1), 0);
	assert_int_equal(job_send(pair[0], &out, fd), 0);
	for (i = 0; i < 3; i++) {
		n = job_receive(pair[1], data, &got);
		assert_int_equal(n, out.len - sizeof(uint32_t));
		assert_true(job_decode(data, (size_t)n, &k, room, ROOM));
		same(j.out, k.out);
		if (i == 1) {
			assert_int_equal(got, -1);
			continue;
		}
		assert_true(got != -1 && got != fd);
		assert_true(same_file(got, fd));
		assert_true(fcntl(got, F_GETFD) & FD_CLOEXEC);
		close(got);
	}
	close(fd);
	buf_release(&out);
}

/* Larger than the socket's buffer, and in pieces of any size. */
static void in_pieces(void **state)
{
	static const size_t piece[] = { 1, 2, 3, 4, 5, 1000 };
	struct job j = example(), k;
	struct buf out = { 0 };
	char *room[ROOM], *large = malloc(3 << 20), **argv;
	int status, got, fd;
	size_t i, at, len;
	ssize_t n;
	pid_t pid;

	(void)state;
	memset(large, 'x', (3 << 20) - 1);
	large[(3 << 20) - 1] = '\0';
	argv = j.argv;
	j.argv = (char *[]){ large, NULL };
	job_encode(&j, &out);
	pid = fork();
	if (pid == 0) {
		fd = open("/dev/null", O_RDONLY);
		_exit(job_send(pair[0], &out, fd) != 0);
	}
	n = job_receive(pair[1], data, &got);
	assert_int_equal(n, out.len - sizeof(uint32_t));
	assert_true(job_decode(data, (size_t)n, &k, room, ROOM));
	assert_string_equal(k.argv[0], large);
	assert_true(got != -1);
	close(got);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	j.argv = argv;
	buf_reset(&out);
	job_encode(&j, &out);
	for (i = 0; i < sizeof(piece) / sizeof(piece[0]); i++) {
		pid = fork();
		if (pid == 0) {
			for (at = 0; at < out.len; at += len) {
				len = out.len - at < piece[i] ? out.len - at :
					piece[i];
				(void)!write(pair[0], out.data + at, len);
				if (at < 8)
					usleep(2000);
			}
			_exit(0);
		}
		n = job_receive(pair[1], data, &got);
		assert_int_equal(n, out.len - sizeof(uint32_t));
		assert_memory_equal(data, out.data + 4, (size_t)n);
		assert_int_equal(got, -1);
		assert_int_equal(waitpid(pid, &status, 0), pid);
	}
	free(large);
	buf_release(&out);
}

static int open_files(void)
{
	int n = 0, fd;

	for (fd = 0; fd < 100; fd++)
		n += fcntl(fd, F_GETFD) != -1;
	return n;
}

/* The other side is gone, before, within and behind the length: -1, and no
 * descriptor stays open. */
static void gone(void **state)
{
	struct job j = example();
	struct buf out = { 0 }, part = { 0 };
	size_t n;
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC), got, before;

	job_encode(&j, &out);
	for (n = 0; n < out.len; n++) {
		disconnect(state);
		connect_both(state);
		buf_reset(&part);
		buf_add(&part, out.data, n);
		if (n > 0)
			assert_int_equal(job_send(pair[0], &part, fd), 0);
		close(pair[0]);
		pair[0] = -1;
		before = open_files();
		assert_int_equal(job_receive(pair[1], data, &got), -1);
		assert_int_equal(got, -1);
		assert_int_equal(open_files(), before);
	}
	/* and the keeper */
	disconnect(state);
	connect_both(state);
	close(pair[1]);
	assert_int_equal(job_send(pair[0], &out, fd), -1);
	pair[1] = -1;
	close(fd);
	buf_release(&out);
	buf_release(&part);
}

/* Longer than any message, and no room for the descriptor. */
static void refused(void **state)
{
	struct rlimit limit, none;
	struct job j = example();
	struct buf out = { 0 };
	uint32_t len = JOB_MOST + 1;
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC), got;

	(void)state;
	buf_add(&out, &len, sizeof(len));
	buf_str(&out, "xxx");
	assert_int_equal(job_send(pair[0], &out, -1), 0);
	assert_int_equal(job_receive(pair[1], data, &got), -1);
	disconnect(state);
	connect_both(state);
	buf_reset(&out);
	job_encode(&j, &out);
	assert_int_equal(job_send(pair[0], &out, fd), 0);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	none = limit;
	none.rlim_cur = 3;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	assert_int_equal(job_receive(pair[1], data, &got), -1);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	close(fd);
	buf_release(&out);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, connect_both, disconnect)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trip),
		cmocka_unit_test(no_lists),
		cmocka_unit_test(truncated_and_longer),
		cmocka_unit_test(room_too_small),
		cmocka_unit_test(flipped),
		T(with_descriptor), T(in_pieces), T(gone), T(refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
