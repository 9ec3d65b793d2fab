/* SPDX-License-Identifier: ISC */
#include "session.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "io.h"
#include "json.h"
#include "load.h"
#include "mem.h"
#include "msg.h"
#include "safe.h"
#include "secrets.h"
#include "sweep.h"

#ifndef VERSION
#define VERSION "0.1"
#endif

/* A pipeline file is text of people; and so is its copy. */
enum { COPY_MOST = 256 * 1024 * 1024 };

void session_init(struct session *se)
{
	memset(se, 0, sizeof(*se));
	se->h.fd = se->h.lock = se->d.fd = se->d.log_fd = se->j.fd = -1;
	state_init(&se->s);
}

void session_release(struct session *se)
{
	if (se->planned)
		plan_release(&se->plan);
	journal_close(&se->j);
	state_release(&se->s);
	if (se->d.id != NULL)
		rundir_close(&se->d);
	home_close(&se->h);
	if (se->p != NULL)
		pipeline_free(se->p);
	free(se->ini);
	session_init(se);
}

void session_complain(const struct complaints *c, bool json)
{
	struct buf out = { 0 };
	size_t i;

	if (json)
		json_open(&out, '[');
	for (i = 0; i < c->n; i++) {
		const struct complaint *one = &c->v[i];

		if (json) {
			json_open(&out, '{');
			json_key(&out, "file");
			json_text(&out, one->file);
			json_key(&out, "line");
			if (one->line > 0)
				json_number(&out, one->line);
			else
				json_text(&out, NULL);
			json_key(&out, "message");
			json_said(&out, one->message);
			json_key(&out, "hint");
			json_said(&out, one->hint);
			json_close(&out, '}');
			continue;
		}
		safe_line(&out, one->file, strlen(one->file));
		if (one->line > 0)
			buf_printf(&out, ":%d", one->line);
		buf_str(&out, ": ");
		safe_line(&out, one->message, strlen(one->message));
		if (one->hint != NULL) {
			buf_str(&out, "; ");
			safe_line(&out, one->hint, strlen(one->hint));
		}
		buf_char(&out, '\n');
	}
	if (json) {
		json_close(&out, ']');
		buf_char(&out, '\n');
	}
	if (out.len > 0)
		(void)io_write(json ? STDOUT_FILENO : STDERR_FILENO, out.data,
			out.len);
	buf_release(&out);
}

bool session_load(struct session *se, const char *ini, char *const *given,
	size_t ngiven, bool json)
{
	struct complaints c = { 0 };

	se->p = pipeline_load(ini, given, ngiven, &c);
	if (se->p == NULL)
		session_complain(&c, json);
	else
		secrets_read(se->p, NULL);
	complaints_release(&c);
	free(se->ini);
	se->ini = mem_dup(ini);
	return se->p != NULL;
}

bool session_load_or_copy(struct session *se, const struct candidate *c,
	const char *base)
{
	struct complaints complaints = { 0 };
	struct buf text = { 0 };
	char *copy;

	se->ini = mem_dup(c->path);
	se->p = pipeline_load(c->path, c->given, c->ngiven, &complaints);
	if (se->p == NULL) {
		copy = mem_printf("%s/%s/%s/pipeline.ini", base, c->name,
			c->id);
		if (io_slurp(AT_FDCWD, copy, COPY_MOST, &text, NULL) == 0)
			se->p = pipeline_load_text(c->path, text.data,
				text.len, c->given, c->ngiven, &complaints);
		free(copy);
	}
	if (se->p == NULL)
		session_complain(&complaints, false);
	else
		secrets_read(se->p, NULL);
	complaints_release(&complaints);
	buf_release(&text);
	return se->p != NULL;
}

int session_open_run(struct session *se, const char *id, struct why *why)
{
	char **runs;
	size_t n;
	int ret = -1;

	runs = home_runs(&se->h, &n);
	if (n == 0 && id == NULL) {
		ret = 0;
		goto out;
	}
	if (rundir_open(&se->d, &se->h, id != NULL ? id : runs[n - 1],
	    why) == -1)
		goto out;
	if (journal_read(&se->j, se->d.fd, state_apply, &se->s, why) == -1) {
		struct why inner = *why;

		why_set(why, "%s: %s; look at %s/state; to start anew, move "
			"%s away", se->d.path, inner.text, se->d.path,
			se->d.path);
		goto out;
	}
	ret = 0;
out:
	home_runs_free(runs, n);
	return ret;
}

int session_open_home(struct session *se, const char *base, bool create,
	struct why *why)
{
	char *name = rundir_name(se->p);
	int ret = home_open(&se->h, base, name, create, why);

	free(name);
	return ret;
}

void session_plan(struct session *se)
{
	plan_init(&se->plan, se->p, &se->s);
	se->planned = true;
}

bool session_has_run(const struct session *se)
{
	return se->d.fd != -1;
}

struct view_run session_view(const struct session *se)
{
	return (struct view_run){ se->p, &se->s, &se->plan, &se->d };
}

/* The file may have moved together with the .durexec beside it. */
static char *present_path(const char *path, const char *base)
{
	const char *name = strrchr(path, '/'), *end = strrchr(base, '/');
	char *beside;

	if (access(path, F_OK) == 0 || name == NULL || end == NULL)
		return mem_dup(path);
	beside = mem_printf("%.*s%s", (int)(end - base), base, name);
	if (access(beside, F_OK) == 0)
		return beside;
	free(beside);
	return mem_dup(path);
}

/* What a person wants to know first. */
static void stand(struct candidate *c, struct session *se)
{
	const struct state *s = &se->s;
	size_t i;

	/* of one that is done, those were allowed to fail */
	c->review = s->closed == NULL || strcmp(s->closed, "done") != 0 ?
		s->count[TASK_NEEDS_REVIEW] : 0;
	c->state = home_holder(&se->h) != 0 ? "running" : s->closed == NULL ?
		(c->review > 0 ? "needs_review" : s->count[TASK_WAITING] > 0 ?
		"waiting" : "stopped") :
		strcmp(s->closed, "done") == 0 ? "done" : "closed";
	c->ended_at = s->closed != NULL ? s->closed_at : 0;
	for (i = 0; i < s->ntasks && s->closed == NULL; i++)
		if (s->task[i].ended_at > c->ended_at)
			c->ended_at = s->task[i].ended_at;
}

static void add_candidate(struct candidate **list, size_t *n, size_t *cap,
	const char *base, const char *name, size_t *broken)
{
	struct session se;
	struct candidate *c;
	struct why why;
	char **runs;
	size_t nruns;
	int i;

	session_init(&se);
	if (home_open(&se.h, base, name, false, &why) == -1) {
		session_release(&se);
		return;
	}
	runs = home_runs(&se.h, &nruns);
	if (nruns > 0 && rundir_open(&se.d, &se.h, runs[nruns - 1],
	    &why) == 0 && journal_read(&se.j, se.d.fd, state_apply, &se.s,
	    &why) == 0) {
		*list = mem_grow(*list, *n, cap, sizeof(**list));
		c = &(*list)[(*n)++];
		memset(c, 0, sizeof(*c));
		c->name = mem_dup(name);
		c->id = mem_dup(runs[nruns - 1]);
		c->path = present_path(se.s.path, base);
		c->finished = se.s.closed != NULL;
		c->started_at = se.s.started_at;
		stand(c, &se);
		c->given = mem_alloc(((size_t)se.s.nparams + 1) *
			sizeof(*c->given));
		for (i = 0; i < se.s.nparams; i++)
			c->given[c->ngiven++] = mem_printf("%s=%s",
				se.s.param[i].name, se.s.param[i].value);
	} else if (nruns > 0) {
		msg_warn("%s/%s/%s: %s", base, name, runs[nruns - 1],
			why.text);
		(*broken)++;
	}
	home_runs_free(runs, nruns);
	session_release(&se);
}

struct candidate *session_candidates(const char *base, const char *stem,
	size_t *n, size_t *broken)
{
	struct candidate *list = NULL;
	size_t cap = 0, nnames, i, len = stem != NULL ? strlen(stem) : 0;
	char **names = rundir_names(base, &nnames);

	*n = *broken = 0;
	for (i = 0; i < nnames; i++)
		if (stem == NULL || (strncmp(names[i], stem, len) == 0 &&
		    (names[i][len] == '\0' || names[i][len] == '@')))
			add_candidate(&list, n, &cap, base, names[i], broken);
	home_runs_free(names, nnames);
	return list;
}

void session_candidates_free(struct candidate *c, size_t n)
{
	size_t i, k;

	for (i = 0; i < n; i++) {
		free(c[i].name);
		free(c[i].id);
		free(c[i].path);
		for (k = 0; k < c[i].ngiven; k++)
			free(c[i].given[k]);
		free(c[i].given);
	}
	free(c);
}

void session_leave(struct session *se)
{
	if (se->planned)
		plan_release(&se->plan);
	se->planned = false;
	journal_close(&se->j);
	state_release(&se->s);
	state_init(&se->s);
	if (se->d.id != NULL)
		rundir_close(&se->d);
}

void session_keep_copy(const struct session *se)
{
	struct buf old = { 0 };
	struct why why;

	if (io_slurp(se->d.fd, "pipeline.ini", se->p->text_len, &old,
	    &why) == -1 || old.len != se->p->text_len ||
	    (old.len > 0 && memcmp(old.data, se->p->text, old.len) != 0)) {
		if (io_replace(se->d.fd, "pipeline.ini", se->p->text,
		    se->p->text_len, &why) == -1)
			msg_warn("%s", why.text);
	}
	buf_release(&old);
	/* it may have been killed before there was one */
	rundir_latest(&se->h, se->d.id);
}

/* What is not kept besides the run that begins now. */
static void prune(const struct session *se)
{
	size_t n, i;
	char **runs = sweep_list(&se->h, false, (size_t)se->p->keep_runs, &n);
	struct why why;

	for (i = 0; i < n; i++)
		if (sweep_hide(&se->h, runs[i], &why) == -1)
			msg_warn("%s: it is kept", why.text);
	home_runs_free(runs, n);
	sweep_hide_unfinished(&se->h);
	sweep_later(&se->h);
}

static int fill_run(struct session *se, struct why *why)
{
	unsigned char random[16];
	struct record r = { 0 };
	char seed[33];
	size_t i;
	int k;

	if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return why_sys(why, "no random bytes");
	for (i = 0; i < sizeof(random); i++)
		snprintf(seed + 2 * i, 3, "%02x", random[i]);
	if (io_replace(se->d.fd, "pipeline.ini", se->p->text,
	    se->p->text_len, why) == -1)
		return -1;
	record_start(&r, "durexec");
	record_set_number(&r, "format", JOURNAL_FORMAT);
	record_set(&r, "run", se->d.id);
	record_set(&r, "name", se->h.name);
	record_set(&r, "path", se->p->path);
	record_set(&r, "seed", seed);
	record_set(&r, "version", VERSION);
	state_write(&se->s, &se->j, &r);
	for (k = 0; k < se->p->nparams; k++) {
		struct record given = { 0 };

		if (!se->p->param[k].given)
			continue;
		record_start(&given, "param");
		record_set(&given, "name", se->p->param[k].name);
		record_set(&given, "value", se->p->param[k].value);
		state_write(&se->s, &se->j, &given);
	}
	if (journal_create(&se->j, se->d.fd, why) == -1)
		return -1;
	return 0;
}

int session_open_write(struct session *se, struct why *why)
{
	struct record r = { 0 };

	if (journal_open_write(&se->j, se->d.fd, why) == -1)
		return -1;
	if (se->j.torn > 0) {
		msg_warn("the last %lld byte%s of the state file %s torn by a "
			"crash, and cut off", (long long)se->j.torn,
			se->j.torn == 1 ? "" : "s",
			se->j.torn == 1 ? "was" : "were");
		/* First of all: it moves the attempt numbers (R10). */
		record_start(&r, "cut");
		record_set_number(&r, "bytes", se->j.torn);
		state_write(&se->s, &se->j, &r);
		se->j.torn = 0;
		return journal_commit(&se->j, why);
	}
	return 0;
}

void session_close_finished(struct session *se)
{
	struct record r = { 0 };

	if (!plan_finished(&se->plan) || se->s.closed != NULL)
		return;
	record_start(&r, "close");
	record_set(&r, "state", "done");
	state_write(&se->s, &se->j, &r);
}

int session_create(struct session *se, struct why *why)
{
	if (rundir_create(&se->d, &se->h, why) == -1 ||
	    fill_run(se, why) == -1) {
		/* a run without a state is none, and in nobody's way */
		if (se->d.id != NULL)
			(void)sweep_hide(&se->h, se->d.id, NULL);
		sweep_later(&se->h);
		return -1;
	}
	rundir_latest(&se->h, se->d.id);
	prune(se);
	return 0;
}
