/* SPDX-License-Identifier: ISC */
/* json: writing JSON (RFC 8259) into a buffer. Commas are set by itself: a
 * value is preceded by one unless it is the first. */
#ifndef JSON_H
#define JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"

void json_open(struct buf *b, char bracket);	/* { or [ */
void json_close(struct buf *b, char bracket);	/* } or ] */
/* "key": — what follows is its value. Inside an object only. */
void json_key(struct buf *b, const char *key);
/* NULL is null; what is not UTF-8 becomes U+FFFD. */
void json_text(struct buf *b, const char *text);
/* The same of what a program or a person said: without secrets (safe.h). */
void json_said(struct buf *b, const char *text);
void json_number(struct buf *b, int64_t n);
void json_bool(struct buf *b, bool yes);
/* Milliseconds as seconds with three decimals. */
void json_seconds(struct buf *b, int64_t ms);
/* RFC 3339; 0 is null. */
/* millionths, as a number with up to six decimals */
void json_money(struct buf *b, int64_t millionths);
void json_time(struct buf *b, int64_t at);

#endif
