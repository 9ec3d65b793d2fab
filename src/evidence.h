/* SPDX-License-Identifier: ISC */
/*
 * evidence: what judging an attempt needs, read from what it left: its logs,
 * $DUREXEC_WAIT, headers that it kept in $DUREXEC_DIR.
 */
#ifndef EVIDENCE_H
#define EVIDENCE_H

#include "buf.h"
#include "judge.h"
#include "rundir.h"

struct proof {
	struct evidence e;
	struct buf out, err, wait, headers, result, missing;
};

/*
 * Fill p->e for the end of the task's phase, as far as judge_asks() says that
 * it is needed; what cannot be read counts as not written. Patterns see the
 * last JUDGE_TAIL bytes of each log; `receipt` is looked for in all of them.
 * Zero-initialise p first; the buffers are reused.
 */
void evidence_read(struct proof *p, const struct rundir *d,
	const struct state *s, const struct stepconf *conf,
	const struct task *t, const struct report *report,
	struct pattern_cache *cache);
void evidence_release(struct proof *p);
/* The last `most` bytes of a regular file, CR LF as LF, NUL-ended when there
 * are any. */
void evidence_end(int fd, size_t most, struct buf *out);

/* Name below the run directory of the file that $DUREXEC_WAIT names. */
void evidence_wait_name(struct buf *out, const struct state *s,
	const struct task *t);

#endif
