/* SPDX-License-Identifier: ISC */
#include "rundir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

#include "scratch.h"

static struct scratch dir;
static char base[128];

static int setup(void **state)
{
	(void)state;
	scratch_init(&dir);
	snprintf(base, sizeof(base), "%s/deep/.durexec", dir.path);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	scratch_release(&dir);
	return 0;
}

static char *name_of(const char *name, struct param *param, int n)
{
	struct pipeline p = { .name = name, .param = param, .nparams = n };

	return rundir_name(&p);
}

/* It is one directory entry, and a harmless one. */
static void harmless(const char *name)
{
	assert_true(strlen(name) > 0 && strlen(name) <= 120);
	assert_null(strchr(name, '/'));
	assert_true(name[0] != '.');
	for (; *name != '\0'; name++)
		assert_true(*name > ' ' && *name < 0x7f);
}

static void names(void **state)
{
	struct param p[] = {
		{ .name = "video", .value = "12.mp4", .given = true },
		{ .name = "default", .value = "no", .given = false },
		{ .name = "a", .value = "b", .given = true },
	};
	char *name;

	(void)state;
	name = name_of("lesson", p, 0);
	assert_string_equal(name, "lesson");
	free(name);
	name = name_of("lesson", p, 1);
	assert_string_equal(name, "lesson@video=12.mp4");
	free(name);
	/* in the order of their names, whatever the command line's was */
	name = name_of("lesson", p, 3);
	assert_string_equal(name, "lesson@a=b,video=12.mp4");
	free(name);
}

static void hostile_names(void **state)
{
	static const char *const text[] = {
		"..", ".", "...", ".hidden", "/", "/etc/passwd", "../../x",
		"a/b", "a b", "a\nb", "\x1b[31m", "\xff", "\xe2\x80\xae",
		"a,b", "a=b", "a@b", "%", "%2F", "-rf", "~", "*", "",
	};
	char *seen[2 * sizeof(text) / sizeof(text[0])], longest[5000];
	size_t i, k, n = 0;

	(void)state;
	for (i = 0; i < sizeof(text) / sizeof(text[0]); i++) {
		struct param p = { .name = "v", .value = text[i],
			.given = true };

		if (*text[i] != '\0') {
			seen[n] = name_of(text[i], NULL, 0);
			harmless(seen[n++]);
		}
		seen[n] = name_of("x", &p, 1);
		harmless(seen[n++]);
	}
	/* no two of them are the same */
	for (i = 0; i < n; i++)
		for (k = i + 1; k < n; k++)
			assert_string_not_equal(seen[i], seen[k]);
	while (n > 0)
		free(seen[--n]);
	/* any length: cut, and still distinct */
	for (i = 1; i < sizeof(longest) - 1; i = i < 200 ? i + 1 : i * 2) {
		struct param p = { .name = "v", .value = longest,
			.given = true };
		char *a, *b;

		memset(longest, '/', i);
		longest[i] = '\0';
		a = name_of("x", &p, 1);
		harmless(a);
		longest[i - 1] = '+';
		b = name_of("x", &p, 1);
		harmless(b);
		assert_string_not_equal(a, b);
		free(a);
		free(b);
	}
}

/* Parameters that would read like two, or like another name. */
static void unambiguous(void **state)
{
	struct param two[] = {
		{ .name = "a", .value = "1", .given = true },
		{ .name = "b", .value = "2", .given = true },
	};
	struct param one = { .name = "a", .value = "1,b=2", .given = true };
	char *x = name_of("p", two, 2), *y = name_of("p", &one, 1);
	char *z = name_of("p@a=1", NULL, 0), *w = name_of("p", two, 1);

	(void)state;
	assert_string_not_equal(x, y);
	assert_string_not_equal(z, w);
	free(x);
	free(y);
	free(z);
	free(w);
}

static void bases(void **state)
{
	struct pipeline p = { .dir = "/pipes" };
	char *b, cwd[4096], expected[4200];

	(void)state;
	assert_non_null(getcwd(cwd, sizeof(cwd)));
	unsetenv("DUREXEC_STATE_DIR");
	b = rundir_base(&p, NULL);
	assert_string_equal(b, "/pipes/.durexec");
	free(b);
	b = rundir_base(&p, "/s");
	assert_string_equal(b, "/s");
	free(b);
	b = rundir_base(&p, "s");
	snprintf(expected, sizeof(expected), "%s/s", cwd);
	assert_string_equal(b, expected);
	free(b);
	setenv("DUREXEC_STATE_DIR", "/env", 1);
	b = rundir_base(&p, NULL);
	assert_string_equal(b, "/env");
	free(b);
	p.state_dir = "rel";
	b = rundir_base(&p, NULL);
	assert_string_equal(b, "/pipes/rel");
	free(b);
	b = rundir_base(&p, "/s");
	assert_string_equal(b, "/s");
	free(b);
	setenv("DUREXEC_STATE_DIR", "", 1);
	b = rundir_base(NULL, NULL);
	snprintf(expected, sizeof(expected), "%s/.durexec", cwd);
	assert_string_equal(b, expected);
	free(b);
	unsetenv("DUREXEC_STATE_DIR");
}

static void mode_is(const char *path, mode_t mode)
{
	struct stat st;

	assert_int_equal(fstatat(dir.fd, path, &st, AT_SYMLINK_NOFOLLOW), 0);
	assert_int_equal(st.st_mode & 07777, mode);
}

static void a_run(void **state)
{
	struct home h;
	struct rundir d, e;
	struct why why;
	char path[300], **runs, **homes;
	struct buf text = { 0 };
	mode_t was = umask(0);
	size_t n;

	(void)state;
	/* looking creates nothing */
	assert_int_equal(home_open(&h, base, "p", false, &why), 0);
	assert_int_equal(h.fd, -1);
	assert_int_equal(home_holder(&h), 0);
	assert_null(home_runs(&h, &n));
	home_close(&h);
	assert_false(scratch_has(&dir, "deep"));
	assert_null(rundir_names(base, &n));

	assert_int_equal(home_open(&h, base, "p", true, &why), 0);
	assert_int_equal(rundir_create(&d, &h, &why), 0);
	umask(was);
	mode_is("deep/.durexec", 0700);
	mode_is("deep/.durexec/p", 0700);
	snprintf(path, sizeof(path), "deep/.durexec/p/%s", d.id);
	mode_is(path, 0700);
	snprintf(path, sizeof(path), "deep/.durexec/p/%s/log", d.id);
	mode_is(path, 0700);
	scratch_get(&dir, "deep/.durexec/.gitignore", &text);
	assert_string_equal(text.data, "*\n");
	mode_is("deep/.durexec/.gitignore", 0600);

	/* without a state file it is none */
	assert_null(home_runs(&h, &n));
	snprintf(path, sizeof(path), "deep/.durexec/p/%s/state", d.id);
	scratch_put(&dir, path, "x", 1);
	rundir_latest(&h, d.id);
	rundir_latest(&h, d.id);
	runs = home_runs(&h, &n);
	assert_int_equal(n, 1);
	assert_string_equal(runs[0], d.id);
	home_runs_free(runs, n);
	homes = rundir_names(base, &n);
	assert_int_equal(n, 1);
	assert_string_equal(homes[0], "p");
	home_runs_free(homes, n);

	assert_int_equal(rundir_open(&e, &h, d.id, &why), 0);
	assert_string_equal(e.path, d.path);
	rundir_close(&e);
	assert_int_equal(rundir_open(&e, &h, "nothing", &why), -1);
	rundir_close(&e);
	rundir_close(&d);
	home_close(&h);
	buf_release(&text);
}

static void ids_sort_by_time(void **state)
{
	struct rundir d[20];
	struct home h;
	struct why why;
	char **runs;
	size_t n, i;

	(void)state;
	assert_int_equal(home_open(&h, base, "p", true, &why), 0);
	for (i = 0; i < 20; i++) {
		int fd;

		assert_int_equal(rundir_create(&d[i], &h, &why), 0);
		fd = openat(d[i].fd, "state", O_WRONLY | O_CREAT, 0600);
		assert_true(fd != -1);
		close(fd);
		usleep(2000);
	}
	runs = home_runs(&h, &n);
	assert_int_equal(n, 20);
	for (i = 0; i < n; i++)
		assert_string_equal(runs[i], d[i].id);
	home_runs_free(runs, n);
	for (i = 0; i < 20; i++)
		rundir_close(&d[i]);
	home_close(&h);
}

/* What others may write to, or what is a link, is refused. */
static void not_ours(void **state)
{
	struct rundir d;
	struct home h;
	struct why why;
	char path[300];

	(void)state;
	assert_int_equal(home_open(&h, base, "p", true, &why), 0);
	assert_int_equal(rundir_create(&d, &h, &why), 0);
	home_close(&h);
	assert_int_equal(fchmodat(dir.fd, "deep/.durexec", 0770, 0), 0);
	assert_int_equal(home_open(&h, base, "p", false, &why), -1);
	assert_non_null(strstr(why.text, "chmod go-w"));
	home_close(&h);
	assert_int_equal(home_open(&h, base, "p", true, &why), -1);
	home_close(&h);
	assert_int_equal(fchmodat(dir.fd, "deep/.durexec", 0755, 0), 0);
	assert_int_equal(fchmodat(dir.fd, "deep/.durexec/p", 0702, 0), 0);
	assert_int_equal(home_open(&h, base, "p", false, &why), -1);
	home_close(&h);
	assert_int_equal(fchmodat(dir.fd, "deep/.durexec/p", 0700, 0), 0);
	assert_int_equal(home_open(&h, base, "p", false, &why), 0);
	snprintf(path, sizeof(path), "deep/.durexec/p/%s", d.id);
	assert_int_equal(fchmodat(dir.fd, path, 0777, 0), 0);
	rundir_close(&d);
	assert_int_equal(rundir_open(&d, &h, strrchr(path, '/') + 1, &why),
		-1);
	rundir_close(&d);
	/* links in the place of NAME and RUN */
	assert_int_equal(mkdirat(dir.fd, "elsewhere", 0700), 0);
	assert_int_equal(symlinkat("../../../elsewhere", h.fd, "run"), 0);
	assert_int_equal(rundir_open(&d, &h, "run", &why), -1);
	rundir_close(&d);
	home_close(&h);
	assert_int_equal(symlinkat("../../elsewhere", dir.fd,
		"deep/.durexec/q"), 0);
	assert_int_equal(home_open(&h, base, "q", false, &why), -1);
	home_close(&h);
	assert_int_equal(home_open(&h, base, "q", true, &why), -1);
	home_close(&h);
	if (geteuid() == 0) {
		assert_int_equal(fchownat(dir.fd, "deep/.durexec", 12345, 0,
			0), 0);
		assert_int_equal(home_open(&h, base, "p", false, &why), -1);
		assert_non_null(strstr(why.text, "belongs to user 12345"));
		home_close(&h);
	}
}

static void locks(void **state)
{
	struct home h, other;
	struct why why;
	pid_t holder = 0, child;
	int go[2], gone[2], status;
	char c;

	(void)state;
	assert_int_equal(home_open(&h, base, "p", true, &why), 0);
	assert_int_equal(home_holder(&h), 0);
	assert_int_equal(pipe(go), 0);
	assert_int_equal(pipe(gone), 0);
	child = fork();
	assert_true(child != -1);
	if (child == 0) {
		if (home_open(&other, base, "p", true, &why) != 0 ||
		    home_lock(&other, &holder, &why) != 0 ||
		    write(gone[1], "x", 1) != 1)
			_exit(1);
		_exit(read(go[0], &c, 1) == 1 ? 0 : 1);
	}
	assert_int_equal(read(gone[0], &c, 1), 1);
	assert_int_equal(home_holder(&h), child);
	assert_int_equal(home_lock(&h, &holder, &why), 1);
	assert_int_equal(holder, child);
	assert_false(h.locked);
	assert_int_equal(write(go[1], "x", 1), 1);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_int_equal(home_holder(&h), 0);
	assert_int_equal(home_lock(&h, &holder, &why), 0);
	assert_true(h.locked);
	/* ours: nobody else holds it; and children do not inherit it */
	assert_int_equal(home_holder(&h), 0);
	child = fork();
	assert_true(child != -1);
	if (child == 0) {
		struct flock fl = { .l_type = F_WRLCK };

		_exit(fcntl(h.lock, F_GETLK, &fl) == 0 &&
			fl.l_type == F_WRLCK && fl.l_pid == getppid() ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	home_unlock(&h);
	assert_false(h.locked);
	home_close(&h);
	close(go[0]);
	close(go[1]);
	close(gone[0]);
	close(gone[1]);
}

/* What the files of a task are called. */
static void task_names(void **state)
{
	static const struct {
		const char *step, *item;
		int place;
		const char *is;
	} c[] = {
		{ "a.b", NULL, 0, "a.b" },
		{ "a", "ch07", 6, "a/0/ch07" },
		{ "a", "ch07.txt", 999, "a/0/ch07.txt" },
		{ "a", "x=1,y@2+3", 1000, "a/1/x=1,y@2+3" },
		{ "a", "x", 1234567, "a/1234/x" },
		{ "a", "../../etc", 0, "a/0/%2E.%2F..%2Fetc" },
		{ "a", ".", 0, "a/0/%2E" }, { "a", "..", 0, "a/0/%2E." },
		{ "a", "a b", 0, "a/0/a%20b" }, { "a", "-rf", 0, "a/0/-rf" },
		{ "a", "$(reboot)\t\xff", 0,
			"a/0/%24%28reboot%29%09%FF" },
		{ "a", "100%", 0, "a/0/100%25" },
		{ "a", "a~b", 0, "a/0/a%7Eb" },
	};
	struct buf out = { 0 }, other = { 0 };
	char item[4097];

	(void)state;
	for (size_t i = 0; i < sizeof(c) / sizeof(c[0]); i++) {
		buf_reset(&out);
		rundir_task(&out, c[i].step, c[i].item, c[i].place);
		assert_string_equal(out.data, c[i].is);
	}
	/* long ones differ by their place, whatever they are */
	memset(item, 'x', 4096);
	item[4096] = '\0';
	buf_reset(&out);
	rundir_task(&out, "a", item, 0);
	harmless(out.data + strlen("a/0/"));
	rundir_task(&other, "a", item, 1);
	assert_int_equal(out.len, other.len);
	assert_string_not_equal(out.data, other.data);
	buf_release(&out);
	buf_release(&other);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(names), T(hostile_names), T(unambiguous), T(bases),
		T(a_run), T(ids_sort_by_time), T(not_ours),
		T(locks), T(task_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
