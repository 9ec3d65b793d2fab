/* SPDX-License-Identifier: ISC */
#include "clean.h"

#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mem.h"
#include "msg.h"
#include "session.h"
#include "sweep.h"
#include "which.h"

struct clean {
	const struct options *o;
	const char *base;
	size_t keep;
	size_t runs;
	int64_t bytes;
	int status;
};

/* With the home's lock, nobody starts or goes on meanwhile. */
static bool newest_is_over(const struct home *h)
{
	size_t n;
	char **runs = home_runs(h, &n);
	bool over = n > 0 && sweep_is_over(h, runs[n - 1]);

	home_runs_free(runs, n);
	return over;
}

static void clean_run(struct clean *c, const struct home *h, const char *id)
{
	struct why why;

	if (c->o->dry_run) {
		c->bytes += sweep_bytes(h, id);
	} else if (sweep_hide(h, id, &why) == -1) {
		msg_warn("%s: it is kept", why.text);
		return;
	}
	c->runs++;
	if (!c->o->quiet)
		printf("%s %s/%s\n", c->o->dry_run ? "would remove" :
			"removed", h->name, id);
}

static void clean_home(struct clean *c, const char *name)
{
	struct home h;
	struct why why;
	pid_t holder = 0;
	bool mine;
	char **runs;
	size_t n, i;

	if (home_open(&h, c->base, name, false, &why) == -1) {
		msg_error("%s", why.text);
		c->status = STATUS_STATE;
		goto out;
	}
	/* who only looks writes nothing */
	mine = h.fd != -1 && (c->o->dry_run ? home_holder(&h) == 0 :
		home_lock(&h, &holder, &why) == 0);
	runs = sweep_list(&h, mine && newest_is_over(&h), c->keep, &n);
	for (i = 0; i < n; i++)
		clean_run(c, &h, runs[i]);
	home_runs_free(runs, n);
	if (h.fd == -1 || c->o->dry_run)
		goto out;
	if (mine)
		sweep_hide_unfinished(&h);
	if (mine && faccessat(h.fd, "latest/state", F_OK, 0) == -1)
		(void)unlinkat(h.fd, "latest", 0);
	/* what takes long keeps nobody from starting */
	home_unlock(&h);
	if (!sweep_hidden(&h, LONG_MAX, &c->bytes))
		msg_warn("%s: not everything could be removed", h.path);
out:
	home_close(&h);
}

/* Those of the file: NAME, and NAME@… with any parameters. */
static void clean_all_of(struct clean *c, const char *stem)
{
	size_t n, i, len = strlen(stem);
	char **names = rundir_names(c->base, &n);

	for (i = 0; i < n; i++)
		if (strncmp(names[i], stem, len) == 0 && (names[i][len] ==
		    '\0' || (names[i][len] == '@' && c->o->ngiven == 0)))
			clean_home(c, names[i]);
	home_runs_free(names, n);
}

int clean_main(const struct options *o)
{
	struct clean c = { .o = o, .status = STATUS_DONE };
	char *base = NULL, *name = NULL;
	struct session se;

	session_init(&se);
	if (o->ini == NULL) {
		c.status = which_only(&se, o, &base, &name);
	} else if (session_load(&se, o->ini, o->given, o->ngiven, false)) {
		base = rundir_base(se.p, o->state_dir);
		name = rundir_name(se.p);
	} else {
		c.status = STATUS_USAGE;
	}
	if (c.status == STATUS_DONE) {
		c.base = base;
		c.keep = (size_t)(o->keep >= 0 ? o->keep : se.p->keep_runs);
		if (o->ini == NULL)
			clean_home(&c, name);
		else
			clean_all_of(&c, name);
		if (!o->quiet)
			printf("%zu run%s %s, %" PRId64 " bytes\n", c.runs,
				c.runs == 1 ? "" : "s", o->dry_run ?
				"to be removed" : "removed", c.bytes);
	}
	free(base);
	free(name);
	session_release(&se);
	return c.status;
}
