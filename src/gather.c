/* SPDX-License-Identifier: ISC */
/* gather: what attempts leave besides their output, and what they depend on. */
#include "engine.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io.h"
#include "mem.h"
#include "safe.h"

enum {
	/* $DUREXEC_OUTPUT beyond this is not read. */
	OUTPUT_MOST = 256 * 1024,
	/* A value of it beyond this fits into no environment. */
	VALUE_MOST = 100 * 1024,
	/* What PHASE_INPUTS says: a line of some 100 bytes for each file. */
	LINES_MOST = 256 * 1024 * 1024,
};

/* What the step wrote into $DUREXEC_OUTPUT. */
struct outputs {
	struct run *r;
	const char *step;
};

static void put_output(void *ctx, const char *name, const char *value)
{
	struct outputs *o = ctx;
	struct record record = { 0 };
	struct buf kept = { 0 };

	if (strlen(value) > VALUE_MOST) {
		msg_warn("step %s: $DUREXEC_OUTPUT: %s is longer than 100 KiB, "
			"and is ignored", o->step, name);
		return;
	}
	record_start(&record, "output");
	record_set(&record, "step", o->step);
	record_set(&record, "name", name);
	buf_str(&kept, value);
	mask_text(safe_secrets(), &kept);
	if (strcmp(kept.data, value) != 0)
		msg_warn("step %s: $DUREXEC_OUTPUT: %s has a secret in it, "
			"which is not kept", o->step, name);
	record_set(&record, "value", kept.data);
	engine_put(o->r, &record);
	buf_release(&kept);
}

/* A file that goes once what was read in it is on disk. */
static void discard(struct run *r, char *path)
{
	r->rubbish = mem_grow(r->rubbish, r->nrubbish, &r->rubbish_cap,
		sizeof(*r->rubbish));
	r->rubbish[r->nrubbish++] = path;
}

void gather_outputs(struct run *r, const struct task *t)
{
	struct outputs o = { r, t->name };
	struct buf text = { 0 }, name = { 0 };
	struct why why = { 0 };
	char *path;

	task_output_file(r->at.s, t, t->attempts, &name);
	path = buf_steal(&name);
	if (io_slurp(r->at.d->fd, path, OUTPUT_MOST, &text, &why) == 0) {
		if (text.len > 0 && env_lines(text.data, "$DUREXEC_OUTPUT",
		    put_output, &o, &why) == -1)
			msg_warn("step %s: %s; the rest of it is ignored",
				t->name, why.text);
		discard(r, path);
		path = NULL;
	} else if (why.err != ENOENT) {
		msg_warn("step %s: %s", t->name, why.text);
	}
	free(path);
	buf_release(&text);
}

void gather_drop_wait(struct run *r, const struct task *t)
{
	struct buf name = { 0 };

	if (r->proof.e.wait == NULL)
		return;
	evidence_wait_name(&name, r->at.s, t);
	discard(r, buf_steal(&name));
}

/* No link to one. */
static bool is_dir(int dirfd, const char *path)
{
	struct stat st;

	if (fstatat(dirfd, path, &st, AT_SYMLINK_NOFOLLOW) == -1)
		return false;
	errno = EEXIST;
	return S_ISDIR(st.st_mode);
}

/* A directory below the run's, and durable. */
static int make_dir(struct run *r, const char *top, const char *path,
	struct why *why)
{
	int fd = r->at.d->fd;

	if (mkdirat(fd, path, 0700) == -1) {
		if (errno == EEXIST && is_dir(fd, path))
			return 0;
		return why_sys(why, "cannot create %s/%s", r->at.d->path,
			path);
	}
	if (io_sync_dir(fd, top) == -1)
		return why_sys(why, "cannot sync %s/%s", r->at.d->path, top);
	return 0;
}

static int make_places(struct run *r, const char *top, const char *step,
	int shard, struct why *why)
{
	char *above = mem_printf("%s/%s", top, step);
	char *below = mem_printf("%s/%d", above, shard);
	int ret = make_dir(r, top, above, why);

	if (ret == 0 && shard >= 0)
		ret = make_dir(r, above, below, why);
	free(above);
	free(below);
	return ret;
}

int gather_places(struct run *r, const struct task *t, struct why *why)
{
	int unit = (int)(t - r->at.s->task);
	int step = plan_step(r->at.plan, unit), shard;
	const char *name = r->at.p->step[step].name;

	if (r->at.p->step[step].root == -1)
		return 0;
	/* the fan-out's own task: only its $DUREXEC_DIR, dir/STEP/list */
	if (r->at.plan->unit[unit].item == -1)
		return make_places(r, "dir", name, -1, why);
	while (r->nplaced <= (size_t)t->fan) {
		r->placed = mem_resize(r->placed, (r->nplaced + 1) *
			sizeof(*r->placed));
		r->placed[r->nplaced++] = 0;
	}
	shard = t->place / RUNDIR_SHARD;
	if (r->placed[t->fan] == shard + 1)
		return 0;
	if (make_places(r, "log", name, shard, why) == -1 ||
	    make_places(r, "dir", name, shard, why) == -1)
		return -1;
	r->placed[t->fan] = shard + 1;
	return 0;
}

/* What PHASE_INPUTS has not to read again: into a file. */
static int put_known(struct slot *slot, const struct buf *known,
	struct why *why)
{
	struct run *r = slot->r;
	struct buf name = { 0 };
	int fd, ret = 0;

	task_output_file(r->at.s, &r->at.s->task[slot->task], slot->attempt,
		&name);
	buf_str(&name, ".known");
	fd = io_open(r->at.d->fd, name.data, O_WRONLY | O_CREAT | O_EXCL);
	if (fd == -1 || io_write(fd, known->data, known->len) == -1)
		ret = why_sys(why, "cannot write %s", name.data);
	else
		buf_printf(&slot->known, "%s/%s", r->at.d->path, name.data);
	if (fd != -1)
		close(fd);
	buf_release(&name);
	return ret;
}

int gather_inputs(struct slot *slot, struct why *why)
{
	struct run *r = slot->r;
	struct buf known = { 0 };
	const char *cwd;
	char **argv;
	int ret;

	if (env_build(&r->env, slot->step, slot->task, slot->attempt,
	    why) == -1)
		return -1;
	cwd = env_workdir(&r->env, slot->step, why);
	argv = cwd != NULL ? inputs_argv(&r->env, slot->step, cwd, why) : NULL;
	if (argv == NULL)
		return -1;
	ret = inputs_ready(&r->inputs, r->at.s, argv, &slot->inputs, &known);
	if (ret == 0 && known.len > 0)
		ret = put_known(slot, &known, why);
	buf_release(&known);
	return ret;
}

static void put_input(struct run *r, const struct input *in)
{
	struct record record = { 0 };

	record_start(&record, "input");
	record_set(&record, "path", in->path);
	record_set_number(&record, "size", in->size);
	record_set_number(&record, "mtime", in->mtime);
	record_set_hex(&record, "hash", in->hash);
	engine_put(r, &record);
}

int gather_inputs_read(struct slot *slot, struct why *why)
{
	struct run *r = slot->r;
	const struct task *t = &r->at.s->task[slot->task];
	struct buf name = { 0 }, text = { 0 };
	struct inputs in = { 0 };
	int *index = NULL, ret = -1;
	size_t i;

	task_log(r->at.s, t, t->attempts, phase_word(PHASE_INPUTS), &name);
	if (io_slurp(r->at.d->fd, name.data, LINES_MOST, &text, why) == -1 &&
	    why->err != ENOENT)
		goto out;
	if (inputs_parse(text.len > 0 ? text.data : "", text.len, &in,
	    why) == -1)
		goto out;
	index = mem_alloc((in.n + 1) * sizeof(*index));
	for (i = 0; i < in.n; i++) {
		index[i] = inputs_find(&r->inputs, r->at.s, &in.v[i]);
		if (index[i] != -1)
			continue;
		index[i] = (int)r->at.s->ninputs;
		put_input(r, &in.v[i]);
	}
	inputs_text(index, in.n, &slot->inputs);
	discard(r, buf_steal(&name));
	if (slot->known.len > 0)
		discard(r, mem_dup(slot->known.data +
			strlen(r->at.d->path) + 1));
	ret = 0;
out:
	free(index);
	buf_release(&name);
	buf_release(&text);
	inputs_release(&in);
	return ret;
}
