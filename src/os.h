/* SPDX-License-Identifier: ISC */
/*
 * os: what Linux has beyond POSIX, in one place, so that another system needs
 * one more file.
 */
#ifndef OS_H
#define OS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Orphans among our descendants become our children. -1 + errno. */
int os_become_subreaper(void);
/* This process is sent KILL when its parent dies; false when the parent, which
 * was `parent`, is dead already. */
bool os_die_with_parent(pid_t parent);
/* Every signal's default action; sigaction(2) of the C library refuses the two
 * that it keeps for threads, which may have been left ignored as well. */
void os_default_signals(void);
/* The name shown by ps -o comm; 15 bytes. */
void os_set_name(const char *name);

int os_pidfd(pid_t pid);			/* CLOEXEC; -1 + errno */
int os_pidfd_signal(int pidfd, int signo);	/* -1 + errno */
void os_close_from(int first);

/* CPUs that this process may use, at least 1. */
int os_cpus(void);

/* Of this boot; 36 characters, or "unknown". */
const char *os_boot_id(void);
/* Clock ticks since boot at which pid started; -1: no such process. */
int64_t os_start_time(pid_t pid);
/* -1: no such process. */
pid_t os_parent(pid_t pid);
/* It is there, and no zombie. */
bool os_runs(pid_t pid);
/* How often the kernel killed for lack of memory since boot; -1 unknown. */
int64_t os_oom_kills(void);

/*
 * Send signo once to every descendant of this process, but not to members of
 * the process group `except` (0: nobody is excepted), nor to the children in
 * `spare` (may be NULL) and what is below them. Reads
 * /proc/PID/task/TID/children; each pid is held by a pidfd and its parent
 * checked again before it is signalled, so a reused pid is never hit.
 * Returns how many were signalled; *last (may be NULL) is one of them.
 */
struct os_pids {
	pid_t *v;
	size_t n;
};
int os_signal_descendants(int signo, pid_t except,
	const struct os_pids *spare, pid_t *last);
/*
 * SIGSTOP to the same, parents first: one that has been sent it forks no more,
 * so when nobody is found who had not, nobody is left who does, however fast
 * they were. Returns how many were found.
 */
int os_stop_descendants(pid_t except, const struct os_pids *spare);

/* Be scheduled before all others, if we may (root may), until `yes` is false:
 * nothing is forked meanwhile. */
void os_hurry(bool yes);

/* Our children; the caller frees pids->v. */
void os_children(struct os_pids *pids);

/*
 * Find processes of this user that belong to a lost attempt: the environment
 * holds the entry `mark` (NAME=VALUE; when it ends in a slash, one that begins
 * so), or a descriptor is open for writing on one of the nfiles (device, inode)
 * pairs. Send KILL to each (by pidfd, and never to `spare` nor to ourselves).
 * Returns how many were found; *last one.
 * -1 + errno: there are no descriptors to look with.
 */
struct os_file {
	dev_t dev;
	ino_t ino;
};
int os_kill_marked(const char *mark, const struct os_file *file, int nfiles,
	pid_t spare, pid_t *last);

/* The file system of fd is a network one: its name ("nfs"), else NULL. */
const char *os_network_fs(int fd);

#endif
