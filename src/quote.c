/* SPDX-License-Identifier: ISC */
#include "quote.h"

#include <string.h>

#include "safe.h"

void quote_word(struct buf *out, const char *word)
{
	static const char special[] = " \t\n'\"\\$&|;<>()*?[]{}#~`!";
	struct buf text = { 0 };
	const char *c;

	if (*word != '\0' && word[strcspn(word, special)] == '\0') {
		safe_line(out, word, strlen(word));
		return;
	}
	for (c = word; *c != '\0'; c++) {
		if (*c == '\'')
			buf_str(&text, "'\\''");
		else
			buf_char(&text, *c);
	}
	buf_char(out, '\'');
	safe_line(out, text.data != NULL ? text.data : "", text.len);
	buf_char(out, '\'');
	buf_release(&text);
}
