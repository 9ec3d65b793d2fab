/* SPDX-License-Identifier: ISC */
#include "load.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf.h"
#include "draft.h"
#include "fanouts.h"
#include "given.h"
#include "mem.h"
#include "needs.h"
#include "pools.h"
#include "presets.h"
#include "scopes.h"
#include "source.h"

static char *joined(const char *dir, const char *name)
{
	return mem_printf("%s%s%s", dir,
		strcmp(dir, "/") == 0 ? "" : "/", name);
}

/*
 * The directory is resolved, so that each way to name the file leads to the
 * same run; a link in place of the file itself stays one, so that what stands
 * beside it is found beside the link.
 */
static void set_path(struct pipeline *p, const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *base = slash != NULL ? slash + 1 : path;
	char *dir = slash == NULL ? mem_dup(".") :
		mem_dupn(path, slash == path ? 1 : (size_t)(slash - path));
	char *real = mem_of(realpath(dir, NULL)), *cwd, *whole;
	size_t len;

	if (real == NULL) {
		/* Gone since: this is a run's copy of the file. */
		cwd = *path == '/' ? NULL : mem_of(getcwd(NULL, 0));
		real = cwd != NULL ? joined(cwd, dir) : mem_dup(dir);
		free(cwd);
	}
	whole = joined(real, base);
	p->path = arena_dup(&p->arena, whole);
	p->dir = arena_dup(&p->arena, real);
	len = strlen(base);
	if (len > 4 && strcmp(base + len - 4, ".ini") == 0)
		len -= 4;
	p->name = arena_dupn(&p->arena, base, len);
	free(whole);
	free(real);
	free(dir);
}

static struct pipeline *load(struct pipeline *p, const char *path,
	char *const *given, size_t ngiven, struct complaints *complaints)
{
	struct draft d = { .p = p, .complaints = complaints,
		.own.file = path };
	size_t before = complaints->n;

	draft_read(&d);
	presets_read(&d);
	given_params(&d, given, ngiven);
	given_pipeline(&d);
	pools_read(&d);
	conf_steps(&d);
	needs_resolve(&d);
	fanouts_resolve(&d);
	scopes_check(&d);
	if (complaints->n == before)
		presets_keep(&d);
	draft_release(&d);
	if (complaints->n == before)
		return p;
	complaints_sort(complaints);
	pipeline_free(p);
	return NULL;
}

struct pipeline *pipeline_load_text(const char *path, const char *text,
	size_t len, char *const *given, size_t ngiven,
	struct complaints *complaints)
{
	struct pipeline *p;

	if (len > SOURCE_MOST) {
		complaints_add(complaints, path, 0, NULL, "the file is larger "
			"than %d MiB", SOURCE_MOST / 1024 / 1024);
		return NULL;
	}
	p = mem_alloc(sizeof(*p));
	p->text = arena_dupn(&p->arena, text, len);
	p->text_len = (uint32_t)len;
	set_path(p, path);
	return load(p, path, given, ngiven, complaints);
}

/* `durexec /dev/stdin < FILE`: the file cannot be found again next time, and
 * nothing can be kept beside it. */
static bool is_passing(const struct pipeline *p)
{
	return strcmp(p->dir, "/dev") == 0 || strncmp(p->dir, "/proc/", 6) == 0;
}

struct pipeline *pipeline_load(const char *path, char *const *given,
	size_t ngiven, struct complaints *complaints)
{
	struct pipeline *p = mem_alloc(sizeof(*p));
	size_t len;

	p->text = source_read(path, "the pipeline", &p->arena, &len,
		complaints);
	if (p->text == NULL) {
		pipeline_free(p);
		return NULL;
	}
	p->text_len = (uint32_t)len;
	set_path(p, path);
	if (is_passing(p)) {
		complaints_add(complaints, path, 0, "name the file itself",
			"a pipeline has to be read again when it is "
			"continued, and what is kept stands beside it");
		pipeline_free(p);
		return NULL;
	}
	return load(p, path, given, ngiven, complaints);
}
