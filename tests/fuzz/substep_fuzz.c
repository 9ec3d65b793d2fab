/* SPDX-License-Identifier: ISC */
/*
 * Any bytes as what `durexec step` remembers of a call. The first says how they
 * are read: as the record as it is; as its TYPE and fields, around which the
 * rest is put right; as the record of its retries; or as a call that is
 * written. Beyond not crashing:
 * - what is accepted is within bounds, has the name and is of the call that was
 *   asked for, and is the same each time;
 * - cut anywhere, with a byte changed or more behind it, a record is refused;
 * - what was written is what is read.
 */
#include "memfile.h"

#include <limits.h>

#include "checksum.h"
#include "record.h"
#include "substep.h"
#include "table.h"

static struct substep_scope scope = {
	.path = (char[]){ "/scope" }, .fd = MEM_DIR, .calls = -1,
};

static int read_it(const struct substep *s, struct substep_record *r)
{
	struct why why = { 0 };
	int ret = substep_read(&scope, s, r, &why);

	if (ret == 1) {
		assert(r->name != NULL && r->check == s->check);
		assert(r->exit >= 0 && r->exit <= 255);
		assert(r->out_bytes >= 0 && r->err_bytes >= 0);
		assert(r->started_at >= 0 && r->in_bytes >= -1);
	} else {
		assert(ret == -1 && why.text[0] != '\0' && r->name == NULL);
	}
	return ret;
}

static void check_refused(const struct substep *s)
{
	struct substep_record r;

	assert(read_it(s, &r) == -1);
}

/* A record that was accepted is harmed. */
static void check_harms(const struct substep *s, const char *text, size_t n,
	uint64_t random)
{
	size_t at = (size_t)(random >> 16) % n;
	char *copy = malloc(n + 1);

	assert(copy != NULL);
	memcpy(copy, text, n);
	mem_put(s->id, copy, at);
	check_refused(s);
	copy[n] = copy[at];
	mem_put(s->id, copy, n + 1);
	check_refused(s);
	copy[at] ^= (char)((random & 0xff) != 0 ? random & 0xff : 1);
	mem_put(s->id, copy, n);
	check_refused(s);
	free(copy);
}

static void check_any(const char *text, size_t n, uint64_t random)
{
	struct substep s = { .hash = 1, .check = 0x42, .number = 1,
		.id = "0000000000000001.1" };
	struct substep_record r, again;

	mem_put(s.id, text, n);
	if (read_it(&s, &r) == -1)
		return;
	assert(read_it(&s, &again) == 1);
	assert(strcmp(r.name, again.name) == 0 && r.exit == again.exit);
	free(r.name);
	free(again.name);
	check_harms(&s, text, n, random);
}

static void check_tries(const char *text, size_t n)
{
	struct substep s = { .id = "0000000000000001.1" };
	struct substep_tries t, again;
	struct why why;

	mem_put("0000000000000001.1.tries", text, n);
	substep_read_tries(&scope, &s, &t);
	assert(t.tries >= 0 && t.parks >= 0 && t.parked_at >= 0);
	assert(substep_write_tries(&scope, &s, &t, &why) == 0);
	substep_read_tries(&scope, &s, &again);
	assert(again.tries == t.tries && again.parks == t.parks);
	assert(again.parked_at == t.parked_at);
	substep_forget_tries(&scope, &s);
}

/* name NUL argv...: what is remembered of it. */
static void check_written(const char *text, size_t n, uint64_t random)
{
	char *copy = malloc(n + 1), *argv[16], *name = copy;
	struct substep s = { 0 };
	struct substep_record r = { 0 }, back;
	struct buf line = { 0 };
	struct why why;
	int fd, argc = 0;
	size_t at;

	assert(copy != NULL);
	memcpy(copy, text, n);
	copy[n] = '\0';
	at = strlen(copy) + 1;
	if (at > SUBSTEP_NAME || strchr(name, '\n') != NULL)
		goto out;
	for (; at <= n && argc < 15; at += strlen(copy + at) + 1)
		argv[argc++] = copy + at;
	argv[argc] = NULL;
	substep_identify(&s, name, argv, false);
	substep_first(&s);
	r.name = name;
	r.check = s.check;
	r.exit = (int)(random & 0xff);
	r.started_at = (int64_t)(random >> 20);
	r.ended_at = 1700000000000 + (int64_t)(random >> 50);
	r.in_bytes = random & 0x100 ? (int64_t)(random >> 30) : -1;
	r.in_hash = r.in_bytes >= 0 ? random : 0;
	r.merged = random & 0x200;
	r.silent = random & 0x400;
	r.mark = random & 0x800;
	buf_printf(&line, "%s.new", s.id);
	fd = openat(MEM_DIR, line.data, O_RDWR | O_CREAT, 0600);
	assert(substep_commit(&scope, &s, fd, &r, &why) == 0);
	close(fd);
	assert(read_it(&s, &back) == 1);
	assert(strcmp(back.name, name) == 0 && back.exit == r.exit);
	assert(back.started_at == r.started_at);
	assert(back.ended_at == r.ended_at && back.in_bytes == r.in_bytes);
	assert(back.in_hash == r.in_hash && back.merged == r.merged);
	assert(back.silent == r.silent && back.mark == r.mark);
	free(back.name);
	buf_reset(&line);
	buf_add(&line, mem_find(s.id)->data.data, mem_find(s.id)->data.len);
	check_harms(&s, line.data, line.len, random);
out:
	free(copy);
	buf_release(&line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char when[] = "2026-11-20T18:47:22.123Z";
	const char *text = (const char *)data;
	uint64_t random = table_hash(TABLE_HASH_START, data, size);
	struct buf b = { 0 };

	if (size < 2)
		return 0;
	switch (*text) {
	case '!':
		check_any(text + 1, size - 1, random);
		break;
	case 't':
		checksum_seal(&b, 1, when, text, size, '*', 0);
		check_tries(b.data, b.len);
		check_tries(text, size);
		break;
	case 'w':
		check_written(text + 1, size - 1, random);
		break;
	default:
		checksum_seal(&b, 1, when, text, size, '*', 0);
		check_any(b.data, b.len, random);
	}
	buf_release(&b);
	mem_clear();
	return 0;
}
