/* SPDX-License-Identifier: ISC */
/*
 * corpus_test: what programs said when they failed (or did not), as files of
 * tests/corpus describe it, judged by the shipped presets: the loader, the
 * reading of evidence and the judge are those of durexec. CORPUS names another
 * directory; with CORPUS_TABLE=1 there is a line for each case.
 *
 * The files: "KEY: VALUE", or "KEY:" and the lines below it that begin with a
 * tab. Keys above the first `case` hold for all cases of the file. "#" in
 * column 0 begins a comment.
 *   case      its name                  tool     program and version
 *   from      where its text is from    preset   name of the preset
 *   step      further keys of the step  exit     status, or: signal NAME
 *   end       exit (default), stopped, timeout, idle
 *   stdout, stderr                      what it wrote
 *   headers   a file that it left in $DUREXEC_DIR
 *   missing   what the look at its `outputs` said
 *   tries     retries used up before    now      the time (RFC 3339, UTC)
 *   expect    done, retry, wait TIME, wait +SECONDS, pending, review, or
 *             "review, held" (only what names it starts it again)
 *   reason    what the reason has in it result   of the receipt
 *   cost      in millionths
 */
#include "judge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <glob.h>
#include <signal.h>

#include "buf.h"
#include "clock.h"
#include "evidence.h"
#include "io.h"
#include "loading.h"
#include "mem.h"
#include "presets.h"
#include "rundir.h"
#include "scratch.h"
#include "table.h"
#include "values.h"

enum part {
	CASE, TOOL, FROM, PRESET, STEP, EXIT, END, STDOUT, STDERR, HEADERS,
	MISSING, TRIES, NOW, EXPECT, REASON, RESULT, COST, PARTS
};
static const char *const part_names[PARTS] = { "case", "tool", "from", "preset",
	"step", "exit", "end", "stdout", "stderr", "headers", "missing",
	"tries", "now", "expect", "reason", "result", "cost" };

/* Fewer are a file that was not found. */
enum { CASES_LEAST = 300, PATTERNS_MOST = 600 };

struct item {
	struct buf value[PARTS];
	bool given[PARTS];
	const char *file;
	int line;
};

static struct {
	struct scratch dir;
	struct rundir run;
	struct pattern_cache cache;
	struct table seen;		/* names of cases, in the arena */
	struct arena arena;
	const char *matched[PATTERNS_MOST];	/* "preset: pattern", arena */
	size_t nmatched;
	int cases, wrong;
} all;

static void wrong(const struct item *it, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
static void wrong(const struct item *it, const char *fmt, ...)
{
	va_list ap;

	print_message("%s:%d: %s: ", it->file, it->line,
		it->given[CASE] ? it->value[CASE].data : "");
	va_start(ap, fmt);
	vprint_message(fmt, ap);
	va_end(ap);
	print_message("\n");
	all.wrong++;
}

static const char *text_of(const struct item *it, enum part key)
{
	return it->given[key] ? it->value[key].data : "";
}

/* --- what is expected ------------------------------------------------------ */

static int64_t time_of(const struct item *it, const char *text)
{
	char whole[CLOCK_RFC3339];
	int64_t at = 0;

	snprintf(whole, sizeof(whole), "%.19s.000Z", text);
	if (strlen(text) != 20 || !clock_parse(whole, 24, &at))
		wrong(it, "no time: %s", text);
	return at;
}

static int number_of(const struct item *it, enum part key, int none)
{
	char *end;
	long n;

	if (!it->given[key])
		return none;
	n = strtol(it->value[key].data, &end, 10);
	if (*end != '\0')
		wrong(it, "%s is no number", part_names[key]);
	return (int)n;
}

static struct report report_of(const struct item *it)
{
	static const struct {
		const char *word;
		enum outcome_kind kind;
	} ends[] = { { "stopped", OUTCOME_INTERRUPTED },
		{ "timeout", OUTCOME_TIMEOUT }, { "idle", OUTCOME_IDLE } };
	struct report r = { .outcome = outcome_of(OUTCOME_EXIT) };
	const char *how = text_of(it, EXIT), *end = text_of(it, END);
	struct why why;
	int signo;

	if (strncmp(how, "signal ", 7) == 0) {
		r.outcome.kind = OUTCOME_SIGNAL;
		r.outcome.signo = values_signal(how + 7, &signo, &why) == 0 ?
			(int16_t)signo : 0;
		if (r.outcome.signo == 0)
			wrong(it, "no signal: %s", how);
	} else {
		r.outcome.exit = number_of(it, EXIT, -1);
	}
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		if (strcmp(end, ends[i].word) == 0) {
			r.outcome.kind = ends[i].kind;
			end = "";
		}
	if (*end != '\0' && strcmp(end, "exit") != 0)
		wrong(it, "no end: %s", end);
	return r;
}

static void verdict_text(const struct verdict *v, struct buf *out)
{
	char at[CLOCK_RFC3339];

	if (v->next == NEXT_AFTER || v->state == TASK_DONE) {
		buf_str(out, "done");
	} else if (v->state == TASK_WAITING && v->wait == WAIT_LIMIT) {
		clock_format(v->until_at, at);
		buf_printf(out, "wait %.19sZ", at);
	} else if (v->state == TASK_WAITING) {
		buf_str(out, "retry");
	} else if (v->state == TASK_PENDING) {
		buf_str(out, "pending");
	} else {
		buf_str(out, "review");
	}
	if (v->hold)
		buf_str(out, ", held");
}

/* The expectation in the words of verdict_text(). */
static void expected_text(const struct item *it, int64_t now,
	struct buf *out)
{
	const char *expect = text_of(it, EXPECT);
	char at[CLOCK_RFC3339];

	if (strncmp(expect, "wait +", 6) != 0) {
		buf_str(out, expect);
		return;
	}
	clock_format(now + 1000 * (int64_t)atoi(expect + 6), at);
	buf_printf(out, "wait %.19sZ", at);
}

/* --- judging a case ---------------------------------------------------------- */

static void put(const char *name, const struct item *it, enum part key)
{
	scratch_put(&all.dir, name, text_of(it, key),
		it->given[key] ? it->value[key].len : 0);
}

static bool was_matched(const char *name)
{
	for (size_t i = 0; i < all.nmatched; i++)
		if (strcmp(name, all.matched[i]) == 0)
			return true;
	return false;
}

/* Each pattern of the step that is found in what the case says. */
static void note_matches(const struct item *it, const struct stepconf *conf,
	const struct evidence *e)
{
	const struct patterns *lists[] = { &conf->retry_if, &conf->give_up_if,
		&conf->wait_if, &conf->fail_if, &conf->ok_if, &conf->receipt,
		&conf->cost_from };
	const char *preset = text_of(it, PRESET);
	struct pattern_hit hit;
	char *name;

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		for (int k = 0; k < lists[i]->n; k++) {
			if (!pattern_find(&all.cache, lists[i]->v[k],
			    e->out, e->out_len, &hit) &&
			    !pattern_find(&all.cache, lists[i]->v[k],
			    e->err, e->err_len, &hit))
				continue;
			name = mem_printf("%s: %s", preset, lists[i]->v[k]);
			if (!was_matched(name)) {
				assert_true(all.nmatched < PATTERNS_MOST);
				all.matched[all.nmatched++] =
					arena_dup(&all.arena, name);
			}
			free(name);
		}
}

static void compare(const struct item *it, const struct verdict *v,
	const struct evidence *e)
{
	struct buf have = { 0 }, want = { 0 };
	const char *in;

	verdict_text(v, &have);
	expected_text(it, e->now, &want);
	if (getenv("CORPUS_TABLE") != NULL)
		print_message("%s | %s | %s%s%s | %s | %s\n",
			text_of(it, CASE), text_of(it, TOOL),
			text_of(it, END), it->given[END] ? ", " : "",
			text_of(it, EXIT), have.data, v->reason);
	if (strcmp(have.data, want.data) != 0)
		wrong(it, "%s (%s), not %s", have.data, v->reason, want.data);
	in = text_of(it, REASON);
	if (strstr(v->reason, in) == NULL)
		wrong(it, "\"%s\" is not in the reason: %s", in, v->reason);
	/* What waits or is looked at says why. */
	if (v->reason[0] == '\0' && (v->state == TASK_WAITING ||
	    v->state == TASK_NEEDS_REVIEW))
		wrong(it, "no reason");
	if (it->given[RESULT] && (e->result == NULL ||
	    strcmp(e->result, text_of(it, RESULT)) != 0))
		wrong(it, "result: %s", e->result != NULL ? e->result :
			"none");
	if (v->cost != number_of(it, COST, 0))
		wrong(it, "cost: %lld", (long long)v->cost);
	buf_release(&have);
	buf_release(&want);
}

static void judge_item(const struct item *it)
{
	struct task t = { .name = "it", .state = TASK_RUNNING,
		.phase = PHASE_RUN, .attempts = 1, .fan = -1, .item = -1 };
	struct buf ini = { 0 };
	struct state state = { 0 };
	struct proof proof = { 0 };
	struct report r = report_of(it);
	struct pipeline *p;
	const struct stepconf *conf;
	struct verdict v;
	int64_t now = time_of(it, text_of(it, NOW));

	buf_printf(&ini, "[step it]\npreset = %s\nrun = true\n%s\n",
		text_of(it, PRESET), text_of(it, STEP));
	p = loads(ini.data);
	conf = p->step[0].conf;
	t.tries = (uint16_t)number_of(it, TRIES, 0);
	put("log/it.1.out", it, STDOUT);
	put("log/it.1.err", it, STDERR);
	put("dir/it/headers", it, HEADERS);
	evidence_read(&proof, &all.run, &state, conf, &t, &r,
			&all.cache);
	proof.e.now = now;
	proof.e.random = 0;
	v = judge(conf, &t, &r, &proof.e);
	if (it->given[MISSING] && v.next == NEXT_AFTER) {
		t.phase = PHASE_SETTLE;
		put("log/it.1.settle", it, MISSING);
		r.outcome = outcome_of(OUTCOME_EXIT);
		r.outcome.exit = 1;
		evidence_read(&proof, &all.run, &state, conf, &t, &r,
			&all.cache);
		proof.e.now = now;
		proof.e.random = 0;
		v = judge(conf, &t, &r, &proof.e);
	}
	compare(it, &v, &proof.e);
	note_matches(it, conf, &proof.e);
	evidence_release(&proof);
	pipeline_free(p);
	buf_release(&ini);
}

/* --- reading the files --------------------------------------------------------- */

static void end_case(struct item *it, const struct item *defaults)
{
	static const enum part needed[] = { TOOL, FROM, PRESET, EXIT, NOW,
		EXPECT };

	for (int k = 0; k < PARTS; k++)
		if (!it->given[k] && defaults->given[k]) {
			buf_reset(&it->value[k]);
			buf_str(&it->value[k], defaults->value[k].data);
			it->given[k] = true;
		}
	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
		if (!it->given[needed[i]]) {
			wrong(it, "no %s", part_names[needed[i]]);
			return;
		}
	if (table_get(&all.seen, it->value[CASE].data) != TABLE_NONE)
		wrong(it, "is there twice");
	else
		table_put(&all.seen, arena_dup(&all.arena,
			it->value[CASE].data), all.cases);
	all.cases++;
	judge_item(it);
}

static void reset(struct item *it, const char *file, int line)
{
	for (int k = 0; k < PARTS; k++)
		buf_reset(&it->value[k]);
	memset(it->given, 0, sizeof(it->given));
	it->file = file;
	it->line = line;
}

static int part_of(const char *line, size_t n)
{
	for (int k = 0; k < PARTS; k++)
		if (strlen(part_names[k]) == n &&
		    memcmp(line, part_names[k], n) == 0)
			return k;
	return -1;
}

static void read_file(const char *file)
{
	struct item defaults = { 0 }, it = { 0 }, *now = &defaults;
	struct buf text = { 0 };
	struct why why;
	int key = -1, number = 0, blanks = 0;
	char *line, *end, *colon;

	reset(&defaults, file, 0);
	if (io_slurp(AT_FDCWD, file, 16u << 20, &text, &why) == -1)
		fail_msg("%s", why.text);
	for (line = text.data; *line != '\0'; line = end + 1) {
		number++;
		end = strchr(line, '\n');
		assert_non_null(end);
		*end = '\0';
		if (line == end) {
			blanks++;
			continue;
		}
		if (*line == '\t' && key != -1) {
			/* blank lines at the end of a text are none of it */
			while (now->value[key].len > 0 && blanks-- > 0)
				buf_char(&now->value[key], '\n');
			buf_str(&now->value[key], line + 1);
			buf_char(&now->value[key], '\n');
			blanks = 0;
			continue;
		}
		blanks = 0;
		if (*line == '#')
			continue;
		colon = strchr(line, ':');
		key = colon == NULL ? -1 :
			part_of(line, (size_t)(colon - line));
		if (key == -1)
			fail_msg("%s:%d: what is this: %s", file, number, line);
		if (key == CASE) {
			if (now == &it)
				end_case(&it, &defaults);
			now = &it;
			reset(&it, file, number);
		}
		if (now->given[key])
			fail_msg("%s:%d: twice: %s", file, number, line);
		now->given[key] = true;
		buf_str(&now->value[key], colon[1] == ' ' ? colon + 2 : "");
	}
	if (now == &it)
		end_case(&it, &defaults);
	for (int k = 0; k < PARTS; k++) {
		buf_release(&it.value[k]);
		buf_release(&defaults.value[k]);
	}
	buf_release(&text);
}

static void every_case(void **state)
{
	const char *dir = getenv("CORPUS");
	char *pattern = mem_printf("%s/*.txt", dir != NULL ? dir :
		"tests/corpus");
	glob_t found = { 0 };

	(void)state;
	assert_int_equal(glob(pattern, 0, NULL, &found), 0);
	if (getenv("CORPUS_TABLE") != NULL)
		print_message("case | tool, version | exit | verdict | "
			"reason\n");
	for (size_t i = 0; i < found.gl_pathc; i++)
		read_file(found.gl_pathv[i]);
	print_message("%d cases, %d wrong\n", all.cases, all.wrong);
	if (all.wrong > 0)
		fail_msg("%d wrong", all.wrong);
	assert_true(all.cases >= CASES_LEAST);
	globfree(&found);
	free(pattern);
}

/* --- the presets themselves ------------------------------------------------------ */

static void check_list(const char *preset, const struct patterns *list)
{
	char *name;

	for (int k = 0; k < list->n; k++) {
		name = mem_printf("%s: %s", preset, list->v[k]);
		if (!was_matched(name)) {
			print_message("no case for %s\n", name);
			all.wrong++;
		}
		free(name);
	}
}

static void check_preset(void *ctx, const struct preset_text *preset)
{
	struct buf ini = { 0 };
	const struct stepconf *c;
	struct pipeline *p;

	(void)ctx;
	if (preset->pool)
		return;
	assert_true(preset->summary_len > 0);
	buf_printf(&ini, "[step it]\npreset = %s\nrun = true\n",
		preset->name);
	p = loads(ini.data);
	c = p->step[0].conf;
	/* something to ask before the first step, and an end to all of it */
	assert_non_null(c->check);
	assert_true(c->timeout_ms > 0);
	check_list(preset->name, &c->retry_if);
	check_list(preset->name, &c->give_up_if);
	check_list(preset->name, &c->wait_if);
	check_list(preset->name, &c->fail_if);
	check_list(preset->name, &c->ok_if);
	check_list(preset->name, &c->receipt);
	check_list(preset->name, &c->cost_from);
	pipeline_free(p);
	buf_release(&ini);
}

/* No pattern without a text that it was made for. */
static void every_pattern(void **state)
{
	const char *text;
	size_t len;

	(void)state;
	all.wrong = 0;
	text = presets_shipped(&len);
	presets_scan(text, len, check_preset, NULL);
	if (all.wrong > 0)
		fail_msg("%d patterns without a case", all.wrong);
}

static int set_up(void **state)
{
	(void)state;
	scratch_init(&all.dir);
	/* Neither this user's presets nor this machine's time zone. */
	setenv("HOME", all.dir.path, 1);
	unsetenv("XDG_CONFIG_HOME");
	setenv("TZ", "UTC", 1);
	assert_int_equal(mkdirat(all.dir.fd, "log", 0700), 0);
	assert_int_equal(mkdirat(all.dir.fd, "dir", 0700), 0);
	assert_int_equal(mkdirat(all.dir.fd, "dir/it", 0700), 0);
	all.run.fd = all.dir.fd;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	pattern_cache_release(&all.cache);
	table_release(&all.seen);
	arena_release(&all.arena);
	scratch_release(&all.dir);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_case),
		cmocka_unit_test(every_pattern),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
