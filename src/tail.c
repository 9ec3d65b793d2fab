/* SPDX-License-Identifier: ISC */
#include "tail.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io.h"
#include "mem.h"
#include "safe.h"

enum { LOOK_AT = 64 * 1024, LONGEST = 500 };

bool tail_add(struct buf *out, int dirfd, const char *path, int lines,
	const char *before)
{
	int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	bool shown;

	if (fd == -1)
		return false;
	shown = tail_fd(out, fd, lines, before);
	close(fd);
	return shown;
}

bool tail_fd(struct buf *out, int fd, int lines, const char *before)
{
	char *text = NULL, *start, *end, *line, *nl, *cr;
	struct stat st;
	ssize_t n = 0;
	bool shown = false;

	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0) {
		(void)lseek(fd, st.st_size > LOOK_AT ?
			st.st_size - LOOK_AT : 0, SEEK_SET);
		text = mem_alloc(LOOK_AT + 1);
		n = io_read(fd, text, LOOK_AT);
	}
	if (n <= 0)
		goto out;
	end = text + n;
	if (end[-1] == '\n')
		end--;
	for (start = end; start > text; start--)
		if (start[-1] == '\n' && --lines == 0)
			break;
	for (line = start; line <= end && start < end; line = nl + 1) {
		nl = memchr(line, '\n', (size_t)(end - line));
		if (nl == NULL)
			nl = end;
		/* what a progress bar overwrote is not worth a line */
		if (nl > line && nl[-1] == '\r' && nl - 1 > line)
			nl[-1] = ' ';
		cr = memrchr(line, '\r', (size_t)(nl - line));
		if (cr != NULL)
			line = cr + 1;
		buf_str(out, before);
		safe_line(out, line, nl - line > LONGEST ? LONGEST :
			(size_t)(nl - line));
		buf_char(out, '\n');
		shown = true;
	}
out:
	free(text);
	return shown;
}
