/* SPDX-License-Identifier: ISC */
/* A supervisor's side with real keepers: watch_start() executes this program
 * again, as it executes durexec. */
#include "watch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "clock.h"
#include "keeper.h"
#include "machine.h"
#include "scratch.h"

/* No file may become larger, by the kernel's word: what max_output fails to
 * stop does not fill the memory that the scratch directory is in. */
enum { M = 1024 * 1024, LARGEST = 1024 * M };
/* Some hundred megabytes a second. */
#define FAST "while :; do head -c 200000 /dev/zero || exit; done"

static struct scratch dir;
static struct watch w;
static struct machine m;

static const char *one[] = { "0" };
static const struct pool gpu = { .name = "gpu", .slot = one, .nslots = 1 };

/* In the scratch directory, which is the run directory. */
static int setup(void **state)
{
	struct why why;

	(void)state;
	scratch_init(&dir);
	assert_int_equal(mkdirat(dir.fd, "log", 0700), 0);
	assert_int_equal(mkdirat(dir.fd, "dir", 0700), 0);
	assert_int_equal(mkdirat(dir.fd, "machine", 0700), 0);
	assert_int_equal(fchdir(dir.fd), 0);
	{
		char path[128];

		snprintf(path, sizeof(path), "%s/machine", dir.path);
		setenv("DUREXEC_MACHINE_DIR", path, 1);
	}
	m.dirfd = -1;
	w.number = 0;
	assert_int_equal(watch_start(&w, dir.fd, &why), 0);
	return 0;
}

static int teardown(void **state)
{
	int status;

	(void)state;
	/* where a test has failed, a job may still be at work */
	watch_signal(&w, SIGQUIT);
	watch_close(&w);
	if (w.pid > 0)
		assert_int_equal(waitpid(w.pid, &status, 0), w.pid);
	machine_close(&m);
	assert_int_equal(chdir("/"), 0);
	scratch_release(&dir);
	return 0;
}

static char *const nothing[] = { NULL };

/* A script as the job of an attempt. */
static struct job job_of(char *const argv[4], int attempt)
{
	struct job j = {
		.attempt = attempt, .umask = -1, .stop_signal = SIGTERM,
		.grace_ms = 10000, .step = "a", .phase = "run",
		.cwd = dir.path, .out = "log/a.out", .err = "log/a.err",
		.argv = (char **)argv, .set = (char **)nothing,
		.unset = (char **)nothing,
	};

	return j;
}

#define SCRIPT(text) \
	((char *const[]){ (char *)"sh", (char *)"-c", (char *)(text), NULL })

/* Not for ever, when a test has failed. */
#define WAIT_FOR_GO "i=0; while ! [ -e go ] && [ $i -lt 2000 ]; do " \
	"i=$((i + 1)); sleep 0.01; done"

static void sends(const struct job *j, int fd)
{
	struct buf message = { 0 };

	job_encode(j, &message);
	assert_int_equal(watch_send(&w, &message, fd), 0);
	buf_release(&message);
}

static struct report hears(void)
{
	struct pollfd p = { .fd = w.sock, .events = POLLIN };
	struct report r;

	assert_int_equal(poll(&p, 1, 30000), 1);
	assert_int_equal(watch_receive(&w, &r), 1);
	return r;
}

/* Until a file is there; nobody waits for ever. */
static void appears(const char *name)
{
	int i;

	for (i = 0; i < 10000 && !scratch_has(&dir, name); i++)
		usleep(1000);
	assert_true(scratch_has(&dir, name));
}

static enum machine_answer take(int *fd)
{
	int64_t until;
	struct why why;
	int slot;

	return machine_take(&m, &gpu, clock_wall(), &slot, fd, &until, &why);
}

static void soon_free(void)
{
	int fd, i;

	for (i = 0; i < 10000 && take(&fd) != MACHINE_TAKEN; i++)
		usleep(1000);
	assert_int_not_equal(fd, -1);
	close(fd);
}

static void one_job(void **state)
{
	struct job j = job_of(SCRIPT("printf out; printf errs >&2; exit 7"),
		1);
	struct report r;
	struct mail mail;

	(void)state;
	j.phase = "verify.size";
	sends(&j, -1);
	r = hears();
	assert_int_equal(r.outcome.kind, OUTCOME_EXIT);
	assert_int_equal(r.outcome.exit, 7);
	assert_int_equal(r.out_bytes, 3);
	assert_int_equal(r.err_bytes, 4);
	assert_int_equal(mailbox_read(dir.fd, 0, "a", 1, "verify.size", 0,
		&mail), 1);
	assert_true(mail.held && mail.taken && mail.ended);
	assert_int_equal(mail.keeper, w.pid);
	assert_int_equal(mail.report.outcome.exit, 7);
	assert_int_equal(mailbox_read(dir.fd, 0, "a", 1, "verify.siz", 0,
		&mail), 1);
	assert_false(mail.taken);
}

/* The keeper has it while the job is done, and not the step. */
static void slot_of_a_job(void **state)
{
	struct job j = job_of(SCRIPT("ls -l /proc/self/fd; touch began; "
		WAIT_FOR_GO), 1);
	struct buf out = { 0 };
	int fd, other;

	(void)state;
	assert_int_equal(take(&fd), MACHINE_TAKEN);
	sends(&j, fd);
	appears("began");
	assert_int_equal(take(&other), MACHINE_BUSY);
	close(fd);
	assert_int_equal(take(&other), MACHINE_BUSY);
	scratch_put(&dir, "go", "", 0);
	assert_int_equal(hears().outcome.exit, 0);
	/* who hears of the end finds it free */
	assert_int_equal(take(&fd), MACHINE_TAKEN);
	scratch_get(&dir, "log/a.out", &out);
	assert_non_null(strstr(out.data, " 2 -> "));
	assert_null(strstr(out.data, "slot:"));
	buf_release(&out);
	/* the next job has none */
	close(fd);
	unlinkat(dir.fd, "began", 0);
	unlinkat(dir.fd, "go", 0);
	sends(&j, -1);
	appears("began");
	assert_int_equal(take(&fd), MACHINE_TAKEN);
	close(fd);
	scratch_put(&dir, "go", "", 0);
	assert_int_equal(hears().outcome.exit, 0);
}

/* One attempt after another with the only slot: free each time at once. */
static void one_after_another(void **state)
{
	struct job j = job_of(SCRIPT(":"), 1);
	int fd, i;

	(void)state;
	for (i = 0; i < 300; i++) {
		j.attempt = i;
		assert_int_equal(take(&fd), MACHINE_TAKEN);
		sends(&j, fd);
		close(fd);
		assert_int_equal(hears().outcome.exit, 0);
	}
	/* also of a job that never begins */
	j.cwd = "/nowhere";
	assert_int_equal(take(&fd), MACHINE_TAKEN);
	sends(&j, fd);
	close(fd);
	assert_int_equal(hears().outcome.kind, OUTCOME_NOT_STARTED);
	assert_int_equal(take(&fd), MACHINE_TAKEN);
	close(fd);
}

/* The supervisor is killed: its keeper keeps the slot to the end. */
static void orphan_keeps_slot(void **state)
{
	struct job j = job_of(SCRIPT("touch began; "
		WAIT_FOR_GO), 1);
	struct watch theirs = { .number = 1 };
	struct mail mail;
	struct why why;
	pid_t supervisor;
	int fd, i;

	(void)state;
	supervisor = fork();
	if (supervisor == 0) {
		struct buf message = { 0 };

		m.dirfd = -1;
		alarm(30);
		job_encode(&j, &message);
		if (take(&fd) != MACHINE_TAKEN ||
		    watch_start(&theirs, dir.fd, &why) != 0 ||
		    watch_send(&theirs, &message, fd) != 0)
			_exit(1);
		for (;;)
			pause();
	}
	appears("began");
	assert_int_equal(kill(supervisor, SIGKILL), 0);
	assert_int_equal(waitpid(supervisor, &i, 0), supervisor);
	for (i = 0; i < 50; i++) {
		assert_int_equal(take(&fd), MACHINE_BUSY);
		usleep(1000);
	}
	assert_int_equal(watch_adopt(&theirs, dir.fd, 1, "a", 1, "run", 0, true,
		&mail), ADOPT_LIVES);
	scratch_put(&dir, "go", "", 0);
	soon_free();
	/* the pidfd becomes readable at its end */
	assert_int_equal(poll(&(struct pollfd){ .fd = theirs.pidfd,
		.events = POLLIN }, 1, 10000), 1);
	watch_close(&theirs);
	assert_int_equal(watch_adopt(&theirs, dir.fd, 1, "a", 1, "run", 0, true,
		&mail), ADOPT_ENDED);
	assert_int_equal(mail.report.outcome.exit, 0);
}

/* The keeper is killed: what the step has put out of its reach lives on, and
 * does not hold the slot. */
static void killed_keeper(void **state)
{
	struct job j = job_of(SCRIPT("setsid sh -c 'echo $$ >pid; "
		"mv pid stray; exec sleep 60' & wait"), 1);
	struct buf text = { 0 };
	struct report r;
	int fd;
	pid_t stray;

	(void)state;
	assert_int_equal(take(&fd), MACHINE_TAKEN);
	sends(&j, fd);
	close(fd);
	appears("stray");
	scratch_get(&dir, "stray", &text);
	stray = (pid_t)strtol(text.data, NULL, 10);
	assert_true(stray > 1);
	assert_int_equal(take(&fd), MACHINE_BUSY);
	assert_int_equal(kill(w.pid, SIGKILL), 0);
	assert_int_equal(watch_receive(&w, &r), 0);
	soon_free();
	assert_int_equal(kill(stray, 0), 0);
	assert_int_equal(kill(stray, SIGKILL), 0);
	buf_release(&text);
}

/* A message that cannot be sent whole ends the keeper: nobody waits for the
 * other half. */
static void half_a_message(void **state)
{
	struct pollfd p = { .fd = w.sock, .events = POLLIN };
	struct job j = job_of(SCRIPT(":"), 1);
	struct buf message = { 0 };
	struct report r;

	(void)state;
	job_encode(&j, &message);
	/* not a descriptor: refused by the kernel */
	assert_int_equal(watch_send(&w, &message, 12345), -1);
	assert_int_equal(poll(&p, 1, 10000), 1);
	assert_int_equal(watch_receive(&w, &r), 0);
	buf_release(&message);
}

/* A part that is asked again: its log is of the last time only, as its last
 * line is the reason that is shown. */
static void asked_again(void **state)
{
	static const struct { const char *script, *said; } time[] = {
		{ "echo first, and longer; exit 1", "first, and longer\n" },
		{ "echo second; exit 1", "second\n" }, { ":", NULL },
		{ "echo third; exit 1", "third\n" },
		{ "echo 4; exit 1", "4\n" }, { ":", NULL }, { ":", NULL },
	};
	struct buf text = { 0 };
	struct report r;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(time) / sizeof(time[0]); i++) {
		struct job j = job_of(SCRIPT(time[i].script), 1);

		j.phase = "settle";
		j.out = "log/a.1.settle";
		j.err = NULL;
		sends(&j, -1);
		r = hears();
		assert_int_equal(r.outcome.exit, time[i].said != NULL);
		assert_int_equal(scratch_has(&dir, j.out),
			time[i].said != NULL);
		if (time[i].said == NULL)
			continue;
		scratch_get(&dir, j.out, &text);
		assert_string_equal(text.data, time[i].said);
		assert_int_equal(r.out_bytes, text.len);
	}
	buf_release(&text);
}

/* ---- max_output */

/* How a script ends with a limit; *took_ms. */
static struct report limited(const char *script, int64_t max_output,
	int64_t *took_ms)
{
	struct job j = job_of(SCRIPT(script), 1);
	int64_t began = clock_mono();
	struct report r;

	j.max_output = max_output;
	sends(&j, -1);
	r = hears();
	*took_ms = clock_mono() - began;
	return r;
}

static void floods(const char *script, int64_t most)
{
	int64_t took;
	struct report r = limited(script, M, &took);

	if (r.outcome.kind != OUTCOME_FLOOD)
		fail_msg("%s: ended as %s", script,
			outcome_word(r.outcome.kind));
	if (r.out_bytes + r.err_bytes <= M || r.out_bytes + r.err_bytes > most)
		fail_msg("%s: %lld bytes", script,
			(long long)(r.out_bytes + r.err_bytes));
	/* the grace is 10 s */
	if (took > 3000)
		fail_msg("%s: took %lld ms", script, (long long)took);
}

static void flood(void **state)
{
	/* What a process writes between two looks, and while it is stopped on
	 * a busy machine, is not known; but it is not all that LARGEST lets it
	 * write. */
	const int64_t most = LARGEST - 1;
	struct mail mail;

	(void)state;
	floods("exec yes", most);
	assert_int_equal(mailbox_read(dir.fd, 0, "a", 1, "run", 0, &mail), 1);
	assert_int_equal(mail.report.outcome.kind, OUTCOME_FLOOD);
	assert_int_equal(mail.report.outcome.signo, SIGTERM);
	floods(FAST " >&2", most);
	floods("yes | head -c 600000; yes | head -c 600000 >&2; sleep 60",
		2 * M);
	/* who does not stop is not given its grace */
	floods("trap '' TERM; " FAST, most);
	floods("trap '' TERM; " FAST " & exit 0", most);
	/* silent first */
	floods("sleep 0.7; " FAST, most);
}

static void exact_limit(void **state)
{
	struct report r;
	int64_t took;
	int i;

	(void)state;
	/* however fast it was: the same each time */
	for (i = 0; i < 20; i++) {
		r = limited("yes | head -c 1048576", M, &took);
		assert_int_equal(r.outcome.kind, OUTCOME_EXIT);
		assert_int_equal(r.outcome.exit, 0);
		r = limited("yes | head -c 1048577; exit 3", M, &took);
		assert_int_equal(r.outcome.kind, OUTCOME_FLOOD);
		/* it may have been looked at before its end */
		assert_true(r.outcome.exit == 3 ||
			r.outcome.signo == SIGTERM);
	}
	r = limited("yes | head -c 5000000", 0, &took);
	assert_int_equal(r.outcome.kind, OUTCOME_EXIT);
	assert_int_equal(r.out_bytes, 5000000);
	r = limited("yes | head -c 5000000", INT64_MAX, &took);
	assert_int_equal(r.outcome.kind, OUTCOME_EXIT);
	/* one that was killed was killed */
	r = limited("yes | head -c 1048577; kill -KILL $$", M, &took);
	assert_true(r.outcome.kind == OUTCOME_FLOOD ||
		(r.outcome.kind == OUTCOME_SIGNAL &&
		r.outcome.signo == SIGKILL));
}

/* Both into one file: counted once. */
static void one_file(void **state)
{
	struct job j = job_of(SCRIPT("yes | head -c 700000; sleep 0.1"), 1);
	struct report r;

	(void)state;
	j.err = NULL;
	j.max_output = M;
	sends(&j, -1);
	r = hears();
	assert_int_equal(r.outcome.kind, OUTCOME_EXIT);
	assert_int_equal(r.out_bytes, 700000);
}

/* How often the keeper has slept and been woken. */
static long wakeups(void)
{
	char path[64], text[8192], *at;
	int fd;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%ld/status", (long)w.pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd != -1);
	n = io_read(fd, text, sizeof(text) - 1);
	assert_true(n > 0);
	text[n] = '\0';
	close(fd);
	at = strstr(text, "\nvoluntary_ctxt_switches:");
	assert_non_null(at);
	return strtol(strchr(at, ':') + 1, NULL, 10);
}

static void wakes_seldom(void **state)
{
	static const int64_t limit[] = { 0, M };
	struct job j = job_of(SCRIPT("exec sleep 60"), 1);
	long before, after;
	size_t i;

	(void)state;
	for (i = 0; i < 2; i++) {
		j.max_output = limit[i];
		sends(&j, -1);
		usleep(700000);
		before = wakeups();
		usleep(1500000);
		after = wakeups();
		if (limit[i] == 0)
			assert_int_equal(before, after);
		else
			assert_in_range(after - before, 1, 7);
		watch_signal(&w, SIGTERM);
		assert_int_equal(hears().outcome.kind, OUTCOME_INTERRUPTED);
	}
}

int main(int argc, char **argv)
{
	const struct rlimit largest = { LARGEST, LARGEST };
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(one_job), T(slot_of_a_job), T(one_after_another),
		T(orphan_keeps_slot), T(killed_keeper), T(half_a_message),
		T(asked_again),
		T(flood), T(exact_limit), T(one_file), T(wakes_seldom),
	};

	if (argc == 2 && strcmp(argv[1], "keeper") == 0)
		return keeper_main();
	if (setrlimit(RLIMIT_FSIZE, &largest) != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
