/* SPDX-License-Identifier: ISC */
#include "expand.h"

#include <stdbool.h>
#include <string.h>

/* How much of a broken reference a complaint quotes. */
#define QUOTED 40

static bool is_name(const char *s, size_t n)
{
	if (n == 0 || (s[0] >= '0' && s[0] <= '9'))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!((s[i] >= 'a' && s[i] <= 'z') ||
		      (s[i] >= 'A' && s[i] <= 'Z') ||
		      (s[i] >= '0' && s[i] <= '9') || s[i] == '_'))
			return false;
	return true;
}

static int quoted(size_t n)
{
	return n > QUOTED ? QUOTED : (int)n;
}

int expand(const char *text, expand_lookup *lookup, void *ctx,
	struct buf *out, struct why *why)
{
	const char *at = text;

	for (;;) {
		const char *dollar = strchr(at, '$');
		const char *name, *close, *value;
		size_t len;

		if (dollar == NULL) {
			buf_str(out, at);
			return 0;
		}
		buf_add(out, at, (size_t)(dollar - at));
		if (strncmp(dollar, "$${", 3) == 0) {
			buf_str(out, "${");
			at = dollar + 3;
			continue;
		}
		if (dollar[1] != '{') {
			buf_char(out, '$');
			at = dollar + 1;
			continue;
		}
		name = dollar + 2;
		close = strchr(name, '}');
		if (close == NULL)
			return why_set(why, "\"%.*s\" has no closing \"}\"",
				quoted(strlen(dollar)), dollar);
		len = (size_t)(close - name);
		if (!is_name(name, len))
			return why_set(why, "\"${%.*s}\" is no variable: only "
				"${NAME} is replaced, and $${ stands for ${",
				quoted(len), name);
		value = lookup(ctx, name, len);
		if (value == NULL)
			return why_set(why, "${%.*s} is not defined",
				quoted(len), name);
		buf_str(out, value);
		at = close + 1;
	}
}
