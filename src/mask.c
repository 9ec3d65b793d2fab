/* SPDX-License-Identifier: ISC */
/* The automaton of Aho and Corasick ("Efficient string matching", 1975): a tree
 * of all secrets, in which each node knows where to go on when the next byte
 * does not fit. Most text has nothing to do with a secret: it is gone over two
 * bytes at a time against a table, without the automaton. */
#include "mask.h"

#include <stdlib.h>
#include <string.h>

#include "mem.h"

/* A line of a secret that is shorter ("}", "-----") would hide too much that is
 * none. */
enum { LINE_LEAST = 8 };

static const char stars[] = "***";

/* Where a text has come to that ends in the first `depth` bytes of a secret.
 * Links to nodes are indices; 0, the root, is none. */
struct mask_node {
	int child, sibling;	/* one byte more; another last byte */
	int fail;		/* the longest other beginning of a secret that
				   the text ends in, too */
	unsigned depth;
	unsigned match;		/* length of the longest secret that the text
				   ends in; before linking: depth, or 0 */
	unsigned char byte;	/* the last one */
};

/* text[start, end) */
struct mask_span {
	size_t start, end;
};

bool mask_empty(const struct mask *m)
{
	return m->n == 0;
}

void mask_release(struct mask *m)
{
	free(m->node);
	free(m->begins);
	memset(m, 0, sizeof(*m));
}

static int child(const struct mask *m, int at, unsigned char byte)
{
	int k = at == 0 ? m->first[byte] : m->node[at].child;

	while (k != 0 && m->node[k].byte != byte)
		k = m->node[k].sibling;
	return k;
}

static int new_node(struct mask *m)
{
	m->node = mem_grow(m->node, m->n, &m->cap, sizeof(*m->node));
	memset(&m->node[m->n], 0, sizeof(*m->node));
	return (int)m->n++;
}

static void add(struct mask *m, const char *value, size_t n)
{
	int at = 0, next;

	if (m->n == 0)
		new_node(m);
	for (size_t i = 0; i < n; i++, at = next) {
		next = child(m, at, (unsigned char)value[i]);
		if (next != 0)
			continue;
		next = new_node(m);
		m->node[next].byte = (unsigned char)value[i];
		m->node[next].depth = (unsigned)i + 1;
		m->node[next].sibling = m->node[at].child;
		m->node[at].child = next;
		if (at == 0)
			m->first[m->node[next].byte] = next;
	}
	/* it is there already */
	if (m->node[at].match == n)
		return;
	m->node[at].match = (unsigned)n;
	if (n > m->longest)
		m->longest = n;
	m->linked = false;
}

void mask_add(struct mask *m, const char *value, size_t n)
{
	static const char blanks[] = { ' ', '\t', '\r', '\n' };
	const char *line = value, *end = value + n, *nl;
	size_t len;

	for (len = 0; len < n && memchr(blanks, value[len], sizeof(blanks)) !=
	    NULL; len++)
		;
	if (len == n)
		return;
	add(m, value, n);
	if (memchr(value, '\n', n) == NULL)
		return;
	for (; line < end; line = nl + 1) {
		nl = memchr(line, '\n', (size_t)(end - line));
		if (nl == NULL)
			nl = end;
		len = (size_t)(nl - line);
		if (len > 0 && line[len - 1] == '\r')
			len--;
		if (len >= LINE_LEAST)
			add(m, line, len);
	}
}

/* The pair as a number, whichever order the machine has. */
static unsigned pair(const char *two)
{
	uint16_t number;

	memcpy(&number, two, sizeof(number));
	return number;
}

static void begins_with(struct mask *m, unsigned char a, unsigned char b)
{
	unsigned number = pair((const char[]){ (char)a, (char)b });

	m->begins[number / 8] |= (unsigned char)(1u << number % 8);
}

static void fill_begins(struct mask *m)
{
	const struct mask_node *v = m->node;

	free(m->begins);
	m->begins = mem_alloc(65536 / 8);
	for (int a = v[0].child; a != 0; a = v[a].sibling) {
		for (int b = 0; v[a].match != 0 && b < 256; b++)
			begins_with(m, v[a].byte, (unsigned char)b);
		for (int b = v[a].child; b != 0; b = v[b].sibling)
			begins_with(m, v[a].byte, v[b].byte);
	}
}

static int step(const struct mask *m, int at, unsigned char byte)
{
	int next;

	while ((next = child(m, at, byte)) == 0 && at != 0)
		at = m->node[at].fail;
	return next;
}

/* Find the `fail` of each node, the shorter ones first. */
static void link_nodes(struct mask *m)
{
	struct mask_node *v = m->node;
	int *queue = mem_alloc(m->n * sizeof(*queue)), at, k;
	size_t head = 0, tail = 1;

	while (head < tail) {
		at = queue[head++];
		for (k = v[at].child; k != 0; k = v[k].sibling) {
			queue[tail++] = k;
			v[k].fail = at == 0 ? 0 :
				step(m, v[at].fail, v[k].byte);
			/* again, when secrets joined: it was a secret's end
			 * only if it is as long as the node is deep */
			if (v[k].match != v[k].depth)
				v[k].match = v[v[k].fail].match;
			/* a secret's end that begins nothing longer is no
			 * place to go on from */
			if (v[v[k].fail].child == 0)
				v[k].fail = v[v[k].fail].fail;
		}
	}
	free(queue);
	fill_begins(m);
	m->linked = true;
}

/* A secret ends at `end`: it joins what it touches. */
static void hide(struct mask_spans *s, size_t start, size_t end)
{
	while (s->n > 0 && s->v[s->n - 1].end >= start) {
		s->n--;
		if (s->v[s->n].start < start)
			start = s->v[s->n].start;
	}
	s->v = mem_grow(s->v, s->n, &s->cap, sizeof(*s->v));
	s->v[s->n++] = (struct mask_span){ start, end };
}

/* Go over text[i, n) from the node `at`; returns the one at its end. */
static int scan(struct mask *m, int at, const char *text, size_t i, size_t n,
	struct mask_spans *spans)
{
	const struct mask_node *v;
	unsigned number;

	if (!m->linked)
		link_nodes(m);
	v = m->node;
	while (i < n) {
		for (; at == 0 && i + 1 < n; i++) {
			number = pair(text + i);
			if (m->begins[number / 8] >> number % 8 & 1)
				break;
		}
		at = step(m, at, (unsigned char)text[i++]);
		if (v[at].match != 0)
			hide(spans, i - v[at].match, i);
		if (v[at].child == 0)
			at = v[at].fail;
	}
	return at;
}

/* Append text[from, to). *hiding: the byte before it was hidden. */
static void show(const char *text, size_t from, size_t to,
	const struct mask_spans *spans, bool *hiding, struct buf *out)
{
	for (size_t i = 0; i < spans->n && from < to; i++) {
		size_t start = spans->v[i].start, end = spans->v[i].end;

		if (end <= from)
			continue;
		if (start >= to)
			break;
		if (start > from) {
			buf_add(out, text + from, start - from);
			*hiding = false;
		}
		if (!*hiding)
			buf_str(out, stars);
		*hiding = true;
		from = end;
	}
	if (from < to) {
		buf_add(out, text + from, to - from);
		*hiding = false;
	}
}

void mask_part(struct mask *m, const char *text, size_t n, size_t from,
	size_t to, struct buf *out)
{
	struct mask_spans spans = { 0 };
	bool hiding = false;
	/* no secret that reaches into it goes further than this */
	size_t low = from > m->longest ? from - m->longest : 0;
	size_t high = n - to > m->longest ? to + m->longest : n;

	if (from == to)
		return;
	if (!mask_empty(m))
		(void)scan(m, 0, text + low, 0, high - low, &spans);
	show(text + low, from - low, to - low, &spans, &hiding, out);
	free(spans.v);
}

void mask_text(struct mask *m, struct buf *text)
{
	struct buf out = { 0 };

	if (mask_empty(m) || text->len == 0)
		return;
	mask_part(m, text->data, text->len, 0, text->len, &out);
	buf_release(text);
	*text = out;
}

/* Give out the first n bytes of what is held. */
static void give_out(struct mask_stream *s, size_t n, struct buf *out)
{
	struct mask_spans *p = &s->spans;
	size_t i, left = 0;

	show(s->held.data, 0, n, p, &s->hiding, out);
	for (i = 0; i < p->n; i++)
		if (p->v[i].end > n) {
			p->v[left].start = p->v[i].start > n ?
				p->v[i].start - n : 0;
			p->v[left++].end = p->v[i].end - n;
		}
	p->n = left;
	s->held.len -= n;
	memmove(s->held.data, s->held.data + n, s->held.len);
}

void mask_feed(struct mask_stream *s, const char *piece, size_t n,
	struct buf *out)
{
	size_t had = s->held.len;

	if (mask_empty(s->m)) {
		buf_add(out, piece, n);
		return;
	}
	buf_add(&s->held, piece, n);
	s->at = scan(s->m, s->at, s->held.data, had, s->held.len, &s->spans);
	give_out(s, s->held.len - s->m->node[s->at].depth, out);
}

void mask_flush(struct mask_stream *s, struct buf *out)
{
	if (s->held.len > 0)
		give_out(s, s->held.len, out);
	s->at = 0;
	s->hiding = false;
}

void mask_stop(struct mask_stream *s)
{
	buf_release(&s->held);
	free(s->spans.v);
	memset(&s->spans, 0, sizeof(s->spans));
}
