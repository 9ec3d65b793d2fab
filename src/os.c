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
#include "mem.h"

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

void os_hurry(bool yes)
{
	struct sched_param rt = { .sched_priority = 1 }, other = { 0 };
	static bool hurries;

	if (yes)
		/* whoever has chosen another policy has had his reasons */
		hurries = sched_getscheduler(0) == SCHED_OTHER &&
			sched_setscheduler(0, SCHED_RR | SCHED_RESET_ON_FORK,
			&rt) == 0;
	else if (hurries)
		(void)sched_setscheduler(0, SCHED_OTHER, &other);
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

pid_t os_parent(pid_t pid)
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
	if (os_parent(pid) == parent &&
	    (except == 0 || getpgid(pid) != except))
		done = os_pidfd_signal(fd, signo) == 0;
	close(fd);
	return done;
}

static bool is_spared(pid_t pid, const struct os_pids *spare)
{
	size_t i;

	for (i = 0; spare != NULL && i < spare->n; i++)
		if (spare->v[i] == pid)
			return true;
	return false;
}

/* The kernel's list of the children of pid, to be freed; NULL: none. Of the
 * first thread only: what a step's threads fork is found once it is orphaned. */
static char *children_of(pid_t pid, int depth)
{
	/* Deeper than any sane tree; whoever kills comes back for what hangs
	 * below, as orphans move up. */
	enum { DEEPEST = 64 };
	const size_t size = 16384;
	char path[64], *text = depth <= DEEPEST ? malloc(size) : NULL;

	snprintf(path, sizeof(path), "/proc/%ld/task/%ld/children", (long)pid,
		(long)pid);
	if (text != NULL && read_proc(AT_FDCWD, path, text, size) > 0)
		return text;
	free(text);
	return NULL;
}

/* The next of that list, at *at; 0: there is no more. Without the spared. */
static pid_t next_child(char **at, const struct os_pids *spare)
{
	char *end;
	pid_t child;

	while (*at != NULL) {
		child = (pid_t)strtol(*at, &end, 10);
		if (end == *at || child <= 0)
			break;
		*at = end;
		if (!is_spared(child, spare))
			return child;
	}
	return 0;
}

static int signal_below(pid_t pid, int signo, pid_t except,
	const struct os_pids *spare, int depth, pid_t *last)
{
	char *text = children_of(pid, depth), *at = text;
	pid_t child;
	int n = 0;

	while ((child = next_child(&at, spare)) != 0) {
		/* below first: its children move when it dies */
		n += signal_below(child, signo, except, NULL, depth + 1, last);
		if (signal_child(child, pid, signo, except)) {
			n++;
			if (last != NULL)
				*last = child;
		}
	}
	free(text);
	return n;
}

int os_signal_descendants(int signo, pid_t except,
	const struct os_pids *spare, pid_t *last)
{
	return signal_below(getpid(), signo, except, spare, 0, last);
}

/* What /proc/PID/status says of this name; "": nothing. */
static const char *status_line(const char *text, const char *name)
{
	const char *p = strstr(text, name);

	return p != NULL ? p + strlen(name) : "";
}

static bool is_pending(const char *text, const char *name, int signo)
{
	return strtoull(status_line(text, name), NULL, 16) >> (signo - 1) & 1;
}

/* In do_exit(), where signals are dropped: the flags of proc(5), field 9. */
static bool is_exiting(pid_t pid)
{
	enum { EXITING = 0x4 };	/* PF_EXITING of the kernel */
	char path[64], text[1024];
	unsigned flags = EXITING;
	const char *p;

	snprintf(path, sizeof(path), "/proc/%ld/stat", (long)pid);
	p = stat_fields(path, text, sizeof(text));
	if (p != NULL)
		(void)sscanf(p, "%*c %*d %*d %*d %*d %*d %u", &flags);
	return flags & EXITING;
}

/* SIGSTOP to pid if its parent is still `parent`. True: nobody had done so, or
 * killed it. Not whether it has stopped, for which it may have to wait for a
 * processor: with the signal pending it does not fork any more. */
static bool stop_child(pid_t pid, pid_t parent, pid_t except)
{
	char path[64], text[4096];
	int fd = os_pidfd(pid);
	bool found = false;

	if (fd == -1)
		return false;
	snprintf(path, sizeof(path), "/proc/%ld/status", (long)pid);
	if (read_proc(AT_FDCWD, path, text, sizeof(text)) > 0 &&
	    strtol(status_line(text, "\nPPid:\t"), NULL, 10) == parent &&
	    strchr("TtZX", *status_line(text, "\nState:\t")) == NULL &&
	    !is_pending(text, "\nShdPnd:\t", SIGSTOP) &&
	    !is_pending(text, "\nSigPnd:\t", SIGKILL) &&
	    (except == 0 || getpgid(pid) != except) && !is_exiting(pid))
		found = os_pidfd_signal(fd, SIGSTOP) == 0;
	close(fd);
	return found;
}

static int stop_below(pid_t pid, pid_t except, const struct os_pids *spare,
	int depth)
{
	char *text = children_of(pid, depth), *at = text;
	pid_t child;
	int n = 0;

	while ((child = next_child(&at, spare)) != 0) {
		n += stop_child(child, pid, except);
		/* what it had forked before is in its list now */
		n += stop_below(child, except, NULL, depth + 1);
	}
	free(text);
	return n;
}

int os_stop_descendants(pid_t except, const struct os_pids *spare)
{
	return stop_below(getpid(), except, spare, 0);
}

void os_children(struct os_pids *pids)
{
	char *text = children_of(getpid(), 0), *at = text;
	pid_t child;
	size_t n = 1;

	pids->v = NULL;
	pids->n = 0;
	for (; at != NULL && *at != '\0'; at++)
		n += *at == ' ';
	if (text != NULL)
		pids->v = malloc(n * sizeof(*pids->v));
	at = text;
	while (pids->v != NULL && (child = next_child(&at, NULL)) != 0)
		pids->v[pids->n++] = child;
	free(text);
}

bool os_runs(pid_t pid)
{
	char path[64], text[1024];
	const char *p;

	snprintf(path, sizeof(path), "/proc/%ld/stat", (long)pid);
	p = stat_fields(path, text, sizeof(text));
	return p != NULL && p[0] != 'Z' && p[0] != 'X';
}

static bool environment_has(int proc, const char *mark)
{
	size_t len = strlen(mark), cap = 262144, n = 0, have = 0;
	/* its NUL, too, but of a directory */
	size_t want = len + (mark[len - 1] != '/');
	bool found = false;
	char *text = mem_alloc(cap);
	int fd = openat(proc, "environ", O_RDONLY | O_CLOEXEC);
	ssize_t r;

	while (fd != -1 && !found &&
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
			cap *= 2;
			text = mem_resize(text, cap);
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
	dir = mem_of(fdopendir(dirfd));
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
	/* who cannot be looked for must not count as gone */
	DIR *dir = mem_of(opendir("/proc"));
	struct dirent *e;
	struct stat st;
	int n = 0;

	if (dir == NULL)
		return -1;
	while ((e = readdir(dir)) != NULL) {
		pid_t pid = (pid_t)strtol(e->d_name, NULL, 10);
		int fd, proc;

		if (pid <= 0 || pid == getpid() || pid == spare)
			continue;
		fd = os_pidfd(pid);
		if (fd == -1 && (errno == EMFILE || errno == ENFILE)) {
			closedir(dir);
			return -1;
		}
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
