/* SPDX-License-Identifier: ISC */
#include "guess.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *const words[] = {
	"run", "needs", "timeout", "idle_timeout", "stop_signal",
	"stop_grace", "outputs", "stdout", "stdin", "retry_max_delay", "if",
};

static const char *meant(const char *word)
{
	return guess(word, words, sizeof(words) / sizeof(words[0]));
}

static void near(void **state)
{
	(void)state;
	assert_string_equal(meant("timeot"), "timeout");	/* left out */
	assert_string_equal(meant("timeoutt"), "timeout");	/* put in */
	assert_string_equal(meant("tineout"), "timeout");	/* changed */
	assert_string_equal(meant("tiemout"), "timeout");	/* swapped */
	assert_string_equal(meant("rnu"), "run");
	assert_string_equal(meant("need"), "needs");
	assert_string_equal(meant("Timeout"), "timeout");
	assert_string_equal(meant("TIMEOUT"), "timeout");
	assert_string_equal(meant("stop_sginal"), "stop_signal");
	assert_string_equal(meant("retrymaxdelay"), "retry_max_delay");
	assert_string_equal(meant("fi"), "if");
	assert_string_equal(meant("run"), "run");
}

static void far(void **state)
{
	(void)state;
	assert_null(meant(""));
	assert_null(meant("zebra"));
	assert_null(meant("r"));
	assert_null(meant("needle_x"));
	assert_null(meant("xy"));
	/* nothing in common is no resemblance */
	assert_null(guess("a", (const char *const[]){ "b" }, 1));
	assert_null(guess("ab", (const char *const[]){ "cd" }, 1));
	assert_null(guess("run", words, 0));
	/* a swap is one mistake only if the letters are neighbours */
	assert_null(guess("xb", (const char *const[]){ "by" }, 1));
	assert_null(guess("cba", (const char *const[]){ "abc" }, 1));
}

static void nearest(void **state)
{
	static const char *const steps[] = {
		"encode1", "encoder", "encode", "encode2",
	};

	(void)state;
	assert_string_equal(guess("encod", steps, 4), "encode");
	/* of equals the first */
	assert_string_equal(guess("encode3", steps, 4), "encode1");
	assert_string_equal(guess("encode2", steps, 4), "encode2");
}

static void very_long(void **state)
{
	char word[66], other[66];
	const char *const list[] = { other };

	(void)state;
	memset(word, 'x', sizeof(word));
	memset(other, 'x', sizeof(other));
	word[64] = other[63] = '\0';
	assert_string_equal(guess(word, list, 1), other);
	other[63] = 'x';
	other[65] = '\0';
	assert_null(guess(word, list, 1));
	word[64] = 'x';
	word[65] = '\0';
	assert_null(guess(word, list, 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(near),
		cmocka_unit_test(far),
		cmocka_unit_test(nearest),
		cmocka_unit_test(very_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
