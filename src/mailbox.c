/* SPDX-License-Identifier: ISC */
#include "mailbox.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "clock.h"
#include "io.h"
#include "os.h"
#include "state.h"

/* Emptied beyond this; some two hundred attempts. */
enum { GROWN = 48 * 1024 };
/* And what one job adds at most, with room to spare. */
enum { ROOM = GROWN + 32 * 1024 };
/* Far beyond GROWN plus one record: not a mailbox. */
enum { MOST = 16 * 1024 * 1024 };

int mailbox_reserve(int fd)
{
	while (fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, ROOM) == -1) {
		if (errno == EINTR)
			continue;
		return errno == EOPNOTSUPP || errno == ENOSYS ? 0 : -1;
	}
	return 0;
}

void mailbox_name(int number, char out[MAILBOX_NAME])
{
	snprintf(out, MAILBOX_NAME, "keeper.%d", number);
}

void mailbox_init(struct mailbox *m, int fd)
{
	m->fd = fd;
	m->seq = 0;
	m->length = 0;
	memset(&m->line, 0, sizeof(m->line));
	/* The longest record: an item of 4096 bytes, each as %XX, and names
	 * of at most 48. */
	buf_reserve(&m->line, 16 * 1024);
}

void mailbox_release(struct mailbox *m)
{
	buf_release(&m->line);
}

static int put(struct mailbox *m, struct record *r)
{
	/* not counted until it is there: no gap in front of the next try */
	r->seq = m->seq + 1;
	r->at = clock_wall();
	r->first = true;
	buf_reset(&m->line);
	record_format(r, 0, &m->line);
	if (io_write(m->fd, m->line.data, m->line.len) == -1) {
		int err = errno;

		/* No half a line before the next try. */
		if (ftruncate(m->fd, m->length) == -1)
			err = errno;
		errno = err;
		return -1;
	}
	m->length += (int64_t)m->line.len;
	m->seq = r->seq;
	return 0;
}

int mailbox_keeper(struct mailbox *m)
{
	struct record r;

	record_start(&r, "keeper");
	record_set_number(&r, "pid", getpid());
	record_set_number(&r, "start", os_start_time(getpid()));
	record_set(&r, "boot", os_boot_id());
	return put(m, &r);
}

int mailbox_take(struct mailbox *m, const struct job *j)
{
	struct record r;

	if (m->length > GROWN && ftruncate(m->fd, 0) == 0) {
		m->length = 0;
		/* what was reserved went with it */
		(void)mailbox_reserve(m->fd);
		if (mailbox_keeper(m) == -1)
			return -1;
	}
	record_start(&r, "take");
	record_set(&r, "step", j->step);
	record_set_number(&r, "attempt", j->attempt);
	record_set(&r, "phase", j->phase);
	record_set_number(&r, "turn", j->turn);
	return put(m, &r);
}

int mailbox_pid(struct mailbox *m, pid_t pid)
{
	struct record r;

	record_start(&r, "pid");
	record_set_number(&r, "pid", pid);
	record_set_number(&r, "start", os_start_time(pid));
	return put(m, &r);
}

int mailbox_end(struct mailbox *m, const struct report *p)
{
	struct record r;

	record_start(&r, "end");
	outcome_record(&r, &p->outcome);
	record_set_number(&r, "user", p->user_ms);
	record_set_number(&r, "system", p->system_ms);
	record_set_number(&r, "rss", p->rss_kb);
	record_set_number(&r, "out", p->out_bytes);
	record_set_number(&r, "err", p->err_bytes);
	if (p->elsewhere)
		record_set_number(&r, "elsewhere", 1);
	if (p->survivor != 0)
		record_set_number(&r, "survivor", p->survivor);
	if (p->note[0] != '\0')
		record_set(&r, "note", p->note);
	return put(m, &r);
}

static int64_t number(const struct record *r, const char *key)
{
	int64_t n;

	return record_get_number(r, key, 0, INT64_MAX, 0, &n) ? n : 0;
}

static pid_t pid_of(const struct record *r, const char *key)
{
	int64_t n;

	return record_get_number(r, key, 0, INT32_MAX, 0, &n) ? (pid_t)n : 0;
}

static void read_end(const struct record *r, struct mail *mail)
{
	struct report *p = &mail->report;
	const char *word = record_get(r, "outcome");
	const char *note = record_get(r, "note");
	int64_t exit_code, signo, err, survivor;

	memset(p, 0, sizeof(*p));
	p->outcome = outcome_of(word != NULL ? outcome_kind_of(word) :
		OUTCOME_KINDS);
	/* What is not understood is no end: never a status of our making. */
	if (p->outcome.kind == OUTCOME_KINDS ||
	    p->outcome.kind == OUTCOME_NONE ||
	    !record_get_number(r, "exit", 0, 255, -1, &exit_code) ||
	    !record_get_number(r, "signal", 0, 128, 0, &signo) ||
	    !record_get_number(r, "errno", 0, 4096, 0, &err) ||
	    !record_get_number(r, "survivor", 0, INT32_MAX, 0, &survivor))
		return;
	p->outcome.exit = (int)exit_code;
	p->outcome.signo = (int)signo;
	p->outcome.err = (int)err;
	p->outcome.oom = number(r, "oom") != 0;
	p->ended_at = r->at;
	p->user_ms = number(r, "user");
	p->system_ms = number(r, "system");
	p->rss_kb = number(r, "rss");
	p->out_bytes = number(r, "out");
	p->err_bytes = number(r, "err");
	p->elsewhere = number(r, "elsewhere") != 0;
	p->survivor = (int32_t)survivor;
	if (note != NULL)
		snprintf(p->note, sizeof(p->note), "%s", note);
	mail->ended = true;
}

/* *next: number of the record that goes on with what was taken; 0: it was not
 * ours, has ended, or a record of it cannot be read. What stands behind that
 * may be another one's. */
static void read_record(const struct record *r, const char *step, int attempt,
	const char *phase, int64_t turn, int64_t *next, struct mail *mail)
{
	bool follows = r->seq == *next, ours;

	*next = follows ? r->seq + 1 : 0;
	if (strcmp(r->type, "keeper") == 0) {
		const char *boot = record_get(r, "boot");

		mail->keeper = pid_of(r, "pid");
		mail->keeper_start = number(r, "start");
		snprintf(mail->boot, sizeof(mail->boot), "%s",
			boot != NULL ? boot : "");
	} else if (strcmp(r->type, "take") == 0) {
		const char *s = record_get(r, "step");
		const char *p = record_get(r, "phase");

		ours = s != NULL && p != NULL && strcmp(s, step) == 0 &&
			strcmp(p, phase) == 0 &&
			number(r, "attempt") == attempt &&
			/* one of before there were turns counts as begun */
			(record_get(r, "turn") == NULL ||
			number(r, "turn") == turn);
		*next = ours ? r->seq + 1 : 0;
		if (ours) {
			mail->taken = true;
			mail->ended = false;
			mail->pid = 0;
		}
	} else if (strcmp(r->type, "pid") == 0 && follows) {
		mail->pid = pid_of(r, "pid");
		mail->pid_start = number(r, "start");
	} else if (strcmp(r->type, "end") == 0 && follows) {
		read_end(r, mail);
		*next = 0;
	}
}

/* 1, 0, or -1 + errno: a keeper that cannot be asked for is not a dead one. */
static int is_held(int fd)
{
	int ret;

	/* Shared: two who ask at once do not take each other for a keeper. */
	do {
		ret = flock(fd, LOCK_SH | LOCK_NB);
	} while (ret == -1 && errno == EINTR);
	if (ret == -1)
		return errno == EWOULDBLOCK ? 1 : -1;
	flock(fd, LOCK_UN);
	return 0;
}

int mailbox_held(int dirfd, int number_)
{
	char name[MAILBOX_NAME];
	int held, fd, err;

	mailbox_name(number_, name);
	fd = io_open(dirfd, name, O_RDONLY);
	if (fd == -1)
		return errno == ENOENT ? 0 : -1;
	held = is_held(fd);
	err = errno;
	close(fd);
	errno = err;
	return held;
}

int mailbox_read(int dirfd, int number_, const char *step, int attempt,
	const char *phase, int64_t turn, struct mail *mail)
{
	char name[MAILBOX_NAME], *line, *end;
	struct buf text = { 0 };
	struct record r;
	int64_t next = 0;
	int held;

	memset(mail, 0, sizeof(*mail));
	mailbox_name(number_, name);
	/* Asked before reading: who is gone by now has written all it will. */
	held = mailbox_held(dirfd, number_);
	if (held == -1 || io_slurp(dirfd, name, MOST, &text, NULL) == -1) {
		held = errno == ENOENT ? 0 : -1;
		buf_release(&text);
		return held;
	}
	mail->held = held == 1;
	/* a power cut leaves zeros in place of what was written */
	for (line = text.data; text.len > 0 && (end = memchr(line, '\n',
	    (size_t)(text.data + text.len - line))) != NULL; line = end + 1)
		if (record_parse(line, (size_t)(end - line), 0, &r))
			read_record(&r, step, attempt, phase, turn, &next, mail);
	buf_release(&text);
	return 1;
}
