/* SPDX-License-Identifier: ISC */
#include "record.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "safe.h"

/*
 * CRC-32C with the reflected polynomial 0x82f63b78, eight bytes at a time
 * ("slicing-by-8": Kounavis and Berry, 2008). A resume of a million tasks
 * checks some 200 MB.
 */
static uint32_t slice[8][256];

static void fill_slices(void)
{
	uint32_t i, k, c;

	for (i = 0; i < 256; i++) {
		c = i;
		for (k = 0; k < 8; k++)
			c = c & 1 ? c >> 1 ^ 0x82f63b78u : c >> 1;
		slice[0][i] = c;
	}
	for (i = 0; i < 256; i++)
		for (k = 1; k < 8; k++)
			slice[k][i] = slice[k - 1][i] >> 8 ^
				slice[0][slice[k - 1][i] & 0xff];
}

static uint32_t crc32c(uint32_t crc, const void *data, size_t n)
{
	const unsigned char *s = data;

	if (slice[0][1] == 0)
		fill_slices();
	crc = ~crc;
	for (; n >= 8; n -= 8, s += 8) {
		uint32_t low = crc ^ ((uint32_t)s[0] | (uint32_t)s[1] << 8 |
			(uint32_t)s[2] << 16 | (uint32_t)s[3] << 24);

		crc = slice[7][low & 0xff] ^ slice[6][low >> 8 & 0xff] ^
			slice[5][low >> 16 & 0xff] ^ slice[4][low >> 24] ^
			slice[3][s[4]] ^ slice[2][s[5]] ^ slice[1][s[6]] ^
			slice[0][s[7]];
	}
	for (; n > 0; n--, s++)
		crc = crc >> 8 ^ slice[0][(crc ^ *s) & 0xff];
	return ~crc;
}

static uint32_t chained(uint32_t before, const char *line, size_t n)
{
	unsigned char b[4] = {
		before & 0xff, before >> 8 & 0xff, before >> 16 & 0xff,
		before >> 24,
	};

	return crc32c(crc32c(0, b, 4), line, n);
}

void record_start(struct record *r, const char *type)
{
	r->type = type;
	r->nfields = 0;
	r->first = false;
}

void record_set(struct record *r, const char *key, const char *value)
{
	assert(r->nfields < RECORD_FIELDS);
	r->field[r->nfields].key = key;
	r->field[r->nfields].value = value;
	r->nfields++;
}

void record_set_number(struct record *r, const char *key, int64_t value)
{
	char *number = r->field[r->nfields].number;

	snprintf(number, sizeof(r->field[0].number), "%lld", (long long)value);
	record_set(r, key, number);
}

void record_set_hex(struct record *r, const char *key, uint64_t value)
{
	char *number = r->field[r->nfields].number;

	snprintf(number, sizeof(r->field[0].number), "%016llx",
		(unsigned long long)value);
	record_set(r, key, number);
}

static void escape(struct buf *out, const char *value)
{
	size_t n = strlen(value), i = 0, len, plain;

	while (i < n) {
		/* the common run of plain ASCII at once */
		for (plain = i; plain < n && value[plain] > ' ' &&
		    value[plain] < 0x7f && value[plain] != '%'; plain++)
			;
		if (plain > i) {
			buf_add(out, value + i, plain - i);
			i = plain;
			continue;
		}
		len = value[i] == ' ' || value[i] == '%' || value[i] == '\t' ?
			0 : safe_char(value + i, n - i);
		if (len != 0)
			buf_add(out, value + i, len);
		else
			buf_printf(out, "%%%02X", (unsigned char)value[i]);
		i += len != 0 ? len : 1;
	}
}

void record_format(struct record *r, uint32_t before, struct buf *out)
{
	size_t start = out->len;
	char when[CLOCK_RFC3339], head[64];
	int i, n;

	clock_format(r->at, when);
	n = snprintf(head, sizeof(head), "%lld %s ", (long long)r->seq, when);
	buf_add(out, head, (size_t)n);
	buf_str(out, r->type);
	for (i = 0; i < r->nfields; i++) {
		buf_char(out, ' ');
		buf_str(out, r->field[i].key);
		buf_char(out, '=');
		escape(out, r->field[i].value);
	}
	buf_str(out, r->first ? " *" : " +");
	r->crc = chained(before, out->data + start, out->len - start);
	n = snprintf(head, sizeof(head), "%08x\n", r->crc);
	buf_add(out, head, (size_t)n);
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool record_claims(const char *line, size_t n, uint32_t *crc)
{
	uint32_t claim = 0;
	size_t i;
	int d;

	if (n < 8)
		return false;
	for (i = n - 8; i < n; i++) {
		d = hex_digit(line[i]);
		if (d < 0 || (line[i] >= 'A' && line[i] <= 'F'))
			return false;
		claim = claim << 4 | (uint32_t)d;
	}
	*crc = claim;
	return true;
}

uint32_t record_crc(const char *line, size_t n, uint32_t before)
{
	size_t i;

	/* up to and with the last mark: no value holds a blank */
	for (i = n; i >= 2; i--)
		if (line[i - 2] == ' ' &&
		    (line[i - 1] == '*' || line[i - 1] == '+'))
			break;
	return i >= 2 ? chained(before, line, i) : 0;
}

/* Undo escape() in place; false: a broken %XX. */
static bool unescape(char *value)
{
	char *from = strchr(value, '%'), *to = from;

	while (from != NULL && *from != '\0') {
		if (*from == '%') {
			int high = hex_digit(from[1]);
			int low = high < 0 ? -1 : hex_digit(from[2]);

			if (low < 0 || (high == 0 && low == 0))
				return false;
			*to++ = (char)(high << 4 | low);
			from += 3;
		} else {
			*to++ = *from++;
		}
	}
	if (to != NULL)
		*to = '\0';
	return true;
}

/* False: *value is as before. */
static bool number_of(const char *s, int64_t least, int64_t most,
	int64_t *value)
{
	bool negative = *s == '-';
	uint64_t n = 0, limit = (uint64_t)INT64_MAX;
	int64_t number;

	if (negative)
		s++;
	if (*s == '\0')
		return false;
	for (; *s != '\0'; s++) {
		if (*s < '0' || *s > '9' ||
		    n > (limit - (uint64_t)(*s - '0')) / 10)
			return false;
		n = n * 10 + (uint64_t)(*s - '0');
	}
	number = negative ? -(int64_t)n : (int64_t)n;
	if (number < least || number > most)
		return false;
	*value = number;
	return true;
}

/* Cuts the next blank-separated word off *p; NULL at the end. */
static char *word(char **p)
{
	char *start = *p, *end;

	if (start == NULL || *start == '\0')
		return NULL;
	end = strchr(start, ' ');
	if (end != NULL)
		*end = '\0';
	*p = end != NULL ? end + 1 : NULL;
	return start;
}

bool record_parse(char *line, size_t n, uint32_t before, struct record *r)
{
	char *p = line, *w;

	/* " *" and 8 digits */
	if (n < 10 || line[n - 10] != ' ' ||
	    (line[n - 9] != '*' && line[n - 9] != '+') ||
	    !record_claims(line, n, &r->crc) ||
	    chained(before, line, n - 8) != r->crc ||
	    memchr(line, '\0', n) != NULL)
		return false;
	r->first = line[n - 9] == '*';
	line[n - 10] = '\0';
	w = word(&p);
	if (w == NULL || !number_of(w, 1, INT64_MAX, &r->seq))
		return false;
	w = word(&p);
	if (w == NULL || !clock_parse(w, strlen(w), &r->at))
		return false;
	w = word(&p);
	if (w == NULL || *w == '\0')
		return false;
	r->type = w;
	r->nfields = 0;
	while ((w = word(&p)) != NULL) {
		char *eq = strchr(w, '=');

		if (eq == NULL || r->nfields == RECORD_FIELDS)
			return false;
		*eq = '\0';
		if (!unescape(eq + 1))
			return false;
		r->field[r->nfields].key = w;
		r->field[r->nfields].value = eq + 1;
		r->nfields++;
	}
	return true;
}

const char *record_get(const struct record *r, const char *key)
{
	int i;

	for (i = 0; i < r->nfields; i++)
		/* asked some thirty times for each task of a resume */
		if (*r->field[i].key == *key &&
		    strcmp(r->field[i].key, key) == 0)
			return r->field[i].value;
	return NULL;
}

bool record_get_number(const struct record *r, const char *key, int64_t least,
	int64_t most, int64_t absent, int64_t *value)
{
	const char *text = record_get(r, key);

	*value = absent;
	return text == NULL || number_of(text, least, most, value);
}

bool record_get_hex(const struct record *r, const char *key, uint64_t *value)
{
	const char *s = record_get(r, key);
	size_t n;

	*value = 0;
	if (s == NULL)
		return true;
	for (n = 0; s[n] != '\0'; n++) {
		int d = hex_digit(s[n]);

		if (d < 0 || n == 16)
			return false;
		*value = *value << 4 | (uint64_t)d;
	}
	return n > 0;
}
