/* SPDX-License-Identifier: ISC */
#include "fit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void fits(void **state)
{
	static const struct {
		const char *text;
		size_t columns;
		const char *shown;
		size_t used;
	} c[] = {
		{ "", 5, "", 0 },
		{ "abcde", 5, "abcde", 5 },
		{ "abcdef", 5, "ab…ef", 5 },
		{ "abcdefg", 6, "abc…fg", 6 },
		{ "abc", 2, "a…", 2 },
		{ "abc", 1, "…", 1 },
		/* escaped first: what is cut is what would be seen */
		{ "a\nb", 6, "a\\x0ab", 6 },
		{ "a\nb", 5, "a\\…ab", 5 },
		{ "\xff", 4, "\\xff", 4 },
		/* characters, not bytes; wide ones are two columns */
		{ "caf\xc3\xa9s", 5, "caf\xc3\xa9s", 5 },
		{ "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9", 3,
			"\xc3\xa9…\xc3\xa9", 3 },
		{ "\xe7\xac\xac\xe4\xb8\x89\xe7\xab\xa0", 6,
			"\xe7\xac\xac\xe4\xb8\x89\xe7\xab\xa0", 6 },
		{ "\xe7\xac\xac\xe4\xb8\x89\xe7\xab\xa0", 5,
			"\xe7\xac\xac…\xe7\xab\xa0", 5 },
		{ "\xe7\xac\xac\xe4\xb8\x89\xe7\xab\xa0", 4,
			"\xe7\xac\xac…", 3 },
		/* a mark stays with its letter */
		{ "e\xcc\x81xyz", 4, "e\xcc\x81xyz", 4 },
		{ "wxe\xcc\x81", 2, "w…", 2 },
	};
	struct buf out = { 0 };
	size_t i, used;

	(void)state;
	for (i = 0; i < sizeof(c) / sizeof(c[0]); i++) {
		buf_reset(&out);
		used = fit_text(&out, c[i].text, strlen(c[i].text),
			c[i].columns);
		if (strcmp(out.len > 0 ? out.data : "", c[i].shown) != 0 ||
		    used != c[i].used)
			fail_msg("%zu: \"%s\", %zu columns", i,
				out.len > 0 ? out.data : "", used);
	}
	buf_release(&out);
}

/* Never wider, whatever it is; and its ends are those of the text. */
static void any_bytes(void **state)
{
	struct buf out = { 0 };
	unsigned seed = 1;
	char text[300];
	size_t n, i, columns, used;

	(void)state;
	for (n = 1; n < sizeof(text); n++) {
		for (i = 0; i < n; i++) {
			seed = seed * 1103515245 + 12345;
			text[i] = (char)(1 + (seed >> 16) % 255);
		}
		columns = 1 + (seed >> 16) % 80;
		buf_reset(&out);
		used = fit_text(&out, text, n, columns);
		assert_true(used <= columns);
		assert_true(used + 2 >= columns || n < columns);
		for (i = 0; i < out.len; i++)
			assert_true((unsigned char)out.data[i] >= ' ' ||
				out.data[i] == '\t');
	}
	buf_release(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fits),
		cmocka_unit_test(any_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
