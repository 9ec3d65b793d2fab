/* SPDX-License-Identifier: ISC */
#include "control.h"

#include <errno.h>
#include <ev.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "act.h"
#include "io.h"
#include "mem.h"

#define NAME "sock"

enum {
	/* A command line is shorter: Linux takes 6 MiB at most. */
	REQUEST_MOST = 8 * 1024 * 1024,
	PIECE = 64 * 1024,
	/* More verbs at once than people have hands. */
	CLIENTS_MOST = 64,
};

struct client {
	struct control *c;
	ev_io io;
	struct buf request;
	bool waits;
	struct client *next;
};

struct control {
	struct ev_loop *loop;
	const struct control_calls *calls;
	void *ctx;
	int dirfd;
	ev_io io;
	struct client *client;
	int nclients;
};

/* Socket addresses hold 107 bytes, paths more: by way of the directory's
 * descriptor. */
static void address(int dirfd, struct sockaddr_un *a)
{
	memset(a, 0, sizeof(*a));
	a->sun_family = AF_UNIX;
	snprintf(a->sun_path, sizeof(a->sun_path), "/proc/self/fd/%d/" NAME,
		dirfd);
}

static void drop(struct client *cl)
{
	struct client **at = &cl->c->client;

	while (*at != cl)
		at = &(*at)->next;
	*at = cl->next;
	cl->c->nclients--;
	ev_io_stop(cl->c->loop, &cl->io);
	close(cl->io.fd);
	buf_release(&cl->request);
	free(cl);
}

static void answer(struct client *cl, int status, const char *text)
{
	struct buf out = { 0 };

	buf_printf(&out, "%d\n%s", status, text);
	/* Who does not read it is not waited for. */
	(void)!send(cl->io.fd, out.data, out.len, MSG_NOSIGNAL | MSG_DONTWAIT);
	buf_release(&out);
	drop(cl);
}

static void stop(struct client *cl, enum control_stop_mode mode)
{
	cl->c->calls->stop(cl->c->ctx, mode);
	answer(cl, 0, "");
}

static void act(struct client *cl, int verb, char **word, int n)
{
	struct act a = { .verb = (enum act_verb)verb, .by = word[0] };
	struct buf text = { 0 };
	struct why why;
	int i = 1;

	for (; i < n && word[i][0] == '-'; i++) {
		if (strcmp(word[i], "--failed") == 0)
			a.all_failed = true;
		else if (strcmp(word[i], "--result") == 0 && i + 1 < n)
			a.result = word[++i];
		else
			break;
	}
	a.name = word + i;
	a.n = n - i;
	if (cl->c->calls->act(cl->c->ctx, &a, &text, &why) == -1)
		answer(cl, 2, why.text);
	else if (!cl->c->calls->flush(cl->c->ctx))
		answer(cl, 4, "it could not be recorded");
	else
		answer(cl, 0, text.data != NULL ? text.data : "");
	buf_release(&text);
}

static void obey(struct client *cl)
{
	char **word = NULL, *p;
	size_t cap = 0;
	int n = 0, verb;

	for (p = cl->request.data; *p != '\0'; p += strlen(p) + 1) {
		word = mem_grow(word, (size_t)n, &cap, sizeof(*word));
		word[n++] = p;
	}
	verb = n > 0 ? act_verb_of(word[0]) : -1;
	if (verb >= 0) {
		act(cl, verb, word, n);
	} else if (n > 0 && strcmp(word[0], "wait") == 0) {
		cl->waits = true;
		ev_io_stop(cl->c->loop, &cl->io);
	} else if (n > 0 && strcmp(word[0], "stop") == 0) {
		stop(cl, CONTROL_STOP);
	} else if (n > 0 && strcmp(word[0], "stop-drain") == 0) {
		stop(cl, CONTROL_DRAIN);
	} else if (n > 0 && strcmp(word[0], "stop-now") == 0) {
		stop(cl, CONTROL_NOW);
	} else {
		answer(cl, 2, "the running durexec does not know this verb");
	}
	free(word);
}

static void on_client(struct ev_loop *loop, ev_io *io, int revents)
{
	struct client *cl = io->data;
	struct buf *b = &cl->request;
	ssize_t n;

	(void)loop;
	(void)revents;
	buf_reserve(b, PIECE);
	n = recv(io->fd, b->data + b->len, PIECE, MSG_DONTWAIT);
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0 || b->len > REQUEST_MOST) {
		drop(cl);
		return;
	}
	b->len += (size_t)n;
	b->data[b->len] = '\0';
	/* the empty word at its end */
	if (b->len >= 2 && b->data[b->len - 1] == '\0' &&
	    b->data[b->len - 2] == '\0')
		obey(cl);
}

static void on_connect(struct ev_loop *loop, ev_io *io, int revents)
{
	struct control *c = io->data;
	struct client *cl;
	int fd = accept4(io->fd, NULL, NULL, SOCK_CLOEXEC);

	(void)revents;
	if (fd == -1)
		return;
	if (c->nclients >= CLIENTS_MOST) {
		close(fd);
		return;
	}
	cl = mem_alloc(sizeof(*cl));
	cl->c = c;
	cl->next = c->client;
	c->client = cl;
	c->nclients++;
	ev_io_init(&cl->io, on_client, fd, EV_READ);
	cl->io.data = cl;
	ev_io_start(loop, &cl->io);
}

struct control *control_start(struct ev_loop *loop,
	const struct control_calls *calls, void *ctx, int dirfd,
	struct why *why)
{
	struct sockaddr_un a;
	struct control *c;
	mode_t old;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), bound;

	if (fd == -1) {
		why_sys(why, "cannot create a socket");
		return NULL;
	}
	/* A stale one: we hold the run's lock, so nobody listens there. */
	unlinkat(dirfd, NAME, 0);
	address(dirfd, &a);
	old = umask(077);
	bound = bind(fd, (struct sockaddr *)&a, sizeof(a));
	umask(old);
	if (bound == -1 || listen(fd, CLIENTS_MOST) == -1) {
		why_sys(why, "cannot listen on the socket of the run");
		close(fd);
		return NULL;
	}
	c = mem_alloc(sizeof(*c));
	c->loop = loop;
	c->calls = calls;
	c->ctx = ctx;
	c->dirfd = dirfd;
	ev_io_init(&c->io, on_connect, fd, EV_READ);
	c->io.data = c;
	ev_io_start(loop, &c->io);
	return c;
}

void control_stop(struct control *c, int **waiting, size_t *nwaiting)
{
	struct client *cl, *next;
	size_t cap = 0;

	unlinkat(c->dirfd, NAME, 0);
	ev_io_stop(c->loop, &c->io);
	close(c->io.fd);
	*waiting = NULL;
	*nwaiting = 0;
	for (cl = c->client; cl != NULL; cl = next) {
		next = cl->next;
		if (cl->waits) {
			*waiting = mem_grow(*waiting, *nwaiting, &cap,
				sizeof(**waiting));
			(*waiting)[(*nwaiting)++] = dup(cl->io.fd);
		}
		drop(cl);
	}
	free(c);
}

void control_answer(int *waiting, size_t nwaiting, int status)
{
	char text[16];
	size_t i;
	int n = snprintf(text, sizeof(text), "%d\n", status);

	for (i = 0; i < nwaiting; i++) {
		(void)!send(waiting[i], text, (size_t)n,
			MSG_NOSIGNAL | MSG_DONTWAIT);
		close(waiting[i]);
	}
	free(waiting);
}

int control_say(int dirfd, char *const *words, int *status, struct buf *text,
	struct why *why)
{
	return control_say_within(dirfd, words, -1, status, text, why);
}

int control_say_within(int dirfd, char *const *words, int64_t ms, int *status,
	struct buf *text, struct why *why)
{
	struct timeval limit = { ms / 1000, ms % 1000 * 1000 };
	struct sockaddr_un a;
	struct buf out = { 0 };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), ret = -1;
	char *end;
	ssize_t n;

	if (fd == -1)
		return why_sys(why, "cannot create a socket");
	address(dirfd, &a);
	if (ms > 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	if (connect(fd, (struct sockaddr *)&a, sizeof(a)) == -1) {
		ret = errno == ENOENT || errno == ECONNREFUSED ? 1 :
			why_sys(why, "cannot reach the running durexec");
		goto out;
	}
	for (; *words != NULL; words++)
		buf_add(&out, *words, strlen(*words) + 1);
	buf_char(&out, '\0');
	if (send(fd, out.data, out.len, MSG_NOSIGNAL) != (ssize_t)out.len) {
		ret = 1;
		goto out;
	}
	do {
		buf_reserve(text, 4096);
		n = io_read(fd, text->data + text->len, 4096);
		if (n > 0)
			text->len += (size_t)n;
	} while (n > 0);
	if (text->data != NULL)
		text->data[text->len] = '\0';
	/* No answer: it ended before it could give one. */
	end = text->data != NULL ? strchr(text->data, '\n') : NULL;
	if (end == NULL) {
		ret = 1;
		goto out;
	}
	*status = (int)strtol(text->data, NULL, 10);
	text->len -= (size_t)(end + 1 - text->data);
	memmove(text->data, end + 1, text->len + 1);
	ret = 0;
out:
	buf_release(&out);
	close(fd);
	return ret;
}
