/* SPDX-License-Identifier: ISC */

/*
 * disk N DIR
 *
 * What of a durable step is the disk's. Prints two numbers, in microseconds:
 * appending a record of 100 bytes with an fdatasync, into space that was
 * reserved before; and creating an empty file. The second is about ten, but
 * hundreds for some minutes after a big "rm -r" on an ext4 without a journal,
 * which steps over inodes that were freed lately. DIR is made, and has to be
 * new.
 */

#define _GNU_SOURCE 1

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define RECORD_SIZE 100

static double
now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

static int
append_records(int dir, long total)
{
	char record[RECORD_SIZE];
	int fd = openat(dir, "records",
	    O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600);

	if (fd == -1)
		return -1;
	/* A file system that cannot reserve is measured as it is. */
	(void)fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, total * RECORD_SIZE);
	if (fsync(fd) == -1)
		return -1;
	memset(record, '.', sizeof(record));
	record[RECORD_SIZE - 1] = '\n';

	double began = now_us();

	for (long i = 0; i < total; i++) {
		if (write(fd, record, RECORD_SIZE) != RECORD_SIZE ||
		    fdatasync(fd) == -1)
			return -1;
	}
	printf("%.0f", (now_us() - began) / (double)total);
	return close(fd);
}

static int
create_files(int dir, long total)
{
	double began = now_us();

	for (long i = 0; i < total; i++) {
		char name[32];
		int fd;

		snprintf(name, sizeof(name), "%ld", i);
		fd = openat(dir, name,
		    O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		if (fd == -1 || close(fd) == -1)
			return -1;
	}
	printf(" %.0f\n", (now_us() - began) / (double)total);
	return 0;
}

int
main(int argc, char **argv)
{
	long total;
	int dir;

	if (argc != 3 || (total = atol(argv[1])) < 1) {
		fprintf(stderr, "usage: disk N DIR\n");
		return 2;
	}
	if (mkdir(argv[2], 0700) == -1 ||
	    (dir = open(argv[2], O_RDONLY | O_DIRECTORY | O_CLOEXEC)) == -1 ||
	    append_records(dir, total) == -1 ||
	    create_files(dir, total) == -1) {
		perror(argv[2]);
		return 1;
	}
	return 0;
}
