/* SPDX-License-Identifier: ISC */
/*
 * relay_run() takes its process for its own: signals, a subreaper. So each of
 * them runs in a child, whose stdout and stderr are ours to read, and says what
 * came of it in shared memory.
 */
#include "relay.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

#include "clock.h"
#include "os.h"
#include "scratch.h"

extern char **environ;

/* What the child has to say. */
struct said {
	struct relay r;
	int ret, err;
	enum spawn_stage stage;
	int64_t before_mono, after_mono;
	volatile bool over;
	bool strays;		/* children besides the strangers */
};

static struct scratch dir;
static struct said *said;
static struct relay r;		/* the settings of the next one */
static int out, err;		/* where what it passes on can be read */
static int to_out, to_err;	/* its stdout and stderr; -1: pipes */
static rlim_t file_most;	/* 0: no limit */
static bool own_session;
static pid_t stranger;		/* a child that it has before; 0 none */
static pid_t pid;

static int setup(void **state)
{
	static char *argv[4] = { (char *)"sh", (char *)"-c", NULL, NULL };

	(void)state;
	scratch_init(&dir);
	said = mmap(NULL, sizeof(*said), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(said != MAP_FAILED);
	memset(&r, 0, sizeof(r));
	r.argv = argv;
	r.envp = environ;
	r.path = getenv("PATH");
	r.in = open("/dev/null", O_RDONLY | O_CLOEXEC);
	r.dirfd = dir.fd;
	r.file[0] = "a.out";
	r.file[1] = "a.err";
	r.tree.stop_signal = SIGTERM;
	r.tree.grace_ms = 10000;
	out = err = to_out = to_err = -1;
	file_most = 0;
	own_session = false;
	stranger = 0;
	pid = -1;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	/* what a failed test left */
	if (pid > 0) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	if (out != -1)
		close(out);
	if (err != -1)
		close(err);
	close(r.in);
	munmap(said, sizeof(*said));
	scratch_release(&dir);
	return 0;
}

static void nap(void)
{
	struct timespec t = { 0, 2000000 };

	nanosleep(&t, NULL);
}

static void child(const int to[2])
{
	struct rlimit l = { file_most, file_most };
	int fd;

	/* the other ends are not ours */
	if (out != -1)
		close(out);
	if (err != -1)
		close(err);
	/* nor is what we were started with the command's */
	for (fd = 3; fd < 256; fd++)
		(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
	/* as main() has it */
	signal(SIGPIPE, SIG_IGN);
	dup2(to[0], STDOUT_FILENO);
	dup2(to[1], STDERR_FILENO);
	if (to[0] > 2)
		close(to[0]);
	if (to[1] > 2 && to[1] != to[0])
		close(to[1]);
	if (fchdir(dir.fd) == -1)
		_exit(1);
	if (own_session)
		setsid();
	else
		setpgid(0, 0);
	if (stranger != 0) {
		stranger = fork();
		if (stranger == 0) {
			for (;;)
				pause();
		}
	}
	if (file_most != 0)
		setrlimit(RLIMIT_FSIZE, &l);
	said->before_mono = clock_mono();
	said->ret = relay_run(&r, &said->stage);
	said->err = errno;
	said->after_mono = clock_mono();
	said->strays = waitpid(-1, NULL, WNOHANG) != -1 && stranger == 0;
	if (stranger != 0) {
		said->strays = os_parent(stranger) != getpid();
		kill(stranger, SIGKILL);
	}
	r.tree.strangers.v = NULL;
	said->r = r;
	said->over = true;
	_exit(0);
}

/* Begin it: with a script for sh, or with r.argv (NULL). */
static void begin(const char *script)
{
	int end[2][2], to[2] = { to_out, to_err }, i;

	memset(said, 0, sizeof(*said));
	if (script != NULL)
		((char **)r.argv)[2] = (char *)script;
	for (i = 0; i < 2; i++) {
		if (to[i] != -1)
			continue;
		assert_int_equal(pipe2(end[i], O_CLOEXEC), 0);
		*(i == 0 ? &out : &err) = end[i][0];
		to[i] = end[i][1];
	}
	pid = fork();
	if (pid == 0)
		child(to);
	assert_true(pid > 0);
	/* here, too: a signal for the group may be the next thing */
	if (!own_session)
		setpgid(pid, pid);
	for (i = 0; i < 2; i++)
		if (to[i] != -1 && (i == 0 || to[1] != to[0]))
			close(to[i]);
}

/* Read all that is passed on, until its end. */
static void drain(struct buf *o, struct buf *e)
{
	struct pollfd p[2] = { { out, POLLIN, 0 }, { err, POLLIN, 0 } };
	struct buf *to[2] = { o, e };
	static char data[65536];
	ssize_t n;
	int i;

	buf_str(o, "");
	buf_str(e, "");
	while (p[0].fd != -1 || p[1].fd != -1) {
		assert_true(poll(p, 2, 30000) > 0);
		for (i = 0; i < 2; i++) {
			if (p[i].fd == -1 || p[i].revents == 0)
				continue;
			n = read(p[i].fd, data, sizeof(data));
			assert_true(n >= 0);
			if (n == 0)
				p[i].fd = -1;
			else
				buf_add(to[i], data, (size_t)n);
		}
	}
}

/* It has ended by itself. */
static void over(void)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	pid = -1;
	assert_int_equal(status, 0);
	assert_true(said->over);
	assert_false(said->strays);
}

/* All of it: what was passed on, what stands in the files. */
static void runs(const char *script, const char *o, const char *e)
{
	struct buf got[2] = { { 0 }, { 0 } };

	begin(script);
	drain(&got[0], &got[1]);
	over();
	assert_int_equal(said->ret, 0);
	assert_string_equal(got[0].data, o);
	assert_string_equal(got[1].data, e);
	buf_release(&got[0]);
	buf_release(&got[1]);
}

static void file_is(const char *name, const char *text)
{
	struct buf is = { 0 };

	scratch_get(&dir, name, &is);
	assert_string_equal(is.data, text);
	buf_release(&is);
}

static bool exited(int code)
{
	int status = said->r.tree.status;

	return said->r.tree.cause == OUTCOME_NONE && WIFEXITED(status) &&
		WEXITSTATUS(status) == code;
}

static bool killed_by(int signo)
{
	int status = said->r.tree.status;

	return WIFSIGNALED(status) && WTERMSIG(status) == signo;
}

/* A file of the scratch directory that the command makes. */
static void until_there(const char *name)
{
	while (!scratch_has(&dir, name)) {
		assert_false(said->over);
		nap();
	}
}

static void both_streams(void **state)
{
	(void)state;
	runs("echo a; echo b >&2; printf c; exit 7", "a\nc", "b\n");
	assert_true(exited(7));
	file_is("a.out", "a\nc");
	file_is("a.err", "b\n");
	assert_int_equal(said->r.bytes[0], 3);
	assert_int_equal(said->r.bytes[1], 2);
	assert_false(said->r.vanished || said->r.left);
	assert_int_equal(said->r.unpassed | said->r.signo | said->r.err, 0);
}

/* What was there of an earlier one is gone. */
static void files_are_new(void **state)
{
	struct stat st;

	(void)state;
	scratch_put(&dir, "a.out", "something longer", 16);
	runs("echo a", "a\n", "");
	file_is("a.out", "a\n");
	assert_int_equal(fstatat(dir.fd, "a.out", &st, 0), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0600);
	/* of nothing there is no file */
	assert_false(scratch_has(&dir, "a.err"));
}

static void nothing_written(void **state)
{
	(void)state;
	runs("exit 0", "", "");
	assert_true(exited(0));
	assert_false(scratch_has(&dir, "a.out") || scratch_has(&dir, "a.err"));
	assert_int_equal(said->r.bytes[0] + said->r.bytes[1], 0);
}

/* 2>&1: one stream, in its order. */
static void merged(void **state)
{
	(void)state;
	r.file[1] = NULL;
	runs("for i in 1 2 3 4 5 6 7 8; do echo o$i; echo e$i >&2; done",
		"o1\ne1\no2\ne2\no3\ne3\no4\ne4\no5\ne5\no6\ne6\no7\ne7\no8\n"
		"e8\n", "");
	assert_int_equal(said->r.bytes[0], 48);
	assert_int_equal(said->r.bytes[1], 0);
	file_is("a.out", "o1\ne1\no2\ne2\no3\ne3\no4\ne4\no5\ne5\no6\ne6\no7\n"
		"e7\no8\ne8\n");
	assert_false(scratch_has(&dir, "a.err"));
}

static void silent(void **state)
{
	(void)state;
	r.silent = true;
	runs("echo a; echo b >&2; [ ! -t 1 ] && exit 3", "a\n", "b\n");
	assert_true(exited(3));
	assert_false(scratch_has(&dir, "a.out") || scratch_has(&dir, "a.err"));
	assert_int_equal(said->r.bytes[0] + said->r.bytes[1], 0);
}

/* Megabytes of any bytes, through both pipes at once. */
static void big(void **state)
{
	enum { SIZE = 3 * 1024 * 1024 + 17 };
	struct buf data = { 0 }, got[2] = { { 0 }, { 0 } }, file = { 0 };
	unsigned seed = 5;
	size_t i;

	(void)state;
	for (i = 0; i < SIZE; i++) {
		seed = seed * 1103515245 + 12345;
		buf_char(&data, (char)(seed >> 16));
	}
	scratch_put(&dir, "in", data.data, data.len);
	close(r.in);
	r.in = openat(dir.fd, "in", O_RDONLY | O_CLOEXEC);
	begin("tee /dev/fd/2");
	drain(&got[0], &got[1]);
	over();
	assert_true(exited(0));
	for (i = 0; i < 2; i++) {
		assert_int_equal(got[i].len, SIZE);
		assert_memory_equal(got[i].data, data.data, SIZE);
		assert_int_equal(said->r.bytes[i], SIZE);
		scratch_get(&dir, i == 0 ? "a.out" : "a.err", &file);
		assert_int_equal(file.len, SIZE);
		assert_memory_equal(file.data, data.data, SIZE);
		buf_release(&got[i]);
	}
	buf_release(&file);
	buf_release(&data);
}

/* A reader that comes late, of a pipe that somebody has made so that it does
 * not block: it gets all. Nor is the command idle while it cannot write. */
static void late_reader(void **state)
{
	struct buf got[2] = { { 0 }, { 0 } };
	int end[2], i;

	(void)state;
	assert_int_equal(pipe2(end, O_CLOEXEC | O_NONBLOCK), 0);
	out = end[0];
	to_out = end[1];
	fcntl(out, F_SETFL, 0);
	r.tree.idle_ms = 250;
	begin("head -c 400000 /dev/zero; echo over >&2");
	assert_int_equal(poll(&(struct pollfd){ .fd = out, .events = POLLIN },
		1, 30000), 1);
	for (i = 0; i < 200; i++)
		nap();
	assert_false(said->over);
	drain(&got[0], &got[1]);
	over();
	assert_true(exited(0));
	assert_int_equal(got[0].len, 400000);
	assert_string_equal(got[1].data, "over\n");
	buf_release(&got[0]);
	buf_release(&got[1]);
}

/* It is passed on as it comes, not when it is over. */
static void live(void **state)
{
	struct pollfd p;
	char byte[3];
	int end[2];

	(void)state;
	assert_int_equal(pipe2(end, O_CLOEXEC), 0);
	close(r.in);
	r.in = end[0];
	begin("printf x; read a; printf y >&2; read a; echo $a");
	p = (struct pollfd){ out, POLLIN, 0 };
	assert_int_equal(poll(&p, 1, 30000), 1);
	assert_int_equal(read(out, byte, 3), 1);
	file_is("a.out", "x");
	assert_int_equal(write(end[1], "\n", 1), 1);
	p.fd = err;
	assert_int_equal(poll(&p, 1, 30000), 1);
	assert_int_equal(read(err, byte, 3), 1);
	assert_int_equal(byte[0], 'y');
	assert_int_equal(write(end[1], "end\n", 4), 4);
	close(end[1]);
	over();
	assert_true(exited(0));
	assert_int_equal(read(out, byte, 3), 3);
	file_is("a.out", "xend\n");
}

/* Its stdout is a file, and what stood in it stays. */
static void into_files(void **state)
{
	(void)state;
	scratch_put(&dir, "log", "before\n", 7);
	to_out = openat(dir.fd, "log", O_WRONLY | O_APPEND | O_CLOEXEC);
	to_err = openat(dir.fd, "log", O_WRONLY | O_APPEND | O_CLOEXEC);
	begin("echo a; echo b");
	over();
	assert_true(exited(0));
	file_is("log", "before\na\nb\n");
	file_is("a.out", "a\nb\n");
}

static void reader_vanishes(void **state)
{
	char data[4096];

	(void)state;
	begin("while echo line; do :; done; exit 9");
	assert_true(read(out, data, sizeof(data)) > 0);
	close(out);
	out = -1;
	over();
	assert_int_equal(said->ret, 0);
	assert_true(said->r.vanished);
	assert_int_equal(said->r.unpassed, 0);
	assert_int_equal(said->r.signo, 0);
	assert_true(killed_by(SIGPIPE) || exited(9));
}

/* One that writes nothing does not stay for ever. */
static void quiet_command(void **state)
{
	(void)state;
	begin("exec sleep 1000");
	close(out);
	out = -1;
	over();
	assert_true(said->r.vanished);
	assert_int_equal(said->r.unpassed, 0);
	assert_true(killed_by(SIGTERM));
}

/* The reader is gone before the first byte, and of stderr only. */
static void no_reader(void **state)
{
	int end[2];

	(void)state;
	assert_int_equal(pipe2(end, O_CLOEXEC), 0);
	close(end[0]);
	to_err = end[1];
	begin("echo a; while :; do echo b >&2; done; exit 4");
	over();
	assert_true(said->r.vanished);
	assert_int_equal(said->r.unpassed, 0);
	assert_true(killed_by(SIGPIPE) || exited(4));
}

/* A socket whose other side reads no more: that is seen by writing only. */
static void deaf_socket(void **state)
{
	int end[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
		end), 0);
	assert_int_equal(shutdown(end[0], SHUT_RD), 0);
	to_out = end[1];
	begin("while echo line; do :; done; exit 4");
	over();
	close(end[0]);
	assert_true(said->r.vanished);
	assert_int_equal(said->r.unpassed, 0);
	assert_true(killed_by(SIGPIPE) || exited(4));
}

/* The other side is closed: as with a pipe, one that writes nothing does not
 * stay for ever. */
static void closed_socket(void **state)
{
	int end[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
		end), 0);
	out = end[0];
	to_out = end[1];
	begin("exec sleep 1000");
	close(out);
	out = -1;
	over();
	assert_true(said->r.vanished);
	assert_int_equal(said->r.unpassed, 0);
	assert_true(killed_by(SIGTERM));
}

/* It cannot be passed on for another reason: that is an error. */
static void cannot_be_passed_on(void **state)
{
	(void)state;
	to_out = open("/dev/full", O_WRONLY | O_CLOEXEC);
	begin("echo a; exit 0");
	over();
	assert_int_equal(said->ret, 0);
	assert_int_equal(said->r.unpassed, ENOSPC);
	assert_true(said->r.vanished);
	assert_int_equal(said->r.err, 0);
}

static void not_for_writing(void **state)
{
	(void)state;
	scratch_put(&dir, "log", "before\n", 7);
	to_out = openat(dir.fd, "log", O_RDONLY | O_CLOEXEC);
	begin("echo a; exit 0");
	over();
	assert_int_equal(said->r.unpassed, EBADF);
	file_is("log", "before\n");
}

/* A disk that is full: the reader gets all, and it is said that the file has
 * not got it. */
static void file_is_full(void **state)
{
	struct buf got[2] = { { 0 }, { 0 } };
	struct stat st;

	(void)state;
	file_most = 5000;
	begin("head -c 100000 /dev/zero; echo b >&2");
	drain(&got[0], &got[1]);
	over();
	assert_true(exited(0));
	assert_int_equal(got[0].len, 100000);
	assert_string_equal(got[1].data, "b\n");
	assert_int_equal(said->r.err, EFBIG);
	assert_int_equal(said->r.unpassed, 0);
	assert_false(said->r.vanished);
	assert_int_equal(fstatat(dir.fd, "a.out", &st, 0), 0);
	assert_int_equal(st.st_size, 5000);
	buf_release(&got[0]);
	buf_release(&got[1]);
}

/* Links in place of its files: nobody goes there. */
static void planted_links(void **state)
{
	(void)state;
	scratch_put(&dir, "outside", "secret", 6);
	assert_int_equal(symlinkat("outside", dir.fd, "a.out"), 0);
	assert_int_equal(symlinkat("none", dir.fd, "a.err"), 0);
	runs("echo a; echo b >&2", "a\n", "b\n");
	assert_true(exited(0));
	assert_int_equal(said->r.err, 0);
	file_is("a.out", "a\n");
	file_is("a.err", "b\n");
	file_is("outside", "secret");
	assert_false(scratch_has(&dir, "none"));
	/* nor through a name that a file has besides its own */
	assert_int_equal(unlinkat(dir.fd, "a.out", 0), 0);
	assert_int_equal(linkat(dir.fd, "outside", dir.fd, "a.out", 0), 0);
	runs("echo c", "c\n", "");
	assert_int_equal(said->r.err, 0);
	file_is("a.out", "c\n");
	file_is("outside", "secret");
	/* what cannot be put away is an error */
	assert_int_equal(unlinkat(dir.fd, "a.out", 0), 0);
	assert_int_equal(mkdirat(dir.fd, "a.out", 0700), 0);
	runs("echo a", "a\n", "");
	assert_int_equal(said->r.err, EISDIR);
	/* with limits they are needed before anything is run */
	r.tree.idle_ms = 60000;
	begin("touch begun");
	over();
	assert_int_equal(said->ret, -1);
	assert_int_equal(said->err, EISDIR);
	assert_int_equal(said->stage, SPAWN_FDS);
	file_is("outside", "secret");
	assert_false(scratch_has(&dir, "begun") || scratch_has(&dir, "none"));
	assert_int_equal(unlinkat(dir.fd, "a.out", AT_REMOVEDIR), 0);
}

static void not_started(void **state)
{
	static char *none[] = { (char *)"no-such-program", NULL };
	static char *file[] = { (char *)"./plain", NULL };
	static char *dirs[] = { (char *)"/", NULL };
	static const struct { char **argv; int err; } c[] = {
		{ none, ENOENT }, { file, ENOENT }, { dirs, EACCES },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(c) / sizeof(c[0]); i++) {
		r.argv = c[i].argv;
		begin(NULL);
		over();
		assert_int_equal(said->ret, -1);
		assert_int_equal(said->err, c[i].err);
		assert_int_equal(said->stage, SPAWN_EXEC);
		assert_false(scratch_has(&dir, "a.out"));
		close(out);
		close(err);
	}
	out = err = -1;
}

/* It sees what it was given: words, environment, stdin. */
static void given(void **state)
{
	static char *argv[] = { (char *)"sh", (char *)"-c",
		(char *)"printf '<%s>' \"$@\" \"$GIVEN\" \"$(cat)\"; ls -l "
		"/proc/self/fd | LC_ALL=C grep -c -- '->'", (char *)"x",
		(char *)"a b", (char *)"", (char *)"\xff\n", NULL };
	static char *envp[] = { (char *)"GIVEN=this", (char *)"PATH=/bin:"
		"/usr/bin", NULL };

	(void)state;
	scratch_put(&dir, "in", "input", 5);
	close(r.in);
	r.in = openat(dir.fd, "in", O_RDONLY | O_CLOEXEC);
	r.argv = argv;
	r.envp = envp;
	/* 0, 1, 2, and that of ls itself */
	runs(NULL, "<a b><><\xff\n><this><input>4\n", "");
	assert_true(exited(0));
}

static void time_limit(void **state)
{
	struct buf got[2] = { { 0 }, { 0 } };

	(void)state;
	r.tree.timeout_ms = 60;
	begin("echo a; exec sleep 1000");
	drain(&got[0], &got[1]);
	over();
	assert_int_equal(said->r.tree.cause, OUTCOME_TIMEOUT);
	assert_true(killed_by(SIGTERM));
	assert_int_equal(said->r.signo, 0);
	assert_false(said->r.vanished);
	buf_release(&got[0]);
	buf_release(&got[1]);
}

static void idle(void **state)
{
	struct buf got[2] = { { 0 }, { 0 } };

	(void)state;
	r.tree.idle_ms = 100;
	begin("echo a; exec sleep 1000");
	drain(&got[0], &got[1]);
	over();
	assert_int_equal(said->r.tree.cause, OUTCOME_IDLE);
	assert_true(killed_by(SIGTERM));
	/* made before anything was written */
	assert_true(scratch_has(&dir, "a.out") && scratch_has(&dir, "a.err"));
	buf_release(&got[0]);
	buf_release(&got[1]);
}

/* Also while its reader does not read. */
static void limit_with_late_reader(void **state)
{
	struct buf got[2] = { { 0 }, { 0 } }, text = { 0 };
	pid_t command;

	(void)state;
	r.tree.timeout_ms = 150;
	begin("echo $$ >pid.new; mv pid.new pid; exec yes");
	until_there("pid");
	scratch_get(&dir, "pid", &text);
	command = (pid_t)strtol(text.data, NULL, 10);
	while (os_runs(command))
		nap();
	drain(&got[0], &got[1]);
	over();
	assert_int_equal(said->r.tree.cause, OUTCOME_TIMEOUT);
	assert_true(killed_by(SIGTERM));
	assert_int_equal(got[0].len, said->r.bytes[0]);
	assert_int_equal(said->r.unpassed, 0);
	assert_false(said->r.vanished);
	buf_release(&got[0]);
	buf_release(&got[1]);
	buf_release(&text);
}

/* It is stopped by what it writes, when it is ready for that. */
#define FLOOD "; head -c 3000 /dev/zero; while :; do sleep 0.02; done"

static void floods(const char *script, struct buf *got)
{
	struct buf e = { 0 };

	r.tree.max_output = 2000;
	begin(script);
	drain(got, &e);
	over();
	assert_int_equal(said->r.tree.cause, OUTCOME_FLOOD);
	assert_int_equal(said->r.bytes[0], got->len);
	assert_int_equal(said->r.signo, 0);
	assert_false(said->r.left);
	buf_release(&e);
}

static void flood(void **state)
{
	struct buf got = { 0 };

	(void)state;
	floods("while :; do echo 0123456789; done", &got);
	assert_true(killed_by(SIGTERM));
	assert_true(got.len > 2000);
	buf_release(&got);
}

/* What does not obey is killed, and what it has started is. */
static void grace_is_over(void **state)
{
	struct buf got = { 0 };

	(void)state;
	r.tree.grace_ms = 60;
	floods("trap '' TERM; sleep 1000 & true" FLOOD, &got);
	assert_true(killed_by(SIGKILL));
	assert_int_equal(got.len, 3000);
	buf_release(&got);
}

static void stop_signal(void **state)
{
	struct buf got = { 0 };

	(void)state;
	r.tree.stop_signal = SIGUSR2;
	floods("trap 'echo told; exit 3' USR2" FLOOD, &got);
	assert_int_equal(WEXITSTATUS(said->r.tree.status), 3);
	assert_int_equal(got.len, 3005);
	assert_string_equal(got.data + 3000, "told\n");
	buf_release(&got);
}

/* A command that is over leaves nobody behind, neither in its group nor out of
 * it. */
static void leaves_nobody(void **state)
{
	struct buf got[2] = { { 0 }, { 0 } };
	char *line;
	int n = 0;

	(void)state;
	r.tree.grace_ms = 100;
	begin("sleep 1000 & echo $!; (sleep 1000 & echo $!); setsid sh -c "
		"'echo $$; trap \"\" TERM; while :; do sleep 1000; done' & "
		"until [ \"$(grep -c . a.out 2>/dev/null)\" = 3 ]; do "
		"sleep 0.01; done; exit 5");
	drain(&got[0], &got[1]);
	over();
	assert_true(exited(5));
	assert_false(said->r.left);
	for (line = strtok(got[0].data, "\n"); line != NULL;
	     line = strtok(NULL, "\n"), n++)
		assert_false(os_runs((pid_t)strtol(line, NULL, 10)));
	assert_int_equal(n, 3);
	buf_release(&got[0]);
	buf_release(&got[1]);
}

/* Children that were there before are none of its business, however hard it has
 * to stop the command. */
static void strangers(void **state)
{
	struct buf got = { 0 };

	(void)state;
	stranger = 1;
	r.tree.grace_ms = 60;
	floods("trap '' TERM" FLOOD, &got);
	assert_true(killed_by(SIGKILL));
	buf_release(&got);
}

/* Told by somebody: the command is stopped, once, and with its own signal. */
static void told_to_stop(void **state)
{
	static const int signo[] = { SIGTERM, SIGINT, SIGHUP };
	struct buf got[2] = { { 0 }, { 0 } };
	size_t i;

	(void)state;
	r.tree.stop_signal = SIGUSR1;
	for (i = 0; i < sizeof(signo) / sizeof(signo[0]); i++) {
		buf_reset(&got[0]);
		buf_reset(&got[1]);
		begin("trap 'echo told; n=1' USR1; "
			"trap 'echo wrong' TERM INT HUP; touch begun; "
			"while [ -z \"$n\" ]; do sleep 0.02; done; "
			"sleep 0.05; exit 6");
		until_there("begun");
		kill(pid, signo[i]);
		drain(&got[0], &got[1]);
		over();
		assert_string_equal(got[0].data, "told\n");
		assert_int_equal(said->r.signo, signo[i]);
		assert_int_equal(said->r.tree.cause, OUTCOME_INTERRUPTED);
		assert_int_equal(WEXITSTATUS(said->r.tree.status), 6);
		unlinkat(dir.fd, "begun", 0);
		close(out);
		close(err);
	}
	out = err = -1;
	buf_release(&got[0]);
	buf_release(&got[1]);
}

/* What it writes as its last deed arrives, however soon it is over then. */
static void last_words(void **state)
{
	struct buf got[2] = { { 0 }, { 0 } };
	int i;

	(void)state;
	for (i = 0; i < 60; i++) {
		buf_reset(&got[0]);
		buf_reset(&got[1]);
		begin("trap 'echo told; exit 6' TERM; touch begun; "
			"while :; do :; done");
		until_there("begun");
		kill(pid, SIGTERM);
		drain(&got[0], &got[1]);
		over();
		assert_string_equal(got[0].data, "told\n");
		file_is("a.out", "told\n");
		unlinkat(dir.fd, "begun", 0);
		close(out);
		close(err);
	}
	out = err = -1;
	buf_release(&got[0]);
	buf_release(&got[1]);
}

/* Nobody reads what it wrote: that holds up nobody who wants it to end. */
static void told_with_deaf_reader(void **state)
{
	static const int signo[] = { SIGTERM, SIGINT, SIGHUP, SIGQUIT };
	struct buf text = { 0 };
	size_t i;

	(void)state;
	for (i = 0; i < 2 * sizeof(signo) / sizeof(signo[0]); i++) {
		pid_t command;

		/* one that still writes, and one that is over */
		begin(i % 2 == 0 ? "echo $$ >pid.new; mv pid.new pid; exec yes"
			: "echo $$ >pid.new; mv pid.new pid; "
			"exec head -c 100000 /dev/zero");
		until_there("pid");
		scratch_get(&dir, "pid", &text);
		command = (pid_t)strtol(text.data, NULL, 10);
		while (i % 2 == 1 && os_runs(command))
			nap();
		kill(pid, signo[i / 2]);
		over();
		assert_int_equal(said->r.signo, signo[i / 2]);
		assert_false(os_runs(command));
		unlinkat(dir.fd, "pid", 0);
		close(out);
		close(err);
	}
	out = err = -1;
	buf_release(&text);
}

/* QUIT: at once. */
static void told_to_quit(void **state)
{
	(void)state;
	begin("trap '' TERM QUIT INT; touch begun; while :; do sleep 1000; "
		"done");
	until_there("begun");
	kill(pid, SIGQUIT);
	over();
	assert_int_equal(said->r.signo, SIGQUIT);
	assert_int_equal(said->r.tree.cause, OUTCOME_INTERRUPTED);
	assert_true(killed_by(SIGKILL));
}

/* Other signals are the command's. */
static void passed_on(void **state)
{
	struct buf got[2] = { { 0 }, { 0 } };

	(void)state;
	begin("trap 'echo one; touch one' USR1; trap 'echo two; exit 8' USR2; "
		"touch begun; while :; do sleep 0.01; done");
	until_there("begun");
	kill(pid, SIGUSR1);
	until_there("one");
	kill(pid, SIGUSR2);
	drain(&got[0], &got[1]);
	over();
	assert_string_equal(got[0].data, "one\ntwo\n");
	assert_true(exited(8));
	assert_int_equal(said->r.signo, 0);
	buf_release(&got[0]);
	buf_release(&got[1]);
}

/* The keeper, or a relay above, tells all of the group itself: the command does
 * not get it a second time, and its grace is the keeper's business. */
static void told_with_the_group(void **state)
{
	int by, who;

	(void)state;
	for (by = 0; by < 2; by++)
		for (who = 0; who < 2; who++) {
			struct buf got[2] = { { 0 }, { 0 } };

			/* we are the parent of its session's leader; or the
			 * one above */
			own_session = by == 0;
			r.above = by == 0 ? 0 : getpid();
			r.tree.grace_ms = 1;
			begin("trap 'echo told' TERM; touch begun; "
				"while [ ! -e go ]; do sleep 0.02; done; "
				"exit 6");
			until_there("begun");
			kill(who == 0 ? pid : -pid, SIGTERM);
			/* much longer than its grace */
			for (int i = 0; i < 20; i++)
				nap();
			assert_false(said->over);
			scratch_put(&dir, "go", "", 0);
			drain(&got[0], &got[1]);
			over();
			assert_string_equal(got[0].data, who == 0 ? "" :
				"told\n");
			assert_int_equal(said->r.signo, SIGTERM);
			assert_int_equal(said->r.tree.cause,
				OUTCOME_INTERRUPTED);
			assert_int_equal(WEXITSTATUS(said->r.tree.status), 6);
			unlinkat(dir.fd, "begun", 0);
			unlinkat(dir.fd, "go", 0);
			close(out);
			close(err);
			buf_release(&got[0]);
			buf_release(&got[1]);
		}
	out = err = -1;
}

/* What has left the group is told when the command itself is gone. */
static void left_the_group(void **state)
{
	struct buf got[2] = { { 0 }, { 0 } };

	(void)state;
	own_session = true;
	begin("trap 'exit 9' TERM; setsid sh -c 'trap \"echo told; exit\" "
		"TERM; touch begun; while :; do sleep 0.02; done' & "
		"while :; do sleep 0.02; done");
	until_there("begun");
	kill(-pid, SIGTERM);
	drain(&got[0], &got[1]);
	over();
	assert_string_equal(got[0].data, "told\n");
	assert_int_equal(WEXITSTATUS(said->r.tree.status), 9);
	buf_release(&got[0]);
	buf_release(&got[1]);
}

/* Others of its group are left alone by its own stops. */
static void group_is_shared(void **state)
{
	struct buf got[2] = { { 0 }, { 0 } };
	pid_t other;
	int status;

	(void)state;
	r.tree.max_output = 2000;
	r.tree.grace_ms = 60;
	begin("trap '' TERM; until [ -e go ]; do sleep 0.02; done" FLOOD);
	other = fork();
	if (other == 0) {
		for (;;)
			pause();
	}
	assert_int_equal(setpgid(other, pid), 0);
	scratch_put(&dir, "go", "", 0);
	drain(&got[0], &got[1]);
	over();
	assert_int_equal(said->r.tree.cause, OUTCOME_FLOOD);
	assert_true(killed_by(SIGKILL));
	assert_int_equal(waitpid(other, &status, WNOHANG), 0);
	kill(other, SIGKILL);
	assert_int_equal(waitpid(other, &status, 0), other);
	buf_release(&got[0]);
	buf_release(&got[1]);
}

/* While all is stopped (Ctrl+Z), no limit goes on. */
static void stopped_meanwhile(void **state)
{
	struct buf got[2] = { { 0 }, { 0 } };
	int64_t began, stopped;
	int end[2], status, i;

	(void)state;
	assert_int_equal(pipe2(end, O_CLOEXEC), 0);
	close(r.in);
	r.in = end[0];
	r.tree.timeout_ms = 100000;
	begin("touch begun; read a; echo $a");
	until_there("begun");
	kill(pid, SIGSTOP);
	assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
	assert_true(WIFSTOPPED(status));
	began = clock_mono();
	for (i = 0; i < 30; i++)
		nap();
	stopped = clock_mono() - began;
	kill(pid, SIGCONT);
	assert_int_equal(waitpid(pid, &status, WCONTINUED), pid);
	assert_int_equal(write(end[1], "x\n", 2), 2);
	close(end[1]);
	drain(&got[0], &got[1]);
	over();
	assert_string_equal(got[0].data, "x\n");
	assert_true(exited(0));
	assert_int_equal(said->r.signo, 0);
	assert_true(said->r.tree.timeout_mono >= said->before_mono + 100000 +
		stopped - 2);
	assert_true(said->r.tree.timeout_mono <= said->after_mono + 100000);
	buf_release(&got[0]);
	buf_release(&got[1]);
}

/* Killed itself: what it runs goes with it. */
static void killed(void **state)
{
	struct buf text = { 0 };
	pid_t command;

	(void)state;
	begin("echo $$ >pid.new; mv pid.new pid; exec sleep 1000");
	until_there("pid");
	scratch_get(&dir, "pid", &text);
	command = (pid_t)strtol(text.data, NULL, 10);
	assert_true(os_runs(command));
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	pid = -1;
	while (os_runs(command))
		nap();
	buf_release(&text);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(both_streams), T(files_are_new), T(nothing_written),
		T(merged), T(silent), T(big), T(late_reader), T(live),
		T(into_files), T(reader_vanishes), T(quiet_command),
		T(no_reader), T(deaf_socket), T(closed_socket),
		T(cannot_be_passed_on),
		T(not_for_writing), T(file_is_full), T(planted_links),
		T(not_started), T(given), T(time_limit),
		T(limit_with_late_reader), T(idle), T(flood),
		T(grace_is_over), T(stop_signal), T(leaves_nobody),
		T(strangers), T(told_to_stop), T(last_words),
		T(told_with_deaf_reader),
		T(told_to_quit), T(passed_on), T(told_with_the_group),
		T(left_the_group), T(group_is_shared), T(stopped_meanwhile),
		T(killed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
