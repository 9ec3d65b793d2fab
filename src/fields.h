/* SPDX-License-Identifier: ISC */
/*
 * fields: the time that a field of a text names: a header of HTTP, a key of
 * JSON and of what is printed like it. Times are ms since the epoch.
 */
#ifndef FIELDS_H
#define FIELDS_H

#include <stdbool.h>
#include <stdint.h>

#include "scan.h"

/* The names and what counts of several: see until_in_headers() in until.h. */
bool fields_find(const struct scan *all, int64_t now, int64_t *at);

#endif
