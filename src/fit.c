/* SPDX-License-Identifier: ISC */
#include "fit.h"

#include <stdint.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "safe.h"

/* Columns that the character at s (valid UTF-8, *len bytes) takes. Of what is
 * wide the large blocks of East Asia and the emoji, of what takes none the
 * combining marks of Latin: enough for a table to stand straight. */
static size_t width(const char *s, size_t n, size_t *len)
{
	uint32_t c = (unsigned char)*s;
	size_t i;

	*len = safe_char(s, n);
	if (*len <= 1) {
		*len = 1;
		return 1;
	}
	c &= 0xffu >> (*len + 1);
	for (i = 1; i < *len; i++)
		c = c << 6 | ((unsigned char)s[i] & 0x3fu);
	if (c >= 0x300 && c < 0x370)
		return 0;
	return 1 + ((c >= 0x1100 && c < 0x1160) || (c >= 0x2e80 && c < 0xa4d0) ||
		(c >= 0xac00 && c < 0xd7a4) || (c >= 0xf900 && c < 0xfb00) ||
		(c >= 0xff00 && c < 0xff61) || (c >= 0x1f300 && c < 0x1fb00) ||
		(c >= 0x20000 && c < 0x3fffe));
}

/* Bytes of the first characters that fit into so many columns, which are
 * counted. */
static size_t take(const char *s, size_t n, size_t columns, size_t *used)
{
	size_t at = 0, len, w;

	for (*used = 0; at < n; at += len, *used += w) {
		w = width(s + at, n - at, &len);
		if (*used + w > columns)
			break;
	}
	return at;
}

size_t fit_text(struct buf *out, const char *text, size_t n, size_t columns)
{
	struct buf safe = { 0 };
	size_t used, all, head, from;

	safe_line(&safe, text, n);
	(void)take(safe.data, safe.len, SIZE_MAX, &all);
	if (all <= columns) {
		buf_add(out, safe.data, safe.len);
		buf_release(&safe);
		return all;
	}
	head = take(safe.data, safe.len, columns / 2, &used);
	buf_add(out, safe.data, head);
	buf_str(out, "…");
	/* the end as far as there is room */
	from = take(safe.data, safe.len, all - (columns - used - 1), &head);
	for (; from < safe.len && all - head > columns - used - 1; ) {
		size_t len;

		head += width(safe.data + from, safe.len - from, &len);
		from += len;
	}
	buf_add(out, safe.data + from, safe.len - from);
	buf_release(&safe);
	return used + 1 + (all - head);
}

size_t fit_terminal(void)
{
	struct winsize ws;

	if (!isatty(STDOUT_FILENO))
		return 0;
	return ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws) == 0 && ws.ws_col > 0 ?
		ws.ws_col : 80;
}
