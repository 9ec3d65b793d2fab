/* SPDX-License-Identifier: ISC */
#include "given.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "guess.h"
#include "inifile.h"
#include "values.h"
#include "words.h"

/* MAX_ARG_STRLEN, of which one byte is the NUL. */
#define LONGEST_ARGUMENT (128 * 1024 - 1)

/* More keepers than that is a typing error. */
#define MOST_JOBS 1024

/* How much of a wrong value a complaint quotes. */
#define QUOTED 60

void given_bad(struct draft *d, const struct setting *s, const char *key,
	const char *value, char *hint, const char *expected)
{
	size_t n = strcspn(value, "\n");
	bool cut = value[n] != '\0' || n > QUOTED;

	if (*value == '\0')
		draft_complain(d, s->line, hint, "%s is empty: %s", key,
			expected);
	else
		draft_complain(d, s->line, hint, "%s = %.*s%s: %s", key,
			n > QUOTED ? QUOTED : (int)n, value,
			cut ? "..." : "", expected);
}

char *given_now(struct draft *d, const struct setting *s, const char *key,
	struct buf *buf)
{
	buf_reset(buf);
	buf_str(buf, "");
	if (refs_expand(d, s->line, key, s->value, d->p->nparams, buf) == -1)
		return NULL;
	return values_trim(buf->data);
}

const char *given_line(struct draft *d, const struct setting *s,
	const char *key)
{
	char *text = values_trim(arena_dup(&d->p->arena, s->value));

	if (strchr(text, '\n') != NULL) {
		given_bad(d, s, key, text, mem_printf("begin the line below "
			"it in column 0 if it is a key"),
			"it goes on in the next line, but one was expected");
		return NULL;
	}
	return *text != '\0' ? text : NULL;
}

void given_size(struct draft *d, int line, const char *key, size_t len)
{
	if (len > LONGEST_ARGUMENT)
		draft_complain(d, line, mem_printf("put it into a file"),
			"%s is %zu bytes long, and Linux hands over at most "
			"%d (128 KiB)", key, len, LONGEST_ARGUMENT);
}

void given_name(struct draft *d, int line, const char *name)
{
	if (refs_is_item(name))
		draft_complain(d, line, mem_printf("give it another name"),
			"\"%s\" is what items of fan-outs have: no other "
			"variable can be called so", name);
}

const char *given_script(struct draft *d, const struct setting *s,
	const char *key)
{
	size_t len = strlen(s->value), longest;
	char **argv = NULL;

	/* what needs no shell is handed over word by word */
	if (len > LONGEST_ARGUMENT)
		argv = words_split(s->value, &longest);
	given_size(d, s->line, key, argv != NULL ? longest : len);
	free(argv);
	return s->value[strspn(s->value, " \t\n")] != '\0' ? s->value : NULL;
}

static void declare(struct draft *d)
{
	struct pipeline *p = d->p;

	p->param = mem_alloc((size_t)d->params.n * sizeof(*p->param));
	for (int i = 0; i < d->params.n; i++) {
		const struct setting *s = &d->setting[d->params.first + i];

		p->param[i].name = s->name;
		p->param[i].value = s->value;
		p->param[i].line = s->line;
		given_name(d, s->line, s->name);
		table_put(&d->params_table, s->name, i);
	}
	p->nparams = d->params.n;
}

static void not_declared(struct draft *d, const char *name)
{
	struct pipeline *p = d->p;
	const char **names = mem_alloc((size_t)p->nparams * sizeof(*names));
	const char *meant;
	char *hint;

	for (int i = 0; i < p->nparams; i++)
		names[i] = p->param[i].name;
	meant = guess(name, names, (size_t)p->nparams);
	if (meant != NULL)
		hint = mem_printf("did you mean %s=...?", meant);
	else if (p->nparams == 0)
		hint = mem_printf("this file takes none: it has no [params]");
	else
		hint = mem_printf("it declares %s%s%s%s", names[0],
			p->nparams > 1 ? ", " : "",
			p->nparams > 1 ? names[1] : "",
			p->nparams > 2 ? ", ..." : "");
	draft_complain(d, 0, hint, "[params] declares no \"%.*s\"", QUOTED,
		name);
	free(names);
}

static void take(struct draft *d, const char *argument)
{
	const char *equals = strchr(argument, '=');
	char *name;
	int i;

	if (equals == NULL) {
		draft_complain(d, 0, mem_printf("parameters are given as "
			"NAME=VALUE"), "\"%.*s\" has no \"=\"", QUOTED,
			argument);
		return;
	}
	name = mem_dupn(argument, (size_t)(equals - argument));
	i = table_get(&d->params_table, name);
	if (!values_is_variable(name)) {
		draft_complain(d, 0, NULL, "\"%.*s\" is no NAME=VALUE: a name "
			"has letters, digits and \"_\"", QUOTED, argument);
	} else if (i == TABLE_NONE) {
		not_declared(d, name);
	} else if (d->p->param[i].given) {
		draft_complain(d, 0, NULL, "\"%s\" is given twice", name);
	} else {
		given_size(d, 0, name, strlen(argument));
		d->p->param[i].value = arena_dup(&d->p->arena, equals + 1);
		d->p->param[i].given = true;
	}
	free(name);
}

void given_params(struct draft *d, char *const *given, size_t ngiven)
{
	struct pipeline *p = d->p;
	struct buf out = { 0 };

	declare(d);
	for (size_t i = 0; i < ngiven; i++)
		take(d, given[i]);
	for (int i = 0; i < p->nparams; i++) {
		struct param *param = &p->param[i];

		if (param->given)
			continue;
		if (strchr(param->value, '$') != NULL) {
			buf_reset(&out);
			/* On a complaint nobody will use the value. */
			if (refs_expand(d, param->line, param->name,
			    param->value, i, &out) == 0)
				param->value = arena_dup(&p->arena, out.data);
		}
		given_size(d, param->line, param->name,
			strlen(param->name) + 1 + strlen(param->value));
	}
	buf_release(&out);
}

/* The name becomes a directory, and "@" stands between it and parameters. */
static void read_name(struct draft *d, const struct setting *s,
	const char *name)
{
	bool bad = *name == '\0' || *name == '.' || *name == '-' ||
		strlen(name) > INIFILE_NAME;

	for (const char *c = name; *c != '\0'; c++)
		if ((unsigned char)*c < ' ' || *c == '/' || *c == '@' ||
		    *c == '\x7f')
			bad = true;
	if (bad)
		given_bad(d, s, "name", name, NULL, "expected a name of at "
			"most 48 bytes without \"/\" and \"@\", beginning "
			"with neither \".\" nor \"-\"");
	else
		d->p->name = arena_dup(&d->p->arena, name);
}

static int read_when_done(const char *text, enum when_done *when,
	struct why *why)
{
	if (strcmp(text, "again") == 0)
		*when = WHEN_DONE_AGAIN;
	else if (strcmp(text, "leave") == 0)
		*when = WHEN_DONE_STOP;
	else
		return why_set(why, "expected \"leave\" or \"again\"");
	return 0;
}

static int read_keep_logs(const char *text, enum keep_logs *keep,
	struct why *why)
{
	if (strcmp(text, "failed") == 0)
		*keep = KEEP_LOGS_FAILED;
	else if (strcmp(text, "all") == 0)
		*keep = KEEP_LOGS_ALL;
	else
		return why_set(why, "expected \"all\" or \"failed\"");
	return 0;
}

/* What holds for all steps, and so needs none of their variables. */
static void read_now(struct draft *d, const struct setting *s,
	const char *key)
{
	struct pipeline *p = d->p;
	struct buf buf = { 0 };
	struct why why;
	char *text = given_now(d, s, key, &buf);
	int bad = 0;

	if (text == NULL)
		goto out;
	switch ((enum pipeline_key)s->id) {
	case PIPELINE_NAME:
		read_name(d, s, text);
		break;
	case PIPELINE_DESCRIPTION:
		p->description = *text != '\0' ?
			arena_dup(&p->arena, text) : NULL;
		break;
	case PIPELINE_STATE_DIR:
		p->state_dir = *text != '\0' ?
			arena_dup(&p->arena, text) : NULL;
		break;
	case PIPELINE_SHELL:
		p->shell = *text != '\0' ? arena_dup(&p->arena, text) : NULL;
		p->shell_line = s->line;
		break;
	case PIPELINE_JOBS:
		bad = values_int(text, 1, MOST_JOBS, &p->jobs, &why);
		break;
	case PIPELINE_TIMEOUT:
		bad = values_duration(text, &p->timeout_ms, &why);
		break;
	case PIPELINE_FAIL_FAST:
		bad = values_fail_fast(text, &p->fail_fast,
			&p->fail_fast_percent, &why);
		break;
	case PIPELINE_KEEP_RUNS:
		bad = values_int(text, 1, INT_MAX, &p->keep_runs, &why);
		break;
	case PIPELINE_KEEP_LOGS:
		bad = read_keep_logs(text, &p->keep_logs, &why);
		break;
	case PIPELINE_WHEN_DONE:
		bad = read_when_done(text, &p->when_done, &why);
		break;
	case PIPELINE_MAX_AGE:
		bad = values_duration(text, &p->max_age_ms, &why);
		break;
	case PIPELINE_BUDGET:
		bad = values_money(text, &p->budget, &why);
		break;
	case PIPELINE_WORKDIR:
	case PIPELINE_ENV_FILE:
	case PIPELINE_ENV:
	case PIPELINE_ON_DONE:
	case PIPELINE_ON_REVIEW:
	case PIPELINE_ON_WAIT:
	case PIPELINE_ON_EXIT:
	case PIPELINE_COUNT:
		break;
	}
	if (bad == -1)
		given_bad(d, s, key, text, NULL, why.text);
out:
	buf_release(&buf);
}

static void read_env(struct draft *d, const struct setting *s)
{
	struct pipeline *p = d->p;
	struct envvar *v;

	if (p->env.v == NULL)
		p->env.v = arena_alloc(&p->arena, (size_t)d->pipeline.n *
			sizeof(*p->env.v));
	v = &p->env.v[p->env.n++];
	v->name = s->name;
	v->value = s->value;
	v->line = s->line;
	given_name(d, s->line, s->name);
	given_size(d, s->line, s->name, strlen(s->name) + 1 +
		strlen(s->value));
}

void given_pipeline(struct draft *d)
{
	struct pipeline *p = d->p;
	size_t n;
	const struct key *keys = keys_of(SECTION_PIPELINE, &n);

	p->keep_runs = 20;
	p->budget = -1;
	for (int i = 0; i < d->pipeline.n; i++) {
		const struct setting *s = &d->setting[d->pipeline.first + i];
		const char *key = NULL;

		for (size_t k = 0; k < n && key == NULL; k++)
			if (keys[k].id == s->id)
				key = keys[k].name;
		switch ((enum pipeline_key)s->id) {
		case PIPELINE_WORKDIR:
			p->workdir = given_line(d, s, key);
			p->workdir_line = s->line;
			break;
		case PIPELINE_ENV_FILE:
			p->env_file = given_line(d, s, key);
			p->env_file_line = s->line;
			break;
		case PIPELINE_ENV:
			read_env(d, s);
			break;
		case PIPELINE_NAME:
		case PIPELINE_DESCRIPTION:
		case PIPELINE_JOBS:
		case PIPELINE_SHELL:
		case PIPELINE_STATE_DIR:
		case PIPELINE_TIMEOUT:
		case PIPELINE_FAIL_FAST:
		case PIPELINE_KEEP_RUNS:
		case PIPELINE_KEEP_LOGS:
		case PIPELINE_WHEN_DONE:
		case PIPELINE_MAX_AGE:
		case PIPELINE_BUDGET:
			read_now(d, s, key);
			break;
		case PIPELINE_ON_DONE:
			p->hook[HOOK_DONE] = given_script(d, s, key);
			break;
		case PIPELINE_ON_REVIEW:
			p->hook[HOOK_REVIEW] = given_script(d, s, key);
			break;
		case PIPELINE_ON_WAIT:
			p->hook[HOOK_WAIT] = given_script(d, s, key);
			break;
		case PIPELINE_ON_EXIT:
			p->hook[HOOK_EXIT] = given_script(d, s, key);
			break;
		case PIPELINE_COUNT:
			break;
		}
	}
}
