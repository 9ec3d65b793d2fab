/* SPDX-License-Identifier: ISC */
#include "json.h"

#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "safe.h"

static void comma(struct buf *b)
{
	char last = b->len > 0 ? b->data[b->len - 1] : '[';

	if (last != '[' && last != '{' && last != ':' && last != '\n')
		buf_char(b, ',');
}

void json_open(struct buf *b, char bracket)
{
	comma(b);
	buf_char(b, bracket);
}

void json_close(struct buf *b, char bracket)
{
	buf_char(b, bracket);
}

/* Length of the UTF-8 character at s, 0 when it is none. */
static size_t utf8(const unsigned char *s)
{
	size_t n = s[0] < 0x80 ? 1 : s[0] >= 0xc2 && s[0] <= 0xdf ? 2 :
		(s[0] & 0xf0) == 0xe0 ? 3 :
		s[0] >= 0xf0 && s[0] <= 0xf4 ? 4 : 0, i;

	for (i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
	    (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return n;
}

/* The character that these n bytes are. */
static unsigned code_point(const unsigned char *s, size_t n)
{
	unsigned c = s[0] & 0xffu >> (n + 1);
	size_t i;

	for (i = 1; i < n; i++)
		c = c << 6 | (s[i] & 0x3fu);
	return c;
}

/* It may be shown on a terminal: what safe.h calls harmful is escaped. */
static void quoted(struct buf *b, const char *text)
{
	const unsigned char *s = (const unsigned char *)text;
	size_t n;

	buf_char(b, '"');
	while (*s != '\0') {
		n = utf8(s);
		if (n == 0)
			buf_str(b, "\xef\xbf\xbd");
		else if (*s == '"' || *s == '\\')
			buf_printf(b, "\\%c", *s);
		else if (*s == '\n')
			buf_str(b, "\\n");
		else if (*s < 0x20 || *s == 0x7f)
			buf_printf(b, "\\u%04x", *s);
		else if (n > 1 && safe_char((const char *)s, n) == 0)
			buf_printf(b, "\\u%04x", code_point(s, n));
		else
			buf_add(b, s, n);
		s += n != 0 ? n : 1;
	}
	buf_char(b, '"');
}

void json_key(struct buf *b, const char *key)
{
	comma(b);
	quoted(b, key);
	buf_char(b, ':');
}

void json_text(struct buf *b, const char *text)
{
	comma(b);
	if (text == NULL)
		buf_str(b, "null");
	else
		quoted(b, text);
}

void json_said(struct buf *b, const char *text)
{
	struct buf masked = { 0 };

	buf_str(&masked, text != NULL ? text : "");
	mask_text(safe_secrets(), &masked);
	json_text(b, text != NULL ? masked.data : NULL);
	buf_release(&masked);
}

void json_number(struct buf *b, int64_t n)
{
	comma(b);
	buf_printf(b, "%lld", (long long)n);
}

void json_bool(struct buf *b, bool yes)
{
	comma(b);
	buf_str(b, yes ? "true" : "false");
}

void json_seconds(struct buf *b, int64_t ms)
{
	comma(b);
	/* negative: the wall clock was set back meanwhile */
	buf_printf(b, "%s%lld.%03lld", ms < 0 ? "-" : "",
		llabs((long long)ms / 1000), llabs((long long)ms % 1000));
}

void json_money(struct buf *b, int64_t millionths)
{
	char text[40];
	size_t n;

	snprintf(text, sizeof(text), "%lld.%06lld",
		(long long)(millionths / 1000000),
		(long long)(millionths % 1000000));
	for (n = strlen(text); text[n - 1] == '0' && text[n - 2] != '.'; n--)
		text[n - 1] = '\0';
	comma(b);
	buf_str(b, text);
}

void json_time(struct buf *b, int64_t at)
{
	char text[CLOCK_RFC3339];

	if (at != 0)
		clock_format(at, text);
	json_text(b, at != 0 ? text : NULL);
}
