/* SPDX-License-Identifier: ISC */
#include "job.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { ROOM = 64 };

static struct job example(void)
{
	static char text[][20] = { "bash", "-c", "echo \"\xff\n\"", "",
		"A=b", "EMPTY=", "HOME" };
	static char *argv[] = { text[0], text[1], text[2], text[3], NULL };
	static char *set[] = { text[4], text[5], NULL };
	static char *unset[] = { text[6], NULL };
	struct job j = {
		.attempt = 3, .phase = 0, .umask = -1, .nice = 5,
		.stop_signal = 15, .timeout_ms = 1, .idle_ms = INT64_MAX,
		.grace_ms = 10000, .step = "a", .program = NULL, .cwd = "/",
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
	assert_int_equal(k.phase, 0);
	assert_int_equal(k.umask, -1);
	assert_int_equal(k.nice, 5);
	assert_int_equal(k.stop_signal, 15);
	assert_int_equal(k.timeout_ms, 1);
	assert_true(k.idle_ms == INT64_MAX);
	assert_int_equal(k.grace_ms, 10000);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trip),
		cmocka_unit_test(no_lists),
		cmocka_unit_test(truncated_and_longer),
		cmocka_unit_test(room_too_small),
		cmocka_unit_test(flipped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
