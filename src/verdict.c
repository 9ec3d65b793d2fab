/* SPDX-License-Identifier: ISC */
#include "verdict.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "safe.h"

void verdict_say(struct verdict *v, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	safe_format(v->reason, sizeof(v->reason), fmt, ap);
	va_end(ap);
}

int64_t verdict_cost(const struct stepconf *conf, const struct evidence *e)
{
	const char *text[2] = { e->out, e->err };
	size_t n[2] = { e->out_len, e->err_len };
	struct pattern_hit hit;
	double money = -1, said;
	char *rest;
	char number[32];

	for (int i = 0; i < conf->cost_from.n; i++)
		for (int k = 0; k < 2; k++) {
			size_t from = 0, len;

			while (text[k] != NULL && from < n[k] &&
			    pattern_find_from(e->cache, conf->cost_from.v[i],
			    text[k], n[k], from, &hit)) {
				len = (size_t)(hit.group_end -
					hit.group_start);
				if (hit.group_start >= 0 &&
				    len < sizeof(number)) {
					memcpy(number, text[k] +
						hit.group_start, len);
					number[len] = '\0';
					said = strtod(number, &rest);
					if (rest != number && *rest == '\0')
						money = said;
				}
				/* one that is empty is not found again */
				from = (size_t)hit.end + (hit.end ==
					hit.start);
			}
		}
	/* a pattern that found something else: a time, an id */
	if (money >= 0 && money <= (double)TASK_COST_MOST / 1e6)
		return (int64_t)(money * 1e6 + 0.5);
	return -1;
}

struct verdict verdict_of(enum task_state state)
{
	struct verdict v = { .next = NEXT_END, .state = state };

	return v;
}

bool verdict_listed(const struct exits *e, int code)
{
	return code >= 0 && code <= 255 && (e->bit[code / 8] >> code % 8 & 1);
}
