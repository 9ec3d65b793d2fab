/* SPDX-License-Identifier: ISC */
/*
 * checksum: what a line claims; and lines that carry a right checksum, so that
 * a fuzzer gets beyond it.
 */
#ifndef CHECKSUM_H
#define CHECKSUM_H

#include <stdbool.h>
#include <stdint.h>

#include "../unit/sealing.h"
#include "buf.h"

/* What a line (n bytes without newline) claims; false: nothing. */
static inline bool checksum_claim(const char *line, size_t n, uint32_t *crc)
{
	*crc = 0;
	if (n < 10 || line[n - 10] != ' ' ||
	    (line[n - 9] != '*' && line[n - 9] != '+'))
		return false;
	for (size_t i = n - 8; i < n; i++) {
		char c = line[i];

		if (c >= '0' && c <= '9')
			*crc = *crc << 4 | (uint32_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			*crc = *crc << 4 | (uint32_t)(c - 'a' + 10);
		else
			return false;
	}
	return true;
}

/* Append "SEQ WHEN body *CRC\n"; returns the CRC. */
static inline uint32_t checksum_seal(struct buf *out, long seq,
	const char *when, const char *body, size_t n, char mark,
	uint32_t before)
{
	struct buf line = { 0 };
	uint32_t crc;

	buf_printf(&line, "%ld %s ", seq, when);
	if (n > 0)
		buf_add(&line, body, n);
	crc = seal_bytes(out, before, line.data, line.len, mark);
	buf_release(&line);
	return crc;
}

#endif
