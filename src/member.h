/* SPDX-License-Identifier: ISC */
/* member: members of a JSON object; what is absent is null. */
#ifndef MEMBER_H
#define MEMBER_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"

/* NULL is null. */
void member_text(struct buf *out, const char *key, const char *text);
/* The same of what a program or a person said, or called an item: without
 * secrets. */
void member_said(struct buf *out, const char *key, const char *text);
void member_number(struct buf *out, const char *key, int64_t n, bool there);
void member_seconds(struct buf *out, const char *key, int64_t ms, bool there);
/* Null when nothing was paid. */
void member_money(struct buf *out, const char *key, int64_t cost);
/* 0 is null. */
void member_time(struct buf *out, const char *key, int64_t at);

#endif
