/* SPDX-License-Identifier: ISC */
/*
 * Any bytes as a state file. Beyond not crashing:
 * - what is accepted ends at the end of a line, and each line of it has the
 *   checksum that record.h asks for; behind it stands no valid record of a
 *   later write;
 * - replayed again, or cut at its good length, it gives the same records;
 * - opened for writing, it is cut there; a record appended then makes one
 *   record more, and nothing is torn;
 * - cut anywhere, it loses the records that are not whole, and is torn, not
 *   damaged;
 * - with a byte changed, or a line lost, nothing from there on is accepted,
 *   and a later write behind it makes it damaged;
 * - what its records add up to (state.h) is consistent and within bounds, is
 *   the same each time, and what is written on top of it is in memory what a
 *   replay gives.
 *
 * With JOURNAL_SEALED (sealed_fuzz.c) the bytes are the lines' TYPE and fields,
 * and what is around them is put there right: so the fuzzer gets beyond the
 * checksums. A time in front, and a mark behind, may be given. A line that
 * begins with "!" stands as it is; before one that begins with "^" a number is
 * left out.
 */
#include "memfile.h"

#include <limits.h>

#include "checksum.h"
#include "clock.h"
#include "fold.h"
#include "rundir.h"
#include "table.h"

#ifndef JOURNAL_SEALED
#define JOURNAL_SEALED 0
#endif

#define HEADER "durexec format=1 run=20261120-184722-1 name=a path=/a.ini " \
	"seed=5"

/* What a replay said. */
struct told {
	struct buf records;
	struct journal j;
	int ret;
};

static int note(void *ctx, const struct record *r, struct why *why)
{
	struct buf *records = ctx;

	(void)why;
	assert(r->nfields <= RECORD_FIELDS && *r->type != '\0');
	buf_add(records, &r->seq, sizeof(r->seq));
	buf_add(records, &r->at, sizeof(r->at));
	buf_add(records, r->type, strlen(r->type) + 1);
	for (int i = 0; i < r->nfields; i++) {
		buf_add(records, r->field[i].key, strlen(r->field[i].key) + 1);
		buf_add(records, r->field[i].value,
			strlen(r->field[i].value) + 1);
	}
	return 0;
}

static void replay(struct told *t)
{
	struct why why;

	buf_reset(&t->records);
	t->ret = journal_read(&t->j, MEM_DIR, note, &t->records, &why);
	assert(t->ret == 0 || (t->ret == -1 && why.text[0] != '\0'));
}

static bool starts_with(const struct buf *all, const struct buf *part)
{
	return part->len <= all->len && (part->len == 0 ||
		memcmp(all->data, part->data, part->len) == 0);
}

static bool same(const struct buf *a, const struct buf *b)
{
	return a->len == b->len && starts_with(a, b);
}

/* Lines of text[0, n): where each begins, and whether it begins a write. */
struct marks {
	size_t start[512];
	bool first[512];
	int n;
};

/* A NUL cannot be said in a value. */
static bool says_nul(const char *line, size_t n)
{
	const char *at = line, *blank;
	size_t left;

	/* behind SEQ, TIME and TYPE */
	for (int i = 0; i < 3; i++)
		at = (const char *)memchr(at, ' ', n - (size_t)(at - line)) + 1;
	while ((left = n - (size_t)(at - line)) > 0 &&
	    (at = memmem(at, left, "%00", 3)) != NULL) {
		blank = memrchr(line, ' ', (size_t)(at - line));
		if (blank != NULL && memchr(blank, '=',
		    (size_t)(at - blank)) != NULL)
			return true;
		at++;
	}
	return false;
}

static void find_marks(struct marks *m, const char *text, size_t n)
{
	uint32_t crc, before = 0;

	m->n = 0;
	for (size_t at = 0; at < n; m->n++) {
		const char *end = memchr(text + at, '\n', n - at);
		size_t len;

		assert(end != NULL && m->n < 512);
		len = (size_t)(end - (text + at));
		assert(checksum_claim(text + at, len, &crc));
		assert(sealing_of(before, text + at, len - 8) == crc);
		before = crc;
		assert(strtol(text + at, NULL, 10) == m->n + 1);
		assert(!says_nul(text + at, len));
		m->start[m->n] = at;
		m->first[m->n] = end[-9] == '*';
		at += len + 1;
	}
	m->start[m->n] = n;
}

/* Behind the first invalid line: a record that would be valid after what the
 * line before it claims, and begins a write. */
static bool later_write(const char *tail, size_t n)
{
	const char *end = memchr(tail, '\n', n), *at;
	uint32_t before, crc;
	bool chained;

	if (end == NULL)
		return false;
	chained = checksum_claim(tail, (size_t)(end - tail), &before);
	for (at = end + 1; (end = memchr(at, '\n', n - (size_t)(at - tail))) !=
	    NULL; at = end + 1) {
		size_t len = (size_t)(end - at);
		bool claims = checksum_claim(at, len, &crc);

		if (chained && claims && end[-9] == '*' &&
		    sealing_of(before, at, len - 8) == crc) {
			char *copy = malloc(len + 1);
			struct record r;
			bool valid;

			assert(copy != NULL);
			memcpy(copy, at, len);
			valid = record_parse(copy, len, before, &r);
			free(copy);
			if (valid)
				return true;
		}
		chained = claims;
		before = crc;
	}
	return false;
}

/* A line lost, or a byte changed in it: what must become of the rest. */
static void check_harmed(const struct marks *m, int line, int next,
	const struct told *all)
{
	struct told t = { 0 };
	bool later = line == 0;

	for (int i = next; i < m->n && !later; i++)
		later = m->first[i];
	replay(&t);
	assert((t.ret == -1) == later);
	if (t.ret == 0) {
		assert(t.j.good == (int64_t)m->start[line]);
		assert(t.j.seq == line);
	}
	assert(starts_with(&all->records, &t.records));
	buf_release(&t.records);
}

static void check_cut(const char *text, const struct marks *m, size_t cut,
	const struct told *all)
{
	struct told t = { 0 };
	int whole = 0;

	while (whole < m->n && m->start[whole + 1] <= cut)
		whole++;
	mem_put("state", text, cut);
	replay(&t);
	assert((t.ret == 0) == (whole > 0));
	if (t.ret == 0) {
		assert(t.j.seq == whole);
		assert(t.j.torn == (int64_t)(cut - m->start[whole]));
	}
	assert(starts_with(&all->records, &t.records));
	buf_release(&t.records);
}

/* Text is what was accepted, n bytes; `random` chooses what is done to it. */
static void check_harms(const char *text, size_t n, uint64_t random,
	const struct told *all)
{
	struct marks m;
	struct buf b = { 0 };
	size_t at = (size_t)(random >> 16) % n;
	unsigned char change = (unsigned char)(random >> 8 & 0xff);
	int line = 0;

	find_marks(&m, text, n);
	assert(m.n == (int)all->j.seq);
	check_cut(text, &m, n - 1 - at, all);
	while (m.start[line + 1] <= at)
		line++;

	buf_add(&b, text, n);
	b.data[at] ^= (char)(change != 0 ? change : 1);
	mem_put("state", b.data, b.len);
	/* the one behind a lost newline is harmed as well */
	check_harmed(&m, line, line + 1, all);

	buf_reset(&b);
	buf_add(&b, text, m.start[line]);
	buf_add(&b, text + m.start[line + 1], n - m.start[line + 1]);
	mem_put("state", b.data, b.len);
	/* with the last one lost nothing shows; the next one is no record any
	 * more */
	check_harmed(&m, line, line + 2, all);
	buf_release(&b);
}

static void check_append(const char *text, const struct told *all)
{
	struct told t = { 0 };
	struct why why;
	struct record r = { .at = 1 };
	struct mem_file *f = mem_find("state");
	struct buf expected = { 0 };
	size_t good = (size_t)all->j.good;

	replay(&t);
	assert(same(&t.records, &all->records));
	assert(journal_open_write(&t.j, MEM_DIR, &why) == 0);
	assert(f->data.len == good && memcmp(f->data.data, text, good) == 0);
	record_start(&r, "param");
	record_set(&r, "name", "x");
	record_set(&r, "value", " %\n\x1b\xff");
	journal_add(&t.j, &r);
	assert(journal_commit(&t.j, &why) == 0);
	assert(memcmp(f->data.data, text, good) == 0);
	assert(t.j.good == (int64_t)f->data.len);
	journal_close(&t.j);

	buf_add(&expected, all->records.data, all->records.len);
	note(&expected, &r, NULL);
	replay(&t);
	assert(t.ret == 0 && t.j.torn == 0 && t.j.seq == all->j.seq + 1);
	assert(t.j.good == (int64_t)f->data.len);
	assert(same(&t.records, &expected));
	buf_release(&t.records);
	buf_release(&expected);
}

static void sum(uint64_t *h, int64_t n)
{
	*h = table_hash(*h, &n, sizeof(n));
}

static void sum_text(uint64_t *h, const char *text)
{
	*h = text != NULL ? table_hash(*h, text, strlen(text) + 1) :
		table_hash(*h, "\xff", 1);
}

static void check_outcome(uint64_t *h, const struct outcome *o)
{
	assert(o->kind < OUTCOME_KINDS && o->exit >= -1 && o->exit <= 255);
	assert(o->signo >= 0 && o->signo <= 128);
	assert(o->err >= 0 && o->err <= 4096);
	sum(h, o->kind);
	sum(h, o->oom);
	sum(h, o->exit);
	sum(h, o->signo);
	sum(h, o->err);
}

static void check_task(uint64_t *h, const struct state *s, int i)
{
	const struct task *t = &s->task[i];
	struct buf b = { 0 };
	const int64_t figures[] = {
		t->fan, t->item, t->place, t->state, t->phase, t->ran,
		t->asked, t->adopted, t->tried, t->receipt, t->hold,
		t->approval, t->parked, t->tries, t->parks, t->interrupts,
		t->losses, t->generation, t->keeper, t->session, t->attempts,
		t->cuts, t->before.attempt, t->before.out, t->before.err,
		t->began_at, t->started_at, t->ended_at, t->until_at,
		t->parked_at, t->turn, t->cost, t->user_ms, t->system_ms,
		t->rss_kb, t->out_bytes, t->err_bytes, (int64_t)t->command,
		(int64_t)t->whole,
	};

	assert(state_find(s, t->name) == i);
	assert(t->state < TASK_STATES && t->phase < PHASES);
	assert(t->keeper >= -1 && t->attempts >= 0);
	assert(t->cuts <= s->cuts && t->session <= s->sessions);
	assert(t->turn >= 0 && t->turn <= s->turns);
	assert(t->cost >= 0 && t->user_ms >= 0 && t->system_ms >= 0);
	assert(t->rss_kb >= 0 && t->out_bytes >= 0 && t->err_bytes >= 0);
	assert(t->until_at >= 0);
	assert(!t->parked || t->state == TASK_WAITING);
	assert(state_next_attempt(s, t) > t->attempts);
	assert(t->fan >= -1 && t->fan < (int)s->nfans);
	if (t->item != -1)
		assert(t->fan != -1 && s->fan[t->fan].task[t->item] == i);
	for (size_t k = 0; k < sizeof(figures) / sizeof(figures[0]); k++)
		sum(h, figures[k]);
	check_outcome(h, &t->outcome);
	check_outcome(h, &t->before.outcome);
	sum_text(h, t->name);
	sum_text(h, t->inputs);
	sum_text(h, t->slot);
	sum_text(h, t->gate);
	sum_text(h, t->reason);
	sum_text(h, t->result);
	sum_text(h, task_step(s, t));
	task_item(s, t, &b);
	task_log(s, t, t->attempts, task_log_kind(t), &b);
	task_dir(s, t, &b);
	task_sub(s, t, &b);
	task_output_file(s, t, t->attempts, &b);
	if (s->run != NULL)
		state_session(s, t, &b);
	*h = table_hash(*h, b.data, b.len);
	buf_release(&b);
}

/* All that is in it, as one number. */
static uint64_t check_state(const struct state *s)
{
	uint64_t h = TABLE_HASH_START;
	int count[TASK_STATES] = { 0 };

	for (size_t i = 0; i < s->ntasks; i++) {
		check_task(&h, s, (int)i);
		count[s->task[i].state]++;
	}
	for (int i = 0; i < TASK_STATES; i++)
		assert(count[i] == s->count[i]);
	for (size_t i = 0; i < s->nfans; i++) {
		const struct fan *f = &s->fan[i];

		assert(f->n >= 0 && (size_t)f->n <= f->listed);
		assert(state_fan(s, &s->task[f->head]) == f);
		for (size_t k = 0; k < f->listed; k++)
			assert(s->task[f->task[k]].item == (int)k &&
				s->task[f->task[k]].fan == (int)i);
		sum(&h, f->n);
		sum(&h, f->places);
		sum(&h, (int64_t)f->source);
		sum(&h, f->changed_at);
		sum(&h, f->moves);
	}
	for (size_t i = 0; i < s->noutputs; i++) {
		assert(s->output[i].next < (int)i);
		assert(s->output[i].task < (int)s->ntasks);
		sum_text(&h, s->output[i].name);
		sum_text(&h, s->output[i].value);
	}
	for (size_t i = 0; i < s->ninputs; i++) {
		assert(s->input[i].size >= -1);
		sum_text(&h, s->input[i].path);
		sum(&h, s->input[i].size);
		sum(&h, s->input[i].mtime);
		sum(&h, (int64_t)s->input[i].hash);
	}
	for (int i = 0; i < s->nparams; i++) {
		sum_text(&h, s->param[i].name);
		sum_text(&h, s->param[i].value);
	}
	assert(s->cost >= 0);
	sum(&h, s->turns);
	sum(&h, s->sessions);
	sum(&h, s->cuts);
	sum(&h, s->cost);
	sum_text(&h, s->closed);
	sum_text(&h, s->closed_reason);
	sum_text(&h, s->boot);
	return h;
}

static uint64_t fold(struct state *s, struct journal *j, int *ret)
{
	struct why why;

	state_init(s);
	*ret = journal_read(j, MEM_DIR, state_apply, s, &why);
	assert(*ret == 0 || why.text[0] != '\0');
	/* what was refused half-way is thrown away */
	return *ret == 0 ? check_state(s) : 0;
}

/* A durexec takes it over and starts what can be started. */
static void go_on(struct state *s, struct journal *j)
{
	struct record r = { .at = 1700000000000 };
	struct why why;

	record_start(&r, "begin");
	record_set_number(&r, "pid", 1);
	record_set(&r, "boot", "b");
	state_write(s, j, &r);
	for (size_t i = 0; i < s->ntasks && i < 3; i++) {
		const struct task *t = &s->task[i];
		bool runs = t->state == TASK_RUNNING;

		if (t->attempts >= INT_MAX / 4)
			continue;
		r = (struct record){ .at = 1700000000001 };
		record_start(&r, runs ? "end" : t->state == TASK_PENDING ||
			t->state == TASK_WAITING ? "start" : "set");
		record_set(&r, "step", t->name);
		record_set_number(&r, "attempt", state_next_attempt(s, t));
		record_set(&r, "state", runs ? "done" : "pending");
		record_set(&r, "outcome", "exit");
		record_set_number(&r, "exit", 0);
		record_set(&r, "by", "rewind");
		record_set(&r, "fresh", "1");
		state_write(s, j, &r);
	}
	assert(journal_commit(j, &why) == 0);
}

static void check_fold(const char *text, size_t good)
{
	struct state s, t;
	struct journal j, k;
	struct why why;
	int ret, again;
	uint64_t h = fold(&s, &j, &ret);

	mem_put("state", text, good);
	assert(fold(&t, &k, &again) == h && again == ret);
	state_release(&t);
	if (ret == 0) {
		assert(s.run != NULL && j.good == (int64_t)good);
		assert(journal_open_write(&j, MEM_DIR, &why) == 0);
		go_on(&s, &j);
		h = check_state(&s);
		journal_close(&j);
		assert(fold(&t, &j, &ret) == h && ret == 0 && j.torn == 0);
		state_release(&t);
	}
	state_release(&s);
}

#if JOURNAL_SEALED
/* The file that the lines stand for. */
static void seal_all(struct buf *out, const char *text, size_t n)
{
	const char *line = text, *end = text + n, *stop;
	int64_t at = 1700000000000;
	uint32_t crc = 0;
	long seq = 0;

	if (n == 0 || *text != '!')
		crc = checksum_seal(out, ++seq, "2026-11-20T18:47:22.123Z",
			HEADER, strlen(HEADER), '*', crc);
	for (; line < end; line = stop + 1) {
		char when[CLOCK_RFC3339], mark = '*';
		size_t len;

		stop = memchr(line, '\n', (size_t)(end - line));
		if (stop == NULL)
			stop = end;
		len = (size_t)(stop - line);
		if (len > 0 && *line == '!') {
			buf_add(out, line + 1, len - 1);
			if (stop != end)
				buf_char(out, '\n');
			continue;
		}
		if (len > 0 && *line == '^') {
			line++;
			len--;
			seq++;
		}
		if (len >= sizeof(when) && clock_parse(line,
		    sizeof(when) - 1, &at) && line[sizeof(when) - 1] == ' ') {
			line += sizeof(when);
			len -= sizeof(when);
		}
		if (len >= 2 && line[len - 2] == ' ' && strchr("*+",
		    line[len - 1]) != NULL && line[len - 1] != '\0') {
			mark = line[len - 1];
			len -= 2;
		}
		clock_format(at++, when);
		crc = checksum_seal(out, ++seq, when, line, len, mark, crc);
	}
}
#endif

static void check(const char *text, size_t n, uint64_t random)
{
	struct told all = { 0 }, t = { 0 };
	size_t good;

	mem_put("state", text, n);
	replay(&all);
	good = (size_t)all.j.good;
	assert(good <= n && (good == 0 || text[good - 1] == '\n'));
	if (all.ret == 0) {
		assert(good > 0 && all.j.torn == (int64_t)(n - good));
		assert(!later_write(text + good, n - good));
		check_append(text, &all);
		mem_put("state", text, good);
		replay(&t);
		assert(t.ret == 0 && t.j.torn == 0 && t.j.good == all.j.good);
		assert(same(&t.records, &all.records));
		mem_put("state", text, n);
		/* one of them each: many inputs instead */
		if (JOURNAL_SEALED ? random % 4 != 0 : random % 4 == 0)
			check_fold(text, good);
		else
			check_harms(text, good, random, &all);
	}
	buf_release(&all.records);
	buf_release(&t.records);
	mem_clear();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	uint64_t random = table_hash(TABLE_HASH_START, data, size);
	struct buf b = { 0 };

#if JOURNAL_SEALED
	seal_all(&b, text, size);
#else
	if (size > 0)
		buf_add(&b, text, size);
#endif
	/* find_marks() has room for so many lines */
	if (b.len > 0 && b.len < 16384)
		check(b.data, b.len, random);
	buf_release(&b);
	return 0;
}
