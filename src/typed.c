/* SPDX-License-Identifier: ISC */
#include "typed.h"

#include "quote.h"

void typed_run(const struct pipeline *p, const char *ini, const char *task,
	struct buf *out)
{
	struct buf word = { 0 };
	int i;

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
