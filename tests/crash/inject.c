/* SPDX-License-Identifier: ISC */
/*
 * inject: run a command and let something happen at the N-th system call.
 *
 * inject [OPTIONS] -- COMMAND [ARG ...]
 *   -e EXE       only calls of processes of this executable count
 *   -r ROLE      and only of this one: supervisor (the COMMAND itself), keeper
 *                (it calls itself so), call (`durexec step`); default: all
 *   -s CALLS     and only these, "write,fdatasync"; default: all that a later
 *                run or another process can see the effect of
 *   -n N         at the N-th of them, before it takes effect (0: never) ...
 *   -a ACTION    kill self|supervisor|keepers|calls|durexec|all
 *                error ERRNO      the call fails with that number, nothing done
 *                errors ERRNO     so do all that follow
 *                short            it is given a part of its bytes only
 *   -d DIR       then the file system of DIR is shut down (FS_IOC_SHUTDOWN
 *                without a flush of its log): what was not durable is gone
 *   -x COMMAND   then run this with sh, and keep the survivors stopped
 *   -m MS        for so long
 *   -o FILE      what happened, a line each: "pid N" of COMMAND, "point ROLE
 *                CALL PATH", "exit STATUS" as soon as COMMAND ended (128+n for
 *                a signal), "points N", "ran STATUS" for -x
 *   -v           every point is written there
 *
 * It ends when every process that came from COMMAND is gone. Made with
 * ptrace(2) and a seccomp filter (SECCOMP_RET_TRACE), so that calls that do not
 * count cost nothing. x86-64 only.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define FS_IOC_SHUTDOWN _IOR('X', 125, uint32_t)

enum { ALWAYS = 1 };

static const struct call {
	const char *name;
	int nr;
	int effect;		/* counts without -s */
} calls[] = {
	{ "write", SYS_write, ALWAYS }, { "writev", SYS_writev, ALWAYS },
	{ "pwrite64", SYS_pwrite64, ALWAYS },
	{ "sendfile", SYS_sendfile, ALWAYS }, { "splice", SYS_splice, ALWAYS },
	{ "copy_file_range", SYS_copy_file_range, ALWAYS },
	{ "fsync", SYS_fsync, ALWAYS }, { "fdatasync", SYS_fdatasync, ALWAYS },
	{ "rename", SYS_rename, ALWAYS }, { "renameat", SYS_renameat, ALWAYS },
	{ "renameat2", SYS_renameat2, ALWAYS },
	{ "link", SYS_link, ALWAYS }, { "linkat", SYS_linkat, ALWAYS },
	{ "symlink", SYS_symlink, ALWAYS },
	{ "symlinkat", SYS_symlinkat, ALWAYS },
	{ "unlink", SYS_unlink, ALWAYS }, { "unlinkat", SYS_unlinkat, ALWAYS },
	{ "mkdir", SYS_mkdir, ALWAYS }, { "mkdirat", SYS_mkdirat, ALWAYS },
	{ "rmdir", SYS_rmdir, ALWAYS },
	{ "ftruncate", SYS_ftruncate, ALWAYS },
	{ "fallocate", SYS_fallocate, ALWAYS },
	{ "open", SYS_open, ALWAYS }, { "openat", SYS_openat, ALWAYS },
	{ "chmod", SYS_chmod, ALWAYS }, { "fchmod", SYS_fchmod, ALWAYS },
	{ "fork", SYS_fork, ALWAYS }, { "vfork", SYS_vfork, ALWAYS },
	{ "clone", SYS_clone, ALWAYS }, { "clone3", SYS_clone3, ALWAYS },
	{ "execve", SYS_execve, ALWAYS },
	{ "kill", SYS_kill, ALWAYS },
	{ "pidfd_send_signal", SYS_pidfd_send_signal, ALWAYS },
	{ "flock", SYS_flock, ALWAYS }, { "fcntl", SYS_fcntl, 0 },
	{ "socket", SYS_socket, 0 }, { "socketpair", SYS_socketpair, 0 },
	{ "bind", SYS_bind, ALWAYS }, { "listen", SYS_listen, 0 },
	{ "connect", SYS_connect, 0 },
	{ "accept4", SYS_accept4, 0 },
	{ "sendto", SYS_sendto, ALWAYS }, { "sendmsg", SYS_sendmsg, ALWAYS },
	{ "recvfrom", SYS_recvfrom, 0 }, { "recvmsg", SYS_recvmsg, 0 },
	{ "read", SYS_read, 0 }, { "pread64", SYS_pread64, 0 },
	{ "getdents64", SYS_getdents64, 0 },
	{ "fstat", SYS_fstat, 0 }, { "newfstatat", SYS_newfstatat, 0 },
	{ "mmap", SYS_mmap, 0 },
	{ "memfd_create", SYS_memfd_create, 0 },
	{ "epoll_create1", SYS_epoll_create1, 0 },
	{ "eventfd2", SYS_eventfd2, 0 }, { "timerfd_create",
		SYS_timerfd_create, 0 },
	{ "inotify_init1", SYS_inotify_init1, 0 },
	{ "pidfd_open", SYS_pidfd_open, 0 },
	{ "dup", SYS_dup, 0 }, { "pipe2", SYS_pipe2, 0 },
	{ "setsid", SYS_setsid, ALWAYS },
	{ "wait4", SYS_wait4, ALWAYS }, { "waitid", SYS_waitid, ALWAYS },
	{ "close", SYS_close, 0 },
	{ "poll", SYS_poll, 0 }, { "ppoll", SYS_ppoll, 0 },
	{ "exit_group", SYS_exit_group, ALWAYS },
};
enum { NCALLS = sizeof(calls) / sizeof(calls[0]) };

enum role { SUPERVISOR, KEEPER, CALL, OTHER, NOT_OURS, UNKNOWN };
static const char *const role_names[] = {
	"supervisor", "keeper", "call", "other", "none",
};

struct proc {
	pid_t pid;
	enum role role;
};
static struct proc *procs;
static size_t nprocs;

static pid_t root, runner;
static struct stat exe;
static bool wanted[NCALLS];
static enum role only = UNKNOWN;
static long at, count, hold_ms;
static const char *action = "", *victim = "", *then, *shut;
static int error_nr;
static bool fired, verbose, root_gone;
static int out = STDOUT_FILENO;

static void die(const char *what)
{
	fprintf(stderr, "inject: %s: %s\n", what, strerror(errno));
	exit(99);
}

static struct proc *find(pid_t pid)
{
	for (size_t i = 0; i < nprocs; i++)
		if (procs[i].pid == pid)
			return &procs[i];
	procs = realloc(procs, (nprocs + 1) * sizeof(*procs));
	if (procs == NULL)
		die("realloc");
	procs[nprocs] = (struct proc){ .pid = pid, .role = UNKNOWN };
	return &procs[nprocs++];
}

static void forget(pid_t pid)
{
	for (size_t i = 0; i < nprocs; i++)
		if (procs[i].pid == pid) {
			procs[i] = procs[--nprocs];
			return;
		}
}

static ssize_t proc_file(pid_t pid, const char *name, char *to, size_t size)
{
	char path[64];
	ssize_t n = -1;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd != -1) {
		n = read(fd, to, size - 1);
		close(fd);
	}
	to[n > 0 ? n : 0] = '\0';
	return n;
}

static enum role role_of(pid_t pid)
{
	char path[64], text[256];
	struct stat st;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	if (stat(path, &st) == -1 || st.st_dev != exe.st_dev ||
	    st.st_ino != exe.st_ino)
		return NOT_OURS;
	if (pid == root)
		return SUPERVISOR;
	n = proc_file(pid, "cmdline", text, sizeof(text));
	if (strncmp(text, "durexec-keeper", 14) == 0)
		return KEEPER;
	if (n > 0 && strlen(text) + 1 < (size_t)n &&
	    strcmp(text + strlen(text) + 1, "step") == 0)
		return CALL;
	return OTHER;
}

static bool is_victim(const struct proc *p, pid_t self)
{
	if (strcmp(victim, "all") == 0)
		return true;
	if (strcmp(victim, "self") == 0)
		return p->pid == self;
	if (strcmp(victim, "supervisor") == 0)
		return p->pid == root;
	if (strcmp(victim, "keepers") == 0)
		return role_of(p->pid) == KEEPER;
	if (strcmp(victim, "calls") == 0)
		return role_of(p->pid) == CALL;
	return role_of(p->pid) != NOT_OURS;
}

static void pause_ms(long ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000 };

	while (nanosleep(&t, &t) == -1 && errno == EINTR)
		;
}

static void run_then(void)
{
	for (size_t i = 0; i < nprocs; i++)
		ptrace(PTRACE_INTERRUPT, procs[i].pid, 0, 0);
	runner = fork();
	if (runner == -1)
		die("fork");
	if (runner == 0) {
		execl("/bin/sh", "sh", "-c", then, (char *)NULL);
		_exit(127);
	}
	/* the survivors stand still: nobody looks after their stops */
	pause_ms(hold_ms);
}

static void shut_down(void)
{
	uint32_t how = 2;
	int fd = open(shut, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd == -1 || ioctl(fd, FS_IOC_SHUTDOWN, &how) == -1)
		die(shut);
	close(fd);
}

/* p is stopped at the point, before the call */
static void happen(struct proc *p, struct user_regs_struct *regs)
{
	pid_t self = p->pid;

	if (shut != NULL)
		shut_down();
	if (strcmp(action, "kill") == 0) {
		for (size_t i = 0; i < nprocs; i++)
			if (is_victim(&procs[i], self))
				kill(procs[i].pid, SIGKILL);
	} else if (error_nr != 0) {
		regs->orig_rax = (unsigned long long)-1;
		regs->rax = (unsigned long long)-error_nr;
		ptrace(PTRACE_SETREGS, self, 0, regs);
	} else if (strcmp(action, "short") == 0 && regs->rdx > 1) {
		regs->rdx /= 2;
		ptrace(PTRACE_SETREGS, self, 0, regs);
	}
	if (then != NULL)
		run_then();
}

static const struct call *call_of(long nr)
{
	for (int i = 0; i < NCALLS; i++)
		if (calls[i].nr == nr)
			return wanted[i] ? &calls[i] : NULL;
	return NULL;
}

/* "point ROLE CALL PATH": of the descriptor, where the call has one */
static void tell(const struct proc *p, const struct call *call,
	unsigned long long fd)
{
	char link[64], path[4096] = "";
	ssize_t n = -1;

	if (call->nr == SYS_write || call->nr == SYS_fsync ||
	    call->nr == SYS_fdatasync || call->nr == SYS_ftruncate) {
		snprintf(link, sizeof(link), "/proc/%d/fd/%d", p->pid, (int)fd);
		n = readlink(link, path, sizeof(path) - 1);
	}
	path[n > 0 ? n : 0] = '\0';
	dprintf(out, "point %s %s %s\n", role_names[p->role], call->name,
		path);
}

static void point(struct proc *p)
{
	struct user_regs_struct regs;
	const struct call *call;

	if (p->role == UNKNOWN)
		p->role = role_of(p->pid);
	if (p->role == NOT_OURS || (only != UNKNOWN && p->role != only))
		return;
	if (ptrace(PTRACE_GETREGS, p->pid, 0, &regs) == -1)
		return;
	call = call_of((long)regs.orig_rax);
	if (call == NULL)
		return;
	count++;
	if (verbose)
		tell(p, call, regs.rdi);
	if (count != at && !(fired && strcmp(action, "errors") == 0))
		return;
	if (!fired && !verbose)
		tell(p, call, regs.rdi);
	fired = true;
	happen(p, &regs);
}

static void ended(pid_t pid, int status)
{
	int code = WIFEXITED(status) ? WEXITSTATUS(status) :
		128 + WTERMSIG(status);

	if (pid == runner) {
		dprintf(out, "ran %d\n", code);
		return;
	}
	forget(pid);
	if (pid == root && !root_gone) {
		root_gone = true;
		dprintf(out, "exit %d\n", code);
	}
}

static void stopped(pid_t pid, int status)
{
	struct proc *p = find(pid);
	int sig = WSTOPSIG(status), event = status >> 16;
	int how = PTRACE_CONT;

	if (event == PTRACE_EVENT_STOP) {
		if (sig == SIGSTOP || sig == SIGTSTP || sig == SIGTTIN ||
		    sig == SIGTTOU)
			how = PTRACE_LISTEN;
		sig = 0;
	} else if (event == PTRACE_EVENT_SECCOMP) {
		point(p);
		sig = 0;
	} else if (event != 0) {
		if (event == PTRACE_EVENT_EXEC)
			p->role = UNKNOWN;
		sig = 0;
	}
	ptrace(how, pid, 0, sig);
}

/* in the child: what counts is traced, everything else goes its way */
static void filter(void)
{
	struct sock_filter code[NCALLS + 8];
	struct sock_fprog prog = { .filter = code };
	size_t n = 0, left = 0;

	for (int i = 0; i < NCALLS; i++)
		left += wanted[i];
	code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
		offsetof(struct seccomp_data, nr));
	for (int i = 0; i < NCALLS; i++)
		if (wanted[i])
			code[n++] = (struct sock_filter)BPF_JUMP(
				BPF_JMP | BPF_JEQ | BPF_K, calls[i].nr,
				left--, 0);
	code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K,
		SECCOMP_RET_ALLOW);
	code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K,
		SECCOMP_RET_TRACE);
	prog.len = n;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) == -1)
		die("seccomp");
}

static void choose(char *names)
{
	memset(wanted, 0, sizeof(wanted));
	for (char *s = strtok(names, ","); s != NULL; s = strtok(NULL, ",")) {
		int i = 0;

		while (i < NCALLS && strcmp(calls[i].name, s) != 0)
			i++;
		if (i == NCALLS) {
			fprintf(stderr, "inject: no call %s\n", s);
			exit(99);
		}
		wanted[i] = true;
	}
}

static void options(int argc, char **argv)
{
	int c;

	for (int i = 0; i < NCALLS; i++)
		wanted[i] = calls[i].effect == ALWAYS;
	while ((c = getopt(argc, argv, "+e:r:s:n:a:d:x:m:o:v")) != -1)
		switch (c) {
		case 'e':
			if (stat(optarg, &exe) == -1)
				die(optarg);
			break;
		case 'r':
			for (int i = SUPERVISOR; i <= OTHER; i++)
				if (strcmp(optarg, role_names[i]) == 0)
					only = (enum role)i;
			break;
		case 's': choose(optarg); break;
		case 'n': at = atol(optarg); break;
		case 'a':
			action = strtok(optarg, " ");
			victim = strtok(NULL, "");
			victim = victim != NULL ? victim : "";
			if (strncmp(action, "error", 5) == 0)
				error_nr = atoi(victim);
			break;
		case 'd': shut = optarg; break;
		case 'x': then = optarg; break;
		case 'm': hold_ms = atol(optarg); break;
		case 'o':
			out = open(optarg, O_WRONLY | O_CREAT | O_APPEND |
				O_CLOEXEC, 0600);
			if (out == -1)
				die(optarg);
			break;
		case 'v': verbose = true; break;
		default: exit(99);
		}
	if (optind == argc || exe.st_ino == 0) {
		fputs("inject -e EXE [OPTIONS] -- COMMAND\n", stderr);
		exit(99);
	}
}

int main(int argc, char **argv)
{
	int gate[2], status;
	char byte;
	pid_t pid;

	options(argc, argv);
	if (pipe2(gate, O_CLOEXEC) == -1 || (root = fork()) == -1)
		die("fork");
	if (root == 0) {
		close(gate[1]);
		(void)!read(gate[0], &byte, 1);
		filter();
		execvp(argv[optind], argv + optind);
		_exit(127);
	}
	if (ptrace(PTRACE_SEIZE, root, 0, PTRACE_O_TRACESECCOMP |
	    PTRACE_O_TRACEEXEC | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
	    PTRACE_O_TRACECLONE | PTRACE_O_EXITKILL) == -1)
		die("ptrace");
	find(root);
	dprintf(out, "pid %d\n", (int)root);
	close(gate[0]);
	close(gate[1]);
	while ((pid = waitpid(-1, &status, __WALL)) != -1 || errno == EINTR)
		if (WIFSTOPPED(status))
			stopped(pid, status);
		else
			ended(pid, status);
	dprintf(out, "points %ld\n", count);
	return 0;
}
