/* SPDX-License-Identifier: ISC */
/*
 * sealing: the checksum of a record, computed a second time and bit by bit
 * from what record.h says, so that a test can make lines that durexec never
 * writes.
 */
#ifndef SEALING_H
#define SEALING_H

#include <stdint.h>
#include <string.h>

#include "buf.h"

static inline uint32_t sealing_crc(uint32_t crc, const void *data, size_t n)
{
	const unsigned char *s = data;
	size_t i;
	int bit;

	crc = ~crc;
	for (i = 0; i < n; i++) {
		crc ^= s[i];
		for (bit = 0; bit < 8; bit++)
			crc = crc & 1 ? crc >> 1 ^ 0x82f63b78u : crc >> 1;
	}
	return ~crc;
}

/* The CRC of a line (up to and with its mark) after `before`. */
static inline uint32_t sealing_of(uint32_t before, const char *line, size_t n)
{
	unsigned char b[4] = { before & 0xff, before >> 8 & 0xff,
		before >> 16 & 0xff, before >> 24 };

	return sealing_crc(sealing_crc(0, b, 4), line, n);
}

/* Append line (without mark), a mark, its CRC and a newline; the CRC. */
static inline uint32_t seal_bytes(struct buf *out, uint32_t before,
	const char *line, size_t n, char mark)
{
	size_t start = out->len;
	uint32_t crc;

	buf_add(out, line, n);
	buf_char(out, ' ');
	buf_char(out, mark);
	crc = sealing_of(before, out->data + start, out->len - start);
	buf_printf(out, "%08x\n", crc);
	return crc;
}

static inline uint32_t seal(struct buf *out, uint32_t before,
	const char *line)
{
	return seal_bytes(out, before, line, strlen(line), '*');
}

#endif
