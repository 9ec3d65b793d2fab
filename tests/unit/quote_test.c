/* SPDX-License-Identifier: ISC */
#include "quote.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "safe.h"
#include "scratch.h"

static void quoted(void **state)
{
	static const struct {
		const char *word, *typed;
	} c[] = {
		{ "", "''" },
		{ "a-b_c.d/e=f,g+h@i:j%k", "a-b_c.d/e=f,g+h@i:j%k" },
		{ "caf\xc3\xa9", "caf\xc3\xa9" },
		{ "a b", "'a b'" },
		{ "f[x]", "'f[x]'" },
		{ "it's", "'it'\\''s'" },
		{ "$HOME`id`!\\\"", "'$HOME`id`!\\\"'" },
		{ "*", "'*'" },
		/* what a terminal must not see */
		{ "a\nb", "$'a\\012b'" },
		{ "a\tb", "$'a\\011b'" },
		{ "\x1b[0m7", "$'\\033[0m7'" },
		{ "\xff\xfe" "1", "$'\\377\\3761'" },
		{ "it's \\ \x01!", "$'it\\'s \\\\ \\001\\041'" },
		{ "\xe2\x80\xae", "$'\\342\\200\\256'" },
	};
	struct buf out = { 0 };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(c) / sizeof(c[0]); i++) {
		buf_reset(&out);
		quote_word(&out, c[i].word);
		assert_string_equal(out.data, c[i].typed);
	}
	buf_release(&out);
}

/* What is printed for a shell to read, it reads as it was. */
static void pasted(const char *shell, bool any)
{
	struct buf script = { 0 }, words = { 0 }, back = { 0 };
	struct scratch dir;
	char *run;
	unsigned seed = 1;
	int i, k, n;

	scratch_init(&dir);
	buf_str(&script, "printf '%s\\0'");
	for (i = 0; i < 2000; i++) {
		char word[24];

		n = 1 + (int)(seed >> 16) % 20;
		for (k = 0; k < n; k++) {
			seed = seed * 1103515245 + 12345;
			word[k] = (char)(any ? 1 + (seed >> 16) % 255 :
				' ' + (seed >> 16) % 95);
		}
		word[n] = '\0';
		buf_add(&words, word, (size_t)n + 1);
		buf_char(&script, ' ');
		quote_word(&script, word);
	}
	/* and nothing in it would harm a terminal */
	for (k = 0; k < (int)script.len; k += n) {
		n = (int)safe_char(script.data + k, script.len - (size_t)k);
		assert_int_not_equal(n, 0);
	}
	scratch_put(&dir, "script", script.data, script.len);
	buf_reset(&script);
	buf_printf(&script, "cd %s && LC_ALL=C %s script >back", dir.path,
		shell);
	run = buf_steal(&script);
	assert_int_equal(system(run), 0);
	free(run);
	scratch_get(&dir, "back", &back);
	assert_int_equal(back.len, words.len);
	assert_memory_equal(back.data, words.data, words.len);
	buf_release(&words);
	buf_release(&back);
	scratch_release(&dir);
}

static void in_bash(void **state)
{
	(void)state;
	pasted("bash", true);
}

/* without $'…', which not every one knows */
static void in_sh(void **state)
{
	(void)state;
	pasted("sh", false);
}

static void secrets(void **state)
{
	struct buf out = { 0 };

	(void)state;
	mask_add(safe_secrets(), "it's me", 7);
	quote_word(&out, "pass=it's me!");
	assert_string_equal(out.data, "'pass=***!'");
	mask_release(safe_secrets());
	buf_release(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(quoted),
		cmocka_unit_test(in_bash),
		cmocka_unit_test(in_sh),
		cmocka_unit_test(secrets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
