/* SPDX-License-Identifier: ISC */
#include "os.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "io.h"

int os_become_subreaper(void)
{
	return prctl(PR_SET_CHILD_SUBREAPER, 1L, 0L, 0L, 0L);
}

bool os_die_with_parent(pid_t parent)
{
	prctl(PR_SET_PDEATHSIG, (long)SIGKILL, 0L, 0L, 0L);
	return getppid() == parent;
}

void os_default_signals(void)
{
	/* The kernel's struct sigaction, larger on no architecture: all zero
	 * is SIG_DFL without flags. */
	static const char dfl[64];
	int signo;

	for (signo = 1; signo < NSIG; signo++)
		syscall(SYS_rt_sigaction, signo, dfl, NULL, (size_t)_NSIG / 8);
}

void os_set_name(const char *name)
{
	prctl(PR_SET_NAME, name, 0L, 0L, 0L);
}

int os_pidfd(pid_t pid)
{
	return (int)syscall(SYS_pidfd_open, pid, 0);
}

int os_pidfd_signal(int pidfd, int signo)
{
	return (int)syscall(SYS_pidfd_send_signal, pidfd, signo, NULL, 0);
}

void os_close_from(int first)
{
	int fd, most;

	if (syscall(SYS_close_range, (unsigned)first, ~0u, 0u) == 0)
		return;
	/* Before Linux 5.9 */
	most = (int)sysconf(_SC_OPEN_MAX);
	for (fd = first; fd < most; fd++)
		close(fd);
}

int os_cpus(void)
{
	cpu_set_t set;
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	if (sched_getaffinity(0, sizeof(set), &set) == 0)
		n = CPU_COUNT(&set);
	return n > 0 ? (int)n : 1;
}

/* A small file of /proc, without malloc (the keeper calls this). Returns the
 * length, NUL-ended, or -1. */
static ssize_t read_proc(int dirfd, const char *path, char *out, size_t size)
{
	int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd == -1)
		return -1;
	n = io_read(fd, out, size - 1);
	close(fd);
	if (n >= 0)
		out[n] = '\0';
	return n;
}

const char *os_boot_id(void)
{
	static char id[37];

	if (id[0] == '\0') {
		ssize_t n = read_proc(AT_FDCWD,
			"/proc/sys/kernel/random/boot_id", id, sizeof(id));

		if (n < 36)
			snprintf(id, sizeof(id), "unknown");
	}
	return id;
}

/* The fields after the command's closing parenthesis, which may hold blanks
 * and parentheses itself: proc(5). */
static const char *stat_fields(const char *path, char *out, size_t size)
{
	const char *p;

	if (read_proc(AT_FDCWD, path, out, size) <= 0)
		return NULL;
	p = strrchr(out, ')');
	return p != NULL && p[1] == ' ' ? p + 2 : NULL;
}

int64_t os_start_time(pid_t pid)
{
	char path[64], text[1024];
	const char *p;
	int i;

	snprintf(path, sizeof(path), "/proc/%ld/stat", (long)pid);
	p = stat_fields(path, text, sizeof(text));
	/* p is at field 3; the start time is field 22. */
	for (i = 3; p != NULL && i < 22; i++) {
		p = strchr(p, ' ');
		if (p != NULL)
			p++;
	}
	return p != NULL ? strtoll(p, NULL, 10) : -1;
}

static pid_t parent_of(pid_t pid)
{
	char path[64], text[1024];
	const char *p;

	snprintf(path, sizeof(path), "/proc/%ld/stat", (long)pid);
	p = stat_fields(path, text, sizeof(text));
	/* "S ppid": one letter of state first */
	return p != NULL && p[0] != '\0' ? (pid_t)strtol(p + 1, NULL, 10) : -1;
}

int64_t os_oom_kills(void)
{
	char text[16384];
	const char *p;

	if (read_proc(AT_FDCWD, "/proc/vmstat", text, sizeof(text)) <= 0)
		return -1;
	p = strstr(text, "\noom_kill ");
	return p != NULL ? strtoll(p + 10, NULL, 10) : -1;
}

/* Signal pid if its parent is still `parent`. */
static bool signal_child(pid_t pid, pid_t parent, int signo, pid_t except)
{
	int fd = os_pidfd(pid);
	bool done = false;

	if (fd == -1)
		return false;
	if (parent_of(pid) == parent &&
	    (except == 0 || getpgid(pid) != except))
		done = os_pidfd_signal(fd, signo) == 0;
	close(fd);
	return done;
}

static int signal_below(pid_t pid, int signo, pid_t except, int depth,
	pid_t *last)
{
	/* Deeper than any sane tree; the KILL loop of the keeper comes back
	 * for what hangs below, as orphans move up to it. */
	enum { DEEPEST = 64 };
	char path[64], *text, *p, *end;
	const size_t size = 16384;
	int n = 0;

	if (depth > DEEPEST)
		return 0;
	text = malloc(size);
	if (text == NULL)
		return 0;
	/* Children of the first thread only: a step's threads that fork are
	 * found once they are orphans. */
	snprintf(path, sizeof(path), "/proc/%ld/task/%ld/children", (long)pid,
		(long)pid);
	if (read_proc(AT_FDCWD, path, text, size) > 0) {
		for (p = text; ; p = end) {
			pid_t child = (pid_t)strtol(p, &end, 10);

			if (end == p || child <= 0)
				break;
			/* below first: its children move when it dies */
			n += signal_below(child, signo, except, depth + 1,
				last);
			if (signal_child(child, pid, signo, except)) {
				n++;
				if (last != NULL)
					*last = child;
			}
		}
	}
	free(text);
	return n;
}

int os_signal_descendants(int signo, pid_t except, pid_t *last)
{
	return signal_below(getpid(), signo, except, 0, last);
}

static bool environment_has(int proc, const char *mark)
{
	size_t want = strlen(mark) + 1, cap = 262144, n = 0, have = 0;
	bool found = false;
	char *text = malloc(cap);
	int fd = openat(proc, "environ", O_RDONLY | O_CLOEXEC);
	ssize_t r;

	while (fd != -1 && text != NULL && !found &&
	    (r = read(fd, text + have, cap - have)) > 0) {
		have += (size_t)r;
		/* entries are NUL-ended; ours starts one */
		for (n = 0; n + want <= have; ) {
			if (memcmp(text + n, mark, want) == 0) {
				found = true;
				break;
			}
			n += strnlen(text + n, have - n) + 1;
		}
		if (have == cap) {
			char *more = realloc(text, cap * 2);

			if (more == NULL)
				break;
			text = more;
			cap *= 2;
		}
	}
	if (fd != -1)
		close(fd);
	free(text);
	return found;
}

static bool holds_file(int proc, const struct os_file *file, int nfiles)
{
	int dirfd = openat(proc, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct dirent *e;
	struct stat st;
	bool found = false;
	DIR *dir;
	int i;

	if (dirfd == -1)
		return false;
	dir = fdopendir(dirfd);
	if (dir == NULL) {
		close(dirfd);
		return false;
	}
	while (!found && (e = readdir(dir)) != NULL) {
		/* the link's own mode tells how it was opened; readers of a
		 * log (tail -f) are nobody's leftovers */
		if (e->d_name[0] == '.' ||
		    fstatat(dirfd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
		    !(st.st_mode & S_IWUSR) ||
		    fstatat(dirfd, e->d_name, &st, 0) != 0)
			continue;
		for (i = 0; i < nfiles; i++)
			found |= st.st_dev == file[i].dev &&
				st.st_ino == file[i].ino;
	}
	closedir(dir);
	return found;
}

int os_kill_marked(const char *mark, const struct os_file *file, int nfiles,
	pid_t spare, pid_t *last)
{
	DIR *dir = opendir("/proc");
	struct dirent *e;
	struct stat st;
	int n = 0;

	if (dir == NULL)
		return 0;
	while ((e = readdir(dir)) != NULL) {
		pid_t pid = (pid_t)strtol(e->d_name, NULL, 10);
		int fd, proc;

		if (pid <= 0 || pid == getpid() || pid == spare)
			continue;
		fd = os_pidfd(pid);
		if (fd == -1)
			continue;
		/* opened after the pidfd: the same process or none */
		proc = openat(dirfd(dir), e->d_name,
			O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (proc != -1 && fstat(proc, &st) == 0 &&
		    (st.st_uid == geteuid() || geteuid() == 0) &&
		    (environment_has(proc, mark) ||
		    holds_file(proc, file, nfiles)) &&
		    os_pidfd_signal(fd, SIGKILL) == 0) {
			n++;
			*last = pid;
		}
		if (proc != -1)
			close(proc);
		close(fd);
	}
	closedir(dir);
	return n;
}

const char *os_network_fs(int fd)
{
	/* magic numbers: statfs(2), linux/magic.h */
	static const struct { unsigned long magic; const char *name; } net[] = {
		{ 0x6969, "nfs" }, { 0xff534d42, "cifs" },
		{ 0xfe534d42, "smb2" }, { 0x517b, "smb" }, { 0x564c, "ncp" },
		{ 0x5346414f, "afs" }, { 0x73757245, "coda" },
		{ 0x01021997, "9p" }, { 0x00c36400, "ceph" },
		{ 0x65735546, "fuse" }, { 0x0bd00bd0, "lustre" },
	};
	struct statfs fs;
	size_t i;

	if (fstatfs(fd, &fs) != 0)
		return NULL;
	for (i = 0; i < sizeof(net) / sizeof(net[0]); i++)
		if (((unsigned long)fs.f_type & 0xffffffff) == net[i].magic)
			return net[i].name;
	return NULL;
}
