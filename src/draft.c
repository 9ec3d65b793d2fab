/* SPDX-License-Identifier: ISC */
#include "draft.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "guess.h"
#include "inifile.h"
#include "values.h"

void draft_complain(struct draft *d, int line, char *hint,
	const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	complaints_addv(d->complaints, d->file, line, hint, fmt, ap);
	va_end(ap);
	free(hint);
}

const char *draft_guess(struct draft *d, const char *word,
	const char *const *words, size_t n)
{
	double len = (double)strlen(word);

	d->guesses += (double)n * (len * len + 1);
	return d->guesses > DRAFT_GUESSES ? NULL : guess(word, words, n);
}

const char *draft_guess_named(struct draft *d, const struct namedlist *list,
	const char *word)
{
	const char **names;
	const char *meant;

	if (list->n == 0 || d->guesses > DRAFT_GUESSES)
		return NULL;
	names = mem_alloc((size_t)list->n * sizeof(*names));
	for (int i = 0; i < list->n; i++)
		names[i] = list->v[i].name;
	meant = draft_guess(d, word, names, (size_t)list->n);
	free(names);
	return meant;
}

const char *draft_guess_step(struct draft *d, const char *word)
{
	struct pipeline *p = d->p;
	const char **names;
	const char *meant;

	if (p->nsteps == 0 || d->guesses > DRAFT_GUESSES)
		return NULL;
	names = mem_alloc((size_t)p->nsteps * sizeof(*names));
	for (int i = 0; i < p->nsteps; i++)
		names[i] = p->step[i].name;
	meant = draft_guess(d, word, names, (size_t)p->nsteps);
	free(names);
	return meant;
}

char *draft_meant_step(struct draft *d, const char *word)
{
	const char *meant = draft_guess_step(d, word);

	return meant != NULL ? mem_printf("did you mean \"%s\"?", meant) :
		NULL;
}

const struct setting *draft_find(const struct draft *d,
	const struct block *block, int id)
{
	for (int i = block->first; i < block->first + block->n; i++)
		if (d->setting[i].id == id)
			return &d->setting[i];
	return NULL;
}

const char *draft_items_of(const struct stepconf *c)
{
	return c->foreach.n == 1 ? values_step(c->foreach.v[0]) : NULL;
}

bool draft_needs(struct draft *d, int step, int other)
{
	const struct step *s = &d->p->step[step];

	if (s->needs_all)
		return other < step &&
			d->p->step[other].conf->always == ALWAYS_NO;
	/* A long list that steps share is not read again for each of them. */
	if (s->nneeds > 0 && s->needs == d->common)
		return d->in_common[other];
	if (d->marked != step) {
		for (int i = 0; i < s->nneeds; i++)
			d->mark[s->needs[i]] = step + 1;
		d->marked = step;
	}
	return d->mark[other] == step + 1;
}

void draft_turn(struct draft *d, struct source *source, const char *file)
{
	d->source = source;
	d->file = file;
}

int draft_value_line(struct draft *d, int line, int n)
{
	struct source *s = d->source;

	/* Asked in the order of lines as a rule: go on where we were. */
	if (s->line == 0 || s->line > line) {
		s->line = 1;
		s->at = 0;
	}
	while (s->line < line) {
		const char *newline = memchr(s->text + s->at, '\n',
			s->len - s->at);

		if (newline == NULL)
			return line;
		s->at = (size_t)(newline + 1 - s->text);
		s->line++;
	}
	return line + inifile_value_line(s->text + s->at, s->len - s->at, n);
}

static void release_named(struct namedlist *list)
{
	free(list->v);
	table_release(&list->names);
}

void draft_release(struct draft *d)
{
	arena_release(&d->arena);
	free(d->setting);
	free(d->step);
	release_named(&d->pool);
	release_named(&d->preset);
	for (int i = 0; i < d->nvariants; i++)
		table_release(&d->variant[i].env);
	free(d->variant);
	free(d->variant_of);
	free(d->in_common);
	free(d->mark);
	free(d->ambiguous);
	table_release(&d->params_table);
	table_release(&d->variables);
}
