/* SPDX-License-Identifier: ISC */
#include "quote.h"

#include <stdbool.h>
#include <string.h>

#include "safe.h"

enum how { AS_IT_IS, SINGLE, ESCAPED };

static enum how how_to(const char *word, size_t n)
{
	static const char special[] = " \t\n'\"\\$&|;<>()*?[]{}#~`!^";
	enum how how = n > 0 && word[strcspn(word, special)] == '\0' ?
		AS_IT_IS : SINGLE;
	size_t i, len;

	for (i = 0; i < n; i += len) {
		len = safe_char(word + i, n - i);
		/* a tab pasted into a shell completes names */
		if (len == 0 || word[i] == '\t')
			return ESCAPED;
	}
	return how;
}

static void quote(struct buf *out, const struct buf *text)
{
	enum how how = how_to(text->data, text->len);
	size_t i, len;

	buf_str(out, how == ESCAPED ? "$'" : how == SINGLE ? "'" : "");
	for (i = 0; i < text->len; i += len) {
		const char *c = text->data + i;

		len = safe_char(c, text->len - i);
		/* "!": of the history, which some shells look for here */
		if (how == ESCAPED && (len == 0 || *c == '\t' || *c == '!'))
			buf_printf(out, "\\%03o", (unsigned char)*c);
		else if (how == ESCAPED && (*c == '\'' || *c == '\\'))
			buf_printf(out, "\\%c", *c);
		else if (how == SINGLE && *c == '\'')
			buf_str(out, "'\\''");
		else
			buf_add(out, c, len);
		len += len == 0;
	}
	buf_str(out, how == AS_IT_IS ? "" : "'");
}

void quote_word(struct buf *out, const char *word)
{
	struct buf text = { 0 };

	buf_str(&text, word);
	mask_text(safe_secrets(), &text);
	quote(out, &text);
	buf_release(&text);
}

void quote_raw(struct buf *out, const char *word)
{
	struct buf text = { 0 };

	buf_str(&text, word);
	quote(out, &text);
	buf_release(&text);
}
