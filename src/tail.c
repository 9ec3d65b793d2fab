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
	int fd = io_open(dirfd, path, O_RDONLY);
	bool shown;

	if (fd == -1)
		return false;
	shown = tail_fd(out, fd, lines, before);
	close(fd);
	return shown;
}

void tail_bytes(int fd, size_t bytes, struct buf *out)
{
	struct mask *secrets = safe_secrets();
	/* one that begins before it is hidden, too */
	size_t most = bytes + secrets->longest, from;
	struct stat st;
	ssize_t n;
	char *text;

	if (fstat(fd, &st) == -1 || !S_ISREG(st.st_mode) || st.st_size == 0)
		return;
	(void)lseek(fd, st.st_size > (off_t)most ? st.st_size - (off_t)most :
		0, SEEK_SET);
	text = mem_alloc(most);
	n = io_read(fd, text, most);
	from = n > (ssize_t)bytes ? (size_t)n - bytes : 0;
	if (n > 0)
		mask_part(secrets, text, (size_t)n, from, (size_t)n, out);
	free(text);
}

bool tail_fd(struct buf *out, int fd, int lines, const char *before)
{
	char *start, *end, *line, *nl, *cr;
	struct buf text = { 0 };
	bool shown = false;

	tail_bytes(fd, LOOK_AT, &text);
	if (text.len == 0)
		goto out;
	end = text.data + text.len;
	if (end[-1] == '\n')
		end--;
	for (start = end; start > text.data; start--)
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
	buf_release(&text);
	return shown;
}
