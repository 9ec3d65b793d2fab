/* SPDX-License-Identifier: ISC */
/*
 * Any bytes as text for a terminal, and as secrets in it: the first says how
 * many secrets there are, a length stands in front of each, and the rest is the
 * text. Beyond not crashing:
 * - whatever goes in, what comes out is UTF-8 without control characters
 *   (but tab), bidirectional controls and separators of lines; what is
 *   printable stays, and made safe a second time it stays the same;
 * - what is hidden is what mask.h says, by a second and slower reading of it;
 *   the same in a whole text, in a part of it, and in a text in pieces,
 *   however it is cut;
 * - nothing that comes out has a secret in it, one that joined in the middle
 *   of a text neither (from there on).
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "safe.h"
#include "table.h"

enum { SECRETS = 4, LONGEST = 24, TEXT = 1024, LINES = LONGEST + 1 };

struct secret {
	const char *text;
	size_t n;
};

static uint64_t random_state;

static size_t some(size_t below)
{
	random_state = random_state * 6364136223846793005u + 1442695040888963407u;
	return (size_t)(random_state >> 33) % below;
}

/* Decodes by the table of RFC 3629, section 4. 0: not UTF-8. */
static size_t utf8(const unsigned char *s, size_t n, uint32_t *c)
{
	static const struct { unsigned char a, b, low, high; size_t n; } row[] = {
		{ 0x00, 0x7f, 0, 0, 1 }, { 0xc2, 0xdf, 0x80, 0xbf, 2 },
		{ 0xe0, 0xe0, 0xa0, 0xbf, 3 }, { 0xe1, 0xec, 0x80, 0xbf, 3 },
		{ 0xed, 0xed, 0x80, 0x9f, 3 }, { 0xee, 0xef, 0x80, 0xbf, 3 },
		{ 0xf0, 0xf0, 0x90, 0xbf, 4 }, { 0xf1, 0xf3, 0x80, 0xbf, 4 },
		{ 0xf4, 0xf4, 0x80, 0x8f, 4 },
	};

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		if (s[0] < row[i].a || s[0] > row[i].b)
			continue;
		if (row[i].n > n)
			return 0;
		*c = row[i].n == 1 ? s[0] : s[0] & (0x7fu >> row[i].n);
		for (size_t k = 1; k < row[i].n; k++) {
			if (s[k] < (k == 1 ? row[i].low : 0x80) ||
			    s[k] > (k == 1 ? row[i].high : 0xbf))
				return 0;
			*c = *c << 6 | (s[k] & 0x3fu);
		}
		return row[i].n;
	}
	return 0;
}

static bool harmful(uint32_t c)
{
	static const uint32_t bad[] = {
		0x7f, 0x061c, 0x200e, 0x200f, 0x2028, 0x2029, 0x202a, 0x202b,
		0x202c, 0x202d, 0x202e, 0x2066, 0x2067, 0x2068, 0x2069, 0xfeff,
	};

	if ((c < 0x20 && c != '\t') || (c >= 0x80 && c < 0xa0))
		return true;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (c == bad[i])
			return true;
	return false;
}

/* What safe_line() says of text[0, n), which holds no secret. */
static void check_escape(const char *text, size_t n)
{
	const unsigned char *s = (const unsigned char *)text;
	struct buf out = { 0 }, expected = { 0 }, again = { 0 };
	size_t i, len;
	uint32_t c;

	safe_line(&out, text, n);
	for (i = 0; i < n; i += len) {
		len = utf8(s + i, n - i, &c);
		if (len != 0 && !harmful(c)) {
			assert(safe_char(text + i, n - i) == len);
			buf_add(&expected, text + i, len);
			continue;
		}
		assert(safe_char(text + i, n - i) == 0);
		buf_printf(&expected, "\\x%02x", s[i]);
		len = 1;
	}
	assert(out.len == expected.len);
	assert(n == 0 || memcmp(out.data, expected.data, out.len) == 0);
	for (i = 0; i < out.len; i += len) {
		len = utf8((unsigned char *)out.data + i, out.len - i, &c);
		assert(len != 0 && !harmful(c));
	}
	if (n > 0) {
		safe_line(&again, out.data, out.len);
		assert(again.len == out.len);
		assert(memcmp(again.data, out.data, out.len) == 0);
	}
	buf_release(&out);
	buf_release(&expected);
	buf_release(&again);
}

/* What a value stands for: itself, and each longer line of it. */
static int secrets_of(const char *value, size_t n, struct secret *s)
{
	const char *line = value, *end = value + n, *stop;
	bool blank = true;
	int k = 0;

	for (size_t i = 0; i < n; i++)
		if (strchr(" \t\r\n", value[i]) == NULL || value[i] == '\0')
			blank = false;
	if (blank)
		return 0;
	s[k++] = (struct secret){ value, n };
	if (memchr(value, '\n', n) == NULL)
		return k;
	for (; line < end; line = stop + 1) {
		size_t len;

		stop = memchr(line, '\n', (size_t)(end - line));
		if (stop == NULL)
			stop = end;
		len = (size_t)(stop - line);
		if (len > 0 && stop[-1] == '\r')
			len--;
		if (len >= 8)
			s[k++] = (struct secret){ line, len };
	}
	return k;
}

/* hidden[i]: byte i is part of a secret. */
static void find_hidden(bool *hidden, const struct secret *s, int n,
	const char *text, size_t len)
{
	memset(hidden, 0, len);
	for (int k = 0; k < n; k++)
		for (size_t i = 0; i + s[k].n <= len; i++)
			if (memcmp(text + i, s[k].text, s[k].n) == 0)
				memset(hidden + i, 1, s[k].n);
}

static void expect(struct buf *out, const bool *hidden, const char *text,
	size_t from, size_t to)
{
	for (size_t i = from; i < to; i++) {
		if (!hidden[i])
			buf_char(out, text[i]);
		else if (i == from || !hidden[i - 1])
			buf_str(out, "***");
	}
}

static void check_same(const struct buf *a, const struct buf *b)
{
	assert(a->len == b->len);
	assert(a->len == 0 || memcmp(a->data, b->data, a->len) == 0);
}

/* Where "***" is no part of it, nothing of what came out makes up a secret. */
static void check_clean(const char *text, size_t len, const struct secret *s,
	int n)
{
	for (int k = 0; k < n && len > 0; k++)
		if (memchr(s[k].text, '*', s[k].n) == NULL)
			assert(memmem(text, len, s[k].text, s[k].n) == NULL);
}

static void feed(struct mask_stream *s, const char *text, size_t n,
	struct buf *out)
{
	while (n > 0) {
		size_t piece = 1 + some(some(2) != 0 ? n : n < 4 ? n : 4);
		/* exactly as long, so that a sanitizer sees each byte too many */
		char *copy = malloc(piece);

		assert(copy != NULL);
		memcpy(copy, text, piece);
		mask_feed(s, copy, piece, out);
		free(copy);
		text += piece;
		n -= piece;
	}
}

static void check_mask(const struct secret *s, int n, const char *text,
	size_t len, struct mask *m)
{
	struct buf whole = { 0 }, part = { 0 }, out = { 0 }, some_of = { 0 };
	struct mask_stream stream = { .m = m };
	static bool hidden[TEXT];
	size_t from = some(len + 1), to = from + some(len - from + 1);

	find_hidden(hidden, s, n, text, len);
	expect(&whole, hidden, text, 0, len);
	expect(&part, hidden, text, from, to);
	check_clean(whole.data, whole.len, s, n);

	if (len > 0)
		buf_add(&out, text, len);
	mask_text(m, &out);
	check_same(&out, &whole);
	mask_part(m, text, len, from, to, &some_of);
	check_same(&some_of, &part);
	buf_reset(&out);
	feed(&stream, text, len, &out);
	assert(out.len <= whole.len);
	mask_flush(&stream, &out);
	check_same(&out, &whole);
	/* it can be used again */
	buf_reset(&out);
	feed(&stream, text, len, &out);
	mask_flush(&stream, &out);
	check_same(&out, &whole);
	mask_stop(&stream);
	buf_release(&whole);
	buf_release(&part);
	buf_release(&out);
	buf_release(&some_of);
}

/* The second half of the secrets joins in the middle of the text. */
static void check_joining(const struct secret *value, int n, const char *text,
	size_t len)
{
	struct mask m = { 0 };
	struct mask_stream stream = { .m = &m };
	struct secret s[SECRETS * LINES];
	struct buf out = { 0 }, held = { 0 };
	size_t at = some(len + 1);
	int old = 0, all;

	for (int i = 0; i < n / 2; i++) {
		mask_add(&m, value[i].text, value[i].n);
		old += secrets_of(value[i].text, value[i].n, s + old);
	}
	feed(&stream, text, at, &out);
	check_clean(out.data, out.len, s, old);
	all = old;
	for (int i = n / 2; i < n; i++) {
		mask_add(&m, value[i].text, value[i].n);
		all += secrets_of(value[i].text, value[i].n, s + all);
	}
	/* what was read before is still to come out, by the old ones */
	if (stream.held.len > 0)
		buf_add(&held, stream.held.data, stream.held.len);
	buf_reset(&out);
	feed(&stream, text + at, len - at, &out);
	mask_flush(&stream, &out);
	if (held.len == 0)
		check_clean(out.data, out.len, s, all);
	check_clean(out.data, out.len, s, old);
	mask_stop(&stream);
	mask_release(&m);
	buf_release(&out);
	buf_release(&held);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data, *end = text + size;
	struct secret value[SECRETS], s[SECRETS * LINES];
	struct mask *m = safe_secrets();
	struct buf out = { 0 }, masked = { 0 };
	int n = 0, wanted, all = 0;
	size_t len;

	random_state = table_hash(TABLE_HASH_START, data, size);
	mask_release(m);
	check_escape(text, size);
	wanted = text < end ? (unsigned char)*text++ % (SECRETS + 1) : 0;
	while (n < wanted && text < end) {
		len = (unsigned char)*text++ % (LONGEST + 1);
		if (len > (size_t)(end - text))
			len = (size_t)(end - text);
		value[n++] = (struct secret){ text, len };
		text += len;
	}
	len = (size_t)(end - text) < TEXT ? (size_t)(end - text) : TEXT;
	for (int i = 0; i < n; i++) {
		mask_add(m, value[i].text, value[i].n);
		all += secrets_of(value[i].text, value[i].n, s + all);
	}
	assert(mask_empty(m) == (all == 0));
	check_mask(s, all, text, len, m);
	check_joining(value, n, text, len);
	/* both at once: hidden first, escaped then */
	if (len > 0)
		buf_add(&masked, text, len);
	mask_text(m, &masked);
	safe_line(&out, text, len);
	mask_release(m);
	if (masked.len > 0) {
		struct buf expected = { 0 };

		safe_line(&expected, masked.data, masked.len);
		check_same(&out, &expected);
		buf_release(&expected);
	}
	buf_release(&out);
	buf_release(&masked);
	return 0;
}
