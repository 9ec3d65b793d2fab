/* SPDX-License-Identifier: ISC */
/*
 * mask: secrets that no text shows. A byte of a text is hidden when it is part
 * of an occurrence of a secret; each run of hidden bytes becomes "***". So
 * secrets may overlap, hold each other and follow upon each other, and a text
 * that comes in pieces becomes the same wherever it was cut.
 *
 * The time is linear in the text, whatever the secrets are.
 */
#ifndef MASK_H
#define MASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"

/* Zero-initialised is empty. */
struct mask {
	struct mask_node *node;		/* [0] is the root; see mask.c */
	size_t n, cap;
	int first[256];			/* children of the root */
	unsigned char *begins;		/* bit for each two bytes that a secret
					   may begin with */
	size_t longest;			/* length of a secret */
	bool linked;
};

/* Add a secret, byte for byte; one of nothing but blanks and newlines is none.
 * Output is looked at a line at a time: so of a value of several lines each
 * that has at least 8 bytes is a secret by itself, without its LF or CR LF. */
void mask_add(struct mask *m, const char *value, size_t n);
bool mask_empty(const struct mask *m);
void mask_release(struct mask *m);

/* Hide them in a whole text. */
void mask_text(struct mask *m, struct buf *text);

/* Append text[from, to) to out, as it looks in the whole text (n bytes): a
 * secret that is only half in it is hidden, too. */
void mask_part(struct mask *m, const char *text, size_t n, size_t from,
	size_t to, struct buf *out);

/* What of a text is hidden: ascending, apart. */
struct mask_spans {
	struct mask_span *v;
	size_t n, cap;
};

/*
 * A text in pieces: mask_feed() each, mask_flush() once, mask_stop(). What may
 * be the first part of a secret at the end of a piece is kept back until what
 * follows is known. Secrets may be added meanwhile; they count from then on.
 * Zero-initialise it and set m.
 */
struct mask_stream {
	struct mask *m;
	struct buf held;		/* read, not given out */
	int at;				/* node: the longest beginning of a
					   secret at the end of held */
	struct mask_spans spans;	/* of held */
	bool hiding;			/* the last byte given out was hidden */
};

void mask_feed(struct mask_stream *s, const char *piece, size_t n,
	struct buf *out);
/* It goes no further: what was kept back is no secret. */
void mask_flush(struct mask_stream *s, struct buf *out);
void mask_stop(struct mask_stream *s);

#endif
