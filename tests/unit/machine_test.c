/* SPDX-License-Identifier: ISC */
#include "machine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "clock.h"
#include "scratch.h"

static struct scratch dir;
static struct machine m;

static const char *two[] = { "0", "1" };
static const struct pool gpu = { .name = "gpu", .slot = two, .nslots = 2 };

static int setup(void **state)
{
	(void)state;
	scratch_init(&dir);
	assert_int_equal(setenv("DUREXEC_MACHINE_DIR", dir.path, 1), 0);
	m.dirfd = -1;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	machine_close(&m);
	scratch_release(&dir);
	return 0;
}

/* What it answers now; the rest where it matters. */
static int64_t until;
static struct why why;
static int slot;

static enum machine_answer take_at(const struct pool *p, int64_t now, int *fd)
{
	enum machine_answer a;

	memset(&why, 'x', sizeof(why));
	a = machine_take(&m, p, now, &slot, fd, &until, &why);
	assert_int_equal(*fd != -1, a == MACHINE_TAKEN);
	assert_int_equal(slot != -1, a == MACHINE_TAKEN);
	assert_int_equal(until != 0, a == MACHINE_WAIT);
	if (a == MACHINE_BUSY || a == MACHINE_WAIT)
		assert_string_equal(why.text, "");
	return a;
}

static enum machine_answer take(const struct pool *p, int *fd)
{
	return take_at(p, clock_wall(), fd);
}

static void takes(const struct pool *p, int want, int *fd)
{
	assert_int_equal(take(p, fd), MACHINE_TAKEN);
	assert_int_equal(slot, want);
	assert_string_equal(why.text, "");
	assert_true(fcntl(*fd, F_GETFD) & FD_CLOEXEC);
}

static void busy(const struct pool *p)
{
	int fd;

	assert_int_equal(take(p, &fd), MACHINE_BUSY);
}

static void put_note(const char *text)
{
	scratch_put(&dir, "pool:gpu", text, strlen(text));
}

/* It lives until it is killed; not for ever when a test fails. */
static noreturn void rest(void)
{
	alarm(30);
	for (;;)
		pause();
}

/* A child that has got to the point where it says so on the pipe. */
static pid_t child(void (*run)(int say))
{
	int end[2];
	char c;
	pid_t pid;

	assert_int_equal(pipe(end), 0);
	pid = fork();
	if (pid == 0) {
		close(end[0]);
		run(end[1]);
		_exit(0);
	}
	close(end[1]);
	assert_int_equal(read(end[0], &c, 1), 1);
	close(end[0]);
	return pid;
}

static void ends(pid_t pid, int signo)
{
	int status;

	if (signo != 0)
		assert_int_equal(kill(pid, signo), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (signo == 0)
		assert_int_equal(status, 0);
}

static void directory(void **state)
{
	char path[128], other[128];
	struct machine a = { -1 };
	struct stat st;
	mode_t old = umask(0);

	(void)state;
	/* made, and ours alone, whatever the umask */
	snprintf(path, sizeof(path), "%s/made", dir.path);
	setenv("DUREXEC_MACHINE_DIR", path, 1);
	assert_int_equal(machine_open(&a, &why), 0);
	umask(old);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_true(fcntl(a.dirfd, F_GETFD) & FD_CLOEXEC);
	machine_close(&a);
	assert_int_equal(machine_open(&a, &why), 0);
	machine_close(&a);
	machine_close(&a);
	/* others may write to it */
	assert_int_equal(chmod(path, 0770), 0);
	assert_int_equal(machine_open(&a, &why), -1);
	assert_non_null(strstr(why.text, "others may write"));
	assert_int_equal(chmod(path, 0700), 0);
	/* a link to it */
	snprintf(other, sizeof(other), "%s/link", dir.path);
	assert_int_equal(symlink(path, other), 0);
	setenv("DUREXEC_MACHINE_DIR", other, 1);
	assert_int_equal(machine_open(&a, &why), -1);
	assert_non_null(strstr(why.text, other));
	/* a file */
	scratch_put(&dir, "file", "x", 1);
	snprintf(other, sizeof(other), "%s/file", dir.path);
	setenv("DUREXEC_MACHINE_DIR", other, 1);
	assert_int_equal(machine_open(&a, &why), -1);
	/* somebody else's */
	if (geteuid() == 0)
		assert_int_equal(chown(path, 1, (gid_t)-1), 0);
	setenv("DUREXEC_MACHINE_DIR", geteuid() == 0 ? path : "/usr", 1);
	assert_int_equal(machine_open(&a, &why), -1);
	assert_non_null(strstr(why.text, "belongs to user"));
	setenv("DUREXEC_MACHINE_DIR", "relative", 1);
	assert_int_equal(machine_open(&a, &why), -1);
	assert_non_null(strstr(why.text, "not an absolute path"));
	assert_int_equal(a.dirfd, -1);
	setenv("DUREXEC_MACHINE_DIR", "/nowhere/at/all", 1);
	assert_int_equal(take(&gpu, &(int){ 0 }), MACHINE_ERROR);
	assert_non_null(strstr(why.text, "/nowhere/at/all"));
	assert_int_equal(machine_park(&m, &gpu, 0, &why), -1);
}

static void in_order(void **state)
{
	int a, b, c;

	(void)state;
	takes(&gpu, 0, &a);
	takes(&gpu, 1, &b);
	busy(&gpu);
	close(a);
	takes(&gpu, 0, &c);
	busy(&gpu);
	close(b);
	takes(&gpu, 1, &a);
	busy(&gpu);
	close(c);
	close(a);
	takes(&gpu, 0, &a);
	close(a);
}

/* Names in which a dot, "pool" and "slot" mean nothing. */
static void names(void **state)
{
	static const char *names[][2] = {
		{ "a.b", "c" }, { "a", "b.c" }, { "a", "pool" },
		{ "a.pool", "pool" }, { "pool", "a" }, { "slot", "a" },
		{ "slot.a", "b" }, { ".", "." }, { "..", ".." }, { "-", "-" },
	};
	enum { N = sizeof(names) / sizeof(names[0]) };
	int fd[N], i;

	(void)state;
	for (i = 0; i < N; i++) {
		struct pool p = { .name = names[i][0], .nslots = 1,
			.slot = &names[i][1] };

		takes(&p, 0, &fd[i]);
		busy(&p);
	}
	for (i = 0; i < N; i++)
		close(fd[i]);
}

static void min_interval(void **state)
{
	struct pool p = gpu;
	int64_t now = clock_wall();
	int a, b;

	(void)state;
	p.min_interval_ms = 60000;
	assert_int_equal(take_at(&p, now, &a), MACHINE_TAKEN);
	/* also when it is free again, and for a later one of another file */
	close(a);
	assert_int_equal(take_at(&p, now + 20, &a), MACHINE_WAIT);
	assert_in_range(until, now + 60000, now + 60000 + 100);
	assert_int_equal(take_at(&p, now + 59000, &a), MACHINE_WAIT);
	assert_int_equal(take_at(&p, now + 60200, &a), MACHINE_TAKEN);
	/* the interval is told before a slot is looked for */
	assert_int_equal(take_at(&p, now + 60300, &b), MACHINE_WAIT);
	/* who gives the pool no interval does not wait */
	assert_int_equal(take_at(&gpu, now + 60400, &b), MACHINE_TAKEN);
	assert_int_equal(take_at(&p, now + 130000, &(int){ 0 }),
		MACHINE_BUSY);
	close(a);
	close(b);
	/* but it counts as a start */
	assert_int_equal(take_at(&p, now + 120500, &a), MACHINE_TAKEN);
	close(a);
}

static void clock_set_back(void **state)
{
	struct pool p = gpu;
	int64_t now = clock_wall();
	char text[64];
	int fd;

	(void)state;
	p.min_interval_ms = 5000;
	snprintf(text, sizeof(text), "last %lld\n",
		(long long)now + 86400000);
	put_note(text);
	/* the interval, and not once more each time somebody asks */
	assert_int_equal(take_at(&p, now, &fd), MACHINE_WAIT);
	assert_in_range(until, now + 5000, now + 5100);
	assert_int_equal(take_at(&p, now + 3000, &fd), MACHINE_WAIT);
	assert_in_range(until, now + 5000, now + 5100);
	assert_int_equal(take_at(&p, now + 5200, &fd), MACHINE_TAKEN);
	close(fd);
}

static void parked(void **state)
{
	struct machine other = { -1 };
	int64_t now = clock_wall();
	int fd;

	(void)state;
	/* on the first use of the pool; by another process's descriptor */
	assert_int_equal(machine_park(&other, &gpu, now + 5000, &why), 0);
	assert_int_equal(take_at(&gpu, now, &fd), MACHINE_WAIT);
	assert_true(until == now + 5000);
	/* an earlier one changes nothing, a later one does */
	assert_int_equal(machine_park(&other, &gpu, now + 1000, &why), 0);
	assert_int_equal(take_at(&gpu, now, &fd), MACHINE_WAIT);
	assert_true(until == now + 5000);
	assert_int_equal(machine_park(&other, &gpu, now + 9000, &why), 0);
	assert_int_equal(take_at(&gpu, now, &fd), MACHINE_WAIT);
	assert_true(until == now + 9000);
	assert_int_equal(take_at(&gpu, now + 9000, &fd), MACHINE_TAKEN);
	close(fd);
	/* a person says it is over */
	assert_int_equal(take_at(&gpu, now, &fd), MACHINE_WAIT);
	assert_int_equal(machine_park(&other, &gpu, 0, &why), 0);
	takes(&gpu, 0, &fd);
	close(fd);
	/* no limit is so far away: it is not believed */
	assert_int_equal(machine_park(&m, &gpu, INT64_MAX, &why), 0);
	takes(&gpu, 0, &fd);
	close(fd);
	machine_close(&other);
}

/* What stands in the file, and until when it holds the pool; 0: not. */
static void notes(void **state)
{
	static const struct { const char *text; bool held; } note[] = {
		{ "", false }, { "until", false }, { "until ", false }, { "until x", false },
		{ "until -1\n", false }, { "until 0x9\n", false },
		{ "until 99999999999999999999\n", false },
		{ "until 9999999999999999\n", false },
		{ "until 999999999999999\n", false },
		{ "until T\n", true },
		{ "until 253402300799999\n", false },
		{ "until 253402300800000\n", false },
		{ "until T", true },
		{ "until T \n", false },
		{ " until T\n", false },
		{ "\n\nuntil T\n", true },
		{ "rubbish\nuntil T\n", true },
		{ "until 5\nuntil T\n", false },
		{ "last 1\nuntil T\n", true },
		{ "last x\nuntil T\n", true },
		{ "until 9999999999999last 5\n", false },
	};
	char zeros[500] = { 0 };
	int64_t then;
	size_t i;
	int fd;

	(void)state;
	for (i = 0; i < sizeof(note) / sizeof(note[0]); i++) {
		const char *at = strchr(note[i].text, 'T');
		char text[160];

		/* T: in an hour */
		then = clock_wall() + 3600000;
		snprintf(text, sizeof(text), "%.*s%lld%s", at != NULL ?
			(int)(at - note[i].text) : 80, note[i].text,
			(long long)then, at != NULL ? at + 1 : "");
		put_note(at != NULL ? text : note[i].text);
		if (!note[i].held) {
			if (take(&gpu, &fd) != MACHINE_TAKEN)
				fail_msg("%s: not taken", note[i].text);
			close(fd);
			continue;
		}
		if (take(&gpu, &fd) != MACHINE_WAIT)
			fail_msg("%s: not waited for", note[i].text);
		assert_true(until == then);
	}
	scratch_put(&dir, "pool:gpu", zeros, sizeof(zeros));
	takes(&gpu, 0, &fd);
	close(fd);
	/* what durexec writes over something longer is understood */
	memset(zeros, '9', sizeof(zeros));
	scratch_put(&dir, "pool:gpu", zeros, sizeof(zeros));
	then = clock_wall() + 3600000;
	assert_int_equal(machine_park(&m, &gpu, then, &why), 0);
	assert_int_equal(take(&gpu, &fd), MACHINE_WAIT);
	assert_true(until == then);
}

/* ---- other processes */

static void hold_one(int say)
{
	int fd;

	m.dirfd = -1;
	if (take(&gpu, &fd) != MACHINE_TAKEN)
		_exit(1);
	(void)!write(say, "x", 1);
	rest();
}

static void killed_holder(void **state)
{
	pid_t first, second;
	int fd;

	(void)state;
	first = child(hold_one);
	second = child(hold_one);
	busy(&gpu);
	ends(second, SIGKILL);
	takes(&gpu, 1, &fd);
	busy(&gpu);
	ends(first, SIGKILL);
	close(fd);
	takes(&gpu, 0, &fd);
	close(fd);
}

/* One process holds it and executes a step, which does not. */
static void hold_and_exec(int say)
{
	int fd;
	pid_t pid;

	m.dirfd = -1;
	if (take(&gpu, &fd) != MACHINE_TAKEN)
		_exit(1);
	pid = fork();
	if (pid == 0) {
		/* its stdout says that exec has happened, its pid to wait for
		 * is told to the test */
		dup2(say, 1);
		execl("/bin/sh", "sh", "-c", "echo $$; exec sleep 60",
			(char *)NULL);
		_exit(1);
	}
	rest();
}

static void step_does_not_hold(void **state)
{
	int end[2], a, b;
	char text[32] = "";
	pid_t holder, step;

	(void)state;
	assert_int_equal(pipe(end), 0);
	holder = fork();
	if (holder == 0)
		hold_and_exec(end[1]);
	assert_true(read(end[0], text, sizeof(text) - 1) > 0);
	step = (pid_t)strtol(text, NULL, 10);
	assert_true(step > 1);
	takes(&gpu, 1, &b);
	busy(&gpu);
	ends(holder, SIGKILL);
	assert_int_equal(kill(step, 0), 0);
	takes(&gpu, 0, &a);
	assert_int_equal(kill(step, SIGKILL), 0);
	close(a);
	close(b);
	close(end[0]);
	close(end[1]);
}

/* The holder dies and somebody it was handed to lives on: still held. */
static void heir_holds(void **state)
{
	int end[2], a, b, tries;
	pid_t holder, heir;

	(void)state;
	assert_int_equal(pipe(end), 0);
	holder = fork();
	if (holder == 0) {
		m.dirfd = -1;
		if (take(&gpu, &a) != MACHINE_TAKEN)
			_exit(1);
		heir = fork();
		if (heir == 0)
			rest();
		(void)!write(end[1], &heir, sizeof(heir));
		rest();
	}
	assert_int_equal(read(end[0], &heir, sizeof(heir)), sizeof(heir));
	ends(holder, SIGKILL);
	takes(&gpu, 1, &b);
	busy(&gpu);
	assert_int_equal(kill(heir, SIGKILL), 0);
	/* it is not our child: its end cannot be waited for, but seen */
	for (tries = 0; tries < 5000 && take(&gpu, &a) == MACHINE_BUSY; tries++)
		usleep(1000);
	assert_int_equal(slot, 0);
	close(a);
	close(b);
	close(end[0]);
	close(end[1]);
}

/* Takes a slot so often; whoever has one makes a file that must not be there,
 * and removes it. */
enum { RACES = 200, RACERS = 2 };

static void race(const struct pool *p)
{
	char name[32];
	int i, fd, mark;

	m.dirfd = -1;
	for (i = 0; i < RACES; ) {
		switch (take(p, &fd)) {
		case MACHINE_BUSY:
			continue;
		case MACHINE_TAKEN:
			break;
		default:
			_exit(2);
		}
		snprintf(name, sizeof(name), "mine.%d", slot);
		mark = openat(dir.fd, name, O_WRONLY | O_CREAT | O_EXCL |
			O_CLOEXEC, 0600);
		if (mark == -1)
			_exit(3);
		close(mark);
		if (i % 10 == 0)
			usleep(100);
		if (unlinkat(dir.fd, name, 0) != 0)
			_exit(4);
		close(fd);
		i++;
	}
	_exit(0);
}

static void never_two(void **state)
{
	struct pool p = gpu;
	pid_t pid[2 * RACERS];
	int i;

	(void)state;
	/* two for one slot, then four for two */
	for (p.nslots = 1; p.nslots <= 2; p.nslots++) {
		for (i = 0; i < p.nslots * RACERS; i++) {
			pid[i] = fork();
			if (pid[i] == 0)
				race(&p);
		}
		for (i = 0; i < p.nslots * RACERS; i++)
			ends(pid[i], 0);
	}
}

/* Four processes, each of which starts so many: the starts are apart. */
static void interval_of_all(void **state)
{
	/* clocks are read in whole milliseconds */
	enum { PROCESSES = 4, EACH = 5, APART_MS = 20, ROUNDED_MS = 3 };
	struct pool p = gpu;
	int64_t began = clock_mono();
	pid_t pid[PROCESSES];
	int i, n, fd;

	(void)state;
	p.min_interval_ms = APART_MS;
	for (i = 0; i < PROCESSES; i++) {
		pid[i] = fork();
		if (pid[i] != 0)
			continue;
		m.dirfd = -1;
		for (n = 0; n < EACH; ) {
			switch (take(&p, &fd)) {
			case MACHINE_TAKEN:
				close(fd);
				n++;
				break;
			case MACHINE_WAIT:
				if (until > clock_wall() + APART_MS +
				    ROUNDED_MS)
					_exit(2);
				usleep(1000);
				break;
			default:
				break;
			}
		}
		_exit(0);
	}
	for (i = 0; i < PROCESSES; i++)
		ends(pid[i], 0);
	assert_true(clock_mono() - began >=
		(PROCESSES * EACH - 1) * APART_MS - ROUNDED_MS);
}

static void hold_mutex(int say)
{
	int fd = openat(dir.fd, "pool:gpu", O_RDWR | O_CREAT | O_CLOEXEC,
		0600);

	if (flock(fd, LOCK_EX) != 0)
		_exit(1);
	(void)!write(say, "x", 1);
	rest();
}

/* Somebody who was stopped while he held the mutex. */
static void mutex_held(void **state)
{
	pid_t pid = child(hold_mutex);
	int64_t began = clock_mono();
	int fd;

	(void)state;
	assert_int_equal(kill(pid, SIGSTOP), 0);
	busy(&gpu);
	assert_in_range(clock_mono() - began, 200, 1500);
	assert_int_equal(machine_park(&m, &gpu, clock_wall() + 1000, &why),
		-1);
	assert_non_null(strstr(why.text, "gpu"));
	ends(pid, SIGKILL);
	takes(&gpu, 0, &fd);
	close(fd);
}

/* Time passes while the mutex is waited for: it is the time of the start that
 * is noted, not that of the question. */
static void time_of_start(void **state)
{
	struct buf text = { 0 };
	enum machine_answer answer = MACHINE_BUSY;
	int64_t now = 0;
	pid_t pid, killer;
	int fd, i;

	(void)state;
	/* more than once only where the machine is very busy */
	for (i = 0; i < 20 && answer == MACHINE_BUSY; i++) {
		pid = child(hold_mutex);
		killer = fork();
		if (killer == 0) {
			usleep(50000);
			kill(pid, SIGKILL);
			_exit(0);
		}
		now = clock_wall();
		answer = take_at(&gpu, now, &fd);
		ends(killer, 0);
		ends(pid, SIGCONT);
	}
	assert_int_equal(answer, MACHINE_TAKEN);
	close(fd);
	scratch_get(&dir, "pool:gpu", &text);
	assert_in_range(strtoll(text.data + strlen("last "), NULL, 10),
		now + 20, now + 300);
	buf_release(&text);
}

/* rm -rf, or a cleaner of old files: never two on one and the same file, and
 * it goes on. */
static void removed(void **state)
{
	char path[128];
	int a, b;

	(void)state;
	takes(&gpu, 0, &a);
	close(a);
	assert_int_equal(unlinkat(dir.fd, "pool:gpu", 0), 0);
	assert_int_equal(unlinkat(dir.fd, "slot:gpu:0", 0), 0);
	takes(&gpu, 0, &a);
	takes(&gpu, 1, &b);
	busy(&gpu);
	close(a);
	close(b);
	machine_close(&m);
	snprintf(path, sizeof(path), "%s/sub", dir.path);
	setenv("DUREXEC_MACHINE_DIR", path, 1);
	takes(&gpu, 0, &a);
	close(a);
	assert_int_equal(unlinkat(m.dirfd, "pool:gpu", 0), 0);
	assert_int_equal(unlinkat(m.dirfd, "slot:gpu:0", 0), 0);
	assert_int_equal(rmdir(path), 0);
	takes(&gpu, 0, &a);
	assert_true(scratch_has(&dir, "sub/slot:gpu:0"));
	close(a);
}

/* A slot that cannot be opened is said when nothing else is free. */
static void one_is_broken(void **state)
{
	int a;

	(void)state;
	assert_int_equal(symlinkat("nowhere", dir.fd, "slot:gpu:0"), 0);
	takes(&gpu, 1, &a);
	assert_int_equal(take(&gpu, &(int){ 0 }), MACHINE_ERROR);
	assert_non_null(strstr(why.text, "slot:gpu:0"));
	close(a);
}

/* Nothing can be written: slots are taken all the same. */
static void full_disk(void **state)
{
	struct rlimit none = { 0, 0 };
	struct pool p = gpu;
	pid_t pid;
	int fd;

	(void)state;
	p.min_interval_ms = 1000;
	pid = fork();
	if (pid == 0) {
		m.dirfd = -1;
		signal(SIGXFSZ, SIG_IGN);
		setrlimit(RLIMIT_FSIZE, &none);
		if (take(&gpu, &fd) != MACHINE_TAKEN || why.text[0] != '\0')
			_exit(1);
		close(fd);
		/* who has an interval is told that it may not be kept */
		if (take(&p, &fd) != MACHINE_TAKEN ||
		    strstr(why.text, "min_interval") == NULL)
			_exit(2);
		if (machine_park(&m, &p, clock_wall() + 1000, &why) != -1)
			_exit(3);
		_exit(0);
	}
	ends(pid, 0);
	/* a start in the future that cannot be put right holds nobody */
	put_note("last 253402300799999\n");
	pid = fork();
	if (pid == 0) {
		m.dirfd = -1;
		signal(SIGXFSZ, SIG_IGN);
		setrlimit(RLIMIT_FSIZE, &none);
		_exit(take(&p, &fd) != MACHINE_TAKEN);
	}
	ends(pid, 0);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(directory), T(in_order), T(names), T(min_interval),
		T(clock_set_back), T(parked), T(notes), T(killed_holder),
		T(step_does_not_hold), T(heir_holds), T(never_two),
		T(interval_of_all), T(mutex_held), T(time_of_start),
		T(removed), T(one_is_broken), T(full_disk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
