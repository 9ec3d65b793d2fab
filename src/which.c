/* SPDX-License-Identifier: ISC */
#include "which.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "load.h"
#include "mem.h"
#include "msg.h"
#include "overview.h"
#include "quote.h"
#include "secrets.h"
#include "typed.h"

/* Of `start` and verbs alike: the command to type for each. */
static void list(const char *command, const struct candidate *c, size_t n,
	bool all)
{
	char when[CLOCK_SPAN];
	size_t i, k;

	for (i = 0; i < n; i++) {
		struct buf line = { 0 };

		if (c[i].finished && !all)
			continue;
		clock_local(c[i].started_at, when);
		buf_printf(&line, "  %s", command);
		if (*command != '\0')
			typed_options(&line);
		quote_word(&line, c[i].path);
		for (k = 0; k < c[i].ngiven; k++) {
			buf_char(&line, ' ');
			quote_word(&line, c[i].given[k]);
		}
		buf_printf(&line, "   (started %s%s)", when,
			c[i].finished ? ", finished" : "");
		msg_list(line.data);
		buf_release(&line);
	}
}

/* The unfinished ones first; returns how many. */
static size_t unfinished_first(struct candidate *c, size_t n)
{
	size_t i, found = 0;

	for (i = 0; i < n; i++)
		if (!c[i].finished) {
			struct candidate swap = c[found];

			c[found++] = c[i];
			c[i] = swap;
		}
	return found;
}

bool which_unfinished(struct session *se, const struct options *o,
	int *status)
{
	char *base = rundir_base(NULL, o->state_dir);
	struct candidate *c;
	size_t n, unfinished, broken;
	bool ok = false;

	c = session_candidates(base, NULL, &n, &broken);
	unfinished = unfinished_first(c, n);
	if (unfinished == 0 && broken > 0) {
		*status = STATUS_STATE;
	} else if (unfinished == 0) {
		msg_note("there is no unfinished run in %s", base);
		*status = STATUS_DONE;
	} else if (unfinished > 1) {
		msg_error("%zu runs are unfinished; which one?", unfinished);
		list("durexec --resume ", c, n, false);
		*status = STATUS_USAGE;
	} else {
		ok = session_load(se, c[0].path, c[0].given, c[0].ngiven, o->json);
		*status = STATUS_USAGE;
	}
	session_candidates_free(c, n);
	free(base);
	return ok;
}

bool which_parameters(struct session *se, const struct options *o,
	const char *base, int *status)
{
	struct candidate *c;
	char *stem;
	size_t n, unfinished, broken;
	bool ok = true;

	if (o->ngiven > 0 || o->fresh || se->p->nparams == 0)
		return true;
	stem = rundir_name(se->p);
	c = session_candidates(base, stem, &n, &broken);
	unfinished = unfinished_first(c, n);
	*status = STATUS_USAGE;
	if (unfinished > 1) {
		msg_error("%zu runs of %s are unfinished; which one?",
			unfinished, se->ini);
		list("durexec --resume ", c, n, false);
		ok = false;
	} else if (unfinished == 1 && c[0].ngiven > 0) {
		char *ini = mem_dup(se->ini);

		pipeline_free(se->p);
		ok = session_load(se, ini, c[0].given, c[0].ngiven, o->json);
		free(ini);
	}
	session_candidates_free(c, n);
	free(stem);
	return ok;
}

/* The only one; or the only unfinished one, of a command that is not about what
 * is over. NULL: said why. */
static const struct candidate *only_one(const struct candidate *c, size_t n,
	const char *base, enum command command)
{
	const struct candidate *found = NULL;
	size_t i;

	if (n == 1)
		return c;
	for (i = 0; i < n; i++)
		if (!c[i].finished) {
			if (found != NULL)
				break;
			found = &c[i];
		}
	if (i == n && found != NULL && command != COMMAND_CLEAN &&
	    command != COMMAND_HISTORY)
		return found;
	if (n == 0) {
		msg_error("there is no run in %s; name the pipeline file, or "
			"start one: durexec PIPELINE.ini", base);
	} else {
		msg_error("there are several pipelines in %s; name one:", base);
		list("", c, n, true);
	}
	return NULL;
}

/* A file that was broken since its run began: the run's own copy will do for
 * looking and stopping. False: said why. */
static bool load_for_verb(struct session *se, const struct options *o)
{
	struct complaints complaints = { 0 };
	struct candidate *c = NULL;
	char *path, *slash, *base = NULL;
	size_t n = 0, broken, i;

	se->ini = mem_dup(o->ini);
	se->p = pipeline_load(o->ini, o->given, o->ngiven, &complaints);
	path = se->p == NULL ? mem_of(realpath(o->ini, NULL)) : NULL;
	if (path != NULL) {
		slash = strrchr(path, '/');
		base = o->state_dir != NULL ? rundir_base(NULL, o->state_dir) :
			mem_printf("%.*s/.durexec", (int)(slash - path), path);
		c = session_candidates(base, NULL, &n, &broken);
	}
	for (i = 0; i < n && se->p == NULL; i++) {
		if (strcmp(c[i].path, path) != 0 || c[i].ngiven != o->ngiven)
			continue;
		msg_note("%s has mistakes now (durexec --dry-run shows them); "
			"this is about the file as it was", o->ini);
		free(se->ini);
		(void)session_load_or_copy(se, &c[i], base);
	}
	if (se->p == NULL)
		session_complain(&complaints, false);
	else
		secrets_read(se->p, NULL);
	complaints_release(&complaints);
	session_candidates_free(c, n);
	free(base);
	free(path);
	return se->p != NULL;
}

/* What lives below .durexec here, or where exec keeps its runs. */
static struct candidate *here(const struct options *o, char **base, size_t *n,
	size_t *broken)
{
	const char *env = getenv("DUREXEC_STATE_DIR");
	struct candidate *c;
	char *home;

	*base = rundir_base(NULL, o->state_dir);
	c = session_candidates(*base, NULL, n, broken);
	if (*n + *broken > 0 || o->state_dir != NULL ||
	    (env != NULL && *env != '\0'))
		return c;
	home = rundir_state_home();
	if (home == NULL || access(home, F_OK) != 0) {
		free(home);
		return c;
	}
	session_candidates_free(c, *n);
	c = session_candidates(home, NULL, n, broken);
	if (*n + *broken > 0) {
		free(*base);
		*base = home;
	} else {
		free(home);
	}
	return c;
}

int which_only(struct session *se, const struct options *o, char **base,
	char **name)
{
	const struct candidate *one;
	struct candidate *c;
	size_t n, broken;
	int status = STATUS_USAGE;

	c = here(o, base, &n, &broken);
	if (n == 0 && broken > 0) {
		status = STATUS_STATE;
	} else if (n > 1 && o->command == COMMAND_STATUS && o->run == NULL) {
		overview_show(c, n, o);
		status = WHICH_SHOWN;
	} else {
		one = only_one(c, n, *base, o->command);
		if (one != NULL && session_load_or_copy(se, one, *base)) {
			*name = mem_dup(one->name);
			status = 0;
		}
	}
	session_candidates_free(c, n);
	return status;
}

int which_run(struct session *se, const struct options *o)
{
	struct candidate *c = NULL;
	const struct candidate *one;
	char *base = NULL, *stem = NULL;
	struct buf typed = { 0 };
	struct why why;
	size_t n = 0, broken = 0;
	int status = STATUS_USAGE;

	if (o->ini != NULL) {
		if (!load_for_verb(se, o))
			goto out;
		base = rundir_base(se->p, o->state_dir);
		stem = rundir_name(se->p);
		if (o->ngiven == 0 && se->p->nparams > 0) {
			/* a bare file: as starting it does */
			c = session_candidates(base, stem, &n, &broken);
			one = n > 0 ? only_one(c, n, base, o->command) :
				NULL;
			if (n > 0 && one == NULL)
				goto out;
			if (one != NULL && one->ngiven > 0) {
				pipeline_free(se->p);
				if (!session_load(se, o->ini, one->given,
				    one->ngiven, false))
					goto out;
			}
		}
	} else {
		status = which_only(se, o, &base, &stem);
		if (status != 0)
			goto out;
		status = STATUS_USAGE;
	}
	if (session_open_home(se, base, false, &why) == -1) {
		msg_error("%s", why.text);
		status = STATUS_STATE;
		goto out;
	}
	if (o->run != NULL && se->h.fd != -1 && faccessat(se->h.fd, o->run,
	    F_OK, AT_SYMLINK_NOFOLLOW) != 0) {
		msg_error("there is no run %s; durexec history %s lists them",
			o->run, se->ini);
		status = STATUS_USAGE;
		goto out;
	}
	if (session_open_run(se, o->run, &why) == -1) {
		msg_error("%s", why.text);
		status = STATUS_STATE;
		goto out;
	}
	if (!session_has_run(se)) {
		typed_run(se->p, se->ini, NULL, &typed);
		msg_error("%s has no run yet; start one: durexec %s", se->ini,
			typed.data);
		buf_release(&typed);
		goto out;
	}
	session_plan(se);
	status = 0;
out:
	session_candidates_free(c, n);
	free(base);
	free(stem);
	return status;
}
