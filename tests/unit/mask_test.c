/* SPDX-License-Identifier: ISC */
#include "mask.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "mem.h"

/* What the module promises, in the plainest way: which bytes are part of a
 * secret, byte by byte. */
struct naive {
	char secret[16][128];
	size_t len[16];
	int n;
};

static void naive_add(struct naive *r, const char *value, size_t n)
{
	assert_true(r->n < 16 && n < sizeof(r->secret[0]));
	memcpy(r->secret[r->n], value, n);
	r->len[r->n++] = n;
}

static void naive_hidden(const struct naive *r, const char *text, size_t n,
	bool *hidden)
{
	memset(hidden, 0, n);
	for (int k = 0; k < r->n; k++)
		for (size_t i = 0; i + r->len[k] <= n; i++)
			if (memcmp(text + i, r->secret[k], r->len[k]) == 0)
				memset(hidden + i, 1, r->len[k]);
}

/* Length of the longest beginning of a secret, not all of it, that the text
 * ends in. */
static size_t naive_begun(const struct naive *r, const char *text, size_t n)
{
	size_t best = 0;

	for (int k = 0; k < r->n; k++)
		for (size_t i = 1; i < r->len[k] && i <= n; i++)
			if (i > best && memcmp(text + n - i, r->secret[k],
			    i) == 0)
				best = i;
	return best;
}

/* text[from, to), each run of what is hidden as "***". */
static void naive_show(const char *text, const bool *hidden, size_t from,
	size_t to, struct buf *out)
{
	buf_reset(out);
	buf_str(out, "");
	for (size_t i = from; i < to; i++)
		if (!hidden[i])
			buf_char(out, text[i]);
		else if (i == from || !hidden[i - 1])
			buf_str(out, "***");
}

static void same(const struct buf *got, const struct buf *want,
	const char *text, size_t n, const char *what)
{
	if (got->len == want->len &&
	    memcmp(got->data, want->data, want->len) == 0)
		return;
	fail_msg("%s of \"%.*s\" is \"%s\", expected \"%s\"", what, (int)n,
		text, got->data, want->data);
}

/* A copy of exactly n bytes, so that a read beyond them is seen. */
static char *exactly(const char *text, size_t n)
{
	char *copy = malloc(n + (n == 0));

	assert_non_null(copy);
	if (n > 0)
		memcpy(copy, text, n);
	return copy;
}

/* Bit i of cuts: a piece ends behind byte i. */
static void in_pieces(struct mask *m, const struct naive *r, const char *text,
	size_t n, uint64_t cuts, struct buf *out)
{
	struct mask_stream s = { .m = m };
	size_t from = 0, i;
	char *piece;

	buf_reset(out);
	buf_str(out, "");
	for (i = 1; i <= n; i++) {
		if (i < n && !(cuts >> (i - 1) % 64 & 1))
			continue;
		piece = exactly(text + from, i - from);
		mask_feed(&s, piece, i - from, out);
		free(piece);
		from = i;
		/* no more than needed is kept back */
		assert_int_equal(s.held.len, naive_begun(r, text, i));
	}
	mask_flush(&s, out);
	mask_stop(&s);
}

static uint32_t seed = 1;

static uint32_t dice(uint32_t most)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 16) % most;
}

static void random_text(char *text, size_t n, uint32_t letters)
{
	for (size_t i = 0; i < n; i++)
		text[i] = (char)('a' + dice(letters));
}

/* Texts over one to four letters, with secrets over the same: the whole, parts
 * of it, and in all pieces there are. */
static void random_texts(void **state)
{
	struct buf got = { 0 }, want = { 0 };
	char text[200], value[128];
	bool hidden[sizeof(text)];
	size_t n, len, from, to;

	(void)state;
	for (int round = 0; round < 4000; round++) {
		uint32_t letters = 1 + dice(4);
		struct mask m = { 0 };
		struct naive r = { .n = 0 };
		char *copy;

		for (int k = 1 + (int)dice(5); k > 0; k--) {
			len = 1 + dice(round % 10 == 0 ? 100 : 6);
			random_text(value, len, letters);
			mask_add(&m, value, len);
			naive_add(&r, value, len);
		}
		n = round % 2 == 0 ? dice(11) : dice(sizeof(text));
		random_text(text, n, letters);
		naive_hidden(&r, text, n, hidden);
		copy = exactly(text, n);

		naive_show(text, hidden, 0, n, &want);
		buf_reset(&got);
		buf_add(&got, text, n);
		mask_text(&m, &got);
		same(&got, &want, text, n, "the whole");
		if (round % 2 == 0)
			for (uint64_t cuts = 0; cuts < 1u << n; cuts += 2) {
				in_pieces(&m, &r, copy, n, cuts / 2, &got);
				same(&got, &want, text, n, "pieces");
			}
		else
			for (int k = 0; k < 10; k++) {
				in_pieces(&m, &r, copy, n, k == 0 ?
					UINT64_MAX : (uint64_t)dice(65536) <<
					k * 4 | dice(65536), &got);
				same(&got, &want, text, n, "pieces");
			}
		for (int k = 0; k < 20; k++) {
			from = dice((uint32_t)n + 1);
			to = from + dice((uint32_t)(n - from) + 1);
			naive_show(text, hidden, from, to, &want);
			buf_reset(&got);
			buf_str(&got, "");
			mask_part(&m, copy, n, from, to, &got);
			same(&got, &want, text, n, "a part");
		}
		free(copy);
		mask_release(&m);
	}
	buf_release(&got);
	buf_release(&want);
}

static void known(void **state)
{
	static const struct { const char *secret[3], *text, *masked; } c[] = {
		{ { NULL }, "nothing to hide", "nothing to hide" },
		{ { "" }, "the empty one", "the empty one" },
		{ { " ", "\t \r\n", "\n" }, "of blanks \n", "of blanks \n" },
		{ { "hunter2" }, "hunter2", "***" },
		{ { "hunter2" }, "hunter2 at the begin", "*** at the begin" },
		{ { "hunter2" }, "at the end hunter2", "at the end ***" },
		{ { "hunter2" }, "hunter hunter22 hunter2", "hunter ***2 ***" },
		{ { "hunter2" }, "huntehunter2hunter", "hunte***hunter" },
		{ { "hunter2" }, "hunter2hunter2", "***" },
		/* longer than all there is */
		{ { "hunter2" }, "hunter", "hunter" },
		{ { "hunter2" }, "", "" },
		/* the beginning of another one; the end; the middle */
		{ { "ab", "abcd" }, "ab abc abcd abcde", "*** ***c *** ***e" },
		{ { "abcd", "cd" }, "cd bcd abcd", "*** b*** ***" },
		{ { "abcdef", "cd" }, "abcdeg abcdef", "ab***eg ***" },
		/* overlapping: both are hidden */
		{ { "abc", "cde" }, "abcde", "***" },
		{ { "abc", "bcx", "xyz" }, "abcxyz!", "***!" },
		{ { "aa" }, "aaaaa", "***" },
		{ { "a" }, "banana", "b***n***n***" },
		/* nothing is taken off a value */
		{ { " pass word\t" }, "< pass word\t> <pass word>",
			"<***> <pass word>" },
		{ { "\"q\\\xc3\xa4\xff" }, "x\"q\\\xc3\xa4\xff" "y", "x***y" },
		{ { "***" }, "*** ****", "*** ***" },
		/* lines of a value, of at least eight bytes */
		{ { "-----KEY\r\nMIIEpAIBAAKC\nshort\n-----END\n" },
			"MIIEpAIBAAKC short -----END -----KEY",
			"*** short *** ***" },
		{ { "-----KEY\nMIIEpAIBAAKC\nshort\n-----END\n" },
			"<-----KEY\nMIIEpAIBAAKC\nshort\n-----END\n>",
			"<***>" },
		{ { "-----KEY\r\nMIIEpAIBAAKC\r\n" },
			"-----KEY\nMIIEpAIBAAKC\n", "***\n***\n" },
		{ { "one line of many bytes" }, "one line of", "one line of" },
	};
	struct buf text = { 0 };
	size_t i, k;

	(void)state;
	for (i = 0; i < sizeof(c) / sizeof(c[0]); i++) {
		struct mask m = { 0 };

		for (k = 0; k < 3 && c[i].secret[k] != NULL; k++)
			mask_add(&m, c[i].secret[k], strlen(c[i].secret[k]));
		assert_int_equal(mask_empty(&m), i < 3);
		buf_reset(&text);
		buf_str(&text, c[i].text);
		mask_text(&m, &text);
		assert_string_equal(text.data, c[i].masked);
		mask_release(&m);
	}
	buf_release(&text);
}

/* A NUL is a byte like others. */
static void any_bytes(void **state)
{
	struct buf text = { 0 };
	struct mask m = { 0 };

	(void)state;
	mask_add(&m, "a\0b", 3);
	buf_add(&text, "a\0c a\0b\0", 8);
	mask_text(&m, &text);
	assert_int_equal(text.len, 8);
	assert_memory_equal(text.data, "a\0c ***\0", 8);
	/* every first two bytes that there can be */
	for (int a = 0; a < 256; a++)
		for (int b = 0; b < 256; b += 1 + a % 7) {
			char secret[3] = { (char)a, (char)b, (char)a };
			struct mask one = { 0 };

			mask_add(&one, secret, 2 + b % 2);
			buf_reset(&text);
			buf_char(&text, (char)~a);
			buf_add(&text, secret, 3);
			mask_text(&one, &text);
			/* a == b: two bytes of it are found twice */
			assert_int_equal(text.len, mask_empty(&one) ? 4 :
				b % 2 != 0 || a == b ? 4 : 5);
			assert_true(!mask_empty(&one) ||
				memchr(" \t\r\n", a, 4) != NULL);
			mask_release(&one);
		}
	buf_release(&text);
	mask_release(&m);
}

/* One that joins while a text goes by counts from then on; what the set was
 * told twice is in it once. */
static void joins_later(void **state)
{
	struct mask m = { 0 };
	struct mask_stream s = { .m = &m };
	struct buf out = { 0 };
	size_t n;

	(void)state;
	mask_feed(&s, "alpha beta ", 11, &out);
	mask_add(&m, "alpha", 5);
	mask_feed(&s, "alpha beta al", 13, &out);
	mask_add(&m, "beta", 4);
	n = m.n;
	mask_add(&m, "alpha", 5);
	mask_add(&m, "beta", 4);
	assert_int_equal(m.n, n);
	assert_false(m.linked);
	mask_feed(&s, "pha beta ", 9, &out);
	mask_add(&m, "beta", 4);
	assert_true(m.linked);
	mask_add(&m, "alphabet", 8);
	mask_feed(&s, "alpha alphabet beta al", 22, &out);
	mask_flush(&s, &out);
	assert_string_equal(out.data, "alpha beta *** beta *** *** "
		"*** *** *** al");
	/* after a flush it is a new text */
	buf_reset(&out);
	mask_feed(&s, "phabet", 6, &out);
	mask_flush(&s, &out);
	assert_string_equal(out.data, "phabet");
	mask_stop(&s);
	mask_release(&m);
	/* a longer one at a place where a shorter one was known to end */
	mask_add(&m, "xabcq", 5);
	mask_add(&m, "c", 1);
	buf_reset(&out);
	mask_part(&m, "xabc", 4, 0, 4, &out);
	mask_add(&m, "bc", 2);
	mask_part(&m, "xabc", 4, 0, 4, &out);
	assert_string_equal(out.data, "xab***xa***");
	mask_release(&m);
	buf_release(&out);
}

/* Longer than a piece, than many pieces, and than a buffer. */
static void long_secret(void **state)
{
	enum { LONG = 100 * 1000 };
	char *secret = mem_alloc(LONG + 2);
	static const size_t size[] = { 1000, 4096, 65536, LONG };
	struct buf out = { 0 };
	struct mask m = { 0 };
	size_t i, k, n;

	(void)state;
	for (i = 0; i < LONG; i++)
		secret[i + 1] = (char)('a' + dice(26));
	secret[0] = '<';
	secret[LONG + 1] = '>';
	mask_add(&m, secret + 1, LONG);
	for (i = 0; i < sizeof(size) / sizeof(size[0]); i++) {
		struct mask_stream s = { .m = &m };

		buf_reset(&out);
		for (k = 0; k < LONG + 2; k += n) {
			n = LONG + 2 - k < size[i] ? LONG + 2 - k : size[i];
			mask_feed(&s, secret + k, n, &out);
			assert_true(out.len <= 1 || k + n == LONG + 2);
		}
		mask_flush(&s, &out);
		assert_string_equal(out.data, "<***>");
		/* all but its last byte: no secret */
		buf_reset(&out);
		mask_feed(&s, secret, LONG, &out);
		assert_int_equal(out.len, 1);
		mask_flush(&s, &out);
		assert_int_equal(out.len, LONG);
		assert_memory_equal(out.data, secret, LONG);
		mask_stop(&s);
	}
	buf_release(&out);
	mask_release(&m);
	free(secret);
}

/* No text and no secret makes it slow: trying each place, or going back after
 * each miss, would take minutes here. */
static void linear(void **state)
{
	enum { LONG = 256 * 1024, TEXT = 8 * 1024 * 1024 };
	char *text = mem_alloc(TEXT);
	struct buf out = { 0 };
	clock_t began = clock();
	struct mask m = { 0 };

	(void)state;
	memset(text, 'a', TEXT);
	/* the last byte does not fit, anywhere */
	text[LONG] = 'b';
	mask_add(&m, text, LONG + 1);
	text[LONG] = 'a';
	mask_part(&m, text, TEXT, 0, TEXT, &out);
	assert_int_equal(out.len, TEXT);
	/* and in the middle of it */
	for (size_t i = 1; i < TEXT; i += LONG - 1)
		text[i] = 'c';
	buf_reset(&out);
	mask_part(&m, text, TEXT, 0, TEXT, &out);
	assert_int_equal(out.len, TEXT);
	/* it is everywhere, and each place is one more */
	memset(text, 'a', TEXT);
	mask_add(&m, text, LONG);
	for (size_t i = 1; i < 200; i++)
		mask_add(&m, text, i);
	buf_reset(&out);
	mask_part(&m, text, TEXT, 0, TEXT, &out);
	assert_string_equal(out.data, "***");
	assert_true((double)(clock() - began) / CLOCKS_PER_SEC < 20);
	buf_release(&out);
	mask_release(&m);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known),
		cmocka_unit_test(any_bytes),
		cmocka_unit_test(random_texts),
		cmocka_unit_test(joins_later),
		cmocka_unit_test(long_secret),
		cmocka_unit_test(linear),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
