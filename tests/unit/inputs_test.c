/* SPDX-License-Identifier: ISC */
#include "inputs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <signal.h>
#include <sys/time.h>

#include "digest.h"
#include "loading.h"
#include "scratch.h"

static struct scratch dir;

/* In the scratch directory: "w" is the pipeline's, stdout and stderr go to the
 * files "lines" and "said". */
static int setup(void **state)
{
	(void)state;
	scratch_init(&dir);
	assert_int_equal(mkdirat(dir.fd, "w", 0700), 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	scratch_release(&dir);
	return 0;
}

static void put(const char *name, const char *text)
{
	char path[300];

	snprintf(path, sizeof(path), "w/%s", name);
	scratch_put(&dir, path, text, strlen(text));
}

static void make_dir(const char *name)
{
	char path[300];

	snprintf(path, sizeof(path), "w/%s", name);
	assert_int_equal(mkdirat(dir.fd, path, 0700), 0);
}

static char *in_dir(const char *name)
{
	return mem_printf("%s/%s", dir.path, name);
}

static int divert(int fd, const char *name)
{
	int old = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	int file = openat(dir.fd, name, O_WRONLY | O_CREAT | O_TRUNC |
		O_APPEND | O_CLOEXEC, 0600);

	assert_true(old != -1 && file != -1 && dup2(file, fd) == fd);
	close(file);
	return old;
}

/* "durexec inputs" in w, with these words behind CWD, itself below w. */
#define INPUTS(cwd, ...) inputs(cwd, (const char *const[]){ __VA_ARGS__, NULL })
static int inputs(const char *cwd, const char *const *word)
{
	char *argv[16];
	int n = 0, ret, out_fd, err_fd;

	argv[n++] = in_dir("w");
	argv[n++] = mem_printf("%s/w%s", dir.path, cwd);
	for (; *word != NULL; word++)
		argv[n++] = mem_dup(*word);
	argv[n] = NULL;
	fflush(stdout);
	out_fd = divert(1, "lines");
	err_fd = divert(2, "said");
	ret = inputs_main(n, argv);
	fflush(stderr);
	assert_int_equal(dup2(out_fd, 1), 1);
	assert_int_equal(dup2(err_fd, 2), 2);
	close(out_fd);
	close(err_fd);
	while (n > 0)
		free(argv[--n]);
	return ret;
}

static void said(const char *text)
{
	struct buf out = { 0 };

	scratch_get(&dir, "said", &out);
	assert_string_equal(out.data, text);
	scratch_get(&dir, "lines", &out);
	assert_string_equal(out.data, "");
	buf_release(&out);
}

static struct inputs read_lines(void)
{
	struct buf out = { 0 };
	struct inputs in = { 0 };
	struct why why = { 0 };

	scratch_get(&dir, "lines", &out);
	if (inputs_parse(out.data, out.len, &in, &why) == -1)
		fail_msg("%s: %s", why.text, out.data);
	buf_release(&out);
	return in;
}

/* "SIZE PATH" of each, a newline behind. */
static void lists(const char *expected)
{
	struct inputs in = read_lines();
	struct buf is = { 0 };
	size_t i;

	buf_str(&is, "");
	for (i = 0; i < in.n; i++)
		buf_printf(&is, "%d %s\n", (int)in.v[i].size, in.v[i].path);
	assert_string_equal(is.data, expected);
	buf_release(&is);
	inputs_release(&in);
}

static uint64_t digest(const void *data, size_t n)
{
	struct digest d;

	digest_init(&d);
	digest_add(&d, data, n);
	return digest_value(&d);
}

/* Values that other implementations publish. */
static void digests(void **state)
{
	static const struct {
		const char *text;
		uint64_t hash;
	} cases[] = {
		{ "", 0xef46db3751d8e999 },
		{ "a", 0xd24ec4f1a98c6e5b },
		{ "as", 0x1c330fb2d66be179 },
		{ "asd", 0x631c37ce72a97393 },
		{ "asdf", 0x415872f599cea71e },
		{ "Call me Ishmael. Some years ago--never mind how long "
			"precisely-", 0x02a2e85470d6fd96 },
	};
	unsigned char bytes[101];
	uint32_t x = 2654435761u;
	size_t i, k;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(digest(cases[i].text, strlen(cases[i].text)),
			cases[i].hash);
	for (i = 0; i < sizeof(bytes); i++, x *= x)
		bytes[i] = (unsigned char)(x >> 24);
	assert_int_equal(digest(bytes, 1), 0x4fce394cc88952d8);
	assert_int_equal(digest(bytes, 14), 0xcffa8db881bc3a3d);
	assert_int_equal(digest(bytes, 101), 0x0eab543384f878ad);
	/* however it comes */
	for (i = 0; i <= sizeof(bytes); i++)
		for (k = i; k <= sizeof(bytes); k++) {
			struct digest d;

			digest_init(&d);
			digest_add(&d, bytes, i);
			digest_add(&d, bytes + i, k - i);
			digest_add(&d, bytes + k, sizeof(bytes) - k);
			assert_int_equal(digest_value(&d),
				0x0eab543384f878ad);
		}
}

static void words(void **state)
{
	char *outside, *word;

	(void)state;
	put("a.txt", "one");
	put("with space", "three");
	put("a[1].txt", "literal");
	put("a1.txt", "");
	make_dir("sub");
	put("sub/in", "x");
	assert_int_equal(INPUTS("", "=a.txt", "=with space", "=a1.txt"), 0);
	lists("3 a.txt\n0 a1.txt\n5 with space\n");
	/* seen from another directory, it is called the same */
	assert_int_equal(INPUTS("/sub", "=in", "=./in"), 0);
	lists("1 sub/./in\n1 sub/in\n");
	assert_int_equal(INPUTS("", "=./a.txt", "=.///a.txt", "=a.txt"), 0);
	lists("3 a.txt\n");
	/* what is really called so comes first */
	assert_int_equal(INPUTS("", "*a[1].txt"), 0);
	lists("7 a[1].txt\n");
	assert_int_equal(INPUTS("", "*a?.txt"), 0);
	lists("0 a1.txt\n-1 a?.txt\n");
	assert_int_equal(INPUTS("", "*a*", "*a1*", "=a.txt"), 0);
	lists("-1 a*\n3 a.txt\n-1 a1*\n0 a1.txt\n7 a[1].txt\n");
	/* outside it is absolute */
	scratch_put(&dir, "out", "1234", 4);
	outside = in_dir("out");
	word = mem_printf("=%s", outside);
	assert_int_equal(INPUTS("", word), 0);
	free(word);
	word = mem_printf("4 %s\n", outside);
	lists(word);
	free(word);
	free(outside);
	/* an absolute one below is not */
	outside = in_dir("w/a.txt");
	word = mem_printf("=%s", outside);
	assert_int_equal(INPUTS("", word), 0);
	lists("3 a.txt\n");
	free(word);
	free(outside);
}

static void directories(void **state)
{
	(void)state;
	make_dir("src");
	make_dir("src/b");
	make_dir("src/b/c");
	make_dir("src/empty");
	make_dir("src/.git");
	put("src/z", "z");
	put("src/b/c/deep", "deep");
	put("src/a name", "a");
	put("src/.hidden", "h");
	put("src/.git/x", "x");
	put("linked", "linked");
	assert_int_equal(symlinkat("../linked", dir.fd, "w/src/link"), 0);
	assert_int_equal(symlinkat("nowhere", dir.fd, "w/src/dangling"), 0);
	assert_int_equal(symlinkat("..", dir.fd, "w/src/b/circle"), 0);
	assert_int_equal(mkfifoat(dir.fd, "w/src/fifo", 0600), 0);
	assert_int_equal(INPUTS("", "=src"), 0);
	lists("-1 src\n1 src/a name\n4 src/b/c/deep\n6 src/link\n1 src/z\n");
	assert_int_equal(INPUTS("", "=src/"), 0);
	lists("-1 src/\n1 src/a name\n4 src/b/c/deep\n6 src/link\n1 src/z\n");
	assert_int_equal(INPUTS("", "*s*c"), 0);
	lists("-1 s*c\n1 src/a name\n4 src/b/c/deep\n6 src/link\n1 src/z\n");
	assert_int_equal(INPUTS("/src", "=b", "=../src/z"), 0);
	lists("1 src/../src/z\n-1 src/b\n4 src/b/c/deep\n");
	assert_int_equal(INPUTS("/src", "=."), 0);
	lists("-1 src/.\n1 src/./a name\n4 src/./b/c/deep\n6 src/./link\n"
		"1 src/./z\n");
	assert_int_equal(INPUTS("", "=src/empty"), 0);
	lists("-1 src/empty\n");
	/* one that is called like a pattern is one, when it is looked for
	 * again */
	make_dir("*");
	put("*/x", "x");
	make_dir("back\\slash");
	put("back\\slash/x", "x");
	assert_int_equal(INPUTS("", "=*", "=back\\slash"), 0);
	lists("1 */x\n-1 \\*\n-1 back\\slash\n1 back\\slash/x\n");
	/* one that was named is followed */
	assert_int_equal(INPUTS("", "=src/b/circle/b/c"), 0);
	lists("-1 src/b/circle/b/c\n4 src/b/circle/b/c/deep\n");
}

static void faults(void **state)
{
	struct buf word = { 0 }, text = { 0 };

	(void)state;
	put("there", "x");
	assert_int_equal(INPUTS("", "=there", "=gone", "*g*", "=there/x"), 1);
	said("input gone is missing\ninput g*: no file matches\n"
		"input there/x is missing\n");
	assert_int_equal(mkfifoat(dir.fd, "w/fifo", 0600), 0);
	assert_int_equal(INPUTS("", "=fifo"), 1);
	said("input fifo is no file and no directory\n");
	assert_int_equal(INPUTS("", "*fif*"), 1);
	said("input fif*: no file matches\n");
	put("a\nb", "x");
	assert_int_equal(INPUTS("", "*a*"), 1);
	scratch_get(&dir, "said", &text);
	assert_non_null(strstr(text.data, "a\\x0ab: a name with a newline in "
		"it cannot be kept\n"));
	/* too long a name: the system's word, and its end is said */
	buf_char(&word, '=');
	for (int i = 0; i < 5000; i++)
		buf_char(&word, 'x');
	buf_str(&word, "END");
	assert_int_equal(INPUTS("", word.data), 2);
	scratch_get(&dir, "said", &text);
	assert_non_null(strstr(text.data, "xEND: File name too long\n"));
	assert_true(text.len < 600);
	assert_int_equal(symlinkat("loop", dir.fd, "w/loop"), 0);
	assert_int_equal(INPUTS("", "=loop"), 2);
	said("input loop: Too many levels of symbolic links\n");
	assert_int_equal(inputs_main(0, NULL), 2);
	buf_release(&word);
	buf_release(&text);
}

/* What was read is what is there, and any name comes back. */
static void hostile_names(void **state)
{
	static const char *const names[] = {
		"$(reboot)", "-rf", "'\"`", "%41 %", " lead and trail ",
		"\xff\xfe", "\033[31m", "a\rb", "tab\there", "*", "?[x]", "\\",
		"1 2 0000000000000000 c", "=eq", "\xe2\x80\xae",
	};
	size_t i, n = sizeof(names) / sizeof(names[0]);
	struct inputs in;

	(void)state;
	for (i = 0; i < n; i++)
		put(names[i], names[i]);
	/* all of them, by a pattern */
	assert_int_equal(INPUTS("", "**?"), 0);
	in = read_lines();
	assert_int_equal(in.n, n + 1);
	inputs_release(&in);
	/* each, by its name */
	for (i = 0; i < n; i++) {
		char *word = mem_printf("=%s", names[i]);

		assert_int_equal(INPUTS("", word), 0);
		free(word);
		in = read_lines();
		assert_int_equal(in.n, 1);
		assert_string_equal(in.v[0].path, names[i]);
		assert_int_equal(in.v[0].hash, digest(names[i],
			strlen(names[i])));
		inputs_release(&in);
	}
}

static void parses(void **state)
{
	static const char *const bad[] = {
		"x", "1", "1 2", "1 2 0000000000000000", "1 2 12 a",
		"1 2 0000000000000000 ", "-2 2 0000000000000000 a",
		"1 2 00000000000000001 a", "1 2 0000000000000000a",
		"1 2 0000000000000000 a\n\n1 2 0000000000000000 b\n",
		"input a is missing\n", "\n",
	};
	static const char good[] = "7 -5 00ffffffffffffff a b\n"
		"-1 0 fedcba9876543210 *\n";
	struct inputs in = { 0 };
	struct why why;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (inputs_parse(bad[i], strlen(bad[i]), &in, &why) != -1)
			fail_msg("taken: %s", bad[i]);
	inputs_release(&in);
	assert_int_equal(inputs_parse("", 0, &in, &why), 0);
	assert_int_equal(in.n, 0);
	assert_int_equal(inputs_parse(good, strlen(good), &in, &why), 0);
	assert_int_equal(in.n, 2);
	assert_string_equal(in.v[0].path, "a b");
	assert_int_equal(in.v[0].size, 7);
	assert_int_equal(in.v[0].mtime, -5);
	assert_int_equal(in.v[0].hash, 0x00ffffffffffffff);
	assert_int_equal(in.v[1].size, -1);
	assert_int_equal(in.v[1].hash, 0xfedcba9876543210);
	inputs_release(&in);
}

static void indices(void **state)
{
	static const struct {
		int index[8];
		size_t n;
		const char *text;
	} cases[] = {
		{ { 0 }, 0, "" },
		{ { 7 }, 1, "7" },
		{ { 4, 0, 3 }, 3, "0,3-4" },
		{ { 0, 1, 2, 3 }, 4, "0-3" },
		{ { 5, 5, 6, 6, 9 }, 5, "5-6,9" },
		{ { 100000, 2, 99999 }, 3, "2,99999-100000" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf out = { 0 };
		int index[8], first, last, sum = 0, expected = 0;
		const char *at;

		memcpy(index, cases[i].index, sizeof(index));
		buf_str(&out, "");
		inputs_text(index, cases[i].n, &out);
		assert_string_equal(out.data, cases[i].text);
		for (at = out.data; inputs_range(&at, &first, &last);)
			for (; first <= last; first++)
				sum += first;
		assert_string_equal(at, "");
		for (size_t k = 0; k < cases[i].n; k++)
			if (k == 0 || index[k] != index[k - 1])
				expected += index[k];
		assert_int_equal(sum, expected);
		buf_release(&out);
	}
}

static void record_input(struct state *s, const struct input *in)
{
	struct record r = { 0 };
	struct why why;

	record_start(&r, "input");
	record_set(&r, "path", in->path);
	record_set_number(&r, "size", in->size);
	record_set_number(&r, "mtime", in->mtime);
	record_set_hex(&r, "hash", in->hash);
	assert_int_equal(state_apply(s, &r, &why), 0);
}

/* A file that is known is not read again: a wrong hash stays. */
static void known_ones(void **state)
{
	char *argv[] = { NULL, NULL, in_dir("w"), in_dir("w"), mem_dup("=a"),
		mem_dup("*b*"), NULL };
	struct inputs_known known = { 0 };
	struct inputs in;
	struct buf text = { 0 };
	struct state s;
	size_t i;

	(void)state;
	state_init(&s);
	put("a", "aa");
	put("b1", "b");
	assert_false(inputs_ready(&known, &s, argv, &text, NULL));
	assert_int_equal(INPUTS("", "=a", "*b*"), 0);
	in = read_lines();
	assert_int_equal(in.n, 3);
	for (i = 0; i < in.n; i++) {
		assert_int_equal(inputs_find(&known, &s, &in.v[i]), -1);
		if (strcmp(in.v[i].path, "a") == 0)
			in.v[i].hash = 17;
		record_input(&s, &in.v[i]);
		assert_int_equal(inputs_find(&known, &s, &in.v[i]), i);
	}
	inputs_release(&in);
	assert_true(inputs_ready(&known, &s, argv, &text, NULL));
	assert_string_equal(text.data, "0-2");
	buf_reset(&text);
	/* another one of the pattern */
	put("b2", "b");
	assert_false(inputs_ready(&known, &s, argv, &text, NULL));
	assert_int_equal(unlinkat(dir.fd, "w/b2", 0), 0);
	assert_true(inputs_ready(&known, &s, argv, &text, NULL));
	/* another time, another size */
	put("a", "bb");
	assert_false(inputs_ready(&known, &s, argv, &text, NULL));
	put("a", "aaa");
	assert_false(inputs_ready(&known, &s, argv, &text, NULL));
	/* it is the last that counts */
	assert_int_equal(INPUTS("", "=a"), 0);
	in = read_lines();
	record_input(&s, &in.v[0]);
	inputs_release(&in);
	buf_reset(&text);
	assert_true(inputs_ready(&known, &s, argv, &text, NULL));
	assert_string_equal(text.data, "1-3");
	assert_int_equal(inputs_latest(&known, &s, "a"), 3);
	assert_int_equal(inputs_latest(&known, &s, "c"), -1);
	assert_int_equal(unlinkat(dir.fd, "w/a", 0), 0);
	assert_false(inputs_ready(&known, &s, argv, &text, NULL));
	inputs_known_release(&known);
	buf_release(&text);
	state_release(&s);
	for (i = 2; i < 6; i++)
		free(argv[i]);
}

/* Were the time of each compared with all, this would take minutes. */
static void many_known_ones(void **state)
{
	enum { MANY = 200000 };
	struct inputs_known known = { 0 };
	struct state s;
	char path[32];
	int i;

	(void)state;
	state_init(&s);
	for (i = 0; i < MANY; i++) {
		struct input in = { path, i, i, (uint64_t)i };

		snprintf(path, sizeof(path), "dir/file-%d", i);
		assert_int_equal(inputs_find(&known, &s, &in), -1);
		record_input(&s, &in);
	}
	for (i = 0; i < MANY; i += 7) {
		struct input in = { path, i, i, (uint64_t)i };

		snprintf(path, sizeof(path), "dir/file-%d", i);
		assert_int_equal(inputs_find(&known, &s, &in), i);
	}
	inputs_known_release(&known);
	state_release(&s);
}

/* A change right behind the reading shows in size or time. */
static void tick(void **state)
{
	char *base = in_dir("w");
	struct input was, now;
	struct why why;
	int i;

	(void)state;
	for (i = 0; i < 30; i++) {
		put("f", "one");
		assert_int_equal(inputs_read(base, "f", &was, &why), 0);
		put("f", "two");
		assert_int_equal(inputs_look(base, "f", &now, &why), 0);
		assert_int_equal(now.size, was.size);
		if (now.mtime == was.mtime)
			fail_msg("the change is not seen, in round %d", i);
	}
	free(base);
}

static volatile sig_atomic_t appends;
static int appended;

static void append(int signo)
{
	(void)signo;
	if (++appends <= 20000 && write(appended, "x", 1) != 1)
		_exit(1);
}

/* By ourselves, every three milliseconds: one reading takes many, whoever else
 * is busy. */
static void changes_while_it_is_read(void **state)
{
	enum { LARGE = 64 * 1024 * 1024 };
	struct sigaction sa = { .sa_handler = append, .sa_flags = SA_RESTART };
	struct itimerval every = { { 0, 3000 }, { 0, 3000 } };
	struct itimerval off = { { 0, 0 }, { 0, 0 } };
	char *base = in_dir("w");
	struct input now;
	struct why why;
	int ret;

	(void)state;
	put("f", "");
	appended = openat(dir.fd, "w/f", O_WRONLY | O_APPEND | O_CLOEXEC);
	assert_int_equal(ftruncate(appended, LARGE), 0);
	sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, &every, NULL);
	ret = inputs_read(base, "f", &now, &why);
	setitimer(ITIMER_REAL, &off, NULL);
	assert_int_equal(ret, -1);
	assert_string_equal(why.text, "input f changes while it is read");
	assert_int_equal(inputs_read(base, "f", &now, &why), 0);
	assert_true(now.size > LARGE);
	close(appended);
	free(base);
}

static void apply(struct state *s, struct record *r)
{
	struct why why = { 0 };

	if (state_apply(s, r, &why) == -1)
		fail_msg("%s", why.text);
}

/* The arguments of `inputs` for an item. */
static void arguments(const char *inputs_value, const char *item,
	const char *expected)
{
	struct pipeline *p;
	struct rundir d = { .path = (char *)"/run", .fd = -1, .log_fd = -1 };
	struct record r = { 0 };
	struct state s;
	struct plan pl;
	struct env e;
	struct why why = { 0 };
	struct buf is = { 0 };
	char *ini, **argv;

	ini = mem_printf("[params]\nwild = *.c\n[step a]\nforeach = x\n"
		"inputs = %s\nrun = :\n", inputs_value);
	p = loads(ini);
	state_init(&s);
	record_start(&r, "durexec");
	record_set(&r, "run", "r");
	record_set(&r, "name", "n");
	record_set(&r, "path", "/p.ini");
	record_set(&r, "seed", "s");
	apply(&s, &r);
	record_start(&r, "items");
	record_set(&r, "step", "a");
	record_set(&r, "list", item);
	record_set_number(&r, "total", 1);
	apply(&s, &r);
	plan_init(&pl, p, &s);
	env_init(&e, p, &pl, &d);
	assert_int_equal(env_build(&e, 0, s.fan[0].task[0], 1, &why), 0);
	argv = inputs_argv(&e, 0, "/cwd", &why);
	buf_str(&is, "");
	for (int i = 4; argv != NULL && argv[i] != NULL; i++)
		buf_printf(&is, "%s\n", argv[i]);
	assert_string_equal(argv != NULL ? is.data : why.text, expected);
	if (argv != NULL) {
		assert_string_equal(argv[0], "durexec-inputs");
		assert_string_equal(argv[1], "inputs");
		assert_string_equal(argv[2], p->dir);
		assert_string_equal(argv[3], "/cwd");
	}
	buf_release(&is);
	env_release(&e);
	plan_release(&pl);
	state_release(&s);
	pipeline_free(p);
	free(ini);
}

static void items_are_no_patterns(void **state)
{
	(void)state;
	arguments("a.txt src/*.c", "i", "=a.txt\n*src/*.c\n");
	arguments("${ITEM}", "a b*[1]", "=a b*[1]\n");
	arguments("${ITEM}.txt ${ITEM}/*.c", "a*", "=a*.txt\n*a\\*/*.c\n");
	arguments("x[0-9]${ITEM_NAME}?", "d/[\\]", "*x[0-9]\\[\\\\]?\n");
	arguments("${wild}", "i", "**.c\n");
	arguments("${ITEM}${wild}${ITEM}", "?", "*\\?*.c\\?\n");
	arguments("$${ITEM}*", "i", "*${ITEM}*\n");
	arguments("${ITEM}", "$(reboot) ${wild}", "=$(reboot) ${wild}\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(digests),
		cmocka_unit_test_setup_teardown(words, setup, teardown),
		cmocka_unit_test_setup_teardown(directories, setup, teardown),
		cmocka_unit_test_setup_teardown(faults, setup, teardown),
		cmocka_unit_test_setup_teardown(hostile_names, setup,
			teardown),
		cmocka_unit_test(parses),
		cmocka_unit_test(indices),
		cmocka_unit_test_setup_teardown(known_ones, setup, teardown),
		cmocka_unit_test(many_known_ones),
		cmocka_unit_test_setup_teardown(tick, setup, teardown),
		cmocka_unit_test_setup_teardown(changes_while_it_is_read,
			setup, teardown),
		cmocka_unit_test(items_are_no_patterns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
