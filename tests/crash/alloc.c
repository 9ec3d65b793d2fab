/* SPDX-License-Identifier: ISC */
/*
 * alloc: for LD_PRELOAD: the N-th allocation of durexec fails, as if there were
 * no memory. Between its processes they are counted together, in a file:
 *
 *	ALLOC_FILE	8-byte numbers, least first: allocations so far; how
 *			many failed; then, of each, what it stands for: a hash
 *			of where the process was
 *	ALLOC_ROLE	supervisor, keeper, call (`durexec step`), or settle
 *			(what looks after a step's outputs)
 *	ALLOC_AT	N; 0: none
 *	ALLOC_THEN	"on": so do all that follow
 *
 * What the loader and the C library allocate before main() does not count, nor
 * do other programs. The C library's own allocations go through here, too.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <regex.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* glibc's own */
extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);

enum { MOST = 1 << 16 };

static struct shared {
	_Atomic uint64_t count, failed;
	uint64_t where[MOST];
} *shared;

static uint64_t at;
static bool then_on, whole;
static uintptr_t text, text_end;

/* Its own code lies there: the first mapping is its own, as the program is
 * position-independent. */
static void find_text(void)
{
	char line[64], *end;
	int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd != -1 ? read(fd, line, sizeof(line) - 1) : -1;

	if (fd != -1)
		close(fd);
	if (n <= 0)
		return;
	line[n] = '\0';
	text = strtoul(line, &end, 16);
	text_end = text + (1 << 20);
}

static const char *role_of(int argc, char **argv)
{
	const char *name, *slash;

	if (argc < 2)
		return "";
	slash = strrchr(argv[0], '/');
	name = slash != NULL ? slash + 1 : argv[0];
	if (strcmp(name, "durexec-keeper") == 0)
		return "keeper";
	if (strcmp(name, "durexec-settle") == 0)
		return "settle";
	if (strcmp(name, "durexec") != 0)
		return "";
	return strcmp(argv[1], "step") == 0 ? "call" : "supervisor";
}

__attribute__((constructor))
static void begin(int argc, char **argv, char **envp)
{
	const char *file = getenv("ALLOC_FILE"), *role = getenv("ALLOC_ROLE");
	const char *n = getenv("ALLOC_AT"), *then = getenv("ALLOC_THEN");
	void *map;
	int fd;

	(void)envp;
	if (file == NULL || role == NULL || n == NULL ||
	    strcmp(role, role_of(argc, argv)) != 0)
		return;
	fd = open(file, O_RDWR | O_CLOEXEC);
	if (fd == -1)
		return;
	map = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED,
		fd, 0);
	close(fd);
	if (map == MAP_FAILED)
		return;
	at = strtoul(n, NULL, 10);
	then_on = then != NULL && strcmp(then, "on") == 0;
	find_text();
	shared = map;
}

/* Of the return addresses nearest on the stack. There are no tables for
 * unwinding it: whatever looks like one counts. */
static uint64_t where(void)
{
	enum { WORDS = 96, FRAMES = 6 };
	uintptr_t *stack = __builtin_frame_address(0), word;
	uint64_t h = 0xcbf29ce484222325ull;
	int found = 0;

	for (int i = 0; i < WORDS && found < FRAMES; i++) {
		word = stack[i];
		if (word < text || word >= text_end)
			continue;
		h = (h ^ (word - text)) * 0x100000001b3ull;
		found++;
	}
	return h;
}

static bool fails(void)
{
	uint64_t n;

	if (shared == NULL || whole)
		return false;
	n = atomic_fetch_add(&shared->count, 1) + 1;
	if (at == 0 && n <= MOST)
		shared->where[n - 1] = where();
	if (at == 0 || n < at || (n > at && !then_on))
		return false;
	atomic_fetch_add(&shared->failed, 1);
	errno = ENOMEM;
	return true;
}

/*
 * glibc's (2.36) frees twice when it runs out of memory at its end, and aborts:
 * that is not ours to prove. So it is one allocation, which fails as a whole.
 */
int regcomp(regex_t *re, const char *regex, int flags)
{
	static int (*real)(regex_t *, const char *, int);
	int err;

	if (fails())
		return REG_ESPACE;
	whole = true;
	if (real == NULL)
		*(void **)&real = dlsym(RTLD_NEXT, "regcomp");
	err = real(re, regex, flags);
	whole = false;
	return err;
}

void *malloc(size_t n)
{
	return fails() ? NULL : __libc_malloc(n);
}

void *calloc(size_t n, size_t size)
{
	return fails() ? NULL : __libc_calloc(n, size);
}

void *realloc(void *p, size_t n)
{
	return n != 0 && fails() ? NULL : __libc_realloc(p, n);
}

void *reallocarray(void *p, size_t n, size_t size)
{
	size_t all;

	if (__builtin_mul_overflow(n, size, &all)) {
		errno = ENOMEM;
		return NULL;
	}
	return realloc(p, all);
}

void *aligned_alloc(size_t align, size_t n)
{
	return fails() ? NULL : __libc_memalign(align, n);
}

int posix_memalign(void **p, size_t align, size_t n)
{
	void *got = fails() ? NULL : __libc_memalign(align, n);

	if (got == NULL)
		return ENOMEM;
	*p = got;
	return 0;
}
