/* SPDX-License-Identifier: ISC */
#include "refs.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "expand.h"
#include "guess.h"
#include "inifile.h"
#include "values.h"

/* Longer than any name that can be meant: prefix, step and NAME of
 * DUREXEC_<step>_NAME may each be a long one. */
#define LONGEST (4 * INIFILE_NAME)

/* No value may grow beyond what Linux takes as one argument or variable. */
#define MOST (128 * 1024)

/* What durexec sets begins with this; then what every step sees, and, last, an
 * item. */
#define PREFIX "DUREXEC_"
#define PREFIX_LEN (sizeof(PREFIX) - 1)

static const char *const own[] = {
	"RUN", "STARTED", "STEP", "ATTEMPT", "KEY", "SESSION", "DIR",
	"OUTPUT", "PREVIOUS", "PREVIOUS_LOG", "WAIT", "ITEM",
};
#define OWN (sizeof(own) / sizeof(own[0]))

/* What the items of fan-outs see besides. */
static const char *const item[] = {
	"ITEM", "ITEM_INDEX", "ITEM_NAME", "ITEM_BASE", "ITEM_DIR",
};
#define ITEMS (sizeof(item) / sizeof(item[0]))

static bool among(const char *const *words, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(words[i], name) == 0)
			return true;
	return false;
}

bool refs_is_item(const char *name)
{
	return among(item, ITEMS, name);
}

char *refs_variable(struct draft *d, const char *name)
{
	char *copy = arena_dup(&d->arena, name);

	for (char *c = copy; *c != '\0'; c++)
		if (*c == '-' || *c == '.')
			*c = '_';
	return copy;
}

/* The step of that name as it stands in variables, or TABLE_NONE. */
static int find_step(struct draft *d, const char *name)
{
	struct pipeline *p = d->p;

	if (d->ambiguous == NULL) {
		d->ambiguous = mem_alloc((size_t)p->nsteps);
		for (int i = 0; i < p->nsteps; i++) {
			char *v = refs_variable(d, p->step[i].name);
			int other = table_get(&d->variables, v);

			if (other == TABLE_NONE)
				table_put(&d->variables, v, i);
			else
				d->ambiguous[other] = true;
		}
	}
	return table_get(&d->variables, name);
}

/* DUREXEC_<step>_NAME: each "_" may be the one behind the step. */
static int find_step_of(struct draft *d, const char *name)
{
	char step[INIFILE_NAME + 1];

	for (const char *at = strchr(name, '_'); at != NULL;
	     at = strchr(at + 1, '_')) {
		size_t n = (size_t)(at - name);
		int found;

		if (n > INIFILE_NAME || at[1] == '\0')
			break;
		memcpy(step, name, n);
		step[n] = '\0';
		found = find_step(d, step);
		if (found != TABLE_NONE)
			return found;
	}
	return TABLE_NONE;
}

struct looking {
	struct draft *d;
	const struct refs_scope *scope;	/* NULL: refs_expand */
	int line, upto;
	const char *prefix;
	size_t grown;
	bool complained;
	bool steps;		/* it names a variable of some step */
	bool regex;
	struct buf escaped;	/* with regex: of the last value */
};

static void undefined(struct looking *l, char *hint, const char *name,
	const char *what)
{
	l->complained = true;
	draft_complain(l->d, l->line, hint, "%s: ${%s} %s", l->prefix, name,
		what);
}

static bool is_own(const char *name)
{
	return strncmp(name, PREFIX, PREFIX_LEN) == 0;
}

/* ITEM and the like, or DUREXEC_ITEM. */
static void check_item(struct looking *l, const char *name)
{
	if (l->scope->items == REFS_ITEMS_LATER)
		undefined(l, NULL, name, "is known to items only, and this is "
			"read before there are any");
	else if (l->scope->items == REFS_NO_ITEMS)
		undefined(l, mem_printf("put this into steps that have "
			"foreach or foreach_from"), name,
			"is known to items of a fan-out only");
}

/* A step sees what those that it needs left, and no others. */
static void check_needed(struct looking *l, const char *name, int of)
{
	struct draft *d = l->d;
	int step = l->scope->step;
	const char *other = d->p->step[of].name;

	l->steps = true;
	if (d->ambiguous[of] || (step != -1 && draft_needs(d, step, of)))
		return;
	if (step == -1)
		undefined(l, mem_printf("put this into steps that need \"%s\"",
			other), name, "is not known to all steps");
	else if (step == of)
		undefined(l, NULL, name, "is known only when the step is "
			"done");
	else
		undefined(l, d->p->step[step].needs_all ?
			mem_printf("put [step %s] above it", other) :
			mem_printf("add \"%s\" to the needs of \"%s\"",
				other, d->p->step[step].name),
			name, "belongs to a step that this one does not need");
}

/* An attempt has a slot of one pool, and knows it by that pool's name. */
static void check_slot(struct looking *l, const char *whole, const char *name)
{
	struct draft *d = l->d;
	struct pipeline *p = d->p;
	int step = l->scope->step, found = -1;
	int used = step != -1 ? p->step[step].conf->pool : -1;
	char *hint = NULL;

	for (int i = 0; i < p->npools; i++)
		if (strcmp(refs_variable(d, p->pool[i].name), name) == 0 &&
		    (found == -1 || i == used))
			found = i;
	if (found != -1 && found == used)
		return;
	if (used != -1)
		hint = mem_printf("did you mean ${" PREFIX "SLOT_%s}?",
			refs_variable(d, p->pool[used].name));
	else if (found != -1)
		hint = mem_printf("put this into steps that say \"pool = "
			"%s\"", p->pool[found].name);
	undefined(l, hint, whole, found == -1 ? "names no pool of this file" :
		step == -1 ? "is not known to all steps" :
		"belongs to a pool that this step does not use");
}

/* A name that begins with DUREXEC_. */
static void check_own(struct looking *l, const char *whole)
{
	static const char *const of_step[] = { "OUT_", "RESULT_" };
	struct draft *d = l->d;
	const char *name = whole + PREFIX_LEN;
	const char *meant;
	int step;

	if (strcmp(name, "ITEM") == 0)
		check_item(l, whole);
	if (among(own, OWN, name))
		return;
	if (strncmp(name, "SLOT_", 5) == 0) {
		check_slot(l, whole, name + 5);
		return;
	}
	for (int i = 0; i < 2; i++) {
		size_t n = strlen(of_step[i]);

		if (strncmp(name, of_step[i], n) != 0)
			continue;
		step = find_step(d, name + n);
		if (step != TABLE_NONE) {
			check_needed(l, whole, step);
			return;
		}
		meant = draft_guess_step(d, name + n);
		undefined(l, meant == NULL ? NULL :
			mem_printf("did you mean ${" PREFIX "%s%s}?",
				of_step[i], refs_variable(d, meant)),
			whole, "names no step of this file");
		return;
	}
	step = find_step_of(d, name);
	if (step != TABLE_NONE) {
		check_needed(l, whole, step);
		return;
	}
	meant = guess(name, own, OWN);
	undefined(l, meant == NULL ? NULL :
		mem_printf("did you mean ${" PREFIX "%s}?", meant),
		whole, "is none of the variables that durexec sets");
}

/* The names in our environment. */
static const struct strlist *environment(struct draft *d)
{
	struct strlist *list = &d->environment;
	size_t n = 0;

	if (list->v != NULL)
		return list;
	/* clearenv() leaves NULL */
	while (environ != NULL && environ[n] != NULL)
		n++;
	list->v = arena_alloc(&d->arena, (n + 1) * sizeof(*list->v));
	for (size_t i = 0; i < n; i++)
		list->v[list->n++] = arena_dupn(&d->arena, environ[i],
			strcspn(environ[i], "="));
	return list;
}

/* What was probably meant. except: the parameter whose default is read; that
 * one was not. A name that begins with DUREXEC_ does not come here. */
static const char *guess_variable(struct draft *d, const char *name,
	int except, bool items)
{
	struct pipeline *p = d->p;
	const struct strlist *env = environment(d);
	const char **words, *meant;
	size_t n = 0;

	if (d->guesses > DRAFT_GUESSES)
		return NULL;
	words = mem_alloc(((size_t)(p->nparams + env->n) + ITEMS) *
		sizeof(*words));
	for (int i = 0; i < p->nparams; i++)
		if (i != except)
			words[n++] = p->param[i].name;
	for (int i = 0; i < env->n; i++)
		words[n++] = env->v[i];
	for (size_t i = 0; i < ITEMS && items; i++)
		words[n++] = item[i];
	meant = draft_guess(d, name, words, n);
	free(words);
	return meant;
}

static char *suggest(struct draft *d, const char *name, int except,
	bool items)
{
	const char *meant = guess_variable(d, name, except, items);

	if (meant != NULL)
		return mem_printf("did you mean ${%s}?", meant);
	return mem_printf("declare it in [params], or set it in the "
		"environment");
}

static int param_index(const struct draft *d, const char *name)
{
	return table_get(&d->params_table, name);
}

static const char *look_for_check(struct looking *l, const char *name)
{
	const struct refs_scope *s = l->scope;

	/* Items have their own, whatever our environment has. */
	if (s->items != REFS_NO_ITEMS && refs_is_item(name)) {
		check_item(l, name);
		return "";
	}
	if (getenv(name) != NULL)
		return "";
	if (is_own(name)) {
		check_own(l, name);
		return "";
	}
	if (param_index(l->d, name) != TABLE_NONE || s->env_file)
		return "";
	for (size_t i = 0; i < sizeof(s->env) / sizeof(s->env[0]); i++)
		if (s->env[i] != NULL &&
		    table_get(s->env[i], name) != TABLE_NONE)
			return "";
	if (refs_is_item(name))
		check_item(l, name);
	else
		undefined(l, suggest(l->d, name, -1, s->items == REFS_ITEMS),
			name, "is not defined");
	return "";
}

static const char *look_for_expand(struct looking *l, const char *name)
{
	struct pipeline *p = l->d->p;
	int i = param_index(l->d, name);
	const char *value = NULL;

	if (i != TABLE_NONE && (i < l->upto || p->param[i].given))
		value = p->param[i].value;
	else if (i == TABLE_NONE || i == l->upto)
		/* ${PATH} in the default of PATH is the one outside */
		value = getenv(name);
	if (value != NULL) {
		l->grown += strlen(value);
		if (l->grown <= MOST)
			return value;
		if (!l->complained)
			undefined(l, NULL, name, "makes it longer than "
				"128 KiB");
	} else if (i != TABLE_NONE && i > l->upto) {
		undefined(l, mem_printf("move \"%s\" above it", name), name,
			"is declared further down");
	} else if (is_own(name)) {
		undefined(l, NULL, name, "is known to steps only, and this is "
			"read before the first one starts");
	} else if (refs_is_item(name)) {
		undefined(l, NULL, name, "is known to items of a fan-out "
			"only, and this is read before the first step starts");
	} else {
		undefined(l, suggest(l->d, name, l->upto, false), name,
			"is not defined");
	}
	return "";
}

/* What would mean something in a regular expression stands for itself. */
static const char *escape(struct looking *l, const char *value)
{
	buf_reset(&l->escaped);
	buf_str(&l->escaped, "");
	for (; *value != '\0'; value++) {
		/* "]" and "}" alone are plain characters */
		if (strchr("\\.[(){*+?|^$", *value) != NULL)
			buf_char(&l->escaped, '\\');
		buf_char(&l->escaped, *value);
	}
	return l->escaped.data;
}

static const char *look(void *ctx, const char *name, size_t len)
{
	struct looking *l = ctx;
	char *copy = mem_dupn(name, len);
	const char *value;

	if (len > LONGEST - 1) {
		undefined(l, NULL, copy, "is not defined");
		value = "";
	} else {
		value = l->scope != NULL ? look_for_check(l, copy) :
			look_for_expand(l, copy);
	}
	free(copy);
	return l->regex ? escape(l, value) : value;
}

static int each(struct looking *l, const char *text, struct buf *out)
{
	struct why why;

	/* The lookup always answers, so this is about a broken "${". */
	if (expand(text, look, l, out, &why) == -1) {
		draft_complain(l->d, l->line, NULL, "%s: %s", l->prefix,
			why.text);
		l->complained = true;
	}
	return l->complained ? -1 : 0;
}

bool refs_check(struct draft *d, const struct refs_scope *scope, int line,
	const char *prefix, const char *text)
{
	struct looking l = { .d = d, .scope = scope, .line = line,
		.prefix = prefix };
	struct buf out = { 0 };

	if (strstr(text, "${") == NULL)
		return false;
	each(&l, text, &out);
	buf_release(&out);
	return l.steps;
}

int refs_expand(struct draft *d, int line, const char *prefix,
	const char *text, int upto, struct buf *out)
{
	struct looking l = { .d = d, .line = line, .upto = upto,
		.prefix = prefix };

	return each(&l, text, out);
}

int refs_expand_regex(struct draft *d, int line, const char *prefix,
	const char *text, struct buf *out)
{
	struct looking l = { .d = d, .line = line, .upto = d->p->nparams,
		.prefix = prefix, .regex = true };
	int ret = each(&l, text, out);

	buf_release(&l.escaped);
	return ret;
}

struct strlist refs_words(struct draft *d, int line, const char *prefix,
	const char *text)
{
	struct strlist list = values_list(&d->arena, text);
	struct buf b = { 0 };
	int n = 0;

	for (int i = 0; i < list.n; i++) {
		if (strchr(list.v[i], '$') != NULL) {
			buf_reset(&b);
			buf_str(&b, "");
			if (refs_expand(d, line, prefix, list.v[i],
			    d->p->nparams, &b) == -1)
				continue;
			list.v[i] = arena_dup(&d->arena, b.data);
		}
		list.v[n++] = list.v[i];
	}
	list.n = n;
	buf_release(&b);
	return list;
}
