/* SPDX-License-Identifier: ISC */
#include "choice.h"

#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "msg.h"
#include "names.h"
#include "quote.h"

/* The next word of --only: those between commas and blanks, but for the ones
 * inside brackets, which belong to an item. NULL: no more. *rest moves on. */
static char *next_word(char **rest)
{
	char *word, *at;
	int depth = 0;

	word = *rest + strspn(*rest, ", ");
	for (at = word; *at != '\0'; at++) {
		depth += *at == '[';
		depth -= *at == ']' && depth > 0;
		if (depth == 0 && (*at == ',' || *at == ' '))
			break;
	}
	*rest = at + (*at != '\0');
	*at = '\0';
	return at > word ? word : NULL;
}

static int check(const struct plan *pl, const struct options *o,
	struct why *why)
{
	char *list = mem_dup(o->only != NULL ? o->only : ""), *rest = list;
	struct names found = { 0 };
	char *word;
	int ret = 0;

	while (ret == 0 && (word = next_word(&rest)) != NULL) {
		ret = names_find(pl, word, &found, why);
		/* it is looked for when they are known */
		if (ret == -1 && found.unlisted != -1)
			ret = 0;
	}
	if (ret == 0 && o->until != NULL &&
	    pipeline_find(pl->p, o->until) < 0) {
		ret = names_find(pl, o->until, &found, why);
		if (ret == 0)
			ret = why_set(why, "--until %s: expected one step; "
				"--only takes items and patterns", o->until);
	}
	names_release(&found);
	free(list);
	return ret;
}

int choice_check(const struct session *se, const struct options *o,
	bool anew)
{
	struct state none;
	struct plan first;
	struct why why;
	int ret;

	if (o->only == NULL && o->until == NULL)
		return 0;
	if (!anew) {
		ret = check(&se->plan, o, &why);
	} else {
		state_init(&none);
		plan_init(&first, se->p, &none);
		ret = check(&first, o, &why);
		plan_release(&first);
		state_release(&none);
	}
	if (ret == -1)
		msg_error("%s", why.text);
	return ret == 0 ? 0 : STATUS_USAGE;
}

/* Naming what is done does not run it again. */
static void tell_done(const struct session *se, const char *word)
{
	struct buf line = { 0 };

	buf_printf(&line, "%s %s is done; to run it again: durexec rewind ",
		strpbrk(word, "[/") != NULL ? "item" : "step", word);
	quote_word(&line, se->ini);
	buf_char(&line, ' ');
	quote_word(&line, word);
	msg_note("%s", line.data);
	buf_release(&line);
}

/* STEP[ITEM] or STEP/ITEM, when the items of the step are not known. */
static void want(struct plan *pl, int step, const char *word)
{
	size_t skip = strlen(pl->p->step[step].name), n = strlen(word);
	char *name = mem_printf("%.*s[%s%s", (int)skip, word, word + skip + 1,
		word[n - 1] == ']' && word[skip] == '[' ? "" : "]");

	plan_want(pl, step, name);
	free(name);
}

void choice_make(struct session *se, const struct options *o)
{
	struct plan *pl = &se->plan;
	struct names found = { 0 };
	char *list, *word, *rest;
	struct why why;
	size_t i, done;

	list = rest = mem_dup(o->only != NULL ? o->only : "");
	while ((word = next_word(&rest)) != NULL) {
		if (names_find(pl, word, &found, &why) == -1 &&
		    found.unlisted != -1)
			want(pl, found.unlisted, word);
		for (i = done = 0; i < found.n; i++) {
			int unit = found.unit[i], step = plan_step(pl, unit);

			plan_choose(pl, unit);
			done += plan_unit(pl, unit)->state == TASK_DONE &&
				(pl->unit[unit].item != -1 ||
				plan_settled(pl, step));
		}
		if (done > 0 && done == found.n)
			tell_done(se, word);
	}
	if (o->until != NULL)
		plan_choose_until(pl, pipeline_find(se->p, o->until));
	if (pl->choosing)
		plan_rebuild(pl);
	names_release(&found);
	free(list);
}

void choice_missed(const struct session *se, const struct options *o)
{
	char *list = mem_dup(o->only != NULL ? o->only : ""), *rest = list;
	struct names found = { 0 };
	char *word;
	struct why why;

	while ((word = next_word(&rest)) != NULL)
		if (names_find(&se->plan, word, &found, &why) == -1)
			msg_error("%s", why.text);
	names_release(&found);
	free(list);
}
