/* SPDX-License-Identifier: ISC */
/*
 * values: the small languages of pipeline values: yes and no, counts,
 * durations, sizes, money, exit codes, signals, lists. Text comes without
 * blanks at its ends (values_trim). What cannot be read is -1, and why->text
 * then says what was expected, without repeating the text.
 */
#ifndef VALUES_H
#define VALUES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mem.h"
#include "msg.h"
#include "pipeline.h"

/* Blanks and newlines at both ends go; changes text, returns its new start. */
char *values_trim(char *text);

/* [A-Za-z_][A-Za-z0-9_]*, what a shell takes as the name of a variable. */
bool values_is_variable(const char *name);

int values_bool(const char *text, bool *out, struct why *why);
int values_int(const char *text, int min, int max, int *out, struct why *why);
/* ms; "0" is 0 */
int values_duration(const char *text, int64_t *ms, struct why *why);
/* "10M", "2G", "512" (bytes), "1.5G"; K M G T count by 1024 */
int values_size(const char *text, int64_t *bytes, struct why *why);
/* "12", "0.30", "$3": millionths; at most six digits behind the point */
int values_money(const char *text, int64_t *millionths, struct why *why);
/* "2", "1.5": from 1 to 100 */
int values_factor(const char *text, double *factor, struct why *why);
/* "10", "10%": from 0 to 100 */
int values_percent(const char *text, int *percent, struct why *why);
int values_umask(const char *text, int *mask, struct why *why);
/* "TERM", "SIGTERM", "15"; only signals that can end a process */
int values_signal(const char *text, int *sig, struct why *why);
/* "0 3 10-12" adds its codes to set, a bit for each of 0..255 */
int values_exits(const char *text, uint8_t set[32], struct why *why);
/* "no" 0, "yes" 1, "N", "N%" */
int values_fail_fast(const char *text, int *n, bool *percent,
	struct why *why);

/* Split at commas, blanks and newlines. Words and array are the arena's. */
struct strlist values_list(struct arena *arena, const char *text);

/* "step:NAME" -> NAME; NULL: it is something else. */
const char *values_step(const char *text);

/* The names values_signal() takes, without SIG, for "did you mean". */
const char *const *values_signal_names(size_t *n);

#endif
