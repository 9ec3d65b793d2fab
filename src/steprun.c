/* SPDX-License-Identifier: ISC */
/* steprun: a call that is not remembered runs, and is judged. */
#include "stepcall.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "evidence.h"
#include "io.h"
#include "mem.h"
#include "msg.h"
#include "options.h"
#include "relay.h"
#include "table.h"

extern char **environ;

enum {
	STATUS_TIMEOUT = 124, STATUS_NOT_EXECUTABLE = 126,
	STATUS_NOT_FOUND = 127,
	/* Of $DUREXEC_WAIT. */
	WAIT_MOST = 64 * 1024,
	/* One UUID, and the NUL. */
	UUID = 37,
};

static void add_set(char ***set, size_t *n, char *entry)
{
	*set = mem_resize(*set, (*n + 2) * sizeof(**set));
	(*set)[(*n)++] = entry;
	(*set)[*n] = NULL;
}

/* A version-8 UUID (RFC 9562) of the outer one and the call. */
static void session_of(const char *outer, const char *id, char uuid[UUID])
{
	uint64_t high, low;

	high = table_hash(TABLE_HASH_START, outer, strlen(outer));
	high = table_hash(high, id, strlen(id));
	low = table_hash(~TABLE_HASH_START, id, strlen(id));
	low = table_hash(low, outer, strlen(outer));
	snprintf(uuid, UUID, "%08x-%04x-8%03x-%04x-%012llx",
		(unsigned)(high >> 32), (unsigned)(high >> 16 & 0xffff),
		(unsigned)(high & 0xfff),
		(unsigned)(0x8000 | (low >> 48 & 0x3fff)),
		(unsigned long long)(low & 0xffffffffffffull));
}

/* What the command finds in its environment besides what we do. */
static char **settings(const struct stepcall *st)
{
	const char *key = getenv("DUREXEC_KEY");
	const char *session = getenv("DUREXEC_SESSION");
	int generation = substep_generation(&st->scope, &st->call), i;
	char **set = NULL, uuid[UUID], id[STEP_FILE];
	size_t n = 0;

	/* as the keys of steps have it */
	if (generation > 0)
		snprintf(id, sizeof(id), "%s~%d", st->call.id,
			generation + 1);
	else
		snprintf(id, sizeof(id), "%s", st->call.id);

	add_set(&set, &n, mem_printf("DUREXEC_STEPS=%s/%s.d/calls.%ld.%lld",
		st->scope.path, st->call.id, (long)getpid(),
		(long long)clock_mono()));
	add_set(&set, &n, mem_printf("DUREXEC_RELAY=%ld", (long)getpid()));
	add_set(&set, &n, mem_printf("DUREXEC_WAIT=%s/%s.wait",
		st->scope.path, st->call.id));
	if (key != NULL)
		add_set(&set, &n, mem_printf("DUREXEC_KEY=%s/%s", key, id));
	if (session != NULL) {
		session_of(session, id, uuid);
		add_set(&set, &n, mem_printf("DUREXEC_SESSION=%s", uuid));
	}
	/* of a preset: as it is written */
	for (i = 0; st->conf != NULL && i < st->conf->env.n; i++)
		add_set(&set, &n, mem_printf("%s=%s", st->conf->env.v[i].name,
			st->conf->env.v[i].value));
	return set;
}

static char **environment(const struct stepcall *st, char **set)
{
	static char *nothing[] = { NULL };
	char **unset = nothing, **room;
	size_t n = 0, i;

	for (i = 0; environ[i] != NULL; i++)
		n++;
	for (i = 0; set[i] != NULL; i++)
		n++;
	if (st->conf != NULL && st->conf->unset_env.n > 0) {
		unset = mem_alloc(((size_t)st->conf->unset_env.n + 1) *
			sizeof(*unset));
		memcpy(unset, st->conf->unset_env.v,
			(size_t)st->conf->unset_env.n * sizeof(*unset));
	}
	room = mem_alloc((n + 2) * sizeof(*room));
	room = spawn_environment(environ, unset, set, room, n + 2);
	if (unset != nothing)
		free(unset);
	return room;
}

/* Both are one: a terminal, or 2>&1. */
static bool is_merged(void)
{
	struct stat a, b;

	return fstat(STDOUT_FILENO, &a) == 0 && fstat(STDERR_FILENO, &b) ==
		0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/* It was not started: as the shell says it. */
static int not_started(const struct stepcall *st, enum spawn_stage stage)
{
	int err = errno;
	struct why why;

	if (stage != SPAWN_EXEC) {
		why_sys(&why, "cannot start it");
		return step_failed(st, &why);
	}
	msg_error("%s: %s", st->argv[0], err == ENOENT ? "command not found" :
		strerror(err));
	return STATUS_OWN | (err == ENOENT || err == ENOTDIR ?
		STATUS_NOT_FOUND : STATUS_NOT_EXECUTABLE);
}

static void read_end(const struct stepcall *st, const char *kind,
	struct buf *out)
{
	char name[STEP_FILE];
	int fd;

	step_file(st, kind, name);
	fd = io_open(st->scope.fd, name, O_RDONLY);
	if (fd == -1)
		return;
	evidence_end(fd, JUDGE_TAIL, out);
	close(fd);
}

/* What became of it, by the rules of a pipeline's step. */
static struct verdict judged(const struct stepcall *st,
	const struct substep_tries *tries, const struct report *report)
{
	char wait_file[STEP_FILE];
	struct task t = { .state = TASK_RUNNING, .phase = PHASE_RUN,
		.tries = (uint16_t)tries->tries,
		.parks = (uint16_t)tries->parks,
		.parked_at = tries->parked_at };
	struct buf out = { 0 }, err = { 0 }, wait = { 0 };
	struct pattern_cache cache = { 0 };
	struct verdict v;
	struct evidence e = { .now = report->ended_at, .cache = &cache,
		.random = (double)(getpid() % 1000) / 1000 };

	read_end(st, "out", &out);
	read_end(st, "err", &err);
	step_file(st, "wait", wait_file);
	(void)io_slurp(st->scope.fd, wait_file, WAIT_MOST, &wait, NULL);
	unlinkat(st->scope.fd, wait_file, 0);
	e.out = out.data;
	e.out_len = out.len;
	e.err = err.data;
	e.err_len = err.len;
	e.wait = wait.len > 0 ? wait.data : NULL;
	e.wait_len = wait.len;
	v = judge(st->conf, &t, report, &e);
	pattern_cache_release(&cache);
	buf_release(&out);
	buf_release(&err);
	buf_release(&wait);
	return v;
}

/* The script ends with 75, and its step waits until then. */
static int wait_until(struct stepcall *st, struct substep_tries *tries,
	const struct verdict *v)
{
	const char *file = getenv("DUREXEC_WAIT");
	struct buf text = { 0 };
	char when[CLOCK_SPAN];
	struct why why;
	int fd;

	if (v->wait == WAIT_RETRY) {
		tries->tries++;
		tries->parks = 0;
		tries->parked_at = 0;
	} else if (v->wait == WAIT_LIMIT && tries->parks++ == 0) {
		tries->parked_at = clock_wall();
	}
	if (substep_write_tries(&st->scope, &st->call, tries, &why) == -1)
		return step_failed(st, &why);
	clock_local(v->until_at, when);
	msg_note("step %s: %s; waiting until %s", st->name, v->reason, when);
	buf_printf(&text, VERDICT_CALL "%s %lld step %s: %s\n",
		v->wait == WAIT_LIMIT ? "limit" : "retry",
		(long long)v->until_at, st->name, v->reason);
	fd = file != NULL ?
		io_open(AT_FDCWD, file, O_WRONLY | O_CREAT) : -1;
	if (fd == -1 || ftruncate(fd, 0) == -1 ||
	    io_write(fd, text.data, text.len) == -1)
		msg_warn("step %s: cannot say until when ($DUREXEC_WAIT): %s",
			st->name, strerror(errno));
	if (fd != -1)
		close(fd);
	buf_release(&text);
	return STATUS_OWN | STATUS_BUSY;
}

static int own_status(const struct outcome *o)
{
	if (o->kind == OUTCOME_TIMEOUT || o->kind == OUTCOME_IDLE)
		return STATUS_TIMEOUT;
	if (o->exit > 0)
		return o->exit;
	return o->signo != 0 ? 128 + o->signo : STATUS_REVIEW;
}

/* It failed, and says itself that it is to wait: also without any option. */
static bool asks_to_wait(const struct stepcall *st, const struct outcome *o)
{
	char name[STEP_FILE];
	struct stat s;

	step_file(st, "wait", name);
	return o->kind == OUTCOME_EXIT && o->exit != 0 &&
		(o->exit == EXIT_NOT_NOW || (fstatat(st->scope.fd, name, &s,
		AT_SYMLINK_NOFOLLOW) == 0 && s.st_size > 0));
}

/* Was it a success? Else *status. */
static bool succeeded(struct stepcall *st, const struct relay *r,
	struct report *report, int *status)
{
	struct substep_tries tries;
	struct verdict v;

	report->outcome = outcome_from_wait(r->tree.status);
	if (r->tree.cause != OUTCOME_NONE)
		report->outcome.kind = r->tree.cause;
	/* also what was faster than the next look */
	else if (r->tree.max_output != 0 && r->bytes[0] + r->bytes[1] >
	    r->tree.max_output)
		report->outcome.kind = OUTCOME_FLOOD;
	if (st->conf == NULL && !asks_to_wait(st, &report->outcome)) {
		*status = STATUS_OWN | own_status(&report->outcome);
		return report->outcome.kind == OUTCOME_EXIT &&
			report->outcome.exit == 0;
	}
	if (st->conf == NULL)
		step_defaults(st);
	substep_read_tries(&st->scope, &st->call, &tries);
	v = judged(st, &tries, report);
	if (v.next == NEXT_AFTER || (v.next == NEXT_END &&
	    v.state == TASK_DONE))
		return true;
	if (v.state == TASK_WAITING) {
		*status = wait_until(st, &tries, &v);
		return false;
	}
	if (report->outcome.kind != OUTCOME_EXIT || report->outcome.exit == 0)
		msg_error("step %s: %s", st->name, v.reason);
	/* called again, by a person's will, it has all its retries */
	substep_forget_tries(&st->scope, &st->call);
	*status = STATUS_OWN | own_status(&report->outcome);
	return false;
}

/* What it wrote is not needed: its reader has got it. */
static void drop_files(const struct stepcall *st)
{
	static const char *const kinds[] = { "out", "err", "in", "wait" };
	char name[STEP_FILE];
	size_t i;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		step_file(st, kinds[i], name);
		unlinkat(st->scope.fd, name, 0);
	}
}

static void drop_input(const struct stepcall *st)
{
	char name[STEP_FILE];

	step_file(st, "in", name);
	unlinkat(st->scope.fd, name, 0);
}

/* --stdin: a file of it, open at its beginning. */
static int spool(const struct stepcall *st, struct substep_record *r)
{
	char name[STEP_FILE];
	int fd, in = -1;

	step_file(st, "in", name);
	fd = io_open(st->scope.fd, name, O_WRONLY | O_CREAT | O_EXCL);
	if (fd == -1)
		return -1;
	if (step_drain(fd, &r->in_bytes, &r->in_hash) == 0)
		in = io_open(st->scope.fd, name, O_RDONLY);
	close(fd);
	return in;
}

static void set_limits(const struct stepcall *st, struct tree *t)
{
	/* as a step of a pipeline without keys */
	t->stop_signal = SIGTERM;
	t->grace_ms = 10 * 1000;
	if (st->conf == NULL)
		return;
	t->stop_signal = st->conf->stop_signal;
	t->grace_ms = st->conf->stop_grace_ms;
	t->timeout_ms = st->conf->timeout_ms;
	t->idle_ms = st->conf->idle_timeout_ms;
	t->max_output = st->conf->max_output;
}

static const char *path_of(char *const *envp)
{
	for (; *envp != NULL; envp++)
		if (strncmp(*envp, "PATH=", 5) == 0)
			return *envp + 5;
	return NULL;
}

/* Of the call that we are inside of, whose relay signals all below it. */
static pid_t above(void)
{
	const char *text = getenv("DUREXEC_RELAY");

	return text != NULL ? (pid_t)strtol(text, NULL, 10) : 0;
}

/* It has succeeded. *kept: its record is there, or may be. */
static int remember(struct stepcall *st, const struct relay *r,
	const struct substep_record *record, int fd, bool *kept)
{
	struct why why;
	int committed;

	errno = r->err;
	if (r->err != 0) {
		why_sys(&why, "it succeeded, but what it wrote cannot be "
			"recorded, so it is not remembered");
		return step_failed(st, &why);
	}
	committed = substep_commit(&st->scope, &st->call, fd, record, &why);
	*kept = committed != -1;
	if (committed != 0 || substep_keep(&st->scope, &st->call, &why) == -1)
		return step_failed(st, &why);
	drop_input(st);
	return STATUS_OWN | record->exit;
}

/* Nothing of it runs any more: what becomes of it. */
static int conclude(struct stepcall *st, const struct relay *r,
	struct report *report, struct substep_record *record, int fd,
	bool *kept)
{
	struct why why;
	int status = 0;

	if (r->left) {
		why_set(&why, "process %ld of it cannot be killed",
			(long)r->tree.survivor);
		return step_failed(st, &why);
	}
	/* stopped: whatever it says of itself is not believed */
	if (r->signo != 0)
		return 128 + r->signo;
	if (r->unpassed != 0) {
		msg_error("step %s: cannot pass on what it writes: %s",
			st->name, strerror(r->unpassed));
		return STATUS_OWN | STATUS_REVIEW;
	}
	if (!succeeded(st, r, report, &status) && !r->vanished)
		return status;
	if (r->vanished)
		return STATUS_OWN | (report->outcome.exit >= 0 ?
			report->outcome.exit : 128 + report->outcome.signo);
	record->exit = report->outcome.exit;
	return remember(st, r, record, fd, kept);
}

int step_run(struct stepcall *st, int fd)
{
	struct substep_record record = { .name = (char *)st->name,
		.started_at = clock_wall(), .in_bytes = -1,
		.silent = st->silent };
	char out[STEP_FILE], err[STEP_FILE];
	char **set = settings(st), **envp = environment(st, set);
	struct relay r = { .argv = st->argv, .in = STDIN_FILENO,
		.dirfd = st->scope.fd, .silent = st->silent,
		.above = above() };
	struct report report = { 0 };
	enum spawn_stage stage;
	struct why why;
	int status, ended, i;
	bool kept = false;

	drop_files(st);
	record.merged = !st->silent && is_merged();
	step_file(st, "out", out);
	step_file(st, "err", err);
	r.file[0] = out;
	r.file[1] = record.merged ? NULL : err;
	r.envp = envp;
	r.path = path_of(envp);
	set_limits(st, &r.tree);
	if (st->spool) {
		r.in = spool(st, &record);
		if (r.in == -1) {
			why_sys(&why, "cannot keep its standard input");
			status = step_failed(st, &why);
			goto out;
		}
	}
	ended = relay_run(&r, &stage);
	if (ended == -1) {
		status = r.signo != 0 ? 128 + r.signo :
			not_started(st, stage);
		goto out;
	}
	record.ended_at = report.ended_at = clock_wall();
	record.out_bytes = report.out_bytes = r.bytes[0];
	record.err_bytes = report.err_bytes = r.bytes[1];
	status = conclude(st, &r, &report, &record, fd, &kept);
out:
	if (!kept) {
		drop_files(st);
		if (!r.left)
			substep_failed(fd, st->name, clock_wall());
	}
	if (r.in != STDIN_FILENO && r.in != -1)
		close(r.in);
	for (i = 0; set[i] != NULL; i++)
		free(set[i]);
	free(set);
	free(envp);
	return status;
}
