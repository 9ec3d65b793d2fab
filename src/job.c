/* SPDX-License-Identifier: ISC */
#include "job.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io.h"

/* The numbers, as they stand in the message. */
struct head {
	int32_t attempt, umask, nice, stop_signal;
	uint32_t nargv, nset, nunset, unused;	/* no gap: it is sent */
	int64_t turn, timeout_ms, idle_ms, grace_ms, max_output;
};

/* A string that may be absent: a byte that says so, then the string. */
static void put(struct buf *out, const char *s)
{
	buf_char(out, s != NULL ? '+' : '-');
	if (s != NULL)
		buf_add(out, s, strlen(s) + 1);
}

static uint32_t count(char *const *list)
{
	uint32_t n = 0;

	while (list != NULL && list[n] != NULL)
		n++;
	return n;
}

static void put_list(struct buf *out, char *const *list)
{
	for (; list != NULL && *list != NULL; list++)
		buf_add(out, *list, strlen(*list) + 1);
}

void job_encode(const struct job *j, struct buf *out)
{
	struct head h = {
		.attempt = j->attempt, .turn = j->turn,
		.umask = j->umask,
		.nice = j->nice, .stop_signal = j->stop_signal,
		.nargv = count(j->argv), .nset = count(j->set),
		.nunset = count(j->unset), .timeout_ms = j->timeout_ms,
		.idle_ms = j->idle_ms, .grace_ms = j->grace_ms,
		.max_output = j->max_output,
	};
	size_t start = out->len;
	uint32_t len = 0;

	buf_add(out, &len, sizeof(len));
	buf_add(out, &h, sizeof(h));
	put(out, j->step);
	put(out, j->phase);
	put(out, j->program);
	put(out, j->cwd);
	put(out, j->in);
	put(out, j->out);
	put(out, j->err);
	put(out, j->dir);
	put_list(out, j->argv);
	put_list(out, j->set);
	put_list(out, j->unset);
	len = (uint32_t)(out->len - start - sizeof(len));
	memcpy(out->data + start, &len, sizeof(len));
}

/* What is left of a message. */
struct rest {
	char *p, *end;
	bool ok;
};

static char *get(struct rest *r)
{
	char *s = r->p, *nul = s < r->end ?
		memchr(s, '\0', (size_t)(r->end - s)) : NULL;

	if (nul == NULL) {
		r->ok = false;
		return NULL;
	}
	r->p = nul + 1;
	return s;
}

static char *get_optional(struct rest *r)
{
	if (r->p == r->end || (*r->p != '+' && *r->p != '-')) {
		r->ok = false;
		return NULL;
	}
	return *r->p++ == '+' ? get(r) : NULL;
}

static char **get_list(struct rest *r, uint32_t n, char ***room, size_t *nroom)
{
	char **list = *room;
	uint32_t i;

	if ((size_t)n + 1 > *nroom) {
		r->ok = false;
		return NULL;
	}
	for (i = 0; i < n; i++)
		list[i] = get(r);
	list[n] = NULL;
	*room += n + 1;
	*nroom -= (size_t)n + 1;
	return list;
}

bool job_decode(char *data, size_t n, struct job *j, char **room, size_t nroom)
{
	struct rest r = { .p = data, .end = data + n, .ok = true };
	struct head h;

	if (n < sizeof(h))
		return false;
	memcpy(&h, data, sizeof(h));
	r.p += sizeof(h);
	j->attempt = h.attempt;
	j->turn = h.turn;
	j->umask = h.umask;
	j->nice = h.nice;
	j->stop_signal = h.stop_signal;
	j->timeout_ms = h.timeout_ms;
	j->idle_ms = h.idle_ms;
	j->grace_ms = h.grace_ms;
	j->max_output = h.max_output;
	j->step = get_optional(&r);
	j->phase = get_optional(&r);
	j->program = get_optional(&r);
	j->cwd = get_optional(&r);
	j->in = get_optional(&r);
	j->out = get_optional(&r);
	j->err = get_optional(&r);
	j->dir = get_optional(&r);
	j->argv = get_list(&r, h.nargv, &room, &nroom);
	j->set = get_list(&r, h.nset, &room, &nroom);
	j->unset = get_list(&r, h.nunset, &room, &nroom);
	return r.ok && r.p == r.end && h.nargv > 0;
}

/* Room for the one descriptor, aligned as the kernel wants it. */
union control {
	struct cmsghdr align;
	char room[CMSG_SPACE(sizeof(int))];
};

int job_send(int sock, const struct buf *message, int fd)
{
	union control control = { .room = { 0 } };
	struct iovec part = { .iov_base = message->data,
		.iov_len = message->len };
	struct msghdr m = { .msg_iov = &part, .msg_iovlen = 1 };
	struct cmsghdr *c;
	ssize_t n;

	if (fd != -1) {
		m.msg_control = control.room;
		m.msg_controllen = sizeof(control.room);
		c = CMSG_FIRSTHDR(&m);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(fd));
		memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	}
	while (part.iov_len > 0) {
		n = sendmsg(sock, &m, MSG_NOSIGNAL);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return -1;
		part.iov_base = (char *)part.iov_base + n;
		part.iov_len -= (size_t)n;
		/* it has gone with the first byte */
		m.msg_control = NULL;
		m.msg_controllen = 0;
	}
	return 0;
}

/* The descriptor in a control message; -1: there is none. */
static int passed(struct msghdr *m)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(m);
	int fd = -1;

	if (c != NULL && c->cmsg_level == SOL_SOCKET &&
	    c->cmsg_type == SCM_RIGHTS && c->cmsg_len == CMSG_LEN(sizeof(fd)))
		memcpy(&fd, CMSG_DATA(c), sizeof(fd));
	return fd;
}

ssize_t job_receive(int sock, char *data, int *fd)
{
	union control control;
	uint32_t len = 0;
	size_t have = 0;
	bool whole = true;
	ssize_t n;

	*fd = -1;
	/* The length by itself: what follows is a message of its own or this
	 * one's, and the descriptor comes with the first byte. */
	while (have < sizeof(len) && whole) {
		struct iovec part = { .iov_base = (char *)&len + have,
			.iov_len = sizeof(len) - have };
		struct msghdr m = { .msg_iov = &part, .msg_iovlen = 1,
			.msg_control = control.room,
			.msg_controllen = sizeof(control.room) };

		n = recvmsg(sock, &m, MSG_CMSG_CLOEXEC);
		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		have += (size_t)n;
		if (*fd == -1)
			*fd = passed(&m);
		/* Without it the job would be done, and its slot be free. */
		whole = (m.msg_flags & MSG_CTRUNC) == 0;
	}
	if (whole && have == sizeof(len) && len <= JOB_MOST &&
	    io_read(sock, data, len) == (ssize_t)len)
		return (ssize_t)len;
	if (*fd != -1)
		close(*fd);
	*fd = -1;
	return -1;
}
