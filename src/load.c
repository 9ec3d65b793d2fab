/* SPDX-License-Identifier: ISC */
#include "load.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "buf.h"
#include "conf.h"
#include "draft.h"
#include "given.h"
#include "io.h"
#include "mem.h"
#include "needs.h"

/* Nobody writes such a file; somebody names a video by mistake. */
#define MOST (256 * 1024 * 1024)

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
	char *real = realpath(dir, NULL), *cwd, *whole;
	size_t len;

	if (real == NULL) {
		/* Gone since: this is a run's copy of the file. */
		cwd = *path == '/' ? NULL : getcwd(NULL, 0);
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
	struct draft d = { .p = p, .file = path, .complaints = complaints };
	size_t before = complaints->n;

	draft_read(&d);
	given_params(&d, given, ngiven);
	given_pipeline(&d);
	conf_steps(&d);
	needs_resolve(&d);
	conf_check_refs(&d);
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

	if (len > MOST) {
		complaints_add(complaints, path, 0, NULL, "the file is larger "
			"than %d MiB", MOST / 1024 / 1024);
		return NULL;
	}
	p = mem_alloc(sizeof(*p));
	p->text = arena_dupn(&p->arena, text, len);
	p->text_len = (uint32_t)len;
	set_path(p, path);
	return load(p, path, given, ngiven, complaints);
}

static const char *what_it_is(mode_t mode)
{
	return S_ISDIR(mode) ? "it is a directory" :
		S_ISFIFO(mode) ? "it is a pipe, and a pipeline has to be read "
			"again when it is continued" :
		"it is no regular file";
}

/* Whoever can write the file can have commands run as the one who loads it,
 * and for root that is everything. */
static void check_owner(const char *path, const struct stat *st,
	struct complaints *complaints)
{
	char *hint;

	if (geteuid() != 0)
		return;
	if (st->st_uid != 0) {
		hint = mem_printf("chown root '%s'", path);
		complaints_add(complaints, path, 0, hint, "it belongs to user "
			"%ld, who could have root run anything by it",
			(long)st->st_uid);
		free(hint);
	}
	if ((st->st_mode & (S_IWGRP | S_IWOTH)) != 0) {
		hint = mem_printf("chmod go-w '%s'", path);
		complaints_add(complaints, path, 0, hint, "others than root "
			"may write to it (mode %04o), so they could have "
			"root run anything", (unsigned)(st->st_mode & 07777));
		free(hint);
	}
}

static void not_there(const char *path, struct complaints *complaints)
{
	int err = errno;
	char *longer = mem_printf("%s.ini", path);
	char *hint = NULL;

	if (err == ENOENT && access(longer, F_OK) == 0)
		hint = mem_printf("did you mean %s?", longer);
	complaints_add(complaints, path, 0, hint, "cannot open it: %s",
		strerror(err));
	free(longer);
	free(hint);
}

/* `durexec /dev/stdin < FILE`: the file cannot be found again next time, and
 * nothing can be kept beside it. */
static bool is_passing(const struct pipeline *p)
{
	return strcmp(p->dir, "/dev") == 0 || strncmp(p->dir, "/proc/", 6) == 0;
}

/* The descriptor, or -1 when there are new complaints. */
static int open_file(const char *path, struct stat *st,
	struct complaints *complaints)
{
	size_t before = complaints->n;
	/* NONBLOCK: opening a FIFO would wait for a writer. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	if (fd == -1 || fstat(fd, st) == -1) {
		not_there(path, complaints);
		goto fail;
	}
	if (!S_ISREG(st->st_mode))
		complaints_add(complaints, path, 0, "name a file that holds "
			"the pipeline", "%s", what_it_is(st->st_mode));
	else if (st->st_size > MOST)
		complaints_add(complaints, path, 0, NULL, "the file is larger "
			"than %d MiB", MOST / 1024 / 1024);
	else
		check_owner(path, st, complaints);
	if (complaints->n == before)
		return fd;
fail:
	if (fd != -1)
		close(fd);
	return -1;
}

struct pipeline *pipeline_load(const char *path, char *const *given,
	size_t ngiven, struct complaints *complaints)
{
	struct pipeline *p = NULL;
	struct stat st;
	char *text;
	ssize_t len;
	int fd = open_file(path, &st, complaints);

	if (fd == -1)
		return NULL;
	p = mem_alloc(sizeof(*p));
	set_path(p, path);
	/* What is appended while we read is for the next time. */
	text = arena_alloc(&p->arena, (size_t)st.st_size + 1);
	len = io_read(fd, text, (size_t)st.st_size);
	if (len == -1)
		complaints_add(complaints, path, 0, NULL, "cannot read it: %s",
			strerror(errno));
	else if (is_passing(p))
		complaints_add(complaints, path, 0, "name the file itself",
			"a pipeline has to be read again when it is "
			"continued, and what is kept stands beside it");
	else
		goto read;
	pipeline_free(p);
	close(fd);
	return NULL;
read:
	close(fd);
	p->text = text;
	p->text_len = (uint32_t)len;
	return load(p, path, given, ngiven, complaints);
}
