/* SPDX-License-Identifier: ISC */
#include "typed.h"

#include <stddef.h>

#include "quote.h"

static const char *state_dir;

void typed_set_state_dir(const char *dir)
{
	state_dir = dir;
}

const char *typed_state_dir(void)
{
	return state_dir;
}

void typed_options(struct buf *out)
{
	if (state_dir == NULL)
		return;
	buf_str(out, "--state-dir ");
	quote_word(out, state_dir);
	buf_char(out, ' ');
}

void typed_run(const struct pipeline *p, const char *ini, const char *task,
	struct buf *out)
{
	struct buf word = { 0 };
	int i;

	typed_options(out);
	quote_word(out, ini);
	for (i = 0; i < p->nparams; i++) {
		if (!p->param[i].given)
			continue;
		buf_reset(&word);
		buf_printf(&word, "%s=%s", p->param[i].name,
			p->param[i].value);
		buf_char(out, ' ');
		quote_word(out, word.data);
	}
	buf_release(&word);
	if (task != NULL) {
		buf_char(out, ' ');
		quote_word(out, task);
	}
}
