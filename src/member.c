/* SPDX-License-Identifier: ISC */
#include "member.h"

#include <stddef.h>

#include "json.h"

void member_text(struct buf *out, const char *key, const char *text)
{
	json_key(out, key);
	json_text(out, text);
}

void member_said(struct buf *out, const char *key, const char *text)
{
	json_key(out, key);
	json_said(out, text);
}

void member_number(struct buf *out, const char *key, int64_t n, bool there)
{
	if (!there) {
		member_text(out, key, NULL);
		return;
	}
	json_key(out, key);
	json_number(out, n);
}

void member_seconds(struct buf *out, const char *key, int64_t ms, bool there)
{
	if (!there) {
		member_text(out, key, NULL);
		return;
	}
	json_key(out, key);
	json_seconds(out, ms);
}

void member_money(struct buf *out, const char *key, int64_t cost)
{
	if (cost <= 0) {
		member_text(out, key, NULL);
		return;
	}
	json_key(out, key);
	json_money(out, cost);
}

void member_time(struct buf *out, const char *key, int64_t at)
{
	json_key(out, key);
	json_time(out, at);
}
