/* SPDX-License-Identifier: ISC */
/*
 * preflight: everything that can be asked before step one, of every step that
 * is not done yet: what it requires, its checks, its files, its programs. Runs
 * nothing but `check` commands and writes nothing.
 */
#ifndef PREFLIGHT_H
#define PREFLIGHT_H

#include "complaints.h"
#include "plan.h"

/*
 * plan NULL: no run yet, all steps are asked. thorough: also what an earlier
 * step may yet bring about (programs, input files, directories), for
 * --dry-run. Complaints name ini, the file as the user did.
 */
void preflight(const struct pipeline *p, const struct plan *plan,
	const char *ini, bool thorough, struct complaints *complaints);

#endif
