/* SPDX-License-Identifier: ISC */
/*
 * Any bytes as a keeper's mailbox. The first says how they are read: as they
 * are; as lines without what is around their TYPE and fields, which is put
 * there right; or as a job and its end, which the keeper's side writes. Beyond
 * not crashing:
 * - what is read is within bounds, and the same each time; an end that is not
 *   understood is none, and never a status of our making;
 * - what the keeper wrote is what is read of that start of that phase, and
 *   nothing of another one;
 * - of a mailbox that is cut anywhere, or has a byte changed, an end is either
 *   what it was, or not there;
 * - a torn line at the end does not hide what stands before it.
 */
#include "memfile.h"

#include <limits.h>

#include "checksum.h"
#include "mailbox.h"
#include "state.h"
#include "table.h"

#define BOX "keeper.7"

static void check_bounds(const struct mail *m)
{
	const struct report *r = &m->report;

	assert(m->keeper >= 0 && m->keeper_start >= 0 && m->pid >= 0);
	assert(m->pid_start >= 0 && memchr(m->boot, '\0', sizeof(m->boot)));
	assert(m->taken || (!m->ended && m->pid == 0));
	assert(memchr(r->note, '\0', sizeof(r->note)) != NULL);
	if (!m->ended)
		return;
	assert(r->outcome.kind > OUTCOME_NONE &&
		r->outcome.kind < OUTCOME_KINDS);
	assert(r->outcome.exit >= -1 && r->outcome.exit <= 255);
	assert(r->outcome.signo >= 0 && r->outcome.signo <= 128);
	assert(r->outcome.err >= 0 && r->outcome.err <= 4096);
	assert(r->user_ms >= 0 && r->system_ms >= 0 && r->rss_kb >= 0);
	assert(r->out_bytes >= 0 && r->err_bytes >= 0 && r->survivor >= 0);
}

static bool same_end(const struct report *a, const struct report *b)
{
	return a->outcome.kind == b->outcome.kind &&
		a->outcome.oom == b->outcome.oom &&
		a->outcome.exit == b->outcome.exit &&
		a->outcome.signo == b->outcome.signo &&
		a->outcome.err == b->outcome.err &&
		a->elsewhere == b->elsewhere && a->user_ms == b->user_ms &&
		a->system_ms == b->system_ms && a->rss_kb == b->rss_kb &&
		a->out_bytes == b->out_bytes && a->err_bytes == b->err_bytes &&
		a->survivor == b->survivor && strcmp(a->note, b->note) == 0;
}

static void take(struct mail *m, const struct job *j)
{
	assert(mailbox_read(MEM_DIR, 7, j->step, j->attempt, j->phase, j->turn,
		m) == 1);
	check_bounds(m);
}

static void check_any(const char *text, size_t n)
{
	static const char torn[] = "9 2026-11-20T18:47:22.123Z end outcome=ex";
	static const struct job jobs[] = {
		{ .step = "a", .attempt = 1, .phase = "run", .turn = 1 },
		{ .step = "list[x y]", .attempt = 1, .phase = "run",
			.turn = 3 },
		{ .step = "gated", .attempt = 1, .phase = "verify.size",
			.turn = 14 },
	};

	mem_put(BOX, text, n);
	for (size_t i = 0; i < sizeof(jobs) / sizeof(jobs[0]); i++) {
		struct mail m, again;

		mem_put(BOX, text, n);
		take(&m, &jobs[i]);
		take(&again, &jobs[i]);
		assert(memcmp(&m, &again, sizeof(m)) == 0);
		if (n > 0 && text[n - 1] != '\n')
			continue;
		buf_add(&mem_find(BOX)->data, torn, sizeof(torn) - 1);
		take(&again, &jobs[i]);
		assert(memcmp(&m, &again, sizeof(m)) == 0);
	}
}

static void seal_all(struct buf *out, const char *text, size_t n)
{
	const char *line = text, *end = text + n, *stop;
	long seq = 0;

	for (; line < end; line = stop + 1) {
		stop = memchr(line, '\n', (size_t)(end - line));
		if (stop == NULL)
			stop = end;
		if (*line == '!') {
			buf_add(out, line + 1, (size_t)(stop - line) - 1);
			buf_char(out, '\n');
			continue;
		}
		checksum_seal(out, ++seq, "2026-11-20T18:47:22.123Z", line,
			(size_t)(stop - line), '*', 0);
	}
}

/* Bytes of the input, 0 when there are no more. */
struct bytes {
	const unsigned char *at, *end;
};

static unsigned byte(struct bytes *in)
{
	return in->at < in->end ? *in->at++ : 0;
}

static int64_t number(struct bytes *in, int64_t most)
{
	uint64_t n = 0;

	for (unsigned bytes = byte(in) % 9; bytes > 0; bytes--)
		n = n << 8 | byte(in);
	return (int64_t)(n & INT64_MAX) % (most == INT64_MAX ? most : most + 1);
}

/* A string of bytes other than NUL, in a static place each. */
static void string(struct bytes *in, char *out, size_t size)
{
	size_t n = byte(in) % size, i = 0;

	for (; i < n && in->at < in->end; i++)
		out[i] = (char)(*in->at != 0 ? *in->at++ : (in->at++, 1));
	out[i] = '\0';
}

static void make_job(struct bytes *in, struct job *j, char step[64],
	char phase[32])
{
	memset(j, 0, sizeof(*j));
	string(in, step, 64);
	string(in, phase, 32);
	j->step = step;
	j->phase = phase;
	j->attempt = (int32_t)number(in, INT32_MAX);
	j->turn = number(in, INT64_MAX);
}

static void make_report(struct bytes *in, struct report *r)
{
	memset(r, 0, sizeof(*r));
	r->outcome = outcome_of((enum outcome_kind)(1 + byte(in) %
		(OUTCOME_KINDS - 1)));
	r->outcome.exit = (int16_t)(number(in, 256) - 1);
	r->outcome.signo = (int16_t)number(in, 128);
	r->outcome.err = (int16_t)number(in, 4096);
	r->outcome.oom = byte(in) & 1;
	r->elsewhere = byte(in) & 1;
	r->user_ms = number(in, INT64_MAX);
	r->system_ms = number(in, INT64_MAX);
	r->rss_kb = number(in, INT64_MAX);
	r->out_bytes = number(in, INT64_MAX);
	r->err_bytes = number(in, INT64_MAX);
	r->survivor = (int32_t)number(in, INT32_MAX);
	string(in, r->note, sizeof(r->note));
}

static bool same_job(const struct job *a, const struct job *b)
{
	return strcmp(a->step, b->step) == 0 && a->attempt == b->attempt &&
		strcmp(a->phase, b->phase) == 0 && a->turn == b->turn;
}

/* What was changed must not have become another end. */
static void check_less(const struct job *j, const struct report *r)
{
	struct mail m;

	take(&m, j);
	assert(!m.ended || same_end(&m.report, r));
}

static void check_written(struct bytes *in, uint64_t random)
{
	static char step[2][64], phase[2][32];
	struct job job[2];
	struct report report[2];
	struct mailbox box;
	struct mail m;
	struct buf text = { 0 };
	int fd, last;

	fd = openat(MEM_DIR, BOX, O_RDWR | O_CREAT, 0600);
	mailbox_init(&box, fd);
	assert(mailbox_keeper(&box) == 0);
	for (int i = 0; i < 2; i++) {
		make_job(in, &job[i], step[i], phase[i]);
		make_report(in, &report[i]);
		assert(mailbox_take(&box, &job[i]) == 0);
		assert(mailbox_pid(&box, getpid()) == 0);
		take(&m, &job[i]);
		assert(m.taken && !m.ended && m.pid == getpid());
		assert(m.keeper == getpid());
		assert(mailbox_end(&box, &report[i]) == 0);
	}
	mailbox_release(&box);
	close(fd);
	for (int i = 0; i < 2; i++) {
		take(&m, &job[i]);
		last = i == 0 && same_job(&job[0], &job[1]) ? 1 : i;
		assert(m.ended && same_end(&m.report, &report[last]));
	}
	if (same_job(&job[0], &job[1]))
		goto out;
	buf_add(&text, mem_find(BOX)->data.data, mem_find(BOX)->data.len);
	mem_put(BOX, text.data, (size_t)(random >> 16) % text.len);
	for (int i = 0; i < 2; i++)
		check_less(&job[i], &report[i]);
	text.data[(size_t)(random >> 16) % text.len] ^=
		(char)((random & 0xff) != 0 ? random & 0xff : 1);
	mem_put(BOX, text.data, text.len);
	/* the first one's end may be taken for no end, the second one's take
	 * for no take: then that has none */
	take(&m, &job[1]);
	assert(!m.ended || same_end(&m.report, &report[1]));
	check_less(&job[0], &report[0]);
out:
	buf_release(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	struct bytes in = { (const unsigned char *)data + 1, data + size };
	struct buf b = { 0 };

	if (size < 1)
		return 0;
	switch (*text) {
	case 'w':
		check_written(&in, table_hash(TABLE_HASH_START, data, size));
		break;
	case '!':
		check_any(text + 1, size - 1);
		break;
	default:
		seal_all(&b, text, size);
		check_any(b.data, b.len);
	}
	buf_release(&b);
	mem_clear();
	return 0;
}
