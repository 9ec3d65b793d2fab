/* SPDX-License-Identifier: ISC */
#include "journal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "scratch.h"
#include "sealing.h"

#define WHEN "2026-11-20T18:47:22.123Z"

/*
 * The calls that reach the disk, in front of those of the C library: a letter
 * each is noted between note_calls() and noted(), and the n-th sync can fail.
 */
static char calls[64], *noting;
static int sync_to_fail;

static void call(char letter)
{
	if (noting != NULL && noting < calls + sizeof(calls) - 1)
		*noting++ = letter;
}

static int sync_call(long number, int fd, char letter)
{
	call(letter);
	if (noting != NULL && sync_to_fail > 0 && --sync_to_fail == 0) {
		errno = EIO;
		return -1;
	}
	return (int)syscall(number, fd);
}

int fdatasync(int fd)
{
	return sync_call(SYS_fdatasync, fd, 's');
}

int fsync(int fd)
{
	return sync_call(SYS_fsync, fd, 'S');
}

ssize_t write(int fd, const void *data, size_t n)
{
	call('w');
	return syscall(SYS_write, fd, data, n);
}

int renameat(int from, const char *name, int to, const char *other)
{
	call('r');
	return (int)syscall(SYS_renameat2, from, name, to, other, 0);
}

int ftruncate(int fd, off_t length)
{
	call('t');
	return (int)syscall(SYS_ftruncate, fd, length);
}

static void note_calls(int failing_sync)
{
	memset(calls, 0, sizeof(calls));
	sync_to_fail = failing_sync;
	noting = calls;
}

static const char *noted(void)
{
	noting = NULL;
	return calls;
}

/* What a replay hands out, a line of text each: type and fields. */
static int note(void *ctx, const struct record *r, struct why *why)
{
	struct buf *seen = ctx;
	int i;

	(void)why;
	buf_printf(seen, "%lld %s", (long long)r->seq, r->type);
	for (i = 0; i < r->nfields; i++)
		buf_printf(seen, " %s=%s", r->field[i].key,
			r->field[i].value);
	buf_char(seen, '\x01');
	return 0;
}

static void add(struct journal *j, const char *type, const char *key,
	const char *value)
{
	struct record r = { 0 };

	record_start(&r, type);
	record_set(&r, key, value);
	journal_add(j, &r);
}

static void begin(struct journal *j)
{
	struct record r = { 0 };

	memset(j, 0, sizeof(*j));
	j->fd = -1;
	record_start(&r, "durexec");
	record_set_number(&r, "format", JOURNAL_FORMAT);
	record_set(&r, "run", "R");
	journal_add(j, &r);
}

/* A state file of five writes: 1 to 3 records each. */
enum { WRITES = 5 };
static const char *const written[] = {
	"durexec", "start", "end\n%", "start", "\xff\x01", "end", "close",
	"set", "last",
};
static const int writes[WRITES] = { 1, 2, 1, 3, 2 };

static void make(struct scratch *s, struct buf *file)
{
	struct journal j;
	struct why why;
	int w, k, n = 1;

	scratch_init(s);
	begin(&j);
	assert_int_equal(journal_create(&j, s->fd, &why), 0);
	for (w = 1; w < WRITES; w++) {
		for (k = 0; k < writes[w]; k++)
			add(&j, "end", "step", written[n++]);
		assert_int_equal(journal_commit(&j, &why), 0);
	}
	journal_close(&j);
	scratch_get(s, "state", file);
}

/* Ends of the records in the file: end[0] == 0, end[i] behind record i.
 * later[i]: record i begins a write. */
struct marks {
	size_t end[32];
	bool first[32];
	int n;
};

static struct marks marks_of(const struct buf *file)
{
	struct marks m = { .n = 0 };
	size_t i;

	for (i = 0; i < file->len; i++)
		if (file->data[i] == '\n') {
			m.end[++m.n] = i + 1;
			m.first[m.n] = file->data[i - 9] == '*';
		}
	return m;
}

/* Read it; what was seen. */
static int reads(const struct scratch *s, struct journal *j, struct buf *seen,
	struct why *why)
{
	buf_reset(seen);
	buf_str(seen, "");
	memset(why, 0, sizeof(*why));
	return journal_read(j, s->fd, note, seen, why);
}

/*
 * The file was read and has a torn tail: cut it, append, and read it again.
 * All that was seen before is there, and the new record, and nothing else.
 */
static void goes_on(const struct scratch *s, struct journal *j,
	const struct buf *seen)
{
	struct buf again = { 0 }, expected = { 0 };
	struct journal k;
	struct why why;
	int64_t good = j->good;

	buf_add(&expected, seen->data, seen->len);
	buf_printf(&expected, "%lld cut bytes=\n\x01", (long long)j->seq + 1);
	assert_int_equal(journal_open_write(j, s->fd, &why), 0);
	add(j, "cut", "bytes", "\n");
	if (journal_commit(j, &why) == -1)
		fail_msg("%s", why.text);
	assert_true(j->good > good);
	journal_close(j);
	assert_int_equal(reads(s, &k, &again, &why), 0);
	assert_string_equal(again.data, expected.data);
	assert_int_equal(k.torn, 0);
	journal_close(&k);
	buf_release(&again);
	buf_release(&expected);
}

static void round_trip(void **state)
{
	struct buf file = { 0 }, seen = { 0 };
	struct scratch s;
	struct journal j;
	struct why why;
	struct stat st;

	(void)state;
	make(&s, &file);
	assert_int_equal(reads(&s, &j, &seen, &why), 0);
	assert_string_equal(seen.data, "1 durexec format=1 run=R\x01"
		"2 end step=start\x01" "3 end step=end\n%\x01"
		"4 end step=start\x01" "5 end step=\xff\x01\x01"
		"6 end step=end\x01" "7 end step=close\x01"
		"8 end step=set\x01" "9 end step=last\x01");
	assert_int_equal(j.seq, 9);
	assert_int_equal(j.torn, 0);
	assert_int_equal(j.good, (int64_t)file.len);
	assert_int_equal(j.fd, -1);
	goes_on(&s, &j, &seen);
	assert_int_equal(fstatat(s.fd, "state", &st, 0), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_false(scratch_has(&s, "state.new"));
	buf_release(&file);
	buf_release(&seen);
	scratch_release(&s);
}

static void marks_of_writes(void **state)
{
	struct buf file = { 0 };
	struct scratch s;
	struct marks m;
	int w, k, n = 0;

	(void)state;
	make(&s, &file);
	m = marks_of(&file);
	assert_int_equal(m.n, 9);
	for (w = 0; w < WRITES; w++)
		for (k = 0; k < writes[w]; k++)
			assert_int_equal(m.first[++n], k == 0);
	buf_release(&file);
	scratch_release(&s);
}

/* Truncated at every byte: the records that are whole, and a torn length. */
static void truncated_at_every_byte(void **state)
{
	struct buf file = { 0 }, whole = { 0 }, seen = { 0 };
	struct scratch s;
	struct journal j;
	struct why why;
	struct marks m;
	size_t n;
	int k = 0;

	(void)state;
	make(&s, &file);
	m = marks_of(&file);
	assert_int_equal(reads(&s, &j, &whole, &why), 0);
	for (n = 0; n <= file.len; n++) {
		while (k < m.n && m.end[k + 1] <= n)
			k++;
		scratch_put(&s, "state", file.data, n);
		if (k == 0) {
			assert_int_equal(reads(&s, &j, &seen, &why), -1);
			assert_int_equal(seen.len, 0);
			assert_true(strlen(why.text) > 10);
			continue;
		}
		assert_int_equal(reads(&s, &j, &seen, &why), 0);
		assert_int_equal(j.seq, k);
		assert_int_equal(j.good, (int64_t)m.end[k]);
		assert_int_equal(j.torn, (int64_t)(n - m.end[k]));
		assert_memory_equal(seen.data, whole.data, seen.len);
		/* reading has changed nothing */
		scratch_get(&s, "state", &seen);
		assert_int_equal(seen.len, n);
		assert_int_equal(reads(&s, &j, &seen, &why), 0);
		goes_on(&s, &j, &seen);
	}
	buf_release(&file);
	buf_release(&whole);
	buf_release(&seen);
	scratch_release(&s);
}

/*
 * Harm was done to the file at record k (1..n); the records from `intact` on
 * are as they were. Never is anything else read than what was written. If one
 * of those begins a write the file is refused with line and offset; else it
 * ends before record k.
 */
static void check_harm_before(const struct scratch *s, const struct marks *m,
	const struct buf *whole, int k, int intact, const char *what,
	size_t at)
{
	struct buf seen = { 0 };
	struct journal j;
	struct why why;
	char place[64];
	bool later = false;
	int i, ret = reads(s, &j, &seen, &why);

	for (i = intact; i <= m->n; i++)
		later |= m->first[i];
	if (memcmp(seen.data, whole->data, seen.len) != 0)
		fail_msg("%s at %zu: wrong record accepted", what, at);
	if (k == 1 || later) {
		snprintf(place, sizeof(place), "line %d (byte %zu)", k,
			m->end[k - 1]);
		if (ret != -1)
			fail_msg("%s at %zu (record %d): %lld bytes cut "
				"without a word of damage", what, at, k,
				(long long)j.torn);
		if (strstr(why.text, k == 1 ? "" : place) == NULL)
			fail_msg("%s at %zu: not %s: %s", what, at, place,
				why.text);
	} else {
		if (ret != 0)
			fail_msg("%s at %zu: refused: %s", what, at,
				why.text);
		assert_int_equal(j.seq, k - 1);
		assert_int_equal(j.good, (int64_t)m->end[k - 1]);
		assert_true(j.torn > 0);
	}
	buf_release(&seen);
}

static void check_harm(const struct scratch *s, const struct marks *m,
	const struct buf *whole, int k, const char *what, size_t at)
{
	check_harm_before(s, m, whole, k, k + 1, what, at);
}

static void every_bit_flipped(void **state)
{
	struct buf file = { 0 }, whole = { 0 };
	struct scratch s;
	struct journal j;
	struct why why;
	struct marks m;
	size_t i;
	int bit, k = 1;

	(void)state;
	make(&s, &file);
	m = marks_of(&file);
	assert_int_equal(reads(&s, &j, &whole, &why), 0);
	for (i = 0; i < file.len; i++) {
		if (i == m.end[k])
			k++;
		for (bit = 0; bit < 8; bit++) {
			file.data[i] ^= (char)(1 << bit);
			scratch_put(&s, "state", file.data, file.len);
			check_harm(&s, &m, &whole, k, "bit flipped", i);
			file.data[i] ^= (char)(1 << bit);
		}
	}
	buf_release(&file);
	buf_release(&whole);
	scratch_release(&s);
}

static void every_byte_replaced(void **state)
{
	static const char with[] = "\0\n *+0a%\xff";
	struct buf file = { 0 }, whole = { 0 };
	struct scratch s;
	struct journal j;
	struct why why;
	struct marks m;
	size_t i, w;
	int k = 1;

	(void)state;
	make(&s, &file);
	m = marks_of(&file);
	assert_int_equal(reads(&s, &j, &whole, &why), 0);
	for (i = 0; i < file.len; i++) {
		char was = file.data[i];

		if (i == m.end[k])
			k++;
		for (w = 0; w < sizeof(with) - 1; w++) {
			if (with[w] == was)
				continue;
			file.data[i] = with[w];
			scratch_put(&s, "state", file.data, file.len);
			check_harm(&s, &m, &whole, k, "byte replaced", i);
		}
		file.data[i] = was;
	}
	buf_release(&file);
	buf_release(&whole);
	scratch_release(&s);
}

/* After a cut of the flipped last write the file goes on. */
static void last_write_harmed(void **state)
{
	struct buf file = { 0 }, seen = { 0 };
	struct scratch s;
	struct journal j;
	struct why why;
	struct marks m;
	size_t i;

	(void)state;
	make(&s, &file);
	m = marks_of(&file);
	/* the last write: records 8 and 9 */
	for (i = m.end[7]; i < file.len; i += 3) {
		file.data[i] ^= 4;
		scratch_put(&s, "state", file.data, file.len);
		file.data[i] ^= 4;
		assert_int_equal(reads(&s, &j, &seen, &why), 0);
		assert_int_equal(j.seq, i < m.end[8] ? 7 : 8);
		goes_on(&s, &j, &seen);
	}
	buf_release(&file);
	buf_release(&seen);
	scratch_release(&s);
}

/* The file put together anew from its lines: order[] of record numbers. */
static void put_lines(const struct scratch *s, const struct buf *file,
	const struct marks *m, const int *order, int n)
{
	struct buf out = { 0 };
	int i;

	for (i = 0; i < n; i++)
		buf_add(&out, file->data + m->end[order[i] - 1],
			m->end[order[i]] - m->end[order[i] - 1]);
	scratch_put(s, "state", out.data, out.len);
	buf_release(&out);
}

static void lines_lost_doubled_swapped(void **state)
{
	struct buf file = { 0 }, whole = { 0 };
	struct scratch s;
	struct journal j;
	struct why why;
	struct marks m;
	int order[32], k, i, n;

	(void)state;
	make(&s, &file);
	m = marks_of(&file);
	assert_int_equal(reads(&s, &j, &whole, &why), 0);
	for (k = 1; k <= m.n; k++) {
		/* lost */
		for (n = 0, i = 1; i <= m.n; i++)
			if (i != k)
				order[n++] = i;
		put_lines(&s, &file, &m, order, n);
		if (k < m.n) {
			struct buf seen = { 0 };

			/* What follows the gap is not read as if nothing were
			 * missing. */
			if (reads(&s, &j, &seen, &why) == 0)
				assert_int_equal(j.seq, k - 1);
			else
				assert_true(k == 1 || strstr(why.text,
					"damaged at line") != NULL);
			assert_memory_equal(seen.data, whole.data, seen.len);
			/* a write that begins behind the first line whose
			 * predecessor is missing */
			for (i = k + 2; i < m.n && !m.first[i]; i++)
				;
			if (i <= m.n && m.first[i])
				assert_int_equal(reads(&s, &j, &seen, &why),
					-1);
			buf_release(&seen);
		}
		/* doubled: harm within the line that follows */
		for (n = 0, i = 1; i <= m.n; i++) {
			order[n++] = i;
			if (i == k)
				order[n++] = i;
		}
		put_lines(&s, &file, &m, order, n);
		if (k < m.n)
			check_harm_before(&s, &m, &whole, k + 1, k + 1,
				"doubled", 0);
		/* swapped with the next */
		if (k == m.n)
			continue;
		for (n = 0, i = 1; i <= m.n; i++)
			order[n++] = i == k ? k + 1 : i == k + 1 ? k : i;
		put_lines(&s, &file, &m, order, n);
		{
			struct buf seen = { 0 };

			if (reads(&s, &j, &seen, &why) == 0)
				assert_int_equal(j.seq, k - 1);
			assert_memory_equal(seen.data, whole.data, seen.len);
			for (i = k + 3; i < m.n && !m.first[i]; i++)
				;
			if (i <= m.n && m.first[i])
				assert_int_equal(reads(&s, &j, &seen, &why),
					-1);
			buf_release(&seen);
		}
	}
	buf_release(&file);
	buf_release(&whole);
	scratch_release(&s);
}

static void something_behind(void **state)
{
	static const struct {
		const char *text;
		size_t n;
	} tail[] = {
		{ "\0", 1 }, { "\0\0\0\0\0\0\0\0\0\0\0\0\0\n", 14 },
		{ "\n", 1 }, { "\n\n\n", 3 }, { "garbage", 7 },
		{ "garbage\n", 8 }, { "*00000000\n", 10 },
		{ " *00000000\n *00000000\n", 22 },
		{ "10 " WHEN " end step=a *00000000\n", 50 },
		{ "\xff\xfe\xfd\n\xff", 5 },
	};
	struct buf file = { 0 }, seen = { 0 }, harmed = { 0 }, zeros = { 0 };
	struct scratch s;
	struct journal j;
	struct why why;
	size_t i;

	(void)state;
	make(&s, &file);
	for (i = 0; i < sizeof(tail) / sizeof(tail[0]); i++) {
		buf_reset(&harmed);
		buf_add(&harmed, file.data, file.len);
		buf_add(&harmed, tail[i].text, tail[i].n);
		scratch_put(&s, "state", harmed.data, harmed.len);
		assert_int_equal(reads(&s, &j, &seen, &why), 0);
		assert_int_equal(j.seq, 9);
		assert_int_equal(j.torn, (int64_t)tail[i].n);
		goes_on(&s, &j, &seen);
	}
	/* what an ext4 leaves of a file that was grown: zeros, a lot of them,
	 * and more than the longest line */
	buf_reset(&harmed);
	buf_add(&harmed, file.data, file.len);
	buf_reserve(&zeros, 3 << 20);
	memset(zeros.data, 0, 3 << 20);
	buf_add(&harmed, zeros.data, 3 << 20);
	scratch_put(&s, "state", harmed.data, harmed.len);
	assert_int_equal(reads(&s, &j, &seen, &why), 0);
	assert_int_equal(j.seq, 9);
	assert_int_equal(j.torn, 3 << 20);
	goes_on(&s, &j, &seen);
	buf_release(&file);
	buf_release(&seen);
	buf_release(&harmed);
	buf_release(&zeros);
	scratch_release(&s);
}

/* One write of several blocks of which a later block reached the disk and an
 * earlier one did not: still the tail, although valid lines stand behind. */
static void torn_within_one_write(void **state)
{
	struct buf file = { 0 }, seen = { 0 };
	struct scratch s;
	struct journal j;
	struct why why;
	struct marks m;
	int i;

	(void)state;
	scratch_init(&s);
	begin(&j);
	assert_int_equal(journal_create(&j, s.fd, &why), 0);
	for (i = 0; i < 6; i++)
		add(&j, "end", "step", "a");
	assert_int_equal(journal_commit(&j, &why), 0);
	journal_close(&j);
	scratch_get(&s, "state", &file);
	m = marks_of(&file);
	/* records 2..7 are the write; 3 and 4 are zeros */
	memset(file.data + m.end[2], 0, m.end[4] - m.end[2]);
	scratch_put(&s, "state", file.data, file.len);
	assert_int_equal(reads(&s, &j, &seen, &why), 0);
	assert_int_equal(j.seq, 2);
	assert_int_equal(j.torn, (int64_t)(m.end[7] - m.end[2]));
	goes_on(&s, &j, &seen);
	buf_release(&file);
	buf_release(&seen);
	scratch_release(&s);
}

static void headers(void **state)
{
	static const struct {
		const char *line, *said;
	} c[] = {
		{ "1 " WHEN " durexec format=1 run=R", NULL },
		{ "1 " WHEN " durexec format=2 run=R", "has format 2" },
		{ "1 " WHEN " durexec format=0 run=R", "has format 0" },
		{ "1 " WHEN " durexec format=-1", "has format -1" },
		{ "1 " WHEN " durexec format=x", "has format x" },
		{ "1 " WHEN " durexec format=4294967297", "has format 429" },
		{ "1 " WHEN " durexec run=R", "has format none" },
		{ "1 " WHEN " start format=1", "does not begin with" },
		{ "2 " WHEN " durexec format=1", "damaged at line 1" },
		{ "0 " WHEN " durexec format=1", "damaged at line 1" },
	};
	struct buf line = { 0 }, seen = { 0 };
	struct scratch s;
	struct journal j;
	struct why why;
	size_t i;

	(void)state;
	scratch_init(&s);
	for (i = 0; i < sizeof(c) / sizeof(c[0]); i++) {
		buf_reset(&line);
		seal(&line, 0, c[i].line);
		scratch_put(&s, "state", line.data, line.len);
		assert_int_equal(reads(&s, &j, &seen, &why),
			c[i].said == NULL ? 0 : -1);
		if (c[i].said != NULL && strstr(why.text, c[i].said) == NULL)
			fail_msg("%s: %s", c[i].line, why.text);
		if (c[i].said != NULL)
			assert_int_equal(seen.len, 0);
	}
	buf_release(&line);
	buf_release(&seen);
	scratch_release(&s);
}

/* A sequence number that does not follow, although the chain does. */
static void wrong_number(void **state)
{
	static const int seq[] = { 1, 0, 3, 100 };
	struct buf text = { 0 }, file = { 0 }, seen = { 0 };
	struct scratch s;
	struct journal j;
	struct why why;
	uint32_t crc;
	size_t i;

	(void)state;
	scratch_init(&s);
	for (i = 0; i < sizeof(seq) / sizeof(seq[0]); i++) {
		buf_reset(&file);
		buf_reset(&text);
		crc = seal(&file, 0, "1 " WHEN " durexec format=1");
		buf_printf(&text, "%d " WHEN " end step=a", seq[i]);
		crc = seal(&file, crc, text.data);
		buf_reset(&text);
		buf_printf(&text, "%d " WHEN " end step=b", seq[i] + 1);
		seal(&file, crc, text.data);
		scratch_put(&s, "state", file.data, file.len);
		assert_int_equal(reads(&s, &j, &seen, &why), -1);
		assert_non_null(strstr(why.text, "damaged at line 2"));
	}
	buf_release(&text);
	buf_release(&file);
	buf_release(&seen);
	scratch_release(&s);
}

/* Refuses the fourth record. */
static int refuse(void *ctx, const struct record *r, struct why *why)
{
	(void)ctx;
	return r->seq < 4 ? 0 : why_set(why, "not this one");
}

static void refused_by_the_reader(void **state)
{
	struct buf file = { 0 }, after = { 0 };
	struct scratch s;
	struct journal j;
	struct why why;

	(void)state;
	make(&s, &file);
	assert_int_equal(journal_read(&j, s.fd, refuse, NULL, &why), -1);
	assert_string_equal(why.text, "not this one");
	/* never past a record that was not understood */
	assert_int_equal(j.seq, 3);
	scratch_get(&s, "state", &after);
	assert_int_equal(after.len, file.len);
	assert_memory_equal(after.data, file.data, file.len);
	buf_release(&file);
	buf_release(&after);
	scratch_release(&s);
}

static void not_a_file(void **state)
{
	struct buf seen = { 0 };
	struct scratch s;
	struct journal j;
	struct why why;

	(void)state;
	scratch_init(&s);
	assert_int_equal(reads(&s, &j, &seen, &why), -1);
	assert_int_equal(why.err, ENOENT);
	scratch_put(&s, "state", "", 0);
	assert_int_equal(reads(&s, &j, &seen, &why), -1);
	assert_non_null(strstr(why.text, "empty"));
	assert_int_equal(unlinkat(s.fd, "state", 0), 0);
	assert_int_equal(mkdirat(s.fd, "state", 0700), 0);
	assert_int_equal(reads(&s, &j, &seen, &why), -1);
	assert_int_equal(unlinkat(s.fd, "state", AT_REMOVEDIR), 0);
	assert_int_equal(mkfifoat(s.fd, "state", 0600), 0);
	assert_int_equal(reads(&s, &j, &seen, &why), -1);
	assert_int_equal(unlinkat(s.fd, "state", 0), 0);
	scratch_put(&s, "other", "x", 1);
	assert_int_equal(symlinkat("other", s.fd, "state"), 0);
	assert_int_equal(reads(&s, &j, &seen, &why), -1);
	assert_int_equal(why.err, ELOOP);
	buf_release(&seen);
	scratch_release(&s);
}

/* Over what a killed predecessor left, and never over a link's target. */
static void create_over_leftovers(void **state)
{
	struct buf text = { 0 };
	struct scratch s;
	struct journal j;
	struct why why;

	(void)state;
	scratch_init(&s);
	scratch_put(&s, "other", "precious", 8);
	assert_int_equal(symlinkat("other", s.fd, "state.new"), 0);
	begin(&j);
	assert_int_equal(journal_create(&j, s.fd, &why), 0);
	journal_close(&j);
	assert_false(scratch_has(&s, "state.new"));
	scratch_get(&s, "other", &text);
	assert_string_equal(text.data, "precious");
	assert_int_equal(reads(&s, &j, &text, &why), 0);
	assert_int_equal(j.seq, 1);
	buf_release(&text);
	scratch_release(&s);
}

static void empty_batch(void **state)
{
	struct buf file = { 0 }, after = { 0 }, seen = { 0 };
	struct scratch s;
	struct journal j;
	struct why why;

	(void)state;
	make(&s, &file);
	assert_int_equal(reads(&s, &j, &seen, &why), 0);
	assert_int_equal(journal_open_write(&j, s.fd, &why), 0);
	assert_int_equal(journal_commit(&j, &why), 0);
	journal_close(&j);
	scratch_get(&s, "state", &after);
	assert_int_equal(after.len, file.len);
	buf_release(&file);
	buf_release(&after);
	buf_release(&seen);
	scratch_release(&s);
}

/* A long line: within what a record may be, and beyond. */
static void long_lines(void **state)
{
	struct buf file = { 0 }, seen = { 0 }, text = { 0 };
	struct scratch s;
	struct journal j;
	struct why why;
	uint32_t crc;
	size_t n;

	(void)state;
	scratch_init(&s);
	for (n = 1000; n < 1000000; n = n * 3 + 1) {
		buf_reset(&file);
		buf_reset(&text);
		crc = seal(&file, 0, "1 " WHEN " durexec format=1");
		buf_str(&text, "2 " WHEN " set result=");
		while (text.len < n)
			buf_str(&text, "0123456789");
		crc = seal(&file, crc, text.data);
		crc = seal(&file, crc, "3 " WHEN " end step=a");
		scratch_put(&s, "state", file.data, file.len);
		assert_int_equal(reads(&s, &j, &seen, &why), 0);
		assert_int_equal(j.seq, 3);
		assert_int_equal(j.good, (int64_t)file.len);
	}
	buf_release(&file);
	buf_release(&seen);
	buf_release(&text);
	scratch_release(&s);
}

/* More than a buffer's worth of records: lines across its edges. */
static void many_records(void **state)
{
	enum { MANY = 20000 };
	struct buf seen = { 0 };
	struct scratch s;
	struct journal j, k;
	struct why why;
	int i;

	(void)state;
	scratch_init(&s);
	begin(&j);
	assert_int_equal(journal_create(&j, s.fd, &why), 0);
	for (i = 0; i < MANY; i++) {
		char name[40];

		snprintf(name, sizeof(name), "%*d", i % 37 + 1, i);
		add(&j, "end", "step", name);
		if (i % 1000 == 0)
			assert_int_equal(journal_commit(&j, &why), 0);
	}
	assert_int_equal(journal_commit(&j, &why), 0);
	assert_int_equal(reads(&s, &k, &seen, &why), 0);
	assert_int_equal(k.seq, MANY + 1);
	assert_int_equal(k.good, j.good);
	assert_int_equal(k.crc, j.crc);
	journal_close(&j);
	buf_release(&seen);
	scratch_release(&s);
}

/*
 * No byte beyond `limit` can be written: for each limit within the batch the
 * commit fails, nothing of it is in the file, and it takes no more.
 */
static void write_fails_at_every_byte(void **state)
{
	struct buf file = { 0 }, seen = { 0 }, after = { 0 };
	struct rlimit was, now;
	struct scratch s;
	struct journal j;
	struct why why;
	size_t extra = 0, n;
	int ret;

	(void)state;
	make(&s, &file);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
	for (n = 0; n == 0 || n <= extra; n++) {
		scratch_put(&s, "state", file.data, file.len);
		assert_int_equal(reads(&s, &j, &seen, &why), 0);
		assert_int_equal(journal_open_write(&j, s.fd, &why), 0);
		add(&j, "start", "step", "b\n");
		add(&j, "end", "step", "c");
		extra = j.pending.len;
		now = was;
		now.rlim_cur = file.len + n;
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &now), 0);
		ret = journal_commit(&j, &why);
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
		assert_int_equal(ret, n < extra ? -1 : 0);
		scratch_get(&s, "state", &after);
		if (n == extra) {
			assert_int_equal(after.len, file.len + extra);
			journal_close(&j);
			break;
		}
		assert_int_equal(why.err, EFBIG);
		assert_true(j.poisoned);
		assert_int_equal(after.len, file.len);
		assert_memory_equal(after.data, file.data, file.len);
		/* no second chance, although there would be room now */
		add(&j, "end", "step", "d");
		assert_int_equal(journal_commit(&j, &why), -1);
		journal_close(&j);
		assert_int_equal(reads(&s, &j, &after, &why), 0);
		assert_string_equal(after.data, seen.data);
		assert_int_equal(j.torn, 0);
	}
	signal(SIGXFSZ, SIG_DFL);
	buf_release(&file);
	buf_release(&seen);
	buf_release(&after);
	scratch_release(&s);
}

/* Nothing is said to be on disk before it is; nothing is synced twice. */
static void order_of_calls(void **state)
{
	struct buf file = { 0 }, seen = { 0 };
	struct scratch s;
	struct journal j;
	struct why why;

	(void)state;
	scratch_init(&s);
	begin(&j);
	note_calls(0);
	assert_int_equal(journal_create(&j, s.fd, &why), 0);
	/* the file, its place, the directory */
	assert_string_equal(noted(), "wsrS");
	add(&j, "start", "step", "a");
	add(&j, "end", "step", "b");
	note_calls(0);
	assert_int_equal(journal_commit(&j, &why), 0);
	assert_string_equal(noted(), "ws");
	journal_close(&j);
	/* a clean file is opened without a write */
	assert_int_equal(reads(&s, &j, &seen, &why), 0);
	note_calls(0);
	assert_int_equal(journal_open_write(&j, s.fd, &why), 0);
	assert_string_equal(noted(), "");
	journal_close(&j);
	/* a torn one is cut, and that is durable, before anything else */
	scratch_get(&s, "state", &file);
	buf_str(&file, "4 torn");
	scratch_put(&s, "state", file.data, file.len);
	assert_int_equal(reads(&s, &j, &seen, &why), 0);
	note_calls(1);
	assert_int_equal(journal_open_write(&j, s.fd, &why), -1);
	assert_string_equal(noted(), "ts");
	journal_close(&j);
	scratch_put(&s, "state", file.data, file.len);
	assert_int_equal(reads(&s, &j, &seen, &why), 0);
	note_calls(0);
	assert_int_equal(journal_open_write(&j, s.fd, &why), 0);
	assert_string_equal(noted(), "ts");
	/* a sync that failed is the last one */
	add(&j, "start", "step", "c");
	note_calls(1);
	assert_int_equal(journal_commit(&j, &why), -1);
	assert_int_equal(why.err, EIO);
	assert_true(j.poisoned);
	add(&j, "start", "step", "d");
	assert_int_equal(journal_commit(&j, &why), -1);
	assert_string_equal(noted(), "ws");
	journal_close(&j);
	buf_release(&file);
	buf_release(&seen);
	scratch_release(&s);
}

/* The first, then the second sync of a new file fails: there is none, or it
 * is refused to be there. */
static void create_without_sync(void **state)
{
	struct scratch s;
	struct journal j;
	struct why why;

	(void)state;
	scratch_init(&s);
	begin(&j);
	note_calls(1);
	assert_int_equal(journal_create(&j, s.fd, &why), -1);
	assert_string_equal(noted(), "ws");
	assert_false(scratch_has(&s, "state"));
	journal_close(&j);
	begin(&j);
	note_calls(2);
	assert_int_equal(journal_create(&j, s.fd, &why), -1);
	assert_string_equal(noted(), "wsrS");
	journal_close(&j);
	scratch_release(&s);
}

static void create_fails_whole(void **state)
{
	struct rlimit was, now;
	struct scratch s;
	struct journal j;
	struct why why;
	size_t n;
	int ret = -1;

	(void)state;
	scratch_init(&s);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
	for (n = 0; ret == -1; n++) {
		begin(&j);
		now = was;
		now.rlim_cur = n;
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &now), 0);
		ret = journal_create(&j, s.fd, &why);
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
		if (ret == -1) {
			assert_false(scratch_has(&s, "state"));
			assert_false(scratch_has(&s, "state.new"));
		}
		journal_close(&j);
	}
	assert_true(n > 20);
	assert_true(scratch_has(&s, "state"));
	signal(SIGXFSZ, SIG_DFL);
	scratch_release(&s);
}

/* A directory of 1 MiB, where root can have one. */
static bool tiny(const struct scratch *s)
{
	return (unshare(CLONE_NEWNS) == 0 ||
		unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0) &&
		mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
		mount("tiny", s->path, "tmpfs", 0, "size=1m") == 0;
}

static void fill(int dirfd)
{
	static const char block[4096];
	int fd = openat(dirfd, "ballast", O_WRONLY | O_CREAT | O_APPEND |
		O_CLOEXEC, 0600);

	assert_true(fd != -1);
	while (write(fd, block, sizeof(block)) > 0)
		;
	assert_int_equal(errno, ENOSPC);
	close(fd);
}

static void full_disk(void **state)
{
	struct scratch s, at;
	struct buf seen = { 0 };
	struct journal j;
	struct why why;
	int64_t room;
	int n = 0;

	(void)state;
	scratch_init(&s);
	if (!tiny(&s)) {
		scratch_release(&s);
		print_message("no tmpfs of one's own here\n");
		skip();
	}
	at = s;
	at.fd = open(s.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	begin(&j);
	assert_int_equal(journal_create(&j, at.fd, &why), 0);
	assert_int_equal(journal_reserve(&j, 1000, &why), 0);
	room = j.reserved - j.good;
	assert_true(room >= 1000);
	/* more than there is: refused, and nothing has changed */
	assert_int_equal(journal_reserve(&j, 8 << 20, &why), -1);
	assert_int_equal(why.err, ENOSPC);
	assert_false(j.poisoned);
	assert_int_equal(j.reserved - j.good, room);
	fill(at.fd);
	/* what was reserved is there on the full disk */
	while (j.good + 200 < j.reserved) {
		add(&j, "end", "step", "0123456789012345678901234567890123456"
			"7890123456789012345678901234567890123456789");
		assert_int_equal(journal_commit(&j, &why), 0);
		n++;
	}
	assert_true(n > 500);
	assert_int_equal(journal_reserve(&j, 1000, &why), -1);
	/* and beyond it: the error, once, and the file as it was */
	for (n = 0; journal_commit(&j, &why) == 0; n++)
		add(&j, "end", "step", "a");
	assert_int_equal(why.err, ENOSPC);
	assert_true(j.poisoned);
	room = j.good;
	journal_close(&j);
	assert_int_equal(reads(&at, &j, &seen, &why), 0);
	assert_int_equal(j.good, room);
	assert_int_equal(j.torn, 0);
	/* room again: it goes on */
	assert_int_equal(unlinkat(at.fd, "ballast", 0), 0);
	goes_on(&at, &j, &seen);
	buf_release(&seen);
	close(at.fd);
	assert_int_equal(umount2(s.path, MNT_DETACH), 0);
	scratch_release(&s);
}

/* Directories that are none, and a name that is taken by one. */
static void cannot_be_placed(void **state)
{
	struct scratch s;
	struct journal j;
	struct why why;

	(void)state;
	scratch_init(&s);
	begin(&j);
	assert_int_equal(journal_create(&j, -1, &why), -1);
	assert_non_null(strstr(why.text, "cannot create the state file"));
	assert_int_equal(journal_open_write(&j, -1, &why), -1);
	assert_non_null(strstr(why.text, "for writing"));
	assert_int_equal(mkdirat(s.fd, "state", 0700), 0);
	assert_int_equal(journal_create(&j, s.fd, &why), -1);
	assert_non_null(strstr(why.text, "cannot place the state file"));
	assert_int_equal(faccessat(s.fd, "state.new", F_OK, 0), -1);
	assert_int_equal(unlinkat(s.fd, "state", AT_REMOVEDIR), 0);
	journal_close(&j);
	scratch_release(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trip),
		cmocka_unit_test(marks_of_writes),
		cmocka_unit_test(truncated_at_every_byte),
		cmocka_unit_test(every_bit_flipped),
		cmocka_unit_test(every_byte_replaced),
		cmocka_unit_test(last_write_harmed),
		cmocka_unit_test(lines_lost_doubled_swapped),
		cmocka_unit_test(something_behind),
		cmocka_unit_test(torn_within_one_write),
		cmocka_unit_test(headers),
		cmocka_unit_test(wrong_number),
		cmocka_unit_test(refused_by_the_reader),
		cmocka_unit_test(not_a_file),
		cmocka_unit_test(create_over_leftovers),
		cmocka_unit_test(empty_batch),
		cmocka_unit_test(long_lines),
		cmocka_unit_test(many_records),
		cmocka_unit_test(write_fails_at_every_byte),
		cmocka_unit_test(order_of_calls),
		cmocka_unit_test(create_without_sync),
		cmocka_unit_test(create_fails_whole),
		cmocka_unit_test(full_disk),
		cmocka_unit_test(cannot_be_placed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
