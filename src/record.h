/* SPDX-License-Identifier: ISC */
/*
 * record: one record of the state file (or of a keeper's mailbox) ⇄ one line.
 *
 *	SEQ TIME TYPE [KEY=VALUE ...] *CRC\n
 *
 * SEQ counts from 1 without a gap. TIME is RFC 3339 UTC with milliseconds.
 * TYPE and KEY are lower-case letters. In a VALUE a blank, "%", whatever
 * safe.h calls harmful, and newline stand as %XX. "*" marks the first record
 * of a write, "+" each further one of the same write. CRC is the CRC-32C
 * (Castagnoli; RFC 3720, appendix B.4) of the record before it (its four
 * bytes, least first; zero for the first) and of this line up to and with the
 * mark, as 8 lower-case hex digits: a lost line shows as well as a changed one.
 */
#ifndef RECORD_H
#define RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"

enum { RECORD_FIELDS = 24 };

struct record {
	int64_t seq;
	int64_t at;		/* wall, ms */
	bool first;		/* of its write: "*" */
	uint32_t crc;
	const char *type;
	int nfields;
	struct record_field {
		const char *key, *value;
		char number[24]; /* room for record_set_number's value */
	} field[RECORD_FIELDS];
};

/* Writing: start, set fields (strings must live until formatted), format. */
void record_start(struct record *r, const char *type);
void record_set(struct record *r, const char *key, const char *value);
void record_set_number(struct record *r, const char *key, int64_t value);
void record_set_hex(struct record *r, const char *key, uint64_t value);
/* Appends the line to out, using r->seq, r->at, r->first and the CRC of the
 * record before; sets r->crc. */
void record_format(struct record *r, uint32_t before, struct buf *out);

/*
 * Reading. line (n bytes, without its newline) is changed in place and must
 * outlive r. False: not a valid record after one with the CRC `before`.
 */
bool record_parse(char *line, size_t n, uint32_t before, struct record *r);
/* The CRC that the line claims, unchecked; false, *crc untouched: it claims
 * none. */
bool record_claims(const char *line, size_t n, uint32_t *crc);
/* The CRC that it ought to claim after one with the CRC `before`. */
uint32_t record_crc(const char *line, size_t n, uint32_t before);

/* The value of key, or NULL. */
const char *record_get(const struct record *r, const char *key);
/* A number within [least, most]; `absent` when there is no such key. False:
 * not a number, or out of bounds (*value is `absent` then, too). */
bool record_get_number(const struct record *r, const char *key, int64_t least,
	int64_t most, int64_t absent, int64_t *value);
bool record_get_hex(const struct record *r, const char *key, uint64_t *value);

#endif
