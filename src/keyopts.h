/* SPDX-License-Identifier: ISC */
/*
 * keyopts: keys of a step as options of a command line: retry_delay as
 * --retry-delay D, verify.NAME as --verify SCRIPT. (--env NAME=VALUE sets our own
 * environment, which is the command's: a value on a command line is what it
 * is.) The others become the lines of a [step NAME] section, so they mean, and
 * are refused for, what they are in a pipeline file.
 */
#ifndef KEYOPTS_H
#define KEYOPTS_H

#include <getopt.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "pipeline.h"

/* Options of ours have a `val` of at least this. */
enum { KEYOPTS_FIRST = 1000 };

struct keyopts {
	struct keyopts_value *v;
	size_t n, cap;
	char *name[KEY_COUNT];		/* of the options, "retry-delay" */
	uint64_t env;			/* hash of what --env has set; 0 none */
};

void keyopts_init(struct keyopts *k);
void keyopts_release(struct keyopts *k);

/* Append the options for the keys that `wanted` says yes to; returns how many
 * there are then. */
size_t keyopts_options(struct keyopts *k, bool (*wanted)(enum step_key key),
	struct option *list, size_t n);
/* One that getopt_long() found, by its val. -1 + why. */
int keyopts_take(struct keyopts *k, int val, const char *arg,
	struct why *why);
/* Append "key = value" lines. */
void keyopts_write(const struct keyopts *k, struct buf *out);

/* Append KEY = VALUE, with a value of several lines indented below. */
void keyopts_line(struct buf *out, const char *key, const char *value);
/* The same of a value that stands for itself: "${" in it is no reference. */
void keyopts_literal(struct buf *out, const char *key, const char *value);

#endif
