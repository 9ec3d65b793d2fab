/* SPDX-License-Identifier: ISC */
#include "io.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>

#include "clock.h"
#include "scratch.h"

static volatile sig_atomic_t alarms;

/* Not for ever: under valgrind, on a busy machine, one takes longer than it is
 * to the next, and nothing else would ever happen. */
static void on_alarm(int signo)
{
	struct itimerval off = { { 0, 0 }, { 0, 0 } };

	(void)signo;
	if (++alarms == 500)
		setitimer(ITIMER_REAL, &off, NULL);
}

/* A megabyte through a pipe, with a signal every millisecond on both sides:
 * short transfers and EINTR. */
static void interrupted(void **state)
{
	enum { MUCH = 1 << 20 };
	static char data[MUCH], back[MUCH];
	struct sigaction sa = { .sa_handler = on_alarm };
	struct itimerval every = { { 0, 1000 }, { 0, 1000 } };
	struct itimerval off = { { 0, 0 }, { 0, 0 } };
	int fd[2], status;
	int64_t until;
	size_t i;
	pid_t pid;

	(void)state;
	for (i = 0; i < MUCH; i++)
		data[i] = (char)(i * 7 + (i >> 8));
	assert_int_equal(pipe(fd), 0);
	pid = fork();
	assert_true(pid != -1);
	sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, &every, NULL);
	if (pid == 0) {
		close(fd[0]);
		_exit(io_write(fd[1], data, MUCH) == 0 ? 0 : 1);
	}
	close(fd[1]);
	/* the pipe fills up, and the writer is interrupted with nothing done */
	for (until = clock_mono() + 30; clock_mono() < until; )
		;
	assert_int_equal(io_read(fd[0], back, MUCH), MUCH);
	assert_memory_equal(data, back, MUCH);
	assert_int_equal(io_read(fd[0], back, MUCH), 0);
	setitimer(ITIMER_REAL, &off, NULL);
	close(fd[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void slurp(void **state)
{
	struct buf out = { 0 };
	struct scratch d;
	struct why why;
	char big[70000];
	size_t n;

	(void)state;
	memset(big, 'x', sizeof(big));
	scratch_init(&d);
	for (n = 65534; n < 65540; n++) {
		scratch_put(&d, "f", big, n);
		buf_reset(&out);
		buf_str(&out, "had");
		assert_int_equal(io_slurp(d.fd, "f", n, &out, &why), 0);
		assert_int_equal(out.len, n + 3);
		assert_int_equal(out.data[out.len], '\0');
		assert_int_equal(io_slurp(d.fd, "f", n - 1, &out, &why), -1);
		assert_int_equal(why.err, EFBIG);
		/* what was there before stays */
		assert_int_equal(out.len, n + 3);
	}
	buf_release(&out);
	scratch_put(&d, "f", "", 0);
	assert_int_equal(io_slurp(d.fd, "f", 10, &out, &why), 0);
	assert_int_equal(out.len, 0);
	assert_string_equal(out.data, "");
	assert_int_equal(io_slurp(d.fd, "none", 10, &out, &why), -1);
	assert_int_equal(why.err, ENOENT);
	assert_int_equal(symlinkat("f", d.fd, "link"), 0);
	assert_int_equal(io_slurp(d.fd, "link", 10, &out, &why), -1);
	assert_int_equal(mkfifoat(d.fd, "fifo", 0600), 0);
	assert_int_equal(io_slurp(d.fd, "fifo", 10, &out, NULL), 0);
	assert_int_equal(io_slurp(d.fd, ".", 10, &out, &why), -1);
	buf_release(&out);
	scratch_release(&d);
}

static void replace(void **state)
{
	struct buf out = { 0 };
	struct rlimit was, now;
	struct scratch d;
	struct why why;
	struct stat st;

	(void)state;
	scratch_init(&d);
	assert_int_equal(io_replace(d.fd, "f", "one", 3, &why), 0);
	assert_int_equal(fstatat(d.fd, "f", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	/* a leftover and a planted link of that name are in nobody's way */
	scratch_put(&d, "precious", "x", 1);
	assert_int_equal(symlinkat("precious", d.fd, "f.new"), 0);
	assert_int_equal(io_replace(d.fd, "f", "two!", 4, &why), 0);
	scratch_get(&d, "f", &out);
	assert_string_equal(out.data, "two!");
	scratch_get(&d, "precious", &out);
	assert_string_equal(out.data, "x");
	assert_false(scratch_has(&d, "f.new"));
	/* no room: the old one stays whole */
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
	now = was;
	now.rlim_cur = 2;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &now), 0);
	assert_int_equal(io_replace(d.fd, "f", "three", 5, &why), -1);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
	assert_int_equal(why.err, EFBIG);
	scratch_get(&d, "f", &out);
	assert_string_equal(out.data, "two!");
	buf_release(&out);
	scratch_release(&d);
}

static void copy(void **state)
{
	struct buf out = { 0 };
	struct scratch d;
	char big[200000];
	int from, to, fd[2];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(big); i++)
		big[i] = (char)(i ^ i >> 8);
	scratch_init(&d);
	scratch_put(&d, "from", big, sizeof(big));
	from = openat(d.fd, "from", O_RDONLY | O_CLOEXEC);
	to = openat(d.fd, "to", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(lseek(from, 5, SEEK_SET), 5);
	assert_int_equal(io_copy(from, to), 0);
	close(from);
	scratch_get(&d, "to", &out);
	assert_int_equal(out.len, sizeof(big) - 5);
	assert_memory_equal(out.data, big + 5, out.len);
	/* what cannot be copied in the kernel: by hand */
	assert_int_equal(pipe(fd), 0);
	assert_int_equal(io_write(fd[1], "through a pipe", 14), 0);
	close(fd[1]);
	assert_int_equal(io_copy(fd[0], to), 0);
	close(fd[0]);
	scratch_get(&d, "to", &out);
	assert_int_equal(out.len, sizeof(big) - 5 + 14);
	/* an error is one */
	from = openat(d.fd, "from", O_RDONLY | O_CLOEXEC);
	close(to);
	to = open("/dev/full", O_WRONLY | O_CLOEXEC);
	assert_int_equal(io_copy(from, to), -1);
	assert_int_equal(errno, ENOSPC);
	close(from);
	close(to);
	buf_release(&out);
	scratch_release(&d);
}

/* Whatever stands at the name. */
static void hostile_names(void **state)
{
	static const int how[] = { O_RDONLY, O_WRONLY | O_APPEND | O_CREAT,
		O_RDWR | O_CREAT };
	struct buf out = { 0 };
	struct scratch d;
	struct stat st;
	size_t i;
	int fd;

	(void)state;
	scratch_init(&d);
	scratch_put(&d, "outside", "x", 1);
	assert_int_equal(symlinkat("outside", d.fd, "link"), 0);
	assert_int_equal(linkat(d.fd, "outside", d.fd, "hard", 0), 0);
	assert_int_equal(mkfifoat(d.fd, "fifo", 0600), 0);
	assert_int_equal(mkdirat(d.fd, "dir", 0700), 0);
	for (i = 0; i < sizeof(how) / sizeof(how[0]); i++) {
		assert_int_equal(io_open(d.fd, "link", how[i]), -1);
		assert_int_equal(errno, ELOOP);
		assert_int_equal(io_open(d.fd, "fifo", how[i]), -1);
		assert_int_equal(errno, ENXIO);
		assert_int_equal(io_open(d.fd, "dir", how[i]), -1);
		assert_int_equal(errno, how[i] == O_RDONLY ? ENXIO : EISDIR);
		fd = io_open(d.fd, "hard", how[i]);
		assert_true((fd != -1) == (how[i] == O_RDONLY));
		if (fd == -1)
			assert_int_equal(errno, EMLINK);
		else
			close(fd);
	}
	assert_int_equal(io_open(d.fd, "none", O_RDONLY), -1);
	assert_int_equal(errno, ENOENT);
	/* anew: it is put away, and what it led to stays */
	fd = io_open(d.fd, "dir", O_WRONLY | O_CREAT | O_EXCL);
	assert_int_equal(fd, -1);
	assert_int_equal(errno, EISDIR);
	for (i = 0; i < 4; i++) {
		static const char *const name[] = { "link", "hard", "fifo",
			"new" };

		fd = io_open(d.fd, name[i], O_WRONLY | O_CREAT | O_EXCL |
			O_APPEND);
		assert_true(fd != -1);
		assert_int_equal(io_write(fd, "new", 3), 0);
		assert_int_equal(fstat(fd, &st), 0);
		assert_int_equal(st.st_mode, S_IFREG | 0600);
		/* as a step may see it */
		assert_int_equal(fcntl(fd, F_GETFL) & (O_NONBLOCK | O_APPEND |
			O_ACCMODE), O_APPEND | O_WRONLY);
		assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
		close(fd);
		scratch_get(&d, "outside", &out);
		assert_string_equal(out.data, "x");
	}
	buf_release(&out);
	scratch_release(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(interrupted),
		cmocka_unit_test(slurp),
		cmocka_unit_test(replace),
		cmocka_unit_test(copy),
		cmocka_unit_test(hostile_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
