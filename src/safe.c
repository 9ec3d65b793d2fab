/* SPDX-License-Identifier: ISC */
#include "safe.h"

#include <stdint.h>
#include <stdio.h>

/* Unicode 15, Bidi_Control, and the separators that terminals treat as line
 * ends; U+FEFF because it is invisible. */
static bool harmful(uint32_t c)
{
	return (c >= 0x80 && c < 0xa0) || c == 0x061c ||
		(c >= 0x200e && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
		(c >= 0x2066 && c <= 0x2069) || c == 0xfeff;
}

size_t safe_char(const char *text, size_t n)
{
	const unsigned char *s = (const unsigned char *)text;
	size_t len, i;
	uint32_t c;

	if (n == 0)
		return 0;
	if (s[0] < 0x80)
		return (s[0] >= 0x20 && s[0] != 0x7f) || s[0] == '\t';
	if (s[0] >= 0xc2 && s[0] <= 0xdf) {
		len = 2;
		c = s[0] & 0x1fu;
	} else if (s[0] >= 0xe0 && s[0] <= 0xef) {
		len = 3;
		c = s[0] & 0x0fu;
	} else if (s[0] >= 0xf0 && s[0] <= 0xf4) {
		len = 4;
		c = s[0] & 0x07u;
	} else {
		return 0;
	}
	if (n < len)
		return 0;
	for (i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3fu);
	}
	if ((len == 3 && c < 0x800) || (len == 4 && c < 0x10000) ||
	    c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff) || harmful(c))
		return 0;
	return len;
}

static void escape(struct buf *out, const char *text, size_t n)
{
	size_t i = 0, len;

	while (i < n) {
		len = safe_char(text + i, n - i);
		if (len != 0)
			buf_add(out, text + i, len);
		else
			buf_printf(out, "\\x%02x", (unsigned char)text[i]);
		i += len != 0 ? len : 1;
	}
}

struct mask *safe_secrets(void)
{
	static struct mask secrets;

	return &secrets;
}

void safe_line(struct buf *out, const char *text, size_t n)
{
	struct buf masked = { 0 };

	if (mask_empty(safe_secrets())) {
		escape(out, text, n);
		return;
	}
	mask_part(safe_secrets(), text, n, 0, n, &masked);
	escape(out, masked.data, masked.len);
	buf_release(&masked);
}

void safe_format(char *out, size_t size, const char *fmt, va_list ap)
{
	struct buf text = { 0 };

	if (mask_empty(safe_secrets())) {
		vsnprintf(out, size, fmt, ap);
		return;
	}
	buf_vprintf(&text, fmt, ap);
	mask_text(safe_secrets(), &text);
	snprintf(out, size, "%s", text.data);
	buf_release(&text);
}
