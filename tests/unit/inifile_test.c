/* SPDX-License-Identifier: ISC */
#include "inifile.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "buf.h"
#include "mem.h"

/*
 * What the parser said, as text: "[3 step a]", "4 run=<value>" with \n for a
 * newline and \r for a carriage return, "5! message | hint".
 */
struct told {
	struct buf text;
	int keys, refuse;	/* the key to refuse, counted from 1; 0 none */
	int refused_line;
};

static void tell_bytes(struct buf *b, const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (s[i] == '\n')
			buf_str(b, "\\n");
		else if (s[i] == '\r')
			buf_str(b, "\\r");
		else if (s[i] == '\0')
			buf_str(b, "\\0");
		else
			buf_char(b, s[i]);
	}
}

static void on_section(void *ctx, int line, const char *text, size_t len)
{
	struct told *t = ctx;

	buf_printf(&t->text, "[%d ", line);
	tell_bytes(&t->text, text, len);
	buf_str(&t->text, "]\n");
}

static int on_key(void *ctx, int line, const char *key, const char *value,
	size_t len)
{
	struct told *t = ctx;

	assert_int_equal(value[len], '\0');
	buf_printf(&t->text, "%d %s=", line, key);
	tell_bytes(&t->text, value, len);
	buf_char(&t->text, '\n');
	t->keys++;
	if (t->keys != t->refuse)
		return 0;
	t->refused_line = line;
	return -1;
}

static void on_problem(void *ctx, int line, const char *hint,
	const char *message)
{
	struct told *t = ctx;

	buf_printf(&t->text, "%d! %s", line, message);
	if (hint != NULL)
		buf_printf(&t->text, " | %s", hint);
	buf_char(&t->text, '\n');
}

static int parse(struct told *t, const char *text, size_t len)
{
	struct inifile_handler handler = { t, on_section, on_key, on_problem };
	/* a copy of its own, so that a sanitizer sees each byte too many */
	char *copy = malloc(len != 0 ? len : 1);
	int line;

	memcpy(copy, text, len);
	line = inifile_parse(copy, len, &handler);
	free(copy);
	return line;
}

static void check_bytes(const char *text, size_t len, const char *expected)
{
	struct told t = { 0 };

	assert_int_equal(parse(&t, text, len), 0);
	assert_string_equal(t.text.data != NULL ? t.text.data : "", expected);
	buf_release(&t.text);
}

static void check(const char *text, const char *expected)
{
	check_bytes(text, strlen(text), expected);
}

static void empty_files(void **state)
{
	(void)state;
	check("", "");
	check("\n", "");
	check("\n\n  \n\t\n", "");
	check("# nothing\n; at all", "");
	check("\xef\xbb\xbf", "");
	check("\xef\xbb\xbf\r\n", "");
}

static void one_line(void **state)
{
	(void)state;
	check("[step a]\nrun = echo hi\n", "[1 step a]\n2 run=echo hi\n");
	check("[step a]\nrun=echo hi", "[1 step a]\n2 run=echo hi\n");
	check("[step a]\nrun\t = \t echo hi\n", "[1 step a]\n2 run=echo hi\n");
	/* blanks at the end of a line are part of it */
	check("[s]\nrun = echo \\ \n", "[1 s]\n2 run=echo \\ \n");
	check("[s]\nrun =\n", "[1 s]\n2 run=\n");
	check("[s]\nrun =   \n\n", "[1 s]\n2 run=\n");
	check("k = 1\n", "1 k=1\n");
	check("[  step   a  ]  \n", "[1 step   a]\n");
	check("[]\n", "[1 ]\n");
}

static void verbatim(void **state)
{
	(void)state;
	check("[s]\nrun = a ; b # c = d [e] \"f\" 'g' \\ : h ;\n",
		"[1 s]\n2 run=a ; b # c = d [e] \"f\" 'g' \\ : h ;\n");
	check("[s]\nrun = ;x\nneeds = #y\n",
		"[1 s]\n2 run=;x\n3 needs=#y\n");
	check("[s]\nrun = =x\n", "[1 s]\n2 run==x\n");
	check("[s]\nrun = [x]\n", "[1 s]\n2 run=[x]\n");
	check("[s]\nrun =\n  [evil]\n  key = value\n  # shell ; comment\n",
		"[1 s]\n2 run=[evil]\\nkey = value\\n# shell ; comment\n");
	check("[s]\nrun = \xc3\xa4\xff\x01\x7f\n",
		"[1 s]\n2 run=\xc3\xa4\xff\x01\x7f\n");
	check("[s]\nrun = a\fb\vc\n", "[1 s]\n2 run=a\fb\vc\n");
}

static void blocks(void **state)
{
	(void)state;
	/* nothing on the first line: it is none of the value's */
	check("[s]\nrun =\n\techo a\n\techo b\nneeds = x\n",
		"[1 s]\n2 run=echo a\\necho b\n5 needs=x\n");
	/* something on it: the rest keeps its own common indentation */
	check("[s]\nrun = import os\n      if 1:\n          print(1)\n",
		"[1 s]\n2 run=import os\\nif 1:\\n    print(1)\n");
	check("[s]\nrun =\n    if True:\n        x()\n    y()\n",
		"[1 s]\n2 run=if True:\\n    x()\\ny()\n");
	/* the first of the lines may be the deepest one */
	check("[s]\nrun =\n        deep\n    flat\n",
		"[1 s]\n2 run=    deep\\nflat\n");
	/* tabs and blanks are not the same indentation */
	check("[s]\nrun =\n\ta\n  b\n", "[1 s]\n2 run=\ta\\n  b\n");
	check("[s]\nrun =\n\t  a\n\t\tb\n", "[1 s]\n2 run=  a\\n\tb\n");
}

static void blank_lines(void **state)
{
	(void)state;
	check("[s]\nrun = a\n\n\n  b\n\n\n\nneeds = c\n",
		"[1 s]\n2 run=a\\n\\n\\nb\n9 needs=c\n");
	/* a blank line does not count as indented, and keeps what it has
	 * beyond the common indentation */
	check("[s]\nrun =\n    a\n\n      \n  \n    b\n",
		"[1 s]\n2 run=a\\n\\n  \\n\\nb\n");
	/* and all it has when that is indented in another way */
	check("[s]\nrun =\n    a\n\t\t\n  \t\t\n    b\n",
		"[1 s]\n2 run=a\\n\t\t\\n\t\t\\nb\n");
	/* leading ones are part of the value, trailing ones are not */
	check("[s]\nrun =\n\n  a\n   \n\t\n", "[1 s]\n2 run=\\na\n");
	check("[s]\nrun =\n\n\n[t]\n", "[1 s]\n2 run=\n[5 t]\n");
}

static void comments(void **state)
{
	(void)state;
	check("# a\n; b\n[s]\n# c\nrun = 1\n; d\n", "[3 s]\n5 run=1\n");
	check("[s]\nrun =\n  a\n# gone\n  b\n;gone, too\n\n  c\n# end\nk = v\n",
		"[1 s]\n2 run=a\\nb\\n\\nc\n10 k=v\n");
	/* indented, it is the shell's */
	check("[s]\nrun = a\n  # kept\n", "[1 s]\n2 run=a\\n# kept\n");
	check("[s]\nrun =\n# gone\n  a\n", "[1 s]\n2 run=a\n");
}

static void heredoc(void **state)
{
	(void)state;
	check("[step x]\n"
	      "run =\n"
	      "    cat > f <<'EOF'\n"
	      "    [section] ; not\n"
	      "    key = value\n"
	      "\n"
	      "      # indented\n"
	      "    EOF\n"
	      "    python3 - <<'PY'\n"
	      "    def f(x):\n"
	      "        return {'a': x}\n"
	      "    PY\n"
	      "\n"
	      "[step y]\n",
		"[1 step x]\n"
		"2 run=cat > f <<'EOF'\\n[section] ; not\\nkey = value\\n\\n"
		"  # indented\\nEOF\\npython3 - <<'PY'\\ndef f(x):\\n"
		"    return {'a': x}\\nPY\n"
		"[14 step y]\n");
}

static void line_ends(void **state)
{
	(void)state;
	check("\xef\xbb\xbf[s]\r\nrun =\r\n  a\r\n\r\n  b\r\n# c\r\nk = v\r\n",
		"[1 s]\n2 run=a\\n\\nb\n7 k=v\n");
	check("[s]\r\nrun = a\r", "[1 s]\n2 run=a\n");
	/* only before a newline is it part of a line's end */
	check("[s]\nrun = a\rb\r\r\n", "[1 s]\n2 run=a\\rb\\r\n");
	/* a mark only at the very start is one */
	check("\n\xef\xbb\xbfk = v\n",
		"2! \"\xef\xbb\xbfk\" is no name of a key: that is one word of "
		"letters, digits, \"_\", \".\" and \"-\"\n");
	check("\xef\xbb\xbfk = v\n", "1 k=v\n");
}

/* Wherever libinih's buffer of 200 bytes ends, nothing may happen. */
static void any_length(void **state)
{
	static const char *const bait[] = {
		" ; gone", "[evil]", "key = value", " #", "=", "\\", "\"",
	};
	static const size_t lengths[] = { 1000, 4096, 8191, 131072, 3000000 };
	size_t baits = sizeof(bait) / sizeof(bait[0]);

	(void)state;
	for (size_t i = 0; i < 300 * baits + 5; i++) {
		size_t n = i < 300 * baits ? 120 + i / baits :
			lengths[i - 300 * baits];
		const char *b = bait[i % baits];
		char *fill = mem_alloc(n + 1);
		char *text, *expected;

		memset(fill, 'x', n);
		text = mem_printf("[s]\nrun = %s%s%s\n  %s%s%s\n%s\n"
			"# %s%s%s\nk = v\n", fill, b, fill, fill, b, fill,
			"", fill, b, fill);
		expected = mem_printf("[1 s]\n2 run=%s%s%s\\n%s%s%s\n6 k=v\n",
			fill, b, fill, fill, b, fill);
		check(text, expected);
		free(text);
		free(expected);
		free(fill);
	}
}

static void long_indentation(void **state)
{
	char blanks[301], *text, *expected;

	(void)state;
	memset(blanks, ' ', 300);
	blanks[300] = '\0';
	text = mem_printf("[s]\nrun =\n%sa\n%s b\n%s\nk = v\n", blanks, blanks,
		blanks);
	check(text, "[1 s]\n2 run=a\\n b\n6 k=v\n");
	free(text);
	text = mem_printf("[s]\nrun = %sa\n[%st%s]%s\nk%s=%sv\n", blanks,
		blanks, blanks, blanks, blanks, blanks);
	check(text, "[1 s]\n2 run=a\n[3 t]\n4 k=v\n");
	free(text);
	expected = mem_printf("[1 s]\n2 run=a%s\n", blanks);
	text = mem_printf("[s]\nrun = a%s\n", blanks);
	check(text, expected);
	free(text);
	free(expected);
}

static void names(void **state)
{
	char name[INIFILE_NAME + 2], *text, *expected;

	(void)state;
	memset(name, 'n', sizeof(name));
	name[INIFILE_NAME] = '\0';
	text = mem_printf("[s]\n%s = v\nenv.A-b_1 = w\n", name);
	expected = mem_printf("[1 s]\n2 %s=v\n3 env.A-b_1=w\n", name);
	check(text, expected);
	free(text);
	free(expected);

	name[INIFILE_NAME] = 'n';
	name[INIFILE_NAME + 1] = '\0';
	text = mem_printf("[s]\n%s = v\n  more\nk = v\n", name);
	expected = mem_printf("[1 s]\n2! the name \"%.40s...\" is 49 bytes "
		"long, at most 48 are allowed\n4 k=v\n", name);
	check(text, expected);
	free(text);
	free(expected);

	/* sections may be as long as they like: the loader looks at them */
	text = mem_printf("[%0500d]\nk = v\n", 7);
	expected = mem_printf("[1 %0500d]\n2 k=v\n", 7);
	check(text, expected);
	free(text);
	free(expected);
}

static void bad_lines(void **state)
{
	(void)state;
	check("[s]\necho hi\nk = v\n",
		"[1 s]\n2! \"echo hi\" is neither \"NAME = VALUE\" nor a "
		"section nor a comment | write NAME = VALUE, [SECTION], or a "
		"comment that begins with \"#\"\n3 k=v\n");
	/* most likely somebody forgot to indent it */
	check("[s]\nrun = a\necho hi\n  there\nk = v\n",
		"[1 s]\n2 run=a\n3! \"echo hi\" is neither \"NAME = VALUE\" "
		"nor a section nor a comment | if it belongs to the value of "
		"\"run\" above, begin the line with a blank\n5 k=v\n");
	check("[s]\nrun = a\nif [ \"$x\" = y ]; then\n",
		"[1 s]\n2 run=a\n3! \"if [ \"$x\"\" is no name of a key: that "
		"is one word of letters, digits, \"_\", \".\" and \"-\" | if "
		"it belongs to the value of \"run\" above, begin the line "
		"with a blank\n");
	/* there is no value above it any more */
	check("[s]\nrun = a\n[t]\necho hi\n",
		"[1 s]\n2 run=a\n[3 t]\n4! \"echo hi\" is neither \"NAME = "
		"VALUE\" nor a section nor a comment | write NAME = VALUE, "
		"[SECTION], or a comment that begins with \"#\"\n");
	check("[s]\n= v\n", "[1 s]\n2! there is no name before the \"=\" | "
		"write NAME = VALUE, [SECTION], or a comment that begins with "
		"\"#\"\n");
	check("[s]\nrun: echo a=b\n", "[1 s]\n2! expected \"=\" after "
		"\"run\", not \":\" | run = ...\n");
	check("[s]\nr\xc3\xbcn = x\n", "[1 s]\n2! \"r\xc3\xbcn\" is no name of "
		"a key: that is one word of letters, digits, \"_\", \".\" and "
		"\"-\"\n");
	/* a colon that ends no name: too late, with none, behind a long one */
	check("[s]\na b: c\n:c\n"
		"a2345678901234567890123456789012345678901234567890:c\n",
		"[1 s]\n2! \"a b: c\" is neither \"NAME = VALUE\" nor a "
		"section nor a comment | write NAME = VALUE, [SECTION], or a "
		"comment that begins with \"#\"\n3! \":c\" is neither \"NAME = "
		"VALUE\" nor a section nor a comment | write NAME = VALUE, "
		"[SECTION], or a comment that begins with \"#\"\n4! \"a234567890"
		"123456789012345678901234567890\" is neither \"NAME = VALUE\" "
		"nor a section nor a comment | write NAME = VALUE, [SECTION], "
		"or a comment that begins with \"#\"\n");
	check("[s]\nk = v\n= w\n", "[1 s]\n2 k=v\n3! there is no name before "
		"the \"=\" | if it belongs to the value of \"k\" above, begin "
		"the line with a blank\n");
}

static void bad_sections(void **state)
{
	(void)state;
	/* what follows must not land in the section above */
	check("[a]\n[b\nk = v\n",
		"[1 a]\n2! this section has no closing \"]\" | [b]\n"
		"[2 b]\n3 k=v\n");
	check("[a] # note\n", "1! there is text after the \"]\"; comments "
		"begin in column 0 | put the comment on a line of its own\n"
		"[1 a]\n");
	check("[a] b\n", "1! there is text after the \"]\": \"b\"\n[1 a]\n");
	check("[a]]\n", "1! there is text after the \"]\": \"]\"\n[1 a]\n");
	check("[a]\nrun = x\n[ -f y ] && z\n",
		"[1 a]\n2 run=x\n3! there is text after the \"]\": \"&& z\" | "
		"if it belongs to the value of \"run\" above, begin the line "
		"with a blank\n[3 -f y]\n");
}

static void stray(void **state)
{
	(void)state;
	check("  k = v\n", "1! this line is indented, and there is no value "
		"above that it could belong to | begin keys and sections in "
		"column 0\n");
	/* told once for a block */
	check("[s]\n  a = 1\n  b = 2\n\n  c = 3\nk = v\n",
		"[1 s]\n2! this line is indented, and there is no value above "
		"that it could belong to | begin keys and sections in column "
		"0\n6 k=v\n");
	check("[s]\n  a = 1\n[t]\n\tb = 2\n",
		"[1 s]\n2! this line is indented, and there is no value above "
		"that it could belong to | begin keys and sections in column "
		"0\n[3 t]\n4! this line is indented, and there is no value "
		"above that it could belong to | begin keys and sections in "
		"column 0\n");
	check("[s]\n  # c\n", "[1 s]\n2! this comment is indented, and there "
		"is no value above that it could belong to | begin the "
		"comment in column 0\n");
}

static void nul_bytes(void **state)
{
	static const char in_value[] = "[s]\nrun = a\0b\n  c\0\nk = v\n";
	static const char in_comment[] = "# a\0b\n[s]\n";
	static const char utf16[] = "\xff\xfe[\0s\0]\0\n\0";

	(void)state;
	check_bytes(in_value, sizeof(in_value) - 1,
		"[1 s]\n2! this line holds a NUL byte | pipeline files are "
		"plain text\n2 run=a\\0b\\nc\\0\n3! this line holds a NUL "
		"byte | pipeline files are plain text\n4 k=v\n");
	check_bytes(in_comment, sizeof(in_comment) - 1, "1! this line holds a "
		"NUL byte | pipeline files are plain text\n[2 s]\n");
	check_bytes(utf16, sizeof(utf16) - 1,
		"1! the file is in UTF-16 | save it as UTF-8\n");
	check_bytes("\xfe\xff\0[", 4,
		"1! the file is in UTF-16 | save it as UTF-8\n");
}

/* Every way in which lines are swallowed, and keys after each of them. */
static const char sample[] =
	"\xef\xbb\xbf# top\r\n"
	"\n"
	"[pipeline]\n"
	"name = x\n"
	"  \n"
	"; in between\n"
	"[step a]\n"
	"run =\n"
	"    one ; two\n"
	"# skipped\n"
	"\n"
	"      three\n"
	"\n"
	"needs =\n"
	"timeout = 5\r\n"
	"\r\n"
	"[step b]\n"
	"run = a\n"
	"  b\n"
	"\tc\n"
	"if = x = [y]\n"
	"[step c]\n"
	"\n"
	"\n"
	"run = z";

/* libinih counts lines as we do, whatever was swallowed above. */
static void lines_of_libinih(void **state)
{
	struct told all = { 0 };

	(void)state;
	assert_int_equal(parse(&all, sample, sizeof(sample) - 1), 0);
	assert_int_equal(all.keys, 7);
	for (int i = 1; i <= all.keys; i++) {
		struct told t = { .refuse = i };
		int line = parse(&t, sample, sizeof(sample) - 1);

		assert_true(line > 0);
		assert_int_equal(line, t.refused_line);
		assert_string_equal(t.text.data, all.text.data);
		buf_release(&t.text);
	}
	buf_release(&all.text);
}

/* A file cut at the end of any line says what the whole one says, but for
 * the value that the cut may have gone through. */
static void truncated(void **state)
{
	struct told all = { 0 };

	(void)state;
	parse(&all, sample, sizeof(sample) - 1);
	for (size_t n = 0; n < sizeof(sample); n++) {
		struct told t = { 0 };
		size_t len;

		parse(&t, sample, n);
		len = t.text.len;
		if (n > 0 && sample[n - 1] == '\n' && len > 0) {
			for (len--; len > 0; len--)
				if (t.text.data[len - 1] == '\n')
					break;
			assert_memory_equal(t.text.data, all.text.data, len);
		}
		buf_release(&t.text);
	}
	buf_release(&all.text);
}

/* Linear: each of these takes minutes when something is read again for each
 * line. */
static void many_lines(void **state)
{
	struct buf text = { 0 };
	struct told t = { 0 };

	(void)state;
	buf_str(&text, "[s]\nrun =\n");
	for (int i = 0; i < 1000000; i++)
		buf_str(&text, i % 3 != 0 ? "    \n" : "  x\n# y\n");
	for (int i = 0; i < 300000; i++)
		buf_str(&text, "broken\n  more\n\n");
	buf_str(&text, "k = v");
	parse(&t, text.data, text.len);
	assert_non_null(strstr(t.text.data, "2233337 k=v\n"));
	buf_release(&t.text);
	buf_release(&text);
}

static void value_lines(void **state)
{
	static const struct {
		const char *text;
		int n, below;
	} at[] = {
		{ "k = a\n b\n\n# no\n c\nx = y\n", 0, 0 },
		{ "k = a\n b\n\n# no\n c\nx = y\n", 1, 1 },
		{ "k = a\n b\n\n# no\n c\nx = y\n", 2, 2 },
		{ "k = a\n b\n\n# no\n c\nx = y\n", 3, 4 },
		{ "k =  \r\n\ta\r\n; no\r\n\tb\r\n", 0, 1 },
		{ "k =  \r\n\ta\r\n; no\r\n\tb\r\n", 1, 3 },
		{ "k =\n# no\n\n a", 0, 2 },
		{ "k =\n# no\n\n a", 1, 3 },
		{ "k = a = b", 0, 0 },
		{ "", 0, 0 },
		/* no key; more lines than there are */
		{ "abc\n def\n", 1, 1 },
		{ "a = b\n", 5, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		size_t len = strlen(at[i].text);
		char *copy = malloc(len != 0 ? len : 1);

		memcpy(copy, at[i].text, len);
		assert_int_equal(inifile_value_line(copy, len, at[i].n),
			at[i].below);
		free(copy);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty_files),
		cmocka_unit_test(value_lines),
		cmocka_unit_test(one_line),
		cmocka_unit_test(verbatim),
		cmocka_unit_test(blocks),
		cmocka_unit_test(blank_lines),
		cmocka_unit_test(comments),
		cmocka_unit_test(heredoc),
		cmocka_unit_test(line_ends),
		cmocka_unit_test(any_length),
		cmocka_unit_test(long_indentation),
		cmocka_unit_test(names),
		cmocka_unit_test(bad_lines),
		cmocka_unit_test(bad_sections),
		cmocka_unit_test(stray),
		cmocka_unit_test(nul_bytes),
		cmocka_unit_test(lines_of_libinih),
		cmocka_unit_test(truncated),
		cmocka_unit_test(many_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
