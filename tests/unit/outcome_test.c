/* SPDX-License-Identifier: ISC */
#include "outcome.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static struct outcome of(int code, int signo)
{
	pid_t pid = fork();
	int status;

	assert_true(pid != -1);
	if (pid == 0) {
		if (signo != 0) {
			signal(signo, SIG_DFL);
			raise(signo);
		}
		_exit(code);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return outcome_from_wait(status);
}

static void from_wait(void **state)
{
	static const int codes[] = { 0, 1, 2, 126, 127, 128, 137, 255 };
	static const int signals[] = { SIGHUP, SIGINT, SIGKILL, SIGTERM,
		SIGUSR1 };
	struct outcome o;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		o = of(codes[i], 0);
		assert_int_equal(o.kind, OUTCOME_EXIT);
		assert_int_equal(o.exit, codes[i]);
		assert_int_equal(o.signo, 0);
	}
	for (i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		o = of(0, signals[i]);
		assert_int_equal(o.kind, OUTCOME_SIGNAL);
		assert_int_equal(o.exit, -1);
		assert_int_equal(o.signo, signals[i]);
	}
}

static void words(void **state)
{
	/* these reach the disk: never change them */
	static const char *const word[] = { "none", "exit", "signal",
		"timeout", "idle", "flood", "interrupted", "not-started",
		"lost" };
	int i;

	(void)state;
	for (i = 0; i < OUTCOME_KINDS; i++) {
		assert_string_equal(outcome_word((enum outcome_kind)i),
			word[i]);
		assert_int_equal(outcome_kind_of(word[i]), i);
	}
	assert_int_equal(outcome_kind_of(""), OUTCOME_KINDS);
	assert_int_equal(outcome_kind_of("Exit"), OUTCOME_KINDS);
	assert_int_equal(outcome_kind_of("exit "), OUTCOME_KINDS);
}

/* There are two of them for each of a million items; whatever the records may
 * say fits. */
static void small(void **state)
{
	struct outcome o = { .kind = OUTCOME_LOST, .exit = 255, .signo = 128,
		.err = 4096, .oom = true };

	(void)state;
	assert_true(sizeof(o) <= 8);
	assert_int_equal(o.kind, OUTCOME_LOST);
	assert_int_equal(o.exit, 255);
	assert_int_equal(o.signo, 128);
	assert_int_equal(o.err, 4096);
	assert_true(o.oom);
	o.exit = -1;
	assert_int_equal(o.exit, -1);
}

static void texts(void **state)
{
	static const struct {
		struct outcome o;
		const char *text;
	} c[] = {
		{ { .kind = OUTCOME_NONE, .exit = -1 }, "not ended" },
		{ { .kind = OUTCOME_EXIT, .exit = 3 }, "exit 3" },
		{ { .kind = OUTCOME_EXIT, .exit = -1 }, "status unknown" },
		{ { .kind = OUTCOME_SIGNAL, .exit = -1, .signo = 9 },
			"killed by signal 9 (KILL)" },
		{ { .kind = OUTCOME_SIGNAL, .exit = -1, .signo = 9,
			.oom = true }, "killed by signal 9 (KILL), probably "
			"out of memory" },
		{ { .kind = OUTCOME_TIMEOUT, .exit = 143 },
			"time limit (exit 143)" },
		{ { .kind = OUTCOME_TIMEOUT, .exit = -1 }, "time limit" },
		{ { .kind = OUTCOME_IDLE, .exit = -1, .signo = 15 },
			"no output for too long (signal 15 (TERM))" },
		{ { .kind = OUTCOME_FLOOD, .exit = 0 },
			"too much output (exit 0)" },
		{ { .kind = OUTCOME_INTERRUPTED, .exit = 0 },
			"interrupted (exit 0)" },
		{ { .kind = OUTCOME_NOT_STARTED, .exit = -1 }, "not started" },
		{ { .kind = OUTCOME_NOT_STARTED, .exit = -1, .err = EACCES },
			"not started: Permission denied" },
		{ { .kind = OUTCOME_LOST, .exit = -1 },
			"lost: nobody saw how it ended" },
	};
	struct buf out = { 0 };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(c) / sizeof(c[0]); i++) {
		buf_reset(&out);
		outcome_text(&c[i].o, &out);
		assert_string_equal(out.data, c[i].text);
	}
	buf_release(&out);
	assert_string_equal(outcome_signal_name(SIGTERM), "TERM");
	assert_string_equal(outcome_signal_name(99), "99");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(from_wait),
		cmocka_unit_test(words),
		cmocka_unit_test(small),
		cmocka_unit_test(texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
