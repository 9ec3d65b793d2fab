/* SPDX-License-Identifier: ISC */
#include "inifile.h"

#include <assert.h>
#include <ini.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* How much of a bad line a complaint quotes. */
#define QUOTED 40

/* "@", the digits of an int, a NUL. */
#define NUMBER 12

/* NAME "=@N", or "[@N]", a newline and a NUL. */
#define HANDED (INIFILE_NAME + NUMBER + 3)

struct line {
	const char *text;
	size_t len;
};

struct reader {
	const struct inifile_handler *handler;
	const char *at, *end;		/* what is not read yet */
	int line;			/* number of the line last handed */
	int owed;			/* empty lines to hand first */
	bool open;			/* a value may be continued */
	bool stray;			/* the indented lines here were
					   complained about */
	bool nul;			/* the file holds NUL bytes */
	char key[INIFILE_NAME + 1];	/* of the last value */
	struct buf value;
	int sections, blocks;		/* how many were handed over */
	char section[NUMBER];		/* the last `@N` of each */
	char block[NUMBER];
	int key_line;
};

static void problem(struct reader *r, const char *hint, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static void problem(struct reader *r, const char *hint, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	r->handler->problem(r->handler->ctx, r->line, hint, text);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static size_t blanks(struct line l)
{
	size_t n = 0;

	while (n < l.len && is_blank(l.text[n]))
		n++;
	return n;
}

static struct line trimmed(struct line l)
{
	size_t n = blanks(l);

	l.text += n;
	l.len -= n;
	while (l.len > 0 && is_blank(l.text[l.len - 1]))
		l.len--;
	return l;
}

static bool is_comment(struct line l)
{
	return l.len > 0 && (l.text[0] == ';' || l.text[0] == '#');
}

/* One line without its end; false when there is none left. */
static bool next_line(const char **at, const char *end, struct line *l)
{
	const char *newline;

	if (*at == end)
		return false;
	l->text = *at;
	newline = memchr(*at, '\n', (size_t)(end - *at));
	*at = newline != NULL ? newline + 1 : end;
	l->len = (size_t)((newline != NULL ? newline : end) - l->text);
	if (l->len > 0 && l->text[l->len - 1] == '\r')
		l->len--;
	return true;
}

/* A line of a value, at *at: indented or blank. Comments are passed over. */
static bool next_value_line(const char **at, const char *end, int *lines,
	struct line *l)
{
	const char *ahead = *at;

	while (next_line(&ahead, end, l)) {
		if (!is_comment(*l) && l->len > 0 && !is_blank(l->text[0]))
			return false;
		*at = ahead;
		++*lines;
		if (!is_comment(*l))
			return true;
	}
	return false;
}

/* How far two lines begin with the same blanks. */
static size_t shared(struct line a, size_t n, struct line b)
{
	size_t i = 0;

	while (i < n && i < b.len && a.text[i] == b.text[i])
		i++;
	return i;
}

/*
 * Reads the rest of a value into r->value and owes libinih its lines. Twice
 * over the lines: the first time to see how far they are all indented and
 * where the last one with something on it is.
 */
static void take_value(struct reader *r, struct line first)
{
	const char *at = r->at;
	struct line l, indent = { NULL, 0 };
	int lines = 0, last = 0, n = 0;
	size_t common = 0, skip = blanks(first);
	bool nothing = skip == first.len;

	while (next_value_line(&at, r->end, &lines, &l)) {
		n++;
		if (blanks(l) == l.len)
			continue;
		if (last == 0) {
			indent = l;
			common = blanks(l);
		} else {
			common = shared(indent, common, l);
		}
		last = n;
	}
	r->owed = lines;

	buf_reset(&r->value);
	buf_add(&r->value, first.text + skip, first.len - skip);
	at = r->at;
	for (n = 1; n <= last && next_value_line(&at, r->end, &lines, &l);
	     n++) {
		size_t cut = shared(indent, common, l);

		if (!(n == 1 && nothing))
			buf_char(&r->value, '\n');
		buf_add(&r->value, l.text + cut, l.len - cut);
	}
	r->open = true;
	r->stray = false;
}

int inifile_value_line(const char *text, size_t len, int n)
{
	const char *at = text, *end = text + len, *equals;
	struct line l;
	int below = 0;

	if (!next_line(&at, end, &l))
		return 0;
	equals = memchr(l.text, '=', l.len);
	if (equals != NULL) {
		l.len -= (size_t)(equals + 1 - l.text);
		l.text = equals + 1;
	}
	/* The key's own line counts when something stands on it. */
	if (blanks(l) != l.len && n-- == 0)
		return 0;
	do {
		if (!next_value_line(&at, end, &below, &l))
			break;
	} while (n-- > 0);
	return below;
}

/* The indented lines below a line that cannot be read: part of its mistake. */
static void skip_value(struct reader *r)
{
	const char *at = r->at;
	struct line l;

	r->owed = 0;
	while (next_value_line(&at, r->end, &r->owed, &l))
		;
}

/*
 * Somebody forgot to indent: by far the likeliest reason for a line that is
 * neither a key nor a section while a value stands above it.
 */
static const char *indent_hint(const struct reader *r, char hint[128])
{
	if (!r->open)
		return NULL;
	snprintf(hint, 128, "if it belongs to the value of \"%s\" above, "
		"begin the line with a blank", r->key);
	return hint;
}

static int quoted(size_t n)
{
	return n > QUOTED ? QUOTED : (int)n;
}

static void bad_key(struct reader *r, struct line l, struct line key)
{
	char hint[128];
	const char *colon = memchr(l.text, ':', l.len);
	static const char *const plain = "write NAME = VALUE, [SECTION], or a "
		"comment that begins with \"#\"";
	const char *say = indent_hint(r, hint);
	size_t word = 0;

	while (word < l.len && !is_blank(l.text[word]) && l.text[word] != ':')
		word++;
	if (colon != NULL && colon == l.text + word && word > 0 &&
	    word <= INIFILE_NAME) {
		snprintf(hint, sizeof(hint), "%.*s = ...", (int)word, l.text);
		problem(r, hint, "expected \"=\" after \"%.*s\", not \":\"",
			(int)word, l.text);
	} else if (key.text == NULL) {
		problem(r, say != NULL ? say : plain, "\"%.*s\" is neither "
			"\"NAME = VALUE\" nor a section nor a comment",
			quoted(l.len), l.text);
	} else if (key.len == 0) {
		problem(r, say != NULL ? say : plain,
			"there is no name before the \"=\"");
	} else {
		problem(r, say, "\"%.*s\" is no name of a key: that is one "
			"word of letters, digits, \"_\", \".\" and \"-\"",
			quoted(key.len), key.text);
	}
}

static bool is_word(struct line key)
{
	for (size_t i = 0; i < key.len; i++) {
		char c = key.text[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		      (c >= '0' && c <= '9') || c == '_' || c == '.' ||
		      c == '-'))
			return false;
	}
	return key.len > 0;
}

/* Some lines of each step come here, and printf would take longer than all
 * the rest. */
static void number(char out[NUMBER], int n)
{
	char digits[NUMBER];
	int i = 0;

	do
		digits[i++] = (char)('0' + n % 10);
	while ((n /= 10) != 0);
	*out++ = '@';
	while (i > 0)
		*out++ = digits[--i];
	*out = '\0';
}

/* Writes what libinih is to see of the line. */
static void read_key(struct reader *r, struct line l, char out[HANDED])
{
	const char *equals = memchr(l.text, '=', l.len);
	struct line key = { NULL, 0 }, rest;

	if (equals != NULL) {
		key.text = l.text;
		key.len = (size_t)(equals - l.text);
		key = trimmed(key);
	}
	if (equals == NULL || !is_word(key)) {
		bad_key(r, l, key);
		skip_value(r);
		return;
	}
	if (key.len > INIFILE_NAME) {
		problem(r, NULL, "the name \"%.*s...\" is %zu bytes long, at "
			"most %d are allowed", QUOTED, key.text, key.len,
			INIFILE_NAME);
		skip_value(r);
		return;
	}
	memcpy(r->key, key.text, key.len);
	r->key[key.len] = '\0';
	r->key_line = r->line;
	rest.text = equals + 1;
	rest.len = (size_t)(l.text + l.len - rest.text);
	take_value(r, rest);
	number(r->block, ++r->blocks);
	memcpy(out, r->key, key.len);
	out[key.len] = '=';
	strcpy(out + key.len + 1, r->block);
	strcat(out + key.len, "\n");
}

static void read_section(struct reader *r, struct line l, char out[HANDED])
{
	const char *bracket = memchr(l.text, ']', l.len);
	struct line name = { l.text + 1, l.len - 1 }, rest;
	char hint[128];

	if (bracket != NULL)
		name.len = (size_t)(bracket - name.text);
	name = trimmed(name);
	if (bracket == NULL) {
		snprintf(hint, sizeof(hint), "[%.*s]", quoted(name.len),
			name.text);
		problem(r, hint, "this section has no closing \"]\"");
	} else {
		rest.text = bracket + 1;
		rest.len = (size_t)(l.text + l.len - rest.text);
		rest = trimmed(rest);
		if (is_comment(rest))
			problem(r, "put the comment on a line of its own",
				"there is text after the \"]\"; comments "
				"begin in column 0");
		else if (rest.len > 0)
			problem(r, indent_hint(r, hint), "there is text after "
				"the \"]\": \"%.*s\"", quoted(rest.len),
				rest.text);
	}
	/* Read on as if it were right, or the keys below it would seem to
	 * belong to the section above. */
	r->handler->section(r->handler->ctx, r->line, name.text, name.len);
	r->open = false;
	r->stray = false;
	number(r->section, ++r->sections);
	*out = '[';
	strcpy(out + 1, r->section);
	strcat(out, "]\n");
}

static void read_stray(struct reader *r, struct line l)
{
	struct line text = trimmed(l);

	/* One for a whole block: people indent all keys of a section. */
	if (r->stray)
		return;
	r->stray = true;
	if (is_comment(text))
		problem(r, "begin the comment in column 0", "this comment is "
			"indented, and there is no value above that it could "
			"belong to");
	else
		problem(r, "begin keys and sections in column 0", "this line "
			"is indented, and there is no value above that it "
			"could belong to");
}

/* One line of the file as libinih is to see it. */
static bool read_line(struct reader *r, char out[HANDED])
{
	struct line l;

	if (!next_line(&r->at, r->end, &l))
		return false;
	r->line++;
	strcpy(out, "\n");
	if (r->nul && memchr(l.text, '\0', l.len) != NULL)
		problem(r, "pipeline files are plain text",
			"this line holds a NUL byte");
	if (r->owed > 0)
		r->owed--;
	else if (l.len == 0 || is_comment(l) || blanks(l) == l.len)
		return true;
	else if (is_blank(l.text[0]))
		read_stray(r, l);
	else if (l.text[0] == '[')
		read_section(r, l, out);
	else
		read_key(r, l, out);
	return true;
}

/* libinih reads a line with this, as if from fgets. */
static char *hand_line(char *str, int num, void *stream)
{
	struct reader *r = stream;
	char out[HANDED];

	if (!read_line(r, out))
		return NULL;
	/* 200 bytes in every libinih; a name and a number must fit. */
	assert(num >= HANDED);
	return strcpy(str, out);
}

static int take_key(void *ctx, const char *section, const char *name,
	const char *value)
{
	struct reader *r = ctx;

	/* It may have been built to tell of sections, too. */
	if (name == NULL)
		return 1;
	/*
	 * What comes back has to be what was handed over last. Anything else
	 * would mean that this libinih reads lines in another way than all
	 * known ones, and then no value may be trusted.
	 */
	assert(strcmp(name, r->key) == 0);
	assert(strcmp(value, r->block) == 0);
	assert(strcmp(section, r->section) == 0);
	return r->handler->key(r->handler->ctx, r->key_line, r->key,
		r->value.data, r->value.len) == 0;
}

int inifile_parse(const char *text, size_t len,
	const struct inifile_handler *handler)
{
	struct reader r = { .handler = handler, .at = text };
	int line;

	r.end = text + len;
	if (len >= 2 && (memcmp(text, "\xff\xfe", 2) == 0 ||
			 memcmp(text, "\xfe\xff", 2) == 0)) {
		r.line = 1;
		problem(&r, "save it as UTF-8", "the file is in UTF-16");
		return 0;
	}
	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
		r.at += 3;
	r.nul = memchr(text, '\0', len) != NULL;
	/* An empty value is a string, too. */
	buf_reserve(&r.value, 1);
	line = ini_parse_stream(hand_line, &r, take_key, &r);
	buf_release(&r.value);
	if (line < 0) {
		r.line = 0;
		problem(&r, NULL, "out of memory");
		return 0;
	}
	return line;
}
