/* SPDX-License-Identifier: ISC */
#include "items.h"

#include "mem.h"
#include "scratch.h"

/* All of them, each in brackets. */
static void are(const struct items *items, const char *expected)
{
	struct buf is = { 0 };
	size_t i;

	buf_str(&is, "");
	for (i = 0; i < items->n; i++)
		buf_printf(&is, "[%s]", items->v[i]);
	assert_string_equal(is.data, expected);
	buf_release(&is);
}

static int read_lines(struct items *items, const char *text, size_t n,
	struct why *why)
{
	struct buf buf = { 0 };
	int ret;

	memset(items, 0, sizeof(*items));
	memset(why, 0, sizeof(*why));
	buf_add(&buf, text, n);
	ret = items_lines(items, &buf, why);
	/* it is the items' now */
	assert_true(buf.data == NULL && buf.len == 0 && buf.cap == 0);
	return ret;
}

static void lines_are(const char *text, const char *expected)
{
	struct items items;
	struct why why;

	if (read_lines(&items, text, strlen(text), &why) != 0)
		fail_msg("%s", why.text);
	are(&items, expected);
	items_release(&items);
	assert_true(items.n == 0 && items.v == NULL);
	items_release(&items);
}

static void lines_refused(const char *text, size_t n, const char *said)
{
	struct items items;
	struct why why;

	if (read_lines(&items, text, n, &why) != -1)
		fail_msg("accepted");
	assert_string_equal(why.text, said);
	items_release(&items);
}

static void lines(void **state)
{
	(void)state;
	lines_are("", "");
	lines_are("\n", "");
	lines_are("\n\n\n", "");
	lines_are("a\n", "[a]");
	lines_are("a", "[a]");
	lines_are("a\nb", "[a][b]");
	lines_are("\n\na\n\n\nb\n\n", "[a][b]");
	/* as they were printed */
	lines_are("b\na\nc\n", "[b][a][c]");
	/* any bytes */
	lines_are(" a b \n\t\n \n", "[ a b ][\t][ ]");
	lines_are("a\r\nb\r\n\r\n", "[a\r][b\r][\r]");
	lines_are("\xff\xfe\n\xc3\n\x1b[2J\n\x01", "[\xff\xfe][\xc3][\x1b[2J]"
		"[\x01]");
	lines_are("-rf\n*\n?\n[a]\n$(reboot)\n`id`\n'\n\"\n\\\n#\n;\n..\n/\n",
		"[-rf][*][?][[a]][$(reboot)][`id`]['][\"][\\][#][;][..][/]");
	lines_are("a\nA\na \n a", "[a][A][a ][ a]");
}

static void bad_lines(void **state)
{
	char longest[2 * 4097 + 1], expected[400];

	(void)state;
#define NUL "there is a NUL byte among its lines, which no item can hold"
	lines_refused("\0", 1, NUL);
	lines_refused("a\0b\n", 4, NUL);
	lines_refused("a\nb\0", 4, NUL);
	lines_refused("\0\n\0\n", 4, NUL);
	lines_refused("a\na\n", 4, "item \"a\" is there twice (number 1 and "
		"number 2)");
	lines_refused("x\n\na\nb\n\na", 9, "item \"a\" is there twice (number "
		"2 and number 4)");
	lines_refused("\xff\n\xff", 3, "item \"\xff\" is there twice (number "
		"1 and number 2)");
	/* of a long one, the beginning */
	memset(longest, 'x', 4096);
	longest[4096] = '\n';
	memset(longest + 4097, 'x', 4096);
	longest[2 * 4097 - 1] = '\0';
	snprintf(expected, sizeof(expected), "item \"%.100s\" is there twice "
		"(number 1 and number 2)", longest);
	lines_refused(longest, 2 * 4097 - 1, expected);
	snprintf(expected, sizeof(expected), "item number 2, \"%.100s…\", is "
		"longer than 4096 bytes", longest);
	longest[0] = 'a';
	longest[1] = '\n';
	memset(longest + 2, 'x', 4097);
	lines_refused(longest, 2 + 4097, expected);
}

static void longest_line(void **state)
{
	struct items items;
	struct why why;
	char text[4098];

	(void)state;
	memset(text, 0xff, 4096);
	text[4096] = '\n';
	text[4097] = 'a';
	assert_int_equal(read_lines(&items, text, 4098, &why), 0);
	assert_int_equal(items.n, 2);
	assert_int_equal(strlen(items.v[0]), 4096);
	assert_string_equal(items.v[1], "a");
	items_release(&items);
}

/* A hundred thousand of them: a search among all of them for each would be
 * minutes. */
static void many_lines(void **state)
{
	enum { MANY = 100000 };
	struct buf text = { 0 };
	struct items items = { 0 };
	struct why why;
	int i;

	(void)state;
	for (i = 0; i < MANY; i++)
		buf_printf(&text, "file %d.txt\n", i);
	assert_int_equal(items_lines(&items, &text, &why), 0);
	assert_int_equal(items.n, MANY);
	assert_string_equal(items.v[MANY - 1], "file 99999.txt");
	items_release(&items);
	for (i = 0; i < MANY; i++)
		buf_printf(&text, "file %d.txt\n", i);
	buf_str(&text, "file 4711.txt");
	assert_int_equal(items_lines(&items, &text, &why), -1);
	assert_string_equal(why.text, "item \"file 4711.txt\" is there twice "
		"(number 4712 and number 100001)");
	items_release(&items);
}

/* The words stand in text, NULL ends them. */
static int read_words(struct items *items, const struct scratch *dir,
	const char *const *word, struct why *why)
{
	size_t n = 0;

	memset(items, 0, sizeof(*items));
	memset(why, 0, sizeof(*why));
	while (word[n] != NULL)
		n++;
	return items_words(items, (char *const *)word, n, dir->path, why);
}

#define WORDS(...) ((const char *const[]){ __VA_ARGS__, NULL })

static void words_are(const struct scratch *dir, const char *const *word,
	const char *expected)
{
	struct items items;
	struct why why;

	if (read_words(&items, dir, word, &why) != 0)
		fail_msg("%s", why.text);
	are(&items, expected);
	items_release(&items);
}

static void words_refused(const struct scratch *dir, const char *const *word,
	const char *said)
{
	struct items items;
	struct why why;

	assert_int_equal(read_words(&items, dir, word, &why), -1);
	assert_string_equal(why.text, said);
	items_release(&items);
}

static void put(const struct scratch *dir, const char *name)
{
	scratch_put(dir, name, "", 0);
}

static void words(void **state)
{
	struct scratch dir;

	(void)state;
	scratch_init(&dir);
	put(&dir, "b.txt");
	put(&dir, "a.txt");
	put(&dir, "c d.txt");
	put(&dir, "a[1].dat");
	put(&dir, "1.dat");
	put(&dir, ".hidden.txt");
	words_are(&dir, WORDS(NULL), "");
	words_are(&dir, WORDS("x", "y z", "$(reboot)", "../../etc", "-rf"),
		"[x][y z][$(reboot)][../../etc][-rf]");
	/* what nothing was put in for is none */
	words_are(&dir, WORDS("", "a", ""), "[a]");
	/* in the order of the words; of one word, in byte order */
	words_are(&dir, WORDS("z", "*.txt", "y"),
		"[z][a.txt][b.txt][c d.txt][y]");
	words_are(&dir, WORDS("?.txt", "*.nothing", "c*"),
		"[a.txt][b.txt][c d.txt]");
	words_are(&dir, WORDS("*.nothing"), "");
	words_are(&dir, WORDS(".h*"), "[.hidden.txt]");
	/* the file of that name comes before what the pattern means */
	words_are(&dir, WORDS("a[1].dat"), "[a[1].dat]");
	words_are(&dir, WORDS("[1].dat"), "[1.dat]");
	/* a name is not looked for */
	words_are(&dir, WORDS("gone.txt"), "[gone.txt]");
	words_refused(&dir, WORDS("b.txt", "*.txt"), "item \"b.txt\" is there "
		"twice (number 1 and number 3)");
	words_refused(&dir, WORDS("x", "x"), "item \"x\" is there twice "
		"(number 1 and number 2)");
	scratch_release(&dir);
}

static void bad_words(void **state)
{
	char longest[4098], expected[300];
	struct scratch dir;

	(void)state;
	scratch_init(&dir);
	put(&dir, "a\nb.txt");
	put(&dir, "c.txt");
	words_refused(&dir, WORDS("*.txt"), "a file name with a newline in it "
		"cannot be an item: \"a\nb.txt\"");
	words_are(&dir, WORDS("c*"), "[c.txt]");
	memset(longest, 'w', 4097);
	longest[4097] = '\0';
	snprintf(expected, sizeof(expected), "item number 2, \"%.100s…\", is "
		"longer than 4096 bytes", longest);
	words_refused(&dir, WORDS("a", longest), expected);
	longest[4096] = '\0';
	words_are(&dir, WORDS("c*", "d"), "[c.txt][d]");
	scratch_release(&dir);
}

/* The longest word fits; and there are many of them. */
static void many_words(void **state)
{
	enum { MANY = 5000 };
	struct items items = { 0 };
	char *word[MANY], *longest = mem_alloc(4097);
	struct why why;
	int i;

	(void)state;
	memset(longest, 'w', 4096);
	word[0] = longest;
	for (i = 1; i < MANY; i++)
		word[i] = mem_printf("word %d", i);
	assert_int_equal(items_words(&items, word, MANY, "/", &why), 0);
	assert_int_equal(items.n, MANY);
	for (i = 0; i < MANY; i++) {
		assert_string_equal(items.v[i], word[i]);
		free(word[i]);
	}
	items_release(&items);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines),
		cmocka_unit_test(bad_lines),
		cmocka_unit_test(longest_line),
		cmocka_unit_test(many_lines),
		cmocka_unit_test(words),
		cmocka_unit_test(bad_words),
		cmocka_unit_test(many_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
