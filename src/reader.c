/* SPDX-License-Identifier: ISC */
/* "durexec inputs …": the process that reads what inputs.c has found. */
#include "inputs.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "io.h"

/* What is known already comes by stdin, as lines of our own. */
static void read_known(struct inputs *known, struct table *names)
{
	enum { PART = 256 * 1024, MOST = 256 * 1024 * 1024 };
	struct buf text = { 0 };
	ssize_t n;
	size_t i;

	do {
		buf_reserve(&text, PART);
		n = io_read(STDIN_FILENO, text.data + text.len, PART);
		text.len += n > 0 ? (size_t)n : 0;
	} while (n == PART && text.len < MOST);
	/* what is not understood is read anew */
	(void)inputs_parse(text.data, text.len, known, NULL);
	for (i = 0; i < known->n; i++)
		if (table_get(names, known->v[i].path) == TABLE_NONE)
			table_put(names, known->v[i].path, (int)i);
	buf_release(&text);
}

static bool take_known(const struct inputs *known, const struct table *names,
	struct input *one)
{
	int i = table_get(names, one->path);

	if (i == TABLE_NONE || known->v[i].size != one->size ||
	    known->v[i].mtime != one->mtime)
		return false;
	one->hash = known->v[i].hash;
	return true;
}

int inputs_main(int argc, char **argv)
{
	struct inputs in = { 0 }, known = { 0 };
	struct table names = { 0 };
	struct buf out = { 0 };
	struct why why;
	size_t i;
	int ret;

	if (argc < 2)
		return INPUTS_FAILED;
	ret = inputs_list(argv, true, &in);
	read_known(&known, &names);
	for (i = 0; i < in.n && ret == INPUTS_READ; i++) {
		struct input *one = &in.v[i];
		const char *path = one->path;

		if (one->size >= 0 && !take_known(&known, &names, one) &&
		    inputs_read(argv[0], path, one, &why) == -1) {
			fprintf(stderr, "%s\n", why.text);
			ret = inputs_status(&why);
		}
		inputs_line(one, &out);
	}
	if (ret == INPUTS_READ && out.len > 0 &&
	    io_write(STDOUT_FILENO, out.data, out.len) == -1) {
		fprintf(stderr, "cannot say what was read: %s\n",
			strerror(errno));
		ret = INPUTS_FAILED;
	}
	buf_release(&out);
	inputs_release(&in);
	inputs_release(&known);
	table_release(&names);
	return ret;
}
