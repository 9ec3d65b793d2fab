/* SPDX-License-Identifier: ISC */
/*
 * digest: the XXH64 hash of a stream of bytes, with seed 0, as the "xxHash fast
 * digest algorithm" specification (0.1.1, section XXH64) describes it. It goes
 * through gigabytes as fast as a disk reads them; it tells contents apart, and
 * is no proof against somebody who wants two to look the same.
 */
#ifndef DIGEST_H
#define DIGEST_H

#include <stddef.h>
#include <stdint.h>

struct digest {
	uint64_t lane[4];
	uint64_t total;			/* bytes so far */
	unsigned char rest[32];		/* total % 32 of them, not taken in */
};

void digest_init(struct digest *d);
void digest_add(struct digest *d, const void *data, size_t n);
/* Of all that was added; more may be added behind it. */
uint64_t digest_value(const struct digest *d);

#endif
