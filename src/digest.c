/* SPDX-License-Identifier: ISC */
#include "digest.h"

#include <string.h>

/* The specification's primes. */
#define P1 0x9e3779b185ebca87ull
#define P2 0xc2b2ae3d27d4eb4full
#define P3 0x165667b19e3779f9ull
#define P4 0x85ebca77c2b2ae63ull
#define P5 0x27d4eb2f165667c5ull

enum { STRIPE = 32 };

static uint64_t turn(uint64_t x, int bits)
{
	return x << bits | x >> (64 - bits);
}

/* Least byte first, on any machine. Written out, a compiler makes one load of
 * it. */
static uint64_t word4(const unsigned char *p)
{
	return (uint64_t)p[0] | (uint64_t)p[1] << 8 | (uint64_t)p[2] << 16 |
		(uint64_t)p[3] << 24;
}

static uint64_t word8(const unsigned char *p)
{
	return word4(p) | word4(p + 4) << 32;
}

static uint64_t round_of(uint64_t acc, uint64_t lane)
{
	return turn(acc + lane * P2, 31) * P1;
}

static void stripe(struct digest *d, const unsigned char *p)
{
	d->lane[0] = round_of(d->lane[0], word8(p));
	d->lane[1] = round_of(d->lane[1], word8(p + 8));
	d->lane[2] = round_of(d->lane[2], word8(p + 16));
	d->lane[3] = round_of(d->lane[3], word8(p + 24));
}

void digest_init(struct digest *d)
{
	memset(d, 0, sizeof(*d));
	d->lane[0] = P1 + P2;
	d->lane[1] = P2;
	d->lane[3] = 0 - P1;
}

void digest_add(struct digest *d, const void *data, size_t n)
{
	const unsigned char *p = data;
	size_t have = d->total % STRIPE;

	d->total += n;
	if (have > 0) {
		size_t part = n < STRIPE - have ? n : STRIPE - have;

		memcpy(d->rest + have, p, part);
		if (have + part < STRIPE)
			return;
		stripe(d, d->rest);
		p += part;
		n -= part;
	}
	for (; n >= STRIPE; p += STRIPE, n -= STRIPE)
		stripe(d, p);
	if (n > 0)
		memcpy(d->rest, p, n);
}

uint64_t digest_value(const struct digest *d)
{
	static const int turns[] = { 1, 7, 12, 18 };
	const unsigned char *p = d->rest;
	size_t left = d->total % STRIPE;
	uint64_t h = P5;
	int i;

	if (d->total >= STRIPE) {
		h = 0;
		for (i = 0; i < 4; i++)
			h += turn(d->lane[i], turns[i]);
		for (i = 0; i < 4; i++)
			h = (h ^ round_of(0, d->lane[i])) * P1 + P4;
	}
	h += d->total;
	for (; left >= 8; p += 8, left -= 8)
		h = turn(h ^ round_of(0, word8(p)), 27) * P1 + P4;
	if (left >= 4) {
		h = turn(h ^ word4(p) * P1, 23) * P2 + P3;
		p += 4;
		left -= 4;
	}
	for (; left > 0; p++, left--)
		h = turn(h ^ *p * P5, 11) * P1;
	h = (h ^ h >> 33) * P2;
	h = (h ^ h >> 29) * P3;
	return h ^ h >> 32;
}
